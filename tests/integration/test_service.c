/*
 * The service: many experiments, and requests from many threads.
 */
#include "runners/machine.h"
#include "support_service.h"

#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define THREE "  parallelTrialCount: 2\n  maxTrialCount: 3\n"
#define TWO_LONG "  parallelTrialCount: 2\n  maxTrialCount: 2\n"

static int set_up(void **state)
{
    *state = service_kit_create();
    return 0;
}

static int tear_down(void **state)
{
    service_kit_destroy(*state);
    return 0;
}

/* Equal names in two namespaces are two experiments, whose trials have folders of their own. */
static void experiments_run_side_by_side(void **state)
{
    service_kit *kit = *state;
    char *document = service_document("bowl", THREE, "echo accuracy=0.5");
    int64_t first = service_submit(kit, NULL, document);
    int64_t second = service_submit(kit, "team-a", document);
    assert_int_not_equal(first, second);
    service_wait(kit, "default", "bowl", service_succeeded);
    service_wait(kit, "team-a", "bowl", service_succeeded);
    dz_experiment *one = service_load(kit, "default", "bowl");
    dz_experiment *two = service_load(kit, "team-a", "bowl");
    assert_int_equal(one->state_counts[DZ_TRIAL_SUCCEEDED], 3);
    assert_int_equal(two->state_counts[DZ_TRIAL_SUCCEEDED], 3);
    char path[256];
    (void)snprintf(path, sizeof path, "%s/team-a@bowl", kit->jobs);
    assert_int_equal(access(path, F_OK), 0);
    (void)snprintf(path, sizeof path, "%s/bowl", kit->jobs);
    assert_int_equal(access(path, F_OK), 0);
    dz_experiment_destroy(one);
    dz_experiment_destroy(two);
    /* what rests is not kept */
    dz_service_stats stats;
    for (int i = 0; i < 1000; i++) {
        dz_service_stats_get(kit->service, &stats);
        if (stats.experiments_held == 0)
            break;
        (void)poll(NULL, 0, 5);
    }
    assert_int_equal(stats.experiments_held, 0);
    assert_int_equal(stats.trials_ended, 6);
    assert_int_equal(stats.requests[DZ_REQUEST_SUBMIT].count, 2);
    assert_true(stats.slots.cpu_milli_used == 0);
    free(document);
}

static void refusals_say_why(void **state)
{
    service_kit *kit = *state;
    dozan_error err = {0};
    dz_submitted submitted = {0};
    dz_problems problems = {0};
    char *document = service_document("bowl", TWO_LONG, "exec sleep 600");
    char *wrong = service_document("Bowl_", "  parallelTrialCount: 0\n  what: 1\n", "true");
    char *unknown =
        service_document("other", "  earlyStopping: {algorithmName: none-such}\n", "true");

    /* all findings, with their places */
    dz_submission bad = service_text(NULL, wrong);
    assert_int_equal(dz_service_submit(kit->service, &bad, &submitted, &problems, &err),
                     DOZAN_INVALID_ARGUMENT);
    assert_true(problems.count >= 3);
    assert_non_null(strstr(err.place, "test.yaml:"));
    dz_problems_fini(&problems);
    bad = service_text(NULL, unknown);
    assert_int_equal(dz_service_submit(kit->service, &bad, &submitted, &problems, &err),
                     DOZAN_INVALID_ARGUMENT);
    assert_non_null(strstr(err.message, "none-such"));
    dz_problems_fini(&problems);

    /* a dry run leaves nothing, and is refused like a real one */
    dz_submission dry = service_text(NULL, document);
    dry.dry_run = true;
    assert_int_equal(dz_service_submit(kit->service, &dry, &submitted, NULL, &err), DOZAN_OK);
    assert_int_equal(submitted.experiment_id, 0);
    assert_non_null(cJSON_GetObjectItem(submitted.document, "spec"));
    cJSON_Delete(submitted.document);
    dz_experiment *none = NULL;
    assert_int_equal(dz_store_load_in(kit->reader, "default", "bowl", &none, &err),
                     DOZAN_NOT_FOUND);
    (void)service_submit(kit, NULL, document);
    assert_int_equal(dz_service_submit(kit->service, &dry, &submitted, NULL, &err),
                     DOZAN_ALREADY_EXISTS);
    dry.dry_run = false;
    assert_int_equal(dz_service_submit(kit->service, &dry, &submitted, NULL, &err),
                     DOZAN_ALREADY_EXISTS);
    assert_int_equal(
        dz_service_control(kit->service, "default", "bow", DZ_COMMAND_STOP, 0, NULL, &err),
        DOZAN_NOT_FOUND);
    assert_int_equal(
        dz_service_control(kit->service, "default", "bowl", DZ_COMMAND_KILL_TRIAL, 7, NULL, &err),
        DOZAN_NOT_FOUND);
    assert_int_equal(dz_service_delete(kit->service, "default", "bowl", "other", NULL, &err),
                     DOZAN_ABORTED);
    free(document);
    free(wrong);
    free(unknown);
}

