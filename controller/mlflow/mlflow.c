#include "mlflow/parts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ANSWER_MAX = 256 << 20 };

static dz_http_handler answer_call, put_artifact, get_artifact, list_artifacts, delete_artifact,
    tell_health, tell_server;
static cJSON *read_body(const dz_http_request *request, dozan_error *err);
static dozan_status read_query(const dz_http_request *request, const dz_field *fields,
                               cJSON *arguments, dozan_error *err);
static dozan_status find_call(const dz_http_request *request, cJSON *arguments,
                              const mlflow_call **call, dozan_error *err);
static dozan_status run(dz_mlflow *mlflow, const dz_http_request *request, const mlflow_call *call,
                        const cJSON *arguments, dz_json *out, dozan_error *err);
static void reply(dz_http_request *request, dz_json *out);
static void refuse(dz_http_request *request, int status, const char *word, const dozan_error *err);

#define MLFLOW(prefix) prefix "/{version}/mlflow/"
#define ARTIFACTS(prefix) prefix "/{version}/mlflow-artifacts/artifacts"

/* Searches are posts that change nothing. */
#define ROUTES(prefix)                                                                             \
    {"GET", MLFLOW(prefix) "server-info", tell_server, DZ_ROLE_NONE},                              \
        {"GET", MLFLOW(prefix) "artifacts/list", mlflow_run_list, DZ_ROLE_VIEWER},                 \
        {"GET", MLFLOW(prefix) "logged-models/{model_id}/artifacts/directories",                   \
         mlflow_model_list, DZ_ROLE_VIEWER},                                                       \
        {"GET", MLFLOW(prefix) "logged-models/{model_id}/artifacts/files", mlflow_model_get,       \
         DZ_ROLE_VIEWER},                                                                          \
        {"POST", MLFLOW(prefix) "upload-artifact", mlflow_run_put, DZ_ROLE_EDITOR},                \
        {"GET", MLFLOW(prefix) "{call...}", answer_call, DZ_ROLE_VIEWER},                          \
        {"POST", MLFLOW(prefix) "{group}/search", answer_call, DZ_ROLE_VIEWER},                    \
        {"POST", MLFLOW(prefix) "experiments/search-datasets", answer_call, DZ_ROLE_VIEWER},       \
        {"POST", MLFLOW(prefix) "registered-models/get-latest-versions", answer_call,              \
         DZ_ROLE_VIEWER},                                                                          \
        {"POST", MLFLOW(prefix) "{call...}", answer_call, DZ_ROLE_EDITOR},                         \
        {"PATCH", MLFLOW(prefix) "{call...}", answer_call, DZ_ROLE_EDITOR},                        \
        {"DELETE", MLFLOW(prefix) "{call...}", answer_call, DZ_ROLE_EDITOR},                       \
        {"GET", ARTIFACTS(prefix), list_artifacts, DZ_ROLE_VIEWER},                                \
        {"GET", ARTIFACTS(prefix) "/{path...}", get_artifact, DZ_ROLE_VIEWER},                     \
        {"PUT", ARTIFACTS(prefix) "/{path...}", put_artifact, DZ_ROLE_EDITOR},                     \
    {                                                                                              \
        "DELETE", ARTIFACTS(prefix) "/{path...}", delete_artifact, DZ_ROLE_EDITOR                  \
    }

static const dz_http_route routes[] = {
    ROUTES("/api"),
    ROUTES("/ajax-api"),
    {"GET", "/api/v1alpha1/namespaces/{namespace}/experiments/{name}/lineage", mlflow_lineage,
     DZ_ROLE_VIEWER},
    {"GET", "/health", tell_health, DZ_ROLE_NONE},
    {"GET", "/get-artifact", mlflow_run_get, DZ_ROLE_VIEWER},
    {"GET", "/model-versions/get-artifact", mlflow_version_get, DZ_ROLE_VIEWER},
};

