/*
 * nghttp2 does frames, flow control and header compression, and tells of each step by a callback;
 * here are those callbacks, which make calls of streams, and the limits of time.
 *
 * What is to be sent is gathered in one buffer, so that the frames of an answer leave together.
 */
#include "grpc_connection.h"
#include "grpc_text.h"

#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    OUT_ROOM = 32768,
    STREAM_WINDOW = 1 << 18,
    CONNECTION_WINDOW = 1 << 20,
    MOST_RESETS = 256 /* of calls that were not answered yet, more than were answered */
};

struct dz_grpc_connection {
    dz_grpc_core *core;
    nghttp2_session *session;
    char *peer;
    dozan_grpc_call *calls;
    bool greeted; /* the first frame has come */
    bool stopping;
    bool answered; /* since something was last sent */
    int resets;    /* what the peer has begun and reset, less what it has let end */
    int64_t opened_ms;
    int64_t active_ms; /* when something last came, or an answer was given */
    int64_t moved_ms;  /* when the peer last took bytes, or there were bytes for it again */
    int64_t now_ms;    /* for the callbacks */

    uint8_t out[OUT_ROOM];
    size_t out_start;
    size_t out_end;
    const uint8_t *rest; /* of a piece of nghttp2's that did not fit */
    size_t rest_size;
};

static int make_session(dz_grpc_connection *connection);
static int set_callbacks(nghttp2_session_callbacks *callbacks);
static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *user);
static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_size, const uint8_t *value, size_t value_size, uint8_t flags,
                     void *user);
static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user);
static int on_data(nghttp2_session *session, uint8_t flags, int32_t stream, const uint8_t *bytes,
                   size_t size, void *user);
static int on_stream_close(nghttp2_session *session, int32_t stream, uint32_t code, void *user);
static int on_sent(nghttp2_session *session, const nghttp2_frame *frame, void *user);
static dozan_grpc_call *call_of(nghttp2_session *session, int32_t stream);
static void link_call(dz_grpc_connection *connection, dozan_grpc_call *call);
static void detach(dozan_grpc_call *call);
static int headers_done(dz_grpc_connection *connection, dozan_grpc_call *call);
static int request_done(dz_grpc_connection *connection, dozan_grpc_call *call);
static int refuse(dozan_grpc_call *call, const dozan_error *err);
static int submit(dozan_grpc_call *call);
static int submit_failure(dz_grpc_connection *connection, int32_t stream, int http_status,
                          dozan_status status, const char *message);
static ssize_t read_reply(nghttp2_session *session, int32_t stream, uint8_t *room, size_t size,
                          uint32_t *flags, nghttp2_data_source *source, void *user);
static int64_t expire_call(dz_grpc_connection *connection, dozan_grpc_call *call);
static bool fill(dz_grpc_connection *connection);
static int64_t earlier(int64_t a, int64_t b);

dozan_status dz_grpc_connection_create(dz_grpc_core *core, int64_t now_ms,
                                       dz_grpc_connection **connection, dozan_error *err)
{
    dz_grpc_connection *made = calloc(1, sizeof(*made));
    if (made != NULL) {
        made->core = core;
        made->opened_ms = made->active_ms = made->moved_ms = made->now_ms = now_ms;
        dz_grpc_core_note_due(core, now_ms + core->options.greeting_limit_ms);
    }
    if (made == NULL || make_session(made) != 0) {
        dz_grpc_connection_destroy(made);
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "no memory for a connection");
    }
    *connection = made;
    return DOZAN_OK;
}

void dz_grpc_connection_destroy(dz_grpc_connection *connection)
{
    if (connection == NULL)
        return;
    nghttp2_session_del(connection->session);
    while (connection->calls != NULL)
        detach(connection->calls);
    free(connection->peer);
    free(connection);
}

bool dz_grpc_connection_set_peer(dz_grpc_connection *connection, const char *name)
{
    connection->peer = strdup(name);
    return connection->peer != NULL;
}

bool dz_grpc_connection_receive(dz_grpc_connection *connection, const uint8_t *bytes, size_t size,
                                int64_t now_ms)
{
    connection->now_ms = now_ms;
    connection->active_ms = now_ms;
    ssize_t taken = nghttp2_session_mem_recv(connection->session, bytes, size);
    if (taken < 0)
        return false;
    if (connection->resets <= MOST_RESETS)
        return true;
    (void)nghttp2_session_terminate_session(connection->session, NGHTTP2_ENHANCE_YOUR_CALM);
    return false;
}

int64_t dz_grpc_connection_pending(dz_grpc_connection *connection, const uint8_t **bytes)
{
    if (connection->out_start == connection->out_end && !fill(connection))
        return -1;
    *bytes = connection->out + connection->out_start;
    return (int64_t)(connection->out_end - connection->out_start);
}

