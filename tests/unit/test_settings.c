/*
 * Settings: each row type's good and bad values, defaults, and errors that name place, cause and
 * remedy.
 */
#include <dozan/algorithm.h>

#include "settings.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const char *const choices[] = {"gp_hedge", "EI", "LCB", NULL};

static const dozan_setting rows[] = {
    {.name = "random_state", .type = DOZAN_SETTING_INT, .min = "0"},
    {.name = "gamma",
     .type = DOZAN_SETTING_DOUBLE,
     .default_text = "0.25",
     .min = "0",
     .max = "1",
     .min_exclusive = true,
     .max_exclusive = true},
    {.name = "n_initial_points", .type = DOZAN_SETTING_INT, .default_text = "10", .max = "100"},
    {.name = "restart", .type = DOZAN_SETTING_BOOL, .default_text = "false"},
    {.name = "acq_func",
     .type = DOZAN_SETTING_CHOICE,
     .default_text = "gp_hedge",
     .choices = choices},
    {.name = "directory", .type = DOZAN_SETTING_STRING},
    {.name = "big", .type = DOZAN_SETTING_INT, .max = "9223372036854775806"},
};
enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

static void defaults_stand_where_nothing_is_given(void **state)
{
    (void)state;
    dozan_settings *settings = NULL;
    assert_int_equal(dz_settings_create(rows, ROWS, NULL, 0, &settings, NULL), DOZAN_OK);
    assert_true(fabs(dozan_setting_double(settings, "gamma") - 0.25) <= 0);
    assert_int_equal(dozan_setting_int(settings, "n_initial_points"), 10);
    assert_true(fabs(dozan_setting_double(settings, "n_initial_points") - 10) <= 0);
    assert_false(dozan_setting_bool(settings, "restart"));
    assert_string_equal(dozan_setting_text(settings, "acq_func"), "gp_hedge");
    assert_true(dozan_setting_is_set(settings, "gamma"));
    assert_false(dozan_setting_is_set(settings, "random_state"));
    assert_false(dozan_setting_is_set(settings, "directory"));
    assert_null(dozan_setting_text(settings, "directory"));
    assert_int_equal(dozan_setting_int(settings, "random_state"), 0);
    assert_true(isnan(dozan_setting_double(settings, "random_state")));
    assert_false(dz_settings_given(settings, "gamma"));
    assert_false(dz_settings_given(settings, "no such"));
    dz_settings_destroy(settings);
    dz_settings_destroy(NULL);
}

static void given_values_are_read_and_copied(void **state)
{
    (void)state;
    char directory[] = "/data";
    const dozan_pair pairs[] = {{"random_state", "9223372036854775807"},
                                {"gamma", "1e-1"},
                                {"n_initial_points", "24.0"},
                                {"restart", "True"},
                                {"acq_func", "EI"},
                                {"directory", directory}};
    dozan_settings *settings = NULL;
    assert_int_equal(dz_settings_create(rows, ROWS, pairs, 6, &settings, NULL), DOZAN_OK);
    directory[0] = '#';
    assert_true(dozan_setting_int(settings, "random_state") == INT64_MAX);
    assert_true(fabs(dozan_setting_double(settings, "gamma") - 0.1) <= 0);
    assert_int_equal(dozan_setting_int(settings, "n_initial_points"), 24);
    assert_true(dozan_setting_bool(settings, "restart"));
    assert_string_equal(dozan_setting_text(settings, "acq_func"), "EI");
    assert_string_equal(dozan_setting_text(settings, "directory"), "/data");
    assert_true(dz_settings_given(settings, "gamma"));
    dz_settings_destroy(settings);
}

typedef struct bad_case {
    dozan_pair pair;
    const char *parts[3];
} bad_case;

