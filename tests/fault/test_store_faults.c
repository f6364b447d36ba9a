/*
 * The store on a disk that fails: at every write, sync and read in turn. What was committed stays,
 * what was not leaves nothing behind, and the call may be made again.
 */
#include "support/store_compare.h"
#include "support_memory.h"
#include "support_vfs.h"

#include "store/db.h"

#include <fcntl.h>
#include <sys/stat.h>

typedef struct fault_case {
    const char *name;
    int kinds;
    int code;
    dozan_status status;
} fault_case;

static const fault_case cases[] = {
    {"full disk", FAULT_WRITES, SQLITE_FULL, DOZAN_RESOURCE_EXHAUSTED},
    {"failing write", FAULT_WRITES, SQLITE_IOERR_WRITE, DOZAN_UNAVAILABLE},
    {"failing sync", FAULT_SYNCS, SQLITE_IOERR_FSYNC, DOZAN_UNAVAILABLE},
    {"read-only", FAULT_WRITES, SQLITE_READONLY, DOZAN_PERMISSION_DENIED},
};
enum { CASES = sizeof cases / sizeof *cases, MOST_FAULTS = 500 };

static int set_up(void **state)
{
    store_fixture *fixture = calloc(1, sizeof *fixture);
    assert_non_null(fixture);
    fixture_open(fixture, 23);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    (void)fault_vfs_disarm();
    (void)fault_memory_disarm();
    fixture_close(*state);
    free(*state);
    return 0;
}

static void check_whole(dz_store *store)
{
    dozan_error err = {0};
    dz_bind bind = dz_bind_new(store, "PRAGMA integrity_check");
    assert_true(dz_bind_step(&bind));
    assert_string_equal((const char *)sqlite3_column_text(bind.stmt, 0), "ok");
    assert_ok(dz_bind_done(&bind, "check", &err), err);
    bind = dz_bind_new(store, "PRAGMA foreign_key_check");
    assert_false(dz_bind_step(&bind));
    assert_ok(dz_bind_done(&bind, "check", &err), err);
}

/* ---- a commit */

/* A turn that touches every table: one trial more, one changed, one ended, and their entries. */
static void make_turn(store_fixture *fixture, dz_experiment *experiment, dz_changes *changes)
{
    int64_t number = experiment->trial_count + 1;
    fixture_activate(experiment, fixture_trial(fixture, experiment, number, DZ_TRIAL_PENDING));
    (void)fixture_log(fixture, experiment, changes, DOZAN_EVENT_ASKED, number);
    for (int i = 0; i < 20; i++)
        (void)fixture_log(fixture, experiment, changes, DOZAN_EVENT_REPORT, number);
    if (experiment->active_count > 2) {
        fixture_change_trial(fixture, experiment->active[1], DZ_TRIAL_RUNNING);
        (void)fixture_log(fixture, experiment, changes, DOZAN_EVENT_COMPLETED,
                          experiment->active[0]->number);
        fixture_end(experiment, 0, DZ_TRIAL_SUCCEEDED, changes);
    }
    fixture_change(fixture, experiment);
}

typedef struct snapshot {
    int64_t last_seq;
    int64_t trials;
    int64_t active;
    int64_t entries;
} snapshot;

static int64_t number_of(dz_store *store, const char *sql)
{
    dozan_error err = {0};
    int64_t number = -1;
    assert_ok(dz_db_number(store, sql, &number, &err), err);
    return number;
}

static snapshot take_snapshot(dz_store *store)
{
    return (snapshot){
        .last_seq = number_of(store, "SELECT last_seq FROM experiments"),
        .trials = number_of(store, "SELECT count(*) FROM trials"),
        .active = number_of(store, "SELECT count(*) FROM trials WHERE active = 1"),
        .entries = number_of(store, "SELECT (SELECT count(*) FROM events) + "
                                    "(SELECT count(*) FROM metrics)"),
    };
}

/* The numbers of a whole turn agree with each other: each entry is there. */
static void check_consistent(const snapshot *seen)
{
    assert_int_equal(seen->entries, seen->last_seq);
}

