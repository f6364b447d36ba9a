/*
 * What the files of the Kubernetes API share: kinds, selectors, the making of objects, and the hub
 * of watches.
 */
#ifndef DZ_API_KUBE_PARTS_H
#define DZ_API_KUBE_PARTS_H

#include "api/build.h"
#include "api/http_stream.h"
#include "api/kube.h"
#include "api/resource.h"
#include "store/changes.h"

#include <pthread.h>

#define KUBE_GROUP "kubeflow.org"
#define KUBE_API "kubeflow.org/v1beta1"
#define KUBE_EXPERIMENT_LABEL "katib.kubeflow.org/experiment"
#define KUBE_TRIAL_LABEL "katib.kubeflow.org/trial"
#define KUBE_YAML_PATCH "application/apply-patch+yaml"

enum { KUBE_MESSAGE = 4096, KUBE_VERSION_TEXT = 24, KUBE_CELL = 64 };

typedef struct kube_kind {
    const char *plural, *singular, *kind;
    int store_kind; /* the rows whose changes are its changes */
    bool writable;
} kube_kind;

extern const kube_kind kube_experiments, kube_trials, kube_suggestions;
const kube_kind *kube_kind_of(const dz_http_request *request);

/* A row of the store, and what it is shown as. trial is NULL for experiments and suggestions. */
typedef struct kube_item {
    const kube_kind *kind;
    const dz_experiment *experiment;
    const dz_trial *trial;
} kube_item;

/* ---- kube_objects.c */

/* The whole object, with its uid, resourceVersion and generation. Owned. */
DOZAN_MUST_USE dozan_status kube_build(dz_store *store, const kube_item *item, cJSON **object,
                                       dozan_error *err);

/* Its metadata alone, with the conditions of its status: what a table is made with. NULL: no
 * memory. */
cJSON *kube_build_light(const kube_item *item);

/* A list object: apiVersion, kind, metadata with the version; `items` is its empty list. */
cJSON *kube_list_object(const char *api, const char *kind, int64_t version, cJSON **items);

const char *kube_item_name(const kube_item *item);
int64_t kube_item_version(const kube_item *item);
const char *kube_item_label(const kube_item *item, const char *name);

/* 404 with Kubernetes' sentence. */
void kube_not_found(dz_http_request *request, const char *plural, const char *name);
void kube_fail(dz_http_request *request, const kube_kind *kind, const char *name,
               const dozan_error *err);

/* ---- kube_selector.c */

enum { KUBE_MAX_TERMS = 16, KUBE_MAX_VALUES = 32 };

typedef struct kube_term {
    const char *key;
    const char *values[KUBE_MAX_VALUES];
    size_t count;
    bool negative; /* != and notin, which an absent key fits too; without values: !key */
} kube_term;

typedef struct kube_selector {
    kube_term labels[KUBE_MAX_TERMS];
    size_t label_count;
    kube_term fields[KUBE_MAX_TERMS];
    size_t field_count;
    char *label_text, *field_text; /* what the terms point into; owned */
} kube_selector;

/* From the query's labelSelector and fieldSelector. INVALID_ARGUMENT. kube_selector_fini in any
 * case. */
DOZAN_MUST_USE dozan_status kube_selector_read(const dz_http_request *request,
                                               kube_selector *selector, dozan_error *err);
void kube_selector_fini(kube_selector *selector);

/* Whether a value (NULL = the key is absent) fits. */
bool kube_term_fits(const kube_term *term, const char *value);
bool kube_selector_fits(const kube_selector *selector, const kube_item *item);

/* The one value that a label or field must have, or NULL. */
const char *kube_selector_label(const kube_selector *selector, const char *key);
const char *kube_selector_field(const kube_selector *selector, const char *key);

/* ---- kube_table.c */

/* Whether the client asks for a table. */
bool kube_wants_table(const dz_http_request *request);

/* A table with its columns; *rows is its empty list. `columns` false: for the later events of a
 * watch. */
cJSON *kube_table(const kube_kind *kind, int64_t version, bool columns, cJSON **rows);
void kube_table_row(dz_builder *build, cJSON *rows, const kube_item *item, int64_t now_ms);

/* ---- kube_patch.c: what is made of a document; each takes and frees nothing of its arguments */

/* RFC 7386. `target` is changed in place. */
DOZAN_MUST_USE bool kube_merge_patch(cJSON *target, const cJSON *patch);

