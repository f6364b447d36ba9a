/*
 * The histories of metrics, and what each is now.
 *
 * A point that is there already is not written again: a client that repeats a call after a lost
 * answer adds nothing.
 */
#include "store/track_parts.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum { DEFAULT_BULK = 25000, DEFAULT_POINTS = 320 };

typedef struct point {
    double value;
    int64_t at_ms, step;
    int64_t is_nan;
} point;

static point read_point(const cJSON *metric);
static dozan_status set_latest(dz_track *track, int64_t kind, int64_t owner, const cJSON *metric,
                               const point *value, const char *run, dozan_error *err);
static void write_point(dz_json *out, const track_query *query, const char *key, const char *run);
static dozan_status write_bulk(dz_track *track, const char *uuid, const char *key, int64_t limit,
                               dz_json *out, dozan_error *err);
static dozan_status write_interval(dz_track *track, const char *uuid, const cJSON *arguments,
                                   int64_t wanted, dz_json *out, dozan_error *err);

dozan_status track_log_metric(dz_track *track, const track_run_row *run, const cJSON *metric,
                              dozan_error *err)
{
    const char *model = track_arg(metric, "model_id");
    point value = read_point(metric);
    dozan_status status = track_run(
        track, err, "INSERT INTO track_metrics VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        "isiidi", run->id, track_arg(metric, "key"), value.at_ms, value.step, value.value,
        value.is_nan);
    if (status == DOZAN_OK && track_changes(track) > 0)
        status = set_latest(track, TRACK_OF_RUN, run->id, metric, &value, NULL, err);
    if (status != DOZAN_OK || model == NULL || *model == '\0')
        return status;
    int64_t id = 0;
    status = track_find_model(track, model, &id, err);
    return status == DOZAN_OK
               ? set_latest(track, TRACK_OF_MODEL, id, metric, &value, run->uuid, err)
               : status;
}

static point read_point(const cJSON *metric)
{
    point value = {.value = track_arg_double(metric, "value"),
                   .at_ms = track_arg_int(metric, "timestamp", 0),
                   .step = track_arg_int(metric, "step", 0)};
    if (isnan(value.value)) {
        value.is_nan = 1;
        value.value = 0;
    } else if (isinf(value.value)) {
        value.value = value.value > 0 ? DBL_MAX : -DBL_MAX;
    }
    return value;
}

static dozan_status set_latest(dz_track *track, int64_t kind, int64_t owner, const cJSON *metric,
                               const point *value, const char *run, dozan_error *err)
{
    const char *dataset = kind == TRACK_OF_MODEL ? track_arg(metric, "dataset_name") : NULL;
    const char *digest = kind == TRACK_OF_MODEL ? track_arg(metric, "dataset_digest") : NULL;
    return track_run(track, err,
                     "INSERT INTO track_latest VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) "
                     "ON CONFLICT DO UPDATE SET at_ms = excluded.at_ms, step = excluded.step, "
                     "value = excluded.value, is_nan = excluded.is_nan, run = excluded.run WHERE "
                     "(excluded.step, excluded.at_ms, excluded.value) > (step, at_ms, value)",
                     "iisssiidis", kind, owner, track_arg(metric, "key"),
                     dataset != NULL ? dataset : "", digest != NULL ? digest : "", value->at_ms,
                     value->step, value->value, value->is_nan, run);
}

/* Columns: value, is_nan, at_ms, step. */
static void write_point(dz_json *out, const track_query *query, const char *key, const char *run)
{
    dz_json_open(out, NULL, '{');
    dz_json_text(out, "key", key);
    if (track_int(query, 1) != 0)
        dz_json_text(out, "value", "NaN");
    else
        dz_json_double(out, "value", track_double(query, 0));
    dz_json_int(out, "timestamp", track_int(query, 2));
    dz_json_int(out, "step", track_int(query, 3));
    dz_json_text(out, "run_id", run);
    dz_json_close(out, '}');
}