/* A second look at the same files, as after a crash: the commit is there wholly or not at all. */
static void check_copy(const store_fixture *fixture, const snapshot *before)
{
    static const char *const suffixes[] = {"", "-wal"};
    store_fixture copy = {0};
    dozan_error err = {0};
    dz_store *store = NULL;
    fixture_open(&copy, 0);
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        char from[FIXTURE_PATH + 8], to[FIXTURE_PATH + 8], bytes[65536];
        (void)snprintf(from, sizeof from, "%s%s", fixture->path, suffixes[i]);
        (void)snprintf(to, sizeof to, "%s%s", copy.path, suffixes[i]);
        int in = open(from, O_RDONLY | O_CLOEXEC);
        int out = open(to, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        assert_true(in >= 0 && out >= 0);
        ssize_t size = 0;
        while ((size = read(in, bytes, sizeof bytes)) > 0)
            assert_int_equal(write(out, bytes, (size_t)size), size);
        assert_int_equal(close(in) + close(out), 0);
    }
    assert_ok(dz_store_open(copy.path, DZ_STORE_READ, DZ_DURABILITY_OFF, &store, &err), err);
    check_whole(store);
    snapshot seen = take_snapshot(store);
    check_consistent(&seen);
    assert_true(seen.last_seq >= before->last_seq);
    dz_store_close(store);
    fixture_close(&copy);
}

static void check_failed_commit(const store_fixture *fixture, dz_store *store,
                                const dz_experiment *experiment, const snapshot *before)
{
    snapshot seen = take_snapshot(store);
    assert_memory_equal(&seen, before, sizeof seen);
    assert_true(experiment->dirty);
    for (size_t i = 0; i < experiment->active_count; i++)
        if (experiment->active[i]->number == experiment->trial_count)
            assert_true(experiment->active[i]->dirty);
    check_copy(fixture, before);
}

/* Fails the nth call during a commit. False when there were fewer. */
static bool fail_one_commit(store_fixture *fixture, dz_store *store, dz_experiment *experiment,
                            const fault_case *fault, int nth, bool lasts)
{
    dozan_error err = {0};
    dz_changes changes = {0};
    snapshot before = take_snapshot(store);
    make_turn(fixture, experiment, &changes);
    fault_vfs_arm(fault->kinds, nth, fault->code, lasts);
    dozan_status status = dz_store_commit(store, experiment, &changes, &err);
    bool fired = fault_vfs_disarm();
    if (status != DOZAN_OK) {
        assert_true(fired);
        assert_int_equal(status, fault->status);
        assert_string_equal(err.place, fixture->path);
        check_failed_commit(fixture, store, experiment, &before);
        assert_ok(dz_store_commit(store, experiment, &changes, &err), err);
    }
    assert_false(experiment->dirty);
    dz_changes_clear(&changes);
    snapshot after = take_snapshot(store);
    assert_int_equal(after.last_seq, experiment->last_seq);
    assert_int_equal(after.trials, experiment->trial_count);
    assert_int_equal(after.active, (int64_t)experiment->active_count);
    check_consistent(&after);
    return fired;
}

/* With a checkpoint after every commit, so that its writes fail too: they must not matter. */
static void fail_commits(store_fixture *fixture, const fault_case *fault, bool lasts)
{
    dz_store *store = open_owned(fixture, DZ_DURABILITY_FULL);
    dz_experiment *experiment = fixture_experiment(fixture, "faults");
    insert(store, experiment);
    assert_int_equal(sqlite3_wal_autocheckpoint(store->db, 1), SQLITE_OK);
    int nth = 1;
    while (fail_one_commit(fixture, store, experiment, fault, nth, lasts)) {
        assert_true(nth < MOST_FAULTS);
        nth++;
    }
    /* A commit has at least its write and its sync. */
    assert_true(nth > 1);
    check_whole(store);
    dz_experiment *read = load(store, "faults");
    assert_same_experiment(experiment, read);
    for (size_t i = 0; i < read->active_count; i++)
        assert_same_trial(experiment->active[i], read->active[i]);
    dz_experiment_destroy(read);
    dz_experiment_destroy(experiment);
    dz_store_close(store);
}

static void test_commit(void **state)
{
    store_fixture *fixture = *state;
    for (int i = 0; i < CASES; i++)
        for (int lasts = 0; lasts < 2; lasts++) {
            fail_commits(fixture, &cases[i], lasts != 0);
            assert_int_equal(unlink(fixture->path), 0);
        }
}

