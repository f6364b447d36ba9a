/*
 * What the store writes is what it reads, bit for bit; a commit writes what is marked, and nothing
 * else; the other processes' view.
 */
#include "support/store_compare.h"

#include "store/db.h"

typedef struct kept_trials {
    dz_trial *trials[64];
    size_t count;
} kept_trials;

static int set_up(void **state)
{
    store_fixture *fixture = calloc(1, sizeof *fixture);
    assert_non_null(fixture);
    fixture_open(fixture, 7);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    fixture_close(*state);
    free(*state);
    return 0;
}

/* ---- round trips */

static dz_trial_state random_ended(store_fixture *fixture)
{
    return (dz_trial_state)(DZ_TRIAL_SUCCEEDED + fixture_below(fixture, 5));
}

/* Keeps an ended trial for the comparison, in place of the clear. */
static void keep_ended(dz_changes *changes, kept_trials *kept)
{
    for (size_t i = 0; i < changes->ended_count; i++)
        kept->trials[kept->count++] = changes->ended[i];
    changes->ended_count = 0;
}

static bool compare_next(void *user, const dz_trial *trial)
{
    kept_trials *expected = user;
    assert_true(expected->count < 64 && expected->trials[expected->count] != NULL);
    assert_same_trial(expected->trials[expected->count++], trial);
    return true;
}

static int by_number(const void *a, const void *b)
{
    const dz_trial *const *first = a, *const *second = b;
    return (*first)->number < (*second)->number ? -1 : 1;
}

static void check_one_round_trip(store_fixture *fixture, dz_store *store, const char *name)
{
    dozan_error err = {0};
    dz_changes changes = {0};
    kept_trials ended = {0};
    dz_experiment *experiment = fixture_experiment(fixture, name);
    insert(store, experiment);
    for (int64_t number = 1; number <= 12; number++) {
        dz_trial_state state = (dz_trial_state)fixture_below(fixture, DZ_TRIAL_STOPPING + 1);
        fixture_activate(experiment, fixture_trial(fixture, experiment, number, state));
        /* Some trials change, some end, some are new and end in the same turn. */
        size_t index = (size_t)fixture_below(fixture, (int64_t)experiment->active_count);
        dz_trial *trial = experiment->active[index];
        if (fixture_below(fixture, 2))
            fixture_change_trial(fixture, trial, trial->state);
        if (fixture_below(fixture, 2))
            fixture_end(experiment, index, random_ended(fixture), &changes);
        fixture_change(fixture, experiment);
        assert_ok(dz_store_commit(store, experiment, &changes, &err), err);
        keep_ended(&changes, &ended);
    }
    dz_changes_clear(&changes);

    dz_experiment *read = load(store, name);
    assert_same_experiment(experiment, read);
    assert_false(read->dirty);
    assert_int_equal(read->active_count, experiment->active_count);
    for (size_t i = 0; i < read->active_count; i++) {
        assert_same_trial(experiment->active[i], read->active[i]);
        assert_false(read->active[i]->dirty);
    }

    for (size_t i = 0; i < experiment->active_count; i++)
        ended.trials[ended.count++] = experiment->active[i];
    qsort(ended.trials, ended.count, sizeof *ended.trials, by_number);
    assert_int_equal(ended.count, 12);
    ended.count = 0;
    assert_ok(dz_store_trials(store, read, 0, 0, compare_next, &ended, &err), err);
    assert_int_equal(ended.count, 12);
    ended.count = 4;
    assert_ok(dz_store_trials(store, read, 4, 3, compare_next, &ended, &err), err);
    assert_int_equal(ended.count, 7);

    experiment->active_count = 0;
    for (size_t i = 0; i < 12; i++)
        dz_trial_destroy(ended.trials[i]);
    dz_experiment_destroy(read);
    dz_experiment_destroy(experiment);
}

static void test_round_trip(void **state)
{
    store_fixture *fixture = *state;
    dz_store *store = open_owned(fixture, DZ_DURABILITY_OFF);
    for (int i = 0; i < 12; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "experiment-%d", i);
        check_one_round_trip(fixture, store, name);
        if (i % 4 != 3)
            continue;
        dz_store_close(store);
        store = open_owned(fixture, DZ_DURABILITY_OFF);
    }
    dz_store_close(store);
}

