/*
 * Finds the programs that belong to this one: in a build they lie beside it, installed in libexec.
 */
#include "runners/programs.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void folder_of_this(char folder[PATH_MAX]);

dozan_status dz_runner_program(const char *name, const char *beside, char **path, dozan_error *err)
{
    static const char *const places[] = {"", "/../libexec/dozan", "/../../libexec/dozan"};
    char folder[PATH_MAX];
    if (beside != NULL)
        (void)snprintf(folder, sizeof folder, "%s", beside);
    else
        folder_of_this(folder);
    char *slash = strrchr(folder, '/');
    if (slash != NULL)
        *slash = '\0';
    else
        (void)snprintf(folder, sizeof folder, ".");
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        char *found = NULL;
        if (asprintf(&found, "%s%s/%s", folder, places[i], name) < 0)
            return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL,
                                   "out of memory for the path of %s", name);
        if (access(found, X_OK) == 0) {
            *path = found;
            return DOZAN_OK;
        }
        free(found);
    }
    return dozan_error_set(err, DOZAN_NOT_FOUND, NULL,
                           "%s is neither in %s nor in %s/../libexec/dozan: build or install Dozan "
                           "as a whole",
                           name, folder, folder);
}

static void folder_of_this(char folder[PATH_MAX])
{
    ssize_t size = readlink("/proc/self/exe", folder, PATH_MAX - 1);
    folder[size > 0 ? size : 0] = '\0';
}
