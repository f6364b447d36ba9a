/*
 * The range of hyperband's resource parameter: widened where it does not hold r_l, and only there.
 */
#include "support_spec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The base experiment with this algorithm, and this range of "layers". */
static dz_experiment_spec *read_with(const char *algorithm, const char *range)
{
    char *first = spec_replace(spec_base, "    algorithmName: random\n", algorithm);
    char *second = spec_replace(first, "{min: \"2\", max: \"8\", step: \"2\"}", range);
    dz_experiment_spec *spec = spec_must_read(second);
    free(first);
    free(second);
    return spec;
}

#define HYPERBAND(name, resource, most)                                                            \
    "    algorithmName: " name "\n"                                                                \
    "    algorithmSettings:\n"                                                                     \
    "      - {name: eta, value: \"3\"}\n"                                                          \
    "      - {name: resource_name, value: " resource "}\n"                                         \
    "      - {name: r_l, value: \"" most "\"}\n"

static void expect_range(const char *algorithm, const char *range, const char *min, const char *max)
{
    dz_experiment_spec *spec = read_with(algorithm, range);
    assert_string_equal(spec->parameters[1].min, min);
    assert_string_equal(spec->parameters[1].max, max);
    dz_spec_destroy(spec);
}

static void a_range_without_the_resource_is_widened(void **state)
{
    (void)state;
    expect_range(HYPERBAND("hyperband", "layers", "27"), "{min: \"1\", max: \"1\"}", "1", "27");
    expect_range(HYPERBAND("hyperband", "layers", "9"), "{min: \"20\", max: \"20\"}", "1", "9");
}

static void any_other_range_stays(void **state)
{
    (void)state;
    expect_range(HYPERBAND("hyperband", "layers", "27"), "{min: \"3\", max: \"81\"}", "3", "81");
    expect_range(HYPERBAND("hyperband", "layers", "81"), "{min: \"3\", max: \"81\"}", "3", "81");
    expect_range(HYPERBAND("hyperband", "lr", "1000"), "{min: \"1\", max: \"1\"}", "1", "1");
    expect_range(HYPERBAND("hyperband", "none", "27"), "{min: \"1\", max: \"1\"}", "1", "1");
    expect_range(HYPERBAND("hyperband", "layers", "many"), "{min: \"1\", max: \"1\"}", "1", "1");
    expect_range(HYPERBAND("my-search", "layers", "27"), "{min: \"1\", max: \"1\"}", "1", "1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_range_without_the_resource_is_widened),
        cmocka_unit_test(any_other_range_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
