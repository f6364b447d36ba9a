/*
 * Population based training: who takes over from whom, how hyperparameters change, what becomes of
 * failures; and that it finds a schedule which no fixed hyperparameters can match.
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

#define LABEL "pbt.suggestion.katib.kubeflow.org/"

static const char *const sizes[] = {"16", "32", "64", "128"};
static const char *const optimizers[] = {"adam", "sgd"};
static const dozan_parameter parameters[] = {
    {.name = "lr",
     .type = DOZAN_DOUBLE,
     .distribution = DOZAN_LOG_UNIFORM,
     .min = "0.0001",
     .max = "1"},
    {.name = "layers", .type = DOZAN_INT, .distribution = DOZAN_UNIFORM, .min = "1", .max = "8"},
    {.name = "batch", .type = DOZAN_DISCRETE, .list = sizes, .list_count = 4},
    {.name = "optimizer", .type = DOZAN_CATEGORICAL, .list = optimizers, .list_count = 2},
};
enum { DIMENSIONS = 4, MEMBERS = 10 };

static void open_lab(dz_lab *lab, dozan_pair settings[4], const char *threshold,
                     const char *resample)
{
    const dozan_algorithm *algorithm = dz_lab_algorithm("pbt");
    dozan_experiment experiment = dz_lab_experiment(algorithm, parameters, DIMENSIONS, 5);
    settings[0] = (dozan_pair){"suggestion_trial_dir", "/checkpoints/"};
    settings[1] = (dozan_pair){"n_population", "10"};
    settings[2] = (dozan_pair){"truncation_threshold", threshold};
    settings[3] = (dozan_pair){"resample_probability", resample};
    experiment.algorithm_settings = settings;
    experiment.algorithm_setting_count = resample != NULL ? 4 : 3;
    dz_lab_open(lab, algorithm, &experiment);
}

/* 0 when there is no such label. */
static int64_t label(const dz_lab_answer *answer, size_t index, const char *name)
{
    const dozan_suggestion *suggestion = &answer->suggestions[index];
    for (size_t i = 0; i < suggestion->label_count; i++) {
        if (strcmp(suggestion->labels[i].name, name) == 0) {
            return strtoll(suggestion->labels[i].value, NULL, 10);
        }
    }
    return 0;
}

static double value(const dz_lab_answer *answer, size_t index, size_t parameter)
{
    return strtod(answer->suggestions[index].assignments[parameter].value, NULL);
}

/* Asks a whole generation; its size is that of the population. */
static dz_lab_answer ask_generation(dz_lab *lab)
{
    dz_lab_answer answer = dz_lab_ask(lab, MEMBERS + 3);
    assert_int_equal(answer.count, MEMBERS);
    assert_int_equal(answer.end, DOZAN_ASK_WAIT);
    return answer;
}

static void complete(dz_lab *lab, int64_t trial, double loss)
{
    dz_lab_log(lab, DOZAN_EVENT_COMPLETED, trial, 0, loss);
}

/* A factor of 0.8 or 1.2, as far as the range lets it. */
static void assert_perturbed(double from, double to, double min, double max)
{
    double down = fmax(min, 0.8 * from);
    double up = fmin(max, 1.2 * from);
    assert_true(fabs(to - down) < 1e-9 * from || fabs(to - up) < 1e-9 * from);
}

/* Losses 1 to 10 by member: the last two go on from one of the first two, and no one else changes
 * anything. */
static void the_worst_take_over_from_the_best(void **state)
{
    (void)state;
    dz_lab lab;
    dozan_pair settings[4];
    bool donors[3] = {false};
    open_lab(&lab, settings, "0.2", NULL);
    dz_lab_answer before = ask_generation(&lab);
    for (int64_t generation = 1; generation <= 12; generation++) {
        for (size_t i = 0; i < MEMBERS; i++) {
            assert_int_equal(dz_lab_peek(&lab, 1).count, 0);
            complete(&lab, before.first_trial + (int64_t)i, (double)(i + 1));
        }
        dz_lab_answer next = ask_generation(&lab);
        for (size_t i = 0; i < MEMBERS; i++) {
            int64_t parent = label(&next, i, LABEL "parent") - before.first_trial + 1;
            assert_int_equal(label(&next, i, LABEL "generation"), generation);
            if (i < MEMBERS - 2) {
                assert_int_equal(parent, i + 1);
                assert_memory_equal(next.points[i], before.points[i], sizeof(double[DIMENSIONS]));
                continue;
            }
            assert_true(parent == 1 || parent == 2);
            donors[parent] = true;
            size_t donor = (size_t)parent - 1;
            assert_perturbed(value(&before, donor, 0), value(&next, i, 0), 0.0001, 1);
            double layers = fabs(value(&next, i, 1) - value(&before, donor, 1));
            assert_true(layers >= 1 && layers <= 2);
            double batch = value(&next, i, 2) / value(&before, donor, 2);
            assert_true(fabs(batch - 2) < 1e-9 || fabs(batch - 0.5) < 1e-9);
        }
        before = next;
    }
    assert_true(donors[1] && donors[2]);
    dz_lab_close(&lab);
}

static void resampling_draws_anew(void **state)
{
    (void)state;
    dz_lab lab;
    dozan_pair settings[4];
    size_t near = 0;
    open_lab(&lab, settings, "0.5", "1");
    dz_lab_answer before = ask_generation(&lab);
    for (size_t i = 0; i < MEMBERS; i++) {
        complete(&lab, before.first_trial + (int64_t)i, (double)i);
    }
    dz_lab_answer next = ask_generation(&lab);
    for (size_t i = MEMBERS / 2; i < MEMBERS; i++) {
        size_t donor = (size_t)(label(&next, i, LABEL "parent") - before.first_trial);
        assert_true(donor < MEMBERS / 2);
        double factor = value(&next, i, 0) / value(&before, donor, 0);
        near += factor > 0.79 && factor < 1.21 ? 1 : 0;
    }
    assert_true(near < MEMBERS / 2);
    dz_lab_close(&lab);
}

