/*
 * The Pareto front: the trials that no other one dominates, and a sample of the others beside them.
 */
#include "api/views/shared.h"

#include "api/views/top.h"
#include <dozan/rng.h>

enum { MAX_FRONT = 500, MAX_OTHERS = 500 };

static dozan_status build_others(dz_builder *build, cJSON *tree, const dz_held *held,
                                 dozan_error *err);

dozan_status dz_view_front(const dz_view_request *request, cJSON **answer, dozan_error *err)
{
    dz_held held;
    dz_builder build = {0};
    dozan_status status = dz_hold(request, &held, err);
    if (status != DOZAN_OK)
        return status;
    const dz_front *front = &held.experiment->front;
    cJSON *tree = cJSON_CreateObject();
    dz_build_objectives(&build, tree, held.experiment->spec);
    dz_build_number(&build, tree, "count", (int64_t)front->count);
    cJSON *points = dz_build_array(&build, tree, "front");
    size_t shown = front->count < MAX_FRONT ? front->count : MAX_FRONT;
    for (size_t i = 0; i < shown; i++) {
        size_t at = shown > 1 ? i * (front->count - 1) / (shown - 1) : 0;
        cJSON *point = dz_build_row(&build, points);
        dz_build_value(&build, point, (double)front->trials[at]);
        for (size_t k = 0; k < front->width; k++)
            dz_build_value(&build, point, front->values[at * front->width + k]);
    }
    status = build_others(&build, tree, &held, err);
    dz_release(&held);
    if (status == DOZAN_OK)
        return dz_build_done(&build, tree, answer, err);
    cJSON_Delete(tree);
    return status;
}

/* ---- helpers */

/* Completed trials that are not on the front: the same ones each time, by a hash of their numbers.
 */
static dozan_status build_others(dz_builder *build, cJSON *tree, const dz_held *held,
                                 dozan_error *err)
{
    const dz_frame *frame = held->frame;
    const dz_experiment *experiment = held->experiment;
    const dz_experiment_spec *spec = experiment->spec;
    dz_top chosen;
    dozan_status status = dz_top_init(&chosen, MAX_OTHERS, err);
    if (status != DOZAN_OK)
        return status;
    for (size_t row = 0; row < frame->count; row++)
        if (frame->states[row] == DZ_TRIAL_SUCCEEDED &&
            !dz_front_has(&experiment->front, frame->numbers[row]))
            dz_top_offer(&chosen,
                         (double)dozan_hash_words(experiment->seed, (uint64_t)frame->numbers[row]),
                         row);
    dz_top_sort_by_row(&chosen);
    cJSON *points = dz_build_array(build, tree, "others");
    for (size_t i = 0; i < chosen.count; i++) {
        size_t row = chosen.items[i].row;
        cJSON *point = dz_build_row(build, points);
        dz_build_value(build, point, (double)frame->numbers[row]);
        for (size_t k = 0; k < spec->objective_count; k++)
            dz_build_value(build, point,
                           frame->values[row * frame->metrics + spec->objectives[k].metric]);
        dz_build_value(build, point, frame->feasible[row]);
    }
    dz_top_fini(&chosen);
    return DOZAN_OK;
}
