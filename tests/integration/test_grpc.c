/*
 * The gRPC server and client against each other, and the server against peers that misbehave: over
 * a bare socket, with frames written by hand.
 */
#include "support_grpc.h"

#include <stdlib.h>
#include <string.h>

static void echoes(void **state)
{
    static const size_t sizes[] = {0, 1, 5, 16384, 70000, 1000000};
    fixture *f = *state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        size_t size = sizes[i];
        char *body = malloc(size + 1);
        assert_non_null(body);
        for (size_t at = 0; at < size; at++)
            body[at] = (char)(at * 31);
        void *reply = NULL;
        size_t reply_size = 0;
        dozan_error err = {0};
        dozan_status status = dozan_grpc_client_call(f->client, "/test.Test/Echo", body, size,
                                                     20000, &reply, &reply_size, &err);
        assert_string_equal(err.message, "");
        assert_int_equal(status, DOZAN_OK);
        assert_int_equal(reply_size, size);
        if (size > 0)
            assert_memory_equal(reply, body, size);
        free(reply);
        free(body);
    }
}

static void tells_errors(void **state)
{
    fixture *f = *state;
    expect_error(f, "/test.Test/Nothing", 0, DOZAN_UNIMPLEMENTED, "no method /test.Test/Nothing");
    expect_error(f, "/test.Test/Fail", 0, DOZAN_NOT_FOUND, "spec: 100 % näher\nno such trial");
    expect_error(f, "/test.Test/Echo", (4 << 20) + 1, DOZAN_RESOURCE_EXHAUSTED, "limit of 4194304");
    expect_error(f, "/test.Test/Grow", 0, DOZAN_RESOURCE_EXHAUSTED, "more than a message may have");
}

static void authorizes(void **state)
{
    fixture *f = *state;
    dozan_grpc_client *stranger = NULL;
    char url[64];
    (void)snprintf(url, sizeof(url), "grpc://127.0.0.1:%u",
                   (unsigned)dozan_grpc_server_port(f->server));
    assert_int_equal(dozan_grpc_client_create(url, NULL, &stranger, NULL), DOZAN_OK);
    dozan_error err = {0};
    void *reply = NULL;
    size_t size = 0;
    assert_int_equal(
        dozan_grpc_client_call(stranger, "/test.Test/Echo", "x", 1, 5000, &reply, &size, &err),
        DOZAN_UNAUTHENTICATED);
    assert_string_equal(err.message, "who are you?");
    dozan_grpc_client_destroy(stranger);
}

/* Many callers, whose calls are answered by another thread in the opposite order. */
static void answers_late(void **state)
{
    fixture *f = *state;
    pthread_t threads[16];
    for (size_t i = 0; i < 16; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, call_later, f), 0);
    for (size_t i = 0; i < 16; i++)
        release_held(f, i); /* waits until there are that many */
    for (size_t i = 0; i < 16; i++) {
        void *result = NULL;
        assert_int_equal(pthread_join(threads[i], &result), 0);
        assert_non_null(result);
    }
}

static void keeps_deadlines(void **state)
{
    fixture *f = *state;
    dozan_error err = {0};
    void *reply = NULL;
    size_t size = 0;
    assert_int_equal(
        dozan_grpc_client_call(f->client, "/test.Test/Hold", "x", 1, 50, &reply, &size, &err),
        DOZAN_DEADLINE_EXCEEDED);
    dozan_grpc_call *call = take_held(f);
    assert_true(dozan_grpc_call_deadline_ms(call) < INT64_MAX);
    while (!dozan_grpc_call_cancelled(call))
        (void)sched_yield(); /* the server's own timer, or the client's reset */
    dozan_grpc_reply(call, "too late", 8);
    expect_echo(f);
}

static void cancels(void **state)
{
    fixture *f = *state;
    pthread_t thread;
    void *result = NULL;
    assert_int_equal(pthread_create(&thread, NULL, call_later, f), 0);
    dozan_grpc_call *call = take_held(f);
    dozan_grpc_client_cancel(f->client);
    assert_int_equal(pthread_join(thread, &result), 0);
    assert_null(result);
    while (!dozan_grpc_call_cancelled(call))
        (void)sched_yield();
    dozan_grpc_reply(call, "nobody waits", 12);
}

static void *destroy_server(void *argument)
{
    fixture *f = argument;
    dozan_grpc_server_destroy(f->server);
    return NULL;
}

