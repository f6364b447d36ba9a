/*
 * kill -9 of a process that commits, at random moments: every commit that it had acknowledged is
 * there, the last one wholly or not at all, and the next process goes on from there. And what the
 * file's permissions forbid.
 */
#include "support/store_compare.h"

#include "store/db.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

enum { ROUNDS = 25, MOST_ACKNOWLEDGED = 60, REPORTS = 3, NOBODY = 65534 };

static int set_up(void **state)
{
    store_fixture *fixture = calloc(1, sizeof *fixture);
    assert_non_null(fixture);
    fixture_open(fixture, 41);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    (void)chmod(((store_fixture *)*state)->directory, 0700);
    fixture_close(*state);
    free(*state);
    return 0;
}

/* One turn: a trial ends, another is asked for, and it reports. Commits of one to many pages. */
static void commit_turn(store_fixture *fixture, dz_store *store, dz_experiment *experiment)
{
    dz_changes changes = {0};
    dozan_error err = {0};
    int64_t number = experiment->trial_count + 1;
    fixture_activate(experiment, fixture_trial(fixture, experiment, number, DZ_TRIAL_RUNNING));
    (void)fixture_log(fixture, experiment, &changes, DOZAN_EVENT_ASKED, number);
    for (int64_t i = fixture_below(fixture, 10) == 0 ? 100 : REPORTS; i > 0; i--)
        (void)fixture_log(fixture, experiment, &changes, DOZAN_EVENT_REPORT, number);
    if (experiment->active_count > 3)
        fixture_end(experiment, 0, DZ_TRIAL_SUCCEEDED, &changes);
    fixture_check(dz_store_commit(store, experiment, &changes, &err) == DOZAN_OK, err.message);
    dz_changes_clear(&changes);
}

/* In the child: takes the experiment up and commits for ever; after each commit says how far it is.
 */
static void commit_for_ever(store_fixture *fixture, int acknowledge)
{
    dozan_error err = {0};
    dz_store *store = NULL;
    dz_experiment *experiment = NULL;
    fixture_check(dz_store_open(fixture->path, DZ_STORE_WRITE, DZ_DURABILITY_NORMAL, &store,
                                &err) == DOZAN_OK,
                  err.message);
    fixture_check(dz_store_own(store, &err) == DOZAN_OK, err.message);
    fixture_check(dz_store_load(store, "killed", &experiment, &err) == DOZAN_OK, err.message);
    /* A checkpoint now and then, to be killed in it. */
    fixture_check(sqlite3_wal_autocheckpoint(store->db, 50) == SQLITE_OK, "no checkpoints");
    for (;;) {
        commit_turn(fixture, store, experiment);
        int64_t done[2] = {experiment->last_seq, experiment->trial_count};
        fixture_check(write(acknowledge, done, sizeof done) == sizeof done, "cannot acknowledge");
    }
}

static void read_acknowledged(int from, int64_t done[2], int64_t limit)
{
    int64_t next[2];
    while (limit-- != 0 && read(from, next, sizeof next) == (ssize_t)sizeof next)
        memcpy(done, next, sizeof next);
}

/* Runs a child and kills it after some commits, wherever it is then; sets what it acknowledged. */
static void run_and_kill(store_fixture *fixture, int64_t done[2])
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)close(ends[0]);
        commit_for_ever(fixture, ends[1]);
    }
    assert_int_equal(close(ends[1]), 0);
    read_acknowledged(ends[0], done, 1 + fixture_below(fixture, MOST_ACKNOWLEDGED));
    assert_int_equal(kill(child, SIGKILL), 0);
    read_acknowledged(ends[0], done, -1);
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    assert_int_equal(close(ends[0]), 0);
}

static int64_t number_of(dz_store *store, const char *sql)
{
    dozan_error err = {0};
    int64_t number = -1;
    assert_ok(dz_db_number(store, sql, &number, &err), err);
    return number;
}

static void check_after_kill(const store_fixture *fixture, const int64_t done[2])
{
    dozan_error err = {0};
    dz_store *store = NULL;
    assert_ok(dz_store_open(fixture->path, DZ_STORE_READ, DZ_DURABILITY_FULL, &store, &err), err);
    assert_int_equal(dz_store_owner(store), 0);
    dz_bind bind = dz_bind_new(store, "PRAGMA integrity_check");
    assert_true(dz_bind_step(&bind));
    assert_string_equal((const char *)sqlite3_column_text(bind.stmt, 0), "ok");
    assert_ok(dz_bind_done(&bind, "check", &err), err);
    dz_experiment *experiment = load(store, "killed");
    assert_true(experiment->last_seq >= done[0]);
    assert_true(experiment->trial_count >= done[1] && experiment->trial_count <= done[1] + 1);
    assert_int_equal(number_of(store, "SELECT count(*) FROM trials"), experiment->trial_count);
    assert_int_equal(number_of(store, "SELECT max(seq) FROM (SELECT seq FROM events UNION ALL "
                                      "SELECT seq FROM metrics)"),
                     experiment->last_seq);
    assert_int_equal(number_of(store, "SELECT (SELECT count(*) FROM events) + "
                                      "(SELECT count(*) FROM metrics)"),
                     experiment->last_seq);
    dz_experiment_destroy(experiment);
    dz_store_close(store);
}

static void test_kill(void **state)
{
    store_fixture *fixture = *state;
    int64_t done[2] = {0, 0};
    dz_store *store = open_owned(fixture, DZ_DURABILITY_NORMAL);
    dz_experiment *experiment = fixture_experiment(fixture, "killed");
    insert(store, experiment);
    dz_experiment_destroy(experiment);
    dz_store_close(store);
    for (int round = 0; round < ROUNDS; round++) {
        int64_t before = done[0];
        run_and_kill(fixture, done);
        assert_true(done[0] > before);
        check_after_kill(fixture, done);
    }
}

/* The status of an open by someone who may not write here, in a process of its own. */
static dozan_status open_as_nobody(const store_fixture *fixture, dz_store_mode mode)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        dz_store *store = NULL;
        if (geteuid() == 0 && setuid(NOBODY) != 0)
            _exit(DOZAN_UNKNOWN);
        _exit((int)dz_store_open(fixture->path, mode, DZ_DURABILITY_FULL, &store, NULL));
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return (dozan_status)WEXITSTATUS(status);
}

static void test_permissions(void **state)
{
    store_fixture *fixture = *state;
    assert_int_equal(chmod(fixture->directory, 0555), 0);
    assert_int_equal(open_as_nobody(fixture, DZ_STORE_WRITE), DOZAN_PERMISSION_DENIED);
    assert_int_equal(chmod(fixture->directory, 0755), 0);
    dz_store_close(open_owned(fixture, DZ_DURABILITY_FULL));
    assert_int_equal(chmod(fixture->path, 0444), 0);
    assert_int_equal(chmod(fixture->directory, 0555), 0);
    assert_int_equal(open_as_nobody(fixture, DZ_STORE_WRITE), DOZAN_PERMISSION_DENIED);
    assert_int_equal(open_as_nobody(fixture, DZ_STORE_READ), DOZAN_OK);
    assert_int_equal(chmod(fixture->path, 0000), 0);
    assert_int_equal(open_as_nobody(fixture, DZ_STORE_READ), DOZAN_PERMISSION_DENIED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_kill, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_permissions, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
