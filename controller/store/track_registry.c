/*
 * The registry: models by name, and their aliases.
 */
#include "store/track_parts.h"

#include <string.h>

static dozan_status touch(dz_track *track, int64_t id, dozan_error *err);
static dozan_status write_aliases(dz_track *track, int64_t id, dz_json *out, dozan_error *err);
static dozan_status write_latest(dz_track *track, int64_t id, const cJSON *stages, const char *name,
                                 dz_json *out, dozan_error *err);

dozan_status track_find_registered(dz_track *track, const char *name, int64_t *id, dozan_error *err)
{
    bool found = false;
    track_query query =
        track_ask(track, "SELECT id FROM track_registered WHERE name = ?", "s", name);
    if (track_step(&query)) {
        found = true;
        *id = track_int(&query, 0);
    }
    dozan_status status = track_end(&query, err);
    if (status == DOZAN_OK && !found)
        return dozan_error_set(err, DOZAN_NOT_FOUND, NULL,
                               "Registered Model with name=%.250s not found", name);
    return status;
}

dozan_status track_write_registered(dz_track *track, int64_t id, const char *name, dz_json *out,
                                    dozan_error *err)
{
    track_query query = track_ask(
        track,
        "SELECT name, description, created_ms, updated_ms FROM track_registered WHERE id = ?", "i",
        id);
    dz_json_open(out, name, '{');
    if (track_step(&query)) {
        dz_json_text(out, "name", track_text(&query, 0));
        dz_json_text(out, "description", track_text(&query, 1));
        dz_json_int(out, "creation_timestamp", track_int(&query, 2));
        dz_json_int(out, "last_updated_timestamp", track_int(&query, 3));
    }
    dozan_status status = track_end(&query, err);
    if (status == DOZAN_OK)
        status = write_latest(track, id, NULL, "latest_versions", out, err);
    if (status == DOZAN_OK)
        status = track_write_pairs(track, TRACK_REGISTERED_TAG, id, "tags", out, err);
    if (status == DOZAN_OK)
        status = write_aliases(track, id, out, err);
    dz_json_close(out, '}');
    return status;
}

static dozan_status write_aliases(dz_track *track, int64_t id, dz_json *out, dozan_error *err)
{
    bool any = false;
    track_query query =
        track_ask(track, "SELECT alias, version FROM track_aliases WHERE model = ?", "i", id);
    for (; track_step(&query); any = true) {
        if (!any)
            dz_json_open(out, "aliases", '[');
        dz_json_open(out, NULL, '{');
        dz_json_text(out, "alias", track_text(&query, 0));
        dz_json_text(out, "version", track_text(&query, 1));
        dz_json_close(out, '}');
    }
    if (any)
        dz_json_close(out, ']');
    return track_end(&query, err);
}

/* The newest version in each stage; `stages` (may be NULL, for all) are texts. */
static dozan_status write_latest(dz_track *track, int64_t id, const cJSON *stages, const char *name,
                                 dz_json *out, dozan_error *err)
{
    dozan_status status = DOZAN_OK;
    bool any = false;
    char *bound = cJSON_GetArraySize(stages) > 0 ? cJSON_PrintUnformatted(stages) : NULL;
    track_query query = track_ask(
        track,
        "SELECT id FROM track_versions v WHERE model = ?1 AND version = (SELECT max(version) FROM "
        "track_versions w WHERE w.model = ?1 AND w.stage = v.stage) AND (?2 IS NULL OR stage "
        "COLLATE NOCASE IN (SELECT value FROM json_each(?2))) ORDER BY version",
        "is", id, bound);
    for (; status == DOZAN_OK && track_step(&query); any = true) {
        if (!any)
            dz_json_open(out, name, '[');
        status = track_write_version(track, track_int(&query, 0), NULL, out, err);
    }
    if (any)
        dz_json_close(out, ']');
    dozan_status ended = track_end(&query, status == DOZAN_OK ? err : NULL);
    cJSON_free(bound);
    return status == DOZAN_OK ? ended : status;
}

