/*
 * The Pareto front, kept trial by trial, against the definition.
 */
#include "core/front.h"

#include <dozan/rng.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { TRIALS = 120, WIDTH = 3 };

static const dz_objective objectives[WIDTH] = {{0, false}, {1, true}, {2, false}};

static bool beats(const double *a, const double *b)
{
    bool better = false;

    for (int i = 0; i < WIDTH; i++) {
        double x = objectives[i].maximize ? -a[i] : a[i];
        double y = objectives[i].maximize ? -b[i] : b[i];
        if (!(x <= y)) {
            return false;
        }
        better = better || x < y;
    }
    return better;
}

static bool has_nan(const double *a)
{
    return isnan(a[0]) || isnan(a[1]) || isnan(a[2]);
}

/* Coarse values, so that there are equal ones; some NaN and infinite. */
static double draw(dozan_rng *rng)
{
    uint64_t dice = dozan_rng_below(rng, 40);

    return dice == 0   ? (double)NAN
           : dice == 1 ? (double)INFINITY
           : dice == 2 ? -(double)INFINITY
                       : (double)dozan_rng_below(rng, 12);
}

static void check_front(const dz_front *front, double values[][WIDTH], const int64_t *trials,
                        size_t count)
{
    size_t expected = 0;

    for (size_t i = 0; i < count; i++) {
        bool beaten = has_nan(values[i]);
        for (size_t k = 0; k < count && !beaten; k++) {
            beaten = !has_nan(values[k]) && beats(values[k], values[i]);
        }
        assert_int_equal(dz_front_has(front, trials[i]), !beaten);
        expected += !beaten;
    }
    assert_int_equal(front->count, expected);
    for (size_t i = 1; i < front->count; i++) {
        assert_true(front->trials[i - 1] < front->trials[i]);
    }
}

static void it_is_what_no_other_dominates(void **state)
{
    const dz_experiment_spec spec = {.objectives = (dz_objective *)(uintptr_t)objectives,
                                     .objective_count = WIDTH};

    (void)state;
    for (uint64_t seed = 0; seed < 40; seed++) {
        dozan_rng rng = dozan_rng_stream(seed, "test.front", 0);
        double values[TRIALS][WIDTH];
        int64_t trials[TRIALS];
        dz_front front = {0};

        for (size_t i = 0; i < TRIALS; i++) { /* trials end in any order */
            bool changed = false;
            size_t before = front.count;
            trials[i] = 1 + (int64_t)(i * 7 % 121);
            for (int k = 0; k < WIDTH; k++) {
                values[i][k] = draw(&rng);
            }
            assert_int_equal(dz_front_offer(&front, &spec, trials[i], values[i], &changed, NULL),
                             DOZAN_OK);
            assert_int_equal(changed, dz_front_has(&front, trials[i]));
            assert_true(changed || front.count == before);
            check_front(&front, values, trials, i + 1);
        }
        dz_front_fini(&front);
    }
}

/* What a store is told: applying the differences gives the front. */
static void the_difference_is_enough_for_a_store(void **state)
{
    const dz_experiment_spec spec = {.objectives = (dz_objective *)(uintptr_t)objectives,
                                     .objective_count = WIDTH};
    dozan_rng rng = dozan_rng_stream(5, "test.front", 0);
    bool kept[TRIALS + 1] = {false};
    dz_front front = {0};

    (void)state;
    for (int64_t trial = 1; trial <= TRIALS; trial++) {
        bool changed = false;
        double values[WIDTH] = {draw(&rng), draw(&rng), draw(&rng)};
        assert_int_equal(dz_front_offer(&front, &spec, trial, values, &changed, NULL), DOZAN_OK);
        if (dozan_rng_below(&rng, 3) != 0) {
            continue; /* several trials in one commit */
        }
        for (size_t i = 0; i < front.gone_count; i++) {
            assert_true(kept[front.gone[i]]);
            kept[front.gone[i]] = false;
        }
        for (size_t i = 0; i < front.count; i++) {
            assert_int_equal(kept[front.trials[i]], front.stored[i]);
            kept[front.trials[i]] = true;
        }
        dz_front_saved(&front);
        assert_int_equal(front.gone_count, 0);
        for (int64_t i = 1; i <= TRIALS; i++) {
            assert_int_equal(kept[i], dz_front_has(&front, i));
        }
    }
    dz_front_fini(&front);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_what_no_other_dominates),
        cmocka_unit_test(the_difference_is_enough_for_a_store),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
