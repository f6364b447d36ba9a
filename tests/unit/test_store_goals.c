/*
 * What several objectives, constraints and results from before add to the store: the front, the
 * values and assignments in the log; and a file of an earlier version.
 */
#include "support/store_compare.h"

#include "support/world.h"

#include <sqlite3.h>

static const char *const goals[] = {
    "spec.objectives", "[{type: maximize, metric: accuracy}, {type: minimize, metric: loss}]",
    "spec.maxTrialCount", "100", NULL};

static void run_sql(const char *path, const char *sql)
{
    sqlite3 *db = NULL;
    char *message = NULL;

    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK) {
        fail_msg("%s: %s", sql, message);
    }
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static int rows_of(const char *path, const char *table)
{
    char sql[64];
    sqlite3 *db = NULL;
    sqlite3_stmt *stmt = NULL;

    (void)snprintf(sql, sizeof sql, "SELECT count(*) FROM %s", table);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    int rows = sqlite3_column_int(stmt, 0);
    assert_int_equal(sqlite3_finalize(stmt), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    return rows;
}

static void assert_same_front(const dz_front *a, const dz_front *b)
{
    assert_int_equal(a->count, b->count);
    for (size_t i = 0; i < a->count; i++) {
        assert_int_equal(a->trials[i], b->trials[i]);
        assert_true(b->stored[i]);
        for (size_t k = 0; k < a->width; k++) {
            assert_same_double(a->values[i * a->width + k], b->values[i * a->width + k]);
        }
    }
}

static void the_front_is_kept_by_its_differences(void **state)
{
    store_fixture fixture;
    dozan_error err = {0};
    world *w = world_create(goals, 8, 0);
    dz_store *store;
    dz_changes changes = {0};

    (void)state;
    fixture_open(&fixture, 3);
    store = open_owned(&fixture, DZ_DURABILITY_OFF);
    insert(store, w->experiment);
    for (int64_t trial = 1; trial <= 60; trial++) {
        double values[] = {fixture_double(&fixture), fixture_double(&fixture)};
        bool changed = false;
        assert_ok(dz_front_offer(&w->experiment->front, w->experiment->spec, trial, values,
                                 &changed, &err),
                  err);
        w->experiment->dirty = w->experiment->dirty || changed;
        if (fixture_below(&fixture, 3) == 0) {
            commit(store, w->experiment, &changes);
            dz_experiment *loaded = load(store, "bowl");
            assert_same_front(&w->experiment->front, &loaded->front);
            dz_experiment_destroy(loaded);
        }
    }
    assert_ok(dz_store_delete(store, w->experiment->id, &err), err);
    dz_store_close(store);
    assert_int_equal(rows_of(fixture.path, "front"), 0);
    world_destroy(w);
    fixture_close(&fixture);
}

/* The log of a new experiment and the experiment itself are there together, or not at all. */
static void an_experiment_is_inserted_with_its_log(void **state)
{
    store_fixture fixture;
    dozan_error err = {0};
    dz_changes changes = {0};
    const dz_source source = {"e.yaml", "text", 4};

    (void)state;
    fixture_open(&fixture, 8);
    dz_store *store = open_owned(&fixture, DZ_DURABILITY_OFF);
    dz_experiment *experiment = fixture_experiment(&fixture, "warm");
    (void)snprintf(experiment->warm_start, sizeof experiment->warm_start, "2 results of old");
    for (int64_t i = 1; i <= 2; i++) {
        fixture_log(&fixture, experiment, &changes, DOZAN_EVENT_KNOWN, -i)->has_value = true;
    }
    changes.log[1].seq = 1; /* twice the same number: refused */
    assert_int_not_equal(dz_store_insert_with_log(store, experiment, &source, &changes, &err),
                         DOZAN_OK);
    assert_int_equal(rows_of(fixture.path, "experiments"), 0);
    assert_int_equal(rows_of(fixture.path, "events"), 0);
    changes.log[1].seq = 2;
    assert_ok(dz_store_insert_with_log(store, experiment, &source, &changes, &err), err);
    dz_experiment *loaded = load(store, "warm");
    assert_same_experiment(experiment, loaded);
    assert_int_equal(loaded->last_seq, 2);
    assert_int_equal(rows_of(fixture.path, "events"), 2);
    dz_changes_clear(&changes);
    dz_experiment_destroy(loaded);
    dz_experiment_destroy(experiment);
    dz_store_close(store);
    fixture_close(&fixture);
}

static dozan_pair owned_pair(const char *name, const char *value)
{
    return (dozan_pair){fixture_strdup(name), fixture_strdup(value)};
}

static void the_log_has_other_values_and_known_results(void **state)
{
    store_fixture fixture;
    dozan_error err = {0};
    dz_changes changes = {0};
    dz_log_read *read = NULL;
    world *w = world_create(goals, 8, 0);
    dz_store *store;

    (void)state;
    fixture_open(&fixture, 4);
    store = open_owned(&fixture, DZ_DURABILITY_OFF);
    insert(store, w->experiment);
    dz_log_entry *entry = fixture_log(&fixture, w->experiment, &changes, DOZAN_EVENT_KNOWN, -1);
    entry->has_value = true;
    entry->value = 0.1;
    entry->others = calloc(2, sizeof *entry->others);
    entry->others[0] = 1.0 / 3.0;
    entry->others[1] = (double)NAN;
    entry->other_count = 2;
    entry->assignments = calloc(2, sizeof *entry->assignments);
    entry->assignments[0] = owned_pair("lr", "0.10");
    entry->assignments[1] = owned_pair("units", "16");
    entry->assignment_count = 2;
    entry = fixture_log(&fixture, w->experiment, &changes, DOZAN_EVENT_COMPLETED, 1);
    entry->has_value = true;
    entry->value = 5;
    commit(store, w->experiment, &changes);
    assert_ok(dz_store_log(store, w->experiment, 0, true, 1 << 20, &read, &err), err);
    assert_int_equal(read->part.event_count, 2);
    const dozan_log_event *known = &read->part.events[0];
    assert_int_equal(known->kind, DOZAN_EVENT_KNOWN);
    assert_int_equal(known->trial, -1);
    assert_true(known->has_value);
    assert_same_double(known->value, 0.1);
    assert_int_equal(known->other_value_count, 2);
    assert_same_double(known->other_values[0], 1.0 / 3.0);
    assert_same_double(known->other_values[1], (double)NAN);
    assert_int_equal(known->assignment_count, 2);
    assert_string_equal(known->assignments[0].value, "0.10");
    assert_int_equal(read->part.events[1].other_value_count, 0);
    assert_int_equal(read->part.events[1].assignment_count, 0);
    dz_log_read_destroy(read);
    dz_store_close(store);
    world_destroy(w);
    fixture_close(&fixture);
}

/* A file as the first version wrote it: opened for reading alone, it is brought up to this one,
 * with all that was in it. */
static void a_file_of_the_first_version_is_read(void **state)
{
    static const char *const backwards =
        "DROP TRIGGER track_wins_begin; DROP TRIGGER track_wins_end; DROP TABLE track_wins;"
        "DROP TRIGGER track_document; DROP TRIGGER track_trial; DROP TRIGGER track_point;"
        "DROP TRIGGER track_trial_changes; DROP TRIGGER track_trial_ends; DROP VIEW track_ended;"
        "DROP TRIGGER track_trial_again; DROP TRIGGER track_best; DROP VIEW track_gone;"
        "DROP TRIGGER track_experiment_changes; DROP TRIGGER track_run_follows;"
        "DROP TRIGGER track_experiment_goes; DROP VIEW track_new_experiment;"
        "DROP VIEW track_new_trial; DROP VIEW track_new_point; DROP VIEW track_state;"
        "DROP TABLE track_tuned; DROP TABLE track_trials; DROP TABLE track_names;"
        "DROP TABLE track_experiments; DROP TABLE track_runs; DROP TABLE track_pairs;"
        "DROP TABLE track_metrics; DROP TABLE track_latest; DROP TABLE track_datasets;"
        "DROP TABLE track_inputs; DROP TABLE track_run_models; DROP TABLE track_models;"
        "DROP TABLE track_aliases; DROP TABLE track_versions; DROP TABLE track_registered;"
        "DROP TABLE objects; DROP TABLE tombstones; DROP TABLE horizon; DROP TABLE reports;"
        "DROP INDEX trials_by_version; ALTER TABLE trials DROP COLUMN version;"
        "ALTER TABLE trials DROP COLUMN created_version; DROP INDEX experiments_by_name;"
        "DROP INDEX experiments_by_version; DROP INDEX experiments_open;"
        "ALTER TABLE experiments DROP COLUMN namespace;"
        "ALTER TABLE experiments DROP COLUMN version;"
        "ALTER TABLE experiments DROP COLUMN created_version;"
        "ALTER TABLE experiments DROP COLUMN generation;"
        "ALTER TABLE experiments DROP COLUMN at_rest;"
        "DROP TABLE front; ALTER TABLE events DROP COLUMN assignments;"
        "ALTER TABLE events DROP COLUMN others; ALTER TABLE documents DROP COLUMN warm_start;"
        "ALTER TABLE experiments DROP COLUMN plugin_fault; PRAGMA user_version = 1";
    store_fixture fixture;
    dozan_error err = {0};
    dz_changes changes = {0};
    dz_store *store = NULL;

    (void)state;
    fixture_open(&fixture, 5);
    dz_experiment *experiment = fixture_experiment(&fixture, "old");
    experiment->plugin_fault[0] = '\0';
    store = open_owned(&fixture, DZ_DURABILITY_OFF);
    insert(store, experiment);
    fixture_activate(experiment, fixture_trial(&fixture, experiment, 1, DZ_TRIAL_RUNNING));
    (void)fixture_log(&fixture, experiment, &changes, DOZAN_EVENT_ASKED, 1);
    (void)fixture_log(&fixture, experiment, &changes, DOZAN_EVENT_COMPLETED, 1);
    commit(store, experiment, &changes);
    dz_store_close(store);
    run_sql(fixture.path, backwards);

    assert_ok(dz_store_open(fixture.path, DZ_STORE_READ, DZ_DURABILITY_OFF, &store, &err), err);
    dz_experiment *loaded = load(store, "old");
    assert_same_experiment(experiment, loaded);
    assert_int_equal(loaded->active_count, 1);
    dz_log_read *read = NULL;
    assert_ok(dz_store_log(store, loaded, 0, true, 1 << 20, &read, &err), err);
    assert_int_equal(read->part.event_count, 2);
    assert_int_equal(read->part.events[0].assignment_count,
                     experiment->active[0]->assignment_count);
    dz_log_read_destroy(read);
    dz_experiment_destroy(loaded);
    dz_store_close(store);
    dz_experiment_destroy(experiment);
    fixture_close(&fixture);
}

/* While a process of that version owns the file, its tables must not change under it. */
static void a_file_of_an_earlier_version_in_use_is_left_alone(void **state)
{
    store_fixture fixture;
    dozan_error err = {0};
    dz_store *other = NULL;

    (void)state;
    fixture_open(&fixture, 6);
    dz_store *owner = open_owned(&fixture, DZ_DURABILITY_OFF);
    run_sql(fixture.path, "PRAGMA user_version = 1");
    assert_int_equal(dz_store_open(fixture.path, DZ_STORE_READ, DZ_DURABILITY_OFF, &other, &err),
                     DOZAN_FAILED_PRECONDITION);
    assert_non_null(strstr(err.message, "earlier version"));
    dz_store_close(owner);
    fixture_close(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_front_is_kept_by_its_differences),
        cmocka_unit_test(an_experiment_is_inserted_with_its_log),
        cmocka_unit_test(the_log_has_other_values_and_known_results),
        cmocka_unit_test(a_file_of_the_first_version_is_read),
        cmocka_unit_test(a_file_of_an_earlier_version_in_use_is_left_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
