/*
 * Lineage: experiment, trial, run, dataset, model, version, alias. See track_lineage.c.
 */
#ifndef DZ_STORE_TRACK_LINEAGE_H
#define DZ_STORE_TRACK_LINEAGE_H

#include "store/track.h"

/* Of the experiment `name` in `namespace`: {experiment, run, trials: [{number, name, state, run:
 * {runId, ..., datasets, models: [{..., versions: [{name, version, stage, aliases}]}], versions,
 * runs}}]}. NOT_FOUND. */
dz_track_call dz_track_lineage;

#endif
