/*
 * The results of earlier experiments that a new one is to begin with, from the database.
 */
#ifndef DZ_LOOP_WARM_START_H
#define DZ_LOOP_WARM_START_H

#include "core/warm_start.h"
#include "store/store.h"

/* Whether the experiments are there: INVALID_ARGUMENT with the place in the document, and the names
 * that there are. */
DOZAN_MUST_USE dozan_status dz_warm_start_check(dz_store *store, const dz_experiment_spec *spec,
                                                dozan_error *err);

/* Appends the KNOWN events of a new experiment to its first changes. */
DOZAN_MUST_USE dozan_status dz_warm_start_collect(dz_store *store, dz_experiment *experiment,
                                                  int64_t now_ms, dz_changes *changes,
                                                  dozan_error *err);

#endif
