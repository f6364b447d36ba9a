/*
 * The history against a plain model of it, its lists, its reports, and its memory.
 */
#include <dozan/rng.h>

#include "history.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { DIMENSIONS = 3 };

static dozan_space *make_space(size_t dimensions)
{
    static char names[16][24];
    dozan_parameter parameters[16];
    dozan_space *space = NULL;
    for (size_t i = 0; i < dimensions; i++) {
        (void)snprintf(names[i], sizeof(names[i]), "x%zu", i);
        parameters[i] = (dozan_parameter){
            .name = names[i], .type = DOZAN_DOUBLE, .min = "0", .max = "1", .step = "0.125"};
    }
    assert_int_equal(dozan_space_create(parameters, dimensions, &space, NULL), DOZAN_OK);
    return space;
}

static dozan_history *make_history(const dozan_space *space, bool keep_reports)
{
    dozan_history *history = NULL;
    dz_history_shape shape = {.space = space, .keep_reports = keep_reports};
    assert_int_equal(dz_history_create(&shape, &history, NULL), DOZAN_OK);
    return history;
}

static void ask(dozan_history *history, int64_t number, const double *point)
{
    assert_int_equal(dz_history_ask(history, number, point, NULL, 0, NULL), DOZAN_OK);
}

static void an_empty_history_has_nothing(void **state)
{
    (void)state;
    dozan_space *space = make_space(DIMENSIONS);
    dozan_history *history = make_history(space, true);
    const double point[DIMENSIONS] = {0};
    assert_int_equal(dozan_history_count(history), 0);
    assert_null(dozan_history_trial(history, 0));
    assert_null(dozan_history_ended(history, 0));
    assert_null(dozan_history_pending(history, 0));
    assert_null(dozan_history_find(history, 1));
    assert_false(dozan_history_contains(history, point));
    dz_history_destroy(history);
    dz_history_destroy(NULL);
    dozan_space_destroy(space);
}

static void trials_carry_what_was_told(void **state)
{
    (void)state;
    dozan_space *space = make_space(DIMENSIONS);
    dozan_history *history = make_history(space, false);
    double point[DIMENSIONS] = {0.1, 0.2, 0.3};
    dozan_label labels[] = {{"bracket", "2"}, {"rung", "0"}};
    assert_int_equal(dz_history_ask(history, 7, point, labels, 2, NULL), DOZAN_OK);
    point[0] = 0.9;
    const dozan_trial *trial = dozan_history_find(history, 7);
    assert_ptr_equal(trial, dozan_history_trial(history, 0));
    assert_true(fabs(trial->point[0] - 0.1) <= 0);
    assert_true(isnan(trial->loss));
    assert_int_equal(trial->state, DOZAN_TRIAL_PENDING);
    assert_int_equal(trial->ended, 0);
    assert_string_equal(dozan_trial_label(trial, "rung"), "0");
    assert_null(dozan_trial_label(trial, "none"));
    assert_int_equal(dz_history_report(history, 7, 1, 5, NULL), DOZAN_OK);
    assert_int_equal(trial->report_count, 0); /* not wanted */

    assert_int_equal(dz_history_end(history, 7, DOZAN_TRIAL_COMPLETED,
                                    &(dz_result){.loss = (double)INFINITY}, NULL),
                     DOZAN_OK);
    assert_true(isinf(dozan_history_find(history, 7)->loss));
    ask(history, 3, point);
    assert_int_equal(dz_history_end(history, 3, DOZAN_TRIAL_FAILED, &(dz_result){.loss = 4}, NULL),
                     DOZAN_OK);
    assert_true(isnan(dozan_history_find(history, 3)->loss)); /* a failed trial has no loss */
    assert_int_equal(dozan_history_find(history, 3)->ended, 2);
    dz_history_destroy(history);
    dozan_space_destroy(space);
}

