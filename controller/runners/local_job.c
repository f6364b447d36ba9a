/*
 * One local job: its start, what became of it, and what it printed. Runs on the watcher's thread,
 * but for the copying.
 *
 * A shim is known by the lock that it holds. Its process is only ever signalled through a pidfd
 * that was opened while it was our child or held the lock, so that a number used again for another
 * process does no harm.
 */
#include "runners/local.h"

#include "runners/job_env.h"
#include "runners/job_record.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* With a tick every 10 to 100 ms, a machine that is out of descriptors has some seconds to find
 * some again. */
enum { MAX_FAILURES = 300, COPY_WORDS = 6 };

static const char *why(int error);
static bool is_passing(int error);
static char *copy_text(const char *text, bool *failed);
static bool copy_command(const dz_command *from, dz_command *to);
static char **make_env(const local_runner *runner, const dz_job *job, local_job *made);
static bool is_runnable(const local_job *job, local_end *end);
static bool make_metrics_folder(const local_job *job);
static bool make_checkpoint(const local_runner *runner, local_job *job, local_end *end);
static size_t put_copy(const local_job *job, const char **argv);
static bool spawn_shim(local_runner *runner, local_job *job, local_end *end);
static void attach(local_job *job, pid_t shim);
static void signal_shim(const local_job *job);
static void end_recorded(const local_job *job, const dz_job_look *look, local_end *end);
static void end_not_run(const local_job *job, const char *what, int error, local_end *end);
static void end_without_shim(const local_job *job, const dz_job_look *look, local_end *end);
static void end_gone(const local_job *job, const dz_job_look *look, local_end *end);
static void set_end(local_end *end, dz_end_kind kind, const char *format, ...) DOZAN_PRINTF(3, 4);

local_job *local_job_create(const local_runner *runner, const dz_job *job, dozan_error *err)
{
    bool failed = false;
    local_job *made = calloc(1, sizeof *made);
    if (made == NULL)
        goto out_of_memory;
    made->id = job->id;
    made->pidfd = made->follow_fd = -1;
    made->to_stop = job->to_stop;
    made->collector_settle_ms = job->collector_settle_ms;
    int64_t deadline_ms = job->command->active_deadline_ms;
    bool deadline_first =
        deadline_ms > 0 && (job->timeout_ms <= 0 || deadline_ms < job->timeout_ms);
    made->timeout_ms = deadline_first ? deadline_ms : job->timeout_ms;
    if (dz_job_dir_path(runner->directory, job->experiment_name, job->trial_name, job->id.attempt,
                        &made->directory, err) != DOZAN_OK) {
        local_job_destroy(made);
        return NULL;
    }
    made->trial_name = copy_text(job->trial_name, &failed);
    made->experiment_name = copy_text(job->experiment_name, &failed);
    made->metrics_path = copy_text(job->metrics_path, &failed);
    made->checkpoint = copy_text(job->checkpoint, &failed);
    made->parent_name = copy_text(job->parent_name, &failed);
    made->folder = copy_text(job->collector_folder, &failed);
    failed |= !copy_command(job->command, &made->command);
    failed |= job->collector != NULL && !copy_command(job->collector, &made->collector);
    made->env = make_env(runner, job, made);
    if (made->metrics_path != NULL)
        made->follow = copy_text(made->metrics_path, &failed);
    else if (asprintf(&made->follow, "%s/%s", made->directory,
                      job->collector != NULL ? DZ_JOB_COLLECTED : DZ_JOB_OUTPUT) < 0)
        made->follow = NULL;
    if (!failed && made->follow != NULL && made->env != NULL)
        return made;
out_of_memory:
    local_job_destroy(made);
    (void)dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory for trial %s",
                          job->trial_name);
    return NULL;
}

void local_job_destroy(local_job *job)
{
    if (job == NULL)
        return;
    if (job->pidfd >= 0)
        (void)close(job->pidfd);
    if (job->follow_fd >= 0)
        (void)close(job->follow_fd);
    free(job->experiment_name);
    free(job->trial_name);
    free(job->checkpoint);
    free(job->parent_name);
    free(job->parent);
    free(job->directory);
    free(job->follow);
    free(job->metrics_path);
    free(job->folder);
    dz_command *commands[] = {&job->command, &job->collector};
    for (size_t i = 0; i < 2; i++) {
        dz_strings_destroy(commands[i]->argv);
        free(commands[i]->working_dir);
        free(commands[i]->program);
    }
    dz_strings_destroy(job->env);
    free(job);
}