/* ---- which commits wait for the disk */

typedef struct sync_case {
    dozan_event_kind entry; /* 0 = none */
    dz_effect_kind effect;
    bool has_effect;
    bool ends;
    int syncs;
} sync_case;

static int count_syncs(store_fixture *fixture, dz_store *store, dz_experiment *experiment,
                       const sync_case *made)
{
    dz_changes changes = {0};
    dz_effect effect = {.kind = made->effect, .trial = 1, .attempt = 1};
    fixture_activate(experiment, fixture_trial(fixture, experiment, experiment->trial_count + 1,
                                               DZ_TRIAL_RUNNING));
    if (made->entry != 0)
        (void)fixture_log(fixture, experiment, &changes, made->entry, experiment->trial_count);
    if (made->ends)
        fixture_end(experiment, experiment->active_count - 1, DZ_TRIAL_SUCCEEDED, &changes);
    changes.effects = made->has_effect ? &effect : NULL;
    changes.effect_count = made->has_effect;
    int before = fault_vfs_syncs();
    dozan_error err = {0};
    assert_ok(dz_store_commit(store, experiment, &changes, &err), err);
    int syncs = fault_vfs_syncs() - before;
    changes.effects = NULL;
    changes.effect_count = 0;
    dz_changes_clear(&changes);
    return syncs;
}

static void test_syncs(void **state)
{
    static const sync_case made[] = {
        {.effect = DZ_EFFECT_START, .has_effect = true, .syncs = 1},
        {.effect = DZ_EFFECT_STOP, .has_effect = true, .syncs = 1},
        {.entry = DOZAN_EVENT_COMPLETED, .ends = true, .syncs = 1},
        {.entry = DOZAN_EVENT_REPORT, .syncs = 0},
        {.entry = DOZAN_EVENT_STARTED, .syncs = 0},
        {.entry = DOZAN_EVENT_REPORT, .effect = DZ_EFFECT_STOP, .has_effect = true, .syncs = 1},
        {.syncs = 1},
    };
    store_fixture *fixture = *state;
    dozan_error err = {0};
    for (int durability = DZ_DURABILITY_FULL; durability <= DZ_DURABILITY_OFF; durability++) {
        bool full = durability == DZ_DURABILITY_FULL;
        dz_store *store = open_owned(fixture, (dz_durability)durability);
        dz_experiment *experiment = fixture_experiment(fixture, "synced");
        insert(store, experiment);
        for (size_t i = 0; i < sizeof made / sizeof *made; i++)
            assert_int_equal(count_syncs(fixture, store, experiment, &made[i]),
                             full ? made[i].syncs : 0);
        /* What else the owner writes is synced, also after a commit that was not. */
        assert_int_equal(count_syncs(fixture, store, experiment, &made[3]), 0);
        int before = fault_vfs_syncs();
        dz_experiment *other = fixture_experiment(fixture, "other");
        assert_ok(dz_store_insert(store, other, "x", "x", 1, &err), err);
        dz_experiment_destroy(other);
        assert_int_equal(fault_vfs_syncs() - before, full);
        dz_experiment_destroy(experiment);
        dz_store_close(store);
        assert_int_equal(unlink(fixture->path), 0);
    }
}

/* ---- making, inserting, deleting */

static void test_making_the_file(void **state)
{
    store_fixture *fixture = *state;
    for (int i = 0; i < CASES; i++) {
        bool fired = true;
        for (int nth = 1; fired; nth++) {
            dozan_error err = {0};
            dz_store *store = NULL;
            fault_vfs_arm(cases[i].kinds, nth, cases[i].code, true);
            dozan_status status =
                dz_store_open(fixture->path, DZ_STORE_WRITE, DZ_DURABILITY_FULL, &store, &err);
            fired = fault_vfs_disarm();
            if (status != DOZAN_OK && status != cases[i].status)
                print_error("%s %d: %s: %s\n", cases[i].name, nth, err.place, err.message);
            assert_true(status == DOZAN_OK || (fired && status == cases[i].status));
            dz_store_close(store);
            store = open_owned(fixture, DZ_DURABILITY_FULL);
            check_whole(store);
            dz_store_close(store);
            assert_int_equal(unlink(fixture->path), 0);
            assert_true(nth < MOST_FAULTS);
        }
    }
}

