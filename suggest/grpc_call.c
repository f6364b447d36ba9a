/*
 * The life of a call, and the core that all calls of a server share.
 */
#include "grpc_call.h"
#include "grpc_text.h"

#include <stdlib.h>
#include <string.h>

enum {
    MESSAGE_BYTES = 4 << 20,
    BUFFERED_BYTES = 256 << 20,
    CONNECTIONS = 256,
    STREAMS = 128,
    CALLS = 1024,
    GREETING_MS = 10000,
    REQUEST_MS = 30000,
    STALL_MS = 30000,
    IDLE_MS = 300000,
    FIRST_CAPACITY = 512
};

static void fill_in(dozan_grpc_server_options *options);
static void use_default_size(size_t *value, size_t fallback);
static void use_default(uint32_t *value, uint32_t fallback);
static dozan_status check_protocol(dozan_grpc_call *call, dozan_error *err);
static const dozan_grpc_method *find_method(const dz_grpc_core *core, const char *path);
static bool is_grpc(const char *content_type);
static bool grow(dozan_grpc_call *call, size_t size);
static void answer(dozan_grpc_call *call);

/* ---- the core ------------------------------------------------------------------------------- */

dozan_status dz_grpc_core_create(const dozan_grpc_server_options *options, dz_grpc_core **core,
                                 dozan_error *err)
{
    dz_grpc_core *made = calloc(1, sizeof(*made));
    dozan_grpc_method *methods =
        calloc(options->method_count + 1, sizeof(*methods)); /* never of size 0 */
    if (made == NULL || methods == NULL) {
        free(made);
        free(methods);
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "no memory for a server");
    }
    if (options->method_count > 0)
        memcpy(methods, options->methods, options->method_count * sizeof(*methods));
    made->options = *options;
    made->methods = methods;
    made->due_ms = INT64_MAX;
    fill_in(&made->options);
    (void)pthread_mutex_init(&made->answers_lock, NULL);
    *core = made;
    return DOZAN_OK;
}

void dz_grpc_core_destroy(dz_grpc_core *core)
{
    if (core == NULL)
        return;
    (void)pthread_mutex_destroy(&core->answers_lock);
    free(core->methods);
    free(core);
}

dozan_grpc_call *dz_grpc_core_take_answer(dz_grpc_core *core)
{
    (void)pthread_mutex_lock(&core->answers_lock);
    dozan_grpc_call *call = core->first_answer;
    if (call != NULL)
        core->first_answer = call->next_answer;
    (void)pthread_mutex_unlock(&core->answers_lock);
    if (call == NULL)
        return NULL;
    call->state = DZ_GRPC_SENDING;
    core->handed--;
    return call;
}

void dz_grpc_core_note_due(dz_grpc_core *core, int64_t due_ms)
{
    if (due_ms < core->due_ms)
        core->due_ms = due_ms;
}

static void fill_in(dozan_grpc_server_options *options)
{
    use_default_size(&options->max_message_bytes, MESSAGE_BYTES);
    use_default_size(&options->max_buffered_bytes, BUFFERED_BYTES);
    use_default(&options->max_connections, CONNECTIONS);
    use_default(&options->max_streams, STREAMS);
    use_default(&options->max_calls, CALLS);
    use_default(&options->greeting_limit_ms, GREETING_MS);
    use_default(&options->request_limit_ms, REQUEST_MS);
    use_default(&options->stall_limit_ms, STALL_MS);
    use_default(&options->idle_limit_ms, IDLE_MS);
}

static void use_default_size(size_t *value, size_t fallback)
{
    if (*value == 0)
        *value = fallback;
}

static void use_default(uint32_t *value, uint32_t fallback)
{
    if (*value == 0)
        *value = fallback;
}

/* ---- a call --------------------------------------------------------------------------------- */

dozan_grpc_call *dz_grpc_call_create(dz_grpc_core *core, int32_t stream)
{
    dozan_grpc_call *call = calloc(1, sizeof(*call));
    if (call == NULL)
        return NULL;
    call->core = core;
    call->stream = stream;
    call->deadline_ms = INT64_MAX;
    call->http_status = 200;
    core->calls++;
    return call;
}

void dz_grpc_call_destroy(dozan_grpc_call *call)
{
    dz_grpc_call_drop_body(call);
    call->core->calls--;
    dz_arena_fini(&call->arena);
    free(call->message);
    free(call->reply);
    free(call);
}