static void names_are_drawn(void **state)
{
    static const char json[] =
        "{\"apiVersion\":\"kubeflow.org/v1beta1\",\"kind\":\"Experiment\","
        "\"metadata\":{\"generateName\":\"drawn-\"},\"spec\":{\"objective\":{\"type\":\"maximize\","
        "\"objectiveMetricName\":\"accuracy\"},\"algorithm\":{\"algorithmName\":\"random\"},"
        "\"parallelTrialCount\":1,\"maxTrialCount\":1,\"parameters\":[{\"name\":\"lr\","
        "\"parameterType\":\"double\",\"feasibleSpace\":{\"min\":\"0.1\",\"max\":\"1\"}}],"
        "\"trialTemplate\":{\"primaryContainerName\":\"main\",\"trialParameters\":[{\"name\":"
        "\"lr\","
        "\"reference\":\"lr\"}],\"trialSpec\":{\"apiVersion\":\"batch/v1\",\"kind\":\"Job\","
        "\"spec\":{\"template\":{\"spec\":{\"restartPolicy\":\"Never\",\"containers\":[{\"name\":"
        "\"main\",\"image\":\"none\",\"command\":[\"echo\","
        "\"accuracy=${trialParameters.lr}\"]}]}}}}}}}";
    service_kit *kit = *state;
    dozan_error err = {0};
    char names[2][64];
    for (int i = 0; i < 2; i++) {
        dz_submitted submitted = {0};
        dz_submission submission = service_text("team-b", json);
        if (dz_service_submit(kit->service, &submission, &submitted, NULL, &err) != DOZAN_OK)
            fail_msg("%s: %s", err.place, err.message);
        const cJSON *metadata = cJSON_GetObjectItem(submitted.document, "metadata");
        (void)snprintf(names[i], sizeof names[i], "%s",
                       cJSON_GetStringValue(cJSON_GetObjectItem(metadata, "name")));
        assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(metadata, "namespace")),
                            "team-b");
        cJSON_Delete(submitted.document);
        assert_int_equal(strncmp(names[i], "drawn-", 6), 0);
        assert_int_equal(strlen(names[i]), 11);
    }
    assert_string_not_equal(names[0], names[1]);
    service_wait(kit, "team-b", names[0], service_succeeded);
    service_wait(kit, "team-b", names[1], service_succeeded);
}

/* Stop, resume, kill, run again, raise the budget, delete: each has happened when it is answered.
 */
