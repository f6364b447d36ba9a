/*
 * Grid search: each point exactly once, whatever happens to the trials.
 */
#include "support_lab.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char *const optimizers[] = {"sgd", "adam", "lion"};
static const dozan_parameter parameters[] = {
    {.name = "lr",
     .type = DOZAN_DOUBLE,
     .distribution = DOZAN_UNIFORM,
     .min = "0.01",
     .max = "0.05",
     .step = "0.01"},
    {.name = "layers",
     .type = DOZAN_INT,
     .distribution = DOZAN_LOG_UNIFORM,
     .min = "2",
     .max = "8",
     .step = "2"},
    {.name = "optimizer", .type = DOZAN_CATEGORICAL, .list = optimizers, .list_count = 3},
};
enum { POINTS = 5 * 4 * 3 };

static void open_lab(dz_lab *lab, uint64_t seed)
{
    const dozan_algorithm *grid = dz_lab_algorithm("grid");
    dozan_experiment experiment = dz_lab_experiment(grid, parameters, 3, seed);
    dz_lab_open(lab, grid, &experiment);
}

/* Which of the grid's points an assignment is. */
static size_t index_of(const dz_lab *lab, const double *point)
{
    size_t index = 0;
    for (size_t d = 0; d < lab->dimensions; d++) {
        size_t levels = (size_t)dozan_space_dimension(lab->space, d)->levels;
        index = index * levels + (size_t)dozan_space_level(lab->space, d, point[d]);
    }
    return index;
}

/* Takes the grid to its end in batches of `batch`, with restarts in between, and marks what came.
 */
static void run_out(dz_lab *lab, uint32_t batch, int seen[POINTS], size_t given)
{
    dozan_rng rng = dozan_rng_stream(9, "grid test", batch);
    for (size_t count = given; count < POINTS;) {
        dz_lab_answer answer = dz_lab_ask(lab, batch);
        for (size_t i = 0; i < answer.count; i++) {
            seen[index_of(lab, answer.points[i])]++;
        }
        count += answer.count;
        assert_true(answer.count == batch || count == POINTS);
        dz_lab_restart(lab, &rng);
    }
    dz_lab_answer last = dz_lab_peek(lab, 1);
    assert_int_equal(last.count, 0);
    assert_int_equal(last.end, DOZAN_ASK_EXHAUSTED);
    assert_non_null(strstr(last.message, "60"));
    for (size_t i = 0; i < POINTS; i++) {
        assert_int_equal(seen[i], 1);
    }
}

static void every_point_comes_once(void **state)
{
    (void)state;
    for (uint32_t batch = 1; batch <= 7; batch += 3) {
        int seen[POINTS] = {0};
        dz_lab lab;
        open_lab(&lab, batch);
        run_out(&lab, batch, seen, 0);
        dz_lab_close(&lab);
    }
}

static void points_given_by_the_user_do_not_come_again(void **state)
{
    (void)state;
    int seen[POINTS] = {0};
    dz_lab lab;
    open_lab(&lab, 4);
    for (size_t i = 0; i < 5; i++) {
        double point[3] = {dozan_space_level_coordinate(lab.space, 0, i),
                           dozan_space_level_coordinate(lab.space, 1, i % 4),
                           dozan_space_level_coordinate(lab.space, 2, i % 3)};
        (void)dz_lab_give(&lab, point);
        seen[index_of(&lab, point)]++;
    }
    run_out(&lab, 4, seen, 5);
    dz_lab_close(&lab);
}

static void the_seed_fixes_the_order(void **state)
{
    (void)state;
    dz_lab first;
    dz_lab second;
    open_lab(&first, 1);
    open_lab(&second, 2);
    dz_lab_answer a = dz_lab_peek(&first, POINTS);
    dz_lab_answer b = dz_lab_peek(&second, POINTS);
    size_t same = 0;
    size_t sorted = 0;
    for (size_t i = 0; i < POINTS; i++) {
        same += index_of(&first, a.points[i]) == index_of(&second, b.points[i]) ? 1 : 0;
        sorted += index_of(&first, a.points[i]) == i ? 1 : 0;
    }
    assert_true(same < POINTS / 4);
    assert_true(sorted < POINTS / 4);
    dz_lab_close(&first);
    dz_lab_close(&second);
}

static void expect_refused(const dozan_parameter *space, size_t count, int32_t max_trials,
                           const char *place, const char *word)
{
    const dozan_algorithm *grid = dz_lab_algorithm("grid");
    dozan_experiment experiment = dz_lab_experiment(grid, space, count, 1);
    experiment.max_trials = max_trials;
    dozan_error err = {0};
    assert_int_equal(dz_session_validate(grid, &experiment, &err), DOZAN_INVALID_ARGUMENT);
    assert_string_equal(err.place, place);
    assert_non_null(strstr(err.message, word));
}

static void what_is_no_grid_is_refused(void **state)
{
    (void)state;
    const dozan_parameter open_ended[] = {parameters[1],
                                          {.name = "lr",
                                           .type = DOZAN_DOUBLE,
                                           .distribution = DOZAN_UNIFORM,
                                           .min = "0",
                                           .max = "1"}};
    expect_refused(open_ended, 2, 0, "spec.parameters[1].feasibleSpace.step", "step");
    expect_refused(parameters, 3, POINTS + 1, "spec.maxTrialCount", "61");
    expect_refused(parameters, 3, POINTS + 1, "spec.maxTrialCount", "60 points");

    enum { LARGE = 8 };
    dozan_parameter large[LARGE];
    char names[LARGE][4];
    for (size_t i = 0; i < LARGE; i++) {
        (void)snprintf(names[i], sizeof(names[i]), "n%zu", i);
        large[i] = (dozan_parameter){.name = names[i],
                                     .type = DOZAN_INT,
                                     .distribution = DOZAN_UNIFORM,
                                     .min = "0",
                                     .max = "999"};
    }
    expect_refused(large, LARGE, 0, "spec.parameters", "2^63");
}

/* 10^18 points: no array of them exists, and the first ones still come at once. */
static void a_huge_grid_is_no_burden(void **state)
{
    (void)state;
    static const dozan_parameter huge[] = {
        {.name = "a",
         .type = DOZAN_INT,
         .distribution = DOZAN_UNIFORM,
         .min = "1",
         .max = "1000000000"},
        {.name = "b",
         .type = DOZAN_INT,
         .distribution = DOZAN_UNIFORM,
         .min = "1",
         .max = "1000000000"},
    };
    const dozan_algorithm *grid = dz_lab_algorithm("grid");
    dozan_experiment experiment = dz_lab_experiment(grid, huge, 2, 3);
    dz_lab lab;
    dz_lab_open(&lab, grid, &experiment);
    dz_lab_answer answer = dz_lab_ask(&lab, 100);
    assert_int_equal(answer.count, 100);
    dz_lab_close(&lab);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_point_comes_once),
        cmocka_unit_test(points_given_by_the_user_do_not_come_again),
        cmocka_unit_test(the_seed_fixes_the_order),
        cmocka_unit_test(what_is_no_grid_is_refused),
        cmocka_unit_test(a_huge_grid_is_no_burden),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
