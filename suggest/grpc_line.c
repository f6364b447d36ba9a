/*
 * nghttp2's client side. What the server says of a call is kept until the stream is closed: only
 * then it is known whether it said all.
 */
#include "grpc_line.h"
#include "grpc_text.h"

#include <dozan/buf.h>

#include <nghttp2/nghttp2.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { READ_ROOM = 16384, STREAM_WINDOW = 1 << 20, CONNECTION_WINDOW = 1 << 22, HEADERS = 10 };

struct dz_grpc_line {
    dz_grpc_socket *socket;
    nghttp2_session *session;
    bool greeted;
    bool blocked;        /* a send could not go on */
    bool leaving;        /* the server takes no more calls here */
    const uint8_t *rest; /* of nghttp2's, that is still to be sent */
    size_t rest_size;

    /* The call. */
    int32_t stream; /* 0 = none */
    const dz_grpc_line_call *call;
    uint8_t prefix[DZ_GRPC_PREFIX];
    size_t sent; /* of prefix and body */
    bool done;
    uint32_t close_code;
    bool refused; /* the stream was not processed */
    bool too_large;
    int http_status;
    int grpc_status; /* -1 = none */
    char message[sizeof(((dozan_error *)0)->message)];
    dozan_buf reply;
};

static int make_session(dz_grpc_line *line);
static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_size, const uint8_t *value, size_t value_size, uint8_t flags,
                     void *user);
static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user);
static int on_data(nghttp2_session *session, uint8_t flags, int32_t stream, const uint8_t *bytes,
                   size_t size, void *user);
static int on_stream_close(nghttp2_session *session, int32_t stream, uint32_t code, void *user);
static ssize_t read_body(nghttp2_session *session, int32_t stream, uint8_t *room, size_t size,
                         uint32_t *flags, nghttp2_data_source *source, void *user);
static bool send_all(dz_grpc_line *line);
static bool receive_all(dz_grpc_line *line);
static int read_number(const uint8_t *text, size_t size);
static bool lost(dozan_error *err, const char *why);

dz_grpc_line *dz_grpc_line_create(dz_grpc_socket *s)
{
    dz_grpc_line *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        dz_grpc_socket_destroy(s);
        return NULL;
    }
    made->socket = s;
    if (make_session(made) == 0)
        return made;
    dz_grpc_line_destroy(made);
    return NULL;
}

void dz_grpc_line_destroy(dz_grpc_line *line)
{
    if (line == NULL)
        return;
    nghttp2_session_del(line->session);
    dz_grpc_socket_destroy(line->socket);
    dozan_buf_fini(&line->reply);
    free(line);
}

bool dz_grpc_line_is_greeted(const dz_grpc_line *line)
{
    return line->greeted;
}

bool dz_grpc_line_is_usable(const dz_grpc_line *line)
{
    return !line->leaving && nghttp2_session_check_request_allowed(line->session) != 0;
}

int dz_grpc_line_fd(const dz_grpc_line *line)
{
    return dz_grpc_socket_fd(line->socket);
}

short dz_grpc_line_events(const dz_grpc_line *line)
{
    bool write = line->blocked || dz_grpc_socket_wants_write(line->socket);
    return write ? POLLIN | POLLOUT : POLLIN;
}

bool dz_grpc_line_is_done(const dz_grpc_line *line)
{
    return line->done;
}

/* ---- a call --------------------------------------------------------------------------------- */

static nghttp2_nv header(const char *name, const char *value)
{
    /* nghttp2's struct has no const: it only reads */
    return (nghttp2_nv){.name = (uint8_t *)(uintptr_t)name,
                        .value = (uint8_t *)(uintptr_t)value,
                        .namelen = strlen(name),
                        .valuelen = strlen(value),
                        .flags = NGHTTP2_NV_FLAG_NONE};
}

