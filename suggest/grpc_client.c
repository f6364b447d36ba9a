/*
 * The gRPC client: a call borrows a line, which is a connection with an nghttp2 session on it, and
 * drives it with poll until the answer is whole, the time has passed, or the client is cancelled.
 *
 * Lines are kept for later calls. One whose call failed is closed, as what it would bring next
 * nobody knows; and one that has something to say while it is idle (a farewell, mostly) hears it
 * out before it is used.
 */
#include "address.h"
#include "grpc_line.h"
#include "grpc_text.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MESSAGE_BYTES = 4 << 20, LINES_KEPT = 16 };

struct dozan_grpc_client {
    dz_grpc_address address;
    char authority[sizeof(((dz_grpc_address *)0)->host) + 16];
    char *authorization;
    dz_grpc_tls *tls;
    size_t max_message_bytes;
    atomic_bool cancelled;
    int cancel_fd; /* readable once cancelled */

    pthread_mutex_t idle_lock; /* guards the idle lines */
    dz_grpc_line *idle[LINES_KEPT];
    size_t idle_count;
};

static dozan_status fill_in(dozan_grpc_client *client, const char *url,
                            const dozan_grpc_client_options *options, dozan_error *err);
static dz_grpc_line *take_line(dozan_grpc_client *client);
static dozan_status open_line(const dozan_grpc_client *client, int64_t deadline_ms,
                              dz_grpc_line **line, dozan_error *err);
static void give_back(dozan_grpc_client *client, dz_grpc_line *line, bool keep);
static dozan_status drive(const dozan_grpc_client *client, dz_grpc_line *line, int64_t deadline_ms,
                          dozan_error *err);
static dozan_status connect_line(const dozan_grpc_client *client, int fd, int64_t deadline_ms,
                                 dozan_error *err);
static dozan_status wait_for(const dozan_grpc_client *client, int fd, short events,
                             int64_t deadline_ms, dozan_error *err);
static dozan_status take_reply(const dozan_grpc_client *client, dz_grpc_line *line, void **reply,
                               size_t *size, dozan_error *err);
static int64_t monotonic_ms(void);

dozan_status dozan_grpc_client_create(const char *url, const dozan_grpc_client_options *options,
                                      dozan_grpc_client **client, dozan_error *err)
{
    static const dozan_grpc_client_options defaults = {0};
    dozan_grpc_client *made = calloc(1, sizeof(*made));
    if (made == NULL)
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "no memory for a client");
    (void)pthread_mutex_init(&made->idle_lock, NULL);
    made->cancel_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    dozan_status status = DOZAN_OK;
    if (made->cancel_fd < 0)
        status = dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL,
                                 "no descriptor for a client: %s", strerrordesc_np(errno));
    if (status == DOZAN_OK)
        status = fill_in(made, url, options != NULL ? options : &defaults, err);
    if (status == DOZAN_OK)
        *client = made;
    else
        dozan_grpc_client_destroy(made);
    return status;
}

void dozan_grpc_client_destroy(dozan_grpc_client *client)
{
    if (client == NULL)
        return;
    for (size_t i = 0; i < client->idle_count; i++)
        dz_grpc_line_destroy(client->idle[i]);
    if (client->cancel_fd >= 0)
        (void)close(client->cancel_fd);
    (void)pthread_mutex_destroy(&client->idle_lock);
    dz_grpc_tls_destroy(client->tls);
    free(client->authorization);
    free(client);
}

