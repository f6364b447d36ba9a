/*
 * The connection of the tracking tables: kept statements, arguments, pairs.
 */
#include "store/track_parts.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

static void bind_all(track_query *query, const char *types, va_list arguments);
static int find_kept(dz_track *track, const char *sql);

dozan_status dz_track_open(const char *path, dz_store_mode mode, dz_durability durability,
                           dz_track **track, dozan_error *err)
{
    dz_track *made = calloc(1, sizeof(*made));
    if (made == NULL)
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    dozan_status status = dz_store_open(path, mode, durability, &made->store, err);
    if (status == DOZAN_OK)
        *track = made;
    else
        dz_track_close(made);
    return status;
}

void dz_track_close(dz_track *track)
{
    if (track == NULL)
        return;
    for (size_t i = 0; i < TRACK_KEPT; i++)
        (void)sqlite3_finalize(track->kept[i].stmt);
    dz_store_close(track->store);
    free(track);
}

dozan_status dz_track_begin(dz_track *track, dozan_error *err)
{
    return dz_db_begin(track->store, err);
}

dozan_status dz_track_end(dz_track *track, dozan_status status, dozan_error *err)
{
    return dz_db_finish(track->store, status, err);
}

dozan_status dz_track_within(dz_track *track, dz_track_call *call, const cJSON *arguments,
                             dz_json *out, dozan_error *err)
{
    size_t before = out->buf.size;
    dozan_status status = track_run(track, err, "SAVEPOINT call", "");
    if (status != DOZAN_OK)
        return status;
    status = call(track, arguments, out, err);
    if (status == DOZAN_OK)
        return track_run(track, err, "RELEASE call", "");
    out->buf.size = before;
    dozan_error later = {0};
    if (track_run(track, &later, "ROLLBACK TO call", "") != DOZAN_OK ||
        track_run(track, &later, "RELEASE call", "") != DOZAN_OK) {
        if (err != NULL)
            *err = later;
        return later.code;
    }
    return status;
}

dozan_status dz_track_read(dz_track *track, dz_track_call *call, const cJSON *arguments,
                           dz_json *out, dozan_error *err)
{
    dozan_status status = dz_db_begin_read(track->store, err);
    if (status != DOZAN_OK)
        return status;
    status = call(track, arguments, out, err);
    dz_db_end_read(track->store);
    return status;
}

/* ---- statements ---- */

track_query track_ask(dz_track *track, const char *sql, const char *types, ...)
{
    track_query query = {.track = track, .kept = find_kept(track, sql)};
    va_list arguments;
    if (query.kept < 0)
        query.code = sqlite3_prepare_v2(track->store->db, sql, -1, &query.stmt, NULL);
    else if (track->kept[query.kept].stmt == NULL)
        query.code = sqlite3_prepare_v3(track->store->db, sql, -1, SQLITE_PREPARE_PERSISTENT,
                                        &track->kept[query.kept].stmt, NULL);
    if (query.kept >= 0) {
        query.stmt = track->kept[query.kept].stmt;
        track->kept[query.kept].busy = true;
    }
    va_start(arguments, types);
    bind_all(&query, types, arguments);
    va_end(arguments);
    return query;
}

track_query track_ask_once(dz_track *track, const char *sql)
{
    track_query query = {.track = track, .kept = -1};
    query.code = sqlite3_prepare_v2(track->store->db, sql, -1, &query.stmt, NULL);
    return query;
}

bool track_step(track_query *query)
{
    if (query->code != SQLITE_OK)
        return false;
    int code = sqlite3_step(query->stmt);
    if (code != SQLITE_ROW && code != SQLITE_DONE)
        query->code = code;
    return code == SQLITE_ROW;
}

dozan_status track_end(track_query *query, dozan_error *err)
{
    dozan_status status = query->code == SQLITE_OK ? DOZAN_OK
                                                   : dz_db_error(query->track->store, query->code,
                                                                 "cannot use what is tracked", err);
    if (query->kept < 0) {
        (void)sqlite3_finalize(query->stmt);
    } else {
        (void)sqlite3_reset(query->stmt);
        (void)sqlite3_clear_bindings(query->stmt);
        query->track->kept[query->kept].busy = false;
    }
    query->stmt = NULL;
    return status;
}

dozan_status track_run(dz_track *track, dozan_error *err, const char *sql, const char *types, ...)
{
    va_list arguments;
    track_query query = track_ask(track, sql, "");
    va_start(arguments, types);
    bind_all(&query, types, arguments);
    va_end(arguments);
    (void)track_step(&query);
    return track_end(&query, err);
}

int64_t track_changes(const dz_track *track)
{
    return sqlite3_changes64(track->store->db);
}

int64_t track_last_id(const dz_track *track)
{
    return sqlite3_last_insert_rowid(track->store->db);
}

const char *track_text(const track_query *query, int column)
{
    return (const char *)sqlite3_column_text(query->stmt, column);
}

int64_t track_int(const track_query *query, int column)
{
    return sqlite3_column_int64(query->stmt, column);
}

double track_double(const track_query *query, int column)
{
    return sqlite3_column_double(query->stmt, column);
}

static void bind_all(track_query *query, const char *types, va_list arguments)
{
    for (int i = 1; *types != '\0' && query->code == SQLITE_OK; i++, types++) {
        if (*types == 's')
            query->code = sqlite3_bind_text(query->stmt, i, va_arg(arguments, const char *), -1,
                                            SQLITE_STATIC);
        else if (*types == 'i')
            query->code = sqlite3_bind_int64(query->stmt, i, va_arg(arguments, int64_t));
        else
            query->code = sqlite3_bind_double(query->stmt, i, va_arg(arguments, double));
    }
}

