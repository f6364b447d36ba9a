/*
 * A trial is a run: what the service does with an experiment is there for MLflow's client at once,
 * and what is logged in a trial's run is what its experiment collects. A real service and database.
 */
#include "mlflow/equip.h"
#include "mlflow/mlflow.h"
#include "store/track_wins.h"
#include "support_service.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#define API "/api/2.0/mlflow/"
#define FILES "/api/2.0/mlflow-artifacts/artifacts/"
#define ONE "  parallelTrialCount: 1\n  maxTrialCount: 1\n"
#define LOGGED ONE "  metricsCollectorSpec: {collector: {kind: MLflow}}\n"

enum { TARGET = 512, BODY = 1024, LIMIT_MS = 60000, POLL_MS = 5 };

typedef struct fixture {
    service_kit *kit;
    dz_equip *equip;
    dz_key key;
    dz_mlflow *mlflow;
    dz_http_route_set set;
    const char *token; /* what requests come with; NULL = none */
} fixture;

typedef struct talk {
    dz_http_request request;
    int status;
    char *body;
} talk;

static void keep(dz_http_request *request, dz_http_answer *answer)
{
    talk *own = (talk *)(void *)request;
    own->status = answer->status != 0 ? answer->status : 200;
    own->body = strndup(answer->body, answer->size);
    if (!answer->borrowed)
        free(answer->body);
}

/* The status; *reply is the caller's. */
static int ask(fixture *f, const char *method, const char *target, const char *body, char **reply)
{
    talk own = {.status = 0};
    dozan_error err = {0};
    const dz_http_route *route = NULL;
    void *context = NULL;
    char bearer[256];
    assert_int_equal(dz_http_request_init(&own.request, method, target, &err), DOZAN_OK);
    own.request.deliver = keep;
    own.request.body = body != NULL ? body : "";
    own.request.body_size = strlen(own.request.body);
    own.request.headers[own.request.header_count++] =
        (dz_http_pair){"Content-Type", "application/json"};
    if (f->token != NULL) {
        (void)snprintf(bearer, sizeof(bearer), "Bearer %s", f->token);
        own.request.headers[own.request.header_count++] = (dz_http_pair){"Authorization", bearer};
    }
    assert_int_equal(dz_http_find(&f->set, 1, &own.request, &route, &context, &err), DOZAN_OK);
    if (f->token != NULL &&
        dz_mlflow_authorize(f->mlflow, &own.request, route->role, &err) != DOZAN_OK)
        own.status = err.code == DOZAN_UNAUTHENTICATED ? 401 : 403;
    else
        route->handler(context, &own.request);
    dz_http_request_fini(&own.request);
    *reply = own.body != NULL ? own.body : strdup("");
    return own.status;
}

static void expect(fixture *f, const char *method, const char *target, const char *body, int status,
                   const char *part)
{
    char *reply = NULL;
    int got = ask(f, method, target, body, &reply);
    if (got != status || strstr(reply, part) == NULL)
        fail_msg("%s %s %s: %d %s; wanted %d with %s", method, target, body != NULL ? body : "",
                 got, reply, status, part);
    free(reply);
}

static void post(fixture *f, const char *call, int status, const char *part, const char *format,
                 const char *run)
{
    char target[TARGET], body[2 * BODY];
    (void)snprintf(target, sizeof(target), API "%s", call);
    (void)snprintf(body, sizeof(body), "{\"run_id\":\"%s\"%s}", run, format);
    expect(f, "POST", target, body, status, part);
}

static void get_run(fixture *f, const char *run, const char *part)
{
    char target[TARGET];
    (void)snprintf(target, sizeof(target), API "runs/get?run_id=%s", run);
    expect(f, "GET", target, NULL, 200, part);
}

