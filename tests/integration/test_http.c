/*
 * The HTTP server with clients that behave and clients that do not: routes, limits, time-outs,
 * streams, and a stop under load.
 */
#include "api/http_server.h"
#include "api/http_stream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { REPLY_MAX = 1 << 16, STREAMS = 600, PATIENCE_MS = 20000 };

typedef struct fixture {
    dz_http_server *server;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    dz_http_stream *streams[STREAMS + 8];
    size_t stream_count;
    dz_http_request *held; /* of /hold: answered by the test */
    int held_count;
    bool release;
} fixture;

static void hello(void *context, dz_http_request *request)
{
    char text[512];
    (void)context;
    const char *name = dz_http_param(request, "name"), *query = dz_http_query(request, "q");
    (void)snprintf(text, sizeof(text), "name=%s q=%s body=%zu", name != NULL ? name : "-",
                   query != NULL ? query : "-", request->body_size);
    dz_http_reply_text(request, 200, "text/plain", text);
}

static void hold(void *context, dz_http_request *request)
{
    fixture *f = context;
    (void)pthread_mutex_lock(&f->lock);
    f->held_count++;
    (void)pthread_cond_broadcast(&f->changed);
    while (!f->release)
        (void)pthread_cond_wait(&f->changed, &f->lock);
    (void)pthread_mutex_unlock(&f->lock);
    dz_http_reply_text(request, 200, "text/plain", "held");
}

static void stream(void *context, dz_http_request *request)
{
    fixture *f = context;
    dz_http_stream *made = NULL;
    dozan_error err = {0};
    if (dz_http_stream_create(1 << 16, &made, &err) != DOZAN_OK) {
        dz_http_fail(request, &err);
        return;
    }
    (void)dz_http_stream_write(made, "begin\n", 6);
    (void)pthread_mutex_lock(&f->lock);
    f->streams[f->stream_count++] = made;
    (void)pthread_cond_broadcast(&f->changed);
    (void)pthread_mutex_unlock(&f->lock);
    dz_http_reply(request, &(dz_http_answer){.stream = made, .type = "text/plain"});
}

static const dz_http_route routes[] = {
    {"GET", "/hello", hello, DZ_ROLE_VIEWER},
    {"POST", "/hello", hello, DZ_ROLE_EDITOR},
    {"GET", "/named/{name}/there", hello, DZ_ROLE_VIEWER},
    {"GET", "/files/{name...}", hello, DZ_ROLE_VIEWER},
    {"GET", "/hold", hold, DZ_ROLE_VIEWER},
    {"GET", "/stream", stream, DZ_ROLE_VIEWER},
};

static void start(fixture *f, dz_http_config config)
{
    dozan_error err = {0};
    *f = (fixture){0};
    (void)pthread_mutex_init(&f->lock, NULL);
    (void)pthread_cond_init(&f->changed, NULL);
    dz_http_route_set set = {routes, sizeof(routes) / sizeof(routes[0]), f};
    static dz_http_route_set kept;
    kept = set;
    config.sets = &kept;
    config.set_count = 1;
    dozan_status status = dz_http_server_create("127.0.0.1:0", &config, &f->server, &err);
    if (status != DOZAN_OK)
        print_message("%s: %s\n", err.place, err.message);
    assert_int_equal(status, DOZAN_OK);
}

static void finish(fixture *f)
{
    (void)pthread_mutex_lock(&f->lock);
    f->release = true;
    (void)pthread_cond_broadcast(&f->changed);
    (void)pthread_mutex_unlock(&f->lock);
    dz_http_server_destroy(f->server);
    for (size_t i = 0; i < f->stream_count; i++)
        dz_http_stream_end(f->streams[i]);
}

