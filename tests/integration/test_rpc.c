/*
 * Client and host over every transport: calls, deadlines, cancellation, retries, TLS.
 */
#include "support_rpc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { URL_ROOM = 128, PATH_ROOM = 512, LONG_MS = 30000 };

static void certificate(const char *name, char path[PATH_ROOM])
{
    const char *source = getenv("DOZAN_SOURCE");
    (void)snprintf(path, PATH_ROOM, "%s/tests/integration/tls/%s", source != NULL ? source : ".",
                   name);
}

static void ipc_url(char url[URL_ROOM])
{
    (void)snprintf(url, URL_ROOM, "ipc:///tmp/dozan-test-rpc-%ld.sock", (long)getpid());
}

/* What every transport must do: describe, validate, ask, say stale, release. */
static void check_calls(dozan_client *client)
{
    dozan_error err = {.code = DOZAN_OK};
    dozan_describe_reply *description = NULL;
    if (dozan_client_describe(client, LONG_MS, &description, &err) != DOZAN_OK)
        fail_msg("describe: %s", err.message);
    assert_int_equal(description->algorithm_count, 2);
    assert_string_equal(description->algorithms[0].name, "steady");
    dozan_describe_reply_destroy(description);

    dozan_experiment experiment = rpc_experiment("uid-1", "steady");
    assert_int_equal(dozan_client_validate(client, &experiment, DOZAN_KIND_SEARCH, LONG_MS, &err),
                     DOZAN_OK);
    dozan_pair unknown = {"no-such-setting", "1"};
    experiment.algorithm_settings = &unknown;
    experiment.algorithm_setting_count = 1;
    assert_int_equal(dozan_client_validate(client, &experiment, DOZAN_KIND_SEARCH, LONG_MS, &err),
                     DOZAN_INVALID_ARGUMENT);
    assert_string_equal(err.place, "spec.algorithm.algorithmSettings[0]");
    experiment = rpc_experiment("uid-1", "absent");
    assert_int_equal(dozan_client_validate(client, &experiment, DOZAN_KIND_SEARCH, LONG_MS, &err),
                     DOZAN_NOT_FOUND);
    assert_string_equal(err.place, "spec.algorithm.algorithmName");

    rpc_box box;
    rpc_box_init(&box);
    assert_int_equal(rpc_ask(client, "uid-1", "steady", LONG_MS, &box), DOZAN_OK);
    assert_false(box.stale);
    assert_int_equal(box.suggestions, 1);
    assert_string_equal(box.value, "0.5");
    rpc_box_fini(&box);
    assert_int_equal(dozan_client_release(client, "uid-1", LONG_MS, &err), DOZAN_OK);
}

static void on_stale(void *user, dozan_status status, const dozan_ask_reply *reply,
                     const dozan_error *err)
{
    (void)err;
    rpc_box *box = user;
    pthread_mutex_lock(&box->lock);
    box->times++;
    box->status = status;
    box->stale = status == DOZAN_OK && reply->stale;
    box->unknown_experiment = status == DOZAN_OK && reply->unknown_experiment;
    pthread_cond_broadcast(&box->changed);
    pthread_mutex_unlock(&box->lock);
}

static void calls_over(const char *url)
{
    dozan_host *host = rpc_host(url, NULL);
    dozan_client *client = rpc_client(url, NULL);
    check_calls(client);
    dozan_client_destroy(client);
    dozan_host_destroy(host);
}

static void calls_work_over_inproc(void **state)
{
    (void)state;
    calls_over("inproc://rpc-calls");
}

static void calls_work_over_ipc(void **state)
{
    (void)state;
    char url[URL_ROOM];
    ipc_url(url);
    calls_over(url);
}

static void calls_work_over_tcp(void **state)
{
    (void)state;
    char url[URL_ROOM];
    (void)snprintf(url, sizeof(url), "tcp://127.0.0.1:%u", rpc_free_port());
    calls_over(url);
}

