#include "mlflow/mlmd.h"

#include "api/build.h"

#include <stdio.h>
#include <string.h>

/* Types, by their places below. */
typedef enum mlmd_type { DATASET = 1, MODEL, VERSION, RUN, REGISTRATION, EXPERIMENT } mlmd_type;

static const struct {
    mlmd_type id;
    const char *list, *name;
} types[] = {
    {DATASET, "artifactTypes", "system.Dataset"},
    {MODEL, "artifactTypes", "system.Model"},
    {VERSION, "artifactTypes", "dozan.ModelVersion"},
    {RUN, "executionTypes", "system.Run"},
    {REGISTRATION, "executionTypes", "dozan.Registration"},
    {EXPERIMENT, "contextTypes", "system.Experiment"},
};

typedef struct writer {
    dz_builder build;
    cJSON *artifacts, *executions, *contexts, *events, *attributions, *associations;
    int64_t artifact_count, execution_count;
    int64_t context;
} writer;

static void add_run(writer *w, const cJSON *run);
static void add_models(writer *w, const cJSON *run, int64_t execution);
static void add_versions(writer *w, const cJSON *of, int64_t artifact);
static int64_t add_artifact(writer *w, mlmd_type type, const char *name, const char *uri,
                            const cJSON *properties);
static int64_t find_dataset(const writer *w, const char *name);
static int64_t add_execution(writer *w, mlmd_type type, const char *name, const char *state,
                             const cJSON *properties);
static void add_event(writer *w, int64_t artifact, int64_t execution, const char *type);
static void add_properties(writer *w, cJSON *item, const cJSON *from);

static const char *text_of(const cJSON *object, const char *name)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
    return text != NULL ? text : "";
}

cJSON *dz_mlmd(const cJSON *lineage)
{
    writer w = {.context = 1};
    cJSON *root = cJSON_CreateObject(), *trial;
    const cJSON *experiment = cJSON_GetObjectItemCaseSensitive(lineage, "experiment");
    w.build.failed = root == NULL;
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        cJSON *list = cJSON_GetObjectItemCaseSensitive(root, types[i].list);
        if (list == NULL)
            list = dz_build_array(&w.build, root, types[i].list);
        cJSON *type = dz_build_item(&w.build, list);
        dz_build_number(&w.build, type, "id", types[i].id);
        dz_build_text(&w.build, type, "name", types[i].name);
    }
    w.artifacts = dz_build_array(&w.build, root, "artifacts");
    w.executions = dz_build_array(&w.build, root, "executions");
    w.contexts = dz_build_array(&w.build, root, "contexts");
    w.events = dz_build_array(&w.build, root, "events");
    w.attributions = dz_build_array(&w.build, root, "attributions");
    w.associations = dz_build_array(&w.build, root, "associations");
    cJSON *context = dz_build_item(&w.build, w.contexts);
    dz_build_number(&w.build, context, "id", w.context);
    dz_build_number(&w.build, context, "typeId", EXPERIMENT);
    dz_build_text(&w.build, context, "type", "system.Experiment");
    dz_build_text(&w.build, context, "name", text_of(experiment, "name"));
    add_properties(&w, context, experiment);
    add_run(&w, cJSON_GetObjectItemCaseSensitive(lineage, "run"));
    cJSON_ArrayForEach(trial, cJSON_GetObjectItemCaseSensitive(lineage, "trials"))
    {
        add_run(&w, cJSON_GetObjectItemCaseSensitive(trial, "run"));
    }
    if (!w.build.failed)
        return root;
    cJSON_Delete(root);
    return NULL;
}

static const char *state_of(const char *status)
{
    return strcmp(status, "FINISHED") == 0    ? "COMPLETE"
           : strcmp(status, "FAILED") == 0    ? "FAILED"
           : strcmp(status, "KILLED") == 0    ? "CANCELED"
           : strcmp(status, "SCHEDULED") == 0 ? "NEW"
                                              : "RUNNING";
}