static void open_mlflow(fixture *f)
{
    char artifacts[256];
    dozan_error err = {0};
    (void)snprintf(artifacts, sizeof(artifacts), "%s/artifacts", f->kit->folder);
    dz_mlflow_config config = {.db_path = f->kit->path,
                               .artifacts = artifacts,
                               .durability = DZ_DURABILITY_OFF,
                               .workers = 1,
                               .report = dz_service_report,
                               .service = f->kit->service,
                               .key = &f->key};
    assert_int_equal(dz_mlflow_create(&config, &f->mlflow, &err), DOZAN_OK);
    f->set = dz_mlflow_routes(f->mlflow);
}

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof(*f));
    dozan_error err = {0};
    char key[256];
    assert_non_null(f);
    f->kit = service_kit_prepare();
    (void)snprintf(key, sizeof(key), "%s/key", f->kit->folder);
    assert_int_equal(dz_key_open(key, &f->key, &err), DOZAN_OK);
    assert_int_equal(dz_equip_create(f->kit->path, NULL, &f->key, &f->equip, &err), DOZAN_OK);
    f->kit->config.equip = dz_equip_trial;
    f->kit->config.equip_user = f->equip;
    service_kit_start(f->kit);
    dz_equip_tell(f->equip, "http://0.0.0.0:9");
    open_mlflow(f);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    dz_mlflow_destroy(f->mlflow);
    service_kit_stop(f->kit);
    dz_equip_destroy(f->equip);
    service_kit_destroy(f->kit);
    free(f);
    return 0;
}

static void submit(fixture *f, const char *name, const char *extra, const char *command)
{
    char *document = service_document(name, extra, command);
    (void)service_submit(f->kit, NULL, document);
    free(document);
}

static void run_of(fixture *f, const char *name, int64_t trial, char run[DZ_RUN_ID])
{
    dz_experiment *experiment = service_load(f->kit, "default", name);
    dz_track_run_id(experiment->uid, trial, run);
    dz_experiment_destroy(experiment);
}

/* ---- the tests ---- */

static void trials_are_runs(void **state)
{
    fixture *f = *state;
    char parent[DZ_RUN_ID], run[DZ_RUN_ID], body[BODY];
    submit(f, "bowl", "  parallelTrialCount: 2\n  maxTrialCount: 3\n",
           "echo accuracy=0.25; echo accuracy=0.5");
    service_wait(f->kit, "default", "bowl", service_succeeded);
    run_of(f, "bowl", 0, parent);
    run_of(f, "bowl", 2, run);
    expect(f, "GET", API "experiments/get-by-name?experiment_name=bowl", NULL, 200,
           "\"experiment_id\":\"1\"");
    get_run(f, parent, "\"status\":\"FINISHED\"");
    get_run(f, parent, "{\"key\":\"accuracy\",\"value\":0.5,");
    get_run(f, parent, "{\"key\":\"dozan.experiment\",\"value\":\"default/bowl\"}");
    get_run(f, parent, "{\"key\":\"algorithm\",\"value\":\"random\"}");
    get_run(f, run, "\"status\":\"FINISHED\"");
    get_run(f, run, "\"end_time\":");
    get_run(f, run, "{\"key\":\"lr\",\"value\":\"0.");
    get_run(f, run, "{\"key\":\"dozan.trial\",\"value\":\"2\"}");
    (void)snprintf(body, sizeof(body), API "metrics/get-history?metric_key=accuracy&run_id=%s",
                   run);
    expect(f, "GET", body, NULL, 200, "\"step\":1},{\"key\":\"accuracy\",\"value\":0.5,");
    (void)snprintf(body, sizeof(body),
                   "{\"experiment_ids\":[\"1\"],\"max_results\":1,\"order_by\":[\"tags.dozan.trial "
                   "DESC\"],\"filter\":\"status = 'FINISHED' and metrics.accuracy = 0.5 and "
                   "tags.`mlflow.parentRunId` = '%s'\"}",
                   parent);
    run_of(f, "bowl", 3, run);
    expect(f, "POST", API "runs/search", body, 200, run);
}

/* A run's status is its trial's, whatever a client says of it. */
static void a_client_does_not_end_a_trial(void **state)
{
    fixture *f = *state;
    char run[DZ_RUN_ID];
    submit(f, "slow", ONE, f->kit->until_go);
    service_wait(f->kit, "default", "slow", service_runs_one);
    run_of(f, "slow", 1, run);
    post(f, "runs/update", 200, "\"status\":\"RUNNING\"", ",\"status\":\"FINISHED\",\"end_time\":7",
         run);
    get_run(f, run, "\"status\":\"RUNNING\"");
    service_go(f->kit);
    service_wait(f->kit, "default", "slow", service_succeeded);
    get_run(f, run, "\"status\":\"FINISHED\"");
    post(f, "runs/update", 200, "\"status\":\"FINISHED\"", ",\"status\":\"RUNNING\"", run);
}

