/*
 * Scrambled Sobol sequence: each trial is the next point of a sequence that fills the space evenly,
 * whatever number of trials it is cut off at.
 *
 * The answer depends on the seed and the points already asked alone. A point that a trial has
 * already (in a space of few points, or the user's own) is passed over, and the next one of the
 * sequence is taken, so n points are n trials. `cursor` is the first index whose point was not
 * asked; tell moves it, and ask looks on from there. Both look no further than a limit that grows
 * with the number of trials asked, so that a batch and single asks see the same, and an ask in a
 * space that is nearly used up ends; past the limit the point is a random free one.
 */
#include "numerics/sobol.h"
#include "common.h"
#include "table.h"

#include <stdlib.h>
#include <string.h>

enum { LIMIT_PER_TRIAL = 16, LIMIT_START = 256 };

typedef struct sobol {
    uint64_t cursor;
    size_t dims;                           /* of the space */
    double *point;                         /* unit[dims]: room for tell */
    uint64_t *seed;                        /* [dims] of the scrambling */
    uint32_t (*directions)[DZ_SOBOL_BITS]; /* [min(dims, DZ_SOBOL_DIMENSIONS)] */
} sobol;

static void point_at(const sobol *self, const dozan_space *space, uint64_t index, double *unit);
static uint64_t index_limit(size_t asked);

static void destroy_sobol(void *self)
{
    sobol *state = self;
    if (state != NULL) {
        free(state->point);
        free(state->seed);
        free(state->directions);
        free(state);
    }
}

static dozan_status create_sobol(const dozan_problem *problem, void **self, dozan_error *err)
{
    size_t dims = dozan_space_dimensions(problem->space);
    size_t tabled = dims < DZ_SOBOL_DIMENSIONS ? dims : DZ_SOBOL_DIMENSIONS;
    sobol *state = calloc(1, sizeof(*state));
    if (state != NULL) {
        *state = (sobol){.dims = dims,
                         .point = calloc(dims + 1, sizeof(*state->point)),
                         .seed = calloc(dims + 1, sizeof(*state->seed)),
                         .directions = calloc(tabled + 1, sizeof(*state->directions))};
    }
    if (state == NULL || state->point == NULL || state->seed == NULL || state->directions == NULL) {
        destroy_sobol(state);
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "no memory for the sequence");
    }
    uint64_t base = dozan_hash_words(problem->seed, dozan_hash_text("sobol"));
    for (size_t d = 0; d < dims; d++) {
        state->seed[d] = dozan_hash_words(base, d);
    }
    for (size_t d = 0; d < tabled; d++) {
        dz_sobol_directions(d, state->directions[d]);
    }
    *self = state;
    return DOZAN_OK;
}

/* Moves the cursor over the points that have been asked; each index is passed once. */
static dozan_status tell_sobol(void *self, const dozan_problem *problem, const dozan_event *event,
                               dozan_error *err)
{
    sobol *state = self;
    (void)err;
    if (event->kind != DOZAN_EVENT_ASKED) {
        return DOZAN_OK;
    }
    uint64_t limit = index_limit(dozan_history_count(problem->history));
    while (state->cursor < limit) {
        point_at(state, problem->space, state->cursor, state->point);
        if (!dozan_history_contains(problem->history, state->point)) {
            break;
        }
        state->cursor++;
    }
    return DOZAN_OK;
}

static dozan_status ask_sobol(const void *self, const dozan_problem *problem, const dozan_ask *ask,
                              dozan_answer *answer, dozan_error *err)
{
    const sobol *state = self;
    (void)err;
    answer->kind = DOZAN_ANSWER_POINT;
    uint64_t limit = index_limit(dozan_history_count(problem->history) + ask->tentative_count);
    for (uint64_t index = state->cursor; index < limit; index++) {
        point_at(state, problem->space, index, answer->point);
        if (!dozan_point_taken(problem, ask, answer->point)) {
            return DOZAN_OK;
        }
    }
    dozan_rng rng = dozan_rng_stream(problem->seed, "sobol", (uint64_t)ask->trial);
    if (!dozan_random_free_point(problem, ask, &rng, answer->point)) {
        dozan_random_point(problem->space, &rng, answer->point);
        answer->repeat_ok = true;
    }
    return DOZAN_OK;
}

/* Of the 2^32 points each is used once before the sequence is scrambled anew. */
static void point_at(const sobol *self, const dozan_space *space, uint64_t index, double *unit)
{
    uint64_t round = index >> DZ_SOBOL_BITS;
    for (size_t d = 0; d < self->dims; d++) {
        uint64_t seed = round == 0 ? self->seed[d] : dozan_hash_words(self->seed[d], round);
        if (d < DZ_SOBOL_DIMENSIONS) {
            unit[d] = dz_sobol_scramble(dz_sobol_bits(self->directions[d], (uint32_t)index), seed);
        } else {
            unit[d] = (double)(dozan_hash_words(seed, index) >> 11) * 0x1p-53;
        }
    }
    dozan_space_snap(space, unit);
}

static uint64_t index_limit(size_t asked)
{
    return LIMIT_START + (uint64_t)LIMIT_PER_TRIAL * asked;
}

static const dozan_setting settings[] = {DZ_SETTING_RANDOM_STATE};

const dozan_algorithm dz_sobol = {
    .abi = DOZAN_ALGORITHM_ABI,
    .name = "sobol",
    .kind = DOZAN_KIND_SEARCH,
    .traits = DOZAN_IGNORES_RESULTS,
    .summary =
        "Takes the points of a scrambled Sobol sequence, which fill the space more evenly than "
        "random ones: for a first look, and for very many trials in parallel.",
    .reference =
        "I. M. Sobol, 1967; direction numbers of S. Joe, F. Y. Kuo: Constructing Sobol sequences "
        "with better two-dimensional projections. SIAM J. Sci. Comput. 30, 2008; scrambling of "
        "A. B. Owen: Randomly permuted (t,m,s)-nets and (t,s)-sequences. 1995",
    .limits =
        "Learns nothing from the results. Evenly spread in the first 337 parameters; those after "
        "them are random. No point is tried twice while the space has others.",
    .settings = settings,
    .setting_count = DZ_COUNT(settings),
    .create = create_sobol,
    .destroy = destroy_sobol,
    .tell = tell_sobol,
    .ask = ask_sobol,
};
