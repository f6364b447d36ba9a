/*
 * The jobs: between trials, the runner and the collectors. Renders what a trial runs, keeps a
 * collector for each running trial, and turns the runner's calls into messages.
 */
#ifndef DZ_LOOP_JOBS_H
#define DZ_LOOP_JOBS_H

#include "loop/mailbox.h"
#include "loop/run.h"

typedef struct dz_jobs dz_jobs;

DOZAN_MUST_USE dozan_status dz_jobs_create(const dz_run_config *config, dz_mailbox *mailbox,
                                           dz_jobs **jobs, dozan_error *err);

/* Stops listening to the runner; the trials run on. */
void dz_jobs_destroy(dz_jobs *jobs);

DOZAN_MUST_USE dozan_status dz_jobs_capacity(dz_jobs *jobs, dz_capacity *capacity,
                                             dozan_error *err);

/* Starts a trial's current attempt, or takes up one that may run already. What becomes of it,
 * including that it could not be started, comes as messages. */
void dz_jobs_start(dz_jobs *jobs, const dz_experiment *experiment, const dz_trial *trial,
                   bool adopt);

/* Asks for a trial's end. */
void dz_jobs_stop(dz_jobs *jobs, const dz_experiment *experiment, const dz_trial *trial);

/* ---- of trials that workers run (see runners/lease.h); the owner's thread */

/* A worker has the trial: its lease begins. One that was not started yet begins with its start. */
void dz_jobs_lease(dz_jobs *jobs, const dz_experiment *experiment, const dz_trial *trial);

/* The worker lives. ABORTED: it has to drop the trial. */
DOZAN_MUST_USE dozan_status dz_jobs_renew(dz_jobs *jobs, const dz_experiment *experiment,
                                          const dz_trial *trial, dozan_error *err);

/* The worker has told how it ended: nothing more is heard of the job. */
void dz_jobs_forget(dz_jobs *jobs, const dz_experiment *experiment, const dz_trial *trial);

#endif
