/*
 * Filters: Katib's default expression and its quirks, the user's own expressions, and what is
 * refused.
 */
#include "collectors/collector.h"
#include "collectors/filter.h"

#include <dozan/buf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

typedef struct filter_case {
    const char *expression; /* NULL = the default */
    const char *line;
    const char *matches; /* "name=value;" for each */
} filter_case;

static const filter_case cases[] = {
    {NULL, "loss=0.25", "loss=0.25;"},
    {NULL, "loss = 0.25, accuracy =\t.5", "loss=0.25;accuracy=.5;"},
    {NULL, "2024-05-06T07:08:09Z INFO loss=1e-3 x", "loss=1e-3;"},
    {NULL, "loss=-1.5E+10", "loss=-1.5E+10;"},
    {NULL, "loss=+3", "loss=+3;"},
    {NULL, "loss=nan", "loss=nan;"},
    {NULL, "loss=-NaN acc=Inf", "loss=-NaN;acc=Inf;"},
    {NULL, "loss=+infinity", "loss=+infinity;"},
    {NULL, "loss=-inf%", "loss=-inf;"},
    {NULL, "loss=info", ""},
    {NULL, "loss=nano=5", "nano=5;"},
    {NULL, "loss=", ""},
    {NULL, "loss= done", ""},
    {NULL, "loss=-", ""},
    {NULL, "loss=e5", ""},
    {NULL, "loss=+E-5", ""},
    {NULL, "loss==0.5", ""},
    {NULL, "loss=1,234.5", "loss=1;"},
    {NULL, "loss=1.", "loss=1;"},
    {NULL, "loss=1.5.3", "loss=1.5;"},
    {NULL, "loss: 0.3", ""},
    {NULL, "{\"loss\": \"0.3\"}", ""},
    {NULL, "val/loss=0.1", "loss=0.1;"},
    {NULL, "a|b-c_d=7", "a|b-c_d=7;"},
    {NULL, "a=1b=2", "a=1;b=2;"},
    {NULL, "a=-b=2", "b=2;"},
    {NULL, "a=b=1", "b=1;"},
    {NULL, "\xff\xfeloss=1\xff", "loss=1;"},
    {NULL, "", ""},
    /* Katib's examples */
    {"{metricName: ([\\w|-]+), metricValue: ((-?\\d+)(\\.\\d+)?)}",
     "{metricName: accuracy, metricValue: 0.9417};{metricName: loss, metricValue: -2}",
     "accuracy=0.9417;loss=-2;"},
    {"(\\w+\\s\\w+)\\s:\\s((-?\\d+)(\\.\\d+)?)", "[1]  valid_1 auc : 0.7431",
     "valid_1 auc=0.7431;"},
    {"([\\w-]+)=(Genotype.*)", "Best-Genotype=Genotype(normal=[('a', 0)])",
     "Best-Genotype=Genotype(normal=[('a', 0)]);"},
    /* LIBSVM's own words */
    {"(Cross Validation Accuracy) = ([0-9.]+)%", "Cross Validation Accuracy = 82.5%",
     "Cross Validation Accuracy=82.5;"},
    /* trimmed, empty, absent */
    {"(.*?):([^;]*);", " loss : 0.5 ;acc:;x:1;", "loss=0.5;x=1;"},
    {"(a)|(b)", "ab", ""},
    {"(\\w*)(\\d?)", "ab1 c", ""},
    {"()()", "abc", ""},
    {"(\\w)(\\w)$", "ab\n", ""},
    {"(.)=(.)", "\xc3\xa9=\xc3\xa8", "\xc3\xa9=\xc3\xa8;"},
    {"(\\w+)=(?=(\\d+))", "a=1 b=22", "a=1;b=22;"},
};

static dozan_status collect(void *user, const dz_filter_match *match, dozan_error *err)
{
    (void)err;
    dozan_buf *out = user;
    (void)dozan_buf_append(out, match->name, match->name_size);
    (void)dozan_buf_puts(out, "=");
    (void)dozan_buf_append(out, match->value, match->value_size);
    (void)dozan_buf_puts(out, ";");
    return DOZAN_OK;
}

static void matches_as_expected(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        dz_filter *filter = NULL;
        dozan_error err = {0};
        bool gave_up = false;
        dozan_buf found;
        dozan_buf_init(&found, 65536);
        assert_int_equal(dz_filter_create(cases[i].expression, &filter, &err), DOZAN_OK);
        assert_int_equal(dz_filter_run(filter, cases[i].line, strlen(cases[i].line), &gave_up,
                                       collect, &found, &err),
                         DOZAN_OK);
        assert_string_equal(found.data != NULL ? found.data : "", cases[i].matches);
        assert_false(gave_up);
        dozan_buf_fini(&found);
        dz_filter_destroy(filter);
    }
}

