/*
 * dozan-shim: runs one trial, and outlives the controller.
 *
 * It takes the job's lock, makes its output file, runs the command in a process group of its own,
 * and writes how it ended. It is the reaper of all the trial's descendants, so none gets away from
 * it, not by setsid and not by a double fork; the record is written only when none is left. Should
 * the shim itself be killed, the command gets SIGKILL from the kernel. See job_record.h for the
 * files.
 *
 * A trial may have a collector, a second command that runs beside it: in a group of its own, with
 * the part of the environment that follows the entry DZ_ENV_COLLECTOR, and its output in a file of
 * its own. It begins first; when the command has ended, it is told to (SIGTERM), and has the grace
 * to read what is left.
 *
 * It is started for each trial: so it is linked statically, needs no memory but its stack in the
 * usual course, and waits for signals without handlers (they are blocked, and taken by
 * sigtimedwait).
 */
#include "job_record.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

typedef struct shim_job {
    const char *directory;
    int64_t timeout_ms; /* 0 = none */
    int64_t grace_ms;
    const char *working_directory; /* "" = where we are */
    char **argv;
    size_t collector_words; /* 0 = there is no collector */
    int64_t settle_ms; /* after the command's end, until the collector is told to end; 0 = it starts
                          with its signals blocked, and takes SIGTERM when it is ready */
    const char *collector_directory;
    char **collector_argv; /* not terminated: the command's words follow */
    char **collector_env;
} shim_job;

/* Written by the child of vfork, which shares our memory until its exec. */
typedef struct shim_launch {
    char **argv;
    char **env;
    const char *working_directory; /* "" = where we are */
    int output, errors;            /* -1 = ours */
    bool keep_blocked;             /* its signals */
    pid_t shim;
    const char *failed; /* NULL, or the record's kind */
    int error;
} shim_launch;

typedef struct supervision {
    pid_t main;
    bool main_ended;
    int main_status;
    const char *cause;   /* NULL, or why we end it: the record's kind */
    int64_t deadline_ms; /* of the time limit, then of the grace; INT64_MAX = none */
    pid_t collector;     /* its process, which is also its group; 0 = none */
    bool collector_runs;
    enum { COLLECTOR_READS, COLLECTOR_SETTLES, COLLECTOR_TOLD } collector_stage;
} supervision;

/* A process of the machine, as the search for descendants sees it. */
typedef struct process {
    pid_t pid, parent, group;
    bool ours;
} process;

static bool read_arguments(int argc, char **argv, shim_job *out);
static int claim(const shim_job *job, int *record);
static int connect_streams(int directory);
static int start_collector(const shim_job *job, pid_t *collector);
static int start_command(const shim_job *job, supervision *it, const char **failed);
static pid_t start(shim_launch *launch);
static void supervise(const shim_job *job, supervision *it);
static void note_end(supervision *it, pid_t pid, int status);
static bool reap(supervision *it);
static void begin_end(const shim_job *job, supervision *it, const char *cause);
static void end_collector(const shim_job *job, supervision *it);
static void tell_collector(const shim_job *job, supervision *it);
static void kill_rest(supervision *it);
static void signal_descendants(pid_t but_group, pid_t nor_group, int signal);
static int write_record(int record, const char *kind, int number);
static int64_t now_ms(void);

int main(int argc, char **argv)
{
    shim_job job;
    if (!read_arguments(argc, argv, &job)) {
        (void)fputs("dozan-shim DIRECTORY TIMEOUT_MS GRACE_MS WORKING_DIRECTORY\n"
                    "           COLLECTOR_WORDS SETTLE_MS COLLECTOR_DIRECTORY [COLLECTOR]...\n"
                    "           COMMAND [ARGUMENT]...\n"
                    "Runs one trial for dozan; not meant to be called by hand.\n",
                    stderr);
        return EINVAL;
    }
    sigset_t signals;
    (void)sigfillset(&signals);
    (void)sigprocmask(SIG_SETMASK, &signals, NULL); /* NOLINT(concurrency-mt-unsafe): one thread */
    (void)syscall(SYS_close_range, 3U, ~0U, 0U);
    (void)setsid();
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);

    int record = -1;
    int failure = claim(&job, &record);
    if (failure != 0)
        return failure;
    supervision it = {.deadline_ms = INT64_MAX};
    const char *failed = NULL;
    failure = start_collector(&job, &it.collector);
    if (failure != 0)
        return write_record(record, DZ_RECORD_NO_COLLECTOR, failure);
    it.collector_runs = it.collector != 0;
    failure = start_command(&job, &it, &failed);
    if (failure != 0)
        return write_record(record, failed, failure);
    supervise(&job, &it);
    if (it.cause != NULL)
        return write_record(record, it.cause, 0);
    if (WIFSIGNALED(it.main_status))
        return write_record(record, DZ_RECORD_SIGNALED, WTERMSIG(it.main_status));
    return write_record(record, DZ_RECORD_EXITED, WEXITSTATUS(it.main_status));
}

