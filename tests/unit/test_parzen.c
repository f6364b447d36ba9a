/*
 * Parzen estimators: each density integrates, or sums, to 1, its draws follow it, and one over a
 * sorted sample is the one over the sample's points.
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
    {.levels = 0, .ordered = true, .optional = true},
};
enum { AXES = 4, OPTIONAL = 3, POINTS = 40 };

/* A random point, near a corner; its optional coordinate is inactive for every third one. */
static void random_point(dozan_rng *rng, size_t i, double *point)
{
    size_t level = (size_t)dozan_rng_below(rng, 3);
    point[0] = 0.2 * dozan_rng_uniform(rng);
    point[1] = (edges[level] + edges[level + 1]) / 2;
    point[2] = ((double)dozan_rng_below(rng, 2) + 0.5) / 4;
    point[OPTIONAL] = i % 3 == 1 ? (double)NAN : dozan_rng_uniform(rng);
}

/* A density of `count` random points, of the first `axis_count` axes. */
static dz_parzen *random_density(size_t axis_count, size_t count, double prior, uint64_t seed)
{
    dz_parzen *density = dz_parzen_create(axes, axis_count, count);
    assert_non_null(density);
    dozan_rng rng = dozan_rng_stream(seed, "parzen test", 0);
    for (size_t i = 0; i < count; i++) {
        double point[AXES];
        random_point(&rng, i, point);
        dz_parzen_add(density, point, 0.5 + dozan_rng_uniform(&rng));
    }
    dz_parzen_settle(density, prior);
    return density;
}

static double level_coordinate(size_t axis, size_t level)
{
    return axes[axis].ordered ? (edges[level] + edges[level + 1]) / 2
                              : ((double)level + 0.5) / (double)axes[axis].levels;
}

static double simpson(int i, int parts)
{
    return (i == 0 || i == parts ? 1 : (i % 2 == 1 ? 4 : 2)) / (3.0 * parts);
}

static void lines_integrate_to_one(void **state)
{
    (void)state;
    enum { PARTS = 4000 };
    for (size_t count = 0; count <= POINTS; count++) {
        dz_parzen *density = random_density(1, count, 0.3, count);
        double sum = 0;
        for (int i = 0; i <= PARTS; i++) {
            double u = (double)i / PARTS;
            sum += simpson(i, PARTS) * exp(dz_parzen_log(density, &u));
        }
        assert_true(fabs(sum - 1) < 1e-8);
        dz_parzen_destroy(density);
    }
}

/* The density summed over all levels and integrated over both continuous axes; without the optional
 * one when `inactive`. */
static double integrate_whole(dz_parzen *density, bool inactive)
{
    enum { PARTS = 240 };
    double sum = 0;
    for (size_t cell = 0; cell < axes[1].levels * axes[2].levels; cell++) {
        for (int i = 0; i <= PARTS; i++) {
            for (int j = 0; j <= (inactive ? 0 : PARTS); j++) {
                double point[AXES] = {(double)i / PARTS, level_coordinate(1, cell / 4),
                                      level_coordinate(2, cell % 4),
                                      inactive ? (double)NAN : (double)j / PARTS};
                double weight = simpson(i, PARTS) * (inactive ? 1 : simpson(j, PARTS));
                sum += weight * exp(dz_parzen_log(density, point));
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
        dz_parzen *density = random_density(AXES, counts[c], 1.5, c);
        assert_true(fabs(integrate_whole(density, false) - 1) < 1e-4);
        assert_true(fabs(integrate_whole(density, true) - 1) < 1e-4);
        dz_parzen_destroy(density);
    }
}

/* The density of axes 0 to 2, summed and integrated over all but `axis`, at its coordinate u. */
static double integrate_others(dz_parzen *density, size_t axis, double u)
{
    enum { PARTS = 600 };
    size_t levels = axis == 1 ? 1 : axes[1].levels;
    size_t categories = axis == 2 ? 1 : axes[2].levels;
    double sum = 0;
    for (size_t cell = 0; cell < levels * categories; cell++) {
        for (int i = 0; i <= (axis == 0 ? 0 : PARTS); i++) {
            double point[] = {(double)i / PARTS, level_coordinate(1, cell / categories),
                              level_coordinate(2, cell % categories)};
            point[axis] = u;
            sum += (axis == 0 ? 1 : simpson(i, PARTS)) * exp(dz_parzen_log(density, point));
        }
    }
    return sum;
}

/* The joint density's marginal along an axis is the density of the points' coordinates there. */
static void marginals_are_the_densities_of_one_axis(void **state)
{
    (void)state;
    dozan_rng rng = dozan_rng_stream(3, "parzen marginals", 0);
    dz_parzen *joint = dz_parzen_create(axes, 3, POINTS);
    dz_parzen *alone[3];
    assert_non_null(joint);
    for (size_t a = 0; a < 3; a++) {
        alone[a] = dz_parzen_create(&axes[a], 1, POINTS);
        assert_non_null(alone[a]);
    }
    for (size_t i = 0; i < POINTS; i++) {
        double point[AXES];
        double weight = 0.5 + dozan_rng_uniform(&rng);
        random_point(&rng, i, point);
        dz_parzen_add(joint, point, weight);
        for (size_t a = 0; a < 3; a++) {
            dz_parzen_add(alone[a], &point[a], weight);
        }
    }
    dz_parzen_settle(joint, 0.7);
    for (size_t a = 0; a < 3; a++) {
        dz_parzen_settle(alone[a], 0.7);
        for (size_t i = 0; i < (a == 0 ? 21 : axes[a].levels); i++) {
            double u = a == 0 ? (double)i / 20 : level_coordinate(a, i);
            double wanted = exp(dz_parzen_log(alone[a], &u));
            assert_true(fabs(integrate_others(joint, a, u) / wanted - 1) < 1e-6);
        }
        dz_parzen_destroy(alone[a]);
    }
    dz_parzen_destroy(joint);
}

/* The frequency of draws per (quarter of axis 0, level, category) against the density's integral
 * there. */
static void draws_follow_the_density(void **state)
{
    (void)state;
    enum { DRAWS = 40000, BINS = 4 * 5 * 4 };
    dz_parzen *density = random_density(3, 12, 1, 77);
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
            double point[AXES] = {(part + (i + 0.5) / 200) / 4, level_coordinate(1, bin / 4 % 5),
                                  level_coordinate(2, bin % 4)};
            wanted += exp(dz_parzen_log(density, point)) / 800;
        }
        double deviation = sqrt(wanted * (1 - wanted) / DRAWS);
        assert_true(fabs(hits[bin] - wanted) < 5 * deviation + 2e-4);
    }
    dz_parzen_destroy(density);
}

