/*
 * Creating, changing and deleting experiments. The service checks and commits; here is what
 * Kubernetes puts around it: dry runs, patches, preconditions, versions.
 */
#include "api/kube_parts.h"

#include <dozan/buf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_TRIES = 8, NAMES_AT_ONCE = 100000 };

#define MANAGER "dozan.io/field-manager"

/* One request that writes. */
typedef struct writing {
    dz_kube *kube;
    dz_http_request *request;
    const char *namespace_, *name; /* name NULL: to be made */
    dz_store *store;
    bool dry;
    dz_submitted submitted;
    dz_problems problems;
    dozan_error err;
} writing;

static bool begin(writing *write, dz_kube *kube, dz_http_request *request);
static void finish(writing *write, dozan_status status, int good);
static bool is_experiment(dz_http_request *request);
static cJSON *to_submit(const cJSON *document);
static dozan_status send(writing *write, const cJSON *document, int64_t expected);
static dozan_status answer_object(writing *write, cJSON **object);
static dozan_status version_of(const cJSON *document, int64_t *version, dozan_error *err);
static dozan_status patch_once(writing *write, const cJSON *patch, kube_media media, bool *created,
                               int64_t *used);
static dozan_status current(writing *write, cJSON **object);
static dozan_status apply(writing *write, cJSON *object, cJSON **patched, const cJSON *patch,
                          kube_media media);
static dozan_status mark_manager(writing *write, cJSON *document);
static void refuse_problems(writing *write);
static dozan_status remove_one(dz_kube *kube, dz_store *store, const char *namespace_,
                               const char *name, const cJSON *options, bool dry, char uid[64],
                               dozan_error *err);
static dozan_status read_options(dz_http_request *request, cJSON **options, bool *dry,
                                 dozan_error *err);
static bool collect_name(void *user, const dz_experiment *experiment);

void kube_create(void *context, dz_http_request *request)
{
    writing write;
    cJSON *body = NULL;
    if (!is_experiment(request) || !begin(&write, context, request))
        return;
    dozan_status status = kube_body(request, &body, &write.err);
    if (status == DOZAN_OK)
        status = send(&write, body, 0);
    cJSON_Delete(body);
    finish(&write, status, 201);
}

void kube_replace(void *context, dz_http_request *request)
{
    writing write;
    cJSON *body = NULL;
    int64_t version = 0;
    if (!is_experiment(request) || !begin(&write, context, request))
        return;
    dozan_status status = kube_body(request, &body, &write.err);
    if (status == DOZAN_OK)
        status = version_of(body, &version, &write.err);
    if (status == DOZAN_OK)
        status = send(&write, body, version);
    cJSON_Delete(body);
    finish(&write, status, 200);
}

/* A patch without a version is for whatever is there: when somebody else was faster, it is applied
 * to that. */
void kube_patch(void *context, dz_http_request *request)
{
    writing write;
    cJSON *patch = NULL;
    int64_t wanted = 0, used = 0;
    bool created = false;
    kube_media media = kube_body_media(request);
    if (!is_experiment(request) || !begin(&write, context, request))
        return;
    if (media != KUBE_MERGE && media != KUBE_JSON_PATCH && media != KUBE_APPLY) {
        dz_http_refusef(request, 415,
                        "the body of the request was in an unknown format - accepted media types "
                        "include: application/json-patch+json, application/merge-patch+json, "
                        "application/apply-patch+yaml");
        return;
    }
    dozan_status status = kube_body(request, &patch, &write.err);
    if (status == DOZAN_OK && media != KUBE_JSON_PATCH && !cJSON_IsObject(patch))
        status = dozan_error_set(&write.err, DOZAN_INVALID_ARGUMENT, NULL,
                                 "this patch has to be an object");
    if (status == DOZAN_OK && media != KUBE_JSON_PATCH)
        status = version_of(patch, &wanted, &write.err);
    if (status == DOZAN_OK && media == KUBE_APPLY && dz_http_query(request, "fieldManager") == NULL)
        status = dozan_error_set(&write.err, DOZAN_INVALID_ARGUMENT, "fieldManager",
                                 "is required for apply patch");
    for (int tries = 0; status == DOZAN_OK; tries++) {
        used = wanted;
        status = patch_once(&write, patch, media, &created, &used);
        if (status != DOZAN_ABORTED || wanted != 0 || used == 0 || tries == MAX_TRIES)
            break;
        dz_problems_fini(&write.problems);
        write.problems = (dz_problems){0};
        status = DOZAN_OK;
    }
    cJSON_Delete(patch);
    finish(&write, status, created ? 201 : 200);
}

