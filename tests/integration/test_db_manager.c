/*
 * Katib's DBManager over gRPC on a service that runs: reporting, reading and deleting metrics, and
 * every role at every method.
 */
#include "support_service.h"

#include "api.pb-c.h"
#include "api/db_manager.h"
#include "health.pb-c.h"

#include <dozan/db_manager.h>
#include <dozan/grpc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

enum { TIMEOUT_MS = 60000, MOST_LOGS = 8 };

#define PUSH                                                                                       \
    "  parallelTrialCount: 1\n  maxTrialCount: 1\n"                                                \
    "  metricsCollectorSpec: {collector: {kind: Push}}\n"

typedef struct fixture {
    service_kit *kit;
    dz_access *access;
    dz_db_manager *manager;
    dozan_grpc_client *client;
    char trial[128];
} fixture;

typedef struct entry {
    const char *time, *metric, *value;
} entry;

static bool keep_name(void *user, const dz_trial *trial)
{
    (void)snprintf(user, 128, "%s", trial->name);
    return false;
}

/* A Push experiment of that name whose only trial runs; its name goes to `trial`. */
static void run_push(fixture *f, const char *namespace_, const char *name, char trial[128])
{
    dozan_error err = {0};
    char *document = service_document(name, PUSH, f->kit->until_go);
    (void)service_submit(f->kit, namespace_, document);
    service_wait(f->kit, namespace_, name, service_runs_one);
    dz_experiment *e = service_load(f->kit, namespace_, name);
    assert_int_equal(dz_store_trials(f->kit->reader, e, 0, 1, keep_name, trial, &err), DOZAN_OK);
    dz_experiment_destroy(e);
    free(document);
}

static dozan_grpc_client *dial(const fixture *f, const char *token)
{
    char url[320];
    dozan_error err = {0};
    dozan_grpc_client *client = NULL;
    dozan_grpc_client_options options = {.token = token};
    (void)snprintf(url, sizeof(url), "grpc://%s", dz_db_manager_address(f->manager));
    assert_int_equal(dozan_grpc_client_create(url, &options, &client, &err), DOZAN_OK);
    return client;
}

static void serve(fixture *f)
{
    dozan_error err = {0};
    dz_db_manager_config config = {.service = f->kit->service,
                                   .report = dz_service_report,
                                   .forget = dz_service_forget,
                                   .db_path = f->kit->path,
                                   .access = f->access};
    dozan_status status = dz_db_manager_create("127.0.0.1:0", &config, &f->manager, &err);
    if (status != DOZAN_OK)
        print_message("%s\n", err.message);
    assert_int_equal(status, DOZAN_OK);
}

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    f->kit = service_kit_create();
    serve(f);
    f->client = dial(f, NULL);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    dozan_grpc_client_destroy(f->client);
    dz_db_manager_destroy(f->manager);
    service_kit_destroy(f->kit);
    dz_access_destroy(f->access);
    free(f);
    return 0;
}

/* protobuf-c's structs have no const: packing only reads. */
static char *text(const char *from)
{
    return (char *)(uintptr_t)from;
}

static dozan_status call(dozan_grpc_client *client, const char *method,
                         const ProtobufCMessage *message, void **reply, size_t *size,
                         dozan_error *err)
{
    size_t packed = protobuf_c_message_get_packed_size(message);
    void *body = malloc(packed + 1), *got = NULL;
    size_t got_size = 0;
    assert_non_null(body);
    (void)protobuf_c_message_pack(message, body);
    dozan_status status =
        dozan_grpc_client_call(client, method, body, packed, TIMEOUT_MS, &got, &got_size, err);
    free(body);
    if (reply != NULL) {
        *reply = got;
        *size = got_size;
    } else {
        free(got);
    }
    return status;
}

