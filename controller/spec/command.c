/*
 * What a process needs, taken out of a rendered Job or Pod, as a container runtime would take it:
 * its command with the environment's variables in it, joined for a shell where Katib's webhook
 * joins it.
 */
#include "spec/template.h"

#include "spec/expand.h"
#include "spec/units.h"

#include <dozan/space.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_MAX_BYTES = 8 << 20, MAX_WORDS = 65536, MAX_VARIABLES = 4096 };

static const char in_template[] = "spec.trialTemplate.trialSpec: container";

typedef struct making {
    const char *where; /* the container is */
    const dz_experiment_spec *spec;
    const cJSON *object;
    const char *trial_name;
    const cJSON *container;
    const dz_path_map *map;
    size_t map_count;
    dz_command *made;
    dozan_error *err;
} making;

static dozan_status make(making *m, dz_command **command);
static dozan_status find_container(making *m, const cJSON **pod);
static dozan_status take_env(making *m);
static dozan_status take_argv(making *m);
static dozan_status take_places(making *m);
static dozan_status take_resources(making *m);
static void take_deadline(making *m, const cJSON *pod);
static dozan_status no_memory(const making *m);

static const cJSON *member(const cJSON *object, const char *key)
{
    return cJSON_GetObjectItemCaseSensitive(object, key);
}

static const char *text_at(const cJSON *object, const char *key)
{
    const char *text = cJSON_GetStringValue(member(object, key));

    return text != NULL ? text : "";
}

dozan_status dz_template_command(const dz_experiment_spec *spec, const cJSON *object,
                                 const dz_path_map *map, size_t map_count, dz_command **command,
                                 dozan_error *err)
{
    making m = {.where = in_template,
                .spec = spec,
                .object = object,
                .map = map,
                .map_count = map_count,
                .err = err};
    const cJSON *pod = NULL;
    dozan_status status = find_container(&m, &pod);

    m.trial_name = text_at(member(object, "metadata"), "name");
    if (status == DOZAN_OK) {
        status = make(&m, command);
    }
    if (status == DOZAN_OK) {
        take_deadline(&m, pod);
    }
    return status;
}

dozan_status dz_template_collector(const dz_experiment_spec *spec, const char *trial_name,
                                   const dz_path_map *map, size_t map_count, dz_command **command,
                                   dozan_error *err)
{
    making m = {.where = "spec.metricsCollectorSpec.collector.customCollector",
                .spec = spec,
                .trial_name = trial_name,
                .map = map,
                .map_count = map_count,
                .err = err};
    const cJSON *collector =
        member(member(member(spec->document, "spec"), "metricsCollectorSpec"), "collector");

    m.container = member(collector, "customCollector");
    return make(&m, command);
}

dozan_status dz_template_put_port(const dz_experiment_spec *spec, cJSON *object, int port,
                                  dozan_error *err)
{
    making m = {.where = in_template, .spec = spec, .object = object, .err = err};
    const cJSON *pod = NULL;
    dozan_status status = find_container(&m, &pod);
    cJSON *list = NULL;
    cJSON *entry = NULL;
    char text[16];

    if (status != DOZAN_OK) {
        return status;
    }
    (void)snprintf(text, sizeof text, "%d", port);
    entry = cJSON_CreateObject();
    if (cJSON_AddStringToObject(entry, "name", "DOZAN_METRICS_PORT") == NULL ||
        cJSON_AddStringToObject(entry, "value", text) == NULL) {
        cJSON_Delete(entry);
        return no_memory(&m);
    }
    list = cJSON_GetObjectItemCaseSensitive(m.container, "env");
    if (!cJSON_IsArray(list)) {
        cJSON *container = (cJSON *)(uintptr_t)m.container; /* of the caller's object */
        cJSON_DeleteItemFromObjectCaseSensitive(container, "env");
        list = cJSON_AddArrayToObject(container, "env");
    }
    if (list == NULL || !cJSON_InsertItemInArray(list, 0, entry)) {
        cJSON_Delete(entry);
        return no_memory(&m);
    }
    return DOZAN_OK;
}

