/*
 * Collectors: what a trial's output means, in any split of its bytes.
 */
#include "collectors/collector.h"
#include "collectors/rfc3339.h"

#include <dozan/buf.h>
#include <dozan/space.h>
#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char loss_name[] = "loss", accuracy_name[] = "accuracy", spaced_name[] = "valid_1 auc";
static dz_metric metrics[] = {
    {loss_name, DZ_STRATEGY_MIN}, {accuracy_name, DZ_STRATEGY_MAX}, {spaced_name, DZ_STRATEGY_MAX}};
static char spaced_filter[] = "(\\w+\\s\\w+)\\s:\\s([^ ]+)", plain_filter[] = "(\\w+)=([^ ]+)",
            slow_filter[] = "((?:a+)+)+(b)";
static char *spaced_filters[] = {spaced_filter, plain_filter}, *slow_filters[] = {slow_filter};

static dz_experiment_spec text_spec(void)
{
    return (dz_experiment_spec){.metrics = metrics,
                                .metric_count = sizeof metrics / sizeof metrics[0],
                                .collector = DZ_COLLECTOR_STDOUT};
}

static dz_experiment_spec json_spec(void)
{
    dz_experiment_spec spec = text_spec();
    spec.collector = DZ_COLLECTOR_FILE;
    spec.collector_format = DZ_FORMAT_JSON;
    return spec;
}

/* Writes "metric#step@time=text(value) " for each point. */
static void record(void *user, const dz_point *point)
{
    char number[DOZAN_VALUE_TEXT] = "-";
    if (point->is_number)
        dozan_number_text(point->value, number);
    (void)dozan_buf_printf(user, "%s#%" PRId64 "@%" PRId64 "=%s(%s) ", metrics[point->metric].name,
                           point->step, point->time_ms, point->text, number);
}

static const char *text_of(const dozan_buf *out)
{
    return out->data != NULL ? out->data : "";
}

/* Feeds the text in parts of that many bytes (0 = all at once), and finishes. */
static void run(const dz_experiment_spec *spec, const char *text, size_t size, size_t part,
                dozan_buf *points, dozan_buf *complaint)
{
    dz_collector *collector = NULL;
    dozan_error err = {0};
    assert_int_equal(dz_collector_create(spec, &collector, &err), DOZAN_OK);
    for (size_t at = 0; at<size; at += part> 0 ? part : size) {
        size_t next = part > 0 && part < size - at ? part : size - at;
        assert_int_equal(dz_collector_feed(collector, text + at, next, 7, record, points, &err),
                         DOZAN_OK);
    }
    assert_int_equal(dz_collector_finish(collector, 7, record, points, &err), DOZAN_OK);
    const char *said = dz_collector_complaint(collector);
    (void)dozan_buf_puts(complaint, said != NULL ? said : "");
    dz_collector_destroy(collector);
}

static void expect(const dz_experiment_spec *spec, const char *text, const char *points,
                   const char *complaint)
{
    for (size_t part = 0; part < 6; part++) {
        dozan_buf got, said;
        dozan_buf_init(&got, 1 << 20);
        dozan_buf_init(&said, 4096);
        run(spec, text, strlen(text), part, &got, &said);
        assert_string_equal(text_of(&got), points);
        assert_string_equal(text_of(&said), complaint);
        dozan_buf_fini(&got);
        dozan_buf_fini(&said);
    }
}

static void text_lines(void **state)
{
    (void)state;
    dz_experiment_spec spec = text_spec();
    expect(&spec, "", "", "");
    expect(&spec, "epoch 1\nloss=0.5\nlearning rate=3\nloss=0.25 accuracy=0.9\n",
           "loss#1@7=0.5(0.5) loss#2@7=0.25(0.25) accuracy#1@7=0.9(0.9) ", "");
    expect(&spec, "loss=nan\nloss=-inf\nloss=\nloss=3",
           "loss#1@7=nan(nan) loss#2@7=-inf(-inf) loss#3@7=3(3) ", "");
    expect(&spec, "1970-01-01T00:00:02.5Z loss=1\nnot-a-time loss=2\n",
           "loss#1@2500=1(1) loss#2@7=2(2) ", "");
    expect(&spec, "a\r\nloss=1\r\nbar loss=2\rbar loss=3\r",
           "loss#1@7=1(1) loss#2@7=2(2) loss#3@7=3(3) ", "");
    expect(&spec, "total_loss=1 loss2=4 train/loss=5\n", "loss#1@7=5(5) ", "");
}