static void check_refuses(void **state)
{
    (void)state;
    static const char *const good[] = {"([\\w|-]+)\\s*=\\s*([+-]?\\d*(\\.\\d+)?([Ee][+-]?\\d+)?)",
                                       "(?P<name>\\w+) (?P<value>.*)", "(a)(b)(c)"};
    static const struct {
        const char *expression;
        const char *says;
    } bad[] = {
        {"([a-z", "at character"},
        {"(a)(b))", "at character 6"},
        {"loss=(.*)", "has 1 group"},
        {"loss", "has 0 groups"},
        {"(?:a)(?:b)(c)", "has 1 group"},
        {"\\(a\\)(b)", "has 1 group"},
        {"", "has 0 groups"},
        {"(a)\\C(b)", "\\C"},
        {"(\xff)(b)", "UTF-8"},
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_int_equal(dz_filter_check(good[i], NULL), DOZAN_OK);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        dozan_error err = {0};
        assert_int_equal(dz_filter_check(bad[i].expression, &err), DOZAN_INVALID_ARGUMENT);
        if (strstr(err.message, bad[i].says) == NULL)
            fail_msg("\"%s\" lacks \"%s\"", err.message, bad[i].says);
    }
}

static void check_refuses_a_long_one(void **state)
{
    (void)state;
    size_t size = 20000;
    char *text = malloc(size + 1);
    assert_non_null(text);
    memset(text, 'a', size);
    memcpy(text, "(a)(b)", 6);
    text[size] = '\0';
    dozan_error err = {0};
    assert_int_equal(dz_filter_check(text, &err), DOZAN_INVALID_ARGUMENT);
    assert_non_null(strstr(err.message, "at most"));
    free(text);
}

/* An expression that backtracks without end gives up, and says so. */
static void gives_up(void **state)
{
    (void)state;
    dz_filter *filter = NULL;
    assert_int_equal(dz_filter_create("((?:a+)+)+(b)", &filter, NULL), DOZAN_OK);
    char line[64];
    memset(line, 'a', sizeof line);
    line[sizeof line - 2] = 'c';
    line[sizeof line - 1] = 'b';
    bool gave_up = false;
    dozan_buf found;
    dozan_buf_init(&found, 65536);
    assert_int_equal(dz_filter_run(filter, line, sizeof line, &gave_up, collect, &found, NULL),
                     DOZAN_OK);
    assert_true(gave_up);
    dozan_buf_fini(&found);
    dz_filter_destroy(filter);
}

/* The default filter must be linear: a mebibyte of name characters took minutes with Katib's
 * expression as written. */
static void default_is_linear(void **state)
{
    (void)state;
    size_t size = 1024 * 1024;
    char *line = malloc(size);
    assert_non_null(line);
    memset(line, 'a', size);
    memcpy(line + size - 2, " =", 2);
    dz_filter *filter = NULL;
    assert_int_equal(dz_filter_create(NULL, &filter, NULL), DOZAN_OK);
    bool gave_up = false;
    dozan_buf found;
    dozan_buf_init(&found, 65536);
    clock_t begin = clock();
    assert_int_equal(dz_filter_run(filter, line, size, &gave_up, collect, &found, NULL), DOZAN_OK);
    assert_true((double)(clock() - begin) / CLOCKS_PER_SEC < 5.0);
    assert_int_equal(found.size, 0);
    assert_false(gave_up);
    dozan_buf_fini(&found);
    dz_filter_destroy(filter);
    free(line);
}

static dozan_status refuse(void *user, const dz_filter_match *match, dozan_error *err)
{
    (void)match;
    ++*(int *)user;
    return dozan_error_set(err, DOZAN_ABORTED, NULL, "no more");
}

static void sink_error_ends_the_search(void **state)
{
    (void)state;
    dz_filter *filter = NULL;
    assert_int_equal(dz_filter_create(NULL, &filter, NULL), DOZAN_OK);
    bool gave_up = false;
    int calls = 0;
    assert_int_equal(dz_filter_run(filter, "a=1 b=2", 7, &gave_up, refuse, &calls, NULL),
                     DOZAN_ABORTED);
    assert_int_equal(calls, 1);
    dz_filter_destroy(filter);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matches_as_expected),      cmocka_unit_test(check_refuses),
        cmocka_unit_test(check_refuses_a_long_one), cmocka_unit_test(gives_up),
        cmocka_unit_test(default_is_linear),        cmocka_unit_test(sink_error_ends_the_search),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
