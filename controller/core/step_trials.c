/*
 * Starting and stopping trials.
 *
 * A trial takes its slots when it becomes STARTING and keeps them until its job is known to have
 * ended. Trials start in the order of their numbers: one that waits for slots lets none overtake
 * it, so a trial with a large demand does not wait for ever.
 */
#include "core/turn.h"

#include <inttypes.h>
#include <stdio.h>

typedef struct dz_wait {
    const char *reason; /* NULL = nothing is in the way */
    char message[256];
    bool for_slots;
} dz_wait;

static dozan_status start(dz_turn *turn, dz_trial *trial);
static bool in_backoff(dz_trial *trial, int64_t now_ms);
static bool impossible(const dz_slots *slots, dz_trial *trial);
static dz_wait what_is_in_the_way(const dz_turn *turn, const dz_trial *trial);
static void cpu_text(int64_t milli, char text[32]);
static int64_t held_count(const dz_experiment *experiment);

dozan_status dz_start_pending(dz_turn *turn)
{
    dz_experiment *experiment = turn->experiment;
    dozan_status status = DOZAN_OK;
    dz_wait wait = {0};
    size_t i = 0;

    experiment->waits_for_slots = false;
    if (experiment->state_counts[DZ_TRIAL_PENDING] == 0) {
        return DOZAN_OK;
    }
    while (status == DOZAN_OK && i < experiment->active_count) {
        dz_trial *trial = experiment->active[i];

        if (trial->state != DZ_TRIAL_PENDING || in_backoff(trial, turn->now_ms)) {
            i++;
        } else if (impossible(turn->slots, trial)) {
            experiment->stillborn_in_row++;
            status = dz_trial_finish(turn, trial, DZ_TRIAL_FAILED, DOZAN_EVENT_FAILED);
        } else if (wait.reason != NULL) {
            dz_trial_say(trial, wait.reason, "%s", "waits behind the trials before it");
            i++;
        } else {
            wait = what_is_in_the_way(turn, trial);
            if (wait.reason == NULL) {
                status = start(turn, trial);
            } else {
                dz_trial_say(trial, wait.reason, "%s", wait.message);
                experiment->waits_for_slots = wait.for_slots;
                experiment->waits_cpu_milli = trial->cpu_milli;
                experiment->waits_gpus = trial->gpu_count;
            }
            i++;
        }
    }
    return status;
}

dozan_status dz_step_started(dz_turn *turn, const dz_event *event)
{
    dz_trial *trial = dz_experiment_find_active(turn->experiment, event->u.trial.trial);
    const char *worker = event->u.trial.worker;

    if (trial == NULL || trial->attempt != event->u.trial.attempt ||
        !dz_trial_state_holds(trial->state)) {
        return DOZAN_OK;
    }
    dozan_status status = dz_trial_running(turn, trial);
    if (status == DOZAN_OK && worker != NULL && *worker != '\0') {
        dz_trial_say(trial, "TrialRunning", "worker %s has it", worker);
    }
    return status;
}

/* A trial that is being stopped before its start was heard of has started all the same. */
dozan_status dz_trial_running(dz_turn *turn, dz_trial *trial)
{
    dozan_status status;

    if (trial->started_ms != 0) {
        return DOZAN_OK;
    }
    status = dz_turn_log(turn, DOZAN_EVENT_STARTED, trial, NULL);
    if (status != DOZAN_OK) {
        return status;
    }
    trial->started_ms = turn->now_ms;
    trial->dirty = true;
    turn->experiment->stillborn_in_row = 0;
    if (trial->state != DZ_TRIAL_STARTING) {
        return DOZAN_OK;
    }
    dz_trial_say(trial, "TrialRunning", "Trial is running");
    return dz_trial_move(turn, trial, DZ_TRIAL_RUNNING);
}

dozan_status dz_step_kill(dz_turn *turn, int64_t number)
{
    dz_trial *trial = dz_experiment_find_active(turn->experiment, number);

    if (trial == NULL) {
        return DOZAN_OK;
    }
    return dz_trial_stop(turn, trial, DZ_STOP_USER, "TrialKilled", "Trial was ended by the user");
}

