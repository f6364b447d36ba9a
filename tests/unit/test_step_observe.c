/*
 * Reports: what is kept of them, idempotent re-reading, and early stopping.
 */
#include "support/world.h"

#include <math.h>

static const char *const with_stopping[] = {"spec.earlyStopping", "{algorithmName: medianstop}",
                                            NULL};

static world *running(const char *const *changes, size_t count)
{
    world *w = world_create(changes, 8, 0);

    open_it(w);
    suggest(w, count, DOZAN_ASK_MORE);
    for (size_t i = 1; i <= count; i++) {
        started(w, (int64_t)i);
    }
    return w;
}

static void min_max_and_latest_are_kept_as_printed(void **state)
{
    world *w = running(NULL, 2);
    const dz_observation *seen = active(w, 1)->observations;

    (void)state;
    report_text(w, 1, 0, "nan");
    assert_true(isnan(seen[0].min) && isnan(seen[0].max));
    report_text(w, 1, 0, "0.50");
    report_text(w, 1, 0, "nan");
    assert_string_equal(seen[0].min_text, "0.50");
    assert_string_equal(seen[0].max_text, "0.50");
    assert_string_equal(seen[0].latest_text, "nan");
    report_text(w, 1, 0, "+0.7");
    report_text(w, 1, 0, "-inf");
    report_text(w, 1, 0, "done");
    assert_string_equal(seen[0].max_text, "+0.7");
    assert_string_equal(seen[0].min_text, "-inf");
    assert_string_equal(seen[0].latest_text, "done");
    assert_false(seen[0].latest_numeric);
    assert_int_equal(seen[0].count, 6);
    assert_int_equal(seen[1].count, 0);
    assert_false(entry_of(w, DOZAN_EVENT_REPORT, 1)->has_value);
    assert_string_equal(entry_of(w, DOZAN_EVENT_REPORT, 1)->text, "done");
    world_destroy(w);
}

static void each_strategy_has_its_objective(void **state)
{
    static const struct {
        const char *strategy;
        const char *last;
        bool has;
        double value;
    } cases[] = {{"min", "0.4", true, 0.25},
                 {"max", "0.4", true, 0.75},
                 {"latest", "0.5", true, 0.5},
                 {"latest", "none", false, 0},
                 {"max", "none", true, 0.75}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char strategies[64];
        const char *changes[] = {"spec.objective.metricStrategies", strategies, NULL};
        double value = 0;
        world *w;

        (void)snprintf(strategies, sizeof strategies, "[{name: accuracy, value: %s}]",
                       cases[i].strategy);
        w = running(changes, 2);
        report_text(w, 1, 0, "0.75");
        report_text(w, 1, 0, "0.25");
        report_text(w, 1, 0, cases[i].last);
        assert_int_equal(dz_trial_objective(active(w, 1), w->experiment->spec, &value),
                         cases[i].has);
        if (cases[i].has) {
            assert_true(fabs(value - cases[i].value) < 1e-12);
        }
        world_destroy(w);
    }
}

/* After an adoption the output is read from its beginning again. */
static void what_was_counted_is_not_counted_again(void **state)
{
    world *w = running(NULL, 2);
    const dz_point again[] = {
        {.metric = 0, .step = 1, .is_number = true, .value = 0.5, .text = "0.5"},
        {.metric = 1, .step = 1, .is_number = true, .value = 2, .text = "2"},
        {.metric = 0, .step = 2, .is_number = true, .value = 0.6, .text = "0.6"},
        {.metric = 0, .step = 3, .is_number = true, .value = 0.7, .text = "0.7"},
        {.metric = 9, .step = 1, .is_number = true, .value = 0.7, .text = "0.7"},
    };
    dz_event event = {.kind = DZ_EVENT_TRIAL_REPORTED,
                      .u.trial = {.trial = 1, .attempt = 1, .points = again, .point_count = 5}};

    (void)state;
    report_text(w, 1, 0, "0.5");
    report_text(w, 1, 0, "0.6");
    must_happen(w, event);
    assert_int_equal(w->changes.log_count, 2);
    assert_int_equal(w->changes.log[0].metric, 1);
    assert_int_equal(w->changes.log[1].step, 3);
    assert_int_equal(active(w, 1)->observations[0].count, 3);
    event.u.trial.attempt = 2;
    must_happen(w, event);
    assert_int_equal(w->changes.log_count, 0);
    world_destroy(w);
}

static void a_trial_that_speaks_runs(void **state)
{
    world *w = world_create(NULL, 8, 0);

    (void)state;
    open_it(w);
    suggest(w, 2, DOZAN_ASK_MORE);
    report_text(w, 1, 0, "0.5");
    assert_int_equal(active(w, 1)->state, DZ_TRIAL_RUNNING);
    assert_int_equal(w->changes.log[0].kind, DOZAN_EVENT_STARTED);
    assert_int_equal(w->changes.log[1].kind, DOZAN_EVENT_REPORT);
    assert_int_equal(effects_of(w, DZ_EFFECT_JUDGE), 0); /* no early stopping here */
    world_destroy(w);
}

