/*
 * The log: events and reports merged by number, in pages of any size; a trial's points and entries;
 * commands from other connections.
 */
#include "support/store_compare.h"

enum { TRIALS = 12, ENTRIES = 400 };

typedef struct log_world {
    store_fixture fixture;
    dz_store *store;
    dz_experiment *experiment;
    dz_log_entry entries[ENTRIES]; /* all that was logged, by seq - 1; texts are owned */
    int64_t asked;                 /* trials that the log knows */
} log_world;

/* Fills a log with all kinds of entries, in many commits. */
static int set_up(void **state)
{
    dz_changes changes = {0};
    log_world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    fixture_open(&w->fixture, 11);
    w->store = open_owned(&w->fixture, DZ_DURABILITY_OFF);
    w->experiment = fixture_experiment(&w->fixture, "logged");
    insert(w->store, w->experiment);
    for (int i = 0; i < ENTRIES; i++) {
        bool ask = w->asked == 0 || (w->asked < TRIALS && fixture_below(&w->fixture, 10) == 0);
        dozan_event_kind kind = DOZAN_EVENT_REPORT;
        if (ask) {
            kind = DOZAN_EVENT_ASKED;
            fixture_activate(w->experiment, fixture_trial(&w->fixture, w->experiment, ++w->asked,
                                                          DZ_TRIAL_RUNNING));
        } else if (fixture_below(&w->fixture, 3) == 0) {
            kind = (dozan_event_kind)(DOZAN_EVENT_COMPLETED + fixture_below(&w->fixture, 6));
        }
        int64_t trial = ask ? w->asked : 1 + fixture_below(&w->fixture, w->asked);
        w->entries[i] = *fixture_log(&w->fixture, w->experiment, &changes, kind, trial);
        if (w->entries[i].text != NULL)
            w->entries[i].text = fixture_strdup(w->entries[i].text);
        if (fixture_below(&w->fixture, 7) == 0)
            commit(w->store, w->experiment, &changes);
    }
    commit(w->store, w->experiment, &changes);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    log_world *w = *state;
    for (int i = 0; i < ENTRIES; i++)
        free(w->entries[i].text);
    dz_experiment_destroy(w->experiment);
    dz_store_close(w->store);
    fixture_close(&w->fixture);
    free(w);
    return 0;
}

static bool belongs(const dz_log_entry *entry, bool reports)
{
    return entry->kind != DOZAN_EVENT_REPORT || (reports && entry->has_value);
}

static void check_event(const log_world *w, const dozan_log_event *event)
{
    const dz_log_entry *entry = &w->entries[event->seq - 1];
    assert_int_equal(event->kind, entry->kind);
    assert_int_equal(event->trial, entry->trial);
    assert_int_equal(event->metric, entry->metric);
    assert_int_equal(event->step, entry->step);
    assert_int_equal(event->has_value, entry->has_value);
    assert_same_double(event->value, entry->has_value ? entry->value : 0);
    if (event->kind != DOZAN_EVENT_ASKED) {
        assert_int_equal(event->assignment_count + event->label_count, 0);
        return;
    }
    const dz_trial *trial = w->experiment->active[event->trial - 1];
    assert_same_pairs(event->assignments, event->assignment_count, trial->assignments,
                      trial->assignment_count);
    assert_same_pairs(event->labels, event->label_count, trial->labels, trial->label_count);
}

/* Reads from since_seq to the end in pages, and checks that each entry comes once, in order. */
static void read_in_pages(const log_world *w, int64_t since_seq, bool reports, size_t max_bytes)
{
    dozan_error err = {0};
    int64_t next = since_seq + 1;
    bool more = true;
    while (more) {
        dz_log_read *read = NULL;
        assert_ok(dz_store_log(w->store, w->experiment, since_seq, reports, max_bytes, &read, &err),
                  err);
        assert_string_equal(read->part.uid, w->experiment->uid);
        assert_null(read->part.experiment);
        assert_int_equal(read->part.since_seq, since_seq);
        for (size_t i = 0; i < read->part.event_count; i++) {
            const dozan_log_event *event = &read->part.events[i];
            while (!belongs(&w->entries[next - 1], reports))
                next++;
            assert_int_equal(event->seq, next++);
            check_event(w, event);
        }
        assert_true(read->part.to_seq > since_seq || read->part.to_seq == ENTRIES);
        since_seq = read->part.to_seq;
        assert_true(since_seq >= next - 1);
        more = read->more;
        dz_log_read_destroy(read);
    }
    while (next <= ENTRIES && !belongs(&w->entries[next - 1], reports))
        next++;
    assert_int_equal(next, ENTRIES + 1);
    assert_int_equal(since_seq, ENTRIES);
}

