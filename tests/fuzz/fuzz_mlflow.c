/*
 * Fuzzes MLflow's REST API through its real handlers, on a database and a folder of its own.
 *
 * An input is a request: line, headers, an empty line, body. One whose first line is "SEARCH WHAT"
 * is a search with the second line as its filter and the third as its order, so that the grammar
 * is reached without the quoting of JSON. A run and a logged model that are there have random ids:
 * RUN and MODEL stand for them. Each request gets exactly one answer, which is well-formed;
 * whatever a client sends is its own mistake, and never a failure of the server's.
 */
#include "mlflow/mlflow.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST = 8192, PATHS = 64, OPEN_FILES = 16, ID = 32 };

static const char RUN[] = "00000000000000000000000000000001";
static const char MODEL[] = "m-00000000000000000000000000000002";

typedef struct tracking_in_a_test {
    char folder[PATHS], db[PATHS + 8], artifacts[PATHS + 8];
    dz_mlflow *mlflow;
    size_t answers; /* to the present request */
    char run[ID + 1], model[2 + ID + 1];
} tracking_in_a_test;

static tracking_in_a_test *the_tracking(void);
static void ask(const char *method, const char *target, const char *body, size_t size);

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *at)
{
    (void)info;
    (void)kind;
    (void)at;
    return remove(path);
}

static void end_all(void)
{
    dz_mlflow_destroy(the_tracking()->mlflow);
    (void)nftw(the_tracking()->folder, remove_one, OPEN_FILES, FTW_DEPTH | FTW_PHYS);
}

/* What the corpus knows: experiment 0, a run, a logged model, model "m" with a version. */
static void fill(void)
{
    static const char *const posts[][2] = {
        {"runs/create", "{\"experiment_id\":\"0\",\"run_name\":\"one\",\"tags\":[{\"key\":\"t\","
                        "\"value\":\"a\"}]}"},
        {"runs/create", "{\"experiment_id\":\"0\",\"run_name\":\"two\"}"},
        {"registered-models/create", "{\"name\":\"m\"}"},
        {"model-versions/create", "{\"name\":\"m\",\"source\":\"runs:/x/model\"}"},
        {"logged-models", "{\"experiment_id\":\"0\",\"name\":\"l\"}"},
    };
    char target[128];
    for (size_t i = 0; i < sizeof(posts) / sizeof(posts[0]); i++) {
        (void)snprintf(target, sizeof(target), "/api/2.0/mlflow/%s", posts[i][0]);
        ask("POST", target, posts[i][1], strlen(posts[i][1]));
    }
}

static tracking_in_a_test *the_tracking(void)
{
    static tracking_in_a_test made;
    static bool there;
    dozan_error err = {0};
    if (there)
        return &made;
    there = true;
    (void)snprintf(made.folder, sizeof(made.folder), "/tmp/dozan-fuzz-mlflow-XXXXXX");
    if (mkdtemp(made.folder) == NULL)
        abort();
    (void)snprintf(made.db, sizeof(made.db), "%s/t.db", made.folder);
    (void)snprintf(made.artifacts, sizeof(made.artifacts), "%s/a", made.folder);
    dz_mlflow_config config = {.db_path = made.db,
                               .artifacts = made.artifacts,
                               .durability = DZ_DURABILITY_OFF,
                               .workers = 1};
    if (dz_mlflow_create(&config, &made.mlflow, &err) != DOZAN_OK || atexit(end_all) != 0)
        abort();
    fill();
    if (strlen(made.run) != strlen(RUN) || strlen(made.model) != strlen(MODEL))
        abort();
    return &made;
}

/* The first id of its kind that is told. */
static void note_id(const dz_http_answer *answer, const char *before, char *id, size_t size)
{
    const char *found = *id == '\0' && answer->body != NULL
                            ? memmem(answer->body, answer->size, before, strlen(before))
                            : NULL;
    if (found == NULL)
        return;
    found += strlen(before);
    if ((size_t)(answer->body + answer->size - found) < size)
        return;
    memcpy(id, found, size - 1);
    id[size - 1] = '\0';
}

