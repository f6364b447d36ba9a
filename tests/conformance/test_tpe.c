/*
 * What tpe promises beside search quality: it leaves regions that fail or break a constraint, its
 * two names and two spellings are one, and trials in parallel do not prolong its random start.
 */
#include "support_lab.h"

#include "table.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { TRIALS = 60, LATE = 30, SEEDS = 10 };

static const dozan_parameter parameters[] = {
    {.name = "a", .type = DOZAN_DOUBLE, .distribution = DOZAN_UNIFORM, .min = "0", .max = "1"},
    {.name = "b", .type = DOZAN_DOUBLE, .distribution = DOZAN_UNIFORM, .min = "0", .max = "1"},
};

static const dozan_constraint at_least = {.metric = "loss", .has_min = true, .min = 0};

static double bowl(const double *u)
{
    return (u[0] - 0.7) * (u[0] - 0.7) + (u[1] - 0.4) * (u[1] - 0.4);
}

/* Of the late trials, how many have a below 1/2. `end` says how such a trial ends; one that
 * completes has the least loss of all, and breaks the constraint. */
static size_t late_trials_below_half(const dozan_experiment *from, dozan_event_kind end)
{
    size_t below = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        dozan_experiment experiment = *from;
        experiment.seed = seed;
        dz_lab lab;
        dz_lab_open(&lab, dz_lab_algorithm("tpe"), &experiment);
        for (int trial = 1; trial <= TRIALS; trial++) {
            const double *u = dz_lab_ask(&lab, 1).points[0];
            if (u[0] < 0.5) {
                below += trial > TRIALS - LATE;
                dz_lab_log(&lab, end, trial, 0, -1);
            } else {
                dz_lab_log(&lab, DOZAN_EVENT_COMPLETED, trial, 0, bowl(u));
            }
        }
        dz_lab_close(&lab);
    }
    return below;
}

/* Random search would have half of the trials there. */
static void regions_that_fail_are_left(void **state)
{
    (void)state;
    dozan_experiment experiment = dz_lab_experiment(dz_lab_algorithm("tpe"), parameters, 2, 1);
    assert_true(late_trials_below_half(&experiment, DOZAN_EVENT_FAILED) < LATE * SEEDS / 8);
    assert_true(late_trials_below_half(&experiment, DOZAN_EVENT_UNAVAILABLE) < LATE * SEEDS / 8);
}

static void regions_that_break_a_constraint_are_left(void **state)
{
    (void)state;
    dozan_experiment experiment = dz_lab_experiment(dz_lab_algorithm("tpe"), parameters, 2, 1);
    assert_true(late_trials_below_half(&experiment, DOZAN_EVENT_COMPLETED) > LATE * SEEDS * 7 / 8);
    experiment.constraints = &at_least;
    experiment.constraint_count = 1;
    assert_true(late_trials_below_half(&experiment, DOZAN_EVENT_COMPLETED) < LATE * SEEDS / 8);
}

static bool is_same(const double *one, const double *other)
{
    return fabs(one[0] - other[0]) <= 0 && fabs(one[1] - other[1]) <= 0;
}

/* Asks for 30 trials of two experiments, 3 at a time, and fails unless they are the same. */
static void assert_same_search(const dozan_experiment *one, const dozan_experiment *other)
{
    const dozan_experiment *experiments[] = {one, other};
    dz_lab labs[2];
    for (size_t i = 0; i < 2; i++) {
        dz_lab_open(&labs[i], dz_lab_algorithm(experiments[i]->algorithm), experiments[i]);
    }
    for (int64_t done = 0; done < 30; done += 3) {
        dz_lab_answer answers[] = {dz_lab_ask(&labs[0], 3), dz_lab_ask(&labs[1], 3)};
        for (size_t k = 0; k < 3; k++) {
            assert_true(is_same(answers[0].points[k], answers[1].points[k]));
            for (size_t i = 0; i < 2; i++) {
                dz_lab_log(&labs[i], DOZAN_EVENT_COMPLETED, answers[0].first_trial + (int64_t)k, 0,
                           bowl(answers[0].points[k]));
            }
        }
    }
    dz_lab_close(&labs[0]);
    dz_lab_close(&labs[1]);
}

static void both_names_are_one_algorithm(void **state)
{
    (void)state;
    static const dozan_pair few[] = {{"n_EI_candidates", "7"}, {"n_ei_candidates", "7"}};
    dozan_experiment one = dz_lab_experiment(dz_lab_algorithm("tpe"), parameters, 2, 3);
    dozan_experiment other =
        dz_lab_experiment(dz_lab_algorithm("multivariate-tpe"), parameters, 2, 3);
    assert_same_search(&one, &other);
    one.algorithm_settings = &few[0];
    other.algorithm_settings = &few[1];
    one.algorithm_setting_count = other.algorithm_setting_count = 1;
    assert_same_search(&one, &other);
    other.algorithm = "tpe";
    assert_same_search(&one, &other);
}

static void two_spellings_with_two_values_are_refused(void **state)
{
    (void)state;
    static const dozan_pair both[] = {{"n_EI_candidates", "7"}, {"n_ei_candidates", "8"}};
    const dozan_algorithm *tpe = dz_lab_algorithm("tpe");
    dozan_experiment experiment = dz_lab_experiment(tpe, parameters, 2, 3);
    experiment.algorithm_settings = both;
    experiment.algorithm_setting_count = 2;
    dozan_error err = {0};
    assert_int_equal(dz_session_validate(tpe, &experiment, &err), DOZAN_INVALID_ARGUMENT);
    assert_non_null(strstr(err.message, "two spellings of one setting"));
}

/* After 8 of 10 random trials have ended, a batch of 8 has two more of them: the others depend on
 * what the 8 told. */
static void parallel_trials_count_for_the_random_start(void **state)
{
    (void)state;
    dozan_experiment experiment = dz_lab_experiment(dz_lab_algorithm("tpe"), parameters, 2, 5);
    dz_lab labs[2];
    dz_lab_answer answers[2];
    for (size_t i = 0; i < 2; i++) {
        dz_lab_open(&labs[i], dz_lab_algorithm("tpe"), &experiment);
        answers[i] = dz_lab_ask(&labs[i], 8);
        for (size_t k = 0; k < 8; k++) {
            double loss = bowl(answers[i].points[k]);
            dz_lab_log(&labs[i], DOZAN_EVENT_COMPLETED, 1 + (int64_t)k, 0, i == 0 ? loss : -loss);
        }
        answers[i] = dz_lab_ask(&labs[i], 8);
    }
    for (size_t k = 0; k < 8; k++) {
        assert_int_equal(is_same(answers[0].points[k], answers[1].points[k]), k < 2);
    }
    dz_lab_close(&labs[0]);
    dz_lab_close(&labs[1]);
}

int main(void)
{
    dozan_algorithms_init();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(regions_that_fail_are_left),
        cmocka_unit_test(regions_that_break_a_constraint_are_left),
        cmocka_unit_test(both_names_are_one_algorithm),
        cmocka_unit_test(two_spellings_with_two_values_are_refused),
        cmocka_unit_test(parallel_trials_count_for_the_random_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
