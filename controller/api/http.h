/*
 * A request over HTTP, the table of routes that finds its handler, and its answer.
 *
 * Nothing here knows of sockets: http_server.c hands requests in, and a test or a fuzzer may do the
 * same. Every request that a handler gets is answered exactly once (dz_http_reply and what is built
 * on it), by whichever thread, and is not touched after that.
 *
 * All text is what the client sent, decoded from %XX, and ends with a 0; a path or query with a 0
 * inside, or a broken %XX, is refused before any handler sees it.
 */
#ifndef DZ_API_HTTP_H
#define DZ_API_HTTP_H

#include "auth/auth.h"
#include <cjson/cJSON.h>
#include <dozan/status.h>
#include <stdint.h>

enum {
    DZ_HTTP_MAX_PARAMS = 6,
    DZ_HTTP_MAX_QUERY = 4096,
    DZ_HTTP_MAX_HEADERS = 64,
    DZ_HTTP_MAX_EXTRA = 4 /* headers that an answer may add */
};

typedef struct dz_http_pair {
    const char *name, *value;
} dz_http_pair;

typedef struct dz_http_request dz_http_request;
typedef struct dz_http_stream dz_http_stream; /* http_stream.h */
typedef void dz_http_handler(void *context, dz_http_request *request);

/* A row of a table of routes. In a path, {name} stands for one part, and {name...} at the end for
 * all that is left. Where several rows fit, the first one counts. */
typedef struct dz_http_route {
    const char *method; /* "GET" answers HEAD too */
    const char *path;   /* "/apis/kubeflow.org/v1beta1/namespaces/{namespace}/trials/{name}" */
    dz_http_handler *handler;
    dz_role role; /* needed in {namespace}, or in all where the path has none; NONE = open to all */
} dz_http_route;

typedef struct dz_http_route_set {
    const dz_http_route *routes;
    size_t count;
    void *context; /* for the handlers */
} dz_http_route_set;

typedef struct dz_http_answer {
    int status;       /* HTTP's; 0 = 200 */
    const char *type; /* a literal; NULL = application/json */
    char *body;       /* malloc'ed and taken; or borrowed for ever */
    size_t size;
    bool borrowed;
    dz_http_pair
        headers[DZ_HTTP_MAX_EXTRA]; /* names are literals, values are copied; NULL = no more */
    dz_http_stream *stream; /* instead of a body: taken; the answer goes on until it is ended */
} dz_http_answer;

struct dz_http_request {
    const char *method;
    const char *path; /* as it was sent, without the query */
    dz_http_pair params[DZ_HTTP_MAX_PARAMS];
    size_t param_count;
    dz_http_pair *query; /* owned */
    size_t query_count;
    dz_http_pair headers[DZ_HTTP_MAX_HEADERS];
    size_t header_count;
    const char *body;
    size_t body_size;
    const char *user; /* who asks; NULL = nobody is known */
    size_t worker;    /* number of the thread that the handler runs on, below the server's count */
    char *text;       /* what path and query point into; owned */
    char *params_text;
    /* Where the answer goes; takes what is in it. */
    void (*deliver)(dz_http_request *request, dz_http_answer *answer);
};

/* Takes a request apart: target is "/path?query" as it stands in the request line.
 * INVALID_ARGUMENT, RESOURCE_EXHAUSTED. dz_http_request_fini in any case. */
DOZAN_MUST_USE dozan_status dz_http_request_init(dz_http_request *request, const char *method,
                                                 const char *target, dozan_error *err);
void dz_http_request_fini(dz_http_request *request);

/* The route of a request, which gets its params: NOT_FOUND; UNIMPLEMENTED when there are only other
 * methods for the path (HTTP: 405). */
DOZAN_MUST_USE dozan_status dz_http_find(const dz_http_route_set *sets, size_t count,
                                         dz_http_request *request, const dz_http_route **route,
                                         void **context, dozan_error *err);

/* A part of the path, a parameter of the query, a header (in any case); NULL = there is none. */
const char *dz_http_param(const dz_http_request *request, const char *name);
const char *dz_http_query(const dz_http_request *request, const char *name);
const char *dz_http_header(const dz_http_request *request, const char *name);

/* Whether the query has it as "true" or "1", or without a value. */
bool dz_http_flag(const dz_http_request *request, const char *name);

/* The query's whole number from min to max; `otherwise` when it is not given. INVALID_ARGUMENT. */
DOZAN_MUST_USE dozan_status dz_http_number(const dz_http_request *request, const char *name,
                                           int64_t min, int64_t max, int64_t otherwise,
                                           int64_t *number, dozan_error *err);

/* ---- answers: each takes the request */

void dz_http_reply(dz_http_request *request, const dz_http_answer *answer);
void dz_http_reply_json(dz_http_request *request, int status, cJSON *tree); /* takes the tree */
void dz_http_reply_text(dz_http_request *request, int status, const char *type, const char *text);

/* Kubernetes' Status object for an error. `status` 0 = as the code of err says. `reason` NULL = as
 * the status says. */
void dz_http_fail(dz_http_request *request, const dozan_error *err);
void dz_http_refuse(dz_http_request *request, int status, const char *reason,
                    const dozan_error *err);
void dz_http_refusef(dz_http_request *request, int status, const char *format, ...)
    DOZAN_PRINTF(3, 4);

/* The Status object itself; NULL = no memory. Owned. */
cJSON *dz_http_status(int status, const char *reason, const char *message);

/* Kubernetes' word for an HTTP status: "NotFound". */
const char *dz_http_reason(int status);

#endif
