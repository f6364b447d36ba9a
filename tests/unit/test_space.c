/*
 * The search space: what is accepted and refused, texts as users write them, and, over random
 * spaces, that coordinates, levels and texts stand for each other.
 */
#include <dozan/rng.h>
#include <dozan/space.h>

#include "space_parts.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { RANDOM_SPACES = 3000, DRAWS = 40 };

static const char *const words[] = {"sgd", "adam", "ftrl"};
static const char *const sizes[] = {"64", "128", "32", "1e-3"};

#define RANGE(kind, shape, low, high, by)                                                          \
    ((dozan_parameter){.name = "p",                                                                \
                       .type = (kind),                                                             \
                       .distribution = (shape),                                                    \
                       .min = (low),                                                               \
                       .max = (high),                                                              \
                       .step = (by)})
#define LIST(kind, entries)                                                                        \
    ((dozan_parameter){.name = "p",                                                                \
                       .type = (kind),                                                             \
                       .list = (entries),                                                          \
                       .list_count = sizeof(entries) / sizeof((entries)[0])})

static dozan_space *make(dozan_parameter parameter)
{
    dozan_space *space = NULL;
    dozan_error err = {0};
    dozan_status status = dozan_space_create(&parameter, 1, &space, &err);
    if (status != DOZAN_OK)
        fail_msg("%s: %s (min %s max %s step %s)", err.place, err.message, parameter.min,
                 parameter.max, parameter.step);
    return space;
}

static bool same(double a, double b)
{
    return memcmp(&a, &b, sizeof(a)) == 0;
}

/* ---- refusals -------------------------------------------------------------------------------- */

typedef struct bad_case {
    dozan_parameter parameter;
    const char *place;
    const char *message; /* a part of it */
} bad_case;