static void test_trial_by_name(void **state)
{
    store_fixture *fixture = *state;
    dozan_error err = {0};
    dz_store *store = open_owned(fixture, DZ_DURABILITY_OFF);
    dz_changes changes = {0};
    dz_experiment *experiment = fixture_experiment(fixture, "named"), *read = NULL;
    dz_trial *trial = NULL;
    insert(store, experiment);
    for (int64_t number = 1; number <= 3; number++)
        fixture_activate(experiment, fixture_trial(fixture, experiment, number, DZ_TRIAL_RUNNING));
    commit(store, experiment, &changes);
    assert_ok(dz_store_trial(store, "named-trial2", &read, &trial, &err), err);
    assert_same_experiment(experiment, read);
    assert_int_equal(read->active_count, 0);
    assert_same_trial(experiment->active[1], trial);
    dz_trial_destroy(trial);
    dz_experiment_destroy(read);
    assert_int_equal(dz_store_trial(store, "named-trial4", &read, &trial, &err), DOZAN_NOT_FOUND);
    assert_non_null(strstr(err.message, "named-trial4"));
    dz_experiment_destroy(experiment);
    dz_store_close(store);
}

/* ---- what a commit writes */

static void test_only_what_is_dirty(void **state)
{
    store_fixture *fixture = *state;
    dz_store *store = open_owned(fixture, DZ_DURABILITY_OFF);
    dz_changes changes = {0};
    dz_experiment *experiment = fixture_experiment(fixture, "dirty");
    insert(store, experiment);
    assert_false(experiment->dirty);
    for (int64_t number = 1; number <= 2; number++)
        fixture_activate(experiment, fixture_trial(fixture, experiment, number, DZ_TRIAL_PENDING));
    commit(store, experiment, &changes);
    assert_false(experiment->dirty);
    assert_false(experiment->active[0]->dirty);

    experiment->active[0]->state = DZ_TRIAL_RUNNING;
    experiment->active[1]->state = DZ_TRIAL_RUNNING;
    experiment->active[1]->dirty = true;
    commit(store, experiment, &changes);
    dz_experiment *read = load(store, "dirty");
    assert_int_equal(read->active[0]->state, DZ_TRIAL_PENDING);
    assert_int_equal(read->active[1]->state, DZ_TRIAL_RUNNING);
    dz_experiment_destroy(read);
    dz_experiment_destroy(experiment);
    dz_store_close(store);
}

static void test_nothing_changed(void **state)
{
    store_fixture *fixture = *state;
    dozan_error err = {0};
    int64_t before = 0, after = 0;
    dz_store *store = open_owned(fixture, DZ_DURABILITY_OFF);
    dz_changes changes = {0};
    dz_experiment *experiment = fixture_experiment(fixture, "idle");
    insert(store, experiment);
    assert_ok(dz_store_version(store, &before, &err), err);
    commit(store, experiment, &changes);
    assert_ok(dz_store_version(store, &after, &err), err);
    assert_int_equal(before, after);
    experiment->dirty = true;
    commit(store, experiment, &changes);
    assert_ok(dz_store_version(store, &after, &err), err);
    assert_int_not_equal(before, after);
    dz_experiment_destroy(experiment);
    dz_store_close(store);
}

static void test_exists_already(void **state)
{
    store_fixture *fixture = *state;
    dozan_error err = {0};
    dz_store *store = open_owned(fixture, DZ_DURABILITY_OFF);
    dz_experiment *first = fixture_experiment(fixture, "twice");
    dz_experiment *second = fixture_experiment(fixture, "twice");
    insert(store, first);
    assert_int_equal(dz_store_insert(store, second, "x", "x", 1, &err), DOZAN_ALREADY_EXISTS);
    assert_non_null(strstr(err.message, "\"twice\""));
    assert_true(second->dirty);
    assert_int_equal(second->id, 0);
    dz_experiment *read = load(store, "twice");
    assert_same_experiment(first, read);
    dz_experiment_destroy(read);
    dz_experiment_destroy(first);
    dz_experiment_destroy(second);
    dz_store_close(store);
}

static void test_near_names(void **state)
{
    static const char *const names[] = {"random-mnist", "grid-mnist", "tune-resnet", "z"};
    store_fixture *fixture = *state;
    dozan_error err = {0};
    dz_experiment *read = NULL;
    dz_store *store = open_owned(fixture, DZ_DURABILITY_OFF);
    assert_int_equal(dz_store_load(store, "any", &read, &err), DOZAN_NOT_FOUND);
    assert_non_null(strstr(err.message, "among the 0"));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        dz_experiment *experiment = fixture_experiment(fixture, names[i]);
        insert(store, experiment);
        dz_experiment_destroy(experiment);
    }
    assert_int_equal(dz_store_load(store, "randm-mnist", &read, &err), DOZAN_NOT_FOUND);
    assert_non_null(strstr(err.message, "\"random-mnist\""));
    assert_null(strstr(err.message, "resnet"));
    assert_int_equal(dz_store_load(store, "resnet", &read, &err), DOZAN_NOT_FOUND);
    assert_non_null(strstr(err.message, "\"tune-resnet\""));
    assert_int_equal(dz_store_load(store, "quite-another", &read, &err), DOZAN_NOT_FOUND);
    assert_non_null(strstr(err.message, "among the 4"));
    dz_store_close(store);
}

