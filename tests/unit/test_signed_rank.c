/*
 * The signed-rank test, against scipy 1.17: stats.wilcoxon(x, alternative="greater",
 * zero_method="zsplit", method="exact" where there are no ties and zeros, else "asymptotic").
 */
#include "numerics/signed_rank.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void assert_p(const double *differences, size_t count, double wanted)
{
    double copy[64];
    double p = -1;
    memcpy(copy, differences, count * sizeof(*copy));
    assert_true(dz_signed_rank_greater(copy, count, &p));
    if (!(fabs(p - wanted) <= 1e-12)) {
        fail_msg("got %.17g, wanted %.17g", p, wanted);
    }
}

static void is_exact_for_few(void **state)
{
    (void)state;
    assert_p((const double[]){1, 2, 3, 4, 5}, 5, 0.03125);
    assert_p((const double[]){-1, 2, -3, 4, 5, 6, 7}, 7, 0.0546875);
    assert_p((const double[]){0.5, -0.25, 0.125}, 3, 0.375);
    assert_p((const double[]){-1, -2, -3}, 3, 1);
    assert_p((const double[]){0.3, -0.1, 0.7, 1.5, -0.9, 2.2, 0.05, -0.4, 1.1, 0.8}, 10,
             0.080078125);
    double fifty[50];
    for (int i = 0; i < 50; i++) {
        fifty[i] = (i * 37 % 101 - 30.25) / 10;
    }
    assert_p(fifty, 50, 4.5203196957999126e-05);
}

static void is_normal_for_ties_zeros_and_many(void **state)
{
    (void)state;
    assert_p((const double[]){0, 0, 1, 2, -3}, 5, 0.3932285175686882);
    assert_p((const double[]){0, 0, 0, 0}, 4, 0.5);
    assert_p((const double[]){1, 1, 1, -1, 2, 2, -2, 3}, 8, 0.08791701959130671);
    double sixty[60];
    for (int i = 0; i < 60; i++) {
        sixty[i] = (double)(i * 37 % 101 - 30) / 10 + i % 7 * 0.01;
    }
    assert_p(sixty, 60, 1.357669793155017e-05);
}

static void nothing_is_no_evidence(void **state)
{
    (void)state;
    double p = 0;
    assert_true(dz_signed_rank_greater(NULL, 0, &p));
    assert_float_equal(p, 1, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_exact_for_few),
        cmocka_unit_test(is_normal_for_ties_zeros_and_many),
        cmocka_unit_test(nothing_is_no_evidence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
