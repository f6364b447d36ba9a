/*
 * Gaussian processes against scikit-learn and finite differences, and the minimiser against known
 * minima.
 *
 * The reference values are scikit-learn 1.9.1's: GaussianProcessRegressor(ConstantKernel(1.3) *
 * Matern([0.4, 0.9, 2], nu=2.5) + WhiteKernel(0.01), alpha=0, optimizer=None) on the points of
 * `fill` below; the predicted variances less the noise.
 */
#include "numerics/gp.h"
#include "numerics/gp_warp.h"
#include "numerics/minimise.h"
#include "table.h"

#include <dozan/rng.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { DIMS = 3, COUNT = 12 };

static const bool numeric[DIMS] = {false, false, false};
static const bool mixed[DIMS] = {false, true, false};

static double reference_theta[DIMS + 2];

static void fill(double x[COUNT * DIMS], double y[COUNT])
{
    static const double steps[DIMS] = {0.6180339887498949, 0.7548776662466927, 0.8191725133961645};
    for (size_t i = 0; i < COUNT; i++) {
        for (size_t d = 0; d < DIMS; d++) {
            x[i * DIMS + d] = fmod((double)(i + 1) * steps[d], 1.0);
        }
        const double *row = x + i * DIMS;
        y[i] = sin(3 * row[0]) + row[1] * row[1] - 0.5 * row[2];
    }
}

static int set_up(void **state)
{
    (void)state;
    dozan_algorithms_init();
    const double values[DIMS + 2] = {0.4, 0.9, 2.0, 1.3, 0.01};
    for (size_t i = 0; i < DIMS + 2; i++) {
        reference_theta[i] = log(values[i]);
    }
    return 0;
}

static void assert_near(double got, double wanted, double tolerance)
{
    if (!(fabs(got - wanted) <= tolerance)) {
        fail_msg("got %.17g, wanted %.17g", got, wanted);
    }
}

static void likelihood_is_that_of_scikit_learn(void **state)
{
    (void)state;
    double x[COUNT * DIMS];
    double y[COUNT];
    double gradient[DIMS + 2];
    fill(x, y);
    dz_inputs inputs = {.dims = DIMS, .categorical = numeric, .count = COUNT, .x = x};
    double value = dz_gp_log_likelihood(&inputs, y, reference_theta, gradient);
    assert_near(value, -3.7358619955809687, 1e-9);
    const double wanted[] = {3.36766334466799, 3.103809369505783, 2.0295471772793765,
                             -3.72816980757913, -0.779150833970353};
    for (size_t i = 0; i < DIMS + 2; i++) {
        assert_near(gradient[i], wanted[i], 1e-8);
    }
}

static void predictions_are_those_of_scikit_learn(void **state)
{
    (void)state;
    double x[COUNT * DIMS];
    double y[COUNT];
    double mean[3];
    double variance[3];
    fill(x, y);
    dz_inputs inputs = {.dims = DIMS, .categorical = numeric, .count = COUNT, .x = x};
    dz_gp *gp = dz_gp_create(&inputs, y, reference_theta, NULL);
    assert_non_null(gp);
    const double points[] = {0.25, 0.5, 0.75, 0.9, 0.1, 0.3, 0.5, 0.5, 0.5};
    dz_gp_predict(gp, points, 3, mean, variance);
    const double means[] = {0.5652046074345598, 0.2451981151309901, 1.135488778938415};
    const double variances[] = {0.012057935750221968, 0.019226971976863856, 0.07305296432666221};
    for (size_t i = 0; i < 3; i++) {
        assert_near(mean[i], means[i], 1e-7);
        assert_near(variance[i], variances[i], 1e-7);
    }
    dz_gp_destroy(gp);
}

/* Central differences of step 1e-5 have errors of some 1e-9 here. */
static void likelihood_gradients_are_right_with_categories(void **state)
{
    (void)state;
    double x[COUNT * DIMS];
    double y[COUNT];
    double gradient[DIMS + 2];
    fill(x, y);
    for (size_t i = 0; i < COUNT; i++) {
        x[i * DIMS + 1] = ((double)(i % 3) + 0.5) / 3;
    }
    dz_inputs inputs = {.dims = DIMS, .categorical = mixed, .count = COUNT, .x = x};
    (void)dz_gp_log_likelihood(&inputs, y, reference_theta, gradient);
    for (size_t i = 0; i < DIMS + 2; i++) {
        double theta[DIMS + 2];
        memcpy(theta, reference_theta, sizeof(theta));
        theta[i] += 1e-5;
        double above = dz_gp_log_likelihood(&inputs, y, theta, NULL);
        theta[i] -= 2e-5;
        double below = dz_gp_log_likelihood(&inputs, y, theta, NULL);
        assert_near(gradient[i], (above - below) / 2e-5, 1e-6);
    }
}