dozan_status dz_grpc_line_begin(dz_grpc_line *line, const dz_grpc_line_call *call, dozan_error *err)
{
    char timeout[DZ_GRPC_TIMEOUT_TEXT];
    dz_grpc_timeout_text(call->timeout_ms, timeout);
    nghttp2_nv headers[HEADERS] = {header(":method", "POST"),
                                   header(":scheme", "http"),
                                   header(":path", call->path),
                                   header(":authority", call->authority),
                                   header("te", "trailers"),
                                   header("content-type", "application/grpc"),
                                   header("user-agent", "dozan/" DOZAN_VERSION),
                                   header("grpc-accept-encoding", "identity"),
                                   header("grpc-timeout", timeout)};
    size_t count = HEADERS - 1;
    if (call->authorization != NULL) {
        headers[count] = header("authorization", call->authorization);
        headers[count++].flags = NGHTTP2_NV_FLAG_NO_INDEX; /* a secret is not for HPACK's table */
    }
    line->call = call;
    dz_grpc_prefix_write(call->size, line->prefix);
    line->sent = 0;
    line->done = line->refused = line->too_large = false;
    line->close_code = NGHTTP2_NO_ERROR;
    line->http_status = 0;
    line->grpc_status = -1;
    line->message[0] = '\0';
    dozan_buf_fini(&line->reply);
    dozan_buf_init(&line->reply, call->max_reply_bytes + DZ_GRPC_PREFIX);
    nghttp2_data_provider provider = {.source = {.ptr = line}, .read_callback = read_body};
    line->stream = nghttp2_submit_request(line->session, NULL, headers, count, &provider, NULL);
    if (line->stream > 0)
        return DOZAN_OK;
    line->stream = 0;
    return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "no memory for a call");
}

bool dz_grpc_line_move(dz_grpc_line *line, dozan_error *err)
{
    char peer[DZ_GRPC_PEER_NAME];
    if (!line->greeted) {
        int number = dz_grpc_socket_greet(line->socket, peer);
        if (number == DZ_GRPC_BROKEN)
            return lost(err, "TLS cannot be set up with the server: is its certificate of an "
                             "authority that is trusted here, and for its name?");
        line->greeted = number == 0;
        if (!line->greeted)
            return true;
    }
    /* What has come may want an answer, and what came with the end of the connection counts. */
    bool sent = send_all(line);
    bool good = receive_all(line) && sent && send_all(line);
    return good || line->done || lost(err, "the connection to the server was lost");
}

dozan_status dz_grpc_line_reply(const dz_grpc_line *line, const uint8_t **bytes, size_t *size,
                                dozan_error *err)
{
    if (line->too_large)
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL,
                               "the reply is larger than the limit of %zu bytes",
                               line->reply.max - DZ_GRPC_PREFIX);
    if (line->grpc_status == DOZAN_OK) {
        *bytes = (const uint8_t *)line->reply.data;
        *size = line->reply.size;
        return DOZAN_OK;
    }
    if (line->grpc_status > 0) {
        dozan_status status = line->grpc_status <= DOZAN_UNAUTHENTICATED
                                  ? (dozan_status)line->grpc_status
                                  : DOZAN_UNKNOWN;
        return dozan_error_set(err, status, NULL, "%s",
                               line->message[0] != '\0' ? line->message
                                                        : dozan_status_text((int)status));
    }
    if (line->refused || line->close_code == NGHTTP2_REFUSED_STREAM)
        return dozan_error_set(err, DOZAN_UNAVAILABLE, NULL, "the server did not take the call");
    if (line->http_status != 0 && line->http_status != 200)
        return dozan_error_set(
            err,
            line->http_status == 503 || line->http_status == 429 ? DOZAN_UNAVAILABLE
                                                                 : DOZAN_UNKNOWN,
            NULL, "the server does not speak gRPC: it answered with HTTP %d", line->http_status);
    return dozan_error_set(
        err, line->close_code == NGHTTP2_CANCEL ? DOZAN_CANCELLED : DOZAN_INTERNAL, NULL,
        "the server broke the call off: %s", nghttp2_http2_strerror(line->close_code));
}

/* ---- nghttp2's session ---------------------------------------------------------------------- */

