/*
 * auto: the default. For each trial it picks one of the other algorithms by what is known of the
 * experiment: its space, its objectives, and how many trials have ended.
 *
 * Every member is told the whole log, so a pick is good at any time, and the pick itself is a
 * function of the experiment and the log. The first rule of the table that fits decides.
 */
#include "common.h"
#include "table.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

typedef enum member { MEMBER_GP, MEMBER_TPE, MEMBER_CMAES, MEMBER_NSGA2, MEMBER_COUNT } member;

typedef struct chooser {
    dozan_delegate *members[MEMBER_COUNT]; /* NULL = no rule can pick it here */
} chooser;

/* What the rules look at. */
typedef struct situation {
    size_t objectives;
    size_t dimensions;
    size_t wide;   /* categorical dimensions of many values */
    size_t levels; /* dimensions with levels, ordered or not, and conditional ones */
    size_t ended;  /* trials that have ended */
} situation;

typedef struct rule {
    bool (*fits)(const situation *now);
    member pick;
    const char *why;
} rule;

enum {
    GP_TRIALS = 400,     /* beyond them the model's cost grows faster than what it gains */
    GP_DIMENSIONS = 60,  /* beyond them it needs more trials than it can take */
    WIDE = 64,           /* values of a categorical dimension */
    CMAES_DIMENSIONS = 2 /* one alone has no shape to learn */
};

static const dozan_algorithm *const algorithms[MEMBER_COUNT] = {
    [MEMBER_GP] = &dz_bayesianoptimization,
    [MEMBER_TPE] = &dz_multivariate_tpe,
    [MEMBER_CMAES] = &dz_cmaes,
    [MEMBER_NSGA2] = &dz_nsga2,
};

static bool has_several_objectives(const situation *now)
{
    return now->objectives > 1;
}

static bool is_large(const situation *now)
{
    return now->dimensions > GP_DIMENSIONS || now->wide > 0;
}

static bool is_continuous(const situation *now)
{
    return now->levels == 0 && now->dimensions >= CMAES_DIMENSIONS;
}

static bool is_long_and_continuous(const situation *now)
{
    return is_continuous(now) && now->ended >= GP_TRIALS;
}

static bool is_long(const situation *now)
{
    return now->ended >= GP_TRIALS;
}

static bool is_any(const situation *now)
{
    (void)now;
    return true;
}

static const rule rules[] = {
    {has_several_objectives, MEMBER_NSGA2, "there are several objectives"},
    {is_large, MEMBER_TPE, "the space has many dimensions or categories"},
    {is_long_and_continuous, MEMBER_CMAES,
     "there are many results, and the space is continuous throughout"},
    {is_long, MEMBER_TPE, "there are many results, and its cost does not grow with them"},
    {is_any, MEMBER_GP, "it makes the most of few results"},
};

static situation look(const dozan_problem *problem)
{
    situation now = {.objectives = problem->objective_count,
                     .dimensions = dozan_space_dimensions(problem->space),
                     .ended = dozan_history_ended_count(problem->history)};
    for (size_t i = 0; i < now.dimensions; i++) {
        const dozan_dimension *d = dozan_space_dimension(problem->space, i);
        now.wide += !d->ordered && d->levels > WIDE;
        now.levels += d->levels > 0 || d->parent != SIZE_MAX;
    }
    return now;
}

static const rule *choose(const situation *now)
{
    const rule *fitting = rules;
    while (!fitting->fits(now))
        fitting++;
    return fitting;
}

/* A member that no rule picks is neither made nor told anything. */
static bool is_needed(const situation *now, member which)
{
    if (now->objectives > 1)
        return which == MEMBER_NSGA2;
    if (is_large(now))
        return which == MEMBER_TPE;
    if (which == MEMBER_CMAES)
        return is_continuous(now);
    return which == MEMBER_GP || (which == MEMBER_TPE && !is_continuous(now));
}

static void destroy_auto(void *self)
{
    chooser *state = self;
    if (state == NULL)
        return;
    for (size_t i = 0; i < MEMBER_COUNT; i++)
        dozan_delegate_destroy(state->members[i]);
    free(state);
}

static dozan_status create_auto(const dozan_problem *problem, void **self, dozan_error *err)
{
    situation now = look(problem);
    chooser *state = calloc(1, sizeof(*state));
    if (state == NULL)
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "no memory for auto");
    for (size_t i = 0; i < MEMBER_COUNT; i++) {
        if (!is_needed(&now, (member)i))
            continue;
        dozan_status status =
            dozan_delegate_create(algorithms[i], problem, &state->members[i], err);
        if (status != DOZAN_OK) {
            destroy_auto(state);
            return status;
        }
    }
    *self = state;
    return DOZAN_OK;
}

static dozan_status tell_auto(void *self, const dozan_problem *problem, const dozan_event *event,
                              dozan_error *err)
{
    chooser *state = self;
    (void)problem;
    dozan_status status = DOZAN_OK;
    for (size_t i = 0; i < MEMBER_COUNT && status == DOZAN_OK; i++)
        if (state->members[i] != NULL)
            status = dozan_delegate_tell(state->members[i], event, err);
    return status;
}

static dozan_status ask_auto(const void *self, const dozan_problem *problem, const dozan_ask *ask,
                             dozan_answer *answer, dozan_error *err)
{
    const chooser *state = self;
    situation now = look(problem);
    const rule *chosen = choose(&now);
    dozan_status status = dozan_delegate_ask(state->members[chosen->pick], ask, answer, err);
    if (status == DOZAN_OK && answer->kind == DOZAN_ANSWER_POINT)
        (void)snprintf(answer->message, sizeof(answer->message),
                       "auto picked %s for trial %" PRId64 ": %s", algorithms[chosen->pick]->name,
                       ask->trial, chosen->why);
    return status;
}

static const dozan_setting settings[] = {DZ_SETTING_RANDOM_STATE};

const dozan_algorithm dz_auto = {
    .abi = DOZAN_ALGORITHM_ABI,
    .name = "auto",
    .kind = DOZAN_KIND_SEARCH,
    .summary = "Picks one of the other algorithms for each trial by the space, the objectives and "
               "the number of results: the default, for everyone who has no reason for another.",
    .reference =
        "None: a table of rules over the other algorithms; portfolios of this kind are discussed "
        "by L. Kotthoff: Algorithm selection for combinatorial search problems. AI Magazine 35(3), "
        "2014",
    .traits = DOZAN_MANY_OBJECTIVES,
    .limits = "Takes no setting but the seed; name an algorithm to set its settings.",
    .settings = settings,
    .setting_count = DZ_COUNT(settings),
    .create = create_auto,
    .destroy = destroy_auto,
    .tell = tell_auto,
    .ask = ask_auto,
};
