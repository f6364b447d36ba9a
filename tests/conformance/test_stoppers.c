/*
 * The early stoppers: cases worked out by hand, and asha-stop against the rule written down
 * plainly, over random curves.
 */
#include "support_lab.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const dozan_parameter parameter = {
    .name = "x", .type = DOZAN_DOUBLE, .distribution = DOZAN_UNIFORM, .min = "0", .max = "1"};

static void open_lab(dz_lab *lab, const char *name, const dozan_pair *settings, size_t count,
                     bool maximize)
{
    const dozan_algorithm *algorithm = dz_lab_algorithm(name);
    dozan_experiment experiment = dz_lab_experiment(algorithm, &parameter, 1, 1);
    experiment.early_stopping_settings = settings;
    experiment.early_stopping_setting_count = count;
    experiment.maximize = maximize;
    dz_lab_open(lab, algorithm, &experiment);
}

static int64_t begin(dz_lab *lab)
{
    double point = (double)(lab->trials + 1) / 4096;
    return dz_lab_give(lab, &point);
}

/* Asks a trial and logs its reports. */
static int64_t run_trial(dz_lab *lab, const double *values, size_t count)
{
    int64_t trial = begin(lab);
    for (size_t i = 0; i < count; i++) {
        dz_lab_log(lab, DOZAN_EVENT_REPORT, trial, (int64_t)i + 1, values[i]);
    }
    return trial;
}

static void complete_trial(dz_lab *lab, const double *values, size_t count, double objective)
{
    int64_t trial = run_trial(lab, values, count);
    dz_lab_log(lab, DOZAN_EVENT_COMPLETED, trial, 0, objective);
}

#define VALUES(...)                                                                                \
    ((const double[]){__VA_ARGS__}), sizeof((double[]){__VA_ARGS__}) / sizeof(double)

static bool stops(dz_lab *lab, const double *values, size_t count)
{
    return dz_lab_judge(lab, run_trial(lab, values, count)).stop;
}

/* ---- percentile ------------------------------------------------------------------------------ */

/* At report 2 the completed trials had 1, 2, 3, 4 and 5: the best quarter ends at 2. */
static void percentile_keeps_the_best_share(void **state)
{
    (void)state;
    dz_lab lab;
    open_lab(&lab, "percentile", NULL, 0, false);
    for (int i = 1; i <= 4; i++) {
        complete_trial(&lab, VALUES(9, i), i);
    }
    assert_false(stops(&lab, VALUES(9, 8))); /* n_startup_trials is 5 */
    complete_trial(&lab, VALUES(9, 5), 5);
    assert_false(stops(&lab, VALUES(9, 2)));
    assert_true(stops(&lab, VALUES(9, 2.1)));
    assert_false(stops(&lab, VALUES(1.9, 7)));  /* its best counts */
    assert_false(stops(&lab, VALUES(9, 2, 9))); /* no trial had a third report */
    assert_true(stops(&lab, VALUES(NAN, NAN)));
    dz_lab_close(&lab);
}

static void percentile_judges_at_its_steps(void **state)
{
    (void)state;
    static const dozan_pair settings[] = {{"percentile", "50"},
                                          {"n_startup_trials", "1"},
                                          {"n_warmup_steps", "1"},
                                          {"interval_steps", "2"}};
    dz_lab lab;
    open_lab(&lab, "percentile", settings, 4, true);
    complete_trial(&lab, VALUES(5, 5, 1, 5, 1), 5);
    int64_t trial = run_trial(&lab, VALUES(1)); /* the first judged report is the second */
    assert_false(dz_lab_judge(&lab, trial).stop);
    dz_lab_log(&lab, DOZAN_EVENT_REPORT, trial, 2, 6);
    assert_false(dz_lab_judge(&lab, trial).stop);
    int64_t other = run_trial(&lab, VALUES(1, 4, 3)); /* at 3 it is judged by its second */
    assert_true(dz_lab_judge(&lab, other).stop);
    dz_lab_close(&lab);
}

