/*
 * NSGA-II (nsga2): a population of the best trials by non-domination and crowding, and children of
 * pairs of them.
 *
 * Deb's algorithm makes whole generations, and has to wait for the last trial of one before it
 * begins the next. This is its steady-state form (Durillo et al., "A study of master-slave
 * approaches to parallelize NSGA-II", 2008): each result enters the population as it comes, and
 * when that is full the last by (front, crowding distance) leaves. So it is a fold over the order
 * in which trials end, never waits, and uses a result at once, which matters when there are some
 * hundred trials in all.
 *
 * Constraints are Deb's feasibility rules (numerics/nondominated.h). A trial that failed or gave no
 * loss never enters. With one objective it is an elitist genetic algorithm.
 */
#include "common.h"
#include "numerics/nondominated.h"
#include "outcome.h"
#include "table.h"
#include "variation.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ATTEMPTS = 12 };

static const double CROSSOVER_INDEX = 5;
static const double MUTATION_INDEX = 5;

/* A member's other half is its row of losses and its violation, which lie in one piece each. */
typedef struct member {
    int64_t number;
    size_t front;
    double crowding;
} member;

typedef struct nsga2 {
    size_t capacity;
    size_t ended; /* trials that ended with a result, good or bad */
    size_t count;
    member *members;    /* [capacity + 1], in the order of their end */
    double *losses;     /* [capacity + 1][objectives] */
    double *violations; /* [capacity + 1] */
    size_t *fronts;     /* [capacity + 1]: room */
    size_t *of_front;
    double *distances;
} nsga2;

static dozan_status no_memory(dozan_error *err);
static bool sort_members(nsga2 *self, size_t objectives);
static void drop_last(nsga2 *self, size_t objectives);
static bool is_better(const member *a, const member *b);
static bool breed(const nsga2 *self, const dozan_problem *problem, const dozan_ask *ask,
                  dozan_rng *rng, double *point);
static const double *pick_parent(const nsga2 *self, const dozan_problem *problem, dozan_rng *rng);

static void destroy_nsga2(void *self)
{
    nsga2 *state = self;
    if (state != NULL) {
        free(state->members);
        free(state->losses);
        free(state->violations);
        free(state->fronts);
        free(state->of_front);
        free(state->distances);
        free(state);
    }
}

static dozan_status create_nsga2(const dozan_problem *problem, void **self, dozan_error *err)
{
    nsga2 *state = calloc(1, sizeof(*state));
    if (state == NULL) {
        return no_memory(err);
    }
    state->capacity = (size_t)dozan_setting_int(problem->settings, "population_size");
    size_t room = state->capacity + 1;
    state->members = calloc(room, sizeof(*state->members));
    state->losses = calloc(room * problem->objective_count, sizeof(*state->losses));
    state->violations = calloc(room, sizeof(*state->violations));
    state->fronts = calloc(room, sizeof(*state->fronts));
    state->of_front = calloc(room, sizeof(*state->of_front));
    state->distances = calloc(room, sizeof(*state->distances));
    if (state->members == NULL || state->losses == NULL || state->violations == NULL ||
        state->fronts == NULL || state->of_front == NULL || state->distances == NULL) {
        destroy_nsga2(state);
        return no_memory(err);
    }
    *self = state;
    return DOZAN_OK;
}

static dozan_status tell_nsga2(void *self, const dozan_problem *problem, const dozan_event *event,
                               dozan_error *err)
{
    nsga2 *state = self;
    if (!dz_event_is_result(event)) {
        return DOZAN_OK;
    }
    size_t objectives = problem->objective_count;
    double violation =
        dz_outcome_read(problem, event->trial, state->losses + state->count * objectives);
    state->ended++;
    if (isinf(violation)) {
        return DOZAN_OK;
    }
    state->violations[state->count] = violation;
    state->members[state->count++] = (member){.number = event->trial->number};
    if (!sort_members(state, objectives)) {
        return no_memory(err);
    }
    if (state->count > state->capacity) {
        drop_last(state, objectives);
        if (!sort_members(state, objectives)) {
            return no_memory(err);
        }
    }
    return DOZAN_OK;
}

static dozan_status ask_nsga2(const void *self, const dozan_problem *problem, const dozan_ask *ask,
                              dozan_answer *answer, dozan_error *err)
{
    (void)err;
    const nsga2 *state = self;
    dozan_rng rng = dozan_rng_stream(problem->seed, "nsga2", (uint64_t)ask->trial);
    bool bred = state->ended >= state->capacity && state->count >= 2 &&
                breed(state, problem, ask, &rng, answer->point);
    if (!bred && !dozan_random_free_point(problem, ask, &rng, answer->point)) {
        dozan_random_point(problem->space, &rng, answer->point);
        answer->repeat_ok = true; /* the space is used up */
    }
    answer->kind = DOZAN_ANSWER_POINT;
    return DOZAN_OK;
}

static dozan_status no_memory(dozan_error *err)
{
    return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "no memory for the population");
}

