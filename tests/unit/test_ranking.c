/*
 * The ranking, against a plain sorted array.
 */
#include "numerics/ranking.h"

#include <dozan/rng.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MOST = 6000 };

typedef struct plain {
    dz_ranked entries[MOST];
    size_t count;
} plain;

static int compare(const void *a, const void *b)
{
    const dz_ranked *x = a;
    const dz_ranked *y = b;
    if (x->value < y->value || x->value > y->value) {
        return x->value < y->value ? -1 : 1;
    }
    return (x->id > y->id) - (x->id < y->id);
}

/* Few different values, so that there are many equal ones; some are infinite. */
static double draw_value(dozan_rng *rng)
{
    static const double odd[] = {INFINITY, -INFINITY};
    uint64_t drawn = dozan_rng_below(rng, 40);
    return drawn < 2 ? odd[drawn] : (double)drawn;
}

static void check_all(const dz_ranking *ranking, plain *sorted)
{
    qsort(sorted->entries, sorted->count, sizeof(sorted->entries[0]), compare);
    assert_int_equal(ranking->count, sorted->count);
    for (size_t i = 0; i < sorted->count; i++) {
        assert_int_equal(dz_ranking_at(ranking, i).id, sorted->entries[i].id);
        assert_int_equal(dz_ranking_before(ranking, sorted->entries[i]), i);
    }
}

static void is_like_a_sorted_array(void **state)
{
    (void)state;
    static plain sorted;
    for (uint64_t round = 0; round < 4; round++) {
        dozan_rng rng = dozan_rng_stream(17, "ranking", round);
        dz_ranking ranking = {0};
        sorted.count = 0;
        for (int64_t id = 1; id <= MOST; id++) {
            dz_ranked entry = {draw_value(&rng), id};
            assert_true(dz_ranking_add(&ranking, entry));
            sorted.entries[sorted.count++] = entry;
            /* the third round takes away nearly as many as it adds */
            if (round == 2 && dozan_rng_below(&rng, 10) > 0) {
                size_t gone = (size_t)dozan_rng_below(&rng, sorted.count);
                assert_true(dz_ranking_remove(&ranking, sorted.entries[gone]));
                assert_false(dz_ranking_remove(&ranking, sorted.entries[gone]));
                sorted.entries[gone] = sorted.entries[--sorted.count];
            }
        }
        check_all(&ranking, &sorted);
        while (sorted.count > 0) {
            size_t gone = (size_t)dozan_rng_below(&rng, sorted.count);
            assert_true(dz_ranking_remove(&ranking, sorted.entries[gone]));
            sorted.entries[gone] = sorted.entries[--sorted.count];
            if (sorted.count % 997 == 0) {
                check_all(&ranking, &sorted);
            }
        }
        assert_int_equal(dz_ranking_before(&ranking, (dz_ranked){0, 0}), 0);
        dz_ranking_fini(&ranking);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(is_like_a_sorted_array)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
