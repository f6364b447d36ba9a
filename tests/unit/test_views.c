/*
 * The page's views against what was written into the store, computed anew by brute force.
 */
#include "support/views_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { TRIALS = 700 };

static cJSON *ask(views_fixture *f, dz_view *view, int64_t trial, const char *const *query)
{
    cJSON *answer = NULL;
    dozan_error err = {0};
    dozan_status status = views_ask_for(f, view, trial, query, &answer, &err);
    if (status != DOZAN_OK)
        print_message("%s: %s\n", err.place, err.message);
    assert_int_equal(status, DOZAN_OK);
    return answer;
}

static void refuse(views_fixture *f, dz_view *view, int64_t trial, const char *const *query,
                   dozan_status code, const char *place)
{
    cJSON *answer = NULL;
    dozan_error err = {0};
    assert_int_equal(views_ask_for(f, view, trial, query, &answer, &err), code);
    assert_null(answer);
    assert_string_equal(err.place, place);
}

static double number(const cJSON *object, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
    assert_true(cJSON_IsNumber(item));
    return item->valuedouble;
}

static double at(const cJSON *list, int index)
{
    const cJSON *item = cJSON_GetArrayItem(list, index);
    assert_non_null(item);
    return cJSON_IsNull(item) ? (double)NAN : item->valuedouble;
}

static bool is_close(double a, double b)
{
    return fabs(a - b) <= 1e-5 * (1 + fabs(b)) || (isnan(a) && isnan(b));
}

static int open_fixture(void **state)
{
    views_fixture *f = malloc(sizeof *f);
    assert_non_null(f);
    views_open(f, "views", 7);
    views_add_ended(f, TRIALS);
    *state = f;
    return 0;
}

static int close_fixture(void **state)
{
    views_close(*state);
    free(*state);
    return 0;
}

/* ---- the table */

typedef double row_key(const views_row *row);

static double key_lr(const views_row *row)
{
    return row->lr;
}
static double key_momentum(const views_row *row)
{
    return row->momentum;
}
static double key_accuracy(const views_row *row)
{
    return row->accuracy;
}
static double key_duration(const views_row *row)
{
    return (double)(row->ended_ms - row->started_ms);
}

/* Whether row a may stand before row b. */
static bool in_order(double a, double b, bool descending)
{
    if (isnan(a) || isnan(b))
        return isnan(b);
    return descending ? a >= b : a <= b;
}

/* All pages of the sorted table: each trial once, and in order. */
static void check_sort(views_fixture *f, const char *sort, row_key *key, bool descending)
{
    bool seen[TRIALS] = {false};
    double last = 0;
    size_t count = 0;
    for (int offset = 0; offset < TRIALS; offset += 100) {
        char text[16];
        (void)snprintf(text, sizeof text, "%d", offset);
        cJSON *answer = ask(f, dz_view_trials, 0,
                            (const char *[]){"sort", sort, "offset", text, "limit", "100", NULL});
        const cJSON *item;
        assert_int_equal((int)number(answer, "total"), TRIALS);
        cJSON_ArrayForEach(item, cJSON_GetObjectItem(answer, "items"))
        {
            size_t index = (size_t)number(item, "number") - 1;
            assert_true(index < TRIALS && !seen[index]);
            seen[index] = true;
            double value = key(&f->rows[index]);
            if (count++ > 0)
                assert_true(in_order(last, value, descending));
            last = value;
        }
        cJSON_Delete(answer);
    }
    assert_int_equal(count, TRIALS);
}

static void test_table_is_sorted_by_any_column(void **state)
{
    check_sort(*state, "lr", key_lr, false);
    check_sort(*state, "-parameter:lr", key_lr, true);
    check_sort(*state, "momentum", key_momentum, false);
    check_sort(*state, "-momentum", key_momentum, true);
    check_sort(*state, "-metric:accuracy", key_accuracy, true);
    check_sort(*state, "duration", key_duration, false);
}