dozan_status dozan_grpc_client_call(dozan_grpc_client *client, const char *path, const void *body,
                                    size_t size, uint32_t timeout_ms, void **reply,
                                    size_t *reply_size, dozan_error *err)
{
    const int64_t deadline_ms = monotonic_ms() + timeout_ms;
    const dz_grpc_line_call call = {.path = path,
                                    .authority = client->authority,
                                    .authorization = client->authorization,
                                    .body = body,
                                    .size = size,
                                    .timeout_ms = timeout_ms,
                                    .max_reply_bytes = client->max_message_bytes};
    dozan_status status = DOZAN_OK;
    dz_grpc_line *line = take_line(client);
    if (line == NULL)
        status = open_line(client, deadline_ms, &line, err);
    if (status == DOZAN_OK)
        status = dz_grpc_line_begin(line, &call, err);
    if (status == DOZAN_OK)
        status = drive(client, line, deadline_ms, err);
    bool whole = status == DOZAN_OK;
    if (whole)
        status = take_reply(client, line, reply, reply_size, err);
    give_back(client, line, whole && dz_grpc_line_is_usable(line));
    return status;
}

void dozan_grpc_client_cancel(dozan_grpc_client *client)
{
    static const uint64_t one = 1;
    atomic_store(&client->cancelled, true);
    ssize_t written = write(client->cancel_fd, &one, sizeof(one));
    (void)written; /* fails only when it is readable already */
}

/* ---- making --------------------------------------------------------------------------------- */

static dozan_status fill_in(dozan_grpc_client *client, const char *url,
                            const dozan_grpc_client_options *options, dozan_error *err)
{
    dozan_status status = dz_grpc_address_read(url, &client->address, err);
    if (status != DOZAN_OK)
        return status;
    const dz_grpc_address *address = &client->address;
    bool v6 = strchr(address->host, ':') != NULL;
    (void)snprintf(client->authority, sizeof(client->authority), "%s%s%s:%u", v6 ? "[" : "",
                   address->host, v6 ? "]" : "", (unsigned)address->port);
    client->max_message_bytes =
        options->max_message_bytes != 0 ? options->max_message_bytes : MESSAGE_BYTES;
    if (options->token != NULL &&
        asprintf(&client->authorization, "Bearer %s", options->token) < 0) {
        client->authorization = NULL;
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "no memory for a client");
    }
    if (!address->tls)
        return DOZAN_OK;
    if (options->tls_ca_file == NULL)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, NULL,
                               "grpcs needs the PEM file of the authorities to trust");
    return dz_grpc_tls_create(options->tls_cert_file, NULL, options->tls_ca_file, false,
                              &client->tls, err);
}

/* ---- lines ---------------------------------------------------------------------------------- */

/* The idle line that was used last, if it still stands. */
static dz_grpc_line *take_line(dozan_grpc_client *client)
{
    for (;;) {
        dz_grpc_line *line = NULL;
        (void)pthread_mutex_lock(&client->idle_lock);
        if (client->idle_count > 0)
            line = client->idle[--client->idle_count];
        (void)pthread_mutex_unlock(&client->idle_lock);
        if (line == NULL || (dz_grpc_line_move(line, NULL) && dz_grpc_line_is_usable(line)))
            return line;
        dz_grpc_line_destroy(line);
    }
}

static dozan_status open_line(const dozan_grpc_client *client, int64_t deadline_ms,
                              dz_grpc_line **line, dozan_error *err)
{
    int fd = -1;
    dozan_status status = dz_grpc_connect(client->address.host, client->address.port, &fd, err);
    if (status != DOZAN_OK)
        return status;
    dz_grpc_line *made = NULL;
    dz_grpc_socket *s = dz_grpc_socket_create(fd, client->tls, client->address.host);
    if (s != NULL)
        made = dz_grpc_line_create(s);
    if (made == NULL)
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "no memory for a connection");
    *line = made;
    status = connect_line(client, fd, deadline_ms, err);
    while (status == DOZAN_OK && !dz_grpc_line_is_greeted(made)) {
        if (!dz_grpc_line_move(made, err))
            return err != NULL ? err->code : DOZAN_UNAVAILABLE;
        if (!dz_grpc_line_is_greeted(made))
            status = wait_for(client, fd, dz_grpc_line_events(made), deadline_ms, err);
    }
    return status;
}

