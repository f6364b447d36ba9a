/*
 * The life of trials: starting, ending in every way, running again, being stopped.
 */
#include "support/world.h"

#include <math.h>
#include <signal.h>

/* An opened experiment with `count` trials, and plenty of CPUs. */
static world *with_trials(const char *const *changes, size_t count)
{
    world *w = world_create(changes, 8, 0);

    open_it(w);
    assert_int_equal(effects_of(w, DZ_EFFECT_ASK), 1);
    suggest(w, count, DOZAN_ASK_MORE);
    return w;
}

static void a_trial_starts_runs_and_succeeds(void **state)
{
    world *w = with_trials(NULL, 2);
    const dz_log_entry *done;
    dz_trial *trial;

    (void)state;
    assert_int_equal(effects_of(w, DZ_EFFECT_START), 2);
    assert_non_null(entry_of(w, DOZAN_EVENT_ASKED, 1));
    assert_int_equal(active(w, 1)->state, DZ_TRIAL_STARTING);
    assert_int_equal(active(w, 1)->attempt, 1);
    assert_int_equal(w->slots.cpu_milli_used, 2000);
    assert_string_equal(active(w, 1)->assignments[1].value, "32");
    started(w, 1);
    assert_int_equal(active(w, 1)->state, DZ_TRIAL_RUNNING);
    assert_non_null(entry_of(w, DOZAN_EVENT_STARTED, 1));
    report_text(w, 1, 0, "0.5");
    report_text(w, 1, 0, "0.75");
    report_text(w, 1, 0, "0.625");
    exited(w, 1, 0);
    trial = trial_of(w, 1);
    assert_int_equal(trial->state, DZ_TRIAL_SUCCEEDED);
    assert_string_equal(trial->reason, "TrialSucceeded");
    done = entry_of(w, DOZAN_EVENT_COMPLETED, 1);
    assert_non_null(done);
    assert_true(done->has_value && done->value > 0.74 && done->value < 0.76); /* the max */
    assert_int_equal(w->experiment->best.trial, 1);
    assert_int_equal(w->slots.cpu_milli_used, 1000);
    assert_int_equal(effects_of(w, DZ_EFFECT_ASK), 1); /* for the free place */
    assert_int_equal(w->experiment->last_seq, 2 + 1 + 3 + 1);
    world_destroy(w);
}

typedef struct end_case {
    const char *name;
    dz_end end;
    const char *report; /* NULL = none */
    dz_trial_state becomes;
    dozan_event_kind logged;
    const char *reason;
    const char *says; /* in the message */
} end_case;

static const end_case end_cases[] = {
    {"success",
     {.kind = DZ_END_EXITED},
     "0.9",
     DZ_TRIAL_SUCCEEDED,
     DOZAN_EVENT_COMPLETED,
     "TrialSucceeded",
     ""},
    {"NaN is a value",
     {.kind = DZ_END_EXITED},
     "nan",
     DZ_TRIAL_SUCCEEDED,
     DOZAN_EVENT_COMPLETED,
     "TrialSucceeded",
     ""},
    {"no metric",
     {.kind = DZ_END_EXITED},
     NULL,
     DZ_TRIAL_METRICS_UNAVAILABLE,
     DOZAN_EVENT_UNAVAILABLE,
     "MetricsUnavailable",
     "accuracy"},
    {"metric is a text",
     {.kind = DZ_END_EXITED},
     "high",
     DZ_TRIAL_METRICS_UNAVAILABLE,
     DOZAN_EVENT_UNAVAILABLE,
     "MetricsUnavailable",
     "\"high\""},
    {"exit code",
     {.kind = DZ_END_EXITED, .code = 3},
     "0.9",
     DZ_TRIAL_FAILED,
     DOZAN_EVENT_FAILED,
     "TrialFailed",
     "exit code 3"},
    {"no such command",
     {.kind = DZ_END_EXITED, .code = 127},
     NULL,
     DZ_TRIAL_FAILED,
     DOZAN_EVENT_FAILED,
     "TrialFailed",
     "--map"},
    {"crash",
     {.kind = DZ_END_SIGNALED, .signal = SIGSEGV},
     "0.9",
     DZ_TRIAL_FAILED,
     DOZAN_EVENT_FAILED,
     "TrialFailed",
     "SIGSEGV"},
    {"abort",
     {.kind = DZ_END_SIGNALED, .signal = SIGABRT},
     NULL,
     DZ_TRIAL_FAILED,
     DOZAN_EVENT_FAILED,
     "TrialFailed",
     "SIGABRT"},
    {"time limit",
     {.kind = DZ_END_TIMEOUT},
     "0.9",
     DZ_TRIAL_FAILED,
     DOZAN_EVENT_FAILED,
     "TrialTimeout",
     "time limit"},
    {"cannot start",
     {.kind = DZ_END_NOT_STARTED, .configuration_fault = true, .message = "no train"},
     NULL,
     DZ_TRIAL_FAILED,
     DOZAN_EVENT_FAILED,
     "TrialNotStarted",
     "no train"},
    {"killed from outside",
     {.kind = DZ_END_SIGNALED, .signal = SIGKILL},
     "0.9",
     DZ_TRIAL_PENDING,
     DOZAN_EVENT_LOST,
     "WaitingForRestart",
     "SIGKILL"},
    {"ended from outside",
     {.kind = DZ_END_SIGNALED, .signal = SIGTERM},
     NULL,
     DZ_TRIAL_PENDING,
     DOZAN_EVENT_LOST,
     "WaitingForRestart",
     "SIGTERM"},
    {"gone",
     {.kind = DZ_END_LOST},
     "0.9",
     DZ_TRIAL_PENDING,
     DOZAN_EVENT_LOST,
     "WaitingForRestart",
     "gone"},
    {"no process now",
     {.kind = DZ_END_NOT_STARTED, .message = "no processes left"},
     NULL,
     DZ_TRIAL_PENDING,
     DOZAN_EVENT_LOST,
     "WaitingForRestart",
     "no processes left"},
};

