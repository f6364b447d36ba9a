/*
 * One suite over every algorithm of the table, as a host uses it: a space, a log, a session.
 *
 * Spaces, results and the splitting of logs are random. The seed is printed, and DOZAN_SEED=n runs
 * it again.
 */
#include "support_lab.h"
#include "support_space.h"

#include "table.h"

#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static uint64_t test_seed;

typedef void (*search_case)(const dozan_algorithm *algorithm, const dozan_experiment *experiment,
                            dozan_rng *rng);

/* Whether the algorithm takes the experiment; a refusal must name its place and say why. */
static bool is_taken(const dozan_algorithm *algorithm, const dozan_experiment *experiment)
{
    dozan_error err = {0};
    dozan_status status = dz_session_validate(algorithm, experiment, &err);
    if (status != DOZAN_OK) {
        assert_int_equal(status, DOZAN_INVALID_ARGUMENT);
        assert_int_equal(strncmp(err.place, "spec.", 5), 0);
        assert_true(strlen(err.message) > 10);
    }
    return status == DOZAN_OK;
}

/* Runs a case on `rounds` random spaces for every search algorithm that takes them. */
static void over_searches(search_case run, uint64_t rounds, const char *purpose)
{
    for (const dozan_algorithm *const *entry = dozan_algorithms_table(); *entry != NULL; entry++) {
        if ((*entry)->kind != DOZAN_KIND_SEARCH) {
            continue;
        }
        uint64_t taken = 0;
        for (uint64_t round = 0; taken < rounds; round++) {
            assert_true(round < 100 * rounds);
            dozan_rng rng = dozan_rng_stream(test_seed, purpose, round);
            dz_random_space space;
            dz_random_space_draw(&space, &rng, 6, round % 2 == 0);
            dozan_experiment experiment =
                dz_lab_experiment(*entry, space.parameters, space.count, dozan_rng_next(&rng));
            dz_lab_settings settings;
            dz_lab_require(&experiment, *entry, NULL, &settings);
            experiment.maximize = round % 4 < 2;
            if (is_taken(*entry, &experiment)) {
                taken++;
                run(*entry, &experiment, &rng);
            }
        }
    }
}

/* Ends a trial in a random way: mostly completed with a bowl's value, else NaN, infinite, failed
 * and so on. */
static void end_randomly(dz_lab *lab, const double *point, int64_t trial, dozan_rng *rng)
{
    double value = dozan_rng_normal(rng) / 100;
    for (size_t d = 0; d < lab->dimensions; d++) {
        value += (point[d] - 0.3) * (point[d] - 0.3);
    }
    if (lab->experiment.maximize) {
        value = -value;
    }
    switch (dozan_rng_below(rng, 14)) {
    case 0:
        dz_lab_log(lab, DOZAN_EVENT_FAILED, trial, 0, 0);
        break;
    case 1:
        dz_lab_log(lab, DOZAN_EVENT_STOPPED, trial, 0, dozan_rng_below(rng, 2) == 0 ? NAN : value);
        break;
    case 2:
        dz_lab_log(lab, DOZAN_EVENT_UNAVAILABLE, trial, 0, 0);
        break;
    case 3:
        dz_lab_log(lab, DOZAN_EVENT_KILLED, trial, 0, 0);
        break;
    case 4:
        dz_lab_log(lab, DOZAN_EVENT_COMPLETED, trial, 0,
                   dozan_rng_below(rng, 2) == 0 ? NAN : INFINITY);
        break;
    case 5:
        dz_lab_log(lab, DOZAN_EVENT_COMPLETED, trial, 0, -INFINITY);
        break;
    default:
        dz_lab_log(lab, DOZAN_EVENT_COMPLETED, trial, 0, value);
    }
}

/* Trials that are pending, with their points. */
typedef struct pending_list {
    int64_t trials[64];
    const double *points[64];
    size_t count;
} pending_list;

static void add_pending(pending_list *pending, const dz_lab_answer *answer)
{
    for (size_t i = 0; i < answer->count; i++) {
        assert_true(pending->count < 64);
        pending->trials[pending->count] = answer->first_trial + (int64_t)i;
        pending->points[pending->count++] = answer->points[i];
    }
}

/* Ends random ones of the pending trials until `keep` are left. */
static void end_some(dz_lab *lab, pending_list *pending, size_t keep, dozan_rng *rng)
{
    while (pending->count > keep) {
        size_t i = (size_t)dozan_rng_below(rng, pending->count);
        end_randomly(lab, pending->points[i], pending->trials[i], rng);
        pending->count--;
        pending->trials[i] = pending->trials[pending->count];
        pending->points[i] = pending->points[pending->count];
    }
}

