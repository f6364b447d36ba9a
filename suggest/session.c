/*
 * Making a session: the checks that an experiment must pass before its first event, and the
 * instance of the algorithm.
 */
#include "session_parts.h"

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
    bool keep_reports = (algorithm->traits & DOZAN_WANTS_REPORTS) != 0;
    dozan_status status = dz_history_create(session->space, keep_reports, &session->history, err);
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
    return DOZAN_OK;
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
