/*
 * The local runner's thread: the one owner of all its jobs.
 *
 * It sleeps until a shim ends (its pidfd), a command comes (an eventfd), or the next tick. On a
 * tick it looks for new output: reading at the end of a file costs one system call per trial, needs
 * no watch per file, and works on every file system. Ticks come every 10 ms while there is
 * something new and slow down to every 100 ms when there is not; without jobs there are none.
 */
#include "runners/local.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

enum {
    MIN_TICK_MS = 10,
    MAX_TICK_MS = 100,
    MAX_EVENTS = 64,
    PARTS_PER_TICK = 16,
    MAX_READ_FAILURES = 300
};

typedef struct ticker {
    int64_t interval_ms;
    int64_t next_ms; /* of the monotonic clock */
} ticker;

static int64_t monotonic_ms(void);
static bool wait_for_events(local_runner *runner, const ticker *ticks);
static bool obey(local_runner *runner);
static void start(local_runner *runner, local_job *job);
static void stop(local_runner *runner, const dz_job_id *id);
static void tick(local_runner *runner, ticker *ticks);
static void watch(local_runner *runner, local_job *job);
static void settle(local_runner *runner, local_job *job);
static bool finish(local_runner *runner, local_job *job, const local_end *end);
static void tell_started(local_runner *runner, local_job *job);
static local_job **find(local_runner *runner, const dz_job_id *id);

void *local_watch(void *argument)
{
    local_runner *runner = argument;
    ticker ticks = {.interval_ms = MIN_TICK_MS, .next_ms = monotonic_ms() + MIN_TICK_MS};
    while (wait_for_events(runner, &ticks)) {
        if (obey(runner) && ticks.interval_ms > MIN_TICK_MS) {
            ticks.interval_ms = MIN_TICK_MS;
            ticks.next_ms = monotonic_ms() + MIN_TICK_MS;
        }
        if (monotonic_ms() >= ticks.next_ms)
            tick(runner, &ticks);
    }
    return NULL;
}

int64_t local_wall_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t monotonic_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Sleeps, and settles the jobs whose shims have ended. False at the end. */
static bool wait_for_events(local_runner *runner, const ticker *ticks)
{
    struct epoll_event events[MAX_EVENTS];
    int64_t left_ms = ticks->next_ms - monotonic_ms();
    int timeout = runner->jobs == NULL ? -1 : left_ms <= 0 ? 0 : (int)left_ms;
    int count = epoll_wait(runner->epoll, events, MAX_EVENTS, timeout);
    for (int i = 0; i < count; i++) {
        local_job *job =
            events[i].data.ptr; /* a job has one pidfd, so it is among the events but once */
        if (job != NULL) {
            settle(runner, job);
        } else {
            uint64_t wakes;
            (void)!read(runner->wake, &wakes, sizeof wakes);
        }
    }
    (void)pthread_mutex_lock(&runner->queue_lock);
    bool go_on = !runner->ending;
    (void)pthread_mutex_unlock(&runner->queue_lock);
    return go_on;
}

/* Carries out the commands that have come. Whether there was any. */
static bool obey(local_runner *runner)
{
    (void)pthread_mutex_lock(&runner->queue_lock);
    local_command *command = runner->queue_first;
    runner->queue_first = runner->queue_last = NULL;
    (void)pthread_mutex_unlock(&runner->queue_lock);
    bool any = command != NULL;
    while (command != NULL) {
        local_command *next = command->next;
        if (command->verb == LOCAL_START)
            start(runner, command->job);
        else
            stop(runner, &command->id);
        free(command);
        command = next;
    }
    return any;
}

/* Takes the job. One that we have already is not started again. */
static void start(local_runner *runner, local_job *job)
{
    local_end end;
    if (*find(runner, &job->id) != NULL) {
        local_job_destroy(job);
        return;
    }
    job->next = runner->jobs;
    runner->jobs = job;
    if (local_job_begin(runner, job, &end))
        watch(runner, job);
    else
        (void)finish(runner, job, &end);
}

static void stop(local_runner *runner, const dz_job_id *id)
{
    local_job *job = *find(runner, id);
    if (job != NULL) {
        local_job_stop(job);
        return;
    }
    dz_end end = {.kind = DZ_END_LOST,
                  .message = "there is no such trial to stop: it has not been started"};
    runner->sink.ended(runner->sink.user, id, &end, local_wall_ms());
}

static void tick(local_runner *runner, ticker *ticks)
{
    bool any = false;
    local_job *next;
    for (local_job *job = runner->jobs; job != NULL; job = next) {
        next = job->next;
        if (job->pidfd < 0) {
            settle(runner, job);
            any = true; /* it is only ever seen on ticks: they stay frequent */
            continue;
        }
        tell_started(runner, job);
        any |= local_job_read(runner, job, PARTS_PER_TICK) == LOCAL_READ_SOME;
    }
    ticks->interval_ms = any ? MIN_TICK_MS : ticks->interval_ms * 2;
    if (ticks->interval_ms > MAX_TICK_MS)
        ticks->interval_ms = MAX_TICK_MS;
    ticks->next_ms = monotonic_ms() + ticks->interval_ms;
}

/* From now on the end of the job's shim wakes us. Where that cannot be had, ticks have to do. */
static void watch(local_runner *runner, local_job *job)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = job};
    if (job->pidfd >= 0 && epoll_ctl(runner->epoll, EPOLL_CTL_ADD, job->pidfd, &event) != 0) {
        (void)close(job->pidfd);
        job->pidfd = -1;
    }
}

static void settle(local_runner *runner, local_job *job)
{
    local_end end;
    if (!local_job_shim_gone(runner, job)) {
        tell_started(runner, job);
        (void)local_job_read(runner, job, PARTS_PER_TICK);
    } else if (!local_job_conclude(job, &end)) {
        watch(runner, job);
    } else {
        (void)finish(runner, job, &end);
    }
}

/* Hands over the rest of the output and the end, and forgets the job. False when the output cannot
 * be read now: then a later tick finds the same end again. */
static bool finish(local_runner *runner, local_job *job, const local_end *end)
{
    if (end->ran) {
        tell_started(runner, job);
        local_read got;
        while ((got = local_job_read(runner, job, PARTS_PER_TICK)) == LOCAL_READ_SOME)
            continue;
        if (got == LOCAL_READ_FAILED && ++job->failures < MAX_READ_FAILURES)
            return false;
    }
    runner->sink.ended(runner->sink.user, &job->id, &end->end, local_wall_ms());
    *find(runner, &job->id) = job->next;
    local_job_destroy(job);
    return true;
}

/* A command that cannot be run shows within a moment; so a start is told on the next tick after it,
 * or together with the end, but with the time that it had. */
static void tell_started(local_runner *runner, local_job *job)
{
    if (job->started)
        return;
    job->started = true;
    runner->sink.started(runner->sink.user, &job->id, job->begun_ms);
}

/* Where the job hangs in the list; where it would hang, if there is none. */
static local_job **find(local_runner *runner, const dz_job_id *id)
{
    local_job **at = &runner->jobs;
    while (*at != NULL && ((*at)->id.experiment != id->experiment || (*at)->id.trial != id->trial ||
                           (*at)->id.attempt != id->attempt))
        at = &(*at)->next;
    return at;
}
