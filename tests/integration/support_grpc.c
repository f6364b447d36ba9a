#include "support_grpc.h"

#include <arpa/inet.h>
#include <nghttp2/nghttp2.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PATH_ROOM = 4096, LIMIT_MS = 20000 };

static const char token[] = "token";

/* ---- the server ----------------------------------------------------------------------------- */

static void echo(void *context, dozan_grpc_call *call)
{
    (void)context;
    size_t size = 0;
    const void *body = dozan_grpc_call_body(call, &size);
    dozan_grpc_reply(call, body, size);
}

static void fail_call(void *context, dozan_grpc_call *call)
{
    (void)context;
    dozan_error err;
    (void)dozan_error_set(&err, DOZAN_NOT_FOUND, "spec", "100 %% näher\nno such trial");
    dozan_grpc_fail(call, &err);
}

static void grow(void *context, dozan_grpc_call *call)
{
    (void)context;
    size_t size = (4 << 20) + 1;
    void *body = calloc(1, size);
    if (body == NULL)
        abort();
    dozan_grpc_reply(call, body, size);
    free(body);
}

static void peer(void *context, dozan_grpc_call *call)
{
    (void)context;
    const char *name = dozan_grpc_call_peer(call);
    dozan_grpc_reply(call, name, name != NULL ? strlen(name) : 0);
}

static void hold(void *context, dozan_grpc_call *call)
{
    fixture *f = context;
    (void)pthread_mutex_lock(&f->held_lock);
    if (f->held_count == MOST_HELD)
        abort();
    f->held[f->held_count++] = call;
    (void)pthread_cond_broadcast(&f->held_changed);
    (void)pthread_mutex_unlock(&f->held_lock);
}

static dozan_status authorize(void *context, const dozan_grpc_call *call, dozan_error *err)
{
    (void)context;
    const char *given = dozan_grpc_call_metadata(call, "authorization");
    if (dozan_grpc_call_peer(call) != NULL || (given != NULL && strcmp(given, "Bearer token") == 0))
        return DOZAN_OK;
    return dozan_error_set(err, DOZAN_UNAUTHENTICATED, NULL, "who are you?");
}

static int start(void **state, const char *url, dozan_grpc_server_options options,
                 dozan_grpc_client_options client, const char *scheme)
{
    fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    (void)pthread_mutex_init(&f->held_lock, NULL);
    (void)pthread_cond_init(&f->held_changed, NULL);
    const dozan_grpc_method methods[] = {{"/test.Test/Echo", echo, NULL},
                                         {"/test.Test/Fail", fail_call, NULL},
                                         {"/test.Test/Grow", grow, NULL},
                                         {"/test.Test/Peer", peer, NULL},
                                         {"/test.Test/Hold", hold, f}};
    options.methods = methods;
    options.method_count = sizeof(methods) / sizeof(methods[0]);
    options.authorize = authorize;
    dozan_error err = {0};
    dozan_status status = dozan_grpc_server_create(url, &options, &f->server, &err);
    assert_string_equal(err.message, "");
    assert_int_equal(status, DOZAN_OK);
    char own[64];
    (void)snprintf(own, sizeof(own), "%s:%u", scheme, (unsigned)dozan_grpc_server_port(f->server));
    assert_int_equal(dozan_grpc_client_create(own, &client, &f->client, &err), DOZAN_OK);
    *state = f;
    return 0;
}

int setup(void **state)
{
    const dozan_grpc_server_options *options = *state;
    return start(state, "grpc://127.0.0.1:0", *options, (dozan_grpc_client_options){.token = token},
                 "grpc://127.0.0.1");
}

static void certificate(const char *name, char path[PATH_ROOM])
{
    const char *source = getenv("DOZAN_SOURCE");
    assert_non_null(source);
    int size = snprintf(path, PATH_ROOM, "%s/tests/integration/tls/%s", source, name);
    assert_true(size > 0 && size < PATH_ROOM);
}

