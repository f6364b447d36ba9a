/*
 * What the files of MLflow's API share.
 */
#ifndef DZ_MLFLOW_PARTS_H
#define DZ_MLFLOW_PARTS_H

#include "mlflow/commit.h"
#include "mlflow/fields.h"
#include "mlflow/mlflow.h"

struct dz_mlflow {
    dz_mlflow_config config;
    dz_commit *commit;
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

/* MLflow's {"error_code", "message"}. */
void mlflow_fail(dz_http_request *request, const dozan_error *err);

dz_http_handler mlflow_artifact_put, mlflow_artifact_get, mlflow_artifact_list,
    mlflow_artifact_delete;

#endif
