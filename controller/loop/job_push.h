/*
 * What a local trial is given besides, whose code reports its metrics itself (the Push collector).
 */
#ifndef DZ_LOOP_JOB_PUSH_H
#define DZ_LOOP_JOB_PUSH_H

#include "loop/run.h"
#include "spec/template.h"

/* Adds to the command's environment DOZAN_NAMESPACE, and the library by which Katib's
 * report_metrics finds it (runners/namespace_file.c), where that is installed. */
DOZAN_MUST_USE dozan_status dz_job_push_env(const dz_run_config *config,
                                            const dz_experiment_spec *spec, dz_command *command,
                                            dozan_error *err);

/* Adds "NAME=VALUE" behind the others: the last one of a name counts. */
DOZAN_MUST_USE dozan_status dz_job_put_env(dz_command *command, const char *name, const char *value,
                                           dozan_error *err);

/* What the command's environment says of a name, or NULL. */
const char *dz_job_env(const dz_command *command, const char *name);

#endif
