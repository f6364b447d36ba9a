/*
 * Population based training: a population of models is trained in short trials; after each of them
 * the worst take over the checkpoint and the hyperparameters of one of the best (exploit), and
 * change the hyperparameters a little (explore). All others go on as they are, each from its own
 * checkpoint.
 *
 * Generation g is the g-th trial of each member. The next one begins when all trials of this one
 * have ended, so that members are compared after the same training. Whose checkpoint a trial begins
 * with is in its label `parent`: here the number of a trial, which the controller turns into its
 * name, and from which it fetches the checkpoint.
 *
 * Katib's pbt differs where it is wrong: there a loser takes the hyperparameters of a winner, and
 * goes on from its own checkpoint; and members that are not replaced are explored too.
 */
#include "common.h"
#include "fidelity.h"
#include "table.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LABEL "pbt.suggestion.katib.kubeflow.org/"

/* How far a continuous parameter is moved where a factor would not: a value of 0. */
static const double NUDGE = 0.1;

/* A member's trial of the last generation. */
typedef struct member {
    int64_t number;
    double loss;  /* infinite: no usable result */
    size_t index; /* of the member */
} member;

typedef struct pbt {
    size_t population;
    size_t cut; /* so many of the worst are replaced, by as many of the best */
    int64_t generation;
    int64_t *trials; /* [asked], of this generation, by member; ascending */
    size_t asked;
    size_t ended;
    member *ranked; /* [population]: the last generation, the best first */
    size_t *places; /* [population]: the place of each member there */
    size_t usable;  /* so many of them have a usable result */
} pbt;

static bool is_here(const pbt *self, const dozan_trial *trial);
static void next_generation(pbt *self, const dozan_problem *problem);
static int compare_members(const void *a, const void *b);
static const member *find_donor(const pbt *self, size_t place, dozan_rng *rng);
static void explore(const dozan_problem *problem, dozan_rng *rng, double *point);
static double perturb(const dozan_space *space, size_t index, double u, dozan_rng *rng);
static dozan_status no_memory(dozan_error *err);

static dozan_status validate_pbt(const dozan_problem *problem, dozan_error *err)
{
    const char *folder = dozan_setting_text(problem->settings, "suggestion_trial_dir");
    if (folder[0] != '/' || strspn(folder, "/") == strlen(folder)) {
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "algorithmSettings",
                               "suggestion_trial_dir is \"%.64s\"; it must be the absolute path of "
                               "a folder, where the trial loads and saves its checkpoint",
                               folder);
    }
    return DOZAN_OK;
}

static void destroy_pbt(void *self)
{
    pbt *state = self;
    if (state != NULL) {
        free(state->trials);
        free(state->ranked);
        free(state->places);
        free(state);
    }
}

static dozan_status create_pbt(const dozan_problem *problem, void **self, dozan_error *err)
{
    pbt *state = calloc(1, sizeof(*state));
    if (state == NULL) {
        return no_memory(err);
    }
    size_t population = (size_t)dozan_setting_int(problem->settings, "n_population");
    double threshold = dozan_setting_double(problem->settings, "truncation_threshold");
    state->population = population;
    state->cut = (size_t)floor(threshold * (double)population + 1e-9);
    if (state->cut == 0 && threshold > 0) {
        state->cut = 1;
    }
    state->trials = calloc(population, sizeof(*state->trials));
    state->ranked = calloc(population, sizeof(*state->ranked));
    state->places = calloc(population, sizeof(*state->places));
    if (state->trials == NULL || state->ranked == NULL || state->places == NULL) {
        destroy_pbt(state);
        return no_memory(err);
    }
    *self = state;
    return DOZAN_OK;
}

static dozan_status tell_pbt(void *self, const dozan_problem *problem, const dozan_event *event,
                             dozan_error *err)
{
    pbt *state = self;
    (void)err;
    if (event->kind == DOZAN_EVENT_ASKED) {
        /* an initial point of the user is a member of the first generation */
        int64_t generation = 0;
        (void)dz_trial_label_number(event->trial, LABEL "generation", &generation);
        if (generation == state->generation && state->asked < state->population) {
            state->trials[state->asked++] = event->trial->number;
        }
        return DOZAN_OK;
    }
    if (event->trial->state != DOZAN_TRIAL_PENDING && is_here(state, event->trial) &&
        ++state->ended == state->population) {
        next_generation(state, problem);
    }
    return DOZAN_OK;
}