/* Puts what is there in the place of what stands for it; both are of one length. */
static void put_id(char *text, size_t size, const char *stands, const char *id)
{
    size_t length = strlen(stands);
    char *at = memmem(text, size, stands, length);
    for (; at != NULL; at = memmem(at, size - (size_t)(at - text), stands, length))
        memcpy(at, id, length);
}

static void deliver(dz_http_request *request, dz_http_answer *answer)
{
    int status = answer->status == 0 ? 200 : answer->status;
    the_tracking()->answers++;
    note_id(answer, "\"run_id\":\"", the_tracking()->run, sizeof(the_tracking()->run));
    note_id(answer, "\"model_id\":\"", the_tracking()->model, sizeof(the_tracking()->model));
    if (status < 200 || (status >= 500 && status != 501))
        abort();
    if (answer->type == NULL || strcmp(answer->type, "application/json") == 0) {
        cJSON *tree = cJSON_ParseWithLength(answer->body, answer->size);
        if (tree == NULL || (status >= 400 && !cJSON_HasObjectItem(tree, "error_code")))
            abort();
        cJSON_Delete(tree);
    }
    if (!answer->borrowed)
        free(answer->body);
    (void)request;
}

static void send_it(dz_http_request *request)
{
    const dz_http_route *route = NULL;
    void *context = NULL;
    dozan_error err = {0};
    dz_http_route_set set = dz_mlflow_routes(the_tracking()->mlflow);
    the_tracking()->answers = 0;
    request->deliver = deliver;
    if (dz_http_find(&set, 1, request, &route, &context, &err) != DOZAN_OK)
        return;
    route->handler(context, request);
    if (the_tracking()->answers != 1)
        abort();
}

static void ask(const char *method, const char *target, const char *body, size_t size)
{
    dz_http_request request;
    dozan_error err = {0};
    if (dz_http_request_init(&request, method, target, &err) == DOZAN_OK) {
        request.headers[request.header_count++] =
            (dz_http_pair){"Content-Type", "application/json"};
        request.body = body;
        request.body_size = size;
        send_it(&request);
    }
    dz_http_request_fini(&request);
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

static void search(const char *what, char *text, const char *end)
{
    char target[128], *filter = take_line(&text, end), *order = take_line(&text, end);
    cJSON *tree = cJSON_CreateObject();
    const char *all = "0";
    cJSON_AddItemToObject(tree, "experiment_ids", cJSON_CreateStringArray(&all, 1));
    if (filter != NULL)
        (void)cJSON_AddStringToObject(tree, "filter", filter);
    if (order != NULL)
        cJSON_AddItemToObject(tree, "order_by",
                              cJSON_CreateStringArray((const char *const *)&order, 1));
    char *body = cJSON_PrintUnformatted(tree);
    cJSON_Delete(tree);
    if (body == NULL)
        abort();
    (void)snprintf(target, sizeof(target), "/api/2.0/mlflow/%.60s/search", what);
    ask("POST", target, body, strlen(body));
    cJSON_free(body);
}

static void handle(char *text, const char *end)
{
    dz_http_request request;
    dozan_error err = {0};
    char *line = take_line(&text, end);
    char *target = line != NULL ? strchr(line, ' ') : NULL;
    if (target == NULL)
        return;
    *target++ = '\0';
    if (strcmp(line, "SEARCH") == 0) {
        search(target, text, end);
        return;
    }
    if (dz_http_request_init(&request, line, target, &err) == DOZAN_OK) {
        for (line = take_line(&text, end); line != NULL && *line != '\0';
             line = take_line(&text, end)) {
            char *colon = strchr(line, ':');
            if (colon == NULL || request.header_count == DZ_HTTP_MAX_HEADERS)
                continue;
            *colon = '\0';
            request.headers[request.header_count++] =
                (dz_http_pair){line, colon + 1 + strspn(colon + 1, " ")};
        }
        request.body = text;
        request.body_size = (size_t)(end - text);
        send_it(&request);
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
    (void)the_tracking();
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    put_id(text, size, RUN, the_tracking()->run);
    put_id(text, size, MODEL, the_tracking()->model);
    handle(text, text + size);
    free(text);
    return 0;
}
