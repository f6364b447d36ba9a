/*
 * The small numerics: the permutation, the running median, the reservoir and the normal
 * distribution. The reference values of the last were computed with mpmath 1.3 at 60 digits, from
 * the definitions.
 */
#include "numerics/gauss.h"
#include "numerics/permutation.h"
#include "numerics/reservoir.h"
#include "numerics/running_quantile.h"

#include <dozan/rng.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static void assert_near(double got, double wanted, double relative)
{
    if (!(fabs(got - wanted) <= relative * fmax(1e-300, fabs(wanted)))) {
        fail_msg("got %.17g, wanted %.17g", got, wanted);
    }
}

static void permutation_is_a_bijection(void **state)
{
    (void)state;
    static const uint64_t counts[] = {1, 2, 3, 4, 5, 16, 17, 1000, 4096, 65537};
    for (size_t c = 0; c < sizeof(counts) / sizeof(counts[0]); c++) {
        for (uint64_t seed = 0; seed < 3; seed++) {
            dz_permutation permutation;
            dz_permutation_init(&permutation, counts[c], seed);
            unsigned char *seen = test_calloc(counts[c], 1);
            for (uint64_t i = 0; i < counts[c]; i++) {
                uint64_t image = dz_permutation_at(&permutation, i);
                assert_true(image < counts[c]);
                assert_int_equal(seen[image], 0);
                seen[image] = 1;
            }
            test_free(seen);
        }
    }
}

static void permutation_of_the_largest_count_stays_inside(void **state)
{
    (void)state;
    dz_permutation permutation;
    dz_permutation_init(&permutation, UINT64_C(1) << 63, 7);
    uint64_t last = 0;
    for (uint64_t i = 0; i < 1000; i++) {
        uint64_t image = dz_permutation_at(&permutation, i);
        assert_true(image < UINT64_C(1) << 63);
        assert_true(i == 0 || image != last);
        last = image;
    }
}

/* Every place of the order is equally likely for every index: chi-squared over 2,000 seeds with 9
 * degrees of freedom; 40 is exceeded once in 100,000 times. */
