/*
 * Runs: their life, params and tags. A run that is deleted, or whose experiment is, refuses writes.
 */
#include "store/track_parts.h"

#include <stdio.h>
#include <string.h>

#define RUN_NAME "mlflow.runName"

static dozan_status name_run(const cJSON *arguments, char *made, size_t size, const char **name,
                             dozan_error *err);
static dozan_status insert_run(dz_track *track, const cJSON *arguments, int64_t experiment,
                               const char *name, int64_t *id, dozan_error *err);
static dozan_status write_metrics(dz_track *track, int64_t run, dz_json *out, dozan_error *err);
static dozan_status log_param(dz_track *track, const track_run_row *run, const cJSON *param,
                              dozan_error *err);
static dozan_status set_deleted(dz_track *track, const cJSON *arguments, bool deleted,
                                dozan_error *err);
static dozan_status set_tag(dz_track *track, const track_run_row *run, const cJSON *tag,
                            dozan_error *err);

dozan_status track_find_run(dz_track *track, const char *uuid, bool active, track_run_row *run,
                            dozan_error *err)
{
    bool found = false;
    track_query query = track_ask(
        track, "SELECT id, experiment, deleted FROM track_runs WHERE uuid = ?", "s", uuid);
    if (track_step(&query)) {
        found = true;
        run->id = track_int(&query, 0);
        run->experiment = track_int(&query, 1);
        run->deleted = track_int(&query, 2) != 0;
        (void)snprintf(run->uuid, sizeof(run->uuid), "%s", uuid);
    }
    dozan_status status = track_end(&query, err);
    if (status != DOZAN_OK)
        return status;
    if (!found)
        return dozan_error_set(err, DOZAN_NOT_FOUND, NULL, "Run with id=%.64s not found", uuid);
    if (active && run->deleted)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, NULL,
                               "The run %s must be in the 'active' state. Current state is "
                               "deleted.",
                               uuid);
    return DOZAN_OK;
}

/* ---- writing into an answer ---- */

dozan_status track_write_run_info(dz_track *track, int64_t id, const char *name, dz_json *out,
                                  dozan_error *err)
{
    track_query query =
        track_ask(track,
                  "SELECT uuid, experiment, name, user_id, status, start_ms, end_ms, deleted, "
                  "location FROM track_runs WHERE id = ?",
                  "i", id);
    dz_json_open(out, name, '{');
    if (track_step(&query)) {
        dz_json_text(out, "run_id", track_text(&query, 0));
        dz_json_text(out, "run_uuid", track_text(&query, 0));
        dz_json_text(out, "experiment_id", track_text(&query, 1));
        dz_json_text(out, "run_name", track_text(&query, 2));
        dz_json_text(out, "user_id", track_text(&query, 3));
        dz_json_text(out, "status", track_text(&query, 4));
        dz_json_int(out, "start_time", track_int(&query, 5));
        if (track_text(&query, 6) != NULL)
            dz_json_int(out, "end_time", track_int(&query, 6));
        dz_json_text(out, "lifecycle_stage", track_int(&query, 7) != 0 ? "deleted" : "active");
        dz_json_text(out, "artifact_uri", track_text(&query, 8));
    }
    dz_json_close(out, '}');
    return track_end(&query, err);
}

dozan_status track_write_run(dz_track *track, int64_t id, const char *name, dz_json *out,
                             dozan_error *err)
{
    dz_json_open(out, name, '{');
    dozan_status status = track_write_run_info(track, id, "info", out, err);
    dz_json_open(out, "data", '{');
    if (status == DOZAN_OK)
        status = write_metrics(track, id, out, err);
    if (status == DOZAN_OK)
        status = track_write_pairs(track, TRACK_RUN_PARAM, id, "params", out, err);
    if (status == DOZAN_OK)
        status = track_write_pairs(track, TRACK_RUN_TAG, id, "tags", out, err);
    dz_json_close(out, '}');
    if (status == DOZAN_OK)
        status = track_write_inputs(track, id, out, err);
    dz_json_close(out, '}');
    return status;
}

