/*
 * Objectives and constraints as text: what they are, whether a trial keeps them, and the Pareto
 * front as a table. For `describe`, `get` and the end of `run`.
 */
#ifndef DZ_CLI_GOALS_H
#define DZ_CLI_GOALS_H

#include "cli/table.h"
#include "store/store.h"

/* "minimize loss, goal 0.1", "latency at most 5", "accuracy from 0.5 to 0.9". */
void dz_text_objective(dozan_buf *out, const dz_experiment_spec *spec, size_t index);
void dz_text_constraint(dozan_buf *out, const dz_experiment_spec *spec, size_t index);

/* "yes"; "no: latency is 7, above 5 by 2"; "" while nothing is known. */
void dz_text_feasible(dozan_buf *out, const dz_experiment_spec *spec, const dz_trial *trial);

/* Why there is no best trial yet, as a sentence. */
void dz_text_no_best(dozan_buf *out, const dz_experiment *experiment);

/* Fills a table, initialised, with the front's trials: name, objectives, parameters; at most `most`
 * rows, by the first objective, best first. */
DOZAN_MUST_USE dozan_status dz_table_front(dz_table *table, dz_store *store,
                                           const dz_experiment *experiment, size_t most,
                                           dozan_error *err);

#endif