/* The command of m->container. */
static dozan_status make(making *m, dz_command **command)
{
    dozan_status status = DOZAN_OK;

    m->made = calloc(1, sizeof *m->made);
    if (m->made == NULL) {
        return no_memory(m);
    }
    status = take_env(m);
    if (status == DOZAN_OK) {
        status = take_argv(m);
    }
    if (status == DOZAN_OK) {
        status = take_places(m);
    }
    if (status == DOZAN_OK) {
        status = take_resources(m);
    }
    if (status != DOZAN_OK) {
        dz_command_destroy(m->made);
        m->made = NULL;
        return status;
    }
    *command = m->made;
    return DOZAN_OK;
}

static void destroy_words(char **words)
{
    for (size_t i = 0; words != NULL && words[i] != NULL; i++) {
        free(words[i]);
    }
    free(words);
}

void dz_command_destroy(dz_command *command)
{
    if (command == NULL) {
        return;
    }
    destroy_words(command->argv);
    destroy_words(command->env);
    free(command->working_dir);
    free(command->image);
    free(command->program);
    free(command);
}

static dozan_status no_memory(const making *m)
{
    return dozan_error_set(m->err, DOZAN_RESOURCE_EXHAUSTED, "spec.trialTemplate",
                           "no memory for the trial's command");
}

static dozan_status refuse(const making *m, const char *below, const char *message,
                           const char *detail)
{
    char place[160];

    (void)snprintf(place, sizeof place, "%s %.40s%s%s", m->where, text_at(m->container, "name"),
                   below[0] != '\0' ? ": " : "", below);
    return dozan_error_set(m->err, DOZAN_INVALID_ARGUMENT, place, "%s%.200s", message, detail);
}

static dozan_status find_container(making *m, const cJSON **pod)
{
    const char *version = text_at(m->object, "apiVersion");
    const char *kind = text_at(m->object, "kind");
    const cJSON *container = NULL;

    *pod = member(m->object, "spec");
    if (strcmp(kind, "Job") == 0 && strcmp(version, "batch/v1") == 0) {
        *pod = member(member(*pod, "template"), "spec");
    } else if (strcmp(kind, "Pod") != 0 || strcmp(version, "v1") != 0) {
        return dozan_error_set(m->err, DOZAN_UNIMPLEMENTED, "spec.trialTemplate.trialSpec.kind",
                               "kind %.64s of %.64s cannot be run on this machine: only a batch/v1 "
                               "Job or a v1 Pod can; put the training command into a Job",
                               kind, version);
    }
    cJSON_ArrayForEach(container, member(*pod, "containers"))
    {
        if (strcmp(text_at(container, "name"), m->spec->primary_container_name) == 0) {
            m->container = container;
            return DOZAN_OK;
        }
    }
    return dozan_error_set(
        m->err, DOZAN_INVALID_ARGUMENT, "spec.trialTemplate.primaryContainerName",
        "the template's object has no container \"%.64s\"", m->spec->primary_container_name);
}

/* A text as the process will see it. */
static char *expand(const making *m, const char *text)
{
    size_t env_count = 0;
    dozan_buf variables;
    dozan_buf paths;
    char *made = NULL;

    while (m->made->env != NULL && m->made->env[env_count] != NULL) {
        env_count++;
    }
    dozan_buf_init(&variables, TEXT_MAX_BYTES);
    dozan_buf_init(&paths, TEXT_MAX_BYTES);
    dz_expand_variables(text, m->made->env, env_count, &variables);
    if (!variables.failed) {
        dz_expand_paths(variables.size > 0 ? variables.data : "", m->map, m->map_count, &paths);
        made = dozan_buf_take(&paths);
    }
    dozan_buf_fini(&variables);
    dozan_buf_fini(&paths);
    return made;
}

/* Puts "name=value" into the environment, in place of an earlier one of that name (the last one
 * counts). */
