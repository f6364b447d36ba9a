#include "store/track_csv.h"

#include "store/track_parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CELLS = 2048, KEY = 256 };

#define IMPORTED "dozan.imported"

typedef struct reader {
    dz_track *track;
    const char *at, *end;
    char *cells[CELLS]; /* owned */
    size_t count;
    char *titles[CELLS]; /* owned */
    size_t title_count;
    char place[24]; /* the experiment's number */
    int64_t row;
    dz_imported *imported;
} reader;

static bool read_row(reader *r);
static char *read_cell(reader *r);
static dozan_status open_place(reader *r, const char *experiment, dozan_error *err);
static dozan_status check_titles(const reader *r, dozan_error *err);
static dozan_status add_row(reader *r, dozan_error *err);
static dozan_status is_there(reader *r, const char *key, bool *there, dozan_error *err);
static cJSON *make_run(const reader *r, const char *key);
static cJSON *make_batch(const reader *r);
static const char *cell(const reader *r, const char *title);
static void free_cells(reader *r);

static const char *const prefixes[] = {"params.", "metrics.", "tags."};

dozan_status dz_track_import_csv(dz_track *track, const char *experiment, const char *text,
                                 size_t size, dz_imported *imported, dozan_error *err)
{
    dozan_status status = DOZAN_OK;
    reader *r = calloc(1, sizeof(*r));
    *imported = (dz_imported){0};
    if (r == NULL)
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    r->track = track;
    r->at = text;
    r->end = text + size;
    r->imported = imported;
    if (read_row(r)) {
        memcpy(r->titles, r->cells, sizeof(r->titles));
        r->title_count = r->count;
        r->count = 0;
    }
    status = check_titles(r, err);
    if (status == DOZAN_OK)
        status = dz_track_begin(track, err);
    if (status == DOZAN_OK) {
        status = open_place(r, experiment, err);
        while (status == DOZAN_OK && read_row(r))
            status = add_row(r, err);
        status = dz_track_end(track, status, err);
    }
    free_cells(r);
    r->count = r->title_count;
    memcpy(r->cells, r->titles, sizeof(r->cells));
    free_cells(r);
    free(r);
    return status;
}

static void free_cells(reader *r)
{
    for (size_t i = 0; i < r->count; i++)
        free(r->cells[i]);
    r->count = 0;
}

/* ---- the text: RFC 4180, any line's end ---- */

static bool read_row(reader *r)
{
    free_cells(r);
    while (r->at < r->end && (*r->at == '\n' || *r->at == '\r'))
        r->at++;
    if (r->at >= r->end)
        return false;
    for (bool more = true; more && r->count < CELLS;) {
        char *made = read_cell(r);
        if (made == NULL)
            return false;
        r->cells[r->count++] = made;
        more = r->at < r->end && *r->at == ',';
        if (more)
            r->at++;
    }
    r->row++;
    return true;
}

static char *read_cell(reader *r)
{
    char *made = malloc((size_t)(r->end - r->at) + 1);
    size_t size = 0;
    bool quoted = r->at < r->end && *r->at == '"';
    if (made == NULL)
        return NULL;
    for (r->at += quoted; r->at < r->end; r->at++) {
        if (quoted && *r->at == '"') {
            if (r->at + 1 >= r->end || r->at[1] != '"')
                break;
            r->at++;
        } else if (!quoted && (*r->at == ',' || *r->at == '\n' || *r->at == '\r')) {
            break;
        }
        made[size++] = *r->at;
    }
    if (quoted && r->at < r->end)
        r->at++;
    made[size] = '\0';
    char *fitted = realloc(made, size + 1);
    return fitted != NULL ? fitted : made;
}

static dozan_status check_titles(const reader *r, dozan_error *err)
{
    for (size_t i = 0; i < r->title_count; i++)
        for (size_t k = 0; k < 2; k++)
            if (strncmp(r->titles[i], prefixes[k], strlen(prefixes[k])) == 0)
                return DOZAN_OK;
    return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, NULL,
                           "no column of the CSV is named params.NAME or metrics.NAME in its first "
                           "line");
}

/* ---- the rows ---- */

static dozan_status open_place(reader *r, const char *experiment, dozan_error *err)
{
    dozan_status status = track_run(r->track, err,
                                    "INSERT INTO track_experiments (name, location, created_ms, "
                                    "updated_ms) VALUES (?1, '', ?2, ?2) ON CONFLICT DO NOTHING",
                                    "si", experiment, track_now_ms());
    if (status == DOZAN_OK)
        r->imported->experiments = track_changes(r->track);
    if (status == DOZAN_OK)
        status = track_run(r->track, err,
                           "UPDATE track_experiments SET location = 'mlflow-artifacts:/' || id "
                           "WHERE location = ''",
                           "");
    track_query query =
        track_ask(r->track, "SELECT id FROM track_experiments WHERE name = ?", "s", experiment);
    if (track_step(&query))
        (void)snprintf(r->place, sizeof(r->place), "%s", track_text(&query, 0));
    dozan_status ended = track_end(&query, status == DOZAN_OK ? err : NULL);
    return status == DOZAN_OK ? ended : status;
}

/* Or nothing. */
static bool is_number(const char *text)
{
    char *end = NULL;
    (void)strtod(text, &end);
    return *end == '\0';
}