static void permutation_is_uniform_over_seeds(void **state)
{
    (void)state;
    enum { COUNT = 10, SEEDS = 2000 };
    for (uint64_t index = 0; index < COUNT; index++) {
        double hits[COUNT] = {0};
        for (uint64_t seed = 0; seed < SEEDS; seed++) {
            dz_permutation permutation;
            dz_permutation_init(&permutation, COUNT, seed);
            hits[dz_permutation_at(&permutation, index)] += 1;
        }
        double chi_squared = 0;
        double expected = (double)SEEDS / COUNT;
        for (size_t i = 0; i < COUNT; i++) {
            chi_squared += (hits[i] - expected) * (hits[i] - expected) / expected;
        }
        assert_true(chi_squared < 40);
    }
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

/* As most statistics programs have it: linear between the two numbers next to q * (n - 1). */
static double sorted_quantile(const double *sorted, size_t n, double share)
{
    double place = share * (double)(n - 1);
    size_t low = (size_t)floor(place);
    size_t high = low + 1 < n ? low + 1 : low;
    return sorted[low] + (place - floor(place)) * (sorted[high] - sorted[low]);
}

static void running_quantile_is_that_of_the_sorted_numbers(void **state)
{
    (void)state;
    enum { COUNT = 500 };
    static const double shares[] = {0, 0.1, 0.25, 0.5, 0.77, 1};
    double sorted[COUNT];
    for (size_t s = 0; s < sizeof(shares) / sizeof(shares[0]); s++) {
        dz_running_quantile set = {0};
        dozan_rng rng = dozan_rng_stream(1, "test", s);
        assert_true(isnan(dz_running_quantile_value(&set, shares[s])));
        for (size_t n = 1; n <= COUNT; n++) {
            sorted[n - 1] = floor(20 * dozan_rng_normal(&rng)) / 4; /* with ties */
            assert_true(dz_running_quantile_add(&set, shares[s], sorted[n - 1]));
            qsort(sorted, n, sizeof(sorted[0]), compare_doubles);
            double wanted = sorted_quantile(sorted, n, shares[s]);
            assert_near(dz_running_quantile_value(&set, shares[s]), wanted, 1e-12);
            assert_int_equal(dz_running_quantile_count(&set), n);
        }
        dz_running_quantile_fini(&set);
    }
}

static void running_quantile_takes_infinity(void **state)
{
    (void)state;
    dz_running_quantile median = {0};
    assert_true(dz_running_quantile_add(&median, 0.5, INFINITY));
    assert_true(dz_running_quantile_add(&median, 0.5, -INFINITY));
    assert_true(dz_running_quantile_value(&median, 0.5) > 1e308);
    assert_true(dz_running_quantile_add(&median, 0.5, 3));
    assert_near(dz_running_quantile_value(&median, 0.5), 3, 0);
    dz_running_quantile_fini(&median);
}

static bool holds(const dz_reservoir *reservoir, int64_t id)
{
    for (size_t i = 0; i < reservoir->count; i++) {
        if (reservoir->items[i].id == id) {
            return true;
        }
    }
    return false;
}

static void reservoir_depends_on_the_set_alone(void **state)
{
    (void)state;
    dz_reservoir_item up_items[20];
    dz_reservoir_item down_items[20];
    dz_reservoir up = {.items = up_items, .capacity = 20, .seed = 3};
    dz_reservoir down = {.items = down_items, .capacity = 20, .seed = 3};
    for (int64_t i = 1; i <= 300; i++) {
        size_t slot = 0;
        (void)dz_reservoir_add(&up, i, &slot);
        (void)dz_reservoir_add(&down, 301 - i, &slot);
        assert_true(slot < 20);
    }
    assert_int_equal(up.count, 20);
    for (size_t i = 0; i < up.count; i++) {
        assert_true(holds(&down, up.items[i].id));
    }
}

/* Each of 100 items is in a sample of 10 with probability 1/10: 200 of 2,000 seeds, standard
 * deviation 13.4. */
static void reservoir_is_uniform(void **state)
{
    (void)state;
    int hits[101] = {0};
    for (uint64_t seed = 0; seed < 2000; seed++) {
        dz_reservoir_item items[10];
        dz_reservoir reservoir = {.items = items, .capacity = 10, .seed = seed};
        for (int64_t i = 1; i <= 100; i++) {
            size_t slot = 0;
            (void)dz_reservoir_add(&reservoir, i, &slot);
        }
        for (size_t i = 0; i < reservoir.count; i++) {
            hits[items[i].id]++;
        }
    }
    for (size_t i = 1; i <= 100; i++) {
        assert_in_range(hits[i], 200 - 67, 200 + 67);
    }
}

static void normal_mass_keeps_its_digits_in_the_tails(void **state)
{
    (void)state;
    assert_near(dz_gauss_mass(-1, 1), 0.68268949213708589717, 1e-15);
    assert_near(dz_gauss_mass(9, 10), 1.12851220742359904e-19, 1e-13);
    assert_near(dz_gauss_mass(-10, -9), 1.12851220742359904e-19, 1e-13);
    assert_near(dz_gauss_quantile(dz_gauss_cdf(-2.5)), -2.5, 1e-13);
}

static void log_improvement_matches_reference(void **state)
{
    (void)state;
    static const struct {
        double z;
        double value;
        double slope;
    } cases[] = {
        {2, 0.697383545788228312, 0.486559318785283869},
        {0, -0.918938533204672742, 1.25331413731550025},
        {-0.5, -1.62051626438731992, 1.55987314834807967},
        {-1, -2.48512102571264134, 1.90427123332969182},
        {-1.5, -3.52993592080570985, 2.27958069415644616},
        {-3, -7.86968605960302852, 3.53233751762516052},
        {-10, -55.5531220361223559, 10.1943830334125533},
        {-50, -1258.74418286846085, 50.0399521338726549},
        {-99, -4910.60948421545512, 99.0201958409531212},
        {-101, -5110.64947355486402, 101.019796160649431},
        {-1000, -500014.734452091158, 1000.00199999400004},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        double slope = 0;
        assert_near(dz_gauss_log_improvement(cases[i].z, &slope), cases[i].value, 1e-12);
        assert_near(slope, cases[i].slope, 1e-9);
    }
    assert_true(isfinite(dz_gauss_log_improvement(-1e6, NULL)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(permutation_is_a_bijection),
        cmocka_unit_test(permutation_of_the_largest_count_stays_inside),
        cmocka_unit_test(permutation_is_uniform_over_seeds),
        cmocka_unit_test(running_quantile_is_that_of_the_sorted_numbers),
        cmocka_unit_test(running_quantile_takes_infinity),
        cmocka_unit_test(reservoir_depends_on_the_set_alone),
        cmocka_unit_test(reservoir_is_uniform),
        cmocka_unit_test(normal_mass_keeps_its_digits_in_the_tails),
        cmocka_unit_test(log_improvement_matches_reference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
