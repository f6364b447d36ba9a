/*
 * New experiments and new trials.
 */
#include "core/turn.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "spec/template.h"

static dz_trial *make_trial(const dz_turn *turn, const dozan_pair *assignments, size_t count,
                            const dozan_pair *labels, size_t label_count);
static bool copy_pairs(const dozan_pair *from, size_t count, dozan_pair **to, size_t *to_count);
static bool name_parent(const dz_experiment *experiment, dz_trial *trial);
static bool append_active(dz_experiment *experiment, dz_trial *trial);
static dozan_status learn_demand(const dz_experiment_spec *spec, dz_trial *trial, dozan_error *err);

dozan_status dz_experiment_create(dz_experiment_spec *spec, const char *uid, uint64_t seed,
                                  int64_t now_ms, dz_experiment **experiment, dozan_error *err)
{
    dz_experiment *made = calloc(1, sizeof *made);
    dozan_status status;

    if (made == NULL) {
        dz_spec_destroy(spec);
        return dz_out_of_memory(err);
    }
    made->spec = spec;
    made->seed = spec->has_seed ? spec->seed : seed;
    made->created_ms = now_ms;
    (void)dz_text_set(made->uid, sizeof made->uid, "%s", uid);
    status = dozan_space_create(spec->parameters, spec->parameter_count, &made->space, err);
    if (status != DOZAN_OK) {
        dz_experiment_destroy(made);
        return status;
    }
    dz_turn turn = {.experiment = made, .now_ms = now_ms, .err = err};
    dz_experiment_enter(&turn, DZ_EXPERIMENT_CREATED, "ExperimentCreated", "Experiment is created");
    *experiment = made;
    return DOZAN_OK;
}

dozan_status dz_trial_create(dz_turn *turn, const dozan_pair *assignments, size_t count,
                             const dozan_pair *labels, size_t label_count)
{
    dz_experiment *experiment = turn->experiment;
    dozan_error cause = {0};
    dz_trial *trial = make_trial(turn, assignments, count, labels, label_count);
    dozan_status status;

    if (trial == NULL || !append_active(experiment, trial)) {
        dz_trial_destroy(trial);
        return dz_out_of_memory(turn->err);
    }
    experiment->trial_count++;
    experiment->state_counts[DZ_TRIAL_PENDING]++;
    experiment->dirty = true;
    dz_trial_say(trial, "TrialCreated", "Trial is created");
    status = dz_turn_log(turn, DOZAN_EVENT_ASKED, trial, NULL);
    if (status != DOZAN_OK) {
        return status;
    }
    status = learn_demand(experiment->spec, trial, &cause);
    if (status == DOZAN_OK) {
        return DOZAN_OK;
    }
    if (status == DOZAN_RESOURCE_EXHAUSTED) {
        return dz_out_of_memory(turn->err);
    }
    char text[DZ_ADVICE_TEXT];
    dozan_error_text(&cause, text, sizeof text);
    dz_trial_say(trial, "TrialTemplateError", "the trial template gives no command to run: %s",
                 text);
    experiment->stillborn_in_row++;
    return dz_trial_finish(turn, trial, DZ_TRIAL_FAILED, DOZAN_EVENT_FAILED);
}

/* NULL when there is no memory. */
static dz_trial *make_trial(const dz_turn *turn, const dozan_pair *assignments, size_t count,
                            const dozan_pair *labels, size_t label_count)
{
    const dz_experiment_spec *spec = turn->experiment->spec;
    dz_trial *trial = calloc(1, sizeof *trial);
    char name[512];

    if (trial == NULL) {
        return NULL;
    }
    trial->number = turn->experiment->trial_count + 1;
    trial->state = DZ_TRIAL_PENDING;
    trial->created_ms = turn->now_ms;
    trial->dirty = true;
    trial->metric_count = spec->metric_count;
    trial->observations = calloc(spec->metric_count, sizeof *trial->observations);
    dz_trial_name(turn->experiment, trial->number, name, sizeof name);
    trial->name = strdup(name);
    if (trial->observations == NULL || trial->name == NULL ||
        !copy_pairs(assignments, count, &trial->assignments, &trial->assignment_count) ||
        !copy_pairs(labels, label_count, &trial->labels, &trial->label_count) ||
        !name_parent(turn->experiment, trial)) {
        dz_trial_destroy(trial);
        return NULL;
    }
    return trial;
}

/* Those that have a name. */
static bool copy_pairs(const dozan_pair *from, size_t count, dozan_pair **to, size_t *to_count)
{
    dozan_pair *pairs;

    if (count == 0) {
        return true;
    }
    pairs = calloc(count, sizeof *pairs);
    if (pairs == NULL) {
        return false;
    }
    *to = pairs;
    for (size_t i = 0; i < count; i++) {
        dozan_pair *pair = &pairs[*to_count];

        if (from[i].name == NULL) {
            continue;
        }
        (*to_count)++;
        pair->name = strdup(from[i].name);
        pair->value = strdup(from[i].value);
        if (pair->name == NULL || pair->value == NULL) {
            return false;
        }
    }
    return true;
}

/* An algorithm knows trials by their numbers alone: the number in a label ".../parent" becomes the
 * name of that trial, as everybody else knows it. False when there is no memory. */
static bool name_parent(const dz_experiment *experiment, dz_trial *trial)
{
    for (size_t i = 0; i < trial->label_count; i++) {
        dozan_pair *label = &trial->labels[i];
        double number = 0;
        char name[512];

        if (!dz_label_is_parent(label->name) ||
            strspn(label->value, "0123456789") != strlen(label->value) ||
            !dozan_number_parse(label->value, false, &number) || number < 1 ||
            number >= (double)trial->number) {
            continue;
        }
        dz_trial_name(experiment, (int64_t)number, name, sizeof name);
        char *copy = strdup(name);
        if (copy == NULL) {
            return false;
        }
        free((char *)(uintptr_t)label->value);
        label->value = copy;
    }
    return true;
}

static bool append_active(dz_experiment *experiment, dz_trial *trial)
{
    if (experiment->active_count == experiment->active_capacity) {
        size_t capacity = experiment->active_capacity == 0 ? 8 : experiment->active_capacity * 2;
        dz_trial **grown = realloc(experiment->active, capacity * sizeof(dz_trial *));

        if (grown == NULL) {
            return false;
        }
        experiment->active = grown;
        experiment->active_capacity = capacity;
    }
    experiment->active[experiment->active_count++] = trial;
    return true;
}

/* Renders the template once, only to learn what the trial needs; the loop renders it again to start
 * it. */
static dozan_status learn_demand(const dz_experiment_spec *spec, dz_trial *trial, dozan_error *err)
{
    cJSON *object = NULL;
    dz_command *command = NULL;

    if (spec->lease_ms > 0) { /* a worker's machine is its own affair */
        return DOZAN_OK;
    }
    dozan_status status = dz_template_render(spec, trial->name, trial->assignments,
                                             trial->assignment_count, &object, err);
    if (status == DOZAN_OK) {
        status = dz_template_command(spec, object, NULL, 0, &command, err);
    }
    if (status == DOZAN_OK) {
        trial->cpu_milli = command->cpu_milli;
        trial->gpu_count = command->gpus;
    }
    dz_command_destroy(command);
    cJSON_Delete(object);
    return status;
}
