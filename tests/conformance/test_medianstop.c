/*
 * The median stopping rule: cases worked out by hand.
 */
#include "support_lab.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const dozan_parameter parameter = {
    .name = "x", .type = DOZAN_DOUBLE, .distribution = DOZAN_UNIFORM, .min = "0", .max = "1"};

static void open_lab(dz_lab *lab, const dozan_pair *settings, size_t count, bool maximize)
{
    const dozan_algorithm *algorithm = dz_lab_algorithm("medianstop");
    dozan_experiment experiment = dz_lab_experiment(algorithm, &parameter, 1, 1);
    experiment.early_stopping_settings = settings;
    experiment.early_stopping_setting_count = count;
    experiment.maximize = maximize;
    dz_lab_open(lab, algorithm, &experiment);
}

/* Asks a trial and logs its reports. */
static int64_t run_trial(dz_lab *lab, const double *values, size_t count)
{
    double point = (double)(lab->trials + 1) / 64;
    int64_t trial = dz_lab_give(lab, &point);
    for (size_t i = 0; i < count; i++) {
        dz_lab_log(lab, DOZAN_EVENT_REPORT, trial, (int64_t)i + 1, values[i]);
    }
    return trial;
}

static void complete_trial(dz_lab *lab, const double *values, size_t count)
{
    int64_t trial = run_trial(lab, values, count);
    dz_lab_log(lab, DOZAN_EVENT_COMPLETED, trial, 0, values[count - 1]);
}

/* The running averages by report 4 are 4, 2.5 and 7: their median is 4, and 4.1 is worse, 4 is not.
 */
static void stops_what_is_strictly_worse_than_the_median(void **state)
{
    (void)state;
    dz_lab lab;
    open_lab(&lab, NULL, 0, false);
    complete_trial(&lab, (const double[]){7, 5, 3, 1, 0}, 5);
    complete_trial(&lab, (const double[]){4, 3, 2, 1, 0}, 5);
    complete_trial(&lab, (const double[]){10, 8, 6, 4, 0}, 5);
    int64_t worse = run_trial(&lab, (const double[]){9, 8, 4.1, 5}, 4);
    int64_t equal = run_trial(&lab, (const double[]){9, 8, 4, 5}, 4);
    dozan_trial_verdict verdict = dz_lab_judge(&lab, worse);
    assert_true(verdict.stop);
    assert_non_null(strstr(verdict.message, "4.1"));
    assert_non_null(strstr(verdict.message, "median 4 "));
    assert_non_null(strstr(verdict.message, "3 completed trials"));
    assert_false(dz_lab_judge(&lab, equal).stop);
    dz_lab_close(&lab);
}

static void judges_again_at_each_report(void **state)
{
    (void)state;
    dz_lab lab;
    open_lab(&lab, NULL, 0, false);
    for (int i = 0; i < 3; i++) {
        complete_trial(&lab, (const double[]){9, 9, 9, 9, 1}, 5); /* averages 9, 9, 9, 9, 7.4 */
    }
    int64_t trial = run_trial(&lab, (const double[]){8, 8, 8, 8}, 4);
    assert_false(dz_lab_judge(&lab, trial).stop);
    dz_lab_log(&lab, DOZAN_EVENT_REPORT, trial, 5, 8);
    assert_true(dz_lab_judge(&lab, trial).stop);
    dz_lab_close(&lab);
}

static void waits_for_start_step_and_for_enough_trials(void **state)
{
    (void)state;
    dz_lab lab;
    open_lab(&lab, NULL, 0, false);
    complete_trial(&lab, (const double[]){1, 1, 1, 1}, 4);
    complete_trial(&lab, (const double[]){1, 1, 1, 1}, 4);
    complete_trial(&lab, (const double[]){1, 1, 1}, 3); /* never came to report 4 */
    int64_t trial = run_trial(&lab, (const double[]){5, 5, 5}, 3);
    assert_false(dz_lab_judge(&lab, trial).stop);
    dz_lab_log(&lab, DOZAN_EVENT_REPORT, trial, 4, 5);
    assert_false(dz_lab_judge(&lab, trial).stop);
    complete_trial(&lab, (const double[]){1, 1, 1, 1}, 4);
    assert_true(dz_lab_judge(&lab, trial).stop);
    dz_lab_close(&lab);
}

