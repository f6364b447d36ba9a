/*
 * Artifacts by what they belong to: a run, a logged model, a model's version. MLflow's page and
 * some of its clients ask so, and do not know the folder.
 */
#include "mlflow/parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PLACE = 4096, ANSWER_MAX = 64 << 20 };

/* Which call finds the owner, and with which parameters of the request. */
typedef struct owner {
    dz_track_call *call;
    const char *names[3];
} owner;

static const owner a_run = {dz_track_run_get, {"run_id", "run_uuid", NULL}};
static const owner a_model = {dz_track_model_get, {"model_id", NULL, NULL}};
static const owner a_version = {dz_track_version_uri, {"name", "version", NULL}};

static void send_list(dz_mlflow *mlflow, dz_http_request *request, const owner *of,
                      const char *path);
static void send_one(dz_mlflow *mlflow, dz_http_request *request, const owner *of,
                     const char *path);
static dozan_status find_place(dz_mlflow *mlflow, const dz_http_request *request, const owner *of,
                               const char *path, char **uri, char place[PLACE], dozan_error *err);
static dozan_status find_uri(dz_mlflow *mlflow, const dz_http_request *request, const owner *of,
                             char **uri, dozan_error *err);

void mlflow_run_list(void *context, dz_http_request *request)
{
    send_list(context, request, &a_run, dz_http_query(request, "path"));
}

void mlflow_model_list(void *context, dz_http_request *request)
{
    send_list(context, request, &a_model, dz_http_query(request, "artifact_directory_path"));
}

void mlflow_run_get(void *context, dz_http_request *request)
{
    send_one(context, request, &a_run, dz_http_query(request, "path"));
}

void mlflow_model_get(void *context, dz_http_request *request)
{
    send_one(context, request, &a_model, dz_http_query(request, "artifact_file_path"));
}

void mlflow_version_get(void *context, dz_http_request *request)
{
    send_one(context, request, &a_version, dz_http_query(request, "path"));
}

void mlflow_run_put(void *context, dz_http_request *request)
{
    const char *run = dz_http_query(request, "run_uuid"), *path = dz_http_query(request, "path");
    char place[PLACE], *uri = NULL;
    dozan_error err = {0};
    dozan_status status = DOZAN_OK;
    if (run == NULL || *run == '\0')
        status =
            dozan_error_set(&err, DOZAN_INVALID_ARGUMENT, NULL, "Request must specify run_uuid.");
    else if (path == NULL || *path == '\0')
        status = dozan_error_set(&err, DOZAN_INVALID_ARGUMENT, NULL, "Request must specify path.");
    else if (!mlflow_is_path(path))
        status = dozan_error_set(&err, DOZAN_INVALID_ARGUMENT, NULL, "Invalid path");
    else if (request->body_size == 0)
        status = dozan_error_set(&err, DOZAN_INVALID_ARGUMENT, NULL, "Request must specify data.");
    if (status == DOZAN_OK)
        status = find_place(context, request, &a_run, path, &uri, place, &err);
    if (status == DOZAN_OK)
        status = mlflow_scope_place(context, request, place, &err);
    if (status == DOZAN_OK)
        status = mlflow_store_file(context, request, place, &err);
    free(uri);
    if (status == DOZAN_OK)
        dz_http_reply_text(request, 200, "application/json", "{}");
    else
        mlflow_fail(request, &err);
}

static void send_list(dz_mlflow *mlflow, dz_http_request *request, const owner *of,
                      const char *path)
{
    char place[PLACE], prefix[PLACE] = "", *uri = NULL;
    dozan_error err = {0};
    cJSON *tree = cJSON_CreateObject(), *files = cJSON_AddArrayToObject(tree, "files");
    path = path != NULL ? path : "";
    dozan_status status = find_place(mlflow, request, of, path, &uri, place, &err);
    if (*path != '\0' && strlen(path) < sizeof(prefix) - 1)
        (void)snprintf(prefix, sizeof(prefix), "%s%s", path,
                       path[strlen(path) - 1] == '/' ? "" : "/");
    if (status == DOZAN_OK)
        status = mlflow_scope_place(mlflow, request, place, &err);
    if (status == DOZAN_OK)
        status = mlflow_list_folder(mlflow, place, prefix, files, &err);
    (void)cJSON_AddStringToObject(tree, "root_uri", uri != NULL ? uri : "");
    free(uri);
    if (status == DOZAN_OK) {
        dz_http_reply_json(request, 200, tree);
        return;
    }
    cJSON_Delete(tree);
    mlflow_fail(request, &err);
}