static void each_end_has_its_meaning(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof end_cases / sizeof end_cases[0]; i++) {
        const end_case *c = &end_cases[i];
        world *w = with_trials(NULL, 2);
        dz_trial *trial;

        if (c->end.kind != DZ_END_NOT_STARTED) {
            started(w, 1);
        }
        if (c->report != NULL) {
            report_text(w, 1, 0, c->report);
        }
        ended_with(w, 1, c->end);
        trial = trial_of(w, 1);
        if (trial->state != c->becomes || strstr(trial->message, c->says) == NULL) {
            print_error("%s: %s: %s\n", c->name, dz_trial_state_name(trial->state), trial->message);
        }
        assert_int_equal(trial->state, c->becomes);
        assert_string_equal(trial->reason, c->reason);
        assert_non_null(strstr(trial->message, c->says));
        assert_non_null(entry_of(w, c->logged, 1));
        assert_int_equal(w->experiment->state_counts[c->becomes], 1);
        assert_int_equal(w->slots.cpu_milli_used, 1000);
        world_destroy(w);
    }
}

static void a_nan_is_told_as_it_is_and_is_never_the_best(void **state)
{
    world *w = with_trials(NULL, 2);
    const dz_log_entry *done;

    (void)state;
    succeed_with(w, 1, "nan");
    done = entry_of(w, DOZAN_EVENT_COMPLETED, 1);
    assert_true(done->has_value && isnan(done->value));
    assert_int_equal(w->experiment->best.trial, 0);
    succeed_with(w, 2, "-3");
    assert_int_equal(w->experiment->best.trial, 2);
    world_destroy(w);
}

static void of_two_equals_the_earlier_to_end_is_the_best(void **state)
{
    world *w = with_trials(NULL, 2);

    (void)state;
    succeed_with(w, 2, "0.5");
    succeed_with(w, 1, "0.50");
    assert_int_equal(w->experiment->best.trial, 2);
    world_destroy(w);
}

static void a_failed_attempt_runs_again_while_there_are_retries(void **state)
{
    const char *const retries[] = {"spec.retries", "1", NULL};
    world *w = with_trials(retries, 2);

    (void)state;
    started(w, 1);
    report_text(w, 1, 0, "0.9");
    exited(w, 1, 3);
    assert_int_equal(active(w, 1)->state, DZ_TRIAL_PENDING);
    assert_non_null(entry_of(w, DOZAN_EVENT_LOST, 1));
    assert_null(entry_of(w, DOZAN_EVENT_FAILED, 1));
    assert_int_equal(dz_next_tick(w->experiment), w->now + 250);
    tick_at(w, w->now + 249);
    assert_int_equal(w->changes.effect_count, 0);
    tick_at(w, w->now + 1);
    assert_int_equal(effect_on(w, DZ_EFFECT_START, 1)->attempt, 2);
    assert_int_equal(active(w, 1)->observations[0].count, 0); /* of an attempt that is no more */
    started(w, 1);
    exited(w, 1, 4);
    assert_int_equal(trial_of(w, 1)->state, DZ_TRIAL_FAILED);
    assert_non_null(entry_of(w, DOZAN_EVENT_FAILED, 1));
    assert_non_null(strstr(trial_of(w, 1)->message, "exit code 4"));
    world_destroy(w);
}

