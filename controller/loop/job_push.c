#include "loop/job_push.h"

#include "runners/programs.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PRELOAD "LD_PRELOAD"

dozan_status dz_job_push_env(const dz_run_config *config, const dz_experiment_spec *spec,
                             dz_command *command, dozan_error *err)
{
    char *library = NULL, *all = NULL;
    dozan_error ignored = {0};
    dozan_status status = dz_job_put_env(command, "DOZAN_NAMESPACE", spec->namespace_, err);
    if (status || dz_runner_program("dozan-namespace.so", config->shim, &library, &ignored))
        return status;
    const char *others = dz_job_env(command, PRELOAD); /* of the container's own */
    bool any = others && *others;
    if (asprintf(&all, "%s%s%s", library, any ? ":" : "", any ? others : "") < 0)
        all = NULL;
    status = all ? dz_job_put_env(command, PRELOAD, all, err)
                 : dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    free(all);
    free(library);
    return status;
}

dozan_status dz_job_put_env(dz_command *command, const char *name, const char *value,
                            dozan_error *err)
{
    size_t count = 0;
    char *entry = NULL;
    if (asprintf(&entry, "%s=%s", name, value) < 0)
        entry = NULL;
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

const char *dz_job_env(const dz_command *command, const char *name)
{
    const char *found = NULL;
    size_t length = strlen(name);
    for (char *const *entry = command->env; entry && *entry; entry++)
        if (strncmp(*entry, name, length) == 0 && (*entry)[length] == '=')
            found = *entry + length + 1;
    return found;
}
