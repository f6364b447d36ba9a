/*
 * The messages of Katib's DBManager, and of the health check beside it.
 */
#include "wire_katib.h"
#include "wire_parts.h"

#include <dozan/db_manager.h>

#include <stdlib.h>
#include <string.h>

static dozan_status read_report(dz_bytes body, dz_arena *arena, dozan_db_request *request,
                                dozan_error *err);
static dozan_status read_get(dz_bytes body, dz_arena *arena, dozan_db_request *request,
                             dozan_error *err);
static dozan_status read_delete(dz_bytes body, dz_arena *arena, dozan_db_request *request,
                                dozan_error *err);
static dozan_status pack_logs(const dozan_metric_log *logs, size_t count, dz_arena *arena,
                              dz_bytes *body, dozan_error *err);

dozan_status dozan_db_request_read(const char *method, const void *body, size_t size,
                                   dozan_db_request *request, dozan_error *err)
{
    *request = (dozan_db_request){
        .trial_name = "", .metric_name = "", .start_time = "", .end_time = "", .service = ""};
    dz_arena *arena = calloc(1, sizeof(*arena));
    if (arena == NULL)
        return dz_wire_no_memory(err);
    request->memory = arena;
    dz_bytes bytes = {body, size};
    dozan_status status = DOZAN_OK;
    if (strcmp(method, DOZAN_DB_HEALTH) == 0)
        return dz_katib_unpack_health(bytes, arena, &request->service, err);
    if (strcmp(method, DOZAN_DB_REPORT) == 0)
        status = read_report(bytes, arena, request, err);
    else if (strcmp(method, DOZAN_DB_GET) == 0)
        status = read_get(bytes, arena, request, err);
    else
        status = read_delete(bytes, arena, request, err);
    if (status == DOZAN_OK && request->trial_name[0] == '\0')
        status = dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "trial_name",
                                 "the request names no trial");
    return status;
}

void dozan_db_request_fini(dozan_db_request *request)
{
    if (request->memory != NULL)
        dz_arena_fini(request->memory);
    free(request->memory);
    request->memory = NULL;
}

dozan_status dozan_db_reply_pack(const char *method, const dozan_metric_log *logs, size_t count,
                                 void **body, size_t *size, dozan_error *err)
{
    dz_arena arena = {0};
    dz_bytes packed = {0};
    dozan_status status = DOZAN_OK;
    *body = NULL;
    *size = 0;
    if (strcmp(method, DOZAN_DB_GET) == 0)
        status = pack_logs(logs, count, &arena, &packed, err);
    else if (strcmp(method, DOZAN_DB_HEALTH) == 0)
        status = dz_katib_pack_health(&arena, &packed, err);
    if (status == DOZAN_OK && packed.size > 0) {
        *body = malloc(packed.size);
        if (*body == NULL)
            status = dz_wire_no_memory(err);
        else
            memcpy(*body, packed.data, *size = packed.size);
    }
    dz_arena_fini(&arena);
    return status;
}

/* ---- helpers */

static dozan_status read_report(dz_bytes body, dz_arena *arena, dozan_db_request *request,
                                dozan_error *err)
{
    const Api__V1__Beta1__ReportObservationLogRequest *packed =
        (const Api__V1__Beta1__ReportObservationLogRequest *)dz_wire_unpack(
            &api__v1__beta1__report_observation_log_request__descriptor, body, arena, err);
    if (packed == NULL)
        return DOZAN_INVALID_ARGUMENT;
    request->trial_name = packed->trial_name;
    size_t count = packed->observation_log != NULL ? packed->observation_log->n_metric_logs : 0;
    dozan_metric_log *logs = dz_arena_array(arena, count, sizeof(*logs));
    if (logs == NULL)
        return dz_wire_no_memory(err);
    for (size_t i = 0; i < count; i++) {
        const Api__V1__Beta1__MetricLog *row = packed->observation_log->metric_logs[i];
        if (row->metric == NULL || row->metric->name[0] == '\0')
            return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "observation_log.metric_logs",
                                   "entry %zu has no metric with a name", i);
        logs[i] = (dozan_metric_log){row->time_stamp, row->metric->name, row->metric->value};
    }
    request->logs = logs;
    request->log_count = count;
    return DOZAN_OK;
}

static dozan_status read_get(dz_bytes body, dz_arena *arena, dozan_db_request *request,
                             dozan_error *err)
{
    const Api__V1__Beta1__GetObservationLogRequest *packed =
        (const Api__V1__Beta1__GetObservationLogRequest *)dz_wire_unpack(
            &api__v1__beta1__get_observation_log_request__descriptor, body, arena, err);
    if (packed == NULL)
        return DOZAN_INVALID_ARGUMENT;
    request->trial_name = packed->trial_name;
    request->metric_name = packed->metric_name;
    request->start_time = packed->start_time;
    request->end_time = packed->end_time;
    return DOZAN_OK;
}

static dozan_status read_delete(dz_bytes body, dz_arena *arena, dozan_db_request *request,
                                dozan_error *err)
{
    const Api__V1__Beta1__DeleteObservationLogRequest *packed =
        (const Api__V1__Beta1__DeleteObservationLogRequest *)dz_wire_unpack(
            &api__v1__beta1__delete_observation_log_request__descriptor, body, arena, err);
    if (packed == NULL)
        return DOZAN_INVALID_ARGUMENT;
    request->trial_name = packed->trial_name;
    return DOZAN_OK;
}

static dozan_status pack_logs(const dozan_metric_log *logs, size_t count, dz_arena *arena,
                              dz_bytes *body, dozan_error *err)
{
    Api__V1__Beta1__GetObservationLogReply reply;
    Api__V1__Beta1__ObservationLog log;
    api__v1__beta1__get_observation_log_reply__init(&reply);
    api__v1__beta1__observation_log__init(&log);
    Api__V1__Beta1__MetricLog **rows = dz_wire_rows(arena, count, sizeof(**rows));
    Api__V1__Beta1__Metric **metrics = dz_wire_rows(arena, count, sizeof(**metrics));
    if (count > 0 && (rows == NULL || metrics == NULL))
        return dz_wire_no_memory(err);
    for (size_t i = 0; i < count; i++) {
        api__v1__beta1__metric_log__init(rows[i]);
        api__v1__beta1__metric__init(metrics[i]);
        rows[i]->time_stamp = dz_wire_text(logs[i].time_stamp);
        rows[i]->metric = metrics[i];
        metrics[i]->name = dz_wire_text(logs[i].metric);
        metrics[i]->value = dz_wire_text(logs[i].value);
    }
    reply.observation_log = &log;
    log.metric_logs = rows;
    log.n_metric_logs = count;
    return dz_wire_pack(&reply.base, arena, body, err);
}