static int make_session(dz_grpc_line *line)
{
    const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_ENABLE_PUSH, 0}, {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, STREAM_WINDOW}};
    nghttp2_session_callbacks *callbacks = NULL;
    int number = nghttp2_session_callbacks_new(&callbacks);
    if (number == 0) {
        nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
        nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
        nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
        number = nghttp2_session_client_new(&line->session, callbacks, line);
    }
    if (number == 0)
        number = nghttp2_submit_settings(line->session, NGHTTP2_FLAG_NONE, settings,
                                         sizeof(settings) / sizeof(settings[0]));
    if (number == 0)
        number = nghttp2_session_set_local_window_size(line->session, NGHTTP2_FLAG_NONE, 0,
                                                       CONNECTION_WINDOW);
    nghttp2_session_callbacks_del(callbacks);
    return number;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_size, const uint8_t *value, size_t value_size, uint8_t flags,
                     void *user)
{
    (void)session;
    (void)name_size; /* nghttp2 ends both with a 0 */
    (void)flags;
    dz_grpc_line *line = user;
    const char *key = (const char *)name;
    if (frame->hd.stream_id != line->stream)
        return 0;
    if (strcmp(key, ":status") == 0)
        line->http_status = read_number(value, value_size);
    else if (strcmp(key, "grpc-status") == 0)
        line->grpc_status = read_number(value, value_size);
    else if (strcmp(key, "grpc-message") == 0)
        dz_grpc_message_decode((const char *)value, value_size, line->message,
                               sizeof(line->message));
    return 0;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    (void)session;
    dz_grpc_line *line = user;
    if (frame->hd.type != NGHTTP2_GOAWAY)
        return 0;
    line->leaving = true;
    if (line->stream > frame->goaway.last_stream_id)
        line->refused = true;
    return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t stream, const uint8_t *bytes,
                   size_t size, void *user)
{
    (void)flags;
    dz_grpc_line *line = user;
    if (stream != line->stream || line->too_large)
        return 0;
    if (dozan_buf_append(&line->reply, bytes, size))
        return 0;
    line->too_large = true;
    return nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, stream, NGHTTP2_CANCEL);
}

static int on_stream_close(nghttp2_session *session, int32_t stream, uint32_t code, void *user)
{
    (void)session;
    dz_grpc_line *line = user;
    if (stream != line->stream)
        return 0;
    line->done = true;
    line->close_code = code;
    line->stream = 0;
    return 0;
}

static ssize_t read_body(nghttp2_session *session, int32_t stream, uint8_t *room, size_t size,
                         uint32_t *flags, nghttp2_data_source *source, void *user)
{
    (void)session;
    (void)stream;
    (void)user;
    dz_grpc_line *line = source->ptr;
    size_t total = line->call->size + DZ_GRPC_PREFIX;
    size_t done = 0;
    while (done < size && line->sent < total) {
        bool in_prefix = line->sent < DZ_GRPC_PREFIX;
        size_t at = in_prefix ? line->sent : line->sent - DZ_GRPC_PREFIX;
        size_t left = (in_prefix ? DZ_GRPC_PREFIX : line->call->size) - at;
        size_t piece = left < size - done ? left : size - done;
        const uint8_t *from = in_prefix ? line->prefix : line->call->body;
        memcpy(room + done, from + at, piece);
        done += piece;
        line->sent += piece;
    }
    if (line->sent == total)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)done;
}

/* ---- the socket ----------------------------------------------------------------------------- */

static bool send_all(dz_grpc_line *line)
{
    line->blocked = false;
    for (;;) {
        if (line->rest_size == 0) {
            ssize_t size = nghttp2_session_mem_send(line->session, &line->rest);
            if (size <= 0)
                return size == 0;
            line->rest_size = (size_t)size;
        }
        ssize_t sent = dz_grpc_socket_send(line->socket, line->rest, line->rest_size);
        line->blocked = sent == DZ_GRPC_AGAIN;
        if (sent < 0)
            return line->blocked;
        line->rest += sent;
        line->rest_size -= (size_t)sent;
    }
}

static bool receive_all(dz_grpc_line *line)
{
    uint8_t room[READ_ROOM];
    for (;;) {
        ssize_t size = dz_grpc_socket_receive(line->socket, room, sizeof(room));
        if (size == DZ_GRPC_AGAIN)
            return true;
        if (size <= 0) {
            line->leaving = true;
            return false;
        }
        if (nghttp2_session_mem_recv(line->session, room, (size_t)size) < 0) {
            line->leaving = true;
            return false;
        }
    }
}

static int read_number(const uint8_t *text, size_t size)
{
    int value = 0;
    for (size_t i = 0; i < size; i++) {
        if (text[i] < '0' || text[i] > '9' || value > 9999)
            return 9999;
        value = value * 10 + (text[i] - '0');
    }
    return size > 0 ? value : 9999;
}

static bool lost(dozan_error *err, const char *why)
{
    (void)dozan_error_set(err, DOZAN_UNAVAILABLE, NULL, "%s", why);
    return false;
}