void kube_delete(void *context, dz_http_request *request)
{
    dz_kube *kube = context;
    const char *name = dz_http_param(request, "name");
    dozan_error err = {0};
    dz_store *store = NULL;
    cJSON *options = NULL;
    char uid[64] = "";
    bool dry = false;
    if (!is_experiment(request))
        return;
    dozan_status status = read_options(request, &options, &dry, &err);
    if (status == DOZAN_OK)
        status = kube_store(kube, request, &store, &err);
    if (status == DOZAN_OK)
        status = remove_one(kube, store, dz_http_param(request, "namespace"), name, options, dry,
                            uid, &err);
    cJSON_Delete(options);
    if (status != DOZAN_OK) {
        kube_fail(request, &kube_experiments, name, &err);
        return;
    }
    dz_builder build = {false};
    cJSON *answer = dz_http_status(200, NULL, NULL);
    cJSON *details = dz_build_object(&build, answer, "details");
    dz_build_text(&build, details, "name", name);
    dz_build_text(&build, details, "group", KUBE_GROUP);
    dz_build_text(&build, details, "kind", "experiments");
    dz_build_text(&build, details, "uid", uid);
    dz_http_reply_json(request, 200, answer);
}

/* The names that a selector fits; they are deleted once the reading is over. */
typedef struct names {
    kube_selector selector;
    char **items;
    size_t count, capacity;
    bool failed;
} names;

