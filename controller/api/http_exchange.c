#include "api/http_exchange.h"

#include "api/http_listen.h"
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

enum { STREAM_BLOCK = 32 << 10, COMMON_NAME = 256, RETRY_AFTER_S = 1 };

static enum MHD_Result begin(dz_http_server *server, exchange *item, const char *method);
static dozan_status examine(dz_http_server *server, exchange *item, dozan_error *err);
static bool is_foreign(const dz_http_request *request);
static enum MHD_Result take_header(void *cls, enum MHD_ValueKind kind, const char *name,
                                   const char *value);
static bool declares_too_much(const dz_http_server *server, const exchange *item);
static void take_body(dz_http_server *server, exchange *item, const char *bytes, size_t size);
static void problem(exchange *item, int status, dozan_status code, const char *message);
static void dispatch(dz_http_server *server, exchange *item);
static void deliver(dz_http_request *request, dz_http_answer *answer);
static bool copy_headers(exchange *item);
static void keep(dz_http_request *request, dz_http_answer *answer);
static enum MHD_Result send_answer(dz_http_server *server, exchange *item);
static enum MHD_Result send_problem(dz_http_server *server, exchange *item);
static struct MHD_Response *make_response(dz_http_server *server, exchange *item);
static bool enter_streaming(dz_http_server *server, exchange *item);
static void leave_streaming(void *user);
static ssize_t read_stream(void *user, uint64_t position, char *bytes, size_t size);
static void suspend(void *user);
static void resume(void *user);
static void account(dz_http_server *server, exchange *item);
static void set_deadline(dz_http_server *server, exchange *item, int64_t limit_ms);

static const char *const methods[DZ_HTTP_METHODS] = {"GET",   "POST",   "PUT",
                                                     "PATCH", "DELETE", "other"};

const char *dz_http_method_name(size_t index)
{
    return methods[index < DZ_HTTP_METHODS ? index : DZ_HTTP_METHODS - 1];
}

