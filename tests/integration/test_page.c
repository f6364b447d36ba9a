/*
 * The web page over HTTP: its files with their policy, its views of real experiments, its actions
 * and its exports, beside a service that runs trials.
 */
#include "api/http_server.h"
#include "api/page.h"
#include "support_service.h"
#include "web/files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <math.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { WORKERS = 3, REPLY_MAX = 1 << 20, PATIENCE_MS = 60000, POLL_MS = 5, EXPORTS = 70 };

#define ONE "/api/v1alpha1/namespaces/default/experiments/bowl"
#define THREE "  parallelTrialCount: 2\n  maxTrialCount: 3\n"

typedef struct fixture {
    service_kit *kit;
    dz_page *page;
    dz_http_server *server;
    dz_http_route_set set;
    char reply[REPLY_MAX]; /* of the last request, with its head */
    const char *body;
} fixture;

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    dozan_error err = {0};
    assert_non_null(f);
    f->kit = service_kit_create();
    dz_page_config config = {.service = f->kit->service,
                             .control = dz_service_control,
                             .db_path = f->kit->path,
                             .workers = WORKERS};
    assert_int_equal(dz_page_create(&config, &f->page, &err), DOZAN_OK);
    f->set = dz_page_routes(f->page);
    dz_http_config http = {.sets = &f->set, .set_count = 1, .workers = WORKERS};
    assert_int_equal(dz_http_server_create("127.0.0.1:0", &http, &f->server, &err), DOZAN_OK);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    dz_service_stop(f->kit->service);
    dz_http_server_destroy(f->server);
    dz_page_destroy(f->page);
    service_kit_destroy(f->kit);
    free(f);
    return 0;
}

/* ---- a client */

static int dial(const fixture *f)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(dz_http_server_port(f->server)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

/* HTTP/1.0: the body is as it is, and ends with the connection. */
static void say(int fd, const char *method, const char *path, const char *head, const char *body)
{
    char *text = NULL;
    int size =
        asprintf(&text, "%s %s HTTP/1.0\r\nHost: localhost\r\n%sContent-Length: %zu\r\n\r\n%s",
                 method, path, head, strlen(body), body);
    assert_true(size > 0);
    for (int at = 0; at < size;) {
        ssize_t sent = send(fd, text + at, (size_t)(size - at), MSG_NOSIGNAL);
        assert_true(sent > 0);
        at += (int)sent;
    }
    free(text);
}

static int hear(fixture *f, int fd)
{
    size_t size = 0;
    struct pollfd poller = {.fd = fd, .events = POLLIN};
    for (;;) {
        assert_true(poll(&poller, 1, PATIENCE_MS) > 0);
        ssize_t got = recv(fd, f->reply + size, REPLY_MAX - 1 - size, 0);
        if (got <= 0)
            break;
        size += (size_t)got;
        assert_true(size < REPLY_MAX - 1);
    }
    f->reply[size] = '\0';
    const char *end = strstr(f->reply, "\r\n\r\n");
    assert_non_null(end);
    f->body = end + 4;
    return (int)strtol(f->reply + strlen("HTTP/1.x "), NULL, 10);
}

static int ask(fixture *f, const char *method, const char *path, const char *head, const char *body)
{
    int fd = dial(f);
    say(fd, method, path, head, body);
    int status = hear(f, fd);
    (void)close(fd);
    return status;
}

static int get(fixture *f, const char *path)
{
    return ask(f, "GET", path, "", "");
}

/* A view's answer; owned. */
static cJSON *view(fixture *f, const char *path)
{
    int status = get(f, path);
    if (status != 200)
        fail_msg("%s: %d %s", path, status, f->body);
    cJSON *tree = cJSON_Parse(f->body);
    assert_non_null(tree);
    return tree;
}

static double number(const cJSON *tree, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(tree, name);
    if (!cJSON_IsNumber(item))
        fail_msg("there is no number \"%s\"", name);
    return item->valuedouble;
}

static const char *text(const cJSON *tree, const char *name)
{
    const char *found = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(tree, name));
    if (found == NULL)
        fail_msg("there is no text \"%s\"", name);
    return found;
}

static int act(fixture *f, const char *path)
{
    return ask(f, "POST", path, "Content-Type: application/json\r\n", "{}");
}

static void submit(fixture *f, const char *name, const char *extra, const char *command)
{
    char *document = service_document(name, extra, command);
    (void)service_submit(f->kit, NULL, document);
    free(document);
}

/* ---- tests */

