/*
 * The host against callers that are wrong: messages sent as they are over a bare nng socket.
 */
#include "support_rpc.h"
#include "wire.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include <nng/nng.h>
#include <nng/protocol/reqrep0/req.h>

enum { CALL_MS = 30000, SMALL_LIMIT = 8192 };

static const char url[] = "inproc://rpc-host-test";

static int64_t monotonic_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* A reply, in an arena of its own. */
typedef struct received {
    dz_arena arena;
    dz_reply reply;
} received;

static nng_socket dial(const char *address)
{
    nng_socket socket;
    assert_int_equal(nng_req0_open(&socket), 0);
    assert_int_equal(nng_socket_set_ms(socket, NNG_OPT_RECVTIMEO, 60000), 0);
    assert_int_equal(nng_dial(socket, address, NULL, 0), 0);
    return socket;
}

static void send_bytes(nng_socket socket, const void *bytes, size_t size)
{
    nng_msg *message = NULL;
    assert_int_equal(nng_msg_alloc(&message, size), 0);
    if (size > 0)
        memcpy(nng_msg_body(message), bytes, size);
    assert_int_equal(nng_sendmsg(socket, message, 0), 0);
}

static void receive_reply(nng_socket socket, received *out)
{
    nng_msg *message = NULL;
    dozan_error err;
    *out = (received){.reply = {.request_id = ""}};
    assert_int_equal(nng_recvmsg(socket, &message, 0), 0);
    dz_bytes bytes = {nng_msg_body(message), nng_msg_len(message)};
    assert_int_equal(dz_wire_unpack_reply(bytes, &out->arena, &out->reply, &err), DOZAN_OK);
    nng_msg_free(message);
}

static void send_request(nng_socket socket, const dz_request *request)
{
    size_t size = dz_wire_request_size(request);
    void *bytes = malloc(size);
    assert_non_null(bytes);
    dz_wire_pack_request(request, bytes);
    send_bytes(socket, bytes, size);
    free(bytes);
}

static dozan_status code_of(nng_socket socket, const dz_request *request)
{
    received got;
    send_request(socket, request);
    receive_reply(socket, &got);
    assert_string_equal(got.reply.request_id, request->request_id);
    dozan_status code = got.reply.code;
    if (code != DOZAN_OK)
        assert_true(got.reply.message[0] != '\0');
    dz_arena_fini(&got.arena);
    return code;
}

/* The body of an ask for one trial of a new experiment, in the arena. */
static dz_bytes ask_body(dz_arena *arena, const char *uid, const char *algorithm)
{
    dozan_experiment experiment = rpc_experiment(uid, algorithm);
    dz_ask_request ask = {.log = rpc_log(uid, &experiment), .first_trial = 1, .count = 1};
    dz_bytes body;
    dozan_error err;
    assert_int_equal(dz_wire_pack_ask(&ask, arena, &body, &err), DOZAN_OK);
    return body;
}

static void garbage_gets_a_status(void **state)
{
    (void)state;
    dozan_host *host = rpc_host(url, &(dozan_host_options){.max_message_bytes = SMALL_LIMIT});
    nng_socket socket = dial(url);
    static char zeros[SMALL_LIMIT + 1];
    const struct {
        const void *bytes;
        size_t size;
    } cases[] = {{"", 0}, {"garbage", 7}, {"\x0a\xff\xff\xff\xff\x7f", 6}, {zeros, sizeof(zeros)}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        received got;
        send_bytes(socket, cases[i].bytes, cases[i].size);
        receive_reply(socket, &got);
        assert_int_equal(got.reply.code, DOZAN_INVALID_ARGUMENT);
        dz_arena_fini(&got.arena);
    }
    dz_request request = {.method = DZ_METHOD_ASK, .request_id = "bad-body", .body = {"\xff", 1}};
    assert_int_equal(code_of(socket, &request), DOZAN_INVALID_ARGUMENT);
    request.method = "/dozan.v1.Algorithm/Guess";
    request.request_id = "bad-method";
    assert_int_equal(code_of(socket, &request), DOZAN_UNIMPLEMENTED);
    request.method = DZ_METHOD_DESCRIBE;
    request.request_id = "good";
    assert_int_equal(code_of(socket, &request), DOZAN_OK);
    (void)nng_close(socket);
    dozan_host_destroy(host);
}

