#include "api/views/shared.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_LEVEL_TICKS = 12, EVEN_TICKS = 5, TICK_TEXT = 24 };

static void build_parameters(dz_builder *build, cJSON *item, const dz_experiment *experiment,
                             const dz_trial *trial);
static void build_metrics(dz_builder *build, cJSON *item, const dz_experiment_spec *spec,
                          const dz_trial *trial, bool whole);
static void build_whole(dz_builder *build, cJSON *item, const dz_experiment *experiment,
                        const dz_trial *trial);

typedef struct one_trial {
    const dz_experiment *experiment;
    dz_builder *build;
    cJSON *item;
    int64_t number;
    bool whole;
    bool found;
} one_trial;

void dz_build_trial_row(dz_builder *build, cJSON *item, const dz_experiment *experiment,
                        const dz_trial *trial, bool whole)
{
    dz_build_number(build, item, "number", trial->number);
    dz_build_text(build, item, "name", trial->name);
    dz_build_text(build, item, "state", dz_trial_state_name(trial->state));
    dz_build_bool(build, item, "ended", dz_trial_state_ended(trial->state));
    dz_build_text(build, item, "reason", trial->reason);
    dz_build_text(build, item, "message", trial->message);
    dz_build_number(build, item, "attempt", trial->attempt);
    dz_build_number(build, item, "created", trial->created_ms);
    dz_build_number(build, item, "started", trial->started_ms);
    dz_build_number(build, item, "finished", trial->ended_ms);
    if (experiment->spec->constraint_count > 0)
        dz_build_bool(build, item, "feasible", dz_trial_feasible(trial, experiment->spec));
    build_parameters(build, item, experiment, trial);
    build_metrics(build, item, experiment->spec, trial, whole);
    if (whole)
        build_whole(build, item, experiment, trial);
}

static bool visit_one(void *user, const dz_trial *trial)
{
    one_trial *one = user;
    if (trial->number == one->number) {
        dz_build_trial_row(one->build, one->item, one->experiment, trial, one->whole);
        one->found = true;
    }
    return false;
}

dozan_status dz_put_trial(const dz_held *held, int64_t number, bool whole, dz_builder *build,
                          cJSON *item, dozan_error *err)
{
    one_trial one = {.experiment = held->experiment,
                     .build = build,
                     .item = item,
                     .number = number,
                     .whole = whole};
    dozan_status status =
        dz_store_trials(held->request.store, held->experiment, number - 1, 1, visit_one, &one, err);
    if (status == DOZAN_OK && !one.found)
        status =
            dozan_error_set(err, DOZAN_NOT_FOUND, NULL, "the experiment \"%s\" has no trial %lld",
                            held->experiment->spec->name, (long long)number);
    return status;
}

void dz_build_counts(dz_builder *build, cJSON *parent, const dz_experiment *experiment)
{
    cJSON *counts = dz_build_object(build, parent, "counts");
    for (int i = 0; i < DZ_TRIAL_STATE_COUNT; i++)
        if (experiment->state_counts[i] > 0)
            dz_build_number(build, counts, dz_trial_state_name((dz_trial_state)i),
                            experiment->state_counts[i]);
}

void dz_build_objectives(dz_builder *build, cJSON *parent, const dz_experiment_spec *spec)
{
    cJSON *objectives = dz_build_array(build, parent, "objectives");
    for (size_t i = 0; i < spec->objective_count; i++) {
        cJSON *item = dz_build_item(build, objectives);
        dz_build_text(build, item, "metric", spec->metrics[spec->objectives[i].metric].name);
        dz_build_text(build, item, "type", spec->objectives[i].maximize ? "maximize" : "minimize");
        if (i == 0 && spec->has_goal)
            dz_build_double(build, item, "goal", spec->goal);
    }
}

void dz_build_best(dz_builder *build, cJSON *parent, const dz_experiment *experiment)
{
    char name[512], value[DOZAN_VALUE_TEXT];
    if (experiment->best.trial == 0) {
        dz_build_add(build, parent, "best", cJSON_CreateNull());
        return;
    }
    cJSON *best = dz_build_object(build, parent, "best");
    dz_trial_name(experiment, experiment->best.trial, name, sizeof name);
    dozan_number_text(experiment->best.value, value);
    dz_build_number(build, best, "number", experiment->best.trial);
    dz_build_text(build, best, "name", name);
    dz_build_double(build, best, "value", experiment->best.value);
    dz_build_text(build, best, "text", value);
}

/* ---- the space */

static void add_tick(dz_builder *build, cJSON *ticks, const dozan_space *space, size_t dim,
                     double at)
{
    char text[DOZAN_VALUE_TEXT], number[TICK_TEXT];
    const char *shown = dozan_space_text(space, dim, at, text);
    cJSON *tick = dz_build_row(build, ticks);
    if (dozan_space_dimension(space, dim)->levels == 0) { /* a continuous value has 17 digits */
        (void)snprintf(number, sizeof number, "%.3g", dozan_space_value(space, dim, at));
        shown = number;
    }
    dz_build_value(build, tick, dz_round(at));
    dz_build_word(build, tick, shown);
}

