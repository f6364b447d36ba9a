/*
 * What a trial's program is given, so that MLflow's client in it logs into the trial's run:
 * MLFLOW_TRACKING_URI, MLFLOW_EXPERIMENT_ID and MLFLOW_RUN_ID, and where users are known a token
 * that may write to this run alone. A template that names a tracking server keeps its own.
 *
 * Trials may be ready to start before the server is: they wait until its address is told. But the
 * thread that has made this, which starts the server, cannot wait: there a trial is not started,
 * and is tried again.
 */
#ifndef DZ_MLFLOW_EQUIP_H
#define DZ_MLFLOW_EQUIP_H

#include "loop/run.h"
#include "mlflow/key.h"

typedef struct dz_equip dz_equip;

/* `certificate` (may be NULL) is the file of the server's. `key` (may be NULL) makes the tokens.
 * All are borrowed. */
DOZAN_MUST_USE dozan_status dz_equip_create(const char *db_path, const char *certificate,
                                            const dz_key *key, dz_equip **equip, dozan_error *err);
/* After the service's. Takes NULL. */
void dz_equip_destroy(dz_equip *equip);

/* The address is known; or NULL: there will be none, and nobody waits any more. */
void dz_equip_tell(dz_equip *equip, const char *url);

/* For dz_run_config; the user is a dz_equip. */
dz_run_equip dz_equip_trial;

#endif