static void test_insert_and_delete(void **state)
{
    store_fixture *fixture = *state;
    dz_store *store = open_owned(fixture, DZ_DURABILITY_FULL);
    for (int i = 0; i < CASES; i++) {
        bool fired = true;
        for (int nth = 1; fired; nth++) {
            dozan_error err = {0};
            dz_experiment *experiment = fixture_experiment(fixture, "once");
            fault_vfs_arm(cases[i].kinds, nth, cases[i].code, false);
            dozan_status status = dz_store_insert(store, experiment, "x", "x", 1, &err);
            fired = fault_vfs_disarm();
            if (status != DOZAN_OK) {
                assert_int_equal(status, cases[i].status);
                assert_int_equal(number_of(store, "SELECT count(*) FROM experiments"), 0);
                insert(store, experiment);
            }
            fault_vfs_arm(cases[i].kinds, nth, cases[i].code, false);
            status = dz_store_delete(store, experiment->id, &err);
            fired = fault_vfs_disarm() || fired;
            if (status != DOZAN_OK) {
                assert_int_equal(status, cases[i].status);
                assert_int_equal(number_of(store, "SELECT count(*) FROM documents"), 1);
                assert_ok(dz_store_delete(store, experiment->id, &err), err);
            }
            assert_int_equal(number_of(store, "SELECT count(*) FROM documents"), 0);
            dz_experiment_destroy(experiment);
            assert_true(nth < MOST_FAULTS);
        }
    }
    check_whole(store);
    dz_store_close(store);
}

/* ---- reading */

static bool go_on_trial(void *user, const dz_trial *trial)
{
    *(int64_t *)user += trial->number;
    return true;
}

static bool go_on_point(void *user, int32_t attempt, const dz_point *point)
{
    *(int64_t *)user += attempt + point->step;
    return true;
}

/* Opens, reads everything there is, and tells the first status that is not OK. */
static dozan_status read_all(const char *path)
{
    int64_t sum = 0;
    dz_store *store = NULL;
    dz_experiment *experiment = NULL;
    dozan_error err = {0};
    dozan_status status = dz_store_open(path, DZ_STORE_READ, DZ_DURABILITY_OFF, &store, &err);
    if (status == DOZAN_OK)
        status = dz_store_load(store, "faults", &experiment, &err);
    if (status == DOZAN_OK)
        status = dz_store_trials(store, experiment, 0, 0, go_on_trial, &sum, &err);
    for (int64_t number = 1; status == DOZAN_OK && number <= experiment->trial_count; number++)
        status = dz_store_points(store, experiment->id, number, 1, -1, go_on_point, &sum, &err);
    dz_log_read *read = NULL;
    if (status == DOZAN_OK)
        status = dz_store_log(store, experiment, 0, true, 1 << 22, &read, &err);
    dz_log_read_destroy(read);
    dz_experiment_destroy(experiment);
    dz_store_close(store);
    assert_int_equal(status != DOZAN_OK, err.message[0] != '\0');
    return status;
}

static void fill(store_fixture *fixture, int turns)
{
    dz_store *store = open_owned(fixture, DZ_DURABILITY_OFF);
    dz_experiment *experiment = fixture_experiment(fixture, "faults");
    insert(store, experiment);
    for (int i = 0; i < turns; i++) {
        dz_changes changes = {0};
        make_turn(fixture, experiment, &changes);
        commit(store, experiment, &changes);
    }
    dz_experiment_destroy(experiment);
    dz_store_close(store);
}

static void test_failing_reads(void **state)
{
    store_fixture *fixture = *state;
    fill(fixture, 10);
    bool fired = true;
    for (int nth = 1; fired; nth++) {
        fault_vfs_arm(FAULT_READS, nth, SQLITE_IOERR_READ, false);
        dozan_status status = read_all(fixture->path);
        fired = fault_vfs_disarm();
        assert_true(status == DOZAN_OK || (fired && status == DOZAN_UNAVAILABLE));
        assert_true(nth < MOST_FAULTS);
    }
    assert_int_equal(read_all(fixture->path), DOZAN_OK);
}

