/*
 * The table of MLflow's calls: what each is named, takes, and does.
 */
#include "mlflow/parts.h"

#include <string.h>

enum {
    KEY = 250,
    RUN_TAG = 8000,
    PARAM = 6000,
    TAG = 20000,
    VERSION_TAG = 100000,
    BATCH = 1000,
    PARAMS = 100,
    NAME = 500,
    LOCATION = 2048,
    ID = 64
};

#define REQUIRED DZ_FIELD_REQUIRED
#define END                                                                                        \
    {                                                                                              \
        NULL, DZ_FIELD_TEXT, 0, 0, 0, NULL                                                         \
    }
#define TEXT(name, rules, max)                                                                     \
    {                                                                                              \
        name, DZ_FIELD_TEXT, rules, 0, max, NULL                                                   \
    }
#define INT(name, rules, min, max)                                                                 \
    {                                                                                              \
        name, DZ_FIELD_INT, rules, min, max, NULL                                                  \
    }
#define LIST(name, rules, max, fields)                                                             \
    {                                                                                              \
        name, DZ_FIELD_OBJECTS, rules, 0, max, fields                                              \
    }
#define TEXTS(name, rules, max)                                                                    \
    {                                                                                              \
        name, DZ_FIELD_TEXTS, rules, 0, max, NULL                                                  \
    }
#define RUN TEXT("run_id", REQUIRED | DZ_FIELD_RUN, ID), TEXT("run_uuid", 0, ID)
#define EXPERIMENT TEXT("experiment_id", REQUIRED | DZ_FIELD_FILLED, ID)
#define ENTITY_KEY TEXT("key", REQUIRED | DZ_FIELD_ENTITY, KEY)
#define MODEL TEXT("name", REQUIRED | DZ_FIELD_FILLED, NAME)
#define VERSION TEXT("version", REQUIRED | DZ_FIELD_FILLED, ID)
#define PAGE(max) INT("max_results", 0, 1, max), TEXT("page_token", 0, NAME)
#define FILTER                                                                                     \
    TEXT("filter", 0, 0),                                                                          \
    {                                                                                              \
        "order_by", DZ_FIELD_ANY, 0, 0, 0, NULL                                                    \
    }
#define EXPERIMENTS TEXTS("experiment_ids", 0, 0)
#define METRIC_FIELDS                                                                              \
    ENTITY_KEY, {"value", DZ_FIELD_DOUBLE, REQUIRED, 0, 0, NULL},                                  \
        INT("timestamp", REQUIRED, 0, 0), INT("step", 0, 0, 0), TEXT("model_id", 0, ID),           \
        TEXT("dataset_name", 0, NAME), TEXT("dataset_digest", 0, ID)

static const dz_field loose_pair[] = {TEXT("key", REQUIRED | DZ_FIELD_FILLED, KEY),
                                      TEXT("value", 0, VERSION_TAG), END};
static const dz_field run_tag[] = {ENTITY_KEY, TEXT("value", 0, RUN_TAG), END};
static const dz_field param[] = {ENTITY_KEY, TEXT("value", DZ_FIELD_CUT, PARAM), END};
static const dz_field metric[] = {METRIC_FIELDS, END};
static const dz_field dataset[] = {TEXT("name", REQUIRED | DZ_FIELD_FILLED, NAME),
                                   TEXT("digest", REQUIRED | DZ_FIELD_FILLED, 36),
                                   TEXT("source_type", REQUIRED, 0),
                                   TEXT("source", REQUIRED, 0),
                                   TEXT("schema", 0, 1 << 20),
                                   TEXT("profile", 0, 1 << 24),
                                   END};
static const dz_field input[] = {
    {"dataset", DZ_FIELD_OBJECT, REQUIRED, 0, 0, dataset}, LIST("tags", 0, 0, loose_pair), END};
static const dz_field model_use[] = {TEXT("model_id", REQUIRED | DZ_FIELD_FILLED, ID),
                                     INT("step", 0, 0, 0), END};

static const dz_field experiment_create[] = {TEXT("name", REQUIRED | DZ_FIELD_FILLED, NAME),
                                             TEXT("artifact_location", 0, LOCATION),
                                             LIST("tags", 0, 0, loose_pair), END};
static const dz_field experiment_name[] = {
    TEXT("experiment_name", REQUIRED | DZ_FIELD_FILLED, NAME), END};