typedef bool row_test(const views_row *row);

static bool is_good_sgd(const views_row *row)
{
    return row->sgd && row->lr < 0.01 && row->accuracy >= 0.5;
}

static bool is_deep_or_failed(const views_row *row)
{
    return (row->state == DZ_TRIAL_FAILED || row->state == DZ_TRIAL_EARLY_STOPPED) &&
           row->layers > 4;
}

static bool is_not_four_layers(const views_row *row)
{
    return row->layers != 4;
}

static void check_filter(views_fixture *f, const char *q, const char *states, row_test *test)
{
    int expected = 0;
    cJSON *answer =
        ask(f, dz_view_trials, 0, (const char *[]){"q", q, "state", states, "limit", "200", NULL});
    const cJSON *item;
    for (size_t i = 0; i < f->count; i++)
        expected += test(&f->rows[i]);
    assert_true(expected > 0);
    assert_int_equal((int)number(answer, "total"), expected);
    cJSON_ArrayForEach(item, cJSON_GetObjectItem(answer, "items"))
        assert_true(test(&f->rows[(size_t)number(item, "number") - 1]));
    cJSON_Delete(answer);
}

static void test_table_is_filtered(void **state)
{
    views_fixture *f = *state;
    check_filter(f, "optimizer=sgd lr<0.01 accuracy>=0.5", "", is_good_sgd);
    check_filter(f, "layers>4", "Failed,EarlyStopped", is_deep_or_failed);
    check_filter(f, "layers!=4", "", is_not_four_layers);
    cJSON *one = ask(f, dz_view_trials, 0, (const char *[]){"q", "42", NULL});
    const cJSON *item = cJSON_GetArrayItem(cJSON_GetObjectItem(one, "items"), 0);
    assert_int_equal((int)number(item, "number"), 42);
    const char *name = cJSON_GetStringValue(cJSON_GetObjectItem(item, "name"));
    cJSON *same = ask(f, dz_view_trials, 0, (const char *[]){"q", name, NULL});
    assert_int_equal((int)number(same, "total"), 1);
    cJSON_Delete(one);
    cJSON_Delete(same);
}

