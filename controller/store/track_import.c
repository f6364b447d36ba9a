#include "store/track_import.h"

#include "store/track_parts.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* What a statement's rows count as. */
typedef enum counted { NOTHING, EXPERIMENTS, RUNS, POINTS, VERSIONS, COUNTED } counted;

typedef struct import_step {
    counted what;
    const char *sql;
} import_step;

static const import_step from_mlflow[] = {
    {EXPERIMENTS,
     "INSERT INTO track_experiments (name, location, created_ms, updated_ms) SELECT name, "
     "'', coalesce(creation_time, 0), coalesce(last_update_time, 0) FROM other.experiments "
     "WHERE lifecycle_stage = 'active' ON CONFLICT DO NOTHING"},
    {NOTHING, "UPDATE track_experiments SET location = 'mlflow-artifacts:/' || id WHERE location = "
              "''"},
    {NOTHING, "INSERT INTO track_pairs SELECT 0, t.id, g.key, coalesce(g.value, '') FROM "
              "other.experiment_tags g JOIN other.experiments e ON e.experiment_id = "
              "g.experiment_id JOIN track_experiments t ON t.name = e.name WHERE true ON CONFLICT "
              "DO NOTHING"},
    {RUNS, "INSERT INTO track_runs (uuid, experiment, name, user_id, status, start_ms, end_ms, "
           "deleted, location) SELECT r.run_uuid, t.id, coalesce(r.name, ''), "
           "coalesce(r.user_id, ''), coalesce(r.status, 'FINISHED'), coalesce(r.start_time, 0), "
           "r.end_time, r.lifecycle_stage = 'deleted', coalesce(r.artifact_uri, '') FROM "
           "other.runs r JOIN other.experiments e ON e.experiment_id = r.experiment_id JOIN "
           "track_experiments t ON t.name = e.name WHERE e.lifecycle_stage = 'active' ON "
           "CONFLICT DO NOTHING"},
    {NOTHING, "INSERT INTO track_pairs SELECT 2, t.id, p.key, p.value FROM other.params p JOIN "
              "track_runs t ON t.uuid = p.run_uuid WHERE true ON CONFLICT DO NOTHING"},
    {NOTHING,
     "INSERT INTO track_pairs SELECT 1, t.id, p.key, coalesce(p.value, '') FROM other.tags "
     "p JOIN track_runs t ON t.uuid = p.run_uuid WHERE true ON CONFLICT DO NOTHING"},
    {POINTS, "INSERT INTO track_metrics SELECT t.id, m.key, m.timestamp, m.step, m.value, m.is_nan "
             "FROM other.metrics m JOIN track_runs t ON t.uuid = m.run_uuid WHERE true ON CONFLICT "
             "DO NOTHING"},
    {NOTHING, "INSERT INTO track_latest SELECT 1, t.id, m.key, '', '', m.timestamp, m.step, "
              "m.value, m.is_nan, NULL FROM other.latest_metrics m JOIN track_runs t ON t.uuid = "
              "m.run_uuid WHERE true ON CONFLICT DO NOTHING"},
    {NOTHING, "INSERT INTO track_registered (name, description, created_ms, updated_ms) SELECT "
              "name, description, coalesce(creation_time, 0), coalesce(last_updated_time, 0) FROM "
              "other.registered_models WHERE true ON CONFLICT DO NOTHING"},
    {VERSIONS, "INSERT INTO track_versions (model, version, description, user_id, stage, source, "
               "location, run, created_ms, updated_ms) SELECT g.id, v.version, v.description, "
               "v.user_id, coalesce(v.current_stage, 'None'), coalesce(v.source, ''), "
               "coalesce(v.storage_location, v.source), coalesce(v.run_id, ''), "
               "coalesce(v.creation_time, 0), coalesce(v.last_updated_time, 0) FROM "
               "other.model_versions v JOIN track_registered g ON g.name = v.name WHERE true ON "
               "CONFLICT DO NOTHING"},
    {NOTHING, "UPDATE track_registered SET last_version = max(last_version, coalesce((SELECT "
              "max(version) FROM track_versions v WHERE v.model = track_registered.id), 0))"},
    {NOTHING, "INSERT INTO track_aliases SELECT g.id, a.alias, a.version FROM "
              "other.registered_model_aliases a JOIN track_registered g ON g.name = a.name WHERE "
              "true ON CONFLICT DO NOTHING"},
};