/* Its place, a free one for it, or -1: none is free, or it is in use further out. */
static int find_kept(dz_track *track, const char *sql)
{
    size_t start = (size_t)(((uintptr_t)sql >> 3) % TRACK_KEPT);
    for (size_t i = 0; i < TRACK_KEPT; i++) {
        size_t at = (start + i) % TRACK_KEPT;
        if (track->kept[at].sql == NULL)
            track->kept[at].sql = sql;
        if (track->kept[at].sql == sql)
            return track->kept[at].busy ? -1 : (int)at;
    }
    return -1;
}

/* ---- arguments ---- */

const char *track_arg(const cJSON *arguments, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(arguments, name);
    return cJSON_IsString(item) ? item->valuestring : NULL;
}

const char *track_arg_run(const cJSON *arguments)
{
    const char *id = track_arg(arguments, "run_id");
    if (id == NULL || *id == '\0')
        id = track_arg(arguments, "run_uuid");
    return id != NULL ? id : "";
}

const cJSON *track_arg_list(const cJSON *arguments, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(arguments, name);
    return cJSON_IsArray(item) ? item : NULL;
}

int64_t track_arg_int(const cJSON *arguments, const char *name, int64_t otherwise)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(arguments, name);
    if (cJSON_IsString(item) && *item->valuestring != '\0')
        return strtoll(item->valuestring, NULL, 10);
    if (!cJSON_IsNumber(item))
        return otherwise;
    if (item->valuestring != NULL) /* more digits than a double has */
        return strtoll(item->valuestring, NULL, 10);
    if (item->valuedouble >= 9223372036854775807.0)
        return INT64_MAX;
    return item->valuedouble <= -9223372036854775808.0 ? INT64_MIN : (int64_t)item->valuedouble;
}

double track_arg_double(const cJSON *arguments, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(arguments, name);
    return cJSON_IsString(item)   ? strtod(item->valuestring, NULL)
           : cJSON_IsNumber(item) ? item->valuedouble
                                  : NAN;
}

int64_t track_now_ms(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

dozan_status track_new_uuid(const char *prefix, char uuid[TRACK_UUID], dozan_error *err)
{
    unsigned char bytes[16];
    if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
        return dozan_error_set(err, DOZAN_UNAVAILABLE, NULL, "the system gives no random bytes");
    int at = snprintf(uuid, TRACK_UUID, "%s", prefix);
    for (size_t i = 0; i < sizeof(bytes); i++)
        at += snprintf(uuid + at, (size_t)(TRACK_UUID - at), "%02x", bytes[i]);
    return DOZAN_OK;
}

dozan_status track_read_token(const cJSON *arguments, int64_t *offset, dozan_error *err)
{
    const char *text = track_arg(arguments, "page_token");
    char *end = NULL;
    *offset = 0;
    if (text == NULL || *text == '\0')
        return DOZAN_OK;
    errno = 0;
    long long value =
        *text == 'p' && text[1] >= '0' && text[1] <= '9' ? strtoll(text + 1, &end, 10) : -1;
    if (value < 0 || errno != 0 || end == NULL || *end != '\0')
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, NULL,
                               "Invalid page token, could not decode it: '%.64s'", text);
    *offset = value;
    return DOZAN_OK;
}

void track_write_token(dz_json *out, int64_t offset)
{
    char text[TRACK_TOKEN];
    (void)snprintf(text, sizeof(text), "p%" PRId64, offset);
    dz_json_text(out, "next_page_token", text);
}

/* ---- pairs ---- */

dozan_status track_set_pair(dz_track *track, track_kind kind, int64_t owner, const char *key,
                            const char *value, dozan_error *err)
{
    return track_run(track, err,
                     "INSERT INTO track_pairs VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO UPDATE SET "
                     "value = excluded.value WHERE value != excluded.value",
                     "iiss", (int64_t)kind, owner, key, value != NULL ? value : "");
}

dozan_status track_set_pairs(dz_track *track, track_kind kind, int64_t owner, const cJSON *list,
                             dozan_error *err)
{
    dozan_status status = DOZAN_OK;
    const cJSON *item;
    cJSON_ArrayForEach(item, list)
    {
        const char *key = track_arg(item, "key");
        if (status == DOZAN_OK && key != NULL)
            status = track_set_pair(track, kind, owner, key, track_arg(item, "value"), err);
    }
    return status;
}

dozan_status track_delete_pair(dz_track *track, track_kind kind, int64_t owner, const char *key,
                               bool *found, dozan_error *err)
{
    dozan_status status =
        track_run(track, err, "DELETE FROM track_pairs WHERE kind = ? AND owner = ? AND key = ?",
                  "iis", (int64_t)kind, owner, key);
    *found = status == DOZAN_OK && track_changes(track) > 0;
    return status;
}

dozan_status track_delete_pairs(dz_track *track, track_kind kind, int64_t owner, dozan_error *err)
{
    return track_run(track, err, "DELETE FROM track_pairs WHERE kind = ? AND owner = ?", "ii",
                     (int64_t)kind, owner);
}

dozan_status track_write_pairs(dz_track *track, track_kind kind, int64_t owner, const char *name,
                               dz_json *out, dozan_error *err)
{
    bool any = false;
    track_query query =
        track_ask(track, "SELECT key, value FROM track_pairs WHERE kind = ? AND owner = ?", "ii",
                  (int64_t)kind, owner);
    for (; track_step(&query); any = true) {
        if (!any)
            dz_json_open(out, name, '[');
        dz_json_open(out, NULL, '{');
        dz_json_text(out, "key", track_text(&query, 0));
        dz_json_text(out, "value", track_text(&query, 1));
        dz_json_close(out, '}');
    }
    if (any)
        dz_json_close(out, ']');
    return track_end(&query, err);
}
