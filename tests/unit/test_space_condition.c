/*
 * Parameters with conditions: when they are active, that inactive coordinates never make two points
 * out of one, and that every point has one number.
 */
#include <dozan/rng.h>
#include <dozan/space.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *const optimizers[] = {"sgd", "adam", "lbfgs"};
static const char *const with_momentum[] = {"sgd"};
static const char *const with_rate[] = {"sgd", "adam"};
static const dozan_condition momentum_when = {"optimizer", with_momentum, 1, NULL, NULL};
static const dozan_condition rate_when = {"optimizer", with_rate, 2, NULL, NULL};
static const dozan_condition deep_when = {"layers", NULL, 0, "3", NULL};
static const dozan_condition nesterov_when = {"momentum", NULL, 0, "0.5", "0.9"};

/* optimizer > momentum > nesterov, optimizer > rate, layers > width3 */
static const dozan_parameter tree[] = {
    {.name = "optimizer", .type = DOZAN_CATEGORICAL, .list = optimizers, .list_count = 3},
    {.name = "momentum",
     .type = DOZAN_DOUBLE,
     .min = "0",
     .max = "0.9",
     .step = "0.1",
     .when = &momentum_when},
    {.name = "nesterov",
     .type = DOZAN_CATEGORICAL,
     .list = optimizers,
     .list_count = 2,
     .when = &nesterov_when},
    {.name = "rate", .type = DOZAN_INT, .min = "1", .max = "4", .when = &rate_when},
    {.name = "layers", .type = DOZAN_INT, .min = "1", .max = "4"},
    {.name = "width3", .type = DOZAN_INT, .min = "1", .max = "5", .when = &deep_when},
};
enum { TREE = 6 };

static dozan_space *make(const dozan_parameter *parameters, size_t count)
{
    dozan_space *space = NULL;
    dozan_error err = {0};
    if (dozan_space_create(parameters, count, &space, &err) != DOZAN_OK)
        fail_msg("%s: %s", err.place, err.message);
    return space;
}

static double at(const dozan_space *space, size_t index, const char *text)
{
    double u = 0;
    assert_int_equal(dozan_space_parse(space, index, text, &u, NULL), DOZAN_OK);
    return u;
}

static void a_parameter_is_active_where_its_condition_and_its_parents_hold(void **state)
{
    (void)state;
    dozan_space *space = make(tree, TREE);
    double unit[TREE] = {at(space, 0, "sgd"), at(space, 1, "0.5"), at(space, 2, "sgd"),
                         at(space, 3, "2"),   at(space, 4, "3"),   at(space, 5, "1")};
    assert_true(dozan_space_is_conditional(space));
    for (size_t i = 0; i < TREE; i++)
        assert_true(dozan_space_active(space, unit, i));
    unit[1] = at(space, 1, "0.4");
    assert_false(dozan_space_active(space, unit, 2));
    unit[1] = at(space, 1, "0.9");
    assert_true(dozan_space_active(space, unit, 2));
    unit[0] = at(space, 0, "adam");
    assert_false(dozan_space_active(space, unit, 1));
    assert_false(dozan_space_active(space, unit, 2)); /* its parent has a fitting coordinate only */
    assert_true(dozan_space_active(space, unit, 3));
    unit[0] = at(space, 0, "lbfgs");
    assert_false(dozan_space_active(space, unit, 3));
    unit[4] = at(space, 4, "2");
    assert_false(dozan_space_active(space, unit, 5));
    assert_int_equal(dozan_space_dimension(space, 2)->parent, 1);
    assert_true(dozan_space_dimension(space, 4)->parent == SIZE_MAX);
    dozan_space_destroy(space);
}

static void inactive_coordinates_do_not_tell_points_apart(void **state)
{
    (void)state;
    dozan_space *space = make(tree, TREE);
    dozan_rng rng = dozan_rng_stream(5, "test.condition", 0);
    for (int round = 0; round < 2000; round++) {
        double a[TREE];
        double b[TREE];
        for (size_t i = 0; i < TREE; i++)
            a[i] = dozan_rng_uniform(&rng);
        dozan_space_snap(space, a);
        memcpy(b, a, sizeof(a));
        for (size_t i = 0; i < TREE; i++)
            if (!dozan_space_active(space, a, i))
                b[i] = dozan_rng_uniform(&rng);
        dozan_space_snap(space, b);
        assert_memory_equal(a, b, sizeof(a));
    }
    dozan_space_destroy(space);
}

static int compare_points(const void *a, const void *b)
{
    return memcmp(a, b, TREE * sizeof(double));
}

/* sgd: momentum of 10 levels, 5 of them with 2 nesterov: 15; times 4 rates. adam: 4. lbfgs: 1.
 * layers: 1, 2, and 3, 4 with 5 widths each: 12. */
