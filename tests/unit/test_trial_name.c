#include "support/world.h"

#include <stdint.h>

enum { NAMES = 20000, SUFFIX = 8 };

static int by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void names_are_fixed_well_formed_and_never_the_same(void **state)
{
    world *w = world_create(NULL, 4, 0);
    char(*names)[64] = calloc(NAMES, sizeof *names);
    char again[64];

    (void)state;
    assert_non_null(names);
    for (int64_t i = 0; i < NAMES; i++) {
        dz_trial_name(w->experiment, i + 1, names[i], sizeof names[i]);
        assert_int_equal(strlen(names[i]), strlen("bowl-") + SUFFIX);
        assert_int_equal(strncmp(names[i], "bowl-", 5), 0);
        assert_int_equal(strspn(names[i] + 5, "bcdfghjklmnpqrstvwxz2456789"), SUFFIX);
    }
    dz_trial_name(w->experiment, 17, again, sizeof again);
    assert_string_equal(again, names[16]);
    qsort(names, NAMES, sizeof *names, by_text);
    for (int64_t i = 1; i < NAMES; i++) {
        assert_string_not_equal(names[i - 1], names[i]);
    }
    free(names);
    world_destroy(w);
}

static void another_experiment_has_other_names(void **state)
{
    world *a = world_create(NULL, 4, 0);
    world *b = world_create(NULL, 4, 0);
    char first[64];
    char second[64];

    (void)state;
    b->experiment->uid[0] = 'a';
    dz_trial_name(a->experiment, 1, first, sizeof first);
    dz_trial_name(b->experiment, 1, second, sizeof second);
    assert_string_not_equal(first, second);
    world_destroy(a);
    world_destroy(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_fixed_well_formed_and_never_the_same),
        cmocka_unit_test(another_experiment_has_other_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