static void refuses_bad_parameters(void **state)
{
    (void)state;
    static const char *const twice[] = {"a", "b", "a"};
    static const char *const same_number[] = {"1", "2", "1.0"};
    static const char *const no_number[] = {"1", "two"};
    dozan_parameter nameless = RANGE(DOZAN_DOUBLE, 0, "0", "1", NULL);
    nameless.name = "";
    dozan_parameter empty = LIST(DOZAN_CATEGORICAL, words);
    empty.list_count = 0;
    dozan_parameter mixed = LIST(DOZAN_CATEGORICAL, words);
    mixed.step = "1";
    dozan_parameter listed = RANGE(DOZAN_INT, 0, "0", "1", NULL);
    listed.list = words;
    listed.list_count = 3;
    const bad_case cases[] = {
        {nameless, "name", "no name"},
        {RANGE((dozan_parameter_type)9, 0, "0", "1", NULL), "parameterType", "unknown type"},
        {RANGE(DOZAN_DOUBLE, (dozan_distribution)7, "0", "1", NULL), "feasibleSpace.distribution",
         "unknown"},
        {RANGE(DOZAN_DOUBLE, 0, NULL, "1", NULL), "feasibleSpace.min", "missing"},
        {RANGE(DOZAN_DOUBLE, 0, "0", "", NULL), "feasibleSpace.max", "missing"},
        {RANGE(DOZAN_DOUBLE, 0, "zero", "1", NULL), "feasibleSpace.min", "'zero'"},
        {RANGE(DOZAN_DOUBLE, 0, "0x10", "1", NULL), "feasibleSpace.min", "finite decimal"},
        {RANGE(DOZAN_DOUBLE, 0, "0", "nan", NULL), "feasibleSpace.max", "finite decimal"},
        {RANGE(DOZAN_DOUBLE, 0, "0", "1e999", NULL), "feasibleSpace.max", "finite decimal"},
        {RANGE(DOZAN_DOUBLE, 0, "0", "1e200", NULL), "feasibleSpace.max", "too large"},
        {RANGE(DOZAN_DOUBLE, 0, "0", " 1", NULL), "feasibleSpace.max", "finite decimal"},
        {RANGE(DOZAN_DOUBLE, 0, "1e-3", "1e-5", NULL), "feasibleSpace.max",
         "1e-5 is less than min 1e-3"},
        {RANGE(DOZAN_DOUBLE, DOZAN_LOG_UNIFORM, "0", "1", NULL), "feasibleSpace.min", "above 0"},
        {RANGE(DOZAN_INT, DOZAN_LOG_NORMAL, "-1", "1", NULL), "feasibleSpace.min", "above 0"},
        {RANGE(DOZAN_DOUBLE, 0, "0", "1", "0"), "feasibleSpace.step", "above 0"},
        {RANGE(DOZAN_DOUBLE, 0, "0", "1", "-0.1"), "feasibleSpace.step", "above 0"},
        {RANGE(DOZAN_INT, 0, "0.5", "2", NULL), "feasibleSpace.min", "whole"},
        {RANGE(DOZAN_INT, 0, "0", "2.5", NULL), "feasibleSpace.max", "whole"},
        {RANGE(DOZAN_INT, 0, "0", "9223372036854775808", NULL), "feasibleSpace.max", "64 bits"},
        {RANGE(DOZAN_INT, 0, "0", "10", "0.5"), "feasibleSpace.step", "whole"},
        {RANGE(DOZAN_INT, 0, "9223372036854775807", "9223372036854775806", NULL),
         "feasibleSpace.max", "less than min"},
        {RANGE(DOZAN_INT, 0, "-9223372036854775808", "9223372036854775807", NULL),
         "feasibleSpace.step", "more levels"},
        {RANGE(DOZAN_INT, DOZAN_LOG_UNIFORM, "1", "1000000000000000", NULL), "feasibleSpace.step",
         "under this distribution"},
        {RANGE(DOZAN_DOUBLE, 0, "0", "1e20", "1e-20"), "feasibleSpace.step", "decimal digits"},
        {RANGE(DOZAN_DOUBLE, 0, "-12233720756834758020", "-12233720756834758024", "4"),
         "feasibleSpace.max", "less than min"}, /* equal as doubles */
        {listed, "feasibleSpace.list", "min and max"},
        {empty, "feasibleSpace.list", "empty"},
        {mixed, "feasibleSpace.step", "list"},
        {LIST(DOZAN_CATEGORICAL, twice), "feasibleSpace.list[2]", "twice"},
        {LIST(DOZAN_DISCRETE, same_number), "feasibleSpace.list[2]", "same number"},
        {LIST(DOZAN_DISCRETE, no_number), "feasibleSpace.list[1]", "'two'"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        dozan_error err = {0};
        assert_int_equal(dozan_parameter_check(&cases[i].parameter, &err), DOZAN_INVALID_ARGUMENT);
        assert_string_equal(err.place, cases[i].place);
        if (strstr(err.message, cases[i].message) == NULL)
            fail_msg("case %zu: '%s' lacks '%s'", i, err.message, cases[i].message);
        assert_int_equal(dozan_parameter_check(&cases[i].parameter, NULL), DOZAN_INVALID_ARGUMENT);
    }
}

static void names_the_place_of_the_parameter(void **state)
{
    (void)state;
    dozan_parameter parameters[3] = {RANGE(DOZAN_DOUBLE, 0, "0", "1", NULL),
                                     RANGE(DOZAN_INT, 0, "0", "1", NULL),
                                     RANGE(DOZAN_DOUBLE, 0, "1", "0", NULL)};
    parameters[1].name = "q";
    parameters[2].name = "r";
    dozan_space *space = NULL;
    dozan_error err = {0};
    assert_int_equal(dozan_space_create(parameters, 3, &space, &err), DOZAN_INVALID_ARGUMENT);
    assert_string_equal(err.place, "parameters[2].feasibleSpace.max");
    parameters[2].max = "2";
    parameters[2].name = "p";
    assert_int_equal(dozan_space_create(parameters, 3, &space, &err), DOZAN_INVALID_ARGUMENT);
    assert_string_equal(err.place, "parameters[2].name");
    assert_int_equal(dozan_space_create(parameters, 0, &space, &err), DOZAN_INVALID_ARGUMENT);
    assert_string_equal(err.place, "parameters");
    assert_null(space);
    parameters[2].name = "a";
    assert_int_equal(dozan_space_create(parameters, 3, &space, &err), DOZAN_OK);
    assert_int_equal(dozan_space_find(space, "a"), 2);
    assert_int_equal(dozan_space_find(space, "p"), 0);
    assert_int_equal(dozan_space_find(space, "q"), 1);
    assert_true(dozan_space_find(space, "none") == SIZE_MAX);
    assert_int_equal(dozan_space_points(space), 0);
    dozan_space_destroy(space);
    dozan_space_destroy(NULL);
}

/* ---- texts ----------------------------------------------------------------------------------- */

typedef struct levels_case {
    dozan_parameter parameter;
    const char *texts; /* all of them, or the first with "..." */
    uint64_t levels;
} levels_case;

static void levels_read_as_written(void **state)
{
    (void)state;
    const levels_case cases[] = {
        {RANGE(DOZAN_DOUBLE, 0, "0.01", "0.05", "0.005"),
         "0.01 0.015 0.02 0.025 0.03 0.035 0.04 0.045 0.05", 9},
        {RANGE(DOZAN_DOUBLE, 0, "0.5", "0.9", "0.1"), "0.5 0.6 0.7 0.8 0.9", 5},
        {RANGE(DOZAN_DOUBLE, 0, "0", "4e-4", "1e-4"), "0 0.0001 0.0002 0.0003 0.0004", 5},
        {RANGE(DOZAN_DOUBLE, 0, "-0.3", "0.35", "0.3"), "-0.3 0 0.3", 3},
        {RANGE(DOZAN_DOUBLE, 0, "0.1", "0.2", "0.3"), "0.1", 1},
        {RANGE(DOZAN_DOUBLE, 0, "1", "1", NULL), "1", 1},
        {RANGE(DOZAN_DOUBLE, 0, "0", "4e30", "2e30"), "0 2e30 4e30", 3},
        {RANGE(DOZAN_DOUBLE, 0, "1e-30", "3e-30", "1e-30"), "1e-30 2e-30 3e-30", 3},
        {RANGE(DOZAN_DOUBLE, 0, "0", "2500", "1e3"), "0 1000 2000", 3},
        {RANGE(DOZAN_INT, 0, "32", "64", "5"), "32 37 42 47 52 57 62", 7},
        {RANGE(DOZAN_INT, 0, "1e1", "12.0", NULL), "10 11 12", 3},
        {RANGE(DOZAN_INT, DOZAN_LOG_UNIFORM, "1", "3", NULL), "1 2 3", 3},
        {RANGE(DOZAN_INT, 0, "-9223372036854775808", "-9223372036854775806", NULL),
         "-9223372036854775808 -9223372036854775807 -9223372036854775806", 3},
        {RANGE(DOZAN_INT, 0, "9223372036854775806", "9223372036854775807", NULL),
         "9223372036854775806 9223372036854775807", 2},
        {RANGE(DOZAN_INT, 0, "-9223372036854775808", "9223372036854775807", "9223372036854775807"),
         "-9223372036854775808 -1 9223372036854775806", 3},
        {LIST(DOZAN_DISCRETE, sizes), "64 128 32 1e-3", 4},
        {LIST(DOZAN_CATEGORICAL, words), "sgd adam ftrl", 3},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        dozan_space *space = make(cases[i].parameter);
        char all[512] = "";
        for (uint64_t level = 0; level < cases[i].levels; level++) {
            char text[DOZAN_VALUE_TEXT];
            double u = dozan_space_level_coordinate(space, 0, level);
            size_t used = strlen(all);
            (void)snprintf(all + used, sizeof(all) - used, "%s%s", level > 0 ? " " : "",
                           dozan_space_text(space, 0, u, text));
        }
        assert_string_equal(all, cases[i].texts);
        assert_true(dozan_space_dimension(space, 0)->levels == cases[i].levels);
        assert_true(dozan_space_points(space) == cases[i].levels);
        dozan_space_destroy(space);
    }
}

typedef struct parse_case {
    const char *text;
    dozan_status status;
    const char *canonical;
} parse_case;

static void check_parses(dozan_space *space, const parse_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        double u = -1;
        dozan_error err = {0};
        char text[DOZAN_VALUE_TEXT];
        dozan_status status = dozan_space_parse(space, 0, cases[i].text, &u, &err);
        if (status != cases[i].status)
            fail_msg("'%s' gave %s: %s", cases[i].text, dozan_status_name((int)status),
                     err.message);
        if (status == DOZAN_OK)
            assert_string_equal(dozan_space_text(space, 0, u, text), cases[i].canonical);
        else
            assert_true(same(u, -1));
    }
    dozan_space_destroy(space);
}