static void an_experiment_is_controlled(void **state)
{
    service_kit *kit = *state;
    dozan_error err = {0};
    dz_service *s = kit->service;
    int64_t retried = 0;
    char *document = service_document("bowl", "  parallelTrialCount: 2\n  maxTrialCount: 3\n",
                                      "echo accuracy=0.5; exec sleep 600");
    int64_t id = service_submit(kit, NULL, document);
    service_wait(kit, "default", "bowl", service_two_run);

    assert_int_equal(dz_service_control(s, "default", "bowl", DZ_COMMAND_STOP, 0, NULL, &err), 0);
    service_wait(kit, "default", "bowl", service_suspended);
    assert_int_equal(dz_service_control(s, "default", "bowl", DZ_COMMAND_KILL_TRIAL, 1, NULL, &err),
                     DOZAN_FAILED_PRECONDITION);
    assert_int_equal(dz_service_control(s, "default", "bowl", DZ_COMMAND_RESUME, 0, NULL, &err), 0);
    service_wait(kit, "default", "bowl", service_two_run);
    assert_int_equal(dz_service_control(s, "default", "bowl", DZ_COMMAND_RESUME, 0, NULL, &err), 0);

    assert_int_equal(
        dz_service_control(s, "default", "bowl", DZ_COMMAND_RETRY_TRIAL, 1, &retried, &err),
        DOZAN_FAILED_PRECONDITION); /* it has not ended */
    assert_int_equal(dz_service_control(s, "default", "bowl", DZ_COMMAND_KILL_TRIAL, 1, NULL, &err),
                     0);
    dz_trial *one = NULL;
    dz_experiment *e = service_load(kit, "default", "bowl");
    do {
        dz_trial_destroy(one);
        (void)poll(NULL, 0, 5);
        assert_int_equal(dz_store_trial_number(kit->reader, e, 1, &one, &err), DOZAN_OK);
    } while (one->state != DZ_TRIAL_KILLED);

    /* the third of maxTrialCount has been asked for, so there is no room for another */
    dozan_status status =
        dz_service_control(s, "default", "bowl", DZ_COMMAND_RETRY_TRIAL, 1, &retried, &err);
    char *more = service_document("bowl", "  parallelTrialCount: 3\n  maxTrialCount: 9\n",
                                  "echo accuracy=0.5; exec sleep 600");
    dz_submission next = service_text("default", more);
    dz_submitted submitted = {0};
    if (status != DOZAN_OK) {
        assert_int_equal(status, DOZAN_FAILED_PRECONDITION);
        assert_int_equal(dz_service_replace(s, &next, "bowl", 1, &submitted, NULL, &err),
                         DOZAN_ABORTED);
        assert_int_equal(dz_service_replace(s, &next, "bowl", 0, &submitted, NULL, &err), 0);
        cJSON_Delete(submitted.document);
        assert_int_equal(
            dz_service_control(s, "default", "bowl", DZ_COMMAND_RETRY_TRIAL, 1, &retried, &err), 0);
    }
    dz_trial *again = NULL;
    assert_int_equal(dz_store_trial_number(kit->reader, e, retried, &again, &err), DOZAN_OK);
    assert_string_equal(again->assignments[0].value, one->assignments[0].value);
    assert_true(again->version > one->version);
    dz_trial_destroy(again);
    dz_trial_destroy(one);
    dz_experiment_destroy(e);

    int64_t version = 0, deleted_id = 0;
    assert_int_equal(dz_store_version_now(kit->reader, &version, &err), DOZAN_OK);
    assert_int_equal(dz_service_delete(s, "default", "bowl", NULL, &deleted_id, &err), 0);
    assert_int_equal(deleted_id, id);
    assert_int_equal(dz_store_load_in(kit->reader, "default", "bowl", &e, &err), DOZAN_NOT_FOUND);
    char path[256];
    (void)snprintf(path, sizeof path, "%s/bowl", kit->jobs);
    assert_int_not_equal(access(path, F_OK), 0);
    dz_service_stats stats;
    dz_service_stats_get(s, &stats);
    assert_int_equal(stats.slots.cpu_milli_used, 0);
    free(document);
    free(more);
}

