/*
 * Results of earlier experiments that a new one begins with: KNOWN events, the first of its log.
 *
 * A finished trial is taken when the new experiment could have made it: each active parameter has a
 * value in its range, and each objective's and constraint's metric, found by its name, has one too.
 * Parameters that the new space has not, or that are not active, are left out. Of too many, half
 * are the best by the first objective, and the rest the newest.
 */
#ifndef DZ_CORE_WARM_START_H
#define DZ_CORE_WARM_START_H

#include "core/step.h"

typedef struct dz_warm_start dz_warm_start;

/* For a new experiment, which is borrowed. */
DOZAN_MUST_USE dozan_status dz_warm_start_create(dz_experiment *experiment, dz_warm_start **warm,
                                                 dozan_error *err);
void dz_warm_start_destroy(dz_warm_start *warm);

/* Looks at a trial of an earlier experiment; what is needed of it is copied. Trials that have not
 * succeeded are no results. */
DOZAN_MUST_USE dozan_status dz_warm_start_offer(dz_warm_start *warm,
                                                const dz_experiment_spec *source,
                                                const dz_trial *trial, dozan_error *err);

/* Appends the events, numbered downwards from -1, to the changes that the new experiment is
 * inserted with, and says in experiment->warm_start what was taken and what was not, and why. */
DOZAN_MUST_USE dozan_status dz_warm_start_finish(dz_warm_start *warm, int64_t now_ms,
                                                 dz_changes *changes, dozan_error *err);

#endif