static void a_trial_lost_five_times_fails_and_no_bad_score_is_told(void **state)
{
    world *w = with_trials(NULL, 2);
    int64_t delay = 250;

    (void)state;
    for (int loss = 1; loss < 5; loss++) {
        ended_with(w, 1, (dz_end){.kind = DZ_END_LOST});
        assert_int_equal(active(w, 1)->state, DZ_TRIAL_PENDING);
        assert_int_equal(dz_next_tick(w->experiment), w->now + delay);
        tick_at(w, w->now + delay);
        assert_int_equal(effect_on(w, DZ_EFFECT_START, 1)->attempt, loss + 1);
        delay *= 2;
    }
    ended_with(w, 1, (dz_end){.kind = DZ_END_LOST});
    assert_int_equal(trial_of(w, 1)->state, DZ_TRIAL_FAILED);
    assert_string_equal(trial_of(w, 1)->reason, "TrialLost");
    assert_null(entry_of(w, DOZAN_EVENT_FAILED, 1));
    assert_non_null(entry_of(w, DOZAN_EVENT_KILLED, 1));
    world_destroy(w);
}

static void events_of_another_attempt_or_an_ended_trial_change_nothing(void **state)
{
    world *w = with_trials(NULL, 2);
    dz_end end = {.kind = DZ_END_EXITED};
    int64_t seq;

    (void)state;
    started(w, 1);
    ended_with(w, 1, (dz_end){.kind = DZ_END_LOST});
    tick_at(w, w->now + 250);
    seq = w->experiment->last_seq;
    must_happen(w, (dz_event){.kind = DZ_EVENT_TRIAL_ENDED,
                              .u.trial = {.trial = 1, .attempt = 1, .end = &end}});
    must_happen(w,
                (dz_event){.kind = DZ_EVENT_TRIAL_STARTED, .u.trial = {.trial = 1, .attempt = 1}});
    must_happen(w,
                (dz_event){.kind = DZ_EVENT_TRIAL_STARTED, .u.trial = {.trial = 99, .attempt = 1}});
    assert_int_equal(active(w, 1)->state, DZ_TRIAL_STARTING);
    assert_int_equal(w->experiment->last_seq, seq);
    started(w, 1);
    seq = w->experiment->last_seq;
    started(w, 1);
    assert_int_equal(w->experiment->last_seq, seq);
    assert_false(w->experiment->dirty);
    succeed_with(w, 1, "1");
    must_happen(w, (dz_event){.kind = DZ_EVENT_TRIAL_ENDED,
                              .u.trial = {.trial = 1, .attempt = 2, .end = &end}});
    assert_int_equal(w->changes.log_count, 0);
    world_destroy(w);
}

static void trials_wait_for_cpus_in_the_order_of_their_numbers(void **state)
{
    const char *const five[] = {"spec.parallelTrialCount", "5", NULL};
    world *w = world_create(five, 2, 0);

    (void)state;
    open_it(w);
    suggest(w, 5, DOZAN_ASK_MORE);
    assert_int_equal(effects_of(w, DZ_EFFECT_START), 2);
    assert_string_equal(active(w, 3)->reason, "WaitingForCPU");
    assert_string_equal(active(w, 3)->message, "needs 1 CPU, 0 of 2 are free: 2 trials hold them");
    assert_string_equal(active(w, 5)->reason, "WaitingForCPU");
    succeed_with(w, 2, "1");
    assert_non_null(effect_on(w, DZ_EFFECT_START, 3));
    assert_null(effect_on(w, DZ_EFFECT_START, 4));
    world_destroy(w);
}

static void gpus_are_given_by_index(void **state)
{
    const char *const gpu[] = {TEST_RESOURCES, "{limits: {nvidia.com/gpu: 1}}",
                               "spec.parallelTrialCount", "3", NULL};
    world *w = world_create(gpu, 4, 2);

    (void)state;
    open_it(w);
    suggest(w, 3, DOZAN_ASK_MORE);
    assert_int_equal(active(w, 1)->gpus[0], 0);
    assert_int_equal(active(w, 2)->gpus[0], 1);
    assert_string_equal(active(w, 3)->reason, "WaitingForGPU");
    succeed_with(w, 1, "1");
    assert_int_equal(active(w, 3)->state, DZ_TRIAL_STARTING);
    assert_int_equal(active(w, 3)->gpus[0], 0);
    world_destroy(w);
}