static int dial(const fixture *f)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(dz_http_server_port(f->server)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

static void say(int fd, const char *text)
{
    size_t size = strlen(text);
    while (size > 0) {
        ssize_t sent = send(fd, text, size, MSG_NOSIGNAL);
        if (sent <= 0)
            return; /* the server has closed: what it said is still to be read */
        text += sent;
        size -= (size_t)sent;
    }
}

/* Reads until `until` was seen, or the end; the number of bytes. */
static size_t hear(int fd, char *text, const char *until)
{
    size_t size = 0;
    struct pollfd poller = {.fd = fd, .events = POLLIN};
    text[0] = '\0';
    while (size < REPLY_MAX - 1 && poll(&poller, 1, PATIENCE_MS) > 0) {
        ssize_t got = recv(fd, text + size, REPLY_MAX - 1 - size, 0);
        if (got <= 0)
            return size;
        size += (size_t)got;
        text[size] = '\0';
        if (until != NULL && strstr(text, until) != NULL)
            return size;
    }
    fail_msg("nothing more came after %zu bytes", size);
    return size;
}

static char reply[REPLY_MAX];

/* One request on a connection of its own; the status. */
static int ask(const fixture *f, const char *method, const char *target, const char *more,
               const char *body)
{
    char head[2048];
    int status = 0, fd = dial(f);
    (void)snprintf(head, sizeof(head),
                   "%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n%s", method, target,
                   more);
    say(fd, head);
    if (body != NULL) {
        (void)snprintf(head, sizeof(head), "Content-Length: %zu\r\n", strlen(body));
        say(fd, head);
    }
    say(fd, "\r\n");
    if (body != NULL)
        say(fd, body);
    (void)hear(fd, reply, NULL);
    (void)close(fd);
    if (strncmp(reply, "HTTP/1.1 ", 9) == 0)
        status = (int)strtol(reply + 9, NULL, 10);
    return status;
}

static void routes_find_their_handlers(void **state)
{
    (void)state;
    fixture f;
    start(&f, (dz_http_config){0});
    assert_int_equal(ask(&f, "GET", "/hello?q=a%20b+c&x", "", NULL), 200);
    assert_non_null(strstr(reply, "name=- q=a b c body=0"));
    assert_int_equal(ask(&f, "POST", "/hello", "", "12345"), 200);
    assert_non_null(strstr(reply, "body=5"));
    assert_int_equal(ask(&f, "GET", "/named/a%2Fb/there/", "", NULL), 200);
    assert_non_null(strstr(reply, "name=a/b q"));
    assert_int_equal(ask(&f, "GET", "/files/a/b/c.js", "", NULL), 200);
    assert_non_null(strstr(reply, "name=a/b/c.js "));
    assert_int_equal(ask(&f, "HEAD", "/hello", "", NULL), 200);
    assert_null(strstr(reply, "body="));
    static const struct {
        const char *method, *target;
        int status;
    } bad[] = {{"GET", "/nothing", 404},
               {"GET", "/named//there", 404},
               {"GET", "/named/a/there/b", 404},
               {"DELETE", "/hello", 405},
               {"BREW", "/hello", 405},
               {"GET", "/named/%zz/there", 400},
               {"GET", "/named/a%00b/there", 400},
               {"GET", "/hello?q=%4", 400},
               {"GET", "hello", 400}};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        int status = ask(&f, bad[i].method, bad[i].target, "", NULL);
        if (status != bad[i].status)
            print_message("%s %s: %d\n", bad[i].method, bad[i].target, status);
        assert_int_equal(status, bad[i].status);
        assert_non_null(strstr(reply, "\"kind\":\"Status\""));
    }
    finish(&f);
}