static void ends_when_all_are_answered(void **state)
{
    fixture *f = *state;
    pthread_t caller, stopper;
    void *result = NULL;
    assert_int_equal(pthread_create(&caller, NULL, call_later, f), 0);
    dozan_grpc_call *call = take_held(f);
    assert_int_equal(pthread_create(&stopper, NULL, destroy_server, f), 0);
    dozan_grpc_reply(call, "held", 4);
    assert_int_equal(pthread_join(stopper, NULL), 0);
    f->server = NULL;
    assert_int_equal(pthread_join(caller, &result), 0);
    assert_non_null(result);
}

/* ---- peers that misbehave ------------------------------------------------------------------- */

static void survives_garbage(void **state)
{
    static const char *const inputs[] = {
        "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nnonsense that is no frame",
        "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 a hello of TLS"};
    fixture *f = *state;
    for (size_t i = 0; i < sizeof(inputs) / sizeof(inputs[0]); i++) {
        int fd = dial(f);
        send_all(fd, inputs[i], strlen(inputs[i]));
        expect_close(fd);
    }
    expect_echo(f);
}

/* A frame of each type whose size or stream is wrong ends its connection, and no other. */
static void survives_broken_frames(void **state)
{
    static const struct {
        uint8_t type, flags;
        uint32_t stream;
        size_t size;
    } frames[] = {
        {0, 0, 0, 4},     /* DATA on the connection itself */
        {1, 4, 2, 3},     /* HEADERS on the server's stream */
        {2, 0, 0, 5},     /* PRIORITY on no stream */
        {3, 0, 1, 4},     /* RST_STREAM of a stream that was never open */
        {4, 0, 0, 5},     /* SETTINGS of a broken size */
        {5, 0, 1, 8},     /* PUSH_PROMISE from a client */
        {6, 0, 0, 7},     /* PING of a broken size */
        {8, 0, 0, 4},     /* WINDOW_UPDATE by nothing */
        {9, 4, 1, 4},     /* CONTINUATION of nothing */
        {0, 0, 1, 16385}, /* larger than the limit */
        {1, 4, 1, 8},     /* HEADERS whose block is no HPACK */
    };
    fixture *f = *state;
    for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
        int fd = greet(f);
        uint8_t payload[16385];
        memset(payload, frames[i].type == 8 ? 0 : 0xff, sizeof(payload));
        send_frame(fd, frames[i].type, frames[i].flags, frames[i].stream, payload, frames[i].size);
        expect_close(fd);
    }
    expect_echo(f);
}

static void checks_requests(void **state)
{
    static const struct {
        const char *method, *type, *timeout;
        const uint8_t body[8];
        size_t size;
        const char *answer; /* a header that the answer has */
    } cases[] = {
        {"POST", "application/grpc", "1S", {0, 0, 0, 0, 1, 'x'}, 6, "grpc-status: 0"},
        {"POST", "application/grpc+proto", "1S", {0, 0, 0, 0, 0}, 5, "grpc-status: 0"},
        {"GET", "application/grpc", "1S", {0}, 5, ":status: 405"},
        {"POST", "application/json", "1S", {0}, 5, ":status: 415"},
        {"POST", "application/grpcx", "1S", {0}, 5, ":status: 415"},
        {"POST", "application/grpc", "1", {0}, 5, "grpc-status: 13"},
        {"POST", "application/grpc", "0n", {0}, 5, "grpc-status: 4"},
        {"POST", "application/grpc", "1S", {0}, 0, "grpc-status: 12"},
        {"POST", "application/grpc", "1S", {0, 0, 0, 0, 9, 'x'}, 6, "grpc-status: 13"},
        {"POST", "application/grpc", "1S", {1, 0, 0, 0, 1, 'x'}, 6, "grpc-status: 12"},
        {"POST", "application/grpc", "1S", {0, 0, 0, 0, 1, 'x', 0, 0}, 8, "grpc-status: 12"},
        {"POST", "application/grpc", "1S", {0, 0xff, 0xff, 0xff, 0xff, 0}, 6, "grpc-status: 8"},
    };
    fixture *f = *state;
    int fd = greet(f);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint32_t stream = (uint32_t)(2 * i + 1);
        send_request(fd, stream, cases[i].method, "/test.Test/Echo", cases[i].type,
                     cases[i].timeout);
        send_frame(fd, 0, 1, stream, cases[i].body, cases[i].size);
        expect_answer(fd, stream, cases[i].answer);
    }
    hang_up(fd);
}

