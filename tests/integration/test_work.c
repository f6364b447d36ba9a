/*
 * Workers and a service: what is asked, held, reported and told, and what becomes of it when a
 * worker or the service goes away.
 */
#include "support_service.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A request of a worker, and its answer. */
typedef struct call {
    dz_work work;
    dozan_status status;
    dozan_error error;
    bool answered;
    pthread_mutex_t lock;
    pthread_cond_t news;
} call;

static void on_done(dz_work *work, dozan_status status, const dozan_error *err)
{
    call *c = work->user;
    pthread_mutex_lock(&c->lock);
    c->status = status;
    c->error = *err;
    c->answered = true;
    pthread_cond_signal(&c->news);
    pthread_mutex_unlock(&c->lock);
}

static void begin(service_kit *kit, call *c)
{
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->news, NULL);
    c->work.namespace_ = "default";
    c->work.done = on_done;
    c->work.user = c;
    dz_service_work(kit->service, &c->work);
}

static dozan_status end(call *c)
{
    pthread_mutex_lock(&c->lock);
    while (!c->answered)
        pthread_cond_wait(&c->news, &c->lock);
    pthread_mutex_unlock(&c->lock);
    pthread_mutex_destroy(&c->lock);
    pthread_cond_destroy(&c->news);
    cJSON_Delete(c->work.assignments);
    return c->status;
}

/* Asks, and fails the test unless a trial comes. */
static call given(service_kit *kit, const char *name)
{
    call c = {.work = {.kind = DZ_REQUEST_TAKE, .name = name, .worker = "w", .wait_ms = 60000}};
    begin(kit, &c);
    pthread_mutex_lock(&c.lock);
    while (!c.answered)
        pthread_cond_wait(&c.news, &c.lock);
    pthread_mutex_unlock(&c.lock);
    assert_int_equal(c.status, DOZAN_OK);
    assert_non_null(c.work.assignments);
    assert_non_null(cJSON_GetStringValue(cJSON_GetObjectItem(c.work.assignments, "lr")));
    assert_int_equal(end(&c), DOZAN_OK);
    c.work.assignments = NULL;
    return c;
}

static dozan_status say(service_kit *kit, call *c, dz_request_kind kind, const call *trial,
                        const char *value, const char *request)
{
    dz_point_in point = {.metric = "accuracy", .value = value};
    *c = (call){.work = {.kind = kind,
                         .name = trial->work.trial,
                         .attempt = trial->work.taken_attempt,
                         .request_id = request,
                         .points = &point,
                         .point_count = value ? 1 : 0}};
    begin(kit, c);
    return end(c);
}

static dozan_status finish_as(service_kit *kit, call *c, const call *trial, dz_outcome outcome,
                              const char *message)
{
    *c = (call){.work = {.kind = DZ_REQUEST_FINISH,
                         .name = trial->work.trial,
                         .attempt = trial->work.taken_attempt,
                         .outcome = outcome,
                         .message = message}};
    begin(kit, c);
    return end(c);
}

static void submit(service_kit *kit, const char *name, int parallel, int max, const char *more)
{
    char text[1024];
    (void)snprintf(
        text, sizeof text,
        "apiVersion: kubeflow.org/v1beta1\n"
        "kind: Experiment\n"
        "metadata: {name: %s}\n"
        "spec:\n"
        "  objective: {type: maximize, objectiveMetricName: accuracy}\n"
        "  algorithm: {algorithmName: random}\n"
        "  parallelTrialCount: %d\n"
        "  maxTrialCount: %d\n"
        "  maxFailedTrialCount: %d\n"
        "%s"
        "  parameters:\n"
        "  - {name: lr, parameterType: double, feasibleSpace: {min: '0.01', max: '1'}}\n",
        name, parallel, max, max, more);
    (void)service_submit(kit, "default", text);
}

#define MINUTE "  leases: {duration: 60s}\n"
#define BRIEF "  leases: {duration: 2s}\n"

static dz_trial *stored(service_kit *kit, const call *trial)
{
    dozan_error err = {0};
    dz_experiment *experiment = NULL;
    dz_trial *found = NULL;
    assert_int_equal(
        dz_store_trial_in(kit->reader, "default", trial->work.trial, &experiment, &found, &err),
        DOZAN_OK);
    dz_experiment_destroy(experiment);
    return found;
}

/* What the store has once an answer is there. */
static void assert_stored(service_kit *kit, const call *trial, dz_trial_state state,
                          int64_t reports)
{
    dz_trial *found = stored(kit, trial);
    assert_int_equal(found->state, state);
    assert_int_equal(found->observations[0].count, reports);
    dz_trial_destroy(found);
}