static void a_demand_that_can_never_be_met_fails_with_the_numbers(void **state)
{
    const char *const nine[] = {TEST_RESOURCES, "{requests: {cpu: '9'}}", "spec.maxTrialCount", "2",
                                NULL};
    world *w = world_create(nine, 8, 0);

    (void)state;
    open_it(w);
    suggest(w, 2, DOZAN_ASK_MORE);
    assert_int_equal(trial_of(w, 1)->state, DZ_TRIAL_FAILED);
    assert_string_equal(trial_of(w, 1)->reason, "Unschedulable");
    assert_non_null(strstr(trial_of(w, 1)->message, "needs 9 CPUs"));
    assert_non_null(strstr(trial_of(w, 1)->message, "8 CPUs"));
    assert_state(w, DZ_EXPERIMENT_SUCCEEDED, "ExperimentMaxTrialsReached"); /* as in Katib */
    world_destroy(w);
}

static void an_unbounded_experiment_none_of_whose_trials_can_start_slows_down(void **state)
{
    const char *const nine[] = {TEST_RESOURCES, "{requests: {cpu: '9'}}", "spec.maxTrialCount",
                                "null", NULL};
    world *w = world_create(nine, 8, 0);
    int asks = 0;

    (void)state;
    open_it(w);
    while (effects_of(w, DZ_EFFECT_ASK) == 1 && asks < 100) {
        suggest(w, 2, DOZAN_ASK_MORE);
        asks++;
    }
    assert_in_range(asks, 1, 10);
    assert_true(dz_next_tick(w->experiment) > w->now);
    assert_true(dz_next_tick(w->experiment) <= w->now + 30000);
    tick_at(w, dz_next_tick(w->experiment));
    assert_int_equal(effects_of(w, DZ_EFFECT_ASK), 1);
    world_destroy(w);
}

static void killing_a_trial_stops_it_or_ends_it_at_once(void **state)
{
    world *w = world_create((const char *const[]){"spec.parallelTrialCount", "3", NULL}, 2, 0);

    (void)state;
    open_it(w);
    suggest(w, 3, DOZAN_ASK_MORE);
    started(w, 1);
    must_happen(w, (dz_event){.kind = DZ_EVENT_KILL_TRIAL, .u.kill = 3});
    assert_int_equal(trial_of(w, 3)->state, DZ_TRIAL_KILLED);
    assert_non_null(entry_of(w, DOZAN_EVENT_KILLED, 3));
    must_happen(w, (dz_event){.kind = DZ_EVENT_KILL_TRIAL, .u.kill = 1});
    assert_int_equal(active(w, 1)->state, DZ_TRIAL_STOPPING);
    assert_non_null(effect_on(w, DZ_EFFECT_STOP, 1));
    must_happen(w, (dz_event){.kind = DZ_EVENT_KILL_TRIAL, .u.kill = 1});
    assert_int_equal(effects_of(w, DZ_EFFECT_STOP), 0); /* once is enough */
    ended_with(w, 1, (dz_end){.kind = DZ_END_STOPPED});
    assert_int_equal(trial_of(w, 1)->state, DZ_TRIAL_KILLED);
    assert_string_equal(trial_of(w, 1)->reason, "TrialKilled");
    must_happen(w, (dz_event){.kind = DZ_EVENT_KILL_TRIAL, .u.kill = 1});
    assert_int_equal(w->changes.log_count, 0);
    world_destroy(w);
}

typedef struct stopping_case {
    const char *name;
    bool user; /* else interrupted by a suspension */
    dz_end end;
    const char *report;
    dz_trial_state becomes;
} stopping_case;

static const stopping_case stopping_cases[] = {
    {"kill", true, {.kind = DZ_END_STOPPED}, "0.5", DZ_TRIAL_KILLED},
    {"kill, job gone", true, {.kind = DZ_END_LOST}, "0.5", DZ_TRIAL_KILLED},
    {"kill, finished before", true, {.kind = DZ_END_EXITED}, "0.5", DZ_TRIAL_SUCCEEDED},
    {"kill, finished without a metric", true, {.kind = DZ_END_EXITED}, NULL, DZ_TRIAL_KILLED},
    {"interrupt", false, {.kind = DZ_END_STOPPED}, "0.5", DZ_TRIAL_PENDING},
    {"interrupt, signal seen after a restart",
     false,
     {.kind = DZ_END_SIGNALED, .signal = SIGTERM},
     NULL,
     DZ_TRIAL_PENDING},
    {"interrupt, finished before", false, {.kind = DZ_END_EXITED}, "0.5", DZ_TRIAL_SUCCEEDED},
};

