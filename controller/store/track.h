/*
 * What is tracked with MLflow's client: experiments, runs, their params, metrics, tags and inputs,
 * logged models, and the registry of models. Kept in the one database, in tables of its own.
 *
 * Each call is one of MLflow's REST API: it takes the request's arguments, checked before for their
 * shape, and writes its members of the answer. A call that changes something runs inside a
 * transaction of its caller's (dz_track_begin, dz_track_end); one that fails has changed nothing.
 *
 * INVALID_ARGUMENT, NOT_FOUND and ALREADY_EXISTS are MLflow's INVALID_PARAMETER_VALUE,
 * RESOURCE_DOES_NOT_EXIST and RESOURCE_ALREADY_EXISTS.
 */
#ifndef DZ_STORE_TRACK_H
#define DZ_STORE_TRACK_H

#include "store/json_text.h"
#include "store/store.h"

typedef struct dz_track dz_track; /* a connection: one thread uses it at a time */

typedef dozan_status dz_track_call(dz_track *track, const cJSON *arguments, dz_json *out,
                                   dozan_error *err);

DOZAN_MUST_USE dozan_status dz_track_open(const char *path, dz_store_mode mode,
                                          dz_durability durability, dz_track **track,
                                          dozan_error *err);
void dz_track_close(dz_track *track);

/* A transaction, and one call in it: when it fails, what the others did stays. */
DOZAN_MUST_USE dozan_status dz_track_begin(dz_track *track, dozan_error *err);
DOZAN_MUST_USE dozan_status dz_track_end(dz_track *track, dozan_status status, dozan_error *err);
DOZAN_MUST_USE dozan_status dz_track_within(dz_track *track, dz_track_call *call,
                                            const cJSON *arguments, dz_json *out, dozan_error *err);

/* A snapshot for one call that only reads. */
DOZAN_MUST_USE dozan_status dz_track_read(dz_track *track, dz_track_call *call,
                                          const cJSON *arguments, dz_json *out, dozan_error *err);

/* ---- experiments */
dz_track_call dz_track_experiment_create, dz_track_experiment_get, dz_track_experiment_by_name,
    dz_track_experiment_update, dz_track_experiment_delete, dz_track_experiment_restore,
    dz_track_experiment_set_tag, dz_track_experiment_delete_tag, dz_track_experiment_search;

/* ---- runs */
dz_track_call dz_track_run_create, dz_track_run_get, dz_track_run_update, dz_track_run_delete,
    dz_track_run_restore, dz_track_run_set_tag, dz_track_run_delete_tag, dz_track_run_log_param,
    dz_track_run_log_metric, dz_track_run_log_batch, dz_track_run_log_inputs,
    dz_track_run_log_outputs, dz_track_run_log_model, dz_track_run_search, dz_track_dataset_search;
dz_track_call dz_track_history, dz_track_history_bulk, dz_track_history_interval;

/* ---- logged models */
dz_track_call dz_track_model_create, dz_track_model_get, dz_track_model_finalize,
    dz_track_model_delete, dz_track_model_set_tags, dz_track_model_delete_tag,
    dz_track_model_log_params, dz_track_model_search;

/* ---- the registry */
dz_track_call dz_track_registered_create, dz_track_registered_get, dz_track_registered_rename,
    dz_track_registered_update, dz_track_registered_delete, dz_track_registered_search,
    dz_track_registered_set_tag, dz_track_registered_delete_tag, dz_track_registered_latest,
    dz_track_alias_set, dz_track_alias_delete, dz_track_alias_get;
dz_track_call dz_track_version_create, dz_track_version_get, dz_track_version_update,
    dz_track_version_delete, dz_track_version_search, dz_track_version_stage,
    dz_track_version_set_tag, dz_track_version_delete_tag, dz_track_version_uri;

#endif