/* In its time for the first frame, for a request, and for nothing at all. */
static void limits_waiting(void **state)
{
    fixture *f = *state;
    int silent = dial(f);
    int idle = greet(f);
    int slow = greet(f);
    send_request(slow, 1, "POST", "/test.Test/Echo", "application/grpc", "1H");
    send_frame(slow, 0, 0, 1, (const uint8_t[]){0, 0}, 2);
    expect_answer(slow, 1, "grpc-status: 4");
    expect_close(silent);
    expect_close(idle);
    hang_up(slow);
    expect_echo(f);
}

static void limits_connections(void **state)
{
    fixture *f = *state;
    int fds[4];
    for (size_t i = 0; i < 4; i++)
        fds[i] = greet(f);
    int refused = dial(f);
    expect_close(refused);
    for (size_t i = 0; i < 4; i++)
        hang_up(fds[i]);
    while (!can_echo(f)) /* the places come free when the server has seen the ends */
        (void)sched_yield();
}

static void limits_calls(void **state)
{
    fixture *f = *state;
    int fd = greet(f);
    for (uint32_t stream = 1; stream <= 5; stream += 2) {
        send_request(fd, stream, "POST", "/test.Test/Hold", "application/grpc", "1H");
        send_frame(fd, 0, 1, stream, (const uint8_t[]){0, 0, 0, 0, 0}, 5);
    }
    expect_answer(fd, 5, "grpc-status: 8"); /* there is room for two */
    for (size_t i = 0; i < 2; i++)
        dozan_grpc_reply(take_held(f), NULL, 0);
    expect_answer(fd, 1, "grpc-status: 0");
    hang_up(fd);
}

/* The metadata of one request, larger than the limit. */
static void limits_headers(void **state)
{
    fixture *f = *state;
    int fd = greet(f);
    send_large_request(fd, 1, 12000);
    send_frame(fd, 0, 1, 1, (const uint8_t[]){0, 0, 0, 0, 0}, 5);
    expect_answer(fd, 1, "grpc-status: 0");
    send_large_request(fd, 3, 16380);
    expect_answer(fd, 3, "grpc-status: 8");
    hang_up(fd);
}

/* Calls that are reset as fast as they begin. */
static void limits_resets(void **state)
{
    fixture *f = *state;
    int fd = greet(f);
    for (uint32_t i = 0; i < 300; i++) {
        send_request(fd, 2 * i + 1, "POST", "/test.Test/Echo", "application/grpc", "1H");
        send_frame(fd, 3, 0, 2 * i + 1, (const uint8_t[]){0, 0, 0, 8}, 4);
    }
    expect_close(fd);
    expect_echo(f);
}

/* ---- TLS ------------------------------------------------------------------------------------ */

static void speaks_tls(void **state)
{
    fixture *f = *state;
    expect_echo(f);
    void *reply = NULL;
    size_t size = 0;
    dozan_error err = {0};
    assert_int_equal(
        dozan_grpc_client_call(f->client, "/test.Test/Peer", NULL, 0, 5000, &reply, &size, &err),
        DOZAN_OK);
    assert_int_equal(size, strlen("Dozan test client"));
    assert_memory_equal(reply, "Dozan test client", size);
    free(reply);
    expect_stranger_refused(f);
}

static void tells_of_no_server(void **state)
{
    (void)state;
    dozan_grpc_client *client = NULL;
    dozan_error err = {0};
    void *reply = NULL;
    size_t size = 0;
    assert_int_equal(dozan_grpc_client_create("grpc://127.0.0.1:1", NULL, &client, NULL), DOZAN_OK);
    assert_int_equal(dozan_grpc_client_call(client, "/a.B/C", "x", 1, 5000, &reply, &size, &err),
                     DOZAN_UNAVAILABLE);
    assert_non_null(strstr(err.message, "refused"));
    dozan_grpc_client_destroy(client);
}

