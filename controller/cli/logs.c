/*
 * `dozan logs`: a trial's output, as its file holds it, and with -f as it comes: through all of its
 * attempts, until it has ended.
 */
#include "cli/find.h"

#include "runners/runner.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

enum {
    WAIT_MS = 250,      /* for what no file tells: that the trial has started or ended */
    OWNERLESS_WAITS = 8 /* after which a run without a process is given up */
};

typedef struct follower {
    dz_cli *cli;
    dz_store *store;
    const char *name;
    dz_found found;
    int32_t attempt; /* whose file is open; 0 = none */
    int file;
    int watch; /* inotify on the attempt's directory; -1 = none: then only time wakes us */
    int64_t version;
    int ownerless;
} follower;

static int print(follower *follow);
static int follow_to_end(follower *follow);
static int reload(follower *follow);
static int open_attempt(follower *follow, bool wait);
static void watch_directory(follower *follow, char *path);
static int copy(follower *follow);
static void say_waiting(follower *follow);
static bool given_up(follower *follow);
static void wait_for_news(follower *follow);

int dz_cli_logs(dz_cli *cli)
{
    int status = DZ_EXIT_USAGE;
    follower follow = {.cli = cli, .name = cli->options.arguments[0], .file = -1, .watch = -1};
    follow.store = dz_cli_open(cli, DZ_STORE_READ, &status);
    if (follow.store == NULL)
        return status;
    status = reload(&follow);
    if (status == DZ_EXIT_SUCCEEDED && follow.found.trial != NULL)
        status = cli->options.follow ? follow_to_end(&follow) : print(&follow);
    if (follow.file >= 0)
        (void)close(follow.file);
    if (follow.watch >= 0)
        (void)close(follow.watch);
    dz_found_fini(&follow.found);
    dz_store_close(follow.store);
    return status;
}

static int print(follower *follow)
{
    if (follow->found.trial->attempt == 0) {
        say_waiting(follow);
        return DZ_EXIT_SUCCEEDED;
    }
    int status = open_attempt(follow, false);
    return status == DZ_EXIT_SUCCEEDED ? copy(follow) : status;
}

/* The state is read before the output: what a trial printed before it ended is never missed. */
static int follow_to_end(follower *follow)
{
    int status = DZ_EXIT_SUCCEEDED;
    bool told = false;
    while (status == DZ_EXIT_SUCCEEDED && follow->found.trial != NULL) {
        const dz_trial *trial = follow->found.trial;
        bool ended = dz_trial_state_ended(trial->state);
        if (trial->attempt == 0 && !told) {
            say_waiting(follow);
            told = true;
        }
        if (trial->attempt != follow->attempt)
            status = open_attempt(follow, !ended);
        if (status == DZ_EXIT_SUCCEEDED && follow->file >= 0)
            status = copy(follow);
        if (ended || status != DZ_EXIT_SUCCEEDED || given_up(follow))
            break;
        wait_for_news(follow);
        status = reload(follow);
    }
    return status;
}

/* Reads the trial again if anything was committed since. */
static int reload(follower *follow)
{
    dozan_error err = {0};
    int64_t version = 0;
    dz_found found;
    if (dz_store_version(follow->store, &version, &err) != DOZAN_OK)
        return dz_cli_fail(follow->cli, &err);
    if (follow->found.trial != NULL && version == follow->version)
        return DZ_EXIT_SUCCEEDED;
    int status = dz_find_trial(follow->cli, follow->store, follow->name, &found);
    if (status != DZ_EXIT_SUCCEEDED)
        return status;
    dz_found_fini(&follow->found);
    follow->found = found;
    follow->version = version;
    return DZ_EXIT_SUCCEEDED;
}

/* Opens the current attempt's file; with `wait`, one that is not there yet is tried again later. */
static int open_attempt(follower *follow, bool wait)
{
    const dz_trial *trial = follow->found.trial;
    char experiment[DZ_QUALIFIED_NAME];
    char *path = NULL;
    int status = DZ_EXIT_SUCCEEDED;
    if (trial->attempt == 0)
        return status; /* has never run */
    dz_spec_folder(follow->found.experiment->spec, experiment);
    if (dz_local_output_path(follow->cli->options.job_directory, experiment, trial->name,
                             trial->attempt, &path) != DOZAN_OK)
        return dz_cli_failf(follow->cli, DOZAN_RESOURCE_EXHAUSTED, "out of memory");
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file >= 0) {
        if (follow->file >= 0)
            (void)close(follow->file);
        if (follow->attempt != 0)
            dz_cli_note(follow->cli, "attempt %d:", (int)trial->attempt);
        follow->file = file;
        follow->attempt = trial->attempt;
        watch_directory(follow, path);
    } else if (errno == ENOENT && trial->state == DZ_TRIAL_STARTING) {
        if (!wait)
            say_waiting(follow);
    } else if (errno != ENOENT || !wait) {
        status = dz_cli_failf(follow->cli, DOZAN_NOT_FOUND,
                              "%s: the output of trial %s cannot be read: %s; the trial is %s: %s",
                              path, trial->name, strerrordesc_np(errno),
                              dz_trial_state_name(trial->state), trial->message);
    }
    free(path);
    return status;
}

/* Its files change when the trial prints, and when it ends. */
static void watch_directory(follower *follow, char *path)
{
    char *slash = strrchr(path, '/');
    if (!follow->cli->options.follow || slash == NULL)
        return;
    if (follow->watch >= 0)
        (void)close(follow->watch);
    *slash = '\0';
    follow->watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (follow->watch < 0)
        return;
    if (inotify_add_watch(follow->watch, path, IN_MODIFY | IN_CREATE | IN_MOVED_TO) < 0) {
        (void)close(follow->watch);
        follow->watch = -1;
    }
}

static int copy(follower *follow)
{
    char bytes[65536];
    for (;;) {
        ssize_t got = read(follow->file, bytes, sizeof(bytes));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return dz_cli_failf(follow->cli, DOZAN_UNKNOWN, "the output cannot be read: %s",
                                strerrordesc_np(errno));
        if (got == 0)
            break;
        (void)fwrite(bytes, 1, (size_t)got, follow->cli->out);
    }
    (void)fflush(follow->cli->out);
    return DZ_EXIT_SUCCEEDED;
}

static void say_waiting(follower *follow)
{
    const dz_trial *trial = follow->found.trial;
    (void)fprintf(follow->cli->err, "trial %s has no output yet, it is %s (%s)%s%s\n", trial->name,
                  dz_trial_state_name(trial->state), trial->reason,
                  trial->message[0] != '\0' ? ": " : "", trial->message);
}

/* Without a process that runs the experiment, nobody will ever say that the trial has ended. */
static bool given_up(follower *follow)
{
    if (dz_store_owner(follow->store) != 0) {
        follow->ownerless = 0;
        return false;
    }
    if (++follow->ownerless < OWNERLESS_WAITS)
        return false;
    (void)fprintf(follow->cli->err,
                  "no process runs the experiment now: `dozan resume %s%s` goes on\n",
                  follow->found.experiment->spec->name, follow->cli->options.db_hint);
    return true;
}

static void wait_for_news(follower *follow)
{
    struct pollfd poller = {.fd = follow->watch, .events = POLLIN};
    char events[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
    (void)poll(&poller, 1, WAIT_MS); /* a negative fd is only a wait */
    while (follow->watch >= 0 && read(follow->watch, events, sizeof(events)) > 0) {
        /* what has changed is looked at anyway */
    }
}