dozan_status dz_mlflow_create(const dz_mlflow_config *config, dz_mlflow **mlflow, dozan_error *err)
{
    dz_mlflow *made = calloc(1, sizeof(*made));
    dozan_status status = DOZAN_OK;
    if (made == NULL)
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    made->config = *config;
    made->root = -1;
    made->readers = calloc(config->workers + 1, sizeof(dz_track *));
    if (made->readers == NULL)
        status = dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    if (status == DOZAN_OK)
        status = dz_commit_create(config->db_path, config->durability, &made->commit, err);
    if (status == DOZAN_OK) {
        (void)mkdir(config->artifacts, 0777);
        made->root = open(config->artifacts, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (made->root < 0)
            status = dozan_error_set(err, DOZAN_PERMISSION_DENIED, config->artifacts,
                                     "the folder of the artifacts cannot be made or read: %s",
                                     strerrordesc_np(errno));
    }
    if (status == DOZAN_OK)
        status = dz_registrar_create(config->db_path, made->commit, config->note, config->note_user,
                                     &made->registrar, err);
    if (status == DOZAN_OK)
        *mlflow = made;
    else
        dz_mlflow_destroy(made);
    return status;
}

void dz_mlflow_destroy(dz_mlflow *mlflow)
{
    if (mlflow == NULL)
        return;
    for (size_t i = 0; mlflow->readers != NULL && i < mlflow->config.workers; i++)
        dz_track_close(mlflow->readers[i]);
    free(mlflow->readers);
    dz_registrar_destroy(mlflow->registrar);
    dz_commit_destroy(mlflow->commit);
    if (mlflow->root >= 0)
        (void)close(mlflow->root);
    free(mlflow);
}

dz_http_route_set dz_mlflow_routes(dz_mlflow *mlflow)
{
    return (dz_http_route_set){routes, sizeof(routes) / sizeof(routes[0]), mlflow};
}

/* ---- calls ---- */

static void answer_call(void *context, dz_http_request *request)
{
    dz_mlflow *mlflow = context;
    const mlflow_call *call = NULL;
    dozan_error err = {0};
    dz_json out;
    dozan_buf_init(&out.buf, ANSWER_MAX);
    cJSON *arguments = read_body(request, &err);
    dozan_status status = arguments != NULL ? DOZAN_OK : err.code;
    if (status == DOZAN_OK)
        status = find_call(request, arguments, &call, &err);
    if (status == DOZAN_OK)
        status = read_query(request, call->fields, arguments, &err);
    if (status == DOZAN_OK)
        status = dz_fields_check(call->fields, arguments, request->body, &err);
    if (status == DOZAN_OK)
        status = run(mlflow, request, call, arguments, &out, &err);
    cJSON_Delete(arguments);
    if (status == DOZAN_OK)
        reply(request, &out);
    else
        mlflow_fail(request, &err);
    dozan_buf_fini(&out.buf);
}

static dozan_status find_call(const dz_http_request *request, cJSON *arguments,
                              const mlflow_call **call, dozan_error *err)
{
    const char *path = dz_http_param(request, "call");
    const char *mark = strstr(request->path, "/mlflow/");
    if (path == NULL)
        path = mark != NULL ? mark + strlen("/mlflow/") : "";
    *call = mlflow_find(strcmp(request->method, "HEAD") == 0 ? "GET" : request->method, path,
                        arguments);
    if (*call == NULL)
        return dozan_error_set(err, DOZAN_UNIMPLEMENTED, NULL,
                               "This server has no %s %.200s: tracing and other parts for "
                               "generative models are not served",
                               request->method, path);
    return DOZAN_OK;
}

static bool is_get(const dz_http_request *request)
{
    return strcmp(request->method, "GET") == 0 || strcmp(request->method, "HEAD") == 0;
}

/* A body that is no JSON has no fields, and so misses some. */
static cJSON *read_body(const dz_http_request *request, dozan_error *err)
{
    static const char json[] = "application/json";
    const char *type = dz_http_header(request, "Content-Type");
    cJSON *arguments = NULL;
    if (!is_get(request) &&
        (type == NULL ? request->body_size > 0 : strncasecmp(type, json, sizeof(json) - 1) != 0)) {
        (void)dozan_error_set(err, DOZAN_INVALID_ARGUMENT, NULL,
                              "Bad Request. Content-Type must be application/json");
        return NULL;
    }
    if (!is_get(request))
        arguments = cJSON_ParseWithLength(request->body, request->body_size);
    if (!cJSON_IsObject(arguments)) {
        cJSON_Delete(arguments);
        arguments = cJSON_CreateObject();
    } else if (!dz_fields_keep_digits(arguments, request->body, request->body_size)) {
        cJSON_Delete(arguments);
        arguments = NULL;
    }
    if (arguments == NULL)
        (void)dozan_error_set(err, DOZAN_UNAVAILABLE, NULL, "out of memory");
    return arguments;
}

/* What the call does not know is left out. A field that is a list may come many times; of others
 * the first counts, and before it what the path says. */
static dozan_status read_query(const dz_http_request *request, const dz_field *fields,
                               cJSON *arguments, dozan_error *err)
{
    bool good = true;
    for (size_t i = 0; is_get(request) && good && i < request->query_count; i++) {
        const dz_http_pair *pair = &request->query[i];
        const dz_field *field = fields;
        while (field != NULL && field->name != NULL && strcmp(field->name, pair->name) != 0)
            field++;
        if (field == NULL || field->name == NULL)
            continue;
        cJSON *old = cJSON_GetObjectItemCaseSensitive(arguments, pair->name);
        if (field->type != DZ_FIELD_TEXTS && field->type != DZ_FIELD_ANY) {
            good =
                old != NULL || cJSON_AddStringToObject(arguments, pair->name, pair->value) != NULL;
            continue;
        }
        if (old == NULL)
            old = cJSON_AddArrayToObject(arguments, pair->name);
        cJSON *item = old != NULL ? cJSON_CreateString(pair->value) : NULL;
        good = item != NULL && cJSON_AddItemToArray(old, item);
    }
    return good ? DOZAN_OK : dozan_error_set(err, DOZAN_UNAVAILABLE, NULL, "out of memory");
}

static dozan_status run(dz_mlflow *mlflow, const dz_http_request *request, const mlflow_call *call,
                        const cJSON *arguments, dz_json *out, dozan_error *err)
{
    dz_track *track = NULL;
    dz_json_open(out, NULL, '{');
    dozan_status status = mlflow_reader(mlflow, request, &track, err);
    if (status == DOZAN_OK)
        status = mlflow_scope(mlflow, request, call, arguments, err);
    if (status == DOZAN_OK)
        status = call->writes ? dz_commit_run(mlflow->commit, call->call, arguments, out, err)
                              : dz_track_read(track, call->call, arguments, out, err);
    if (status == DOZAN_OK)
        status = mlflow_tell(mlflow, track, call, arguments, err);
    dz_json_close(out, '}');
    return status;
}

dozan_status mlflow_reader(dz_mlflow *mlflow, const dz_http_request *request, dz_track **track,
                           dozan_error *err)
{
    dz_track **reader = &mlflow->readers[request->worker];
    dozan_status status = DOZAN_OK;
    if (*reader == NULL)
        status =
            dz_track_open(mlflow->config.db_path, DZ_STORE_READ, DZ_DURABILITY_NORMAL, reader, err);
    *track = *reader;
    return status;
}

dozan_status mlflow_read(dz_mlflow *mlflow, const dz_http_request *request, dz_track_call *call,
                         const cJSON *arguments, dz_json *out, dozan_error *err)
{
    dz_track *track = NULL;
    dz_json_open(out, NULL, '{');
    dozan_status status = mlflow_reader(mlflow, request, &track, err);
    if (status == DOZAN_OK)
        status = dz_track_read(track, call, arguments, out, err);
    dz_json_close(out, '}');
    return status;
}

static void put_artifact(void *context, dz_http_request *request)
{
    if (mlflow_scope_artifact(context, request))
        mlflow_artifact_put(context, request);
}

static void get_artifact(void *context, dz_http_request *request)
{
    if (mlflow_scope_artifact(context, request))
        mlflow_artifact_get(context, request);
}

static void list_artifacts(void *context, dz_http_request *request)
{
    if (mlflow_scope_artifact(context, request))
        mlflow_artifact_list(context, request);
}

static void delete_artifact(void *context, dz_http_request *request)
{
    if (mlflow_scope_artifact(context, request))
        mlflow_artifact_delete(context, request);
}

static void reply(dz_http_request *request, dz_json *out)
{
    dz_http_answer answer = {.size = out->buf.size};
    dozan_error err = {0};
    answer.body = dozan_buf_take(&out->buf);
    if (answer.body != NULL) {
        dz_http_reply(request, &answer);
        return;
    }
    (void)dozan_error_set(&err, DOZAN_UNAVAILABLE, NULL, "out of memory");
    mlflow_fail(request, &err);
}

void mlflow_fail(dz_http_request *request, const dozan_error *err)
{
    static const struct {
        dozan_status code;
        int status;
        const char *word;
    } words[] = {
        {DOZAN_INVALID_ARGUMENT, 400, "INVALID_PARAMETER_VALUE"},
        {DOZAN_ALREADY_EXISTS, 400, "RESOURCE_ALREADY_EXISTS"},
        {DOZAN_NOT_FOUND, 404, "RESOURCE_DOES_NOT_EXIST"},
        {DOZAN_UNIMPLEMENTED, 501, "NOT_IMPLEMENTED"},
        {DOZAN_PERMISSION_DENIED, 403, "PERMISSION_DENIED"},
        {DOZAN_UNAVAILABLE, 503, "TEMPORARILY_UNAVAILABLE"},
        {DOZAN_RESOURCE_EXHAUSTED, 503, "TEMPORARILY_UNAVAILABLE"},
        {DOZAN_FAILED_PRECONDITION, 400, "BAD_REQUEST"},
    };
    int status = 500;
    const char *word = "INTERNAL_ERROR";
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (words[i].code == err->code) {
            status = words[i].status;
            word = words[i].word;
        }
    }
    refuse(request, status, word, err);
}

