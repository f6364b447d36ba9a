/*
 * Parzen estimators: each density integrates, or sums, to 1, and its draws follow it.
 */
#include "numerics/parzen.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static const double edges[] = {0, 0.1, 0.15, 0.5, 0.9, 1};
static const dz_parzen_axis axes[] = {
    {.levels = 0, .ordered = true},
    {.levels = 5, .ordered = true, .edges = edges},
    {.levels = 4, .ordered = false},
};
enum { AXES = 3, POINTS = 40 };

/* A density of `count` random points, near a corner. */
static dz_parzen *random_density(size_t count, double prior, dz_parzen_rule rule, uint64_t seed)
{
    double storage[POINTS][AXES];
    const double *points[POINTS];
    dozan_rng rng = dozan_rng_stream(seed, "parzen test", 0);
    for (size_t i = 0; i < count; i++) {
        storage[i][0] = 0.2 * dozan_rng_uniform(&rng);
        size_t level = (size_t)dozan_rng_below(&rng, 3);
        storage[i][1] = (edges[level] + edges[level + 1]) / 2;
        storage[i][2] = ((double)dozan_rng_below(&rng, 2) + 0.5) / 4;
        points[i] = storage[i];
    }
    dz_parzen *density = dz_parzen_create(axes, AXES, points, count, prior, rule);
    assert_non_null(density);
    return density;
}

/* Simpson's rule over 0 .. 1. */
static double integrate_axis(const dz_parzen *density, size_t axis)
{
    enum { PARTS = 4000 };
    double sum = 0;
    for (int i = 0; i <= PARTS; i++) {
        double weight = i == 0 || i == PARTS ? 1 : (i % 2 == 1 ? 4 : 2);
        sum += weight * exp(dz_parzen_axis_log(density, axis, (double)i / PARTS));
    }
    return sum / (3.0 * PARTS);
}

static double level_coordinate(size_t axis, size_t level)
{
    return axes[axis].ordered ? (edges[level] + edges[level + 1]) / 2
                              : ((double)level + 0.5) / (double)axes[axis].levels;
}

static void axes_integrate_to_one(void **state)
{
    (void)state;
    static const size_t counts[] = {0, 1, 2, 7, POINTS};
    for (size_t c = 0; c < sizeof(counts) / sizeof(counts[0]); c++) {
        dz_parzen *density = random_density(counts[c], 0.3, DZ_PARZEN_AXES, c);
        assert_true(fabs(integrate_axis(density, 0) - 1) < 1e-9);
        for (size_t axis = 1; axis < AXES; axis++) {
            double sum = 0;
            for (size_t level = 0; level < axes[axis].levels; level++) {
                sum += exp(dz_parzen_axis_log(density, axis, level_coordinate(axis, level)));
            }
            assert_true(fabs(sum - 1) < 1e-12);
        }
        dz_parzen_destroy(density);
    }
}

/* Sums the density of either rule over all levels and, by Simpson's rule, over the continuous axis.
 */
static double integrate_whole(const dz_parzen *density)
{
    enum { PARTS = 800 };
    double sum = 0;
    for (size_t ordered = 0; ordered < axes[1].levels; ordered++) {
        for (size_t category = 0; category < axes[2].levels; category++) {
            for (int i = 0; i <= PARTS; i++) {
                double point[AXES] = {(double)i / PARTS, level_coordinate(1, ordered),
                                      level_coordinate(2, category)};
                double weight = i == 0 || i == PARTS ? 1 : (i % 2 == 1 ? 4 : 2);
                sum += weight * exp(dz_parzen_log(density, point)) / (3.0 * PARTS);
            }
        }
    }
    return sum;
}

static void whole_densities_integrate_to_one(void **state)
{
    (void)state;
    static const size_t counts[] = {0, 1, 2, POINTS};
    for (size_t c = 0; c < sizeof(counts) / sizeof(counts[0]); c++) {
        for (int rule = DZ_PARZEN_AXES; rule <= DZ_PARZEN_JOINT; rule++) {
            dz_parzen *density = random_density(counts[c], 1.5, (dz_parzen_rule)rule, c);
            assert_true(fabs(integrate_whole(density) - 1) < 1e-7);
            dz_parzen_destroy(density);
        }
    }
}

/* The frequency of draws per (tenth of axis 0, level, category) against the density's integral
 * there. */
static void draws_follow_the_density(void **state)
{
    (void)state;
    enum { DRAWS = 40000, BINS = 4 * 5 * 4 };
    for (int rule = DZ_PARZEN_AXES; rule <= DZ_PARZEN_JOINT; rule++) {
        dz_parzen *density = random_density(12, 1, (dz_parzen_rule)rule, 77);
        dozan_rng rng = dozan_rng_stream(5, "draws", 0);
        double hits[BINS] = {0};
        for (int i = 0; i < DRAWS; i++) {
            double point[AXES];
            dz_parzen_draw(density, &rng, point);
            assert_true(point[0] >= 0 && point[0] <= 1);
            size_t bin = (size_t)fmin(3, floor(4 * point[0]));
            bin = 5 * bin + dz_parzen_level(&axes[1], point[1]);
            hits[4 * bin + dz_parzen_level(&axes[2], point[2])] += 1.0 / DRAWS;
        }
        for (size_t bin = 0; bin < BINS; bin++) {
            double wanted = 0;
            double part = floor((double)bin / 20);
            for (int i = 0; i < 200; i++) { /* the middle rule over the bin's part of axis 0 */
                double point[AXES] = {(part + (i + 0.5) / 200) / 4,
                                      level_coordinate(1, bin / 4 % 5),
                                      level_coordinate(2, bin % 4)};
                wanted += exp(dz_parzen_log(density, point)) / 800;
            }
            double deviation = sqrt(wanted * (1 - wanted) / DRAWS);
            assert_true(fabs(hits[bin] - wanted) < 5 * deviation + 2e-4);
        }
        dz_parzen_destroy(density);
    }
}

/* One point at 0.25 and the prior at 0.5: the kernel is as wide as the least width of one point,
 * 1/2, since the gap is 1/4. So the density at u is (1 + phi((u - 0.25) / 0.5) / 0.5 / Z) / 2, Z =
 * Phi(1.5) - Phi(-0.5). */
static void one_point_by_hand(void **state)
{
    (void)state;
    const double point[AXES] = {0.25, 0.05, 0.125};
    const double *points[] = {point};
    dz_parzen *density = dz_parzen_create(axes, AXES, points, 1, 1.0, DZ_PARZEN_AXES);
    double inside = 0.93319279873114191 - 0.30853753872598690;
    double wanted = (1 + 0.35206532676429948 / 0.5 / inside) / 2; /* phi(0.5) = 0.352... */
    assert_true(fabs(dz_parzen_axis_log(density, 0, 0.5) - log(wanted)) < 1e-12);
    assert_true(fabs(dz_parzen_axis_log(density, 2, 0.1) - log(2.0 / 5.0)) < 1e-12);
    assert_true(fabs(dz_parzen_axis_log(density, 2, 0.9) - log(1.0 / 5.0)) < 1e-12);
    dz_parzen_destroy(density);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(axes_integrate_to_one),
        cmocka_unit_test(whole_densities_integrate_to_one),
        cmocka_unit_test(draws_follow_the_density),
        cmocka_unit_test(one_point_by_hand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
