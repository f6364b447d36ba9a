/*
 * The client of Kubernetes against an API server in this process: whom it believes, what it does
 * when calls fail, and that a watch misses nothing.
 */
#include "kubernetes/watch.h"
#include "support_cluster.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sys/stat.h>
#include <unistd.h>

enum { PATIENCE_MS = 30000 };

#define JOBS "/apis/batch/v1/namespaces/default/jobs"

typedef struct fixture {
    fake_cluster cluster;
    char folder[64], config[96], token[96];
    dz_cluster_access *access;
    dz_cluster_client *client;
} fixture;

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* A kubeconfig of one cluster, with the rest of its entries as they are given. */
static void write_config(const fixture *f, const char *server, const char *cluster,
                         const char *user)
{
    char text[4096];
    (void)snprintf(text, sizeof text,
                   "apiVersion: v1\nkind: Config\ncurrent-context: here\n"
                   "contexts:\n- {name: here, context: {cluster: c, user: u, namespace: mine}}\n"
                   "- {name: broken, context: {cluster: nowhere, user: u}}\n"
                   "clusters:\n- name: c\n  cluster: {server: \"%s\"%s}\n"
                   "users:\n- name: u\n  user: {%s}\n",
                   server, cluster, user);
    write_file(f->config, text);
}

static void make_folder(fixture *f)
{
    *f = (fixture){.folder = "/tmp/dozan-cluster-XXXXXX"};
    assert_non_null(mkdtemp(f->folder));
    (void)snprintf(f->config, sizeof f->config, "%s/config", f->folder);
    (void)snprintf(f->token, sizeof f->token, "%s/token", f->folder);
}

static void connect_to(fixture *f)
{
    dozan_error err = {0};
    if (dz_cluster_access_load(f->config, NULL, &f->access, &err) != DOZAN_OK ||
        dz_cluster_client_create(f->access, NULL, &f->client, &err) != DOZAN_OK)
        fail_msg("%s: %s", err.place, err.message);
}

static int setup(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    make_folder(f);
    fake_cluster_start(&f->cluster, 0, NULL, NULL);
    write_file(f->token, "first\n");
    write_config(f, dz_http_server_url(f->cluster.server), "", "tokenFile: token");
    connect_to(f);
    *state = f;
    return 0;
}

static void remove_files(fixture *f)
{
    (void)unlink(f->config);
    (void)unlink(f->token);
    (void)rmdir(f->folder);
}

static int teardown(void **state)
{
    fixture *f = *state;
    dz_cluster_client_destroy(f->client);
    dz_cluster_access_destroy(f->access);
    fake_cluster_finish(&f->cluster);
    remove_files(f);
    free(f);
    return 0;
}

/* ---- calls ----------------------------------------------------------------------------------- */

typedef struct outcome {
    int count, status;
    dozan_error error;
    char body[2048];
} outcome;

static void keep(void *user, const dz_cluster_reply *reply)
{
    outcome *o = user;
    o->count++;
    o->status = reply->status;
    o->error = reply->error;
    (void)snprintf(o->body, sizeof o->body, "%s", reply->body);
}

static outcome perform(fixture *f, const char *method, const char *path, const char *body,
                       int64_t patience_ms)
{
    outcome o = {0};
    int64_t until = dz_cluster_now_ms() + PATIENCE_MS;
    assert_true(dz_cluster_send(f->client, &(dz_cluster_call){.method = method,
                                                              .path = path,
                                                              .body = body,
                                                              .done = keep,
                                                              .user = &o,
                                                              .patience_ms = patience_ms}) != 0);
    while (o.count == 0 && dz_cluster_now_ms() < until)
        dz_cluster_turn(f->client, 1000);
    assert_int_equal(o.count, 1);
    return o;
}

static const char job_a[] = "{\"metadata\":{\"name\":\"a\"}}";

