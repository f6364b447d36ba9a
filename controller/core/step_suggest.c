/*
 * Getting new trials: the user's initial points first, then what the search algorithm suggests.
 *
 * One ask is under way at a time, for trials from trial_count + 1 on; asking changes nothing, so an
 * ask that is lost, late or answered wrongly is asked again. Wrong answers and silence back off,
 * and after eight in a row (or what the user says), once no trial is left to wait for, the
 * experiment fails (step_completion.c): until then running trials lose nothing by the plugin's
 * faults.
 */
#include "core/turn.h"

#include <inttypes.h>
#include <stdlib.h>

static dozan_status give_initial_points(dz_turn *turn);
static dozan_status take_reply(dz_turn *turn, const dozan_ask_reply *reply,
                               const dozan_pair *assignments);
static dozan_status fault(dz_turn *turn, const char *reason, const char *message);
static void say(dz_turn *turn, const char *reason, const char *format, ...) DOZAN_PRINTF(3, 4);
static bool initial_points_left(const dz_experiment *experiment);
static void slow_down_when_none_can_start(dz_turn *turn);

/* Katib's rule, but that a trial whose metrics are unavailable counts as completed, so that none is
 * made too many. */
int64_t dz_trials_wanted(const dz_experiment *experiment)
{
    const dz_experiment_spec *spec = experiment->spec;
    int64_t required = spec->parallel_trial_count;

    if (spec->max_trial_count > 0) {
        int64_t left = spec->max_trial_count - dz_completed_count(experiment);
        required = left < required ? left : required;
    }
    required -= (int64_t)experiment->active_count;
    return required > 0 ? required : 0;
}

bool dz_ask_wanted(const dz_experiment *experiment)
{
    return experiment->state == DZ_EXPERIMENT_RUNNING && !experiment->asking &&
           !experiment->exhausted && !experiment->wait_for_end && dz_trials_wanted(experiment) > 0;
}

dozan_status dz_fill(dz_turn *turn)
{
    dz_experiment *experiment = turn->experiment;
    dz_effect *ask = NULL;
    dozan_status status = give_initial_points(turn);
    int64_t count;

    if (status != DOZAN_OK || !dz_ask_wanted(experiment) || initial_points_left(experiment) ||
        turn->now_ms < experiment->ask_not_before_ms) {
        return status;
    }
    count = dz_trials_wanted(experiment);
    status = dz_turn_effect(turn, DZ_EFFECT_ASK, NULL, &ask);
    if (status != DOZAN_OK) {
        return status;
    }
    ask->trial = experiment->trial_count + 1;
    ask->count = (uint32_t)(count < DZ_MAX_ASK ? count : DZ_MAX_ASK);
    experiment->asking = true;
    experiment->asked_count = ask->count;
    experiment->ended_since_ask = false;
    experiment->ask_not_before_ms = 0;
    return DOZAN_OK;
}

dozan_status dz_step_suggested(dz_turn *turn, const dozan_ask_reply *reply)
{
    dz_experiment *experiment = turn->experiment;
    dozan_pair *assignments = NULL;
    dozan_error cause = {0};
    dozan_status status;

    if (!experiment->asking) {
        return DOZAN_OK;
    }
    experiment->asking = false;
    if (experiment->state != DZ_EXPERIMENT_RUNNING) {
        return DOZAN_OK; /* ended or suspended in the meantime */
    }
    status = dz_reply_check(experiment, reply, &assignments, &cause);
    if (status == DOZAN_OK) {
        status = take_reply(turn, reply, assignments);
    } else if (status == DOZAN_RESOURCE_EXHAUSTED) {
        status = dz_out_of_memory(turn->err);
    } else {
        status = fault(turn, "PluginFault", cause.message);
    }
    free(assignments);
    return status;
}

dozan_status dz_step_ask_failed(dz_turn *turn, const char *reason, const char *message)
{
    if (!turn->experiment->asking) {
        return DOZAN_OK;
    }
    turn->experiment->asking = false;
    if (turn->experiment->state != DZ_EXPERIMENT_RUNNING) {
        return DOZAN_OK;
    }
    return fault(turn, reason, message);
}

int32_t dz_fault_limit(const dz_experiment *experiment)
{
    return experiment->fault_limit > 0 ? experiment->fault_limit : DZ_MAX_FAULTS_IN_ROW;
}

void dz_note_fault(dz_experiment *experiment, const char *reason, const char *message)
{
    experiment->plugin_faults++;
    experiment->dirty = true;
    (void)dz_text_set(experiment->plugin_fault, sizeof experiment->plugin_fault, "%s: %s",
                      reason == NULL ? "PluginFault" : reason, message == NULL ? "" : message);
}