static dozan_status put_env(making *m, const char *name, const char *value)
{
    size_t size = strlen(name);
    size_t at = 0;
    char *entry = NULL;

    while (m->made->env[at] != NULL &&
           (strncmp(m->made->env[at], name, size) != 0 || m->made->env[at][size] != '=')) {
        at++;
    }
    if (asprintf(&entry, "%s=%s", name, value) < 0) {
        return no_memory(m);
    }
    free(m->made->env[at]);
    m->made->env[at] = entry;
    return DOZAN_OK;
}

/* The value of an env entry that comes from elsewhere: of the trial's own fields alone. NULL: leave
 * it out. */
static dozan_status env_source(const making *m, const cJSON *entry, const char **value)
{
    const cJSON *from = member(entry, "valueFrom");
    const char *field = text_at(member(from, "fieldRef"), "fieldPath");
    const cJSON *source = NULL;

    *value = NULL;
    if (strcmp(field, "metadata.name") == 0 ||
        strcmp(field, "metadata.labels['katib.kubeflow.org/trial']") == 0) {
        *value = m->trial_name;
        return DOZAN_OK;
    }
    if (strcmp(field, "metadata.namespace") == 0) {
        *value = m->spec->namespace_;
        return DOZAN_OK;
    }
    cJSON_ArrayForEach(source, from)
    {
        if (cJSON_IsTrue(member(source, "optional"))) {
            return DOZAN_OK;
        }
    }
    return refuse(m, text_at(entry, "name"),
                  "the value of this environment variable cannot be found on this machine: give it "
                  "as `value`, or take the trial's name by fieldRef metadata.name",
                  "");
}

static dozan_status take_env(making *m)
{
    const cJSON *list = member(m->container, "env");
    const cJSON *entry = NULL;
    dozan_status status = DOZAN_OK;
    int count = cJSON_GetArraySize(list);

    if (cJSON_GetArraySize(member(m->container, "envFrom")) > 0) {
        return refuse(m, "envFrom",
                      "there are no ConfigMaps and Secrets on this machine: give each variable "
                      "under env",
                      "");
    }
    if (count > MAX_VARIABLES) {
        return refuse(m, "env", "has too many entries", "");
    }
    m->made->env = calloc((size_t)count + 2, sizeof(char *));
    if (m->made->env == NULL) {
        return no_memory(m);
    }
    cJSON_ArrayForEach(entry, list)
    {
        const char *name = text_at(entry, "name");
        const char *value = text_at(entry, "value");
        char *expanded = NULL;
        if (name[0] == '\0' || strchr(name, '=') != NULL) {
            return refuse(m, "env", "an entry's name is empty or holds a =: ", name);
        }
        if (cJSON_IsObject(member(entry, "valueFrom"))) {
            status = env_source(m, entry, &value);
        }
        if (status != DOZAN_OK || value == NULL) {
            if (status != DOZAN_OK) {
                return status;
            }
            continue;
        }
        expanded = expand(m, value);
        status = expanded == NULL ? no_memory(m) : put_env(m, name, expanded);
        free(expanded);
        if (status != DOZAN_OK) {
            return status;
        }
    }
    return put_env(m, "KATIB_TRIAL_NAME", m->trial_name);
}

/* Appends the expanded words of a list to words. */
static dozan_status take_words(making *m, const char *key, char **words, size_t *count)
{
    const cJSON *entry = NULL;

    cJSON_ArrayForEach(entry, member(m->container, key))
    {
        if (!cJSON_IsString(entry)) {
            return refuse(m, key, "every word must be a string: write it in quotes", "");
        }
        words[*count] = expand(m, entry->valuestring);
        if (words[*count] == NULL) {
            return no_memory(m);
        }
        (*count)++;
    }
    return DOZAN_OK;
}

/* Characters that mean nothing to a shell; in the first word '=' and ':' might. */
#define LETTERS_AND_DIGITS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
static const char plain_in_program[] = LETTERS_AND_DIGITS "_./+-@";
static const char plain_in_word[] = LETTERS_AND_DIGITS "_./+-@=:,%";

