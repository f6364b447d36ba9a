/*
 * The local runner with real processes: how they start, print, end, are stopped, and are found
 * again.
 */
#include "support/jobs.h"

#include <signal.h>

static void make_fifo(const world *w, const char *name, char path[256])
{
    (void)snprintf(path, 256, "%s/%s", w->folder, name);
    assert_int_equal(mkfifo(path, 0600), 0);
}

/* Lets the trial that reads from the fifo go on. One fifo serves once: a second reader could meet
 * the first writer. */
static void release(const char *fifo)
{
    int file = open(fifo, O_WRONLY | O_CLOEXEC);
    assert_true(file >= 0);
    assert_int_equal(write(file, "go\n", 3), 3);
    (void)close(file);
}

static void write_file(const char *path, const char *text, mode_t mode)
{
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    assert_true(file >= 0);
    assert_int_equal(write(file, text, strlen(text)), (ssize_t)strlen(text));
    (void)close(file);
}

/* No such process any more, or one that only waits for its parent to take notice. */
static void assert_gone(pid_t pid)
{
    char path[64];
    char text[512] = "";
    (void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return;
    bool read = fgets(text, sizeof text, file) != NULL;
    (void)fclose(file);
    const char *name_end = strrchr(text, ')');
    if (read && name_end != NULL && name_end[1] != '\0' && strchr("ZX", name_end[2]) == NULL)
        fail_msg("process %d is still there: %s", (int)pid, text);
}

/* ---- ends ----------------------------------------------------------------------------------- */

static void ends(void **state)
{
    static const struct {
        const char *script;
        dz_end_kind kind;
        int code;
        int signal;
        const char *output;
    } cases[] = {
        {"echo hello", DZ_END_EXITED, 0, 0, "hello\n"},
        {"exit 3", DZ_END_EXITED, 3, 0, ""},
        {"echo out; echo err >&2; exit 255", DZ_END_EXITED, 255, 0, "out\nerr\n"},
        {"printf 'no newline'", DZ_END_EXITED, 0, 0, "no newline"},
        {"kill -TERM $$", DZ_END_SIGNALED, 0, SIGTERM, ""},
        {"echo last; kill -KILL $$", DZ_END_SIGNALED, 0, SIGKILL, "last\n"},
        {"cat", DZ_END_EXITED, 0, 0, ""}, /* standard input is at its end */
        {"no-such-command-here", DZ_END_EXITED, 127, 0, NULL},
    };
    world *w = *state;
    int count = (int)(sizeof cases / sizeof cases[0]);
    for (int i = 0; i < count; i++)
        jobs_run(w, i, cases[i].script);
    for (int i = 0; i < count; i++) {
        const seen_job *seen = jobs_await(w, i);
        assert_int_equal(seen->started, 1);
        assert_int_equal(seen->end.kind, cases[i].kind);
        assert_int_equal(seen->end.code, cases[i].code);
        assert_int_equal(seen->end.signal, cases[i].signal);
        if (cases[i].output != NULL)
            assert_string_equal(jobs_text(seen), cases[i].output);
    }
}

static void record_tells_what_was_used(void **state)
{
    world *w = *state;
    char path[256];
    char text[256] = "";
    long rss = 0;
    jobs_run(w, 1, "exit 4");
    (void)jobs_await(w, 1);
    jobs_path(w, 1, DZ_JOB_STATUS, path);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    assert_non_null(fgets(text, sizeof text, file));
    (void)fclose(file);
    assert_non_null(strstr(text, "dozan 1 exited 4 rss_kib "));
    rss = strtol(strstr(text, "rss_kib") + 8, NULL, 10);
    assert_true(rss > 100 && rss < 1000000);
}

static void large_output_comes_whole(void **state)
{
    world *w = *state;
    jobs_run(w, 1, "i=0; while [ $i -lt 2000 ]; do i=$((i+1)); printf '%0999d\\n' $i; done");
    const seen_job *seen = jobs_await(w, 1);
    assert_int_equal(seen->output.size, 2000 * 1000);
    for (size_t i = 0; i < 2000; i++)
        assert_int_equal(strtol(seen->output.data + i * 1000 + 900, NULL, 10), i + 1);
}

static void output_is_live(void **state)
{
    world *w = *state;
    char fifos[2][256];
    char script[1024];
    make_fifo(w, "first", fifos[0]);
    make_fifo(w, "second", fifos[1]);
    (void)snprintf(script, sizeof script, "echo one; read x <%s; echo two; read x <%s", fifos[0],
                   fifos[1]);
    jobs_run(w, 1, script);
    jobs_wait(w, 1, jobs_has_printed, "one");
    assert_int_equal(w->seen[1].ended, 0);
    release(fifos[0]);
    jobs_wait(w, 1, jobs_has_printed, "two");
    release(fifos[1]);
    jobs_expect(w, 1, DZ_END_EXITED, "");
}

static void silent_trial_is_told_to_have_started(void **state)
{
    world *w = *state;
    char fifo[256];
    char script[1024];
    make_fifo(w, "fifo", fifo);
    (void)snprintf(script, sizeof script, "read x <%s", fifo);
    jobs_run(w, 1, script);
    jobs_wait(w, 1, jobs_has_started, "its start");
    release(fifo);
    jobs_expect(w, 1, DZ_END_EXITED, "");
}

static void many_at_once(void **state)
{
    world *w = *state;
    for (int i = 0; i < 50; i++) {
        char script[64];
        (void)snprintf(script, sizeof script, "echo %d; exit %d", i * 7, i);
        jobs_run(w, i, script);
    }
    for (int i = 0; i < 50; i++) {
        const seen_job *seen = jobs_await(w, i);
        assert_int_equal(seen->end.kind, DZ_END_EXITED);
        assert_int_equal(seen->end.code, i);
        assert_int_equal(strtol(jobs_text(seen), NULL, 10), i * 7);
    }
}

/* ---- stop and time limit -------------------------------------------------------------------- */

/* Three processes that a stop must find: one in the group, one in a session of its own that ignores
 * SIGTERM, and one whose parent is gone. */
#define FAMILY                                                                                     \
    "tail -f /dev/null & echo child $!;"                                                           \
    "setsid sh -c 'trap \"\" TERM HUP; echo session $$; while :; do tail -f /dev/null; done' &"    \
    "(setsid sh -c 'echo orphan $$; exec tail -f /dev/null' &);"

static void await_family(world *w, int number, pid_t family[3])
{
    static const char *const labels[] = {"child ", "session ", "orphan "};
    for (int i = 0; i < 3; i++) {
        jobs_wait(w, number, jobs_has_printed, labels[i]);
        family[i] = jobs_printed_pid(w, number, labels[i]);
    }
}

static void stop_ends_all_descendants(void **state)
{
    world *w = *state;
    pid_t family[3];
    jobs_run(w, 1, FAMILY "wait");
    await_family(w, 1, family);
    jobs_stop(w, 1);
    jobs_expect(w, 1, DZ_END_STOPPED, "");
    for (int i = 0; i < 3; i++)
        assert_gone(family[i]);
}

static void nothing_is_left_behind(void **state)
{
    world *w = *state;
    char fifo[256];
    char script[2048];
    pid_t family[3];
    make_fifo(w, "fifo", fifo);
    (void)snprintf(script, sizeof script, FAMILY "read x <%s; exit 6", fifo);
    jobs_run(w, 1, script);
    await_family(w, 1, family);
    release(fifo);
    jobs_expect(w, 1, DZ_END_EXITED, "");
    assert_int_equal(w->seen[1].end.code, 6);
    for (int i = 0; i < 3; i++)
        assert_gone(family[i]);
}

/* What a trial does on SIGTERM is part of it: its last words are kept. */
static void stop_gives_time_to_finish(void **state)
{
    world *w = *state;
    jobs_run(w, 1, "trap 'echo saved; exit 0' TERM; echo ready; tail -f /dev/null & wait");
    jobs_wait(w, 1, jobs_has_printed, "ready");
    jobs_stop(w, 1);
    jobs_expect(w, 1, DZ_END_STOPPED, "");
    assert_non_null(strstr(jobs_text(&w->seen[1]), "saved"));
}

static void stop_of_what_ignores_it(void **state)
{
    world *w = *state;
    jobs_run(w, 1, "trap '' TERM; echo ready; while :; do tail -f /dev/null; done");
    jobs_wait(w, 1, jobs_has_printed, "ready");
    jobs_stop(w, 1);
    jobs_stop(w, 1);
    jobs_expect(w, 1, DZ_END_STOPPED, "");
}

static void stop_at_once(void **state)
{
    world *w = *state;
    for (int i = 0; i < 20; i++) {
        jobs_run(w, i, "exec tail -f /dev/null");
        jobs_stop(w, i);
    }
    for (int i = 0; i < 20; i++)
        jobs_expect(w, i, DZ_END_STOPPED, "");
}

static void stop_of_an_unknown_job(void **state)
{
    world *w = *state;
    jobs_stop(w, 9);
    jobs_expect(w, 9, DZ_END_LOST, "no such trial");
}

static void time_limit(void **state)
{
    world *w = *state;
    const trial polite = {.number = 1, .script = "exec tail -f /dev/null", .timeout_ms = 50};
    const trial deaf = {.number = 2,
                        .script = "trap '' TERM; while :; do tail -f /dev/null; done",
                        .timeout_ms = 50};
    const trial quick = {.number = 3, .script = "exit 2", .timeout_ms = 3600 * 1000};
    jobs_start(w, &polite);
    jobs_start(w, &deaf);
    jobs_start(w, &quick);
    jobs_expect(w, 1, DZ_END_TIMEOUT, "");
    jobs_expect(w, 2, DZ_END_TIMEOUT, "");
    jobs_expect(w, 3, DZ_END_EXITED, "");
}

/* ---- once, and found again ------------------------------------------------------------------ */

static void started_twice_runs_once(void **state)
{
    world *w = *state;
    char fifo[256];
    char script[1024];
    make_fifo(w, "fifo", fifo);
    (void)snprintf(script, sizeof script, "echo run; read x <%s", fifo);
    jobs_run(w, 1, script);
    jobs_run(w, 1, script);
    jobs_wait(w, 1, jobs_has_printed, "run\n");
    release(fifo);
    jobs_expect(w, 1, DZ_END_EXITED, "");
    assert_string_equal(jobs_text(&w->seen[1]), "run\n");
    /* once more, after its end: the same end, and no second run */
    jobs_forget(w);
    jobs_run(w, 1, script);
    jobs_expect(w, 1, DZ_END_EXITED, "");
    assert_string_equal(jobs_text(&w->seen[1]), "run\n");
}

/* Two controllers at the same moment, as when one was killed between a start's two halves. */
static void started_by_two_runs_once(void **state)
{
    world *first = *state;
    void *other = NULL;
    assert_int_equal(jobs_setup(&other), 0);
    world *second = other;
    jobs_close_runner(second);
    (void)snprintf(second->jobs, sizeof second->jobs, "%s", first->jobs);
    jobs_open_runner(second);
    for (int i = 0; i < 20; i++) {
        jobs_run(first, i, "echo run; exit 5");
        jobs_run(second, i, "echo run; exit 5");
    }
    for (int i = 0; i < 20; i++) {
        jobs_expect(first, i, DZ_END_EXITED, "");
        jobs_expect(second, i, DZ_END_EXITED, "");
        assert_int_equal(second->seen[i].end.code, 5);
        assert_string_equal(jobs_text(&first->seen[i]), "run\n");
        assert_string_equal(jobs_text(&second->seen[i]), "run\n");
    }
    (void)jobs_teardown(&other);
}

static void adopt_while_it_runs(void **state)
{
    world *w = *state;
    char fifo[256];
    char script[1024];
    make_fifo(w, "fifo", fifo);
    (void)snprintf(script, sizeof script, "echo one; read x <%s; echo two; exit 8", fifo);
    const trial t = {.number = 1, .script = script};
    jobs_start(w, &t);
    jobs_wait(w, 1, jobs_has_printed, "one");
    jobs_close_runner(w);
    jobs_open_runner(w);
    jobs_adopt(w, &t);
    jobs_wait(w, 1, jobs_has_printed, "one");
    release(fifo);
    jobs_expect(w, 1, DZ_END_EXITED, "");
    assert_int_equal(w->seen[1].end.code, 8);
    assert_string_equal(jobs_text(&w->seen[1]), "one\ntwo\n");
}

static void adopt_and_stop(void **state)
{
    world *w = *state;
    pid_t family[3];
    const trial t = {.number = 1, .script = FAMILY "wait"};
    jobs_start(w, &t);
    await_family(w, 1, family);
    jobs_close_runner(w);
    jobs_open_runner(w);
    jobs_adopt(w, &t);
    jobs_stop(w, 1);
    jobs_expect(w, 1, DZ_END_STOPPED, "");
    for (int i = 0; i < 3; i++)
        assert_gone(family[i]);
}

static void adopt_after_its_end(void **state)
{
    world *w = *state;
    char fifo[256];
    char script[1024];
    make_fifo(w, "fifo", fifo);
    (void)snprintf(script, sizeof script, "echo one; read x <%s; echo two; exit 9", fifo);
    const trial t = {.number = 1, .script = script};
    jobs_start(w, &t);
    jobs_wait(w, 1, jobs_has_printed, "one");
    jobs_close_runner(w);
    release(fifo);
    jobs_wait_unlocked(w, 1);
    jobs_open_runner(w);
    jobs_adopt(w, &t);
    jobs_expect(w, 1, DZ_END_EXITED, "");
    assert_int_equal(w->seen[1].started, 1);
    assert_int_equal(w->seen[1].end.code, 9);
    assert_string_equal(jobs_text(&w->seen[1]), "one\ntwo\n");
}

static void adopt_what_was_never_started(void **state)
{
    world *w = *state;
    const trial t = {.number = 1, .script = "echo now; exit 1"};
    jobs_adopt(w, &t);
    jobs_expect(w, 1, DZ_END_EXITED, "");
    assert_string_equal(jobs_text(&w->seen[1]), "now\n");
}

static void killed_shim_takes_its_trial_along(void **state)
{
    world *w = *state;
    pid_t family[3];
    jobs_run(w, 1, "echo main $$;" FAMILY "wait");
    await_family(w, 1, family);
    pid_t main_pid = jobs_printed_pid(w, 1, "main ");
    assert_int_equal(kill(jobs_shim(w, 1), SIGKILL), 0);
    jobs_expect(w, 1, DZ_END_LOST, "without a record");
    assert_gone(main_pid);
    for (int i = 0; i < 3; i++)
        assert_gone(family[i]);
}

static void killed_shim_while_nobody_looked(void **state)
{
    world *w = *state;
    pid_t family[3];
    const trial t = {.number = 1, .script = "echo main $$;" FAMILY "wait"};
    jobs_start(w, &t);
    await_family(w, 1, family);
    pid_t main_pid = jobs_printed_pid(w, 1, "main ");
    pid_t shim = jobs_shim(w, 1);
    jobs_close_runner(w);
    assert_int_equal(kill(shim, SIGKILL), 0);
    jobs_wait_unlocked(w, 1);
    jobs_open_runner(w);
    jobs_adopt(w, &t);
    jobs_expect(w, 1, DZ_END_LOST, "without a record");
    assert_non_null(strstr(jobs_text(&w->seen[1]), "main "));
    assert_gone(main_pid);
    for (int i = 0; i < 3; i++)
        assert_gone(family[i]);
}

/* An end by SIGTERM is a stop only when the runner meant it, also if another runner reads the
 * record. */
static void shim_stopped_by_others(void **state)
{
    for (int asked = 0; asked < 2; asked++) {
        world *w = *state;
        char mark[256];
        const trial t = {.number = 1 + asked, .script = "echo ready; exec tail -f /dev/null"};
        jobs_start(w, &t);
        jobs_wait(w, t.number, jobs_has_printed, "ready");
        pid_t shim = jobs_shim(w, t.number);
        jobs_close_runner(w);
        jobs_path(w, t.number, DZ_JOB_STOP, mark);
        if (asked)
            write_file(mark, "", 0600);
        assert_int_equal(kill(shim, SIGTERM), 0);
        jobs_wait_unlocked(w, t.number);
        jobs_open_runner(w);
        jobs_adopt(w, &t);
        jobs_expect(w, t.number, asked ? DZ_END_STOPPED : DZ_END_LOST, asked ? "" : "not by dozan");
    }
}

static void stopped_before_its_start(void **state)
{
    world *w = *state;
    char path[256];
    const trial t = {.number = 1, .script = "echo run"};
    (void)snprintf(path, sizeof path, "%s/exp", w->jobs);
    assert_int_equal(mkdir(path, 0700), 0);
    (void)snprintf(path, sizeof path, "%s/exp/trial-1.1", w->jobs);
    assert_int_equal(mkdir(path, 0700), 0);
    jobs_path(w, 1, DZ_JOB_STOP, path);
    write_file(path, "", 0600);
    jobs_adopt(w, &t);
    jobs_expect(w, 1, DZ_END_STOPPED, "before it was started");
    assert_int_equal(w->seen[1].started, 0);
}

/* A record that a power cut has torn. Where nothing of it is left, the trial counts as not yet
 * started. */
static void damaged_record_is_lost(void **state)
{
    static const char *const damaged[] = {"dozan 1 exited", "dozan 1 exited 0", "garbage\n", ""};
    world *w = *state;
    for (int i = 0; i < 4; i++) {
        char path[256];
        jobs_run(w, i, "exit 0");
        (void)jobs_await(w, i);
        jobs_path(w, i, DZ_JOB_STATUS, path);
        write_file(path, damaged[i], 0600);
    }
    jobs_forget(w);
    for (int i = 0; i < 4; i++)
        jobs_run(w, i, "echo anew");
    for (int i = 0; i < 3; i++)
        jobs_expect(w, i, DZ_END_LOST, "without a record");
    jobs_expect(w, 3, DZ_END_EXITED, "");
    assert_string_equal(jobs_text(&w->seen[3]), "anew\n");
}

/* ---- what a trial is given ------------------------------------------------------------------ */

static bool has_line(const char *text, const char *line)
{
    size_t size = strlen(line);
    for (const char *at = text; at != NULL && *at != '\0';) {
        if (strncmp(at, line, size) == 0 && (at[size] == '\n' || at[size] == '\0'))
            return true;
        at = strchr(at, '\n');
        at = at != NULL ? at + 1 : NULL;
    }
    return false;
}

static void environment_is_filtered(void **state)
{
    world *w = *state;
    assert_int_equal(setenv("DOZAN_PLUGIN_TOKEN", "secret", 1), 0);
    assert_int_equal(setenv("AWS_SECRET_ACCESS_KEY", "secret", 1), 0);
    assert_int_equal(setenv("VIRTUAL_ENV", "/venv", 1), 0);
    assert_int_equal(setenv("LC_NUMERIC", "C", 1), 0);
    assert_int_equal(setenv("DOZAN_GPUS", "4", 1), 0);
    jobs_close_runner(w);
    jobs_open_runner(w);
    assert_int_equal(unsetenv("DOZAN_GPUS"), 0);
    static char mine[] = "MINE=a b", again[] = "MINE=c", venv[] = "VIRTUAL_ENV=/other",
                lie[] = "DOZAN_TRIAL_DIR=/tmp", unbuffered[] = "PYTHONUNBUFFERED=0";
    static char env_program[] = "env";
    static const int32_t gpus[] = {3, 0};
    char *argv[] = {env_program, NULL};
    char *env[] = {mine, again, venv, lie, unbuffered, NULL};
    const trial with = {.number = 1, .argv = argv, .env = env, .gpus = gpus, .gpu_count = 2};
    const trial without = {.number = 2, .argv = argv};
    jobs_start(w, &with);
    jobs_start(w, &without);
    jobs_expect(w, 1, DZ_END_EXITED, "");
    jobs_expect(w, 2, DZ_END_EXITED, "");
    const char *text = jobs_text(&w->seen[1]);
    char directory[300];
    char path[256];
    jobs_path(w, 1, "", path);
    path[strlen(path) - 1] = '\0';
    (void)snprintf(directory, sizeof directory, "DOZAN_TRIAL_DIR=%s", path);
    assert_true(has_line(text, "MINE=c"));
    assert_false(has_line(text, "MINE=a b"));
    assert_true(has_line(text, "VIRTUAL_ENV=/other"));
    assert_true(has_line(text, "LC_NUMERIC=C"));
    assert_true(has_line(text, "DOZAN_TRIAL_NAME=trial-1"));
    assert_true(has_line(text, "KATIB_TRIAL_NAME=trial-1"));
    assert_true(has_line(text, "CUDA_VISIBLE_DEVICES=3,0"));
    assert_true(has_line(text, "PYTHONUNBUFFERED=0"));
    assert_true(has_line(text, directory));
    assert_null(strstr(text, "secret"));
    assert_true(has_line(jobs_text(&w->seen[2]), "PYTHONUNBUFFERED=1"));
    assert_true(has_line(jobs_text(&w->seen[2]), "VIRTUAL_ENV=/venv"));
    assert_null(strstr(jobs_text(&w->seen[2]), "CUDA_VISIBLE_DEVICES"));
}

/* CUDA_VISIBLE_DEVICES of our own is what GPU 0, 1, ... are taken from. */
static void gpus_of_ours_are_shared_out(void **state)
{
    world *w = *state;
    dz_capacity capacity = {0};
    static const int32_t second[] = {1};
    assert_int_equal(setenv("CUDA_VISIBLE_DEVICES", "2,GPU-ab12", 1), 0);
    jobs_close_runner(w);
    jobs_open_runner(w);
    assert_int_equal(unsetenv("CUDA_VISIBLE_DEVICES"), 0);
    assert_int_equal(w->ops->capacity(w->runner, &capacity, NULL), DOZAN_OK);
    assert_int_equal(capacity.gpus, 2);
    assert_true(capacity.cpu_milli >= 1);
    const trial t = {
        .number = 1, .script = "echo $CUDA_VISIBLE_DEVICES", .gpus = second, .gpu_count = 1};
    jobs_start(w, &t);
    jobs_expect(w, 1, DZ_END_EXITED, "");
    assert_string_equal(jobs_text(&w->seen[1]), "GPU-ab12\n");
}

static void files_and_signals_are_not_inherited(void **state)
{
    world *w = *state;
    int leak = open("/dev/null", O_RDONLY); /* without O_CLOEXEC, as a library might */
    assert_true(leak >= 0);
    assert_true(signal(SIGUSR1, SIG_IGN) != SIG_ERR);
    /* the shell's own glob opens one file */
    jobs_run(
        w, 1,
        "for f in /proc/$$/fd/*; do echo ${f##*/}; done; grep -E 'Sig(Blk|Ign)' /proc/self/status");
    jobs_expect(w, 1, DZ_END_EXITED, "");
    (void)signal(SIGUSR1, SIG_DFL);
    (void)close(leak);
    const char *text = jobs_text(&w->seen[1]);
    assert_int_equal(strncmp(text, "0\n1\n2\n", 6), 0);
    char number[16];
    (void)snprintf(number, sizeof number, "\n%d\n", leak);
    assert_null(strstr(text, number));
    assert_non_null(strstr(text, "SigBlk:\t0000000000000000"));
    /* Above the named signals are those that the C library keeps for itself. */
    const char *ignored = strstr(text, "SigIgn:\t");
    assert_non_null(ignored);
    assert_int_equal(strtoull(ignored + 8, NULL, 16) & 0x7fffffffu, 0);
}

static void working_directory(void **state)
{
    world *w = *state;
    char here[4096];
    assert_non_null(getcwd(here, sizeof here - 1));
    (void)strncat(here, "\n", 2);
    const trial there = {.number = 1, .script = "pwd", .working_dir = w->folder};
    const trial nowhere = {.number = 2, .script = "pwd", .working_dir = "/opt/no-such-folder"};
    jobs_start(w, &there);
    jobs_start(w, &nowhere);
    jobs_run(w, 3, "pwd");
    jobs_expect(w, 1, DZ_END_EXITED, "");
    assert_memory_equal(jobs_text(&w->seen[1]), w->folder, strlen(w->folder));
    jobs_expect(w, 2, DZ_END_NOT_STARTED, "--map /opt/no-such-folder=DIR");
    assert_true(w->seen[2].end.configuration_fault);
    assert_int_equal(w->seen[2].started, 0);
    jobs_expect(w, 3, DZ_END_EXITED, "");
    assert_string_equal(jobs_text(&w->seen[3]), here);
}

/* ---- what cannot be started ----------------------------------------------------------------- */

static void commands_that_are_not_there(void **state)
{
    world *w = *state;
    char plain[256];
    static char name_argument[] = "no-such-program";
    char *argv[] = {name_argument, NULL};
    (void)snprintf(plain, sizeof plain, "%s/plain-file", w->folder);
    write_file(plain, "#!/bin/sh\n", 0600);
    const struct {
        trial t;
        const char *message;
    } cases[] = {
        {{.program = "/opt/trainer/train.py", .script = "/opt/trainer/train.py"},
         "--map /opt/trainer=DIR"},
        {{.program = "no-such-program", .script = "no-such-program --lr=1"},
         "no command no-such-program"},
        {{.program = "./train.py", .script = "./train.py"}, "in the working directory"},
        {{.program = plain, .script = plain}, "chmod +x"},
        {{.program = "/tmp", .script = "/tmp"}, "cannot be run"},
        {{.argv = argv}, "no command no-such-program in PATH"},
    };
    int count = (int)(sizeof cases / sizeof cases[0]);
    for (int i = 0; i < count; i++) {
        trial t = cases[i].t;
        t.number = i;
        jobs_start(w, &t);
    }
    for (int i = 0; i < count; i++) {
        jobs_expect(w, i, DZ_END_NOT_STARTED, cases[i].message);
        assert_true(w->seen[i].end.configuration_fault);
        assert_int_equal(w->seen[i].started, 0);
    }
}

static void words_for_the_shell_are_let_through(void **state)
{
    static const struct {
        const char *program;
        const char *script;
    } cases[] = {
        {"cd", "cd / && pwd"},          {"for", "for x in 1; do echo $x; done"},
        {"X=1", "X=1 sh -c 'echo $X'"}, {"$SHELL_WORD", "$SHELL_WORD echo yes"},
        {"(echo", "(echo yes)"},        {"exec", "exec echo yes"},
        {"\"echo\"", "\"echo\" yes"},   {"test", "test 1 = 1 && echo yes"},
        {"./there", "./there"},         {"there", "PATH=$PATH:. there"},
    };
    world *w = *state;
    char path[256];
    char path_variable[512];
    (void)snprintf(path, sizeof path, "%s/there", w->folder);
    write_file(path, "#!/bin/sh\necho yes\n", 0700);
    (void)snprintf(path_variable, sizeof path_variable, "PATH=/usr/bin:/bin:%s", w->folder);
    char *env[] = {path_variable, NULL};
    int count = (int)(sizeof cases / sizeof cases[0]);
    for (int i = 0; i < count; i++) {
        const trial t = {.number = i,
                         .program = cases[i].program,
                         .script = cases[i].script,
                         .working_dir = w->folder,
                         .env = env};
        jobs_start(w, &t);
    }
    for (int i = 0; i < count; i++) {
        jobs_expect(w, i, DZ_END_EXITED, "");
        assert_int_equal(w->seen[i].end.code, 0);
        assert_true(w->seen[i].output.size > 0);
    }
}

/* The program is there, but exec fails: told by the shim, and again by its record after an
 * adoption. */
static void interpreter_that_is_not_there(void **state)
{
    world *w = *state;
    char path[256];
    (void)snprintf(path, sizeof path, "%s/script", w->folder);
    write_file(path, "#!/no/such/interpreter\n", 0700);
    char *argv[] = {path, NULL};
    const trial t = {.number = 1, .argv = argv};
    jobs_start(w, &t);
    jobs_expect(w, 1, DZ_END_NOT_STARTED, "No such file");
    assert_true(w->seen[1].end.configuration_fault);
    jobs_forget(w);
    jobs_adopt(w, &t);
    jobs_expect(w, 1, DZ_END_NOT_STARTED, "No such file");
}

static void names_that_are_no_file_names(void **state)
{
    world *w = *state;
    static const char *const bad[] = {"", ".", "..", "a/b", NULL};
    static char sh[] = "true";
    char *argv[] = {sh, NULL};
    const dz_command command = {.argv = argv, .program = sh};
    char *path = NULL;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const dz_job job = {
            .id = {1, 1, 1}, .experiment_name = "exp", .trial_name = bad[i], .command = &command};
        assert_int_equal(w->ops->start(w->runner, &job, NULL), DOZAN_INVALID_ARGUMENT);
        assert_int_equal(dz_local_output_path(w->jobs, "exp", bad[i], 1, &path),
                         DOZAN_INVALID_ARGUMENT);
        assert_int_equal(dz_local_metrics_path(w->jobs, "exp", "t", 1, bad[i], &path),
                         DOZAN_INVALID_ARGUMENT);
    }
}

