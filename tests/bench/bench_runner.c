/*
 * What the local runner adds to a trial: N runs of a shell script that prints one metric, K at a
 * time, through the runner alone (no store, no search), against the same started by xargs. Prints
 * the two rates and their ratio.
 *
 *   bench_runner [--short]      3 rounds of 1,000 trials at 4 in parallel, of which the best
 * counts; short: 1 of 100
 */
#include "runners/runner.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* What the sink tells the main thread. */
typedef struct progress {
    pthread_mutex_t lock; /* guards the rest */
    pthread_cond_t changed;
    int64_t ended;
    int64_t good; /* ended with exit code 0 and output */
    int64_t bytes;
} progress;

static void on_started(void *user, const dz_job_id *id, int64_t time_ms)
{
    (void)user;
    (void)id;
    (void)time_ms;
}

static void on_output(void *user, const dz_job_id *id, int64_t offset, const void *bytes,
                      size_t size, int64_t time_ms)
{
    progress *seen = user;
    (void)id;
    (void)offset;
    (void)bytes;
    (void)time_ms;
    (void)pthread_mutex_lock(&seen->lock);
    seen->bytes += (int64_t)size;
    (void)pthread_mutex_unlock(&seen->lock);
}

static void on_ended(void *user, const dz_job_id *id, const dz_end *end, int64_t time_ms)
{
    progress *seen = user;
    (void)id;
    (void)time_ms;
    (void)pthread_mutex_lock(&seen->lock);
    seen->ended++;
    seen->good += end->kind == DZ_END_EXITED && end->code == 0;
    (void)pthread_cond_signal(&seen->changed);
    (void)pthread_mutex_unlock(&seen->lock);
}

static double now_s(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int remove_entry(const char *path, const struct stat *about, int kind, struct FTW *where)
{
    (void)about;
    (void)kind;
    (void)where;
    return remove(path);
}

/* Seconds for all trials; negative on failure. */
static double run_trials(const char *folder, char *script, int64_t trials, int64_t parallel)
{
    char sh[] = "sh";
    char *argv[] = {sh, script, NULL};
    char *env[] = {NULL};
    const dz_command command = {.argv = argv, .env = env, .program = sh};
    char shim[4096];
    const char *build = getenv("DOZAN_BUILD");
    (void)snprintf(shim, sizeof shim, "%s/dozan-shim", build != NULL ? build : "build");
    progress seen = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    const dz_runner_sink sink = {&seen, on_started, on_output, on_ended};
    const dz_runner_config config = {.directory = folder, .shim = shim, .quiet = true};
    const dz_runner_ops *ops = dz_runner_find("local");
    dozan_error err = {0};
    void *runner = NULL;
    if (ops->create(&config, &sink, &runner, &err) != DOZAN_OK) {
        (void)fprintf(stderr, "bench_runner: %s\n", err.message);
        return -1;
    }
    double begin = now_s();
    bool good = true;
    for (int64_t i = 1; i <= trials && good; i++) {
        char name[64];
        (void)snprintf(name, sizeof name, "trial-%" PRId64, i);
        const dz_job job = {
            .id = {1, i, 1}, .experiment_name = "bench", .trial_name = name, .command = &command};
        (void)pthread_mutex_lock(&seen.lock);
        while (i - 1 - seen.ended >= parallel)
            (void)pthread_cond_wait(&seen.changed, &seen.lock);
        (void)pthread_mutex_unlock(&seen.lock);
        good = ops->start(runner, &job, &err) == DOZAN_OK;
    }
    (void)pthread_mutex_lock(&seen.lock);
    while (good && seen.ended < trials)
        (void)pthread_cond_wait(&seen.changed, &seen.lock);
    good = good && seen.good == trials && seen.bytes == trials * (int64_t)strlen("loss=0.5\n");
    (void)pthread_mutex_unlock(&seen.lock);
    double taken = now_s() - begin;
    ops->destroy(runner);
    return good ? taken : -1;
}

static double run_xargs(const char *script, int64_t trials, int64_t parallel)
{
    char parallel_text[32];
    (void)snprintf(parallel_text, sizeof parallel_text, "-P%" PRId64, parallel);
    int lines[2];
    if (pipe(lines) != 0)
        return -1;
    double begin = now_s();
    pid_t pid = fork();
    if (pid == 0) {
        int null = open("/dev/null", O_WRONLY);
        (void)dup2(lines[0], STDIN_FILENO);
        (void)dup2(null, STDOUT_FILENO);
        (void)close(lines[1]);
        (void)execlp("xargs", "xargs", parallel_text, "-n1", "sh", script, (char *)NULL);
        _exit(127);
    }
    (void)close(lines[0]);
    bool good = pid > 0;
    for (int64_t i = 1; i <= trials && good; i++)
        good = dprintf(lines[1], "%" PRId64 "\n", i) > 0;
    (void)close(lines[1]);
    int status = 1;
    good = good && waitpid(pid, &status, 0) == pid && status == 0;
    return good ? now_s() - begin : -1;
}

int main(int argc, char **argv)
{
    bool is_short = argc > 1 && strcmp(argv[1], "--short") == 0;
    int64_t trials = is_short ? 100 : 1000;
    int64_t parallel = 4;
    int64_t rounds = is_short ? 1 : 3;
    char folder[] = "/tmp/dozan-bench-XXXXXX";
    char script[sizeof folder + 16];
    char jobs[sizeof folder + 16];
    double best_runner = 1e9;
    double best_xargs = 1e9;
    bool good = mkdtemp(folder) != NULL;
    (void)snprintf(script, sizeof script, "%s/trial.sh", folder);
    FILE *file = fopen(script, "w");
    good = file != NULL && fputs("echo loss=0.5\n", file) >= 0;
    good = file != NULL && fclose(file) == 0 && good;
    for (int64_t round = 0; round < rounds && good; round++) {
        (void)snprintf(jobs, sizeof jobs, "%s/jobs%d", folder, (int)round);
        double by_xargs = run_xargs(script, trials, parallel);
        double by_runner = run_trials(jobs, script, trials, parallel);
        good = by_xargs > 0 && by_runner > 0;
        best_xargs = by_xargs < best_xargs ? by_xargs : best_xargs;
        best_runner = by_runner < best_runner ? by_runner : best_runner;
    }
    (void)nftw(folder, remove_entry, 32, FTW_DEPTH | FTW_PHYS);
    if (!good) {
        (void)fprintf(stderr, "bench_runner: a run failed\n");
        return 1;
    }
    (void)printf("runner %.0f trials/s, xargs -P%" PRId64 " %.0f trials/s, ratio %.2f\n",
                 (double)trials / best_runner, parallel, (double)trials / best_xargs,
                 best_xargs / best_runner);
    return 0;
}
