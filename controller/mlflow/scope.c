/*
 * What the token of a trial's run may do: read what is tracked, and write to its run, to runs below
 * it, and to the models that these make. It is no user's, so that code that is being tuned can
 * neither promote a model nor touch another's run.
 */
#include "mlflow/parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *token_of(const dz_http_request *request, size_t *size);
static dozan_status identify(dz_mlflow *mlflow, const dz_http_request *request, dz_track **track,
                             char own[DZ_RUN_ID], dozan_error *err);
static dozan_status may_write(dz_track *track, const char *own, const mlflow_call *call,
                              const cJSON *arguments, dozan_error *err);
static dozan_status may_use_models(dz_track *track, const char *own, const cJSON *arguments,
                                   dozan_error *err);
static dozan_status of_run(dz_track *track, const char *own, const char *run, dozan_error *err);
static dozan_status of_model(dz_track *track, const char *own, const char *model, dozan_error *err);
static dozan_status of_path(dz_track *track, const char *own, const char *path, dozan_error *err);
static dozan_status refuse(const char *own, dozan_error *err);

static const char *text_of(const cJSON *arguments, const char *name)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(arguments, name));
    return text != NULL ? text : "";
}

const char *mlflow_run_of(const cJSON *arguments)
{
    const char *run = text_of(arguments, "run_id");
    return *run != '\0' ? run : text_of(arguments, "run_uuid");
}

bool dz_mlflow_is_trial(const dz_http_request *request)
{
    size_t size = 0;
    return token_of(request, &size) != NULL;
}

/* On the server's own thread: what needs the database is looked at by the handlers. */
dozan_status dz_mlflow_authorize(dz_mlflow *mlflow, dz_http_request *request, dz_role role,
                                 dozan_error *err)
{
    char run[DZ_RUN_ID];
    size_t size = 0;
    const char *token = token_of(request, &size);
    bool ours = strstr(request->path, "/mlflow/") != NULL ||
                strstr(request->path, "/mlflow-artifacts/") != NULL;
    if (token == NULL || mlflow->config.key == NULL ||
        !dz_key_check(mlflow->config.key, token, size, run))
        return dozan_error_set(err, DOZAN_UNAUTHENTICATED, NULL, "this token is not known");
    request->user = "a trial";
    if (!ours || role > DZ_ROLE_EDITOR)
        return dozan_error_set(err, DOZAN_PERMISSION_DENIED, NULL,
                               "a trial's token is for its run alone");
    return DOZAN_OK;
}

dozan_status mlflow_scope(dz_mlflow *mlflow, const dz_http_request *request,
                          const mlflow_call *call, const cJSON *arguments, dozan_error *err)
{
    dz_track *track = NULL;
    char own[DZ_RUN_ID];
    dozan_status status = identify(mlflow, request, &track, own, err);
    if (status != DOZAN_OK || *own == '\0' || !call->writes)
        return status;
    status = may_write(track, own, call, arguments, err);
    return status == DOZAN_OK ? may_use_models(track, own, arguments, err) : status;
}

bool mlflow_scope_artifact(dz_mlflow *mlflow, dz_http_request *request)
{
    dozan_error err = {0};
    dozan_status status = mlflow_scope_place(mlflow, request, dz_http_param(request, "path"), &err);
    if (status != DOZAN_OK)
        mlflow_fail(request, &err);
    return status == DOZAN_OK;
}

dozan_status mlflow_scope_place(dz_mlflow *mlflow, const dz_http_request *request,
                                const char *place, dozan_error *err)
{
    dz_track *track = NULL;
    char own[DZ_RUN_ID];
    bool reads = strcmp(request->method, "GET") == 0 || strcmp(request->method, "HEAD") == 0;
    dozan_status status = identify(mlflow, request, &track, own, err);
    if (status == DOZAN_OK && *own != '\0' && !reads)
        status = of_path(track, own, place, err);
    return status;
}

/* The run whose token the request has, while its trial lives; "" = a user's, whose role is known to
 * suffice. */
static dozan_status identify(dz_mlflow *mlflow, const dz_http_request *request, dz_track **track,
                             char own[DZ_RUN_ID], dozan_error *err)
{
    dz_track_trial trial = {0};
    size_t size = 0;
    const char *token = token_of(request, &size);
    *own = '\0';
    if (token == NULL || mlflow->config.key == NULL)
        return DOZAN_OK;
    if (!dz_key_check(mlflow->config.key, token, size, own))
        return dozan_error_set(err, DOZAN_PERMISSION_DENIED, NULL, "this token is not known");
    dozan_status status = mlflow_reader(mlflow, request, track, err);
    if (status == DOZAN_OK)
        status = dz_track_find_trial(*track, own, &trial, err);
    if (status == DOZAN_OK && !trial.active)
        return dozan_error_set(err, DOZAN_PERMISSION_DENIED, NULL,
                               "the trial of this token has ended");
    return status;
}

