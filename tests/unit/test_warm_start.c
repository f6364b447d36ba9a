/*
 * Results from before an experiment: which are taken, in what form, and what is said of the others.
 */
#include "core/warm_start.h"

#include "support/world.h"

#include <inttypes.h>
#include <math.h>

typedef struct offer {
    int64_t number;
    const char *lr, *units, *optimizer;
    const char *accuracy, *loss;
    dz_trial_state state;
} offer;

static void observe(dz_observation *seen, const char *text)
{
    double value = 0;
    if (text == NULL) {
        return;
    }
    seen->count = 1;
    seen->numeric = seen->latest_numeric = dozan_number_parse(text, true, &value);
    seen->min = seen->max = seen->latest = value;
}

/* Offers a trial of the base experiment. */
static void give(dz_warm_start *warm, const dz_experiment_spec *source, const offer *from)
{
    const char *const names[] = {"lr", "units", "optimizer"};
    const char *const values[] = {from->lr, from->units, from->optimizer};
    dozan_pair pairs[3];
    dz_observation seen[2] = {{0}};
    dz_trial trial = {.number = from->number, .state = from->state, .assignments = pairs};
    dozan_error err = {0};

    for (size_t i = 0; i < 3; i++) {
        if (values[i] != NULL) {
            pairs[trial.assignment_count++] = (dozan_pair){names[i], values[i]};
        }
    }
    observe(&seen[0], from->accuracy);
    observe(&seen[1], from->loss);
    trial.observations = seen;
    trial.metric_count = 2;
    trial.ended_ms = 1000 + from->number;
    assert_int_equal(dz_warm_start_offer(warm, source, &trial, &err), DOZAN_OK);
}

static world *warmed(const char *const *changes, const offer *offers, size_t count)
{
    world *w = world_create(changes, 8, 0);
    dz_experiment_spec *source = test_spec(NULL);
    dz_warm_start *warm = NULL;

    assert_int_equal(dz_warm_start_create(w->experiment, &warm, &w->err), DOZAN_OK);
    for (size_t i = 0; i < count; i++) {
        give(warm, source, &offers[i]);
    }
    assert_int_equal(dz_warm_start_finish(warm, w->now, &w->changes, &w->err), DOZAN_OK);
    dz_warm_start_destroy(warm);
    dz_spec_destroy(source);
    return w;
}

static void fitting_results_become_events(void **state)
{
    const char *const changes[] = {"spec.warmStart", "{experiments: [old, older]}", NULL};
    const offer offers[] = {
        {1, "0.5", "32.0", "sgd", "0.9", "0.1", DZ_TRIAL_SUCCEEDED},
        {2, "0.5", "32", "sgd", "0.9", NULL, DZ_TRIAL_FAILED}, /* no result */
        {3, "0.25", "16", "adam", "nan", NULL, DZ_TRIAL_SUCCEEDED},
        {4, "0.5", "32", NULL, "0.9", NULL, DZ_TRIAL_SUCCEEDED},
        {5, "2", "32", "sgd", "0.9", NULL, DZ_TRIAL_SUCCEEDED},
        {6, "0.5", "17", "sgd", "0.9", NULL, DZ_TRIAL_SUCCEEDED},
        {7, "0.5", "32", "sgd", NULL, "1", DZ_TRIAL_SUCCEEDED},
    };
    world *w = warmed(changes, offers, sizeof offers / sizeof offers[0]);
    const dz_log_entry *log = w->changes.log;

    (void)state;
    assert_int_equal(w->changes.log_count, 2);
    assert_int_equal(w->experiment->last_seq, 2);
    assert_int_equal(w->experiment->trial_count, 0);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(log[i].seq, i + 1);
        assert_int_equal(log[i].kind, DOZAN_EVENT_KNOWN);
        assert_int_equal(log[i].trial, -1 - (int64_t)i);
        assert_true(log[i].has_value);
        assert_int_equal(log[i].assignment_count, 3);
        assert_int_equal(log[i].other_count, 1);
    }
    assert_true(fabs(log[0].value - 0.9) <= 0);
    assert_true(fabs(log[0].others[0] - 0.1) <= 0);
    assert_string_equal(log[0].assignments[1].value, "32");
    assert_true(isnan(log[1].value));
    assert_true(isnan(log[1].others[0]));
    assert_string_equal(w->experiment->warm_start,
                        "2 results of old, older; 4 passed over: 1 without a value of a metric "
                        "(accuracy), 1 without a parameter (optimizer), 2 outside the space (lr)");
    world_destroy(w);
}