static void senseless_changes_are_refused(void **state)
{
    (void)state;
    dozan_space *space = make_space(DIMENSIONS);
    dozan_history *history = make_history(space, true);
    const double point[DIMENSIONS] = {0};
    dozan_error err = {0};
    ask(history, 1, point);
    assert_int_equal(dz_history_ask(history, 1, point, NULL, 0, &err), DOZAN_INVALID_ARGUMENT);
    assert_int_equal(dz_history_ask(history, 0, point, NULL, 0, &err), DOZAN_INVALID_ARGUMENT);
    assert_int_equal(dz_history_end(history, 2, DOZAN_TRIAL_FAILED, &(dz_result){.loss = 0}, &err),
                     DOZAN_INVALID_ARGUMENT);
    assert_int_equal(dz_history_report(history, 2, 1, 0, &err), DOZAN_INVALID_ARGUMENT);
    assert_int_equal(dz_history_end(history, 1, DOZAN_TRIAL_KILLED, &(dz_result){.loss = 0}, &err),
                     DOZAN_OK);
    assert_int_equal(
        dz_history_end(history, 1, DOZAN_TRIAL_COMPLETED, &(dz_result){.loss = 0}, &err),
        DOZAN_INVALID_ARGUMENT);
    assert_non_null(strstr(err.message, "ended before"));
    assert_int_equal(dozan_history_count(history), 1);
    assert_int_equal(dozan_history_trial(history, 0)->state, DOZAN_TRIAL_KILLED);
    dz_history_destroy(history);
    dozan_space_destroy(space);
}

static void reports_ascend_and_a_second_run_replaces_them(void **state)
{
    (void)state;
    dozan_space *space = make_space(DIMENSIONS);
    dozan_history *history = make_history(space, true);
    const double point[DIMENSIONS] = {0};
    ask(history, 1, point);
    for (int step = 1; step <= 20; step++)
        assert_int_equal(dz_history_report(history, 1, step, step, NULL), DOZAN_OK);
    const dozan_trial *trial = dozan_history_find(history, 1);
    assert_int_equal(trial->report_count, 20);
    assert_int_equal(dz_history_report(history, 1, 3, -3, NULL), DOZAN_OK);
    assert_int_equal(trial->report_count, 3);
    assert_int_equal(trial->reports[1].step, 2);
    assert_true(fabs(trial->reports[2].loss + 3) <= 0);
    assert_int_equal(
        dz_history_end(history, 1, DOZAN_TRIAL_STOPPED, &(dz_result){.loss = -3}, NULL), DOZAN_OK);
    assert_int_equal(dz_history_report(history, 1, 4, 9, NULL), DOZAN_OK); /* late: no effect */
    assert_int_equal(trial->report_count, 3);
    assert_int_equal(trial->reports[2].step, 3);
    dz_history_destroy(history);
    dozan_space_destroy(space);
}

/* ---- against a model ------------------------------------------------------------------------- */

enum { TRIALS = 3000 };

typedef struct plain_model {
    int64_t number[TRIALS];
    double point[TRIALS][DIMENSIONS];
    int64_t ended[TRIALS]; /* 0 = pending */
    size_t count;
    size_t ended_count;
} plain_model;

static void check_lists(const dozan_history *history, const plain_model *model)
{
    assert_int_equal(dozan_history_count(history), model->count);
    assert_int_equal(dozan_history_ended_count(history), model->ended_count);
    assert_int_equal(dozan_history_pending_count(history), model->count - model->ended_count);
    for (size_t i = 0; i < model->count; i++) {
        const dozan_trial *trial = dozan_history_trial(history, i);
        assert_int_equal(trial->number, model->number[i]);
        assert_int_equal(trial->ended, model->ended[i]);
        assert_memory_equal(trial->point, model->point[i], sizeof(model->point[i]));
        assert_ptr_equal(dozan_history_find(history, model->number[i]), trial);
        if (trial->ended > 0)
            assert_ptr_equal(dozan_history_ended(history, (size_t)trial->ended - 1), trial);
    }
    static bool seen[TRIALS];
    memset(seen, 0, sizeof(seen));
    for (size_t i = 0; i < dozan_history_pending_count(history); i++) {
        const dozan_trial *trial = dozan_history_pending(history, i);
        size_t index = 0;
        while (dozan_history_trial(history, index) != trial)
            index++;
        assert_false(seen[index]);
        assert_int_equal(trial->state, DOZAN_TRIAL_PENDING);
        seen[index] = true;
    }
}

static bool model_contains(const plain_model *model, const double *point)
{
    for (size_t i = 0; i < model->count; i++)
        if (memcmp(model->point[i], point, sizeof(model->point[i])) == 0)
            return true;
    return false;
}

