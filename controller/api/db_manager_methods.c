#include "api/db_manager_parts.h"

#include "arena.h"
#include "collectors/rfc3339.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MAX_LOGS = 1000000, MAX_LOG_BYTES = 64 << 20 };

/* Where the trial is that a request means. */
typedef struct place {
    const db_call *call;
    dz_role role;           /* needed there */
    const char *namespace_; /* the one that was asked for, or NULL */
    char found[256];
    int64_t experiment_id, trial;
    size_t count;
} place;

/* Points on their way into a reply. */
typedef struct reading {
    const dz_experiment_spec *spec;
    const char *metric; /* "" = all */
    int64_t from_ms, to_ms;
    dz_arena arena;
    struct row {
        int64_t time_ms;
        size_t order;
        dozan_metric_log log;
    } * rows;
    size_t count, room;
    bool failed;
} reading;

static dozan_status find(const db_call *call, dz_role role, place *found, const char **name,
                         dozan_error *err);
static dz_place_visit take_place;
static dozan_status nothing_found(const place *found, const char *name, dozan_error *err);
static dozan_status open_store(db_worker *worker, dz_store **store, dozan_error *err);
static dozan_status read_time(const char *text, const char *what, int64_t otherwise, int64_t *ms,
                              dozan_error *err);
static dz_point_visit take_point;
static bool put_row(reading *in, const dz_point *point);
static int by_time(const void *left, const void *right);
static dozan_status pack(reading *in, void **reply, size_t *size, dozan_error *err);

dozan_status db_report(const db_call *call, void **reply, size_t *size, dozan_error *err)
{
    place found;
    const char *name = NULL;
    const dozan_db_request *request = call->request;
    const dz_db_manager_config *config = &call->worker->manager->config;
    dz_point_in *points = NULL;
    dozan_status status = find(call, DZ_ROLE_EDITOR, &found, &name, err);
    if (status != DOZAN_OK)
        return status;
    points = calloc(request->log_count + 1, sizeof(*points));
    if (points == NULL)
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    for (size_t i = 0; status == DOZAN_OK && i < request->log_count; i++) {
        const dozan_metric_log *log = &request->logs[i];
        points[i] = (dz_point_in){.metric = log->metric, .value = log->value};
        status = read_time(log->time_stamp, "time_stamp", 0, &points[i].time_ms, err);
        if (points[i].time_ms < 0) /* Go's zero time: none was noted */
            points[i].time_ms = 0;
    }
    if (status == DOZAN_OK)
        status = config->report(config->service, found.found, name, call->report_name, points,
                                request->log_count, NULL, err);
    free(points);
    return status == DOZAN_OK ? dozan_db_reply_pack(DOZAN_DB_REPORT, NULL, 0, reply, size, err)
                              : status;
}

dozan_status db_get(const db_call *call, void **reply, size_t *size, dozan_error *err)
{
    place found;
    const char *name = NULL;
    dz_store *store = NULL;
    dz_experiment *experiment = NULL;
    const dozan_db_request *request = call->request;
    reading in = {.metric = request->metric_name};
    dozan_status status = find(call, DZ_ROLE_VIEWER, &found, &name, err);
    if (status == DOZAN_OK)
        status = read_time(request->start_time, "start_time", INT64_MIN, &in.from_ms, err);
    if (status == DOZAN_OK)
        status = read_time(request->end_time, "end_time", INT64_MAX, &in.to_ms, err);
    if (status == DOZAN_OK)
        status = open_store(call->worker, &store, err);
    if (status == DOZAN_OK)
        status = dz_store_load_id(store, found.experiment_id, &experiment, err);
    if (status != DOZAN_OK)
        return status;
    in.spec = experiment->spec;
    status = dz_store_points(store, found.experiment_id, found.trial, 0, -1, take_point, &in, err);
    if (status == DOZAN_OK && in.failed)
        status = dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL,
                                 "trial %s has more metrics than one answer takes: ask for one "
                                 "metric_name, or between start_time and end_time",
                                 name);
    if (status == DOZAN_OK)
        status = pack(&in, reply, size, err);
    dz_arena_fini(&in.arena);
    free(in.rows);
    dz_experiment_destroy(experiment);
    return status;
}

dozan_status db_delete(const db_call *call, void **reply, size_t *size, dozan_error *err)
{
    place found;
    const char *name = NULL;
    const dz_db_manager_config *config = &call->worker->manager->config;
    dozan_status status = find(call, DZ_ROLE_EDITOR, &found, &name, err);
    if (status == DOZAN_OK)
        status = config->forget(config->service, found.found, name, err);
    return status == DOZAN_OK ? dozan_db_reply_pack(DOZAN_DB_DELETE, NULL, 0, reply, size, err)
                              : status;
}

/* ---- which trial ---- */