void kube_delete_collection(void *context, dz_http_request *request)
{
    dz_kube *kube = context;
    const char *namespace_ = dz_http_param(request, "namespace");
    dozan_error err = {0};
    dz_store *store = NULL;
    cJSON *options = NULL;
    names found = {0};
    char uid[64];
    bool dry = false;
    if (!is_experiment(request))
        return;
    dozan_status status = read_options(request, &options, &dry, &err);
    if (status == DOZAN_OK)
        status = kube_selector_read(request, &found.selector, &err);
    if (status == DOZAN_OK)
        status = kube_store(kube, request, &store, &err);
    if (status == DOZAN_OK)
        status = dz_store_list_experiments(store, namespace_, &(dz_list_from){0}, 0, collect_name,
                                           &found, &err);
    if (status == DOZAN_OK && found.failed)
        status = dozan_error_set(&err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    for (size_t i = 0; i < found.count; i++) {
        if (status == DOZAN_OK)
            status = remove_one(kube, store, namespace_, found.items[i], options, dry, uid, &err);
        if (status == DOZAN_NOT_FOUND)
            status = DOZAN_OK; /* somebody else has deleted it */
        free(found.items[i]);
    }
    free(found.items);
    kube_selector_fini(&found.selector);
    cJSON_Delete(options);
    if (status == DOZAN_OK)
        dz_http_reply_json(request, 200, dz_http_status(200, NULL, NULL));
    else
        dz_http_fail(request, &err);
}

void kube_status_refused(void *context, dz_http_request *request)
{
    (void)context;
    dz_http_refusef(request, 405, "the status is written by the controller alone");
}

/* ---- what writing requests share ---- */

static bool is_experiment(dz_http_request *request)
{
    const kube_kind *kind = kube_kind_of(request);
    if (kind == NULL)
        dz_http_refusef(request, 404, "the server could not find the requested resource");
    else if (!kind->writable)
        dz_http_refusef(request, 405,
                        "%s are made and ended by their experiment: change or delete that",
                        kind->plural);
    return kind != NULL && kind->writable;
}

static bool begin(writing *write, dz_kube *kube, dz_http_request *request)
{
    *write = (writing){.kube = kube,
                       .request = request,
                       .namespace_ = dz_http_param(request, "namespace"),
                       .name = dz_http_param(request, "name")};
    if (kube_store(kube, request, &write->store, &write->err) == DOZAN_OK &&
        kube_dry_run(request, NULL, &write->dry, &write->err) == DOZAN_OK)
        return true;
    dz_http_fail(request, &write->err);
    return false;
}

static void finish(writing *write, dozan_status status, int good)
{
    cJSON *object = NULL;
    if (status == DOZAN_OK)
        status = answer_object(write, &object);
    if (status == DOZAN_OK) {
        dz_http_reply_json(write->request, good, object);
    } else if (status == DOZAN_INVALID_ARGUMENT && write->problems.count > 0) {
        refuse_problems(write);
    } else if (status == DOZAN_ALREADY_EXISTS) {
        dz_http_refuse(write->request, 409, "AlreadyExists", &write->err);
    } else if (status == DOZAN_UNIMPLEMENTED) {
        dz_http_refuse(write->request, 415, NULL, &write->err);
    } else if (status == DOZAN_NOT_FOUND && write->name == NULL) {
        dz_http_refuse(write->request, 400, NULL, &write->err); /* what the document names */
    } else {
        kube_fail(write->request, &kube_experiments, write->name, &write->err);
    }
    cJSON_Delete(write->submitted.document);
    dz_problems_fini(&write->problems);
}

/* All findings in one message, a line for each. Every line of a request's body is the first. */
static void refuse_problems(writing *write)
{
    char *message = NULL;
    dozan_buf text;
    dozan_buf_init(&text, KUBE_MESSAGE);
    for (size_t i = 0; i < write->problems.count; i++) {
        const dz_problem *problem = &write->problems.items[i];
        const char *place = problem->place != NULL ? problem->place : "";
        const char *path = strstr(place, ": ");
        if (strncmp(problem->message, "warning: ", 9) == 0)
            continue;
        dozan_buf_printf(&text, "%s%s%s%s", text.size > 0 ? "\n" : "", path != NULL ? path + 2 : "",
                         path != NULL ? ": " : "", problem->message);
    }
    message = dozan_buf_take(&text);
    dozan_buf_fini(&text);
    dz_http_reply_json(write->request, 400,
                       dz_http_status(400, NULL, message != NULL ? message : write->err.message));
    free(message);
}

/* What a client may say of an experiment: the rest of the metadata and the status are ours. */
static cJSON *to_submit(const cJSON *document)
{
    static const char *const theirs[] = {"name", "generateName", "namespace", "labels",
                                         "annotations"};
    dz_builder build = {false};
    cJSON *made = cJSON_Duplicate(document, true);
    cJSON *whole = cJSON_DetachItemFromObjectCaseSensitive(made, "metadata");
    cJSON_DeleteItemFromObjectCaseSensitive(made, "status");
    cJSON *metadata = dz_build_object(&build, made, "metadata");
    for (size_t i = 0; i < sizeof(theirs) / sizeof(theirs[0]); i++) {
        const cJSON *item = kube_member(whole, theirs[i]);
        if (item != NULL && !cJSON_IsNull(item))
            dz_build_copy(&build, metadata, theirs[i], item);
    }
    cJSON_Delete(whole);
    if (!build.failed)
        return made;
    cJSON_Delete(made);
    return NULL;
}

/* Submits or replaces. */
static dozan_status send(writing *write, const cJSON *document, int64_t expected)
{
    const dz_kube_config *config = &write->kube->config;
    cJSON *wanted = cJSON_IsObject(document) ? to_submit(document) : NULL;
    if (wanted == NULL)
        return cJSON_IsObject(document)
                   ? dozan_error_set(&write->err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory")
                   : dozan_error_set(&write->err, DOZAN_INVALID_ARGUMENT, NULL,
                                     "the body is no object");
    dozan_status status =
        kube_resolve_template(write->kube, write->namespace_, wanted, &write->err);
    char *text = status == DOZAN_OK ? cJSON_PrintUnformatted(wanted) : NULL;
    cJSON_Delete(wanted);
    if (status == DOZAN_OK && text == NULL)
        status = dozan_error_set(&write->err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    if (status == DOZAN_OK && text != NULL) {
        dz_submission submission = {.namespace_ = write->namespace_,
                                    .source_name = "request",
                                    .source = text,
                                    .source_size = strlen(text),
                                    .dry_run = write->dry};
        status = write->name == NULL
                     ? config->calls.submit(config->service, &submission, &write->submitted,
                                            &write->problems, &write->err)
                     : config->calls.replace(config->service, &submission, write->name, expected,
                                             &write->submitted, &write->problems, &write->err);
    }
    cJSON_free(text);
    return status;
}

/* As it is stored now; of a dry run, what was checked. */
static dozan_status answer_object(writing *write, cJSON **object)
{
    dz_experiment *experiment = NULL;
    if (write->submitted.experiment_id == 0) {
        *object = write->submitted.document;
        write->submitted.document = NULL;
        return DOZAN_OK;
    }
    dozan_status status =
        dz_store_load_id(write->store, write->submitted.experiment_id, &experiment, &write->err);
    if (status == DOZAN_OK)
        status = kube_build(write->store, &(kube_item){&kube_experiments, experiment, NULL}, object,
                            &write->err);
    dz_experiment_destroy(experiment);
    return status;
}

static dozan_status version_of(const cJSON *document, int64_t *version, dozan_error *err)
{
    const char *text = kube_text(kube_member(document, "metadata"), "resourceVersion");
    char *end = NULL;
    *version = 0;
    if (text == NULL || *text == '\0')
        return DOZAN_OK;
    errno = 0;
    *version = strtoll(text, &end, 10);
    if (errno == 0 && *end == '\0' && *version >= 0)
        return DOZAN_OK;
    return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "metadata.resourceVersion",
                           "must be an unsigned integer");
}

/* ---- patches ---- */

static dozan_status patch_once(writing *write, const cJSON *patch, kube_media media, bool *created,
                               int64_t *used)
{
    cJSON *object = NULL, *patched = NULL;
    dozan_status status = current(write, &object);
    if (status == DOZAN_NOT_FOUND && media == KUBE_APPLY) { /* what is applied is made */
        const char *name = write->name;
        patched = cJSON_Duplicate(patch, true);
        status = patched != NULL ? mark_manager(write, patched) : DOZAN_RESOURCE_EXHAUSTED;
        write->name = NULL;
        if (status == DOZAN_OK)
            status = send(write, patched, 0);
        write->name = name;
        *created = status == DOZAN_OK;
        *used = 0;
        cJSON_Delete(patched);
        return status;
    }
    if (status == DOZAN_OK && *used == 0)
        status = version_of(object, used, &write->err);
    if (status == DOZAN_OK)
        status = apply(write, object, &patched, patch, media);
    if (status == DOZAN_OK)
        status = send(write, patched, *used);
    if (patched != object)
        cJSON_Delete(object);
    cJSON_Delete(patched);
    return status;
}

static dozan_status current(writing *write, cJSON **object)
{
    dz_experiment *experiment = NULL;
    dozan_status status =
        dz_store_load_in(write->store, write->namespace_, write->name, &experiment, &write->err);
    if (status == DOZAN_OK)
        status = kube_build(write->store, &(kube_item){&kube_experiments, experiment, NULL}, object,
                            &write->err);
    dz_experiment_destroy(experiment);
    return status;
}

/* *patched is `object`, changed, or a new one in its place. */
static dozan_status apply(writing *write, cJSON *object, cJSON **patched, const cJSON *patch,
                          kube_media media)
{
    *patched = object;
    if (media == KUBE_JSON_PATCH) {
        dozan_status status = kube_json_patch(patched, patch, &write->err);
        if (status == DOZAN_ABORTED) /* a test: the same again would fail again */
            status = write->err.code = DOZAN_INVALID_ARGUMENT;
        return status;
    }
    if (!kube_merge_patch(object, patch))
        return dozan_error_set(&write->err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    return media == KUBE_APPLY ? mark_manager(write, object) : DOZAN_OK;
}

/* Who has applied it last is an annotation. */
static dozan_status mark_manager(writing *write, cJSON *document)
{
    dz_builder build = {false};
    cJSON *metadata = kube_member(document, "metadata");
    if (!cJSON_IsObject(metadata))
        return dozan_error_set(&write->err, DOZAN_INVALID_ARGUMENT, "metadata", "is missing");
    cJSON *annotations = kube_member(metadata, "annotations");
    if (annotations == NULL)
        annotations = dz_build_object(&build, metadata, "annotations");
    cJSON_DeleteItemFromObjectCaseSensitive(annotations, MANAGER);
    dz_build_text(&build, annotations, MANAGER, dz_http_query(write->request, "fieldManager"));
    return build.failed
               ? dozan_error_set(&write->err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory")
               : DOZAN_OK;
}

/* ---- deletion ---- */

/* From the body, where there is one, and the query. */
static dozan_status read_options(dz_http_request *request, cJSON **options, bool *dry,
                                 dozan_error *err)
{
    dozan_status status = DOZAN_OK;
    if (request->body_size > 0)
        status = kube_body(request, options, err);
    if (status == DOZAN_UNIMPLEMENTED && err != NULL)
        err->code = status = DOZAN_INVALID_ARGUMENT;
    if (status == DOZAN_OK)
        status = kube_dry_run(request, *options, dry, err);
    const char *policy = dz_http_query(request, "propagationPolicy");
    if (policy == NULL)
        policy = kube_text(*options, "propagationPolicy");
    if (status == DOZAN_OK && policy != NULL && strcmp(policy, "Foreground") != 0 &&
        strcmp(policy, "Background") != 0)
        status = dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "propagationPolicy",
                                 "has to be Foreground or Background: an experiment's trials are "
                                 "deleted with it");
    return status;
}

static dozan_status remove_one(dz_kube *kube, dz_store *store, const char *namespace_,
                               const char *name, const cJSON *options, bool dry, char uid[64],
                               dozan_error *err)
{
    const cJSON *conditions = kube_member(options, "preconditions");
    const char *expected = kube_text(conditions, "uid");
    const char *version = kube_text(conditions, "resourceVersion");
    char now[KUBE_VERSION_TEXT];
    dz_experiment *experiment = NULL;
    dozan_status status = dz_store_load_in(store, namespace_, name, &experiment, err);
    if (status != DOZAN_OK)
        return status;
    (void)snprintf(uid, 64, "%s", experiment->uid);
    (void)snprintf(now, sizeof(now), "%lld", (long long)experiment->version);
    dz_experiment_destroy(experiment);
    if (expected != NULL && strcmp(expected, uid) != 0)
        return dozan_error_set(err, DOZAN_ABORTED, NULL,
                               "Precondition failed: UID in precondition: %.60s, UID in object "
                               "meta: %s",
                               expected, uid);
    if (version != NULL && strcmp(version, now) != 0)
        return dozan_error_set(err, DOZAN_ABORTED, NULL,
                               "Precondition failed: ResourceVersion in precondition: %.30s, "
                               "ResourceVersion in object meta: %s",
                               version, now);
    if (dry)
        return DOZAN_OK;
    return kube->config.calls.remove(kube->config.service, namespace_, name, uid, NULL, err);
}

static bool collect_name(void *user, const dz_experiment *experiment)
{
    names *found = user;
    kube_item item = {&kube_experiments, experiment, NULL};
    if (!kube_selector_fits(&found->selector, &item))
        return true;
    if (found->count == found->capacity) {
        size_t wanted = found->capacity * 2 + 16;
        char **grown = reallocarray(found->items, wanted, sizeof(*grown));
        if (grown == NULL || found->count >= NAMES_AT_ONCE) {
            found->items = grown != NULL ? grown : found->items;
            found->failed = true;
            return false;
        }
        found->items = grown;
        found->capacity = wanted;
    }
    found->items[found->count] = strdup(experiment->spec->name);
    found->failed = found->items[found->count] == NULL;
    found->count += !found->failed;
    return !found->failed;
}