static void send_one(dz_mlflow *mlflow, dz_http_request *request, const owner *of, const char *path)
{
    char place[PLACE], *uri = NULL;
    dozan_error err = {0};
    dozan_status status =
        path != NULL && *path != '\0'
            ? find_place(mlflow, request, of, path, &uri, place, &err)
            : dozan_error_set(&err, DOZAN_INVALID_ARGUMENT, NULL, "Request must specify path.");
    free(uri);
    if (status == DOZAN_OK)
        status = mlflow_scope_place(mlflow, request, place, &err);
    if (status == DOZAN_OK)
        mlflow_send_file(mlflow, request, place);
    else
        mlflow_fail(request, &err);
}

/* The path below the folder of all artifacts; `path` is one below the owner's. *uri is the
 * caller's, also after an error. */
static dozan_status find_place(dz_mlflow *mlflow, const dz_http_request *request, const owner *of,
                               const char *path, char **uri, char place[PLACE], dozan_error *err)
{
    static const char scheme[] = "mlflow-artifacts:";
    if (path == NULL || (*path != '\0' && !mlflow_is_path(path)))
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, NULL, "Invalid path");
    dozan_status status = find_uri(mlflow, request, of, uri, err);
    if (status != DOZAN_OK || *uri == NULL)
        return status;
    if (strncmp(*uri, scheme, sizeof(scheme) - 1) != 0)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, NULL,
                               "these artifacts are not kept here but at %.200s", *uri);
    const char *below = *uri + sizeof(scheme) - 1;
    if (strncmp(below, "//", 2) == 0) /* a host's name follows */
        below += 2 + strcspn(below + 2, "/");
    below += strspn(below, "/");
    int size =
        snprintf(place, PLACE, "%s%s%s", below, *below != '\0' && *path != '\0' ? "/" : "", path);
    return size >= 0 && size < PLACE
               ? DOZAN_OK
               : dozan_error_set(err, DOZAN_INVALID_ARGUMENT, NULL, "Invalid path");
}

static dozan_status find_uri(dz_mlflow *mlflow, const dz_http_request *request, const owner *of,
                             char **uri, dozan_error *err)
{
    dz_json out;
    cJSON *arguments = cJSON_CreateObject(), *answer = NULL;
    dozan_buf_init(&out.buf, ANSWER_MAX);
    for (size_t i = 0; of->names[i] != NULL; i++) {
        const char *value = dz_http_param(request, of->names[i]);
        if (value == NULL)
            value = dz_http_query(request, of->names[i]);
        (void)cJSON_AddStringToObject(arguments, of->names[i], value != NULL ? value : "");
    }
    dozan_status status = mlflow_read(mlflow, request, of->call, arguments, &out, err);
    if (status == DOZAN_OK)
        answer = cJSON_ParseWithLength(out.buf.data, out.buf.size);
    cJSON *at = answer;
    static const char *const below[] = {"run", "model", "info"};
    for (size_t i = 0; i < sizeof(below) / sizeof(below[0]); i++)
        if (cJSON_HasObjectItem(at, below[i]))
            at = cJSON_GetObjectItemCaseSensitive(at, below[i]);
    const char *found = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(at, "artifact_uri"));
    *uri = found != NULL ? strdup(found) : NULL;
    cJSON_Delete(answer);
    cJSON_Delete(arguments);
    dozan_buf_fini(&out.buf);
    if (status == DOZAN_OK && *uri == NULL)
        return dozan_error_set(err, DOZAN_UNAVAILABLE, NULL, "out of memory");
    return status;
}