static void calls_work_over_tls(void **state)
{
    (void)state;
    char url[URL_ROOM];
    char ca[PATH_ROOM];
    char server[PATH_ROOM];
    char mine[PATH_ROOM];
    (void)snprintf(url, sizeof(url), "tls+tcp://127.0.0.1:%u", rpc_free_port());
    certificate("ca.pem", ca);
    certificate("server.pem", server);
    certificate("client.pem", mine);
    dozan_host_options serve = {.tls_cert_file = server, .tls_ca_file = ca};
    dozan_client_options use = {
        .tls_ca_file = ca, .tls_cert_file = mine, .tls_server_name = "localhost"};
    dozan_host *host = rpc_host(url, &serve);
    dozan_client *client = rpc_client(url, &use);
    check_calls(client);
    dozan_client_destroy(client);

    /* Without a certificate of our own, with another authority, and for another name. */
    char other[PATH_ROOM];
    certificate("other-ca.pem", other);
    const dozan_client_options wrong[] = {
        {.tls_ca_file = ca, .tls_server_name = "localhost"},
        {.tls_ca_file = other, .tls_cert_file = mine, .tls_server_name = "localhost"},
        {.tls_ca_file = ca, .tls_cert_file = mine, .tls_server_name = "elsewhere"}};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        rpc_box box;
        rpc_box_init(&box);
        client = rpc_client(url, &wrong[i]);
        assert_int_equal(rpc_ask(client, "uid-1", "steady", 300, &box), DOZAN_DEADLINE_EXCEEDED);
        dozan_client_destroy(client);
        rpc_box_fini(&box);
    }
    dozan_host_destroy(host);
}

static void bad_addresses_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *url;
        dozan_status host;
        dozan_status client;
    } cases[] = {
        {"nonsense", DOZAN_INVALID_ARGUMENT, DOZAN_INVALID_ARGUMENT},
        {"ws://127.0.0.1:1", DOZAN_INVALID_ARGUMENT, DOZAN_INVALID_ARGUMENT},
        {"tcp://0.0.0.0:1", DOZAN_PERMISSION_DENIED, DOZAN_OK},
        {"tcp://*:1", DOZAN_PERMISSION_DENIED, DOZAN_INVALID_ARGUMENT},
        {"tcp://example.org:1", DOZAN_PERMISSION_DENIED, DOZAN_OK},
        {"tls+tcp://127.0.0.1:1", DOZAN_INVALID_ARGUMENT, DOZAN_INVALID_ARGUMENT},
        {"ipc:///nowhere/at/all", DOZAN_UNAVAILABLE, DOZAN_OK},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        dozan_host *host = NULL;
        dozan_client *client = NULL;
        dozan_error err;
        dozan_status status = dozan_host_create(cases[i].url, rpc_algorithms, NULL, &host, &err);
        if (status != cases[i].host)
            fail_msg("host %s: %s: %s", cases[i].url, dozan_status_name(status), err.message);
        status = dozan_client_create(cases[i].url, NULL, &client, &err);
        if (status != cases[i].client)
            fail_msg("client %s: %s: %s", cases[i].url, dozan_status_name(status), err.message);
        dozan_client_destroy(client);
    }
}