static dozan_status connect_line(const dozan_grpc_client *client, int fd, int64_t deadline_ms,
                                 dozan_error *err)
{
    struct pollfd connected = {.fd = fd, .events = POLLOUT};
    dozan_status status = DOZAN_OK;
    while (status == DOZAN_OK && poll(&connected, 1, 0) == 0)
        status = wait_for(client, fd, POLLOUT, deadline_ms, err);
    int cause = 0;
    socklen_t size = sizeof(cause);
    if (status == DOZAN_OK && getsockopt(fd, SOL_SOCKET, SO_ERROR, &cause, &size) != 0)
        cause = errno;
    if (cause == 0)
        return status;
    return dozan_error_set(err, DOZAN_UNAVAILABLE, NULL, "cannot connect to %s: %s",
                           client->authority, strerrordesc_np(cause));
}

static void give_back(dozan_grpc_client *client, dz_grpc_line *line, bool keep)
{
    if (line == NULL)
        return;
    if (keep) {
        (void)pthread_mutex_lock(&client->idle_lock);
        keep = client->idle_count < LINES_KEPT;
        if (keep)
            client->idle[client->idle_count++] = line;
        (void)pthread_mutex_unlock(&client->idle_lock);
    }
    if (!keep)
        dz_grpc_line_destroy(line);
}

/* ---- a call --------------------------------------------------------------------------------- */

static dozan_status drive(const dozan_grpc_client *client, dz_grpc_line *line, int64_t deadline_ms,
                          dozan_error *err)
{
    dozan_status status = DOZAN_OK;
    while (status == DOZAN_OK) {
        if (!dz_grpc_line_move(line, err))
            return err != NULL ? err->code : DOZAN_UNAVAILABLE;
        if (dz_grpc_line_is_done(line))
            return DOZAN_OK;
        status =
            wait_for(client, dz_grpc_line_fd(line), dz_grpc_line_events(line), deadline_ms, err);
    }
    return status;
}

static dozan_status wait_for(const dozan_grpc_client *client, int fd, short events,
                             int64_t deadline_ms, dozan_error *err)
{
    int64_t left = deadline_ms - monotonic_ms();
    if (left <= 0)
        return dozan_error_set(err, DOZAN_DEADLINE_EXCEEDED, NULL, "no answer from %s in time",
                               client->authority);
    struct pollfd ready[] = {
        {.fd = fd, .events = events},
        {.fd = client->cancel_fd, .events = POLLIN},
    };
    int count = poll(ready, 2, left < INT32_MAX ? (int)left : INT32_MAX);
    if (atomic_load(&client->cancelled))
        return dozan_error_set(err, DOZAN_CANCELLED, NULL, "the call was cancelled");
    if (count < 0 && errno != EINTR)
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "cannot wait: %s",
                               strerrordesc_np(errno));
    return DOZAN_OK;
}

static dozan_status take_reply(const dozan_grpc_client *client, dz_grpc_line *line, void **reply,
                               size_t *size, dozan_error *err)
{
    const uint8_t *bytes = NULL;
    size_t count = 0;
    dozan_status status = dz_grpc_line_reply(line, &bytes, &count, err);
    if (status != DOZAN_OK)
        return status;
    bool whole = count >= DZ_GRPC_PREFIX && bytes[0] == 0 &&
                 dz_grpc_prefix_size(bytes) == count - DZ_GRPC_PREFIX;
    if (!whole)
        return dozan_error_set(err, DOZAN_INTERNAL, NULL,
                               "the reply of %s is not exactly one uncompressed message",
                               client->authority);
    void *copy = NULL;
    count -= DZ_GRPC_PREFIX;
    if (count > 0) {
        copy = malloc(count);
        if (copy == NULL)
            return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "no memory for a reply");
        memcpy(copy, bytes + DZ_GRPC_PREFIX, count);
    }
    *reply = copy;
    *size = count;
    return DOZAN_OK;
}

static int64_t monotonic_ms(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