dozan_status dz_grpc_call_add_header(dozan_grpc_call *call, const char *name, size_t name_size,
                                     const char *value, size_t value_size, dozan_error *err)
{
    call->header_bytes += name_size + value_size;
    if (call->header_count == DZ_GRPC_HEADERS || call->header_bytes > DZ_GRPC_HEADER_BYTES)
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL,
                               "the metadata are larger than the limit of %d entries and %d bytes",
                               DZ_GRPC_HEADERS, DZ_GRPC_HEADER_BYTES);
    char *text = dz_arena_alloc(&call->arena, name_size + value_size + 2);
    if (text == NULL)
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "no memory for a call");
    memcpy(text, name, name_size);
    char *copy = memcpy(text + name_size + 1, value, value_size);
    if (strcmp(text, ":path") == 0)
        call->path = copy;
    else if (strcmp(text, ":method") == 0)
        call->http_method = copy;
    else
        call->headers[call->header_count++] = (dz_grpc_header){.name = text, .value = copy};
    return DOZAN_OK;
}

dozan_status dz_grpc_call_admit(dozan_grpc_call *call, int64_t now_ms, dozan_error *err)
{
    dz_grpc_core *core = call->core;
    dozan_status status = check_protocol(call, err);
    if (status != DOZAN_OK)
        return status;
    const char *timeout = dozan_grpc_call_metadata(call, "grpc-timeout");
    int64_t timeout_ms = 0;
    if (timeout != NULL && !dz_grpc_timeout_parse(timeout, &timeout_ms))
        return dozan_error_set(err, DOZAN_INTERNAL, NULL, "grpc-timeout cannot be read");
    if (timeout != NULL)
        call->deadline_ms = now_ms + timeout_ms;
    dz_grpc_core_note_due(core, call->deadline_ms);
    if (core->options.authorize != NULL)
        status = core->options.authorize(core->options.authorize_context, call, err);
    if (status != DOZAN_OK)
        return status;
    call->method = find_method(core, call->path);
    if (call->method == NULL)
        return dozan_error_set(err, DOZAN_UNIMPLEMENTED, NULL, "no method %.200s here", call->path);
    if (core->stopping)
        return dozan_error_set(err, DOZAN_UNAVAILABLE, NULL, "this server is being stopped");
    if (core->calls > core->options.max_calls)
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL,
                               "this server has no room for another call now");
    return DOZAN_OK;
}

/* HTTP's own answer goes to whoever does not speak gRPC; HTTP/2 itself demands the pseudo headers.
 */
static dozan_status check_protocol(dozan_grpc_call *call, dozan_error *err)
{
    if (call->path == NULL || call->http_method == NULL || strcmp(call->http_method, "POST") != 0) {
        call->http_status = 405;
        return dozan_error_set(err, DOZAN_INTERNAL, NULL, "a gRPC call is a POST");
    }
    if (!is_grpc(dozan_grpc_call_metadata(call, "content-type"))) {
        call->http_status = 415;
        return dozan_error_set(err, DOZAN_INTERNAL, NULL,
                               "a gRPC call has the content-type application/grpc");
    }
    return DOZAN_OK;
}

dozan_status dz_grpc_call_add_body(dozan_grpc_call *call, const void *bytes, size_t size,
                                   dozan_error *err)
{
    dz_grpc_core *core = call->core;
    size_t limit = core->options.max_message_bytes;
    if (size > limit + DZ_GRPC_PREFIX - call->body_size)
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL,
                               "a message of more than %zu bytes is larger than the limit", limit);
    if (size > call->body_capacity - call->body_size && !grow(call, call->body_size + size))
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL,
                               "this server has no memory for the request now");
    memcpy(call->body + call->body_size, bytes, size);
    call->body_size += size;
    if (call->body_size < DZ_GRPC_PREFIX)
        return DOZAN_OK;
    size_t announced = dz_grpc_prefix_size(call->body);
    if (announced > limit)
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL,
                               "a message of %zu bytes is larger than the limit of %zu", announced,
                               limit);
    return DOZAN_OK;
}

dozan_status dz_grpc_call_check_body(const dozan_grpc_call *call, dozan_error *err)
{
    if (call->body_size < DZ_GRPC_PREFIX)
        return dozan_error_set(err, DOZAN_UNIMPLEMENTED, NULL,
                               "the call has no message, and this method takes exactly one");
    size_t size = dz_grpc_prefix_size(call->body);
    if (call->body[0] == 1)
        return dozan_error_set(err, DOZAN_UNIMPLEMENTED, NULL,
                               "compressed messages are not taken here: send them as identity");
    if (call->body[0] != 0 || call->body_size - DZ_GRPC_PREFIX < size)
        return dozan_error_set(
            err, DOZAN_INTERNAL, NULL,
            "the message is broken: its prefix announces %zu bytes, and %zu came", size,
            call->body_size - DZ_GRPC_PREFIX);
    if (call->body_size - DZ_GRPC_PREFIX > size)
        return dozan_error_set(err, DOZAN_UNIMPLEMENTED, NULL,
                               "the call has more than one message, and this method takes one");
    return DOZAN_OK;
}

