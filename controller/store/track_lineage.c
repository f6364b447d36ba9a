/*
 * Where things come from, read top to bottom: an experiment, its trials, their runs and the runs
 * below these; what each has read (datasets) and made (logged models); the versions that were
 * registered of it, with their stages and aliases.
 */
#include "store/track_lineage.h"

#include "store/track_parts.h"

enum { GENERATIONS = 4 };

static dozan_status write_trials(dz_track *track, int64_t experiment, dz_json *out,
                                 dozan_error *err);
static dozan_status write_run(dz_track *track, const char *uuid, int depth, dz_json *out,
                              dozan_error *err);
static dozan_status write_datasets(dz_track *track, const char *uuid, dz_json *out,
                                   dozan_error *err);
static dozan_status write_models(dz_track *track, const char *uuid, dz_json *out, dozan_error *err);
static dozan_status write_versions(dz_track *track, const char *sql, const char *of, dz_json *out,
                                   dozan_error *err);
static dozan_status write_aliases(dz_track *track, int64_t model, int64_t version, dz_json *out,
                                  dozan_error *err);
static dozan_status write_children(dz_track *track, const char *uuid, int depth, dz_json *out,
                                   dozan_error *err);

static dozan_status first(dozan_status status, dozan_status later)
{
    return status != DOZAN_OK ? status : later;
}

dozan_status dz_track_lineage(dz_track *track, const cJSON *arguments, dz_json *out,
                              dozan_error *err)
{
    const char *namespace_ = track_arg(arguments, "namespace"),
               *name = track_arg(arguments, "name");
    dozan_status status = DOZAN_OK;
    track_query query = track_ask(
        track,
        "SELECT e.id, e.uid, e.state, u.place, r.uuid FROM experiments e JOIN track_tuned u ON "
        "u.experiment = e.id JOIN track_runs r ON r.uuid = u.prefix || '00000000' WHERE "
        "e.namespace = ? AND e.name = ?",
        "ss", namespace_, name);
    bool found = track_step(&query);
    if (found) {
        dz_json_open(out, "experiment", '{');
        dz_json_text(out, "namespace", namespace_);
        dz_json_text(out, "name", name);
        dz_json_text(out, "uid", track_text(&query, 1));
        dz_json_text(out, "state", track_text(&query, 2));
        dz_json_text(out, "mlflowExperimentId", track_text(&query, 3));
        dz_json_close(out, '}');
        status = write_run(track, track_text(&query, 4), GENERATIONS, out, err);
        if (status == DOZAN_OK)
            status = write_trials(track, track_int(&query, 0), out, err);
    }
    status = first(status, track_end(&query, status == DOZAN_OK ? err : NULL));
    if (status == DOZAN_OK && !found)
        return dozan_error_set(err, DOZAN_NOT_FOUND, NULL,
                               "there is no experiment \"%.200s\" in namespace %.200s",
                               name != NULL ? name : "", namespace_ != NULL ? namespace_ : "");
    return status;
}

static dozan_status write_trials(dz_track *track, int64_t experiment, dz_json *out,
                                 dozan_error *err)
{
    dozan_status status = DOZAN_OK;
    track_query query =
        track_ask(track,
                  "SELECT t.number, t.name, t.state, r.uuid FROM track_tuned u JOIN trials t ON "
                  "t.experiment = u.experiment JOIN track_runs r ON r.uuid = u.prefix || "
                  "printf('%08x', t.number) WHERE u.experiment = ? ORDER BY t.number",
                  "i", experiment);
    dz_json_open(out, "trials", '[');
    while (status == DOZAN_OK && track_step(&query)) {
        dz_json_open(out, NULL, '{');
        dz_json_int(out, "number", track_int(&query, 0));
        dz_json_text(out, "name", track_text(&query, 1));
        dz_json_text(out, "state", track_text(&query, 2));
        status = write_run(track, track_text(&query, 3), 0, out, err);
        dz_json_close(out, '}');
    }
    dz_json_close(out, ']');
    return first(status, track_end(&query, status == DOZAN_OK ? err : NULL));
}

/* At the first generations its name is "run"; those below have none, for they are in a list. */
static dozan_status write_run(dz_track *track, const char *uuid, int depth, dz_json *out,
                              dozan_error *err)
{
    bool listed = depth > 0 && depth < GENERATIONS;
    track_query query = track_ask(
        track, "SELECT name, status, location, start_ms, end_ms FROM track_runs WHERE uuid = ?",
        "s", uuid);
    dz_json_open(out, listed ? NULL : "run", '{');
    dz_json_text(out, "runId", uuid);
    if (track_step(&query)) {
        dz_json_text(out, "name", track_text(&query, 0));
        dz_json_text(out, "status", track_text(&query, 1));
        dz_json_text(out, "artifactUri", track_text(&query, 2));
        dz_json_int(out, "startTime", track_int(&query, 3));
        if (track_text(&query, 4) != NULL)
            dz_json_int(out, "endTime", track_int(&query, 4));
    }
    dozan_status status = track_end(&query, err);
    if (status == DOZAN_OK)
        status = write_datasets(track, uuid, out, err);
    if (status == DOZAN_OK)
        status = write_models(track, uuid, out, err);
    if (status == DOZAN_OK) /* of artifacts that are no logged model */
        status = write_versions(track,
                                "SELECT m.name, v.version, v.stage, v.source, v.model, v.id FROM "
                                "track_versions v JOIN track_registered m ON m.id = v.model WHERE "
                                "v.run = ? AND coalesce(v.model_id, '') = '' ORDER BY v.id",
                                uuid, out, err);
    if (status == DOZAN_OK && depth + 1 < GENERATIONS)
        status = write_children(track, uuid, depth + 1, out, err);
    dz_json_close(out, '}');
    return status;
}