static void what_is_logged_is_collected(void **state)
{
    fixture *f = *state;
    char run[DZ_RUN_ID], target[TARGET], *reply = NULL;
    static const char point[] =
        ",\"metrics\":[{\"key\":\"accuracy\",\"value\":0.75,\"timestamp\":1000,\"step\":3},"
        "{\"key\":\"other\",\"value\":1,\"timestamp\":1000}]";
    submit(f, "logged", LOGGED, f->kit->until_go);
    service_wait(f->kit, "default", "logged", service_runs_one);
    run_of(f, "logged", 1, run);
    for (int i = 0; i < 2; i++) /* sent twice, it counts once */
        post(f, "runs/log-batch", 200, "{}", point, run);
    dz_experiment *experiment = service_load(f->kit, "default", "logged");
    assert_int_equal(experiment->active_count, 1);
    assert_int_equal(experiment->active[0]->observations[0].count, 1);
    assert_string_equal(experiment->active[0]->observations[0].latest_text, "0.75");
    dz_experiment_destroy(experiment);
    service_go(f->kit);
    service_wait(f->kit, "default", "logged", service_succeeded);
    (void)snprintf(target, sizeof(target), API "metrics/get-history?metric_key=accuracy&run_id=%s",
                   run);
    assert_int_equal(ask(f, "GET", target, NULL, &reply), 200);
    assert_string_equal(
        reply,
        "{\"metrics\":[{\"key\":\"accuracy\",\"value\":0.75,\"timestamp\":1000,\"step\":3}]}");
    free(reply);
    experiment = service_load(f->kit, "default", "logged");
    assert_true(experiment->best.trial == 1 && experiment->best.value > 0.7);
    dz_experiment_destroy(experiment);
    /* later, it is only logged */
    post(f, "runs/log-metric", 200, "{}",
         ",\"key\":\"accuracy\",\"value\":0.9,\"timestamp\":2000,\"step\":4", run);
}

static void a_program_is_told_where_to_log(void **state)
{
    fixture *f = *state;
    char command[BODY], path[TARGET], right[BODY], text[BODY] = "", token[DZ_RUN_TOKEN];
    char run[DZ_RUN_ID];
    (void)snprintf(path, sizeof(path), "%s/told", f->kit->folder);
    (void)snprintf(command, sizeof(command),
                   "echo $MLFLOW_TRACKING_URI $MLFLOW_EXPERIMENT_ID $MLFLOW_RUN_ID "
                   "$MLFLOW_TRACKING_TOKEN >%s; echo accuracy=1",
                   path);
    submit(f, "told", ONE, command);
    service_wait(f->kit, "default", "told", service_succeeded);
    run_of(f, "told", 1, run);
    dz_key_token(&f->key, run, token);
    (void)snprintf(right, sizeof(right), "http://127.0.0.1:9 1 %s %s\n", run, token);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_non_null(fgets(text, sizeof(text), file));
    (void)fclose(file);
    assert_string_equal(text, right);
}

/* A start takes up what runs before it has an address, and does not wait for one. */
static void a_restart_needs_no_address(void **state)
{
    fixture *f = *state;
    dozan_error err = {0};
    submit(f, "restarted", ONE, f->kit->until_go);
    service_wait(f->kit, "default", "restarted", service_runs_one);
    dz_mlflow_destroy(f->mlflow);
    service_kit_stop(f->kit);
    dz_equip_destroy(f->equip);
    assert_int_equal(dz_equip_create(f->kit->path, NULL, &f->key, &f->equip, &err), DOZAN_OK);
    f->kit->config.equip_user = f->equip;
    service_kit_start(f->kit);
    dz_equip_tell(f->equip, "http://127.0.0.1:9");
    open_mlflow(f);
    service_go(f->kit);
    service_wait(f->kit, "default", "restarted", service_succeeded);
}