/* One point at 0.25 along an axis: it is as wide as the way to the farther bound, 0.75. So the
 * density at 0.5 is (1 + phi(1/3) / 0.75 / (Phi(1) - Phi(-1/3))) / 2. */
static void one_point_by_hand(void **state)
{
    (void)state;
    const double point[] = {0.25, 0.05, 0.125};
    dz_parzen *density = dz_parzen_create(axes, 1, 1);
    assert_non_null(density);
    dz_parzen_add(density, point, 1);
    dz_parzen_settle(density, 1);
    double inside = 0.84134474606854293 - 0.36944134018176361;
    double wanted = (1 + 0.37738322769299331 / 0.75 / inside) / 2; /* phi(1/3) = 0.377... */
    double at = 0.5;
    assert_true(fabs(dz_parzen_log(density, &at) - log(wanted)) < 1e-12);
    dz_parzen_destroy(density);
    density = dz_parzen_create(&axes[2], 1, 1);
    assert_non_null(density);
    dz_parzen_add(density, &point[2], 1);
    dz_parzen_settle(density, 1);
    at = 0.1; /* the prior's 1/4, and (1 + 1/2) / (1 + 4/2) */
    assert_true(fabs(dz_parzen_log(density, &at) - log((0.25 + 0.5) / 2)) < 1e-12);
    at = 0.9; /* the prior's 1/4, and (1/2) / (1 + 4/2) */
    assert_true(fabs(dz_parzen_log(density, &at) - log((0.25 + 1.0 / 6) / 2)) < 1e-12);
    dz_parzen_destroy(density);
}

/* A sample of 40 of 300 points, without every fifth of them, against the same points one by one. */
static void a_sample_gives_the_density_of_its_points(void **state)
{
    (void)state;
    enum { OFFERED = 300 };
    static double points[OFFERED + 1][AXES];
    bool left_out[POINTS];
    dozan_rng rng = dozan_rng_stream(9, "parzen sample", 0);
    dz_sorted_sample *sample = dz_sorted_sample_create(AXES, POINTS, 4);
    dz_parzen *one = dz_parzen_create(axes, AXES, POINTS);
    dz_parzen *other = dz_parzen_create(axes, AXES, POINTS);
    assert_true(sample != NULL && one != NULL && other != NULL);
    for (size_t i = 1; i <= OFFERED; i++) {
        random_point(&rng, i, points[i]);
        dz_sorted_sample_add(sample, (int64_t)i, points[i]);
    }
    for (size_t s = 0; s < POINTS; s++) {
        left_out[s] = s % 5 == 0;
        if (!left_out[s]) {
            dz_parzen_add(other, points[sample->ids[s]], 1);
        }
    }
    dz_parzen_add_sample(one, sample, left_out);
    dz_parzen_settle(one, 1);
    dz_parzen_settle(other, 1);
    for (size_t i = 1; i <= OFFERED; i++) {
        double difference = dz_parzen_log(one, points[i]) - dz_parzen_log(other, points[i]);
        assert_true(fabs(difference) < 1e-10);
    }
    dz_parzen_destroy(one);
    dz_parzen_destroy(other);
    dz_sorted_sample_destroy(sample);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_integrate_to_one),
        cmocka_unit_test(whole_densities_integrate_to_one),
        cmocka_unit_test(marginals_are_the_densities_of_one_axis),
        cmocka_unit_test(draws_follow_the_density),
        cmocka_unit_test(one_point_by_hand),
        cmocka_unit_test(a_sample_gives_the_density_of_its_points),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