static void what_passes_is_tried_again(void **state)
{
    fixture *f = *state;
    static const int passing[] = {429, 500, 502, 503, 504};
    for (size_t i = 0; i < sizeof passing / sizeof passing[0]; i++) {
        fake_cluster_fail(&f->cluster, passing[i], 2);
        outcome o = perform(f, "GET", JOBS, NULL, 0);
        assert_int_equal(o.status, 200);
    }
    assert_int_equal(fake_cluster_count(&f->cluster, &f->cluster.refusals), 10);
    fake_cluster_fail(&f->cluster, 403, 1); /* this does not pass */
    outcome o = perform(f, "GET", JOBS, NULL, 0);
    assert_int_equal(o.error.code, DOZAN_PERMISSION_DENIED);
    assert_non_null(strstr(o.error.message, "a fault on demand"));
    fake_cluster_fail(&f->cluster, 503, 1000); /* patience ends */
    o = perform(f, "GET", JOBS, NULL, 500);
    assert_int_equal(o.error.code, DOZAN_UNAVAILABLE);
}

static void made_once_under_its_name(void **state)
{
    fixture *f = *state;
    assert_int_equal(perform(f, "POST", JOBS, job_a, 0).status, 201);
    outcome o = perform(f, "POST", JOBS, job_a, 0);
    assert_int_equal(o.error.code, DOZAN_ALREADY_EXISTS);
    assert_int_equal(perform(f, "DELETE", JOBS "/a", NULL, 0).status, 200);
    assert_int_equal(perform(f, "DELETE", JOBS "/a", NULL, 0).error.code, DOZAN_NOT_FOUND);
}

static void a_killed_server_is_waited_for(void **state)
{
    fixture *f = *state;
    unsigned port = dz_http_server_port(f->cluster.server);
    outcome o = {0};
    fake_cluster_kill(&f->cluster);
    assert_true(dz_cluster_send(f->client, &(dz_cluster_call){.method = "POST",
                                                              .path = JOBS,
                                                              .body = job_a,
                                                              .done = keep,
                                                              .user = &o}) != 0);
    for (int i = 0; i < 5; i++)
        dz_cluster_turn(f->client, 100);
    assert_int_equal(o.count, 0);
    fake_cluster_start(&f->cluster, port, NULL, NULL);
    int64_t until = dz_cluster_now_ms() + PATIENCE_MS;
    while (o.count == 0 && dz_cluster_now_ms() < until)
        dz_cluster_turn(f->client, 1000);
    assert_int_equal(o.status, 201);
    assert_int_equal(fake_cluster_count(&f->cluster, &f->cluster.creates), 1);
}

/* A token that is replaced is read again, and is in no message. */
static void a_new_token_is_read(void **state)
{
    fixture *f = *state;
    (void)snprintf(f->cluster.token, sizeof f->cluster.token, "first");
    assert_int_equal(perform(f, "GET", JOBS, NULL, 0).status, 200);
    (void)pthread_mutex_lock(&f->cluster.lock);
    (void)snprintf(f->cluster.token, sizeof f->cluster.token, "second-secret");
    (void)pthread_mutex_unlock(&f->cluster.lock);
    outcome o = perform(f, "GET", JOBS, NULL, 0);
    assert_int_equal(o.error.code, DOZAN_UNAUTHENTICATED);
    assert_null(strstr(o.error.message, "first"));
    write_file(f->token, "second-secret\n");
    assert_int_equal(perform(f, "GET", JOBS, NULL, 0).status, 200);
}

static void the_rate_is_kept(void **state)
{
    fixture *f = *state;
    dozan_error err = {0};
    outcome o = {0};
    dz_cluster_client_destroy(f->client);
    assert_int_equal(dz_cluster_client_create(f->access,
                                              &(dz_cluster_limits){.per_second = 20, .burst = 5},
                                              &f->client, &err),
                     DOZAN_OK);
    int64_t begun = dz_cluster_now_ms();
    for (int i = 0; i < 15; i++)
        assert_true(
            dz_cluster_send(
                f->client,
                &(dz_cluster_call){.method = "GET", .path = JOBS, .done = keep, .user = &o}) != 0);
    while (o.count < 15 && dz_cluster_now_ms() < begun + PATIENCE_MS)
        dz_cluster_turn(f->client, 1000);
    assert_int_equal(o.count, 15);
    assert_true(dz_cluster_now_ms() - begun >= 480); /* ten at 20 a second, after the burst */
}

/* ---- whom it believes ------------------------------------------------------------------------ */

