/*
 * Requests, on their callers' threads.
 */
#include "loop/service_parts.h"

#include <string.h>

enum { MAX_POINTS = 100000, MAX_REQUEST_ID = 256, MAX_VALUE = 65536 };

/* One parameter more than the lint likes. NOLINTNEXTLINE(readability-function-size) */
dozan_status dz_service_delete(dz_service *service, const char *namespace_, const char *name,
                               const char *expected_uid, int64_t *experiment_id, dozan_error *err)
{
    dz_request request = {.kind = DZ_REQUEST_DELETE,
                          .namespace_ = namespace_,
                          .name = name,
                          .expected_uid = expected_uid};
    dozan_status status = dz_service_ask(service, &request, err);
    if (!status && experiment_id)
        *experiment_id = request.experiment_id;
    return status;
}

/* One parameter more than the lint likes. NOLINTNEXTLINE(readability-function-size) */
dozan_status dz_service_control(dz_service *service, const char *namespace_, const char *name,
                                dz_command_kind kind, int64_t trial, int64_t *new_trial,
                                dozan_error *err)
{
    dz_request request = {.kind = DZ_REQUEST_CONTROL,
                          .namespace_ = namespace_,
                          .name = name,
                          .command = kind,
                          .trial = trial};
    dozan_status status = dz_service_ask(service, &request, err);
    if (!status && new_trial)
        *new_trial = request.new_trial;
    return status;
}

/* One parameter more than the lint likes. NOLINTNEXTLINE(readability-function-size) */
dozan_status dz_service_report(dz_service *service, const char *namespace_, const char *trial_name,
                               const char *request_id, const dz_point_in *points, size_t count,
                               dz_reported *reported, dozan_error *err)
{
    dz_request request = {.kind = DZ_REQUEST_REPORT,
                          .namespace_ = namespace_,
                          .name = trial_name,
                          .request_id = request_id,
                          .points = points,
                          .point_count = count};
    dozan_status status = dz_service_check_points(&request, err);
    if (!status)
        status = dz_service_ask(service, &request, err);
    if (!status && reported)
        *reported = request.reported;
    return status;
}

dozan_status dz_service_forget(dz_service *service, const char *namespace_, const char *trial_name,
                               dozan_error *err)
{
    dz_request request = {.kind = DZ_REQUEST_FORGET, .namespace_ = namespace_, .name = trial_name};
    return dz_service_ask(service, &request, err);
}

dozan_status dz_service_ask(dz_service *service, dz_request *request, dozan_error *err)
{
    dz_request_kind kind = request->kind;
    dz_experiment *experiment = request->experiment;
    dz_experiment_spec *spec = request->spec;
    int64_t begun = dz_service_clock_ns();
    dozan_status status = dz_requests_ask(&service->requests, service->loop->mailbox, request, err);
    if (status && !request->answered) { /* it was never the owner's */
        dz_experiment_destroy(experiment);
        dz_spec_destroy(spec);
    }
    dz_service_timed(service, kind, begun, status);
    return status;
}

void dz_service_timed(dz_service *service, dz_request_kind kind, int64_t begun_ns,
                      dozan_status status)
{
    int64_t took = dz_service_clock_ns() - begun_ns;
    pthread_mutex_lock(&service->stats_lock);
    dz_latency_add(&service->stats.requests[kind], took);
    if (status)
        service->stats.refused[kind]++;
    pthread_mutex_unlock(&service->stats_lock);
}

dozan_status dz_service_check_points(const dz_request *request, dozan_error *err)
{
    const char *id = request->request_id;
    if (request->point_count > MAX_POINTS)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, NULL,
                               "%zu metrics are more than the %d of one report: send several",
                               request->point_count, MAX_POINTS);
    if (id && strlen(id) > MAX_REQUEST_ID)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, NULL,
                               "the report's name is longer than %d bytes", MAX_REQUEST_ID);
    for (size_t i = 0; i < request->point_count; i++) {
        const dz_point_in *point = &request->points[i];
        if (!point->metric || !point->value || strlen(point->value) > MAX_VALUE)
            return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, NULL,
                                   "metric %zu of the report has no name, no value, or one of more "
                                   "than %d bytes",
                                   i + 1, MAX_VALUE);
    }
    return DOZAN_OK;
}
