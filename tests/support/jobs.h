/*
 * Real jobs for the tests of the local runner: a folder of its own, a sink that writes everything
 * down and checks the order of the calls, and ways to wait for what is to come. Nothing sleeps: a
 * wait ends with the thing itself, or fails the test after a minute.
 */
#ifndef DZ_TESTS_SUPPORT_JOBS_H
#define DZ_TESTS_SUPPORT_JOBS_H

#include "runners/job_record.h"
#include "runners/runner.h"

#include <dozan/buf.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { JOBS_MAX = 64, JOBS_PATIENCE_S = 60, JOBS_GRACE_MS = 200 };

/* What the sink was told of one trial. */
typedef struct seen_job {
    int started;
    int ended;
    int disorder; /* calls out of order, gaps in the output */
    dozan_buf output;
    dz_end end;
    char message[1024];
} seen_job;

typedef struct world {
    char folder[64];
    char jobs[96]; /* the runner's directory */
    char shim[4096];
    const dz_runner_ops *ops;
    void *runner;
    pthread_mutex_t lock; /* guards seen */
    pthread_cond_t changed;
    seen_job seen[JOBS_MAX]; /* by trial number */
} world;

/* One trial to start: most tests need only a script. */
typedef struct trial {
    int number;
    const char *script;  /* for sh -c; or */
    char **argv;         /* the command as it is */
    const char *program; /* NULL = "sh", or argv[0] */
    const char *working_dir;
    char **env;
    const char *metrics_path;
    int64_t timeout_ms;
    const int32_t *gpus;
    size_t gpu_count;
    bool to_stop;
} trial;

static inline void jobs_started(void *user, const dz_job_id *id, int64_t time_ms)
{
    world *w = user;
    seen_job *seen = &w->seen[id->trial];
    (void)pthread_mutex_lock(&w->lock);
    seen->disorder += seen->started > 0 || seen->ended > 0 || seen->output.size > 0 || time_ms <= 0;
    seen->started++;
    (void)pthread_cond_broadcast(&w->changed);
    (void)pthread_mutex_unlock(&w->lock);
}

static inline void jobs_output(void *user, const dz_job_id *id, int64_t offset, const void *bytes,
                               size_t size, int64_t time_ms)
{
    world *w = user;
    seen_job *seen = &w->seen[id->trial];
    (void)pthread_mutex_lock(&w->lock);
    bool anew = offset == 0 && seen->output.size > 0; /* a followed file that was written anew */
    seen->disorder += seen->started == 0 || seen->ended > 0 || size == 0 || time_ms <= 0;
    seen->disorder += !anew && offset != (int64_t)seen->output.size;
    (void)dozan_buf_append(&seen->output, bytes, size);
    (void)pthread_cond_broadcast(&w->changed);
    (void)pthread_mutex_unlock(&w->lock);
}

static inline void jobs_ended(void *user, const dz_job_id *id, const dz_end *end, int64_t time_ms)
{
    world *w = user;
    seen_job *seen = &w->seen[id->trial];
    (void)pthread_mutex_lock(&w->lock);
    seen->disorder += seen->ended > 0 || time_ms <= 0;
    seen->ended++;
    seen->end = *end;
    (void)snprintf(seen->message, sizeof seen->message, "%s",
                   end->message != NULL ? end->message : "");
    (void)pthread_cond_broadcast(&w->changed);
    (void)pthread_mutex_unlock(&w->lock);
}

/* Forgets what was seen, as a new run of the controller does. */
static inline void jobs_forget(world *w)
{
    for (int i = 0; i < JOBS_MAX; i++) {
        dozan_buf_fini(&w->seen[i].output);
        memset(&w->seen[i], 0, sizeof w->seen[i]);
        dozan_buf_init(&w->seen[i].output, (size_t)64 << 20);
    }
}

