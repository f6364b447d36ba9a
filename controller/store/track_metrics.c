/*
 * The histories of metrics, and what each is now.
 *
 * A point that is there already is not written again: a client that repeats a call after a lost
 * answer adds nothing.
 */
#include "store/track_parts.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { DEFAULT_BULK = 25000, DEFAULT_POINTS = 320, RUNS_MAX = 100, STEPS_TEXT = 1 << 17 };

typedef struct point {
    double value;
    int64_t at_ms, step;
    int64_t is_nan;
} point;

static point read_point(const cJSON *metric);
static dozan_status set_latest(dz_track *track, int64_t kind, int64_t owner, const cJSON *metric,
                               const point *value, const char *run, dozan_error *err);
static void write_point(dz_json *out, const track_query *query, const char *key, const char *run);
static dozan_status write_bulk(dz_track *track, const char *uuid, const char *key, int64_t *left,
                               dz_json *out, dozan_error *err);
static bool has(const cJSON *arguments, const char *name);
static dozan_status choose_steps(dz_track *track, const cJSON *arguments, int64_t from, int64_t to,
                                 dz_json *steps, dozan_error *err);
static dozan_status write_interval(dz_track *track, const char *uuid, const cJSON *arguments,
                                   int64_t from, int64_t to, const char *steps, dz_json *out,
                                   dozan_error *err);

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

static int by_text(const void *one, const void *other)
{
    return strcmp(*(const char *const *)one, *(const char *const *)other);
}

dozan_status dz_track_history_bulk(dz_track *track, const cJSON *arguments, dz_json *out,
                                   dozan_error *err)
{
    const char *key = track_arg(arguments, "metric_key"), *runs[RUNS_MAX];
    const cJSON *list = track_arg_list(arguments, "run_id"), *run;
    int64_t limit = track_arg_int(arguments, "max_results", DEFAULT_BULK);
    dozan_status status = DOZAN_OK;
    size_t count = 0;
    if (cJSON_GetArraySize(list) == 0)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, NULL,
                               "GetMetricHistoryBulk request must specify at least one run_id.");
    if (cJSON_GetArraySize(list) > RUNS_MAX)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, NULL,
                               "GetMetricHistoryBulk request cannot specify more than %d run_ids. "
                               "Received %d run_ids.",
                               RUNS_MAX, cJSON_GetArraySize(list));
    if (key == NULL || *key == '\0')
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, NULL,
                               "GetMetricHistoryBulk request must specify a metric_key.");
    cJSON_ArrayForEach(run, list)
    {
        runs[count++] = run->valuestring;
    }
    qsort(runs, count, sizeof(*runs), by_text);
    limit = limit < DEFAULT_BULK ? limit : DEFAULT_BULK;
    dz_json_open(out, "metrics", '[');
    for (size_t i = 0; i < count && limit > 0 && status == DOZAN_OK; i++)
        status = write_bulk(track, runs[i], key, &limit, out, err);
    dz_json_close(out, ']');
    return status;
}

static dozan_status write_bulk(dz_track *track, const char *uuid, const char *key, int64_t *left,
                               dz_json *out, dozan_error *err)
{
    track_query query =
        track_ask(track,
                  "SELECT m.value, is_nan, at_ms, step FROM track_metrics m JOIN track_runs r ON "
                  "r.id = m.run WHERE r.uuid = ? AND key = ? ORDER BY at_ms, step, value LIMIT ?",
                  "ssi", uuid, key, *left);
    for (; track_step(&query); --*left)
        write_point(out, &query, key, uuid);
    return track_end(&query, err);
}

dozan_status dz_track_history_interval(dz_track *track, const cJSON *arguments, dz_json *out,
                                       dozan_error *err)
{
    const cJSON *list = track_arg_list(arguments, "run_ids"), *run;
    int64_t from = track_arg_int(arguments, "start_step", INT64_MIN);
    int64_t to = track_arg_int(arguments, "end_step", INT64_MAX);
    dz_json steps;
    if (cJSON_GetArraySize(list) > RUNS_MAX)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, NULL,
                               "GetMetricHistoryBulkInterval request must specify at most %d "
                               "run_ids. Received %d run_ids.",
                               RUNS_MAX, cJSON_GetArraySize(list));
    if (has(arguments, "start_step") != has(arguments, "end_step"))
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, NULL,
                               "If either start step or end step are specified, both must be "
                               "specified.");
    if (from > to)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, NULL,
                               "end_step must be greater than start_step. Found start_step=%lld "
                               "and end_step=%lld.",
                               (long long)from, (long long)to);
    dozan_buf_init(&steps.buf, STEPS_TEXT);
    dozan_status status = choose_steps(track, arguments, from, to, &steps, err);
    dz_json_open(out, "metrics", '[');
    cJSON_ArrayForEach(run, list)
    {
        if (status == DOZAN_OK)
            status = write_interval(track, run->valuestring, arguments, from, to, steps.buf.data,
                                    out, err);
    }
    dz_json_close(out, ']');
    dozan_buf_fini(&steps.buf);
    return status;
}

static bool has(const cJSON *arguments, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(arguments, name);
    return item != NULL && !cJSON_IsNull(item);
}

/* Of all steps of all the runs as many as are wanted, evenly, and the first and the last of each:
 * a list as JSON. */
static dozan_status choose_steps(dz_track *track, const cJSON *arguments, int64_t from, int64_t to,
                                 dz_json *steps, dozan_error *err)
{
    char *runs = cJSON_PrintUnformatted(track_arg_list(arguments, "run_ids"));
    if (runs == NULL)
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    track_query query = track_ask(
        track,
        "WITH points AS (SELECT run, step FROM track_metrics WHERE key = ?1 AND step BETWEEN ?2 "
        "AND ?3 AND run IN (SELECT id FROM track_runs WHERE uuid IN (SELECT value FROM "
        "json_each(?4)))) SELECT step FROM (SELECT step, row_number() OVER (ORDER BY step) - 1 AS "
        "place, count(*) OVER () AS n FROM (SELECT DISTINCT step FROM points)) WHERE n <= ?5 OR "
        "((place * ?5 + n - 1) / n) * n / ?5 = place OR step IN (SELECT min(step) FROM points "
        "GROUP BY run UNION SELECT max(step) FROM points GROUP BY run)",
        "siisi", track_arg(arguments, "metric_key"), from, to, runs,
        track_arg_int(arguments, "max_results", DEFAULT_POINTS));
    dz_json_open(steps, NULL, '[');
    while (track_step(&query))
        dz_json_int(steps, NULL, track_int(&query, 0));
    dz_json_close(steps, ']');
    cJSON_free(runs);
    dozan_status status = track_end(&query, err);
    if (status == DOZAN_OK && steps->buf.failed)
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    return status;
}

/* The points at these steps. */
static dozan_status write_interval(dz_track *track, const char *uuid, const cJSON *arguments,
                                   int64_t from, int64_t to, const char *steps, dz_json *out,
                                   dozan_error *err)
{
    const char *key = track_arg(arguments, "metric_key");
    track_query query = track_ask(
        track,
        "SELECT m.value, is_nan, at_ms, step FROM track_metrics m JOIN track_runs r ON r.id = "
        "m.run WHERE r.uuid = ?1 AND key = ?2 AND step BETWEEN ?3 AND ?4 AND step IN (SELECT value "
        "FROM json_each(?5)) ORDER BY step, at_ms, value",
        "ssiis", uuid, key, from, to, steps);
    while (track_step(&query))
        write_point(out, &query, key, uuid);
    return track_end(&query, err);
}
