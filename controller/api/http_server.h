/*
 * The HTTP server: libmicrohttpd behind our table of routes. One thread does all input and output;
 * handlers run on a fixed number of others and may block there. Answers that go on (watches, logs
 * that are followed) hold no thread at all.
 *
 * All that comes from outside is bounded: connections, headers, bodies, how long each may take to
 * come, requests that wait, streams. Past a bound the request gets an answer that says so, or,
 * where there is nobody to answer, its connection ends; the server goes on.
 */
#ifndef DZ_API_HTTP_SERVER_H
#define DZ_API_HTTP_SERVER_H

#include "api/http.h"

typedef struct dz_http_server dz_http_server;

/* Whether a request may be made: `role` is the route's, `namespace_` (may be NULL) that of its
 * path. Sets request->user, to a text that lives as long as the server. UNAUTHENTICATED or
 * PERMISSION_DENIED refuses it. Runs before the body is taken, and must not block. `certificate` is
 * the common name of the client's, or NULL. */
typedef dozan_status dz_http_authorize(void *context, dz_http_request *request, dz_role role,
                                       const char *namespace_, const char *certificate,
                                       dozan_error *err);

/* Answers what is refused before a handler has it, in the words of the API that was asked; false
 * when it is none that it knows. */
typedef bool dz_http_refuser(dz_http_request *request, int status, const dozan_error *err);

/* One request that is over, for the log. Runs on the server's thread. */
typedef struct dz_http_record {
    const char *method, *path, *user, *peer; /* the path without its query; user may be NULL */
    int status;
    int64_t bytes;
    double seconds;
} dz_http_record;

typedef void dz_http_log(void *context, const dz_http_record *record);

/* In each, 0 is the default. */
typedef struct dz_http_config {
    const dz_http_route_set *sets; /* borrowed until the destruction */
    size_t set_count;
    dz_http_authorize
        *authorize; /* NULL: loopback alone, and only for requests to a loopback name */
    void *authorize_context;
    dz_http_refuser *refuse; /* NULL: refusals are Kubernetes' Status */
    dz_http_log *log;
    void *log_context;
    const char *tls_cert, *tls_key, *tls_ca; /* files; ca: to check clients' certificates with */
    size_t workers;                          /* 8 */
    size_t max_queue;                        /* requests that wait for a worker: 4,096 */
    unsigned max_connections;                /* 4,096 */
    unsigned max_per_address;                /* none */
    size_t max_streams;                      /* 2,048 */
    size_t max_body;                         /* 4 MiB */
    size_t max_bodies;                       /* of all requests together: 256 MiB */
    size_t max_header;                       /* request line and headers: 128 KiB */
    int64_t header_limit_ms; /* from the connection to the end of the first headers: 15 s */
    int64_t body_limit_ms;   /* from there to the end of the body: 60 s */
    int64_t idle_limit_ms;   /* a connection between requests: 75 s */
    int64_t stall_limit_ms;  /* a client that does not read its answer: 60 s */
} dz_http_config;

/* Starts at "HOST:PORT", "[IPV6]:PORT" or ":PORT"; port 0 takes a free one. PERMISSION_DENIED for
 * an address that is not loopback without `authorize`. UNAVAILABLE: the address is in use. */
DOZAN_MUST_USE dozan_status dz_http_server_create(const char *listen, const dz_http_config *config,
                                                  dz_http_server **server, dozan_error *err);

/* Takes no more requests, ends the streams, waits for the handlers' answers, and frees. NULL. */
void dz_http_server_destroy(dz_http_server *server);

/* "http://127.0.0.1:7070", as a client of this machine reaches it. */
const char *dz_http_server_url(const dz_http_server *server);
uint16_t dz_http_server_port(const dz_http_server *server);
size_t dz_http_server_workers(const dz_http_server *server);

/* ---- figures */

enum { DZ_HTTP_METHODS = 6, DZ_HTTP_BUCKETS = 16 };

typedef struct dz_http_stats {
    /* GET POST PUT PATCH DELETE and others; bucket i counts what took at most 2^i * 100 us, the
     * last one all the rest. Streams are counted, not timed. */
    struct {
        uint64_t by_class[6]; /* answers by the first digit of their status; 0 = none was given */
        uint64_t buckets[DZ_HTTP_BUCKETS];
        uint64_t timed;
        double seconds;
    } methods[DZ_HTTP_METHODS];
    uint64_t connections_total, timeouts, refused;
    int64_t connections, streams, waiting, in_flight;
} dz_http_stats;

void dz_http_server_stats(dz_http_server *server, dz_http_stats *stats);
const char *dz_http_method_name(size_t index); /* "other" for the last */

#endif
