/*
 * Names of states, and the ends of experiments and trials.
 */
#include "core/model.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    bool ended;
    const char *condition;
    const char *reason;
} trial_states[DZ_TRIAL_STATE_COUNT] = {
#define TRIAL_STATE_ROW(name, ended, type, reason) {ended, type, reason},
    DZ_TRIAL_STATES(TRIAL_STATE_ROW)
#undef TRIAL_STATE_ROW
};

static const char *const trial_state_names[DZ_TRIAL_STATE_COUNT] = {
    [DZ_TRIAL_PENDING] = "Pending",
    [DZ_TRIAL_STARTING] = "Starting",
    [DZ_TRIAL_RUNNING] = "Running",
    [DZ_TRIAL_STOPPING] = "Stopping",
    [DZ_TRIAL_SUCCEEDED] = "Succeeded",
    [DZ_TRIAL_FAILED] = "Failed",
    [DZ_TRIAL_KILLED] = "Killed",
    [DZ_TRIAL_EARLY_STOPPED] = "EarlyStopped",
    [DZ_TRIAL_METRICS_UNAVAILABLE] = "MetricsUnavailable",
};

static const char *const experiment_state_names[] = {
    [DZ_EXPERIMENT_CREATED] = "Created",       [DZ_EXPERIMENT_RUNNING] = "Running",
    [DZ_EXPERIMENT_RESTARTING] = "Restarting", [DZ_EXPERIMENT_SUSPENDED] = "Suspended",
    [DZ_EXPERIMENT_SUCCEEDED] = "Succeeded",   [DZ_EXPERIMENT_FAILED] = "Failed",
};

const char *dz_trial_state_name(dz_trial_state state)
{
    return state < DZ_TRIAL_STATE_COUNT ? trial_state_names[state] : "Unknown";
}

const char *dz_trial_state_condition(dz_trial_state state)
{
    return state < DZ_TRIAL_STATE_COUNT ? trial_states[state].condition : "Unknown";
}

const char *dz_trial_state_reason(dz_trial_state state)
{
    return state < DZ_TRIAL_STATE_COUNT ? trial_states[state].reason : "Unknown";
}

bool dz_trial_state_ended(dz_trial_state state)
{
    return state < DZ_TRIAL_STATE_COUNT && trial_states[state].ended;
}

const char *dz_experiment_state_name(dz_experiment_state state)
{
    return state <= DZ_EXPERIMENT_FAILED ? experiment_state_names[state] : "Unknown";
}

bool dz_experiment_state_ended(dz_experiment_state state)
{
    return state == DZ_EXPERIMENT_SUCCEEDED || state == DZ_EXPERIMENT_FAILED;
}

bool dz_label_is_parent(const char *name)
{
    const char *slash = strrchr(name, '/');

    return slash != NULL && strcmp(slash, "/parent") == 0;
}

const char *dz_trial_parent(const dz_trial *trial)
{
    for (size_t i = 0; i < trial->label_count; i++) {
        if (dz_label_is_parent(trial->labels[i].name)) {
            return trial->labels[i].value;
        }
    }
    return NULL;
}

void dz_trial_destroy(dz_trial *trial)
{
    if (trial == NULL) {
        return;
    }
    dz_pairs_destroy(trial->assignments, trial->assignment_count);
    dz_pairs_destroy(trial->labels, trial->label_count);
    for (size_t i = 0; trial->observations != NULL && i < trial->metric_count; i++) {
        free(trial->observations[i].min_text);
        free(trial->observations[i].max_text);
        free(trial->observations[i].latest_text);
    }
    free(trial->observations);
    free(trial->name);
    free(trial);
}

void dz_experiment_destroy(dz_experiment *experiment)
{
    if (experiment == NULL) {
        return;
    }
    for (size_t i = 0; i < experiment->active_count; i++) {
        dz_trial_destroy(experiment->active[i]);
    }
    free(experiment->active);
    dz_front_fini(&experiment->front);
    dozan_space_destroy(experiment->space);
    dz_spec_destroy(experiment->spec);
    free(experiment);
}

dz_trial *dz_experiment_find_active(const dz_experiment *experiment, int64_t number)
{
    size_t low = 0;
    size_t high = experiment->active_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        dz_trial *trial = experiment->active[middle];

        if (trial->number == number) {
            return trial;
        }
        if (trial->number < number) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}

void dz_pairs_destroy(dozan_pair *pairs, size_t count)
{
    for (size_t i = 0; pairs != NULL && i < count; i++) {
        free((void *)(uintptr_t)pairs[i].name);
        free((void *)(uintptr_t)pairs[i].value);
    }
    free(pairs);
}