static void a_stop_ends_by_its_cause_unless_the_trial_was_faster(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof stopping_cases / sizeof stopping_cases[0]; i++) {
        const stopping_case *c = &stopping_cases[i];
        world *w = with_trials(NULL, 2);

        started(w, 1);
        if (c->report != NULL) {
            report_text(w, 1, 0, c->report);
        }
        must_happen(w, c->user ? (dz_event){.kind = DZ_EVENT_KILL_TRIAL, .u.kill = 1}
                               : (dz_event){.kind = DZ_EVENT_SUSPEND,
                                            .u.suspend = {.reason = "UserStopped"}});
        ended_with(w, 1, c->end);
        if (trial_of(w, 1)->state != c->becomes) {
            print_error("%s\n", c->name);
        }
        assert_int_equal(trial_of(w, 1)->state, c->becomes);
        world_destroy(w);
    }
}

static void a_template_that_cannot_be_rendered_fails_the_trial(void **state)
{
    const char *const broken[] = {
        "spec.trialTemplate.trialSpec.spec.template.spec.containers[0].env",
        "[{name: HOST, valueFrom: {fieldRef: {fieldPath: status.hostIP}}}]", NULL};
    world *w = with_trials(broken, 2);

    (void)state;
    assert_int_equal(trial_of(w, 1)->state, DZ_TRIAL_FAILED);
    assert_string_equal(trial_of(w, 1)->reason, "TrialTemplateError");
    assert_non_null(entry_of(w, DOZAN_EVENT_FAILED, 1));
    assert_int_equal(effects_of(w, DZ_EFFECT_START), 0);
    world_destroy(w);
}

static void the_templates_conditions_decide(void **state)
{
    const char *const never[] = {"spec.trialTemplate.successCondition",
                                 "'status.conditions.#(type==\"Shiny\")#|#(status==\"True\")#'",
                                 "spec.trialTemplate.failureCondition",
                                 "'status.conditions.#(type==\"Failed\")#|#(status==\"True\")#'",
                                 NULL};
    const char *const upside_down[] = {
        "spec.trialTemplate.successCondition",
        "'status.conditions.#(type==\"Failed\")#|#(status==\"True\")#'",
        "spec.trialTemplate.failureCondition",
        "'status.conditions.#(type==\"Complete\")#|#(status==\"True\")#'", NULL};
    world *w = with_trials(never, 2);

    (void)state;
    started(w, 1);
    report_text(w, 1, 0, "1");
    exited(w, 1, 0);
    assert_int_equal(trial_of(w, 1)->state, DZ_TRIAL_FAILED);
    assert_non_null(strstr(trial_of(w, 1)->message, "successCondition"));
    world_destroy(w);

    w = with_trials(upside_down, 2);
    succeed_with(w, 1, "1");
    assert_int_equal(trial_of(w, 1)->state, DZ_TRIAL_FAILED);
    started(w, 2);
    report_text(w, 2, 0, "1");
    exited(w, 2, 1);
    assert_int_equal(trial_of(w, 2)->state, DZ_TRIAL_SUCCEEDED);
    world_destroy(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_trial_starts_runs_and_succeeds),
        cmocka_unit_test(each_end_has_its_meaning),
        cmocka_unit_test(a_nan_is_told_as_it_is_and_is_never_the_best),
        cmocka_unit_test(of_two_equals_the_earlier_to_end_is_the_best),
        cmocka_unit_test(a_failed_attempt_runs_again_while_there_are_retries),
        cmocka_unit_test(a_trial_lost_five_times_fails_and_no_bad_score_is_told),
        cmocka_unit_test(events_of_another_attempt_or_an_ended_trial_change_nothing),
        cmocka_unit_test(trials_wait_for_cpus_in_the_order_of_their_numbers),
        cmocka_unit_test(gpus_are_given_by_index),
        cmocka_unit_test(a_demand_that_can_never_be_met_fails_with_the_numbers),
        cmocka_unit_test(an_unbounded_experiment_none_of_whose_trials_can_start_slows_down),
        cmocka_unit_test(killing_a_trial_stops_it_or_ends_it_at_once),
        cmocka_unit_test(a_stop_ends_by_its_cause_unless_the_trial_was_faster),
        cmocka_unit_test(a_template_that_cannot_be_rendered_fails_the_trial),
        cmocka_unit_test(the_templates_conditions_decide),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
