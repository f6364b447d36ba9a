/*
 * MLflow's REST API as it is on the wire, without MLflow: each request goes through the table of
 * routes to its handler and a database of its own, and its answer is compared.
 */
#include "mlflow_talk.h"

static void runs_keep_what_is_logged(void **state)
{
    fixture *f = *state;
    post_run(f, "runs/log-parameter", 200, "{}", ",\"key\":\"lr\",\"value\":\"0.1\"");
    post_run(f, "runs/log-parameter", 200, "{}", ",\"key\":\"lr\",\"value\":\"0.1\"");
    post_run(f, "runs/log-parameter", 400, "Changing param values is not allowed",
             ",\"key\":\"lr\",\"value\":\"0.2\"");
    get_run(f, "{\"key\":\"lr\",\"value\":\"0.1\"}");
    post_run(f, "runs/set-tag", 200, "{}", ",\"key\":\"mlflow.runName\",\"value\":\"new\"");
    get_run(f, "\"run_name\":\"new\"");
    post_run(f, "runs/delete-tag", 404, "No tag with name: none", ",\"key\":\"none\"");
    post_run(f, "runs/delete", 200, "{}", "");
    post_run(f, "runs/log-parameter", 400, "must be in the 'active' state",
             ",\"key\":\"a\",\"value\":\"1\"");
    post_run(f, "runs/restore", 200, "{}", "");
    post_run(f, "runs/update", 200, "\"end_time\":7", ",\"status\":\"FINISHED\",\"end_time\":7");
}

static void points_count_once(void **state)
{
    fixture *f = *state;
    char *reply = NULL, target[TARGET];
    for (int i = 0; i < 2; i++)
        post_run(f, "runs/log-metric", 200, "{}",
                 ",\"key\":\"m\",\"value\":0.1,\"timestamp\":5,\"step\":2");
    post_run(f, "runs/log-metric", 200, "{}",
             ",\"key\":\"m\",\"value\":9,\"timestamp\":6,\"step\":1");
    get_run(f, "\"metrics\":[{\"key\":\"m\",\"value\":0.10000000000000001,\"timestamp\":5,\"step\":"
               "2}]");
    (void)snprintf(target, sizeof(target), API "metrics/get-history?run_id=%s&metric_key=m",
                   f->run);
    assert_int_equal(ask(f, "GET", target, NULL, &reply), 200);
    assert_string_equal(reply,
                        "{\"metrics\":[{\"key\":\"m\",\"value\":0.10000000000000001,\"timestamp\":"
                        "5,\"step\":2},{\"key\":\"m\",\"value\":9,\"timestamp\":6,\"step\":1}]}");
    free(reply);
    get_history(f, "metric_key=m&max_results=1", 200, "\"next_page_token\":\"p1\"");
    get_history(f, "metric_key=m&max_results=0", 400, "max_results");
    get_history(f, "metric_key=none", 200, "{}");
}

static void values_that_are_no_numbers(void **state)
{
    fixture *f = *state;
    post_run(f, "runs/log-batch", 200, "{}",
             ",\"metrics\":[{\"key\":\"n\",\"value\":\"NaN\",\"timestamp\":1},"
             "{\"key\":\"i\",\"value\":\"-Infinity\",\"timestamp\":1}]");
    get_run(f, "{\"key\":\"n\",\"value\":\"NaN\",");
    get_run(f, "{\"key\":\"i\",\"value\":-1.7976931348623157e+308,");
    post_run(f, "runs/log-batch", 400, "parameter 'metrics[0].timestamp'",
             ",\"params\":[{\"key\":\"p\",\"value\":\"1\"}],\"metrics\":[{\"key\":\"x\",\"value\":1"
             "}]");
    char *reply = NULL, target[TARGET];
    (void)snprintf(target, sizeof(target), API "runs/get?run_uuid=%s", f->run);
    assert_int_equal(ask(f, "GET", target, NULL, &reply), 200);
    assert_null(strstr(reply, "\"params\"")); /* of a batch that is refused nothing is written */
    free(reply);
}

static void bad_fields(void **state)
{
    fixture *f = *state;
    post(f, "experiments/create", 400, "Missing value for required parameter 'name'", "{}");
    post(f, "experiments/create", 400, "Missing value for required parameter 'name'", "no JSON");
    post(f, "experiments/create", 400, "Invalid value 123 for parameter 'name'", "{\"name\":123}");
    post(f, "experiments/create", 400, "Invalid value 9.0 for parameter 'artifact_location'",
         "{\"name\":\"x\",\"artifact_location\": 9.0}");
    post(f, "experiments/create", 400, "RESOURCE_ALREADY_EXISTS", "{\"name\":\"Default\"}");
    post_run(f, "runs/log-metric", 400, "Names may be treated as files",
             ",\"key\":\"../x\",\"value\":1,\"timestamp\":1");
    post_run(f, "runs/log-metric", 400, "Names may only contain",
             ",\"key\":\"a\\\\b\",\"value\":1,\"timestamp\":1");
    post(f, "traces", 501, "NOT_IMPLEMENTED", "{}");
}