#define CHECK_PARSES(space, cases)                                                                 \
    check_parses((space), (cases), sizeof(cases) / sizeof((cases)[0]))

static void texts_parse(void **state)
{
    (void)state;
    const parse_case step[] = {
        {"0.02", DOZAN_OK, "0.02"},
        {"0.020", DOZAN_OK, "0.02"},
        {"2e-2", DOZAN_OK, "0.02"},
        {"0.021", DOZAN_INVALID_ARGUMENT, NULL},
        {"0.06", DOZAN_OUT_OF_RANGE, NULL},
        {"", DOZAN_INVALID_ARGUMENT, NULL},
        {"nan", DOZAN_INVALID_ARGUMENT, NULL},
        {"0.05x", DOZAN_INVALID_ARGUMENT, NULL},
        {"0.019999999999999997", DOZAN_INVALID_ARGUMENT, NULL},
    };
    CHECK_PARSES(make(RANGE(DOZAN_DOUBLE, 0, "0.01", "0.05", "0.005")), step);
    const parse_case whole[] = {
        {"64", DOZAN_OK, "64"},
        {"64.0", DOZAN_OK, "64"},
        {"+6.4e1", DOZAN_OK, "64"},
        {"64.5", DOZAN_INVALID_ARGUMENT, NULL},
        {"129", DOZAN_OUT_OF_RANGE, NULL},
        {"99999999999999999999999999999", DOZAN_OUT_OF_RANGE, NULL},
    };
    CHECK_PARSES(make(RANGE(DOZAN_INT, DOZAN_LOG_NORMAL, "16", "128", NULL)), whole);
    const parse_case far[] = {
        {"9223372036854775807", DOZAN_OK, "9223372036854775807"},
        {"9223372036854775806", DOZAN_OK, "9223372036854775806"},
    };
    CHECK_PARSES(make(RANGE(DOZAN_INT, 0, "9223372036854775800", "9223372036854775807", "1")), far);
    const parse_case close[] = {
        /* closer than doubles are there */
        {"-9223372083654770893", DOZAN_OK, "-9223372083654770893"},
        {"-9223372083654771804", DOZAN_OK, "-9223372083654771804"},
    };
    CHECK_PARSES(
        make(RANGE(DOZAN_DOUBLE, 0, "-9223372083654771804", "-9223372036854771612", "911")), close);
    const parse_case discrete[] = {
        {"64.0", DOZAN_OK, "64"},
        {"0.001", DOZAN_OK, "1e-3"},
        {"65", DOZAN_INVALID_ARGUMENT, NULL},
    };
    CHECK_PARSES(make(LIST(DOZAN_DISCRETE, sizes)), discrete);
    const parse_case categorical[] = {
        {"adam", DOZAN_OK, "adam"},
        {"Adam", DOZAN_INVALID_ARGUMENT, NULL},
    };
    CHECK_PARSES(make(LIST(DOZAN_CATEGORICAL, words)), categorical);
    const parse_case continuous[] = {
        {"0.3", DOZAN_OK, "0.3"},
        {"1e-3", DOZAN_OK, "0.001"},
        {"0.95", DOZAN_OK, "0.95"},
        {"1e-5", DOZAN_OK, "1e-05"},
        {"1", DOZAN_OK, "1"},
        {"1.1", DOZAN_OUT_OF_RANGE, NULL},
        {"inf", DOZAN_INVALID_ARGUMENT, NULL},
    };
    CHECK_PARSES(make(RANGE(DOZAN_DOUBLE, DOZAN_LOG_UNIFORM, "1e-5", "1", "")), continuous);
    CHECK_PARSES(make(RANGE(DOZAN_DOUBLE, DOZAN_UNIFORM, "1e-5", "1", "")), continuous);
    CHECK_PARSES(make(RANGE(DOZAN_DOUBLE, DOZAN_LOG_NORMAL, "1e-5", "1", "")), continuous);
    CHECK_PARSES(make(RANGE(DOZAN_DOUBLE, DOZAN_NORMAL, "1e-5", "1", "")), continuous);
}