void dz_grpc_connection_sent(dz_grpc_connection *connection, size_t size, int64_t now_ms)
{
    connection->out_start += size;
    connection->moved_ms = now_ms;
}

bool dz_grpc_connection_has_answer(const dz_grpc_connection *connection)
{
    return connection->answered;
}

bool dz_grpc_connection_is_done(const dz_grpc_connection *connection)
{
    bool pending = connection->out_start < connection->out_end || connection->rest_size > 0;
    if (pending || nghttp2_session_want_write(connection->session))
        return false;
    return !nghttp2_session_want_read(connection->session) ||
           (connection->stopping && connection->calls == NULL);
}

void dz_grpc_connection_answer(dozan_grpc_call *call, int64_t now_ms)
{
    dz_grpc_connection *connection = call->connection;
    connection->now_ms = now_ms;
    connection->active_ms = now_ms;
    connection->answered = true;
    if (connection->resets > 0)
        connection->resets--;
    if (submit(call) != 0)
        (void)nghttp2_session_terminate_session(connection->session, NGHTTP2_INTERNAL_ERROR);
}

bool dz_grpc_connection_expire(dz_grpc_connection *connection, int64_t now_ms)
{
    const dozan_grpc_server_options *limits = &connection->core->options;
    int64_t due = INT64_MAX;
    connection->now_ms = now_ms;
    for (dozan_grpc_call *call = connection->calls, *next; call != NULL; call = next) {
        next = call->next;
        due = earlier(due, expire_call(connection, call));
    }
    bool idle = connection->calls == NULL;
    if (!connection->greeted)
        due = earlier(due, connection->opened_ms + limits->greeting_limit_ms);
    if (idle)
        due = earlier(due, connection->active_ms + limits->idle_limit_ms);
    if (connection->out_start < connection->out_end)
        due = earlier(due, connection->moved_ms + limits->stall_limit_ms);
    if (due <= now_ms)
        return false;
    dz_grpc_core_note_due(connection->core, due);
    return true;
}

void dz_grpc_connection_stop(dz_grpc_connection *connection)
{
    nghttp2_session *session = connection->session;
    int32_t last = nghttp2_session_get_last_proc_stream_id(session);
    connection->stopping = true;
    (void)nghttp2_submit_goaway(session, NGHTTP2_FLAG_NONE, last, NGHTTP2_NO_ERROR, NULL, 0);
}

/* ---- nghttp2's session ---------------------------------------------------------------------- */

static int make_session(dz_grpc_connection *connection)
{
    const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, connection->core->options.max_streams},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, STREAM_WINDOW},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, DZ_GRPC_HEADER_BYTES}};
    nghttp2_session_callbacks *callbacks = NULL;
    nghttp2_option *option = NULL;
    int number = nghttp2_session_callbacks_new(&callbacks);
    if (number == 0)
        number = set_callbacks(callbacks);
    if (number == 0)
        number = nghttp2_option_new(&option);
    if (number == 0) {
        nghttp2_option_set_no_closed_streams(option, 1);
        nghttp2_option_set_max_send_header_block_length(option, 1 << 16);
        number = nghttp2_session_server_new2(&connection->session, callbacks, connection, option);
    }
    if (number == 0)
        number = nghttp2_submit_settings(connection->session, NGHTTP2_FLAG_NONE, settings,
                                         sizeof(settings) / sizeof(settings[0]));
    if (number == 0)
        number = nghttp2_session_set_local_window_size(connection->session, NGHTTP2_FLAG_NONE, 0,
                                                       CONNECTION_WINDOW);
    nghttp2_option_del(option);
    nghttp2_session_callbacks_del(callbacks);
    return number;
}

