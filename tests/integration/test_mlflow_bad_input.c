/*
 * What clients get wrong: each call of MLflow's API with fields that are missing, of other types,
 * too long or hostile. The answer is MLflow's error and never a failure of the server's, and what
 * is refused has written nothing.
 */
#include "mlflow_talk.h"

#include <sqlite3.h>

enum { LONG = 300000, DEEP = 3000 };

static const struct {
    const char *method, *path;
} calls[] = {
    {"POST", "runs/log-metric"},
    {"POST", "runs/log-batch"},
    {"POST", "runs/log-parameter"},
    {"POST", "runs/create"},
    {"GET", "runs/get"},
    {"POST", "runs/update"},
    {"POST", "runs/search"},
    {"POST", "runs/set-tag"},
    {"POST", "runs/delete-tag"},
    {"POST", "runs/delete"},
    {"POST", "runs/restore"},
    {"POST", "runs/log-inputs"},
    {"POST", "runs/outputs"},
    {"POST", "runs/log-model"},
    {"GET", "metrics/get-history"},
    {"GET", "metrics/get-history-bulk"},
    {"GET", "metrics/get-history-bulk-interval"},
    {"GET", "experiments/get"},
    {"GET", "experiments/get-by-name"},
    {"POST", "experiments/create"},
    {"POST", "experiments/search"},
    {"GET", "experiments/search"},
    {"POST", "experiments/search-datasets"},
    {"POST", "experiments/update"},
    {"POST", "experiments/delete"},
    {"POST", "experiments/restore"},
    {"POST", "experiments/set-experiment-tag"},
    {"POST", "experiments/delete-experiment-tag"},
    {"POST", "logged-models/search"},
    {"POST", "logged-models"},
    {"GET", "logged-models/{model_id}"},
    {"PATCH", "logged-models/{model_id}"},
    {"DELETE", "logged-models/{model_id}"},
    {"PATCH", "logged-models/{model_id}/tags"},
    {"DELETE", "logged-models/{model_id}/tags/{tag_key}"},
    {"POST", "logged-models/{model_id}/params"},
    {"POST", "registered-models/create"},
    {"GET", "registered-models/get"},
    {"POST", "registered-models/rename"},
    {"PATCH", "registered-models/update"},
    {"DELETE", "registered-models/delete"},
    {"GET", "registered-models/search"},
    {"POST", "registered-models/set-tag"},
    {"DELETE", "registered-models/delete-tag"},
    {"POST", "registered-models/get-latest-versions"},
    {"GET", "registered-models/get-latest-versions"},
    {"POST", "registered-models/alias"},
    {"DELETE", "registered-models/alias"},
    {"GET", "registered-models/alias"},
    {"POST", "model-versions/create"},
    {"GET", "model-versions/get"},
    {"PATCH", "model-versions/update"},
    {"DELETE", "model-versions/delete"},
    {"GET", "model-versions/search"},
    {"GET", "model-versions/get-download-uri"},
    {"POST", "model-versions/transition-stage"},
    {"POST", "model-versions/set-tag"},
    {"DELETE", "model-versions/delete-tag"},
};

static const char *const names[] = {
    "alias",
    "archive_existing_versions",
    "artifact_location",
    "dataset",
    "dataset_digest",
    "dataset_name",
    "datasets",
    "description",
    "digest",
    "end_step",
    "end_time",
    "experiment_id",
    "experiment_ids",
    "experiment_name",
    "filter",
    "key",
    "max_results",
    "metric_key",
    "metrics",
    "model_id",
    "model_json",
    "model_type",
    "models",
    "name",
    "new_name",
    "order_by",
    "page_token",
    "params",
    "profile",
    "run_id",
    "run_ids",
    "run_link",
    "run_name",
    "run_uuid",
    "run_view_type",
    "schema",
    "source",
    "source_run_id",
    "source_type",
    "stage",
    "stages",
    "start_step",
    "start_time",
    "status",
    "step",
    "tags",
    "timestamp",
    "user_id",
    "value",
    "version",
    "view_type",
};

enum { CALLS = sizeof(calls) / sizeof(calls[0]), NAMES = sizeof(names) / sizeof(names[0]) };

/* How many rows there are, and how many bytes in those that grow. */
static void measure(const fixture *f, char text[BODY])
{
    sqlite3 *db = NULL;
    sqlite3_stmt *tables = NULL;
    size_t used = 0;
    assert_int_equal(sqlite3_open_v2(f->db, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db,
                                        "SELECT name FROM sqlite_master WHERE type = 'table' AND "
                                        "name LIKE 'track%'",
                                        -1, &tables, NULL),
                     SQLITE_OK);
    while (sqlite3_step(tables) == SQLITE_ROW) {
        sqlite3_stmt *count = NULL;
        char sql[256];
        (void)snprintf(sql, sizeof(sql), "SELECT count(*) FROM %s", sqlite3_column_text(tables, 0));
        assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &count, NULL), SQLITE_OK);
        assert_int_equal(sqlite3_step(count), SQLITE_ROW);
        used += (size_t)snprintf(text + used, BODY - used, "%s=%lld ",
                                 sqlite3_column_text(tables, 0), sqlite3_column_int64(count, 0));
        (void)sqlite3_finalize(count);
    }
    (void)sqlite3_finalize(tables);
    (void)sqlite3_close(db);
}

