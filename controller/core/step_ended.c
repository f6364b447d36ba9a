/*
 * What becomes of a trial whose job has ended.
 *
 * Two kinds of fault are kept apart. An exit code, a crash, a time limit and a command that cannot
 * run are the configuration's: the trial fails, or runs again while it has retries. A job that is
 * gone, or was killed from outside, is the infrastructure's: the trial runs again, five times at
 * most, and the algorithm is never told of a bad result.
 */
#include "core/turn.h"

#include <inttypes.h>
#include <signal.h>

static dozan_status by_itself(dz_turn *turn, dz_trial *trial, const dz_event *event);
static dozan_status on_request(dz_turn *turn, dz_trial *trial, const dz_event *event);
static dozan_status by_verdict(dz_turn *turn, dz_trial *trial, const dz_event *event);
static dozan_status succeed(dz_turn *turn, dz_trial *trial, const char *complaint);
static dozan_status miss(dz_turn *turn, dz_trial *trial, const char *complaint);
static dozan_status fail(dz_turn *turn, dz_trial *trial, const dz_end *end);
static dozan_status fail_at_once(dz_turn *turn, dz_trial *trial, const char *reason,
                                 const dz_end *end);
static dozan_status lose(dz_turn *turn, dz_trial *trial, const dz_end *end);
static dozan_status run_again(dz_turn *turn, dz_trial *trial, int64_t delay_ms);
static bool killed_from_outside(const dz_end *end);
static bool was_running(const dz_end *end);

dozan_status dz_step_ended(dz_turn *turn, const dz_event *event)
{
    dz_trial *trial = dz_experiment_find_active(turn->experiment, event->u.trial.trial);
    dozan_status status = DOZAN_OK;

    if (trial == NULL || trial->attempt != event->u.trial.attempt ||
        !dz_trial_state_holds(trial->state)) {
        return DOZAN_OK;
    }
    if (was_running(event->u.trial.end)) {
        status = dz_trial_running(turn, trial);
    }
    if (status != DOZAN_OK) {
        return status;
    }
    return trial->state == DZ_TRIAL_STOPPING ? on_request(turn, trial, event)
                                             : by_itself(turn, trial, event);
}

static dozan_status by_itself(dz_turn *turn, dz_trial *trial, const dz_event *event)
{
    const dz_end *end = event->u.trial.end;

    switch (end->kind) {
    case DZ_END_EXITED:
        return by_verdict(turn, trial, event);
    case DZ_END_SIGNALED:
        return killed_from_outside(end) ? lose(turn, trial, end) : by_verdict(turn, trial, event);
    case DZ_END_TIMEOUT:
        return fail_at_once(turn, trial, "TrialTimeout", end);
    case DZ_END_NOT_STARTED:
        if (end->configuration_fault) {
            turn->experiment->stillborn_in_row++;
            return fail_at_once(turn, trial, "TrialNotStarted", end);
        }
        return lose(turn, trial, end);
    case DZ_END_STOPPED:
    case DZ_END_LOST:
        break;
    }
    return lose(turn, trial, end);
}

/* A trial that was being stopped. It may have finished before the stop reached it: a success counts
 * then; anything else is what the stop was for. */
static dozan_status on_request(dz_turn *turn, dz_trial *trial, const dz_event *event)
{
    const dz_end *end = event->u.trial.end;
    dz_job_verdict verdict = DZ_JOB_UNDECIDED;

    if (end->kind == DZ_END_EXITED && end->code == 0 &&
        dz_trial_missing(trial, turn->experiment->spec) == SIZE_MAX &&
        dz_job_judge(turn->experiment->spec, end, &verdict, NULL) == DOZAN_OK &&
        verdict == DZ_JOB_SUCCEEDED) {
        return succeed(turn, trial, event->u.trial.complaint);
    }
    switch (trial->stop_cause) {
    case DZ_STOP_EARLY:
        return dz_trial_finish(turn, trial, DZ_TRIAL_EARLY_STOPPED, DOZAN_EVENT_STOPPED);
    case DZ_STOP_USER:
    case DZ_STOP_EXPERIMENT:
        return dz_trial_finish(turn, trial, DZ_TRIAL_KILLED, DOZAN_EVENT_KILLED);
    case DZ_STOP_INTERRUPT:
    case DZ_STOP_NONE:
        break;
    }
    dz_trial_say(trial, "TrialInterrupted",
                 "attempt %" PRId32 " was interrupted: the trial runs again when the experiment "
                 "goes on",
                 trial->attempt);
    return run_again(turn, trial, 0);
}

static dozan_status by_verdict(dz_turn *turn, dz_trial *trial, const dz_event *event)
{
    const dz_experiment_spec *spec = turn->experiment->spec;
    const dz_end *end = event->u.trial.end;
    dz_job_verdict verdict = DZ_JOB_UNDECIDED;
    dozan_error cause = {0};
    char text[DZ_ADVICE_TEXT];
    dozan_status status = dz_job_judge(spec, end, &verdict, &cause);

    if (status == DOZAN_RESOURCE_EXHAUSTED) {
        return dz_out_of_memory(turn->err);
    }
    if (status != DOZAN_OK) {
        dozan_error_text(&cause, text, sizeof text);
        dz_trial_say(trial, "TrialFailed", "the template's conditions cannot be judged: %s", text);
        return dz_trial_finish(turn, trial, DZ_TRIAL_FAILED, DOZAN_EVENT_FAILED);
    }
    if (verdict != DZ_JOB_SUCCEEDED) {
        return fail(turn, trial, end);
    }
    if (dz_trial_missing(trial, spec) == SIZE_MAX) {
        return succeed(turn, trial, event->u.trial.complaint);
    }
    if (dz_spec_is_told(spec->collector) && spec->lease_ms == 0) {
        trial->awaited_until_ms = turn->now_ms + DZ_REPORT_WAIT_MS;
        dz_trial_say(trial, "WaitingForReport",
                     "the job has succeeded; its metrics may still be reported");
        return DOZAN_OK;
    }
    return miss(turn, trial, event->u.trial.complaint);
}

