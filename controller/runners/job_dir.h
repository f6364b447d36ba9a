/*
 * A local job's directory: its paths, and what can be told from it about the job. See job_record.h
 * for the files.
 */
#ifndef DZ_RUNNERS_JOB_DIR_H
#define DZ_RUNNERS_JOB_DIR_H

#include <dozan/status.h>
#include <sys/types.h>

typedef enum dz_job_stage {
    DZ_JOB_NEW,       /* no shim has taken it yet */
    DZ_JOB_RUNNING,   /* a shim holds its lock */
    DZ_JOB_RECORDED,  /* it has ended, and the record says how */
    DZ_JOB_GONE,      /* it was started, and no shim and no record is there */
    DZ_JOB_UNREADABLE /* cannot be told now: errno in `number` */
} dz_job_stage;

typedef struct dz_job_look {
    dz_job_stage stage;
    pid_t shim;      /* RUNNING */
    char kind[16];   /* RECORDED: see job_record.h */
    int number;      /* RECORDED: as the kind says; UNREADABLE: errno */
    bool stop_asked; /* not with RUNNING: we had asked it to stop */
} dz_job_look;

/* The job's directory, absolute or not as `directory` is. INVALID_ARGUMENT when a name is no file
 * name. Owned text. */
DOZAN_MUST_USE dozan_status dz_job_dir_path(const char *directory, const char *experiment_name,
                                            const char *trial_name, int attempt, char **path,
                                            dozan_error *err);

/* The checkpoint folder of the trial's last attempt that has one; NULL when none has. Owned. */
char *dz_job_dir_checkpoint(const char *directory, const char *experiment_name,
                            const char *trial_name);

/* Makes the job's directory and those above it, up to the runner's. 0, EEXIST when the job's own
 * was there, or errno. */
int dz_job_dir_make(const char *path);

/* What is to be seen now. */
void dz_job_dir_look(const char *path, dz_job_look *look);

/* Leaves the mark that the job is to stop by our wish. */
bool dz_job_dir_mark_stop(const char *path);

/* Kills what is left of a job that is GONE: every process with DOZAN_TRIAL_DIR=path in its
 * environment. Returns when none is left, or after a few seconds. */
void dz_job_dir_sweep(const char *path);

#endif