/* NULL when the request has none, or a user's. */
static const char *token_of(const dz_http_request *request, size_t *size)
{
    const char *header = dz_http_header(request, "Authorization");
    const char *token = header != NULL ? dz_auth_bearer(header, size) : NULL;
    return token != NULL && dz_key_is_token(token) ? token : NULL;
}

static dozan_status may_write(dz_track *track, const char *own, const mlflow_call *call,
                              const cJSON *arguments, dozan_error *err)
{
    static dz_track_call *const of_runs[] = {
        dz_track_run_log_metric, dz_track_run_log_batch,   dz_track_run_log_param,
        dz_track_run_update,     dz_track_run_set_tag,     dz_track_run_delete_tag,
        dz_track_run_log_inputs, dz_track_run_log_outputs, dz_track_run_log_model};
    static dz_track_call *const of_models[] = {dz_track_model_finalize, dz_track_model_set_tags,
                                               dz_track_model_delete_tag,
                                               dz_track_model_log_params};
    const cJSON *tag;
    for (size_t i = 0; i < sizeof(of_runs) / sizeof(of_runs[0]); i++)
        if (call->call == of_runs[i])
            return of_run(track, own, mlflow_run_of(arguments), err);
    for (size_t i = 0; i < sizeof(of_models) / sizeof(of_models[0]); i++)
        if (call->call == of_models[i])
            return of_model(track, own, text_of(arguments, "model_id"), err);
    if (call->call == dz_track_model_create)
        return of_run(track, own, text_of(arguments, "source_run_id"), err);
    if (call->call != dz_track_run_create)
        return refuse(own, err);
    cJSON_ArrayForEach(tag, cJSON_GetObjectItemCaseSensitive(arguments, "tags"))
    {
        if (strcmp(text_of(tag, "key"), "mlflow.parentRunId") == 0)
            return of_run(track, own, text_of(tag, "value"), err);
    }
    return refuse(own, err);
}

/* A metric may be one of a model, too. A run that says it is below another is not moved there. */
static dozan_status may_use_models(dz_track *track, const char *own, const cJSON *arguments,
                                   dozan_error *err)
{
    const cJSON *item;
    dozan_status status = DOZAN_OK;
    if (strcmp(text_of(arguments, "key"), "mlflow.parentRunId") == 0)
        return refuse(own, err);
    if (*text_of(arguments, "model_id") != '\0')
        status = of_model(track, own, text_of(arguments, "model_id"), err);
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(arguments, "metrics"))
    {
        if (status == DOZAN_OK && *text_of(item, "model_id") != '\0')
            status = of_model(track, own, text_of(item, "model_id"), err);
    }
    return status;
}

static dozan_status of_run(dz_track *track, const char *own, const char *run, dozan_error *err)
{
    bool below = false;
    dozan_status status = dz_track_is_below(track, run, own, &below, err);
    return status == DOZAN_OK && !below ? refuse(own, err) : status;
}

static dozan_status of_model(dz_track *track, const char *own, const char *model, dozan_error *err)
{
    char run[DZ_RUN_ID];
    dozan_status status = dz_track_model_run(track, model, run, err);
    return status == DOZAN_OK ? of_run(track, own, run, err) : status;
}

/* PLACE/RUN/artifacts/..., or PLACE/models/MODEL/artifacts/... */
static dozan_status of_path(dz_track *track, const char *own, const char *path, dozan_error *err)
{
    char part[2][DZ_RUN_ID] = {"", ""};
    dz_track_trial trial;
    char place[24];
    dozan_status status = dz_track_find_trial(track, own, &trial, err);
    (void)snprintf(place, sizeof(place), "%" PRId64 "/", trial.place);
    if (status != DOZAN_OK || strncmp(path, place, strlen(place)) != 0)
        return status == DOZAN_OK ? refuse(own, err) : status;
    path += strlen(place);
    for (size_t i = 0; i < 2; i++) {
        size_t length = strcspn(path, "/");
        if (length >= DZ_RUN_ID)
            return refuse(own, err);
        memcpy(part[i], path, length);
        path += length;
        path += *path == '/';
    }
    return strcmp(part[0], "models") == 0      ? of_model(track, own, part[1], err)
           : strcmp(part[1], "artifacts") == 0 ? of_run(track, own, part[0], err)
                                               : refuse(own, err);
}

static dozan_status refuse(const char *own, dozan_error *err)
{
    return dozan_error_set(err, DOZAN_PERMISSION_DENIED, NULL,
                           "the token of run %s may write to this run, the runs below it and their "
                           "models alone",
                           own);
}
