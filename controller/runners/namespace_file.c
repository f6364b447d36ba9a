/*
 * A library that trials are started with (LD_PRELOAD) whose experiments have the Push collector.
 *
 * Katib's report_metrics reads its namespace from a file that Kubernetes puts into every pod, and
 * fails without it. Making that file on the machine would tell every other client of Kubernetes on
 * it that it runs in a pod. So it is there for these trials alone: where opening it fails, they get
 * the value of DOZAN_NAMESPACE. Nothing else is changed.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define NAMESPACE_FILE "/var/run/secrets/kubernetes.io/serviceaccount/namespace"

typedef int open_function(const char *path, int flags, ...);
typedef int openat_function(int folder, const char *path, int flags, ...);
typedef FILE *fopen_function(const char *path, const char *mode);

static int instead(const char *path);
static int open_by(const char *name, const char *path, int flags, mode_t mode);
static int openat_by(const char *name, int folder, const char *path, int flags, mode_t mode);
static FILE *fopen_by(const char *name, const char *path, const char *mode);

/* The mode that follows when a file may be made. */
#define READ_MODE(flags, mode)                                                                     \
    do {                                                                                           \
        va_list args;                                                                              \
        va_start(args, flags);                                                                     \
        (mode) = ((flags) & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(args, mode_t) : 0;                \
        va_end(args);                                                                              \
    } while (0)

/* NOLINTBEGIN(readability-inconsistent-declaration-parameter-name): the library's own are reserved
 */
int open(const char *path, int flags, ...)
{
    mode_t mode;
    READ_MODE(flags, mode);
    return open_by("open", path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
    mode_t mode;
    READ_MODE(flags, mode);
    return open_by("open64", path, flags, mode);
}

int openat(int folder, const char *path, int flags, ...)
{
    mode_t mode;
    READ_MODE(flags, mode);
    return openat_by("openat", folder, path, flags, mode);
}

int openat64(int folder, const char *path, int flags, ...)
{
    mode_t mode;
    READ_MODE(flags, mode);
    return openat_by("openat64", folder, path, flags, mode);
}

FILE *fopen(const char *path, const char *mode)
{
    return fopen_by("fopen", path, mode);
}

FILE *fopen64(const char *path, const char *mode)
{
    return fopen_by("fopen64", path, mode);
}

/* NOLINTEND(readability-inconsistent-declaration-parameter-name) */

/* ---- helpers */

static int open_by(const char *name, const char *path, int flags, mode_t mode)
{
    open_function *real = (open_function *)dlsym(RTLD_NEXT, name);
    int fd = real != NULL ? real(path, flags, mode) : -1;
    return fd < 0 && errno == ENOENT ? instead(path) : fd;
}

static int openat_by(const char *name, int folder, const char *path, int flags, mode_t mode)
{
    openat_function *real = (openat_function *)dlsym(RTLD_NEXT, name);
    int fd = real != NULL ? real(folder, path, flags, mode) : -1;
    return fd < 0 && errno == ENOENT ? instead(path) : fd;
}

static FILE *fopen_by(const char *name, const char *path, const char *mode)
{
    fopen_function *real = (fopen_function *)dlsym(RTLD_NEXT, name);
    FILE *file = real != NULL ? real(path, mode) : NULL;
    int fd = file == NULL && errno == ENOENT ? instead(path) : -1;
    return fd >= 0 ? fdopen(fd, "r") : file;
}

/* A descriptor to read the namespace from, or -1 with errno as it was. */
static int instead(const char *path)
{
    const char *name = getenv("DOZAN_NAMESPACE");
    int error = errno;
    if (path == NULL || name == NULL || strcmp(path, NAMESPACE_FILE) != 0)
        return -1;
    int fd = memfd_create("namespace", MFD_CLOEXEC);
    if (fd < 0 || write(fd, name, strlen(name)) != (ssize_t)strlen(name) ||
        lseek(fd, 0, SEEK_SET) != 0) {
        if (fd >= 0)
            (void)close(fd);
        errno = error;
        return -1;
    }
    return fd;
}