static void test_table_refuses_what_it_does_not_know(void **state)
{
    static const char *const bad[][4] = {{"sort", "colour", "column", NULL},
                                         {"q", "colour<3", "column", NULL},
                                         {"q", "lr<fast", "q", NULL},
                                         {"q", "optimizer=none", "q", NULL},
                                         {"state", "Happy", "state", NULL},
                                         {"limit", "0", "limit", NULL},
                                         {"limit", "1e3", "limit", NULL},
                                         {"offset", "-1", "offset", NULL},
                                         {"offset", "99999999999999999999", "offset", NULL}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        refuse(*state, dz_view_trials, 0, (const char *[]){bad[i][0], bad[i][1], NULL},
               DOZAN_INVALID_ARGUMENT, bad[i][2]);
}

/* ---- history */

static void test_history_keeps_every_improvement(void **state)
{
    views_fixture *f = *state;
    cJSON *answer = ask(f, dz_view_history, 0, NULL);
    const cJSON *best = cJSON_GetObjectItem(answer, "best");
    /* In the order of the ends, equal ends by number. */
    int place = 0, found = 0;
    double top = -(double)INFINITY;
    bool done[TRIALS] = {false};
    for (size_t n = 0; n < f->count; n++) {
        size_t next = SIZE_MAX;
        for (size_t i = 0; i < f->count; i++)
            if (!done[i] && (next == SIZE_MAX || f->rows[i].ended_ms < f->rows[next].ended_ms))
                next = i;
        const views_row *row = &f->rows[next];
        done[next] = true;
        place++;
        if (row->state != DZ_TRIAL_SUCCEEDED || row->seconds > 90 || !(row->accuracy > top))
            continue;
        top = row->accuracy;
        const cJSON *point = cJSON_GetArrayItem(best, found++);
        assert_non_null(point);
        assert_int_equal((int)at(point, 0), place);
        assert_int_equal((size_t)at(point, 1), next + 1);
        assert_true(is_close(at(point, 3), top));
    }
    assert_int_equal(cJSON_GetArraySize(best), found);
    assert_int_equal((int)number(answer, "improvements"), found);
    assert_true(cJSON_GetArraySize(best) +
                    cJSON_GetArraySize(cJSON_GetObjectItem(answer, "others")) <=
                500);
    cJSON_Delete(answer);
}

/* ---- the sample */

static void test_sample_has_the_best_quarter(void **state)
{
    views_fixture *f = *state;
    enum { LIMIT = 100 };
    bool in[TRIALS] = {false};
    cJSON *answer = ask(f, dz_view_sample, 0, (const char *[]){"limit", "100", NULL});
    const cJSON *points = cJSON_GetObjectItem(answer, "points"), *point;
    assert_int_equal(cJSON_GetArraySize(points), LIMIT);
    cJSON_ArrayForEach(point, points)
    {
        size_t index = (size_t)at(point, 0) - 1;
        const views_row *row = &f->rows[index];
        assert_true(row->state == DZ_TRIAL_SUCCEEDED && !in[index]);
        in[index] = true;
        assert_true(is_close(at(point, 1), row->accuracy));
        assert_true(is_close(at(point, 3), 1 + log10(row->lr) / 5));
        assert_true(is_close(at(point, 4), (row->layers - 0.5) / 8));
        assert_true(is_close(at(point, 6), row->momentum));
    }
    for (size_t i = 0; i < f->count; i++) {
        size_t better = 0;
        for (size_t k = 0; k < f->count; k++)
            better +=
                f->rows[k].state == DZ_TRIAL_SUCCEEDED && f->rows[k].accuracy > f->rows[i].accuracy;
        if (f->rows[i].state == DZ_TRIAL_SUCCEEDED && better < LIMIT / 4)
            assert_true(in[i]);
    }
    cJSON_Delete(answer);
}

/* ---- the front */

static bool dominates(const views_row *a, const views_row *b)
{
    return a->state == DZ_TRIAL_SUCCEEDED && a->seconds <= 90 && a->accuracy >= b->accuracy &&
           a->size <= b->size && (a->accuracy > b->accuracy || a->size < b->size);
}

static void test_front_is_what_no_other_dominates(void **state)
{
    views_fixture *f = *state;
    cJSON *answer = ask(f, dz_view_front, 0, NULL);
    const cJSON *front = cJSON_GetObjectItem(answer, "front"), *point;
    int expected = 0;
    for (size_t i = 0; i < f->count; i++) {
        bool out = f->rows[i].state != DZ_TRIAL_SUCCEEDED || f->rows[i].seconds > 90;
        for (size_t k = 0; k < f->count && !out; k++)
            out = dominates(&f->rows[k], &f->rows[i]);
        expected += !out;
    }
    assert_int_equal(cJSON_GetArraySize(front), expected);
    cJSON_ArrayForEach(point, front)
    {
        const views_row *row = &f->rows[(size_t)at(point, 0) - 1];
        assert_true(is_close(at(point, 1), row->accuracy) && is_close(at(point, 2), row->size));
        for (size_t k = 0; k < f->count; k++)
            assert_false(dominates(&f->rows[k], row));
    }
    cJSON_ArrayForEach(point, cJSON_GetObjectItem(answer, "others"))
    {
        const views_row *row = &f->rows[(size_t)at(point, 0) - 1];
        assert_true(is_close(at(point, 1), row->accuracy));
        assert_int_equal((int)at(point, 3), row->seconds <= 90);
    }
    cJSON_Delete(answer);
}

/* ---- the timeline */

static void test_timeline_has_no_two_trials_in_a_lane(void **state)
{
    views_fixture *f = *state;
    double area = 0, expected = 0;
    cJSON *answer = ask(f, dz_view_timeline, 0, NULL);
    const cJSON *bars = cJSON_GetObjectItem(answer, "bars"), *bar, *other, *level;
    assert_true(cJSON_GetArraySize(bars) == 400 && number(answer, "lanes") <= VIEWS_PARALLEL);
    cJSON_ArrayForEach(bar, bars)
    {
        const views_row *row = &f->rows[(size_t)at(bar, 0) - 1];
        assert_true((int64_t)at(bar, 2) == row->started_ms && (int64_t)at(bar, 3) == row->ended_ms);
        for (other = bar->next; other != NULL; other = other->next)
            assert_true((int)at(bar, 1) != (int)at(other, 1) || at(other, 2) >= at(bar, 3) ||
                        at(bar, 2) >= at(other, 3));
    }
    /* The load's area is the time that all trials took. */
    double width = (number(answer, "to") - number(answer, "from")) /
                   cJSON_GetArraySize(cJSON_GetObjectItem(answer, "load"));
    cJSON_ArrayForEach(level, cJSON_GetObjectItem(answer, "load")) area +=
        level->valuedouble * width;
    for (size_t i = 0; i < f->count; i++)
        expected += (double)(f->rows[i].ended_ms - f->rows[i].started_ms);
    assert_true(fabs(area - expected) < 1e-3 * expected);
    cJSON_Delete(answer);
}

/* ---- one experiment, one trial, the list */

static void test_experiment_counts_and_causes(void **state)
{
    views_fixture *f = *state;
    int failed = 0, odd = 0, told = 0;
    cJSON *answer = ask(f, dz_view_experiment, 0, NULL);
    for (size_t i = 0; i < f->count; i++) {
        failed += f->rows[i].state == DZ_TRIAL_FAILED;
        odd += f->rows[i].state == DZ_TRIAL_FAILED && (i + 1) % 2 == 1;
    }
    assert_int_equal((int)number(cJSON_GetObjectItem(answer, "counts"), "Failed"), failed);
    const cJSON *failures = cJSON_GetObjectItem(answer, "failures"), *cause;
    assert_int_equal(cJSON_GetArraySize(failures), 2); /* exit codes 1 and 2 */
    cJSON_ArrayForEach(cause, failures)
    {
        const char *message = cJSON_GetStringValue(cJSON_GetObjectItem(cause, "message"));
        told += (int)number(cause, "count");
        if (strcmp(message, "Trial TRIAL ended with exit code 2") == 0)
            assert_int_equal((int)number(cause, "count"), odd);
    }
    assert_int_equal(told, failed);
    assert_true(
        is_close(number(cJSON_GetObjectItem(answer, "best"), "value"), f->experiment->best.value));
    cJSON_Delete(answer);
}

static void test_trial_has_its_rank(void **state)
{
    views_fixture *f = *state;
    int64_t best = f->experiment->best.trial;
    const views_row *row = &f->rows[best - 1];
    int better = 0;
    for (size_t i = 0; i < f->count; i++)
        better += f->rows[i].state == DZ_TRIAL_SUCCEEDED && f->rows[i].accuracy > row->accuracy;
    cJSON *answer = ask(f, dz_view_trial, best, NULL);
    assert_int_equal((int)number(answer, "rank"), better + 1);
    const cJSON *trial = cJSON_GetObjectItem(answer, "trial");
    assert_int_equal((int64_t)number(trial, "number"), best);
    assert_true(cJSON_IsTrue(cJSON_GetObjectItem(trial, "best")));
    double lr = 0;
    const cJSON *parameters = cJSON_GetObjectItem(trial, "parameters");
    assert_true(dozan_number_parse(cJSON_GetStringValue(cJSON_GetObjectItem(parameters, "lr")),
                                   false, &lr));
    assert_true(is_close(lr, row->lr));
    cJSON_Delete(answer);
    refuse(f, dz_view_trial, 100000, NULL, DOZAN_NOT_FOUND, "");
    answer = ask(f, dz_view_compare, 0, (const char *[]){"trials", "3,1", NULL});
    const cJSON *items = cJSON_GetObjectItem(answer, "items");
    assert_int_equal(cJSON_GetArraySize(items), 2);
    assert_int_equal((int)number(cJSON_GetArrayItem(items, 0), "number"), 3);
    cJSON_Delete(answer);
    refuse(f, dz_view_compare, 0, (const char *[]){"trials", "3;1", NULL}, DOZAN_INVALID_ARGUMENT,
           "trials");
}

static void test_list_is_paged_and_filtered(void **state)
{
    views_fixture *f = *state;
    cJSON *answer = ask(f, dz_view_experiments, 0, NULL);
    const cJSON *item = cJSON_GetArrayItem(cJSON_GetObjectItem(answer, "items"), 0);
    assert_int_equal((int)number(answer, "total"), 1);
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(item, "name")), "views");
    assert_int_equal((int)number(item, "trials"), TRIALS);
    cJSON_Delete(answer);
    answer = ask(f, dz_view_experiments, 0, (const char *[]){"q", "no%such", NULL});
    assert_int_equal((int)number(answer, "total"), 0);
    cJSON_Delete(answer);
    answer = ask(f, dz_view_experiments, 0, (const char *[]){"offset", "1", NULL});
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(answer, "items")), 0);
    cJSON_Delete(answer);
    refuse(f, dz_view_experiments, 0, (const char *[]){"state", "Odd", NULL},
           DOZAN_INVALID_ARGUMENT, "state");
}