static void truncated_requests_get_a_status(void **state)
{
    (void)state;
    dozan_host *host = rpc_host(url, NULL);
    nng_socket socket = dial(url);
    dz_arena arena = {0};
    dz_request request = {.method = DZ_METHOD_ASK,
                          .request_id = "cut",
                          .timeout_ms = CALL_MS,
                          .body = ask_body(&arena, "uid-1", "steady")};
    size_t size = dz_wire_request_size(&request);
    char *bytes = dz_arena_alloc(&arena, size);
    dz_wire_pack_request(&request, bytes);
    for (size_t cut = 0; cut < size; cut++) {
        received got;
        send_bytes(socket, bytes, cut);
        receive_reply(socket, &got); /* OK is no answer to a part */
        assert_int_equal(got.reply.code, DOZAN_INVALID_ARGUMENT);
        dz_arena_fini(&got.arena);
    }
    assert_int_equal(code_of(socket, &request), DOZAN_OK);
    dz_arena_fini(&arena);
    (void)nng_close(socket);
    dozan_host_destroy(host);
}

static void only_the_token_opens(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        NULL,          "",      "Bearer ",      "Bearer tokeN", "Bearer token2",
        "Bearer toke", "token", "bearer token", "Basic token"};
    dozan_host *host = rpc_host(url, &(dozan_host_options){.token = "token"});
    nng_socket socket = dial(url);
    dz_request request = {.method = DZ_METHOD_DESCRIBE, .request_id = "id"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        request.authorization = wrong[i];
        assert_int_equal(code_of(socket, &request), DOZAN_UNAUTHENTICATED);
    }
    request.authorization = "Bearer token";
    assert_int_equal(code_of(socket, &request), DOZAN_OK);
    (void)nng_close(socket);

    dozan_client *client = rpc_client(url, &(dozan_client_options){.token = "token"});
    dozan_describe_reply *reply = NULL;
    assert_int_equal(dozan_client_describe(client, CALL_MS, &reply, NULL), DOZAN_OK);
    dozan_describe_reply_destroy(reply);
    dozan_client_destroy(client);
    client = rpc_client(url, &(dozan_client_options){.token = "other"});
    assert_int_equal(dozan_client_describe(client, CALL_MS, &reply, NULL), DOZAN_UNAUTHENTICATED);
    dozan_client_destroy(client);
    dozan_host_destroy(host);
}

/* The second attempt of a call that runs gets the answer, the first is told so, and it ran once. */
static void a_running_request_is_joined(void **state)
{
    (void)state;
    dozan_host *host = rpc_host(url, NULL);
    nng_socket first = dial(url);
    nng_socket second = dial(url);
    dz_arena arena = {0};
    dz_request request = {.method = DZ_METHOD_ASK,
                          .request_id = "twice",
                          .timeout_ms = CALL_MS,
                          .body = ask_body(&arena, "uid-1", "gated")};
    received got;
    rpc_gate_close();
    send_request(first, &request);
    rpc_wait_for_gated_asks(1);
    send_request(second, &request);
    receive_reply(first, &got);
    assert_int_equal(got.reply.code, DOZAN_ABORTED);
    dz_arena_fini(&got.arena);
    rpc_gate_open();
    receive_reply(second, &got);
    assert_int_equal(got.reply.code, DOZAN_OK);
    dz_arena_fini(&got.arena);
    assert_int_equal(rpc_gated_asks(), 1);

    /* Once more, now that it is done: the same answer, without another run. */
    assert_int_equal(code_of(first, &request), DOZAN_OK);
    assert_int_equal(rpc_gated_asks(), 1);

    /* The same id for another question is another request. */
    request.body = ask_body(&arena, "uid-2", "gated");
    assert_int_equal(code_of(first, &request), DOZAN_OK);
    assert_int_equal(rpc_gated_asks(), 2);
    dz_arena_fini(&arena);
    (void)nng_close(first);
    (void)nng_close(second);
    dozan_host_destroy(host);
}

