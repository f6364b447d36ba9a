/*
 * One experiment: what it is, how far it is, and what it waits for.
 */
#include "api/views/shared.h"

#include <stdio.h>
#include <string.h>

enum { MAX_ACTIVE = 64 };

static void build_identity(dz_builder *build, cJSON *tree, const dz_held *held);
static void build_conditions(dz_builder *build, cJSON *tree, const dz_experiment *experiment);
static void build_algorithm(dz_builder *build, cJSON *tree, const dz_experiment *experiment);
static void build_budget(dz_builder *build, cJSON *tree, const dz_held *held);
static void build_parameters(dz_builder *build, cJSON *tree, const dz_experiment_spec *spec);
static void build_metrics(dz_builder *build, cJSON *tree, const dz_experiment_spec *spec);
static void build_active(dz_builder *build, cJSON *tree, const dz_held *held);
static void build_waiting(dz_builder *build, cJSON *tree, const dz_held *held);
static void build_failures(dz_builder *build, cJSON *tree, const dz_frame *frame);

dozan_status dz_view_experiment(const dz_view_request *request, cJSON **answer, dozan_error *err)
{
    dz_held held;
    dz_builder build = {0};
    dozan_status status = dz_hold(request, &held, err);
    if (status != DOZAN_OK)
        return status;
    cJSON *tree = cJSON_CreateObject();
    build_identity(&build, tree, &held);
    build_conditions(&build, tree, held.experiment);
    dz_build_objectives(&build, tree, held.experiment->spec);
    build_metrics(&build, tree, held.experiment->spec);
    build_algorithm(&build, tree, held.experiment);
    build_budget(&build, tree, &held);
    build_parameters(&build, tree, held.experiment->spec);
    dz_build_axes(&build, tree, held.experiment->space);
    dz_build_counts(&build, tree, held.experiment);
    dz_build_best(&build, tree, held.experiment);
    if (held.experiment->best.trial != 0) {
        cJSON *best = dz_build_object(&build, tree, "bestTrial");
        status = dz_put_trial(&held, held.experiment->best.trial, false, &build, best, err);
    }
    build_active(&build, tree, &held);
    build_waiting(&build, tree, &held);
    build_failures(&build, tree, held.frame);
    dz_release(&held);
    if (status == DOZAN_OK)
        return dz_build_done(&build, tree, answer, err);
    cJSON_Delete(tree);
    return status;
}

/* ---- helpers */

static void build_identity(dz_builder *build, cJSON *tree, const dz_held *held)
{
    const dz_experiment *experiment = held->experiment;
    dz_build_text(build, tree, "namespace", experiment->spec->namespace_);
    dz_build_text(build, tree, "name", experiment->spec->name);
    dz_build_text(build, tree, "uid", experiment->uid);
    dz_build_text(build, tree, "state", dz_experiment_state_name(experiment->state));
    dz_build_bool(build, tree, "ended", dz_experiment_state_ended(experiment->state));
    dz_build_number(build, tree, "created", experiment->created_ms);
    dz_build_number(build, tree, "started", experiment->started_ms);
    dz_build_number(build, tree, "completed", experiment->completed_ms);
    dz_build_number(build, tree, "now", held->request.now_ms);
    dz_build_number(build, tree, "trials", experiment->trial_count);
    dz_build_number(build, tree, "seq", experiment->last_seq);
    dz_build_text(build, tree, "warmStart", experiment->warm_start);
    dz_build_number(build, tree, "front", (int64_t)experiment->front.count);
}

static void build_conditions(dz_builder *build, cJSON *tree, const dz_experiment *experiment)
{
    cJSON *conditions = dz_build_array(build, tree, "conditions");
    for (size_t i = 0; i < experiment->condition_count; i++) {
        const dz_condition *condition = &experiment->conditions[i];
        cJSON *item = dz_build_item(build, conditions);
        dz_build_text(build, item, "type", condition->type);
        dz_build_bool(build, item, "status", condition->status);
        dz_build_text(build, item, "reason", condition->reason);
        dz_build_text(build, item, "message", condition->message);
        dz_build_number(build, item, "changed", condition->changed_ms);
    }
}

