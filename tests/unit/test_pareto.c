/*
 * Domination and hypervolume against what the definitions say, on random sets.
 */
#include "numerics/hypervolume.h"
#include "numerics/nondominated.h"

#include <dozan/rng.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

enum { MOST = 40, OBJECTIVES = 5 };

/* A random set; with few different values when `ties`, so that points are equal in some or all. */
static void draw_set(dozan_rng *rng, size_t count, size_t objectives, bool ties, double *losses)
{
    for (size_t i = 0; i < count * objectives; i++) {
        losses[i] = ties ? (double)dozan_rng_below(rng, 4) : dozan_rng_uniform(rng);
    }
}

/* The definition: peel off what nothing left dominates. */
static bool beats(const double *losses, const double *violations, size_t a, size_t b, size_t m)
{
    if (violations[a] < violations[b]) {
        return true;
    }
    bool worse = violations[a] > violations[b] || violations[a] > 0;
    bool better = false;
    for (size_t j = 0; j < m; j++) {
        worse |= losses[a * m + j] > losses[b * m + j];
        better |= losses[a * m + j] < losses[b * m + j];
    }
    return better && !worse;
}

static void peel(const double *losses, const double *violations, size_t count, size_t m,
                 size_t *fronts)
{
    size_t left = count;
    for (size_t i = 0; i < count; i++) {
        fronts[i] = SIZE_MAX;
    }
    for (size_t front = 0; left > 0; front++) {
        for (size_t i = 0; i < count; i++) {
            bool beaten = fronts[i] < front;
            for (size_t k = 0; k < count && !beaten; k++) {
                beaten = fronts[k] >= front && beats(losses, violations, k, i, m);
            }
            if (!beaten) {
                fronts[i] = front;
                left--;
            }
        }
    }
}

static void fronts_are_what_peeling_gives(void **state)
{
    (void)state;
    double losses[MOST * OBJECTIVES];
    double violations[MOST];
    size_t got[MOST];
    size_t wanted[MOST];
    for (uint64_t round = 0; round < 400; round++) {
        dozan_rng rng = dozan_rng_stream(1, "fronts", round);
        size_t count = (size_t)dozan_rng_below(&rng, MOST + 1);
        size_t m = 1 + (size_t)dozan_rng_below(&rng, OBJECTIVES);
        draw_set(&rng, count, m, round % 2 == 0, losses);
        for (size_t i = 0; i < count; i++) {
            violations[i] = round % 3 == 0 ? (double)dozan_rng_below(&rng, 3) : 0;
            violations[i] = violations[i] > 1.5 && round % 9 == 0 ? INFINITY : violations[i];
        }
        assert_true(
            dz_nondominated_fronts(losses, round % 3 == 0 ? violations : NULL, count, m, got));
        peel(losses, violations, count, m, wanted);
        for (size_t i = 0; i < count; i++) {
            assert_int_equal(got[i], wanted[i]);
        }
    }
}

static void crowding_is_the_sum_of_the_gaps(void **state)
{
    (void)state;
    /* Four points of a front, and one that is no member. */
    const double losses[] = {0, 8, 9, 9, 4, 2, 1, 6, 8, 0};
    const size_t members[] = {0, 2, 3, 4};
    double distances[4];
    assert_true(dz_crowding_distances(losses, 2, members, 4, distances));
    assert_true(isinf(distances[0]));
    assert_true(fabs(distances[1] - ((8.0 - 1) / 8 + (6.0 - 0) / 8)) < 1e-12);
    assert_true(fabs(distances[2] - ((4.0 - 0) / 8 + (8.0 - 2) / 8)) < 1e-12);
    assert_true(isinf(distances[3]));
    const double equal[] = {3, 3, 3, 3, 3, 3};
    assert_true(dz_crowding_distances(equal, 2, (const size_t[]){0, 1, 2}, 3, distances));
    assert_true(isinf(distances[0]) && fabs(distances[1]) < 1e-300 && isinf(distances[2]));
}

/* The volume by inclusion and exclusion over all subsets: the box that a subset dominates together
 * begins at the worst of it in each objective. */
static double volume_by_subsets(const double *losses, size_t count, size_t m, const double *ref)
{
    double volume = 0;
    for (uint32_t subset = 1; subset < 1u << count; subset++) {
        double box = -1;
        for (size_t j = 0; j < m; j++) {
            double worst = -INFINITY;
            for (size_t i = 0; i < count; i++) {
                worst = (subset >> i & 1u) != 0 ? fmax(worst, losses[i * m + j]) : worst;
            }
            box *= fmax(ref[j] - worst, 0);
        }
        bool odd = __builtin_popcount(subset) % 2 == 1;
        volume += odd ? -box : box;
    }
    return volume;
}

