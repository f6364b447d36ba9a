/*
 * A library for LD_PRELOAD: while the file that $FAILING_DISK names is there, writing to a database
 * fails with the number of the error that the file has.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef ssize_t write_at(int fd, const void *bytes, size_t size, off_t offset);

static int fault_of(int fd)
{
    char link[64], path[4096];
    const char *name = getenv("FAILING_DISK");
    int number = 0;
    (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t size = readlink(link, path, sizeof(path) - 1);
    if (size <= 0 || name == NULL)
        return 0;
    path[size] = '\0';
    FILE *file = strstr(path, ".db") != NULL ? fopen(name, "r") : NULL;
    if (file == NULL)
        return 0;
    if (fscanf(file, "%d", &number) != 1)
        number = 0;
    (void)fclose(file);
    return number;
}

static ssize_t write_by(const char *name, int fd, const void *bytes, size_t size, off_t offset)
{
    int fault = fault_of(fd);
    write_at *real = (write_at *)dlsym(RTLD_NEXT, name);
    if (fault != 0 || real == NULL) {
        errno = fault != 0 ? fault : ENOSYS;
        return -1;
    }
    return real(fd, bytes, size, offset);
}

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t offset)
{
    return write_by("pwrite", fd, bytes, size, offset);
}

ssize_t pwrite64(int fd, const void *bytes, size_t size, off_t offset)
{
    return write_by("pwrite64", fd, bytes, size, offset);
}