/* *name is the trial's without a namespace. */
static dozan_status find(const db_call *call, dz_role role, place *found, const char **name,
                         dozan_error *err)
{
    char namespace_[sizeof(found->found)];
    dz_store *store = NULL;
    const char *whole = call->request->trial_name, *slash = strchr(whole, '/');
    *found = (place){.call = call, .role = role};
    *name = slash != NULL ? slash + 1 : whole;
    if (slash != NULL && (size_t)(slash - whole) < sizeof(namespace_)) {
        (void)snprintf(namespace_, sizeof(namespace_), "%.*s", (int)(slash - whole), whole);
        found->namespace_ = namespace_;
    } else if (slash != NULL) {
        return nothing_found(found, whole, err);
    }
    dozan_status status = open_store(call->worker, &store, err);
    if (status == DOZAN_OK)
        status = dz_store_trial_places(store, *name, take_place, found, err);
    found->namespace_ = NULL;
    if (status != DOZAN_OK)
        return status;
    if (found->count == 0)
        return nothing_found(found, whole, err);
    if (found->count > 1)
        return dozan_error_set(err, DOZAN_FAILED_PRECONDITION, "trial_name",
                               "several namespaces have a trial %s, %s among them: call it "
                               "NAMESPACE/%s",
                               *name, found->found, *name);
    return DOZAN_OK;
}

static bool take_place(void *user, const dz_trial_place *candidate)
{
    place *found = user;
    const dz_auth_user *who = found->call->user;
    if (found->namespace_ != NULL && strcmp(found->namespace_, candidate->namespace_) != 0)
        return true;
    if (who != NULL && dz_auth_role(who, candidate->namespace_) < found->role)
        return true;
    found->count++;
    found->experiment_id = candidate->experiment_id;
    found->trial = candidate->trial;
    (void)snprintf(found->found, sizeof(found->found), "%s", candidate->namespace_);
    return true;
}

/* The same answer for a trial that is not there and for one that the caller may not know of. */
static dozan_status nothing_found(const place *found, const char *name, dozan_error *err)
{
    const dz_auth_user *who = found->call->user;
    if (who == NULL || dz_auth_role(who, NULL) >= found->role)
        return dozan_error_set(err, DOZAN_NOT_FOUND, "trial_name", "there is no trial \"%.300s\"",
                               name);
    return dozan_error_set(err, DOZAN_PERMISSION_DENIED, "trial_name",
                           "there is no trial \"%.300s\" in a namespace where user \"%s\" has the "
                           "role %s",
                           name, dz_auth_user_name(who), dz_role_name(found->role));
}

static dozan_status open_store(db_worker *worker, dz_store **store, dozan_error *err)
{
    dozan_status status = DOZAN_OK;
    if (worker->store == NULL)
        status = dz_store_open(worker->manager->config.db_path, DZ_STORE_READ, DZ_DURABILITY_NORMAL,
                               &worker->store, err);
    if (status == DOZAN_NOT_FOUND && err != NULL)
        err->code = status = DOZAN_UNAVAILABLE; /* of the database, not of what was asked for */
    *store = worker->store;
    return status;
}

static dozan_status read_time(const char *text, const char *what, int64_t otherwise, int64_t *ms,
                              dozan_error *err)
{
    *ms = otherwise;
    if (text[0] == '\0' || dz_rfc3339_parse(text, strlen(text), ms))
        return DOZAN_OK;
    return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, what,
                           "\"%.64s\" is no time as RFC 3339 has it: 2024-05-06T07:08:09Z", text);
}

/* ---- its points ---- */

static bool take_point(void *user, int32_t attempt, const dz_point *point)
{
    reading *in = user;
    (void)attempt;
    if (point->metric >= in->spec->metric_count || point->time_ms < in->from_ms ||
        point->time_ms > in->to_ms)
        return true;
    if (in->metric[0] != '\0' && strcmp(in->metric, in->spec->metrics[point->metric].name) != 0)
        return true;
    in->failed = !put_row(in, point);
    return !in->failed;
}

static bool put_row(reading *in, const dz_point *point)
{
    char text[40];
    struct tm parts = {0};
    time_t seconds = (time_t)(point->time_ms / 1000);
    int rest = (int)(point->time_ms % 1000);
    if (in->count == in->room) {
        size_t room = in->room > 0 ? in->room * 2 : 256;
        struct row *grown = room <= MAX_LOGS ? realloc(in->rows, room * sizeof(*grown)) : NULL;
        if (grown == NULL)
            return false;
        in->rows = grown;
        in->room = room;
    }
    size_t used = gmtime_r(&seconds, &parts) != NULL
                      ? strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &parts)
                      : 0;
    (void)snprintf(text + used, sizeof(text) - used, rest > 0 ? ".%03dZ" : "Z", rest);
    struct row *row = &in->rows[in->count];
    *row = (struct row){point->time_ms, in->count, {.time_stamp = dz_arena_text(&in->arena, text)}};
    row->log.metric = in->spec->metrics[point->metric].name;
    row->log.value = dz_arena_text(&in->arena, point->text);
    in->count++;
    return row->log.time_stamp != NULL && row->log.value != NULL &&
           in->arena.total_bytes <= MAX_LOG_BYTES;
}

static int by_time(const void *left, const void *right)
{
    const struct row *a = left, *b = right;
    if (a->time_ms != b->time_ms)
        return a->time_ms < b->time_ms ? -1 : 1;
    return a->order < b->order ? -1 : 1;
}

/* In Katib's order: by time, and as they came within one. */
static dozan_status pack(reading *in, void **reply, size_t *size, dozan_error *err)
{
    if (in->count > 0)
        qsort(in->rows, in->count, sizeof(*in->rows), by_time);
    dozan_metric_log *logs = calloc(in->count + 1, sizeof(*logs));
    if (logs == NULL)
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    for (size_t i = 0; i < in->count; i++)
        logs[i] = in->rows[i].log;
    dozan_status status = dozan_db_reply_pack(DOZAN_DB_GET, logs, in->count, reply, size, err);
    free(logs);
    return status;
}
