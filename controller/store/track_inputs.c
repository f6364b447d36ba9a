/*
 * What a run has read and made: datasets, and logged models.
 */
#include "store/track_parts.h"

#include <string.h>

static dozan_status add_dataset(dz_track *track, const track_run_row *run, const cJSON *input,
                                dozan_error *err);
static dozan_status add_models(dz_track *track, const track_run_row *run, const cJSON *models,
                               int64_t output, dozan_error *err);
static dozan_status write_models(dz_track *track, int64_t run, int64_t output, const char *name,
                                 dz_json *out, dozan_error *err);
static dozan_status write_datasets(dz_track *track, int64_t run, dz_json *out, dozan_error *err);

dozan_status dz_track_run_log_inputs(dz_track *track, const cJSON *arguments, dz_json *out,
                                     dozan_error *err)
{
    const cJSON *input;
    track_run_row run = {0};
    (void)out;
    dozan_status status = track_find_run(track, track_arg_run(arguments), true, &run, err);
    cJSON_ArrayForEach(input, track_arg_list(arguments, "datasets"))
    {
        if (status == DOZAN_OK)
            status = add_dataset(track, &run, input, err);
    }
    if (status == DOZAN_OK)
        status = add_models(track, &run, track_arg_list(arguments, "models"), 0, err);
    return status;
}

dozan_status dz_track_run_log_outputs(dz_track *track, const cJSON *arguments, dz_json *out,
                                      dozan_error *err)
{
    track_run_row run = {0};
    (void)out;
    dozan_status status = track_find_run(track, track_arg_run(arguments), true, &run, err);
    if (status == DOZAN_OK)
        status = add_models(track, &run, track_arg_list(arguments, "models"), 1, err);
    return status;
}

static dozan_status add_dataset(dz_track *track, const track_run_row *run, const cJSON *input,
                                dozan_error *err)
{
    const cJSON *dataset = cJSON_GetObjectItemCaseSensitive(input, "dataset");
    const char *name = track_arg(dataset, "name"), *digest = track_arg(dataset, "digest");
    int64_t id = 0;
    dozan_status status = track_run(
        track, err,
        "INSERT INTO track_datasets (experiment, name, digest, source_type, source, "
        "schema, profile) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        "issssss", run->experiment, name, digest, track_arg(dataset, "source_type"),
        track_arg(dataset, "source"), track_arg(dataset, "schema"), track_arg(dataset, "profile"));
    if (status == DOZAN_OK)
        status = track_run(track, err,
                           "INSERT INTO track_inputs (run, dataset) SELECT ?, id FROM "
                           "track_datasets WHERE experiment = ? AND name = ? AND digest = ? ON "
                           "CONFLICT DO NOTHING",
                           "iiss", run->id, run->experiment, name, digest);
    if (status != DOZAN_OK)
        return status;
    track_query query = track_ask(track,
                                  "SELECT i.id FROM track_inputs i JOIN track_datasets d ON d.id = "
                                  "i.dataset WHERE i.run = ? AND d.name = ? AND d.digest = ?",
                                  "iss", run->id, name, digest);
    if (track_step(&query))
        id = track_int(&query, 0);
    status = track_end(&query, err);
    if (status == DOZAN_OK)
        status = track_set_pairs(track, TRACK_INPUT_TAG, id, track_arg_list(input, "tags"), err);
    return status;
}

static dozan_status add_models(dz_track *track, const track_run_row *run, const cJSON *models,
                               int64_t output, dozan_error *err)
{
    dozan_status status = DOZAN_OK;
    const cJSON *model;
    cJSON_ArrayForEach(model, models)
    {
        if (status == DOZAN_OK)
            status = track_run(track, err,
                               "INSERT INTO track_run_models VALUES (?, ?, ?, ?) ON CONFLICT DO "
                               "UPDATE SET step = excluded.step",
                               "iisi", run->id, output, track_arg(model, "model_id"),
                               track_arg_int(model, "step", 0));
    }
    return status;
}

dozan_status track_write_inputs(dz_track *track, int64_t run, dz_json *out, dozan_error *err)
{
    dz_json_open(out, "inputs", '{');
    dozan_status status = write_datasets(track, run, out, err);
    if (status == DOZAN_OK)
        status = write_models(track, run, 0, "model_inputs", out, err);
    dz_json_close(out, '}');
    dz_json_open(out, "outputs", '{');
    if (status == DOZAN_OK)
        status = write_models(track, run, 1, "model_outputs", out, err);
    dz_json_close(out, '}');
    return status;
}

