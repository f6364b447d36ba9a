/*
 * Namespaces, ConfigMaps and claims: what Katib and its users keep beside experiments.
 *
 * A namespace is there when it was made, or when an experiment is in it. A claim is accepted and
 * remembered, and nothing more: trials see the files of this machine.
 */
#include "api/kube_parts.h"

#include "spec/tree.h"
#include "store/objects.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONFIG_MAP "ConfigMap"
#define NAMESPACE "Namespace"
#define CLAIM "PersistentVolumeClaim"

/* A walk over objects that makes them into Kubernetes' ones. */
typedef struct object_walk {
    cJSON *items; /* or NULL: */
    cJSON *one;   /* the last one */
    const kube_selector *selector;
    bool failed;
} object_walk;

typedef struct namespace_walk {
    cJSON *items;
    dz_builder build;
    const char *name; /* NULL = all */
    bool found;
} namespace_walk;

static void list_objects(dz_kube *kube, dz_http_request *request, const char *kind);
static void get_object(dz_kube *kube, dz_http_request *request, const char *kind,
                       const char *plural);
static void create_object(dz_kube *kube, dz_http_request *request, const char *kind);
static void change_object(dz_kube *kube, dz_http_request *request, bool patch);
static dozan_status read_one(dz_store *store, const char *kind, const char *namespace_,
                             const char *name, cJSON **object, dozan_error *err);
static dozan_status writer(dz_kube *kube, dz_store **store, dozan_error *err);
static bool visit_object(void *user, const dz_object *object);
static cJSON *object_of(const dz_object *object);
static dozan_status settle_metadata(const dz_http_request *request, cJSON *document,
                                    const char *kind, dozan_error *err);
static bool is_name(const char *name);
static bool visit_counts(void *user, const dz_counts *counts);
static bool visit_made(void *user, const dz_object *object);
static void add_namespace(namespace_walk *walk, const char *name);
static dozan_status walk_namespaces(dz_store *store, namespace_walk *walk, dozan_error *err);

/* ---- ConfigMaps and claims ---- */

void kube_config_maps(void *context, dz_http_request *request)
{
    list_objects(context, request, CONFIG_MAP);
}

void kube_config_map(void *context, dz_http_request *request)
{
    get_object(context, request, CONFIG_MAP, "configmaps");
}

void kube_config_map_create(void *context, dz_http_request *request)
{
    create_object(context, request, CONFIG_MAP);
}

void kube_config_map_replace(void *context, dz_http_request *request)
{
    change_object(context, request, false);
}

void kube_config_map_patch(void *context, dz_http_request *request)
{
    change_object(context, request, true);
}

void kube_config_map_delete(void *context, dz_http_request *request)
{
    dz_kube *kube = context;
    const char *name = dz_http_param(request, "name");
    dozan_error err = {0};
    dz_store *store = NULL;
    bool dry = false;
    cJSON *options = NULL;
    dozan_status status = request->body_size > 0 ? kube_body(request, &options, &err) : DOZAN_OK;
    if (status == DOZAN_OK)
        status = kube_dry_run(request, options, &dry, &err);
    cJSON_Delete(options);
    if (status == DOZAN_OK && !dry) {
        (void)pthread_mutex_lock(&kube->objects_lock);
        status = writer(kube, &store, &err);
        if (status == DOZAN_OK)
            status = dz_store_object_remove(store, CONFIG_MAP, dz_http_param(request, "namespace"),
                                            name, &err);
        (void)pthread_mutex_unlock(&kube->objects_lock);
    }
    if (status == DOZAN_NOT_FOUND)
        kube_not_found(request, "configmaps", name);
    else if (status != DOZAN_OK)
        dz_http_fail(request, &err);
    else
        dz_http_reply_json(request, 200, dz_http_status(200, NULL, NULL));
}

void kube_claims(void *context, dz_http_request *request)
{
    list_objects(context, request, CLAIM);
}

void kube_claim(void *context, dz_http_request *request)
{
    get_object(context, request, CLAIM, "persistentvolumeclaims");
}

void kube_claim_create(void *context, dz_http_request *request)
{
    create_object(context, request, CLAIM);
}