/* To the algorithm the new trial is one that the user chose, like an initial point. An ask that is
 * under way was about the number that it takes: it is asked again. */
dozan_status dz_step_retry(dz_turn *turn, const dz_trial *ended)
{
    dz_experiment *experiment = turn->experiment;
    int32_t max = experiment->spec->max_trial_count;

    if (!dz_trial_state_ended(ended->state)) {
        return dozan_error_set(turn->err, DOZAN_FAILED_PRECONDITION, ended->name,
                               "the trial has not ended: it is %s",
                               dz_trial_state_name(ended->state));
    }
    if (dz_experiment_state_ended(experiment->state)) {
        return dozan_error_set(turn->err, DOZAN_FAILED_PRECONDITION, experiment->spec->name,
                               "the experiment has ended: raise what ended it, and then run the "
                               "trial again");
    }
    if (max > 0 && experiment->trial_count >= max) {
        return dozan_error_set(turn->err, DOZAN_FAILED_PRECONDITION, "spec.maxTrialCount",
                               "all %" PRId32 " trials of maxTrialCount are made already: raise it",
                               max);
    }
    experiment->asking = false;
    return dz_trial_create(turn, ended->assignments, ended->assignment_count, NULL, 0);
}

/* A stop under way keeps its cause, but an interruption: that one would run the trial again. */
dozan_status dz_trial_stop(dz_turn *turn, dz_trial *trial, dz_stop_cause cause, const char *reason,
                           const char *message)
{
    dozan_status status;

    if (trial->state == DZ_TRIAL_PENDING) {
        dz_trial_say(trial, reason, "%s", message);
        if (cause == DZ_STOP_INTERRUPT) {
            return DOZAN_OK;
        }
        return dz_trial_finish(turn, trial, DZ_TRIAL_KILLED, DOZAN_EVENT_KILLED);
    }
    if (trial->state == DZ_TRIAL_STOPPING) {
        if (trial->stop_cause == DZ_STOP_INTERRUPT && cause != DZ_STOP_INTERRUPT) {
            trial->stop_cause = cause;
            trial->dirty = true;
            dz_trial_say(trial, reason, "%s", message);
        }
        return DOZAN_OK;
    }
    if (trial->awaited_until_ms > 0 && cause == DZ_STOP_INTERRUPT) {
        return DOZAN_OK; /* it has no job that could run again: it ends when the wait is over */
    }
    trial->stop_cause = cause;
    trial->judged_dirty = false;
    dz_trial_say(trial, reason, "%s", message);
    status = dz_trial_move(turn, trial, DZ_TRIAL_STOPPING);
    if (status == DOZAN_OK && trial->awaited_until_ms > 0) {
        return dz_trial_finish(turn, trial, DZ_TRIAL_KILLED, DOZAN_EVENT_KILLED);
    }
    return status == DOZAN_OK ? dz_turn_effect(turn, DZ_EFFECT_STOP, trial, NULL) : status;
}

/* From the last to the first: a PENDING trial leaves the list as it is killed. */
dozan_status dz_stop_all(dz_turn *turn, dz_stop_cause cause, const char *reason,
                         const char *message)
{
    dozan_status status = DOZAN_OK;

    for (size_t i = turn->experiment->active_count; status == DOZAN_OK && i > 0; i--) {
        status = dz_trial_stop(turn, turn->experiment->active[i - 1], cause, reason, message);
    }
    return status;
}

static dozan_status start(dz_turn *turn, dz_trial *trial)
{
    dozan_status status;

    dz_observation_clear(trial);
    trial->attempt++;
    trial->awaited_until_ms = 0;
    trial->started_ms = 0;
    trial->judged_dirty = false;
    dz_trial_say(trial, dz_trial_state_reason(DZ_TRIAL_STARTING), "Trial is being started");
    status = dz_trial_move(turn, trial, DZ_TRIAL_STARTING);
    return status == DOZAN_OK ? dz_turn_effect(turn, DZ_EFFECT_START, trial, NULL) : status;
}