static void only_a_loopback_name_is_answered_without_users(void **state)
{
    (void)state;
    fixture f;
    dozan_error err = {0};
    dz_http_server *none = NULL;
    start(&f, (dz_http_config){0});
    static const struct {
        const char *host;
        bool allowed;
    } hosts[] = {{"127.0.0.1:7070", true},
                 {"localhost", true},
                 {"[::1]:7070", true},
                 {"127.8.9.1", true},
                 {"dozan.example.org", false},
                 {"127.0.0.1.example.org:80", false},
                 {"localhost.example.org", false}};
    for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
        char head[256];
        int fd = dial(&f);
        (void)snprintf(head, sizeof(head),
                       "GET /hello HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n",
                       hosts[i].host);
        say(fd, head);
        (void)hear(fd, reply, NULL);
        (void)close(fd);
        assert_non_null(strstr(reply, hosts[i].allowed ? " 200 " : " 403 "));
    }
    assert_int_equal(ask(&f, "POST", "/hello", "Origin: http://localhost\r\n", "x"), 200);
    assert_int_equal(ask(&f, "POST", "/hello", "Origin: http://localhost:1\r\n", "x"), 403);
    assert_int_equal(ask(&f, "POST", "/hello", "Origin: null\r\n", "x"), 403);
    assert_int_equal(ask(&f, "GET", "/hello", "Origin: http://example.org\r\n", NULL), 200);
    finish(&f);
    dz_http_config config = {0};
    assert_int_equal(dz_http_server_create("0.0.0.0:0", &config, &none, &err),
                     DOZAN_PERMISSION_DENIED);
    assert_non_null(strstr(err.message, "--auth"));
    assert_int_equal(dz_http_server_create("127.0.0.1", &config, &none, &err),
                     DOZAN_INVALID_ARGUMENT);
}

static void what_is_too_large_is_refused(void **state)
{
    (void)state;
    fixture f;
    start(&f, (dz_http_config){.max_body = 1000, .max_header = 4096});
    static char large[1200], huge[6000];
    memset(large, 'x', sizeof(large) - 1);
    memset(huge, 'y', sizeof(huge) - 1);
    assert_int_equal(ask(&f, "POST", "/hello", "", large), 413);
    large[1000] = '\0';
    assert_int_equal(ask(&f, "POST", "/hello", "", large), 200);
    /* in pieces, whose sum is told by nobody */
    int fd = dial(&f);
    say(fd, "POST /hello HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 3; i++) {
        say(fd, "1f4\r\n");
        large[500] = '\0';
        say(fd, large);
        say(fd, "\r\n");
    }
    say(fd, "0\r\n\r\n");
    (void)hear(fd, reply, "code");
    assert_non_null(strstr(reply, " 413 "));
    (void)close(fd);
    fd = dial(&f);
    say(fd, "GET /hello HTTP/1.1\r\nHost: localhost\r\nX-Long: ");
    say(fd, huge);
    say(fd, "\r\n\r\n");
    (void)hear(fd, reply, NULL);
    assert_true(strstr(reply, " 431 ") != NULL || strstr(reply, " 413 ") != NULL);
    (void)close(fd);
    /* many small ones */
    fd = dial(&f);
    say(fd, "GET /hello HTTP/1.1\r\nHost: localhost\r\n");
    for (int i = 0; i < DZ_HTTP_MAX_HEADERS + 1; i++)
        say(fd, "A: b\r\n");
    say(fd, "\r\n");
    (void)hear(fd, reply, "code");
    assert_non_null(strstr(reply, " 431 "));
    (void)close(fd);
    assert_int_equal(ask(&f, "GET", "/hello", "", NULL), 200);
    finish(&f);
}

static void malformed_requests_end_their_own_connection(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "\r\n\r\n\r\n",
        "GET\r\n\r\n",
        "\x16\x03\x01\x02\x00\x01\x00\x01\xfc",
        "GET /hello HTTP/9.9\r\n\r\n",
        "POST /hello HTTP/1.1\r\nHost: localhost\r\nContent-Length: -5\r\n\r\nabc",
        "POST /hello HTTP/1.1\r\nHost: localhost\r\nContent-Length: "
        "99999999999999999999\r\n\r\nabc",
        "POST /hello HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    };
    fixture f;
    start(&f, (dz_http_config){.header_limit_ms = 500, .body_limit_ms = 500});
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        int fd = dial(&f);
        say(fd, bad[i]);
        (void)hear(fd, reply, NULL);
        assert_null(strstr(reply, " 200 "));
        (void)close(fd);
        assert_int_equal(ask(&f, "GET", "/hello", "", NULL), 200);
    }
    finish(&f);
}