/* ---- asha-stop ------------------------------------------------------------------------------- */

static void asha_stop_keeps_the_best_third(void **state)
{
    (void)state;
    dz_lab lab;
    open_lab(&lab, "asha-stop", NULL, 0, false);
    int64_t first = run_trial(&lab, VALUES(5));
    assert_false(dz_lab_judge(&lab, first).stop); /* alone it is the best */
    int64_t second = run_trial(&lab, VALUES(6));
    dozan_trial_verdict verdict = dz_lab_judge(&lab, second);
    assert_true(verdict.stop);
    assert_non_null(strstr(verdict.message, "6"));
    assert_non_null(strstr(verdict.message, "2 trials"));
    assert_false(stops(&lab, VALUES(4)));              /* the best of 3 */
    assert_true(stops(&lab, VALUES(4.5)));             /* 2nd of 4, where 1 goes on */
    assert_false(dz_lab_judge(&lab, first).stop);      /* was compared, and is not again */
    assert_true(stops(&lab, VALUES(4.2)));             /* 2nd of 5 */
    assert_false(stops(&lab, VALUES(4.1)));            /* 2nd of 6, where 2 go on */
    dz_lab_log(&lab, DOZAN_EVENT_REPORT, first, 2, 9); /* no rung */
    assert_false(dz_lab_judge(&lab, first).stop);
    dz_lab_log(&lab, DOZAN_EVENT_REPORT, second, 2, 0); /* stays stopped */
    assert_true(dz_lab_judge(&lab, second).stop);
    assert_true(stops(&lab, VALUES(NAN)));
    dz_lab_close(&lab);
}

static void asha_stop_has_its_rungs(void **state)
{
    (void)state;
    static const dozan_pair settings[] = {{"min_resource", "2"},
                                          {"reduction_factor", "2"},
                                          {"min_early_stopping_rate", "1"},
                                          {"max_resource", "16"},
                                          {"bootstrap_count", "1"}}; /* rungs: 4, 8 */
    dz_lab lab;
    open_lab(&lab, "asha-stop", settings, 5, true);
    int64_t good = run_trial(&lab, VALUES(3, 3, 3, 3));
    int64_t bad = run_trial(&lab, VALUES(1, 1, 1));
    assert_false(dz_lab_judge(&lab, bad).stop);
    for (int64_t step = 5; step <= 16; step++) {
        dz_lab_log(&lab, DOZAN_EVENT_REPORT, good, step, 3);
    }
    dz_lab_log(&lab, DOZAN_EVENT_REPORT, bad, 4, 2);
    assert_true(dz_lab_judge(&lab, bad).stop);
    int64_t late = run_trial(&lab, VALUES(4, 0, 0, 0, 0, 0, 0)); /* its best is 4 */
    assert_false(dz_lab_judge(&lab, late).stop);
    for (int64_t step = 8; step <= 16; step++) {
        dz_lab_log(&lab, DOZAN_EVENT_REPORT, late, step, 0);
    }
    assert_false(dz_lab_judge(&lab, late).stop); /* 16 would be a rung, and is the end */
    dz_lab_close(&lab);
}