/* A back-off that is over is forgotten, so that it causes no further tick. */
static bool in_backoff(dz_trial *trial, int64_t now_ms)
{
    if (trial->not_before_ms > now_ms) {
        return true;
    }
    trial->not_before_ms = 0;
    return false;
}

static bool impossible(const dz_slots *slots, dz_trial *trial)
{
    char needed[32];
    char total[32];

    if (dz_slots_possible(slots, trial->cpu_milli, trial->gpu_count)) {
        return false;
    }
    cpu_text(trial->cpu_milli, needed);
    cpu_text(slots->cpu_milli_total, total);
    dz_trial_say(trial, "Unschedulable",
                 "needs %s CPUs and %" PRId32 " GPUs, and there are %s CPUs and %" PRId32
                 " GPUs (at most %d for one trial): ask for less in the resources of the trial "
                 "template's container",
                 needed, trial->gpu_count, total, slots->gpu_total, DZ_MAX_GPUS_PER_TRIAL);
    return true;
}

static dz_wait what_is_in_the_way(const dz_turn *turn, const dz_trial *trial)
{
    const dz_slots *slots = turn->slots;
    int64_t held = held_count(turn->experiment);
    int32_t parallel = turn->experiment->spec->parallel_trial_count;
    dz_wait wait = {0};
    char needed[32];
    char total[32];
    char free_now[32];

    if (held >= parallel) {
        wait.reason = "WaitingForParallelTrials";
        (void)snprintf(wait.message, sizeof wait.message,
                       "parallelTrialCount is %" PRId32 " and %" PRId64
                       " trials run: starts when one of them has ended",
                       parallel, held);
    } else if (!dz_slots_free(slots, trial->cpu_milli, 0)) {
        wait.for_slots = true;
        wait.reason = "WaitingForCPU";
        cpu_text(trial->cpu_milli, needed);
        cpu_text(slots->cpu_milli_total, total);
        cpu_text(slots->cpu_milli_total - slots->cpu_milli_used, free_now);
        (void)snprintf(wait.message, sizeof wait.message,
                       "needs %s CPU, %s of %s are free: %" PRId64 " trials hold them", needed,
                       free_now, total, held);
    } else if (!dz_slots_free(slots, 0, trial->gpu_count)) {
        wait.for_slots = true;
        wait.reason = "WaitingForGPU";
        (void)snprintf(wait.message, sizeof wait.message,
                       "needs %" PRId32 " GPU, %" PRId32 " of %" PRId32 " are free: %" PRId64
                       " trials hold them",
                       trial->gpu_count, slots->gpu_total - slots->gpu_used, slots->gpu_total,
                       held);
    } else if (!dz_slots_turn(slots, trial->cpu_milli, trial->gpu_count)) {
        wait.for_slots = true;
        wait.reason = "WaitingForTurn";
        (void)snprintf(wait.message, sizeof wait.message,
                       "other experiments wait for slots too: each starts a trial in turn");
    }
    return wait;
}

/* "2", "0.5", "0.125"; less than nothing (a smaller machine than before) is nothing. */
static void cpu_text(int64_t milli, char text[32])
{
    int64_t shown = milli < 0 ? 0 : milli;

    if (shown % 1000 == 0) {
        (void)snprintf(text, 32, "%" PRId64, shown / 1000);
        return;
    }
    int length = snprintf(text, 32, "%" PRId64 ".%03d", shown / 1000, (int)(shown % 1000));
    while (length > 0 && text[length - 1] == '0') {
        text[--length] = '\0';
    }
}

static int64_t held_count(const dz_experiment *experiment)
{
    return experiment->state_counts[DZ_TRIAL_STARTING] +
           experiment->state_counts[DZ_TRIAL_RUNNING] + experiment->state_counts[DZ_TRIAL_STOPPING];
}