static dozan_status add_row(reader *r, dozan_error *err)
{
    char key[KEY];
    const char *id = cell(r, "run_id");
    bool there = false;
    cJSON *run = NULL, *batch = NULL, *answer = NULL;
    dz_json out;
    if (r->count > r->title_count)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, NULL,
                               "row %" PRId64 " has %zu cells, and there are %zu columns", r->row,
                               r->count, r->title_count);
    for (size_t i = 0; i < r->count; i++)
        if (strncmp(r->titles[i], prefixes[1], strlen(prefixes[1])) == 0 && !is_number(r->cells[i]))
            return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, NULL,
                                   "row %" PRId64 ", column %.100s: \"%.60s\" is no number", r->row,
                                   r->titles[i], r->cells[i]);
    if (*id != '\0')
        (void)snprintf(key, sizeof(key), "%.200s", id);
    else
        (void)snprintf(key, sizeof(key), "row %" PRId64, r->row);
    dozan_status status = is_there(r, key, &there, err);
    if (status != DOZAN_OK || there)
        return status;
    dozan_buf_init(&out.buf, 1 << 24);
    dz_json_open(&out, NULL, '{');
    run = make_run(r, key);
    batch = make_batch(r);
    if (run == NULL || batch == NULL)
        status = dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    if (status == DOZAN_OK)
        status = dz_track_run_create(r->track, run, &out, err);
    dz_json_close(&out, '}');
    if (status == DOZAN_OK &&
        (answer = cJSON_ParseWithLength(out.buf.data, out.buf.size)) != NULL) {
        const cJSON *info = cJSON_GetObjectItem(cJSON_GetObjectItem(answer, "run"), "info");
        (void)cJSON_AddStringToObject(batch, "run_id", track_arg(info, "run_id"));
        out.buf.size = 0;
        status = dz_track_run_log_batch(r->track, batch, &out, err);
        if (status == DOZAN_OK)
            status = dz_track_run_update(r->track, batch, &out, err);
    }
    r->imported->runs++;
    r->imported->points += cJSON_GetArraySize(cJSON_GetObjectItem(batch, "metrics"));
    cJSON_Delete(answer);
    cJSON_Delete(batch);
    cJSON_Delete(run);
    dozan_buf_fini(&out.buf);
    return status;
}

static dozan_status is_there(reader *r, const char *key, bool *there, dozan_error *err)
{
    track_query query =
        track_ask(r->track,
                  "SELECT 1 FROM track_runs r JOIN track_pairs p ON p.kind = 1 AND p.owner = r.id "
                  "AND p.key = '" IMPORTED "' AND p.value = ?2 WHERE r.experiment = CAST(?1 AS "
                  "INTEGER)",
                  "ss", r->place, key);
    *there = track_step(&query);
    return track_end(&query, err);
}

static bool add_pair(cJSON *list, const char *key, const char *value)
{
    cJSON *pair = cJSON_CreateObject();
    return pair != NULL && cJSON_AddItemToArray(list, pair) &&
           cJSON_AddStringToObject(pair, "key", key) != NULL &&
           cJSON_AddStringToObject(pair, "value", value) != NULL;
}

static cJSON *make_run(const reader *r, const char *key)
{
    cJSON *run = cJSON_CreateObject(), *tags = cJSON_AddArrayToObject(run, "tags");
    const char *name = *cell(r, "name") != '\0' ? cell(r, "name") : cell(r, "tags.mlflow.runName");
    bool good = tags != NULL && cJSON_AddStringToObject(run, "experiment_id", r->place) != NULL &&
                cJSON_AddStringToObject(run, "user_id", "csv") != NULL &&
                cJSON_AddStringToObject(run, "start_time", cell(r, "start_time")) != NULL &&
                add_pair(tags, IMPORTED, key) &&
                (*name == '\0' || cJSON_AddStringToObject(run, "run_name", name) != NULL);
    if (good)
        return run;
    cJSON_Delete(run);
    return NULL;
}

/* What the run has, and what has become of it. An empty cell is none. */
static cJSON *make_batch(const reader *r)
{
    static const char *const known[] = {"RUNNING", "SCHEDULED", "FAILED", "KILLED"};
    const char *status = "FINISHED";
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (strcmp(cell(r, "status"), known[i]) == 0)
            status = known[i];
    cJSON *batch = cJSON_CreateObject();
    cJSON *lists[] = {cJSON_AddArrayToObject(batch, "params"),
                      cJSON_AddArrayToObject(batch, "metrics"),
                      cJSON_AddArrayToObject(batch, "tags")};
    bool good = lists[0] != NULL && lists[1] != NULL && lists[2] != NULL &&
                cJSON_AddStringToObject(batch, "status", status) != NULL &&
                cJSON_AddStringToObject(batch, "end_time", cell(r, "end_time")) != NULL;
    for (size_t i = 0; good && i < r->count; i++)
        for (size_t k = 0; good && k < 3; k++) {
            const char *name = r->titles[i] + strlen(prefixes[k]);
            if (strncmp(r->titles[i], prefixes[k], strlen(prefixes[k])) == 0 &&
                *r->cells[i] != '\0' && strcmp(name, "mlflow.runName") != 0)
                good = add_pair(lists[k], name, r->cells[i]);
        }
    if (good)
        return batch;
    cJSON_Delete(batch);
    return NULL;
}

static const char *cell(const reader *r, const char *title)
{
    for (size_t i = 0; i < r->title_count && i < r->count; i++)
        if (strcmp(r->titles[i], title) == 0)
            return r->cells[i];
    return "";
}