dozan_status kube_resolve_template(dz_kube *kube, const char *namespace_, cJSON *document,
                                   dozan_error *err)
{
    cJSON *template = kube_member(kube_member(document, "spec"), "trialTemplate");
    const cJSON *source = kube_member(template, "configMap");
    const char *name = kube_text(source, "configMapName"), *key = kube_text(source, "templatePath");
    const char *where = kube_text(source, "configMapNamespace");
    cJSON *map = NULL, *object = NULL;
    dz_tree *tree = NULL;
    dz_store *store = NULL;
    if (source == NULL || kube_member(template, "trialSpec") != NULL || name == NULL || key == NULL)
        return DOZAN_OK; /* what is wrong with it is told by the check of the document */
    (void)pthread_mutex_lock(&kube->objects_lock);
    dozan_status status = writer(kube, &store, err);
    if (status == DOZAN_OK)
        status = read_one(store, CONFIG_MAP, where != NULL ? where : namespace_, name, &map, err);
    (void)pthread_mutex_unlock(&kube->objects_lock);
    const char *text = status == DOZAN_OK ? kube_text(kube_member(map, "data"), key) : NULL;
    if (status == DOZAN_NOT_FOUND || (status == DOZAN_OK && text == NULL)) {
        cJSON_Delete(map);
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "spec.trialTemplate.configMap",
                               "there is no ConfigMap \"%.100s\" with \"%.100s\" in namespace "
                               "\"%.100s\"",
                               name, key, where != NULL ? where : namespace_);
    }
    if (status == DOZAN_OK)
        status = dz_tree_parse(text, strlen(text), key, &tree, err);
    if (status == DOZAN_OK && (object = dz_node_json(dz_tree_root(tree))) == NULL)
        status = dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    if (status == DOZAN_OK) {
        dz_builder build = {false};
        dz_build_add(&build, template, "trialSpec", object);
        cJSON_DeleteItemFromObjectCaseSensitive(template, "configMap");
        if (build.failed)
            status = dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    }
    dz_tree_destroy(tree);
    cJSON_Delete(map);
    return status;
}

static void list_objects(dz_kube *kube, dz_http_request *request, const char *kind)
{
    dozan_error err = {0};
    dz_store *store = NULL;
    char list_kind[64];
    int64_t version = 0;
    kube_selector selector;
    object_walk walk = {.selector = &selector};
    cJSON *list = NULL;
    dozan_status status = kube_selector_read(request, &selector, &err);
    if (status == DOZAN_OK)
        status = kube_store(kube, request, &store, &err);
    if (status == DOZAN_OK)
        status = dz_store_version_now(store, &version, &err);
    if (status == DOZAN_OK) {
        (void)snprintf(list_kind, sizeof(list_kind), "%sList", kind);
        list = kube_list_object("v1", list_kind, version, &walk.items);
        status = dz_store_objects(store, kind, dz_http_param(request, "namespace"),
                                  kube_selector_field(&selector, "metadata.name"), visit_object,
                                  &walk, &err);
    }
    kube_selector_fini(&selector);
    if (status == DOZAN_OK && !walk.failed) {
        dz_http_reply_json(request, 200, list);
        return;
    }
    cJSON_Delete(list);
    if (status == DOZAN_OK)
        dz_http_reply_json(request, 500, NULL);
    else
        dz_http_fail(request, &err);
}

static void get_object(dz_kube *kube, dz_http_request *request, const char *kind,
                       const char *plural)
{
    const char *name = dz_http_param(request, "name");
    dozan_error err = {0};
    dz_store *store = NULL;
    cJSON *object = NULL;
    dozan_status status = kube_store(kube, request, &store, &err);
    if (status == DOZAN_OK)
        status = read_one(store, kind, dz_http_param(request, "namespace"), name, &object, &err);
    if (status == DOZAN_OK)
        dz_http_reply_json(request, 200, object);
    else if (status == DOZAN_NOT_FOUND)
        kube_not_found(request, plural, name);
    else
        dz_http_fail(request, &err);
}