static const dz_field experiment_id[] = {EXPERIMENT, END};
static const dz_field experiment_update[] = {EXPERIMENT, TEXT("new_name", DZ_FIELD_FILLED, NAME),
                                             END};
static const dz_field experiment_tag[] = {EXPERIMENT, ENTITY_KEY, TEXT("value", REQUIRED, TAG),
                                          END};
static const dz_field experiment_tag_key[] = {EXPERIMENT, ENTITY_KEY, END};
static const dz_field search_experiments[] = {PAGE(50000), FILTER, TEXT("view_type", 0, ID), END};

static const dz_field run_create[] = {TEXT("experiment_id", 0, ID), TEXT("user_id", 0, NAME),
                                      TEXT("run_name", 0, NAME),    INT("start_time", 0, 0, 0),
                                      LIST("tags", 0, 0, run_tag),  END};
static const dz_field run_id[] = {RUN, END};
static const dz_field run_update[] = {RUN, TEXT("status", DZ_FIELD_STATUS, ID),
                                      INT("end_time", 0, 0, 0), TEXT("run_name", 0, NAME), END};
static const dz_field run_set_tag[] = {RUN, ENTITY_KEY, TEXT("value", 0, RUN_TAG), END};
static const dz_field run_tag_key[] = {RUN, ENTITY_KEY, END};
static const dz_field log_param[] = {RUN, ENTITY_KEY, TEXT("value", DZ_FIELD_CUT, PARAM), END};
static const dz_field log_metric[] = {RUN, METRIC_FIELDS, END};
static const dz_field log_batch[] = {RUN, LIST("metrics", 0, BATCH, metric),
                                     LIST("params", 0, PARAMS, param),
                                     LIST("tags", 0, PARAMS, run_tag), END};
static const dz_field log_inputs[] = {RUN, LIST("datasets", 0, BATCH, input),
                                      LIST("models", 0, BATCH, model_use), END};
static const dz_field log_outputs[] = {RUN, LIST("models", 0, BATCH, model_use), END};
static const dz_field log_model[] = {RUN, TEXT("model_json", REQUIRED, 1 << 20), END};
static const dz_field search_runs[] = {EXPERIMENTS, PAGE(50000), FILTER,
                                       TEXT("run_view_type", 0, ID), END};
static const dz_field search_datasets[] = {EXPERIMENTS, END};
static const dz_field history[] = {RUN, TEXT("metric_key", REQUIRED | DZ_FIELD_FILLED, KEY),
                                   PAGE(1 << 30), END};
static const dz_field bulk[] = {TEXTS("run_id", 0, 0), TEXT("metric_key", 0, KEY),
                                INT("max_results", 0, 1, 1 << 30), END};
static const dz_field interval[] = {
    TEXTS("run_ids", REQUIRED, 0),  TEXT("metric_key", REQUIRED | DZ_FIELD_FILLED, KEY),
    INT("max_results", 0, 1, 2500), INT("start_step", 0, 0, 0),
    INT("end_step", 0, 0, 0),       END};

static const dz_field model_create[] = {EXPERIMENT,
                                        TEXT("name", 0, NAME),
                                        TEXT("model_type", 0, NAME),
                                        TEXT("source_run_id", 0, ID),
                                        LIST("params", 0, 0, loose_pair),
                                        LIST("tags", 0, 0, loose_pair),
                                        END};
static const dz_field model_id[] = {TEXT("model_id", REQUIRED | DZ_FIELD_FILLED, ID), END};
static const dz_field model_finalize[] = {TEXT("model_id", REQUIRED | DZ_FIELD_FILLED, ID),
                                          TEXT("status", REQUIRED | DZ_FIELD_FILLED, ID), END};
static const dz_field model_tags[] = {TEXT("model_id", REQUIRED | DZ_FIELD_FILLED, ID),
                                      LIST("tags", 0, 0, loose_pair), END};
static const dz_field model_params[] = {TEXT("model_id", REQUIRED | DZ_FIELD_FILLED, ID),
                                        LIST("params", 0, 0, loose_pair), END};
static const dz_field model_data[] = {TEXT("dataset_name", REQUIRED | DZ_FIELD_FILLED, NAME),
                                      TEXT("dataset_digest", 0, ID), END};
static const dz_field search_models[] = {EXPERIMENTS, PAGE(1000), FILTER,
                                         LIST("datasets", 0, PARAMS, model_data), END};

static const dz_field registered_create[] = {TEXT("name", REQUIRED | DZ_FIELD_MODEL, NAME),
                                             TEXT("description", 0, PARAM),
                                             LIST("tags", 0, 0, loose_pair), END};
