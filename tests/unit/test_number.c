/*
 * Numbers as text: what is one, shortest text, the locale left out, and exact decimals.
 */
#include <dozan/rng.h>
#include <dozan/space.h>

#include "decimal.h"

#include <float.h>
#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void takes_decimal_numbers_only(void **state)
{
    (void)state;
    static const char *const good[] = {"0",   "-0",   "1",    "+1.5", ".5",   "5.",
                                       "1e3", "1E-3", "1e+3", "0010", "-.5e2"};
    static const char *const bad[] = {"",    " ",   " 1",    "1 ",     "1\n", "-",     "+",   ".",
                                      "e5",  "1e",  "1e+",   "0x1",    "1,5", "1.2.3", "--1", "1f",
                                      "inf", "nan", "1e999", "-1e999", "1_0", "1e5.0", "٣"};
    double value = 42;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (dozan_number_parse(bad[i], false, &value))
            fail_msg("'%s' is no number", bad[i]);
        assert_true(value >= 42 && value <= 42);
    }
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        if (!dozan_number_parse(good[i], false, &value))
            fail_msg("'%s' is a number", good[i]);
        double expected = strtod(good[i], NULL);
        assert_memory_equal(&value, &expected, sizeof(value));
    }
    assert_false(dozan_number_parse(NULL, true, &value));
}