static dozan_status report(dozan_grpc_client *client, const char *trial, const entry *entries,
                           size_t count, dozan_error *err)
{
    Api__V1__Beta1__ReportObservationLogRequest request;
    Api__V1__Beta1__ObservationLog log;
    Api__V1__Beta1__MetricLog logs[MOST_LOGS], *rows[MOST_LOGS];
    Api__V1__Beta1__Metric metrics[MOST_LOGS];
    assert_true(count <= MOST_LOGS);
    api__v1__beta1__report_observation_log_request__init(&request);
    api__v1__beta1__observation_log__init(&log);
    for (size_t i = 0; i < count; i++) {
        api__v1__beta1__metric_log__init(&logs[i]);
        api__v1__beta1__metric__init(&metrics[i]);
        logs[i].time_stamp = text(entries[i].time);
        logs[i].metric = &metrics[i];
        metrics[i].name = text(entries[i].metric);
        metrics[i].value = text(entries[i].value);
        rows[i] = &logs[i];
    }
    log.metric_logs = rows;
    log.n_metric_logs = count;
    request.trial_name = text(trial);
    request.observation_log = &log;
    return call(client, DOZAN_DB_REPORT, &request.base, NULL, NULL, err);
}

/* The values of what is read, joined by spaces. */
static dozan_status read_log(dozan_grpc_client *client, const char *trial, const char *metric,
                             const char *from, const char *to, char values[256], dozan_error *err)
{
    Api__V1__Beta1__GetObservationLogRequest request;
    void *reply = NULL;
    size_t size = 0, used = 0;
    api__v1__beta1__get_observation_log_request__init(&request);
    request.trial_name = text(trial);
    request.metric_name = text(metric);
    request.start_time = text(from);
    request.end_time = text(to);
    values[0] = '\0';
    dozan_status status = call(client, DOZAN_DB_GET, &request.base, &reply, &size, err);
    if (status != DOZAN_OK)
        return status;
    Api__V1__Beta1__GetObservationLogReply *got =
        api__v1__beta1__get_observation_log_reply__unpack(NULL, size, reply);
    free(reply);
    assert_non_null(got);
    assert_non_null(got->observation_log);
    for (size_t i = 0; i < got->observation_log->n_metric_logs; i++)
        used += (size_t)snprintf(values + used, 256 - used, "%s%s", i > 0 ? " " : "",
                                 got->observation_log->metric_logs[i]->metric->value);
    api__v1__beta1__get_observation_log_reply__free_unpacked(got, NULL);
    return status;
}

static dozan_status delete_log(dozan_grpc_client *client, const char *trial, dozan_error *err)
{
    Api__V1__Beta1__DeleteObservationLogRequest request;
    api__v1__beta1__delete_observation_log_request__init(&request);
    request.trial_name = text(trial);
    return call(client, DOZAN_DB_DELETE, &request.base, NULL, NULL, err);
}

static void expect_log(fixture *f, const char *trial, const char *metric, const char *from,
                       const char *to, const char *values)
{
    char got[256];
    dozan_error err = {0};
    dozan_status status = read_log(f->client, trial, metric, from, to, got, &err);
    if (status != DOZAN_OK)
        print_message("%s\n", err.message);
    assert_int_equal(status, DOZAN_OK);
    assert_string_equal(got, values);
}

