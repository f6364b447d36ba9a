/*
 * The step: one event in, changes out. First the event itself is folded in; then the experiment is
 * settled: is it over, what can start, whom to ask, what to judge. Settling looks at the state
 * alone, so whatever an event changed, what follows from it follows in the same step.
 */
#include "core/step.h"

#include <stdlib.h>

#include "core/turn.h"

static dozan_status dispatch(dz_turn *turn, const dz_event *event);
static dozan_status open_experiment(dz_turn *turn, const char *suspend_reason);
static dozan_status settle(dz_turn *turn);
static dozan_status settle_once(dz_turn *turn);
static void save_runtime(dz_turn *turn);
static int64_t earlier(int64_t a, int64_t b);

dozan_status dz_step(dz_experiment *experiment, dz_slots *slots, const dz_event *event,
                     int64_t now_ms, dz_changes *changes, dozan_error *err)
{
    dz_turn turn = {
        .experiment = experiment, .slots = slots, .changes = changes, .now_ms = now_ms, .err = err};
    dozan_status status;

    if (!experiment->open && event->kind != DZ_EVENT_OPEN && event->kind != DZ_EVENT_BUDGET &&
        event->kind != DZ_EVENT_METADATA) {
        return DOZAN_OK;
    }
    status = dispatch(&turn, event);
    if (status == DOZAN_OK && experiment->open) {
        status = settle(&turn);
    }
    return status;
}

int64_t dz_next_tick(const dz_experiment *experiment)
{
    const dz_experiment_spec *spec = experiment->spec;
    int64_t due = INT64_MAX;

    if (!experiment->open) {
        return INT64_MAX;
    }
    for (size_t i = 0; i < experiment->active_count; i++) {
        const dz_trial *trial = experiment->active[i];

        if (trial->state == DZ_TRIAL_RUNNING && trial->awaited_until_ms > 0) {
            due = earlier(due, trial->awaited_until_ms);
        }
    }
    if (experiment->state != DZ_EXPERIMENT_RUNNING) {
        return due;
    }
    if (experiment->ask_not_before_ms > 0 && dz_ask_wanted(experiment)) {
        due = earlier(due, experiment->ask_not_before_ms);
    }
    if (experiment->judge_not_before_ms > 0 && dz_judge_wanted(experiment)) {
        due = earlier(due, experiment->judge_not_before_ms);
    }
    for (size_t i = 0; i < experiment->active_count; i++) {
        const dz_trial *trial = experiment->active[i];

        if (trial->state == DZ_TRIAL_PENDING && trial->not_before_ms > 0) {
            due = earlier(due, trial->not_before_ms);
        }
    }
    if (spec->max_runtime_ms > 0) {
        int64_t left = spec->max_runtime_ms - experiment->runtime_ms;

        due = earlier(due, experiment->runtime_mark_ms + earlier(left, DZ_RUNTIME_SAVE_MS));
    }
    return due;
}

bool dz_experiment_at_rest(const dz_experiment *experiment)
{
    return (dz_experiment_state_ended(experiment->state) ||
            experiment->state == DZ_EXPERIMENT_SUSPENDED) &&
           !dz_experiment_has_jobs(experiment);
}

bool dz_experiment_has_jobs(const dz_experiment *experiment)
{
    const int64_t *counts = experiment->state_counts;

    return counts[DZ_TRIAL_STARTING] > 0 || counts[DZ_TRIAL_RUNNING] > 0 ||
           counts[DZ_TRIAL_STOPPING] > 0;
}