static void assert_same(const dz_lab_answer *a, const dz_lab_answer *b, size_t dimensions)
{
    assert_int_equal(a->count, b->count);
    assert_int_equal(a->end, b->end);
    for (size_t i = 0; i < a->count; i++) {
        assert_memory_equal(a->points[i], b->points[i], dimensions * sizeof(double));
        for (size_t d = 0; d < dimensions; d++) {
            assert_string_equal(a->suggestions[i].assignments[d].value,
                                b->suggestions[i].assignments[d].value);
        }
        assert_int_equal(a->suggestions[i].label_count, b->suggestions[i].label_count);
        for (size_t l = 0; l < a->suggestions[i].label_count; l++) {
            assert_string_equal(a->suggestions[i].labels[l].name, b->suggestions[i].labels[l].name);
            assert_string_equal(a->suggestions[i].labels[l].value,
                                b->suggestions[i].labels[l].value);
        }
    }
}

/* ---- the same answers
 * ---------------------------------------------------------------------------------------- */

/* Another session, told the same log in another way, gives the same answer. */
static void assert_same_elsewhere(const dz_lab *lab, const dz_lab_answer *answer, uint32_t count,
                                  dozan_rng *noise, dozan_rng *split)
{
    dz_lab other;
    dz_lab_copy(&other, lab, noise);
    dz_lab_restart(&other, split);
    dz_lab_answer again = dz_lab_peek(&other, count);
    assert_same(answer, &again, lab->dimensions);
    dz_lab_close(&other);
}

/* Asked one at a time with each answer told before the next is asked, the batch comes out the same.
 */
static void assert_same_singly(const dz_lab *lab, const dz_lab_answer *answer)
{
    dz_lab other;
    dz_lab_copy(&other, lab, NULL);
    for (size_t i = 0; i < answer->count; i++) {
        dz_lab_answer single = dz_lab_ask(&other, 1);
        dz_lab_answer part = *answer;
        part.count = 1;
        part.end = DOZAN_ASK_MORE;
        part.points = answer->points + i;
        part.suggestions = answer->suggestions + i;
        assert_same(&part, &single, lab->dimensions);
    }
    dz_lab_close(&other);
}

static void check_repeatable(const dozan_algorithm *algorithm, const dozan_experiment *experiment,
                             dozan_rng *rng)
{
    dz_lab lab;
    pending_list pending = {.count = 0};
    dz_lab_open(&lab, algorithm, experiment);
    for (int turn = 0; turn < 12; turn++) {
        uint32_t count = 1 + (uint32_t)dozan_rng_below(rng, 4);
        if (dozan_rng_below(rng, 4) == 0) {
            dz_lab_restart(&lab, rng);
        }
        dz_lab_answer answer = dz_lab_peek(&lab, count);
        dz_lab_answer twice = dz_lab_peek(&lab, count);
        assert_same(&answer, &twice, lab.dimensions);
        assert_same_elsewhere(&lab, &answer, count, NULL, NULL);
        assert_same_elsewhere(&lab, &answer, count, rng, rng);
        assert_same_singly(&lab, &answer);
        dz_lab_accept(&lab, &answer);
        add_pending(&pending, &answer);
        end_some(&lab, &pending, (size_t)dozan_rng_below(rng, 5), rng);
    }
    dz_lab_close(&lab);
}

static void answers_are_a_function_of_the_log(void **state)
{
    (void)state;
    over_searches(check_repeatable, 6, "repeatable");
}

/* ---- no repeats, and the end
 * --------------------------------------------------------------------------------- */

static bool was_asked(double *const *asked, size_t count, const double *point, size_t dimensions)
{
    for (size_t i = 0; i < count; i++) {
        if (memcmp(asked[i], point, dimensions * sizeof(double)) == 0) {
            return true;
        }
    }
    return false;
}

/* Who waits must have something to wait for, and say what; else it is the end, with a sentence. */
static void check_end(const dz_lab_answer *answer, const pending_list *pending)
{
    if (answer->end != DOZAN_ASK_MORE) {
        assert_true(answer->end == DOZAN_ASK_EXHAUSTED || pending->count > 0);
        assert_true(strlen(answer->message) > 10);
    }
}