static void text_with_filters(void **state)
{
    (void)state;
    dz_experiment_spec spec = text_spec();
    spec.metrics_format = spaced_filters;
    spec.metrics_format_count = 2;
    expect(&spec, "loss=7 valid_1 auc : 0.5\n", "valid_1 auc#1@7=0.5(0.5) loss#1@7=7(7) ", "");
    expect(&spec, "loss=Genotype(a)\n", "loss#1@7=Genotype(a)(-) ", "");
    spec.metrics_format = slow_filters;
    spec.metrics_format_count = 1;
    expect(&spec, "\nloss aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaacb\n", "",
           "1 line took a filter too many steps, the first at line 2");
}

static void json_lines(void **state)
{
    (void)state;
    dz_experiment_spec spec = json_spec();
    expect(&spec, "{\"loss\": 0.10, \"accuracy\": \"0.9\", \"epoch\": 1}\n\n  \n{\"loss\": -1E-2}",
           "loss#1@7=0.10(0.1) accuracy#1@7=0.9(0.9) loss#2@7=-1E-2(-0.01) ", "");
    expect(
        &spec,
        "{\"loss\": NaN}\n{\"loss\":Infinity}\n{\"loss\":-Infinity ,\"accuracy\":\"nan\"}\r\n",
        "loss#1@7=NaN(nan) loss#2@7=Infinity(inf) loss#3@7=-Infinity(-inf) accuracy#1@7=nan(nan) ",
        "");
    expect(&spec,
           "{\"loss\": true, \"accuracy\": null}\n{\"loss\": {\"loss\": 1}}\n{\"loss\": [1]}\n", "",
           "");
    expect(&spec, "{\"loss\": \"\", \"accuracy\": \"high\"}", "accuracy#1@7=high(-) ", "");
    expect(&spec, "{\"loss\": 1, \"loss\": 2}", "loss#1@7=2(2) ", "");
    expect(&spec, "{\"x\": \"loss\\\": 3, {[\", \"loss\": 4}", "loss#1@7=4(4) ", "");
    expect(&spec, "{\"loss\": 12345678901234567890}",
           "loss#1@7=12345678901234567890(1.2345678901234567e+19) ", "");
}

static void json_times(void **state)
{
    (void)state;
    static const struct {
        const char *timestamp;
        const char *time;
    } cases[] = {
        {"1.5", "1500"},
        {"\"1.5\"", "1500"},
        {"1700000000.123", "1700000000123"},
        {"1700000000", "1700000000000"},
        {"-0.001", "-1"},
        {"\"2021-12-02T14:27:50.000000001+02:00\"", "1638448070000"},
        {"\"yesterday\"", "7"},
        {"\"nan\"", "7"},
        {"NaN", "7"},
        {"1e300", "7"},
        {"null", "7"},
    };
    dz_experiment_spec spec = json_spec();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char line[128], points[128];
        (void)snprintf(line, sizeof line, "{\"loss\": 1, \"timestamp\": %s}", cases[i].timestamp);
        (void)snprintf(points, sizeof points, "loss#1@%s=1(1) ", cases[i].time);
        expect(&spec, line, points, "");
    }
}

static void json_complaints(void **state)
{
    (void)state;
    static const char *const bad[] = {"plain text",      "[1, 2]",    "3", "{\"loss\": 1",
                                      "{\"loss\": 1} x", "{loss: 1}", "{", "\"loss\"",
                                      "{\"loss\": --1}", "\x01\xff"};
    dz_experiment_spec spec = json_spec();
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char text[64];
        (void)snprintf(text, sizeof text, "{\"loss\": 1}\n%s\n{\"loss\": 2}\n", bad[i]);
        expect(&spec, text, "loss#1@7=1(1) loss#2@7=2(2) ",
               "1 line could not be read as a JSON object, the first at line 2");
    }
    expect(&spec, "a\nb\n", "", "2 lines could not be read as a JSON object, the first at line 1");
}