static void takes_special_values_where_asked(void **state)
{
    (void)state;
    static const char *const nans[] = {"nan", "NaN", "-nan", "+NAN"};
    static const char *const infinities[] = {"inf", "-INF", "+Infinity", "-infinity"};
    static const char *const bad[] = {"nan(1)", "infinit", "infi", "na", "- inf", "1e999"};
    double value = 0;
    for (size_t i = 0; i < 4; i++) {
        assert_true(dozan_number_parse(nans[i], true, &value) && isnan(value));
        assert_true(dozan_number_parse(infinities[i], true, &value) && isinf(value));
        assert_int_equal(value < 0, infinities[i][0] == '-');
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(dozan_number_parse(bad[i], true, &value));
}

typedef struct text_case {
    double value;
    const char *text;
} text_case;

static void writes_the_shortest_text(void **state)
{
    (void)state;
    const text_case cases[] = {
        {0.1, "0.1"},
        {0.1 + 0.2, "0.30000000000000004"},
        {0, "0"},
        {-0.0, "-0"},
        {1e-5, "1e-05"},
        {64, "64"},
        {1e22, "1e+22"},
        {123456.789, "123456.789"},
        {(double)NAN, "nan"},
        {-(double)NAN, "nan"},
        {(double)INFINITY, "inf"},
        {-(double)INFINITY, "-inf"},
        {5e-324, "5e-324"},
        {-DBL_MAX, "-1.7976931348623157e+308"},
        {-DBL_MIN, "-2.2250738585072014e-308"},
        {0x1p-44, "5.684341886080802e-14"}, /* not the nearest decimal of 16 digits */
        {9007199254740993.0, "9007199254740992"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[DOZAN_VALUE_TEXT];
        dozan_number_text(cases[i].value, text);
        assert_string_equal(text, cases[i].text);
    }
}

static void every_double_reads_back(void **state)
{
    (void)state;
    dozan_rng rng = dozan_rng_stream(3, "test.number", 0);
    for (int i = 0; i < 50000; i++) {
        uint64_t bits = dozan_rng_next(&rng);
        if (i % 5 == 0)
            bits &= 0xFFF0000000000000u; /* powers of two */
        double value = 0;
        double back = 0;
        char text[DOZAN_VALUE_TEXT];
        memcpy(&value, &bits, sizeof(value));
        if (!isfinite(value))
            continue;
        dozan_number_text(value, text);
        assert_true(dozan_number_parse(text, false, &back));
        assert_memory_equal(&back, &value, sizeof(value));
    }
}

/* A locale with a decimal comma, where the machine has one. */
static void the_locale_is_left_out(void **state)
{
    (void)state;
    static const char *const commas[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "tr_TR.UTF-8"};
    const char *set = NULL;
    for (size_t i = 0; i < sizeof(commas) / sizeof(commas[0]) && set == NULL; i++)
        set = setlocale(LC_ALL, commas[i]);
    if (set == NULL)
        skip();
    double value = 0;
    char text[DOZAN_VALUE_TEXT];
    assert_true(dozan_number_parse("1.5", false, &value));
    assert_true(value >= 1.5 && value <= 1.5);
    assert_false(dozan_number_parse("1,5", false, &value));
    assert_true(dozan_number_parse("INFINITY", true, &value));
    dozan_number_text(1.5, text);
    assert_string_equal(text, "1.5");
    (void)setlocale(LC_ALL, "C");
}

typedef struct decimal_case {
    const char *text;
    const char *canonical; /* NULL: refused */
} decimal_case;

static void decimals_are_exact(void **state)
{
    (void)state;
    const decimal_case cases[] = {
        {"0.1", "0.1"},
        {"1.500", "1.5"},
        {"-0.020", "-0.02"},
        {"1e-4", "0.0001"},
        {"12e3", "12000"},
        {"0", "0"},
        {"-0.00e99", "0"},
        {"123456789012345678901234", "123456789012345678901234"},
        {"1234567890123456789012345", NULL},
        {"0.123456789012345678901234", "1.23456789012345678901234e-1"},
        {"1e23", "100000000000000000000000"},
        {"1e24", "1e24"},
        {"-9.99999999999999999999999e-300", "-9.99999999999999999999999e-300"},
        {"1e-20", "0.00000000000000000001"},
        {"1e-21", "1e-21"},
        {"10e-22", "1e-21"},
        {"0000000000000000000000000000000000000000012.5", "12.5"},
        {"nan", NULL},
        {"x", NULL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        dz_decimal decimal = {0};
        char text[DOZAN_VALUE_TEXT];
        bool parsed = dz_decimal_parse(cases[i].text, &decimal);
        if (parsed != (cases[i].canonical != NULL))
            fail_msg("'%s'", cases[i].text);
        if (!parsed)
            continue;
        dz_decimal_text(decimal, text);
        assert_string_equal(text, cases[i].canonical);
        double expected = strtod(cases[i].text, NULL);
        assert_true(fabs(dz_decimal_double(decimal) - expected) <= 0);
    }
}

static void decimals_become_whole_numbers(void **state)
{
    (void)state;
    dz_decimal decimal = {0};
    int64_t whole = 0;
    assert_true(dz_decimal_parse("-9223372036854775808", &decimal));
    assert_true(dz_decimal_int64(decimal, &whole) && whole == INT64_MIN);
    assert_true(dz_decimal_parse("9223372036854775808", &decimal));
    assert_false(dz_decimal_int64(decimal, &whole));
    assert_true(dz_decimal_parse("1e30", &decimal));
    assert_false(dz_decimal_int64(decimal, &whole));
    assert_true(dz_decimal_parse("1.50e1", &decimal));
    assert_true(dz_decimal_int64(decimal, &whole) && whole == 15);
    assert_true(dz_decimal_parse("1.5", &decimal));
    assert_false(dz_decimal_int64(decimal, &whole));

    dz_int128 digits = 0;
    assert_true(dz_decimal_parse("-1.25", &decimal));
    assert_true(dz_decimal_floor(decimal, 1, &digits) && digits == -13);
    assert_true(dz_decimal_floor(decimal, 3, &digits) && digits == -1250);
    assert_true(dz_decimal_floor(decimal, -50, &digits) && digits == -1);
    assert_false(dz_decimal_floor(decimal, 30, &digits));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_decimal_numbers_only),
        cmocka_unit_test(takes_special_values_where_asked),
        cmocka_unit_test(writes_the_shortest_text),
        cmocka_unit_test(every_double_reads_back),
        cmocka_unit_test(the_locale_is_left_out),
        cmocka_unit_test(decimals_are_exact),
        cmocka_unit_test(decimals_become_whole_numbers),
    };
    return cmocka_run_group_tests_name("number", tests, NULL, NULL);
}