/* RFC 6902. INVALID_ARGUMENT names the operation; ABORTED: a test has failed. */
DOZAN_MUST_USE dozan_status kube_json_patch(cJSON **target, const cJSON *patch, dozan_error *err);

/* ---- kube_body.c */

typedef enum kube_media {
    KUBE_JSON,
    KUBE_YAML,
    KUBE_MERGE,
    KUBE_JSON_PATCH,
    KUBE_APPLY,
    KUBE_OTHER
} kube_media;

kube_media kube_body_media(const dz_http_request *request);

/* The body as a tree. Owned. INVALID_ARGUMENT; UNIMPLEMENTED: a media type that is not known (HTTP:
 * 415). */
DOZAN_MUST_USE dozan_status kube_body(const dz_http_request *request, cJSON **tree,
                                      dozan_error *err);

/* Whether dryRun is asked for, by the query or by options (may be NULL). INVALID_ARGUMENT. */
DOZAN_MUST_USE dozan_status kube_dry_run(const dz_http_request *request, const cJSON *options,
                                         bool *dry, dozan_error *err);

const char *kube_text(const cJSON *object, const char *name); /* a member that is a text, or NULL */
cJSON *kube_member(const cJSON *object, const char *name);    /* or NULL */

/* ---- kube_follow.c: watches, and logs that are followed */

typedef struct kube_hub kube_hub;

typedef struct kube_watch {
    const kube_kind *kind;
    char *namespace_; /* NULL = all; owned */
    kube_selector selector;
    int64_t at; /* the version that it has been told of */
    bool table, bookmarks;
    bool told_columns;
    int64_t until_ms; /* monotonic */
    dz_http_stream *stream;
    struct kube_watch *next;
    int64_t bookmark_ms;
    bool over;
} kube_watch;

DOZAN_MUST_USE dozan_status kube_hub_create(dz_kube *kube, kube_hub **hub, dozan_error *err);
void kube_hub_destroy(kube_hub *hub);
void kube_hub_wake(kube_hub *hub);
void kube_hub_watch(kube_hub *hub, kube_watch *watch); /* takes it */

typedef struct kube_log {
    char *folder, *trial, *namespace_; /* folder: of the experiment; owned */
    int64_t experiment_id, number;
    int32_t attempt;
    int file; /* -1 = not there yet */
    bool ended;
    bool fixed; /* to one attempt */
    dz_http_stream *stream;
    struct kube_log *next;
    int64_t version; /* of the store, when the trial was last looked at */
} kube_log;

void kube_hub_follow(kube_hub *hub, kube_log *log); /* takes it */
void kube_log_destroy(kube_log *log);
void kube_watch_destroy(kube_watch *watch);

/* Writes one event into a watch's stream; false when it is over. */
bool kube_watch_tell(kube_watch *watch, const char *type, cJSON *object); /* takes the object */
bool kube_watch_item(kube_watch *watch, dz_store *store, const char *type, const kube_item *item);
bool kube_watch_bookmark(kube_watch *watch, bool initial);

/* ---- kube.c */

struct dz_kube {
    dz_kube_config config;
    dz_store **stores; /* [config.workers]: each opened when its worker first reads */
    kube_hub *hub;
    pthread_mutex_t objects_lock; /* guards objects */
    dz_store *objects;            /* for writing; NULL until it is needed */
};

/* The store of the thread that a request runs on. */
DOZAN_MUST_USE dozan_status kube_store(dz_kube *kube, const dz_http_request *request,
                                       dz_store **store, dozan_error *err);
int64_t kube_wall_ms(void);

/* ---- handlers */

dz_http_handler kube_get, kube_list, kube_create, kube_replace, kube_patch, kube_delete,
    kube_delete_collection, kube_status_refused;
dz_http_handler kube_version, kube_api_versions, kube_api_groups, kube_api_group,
    kube_core_resources, kube_group_resources, kube_openapi_v2, kube_openapi_v3,
    kube_openapi_v3_group;
dz_http_handler kube_namespaces, kube_namespace, kube_namespace_create, kube_namespace_delete,
    kube_events, kube_pods, kube_pod, kube_pod_log, kube_config_maps, kube_config_map,
    kube_config_map_create, kube_config_map_replace, kube_config_map_delete, kube_config_map_patch,
    kube_claim_create, kube_claims, kube_claim;

/* kube_core.c: puts the template of a ConfigMap where trialTemplate.configMap names it. */
DOZAN_MUST_USE dozan_status kube_resolve_template(dz_kube *kube, const char *namespace_,
                                                  cJSON *document, dozan_error *err);

#endif