static void json_bounds(void **state)
{
    (void)state;
    dz_experiment_spec spec = json_spec();
    for (int depth = 63; depth <= 66; depth++) {
        dozan_buf text;
        dozan_buf_init(&text, 4096);
        (void)dozan_buf_puts(&text, "{\"loss\": 1, \"x\": ");
        for (int i = 1; i < depth; i++)
            (void)dozan_buf_puts(&text, "[");
        for (int i = 1; i < depth; i++)
            (void)dozan_buf_puts(&text, "]");
        (void)dozan_buf_puts(&text, "}");
        bool fits = depth <= 64;
        expect(&spec, text.data, fits ? "loss#1@7=1(1) " : "",
               fits ? "" : "1 line could not be read as a JSON object, the first at line 1");
        dozan_buf_fini(&text);
    }
}

/* A line of 1 MiB is read; of a longer one the first mebibyte; and the line after it is whole
 * again. */
static void long_lines(void **state)
{
    (void)state;
    enum { LINE = 1024 * 1024 };
    dz_experiment_spec spec = text_spec();
    char *text = malloc(LINE + 64);
    assert_non_null(text);
    for (size_t over = 0; over < 3; over++) {
        static const size_t parts[] = {0, 4096, LINE - 1};
        for (size_t i = 0; i < 3; i++) {
            memset(text, ' ', LINE + 64);
            memcpy(text + LINE - 7 + over, "loss=35\nloss=4\n", 15);
            dozan_buf got, said;
            dozan_buf_init(&got, 4096);
            dozan_buf_init(&said, 4096);
            run(&spec, text, LINE + over + 8, parts[i], &got, &said);
            assert_string_equal(text_of(&got), over == 0   ? "loss#1@7=35(35) loss#2@7=4(4) "
                                               : over == 1 ? "loss#1@7=3(3) loss#2@7=4(4) "
                                                           : "loss#1@7=4(4) ");
            assert_string_equal(text_of(&said), over == 0
                                                    ? ""
                                                    : "1 line had more than 1 MiB (the rest was "
                                                      "skipped), the first at line 1");
            dozan_buf_fini(&got);
            dozan_buf_fini(&said);
        }
    }
    free(text);
}

static void long_value(void **state)
{
    (void)state;
    enum { VALUE = 64 * 1024 };
    dz_experiment_spec spec = json_spec();
    char *text = malloc(VALUE + 64);
    assert_non_null(text);
    for (size_t over = 0; over < 2; over++) {
        memset(text, 'x', VALUE + 64);
        memcpy(text, "{\"loss\": \"", 10);
        memcpy(text + 10 + VALUE + over, "\"}", 3);
        dozan_buf got, said;
        dozan_buf_init(&got, VALUE + 4096);
        dozan_buf_init(&said, 4096);
        run(&spec, text, strlen(text), 0, &got, &said);
        assert_int_equal(got.size > VALUE, over == 0);
        assert_string_equal(
            text_of(&said),
            over == 0 ? "" : "1 line had a value of more than 64 KiB, the first at line 1");
        dozan_buf_fini(&got);
        dozan_buf_fini(&said);
    }
    free(text);
}