void dz_grpc_call_drop_body(dozan_grpc_call *call)
{
    call->core->buffered_bytes -= call->body_capacity;
    free(call->body);
    call->body = NULL;
    call->body_size = 0;
    call->body_capacity = 0;
}

void dz_grpc_call_set_failure(dozan_grpc_call *call, const dozan_error *err)
{
    char text[sizeof(err->place) + sizeof(err->message) + 2];
    dozan_error_text(err, text, sizeof(text));
    call->status = err->code != DOZAN_OK ? err->code : DOZAN_UNKNOWN;
    free(call->message);
    call->message = strdup(text); /* without memory, the code alone */
    free(call->reply);
    call->reply = NULL;
}

/* By doubling, as what a prefix announces need not come. */
static bool grow(dozan_grpc_call *call, size_t size)
{
    dz_grpc_core *core = call->core;
    size_t capacity = call->body_capacity > 0 ? call->body_capacity * 2 : FIRST_CAPACITY;
    size_t most = core->options.max_message_bytes + DZ_GRPC_PREFIX;
    if (capacity > most)
        capacity = most;
    if (capacity < size)
        capacity = size;
    size_t more = capacity - call->body_capacity;
    if (more > core->options.max_buffered_bytes - core->buffered_bytes)
        return false;
    uint8_t *grown = realloc(call->body, capacity);
    if (grown == NULL)
        return false;
    core->buffered_bytes += more;
    call->body = grown;
    call->body_capacity = capacity;
    return true;
}

static const dozan_grpc_method *find_method(const dz_grpc_core *core, const char *path)
{
    for (size_t i = 0; i < core->options.method_count; i++) {
        if (strcmp(core->methods[i].path, path) == 0)
            return &core->methods[i];
    }
    return NULL;
}

/* application/grpc, or with a subtype or parameters: application/grpc+proto. */
static bool is_grpc(const char *content_type)
{
    static const char type[] = "application/grpc";
    if (content_type == NULL || strncmp(content_type, type, sizeof(type) - 1) != 0)
        return false;
    char next = content_type[sizeof(type) - 1];
    return next == '\0' || next == '+' || next == ';';
}

/* ---- what a handler sees -------------------------------------------------------------------- */

const void *dozan_grpc_call_body(const dozan_grpc_call *call, size_t *size)
{
    *size = call->body_size - DZ_GRPC_PREFIX;
    return call->body + DZ_GRPC_PREFIX;
}

const char *dozan_grpc_call_path(const dozan_grpc_call *call)
{
    return call->path;
}

const char *dozan_grpc_call_metadata(const dozan_grpc_call *call, const char *name)
{
    for (size_t i = 0; i < call->header_count; i++) {
        if (strcmp(call->headers[i].name, name) == 0)
            return call->headers[i].value;
    }
    return NULL;
}

const char *dozan_grpc_call_peer(const dozan_grpc_call *call)
{
    return call->peer;
}

int64_t dozan_grpc_call_deadline_ms(const dozan_grpc_call *call)
{
    return call->deadline_ms;
}

bool dozan_grpc_call_cancelled(const dozan_grpc_call *call)
{
    return atomic_load(&call->cancelled);
}

void dozan_grpc_reply(dozan_grpc_call *call, const void *body, size_t size)
{
    dozan_error err;
    size_t limit = call->core->options.max_message_bytes;
    uint8_t *reply = size <= limit ? malloc(size + DZ_GRPC_PREFIX) : NULL;
    if (reply == NULL) {
        (void)dozan_error_set(&err, DOZAN_RESOURCE_EXHAUSTED, NULL,
                              size > limit
                                  ? "the answer has %zu bytes, more than a message may have (%zu)"
                                  : "no memory for an answer of %zu bytes (the limit is %zu)",
                              size, limit);
        dozan_grpc_fail(call, &err);
        return;
    }
    dz_grpc_prefix_write(size, reply);
    if (size > 0)
        memcpy(reply + DZ_GRPC_PREFIX, body, size);
    call->status = DOZAN_OK;
    call->reply = reply;
    call->reply_size = size + DZ_GRPC_PREFIX;
    answer(call);
}

void dozan_grpc_fail(dozan_grpc_call *call, const dozan_error *err)
{
    dz_grpc_call_set_failure(call, err);
    answer(call);
}

/* From here on the call is the server's: touch it no more. The core outlives the wake-up, because
 * the server's end waits until its thread has taken this answer, and the lock is held meanwhile. */
static void answer(dozan_grpc_call *call)
{
    dz_grpc_core *core = call->core;
    call->next_answer = NULL;
    (void)pthread_mutex_lock(&core->answers_lock);
    if (core->first_answer == NULL)
        core->first_answer = call;
    else
        core->last_answer->next_answer = call;
    core->last_answer = call;
    if (core->wake != NULL)
        core->wake(core->wake_context);
    (void)pthread_mutex_unlock(&core->answers_lock);
}