/* ---- taking the job -------------------------------------------------------------------------- */

static bool read_ms(const char *text, int64_t *ms)
{
    char *end = NULL;
    errno = 0;
    *ms = strtoll(text, &end, 10);
    return errno == 0 && end != text && *end == '\0' && *ms >= 0;
}

/* The collector's environment follows the command's, behind an entry that parts them. */
static void take_collector_env(shim_job *out)
{
    char **entry = environ;
    while (*entry != NULL && strcmp(*entry, DZ_ENV_COLLECTOR) != 0)
        entry++;
    out->collector_env = entry;
    if (*entry != NULL) {
        *entry = NULL;
        out->collector_env = entry + 1;
    }
}

static bool read_arguments(int argc, char **argv, shim_job *out)
{
    int64_t words;
    if (argc < 9 || !read_ms(argv[5], &words) || words > argc - 9)
        return false;
    out->directory = argv[1];
    out->working_directory = argv[4];
    out->collector_words = (size_t)words;
    out->collector_directory = argv[7];
    out->collector_argv = argv + 8;
    out->argv = argv + 8 + words;
    take_collector_env(out);
    return read_ms(argv[2], &out->timeout_ms) && read_ms(argv[3], &out->grace_ms) &&
           read_ms(argv[6], &out->settle_ms);
}

/* Makes this process the job's one shim. 0, or the exit status. The lock is never let go of: it
 * falls with us. */
static int claim(const shim_job *job, int *record)
{
    char begun;
    int directory = open(job->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0)
        return errno;
    *record = openat(directory, DZ_JOB_STATUS, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (*record < 0)
        return errno;
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fcntl(*record, F_SETLK, &whole) != 0)
        return errno == EACCES || errno == EAGAIN ? DZ_SHIM_ALREADY : errno;
    if (read(*record, &begun, 1) != 0 || faccessat(directory, DZ_JOB_STOP, F_OK, 0) == 0)
        return DZ_SHIM_ALREADY; /* it runs or has ended, or was stopped before we came */
    int error = connect_streams(directory);
    if (error == 0 && write_record(*record, DZ_RECORD_RUNNING, 0) != DZ_SHIM_DONE)
        error = errno;
    return error;
}

