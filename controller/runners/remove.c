#include "runners/remove.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_DEPTH = 128, OPEN_FLAGS = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC };

static int remove_entry(int parent, const char *name, dev_t device, int depth);
static int empty(int folder, dev_t device, int depth);

dozan_status dz_remove_below(const char *directory, const char *name, dozan_error *err)
{
    struct stat status;
    if (*name == '\0' || strchr(name, '/') != NULL || strcmp(name, ".") == 0 ||
        strcmp(name, "..") == 0)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, NULL, "\"%s\" is no name of a folder",
                               name);
    /* the directory itself may be reached through a link: the user has put it where it is */
    int parent = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (parent < 0 && errno == ENOENT)
        return DOZAN_OK;
    int problem = 0;
    if (parent >= 0 && fstat(parent, &status) == 0)
        problem = remove_entry(parent, name, status.st_dev, 0);
    else
        problem = errno;
    if (parent >= 0)
        (void)close(parent);
    if (problem == 0)
        return DOZAN_OK;
    return dozan_error_set(
        err, problem == EACCES || problem == EPERM ? DOZAN_PERMISSION_DENIED : DOZAN_UNKNOWN,
        directory, "%s could not be removed whole: %s", name, strerrordesc_np(problem));
}

/* 0, or the first errno. Goes on after an error, to remove as much as can be. */
static int remove_entry(int parent, const char *name, dev_t device, int depth)
{
    struct stat status;
    int folder = openat(parent, name, OPEN_FLAGS);
    if (folder < 0 && errno == ENOENT)
        return 0;
    if (folder < 0 && errno != ENOTDIR && errno != ELOOP)
        return errno;
    if (folder < 0) /* a file, or a link: removed as such */
        return unlinkat(parent, name, 0) == 0 || errno == ENOENT ? 0 : errno;
    int problem = fstat(folder, &status) != 0 ? errno : 0;
    if (problem == 0 && status.st_dev != device)
        problem = EXDEV;
    if (problem == 0 && depth >= MAX_DEPTH)
        problem = ELOOP;
    if (problem == 0)
        problem = empty(folder, device, depth + 1);
    (void)close(folder);
    if (problem == 0 && unlinkat(parent, name, AT_REMOVEDIR) != 0 && errno != ENOENT)
        problem = errno;
    return problem;
}

static int empty(int folder, dev_t device, int depth)
{
    int problem = 0;
    int copy = fcntl(folder, F_DUPFD_CLOEXEC, 0); /* closedir closes it */
    DIR *entries = copy >= 0 ? fdopendir(copy) : NULL;
    if (entries == NULL) {
        problem = errno;
        if (copy >= 0)
            (void)close(copy);
        return problem;
    }
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(entries); /* NOLINT(concurrency-mt-unsafe) */
        if (entry == NULL)
            break;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        int found = remove_entry(folder, entry->d_name, device, depth);
        problem = problem == 0 ? found : problem;
    }
    if (errno != 0 && problem == 0)
        problem = errno;
    (void)closedir(entries);
    return problem;
}