static dozan_status write_datasets(dz_track *track, int64_t run, dz_json *out, dozan_error *err)
{
    static const char *const names[] = {"name",   "digest", "source_type",
                                        "source", "schema", "profile"};
    dozan_status status = DOZAN_OK;
    bool any = false;
    track_query query =
        track_ask(track,
                  "SELECT d.name, d.digest, d.source_type, d.source, d.schema, d.profile, i.id "
                  "FROM track_inputs i JOIN track_datasets d ON d.id = i.dataset WHERE i.run = ? "
                  "ORDER BY i.id",
                  "i", run);
    for (; status == DOZAN_OK && track_step(&query); any = true) {
        if (!any)
            dz_json_open(out, "dataset_inputs", '[');
        dz_json_open(out, NULL, '{');
        status = track_write_pairs(track, TRACK_INPUT_TAG, track_int(&query, 6), "tags", out, err);
        dz_json_open(out, "dataset", '{');
        for (int i = 0; i < 6; i++)
            dz_json_text(out, names[i], track_text(&query, i));
        dz_json_close(out, '}');
        dz_json_close(out, '}');
    }
    if (any)
        dz_json_close(out, ']');
    dozan_status ended = track_end(&query, status == DOZAN_OK ? err : NULL);
    return status == DOZAN_OK ? ended : status;
}

static dozan_status write_models(dz_track *track, int64_t run, int64_t output, const char *name,
                                 dz_json *out, dozan_error *err)
{
    bool any = false;
    track_query query =
        track_ask(track, "SELECT model, step FROM track_run_models WHERE run = ? AND output = ?",
                  "ii", run, output);
    for (; track_step(&query); any = true) {
        if (!any)
            dz_json_open(out, name, '[');
        dz_json_open(out, NULL, '{');
        dz_json_text(out, "model_id", track_text(&query, 0));
        if (output != 0)
            dz_json_int(out, "step", track_int(&query, 1));
        dz_json_close(out, '}');
    }
    if (any)
        dz_json_close(out, ']');
    return track_end(&query, err);
}

/* Older clients tell by a tag which models a run has made. */
dozan_status dz_track_run_log_model(dz_track *track, const cJSON *arguments, dz_json *out,
                                    dozan_error *err)
{
    const char *text = track_arg(arguments, "model_json");
    track_run_row run = {0};
    (void)out;
    dozan_status status = track_find_run(track, track_arg_run(arguments), true, &run, err);
    if (status != DOZAN_OK)
        return status;
    return track_run(track, err,
                     "INSERT INTO track_pairs VALUES (1, ?1, 'mlflow.log-model.history', "
                     "json_array(json(?2))) ON CONFLICT DO UPDATE SET value = json_insert(value, "
                     "'$[#]', json(?2))",
                     "is", run.id, text);
}

dozan_status dz_track_dataset_search(dz_track *track, const cJSON *arguments, dz_json *out,
                                     dozan_error *err)
{
    const cJSON *list = track_arg_list(arguments, "experiment_ids");
    char *bound = list != NULL ? cJSON_PrintUnformatted(list) : NULL;
    bool any = false;
    enum { EXPERIMENTS_MAX = 20 };
    int count = cJSON_GetArraySize(list);
    if (count > EXPERIMENTS_MAX) {
        cJSON_free(bound);
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, NULL,
                               "SearchDatasets request cannot specify more than %d "
                               "experiment_ids. Received %d experiment_ids.",
                               EXPERIMENTS_MAX, count);
    }
    if (bound == NULL || count == 0) {
        cJSON_free(bound);
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, NULL,
                               "SearchDatasets request must specify at least one experiment_id.");
    }
    track_query query = track_ask(
        track,
        "SELECT DISTINCT d.experiment, d.name, d.digest, c.value FROM track_datasets d JOIN "
        "track_inputs i ON i.dataset = d.id LEFT JOIN track_pairs c ON c.kind = 3 AND c.owner = "
        "i.id AND c.key = 'mlflow.data.context' WHERE d.experiment IN (SELECT CAST(value AS "
        "INTEGER) FROM json_each(?)) LIMIT 1000",
        "s", bound);
    for (; track_step(&query); any = true) {
        if (!any)
            dz_json_open(out, "dataset_summaries", '[');
        dz_json_open(out, NULL, '{');
        dz_json_text(out, "experiment_id", track_text(&query, 0));
        dz_json_text(out, "name", track_text(&query, 1));
        dz_json_text(out, "digest", track_text(&query, 2));
        dz_json_text(out, "context", track_text(&query, 3));
        dz_json_close(out, '}');
    }
    if (any)
        dz_json_close(out, ']');
    dozan_status status = track_end(&query, err);
    cJSON_free(bound);
    return status;
}