dozan_status dz_end_awaited(dz_turn *turn)
{
    dz_experiment *experiment = turn->experiment;
    dozan_status status = DOZAN_OK;

    if (!dz_spec_is_told(experiment->spec->collector) || experiment->spec->lease_ms > 0) {
        return DOZAN_OK;
    }
    for (size_t i = experiment->active_count; status == DOZAN_OK && i > 0; i--) {
        dz_trial *trial = experiment->active[i - 1];

        if (trial->awaited_until_ms == 0 || trial->state != DZ_TRIAL_RUNNING) {
            continue;
        }
        if (dz_trial_missing(trial, experiment->spec) == SIZE_MAX) {
            status = succeed(turn, trial, NULL);
        } else if (turn->now_ms >= trial->awaited_until_ms) {
            status = miss(turn, trial, NULL);
        }
    }
    return status;
}

static dozan_status miss(dz_turn *turn, dz_trial *trial, const char *complaint)
{
    char text[DZ_ADVICE_TEXT];

    dz_advice_on_metric(turn->experiment, trial, complaint, text);
    dz_trial_say(trial, "MetricsUnavailable", "%s", text);
    return dz_trial_finish(turn, trial, DZ_TRIAL_METRICS_UNAVAILABLE, DOZAN_EVENT_UNAVAILABLE);
}

static dozan_status succeed(dz_turn *turn, dz_trial *trial, const char *complaint)
{
    dz_trial_say(trial, "TrialSucceeded", "Trial has succeeded%s%s", complaint == NULL ? "" : "; ",
                 complaint == NULL ? "" : complaint);
    return dz_trial_finish(turn, trial, DZ_TRIAL_SUCCEEDED, DOZAN_EVENT_COMPLETED);
}

static dozan_status fail(dz_turn *turn, dz_trial *trial, const dz_end *end)
{
    int32_t retries = turn->experiment->spec->retries;
    char text[DZ_ADVICE_TEXT];
    int64_t delay;

    trial->failures++;
    if (trial->failures > retries) {
        return fail_at_once(turn, trial, "TrialFailed", end);
    }
    delay = dz_backoff_ms(trial->failures);
    dz_advice_on_end(turn->experiment, trial, end, text);
    dz_trial_say(trial, "WaitingForRetry",
                 "attempt %" PRId32 " failed (%s); runs again after %" PRId64 " ms, %" PRId32
                 " retries left",
                 trial->attempt, text, delay, retries - trial->failures);
    return run_again(turn, trial, delay);
}

static dozan_status fail_at_once(dz_turn *turn, dz_trial *trial, const char *reason,
                                 const dz_end *end)
{
    char text[DZ_ADVICE_TEXT];

    dz_advice_on_end(turn->experiment, trial, end, text);
    dz_trial_say(trial, reason, "%s", text);
    return dz_trial_finish(turn, trial, DZ_TRIAL_FAILED, DOZAN_EVENT_FAILED);
}

/* The last loss ends the trial; the log says KILLED, which tells an algorithm nothing of the point:
 * nobody knows how good it is. */
static dozan_status lose(dz_turn *turn, dz_trial *trial, const dz_end *end)
{
    char text[DZ_ADVICE_TEXT];
    int64_t delay;

    trial->losses++;
    dz_advice_on_end(turn->experiment, trial, end, text);
    if (trial->losses >= DZ_MAX_LOSSES) {
        dz_trial_say(trial, "TrialLost", "lost %" PRId32 " times, the last time: %s", trial->losses,
                     text);
        return dz_trial_finish(turn, trial, DZ_TRIAL_FAILED, DOZAN_EVENT_KILLED);
    }
    delay = dz_backoff_ms(trial->losses);
    dz_trial_say(trial, "WaitingForRestart",
                 "attempt %" PRId32 " was lost (%s); runs again after %" PRId64
                 " ms, for the %" PRId32 ". of at most %d times",
                 trial->attempt, text, delay, trial->losses, DZ_MAX_LOSSES - 1);
    return run_again(turn, trial, delay);
}

static dozan_status run_again(dz_turn *turn, dz_trial *trial, int64_t delay_ms)
{
    dozan_status status = dz_turn_log(turn, DOZAN_EVENT_LOST, trial, NULL);

    if (status != DOZAN_OK) {
        return status;
    }
    trial->stop_cause = DZ_STOP_NONE;
    trial->judged_dirty = false;
    trial->not_before_ms = delay_ms > 0 ? turn->now_ms + delay_ms : 0;
    return dz_trial_move(turn, trial, DZ_TRIAL_PENDING);
}

/* What an administrator, a shutdown or the kernel for want of memory send; other signals come from
 * the program's own doing. A shell tells of its child's signal by 128 and the signal's number. */
static bool killed_from_outside(const dz_end *end)
{
    int signal = end->kind == DZ_END_SIGNALED ? end->signal : end->code - 128;

    return signal == SIGKILL || signal == SIGTERM || signal == SIGHUP || signal == SIGINT;
}

static bool was_running(const dz_end *end)
{
    return end->kind == DZ_END_EXITED || end->kind == DZ_END_SIGNALED ||
           end->kind == DZ_END_TIMEOUT;
}
