/*
 * MLflow's REST API on the service: what its unmodified client needs for tracking, artifacts and
 * the registry of models.
 *
 * What changes something is committed before it is answered, together with what other requests wait
 * for at that moment (commit.h). Reads have a connection for each of the server's threads.
 */
#ifndef DZ_MLFLOW_MLFLOW_H
#define DZ_MLFLOW_MLFLOW_H

#include "api/http.h"
#include "store/track.h"

typedef struct dz_mlflow dz_mlflow;

typedef struct dz_mlflow_config {
    const char *db_path;
    const char *artifacts; /* the folder that holds them; made where it is missing */
    dz_durability durability;
    size_t workers; /* of the HTTP server */
} dz_mlflow_config;

DOZAN_MUST_USE dozan_status dz_mlflow_create(const dz_mlflow_config *config, dz_mlflow **mlflow,
                                             dozan_error *err);
/* After the server's. Takes NULL. */
void dz_mlflow_destroy(dz_mlflow *mlflow);

dz_http_route_set dz_mlflow_routes(dz_mlflow *mlflow);

#endif