/* A run's token is for it, what is below it, and its models; and only while its trial lives. */
static void a_token_is_for_its_run(void **state)
{
    fixture *f = *state;
    char run[DZ_RUN_ID], parent[DZ_RUN_ID], token[DZ_RUN_TOKEN], body[BODY], target[TARGET];
    char *reply = NULL;
    static const char tag[] = ",\"key\":\"t\",\"value\":\"1\"";
    submit(f, "guarded", ONE, f->kit->until_go);
    service_wait(f->kit, "default", "guarded", service_runs_one);
    run_of(f, "guarded", 0, parent);
    run_of(f, "guarded", 1, run);
    dz_key_token(&f->key, run, token);
    f->token = token;
    post(f, "runs/set-tag", 200, "{}", tag, run);
    post(f, "runs/set-tag", 403, "PERMISSION_DENIED", tag, parent);
    post(f, "runs/set-tag", 403, "PERMISSION_DENIED",
         ",\"key\":\"mlflow.parentRunId\",\"value\":\"x\"", run);
    post(f, "runs/delete", 403, "PERMISSION_DENIED", "", run);
    get_run(f, parent, "RUNNING");
    expect(f, "POST", API "registered-models/create", "{\"name\":\"m\"}", 403, "PERMISSION");
    expect(f, "POST", API "runs/create", "{\"experiment_id\":\"1\"}", 403, "PERMISSION");
    (void)snprintf(body, sizeof(body),
                   "{\"experiment_id\":\"1\",\"tags\":[{\"key\":\"mlflow.parentRunId\","
                   "\"value\":\"%s\"}]}",
                   run);
    assert_int_equal(ask(f, "POST", API "runs/create", body, &reply), 200);
    char child[DZ_RUN_ID] = "";
    (void)snprintf(child, sizeof(child), "%.32s",
                   strstr(reply, "\"run_id\":\"") + strlen("\"run_id\":\""));
    free(reply);
    post(f, "runs/set-tag", 200, "{}", tag, child);
    (void)snprintf(body, sizeof(body),
                   "{\"experiment_id\":\"1\",\"name\":\"m\",\"source_run_id\":\"%s\"}", child);
    assert_int_equal(ask(f, "POST", API "logged-models", body, &reply), 200);
    char model[DZ_RUN_ID] = "";
    (void)snprintf(model, sizeof(model), "%.34s", strstr(reply, "\"m-") + 1);
    free(reply);
    (void)snprintf(target, sizeof(target), FILES "1/models/%s/artifacts/MLmodel", model);
    expect(f, "PUT", target, "x", 200, "{}");
    (void)snprintf(target, sizeof(target), FILES "1/models/m-other/artifacts/MLmodel");
    expect(f, "PUT", target, "x", 403, "PERMISSION");
    (void)snprintf(target, sizeof(target), FILES "1/%s/artifacts/a", run);
    expect(f, "PUT", target, "x", 200, "{}");
    (void)snprintf(target, sizeof(target), FILES "1/%s/artifacts/a", parent);
    expect(f, "PUT", target, "x", 403, "PERMISSION");
    expect(f, "PUT", FILES "2/a", "x", 403, "PERMISSION");
    token[60] = token[60] == '0' ? '1' : '0';
    post(f, "runs/set-tag", 401, "", tag, run);
    token[60] = token[60] == '0' ? '1' : '0';
    dz_key_token(&f->key, run, token);
    service_go(f->kit);
    service_wait(f->kit, "default", "guarded", service_succeeded);
    post(f, "runs/set-tag", 403, "has ended", tag, run);
    f->token = NULL;
}

/* From the experiment to the alias, by a model and by a plain artifact, and in ML Metadata's terms.
 */