static void metrics_are_reported_read_and_deleted(void **state)
{
    static const entry entries[] = {
        {"2026-05-06T07:08:11Z", "accuracy", "0.7"},
        {"2026-05-06T07:08:09.5Z", "accuracy", "0.5"},
        {"2026-05-06T09:08:09.500123456+02:00", "accuracy", "0.6"},
        {"2026-05-06T07:08:10Z", "unknown-metric", "1"},
        {"2026-05-06T07:08:12Z", "accuracy", "unavailable"},
    };
    fixture *f = *state;
    dozan_error err = {0};
    char got[256];
    run_push(f, "default", "bowl", f->trial);
    assert_int_equal(report(f->client, f->trial, entries, 5, &err), DOZAN_OK);

    /* in the order of time, and as they came within one */
    expect_log(f, f->trial, "", "", "", "0.5 0.6 0.7 unavailable");
    expect_log(f, f->trial, "accuracy", "", "", "0.5 0.6 0.7 unavailable");
    expect_log(f, f->trial, "unknown-metric", "", "", "");
    expect_log(f, f->trial, "", "2026-05-06T07:08:10Z", "", "0.7 unavailable");
    expect_log(f, f->trial, "", "", "2026-05-06T07:08:10Z", "0.5 0.6");
    expect_log(f, f->trial, "", "2026-05-06T07:08:11Z", "2026-05-06T07:08:11Z", "0.7");
    (void)snprintf(got, sizeof(got), "default/%s", f->trial);
    expect_log(f, got, "", "2026-05-06T07:08:12Z", "", "unavailable");

    /* what a trial still needs stays; once it has ended, its result outlives its metrics */
    assert_int_equal(delete_log(f->client, f->trial, &err), DOZAN_FAILED_PRECONDITION);
    assert_non_null(strstr(err.message, "has not ended"));
    service_go(f->kit);
    service_wait(f->kit, "default", "bowl", service_succeeded);
    assert_int_equal(report(f->client, f->trial, entries, 1, &err), DOZAN_FAILED_PRECONDITION);
    expect_log(f, f->trial, "", "", "", "0.5 0.6 0.7 unavailable");
    assert_int_equal(delete_log(f->client, f->trial, &err), DOZAN_OK);
    expect_log(f, f->trial, "", "", "", "");
    dz_experiment *e = service_load(f->kit, "default", "bowl");
    assert_true(e->best.trial == 1 && e->best.value > 0.69 && e->best.value < 0.71);
    dz_experiment_destroy(e);
    assert_int_equal(delete_log(f->client, f->trial, &err), DOZAN_OK); /* nothing is left to do */
}

static void wrong_requests_are_refused(void **state)
{
    static const entry good = {"", "accuracy", "1"}, no_time = {"yesterday", "accuracy", "1"},
                       no_metric = {"", "", "1"};
    fixture *f = *state;
    dozan_error err = {0};
    char got[256], *document = service_document("printed",
                                                "  maxTrialCount: 1\n  "
                                                "parallelTrialCount: 1\n",
                                                f->kit->until_go);
    run_push(f, "default", "bowl", f->trial);
    assert_int_equal(report(f->client, "", &good, 1, &err), DOZAN_INVALID_ARGUMENT);
    assert_int_equal(report(f->client, "none-such", &good, 1, &err), DOZAN_NOT_FOUND);
    assert_int_equal(report(f->client, "default/none-such", &good, 1, &err), DOZAN_NOT_FOUND);
    assert_int_equal(report(f->client, f->trial, &no_time, 1, &err), DOZAN_INVALID_ARGUMENT);
    assert_non_null(strstr(err.message, "yesterday"));
    assert_int_equal(report(f->client, f->trial, &no_metric, 1, &err), DOZAN_INVALID_ARGUMENT);
    assert_int_equal(read_log(f->client, f->trial, "", "now", "", got, &err),
                     DOZAN_INVALID_ARGUMENT);
    assert_int_equal(delete_log(f->client, "none-such", &err), DOZAN_NOT_FOUND);
    assert_int_equal(dozan_grpc_client_call(f->client, DOZAN_DB_REPORT, "\x0a\xff", 2, TIMEOUT_MS,
                                            NULL, NULL, &err),
                     DOZAN_INVALID_ARGUMENT);
    /* the metrics of others are in their output */
    (void)service_submit(f->kit, NULL, document);
    service_wait(f->kit, "default", "printed", service_runs_one);
    dz_experiment *e = service_load(f->kit, "default", "printed");
    assert_int_equal(dz_store_trials(f->kit->reader, e, 0, 1, keep_name, f->trial, &err), DOZAN_OK);
    dz_experiment_destroy(e);
    assert_int_equal(report(f->client, f->trial, &good, 1, &err), DOZAN_FAILED_PRECONDITION);
    assert_non_null(strstr(err.message, "Push"));
    free(document);
    service_go(f->kit);
}