/* ---- random spaces --------------------------------------------------------------------------- */

static void random_number(dozan_rng *rng, bool positive, char text[DOZAN_VALUE_TEXT])
{
    int exponent = (int)dozan_rng_below(rng, 24) - 12;
    double value = ldexp(dozan_rng_uniform(rng) + 0.5, 0) * pow(10, exponent);
    if (!positive && dozan_rng_below(rng, 2) == 0)
        value = -value;
    if (!positive && dozan_rng_below(rng, 8) == 0)
        value = 0;
    (void)snprintf(text, DOZAN_VALUE_TEXT, "%.*g", (int)dozan_rng_below(rng, 17) + 1, value);
}

/* The texts live in the caller's buffers. */
typedef struct random_texts {
    char min[DOZAN_VALUE_TEXT];
    char max[DOZAN_VALUE_TEXT];
    char step[DOZAN_VALUE_TEXT];
} random_texts;

static dozan_parameter random_parameter(dozan_rng *rng, random_texts *texts)
{
    dozan_distribution shape = (dozan_distribution)(1 + dozan_rng_below(rng, 4));
    bool log = shape == DOZAN_LOG_UNIFORM || shape == DOZAN_LOG_NORMAL;
    if (dozan_rng_below(rng, 3) == 0) {
        int64_t min = (int64_t)dozan_rng_below(rng, 100) - (log ? -1 : 50);
        int64_t width = (int64_t)dozan_rng_below(rng, (uint64_t)1 << dozan_rng_below(rng, 30));
        (void)snprintf(texts->min, sizeof(texts->min), "%lld", (long long)min);
        (void)snprintf(texts->max, sizeof(texts->max), "%lld", (long long)(min + width));
        (void)snprintf(texts->step, sizeof(texts->step), "%d", (int)dozan_rng_below(rng, 9) + 1);
        return RANGE(DOZAN_INT, shape, texts->min, texts->max, texts->step);
    }
    random_number(rng, log, texts->min);
    random_number(rng, log, texts->max);
    double min = strtod(texts->min, NULL);
    double max = strtod(texts->max, NULL);
    if (max < min) {
        char swap[DOZAN_VALUE_TEXT];
        memcpy(swap, texts->min, sizeof(swap));
        memcpy(texts->min, texts->max, sizeof(swap));
        memcpy(texts->max, swap, sizeof(swap));
    }
    texts->step[0] = '\0';
    if (dozan_rng_below(rng, 2) == 0)
        (void)snprintf(texts->step, sizeof(texts->step), "%.2g",
                       fabs(max - min) * (dozan_rng_uniform(rng) + 1e-4) + 1e-30);
    return RANGE(DOZAN_DOUBLE, shape, texts->min, texts->max, texts->step);
}

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition))                                                                          \
            fail_msg("seed %llu space %u: %s (type %d shape %d min %s max %s step %s u %.17g)",    \
                     (unsigned long long)seed, number, #condition, (int)parameter->type,           \
                     (int)parameter->distribution, parameter->min, parameter->max,                 \
                     parameter->step, u);                                                          \
    } while (0)

