/*
 * The inside of the HTTP server, in three files: http_server.c is its start, its threads and its
 * end; http_exchange.c the life of one request; http_listen.c the socket and the TLS files.
 */
#ifndef DZ_API_HTTP_EXCHANGE_H
#define DZ_API_HTTP_EXCHANGE_H

#include "api/http_server.h"
#include "api/http_stream.h"

#include <dozan/buf.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <pthread.h>

enum { HTTP_HOST_TEXT = INET6_ADDRSTRLEN + 2 };

typedef struct http_tls {
    char *cert, *key, *ca; /* PEM; NULL = none */
} http_tls;

typedef struct connection {
    struct connection *previous, *next;
    int fd;
    int64_t deadline_ms; /* on the monotonic clock; INT64_MAX = none */
    char address[INET6_ADDRSTRLEN];
} connection;

typedef enum exchange_phase {
    EXCHANGE_NEW,
    EXCHANGE_TAKING,  /* its body */
    EXCHANGE_WORKING, /* suspended: it is a handler's */
    EXCHANGE_QUEUED   /* its answer is libmicrohttpd's */
} exchange_phase;

/* One request and its answer. It belongs to the server's thread, but for the time that it is
 * suspended: then to whoever is to answer it. */
typedef struct exchange {
    dz_http_request request;
    dz_http_server *server;
    struct MHD_Connection *link;
    connection *peer;
    char *target;
    exchange_phase phase;
    dozan_error problem; /* found before the handler: answered once the body is over */
    int problem_status;  /* 0 = none */
    dozan_buf body;
    size_t counted; /* of the body, in the server's bodies */
    dz_http_handler *handler;
    void *handler_context;
    struct exchange *next_queued;

    dz_http_answer answer;
    char *header_values[DZ_HTTP_MAX_EXTRA]; /* the answer's; owned */
    dz_http_stream *stream; /* the answer's, while it is sent; in the list of those */
    struct exchange *previous_streaming, *next_streaming;
    int status;    /* what was answered */
    int64_t bytes; /* of the answer's body */
    int64_t begun_us;
} exchange;

typedef struct http_worker {
    dz_http_server *server;
    pthread_t thread;
    size_t number;
} http_worker;

struct dz_http_server {
    dz_http_config config;
    struct MHD_Daemon *daemon;
    int socket;
    uint16_t port;
    char host[HTTP_HOST_TEXT];
    char *url;
    http_tls tls;
    http_worker *workers;
    size_t worker_count;
    pthread_t house;
    bool house_runs;

    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t work_there;
    pthread_cond_t changed; /* in_flight, stopping */
    bool stopping;
    exchange *queue_first, *queue_last;
    exchange *streaming;
    connection *connections;
    size_t body_bytes; /* held by all requests */
    dz_http_stats stats;
};

/* libmicrohttpd's callbacks; cls is the server. */
enum MHD_Result dz_http_on_request(void *cls, struct MHD_Connection *link, const char *url,
                                   const char *method, const char *version, const char *upload,
                                   size_t *upload_size, void **own);
void *dz_http_on_target(void *cls, const char *target, struct MHD_Connection *link);
size_t dz_http_on_unescape(void *cls, struct MHD_Connection *link, char *text);
void dz_http_on_completed(void *cls, struct MHD_Connection *link, void **own,
                          enum MHD_RequestTerminationCode code);
void dz_http_on_connection(void *cls, struct MHD_Connection *link, void **own,
                           enum MHD_ConnectionNotificationCode code);
void dz_http_on_message(void *cls, const char *format, va_list arguments);

int64_t dz_http_now_us(void);
int64_t dz_http_now_ms(void);

#endif
