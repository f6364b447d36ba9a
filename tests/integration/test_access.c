/*
 * Who may do what over HTTP: every route of the service, with every method, asked by every role.
 * The list below is written by hand: a route that is not in it, or has another role, fails the
 * test, and so does a request that is let through without being listed.
 */
#include "api/access.h"
#include "api/kube.h"
#include "api/ops.h"
#include "api/page.h"
#include "api/work.h"
#include "cli/serve_commands.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

enum { SETS = 5, MOST_ROUTES = 256, REPLY = 1 << 14, PATIENCE_S = 30 };

#define OURS "/apis/kubeflow.org/v1beta1"
#define IN OURS "/namespaces/{namespace}/{kind}"
#define CORE "/api/v1"
#define CORE_IN CORE "/namespaces/{namespace}"
#define PAGE "/api/v1alpha1"
#define PAGE_IN PAGE "/namespaces/{namespace}/experiments/{name}"

typedef struct rule {
    const char *method, *path;
    dz_role role; /* the least that may; NONE: everybody, without a token too */
} rule;

static const rule rules[] = {
    {"GET", "/healthz", DZ_ROLE_NONE},
    {"GET", "/livez", DZ_ROLE_NONE},
    {"GET", "/readyz", DZ_ROLE_NONE},
    {"GET", "/metrics", DZ_ROLE_ADMIN},
    /* discovery tells nothing that is secret */
    {"GET", "/version", DZ_ROLE_NONE},
    {"GET", "/api", DZ_ROLE_NONE},
    {"GET", CORE, DZ_ROLE_NONE},
    {"GET", "/apis", DZ_ROLE_NONE},
    {"GET", "/apis/kubeflow.org", DZ_ROLE_NONE},
    {"GET", OURS, DZ_ROLE_NONE},
    {"GET", "/openapi/v2", DZ_ROLE_NONE},
    {"GET", "/openapi/v3", DZ_ROLE_NONE},
    {"GET", "/openapi/v3/{path...}", DZ_ROLE_NONE},
    /* experiments, trials, suggestions */
    {"GET", IN, DZ_ROLE_VIEWER},
    {"POST", IN, DZ_ROLE_EDITOR},
    {"DELETE", IN, DZ_ROLE_EDITOR},
    {"GET", IN "/{name}", DZ_ROLE_VIEWER},
    {"PUT", IN "/{name}", DZ_ROLE_EDITOR},
    {"PATCH", IN "/{name}", DZ_ROLE_EDITOR},
    {"DELETE", IN "/{name}", DZ_ROLE_EDITOR},
    {"GET", IN "/{name}/status", DZ_ROLE_VIEWER},
    {"PUT", IN "/{name}/status", DZ_ROLE_EDITOR},
    {"PATCH", IN "/{name}/status", DZ_ROLE_EDITOR},
    {"GET", OURS "/{kind}", DZ_ROLE_VIEWER},
    /* what surrounds them */
    {"GET", CORE "/namespaces", DZ_ROLE_VIEWER},
    {"POST", CORE "/namespaces", DZ_ROLE_ADMIN},
    {"GET", CORE "/namespaces/{namespace}", DZ_ROLE_VIEWER},
    {"DELETE", CORE "/namespaces/{namespace}", DZ_ROLE_ADMIN},
    {"GET", CORE_IN "/events", DZ_ROLE_VIEWER},
    {"GET", CORE "/events", DZ_ROLE_VIEWER},
    {"GET", CORE_IN "/pods", DZ_ROLE_VIEWER},
    {"GET", CORE "/pods", DZ_ROLE_VIEWER},
    {"GET", CORE_IN "/configmaps", DZ_ROLE_VIEWER},
    {"GET", CORE "/configmaps", DZ_ROLE_VIEWER},
    {"GET", CORE_IN "/pods/{name}", DZ_ROLE_VIEWER},
    {"GET", CORE_IN "/pods/{name}/log", DZ_ROLE_VIEWER},
    {"POST", CORE_IN "/configmaps", DZ_ROLE_EDITOR},
    {"GET", CORE_IN "/configmaps/{name}", DZ_ROLE_VIEWER},
    {"PUT", CORE_IN "/configmaps/{name}", DZ_ROLE_EDITOR},
    {"PATCH", CORE_IN "/configmaps/{name}", DZ_ROLE_EDITOR},
    {"DELETE", CORE_IN "/configmaps/{name}", DZ_ROLE_EDITOR},
    {"GET", CORE_IN "/persistentvolumeclaims", DZ_ROLE_VIEWER},
    {"POST", CORE_IN "/persistentvolumeclaims", DZ_ROLE_EDITOR},
    {"GET", CORE_IN "/persistentvolumeclaims/{name}", DZ_ROLE_VIEWER},
    /* the page: its views and actions; its files are public */
    {"GET", PAGE "/experiments", DZ_ROLE_VIEWER},
    {"GET", PAGE "/namespaces/{namespace}/experiments", DZ_ROLE_VIEWER},
    {"GET", PAGE_IN, DZ_ROLE_VIEWER},
    {"GET", PAGE_IN "/history", DZ_ROLE_VIEWER},
    {"GET", PAGE_IN "/curves", DZ_ROLE_VIEWER},
    {"GET", PAGE_IN "/trials", DZ_ROLE_VIEWER},
    {"GET", PAGE_IN "/trials/{number}", DZ_ROLE_VIEWER},
    {"GET", PAGE_IN "/sample", DZ_ROLE_VIEWER},
    {"GET", PAGE_IN "/importance", DZ_ROLE_VIEWER},
    {"GET", PAGE_IN "/contour", DZ_ROLE_VIEWER},
    {"GET", PAGE_IN "/front", DZ_ROLE_VIEWER},
    {"GET", PAGE_IN "/timeline", DZ_ROLE_VIEWER},
    {"GET", PAGE_IN "/source", DZ_ROLE_VIEWER},
    {"GET", PAGE_IN "/compare", DZ_ROLE_VIEWER},
    {"GET", PAGE_IN "/export.csv", DZ_ROLE_VIEWER},
    {"GET", PAGE_IN "/export.json", DZ_ROLE_VIEWER},
    {"POST", PAGE_IN "/stop", DZ_ROLE_EDITOR},
    {"POST", PAGE_IN "/resume", DZ_ROLE_EDITOR},
    {"POST", PAGE_IN "/trials/{number}/kill", DZ_ROLE_EDITOR},
    {"POST", PAGE_IN "/trials/{number}/retry", DZ_ROLE_EDITOR},
    /* workers */
    {"POST", PAGE_IN "/ask", DZ_ROLE_EDITOR},
    {"POST", PAGE "/namespaces/{namespace}/trials/{name}/heartbeat", DZ_ROLE_EDITOR},
    {"POST", PAGE "/namespaces/{namespace}/trials/{name}/report", DZ_ROLE_EDITOR},
    {"POST", PAGE "/namespaces/{namespace}/trials/{name}/tell", DZ_ROLE_EDITOR},
    /* the command line */
    {"GET", PAGE "/commands/{command}", DZ_ROLE_VIEWER},
    {"GET", PAGE "/namespaces/{namespace}/commands/{command}", DZ_ROLE_VIEWER},
    {"POST", PAGE "/namespaces/{namespace}/commands/{command}", DZ_ROLE_EDITOR},
    {"GET", "/", DZ_ROLE_NONE},
    {"GET", "/{file}", DZ_ROLE_NONE},
};