static void a_socket_file_is_the_owners(void **state)
{
    (void)state;
    char url[URL_ROOM];
    ipc_url(url);
    dozan_host *host = rpc_host(url, NULL);
    struct stat info;
    assert_int_equal(stat(url + strlen("ipc://"), &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    dozan_host_destroy(host);
}

static void an_unknown_experiment_is_stale(void **state)
{
    (void)state;
    dozan_host *host = rpc_host("inproc://rpc-stale", NULL);
    dozan_client *client = rpc_client("inproc://rpc-stale", NULL);
    dozan_log_part log = {.uid = "uid-1", .since_seq = 5, .to_seq = 5};
    rpc_box box;
    rpc_box_init(&box);
    assert_int_equal(dozan_client_ask(client, &log, 1, 1, LONG_MS, on_stale, &box, NULL, NULL),
                     DOZAN_OK);
    assert_int_equal(rpc_wait(&box), DOZAN_OK);
    assert_true(box.stale && box.unknown_experiment);
    rpc_box_fini(&box);
    dozan_client_destroy(client);
    dozan_host_destroy(host);
}

static void a_call_ends_at_its_deadline(void **state)
{
    (void)state;
    rpc_box nobody;
    rpc_box busy;
    rpc_box_init(&nobody);
    rpc_box_init(&busy);
    dozan_client *client = rpc_client("inproc://rpc-deadline", NULL);
    assert_int_equal(rpc_ask(client, "uid-1", "steady", 50, &nobody), DOZAN_DEADLINE_EXCEEDED);
    assert_non_null(strstr(nobody.err.message, "is it running"));
    dozan_host *host = rpc_host("inproc://rpc-deadline", NULL);
    rpc_gate_close();
    assert_int_equal(rpc_ask(client, "uid-1", "gated", 200, &busy), DOZAN_DEADLINE_EXCEEDED);
    assert_int_equal(rpc_times(&busy), 1);
    rpc_gate_open();
    dozan_client_destroy(client);
    dozan_host_destroy(host);
    rpc_box_fini(&nobody);
    rpc_box_fini(&busy);
}

static void calls_can_be_cancelled(void **state)
{
    (void)state;
    rpc_box unsent;
    rpc_box sent;
    rpc_box_init(&unsent);
    rpc_box_init(&sent);
    dozan_client *client = rpc_client("inproc://rpc-cancel", NULL);
    dozan_call_cancel(rpc_start_ask(client, "uid-1", "gated", LONG_MS, &unsent));
    assert_int_equal(rpc_wait(&unsent), DOZAN_CANCELLED);
    dozan_host *host = rpc_host("inproc://rpc-cancel", NULL);
    rpc_gate_close();
    dozan_call *call = rpc_start_ask(client, "uid-1", "gated", LONG_MS, &sent);
    rpc_wait_for_gated_asks(1);
    dozan_call_cancel(call);
    assert_int_equal(rpc_wait(&sent), DOZAN_CANCELLED);
    rpc_gate_open();
    dozan_client_destroy(client);
    dozan_host_destroy(host);
    assert_int_equal(rpc_times(&unsent), 1);
    assert_int_equal(rpc_times(&sent), 1);
    rpc_box_fini(&unsent);
    rpc_box_fini(&sent);
}

static void destroying_a_client_ends_its_calls(void **state)
{
    (void)state;
    enum { CALLS = 16 };
    rpc_box boxes[CALLS];
    dozan_host *host = rpc_host("inproc://rpc-destroy", NULL);
    dozan_client *client = rpc_client("inproc://rpc-destroy", NULL);
    rpc_gate_close();
    for (size_t i = 0; i < CALLS; i++) {
        char uid[16];
        (void)snprintf(uid, sizeof(uid), "uid-%zu", i);
        rpc_box_init(&boxes[i]);
        (void)rpc_start_ask(client, uid, "gated", LONG_MS, &boxes[i]);
    }
    rpc_wait_for_gated_asks(1);
    dozan_client_destroy(client);
    for (size_t i = 0; i < CALLS; i++) {
        assert_int_equal(rpc_times(&boxes[i]), 1);
        assert_int_equal(boxes[i].status, DOZAN_CANCELLED);
        rpc_box_fini(&boxes[i]);
    }
    rpc_gate_open();
    dozan_host_destroy(host);
}

static void a_call_survives_a_new_host(void **state)
{
    (void)state;
    char url[URL_ROOM];
    ipc_url(url);
    rpc_box box;
    rpc_box_init(&box);
    dozan_client *client = rpc_client(url, NULL);
    dozan_host *host = rpc_host(url, &(dozan_host_options){.workers = 1});
    rpc_box first;
    rpc_box_init(&first);
    rpc_gate_close();
    (void)rpc_start_ask(client, "uid-1", "gated", LONG_MS, &first);
    rpc_wait_for_gated_asks(1);
    (void)rpc_start_ask(client, "uid-2", "steady", LONG_MS, &box); /* waits for the one worker */
    rpc_gate_open();
    dozan_host_destroy(host);
    host = rpc_host(url, NULL);
    assert_int_equal(rpc_wait(&first), DOZAN_OK);
    assert_int_equal(rpc_wait(&box), DOZAN_OK);
    assert_string_equal(box.value, "0.5");
    dozan_client_destroy(client);
    dozan_host_destroy(host);
    rpc_box_fini(&box);
    rpc_box_fini(&first);
}

/* Whether a call was under way when its host went for good; it is told of at its deadline. */
static bool is_left_by_its_host(const char *url)
{
    rpc_box first;
    rpc_box box;
    rpc_box_init(&first);
    rpc_box_init(&box);
    dozan_client *client = rpc_client(url, NULL);
    dozan_host *host = rpc_host(url, &(dozan_host_options){.workers = 1});
    rpc_gate_close();
    (void)rpc_start_ask(client, "uid-1", "gated", 1000, &first);
    rpc_wait_for_gated_asks(1);
    (void)rpc_start_ask(client, "uid-2", "steady", 1000, &box); /* waits for the one worker */
    rpc_gate_open();
    dozan_host_destroy(host);
    (void)rpc_wait(&first);
    bool left = rpc_wait(&box) != DOZAN_OK;
    if (left) {
        assert_int_equal(box.status, DOZAN_DEADLINE_EXCEEDED);
        assert_non_null(strstr(box.err.message, "attempt 2"));
    }
    dozan_client_destroy(client);
    rpc_box_fini(&box);
    rpc_box_fini(&first);
    return left;
}

/* nng 1.5 takes the time-out of an operation that has slept before for a success. */
static void a_call_whose_host_stays_away_ends_at_its_deadline(void **state)
{
    (void)state;
    char url[URL_ROOM];
    ipc_url(url);
    int rounds = 50; /* a quick host answers before it goes */
    while (!is_left_by_its_host(url))
        assert_true(--rounds > 0);
}

static void many_calls_are_under_way_at_once(void **state)
{
    (void)state;
    enum { CALLS = 48 };
    rpc_box boxes[CALLS];
    char url[URL_ROOM];
    ipc_url(url);
    dozan_host *host = rpc_host(url, NULL);
    dozan_client *client = rpc_client(url, NULL);
    rpc_gate_close();
    for (size_t i = 0; i < CALLS; i++) {
        char uid[16];
        (void)snprintf(uid, sizeof(uid), "uid-%zu", i % 6);
        rpc_box_init(&boxes[i]);
        (void)rpc_start_ask(client, uid, "gated", LONG_MS, &boxes[i]);
    }
    rpc_wait_for_gated_asks(4); /* as many as there are workers */
    rpc_gate_open();
    for (size_t i = 0; i < CALLS; i++) {
        assert_int_equal(rpc_wait(&boxes[i]), DOZAN_OK);
        assert_string_equal(boxes[i].value, "0.5");
        rpc_box_fini(&boxes[i]);
    }
    dozan_client_destroy(client);
    dozan_host_destroy(host);
}

enum { CALLERS = 4, CALLS_EACH = 400 };

typedef struct caller {
    pthread_t thread;
    dozan_client *client;
    unsigned good;
} caller;

static void *call_and_call(void *arg)
{
    caller *self = arg;
    for (unsigned i = 0; i < CALLS_EACH; i++) {
        dozan_describe_reply *reply = NULL;
        if (dozan_client_describe(self->client, LONG_MS, &reply, NULL) == DOZAN_OK)
            self->good++;
        dozan_describe_reply_destroy(reply);
    }
    return NULL;
}

/* Each call takes up what the one before left, in several threads on one client. */
static void quick_calls_follow_each_other(void **state)
{
    (void)state;
    char urls[2][URL_ROOM] = {"inproc://rpc-quick"};
    ipc_url(urls[1]);
    for (size_t u = 0; u < 2; u++) {
        caller callers[CALLERS] = {0};
        dozan_host *host = rpc_host(urls[u], NULL);
        dozan_client *client = rpc_client(urls[u], NULL);
        for (size_t i = 0; i < CALLERS; i++) {
            callers[i].client = client;
            assert_int_equal(pthread_create(&callers[i].thread, NULL, call_and_call, &callers[i]),
                             0);
        }
        for (size_t i = 0; i < CALLERS; i++) {
            assert_int_equal(pthread_join(callers[i].thread, NULL), 0);
            assert_int_equal(callers[i].good, CALLS_EACH);
        }
        dozan_client_destroy(client);
        dozan_host_destroy(host);
    }
}

static void a_slow_experiment_holds_back_no_other(void **state)
{
    (void)state;
    enum { SLOW = 8 };
    rpc_box slow[SLOW];
    rpc_box quick;
    rpc_box_init(&quick);
    dozan_host *host = rpc_host("inproc://rpc-slow", &(dozan_host_options){.workers = 2});
    dozan_client *client = rpc_client("inproc://rpc-slow", NULL);
    rpc_gate_close();
    for (size_t i = 0; i < SLOW; i++) { /* one runs, the others wait for the session */
        rpc_box_init(&slow[i]);
        (void)rpc_start_ask(client, "uid-slow", "gated", LONG_MS, &slow[i]);
    }
    rpc_wait_for_gated_asks(1);
    assert_int_equal(rpc_ask(client, "uid-quick", "steady", LONG_MS, &quick), DOZAN_OK);
    assert_int_equal(rpc_gated_asks(), 1);
    rpc_gate_open();
    for (size_t i = 0; i < SLOW; i++) {
        assert_int_equal(rpc_wait(&slow[i]), DOZAN_OK);
        rpc_box_fini(&slow[i]);
    }
    dozan_client_destroy(client);
    dozan_host_destroy(host);
    rpc_box_fini(&quick);
}

static void no_room_is_waited_out(void **state)
{
    (void)state;
    enum { CALLS = 6 };
    rpc_box boxes[CALLS];
    dozan_host *host =
        rpc_host("inproc://rpc-room", &(dozan_host_options){.in_flight = 2, .workers = 2});
    dozan_client *client = rpc_client("inproc://rpc-room", NULL);
    rpc_gate_close();
    for (size_t i = 0; i < CALLS; i++) {
        char uid[16];
        (void)snprintf(uid, sizeof(uid), "uid-%zu", i);
        rpc_box_init(&boxes[i]);
        (void)rpc_start_ask(client, uid, "gated", LONG_MS, &boxes[i]);
    }
    rpc_wait_for_gated_asks(2);
    rpc_box refused;
    rpc_box_init(&refused);
    assert_int_not_equal(rpc_ask(client, "uid-refused", "steady", 100, &refused), DOZAN_OK);
    assert_non_null(strstr(refused.err.message, "no room for another call"));
    rpc_gate_open();
    for (size_t i = 0; i < CALLS; i++) {
        assert_int_equal(rpc_wait(&boxes[i]), DOZAN_OK);
        rpc_box_fini(&boxes[i]);
    }
    rpc_box_fini(&refused);
    dozan_client_destroy(client);
    dozan_host_destroy(host);
}

static void a_request_too_large_does_not_start(void **state)
{
    (void)state;
    dozan_client *client =
        rpc_client("inproc://rpc-large", &(dozan_client_options){.max_message_bytes = 4096});
    dozan_error err = {.code = DOZAN_OK};
    void *body = calloc(1, 8192);
    void *reply = NULL;
    size_t size = 0;
    assert_int_equal(dozan_client_call(client, "/any", body, 8192, LONG_MS, &reply, &size, &err),
                     DOZAN_INVALID_ARGUMENT);
    assert_non_null(strstr(err.message, "larger than the limit"));
    free(body);
    dozan_client_destroy(client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_work_over_inproc),
        cmocka_unit_test(calls_work_over_ipc),
        cmocka_unit_test(calls_work_over_tcp),
        cmocka_unit_test(calls_work_over_tls),
        cmocka_unit_test(bad_addresses_are_refused),
        cmocka_unit_test(a_socket_file_is_the_owners),
        cmocka_unit_test(an_unknown_experiment_is_stale),
        cmocka_unit_test(a_call_ends_at_its_deadline),
        cmocka_unit_test(calls_can_be_cancelled),
        cmocka_unit_test(destroying_a_client_ends_its_calls),
        cmocka_unit_test(a_call_survives_a_new_host),
        cmocka_unit_test(a_call_whose_host_stays_away_ends_at_its_deadline),
        cmocka_unit_test(many_calls_are_under_way_at_once),
        cmocka_unit_test(quick_calls_follow_each_other),
        cmocka_unit_test(a_slow_experiment_holds_back_no_other),
        cmocka_unit_test(no_room_is_waited_out),
        cmocka_unit_test(a_request_too_large_does_not_start),
    };
    return cmocka_run_group_tests_name("rpc", tests, NULL, NULL);
}