/* Random curves of random lengths that run side by side: each verdict is that of the plain rule. */
static void asha_stop_follows_the_rule_on_random_curves(void **state)
{
    (void)state;
    enum { TRIALS = 200, SIDE_BY_SIDE = 6, STEPS = 30 };
    static double at_rung[4][TRIALS];
    dozan_rng rng = dozan_rng_stream(31, "asha-stop", 0);
    size_t rung_counts[4] = {0};
    struct {
        int64_t trial, step, rung;
        double best;
        bool lost;
    } running[SIDE_BY_SIDE] = {0};
    dz_lab lab;
    open_lab(&lab, "asha-stop", NULL, 0, false);
    while (lab.trials < TRIALS) {
        size_t i = (size_t)dozan_rng_below(&rng, SIDE_BY_SIDE);
        if (running[i].trial == 0) {
            running[i].trial = begin(&lab);
            running[i].best = INFINITY;
        }
        double value = dozan_rng_normal(&rng);
        dz_lab_log(&lab, DOZAN_EVENT_REPORT, running[i].trial, ++running[i].step, value);
        running[i].best = fmin(running[i].best, value);
        static const int64_t steps[] = {1, 3, 9, 27, 81};
        if (running[i].step == steps[running[i].rung]) {
            int64_t rung = running[i].rung++;
            size_t better = 0;
            for (size_t k = 0; k < rung_counts[rung]; k++) {
                better += at_rung[rung][k] < running[i].best ? 1 : 0;
            }
            at_rung[rung][rung_counts[rung]++] = running[i].best;
            size_t kept = rung_counts[rung] / 3 > 0 ? rung_counts[rung] / 3 : 1;
            running[i].lost = running[i].lost || better >= kept;
        }
        assert_int_equal(dz_lab_judge(&lab, running[i].trial).stop, running[i].lost);
        if (dozan_rng_below(&rng, 90) == 0) {
            dz_lab_restart(&lab, &rng);
        }
        if ((running[i].lost && dozan_rng_below(&rng, 2) == 0) || running[i].step == STEPS) {
            dozan_event_kind end = running[i].lost ? DOZAN_EVENT_STOPPED : DOZAN_EVENT_COMPLETED;
            dz_lab_log(&lab, end, running[i].trial, 0, running[i].best);
            memset(&running[i], 0, sizeof(running[i]));
        }
    }
    assert_true(rung_counts[2] > 10);
    dz_lab_close(&lab);
}

/* ---- threshold ------------------------------------------------------------------------------- */

static void threshold_stops_outside_of_its_limits(void **state)
{
    (void)state;
    static const dozan_pair settings[] = {
        {"lower", "-1"}, {"upper", "10"}, {"n_warmup_steps", "1"}, {"interval_steps", "2"}};
    for (int maximize = 0; maximize <= 1; maximize++) {
        dz_lab lab;
        open_lab(&lab, "threshold", settings, 4, maximize == 1);
        assert_false(stops(&lab, VALUES(99)));
        assert_false(stops(&lab, VALUES(99, 10)));
        assert_false(stops(&lab, VALUES(99, -1, 11))); /* reports 2, 4, 6 are judged */
        assert_true(stops(&lab, VALUES(99, 10.5)));
        assert_true(stops(&lab, VALUES(99, -1.5)));
        assert_true(stops(&lab, VALUES(5, 5, 5, NAN)));
        assert_true(stops(&lab, VALUES(5, -INFINITY)));
        assert_true(stops(&lab, VALUES(5, 11, 5))); /* judged late */
        dz_lab_close(&lab);
    }
    static const dozan_pair crossed[] = {{"lower", "1"}, {"upper", "0"}};
    const dozan_algorithm *algorithm = dz_lab_algorithm("threshold");
    dozan_experiment experiment = dz_lab_experiment(algorithm, &parameter, 1, 1);
    experiment.early_stopping_settings = crossed;
    experiment.early_stopping_setting_count = 2;
    dozan_error err = {0};
    assert_int_equal(dz_session_validate(algorithm, &experiment, &err), DOZAN_INVALID_ARGUMENT);
}

/* ---- patient --------------------------------------------------------------------------------- */

static void patient_waits_for_an_improvement(void **state)
{
    (void)state;
    static const dozan_pair settings[] = {{"patience", "3"}, {"min_delta", "0.5"}};
    dz_lab lab;
    open_lab(&lab, "patient", settings, 2, false);
    assert_false(stops(&lab, VALUES(5, 4.9, 4.8)));
    assert_true(stops(&lab, VALUES(5, 4.9, 4.8, 4.7)));        /* by 0.3 in three reports */
    assert_false(stops(&lab, VALUES(5, 4.9, 4.8, 4.4)));       /* by 0.6 */
    assert_false(stops(&lab, VALUES(5, 4.9, 4.8, 4.4, 6, 6))); /* since then two */
    assert_true(stops(&lab, VALUES(5, 4.9, 4.8, 4.4, 6, 6, NAN)));
    assert_true(stops(&lab, VALUES(NAN, NAN, NAN, NAN)));
    assert_false(stops(&lab, VALUES(NAN, NAN, NAN, 7)));
    dz_lab_close(&lab);
}

