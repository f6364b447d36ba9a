#include "core/slots.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void gpus_are_taken_lowest_first_and_given_back(void **state)
{
    dz_slots slots;
    int32_t a[2], b[1], c[2];

    (void)state;
    dz_slots_init(&slots, 4000, 4);
    dz_slots_take(&slots, 1000, 2, a);
    dz_slots_take(&slots, 500, 1, b);
    assert_int_equal(a[0], 0);
    assert_int_equal(a[1], 1);
    assert_int_equal(b[0], 2);
    assert_false(dz_slots_free(&slots, 0, 2));
    assert_true(dz_slots_free(&slots, 2500, 1));
    assert_false(dz_slots_free(&slots, 2501, 0));
    dz_slots_give(&slots, 1000, 2, a);
    dz_slots_take(&slots, 0, 2, c);
    assert_int_equal(c[0], 0);
    assert_int_equal(c[1], 1);
    dz_slots_give(&slots, 0, 2, c);
    dz_slots_give(&slots, 500, 1, b);
    assert_int_equal(slots.cpu_milli_used, 0);
    assert_int_equal(slots.gpu_used, 0);
    assert_true(slots.gpu_busy == 0);
}

static void what_is_held_after_a_restart_is_not_free(void **state)
{
    dz_slots slots;
    const int32_t held[] = {1, 3};
    int32_t got[2];

    (void)state;
    dz_slots_init(&slots, 2000, 4);
    dz_slots_hold(&slots, 2000, 2, held);
    assert_false(dz_slots_free(&slots, 1, 0));
    dz_slots_take(&slots, 0, 2, got);
    assert_int_equal(got[0], 0);
    assert_int_equal(got[1], 2);
}

static void a_demand_is_possible_up_to_the_machine(void **state)
{
    dz_slots slots;

    (void)state;
    dz_slots_init(&slots, 2000, 1);
    assert_true(dz_slots_possible(&slots, 2000, 1));
    assert_false(dz_slots_possible(&slots, 2001, 0));
    assert_false(dz_slots_possible(&slots, 0, 2));
    dz_slots_init(&slots, 0, 1000);
    assert_int_equal(slots.gpu_total, DZ_MAX_GPUS);
    assert_false(dz_slots_possible(&slots, 0, DZ_MAX_GPUS_PER_TRIAL + 1));
}

/* A smaller machine than before the restart: more is held than there is. */
static void nothing_is_free_while_too_much_is_held(void **state)
{
    dz_slots slots;

    (void)state;
    dz_slots_init(&slots, 1000, 0);
    dz_slots_hold(&slots, 3000, 0, NULL);
    assert_false(dz_slots_free(&slots, 1, 0));
    assert_true(dz_slots_free(&slots, 0, 0));
    dz_slots_give(&slots, 3000, 0, NULL);
    assert_true(dz_slots_free(&slots, 1000, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gpus_are_taken_lowest_first_and_given_back),
        cmocka_unit_test(what_is_held_after_a_restart_is_not_free),
        cmocka_unit_test(a_demand_is_possible_up_to_the_machine),
        cmocka_unit_test(nothing_is_free_while_too_much_is_held),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
