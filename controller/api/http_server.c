#include "api/http_server.h"

#include "api/http_exchange.h"
#include "api/http_listen.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    DEFAULT_WORKERS = 8,
    DEFAULT_QUEUE = 4096,
    DEFAULT_CONNECTIONS = 4096,
    DEFAULT_STREAMS = 2048,
    DEFAULT_BODY = 4 << 20,
    DEFAULT_BODIES = 256 << 20,
    DEFAULT_HEADER = 128 << 10,
    DEFAULT_HEADER_MS = 15000,
    DEFAULT_BODY_MS = 60000,
    DEFAULT_IDLE_MS = 75000,
    DEFAULT_STALL_MS = 60000,
    TICK_MS = 250,
    FAREWELL_MS = 2000,
    WORKER_STACK = 1 << 20,
    BACKLOG = 1024
};

static void set_defaults(dz_http_config *config);
static dozan_status start_threads(dz_http_server *server, dozan_error *err);
static dozan_status start_thread(pthread_t *thread, void *(*run)(void *), void *argument,
                                 dozan_error *err);
static dozan_status start_daemon(dz_http_server *server, dozan_error *err);
static void *work(void *argument);
static void *keep_house(void *argument);
static bool client_is_gone(void *user);

dozan_status dz_http_server_create(const char *listen, const dz_http_config *config,
                                   dz_http_server **server, dozan_error *err)
{
    dz_http_server *made = calloc(1, sizeof(*made));
    if (made == NULL)
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    made->config = *config;
    made->socket = -1;
    set_defaults(&made->config);
    (void)pthread_mutex_init(&made->lock, NULL);
    (void)pthread_cond_init(&made->work_there, NULL);
    pthread_condattr_t clock;
    (void)pthread_condattr_init(&clock);
    (void)pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&made->changed, &clock);
    (void)pthread_condattr_destroy(&clock);
    dozan_status status = dz_http_listen(listen, config->authorize == NULL, BACKLOG, &made->socket,
                                         &made->port, made->host, err);
    if (status == DOZAN_OK)
        status = dz_http_tls_read(&made->config, &made->tls, err);
    if (status == DOZAN_OK &&
        asprintf(&made->url, "%s://%s:%u", made->tls.key != NULL ? "https" : "http", made->host,
                 (unsigned)made->port) < 0) {
        made->url = NULL;
        status = dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    }
    if (status == DOZAN_OK)
        status = start_threads(made, err);
    if (status == DOZAN_OK)
        status = start_daemon(made, err);
    if (status != DOZAN_OK) {
        dz_http_server_destroy(made);
        return status;
    }
    *server = made;
    return DOZAN_OK;
}

/* In this order nothing is left suspended when the daemon stops, which libmicrohttpd asks for: no
 * request begins after `stopping`, streams end, and every request under way is answered. */
void dz_http_server_destroy(dz_http_server *server)
{
    if (server == NULL)
        return;
    if (server->daemon != NULL)
        (void)MHD_quiesce_daemon(server->daemon);
    (void)pthread_mutex_lock(&server->lock);
    server->stopping = true;
    for (exchange *item = server->streaming; item != NULL; item = item->next_streaming)
        dz_http_stream_close(item->stream);
    (void)pthread_cond_broadcast(&server->work_there);
    (void)pthread_cond_broadcast(&server->changed);
    while (server->stats.in_flight > 0)
        (void)pthread_cond_wait(&server->changed, &server->lock);
    int64_t until_ms = dz_http_now_ms() + FAREWELL_MS; /* for the ends of streams to be sent */
    struct timespec until = {.tv_sec = until_ms / 1000, .tv_nsec = until_ms % 1000 * 1000000};
    while (server->stats.streams > 0 &&
           pthread_cond_timedwait(&server->changed, &server->lock, &until) == 0) {
        /* somebody has changed something: look again */
    }
    (void)pthread_mutex_unlock(&server->lock);
    for (size_t i = 0; i < server->worker_count; i++)
        (void)pthread_join(server->workers[i].thread, NULL);
    if (server->house_runs)
        (void)pthread_join(server->house, NULL);
    if (server->daemon != NULL)
        MHD_stop_daemon(server->daemon);
    if (server->socket >= 0)
        (void)close(server->socket);
    dz_http_tls_fini(&server->tls);
    (void)pthread_cond_destroy(&server->changed);
    (void)pthread_cond_destroy(&server->work_there);
    (void)pthread_mutex_destroy(&server->lock);
    free(server->workers);
    free(server->url);
    free(server);
}