static void searches(void **state)
{
    fixture *f = *state;
    static const struct {
        const char *filter;
        bool found;
    } cases[] = {
        {"metrics.loss < 1", true},
        {"metric.`loss` >= 1", false},
        {"metrics.loss < 1 AND params.lr = '0.1' and tags.t LIKE 'A%'", true},
        {"tags.t LIKE 'a%'", false},
        {"tags.t ILIKE 'a%'", true},
        {"params.none IS NULL", true},
        {"params.lr IS NOT NULL AND params.\"lr\" != '2'", true},
        {"tags.none != 'x'", false},
        {"attributes.status = 'RUNNING' and start_time >= 0", true},
        {"run_id NOT IN ('x', 'y')", true},
    };
    static const char *const bad[] = {
        "metrics.loss < 'x'", "loss < 1",     "params.lr IN ('1')", "metrics.loss < 1 OR 1 = 1",
        "tags.t = 'x",        "tags.t = 1",   "run_id IN (",        "metrics.loss < 1 AND",
        "metrics.loss",       "status > 'x'", "dataset.x = 'y'",    "x.y = 'z'; DROP TABLE t",
    };
    char body[BODY];
    post_run(f, "runs/log-batch", 200, "{}",
             ",\"metrics\":[{\"key\":\"loss\",\"value\":0.5,\"timestamp\":1}],"
             "\"params\":[{\"key\":\"lr\",\"value\":\"0.1\"}],"
             "\"tags\":[{\"key\":\"t\",\"value\":\"Abc\"}]");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cJSON *text = cJSON_CreateString(cases[i].filter);
        char *quoted = cJSON_PrintUnformatted(text);
        (void)snprintf(body, sizeof(body), "{\"experiment_ids\":[\"0\"],\"filter\":%s}", quoted);
        post(f, "runs/search", 200, cases[i].found ? f->run : "{}", body);
        cJSON_free(quoted);
        cJSON_Delete(text);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        (void)snprintf(body, sizeof(body), "{\"experiment_ids\":[\"0\"],\"filter\":\"%s\"}",
                       bad[i]);
        post(f, "runs/search", 400, "INVALID_PARAMETER_VALUE", body);
    }
    post(f, "runs/search", 200, "\"next_page_token\":\"p1\"",
         (post(f, "runs/create", 200, "run_id", "{\"experiment_id\":\"0\"}"),
          "{\"experiment_ids\":[\"0\"],\"max_results\":1,\"order_by\":[\"metrics.loss ASC\"]}"));
}

static void artifacts_stay_inside(void **state)
{
    fixture *f = *state;
    static const char *const bad[] = {"/../x",     "/a/../x", "/%2e%2e/x", "/a/%2e%2e/x",
                                      "/%2fetc/x", "/a//b",   "/.",        "/a/%5cb"};
    char target[TARGET], link[128];
    expect(f, "PUT", FILES "/0/r/a.txt", "hello", 200, "{}");
    expect(f, "PUT", FILES "/0/r/a.txt", "again", 200, "{}");
    expect(f, "GET", FILES "/0/r/a.txt", NULL, 200, "again");
    expect(f, "GET", FILES "?path=0/r", NULL, 200,
           "{\"files\":[{\"path\":\"a.txt\",\"is_dir\":false,\"file_size\":5}]}");
    expect(f, "GET", FILES "?path=0/none", NULL, 200, "{\"files\":[]}");
    expect(f, "GET", FILES "/0/none", NULL, 404, "RESOURCE_DOES_NOT_EXIST");
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        (void)snprintf(target, sizeof(target), FILES "%s", bad[i]);
        expect(f, "PUT", target, "x", 400, "Invalid path");
    }
    (void)snprintf(link, sizeof(link), "%s/out", f->artifacts);
    assert_int_equal(symlink("/etc", link), 0);
    expect(f, "GET", FILES "/out/hostname", NULL, 400, "Invalid path");
    expect(f, "PUT", FILES "/out/dozan-must-not-be", "x", 400, "Invalid path");
    expect(f, "DELETE", FILES "/0", NULL, 200, "{}");
    expect(f, "GET", FILES "/0/r/a.txt", NULL, 404, "RESOURCE_DOES_NOT_EXIST");
}