static void another_document_is_refused_and_labels_are_not(void **state)
{
    service_kit *kit = *state;
    dozan_error err = {0};
    dz_submitted submitted = {0};
    char *document = service_document("bowl", THREE, "echo accuracy=0.5");
    char *other = service_document("bowl", THREE, "echo accuracy=1");
    (void)service_submit(kit, NULL, document);
    service_wait(kit, "default", "bowl", service_succeeded);
    dz_submission next = service_text("default", other);
    assert_int_equal(dz_service_replace(kit->service, &next, "bowl", 0, &submitted, NULL, &err),
                     DOZAN_INVALID_ARGUMENT);
    assert_non_null(strstr(err.place, "spec.trialTemplate"));

    char *team = strstr(document, "team: a");
    memcpy(team, "team: b", 7);
    next = service_text("default", document);
    dz_experiment *before = service_load(kit, "default", "bowl");
    assert_int_equal(
        dz_service_replace(kit->service, &next, "bowl", before->version, &submitted, NULL, &err),
        DOZAN_OK);
    dz_experiment *after = service_load(kit, "default", "bowl");
    assert_int_equal(after->version, submitted.version);
    assert_true(after->version > before->version);
    assert_int_equal(after->generation, 1);
    assert_int_equal(after->state, DZ_EXPERIMENT_SUCCEEDED);
    const cJSON *metadata = cJSON_GetObjectItem(after->spec->document, "metadata");
    assert_string_equal(
        cJSON_GetStringValue(cJSON_GetObjectItem(cJSON_GetObjectItem(metadata, "labels"), "team")),
        "b");
    cJSON_Delete(submitted.document);
    dz_experiment_destroy(before);
    dz_experiment_destroy(after);

    /* a raised budget lets the ended one go on */
    char *more = service_document("bowl", "  parallelTrialCount: 2\n  maxTrialCount: 5\n",
                                  "echo accuracy=0.5");
    next = service_text("default", more);
    assert_int_equal(dz_service_replace(kit->service, &next, "bowl", 0, &submitted, NULL, &err),
                     DOZAN_OK);
    cJSON_Delete(submitted.document);
    service_wait(kit, "default", "bowl", service_succeeded);
    after = service_load(kit, "default", "bowl");
    assert_int_equal(after->trial_count, 5);
    assert_int_equal(after->generation, 2);
    dz_experiment_destroy(after);
    free(document);
    free(other);
    free(more);
}

/* A stop leaves the trials running, and the next start finds them. */
static void trials_outlive_a_stop(void **state)
{
    service_kit *kit = *state;
    char *document = service_document("bowl", TWO_LONG, kit->until_go);
    (void)service_submit(kit, NULL, document);
    service_wait(kit, "default", "bowl", service_two_run);
    service_kit_stop(kit);
    service_go(kit);
    service_kit_start(kit);
    service_wait(kit, "default", "bowl", service_succeeded);
    dz_experiment *e = service_load(kit, "default", "bowl");
    assert_int_equal(e->state_counts[DZ_TRIAL_SUCCEEDED], 2);
    dz_trial *trial = NULL;
    dozan_error err = {0};
    assert_int_equal(dz_store_trial_number(kit->reader, e, 1, &trial, &err), DOZAN_OK);
    assert_int_equal(trial->attempt, 1);
    dz_trial_destroy(trial);
    dz_experiment_destroy(e);
    free(document);
}

static void a_stopped_experiment_stays_so_over_a_restart(void **state)
{
    service_kit *kit = *state;
    dozan_error err = {0};
    char *document = service_document("bowl", TWO_LONG, "exec sleep 600");
    (void)service_submit(kit, NULL, document);
    service_wait(kit, "default", "bowl", service_two_run);
    assert_int_equal(
        dz_service_control(kit->service, "default", "bowl", DZ_COMMAND_STOP, 0, NULL, &err), 0);
    service_kit_stop(kit); /* maybe before the trials have ended */
    service_kit_start(kit);
    service_wait(kit, "default", "bowl", service_suspended);
    dz_service_stats stats;
    dz_service_stats_get(kit->service, &stats);
    assert_int_equal(dz_service_delete(kit->service, "default", "bowl", NULL, NULL, &err), 0);
    free(document);
}

typedef struct reporter {
    service_kit *kit;
    const char *trial;
    int number;
    dozan_status status;
    int64_t taken, repeated;
} reporter;

enum { REPORTERS = 32, REPORTS = 20 };