/* Random bytes of the file are changed: reading gives a status, never a crash. */
static void test_damaged_bytes(void **state)
{
    store_fixture *fixture = *state;
    struct stat info;
    int refused = 0;
    fill(fixture, 10);
    int fd = open(fixture->path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &info), 0);
    char *whole = malloc((size_t)info.st_size);
    assert_non_null(whole);
    assert_int_equal(pread(fd, whole, (size_t)info.st_size, 0), info.st_size);
    for (int round = 0; round < 300; round++) {
        for (int i = 0; i < 1 + round % 20; i++) {
            char byte = (char)fixture_below(fixture, 256);
            assert_int_equal(pwrite(fd, &byte, 1, fixture_below(fixture, info.st_size)), 1);
        }
        refused += read_all(fixture->path) != DOZAN_OK;
        assert_int_equal(pwrite(fd, whole, (size_t)info.st_size, 0), info.st_size);
        assert_int_equal(ftruncate(fd, info.st_size), 0);
    }
    assert_true(refused > 50);
    assert_int_equal(close(fd), 0);
    free(whole);
    assert_int_equal(read_all(fixture->path), DOZAN_OK);
}

/* ---- want of memory */

static void test_commit_without_memory(void **state)
{
    store_fixture *fixture = *state;
    dz_store *store = open_owned(fixture, DZ_DURABILITY_OFF);
    dz_experiment *experiment = fixture_experiment(fixture, "faults");
    insert(store, experiment);
    bool fired = true;
    for (int nth = 1; fired; nth += 1 + nth / 40) {
        dozan_error err = {0};
        dz_changes changes = {0};
        snapshot before = take_snapshot(store);
        make_turn(fixture, experiment, &changes);
        fault_memory_arm(nth, nth % 2);
        dozan_status status = dz_store_commit(store, experiment, &changes, &err);
        fired = fault_memory_disarm();
        if (status != DOZAN_OK) {
            assert_true(fired);
            assert_int_equal(status, DOZAN_RESOURCE_EXHAUSTED);
            snapshot seen = take_snapshot(store);
            assert_memory_equal(&seen, &before, sizeof seen);
            assert_true(experiment->dirty);
            assert_ok(dz_store_commit(store, experiment, &changes, &err), err);
        }
        dz_changes_clear(&changes);
        snapshot after = take_snapshot(store);
        assert_int_equal(after.last_seq, experiment->last_seq);
        check_consistent(&after);
    }
    check_whole(store);
    dz_experiment_destroy(experiment);
    dz_store_close(store);
}

static void test_reading_without_memory(void **state)
{
    store_fixture *fixture = *state;
    fill(fixture, 4);
    bool fired = true;
    for (int nth = 1; fired; nth += 1 + nth / 40) {
        fault_memory_arm(nth, nth % 2);
        dozan_status status = read_all(fixture->path);
        fired = fault_memory_disarm();
        assert_true(status == DOZAN_OK || (fired && status == DOZAN_RESOURCE_EXHAUSTED));
    }
    assert_int_equal(read_all(fixture->path), DOZAN_OK);
}

/* ---- another program has it locked */

static void test_locked(void **state)
{
    store_fixture *fixture = *state;
    dozan_error err = {0};
    dz_changes changes = {0};
    sqlite3 *shell = NULL;
    dz_store *store = open_owned(fixture, DZ_DURABILITY_OFF);
    dz_experiment *experiment = fixture_experiment(fixture, "locked");
    insert(store, experiment);
    make_turn(fixture, experiment, &changes);
    assert_int_equal(sqlite3_busy_timeout(store->db, 20), SQLITE_OK);
    assert_int_equal(sqlite3_open(fixture->path, &shell), SQLITE_OK);
    assert_int_equal(sqlite3_exec(shell, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(dz_store_commit(store, experiment, &changes, &err), DOZAN_UNAVAILABLE);
    assert_non_null(strstr(err.message, "locked"));
    assert_true(experiment->dirty);
    assert_int_equal(sqlite3_exec(shell, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    commit(store, experiment, &changes);
    assert_int_equal(sqlite3_close(shell), SQLITE_OK);
    dz_experiment_destroy(experiment);
    dz_store_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_commit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_syncs, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_making_the_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_insert_and_delete, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_failing_reads, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_damaged_bytes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_commit_without_memory, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_reading_without_memory, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_locked, set_up, tear_down),
    };
    fault_memory_install();
    fault_vfs_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
