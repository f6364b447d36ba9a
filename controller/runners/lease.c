#include "runners/lease.h"

#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <uthash.h>

enum { LOOK_MS = 250, DEFAULT_LEASE_MS = 60000 };

/* A job that has not ended. */
typedef struct lease {
    struct {
        int64_t experiment, trial;
    } key;
    int32_t attempt;
    int64_t lease_ms;   /* 0 = no worker has it yet */
    int64_t expires_ms; /* of the monotonic clock */
    int64_t timeout_ms; /* 0 = none */
    int64_t deadline_ms;
    bool stopped;
    struct lease *next_over; /* in a list of those that are over */
    dz_end end;              /* of one that is over */
    UT_hash_handle hh;
} lease;

typedef struct lease_runner {
    dz_runner_sink sink;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    lease *leases;
    bool ending, thread_runs;
    pthread_t thread;
} lease_runner;

static dozan_status lease_create(const dz_runner_config *config, const dz_runner_sink *sink,
                                 void **self, dozan_error *err);
static void lease_destroy(void *self);
static dozan_status lease_capacity(void *self, dz_capacity *capacity, dozan_error *err);
static dozan_status lease_start(void *self, const dz_job *job, dozan_error *err);
static dozan_status lease_stop(void *self, const dz_job_id *id, dozan_error *err);

/* To adopt is to start: the loop begins the lease of what a worker has already. */
const dz_runner_ops dz_runner_lease = {
    .name = "lease",
    .create = lease_create,
    .destroy = lease_destroy,
    .capacity = lease_capacity,
    .start = lease_start,
    .stop = lease_stop,
    .adopt = lease_start,
};

static bool make_thread(lease_runner *runner);
static void *watch(void *user);
static lease *take_over(lease_runner *runner, int64_t now_ms);
static bool is_over(lease *l, int64_t now_ms);
static void tell_over(lease_runner *runner, lease *over);
static lease *find(lease_runner *runner, const dz_job_id *id);
static void begin(lease *l, int64_t lease_ms, int64_t now_ms);
static dozan_status stale(const dz_job_id *id, const lease *held, dozan_error *err);
static int64_t monotonic_ms(void);
static int64_t wall_ms(void);

/* ---- leases ---------------------------------------------------------------------------------- */

dozan_status dz_lease_begin(void *self, const dz_job_id *id, int64_t lease_ms, dozan_error *err)
{
    lease_runner *runner = self;
    dozan_status status = DOZAN_OK;
    (void)pthread_mutex_lock(&runner->lock);
    lease *l = find(runner, id);
    if (l != NULL && l->attempt == id->attempt && l->lease_ms == 0)
        begin(l, lease_ms, monotonic_ms());
    else
        status = dozan_error_set(err, DOZAN_NOT_FOUND, NULL,
                                 "trial %lld does not wait for a worker", (long long)id->trial);
    (void)pthread_mutex_unlock(&runner->lock);
    return status;
}

dozan_status dz_lease_renew(void *self, const dz_job_id *id, dozan_error *err)
{
    lease_runner *runner = self;
    (void)pthread_mutex_lock(&runner->lock);
    lease *l = find(runner, id);
    dozan_status status = l != NULL && l->attempt == id->attempt && l->lease_ms != 0 && !l->stopped
                              ? DOZAN_OK
                              : stale(id, l, err);
    if (status == DOZAN_OK)
        l->expires_ms = monotonic_ms() + l->lease_ms;
    (void)pthread_mutex_unlock(&runner->lock);
    return status;
}

dozan_status dz_lease_take_back(void *self, const dz_job_id *id, dozan_error *err)
{
    lease_runner *runner = self;
    (void)pthread_mutex_lock(&runner->lock);
    lease *l = find(runner, id);
    dozan_status status = l != NULL && l->attempt == id->attempt && l->lease_ms != 0 && !l->stopped
                              ? DOZAN_OK
                              : stale(id, l, err);
    if (status == DOZAN_OK)
        HASH_DEL(runner->leases, l); /* NOLINT: the analyzer loses track in uthash */
    (void)pthread_mutex_unlock(&runner->lock);
    if (status == DOZAN_OK)
        free(l);
    return status;
}

/* ---- the runner ------------------------------------------------------------------------------ */

static dozan_status lease_create(const dz_runner_config *config, const dz_runner_sink *sink,
                                 void **self, dozan_error *err)
{
    (void)config;
    lease_runner *made = calloc(1, sizeof *made);
    if (made == NULL)
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory for leases");
    made->sink = *sink;
    pthread_condattr_t monotonic;
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_mutex_init(&made->lock, NULL);
    (void)pthread_cond_init(&made->changed, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    if (!make_thread(made)) {
        lease_destroy(made);
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL,
                               "the thread that watches the leases cannot be started");
    }
    *self = made;
    return DOZAN_OK;
}

static void lease_destroy(void *self)
{
    lease_runner *runner = self;
    if (runner == NULL)
        return;
    if (runner->thread_runs) {
        (void)pthread_mutex_lock(&runner->lock);
        runner->ending = true;
        (void)pthread_cond_signal(&runner->changed);
        (void)pthread_mutex_unlock(&runner->lock);
        (void)pthread_join(runner->thread, NULL);
    }
    lease *l, *next;
    HASH_ITER(hh, runner->leases, l, next)
    {
        HASH_DEL(runner->leases, l); /* NOLINT: likewise */
        free(l);
    }
    (void)pthread_cond_destroy(&runner->changed);
    (void)pthread_mutex_destroy(&runner->lock);
    free(runner);
}

/* The workers bring their own machines. */
static dozan_status lease_capacity(void *self, dz_capacity *capacity, dozan_error *err)
{
    (void)self;
    (void)err;
    *capacity = (dz_capacity){.cpu_milli = INT64_MAX / 2, .gpus = 0};
    return DOZAN_OK;
}

