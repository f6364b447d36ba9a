/*
 * The registry: versions of models. A version's number is never given out again.
 */
#include "store/track_parts.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static dozan_status touch(dz_track *track, int64_t version, bool itself, dozan_error *err);
static dozan_status resolve_source(dz_track *track, const char *source, char *location, size_t size,
                                   char run[TRACK_UUID], dozan_error *err);
static dozan_status insert_version(dz_track *track, int64_t model, const cJSON *arguments,
                                   const char *run, const char *location, dozan_error *err);
static dozan_status tell_model(dz_track *track, int64_t version, dozan_error *err);

dozan_status track_find_version(dz_track *track, const char *name, const char *version, int64_t *id,
                                dozan_error *err)
{
    bool found = false;
    if (version[0] == '\0' || version[strspn(version, "0123456789")] != '\0')
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, NULL,
                               "Parameter 'version' must be an integer, got '%.100s'.", version);
    int64_t model = 0;
    dozan_status status = track_find_registered(track, name, &model, NULL);
    if (status == DOZAN_OK) {
        track_query query = track_ask(
            track, "SELECT id FROM track_versions WHERE model = ? AND version = CAST(? AS INTEGER)",
            "is", model, version);
        if (track_step(&query)) {
            found = true;
            *id = track_int(&query, 0);
        }
        status = track_end(&query, err);
    } else if (status == DOZAN_NOT_FOUND) {
        status = DOZAN_OK;
    }
    if (status == DOZAN_OK && !found)
        return dozan_error_set(err, DOZAN_NOT_FOUND, NULL,
                               "Model Version (name=%.250s, version=%.20s) not found", name,
                               version);
    return status;
}

static dozan_status write_own_aliases(dz_track *track, int64_t id, dz_json *out, dozan_error *err)
{
    bool any = false;
    track_query query = track_ask(track,
                                  "SELECT a.alias FROM track_versions v JOIN track_aliases a ON "
                                  "a.model = v.model AND a.version = v.version WHERE v.id = ?",
                                  "i", id);
    for (; track_step(&query); any = true) {
        if (!any)
            dz_json_open(out, "aliases", '[');
        dz_json_text(out, NULL, track_text(&query, 0));
    }
    if (any)
        dz_json_close(out, ']');
    return track_end(&query, err);
}

dozan_status track_write_version(dz_track *track, int64_t id, const char *name, dz_json *out,
                                 dozan_error *err)
{
    static const char *const names[] = {"name",        "version",  "current_stage",
                                        "description", "user_id",  "source",
                                        "run_id",      "run_link", "model_id"};
    enum { TEXTS = sizeof(names) / sizeof(names[0]) };
    track_query query = track_ask(
        track,
        "SELECT g.name, v.version, v.stage, v.description, v.user_id, v.source, v.run, v.run_link, "
        "v.model_id, v.created_ms, v.updated_ms FROM track_versions v JOIN track_registered g ON "
        "g.id = v.model WHERE v.id = ?",
        "i", id);
    dz_json_open(out, name, '{');
    if (track_step(&query)) {
        for (int i = 0; i < TEXTS; i++)
            dz_json_text(out, names[i], track_text(&query, i));
        dz_json_text(out, "status", "READY");
        dz_json_int(out, "creation_timestamp", track_int(&query, TEXTS));
        dz_json_int(out, "last_updated_timestamp", track_int(&query, TEXTS + 1));
    }
    dozan_status status = track_end(&query, err);
    if (status == DOZAN_OK)
        status = track_write_pairs(track, TRACK_VERSION_TAG, id, "tags", out, err);
    if (status == DOZAN_OK)
        status = write_own_aliases(track, id, out, err);
    dz_json_close(out, '}');
    return status;
}

dozan_status dz_track_version_create(dz_track *track, const cJSON *arguments, dz_json *out,
                                     dozan_error *err)
{
    const char *source = track_arg(arguments, "source"), *given = track_arg(arguments, "run_id");
    const char *model_id = track_arg(arguments, "model_id");
    char location[4096], run[TRACK_UUID] = "";
    int64_t model = 0;
    dozan_status status = track_find_registered(track, track_arg(arguments, "name"), &model, err);
    (void)snprintf(location, sizeof(location), "%s", source);
    if (status == DOZAN_OK)
        status = track_check_source(track, source, given, model_id, err);
    if (status == DOZAN_OK)
        status = resolve_source(track, source, location, sizeof(location), run, err);
    if (status == DOZAN_OK && run[0] == '\0' && model_id != NULL && *model_id != '\0') {
        char named[128], ignored[4096];
        (void)snprintf(named, sizeof(named), "models:/%.100s", model_id);
        status = resolve_source(track, named, ignored, sizeof(ignored), run, err);
    }
    if (status == DOZAN_OK)
        status = insert_version(track, model, arguments,
                                given != NULL && *given != '\0' ? given : run, location, err);
    int64_t id = track_last_id(track);
    if (status == DOZAN_OK)
        status =
            track_set_pairs(track, TRACK_VERSION_TAG, id, track_arg_list(arguments, "tags"), err);
    if (status == DOZAN_OK)
        status = tell_model(track, id, err);
    if (status == DOZAN_OK)
        status = touch(track, id, false, err);
    return status == DOZAN_OK ? track_write_version(track, id, "model_version", out, err) : status;
}

