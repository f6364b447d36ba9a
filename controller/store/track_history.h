/*
 * Runs that are no trials, as results that an experiment may begin with.
 */
#ifndef DZ_STORE_TRACK_HISTORY_H
#define DZ_STORE_TRACK_HISTORY_H

#include "store/store.h"

/* How spec.warmStart.experiments names an experiment of MLflow's. */
#define DZ_TRACKED "mlflow:"

/* The finished runs of the experiment that MLflow knows by this name, each as a trial that has
 * succeeded: its params are the assignments, and its metrics those of `spec`, in their order.
 * Trials of Dozan's own are passed over: they are of experiments that have names themselves.
 * *found: there is such an experiment. */
DOZAN_MUST_USE dozan_status dz_store_tracked_runs(dz_store *store, const char *name,
                                                  const dz_experiment_spec *spec, bool *found,
                                                  dz_trial_visit *visit, void *user,
                                                  dozan_error *err);

#endif
