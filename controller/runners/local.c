/*
 * The local runner, as the controller sees it: trials as processes of this machine. See local.h.
 */
#include "runners/local.h"

#include "runners/job_env.h"
#include "runners/programs.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DEFAULT_GRACE_MS = 5000 };
static const unsigned runner_magic = 0x6c6f6361u;

static dozan_status local_create(const dz_runner_config *config, const dz_runner_sink *sink,
                                 void **self, dozan_error *err);
static void local_destroy(void *self);
static dozan_status local_capacity(void *self, dz_capacity *capacity, dozan_error *err);
static dozan_status local_start(void *self, const dz_job *job, dozan_error *err);
static dozan_status local_stop(void *self, const dz_job_id *id, dozan_error *err);

/* To adopt is to start: what was started already is found in the job's directory. */
const dz_runner_ops dz_runner_local = {
    .name = "local",
    .create = local_create,
    .destroy = local_destroy,
    .capacity = local_capacity,
    .start = local_start,
    .stop = local_stop,
    .adopt = local_start,
};

static dozan_status open_directory(local_runner *runner, const char *directory, dozan_error *err);
static dozan_status find_shim(local_runner *runner, const char *given, dozan_error *err);
static dozan_status open_handles(local_runner *runner, dozan_error *err);
static bool prepare_spawn(local_runner *runner);
static dozan_status start_thread(local_runner *runner, dozan_error *err);
static local_runner *checked(void *self);
static dozan_status post(local_runner *runner, local_verb verb, local_job *job, const dz_job_id *id,
                         dozan_error *err);

static dozan_status local_create(const dz_runner_config *config, const dz_runner_sink *sink,
                                 void **self, dozan_error *err)
{
    local_runner *made = calloc(1, sizeof *made);
    if (made == NULL)
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory for the runner");
    made->magic = runner_magic;
    made->sink = *sink;
    made->wake = made->epoll = -1;
    made->grace_ms = config->stop_grace_ms > 0 ? config->stop_grace_ms : DEFAULT_GRACE_MS;
    (void)pthread_mutex_init(&made->queue_lock, NULL);
    dz_machine_find_gpus(&made->gpus);
    made->inherited = dz_job_env_inherited();
    made->buffer = malloc(LOCAL_READ_BYTES);
    made->spawn_made = prepare_spawn(made);
    dozan_status status = DOZAN_OK;
    if (made->inherited == NULL || made->buffer == NULL || !made->spawn_made)
        status =
            dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory for the runner");
    if (status == DOZAN_OK)
        status = open_directory(made, config->directory, err);
    if (status == DOZAN_OK)
        status = find_shim(made, config->shim, err);
    if (status == DOZAN_OK)
        status = open_handles(made, err);
    if (status == DOZAN_OK)
        status = start_thread(made, err);
    if (status == DOZAN_OK)
        *self = made;
    else
        local_destroy(made);
    return status;
}

static void local_destroy(void *self)
{
    if (self == NULL)
        return;
    local_runner *runner = checked(self);
    if (runner->thread_runs) {
        uint64_t one = 1;
        (void)pthread_mutex_lock(&runner->queue_lock);
        runner->ending = true;
        (void)pthread_mutex_unlock(&runner->queue_lock);
        (void)!write(runner->wake, &one, sizeof one);
        (void)pthread_join(runner->thread, NULL);
    }
    while (runner->queue_first != NULL) {
        local_command *command = runner->queue_first;
        runner->queue_first = command->next;
        local_job_destroy(command->job);
        free(command);
    }
    while (runner->jobs != NULL) {
        local_job *job = runner->jobs;
        runner->jobs = job->next;
        local_job_destroy(job);
    }
    if (runner->wake >= 0)
        (void)close(runner->wake);
    if (runner->epoll >= 0)
        (void)close(runner->epoll);
    if (runner->spawn_made)
        (void)posix_spawnattr_destroy(&runner->spawn);
    (void)pthread_mutex_destroy(&runner->queue_lock);
    dz_strings_destroy(runner->inherited);
    free(runner->directory);
    free(runner->shim);
    free(runner->buffer);
    runner->magic = 0;
    free(runner);
}

static dozan_status local_capacity(void *self, dz_capacity *capacity, dozan_error *err)
{
    (void)err;
    const local_runner *runner = checked(self);
    capacity->cpu_milli = dz_machine_cpu_milli();
    capacity->gpus = runner->gpus.count;
    return DOZAN_OK;
}

