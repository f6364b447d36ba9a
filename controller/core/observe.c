/*
 * What trials report. A report is known by its place: the n-th of its metric in this attempt. After
 * an adoption the output is read from its beginning again; what was counted before is not counted
 * twice.
 */
#include "core/turn.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static dozan_status take_point(dz_turn *turn, dz_trial *trial, const dz_point *point);
static dozan_status observe(dz_turn *turn, dz_observation *metric, const dz_point *point);
static bool replaces(bool better, double old, double value);
static bool set_text(char **to, const char *text);

dozan_status dz_step_reported(dz_turn *turn, const dz_event *event)
{
    dz_trial *trial = dz_experiment_find_active(turn->experiment, event->u.trial.trial);
    dozan_status status;

    if (trial == NULL || trial->attempt != event->u.trial.attempt ||
        !dz_trial_state_holds(trial->state)) {
        return DOZAN_OK;
    }
    status = dz_trial_running(turn, trial); /* it speaks, so it runs */
    for (size_t i = 0; status == DOZAN_OK && i < event->u.trial.point_count; i++) {
        status = take_point(turn, trial, &event->u.trial.points[i]);
    }
    return status;
}

void dz_observation_clear(dz_trial *trial)
{
    for (size_t i = 0; i < trial->metric_count; i++) {
        dz_observation *metric = &trial->observations[i];

        free(metric->min_text);
        free(metric->max_text);
        free(metric->latest_text);
        memset(metric, 0, sizeof *metric);
    }
}

static dozan_status take_point(dz_turn *turn, dz_trial *trial, const dz_point *point)
{
    dz_log_entry *entry = NULL;
    dz_observation *metric;
    dozan_status status;

    if (point->metric >= trial->metric_count) {
        return DOZAN_OK;
    }
    metric = &trial->observations[point->metric];
    if (point->step <= metric->count) {
        return DOZAN_OK;
    }
    status = observe(turn, metric, point);
    if (status == DOZAN_OK) {
        status = dz_turn_log(turn, DOZAN_EVENT_REPORT, trial, &entry);
    }
    if (status != DOZAN_OK) {
        return status;
    }
    trial->dirty = true;
    if (point->metric == 0 && turn->experiment->spec->early_stopping != NULL &&
        trial->state == DZ_TRIAL_RUNNING) {
        trial->judged_dirty = true;
    }
    entry->time_ms = point->time_ms;
    entry->metric = point->metric;
    entry->step = point->step;
    entry->has_value = point->is_number;
    entry->value = point->is_number ? point->value : 0;
    return set_text(&entry->text, point->text) ? DOZAN_OK : dz_out_of_memory(turn->err);
}

static dozan_status observe(dz_turn *turn, dz_observation *metric, const dz_point *point)
{
    bool smaller =
        !metric->numeric || replaces(point->value < metric->min, metric->min, point->value);
    bool larger =
        !metric->numeric || replaces(point->value > metric->max, metric->max, point->value);
    bool ok = set_text(&metric->latest_text, point->text);

    if (point->is_number && smaller) {
        metric->min = point->value;
        ok = ok && set_text(&metric->min_text, point->text);
    }
    if (point->is_number && larger) {
        metric->max = point->value;
        ok = ok && set_text(&metric->max_text, point->text);
    }
    metric->numeric = metric->numeric || point->is_number;
    metric->latest_numeric = point->is_number;
    metric->latest = point->is_number ? point->value : 0;
    metric->count = point->step;
    return ok ? DOZAN_OK : dz_out_of_memory(turn->err);
}

/* A NaN gives way to any number, and replaces none. */
static bool replaces(bool better, double old, double value)
{
    return better || (isnan(old) && !isnan(value));
}

static bool set_text(char **to, const char *text)
{
    char *copy = strdup(text == NULL ? "" : text);

    if (copy == NULL) {
        return false;
    }
    free(*to);
    *to = copy;
    return true;
}
