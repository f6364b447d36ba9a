/*
 * Registers the best models of experiments that have succeeded (store/track_wins.h), on a thread of
 * its own.
 */
#ifndef DZ_MLFLOW_REGISTRAR_H
#define DZ_MLFLOW_REGISTRAR_H

#include "mlflow/commit.h"

typedef struct dz_registrar dz_registrar;

/* `note` (may be NULL) gets a sentence for each experiment. `commit` is borrowed. */
DOZAN_MUST_USE dozan_status dz_registrar_create(const char *db_path, dz_commit *commit,
                                                void (*note)(void *user, const char *line),
                                                void *user, dz_registrar **registrar,
                                                dozan_error *err);
/* Before the commit's. Takes NULL. */
void dz_registrar_destroy(dz_registrar *registrar);

#endif
