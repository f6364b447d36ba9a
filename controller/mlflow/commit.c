#include "mlflow/commit.h"

#include <pthread.h>
#include <stdlib.h>

typedef struct job {
    dz_track_call *call;
    const cJSON *arguments;
    dz_json *out;
    dozan_error *err;
    dozan_status status;
    bool done;
    struct job *next;
} job;

struct dz_commit {
    dz_track *track;      /* of the thread that writes */
    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t changed;
    job *first, *last;
    bool writing;
};

static void write_jobs(dz_track *track, job *jobs);

dozan_status dz_commit_create(const char *db_path, dz_durability durability, dz_commit **commit,
                              dozan_error *err)
{
    dz_commit *made = calloc(1, sizeof(*made));
    if (made == NULL)
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    dozan_status status = dz_track_open(db_path, DZ_STORE_WRITE, durability, &made->track, err);
    if (status != DOZAN_OK) {
        free(made);
        return status;
    }
    (void)pthread_mutex_init(&made->lock, NULL);
    (void)pthread_cond_init(&made->changed, NULL);
    *commit = made;
    return DOZAN_OK;
}

void dz_commit_destroy(dz_commit *commit)
{
    if (commit == NULL)
        return;
    dz_track_close(commit->track);
    (void)pthread_cond_destroy(&commit->changed);
    (void)pthread_mutex_destroy(&commit->lock);
    free(commit);
}

dozan_status dz_commit_run(dz_commit *commit, dz_track_call *call, const cJSON *arguments,
                           dz_json *out, dozan_error *err)
{
    job mine = {.call = call, .arguments = arguments, .out = out, .err = err};
    (void)pthread_mutex_lock(&commit->lock);
    if (commit->last != NULL)
        commit->last->next = &mine;
    else
        commit->first = &mine;
    commit->last = &mine;
    while (!mine.done && commit->writing)
        (void)pthread_cond_wait(&commit->changed, &commit->lock);
    if (!mine.done) {
        job *jobs = commit->first;
        commit->first = commit->last = NULL;
        commit->writing = true;
        (void)pthread_mutex_unlock(&commit->lock);
        write_jobs(commit->track, jobs);
        (void)pthread_mutex_lock(&commit->lock);
        commit->writing = false;
        for (job *item = jobs, *next; item != NULL; item = next) {
            next = item->next;
            item->done = true; /* its thread may go on as soon as the lock is free */
        }
        (void)pthread_cond_broadcast(&commit->changed);
    }
    (void)pthread_mutex_unlock(&commit->lock);
    return mine.status;
}

static void write_jobs(dz_track *track, job *jobs)
{
    dozan_error err = {0};
    dozan_status status = dz_track_begin(track, &err);
    for (job *item = jobs; item != NULL && status == DOZAN_OK; item = item->next)
        item->status = dz_track_within(track, item->call, item->arguments, item->out, item->err);
    if (status == DOZAN_OK)
        status = dz_track_end(track, DOZAN_OK, &err);
    for (job *item = jobs; item != NULL && status != DOZAN_OK; item = item->next) {
        item->status = status;
        if (item->err != NULL)
            *item->err = err;
    }
}
