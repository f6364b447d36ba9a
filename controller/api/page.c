#include "api/page_parts.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define BASE "/api/v1alpha1/"
#define EXPERIMENT BASE "namespaces/{namespace}/experiments/{name}"

static void answer_view(dz_page *page, dz_http_request *request, dz_view *view);
static void act(dz_page *page, dz_http_request *request, dz_command_kind kind);

/* The views by the path's end. */
#define VIEWS(X)                                                                                   \
    X(experiments, BASE "experiments")                                                             \
    X(experiments_of_one, BASE "namespaces/{namespace}/experiments")                               \
    X(experiment, EXPERIMENT)                                                                      \
    X(history, EXPERIMENT "/history")                                                              \
    X(curves, EXPERIMENT "/curves")                                                                \
    X(trials, EXPERIMENT "/trials")                                                                \
    X(trial, EXPERIMENT "/trials/{number}")                                                        \
    X(sample, EXPERIMENT "/sample")                                                                \
    X(importance, EXPERIMENT "/importance")                                                        \
    X(contour, EXPERIMENT "/contour")                                                              \
    X(front, EXPERIMENT "/front")                                                                  \
    X(timeline, EXPERIMENT "/timeline")                                                            \
    X(source, EXPERIMENT "/source")                                                                \
    X(compare, EXPERIMENT "/compare")

