/*
 * From rows to experiments and trials.
 */
#ifndef DZ_STORE_BUILD_H
#define DZ_STORE_BUILD_H

#include "store/db.h"

/* The columns that dz_build_experiment reads, from tables named so. */
#define DZ_EXPERIMENT_COLUMNS                                                                      \
    "e.id, e.uid, e.seed, e.state, e.conditions, e.created_ms, e.started_ms, e.completed_ms, "     \
    "e.runtime_ms, e.runtime_mark_ms, e.trial_count, e.last_seq, e.state_counts, e.best_trial, "   \
    "e.best_value, e.exhausted, e.suggestion_reason, e.suggestion_message, e.plugin_faults, "      \
    "e.plugin_fault, e.version, e.created_version, e.generation, d.warm_start, d.spec"
enum { DZ_EXPERIMENT_COLUMN_COUNT = 25 };
#define DZ_EXPERIMENT_TABLES "experiments e JOIN documents d ON d.experiment = e.id"

/* The columns that dz_build_trial reads. */
#define DZ_TRIAL_COLUMNS                                                                           \
    "t.number, t.name, t.state, t.stop_cause, t.attempt, t.failures, t.losses, t.assignments, "    \
    "t.labels, t.observations, t.judged_dirty, t.created_ms, t.started_ms, t.ended_ms, "           \
    "t.not_before_ms, t.cpu_milli, t.gpus, t.reason, t.message, t.version, t.created_version"

/* Makes an experiment, without its active trials, of a query's present row. */
DOZAN_MUST_USE dozan_status dz_build_experiment(const dz_bind *bind, dz_experiment **experiment,
                                                dozan_error *err);

/* Makes a trial of the columns from `first` on. */
DOZAN_MUST_USE dozan_status dz_build_trial(const dz_bind *bind, int first, size_t metric_count,
                                           dz_trial **trial, dozan_error *err);

#endif