static void test_budget_and_source(void **state)
{
    static const char text[] = "maxTrialCount: 40 # dūzān\n";
    store_fixture *fixture = *state;
    dozan_error err = {0};
    char *name = NULL, *source = NULL;
    dz_store *store = open_owned(fixture, DZ_DURABILITY_OFF);
    dz_changes changes = {0};
    dz_experiment *experiment = fixture_experiment(fixture, "budget");
    insert(store, experiment);
    assert_ok(dz_store_source(store, experiment->id, &name, &source, &err), err);
    assert_string_equal(name, "experiment.yaml");
    assert_string_equal(source, "kind: Experiment # as written\n");
    free(name);
    free(source);

    dz_spec_destroy(experiment->spec);
    experiment->spec = fixture_spec("budget", 4, 40);
    experiment->dirty = true;
    experiment->spec_dirty = true;
    dz_store_stage_source(store, "next.yaml", text, sizeof text - 1);
    commit(store, experiment, &changes);
    dz_experiment *read = load(store, "budget");
    assert_int_equal(read->spec->max_trial_count, 40);
    assert_int_equal(read->spec->parallel_trial_count, 4);
    assert_same_experiment(experiment, read);
    dz_experiment_destroy(read);

    /* a budget without a text of its own keeps the last one */
    dz_spec_destroy(experiment->spec);
    experiment->spec = fixture_spec("budget", 4, 50);
    experiment->dirty = true;
    commit(store, experiment, &changes);
    assert_ok(dz_store_source(store, experiment->id, &name, &source, &err), err);
    assert_string_equal(name, "next.yaml");
    assert_string_equal(source, text);
    free(name);
    free(source);
    assert_int_equal(dz_store_source(store, 99, &name, &source, &err), DOZAN_NOT_FOUND);
    dz_experiment_destroy(experiment);
    dz_store_close(store);
}

/* ---- deleting */

static int64_t count_rows(dz_store *store, const char *table)
{
    char sql[64];
    int64_t rows = 0;
    dozan_error err = {0};
    (void)snprintf(sql, sizeof sql, "SELECT count(*) FROM %s", table);
    assert_ok(dz_db_number(store, sql, &rows, &err), err);
    return rows;
}

static void fill(store_fixture *fixture, dz_store *store, dz_experiment *experiment, int trials)
{
    dz_changes changes = {0};
    for (int64_t number = 1; number <= trials; number++) {
        fixture_activate(experiment, fixture_trial(fixture, experiment, number, DZ_TRIAL_RUNNING));
        (void)fixture_log(fixture, experiment, &changes, DOZAN_EVENT_ASKED, number);
        for (int i = 0; i < 5; i++)
            (void)fixture_log(fixture, experiment, &changes, DOZAN_EVENT_REPORT, number);
    }
    commit(store, experiment, &changes);
}

static void test_delete(void **state)
{
    static const char *const tables[] = {"experiments", "documents", "trials", "events", "metrics"};
    store_fixture *fixture = *state;
    dozan_error err = {0};
    int64_t pages = 0, pages_after = 0, commands = 0;
    dz_store *store = open_owned(fixture, DZ_DURABILITY_OFF);
    dz_experiment *kept = fixture_experiment(fixture, "kept");
    dz_experiment *deleted = fixture_experiment(fixture, "deleted"), *read = NULL;
    insert(store, kept);
    insert(store, deleted);
    fill(fixture, store, kept, 3);
    fill(fixture, store, deleted, 500);
    assert_ok(dz_store_post(store, DZ_COMMAND_STOP, "deleted", 0, &err), err);
    assert_ok(dz_store_post(store, DZ_COMMAND_STOP, "kept", 0, &err), err);
    assert_ok(dz_db_number(store, "PRAGMA page_count", &pages, &err), err);
    assert_ok(dz_store_delete(store, deleted->id, &err), err);
    static const int64_t left[] = {1, 1, 3, 3, 15};
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        assert_int_equal(count_rows(store, tables[i]), left[i]);
    commands = count_rows(store, "commands");
    assert_int_equal(commands, 1);
    assert_ok(dz_db_number(store, "PRAGMA page_count", &pages_after, &err), err);
    assert_true(pages_after < pages / 2);

    assert_int_equal(dz_store_delete(store, deleted->id, &err), DOZAN_NOT_FOUND);
    assert_int_equal(dz_store_load(store, "deleted", &read, &err), DOZAN_NOT_FOUND);
    deleted->dirty = true;
    dz_changes changes = {0};
    assert_int_equal(dz_store_commit(store, deleted, &changes, &err), DOZAN_NOT_FOUND);
    assert_true(deleted->dirty);

    /* Its number is not given out again: it names the jobs of its trials. */
    dz_experiment *next = fixture_experiment(fixture, "deleted");
    insert(store, next);
    assert_true(next->id > deleted->id);
    dz_experiment_destroy(next);
    dz_experiment_destroy(kept);
    dz_experiment_destroy(deleted);
    dz_store_close(store);
}

