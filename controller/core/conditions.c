/*
 * The experiment's conditions, kept as Katib keeps them: setting one takes it out and appends it,
 * so that the last one is the current state (printer columns, the SDK and the user interface rely
 * on it). With a change of state go the running time and the time of completion.
 */
#include "core/turn.h"

#include <stdarg.h>
#include <string.h>

static void set_condition(dz_turn *turn, const char *type, bool status, const char *reason,
                          const char *message);
static void flip_off(dz_turn *turn, const char *type);
static void remove_condition(dz_experiment *experiment, const char *type);
static dz_condition *find(dz_experiment *experiment, const char *type);

void dz_experiment_enter(dz_turn *turn, dz_experiment_state state, const char *reason,
                         const char *format, ...)
{
    dz_experiment *experiment = turn->experiment;
    char message[sizeof experiment->conditions->message] = "";
    va_list args;

    va_start(args, format);
    (void)dz_text_vset(message, sizeof message, format, args);
    va_end(args);

    experiment->runtime_ms = dz_experiment_runtime(experiment, turn->now_ms);
    experiment->runtime_mark_ms = state == DZ_EXPERIMENT_RUNNING ? turn->now_ms : 0;
    experiment->completed_ms = dz_experiment_state_ended(state) ? turn->now_ms : 0;
    if (state == DZ_EXPERIMENT_RESTARTING) { /* which stays True afterwards, as in Katib */
        remove_condition(experiment, "Succeeded");
        remove_condition(experiment, "Failed");
    }
    if (state != DZ_EXPERIMENT_RUNNING) {
        flip_off(turn, "Running");
    }
    if (state != DZ_EXPERIMENT_SUSPENDED) {
        flip_off(turn, "Suspended");
    }
    set_condition(turn, dz_experiment_state_name(state), true, reason, message);
    experiment->state = state;
    experiment->dirty = true;
}

int64_t dz_experiment_runtime(const dz_experiment *experiment, int64_t now_ms)
{
    int64_t mark = experiment->runtime_mark_ms;

    /* a wall clock may be set back: then no time has passed */
    return experiment->runtime_ms + (mark > 0 && now_ms > mark ? now_ms - mark : 0);
}

/* A condition keeps the time of its last change of status. */
static void set_condition(dz_turn *turn, const char *type, bool status, const char *reason,
                          const char *message)
{
    dz_experiment *experiment = turn->experiment;
    dz_condition *old = find(experiment, type);
    dz_condition next = {.status = status, .updated_ms = turn->now_ms, .changed_ms = turn->now_ms};

    if (old != NULL && old->status == status) {
        next.changed_ms = old->changed_ms;
    }
    (void)dz_text_set(next.type, sizeof next.type, "%s", type);
    (void)dz_text_set(next.reason, sizeof next.reason, "%s", reason);
    (void)dz_text_set(next.message, sizeof next.message, "%s", message);
    remove_condition(experiment, type);
    if (experiment->condition_count < DZ_MAX_CONDITIONS) {
        experiment->conditions[experiment->condition_count++] = next;
    }
}

static void flip_off(dz_turn *turn, const char *type)
{
    const dz_condition *old = find(turn->experiment, type);

    if (old != NULL && old->status) {
        dz_condition copy = *old;
        set_condition(turn, type, false, copy.reason, copy.message);
    }
}

static void remove_condition(dz_experiment *experiment, const char *type)
{
    dz_condition *old = find(experiment, type);
    size_t index;

    if (old == NULL) {
        return;
    }
    index = (size_t)(old - experiment->conditions);
    experiment->condition_count--;
    memmove(old, old + 1, (experiment->condition_count - index) * sizeof *old);
}

static dz_condition *find(dz_experiment *experiment, const char *type)
{
    for (size_t i = 0; i < experiment->condition_count; i++) {
        if (strcmp(experiment->conditions[i].type, type) == 0) {
            return &experiment->conditions[i];
        }
    }
    return NULL;
}
