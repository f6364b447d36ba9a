/*
 * Experiments: those of MLflow's client. One that is deleted keeps its name and its runs.
 */
#include "store/track_parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static dozan_status touch(dz_track *track, int64_t id, dozan_error *err);
static dozan_status set_deleted(dz_track *track, const cJSON *arguments, bool deleted,
                                dozan_error *err);

dozan_status track_find_experiment(dz_track *track, const char *id, bool active, int64_t *number,
                                   dozan_error *err)
{
    bool found = false, deleted = false;
    track_query query = track_ask(
        track, "SELECT id, deleted FROM track_experiments WHERE id = ?1 AND ?1 NOT GLOB '*[^0-9]*'",
        "s", id);
    if (track_step(&query)) {
        found = true;
        *number = track_int(&query, 0);
        deleted = track_int(&query, 1) != 0;
    }
    dozan_status status = track_end(&query, err);
    if (status != DOZAN_OK)
        return status;
    if (!found)
        return dozan_error_set(err, DOZAN_NOT_FOUND, NULL, "No Experiment with id=%.64s exists",
                               id != NULL ? id : "");
    if (deleted && active)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, NULL,
                               "The experiment %s must be in the 'active' state. Current state is "
                               "deleted.",
                               id);
    return DOZAN_OK;
}

dozan_status track_write_experiment(dz_track *track, int64_t id, const char *name, dz_json *out,
                                    dozan_error *err)
{
    track_query query = track_ask(track,
                                  "SELECT id, name, location, deleted, created_ms, updated_ms FROM "
                                  "track_experiments WHERE id = ?",
                                  "i", id);
    dz_json_open(out, name, '{');
    if (track_step(&query)) {
        dz_json_text(out, "experiment_id", track_text(&query, 0));
        dz_json_text(out, "name", track_text(&query, 1));
        dz_json_text(out, "artifact_location", track_text(&query, 2));
        dz_json_text(out, "lifecycle_stage", track_int(&query, 3) != 0 ? "deleted" : "active");
        dz_json_int(out, "creation_time", track_int(&query, 4));
        dz_json_int(out, "last_update_time", track_int(&query, 5));
    }
    dozan_status status = track_end(&query, err);
    if (status == DOZAN_OK)
        status = track_write_pairs(track, TRACK_EXPERIMENT_TAG, id, "tags", out, err);
    dz_json_close(out, '}');
    return status;
}

dozan_status dz_track_experiment_create(dz_track *track, const cJSON *arguments, dz_json *out,
                                        dozan_error *err)
{
    const char *name = track_arg(arguments, "name");
    const char *location = track_arg(arguments, "artifact_location");
    int64_t now = track_now_ms(), id;
    char text[24];
    dozan_status status =
        track_run(track, err,
                  "INSERT INTO track_experiments (name, location, created_ms, updated_ms) VALUES "
                  "(?1, ?2, ?3, ?3) ON CONFLICT DO NOTHING",
                  "ssi", name, location != NULL ? location : "", now);
    if (status != DOZAN_OK)
        return status;
    if (track_changes(track) == 0)
        return dozan_error_set(err, DOZAN_ALREADY_EXISTS, NULL,
                               "Experiment(name=%.300s) already exists; one that was deleted keeps "
                               "its name until it is renamed",
                               name);
    id = track_last_id(track);
    if (location == NULL || *location == '\0')
        status = track_run(track, err,
                           "UPDATE track_experiments SET location = 'mlflow-artifacts:/' || id "
                           "WHERE id = ?",
                           "i", id);
    if (status == DOZAN_OK)
        status = track_set_pairs(track, TRACK_EXPERIMENT_TAG, id, track_arg_list(arguments, "tags"),
                                 err);
    (void)snprintf(text, sizeof(text), "%" PRId64, id);
    dz_json_text(out, "experiment_id", text);
    return status;
}

dozan_status dz_track_experiment_get(dz_track *track, const cJSON *arguments, dz_json *out,
                                     dozan_error *err)
{
    int64_t id = 0;
    dozan_status status =
        track_find_experiment(track, track_arg(arguments, "experiment_id"), false, &id, err);
    return status == DOZAN_OK ? track_write_experiment(track, id, "experiment", out, err) : status;
}