static void judge(world *w, int64_t trial, bool stop)
{
    dozan_trial_verdict verdict = {.trial = trial, .stop = stop, .message = "0.1 is below 0.5"};
    dozan_judge_reply reply = {.verdicts = &verdict, .verdict_count = 1};

    must_happen(w, (dz_event){.kind = DZ_EVENT_JUDGED, .u.judged = &reply});
}

static const dz_effect *judged(const world *w)
{
    for (size_t i = 0; i < w->changes.effect_count; i++) {
        if (w->changes.effects[i].kind == DZ_EFFECT_JUDGE) {
            return &w->changes.effects[i];
        }
    }
    return NULL;
}

static void what_is_new_is_judged_one_judgement_at_a_time(void **state)
{
    world *w = running(with_stopping, 2);

    (void)state;
    report_text(w, 1, 1, "3");
    assert_null(judged(w)); /* not the objective */
    report_text(w, 1, 0, "0.1");
    assert_int_equal(judged(w)->trial_count, 1);
    assert_int_equal(judged(w)->trials[0], 1);
    report_text(w, 1, 0, "0.2");
    assert_null(judged(w));
    report_text(w, 2, 0, "0.9");
    assert_null(judged(w));
    judge(w, 1, false);
    assert_int_equal(judged(w)->trial_count, 2); /* collected meanwhile */
    judge(w, 1, false);
    assert_null(judged(w));
    world_destroy(w);
}

static void a_verdict_stops_the_trial_and_its_value_counts(void **state)
{
    world *w = running(with_stopping, 2);

    (void)state;
    report_text(w, 1, 0, "0.1");
    judge(w, 1, true);
    assert_int_equal(active(w, 1)->state, DZ_TRIAL_STOPPING);
    assert_int_equal(active(w, 1)->stop_cause, DZ_STOP_EARLY);
    assert_non_null(effect_on(w, DZ_EFFECT_STOP, 1));
    report_text(w, 1, 0, "0.15");
    assert_null(judged(w)); /* it is being stopped already */
    ended_with(w, 1, (dz_end){.kind = DZ_END_STOPPED});
    assert_int_equal(trial_of(w, 1)->state, DZ_TRIAL_EARLY_STOPPED);
    assert_string_equal(trial_of(w, 1)->message, "0.1 is below 0.5");
    assert_true(entry_of(w, DOZAN_EVENT_STOPPED, 1)->has_value);
    assert_int_equal(w->experiment->best.trial, 1);
    world_destroy(w);
}

static void a_verdict_on_an_earlier_attempt_is_void(void **state)
{
    world *w = running(with_stopping, 2);

    (void)state;
    report_text(w, 1, 0, "0.1");
    ended_with(w, 1, (dz_end){.kind = DZ_END_LOST});
    tick_at(w, dz_next_tick(w->experiment));
    started(w, 1);
    report_text(w, 1, 0, "0.9");
    judge(w, 1, true);
    assert_int_equal(active(w, 1)->state, DZ_TRIAL_RUNNING);
    assert_int_equal(judged(w)->trial_count, 1);
    judge(w, 1, true);
    assert_int_equal(active(w, 1)->state, DZ_TRIAL_STOPPING);
    world_destroy(w);
}

static void a_stopper_that_fails_is_asked_again_and_fails_no_trial(void **state)
{
    world *w = running(with_stopping, 2);

    (void)state;
    report_text(w, 1, 0, "0.1");
    for (int i = 0; i < 20; i++) {
        must_happen(w, (dz_event){.kind = DZ_EVENT_JUDGE_FAILED,
                                  .u.failed = {.reason = "PluginTimeout", .message = "no answer"}});
        assert_true(dz_next_tick(w->experiment) > w->now);
        assert_true(dz_next_tick(w->experiment) <= w->now + 30000);
        tick_at(w, dz_next_tick(w->experiment));
        assert_int_equal(judged(w)->trial_count, 1);
    }
    assert_non_null(strstr(w->experiment->suggestion_message, "no answer"));
    assert_state(w, DZ_EXPERIMENT_RUNNING, "ExperimentRunning");
    exited(w, 1, 0);
    assert_int_equal(trial_of(w, 1)->state, DZ_TRIAL_SUCCEEDED);
    world_destroy(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(min_max_and_latest_are_kept_as_printed),
        cmocka_unit_test(each_strategy_has_its_objective),
        cmocka_unit_test(what_was_counted_is_not_counted_again),
        cmocka_unit_test(a_trial_that_speaks_runs),
        cmocka_unit_test(what_is_new_is_judged_one_judgement_at_a_time),
        cmocka_unit_test(a_verdict_stops_the_trial_and_its_value_counts),
        cmocka_unit_test(a_verdict_on_an_earlier_attempt_is_void),
        cmocka_unit_test(a_stopper_that_fails_is_asked_again_and_fails_no_trial),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
