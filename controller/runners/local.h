/*
 * The inside of the local runner, in three files: local.c is what the controller calls,
 * local_watch.c the thread that does everything, local_job.c one job.
 *
 * The calls only put commands into a queue. Every job belongs to the watcher's thread alone: it
 * starts the shims, reads what the trials print, sees them end, and calls the sink.
 */
#ifndef DZ_RUNNERS_LOCAL_H
#define DZ_RUNNERS_LOCAL_H

#include "runners/job_dir.h"
#include "runners/machine.h"
#include "runners/runner.h"

#include <limits.h>
#include <pthread.h>
#include <spawn.h>

enum { LOCAL_READ_BYTES = 64 * 1024, LOCAL_MESSAGE_BYTES = 512 };

/* One attempt of one trial. */
typedef struct local_job {
    struct local_job *next;
    dz_job_id id;
    char *experiment_name;
    char *trial_name;
    char *directory;      /* its own, absolute */
    char *follow;         /* the file whose bytes go to the sink */
    char *metrics_path;   /* NULL, or the same */
    char *folder;         /* to be made for the collector; NULL = none */
    char *checkpoint;     /* its own folder, or NULL */
    char *parent_name;    /* whose checkpoint it begins with, or NULL */
    char *parent;         /* the folder of that */
    dz_command command;   /* a copy of what is needed of it: argv, working_dir, program */
    dz_command collector; /* likewise; no argv = none */
    int64_t collector_settle_ms;
    char **env;           /* of both: see DZ_ENV_COLLECTOR */
    char **collector_env; /* a part of env */
    int64_t timeout_ms;

    pid_t shim;      /* 0 = none is known: its directory is looked at on every tick */
    bool child;      /* the shim is our child, to be waited for */
    int shim_status; /* exit status of the last shim that was our child */
    int pidfd;       /* -1 = none could be had: the shim is looked at on every tick */
    int follow_fd;   /* -1 = not there yet */
    int64_t offset;
    int64_t begun_ms;
    bool started; /* the sink was told */
    bool stop_asked;
    bool to_stop; /* taken up only to be stopped */
    int failures; /* how often its files could not be read, for want of descriptors or memory */
} local_job;

typedef enum local_verb { LOCAL_START, LOCAL_STOP } local_verb;

typedef struct local_command {
    struct local_command *next;
    local_verb verb;
    local_job *job; /* START: owned */
    dz_job_id id;   /* STOP */
} local_command;

typedef struct local_runner {
    unsigned magic;
    dz_runner_sink sink;
    char *directory; /* absolute */
    char *shim;
    int64_t grace_ms;
    char **inherited;
    dz_machine_gpus gpus;

    pthread_t thread;
    bool thread_runs;
    int wake; /* eventfd: there are commands, or the end */
    int epoll;
    pthread_mutex_t queue_lock; /* guards the next three */
    local_command *queue_first;
    local_command *queue_last;
    bool ending;

    /* the thread's own */
    local_job *jobs;
    posix_spawnattr_t spawn;
    bool spawn_made;
    char *buffer; /* [LOCAL_READ_BYTES] */
} local_runner;

/* ---- local_watch.c --------------------------------------------------------------------------- */

/* The thread: runs until `ending`. */
void *local_watch(void *argument);

int64_t local_wall_ms(void);

/* ---- local_job.c ----------------------------------------------------------------------------- */

/* A copy of a job, with its paths and environment. NULL with err set. */
local_job *local_job_create(const local_runner *runner, const dz_job *job, dozan_error *err);
void local_job_destroy(local_job *job);

/* How a job has ended, with room for its sentence. */
typedef struct local_end {
    dz_end end;
    bool ran; /* the command was started */
    char message[LOCAL_MESSAGE_BYTES];
} local_end;

/* Makes the directory and starts a shim in it, unless there is one already, or it has ended. True
 * when the job is to be watched; false when it is over, and `end` says how. */
bool local_job_begin(local_runner *runner, local_job *job, local_end *end);

/* Whether there is no shim (any more) that we know of; lets go of what we had of it. */
bool local_job_shim_gone(const local_runner *runner, local_job *job);

/* Finds out what became of a job without a shim. True when it is over, as `end` says. False when
 * another shim has it (job->shim), or nothing can be told now: ask again. */
bool local_job_conclude(local_job *job, local_end *end);

/* Has the shim stop the trial, now or when there is one. */
void local_job_stop(local_job *job);

typedef enum local_read { LOCAL_READ_NONE, LOCAL_READ_SOME, LOCAL_READ_FAILED } local_read;

/* Hands what is new in the followed file to the sink, at most `parts` times the buffer's size.
 * FAILED when there is a file that cannot be read now. */
local_read local_job_read(local_runner *runner, local_job *job, int parts);

#endif
