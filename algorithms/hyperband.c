/*
 * Hyperband: brackets of successive halving, from many configurations with little of a resource to
 * few with all of it.
 *
 * Bracket s begins with n = ceil((s_max+1) / (s+1) * eta^s) random configurations at resource
 * r_l * eta^-s. Rung i of it has floor(n * eta^-i) trials, the best of the rung below with eta
 * times the resource. The brackets s_max, ..., 0 are one run of Hyperband.
 *
 * A trial's bracket and rung are in its labels, and what the instance keeps is where the log has
 * come to: the bracket, the rung, how many of its trials have been asked for and how many have
 * ended. A rung is ranked when all of its trials have ended, by loss and then by number; a trial
 * without a usable loss is not promoted, and where too few have one, the next rung is smaller. The
 * last rung of a bracket decides nothing, so the next bracket begins without waiting for it.
 *
 * Katib's hyperband keeps its state in the experiment's settings, takes each request's size for
 * that of the rung, and breaks when a trial has failed; here none of that is so.
 */
#include "common.h"
#include "fidelity.h"
#include "table.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char bracket_label[] = "hyperband-bracket";
static const char rung_label[] = "hyperband-rung";
static const char from_label[] = "promoted-from";

/* A trial of a rung that is ranked. */
typedef struct contender {
    int64_t number;
    double loss;
} contender;

typedef struct hyperband {
    dz_ladder ladder;
    int64_t bracket; /* counted on through all runs */
    int rung;        /* of the bracket, from 0 */
    int64_t size;    /* trials of this rung */
    int64_t asked;
    int64_t ended;
    contender *parents; /* [size]: whom the trials of this rung continue; none in rung 0 */
    int64_t *members;   /* [asked]: the numbers of this rung's trials */
    size_t parent_capacity;
    size_t member_capacity;
} hyperband;

/* Where the next trial stands. */
typedef struct rung_place {
    int64_t bracket;
    int rung;
    int64_t slot;
    int64_t size;
} rung_place;

static int bracket_s(const hyperband *self, int64_t bracket);
static int64_t rung_size(const hyperband *self, int64_t bracket, int rung);
static bool is_here(const hyperband *self, const dozan_trial *trial);
static dozan_status add_member(hyperband *self, int64_t number, dozan_error *err);
static void enter_bracket(hyperband *self, int64_t bracket);
static dozan_status promote(hyperband *self, const dozan_problem *problem, dozan_error *err);
static int compare_contenders(const void *a, const void *b);
static bool find_place(const hyperband *self, size_t ahead, rung_place *place);
static dozan_status put_labels(const rung_place *place, const contender *parent,
                               dozan_answer *answer, dozan_error *err);

static dozan_status validate_hyperband(const dozan_problem *problem, dozan_error *err)
{
    dz_ladder ladder;
    return dz_ladder_make(problem, dozan_setting_double(problem->settings, "eta"), (double)NAN,
                          &ladder, err);
}

static void destroy_hyperband(void *self)
{
    hyperband *state = self;
    if (state != NULL) {
        free(state->parents);
        free(state->members);
        free(state);
    }
}

static dozan_status create_hyperband(const dozan_problem *problem, void **self, dozan_error *err)
{
    hyperband *state = calloc(1, sizeof(*state));
    if (state == NULL) {
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "no memory for hyperband");
    }
    dozan_status status = dz_ladder_make(problem, dozan_setting_double(problem->settings, "eta"),
                                         (double)NAN, &state->ladder, err);
    if (status != DOZAN_OK) {
        destroy_hyperband(state);
        return status;
    }
    enter_bracket(state, 0);
    *self = state;
    return DOZAN_OK;
}

static dozan_status tell_hyperband(void *self, const dozan_problem *problem,
                                   const dozan_event *event, dozan_error *err)
{
    hyperband *state = self;
    if (!is_here(state, event->trial)) {
        return DOZAN_OK;
    }
    bool last_rung = state->rung == bracket_s(state, state->bracket);
    if (event->kind == DOZAN_EVENT_ASKED) {
        dozan_status status = add_member(state, event->trial->number, err);
        if (status == DOZAN_OK && last_rung && state->asked == state->size) {
            enter_bracket(state, state->bracket + 1);
        }
        return status;
    }
    if (event->trial->state == DOZAN_TRIAL_PENDING || ++state->ended < state->size || last_rung) {
        return DOZAN_OK;
    }
    return promote(state, problem, err);
}

