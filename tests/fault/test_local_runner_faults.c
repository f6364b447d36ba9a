/*
 * The local runner when the machine fails it: no shim, no directory, no file descriptors, no room
 * on the disk. Each time there is an end with a sentence, and never a hang.
 */
#include "support/jobs.h"

#include <sys/resource.h>

enum { MAX_FILLERS = 4096 };

static void reopen_with_shim(world *w, const char *shim)
{
    jobs_close_runner(w);
    (void)snprintf(w->shim, sizeof w->shim, "%s", shim);
    jobs_open_runner(w);
}

static void shim_is_missing(void **state)
{
    world *w = *state;
    reopen_with_shim(w, "/no/such/dozan-shim");
    jobs_run(w, 1, "echo run");
    jobs_expect(w, 1, DZ_END_NOT_STARTED, "/no/such/dozan-shim could not be started: No such file");
    assert_false(w->seen[1].end.configuration_fault);
    assert_int_equal(w->seen[1].started, 0);
}

/* Programs in the shim's place that do none of its work. */
static void shim_is_something_else(void **state)
{
    static const char *const programs[] = {"/bin/true", "/bin/false", "/etc/passwd"};
    world *w = *state;
    for (int i = 0; i < 3; i++) {
        reopen_with_shim(w, programs[i]);
        jobs_run(w, i, "echo run");
        jobs_expect(w, i, DZ_END_NOT_STARTED, "");
        assert_false(w->seen[i].end.configuration_fault);
    }
}

static void directory_cannot_be_made(void **state)
{
    const world *w = *state;
    const dz_runner_sink sink = {NULL, jobs_started, jobs_output, jobs_ended};
    const dz_runner_config config = {.directory = "/proc/dozan", .shim = w->shim};
    dozan_error err = {0};
    void *runner = NULL;
    assert_int_equal(w->ops->create(&config, &sink, &runner, &err), DOZAN_FAILED_PRECONDITION);
    assert_null(runner);
    assert_non_null(strstr(err.message, "/proc/dozan"));
}

/* Something else lies where a trial's directory, or a file in it, should be. */
static void job_directory_is_in_the_way(void **state)
{
    world *w = *state;
    char path[256];
    (void)snprintf(path, sizeof path, "%s/exp", w->jobs);
    int file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(file >= 0);
    (void)close(file);
    jobs_run(w, 1, "echo run");
    jobs_expect(w, 1, DZ_END_NOT_STARTED, "could not be made: Not a directory");
    assert_false(w->seen[1].end.configuration_fault);

    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    jobs_path(w, 2, "", path);
    path[strlen(path) - 1] = '\0';
    file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(file >= 0);
    (void)close(file);
    jobs_run(w, 2, "echo run");
    jobs_expect(w, 2, DZ_END_LOST, "cannot be read: Not a directory");

    jobs_path(w, 3, "", path);
    assert_int_equal(mkdir(path, 0700), 0);
    jobs_path(w, 3, DZ_JOB_STATUS, path);
    assert_int_equal(mkdir(path, 0700), 0);
    jobs_run(w, 3, "echo run");
    jobs_expect(w, 3, DZ_END_LOST, "cannot be read: Is a directory");

    jobs_path(w, 4, "", path);
    assert_int_equal(mkdir(path, 0700), 0);
    jobs_path(w, 4, DZ_JOB_OUTPUT, path);
    assert_int_equal(mkdir(path, 0700), 0);
    jobs_run(w, 4, "echo run");
    jobs_expect(w, 4, DZ_END_NOT_STARTED, "could not be made");
    for (int i = 1; i <= 3; i++)
        assert_int_equal(w->seen[i].started, 0);
}

/* A limit on the size of files is the nearest to a full disk that needs no disk. */
static void disk_is_full_at_the_start(void **state)
{
    world *w = *state;
    struct rlimit before, none;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    none = before;
    none.rlim_cur = 0;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
    jobs_run(w, 1, "exit 0");
    jobs_wait(w, 1, jobs_has_ended, "its end");
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    jobs_expect(w, 1, DZ_END_NOT_STARTED, "File too large");
    assert_false(w->seen[1].end.configuration_fault);
}