static void test_log_in_pages(void **state)
{
    static const size_t sizes[] = {0, 1, 200, 1000, 5000, 1 << 20};
    static const int64_t starts[] = {0, 1, 57, ENTRIES - 1, ENTRIES};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (size_t j = 0; j < sizeof starts / sizeof *starts; j++)
            for (int reports = 0; reports < 2; reports++)
                read_in_pages(*state, starts[j], reports != 0, sizes[i]);
}

static void test_log_page_is_bounded(void **state)
{
    log_world *w = *state;
    dozan_error err = {0};
    dz_log_read *read = NULL;
    assert_ok(dz_store_log(w->store, w->experiment, 0, true, 4096, &read, &err), err);
    assert_true(read->more);
    assert_in_range(read->part.event_count * sizeof(dozan_log_event), 1024, 8192);
    dz_log_read_destroy(read);
}

/* ---- a trial's points and entries */

typedef struct walk {
    const log_world *world;
    int64_t trial;
    int32_t attempt;
    int32_t metric;
    int64_t next; /* seq of the next entry to compare */
    int count;
    int limit;
} walk;

static bool is_wanted_point(const walk *k, const dz_log_entry *entry)
{
    return entry->kind == DOZAN_EVENT_REPORT && entry->trial == k->trial &&
           entry->attempt == k->attempt && (k->metric < 0 || entry->metric == (uint32_t)k->metric);
}

static bool check_point(void *user, int32_t attempt, const dz_point *point)
{
    walk *k = user;
    while (k->next <= ENTRIES && !is_wanted_point(k, &k->world->entries[k->next - 1]))
        k->next++;
    assert_in_range(k->next, 1, ENTRIES);
    const dz_log_entry *entry = &k->world->entries[k->next++ - 1];
    assert_int_equal(attempt, entry->attempt);
    assert_int_equal(point->metric, entry->metric);
    assert_int_equal(point->step, entry->step);
    assert_int_equal(point->time_ms, entry->time_ms);
    assert_int_equal(point->is_number, entry->has_value);
    assert_same_double(point->value, entry->has_value ? entry->value : 0);
    assert_string_equal(point->text, entry->text);
    return ++k->count != k->limit;
}

static int count_points(const log_world *w, const walk *k)
{
    int count = 0;
    for (int i = 0; i < ENTRIES; i++)
        count += is_wanted_point(k, &w->entries[i]);
    return count;
}

static void test_points(void **state)
{
    log_world *w = *state;
    dozan_error err = {0};
    int total = 0;
    for (int64_t trial = 1; trial <= w->asked; trial++)
        for (int32_t attempt = 1; attempt <= 2; attempt++)
            for (int32_t metric = -1; metric < FIXTURE_METRICS; metric++) {
                walk k = {w, trial, attempt, metric, 1, 0, -1};
                assert_ok(dz_store_points(w->store, w->experiment->id, trial, attempt, metric,
                                          check_point, &k, &err),
                          err);
                assert_int_equal(k.count, count_points(w, &k));
                total += k.count;
            }
    assert_true(total > ENTRIES / 2);
}

static void test_points_of_the_last_attempt(void **state)
{
    log_world *w = *state;
    dozan_error err = {0};
    dz_changes changes = {0};
    w->experiment->active[0]->attempt = 2;
    w->experiment->active[0]->dirty = true;
    commit(w->store, w->experiment, &changes);
    walk k = {w, 1, 2, -1, 1, 0, -1};
    assert_ok(dz_store_points(w->store, w->experiment->id, 1, 0, -1, check_point, &k, &err), err);
    assert_int_equal(k.count, count_points(w, &k));
    assert_true(k.count > 2);
    walk two = {w, 1, 2, -1, 1, 0, 2};
    assert_ok(dz_store_points(w->store, w->experiment->id, 1, 0, -1, check_point, &two, &err), err);
    assert_int_equal(two.count, 2);
}

static bool check_entry(void *user, const dz_log_entry *read)
{
    walk *k = user;
    while (k->next <= ENTRIES && (k->world->entries[k->next - 1].trial != k->trial ||
                                  k->world->entries[k->next - 1].kind == DOZAN_EVENT_REPORT))
        k->next++;
    assert_in_range(k->next, 1, ENTRIES);
    const dz_log_entry *entry = &k->world->entries[k->next++ - 1];
    assert_int_equal(read->seq, entry->seq);
    assert_int_equal(read->kind, entry->kind);
    assert_int_equal(read->trial, entry->trial);
    assert_int_equal(read->attempt, entry->attempt);
    assert_int_equal(read->time_ms, entry->time_ms);
    assert_int_equal(read->has_value, entry->has_value);
    assert_same_double(read->value, entry->has_value ? entry->value : 0);
    assert_same_text(read->text, entry->text);
    k->count++;
    return true;
}