static void end_one(dozan_history *history, plain_model *model, dozan_rng *rng)
{
    size_t pick = dozan_rng_below(rng, model->count);
    while (model->ended[pick] != 0)
        pick = (pick + 1) % model->count;
    model->ended[pick] = (int64_t)++model->ended_count;
    assert_int_equal(dz_history_end(history, model->number[pick], DOZAN_TRIAL_COMPLETED,
                                    &(dz_result){.loss = 1}, NULL),
                     DOZAN_OK);
}

static void random_changes_match_the_model(void **state)
{
    (void)state;
    static plain_model model;
    dozan_space *space = make_space(DIMENSIONS);
    dozan_history *history = make_history(space, false);
    dozan_rng rng = dozan_rng_stream(5, "test.history", 0);
    while (model.count < TRIALS) {
        double point[DIMENSIONS];
        dozan_random_point(space, &rng, point); /* 9^3 points: many repeats */
        assert_int_equal(dozan_history_contains(history, point), model_contains(&model, point));
        model.number[model.count] = (int64_t)model.count * 3 + 1;
        memcpy(model.point[model.count], point, sizeof(point));
        ask(history, model.number[model.count], point);
        model.count++;
        assert_true(dozan_history_contains(history, point));
        if (dozan_rng_below(&rng, 3) > 0 && model.ended_count < model.count)
            end_one(history, &model, &rng);
        if (model.count % 500 == 0)
            check_lists(history, &model);
    }
    check_lists(history, &model);
    assert_null(dozan_history_find(history, 2));
    dz_history_destroy(history);
    dozan_space_destroy(space);
}

/* 729 points: draws alone would find the last free one in 4 of 100 cases. */
static void the_last_free_point_is_found(void **state)
{
    (void)state;
    dozan_space *space = make_space(DIMENSIONS);
    dozan_history *history = make_history(space, false);
    dozan_problem problem = {.space = space, .history = history};
    double tentative[DIMENSIONS] = {0};
    const double *const batch[] = {tentative};
    dozan_space_snap(space, tentative);
    dozan_ask batch_of_one = {.trial = 1, .tentative = batch, .tentative_count = 1};
    dozan_rng rng = dozan_rng_stream(8, "test.free", 0);
    double point[DIMENSIONS];
    for (int64_t number = 1; number < (int64_t)dozan_space_points(space); number++) {
        assert_true(dozan_random_free_point(&problem, &batch_of_one, &rng, point));
        assert_false(dozan_history_contains(history, point));
        assert_memory_not_equal(point, tentative, sizeof(point));
        ask(history, number, point);
    }
    assert_false(dozan_random_free_point(&problem, &batch_of_one, &rng, point));
    dozan_ask alone = {.trial = 1};
    assert_true(dozan_random_free_point(&problem, &alone, &rng, point));
    assert_memory_equal(point, tentative, sizeof(point));
    dz_history_destroy(history);
    dozan_space_destroy(space);
}

static void hundred_thousand_trials_stay_small(void **state)
{
    (void)state;
    enum { MANY = 100000, WIDE = 10 };
    dozan_space *space = make_space(WIDE);
    dozan_history *history = make_history(space, false);
    dozan_rng rng = dozan_rng_stream(6, "test.history", 1);
    for (int64_t i = 1; i <= MANY; i++) {
        double point[WIDE];
        dozan_random_point(space, &rng, point);
        ask(history, i, point);
        assert_int_equal(
            dz_history_end(history, i, DOZAN_TRIAL_COMPLETED, &(dz_result){.loss = 0}, NULL),
            DOZAN_OK);
    }
    if (dz_history_bytes(history) >= (size_t)26 << 20)
        fail_msg("%zu bytes", dz_history_bytes(history));
    dz_history_destroy(history);
    dozan_space_destroy(space);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_history_has_nothing),
        cmocka_unit_test(trials_carry_what_was_told),
        cmocka_unit_test(senseless_changes_are_refused),
        cmocka_unit_test(reports_ascend_and_a_second_run_replaces_them),
        cmocka_unit_test(random_changes_match_the_model),
        cmocka_unit_test(the_last_free_point_is_found),
        cmocka_unit_test(hundred_thousand_trials_stay_small),
    };
    return cmocka_run_group_tests_name("history", tests, NULL, NULL);
}