static void create_object(dz_kube *kube, dz_http_request *request, const char *kind)
{
    dozan_error err = {0};
    dz_store *store = NULL;
    cJSON *body = NULL;
    bool dry = false;
    char *text = NULL;
    dz_object object = {.kind = kind, .namespace_ = dz_http_param(request, "namespace")};
    if (object.namespace_ == NULL)
        object.namespace_ = "";
    dozan_status status = kube_body(request, &body, &err);
    if (status == DOZAN_OK)
        status = kube_dry_run(request, NULL, &dry, &err);
    if (status == DOZAN_OK)
        status = settle_metadata(request, body, kind, &err);
    if (status == DOZAN_OK && (text = cJSON_PrintUnformatted(body)) == NULL)
        status = dozan_error_set(&err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    if (status == DOZAN_OK) {
        object.name = kube_text(kube_member(body, "metadata"), "name");
        object.document = text;
    }
    if (status == DOZAN_OK && !dry) {
        (void)pthread_mutex_lock(&kube->objects_lock);
        status = writer(kube, &store, &err);
        if (status == DOZAN_OK)
            status = dz_store_object_add(store, &object, &err);
        (void)pthread_mutex_unlock(&kube->objects_lock);
    }
    if (status == DOZAN_OK)
        dz_http_reply_json(request, 201, object_of(&object));
    else
        dz_http_refuse(request, status == DOZAN_UNIMPLEMENTED ? 415 : 0, NULL, &err);
    cJSON_free(text);
    cJSON_Delete(body);
}

/* Only ConfigMaps are changed. */
static void change_object(dz_kube *kube, dz_http_request *request, bool patch)
{
    dozan_error err = {0};
    dz_store *store = NULL;
    cJSON *body = NULL, *present = NULL;
    const char *name = dz_http_param(request, "name");
    char *text = NULL;
    bool dry = false;
    dz_object object = {.kind = CONFIG_MAP, .namespace_ = dz_http_param(request, "namespace")};
    kube_media media = kube_body_media(request);
    dozan_status status = DOZAN_OK;
    if (patch && media != KUBE_MERGE && media != KUBE_JSON_PATCH && media != KUBE_APPLY)
        status = dozan_error_set(&err, DOZAN_UNIMPLEMENTED, NULL,
                                 "the body of the request was in an unknown format - accepted "
                                 "media types include: application/json-patch+json, "
                                 "application/merge-patch+json, application/apply-patch+yaml");
    if (status == DOZAN_OK)
        status = kube_body(request, &body, &err);
    if (status == DOZAN_OK)
        status = kube_dry_run(request, NULL, &dry, &err);
    (void)pthread_mutex_lock(&kube->objects_lock);
    if (status == DOZAN_OK)
        status = writer(kube, &store, &err);
    if (status == DOZAN_OK && patch) {
        status = read_one(store, CONFIG_MAP, object.namespace_, name, &present, &err);
        if (status == DOZAN_OK && media == KUBE_JSON_PATCH)
            status = kube_json_patch(&present, body, &err);
        else if (status == DOZAN_OK && !kube_merge_patch(present, body))
            status = dozan_error_set(&err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
        cJSON_Delete(body);
        body = present;
    }
    const char *version = kube_text(kube_member(body, "metadata"), "resourceVersion");
    int64_t expected = version != NULL && !patch ? strtoll(version, NULL, 10) : 0;
    if (status == DOZAN_OK)
        status = settle_metadata(request, body, CONFIG_MAP, &err);
    if (status == DOZAN_OK && (text = cJSON_PrintUnformatted(body)) == NULL)
        status = dozan_error_set(&err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    if (status == DOZAN_OK) {
        object.name = name;
        object.document = text;
        if (!dry)
            status = dz_store_object_change(store, &object, expected, &err);
    }
    (void)pthread_mutex_unlock(&kube->objects_lock);
    if (status == DOZAN_OK)
        dz_http_reply_json(request, 200, object_of(&object));
    else if (status == DOZAN_NOT_FOUND)
        kube_not_found(request, "configmaps", name);
    else
        dz_http_refuse(request, status == DOZAN_UNIMPLEMENTED ? 415 : 0, NULL, &err);
    cJSON_free(text);
    cJSON_Delete(body);
}

static dozan_status read_one(dz_store *store, const char *kind, const char *namespace_,
                             const char *name, cJSON **object, dozan_error *err)
{
    object_walk walk = {0};
    dozan_status status = dz_store_objects(store, kind, namespace_, name, visit_object, &walk, err);
    if (status == DOZAN_OK && walk.failed)
        status = dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    if (status == DOZAN_OK && walk.one == NULL)
        return dozan_error_set(err, DOZAN_NOT_FOUND, NULL, "\"%.200s\" not found", name);
    if (status == DOZAN_OK)
        *object = walk.one;
    else
        cJSON_Delete(walk.one);
    return status;
}

/* Under the lock: one connection for all that is written here. */
static dozan_status writer(dz_kube *kube, dz_store **store, dozan_error *err)
{
    dozan_status status = DOZAN_OK;
    if (kube->objects == NULL)
        status = dz_store_open(kube->config.db_path, DZ_STORE_WRITE, DZ_DURABILITY_FULL,
                               &kube->objects, err);
    *store = kube->objects;
    return status;
}

static bool visit_object(void *user, const dz_object *object)
{
    object_walk *walk = user;
    cJSON *made = object_of(object);
    walk->failed = made == NULL;
    if (made == NULL)
        return false;
    if (walk->items == NULL) {
        cJSON_Delete(walk->one);
        walk->one = made;
        return true;
    }
    const cJSON *labels = kube_member(kube_member(made, "metadata"), "labels");
    bool fits = true;
    for (size_t i = 0; i < walk->selector->label_count; i++)
        fits = fits && kube_term_fits(&walk->selector->labels[i],
                                      kube_text(labels, walk->selector->labels[i].key));
    if (fits && cJSON_AddItemToArray(walk->items, made))
        return true;
    cJSON_Delete(made);
    walk->failed = fits;
    return !walk->failed;
}

/* Its document, with what the store knows of it. */
static cJSON *object_of(const dz_object *object)
{
    dz_builder build = {false};
    char text[64];
    cJSON *made = cJSON_Parse(object->document);
    cJSON *metadata = kube_member(made, "metadata");
    if (object->version > 0) {
        (void)snprintf(text, sizeof(text), "%" PRId64, object->version);
        dz_build_text(&build, metadata, "resourceVersion", text);
        (void)snprintf(text, sizeof(text), "00000000-0000-4000-8000-%012" PRIx64,
                       (uint64_t)object->created_ms & 0xffffffffffff);
        dz_build_text(&build, metadata, "uid", text);
        dz_build_time(&build, metadata, "creationTimestamp", object->created_ms);
    }
    if (strcmp(object->kind, NAMESPACE) == 0)
        dz_build_text(&build, dz_build_object(&build, made, "status"), "phase", "Active");
    if (strcmp(object->kind, CLAIM) == 0)
        dz_build_text(&build, dz_build_object(&build, made, "status"), "phase", "Bound");
    if (!build.failed && made != NULL)
        return made;
    cJSON_Delete(made);
    return NULL;
}

/* The name must be one and its namespace the path's; what is ours is taken out. */
static dozan_status settle_metadata(const dz_http_request *request, cJSON *document,
                                    const char *kind, dozan_error *err)
{
    static const char *const ours[] = {"uid", "resourceVersion", "creationTimestamp",
                                       "managedFields", "generation"};
    dz_builder build = {false};
    cJSON *metadata = kube_member(document, "metadata");
    const char *given_kind = kube_text(document, "kind"), *name = kube_text(metadata, "name");
    const char *namespace_ = dz_http_param(request, "namespace");
    const char *own = kube_text(metadata, "namespace");
    const char *in_path = dz_http_param(request, "name");
    if (!cJSON_IsObject(document) || !cJSON_IsObject(metadata) || name == NULL)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "metadata.name", "is missing");
    if (given_kind != NULL && strcmp(given_kind, kind) != 0)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "kind", "has to be %s", kind);
    if (!is_name(name))
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "metadata.name",
                               "has to be 1 to 253 letters a to z, digits, - and .");
    if (in_path != NULL && strcmp(in_path, name) != 0)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "metadata.name",
                               "is not the one of the path");
    if (own != NULL && namespace_ != NULL && strcmp(own, namespace_) != 0)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "metadata.namespace",
                               "the namespace of the provided object does not match the namespace "
                               "sent on the request");
    for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
        cJSON_DeleteItemFromObjectCaseSensitive(metadata, ours[i]);
    cJSON_DeleteItemFromObjectCaseSensitive(document, "status");
    if (own == NULL && namespace_ != NULL)
        dz_build_text(&build, metadata, "namespace", namespace_);
    if (given_kind == NULL)
        dz_build_text(&build, document, "kind", kind);
    if (kube_member(document, "apiVersion") == NULL)
        dz_build_text(&build, document, "apiVersion", "v1");
    return build.failed ? dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory")
                        : DOZAN_OK;
}

