#include "api/work.h"

#include "api/build.h"
#include "api/kube_parts.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { DEFAULT_WAIT_S = 20, MAX_WAIT_S = DZ_WORK_MAX_WAIT_MS / 1000, NUMBER_TEXT = 32 };

#define IN "/api/v1alpha1/namespaces/{namespace}"

/* A request under way: owned by nobody but its answer. */
typedef struct pending {
    dz_work work;
    dz_http_request *request;
    cJSON *body; /* what the work's texts point into */
    dz_point_in *points;
    char (*numbers)[NUMBER_TEXT]; /* of the points that were given as numbers */
} pending;

static dz_http_handler ask, heartbeat, report, tell;
static void begin(dz_work_api *api, dz_http_request *request, dz_request_kind kind);
static dozan_status read_body(pending *made, dozan_error *err);
static dozan_status read_ask(pending *made, dozan_error *err);
static dozan_status read_attempt(pending *made, dozan_error *err);
static dozan_status read_outcome(pending *made, dozan_error *err);
static dozan_status read_metrics(pending *made, dozan_error *err);
static dozan_status read_metric(pending *made, const cJSON *item, size_t index, dozan_error *err);
static dozan_status read_value(pending *made, const cJSON *value, size_t index, dozan_error *err);
static dozan_status read_text(const cJSON *body, const char *name, const char **text,
                              dozan_error *err);
static void done(dz_work *work, dozan_status status, const dozan_error *err);
static cJSON *given(dz_work *work);
static cJSON *told(const dz_work *work);
static cJSON *whole(const dz_builder *build, cJSON *tree);
static void destroy(pending *made);

static const dz_http_route routes[] = {
    {"POST", IN "/experiments/{name}/ask", ask, DZ_ROLE_EDITOR},
    {"POST", IN "/trials/{name}/heartbeat", heartbeat, DZ_ROLE_EDITOR},
    {"POST", IN "/trials/{name}/report", report, DZ_ROLE_EDITOR},
    {"POST", IN "/trials/{name}/tell", tell, DZ_ROLE_EDITOR},
};

dz_http_route_set dz_work_routes(dz_work_api *api)
{
    return (dz_http_route_set){routes, sizeof(routes) / sizeof(routes[0]), api};
}

static void ask(void *context, dz_http_request *request)
{
    begin(context, request, DZ_REQUEST_TAKE);
}

static void heartbeat(void *context, dz_http_request *request)
{
    begin(context, request, DZ_REQUEST_RENEW);
}

static void report(void *context, dz_http_request *request)
{
    begin(context, request, DZ_REQUEST_REPORT);
}

static void tell(void *context, dz_http_request *request)
{
    begin(context, request, DZ_REQUEST_FINISH);
}

/* A form of another site cannot send that media type without asking first, which is never granted.
 */
static void begin(dz_work_api *api, dz_http_request *request, dz_request_kind kind)
{
    static const char json[] = "application/json";
    const char *type = dz_http_header(request, "Content-Type");
    dozan_error err = {0};
    if (type == NULL || strncasecmp(type, json, sizeof(json) - 1) != 0) {
        dz_http_refusef(request, 415, "send it with Content-Type: %s", json);
        return;
    }
    pending *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        dz_http_refusef(request, 500, "out of memory");
        return;
    }
    made->request = request;
    made->work = (dz_work){.kind = kind,
                           .namespace_ = dz_http_param(request, "namespace"),
                           .name = dz_http_param(request, "name"),
                           .done = done,
                           .user = made};
    dozan_status status = read_body(made, &err);
    if (status == DOZAN_OK && kind == DZ_REQUEST_TAKE)
        status = read_ask(made, &err);
    else if (status == DOZAN_OK)
        status = read_attempt(made, &err);
    if (status == DOZAN_OK && kind == DZ_REQUEST_FINISH)
        status = read_outcome(made, &err);
    if (status == DOZAN_OK && (kind == DZ_REQUEST_FINISH || kind == DZ_REQUEST_REPORT))
        status = read_metrics(made, &err);
    if (status != DOZAN_OK) {
        destroy(made);
        dz_http_fail(request, &err);
        return;
    }
    api->work(api->service, &made->work);
}

/* ---- what was sent */