/* With medianstop inside: bad and still is stopped; bad and improving, or good and still, is not.
 */
static void patient_asks_whom_it_wraps(void **state)
{
    (void)state;
    static const dozan_pair settings[] = {{"patience", "1"},
                                          {"wrapped_pruner", "medianstop"},
                                          {"min_trials_required", "1"},
                                          {"start_step", "2"}};
    dz_lab lab;
    open_lab(&lab, "patient", settings, 4, false);
    complete_trial(&lab, VALUES(5, 5, 5), 5);
    assert_true(stops(&lab, VALUES(9, 9)));
    assert_false(stops(&lab, VALUES(9, 8)));
    assert_false(stops(&lab, VALUES(4, 4)));
    assert_false(stops(&lab, VALUES(9)));
    dz_lab_close(&lab);
}

/* ---- wilcoxon -------------------------------------------------------------------------------- */

/* Four folds, all worse: p = 1/16. Three: 1/8. */
static void wilcoxon_stops_what_is_worse_on_most_folds(void **state)
{
    (void)state;
    dz_lab lab;
    open_lab(&lab, "wilcoxon", NULL, 0, false);
    assert_false(stops(&lab, VALUES(9, 9, 9, 9, 9)));
    complete_trial(&lab, VALUES(7, 7, 7, 7, 7), 7);
    complete_trial(&lab, VALUES(1, 2, 3, 4, 5), 3); /* the best */
    complete_trial(&lab, VALUES(6, 6, 6, 6, 6), 6);
    assert_false(stops(&lab, VALUES(1.1, 2.2, 3.3)));
    assert_true(stops(&lab, VALUES(1.1, 2.2, 3.3, 4.4)));
    assert_false(stops(&lab, VALUES(1.1, 2.2, 3.3, 3))); /* worse thrice, better on average */
    assert_false(stops(&lab, VALUES(0.9, 1.8, 2.7, 3.6)));
    assert_false(stops(&lab, VALUES(1, 2, 3, 4)));
    assert_false(stops(&lab, VALUES(NAN, 2.2, 3.3, 4.4))); /* three are left */
    dz_lab_close(&lab);
}

static void wilcoxon_maximises_and_reads_its_settings(void **state)
{
    (void)state;
    static const dozan_pair settings[] = {{"p_threshold", "0.2"}, {"n_startup_steps", "4"}};
    dz_lab lab;
    open_lab(&lab, "wilcoxon", settings, 2, true);
    complete_trial(&lab, VALUES(1, 2, 3, 4, 5), 3);
    assert_false(stops(&lab, VALUES(0.9, 1.8, 2.7)));
    assert_true(stops(&lab, VALUES(0.9, 1.8, 2.7, 3.6)));
    assert_false(stops(&lab, VALUES(1.1, 2.2, 3.3, 4.4)));
    dz_lab_close(&lab);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(percentile_keeps_the_best_share),
        cmocka_unit_test(percentile_judges_at_its_steps),
        cmocka_unit_test(asha_stop_keeps_the_best_third),
        cmocka_unit_test(asha_stop_has_its_rungs),
        cmocka_unit_test(asha_stop_follows_the_rule_on_random_curves),
        cmocka_unit_test(threshold_stops_outside_of_its_limits),
        cmocka_unit_test(patient_waits_for_an_improvement),
        cmocka_unit_test(patient_asks_whom_it_wraps),
        cmocka_unit_test(wilcoxon_stops_what_is_worse_on_most_folds),
        cmocka_unit_test(wilcoxon_maximises_and_reads_its_settings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