static void hypervolume_is_that_of_the_union_of_boxes(void **state)
{
    (void)state;
    enum { COUNT = 9 };
    const double ref[OBJECTIVES] = {0.9, 1.1, 0.8, 1.0, 1.2};
    for (uint64_t round = 0; round < 120; round++) {
        dozan_rng rng = dozan_rng_stream(2, "volume", round);
        size_t m = 1 + (size_t)round % OBJECTIVES;
        size_t count = (size_t)dozan_rng_below(&rng, COUNT + 1);
        double losses[COUNT * OBJECTIVES];
        draw_set(&rng, count, m, false, losses);
        for (size_t i = 0; i < count * m && round % 3 == 0; i++) {
            losses[i] = floor(losses[i] * 4) / 4; /* ties */
        }
        double wanted = volume_by_subsets(losses, count, m, ref);
        double got = -1;
        dz_front front = {losses, count, m, ref, round};
        assert_true(dz_hypervolume(&front, &got));
        double tolerance = m <= DZ_HYPERVOLUME_EXACT ? 1e-12 : 0.04;
        assert_true(fabs(got - wanted) < tolerance);
        double alone[COUNT];
        assert_true(dz_hypervolume_contributions(&front, alone));
        for (size_t left = 0; left < count; left++) {
            double others[COUNT * OBJECTIVES];
            for (size_t i = 0, k = 0; i < count; i++) {
                for (size_t j = 0; j < m && i != left; j++, k++) {
                    others[k] = losses[i * m + j];
                }
            }
            double without = volume_by_subsets(others, count - 1, m, ref);
            assert_true(fabs(alone[left] - (wanted - without)) < tolerance);
        }
    }
}

/* Greedy choice, by looking at everything each time. */
static void selection_takes_what_adds_most(void **state)
{
    (void)state;
    enum { COUNT = 30, WANTED = 12 };
    const double ref[3] = {1, 1, 1};
    for (uint64_t round = 0; round < 20; round++) {
        dozan_rng rng = dozan_rng_stream(3, "select", round);
        size_t m = 2 + (size_t)round % 2;
        double losses[COUNT * 3];
        size_t chosen[WANTED];
        draw_set(&rng, COUNT, m, false, losses);
        dz_front front = {losses, COUNT, m, ref, 0};
        assert_true(dz_hypervolume_select(&front, WANTED, chosen));
        double set[(WANTED + 1) * 3];
        double before = 0;
        for (size_t k = 0; k < WANTED; k++) {
            double best = -1;
            double of_chosen = -2;
            for (size_t i = 0; i < COUNT; i++) {
                for (size_t j = 0; j < m; j++) {
                    set[k * m + j] = losses[i * m + j];
                }
                dz_front with = {set, k + 1, m, ref, 0};
                double volume = 0;
                assert_true(dz_hypervolume(&with, &volume));
                best = fmax(best, volume - before);
                of_chosen = i == chosen[k] ? volume - before : of_chosen;
            }
            assert_true(of_chosen > best - 1e-12);
            for (size_t j = 0; j < m; j++) {
                set[k * m + j] = losses[chosen[k] * m + j];
            }
            before += of_chosen;
            for (size_t other = 0; other < k; other++) {
                assert_int_not_equal(chosen[other], chosen[k]);
            }
        }
    }
}

/* A front of five objectives, where the volume is an estimate: the same each time for one seed. */
static void an_estimate_is_repeatable(void **state)
{
    (void)state;
    const double ref[OBJECTIVES] = {1, 1, 1, 1, 1};
    double losses[MOST * OBJECTIVES];
    double volumes[3] = {0, 0, 0};
    dozan_rng rng = dozan_rng_stream(4, "estimate", 0);
    draw_set(&rng, MOST, OBJECTIVES, false, losses);
    for (size_t i = 0; i < 3; i++) {
        dz_front front = {losses, MOST, OBJECTIVES, ref, i / 2};
        assert_true(dz_hypervolume(&front, &volumes[i]));
    }
    assert_memory_equal(&volumes[0], &volumes[1], sizeof(double));
    assert_memory_not_equal(&volumes[0], &volumes[2], sizeof(double));
    assert_true(fabs(volumes[0] - volumes[2]) < 0.03);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fronts_are_what_peeling_gives),
        cmocka_unit_test(crowding_is_the_sum_of_the_gaps),
        cmocka_unit_test(hypervolume_is_that_of_the_union_of_boxes),
        cmocka_unit_test(selection_takes_what_adds_most),
        cmocka_unit_test(an_estimate_is_repeatable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