static void check_coordinate(uint64_t seed, unsigned number, const dozan_parameter *parameter,
                             const dozan_space *space, double u)
{
    char text[DOZAN_VALUE_TEXT];
    char again[DOZAN_VALUE_TEXT];
    double snapped = u;
    dozan_space_snap(space, &snapped);
    CHECK(snapped >= 0 && snapped <= 1);
    double twice = snapped;
    dozan_space_snap(space, &twice);
    CHECK(same(twice, snapped));

    const char *value = dozan_space_text(space, 0, u, text);
    CHECK(strlen(value) < DOZAN_VALUE_TEXT);
    CHECK(strcmp(dozan_space_text(space, 0, snapped, again), value) == 0);
    double parsed = -1;
    CHECK(dozan_space_parse(space, 0, value, &parsed, NULL) == DOZAN_OK);
    CHECK(same(parsed, snapped));

    double read = 0;
    CHECK(dozan_number_parse(value, false, &read));
    CHECK(same(read + 0.0, dozan_space_value(space, 0, u) + 0.0));
    CHECK(read >= strtod(parameter->min, NULL) && read <= strtod(parameter->max, NULL));
    CHECK(same(dozan_space_coordinate(space, 0, read), snapped));

    const dozan_dimension *shown = dozan_space_dimension(space, 0);
    if (shown->levels > 0) {
        uint64_t level = dozan_space_level(space, 0, u);
        CHECK(level < shown->levels);
        CHECK(same(dozan_space_level_coordinate(space, 0, level), snapped));
        CHECK(dozan_space_level(space, 0, snapped) == level);
    } else {
        CHECK(fabs(snapped - u) < 1e-9);
    }
}