static void every_point_has_one_number(void **state)
{
    (void)state;
    dozan_space *space = make(tree, TREE);
    const uint64_t points = (15 * 4 + 4 + 1) * (uint64_t)12;
    assert_int_equal(dozan_space_points(space), points);
    double(*all)[TREE] = calloc(points, sizeof(*all));
    for (uint64_t i = 0; i < points; i++) {
        dozan_space_point(space, i, all[i]);
        double snapped[TREE];
        memcpy(snapped, all[i], sizeof(snapped));
        dozan_space_snap(space, snapped);
        assert_memory_equal(snapped, all[i], sizeof(snapped));
    }
    qsort(all, points, sizeof(*all), compare_points);
    for (uint64_t i = 1; i < points; i++)
        assert_true(compare_points(all[i - 1], all[i]) != 0);
    free(all);
    dozan_space_destroy(space);
}

static void a_plain_space_counts_as_the_product(void **state)
{
    (void)state;
    const dozan_parameter plain[] = {
        {.name = "a", .type = DOZAN_INT, .min = "1", .max = "3"},
        {.name = "b", .type = DOZAN_INT, .min = "1", .max = "5"},
        {.name = "c", .type = DOZAN_DOUBLE, .min = "1", .max = "5"},
    };
    dozan_space *space = make(plain, 2);
    assert_int_equal(dozan_space_points(space), 15);
    double unit[2];
    dozan_space_point(space, 1, unit); /* the last dimension changes fastest */
    assert_int_equal(dozan_space_level(space, 0, unit[0]), 0);
    assert_int_equal(dozan_space_level(space, 1, unit[1]), 1);
    dozan_space_destroy(space);
    space = make(plain, 3);
    assert_int_equal(dozan_space_points(space), 0);
    assert_false(dozan_space_is_conditional(space));
    dozan_space_destroy(space);
}

static void refuse(dozan_condition when, const char *place)
{
    dozan_parameter parameters[] = {
        {.name = "kind", .type = DOZAN_CATEGORICAL, .list = optimizers, .list_count = 3},
        {.name = "size", .type = DOZAN_DOUBLE, .min = "0", .max = "1"},
        {.name = "child", .type = DOZAN_INT, .min = "1", .max = "4", .when = &when},
        {.name = "late", .type = DOZAN_INT, .min = "1", .max = "4"},
    };
    dozan_space *space = NULL;
    dozan_error err = {0};
    assert_int_equal(dozan_space_create(parameters, 4, &space, &err), DOZAN_INVALID_ARGUMENT);
    assert_string_equal(err.place, place);
    assert_true(strlen(err.message) > 10);
}

static void conditions_that_make_no_sense_are_refused_with_their_place(void **state)
{
    (void)state;
    const char *const unknown[] = {"sgd", "rmsprop"};
    refuse((dozan_condition){NULL, optimizers, 1, NULL, NULL}, "parameters[2].when.parameter");
    refuse((dozan_condition){"nothing", optimizers, 1, NULL, NULL}, "parameters[2].when.parameter");
    refuse((dozan_condition){"child", optimizers, 1, NULL, NULL}, "parameters[2].when.parameter");
    refuse((dozan_condition){"late", optimizers, 1, NULL, NULL}, "parameters[2].when.parameter");
    refuse((dozan_condition){"kind", NULL, 0, NULL, NULL}, "parameters[2].when.in");
    refuse((dozan_condition){"kind", optimizers, 1, "1", NULL}, "parameters[2].when.in");
    refuse((dozan_condition){"kind", unknown, 2, NULL, NULL}, "parameters[2].when.in[1]");
    refuse((dozan_condition){"kind", NULL, 0, "1", NULL}, "parameters[2].when.min");
    refuse((dozan_condition){"size", unknown, 2, NULL, NULL}, "parameters[2].when.in");
    refuse((dozan_condition){"size", NULL, 0, "x", NULL}, "parameters[2].when.min");
    refuse((dozan_condition){"size", NULL, 0, NULL, "nan"}, "parameters[2].when.max");
    refuse((dozan_condition){"size", NULL, 0, "2", NULL}, "parameters[2].when.min");
    refuse((dozan_condition){"size", NULL, 0, "0.5", "0.4"}, "parameters[2].when.min");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_parameter_is_active_where_its_condition_and_its_parents_hold),
        cmocka_unit_test(inactive_coordinates_do_not_tell_points_apart),
        cmocka_unit_test(every_point_has_one_number),
        cmocka_unit_test(a_plain_space_counts_as_the_product),
        cmocka_unit_test(conditions_that_make_no_sense_are_refused_with_their_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