static void build_metrics(dz_builder *build, cJSON *tree, const dz_experiment_spec *spec)
{
    static const char *const strategies[] = {"min", "max", "latest"};
    cJSON *metrics = dz_build_array(build, tree, "metrics");
    for (size_t i = 0; i < spec->metric_count; i++) {
        cJSON *item = dz_build_item(build, metrics);
        dz_build_text(build, item, "name", spec->metrics[i].name);
        dz_build_text(build, item, "strategy", strategies[spec->metrics[i].strategy]);
        dz_build_bool(build, item, "maximize", dz_metric_maximize(spec, i));
    }
    cJSON *constraints = dz_build_array(build, tree, "constraints");
    for (size_t i = 0; i < spec->constraint_count; i++) {
        const dz_constraint *constraint = &spec->constraints[i];
        cJSON *item = dz_build_item(build, constraints);
        dz_build_text(build, item, "metric", spec->metrics[constraint->metric].name);
        if (constraint->has_min)
            dz_build_double(build, item, "min", constraint->min);
        if (constraint->has_max)
            dz_build_double(build, item, "max", constraint->max);
    }
}

static void build_settings(dz_builder *build, cJSON *tree, const char *name, const char *algorithm,
                           const dozan_pair *pairs, size_t count)
{
    cJSON *item = dz_build_object(build, tree, name);
    dz_build_text(build, item, "name", algorithm);
    cJSON *settings = dz_build_object(build, item, "settings");
    for (size_t i = 0; i < count; i++)
        dz_build_add(build, settings, pairs[i].name, cJSON_CreateString(pairs[i].value));
}

static void build_algorithm(dz_builder *build, cJSON *tree, const dz_experiment *experiment)
{
    char seed[32];
    const dz_experiment_spec *spec = experiment->spec;
    build_settings(build, tree, "algorithm", spec->algorithm, spec->algorithm_settings,
                   spec->algorithm_setting_count);
    if (spec->early_stopping != NULL)
        build_settings(build, tree, "earlyStopping", spec->early_stopping,
                       spec->early_stopping_settings, spec->early_stopping_setting_count);
    /* A text: JavaScript's numbers do not hold 64 bits. */
    (void)snprintf(seed, sizeof seed, "%llu", (unsigned long long)experiment->seed);
    dz_build_text(build, tree, "seed", seed);
    cJSON *suggestion = dz_build_object(build, tree, "suggestion");
    dz_build_text(build, suggestion, "reason", experiment->suggestion_reason);
    dz_build_text(build, suggestion, "message", experiment->suggestion_message);
    dz_build_bool(build, suggestion, "exhausted", experiment->exhausted);
    dz_build_number(build, suggestion, "faults", experiment->plugin_faults);
    dz_build_text(build, suggestion, "fault", experiment->plugin_fault);
}

static void build_budget(dz_builder *build, cJSON *tree, const dz_held *held)
{
    const dz_experiment *experiment = held->experiment;
    const dz_experiment_spec *spec = experiment->spec;
    int64_t ran_ms = experiment->runtime_ms;
    if (experiment->runtime_mark_ms > 0 && held->request.now_ms > experiment->runtime_mark_ms)
        ran_ms += held->request.now_ms - experiment->runtime_mark_ms;
    cJSON *budget = dz_build_object(build, tree, "budget");
    dz_build_number(build, budget, "parallel", spec->parallel_trial_count);
    dz_build_number(build, budget, "max", spec->max_trial_count);
    dz_build_number(build, budget, "maxFailed", spec->max_failed_trial_count);
    dz_build_number(build, budget, "maxRuntime", spec->max_runtime_ms);
    dz_build_number(build, budget, "runtime", ran_ms);
    dz_build_number(build, budget, "trialTimeout", spec->trial_timeout_ms);
    dz_build_number(build, budget, "retries", spec->retries);
}

static void build_when(dz_builder *build, cJSON *item, const dozan_condition *when)
{
    cJSON *condition = dz_build_object(build, item, "when");
    dz_build_text(build, condition, "parameter", when->parameter);
    dz_build_text(build, condition, "min", when->min);
    dz_build_text(build, condition, "max", when->max);
    cJSON *values = dz_build_array(build, condition, "values");
    for (size_t i = 0; i < when->value_count; i++)
        dz_build_word(build, values, when->values[i]);
}