/* ---- files ---------------------------------------------------------------------------------- */

static void output_path_is_the_output(void **state)
{
    world *w = *state;
    char *path = NULL;
    char text[64] = "";
    struct stat about;
    jobs_run(w, 1, "echo kept");
    jobs_expect(w, 1, DZ_END_EXITED, "");
    assert_int_equal(dz_local_output_path(w->jobs, "exp", "trial-1", 1, &path), DOZAN_OK);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    assert_non_null(fgets(text, sizeof text, file));
    (void)fclose(file);
    assert_string_equal(text, "kept\n");
    assert_int_equal(stat(path, &about), 0);
    assert_int_equal(about.st_mode & 0777, 0600);
    *strrchr(path, '/') = '\0';
    assert_int_equal(stat(path, &about), 0);
    assert_int_equal(about.st_mode & 0777, 0700);
    free(path);
}

static void metrics_file_is_followed(void **state)
{
    world *w = *state;
    char fifos[3][256];
    char script[2048];
    char *path = NULL;
    make_fifo(w, "first", fifos[0]);
    make_fifo(w, "second", fifos[1]);
    make_fifo(w, "third", fifos[2]);
    assert_int_equal(dz_local_metrics_path(w->jobs, "exp", "trial-1", 1, "mnist.json", &path),
                     DOZAN_OK);
    (void)snprintf(
        script, sizeof script,
        "echo not this; read x <%s; echo one >%s; read x <%s; echo two >>%s; read x <%s; "
        "echo 3 >%s",
        fifos[0], path, fifos[1], path, fifos[2], path);
    const trial t = {.number = 1, .script = script, .metrics_path = path, .working_dir = "/"};
    jobs_start(w, &t);
    jobs_wait(w, 1, jobs_has_started, "its start");
    release(fifos[0]);
    jobs_wait(w, 1, jobs_has_printed, "one\n");
    release(fifos[1]);
    jobs_wait(w, 1, jobs_has_printed, "two\n");
    release(fifos[2]);
    jobs_expect(w, 1, DZ_END_EXITED, "");
    assert_string_equal(jobs_text(&w->seen[1]), "one\ntwo\n3\n");
    free(path);
}

