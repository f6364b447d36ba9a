/*
 * One trial, and some side by side.
 */
#include "api/views/shared.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

enum { MAX_EVENTS = 200, MAX_COMPARED = 12 };

static void build_rank(dz_builder *build, cJSON *tree, const dz_held *held, int64_t number);
static dozan_status build_events(dz_builder *build, cJSON *tree, const dz_held *held,
                                 dozan_error *err);
static dozan_status build_compared(dz_builder *build, cJSON *tree, const dz_held *held,
                                   dozan_error *err);

dozan_status dz_view_trial(const dz_view_request *request, cJSON **answer, dozan_error *err)
{
    dz_held held;
    dz_builder build = {0};
    dozan_status status = dz_hold(request, &held, err);
    if (status != DOZAN_OK)
        return status;
    cJSON *tree = cJSON_CreateObject();
    dz_build_number(&build, tree, "now", request->now_ms);
    dz_build_text(&build, tree, "namespace", held.experiment->spec->namespace_);
    dz_build_text(&build, tree, "experiment", held.experiment->spec->name);
    dz_build_number(&build, tree, "trials", held.experiment->trial_count);
    dz_build_objectives(&build, tree, held.experiment->spec);
    cJSON *metrics = dz_build_array(&build, tree, "metricNames");
    for (size_t i = 0; i < held.experiment->spec->metric_count; i++)
        dz_build_word(&build, metrics, held.experiment->spec->metrics[i].name);
    cJSON *trial = dz_build_object(&build, tree, "trial");
    status = dz_put_trial(&held, request->trial, true, &build, trial, err);
    if (status == DOZAN_OK)
        status = build_events(&build, tree, &held, err);
    if (status == DOZAN_OK)
        build_rank(&build, tree, &held, request->trial);
    dz_release(&held);
    if (status == DOZAN_OK)
        return dz_build_done(&build, tree, answer, err);
    cJSON_Delete(tree);
    return status;
}

dozan_status dz_view_compare(const dz_view_request *request, cJSON **answer, dozan_error *err)
{
    dz_held held;
    dz_builder build = {0};
    dozan_status status = dz_hold(request, &held, err);
    if (status != DOZAN_OK)
        return status;
    cJSON *tree = cJSON_CreateObject();
    dz_build_objectives(&build, tree, held.experiment->spec);
    dz_build_axes(&build, tree, held.experiment->space);
    status = build_compared(&build, tree, &held, err);
    dz_release(&held);
    if (status == DOZAN_OK)
        return dz_build_done(&build, tree, answer, err);
    cJSON_Delete(tree);
    return status;
}

/* ---- helpers */

/* How many completed trials are better by the objective, and how many there are. */
static void build_rank(dz_builder *build, cJSON *tree, const dz_held *held, int64_t number)
{
    const dz_frame *frame = held->frame;
    size_t own = dz_frame_find(frame, number);
    int64_t better = 0, completed = 0;
    if (own == SIZE_MAX || frame->states[own] != DZ_TRIAL_SUCCEEDED ||
        isnan(frame->values[own * frame->metrics]))
        return;
    double loss = dz_frame_loss(held, own, 0);
    for (size_t row = 0; row < frame->count; row++) {
        if (frame->states[row] != DZ_TRIAL_SUCCEEDED || isnan(frame->values[row * frame->metrics]))
            continue;
        completed++;
        better += dz_frame_loss(held, row, 0) < loss;
    }
    dz_build_number(build, tree, "rank", better + 1);
    dz_build_number(build, tree, "completed", completed);
}

typedef struct events {
    dz_builder *build;
    cJSON *items;
    size_t count;
} events;

static bool visit_event(void *user, const dz_log_entry *entry)
{
    static const char *const names[] = {
        [DOZAN_EVENT_ASKED] = "suggested",
        [DOZAN_EVENT_STARTED] = "started",
        [DOZAN_EVENT_REPORT] = "reported",
        [DOZAN_EVENT_COMPLETED] = "completed",
        [DOZAN_EVENT_FAILED] = "failed",
        [DOZAN_EVENT_LOST] = "lost",
        [DOZAN_EVENT_STOPPED] = "stopped early",
        [DOZAN_EVENT_UNAVAILABLE] = "ended without metrics",
        [DOZAN_EVENT_KILLED] = "killed",
    };
    events *list = user;
    bool known = entry->kind >= DOZAN_EVENT_ASKED && entry->kind <= DOZAN_EVENT_KILLED;
    cJSON *item = dz_build_item(list->build, list->items);
    dz_build_text(list->build, item, "event", known ? names[entry->kind] : "unknown");
    dz_build_number(list->build, item, "time", entry->time_ms);
    dz_build_number(list->build, item, "attempt", entry->attempt);
    if (entry->has_value)
        dz_build_double(list->build, item, "value", entry->value);
    return ++list->count < MAX_EVENTS;
}

static dozan_status build_events(dz_builder *build, cJSON *tree, const dz_held *held,
                                 dozan_error *err)
{
    events list = {.build = build, .items = dz_build_array(build, tree, "events")};
    return dz_store_entries(held->request.store, held->experiment->id, held->request.trial,
                            visit_event, &list, err);
}

/* trials=3,17,42 */
static dozan_status build_compared(dz_builder *build, cJSON *tree, const dz_held *held,
                                   dozan_error *err)
{
    const char *at = dz_query_text(&held->request, "trials");
    cJSON *items = dz_build_array(build, tree, "items");
    dozan_status status = DOZAN_OK;
    for (size_t count = 0; status == DOZAN_OK && at != NULL && *at != '\0'; count++) {
        char *end = NULL;
        errno = 0;
        long long number = strtoll(at, &end, 10);
        if (errno != 0 || end == at || (*end != ',' && *end != '\0') || number < 1 ||
            count == MAX_COMPARED)
            return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "trials",
                                   "give at most %d numbers of trials with commas between them",
                                   (int)MAX_COMPARED);
        cJSON *item = dz_build_item(build, items);
        status = dz_put_trial(held, number, true, build, item, err);
        size_t row = dz_frame_find(held->frame, number);
        cJSON *units = dz_build_array(build, item, "units");
        for (size_t d = 0; status == DOZAN_OK && row != SIZE_MAX && d < held->frame->dims; d++)
            dz_build_value(build, units, dz_round(held->frame->units[row * held->frame->dims + d]));
        at = *end == ',' ? end + 1 : end;
    }
    return status;
}