static dozan_status give_initial_points(dz_turn *turn)
{
    dz_experiment *experiment = turn->experiment;
    dozan_status status = DOZAN_OK;

    while (status == DOZAN_OK && experiment->state == DZ_EXPERIMENT_RUNNING &&
           initial_points_left(experiment) && dz_trials_wanted(experiment) > 0) {
        const dz_initial_point *point = &experiment->spec->initial_points[experiment->trial_count];

        status = dz_trial_create(turn, point->assignments, point->count, NULL, 0);
    }
    return status;
}

/* As many as are still wanted: the budget may have been lowered since the ask. What is left over
 * was never logged, so to the algorithm it never was. */
static dozan_status take_reply(dz_turn *turn, const dozan_ask_reply *reply,
                               const dozan_pair *assignments)
{
    dz_experiment *experiment = turn->experiment;
    size_t parameters = experiment->spec->parameter_count;
    size_t wanted = (size_t)dz_trials_wanted(experiment);
    size_t count = reply->suggestion_count < wanted ? reply->suggestion_count : wanted;
    const char *why = reply->message == NULL ? "" : reply->message;
    dozan_status status = DOZAN_OK;

    if (reply->end == DOZAN_ASK_WAIT && reply->suggestion_count == 0 &&
        experiment->active_count == 0 && !experiment->ended_since_ask) {
        char message[DZ_ADVICE_TEXT];
        (void)dz_text_set(message, sizeof message,
                          "the plugin waits for a trial to end, but none is active (%s)", why);
        return fault(turn, "PluginFault", message);
    }
    for (size_t i = 0; status == DOZAN_OK && i < count; i++) {
        const dozan_suggestion *suggestion = &reply->suggestions[i];

        status = dz_trial_create(turn, &assignments[i * parameters], parameters, suggestion->labels,
                                 suggestion->label_count);
    }
    if (status != DOZAN_OK) {
        return status;
    }
    experiment->faults_in_row = 0;
    if (count < reply->suggestion_count || reply->end == DOZAN_ASK_MORE) {
        say(turn, "SuggestionReady", "%s", *why != '\0' ? why : "Suggestion is ready");
    } else if (reply->end == DOZAN_ASK_WAIT) {
        /* what it waits for may have happened while it answered: then it is asked again at once */
        experiment->wait_for_end = !experiment->ended_since_ask;
        say(turn, "SuggestionWaiting", "the algorithm waits for trials to end: %s", why);
    } else {
        experiment->exhausted = true;
        experiment->dirty = true;
        say(turn, "SuggestionEndReached", "the algorithm has no more suggestions: %s", why);
    }
    slow_down_when_none_can_start(turn);
    return DOZAN_OK;
}

static dozan_status fault(dz_turn *turn, const char *reason, const char *message)
{
    dz_experiment *experiment = turn->experiment;
    int32_t limit = dz_fault_limit(experiment);
    int64_t delay;

    dz_note_fault(experiment, reason, message);
    experiment->faults_in_row++;
    delay = dz_backoff_ms(experiment->faults_in_row);
    experiment->ask_not_before_ms = turn->now_ms + delay;
    if (experiment->faults_in_row < limit) {
        say(turn, reason,
            "%s (fault %" PRId32 " of at most %" PRId32 " in a row; asked again after %" PRId64
            " ms)",
            message == NULL ? "" : message, experiment->faults_in_row, limit, delay);
    } else if (experiment->active_count == 0) {
        say(turn, reason, "%s (fault %" PRId32 " in a row)", message == NULL ? "" : message,
            experiment->faults_in_row);
    } else {
        say(turn, reason,
            "%s (fault %" PRId32
            " in a row; the trials run on, and unless it answers by then, the experiment fails "
            "when they have ended)",
            message == NULL ? "" : message, experiment->faults_in_row);
    }
    return dz_turn_effect(turn, DZ_EFFECT_RESTART_PLUGIN, NULL, NULL);
}

static void say(dz_turn *turn, const char *reason, const char *format, ...)
{
    dz_experiment *experiment = turn->experiment;
    va_list args;
    bool changed = dz_text_set(experiment->suggestion_reason, sizeof experiment->suggestion_reason,
                               "%s", reason);

    va_start(args, format);
    changed |= dz_text_vset(experiment->suggestion_message, sizeof experiment->suggestion_message,
                            format, args);
    va_end(args);
    experiment->dirty = experiment->dirty || changed;
}

static bool initial_points_left(const dz_experiment *experiment)
{
    return experiment->trial_count < (int64_t)experiment->spec->initial_point_count;
}

/* An experiment that nothing bounds, and none of whose trials can start, would fill the disk with
 * failed trials as fast as it can ask. */
static void slow_down_when_none_can_start(dz_turn *turn)
{
    dz_experiment *experiment = turn->experiment;
    int32_t in_row = experiment->stillborn_in_row - DZ_MAX_FAULTS_IN_ROW;

    if (in_row >= 0 && experiment->spec->max_trial_count == 0 &&
        experiment->spec->max_failed_trial_count < 0) {
        experiment->ask_not_before_ms = turn->now_ms + dz_backoff_ms(in_row + 1);
    }
}