static void what_is_answered_is_stored(void **state)
{
    service_kit *kit = service_kit_create();
    call c;
    (void)state;
    submit(kit, "own", 1, 2, MINUTE);
    call trial = given(kit, "own");
    assert_int_equal(trial.work.taken_attempt, 1);
    assert_int_equal(trial.work.lease_ms, 60000);
    assert_stored(kit, &trial, DZ_TRIAL_RUNNING, 0);
    assert_int_equal(say(kit, &c, DZ_REQUEST_REPORT, &trial, "0.5", NULL), DOZAN_OK);
    assert_true(c.work.go_on);
    assert_stored(kit, &trial, DZ_TRIAL_RUNNING, 1);
    assert_int_equal(say(kit, &c, DZ_REQUEST_RENEW, &trial, NULL, NULL), DOZAN_OK);
    assert_true(c.work.go_on);
    assert_int_equal(say(kit, &c, DZ_REQUEST_FINISH, &trial, "0.75", NULL), DOZAN_OK);
    assert_string_equal(c.work.state, "Succeeded");
    assert_stored(kit, &trial, DZ_TRIAL_SUCCEEDED, 2);
    service_kit_destroy(kit);
}

static void what_is_said_twice_counts_once(void **state)
{
    service_kit *kit = service_kit_create();
    call c;
    (void)state;
    submit(kit, "own", 1, 2, MINUTE);
    call trial = given(kit, "own");
    for (int i = 0; i < 3; i++)
        assert_int_equal(say(kit, &c, DZ_REQUEST_REPORT, &trial, "0.5", "epoch-1"), DOZAN_OK);
    assert_int_equal(c.work.reported.repeated, 1);
    assert_stored(kit, &trial, DZ_TRIAL_RUNNING, 1);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(say(kit, &c, DZ_REQUEST_FINISH, &trial, "0.75", "end"), DOZAN_OK);
        assert_string_equal(c.work.state, "Succeeded");
        assert_stored(kit, &trial, DZ_TRIAL_SUCCEEDED, 2);
    }
    service_kit_destroy(kit);
}

static void an_ask_waits_until_there_is_a_trial(void **state)
{
    service_kit *kit = service_kit_create();
    call told, waits = {.work = {.kind = DZ_REQUEST_TAKE, .name = "own", .wait_ms = 60000}};
    call none = {.work = {.kind = DZ_REQUEST_TAKE, .name = "own"}};
    (void)state;
    submit(kit, "own", 1, 2, MINUTE);
    call trial = given(kit, "own");
    begin(kit, &none);
    assert_int_equal(end(&none), DOZAN_OK);
    assert_null(none.work.assignments);
    assert_true(none.work.go_on);
    begin(kit, &waits);
    assert_int_equal(say(kit, &told, DZ_REQUEST_FINISH, &trial, "0.5", NULL), DOZAN_OK);
    assert_int_equal(end(&waits), DOZAN_OK);
    assert_int_equal(waits.work.number, 2);
    service_kit_destroy(kit);
}

static void those_that_wait_hear_of_the_experiments_end(void **state)
{
    service_kit *kit = service_kit_create();
    dozan_error err = {0};
    call told, ended = {.work = {.kind = DZ_REQUEST_TAKE, .name = "own", .wait_ms = 60000}};
    call gone = {.work = {.kind = DZ_REQUEST_TAKE, .name = "other", .wait_ms = 60000}};
    call unknown = {.work = {.kind = DZ_REQUEST_TAKE, .name = "nothing", .wait_ms = 60000}};
    (void)state;
    submit(kit, "own", 1, 1, MINUTE);
    call trial = given(kit, "own");
    begin(kit, &ended);
    assert_int_equal(say(kit, &told, DZ_REQUEST_FINISH, &trial, "0.5", NULL), DOZAN_OK);
    assert_int_equal(end(&ended), DOZAN_OK);
    assert_false(ended.work.go_on);
    assert_string_equal(ended.work.state, "Succeeded");
    submit(kit, "other", 1, 1, MINUTE);
    (void)given(kit, "other");
    begin(kit, &gone);
    assert_int_equal(dz_service_delete(kit->service, "default", "other", NULL, NULL, &err),
                     DOZAN_OK);
    (void)end(&gone); /* of its end, or that it is gone: as it comes */
    assert_true(gone.status == DOZAN_NOT_FOUND || !gone.work.go_on);
    begin(kit, &unknown);
    assert_int_equal(end(&unknown), DOZAN_NOT_FOUND);
    service_kit_destroy(kit);
}