static void other_metrics_conditions_and_strategies_are_the_new_ones(void **state)
{
    const char *const changes[] = {
        "spec.warmStart",
        "{experiments: [old]}",
        "spec.objectives",
        "[{type: minimize, metric: loss}, {type: maximize, metric: accuracy}]",
        "spec.objective",
        "{objectiveMetricName: loss}",
        "spec.parameters[2].when",
        "{parameter: units, in: [16]}",
        NULL};
    const offer offers[] = {
        {1, "0.5", "32", "sgd", "0.9", "0.1", DZ_TRIAL_SUCCEEDED},
        {2, "0.5", "16", "sgd", "0.8", "0.2", DZ_TRIAL_SUCCEEDED},
        {3, "0.5", "16", NULL, "0.8", "0.2", DZ_TRIAL_SUCCEEDED},
        {4, "0.5", "48", NULL, "0.8", NULL, DZ_TRIAL_SUCCEEDED},
    };
    world *w = warmed(changes, offers, sizeof offers / sizeof offers[0]);

    (void)state;
    assert_int_equal(w->changes.log_count, 2);
    assert_int_equal(w->changes.log[0].assignment_count, 2); /* the optimizer is not active */
    assert_int_equal(w->changes.log[1].assignment_count, 3);
    assert_true(fabs(w->changes.log[0].value - 0.1) <= 0);
    assert_true(fabs(w->changes.log[0].others[0] - 0.9) <= 0);
    assert_non_null(strstr(w->experiment->warm_start, "1 without a value of a metric (loss)"));
    world_destroy(w);
}

static void the_best_and_the_newest_are_taken(void **state)
{
    const char *const changes[] = {"spec.warmStart", "{experiments: [old], maxTrials: 5}", NULL};
    static const int expected[] = {2, 3, 7, 11, 12};
    offer offers[12];
    char texts[12][16];
    world *w;

    (void)state;
    for (int i = 0; i < 12; i++) { /* 2, 3 and 7 are the best; maximised */
        double value = i + 1 == 3 ? 0.9 : i + 1 == 7 ? 0.8 : i + 1 == 2 ? 0.7 : 0.1;
        (void)snprintf(texts[i], sizeof texts[i], "%g", value);
        offers[i] =
            (offer){i + 1, i < 9 ? "0.5" : "0.25", "32", "sgd", texts[i], NULL, DZ_TRIAL_SUCCEEDED};
    }
    offers[0].accuracy = "nan"; /* the oldest, and no good */
    w = warmed(changes, offers, 12);
    assert_int_equal(w->changes.log_count, 5);
    for (size_t i = 0; i < 5; i++) {
        double value = 0;
        assert_true(dozan_number_parse(texts[expected[i] - 1], false, &value));
        assert_true(fabs(w->changes.log[i].value - value) <= 0);
        assert_int_equal(w->changes.log[i].trial, -1 - (int64_t)i);
        assert_string_equal(w->changes.log[i].assignments[0].value, i < 3 ? "0.5" : "0.25");
    }
    assert_string_equal(w->experiment->warm_start,
                        "5 results of old; 7 passed over: 7 more than maxTrials");
    world_destroy(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fitting_results_become_events),
        cmocka_unit_test(other_metrics_conditions_and_strategies_are_the_new_ones),
        cmocka_unit_test(the_best_and_the_newest_are_taken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