/* A repeatable stream of numbers for the property test (splitmix64). */
static uint64_t next_random(uint64_t *seed)
{
    uint64_t z = *seed += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

/* Random texts of pieces that matter to the parsers, cut at random places, give the points of the
 * whole. */
static void any_split_is_the_same(void **state)
{
    (void)state;
    static const char *const pieces[] = {"loss",
                                         "accuracy",
                                         "=",
                                         " ",
                                         "0.5",
                                         "nan",
                                         "\n",
                                         "\r",
                                         "\n",
                                         "{\"loss\": ",
                                         "1e3",
                                         "}",
                                         "}\n",
                                         "\"",
                                         "\\",
                                         "[",
                                         "1970-01-01T00:00:01Z ",
                                         "loss=1",
                                         "loss=2\n",
                                         "\xff",
                                         "NaN",
                                         ",",
                                         "valid_1 auc : 3"};
    dz_experiment_spec filtered = text_spec();
    filtered.metrics_format = spaced_filters;
    filtered.metrics_format_count = 2;
    const dz_experiment_spec specs[] = {text_spec(), json_spec(), filtered};
    uint64_t seed = 1;
    for (int round = 0; round < 300; round++) {
        const dz_experiment_spec *spec = &specs[round % 3];
        dozan_buf text, whole, whole_said, split, split_said;
        dozan_buf_init(&text, 1 << 20);
        dozan_buf_init(&whole, 1 << 20);
        dozan_buf_init(&split, 1 << 20);
        dozan_buf_init(&whole_said, 4096);
        dozan_buf_init(&split_said, 4096);
        (void)dozan_buf_puts(&text, "");
        for (uint64_t i = next_random(&seed) % 60; i > 0; i--)
            (void)dozan_buf_puts(&text,
                                 pieces[next_random(&seed) % (sizeof pieces / sizeof pieces[0])]);
        run(spec, text.data, text.size, 0, &whole, &whole_said);

        dz_collector *collector = NULL;
        assert_int_equal(dz_collector_create(spec, &collector, NULL), DOZAN_OK);
        for (size_t at = 0; at < text.size;) {
            size_t part = (size_t)(next_random(&seed) % 9);
            if (part > text.size - at)
                part = text.size - at;
            /* a copy of its own, so that a read past the part is seen */
            char *copy = malloc(part + 1);
            assert_non_null(copy);
            memcpy(copy, text.data + at, part);
            assert_int_equal(dz_collector_feed(collector, copy, part, 7, record, &split, NULL),
                             DOZAN_OK);
            free(copy);
            at += part;
        }
        assert_int_equal(dz_collector_finish(collector, 7, record, &split, NULL), DOZAN_OK);
        assert_string_equal(text_of(&split), text_of(&whole));
        const char *said = dz_collector_complaint(collector);
        assert_string_equal(said != NULL ? said : "", text_of(&whole_said));
        dz_collector_destroy(collector);
        dozan_buf_fini(&text);
        dozan_buf_fini(&whole);
        dozan_buf_fini(&split);
        dozan_buf_fini(&whole_said);
        dozan_buf_fini(&split_said);
    }
}

static void no_point_is_expected(void *user, const dz_point *point)
{
    (void)user;
    fail_msg("%s is taken for a metric", point->text);
}

static void other_kinds_are_refused(void **state)
{
    (void)state;
    dz_experiment_spec spec = text_spec();
    spec.collector = (dz_collector_kind)17;
    dz_collector *collector = NULL;
    dozan_error err = {0};
    assert_int_equal(dz_collector_create(&spec, &collector, &err), DOZAN_UNIMPLEMENTED);
    assert_null(collector);
    assert_non_null(strstr(err.message, "there are StdOut, File, TensorFlowEvent"));
}

static void collectors_beside_a_trial(void **state)
{
    (void)state;
    static const struct {
        dz_collector_kind kind;
        dz_collector_process process;
    } cases[] = {
        {DZ_COLLECTOR_STDOUT, DZ_PROCESS_NONE},    {DZ_COLLECTOR_FILE, DZ_PROCESS_NONE},
        {DZ_COLLECTOR_PUSH, DZ_PROCESS_NONE},      {DZ_COLLECTOR_CUSTOM, DZ_PROCESS_USER},
        {DZ_COLLECTOR_PROMETHEUS, DZ_PROCESS_OWN}, {DZ_COLLECTOR_TENSORFLOW_EVENT, DZ_PROCESS_OWN},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        dz_experiment_spec spec = text_spec();
        spec.collector = cases[i].kind;
        assert_int_equal(dz_collector_beside(&spec), cases[i].process);
    }
}

static void lines_of_our_own_collectors(void **state)
{
    (void)state;
    static const char text[] = "point 1 1700000000500 0.25 300\n"
                               "point 0 5 nan\n"
                               "complaint the event file e is damaged\n"
                               "point 7 5 1\npoint 0 x 1\npoint 0 5 \nother\n"
                               "complaint a second one\npoint 0 6 1";
    dz_experiment_spec spec = text_spec();
    spec.collector = DZ_COLLECTOR_TENSORFLOW_EVENT;
    expect(&spec, text, "accuracy#1@1700000000500=0.25(0.25) loss#1@5=nan(nan) loss#2@6=1(1) ",
           "the event file e is damaged; 4 lines could not be read as a line of dozan-collector, "
           "the first at line 4");
}

/* Push: the trial reports to the service, and nothing of its output is a metric. */
static void a_trial_that_pushes_is_not_listened_to(void **state)
{
    (void)state;
    dz_experiment_spec spec = text_spec();
    spec.collector = DZ_COLLECTOR_PUSH;
    dz_collector *collector = NULL;
    dozan_error err = {0};
    assert_int_equal(dz_collector_create(&spec, &collector, &err), DOZAN_OK);
    assert_int_equal(
        dz_collector_feed(collector, "accuracy=1\n", 11, 1, no_point_is_expected, NULL, &err),
        DOZAN_OK);
    assert_int_equal(dz_collector_finish(collector, 1, no_point_is_expected, NULL, &err), DOZAN_OK);
    assert_null(dz_collector_complaint(collector));
    dz_collector_destroy(collector);
}

static void bad_filter_is_refused(void **state)
{
    (void)state;
    static char bad[] = "(a";
    static char *filters[] = {plain_filter, bad};
    dz_experiment_spec spec = text_spec();
    spec.metrics_format = filters;
    spec.metrics_format_count = 2;
    dz_collector *collector = NULL;
    dozan_error err = {0};
    assert_int_equal(dz_collector_create(&spec, &collector, &err), DOZAN_INVALID_ARGUMENT);
    assert_non_null(strstr(err.message, "metricsFormat[1]"));
}

static void rfc3339(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms;
    } good[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"1969-12-31T23:59:59.999Z", -1},
        {"2000-02-29T12:00:00.5Z", 951825600500},
        {"2024-05-06T07:08:09.123456789+02:00", 1714972089123},
        {"2024-05-06T07:08:09,25-05:30", 1714999089250},
        {"0000-01-01T00:00:00Z", -62167219200000},
        {"9999-12-31T23:59:59Z", 253402300799000},
    };
    static const char *const bad[] = {"",
                                      "2024-05-06",
                                      "2024-05-06T07:08:09",
                                      "2024-05-06 07:08:09Z",
                                      "2024-13-06T07:08:09Z",
                                      "2023-02-29T07:08:09Z",
                                      "1900-02-29T07:08:09Z",
                                      "2024-05-06T24:08:09Z",
                                      "2024-05-06T07:08:60Z",
                                      "2024-05-06T07:08:09.Z",
                                      "2024-05-06T07:08:09Zx",
                                      "2024-05-06T07:08:09+2:00",
                                      "2024-05-06T07:08:09+24:00",
                                      "+024-05-06T07:08:09Z",
                                      "24-05-06T07:08:09Z"};
    int64_t ms = 0;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_true(dz_rfc3339_parse(good[i].text, strlen(good[i].text), &ms));
        assert_int_equal(ms, good[i].ms);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(dz_rfc3339_parse(bad[i], strlen(bad[i]), &ms));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_lines),
        cmocka_unit_test(text_with_filters),
        cmocka_unit_test(json_lines),
        cmocka_unit_test(json_times),
        cmocka_unit_test(json_complaints),
        cmocka_unit_test(json_bounds),
        cmocka_unit_test(long_lines),
        cmocka_unit_test(long_value),
        cmocka_unit_test(any_split_is_the_same),
        cmocka_unit_test(other_kinds_are_refused),
        cmocka_unit_test(collectors_beside_a_trial),
        cmocka_unit_test(lines_of_our_own_collectors),
        cmocka_unit_test(a_trial_that_pushes_is_not_listened_to),
        cmocka_unit_test(bad_filter_is_refused),
        cmocka_unit_test(rfc3339),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