/* A logged model has its versions in a tag, as MLflow's server writes it. */
static dozan_status tell_model(dz_track *track, int64_t version, dozan_error *err)
{
    return track_run(
        track, err,
        "INSERT INTO track_pairs SELECT 4, m.id, 'mlflow.modelVersions', '[{\"name\": ' || "
        "json_quote(g.name) || ', \"version\": ' || v.version || '}]' FROM track_versions v JOIN "
        "track_registered g ON g.id = v.model JOIN track_models m ON m.uuid = v.model_id WHERE "
        "v.id = ? ON CONFLICT DO UPDATE SET value = substr(value, 1, length(value) - 1) || ', ' || "
        "substr(excluded.value, 2) WHERE value LIKE '[%]'",
        "i", version);
}

static dozan_status insert_version(dz_track *track, int64_t model, const cJSON *arguments,
                                   const char *run, const char *location, dozan_error *err)
{
    const char *model_id = track_arg(arguments, "model_id");
    dozan_status status = track_run(
        track, err, "UPDATE track_registered SET last_version = last_version + 1 WHERE id = ?", "i",
        model);
    if (status == DOZAN_OK)
        status = track_run(
            track, err,
            "INSERT INTO track_versions (model, version, description, source, "
            "location, run, run_link, model_id, created_ms, updated_ms) SELECT id, "
            "last_version, coalesce(?2, ''), ?3, ?4, ?5, ?6, ?7, ?8, ?8 FROM track_registered "
            "WHERE id = ?1",
            "issssssi", model, track_arg(arguments, "description"), track_arg(arguments, "source"),
            location, run, track_arg(arguments, "run_link"),
            model_id != NULL && *model_id != '\0' ? model_id : NULL, track_now_ms());
    return status;
}

/* models:/m-ID is where that model is, models:/NAME/N what that version is of; all else is itself.
 */
static dozan_status resolve_source(dz_track *track, const char *source, char *location, size_t size,
                                   char run[TRACK_UUID], dozan_error *err)
{
    static const char scheme[] = "models:/";
    if (strncmp(source, scheme, sizeof(scheme) - 1) != 0)
        return DOZAN_OK;
    const char *name = source + sizeof(scheme) - 1, *slash = strrchr(name, '/');
    track_query query =
        slash == NULL
            ? track_ask(track,
                        "SELECT location, source_run FROM track_models WHERE uuid = ? AND deleted "
                        "= 0",
                        "s", name)
            : track_ask(track,
                        "SELECT v.location, v.run FROM track_versions v JOIN track_registered g ON "
                        "g.id = v.model WHERE g.name || '/' || v.version = ?",
                        "s", name);
    bool found = track_step(&query);
    if (found) {
        const char *from = track_text(&query, 1);
        (void)snprintf(location, size, "%s", track_text(&query, 0));
        (void)snprintf(run, TRACK_UUID, "%s", from != NULL ? from : "");
    }
    dozan_status status = track_end(&query, err);
    if (status == DOZAN_OK && !found)
        return dozan_error_set(err, DOZAN_NOT_FOUND, NULL,
                               "Unable to fetch model from model URI source artifact location "
                               "'%.200s'.",
                               source);
    return status;
}

dozan_status dz_track_version_get(dz_track *track, const cJSON *arguments, dz_json *out,
                                  dozan_error *err)
{
    int64_t id = 0;
    dozan_status status = track_find_version(track, track_arg(arguments, "name"),
                                             track_arg(arguments, "version"), &id, err);
    return status == DOZAN_OK ? track_write_version(track, id, "model_version", out, err) : status;
}

dozan_status dz_track_version_update(dz_track *track, const cJSON *arguments, dz_json *out,
                                     dozan_error *err)
{
    int64_t id = 0;
    dozan_status status = track_find_version(track, track_arg(arguments, "name"),
                                             track_arg(arguments, "version"), &id, err);
    if (status == DOZAN_OK)
        status = track_run(track, err,
                           "UPDATE track_versions SET description = ?, updated_ms = ? WHERE id = ?",
                           "sii", track_arg(arguments, "description"), track_now_ms(), id);
    return status == DOZAN_OK ? track_write_version(track, id, "model_version", out, err) : status;
}