/* theta with a warp that differs from dimension to dimension. */
static void warp_theta(double theta[3 * DIMS + 2])
{
    const double logs[2 * DIMS] = {0.3, 0, -0.4, -0.2, 0, 0.5};
    memcpy(theta, reference_theta, sizeof(reference_theta));
    memcpy(theta + DIMS + 2, logs, sizeof(logs));
}

static void a_warp_is_the_distribution_of_kumaraswamy(void **state)
{
    (void)state;
    double by_x = 0;
    double by_a = 0;
    double by_b = 0;
    /* 1 - (1 - 0.3^2)^3 */
    assert_near(dz_gp_warp(0.3, log(2), log(3), NULL, NULL, NULL), 1 - 0.91 * 0.91 * 0.91, 1e-12);
    assert_near(dz_gp_warp(0, 0.3, -0.2, NULL, NULL, NULL), 0, 1e-8);
    assert_near(dz_gp_warp(1, 0.3, -0.2, NULL, NULL, NULL), 1, 1e-7);
    for (size_t i = 0; i < 10; i++) {
        double x = 0.05 + 0.1 * (double)i;
        assert_near(dz_gp_warp(x, 0, 0, NULL, NULL, NULL), x, 1e-12);
        (void)dz_gp_warp(x, 0.3, -0.4, &by_x, &by_a, &by_b);
        assert_near(by_x,
                    (dz_gp_warp(x + 1e-5, 0.3, -0.4, NULL, NULL, NULL) -
                     dz_gp_warp(x - 1e-5, 0.3, -0.4, NULL, NULL, NULL)) /
                        2e-5,
                    1e-7);
        assert_near(by_a,
                    (dz_gp_warp(x, 0.3 + 1e-5, -0.4, NULL, NULL, NULL) -
                     dz_gp_warp(x, 0.3 - 1e-5, -0.4, NULL, NULL, NULL)) /
                        2e-5,
                    1e-7);
        assert_near(by_b,
                    (dz_gp_warp(x, 0.3, -0.4 + 1e-5, NULL, NULL, NULL) -
                     dz_gp_warp(x, 0.3, -0.4 - 1e-5, NULL, NULL, NULL)) /
                        2e-5,
                    1e-7);
    }
}

static void gradients_are_right_through_a_warp(void **state)
{
    (void)state;
    double x[COUNT * DIMS];
    double y[COUNT];
    double theta[3 * DIMS + 2];
    double gradient[3 * DIMS + 2];
    fill(x, y);
    for (size_t i = 0; i < COUNT; i++) {
        x[i * DIMS + 1] = ((double)(i % 3) + 0.5) / 3;
    }
    warp_theta(theta);
    dz_inputs inputs = {.dims = DIMS, .categorical = mixed, .count = COUNT, .x = x, .warped = true};
    (void)dz_gp_log_likelihood(&inputs, y, theta, gradient);
    for (size_t i = 0; i < 3 * DIMS + 2; i++) {
        double middle = theta[i];
        theta[i] = middle + 1e-5;
        double above = dz_gp_log_likelihood(&inputs, y, theta, NULL);
        theta[i] = middle - 1e-5;
        double below = dz_gp_log_likelihood(&inputs, y, theta, NULL);
        theta[i] = middle;
        assert_near(gradient[i], (above - below) / 2e-5, 1e-6);
    }
    dz_gp *gp = dz_gp_create(&inputs, y, theta, NULL);
    assert_non_null(gp);
    const double point[DIMS] = {0.35, 0.5, 0.55};
    double mean = 0;
    double variance = 0;
    double mean_gradient[DIMS];
    double variance_gradient[DIMS];
    dz_gp_gradient(gp, point, &mean, &variance, mean_gradient, variance_gradient);
    for (size_t d = 0; d < DIMS; d += 2) {
        double moved[2 * DIMS];
        double means[2];
        double variances[2];
        memcpy(moved, point, sizeof(point));
        memcpy(moved + DIMS, point, sizeof(point));
        moved[d] += 1e-5;
        moved[DIMS + d] -= 1e-5;
        dz_gp_predict(gp, moved, 2, means, variances);
        assert_near(mean_gradient[d], (means[0] - means[1]) / 2e-5, 1e-6);
        assert_near(variance_gradient[d], (variances[0] - variances[1]) / 2e-5, 1e-6);
    }
    dz_gp_destroy(gp);
}

