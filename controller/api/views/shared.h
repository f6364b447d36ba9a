/*
 * Pieces of answers that several views have.
 */
#ifndef DZ_VIEWS_SHARED_H
#define DZ_VIEWS_SHARED_H

#include "api/views/held.h"

/* A trial as one object: number, name, state, reason, message, times, parameters and metrics; with
 * `whole`, also what only the page of that trial shows. */
void dz_build_trial_row(dz_builder *build, cJSON *item, const dz_experiment *experiment,
                        const dz_trial *trial, bool whole);

/* Reads the trial of a row, or by its number; NULL in *item when it is not there any more. */
DOZAN_MUST_USE dozan_status dz_put_trial(const dz_held *held, int64_t number, bool whole,
                                         dz_builder *build, cJSON *item, dozan_error *err);

/* {"succeeded": 3, ...}: trials by state, those above 0. */
void dz_build_counts(dz_builder *build, cJSON *parent, const dz_experiment *experiment);

/* [{"metric": ..., "type": "maximize", "goal": ...}] */
void dz_build_objectives(dz_builder *build, cJSON *parent, const dz_experiment_spec *spec);

/* The best trial by the first objective, without its parameters; null when there is none. */
void dz_build_best(dz_builder *build, cJSON *parent, const dz_experiment *experiment);

/* The axes of the space: for each parameter its type, and ticks [[coordinate, text], ...]. */
void dz_build_axes(dz_builder *build, cJSON *parent, const dozan_space *space);

/* A curve as [[step, mean, min, max], ...]. */
void dz_build_curve(dz_builder *build, cJSON *parent, const char *name, const dz_curve *curve);

/* A number with six digits, for drawing. */
double dz_round(double value);

#endif