/* ---- readers */

typedef struct writing_visit {
    store_fixture *fixture;
    dz_store *writer;
    dz_experiment *experiment;
    int64_t seen;
} writing_visit;

/* Writes a trial for each that it sees: a visit that saw them would not end. */
static bool write_one_more(void *user, const dz_trial *trial)
{
    writing_visit *visit = user;
    dz_changes changes = {0};
    visit->seen = trial->number;
    fixture_activate(visit->experiment,
                     fixture_trial(visit->fixture, visit->experiment,
                                   visit->experiment->trial_count + 1, DZ_TRIAL_RUNNING));
    commit(visit->writer, visit->experiment, &changes);
    return true;
}

static void test_reader_sees_a_snapshot(void **state)
{
    store_fixture *fixture = *state;
    dozan_error err = {0};
    dz_store *reader = NULL;
    int64_t before = 0, after = 0;
    dz_store *writer = open_owned(fixture, DZ_DURABILITY_NORMAL);
    dz_experiment *experiment = fixture_experiment(fixture, "shared");
    insert(writer, experiment);
    fill(fixture, writer, experiment, 3);
    assert_ok(dz_store_open(fixture->path, DZ_STORE_READ, DZ_DURABILITY_FULL, &reader, &err), err);
    assert_ok(dz_store_version(reader, &before, &err), err);
    writing_visit visit = {fixture, writer, experiment, 0};
    assert_ok(dz_store_trials(reader, experiment, 0, 0, write_one_more, &visit, &err), err);
    assert_int_equal(visit.seen, 3);
    assert_ok(dz_store_version(reader, &after, &err), err);
    assert_int_not_equal(before, after);
    dz_experiment *read = load(reader, "shared");
    assert_int_equal(read->active_count, 6);
    dz_experiment_destroy(read);

    /* A reader may post, and write nothing else. */
    assert_int_equal(dz_store_own(reader, &err), DOZAN_FAILED_PRECONDITION);
    assert_int_equal(dz_store_delete(reader, experiment->id, &err), DOZAN_FAILED_PRECONDITION);
    dz_store_close(reader);
    dz_experiment_destroy(experiment);
    dz_store_close(writer);
}

typedef struct name_list {
    char text[128];
    int limit;
} name_list;

static bool add_name(void *user, const dz_experiment *experiment)
{
    name_list *list = user;
    size_t length = strlen(list->text);
    (void)snprintf(list->text + length, sizeof list->text - length, "%s ", experiment->spec->name);
    assert_int_equal(experiment->active_count, 0);
    return --list->limit > 0;
}

static void test_experiments_by_name(void **state)
{
    static const char *const names[] = {"pear", "apple", "plum"};
    store_fixture *fixture = *state;
    dozan_error err = {0};
    dz_store *store = open_owned(fixture, DZ_DURABILITY_OFF);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        dz_experiment *experiment = fixture_experiment(fixture, names[i]);
        insert(store, experiment);
        fill(fixture, store, experiment, 2);
        dz_experiment_destroy(experiment);
    }
    name_list all = {.limit = 10}, two = {.limit = 2};
    assert_ok(dz_store_experiments(store, add_name, &all, &err), err);
    assert_string_equal(all.text, "apple pear plum ");
    assert_ok(dz_store_experiments(store, add_name, &two, &err), err);
    assert_string_equal(two.text, "apple pear ");
    dz_store_close(store);
}