static void lineage_is_told(void **state)
{
    fixture *f = *state;
    char run[DZ_RUN_ID], body[BODY], model[DZ_RUN_ID], *reply = NULL;
    static const char lineage[] = "/api/v1alpha1/namespaces/default/experiments/bowl/lineage";
    submit(f, "bowl", ONE, "echo accuracy=0.5");
    service_wait(f->kit, "default", "bowl", service_succeeded);
    run_of(f, "bowl", 1, run);
    post(f, "runs/log-inputs", 200, "{}",
         ",\"datasets\":[{\"dataset\":{\"name\":\"digits\",\"digest\":\"d1\",\"source_type\":"
         "\"local\","
         "\"source\":\"s\"},\"tags\":[{\"key\":\"mlflow.data.context\",\"value\":\"train\"}]}]",
         run);
    (void)snprintf(body, sizeof(body),
                   "{\"experiment_id\":\"1\",\"name\":\"net\",\"source_run_id\":\"%s\"}", run);
    assert_int_equal(ask(f, "POST", API "logged-models", body, &reply), 200);
    (void)snprintf(model, sizeof(model), "%.34s", strstr(reply, "\"m-") + 1);
    free(reply);
    expect(f, "POST", API "registered-models/create", "{\"name\":\"m\"}", 200, "m");
    (void)snprintf(
        body, sizeof(body),
        "{\"name\":\"m\",\"source\":\"models:/%s\",\"model_id\":\"%s\",\"run_id\":\"%s\"}", model,
        model, run);
    expect(f, "POST", API "model-versions/create", body, 200, "READY");
    expect(f, "POST", API "registered-models/alias",
           "{\"name\":\"m\",\"alias\":\"champion\",\"version\":\"1\"}", 200, "{}");
    (void)snprintf(body, sizeof(body),
                   "{\"name\":\"m\",\"source\":\"s3://plain\",\"run_id\":\"%s\"}", run);
    expect(f, "POST", API "model-versions/create", body, 200, "READY");
    expect(f, "GET", lineage, NULL, 200, "\"context\":\"train\"");
    (void)snprintf(body, sizeof(body), "\"modelId\":\"%s\"", model);
    expect(f, "GET", lineage, NULL, 200, body);
    expect(f, "GET", lineage, NULL, 200, "{\"name\":\"m\",\"version\":\"1\",\"stage\":\"None\"");
    expect(f, "GET", lineage, NULL, 200, "\"aliases\":[\"champion\"]");
    expect(f, "GET", lineage, NULL, 200, "\"source\":\"s3://plain\",\"aliases\":[]");
    (void)snprintf(body, sizeof(body), "%s?format=mlmd", lineage);
    assert_int_equal(ask(f, "GET", body, NULL, &reply), 200);
    cJSON *tree = cJSON_Parse(reply);
    /* a dataset, a model, a plain artifact, two versions; two runs, two registrations */
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(tree, "artifacts")), 5);
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(tree, "executions")), 4);
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(tree, "events")), 7);
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(tree, "contexts")), 1);
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(tree, "attributions")), 5);
    cJSON_Delete(tree);
    free(reply);
    expect(f, "GET", "/api/v1alpha1/namespaces/other/experiments/bowl/lineage", NULL, 404,
           "there is no experiment");
}

#define REGISTER                                                                                   \
    LOGGED "  onSuccess: {register: {model: net, alias: champion, stage: Production, ifBetter: "   \
           "{}}}\n"

/* An experiment whose one trial logs this accuracy, and a model where there is `model`. */
static void run_with_model(fixture *f, const char *name, const char *accuracy, bool model)
{
    char run[DZ_RUN_ID], body[BODY], *reply = NULL;
    (void)unlink(f->kit->go);
    submit(f, name, REGISTER, f->kit->until_go);
    service_wait(f->kit, "default", name, service_runs_one);
    run_of(f, name, 1, run);
    (void)snprintf(body, sizeof(body), ",\"key\":\"accuracy\",\"value\":%s,\"timestamp\":1",
                   accuracy);
    post(f, "runs/log-metric", 200, "{}", body, run);
    if (model) {
        (void)snprintf(body, sizeof(body),
                       "{\"experiment_id\":\"1\",\"name\":\"net\",\"source_run_id\":\"%s\"}", run);
        assert_int_equal(ask(f, "POST", API "logged-models", body, &reply), 200);
        (void)snprintf(body, sizeof(body), API "logged-models/%.34s", strstr(reply, "\"m-") + 1);
        free(reply);
        expect(f, "PATCH", body, "{\"status\":\"LOGGED_MODEL_READY\"}", 200, "READY");
    }
    service_go(f->kit);
    service_wait(f->kit, "default", name, service_succeeded);
}

/* Waits until it is said of the experiment what became of its model. */
static void wait_for_register(fixture *f, const char *name, const char *part)
{
    char run[DZ_RUN_ID], target[TARGET], *reply = NULL;
    run_of(f, name, 0, run);
    (void)snprintf(target, sizeof(target), API "runs/get?run_id=%s", run);
    for (int waited = 0; waited < LIMIT_MS; waited += POLL_MS) {
        (void)ask(f, "GET", target, NULL, &reply);
        const char *said = strstr(reply, "dozan.register");
        bool right = said != NULL && strstr(said, part) != NULL;
        if (said != NULL && !right)
            fail_msg("%s: %s; wanted %s", name, said, part);
        free(reply);
        if (said != NULL)
            return;
        (void)poll(NULL, 0, POLL_MS);
    }
    fail_msg("%s: nothing is said of its model", name);
}

