/*
 * The Sobol sequence against published points, and what scrambling must leave as it is.
 */
#include "numerics/sobol.h"

#include <dozan/rng.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { SCRAMBLES = 20 };

/* Published sequences are in the order of the Gray code. */
static uint32_t published_index(uint32_t n)
{
    return n ^ (n >> 1);
}

static double coordinate(size_t dimension, uint32_t n)
{
    uint32_t directions[DZ_SOBOL_BITS];
    dz_sobol_directions(dimension, directions);
    return (double)dz_sobol_bits(directions, published_index(n)) * 0x1p-32;
}

/* The first ten points that Joe and Kuo's notes print. */
static void the_first_points_are_the_published_ones(void **state)
{
    (void)state;
    static const double published[10][3] = {
        {0, 0, 0},
        {0.5, 0.5, 0.5},
        {0.75, 0.25, 0.25},
        {0.25, 0.75, 0.75},
        {0.375, 0.375, 0.625},
        {0.875, 0.875, 0.125},
        {0.625, 0.125, 0.875},
        {0.125, 0.625, 0.375},
        {0.1875, 0.3125, 0.9375},
        {0.6875, 0.8125, 0.4375},
    };
    for (uint32_t n = 0; n < 10; n++) {
        for (size_t d = 0; d < 3; d++) {
            assert_true(fabs(coordinate(d, n) - published[n][d]) < 1e-15);
        }
    }
}

/* Coordinates of a point of SciPy 1.17's scipy.stats.qmc.Sobol(337, scramble=False, bits=32), times
 * 2^32. */
static void late_dimensions_are_those_of_another_implementation(void **state)
{
    (void)state;
    static const struct {
        uint32_t n;
        size_t dimension;
        uint32_t bits;
    } known[] = {
        {777, 4, 2730491904u},    {777, 16, 1732247552u},   {777, 39, 1539309568u},
        {777, 40, 3099590656u},   {777, 99, 2193620992u},   {777, 160, 12582912u},
        {777, 199, 616562688u},   {777, 255, 2730491904u},  {777, 336, 4240441344u},
        {1000, 4, 1203765248u},   {1000, 16, 3091202048u},  {1000, 39, 2059403264u},
        {1000, 40, 3921674240u},  {1000, 99, 801112064u},   {1000, 160, 3686793216u},
        {1000, 199, 3619684352u}, {1000, 255, 1069547520u}, {1000, 336, 3519021056u},
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        double expected = (double)known[i].bits * 0x1p-32;
        assert_true(fabs(coordinate(known[i].dimension, known[i].n) - expected) < 1e-15);
    }
}

/* 2^12 points, in each dimension one in each interval of length 2^-12, scrambled or not. */
static void every_dimension_is_stratified(void **state)
{
    (void)state;
    enum { COUNT = 1 << 12 };
    for (size_t d = 0; d < DZ_SOBOL_DIMENSIONS; d++) {
        uint32_t directions[DZ_SOBOL_BITS];
        unsigned char seen[COUNT] = {0};
        dz_sobol_directions(d, directions);
        for (uint32_t i = 0; i < COUNT; i++) {
            double u = dz_sobol_scramble(dz_sobol_bits(directions, i), dozan_hash_words(7, d));
            assert_true(u >= 0 && u < 1);
            seen[(size_t)(u * COUNT)]++;
        }
        for (size_t cell = 0; cell < COUNT; cell++) {
            assert_int_equal(seen[cell], 1);
        }
    }
}

/* Of 2^bits points from `first` on, one is in each box of 2^-a by 2^-(bits-a). */
static void check_net(size_t x, size_t y, uint32_t bits, uint32_t first, uint64_t seed)
{
    uint32_t at_x[DZ_SOBOL_BITS];
    uint32_t at_y[DZ_SOBOL_BITS];
    dz_sobol_directions(x, at_x);
    dz_sobol_directions(y, at_y);
    for (uint32_t a = 0; a <= bits; a++) {
        unsigned char seen[1 << 10] = {0};
        for (uint32_t i = first; i < first + (1u << bits); i++) {
            double u = dz_sobol_scramble(dz_sobol_bits(at_x, i), dozan_hash_words(seed, x));
            double v = dz_sobol_scramble(dz_sobol_bits(at_y, i), dozan_hash_words(seed, y));
            size_t column = (size_t)ldexp(u, (int)a);
            size_t row = (size_t)ldexp(v, (int)(bits - a));
            seen[(column << (bits - a)) + row]++;
        }
        for (size_t box = 0; box < ((size_t)1 << bits); box++) {
            assert_int_equal(seen[box], 1);
        }
    }
}

/* The first two dimensions are a (0, 2)-sequence: each aligned block of 2^m points is a net. */
static void blocks_of_the_first_two_dimensions_are_nets(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < SCRAMBLES; seed++) {
        for (uint32_t bits = 1; bits <= 10; bits++) {
            check_net(0, 1, bits, 0, seed);
            check_net(0, 1, bits, 5u << bits, seed);
        }
    }
}

/* A scrambled point is uniform by itself: over many scrambles the 10 boxes of its coordinate are
 * equally likely. Chi-square with 9 degrees of freedom is above 33.7 once in 10,000 times. */
static void a_scrambled_point_is_uniform(void **state)
{
    (void)state;
    enum { SEEDS = 10000, BOXES = 10 };
    for (uint32_t bits = 0; bits < 3; bits++) {
        double count[BOXES] = {0};
        for (uint64_t seed = 0; seed < SEEDS; seed++) {
            count[(size_t)(BOXES * dz_sobol_scramble(bits << 30, dozan_hash_words(3, seed)))]++;
        }
        double chi = 0;
        for (size_t i = 0; i < BOXES; i++) {
            double off = count[i] - (double)SEEDS / BOXES;
            chi += off * off / ((double)SEEDS / BOXES);
        }
        assert_true(chi < 33.7);
    }
}

/* The error of an integral falls faster than that of a Monte Carlo mean: for a smooth product in
 * five dimensions and 1,024 points the root mean square over scrambles is below a twentieth of it.
 */
static void a_smooth_integral_converges_faster_than_at_random(void **state)
{
    (void)state;
    enum { DIMS = 5, COUNT = 1024 };
    uint32_t directions[DIMS][DZ_SOBOL_BITS];
    double square = 0;
    for (size_t d = 0; d < DIMS; d++) {
        dz_sobol_directions(d, directions[d]);
    }
    for (uint64_t seed = 0; seed < SCRAMBLES; seed++) {
        double mean = 0;
        for (uint32_t i = 0; i < COUNT; i++) {
            double product = 1;
            for (size_t d = 0; d < DIMS; d++) {
                double u =
                    dz_sobol_scramble(dz_sobol_bits(directions[d], i), dozan_hash_words(seed, d));
                product *= 1 + (u - 0.5);
            }
            mean += product / COUNT;
        }
        square += (mean - 1) * (mean - 1) / SCRAMBLES;
    }
    double at_random = sqrt((pow(1 + 1.0 / 12, DIMS) - 1) / COUNT);
    assert_true(sqrt(square) < at_random / 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_points_are_the_published_ones),
        cmocka_unit_test(late_dimensions_are_those_of_another_implementation),
        cmocka_unit_test(every_dimension_is_stratified),
        cmocka_unit_test(blocks_of_the_first_two_dimensions_are_nets),
        cmocka_unit_test(a_scrambled_point_is_uniform),
        cmocka_unit_test(a_smooth_integral_converges_faster_than_at_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