static void prior_gradient_is_right(void **state)
{
    (void)state;
    double gradient[DIMS + 2] = {0};
    double ignored[DIMS + 2] = {0};
    double value = 0;
    dz_inputs shape = {.dims = DIMS, .categorical = numeric};
    dz_gp_log_prior(&shape, reference_theta, &value, gradient);
    for (size_t i = 0; i < DIMS + 2; i++) {
        double theta[DIMS + 2];
        double above = 0;
        double below = 0;
        memcpy(theta, reference_theta, sizeof(theta));
        theta[i] += 1e-5;
        dz_gp_log_prior(&shape, theta, &above, ignored);
        theta[i] -= 2e-5;
        dz_gp_log_prior(&shape, theta, &below, ignored);
        assert_near(gradient[i], (above - below) / 2e-5, 1e-6);
    }
}

static void prediction_gradients_are_right(void **state)
{
    (void)state;
    double x[COUNT * DIMS];
    double y[COUNT];
    fill(x, y);
    dz_inputs inputs = {.dims = DIMS, .categorical = mixed, .count = COUNT, .x = x};
    const double pending[] = {0.3, 0.3, 0.3, 0.8, 0.2, 0.6};
    dz_inputs fantasies = {.dims = DIMS, .categorical = mixed, .count = 2, .x = pending};
    dz_gp *gp = dz_gp_create(&inputs, y, reference_theta, &fantasies);
    const double point[DIMS] = {0.35, 0.3, 0.55};
    double mean = 0;
    double variance = 0;
    double mean_gradient[DIMS];
    double variance_gradient[DIMS];
    dz_gp_gradient(gp, point, &mean, &variance, mean_gradient, variance_gradient);
    double again[2];
    dz_gp_predict(gp, point, 1, &again[0], &again[1]);
    assert_near(mean, again[0], 1e-10);
    assert_near(variance, again[1], 1e-10);
    for (size_t d = 0; d < DIMS; d++) {
        double moved[2 * DIMS];
        double means[2];
        double variances[2];
        memcpy(moved, point, sizeof(point));
        memcpy(moved + DIMS, point, sizeof(point));
        moved[d] += 1e-5;
        moved[DIMS + d] -= 1e-5;
        dz_gp_predict(gp, moved, 2, means, variances);
        assert_near(mean_gradient[d], mixed[d] ? 0 : (means[0] - means[1]) / 2e-5, 1e-6);
        assert_near(variance_gradient[d], mixed[d] ? 0 : (variances[0] - variances[1]) / 2e-5,
                    1e-6);
    }
    dz_gp_destroy(gp);
}

/* A fantasy of the process's own mean leaves every mean where it was, and takes the variance at its
 * place away. */
static void fantasies_keep_the_mean(void **state)
{
    (void)state;
    double x[COUNT * DIMS];
    double y[COUNT];
    fill(x, y);
    dz_inputs inputs = {.dims = DIMS, .categorical = numeric, .count = COUNT, .x = x};
    const double pending[DIMS] = {0.5, 0.5, 0.5};
    dz_inputs fantasies = {.dims = DIMS, .categorical = numeric, .count = 1, .x = pending};
    const double points[] = {0.5, 0.5, 0.5, 0.2, 0.9, 0.4};
    double mean[2];
    double variance[2];
    double fantasy_mean[2];
    double fantasy_variance[2];
    dz_gp *gp = dz_gp_create(&inputs, y, reference_theta, NULL);
    dz_gp *with = dz_gp_create(&inputs, y, reference_theta, &fantasies);
    dz_gp_predict(gp, points, 2, mean, variance);
    dz_gp_predict(with, points, 2, fantasy_mean, fantasy_variance);
    for (size_t i = 0; i < 2; i++) {
        assert_near(fantasy_mean[i], mean[i], 1e-9);
        assert_true(fantasy_variance[i] < variance[i]);
    }
    assert_true(fantasy_variance[0] < 0.011); /* the noise is 0.01 */
    assert_true(variance[0] > 0.07);
    dz_gp_destroy(gp);
    dz_gp_destroy(with);
}