static void *report_often(void *argument)
{
    reporter *r = argument;
    dozan_error err = {0};
    for (int i = 0; i < REPORTS; i++) {
        char id[32], value[32];
        dz_reported reported = {0};
        (void)snprintf(id, sizeof id, "%d-%d", r->number, i / 2); /* each is told twice */
        (void)snprintf(value, sizeof value, "0.%02d", i);
        dz_point_in points[] = {{"accuracy", value, 0}, {"none-such", "1", 0}};
        r->status =
            dz_service_report(r->kit->service, "default", r->trial, id, points, 2, &reported, &err);
        if (r->status != DOZAN_OK)
            return NULL;
        r->taken += reported.taken;
        r->repeated += reported.repeated;
    }
    return NULL;
}

static bool keep_name(void *user, const dz_trial *trial)
{
    (void)snprintf(user, 128, "%s", trial->name);
    return false;
}

static bool count_point(void *user, int32_t attempt, const dz_point *point)
{
    int64_t *last = user;
    assert_int_equal(attempt, 1);
    assert_int_equal(point->step, *last + 1);
    *last = point->step;
    return true;
}

/* Reports from many threads, some of them told twice, are each counted once. */
static void metrics_are_pushed(void **state)
{
    service_kit *kit = *state;
    dozan_error err = {0};
    char name[128] = "";
    char *document = service_document("bowl",
                                      "  parallelTrialCount: 1\n  maxTrialCount: 1\n"
                                      "  metricsCollectorSpec: {collector: {kind: Push}}\n",
                                      kit->until_go);
    int64_t id = service_submit(kit, NULL, document);
    service_wait(kit, "default", "bowl", service_runs_one);
    dz_experiment *e = service_load(kit, "default", "bowl");
    assert_int_equal(dz_store_trials(kit->reader, e, 0, 1, keep_name, name, &err), DOZAN_OK);
    dz_experiment_destroy(e);
    pthread_t threads[REPORTERS];
    reporter reporters[REPORTERS];
    for (int i = 0; i < REPORTERS; i++) {
        reporters[i] = (reporter){.kit = kit, .trial = name, .number = i};
        assert_int_equal(pthread_create(&threads[i], NULL, report_often, &reporters[i]), 0);
    }
    for (int i = 0; i < REPORTERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(reporters[i].status, DOZAN_OK);
        assert_int_equal(reporters[i].taken, REPORTS / 2);
        assert_int_equal(reporters[i].repeated, REPORTS); /* both of its points */
    }
    int64_t last = 0;
    assert_int_equal(dz_store_points(kit->reader, id, 1, 0, 0, count_point, &last, &err), DOZAN_OK);
    assert_int_equal(last, REPORTERS * REPORTS / 2);
    service_go(kit);
    service_wait(kit, "default", "bowl", service_succeeded);
    e = service_load(kit, "default", "bowl");
    assert_int_equal(e->best.trial, 1);
    assert_int_equal(e->state_counts[DZ_TRIAL_SUCCEEDED], 1);
    dz_experiment_destroy(e);
    dz_point_in late = {"accuracy", "1", 0};
    assert_int_equal(dz_service_report(kit->service, "default", name, NULL, &late, 1, NULL, &err),
                     DOZAN_FAILED_PRECONDITION);
    assert_int_equal(dz_service_report(kit->service, "team-a", name, NULL, &late, 1, NULL, &err),
                     DOZAN_NOT_FOUND);
    free(document);
}

enum { TURNS = 24 };

static bool has_trials(const dz_experiment *experiment)
{
    return experiment->trial_count == TURNS;
}

/* One whose every trial takes the whole machine. */
static void submit_greedy(service_kit *kit, const char *name, const char *script)
{
    char *document =
        service_document(name, "  parallelTrialCount: 24\n  maxTrialCount: 24\n", script);
    char *greedy = NULL;
    assert_true(asprintf(&greedy, "%s              resources: {limits: {cpu: '%lldm'}}\n", document,
                         (long long)dz_machine_cpu_milli()) > 0);
    (void)service_submit(kit, NULL, greedy);
    free(greedy);
    free(document);
}