/* No point twice while there are others; then the end, or repeats. */
static void check_distinct(const dozan_algorithm *algorithm, const dozan_experiment *experiment,
                           dozan_rng *rng)
{
    enum { TRIALS = 60 };
    double *asked[TRIALS + 8];
    size_t count = 0;
    size_t distinct = 0;
    dz_lab lab;
    pending_list pending = {.count = 0};
    dz_lab_open(&lab, algorithm, experiment);
    uint64_t points = dozan_space_points(lab.space);
    bool may_repeat = (algorithm->traits & DOZAN_MAY_REPEAT) != 0;
    dozan_ask_end end = DOZAN_ASK_MORE;
    while (count < TRIALS && end != DOZAN_ASK_EXHAUSTED) {
        dz_lab_answer answer = dz_lab_ask(&lab, 1 + (uint32_t)dozan_rng_below(rng, 5));
        for (size_t i = 0; i < answer.count; i++) {
            bool repeated = was_asked(asked, count, answer.points[i], lab.dimensions);
            assert_false(repeated && !may_repeat && (points == 0 || distinct < points));
            distinct += repeated ? 0 : 1;
            asked[count++] = answer.points[i];
        }
        end = answer.end;
        add_pending(&pending, &answer);
        check_end(&answer, &pending);
        assert_true(end != DOZAN_ASK_EXHAUSTED || may_repeat || count == points);
        end_some(&lab, &pending, (size_t)dozan_rng_below(rng, 5), rng);
    }
    assert_true(may_repeat || points == 0 || points > count || distinct == points);
    dz_lab_close(&lab);
}

static void no_point_repeats_while_there_are_others(void **state)
{
    (void)state;
    over_searches(check_distinct, 12, "distinct");
}

/* ---- odd objectives and spaces
 * ------------------------------------------------------------------------------- */

static double odd_value(size_t odd, int64_t trial)
{
    static const double constants[] = {NAN, INFINITY, -INFINITY, 1e308, -1e308, 0.0, 7.25, 5e-324};
    const size_t count = sizeof(constants) / sizeof(constants[0]);
    return odd < count ? constants[odd]
                       : constants[(uint64_t)trial % count]; /* the last: a mixture */
}

static void check_odd_objectives(const dozan_algorithm *algorithm,
                                 const dozan_experiment *experiment, dozan_rng *rng)
{
    (void)rng;
    for (size_t odd = 0; odd <= 11; odd++) {
        dz_lab lab;
        dz_lab_open(&lab, algorithm, experiment);
        dozan_ask_end end = DOZAN_ASK_MORE;
        for (int turn = 0; turn < 9 && end != DOZAN_ASK_EXHAUSTED; turn++) {
            dz_lab_answer answer = dz_lab_ask(&lab, 2);
            end = answer.end;
            assert_true(answer.count > 0 || end == DOZAN_ASK_EXHAUSTED);
            for (size_t i = 0; i < answer.count; i++) {
                static const dozan_event_kind kinds[] = {
                    DOZAN_EVENT_FAILED, DOZAN_EVENT_UNAVAILABLE, DOZAN_EVENT_KILLED};
                dozan_event_kind kind = odd > 8 ? kinds[odd - 9] : DOZAN_EVENT_COMPLETED;
                int64_t trial = answer.first_trial + (int64_t)i;
                dz_lab_log(&lab, kind, trial, 0, odd_value(odd, trial));
            }
        }
        dz_lab_close(&lab);
    }
}

static void odd_objectives_get_answers(void **state)
{
    (void)state;
    over_searches(check_odd_objectives, 2, "odd");
}

/* Runs some trials in a space for every algorithm that takes it. */
static void run_everywhere(const dozan_parameter *parameters, size_t count, int turns)
{
    for (const dozan_algorithm *const *entry = dozan_algorithms_table(); *entry != NULL; entry++) {
        dozan_experiment experiment = dz_lab_experiment(*entry, parameters, count, test_seed);
        dz_lab_settings settings;
        dz_lab_require(&experiment, *entry, NULL, &settings);
        if ((*entry)->kind != DOZAN_KIND_SEARCH || !is_taken(*entry, &experiment)) {
            continue;
        }
        dozan_rng rng = dozan_rng_stream(test_seed, "everywhere", 0);
        pending_list pending = {.count = 0};
        dz_lab lab;
        dz_lab_open(&lab, *entry, &experiment);
        dozan_ask_end end = DOZAN_ASK_MORE;
        for (int turn = 0; turn < turns && end != DOZAN_ASK_EXHAUSTED; turn++) {
            dz_lab_answer answer = dz_lab_ask(&lab, 3);
            end = answer.end;
            add_pending(&pending, &answer);
            check_end(&answer, &pending);
            end_some(&lab, &pending, 2, &rng);
        }
        dz_lab_close(&lab);
    }
}

