#include "loop/job_collector.h"

#include "collectors/collector.h"
#include "collectors/table.h"
#include "runners/programs.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* What a user's collector has to read what was written last, before it is told to end. */
enum { USER_SETTLE_MS = 500 };

static dozan_status take_paths(dz_job_collector *collector, const dz_run_config *config,
                               const dz_experiment *experiment, const dz_trial *trial,
                               dozan_error *err);
static dozan_status own_path(const dz_run_config *config, const dz_experiment *experiment,
                             const dz_trial *trial, const char *name, char **path,
                             dozan_error *err);
static dozan_status take_port(dz_job_collector *collector, const dz_experiment_spec *spec,
                              dozan_error *err);
static dozan_status make_own(dz_job_collector *collector, const dz_run_config *config,
                             const dz_experiment_spec *spec, dozan_error *err);
static char *task_text(const dz_job_collector *collector, const dz_experiment_spec *spec);
static const cJSON *collector_source(const dz_experiment_spec *spec);

static dozan_status no_memory(dozan_error *err)
{
    return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL,
                           "out of memory for a trial's collector");
}

dozan_status dz_job_collector_init(dz_job_collector *collector, const dz_run_config *config,
                                   const dz_experiment *experiment, const dz_trial *trial,
                                   dozan_error *err)
{
    dozan_status status = DOZAN_OK;
    if (experiment->spec->collector_path)
        status = take_paths(collector, config, experiment, trial, err);
    if (!status && experiment->spec->collector == DZ_COLLECTOR_PROMETHEUS)
        status = take_port(collector, experiment->spec, err);
    return status;
}

dozan_status dz_job_collector_process(dz_job_collector *collector, const dz_run_config *config,
                                      const dz_experiment_spec *spec, const char *trial_name,
                                      const dz_path_map *maps, size_t map_count, dozan_error *err)
{
    switch (dz_collector_beside(spec)) {
    case DZ_PROCESS_OWN:
        return make_own(collector, config, spec, err);
    case DZ_PROCESS_USER:
        collector->settle_ms = USER_SETTLE_MS;
        return dz_template_collector(spec, trial_name, maps, map_count, &collector->beside, err);
    case DZ_PROCESS_NONE:
        break;
    }
    return DOZAN_OK;
}

void dz_job_collector_fini(dz_job_collector *collector)
{
    dz_command_destroy(collector->beside);
    free(collector->path);
    free(collector->parent);
    free(collector->image_parent);
}

/* ---- paths ----------------------------------------------------------------------------------- */

/* The path, and the folder above it too where this machine has none of that name: a program may be
 * given that, and Katib mounts it. */
static dozan_status take_paths(dz_job_collector *collector, const dz_run_config *config,
                               const dz_experiment *experiment, const dz_trial *trial,
                               dozan_error *err)
{
    const dz_experiment_spec *spec = experiment->spec;
    const char *name = strrchr(spec->collector_path, '/');
    struct stat about;
    dozan_status status;
    if (spec->collector == DZ_COLLECTOR_FILE) {
        status = own_path(config, experiment, trial, name ? name + 1 : spec->collector_path,
                          &collector->path, err);
        collector->follow = collector->path;
        collector->maps[collector->map_count++] =
            (dz_path_map){spec->collector_path, collector->path};
        return status;
    }
    collector->image_parent = strdup(spec->collector_path);
    if (!collector->image_parent)
        return no_memory(err);
    name = name ? name + 1 : spec->collector_path;
    collector->image_parent[strlen(spec->collector_path) - strlen(name)] = '\0';
    size_t size = strlen(collector->image_parent);
    while (size > 0 && collector->image_parent[size - 1] == '/')
        collector->image_parent[--size] = '\0';
    const char *parent_name = strrchr(collector->image_parent, '/');
    status = own_path(config, experiment, trial, parent_name ? parent_name + 1 : "root",
                      &collector->parent, err);
    if (status)
        return status;
    if (asprintf(&collector->path, "%s/%s", collector->parent, name) < 0) {
        collector->path = NULL;
        return no_memory(err);
    }
    collector->folder = spec->collector_path_is_file ? collector->parent : collector->path;
    collector->maps[collector->map_count++] = (dz_path_map){spec->collector_path, collector->path};
    if (parent_name && stat(collector->image_parent, &about) != 0)
        collector->maps[collector->map_count++] =
            (dz_path_map){collector->image_parent, collector->parent};
    return DOZAN_OK;
}