/* Gives each member its front and its crowding distance. */
static bool sort_members(nsga2 *self, size_t objectives)
{
    if (!dz_nondominated_fronts(self->losses, self->violations, self->count, objectives,
                                self->fronts)) {
        return false;
    }
    size_t sorted = 0;
    for (size_t front = 0; sorted < self->count; front++) {
        size_t size = 0;
        for (size_t i = 0; i < self->count; i++) {
            if (self->fronts[i] == front) {
                self->of_front[size++] = i;
            }
        }
        if (!dz_crowding_distances(self->losses, objectives, self->of_front, size,
                                   self->distances)) {
            return false;
        }
        for (size_t i = 0; i < size; i++) {
            self->members[self->of_front[i]].front = front;
            self->members[self->of_front[i]].crowding = self->distances[i];
        }
        sorted += size;
    }
    return true;
}

/* Of equal ones the latest leaves. */
static void drop_last(nsga2 *self, size_t objectives)
{
    size_t last = self->count - 1;
    for (size_t i = self->count - 1; i-- > 0;) {
        if (is_better(&self->members[last], &self->members[i])) {
            last = i;
        }
    }
    size_t after = self->count - last - 1;
    memmove(self->members + last, self->members + last + 1, after * sizeof(*self->members));
    memmove(self->violations + last, self->violations + last + 1,
            after * sizeof(*self->violations));
    memmove(self->losses + last * objectives, self->losses + (last + 1) * objectives,
            after * objectives * sizeof(*self->losses));
    self->count--;
}

static bool is_better(const member *a, const member *b)
{
    return a->front < b->front || (a->front == b->front && a->crowding > b->crowding);
}

/* Puts a free child of two members into `point`. The farther the attempt, the more it changes. */
static bool breed(const nsga2 *self, const dozan_problem *problem, const dozan_ask *ask,
                  dozan_rng *rng, double *point)
{
    const dozan_settings *settings = problem->settings;
    bool given = dozan_setting_is_set(settings, "mutation_prob");
    double mutation = given ? dozan_setting_double(settings, "mutation_prob")
                            : 1 / (double)dozan_space_dimensions(problem->space);
    dz_variation how = {.crossover_prob = dozan_setting_double(settings, "crossover_prob"),
                        .swapping_prob = dozan_setting_double(settings, "swapping_prob"),
                        .mutation_prob = mutation,
                        .crossover_index = CROSSOVER_INDEX,
                        .mutation_index = MUTATION_INDEX};
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        const double *first = pick_parent(self, problem, rng);
        const double *second = pick_parent(self, problem, rng);
        dz_vary(problem->space, &how, first, second, rng, point);
        if (!dozan_point_taken(problem, ask, point)) {
            return true;
        }
        how.mutation_prob = fmin(1, 1.5 * how.mutation_prob + 0.01);
    }
    return false;
}

/* A binary tournament. */
static const double *pick_parent(const nsga2 *self, const dozan_problem *problem, dozan_rng *rng)
{
    const member *one = &self->members[dozan_rng_below(rng, self->count)];
    const member *other = &self->members[dozan_rng_below(rng, self->count)];
    const member *winner = is_better(other, one) ? other : one;
    return dozan_history_find(problem->history, winner->number)->point;
}

static const dozan_setting settings[] = {
    DZ_SETTING_RANDOM_STATE,
    {.name = "population_size",
     .type = DOZAN_SETTING_INT,
     .default_text = "20",
     .min = "2",
     .max = "500",
     .help = "How many trials may have children, and how many random ones come first: 20 for some "
             "hundred trials in all, more for thousands."},
    {.name = "crossover_prob",
     .type = DOZAN_SETTING_DOUBLE,
     .default_text = "0.9",
     .min = "0",
     .max = "1",
     .help = "The probability that a child has two parents rather than one."},
    {.name = "swapping_prob",
     .type = DOZAN_SETTING_DOUBLE,
     .default_text = "0.5",
     .min = "0",
     .max = "1",
     .help = "The probability of a parameter to come from the second parent."},
    {.name = "mutation_prob",
     .type = DOZAN_SETTING_DOUBLE,
     .min = "0",
     .max = "1",
     .help = "The probability of a parameter to be changed; when it is not given, one over the "
             "number of parameters."},
};

const dozan_algorithm dz_nsga2 = {
    .abi = DOZAN_ALGORITHM_ABI,
    .name = "nsga2",
    .kind = DOZAN_KIND_SEARCH,
    .traits = DOZAN_MANY_OBJECTIVES,
    .summary = "Breeds new trials from the best of a population: for several objectives with "
               "constraints, and many cheap trials, hundreds at the least.",
    .reference = "K. Deb, A. Pratap, S. Agarwal, T. Meyarivan: A fast and elitist multiobjective "
                 "genetic algorithm: NSGA-II. IEEE Trans. Evol. Comput. 6-2, 2002",
    .limits = "Steady-state: each result enters the population at once, and generations are not "
              "waited for. Needs some hundred trials; with fewer, mobo and motpe find more. The "
              "crowding distance says little with more than three objectives. Points repeat only "
              "when the space is used up.",
    .settings = settings,
    .setting_count = DZ_COUNT(settings),
    .create = create_nsga2,
    .destroy = destroy_nsga2,
    .tell = tell_nsga2,
    .ask = ask_nsga2,
};
