/*
 * The same worlds on the real store: each crash closes the file, and what the next life knows is
 * what it reads back. At the end the log that a plugin would be told is read whole.
 */
#include "store/store.h"
#include "support_simulation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { PATH_BYTES = 256, LOG_BYTES = 4096 };

typedef struct sqlite_store {
    char directory[PATH_BYTES];
    char path[PATH_BYTES + 16];
    dz_store *store;
} sqlite_store;

static void must(dozan_status status, const dozan_error *err)
{
    if (status != DOZAN_OK) {
        print_error("%s: %s\n", err->place, err->message);
    }
    assert_int_equal(status, DOZAN_OK);
}

static void open_store(sqlite_store *self)
{
    dozan_error err = {0};

    must(dz_store_open(self->path, DZ_STORE_WRITE, DZ_DURABILITY_OFF, &self->store, &err), &err);
    must(dz_store_own(self->store, &err), &err);
}

static void *sqlite_open(const sim *s)
{
    sqlite_store *self = calloc(1, sizeof *self);
    const char *build = getenv("DOZAN_BUILD");

    (void)s;
    assert_non_null(self);
    (void)snprintf(self->directory, sizeof self->directory, "%s/simulation-XXXXXX",
                   build == NULL ? "/tmp" : build);
    assert_non_null(mkdtemp(self->directory));
    (void)snprintf(self->path, sizeof self->path, "%s/dozan.db", self->directory);
    open_store(self);
    return self;
}

static void sqlite_close(void *user)
{
    static const char *const endings[] = {"", "-wal", "-shm", ".lock", "-lock"};
    sqlite_store *self = user;
    char path[PATH_BYTES + 32];

    dz_store_close(self->store);
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        (void)snprintf(path, sizeof path, "%s%s", self->path, endings[i]);
        (void)unlink(path);
    }
    assert_int_equal(rmdir(self->directory), 0);
    free(self);
}

static void sqlite_insert(void *user, sim *s, dz_experiment *experiment)
{
    sqlite_store *self = user;
    dozan_error err = {0};

    (void)s;
    must(dz_store_insert(self->store, experiment, "test.yaml", test_experiment_yaml,
                         strlen(test_experiment_yaml), &err),
         &err);
}

static void sqlite_commit(void *user, sim *s, dz_experiment *experiment, dz_changes *changes)
{
    sqlite_store *self = user;
    dozan_error err = {0};

    (void)s;
    must(dz_store_commit(self->store, experiment, changes, &err), &err);
    assert_false(experiment->dirty);
}

static dz_experiment *sqlite_load(void *user, sim *s)
{
    sqlite_store *self = user;
    dz_experiment *experiment = NULL;
    dozan_error err = {0};

    dz_store_close(self->store);
    open_store(self);
    must(dz_store_load(self->store, "bowl", &experiment, &err), &err);
    assert_int_equal(experiment->spec->max_trial_count, s->max_trials);
    assert_int_equal(experiment->spec->parallel_trial_count, s->parallel);
    return experiment;
}

static const sim_store sqlite_ops = {sqlite_open, sqlite_close, sqlite_insert, sqlite_commit,
                                     sqlite_load};

/* Reads the log in small parts: numbers without a gap, and each trial asked exactly once. */
static void check_stored_log(sim *s)
{
    const sqlite_store *self = s->store;
    int64_t seq = 0;
    int64_t asked = 0;
    bool more = true;

    while (more) {
        dz_log_read *read = NULL;
        dozan_error err = {0};

        must(dz_store_log(self->store, s->experiment, seq, true, LOG_BYTES, &read, &err), &err);
        for (size_t i = 0; i < read->part.event_count; i++) {
            assert_int_equal(read->part.events[i].seq, ++seq);
            asked += read->part.events[i].kind == DOZAN_EVENT_ASKED;
        }
        assert_int_equal(read->part.to_seq, seq);
        more = read->more;
        dz_log_read_destroy(read);
    }
    assert_int_equal(seq, s->experiment->last_seq);
    assert_int_equal(asked, s->experiment->trial_count);
}

static void run(const sim_options *options, uint64_t first, int count)
{
    sim *s = calloc(1, sizeof *s);

    assert_non_null(s);
    for (int i = 0; i < count; i++) {
        bool good = sim_run(s, options, &sqlite_ops, first + (uint64_t)i);

        if (!good) {
            print_error("%s, seed %llu: %s\n", options->name,
                        (unsigned long long)(first + (uint64_t)i), s->trouble);
        } else {
            check_stored_log(s);
        }
        sim_fini(s);
        assert_true(good);
    }
    free(s);
}

static void a_grid_on_the_real_store(void **state)
{
    const sim_options options = {.name = "grid",
                                 .parallel = 3,
                                 .max_trials = SIM_MAX_TRIALS,
                                 .cpus = 2,
                                 .points = 8,
                                 .crash = 60,
                                 .lost = 250,
                                 .silent = 150,
                                 .garbage = 100,
                                 .wait = 200,
                                 .duplicate = 200,
                                 .suspend = 15};

    (void)state;
    run(&options, 500000, 25);
}

static void anything_on_the_real_store(void **state)
{
    const sim_options options = {.name = "anything",
                                 .parallel = 4,
                                 .max_trials = 12,
                                 .cpus = 6,
                                 .gpus = 3,
                                 .gpus_per_trial = 1,
                                 .points = 40,
                                 .initial_points = 2,
                                 .early_stopping = true,
                                 .crash = 40,
                                 .lost = 150,
                                 .failed = 150,
                                 .unavailable = 100,
                                 .silent = 100,
                                 .garbage = 50,
                                 .wait = 100,
                                 .duplicate = 150,
                                 .kill = 20,
                                 .suspend = 10,
                                 .budget = 15,
                                 .retries = 1};

    (void)state;
    run(&options, 600000, 25);
}

static void the_front_survives_any_crash_of_the_real_store(void **state)
{
    const sim_options options = {.name = "front",
                                 .parallel = 4,
                                 .max_trials = 30,
                                 .cpus = 4,
                                 .points = 1000,
                                 .objectives = true,
                                 .crash = 60,
                                 .lost = 100,
                                 .failed = 50,
                                 .unavailable = 50,
                                 .duplicate = 150,
                                 .kill = 10,
                                 .suspend = 10};

    (void)state;
    run(&options, 700000, 25);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_grid_on_the_real_store),
        cmocka_unit_test(anything_on_the_real_store),
        cmocka_unit_test(the_front_survives_any_crash_of_the_real_store),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
