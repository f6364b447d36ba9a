/*
 * What users do to an experiment: suspend it, resume it, give it another budget.
 */
#include "core/turn.h"

#include <inttypes.h>
#include <string.h>

static void take_spec(dz_experiment *experiment, dz_experiment_spec *next);
static dozan_status check_budget(const dz_turn *turn, const dz_experiment_spec *next);
static const char *why_no_restart(dz_completion why);

void dz_experiment_restart(dz_turn *turn, const char *message)
{
    turn->experiment->faults_in_row = 0;
    turn->experiment->stillborn_in_row = 0;
    turn->experiment->ask_not_before_ms = 0;
    dz_experiment_enter(turn, DZ_EXPERIMENT_RESTARTING, "ExperimentRestarting", "%s", message);
}

bool dz_suggestion_failed(const dz_experiment *experiment)
{
    size_t count = experiment->condition_count;

    return experiment->state == DZ_EXPERIMENT_FAILED && count > 0 &&
           strcmp(experiment->conditions[count - 1].reason, "SuggestionFailed") == 0;
}

dozan_status dz_step_suspend(dz_turn *turn, const char *reason)
{
    dz_experiment *experiment = turn->experiment;

    if (experiment->state != DZ_EXPERIMENT_RUNNING &&
        experiment->state != DZ_EXPERIMENT_RESTARTING) {
        return DOZAN_OK;
    }
    dz_experiment_enter(turn, DZ_EXPERIMENT_SUSPENDED, reason,
                        "Experiment is suspended: it goes on when it is resumed or run again");
    return dz_stop_all(turn, DZ_STOP_INTERRUPT, "ExperimentSuspended",
                       "runs again when the experiment goes on");
}

dozan_status dz_step_resume(dz_turn *turn)
{
    if (turn->experiment->state == DZ_EXPERIMENT_SUSPENDED) {
        dz_experiment_enter(turn, DZ_EXPERIMENT_RUNNING, "ExperimentRunning",
                            "Experiment is running");
    } else if (dz_suggestion_failed(turn->experiment)) {
        dz_experiment_restart(turn, "Experiment is restarted: its algorithm is asked again");
    }
    return DOZAN_OK;
}

/* Other labels and annotations, which an ended experiment may get too. */
dozan_status dz_step_metadata(dz_turn *turn, dz_experiment_spec *next)
{
    take_spec(turn->experiment, next);
    return DOZAN_OK;
}

/* The seed stays the experiment's own, whatever the file says now. */
dozan_status dz_step_budget(dz_turn *turn, dz_experiment_spec *next)
{
    dz_experiment *experiment = turn->experiment;
    dozan_status status = check_budget(turn, next);

    if (status != DOZAN_OK) {
        dz_spec_destroy(next);
        return status;
    }
    take_spec(experiment, next);
    experiment->generation++;
    if (dz_experiment_state_ended(experiment->state)) {
        dz_experiment_restart(turn, "Experiment is restarted: its budget was raised");
    }
    return DOZAN_OK;
}

static void take_spec(dz_experiment *experiment, dz_experiment_spec *next)
{
    dz_spec_destroy(experiment->spec);
    experiment->spec = next;
    experiment->dirty = true;
    experiment->spec_dirty = true;
}

/* An ended experiment may go on exactly when, under the new budget, it would not have ended. */
static dozan_status check_budget(const dz_turn *turn, const dz_experiment_spec *next)
{
    dz_experiment *experiment = turn->experiment;
    dz_completion why;

    if (next->max_trial_count > 0 && next->max_trial_count < experiment->trial_count) {
        return dozan_error_set(turn->err, DOZAN_FAILED_PRECONDITION, "spec.maxTrialCount",
                               "%" PRId32 " is less than the %" PRId64
                               " trials that there are already: raise it",
                               next->max_trial_count, experiment->trial_count);
    }
    if (!dz_experiment_state_ended(experiment->state)) {
        return DOZAN_OK;
    }
    if (next->resume_policy_given && next->resume_policy == DZ_RESUME_NEVER) {
        return dozan_error_set(turn->err, DOZAN_FAILED_PRECONDITION, "spec.resumePolicy",
                               "the experiment has ended and its resumePolicy is Never: set it to "
                               "LongRunning to go on");
    }
    experiment->faults_in_row = 0;
    why = dz_completion_test(experiment, next, turn->now_ms);
    if (why != DZ_GOES_ON) {
        return dozan_error_set(turn->err, DOZAN_FAILED_PRECONDITION, experiment->spec->name,
                               "the experiment has ended, and cannot go on: %s",
                               why_no_restart(why));
    }
    return DOZAN_OK;
}

static const char *why_no_restart(dz_completion why)
{
    switch (why) {
    case DZ_GOAL_REACHED:
        return "its goal is reached";
    case DZ_TOO_MANY_FAILED:
        return "raise maxFailedTrialCount above the number of failed trials";
    case DZ_MAX_TRIALS_REACHED:
        return "raise maxTrialCount above the number of trials";
    case DZ_SUGGESTIONS_ENDED:
        return "its algorithm has no more suggestions";
    case DZ_MAX_RUNTIME_REACHED:
        return "raise maxRuntime above the time that it has run";
    case DZ_SUGGESTION_FAILED:
    case DZ_GOES_ON:
        break;
    }
    return "its algorithm failed";
}