const char *dz_http_server_url(const dz_http_server *server)
{
    return server->url;
}

uint16_t dz_http_server_port(const dz_http_server *server)
{
    return server->port;
}

size_t dz_http_server_workers(const dz_http_server *server)
{
    return server->config.workers;
}

void dz_http_server_stats(dz_http_server *server, dz_http_stats *stats)
{
    (void)pthread_mutex_lock(&server->lock);
    *stats = server->stats;
    (void)pthread_mutex_unlock(&server->lock);
}

static void set_defaults(dz_http_config *config)
{
#define DEFAULT(field, value)                                                                      \
    if (config->field == 0)                                                                        \
    config->field = (value)
    DEFAULT(workers, DEFAULT_WORKERS);
    DEFAULT(max_queue, DEFAULT_QUEUE);
    DEFAULT(max_connections, DEFAULT_CONNECTIONS);
    DEFAULT(max_streams, DEFAULT_STREAMS);
    DEFAULT(max_body, DEFAULT_BODY);
    DEFAULT(max_bodies, DEFAULT_BODIES);
    DEFAULT(max_header, DEFAULT_HEADER);
    DEFAULT(header_limit_ms, DEFAULT_HEADER_MS);
    DEFAULT(body_limit_ms, DEFAULT_BODY_MS);
    DEFAULT(idle_limit_ms, DEFAULT_IDLE_MS);
    DEFAULT(stall_limit_ms, DEFAULT_STALL_MS);
#undef DEFAULT
}

/* ---- threads ---- */

static dozan_status start_threads(dz_http_server *server, dozan_error *err)
{
    dozan_status status = DOZAN_OK;
    server->workers = calloc(server->config.workers, sizeof(*server->workers));
    if (server->workers == NULL)
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    for (size_t i = 0; i < server->config.workers && status == DOZAN_OK; i++) {
        server->workers[i] = (http_worker){.server = server, .number = i};
        status = start_thread(&server->workers[i].thread, work, &server->workers[i], err);
        if (status == DOZAN_OK)
            server->worker_count++;
    }
    if (status == DOZAN_OK)
        status = start_thread(&server->house, keep_house, server, err);
    server->house_runs = status == DOZAN_OK;
    return status;
}

static dozan_status start_thread(pthread_t *thread, void *(*run)(void *), void *argument,
                                 dozan_error *err)
{
    pthread_attr_t attributes;
    (void)pthread_attr_init(&attributes);
    (void)pthread_attr_setstacksize(&attributes, WORKER_STACK);
    int number = pthread_create(thread, &attributes, run, argument);
    (void)pthread_attr_destroy(&attributes);
    if (number == 0)
        return DOZAN_OK;
    return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "cannot start a thread: %s",
                           strerrordesc_np(number));
}

static void *work(void *argument)
{
    http_worker *worker = argument;
    dz_http_server *server = worker->server;
    (void)pthread_mutex_lock(&server->lock);
    for (;;) {
        exchange *item = server->queue_first;
        if (item == NULL) {
            if (server->stopping)
                break;
            (void)pthread_cond_wait(&server->work_there, &server->lock);
            continue;
        }
        server->queue_first = item->next_queued;
        if (server->queue_first == NULL)
            server->queue_last = NULL;
        server->stats.waiting--;
        (void)pthread_mutex_unlock(&server->lock);
        item->request.worker = worker->number;
        item->handler(item->handler_context, &item->request);
        (void)pthread_mutex_lock(&server->lock);
    }
    (void)pthread_mutex_unlock(&server->lock);
    return NULL;
}