static void a_probe_is_answered(void **state)
{
    fixture *f = *state;
    dozan_error err = {0};
    Grpc__Health__V1__HealthCheckRequest request;
    void *reply = NULL;
    size_t size = 0;
    grpc__health__v1__health_check_request__init(&request);
    request.service = text("manager.v1beta1.DBManager");
    assert_int_equal(call(f->client, DOZAN_DB_HEALTH, &request.base, &reply, &size, &err),
                     DOZAN_OK);
    Grpc__Health__V1__HealthCheckResponse *answer =
        grpc__health__v1__health_check_response__unpack(NULL, size, reply);
    assert_non_null(answer);
    assert_int_equal(answer->status,
                     GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING);
    grpc__health__v1__health_check_response__free_unpacked(answer, NULL);
    free(reply);
    request.service = text("another");
    assert_int_equal(call(f->client, DOZAN_DB_HEALTH, &request.base, NULL, NULL, &err),
                     DOZAN_NOT_FOUND);
}

/* ---- roles: each user in the namespaces vision and speech, where a trial runs in each */

typedef struct person {
    const char *name, *grants;
    dz_role vision, speech;
} person;

static const person people[] = {
    {"nobody", NULL, DZ_ROLE_NONE, DZ_ROLE_NONE}, /* without a token */
    {"outside", "[{role: admin, namespaces: [other]}]", DZ_ROLE_NONE, DZ_ROLE_NONE},
    {"viewer", "[{role: viewer, namespaces: [vision]}]", DZ_ROLE_VIEWER, DZ_ROLE_NONE},
    {"editor", "[{role: editor, namespaces: [vision]}]", DZ_ROLE_EDITOR, DZ_ROLE_NONE},
    {"both", "[{role: editor, namespaces: [vision]}, {role: viewer, namespaces: [speech]}]",
     DZ_ROLE_EDITOR, DZ_ROLE_VIEWER},
    {"admin", "[{role: admin, namespaces: [vision]}]", DZ_ROLE_ADMIN, DZ_ROLE_NONE},
    {"viewer-of-all", "[{role: viewer}]", DZ_ROLE_VIEWER, DZ_ROLE_VIEWER},
    {"editor-of-all", "[{role: editor}]", DZ_ROLE_EDITOR, DZ_ROLE_EDITOR},
};
enum { PEOPLE = sizeof(people) / sizeof(people[0]) };

static dozan_status some_bytes(void *bytes, size_t size, dozan_error *err)
{
    static unsigned char next = 1;
    (void)err;
    memset(bytes, next++, size);
    return DOZAN_OK;
}

static void write_users(fixture *f, char tokens[PEOPLE][DZ_AUTH_TOKEN_TEXT])
{
    char path[128], hash[DZ_AUTH_HASH_TEXT];
    dozan_error err = {0};
    (void)snprintf(path, sizeof(path), "%s/users.yaml", f->kit->folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    (void)fputs("users:\n", file);
    for (size_t i = 0; i < PEOPLE; i++) {
        assert_int_equal(dz_auth_new_token(some_bytes, tokens[i], hash, &err), DOZAN_OK);
        if (people[i].grants != NULL)
            (void)fprintf(file, "  - {name: %s, tokenSha256: %s, grants: %s}\n", people[i].name,
                          hash, people[i].grants);
    }
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, 0600), 0);
    assert_int_equal(dz_access_create(path, &f->access, &err), DOZAN_OK);
}