static dozan_status write_metrics(dz_track *track, int64_t run, dz_json *out, dozan_error *err)
{
    bool any = false;
    track_query query = track_ask(track,
                                  "SELECT key, value, is_nan, at_ms, step FROM track_latest WHERE "
                                  "kind = 1 AND owner = ?",
                                  "i", run);
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
        dz_json_close(out, '}');
    }
    if (any)
        dz_json_close(out, ']');
    return track_end(&query, err);
}

/* ---- life ---- */

dozan_status dz_track_run_create(dz_track *track, const cJSON *arguments, dz_json *out,
                                 dozan_error *err)
{
    const char *experiment = track_arg(arguments, "experiment_id"), *name = NULL;
    char made[64];
    int64_t number = 0, id = 0;
    dozan_status status = track_find_experiment(
        track, experiment != NULL && *experiment != '\0' ? experiment : "0", true, &number, err);
    if (status == DOZAN_OK)
        status = name_run(arguments, made, sizeof(made), &name, err);
    if (status == DOZAN_OK)
        status = insert_run(track, arguments, number, name, &id, err);
    if (status == DOZAN_OK)
        status = track_set_pairs(track, TRACK_RUN_TAG, id, track_arg_list(arguments, "tags"), err);
    if (status == DOZAN_OK)
        status = track_set_pair(track, TRACK_RUN_TAG, id, RUN_NAME, name, err);
    return status == DOZAN_OK ? track_write_run(track, id, "run", out, err) : status;
}

/* The name that is given, by the field, the tag or both alike; or one that is made. */
static dozan_status name_run(const cJSON *arguments, char *made, size_t size, const char **name,
                             dozan_error *err)
{
    static const char *const adjectives[] = {"able",  "brave", "calm",   "clever", "eager", "fair",
                                             "fast",  "free",  "gentle", "grand",  "keen",  "kind",
                                             "light", "lucid", "merry",  "noble",  "quiet", "rare",
                                             "sharp", "sweet", "tidy",   "true",   "vivid", "wise"};
    static const char *const nouns[] = {"bee",   "carp",  "crane", "deer",  "dove", "finch",
                                        "fox",   "goat",  "hare",  "hawk",  "ibis", "jay",
                                        "koi",   "lark",  "lynx",  "mole",  "moth", "otter",
                                        "quail", "robin", "seal",  "stork", "swan", "wren"};
    const char *given = track_arg(arguments, "run_name"), *tagged = NULL;
    const cJSON *tag;
    cJSON_ArrayForEach(tag, track_arg_list(arguments, "tags"))
    {
        const char *key = track_arg(tag, "key");
        if (key != NULL && strcmp(key, RUN_NAME) == 0)
            tagged = track_arg(tag, "value");
    }
    bool has_name = given != NULL && *given != '\0', has_tag = tagged != NULL && *tagged != '\0';
    if (has_name && has_tag && strcmp(given, tagged) != 0)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, NULL,
                               "Both 'run_name' argument and 'mlflow.runName' tag are specified, "
                               "but with different values (run_name='%.100s', "
                               "mlflow.runName='%.100s').",
                               given, tagged);
    *name = has_name ? given : tagged;
    if (has_name || has_tag)
        return DOZAN_OK;
    char random[TRACK_UUID];
    unsigned value = 0;
    dozan_status status = track_new_uuid("", random, err);
    for (int i = 0; status == DOZAN_OK && i < 7; i++)
        value = value * 16 + (unsigned)(random[i] <= '9' ? random[i] - '0' : random[i] - 'a' + 10);
    (void)snprintf(made, size, "%s-%s-%u", adjectives[value % 24], nouns[value / 24 % 24],
                   value / 576 % 1000);
    *name = made;
    return status;
}