/* The depth is that of the lineage, which has a bound. */
static void add_run(writer *w, const cJSON *run) /* NOLINT(misc-no-recursion) */
{
    const cJSON *item;
    int64_t execution =
        add_execution(w, RUN, text_of(run, "runId"), state_of(text_of(run, "status")), run);
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(run, "datasets"))
    {
        char name[640];
        (void)snprintf(name, sizeof(name), "%s@%s", text_of(item, "name"), text_of(item, "digest"));
        int64_t dataset = find_dataset(w, name);
        if (dataset == 0)
            dataset = add_artifact(w, DATASET, name, text_of(item, "source"), item);
        add_event(w, dataset, execution, "INPUT");
    }
    add_models(w, run, execution);
    if (cJSON_HasObjectItem(run, "versions")) {
        int64_t model =
            add_artifact(w, MODEL, text_of(run, "runId"), text_of(run, "artifactUri"), NULL);
        add_event(w, model, execution, "OUTPUT");
        add_versions(w, run, model);
    }
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(run, "runs"))
    {
        add_run(w, item);
    }
}

static void add_models(writer *w, const cJSON *run, int64_t execution)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(run, "models"))
    {
        int64_t model =
            add_artifact(w, MODEL, text_of(item, "modelId"), text_of(item, "artifactUri"), item);
        add_event(w, model, execution, "OUTPUT");
        add_versions(w, item, model);
    }
}

static void add_versions(writer *w, const cJSON *of, int64_t artifact)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(of, "versions"))
    {
        char name[640], uri[660];
        (void)snprintf(name, sizeof(name), "%.500s/%.100s", text_of(item, "name"),
                       text_of(item, "version"));
        (void)snprintf(uri, sizeof(uri), "models:/%s", name);
        int64_t execution = add_execution(w, REGISTRATION, name, "COMPLETE", NULL);
        add_event(w, artifact, execution, "INPUT");
        add_event(w, add_artifact(w, VERSION, name, uri, item), execution, "OUTPUT");
    }
}

static int64_t find_dataset(const writer *w, const char *name)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, w->artifacts)
    {
        if (strcmp(text_of(item, "type"), "system.Dataset") == 0 &&
            strcmp(text_of(item, "name"), name) == 0)
            return cJSON_GetObjectItemCaseSensitive(item, "id")->valueint;
    }
    return 0;
}

static int64_t add_artifact(writer *w, mlmd_type type, const char *name, const char *uri,
                            const cJSON *properties)
{
    cJSON *item = dz_build_item(&w->build, w->artifacts);
    int64_t id = ++w->artifact_count;
    dz_build_number(&w->build, item, "id", id);
    dz_build_number(&w->build, item, "typeId", type);
    dz_build_text(&w->build, item, "type", types[type - 1].name);
    dz_build_text(&w->build, item, "name", name);
    dz_build_text(&w->build, item, "uri", uri);
    dz_build_text(&w->build, item, "state", "LIVE");
    add_properties(w, item, properties);
    cJSON *link = dz_build_item(&w->build, w->attributions);
    dz_build_number(&w->build, link, "artifactId", id);
    dz_build_number(&w->build, link, "contextId", w->context);
    return id;
}

static int64_t add_execution(writer *w, mlmd_type type, const char *name, const char *state,
                             const cJSON *properties)
{
    cJSON *item = dz_build_item(&w->build, w->executions);
    int64_t id = ++w->execution_count;
    dz_build_number(&w->build, item, "id", id);
    dz_build_number(&w->build, item, "typeId", type);
    dz_build_text(&w->build, item, "type", types[type - 1].name);
    dz_build_text(&w->build, item, "name", name);
    dz_build_text(&w->build, item, "lastKnownState", state);
    add_properties(w, item, properties);
    cJSON *link = dz_build_item(&w->build, w->associations);
    dz_build_number(&w->build, link, "executionId", id);
    dz_build_number(&w->build, link, "contextId", w->context);
    return id;
}

static void add_event(writer *w, int64_t artifact, int64_t execution, const char *type)
{
    cJSON *item = dz_build_item(&w->build, w->events);
    dz_build_number(&w->build, item, "artifactId", artifact);
    dz_build_number(&w->build, item, "executionId", execution);
    dz_build_text(&w->build, item, "type", type);
}

/* Its texts and whole numbers. */
static void add_properties(writer *w, cJSON *item, const cJSON *from)
{
    const cJSON *member;
    cJSON *all = from != NULL ? dz_build_object(&w->build, item, "customProperties") : NULL;
    cJSON_ArrayForEach(member, from)
    {
        bool text = cJSON_IsString(member);
        if (!text && !cJSON_IsNumber(member))
            continue;
        cJSON *value = dz_build_object(&w->build, all, member->string);
        char number[32];
        (void)snprintf(number, sizeof(number), "%.0f", member->valuedouble);
        dz_build_text(&w->build, value, text ? "stringValue" : "intValue",
                      text ? member->valuestring : number);
    }
}
