/*
 * The environment of a local trial, and whether its command can be found in it.
 */
#ifndef DZ_RUNNERS_JOB_ENV_H
#define DZ_RUNNERS_JOB_ENV_H

#include "runners/machine.h"
#include "runners/runner.h"

/* The variables of our own environment that a trial gets, as they are now: a NULL-terminated list,
 * or NULL without memory. Freed by dz_strings_destroy. */
char **dz_job_env_inherited(void);

/* A trial's environment, from the weakest to the strongest: what is inherited, what this runner
 * sets, the container's own. This runner sets DOZAN_TRIAL_NAME and KATIB_TRIAL_NAME,
 * DOZAN_TRIAL_DIR (which no container can change: the runner finds a trial's processes by it),
 * DOZAN_CHECKPOINT_DIR when it has a checkpoint, CUDA_VISIBLE_DEVICES when the job has GPUs, and
 * PYTHONUNBUFFERED=1, without which a Python program's metrics come only at its end. NULL without
 * memory. */
char **dz_job_env_create(char *const *inherited, const dz_machine_gpus *gpus, const dz_job *job,
                         const char *directory);

/* The value of a variable in a list, or NULL. */
const char *dz_job_env_get(char *const *env, const char *name);

/* Whether the command's program can be found, in its own PATH and working directory. When it
 * cannot, says so in one sentence with advice. A word that the shell has to make sense of, or a
 * builtin of it, is let through. */
bool dz_job_env_check(const dz_command *command, char *const *env, char *message, size_t size);

/* Copies and frees NULL-terminated lists of texts. */
char **dz_strings_copy(char *const *strings);
void dz_strings_destroy(char **strings);

#endif