static void the_best_model_is_registered(void **state)
{
    fixture *f = *state;
    static const char versions[] = API "model-versions/search?filter=name%3D%27net%27";
    run_with_model(f, "first", "0.8", true);
    wait_for_register(f, "first", "registered as models:/net/1\"");
    expect(f, "GET", API "registered-models/alias?name=net&alias=champion", NULL, 200,
           "\"version\":\"1\"");
    expect(f, "GET", versions, NULL, 200, "{\"key\":\"dozan.metric.accuracy\",\"value\":\"0.8");
    expect(f, "GET", versions, NULL, 200,
           "{\"key\":\"dozan.experiment\",\"value\":\"default/first\"}");
    run_with_model(f, "worse", "0.7", true);
    wait_for_register(f, "worse", "0.7 is not better than the present one's 0.8");
    expect(f, "GET", API "registered-models/alias?name=net&alias=champion", NULL, 200,
           "\"version\":\"1\"");
    run_with_model(f, "better", "0.9", true);
    wait_for_register(f, "better", "registered as models:/net/3\"");
    expect(f, "GET", API "registered-models/alias?name=net&alias=champion", NULL, 200,
           "\"version\":\"3\"");
    expect(f, "GET", API "model-versions/get?name=net&version=3", NULL, 200, "Production");
    expect(f, "GET", API "model-versions/get?name=net&version=1", NULL, 200, "Archived");
    run_with_model(f, "none", "0.95", false);
    wait_for_register(f, "none", "has logged no model");
}

/* The same with the tracking alone, without the thread that registers. */
static void call(dz_track *track, dz_track_call *made, const char *arguments, char *answer)
{
    dozan_error err = {0};
    dz_json out;
    cJSON *tree = cJSON_Parse(arguments);
    dozan_buf_init(&out.buf, BODY);
    assert_non_null(tree);
    assert_int_equal(dz_track_begin(track, &err), DOZAN_OK);
    assert_int_equal(dz_track_end(track, made(track, tree, &out, &err), &err), DOZAN_OK);
    if (answer != NULL)
        (void)snprintf(answer, BODY, "%.*s", (int)out.buf.size, out.buf.data);
    cJSON_Delete(tree);
    dozan_buf_fini(&out.buf);
}

static void run_without_registrar(fixture *f)
{
    char run[DZ_RUN_ID], body[BODY], answer[BODY];
    dozan_error err = {0};
    dz_track *track = NULL;
    dz_reported reported;
    submit(f, "once", REGISTER, f->kit->until_go);
    service_wait(f->kit, "default", "once", service_runs_one);
    run_of(f, "once", 1, run);
    assert_int_equal(
        dz_track_open(f->kit->path, DZ_STORE_WRITE, DZ_DURABILITY_NORMAL, &track, &err), DOZAN_OK);
    (void)snprintf(body, sizeof(body), "{\"experiment_id\":\"1\",\"source_run_id\":\"%s\"}", run);
    call(track, dz_track_model_create, body, answer);
    (void)snprintf(body, sizeof(body), "{\"model_id\":\"%.34s\",\"status\":\"LOGGED_MODEL_READY\"}",
                   strstr(answer, "\"m-") + 1);
    call(track, dz_track_model_finalize, body, NULL);
    dz_track_close(track);
    dz_experiment *experiment = service_load(f->kit, "default", "once");
    const dz_point_in point = {"accuracy", "0.5", 0};
    assert_int_equal(dz_service_report(f->kit->service, "default", experiment->active[0]->name,
                                       NULL, &point, 1, &reported, &err),
                     DOZAN_OK);
    dz_experiment_destroy(experiment);
    service_go(f->kit);
    service_wait(f->kit, "default", "once", service_succeeded);
}

/* In a child that ends without a word before the commit, or right behind it. */
static void register_and_die(fixture *f, int64_t experiment, bool commits)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        dz_track *track = NULL;
        dozan_error err = {0};
        dz_json out;
        cJSON *arguments = cJSON_CreateObject();
        (void)cJSON_AddNumberToObject(arguments, "experiment", (double)experiment);
        dozan_buf_init(&out.buf, BODY);
        bool good = dz_track_open(f->kit->path, DZ_STORE_WRITE, DZ_DURABILITY_FULL, &track, &err) ==
                        DOZAN_OK &&
                    dz_track_begin(track, &err) == DOZAN_OK &&
                    dz_track_register_best(track, arguments, &out, &err) == DOZAN_OK &&
                    (!commits || dz_track_end(track, DOZAN_OK, &err) == DOZAN_OK);
        (void)kill(getpid(), good ? SIGKILL : SIGTERM);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGKILL);
}