static dozan_status dispatch(dz_turn *turn, const dz_event *event)
{
    switch (event->kind) {
    case DZ_EVENT_OPEN:
        return open_experiment(turn, event->u.suspend.reason);
    case DZ_EVENT_TICK:
        return DOZAN_OK; /* settling is all */
    case DZ_EVENT_SUGGESTED:
        return dz_step_suggested(turn, event->u.suggested);
    case DZ_EVENT_ASK_FAILED:
        return dz_step_ask_failed(turn, event->u.failed.reason, event->u.failed.message);
    case DZ_EVENT_JUDGED:
        return dz_step_judged(turn, event->u.judged);
    case DZ_EVENT_JUDGE_FAILED:
        dz_step_judge_failed(turn, event->u.failed.reason, event->u.failed.message);
        return DOZAN_OK;
    case DZ_EVENT_TRIAL_STARTED:
        return dz_step_started(turn, event);
    case DZ_EVENT_TRIAL_REPORTED:
        return dz_step_reported(turn, event);
    case DZ_EVENT_TRIAL_ENDED:
        return dz_step_ended(turn, event);
    case DZ_EVENT_BUDGET:
        return dz_step_budget(turn, event->u.budget);
    case DZ_EVENT_SUSPEND:
        return dz_step_suspend(turn, event->u.suspend.reason);
    case DZ_EVENT_RESUME:
        return dz_step_resume(turn);
    case DZ_EVENT_METADATA:
        return dz_step_metadata(turn, event->u.budget);
    case DZ_EVENT_RETRY_TRIAL:
        return dz_step_retry(turn, event->u.retry);
    case DZ_EVENT_KILL_TRIAL:
        return dz_step_kill(turn, event->u.kill);
    }
    return dozan_error_set(turn->err, DOZAN_INTERNAL, NULL, "there is no event of kind %d",
                           (int)event->kind);
}

/* Both in one step, or what follows from the opening would begin only to be stopped. */
static dozan_status open_experiment(dz_turn *turn, const char *suspend_reason)
{
    dozan_status status = dz_step_open(turn);

    return status == DOZAN_OK && suspend_reason != NULL ? dz_step_suspend(turn, suspend_reason)
                                                        : status;
}

/* A trial that ends while settling (it can never have the slots it asks for) may complete the
 * experiment, or make room for another. */
static dozan_status settle(dz_turn *turn)
{
    dz_experiment *experiment = turn->experiment;
    dozan_status status = DOZAN_OK;
    size_t ended;

    if (experiment->state == DZ_EXPERIMENT_RESTARTING) {
        dz_experiment_enter(turn, DZ_EXPERIMENT_RUNNING, "ExperimentRunning",
                            "Experiment is running");
    }
    do {
        ended = turn->changes->ended_count;
        status = settle_once(turn);
    } while (status == DOZAN_OK && turn->changes->ended_count > ended &&
             !dz_experiment_state_ended(experiment->state));
    if (status == DOZAN_OK) {
        status = dz_judge(turn);
    }
    save_runtime(turn);
    return status;
}

static dozan_status settle_once(dz_turn *turn)
{
    dz_experiment *experiment = turn->experiment;
    dz_completion why;
    dozan_status status;

    if (dz_experiment_state_ended(experiment->state)) {
        return DOZAN_OK;
    }
    status = dz_end_awaited(turn);
    if (status != DOZAN_OK) {
        return status;
    }
    why = dz_completion_test(experiment, experiment->spec, turn->now_ms);
    if (why != DZ_GOES_ON) {
        return dz_complete(turn, why);
    }
    if (experiment->state != DZ_EXPERIMENT_RUNNING) {
        return DOZAN_OK;
    }
    status = dz_fill(turn);
    return status == DOZAN_OK ? dz_start_pending(turn) : status;
}

/* With whatever else is written, and now and then where maxRuntime counts. */
static void save_runtime(dz_turn *turn)
{
    dz_experiment *experiment = turn->experiment;
    bool due = experiment->spec->max_runtime_ms > 0 &&
               turn->now_ms - experiment->runtime_mark_ms >= DZ_RUNTIME_SAVE_MS;

    if (experiment->state == DZ_EXPERIMENT_RUNNING && (experiment->dirty || due)) {
        experiment->runtime_ms = dz_experiment_runtime(experiment, turn->now_ms);
        experiment->runtime_mark_ms = turn->now_ms;
        experiment->dirty = true;
    }
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}