static void metrics_file_that_never_comes(void **state)
{
    world *w = *state;
    char *path = NULL;
    assert_int_equal(dz_local_metrics_path(w->jobs, "exp", "trial-1", 1, "x", &path), DOZAN_OK);
    const trial t = {.number = 1, .script = "echo not this", .metrics_path = path};
    jobs_start(w, &t);
    jobs_expect(w, 1, DZ_END_EXITED, "");
    assert_string_equal(jobs_text(&w->seen[1]), "");
    free(path);
}

/* Taken up only to be stopped: what runs is ended, what never began does not begin. */
static void what_is_to_stop_is_not_started(void **state)
{
    world *w = *state;
    char mark[256];
    char script[1024];
    (void)snprintf(mark, sizeof mark, "%s/began", w->folder);
    (void)snprintf(script, sizeof script, "touch %s", mark);
    const trial never = {.number = 1, .script = script, .to_stop = true};
    jobs_adopt(w, &never);
    jobs_expect(w, 1, DZ_END_STOPPED, "");
    assert_int_equal(w->seen[1].started, 0);
    assert_int_equal(access(mark, F_OK), -1);

    jobs_run(w, 2, "echo up; exec sleep 600");
    jobs_wait(w, 2, jobs_has_printed, "up");
    jobs_close_runner(w);
    jobs_open_runner(w);
    const trial runs = {.number = 2, .script = "exit 9", .to_stop = true};
    jobs_adopt(w, &runs);
    jobs_expect(w, 2, DZ_END_STOPPED, "");
    jobs_run(w, 3, "exit 0");
    (void)jobs_await(w, 3);
    jobs_close_runner(w);
    jobs_open_runner(w);
    const trial ended = {.number = 3, .script = "exit 9", .to_stop = true};
    jobs_adopt(w, &ended);
    jobs_expect(w, 3, DZ_END_EXITED, "");
}