static dozan_status ask_hyperband(const void *self, const dozan_problem *problem,
                                  const dozan_ask *ask, dozan_answer *answer, dozan_error *err)
{
    const hyperband *state = self;
    rung_place at;
    if (!find_place(state, ask->tentative_count, &at)) {
        answer->kind = DOZAN_ANSWER_WAIT;
        (void)snprintf(answer->message, sizeof(answer->message),
                       "Rung %d of bracket %" PRId64 " is ranked when all of its %" PRId64
                       " trials have ended.",
                       at.rung, at.bracket, at.size);
        return DOZAN_OK;
    }
    if (problem->max_trials == 0 && at.bracket > state->ladder.top) {
        answer->kind = DOZAN_ANSWER_EXHAUSTED;
        (void)snprintf(answer->message, sizeof(answer->message),
                       "All %d brackets of Hyperband have been run; with a maxTrialCount they are "
                       "repeated until then.",
                       state->ladder.top + 1);
        return DOZAN_OK;
    }
    int step = state->ladder.top - bracket_s(state, at.bracket) + at.rung;
    answer->kind = DOZAN_ANSWER_POINT;
    if (at.rung == 0) {
        dozan_rng rng = dozan_rng_stream(problem->seed, "hyperband", (uint64_t)ask->trial);
        dz_ladder_draw(&state->ladder, problem, ask, step, &rng, answer->point);
        return put_labels(&at, NULL, answer, err);
    }
    const contender *parent = &state->parents[at.slot];
    const dozan_trial *trial = dozan_history_find(problem->history, parent->number);
    memcpy(answer->point, trial->point,
           dozan_space_dimensions(problem->space) * sizeof(*answer->point));
    answer->point[state->ladder.dimension] = state->ladder.coordinates[step];
    return put_labels(&at, parent, answer, err);
}

static int bracket_s(const hyperband *self, int64_t bracket)
{
    return self->ladder.top - (int)(bracket % (self->ladder.top + 1));
}

static int64_t rung_size(const hyperband *self, int64_t bracket, int rung)
{
    double first = dz_ladder_bracket_size(&self->ladder, bracket_s(self, bracket));
    return (int64_t)floor(first / dz_ladder_power(&self->ladder, rung) + 1e-9);
}

/* Whether a trial is of the rung that is under way: initial points of the user are of none. */
static bool is_here(const hyperband *self, const dozan_trial *trial)
{
    int64_t bracket = 0;
    int64_t rung = 0;
    return dz_trial_label_number(trial, bracket_label, &bracket) && bracket == self->bracket &&
           dz_trial_label_number(trial, rung_label, &rung) && rung == self->rung;
}

static dozan_status add_member(hyperband *self, int64_t number, dozan_error *err)
{
    if (self->asked == self->size) {
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, NULL,
                               "trial %" PRId64 " is one too many for rung %d of bracket %" PRId64,
                               number, self->rung, self->bracket);
    }
    if ((size_t)self->asked == self->member_capacity) {
        size_t capacity = self->member_capacity > 0 ? 2 * self->member_capacity : 32;
        int64_t *members = realloc(self->members, capacity * sizeof(*members));
        if (members == NULL) {
            return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "no memory for a rung");
        }
        self->members = members;
        self->member_capacity = capacity;
    }
    self->members[self->asked++] = number;
    return DOZAN_OK;
}

static void enter_bracket(hyperband *self, int64_t bracket)
{
    self->bracket = bracket;
    self->rung = 0;
    self->size = rung_size(self, bracket, 0);
    self->asked = self->ended = 0;
}