int setup_tls(void **state)
{
    char ca[PATH_ROOM], server[PATH_ROOM], mine[PATH_ROOM];
    certificate("ca.pem", ca);
    certificate("server.pem", server);
    certificate("client.pem", mine);
    return start(state, "grpcs://127.0.0.1:0",
                 (dozan_grpc_server_options){.tls_cert_file = server, .tls_ca_file = ca},
                 (dozan_grpc_client_options){.tls_ca_file = ca, .tls_cert_file = mine},
                 "grpcs://localhost");
}

int teardown(void **state)
{
    fixture *f = *state;
    for (size_t i = 0; i < f->held_count; i++)
        dozan_grpc_reply(f->held[i], NULL, 0);
    dozan_grpc_client_destroy(f->client);
    dozan_grpc_server_destroy(f->server);
    (void)pthread_cond_destroy(&f->held_changed);
    (void)pthread_mutex_destroy(&f->held_lock);
    free(f);
    return 0;
}

/* ---- calls ---------------------------------------------------------------------------------- */

dozan_grpc_call *take_held(fixture *f)
{
    (void)pthread_mutex_lock(&f->held_lock);
    while (f->held_count == 0)
        (void)pthread_cond_wait(&f->held_changed, &f->held_lock);
    dozan_grpc_call *call = f->held[0];
    memmove(&f->held[0], &f->held[1], --f->held_count * sizeof(f->held[0]));
    (void)pthread_mutex_unlock(&f->held_lock);
    return call;
}

void release_held(fixture *f, size_t answered)
{
    (void)pthread_mutex_lock(&f->held_lock);
    while (f->held_count < 16 - answered)
        (void)pthread_cond_wait(&f->held_changed, &f->held_lock);
    dozan_grpc_call *call = f->held[--f->held_count];
    (void)pthread_mutex_unlock(&f->held_lock);
    dozan_grpc_reply(call, "held", 4);
}

void *call_later(void *argument)
{
    fixture *f = argument;
    void *reply = NULL;
    size_t size = 0;
    dozan_error err;
    if (dozan_grpc_client_call(f->client, "/test.Test/Hold", "x", 1, LIMIT_MS, &reply, &size,
                               &err) != DOZAN_OK)
        return NULL;
    bool good = size == 4 && memcmp(reply, "held", 4) == 0;
    free(reply);
    return good ? f : NULL;
}

bool can_echo(fixture *f)
{
    void *reply = NULL;
    size_t size = 0;
    dozan_error err;
    if (dozan_grpc_client_call(f->client, "/test.Test/Echo", "hello", 5, LIMIT_MS, &reply, &size,
                               &err) != DOZAN_OK)
        return false;
    bool good = size == 5 && memcmp(reply, "hello", 5) == 0;
    free(reply);
    return good;
}

void expect_echo(fixture *f)
{
    assert_true(can_echo(f));
}