static void versions_are_staged_and_named(void **state)
{
    fixture *f = *state;
    post(f, "registered-models/create", 200, "\"name\":\"m\"", "{\"name\":\"m\"}");
    post(f, "registered-models/create", 400, "RESOURCE_ALREADY_EXISTS", "{\"name\":\"m\"}");
    for (int i = 0; i < 2; i++)
        post(f, "model-versions/create", 200, "\"status\":\"READY\"",
             "{\"name\":\"m\",\"source\":\"runs:/x/model\"}");
    post(f, "model-versions/transition-stage", 200, "Production",
         "{\"name\":\"m\",\"version\":\"1\",\"stage\":\"production\","
         "\"archive_existing_versions\":true}");
    post(f, "model-versions/transition-stage", 200, "Production",
         "{\"name\":\"m\",\"version\":\"2\",\"stage\":\"Production\","
         "\"archive_existing_versions\":true}");
    expect(f, "GET", API "model-versions/get?name=m&version=1", NULL, 200, "Archived");
    post(f, "registered-models/alias", 200, "{}",
         "{\"name\":\"m\",\"alias\":\"champion\",\"version\":\"2\"}");
    expect(f, "GET", API "registered-models/alias?name=m&alias=champion", NULL, 200,
           "\"version\":\"2\"");
    expect(f, "DELETE", API "model-versions/delete", "{\"name\":\"m\",\"version\":\"2\"}", 200,
           "{}");
    post(f, "model-versions/create", 200, "\"version\":\"3\"",
         "{\"name\":\"m\",\"source\":\"runs:/x/n\"}");
    expect(f, "GET", API "model-versions/get?name=m&version=x", NULL, 400, "must be an integer");
    expect(f, "GET", API "registered-models/search?filter=name%20LIKE%20%27m%25%27", NULL, 200,
           "\"name\":\"m\"");
}

static void whole_numbers_are_exact(void **state)
{
    fixture *f = *state;
    post_run(
        f, "runs/log-metric", 200, "{}",
        ",\"key\":\"m\",\"value\":1,\"timestamp\":9007199254740993,\"step\":-9223372036854775807");
    get_run(f, "\"timestamp\":9007199254740993,\"step\":-9223372036854775807}");
    post_run(f, "runs/log-metric", 400,
             "Invalid value 9223372036854775808 for parameter 'timestamp'",
             ",\"key\":\"m\",\"value\":1,\"timestamp\":9223372036854775808");
    post_run(
        f, "runs/log-batch", 200, "{}",
        ",\"x\":\"a\\\"1\",\"metrics\":[{\"key\":\"b\",\"value\":12345678901234567,\"timestamp\":"
        "\"9007199254740995\"},{\"key\":\"c\",\"value\":1,\"timestamp\":9007199254740997}]");
    get_run(f, "\"timestamp\":9007199254740995,");
    get_run(f, "\"timestamp\":9007199254740997,");
}

static void artifacts_of_a_run(void **state)
{
    fixture *f = *state;
    char target[TARGET];
    (void)snprintf(target, sizeof(target),
                   "/ajax-api/2.0/mlflow/upload-artifact?run_uuid=%s&path=d/a.json", f->run);
    expect(f, "POST", target, "hello", 200, "{}");
    expect(f, "POST", target, "", 400, "Request must specify data.");
    expect(f, "POST", "/ajax-api/2.0/mlflow/upload-artifact", "x", 400, "specify run_uuid.");
    (void)snprintf(target, sizeof(target), "/get-artifact?run_id=%s&path=d/a.json", f->run);
    expect(f, "GET", target, NULL, 200, "hello");
    (void)snprintf(target, sizeof(target), "//get-artifact?run_id=%s&path=../x", f->run);
    expect(f, "GET", target, NULL, 400, "Invalid path");
    (void)snprintf(target, sizeof(target), API "artifacts/list?run_id=%s&path=d", f->run);
    expect(f, "GET", target, NULL, 200,
           "{\"files\":[{\"path\":\"d/a.json\",\"is_dir\":false,\"file_size\":5}],\"root_uri\":"
           "\"mlflow-artifacts:/0/");
    expect(f, "GET", API "artifacts/list?run_id=none", NULL, 404, "RESOURCE_DOES_NOT_EXIST");
}

static void sources_stay_inside(void **state)
{
    fixture *f = *state;
    static const char *const bad[] = {
        "/etc",
        "file:///etc",
        "etc",
        "mlflow-artifacts:/a/../../x",
        "s3://b/%2e%2e/x",
        "mlflow-artifacts:/a/%252e%252e/x",
        "http://h/a%00",
    };
    char body[BODY];
    post(f, "registered-models/create", 200, "\"name\":\"m\"", "{\"name\":\"m\"}");
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        (void)snprintf(body, sizeof(body), "{\"name\":\"m\",\"source\":\"%s\"}", bad[i]);
        post(f, "model-versions/create", 400, "Invalid model version source", body);
    }
    post(f, "model-versions/create", 200, "\"version\":\"1\"",
         "{\"name\":\"m\",\"source\":\"mlflow-artifacts:/models/..../x\"}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(runs_keep_what_is_logged, set_up, tear_down),
        cmocka_unit_test_setup_teardown(points_count_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(values_that_are_no_numbers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bad_fields, set_up, tear_down),
        cmocka_unit_test_setup_teardown(searches, set_up, tear_down),
        cmocka_unit_test_setup_teardown(artifacts_stay_inside, set_up, tear_down),
        cmocka_unit_test_setup_teardown(whole_numbers_are_exact, set_up, tear_down),
        cmocka_unit_test_setup_teardown(artifacts_of_a_run, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sources_stay_inside, set_up, tear_down),
        cmocka_unit_test_setup_teardown(versions_are_staged_and_named, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
