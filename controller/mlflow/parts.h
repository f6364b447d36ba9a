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
DOZAN_MUST_USE dozan_status mlflow_scope_place(dz_mlflow *mlflow, const dz_http_request *request,
                                               const char *place, dozan_error *err);

/* Tells the service what a trial has logged (told.c). */
DOZAN_MUST_USE dozan_status mlflow_tell(dz_mlflow *mlflow, dz_track *track, const mlflow_call *call,
                                        const cJSON *arguments, dozan_error *err);

/* MLflow's {"error_code", "message"}. */
void mlflow_fail(dz_http_request *request, const dozan_error *err);

/* A call that only reads, on the thread of the request. */
DOZAN_MUST_USE dozan_status mlflow_read(dz_mlflow *mlflow, const dz_http_request *request,
                                        dz_track_call *call, const cJSON *arguments, dz_json *out,
                                        dozan_error *err);

/* ---- artifacts.c: a path is one below the folder of the artifacts */

bool mlflow_is_path(const char *path);
void mlflow_send_file(dz_mlflow *mlflow, dz_http_request *request, const char *path);
DOZAN_MUST_USE dozan_status mlflow_store_file(dz_mlflow *mlflow, const dz_http_request *request,
                                              const char *path, dozan_error *err);
/* Adds {path, is_dir, file_size}, each path behind `prefix`. What is not there has nothing in it.
 */
DOZAN_MUST_USE dozan_status mlflow_list_folder(dz_mlflow *mlflow, const char *path,
                                               const char *prefix, cJSON *files, dozan_error *err);
/* A literal: as MLflow calls the type of a file of this name. */
const char *mlflow_media_type(const char *name);

/* ---- owned.c: artifacts of a run, a logged model, a version */
dz_http_handler mlflow_run_list, mlflow_run_get, mlflow_run_put, mlflow_model_list,
    mlflow_model_get, mlflow_version_get;

dz_http_handler mlflow_artifact_put, mlflow_artifact_get, mlflow_artifact_list,
    mlflow_artifact_delete, mlflow_lineage;

#endif
