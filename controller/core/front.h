/*
 * The Pareto front of an experiment with several objectives: the feasible completed trials that no
 * other one dominates, that is, is at least as good as in every objective, and better in one.
 *
 * It is kept up to date with each trial that completes, in O(front). A trial that has left it never
 * comes back. What the store has of it is marked, so that a commit writes the difference alone.
 */
#ifndef DZ_CORE_FRONT_H
#define DZ_CORE_FRONT_H

#include "spec/experiment.h"

typedef struct dz_front {
    int64_t *trials; /* [count], ascending numbers */
    double *values;  /* [count * width]: of the objectives, as reported */
    bool *stored;    /* [count]: the store has it */
    size_t count, capacity, width;
    int64_t *gone; /* [gone_count]: were stored, and have left the front since */
    size_t gone_count, gone_capacity;
} dz_front;

void dz_front_fini(dz_front *front);

/* Takes a feasible completed trial into account: values[spec->objective_count] in the objectives'
 * order. A trial with a NaN dominates nothing and is no part of the front. *changed tells whether
 * the front is another one. */
DOZAN_MUST_USE dozan_status dz_front_offer(dz_front *front, const dz_experiment_spec *spec,
                                           int64_t trial, const double *values, bool *changed,
                                           dozan_error *err);

/* Adds a trial that the store knows to be part of it. */
DOZAN_MUST_USE dozan_status dz_front_restore(dz_front *front, const dz_experiment_spec *spec,
                                             int64_t trial, const double *values, dozan_error *err);

/* The store has all of it now. */
void dz_front_saved(dz_front *front);

bool dz_front_has(const dz_front *front, int64_t trial);

#endif
