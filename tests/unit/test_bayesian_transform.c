/*
 * The transforms of the losses: increasing, with the derivatives that they state, and harmless
 * where losses leave them nothing to go by.
 */
#include "bayesian_transform.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const double losses[] = {-3, -2.9, -2.5, 0, 0.1, 4, 17, 1e6};
enum { COUNT = (int)(sizeof(losses) / sizeof *losses) };

static void transforms_increase_and_state_their_slopes(void **state)
{
    (void)state;
    for (size_t kind = 0; kind < DZ_TRANSFORM_COUNT; kind++) {
        dz_transform transform = dz_transform_of(kind, losses, COUNT);
        assert_int_equal(transform.kind, kind);
        for (size_t i = 0; i < COUNT; i++) {
            double step = 1e-6 * fmax(1, fabs(losses[i]));
            double above = dz_transform_apply(&transform, losses[i] + step);
            double below = dz_transform_apply(&transform, losses[i] - step);
            double slope = (above - below) / (2 * step);
            assert_true(isfinite(above) && isfinite(below) && slope > 0);
            assert_true(fabs(log(slope) - dz_transform_log_slope(&transform, losses[i])) < 1e-4);
        }
    }
}

static void losses_without_a_spread_are_left_as_they_are(void **state)
{
    (void)state;
    static const double equal[] = {5, 5, 5}, close[] = {1e300, 1e300, 1e300 + 1e284};
    for (size_t kind = 0; kind < DZ_TRANSFORM_COUNT; kind++) {
        dz_transform none = dz_transform_of(kind, NULL, 0);
        dz_transform same = dz_transform_of(kind, equal, 3);
        dz_transform near = dz_transform_of(kind, close, 3);
        assert_int_equal(none.kind, DZ_TRANSFORM_IDENTITY);
        assert_int_equal(same.kind, DZ_TRANSFORM_IDENTITY);
        assert_true(isfinite(dz_transform_apply(&near, close[0])));
        assert_true(isfinite(dz_transform_apply(&near, close[2])));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(transforms_increase_and_state_their_slopes),
        cmocka_unit_test(losses_without_a_spread_are_left_as_they_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