static dozan_status ask_pbt(const void *self, const dozan_problem *problem, const dozan_ask *ask,
                            dozan_answer *answer, dozan_error *err)
{
    const pbt *state = self;
    size_t index = state->asked + ask->tentative_count;
    if (index >= state->population) {
        answer->kind = DOZAN_ANSWER_WAIT;
        (void)snprintf(answer->message, sizeof(answer->message),
                       "The members of generation %" PRId64
                       " are compared when all of its %zu trials have ended.",
                       state->generation, state->population);
        return DOZAN_OK;
    }
    dozan_rng rng = dozan_rng_stream(problem->seed, "pbt", (uint64_t)ask->trial);
    answer->kind = DOZAN_ANSWER_POINT;
    dozan_status status =
        dz_answer_label_number(answer, LABEL "generation", state->generation, err);
    if (status != DOZAN_OK) {
        return status;
    }
    if (state->generation == 0 || state->usable == 0) {
        if (!dozan_random_free_point(problem, ask, &rng, answer->point)) {
            dozan_random_point(problem->space, &rng, answer->point);
        }
        return DOZAN_OK;
    }
    size_t place = state->places[index];
    const member *donor = find_donor(state, place, &rng);
    const member *parent = donor != NULL ? donor : &state->ranked[place];
    const dozan_trial *trial = dozan_history_find(problem->history, parent->number);
    memcpy(answer->point, trial->point,
           dozan_space_dimensions(problem->space) * sizeof(*answer->point));
    if (donor != NULL) {
        explore(problem, &rng, answer->point);
    }
    return dz_answer_label_number(answer, LABEL "parent", parent->number, err);
}

static bool is_here(const pbt *self, const dozan_trial *trial)
{
    size_t low = 0;
    size_t high = self->asked;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (self->trials[middle] < trial->number) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < self->asked && self->trials[low] == trial->number;
}

/* Ranks the generation, all of whose trials have ended. */
static void next_generation(pbt *self, const dozan_problem *problem)
{
    self->usable = 0;
    for (size_t i = 0; i < self->population; i++) {
        const dozan_trial *trial = dozan_history_find(problem->history, self->trials[i]);
        bool usable = dz_trial_is_usable(trial);
        self->ranked[i] = (member){trial->number, usable ? trial->loss : (double)INFINITY, i};
        self->usable += usable ? 1 : 0;
    }
    qsort(self->ranked, self->population, sizeof(*self->ranked), compare_members);
    for (size_t place = 0; place < self->population; place++) {
        self->places[self->ranked[place].index] = place;
    }
    self->generation++;
    self->asked = self->ended = 0;
}

static int compare_members(const void *a, const void *b)
{
    const member *x = a;
    const member *y = b;
    if (x->loss < y->loss || x->loss > y->loss) {
        return x->loss < y->loss ? -1 : 1;
    }
    return x->number < y->number ? -1 : 1;
}

/* Truncation selection: one of the best for one of the worst, and for one without a result; NULL
 * for everybody else. */
static const member *find_donor(const pbt *self, size_t place, dozan_rng *rng)
{
    bool failed = place >= self->usable;
    size_t donors = self->cut > 0 ? self->cut : 1;
    if (!failed && place + self->cut < self->population) {
        return NULL;
    }
    donors = donors < self->usable ? donors : self->usable;
    donors = donors < place ? donors : place;
    if (donors == 0) {
        return NULL;
    }
    const member *donor = &self->ranked[dozan_rng_below(rng, donors)];
    return donor->loss < self->ranked[place].loss ? donor : NULL;
}