static void tls_is_always_checked(void **state)
{
    fixture f;
    const char *source = getenv("DOZAN_SOURCE"); /* NOLINT(concurrency-mt-unsafe) */
    char pem[512], cluster[1024], url[64];
    (void)state;
    make_folder(&f);
    (void)snprintf(pem, sizeof pem, "%s/tests/integration/tls/server.pem", source);
    fake_cluster_start(&f.cluster, 0, pem, pem);
    static const struct {
        const char *host, *authority, *more;
        bool good;
    } rows[] = {{"localhost", "ca.pem", "", true},
                {"localhost", "other-ca.pem", "", false},
                {"localhost", NULL, "", false},
                {"localhost", "ca.pem", ", tls-server-name: elsewhere", false},
                {"127.0.0.1", "ca.pem", ", tls-server-name: localhost", true}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cluster[0] = '\0';
        if (rows[i].authority != NULL)
            (void)snprintf(cluster, sizeof cluster,
                           ", certificate-authority: \"%s/tests/integration/tls/%s\"%s", source,
                           rows[i].authority, rows[i].more);
        (void)snprintf(url, sizeof url, "https://%s:%u", rows[i].host,
                       (unsigned)dz_http_server_port(f.cluster.server));
        write_config(&f, url, cluster, "token: t");
        connect_to(&f);
        outcome o = perform(&f, "GET", JOBS, NULL, 1000);
        if ((o.status == 200) != rows[i].good)
            fail_msg("row %zu: %s", i, o.error.message);
        dz_cluster_client_destroy(f.client);
        dz_cluster_access_destroy(f.access);
    }
    fake_cluster_finish(&f.cluster);
    remove_files(&f);
}