static void a_stopped_experiment_gives_nothing_until_it_goes_on(void **state)
{
    service_kit *kit = service_kit_create();
    dozan_error err = {0};
    call c, waits = {.work = {.kind = DZ_REQUEST_TAKE, .name = "own", .wait_ms = 60000}};
    (void)state;
    submit(kit, "own", 1, 2, MINUTE);
    call trial = given(kit, "own");
    assert_int_equal(
        dz_service_control(kit->service, "default", "own", DZ_COMMAND_STOP, 0, NULL, &err),
        DOZAN_OK);
    service_wait(kit, "default", "own", service_suspended);
    begin(kit, &waits);
    assert_int_equal(say(kit, &c, DZ_REQUEST_REPORT, &trial, "0.5", NULL), DOZAN_ABORTED);
    assert_int_equal(
        dz_service_control(kit->service, "default", "own", DZ_COMMAND_RESUME, 0, NULL, &err),
        DOZAN_OK);
    assert_int_equal(end(&waits), DOZAN_OK);
    assert_int_equal(waits.work.number, 1);
    assert_int_equal(waits.work.taken_attempt, 2);
    service_kit_destroy(kit);
}

static void a_worker_that_is_not_heard_of_loses_its_trial_to_another(void **state)
{
    service_kit *kit = service_kit_create();
    call c;
    (void)state;
    submit(kit, "own", 1, 1, BRIEF);
    call first = given(kit, "own"), second = given(kit, "own");
    assert_string_equal(first.work.trial, second.work.trial);
    assert_int_equal(second.work.taken_attempt, 2);
    assert_int_equal(say(kit, &c, DZ_REQUEST_RENEW, &first, NULL, NULL), DOZAN_ABORTED);
    assert_int_equal(say(kit, &c, DZ_REQUEST_REPORT, &first, "0.9", NULL), DOZAN_ABORTED);
    assert_int_equal(say(kit, &c, DZ_REQUEST_FINISH, &first, "0.9", NULL), DOZAN_ABORTED);
    assert_int_equal(say(kit, &c, DZ_REQUEST_FINISH, &second, "0.5", NULL), DOZAN_OK);
    dz_trial *found = stored(kit, &second);
    assert_int_equal(found->losses, 1);
    assert_int_equal(found->observations[0].count, 1);
    dz_trial_destroy(found);
    service_kit_destroy(kit);
}

static void a_failure_is_tried_again_by_its_cause(void **state)
{
    service_kit *kit = service_kit_create();
    call c;
    (void)state;
    submit(kit, "own", 1, 1, MINUTE "  retries: 1\n");
    call trial = given(kit, "own");
    assert_int_equal(finish_as(kit, &c, &trial, DZ_OUTCOME_RELEASED, "preempted"), DOZAN_OK);
    assert_string_equal(c.work.state, "Pending");
    trial = given(kit, "own");
    assert_int_equal(trial.work.taken_attempt, 2);
    assert_int_equal(finish_as(kit, &c, &trial, DZ_OUTCOME_FAILED, "diverged"), DOZAN_OK);
    assert_string_equal(c.work.state, "Pending");
    trial = given(kit, "own");
    assert_int_equal(trial.work.taken_attempt, 3);
    assert_int_equal(finish_as(kit, &c, &trial, DZ_OUTCOME_FAILED, "diverged"), DOZAN_OK);
    assert_string_equal(c.work.state, "Failed");
    assert_non_null(strstr(c.work.text, "diverged"));
    service_kit_destroy(kit);
}

static void a_killed_trial_tells_its_worker_to_stop(void **state)
{
    service_kit *kit = service_kit_create();
    dozan_error err = {0};
    call c;
    (void)state;
    submit(kit, "own", 2, 2, MINUTE);
    call trial = given(kit, "own");
    assert_int_equal(dz_service_control(kit->service, "default", "own", DZ_COMMAND_KILL_TRIAL,
                                        trial.work.number, NULL, &err),
                     DOZAN_OK);
    assert_int_equal(say(kit, &c, DZ_REQUEST_REPORT, &trial, "0.5", NULL), DOZAN_OK);
    assert_false(c.work.go_on);
    assert_int_equal(c.work.reported.taken, 0);
    service_kit_destroy(kit);
}

