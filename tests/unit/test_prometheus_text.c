/*
 * Prometheus' text format.
 */
#include "collectors/prometheus_text.h"

#include <dozan/buf.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef struct found {
    const char *wanted;
    dozan_buf text;
} found;

static void record(void *user, const dz_prometheus_sample *sample)
{
    found *f = user;
    if (f->wanted != NULL && !dz_prometheus_is(sample, f->wanted))
        return;
    (void)dozan_buf_printf(&f->text, "%.*s{%.*s}=%.*s", (int)sample->name.size, sample->name.text,
                           (int)sample->labels.size, sample->labels.text, (int)sample->value.size,
                           sample->value.text);
    if (sample->has_time)
        (void)dozan_buf_printf(&f->text, "@%" PRId64, sample->time_ms);
    (void)dozan_buf_puts(&f->text, " ");
}

static void expect(const char *text, const char *wanted, const char *samples, int64_t bad)
{
    found f = {.wanted = wanted};
    size_t size = strlen(text);
    char *copy = malloc(size + 1); /* not terminated, so that a read past its end is seen */
    assert_non_null(copy);
    memcpy(copy, text, size);
    char *exact = realloc(copy, size > 0 ? size : 1);
    assert_non_null(exact);
    dozan_buf_init(&f.text, 1 << 16);
    (void)dozan_buf_puts(&f.text, "");
    assert_int_equal(dz_prometheus_read(exact, size, record, &f), bad);
    assert_string_equal(f.text.data, samples);
    dozan_buf_fini(&f.text);
    free(exact);
}

static void samples(void **state)
{
    (void)state;
    expect("", NULL, "", 0);
    expect("# HELP loss The loss.\n# TYPE loss gauge\nloss 0.5\n\n  \nloss 1e-3 1700000000123\n",
           NULL, "loss{}=0.5 loss{}=1e-3@1700000000123 ", 0);
    expect("a NaN\nb +Inf\nc -Inf\nd 1.5e+06", NULL, "a{}=NaN b{}=+Inf c{}=-Inf d{}=1.5e+06 ", 0);
    expect("h_bucket{le=\"0.5\",x=\"a b} \\\" \\\\\"} 3 5\r\n\t m:n_2 { a = \"b\" , } 4\n", NULL,
           "h_bucket{le=\"0.5\",x=\"a b} \\\" \\\\\"}=3@5 m:n_2{ a = \"b\" , }=4 ", 0);
    expect("loss 1 # {trace=\"x\"} 1\n", NULL, "loss{}=1 ", 0);
}

static void what_is_none(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "loss",
        "loss x",
        "loss 1 2 3",
        "loss 1 2.5",
        "1loss 1",
        "loss{ 1",
        "loss{a} 1",
        "loss{a=} 1",
        "loss{a=\"} 1",
        "loss{a=\"b\" c=\"d\"} 1",
        "loss{a=\"\\",
        "loss{,} 1",
        "loss{a=\"b\"}",
        "<html>",
        "loss 0x10",
        "loss{a=\"b\"}{} 1",
        "loss 1 99999999999999999999",
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        expect(lines[i], NULL, "", 1);
    expect("x y\nloss 1\n?\n", NULL, "loss{}=1 ", 2);
}

static void wanted_names(void **state)
{
    (void)state;
    static const char text[] = "loss{split=\"train\",k=\"1\"} 1\nloss{split=\"test\",k=\"1\"} 2\n"
                               "loss_total 3\nauc 4\n";
    expect(text, "auc", "auc{}=4 ", 0);
    expect(text, "loss", "loss{split=\"train\",k=\"1\"}=1 loss{split=\"test\",k=\"1\"}=2 ", 0);
    expect(text, "loss{split=\"test\"}", "loss{split=\"test\",k=\"1\"}=2 ", 0);
    expect(text, "loss{k=\"1\", split=\"train\"}", "loss{split=\"train\",k=\"1\"}=1 ", 0);
    expect(text, "loss{k=\"2\"}", "", 0);
    expect(text, "loss{", "", 0);
    expect(text, "los", "", 0);
    expect(text, "", "", 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples),
        cmocka_unit_test(what_is_none),
        cmocka_unit_test(wanted_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