/* A user for each row; in which namespaces the role is. */
typedef struct person {
    const char *name, *token, *grants;
    dz_role here; /* in the namespace of the requests, "vision" */
    dz_role all;  /* over all namespaces, and what belongs to none */
} person;

static const person people[] = {
    {NULL, NULL, NULL, DZ_ROLE_NONE, DZ_ROLE_NONE},
    {NULL, "dz_nobody-has-this-token", NULL, DZ_ROLE_NONE, DZ_ROLE_NONE},
    {"none", NULL, "[{role: admin, namespaces: [speech]}]", DZ_ROLE_NONE, DZ_ROLE_NONE},
    {"viewer", NULL, "[{role: viewer, namespaces: [vision]}]", DZ_ROLE_VIEWER, DZ_ROLE_NONE},
    {"editor", NULL, "[{role: editor, namespaces: [vision]}]", DZ_ROLE_EDITOR, DZ_ROLE_NONE},
    {"admin", NULL, "[{role: admin, namespaces: [vision]}]", DZ_ROLE_ADMIN, DZ_ROLE_NONE},
    {"viewer-of-all", NULL, "[{role: viewer}]", DZ_ROLE_VIEWER, DZ_ROLE_VIEWER},
    {"editor-of-all", NULL, "[{role: editor}, {role: viewer, namespaces: [vision]}]",
     DZ_ROLE_EDITOR, DZ_ROLE_EDITOR},
    {"admin-of-all", NULL, "[{role: admin}]", DZ_ROLE_ADMIN, DZ_ROLE_ADMIN},
};

