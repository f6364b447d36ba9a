/*
 * Experiments, trials and suggestions as objects of Kubernetes: Katib's resource with the metadata
 * that an API server adds.
 */
#include "api/kube_parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const kube_kind kube_experiments = {"experiments", "experiment", "Experiment", DZ_OBJECT_EXPERIMENT,
                                    true};
const kube_kind kube_trials = {"trials", "trial", "Trial", DZ_OBJECT_TRIAL, false};
const kube_kind kube_suggestions = {"suggestions", "suggestion", "Suggestion", DZ_OBJECT_EXPERIMENT,
                                    false};

static void add_metadata(dz_builder *build, cJSON *object, const kube_item *item);
static void set_text(dz_builder *build, cJSON *parent, const char *name, const char *text);

const kube_kind *kube_kind_of(const dz_http_request *request)
{
    static const kube_kind *const kinds[] = {&kube_experiments, &kube_trials, &kube_suggestions};
    const char *plural = dz_http_param(request, "kind");
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (plural != NULL && strcmp(kinds[i]->plural, plural) == 0)
            return kinds[i];
    return NULL;
}

dozan_status kube_build(dz_store *store, const kube_item *item, cJSON **object, dozan_error *err)
{
    dz_builder build = {false};
    dozan_status status;
    if (item->kind == &kube_trials)
        status = dz_resource_trial(item->experiment, item->trial, object, err);
    else if (item->kind == &kube_suggestions)
        status = dz_resource_suggestion(store, item->experiment, object, err);
    else
        status = dz_resource_experiment(store, item->experiment, object, err);
    if (status != DOZAN_OK)
        return status;
    add_metadata(&build, *object, item);
    if (!build.failed)
        return DOZAN_OK;
    cJSON_Delete(*object);
    *object = NULL;
    return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
}

cJSON *kube_build_light(const kube_item *item)
{
    dz_builder build = {false};
    cJSON *object = cJSON_CreateObject();
    char uid[DZ_UID_TEXT];
    const dz_experiment_spec *spec = item->experiment->spec;
    dz_build_text(&build, object, "kind", "PartialObjectMetadata");
    dz_build_text(&build, object, "apiVersion", "meta.k8s.io/v1");
    cJSON *metadata = dz_build_object(&build, object, "metadata");
    dz_build_text(&build, metadata, "name", kube_item_name(item));
    dz_build_text(&build, metadata, "namespace", spec->namespace_);
    if (item->trial != NULL)
        dz_trial_uid(item->experiment, item->trial->number, uid);
    dz_build_text(&build, metadata, "uid", item->trial != NULL ? uid : item->experiment->uid);
    dz_build_time(&build, metadata, "creationTimestamp",
                  item->trial != NULL ? item->trial->created_ms : item->experiment->created_ms);
    if (item->kind != &kube_suggestions) {
        cJSON *labels = dz_build_object(&build, metadata, "labels");
        const cJSON *given = kube_member(kube_member(spec->document, "metadata"), "labels");
        const cJSON *label;
        cJSON_ArrayForEach(label, given) dz_build_copy(&build, labels, label->string, label);
        if (item->trial != NULL)
            set_text(&build, labels, KUBE_EXPERIMENT_LABEL, spec->name);
    }
    add_metadata(&build, object, item);
    if (!build.failed)
        return object;
    cJSON_Delete(object);
    return NULL;
}

cJSON *kube_list_object(const char *api, const char *kind, int64_t version, cJSON **items)
{
    dz_builder build = {false};
    char text[KUBE_VERSION_TEXT];
    cJSON *list = cJSON_CreateObject();
    (void)snprintf(text, sizeof(text), "%" PRId64, version);
    dz_build_text(&build, list, "apiVersion", api);
    dz_build_text(&build, list, "kind", kind);
    dz_build_text(&build, dz_build_object(&build, list, "metadata"), "resourceVersion", text);
    *items = dz_build_array(&build, list, "items");
    if (!build.failed)
        return list;
    cJSON_Delete(list);
    return NULL;
}

const char *kube_item_name(const kube_item *item)
{
    return item->trial != NULL ? item->trial->name : item->experiment->spec->name;
}

int64_t kube_item_version(const kube_item *item)
{
    return item->trial != NULL ? item->trial->version : item->experiment->version;
}

/* As dz_resource_trial puts them: the algorithm's go before the experiment's. */
const char *kube_item_label(const kube_item *item, const char *name)
{
    const dz_experiment_spec *spec = item->experiment->spec;
    if (item->kind == &kube_suggestions)
        return NULL;
    if (item->trial != NULL) {
        if (strcmp(name, KUBE_EXPERIMENT_LABEL) == 0)
            return spec->name;
        for (size_t i = 0; i < item->trial->label_count; i++)
            if (strcmp(item->trial->labels[i].name, name) == 0)
                return item->trial->labels[i].value;
    }
    return kube_text(kube_member(kube_member(spec->document, "metadata"), "labels"), name);
}

void kube_not_found(dz_http_request *request, const char *plural, const char *name)
{
    dz_builder build = {false};
    char message[512];
    bool ours = strcmp(plural, "experiments") == 0 || strcmp(plural, "trials") == 0 ||
                strcmp(plural, "suggestions") == 0;
    (void)snprintf(message, sizeof(message), "%s%s \"%.300s\" not found", plural,
                   ours ? "." KUBE_GROUP : "", name);
    cJSON *status = dz_http_status(404, NULL, message);
    cJSON *details = dz_build_object(&build, status, "details");
    dz_build_text(&build, details, "name", name);
    if (ours)
        dz_build_text(&build, details, "group", KUBE_GROUP);
    dz_build_text(&build, details, "kind", plural);
    dz_http_reply_json(request, 404, status);
}

void kube_fail(dz_http_request *request, const kube_kind *kind, const char *name,
               const dozan_error *err)
{
    if (err->code == DOZAN_NOT_FOUND && kind != NULL && name != NULL)
        kube_not_found(request, kind->plural, name);
    else
        dz_http_fail(request, err);
}

/* What every object has, and Katib's resource not. */
static void add_metadata(dz_builder *build, cJSON *object, const kube_item *item)
{
    char text[KUBE_VERSION_TEXT], uid[DZ_UID_TEXT];
    cJSON *metadata = kube_member(object, "metadata");
    if (metadata == NULL)
        metadata = dz_build_object(build, object, "metadata");
    (void)snprintf(text, sizeof(text), "%" PRId64, kube_item_version(item));
    set_text(build, metadata, "resourceVersion", text);
    cJSON_DeleteItemFromObjectCaseSensitive(metadata, "generation");
    dz_build_number(build, metadata, "generation",
                    item->kind == &kube_trials ? 1 : item->experiment->generation);
    if (item->kind != &kube_suggestions)
        return;
    /* Of its own, and always the same: the experiment's with another first digit. */
    (void)snprintf(uid, sizeof(uid), "%s", item->experiment->uid);
    uid[0] = uid[0] == '5' ? 'e' : '5';
    set_text(build, metadata, "uid", uid);
}

static void set_text(dz_builder *build, cJSON *parent, const char *name, const char *text)
{
    cJSON_DeleteItemFromObjectCaseSensitive(parent, name);
    dz_build_text(build, parent, name, text);
}