static const dz_field registered_name[] = {MODEL, END};
static const dz_field registered_rename[] = {
    MODEL, TEXT("new_name", REQUIRED | DZ_FIELD_MODEL, NAME), END};
static const dz_field registered_update[] = {MODEL, TEXT("description", 0, PARAM), END};
static const dz_field registered_tag[] = {MODEL, ENTITY_KEY, TEXT("value", REQUIRED, VERSION_TAG),
                                          END};
static const dz_field registered_tag_key[] = {MODEL, ENTITY_KEY, END};
static const dz_field registered_latest[] = {MODEL, TEXTS("stages", 0, 0), END};
static const dz_field search_registered[] = {PAGE(1000), FILTER, END};
static const dz_field alias_set[] = {MODEL, TEXT("alias", REQUIRED | DZ_FIELD_ALIAS, 255), VERSION,
                                     END};
static const dz_field alias_name[] = {MODEL, TEXT("alias", REQUIRED | DZ_FIELD_FILLED, 255), END};
static const dz_field version_create[] = {MODEL,
                                          TEXT("source", REQUIRED | DZ_FIELD_FILLED, LOCATION),
                                          TEXT("run_id", 0, ID),
                                          TEXT("run_link", 0, LOCATION),
                                          TEXT("description", 0, PARAM),
                                          TEXT("model_id", 0, ID),
                                          LIST("tags", 0, 0, loose_pair),
                                          END};
static const dz_field version_key[] = {MODEL, VERSION, END};
static const dz_field version_update[] = {MODEL, VERSION, TEXT("description", 0, PARAM), END};
static const dz_field version_stage[] = {
    MODEL,
    VERSION,
    TEXT("stage", REQUIRED | DZ_FIELD_FILLED, ID),
    {"archive_existing_versions", DZ_FIELD_BOOL, 0, 0, 0, NULL},
    END};
static const dz_field version_tag[] = {MODEL, VERSION, ENTITY_KEY,
                                       TEXT("value", REQUIRED, VERSION_TAG), END};
static const dz_field version_tag_key[] = {MODEL, VERSION, ENTITY_KEY, END};
static const dz_field search_versions[] = {PAGE(200000), FILTER, END};

