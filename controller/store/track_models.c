/*
 * Logged models: what a run has made and keeps for itself, before any of it is registered.
 */
#include "store/track_parts.h"

#include <string.h>

static dozan_status write_metrics(dz_track *track, int64_t model, dz_json *out, dozan_error *err);
static dozan_status write_info(dz_track *track, int64_t id, dz_json *out, dozan_error *err);

dozan_status track_find_model(dz_track *track, const char *uuid, int64_t *id, dozan_error *err)
{
    bool found = false;
    track_query query =
        track_ask(track, "SELECT id FROM track_models WHERE uuid = ? AND deleted = 0", "s", uuid);
    if (track_step(&query)) {
        found = true;
        *id = track_int(&query, 0);
    }
    dozan_status status = track_end(&query, err);
    if (status == DOZAN_OK && !found)
        return dozan_error_set(err, DOZAN_NOT_FOUND, NULL,
                               "Logged model with ID '%.64s' not found.", uuid);
    return status;
}

dozan_status track_write_model(dz_track *track, int64_t id, const char *name, dz_json *out,
                               dozan_error *err)
{
    dz_json_open(out, name, '{');
    dz_json_open(out, "info", '{');
    dozan_status status = write_info(track, id, out, err);
    if (status == DOZAN_OK)
        status = track_write_pairs(track, TRACK_MODEL_TAG, id, "tags", out, err);
    dz_json_close(out, '}');
    dz_json_open(out, "data", '{');
    if (status == DOZAN_OK)
        status = track_write_pairs(track, TRACK_MODEL_PARAM, id, "params", out, err);
    if (status == DOZAN_OK)
        status = write_metrics(track, id, out, err);
    dz_json_close(out, '}');
    dz_json_close(out, '}');
    return status;
}

static dozan_status write_info(dz_track *track, int64_t id, dz_json *out, dozan_error *err)
{
    track_query query =
        track_ask(track,
                  "SELECT uuid, experiment, name, created_ms, updated_ms, location, status, "
                  "model_type, source_run FROM track_models WHERE id = ?",
                  "i", id);
    if (track_step(&query)) {
        dz_json_text(out, "model_id", track_text(&query, 0));
        dz_json_text(out, "experiment_id", track_text(&query, 1));
        dz_json_text(out, "name", track_text(&query, 2));
        dz_json_int(out, "creation_timestamp_ms", track_int(&query, 3));
        dz_json_int(out, "last_updated_timestamp_ms", track_int(&query, 4));
        dz_json_text(out, "artifact_uri", track_text(&query, 5));
        dz_json_text(out, "status", track_text(&query, 6));
        dz_json_text(out, "model_type", track_text(&query, 7));
        dz_json_text(out, "source_run_id", track_text(&query, 8));
    }
    return track_end(&query, err);
}

static dozan_status write_metrics(dz_track *track, int64_t model, dz_json *out, dozan_error *err)
{
    bool any = false;
    track_query query = track_ask(track,
                                  "SELECT key, value, is_nan, at_ms, step, dataset, digest, run, "
                                  "m.uuid FROM track_latest JOIN track_models m ON m.id = owner "
                                  "WHERE kind = 2 AND owner = ?",
                                  "i", model);
    for (; track_step(&query); any = true) {
        if (!any)
            dz_json_open(out, "metrics", '[');
        dz_json_open(out, NULL, '{');
        dz_json_text(out, "key", track_text(&query, 0));
        if (track_int(&query, 2) != 0)
            dz_json_text(out, "value", "NaN");
        else
            dz_json_double(out, "value", track_double(&query, 1));
        dz_json_int(out, "timestamp", track_int(&query, 3));
        dz_json_int(out, "step", track_int(&query, 4));
        if (*track_text(&query, 5) != '\0')
            dz_json_text(out, "dataset_name", track_text(&query, 5));
        if (*track_text(&query, 6) != '\0')
            dz_json_text(out, "dataset_digest", track_text(&query, 6));
        dz_json_text(out, "run_id", track_text(&query, 7));
        dz_json_text(out, "model_id", track_text(&query, 8));
        dz_json_close(out, '}');
    }
    if (any)
        dz_json_close(out, ']');
    return track_end(&query, err);
}