int main(void)
{
#define JOBS_TEST(name) cmocka_unit_test_setup_teardown(name, jobs_setup, jobs_teardown)
    const struct CMUnitTest tests[] = {
        JOBS_TEST(ends),
        JOBS_TEST(record_tells_what_was_used),
        JOBS_TEST(large_output_comes_whole),
        JOBS_TEST(output_is_live),
        JOBS_TEST(silent_trial_is_told_to_have_started),
        JOBS_TEST(many_at_once),
        JOBS_TEST(stop_ends_all_descendants),
        JOBS_TEST(nothing_is_left_behind),
        JOBS_TEST(stop_gives_time_to_finish),
        JOBS_TEST(stop_of_what_ignores_it),
        JOBS_TEST(stop_at_once),
        JOBS_TEST(stop_of_an_unknown_job),
        JOBS_TEST(time_limit),
        JOBS_TEST(started_twice_runs_once),
        JOBS_TEST(started_by_two_runs_once),
        JOBS_TEST(adopt_while_it_runs),
        JOBS_TEST(adopt_and_stop),
        JOBS_TEST(adopt_after_its_end),
        JOBS_TEST(adopt_what_was_never_started),
        JOBS_TEST(what_is_to_stop_is_not_started),
        JOBS_TEST(killed_shim_takes_its_trial_along),
        JOBS_TEST(killed_shim_while_nobody_looked),
        JOBS_TEST(shim_stopped_by_others),
        JOBS_TEST(stopped_before_its_start),
        JOBS_TEST(damaged_record_is_lost),
        JOBS_TEST(environment_is_filtered),
        JOBS_TEST(gpus_of_ours_are_shared_out),
        JOBS_TEST(files_and_signals_are_not_inherited),
        JOBS_TEST(working_directory),
        JOBS_TEST(commands_that_are_not_there),
        JOBS_TEST(words_for_the_shell_are_let_through),
        JOBS_TEST(interpreter_that_is_not_there),
        JOBS_TEST(names_that_are_no_file_names),
        JOBS_TEST(output_path_is_the_output),
        JOBS_TEST(metrics_file_is_followed),
        JOBS_TEST(metrics_file_that_never_comes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