static void files_come_with_a_strict_policy(void **state)
{
    fixture *f = *state;
    char path[128], tag[64], head[128];
    assert_int_equal(get(f, "/"), 200);
    assert_non_null(strstr(f->body, "<!doctype html>"));
    assert_non_null(strstr(f->reply, "Content-Security-Policy: default-src 'none'; script-src "
                                     "'self'; style-src 'self'; "));
    assert_null(strstr(f->reply, "unsafe"));
    assert_non_null(strstr(f->reply, "nosniff"));
    assert_null(strstr(f->body, "<script>")); /* the policy would forbid it */
    for (size_t i = 0; i < dz_page_file_count; i++) {
        const dz_page_file *file = &dz_page_files[i];
        (void)snprintf(path, sizeof path, "/%s", file->name);
        assert_int_equal(get(f, path), 200);
        assert_non_null(strstr(f->reply, file->type));
        assert_memory_equal(f->body, file->begin, (size_t)(file->end - file->begin));
    }
    assert_int_equal(get(f, "/"), 200);
    const char *found = strstr(f->reply, "ETag: ");
    assert_non_null(found);
    assert_int_equal(sscanf(found, "ETag: %63[^\r]", tag), 1);
    (void)snprintf(head, sizeof head, "If-None-Match: %s\r\n", tag);
    assert_int_equal(ask(f, "GET", "/", head, ""), 304);
    assert_string_equal(f->body, "");
    assert_int_equal(ask(f, "GET", "/app.js", "Accept-Encoding: gzip\r\n", ""), 200);
    assert_non_null(strstr(f->reply, "Content-Encoding: gzip"));
    assert_memory_equal(f->body, "\x1f\x8b", 2);
    assert_int_equal(get(f, "/none.js"), 404);
    assert_int_equal(get(f, "/..%2fschema.c"), 404);
}

/* Every view of an experiment that has ended answers, and says what the database says. */
static void views_say_what_is_stored(void **state)
{
    fixture *f = *state;
    static const char *const others[] = {ONE "/history",
                                         ONE "/curves",
                                         ONE "/sample",
                                         ONE "/front",
                                         ONE "/importance",
                                         ONE "/timeline",
                                         ONE "/trials/2",
                                         ONE "/source",
                                         ONE "/compare?trials=1,3",
                                         ONE "/trials?sort=-metric%3Aaccuracy&limit=2"};
    submit(f, "bowl", THREE, "echo accuracy=0.$PPID");
    service_wait(f->kit, "default", "bowl", service_succeeded);
    dz_experiment *stored = service_load(f->kit, "default", "bowl");
    cJSON *one = view(f, ONE);
    assert_string_equal(text(one, "state"), "Succeeded");
    assert_int_equal((int)number(one, "trials"), 3);
    assert_int_equal((int)number(cJSON_GetObjectItem(one, "counts"), "Succeeded"), 3);
    const cJSON *best = cJSON_GetObjectItem(one, "best");
    assert_int_equal((int64_t)number(best, "number"), stored->best.trial);
    assert_true(fabs(number(best, "value") - stored->best.value) < 1e-12);
    cJSON_Delete(one);

    cJSON *list = view(f, "/api/v1alpha1/experiments?q=BOW");
    assert_int_equal((int)number(list, "total"), 1);
    assert_string_equal(text(cJSON_GetObjectItem(list, "items")->child, "name"), "bowl");
    cJSON_Delete(list);
    list = view(f, "/api/v1alpha1/namespaces/other/experiments");
    assert_int_equal((int)number(list, "total"), 0);
    cJSON_Delete(list);

    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        cJSON_Delete(view(f, others[i]));
    list = view(f, others[sizeof others / sizeof *others - 1]);
    assert_int_equal((int)number(list, "total"), 3);
    const cJSON *items = cJSON_GetObjectItem(list, "items");
    assert_int_equal(cJSON_GetArraySize(items), 2);
    assert_int_equal((int64_t)number(items->child, "number"), stored->best.trial);
    cJSON_Delete(list);
    dz_experiment_destroy(stored);
}

static void refusals_have_a_sentence(void **state)
{
    fixture *f = *state;
    static const struct {
        const char *method, *path;
        int status;
        const char *says;
    } cases[] = {
        {"GET", "/api/v1alpha1/namespaces/default/experiments/none", 404, "none"},
        {"GET", "/api/v1alpha1/namespaces/other/experiments/bowl", 404, "bowl"},
        {"GET", ONE "/trials/99", 404, "99"},
        {"GET", ONE "/trials/first", 404, "first"},
        {"GET", ONE "/trials?sort=nothing", 400, "nothing"},
        {"GET", ONE "/trials?limit=1000000", 400, "limit"},
        {"GET", ONE "/history/more", 404, "could not find"},
        {"GET", ONE "/contour?x=lr&y=none", 400, "none"},
        {"GET", ONE "/compare?trials=1;2", 400, "trials"},
        {"GET", "/api/v1alpha1/namespaces/default/experiments/none/export.csv", 404, "none"},
        {"POST", ONE "/history", 405, ""},
        {"GET", ONE "/stop", 405, ""},
    };
    submit(f, "bowl", THREE, "echo accuracy=0.5");
    service_wait(f->kit, "default", "bowl", service_succeeded);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int status =
            ask(f, cases[i].method, cases[i].path, "Content-Type: application/json\r\n", "");
        if (status != cases[i].status || strstr(f->body, cases[i].says) == NULL)
            fail_msg("%s %s: %d %s", cases[i].method, cases[i].path, status, f->body);
        cJSON *tree = cJSON_Parse(f->body);
        assert_string_equal(text(tree, "kind"), "Status");
        cJSON_Delete(tree);
    }
    /* what a form of another site could send */
    assert_int_equal(ask(f, "POST", ONE "/stop", "Content-Type: text/plain\r\n", "{}"), 415);
    assert_int_equal(ask(f, "POST", ONE "/stop", "", ""), 415);
}