bool local_job_begin(local_runner *runner, local_job *job, local_end *end)
{
    dz_job_look look = {.stage = DZ_JOB_NEW};
    job->begun_ms = local_wall_ms();
    int error = dz_job_dir_make(job->directory);
    /* The mark goes first: a shim that an earlier controller has just started sees it, or is seen.
     */
    if (job->to_stop && (error == 0 || error == EEXIST))
        local_job_stop(job);
    if (error == EEXIST || (error == 0 && job->to_stop)) {
        dz_job_dir_look(job->directory, &look);
        error = 0;
    }
    if (error != 0) {
        set_end(end, DZ_END_NOT_STARTED, "the trial's directory %s could not be made: %s",
                job->directory, why(error));
        return false;
    }
    if (look.stage != DZ_JOB_NEW || look.stop_asked || job->stop_asked)
        return !local_job_conclude(job, end);
    if (!is_runnable(job, end))
        return false;
    if (!make_metrics_folder(job)) {
        set_end(end, DZ_END_NOT_STARTED, "the folder %s/%s could not be made: %s", job->directory,
                DZ_JOB_METRICS, why(errno));
        return false;
    }
    return make_checkpoint(runner, job, end) && spawn_shim(runner, job, end);
}

bool local_job_shim_gone(const local_runner *runner, local_job *job)
{
    bool gone = job->shim == 0;
    if (job->child) {
        int status = 0;
        pid_t ended = waitpid(job->shim, &status, WNOHANG);
        /* An error means that somebody else has waited for it. */
        gone = ended != 0;
        if (gone)
            job->shim_status = ended > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : 0;
    } else if (job->pidfd >= 0) {
        struct pollfd end = {.fd = job->pidfd, .events = POLLIN};
        gone = poll(&end, 1, 0) > 0;
    } else if (job->shim != 0) {
        dz_job_look look;
        dz_job_dir_look(job->directory, &look);
        gone = look.stage != DZ_JOB_UNREADABLE &&
               (look.stage != DZ_JOB_RUNNING || look.shim != job->shim);
    }
    if (gone) {
        /* Closing it is not enough: a process that is being spawned holds a copy until its exec is
         * through, and the event would come back for a job that is no more. */
        if (job->pidfd >= 0) {
            (void)epoll_ctl(runner->epoll, EPOLL_CTL_DEL, job->pidfd, NULL);
            (void)close(job->pidfd);
        }
        job->pidfd = -1;
        job->shim = 0;
        job->child = false;
    }
    return gone;
}

bool local_job_conclude(local_job *job, local_end *end)
{
    dz_job_look look;
    dz_job_dir_look(job->directory, &look);
    switch (look.stage) {
    case DZ_JOB_RUNNING:
        attach(job, look.shim);
        return false;
    case DZ_JOB_UNREADABLE:
        if (++job->failures < MAX_FAILURES)
            return false;
        dz_job_dir_sweep(
            job->directory); /* what is given up must not run on beside its next attempt */
        set_end(end, DZ_END_LOST, "the trial's directory %s cannot be read: %s", job->directory,
                why(look.number));
        break;
    case DZ_JOB_RECORDED:
        end_recorded(job, &look, end);
        break;
    case DZ_JOB_GONE:
        dz_job_dir_sweep(job->directory);
        end_gone(job, &look, end);
        break;
    case DZ_JOB_NEW:
        end_without_shim(job, &look, end);
        break;
    }
    return true;
}

void local_job_stop(local_job *job)
{
    /* Without the mark the end still counts as our wish for as long as this controller lives. */
    (void)dz_job_dir_mark_stop(job->directory);
    job->stop_asked = true;
    signal_shim(job);
}