static bool is_name(const char *name)
{
    size_t size = strlen(name);
    return size > 0 && size <= 253 &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-.") == size &&
           strchr("-.", name[0]) == NULL && strchr("-.", name[size - 1]) == NULL;
}

/* ---- namespaces ---- */

void kube_namespaces(void *context, dz_http_request *request)
{
    dz_kube *kube = context;
    dozan_error err = {0};
    dz_store *store = NULL;
    int64_t version = 0;
    namespace_walk walk = {0};
    cJSON *list = NULL;
    dozan_status status = kube_store(kube, request, &store, &err);
    if (status == DOZAN_OK)
        status = dz_store_version_now(store, &version, &err);
    if (status == DOZAN_OK) {
        list = kube_list_object("v1", "NamespaceList", version, &walk.items);
        status = walk_namespaces(store, &walk, &err);
    }
    if (status == DOZAN_OK && !walk.build.failed) {
        dz_http_reply_json(request, 200, list);
        return;
    }
    cJSON_Delete(list);
    if (status == DOZAN_OK)
        dz_http_reply_json(request, 500, NULL);
    else
        dz_http_fail(request, &err);
}

void kube_namespace(void *context, dz_http_request *request)
{
    dz_kube *kube = context;
    dozan_error err = {0};
    dz_store *store = NULL;
    namespace_walk walk = {.items = cJSON_CreateArray(),
                           .name = dz_http_param(request, "namespace")};
    dozan_status status = kube_store(kube, request, &store, &err);
    if (status == DOZAN_OK)
        status = walk_namespaces(store, &walk, &err);
    if (status != DOZAN_OK)
        dz_http_fail(request, &err);
    else if (!walk.found)
        kube_not_found(request, "namespaces", walk.name);
    else
        dz_http_reply_json(request, 200, cJSON_DetachItemFromArray(walk.items, 0));
    cJSON_Delete(walk.items);
}