static bool is_joined(const dz_experiment_spec *spec)
{
    return spec->collector == DZ_COLLECTOR_STDOUT || spec->collector == DZ_COLLECTOR_FILE ||
           spec->collector == DZ_COLLECTOR_TENSORFLOW_EVENT;
}

/* The user's own `sh -c` or `bash -c`, which Katib keeps. */
static bool is_own_shell(char *const *words)
{
    return (strcmp(words[0], "sh") == 0 || strcmp(words[0], "bash") == 0) && words[1] != NULL &&
           strcmp(words[1], "-c") == 0;
}

/* The words from `first` on become one, for the shell that is begun before them. */
static dozan_status join_words(making *m, char **words, size_t count)
{
    bool own = is_own_shell(words);
    size_t first = own ? 2 : 0;
    dozan_buf script;
    char **argv = calloc(4, sizeof *argv);

    if (argv == NULL) {
        return no_memory(m);
    }
    dozan_buf_init(&script, TEXT_MAX_BYTES);
    for (size_t i = first; i < count; i++) {
        dozan_buf_printf(&script, "%s%s", i > first ? " " : "", words[i]);
    }
    argv[0] = strdup(own ? words[0] : "sh");
    argv[1] = strdup("-c");
    argv[2] = dozan_buf_take(&script);
    dozan_buf_fini(&script);
    if (argv[0] == NULL || argv[1] == NULL || argv[2] == NULL) {
        for (size_t i = 0; i < 3; i++) {
            free(argv[i]);
        }
        free(argv);
        return no_memory(m);
    }
    m->made->argv = argv;
    return DOZAN_OK;
}

/* The program that must exist for the words to run: the shell itself where the first of them is
 * shell language. */
static const char *program_of(const dz_experiment_spec *spec, const char *first)
{
    static const char *const builtins[] = {
        ".",      ":",       "!",       "alias",    "bg",       "break",   "builtin", "case",
        "cd",     "chdir",   "command", "continue", "declare",  "eval",    "exec",    "exit",
        "export", "fc",      "fg",      "for",      "function", "getopts", "hash",    "if",
        "jobs",   "let",     "local",   "read",     "readonly", "return",  "select",  "set",
        "shift",  "source",  "test",    "time",     "times",    "trap",    "type",    "ulimit",
        "umask",  "unalias", "unset",   "until",    "wait",     "while"};

    if (!is_joined(spec)) {
        return first;
    }
    for (size_t i = 0; i < sizeof builtins / sizeof builtins[0]; i++) {
        if (strcmp(builtins[i], first) == 0) {
            return "sh";
        }
    }
    return first[strspn(first, plain_in_program)] == '\0' ? first : "sh";
}

/* Whether a shell would make of the joined words just these words again, and run the first: then it
 * is left out, which saves a process and lets a signal be seen as what it is. */
static bool needs_no_shell(char *const *words, const char *program)
{
    if (program == NULL || words[0] == NULL || strcmp(program, words[0]) != 0 ||
        is_own_shell(words)) {
        return false;
    }
    for (size_t i = 0; words[i] != NULL; i++) {
        if (words[i][0] == '\0' || words[i][strspn(words[i], plain_in_word)] != '\0') {
            return false;
        }
    }
    return true;
}

