/*
 * A queue, a lock and a condition; nothing clever.
 */
#include "rpc_workers.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

struct dz_workers {
    dz_work *work;
    void *context;
    pthread_mutex_t queue_lock; /* guards first, last and stop */
    pthread_cond_t queue_changed;
    dz_job *first;
    dz_job *last;
    bool stop;
    size_t count;
    pthread_t threads[];
};

static void *worker_main(void *arg);
static dz_job *take_job(dz_workers *workers);
static dozan_status start_threads(dz_workers *workers, size_t count, dozan_error *err);

dozan_status dz_workers_create(size_t count, dz_work *work, void *context, dz_workers **workers,
                               dozan_error *err)
{
    dz_workers *made = calloc(1, sizeof(*made) + count * sizeof(made->threads[0]));
    if (made == NULL)
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "no memory for workers");
    made->work = work;
    made->context = context;
    (void)pthread_mutex_init(&made->queue_lock, NULL);
    (void)pthread_cond_init(&made->queue_changed, NULL);
    dozan_status status = start_threads(made, count, err);
    if (status == DOZAN_OK)
        *workers = made;
    else
        dz_workers_destroy(made);
    return status;
}

void dz_workers_destroy(dz_workers *workers)
{
    if (workers == NULL)
        return;
    (void)pthread_mutex_lock(&workers->queue_lock);
    workers->stop = true;
    (void)pthread_cond_broadcast(&workers->queue_changed);
    (void)pthread_mutex_unlock(&workers->queue_lock);
    for (size_t i = 0; i < workers->count; i++)
        (void)pthread_join(workers->threads[i], NULL);
    (void)pthread_cond_destroy(&workers->queue_changed);
    (void)pthread_mutex_destroy(&workers->queue_lock);
    free(workers);
}

void dz_workers_push(dz_workers *workers, dz_job *job)
{
    job->next = NULL;
    (void)pthread_mutex_lock(&workers->queue_lock);
    if (workers->first == NULL)
        workers->first = job;
    else
        workers->last->next = job;
    workers->last = job;
    (void)pthread_mutex_unlock(&workers->queue_lock);
    (void)pthread_cond_signal(&workers->queue_changed);
}

/* Signals are the main program's: no worker takes one. */
static dozan_status start_threads(dz_workers *workers, size_t count, dozan_error *err)
{
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_BLOCK, &all, &before);
    int number = 0;
    while (workers->count < count && number == 0) {
        number = pthread_create(&workers->threads[workers->count], NULL, worker_main, workers);
        if (number == 0)
            workers->count++;
    }
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (number == 0)
        return DOZAN_OK;
    return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL,
                           "cannot start worker thread %zu of %zu (error %d)", workers->count + 1,
                           count, number);
}

static void *worker_main(void *arg)
{
    dz_workers *workers = arg;
    for (dz_job *job = take_job(workers); job != NULL; job = take_job(workers))
        workers->work(workers->context, job);
    return NULL;
}

/* NULL when the workers stop and nothing is left. A job that a worker pushes while the others have
 * left already is taken by that worker itself. */
static dz_job *take_job(dz_workers *workers)
{
    (void)pthread_mutex_lock(&workers->queue_lock);
    while (workers->first == NULL && !workers->stop)
        (void)pthread_cond_wait(&workers->queue_changed, &workers->queue_lock);
    dz_job *job = workers->first;
    if (job != NULL)
        workers->first = job->next;
    (void)pthread_mutex_unlock(&workers->queue_lock);
    return job;
}
