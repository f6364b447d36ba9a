/*
 * The Pareto front of an experiment: only what has changed of it is written.
 */
#ifndef DZ_STORE_FRONT_H
#define DZ_STORE_FRONT_H

#include "store/db.h"

/* Inside the caller's transaction. */
DOZAN_MUST_USE dozan_status dz_front_write(dz_store *store, int64_t experiment_id,
                                           const dz_front *front, dozan_error *err);

/* Fills the front of an experiment with several objectives. */
DOZAN_MUST_USE dozan_status dz_front_read(dz_store *store, dz_experiment *experiment,
                                          dozan_error *err);

#endif