/* Without exploitation a failed member still goes on from the best. */
static void failed_members_go_on_from_the_best(void **state)
{
    (void)state;
    dz_lab lab;
    dozan_pair settings[4];
    open_lab(&lab, settings, "0", NULL);
    dz_lab_answer before = ask_generation(&lab);
    for (size_t i = 0; i < MEMBERS; i++) {
        int64_t trial = before.first_trial + (int64_t)i;
        if (i == 2) {
            dz_lab_log(&lab, DOZAN_EVENT_FAILED, trial, 0, 0);
        } else if (i == 3) {
            dz_lab_log(&lab, DOZAN_EVENT_KILLED, trial, 0, 0);
        } else {
            complete(&lab, trial, i == 4 ? NAN : (double)(20 - i));
        }
    }
    dz_lab_answer next = ask_generation(&lab);
    for (size_t i = 0; i < MEMBERS; i++) {
        size_t wanted = i >= 2 && i <= 4 ? MEMBERS - 1 : i;
        assert_int_equal(label(&next, i, LABEL "parent"), before.first_trial + (int64_t)wanted);
    }
    for (size_t i = 0; i < MEMBERS; i++) {
        dz_lab_log(&lab, DOZAN_EVENT_FAILED, next.first_trial + (int64_t)i, 0, 0);
    }
    next = ask_generation(&lab); /* nobody is left: a new population */
    for (size_t i = 0; i < MEMBERS; i++) {
        assert_int_equal(label(&next, i, LABEL "parent"), 0);
    }
    dz_lab_close(&lab);
}

static void equal_members_are_left_alone(void **state)
{
    (void)state;
    dz_lab lab;
    dozan_pair settings[4];
    open_lab(&lab, settings, "1", NULL);
    dz_lab_answer before = ask_generation(&lab);
    for (size_t i = 0; i < MEMBERS; i++) {
        complete(&lab, before.first_trial + (int64_t)i, 1);
    }
    dz_lab_answer next = ask_generation(&lab);
    for (size_t i = 0; i < MEMBERS; i++) {
        assert_int_equal(label(&next, i, LABEL "parent"), before.first_trial + (int64_t)i);
        assert_memory_equal(next.points[i], before.points[i], sizeof(double[DIMENSIONS]));
    }
    dz_lab_close(&lab);
}

/* The user's own points are members of the first generation. */
static void initial_points_are_members(void **state)
{
    (void)state;
    dz_lab lab;
    dozan_pair settings[4];
    open_lab(&lab, settings, "0.1", NULL);
    int64_t given = dz_lab_give(&lab, (const double[]){0.5, 0.0625, 0.125, 0.25});
    dz_lab_answer first = dz_lab_ask(&lab, 20);
    assert_int_equal(first.count, MEMBERS - 1);
    complete(&lab, given, -1);
    for (size_t i = 0; i < first.count; i++) {
        complete(&lab, first.first_trial + (int64_t)i, (double)i);
    }
    dz_lab_answer next = ask_generation(&lab);
    assert_int_equal(label(&next, 0, LABEL "parent"), given);
    assert_int_equal(label(&next, MEMBERS - 1, LABEL "parent"), given);
    dz_lab_close(&lab);
}

/* ---- a schedule ------------------------------------------------------------------------------ */

/* Progress is fast where the learning rate is near 0.5 / (1 + progress): what is right at first is
 * wrong later. */
static double train(double progress, double rate)
{
    for (int epoch = 0; epoch < 10; epoch++) {
        double off = log(rate * (1 + progress) / 0.5);
        progress += exp(-off * off);
    }
    return progress;
}

static void beats_every_fixed_value_on_a_schedule(void **state)
{
    (void)state;
    enum { GENERATIONS = 30 };
    static double progress[MEMBERS * (GENERATIONS + 1)];
    dz_lab lab;
    dozan_pair settings[4];
    double best = 0;
    double fixed = 0;
    open_lab(&lab, settings, "0.2", NULL);
    for (int generation = 0; generation < GENERATIONS; generation++) {
        dz_lab_answer answer = ask_generation(&lab);
        for (size_t i = 0; i < MEMBERS; i++) {
            int64_t trial = answer.first_trial + (int64_t)i;
            int64_t parent = label(&answer, i, LABEL "parent");
            progress[trial] = train(parent > 0 ? progress[parent] : 0, value(&answer, i, 0));
            best = fmax(best, progress[trial]);
            complete(&lab, trial, -progress[trial]);
        }
    }
    /* the best of 1,000 fixed rates, each trained for as long as a member was */
    for (int i = 0; i <= 1000; i++) {
        double reached = 0;
        for (int generation = 0; generation < GENERATIONS; generation++) {
            reached = train(reached, pow(10, -4 + 4.0 * i / 1000));
        }
        fixed = fmax(fixed, reached);
    }
    assert_true(best > 2 * fixed);
    dz_lab_close(&lab);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_worst_take_over_from_the_best),
        cmocka_unit_test(resampling_draws_anew),
        cmocka_unit_test(failed_members_go_on_from_the_best),
        cmocka_unit_test(equal_members_are_left_alone),
        cmocka_unit_test(initial_points_are_members),
        cmocka_unit_test(beats_every_fixed_value_on_a_schedule),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
