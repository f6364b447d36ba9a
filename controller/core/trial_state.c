/*
 * The moves of a trial. One table says which there are; counters, slots, the log, the best trial
 * and the list of active ones follow from the move.
 */
#include "core/turn.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define TO(state) (1u << DZ_TRIAL_##state)

/* From each state: the states it may become. An ended state becomes nothing. */
static const unsigned moves[DZ_TRIAL_STATE_COUNT] = {
    [DZ_TRIAL_PENDING] = TO(STARTING) | TO(FAILED) | TO(KILLED),
    [DZ_TRIAL_STARTING] = TO(RUNNING) | TO(STOPPING) | TO(PENDING) | TO(FAILED),
    [DZ_TRIAL_RUNNING] =
        TO(STOPPING) | TO(PENDING) | TO(SUCCEEDED) | TO(FAILED) | TO(METRICS_UNAVAILABLE),
    [DZ_TRIAL_STOPPING] = TO(PENDING) | TO(SUCCEEDED) | TO(KILLED) | TO(EARLY_STOPPED),
};

static void move_slots(dz_turn *turn, dz_trial *trial, dz_trial_state from, dz_trial_state to);
static void leave_active(dz_experiment *experiment, const dz_trial *trial);
static void note_best(dz_experiment *experiment, const dz_trial *trial, double value);
static dozan_status note_others(dz_turn *turn, const dz_trial *trial, dz_log_entry *entry);
static dozan_status note_front(dz_turn *turn, const dz_trial *trial);

bool dz_trial_state_holds(dz_trial_state state)
{
    return state == DZ_TRIAL_STARTING || state == DZ_TRIAL_RUNNING || state == DZ_TRIAL_STOPPING;
}

dozan_status dz_trial_move(dz_turn *turn, dz_trial *trial, dz_trial_state to)
{
    dz_experiment *experiment = turn->experiment;
    dz_trial_state from = trial->state;

    if ((moves[from] & 1u << to) == 0) {
        return dozan_error_set(turn->err, DOZAN_INTERNAL, trial->name,
                               "a trial cannot go from %s to %s", dz_trial_state_name(from),
                               dz_trial_state_name(to));
    }
    move_slots(turn, trial, from, to);
    experiment->state_counts[from]--;
    experiment->state_counts[to]++;
    experiment->dirty = true;
    trial->state = to;
    trial->dirty = true;
    if (!dz_trial_state_ended(to)) {
        return DOZAN_OK;
    }
    trial->ended_ms = turn->now_ms;
    trial->stop_cause = DZ_STOP_NONE;
    experiment->wait_for_end = false;
    experiment->ended_since_ask = true;
    leave_active(experiment, trial);
    return dz_turn_ended(turn, trial);
}

void dz_trial_say(dz_trial *trial, const char *reason, const char *format, ...)
{
    va_list args;
    bool changed = dz_text_set(trial->reason, sizeof trial->reason, "%s", reason);

    va_start(args, format);
    changed |= dz_text_vset(trial->message, sizeof trial->message, format, args);
    va_end(args);
    if (changed) {
        trial->dirty = true;
    }
}

dozan_status dz_trial_finish(dz_turn *turn, dz_trial *trial, dz_trial_state to,
                             dozan_event_kind kind)
{
    const dz_experiment_spec *spec = turn->experiment->spec;
    dz_log_entry *entry = NULL;
    double value = 0;
    dozan_status status = dz_turn_log(turn, kind, trial, &entry);

    if (status == DOZAN_OK && kind == DOZAN_EVENT_COMPLETED) {
        status = note_others(turn, trial, entry);
    }
    if (status == DOZAN_OK && (kind == DOZAN_EVENT_COMPLETED || kind == DOZAN_EVENT_STOPPED) &&
        dz_trial_objective(trial, spec, &value)) {
        entry->has_value = true;
        entry->value = value;
        if (dz_trial_feasible(trial, spec)) {
            note_best(turn->experiment, trial, value);
        }
    }
    if (status == DOZAN_OK && kind == DOZAN_EVENT_COMPLETED && spec->objective_count > 1 &&
        dz_trial_feasible(trial, spec)) {
        status = note_front(turn, trial);
    }
    return status == DOZAN_OK ? dz_trial_move(turn, trial, to) : status;
}

static void move_slots(dz_turn *turn, dz_trial *trial, dz_trial_state from, dz_trial_state to)
{
    bool held = dz_trial_state_holds(from);
    bool holds = dz_trial_state_holds(to);

    if (!held && holds) {
        dz_slots_take(turn->slots, trial->cpu_milli, trial->gpu_count, trial->gpus);
    } else if (held && !holds) {
        dz_slots_give(turn->slots, trial->cpu_milli, trial->gpu_count, trial->gpus);
    }
}

static void leave_active(dz_experiment *experiment, const dz_trial *trial)
{
    size_t i = 0;

    while (i < experiment->active_count && experiment->active[i] != trial) {
        i++;
    }
    if (i == experiment->active_count) {
        return;
    }
    experiment->active_count--;
    memmove(&experiment->active[i], &experiment->active[i + 1],
            (experiment->active_count - i) * sizeof(dz_trial *));
}

/* Strictly better only, so that the earlier of two equals stays; never a NaN. */
static void note_best(dz_experiment *experiment, const dz_trial *trial, double value)
{
    const dz_best *best = &experiment->best;
    bool better = best->trial == 0 ||
                  (experiment->spec->maximize ? value > best->value : value < best->value);

    if (!isnan(value) && better) {
        experiment->best = (dz_best){.trial = trial->number, .value = value};
        experiment->dirty = true;
    }
}

/* The values of the additional metrics, for the algorithm; NaN where there is none. */
static dozan_status note_others(dz_turn *turn, const dz_trial *trial, dz_log_entry *entry)
{
    const dz_experiment_spec *spec = turn->experiment->spec;
    size_t count = spec->metric_count - 1;

    if (count == 0 || (spec->objective_count == 1 && spec->constraint_count == 0)) {
        return DOZAN_OK;
    }
    entry->others = calloc(count, sizeof *entry->others);
    if (entry->others == NULL) {
        return dz_out_of_memory(turn->err);
    }
    entry->other_count = count;
    for (size_t i = 0; i < count; i++) {
        if (!dz_trial_metric(trial, spec, i + 1, &entry->others[i])) {
            entry->others[i] = (double)NAN;
        }
    }
    return DOZAN_OK;
}

static dozan_status note_front(dz_turn *turn, const dz_trial *trial)
{
    dz_experiment *experiment = turn->experiment;
    const dz_experiment_spec *spec = experiment->spec;
    double values[DZ_MAX_OBJECTIVES];
    bool changed = false;
    dozan_status status;

    for (size_t i = 0; i < spec->objective_count; i++) {
        if (!dz_trial_metric(trial, spec, spec->objectives[i].metric, &values[i])) {
            values[i] = (double)NAN;
        }
    }
    status = dz_front_offer(&experiment->front, spec, trial->number, values, &changed, turn->err);
    experiment->dirty = experiment->dirty || changed;
    return status;
}
