/*
 * Reading a job's directory, which may change under our eyes. The lock is looked at before the
 * record: a shim writes its last record while it has the lock, so without one, what is read is what
 * stays.
 */
#include "runners/job_dir.h"

#include "runners/job_record.h"
#include "runners/runner.h"

#include <dirent.h>
#include <dozan/buf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { SWEEP_ROUNDS = 10, SWEEP_WAIT_MS = 500, MAX_ENVIRONMENT = 256 * 1024, MAX_MISSING = 8 };

static int make_levels(char *path, int levels);
static bool is_file_name(const char *name);
static dozan_status own_path(const char *directory, const char *experiment_name,
                             const char *trial_name, int attempt, const char *name, char **path);
static bool path_below(char *job_path, char **path, const char *name);
static dz_job_stage read_record(int status, dz_job_look *look);
static bool kill_if_of_job(const char *pid_text, const char *mark, size_t mark_size);
static bool has_in_environment(const char *pid_text, const char *mark, size_t mark_size);

dozan_status dz_local_output_path(const char *directory, const char *experiment_name,
                                  const char *trial_name, int32_t attempt, char **path)
{
    char *job_path = NULL;
    dozan_status status =
        dz_job_dir_path(directory, experiment_name, trial_name, attempt, &job_path, NULL);
    if (status == DOZAN_OK && !path_below(job_path, path, DZ_JOB_OUTPUT))
        status = DOZAN_RESOURCE_EXHAUSTED;
    return status;
}

dozan_status dz_local_metrics_path(const char *directory, const char *experiment_name,
                                   const char *trial_name, int32_t attempt, const char *basename,
                                   char **path)
{
    char *folder = NULL;
    if (!is_file_name(basename))
        return DOZAN_INVALID_ARGUMENT;
    dozan_status status =
        own_path(directory, experiment_name, trial_name, attempt, DZ_JOB_METRICS, &folder);
    if (status == DOZAN_OK && !path_below(folder, path, basename))
        status = DOZAN_RESOURCE_EXHAUSTED;
    return status;
}

dozan_status dz_local_checkpoint_path(const char *directory, const char *experiment_name,
                                      const char *trial_name, int32_t attempt, char **path)
{
    return own_path(directory, experiment_name, trial_name, attempt, DZ_JOB_CHECKPOINT, path);
}

/* The attempts of a trial are numbered on, but one that could not be started may have left
 * nothing. */
char *dz_job_dir_checkpoint(const char *directory, const char *experiment_name,
                            const char *trial_name)
{
    char *found = NULL;
    for (int attempt = 1, missing = 0; missing < MAX_MISSING; attempt++) {
        char *path = NULL;
        if (own_path(directory, experiment_name, trial_name, attempt, DZ_JOB_CHECKPOINT, &path) !=
            DOZAN_OK)
            break;
        missing = access(path, R_OK | X_OK) == 0 ? 0 : missing + 1;
        if (missing == 0) {
            free(found);
            found = path;
        } else {
            free(path);
        }
    }
    return found;
}

dozan_status dz_job_dir_path(const char *directory, const char *experiment_name,
                             const char *trial_name, int attempt, char **path, dozan_error *err)
{
    if (!is_file_name(experiment_name) || !is_file_name(trial_name) || attempt < 1)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, NULL,
                               "\"%s/%s.%d\" cannot be the directory of a trial", experiment_name,
                               trial_name, attempt);
    dozan_buf text;
    dozan_buf_init(&text, PATH_MAX);
    (void)dozan_buf_printf(&text, "%s/%s/%s.%d", directory, experiment_name, trial_name, attempt);
    char *made = dozan_buf_take(&text);
    if (made == NULL)
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL,
                               "the directory of trial %s has too long a path, or memory is out",
                               trial_name);
    *path = made;
    return DOZAN_OK;
}

int dz_job_dir_make(const char *path)
{
    char text[PATH_MAX];
    int size = snprintf(text, sizeof text, "%s", path);
    if (size < 0 || (size_t)size >= sizeof text)
        return ENAMETOOLONG;
    return make_levels(text, 1);
}

void dz_job_dir_look(const char *path, dz_job_look *look)
{
    int status = -1;
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    *look = (dz_job_look){.stage = DZ_JOB_UNREADABLE};
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder >= 0)
        status = openat(folder, DZ_JOB_STATUS, O_RDWR | O_CLOEXEC);
    if (status < 0) {
        look->number = errno;
        look->stage = errno == ENOENT ? DZ_JOB_NEW : DZ_JOB_UNREADABLE;
    } else if (fcntl(status, F_GETLK, &whole) != 0) {
        look->number = errno;
    } else if (whole.l_type != F_UNLCK) {
        look->stage = DZ_JOB_RUNNING;
        look->shim = whole.l_pid;
    } else {
        look->stage = read_record(status, look);
    }
    if (folder >= 0 && look->stage != DZ_JOB_RUNNING)
        look->stop_asked = faccessat(folder, DZ_JOB_STOP, F_OK, 0) == 0;
    if (status >= 0)
        (void)close(status);
    if (folder >= 0)
        (void)close(folder);
}