enum { PEOPLE = sizeof(people) / sizeof(people[0]), RULES = sizeof(rules) / sizeof(rules[0]) };

static const char *const methods[] = {"GET",   "HEAD",   "POST",    "PUT",
                                      "PATCH", "DELETE", "OPTIONS", "TRACE"};
enum { METHODS = sizeof(methods) / sizeof(methods[0]) };

typedef struct fixture {
    char folder[64], users[96];
    char tokens[PEOPLE][DZ_AUTH_TOKEN_TEXT];
    dz_ops ops;
    dz_kube *kube;
    dz_work_api work;
    dz_serve_commands commands;
    dz_page *page;
    dz_access *access;
    dz_http_server *server;
    dz_http_route routes[MOST_ROUTES]; /* the service's, with a handler that only says so */
    size_t route_count;
    dz_http_route_set set;
    int socket;
} fixture;

static void let_through(void *context, dz_http_request *request)
{
    (void)context;
    dz_http_reply_text(request, 299, "text/plain", "let through");
}

static dozan_status some_bytes(void *bytes, size_t size, dozan_error *err)
{
    static unsigned char next = 1;
    (void)err;
    memset(bytes, next++, size);
    return DOZAN_OK;
}

static void write_users(fixture *f)
{
    char hash[DZ_AUTH_HASH_TEXT];
    dozan_error err = {0};
    FILE *file = fopen(f->users, "w");
    assert_non_null(file);
    (void)fputs("users:\n", file);
    for (size_t i = 0; i < PEOPLE; i++) {
        if (people[i].name == NULL)
            continue;
        assert_int_equal(dz_auth_new_token(some_bytes, f->tokens[i], hash, &err), DOZAN_OK);
        (void)fprintf(file, "  - name: %s\n    tokenSha256: %s\n    grants: %s\n", people[i].name,
                      hash, people[i].grants);
    }
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(f->users, 0600), 0);
}

