/*
 * Learning curves: of the trials that run, or of those that are named.
 */
#include "api/views/shared.h"

#include <errno.h>
#include <stdlib.h>

enum { MAX_CURVES = 32 };

typedef struct drawing {
    dz_held held;
    dz_builder build;
    cJSON *curves;
    size_t metric;
    dozan_error *err;
    dozan_status status;
} drawing;

static dozan_status draw_running(drawing *draw);
static dozan_status draw_named(drawing *draw, const char *names);
static void draw_trial(drawing *draw, const dz_trial *trial);

dozan_status dz_view_curves(const dz_view_request *request, cJSON **answer, dozan_error *err)
{
    drawing draw = {.err = err};
    cJSON *tree = NULL;
    const char *names = dz_query_text(request, "trials");
    dozan_status status = dz_hold(request, &draw.held, err);
    if (status != DOZAN_OK)
        return status;
    status = dz_query_metric(&draw.held, &draw.metric, err);
    if (status != DOZAN_OK)
        goto done;
    const dz_experiment_spec *spec = draw.held.experiment->spec;
    tree = cJSON_CreateObject();
    dz_build_text(&draw.build, tree, "metric", spec->metrics[draw.metric].name);
    dz_build_bool(&draw.build, tree, "maximize", dz_metric_maximize(spec, draw.metric));
    dz_build_number(&draw.build, tree, "running", (int64_t)draw.held.experiment->active_count);
    draw.curves = dz_build_array(&draw.build, tree, "curves");
    status = names != NULL ? draw_named(&draw, names) : draw_running(&draw);
    if (status == DOZAN_OK)
        status = dz_build_done(&draw.build, tree, answer, err);
    else
        cJSON_Delete(tree);
done:
    dz_release(&draw.held);
    return status;
}

/* ---- helpers */

static dozan_status draw_running(drawing *draw)
{
    const dz_experiment *experiment = draw->held.experiment;
    size_t drawn = 0;
    for (size_t i = 0; i < experiment->active_count && drawn < MAX_CURVES; i++) {
        const dz_trial *trial = experiment->active[i];
        if (trial->state != DZ_TRIAL_RUNNING && trial->state != DZ_TRIAL_STOPPING)
            continue;
        draw_trial(draw, trial);
        drawn++;
        if (draw->status != DOZAN_OK)
            return draw->status;
    }
    return DOZAN_OK;
}

static bool visit_named(void *user, const dz_trial *trial)
{
    draw_trial(user, trial);
    return false;
}

/* "3,17,42" */
static dozan_status draw_named(drawing *draw, const char *names)
{
    const char *at = names;
    for (size_t drawn = 0; *at != '\0' && drawn < MAX_CURVES; drawn++) {
        char *end = NULL;
        errno = 0;
        long long number = strtoll(at, &end, 10);
        if (errno != 0 || end == at || (*end != ',' && *end != '\0') || number < 1)
            return dozan_error_set(draw->err, DOZAN_INVALID_ARGUMENT, "trials",
                                   "give numbers of trials with commas between them");
        size_t row = dz_frame_find(draw->held.frame, number);
        dozan_status status = DOZAN_OK;
        if (row != SIZE_MAX)
            status = dz_store_trials(draw->held.request.store, draw->held.experiment, number - 1, 1,
                                     visit_named, draw, draw->err);
        if (status != DOZAN_OK || draw->status != DOZAN_OK)
            return status != DOZAN_OK ? status : draw->status;
        at = *end == ',' ? end + 1 : end;
    }
    return DOZAN_OK;
}

static void draw_trial(drawing *draw, const dz_trial *trial)
{
    const dz_curve *curve = NULL;
    dz_follow_key key = {.experiment = draw->held.experiment->id,
                         .trial = trial->number,
                         .attempt = trial->attempt,
                         .metric = (uint32_t)draw->metric};
    draw->status =
        dz_curves_get(&draw->held.kept->curves, draw->held.request.store, &key, &curve, draw->err);
    if (draw->status != DOZAN_OK)
        return;
    cJSON *item = dz_build_item(&draw->build, draw->curves);
    dz_build_number(&draw->build, item, "number", trial->number);
    dz_build_text(&draw->build, item, "name", trial->name);
    dz_build_text(&draw->build, item, "state", dz_trial_state_name(trial->state));
    dz_build_number(&draw->build, item, "stride", curve->stride);
    dz_build_curve(&draw->build, item, "points", curve);
}