static void explore(const dozan_problem *problem, dozan_rng *rng, double *point)
{
    const char *name = "resample_probability";
    double resample = dozan_setting_is_set(problem->settings, name)
                          ? dozan_setting_double(problem->settings, name)
                          : 0;
    /* from the last: whether a parameter is active depends on those before it */
    for (size_t d = dozan_space_dimensions(problem->space); d-- > 0;) {
        bool categorical = dozan_space_dimension(problem->space, d)->type == DOZAN_CATEGORICAL;
        bool active = dozan_space_active(problem->space, point, d);
        if (dozan_rng_uniform(rng) < resample || categorical || !active) {
            point[d] = dozan_rng_uniform(rng);
        } else {
            point[d] = perturb(problem->space, d, point[d], rng);
        }
    }
}

/* The value times 0.8 or 1.2, within the range; an entry of a list becomes one of its neighbours,
 * and so does a quantised value that the factor would not move. */
static double perturb(const dozan_space *space, size_t index, double u, dozan_rng *rng)
{
    const dozan_dimension *dimension = dozan_space_dimension(space, index);
    bool up = dozan_rng_below(rng, 2) == 1;
    double value = dozan_space_value(space, index, u) * (up ? 1.2 : 0.8);
    double moved = dozan_space_coordinate(space, index, value);
    if (dimension->levels == 0) {
        bool same = !(moved < u) && !(moved > u);
        double nudged = up ? u + NUDGE : u - NUDGE;
        return same ? fmin(1, fmax(0, nudged)) : moved;
    }
    uint64_t level = dozan_space_level(space, index, u);
    if (dimension->type != DOZAN_DISCRETE && dozan_space_level(space, index, moved) != level) {
        return moved;
    }
    if (dimension->levels > 1) {
        bool forward = (up && level + 1 < dimension->levels) || level == 0;
        level = forward ? level + 1 : level - 1;
    }
    return dozan_space_level_coordinate(space, index, level);
}

static dozan_status no_memory(dozan_error *err)
{
    return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "no memory for the population");
}

static const dozan_setting settings[] = {
    {.name = "suggestion_trial_dir",
     .type = DOZAN_SETTING_STRING,
     .required = true,
     .help = "The folder, as the trial's command names it, where a trial finds its parent's "
             "checkpoint and leaves its own."},
    {.name = "n_population",
     .type = DOZAN_SETTING_INT,
     .min = "5",
     .max = "100000",
     .required = true,
     .help = "How many members the population has; each trains for one trial in a generation."},
    {.name = "truncation_threshold",
     .type = DOZAN_SETTING_DOUBLE,
     .min = "0",
     .max = "1",
     .required = true,
     .help = "The share of members, the worst ones, that take over the checkpoint and the "
             "hyperparameters of one of as many best ones; 0.2 is the usual choice."},
    {.name = "resample_probability",
     .type = DOZAN_SETTING_DOUBLE,
     .min = "0",
     .max = "1",
     .help = "The probability that a hyperparameter which was taken over is drawn anew, rather "
             "than multiplied by 0.8 or 1.2; 0 when it is not given."},
    DZ_SETTING_RANDOM_STATE,
};

const dozan_algorithm dz_pbt = {
    .abi = DOZAN_ALGORITHM_ABI,
    .name = "pbt",
    .kind = DOZAN_KIND_SEARCH,
    .traits = DOZAN_MAY_REPEAT,
    .summary =
        "Trains a population in short trials, where the worst go on from the checkpoints of the "
        "best with changed hyperparameters: finds a schedule, and a trained model with it.",
    .reference =
        "M. Jaderberg, V. Dalibard, S. Osindero, W. M. Czarnecki, J. Donahue, A. Razavi, "
        "O. Vinyals, T. Green, I. Dunning, K. Simonyan, C. Fernando, K. Kavukcuoglu: Population "
        "based training of neural networks. 2017 (arXiv 1711.09846)",
    .limits =
        "The program must load its checkpoint from suggestion_trial_dir, where there is one, and "
        "save it there; and every parameter must be one that may change during training. A "
        "generation ends with its slowest trial. A member whose trial failed goes on from one of "
        "the best. Never ends of its own: it needs a maxTrialCount, a goal or a maxRuntime.",
    .settings = settings,
    .setting_count = DZ_COUNT(settings),
    .validate = validate_pbt,
    .create = create_pbt,
    .destroy = destroy_pbt,
    .tell = tell_pbt,
    .ask = ask_pbt,
};