static int set_up(void **state)
{
    static fixture made;
    fixture *f = &made;
    dozan_error err = {0};
    char db[96];
    *f = (fixture){.socket = -1};
    (void)snprintf(f->folder, sizeof(f->folder), "/tmp/dozan-access-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    (void)snprintf(f->users, sizeof(f->users), "%.60s/users.yaml", f->folder);
    (void)snprintf(db, sizeof(db), "%.60s/dozan.db", f->folder);
    write_users(f);
    dz_kube_config kube = {.db_path = db, .job_directory = f->folder, .workers = 1};
    dz_page_config page = {.db_path = db, .workers = 1};
    assert_int_equal(dz_kube_create(&kube, &f->kube, &err), DOZAN_OK);
    assert_int_equal(dz_page_create(&page, &f->page, &err), DOZAN_OK);
    assert_int_equal(dz_access_create(f->users, &f->access, &err), DOZAN_OK);
    dz_http_route_set sets[SETS] = {
        dz_ops_routes(&f->ops), dz_kube_routes(f->kube), dz_work_routes(&f->work),
        dz_serve_commands_routes(&f->commands), dz_page_routes(f->page)};
    for (size_t s = 0; s < SETS; s++) {
        for (size_t i = 0; i < sets[s].count; i++) {
            assert_true(f->route_count < MOST_ROUTES);
            f->routes[f->route_count] = sets[s].routes[i];
            f->routes[f->route_count++].handler = let_through;
        }
    }
    f->set = (dz_http_route_set){f->routes, f->route_count, f};
    dz_http_config config = {.sets = &f->set,
                             .set_count = 1,
                             .workers = 1,
                             .authorize = dz_access_authorize,
                             .authorize_context = f->access};
    assert_int_equal(dz_http_server_create("127.0.0.1:0", &config, &f->server, &err), DOZAN_OK);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    if (f->socket >= 0)
        (void)close(f->socket);
    dz_http_server_destroy(f->server);
    dz_kube_destroy(f->kube);
    dz_page_destroy(f->page);
    dz_access_destroy(f->access);
    (void)unlink(f->users);
    (void)rmdir(f->folder);
    return 0;
}

static const rule *find_rule(const char *method, const char *path)
{
    for (size_t i = 0; i < RULES; i++)
        if (strcmp(rules[i].method, method) == 0 && strcmp(rules[i].path, path) == 0)
            return &rules[i];
    return NULL;
}

/* The service's own table is the list, no more and no less. */
static void every_route_is_listed(void **state)
{
    fixture *f = *state;
    bool good = f->route_count == RULES;
    for (size_t i = 0; i < f->route_count; i++) {
        const dz_http_route *route = &f->routes[i];
        const rule *listed = find_rule(route->method, route->path);
        if (listed != NULL && listed->role == route->role)
            continue;
        good = false;
        print_message("not in the list: {\"%s\", \"%s\"} for %s\n", route->method, route->path,
                      dz_role_name(route->role));
    }
    for (size_t i = 0; i < RULES; i++) {
        bool found = false;
        for (size_t k = 0; k < f->route_count && !found; k++)
            found = strcmp(f->routes[k].method, rules[i].method) == 0 &&
                    strcmp(f->routes[k].path, rules[i].path) == 0;
        if (!found)
            print_message("listed, but not served: %s %s\n", rules[i].method, rules[i].path);
        good = good && found;
    }
    assert_true(good);
}

static void dial(fixture *f)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(dz_http_server_port(f->server)),
                                  .sin_addr = {htonl(INADDR_LOOPBACK)}};
    struct timeval patience = {.tv_sec = PATIENCE_S};
    if (f->socket >= 0)
        (void)close(f->socket);
    f->socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(f->socket >= 0);
    (void)setsockopt(f->socket, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    assert_int_equal(connect(f->socket, (struct sockaddr *)&address, sizeof(address)), 0);
}

/* The status of the answer, on a connection of its own each. */
static int ask(fixture *f, const char *method, const char *path, const char *token)
{
    char text[1024], reply[REPLY];
    size_t got = 0;
    int size = snprintf(text, sizeof(text),
                        "%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                        "Content-Length: 0\r\n%s%s%s\r\n",
                        method, path, token != NULL ? "Authorization: Bearer " : "",
                        token != NULL ? token : "", token != NULL ? "\r\n" : "");
    assert_true(size > 0 && (size_t)size < sizeof(text));
    dial(f);
    assert_int_equal(send(f->socket, text, (size_t)size, MSG_NOSIGNAL), size);
    for (ssize_t n; got < sizeof(reply) - 1; got += (size_t)n) {
        n = recv(f->socket, reply + got, sizeof(reply) - 1 - got, 0);
        assert_true(n >= 0);
        if (n == 0)
            break;
    }
    reply[got] = '\0';
    assert_int_equal(strncmp(reply, "HTTP/1.1 ", 9), 0);
    return (int)strtol(reply + 9, NULL, 10);
}