static void a_restart_between_ask_and_tell_changes_nothing(void **state)
{
    service_kit *kit = service_kit_create();
    call c;
    (void)state;
    submit(kit, "own", 1, 1, MINUTE);
    call trial = given(kit, "own");
    service_kit_stop(kit);
    service_kit_start(kit);
    assert_int_equal(say(kit, &c, DZ_REQUEST_RENEW, &trial, NULL, NULL), DOZAN_OK);
    assert_int_equal(say(kit, &c, DZ_REQUEST_FINISH, &trial, "0.5", NULL), DOZAN_OK);
    assert_stored(kit, &trial, DZ_TRIAL_SUCCEEDED, 1);
    service_wait(kit, "default", "own", service_succeeded);
    service_kit_destroy(kit);
}

static void a_lease_from_before_a_restart_runs_out_too(void **state)
{
    service_kit *kit = service_kit_create();
    (void)state;
    submit(kit, "own", 1, 1, BRIEF);
    call first = given(kit, "own");
    service_kit_stop(kit);
    service_kit_start(kit);
    call second = given(kit, "own");
    assert_string_equal(first.work.trial, second.work.trial);
    assert_int_equal(second.work.taken_attempt, 2);
    service_kit_destroy(kit);
}

static void asks_that_wait_are_refused_when_the_service_stops(void **state)
{
    service_kit *kit = service_kit_create();
    call waits = {.work = {.kind = DZ_REQUEST_TAKE, .name = "own", .wait_ms = 60000}};
    (void)state;
    submit(kit, "own", 1, 2, MINUTE);
    (void)given(kit, "own");
    begin(kit, &waits);
    service_kit_stop(kit);
    assert_int_equal(end(&waits), DOZAN_UNAVAILABLE);
    service_kit_destroy(kit);
}

static void two_thousand_workers_get_two_thousand_trials(void **state)
{
    enum { WORKERS = 2000 };
    service_kit *kit = service_kit_create();
    call *calls = calloc(WORKERS, sizeof *calls);
    bool *seen = calloc(WORKERS + 1, sizeof *seen);
    (void)state;
    assert_non_null(calls);
    assert_non_null(seen);
    submit(kit, "own", WORKERS, WORKERS, MINUTE);
    for (int i = 0; i < WORKERS; i++) {
        calls[i].work = (dz_work){.kind = DZ_REQUEST_TAKE, .name = "own", .wait_ms = 120000};
        begin(kit, &calls[i]);
    }
    for (int i = 0; i < WORKERS; i++) {
        assert_int_equal(end(&calls[i]), DOZAN_OK);
        int64_t number = calls[i].work.number;
        assert_in_range(number, 1, WORKERS);
        assert_false(seen[number]);
        seen[number] = true;
    }
    for (int i = 0; i < WORKERS; i++) {
        call told;
        assert_int_equal(say(kit, &told, DZ_REQUEST_FINISH, &calls[i], "0.5", NULL), DOZAN_OK);
    }
    service_wait(kit, "default", "own", service_succeeded);
    free(calls);
    free(seen);
    service_kit_destroy(kit);
}

static void an_experiment_with_a_template_has_no_work(void **state)
{
    service_kit *kit = service_kit_create();
    call c = {.work = {.kind = DZ_REQUEST_TAKE, .name = "plain", .wait_ms = 60000}};
    char *text = service_document("plain", "  parallelTrialCount: 1\n", kit->until_go);
    (void)state;
    (void)service_submit(kit, "default", text);
    begin(kit, &c);
    assert_int_equal(end(&c), DOZAN_FAILED_PRECONDITION);
    assert_non_null(strstr(c.error.message, "spec.leases"));
    service_go(kit);
    free(text);
    service_kit_destroy(kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_answered_is_stored),
        cmocka_unit_test(what_is_said_twice_counts_once),
        cmocka_unit_test(an_ask_waits_until_there_is_a_trial),
        cmocka_unit_test(those_that_wait_hear_of_the_experiments_end),
        cmocka_unit_test(a_stopped_experiment_gives_nothing_until_it_goes_on),
        cmocka_unit_test(a_worker_that_is_not_heard_of_loses_its_trial_to_another),
        cmocka_unit_test(a_failure_is_tried_again_by_its_cause),
        cmocka_unit_test(a_killed_trial_tells_its_worker_to_stop),
        cmocka_unit_test(a_restart_between_ask_and_tell_changes_nothing),
        cmocka_unit_test(a_lease_from_before_a_restart_runs_out_too),
        cmocka_unit_test(asks_that_wait_are_refused_when_the_service_stops),
        cmocka_unit_test(two_thousand_workers_get_two_thousand_trials),
        cmocka_unit_test(an_experiment_with_a_template_has_no_work),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
