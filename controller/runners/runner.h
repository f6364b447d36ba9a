/*
 * The runner interface: how trials are started, stopped, found again and listened to. A runner is
 * one file and one line of the table in runners.c.
 *
 * A job is named by (trial directory or object name, attempt): starting it twice starts it once. A
 * runner's threads call the sink; its functions must only hand on what they get. For one job the
 * calls come in this order: started?  output*  ended     (exactly one `ended` for each job that was
 * started or adopted)
 */
#ifndef DZ_RUNNERS_RUNNER_H
#define DZ_RUNNERS_RUNNER_H

#include "spec/template.h"

typedef struct dz_runner dz_runner;

/* Which job: all of it is the caller's and copied. */
typedef struct dz_job_id {
    int64_t experiment; /* the store's number of the experiment */
    int64_t trial;
    int32_t attempt; /* from 1 */
} dz_job_id;

typedef struct dz_job {
    dz_job_id id;
    const char *experiment_name;
    const char *trial_name;
    const dz_command *command;
    const char *metrics_path;     /* File collector: the file to follow, the job's own (see
                                     dz_local_metrics_path); NULL = the output itself, or the
                                     collector's */
    const dz_command *collector;  /* a second command that runs beside the first, begins before it
                                     and is told to end after it; its output is followed. NULL =
                                     none */
    int64_t collector_settle_ms;  /* how long it has after the first one's end until it is told to
                                     end; 0: it starts with all signals blocked, and waits for
                                     SIGTERM when it is ready */
    const char *collector_folder; /* to be made for both commands; NULL = none */
    const char *checkpoint;       /* the job's own folder (see dz_local_checkpoint_path), where it
                                     loads and saves its state; NULL = it has none */
    const char *parent_name;      /* the trial whose checkpoint is copied there first, or NULL */
    int64_t timeout_ms;           /* 0 = none */
    const int32_t *gpus;          /* indices given to this job */
    size_t gpu_count;
    bool to_stop; /* adopt: `stop` comes next, so what was never started is not started now, but
                     told as STOPPED */
} dz_job;

typedef enum dz_end_kind {
    DZ_END_EXITED,     /* code */
    DZ_END_SIGNALED,   /* signal: not by us */
    DZ_END_STOPPED,    /* ended because `stop` asked for it */
    DZ_END_TIMEOUT,    /* ended by its time limit */
    DZ_END_LOST,       /* it is gone and nobody knows how it ended: the infrastructure's fault */
    DZ_END_NOT_STARTED /* could not be started at all: message says why and what to do */
} dz_end_kind;

typedef struct dz_end {
    dz_end_kind kind;
    int code;
    int signal;
    bool
        configuration_fault; /* NOT_STARTED: true = another attempt cannot help (no such command) */
    const char *message;     /* one sentence, or NULL */
} dz_end;

typedef struct dz_runner_sink {
    void *user;
    void (*started)(void *user, const dz_job_id *id, int64_t time_ms);
    /* The next bytes of the trial's output (StdOut), of the followed file (File), or of the output
     * of the collector beside it. `offset` is their place in it: after an adoption it begins at 0
     * again. */
    void (*output)(void *user, const dz_job_id *id, int64_t offset, const void *bytes, size_t size,
                   int64_t time_ms);
    void (*ended)(void *user, const dz_job_id *id, const dz_end *end, int64_t time_ms);
} dz_runner_sink;

typedef struct dz_capacity {
    int64_t cpu_milli;
    int32_t gpus;
} dz_capacity;

typedef struct dz_runner_config {
    const char *directory; /* where job directories go: DIRECTORY/<experiment>/<trial>.<attempt>/ */
    const char
        *shim; /* path of dozan-shim; NULL = beside this program, then the install's libexec */
    int64_t stop_grace_ms; /* between SIGTERM and SIGKILL; 0 = 5,000 */
    bool quiet;            /* do not show the trials' output */
} dz_runner_config;

/* A runner's table. `start`, `stop` and `adopt` return at once; what becomes of them comes through
 * the sink. */
typedef struct dz_runner_ops {
    const char *name;
    dozan_status (*create)(const dz_runner_config *config, const dz_runner_sink *sink, void **self,
                           dozan_error *err);
    /* Stops listening; jobs run on. No sink call is made after this returns. */
    void (*destroy)(void *self);
    dozan_status (*capacity)(void *self, dz_capacity *capacity, dozan_error *err);
    dozan_status (*start)(void *self, const dz_job *job, dozan_error *err);
    /* Ends a job and all its children: SIGTERM to the process group, SIGKILL after the grace.
     * Unknown job: `ended` LOST. */
    dozan_status (*stop)(void *self, const dz_job_id *id, dozan_error *err);
    /* Takes up a job that an earlier run of the controller was told to start: started and output
     * (from offset 0) and ended come as for a new one; when it was never started at all, it is
     * started now, but for one that is to_stop. */
    dozan_status (*adopt)(void *self, const dz_job *job, dozan_error *err);
} dz_runner_ops;

/* The runner of that name ("local"), or NULL. */
const dz_runner_ops *dz_runner_find(const char *name);

/* Path of the file that holds a local job's output, whether it runs or has ended. Owned text. */
DOZAN_MUST_USE dozan_status dz_local_output_path(const char *directory, const char *experiment_name,
                                                 const char *trial_name, int32_t attempt,
                                                 char **path);

/* Path of a file of that name which belongs to one local attempt alone. Two trials at once would
 * write the same path of an image ("/katib/mnist.json"): so the caller maps that path to this one
 * in the command, and gives it as metrics_path. Absolute once `directory` is there. The runner
 * makes the folder. INVALID_ARGUMENT when a name is no file name. Owned text. */
DOZAN_MUST_USE dozan_status dz_local_metrics_path(const char *directory,
                                                  const char *experiment_name,
                                                  const char *trial_name, int32_t attempt,
                                                  const char *basename, char **path);

/* Path of the folder that belongs to one local attempt alone, for its checkpoint. Absolute once
 * `directory` is there. The runner makes it. Owned text. */
DOZAN_MUST_USE dozan_status dz_local_checkpoint_path(const char *directory,
                                                     const char *experiment_name,
                                                     const char *trial_name, int32_t attempt,
                                                     char **path);

#endif