static int64_t now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Each sends a little, again and again, and would go on for ever. */
static void slow_requests_are_ended(void **state)
{
    (void)state;
    static const char *const begins[] = {
        "", "GET /hello HTTP/1.1\r\nHost: localhost\r\nX: ",
        "POST /hello HTTP/1.1\r\nHost: localhost\r\nContent-Length: 900\r\n\r\n"};
    fixture f;
    start(&f, (dz_http_config){.header_limit_ms = 600, .body_limit_ms = 600, .idle_limit_ms = 600});
    for (size_t i = 0; i < sizeof(begins) / sizeof(begins[0]); i++) {
        int64_t begun = now_ms();
        int fd = dial(&f);
        struct pollfd poller = {.fd = fd, .events = POLLIN};
        say(fd, begins[i]);
        while (poll(&poller, 1, 100) == 0) {
            assert_true(now_ms() - begun < PATIENCE_MS);
            if (i > 0)
                say(fd, "x");
        }
        (void)hear(fd, reply, NULL);
        (void)close(fd);
        assert_true(now_ms() - begun >= 500);
    }
    /* one that has got its answer, and says nothing more */
    int fd = dial(&f);
    say(fd, "GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n");
    (void)hear(fd, reply, NULL);
    assert_non_null(strstr(reply, " 200 "));
    (void)close(fd);
    dz_http_stats stats;
    dz_http_server_stats(f.server, &stats);
    assert_int_equal(stats.timeouts, 4);
    finish(&f);
}