/* Each level while they are few, else some of them evenly. */
static void build_ticks(dz_builder *build, cJSON *ticks, const dozan_space *space, size_t dim)
{
    uint64_t levels = dozan_space_dimension(space, dim)->levels;
    uint64_t count = levels > 0 && levels <= MAX_LEVEL_TICKS ? levels : EVEN_TICKS;
    for (uint64_t i = 0; i < count; i++) {
        double at = count > 1 ? (double)i / (double)(count - 1) : 0.5;
        if (levels > 0)
            at = dozan_space_level_coordinate(
                space, dim, count > 1 ? (uint64_t)(at * (double)(levels - 1) + 0.5) : 0);
        add_tick(build, ticks, space, dim, at);
    }
}

void dz_build_axes(dz_builder *build, cJSON *parent, const dozan_space *space)
{
    static const char *const types[] = {"", "double", "int", "discrete", "categorical"};
    cJSON *axes = dz_build_array(build, parent, "axes");
    for (size_t d = 0; d < dozan_space_dimensions(space); d++) {
        const dozan_dimension *dimension = dozan_space_dimension(space, d);
        cJSON *axis = dz_build_item(build, axes);
        dz_build_text(build, axis, "name", dimension->name);
        dz_build_text(build, axis, "type", types[dimension->type]);
        dz_build_number(build, axis, "levels", (int64_t)dimension->levels);
        build_ticks(build, dz_build_array(build, axis, "ticks"), space, d);
    }
}

/* ---- curves */

void dz_build_curve(dz_builder *build, cJSON *parent, const char *name, const dz_curve *curve)
{
    cJSON *points = dz_build_array(build, parent, name);
    for (size_t i = 0; i < curve->count; i++) {
        const dz_curve_point *point = &curve->points[i];
        cJSON *row = dz_build_row(build, points);
        double mean = point->count > 0 ? point->sum / (double)point->count : (double)NAN;
        dz_build_value(build, row, (double)point->step);
        dz_build_value(build, row, point->reports == 1 ? mean : dz_round(mean));
        if (point->reports == 1)
            continue;
        dz_build_value(build, row, point->count > 0 ? point->min : (double)NAN);
        dz_build_value(build, row, point->count > 0 ? point->max : (double)NAN);
    }
}

double dz_round(double value)
{
    if (!isfinite(value) || fpclassify(value) == FP_ZERO)
        return value;
    double scale = pow(10, 5 - floor(log10(fabs(value))));
    double rounded = round(value * scale) / scale;
    return isfinite(rounded) ? rounded : value;
}

/* ---- a trial */

static void build_parameters(dz_builder *build, cJSON *item, const dz_experiment *experiment,
                             const dz_trial *trial)
{
    cJSON *parameters = dz_build_object(build, item, "parameters");
    (void)experiment;
    for (size_t i = 0; i < trial->assignment_count; i++)
        dz_build_add(build, parameters, trial->assignments[i].name,
                     cJSON_CreateString(trial->assignments[i].value));
}

static void build_metrics(dz_builder *build, cJSON *item, const dz_experiment_spec *spec,
                          const dz_trial *trial, bool whole)
{
    char text[DOZAN_VALUE_TEXT];
    cJSON *metrics = dz_build_object(build, item, "metrics");
    cJSON *seen = whole ? dz_build_object(build, item, "observations") : NULL;
    for (size_t i = 0; i < spec->metric_count && i < trial->metric_count; i++) {
        const char *name = spec->metrics[i].name;
        double value = 0;
        if (dz_trial_metric(trial, spec, i, &value)) {
            dozan_number_text(value, text);
            dz_build_add(build, metrics, name, cJSON_CreateString(text));
        }
        if (!whole || trial->observations == NULL || trial->observations[i].count == 0)
            continue;
        const dz_observation *observation = &trial->observations[i];
        cJSON *one = dz_build_object(build, seen, name);
        dz_build_number(build, one, "count", observation->count);
        dz_build_text(build, one, "min", observation->min_text);
        dz_build_text(build, one, "max", observation->max_text);
        dz_build_text(build, one, "latest", observation->latest_text);
    }
}

static void build_whole(dz_builder *build, cJSON *item, const dz_experiment *experiment,
                        const dz_trial *trial)
{
    cJSON *labels = dz_build_object(build, item, "labels");
    for (size_t i = 0; i < trial->label_count; i++)
        dz_build_add(build, labels, trial->labels[i].name,
                     cJSON_CreateString(trial->labels[i].value));
    dz_build_number(build, item, "failures", trial->failures);
    dz_build_number(build, item, "losses", trial->losses);
    dz_build_number(build, item, "notBefore", trial->not_before_ms);
    dz_build_number(build, item, "cpuMilli", trial->cpu_milli);
    cJSON *gpus = dz_build_array(build, item, "gpus");
    for (int32_t i = 0; i < trial->gpu_count && i < 16; i++)
        dz_build_value(build, gpus, trial->gpus[i]);
    dz_build_bool(build, item, "best", experiment->best.trial == trial->number);
    dz_build_bool(build, item, "onFront", dz_front_has(&experiment->front, trial->number));
}