static int set_callbacks(nghttp2_session_callbacks *callbacks)
{
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, on_sent);
    return 0;
}

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    dz_grpc_connection *connection = user;
    int32_t stream = frame->hd.stream_id;
    if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
        return 0;
    dozan_grpc_call *call = dz_grpc_call_create(connection->core, stream);
    if (call == NULL)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    link_call(connection, call);
    call->peer = connection->peer;
    call->due_ms = connection->now_ms + connection->core->options.request_limit_ms;
    dz_grpc_core_note_due(connection->core, call->due_ms);
    return nghttp2_session_set_stream_user_data(session, stream, call);
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_size, const uint8_t *value, size_t value_size, uint8_t flags,
                     void *user)
{
    (void)flags;
    (void)user;
    dozan_error err;
    dozan_grpc_call *call = call_of(session, frame->hd.stream_id);
    if (call == NULL || call->state != DZ_GRPC_READING)
        return 0;
    if (dz_grpc_call_add_header(call, (const char *)name, name_size, (const char *)value,
                                value_size, &err) != DOZAN_OK)
        dz_grpc_call_set_failure(call, &err); /* answered when the headers have ended */
    return 0;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    dz_grpc_connection *connection = user;
    connection->greeted = true;
    if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA)
        return 0;
    dozan_grpc_call *call = call_of(session, frame->hd.stream_id);
    if (call == NULL || call->state != DZ_GRPC_READING)
        return 0;
    int number = 0;
    if (frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST)
        number = headers_done(connection, call);
    bool last = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    if (number == 0 && last && call->state == DZ_GRPC_READING)
        number = request_done(connection, call);
    return number;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t stream, const uint8_t *bytes,
                   size_t size, void *user)
{
    (void)flags;
    (void)user;
    dozan_error err;
    dozan_grpc_call *call = call_of(session, stream);
    if (call == NULL || call->state != DZ_GRPC_READING)
        return 0; /* refused already */
    if (dz_grpc_call_add_body(call, bytes, size, &err) != DOZAN_OK)
        return refuse(call, &err);
    return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t stream, uint32_t code, void *user)
{
    (void)code;
    dz_grpc_connection *connection = user;
    dozan_grpc_call *call = call_of(session, stream);
    if (call == NULL)
        return 0;
    if (call->state != DZ_GRPC_SENDING)
        connection->resets++;
    detach(call);
    if (connection->calls == NULL)
        dz_grpc_core_note_due(connection->core,
                              connection->active_ms + connection->core->options.idle_limit_ms);
    return 0;
}

/* An answer that was given before the request was whole: the rest of it is not wanted. */
static int on_sent(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    (void)user;
    int32_t stream = frame->hd.stream_id;
    bool last =
        frame->hd.type == NGHTTP2_HEADERS && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    if (last && nghttp2_session_get_stream_remote_close(session, stream) == 0)
        return nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, stream, NGHTTP2_NO_ERROR);
    return 0;
}

static dozan_grpc_call *call_of(nghttp2_session *session, int32_t stream)
{
    return nghttp2_session_get_stream_user_data(session, stream);
}

static void link_call(dz_grpc_connection *connection, dozan_grpc_call *call)
{
    call->connection = connection;
    call->next = connection->calls;
    call->link = &connection->calls;
    if (call->next != NULL)
        call->next->link = &call->next;
    connection->calls = call;
}

/* Ends the call's tie to its connection; one that a handler has is freed when it is answered. */
static void detach(dozan_grpc_call *call)
{
    *call->link = call->next;
    if (call->next != NULL)
        call->next->link = call->link;
    call->connection = NULL;
    if (call->state == DZ_GRPC_HANDED)
        atomic_store(&call->cancelled, true);
    else
        dz_grpc_call_destroy(call);
}

/* ---- requests ------------------------------------------------------------------------------- */

static int headers_done(dz_grpc_connection *connection, dozan_grpc_call *call)
{
    dozan_error err = {.code = DOZAN_OK};
    if (call->status != DOZAN_OK)
        return refuse(call, NULL);
    if (dz_grpc_call_admit(call, connection->now_ms, &err) != DOZAN_OK)
        return refuse(call, &err);
    return 0;
}

static int request_done(dz_grpc_connection *connection, dozan_grpc_call *call)
{
    dozan_error err = {.code = DOZAN_OK};
    if (dz_grpc_call_check_body(call, &err) != DOZAN_OK)
        return refuse(call, &err);
    if (connection->core->stopping) {
        (void)dozan_error_set(&err, DOZAN_UNAVAILABLE, NULL, "this server is being stopped");
        return refuse(call, &err);
    }
    if (call->deadline_ms <= connection->now_ms) {
        (void)dozan_error_set(&err, DOZAN_DEADLINE_EXCEEDED, NULL,
                              "the call's time had passed when it was here");
        return refuse(call, &err);
    }
    call->state = DZ_GRPC_HANDED;
    connection->core->handed++;
    call->method->handler(call->method->context, call);
    return 0;
}

/* With its failure so far, if there is no other. */
static int refuse(dozan_grpc_call *call, const dozan_error *err)
{
    if (err != NULL)
        dz_grpc_call_set_failure(call, err);
    call->state = DZ_GRPC_SENDING;
    return submit(call) == 0 ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE;
}

/* ---- answers -------------------------------------------------------------------------------- */

static nghttp2_nv header(const char *name, const char *value)
{
    /* nghttp2's struct has no const: it only reads */
    return (nghttp2_nv){.name = (uint8_t *)(uintptr_t)name,
                        .value = (uint8_t *)(uintptr_t)value,
                        .namelen = strlen(name),
                        .valuelen = strlen(value),
                        .flags = NGHTTP2_NV_FLAG_NONE};
}

