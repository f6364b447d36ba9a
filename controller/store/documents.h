/*
 * The texts of an experiment: its specification and the source that it was read from. They are kept
 * out of the rows that every commit rewrites.
 */
#ifndef DZ_STORE_DOCUMENTS_H
#define DZ_STORE_DOCUMENTS_H

#include "store/store.h"

/* Both inside the caller's transaction. */
DOZAN_MUST_USE dozan_status dz_document_insert(dz_store *store, int64_t experiment_id,
                                               const dz_experiment *experiment,
                                               const dz_source *source, dozan_error *err);

/* Writes the specification again, and the source that was staged for it. */
DOZAN_MUST_USE dozan_status dz_document_update(dz_store *store, const dz_experiment *experiment,
                                               dozan_error *err);

#endif