dozan_status dz_track_version_delete(dz_track *track, const cJSON *arguments, dz_json *out,
                                     dozan_error *err)
{
    int64_t id = 0;
    (void)out;
    dozan_status status = track_find_version(track, track_arg(arguments, "name"),
                                             track_arg(arguments, "version"), &id, err);
    if (status == DOZAN_OK)
        status = touch(track, id, false, err);
    if (status == DOZAN_OK)
        status = track_run(track, err,
                           "DELETE FROM track_aliases WHERE (model, version) IN (SELECT model, "
                           "version FROM track_versions WHERE id = ?)",
                           "i", id);
    if (status == DOZAN_OK)
        status = track_delete_pairs(track, TRACK_VERSION_TAG, id, err);
    if (status == DOZAN_OK)
        status = track_run(track, err, "DELETE FROM track_versions WHERE id = ?", "i", id);
    return status;
}

dozan_status dz_track_version_stage(dz_track *track, const cJSON *arguments, dz_json *out,
                                    dozan_error *err)
{
    static const char *const stages[] = {"None", "Staging", "Production", "Archived"};
    const char *given = track_arg(arguments, "stage"), *stage = NULL;
    const cJSON *archive = cJSON_GetObjectItemCaseSensitive(arguments, "archive_existing_versions");
    int64_t id = 0;
    for (size_t i = 0; i < sizeof(stages) / sizeof(stages[0]); i++)
        if (strcasecmp(given, stages[i]) == 0)
            stage = stages[i];
    if (stage == NULL)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, NULL,
                               "Invalid Model Version stage: %.100s. Value must be one of None, "
                               "Staging, Production, Archived.",
                               given);
    bool archives = cJSON_IsTrue(archive);
    if (archives && strcmp(stage, "Staging") != 0 && strcmp(stage, "Production") != 0)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, NULL,
                               "Model version transition cannot archive existing model versions "
                               "because '%s' is not an Active stage. Valid stages are Staging, "
                               "Production",
                               stage);
    dozan_status status = track_find_version(track, track_arg(arguments, "name"),
                                             track_arg(arguments, "version"), &id, err);
    if (status == DOZAN_OK && archives)
        status = track_run(track, err,
                           "UPDATE track_versions SET stage = 'Archived', updated_ms = ?1 WHERE "
                           "stage = ?2 AND id != ?3 AND model = (SELECT model FROM track_versions "
                           "WHERE id = ?3)",
                           "isi", track_now_ms(), stage, id);
    if (status == DOZAN_OK)
        status = track_run(track, err, "UPDATE track_versions SET stage = ? WHERE id = ?", "si",
                           stage, id);
    if (status == DOZAN_OK)
        status = touch(track, id, true, err);
    return status == DOZAN_OK ? track_write_version(track, id, "model_version", out, err) : status;
}

dozan_status dz_track_version_set_tag(dz_track *track, const cJSON *arguments, dz_json *out,
                                      dozan_error *err)
{
    int64_t id = 0;
    (void)out;
    dozan_status status = track_find_version(track, track_arg(arguments, "name"),
                                             track_arg(arguments, "version"), &id, err);
    if (status == DOZAN_OK)
        status = track_set_pair(track, TRACK_VERSION_TAG, id, track_arg(arguments, "key"),
                                track_arg(arguments, "value"), err);
    return status;
}

dozan_status dz_track_version_delete_tag(dz_track *track, const cJSON *arguments, dz_json *out,
                                         dozan_error *err)
{
    int64_t id = 0;
    bool found = false;
    (void)out;
    dozan_status status = track_find_version(track, track_arg(arguments, "name"),
                                             track_arg(arguments, "version"), &id, err);
    if (status == DOZAN_OK)
        status = track_delete_pair(track, TRACK_VERSION_TAG, id, track_arg(arguments, "key"),
                                   &found, err);
    return status;
}

dozan_status dz_track_version_uri(dz_track *track, const cJSON *arguments, dz_json *out,
                                  dozan_error *err)
{
    int64_t id = 0;
    dozan_status status = track_find_version(track, track_arg(arguments, "name"),
                                             track_arg(arguments, "version"), &id, err);
    if (status != DOZAN_OK)
        return status;
    track_query query = track_ask(
        track, "SELECT coalesce(location, source) FROM track_versions WHERE id = ?", "i", id);
    if (track_step(&query))
        dz_json_text(out, "artifact_uri", track_text(&query, 0));
    return track_end(&query, err);
}

/* When a model was last changed, and, `itself`, one of its versions. */
static dozan_status touch(dz_track *track, int64_t version, bool itself, dozan_error *err)
{
    dozan_status status = track_run(track, err,
                                    "UPDATE track_registered SET updated_ms = ? WHERE id = (SELECT "
                                    "model FROM track_versions WHERE id = ?)",
                                    "ii", track_now_ms(), version);
    if (status == DOZAN_OK && itself)
        status = track_run(track, err, "UPDATE track_versions SET updated_ms = ? WHERE id = ?",
                           "ii", track_now_ms(), version);
    return status;
}
