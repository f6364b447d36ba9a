/*
 * Tables as text and as CSV.
 */
#include "cli/table.h"

#include "cli/text.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void fill(dz_table *table, size_t columns, const char *const *cells, size_t count)
{
    dz_table_init(table);
    for (size_t i = 0; i < columns; i++)
        dz_table_column(table, cells[i], i == 1);
    for (size_t i = columns; i < count; i++)
        dz_table_cell(table, cells[i]);
}

static void check(dz_table *table, const char *indent, size_t width, const char *expected)
{
    dozan_buf out;
    dozan_buf_init(&out, 1 << 16);
    assert_true(dz_table_write(table, indent, width, &out));
    assert_string_equal(out.data, expected);
    dozan_buf_fini(&out);
    dz_table_fini(table);
}

static void columns_are_aligned_and_lines_have_no_blanks_at_their_end(void **state)
{
    static const char *const cells[] = {"NAME", "N",         "NOTE", "a", "1",
                                        "x",    "long-name", "1000", ""};
    dz_table table;
    (void)state;
    fill(&table, 3, cells, 9);
    assert_int_equal(dz_table_rows(&table), 2);
    check(&table, "", 0,
          "NAME          N  NOTE\n"
          "a             1  x\n"
          "long-name  1000  -\n");
}

static void a_column_is_as_wide_as_its_characters_not_its_bytes(void **state)
{
    static const char *const cells[] = {"NAME", "N", "D\xc5\xabz\xc4\x81n", "1", "plain", "2"};
    dz_table table;
    (void)state;
    fill(&table, 2, cells, 6);
    check(&table, "  ", 0, "  NAME   N\n  D\xc5\xabz\xc4\x81n  1\n  plain  2\n");
}

static void control_characters_never_reach_the_terminal(void **state)
{
    static const char *const cells[] = {"A",
                                        "B",
                                        "\033[2Jx\r\n",
                                        "\xc2\x9b"
                                        "1m",
                                        "\xff",
                                        "\x7f"};
    dz_table table;
    (void)state;
    fill(&table, 2, cells, 6);
    check(&table, "", 0, "A          B\n?[2Jx??  ?1m\n?          ?\n");
}

static void only_the_last_column_is_cut(void **state)
{
    static const char *const cells[] = {"NAME",    "N",
                                        "MESSAGE", "a-rather-long-name",
                                        "1",       "a sentence that is longer than the line"};
    dz_table table;
    (void)state;
    fill(&table, 3, cells, 6);
    check(&table, "", 40,
          "NAME                N  MESSAGE\n"
          "a-rather-long-name  1  a sentence tha...\n");
}

static void csv_is_quoted_as_rfc_4180_says(void **state)
{
    static const char *const cells[] = {"name",       "n",  "a,b", "say \"no\"",
                                        "two\nlines", "\"", "",    "1e-05"};
    dz_table table;
    dozan_buf out;
    (void)state;
    fill(&table, 2, cells, 8);
    dozan_buf_init(&out, 1 << 16);
    assert_true(dz_table_write_csv(&table, &out));
    assert_string_equal(out.data,
                        "name,n\n\"a,b\",\"say \"\"no\"\"\"\n\"two\nlines\",\"\"\"\"\n,1e-05\n");
    dozan_buf_fini(&out);
    dz_table_fini(&table);
}

static void a_table_without_rows_is_its_titles(void **state)
{
    static const char *const cells[] = {"NAME", "N"};
    dz_table table;
    (void)state;
    fill(&table, 2, cells, 2);
    assert_int_equal(dz_table_rows(&table), 0);
    check(&table, "", 0, "NAME  N\n");
}

static void an_output_that_is_too_small_is_told(void **state)
{
    static const char *const cells[] = {"NAME", "N", "a", "b"};
    dz_table table;
    dozan_buf out;
    (void)state;
    fill(&table, 2, cells, 4);
    dozan_buf_init(&out, 4);
    assert_false(dz_table_write(&table, "", 0, &out));
    assert_false(dz_table_write_csv(&table, &out));
    dozan_buf_fini(&out);
    dz_table_fini(&table);
}