int64_t dz_http_now_us(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t dz_http_now_ms(void)
{
    return dz_http_now_us() / 1000;
}

/* ---- connections ---- */

void dz_http_on_connection(void *cls, struct MHD_Connection *link, void **own,
                           enum MHD_ConnectionNotificationCode code)
{
    dz_http_server *server = cls;
    connection *peer = *own;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        const union MHD_ConnectionInfo *fd =
            MHD_get_connection_info(link, MHD_CONNECTION_INFO_CONNECTION_FD);
        const union MHD_ConnectionInfo *from =
            MHD_get_connection_info(link, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
        peer = calloc(1, sizeof(*peer));
        if (peer == NULL || fd == NULL) {
            free(peer);
            return; /* its requests are refused: see dz_http_on_request */
        }
        peer->fd = fd->connect_fd;
        peer->deadline_ms = dz_http_now_ms() + server->config.header_limit_ms;
        if (from != NULL && from->client_addr->sa_family == AF_INET)
            (void)inet_ntop(AF_INET, &((struct sockaddr_in *)(void *)from->client_addr)->sin_addr,
                            peer->address, sizeof(peer->address));
        else if (from != NULL && from->client_addr->sa_family == AF_INET6)
            (void)inet_ntop(AF_INET6,
                            &((struct sockaddr_in6 *)(void *)from->client_addr)->sin6_addr,
                            peer->address, sizeof(peer->address));
        (void)pthread_mutex_lock(&server->lock);
        peer->next = server->connections;
        if (peer->next != NULL)
            peer->next->previous = peer;
        server->connections = peer;
        server->stats.connections++;
        server->stats.connections_total++;
        (void)pthread_mutex_unlock(&server->lock);
        *own = peer;
    } else if (peer != NULL) { /* before the socket is closed: nobody shuts down another's */
        (void)pthread_mutex_lock(&server->lock);
        if (peer->previous != NULL)
            peer->previous->next = peer->next;
        else
            server->connections = peer->next;
        if (peer->next != NULL)
            peer->next->previous = peer->previous;
        server->stats.connections--;
        (void)pthread_mutex_unlock(&server->lock);
        free(peer);
        *own = NULL;
    }
}

void dz_http_on_message(void *cls, const char *format, va_list arguments)
{
    (void)cls; /* what a client did wrong is counted, not told */
    (void)format;
    (void)arguments;
}

/* Targets are decoded by http.c. */
size_t dz_http_on_unescape(void *cls, struct MHD_Connection *link, char *text)
{
    (void)cls;
    (void)link;
    return strlen(text);
}

/* ---- a request ---- */

void *dz_http_on_target(void *cls, const char *target, struct MHD_Connection *link)
{
    exchange *item = calloc(1, sizeof(*item));
    if (item == NULL)
        return NULL;
    item->server = cls;
    item->link = link;
    item->begun_us = dz_http_now_us();
    item->target = strdup(target);
    dozan_buf_init(&item->body, item->server->config.max_body);
    return item;
}

enum MHD_Result dz_http_on_request(void *cls, struct MHD_Connection *link, const char *url,
                                   const char *method, const char *version, const char *upload,
                                   size_t *upload_size, void **own)
{
    dz_http_server *server = cls;
    exchange *item = *own;
    (void)link;
    (void)url;
    (void)version;
    if (item == NULL || item->target == NULL)
        return MHD_NO; /* no memory: the connection ends */
    if (item->phase == EXCHANGE_NEW)
        return begin(server, item, method);
    if (item->phase == EXCHANGE_WORKING)
        return send_answer(server, item);
    if (*upload_size > 0) {
        take_body(server, item, upload, *upload_size);
        *upload_size = 0;
        return MHD_YES;
    }
    set_deadline(server, item, 0);
    if (item->problem_status != 0)
        return send_problem(server, item);
    dispatch(server, item);
    return item->problem_status != 0 ? send_problem(server, item) : MHD_YES;
}

void dz_http_on_completed(void *cls, struct MHD_Connection *link, void **own,
                          enum MHD_RequestTerminationCode code)
{
    dz_http_server *server = cls;
    exchange *item = *own;
    (void)link;
    (void)code;
    if (item == NULL)
        return;
    *own = NULL;
    account(server, item);
    set_deadline(server, item, server->config.idle_limit_ms);
    dozan_buf_fini(&item->body);
    dz_http_request_fini(&item->request);
    if (!item->answer.borrowed)
        free(item->answer.body);
    for (size_t i = 0; i < DZ_HTTP_MAX_EXTRA; i++)
        free(item->header_values[i]);
    free(item->target);
    free(item);
}

/* The headers are there. */
static enum MHD_Result begin(dz_http_server *server, exchange *item, const char *method)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(item->link, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    item->phase = EXCHANGE_TAKING;
    item->peer = info != NULL ? info->socket_context : NULL;
    if (item->peer == NULL)
        return MHD_NO;
    set_deadline(server, item, server->config.body_limit_ms);
    item->problem.code = dz_http_request_init(&item->request, method, item->target, &item->problem);
    item->request.deliver = deliver;
    if (item->problem.code == DOZAN_OK)
        item->problem.code = examine(server, item, &item->problem);
    if (item->problem.code != DOZAN_OK && item->problem_status == 0)
        item->problem_status =
            item->problem.code == DOZAN_UNIMPLEMENTED ? 405 : dozan_status_http(item->problem.code);
    if (item->problem_status == 0 && declares_too_much(server, item))
        problem(item, 413, DOZAN_RESOURCE_EXHAUSTED, "the request's body is too large");
    /* A refusal before the body is taken ends the connection after it; one without a body does
     * not. */
    const char *length = dz_http_header(&item->request, "Content-Length");
    bool has_body = (length != NULL && strcmp(length, "0") != 0) ||
                    dz_http_header(&item->request, "Transfer-Encoding") != NULL;
    return item->problem_status != 0 && has_body ? send_problem(server, item) : MHD_YES;
}

static dozan_status examine(dz_http_server *server, exchange *item, dozan_error *err)
{
    const dz_http_config *config = &server->config;
    const dz_http_route *route = NULL;
    char name[COMMON_NAME];
    int headers = MHD_get_connection_values(item->link, MHD_HEADER_KIND, take_header, item);
    if (headers > DZ_HTTP_MAX_HEADERS) {
        problem(item, 431, DOZAN_INVALID_ARGUMENT, "the request has too many headers");
        return item->problem.code;
    }
    if (config->authorize == NULL &&
        !dz_http_host_is_loopback(dz_http_header(&item->request, "Host")))
        return dozan_error_set(err, DOZAN_PERMISSION_DENIED, NULL,
                               "without users (--auth) the server answers to localhost alone");
    if (is_foreign(&item->request))
        return dozan_error_set(err, DOZAN_PERMISSION_DENIED, NULL,
                               "a page of another server may not change anything here");
    dozan_status status = dz_http_find(config->sets, config->set_count, &item->request, &route,
                                       &item->handler_context, err);
    dozan_error refused = {0};
    if (config->authorize != NULL && (route == NULL || route->role != DZ_ROLE_NONE)) {
        bool known = dz_http_tls_peer(item->link, name, sizeof(name));
        dozan_status allowed = config->authorize(
            config->authorize_context, &item->request, route != NULL ? route->role : DZ_ROLE_VIEWER,
            route != NULL ? dz_http_param(&item->request, "namespace") : NULL, known ? name : NULL,
            &refused);
        /* Who may nothing learns nothing of what there is. */
        if (allowed == DOZAN_UNAUTHENTICATED || (allowed != DOZAN_OK && status == DOZAN_OK)) {
            if (err != NULL)
                *err = refused;
            return allowed;
        }
    }
    if (status == DOZAN_OK && route != NULL)
        item->handler = route->handler;
    return status;
}

/* A browser says whose page sends a request that changes something: only ours may. */
static bool is_foreign(const dz_http_request *request)
{
    const char *origin = dz_http_header(request, "Origin"), *host = dz_http_header(request, "Host");
    if (origin == NULL || strcmp(request->method, "GET") == 0 ||
        strcmp(request->method, "HEAD") == 0)
        return false;
    const char *name = strstr(origin, "://");
    return name == NULL || host == NULL || strcasecmp(name + 3, host) != 0;
}

static enum MHD_Result take_header(void *cls, enum MHD_ValueKind kind, const char *name,
                                   const char *value)
{
    exchange *item = cls;
    (void)kind;
    if (item->request.header_count == DZ_HTTP_MAX_HEADERS)
        return MHD_YES; /* counted, and then refused */
    item->request.headers[item->request.header_count++] =
        (dz_http_pair){name, value != NULL ? value : ""};
    return MHD_YES;
}

static bool declares_too_much(const dz_http_server *server, const exchange *item)
{
    const char *length = dz_http_header(&item->request, "Content-Length");
    if (length == NULL)
        return false;
    errno = 0;
    uintmax_t size = strtoumax(length, NULL, 10);
    return errno != 0 || size > server->config.max_body;
}

static void take_body(dz_http_server *server, exchange *item, const char *bytes, size_t size)
{
    if (item->problem_status != 0)
        return; /* what still comes is dropped; the time for it is limited */
    (void)pthread_mutex_lock(&server->lock);
    bool room = size <= server->config.max_bodies - server->body_bytes;
    if (room) {
        server->body_bytes += size;
        item->counted += size;
    }
    (void)pthread_mutex_unlock(&server->lock);
    if (!room)
        problem(item, 503, DOZAN_UNAVAILABLE, "too many large requests at once: try again");
    else if (size > server->config.max_body - item->body.size)
        problem(item, 413, DOZAN_RESOURCE_EXHAUSTED, "the request's body is too large");
    else if (!dozan_buf_append(&item->body, bytes, size))
        problem(item, 503, DOZAN_RESOURCE_EXHAUSTED, "out of memory");
}

static void problem(exchange *item, int status, dozan_status code, const char *message)
{
    item->problem_status = status;
    (void)dozan_error_set(&item->problem, code, NULL, "%s", message);
}

/* Gives the request to the workers, or notes why it is refused. */
static void dispatch(dz_http_server *server, exchange *item)
{
    item->request.body = item->body.data != NULL ? item->body.data : "";
    item->request.body_size = item->body.size;
    (void)pthread_mutex_lock(&server->lock);
    if (server->stopping) {
        problem(item, 503, DOZAN_UNAVAILABLE, "the server is stopping");
    } else if ((size_t)server->stats.waiting >= server->config.max_queue) {
        server->stats.refused++;
        problem(item, 429, DOZAN_RESOURCE_EXHAUSTED, "too many requests wait: try again");
    } else {
        item->phase = EXCHANGE_WORKING;
        MHD_suspend_connection(item->link);
        if (server->queue_last != NULL)
            server->queue_last->next_queued = item;
        else
            server->queue_first = item;
        server->queue_last = item;
        server->stats.waiting++;
        server->stats.in_flight++;
        (void)pthread_cond_signal(&server->work_there);
    }
    (void)pthread_mutex_unlock(&server->lock);
}

/* ---- the answer ---- */

/* From any thread. After the resumption the exchange is the server's thread's again. */
static void deliver(dz_http_request *request, dz_http_answer *answer)
{
    exchange *item = (exchange *)(void *)request; /* its first member */
    dz_http_server *server = item->server;
    item->answer = *answer;
    if (!copy_headers(item)) {
        if (answer->stream != NULL)
            dz_http_stream_leave(answer->stream);
        if (!answer->borrowed)
            free(answer->body);
        request->deliver = keep;
        dz_http_reply_json(request, 500, NULL);
    } else if (answer->stream != NULL && !enter_streaming(server, item)) {
        dz_http_stream_leave(answer->stream);
        request->deliver = keep;
        dz_http_refusef(request, 429,
                        "there are too many watches and logs that are followed: try "
                        "again later");
    }
    (void)pthread_mutex_lock(&server->lock);
    MHD_resume_connection(item->link);
    server->stats.in_flight--;
    (void)pthread_cond_broadcast(&server->changed);
    (void)pthread_mutex_unlock(&server->lock);
}

/* They may be on the handler's stack, and the answer is sent when that has gone. */
static bool copy_headers(exchange *item)
{
    for (size_t i = 0; i < DZ_HTTP_MAX_EXTRA && item->answer.headers[i].name != NULL; i++) {
        item->header_values[i] = strdup(item->answer.headers[i].value);
        if (item->header_values[i] == NULL)
            return false;
        item->answer.headers[i].value = item->header_values[i];
    }
    return true;
}

static void keep(dz_http_request *request, dz_http_answer *answer)
{
    ((exchange *)(void *)request)->answer = *answer;
}

static bool enter_streaming(dz_http_server *server, exchange *item)
{
    (void)pthread_mutex_lock(&server->lock);
    bool room = (size_t)server->stats.streams < server->config.max_streams;
    if (room) {
        item->stream = item->answer.stream;
        item->next_streaming = server->streaming;
        if (item->next_streaming != NULL)
            item->next_streaming->previous_streaming = item;
        server->streaming = item;
        server->stats.streams++;
        if (server->stopping)
            dz_http_stream_close(item->stream);
    } else {
        server->stats.refused++;
    }
    (void)pthread_mutex_unlock(&server->lock);
    return room;
}

/* libmicrohttpd lets go of the response: the exchange is still there, completed later or never
 * answered. */
static void leave_streaming(void *user)
{
    exchange *item = user;
    dz_http_server *server = item->server;
    if (item->stream == NULL)
        return;
    (void)pthread_mutex_lock(&server->lock);
    if (item->previous_streaming != NULL)
        item->previous_streaming->next_streaming = item->next_streaming;
    else
        server->streaming = item->next_streaming;
    if (item->next_streaming != NULL)
        item->next_streaming->previous_streaming = item->previous_streaming;
    server->stats.streams--;
    (void)pthread_cond_broadcast(&server->changed);
    (void)pthread_mutex_unlock(&server->lock);
    dz_http_stream_leave(item->stream);
    item->stream = NULL;
}

static enum MHD_Result send_answer(dz_http_server *server, exchange *item)
{
    item->phase = EXCHANGE_QUEUED;
    item->status = item->answer.status != 0 ? item->answer.status : 200;
    item->bytes = (int64_t)item->answer.size;
    struct MHD_Response *response = make_response(server, item);
    if (response == NULL)
        return MHD_NO;
    enum MHD_Result result = MHD_queue_response(item->link, (unsigned)item->status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result send_problem(dz_http_server *server, exchange *item)
{
    item->request.deliver = keep;
    if (server->config.refuse == NULL ||
        !server->config.refuse(&item->request, item->problem_status, &item->problem))
        dz_http_refuse(&item->request, item->problem_status, NULL, &item->problem);
    return send_answer(server, item);
}

static struct MHD_Response *make_response(dz_http_server *server, exchange *item)
{
    dz_http_answer *answer = &item->answer;
    struct MHD_Response *response;
    (void)server;
    if (item->stream != NULL)
        response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK, read_stream,
                                                     item, NULL);
    else
        response =
            MHD_create_response_from_buffer(answer->size, answer->body, MHD_RESPMEM_PERSISTENT);
    if (response == NULL)
        return NULL;
    bool good = MHD_add_response_header(response, "Content-Type",
                                        answer->type != NULL ? answer->type : "application/json") ==
                    MHD_YES &&
                MHD_add_response_header(response, "X-Content-Type-Options", "nosniff") == MHD_YES;
    bool cached = false;
    for (size_t i = 0; i < DZ_HTTP_MAX_EXTRA && answer->headers[i].name != NULL; i++) {
        cached = cached || strcasecmp(answer->headers[i].name, "Cache-Control") == 0;
        good = good && MHD_add_response_header(response, answer->headers[i].name,
                                               answer->headers[i].value) == MHD_YES;
    }
    if (!cached)
        good = good && MHD_add_response_header(response, "Cache-Control", "no-store") == MHD_YES;
    if (item->status == 429 || item->status == 503)
        good = good && MHD_add_response_header(response, "Retry-After", "1") == MHD_YES;
    if (item->status == 401)
        good = good && MHD_add_response_header(response, "WWW-Authenticate", "Bearer") == MHD_YES;
    if (good)
        return response;
    MHD_destroy_response(response);
    return NULL;
}

static ssize_t read_stream(void *user, uint64_t position, char *bytes, size_t size)
{
    exchange *item = user;
    (void)position;
    int64_t got = dz_http_stream_read(item->stream, bytes, size, suspend, resume, item);
    if (got > 0) {
        item->bytes += got;
        return (ssize_t)got;
    }
    if (got == DZ_HTTP_STREAM_WAIT)
        return 0;
    return got == DZ_HTTP_STREAM_OVER ? MHD_CONTENT_READER_END_OF_STREAM
                                      : MHD_CONTENT_READER_END_WITH_ERROR;
}

static void suspend(void *user)
{
    MHD_suspend_connection(((exchange *)user)->link);
}

static void resume(void *user)
{
    MHD_resume_connection(((exchange *)user)->link);
}

/* ---- the account ---- */

static void account(dz_http_server *server, exchange *item)
{
    double seconds = (double)(dz_http_now_us() - item->begun_us) / 1e6;
    size_t method = 0;
    bool streamed = item->stream != NULL;
    const char *name = item->request.method != NULL ? item->request.method : "?";
    const char *word = strcmp(name, "HEAD") == 0 ? "GET" : name;
    leave_streaming(item);
    while (method < DZ_HTTP_METHODS - 1 && strcmp(methods[method], word) != 0)
        method++;
    (void)pthread_mutex_lock(&server->lock);
    server->body_bytes -= item->counted;
    server->stats.methods[method].by_class[item->status / 100 % 6]++;
    if (!streamed) {
        size_t bucket = 0;
        while (bucket < DZ_HTTP_BUCKETS - 1 && seconds > 1e-4 * (double)(1 << bucket))
            bucket++;
        server->stats.methods[method].buckets[bucket]++;
        server->stats.methods[method].timed++;
        server->stats.methods[method].seconds += seconds;
    }
    (void)pthread_mutex_unlock(&server->lock);
    if (server->config.log == NULL)
        return;
    dz_http_record record = {.method = name,
                             .path = item->request.path != NULL ? item->request.path : "?",
                             .user = item->request.user,
                             .peer = item->peer != NULL ? item->peer->address : "",
                             .status = item->status,
                             .bytes = item->bytes,
                             .seconds = seconds};
    server->config.log(server->config.log_context, &record);
}

/* 0 = no limit: the request is ours. */
static void set_deadline(dz_http_server *server, exchange *item, int64_t limit_ms)
{
    if (item->peer == NULL)
        return;
    (void)pthread_mutex_lock(&server->lock);
    item->peer->deadline_ms = limit_ms > 0 ? dz_http_now_ms() + limit_ms : INT64_MAX;
    (void)pthread_mutex_unlock(&server->lock);
}