static dozan_status write_datasets(dz_track *track, const char *uuid, dz_json *out,
                                   dozan_error *err)
{
    bool any = false;
    track_query query = track_ask(
        track,
        "SELECT d.name, d.digest, d.source_type, d.source, (SELECT value FROM track_pairs WHERE "
        "kind = 3 AND owner = i.id AND key = 'mlflow.data.context') FROM track_runs r JOIN "
        "track_inputs i ON i.run = r.id JOIN track_datasets d ON d.id = i.dataset WHERE r.uuid = ? "
        "ORDER BY i.id",
        "s", uuid);
    for (; track_step(&query); any = true) {
        if (!any)
            dz_json_open(out, "datasets", '[');
        dz_json_open(out, NULL, '{');
        dz_json_text(out, "name", track_text(&query, 0));
        dz_json_text(out, "digest", track_text(&query, 1));
        dz_json_text(out, "sourceType", track_text(&query, 2));
        dz_json_text(out, "source", track_text(&query, 3));
        dz_json_text(out, "context", track_text(&query, 4));
        dz_json_close(out, '}');
    }
    if (any)
        dz_json_close(out, ']');
    return track_end(&query, err);
}

static dozan_status write_models(dz_track *track, const char *uuid, dz_json *out, dozan_error *err)
{
    bool any = false;
    dozan_status status = DOZAN_OK;
    track_query query = track_ask(track,
                                  "SELECT uuid, name, status, model_type, location FROM "
                                  "track_models WHERE source_run = ? AND deleted = 0 ORDER BY id",
                                  "s", uuid);
    for (; status == DOZAN_OK && track_step(&query); any = true) {
        if (!any)
            dz_json_open(out, "models", '[');
        dz_json_open(out, NULL, '{');
        dz_json_text(out, "modelId", track_text(&query, 0));
        dz_json_text(out, "name", track_text(&query, 1));
        dz_json_text(out, "status", track_text(&query, 2));
        dz_json_text(out, "type", track_text(&query, 3));
        dz_json_text(out, "artifactUri", track_text(&query, 4));
        status = write_versions(track,
                                "SELECT m.name, v.version, v.stage, v.source, v.model, v.id FROM "
                                "track_versions v JOIN track_registered m ON m.id = v.model WHERE "
                                "v.model_id = ? ORDER BY v.id",
                                track_text(&query, 0), out, err);
        dz_json_close(out, '}');
    }
    if (any)
        dz_json_close(out, ']');
    return first(status, track_end(&query, status == DOZAN_OK ? err : NULL));
}

static dozan_status write_versions(dz_track *track, const char *sql, const char *of, dz_json *out,
                                   dozan_error *err)
{
    bool any = false;
    dozan_status status = DOZAN_OK;
    track_query query = track_ask(track, sql, "s", of);
    for (; status == DOZAN_OK && track_step(&query); any = true) {
        if (!any)
            dz_json_open(out, "versions", '[');
        dz_json_open(out, NULL, '{');
        dz_json_text(out, "name", track_text(&query, 0));
        dz_json_text(out, "version", track_text(&query, 1));
        dz_json_text(out, "stage", track_text(&query, 2));
        dz_json_text(out, "source", track_text(&query, 3));
        status = write_aliases(track, track_int(&query, 4), track_int(&query, 1), out, err);
        dz_json_close(out, '}');
    }
    if (any)
        dz_json_close(out, ']');
    return first(status, track_end(&query, status == DOZAN_OK ? err : NULL));
}

static dozan_status write_aliases(dz_track *track, int64_t model, int64_t version, dz_json *out,
                                  dozan_error *err)
{
    track_query query = track_ask(
        track, "SELECT alias FROM track_aliases WHERE model = ? AND version = ? ORDER BY alias",
        "ii", model, version);
    dz_json_open(out, "aliases", '[');
    while (track_step(&query))
        dz_json_text(out, NULL, track_text(&query, 0));
    dz_json_close(out, ']');
    return track_end(&query, err);
}

/* The runs that its code has begun below it. */
static dozan_status write_children(dz_track *track, const char *uuid, int depth, dz_json *out,
                                   dozan_error *err)
{
    bool any = false;
    dozan_status status = DOZAN_OK;
    track_query query =
        track_ask(track,
                  "SELECT r.uuid FROM track_pairs p JOIN track_runs r ON r.id = p.owner WHERE "
                  "p.kind = 1 AND p.key = 'mlflow.parentRunId' AND p.value = ? AND r.deleted = 0 "
                  "ORDER BY r.id",
                  "s", uuid);
    for (; status == DOZAN_OK && track_step(&query); any = true) {
        if (!any)
            dz_json_open(out, "runs", '[');
        status = write_run(track, track_text(&query, 0), depth, out, err);
    }
    if (any)
        dz_json_close(out, ']');
    return first(status, track_end(&query, status == DOZAN_OK ? err : NULL));
}