local_read local_job_read(local_runner *runner, local_job *job, int parts)
{
    local_read result = LOCAL_READ_NONE;
    if (job->follow_fd < 0) {
        job->follow_fd = open(job->follow, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        if (job->follow_fd < 0)
            return errno == ENOENT || errno == ENOTDIR ? LOCAL_READ_NONE : LOCAL_READ_FAILED;
    }
    for (int part = 0; part < parts; part++) {
        ssize_t size = pread(job->follow_fd, runner->buffer, LOCAL_READ_BYTES, job->offset);
        if (size < 0)
            return LOCAL_READ_FAILED;
        struct stat about;
        if (size == 0 && job->metrics_path != NULL && fstat(job->follow_fd, &about) == 0 &&
            about.st_size < job->offset) {
            job->offset = 0; /* written anew: a trial may open its file for each epoch */
            continue;
        }
        if (size == 0)
            break;
        runner->sink.output(runner->sink.user, &job->id, job->offset, runner->buffer, (size_t)size,
                            local_wall_ms());
        job->offset += size;
        result = LOCAL_READ_SOME;
    }
    return result;
}

/* ---- starting -------------------------------------------------------------------------------- */

static const char *why(int error)
{
    const char *text = strerrordesc_np(error);
    return text != NULL ? text : "unknown error";
}

/* Whether a want of something that others may give back. */
static bool is_passing(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOMEM || error == EAGAIN ||
           error == EINTR || error == ENOLCK;
}

static char *copy_text(const char *text, bool *failed)
{
    char *copy = text != NULL ? strdup(text) : NULL;
    if (text != NULL && copy == NULL)
        *failed = true;
    return copy;
}

static bool copy_command(const dz_command *from, dz_command *to)
{
    bool failed = false;
    to->argv = dz_strings_copy(from->argv);
    to->working_dir = copy_text(from->working_dir, &failed);
    to->program = copy_text(from->program, &failed);
    return !failed && to->argv != NULL;
}

/* The environment of the command, and behind the entry that parts them, that of the collector. */
static char **make_env(const local_runner *runner, const dz_job *job, local_job *made)
{
    char **env = dz_job_env_create(runner->inherited, &runner->gpus, job, made->directory);
    if (env == NULL || job->collector == NULL)
        return env;
    dz_job beside = *job;
    beside.command = job->collector;
    beside.gpu_count = 0;
    char **more = dz_job_env_create(runner->inherited, &runner->gpus, &beside, made->directory);
    char *mark = strdup(DZ_ENV_COLLECTOR);
    size_t count = 0, more_count = 0;
    while (env[count] != NULL)
        count++;
    while (more != NULL && more[more_count] != NULL)
        more_count++;
    char **both = calloc(count + more_count + 2, sizeof(char *));
    if (more == NULL || mark == NULL || both == NULL) {
        dz_strings_destroy(env);
        dz_strings_destroy(more);
        free(mark);
        free(both);
        return NULL;
    }
    memcpy(both, env, count * sizeof(char *));
    both[count] = mark;
    memcpy(both + count + 1, more, more_count * sizeof(char *));
    free(env);
    free(more);
    made->collector_env = both + count + 1;
    return both;
}

/* Whether both commands are on this machine. */
static bool is_runnable(const local_job *job, local_end *end)
{
    char message[LOCAL_MESSAGE_BYTES];
    bool command = dz_job_env_check(&job->command, job->env, message, sizeof message);
    if (command && (job->collector.argv == NULL ||
                    dz_job_env_check(&job->collector, job->collector_env, message, sizeof message)))
        return true;
    set_end(end, DZ_END_NOT_STARTED, "%s%s", command ? "the collector: " : "", message);
    end->end.configuration_fault = true;
    return false;
}

/* The folder of the job's metrics, and below it that of the collector. */
static bool make_metrics_folder(const local_job *job)
{
    char folder[PATH_MAX];
    const char *path = job->folder != NULL ? job->folder : job->metrics_path;
    size_t size = strlen(job->directory);
    if (path == NULL || strncmp(path, job->directory, size) != 0)
        return true;
    (void)snprintf(folder, sizeof folder, "%s/%s", job->directory, DZ_JOB_METRICS);
    if (mkdir(folder, 0700) != 0 && errno != EEXIST)
        return false;
    int error = job->folder != NULL ? dz_job_dir_make(job->folder) : 0;
    errno = error;
    return error == 0 || error == EEXIST;
}

static size_t count_words(char *const *words)
{
    size_t count = 0;
    while (words != NULL && words[count] != NULL)
        count++;
    return count;
}

/* Makes the job's checkpoint folder, and finds the one that it begins as a copy of. */
static bool make_checkpoint(const local_runner *runner, local_job *job, local_end *end)
{
    if (job->checkpoint == NULL)
        return true;
    if (mkdir(job->checkpoint, 0700) != 0 && errno != EEXIST) {
        set_end(end, DZ_END_NOT_STARTED, "the folder %s for its checkpoint could not be made: %s",
                job->checkpoint, why(errno));
        return false;
    }
    if (job->parent_name == NULL || job->parent != NULL)
        return true;
    job->parent = dz_job_dir_checkpoint(runner->directory, job->experiment_name, job->parent_name);
    if (job->parent == NULL) {
        set_end(end, DZ_END_NOT_STARTED,
                "it begins with the checkpoint of trial %s, and there is none below %s/%s: was it "
                "removed?",
                job->parent_name, runner->directory, job->experiment_name);
        end->end.configuration_fault = true;
    }
    return job->parent != NULL;
}

/* Puts a command before the trial's own that fetches the parent's checkpoint. It runs under the
 * shim: so a copy of gigabytes holds nothing else up, counts for the time limit, and is ended with
 * the trial. An attempt is started once, and so it copies once. Returns the number of words. */
static size_t put_copy(const local_job *job, const char **argv)
{
    static const char script[] = "cp -a -- \"$1/.\" \"$2\" && shift 2 && exec \"$@\"";
    if (job->parent == NULL)
        return 0;
    const char *const words[COPY_WORDS] = {"/bin/sh", "-c",        script,
                                           "dozan",   job->parent, job->checkpoint};
    memcpy(argv, words, sizeof words);
    return COPY_WORDS;
}

static bool spawn_shim(local_runner *runner, local_job *job, local_end *end)
{
    char timeout[32];
    char grace[32];
    char words[32];
    char settle[32];
    const dz_command *collector = &job->collector;
    size_t collector_count = count_words(collector->argv);
    size_t count = count_words(job->command.argv);
    const char **argv = calloc(collector_count + count + 9 + COPY_WORDS, sizeof(char *));
    int error = argv == NULL ? ENOMEM : 0;
    if (error == 0) {
        (void)snprintf(timeout, sizeof timeout, "%" PRId64, job->timeout_ms);
        (void)snprintf(grace, sizeof grace, "%" PRId64, runner->grace_ms);
        (void)snprintf(words, sizeof words, "%zu", collector_count);
        argv[0] = "dozan-shim";
        argv[1] = job->directory;
        argv[2] = timeout;
        argv[3] = grace;
        argv[4] = job->command.working_dir != NULL ? job->command.working_dir : "";
        argv[5] = words;
        (void)snprintf(settle, sizeof settle, "%" PRId64, job->collector_settle_ms);
        argv[6] = settle;
        argv[7] = collector->working_dir != NULL ? collector->working_dir : "";
        if (collector_count > 0)
            memcpy(argv + 8, collector->argv, collector_count * sizeof(char *));
        size_t before = 8 + collector_count;
        before += put_copy(job, argv + before);
        memcpy(argv + before, job->command.argv, count * sizeof(char *));
        error = posix_spawn(&job->shim, runner->shim, NULL, &runner->spawn,
                            (char *const *)(uintptr_t)argv, job->env);
    }
    free(argv);
    if (error != 0) {
        job->shim = 0;
        set_end(end, DZ_END_NOT_STARTED, "%s could not be started: %s", runner->shim, why(error));
        end->end.configuration_fault = error == E2BIG;
        return false;
    }
    job->child = true;
    job->pidfd = (int)syscall(SYS_pidfd_open, job->shim, 0);
    return true;
}

/* Takes a shim up that another run of the controller has started. The second look makes sure that
 * the process of the pidfd is the holder of the lock. */
static void attach(local_job *job, pid_t shim)
{
    dz_job_look look;
    job->pidfd = (int)syscall(SYS_pidfd_open, shim, 0);
    if (job->pidfd < 0 && errno == ESRCH)
        return;
    dz_job_dir_look(job->directory, &look);
    if (look.stage == DZ_JOB_RUNNING && look.shim == shim) {
        job->shim = shim;
        if (job->stop_asked)
            signal_shim(job);
    } else if (job->pidfd >= 0) {
        (void)close(job->pidfd);
        job->pidfd = -1;
    }
}

static void signal_shim(const local_job *job)
{
    dz_job_look look;
    if (job->pidfd >= 0) {
        (void)syscall(SYS_pidfd_send_signal, job->pidfd, SIGTERM, NULL, 0);
    } else if (job->child) {
        (void)kill(job->shim, SIGTERM); /* not waited for yet: the number is still its own */
    } else if (job->shim != 0) {
        dz_job_dir_look(job->directory, &look);
        if (look.stage == DZ_JOB_RUNNING && look.shim == job->shim)
            (void)kill(job->shim, SIGTERM);
    }
}

/* ---- ends ------------------------------------------------------------------------------------ */

static void end_recorded(const local_job *job, const dz_job_look *look, local_end *end)
{
    if (strcmp(look->kind, DZ_RECORD_NO_COMMAND) == 0) {
        end_not_run(job, "the command", look->number, end);
        return;
    }
    if (strcmp(look->kind, DZ_RECORD_NO_FOLDER) == 0) {
        end_not_run(job, "its working directory", look->number, end);
        return;
    }
    if (strcmp(look->kind, DZ_RECORD_NO_COLLECTOR) == 0) {
        set_end(end, DZ_END_NOT_STARTED, "the trial's collector %s could not be started: %s",
                job->collector.argv != NULL ? job->collector.argv[0] : "", why(look->number));
        end->end.configuration_fault = !is_passing(look->number);
        return;
    }
    if (strcmp(look->kind, DZ_RECORD_EXITED) == 0) {
        *end = (local_end){.end = {.kind = DZ_END_EXITED, .code = look->number}};
    } else if (strcmp(look->kind, DZ_RECORD_SIGNALED) == 0) {
        *end = (local_end){.end = {.kind = DZ_END_SIGNALED, .signal = look->number}};
    } else if (strcmp(look->kind, DZ_RECORD_TIMEOUT) == 0) {
        *end = (local_end){.end.kind = DZ_END_TIMEOUT};
    } else if (strcmp(look->kind, DZ_RECORD_STOPPED) == 0 &&
               (look->stop_asked || job->stop_asked)) {
        set_end(end, DZ_END_STOPPED, "stopped");
    } else {
        set_end(end, DZ_END_LOST, "the trial's supervisor was told to end, but not by dozan");
    }
    end->ran = true;
}

/* The command was there when it was looked for, or its first word is the shell's affair; yet exec
 * or chdir failed. Only a want of memory or of processes can be better the next time. */
static void end_not_run(const local_job *job, const char *what, int error, local_end *end)
{
    const char *program = job->command.argv[0] != NULL ? job->command.argv[0] : "";
    bool folder = what[0] == 'i';
    set_end(end, DZ_END_NOT_STARTED, "%s %s could not be %s: %s", what,
            folder && job->command.working_dir != NULL ? job->command.working_dir : program,
            folder ? "entered" : "run", why(error));
    end->end.configuration_fault = !is_passing(error) && error != ETXTBSY;
}

/* No shim has taken the job: ours failed before, by what its exit status says, or by a signal. */
static void end_without_shim(const local_job *job, const dz_job_look *look, local_end *end)
{
    int status = job->shim_status;
    if (job->stop_asked || look->stop_asked)
        set_end(end, DZ_END_STOPPED, "stopped before it was started");
    else if (status > DZ_SHIM_DONE && status < DZ_SHIM_ALREADY)
        set_end(end, DZ_END_NOT_STARTED, "the trial's files could not be made in %s: %s",
                job->directory, why(status));
    else
        set_end(end, DZ_END_NOT_STARTED,
                "the trial's supervisor was ended before it could start the command");
}

static void end_gone(const local_job *job, const dz_job_look *look, local_end *end)
{
    if (job->stop_asked || look->stop_asked)
        set_end(end, DZ_END_STOPPED, "stopped");
    else if (job->shim_status == DZ_SHIM_NO_RECORD)
        set_end(end, DZ_END_LOST,
                "how the trial ended could not be written into %s: is the disk full?",
                job->directory);
    else
        set_end(end, DZ_END_LOST,
                "the trial's supervisor is gone without a record of how the trial ended: it was "
                "killed, or the machine was restarted");
    end->ran = true;
}

static void set_end(local_end *end, dz_end_kind kind, const char *format, ...)
{
    va_list args;
    *end = (local_end){.end.kind = kind};
    va_start(args, format);
    /* clang 14 does not see the va_start: NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized) */
    (void)vsnprintf(end->message, sizeof end->message, format, args);
    va_end(args);
    end->end.message = end->message;
}