/* All methods on one trial: allowed is whatever is not refused for who it is. */
static void expect_rights(fixture *f, const person *who, dozan_grpc_client *client,
                          const char *trial, dz_role role)
{
    static const entry one = {"", "accuracy", "0.5"};
    char got[256];
    dozan_error err = {0};
    dozan_status refused = who->grants == NULL ? DOZAN_UNAUTHENTICATED : DOZAN_PERMISSION_DENIED;
    dozan_status reads = role >= DZ_ROLE_VIEWER ? DOZAN_OK : refused;
    dozan_status writes = role >= DZ_ROLE_EDITOR ? DOZAN_OK : refused;
    dozan_status deletes = role >= DZ_ROLE_EDITOR ? DOZAN_FAILED_PRECONDITION : refused;
    (void)f;
    dozan_status status = read_log(client, trial, "", "", "", got, &err);
    if (status != reads)
        print_message("%s reads %s: %d, not %d\n", who->name, trial, (int)status, (int)reads);
    assert_int_equal(status, reads);
    status = report(client, trial, &one, 1, &err);
    if (status != writes)
        print_message("%s reports %s: %d, not %d\n", who->name, trial, (int)status, (int)writes);
    assert_int_equal(status, writes);
    status = delete_log(client, trial, &err);
    if (status != deletes)
        print_message("%s deletes %s: %d, not %d\n", who->name, trial, (int)status, (int)deletes);
    assert_int_equal(status, deletes);
    assert_null(strstr(err.message, "dz_")); /* no token is told */
}

static void roles_are_kept_to(void **state)
{
    fixture *f = *state;
    char tokens[PEOPLE][DZ_AUTH_TOKEN_TEXT], vision[128], speech[128], long_name[300];
    dozan_error err = {0}, other = {0};
    dz_db_manager_destroy(f->manager);
    f->manager = NULL;
    write_users(f, tokens);
    serve(f);
    run_push(f, "vision", "bowl", vision);
    run_push(f, "speech", "bowl", speech);
    for (size_t i = 0; i < PEOPLE; i++) {
        dozan_grpc_client *client = dial(f, people[i].grants != NULL ? tokens[i] : NULL);
        expect_rights(f, &people[i], client, vision, people[i].vision);
        expect_rights(f, &people[i], client, speech, people[i].speech);
        (void)snprintf(long_name, sizeof(long_name), "vision/%s", vision);
        expect_rights(f, &people[i], client, long_name, people[i].vision);
        dozan_grpc_client_destroy(client);
    }
    /* a trial that one may not know of is like one that is not there */
    dozan_grpc_client *client = dial(f, tokens[3]);
    assert_int_equal(delete_log(client, speech, &err), DOZAN_PERMISSION_DENIED);
    (void)snprintf(long_name, sizeof(long_name), "%s", speech);
    long_name[strlen(long_name) - 1] ^= 1; /* no such name */
    assert_int_equal(delete_log(client, long_name, &other), DOZAN_PERMISSION_DENIED);
    err.message[0] = '\0';
    dozan_grpc_client_destroy(client);
    /* a token that nobody has */
    client = dial(f, tokens[0]);
    assert_int_equal(delete_log(client, vision, &err), DOZAN_UNAUTHENTICATED);
    dozan_grpc_client_destroy(client);
    service_go(f->kit);
}

static void only_this_machine_without_users(void **state)
{
    fixture *f = *state;
    dozan_error err = {0};
    dz_db_manager *open = NULL;
    dz_db_manager_config config = {.service = f->kit->service, .db_path = f->kit->path};
    assert_int_equal(dz_db_manager_create("0.0.0.0:0", &config, &open, &err),
                     DOZAN_PERMISSION_DENIED);
    assert_int_equal(dz_db_manager_create("nonsense", &config, &open, &err),
                     DOZAN_INVALID_ARGUMENT);
    assert_null(open);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(metrics_are_reported_read_and_deleted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(wrong_requests_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_probe_is_answered, set_up, tear_down),
        cmocka_unit_test_setup_teardown(roles_are_kept_to, set_up, tear_down),
        cmocka_unit_test_setup_teardown(only_this_machine_without_users, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