/* Killed before the commit, nothing has happened, and it is still to be done; killed behind it, all
 * has. */
static void a_model_is_registered_once(void **state)
{
    fixture *f = *state;
    dozan_error err = {0};
    dz_track *track = NULL;
    int64_t experiment = 0, again = 0;
    char *reply = NULL;
    dz_mlflow_destroy(f->mlflow); /* and its thread: nobody else registers */
    run_without_registrar(f);
    service_kit_stop(f->kit); /* a process that forks has one thread */
    assert_int_equal(dz_track_open(f->kit->path, DZ_STORE_READ, DZ_DURABILITY_NORMAL, &track, &err),
                     DOZAN_OK);
    assert_int_equal(dz_track_next_win(track, &experiment, &err), DOZAN_OK);
    assert_true(experiment > 0);
    register_and_die(f, experiment, false);
    assert_int_equal(dz_track_next_win(track, &again, &err), DOZAN_OK);
    assert_int_equal(again, experiment);
    register_and_die(f, experiment, true);
    assert_int_equal(dz_track_next_win(track, &again, &err), DOZAN_OK);
    assert_int_equal(again, 0);
    dz_track_close(track);
    open_mlflow(f); /* which finds nothing to do */
    expect(f, "GET", API "registered-models/alias?name=net&alias=champion", NULL, 200,
           "\"version\":\"1\"");
    assert_int_equal(ask(f, "GET", API "model-versions/search", NULL, &reply), 200);
    assert_non_null(strstr(reply, "\"version\":\"1\""));
    assert_null(strstr(reply, "\"version\":\"2\""));
    free(reply);
}

/* With an experiment its runs go, but for one that a model comes from. */
static void a_deletion_leaves_where_models_come_from(void **state)
{
    fixture *f = *state;
    char body[BODY], kept[DZ_RUN_ID], gone[DZ_RUN_ID], target[TARGET], *reply = NULL;
    dozan_error err = {0};
    submit(f, "bowl", "  parallelTrialCount: 1\n  maxTrialCount: 2\n", "echo accuracy=0.5");
    service_wait(f->kit, "default", "bowl", service_succeeded);
    run_of(f, "bowl", 1, gone);
    run_of(f, "bowl", 2, kept);
    expect(f, "POST", API "registered-models/create", "{\"name\":\"m\"}", 200, "m");
    (void)snprintf(body, sizeof(body), "{\"name\":\"m\",\"source\":\"s3://s\",\"run_id\":\"%s\"}",
                   kept);
    expect(f, "POST", API "model-versions/create", body, 200, "READY");
    assert_int_equal(dz_service_delete(f->kit->service, "default", "bowl", NULL, NULL, &err),
                     DOZAN_OK);
    get_run(f, kept, "\"lifecycle_stage\":\"deleted\"");
    get_run(f, kept, "\"key\":\"lr\"");
    (void)snprintf(target, sizeof(target), API "runs/get?run_id=%s", gone);
    expect(f, "GET", target, NULL, 404, "not found");
    expect(f, "GET", API "experiments/get?experiment_id=1", NULL, 200,
           "\"lifecycle_stage\":\"deleted\"");
    submit(f, "bowl", ONE, "echo accuracy=0.5"); /* of the same name, in its place */
    service_wait(f->kit, "default", "bowl", service_succeeded);
    assert_int_equal(ask(f, "GET", API "experiments/get?experiment_id=1", NULL, &reply), 200);
    assert_non_null(strstr(reply, "\"lifecycle_stage\":\"active\""));
    free(reply);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(trials_are_runs, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_client_does_not_end_a_trial, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_logged_is_collected, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_program_is_told_where_to_log, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_restart_needs_no_address, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_token_is_for_its_run, set_up, tear_down),
        cmocka_unit_test_setup_teardown(lineage_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_best_model_is_registered, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_model_is_registered_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_deletion_leaves_where_models_come_from, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