static void a_space_of_one_point_is_searched(void **state)
{
    (void)state;
    static const char *const list[] = {"only"};
    static const dozan_parameter parameters[] = {
        {.name = "a", .type = DOZAN_INT, .distribution = DOZAN_UNIFORM, .min = "3", .max = "3"},
        {.name = "b", .type = DOZAN_CATEGORICAL, .list = list, .list_count = 1},
        {.name = "c",
         .type = DOZAN_DOUBLE,
         .distribution = DOZAN_UNIFORM,
         .min = "1",
         .max = "1",
         .step = "1"},
    };
    run_everywhere(parameters, 3, 8);
}

static void two_hundred_dimensions_are_searched(void **state)
{
    (void)state;
    enum { COUNT = 200 };
    static const char *const list[] = {"x", "y", "z"};
    static char names[COUNT][8];
    static dozan_parameter parameters[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        (void)snprintf(names[i], sizeof(names[i]), "p%zu", i);
        parameters[i] = (dozan_parameter){.name = names[i],
                                          .type = DOZAN_DOUBLE,
                                          .distribution = DOZAN_UNIFORM,
                                          .min = "0",
                                          .max = "1"};
        if (i % 4 == 3) {
            parameters[i] = (dozan_parameter){
                .name = names[i], .type = DOZAN_CATEGORICAL, .list = list, .list_count = 3};
        }
    }
    run_everywhere(parameters, COUNT, 8);
}

static void a_thousand_categories_are_searched(void **state)
{
    (void)state;
    enum { COUNT = 1000 };
    static char names[COUNT][8];
    static const char *list[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        (void)snprintf(names[i], sizeof(names[i]), "c%zu", i);
        list[i] = names[i];
    }
    const dozan_parameter parameters[] = {
        {.name = "c", .type = DOZAN_CATEGORICAL, .list = list, .list_count = COUNT},
        {.name = "n",
         .type = DOZAN_INT,
         .distribution = DOZAN_LOG_UNIFORM,
         .min = "1",
         .max = "100000"},
    };
    run_everywhere(parameters, 2, 10);
}

/* ---- settings
 * ------------------------------------------------------------------------------------------------
 */

static bool setting_is_taken(const dozan_algorithm *algorithm, const char *name, const char *value)
{
    static const dozan_parameter parameter = {
        .name = "n", .type = DOZAN_INT, .distribution = DOZAN_UNIFORM, .min = "1", .max = "50"};
    dozan_pair setting = {name, value};
    dozan_experiment experiment = dz_lab_experiment(algorithm, &parameter, 1, 5);
    dz_lab_settings settings;
    dz_lab_require(&experiment, algorithm, &setting, &settings);
    if (!is_taken(algorithm, &experiment)) {
        return false;
    }
    dz_lab lab;
    dz_lab_open(&lab, algorithm, &experiment);
    for (int turn = 0; turn < 13; turn++) {
        int64_t trial = lab.trials + 1;
        if (algorithm->kind == DOZAN_KIND_SEARCH) {
            assert_int_equal(dz_lab_ask(&lab, 1).count, 1);
        } else {
            double point = dozan_space_level_coordinate(lab.space, 0, (uint64_t)turn);
            (void)dz_lab_give(&lab, &point);
            dz_lab_log(&lab, DOZAN_EVENT_REPORT, trial, 1, turn);
            (void)dz_lab_judge(&lab, trial);
        }
        dz_lab_log(&lab, DOZAN_EVENT_COMPLETED, trial, 0, turn % 5);
    }
    dz_lab_close(&lab);
    return true;
}

/* A number at the bound is taken unless the bound is exclusive; one beyond it never is. */
static void check_bound(const dozan_algorithm *algorithm, const dozan_setting *setting,
                        const char *bound, bool exclusive, double direction)
{
    double value = 0;
    if (bound == NULL) {
        return;
    }
    assert_true(dozan_number_parse(bound, false, &value));
    assert_int_equal(setting_is_taken(algorithm, setting->name, bound), !exclusive);
    char text[DOZAN_VALUE_TEXT];
    bool whole = setting->type == DOZAN_SETTING_INT;
    dozan_number_text(value + direction * (whole ? 1.0 : 1e-3), text);
    assert_false(setting_is_taken(algorithm, setting->name, text));
    dozan_number_text(value - direction * (whole ? 1.0 : 1e-3), text);
    assert_true(setting_is_taken(algorithm, setting->name, text));
}

