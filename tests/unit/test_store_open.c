/*
 * What may be opened, and what is left alone; who owns it.
 */
#include "support/store_compare.h"

#include "store/schema.h"

#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>

static int set_up(void **state)
{
    store_fixture *fixture = calloc(1, sizeof *fixture);
    assert_non_null(fixture);
    fixture_open(fixture, 3);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    fixture_close(*state);
    free(*state);
    return 0;
}

static dozan_status try_open(const char *path, dz_store_mode mode, dozan_error *err)
{
    dz_store *store = NULL;
    dozan_status status = dz_store_open(path, mode, DZ_DURABILITY_FULL, &store, err);
    assert_int_equal(status == DOZAN_OK, store != NULL);
    dz_store_close(store);
    return status;
}

static void write_file(const char *path, const void *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

/* Owned bytes. */
static char *read_file(const char *path, size_t *size)
{
    struct stat info;
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fstat(fileno(file), &info), 0);
    *size = (size_t)info.st_size;
    char *bytes = malloc(*size + 1);
    assert_non_null(bytes);
    assert_int_equal(fread(bytes, 1, *size, file), *size);
    assert_int_equal(fclose(file), 0);
    return bytes;
}

static void run_sql(const char *path, const char *sql)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* Opening in either mode gives the status, with the words in its message, and changes no byte. */
static void check_refused(const char *path, dozan_status status, const char *words)
{
    size_t before_size = 0, after_size = 0;
    char *before = read_file(path, &before_size);
    for (int mode = DZ_STORE_READ; mode <= DZ_STORE_WRITE; mode++) {
        dozan_error err = {0};
        assert_int_equal(try_open(path, (dz_store_mode)mode, &err), status);
        assert_string_equal(err.place, path);
        assert_non_null(strstr(err.message, words));
    }
    char *after = read_file(path, &after_size);
    assert_int_equal(before_size, after_size);
    assert_memory_equal(before, after, before_size);
    free(before);
    free(after);
}

static void test_no_file(void **state)
{
    store_fixture *fixture = *state;
    dozan_error err = {0};
    char path[FIXTURE_PATH + 16];
    assert_int_equal(try_open(fixture->path, DZ_STORE_READ, &err), DOZAN_NOT_FOUND);
    assert_string_equal(err.place, fixture->path);
    assert_int_equal(access(fixture->path, F_OK), -1);
    (void)snprintf(path, sizeof path, "%s/none/x.db", fixture->directory);
    assert_int_equal(try_open(path, DZ_STORE_WRITE, &err), DOZAN_NOT_FOUND);
    assert_non_null(strstr(err.message, "directory"));
    assert_int_equal(try_open(fixture->directory, DZ_STORE_WRITE, &err), DOZAN_FAILED_PRECONDITION);
    assert_int_equal(try_open("/dev/null", DZ_STORE_WRITE, &err), DOZAN_FAILED_PRECONDITION);
    assert_int_equal(try_open("", DZ_STORE_WRITE, &err), DOZAN_INVALID_ARGUMENT);
}

static void test_names_that_sqlite_would_take_apart(void **state)
{
    static const char *const names[] = {":memory:", "file:x?mode=memory", "a b%20c#d.db"};
    store_fixture *fixture = *state;
    dozan_error err = {0};
    char before[1024];
    assert_non_null(getcwd(before, sizeof before));
    assert_int_equal(chdir(fixture->directory), 0);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char lock[64];
        assert_ok(try_open(names[i], DZ_STORE_WRITE, &err), err);
        assert_int_equal(access(names[i], F_OK), 0);
        (void)snprintf(lock, sizeof lock, "%s.lock", names[i]);
        assert_int_equal(unlink(names[i]), 0);
        (void)unlink(lock);
    }
    assert_int_equal(chdir(before), 0);
}

static void test_no_database(void **state)
{
    store_fixture *fixture = *state;
    char text[8192];
    memset(text, 'x', sizeof text);
    write_file(fixture->path, text, sizeof text);
    check_refused(fixture->path, DOZAN_FAILED_PRECONDITION, "no database");
    write_file(fixture->path, "kind: Experiment\n", 17);
    check_refused(fixture->path, DOZAN_FAILED_PRECONDITION, "no database");
}

