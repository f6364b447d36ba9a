/*
 * Early stopping: running trials that have reported something new are put before the stopper, all
 * together, one judgement at a time. What it cannot answer is put before it again; it can stop
 * trials, and never fail them.
 */
#include "core/turn.h"

#include <stdlib.h>

bool dz_judge_wanted(const dz_experiment *experiment)
{
    if (experiment->judging || experiment->state != DZ_EXPERIMENT_RUNNING ||
        experiment->spec->early_stopping == NULL) {
        return false;
    }
    for (size_t i = 0; i < experiment->active_count; i++) {
        if (experiment->active[i]->judged_dirty) {
            return true;
        }
    }
    return false;
}

void dz_judge_mark(dz_experiment *experiment)
{
    if (experiment->spec->early_stopping == NULL) {
        return;
    }
    for (size_t i = 0; i < experiment->active_count; i++) {
        dz_trial *trial = experiment->active[i];

        trial->judged_dirty = trial->state == DZ_TRIAL_RUNNING && trial->metric_count > 0 &&
                              trial->observations[0].count > 0;
    }
}

dozan_status dz_judge(dz_turn *turn)
{
    dz_experiment *experiment = turn->experiment;
    dz_effect *effect = NULL;
    dozan_status status;

    if (!dz_judge_wanted(experiment) || turn->now_ms < experiment->judge_not_before_ms) {
        return DOZAN_OK;
    }
    status = dz_turn_effect(turn, DZ_EFFECT_JUDGE, NULL, &effect);
    if (status != DOZAN_OK) {
        return status;
    }
    effect->trials = calloc(experiment->active_count, sizeof *effect->trials);
    if (effect->trials == NULL) {
        return dz_out_of_memory(turn->err);
    }
    for (size_t i = 0; i < experiment->active_count; i++) {
        dz_trial *trial = experiment->active[i];

        if (trial->judged_dirty) {
            trial->judged_dirty = false;
            trial->judging_attempt = trial->attempt;
            effect->trials[effect->trial_count++] = trial->number;
        }
    }
    experiment->judging = true;
    experiment->judge_not_before_ms = 0;
    return DOZAN_OK;
}

/* A verdict is about the attempt that was put before the stopper, and about no later one. */
dozan_status dz_step_judged(dz_turn *turn, const dozan_judge_reply *reply)
{
    dz_experiment *experiment = turn->experiment;
    dozan_status status = DOZAN_OK;

    if (!experiment->judging) {
        return DOZAN_OK;
    }
    experiment->judging = false;
    experiment->judge_faults_in_row = 0;
    if (experiment->state != DZ_EXPERIMENT_RUNNING) {
        return DOZAN_OK;
    }
    for (size_t i = 0; status == DOZAN_OK && i < reply->verdict_count; i++) {
        const dozan_trial_verdict *verdict = &reply->verdicts[i];
        dz_trial *trial = dz_experiment_find_active(experiment, verdict->trial);

        if (verdict->stop && trial != NULL && trial->state == DZ_TRIAL_RUNNING &&
            trial->judging_attempt == trial->attempt) {
            status = dz_trial_stop(turn, trial, DZ_STOP_EARLY, "TrialEarlyStopped",
                                   verdict->message == NULL ? "" : verdict->message);
        }
    }
    return status;
}

void dz_step_judge_failed(dz_turn *turn, const char *reason, const char *message)
{
    dz_experiment *experiment = turn->experiment;

    if (!experiment->judging) {
        return;
    }
    experiment->judging = false;
    experiment->judge_faults_in_row++;
    experiment->judge_not_before_ms = turn->now_ms + dz_backoff_ms(experiment->judge_faults_in_row);
    dz_note_fault(experiment, reason, message);
    (void)dz_text_set(experiment->suggestion_message, sizeof experiment->suggestion_message,
                      "early stopping with %s: %s: %s", experiment->spec->early_stopping,
                      reason == NULL ? "" : reason, message == NULL ? "" : message);
    dz_judge_mark(experiment);
}