static dozan_status local_start(void *self, const dz_job *job, dozan_error *err)
{
    local_runner *runner = checked(self);
    dozan_error reason = {0};
    local_job *copy = local_job_create(runner, job, &reason);
    if (copy == NULL) {
        if (err != NULL)
            *err = reason;
        return reason.code;
    }
    return post(runner, LOCAL_START, copy, &job->id, err);
}

static dozan_status local_stop(void *self, const dz_job_id *id, dozan_error *err)
{
    return post(checked(self), LOCAL_STOP, NULL, id, err);
}

/* ---- creation -------------------------------------------------------------------------------- */

static dozan_status open_directory(local_runner *runner, const char *directory, dozan_error *err)
{
    if (mkdir(directory, 0700) != 0 && errno != EEXIST)
        return dozan_error_set(err, DOZAN_FAILED_PRECONDITION, NULL,
                               "the directory %s for the trials' files cannot be made: %s",
                               directory, strerrordesc_np(errno));
    runner->directory = realpath(directory, NULL);
    if (runner->directory == NULL || access(runner->directory, W_OK | X_OK) != 0)
        return dozan_error_set(err, DOZAN_FAILED_PRECONDITION, NULL,
                               "the directory %s for the trials' files cannot be written to: %s",
                               directory, strerrordesc_np(errno));
    return DOZAN_OK;
}

/* The shim that was given, or the one that belongs to this program. */
static dozan_status find_shim(local_runner *runner, const char *given, dozan_error *err)
{
    if (given == NULL) {
        dozan_status status = dz_runner_program("dozan-shim", NULL, &runner->shim, err);
        return status == DOZAN_OK ? status : dozan_error_wrap(err, "the trials' supervisor");
    }
    runner->shim = strdup(given);
    return runner->shim != NULL ? DOZAN_OK
                                : dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL,
                                                  "out of memory for the runner");
}

static dozan_status open_handles(local_runner *runner, dozan_error *err)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    runner->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    runner->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (runner->wake < 0 || runner->epoll < 0 ||
        epoll_ctl(runner->epoll, EPOLL_CTL_ADD, runner->wake, &event) != 0)
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL,
                               "the runner cannot watch for events: %s", strerrordesc_np(errno));
    return DOZAN_OK;
}

/* A shim begins with every signal blocked, so that none can end it before it waits for them, and
 * none ignored. */
static bool prepare_spawn(local_runner *runner)
{
    sigset_t all;
    (void)sigfillset(&all);
    if (posix_spawnattr_init(&runner->spawn) != 0)
        return false;
    return posix_spawnattr_setsigmask(&runner->spawn, &all) == 0 &&
           posix_spawnattr_setsigdefault(&runner->spawn, &all) == 0 &&
           posix_spawnattr_setflags(&runner->spawn,
                                    POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF) == 0;
}

/* The thread takes no signals: those are the main program's. */
static dozan_status start_thread(local_runner *runner, dozan_error *err)
{
    sigset_t all, before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&runner->thread, NULL, local_watch, runner);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    runner->thread_runs = error == 0;
    if (error != 0)
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL,
                               "the runner's thread cannot be started: %s", strerrordesc_np(error));
    return DOZAN_OK;
}

/* ---- commands -------------------------------------------------------------------------------- */

static local_runner *checked(void *self)
{
    local_runner *runner = self;
    if (runner->magic != runner_magic)
        abort();
    return runner;
}

/* Takes the job. */
static dozan_status post(local_runner *runner, local_verb verb, local_job *job, const dz_job_id *id,
                         dozan_error *err)
{
    local_command *command = calloc(1, sizeof *command);
    if (command == NULL) {
        local_job_destroy(job);
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL,
                               "out of memory for a command to the runner");
    }
    *command = (local_command){.verb = verb, .job = job, .id = *id};
    (void)pthread_mutex_lock(&runner->queue_lock);
    bool first = runner->queue_first == NULL;
    if (first)
        runner->queue_first = command;
    else
        runner->queue_last->next = command;
    runner->queue_last = command;
    (void)pthread_mutex_unlock(&runner->queue_lock);
    uint64_t one = 1;
    if (first)
        (void)!write(runner->wake, &one, sizeof one);
    return DOZAN_OK;
}