/* What a server says that is none, or that breaks off, is an error in words, and soon. */
static void bears_bad_servers(void **state)
{
    static const struct {
        const char *bytes;
        size_t size;
        dozan_status status;
    } cases[] = {
        {"", 0, DOZAN_UNAVAILABLE},
        {"HTTP/1.1 400 Bad Request\r\n\r\n", 28, DOZAN_UNAVAILABLE},
        {"\0\0\0\4\0\0\0\0\0", 9, DOZAN_UNAVAILABLE},
        /* SETTINGS, and RST_STREAM of the call: INTERNAL_ERROR, REFUSED_STREAM, CANCEL */
        {"\0\0\0\4\0\0\0\0\0\0\0\4\3\0\0\0\0\1\0\0\0\2", 22, DOZAN_INTERNAL},
        {"\0\0\0\4\0\0\0\0\0\0\0\4\3\0\0\0\0\1\0\0\0\7", 22, DOZAN_UNAVAILABLE},
        {"\0\0\0\4\0\0\0\0\0\0\0\4\3\0\0\0\0\1\0\0\0\10", 22, DOZAN_CANCELLED},
        /* SETTINGS, and ":status: 503" alone (of HPACK's static table: 8 with another value) */
        {"\0\0\0\4\0\0\0\0\0\0\0\5\1\5\0\0\0\1\10\3"
         "503",
         23, DOZAN_UNAVAILABLE},
        {"\0\0\0\4\0\0\0\0\0\0\0\5\1\5\0\0\0\1\10\3"
         "404",
         23, DOZAN_UNKNOWN},
        /* SETTINGS, and ":status: 200" with the end of the stream: no status of gRPC's */
        {"\0\0\0\4\0\0\0\0\0\0\0\1\1\5\0\0\0\1\210", 19, DOZAN_INTERNAL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        bad_server server = {.bytes = cases[i].bytes, .size = cases[i].size};
        dozan_grpc_client *client = NULL;
        dozan_error err = {0};
        void *reply = NULL;
        size_t size = 0;
        char url[64];
        bad_server_start(&server);
        (void)snprintf(url, sizeof(url), "grpc://127.0.0.1:%u", (unsigned)server.port);
        assert_int_equal(dozan_grpc_client_create(url, NULL, &client, NULL), DOZAN_OK);
        dozan_status status =
            dozan_grpc_client_call(client, "/a.B/C", "x", 1, 20000, &reply, &size, &err);
        dozan_grpc_client_destroy(client);
        bad_server_stop(&server);
        if (status != cases[i].status || err.message[0] == '\0')
            fail_msg("case %zu: %d %s", i, (int)status, err.message);
    }
}

static void refuses_addresses(void **state)
{
    static const struct {
        const char *url;
        dozan_status status;
    } cases[] = {{"grpc://0.0.0.0:0", DOZAN_PERMISSION_DENIED},
                 {"grpc://[::]:0", DOZAN_PERMISSION_DENIED},
                 {"grpc://127.0.0.1", DOZAN_INVALID_ARGUMENT},
                 {"grpc://127.0.0.1:70000", DOZAN_INVALID_ARGUMENT},
                 {"grpc://:80", DOZAN_INVALID_ARGUMENT},
                 {"grpc://127.0.0.1:80/x", DOZAN_INVALID_ARGUMENT},
                 {"grpc://[::1:80", DOZAN_INVALID_ARGUMENT},
                 {"tcp://127.0.0.1:80", DOZAN_INVALID_ARGUMENT},
                 {"grpcs://127.0.0.1:0", DOZAN_INVALID_ARGUMENT}};
    (void)state;
    const dozan_grpc_server_options options = {.method_count = 0};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        dozan_grpc_server *server = NULL;
        dozan_error err = {0};
        assert_int_equal(dozan_grpc_server_create(cases[i].url, &options, &server, &err),
                         cases[i].status);
        assert_true(err.message[0] != '\0');
    }
}

int main(void)
{
    static const dozan_grpc_server_options usual = {.method_count = 0};
    static const dozan_grpc_server_options quick = {
        .greeting_limit_ms = 150, .request_limit_ms = 150, .idle_limit_ms = 200};
    static const dozan_grpc_server_options small = {.max_connections = 4};
    static const dozan_grpc_server_options few = {.max_calls = 2};
#define WITH(test, options)                                                                        \
    {                                                                                              \
#test, test, setup, teardown, (void *)(uintptr_t)(options)                                 \
    }
    const struct CMUnitTest tests[] = {
        WITH(echoes, &usual),
        WITH(tells_errors, &usual),
        WITH(authorizes, &usual),
        WITH(answers_late, &usual),
        WITH(keeps_deadlines, &usual),
        WITH(cancels, &usual),
        WITH(ends_when_all_are_answered, &usual),
        WITH(survives_garbage, &usual),
        WITH(survives_broken_frames, &usual),
        WITH(checks_requests, &usual),
        WITH(limits_waiting, &quick),
        WITH(limits_connections, &small),
        WITH(limits_calls, &few),
        WITH(limits_headers, &usual),
        WITH(limits_resets, &usual),
        {"speaks_tls", speaks_tls, setup_tls, teardown, NULL},
        cmocka_unit_test(tells_of_no_server),
        cmocka_unit_test(bears_bad_servers),
        cmocka_unit_test(refuses_addresses),
    };
#undef WITH
    return cmocka_run_group_tests(tests, NULL, NULL);
}