/* Two experiments that could each fill the machine take turns at it. */
static void slots_go_round(void **state)
{
    service_kit *kit = *state;
    char script[384]; /* no trial ends before both are there */
    (void)snprintf(script, sizeof(script), "%s; echo accuracy=0.5", kit->until_go);
    submit_greedy(kit, "first", script);
    submit_greedy(kit, "second", script);
    service_wait(kit, "default", "first", has_trials);
    service_wait(kit, "default", "second", has_trials); /* its algorithm may take its time */
    service_go(kit);
    bool done = false;
    while (!done) {
        dz_experiment *a = service_load(kit, "default", "first");
        dz_experiment *b = service_load(kit, "default", "second");
        int64_t ended_a = a->state_counts[DZ_TRIAL_SUCCEEDED];
        int64_t ended_b = b->state_counts[DZ_TRIAL_SUCCEEDED];
        /* b was read after a, and may be ahead by what ended meanwhile; behind it is by a turn */
        assert_true(ended_b + 2 >= ended_a);
        done = ended_a == TURNS && ended_b == TURNS;
        dz_experiment_destroy(a);
        dz_experiment_destroy(b);
        (void)poll(NULL, 0, 5);
    }
}

/* What other processes leave in the database is taken, and another owner is told who has it. */
static void commands_of_other_processes_are_taken(void **state)
{
    service_kit *kit = *state;
    dozan_error err = {0};
    dz_store *other = NULL;
    char *document = service_document("bowl", TWO_LONG, "exec sleep 600");
    (void)service_submit(kit, "team-a", document);
    service_wait(kit, "team-a", "bowl", service_two_run);
    assert_int_equal(dz_store_open(kit->path, DZ_STORE_WRITE, DZ_DURABILITY_OFF, &other, &err), 0);
    assert_int_equal(dz_store_own(other, &err), DOZAN_FAILED_PRECONDITION);
    assert_non_null(strstr(err.message, "dozan serve"));
    assert_true(dz_store_is_served(other));
    assert_int_equal(dz_store_post(other, DZ_COMMAND_STOP, "team-a/bowl", 0, &err), DOZAN_OK);
    service_wait(kit, "team-a", "bowl", service_suspended);
    assert_int_equal(dz_store_post(other, DZ_COMMAND_RESUME, "team-a/bowl", 0, &err), DOZAN_OK);
    service_wait(kit, "team-a", "bowl", service_two_run);
    assert_int_equal(dz_store_post(other, DZ_COMMAND_DELETE, "team-a/bowl", 0, &err), DOZAN_OK);
    dz_experiment *e = NULL;
    dozan_status status = DOZAN_OK;
    for (int i = 0; i < 6000 && status == DOZAN_OK; i++) {
        (void)poll(NULL, 0, 10);
        status = dz_store_load_in(other, "team-a", "bowl", &e, &err);
        if (status == DOZAN_OK)
            dz_experiment_destroy(e);
    }
    assert_int_equal(status, DOZAN_NOT_FOUND);
    dz_store_close(other);
    free(document);
}

static void a_stopped_service_refuses(void **state)
{
    service_kit *kit = *state;
    dozan_error err = {0};
    assert_true(dz_service_running(kit->service, &err));
    dz_service_stop(kit->service);
    assert_false(dz_service_running(kit->service, &err));
    dozan_status status = DOZAN_NOT_FOUND;
    while (status == DOZAN_NOT_FOUND) /* the turn under way may still answer */
        status = dz_service_control(kit->service, "default", "x", DZ_COMMAND_STOP, 0, NULL, &err);
    assert_int_equal(status, DOZAN_UNAVAILABLE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(experiments_run_side_by_side, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refusals_say_why, set_up, tear_down),
        cmocka_unit_test_setup_teardown(names_are_drawn, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_experiment_is_controlled, set_up, tear_down),
        cmocka_unit_test_setup_teardown(another_document_is_refused_and_labels_are_not, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(trials_outlive_a_stop, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_stopped_experiment_stays_so_over_a_restart, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(metrics_are_pushed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(slots_go_round, set_up, tear_down),
        cmocka_unit_test_setup_teardown(commands_of_other_processes_are_taken, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_stopped_service_refuses, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
