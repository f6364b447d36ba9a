/*
 * Commits of the store a second, by durability, against the bare writes of the same bytes in the
 * same run: write + fdatasync for FULL (a synced commit), write alone for NORMAL and OFF. What is
 * committed is the life of trials, five turns each: asked, starting, running, a report, completed.
 * Each turn has a start among its effects, so that FULL syncs every one: in a run it syncs fewer.
 *
 *   bench_store [--short]
 */
#include "support/store_fixture.h"

#include "store/db.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <time.h>

enum { FRAME_BYTES = 4096 + 24, LOG_BYTES = 1000 * FRAME_BYTES, PARALLEL = 4, ROUNDS = 11 };

typedef struct cost {
    double seconds;
    double cpu_seconds;
} cost;

static double clock_seconds(void)
{
    struct timespec now;
    fixture_check(clock_gettime(CLOCK_MONOTONIC, &now) == 0, "no clock");
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static double cpu_seconds(void)
{
    struct rusage used;
    fixture_check(getrusage(RUSAGE_SELF, &used) == 0, "no usage");
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
           (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) * 1e-6;
}

static cost start_clock(void)
{
    return (cost){.seconds = clock_seconds(), .cpu_seconds = cpu_seconds()};
}

static cost stop_clock(cost begun)
{
    return (cost){.seconds = clock_seconds() - begun.seconds,
                  .cpu_seconds = cpu_seconds() - begun.cpu_seconds};
}

static void must(dozan_status status, const dozan_error *err)
{
    fixture_check(status == DOZAN_OK, err->message);
}

/* ---- the life of trials */

static dz_trial *plain_trial(const dz_experiment *experiment, int64_t number)
{
    static const char *const names[] = {"lr", "momentum", "layers", "units", "dropout"};
    enum { COUNT = sizeof names / sizeof *names };
    dz_trial *trial = calloc(1, sizeof *trial);
    fixture_check(trial != NULL, "out of memory");
    char name[64];
    dz_trial_name(experiment, number, name, sizeof name);
    trial->number = number;
    trial->name = fixture_strdup(name);
    trial->metric_count = experiment->spec->metric_count;
    trial->observations = calloc(trial->metric_count, sizeof *trial->observations);
    trial->assignments = calloc(COUNT, sizeof *trial->assignments);
    fixture_check(trial->observations != NULL && trial->assignments != NULL, "out of memory");
    trial->assignment_count = COUNT;
    for (size_t i = 0; i < COUNT; i++) {
        trial->assignments[i].name = fixture_strdup(names[i]);
        trial->assignments[i].value = fixture_strdup("0.012345678901234567");
    }
    trial->created_ms = FIXTURE_NOW;
    return trial;
}

static void set_reason(dz_trial *trial, dz_trial_state state, const char *reason,
                       const char *message)
{
    trial->state = state;
    trial->dirty = true;
    (void)snprintf(trial->reason, sizeof trial->reason, "%s", reason);
    (void)snprintf(trial->message, sizeof trial->message, "%s", message);
}

static void report(store_fixture *fixture, dz_experiment *experiment, dz_trial *trial,
                   dz_changes *changes)
{
    dz_observation *observation = &trial->observations[0];
    dz_log_entry *entry =
        fixture_log(fixture, experiment, changes, DOZAN_EVENT_REPORT, trial->number);
    observation->count++;
    observation->min = observation->max = observation->latest = 0.8125;
    observation->numeric = observation->latest_numeric = true;
    observation->min_text = fixture_strdup("0.8125");
    observation->max_text = fixture_strdup("0.8125");
    observation->latest_text = fixture_strdup("0.8125");
    free(entry->text);
    entry->text = fixture_strdup("0.8125");
    entry->has_value = true;
    entry->value = 0.8125;
    trial->dirty = true;
}

/* The next turn of one of the parallel trials, or of a new one in place of one that has ended. */
static void turn(store_fixture *fixture, dz_experiment *experiment, int64_t number,
                 dz_changes *changes)
{
    size_t index = (size_t)(number % PARALLEL);
    if (index >= experiment->active_count) {
        dz_trial *asked = plain_trial(experiment, experiment->trial_count + 1);
        fixture_activate(experiment, asked);
        (void)fixture_log(fixture, experiment, changes, DOZAN_EVENT_ASKED, asked->number);
        set_reason(asked, DZ_TRIAL_PENDING, "TrialPending", "Trial waits");
        return;
    }
    dz_trial *trial = experiment->active[index];
    switch (trial->state) {
    case DZ_TRIAL_PENDING:
        trial->attempt = 1;
        set_reason(trial, DZ_TRIAL_STARTING, "TrialStarting", "Trial is being started");
        break;
    case DZ_TRIAL_STARTING:
        set_reason(trial, DZ_TRIAL_RUNNING, "TrialRunning", "Trial is running");
        (void)fixture_log(fixture, experiment, changes, DOZAN_EVENT_STARTED, trial->number);
        break;
    default:
        if (trial->observations[0].count == 0) {
            report(fixture, experiment, trial, changes);
            break;
        }
        (void)fixture_log(fixture, experiment, changes, DOZAN_EVENT_COMPLETED, trial->number);
        fixture_end(experiment, index, DZ_TRIAL_SUCCEEDED, changes);
        break;
    }
}

/* A start that the loop would carry out next: FULL must sync before it. */
static void add_start(dz_changes *changes, int64_t trial)
{
    changes->effects = calloc(1, sizeof *changes->effects);
    fixture_check(changes->effects != NULL, "out of memory");
    changes->effects[0] = (dz_effect){.kind = DZ_EFFECT_START, .trial = trial, .attempt = 1};
    changes->effect_count = changes->effect_capacity = 1;
}

static int64_t pages_written(dz_store *store)
{
    int pages = 0, highest = 0;
    (void)sqlite3_db_status(store->db, SQLITE_DBSTATUS_CACHE_WRITE, &pages, &highest, 0);
    return pages;
}

/* ---- one durability: store and bare writes in turns, so that another program's load on the disk
 * falls on both */

typedef struct bench {
    store_fixture fixture;
    dz_store *store;
    dz_experiment *experiment;
    int64_t commits;
    int bare_fd;
    off_t bare_place;
    bool bare_sync;
} bench;

static void bench_open(bench *b, dz_durability durability)
{
    char path[FIXTURE_PATH + 16];
    dozan_error err = {0};
    fixture_open(&b->fixture, 1);
    must(dz_store_open(b->fixture.path, DZ_STORE_WRITE, durability, &b->store, &err), &err);
    must(dz_store_own(b->store, &err), &err);
    b->experiment = fixture_experiment(&b->fixture, "bench");
    must(dz_store_insert(b->store, b->experiment, "bench", "bench", 5, &err), &err);
    (void)snprintf(path, sizeof path, "%s-bare", b->fixture.path);
    b->bare_fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    fixture_check(b->bare_fd >= 0 && unlink(path) == 0, "cannot write");
    b->bare_sync = durability == DZ_DURABILITY_FULL;
}

static void bench_close(bench *b)
{
    dz_experiment_destroy(b->experiment);
    dz_store_close(b->store);
    (void)close(b->bare_fd);
    fixture_close(&b->fixture);
}

/* Commits, and sets the bytes that one has written. */
static cost run_store(bench *b, int64_t commits, size_t *bytes)
{
    dozan_error err = {0};
    dz_changes changes = {0};
    int64_t pages = pages_written(b->store);
    cost begun = start_clock();
    for (int64_t i = 0; i < commits; i++) {
        turn(&b->fixture, b->experiment, b->commits++, &changes);
        add_start(&changes, b->experiment->trial_count);
        b->experiment->dirty = true;
        must(dz_store_commit(b->store, b->experiment, &changes, &err), &err);
        dz_changes_clear(&changes);
    }
    cost spent = stop_clock(begun);
    *bytes = (size_t)((pages_written(b->store) - pages) * FRAME_BYTES / commits);
    return spent;
}

/* Writes as the log is written: one commit after the other, and over the old ones when it is full.
 */
static cost run_bare(bench *b, int64_t commits, size_t bytes)
{
    char *zeros = calloc(1, bytes);
    fixture_check(zeros != NULL, "out of memory");
    cost begun = start_clock();
    for (int64_t i = 0; i < commits; i++) {
        if (b->bare_place + (off_t)bytes > LOG_BYTES)
            b->bare_place = 0;
        fixture_check(pwrite(b->bare_fd, zeros, bytes, b->bare_place) == (ssize_t)bytes,
                      "cannot write");
        fixture_check(!b->bare_sync || fdatasync(b->bare_fd) == 0, "cannot sync");
        b->bare_place += (off_t)bytes;
    }
    cost spent = stop_clock(begun);
    free(zeros);
    return spent;
}

static int by_size(const void *a, const void *b)
{
    const double *first = a, *second = b;
    return (*first > *second) - (*first < *second);
}

static double median(double values[ROUNDS])
{
    qsort(values, ROUNDS, sizeof *values, by_size);
    return values[ROUNDS / 2];
}

static void run(dz_durability durability, const char *name, int64_t commits)
{
    bench b = {0};
    double rates[ROUNDS], ratios[ROUNDS], cpus[ROUNDS], beyond[ROUNDS];
    double n = (double)(commits / ROUNDS);
    size_t bytes = 0;
    bench_open(&b, durability);
    (void)run_store(&b, commits / ROUNDS, &bytes);
    for (int i = 0; i < ROUNDS; i++) {
        cost store = run_store(&b, commits / ROUNDS, &bytes);
        cost bare = run_bare(&b, commits / ROUNDS, bytes);
        rates[i] = n / store.seconds;
        ratios[i] = bare.seconds / store.seconds;
        cpus[i] = store.cpu_seconds / n * 1e6;
        beyond[i] = (store.cpu_seconds - bare.cpu_seconds) / n * 1e6;
    }
    (void)printf("%-6s  %6.0f commits/s, %.2f of the bare writes' rate; CPU %.0f us a commit, %.0f "
                 "us beyond the bare write; %.1f KiB a commit (medians of %d rounds)\n",
                 name, median(rates), median(ratios), median(cpus), median(beyond),
                 (double)bytes / 1024, ROUNDS);
    bench_close(&b);
}

int main(int argc, char **argv)
{
    int64_t commits = argc > 1 && strcmp(argv[1], "--short") == 0 ? 550 : 11000;
    run(DZ_DURABILITY_FULL, "full", commits);
    run(DZ_DURABILITY_NORMAL, "normal", commits);
    run(DZ_DURABILITY_OFF, "off", commits);
    return 0;
}
