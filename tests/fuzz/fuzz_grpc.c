/*
 * Fuzzes the gRPC server from a connection's bytes to its answers: no input may crash it, leak, or
 * leave a call behind, and no limit may be passed.
 *
 * The first byte says how the rest is cut into reads (0: all at once) and whether the client's
 * preface and SETTINGS are sent before it (odd: they are), so that the fuzzer need not find them.
 * Time passes with each read, so that limits of time are met as well. Methods: Echo answers at
 * once, Late when the input has ended.
 */
#include "grpc_connection.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST_LATE = 8, STEP_MS = 40, MESSAGE = 512 };

typedef struct late_calls {
    dozan_grpc_call *calls[MOST_LATE];
    size_t count;
} late_calls;

static void echo(void *context, dozan_grpc_call *call)
{
    (void)context;
    size_t size = 0;
    const void *body = dozan_grpc_call_body(call, &size);
    if (size > MESSAGE)
        abort();
    dozan_grpc_reply(call, body, size);
}

static void hold(void *context, dozan_grpc_call *call)
{
    late_calls *late = context;
    if (late->count == MOST_LATE)
        abort(); /* more than max_calls */
    late->calls[late->count++] = call;
}

static dozan_status authorize(void *context, const dozan_grpc_call *call, dozan_error *err)
{
    (void)context;
    const char *given = dozan_grpc_call_metadata(call, "authorization");
    if (given == NULL || strcmp(given, "no") != 0)
        return DOZAN_OK;
    return dozan_error_set(err, DOZAN_UNAUTHENTICATED, NULL, "%s", given);
}

static void take_answers(dz_grpc_core *core, int64_t now_ms)
{
    for (;;) {
        dozan_grpc_call *call = dz_grpc_core_take_answer(core);
        if (call == NULL)
            return;
        if (call->connection != NULL)
            dz_grpc_connection_answer(call, now_ms);
        else
            dz_grpc_call_destroy(call);
    }
}

static bool send_out(dz_grpc_connection *connection, int64_t now_ms)
{
    for (;;) {
        const uint8_t *bytes = NULL;
        int64_t size = dz_grpc_connection_pending(connection, &bytes);
        if (size <= 0)
            return size == 0;
        dz_grpc_connection_sent(connection, (size_t)size, now_ms);
    }
}

static bool step(dz_grpc_core *core, dz_grpc_connection *connection, const uint8_t *data,
                 size_t size, int64_t now_ms)
{
    bool good = dz_grpc_connection_receive(connection, data, size, now_ms);
    take_answers(core, now_ms);
    good = good && dz_grpc_connection_expire(connection, now_ms);
    if (core->buffered_bytes > core->options.max_buffered_bytes ||
        core->handed > core->options.max_calls)
        abort();
    return send_out(connection, now_ms) && good && !dz_grpc_connection_is_done(connection);
}

static void converse(dz_grpc_core *core, const uint8_t *data, size_t size)
{
    static const uint8_t hello[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0";
    dz_grpc_connection *connection = NULL;
    int64_t now_ms = 0;
    if (dz_grpc_connection_create(core, now_ms, &connection, NULL) != DOZAN_OK)
        abort();
    size_t piece = data[0] >> 1 > 0 ? data[0] >> 1 : size;
    bool alive = (data[0] & 1) == 0 || step(core, connection, hello, sizeof(hello), now_ms);
    for (size_t at = 1; alive && at < size; at += piece) {
        now_ms += STEP_MS;
        alive = step(core, connection, data + at, size - at < piece ? size - at : piece, now_ms);
    }
    if (alive)
        dz_grpc_connection_stop(connection);
    (void)send_out(connection, now_ms);
    dz_grpc_connection_destroy(connection);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    late_calls late = {.count = 0};
    const dozan_grpc_method methods[] = {{"/t.T/Echo", echo, NULL}, {"/t.T/Late", hold, &late}};
    const dozan_grpc_server_options options = {.methods = methods,
                                               .method_count = 2,
                                               .authorize = authorize,
                                               .max_message_bytes = MESSAGE,
                                               .max_buffered_bytes = (size_t)4 * MESSAGE,
                                               .max_streams = 16,
                                               .max_calls = MOST_LATE,
                                               .greeting_limit_ms = 400,
                                               .request_limit_ms = 400};
    dz_grpc_core *core = NULL;
    if (size == 0)
        return 0;
    if (dz_grpc_core_create(&options, &core, NULL) != DOZAN_OK)
        abort();
    converse(core, data, size);
    for (size_t i = 0; i < late.count; i++) {
        if (!dozan_grpc_call_cancelled(late.calls[i]))
            abort();
        dozan_grpc_reply(late.calls[i], NULL, 0);
    }
    take_answers(core, 0);
    if (core->calls != 0 || core->handed != 0 || core->buffered_bytes != 0)
        abort();
    dz_grpc_core_destroy(core);
    return 0;
}