static void equal_points_do_not_break_it(void **state)
{
    (void)state;
    double x[COUNT * DIMS] = {0};
    double y[COUNT] = {0};
    double theta[DIMS + 2];
    dz_inputs inputs = {.dims = DIMS, .categorical = numeric, .count = COUNT, .x = x};
    double log_posterior = 0;
    const dz_gp_fit_options fit = {.max_evaluations = 30, .starts = 2};
    assert_true(dz_gp_fit(&inputs, y, &fit, theta, &log_posterior));
    theta[DIMS + 1] = -200; /* no noise at all: only jitter is left */
    dz_gp *gp = dz_gp_create(&inputs, y, theta, NULL);
    assert_non_null(gp);
    double mean = 1;
    double variance = -1;
    dz_gp_predict(gp, x, 1, &mean, &variance);
    assert_near(mean, 0, 1e-6);
    assert_true(variance >= 0);
    dz_gp_destroy(gp);
}

/* The fitted parameters are better than both starts, and the one dimension that matters has the
 * shortest scale. */
static void fit_finds_the_dimension_that_matters(void **state)
{
    (void)state;
    double x[COUNT * DIMS];
    double y[COUNT];
    double theta[DIMS + 2];
    fill(x, y);
    for (size_t i = 0; i < COUNT; i++) {
        y[i] = 1.4 * sin(9 * x[i * DIMS]);
    }
    dz_inputs inputs = {.dims = DIMS, .categorical = numeric, .count = COUNT, .x = x};
    double log_posterior = 0;
    const dz_gp_fit_options fit = {.max_evaluations = 80, .starts = 2};
    assert_true(dz_gp_fit(&inputs, y, &fit, theta, &log_posterior));
    assert_true(theta[0] < theta[1] - 0.5);
    assert_true(theta[0] < theta[2] - 0.5);
}

static double rosenbrock(const double *x, double *gradient, void *context)
{
    (void)context;
    double a = x[1] - x[0] * x[0];
    gradient[0] = -400 * x[0] * a - 2 * (1 - x[0]);
    gradient[1] = 200 * a;
    return 100 * a * a + (1 - x[0]) * (1 - x[0]);
}

/* Unconstrained the minimum is (1, 1). With x0 <= 0.5 it is at the bound, and x1 = 0.25. */
static void minimiser_solves_rosenbrock_in_a_box(void **state)
{
    (void)state;
    const double low[] = {-2, -2};
    double high[] = {2, 2};
    const dz_minimise_options options = {
        .low = low, .high = high, .max_evaluations = 300, .tolerance = 1e-8};
    double x[] = {-1.2, 1};
    double value = 0;
    assert_true(dz_minimise(rosenbrock, NULL, 2, &options, x, &value));
    assert_near(x[0], 1, 1e-6);
    assert_near(x[1], 1, 1e-6);
    high[0] = 0.5;
    x[0] = -1.2;
    x[1] = 1;
    assert_true(dz_minimise(rosenbrock, NULL, 2, &options, x, &value));
    assert_near(x[0], 0.5, 1e-12);
    assert_near(x[1], 0.25, 1e-6);
    assert_near(value, 0.25, 1e-9);
}

/* A fence of infinity to the right of 0.7 is stepped back from. */
static double fenced(const double *x, double *gradient, void *context)
{
    (void)context;
    gradient[0] = -2 * (1 - x[0]);
    return x[0] > 0.7 ? INFINITY : (1 - x[0]) * (1 - x[0]);
}

static void minimiser_backs_off_from_infinity(void **state)
{
    (void)state;
    const dz_minimise_options options = {
        .low = &(double){0}, .high = &(double){2}, .max_evaluations = 100, .tolerance = 1e-8};
    double x = 0;
    double value = 0;
    assert_true(dz_minimise(fenced, NULL, 1, &options, &x, &value));
    assert_true(isfinite(value));
    assert_true(x > 0.6 && x <= 0.7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(likelihood_is_that_of_scikit_learn),
        cmocka_unit_test(predictions_are_those_of_scikit_learn),
        cmocka_unit_test(likelihood_gradients_are_right_with_categories),
        cmocka_unit_test(a_warp_is_the_distribution_of_kumaraswamy),
        cmocka_unit_test(gradients_are_right_through_a_warp),
        cmocka_unit_test(prior_gradient_is_right),
        cmocka_unit_test(prediction_gradients_are_right),
        cmocka_unit_test(fantasies_keep_the_mean),
        cmocka_unit_test(equal_points_do_not_break_it),
        cmocka_unit_test(fit_finds_the_dimension_that_matters),
        cmocka_unit_test(minimiser_solves_rosenbrock_in_a_box),
        cmocka_unit_test(minimiser_backs_off_from_infinity),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
