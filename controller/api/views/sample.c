/*
 * Trials as points of the space: the best, and others drawn by a hash of their numbers (so that the
 * same ones are shown each time). What parallel coordinates and slices are drawn from.
 */
#include "api/views/shared.h"
#include "api/views/top.h"

#include <dozan/rng.h>
#include <math.h>

enum { MAX_POINTS = 1000, POINTS = 400 };

static dozan_status choose(const dz_held *held, size_t metric, size_t limit, dz_top *chosen,
                           dozan_error *err);
static void build_point(dz_builder *build, cJSON *points, const dz_held *held, size_t row,
                        size_t metric);

dozan_status dz_view_sample(const dz_view_request *request, cJSON **answer, dozan_error *err)
{
    dz_held held;
    dz_builder build = {0};
    dz_top chosen = {0};
    size_t metric = 0;
    int64_t limit = 0;
    dozan_status status = dz_hold(request, &held, err);
    if (status != DOZAN_OK)
        return status;
    status = dz_query_metric(&held, &metric, err);
    if (status == DOZAN_OK)
        status = dz_query_number(request, "limit", 2, MAX_POINTS, POINTS, &limit, err);
    if (status == DOZAN_OK)
        status = choose(&held, metric, (size_t)limit, &chosen, err);
    if (status == DOZAN_OK) {
        cJSON *tree = cJSON_CreateObject();
        dz_build_text(&build, tree, "metric", held.experiment->spec->metrics[metric].name);
        dz_build_bool(&build, tree, "maximize", dz_metric_maximize(held.experiment->spec, metric));
        dz_build_number(&build, tree, "all", (int64_t)held.frame->count);
        dz_build_axes(&build, tree, held.experiment->space);
        cJSON *points = dz_build_array(&build, tree, "points");
        for (size_t i = 0; i < chosen.count; i++)
            build_point(&build, points, &held, chosen.items[i].row, metric);
        status = dz_build_done(&build, tree, answer, err);
    }
    dz_top_fini(&chosen);
    dz_release(&held);
    return status;
}

/* ---- helpers */

static bool has_value(const dz_held *held, size_t row, size_t metric)
{
    return held->frame->states[row] == DZ_TRIAL_SUCCEEDED &&
           isfinite(held->frame->values[row * held->frame->metrics + metric]);
}

/* A quarter are the best of all; the rest is drawn from what is left. */
static dozan_status choose(const dz_held *held, size_t metric, size_t limit, dz_top *chosen,
                           dozan_error *err)
{
    const dz_frame *frame = held->frame;
    dz_top best = {0};
    dozan_status status = dz_top_init(&best, limit / 4 > 0 ? limit / 4 : 1, err);
    if (status == DOZAN_OK)
        status = dz_top_init(chosen, limit, err);
    if (status != DOZAN_OK)
        goto done;
    for (size_t row = 0; row < frame->count; row++)
        if (has_value(held, row, metric))
            dz_top_offer(&best, dz_frame_loss(held, row, metric), row);
    dz_top_sort_by_row(&best);
    for (size_t row = 0, next = 0; row < frame->count; row++) {
        bool among = next < best.count && best.items[next].row == row;
        next += among;
        uint64_t hash = dozan_hash_words(held->experiment->seed, (uint64_t)frame->numbers[row]);
        if (has_value(held, row, metric)) /* the best before all others */
            dz_top_offer(chosen, among ? -1 : (double)hash, row);
    }
    dz_top_sort_by_row(chosen);
done:
    dz_top_fini(&best);
    return status;
}

/* [number, value, feasible, coordinate, coordinate, ...]; null where a parameter is inactive. */
static void build_point(dz_builder *build, cJSON *points, const dz_held *held, size_t row,
                        size_t metric)
{
    const dz_frame *frame = held->frame;
    cJSON *point = dz_build_row(build, points);
    dz_build_value(build, point, (double)frame->numbers[row]);
    dz_build_value(build, point, frame->values[row * frame->metrics + metric]);
    dz_build_value(build, point, frame->feasible[row]);
    for (size_t d = 0; d < frame->dims; d++)
        dz_build_value(build, point, dz_round(frame->units[row * frame->dims + d]));
}