static inline void jobs_open_runner(world *w)
{
    const dz_runner_sink sink = {w, jobs_started, jobs_output, jobs_ended};
    const dz_runner_config config = {
        .directory = w->jobs, .shim = w->shim, .stop_grace_ms = JOBS_GRACE_MS, .quiet = true};
    dozan_error err = {0};
    jobs_forget(w);
    if (w->ops->create(&config, &sink, &w->runner, &err) != DOZAN_OK)
        fail_msg("%s", err.message);
}

static inline void jobs_close_runner(world *w)
{
    w->ops->destroy(w->runner);
    w->runner = NULL;
}

static inline int jobs_setup(void **state)
{
    world *w = calloc(1, sizeof *w);
    const char *build = getenv("DOZAN_BUILD");
    if (w == NULL)
        return -1;
    (void)snprintf(w->folder, sizeof w->folder, "/tmp/dozan-jobs-XXXXXX");
    if (mkdtemp(w->folder) == NULL)
        return -1;
    (void)snprintf(w->jobs, sizeof w->jobs, "%s/jobs", w->folder);
    (void)snprintf(w->shim, sizeof w->shim, "%s/dozan-shim", build != NULL ? build : "build");
    w->ops = dz_runner_find("local");
    (void)pthread_mutex_init(&w->lock, NULL);
    (void)pthread_cond_init(&w->changed, NULL);
    jobs_open_runner(w);
    *state = w;
    return 0;
}

static inline int jobs_remove_entry(const char *path, const struct stat *about, int kind,
                                    struct FTW *where)
{
    (void)about;
    (void)kind;
    (void)where;
    return remove(path);
}

static inline int jobs_teardown(void **state)
{
    world *w = *state;
    jobs_close_runner(w);
    jobs_forget(w);
    (void)nftw(w->folder, jobs_remove_entry, 32, FTW_DEPTH | FTW_PHYS);
    (void)pthread_cond_destroy(&w->changed);
    (void)pthread_mutex_destroy(&w->lock);
    free(w);
    return 0;
}

static inline void jobs_path(const world *w, int number, const char *name, char path[256])
{
    (void)snprintf(path, 256, "%s/exp/trial-%d.1/%s", w->jobs, number, name);
}

/* Starts or adopts a trial. */
static inline dozan_status jobs_submit(world *w, const trial *t, bool adopt, dozan_error *err)
{
    char name[32];
    char script[4096];
    char sh[] = "sh";
    char option[] = "-c";
    char *argv[] = {sh, option, script, NULL};
    char *no_env[] = {NULL};
    char program[1024];
    char working_dir[1024];
    (void)snprintf(name, sizeof name, "trial-%d", t->number);
    (void)snprintf(script, sizeof script, "%s", t->script != NULL ? t->script : "");
    (void)snprintf(program, sizeof program, "%s",
                   t->program != NULL ? t->program
                   : t->argv != NULL  ? t->argv[0]
                                      : "sh");
    (void)snprintf(working_dir, sizeof working_dir, "%s",
                   t->working_dir != NULL ? t->working_dir : "");
    const dz_command command = {.argv = t->argv != NULL ? t->argv : argv,
                                .env = t->env != NULL ? t->env : no_env,
                                .program = program,
                                .working_dir = t->working_dir != NULL ? working_dir : NULL};
    const dz_job job = {.id = {1, t->number, 1},
                        .experiment_name = "exp",
                        .trial_name = name,
                        .command = &command,
                        .metrics_path = t->metrics_path,
                        .timeout_ms = t->timeout_ms,
                        .gpus = t->gpus,
                        .gpu_count = t->gpu_count,
                        .to_stop = t->to_stop};
    return adopt ? w->ops->adopt(w->runner, &job, err) : w->ops->start(w->runner, &job, err);
}

static inline void jobs_start(world *w, const trial *t)
{
    dozan_error err = {0};
    if (jobs_submit(w, t, false, &err) != DOZAN_OK)
        fail_msg("%s", err.message);
}