static const mlflow_call calls[] = {
    {"POST", "runs/log-metric", dz_track_run_log_metric, true, log_metric},
    {"POST", "runs/log-batch", dz_track_run_log_batch, true, log_batch},
    {"POST", "runs/log-parameter", dz_track_run_log_param, true, log_param},
    {"POST", "runs/create", dz_track_run_create, true, run_create},
    {"GET", "runs/get", dz_track_run_get, false, run_id},
    {"POST", "runs/update", dz_track_run_update, true, run_update},
    {"POST", "runs/search", dz_track_run_search, false, search_runs},
    {"POST", "runs/set-tag", dz_track_run_set_tag, true, run_set_tag},
    {"POST", "runs/delete-tag", dz_track_run_delete_tag, true, run_tag_key},
    {"POST", "runs/delete", dz_track_run_delete, true, run_id},
    {"POST", "runs/restore", dz_track_run_restore, true, run_id},
    {"POST", "runs/log-inputs", dz_track_run_log_inputs, true, log_inputs},
    {"POST", "runs/outputs", dz_track_run_log_outputs, true, log_outputs},
    {"POST", "runs/log-model", dz_track_run_log_model, true, log_model},
    {"GET", "metrics/get-history", dz_track_history, false, history},
    {"GET", "metrics/get-history-bulk", dz_track_history_bulk, false, bulk},
    {"GET", "metrics/get-history-bulk-interval", dz_track_history_interval, false, interval},
    {"GET", "experiments/get", dz_track_experiment_get, false, experiment_id},
    {"GET", "experiments/get-by-name", dz_track_experiment_by_name, false, experiment_name},
    {"POST", "experiments/create", dz_track_experiment_create, true, experiment_create},
    {"POST", "experiments/search", dz_track_experiment_search, false, search_experiments},
    {"GET", "experiments/search", dz_track_experiment_search, false, search_experiments},
    {"POST", "experiments/search-datasets", dz_track_dataset_search, false, search_datasets},
    {"POST", "experiments/update", dz_track_experiment_update, true, experiment_update},
    {"POST", "experiments/delete", dz_track_experiment_delete, true, experiment_id},
    {"POST", "experiments/restore", dz_track_experiment_restore, true, experiment_id},
    {"POST", "experiments/set-experiment-tag", dz_track_experiment_set_tag, true, experiment_tag},
    {"POST", "experiments/delete-experiment-tag", dz_track_experiment_delete_tag, true,
     experiment_tag_key},
    {"POST", "logged-models/search", dz_track_model_search, false, search_models},
    {"POST", "logged-models", dz_track_model_create, true, model_create},
    {"GET", "logged-models/{model_id}", dz_track_model_get, false, model_id},
    {"PATCH", "logged-models/{model_id}", dz_track_model_finalize, true, model_finalize},
    {"DELETE", "logged-models/{model_id}", dz_track_model_delete, true, model_id},
    {"PATCH", "logged-models/{model_id}/tags", dz_track_model_set_tags, true, model_tags},
    {"DELETE", "logged-models/{model_id}/tags/{tag_key}", dz_track_model_delete_tag, true,
     model_id},
    {"POST", "logged-models/{model_id}/params", dz_track_model_log_params, true, model_params},
    {"POST", "registered-models/create", dz_track_registered_create, true, registered_create},
    {"GET", "registered-models/get", dz_track_registered_get, false, registered_name},
    {"POST", "registered-models/rename", dz_track_registered_rename, true, registered_rename},
    {"PATCH", "registered-models/update", dz_track_registered_update, true, registered_update},
    {"DELETE", "registered-models/delete", dz_track_registered_delete, true, registered_name},
    {"GET", "registered-models/search", dz_track_registered_search, false, search_registered},
    {"POST", "registered-models/set-tag", dz_track_registered_set_tag, true, registered_tag},
    {"DELETE", "registered-models/delete-tag", dz_track_registered_delete_tag, true,
     registered_tag_key},
    {"POST", "registered-models/get-latest-versions", dz_track_registered_latest, false,
     registered_latest},
    {"GET", "registered-models/get-latest-versions", dz_track_registered_latest, false,
     registered_latest},
    {"POST", "registered-models/alias", dz_track_alias_set, true, alias_set},
    {"DELETE", "registered-models/alias", dz_track_alias_delete, true, alias_name},
    {"GET", "registered-models/alias", dz_track_alias_get, false, alias_name},
    {"POST", "model-versions/create", dz_track_version_create, true, version_create},
    {"GET", "model-versions/get", dz_track_version_get, false, version_key},
    {"PATCH", "model-versions/update", dz_track_version_update, true, version_update},
    {"DELETE", "model-versions/delete", dz_track_version_delete, true, version_key},
    {"GET", "model-versions/search", dz_track_version_search, false, search_versions},
    {"GET", "model-versions/get-download-uri", dz_track_version_uri, false, version_key},
    {"POST", "model-versions/transition-stage", dz_track_version_stage, true, version_stage},
    {"POST", "model-versions/set-tag", dz_track_version_set_tag, true, version_tag},
    {"DELETE", "model-versions/delete-tag", dz_track_version_delete_tag, true, version_tag_key},
};

static bool fits(const char *pattern, const char *path, cJSON *arguments);

const mlflow_call *mlflow_find(const char *method, const char *path, cJSON *arguments)
{
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
        if (strcmp(calls[i].method, method) == 0 && fits(calls[i].path, path, NULL) &&
            fits(calls[i].path, path, arguments))
            return &calls[i];
    return NULL;
}

/* Compares, and with `arguments` puts there what stands for {NAME}; the last may hold slashes. */
static bool fits(const char *pattern, const char *path, cJSON *arguments)
{
    while (*pattern != '\0' && *path != '\0') {
        if (*pattern != '{') {
            if (*pattern++ != *path++)
                return false;
            continue;
        }
        size_t name = strcspn(pattern, "}") - 1;
        bool last = pattern[name + 2] == '\0';
        size_t value =
            last && strcmp(pattern, "{tag_key}") == 0 ? strlen(path) : strcspn(path, "/");
        if (value == 0)
            return false;
        char *key = arguments != NULL ? strndup(pattern + 1, name) : NULL;
        char *text = arguments != NULL ? strndup(path, value) : NULL;
        if (key != NULL && text != NULL) {
            cJSON_DeleteItemFromObjectCaseSensitive(arguments, key);
            (void)cJSON_AddStringToObject(arguments, key, text);
        }
        cJSON_free(key);
        cJSON_free(text);
        pattern += name + 2;
        path += value;
    }
    return *pattern == *path;
}
