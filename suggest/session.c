/*
 * Making a session: the checks that an experiment must pass before its first event, and the
 * instance of the algorithm.
 */
#include "session_parts.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static dozan_status prepare(const dozan_algorithm *algorithm, const dozan_experiment *experiment,
                            dz_session *session, dozan_error *err);
static void set_place(dozan_algorithm_kind kind, dozan_error *err);
static dozan_status no_memory(dozan_error *err);

/* ---- making ---------------------------------------------------------------------------------- */

dozan_status dz_session_validate(const dozan_algorithm *algorithm,
                                 const dozan_experiment *experiment, dozan_error *err)
{
    dz_session *session = calloc(1, sizeof(*session));
    if (session == NULL)
        return no_memory(err);
    dozan_status status = prepare(algorithm, experiment, session, err);
    dz_session_destroy(session);
    return status;
}

dozan_status dz_session_create(const dozan_algorithm *algorithm, const dozan_experiment *experiment,
                               dz_session **session, dozan_error *err)
{
    dz_session *made = calloc(1, sizeof(*made));
    if (made == NULL)
        return no_memory(err);
    dozan_status status = prepare(algorithm, experiment, made, err);
    if (status == DOZAN_OK)
        status = dz_session_restart(made, err);
    if (status != DOZAN_OK) {
        dz_session_destroy(made);
        return status;
    }
    *session = made;
    return DOZAN_OK;
}

static void destroy_fold(dz_session *session)
{
    if (session->self != NULL && session->algorithm->destroy != NULL)
        session->algorithm->destroy(session->self);
    session->self = NULL;
    dz_history_destroy(session->history);
    session->history = NULL;
    session->problem.history = NULL;
}

void dz_session_destroy(dz_session *session)
{
    if (session == NULL)
        return;
    destroy_fold(session);
    dz_settings_destroy(session->settings);
    dozan_space_destroy(session->space);
    dz_arena_fini(&session->arena);
    free(session);
}

int64_t dz_session_applied_seq(const dz_session *session)
{
    return session->wanted_seq;
}

dozan_status dz_session_restart(dz_session *session, dozan_error *err)
{
    const dozan_algorithm *algorithm = session->algorithm;
    destroy_fold(session);
    session->cursor = 0;
    session->wanted_seq = 0;
    session->broken = true;
    dz_history_shape shape = {.space = session->space,
                              .other_objectives = session->problem.objective_count - 1,
                              .constraints = session->problem.constraint_count,
                              .keep_reports = (algorithm->traits & DOZAN_WANTS_REPORTS) != 0};
    dozan_status status = dz_history_create(&shape, &session->history, err);
    session->problem.history = session->history;
    if (status == DOZAN_OK && algorithm->create != NULL)
        status = algorithm->create(&session->problem, &session->self, err);
    session->broken = status != DOZAN_OK;
    return status;
}

static dozan_status check_algorithm(const dozan_algorithm *algorithm, dozan_error *err)
{
    bool can_answer =
        algorithm->kind == DOZAN_KIND_SEARCH ? algorithm->ask != NULL : algorithm->judge != NULL;
    if (algorithm->abi != DOZAN_ALGORITHM_ABI)
        return dozan_error_set(
            err, DOZAN_FAILED_PRECONDITION, NULL,
            "algorithm %s was built for interface %u, and this host has %u: build "
            "it anew",
            algorithm->name, algorithm->abi, DOZAN_ALGORITHM_ABI);
    if (!can_answer)
        return dozan_error_set(err, DOZAN_UNIMPLEMENTED, NULL, "algorithm %s has no function to %s",
                               algorithm->name,
                               algorithm->kind == DOZAN_KIND_SEARCH ? "ask" : "judge");
    return DOZAN_OK;
}

/* ---- objectives and constraints -------------------------------------------------------------- */

static dozan_status find_metric(const dozan_experiment *experiment, const char *metric,
                                const char *list, size_t index, uint32_t *found, dozan_error *err)
{
    char place[64];
    const char *name = metric != NULL ? metric : "";
    if (experiment->objective_metric != NULL && strcmp(experiment->objective_metric, name) == 0) {
        *found = 0;
        return DOZAN_OK;
    }
    for (size_t i = 0; i < experiment->additional_metric_count; i++)
        if (strcmp(experiment->additional_metrics[i], name) == 0) {
            *found = (uint32_t)i + 1;
            return DOZAN_OK;
        }
    (void)snprintf(place, sizeof(place), "spec.%s[%zu].metric", list, index);
    return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, place,
                           "'%.100s' is no metric of the experiment: add it to "
                           "additionalMetricNames",
                           name);
}

static dozan_status check_bounds(const dozan_constraint *constraint, size_t index, dozan_error *err)
{
    char place[64];
    bool bounded = constraint->has_min || constraint->has_max;
    bool finite = (!constraint->has_min || isfinite(constraint->min)) &&
                  (!constraint->has_max || isfinite(constraint->max));
    bool ordered =
        !constraint->has_min || !constraint->has_max || constraint->min <= constraint->max;
    if (bounded && finite && ordered)
        return DOZAN_OK;
    (void)snprintf(place, sizeof(place), "spec.constraints[%zu]", index);
    return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, place,
                           "needs min, max or both, finite, and min not above max");
}