static void bad_configurations_are_refused(void **state)
{
    fixture f;
    dozan_error err = {0};
    (void)state;
    make_folder(&f);
    static const struct {
        const char *server, *cluster, *user, *context, *says;
    } rows[] = {
        {"https://h:1", ", insecure-skip-tls-verify: true", "", NULL, "always checked"},
        {"http://h:1", "", "", NULL, "without TLS"},
        {"https://h:1", "", "", "nobody", "\"nobody\""},
        {"https://h:1", "", "", "broken", "\"nowhere\""},
        {"https://h:1", ", certificate-authority-data: \"%%%\"", "", NULL, "base64"},
        {"https://h:1", ", certificate-authority: missing.pem", "", NULL, "No such file"},
        {"https://h:1", "", "client-certificate-data: YQ==", NULL, "belong together"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        dz_cluster_access *access = NULL;
        write_config(&f, rows[i].server, rows[i].cluster, rows[i].user);
        err = (dozan_error){0};
        assert_int_not_equal(dz_cluster_access_load(f.config, rows[i].context, &access, &err),
                             DOZAN_OK);
        assert_null(access);
        if (strstr(err.message, rows[i].says) == NULL)
            fail_msg("row %zu: %s", i, err.message);
    }
    remove_files(&f);
}

/* ExecCredential, and that a failure shows nothing of what was printed. */
static void a_program_gives_the_token(void **state)
{
    fixture *f = *state;
    dozan_error err = {0};
    dz_cluster_credential got = {0};
    char *good[] = {(char *)(uintptr_t) "sh", (char *)(uintptr_t) "-c",
                    (char *)(uintptr_t) "case $KUBERNETES_EXEC_INFO in *ExecCredential*) printf "
                                        "'{\"status\":{\"token\":\"%s\",\"expirationTimestamp\":"
                                        "\"2030-01-01T00:00:00Z\"}}' \"$MINE\";; esac",
                    NULL};
    char *bad[] = {(char *)(uintptr_t) "sh", (char *)(uintptr_t) "-c",
                   (char *)(uintptr_t) "echo sesame; exit 1", NULL};
    char *env[] = {(char *)(uintptr_t) "MINE=from-a-program", NULL};
    dz_cluster_exec exec = {.argv = good, .env = env};
    (void)f;
    assert_int_equal(dz_cluster_exec_run(&exec, &got, &err), DOZAN_OK);
    assert_string_equal(got.token, "from-a-program");
    assert_true(got.expires_ms > 1800000000000);
    dz_cluster_credential_fini(&got);
    exec.argv = bad;
    assert_int_equal(dz_cluster_exec_run(&exec, &got, &err), DOZAN_UNAUTHENTICATED);
    assert_null(strstr(err.message, "sesame"));
}

/* ---- watches --------------------------------------------------------------------------------- */

/* What a watch has made known: "a b c", in the order of their names. */
typedef struct view {
    char there[26];
    bool listing, seen_in_list[26];
    int lists, refusals;
} view;

static size_t index_of(const cJSON *object)
{
    const cJSON *metadata = cJSON_GetObjectItemCaseSensitive(object, "metadata");
    return (size_t)(cJSON_GetObjectItemCaseSensitive(metadata, "name")->valuestring[0] - 'a');
}

static void see(void *user, const cJSON *object)
{
    view *v = user;
    v->there[index_of(object)] = 1;
    v->seen_in_list[index_of(object)] = true;
}

static void lose(void *user, const cJSON *object)
{
    view *v = user;
    v->there[index_of(object)] = 0;
}

static void list_begins(void *user)
{
    view *v = user;
    memset(v->seen_in_list, 0, sizeof v->seen_in_list);
}

static void list_ended(void *user)
{
    view *v = user;
    v->lists++;
    for (size_t i = 0; i < 26; i++)
        if (!v->seen_in_list[i])
            v->there[i] = 0;
}

static void refuse(void *user, const dozan_error *err)
{
    view *v = user;
    (void)err;
    v->refusals++;
}

static void until_seen(fixture *f, const view *v, const char *names)
{
    int64_t until = dz_cluster_now_ms() + PATIENCE_MS;
    char seen[27];
    do {
        size_t count = 0;
        dz_cluster_turn(f->client, 100);
        for (size_t i = 0; i < 26; i++)
            if (v->there[i])
                seen[count++] = (char)('a' + i);
        seen[count] = '\0';
    } while (strcmp(seen, names) != 0 && dz_cluster_now_ms() < until);
    assert_string_equal(seen, names);
}

static void put_job(fixture *f, const char *name)
{
    cJSON *job = cJSON_CreateObject();
    cJSON *metadata = cJSON_AddObjectToObject(job, "metadata");
    assert_non_null(cJSON_AddStringToObject(metadata, "name", name));
    fake_cluster_put(&f->cluster, JOBS, job);
}

static void a_watch_misses_nothing(void **state)
{
    fixture *f = *state;
    view v = {0};
    dz_cluster_watcher watcher = {&v, see, lose, list_begins, list_ended, refuse};
    put_job(f, "a");
    put_job(f, "b");
    put_job(f, "c"); /* a second page */
    dz_cluster_watch *w = dz_cluster_watch_start(f->client, JOBS, NULL, &watcher);
    assert_non_null(w);
    until_seen(f, &v, "abc");
    put_job(f, "d");
    fake_cluster_delete(&f->cluster, JOBS, "a");
    until_seen(f, &v, "bcd");
    fake_cluster_cut(&f->cluster, false); /* what happens meanwhile is told by the next watch */
    fake_cluster_delete(&f->cluster, JOBS, "b");
    put_job(f, "e");
    until_seen(f, &v, "cde");
    assert_int_equal(v.lists, 1);
    fake_cluster_delete(&f->cluster, JOBS, "c");
    fake_cluster_cut(&f->cluster, true); /* 410: the deletion is found out by a list */
    put_job(f, "f");
    until_seen(f, &v, "def");
    assert_true(v.lists >= 2);
    unsigned port = dz_http_server_port(f->cluster.server);
    fake_cluster_kill(&f->cluster);
    put_job(f, "g");
    fake_cluster_fail(&f->cluster, 503, 3);
    fake_cluster_start(&f->cluster, port, NULL, NULL);
    until_seen(f, &v, "defg");
    assert_int_equal(v.refusals, 0);
    dz_cluster_watch_stop(w);
    assert_int_equal(dz_cluster_pending(f->client), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_passes_is_tried_again, setup, teardown),
        cmocka_unit_test_setup_teardown(made_once_under_its_name, setup, teardown),
        cmocka_unit_test_setup_teardown(a_killed_server_is_waited_for, setup, teardown),
        cmocka_unit_test_setup_teardown(a_new_token_is_read, setup, teardown),
        cmocka_unit_test_setup_teardown(the_rate_is_kept, setup, teardown),
        cmocka_unit_test(tls_is_always_checked),
        cmocka_unit_test(bad_configurations_are_refused),
        cmocka_unit_test_setup_teardown(a_program_gives_the_token, setup, teardown),
        cmocka_unit_test_setup_teardown(a_watch_misses_nothing, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