static dozan_status take_argv(making *m)
{
    int command_count = cJSON_GetArraySize(member(m->container, "command"));
    int args_count = cJSON_GetArraySize(member(m->container, "args"));
    dozan_status status = DOZAN_OK;
    char **words = NULL;
    size_t count = 0;

    if (command_count == 0) {
        return refuse(m, "command",
                      "is not given, and an image's own command cannot be run on this machine: "
                      "state it",
                      "");
    }
    if (command_count > MAX_WORDS || args_count > MAX_WORDS) {
        return refuse(m, "command", "has too many words", "");
    }
    words = calloc((size_t)command_count + (size_t)args_count + 1, sizeof *words);
    if (words == NULL) {
        return no_memory(m);
    }
    status = take_words(m, "command", words, &count);
    if (status == DOZAN_OK) {
        status = take_words(m, "args", words, &count);
    }
    if (status == DOZAN_OK && words[0] != NULL) {
        m->made->program = strdup(program_of(m->spec, words[0]));
        status = m->made->program == NULL ? no_memory(m) : DOZAN_OK;
    }
    if (status == DOZAN_OK && (!is_joined(m->spec) || needs_no_shell(words, m->made->program))) {
        m->made->argv = words;
        return DOZAN_OK;
    }
    if (status == DOZAN_OK && words[0] != NULL) {
        status = join_words(m, words, count);
    }
    destroy_words(words);
    return status;
}

static dozan_status take_places(making *m)
{
    const char *image = text_at(m->container, "image");
    const char *working_dir = text_at(m->container, "workingDir");

    if (image[0] != '\0') {
        m->made->image = strdup(image);
    }
    if (working_dir[0] != '\0') {
        m->made->working_dir = expand(m, working_dir);
    }
    if ((image[0] != '\0' && m->made->image == NULL) ||
        (working_dir[0] != '\0' && m->made->working_dir == NULL)) {
        return no_memory(m);
    }
    return DOZAN_OK;
}

/* A quantity, which YAML gives as text or as a number, in thousandths. */
static bool quantity(const cJSON *item, int64_t *milli)
{
    char text[DOZAN_VALUE_TEXT];

    if (cJSON_IsNumber(item)) {
        dozan_number_text(item->valuedouble, text);
        return dz_quantity_milli(text, milli);
    }
    return cJSON_IsString(item) && dz_quantity_milli(item->valuestring, milli);
}

static dozan_status take_gpus(making *m, const cJSON *quantities)
{
    const cJSON *item = NULL;
    int64_t milli = 0;

    cJSON_ArrayForEach(item, quantities)
    {
        const char *slash = strrchr(item->string, '/');
        if (slash == NULL || strcmp(slash, "/gpu") != 0) {
            continue;
        }
        if (!quantity(item, &milli) || milli % 1000 != 0 || milli / 1000 > 1024) {
            return refuse(m, "resources", "a number of GPUs must be a whole one: ", item->string);
        }
        m->made->gpus = (int32_t)(milli / 1000);
        return DOZAN_OK;
    }
    return DOZAN_OK;
}

static dozan_status take_resources(making *m)
{
    const cJSON *resources = member(m->container, "resources");
    const cJSON *requests = member(resources, "requests");
    const cJSON *limits = member(resources, "limits");
    const cJSON *cpu = member(requests, "cpu");
    dozan_status status = DOZAN_OK;

    cpu = cpu != NULL ? cpu : member(limits, "cpu");
    if (cpu != NULL && !quantity(cpu, &m->made->cpu_milli)) {
        return refuse(m, "resources.cpu", "is no quantity: write \"2\", \"0.5\" or \"500m\"", "");
    }
    status = take_gpus(m, requests);
    return status == DOZAN_OK ? take_gpus(m, limits) : status;
}

/* The sooner of the Job's and the pod's limits. */
static void take_deadline(making *m, const cJSON *pod)
{
    const cJSON *limits[] = {member(member(m->object, "spec"), "activeDeadlineSeconds"),
                             member(pod, "activeDeadlineSeconds")};

    for (size_t i = 0; i < 2; i++) {
        double seconds = cJSON_IsNumber(limits[i]) ? limits[i]->valuedouble : 0.0;
        int64_t deadline_ms = 0;
        if (!(seconds > 0.0)) {
            continue;
        }
        deadline_ms = seconds < (double)DZ_MAX_DURATION_MS / 1000.0 ? (int64_t)(seconds * 1000.0)
                                                                    : DZ_MAX_DURATION_MS;
        if (m->made->active_deadline_ms == 0 || deadline_ms < m->made->active_deadline_ms) {
            m->made->active_deadline_ms = deadline_ms;
        }
    }
}
