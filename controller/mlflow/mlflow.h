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
#include "loop/service.h"
#include "mlflow/key.h"

typedef struct dz_mlflow dz_mlflow;

typedef struct dz_mlflow_config {
    const char *db_path;
    const char *artifacts; /* the folder that holds them; made where it is missing */
    dz_durability durability;
    size_t workers; /* of the HTTP server */
    /* What trials log of the metrics that their experiments collect: dz_service_report, or a
     * test's. NULL = nobody is told. */
    dozan_status (*report)(dz_service *service, const char *namespace_, const char *trial_name,
                           const char *request_id, const dz_point_in *points, size_t count,
                           dz_reported *reported, dozan_error *err);
    dz_service *service;
    void (*note)(void *user, const char *line); /* for the log: one sentence; may be NULL */
    void *note_user;
    const dz_key *key; /* of the trials' tokens; NULL = there are none; borrowed */
} dz_mlflow_config;

DOZAN_MUST_USE dozan_status dz_mlflow_create(const dz_mlflow_config *config, dz_mlflow **mlflow,
                                             dozan_error *err);
/* After the server's. Takes NULL. */
void dz_mlflow_destroy(dz_mlflow *mlflow);

/* Whether the request has the token of a trial's run; then _authorize says if it may be made. What
 * it may change is looked at where it is answered. UNAUTHENTICATED, PERMISSION_DENIED. */
bool dz_mlflow_is_trial(const dz_http_request *request);
DOZAN_MUST_USE dozan_status dz_mlflow_authorize(dz_mlflow *mlflow, dz_http_request *request,
                                                dz_role role, dozan_error *err);

dz_http_route_set dz_mlflow_routes(dz_mlflow *mlflow);

/* For dz_http_config: refusals of requests to MLflow's API are in its own words. */
bool dz_mlflow_refuse(dz_http_request *request, int status, const dozan_error *err);

#endif