#define dz_view_experiments_of_one dz_view_experiments
#define VIEW_HANDLER(name, path)                                                                   \
    static void view_##name(void *context, dz_http_request *request)                               \
    {                                                                                              \
        answer_view(context, request, dz_view_##name);                                             \
    }
VIEWS(VIEW_HANDLER)
#undef VIEW_HANDLER

static void act_stop(void *context, dz_http_request *request)
{
    act(context, request, DZ_COMMAND_STOP);
}

static void act_resume(void *context, dz_http_request *request)
{
    act(context, request, DZ_COMMAND_RESUME);
}

static void act_kill(void *context, dz_http_request *request)
{
    act(context, request, DZ_COMMAND_KILL_TRIAL);
}

static void act_retry(void *context, dz_http_request *request)
{
    act(context, request, DZ_COMMAND_RETRY_TRIAL);
}

static const dz_http_route routes[] = {
#define VIEW_ROUTE(name, path) {"GET", path, view_##name, DZ_ROLE_VIEWER},
    VIEWS(VIEW_ROUTE)
#undef VIEW_ROUTE
        {"GET", EXPERIMENT "/export.csv", page_export_csv, DZ_ROLE_VIEWER},
    {"GET", EXPERIMENT "/export.json", page_export_json, DZ_ROLE_VIEWER},
    {"POST", EXPERIMENT "/stop", act_stop, DZ_ROLE_EDITOR},
    {"POST", EXPERIMENT "/resume", act_resume, DZ_ROLE_EDITOR},
    {"POST", EXPERIMENT "/trials/{number}/kill", act_kill, DZ_ROLE_EDITOR},
    {"POST", EXPERIMENT "/trials/{number}/retry", act_retry, DZ_ROLE_EDITOR},
    {"GET", "/", page_root, DZ_ROLE_NONE},
    {"GET", "/{file}", page_file, DZ_ROLE_NONE},
};

dozan_status dz_page_create(const dz_page_config *config, dz_page **page, dozan_error *err)
{
    dz_page *made = calloc(1, sizeof *made);
    dozan_status status = DOZAN_RESOURCE_EXHAUSTED;
    if (made != NULL) {
        made->config = *config;
        made->stores = calloc(config->workers + 1, sizeof(dz_store *));
    }
    if (made == NULL || made->stores == NULL) {
        free(made);
        return dozan_error_set(err, status, NULL, "out of memory");
    }
    status = dz_views_create(&made->views, err);
    if (status == DOZAN_OK)
        status = page_exporter_create(&made->exporter, err);
    if (status != DOZAN_OK) {
        dz_page_destroy(made);
        return status;
    }
    *page = made;
    return DOZAN_OK;
}

void dz_page_destroy(dz_page *page)
{
    if (page == NULL)
        return;
    page_exporter_destroy(page->exporter);
    for (size_t i = 0; i < page->config.workers; i++)
        dz_store_close(page->stores[i]);
    free(page->stores);
    dz_views_destroy(page->views);
    free(page);
}

dz_http_route_set dz_page_routes(dz_page *page)
{
    return (dz_http_route_set){
        .routes = routes, .count = sizeof routes / sizeof *routes, .context = page};
}

/* ---- helpers */

static int64_t wall_ms(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The trial's number of the path; 0 where the path has none. */
static dozan_status read_trial(const dz_http_request *request, int64_t *trial, dozan_error *err)
{
    const char *text = dz_http_param(request, "number");
    char *end = NULL;
    *trial = 0;
    if (text == NULL)
        return DOZAN_OK;
    long long number = strtoll(text, &end, 10);
    if (*end != '\0' || number < 1)
        return dozan_error_set(err, DOZAN_NOT_FOUND, NULL, "\"%.40s\" is no number of a trial",
                               text);
    *trial = number;
    return DOZAN_OK;
}

static dozan_status open_store(dz_page *page, const dz_http_request *request, dozan_error *err)
{
    dz_store **store = &page->stores[request->worker];
    if (*store != NULL)
        return DOZAN_OK;
    return dz_store_open(page->config.db_path, DZ_STORE_READ, DZ_DURABILITY_NORMAL, store, err);
}

static void answer_view(dz_page *page, dz_http_request *request, dz_view *view)
{
    dozan_error err = {0};
    cJSON *tree = NULL;
    dz_view_query *query = calloc(request->query_count + 1, sizeof(*query));
    if (query == NULL) {
        dz_http_refusef(request, 500, "out of memory");
        return;
    }
    dz_view_request asked = {.views = page->views,
                             .namespace_ = dz_http_param(request, "namespace"),
                             .experiment = dz_http_param(request, "name"),
                             .query = query,
                             .query_count = request->query_count,
                             .now_ms = wall_ms()};
    for (size_t i = 0; i < request->query_count; i++)
        query[i] = (dz_view_query){
            .name = request->query[i].name,
            .value = request->query[i].value != NULL ? request->query[i].value : ""};
    dozan_status status = read_trial(request, &asked.trial, &err);
    if (status == DOZAN_OK)
        status = open_store(page, request, &err);
    asked.store = page->stores[request->worker];
    if (status == DOZAN_OK)
        status = view(&asked, &tree, &err);
    free(query);
    if (status != DOZAN_OK) {
        dz_http_fail(request, &err);
        return;
    }
    /* On one line: the page reads it, and people have jq. */
    char *text = cJSON_PrintUnformatted(tree);
    cJSON_Delete(tree);
    if (text == NULL) {
        dz_http_refusef(request, 500, "out of memory");
        return;
    }
    dz_http_answer answer = {.body = text, .size = strlen(text)};
    answer.headers[0] = (dz_http_pair){"Cache-Control", "no-store"};
    dz_http_reply(request, &answer);
}

/* A form of another site cannot send this media type without asking first, which is never granted.
 */
static bool is_json(const dz_http_request *request)
{
    const char *type = dz_http_header(request, "Content-Type");
    return type != NULL && strncasecmp(type, "application/json", 16) == 0;
}

static void act(dz_page *page, dz_http_request *request, dz_command_kind kind)
{
    dozan_error err = {0};
    int64_t trial = 0, made = 0;
    if (!is_json(request)) {
        dz_http_refusef(request, 415, "send it with Content-Type: application/json");
        return;
    }
    dozan_status status = read_trial(request, &trial, &err);
    if (status == DOZAN_OK)
        status = page->config.control(page->config.service, dz_http_param(request, "namespace"),
                                      dz_http_param(request, "name"), kind, trial, &made, &err);
    if (status != DOZAN_OK) {
        dz_http_fail(request, &err);
        return;
    }
    cJSON *tree = cJSON_CreateObject();
    if (made > 0)
        (void)cJSON_AddNumberToObject(tree, "trial", (double)made);
    dz_http_reply_json(request, 200, tree);
}
