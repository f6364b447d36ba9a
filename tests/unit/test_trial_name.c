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

static void uids_are_fixed_and_well_formed(void **state)
{
    static const char form[] = "xxxxxxxx-xxxx-8xxx-vxxx-xxxxxxxxxxxx";
    world *w = world_create(NULL, 4, 0);
    char(*uids)[64] = calloc(NAMES, sizeof *uids);
    char again[DZ_UID_TEXT];

    (void)state;
    assert_non_null(uids);
    for (int64_t i = 0; i < NAMES; i++) {
        dz_trial_uid(w->experiment, i + 1, uids[i]);
        assert_int_equal(strlen(uids[i]), sizeof form - 1);
        for (size_t k = 0; k < sizeof form - 1; k++) {
            const char *allowed = form[k] == 'x'   ? "0123456789abcdef"
                                  : form[k] == 'v' ? "89ab"
                                  : form[k] == '8' ? "8"
                                                   : "-";
            assert_non_null(strchr(allowed, uids[i][k]));
        }
    }
    dz_trial_uid(w->experiment, 17, again);
    assert_string_equal(again, uids[16]);
    w->experiment->uid[0] = 'a';
    dz_trial_uid(w->experiment, 17, again);
    assert_string_not_equal(again, uids[16]);
    qsort(uids, NAMES, sizeof *uids, by_text);
    for (int64_t i = 1; i < NAMES; i++) {
        assert_string_not_equal(uids[i - 1], uids[i]);
    }
    free(uids);
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
        cmocka_unit_test(uids_are_fixed_and_well_formed),
        cmocka_unit_test(another_experiment_has_other_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
