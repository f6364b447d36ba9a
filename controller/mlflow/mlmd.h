/*
 * Lineage in the terms of ML Metadata: artifacts, executions and contexts with their types, events
 * between artifacts and executions, and which of them belong to which context. The JSON is that of
 * ml_metadata's messages, one list for each.
 */
#ifndef DZ_MLFLOW_MLMD_H
#define DZ_MLFLOW_MLMD_H

#include <cjson/cJSON.h>

/* Of what dz_track_lineage writes. Owned; NULL = no memory. */
cJSON *dz_mlmd(const cJSON *lineage);

#endif