/* Ranks the rung, all of whose trials have ended, and goes on to the next. */
static dozan_status promote(hyperband *self, const dozan_problem *problem, dozan_error *err)
{
    size_t usable = 0;
    if (self->parent_capacity < (size_t)self->size) {
        contender *parents = realloc(self->parents, (size_t)self->size * sizeof(*parents));
        if (parents == NULL) {
            return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "no memory for a rung");
        }
        self->parents = parents;
        self->parent_capacity = (size_t)self->size;
    }
    for (int64_t i = 0; i < self->size; i++) {
        const dozan_trial *trial = dozan_history_find(problem->history, self->members[i]);
        if (dz_trial_is_usable(trial)) {
            self->parents[usable++] = (contender){trial->number, trial->loss};
        }
    }
    int64_t planned = rung_size(self, self->bracket, self->rung + 1);
    if (usable == 0) {
        enter_bracket(self, self->bracket + 1);
        return DOZAN_OK;
    }
    qsort(self->parents, usable, sizeof(*self->parents), compare_contenders);
    self->rung++;
    self->size = (int64_t)usable < planned ? (int64_t)usable : planned;
    self->asked = self->ended = 0;
    return DOZAN_OK;
}

static int compare_contenders(const void *a, const void *b)
{
    const contender *x = a;
    const contender *y = b;
    if (x->loss < y->loss || x->loss > y->loss) {
        return x->loss < y->loss ? -1 : 1;
    }
    return x->number < y->number ? -1 : 1;
}

/* The place of the trial that follows `ahead` others. False when it must wait for the end of
 * place->rung. */
static bool find_place(const hyperband *self, size_t ahead, rung_place *place)
{
    *place = (rung_place){.bracket = self->bracket,
                          .rung = self->rung,
                          .slot = self->asked + (int64_t)ahead,
                          .size = self->size};
    while (place->slot >= place->size) {
        if (place->rung < bracket_s(self, place->bracket)) {
            return false;
        }
        place->slot -= place->size;
        place->rung = 0;
        place->size = rung_size(self, ++place->bracket, 0);
    }
    return true;
}

static dozan_status put_labels(const rung_place *place, const contender *parent,
                               dozan_answer *answer, dozan_error *err)
{
    dozan_status status = dz_answer_label_number(answer, bracket_label, place->bracket, err);
    if (status == DOZAN_OK) {
        status = dz_answer_label_number(answer, rung_label, place->rung, err);
    }
    if (status == DOZAN_OK && parent != NULL) {
        status = dz_answer_label_number(answer, from_label, parent->number, err);
    }
    return status;
}

static const dozan_setting settings[] = {
    DZ_SETTING_R_L,
    DZ_SETTING_RESOURCE_NAME,
    {.name = "eta",
     .type = DOZAN_SETTING_DOUBLE,
     .default_text = "3",
     .min = "2",
     .help = "One in eta trials of a rung goes on, with eta times the resource."},
    DZ_SETTING_RANDOM_STATE,
};

const dozan_algorithm dz_hyperband = {
    .abi = DOZAN_ALGORITHM_ABI,
    .name = "hyperband",
    .kind = DOZAN_KIND_SEARCH,
    .traits = DOZAN_MAY_REPEAT,
    .summary =
        "Tries many random configurations with little of a resource, such as epochs, and gives "
        "eta times as much to the best of them: for models whose early results tell.",
    .reference =
        "L. Li, K. Jamieson, G. DeSalvo, A. Rostamizadeh, A. Talwalkar: Hyperband: a novel "
        "bandit-based approach to hyperparameter optimization. JMLR 18(185), 2018, algorithm 1",
    .limits =
        "A promoted trial begins anew, unless the program goes on from a checkpoint of its own. "
        "Waits for the slowest trial of a rung; asha does not. A failed trial is never promoted, "
        "and where too few are left the next rung is smaller. Without maxTrialCount it ends after "
        "one run of all brackets, else it repeats them until then. Initial points are run as they "
        "are, outside of the brackets.",
    .settings = settings,
    .setting_count = DZ_COUNT(settings),
    .validate = validate_hyperband,
    .create = create_hyperband,
    .destroy = destroy_hyperband,
    .tell = tell_hyperband,
    .ask = ask_hyperband,
};
