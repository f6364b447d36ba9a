/*
 * The plot of the best value: what it looks like, and that no values break it.
 */
#include "cli/plot.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char *plot(const double *values, size_t count, size_t width, size_t height)
{
    dozan_buf out;
    dozan_buf_init(&out, 1 << 20);
    dz_plot_render(values, count, width, height, &out);
    char *text = dozan_buf_take(&out);
    assert_non_null(text);
    return text;
}

static void check(const double *values, size_t count, size_t width, size_t height,
                  const char *expected)
{
    char *text = plot(values, count, width, height);
    assert_string_equal(text, expected);
    free(text);
}

static void a_falling_value_goes_down(void **state)
{
    static const double values[] = {(double)NAN, 0.9, 0.9, 0.5, 0.5, 0.1, 0.1};
    (void)state;
    check(values, 7, 40, 5,
          "0.9 |  *-\n"
          "    |\n"
          "    |    *-\n"
          "    |\n"
          "0.1 |      *-\n"
          "    +--------\n"
          "      1     7  trial\n");
}

static void one_trial_is_one_star(void **state)
{
    static const double value = 0.25;
    (void)state;
    check(&value, 1, 40, 9, "0.25 | *\n     +--\n       1  trial\n");
}

static void equal_values_are_one_line(void **state)
{
    static const double values[] = {3, 3, 3, 3};
    (void)state;
    check(values, 4, 40, 9, "3 | *---\n  +-----\n    1  4  trial\n");
}

static void without_a_finite_value_there_is_nothing(void **state)
{
    static const double values[] = {(double)NAN, (double)INFINITY, -(double)INFINITY};
    (void)state;
    check(values, 3, 40, 9, "");
    check(values, 0, 40, 9, "");
}

static void infinite_values_leave_gaps(void **state)
{
    static const double values[] = {1, (double)INFINITY, 2};
    (void)state;
    check(values, 3, 40, 3,
          "2 |   *\n"
          "  |\n"
          "1 | *\n"
          "  +----\n"
          "    1 3  trial\n");
}

static void more_trials_than_columns_share_them(void **state)
{
    double values[1000];
    (void)state;
    for (size_t i = 0; i < 1000; i++)
        values[i] = 1000.0 - (double)i;
    char *text = plot(values, 1000, 60, 10);
    size_t stars = 0;
    for (const char *line = text; *line != '\0'; line = strchr(line, '\n') + 1) {
        assert_true((size_t)(strchr(line, '\n') - line) <= 60 || strstr(line, "trial") != NULL);
        for (const char *c = line; *c != '\n'; c++)
            stars += *c == '*';
    }
    assert_int_equal(stars, 60 - strlen("1000 | ") - 1); /* each column has its one value */
    assert_non_null(strstr(text, "1000  trial"));
    free(text);
}

static void a_fall_within_a_column_is_seen(void **state)
{
    double values[60];
    (void)state;
    for (size_t i = 0; i < 60; i++)
        values[i] = i == 0 ? 4 : i == 1 ? 2 : 1;
    check(values, 60, 20, 4,
          "4 | |\n"
          "  | |\n"
          "  | |\n"
          "1 | *--------------\n"
          "  +----------------\n"
          "    1            60  trial\n");
}

/* Whatever the numbers, the lines have the form of a plot and no value is lost from the drawing. */
static void extreme_numbers_draw(void **state)
{
    static const double values[] = {
        1.7976931348623157e308, -1.7976931348623157e308, 0, -0.0, 5e-324, (double)NAN, 1e308};
    static const size_t sizes[] = {0, 1, 19, 20, 80, 500, 100000};
    (void)state;
    for (size_t w = 0; w < sizeof sizes / sizeof *sizes; w++) {
        for (size_t h = 0; h < sizeof sizes / sizeof *sizes; h++) {
            char *text = plot(values, 7, sizes[w], sizes[h]);
            size_t marks = 0;
            for (const char *c = text; c < strstr(text, " +-"); c++)
                marks += *c == '*' && c[1] != 'e';
            assert_true(marks > 0);
            free(text);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_falling_value_goes_down),
        cmocka_unit_test(one_trial_is_one_star),
        cmocka_unit_test(equal_values_are_one_line),
        cmocka_unit_test(without_a_finite_value_there_is_nothing),
        cmocka_unit_test(infinite_values_leave_gaps),
        cmocka_unit_test(more_trials_than_columns_share_them),
        cmocka_unit_test(a_fall_within_a_column_is_seen),
        cmocka_unit_test(extreme_numbers_draw),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