static int submit(dozan_grpc_call *call)
{
    dz_grpc_call_drop_body(call);
    call->due_ms = call->connection->now_ms + call->core->options.stall_limit_ms;
    dz_grpc_core_note_due(call->core, call->due_ms);
    if (call->status != DOZAN_OK)
        return submit_failure(call->connection, call->stream, call->http_status, call->status,
                              call->message != NULL ? call->message : "");
    const nghttp2_nv headers[] = {header(":status", "200"),
                                  header("content-type", "application/grpc"),
                                  header("grpc-accept-encoding", "identity")};
    nghttp2_data_provider provider = {.source = {.ptr = call}, .read_callback = read_reply};
    return nghttp2_submit_response(call->connection->session, call->stream, headers,
                                   sizeof(headers) / sizeof(headers[0]), &provider);
}

/* The status alone, in one frame of headers. */
static int submit_failure(dz_grpc_connection *connection, int32_t stream, int http_status,
                          dozan_status status, const char *message)
{
    char http[16];
    char code[16];
    char text[DZ_GRPC_MESSAGE_TEXT];
    (void)snprintf(http, sizeof(http), "%d", http_status);
    (void)snprintf(code, sizeof(code), "%d", (int)status);
    dz_grpc_message_encode(message, text);
    const nghttp2_nv headers[] = {header(":status", http),
                                  header("content-type", "application/grpc"),
                                  header("grpc-status", code), header("grpc-message", text),
                                  header("grpc-accept-encoding", "identity")};
    return nghttp2_submit_response(connection->session, stream, headers,
                                   sizeof(headers) / sizeof(headers[0]), NULL);
}

static ssize_t read_reply(nghttp2_session *session, int32_t stream, uint8_t *room, size_t size,
                          uint32_t *flags, nghttp2_data_source *source, void *user)
{
    dz_grpc_connection *connection = user;
    dozan_grpc_call *call = source->ptr;
    call->due_ms = connection->now_ms + call->core->options.stall_limit_ms;
    size_t left = call->reply_size - call->reply_sent;
    if (size > left)
        size = left;
    memcpy(room, call->reply + call->reply_sent, size);
    call->reply_sent += size;
    if (size < left)
        return (ssize_t)size;
    const nghttp2_nv trailer = header("grpc-status", "0");
    *flags |= NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
    if (nghttp2_submit_trailer(session, stream, &trailer, 1) != 0)
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    return (ssize_t)size;
}

/* What is gathered is a copy, but for a piece that is too large: nghttp2 keeps that one until it is
 * asked for the next. */
static bool fill(dz_grpc_connection *connection)
{
    connection->out_start = connection->out_end = 0;
    connection->moved_ms = connection->now_ms;
    connection->answered = false;
    dz_grpc_core_note_due(connection->core,
                          connection->now_ms + connection->core->options.stall_limit_ms);
    for (;;) {
        if (connection->rest_size == 0) {
            ssize_t size = nghttp2_session_mem_send(connection->session, &connection->rest);
            if (size <= 0)
                return size == 0;
            connection->rest_size = (size_t)size;
        }
        size_t room = OUT_ROOM - connection->out_end;
        size_t size = connection->rest_size < room ? connection->rest_size : room;
        memcpy(connection->out + connection->out_end, connection->rest, size);
        connection->out_end += size;
        connection->rest += size;
        connection->rest_size -= size;
        if (connection->out_end == OUT_ROOM)
            return true;
    }
}

/* ---- limits of time ------------------------------------------------------------------------- */

/* A request that does not come in time is refused, and an answer that is not read is given up. A
 * handler that is too late is not waited for: its call loses its stream, and what it says is
 * dropped. */
static int64_t expire_call(dz_grpc_connection *connection, dozan_grpc_call *call)
{
    nghttp2_session *session = connection->session;
    int32_t stream = call->stream;
    int64_t due = call->state == DZ_GRPC_HANDED ? call->deadline_ms : call->due_ms;
    if (call->state == DZ_GRPC_READING)
        due = earlier(due, call->deadline_ms);
    if (due > connection->now_ms)
        return due;
    dozan_error err;
    int number = 0;
    switch (call->state) {
    case DZ_GRPC_READING:
        (void)dozan_error_set(&err, DOZAN_DEADLINE_EXCEEDED, NULL,
                              "the request did not come within its time");
        number = refuse(call, &err);
        break;
    case DZ_GRPC_HANDED:
        (void)nghttp2_session_set_stream_user_data(session, stream, NULL);
        detach(call);
        number = submit_failure(connection, stream, 200, DOZAN_DEADLINE_EXCEEDED,
                                "the call's time has passed");
        break;
    case DZ_GRPC_SENDING:
    default:
        call->due_ms = INT64_MAX;
        number = nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, stream, NGHTTP2_CANCEL);
        break;
    }
    if (number != 0)
        (void)nghttp2_session_terminate_session(session, NGHTTP2_INTERNAL_ERROR);
    return INT64_MAX;
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}