static void coordinates_and_texts_stand_for_each_other(void **state)
{
    (void)state;
    uint64_t seed = 20240611;
    unsigned accepted = 0;
    for (unsigned number = 0; number < RANDOM_SPACES; number++) {
        dozan_rng rng = dozan_rng_stream(seed, "test.space", number);
        random_texts texts;
        dozan_parameter made = random_parameter(&rng, &texts);
        dozan_space *space = NULL;
        if (dozan_space_create(&made, 1, &space, NULL) != DOZAN_OK)
            continue; /* such as too many levels for the distribution */
        accepted++;
        check_coordinate(seed, number, &made, space, 0);
        check_coordinate(seed, number, &made, space, 1);
        check_coordinate(seed, number, &made, space, 1e-18);
        check_coordinate(seed, number, &made, space, nextafter(1, 0));
        for (int draw = 0; draw < DRAWS; draw++) {
            double u = dozan_rng_uniform(&rng);
            if (draw % 4 == 3)
                u = draw % 8 == 3 ? pow(u, 20) : 1 - pow(u, 20); /* the ends */
            check_coordinate(seed, number, &made, space, u);
        }
        dozan_space_destroy(space);
    }
    assert_true(accepted > RANDOM_SPACES * 8 / 10);
}

static void odd_coordinates_are_put_right(void **state)
{
    (void)state;
    dozan_space *space = make(RANGE(DOZAN_DOUBLE, 0, "0", "1", "0.5"));
    double unit = (double)NAN;
    dozan_space_snap(space, &unit);
    assert_true(same(unit, 0.5));
    unit = -3;
    dozan_space_snap(space, &unit);
    assert_int_equal(dozan_space_level(space, 0, unit), 0);
    unit = (double)INFINITY;
    dozan_space_snap(space, &unit);
    assert_int_equal(dozan_space_level(space, 0, unit), 2);
    assert_true(same(dozan_space_coordinate(space, 0, 1e9), unit));
    assert_true(same(dozan_space_coordinate(space, 0, (double)NAN), 0.5));
    dozan_space_destroy(space);
}

/* ---- masses ---------------------------------------------------------------------------------- */