static void actions_reach_the_service(void **state)
{
    fixture *f = *state;
    char path[128];
    submit(f, "bowl", "  parallelTrialCount: 2\n  maxTrialCount: 4\n", f->kit->until_go);
    service_wait(f->kit, "default", "bowl", service_two_run);
    assert_int_equal(act(f, ONE "/trials/1/kill"), 200);
    for (int waited = 0;; waited += POLL_MS) {
        cJSON *trial = view(f, ONE "/trials/1");
        bool killed = strcmp(text(cJSON_GetObjectItem(trial, "trial"), "state"), "Killed") == 0;
        cJSON_Delete(trial);
        if (killed)
            break;
        assert_true(waited < PATIENCE_MS);
        (void)poll(NULL, 0, POLL_MS);
    }
    assert_int_equal(act(f, ONE "/trials/1/retry"), 200);
    cJSON *made = cJSON_Parse(f->body);
    (void)snprintf(path, sizeof path, ONE "/trials/%d", (int)number(made, "trial"));
    cJSON_Delete(made);
    cJSON *first = view(f, ONE "/trials/1"), *again = view(f, path);
    assert_string_equal(
        text(cJSON_GetObjectItem(cJSON_GetObjectItem(first, "trial"), "parameters"), "lr"),
        text(cJSON_GetObjectItem(cJSON_GetObjectItem(again, "trial"), "parameters"), "lr"));
    cJSON_Delete(first);
    cJSON_Delete(again);

    assert_int_equal(act(f, ONE "/stop"), 200);
    service_wait(f->kit, "default", "bowl", service_suspended);
    cJSON *one = view(f, ONE);
    assert_string_equal(text(one, "state"), "Suspended");
    cJSON_Delete(one);
    assert_int_equal(act(f, ONE "/resume"), 200);
    service_go(f->kit);
    service_wait(f->kit, "default", "bowl", service_succeeded);
    assert_int_equal(act(f, ONE "/trials/2/retry"), 409);
    assert_int_equal(act(f, ONE "/trials/99/kill"), 404);
}

static size_t count_lines(const char *at)
{
    size_t lines = 0;
    for (; *at != '\0'; at++)
        lines += *at == '\n';
    return lines;
}

static void exports_are_whole(void **state)
{
    fixture *f = *state;
    int others[EXPORTS];
    submit(f, "bowl", "  parallelTrialCount: 4\n  maxTrialCount: 150\n", "echo accuracy=0.5");
    service_wait(f->kit, "default", "bowl", service_succeeded);
    /* clients that ask and never read do not stand in the way of others */
    for (size_t i = 0; i < EXPORTS; i++) {
        others[i] = dial(f);
        say(others[i], "GET", ONE "/export.json", "", "");
    }
    for (int waited = 0; get(f, ONE "/export.csv") == 429; waited += POLL_MS) {
        assert_true(waited < PATIENCE_MS);
        (void)poll(NULL, 0, POLL_MS);
    }
    assert_non_null(strstr(f->reply, "attachment; filename=\"bowl.csv\""));
    assert_int_equal(count_lines(f->body), 151);
    assert_memory_equal(f->body, "number,name,state,", 18);
    for (size_t i = 0; i < EXPORTS; i++)
        (void)close(others[i]);
    for (int waited = 0; get(f, ONE "/export.json") == 429; waited += POLL_MS) {
        assert_true(waited < PATIENCE_MS);
        (void)poll(NULL, 0, POLL_MS);
    }
    cJSON *all = cJSON_Parse(f->body);
    assert_int_equal(cJSON_GetArraySize(all), 150);
    assert_int_equal((int)number(all->child, "number"), 1);
    cJSON_Delete(all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(files_come_with_a_strict_policy, set_up, tear_down),
        cmocka_unit_test_setup_teardown(views_say_what_is_stored, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refusals_have_a_sentence, set_up, tear_down),
        cmocka_unit_test_setup_teardown(actions_reach_the_service, set_up, tear_down),
        cmocka_unit_test_setup_teardown(exports_are_whole, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