/* The one worker is held, and a late request waits for it with 1 ms to live. That it was let in is
 * known from the second attempt, which takes its place. */
static void a_call_whose_time_has_passed_is_not_run(void **state)
{
    (void)state;
    dozan_host *host = rpc_host(url, &(dozan_host_options){.workers = 1});
    nng_socket sockets[3] = {dial(url), dial(url), dial(url)};
    dz_arena arena = {0};
    dz_request request = {.method = DZ_METHOD_ASK,
                          .request_id = "busy",
                          .timeout_ms = CALL_MS,
                          .body = ask_body(&arena, "uid-1", "gated")};
    received got;
    rpc_gate_close();
    send_request(sockets[0], &request);
    rpc_wait_for_gated_asks(1);
    request.request_id = "late";
    request.timeout_ms = 1;
    request.body = ask_body(&arena, "uid-2", "gated");
    send_request(sockets[1], &request);
    send_request(sockets[2], &request);
    int waits = 2; /* whichever came first is told at once */
    nng_msg *message = NULL;
    while (nng_recvmsg(sockets[waits], &message, NNG_FLAG_NONBLOCK) != 0)
        waits = 3 - waits;
    nng_msg_free(message);
    waits = 3 - waits;
    int64_t end = monotonic_ms() + 3;
    while (monotonic_ms() < end)
        (void)sched_yield();
    rpc_gate_open();
    receive_reply(sockets[0], &got);
    assert_int_equal(got.reply.code, DOZAN_OK);
    dz_arena_fini(&got.arena);
    receive_reply(sockets[waits], &got);
    assert_int_equal(got.reply.code, DOZAN_DEADLINE_EXCEEDED);
    dz_arena_fini(&got.arena);
    assert_int_equal(rpc_gated_asks(), 1);
    dz_arena_fini(&arena);
    for (size_t i = 0; i < 3; i++)
        (void)nng_close(sockets[i]);
    dozan_host_destroy(host);
}

/* Those for whom there is no room, strangers and garbage are answered while every worker computes.
 */
static void the_door_is_never_blocked(void **state)
{
    (void)state;
    dozan_host *host =
        rpc_host(url, &(dozan_host_options){.workers = 1, .in_flight = 1, .token = "token"});
    nng_socket inside = dial(url);
    nng_socket outside = dial(url);
    dz_arena arena = {0};
    dz_request request = {.method = DZ_METHOD_ASK,
                          .request_id = "inside",
                          .timeout_ms = CALL_MS,
                          .authorization = "Bearer token",
                          .body = ask_body(&arena, "uid-1", "gated")};
    received got;
    rpc_gate_close();
    send_request(inside, &request);
    rpc_wait_for_gated_asks(1);
    dz_request door = {
        .method = DZ_METHOD_DESCRIBE, .request_id = "door", .authorization = "Bearer token"};
    assert_int_equal(code_of(outside, &door), DOZAN_RESOURCE_EXHAUSTED);
    door.authorization = NULL;
    assert_int_equal(code_of(outside, &door), DOZAN_UNAUTHENTICATED);
    send_bytes(outside, "garbage", 7);
    receive_reply(outside, &got);
    assert_int_equal(got.reply.code, DOZAN_INVALID_ARGUMENT);
    dz_arena_fini(&got.arena);
    rpc_gate_open();
    receive_reply(inside, &got);
    assert_int_equal(got.reply.code, DOZAN_OK);
    dz_arena_fini(&got.arena);
    (void)nng_close(inside);
    (void)nng_close(outside);
    dz_arena_fini(&arena);
    dozan_host_destroy(host);
}

