/*
 * The quadratic model: it finds the minimum of what is a quadratic, and says no to what has none.
 */
#include "numerics/quadratic.h"

#include <dozan/rng.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

enum { DIMS = 4, COUNT = 40 };

typedef struct sample {
    double value;
    double z[DIMS];
} sample;

static int by_value(const void *a, const void *b)
{
    const sample *x = a;
    const sample *y = b;
    return (x->value > y->value) - (x->value < y->value);
}

/* A bowl with its minimum at `center`; `mix` couples neighbours. */
static double bowl(const double *z, const double *center, double mix)
{
    double sum = 0;
    for (size_t i = 0; i < DIMS; i++) {
        double off = z[i] - center[i];
        double next = i + 1 < DIMS ? z[i + 1] - center[i + 1] : 0;
        sum += (double)(1 + i * i) * off * off + mix * off * next;
    }
    return 5e3 + 1e-3 * sum;
}

static bool minimise(const double *center, double mix, bool mixed, size_t count, double radius,
                     double *minimum)
{
    sample samples[COUNT];
    double points[COUNT][DIMS];
    double values[COUNT];
    dozan_rng rng = dozan_rng_stream(1, "test.quadratic", 0);
    for (size_t i = 0; i < count; i++) {
        for (size_t d = 0; d < DIMS; d++) {
            samples[i].z[d] = 2 * dozan_rng_normal(&rng);
        }
        samples[i].value = bowl(samples[i].z, center, mix);
    }
    qsort(samples, count, sizeof(samples[0]), by_value);
    for (size_t i = 0; i < count; i++) {
        values[i] = samples[i].value;
        for (size_t d = 0; d < DIMS; d++) {
            points[i][d] = samples[i].z[d];
        }
    }
    return dz_quadratic_minimum(&points[0][0], values, count, DIMS, mixed, radius, minimum);
}

static void the_minimum_of_a_bowl_is_found(void **state)
{
    (void)state;
    static const double center[DIMS] = {0.5, -1, 0.25, 0.75};
    double minimum[DIMS];
    assert_true(minimise(center, 0.9, true, COUNT, 10, minimum));
    for (size_t d = 0; d < DIMS; d++) {
        assert_true(fabs(minimum[d] - center[d]) < 1e-4);
    }
    assert_true(minimise(center, 0, false, dz_quadratic_terms(DIMS, false), 10, minimum));
    for (size_t d = 0; d < DIMS; d++) {
        assert_true(fabs(minimum[d] - center[d]) < 1e-3);
    }
}

static void a_minimum_that_is_far_is_sought_on_the_ball(void **state)
{
    (void)state;
    static const double center[DIMS] = {30, 0, 0, 0};
    double minimum[DIMS];
    assert_true(minimise(center, 0, true, COUNT, 2, minimum));
    assert_true(fabs(minimum[0] - 2) < 0.01);
    assert_true(fabs(minimum[1]) + fabs(minimum[2]) + fabs(minimum[3]) < 0.1);
}

/* Where the model bends down, the answer is on the ball, and lower than the middle. */
static void a_saddle_is_left_downwards(void **state)
{
    (void)state;
    double points[COUNT][2];
    double values[COUNT];
    dozan_rng rng = dozan_rng_stream(2, "test.quadratic", 0);
    for (size_t i = 0; i < COUNT; i++) {
        points[i][0] = dozan_rng_normal(&rng);
        points[i][1] = dozan_rng_normal(&rng);
        values[i] = points[i][0] * points[i][0] - points[i][1] * points[i][1] + points[i][1];
    }
    for (size_t i = 1; i < COUNT; i++) { /* the best first */
        for (size_t k = i; k > 0 && values[k] < values[k - 1]; k--) {
            for (size_t d = 0; d < 2; d++) {
                double kept = points[k][d];
                points[k][d] = points[k - 1][d];
                points[k - 1][d] = kept;
            }
            double kept = values[k];
            values[k] = values[k - 1];
            values[k - 1] = kept;
        }
    }
    double minimum[2];
    assert_true(dz_quadratic_minimum(&points[0][0], values, COUNT, 2, true, 3, minimum));
    assert_true(fabs(minimum[0]) < 0.01 && fabs(minimum[1] + 3) < 0.01);
}

static void what_cannot_be_fitted_is_refused(void **state)
{
    (void)state;
    static const double center[DIMS] = {0};
    double minimum[DIMS];
    assert_false(minimise(center, 0, true, dz_quadratic_terms(DIMS, true) - 1, 1, minimum));
    double points[8] = {0, 1, 2, 3, 4, 5, 6, 7};
    double flat[8] = {1, 1, 1, 1, 1, 1, 1, 1};
    assert_false(dz_quadratic_minimum(points, flat, 8, 1, true, 1, minimum));
    flat[7] = INFINITY;
    assert_false(dz_quadratic_minimum(points, flat, 8, 1, true, 1, minimum));
    flat[7] = NAN;
    assert_false(dz_quadratic_minimum(points, flat, 8, 1, true, 1, minimum));
    /* All in one place: there is no slope to be had, and nothing but a finite answer. */
    double same[8] = {0};
    double rising[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    if (dz_quadratic_minimum(same, rising, 8, 1, true, 1, minimum)) {
        assert_true(fabs(minimum[0]) <= 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_minimum_of_a_bowl_is_found),
        cmocka_unit_test(a_minimum_that_is_far_is_sought_on_the_ball),
        cmocka_unit_test(a_saddle_is_left_downwards),
        cmocka_unit_test(what_cannot_be_fitted_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