static dozan_status make_roles(const dozan_experiment *experiment, dz_session *session,
                               dozan_error *err)
{
    size_t objectives = experiment->other_objective_count;
    size_t count = objectives + experiment->constraint_count;
    session->roles = dz_arena_array(&session->arena, count, sizeof(*session->roles));
    session->others = dz_arena_array(&session->arena, count, sizeof(*session->others));
    if (session->roles == NULL || session->others == NULL)
        return no_memory(err);
    dozan_status status = DOZAN_OK;
    for (size_t i = 0; i < objectives && status == DOZAN_OK; i++) {
        const dozan_objective *from = &experiment->other_objectives[i];
        dz_metric_role *role = &session->roles[i];
        role->maximize = from->maximize;
        status = find_metric(experiment, from->metric, "objectives", i + 1, &role->metric, err);
    }
    for (size_t i = 0; i < experiment->constraint_count && status == DOZAN_OK; i++) {
        const dozan_constraint *from = &experiment->constraints[i];
        dz_metric_role *role = &session->roles[objectives + i];
        *role = (dz_metric_role){
            .has_min = from->has_min, .has_max = from->has_max, .min = from->min, .max = from->max};
        status = find_metric(experiment, from->metric, "constraints", i, &role->metric, err);
        if (status == DOZAN_OK)
            status = check_bounds(from, i, err);
    }
    return status;
}

/* An algorithm that knows one objective alone would search for the wrong thing. */
static dozan_status check_objectives(const dozan_algorithm *algorithm, size_t count,
                                     dozan_error *err)
{
    const uint32_t fit = DOZAN_MANY_OBJECTIVES | DOZAN_IGNORES_RESULTS;
    if (count == 1 || (algorithm->traits & fit) != 0)
        return DOZAN_OK;
    return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "spec.objectives",
                           "%s takes one objective, and there are %zu: `dozan algorithms` tells "
                           "which take several",
                           algorithm->name, count);
}

/* The experiment as the algorithm sees it; space and settings are there. */
static dozan_status make_problem(const dozan_experiment *experiment, dz_session *session,
                                 dozan_error *err)
{
    size_t dimensions = dozan_space_dimensions(session->space);
    dozan_problem *problem = &session->problem;
    problem->uid = dz_arena_text(&session->arena, experiment->uid);
    problem->name = dz_arena_text(&session->arena, experiment->name);
    session->point = dz_arena_array(&session->arena, dimensions, sizeof(*session->point));
    if (problem->uid == NULL || problem->name == NULL || session->point == NULL)
        return no_memory(err);
    problem->space = session->space;
    problem->settings = session->settings;
    problem->seed = experiment->seed;
    if (dz_settings_given(session->settings, "random_state"))
        problem->seed = (uint64_t)dozan_setting_int(session->settings, "random_state");
    problem->maximize = experiment->maximize;
    problem->has_goal = experiment->has_goal;
    problem->goal_loss = experiment->maximize ? -experiment->goal : experiment->goal;
    problem->parallel_trials = experiment->parallel_trials;
    problem->max_trials = experiment->max_trials;
    problem->objective_count = experiment->other_objective_count + 1;
    problem->constraint_count = experiment->constraint_count;
    return make_roles(experiment, session, err);
}

/* All but the history and the instance. */
static dozan_status prepare(const dozan_algorithm *algorithm, const dozan_experiment *experiment,
                            dz_session *session, dozan_error *err)
{
    bool search = algorithm->kind == DOZAN_KIND_SEARCH;
    session->algorithm = algorithm;
    dozan_status status = check_algorithm(algorithm, err);
    if (status != DOZAN_OK)
        return status;
    if (experiment->additional_metric_count >= UINT32_MAX)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "spec.objective",
                               "too many additional metrics");
    session->metric_count = (uint32_t)experiment->additional_metric_count + 1;

    dozan_error inner = {.code = DOZAN_OK};
    status = dozan_space_create(experiment->parameters, experiment->parameter_count,
                                &session->space, &inner);
    if (status == DOZAN_OK)
        status = dz_settings_create(
            algorithm->settings, algorithm->setting_count,
            search ? experiment->algorithm_settings : experiment->early_stopping_settings,
            search ? experiment->algorithm_setting_count : experiment->early_stopping_setting_count,
            &session->settings, &inner);
    if (status == DOZAN_OK)
        status = make_problem(experiment, session, &inner);
    if (status == DOZAN_OK)
        status = check_objectives(algorithm, session->problem.objective_count, &inner);
    if (status == DOZAN_OK && algorithm->validate != NULL)
        status = algorithm->validate(&session->problem, &inner);
    if (status != DOZAN_OK && err != NULL) {
        set_place(algorithm->kind, &inner);
        inner.code = status;
        *err = inner;
    }
    return status;
}

/* Turns the place of a kit's or an algorithm's error into one of Katib's Experiment. */
static void set_place(dozan_algorithm_kind kind, dozan_error *err)
{
    const char *section = kind == DOZAN_KIND_SEARCH ? "algorithm" : "earlyStopping";
    char place[2 * sizeof(err->place)];
    bool setting = strncmp(err->place, "algorithmSettings", strlen("algorithmSettings")) == 0;
    if (strncmp(err->place, "spec", 4) == 0)
        return;
    if (err->place[0] == '\0')
        (void)snprintf(place, sizeof(place), "spec.%s", section);
    else if (setting)
        (void)snprintf(place, sizeof(place), "spec.%s.%s", section, err->place);
    else
        (void)snprintf(place, sizeof(place), "spec.%s", err->place);
    dozan_error copy = *err;
    (void)dozan_error_set(err, copy.code, place, "%s", copy.message);
}

static dozan_status no_memory(dozan_error *err)
{
    return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory for the session");
}