/* A path as a client writes it: "{namespace}" is vision. */
static void fill(const char *pattern, char path[256])
{
    size_t used = 0;
    while (*pattern != '\0') {
        size_t size = strcspn(pattern, "}");
        const char *put = strncmp(pattern, "{namespace}", 11) == 0 ? "vision"
                          : strncmp(pattern, "{kind}", 6) == 0     ? "experiments"
                                                                   : "some";
        if (*pattern != '{') {
            path[used++] = *pattern++;
            continue;
        }
        used += (size_t)snprintf(path + used, 256 - used, "%s", put);
        pattern += size + 1;
    }
    path[used] = '\0';
}

/* What must come of it: 299 when it is let through. */
static int expected(fixture *f, const char *method, const char *path, const person *who)
{
    dz_http_route_set set = f->set;
    dz_http_request request;
    const dz_http_route *route = NULL;
    void *context = NULL;
    dozan_error err = {0};
    assert_int_equal(dz_http_request_init(&request, method, path, &err), DOZAN_OK);
    dozan_status found = dz_http_find(&set, 1, &request, &route, &context, &err);
    bool in_namespace = found == DOZAN_OK && dz_http_param(&request, "namespace") != NULL;
    dz_http_request_fini(&request);
    if (found == DOZAN_NOT_FOUND)
        return 404;
    if (found != DOZAN_OK)
        return 405;
    const rule *listed = find_rule(route->method, route->path);
    if (listed == NULL)
        return 404;
    if (listed->role == DZ_ROLE_NONE)
        return 299;
    if (who->name == NULL)
        return 401;
    return (in_namespace ? who->here : who->all) >= listed->role ? 299 : 403;
}

static void nothing_is_allowed_that_is_not_listed(void **state)
{
    fixture *f = *state;
    char path[256];
    size_t wrong = 0, asked = 0, through = 0;
    for (size_t r = 0; r < RULES; r++) {
        bool done = false; /* the same path with another method */
        for (size_t k = 0; k < r && !done; k++)
            done = strcmp(rules[k].path, rules[r].path) == 0;
        fill(rules[r].path, path);
        for (size_t m = 0; !done && m < METHODS; m++) {
            for (size_t p = 0; p < PEOPLE; p++) {
                const char *token = people[p].name != NULL ? f->tokens[p] : people[p].token;
                int want = expected(f, methods[m], path, &people[p]);
                int got = ask(f, methods[m], path, token);
                asked++;
                through += got == 299 ? 1 : 0;
                /* what is not served at all may be refused for whatever reason */
                bool same = want == got || (want >= 404 && got >= 400);
                if (!same)
                    print_message("%s %s as %s gave %d, not %d\n", methods[m], path,
                                  people[p].name != NULL ? people[p].name : "nobody", got, want);
                wrong += same ? 0 : 1;
            }
        }
    }
    print_message("%zu requests, %zu let through\n", asked, through);
    assert_int_equal(wrong, 0);
    assert_true(through > 0 && through < asked / 2);
}

/* Another way to write a path must not get round its role. */
static void spellings_get_round_nothing(void **state)
{
    static const char *const paths[] = {
        "/apis/kubeflow.org/v1beta1/namespaces/speech/../vision/experiments",
        "/apis/kubeflow.org/v1beta1/namespaces/%76ision/experiments",
        "//apis/kubeflow.org/v1beta1/namespaces/vision/experiments",
        "/apis/kubeflow.org/v1beta1/namespaces/vision/experiments/",
        "/apis/kubeflow.org/v1beta1/namespaces/speech%2f..%2fvision/experiments",
        "/apis/kubeflow.org/v1beta1/namespaces/vision/experiments?namespace=speech",
        "/apis/kubeflow.org/v1beta1/namespaces//experiments",
        "/apis/kubeflow.org/v1beta1/namespaces/speech%00/experiments",
        "/%2e%2e/metrics",
        "/metrics/",
        "/./metrics",
    };
    fixture *f = *state;
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        int got = ask(f, "GET", paths[i], f->tokens[2]); /* who may all, but in "speech" alone */
        if (got < 400)
            print_message("%s gave %d\n", paths[i], got);
        assert_true(got >= 400);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_route_is_listed),
        cmocka_unit_test(nothing_is_allowed_that_is_not_listed),
        cmocka_unit_test(spellings_get_round_nothing),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