static void check_setting(const dozan_algorithm *algorithm, const dozan_setting *setting)
{
    bool number = setting->type == DOZAN_SETTING_INT || setting->type == DOZAN_SETTING_DOUBLE;
    assert_true(setting->help != NULL && strlen(setting->help) > 20);
    if (setting->default_text != NULL) {
        assert_true(setting_is_taken(algorithm, setting->name, setting->default_text));
    }
    if (number) {
        check_bound(algorithm, setting, setting->min, setting->min_exclusive, -1.0);
        check_bound(algorithm, setting, setting->max, setting->max_exclusive, 1.0);
    }
    static const char *const junk[] = {"", "many", "nan", "1e999", "0x", "1 2", "-"};
    for (size_t i = 0; i < sizeof(junk) / sizeof(junk[0]) && setting->type != DOZAN_SETTING_STRING;
         i++) {
        assert_false(setting_is_taken(algorithm, setting->name, junk[i]));
    }
}

static void settings_are_checked_at_their_bounds(void **state)
{
    (void)state;
    for (const dozan_algorithm *const *entry = dozan_algorithms_table(); *entry != NULL; entry++) {
        for (size_t i = 0; i < (*entry)->setting_count; i++) {
            check_setting(*entry, &(*entry)->settings[i]);
        }
        assert_false(setting_is_taken(*entry, "no_such_setting", "1"));
    }
}

static void descriptions_are_sentences(void **state)
{
    (void)state;
    for (const dozan_algorithm *const *entry = dozan_algorithms_table(); *entry != NULL; entry++) {
        assert_int_equal((*entry)->abi, DOZAN_ALGORITHM_ABI);
        assert_true(strlen((*entry)->summary) > 40);
        assert_true(strlen((*entry)->reference) > 20);
        assert_true(strlen((*entry)->limits) > 20);
    }
}

/* ---- stoppers
 * ------------------------------------------------------------------------------------------------
 */

static void check_stopper(const dozan_algorithm *algorithm, uint64_t round)
{
    dozan_rng rng = dozan_rng_stream(test_seed, "stopper", round);
    dz_random_space space;
    dz_random_space_draw(&space, &rng, 3, false);
    dozan_experiment experiment = dz_lab_experiment(algorithm, space.parameters, space.count, 1);
    dz_lab_settings settings;
    dz_lab_require(&experiment, algorithm, NULL, &settings);
    dz_lab lab;
    dz_lab_open(&lab, algorithm, &experiment);
    double *point = test_calloc(lab.dimensions, sizeof(*point));
    for (int trial = 1; trial <= 20; trial++) {
        dozan_random_point(lab.space, &rng, point);
        (void)dz_lab_give(&lab, point);
        int64_t reports = 1 + (int64_t)dozan_rng_below(&rng, 8);
        for (int64_t step = 1; step <= reports; step++) {
            double value = dozan_rng_below(&rng, 12) == 0 ? NAN : dozan_rng_normal(&rng);
            dz_lab_log(&lab, DOZAN_EVENT_REPORT, trial, step, value);
        }
        dozan_trial_verdict verdict = dz_lab_judge(&lab, trial);
        dz_lab other;
        dz_lab_copy(&other, &lab, &rng);
        dz_lab_restart(&other, &rng);
        dozan_trial_verdict again = dz_lab_judge(&other, trial);
        assert_int_equal(verdict.stop, again.stop);
        assert_string_equal(verdict.message, again.message);
        assert_true(!verdict.stop || strlen(verdict.message) > 10);
        dz_lab_close(&other);
        end_randomly(&lab, point, trial, &rng);
    }
    test_free(point);
    dz_lab_close(&lab);
}

static void verdicts_are_a_function_of_the_log(void **state)
{
    (void)state;
    for (const dozan_algorithm *const *entry = dozan_algorithms_table(); *entry != NULL; entry++) {
        for (uint64_t round = 0; round < 5 && (*entry)->kind == DOZAN_KIND_EARLY_STOPPING;
             round++) {
            check_stopper(*entry, round);
        }
    }
}

int main(void)
{
    const char *given = getenv("DOZAN_SEED"); /* NOLINT(concurrency-mt-unsafe): nothing sets it */
    test_seed = given != NULL ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
    (void)printf("DOZAN_SEED=%" PRIu64 "\n", test_seed);
    dozan_algorithms_init();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(descriptions_are_sentences),
        cmocka_unit_test(answers_are_a_function_of_the_log),
        cmocka_unit_test(no_point_repeats_while_there_are_others),
        cmocka_unit_test(odd_objectives_get_answers),
        cmocka_unit_test(a_space_of_one_point_is_searched),
        cmocka_unit_test(two_hundred_dimensions_are_searched),
        cmocka_unit_test(a_thousand_categories_are_searched),
        cmocka_unit_test(settings_are_checked_at_their_bounds),
        cmocka_unit_test(verdicts_are_a_function_of_the_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