void expect_error(fixture *f, const char *path, size_t size, dozan_status status, const char *text)
{
    void *body = calloc(1, size + 1);
    void *reply = NULL;
    size_t reply_size = 0;
    dozan_error err = {0};
    assert_non_null(body);
    assert_int_equal(
        dozan_grpc_client_call(f->client, path, body, size, LIMIT_MS, &reply, &reply_size, &err),
        status);
    if (strstr(err.message, text) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", text, err.message);
    free(body);
}

void expect_stranger_refused(fixture *f)
{
    char ca[PATH_ROOM];
    char url[64];
    dozan_grpc_client *stranger = NULL;
    void *reply = NULL;
    size_t size = 0;
    certificate("ca.pem", ca);
    (void)snprintf(url, sizeof(url), "grpcs://localhost:%u",
                   (unsigned)dozan_grpc_server_port(f->server));
    const dozan_grpc_client_options options = {.tls_ca_file = ca};
    assert_int_equal(dozan_grpc_client_create(url, &options, &stranger, NULL), DOZAN_OK);
    assert_int_equal(
        dozan_grpc_client_call(stranger, "/test.Test/Echo", "x", 1, LIMIT_MS, &reply, &size, NULL),
        DOZAN_UNAVAILABLE);
    dozan_grpc_client_destroy(stranger);
}

/* ---- frames by hand ------------------------------------------------------------------------- */

int dial(const fixture *f)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(dozan_grpc_server_port(f->server)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

int greet(const fixture *f)
{
    int fd = dial(f);
    send_all(fd, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24);
    send_frame(fd, 4, 0, 0, NULL, 0);
    return fd;
}

/* The server may have closed already: that is for the reader to see. */
void send_all(int fd, const void *bytes, size_t size)
{
    const char *at = bytes;
    while (size > 0) {
        ssize_t sent = send(fd, at, size, MSG_NOSIGNAL);
        if (sent <= 0)
            return;
        at += sent;
        size -= (size_t)sent;
    }
}

void send_frame(int fd, uint8_t type, uint8_t flags, uint32_t stream, const uint8_t *payload,
                size_t size)
{
    const uint8_t head[9] = {(uint8_t)(size >> 16),
                             (uint8_t)(size >> 8),
                             (uint8_t)size,
                             type,
                             flags,
                             (uint8_t)(stream >> 24),
                             (uint8_t)(stream >> 16),
                             (uint8_t)(stream >> 8),
                             (uint8_t)stream};
    send_all(fd, head, sizeof(head));
    send_all(fd, payload, size);
}

/* HPACK without a table: a literal that is not indexed, with its lengths as integers of a prefix of
 * seven bits. */
static size_t put_length(uint8_t *out, size_t length)
{
    size_t at = 0;
    if (length < 127) {
        out[at++] = (uint8_t)length;
        return at;
    }
    out[at++] = 127;
    for (length -= 127; length >= 128; length /= 128)
        out[at++] = (uint8_t)(length % 128 + 128);
    out[at++] = (uint8_t)length;
    return at;
}

static size_t put_header(uint8_t *out, const char *name, const char *value)
{
    size_t at = 0;
    out[at++] = 0;
    at += put_length(out + at, strlen(name));
    memcpy(out + at, name, strlen(name));
    at += strlen(name);
    at += put_length(out + at, strlen(value));
    memcpy(out + at, value, strlen(value));
    return at + strlen(value);
}

static size_t put_usual(uint8_t *out, const char *method, const char *path, const char *type,
                        const char *timeout)
{
    size_t size = put_header(out, ":method", method);
    size += put_header(out + size, ":scheme", "http");
    size += put_header(out + size, ":path", path);
    size += put_header(out + size, ":authority", "localhost");
    size += put_header(out + size, "te", "trailers");
    size += put_header(out + size, "content-type", type);
    size += put_header(out + size, "grpc-timeout", timeout);
    return size + put_header(out + size, "authorization", "Bearer token");
}

void send_request(int fd, uint32_t stream, const char *method, const char *path, const char *type,
                  const char *timeout)
{
    uint8_t block[1024];
    size_t size = put_usual(block, method, path, type, timeout);
    send_frame(fd, 1, 4, stream, block, size);
}

/* In two frames, as one has room for 16384 bytes. */
void send_large_request(int fd, uint32_t stream, size_t bytes)
{
    uint8_t block[32768];
    char value[32768];
    size_t size = put_usual(block, "POST", "/test.Test/Echo", "application/grpc", "1M");
    assert_true(bytes < sizeof(value));
    memset(value, 'x', bytes);
    value[bytes] = '\0';
    size += put_header(block + size, "large", value);
    size_t first = size < 10000 ? size : 10000;
    send_frame(fd, 1, 0, stream, block, first);
    send_frame(fd, 9, 4, stream, block + first, size - first);
}

static bool read_all(int fd, uint8_t *out, size_t size)
{
    while (size > 0) {
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        assert_int_equal(poll(&ready, 1, LIMIT_MS), 1);
        ssize_t got = recv(fd, out, size, 0);
        if (got <= 0)
            return false;
        out += got;
        size -= (size_t)got;
    }
    return true;
}

/* nghttp2's inflater alone is used here, as the server indexes what it sends. Each connection needs
 * one for its whole life: it is remembered with the descriptor. */
static nghttp2_hd_inflater *inflater_of(int fd, bool drop)
{
    static struct {
        nghttp2_hd_inflater *inflater;
    } all[1024];
    assert_true(fd < 1024);
    if (drop && all[fd].inflater != NULL) {
        nghttp2_hd_inflate_del(all[fd].inflater);
        all[fd].inflater = NULL;
    } else if (!drop && all[fd].inflater == NULL) {
        assert_int_equal(nghttp2_hd_inflate_new(&all[fd].inflater), 0);
    }
    return all[fd].inflater;
}

static bool has_line(int fd, const uint8_t *block, size_t size, const char *wanted)
{
    bool found = false;
    nghttp2_hd_inflater *inflater = inflater_of(fd, false);
    for (;;) {
        nghttp2_nv nv;
        int flags = 0;
        ssize_t taken = nghttp2_hd_inflate_hd2(inflater, &nv, &flags, block, size, 1);
        assert_true(taken >= 0);
        block += taken;
        size -= (size_t)taken;
        if ((flags & NGHTTP2_HD_INFLATE_EMIT) != 0) {
            char line[4096];
            (void)snprintf(line, sizeof(line), "%.*s: %.*s", (int)nv.namelen, (char *)nv.name,
                           (int)nv.valuelen, (char *)nv.value);
            found = found || strcmp(line, wanted) == 0;
        }
        if ((flags & NGHTTP2_HD_INFLATE_FINAL) != 0) {
            assert_int_equal(nghttp2_hd_inflate_end_headers(inflater), 0);
            return found;
        }
    }
}

void expect_answer(int fd, uint32_t stream, const char *line)
{
    bool found = false;
    for (;;) {
        uint8_t head[9];
        uint8_t payload[1 << 14];
        assert_true(read_all(fd, head, sizeof(head)));
        size_t size = (size_t)head[0] << 16 | (size_t)head[1] << 8 | head[2];
        uint32_t at =
            (uint32_t)head[5] << 24 | (uint32_t)head[6] << 16 | (uint32_t)head[7] << 8 | head[8];
        assert_true(size <= sizeof(payload));
        assert_true(read_all(fd, payload, size));
        if (head[3] == 1 && has_line(fd, payload, size, line) && at == stream)
            found = true;
        bool end = at == stream && ((head[3] <= 1 && (head[4] & 1) != 0) || head[3] == 3);
        if (!end)
            continue;
        if (!found)
            fail_msg("stream %u ended (frame type %u) without \"%s\"", stream, head[3], line);
        return;
    }
}

void expect_close(int fd)
{
    uint8_t byte = 0;
    while (read_all(fd, &byte, 1))
        ;
    hang_up(fd);
}

void hang_up(int fd)
{
    (void)inflater_of(fd, true);
    (void)close(fd);
}

/* ---- a server that is none ------------------------------------------------------------------ */

/* It reads the whole call first, which ends with its one byte: an answer to what has not been asked
 * is another error, and unread bytes would reset the connection before the client has read. */
static void *serve_badly(void *argument)
{
    static const char last[] = {0, 0, 0, 0, 1, 'x'};
    const bad_server *server = argument;
    char room[4096];
    size_t size = 0;
    ssize_t got = 1;
    int fd = accept(server->listener, NULL, NULL);
    if (fd < 0)
        return NULL;
    while (got > 0 && size < sizeof(room) &&
           (size < sizeof(last) || memcmp(room + size - sizeof(last), last, sizeof(last)) != 0)) {
        got = recv(fd, room + size, sizeof(room) - size, 0);
        size += got > 0 ? (size_t)got : 0;
    }
    send_all(fd, server->bytes, server->size);
    (void)shutdown(fd, SHUT_WR);
    while (got > 0)
        got = recv(fd, room, sizeof(room), 0);
    (void)close(fd);
    return NULL;
}

void bad_server_start(bad_server *server)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(server->listener >= 0);
    assert_int_equal(bind(server->listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(server->listener, 1), 0);
    assert_int_equal(getsockname(server->listener, (struct sockaddr *)&address, &size), 0);
    server->port = ntohs(address.sin_port);
    assert_int_equal(pthread_create(&server->thread, NULL, serve_badly, server), 0);
}

void bad_server_stop(bad_server *server)
{
    assert_int_equal(pthread_join(server->thread, NULL), 0);
    (void)close(server->listener);
}
