/*
 * CPUs from the affinity mask and the control groups' quota, GPUs from the environment and the
 * driver's files. What cannot be read counts as absent: a wrong guess here must not keep a trial
 * from running.
 */
#include "runners/machine.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int64_t quota_milli(void);
static bool read_text(const char *path, char *text, size_t size);
static void list_visible(const char *list, dz_machine_gpus *gpus);
static int32_t count_driver_gpus(void);

int64_t dz_machine_cpu_milli(void)
{
    cpu_set_t set;
    int cpus = 0;
    if (sched_getaffinity(0, sizeof set, &set) == 0)
        cpus = CPU_COUNT(&set);
    if (cpus <= 0) /* more CPUs than the set has room for */
        cpus = (int)sysconf(_SC_NPROCESSORS_ONLN);
    int64_t milli = cpus > 0 ? (int64_t)cpus * 1000 : 1000;
    int64_t quota = quota_milli();
    return quota < milli ? quota : milli;
}

void dz_machine_find_gpus(dz_machine_gpus *gpus)
{
    memset(gpus, 0, sizeof *gpus);
    const char *told = getenv("DOZAN_GPUS");              /* NOLINT(concurrency-mt-unsafe) */
    const char *visible = getenv("CUDA_VISIBLE_DEVICES"); /* NOLINT(concurrency-mt-unsafe) */
    if (visible != NULL && told == NULL) {
        list_visible(visible, gpus);
        return;
    }
    long count = told != NULL ? strtol(told, NULL, 10) : count_driver_gpus();
    gpus->count = (int32_t)(count < 0                     ? 0
                            : count > DZ_MACHINE_MAX_GPUS ? DZ_MACHINE_MAX_GPUS
                                                          : count);
    for (int32_t i = 0; i < gpus->count; i++)
        (void)snprintf(gpus->names[i], DZ_GPU_NAME_SIZE, "%d", i);
}

/* The smallest "quota period" of cpu.max from our control group up to the root; INT64_MAX without
 * one. */
static int64_t quota_milli(void)
{
    char group[PATH_MAX] = "";
    char path[PATH_MAX + 64];
    char text[PATH_MAX];
    int64_t least = INT64_MAX;
    if (read_text("/proc/self/cgroup", text, sizeof text)) {
        const char *line = strncmp(text, "0::", 3) == 0 ? text : strstr(text, "\n0::");
        if (line != NULL)
            (void)snprintf(group, sizeof group, "%.*s", (int)strcspn(strstr(line, "0::") + 3, "\n"),
                           strstr(line, "0::") + 3);
    }
    for (;;) {
        (void)snprintf(path, sizeof path, "/sys/fs/cgroup%s/cpu.max", group);
        if (read_text(path, text, sizeof text) && isdigit((unsigned char)text[0])) {
            char *end = NULL;
            int64_t quota = strtoll(text, &end, 10);
            int64_t period = strtoll(end, NULL, 10);
            if (quota > 0 && period > 0 && quota < INT64_MAX / 1000 &&
                quota * 1000 / period < least)
                least = quota * 1000 / period > 0 ? quota * 1000 / period : 1;
        }
        char *slash = strrchr(group, '/');
        if (slash == NULL)
            return least;
        *slash = '\0';
    }
}

static bool read_text(const char *path, char *text, size_t size)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return false;
    ssize_t got = read(file, text, size - 1);
    (void)close(file);
    text[got > 0 ? got : 0] = '\0';
    return got > 0;
}

/* "0,2" or "GPU-1a2b,GPU-3c4d"; CUDA takes nothing after the first entry that is no device, such as
 * -1. */
static void list_visible(const char *list, dz_machine_gpus *gpus)
{
    while (*list != '\0' && gpus->count < DZ_MACHINE_MAX_GPUS) {
        list += strspn(list, " ");
        size_t size = strcspn(list, ", ");
        if (size == 0 || size >= DZ_GPU_NAME_SIZE || *list == '-')
            return;
        memcpy(gpus->names[gpus->count++], list, size);
        list += size;
        list += strspn(list, " ");
        list += *list == ',' ? 1 : 0;
    }
}

/* One folder for each GPU below the driver's, or one device file. */
static int32_t count_driver_gpus(void)
{
    static const char prefix[] = "nvidia";
    int32_t count = 0;
    const struct dirent *entry;
    DIR *folder = opendir("/proc/driver/nvidia/gpus");
    bool devices = folder == NULL;
    if (devices)
        folder = opendir("/dev");
    if (folder == NULL)
        return 0;
    while ((entry = readdir(folder)) != NULL) { /* NOLINT(concurrency-mt-unsafe) */
        const char *name = entry->d_name;
        if (devices)
            count += strncmp(name, prefix, sizeof prefix - 1) == 0 &&
                     isdigit((unsigned char)name[sizeof prefix - 1]);
        else
            count += name[0] != '.';
    }
    (void)closedir(folder);
    return count;
}