static void build_parameters(dz_builder *build, cJSON *tree, const dz_experiment_spec *spec)
{
    static const char *const types[] = {"", "double", "int", "discrete", "categorical"};
    static const char *const distributions[] = {"", "uniform", "logUniform", "normal", "logNormal"};
    cJSON *parameters = dz_build_array(build, tree, "parameters");
    for (size_t i = 0; i < spec->parameter_count; i++) {
        const dozan_parameter *parameter = &spec->parameters[i];
        cJSON *item = dz_build_item(build, parameters);
        dz_build_text(build, item, "name", parameter->name);
        dz_build_text(build, item, "type", types[parameter->type]);
        dz_build_text(build, item, "distribution", distributions[parameter->distribution]);
        dz_build_text(build, item, "step", parameter->step);
        if (parameter->list_count == 0) {
            dz_build_text(build, item, "min", parameter->min);
            dz_build_text(build, item, "max", parameter->max);
        }
        cJSON *list = dz_build_array(build, item, "list");
        for (size_t k = 0; k < parameter->list_count && k < MAX_ACTIVE; k++)
            dz_build_word(build, list, parameter->list[k]);
        dz_build_number(build, item, "listed", (int64_t)parameter->list_count);
        if (parameter->when != NULL)
            build_when(build, item, parameter->when);
    }
}

static void build_active(dz_builder *build, cJSON *tree, const dz_held *held)
{
    const dz_experiment *experiment = held->experiment;
    cJSON *active = dz_build_array(build, tree, "active");
    for (size_t i = 0; i < experiment->active_count && i < MAX_ACTIVE; i++)
        dz_build_trial_row(build, dz_build_item(build, active), experiment, experiment->active[i],
                           false);
    dz_build_number(build, tree, "activeCount", (int64_t)experiment->active_count);
}

/* ---- what waits, and why */

static void add_wait(dz_builder *build, cJSON *waiting, const char *what, const char *reason,
                     const char *message, int64_t until_ms)
{
    cJSON *item = dz_build_item(build, waiting);
    dz_build_text(build, item, "what", what);
    dz_build_text(build, item, "reason", reason);
    dz_build_text(build, item, "message", message);
    if (until_ms > 0)
        dz_build_number(build, item, "until", until_ms);
}

/* The experiment itself: nobody runs it, or it was stopped. */
static void add_own_wait(dz_builder *build, cJSON *waiting, const dz_held *held)
{
    const dz_experiment *experiment = held->experiment;
    bool ended = dz_experiment_state_ended(experiment->state);
    if (experiment->state == DZ_EXPERIMENT_SUSPENDED)
        add_wait(build, waiting, "experiment", "Suspended",
                 "The experiment was stopped; resume it to go on.", 0);
    else if (!ended && dz_store_owner(held->request.store) == 0)
        add_wait(build, waiting, "experiment", "NoProcess",
                 "No process runs the experiment now; start one on this database, and it goes on.",
                 0);
}

static void add_search_wait(dz_builder *build, cJSON *waiting, const dz_experiment *experiment)
{
    bool ended = dz_experiment_state_ended(experiment->state);
    bool ready = strcmp(experiment->suggestion_reason, "SuggestionReady") == 0 ||
                 experiment->suggestion_reason[0] == '\0';
    if (ended || ready || experiment->state == DZ_EXPERIMENT_SUSPENDED)
        return;
    add_wait(build, waiting, "suggestion", experiment->suggestion_reason,
             experiment->suggestion_message[0] != '\0' ? experiment->suggestion_message
                                                       : experiment->plugin_fault,
             0);
}

/* Trials that have not been started, put together by their reason. */
static void build_waiting(dz_builder *build, cJSON *tree, const dz_held *held)
{
    const dz_experiment *experiment = held->experiment;
    cJSON *waiting = dz_build_array(build, tree, "waiting");
    add_own_wait(build, waiting, held);
    add_search_wait(build, waiting, experiment);
    int64_t shown = 0;
    for (size_t i = 0; i < experiment->active_count && shown < MAX_ACTIVE; i++) {
        const dz_trial *trial = experiment->active[i];
        char what[64];
        if (trial->state != DZ_TRIAL_PENDING && trial->state != DZ_TRIAL_STOPPING)
            continue;
        (void)snprintf(what, sizeof what, "trial %lld", (long long)trial->number);
        add_wait(build, waiting, what, trial->reason, trial->message,
                 trial->not_before_ms > held->request.now_ms ? trial->not_before_ms : 0);
        shown++;
    }
}

static void build_failures(dz_builder *build, cJSON *tree, const dz_frame *frame)
{
    cJSON *failures = dz_build_array(build, tree, "failures");
    for (size_t i = 0; i < frame->cause_count; i++) {
        const dz_cause *cause = &frame->causes[i];
        cJSON *item = dz_build_item(build, failures);
        dz_build_text(build, item, "reason", cause->reason);
        dz_build_text(build, item, "message", cause->message);
        dz_build_number(build, item, "count", cause->count);
        dz_build_number(build, item, "first", cause->first);
        dz_build_number(build, item, "last", cause->last);
    }
    dz_build_number(build, tree, "otherFailures", frame->other_failures);
}