/* ---- export */

static char *export_all(views_fixture *f, dz_export_format format)
{
    dz_export *export_ = NULL;
    const char *bytes = NULL;
    size_t size = 1, used = 0;
    char *all = calloc(1, 8 << 20);
    dz_view_request request = {
        .views = f->views, .store = f->store, .namespace_ = "default", .experiment = "views"};
    assert_non_null(all);
    assert_int_equal(dz_export_create(&request, format, &export_, NULL), DOZAN_OK);
    while (size > 0) {
        assert_int_equal(dz_export_next(export_, &bytes, &size, NULL), DOZAN_OK);
        assert_true(used + size < 8 << 20);
        memcpy(all + used, bytes, size);
        used += size;
    }
    dz_export_destroy(export_);
    return all;
}

static void test_export_has_every_trial(void **state)
{
    views_fixture *f = *state;
    char *text = export_all(f, DZ_EXPORT_JSON);
    cJSON *list = cJSON_Parse(text);
    assert_int_equal(cJSON_GetArraySize(list), TRIALS);
    assert_int_equal((int)number(cJSON_GetArrayItem(list, TRIALS - 1), "number"), TRIALS);
    cJSON_Delete(list);
    free(text);
    text = export_all(f, DZ_EXPORT_CSV);
    size_t lines = 0;
    assert_true(strncmp(text, "number,name,state,reason,attempt,created,started,ended,lr,layers,",
                        65) == 0);
    for (const char *end = text; (end = strstr(end, "\r\n")) != NULL; end += 2)
        lines++;
    assert_int_equal(lines, TRIALS + 1);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table_is_sorted_by_any_column),
        cmocka_unit_test(test_table_is_filtered),
        cmocka_unit_test(test_table_refuses_what_it_does_not_know),
        cmocka_unit_test(test_history_keeps_every_improvement),
        cmocka_unit_test(test_sample_has_the_best_quarter),
        cmocka_unit_test(test_front_is_what_no_other_dominates),
        cmocka_unit_test(test_timeline_has_no_two_trials_in_a_lane),
        cmocka_unit_test(test_experiment_counts_and_causes),
        cmocka_unit_test(test_trial_has_its_rank),
        cmocka_unit_test(test_list_is_paged_and_filtered),
        cmocka_unit_test(test_export_has_every_trial),
    };
    return cmocka_run_group_tests(tests, open_fixture, close_fixture);
}