static void refuse(dz_http_request *request, int status, const char *word, const dozan_error *err)
{
    cJSON *tree = cJSON_CreateObject();
    (void)cJSON_AddStringToObject(tree, "error_code", word);
    (void)cJSON_AddStringToObject(tree, "message", err->message);
    dz_http_reply_json(request, status, tree);
}

bool dz_mlflow_refuse(dz_http_request *request, int status, const dozan_error *err)
{
    static const char *const paths[] = {"/api/2.0/mlflow", "/api/3.0/mlflow", "/ajax-api/",
                                        "/get-artifact", "/model-versions/get-artifact"};
    static const struct {
        int status;
        const char *word;
    } words[] = {
        {400, "BAD_REQUEST"},        {401, "UNAUTHENTICATED"}, {403, "PERMISSION_DENIED"},
        {404, "ENDPOINT_NOT_FOUND"}, {405, "BAD_REQUEST"},     {413, "INVALID_PARAMETER_VALUE"},
        {429, "RESOURCE_EXHAUSTED"}, {431, "BAD_REQUEST"},     {503, "TEMPORARILY_UNAVAILABLE"},
    };
    const char *word = "INTERNAL_ERROR";
    bool ours = false;
    for (size_t i = 0; request->path != NULL && i < sizeof(paths) / sizeof(paths[0]); i++)
        ours = ours || strncmp(request->path, paths[i], strlen(paths[i])) == 0;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (words[i].status == status)
            word = words[i].word;
    if (ours)
        refuse(request, status, word, err);
    return ours;
}

/* ---- what a client asks of the server itself ---- */

static void tell_health(void *context, dz_http_request *request)
{
    (void)context;
    dz_http_reply_text(request, 200, "text/plain", "OK");
}

static void tell_server(void *context, dz_http_request *request)
{
    (void)context;
    dz_http_reply_text(request, 200, "application/json",
                       "{\"store_type\":\"SqlStore\",\"workspaces_enabled\":false,"
                       "\"multipart_upload_enabled\":false,\"multipart_download_enabled\":false}");
}