void kube_namespace_create(void *context, dz_http_request *request)
{
    create_object(context, request, NAMESPACE);
}

/* Only one that was made and is empty goes: what is in it is deleted by its own name. */
void kube_namespace_delete(void *context, dz_http_request *request)
{
    dz_kube *kube = context;
    const char *name = dz_http_param(request, "namespace");
    dozan_error err = {0};
    dz_store *store = NULL;
    namespace_walk walk = {.items = cJSON_CreateArray(), .name = name};
    dozan_status status = kube_store(kube, request, &store, &err);
    if (status == DOZAN_OK)
        status = dz_store_counts(store, visit_counts, &walk, &err);
    cJSON_Delete(walk.items);
    if (status == DOZAN_OK && walk.found)
        status = dozan_error_set(&err, DOZAN_FAILED_PRECONDITION, NULL,
                                 "the namespace has experiments: delete them first");
    if (status == DOZAN_OK) {
        (void)pthread_mutex_lock(&kube->objects_lock);
        status = writer(kube, &store, &err);
        if (status == DOZAN_OK)
            status = dz_store_object_remove(store, NAMESPACE, "", name, &err);
        (void)pthread_mutex_unlock(&kube->objects_lock);
    }
    if (status == DOZAN_NOT_FOUND)
        kube_not_found(request, "namespaces", name);
    else if (status != DOZAN_OK)
        dz_http_fail(request, &err);
    else
        dz_http_reply_json(request, 200, dz_http_status(200, NULL, NULL));
}

static dozan_status walk_namespaces(dz_store *store, namespace_walk *walk, dozan_error *err)
{
    add_namespace(walk, "default");
    dozan_status status = dz_store_counts(store, visit_counts, walk, err);
    if (status == DOZAN_OK)
        status = dz_store_objects(store, NAMESPACE, NULL, NULL, visit_made, walk, err);
    return status;
}

static bool visit_counts(void *user, const dz_counts *counts)
{
    add_namespace(user, counts->namespace_);
    return true;
}

static bool visit_made(void *user, const dz_object *object)
{
    add_namespace(user, object->name);
    return true;
}

static void add_namespace(namespace_walk *walk, const char *name)
{
    const cJSON *there;
    if (walk->name != NULL && strcmp(walk->name, name) != 0)
        return;
    cJSON_ArrayForEach(there, walk->items)
    {
        const char *seen = kube_text(kube_member(there, "metadata"), "name");
        if (seen != NULL && strcmp(seen, name) == 0)
            return;
    }
    cJSON *item = dz_build_item(&walk->build, walk->items);
    dz_build_text(&walk->build, item, "apiVersion", "v1");
    dz_build_text(&walk->build, item, "kind", NAMESPACE);
    cJSON *metadata = dz_build_object(&walk->build, item, "metadata");
    dz_build_text(&walk->build, metadata, "name", name);
    /* Katib asks its users for this label. */
    cJSON *labels = dz_build_object(&walk->build, metadata, "labels");
    dz_build_text(&walk->build, labels, "kubernetes.io/metadata.name", name);
    dz_build_text(&walk->build, labels, "katib.kubeflow.org/metrics-collector-injection",
                  "enabled");
    dz_build_text(&walk->build, dz_build_object(&walk->build, item, "status"), "phase", "Active");
    walk->found = true;
}
