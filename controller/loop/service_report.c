/*
 * Metrics that come from outside, for trials that run: Katib's Push collector.
 */
#include "loop/service_parts.h"

#include <dozan/space.h>
#include <stdlib.h>
#include <string.h>

static dozan_status find_trial(dz_service *service, dz_request *r, dz_trial **trial,
                               dozan_error *err);
static dozan_status not_running(const dz_request *r, dozan_error *err);
static bool is_repeated(const dz_loop *loop, const dz_turn_report *report);
static dozan_status remember(dz_loop *loop, const dz_turn_report *report, dozan_error *err);
static size_t make_points(const dz_request *r, const dz_experiment_spec *spec,
                          const dz_trial *trial, dz_point *points);
static size_t find_metric(const dz_experiment_spec *spec, const char *name);

dozan_status dz_service_take_report(dz_service *service, dz_request *r, dozan_error *err)
{
    dz_trial *trial = NULL;
    dozan_status status = find_trial(service, r, &trial, err);
    if (status || r->reported.repeated)
        return status;
    const dz_experiment *e = r->actor->experiment;
    if (!dz_spec_is_told(e->spec->collector) && e->spec->collector != DZ_COLLECTOR_CUSTOM &&
        e->spec->lease_ms == 0)
        return dozan_error_set(err, DOZAN_FAILED_PRECONDITION, r->name,
                               "the metrics of experiment %s are read from the trials' output; set "
                               "spec.metricsCollectorSpec.collector.kind to Push to report them",
                               e->spec->name);
    return dz_service_append(service, r, trial, err);
}

dozan_status dz_service_append(dz_service *service, dz_request *r, dz_trial *trial,
                               dozan_error *err)
{
    const dz_experiment *e = r->actor->experiment;
    dz_point *points = calloc(r->point_count + 1, sizeof *points);
    if (!points)
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    size_t count = make_points(r, e->spec, trial, points);
    dz_turn_report report = {e->id, trial->number, trial->attempt, r->request_id};
    dozan_status status = r->request_id ? remember(service->loop, &report, err) : DOZAN_OK;
    dz_event event = {.kind = DZ_EVENT_TRIAL_REPORTED,
                      .u.trial = {.trial = trial->number,
                                  .attempt = trial->attempt,
                                  .points = points,
                                  .point_count = count}};
    if (!status)
        status = dz_actor_step(r->actor, &event, err);
    r->reported.taken = (int64_t)count;
    r->reported.dropped = (int64_t)(r->point_count - count);
    free(points);
    return status;
}

/* No transaction is open while requests are taken: this is one of its own. */
dozan_status dz_service_take_forget(dz_service *service, const dz_request *r, dozan_error *err)
{
    int64_t id = 0, number = 0;
    dozan_status status =
        dz_store_find_trial(service->store, r->namespace_, r->name, &id, &number, err);
    if (status)
        return status;
    if (!id)
        return dozan_error_set(err, DOZAN_NOT_FOUND, NULL, "there is no trial \"%s\"", r->name);
    const dz_actor *actor = dz_actor_find(service->loop, id);
    if (actor && dz_experiment_find_active(actor->experiment, number))
        return dozan_error_set(err, DOZAN_FAILED_PRECONDITION, NULL,
                               "trial %s has not ended: its metrics are still needed", r->name);
    return dz_store_forget_points(service->store, id, number, err);
}

dozan_status dz_service_counted(dz_service *service, const dz_turn_report *report, bool *known,
                                dozan_error *err)
{
    *known = report->request && is_repeated(service->loop, report);
    if (*known || !report->request)
        return DOZAN_OK;
    return dz_store_knows_report(service->store, report->experiment, report->trial, report->attempt,
                                 report->request, known, err);
}

/* A report that has been counted is so also when its trial has ended since: its caller asks again
 * because the answer was lost. */
static dozan_status find_trial(dz_service *service, dz_request *r, dz_trial **trial,
                               dozan_error *err)
{
    int64_t id = 0, number = 0;
    bool known = false;
    dozan_status status =
        dz_store_find_trial(service->store, r->namespace_, r->name, &id, &number, err);
    if (!status && !id)
        status = dozan_error_set(err, DOZAN_NOT_FOUND, NULL, "there is no trial \"%s\"", r->name);
    if (status)
        return status;
    r->actor = dz_actor_find(service->loop, id);
    *trial = r->actor ? dz_experiment_find_active(r->actor->experiment, number) : NULL;
    int32_t attempt = *trial ? (*trial)->attempt : 0;
    dz_turn_report report = {id, number, attempt, r->request_id};
    status = dz_service_counted(service, &report, &known, err);
    if (!status && known)
        r->reported.repeated = (int64_t)r->point_count;
    else if (!status && (!*trial || ((*trial)->state != DZ_TRIAL_STARTING &&
                                     (*trial)->state != DZ_TRIAL_RUNNING)))
        status = not_running(r, err);
    return status;
}

static dozan_status not_running(const dz_request *r, dozan_error *err)
{
    return dozan_error_set(err, DOZAN_FAILED_PRECONDITION, NULL,
                           "trial %s does not run: only a trial that runs can report", r->name);
}

/* In this turn. */
static bool is_repeated(const dz_loop *loop, const dz_turn_report *report)
{
    for (size_t i = 0; i < loop->report_count; i++) {
        const dz_turn_report *other = &loop->reports[i];
        if (other->experiment == report->experiment && other->trial == report->trial &&
            other->attempt == report->attempt && strcmp(other->request, report->request) == 0)
            return true;
    }
    return false;
}

static dozan_status remember(dz_loop *loop, const dz_turn_report *report, dozan_error *err)
{
    if (loop->report_count == loop->report_capacity) {
        size_t capacity = loop->report_capacity ? loop->report_capacity * 2 : 64;
        dz_turn_report *grown = realloc(loop->reports, capacity * sizeof *grown);
        if (!grown)
            return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
        loop->reports = grown;
        loop->report_capacity = capacity;
    }
    dz_turn_report *kept = &loop->reports[loop->report_count];
    *kept = *report;
    kept->request = strdup(report->request);
    if (!kept->request)
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    loop->report_count++;
    return DOZAN_OK;
}

/* Those of metrics that the experiment has, numbered on from what the trial has reported. */
static size_t make_points(const dz_request *r, const dz_experiment_spec *spec,
                          const dz_trial *trial, dz_point *points)
{
    int64_t now = dz_loop_wall_ms();
    size_t count = 0;
    for (size_t i = 0; i < r->point_count; i++) {
        const dz_point_in *in = &r->points[i];
        size_t metric = find_metric(spec, in->metric);
        if (metric == SIZE_MAX)
            continue;
        dz_point *point = &points[count];
        *point = (dz_point){.metric = (uint32_t)metric,
                            .step = trial->observations[metric].count + 1,
                            .time_ms = in->time_ms ? in->time_ms : now,
                            .text = in->value};
        for (size_t k = count; k > 0; k--) {
            if (points[k - 1].metric == metric) {
                point->step = points[k - 1].step + 1;
                break;
            }
        }
        point->is_number = dozan_number_parse(in->value, true, &point->value);
        if (!point->is_number)
            point->value = 0;
        count++;
    }
    return count;
}

static size_t find_metric(const dz_experiment_spec *spec, const char *name)
{
    for (size_t i = 0; i < spec->metric_count; i++)
        if (strcmp(spec->metrics[i].name, name) == 0)
            return i;
    return SIZE_MAX;
}