static dozan_status read_body(pending *made, dozan_error *err)
{
    dozan_status status = kube_body(made->request, &made->body, err);
    if (status == DOZAN_OK && !cJSON_IsObject(made->body))
        status = dozan_error_set(err, DOZAN_INVALID_ARGUMENT, NULL, "the body is no JSON object");
    return status;
}

static dozan_status read_ask(pending *made, dozan_error *err)
{
    const cJSON *wait = cJSON_GetObjectItemCaseSensitive(made->body, "waitSeconds");
    double seconds = wait != NULL ? cJSON_GetNumberValue(wait) : DEFAULT_WAIT_S;
    if (!(seconds >= 0 && seconds <= MAX_WAIT_S))
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "waitSeconds",
                               "a number from 0 to %d is wanted", (int)MAX_WAIT_S);
    made->work.wait_ms = (int64_t)(seconds * 1000);
    return read_text(made->body, "worker", &made->work.worker, err);
}

static dozan_status read_attempt(pending *made, dozan_error *err)
{
    const cJSON *attempt = cJSON_GetObjectItemCaseSensitive(made->body, "attempt");
    double number = attempt != NULL ? cJSON_GetNumberValue(attempt) : 0;
    if (!(number >= 1 && number <= INT32_MAX))
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "attempt",
                               "the attempt that the ask gave is wanted: it tells your lease from "
                               "that of others");
    made->work.attempt = (int32_t)number;
    return read_text(made->body, "request", &made->work.request_id, err);
}

static dozan_status read_outcome(pending *made, dozan_error *err)
{
    static const struct {
        const char *name;
        dz_outcome outcome;
    } known[] = {{"Succeeded", DZ_OUTCOME_SUCCEEDED},
                 {"Failed", DZ_OUTCOME_FAILED},
                 {"Released", DZ_OUTCOME_RELEASED}};
    const char *name = NULL;
    dozan_status status = read_text(made->body, "outcome", &name, err);
    if (status == DOZAN_OK)
        status = read_text(made->body, "message", &made->work.message, err);
    if (status != DOZAN_OK || name == NULL)
        return status; /* it has succeeded */
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (strcasecmp(known[i].name, name) == 0) {
            made->work.outcome = known[i].outcome;
            return DOZAN_OK;
        }
    }
    return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "outcome",
                           "\"%.40s\" is none: Succeeded, Failed (the assignment's fault) or "
                           "Released (not its fault: another worker gets the trial)",
                           name);
}

/* {"loss": 0.3} or [{"name": "loss", "value": 0.3, "timestamp": milliseconds}] */
static dozan_status read_metrics(pending *made, dozan_error *err)
{
    const cJSON *metrics = cJSON_GetObjectItemCaseSensitive(made->body, "metrics"), *item;
    dozan_status status = DOZAN_OK;
    size_t index = 0;
    if (metrics == NULL || cJSON_IsNull(metrics))
        return DOZAN_OK;
    if (!cJSON_IsObject(metrics) && !cJSON_IsArray(metrics))
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "metrics",
                               "an object of values by name is wanted, or a list of objects with "
                               "name and value");
    size_t count = (size_t)cJSON_GetArraySize(metrics);
    made->points = calloc(count + 1, sizeof(*made->points));
    made->numbers = calloc(count + 1, sizeof(*made->numbers));
    if (made->points == NULL || made->numbers == NULL)
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    cJSON_ArrayForEach(item, metrics)
    {
        if (status == DOZAN_OK && cJSON_IsObject(metrics)) {
            made->points[index].metric = item->string;
            status = read_value(made, item, index, err);
        } else if (status == DOZAN_OK) {
            status = read_metric(made, item, index, err);
        }
        index++;
    }
    made->work.points = made->points;
    made->work.point_count = index;
    return status;
}

static dozan_status read_metric(pending *made, const cJSON *item, size_t index, dozan_error *err)
{
    const cJSON *time = cJSON_GetObjectItemCaseSensitive(item, "timestamp");
    const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(item, "name"));
    double when = time != NULL ? cJSON_GetNumberValue(time) : 0;
    if (name == NULL)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "metrics", "metric %zu has no name",
                               index + 1);
    if (!(when >= 0 && when < 1e15))
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "metrics",
                               "the timestamp of metric %zu is no number of milliseconds since "
                               "1970",
                               index + 1);
    made->points[index].metric = name;
    made->points[index].time_ms = (int64_t)when;
    return read_value(made, cJSON_GetObjectItemCaseSensitive(item, "value"), index, err);
}