dozan_status dz_track_experiment_by_name(dz_track *track, const cJSON *arguments, dz_json *out,
                                         dozan_error *err)
{
    const char *name = track_arg(arguments, "experiment_name");
    int64_t id = -1;
    track_query query =
        track_ask(track, "SELECT id FROM track_experiments WHERE name = ?", "s", name);
    if (track_step(&query))
        id = track_int(&query, 0);
    dozan_status status = track_end(&query, err);
    if (status != DOZAN_OK)
        return status;
    if (id < 0)
        return dozan_error_set(err, DOZAN_NOT_FOUND, NULL,
                               "Could not find experiment with name '%.300s'", name);
    return track_write_experiment(track, id, "experiment", out, err);
}

dozan_status dz_track_experiment_update(dz_track *track, const cJSON *arguments, dz_json *out,
                                        dozan_error *err)
{
    const char *name = track_arg(arguments, "new_name");
    int64_t id = 0;
    (void)out;
    dozan_status status =
        track_find_experiment(track, track_arg(arguments, "experiment_id"), true, &id, err);
    if (status != DOZAN_OK || name == NULL)
        return status;
    status = track_run(track, err,
                       "UPDATE OR IGNORE track_experiments SET name = ?1, updated_ms = ?2 WHERE "
                       "id = ?3",
                       "sii", name, track_now_ms(), id);
    if (status == DOZAN_OK && track_changes(track) == 0)
        return dozan_error_set(err, DOZAN_ALREADY_EXISTS, NULL,
                               "Experiment(name=%.300s) already exists", name);
    return status;
}

dozan_status dz_track_experiment_delete(dz_track *track, const cJSON *arguments, dz_json *out,
                                        dozan_error *err)
{
    (void)out;
    return set_deleted(track, arguments, true, err);
}

dozan_status dz_track_experiment_restore(dz_track *track, const cJSON *arguments, dz_json *out,
                                         dozan_error *err)
{
    (void)out;
    return set_deleted(track, arguments, false, err);
}

dozan_status dz_track_experiment_set_tag(dz_track *track, const cJSON *arguments, dz_json *out,
                                         dozan_error *err)
{
    int64_t id = 0;
    (void)out;
    dozan_status status =
        track_find_experiment(track, track_arg(arguments, "experiment_id"), true, &id, err);
    if (status == DOZAN_OK)
        status = track_set_pair(track, TRACK_EXPERIMENT_TAG, id, track_arg(arguments, "key"),
                                track_arg(arguments, "value"), err);
    return status == DOZAN_OK ? touch(track, id, err) : status;
}

dozan_status dz_track_experiment_delete_tag(dz_track *track, const cJSON *arguments, dz_json *out,
                                            dozan_error *err)
{
    const char *key = track_arg(arguments, "key");
    int64_t id = 0;
    bool found = false;
    (void)out;
    dozan_status status =
        track_find_experiment(track, track_arg(arguments, "experiment_id"), true, &id, err);
    if (status == DOZAN_OK)
        status = track_delete_pair(track, TRACK_EXPERIMENT_TAG, id, key, &found, err);
    if (status == DOZAN_OK && !found)
        return dozan_error_set(err, DOZAN_NOT_FOUND, NULL, "No tag with name: %.250s", key);
    return status == DOZAN_OK ? touch(track, id, err) : status;
}

static dozan_status touch(dz_track *track, int64_t id, dozan_error *err)
{
    return track_run(track, err, "UPDATE track_experiments SET updated_ms = ? WHERE id = ?", "ii",
                     track_now_ms(), id);
}

/* Its runs go and come with it. */
static dozan_status set_deleted(dz_track *track, const cJSON *arguments, bool deleted,
                                dozan_error *err)
{
    const char *text = track_arg(arguments, "experiment_id");
    int64_t id = 0;
    dozan_status status = track_find_experiment(track, text, deleted, &id, err);
    if (status == DOZAN_OK)
        status = track_run(track, err,
                           "UPDATE track_experiments SET deleted = ?1, updated_ms = ?2 WHERE "
                           "id = ?3 AND deleted != ?1",
                           "iii", (int64_t)deleted, track_now_ms(), id);
    if (status == DOZAN_OK && track_changes(track) == 0)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, NULL,
                               "The experiment %s must be in the 'deleted' state. Current state is "
                               "active.",
                               text);
    if (status == DOZAN_OK)
        status = track_run(track, err, "UPDATE track_runs SET deleted = ? WHERE experiment = ?",
                           "ii", (int64_t)deleted, id);
    return status;
}