static void bad_values_are_refused_with_the_reason(void **state)
{
    (void)state;
    const bad_case cases[] = {
        {{"gama", "0.1"}, {"'gama'", "did you mean 'gamma'?", "random_state, gamma"}},
        {{"zzz", "0.1"}, {"unknown setting 'zzz': The settings are random_state"}},
        {{NULL, "0.1"}, {"unknown setting ''"}},
        {{"gamma", "0"}, {"'gamma' is '0'", "above 0 and below 1"}},
        {{"gamma", "1"}, {"above 0 and below 1"}},
        {{"gamma", "nan"}, {"must be a number"}},
        {{"gamma", NULL}, {"must be a number"}},
        {{"random_state", "-1"}, {"'random_state' is '-1'", "a whole number of at least 0"}},
        {{"random_state", "1.5"}, {"whole number"}},
        {{"random_state", "None"}, {"whole number"}},
        {{"random_state", "9223372036854775808"}, {"whole number"}},
        {{"n_initial_points", "101"}, {"a whole number at most 100"}},
        {{"big", "9223372036854775807"}, {"at most 9223372036854775806"}}, /* equal as doubles */
        {{"restart", "maybe"}, {"true or false"}},
        {{"acq_func", "ei"}, {"'acq_func' is 'ei'", "did you mean 'EI'", "gp_hedge, EI, LCB"}},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const dozan_pair pairs[] = {{"directory", "x"}, cases[i].pair};
        dozan_settings *settings = NULL;
        dozan_error err = {0};
        assert_int_equal(dz_settings_create(rows, ROWS, pairs, 2, &settings, &err),
                         DOZAN_INVALID_ARGUMENT);
        assert_null(settings);
        assert_string_equal(err.place, "algorithmSettings[1]");
        for (size_t k = 0; k < 3 && cases[i].parts[k] != NULL; k++)
            if (strstr(err.message, cases[i].parts[k]) == NULL)
                fail_msg("'%s' lacks '%s'", err.message, cases[i].parts[k]);
    }
}

static void a_setting_may_be_given_once(void **state)
{
    (void)state;
    const dozan_pair pairs[] = {{"gamma", "0.1"}, {"restart", "true"}, {"gamma", "0.1"}};
    dozan_settings *settings = NULL;
    dozan_error err = {0};
    assert_int_equal(dz_settings_create(rows, ROWS, pairs, 3, &settings, &err),
                     DOZAN_INVALID_ARGUMENT);
    assert_string_equal(err.place, "algorithmSettings[2]");
    assert_non_null(strstr(err.message, "twice"));
}

static void required_settings_are_demanded(void **state)
{
    (void)state;
    const dozan_setting table[] = {{.name = "r_l",
                                    .type = DOZAN_SETTING_DOUBLE,
                                    .required = true,
                                    .help = "the resource limit"}};
    const dozan_pair pair = {"r_l", "9"};
    dozan_settings *settings = NULL;
    dozan_error err = {0};
    assert_int_equal(dz_settings_create(table, 1, NULL, 0, &settings, &err),
                     DOZAN_INVALID_ARGUMENT);
    assert_string_equal(err.place, "algorithmSettings");
    assert_string_equal(err.message, "setting 'r_l' is required: the resource limit");
    assert_int_equal(dz_settings_create(table, 1, &pair, 1, &settings, &err), DOZAN_OK);
    dz_settings_destroy(settings);
}

static void mistakes_of_the_table_are_found(void **state)
{
    (void)state;
    const dozan_setting wrong[] = {
        {.name = "x", .type = DOZAN_SETTING_INT, .default_text = "half"}};
    const dozan_pair pair = {"y", "9"};
    dozan_settings *settings = NULL;
    dozan_error err = {0};
    assert_int_equal(dz_settings_create(wrong, 1, NULL, 0, &settings, &err), DOZAN_INTERNAL);
    assert_int_equal(dz_settings_create(NULL, 0, &pair, 1, &settings, &err),
                     DOZAN_INVALID_ARGUMENT);
    assert_non_null(strstr(err.message, "no settings"));
    assert_int_equal(dz_settings_create(NULL, 0, NULL, 0, &settings, &err), DOZAN_OK);
    dz_settings_destroy(settings);
}

/* A table whose names do not fit one message: the message is cut, and says so. */
static void long_tables_are_cut(void **state)
{
    (void)state;
    static char names[64][32];
    dozan_setting table[64];
    for (size_t i = 0; i < 64; i++) {
        memset(names[i], 'a' + (int)(i % 26), sizeof(names[i]) - 1);
        table[i] = (dozan_setting){.name = names[i]};
    }
    const dozan_pair pair = {"y", "9"};
    dozan_settings *settings = NULL;
    dozan_error err = {0};
    assert_int_equal(dz_settings_create(table, 64, &pair, 1, &settings, &err),
                     DOZAN_INVALID_ARGUMENT);
    assert_string_equal(err.message + strlen(err.message) - 3, "...");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_stand_where_nothing_is_given),
        cmocka_unit_test(given_values_are_read_and_copied),
        cmocka_unit_test(bad_values_are_refused_with_the_reason),
        cmocka_unit_test(a_setting_may_be_given_once),
        cmocka_unit_test(required_settings_are_demanded),
        cmocka_unit_test(mistakes_of_the_table_are_found),
        cmocka_unit_test(long_tables_are_cut),
    };
    return cmocka_run_group_tests_name("settings", tests, NULL, NULL);
}