/* What no event tells of: time-outs, and clients that left a stream that has nothing to send. */
static void *keep_house(void *argument)
{
    dz_http_server *server = argument;
    (void)pthread_mutex_lock(&server->lock);
    while (!server->stopping) {
        int64_t now = dz_http_now_ms();
        struct timespec until = {.tv_sec = (now + TICK_MS) / 1000,
                                 .tv_nsec = (now + TICK_MS) % 1000 * 1000000};
        for (connection *peer = server->connections; peer != NULL; peer = peer->next) {
            if (peer->deadline_ms > now)
                continue;
            peer->deadline_ms = INT64_MAX;
            server->stats.timeouts++;
            (void)shutdown(peer->fd, SHUT_RDWR); /* its own thread sees the end, and closes it */
        }
        for (exchange *item = server->streaming; item != NULL; item = item->next_streaming)
            dz_http_stream_check(item->stream, client_is_gone);
        (void)pthread_cond_timedwait(&server->changed, &server->lock, &until);
    }
    (void)pthread_mutex_unlock(&server->lock);
    return NULL;
}

/* A reader that waits is suspended: nothing else looks at its socket. */
static bool client_is_gone(void *user)
{
    const exchange *item = user;
    char byte;
    ssize_t got = recv(item->peer->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR);
}

/* ---- the daemon ---- */

static dozan_status start_daemon(dz_http_server *server, dozan_error *err)
{
    const dz_http_config *config = &server->config;
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
    struct MHD_OptionItem options[16];
    size_t count = 0;
#define ADD(kind, number, pointer)                                                                 \
    options[count++] = (struct MHD_OptionItem){kind, (intptr_t)(number), pointer}
    ADD(MHD_OPTION_CONNECTION_MEMORY_LIMIT, config->max_header, NULL);
    ADD(MHD_OPTION_CONNECTION_LIMIT, config->max_connections, NULL);
    ADD(MHD_OPTION_CONNECTION_TIMEOUT, (config->stall_limit_ms + 999) / 1000, NULL);
    ADD(MHD_OPTION_STRICT_FOR_CLIENT, 1, NULL);
    ADD(MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, NULL);
    if (config->max_per_address != 0)
        ADD(MHD_OPTION_PER_IP_CONNECTION_LIMIT, config->max_per_address, NULL);
    if (server->tls.key != NULL) {
        flags |= MHD_USE_TLS;
        ADD(MHD_OPTION_HTTPS_MEM_CERT, 0, server->tls.cert);
        ADD(MHD_OPTION_HTTPS_MEM_KEY, 0, server->tls.key);
        if (server->tls.ca != NULL)
            ADD(MHD_OPTION_HTTPS_MEM_TRUST, 0, server->tls.ca);
    }
    ADD(MHD_OPTION_END, 0, NULL);
#undef ADD
    server->daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, dz_http_on_request, server, MHD_OPTION_LISTEN_SOCKET, server->socket,
        MHD_OPTION_EXTERNAL_LOGGER, dz_http_on_message, server, MHD_OPTION_URI_LOG_CALLBACK,
        dz_http_on_target, server, MHD_OPTION_UNESCAPE_CALLBACK, dz_http_on_unescape, server,
        MHD_OPTION_NOTIFY_COMPLETED, dz_http_on_completed, server, MHD_OPTION_NOTIFY_CONNECTION,
        dz_http_on_connection, server, MHD_OPTION_ARRAY, options, MHD_OPTION_END);
    if (server->daemon != NULL)
        return DOZAN_OK;
    if (server->tls.key != NULL)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, config->tls_cert,
                               "the TLS server cannot start with this certificate and the key %s",
                               config->tls_key);
    return dozan_error_set(err, DOZAN_UNAVAILABLE, server->url, "the HTTP server cannot start");
}