/* Each field of every call has this value, as it stands in JSON. */
static void send_all(fixture *f, const char *value, bool refused)
{
    dozan_buf body;
    char target[TARGET], before[BODY] = "", after[BODY] = "";
    dozan_buf_init(&body, (size_t)64 << 20);
    for (size_t i = 0; i < NAMES; i++) {
        dozan_buf_printf(&body, "%s\"%s\":", i == 0 ? "{" : ",", names[i]);
        dozan_buf_puts(&body, value);
    }
    dozan_buf_puts(&body, "}");
    assert_false(body.failed);
    measure(f, before);
    for (size_t i = 0; i < CALLS; i++) {
        char *reply = NULL;
        bool get = strcmp(calls[i].method, "GET") == 0;
        (void)snprintf(target, sizeof(target), API "%s", calls[i].path);
        int status = ask(f, calls[i].method, target, get ? NULL : body.data, &reply);
        if (status >= 500 || (status >= 400 && strstr(reply, "\"error_code\":\"") == NULL) ||
            (refused && !get && status < 400))
            fail_msg("%s %s with %.60s: %d %.300s", calls[i].method, target, value, status, reply);
        free(reply);
    }
    measure(f, after);
    if (refused)
        assert_string_equal(before, after);
    dozan_buf_fini(&body);
}

static void other_types(void **state)
{
    static const char *const values[] = {
        "{\"a\":1}", "{}", "[[]]", "[1]", "[null]", "true", "1.5", "-1e400", "\"\"",
    };
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
        send_all(*state, values[i], i < 2);
}

static void too_long(void **state)
{
    char *value = malloc(LONG + 3);
    assert_non_null(value);
    memset(value, 'x', LONG + 2);
    value[0] = value[LONG + 1] = '"';
    value[LONG + 2] = '\0';
    send_all(*state, value, true);
    free(value);
}

static void too_deep(void **state)
{
    char *value = malloc(2 * DEEP + 1);
    assert_non_null(value);
    memset(value, '[', DEEP);
    memset(value + DEEP, ']', DEEP);
    value[2 * DEEP] = '\0';
    send_all(*state, value, false);
    free(value);
}

static void hostile_texts(void **state)
{
    static const char *const values[] = {
        "\"../../../etc/passwd\"",
        "\"/etc/passwd\"",
        "\"a\\u0000b\"",
        "\"\xff\xfe\"",
        "\"'; DROP TABLE track_runs; --\"",
        "\"%s%n%s%n\"",
        "\"9223372036854775808\"",
        "\"p9223372036854775807\"",
        "\"models:/../..//\"",
        "\"\\ud800\"",
    };
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
        send_all(*state, values[i], false);
}

/* No fields at all, and bodies that are no objects. */
static void nothing(void **state)
{
    static const char *const bodies[] = {"", "{}", "[]", "null", "{\"a\"", "\"x\"", "{}{}", "\xff"};
    fixture *f = *state;
    char target[TARGET];
    for (size_t i = 0; i < CALLS; i++) {
        for (size_t k = 0; k < sizeof(bodies) / sizeof(bodies[0]); k++) {
            char *reply = NULL;
            (void)snprintf(target, sizeof(target), API "%s", calls[i].path);
            int status = ask(f, calls[i].method, target, bodies[k], &reply);
            if (status >= 500 || (status >= 400 && strstr(reply, "\"error_code\":\"") == NULL))
                fail_msg("%s %s with %s: %d %.300s", calls[i].method, target, bodies[k], status,
                         reply);
            free(reply);
        }
    }
}

/* The query in place of the body; each parameter once, twice, and empty. */
static void hostile_queries(void **state)
{
    static const char *const values[] = {"",    "x",  "..%2f..", "-1", "99999999999999999999",
                                         "%27", "%ff"};
    fixture *f = *state;
    for (size_t i = 0; i < CALLS; i++) {
        if (strcmp(calls[i].method, "GET") != 0)
            continue;
        for (size_t k = 0; k < sizeof(values) / sizeof(values[0]); k++) {
            char target[TARGET], *reply = NULL;
            int used = snprintf(target, sizeof(target), API "%s?", calls[i].path);
            for (size_t n = 0; n < NAMES && (size_t)used < sizeof(target) - 64; n++)
                used += snprintf(target + used, sizeof(target) - (size_t)used, "%s=%s&", names[n],
                                 values[k]);
            int status = ask(f, "GET", target, NULL, &reply);
            if (status >= 500 || (status >= 400 && strstr(reply, "\"error_code\":\"") == NULL))
                fail_msg("%s: %d %.300s", target, status, reply);
            free(reply);
        }
    }
}

static void batches_have_limits(void **state)
{
    static const struct {
        const char *list, *rest;
        int most;
    } cases[] = {
        {"metrics", "\"value\":1,\"timestamp\":1}", 1000},
        {"params", "\"value\":\"1\"}", 100},
        {"tags", "\"value\":\"1\"}", 100},
    };
    fixture *f = *state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (int over = 0; over < 2; over++) {
            dozan_buf body;
            dozan_buf_init(&body, (size_t)1 << 20);
            dozan_buf_printf(&body, "{\"run_id\":\"%s\",\"%s\":[", f->run, cases[i].list);
            for (int n = 0; n < cases[i].most + over; n++)
                dozan_buf_printf(&body, "%s{\"key\":\"k%d\",%s", n > 0 ? "," : "", n,
                                 cases[i].rest);
            dozan_buf_puts(&body, "]}");
            assert_false(body.failed);
            post(f, "runs/log-batch", over ? 400 : 200, over ? "can contain at most" : "{}",
                 body.data);
            dozan_buf_fini(&body);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(other_types, set_up, tear_down),
        cmocka_unit_test_setup_teardown(too_long, set_up, tear_down),
        cmocka_unit_test_setup_teardown(too_deep, set_up, tear_down),
        cmocka_unit_test_setup_teardown(hostile_texts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(hostile_queries, set_up, tear_down),
        cmocka_unit_test_setup_teardown(batches_have_limits, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
