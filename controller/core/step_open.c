/*
 * Taking an experiment up: what its stored state says about the world outside becomes effects.
 *
 * A trial that was told to start may never have been, may run, or may have ended: adopting it finds
 * out, and the runner starts what never was. So the stored state is the outbox, and no other is
 * kept.
 */
#include "core/turn.h"

#include <inttypes.h>
#include <string.h>

static dozan_status check_counts(dz_turn *turn);
static void forget_the_last_run(dz_experiment *experiment);
static dozan_status take_up(dz_turn *turn, const dz_trial *trial);
static void go_on(dz_turn *turn);

dozan_status dz_step_open(dz_turn *turn)
{
    dz_experiment *experiment = turn->experiment;
    const dz_experiment_spec *spec = experiment->spec;
    dozan_status status = DOZAN_OK;

    if (experiment->open) {
        return DOZAN_OK;
    }
    if (experiment->space == NULL) {
        status = dozan_space_create(spec->parameters, spec->parameter_count, &experiment->space,
                                    turn->err);
    }
    if (status == DOZAN_OK) {
        status = check_counts(turn);
    }
    for (size_t i = 0; status == DOZAN_OK && i < experiment->active_count; i++) {
        status = take_up(turn, experiment->active[i]);
    }
    if (status != DOZAN_OK) {
        return status;
    }
    forget_the_last_run(experiment);
    dz_judge_mark(experiment);
    experiment->open = true;
    go_on(turn);
    return DOZAN_OK;
}

/* Every trial that has not ended must be here, in order, and the counters must agree. */
static dozan_status check_counts(dz_turn *turn)
{
    const dz_experiment *experiment = turn->experiment;
    int64_t counts[DZ_TRIAL_STATE_COUNT] = {0};
    int64_t total = 0;
    int64_t last = 0;
    bool ok = true;

    for (size_t i = 0; i < experiment->active_count; i++) {
        const dz_trial *trial = experiment->active[i];

        ok = ok && trial->number > last && trial->number <= experiment->trial_count &&
             trial->state < DZ_TRIAL_STATE_COUNT && !dz_trial_state_ended(trial->state) &&
             trial->gpu_count >= 0 && trial->gpu_count <= DZ_MAX_GPUS_PER_TRIAL;
        if (ok) {
            counts[trial->state]++;
            last = trial->number;
        }
    }
    for (int state = 0; state < DZ_TRIAL_STATE_COUNT; state++) {
        total += experiment->state_counts[state];
        ok = ok && (dz_trial_state_ended((dz_trial_state)state) ||
                    counts[state] == experiment->state_counts[state]);
    }
    if (ok && total == experiment->trial_count) {
        return DOZAN_OK;
    }
    return dozan_error_set(turn->err, DOZAN_DATA_LOSS, experiment->spec->name,
                           "the stored counters of trials (%" PRId64 " in all, %" PRId64
                           " in states) do not agree with the stored trials: restore the database "
                           "from a copy",
                           experiment->trial_count, total);
}

static void forget_the_last_run(dz_experiment *experiment)
{
    experiment->asking = false;
    experiment->judging = false;
    experiment->wait_for_end = false;
    experiment->ask_not_before_ms = 0;
    experiment->judge_not_before_ms = 0;
    experiment->faults_in_row = 0;
    experiment->judge_faults_in_row = 0;
    experiment->stillborn_in_row = 0;
}

static dozan_status take_up(dz_turn *turn, const dz_trial *trial)
{
    dozan_status status;

    if (!dz_trial_state_holds(trial->state)) {
        return DOZAN_OK;
    }
    dz_slots_hold(turn->slots, trial->cpu_milli, trial->gpu_count, trial->gpus);
    status = dz_turn_effect(turn, DZ_EFFECT_ADOPT, trial, NULL);
    if (status == DOZAN_OK && trial->state == DZ_TRIAL_STOPPING) {
        status = dz_turn_effect(turn, DZ_EFFECT_STOP, trial, NULL);
    }
    return status;
}

static void go_on(dz_turn *turn)
{
    dz_experiment *experiment = turn->experiment;

    switch (experiment->state) {
    case DZ_EXPERIMENT_CREATED:
        experiment->started_ms = turn->now_ms;
        dz_experiment_enter(turn, DZ_EXPERIMENT_RUNNING, "ExperimentRunning",
                            "Experiment is running");
        return;
    case DZ_EXPERIMENT_RUNNING:
        experiment->runtime_mark_ms = turn->now_ms; /* the time since the last run does not count */
        return;
    case DZ_EXPERIMENT_SUSPENDED:
        dz_experiment_enter(turn, DZ_EXPERIMENT_RUNNING, "ExperimentRunning",
                            "Experiment is running");
        return;
    case DZ_EXPERIMENT_FAILED:
        if (dz_suggestion_failed(experiment)) {
            dz_experiment_restart(turn, "Experiment is restarted: its algorithm is asked again");
        }
        return;
    case DZ_EXPERIMENT_RESTARTING:
    case DZ_EXPERIMENT_SUCCEEDED:
        return;
    }
}