static void many_rows_keep_their_places(void **state)
{
    dz_table table;
    (void)state;
    dz_table_init(&table);
    dz_table_column(&table, "I", true);
    dz_table_column(&table, "SQUARE", false);
    for (int i = 0; i < 5000; i++) {
        dz_table_cellf(&table, "%d", i);
        dz_table_cellf(&table, "%d", i * i);
    }
    assert_int_equal(dz_table_rows(&table), 5000);
    assert_string_equal(dz_table_at(&table, 0, 1), "SQUARE");
    assert_string_equal(dz_table_at(&table, 1, 0), "0");
    assert_string_equal(dz_table_at(&table, 5000, 1), "24990001");
    dz_table_fini(&table);
}

/* ---- text.c */

static void durations_are_short(void **state)
{
    static const struct {
        int64_t seconds;
        const char *text;
    } cases[] = {
        {-5, "0s"},      {0, "0s"},       {119, "119s"},    {120, "2m"},      {192, "3m12s"},
        {600, "10m"},    {10799, "179m"}, {10800, "3h"},    {12060, "3h21m"}, {28800, "8h"},
        {172799, "47h"}, {172800, "2d"},  {176400, "2d1h"}, {691200, "8d"},   {31536000, "365d"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[32];
        dz_duration_text(cases[i].seconds * 1000 + 999 * (cases[i].seconds > 0), text);
        assert_string_equal(text, cases[i].text);
    }
}

static void a_text_is_cut_at_a_character(void **state)
{
    static const struct {
        const char *text;
        size_t width;
        const char *fitted;
    } cases[] = {
        {"abcdef", 6, "abcdef"},
        {"abcdef", 5, "ab..."},
        {"abcdef", 3, "abc"},
        {"abcdef", 0, ""},
        {"", 5, ""},
        {"\xc5\xab\xc5\xab\xc5\xab\xc5\xab\xc5\xab", 4, "\xc5\xab..."},
        {"a\tb", SIZE_MAX, "a?b"},
        {"\xf0\x9f\x8e\x9b!", 9, "\xf0\x9f\x8e\x9b!"},
        {"\xf0\x9f", 9, "??"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        dozan_buf out;
        dozan_buf_init(&out, 256);
        dz_text_fit(&out, cases[i].text, cases[i].width);
        assert_string_equal(out.data != NULL ? out.data : "", cases[i].fitted);
        dozan_buf_fini(&out);
    }
}

static void words_are_quoted_where_a_shell_needs_it(void **state)
{
    static const char *const cases[][2] = {{"plain-1.0/x=2", "plain-1.0/x=2"},
                                           {"", "''"},
                                           {"two words", "'two words'"},
                                           {"it's", "'it'\\''s'"},
                                           {"$(rm)", "'$(rm)'"}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        dozan_buf out;
        dozan_buf_init(&out, 256);
        dz_text_shell_word(&out, cases[i][0]);
        assert_string_equal(out.data, cases[i][1]);
        dozan_buf_fini(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_are_aligned_and_lines_have_no_blanks_at_their_end),
        cmocka_unit_test(a_column_is_as_wide_as_its_characters_not_its_bytes),
        cmocka_unit_test(control_characters_never_reach_the_terminal),
        cmocka_unit_test(only_the_last_column_is_cut),
        cmocka_unit_test(csv_is_quoted_as_rfc_4180_says),
        cmocka_unit_test(a_table_without_rows_is_its_titles),
        cmocka_unit_test(an_output_that_is_too_small_is_told),
        cmocka_unit_test(many_rows_keep_their_places),
        cmocka_unit_test(durations_are_short),
        cmocka_unit_test(a_text_is_cut_at_a_character),
        cmocka_unit_test(words_are_quoted_where_a_shell_needs_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