static dozan_status insert_run(dz_track *track, const cJSON *arguments, int64_t experiment,
                               const char *name, int64_t *id, dozan_error *err)
{
    const char *user = track_arg(arguments, "user_id");
    char uuid[TRACK_UUID];
    int64_t start = track_arg_int(arguments, "start_time", 0);
    dozan_status status = track_new_uuid("", uuid, err);
    if (status == DOZAN_OK)
        status = track_run(track, err,
                           "INSERT INTO track_runs (uuid, experiment, name, user_id, status, "
                           "start_ms, location) SELECT ?1, ?2, ?3, ?4, 'RUNNING', ?5, location || "
                           "'/' || ?1 || '/artifacts' FROM track_experiments WHERE id = ?2",
                           "sissi", uuid, experiment, name, user != NULL ? user : "", start);
    *id = track_last_id(track);
    return status;
}

dozan_status dz_track_run_get(dz_track *track, const cJSON *arguments, dz_json *out,
                              dozan_error *err)
{
    track_run_row run = {0};
    dozan_status status = track_find_run(track, track_arg_run(arguments), false, &run, err);
    return status == DOZAN_OK ? track_write_run(track, run.id, "run", out, err) : status;
}

dozan_status dz_track_run_update(dz_track *track, const cJSON *arguments, dz_json *out,
                                 dozan_error *err)
{
    const char *name = track_arg(arguments, "run_name");
    const char *state = track_arg(arguments, "status");
    int64_t end = track_arg_int(arguments, "end_time", 0);
    track_run_row run = {0};
    dozan_status status = track_find_run(track, track_arg_run(arguments), true, &run, err);
    if (name != NULL && *name == '\0')
        name = NULL;
    if (status == DOZAN_OK && state != NULL)
        status = track_run(track, err,
                           "UPDATE track_runs SET status = ?1, end_ms = CASE WHEN ?2 > 0 THEN ?2 "
                           "WHEN ?1 = 'RUNNING' THEN NULL ELSE end_ms END WHERE id = ?3",
                           "sii", state, end, run.id);
    else if (status == DOZAN_OK && end > 0)
        status = track_run(track, err, "UPDATE track_runs SET end_ms = ?1 WHERE id = ?2", "ii", end,
                           run.id);
    if (status == DOZAN_OK && name != NULL)
        status = track_run(track, err, "UPDATE track_runs SET name = ? WHERE id = ?", "si", name,
                           run.id);
    if (status == DOZAN_OK && name != NULL)
        status = track_set_pair(track, TRACK_RUN_TAG, run.id, RUN_NAME, name, err);
    return status == DOZAN_OK ? track_write_run_info(track, run.id, "run_info", out, err) : status;
}

dozan_status dz_track_run_delete(dz_track *track, const cJSON *arguments, dz_json *out,
                                 dozan_error *err)
{
    (void)out;
    return set_deleted(track, arguments, true, err);
}

dozan_status dz_track_run_restore(dz_track *track, const cJSON *arguments, dz_json *out,
                                  dozan_error *err)
{
    (void)out;
    return set_deleted(track, arguments, false, err);
}

static dozan_status set_deleted(dz_track *track, const cJSON *arguments, bool deleted,
                                dozan_error *err)
{
    track_run_row run = {0};
    dozan_status status = track_find_run(track, track_arg_run(arguments), false, &run, err);
    if (status != DOZAN_OK)
        return status;
    return track_run(track, err, "UPDATE track_runs SET deleted = ? WHERE id = ?", "ii",
                     (int64_t)deleted, run.id);
}

/* ---- params, tags, batches ---- */

dozan_status dz_track_run_log_param(dz_track *track, const cJSON *arguments, dz_json *out,
                                    dozan_error *err)
{
    track_run_row run = {0};
    (void)out;
    dozan_status status = track_find_run(track, track_arg_run(arguments), true, &run, err);
    return status == DOZAN_OK ? log_param(track, &run, arguments, err) : status;
}