dozan_status dz_track_model_create(dz_track *track, const cJSON *arguments, dz_json *out,
                                   dozan_error *err)
{
    const char *name = track_arg(arguments, "name");
    char uuid[TRACK_UUID];
    int64_t experiment = 0;
    dozan_status status =
        track_find_experiment(track, track_arg(arguments, "experiment_id"), true, &experiment, err);
    if (status == DOZAN_OK)
        status = track_new_uuid("m-", uuid, err);
    if (status == DOZAN_OK)
        status = track_run(
            track, err,
            "INSERT INTO track_models (uuid, experiment, name, location, created_ms, updated_ms, "
            "status, model_type, source_run) SELECT ?1, id, ?3, location || '/models/' || ?1 || "
            "'/artifacts', ?4, ?4, 'LOGGED_MODEL_PENDING', ?5, ?6 FROM track_experiments WHERE id "
            "= ?2",
            "sisiss", uuid, experiment, name != NULL && *name != '\0' ? name : uuid, track_now_ms(),
            track_arg(arguments, "model_type"), track_arg(arguments, "source_run_id"));
    int64_t id = track_last_id(track);
    if (status == DOZAN_OK)
        status =
            track_set_pairs(track, TRACK_MODEL_PARAM, id, track_arg_list(arguments, "params"), err);
    if (status == DOZAN_OK)
        status =
            track_set_pairs(track, TRACK_MODEL_TAG, id, track_arg_list(arguments, "tags"), err);
    return status == DOZAN_OK ? track_write_model(track, id, "model", out, err) : status;
}

dozan_status dz_track_model_get(dz_track *track, const cJSON *arguments, dz_json *out,
                                dozan_error *err)
{
    int64_t id = 0;
    dozan_status status = track_find_model(track, track_arg(arguments, "model_id"), &id, err);
    return status == DOZAN_OK ? track_write_model(track, id, "model", out, err) : status;
}

dozan_status dz_track_model_finalize(dz_track *track, const cJSON *arguments, dz_json *out,
                                     dozan_error *err)
{
    int64_t id = 0;
    dozan_status status = track_find_model(track, track_arg(arguments, "model_id"), &id, err);
    if (status == DOZAN_OK)
        status =
            track_run(track, err, "UPDATE track_models SET status = ?, updated_ms = ? WHERE id = ?",
                      "sii", track_arg(arguments, "status"), track_now_ms(), id);
    return status == DOZAN_OK ? track_write_model(track, id, "model", out, err) : status;
}

dozan_status dz_track_model_delete(dz_track *track, const cJSON *arguments, dz_json *out,
                                   dozan_error *err)
{
    int64_t id = 0;
    (void)out;
    dozan_status status = track_find_model(track, track_arg(arguments, "model_id"), &id, err);
    if (status == DOZAN_OK)
        status = track_run(track, err,
                           "UPDATE track_models SET deleted = 1, updated_ms = ? WHERE id = ?", "ii",
                           track_now_ms(), id);
    return status;
}

dozan_status dz_track_model_set_tags(dz_track *track, const cJSON *arguments, dz_json *out,
                                     dozan_error *err)
{
    int64_t id = 0;
    dozan_status status = track_find_model(track, track_arg(arguments, "model_id"), &id, err);
    if (status == DOZAN_OK)
        status =
            track_set_pairs(track, TRACK_MODEL_TAG, id, track_arg_list(arguments, "tags"), err);
    return status == DOZAN_OK ? track_write_model(track, id, "model", out, err) : status;
}

dozan_status dz_track_model_delete_tag(dz_track *track, const cJSON *arguments, dz_json *out,
                                       dozan_error *err)
{
    const char *key = track_arg(arguments, "tag_key");
    int64_t id = 0;
    bool found = false;
    (void)out;
    dozan_status status = track_find_model(track, track_arg(arguments, "model_id"), &id, err);
    if (status == DOZAN_OK)
        status = track_delete_pair(track, TRACK_MODEL_TAG, id, key, &found, err);
    if (status == DOZAN_OK && !found)
        return dozan_error_set(err, DOZAN_NOT_FOUND, NULL, "No tag with key '%.250s' found.", key);
    return status;
}

dozan_status dz_track_model_log_params(dz_track *track, const cJSON *arguments, dz_json *out,
                                       dozan_error *err)
{
    int64_t id = 0;
    (void)out;
    dozan_status status = track_find_model(track, track_arg(arguments, "model_id"), &id, err);
    if (status == DOZAN_OK)
        status =
            track_set_pairs(track, TRACK_MODEL_PARAM, id, track_arg_list(arguments, "params"), err);
    return status;
}
