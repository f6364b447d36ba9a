/*
 * One writer of the tracking tables, for many threads: who comes while another's transaction is on
 * its way to the disk is in the next one, together with all others that came.
 */
#ifndef DZ_MLFLOW_COMMIT_H
#define DZ_MLFLOW_COMMIT_H

#include "store/track.h"

typedef struct dz_commit dz_commit;

DOZAN_MUST_USE dozan_status dz_commit_create(const char *db_path, dz_durability durability,
                                             dz_commit **commit, dozan_error *err);
void dz_commit_destroy(dz_commit *commit);

/* Blocks until it is committed, or has failed alone. */
DOZAN_MUST_USE dozan_status dz_commit_run(dz_commit *commit, dz_track_call *call,
                                          const cJSON *arguments, dz_json *out, dozan_error *err);

#endif