/* An output that is there already is of an attempt that never began. */
static int connect_streams(int directory)
{
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (null < 0)
        return errno;
    int output =
        openat(directory, DZ_JOB_OUTPUT, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
    if (output < 0)
        return errno;
    if (dup2(null, STDIN_FILENO) < 0 || dup2(output, STDOUT_FILENO) < 0 ||
        dup2(output, STDERR_FILENO) < 0)
        return errno;
    return 0;
}

/* ---- the commands ---------------------------------------------------------------------------- */

/* Runs in the child of vfork: no return, and nothing but system calls and what is in *launch. */
static _Noreturn void become_command(shim_launch *launch)
{
    sigset_t none;
    (void)sigemptyset(&none);
    (void)setpgid(0, 0);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (getppid() != launch->shim)
        _exit(0); /* the shim was killed before the kernel knew that we want to die with it */
    if (!launch->keep_blocked)
        (void)sigprocmask(SIG_SETMASK, &none, NULL); /* NOLINT(concurrency-mt-unsafe) */
    launch->failed = DZ_RECORD_NO_FOLDER;
    if (launch->working_directory[0] == '\0' || chdir(launch->working_directory) == 0) {
        launch->failed = DZ_RECORD_NO_COMMAND;
        if ((launch->output < 0 || dup2(launch->output, STDOUT_FILENO) >= 0) &&
            (launch->errors < 0 || dup2(launch->errors, STDERR_FILENO) >= 0))
            (void)execvpe(launch->argv[0], launch->argv, launch->env);
    }
    launch->error = errno;
    _exit(127);
}

/* The command's process, or -1. A failed exec leaves its kind in launch->failed. posix_spawn cannot
 * do what the child has to (its group, its death with us), and fork costs more; the child keeps to
 * what POSIX and Linux leave a vfork'ed one. */
static __attribute__((noinline)) pid_t start(shim_launch *launch)
{
    volatile shim_launch *shared = launch;
    pid_t pid = vfork(); /* NOLINT(clang-analyzer-security.insecureAPI.vfork) */
    if (pid == 0)
        become_command(launch); /* NOLINT(clang-analyzer-unix.Vfork): it never returns */
    if (pid < 0)
        shared->error = errno;
    else if (shared->error == 0)
        shared->failed = NULL; /* the exec took place */
    return pid;
}

/* 0 and its process, or errno. */
static int start_collector(const shim_job *job, pid_t *collector)
{
    if (job->collector_words == 0)
        return 0;
    int error = 0;
    int flags = O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC;
    int directory = open(job->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int output = openat(directory, DZ_JOB_COLLECTED, flags, 0600);
    int errors = openat(directory, DZ_JOB_COLLECTOR_LOG, flags, 0600);
    char **argv = calloc(job->collector_words + 1, sizeof(char *));
    if (output < 0 || errors < 0 || argv == NULL) {
        error = errno;
    } else {
        memcpy(argv, job->collector_argv, job->collector_words * sizeof(char *));
        shim_launch launch = {.argv = argv,
                              .env = job->collector_env,
                              .working_directory = job->collector_directory,
                              .output = output,
                              .errors = errors,
                              .keep_blocked = job->settle_ms == 0,
                              .shim = getpid()};
        *collector = start(&launch);
        if (*collector >= 0 && launch.failed != NULL)
            (void)waitpid(*collector, NULL, 0);
        error = launch.failed != NULL || *collector < 0 ? launch.error : 0;
    }
    free(argv);
    (void)close(directory);
    (void)close(output);
    (void)close(errors);
    return error;
}

/* 0, or errno with the record's kind. */
static int start_command(const shim_job *job, supervision *it, const char **failed)
{
    shim_launch launch = {.argv = job->argv,
                          .env = environ,
                          .working_directory = job->working_directory,
                          .output = -1,
                          .errors = -1,
                          .shim = getpid()};
    it->main = start(&launch);
    if (it->main >= 0 && launch.failed == NULL)
        return 0;
    *failed = launch.failed != NULL ? launch.failed : DZ_RECORD_NO_COMMAND;
    if (it->main >= 0)
        (void)waitpid(it->main, NULL, 0);
    it->main_ended = true;
    if (it->collector_runs)
        kill_rest(it);
    return launch.error;
}

/* ---- until none is left ---------------------------------------------------------------------- */

/* Waits for the end of the command, or brings it about; returns when no descendant is left. Once
 * asked to end, the descendants have the grace to go by themselves; when the command ends of its
 * own, what it left behind is killed, but for the collector, which has the grace to finish. */
static void supervise(const shim_job *job, supervision *it)
{
    sigset_t signals;
    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, SIGCHLD);
    (void)sigaddset(&signals, SIGTERM);
    if (job->timeout_ms > 0)
        it->deadline_ms = now_ms() + job->timeout_ms;
    for (;;) {
        if (!reap(it))
            return;
        if (it->main_ended && it->collector_runs && it->collector_stage == COLLECTOR_READS)
            end_collector(job, it);
        int64_t left_ms = it->deadline_ms == INT64_MAX ? INT64_MAX : it->deadline_ms - now_ms();
        bool ending = it->cause != NULL || it->collector_stage == COLLECTOR_TOLD;
        if ((it->main_ended && it->cause == NULL && !it->collector_runs) ||
            (ending && left_ms <= 0))
            break;
        if (left_ms <= 0) {
            if (it->collector_stage == COLLECTOR_SETTLES)
                tell_collector(job, it);
            else
                begin_end(job, it, DZ_RECORD_TIMEOUT);
            continue;
        }
        struct timespec wait = {.tv_sec = (time_t)(left_ms / 1000),
                                .tv_nsec = (long)(left_ms % 1000) * 1000000};
        int signal = sigtimedwait(&signals, NULL, left_ms == INT64_MAX ? NULL : &wait);
        if (signal == SIGTERM && it->cause == NULL && reap(it) && !it->main_ended)
            begin_end(job, it, DZ_RECORD_STOPPED);
    }
    kill_rest(it);
}

/* Takes the status of every child that has ended. False when there are no children any more. */
static bool reap(supervision *it)
{
    for (;;) {
        int status;
        pid_t pid = waitpid(-1, &status, WNOHANG);
        if (pid == 0)
            return true;
        if (pid < 0)
            return errno == EINTR;
        note_end(it, pid, status);
    }
}

static void note_end(supervision *it, pid_t pid, int status)
{
    if (pid == it->main) {
        it->main_ended = true;
        it->main_status = status;
    } else if (pid == it->collector) {
        it->collector_runs = false;
        it->collector = 0;
    }
}

static void begin_end(const shim_job *job, supervision *it, const char *cause)
{
    it->cause = cause;
    it->deadline_ms = now_ms() + job->grace_ms;
    (void)kill(-it->main, SIGTERM); /* one call for the group: none of it can fork in between */
    signal_descendants(it->main, it->collector, SIGTERM);
}

/* The command has ended: the collector is told to, at once or when it has had the time to read what
 * was written last. Behind a command that was asked to end, it goes on within the same grace. */
static void end_collector(const shim_job *job, supervision *it)
{
    if (it->cause == NULL)
        signal_descendants(it->collector, 0, SIGKILL);
    if (it->cause == NULL && job->settle_ms > 0) {
        it->collector_stage = COLLECTOR_SETTLES;
        it->deadline_ms = now_ms() + job->settle_ms;
    } else {
        tell_collector(job, it);
    }
}

static void tell_collector(const shim_job *job, supervision *it)
{
    it->collector_stage = COLLECTOR_TOLD;
    if (it->cause == NULL)
        it->deadline_ms = now_ms() + job->grace_ms;
    (void)kill(-it->collector, SIGTERM);
}

/* Each round kills whoever is there; who forked meanwhile becomes our child and is met in the next
 * one. */
static void kill_rest(supervision *it)
{
    do {
        if (!it->main_ended)
            (void)kill(-it->main, SIGKILL);
        signal_descendants(0, 0, SIGKILL);
        int status;
        pid_t pid = waitpid(-1, &status, 0);
        if (pid > 0)
            note_end(it, pid, status);
    } while (reap(it));
}

/* ---- descendants ----------------------------------------------------------------------------- */

/* Reads parent and group out of /proc/PID/stat: "pid (name) state ppid pgrp ...", where name may
 * hold anything. */
static bool read_process(const char *entry, process *out)
{
    char path[64];
    char text[512];
    if (entry[0] < '0' || entry[0] > '9' || strlen(entry) > 10)
        return false;
    (void)snprintf(path, sizeof path, "/proc/%s/stat", entry);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return false;
    ssize_t size = read(file, text, sizeof text - 1);
    (void)close(file);
    if (size <= 0)
        return false;
    text[size] = '\0';
    const char *name_end = strrchr(text, ')');
    if (name_end == NULL || strlen(name_end) < 5)
        return false;
    char *next = NULL;
    out->pid = (pid_t)strtol(text, NULL, 10);
    out->parent = (pid_t)strtol(name_end + 4, &next, 10);
    out->group = (pid_t)strtol(next, NULL, 10);
    out->ours = false;
    return true;
}

/* All processes of the machine; NULL without memory or /proc. */
static process *read_processes(size_t *count)
{
    process *all = NULL;
    size_t room = 0;
    *count = 0;
    DIR *proc = opendir("/proc");
    if (proc == NULL)
        return NULL;
    const struct dirent *entry;
    while ((entry = readdir(proc)) != NULL) { /* NOLINT(concurrency-mt-unsafe) */
        if (*count == room) {
            size_t more = room == 0 ? 256 : room * 2;
            process *grown = realloc(all, more * sizeof *grown);
            if (grown == NULL)
                break;
            all = grown;
            room = more;
        }
        if (read_process(entry->d_name, &all[*count]))
            ++*count;
    }
    (void)closedir(proc);
    return all;
}

/* Signals every descendant of ours but those of these groups. */
static void signal_descendants(pid_t but_group, pid_t nor_group, int signal)
{
    size_t count;
    process *all = read_processes(&count);
    bool found = all != NULL;
    while (found) {
        found = false;
        for (size_t i = 0; i < count; i++) {
            bool ours = all[i].parent == getpid();
            for (size_t j = 0; j < count && !ours; j++)
                ours = all[j].ours && all[j].pid == all[i].parent;
            if (ours && !all[i].ours)
                all[i].ours = found = true;
        }
    }
    for (size_t i = 0; all != NULL && i < count; i++) {
        if (all[i].ours && all[i].group != but_group && all[i].group != nor_group)
            (void)kill(all[i].pid, signal);
    }
    free(all);
}

/* ---- the record ------------------------------------------------------------------------------ */

static long long microseconds(struct timeval time)
{
    return (long long)time.tv_sec * 1000000 + time.tv_usec;
}

static int write_record(int record, const char *kind, int number)
{
    struct rusage used = {0};
    (void)getrusage(RUSAGE_CHILDREN, &used);
    char text[DZ_RECORD_SIZE + 1];
    int size = snprintf(text, sizeof text, DZ_RECORD_FORMAT, kind, number, used.ru_maxrss,
                        microseconds(used.ru_utime), microseconds(used.ru_stime));
    if (size < 0 || size >= DZ_RECORD_SIZE)
        return DZ_SHIM_NO_RECORD;
    memset(text + size, ' ', (size_t)(DZ_RECORD_SIZE - size));
    text[DZ_RECORD_SIZE - 1] = '\n';
    return pwrite(record, text, DZ_RECORD_SIZE, 0) == DZ_RECORD_SIZE ? DZ_SHIM_DONE
                                                                     : DZ_SHIM_NO_RECORD;
}

static int64_t now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
