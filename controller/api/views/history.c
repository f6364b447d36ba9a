/*
 * The best so far over the completed trials, in the order in which they ended.
 *
 * Every improvement is told while they are at most half of the points; of more, which only a metric
 * that rises all the time has, they are thinned evenly and the last is kept. The other points are
 * an even sample of the trials.
 */
#include "api/views/shared.h"

#include <math.h>
#include <stdlib.h>

enum { POINTS = 500, MAX_BEST = 250 };

typedef struct story {
    size_t *places; /* in frame->ended, of the improvements */
    size_t count;
    size_t completed; /* trials with a value */
} story;

static dozan_status find_best(const dz_held *held, size_t metric, story *told, dozan_error *err);
static void build_best(dz_builder *build, cJSON *tree, const dz_held *held, size_t metric,
                       const story *told);
static void build_others(dz_builder *build, cJSON *tree, const dz_held *held, size_t metric,
                         const story *told);

dozan_status dz_view_history(const dz_view_request *request, cJSON **answer, dozan_error *err)
{
    dz_held held;
    dz_builder build = {0};
    story told = {0};
    size_t metric = 0;
    cJSON *tree = NULL;
    dozan_status status = dz_hold(request, &held, err);
    if (status != DOZAN_OK)
        return status;
    status = dz_query_metric(&held, &metric, err);
    if (status == DOZAN_OK)
        status = find_best(&held, metric, &told, err);
    if (status != DOZAN_OK)
        goto done;
    tree = cJSON_CreateObject();
    dz_build_text(&build, tree, "metric", held.experiment->spec->metrics[metric].name);
    dz_build_bool(&build, tree, "maximize", dz_metric_maximize(held.experiment->spec, metric));
    dz_build_number(&build, tree, "completed", (int64_t)told.completed);
    dz_build_number(&build, tree, "improvements", (int64_t)told.count);
    build_best(&build, tree, &held, metric, &told);
    build_others(&build, tree, &held, metric, &told);
    status = dz_build_done(&build, tree, answer, err);
done:
    free(told.places);
    dz_release(&held);
    return status;
}

/* ---- helpers */

static bool has_value(const dz_held *held, size_t row, size_t metric)
{
    return held->frame->states[row] == DZ_TRIAL_SUCCEEDED &&
           !isnan(held->frame->values[row * held->frame->metrics + metric]);
}

static dozan_status find_best(const dz_held *held, size_t metric, story *told, dozan_error *err)
{
    const dz_frame *frame = held->frame;
    double best = 0;
    told->places = calloc(frame->ended_count + 1, sizeof *told->places);
    if (told->places == NULL)
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    for (size_t i = 0; i < frame->ended_count; i++) {
        size_t row = frame->ended[i];
        if (!has_value(held, row, metric))
            continue;
        told->completed++;
        double loss = dz_frame_loss(held, row, metric);
        if (!frame->feasible[row] || (told->count > 0 && !(loss < best)))
            continue;
        best = loss;
        told->places[told->count++] = i;
    }
    return DOZAN_OK;
}

/* [[how many had ended, number, end, value], ...] */
static void add_point(dz_builder *build, cJSON *points, const dz_held *held, size_t place,
                      size_t metric)
{
    const dz_frame *frame = held->frame;
    size_t row = frame->ended[place];
    cJSON *point = dz_build_row(build, points);
    dz_build_value(build, point, (double)(place + 1));
    dz_build_value(build, point, (double)frame->numbers[row]);
    dz_build_value(build, point, (double)frame->ended_ms[row]);
    dz_build_value(build, point, frame->values[row * frame->metrics + metric]);
}

static void build_best(dz_builder *build, cJSON *tree, const dz_held *held, size_t metric,
                       const story *told)
{
    cJSON *points = dz_build_array(build, tree, "best");
    size_t shown = told->count < MAX_BEST ? told->count : MAX_BEST;
    for (size_t i = 0; i < shown; i++) {
        size_t at = shown > 1 ? i * (told->count - 1) / (shown - 1) : 0;
        add_point(build, points, held, told->places[at], metric);
    }
    dz_build_number(build, tree, "ended", (int64_t)held->frame->ended_count);
    dz_build_bool(build, tree, "thinned", shown < told->count);
}

static void build_others(dz_builder *build, cJSON *tree, const dz_held *held, size_t metric,
                         const story *told)
{
    cJSON *points = dz_build_array(build, tree, "others");
    size_t room = POINTS - (told->count < MAX_BEST ? told->count : MAX_BEST);
    size_t seen = 0, given = 0;
    for (size_t i = 0; i < held->frame->ended_count && given < room; i++) {
        if (!has_value(held, held->frame->ended[i], metric))
            continue;
        /* The seen-th of completed is one of `room` that stand evenly among them. */
        if (told->completed <= room || seen * room / told->completed >= given) {
            add_point(build, points, held, i, metric);
            given++;
        }
        seen++;
    }
}
