/*
 * What the files of MLflow's API share.
 */
#ifndef DZ_MLFLOW_PARTS_H
#define DZ_MLFLOW_PARTS_H

#include "mlflow/commit.h"
#include "mlflow/fields.h"
#include "mlflow/mlflow.h"
#include "mlflow/registrar.h"

struct dz_mlflow {
    dz_mlflow_config config;
    dz_commit *commit;
    dz_registrar *registrar;
    dz_track **readers; /* [config.workers]: each opened when its thread first reads */
    int root;           /* the folder of the artifacts */
};

/* One call of MLflow's: `path` is what follows "/mlflow/"; {NAME} in it is an argument. */
typedef struct mlflow_call {
    const char *method, *path;
    dz_track_call *call;
    bool writes;
    const dz_field *fields;
} mlflow_call;

/* NULL when there is none. *arguments gets what the path says. */
const mlflow_call *mlflow_find(const char *method, const char *path, cJSON *arguments);

/* The connection of the request's thread for reading. */
DOZAN_MUST_USE dozan_status mlflow_reader(dz_mlflow *mlflow, const dz_http_request *request,
                                          dz_track **track, dozan_error *err);

/* The run that a request is about, "" for none. */
const char *mlflow_run_of(const cJSON *arguments);

/* PERMISSION_DENIED: the request has a run's token, and changes something else (scope.c). */
DOZAN_MUST_USE dozan_status mlflow_scope(dz_mlflow *mlflow, const dz_http_request *request,
                                         const mlflow_call *call, const cJSON *arguments,
                                         dozan_error *err);
/* The same for an artifact's path; false: it is answered. */
bool mlflow_scope_artifact(dz_mlflow *mlflow, dz_http_request *request);

/* Tells the service what a trial has logged (told.c). */
DOZAN_MUST_USE dozan_status mlflow_tell(dz_mlflow *mlflow, dz_track *track, const mlflow_call *call,
                                        const cJSON *arguments, dozan_error *err);

/* MLflow's {"error_code", "message"}. */
void mlflow_fail(dz_http_request *request, const dozan_error *err);

dz_http_handler mlflow_artifact_put, mlflow_artifact_get, mlflow_artifact_list,
    mlflow_artifact_delete, mlflow_lineage;

#endif