/* A study is an experiment; a trial's value is the metric "value", or "value_0" and so on. */
static const import_step from_optuna[] = {
    {EXPERIMENTS,
     "INSERT INTO track_experiments (name, location, created_ms, updated_ms) SELECT "
     "study_name, '', unixepoch() * 1000, unixepoch() * 1000 FROM other.studies WHERE true "
     "ON CONFLICT DO NOTHING"},
    {NOTHING, "UPDATE track_experiments SET location = 'mlflow-artifacts:/' || id WHERE location = "
              "''"},
    {NOTHING,
     "CREATE TEMP TABLE coming AS SELECT t.trial_id, e.id AS place, t.number, t.state, "
     "lower(hex(randomblob(16))) AS uuid, coalesce(unixepoch(t.datetime_start), 0) * 1000 "
     "AS start_ms, unixepoch(t.datetime_complete) * 1000 AS end_ms, (SELECT count(*) FROM "
     "other.study_directions d WHERE d.study_id = t.study_id) AS goals FROM other.trials t "
     "JOIN other.studies s ON s.study_id = t.study_id JOIN track_experiments e ON e.name = "
     "s.study_name WHERE t.state IN ('COMPLETE', 'PRUNED', 'FAIL') AND NOT EXISTS (SELECT "
     "1 FROM track_runs r JOIN track_pairs p ON p.kind = 1 AND p.owner = r.id AND p.key = "
     "'optuna.trial' AND p.value = CAST(t.number AS TEXT) WHERE r.experiment = e.id)"},
    {RUNS, "INSERT INTO track_runs (uuid, experiment, name, user_id, status, start_ms, end_ms, "
           "location) SELECT uuid, place, 'trial ' || number, 'optuna', CASE state WHEN "
           "'COMPLETE' THEN 'FINISHED' WHEN 'PRUNED' THEN 'KILLED' ELSE 'FAILED' END, start_ms, "
           "end_ms, 'mlflow-artifacts:/' || place || '/' || uuid || '/artifacts' FROM coming"},
    {NOTHING, "INSERT INTO track_pairs SELECT 1, r.id, 'optuna.trial', CAST(c.number AS TEXT) FROM "
              "coming c JOIN track_runs r ON r.uuid = c.uuid"},
    {NOTHING, "INSERT INTO track_pairs SELECT 1, r.id, 'mlflow.runName', r.name FROM coming c JOIN "
              "track_runs r ON r.uuid = c.uuid"},
    {NOTHING, "INSERT INTO track_pairs SELECT 2, r.id, p.param_name, CASE "
              "json_extract(p.distribution_json, '$.name') WHEN 'CategoricalDistribution' THEN "
              "coalesce(CAST(json_extract(p.distribution_json, '$.attributes.choices[' || "
              "CAST(p.param_value AS INTEGER) || ']') AS TEXT), 'None') WHEN 'FloatDistribution' "
              "THEN printf('%!.17g', p.param_value) WHEN 'IntDistribution' THEN "
              "CAST(CAST(p.param_value AS INTEGER) AS TEXT) ELSE printf('%!.17g', p.param_value) "
              "END FROM coming c JOIN track_runs r ON r.uuid = c.uuid JOIN other.trial_params p ON "
              "p.trial_id = c.trial_id"},
    {POINTS, "INSERT INTO track_metrics SELECT r.id, iif(c.goals > 1, 'value_' || v.objective, "
             "'value'), coalesce(c.end_ms, 0), 0, CASE v.value_type WHEN 'INF_POS' THEN "
             "1.7976931348623157e308 WHEN 'INF_NEG' THEN -1.7976931348623157e308 ELSE v.value END, "
             "0 FROM coming c JOIN track_runs r ON r.uuid = c.uuid JOIN other.trial_values v ON "
             "v.trial_id = c.trial_id WHERE v.value IS NOT NULL OR v.value_type != 'FINITE'"},
    {POINTS, "INSERT INTO track_metrics SELECT r.id, 'intermediate_value', coalesce(c.end_ms, 0), "
             "v.step, coalesce(CASE v.intermediate_value_type WHEN 'INF_POS' THEN "
             "1.7976931348623157e308 WHEN 'INF_NEG' THEN -1.7976931348623157e308 ELSE "
             "v.intermediate_value END, 0.0), v.intermediate_value_type = 'NAN' FROM coming c JOIN "
             "track_runs r ON r.uuid = c.uuid JOIN other.trial_intermediate_values v ON v.trial_id "
             "= c.trial_id"},
    {NOTHING,
     "INSERT INTO track_latest SELECT 1, m.run, m.key, '', '', m.at_ms, m.step, m.value, "
     "m.is_nan, NULL FROM coming c JOIN track_runs r ON r.uuid = c.uuid JOIN track_metrics "
     "m ON m.run = r.id WHERE m.step = (SELECT max(step) FROM track_metrics o WHERE o.run "
     "= m.run AND o.key = m.key)"},
    {NOTHING, "DROP TABLE coming"},
};