static void test_database_of_another_program(void **state)
{
    store_fixture *fixture = *state;
    run_sql(fixture->path, "CREATE TABLE optuna(x); INSERT INTO optuna VALUES (1)");
    check_refused(fixture->path, DOZAN_FAILED_PRECONDITION, "another program");
    run_sql(fixture->path, "DROP TABLE optuna; PRAGMA application_id = 7");
    check_refused(fixture->path, DOZAN_FAILED_PRECONDITION, "another program");
}

static void test_newer_version(void **state)
{
    store_fixture *fixture = *state;
    dz_store_close(open_owned(fixture, DZ_DURABILITY_FULL));
    run_sql(fixture->path, "PRAGMA user_version = 1000");
    check_refused(fixture->path, DOZAN_FAILED_PRECONDITION, "version 1000");
    run_sql(fixture->path, "PRAGMA user_version = 0");
    check_refused(fixture->path, DOZAN_DATA_LOSS, "damaged");
}

static void test_empty_file(void **state)
{
    store_fixture *fixture = *state;
    dozan_error err = {0};
    write_file(fixture->path, "", 0);
    assert_int_equal(try_open(fixture->path, DZ_STORE_READ, &err), DOZAN_NOT_FOUND);
    assert_ok(try_open(fixture->path, DZ_STORE_WRITE, &err), err);
    assert_ok(try_open(fixture->path, DZ_STORE_READ, &err), err);
}

/* A process that was killed between the first page and the tables. */
static void test_half_made_file(void **state)
{
    store_fixture *fixture = *state;
    dozan_error err = {0};
    run_sql(fixture->path, "PRAGMA journal_mode = WAL");
    assert_int_equal(try_open(fixture->path, DZ_STORE_READ, &err), DOZAN_NOT_FOUND);
    assert_ok(try_open(fixture->path, DZ_STORE_WRITE, &err), err);
    assert_ok(try_open(fixture->path, DZ_STORE_READ, &err), err);
}

static void test_damaged(void **state)
{
    store_fixture *fixture = *state;
    dozan_error err = {0};
    char zeros[4096 * 3];
    dz_store *store = open_owned(fixture, DZ_DURABILITY_FULL);
    dz_experiment *experiment = fixture_experiment(fixture, "damaged"), *read = NULL;
    insert(store, experiment);
    dz_experiment_destroy(experiment);
    dz_store_close(store);
    memset(zeros, 0x5a, sizeof zeros);
    /* The schema's page: seen at once. */
    int fd = open(fixture->path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, zeros, 3000, 100), 3000);
    check_refused(fixture->path, DOZAN_DATA_LOSS, "damaged");
    assert_int_equal(close(fd), 0);

    assert_int_equal(unlink(fixture->path), 0);
    store = open_owned(fixture, DZ_DURABILITY_FULL);
    experiment = fixture_experiment(fixture, "damaged");
    insert(store, experiment);
    dz_experiment_destroy(experiment);
    dz_store_close(store);
    /* Values that the store never writes: seen when they are read. */
    run_sql(fixture->path, "UPDATE experiments SET state = 'DANCING'");
    store = open_owned(fixture, DZ_DURABILITY_FULL);
    assert_int_equal(dz_store_load(store, "damaged", &read, &err), DOZAN_DATA_LOSS);
    assert_non_null(strstr(err.message, "\"state\""));
    dz_store_close(store);
    run_sql(fixture->path, "UPDATE experiments SET state = 'CREATED', conditions = '[{}]'");
    store = open_owned(fixture, DZ_DURABILITY_FULL);
    assert_int_equal(dz_store_load(store, "damaged", &read, &err), DOZAN_DATA_LOSS);
    assert_non_null(strstr(err.message, "\"conditions\""));
    dz_store_close(store);
    run_sql(fixture->path, "UPDATE experiments SET conditions = '[]'; "
                           "UPDATE documents SET spec = '{\"kind\": \"Experiment\"}'");
    store = open_owned(fixture, DZ_DURABILITY_FULL);
    assert_int_equal(dz_store_load(store, "damaged", &read, &err), DOZAN_DATA_LOSS);
    dz_store_close(store);
}

/* ---- ownership */

