/*
 * When an experiment is over, and what is done then.
 *
 * The tests come in Katib's order: a goal reached on the last trial of the budget is reported as
 * the goal. Unlike Katib, trials that still run when the experiment ends are stopped: nobody would
 * wait for their results.
 */
#include "core/turn.h"

#include <dozan/space.h>
#include <inttypes.h>

static bool goal_reached(const dz_experiment *experiment, const dz_experiment_spec *spec);
static int64_t failed_count(const dz_experiment *experiment);
static void enter_ended(dz_turn *turn, dz_completion why);

dz_completion dz_completion_test(const dz_experiment *experiment, const dz_experiment_spec *spec,
                                 int64_t now_ms)
{
    int64_t failed = failed_count(experiment);
    bool idle = experiment->active_count == 0;

    if (goal_reached(experiment, spec)) {
        return DZ_GOAL_REACHED;
    }
    if (spec->max_failed_trial_count >= 0 && failed > 0 && failed >= spec->max_failed_trial_count) {
        return DZ_TOO_MANY_FAILED;
    }
    if (spec->max_trial_count > 0 && dz_completed_count(experiment) >= spec->max_trial_count) {
        return DZ_MAX_TRIALS_REACHED;
    }
    if (experiment->exhausted && idle) {
        return DZ_SUGGESTIONS_ENDED;
    }
    if (spec->max_runtime_ms > 0 &&
        dz_experiment_runtime(experiment, now_ms) >= spec->max_runtime_ms) {
        return DZ_MAX_RUNTIME_REACHED;
    }
    if (experiment->faults_in_row >= dz_fault_limit(experiment) && idle && !experiment->asking) {
        return DZ_SUGGESTION_FAILED;
    }
    return DZ_GOES_ON;
}

dozan_status dz_complete(dz_turn *turn, dz_completion why)
{
    dozan_status status;

    enter_ended(turn, why);
    status = dz_stop_all(turn, DZ_STOP_EXPERIMENT, "ExperimentCompleted",
                         "stopped because the experiment has ended");
    return status == DOZAN_OK ? dz_turn_effect(turn, DZ_EFFECT_RELEASE, NULL, NULL) : status;
}

int64_t dz_completed_count(const dz_experiment *experiment)
{
    int64_t count = 0;

    for (int state = 0; state < DZ_TRIAL_STATE_COUNT; state++) {
        if (dz_trial_state_ended((dz_trial_state)state)) {
            count += experiment->state_counts[state];
        }
    }
    return count;
}

/* Inclusive, as in Katib. */
static bool goal_reached(const dz_experiment *experiment, const dz_experiment_spec *spec)
{
    if (!spec->has_goal || experiment->best.trial == 0) {
        return false;
    }
    return spec->maximize ? experiment->best.value >= spec->goal
                          : experiment->best.value <= spec->goal;
}

static int64_t failed_count(const dz_experiment *experiment)
{
    return experiment->state_counts[DZ_TRIAL_FAILED] +
           experiment->state_counts[DZ_TRIAL_METRICS_UNAVAILABLE];
}

/* Katib's sentences, with the numbers behind them. */
static void enter_ended(dz_turn *turn, dz_completion why)
{
    const dz_experiment *experiment = turn->experiment;
    const dz_experiment_spec *spec = experiment->spec;
    char value[DOZAN_VALUE_TEXT];
    char goal[DOZAN_VALUE_TEXT];
    char fault[sizeof experiment->suggestion_message];

    switch (why) {
    case DZ_GOES_ON:
        return;
    case DZ_GOAL_REACHED:
        dozan_number_text(experiment->best.value, value);
        dozan_number_text(spec->goal, goal);
        dz_experiment_enter(turn, DZ_EXPERIMENT_SUCCEEDED, "ExperimentGoalReached",
                            "Experiment has succeeded because Objective goal has reached: trial "
                            "%" PRId64 " has %s = %s, the goal is %s",
                            experiment->best.trial, spec->metrics[0].name, value, goal);
        return;
    case DZ_TOO_MANY_FAILED:
        dz_experiment_enter(turn, DZ_EXPERIMENT_FAILED, "ExperimentFailed",
                            "Experiment has failed because max failed count has reached: %" PRId64
                            " trials failed or had no metrics, maxFailedTrialCount is %" PRId32,
                            failed_count(experiment), spec->max_failed_trial_count);
        return;
    case DZ_MAX_TRIALS_REACHED:
        dz_experiment_enter(turn, DZ_EXPERIMENT_SUCCEEDED, "ExperimentMaxTrialsReached",
                            "Experiment has succeeded because max trial count has reached");
        return;
    case DZ_SUGGESTIONS_ENDED:
        dz_experiment_enter(turn, DZ_EXPERIMENT_SUCCEEDED, "ExperimentSuggestionEndReached",
                            "Experiment has succeeded because suggestion service has reached the "
                            "end after %" PRId64 " trials",
                            experiment->trial_count);
        return;
    case DZ_MAX_RUNTIME_REACHED:
        dz_experiment_enter(turn, DZ_EXPERIMENT_SUCCEEDED, "ExperimentMaxRuntimeReached",
                            "Experiment has succeeded because its maxRuntime of %" PRId64
                            " s has passed",
                            spec->max_runtime_ms / 1000);
        return;
    case DZ_SUGGESTION_FAILED:
        (void)dz_text_set(fault, sizeof fault, "%s", experiment->suggestion_message);
        dz_experiment_enter(turn, DZ_EXPERIMENT_FAILED, "SuggestionFailed",
                            "Suggestion has failed; mend the plugin and run again: nothing is "
                            "lost. %s",
                            fault);
        return;
    }
}