static dozan_status run_steps(dz_track *track, const import_step *steps, size_t count,
                              int64_t counts[COUNTED], dozan_error *err);
static dozan_status write_header(dz_track *track, const char *experiment, dozan_buf *out,
                                 dozan_error *err);
static void write_cell(dozan_buf *out, const char *text);

dozan_status dz_track_import(dz_track *track, dz_import_kind kind, const char *file,
                             dz_imported *imported, dozan_error *err)
{
    bool optuna = kind == DZ_IMPORT_OPTUNA;
    int64_t counts[COUNTED] = {0};
    dozan_error why = {0};
    if (access(file, R_OK) != 0)
        return dozan_error_set(err, DOZAN_NOT_FOUND, file, "there is no such file to read");
    dozan_status status = track_run(track, err, "ATTACH ? AS other", "s", file);
    if (status != DOZAN_OK)
        return status;
    status = dz_track_begin(track, err);
    if (status == DOZAN_OK)
        status = optuna ? run_steps(track, from_optuna,
                                    sizeof(from_optuna) / sizeof(from_optuna[0]), counts, &why)
                        : run_steps(track, from_mlflow,
                                    sizeof(from_mlflow) / sizeof(from_mlflow[0]), counts, &why);
    status = dz_track_end(track, status, err);
    if (why.code != DOZAN_OK)
        status = dozan_error_set(err, DOZAN_INVALID_ARGUMENT, file,
                                 "this is no database of %s that can be read: %.300s",
                                 optuna ? "Optuna's" : "MLflow's", why.message);
    dozan_error later = {0};
    (void)!track_run(track, &later, "DETACH other", "");
    *imported = (dz_imported){.experiments = counts[EXPERIMENTS],
                              .runs = counts[RUNS],
                              .points = counts[POINTS],
                              .versions = counts[VERSIONS]};
    return status;
}

static dozan_status run_steps(dz_track *track, const import_step *steps, size_t count,
                              int64_t counts[COUNTED], dozan_error *err)
{
    dozan_status status = DOZAN_OK;
    for (size_t i = 0; status == DOZAN_OK && i < count; i++) {
        track_query query = track_ask_once(track, steps[i].sql);
        (void)track_step(&query);
        status = track_end(&query, err);
        if (status == DOZAN_OK)
            counts[steps[i].what] += track_changes(track);
    }
    return status;
}

/* ---- CSV ---- */