/* A param never changes; the same value again is a call that was sent twice. */
static dozan_status log_param(dz_track *track, const track_run_row *run, const cJSON *param,
                              dozan_error *err)
{
    const char *key = track_arg(param, "key"), *value = track_arg(param, "value");
    value = value != NULL ? value : "";
    dozan_status status =
        track_run(track, err, "INSERT INTO track_pairs VALUES (2, ?, ?, ?) ON CONFLICT DO NOTHING",
                  "iss", run->id, key, value);
    if (status != DOZAN_OK || track_changes(track) > 0)
        return status;
    track_query query =
        track_ask(track, "SELECT value FROM track_pairs WHERE kind = 2 AND owner = ? AND key = ?",
                  "is", run->id, key);
    if (track_step(&query) && strcmp(track_text(&query, 0), value) != 0)
        status =
            dozan_error_set(err, DOZAN_INVALID_ARGUMENT, NULL,
                            "Changing param values is not allowed. Param with key='%.100s' was "
                            "already logged with value='%.60s' for run ID='%s'. Attempted "
                            "logging new value '%.60s'.",
                            key, track_text(&query, 0), run->uuid, value);
    dozan_status ended = track_end(&query, status == DOZAN_OK ? err : NULL);
    return status == DOZAN_OK ? ended : status;
}

dozan_status dz_track_run_set_tag(dz_track *track, const cJSON *arguments, dz_json *out,
                                  dozan_error *err)
{
    track_run_row run = {0};
    (void)out;
    dozan_status status = track_find_run(track, track_arg_run(arguments), true, &run, err);
    return status == DOZAN_OK ? set_tag(track, &run, arguments, err) : status;
}

static dozan_status set_tag(dz_track *track, const track_run_row *run, const cJSON *tag,
                            dozan_error *err)
{
    const char *key = track_arg(tag, "key"), *value = track_arg(tag, "value");
    value = value != NULL ? value : "";
    if (strcmp(key, RUN_NAME) == 0) {
        dozan_status status = track_run(track, err, "UPDATE track_runs SET name = ? WHERE id = ?",
                                        "si", value, run->id);
        if (status != DOZAN_OK)
            return status;
    }
    return track_set_pair(track, TRACK_RUN_TAG, run->id, key, value, err);
}

dozan_status dz_track_run_delete_tag(dz_track *track, const cJSON *arguments, dz_json *out,
                                     dozan_error *err)
{
    const char *key = track_arg(arguments, "key");
    track_run_row run = {0};
    bool found = false;
    (void)out;
    dozan_status status = track_find_run(track, track_arg_run(arguments), true, &run, err);
    if (status == DOZAN_OK)
        status = track_delete_pair(track, TRACK_RUN_TAG, run.id, key, &found, err);
    if (status == DOZAN_OK && !found)
        return dozan_error_set(err, DOZAN_NOT_FOUND, NULL,
                               "No tag with name: %.250s in run with id %s", key, run.uuid);
    return status;
}

dozan_status dz_track_run_log_metric(dz_track *track, const cJSON *arguments, dz_json *out,
                                     dozan_error *err)
{
    track_run_row run = {0};
    (void)out;
    dozan_status status = track_find_run(track, track_arg_run(arguments), true, &run, err);
    return status == DOZAN_OK ? track_log_metric(track, &run, arguments, err) : status;
}

dozan_status dz_track_run_log_batch(dz_track *track, const cJSON *arguments, dz_json *out,
                                    dozan_error *err)
{
    const cJSON *item;
    track_run_row run = {0};
    (void)out;
    dozan_status status = track_find_run(track, track_arg_run(arguments), true, &run, err);
    cJSON_ArrayForEach(item, track_arg_list(arguments, "params"))
    {
        if (status == DOZAN_OK)
            status = log_param(track, &run, item, err);
    }
    cJSON_ArrayForEach(item, track_arg_list(arguments, "metrics"))
    {
        if (status == DOZAN_OK)
            status = track_log_metric(track, &run, item, err);
    }
    cJSON_ArrayForEach(item, track_arg_list(arguments, "tags"))
    {
        if (status == DOZAN_OK)
            status = set_tag(track, &run, item, err);
    }
    return status;
}
