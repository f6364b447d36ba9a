#include "loop/job_push.h"

#include "runners/programs.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PRELOAD "LD_PRELOAD="

static dozan_status put(dz_command *command, char *entry, dozan_error *err);
static const char *preloaded(const dz_command *command);

dozan_status dz_job_push_env(const dz_run_config *config, const dz_experiment_spec *spec,
                             dz_command *command, dozan_error *err)
{
    char *library = NULL, *entry = NULL;
    dozan_error ignored = {0};
    if (asprintf(&entry, "DOZAN_NAMESPACE=%s", spec->namespace_) < 0)
        entry = NULL;
    dozan_status status = put(command, entry, err);
    if (status || dz_runner_program("dozan-namespace.so", config->shim, &library, &ignored))
        return status;
    const char *others = preloaded(command);
    if (asprintf(&entry, PRELOAD "%s%s%s", library, others ? ":" : "", others ? others : "") < 0)
        entry = NULL;
    status = put(command, entry, err);
    free(library);
    return status;
}

/* ---- helpers */

/* Behind the others: the last one of a name counts. Takes the entry; NULL is want of memory. */
static dozan_status put(dz_command *command, char *entry, dozan_error *err)
{
    size_t count = 0;
    while (command->env && command->env[count])
        count++;
    char **grown = entry ? realloc(command->env, (count + 2) * sizeof *grown) : NULL;
    if (!grown) {
        free(entry);
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    }
    grown[count] = entry;
    grown[count + 1] = NULL;
    command->env = grown;
    return DOZAN_OK;
}

/* What the container has its programs started with already. */
static const char *preloaded(const dz_command *command)
{
    const char *found = NULL;
    for (char *const *entry = command->env; entry && *entry; entry++)
        if (strncmp(*entry, PRELOAD, sizeof PRELOAD - 1) == 0)
            found = *entry + sizeof PRELOAD - 1;
    return found && *found ? found : NULL;
}