/* The least recently used session goes; its experiment is then unknown. */
static void sessions_are_bounded(void **state)
{
    (void)state;
    dozan_host *host = rpc_host(url, &(dozan_host_options){.max_experiments = 2});
    dozan_client *client = rpc_client(url, NULL);
    static const char *const uids[] = {"uid-1", "uid-2", "uid-1", "uid-3"};
    for (size_t i = 0; i < 4; i++) {
        rpc_box box;
        rpc_box_init(&box);
        assert_int_equal(rpc_ask(client, uids[i], "steady", CALL_MS, &box), DOZAN_OK);
        rpc_box_fini(&box);
    }
    static const struct {
        const char *uid;
        bool known;
    } left[] = {{"uid-1", true}, {"uid-2", false}, {"uid-3", true}};
    nng_socket socket = dial(url);
    for (size_t i = 0; i < 3; i++) {
        dz_arena arena = {0};
        dz_ask_request ask = {.log = {.uid = left[i].uid}, .first_trial = 1, .count = 1};
        dz_request request = {
            .method = DZ_METHOD_ASK, .request_id = left[i].uid, .timeout_ms = CALL_MS};
        dozan_error err;
        dozan_ask_reply reply;
        received got;
        assert_int_equal(dz_wire_pack_ask(&ask, &arena, &request.body, &err), DOZAN_OK);
        send_request(socket, &request);
        receive_reply(socket, &got);
        assert_int_equal(got.reply.code, DOZAN_OK);
        assert_int_equal(dz_wire_unpack_ask_reply(got.reply.body, &arena, &reply, &err), DOZAN_OK);
        assert_int_equal(reply.unknown_experiment, !left[i].known);
        assert_int_equal(reply.stale, !left[i].known);
        dz_arena_fini(&got.arena);
        dz_arena_fini(&arena);
    }
    (void)nng_close(socket);
    dozan_client_destroy(client);
    dozan_host_destroy(host);
}

/* A message far over the limit costs its sender the connection, and the host nothing. */
static void a_huge_message_is_not_taken(void **state)
{
    (void)state;
    char address[64];
    (void)snprintf(address, sizeof(address), "ipc:///tmp/dozan-test-host-%ld.sock", (long)getpid());
    dozan_host *host = rpc_host(address, &(dozan_host_options){.max_message_bytes = SMALL_LIMIT});
    nng_socket socket = dial(address);
    assert_int_equal(nng_socket_set_ms(socket, NNG_OPT_REQ_RESENDTIME, NNG_DURATION_INFINITE), 0);
    char *large = calloc(1, (size_t)4 * SMALL_LIMIT);
    assert_non_null(large);
    nng_msg *message = NULL;
    send_bytes(socket, large, (size_t)4 * SMALL_LIMIT);
    assert_int_equal(nng_recvmsg(socket, &message, 0), NNG_ECONNRESET);
    dz_request request = {.method = DZ_METHOD_DESCRIBE, .request_id = "after"};
    assert_int_equal(code_of(socket, &request), DOZAN_OK);
    free(large);
    (void)nng_close(socket);
    dozan_host_destroy(host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(garbage_gets_a_status),
        cmocka_unit_test(truncated_requests_get_a_status),
        cmocka_unit_test(only_the_token_opens),
        cmocka_unit_test(a_running_request_is_joined),
        cmocka_unit_test(a_call_whose_time_has_passed_is_not_run),
        cmocka_unit_test(the_door_is_never_blocked),
        cmocka_unit_test(sessions_are_bounded),
        cmocka_unit_test(a_huge_message_is_not_taken),
    };
    return cmocka_run_group_tests_name("rpc host", tests, NULL, NULL);
}
