/*
 * Who owns the database: a lock on a file beside it, which the system lets go of when the process
 * ends, however it ends. The file holds the owner's pid for messages.
 *
 * An open-file-description lock: asking who holds it does not take it, and it does not vanish when
 * some other descriptor of the file is closed.
 */
#include "store/changes.h"
#include "store/db.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { PID_TEXT = 32, PID_TRIES = 100, PID_WAIT_NS = 1000000 };

/* After the pid of a process that serves all experiments. */
#define SERVICE_MARK " serves"

/* What the two bytes of the lock stand for. */
enum { BYTE_OWNER = 0, BYTE_SETUP = 1 };

static dozan_status lock_byte(const dz_store *store, off_t byte, bool wait, int *fd, bool *taken,
                              dozan_error *err);
static dozan_status refuse(const dz_store *store, int number, const char *doing, dozan_error *err);
static dozan_status refuse_second(const dz_store *store, dozan_error *err);
static dozan_status own(dz_store *store, bool service, dozan_error *err);
static int write_pid(int fd, bool service);
static bool is_owned(int fd);
static int64_t read_pid(int fd, bool *service);
static int64_t look(const dz_store *store, bool *service);

dozan_status dz_store_own(dz_store *store, dozan_error *err)
{
    return own(store, false, err);
}

dozan_status dz_store_own_as_service(dz_store *store, dozan_error *err)
{
    return own(store, true, err);
}

static dozan_status own(dz_store *store, bool service, dozan_error *err)
{
    if (store->lock_fd >= 0)
        return DOZAN_OK;
    if (store->mode != DZ_STORE_WRITE)
        return dozan_error_set(err, DOZAN_FAILED_PRECONDITION, store->path,
                               "the database was opened for reading only");
    int fd = -1;
    bool taken = false;
    dozan_status status = lock_byte(store, BYTE_OWNER, false, &fd, &taken, err);
    if (status != DOZAN_OK)
        return status;
    if (taken)
        return refuse_second(store, err);
    /* Before others can learn that this process is the owner, and leave it commands. */
    status = dz_commands_drop(store, err);
    if (status != DOZAN_OK) {
        (void)close(fd);
        return status;
    }
    status = dz_store_version_now(store, &store->version, err);
    if (status != DOZAN_OK) {
        (void)close(fd);
        return status;
    }
    int number = write_pid(fd, service);
    if (number != 0) {
        (void)close(fd);
        return refuse(store, number, "cannot write the lock file", err);
    }
    store->lock_fd = fd;
    return DOZAN_OK;
}

void dz_lock_drop(dz_store *store)
{
    if (store->lock_fd < 0)
        return;
    (void)ftruncate(store->lock_fd, 0);
    (void)close(store->lock_fd);
    store->lock_fd = -1;
}

dozan_status dz_lock_setup(dz_store *store, int *fd, dozan_error *err)
{
    bool taken = false;
    return lock_byte(store, BYTE_SETUP, true, fd, &taken, err);
}

int64_t dz_store_owner(const dz_store *store)
{
    bool service = false;
    return store->lock_fd >= 0 ? getpid() : look(store, &service);
}

bool dz_store_is_served(const dz_store *store)
{
    bool service = false;
    return look(store, &service) != 0 && service;
}

/* ---- helpers */

/* The owner's pid, and whether it is a service; 0 when there is none. */
static int64_t look(const dz_store *store, bool *service)
{
    int fd = open(store->lock_path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    int64_t pid = 0;
    /* An owner that has just got the lock writes its pid next: wait for that. */
    for (int i = 0; i < PID_TRIES && pid == 0 && is_owned(fd); i++) {
        pid = read_pid(fd, service);
        if (pid == 0)
            (void)nanosleep(&(struct timespec){.tv_nsec = PID_WAIT_NS}, NULL);
    }
    (void)close(fd);
    return pid;
}

/* Opens the lock's file and locks the byte; *taken when another has it, and it is not to wait. */
static dozan_status lock_byte(const dz_store *store, off_t byte, bool wait, int *fd, bool *taken,
                              dozan_error *err)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};
    int made = open(store->lock_path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (made < 0)
        return refuse(store, errno, "cannot open the lock file", err);
    int result = 0;
    do
        result = fcntl(made, wait ? F_OFD_SETLKW : F_OFD_SETLK, &lock);
    while (result != 0 && errno == EINTR);
    if (result == 0) {
        *fd = made;
        return DOZAN_OK;
    }
    int number = errno;
    (void)close(made);
    *taken = number == EAGAIN || number == EACCES;
    return *taken ? DOZAN_OK : refuse(store, number, "cannot lock the lock file", err);
}

static dozan_status refuse(const dz_store *store, int number, const char *doing, dozan_error *err)
{
    char text[128];
    dozan_status status = number == ENOSPC || number == EDQUOT || number == EMFILE
                              ? DOZAN_RESOURCE_EXHAUSTED
                              : DOZAN_PERMISSION_DENIED;
    return dozan_error_set(err, status, store->lock_path,
                           "%s: %s; dozan needs it to be the only "
                           "one that writes to the database",
                           doing, strerror_r(number, text, sizeof text));
}

static dozan_status refuse_second(const dz_store *store, dozan_error *err)
{
    bool service = false;
    int64_t pid = look(store, &service);
    if (service)
        return dozan_error_set(err, DOZAN_FAILED_PRECONDITION, store->path,
                               "`dozan serve` with pid %" PRId64 " runs the experiments of this "
                               "database; send it the experiment with `dozan submit`, stop the "
                               "service, or give --db another path",
                               pid);
    return dozan_error_set(err, DOZAN_FAILED_PRECONDITION, store->path,
                           "the process with pid %" PRId64 " is running experiments of this "
                           "database; wait for its end, stop it with `dozan stop`, or give --db "
                           "another path",
                           pid);
}

/* 0, or the error's number. The old pid goes first, so that nobody reads a part of each. */
static int write_pid(int fd, bool service)
{
    char text[PID_TEXT];
    int length =
        snprintf(text, sizeof text, "%ld%s\n", (long)getpid(), service ? SERVICE_MARK : "");
    if (ftruncate(fd, 0) != 0)
        return errno;
    ssize_t written = pwrite(fd, text, (size_t)length, 0);
    if (written < 0)
        return errno;
    return written == length ? 0 : ENOSPC;
}

static bool is_owned(int fd)
{
    struct flock lock = {
        .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = BYTE_OWNER, .l_len = 1};
    return fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

/* 0 when there is no whole number in the file (yet). */
static int64_t read_pid(int fd, bool *service)
{
    char text[PID_TEXT];
    ssize_t size = pread(fd, text, sizeof text - 1, 0);
    if (size <= 0 || text[size - 1] != '\n')
        return 0;
    text[size - 1] = '\0';
    char *end = NULL;
    errno = 0;
    long pid = strtol(text, &end, 10);
    *service = strcmp(end, SERVICE_MARK) == 0;
    return errno == 0 && (*end == '\0' || *service) && pid > 0 ? pid : 0;
}