bool dz_job_dir_mark_stop(const char *path)
{
    char *mark = strdup(path);
    if (mark == NULL || !path_below(mark, &mark, DZ_JOB_STOP))
        return false;
    int file = open(mark, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    free(mark);
    if (file < 0)
        return false;
    (void)close(file);
    return true;
}

void dz_job_dir_sweep(const char *path)
{
    dozan_buf mark;
    dozan_buf_init(&mark, PATH_MAX + 64);
    if (!dozan_buf_printf(&mark, "DOZAN_TRIAL_DIR=%s", path))
        return;
    for (int round = 0; round < SWEEP_ROUNDS; round++) {
        bool found = false;
        DIR *proc = opendir("/proc");
        if (proc == NULL)
            break;
        const struct dirent *entry;
        while ((entry = readdir(proc)) != NULL) { /* NOLINT(concurrency-mt-unsafe): our own */
            if (entry->d_name[0] >= '0' && entry->d_name[0] <= '9' &&
                kill_if_of_job(entry->d_name, mark.data, mark.size + 1))
                found = true;
        }
        (void)closedir(proc);
        if (!found)
            break;
    }
    dozan_buf_fini(&mark);
}

/* Makes the directory, and where they lack, so many above it. Errno, with EEXIST for the last one.
 */
static int make_levels(char *path, int levels)
{
    if (mkdir(path, 0700) == 0)
        return 0;
    char *slash = strrchr(path, '/');
    if (errno != ENOENT || levels == 0 || slash == NULL)
        return errno;
    *slash = '\0';
    int error = make_levels(path, levels - 1);
    *slash = '/';
    if (error != 0 && error != EEXIST)
        return error;
    return mkdir(path, 0700) == 0 ? 0 : errno;
}

/* A name of one level: experiments and trials have Kubernetes' names, but a path is no place to
 * trust that. */
static bool is_file_name(const char *name)
{
    return name != NULL && name[0] != '\0' && name[0] != '.' && strchr(name, '/') == NULL &&
           strlen(name) <= NAME_MAX;
}

/* The path of something in a job's directory. A trial may run in another working directory: it
 * needs one that is good everywhere. */
static dozan_status own_path(const char *directory, const char *experiment_name,
                             const char *trial_name, int attempt, const char *name, char **path)
{
    char *job_path = NULL;
    char *absolute = realpath(directory, NULL);
    dozan_status status = dz_job_dir_path(absolute != NULL ? absolute : directory, experiment_name,
                                          trial_name, attempt, &job_path, NULL);
    if (status == DOZAN_OK && !path_below(job_path, path, name))
        status = DOZAN_RESOURCE_EXHAUSTED;
    free(absolute);
    return status;
}

/* Takes job_path; *path may be the same variable. */
static bool path_below(char *job_path, char **path, const char *name)
{
    dozan_buf text;
    dozan_buf_init(&text, PATH_MAX);
    (void)dozan_buf_printf(&text, "%s/%s", job_path, name);
    free(job_path);
    *path = dozan_buf_take(&text);
    return *path != NULL;
}

/* What the status file says when nobody has its lock. */
static dz_job_stage read_record(int status, dz_job_look *look)
{
    char text[DZ_RECORD_SIZE + 1];
    ssize_t size = pread(status, text, sizeof text - 1, 0);
    if (size < 0) {
        look->number = errno;
        return DZ_JOB_UNREADABLE;
    }
    if (size == 0)
        return DZ_JOB_NEW;
    text[size] = '\0';
    bool whole = size == DZ_RECORD_SIZE &&
                 text[size - 1] == '\n' && /* NOLINTNEXTLINE(cert-err34-c) */
                 sscanf(text, DZ_RECORD_SCAN, look->kind, &look->number) == 2;
    return whole && strcmp(look->kind, DZ_RECORD_RUNNING) != 0 ? DZ_JOB_RECORDED : DZ_JOB_GONE;
}

/* The handle is taken before the look, so that the process seen is the one killed; then waits for
 * its end. */
static bool kill_if_of_job(const char *pid_text, const char *mark, size_t mark_size)
{
    pid_t pid = (pid_t)strtol(pid_text, NULL, 10);
    int handle = (int)syscall(SYS_pidfd_open, pid, 0);
    if (handle < 0)
        return false;
    bool ours = has_in_environment(pid_text, mark, mark_size);
    if (ours) {
        (void)syscall(SYS_pidfd_send_signal, handle, SIGKILL, NULL, 0);
        struct pollfd end = {.fd = handle, .events = POLLIN};
        (void)poll(&end, 1, SWEEP_WAIT_MS);
    }
    (void)close(handle);
    return ours;
}

/* Whether the environment that the process began with has the entry `mark` (its final 0 counted in
 * mark_size). */
static bool has_in_environment(const char *pid_text, const char *mark, size_t mark_size)
{
    char path[64];
    char part[4096];
    bool found = false;
    dozan_buf text;
    dozan_buf_init(&text, MAX_ENVIRONMENT);
    (void)snprintf(path, sizeof path, "/proc/%.20s/environ", pid_text);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return false;
    ssize_t size;
    while ((size = read(file, part, sizeof part)) > 0 &&
           dozan_buf_append(&text, part, (size_t)size))
        continue;
    (void)close(file);
    for (size_t at = 0; at + mark_size <= text.size && !found; at += strlen(text.data + at) + 1)
        found = memcmp(text.data + at, mark, mark_size) == 0;
    dozan_buf_fini(&text);
    return found;
}