static dozan_status own_path(const dz_run_config *config, const dz_experiment *experiment,
                             const dz_trial *trial, const char *name, char **path, dozan_error *err)
{
    char folder[DZ_QUALIFIED_NAME];
    dz_spec_folder(experiment->spec, folder);
    dozan_status status = dz_local_metrics_path(config->job_directory, folder, trial->name,
                                                trial->attempt, name, path);
    if (status == DOZAN_INVALID_ARGUMENT)
        return dozan_error_set(err, status, "spec.metricsCollectorSpec.source.fileSystemPath.path",
                               "the local runner cannot make \"%.100s\" in a trial's directory: "
                               "choose names that are not empty and begin with no dot",
                               name);
    return status ? no_memory(err) : DOZAN_OK;
}

/* ---- the port -------------------------------------------------------------------------------- */

/* Trials of a cluster have a port each; those of one machine share its ports. One trial at a time
 * gets the port that is written; of several, each gets one that is free. */
static dozan_status take_port(dz_job_collector *collector, const dz_experiment_spec *spec,
                              dozan_error *err)
{
    const cJSON *http = cJSON_GetObjectItemCaseSensitive(collector_source(spec), "httpGet");
    const cJSON *given = cJSON_GetObjectItemCaseSensitive(http, "port");
    bool elsewhere = cJSON_GetObjectItemCaseSensitive(http, "host") != NULL;
    if ((spec->parallel_trial_count <= 1 || elsewhere) && cJSON_IsNumber(given) &&
        given->valueint > 0) {
        collector->port = given->valueint;
        return DOZAN_OK;
    }
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int probe = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool found = probe >= 0 && bind(probe, (struct sockaddr *)&address, sizeof address) == 0 &&
                 getsockname(probe, (struct sockaddr *)&address, &size) == 0;
    if (probe >= 0)
        (void)close(probe);
    if (!found)
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL,
                               "there is no free port for the trial's metrics");
    collector->port = ntohs(address.sin_port);
    return DOZAN_OK;
}

/* ---- our own process ------------------------------------------------------------------------- */

static dozan_status make_own(dz_job_collector *collector, const dz_run_config *config,
                             const dz_experiment_spec *spec, dozan_error *err)
{
    char *task = task_text(collector, spec);
    char *program = NULL;
    dz_command *made = calloc(1, sizeof *made);
    dozan_status status = task && made ? DOZAN_OK : no_memory(err);
    if (!status)
        status = dz_runner_program("dozan-collector", config->shim, &program, err);
    if (!status && made) {
        made->argv = calloc(3, sizeof(char *));
        made->env = calloc(2, sizeof(char *));
        if (made->argv) {
            made->argv[0] = program;
            made->argv[1] = strdup(dz_collector_kind_name(spec->collector));
            program = NULL;
        }
        if (made->env) {
            made->env[0] = task;
            task = NULL;
        }
        if (!made->argv || !made->env || !made->argv[1])
            status = no_memory(err);
    }
    if (status)
        dz_command_destroy(made);
    else
        collector->beside = made;
    free(program);
    free(task);
    return status;
}

/* "DOZAN_COLLECTOR_TASK={...}" */
static char *task_text(const dz_job_collector *collector, const dz_experiment_spec *spec)
{
    cJSON *task = cJSON_CreateObject();
    cJSON *metrics = cJSON_AddArrayToObject(task, "metrics");
    cJSON *source = cJSON_Duplicate(collector_source(spec), true);
    char *text = NULL, *entry = NULL;
    bool ok = metrics && (!source || cJSON_AddItemToObject(task, "source", source));
    if (!ok)
        cJSON_Delete(source);
    for (size_t i = 0; ok && i < spec->metric_count; i++) {
        cJSON *name = cJSON_CreateString(spec->metrics[i].name);
        ok = name && cJSON_AddItemToArray(metrics, name);
    }
    ok = ok && cJSON_AddStringToObject(task, "path", collector->path ? collector->path : "") &&
         cJSON_AddNumberToObject(task, "port", collector->port);
    if (ok)
        text = cJSON_PrintUnformatted(task);
    if (text && asprintf(&entry, "%s=%s", DZ_COLLECTOR_TASK, text) < 0)
        entry = NULL;
    cJSON_free(text);
    cJSON_Delete(task);
    return entry;
}

static const cJSON *collector_source(const dz_experiment_spec *spec)
{
    const cJSON *object = cJSON_GetObjectItemCaseSensitive(spec->document, "spec");
    object = cJSON_GetObjectItemCaseSensitive(object, "metricsCollectorSpec");
    return cJSON_GetObjectItemCaseSensitive(object, "source");
}