/* Trials that failed, were stopped or still run are no measure for others. */
static void counts_completed_trials_alone(void **state)
{
    (void)state;
    static const dozan_event_kind ends[] = {DOZAN_EVENT_FAILED,      DOZAN_EVENT_STOPPED,
                                            DOZAN_EVENT_UNAVAILABLE, DOZAN_EVENT_KILLED,
                                            DOZAN_EVENT_LOST,        DOZAN_EVENT_STARTED};
    static const dozan_pair settings[] = {{"min_trials_required", "1"}};
    dz_lab lab;
    open_lab(&lab, settings, 1, false);
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        int64_t trial = run_trial(&lab, (const double[]){1, 1, 1, 1}, 4);
        dz_lab_log(&lab, ends[i], trial, 0, 1);
    }
    int64_t trial = run_trial(&lab, (const double[]){5, 5, 5, 5}, 4);
    assert_false(dz_lab_judge(&lab, trial).stop);
    complete_trial(&lab, (const double[]){1, 1, 1, 1}, 4);
    assert_true(dz_lab_judge(&lab, trial).stop);
    dz_lab_close(&lab);
}

static void maximises_and_reads_its_settings(void **state)
{
    (void)state;
    static const dozan_pair settings[] = {{"min_trials_required", "1"}, {"start_step", "1"}};
    dz_lab lab;
    open_lab(&lab, settings, 2, true);
    complete_trial(&lab, (const double[]){0.5}, 1);
    int64_t better = run_trial(&lab, (const double[]){0.6}, 1);
    int64_t worse = run_trial(&lab, (const double[]){0.4}, 1);
    assert_false(dz_lab_judge(&lab, better).stop);
    dozan_trial_verdict verdict = dz_lab_judge(&lab, worse);
    assert_true(verdict.stop);
    assert_non_null(strstr(verdict.message, "0.4"));
    assert_non_null(strstr(verdict.message, "0.5"));
    dz_lab_close(&lab);
}

/* NaN is left out of averages; a trial that reports nothing else is infinitely bad, by then and as
 * a measure. */
static void takes_nan_and_infinity(void **state)
{
    (void)state;
    static const dozan_pair settings[] = {{"min_trials_required", "1"}, {"start_step", "1"}};
    dz_lab lab;
    open_lab(&lab, settings, 2, false);
    complete_trial(&lab, (const double[]){NAN, 2, NAN, 4}, 4); /* averages inf, 2, 2, 3 */
    int64_t lost = run_trial(&lab, (const double[]){NAN}, 1);
    assert_false(dz_lab_judge(&lab, lost).stop);
    dz_lab_log(&lab, DOZAN_EVENT_REPORT, lost, 2, NAN);
    assert_true(dz_lab_judge(&lab, lost).stop);
    int64_t good = run_trial(&lab, (const double[]){INFINITY, 2, NAN, NAN}, 4);
    assert_false(dz_lab_judge(&lab, good).stop);
    complete_trial(&lab, (const double[]){-INFINITY, INFINITY, 1, 1},
                   4); /* stays -inf: median of (3, -inf) is 3 */
    assert_false(dz_lab_judge(&lab, good).stop);
    dz_lab_close(&lab);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stops_what_is_strictly_worse_than_the_median),
        cmocka_unit_test(judges_again_at_each_report),
        cmocka_unit_test(waits_for_start_step_and_for_enough_trials),
        cmocka_unit_test(counts_completed_trials_alone),
        cmocka_unit_test(maximises_and_reads_its_settings),
        cmocka_unit_test(takes_nan_and_infinity),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