/* Called by SQLite when a statement has run: adds the instructions of its machine. */
static int add_steps(unsigned kind, void *user, void *statement, void *time)
{
    int64_t *steps = user;
    (void)kind;
    (void)time;
    *steps += sqlite3_stmt_status(statement, SQLITE_STMTSTATUS_VM_STEP, 1);
    assert_int_equal(sqlite3_stmt_status(statement, SQLITE_STMTSTATUS_SORT, 1), 0);
    return 0;
}

static bool skip_trial(void *user, const dz_trial *trial)
{
    *(int64_t *)user = trial->number;
    return true;
}

static bool skip_point(void *user, int32_t attempt, const dz_point *point)
{
    *(int64_t *)user = attempt + point->step;
    return true;
}

static bool skip_entry(void *user, const dz_log_entry *entry)
{
    *(int64_t *)user = entry->seq;
    return true;
}

static void read_a_little(dz_store *store, const dz_experiment *experiment)
{
    dozan_error err = {0};
    int64_t last = 0;
    dz_experiment *read = load(store, "long"), *of_trial = NULL;
    dz_trial *trial = NULL;
    dz_experiment_destroy(read);
    for (int reports = 0; reports < 2; reports++) {
        dz_log_read *log = NULL;
        assert_ok(dz_store_log(store, experiment, experiment->last_seq - 20, reports, 1 << 20, &log,
                               &err),
                  err);
        dz_log_read_destroy(log);
    }
    char name[32];
    (void)snprintf(name, sizeof name, "long-trial%" PRId64, experiment->trial_count);
    assert_ok(dz_store_trial(store, name, &of_trial, &trial, &err), err);
    assert_ok(dz_store_trials(store, experiment, 50, 3, skip_trial, &last, &err), err);
    assert_ok(dz_store_points(store, experiment->id, 7, 0, 0, skip_point, &last, &err), err);
    assert_ok(dz_store_entries(store, experiment->id, 7, skip_entry, &last, &err), err);
    dz_trial_destroy(trial);
    dz_experiment_destroy(of_trial);
}

/* Adds trials that have ended, with their entries. */
static void add_history(store_fixture *fixture, dz_store *store, dz_experiment *experiment,
                        int trials)
{
    for (int i = 0; i < trials; i++) {
        dz_changes changes = {0};
        int64_t number = experiment->trial_count + 1;
        fixture_activate(experiment, fixture_trial(fixture, experiment, number, DZ_TRIAL_RUNNING));
        (void)fixture_log(fixture, experiment, &changes, DOZAN_EVENT_ASKED, number);
        for (int j = 0; j < 5; j++)
            (void)fixture_log(fixture, experiment, &changes, DOZAN_EVENT_REPORT, number);
        fixture_end(experiment, experiment->active_count - 1, DZ_TRIAL_SUCCEEDED, &changes);
        commit(store, experiment, &changes);
    }
}

/* The steps of a commit, of a poll for commands and of looks at a few trials. */
static int64_t count_steps(store_fixture *fixture, dz_store *store, dz_experiment *experiment,
                           int64_t *steps)
{
    *steps = 0;
    bool found = false;
    dozan_error err = {0};
    dz_store_command command;
    add_history(fixture, store, experiment, 1);
    read_a_little(store, experiment);
    assert_ok(dz_store_post(store, DZ_COMMAND_STOP, "long", 0, &err), err);
    assert_ok(dz_store_next(store, &found, &command, &err), err);
    assert_ok(dz_store_done(store, command.id, &err), err);
    return *steps;
}

/* Nothing walks or sorts what grows with the history. */
static void test_nothing_is_linear(void **state)
{
    store_fixture *fixture = *state;
    int64_t counter = 0;
    dz_store *store = open_owned(fixture, DZ_DURABILITY_OFF);
    assert_int_equal(sqlite3_trace_v2(store->db, SQLITE_TRACE_PROFILE, add_steps, &counter),
                     SQLITE_OK);
    dz_experiment *experiment = fixture_experiment(fixture, "long");
    insert(store, experiment);
    add_history(fixture, store, experiment, 100);
    int64_t steps = count_steps(fixture, store, experiment, &counter);
    add_history(fixture, store, experiment, 900);
    int64_t later = count_steps(fixture, store, experiment, &counter);
    assert_true(steps > 100);
    /* The rows that are read differ a little; a step for each of 900 trials more would not fit. */
    assert_in_range(later, 1, steps + 600);
    dz_experiment_destroy(experiment);
    dz_store_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_round_trip, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_trial_by_name, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_only_what_is_dirty, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_nothing_changed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_exists_already, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_near_names, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_budget_and_source, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_delete, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_reader_sees_a_snapshot, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_experiments_by_name, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_nothing_is_linear, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
