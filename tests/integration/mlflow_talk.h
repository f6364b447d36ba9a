/*
 * Talking to MLflow's REST API without a socket: a request goes through the table of routes to its
 * handler and a database of its own.
 */
#ifndef DZ_TESTS_MLFLOW_TALK_H
#define DZ_TESTS_MLFLOW_TALK_H

#include "mlflow/mlflow.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <ftw.h>
#include <unistd.h>

#define API "/api/2.0/mlflow/"
#define FILES "/api/2.0/mlflow-artifacts/artifacts"

enum { TARGET = 2048, BODY = 4096 };

typedef struct fixture {
    char folder[64], db[96], artifacts[96], run[40];
    dz_mlflow *mlflow;
    dz_http_route_set set;
} fixture;

/* One exchange; the request is its first member, so that the answer finds it. */
typedef struct talk {
    dz_http_request request;
    int status;
    char *body;
} talk;

static inline void keep(dz_http_request *request, dz_http_answer *answer)
{
    talk *own = (talk *)(void *)request;
    own->status = answer->status != 0 ? answer->status : 200;
    own->body = strndup(answer->body, answer->size);
    if (!answer->borrowed)
        free(answer->body);
    assert_non_null(own->body);
}

/* The status; *reply (may be NULL) is the caller's. */
static inline int ask(fixture *f, const char *method, const char *target, const char *body,
                      char **reply)
{
    talk own = {.status = 0};
    dozan_error err = {0};
    const dz_http_route *route = NULL;
    void *context = NULL;
    assert_int_equal(dz_http_request_init(&own.request, method, target, &err), DOZAN_OK);
    own.request.deliver = keep;
    own.request.body = body != NULL ? body : "";
    own.request.body_size = strlen(own.request.body);
    own.request.headers[own.request.header_count++] =
        (dz_http_pair){"Content-Type", "application/json"};
    assert_int_equal(dz_http_find(&f->set, 1, &own.request, &route, &context, &err), DOZAN_OK);
    route->handler(context, &own.request);
    dz_http_request_fini(&own.request);
    if (reply != NULL)
        *reply = own.body;
    else
        free(own.body);
    return own.status;
}

static inline void expect(fixture *f, const char *method, const char *target, const char *body,
                          int status, const char *part)
{
    char *reply = NULL;
    int got = ask(f, method, target, body, &reply);
    if (got != status || strstr(reply, part) == NULL)
        fail_msg("%s %s %s: %d %s; wanted %d with %s", method, target, body != NULL ? body : "",
                 got, reply, status, part);
    free(reply);
}

static inline void post(fixture *f, const char *call, int status, const char *part,
                        const char *body)
{
    char target[TARGET];
    (void)snprintf(target, sizeof(target), API "%s", call);
    expect(f, "POST", target, body, status, part);
}

/* A post on the fixture's run: `rest` follows its id. */
static inline void post_run(fixture *f, const char *call, int status, const char *part,
                            const char *rest)
{
    char body[BODY];
    (void)snprintf(body, sizeof(body), "{\"run_id\":\"%s\"%s}", f->run, rest);
    post(f, call, status, part, body);
}

static inline void get_run(fixture *f, const char *part)
{
    char target[TARGET];
    (void)snprintf(target, sizeof(target), API "runs/get?run_id=%s", f->run);
    expect(f, "GET", target, NULL, 200, part);
}

static inline void get_history(fixture *f, const char *query, int status, const char *part)
{
    char target[TARGET];
    (void)snprintf(target, sizeof(target), API "metrics/get-history?run_id=%s&%s", f->run, query);
    expect(f, "GET", target, NULL, status, part);
}

static inline int set_up(void **state)
{
    fixture *f = calloc(1, sizeof(*f));
    dozan_error err = {0};
    char *reply = NULL;
    assert_non_null(f);
    (void)snprintf(f->folder, sizeof(f->folder), "/tmp/dozan-mlflow-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    (void)snprintf(f->db, sizeof(f->db), "%s/t.db", f->folder);
    (void)snprintf(f->artifacts, sizeof(f->artifacts), "%s/a", f->folder);
    dz_mlflow_config config = {
        .db_path = f->db, .artifacts = f->artifacts, .durability = DZ_DURABILITY_OFF, .workers = 1};
    assert_int_equal(dz_mlflow_create(&config, &f->mlflow, &err), DOZAN_OK);
    f->set = dz_mlflow_routes(f->mlflow);
    assert_int_equal(ask(f, "POST", API "runs/create", "{\"experiment_id\":\"0\"}", &reply), 200);
    const char *id = strstr(reply, "\"run_id\":\"");
    assert_non_null(id);
    (void)snprintf(f->run, sizeof(f->run), "%.32s", id + strlen("\"run_id\":\""));
    free(reply);
    *state = f;
    return 0;
}

static inline int remove_one(const char *path, const struct stat *info, int kind, struct FTW *at)
{
    (void)info;
    (void)kind;
    (void)at;
    return remove(path);
}

static inline int tear_down(void **state)
{
    fixture *f = *state;
    dz_mlflow_destroy(f->mlflow);
    assert_int_equal(nftw(f->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
    free(f);
    return 0;
}

#endif
