/*
 * Fuzzes requests over HTTP, from their text to their answer: line, headers, an empty line, body.
 * They go through the routes of the Kubernetes API to its real handlers, with selectors, patches,
 * tables and watches, on a database that has an experiment; what would change something is checked
 * as the service does, and then refused. Each request gets exactly one answer, which is
 * well-formed.
 */
#include "api/http_stream.h"
#include "api/kube.h"
#include "support/views_fixture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST = 8192 };

typedef struct service_in_a_test {
    views_fixture views;
    dz_kube *kube;
    size_t answers; /* to the present request */
} service_in_a_test;

static service_in_a_test *the_service(void);

/* The document is read as the service does; its dry run gives it back. */
static dozan_status submit(dz_service *service, const dz_submission *submission,
                           dz_submitted *submitted, dz_problems *problems, dozan_error *err)
{
    dz_experiment_spec *spec = NULL;
    (void)service;
    dozan_status status = dz_spec_read(submission->source, submission->source_size,
                                       submission->source_name, NULL, 0, &spec, problems);
    if (status != DOZAN_OK)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "spec", "refused");
    if (submission->dry_run)
        submitted->document = cJSON_Duplicate(spec->document, true);
    else
        submitted->experiment_id = the_service()->views.experiment->id;
    dz_spec_destroy(spec);
    return DOZAN_OK;
}

static dozan_status replace(dz_service *service, const dz_submission *submission, const char *name,
                            int64_t expected_version, dz_submitted *submitted,
                            dz_problems *problems, dozan_error *err)
{
    dozan_status status = submit(service, submission, submitted, problems, err);
    if (status == DOZAN_OK && (name == NULL || expected_version > 1000000))
        return dozan_error_set(err, DOZAN_ABORTED, NULL, "another version");
    return status;
}

static dozan_status refuse(dz_service *service, const char *namespace_, const char *name,
                           const char *expected_uid, int64_t *experiment_id, dozan_error *err)
{
    (void)service;
    (void)namespace_;
    (void)expected_uid;
    (void)experiment_id;
    return dozan_error_set(err, DOZAN_NOT_FOUND, NULL, "no %s", name);
}

static void end_all(void)
{
    dz_kube_destroy(the_service()->kube);
    views_close(&the_service()->views);
}

static service_in_a_test *the_service(void)
{
    static service_in_a_test made;
    static bool there;
    dozan_error err = {0};
    if (there)
        return &made;
    there = true;
    views_open(&made.views, "bowl", 1);
    views_add_ended(&made.views, 5);
    (void)views_add_running(&made.views);
    dz_kube_config config = {.calls = {submit, replace, refuse},
                             .db_path = made.views.base.path,
                             .job_directory = made.views.base.directory,
                             .workers = 1};
    views_must(dz_kube_create(&config, &made.kube, &err), &err);
    if (atexit(end_all) != 0)
        abort();
    return &made;
}

static void deliver(dz_http_request *request, dz_http_answer *answer)
{
    int status = answer->status == 0 ? 200 : answer->status;
    the_service()->answers++;
    if (status < 200 || status > 599)
        abort();
    if (answer->stream != NULL) { /* nobody reads it */
        dz_http_stream_close(answer->stream);
        dz_http_stream_leave(answer->stream);
        dz_kube_committed(the_service()->kube);
    } else if (answer->type == NULL || strcmp(answer->type, "application/json") == 0) {
        cJSON *tree = cJSON_ParseWithLength(answer->body, answer->size);
        if (tree == NULL || (status >= 400 && !cJSON_HasObjectItem(tree, "reason")))
            abort();
        cJSON_Delete(tree);
    }
    if (!answer->borrowed)
        free(answer->body);
    (void)request;
}

/* The next line, with a 0 at its end. */
static char *take_line(char **text, const char *end)
{
    char *line = *text;
    char *stop = memchr(line, '\n', (size_t)(end - line));
    if (stop == NULL)
        return NULL;
    *stop = '\0';
    *text = stop + 1;
    return line;
}

static void take_headers(dz_http_request *request, char **text, const char *end)
{
    for (char *line = take_line(text, end); line != NULL && *line != '\0';
         line = take_line(text, end)) {
        char *colon = strchr(line, ':');
        if (colon == NULL || request->header_count == DZ_HTTP_MAX_HEADERS)
            continue;
        *colon = '\0';
        request->headers[request->header_count++] =
            (dz_http_pair){line, colon + 1 + strspn(colon + 1, " ")};
    }
}

static void handle(char *text, const char *end)
{
    dz_http_request request;
    const dz_http_route *route = NULL;
    void *context = NULL;
    dozan_error err = {0};
    char *line = take_line(&text, end);
    char *target = line != NULL ? strchr(line, ' ') : NULL;
    service_in_a_test *service = the_service();
    if (target == NULL)
        return;
    *target++ = '\0';
    dz_http_route_set set = dz_kube_routes(service->kube);
    if (dz_http_request_init(&request, line, target, &err) == DOZAN_OK) {
        take_headers(&request, &text, end);
        request.body = text;
        request.body_size = (size_t)(end - text);
        request.deliver = deliver;
        service->answers = 0;
        if (dz_http_find(&set, 1, &request, &route, &context, &err) == DOZAN_OK) {
            route->handler(context, &request);
            if (service->answers != 1)
                abort();
        }
    }
    dz_http_request_fini(&request);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > MOST)
        return 0;
    char *text = malloc(size + 1);
    if (text == NULL)
        abort();
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    handle(text, text + size);
    free(text);
    return 0;
}
