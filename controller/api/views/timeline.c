/*
 * Trials on slots, and how many ran at each time.
 *
 * A slot is a lane that was free when the trial started: the lowest such. Bars are those of the
 * latest trials before "to" (now, if it is not given); the load is that of the whole run, from all
 * trials.
 */
#include "api/views/shared.h"
#include "api/views/top.h"

#include <stdlib.h>

enum { MAX_BARS = 400, BUCKETS = 160, MAX_LANES = 4096 };

typedef struct range {
    int64_t from_ms, to_ms;
} range;

static range whole_range(const dz_held *held);
static dozan_status build_bars(dz_builder *build, cJSON *tree, const dz_held *held, int64_t to_ms,
                               dozan_error *err);
static void build_load(dz_builder *build, cJSON *tree, const dz_held *held, range whole);

dozan_status dz_view_timeline(const dz_view_request *request, cJSON **answer, dozan_error *err)
{
    dz_held held;
    dz_builder build = {0};
    int64_t to_ms = 0;
    dozan_status status = dz_hold(request, &held, err);
    if (status != DOZAN_OK)
        return status;
    range whole = whole_range(&held);
    status = dz_query_number(request, "to", 0, INT64_MAX, whole.to_ms, &to_ms, err);
    if (status == DOZAN_OK) {
        cJSON *tree = cJSON_CreateObject();
        dz_build_number(&build, tree, "from", whole.from_ms);
        dz_build_number(&build, tree, "to", whole.to_ms);
        dz_build_number(&build, tree, "parallel", held.experiment->spec->parallel_trial_count);
        build_load(&build, tree, &held, whole);
        status = build_bars(&build, tree, &held, to_ms, err);
        if (status == DOZAN_OK)
            status = dz_build_done(&build, tree, answer, err);
        else
            cJSON_Delete(tree);
    }
    dz_release(&held);
    return status;
}

/* ---- helpers */

/* When a trial's bar ends: now, while it runs. */
static int64_t end_of(const dz_held *held, size_t row)
{
    const dz_frame *frame = held->frame;
    int64_t end_ms = frame->ended_ms[row] > 0 ? frame->ended_ms[row] : held->request.now_ms;
    return end_ms > frame->started_ms[row] ? end_ms : frame->started_ms[row];
}

static range whole_range(const dz_held *held)
{
    range whole = {0};
    for (size_t row = 0; row < held->frame->count; row++) {
        int64_t start_ms = held->frame->started_ms[row];
        if (start_ms <= 0)
            continue;
        if (whole.from_ms == 0 || start_ms < whole.from_ms)
            whole.from_ms = start_ms;
        if (end_of(held, row) > whole.to_ms)
            whole.to_ms = end_of(held, row);
    }
    return whole;
}

static size_t lane_for(int64_t *free_ms, size_t *lanes, int64_t start_ms, int64_t end_ms)
{
    size_t lane = 0;
    while (lane < *lanes && free_ms[lane] > start_ms)
        lane++;
    if (lane == MAX_LANES)
        lane = MAX_LANES - 1; /* more than can be drawn: on top of one another */
    if (lane == *lanes)
        (*lanes)++;
    free_ms[lane] = end_ms;
    return lane;
}

static int by_start(const void *a, const void *b)
{
    const dz_top_item *first = a, *second = b;
    int order = (first->key > second->key) - (first->key < second->key);
    return order != 0 ? -order : (first->row > second->row) - (first->row < second->row);
}

/* [[number, lane, start, end, state], ...]; the end is null while it runs. */
static dozan_status build_bars(dz_builder *build, cJSON *tree, const dz_held *held, int64_t to_ms,
                               dozan_error *err)
{
    const dz_frame *frame = held->frame;
    dz_top latest;
    size_t lanes = 0;
    int64_t *free_ms = calloc(MAX_LANES, sizeof *free_ms);
    if (free_ms == NULL)
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    dozan_status status = dz_top_init(&latest, MAX_BARS, err);
    if (status != DOZAN_OK)
        goto done;
    for (size_t row = 0; row < frame->count; row++)
        if (frame->started_ms[row] > 0 && frame->started_ms[row] <= to_ms)
            dz_top_offer(&latest, -(double)frame->started_ms[row], row);
    qsort(latest.items, latest.count, sizeof *latest.items, by_start);
    cJSON *bars = dz_build_array(build, tree, "bars");
    for (size_t i = 0; i < latest.count; i++) {
        size_t row = latest.items[i].row;
        int64_t start_ms = frame->started_ms[row], end_ms = end_of(held, row);
        cJSON *bar = dz_build_row(build, bars);
        dz_build_value(build, bar, (double)frame->numbers[row]);
        dz_build_value(build, bar, (double)lane_for(free_ms, &lanes, start_ms, end_ms));
        dz_build_value(build, bar, (double)start_ms);
        dz_build_value(build, bar, (double)end_ms);
        dz_build_word(build, bar, dz_trial_state_name((dz_trial_state)frame->states[row]));
    }
    dz_build_number(build, tree, "lanes", (int64_t)lanes);
    dz_build_number(build, tree, "all", (int64_t)frame->count);
done:
    dz_top_fini(&latest);
    free(free_ms);
    return status;
}

/* The mean number of running trials in each of BUCKETS equal parts of the time. A trial adds to
 * what begins and ends; a running sum makes the level of it. */
static void build_load(dz_builder *build, cJSON *tree, const dz_held *held, range whole)
{
    const dz_frame *frame = held->frame;
    double parts[BUCKETS + 2] = {0}, levels[BUCKETS + 2] = {0}, level = 0;
    double width = (double)(whole.to_ms - whole.from_ms) / BUCKETS;
    cJSON *load = dz_build_array(build, tree, "load");
    for (size_t row = 0; row < frame->count && width > 0; row++) {
        if (frame->started_ms[row] <= 0)
            continue;
        double start = (double)(frame->started_ms[row] - whole.from_ms) / width;
        double end = (double)(end_of(held, row) - whole.from_ms) / width;
        size_t first = (size_t)start, last = (size_t)end;
        if (first == last) {
            parts[first] += end - start;
            continue;
        }
        parts[first] += (double)(first + 1) - start;
        parts[last] += end - (double)last;
        levels[first + 1] += 1;
        levels[last] -= 1;
    }
    for (size_t b = 0; b < BUCKETS && width > 0; b++) {
        level += levels[b];
        dz_build_value(build, load, dz_round(parts[b] + level));
    }
}