static void too_many_connections_and_requests_are_refused(void **state)
{
    (void)state;
    enum { CONNECTIONS = 20 };
    fixture f;
    int fds[2 * CONNECTIONS];
    start(&f, (dz_http_config){.max_connections = CONNECTIONS, .workers = 1, .max_queue = 2});
    for (int i = 0; i < 5; i++) {
        fds[i] = dial(&f);
        say(fds[i], "GET /hold HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        (void)pthread_mutex_lock(&f.lock);
        while (f.held_count == 0) /* the worker has it: the next ones wait */
            (void)pthread_cond_wait(&f.changed, &f.lock);
        (void)pthread_mutex_unlock(&f.lock);
    }
    int refused = 0; /* two wait, two are too many, whichever */
    struct pollfd pollers[5];
    for (int i = 0; i < 5; i++)
        pollers[i] = (struct pollfd){.fd = fds[i], .events = POLLIN};
    while (refused < 2) {
        assert_true(poll(pollers, 5, PATIENCE_MS) > 0);
        for (int i = 0; i < 5; i++) {
            if (pollers[i].fd < 0 || pollers[i].revents == 0)
                continue;
            (void)hear(fds[i], reply, NULL);
            assert_non_null(strstr(reply, " 429 "));
            assert_non_null(strstr(reply, "Retry-After"));
            pollers[i].fd = -1;
            refused++;
        }
    }
    for (int i = 5; i < 2 * CONNECTIONS; i++)
        fds[i] = dial(&f);
    (void)pthread_mutex_lock(&f.lock);
    f.release = true;
    (void)pthread_cond_broadcast(&f.changed);
    (void)pthread_mutex_unlock(&f.lock);
    int held = 0;
    for (int i = 0; i < 5; i++)
        if (pollers[i].fd >= 0 && hear(fds[i], reply, NULL) > 0)
            held += strstr(reply, "held") != NULL;
    assert_int_equal(held, 3);
    dz_http_stats stats;
    dz_http_server_stats(f.server, &stats);
    assert_true(stats.connections <= CONNECTIONS);
    for (int i = 0; i < 2 * CONNECTIONS; i++)
        (void)close(fds[i]);
    int64_t begun = now_ms(); /* until the server has seen that they have left */
    do
        dz_http_server_stats(f.server, &stats);
    while (stats.connections > 0 && now_ms() - begun < PATIENCE_MS);
    assert_int_equal(ask(&f, "GET", "/hello", "", NULL), 200);
    finish(&f);
}

/* Waits until the server has so many streams. */
static void await_streams(const fixture *f, int64_t count)
{
    dz_http_stats stats;
    int64_t begun = now_ms();
    do {
        dz_http_server_stats(f->server, &stats);
        if (stats.streams == count)
            return;
        (void)poll(NULL, 0, 1);
    } while (now_ms() - begun < PATIENCE_MS);
    fail_msg("%d streams where %d should be", (int)stats.streams, (int)count);
}

static void many_streams_hold_no_thread(void **state)
{
    (void)state;
    fixture f;
    int fds[STREAMS + 1];
    start(&f, (dz_http_config){.workers = 2, .max_streams = STREAMS});
    for (int i = 0; i < STREAMS; i++) {
        fds[i] = dial(&f);
        say(fds[i], "GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n");
    }
    for (int i = 0; i < STREAMS; i++)
        (void)hear(fds[i], reply, "begin\n");
    fds[STREAMS] = dial(&f);
    say(fds[STREAMS], "GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n");
    (void)hear(fds[STREAMS], reply, "code");
    assert_non_null(strstr(reply, " 429 "));
    assert_int_equal(ask(&f, "GET", "/hello", "", NULL), 200); /* they leave the workers free */
    for (size_t i = 0; i < STREAMS; i++)
        assert_true(dz_http_stream_write(f.streams[i], "news\n", 5));
    for (int i = 0; i < STREAMS; i++)
        (void)hear(fds[i], reply, "news\n");
    for (int i = 0; i < STREAMS / 2; i++) /* who leaves is noticed, though nothing is sent */
        (void)close(fds[i]);
    await_streams(&f, STREAMS / 2);
    int gone = 0;
    for (size_t i = 0; i < STREAMS; i++)
        gone += !dz_http_stream_open(f.streams[i]);
    assert_int_equal(gone, STREAMS / 2);
    finish(&f); /* the others are ended by the stop */
    for (int i = STREAMS / 2; i < STREAMS; i++) {
        (void)hear(fds[i], reply, NULL);
        assert_non_null(strstr(reply, "0\r\n\r\n"));
        (void)close(fds[i]);
    }
    (void)close(fds[STREAMS]);
}

static void a_reader_that_does_not_keep_up_is_cut_off(void **state)
{
    (void)state;
    static char block[32 << 10];
    fixture f;
    start(&f, (dz_http_config){0});
    int fd = dial(&f);
    say(fd, "GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n");
    (void)hear(fd, reply, "begin\n");
    int64_t begun = now_ms();
    while (dz_http_stream_write(f.streams[0], block, sizeof(block)))
        assert_true(now_ms() - begun < PATIENCE_MS);
    assert_false(dz_http_stream_open(f.streams[0]));
    (void)close(fd);
    assert_int_equal(ask(&f, "GET", "/hello", "", NULL), 200);
    finish(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(routes_find_their_handlers),
        cmocka_unit_test(only_a_loopback_name_is_answered_without_users),
        cmocka_unit_test(what_is_too_large_is_refused),
        cmocka_unit_test(malformed_requests_end_their_own_connection),
        cmocka_unit_test(slow_requests_are_ended),
        cmocka_unit_test(too_many_connections_and_requests_are_refused),
        cmocka_unit_test(many_streams_hold_no_thread),
        cmocka_unit_test(a_reader_that_does_not_keep_up_is_cut_off),
    };
    struct rlimit files;
    (void)getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &files);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
