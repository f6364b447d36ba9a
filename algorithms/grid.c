/*
 * Grid search: every point of a space of n points once, in a seeded random order, and then the end.
 *
 * The order is a permutation computed on the fly, so a grid may have up to 2^63 points and keeps
 * one number: the cursor, before which every point has been asked. Points that were asked out of
 * turn (the user's own initial points, or the rest of a batch) are passed over when the cursor
 * comes to them, so n points are always exactly n trials.
 */
#include "common.h"
#include "numerics/permutation.h"
#include "table.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct grid {
    dz_permutation order;
    uint64_t cursor; /* every point before it in the order is in the history */
    double *point;   /* unit[dimensions]: room for tell */
} grid;

static dozan_status validate_grid(const dozan_problem *problem, dozan_error *err)
{
    const dozan_space *space = problem->space;
    for (size_t d = 0; d < dozan_space_dimensions(space); d++) {
        const dozan_dimension *dimension = dozan_space_dimension(space, d);
        if (dimension->levels == 0) {
            char place[64];
            (void)snprintf(place, sizeof(place), "parameters[%zu].feasibleSpace.step", d);
            return dozan_error_set(
                err, DOZAN_INVALID_ARGUMENT, place,
                "parameter \"%s\" is a double without a step, which has no end of "
                "values; the grid algorithm needs a step for every double",
                dimension->name);
        }
    }
    uint64_t points = dozan_space_points(space);
    if (points == 0) {
        return dozan_error_set(
            err, DOZAN_INVALID_ARGUMENT, "parameters",
            "the grid has more than 2^63 points; give larger steps or fewer parameters");
    }
    if (problem->max_trials > 0 && (uint64_t)problem->max_trials > points) {
        return dozan_error_set(
            err, DOZAN_INVALID_ARGUMENT, "maxTrialCount",
            "maxTrialCount is %" PRId32 ", and the grid has %" PRIu64
            " points; lower maxTrialCount, or leave it out to try every point once",
            problem->max_trials, points);
    }
    return DOZAN_OK;
}

static void destroy_grid(void *self)
{
    grid *state = self;
    if (state != NULL) {
        free(state->point);
        free(state);
    }
}

static dozan_status create_grid(const dozan_problem *problem, void **self, dozan_error *err)
{
    grid *state = calloc(1, sizeof(*state));
    double *point = calloc(dozan_space_dimensions(problem->space) + 1, sizeof(*point));
    if (state == NULL || point == NULL) {
        free(state);
        free(point);
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "no memory for the grid");
    }
    state->point = point;
    dz_permutation_init(&state->order, dozan_space_points(problem->space),
                        dozan_hash_words(problem->seed, dozan_hash_text("grid")));
    *self = state;
    return DOZAN_OK;
}

/* Moves the cursor over the points that have been asked; each is passed once, so this is O(1) a
 * trial. */
static dozan_status tell_grid(void *self, const dozan_problem *problem, const dozan_event *event,
                              dozan_error *err)
{
    grid *state = self;
    (void)err;
    if (event->kind != DOZAN_EVENT_ASKED) {
        return DOZAN_OK;
    }
    while (state->cursor < state->order.count) {
        dozan_space_point(problem->space, dz_permutation_at(&state->order, state->cursor),
                          state->point);
        if (!dozan_history_contains(problem->history, state->point)) {
            break;
        }
        state->cursor++;
    }
    return DOZAN_OK;
}

static dozan_status ask_grid(const void *self, const dozan_problem *problem, const dozan_ask *ask,
                             dozan_answer *answer, dozan_error *err)
{
    const grid *state = self;
    (void)err;
    for (uint64_t position = state->cursor; position < state->order.count; position++) {
        dozan_space_point(problem->space, dz_permutation_at(&state->order, position),
                          answer->point);
        if (!dozan_point_taken(problem, ask, answer->point)) {
            answer->kind = DOZAN_ANSWER_POINT;
            return DOZAN_OK;
        }
    }
    answer->kind = DOZAN_ANSWER_EXHAUSTED;
    (void)snprintf(answer->message, sizeof(answer->message),
                   "All %" PRIu64 " points of the grid have been tried.", state->order.count);
    return DOZAN_OK;
}

static const dozan_setting settings[] = {DZ_SETTING_RANDOM_STATE};

const dozan_algorithm dz_grid = {
    .abi = DOZAN_ALGORITHM_ABI,
    .name = "grid",
    .kind = DOZAN_KIND_SEARCH,
    .traits = DOZAN_IGNORES_RESULTS,
    .summary =
        "Tries every point of a finite space exactly once, in a random order that the seed fixes: "
        "for small spaces that are to be covered completely.",
    .reference =
        "None: exhaustive enumeration; the order is a Feistel permutation with cycle walking "
        "(J. Black, P. Rogaway: Ciphers with arbitrary finite domains. CT-RSA 2002)",
    .limits =
        "Every double needs a step, the grid has at most 2^63 points, and maxTrialCount may not be "
        "more than its points. Learns nothing from the results.",
    .settings = settings,
    .setting_count = DZ_COUNT(settings),
    .validate = validate_grid,
    .create = create_grid,
    .destroy = destroy_grid,
    .tell = tell_grid,
    .ask = ask_grid,
};