static inline void jobs_adopt(world *w, const trial *t)
{
    dozan_error err = {0};
    if (jobs_submit(w, t, true, &err) != DOZAN_OK)
        fail_msg("%s", err.message);
}

static inline void jobs_run(world *w, int number, const char *script)
{
    const trial t = {.number = number, .script = script};
    jobs_start(w, &t);
}

static inline void jobs_stop(world *w, int number)
{
    const dz_job_id id = {1, number, 1};
    assert_int_equal(w->ops->stop(w->runner, &id, NULL), DOZAN_OK);
}

typedef bool jobs_condition(const seen_job *seen, const char *text);

static inline bool jobs_has_started(const seen_job *seen, const char *text)
{
    (void)text;
    return seen->started > 0;
}

static inline bool jobs_has_ended(const seen_job *seen, const char *text)
{
    (void)text;
    return seen->ended > 0;
}

static inline bool jobs_has_printed(const seen_job *seen, const char *text)
{
    return seen->output.data != NULL && strstr(seen->output.data, text) != NULL;
}

static inline void jobs_wait(world *w, int number, jobs_condition *condition, const char *text)
{
    struct timespec limit;
    (void)clock_gettime(CLOCK_REALTIME, &limit);
    limit.tv_sec += JOBS_PATIENCE_S;
    int error = 0;
    (void)pthread_mutex_lock(&w->lock);
    while (error == 0 && !condition(&w->seen[number], text))
        error = pthread_cond_timedwait(&w->changed, &w->lock, &limit);
    bool came = condition(&w->seen[number], text);
    (void)pthread_mutex_unlock(&w->lock);
    if (!came)
        fail_msg("trial %d: what was waited for did not come (%s)", number,
                 text != NULL ? text : "");
}

/* The end of a trial; the calls must have been in order. */
static inline const seen_job *jobs_await(world *w, int number)
{
    jobs_wait(w, number, jobs_has_ended, "its end");
    const seen_job *seen = &w->seen[number];
    assert_int_equal(seen->disorder, 0);
    assert_int_equal(seen->ended, 1);
    return seen;
}

static inline const char *jobs_text(const seen_job *seen)
{
    return seen->output.data != NULL ? seen->output.data : "";
}

static inline void jobs_expect(world *w, int number, dz_end_kind kind, const char *message)
{
    const seen_job *seen = jobs_await(w, number);
    if (seen->end.kind != kind || strstr(seen->message, message) == NULL)
        fail_msg("trial %d ended as %d, \"%s\"", number, (int)seen->end.kind, seen->message);
}

/* The number after `label` in what the trial printed. */
static inline pid_t jobs_printed_pid(world *w, int number, const char *label)
{
    (void)pthread_mutex_lock(&w->lock);
    const char *at = strstr(jobs_text(&w->seen[number]), label);
    long pid = at != NULL ? strtol(at + strlen(label), NULL, 10) : 0;
    (void)pthread_mutex_unlock(&w->lock);
    assert_true(pid > 1);
    return (pid_t)pid;
}

/* The process that holds the job's lock: its shim. 0 = none. */
static inline pid_t jobs_shim(const world *w, int number)
{
    char path[256];
    jobs_path(w, number, DZ_JOB_STATUS, path);
    int file = open(path, O_RDWR | O_CLOEXEC);
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    assert_true(file >= 0);
    assert_int_equal(fcntl(file, F_GETLK, &whole), 0);
    (void)close(file);
    return whole.l_type == F_UNLCK ? 0 : whole.l_pid;
}

/* Blocks until the job's shim is gone, without a runner. */
static inline void jobs_wait_unlocked(const world *w, int number)
{
    char path[256];
    jobs_path(w, number, DZ_JOB_STATUS, path);
    int file = open(path, O_RDWR | O_CLOEXEC);
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    assert_true(file >= 0);
    assert_int_equal(fcntl(file, F_SETLKW, &whole), 0);
    (void)close(file);
}

#endif