static void test_one_owner(void **state)
{
    store_fixture *fixture = *state;
    dozan_error err = {0};
    char pid[32];
    dz_store *second = NULL;
    dz_store *first = open_owned(fixture, DZ_DURABILITY_FULL);
    assert_ok(dz_store_own(first, &err), err);
    assert_int_equal(dz_store_owner(first), getpid());
    assert_ok(dz_store_open(fixture->path, DZ_STORE_WRITE, DZ_DURABILITY_FULL, &second, &err), err);
    assert_int_equal(dz_store_own(second, &err), DOZAN_FAILED_PRECONDITION);
    (void)snprintf(pid, sizeof pid, "pid %ld ", (long)getpid());
    assert_non_null(strstr(err.message, pid));
    assert_int_equal(dz_store_owner(second), getpid());

    dz_experiment *experiment = fixture_experiment(fixture, "refused");
    assert_int_equal(dz_store_insert(second, experiment, "x", "x", 1, &err),
                     DOZAN_FAILED_PRECONDITION);
    dz_experiment_destroy(experiment);

    /* what was left for the first owner is not for the second one */
    bool waits = false;
    assert_ok(dz_store_post(second, DZ_COMMAND_STOP, "refused", 0, &err), err);
    dz_store_close(first);
    assert_int_equal(dz_store_owner(second), 0);
    assert_ok(dz_store_waits(second, DZ_COMMAND_STOP, "refused", 0, &waits, &err), err);
    assert_true(waits);
    assert_ok(dz_store_own(second, &err), err);
    assert_ok(dz_store_waits(second, DZ_COMMAND_STOP, "refused", 0, &waits, &err), err);
    assert_false(waits);
    dz_store_close(second);
}

/* In the child: owns the file, says so, and waits for its end. */
static void own_and_wait(const store_fixture *fixture, int ready)
{
    dz_store *store = NULL;
    bool owned = dz_store_open(fixture->path, DZ_STORE_WRITE, DZ_DURABILITY_FULL, &store, NULL) ==
                     DOZAN_OK &&
                 dz_store_own(store, NULL) == DOZAN_OK;
    if (write(ready, owned ? "y" : "n", 1) == 1)
        for (;;)
            (void)pause();
    _exit(1);
}

static void test_killed_owner(void **state)
{
    store_fixture *fixture = *state;
    dozan_error err = {0};
    int ready[2];
    char answer = 0;
    dz_store *store = NULL;
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        own_and_wait(fixture, ready[1]);
    assert_int_equal(read(ready[0], &answer, 1), 1);
    assert_int_equal(answer, 'y');
    assert_ok(dz_store_open(fixture->path, DZ_STORE_WRITE, DZ_DURABILITY_FULL, &store, &err), err);
    assert_int_equal(dz_store_owner(store), child);
    assert_int_equal(dz_store_own(store, &err), DOZAN_FAILED_PRECONDITION);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_int_equal(dz_store_owner(store), 0);
    assert_ok(dz_store_own(store, &err), err);
    assert_int_equal(dz_store_owner(store), getpid());
    dz_store_close(store);
    (void)close(ready[0]);
    (void)close(ready[1]);
}

/* Many processes make the same new file: each gets a whole one. */
static void test_made_by_many(void **state)
{
    enum { CHILDREN = 8 };
    store_fixture *fixture = *state;
    pid_t children[CHILDREN];
    for (int i = 0; i < CHILDREN; i++) {
        children[i] = fork();
        assert_true(children[i] >= 0);
        if (children[i] == 0) {
            dozan_error err = {0};
            dz_store *store = NULL;
            dozan_status status =
                dz_store_open(fixture->path, DZ_STORE_WRITE, DZ_DURABILITY_OFF, &store, &err);
            if (status == DOZAN_OK)
                status = dz_store_post(store, DZ_COMMAND_STOP, "x", 0, &err);
            dz_store_close(store);
            if (status != DOZAN_OK)
                (void)fprintf(stderr, "%s\n", err.message);
            _exit(status == DOZAN_OK ? 0 : 1);
        }
    }
    for (int i = 0; i < CHILDREN; i++) {
        int result = -1;
        assert_int_equal(waitpid(children[i], &result, 0), children[i]);
        assert_int_equal(result, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_no_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_names_that_sqlite_would_take_apart, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_database, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_database_of_another_program, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_newer_version, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_empty_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_half_made_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_damaged, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_one_owner, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_killed_owner, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_made_by_many, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