/* floor(u * levels), by whole numbers alone: u is mantissa / 2^shift. */
static uint64_t exact_level(double u, uint64_t levels)
{
    int exponent = 0;
    double mantissa = ldexp(frexp(u, &exponent), 53);
    int shift = 53 - exponent;
    __extension__ typedef unsigned __int128 wide;
    wide product = (wide)(uint64_t)mantissa * levels;
    return shift < 128 ? (uint64_t)(product >> shift) : 0;
}

static void check_many_levels(uint64_t levels)
{
    char max[DOZAN_VALUE_TEXT];
    (void)snprintf(max, sizeof(max), "%llu", (unsigned long long)levels);
    dozan_space *space = make(RANGE(DOZAN_INT, 0, "1", max, NULL));
    assert_true(dozan_space_dimension(space, 0)->levels == levels);
    dozan_rng rng = dozan_rng_stream(1, "test.levels", levels);
    for (int i = 0; i < 20000; i++) {
        uint64_t level = dozan_rng_below(&rng, levels);
        if (i % 3 == 0)
            level = levels - 1 - level % 1000;
        double u = dozan_space_level_coordinate(space, 0, level);
        char text[DOZAN_VALUE_TEXT];
        assert_true(dozan_space_level(space, 0, u) == level);
        assert_true(exact_level(u, levels) == level);
        assert_true((uint64_t)strtoull(dozan_space_text(space, 0, u, text), NULL, 10) == level + 1);
        u = dozan_rng_uniform(&rng);
        assert_true(dozan_space_level(space, 0, u) == exact_level(u, levels));
    }
    dozan_space_destroy(space);
}

static void counts_2_53_levels(void **state)
{
    (void)state;
    const uint64_t most = (uint64_t)1 << 53;
    check_many_levels(most);
    check_many_levels(most - 1);
    check_many_levels(most / 3 * 2 + 1);
    check_many_levels(most / 7);
    dozan_parameter more = RANGE(DOZAN_INT, 0, "0", "9007199254740992", NULL);
    assert_int_equal(dozan_parameter_check(&more, NULL), DOZAN_INVALID_ARGUMENT);
}

/* A level's part of [0, 1] begins exactly where that of the one below ends. */
static void parts_meet_without_gap(void **state)
{
    (void)state;
    for (dozan_distribution shape = DOZAN_LOG_UNIFORM; shape <= DOZAN_LOG_NORMAL; shape++) {
        dozan_space *space = make(RANGE(DOZAN_DOUBLE, shape, "0.3", "1000", "0.7"));
        const dz_dimension *dimension = &space->dimensions[0];
        for (uint64_t level = 1; level < dimension->shown.levels; level++) {
            double start = dz_level_start(dimension, level);
            assert_true(dozan_space_level(space, 0, start) == level);
            assert_true(dozan_space_level(space, 0, nextafter(start, 0)) == level - 1);
        }
        dozan_space_destroy(space);
    }
}

/* The probability of the cell around x, from the density alone, by Simpson's rule. */
static double cell_mass(dozan_distribution shape, double min, double max, double from, double to)
{
    bool log_kind = shape == DOZAN_LOG_UNIFORM || shape == DOZAN_LOG_NORMAL;
    double low = log_kind ? log(min) : min;
    double high = log_kind ? log(max) : max;
    double sum = 0;
    enum { PIECES = 400 };
    double width = (to - from) / PIECES;
    for (int i = 0; i <= PIECES; i++) {
        double x = from + i * width;
        double at = log_kind ? log(x) : x;
        double z = (at - (low + high) / 2) / ((high - low) / 6);
        double density = shape == DOZAN_NORMAL || shape == DOZAN_LOG_NORMAL ? exp(-z * z / 2) : 1;
        density /= log_kind ? x : 1;
        sum += density * (i == 0 || i == PIECES ? 1 : i % 2 == 1 ? 4 : 2);
    }
    return sum * width / 3;
}

/* Draws 20,000 points; each level's count must be within 5 standard errors of its mass, and
 * together within chi-square's range. */
