/*
 * Several objectives and constraints in the core: which trials are complete, which is the best,
 * which are the front, and what the log says.
 */
#include "support/world.h"

#include <math.h>

/* accuracy up, loss down, and time at most 10. Metrics: accuracy, loss, time. */
static const char *const goals[] = {
    "spec.objectives",
    "[{type: maximize, metric: accuracy}, {type: minimize, metric: loss}]",
    "spec.constraints",
    "[{metric: time, max: 10}]",
    "spec.maxTrialCount",
    "20",
    "spec.objective.goal",
    "0.95",
    NULL};

static world *running(const char *const *changes)
{
    world *w = world_create(changes, 8, 0);

    open_it(w);
    suggest(w, 2, DOZAN_ASK_MORE);
    return w;
}

static void report(world *w, int64_t trial, const char *accuracy, const char *loss,
                   const char *time)
{
    const char *const texts[] = {accuracy, loss, time};

    started(w, trial);
    for (uint32_t i = 0; i < 3; i++) {
        if (texts[i] != NULL) {
            report_text(w, trial, i, texts[i]);
        }
    }
}

/* A whole trial, and a suggestion for the next. */
static void trial(world *w, int64_t number, const char *accuracy, const char *loss,
                  const char *time)
{
    report(w, number, accuracy, loss, time);
    exited(w, number, 0);
}

static void a_missing_metric_is_named(void **state)
{
    static const struct {
        const char *texts[3];
        const char *says;
    } rows[] = {
        {{"0.5", NULL, "1"}, "did not report its objective loss"},
        {{NULL, "1", "1"}, "did not report its objective accuracy"},
        {{"0.5", "1", NULL}, "did not report the metric of a constraint, time"},
        {{"0.5", "low", "1"}, "its objective loss is no number: \"low\""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        world *w = running(goals);
        trial(w, 1, rows[i].texts[0], rows[i].texts[1], rows[i].texts[2]);
        assert_int_equal(trial_of(w, 1)->state, DZ_TRIAL_METRICS_UNAVAILABLE);
        assert_non_null(strstr(trial_of(w, 1)->message, rows[i].says));
        assert_non_null(entry_of(w, DOZAN_EVENT_UNAVAILABLE, 1));
        assert_int_equal(w->experiment->front.count, 0);
        assert_int_equal(w->experiment->best.trial, 0);
        world_destroy(w);
    }
}

static void the_log_has_all_values(void **state)
{
    world *w = running(goals);
    const dz_log_entry *entry;

    (void)state;
    report(w, 1, "0.5", "3", "9");
    report_text(w, 1, 1, "2");
    report_text(w, 1, 2, "8");
    exited(w, 1, 0);
    entry = entry_of(w, DOZAN_EVENT_COMPLETED, 1);
    assert_non_null(entry);
    assert_true(entry->has_value && entry->value <= 0.5 && entry->value >= 0.5);
    assert_int_equal(entry->other_count, 2);
    assert_true(fabs(entry->others[0] - 2) <= 0); /* min */
    assert_true(fabs(entry->others[1] - 8) <= 0); /* latest */
    world_destroy(w);
}

/* One objective and no constraint: nothing more is written than before. */
static void without_need_the_log_has_no_others(void **state)
{
    world *w = running(NULL);

    (void)state;
    started(w, 1);
    report_text(w, 1, 0, "0.5");
    report_text(w, 1, 1, "0.5");
    exited(w, 1, 0);
    assert_null(entry_of(w, DOZAN_EVENT_COMPLETED, 1)->others);
    assert_int_equal(w->experiment->front.count, 0);
    world_destroy(w);
}

static void only_feasible_trials_are_best_and_front(void **state)
{
    world *w = running(goals);
    const dz_experiment *e = w->experiment;

    (void)state;
    trial(w, 1, "0.99", "1", "11"); /* beyond the bound: not even the goal is reached by it */
    assert_int_equal(trial_of(w, 1)->state, DZ_TRIAL_SUCCEEDED);
    assert_int_equal(e->best.trial, 0);
    assert_int_equal(e->front.count, 0);
    assert_int_equal(e->state, DZ_EXPERIMENT_RUNNING);
    suggest(w, 1, DOZAN_ASK_MORE);
    trial(w, 2, "0.5", "2", "10");
    assert_int_equal(e->best.trial, 2);
    assert_true(dz_front_has(&e->front, 2));
    assert_true(e->dirty);
    suggest(w, 1, DOZAN_ASK_MORE);
    trial(w, 3, "0.4", "3", "1"); /* dominated */
    assert_int_equal(e->front.count, 1);
    suggest(w, 1, DOZAN_ASK_MORE);
    trial(w, 4, "0.4", "1", "1");
    assert_int_equal(e->front.count, 2);
    assert_int_equal(e->best.trial, 2);
    suggest(w, 1, DOZAN_ASK_MORE);
    trial(w, 5, "0.6", "1", "1"); /* beats both */
    assert_int_equal(e->front.count, 1);
    assert_int_equal(e->front.trials[0], 5);
    suggest(w, 1, DOZAN_ASK_MORE);
    trial(w, 6, "0.6", "1", "nan"); /* a NaN keeps no bound */
    assert_int_equal(e->front.count, 1);
    suggest(w, 1, DOZAN_ASK_MORE);
    trial(w, 7, "nan", "0", "1");
    assert_int_equal(e->front.count, 1);
    suggest(w, 1, DOZAN_ASK_MORE);
    trial(w, 8, "0.95", "9", "1");
    assert_state(w, DZ_EXPERIMENT_SUCCEEDED, "ExperimentGoalReached");
    assert_int_equal(e->front.count, 2);
    world_destroy(w);
}

static void excess_is_the_distance_from_the_bound(void **state)
{
    const char *const changes[] = {
        "spec.constraints", "[{metric: loss, min: 1, max: 3}, {metric: accuracy, min: 0.5}]", NULL};
    static const struct {
        const char *loss;
        double excess;
        bool feasible;
    } rows[] = {
        {"0.25", 0.75, false}, {"1", 0, true}, {"2", -1, true}, {"3", 0, true}, {"5", 2, false}};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        world *w = running(changes);
        const dz_experiment_spec *spec = w->experiment->spec;
        started(w, 1);
        report_text(w, 1, 0, "0.5");
        assert_true(isnan(dz_trial_excess(active(w, 1), spec, 0)));
        assert_false(dz_trial_feasible(active(w, 1), spec));
        report_text(w, 1, 1, rows[i].loss);
        assert_true(fabs(dz_trial_excess(active(w, 1), spec, 0) - rows[i].excess) <= 0);
        assert_int_equal(dz_trial_feasible(active(w, 1), spec), rows[i].feasible);
        world_destroy(w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_missing_metric_is_named),
        cmocka_unit_test(the_log_has_all_values),
        cmocka_unit_test(without_need_the_log_has_no_others),
        cmocka_unit_test(only_feasible_trials_are_best_and_front),
        cmocka_unit_test(excess_is_the_distance_from_the_bound),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