/* Of each column that there is, by its title; for each run the titles again, so that a row has them
 * in order. Metrics are those of now. */
#define COLUMNS                                                                                    \
    "SELECT DISTINCT iif(p.kind = 2, 'params.', 'tags.') || p.key AS title, p.kind = 1 AS last "   \
    "FROM track_runs r JOIN track_pairs p ON p.owner = r.id AND p.kind IN (1, 2) WHERE "           \
    "r.experiment = ?1 AND r.deleted = 0 UNION SELECT DISTINCT 'metrics.' || l.key, 0 FROM "       \
    "track_runs r JOIN track_latest l ON l.kind = 1 AND l.owner = r.id WHERE r.experiment = ?1 "   \
    "AND r.deleted = 0 ORDER BY last, title"

dozan_status dz_track_export(dz_track *track, const char *experiment, dozan_buf *out,
                             dozan_error *err)
{
    char place[TRACK_TOKEN] = "";
    track_query found =
        track_ask(track, "SELECT id FROM track_experiments WHERE name = ?", "s", experiment);
    if (track_step(&found))
        (void)snprintf(place, sizeof(place), "%s", track_text(&found, 0));
    dozan_status status = track_end(&found, err);
    if (status == DOZAN_OK && *place == '\0')
        return dozan_error_set(err, DOZAN_NOT_FOUND, NULL, "there is no experiment \"%.200s\"",
                               experiment);
    if (status == DOZAN_OK)
        status = write_header(track, place, out, err);
    if (status != DOZAN_OK)
        return status;
    track_query query = track_ask(
        track,
        "WITH columns AS MATERIALIZED (" COLUMNS ") SELECT r.uuid, r.name, r.status, r.start_ms, "
        "r.end_ms, c.title, coalesce((SELECT value FROM track_pairs WHERE kind = iif(c.last, 1, 2) "
        "AND owner = r.id AND key = substr(c.title, iif(c.last, 6, 8)) AND c.title NOT LIKE "
        "'metrics.%'), (SELECT iif(is_nan, 'nan', printf('%!.17g', value)) FROM track_latest WHERE "
        "kind = 1 AND owner = r.id AND key = substr(c.title, 9) AND c.title LIKE 'metrics.%')), "
        "row_number() OVER (PARTITION BY r.id ORDER BY c.last, c.title) FROM track_runs r LEFT "
        "JOIN columns c WHERE r.experiment = ?1 AND r.deleted = 0 ORDER BY r.id, c.last, c.title",
        "s", place);
    while (track_step(&query)) {
        if (track_int(&query, 7) == 1) {
            dozan_buf_puts(out, "\n");
            for (int i = 0; i < 5; i++) {
                write_cell(out, track_text(&query, i));
                if (i < 4)
                    dozan_buf_puts(out, ",");
            }
        }
        if (track_text(&query, 5) != NULL) {
            dozan_buf_puts(out, ",");
            write_cell(out, track_text(&query, 6));
        }
    }
    dozan_buf_puts(out, "\n");
    return track_end(&query, err);
}

static dozan_status write_header(dz_track *track, const char *experiment, dozan_buf *out,
                                 dozan_error *err)
{
    track_query query = track_ask(track, COLUMNS, "s", experiment);
    dozan_buf_puts(out, "run_id,name,status,start_time,end_time");
    while (track_step(&query)) {
        dozan_buf_puts(out, ",");
        write_cell(out, track_text(&query, 0));
    }
    return track_end(&query, err);
}

static void write_cell(dozan_buf *out, const char *text)
{
    if (text == NULL)
        return;
    if (text[strcspn(text, ",\"\r\n")] == '\0') {
        dozan_buf_puts(out, text);
        return;
    }
    dozan_buf_puts(out, "\"");
    for (; *text != '\0'; text++)
        dozan_buf_append(out, *text == '"' ? "\"\"" : text, *text == '"' ? 2 : 1);
    dozan_buf_puts(out, "\"");
}