static dozan_status touch(dz_track *track, int64_t id, dozan_error *err)
{
    return track_run(track, err, "UPDATE track_registered SET updated_ms = ? WHERE id = ?", "ii",
                     track_now_ms(), id);
}

dozan_status dz_track_registered_create(dz_track *track, const cJSON *arguments, dz_json *out,
                                        dozan_error *err)
{
    const char *name = track_arg(arguments, "name");
    dozan_status status =
        track_run(track, err,
                  "INSERT INTO track_registered (name, description, created_ms, updated_ms) VALUES "
                  "(?1, ?2, ?3, ?3) ON CONFLICT DO NOTHING",
                  "ssi", name, track_arg(arguments, "description"), track_now_ms());
    if (status == DOZAN_OK && track_changes(track) == 0)
        return dozan_error_set(err, DOZAN_ALREADY_EXISTS, NULL,
                               "Registered Model (name=%.250s) already exists.", name);
    int64_t id = track_last_id(track);
    if (status == DOZAN_OK)
        status = track_set_pairs(track, TRACK_REGISTERED_TAG, id, track_arg_list(arguments, "tags"),
                                 err);
    return status == DOZAN_OK ? track_write_registered(track, id, "registered_model", out, err)
                              : status;
}

dozan_status dz_track_registered_get(dz_track *track, const cJSON *arguments, dz_json *out,
                                     dozan_error *err)
{
    int64_t id = 0;
    dozan_status status = track_find_registered(track, track_arg(arguments, "name"), &id, err);
    return status == DOZAN_OK ? track_write_registered(track, id, "registered_model", out, err)
                              : status;
}

dozan_status dz_track_registered_rename(dz_track *track, const cJSON *arguments, dz_json *out,
                                        dozan_error *err)
{
    const char *name = track_arg(arguments, "new_name");
    int64_t id = 0;
    dozan_status status = track_find_registered(track, track_arg(arguments, "name"), &id, err);
    if (status == DOZAN_OK)
        status = track_run(track, err,
                           "UPDATE OR IGNORE track_registered SET name = ?, updated_ms = ? WHERE "
                           "id = ?",
                           "sii", name, track_now_ms(), id);
    if (status == DOZAN_OK && track_changes(track) == 0)
        return dozan_error_set(err, DOZAN_ALREADY_EXISTS, NULL,
                               "Registered Model (name=%.250s) already exists.", name);
    return status == DOZAN_OK ? track_write_registered(track, id, "registered_model", out, err)
                              : status;
}

dozan_status dz_track_registered_update(dz_track *track, const cJSON *arguments, dz_json *out,
                                        dozan_error *err)
{
    int64_t id = 0;
    dozan_status status = track_find_registered(track, track_arg(arguments, "name"), &id, err);
    if (status == DOZAN_OK)
        status = track_run(track, err,
                           "UPDATE track_registered SET description = ?, updated_ms = ? WHERE id = "
                           "?",
                           "sii", track_arg(arguments, "description"), track_now_ms(), id);
    return status == DOZAN_OK ? track_write_registered(track, id, "registered_model", out, err)
                              : status;
}

dozan_status dz_track_registered_delete(dz_track *track, const cJSON *arguments, dz_json *out,
                                        dozan_error *err)
{
    int64_t id = 0;
    (void)out;
    dozan_status status = track_find_registered(track, track_arg(arguments, "name"), &id, err);
    if (status == DOZAN_OK)
        status = track_run(track, err,
                           "DELETE FROM track_pairs WHERE kind = 7 AND owner IN (SELECT id FROM "
                           "track_versions WHERE model = ?)",
                           "i", id);
    if (status == DOZAN_OK)
        status = track_delete_pairs(track, TRACK_REGISTERED_TAG, id, err);
    if (status == DOZAN_OK)
        status = track_run(track, err, "DELETE FROM track_registered WHERE id = ?", "i", id);
    return status;
}