static void record_cannot_be_written(void **state)
{
    world *w = *state;
    char fifo[256];
    char script[1024];
    const struct rlimit none = {0, 0};
    (void)snprintf(fifo, sizeof fifo, "%s/fifo", w->folder);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    (void)snprintf(script, sizeof script, "read x <%s; exit 0", fifo);
    jobs_run(w, 1, script);
    int writer = open(fifo, O_WRONLY | O_CLOEXEC); /* returns once the trial reads */
    assert_true(writer >= 0);
    assert_int_equal(prlimit(jobs_shim(w, 1), RLIMIT_FSIZE, &none, NULL), 0);
    assert_int_equal(write(writer, "go\n", 3), 3);
    (void)close(writer);
    jobs_expect(w, 1, DZ_END_LOST, "is the disk full?");
}

/* Takes every descriptor that is left; the trials get as few of them as we do, but have them all to
 * themselves. */
static int exhaust(int fillers[MAX_FILLERS], struct rlimit *before)
{
    int count = 0;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, before), 0);
    struct rlimit small = {.rlim_cur = 256, .rlim_max = before->rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &small), 0);
    while (count < MAX_FILLERS && (fillers[count] = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0)
        count++;
    assert_int_equal(errno, EMFILE);
    return count;
}

static void give_back(const int fillers[MAX_FILLERS], int count, const struct rlimit *before)
{
    for (int i = 0; i < count; i++)
        (void)close(fillers[i]);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, before), 0);
}

/* Without a descriptor to watch the shim by, or to read the output by, the trial runs all the same,
 * and what it printed comes once there are some again. */
static void descriptors_run_out_for_a_while(void **state)
{
    static int fillers[MAX_FILLERS];
    world *w = *state;
    struct rlimit before;
    char fifo[256];
    char script[1024];
    char byte;
    (void)snprintf(fifo, sizeof fifo, "%s/fifo", w->folder);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    int reader = open(fifo, O_RDWR | O_CLOEXEC);
    assert_true(reader >= 0);
    (void)snprintf(script, sizeof script, "echo one; echo x >%s; echo two; exit 7", fifo);
    int count = exhaust(fillers, &before);
    jobs_run(w, 1, script);
    ssize_t got = read(reader, &byte, 1);
    give_back(fillers, count, &before);
    assert_int_equal(got, 1);
    jobs_expect(w, 1, DZ_END_EXITED, "");
    assert_int_equal(w->seen[1].end.code, 7);
    assert_string_equal(jobs_text(&w->seen[1]), "one\ntwo\n");
    (void)close(reader);
}

static void descriptors_run_out_for_good(void **state)
{
    static int fillers[MAX_FILLERS];
    world *w = *state;
    struct rlimit before;
    int count = exhaust(fillers, &before);
    jobs_run(w, 1, "echo one");
    jobs_wait(w, 1, jobs_has_ended, "its end");
    give_back(fillers, count, &before);
    jobs_expect(w, 1, DZ_END_LOST, "cannot be read: Too many open files");
}

/* A job without a descriptor for its shim can be watched and stopped all the same. */
static void stop_without_descriptors(void **state)
{
    static int fillers[MAX_FILLERS];
    world *w = *state;
    struct rlimit before;
    jobs_run(w, 1, "echo ready; exec tail -f /dev/null");
    jobs_wait(w, 1, jobs_has_printed, "ready");
    int count = exhaust(fillers, &before);
    jobs_run(w, 2, "exec tail -f /dev/null");
    jobs_stop(w, 1);
    jobs_stop(w, 2);
    give_back(fillers, count, &before);
    jobs_expect(w, 1, DZ_END_STOPPED, "");
    jobs_expect(w, 2, DZ_END_STOPPED, "");
}

int main(void)
{
#define JOBS_TEST(name) cmocka_unit_test_setup_teardown(name, jobs_setup, jobs_teardown)
    const struct CMUnitTest tests[] = {
        JOBS_TEST(shim_is_missing),
        JOBS_TEST(shim_is_something_else),
        JOBS_TEST(directory_cannot_be_made),
        JOBS_TEST(job_directory_is_in_the_way),
        JOBS_TEST(disk_is_full_at_the_start),
        JOBS_TEST(record_cannot_be_written),
        JOBS_TEST(descriptors_run_out_for_a_while),
        JOBS_TEST(descriptors_run_out_for_good),
        JOBS_TEST(stop_without_descriptors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