/* A text stays as it is: "nan" is a value too, which JSON has no number for. */
static dozan_status read_value(pending *made, const cJSON *value, size_t index, dozan_error *err)
{
    if (cJSON_IsString(value)) {
        made->points[index].value = value->valuestring;
        return DOZAN_OK;
    }
    if (!cJSON_IsNumber(value))
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "metrics",
                               "the value of metric %zu (%.60s) is neither a number nor a text",
                               index + 1, made->points[index].metric);
    (void)snprintf(made->numbers[index], NUMBER_TEXT, "%.17g", value->valuedouble);
    made->points[index].value = made->numbers[index];
    return DOZAN_OK;
}

static dozan_status read_text(const cJSON *body, const char *name, const char **text,
                              dozan_error *err)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(body, name);
    if (item != NULL && !cJSON_IsNull(item) && !cJSON_IsString(item))
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, name, "a text is wanted");
    *text = item != NULL ? item->valuestring : NULL;
    return DOZAN_OK;
}

/* ---- what is answered */

static void done(dz_work *work, dozan_status status, const dozan_error *err)
{
    pending *made = work->user;
    dz_http_request *request = made->request;
    if (status != DOZAN_OK) {
        destroy(made);
        dz_http_fail(request, err);
        return;
    }
    cJSON *tree = work->kind == DZ_REQUEST_TAKE ? given(work) : told(work);
    char *text = tree != NULL ? cJSON_PrintUnformatted(tree) : NULL;
    cJSON_Delete(tree);
    destroy(made);
    if (text == NULL) {
        dz_http_refusef(request, 500, "out of memory");
        return;
    }
    dz_http_answer answer = {.body = text, .size = strlen(text)};
    answer.headers[0] = (dz_http_pair){"Cache-Control", "no-store"};
    dz_http_reply(request, &answer);
}

/* {"state": the experiment's, "continue": whether to ask again, "trial": {...} or null}; NULL for
 * want of memory. */
static cJSON *given(dz_work *work)
{
    dz_builder build = {0};
    cJSON *tree = cJSON_CreateObject();
    dz_build_text(&build, tree, "state", work->state);
    dz_build_add(&build, tree, "continue", cJSON_CreateBool(work->go_on));
    if (work->assignments == NULL) {
        dz_build_add(&build, tree, "trial", cJSON_CreateNull());
        return whole(&build, tree);
    }
    cJSON *trial = dz_build_object(&build, tree, "trial");
    dz_build_text(&build, trial, "name", work->trial);
    dz_build_number(&build, trial, "number", work->number);
    dz_build_number(&build, trial, "attempt", work->taken_attempt);
    dz_build_add(&build, trial, "leaseSeconds", cJSON_CreateNumber((double)work->lease_ms / 1000));
    dz_build_add(&build, trial, "assignments", work->assignments);
    work->assignments = NULL;
    return whole(&build, tree);
}

static cJSON *whole(const dz_builder *build, cJSON *tree)
{
    if (!build->failed)
        return tree;
    cJSON_Delete(tree);
    return NULL;
}

static cJSON *told(const dz_work *work)
{
    dz_builder build = {0};
    cJSON *tree = cJSON_CreateObject();
    dz_build_text(&build, tree, "state", work->state);
    dz_build_add(&build, tree, "continue", cJSON_CreateBool(work->go_on));
    dz_build_text(&build, tree, "reason", work->reason);
    dz_build_text(&build, tree, "message", work->text);
    if (work->kind != DZ_REQUEST_RENEW) {
        dz_build_number(&build, tree, "taken", work->reported.taken);
        dz_build_number(&build, tree, "repeated", work->reported.repeated);
        dz_build_number(&build, tree, "dropped", work->reported.dropped);
    }
    return whole(&build, tree);
}

static void destroy(pending *made)
{
    cJSON_Delete(made->work.assignments);
    cJSON_Delete(made->body);
    free(made->points);
    free(made->numbers);
    free(made);
}