dozan_status dz_track_registered_set_tag(dz_track *track, const cJSON *arguments, dz_json *out,
                                         dozan_error *err)
{
    int64_t id = 0;
    (void)out;
    dozan_status status = track_find_registered(track, track_arg(arguments, "name"), &id, err);
    if (status == DOZAN_OK)
        status = track_set_pair(track, TRACK_REGISTERED_TAG, id, track_arg(arguments, "key"),
                                track_arg(arguments, "value"), err);
    return status == DOZAN_OK ? touch(track, id, err) : status;
}

/* One that is not there is no error: MLflow's store says nothing either. */
dozan_status dz_track_registered_delete_tag(dz_track *track, const cJSON *arguments, dz_json *out,
                                            dozan_error *err)
{
    int64_t id = 0;
    bool found = false;
    (void)out;
    dozan_status status = track_find_registered(track, track_arg(arguments, "name"), &id, err);
    if (status == DOZAN_OK)
        status = track_delete_pair(track, TRACK_REGISTERED_TAG, id, track_arg(arguments, "key"),
                                   &found, err);
    return status == DOZAN_OK && found ? touch(track, id, err) : status;
}

dozan_status dz_track_registered_latest(dz_track *track, const cJSON *arguments, dz_json *out,
                                        dozan_error *err)
{
    int64_t id = 0;
    dozan_status status = track_find_registered(track, track_arg(arguments, "name"), &id, err);
    return status == DOZAN_OK ? write_latest(track, id, track_arg_list(arguments, "stages"),
                                             "model_versions", out, err)
                              : status;
}

/* ---- aliases ---- */

dozan_status dz_track_alias_set(dz_track *track, const cJSON *arguments, dz_json *out,
                                dozan_error *err)
{
    const char *name = track_arg(arguments, "name");
    int64_t version = 0;
    (void)out;
    dozan_status status =
        track_find_version(track, name, track_arg(arguments, "version"), &version, err);
    if (status == DOZAN_OK)
        status = track_run(track, err,
                           "INSERT INTO track_aliases SELECT model, ?1, version FROM "
                           "track_versions WHERE id = ?2 ON CONFLICT DO UPDATE SET version = "
                           "excluded.version",
                           "si", track_arg(arguments, "alias"), version);
    return status;
}

dozan_status dz_track_alias_delete(dz_track *track, const cJSON *arguments, dz_json *out,
                                   dozan_error *err)
{
    int64_t id = 0;
    (void)out;
    dozan_status status = track_find_registered(track, track_arg(arguments, "name"), &id, err);
    if (status == DOZAN_OK)
        status = track_run(track, err, "DELETE FROM track_aliases WHERE model = ? AND alias = ?",
                           "is", id, track_arg(arguments, "alias"));
    return status;
}

dozan_status dz_track_alias_get(dz_track *track, const cJSON *arguments, dz_json *out,
                                dozan_error *err)
{
    const char *alias = track_arg(arguments, "alias");
    int64_t id = 0, version = 0;
    dozan_status status = track_find_registered(track, track_arg(arguments, "name"), &id, err);
    if (status != DOZAN_OK)
        return status;
    track_query query = track_ask(track,
                                  "SELECT v.id FROM track_aliases a JOIN track_versions v ON "
                                  "v.model = a.model AND v.version = a.version WHERE a.model = ? "
                                  "AND a.alias = ?",
                                  "is", id, alias);
    if (track_step(&query))
        version = track_int(&query, 0);
    status = track_end(&query, err);
    if (status == DOZAN_OK && version == 0)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, NULL,
                               "Registered model alias %.250s not found.", alias);
    return status == DOZAN_OK ? track_write_version(track, version, "model_version", out, err)
                              : status;
}