dozan_status dz_track_history(dz_track *track, const cJSON *arguments, dz_json *out,
                              dozan_error *err)
{
    const char *key = track_arg(arguments, "metric_key");
    int64_t limit = track_arg_int(arguments, "max_results", 0), offset = 0, count = 0;
    track_run_row run = {0};
    dozan_status status = track_find_run(track, track_arg_run(arguments), false, &run, err);
    if (status == DOZAN_OK)
        status = track_read_token(arguments, &offset, err);
    if (status != DOZAN_OK)
        return status;
    track_query query = track_ask(track,
                                  "SELECT value, is_nan, at_ms, step FROM track_metrics WHERE run "
                                  "= ? AND key = ? ORDER BY at_ms, step, value LIMIT ? OFFSET ?",
                                  "isii", run.id, key, limit > 0 ? limit + 1 : -1, offset);
    for (; track_step(&query); count++) {
        if (count == 0)
            dz_json_open(out, "metrics", '[');
        if (limit == 0 || count < limit)
            write_point(out, &query, key, NULL);
    }
    if (count > 0)
        dz_json_close(out, ']');
    if (limit > 0 && count > limit)
        track_write_token(out, offset + limit);
    return track_end(&query, err);
}

dozan_status dz_track_history_bulk(dz_track *track, const cJSON *arguments, dz_json *out,
                                   dozan_error *err)
{
    const char *key = track_arg(arguments, "metric_key");
    int64_t limit = track_arg_int(arguments, "max_results", DEFAULT_BULK);
    dozan_status status = DOZAN_OK;
    const cJSON *run;
    limit = limit < DEFAULT_BULK ? limit : DEFAULT_BULK;
    dz_json_open(out, "metrics", '[');
    cJSON_ArrayForEach(run, track_arg_list(arguments, "run_id"))
    {
        if (status == DOZAN_OK)
            status = write_bulk(track, run->valuestring, key, limit, out, err);
    }
    dz_json_close(out, ']');
    return status;
}

static dozan_status write_bulk(dz_track *track, const char *uuid, const char *key, int64_t limit,
                               dz_json *out, dozan_error *err)
{
    track_query query =
        track_ask(track,
                  "SELECT m.value, is_nan, at_ms, step FROM track_metrics m JOIN track_runs r ON "
                  "r.id = m.run WHERE r.uuid = ? AND key = ? ORDER BY at_ms, step, value LIMIT ?",
                  "ssi", uuid, key, limit);
    while (track_step(&query))
        write_point(out, &query, key, uuid);
    return track_end(&query, err);
}

dozan_status dz_track_history_interval(dz_track *track, const cJSON *arguments, dz_json *out,
                                       dozan_error *err)
{
    int64_t wanted = track_arg_int(arguments, "max_results", DEFAULT_POINTS);
    dozan_status status = DOZAN_OK;
    const cJSON *run;
    dz_json_open(out, "metrics", '[');
    cJSON_ArrayForEach(run, track_arg_list(arguments, "run_ids"))
    {
        if (status == DOZAN_OK)
            status = write_interval(track, run->valuestring, arguments, wanted, out, err);
    }
    dz_json_close(out, ']');
    return status;
}

/* Of the steps every n-th, so that at most `wanted` are left, and always the last. */
static dozan_status write_interval(dz_track *track, const char *uuid, const cJSON *arguments,
                                   int64_t wanted, dz_json *out, dozan_error *err)
{
    const char *key = track_arg(arguments, "metric_key");
    track_query query = track_ask(
        track,
        "WITH points AS (SELECT m.value, is_nan, at_ms, step, dense_rank() OVER (ORDER BY step) AS "
        "place FROM track_metrics m JOIN track_runs r ON r.id = m.run WHERE r.uuid = ?1 AND key = "
        "?2 AND step BETWEEN ?3 AND ?4) SELECT value, is_nan, at_ms, step FROM points WHERE place "
        "% (((SELECT max(place) FROM points) + ?5 - 1) / ?5) = 1 % (((SELECT max(place) FROM "
        "points) + ?5 - 1) / ?5) OR place = (SELECT max(place) FROM points) ORDER BY step, at_ms, "
        "value",
        "ssiii", uuid, key, track_arg_int(arguments, "start_step", INT64_MIN),
        track_arg_int(arguments, "end_step", INT64_MAX), wanted);
    while (track_step(&query))
        write_point(out, &query, key, uuid);
    return track_end(&query, err);
}