static void test_entries(void **state)
{
    log_world *w = *state;
    dozan_error err = {0};
    int total = 0, expected = 0;
    for (int64_t trial = 1; trial <= w->asked; trial++) {
        walk k = {.world = w, .trial = trial, .next = 1};
        assert_ok(dz_store_entries(w->store, w->experiment->id, trial, check_entry, &k, &err), err);
        total += k.count;
    }
    for (int i = 0; i < ENTRIES; i++)
        expected += w->entries[i].kind != DOZAN_EVENT_REPORT;
    assert_int_equal(total, expected);
}

/* ---- commands */

static void check_next(dz_store *store, dz_command_kind kind, const char *experiment, int64_t trial)
{
    dozan_error err = {0};
    dz_store_command command = {0};
    bool found = false;
    /* Until it is done, it is the next one. */
    for (int i = 0; i < 2; i++) {
        assert_ok(dz_store_next(store, &found, &command, &err), err);
        assert_true(found);
        assert_int_equal(command.kind, kind);
        assert_string_equal(command.experiment, experiment);
        assert_int_equal(command.trial, trial);
    }
    assert_ok(dz_store_done(store, command.id, &err), err);
}

static void check_none(dz_store *store)
{
    dozan_error err = {0};
    dz_store_command command = {0};
    bool found = true;
    assert_ok(dz_store_next(store, &found, &command, &err), err);
    assert_false(found);
}

static void test_commands(void **state)
{
    log_world *w = *state;
    dozan_error err = {0};
    dz_store *other = NULL;
    char name[DZ_QUALIFIED_NAME + 1];
    assert_ok(dz_store_open(w->fixture.path, DZ_STORE_READ, DZ_DURABILITY_FULL, &other, &err), err);
    check_none(w->store);
    check_none(w->store);
    assert_ok(dz_store_post(other, DZ_COMMAND_KILL_TRIAL, "logged", 3, &err), err);
    assert_ok(dz_store_post(other, DZ_COMMAND_DELETE, "dūzān", 0, &err), err);
    assert_ok(dz_store_post(w->store, DZ_COMMAND_RESUME, "own", 0, &err), err);
    check_next(w->store, DZ_COMMAND_KILL_TRIAL, "logged", 3);
    check_next(w->store, DZ_COMMAND_DELETE, "dūzān", 0);
    check_next(w->store, DZ_COMMAND_RESUME, "own", 0);
    check_none(w->store);
    assert_ok(dz_store_post(w->store, DZ_COMMAND_STOP, "own", 0, &err), err);
    check_next(w->store, DZ_COMMAND_STOP, "own", 0);
    check_none(w->store);
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    assert_int_equal(dz_store_post(other, DZ_COMMAND_STOP, name, 0, &err), DOZAN_INVALID_ARGUMENT);

    /* what is taken back is not taken by the owner, and the others are */
    bool waits = false;
    assert_ok(dz_store_post(other, DZ_COMMAND_DELETE, "late", 0, &err), err);
    assert_ok(dz_store_post(other, DZ_COMMAND_STOP, "late", 0, &err), err);
    assert_ok(dz_store_waits(other, DZ_COMMAND_DELETE, "late", 0, &waits, &err), err);
    assert_true(waits);
    assert_ok(dz_store_waits(other, DZ_COMMAND_DELETE, "late", 1, &waits, &err), err);
    assert_false(waits);
    assert_ok(dz_store_withdraw(other, DZ_COMMAND_DELETE, "late", 0, &err), err);
    assert_ok(dz_store_withdraw(other, DZ_COMMAND_DELETE, "late", 0, &err), err);
    assert_ok(dz_store_waits(other, DZ_COMMAND_DELETE, "late", 0, &waits, &err), err);
    assert_false(waits);
    check_next(w->store, DZ_COMMAND_STOP, "late", 0);
    assert_int_equal(dz_store_done(other, 1, &err), DOZAN_FAILED_PRECONDITION);
    dz_store_close(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_log_in_pages, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_log_page_is_bounded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_points, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_points_of_the_last_attempt, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_entries, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_commands, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