static dozan_status lease_start(void *self, const dz_job *job, dozan_error *err)
{
    lease_runner *runner = self;
    lease *made = calloc(1, sizeof *made), *before;
    if (made == NULL)
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory for a lease");
    made->key.experiment = job->id.experiment;
    made->key.trial = job->id.trial;
    made->attempt = job->id.attempt;
    made->timeout_ms = job->timeout_ms;
    made->stopped = job->to_stop;
    (void)pthread_mutex_lock(&runner->lock);
    before = find(runner, &job->id);
    if (before == NULL)
        HASH_ADD(hh, runner->leases, key, sizeof made->key, made);
    (void)pthread_mutex_unlock(&runner->lock);
    if (before != NULL) /* starting it twice starts it once */
        free(made);
    return DOZAN_OK;
}

/* A worker that lives hears of it with its next renewal; nothing is waited for. The end is told by
 * the thread: this one may be the very one that the sink would wait for. */
static dozan_status lease_stop(void *self, const dz_job_id *id, dozan_error *err)
{
    lease_runner *runner = self;
    (void)pthread_mutex_lock(&runner->lock);
    lease *l = find(runner, id);
    bool known = l != NULL && l->attempt == id->attempt;
    if (known) {
        l->stopped = true;
        (void)pthread_cond_signal(&runner->changed);
    }
    (void)pthread_mutex_unlock(&runner->lock);
    return known ? DOZAN_OK
                 : dozan_error_set(err, DOZAN_NOT_FOUND, NULL,
                                   "no worker has the trial, and none waits for it");
}

/* ---- the thread ------------------------------------------------------------------------------ */

/* It takes no signals: those are the main program's. */
static bool make_thread(lease_runner *runner)
{
    sigset_t all, before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    runner->thread_runs = pthread_create(&runner->thread, NULL, watch, runner) == 0;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return runner->thread_runs;
}

static void *watch(void *user)
{
    lease_runner *runner = user;
    (void)pthread_mutex_lock(&runner->lock);
    while (!runner->ending) {
        lease *over = take_over(runner, monotonic_ms());
        if (over == NULL) {
            int64_t until = monotonic_ms() + LOOK_MS;
            struct timespec when = {.tv_sec = until / 1000, .tv_nsec = until % 1000 * 1000000};
            (void)pthread_cond_timedwait(&runner->changed, &runner->lock, &when);
            continue;
        }
        (void)pthread_mutex_unlock(&runner->lock); /* the sink may wait for room */
        tell_over(runner, over);
        (void)pthread_mutex_lock(&runner->lock);
    }
    (void)pthread_mutex_unlock(&runner->lock);
    return NULL;
}

/* Takes out those whose time has come, as a list. */
static lease *take_over(lease_runner *runner, int64_t now_ms)
{
    lease *over = NULL, *l, *next;
    HASH_ITER(hh, runner->leases, l, next)
    {
        if (!is_over(l, now_ms))
            continue;
        HASH_DEL(runner->leases, l); /* NOLINT: likewise */
        l->next_over = over;
        over = l;
    }
    return over;
}

/* Whether it has ended, and how. */
static bool is_over(lease *l, int64_t now_ms)
{
    if (l->stopped)
        l->end = (dz_end){.kind = DZ_END_STOPPED};
    else if (l->lease_ms != 0 && l->deadline_ms != 0 && now_ms >= l->deadline_ms)
        l->end = (dz_end){.kind = DZ_END_TIMEOUT};
    else if (l->lease_ms != 0 && now_ms >= l->expires_ms)
        l->end = (dz_end){.kind = DZ_END_LOST, .message = "the lease was not renewed in time"};
    else
        return false;
    return true;
}

static void tell_over(lease_runner *runner, lease *over)
{
    while (over != NULL) {
        lease *next = over->next_over;
        dz_job_id id = {over->key.experiment, over->key.trial, over->attempt};
        runner->sink.ended(runner->sink.user, &id, &over->end, wall_ms());
        free(over);
        over = next;
    }
}

/* ---- helpers --------------------------------------------------------------------------------- */

static lease *find(lease_runner *runner, const dz_job_id *id)
{
    lease *found, probe = {.key = {id->experiment, id->trial}};
    HASH_FIND(hh, runner->leases, &probe.key, sizeof probe.key, found); /* NOLINT: likewise */
    return found;
}

static void begin(lease *l, int64_t lease_ms, int64_t now_ms)
{
    l->lease_ms = lease_ms > 0 ? lease_ms : DEFAULT_LEASE_MS;
    l->expires_ms = now_ms + l->lease_ms;
    l->deadline_ms = l->timeout_ms > 0 ? now_ms + l->timeout_ms : 0;
}

static dozan_status stale(const dz_job_id *id, const lease *held, dozan_error *err)
{
    if (held != NULL && held->attempt != id->attempt)
        return dozan_error_set(err, DOZAN_ABORTED, NULL,
                               "attempt %d of trial %lld was followed by attempt %d; drop it",
                               (int)id->attempt, (long long)id->trial, (int)held->attempt);
    return dozan_error_set(err, DOZAN_ABORTED, NULL,
                           "no worker holds attempt %d of trial %lld any more: it was stopped, "
                           "has ended, or its lease has run out; drop it",
                           (int)id->attempt, (long long)id->trial);
}

static int64_t clock_ms(clockid_t clock)
{
    struct timespec now = {0};
    (void)clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t monotonic_ms(void)
{
    return clock_ms(CLOCK_MONOTONIC);
}

static int64_t wall_ms(void)
{
    return clock_ms(CLOCK_REALTIME);
}