static void levels_have_their_mass(void **state)
{
    (void)state;
    enum { LEVELS = 12, MANY = 20000 };
    for (dozan_distribution shape = DOZAN_UNIFORM; shape <= DOZAN_LOG_NORMAL; shape++) {
        dozan_space *space = make(RANGE(DOZAN_INT, shape, "3", "14", NULL));
        bool log_kind = shape == DOZAN_LOG_UNIFORM || shape == DOZAN_LOG_NORMAL;
        double mass[LEVELS];
        double total = 0;
        unsigned count[LEVELS] = {0};
        for (int k = 0; k < LEVELS; k++) {
            double from = k == 0 && log_kind ? 9 / 3.5 : 2.5 + k;
            mass[k] = shape == DOZAN_UNIFORM ? 1 : cell_mass(shape, 3, 14, from, 3.5 + k);
            total += mass[k];
        }
        dozan_rng rng = dozan_rng_stream(7, "test.mass", (uint64_t)shape);
        for (int i = 0; i < MANY; i++)
            count[dozan_space_level(space, 0, dozan_rng_uniform(&rng))]++;
        double chi_square = 0;
        for (int k = 0; k < LEVELS; k++) {
            double expected = MANY * mass[k] / total;
            double difference = count[k] - expected;
            assert_true(count[k] > 0);
            assert_true(fabs(difference) < 5 * sqrt(expected));
            chi_square += difference * difference / expected;
        }
        assert_true(chi_square < 31.3); /* 0.1% of 11 degrees of freedom */
        dozan_space_destroy(space);
    }
}

static void continuous_follows_its_distribution(void **state)
{
    (void)state;
    dozan_space *space = make(RANGE(DOZAN_DOUBLE, DOZAN_LOG_UNIFORM, "1e-4", "1", NULL));
    assert_true(fabs(dozan_space_value(space, 0, 0.5) - 1e-2) < 1e-14);
    assert_true(fabs(dozan_space_coordinate(space, 0, 1e-3) - 0.25) < 1e-14);
    dozan_space_destroy(space);
    /* normal: the quartiles of N(5, 10/6), hardly moved by the truncation at 3 deviations */
    space = make(RANGE(DOZAN_DOUBLE, DOZAN_NORMAL, "0", "10", NULL));
    double within = erf(3 / sqrt(2.0));
    double quartile = 5 + 10.0 / 6 * dz_normal_quantile(0.5 + within / 4);
    assert_true(fabs(dozan_space_value(space, 0, 0.75) - quartile) < 1e-10);
    assert_true(fabs(dozan_space_value(space, 0, 0.5) - 5) < 1e-12);
    dozan_space_destroy(space);
    space = make(RANGE(DOZAN_DOUBLE, DOZAN_LOG_NORMAL, "0.01", "100", NULL));
    assert_true(fabs(dozan_space_value(space, 0, 0.5) - 1) < 1e-10);
    dozan_space_destroy(space);
}

static void inverse_normal_matches_its_paper(void **state)
{
    (void)state;
    assert_true(fabs(dz_normal_quantile(0.25) + 0.6744897501960817) < 1e-15);
    assert_true(fabs(dz_normal_quantile(0.001) + 3.090232306167813) < 1e-14);
    assert_true(fabs(dz_normal_quantile(1e-20) + 9.262340089798408) < 1e-13);
    for (double z = -8; z < 5; z += 0.01)
        assert_true(fabs(dz_normal_quantile(dz_normal_cdf(z)) - z) < 1e-9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_bad_parameters),
        cmocka_unit_test(names_the_place_of_the_parameter),
        cmocka_unit_test(levels_read_as_written),
        cmocka_unit_test(texts_parse),
        cmocka_unit_test(coordinates_and_texts_stand_for_each_other),
        cmocka_unit_test(odd_coordinates_are_put_right),
        cmocka_unit_test(counts_2_53_levels),
        cmocka_unit_test(parts_meet_without_gap),
        cmocka_unit_test(levels_have_their_mass),
        cmocka_unit_test(continuous_follows_its_distribution),
        cmocka_unit_test(inverse_normal_matches_its_paper),
    };
    return cmocka_run_group_tests_name("space", tests, NULL, NULL);
}
