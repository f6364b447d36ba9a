/*
 * ASHA: successive halving without waiting. Whenever a trial is asked for, the best configuration
 * that is among the best 1/eta of its rung, and was not promoted yet, goes on with eta times the
 * resource, from the highest such rung; when there is none, a new one begins at the bottom.
 *
 * Each rung keeps its results in their order, those that may still be promoted apart from those
 * that were. The j-th best of the former may go on when fewer than results/eta stand before it in
 * both; as no result arrives within a batch, the t-th trial of a batch gets the t-th of these in
 * the order above, which is what single asks would get.
 *
 * A failed trial counts as a result of its rung, and a bad one; one that was killed says nothing.
 */
#include "common.h"
#include "fidelity.h"
#include "numerics/ranking.h"
#include "table.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char bracket_label[] = "asha-bracket";
static const char rung_label[] = "asha-rung";
static const char from_label[] = "promoted-from";

typedef struct rung {
    dz_ranking waiting; /* usable results that were not promoted */
    dz_ranking promoted;
    size_t results; /* of any kind */
} rung;

typedef struct asha {
    dz_ladder ladder;
    int brackets; /* bracket b begins at rung b of the ladder */
    rung *rungs;  /* [brackets * (top + 1)] */
} asha;

static dozan_status make_ladder(const dozan_problem *problem, dz_ladder *ladder, dozan_error *err);
static rung *find_rung(const asha *self, int64_t bracket, int64_t step);
static bool is_promotable(const asha *self, const rung *at, size_t place);
static size_t promotable_count(const asha *self, const rung *at);
static int draw_bracket(const asha *self, dozan_rng *rng);
static dozan_status answer_promotion(const asha *self, const dozan_problem *problem, int bracket,
                                     int step, int64_t number, dozan_answer *answer,
                                     dozan_error *err);
static dozan_status put_labels(int bracket, int step, dozan_answer *answer, dozan_error *err);
static dozan_status no_memory(dozan_error *err);

static dozan_status validate_asha(const dozan_problem *problem, dozan_error *err)
{
    dz_ladder ladder;
    return make_ladder(problem, &ladder, err);
}

static void destroy_asha(void *self)
{
    asha *state = self;
    if (state == NULL) {
        return;
    }
    for (int i = 0; state->rungs != NULL && i < state->brackets * (state->ladder.top + 1); i++) {
        dz_ranking_fini(&state->rungs[i].waiting);
        dz_ranking_fini(&state->rungs[i].promoted);
    }
    free(state->rungs);
    free(state);
}

static dozan_status create_asha(const dozan_problem *problem, void **self, dozan_error *err)
{
    asha *state = calloc(1, sizeof(*state));
    if (state == NULL) {
        return no_memory(err);
    }
    dozan_status status = make_ladder(problem, &state->ladder, err);
    if (status == DOZAN_OK) {
        int64_t brackets = dozan_setting_int(problem->settings, "brackets");
        int most = state->ladder.top + 1;
        state->brackets = brackets < most ? (int)brackets : most;
        state->rungs = calloc((size_t)state->brackets * (size_t)most, sizeof(*state->rungs));
        status = state->rungs != NULL ? DOZAN_OK : no_memory(err);
    }
    if (status != DOZAN_OK) {
        destroy_asha(state);
        return status;
    }
    *self = state;
    return DOZAN_OK;
}

static dozan_status tell_asha(void *self, const dozan_problem *problem, const dozan_event *event,
                              dozan_error *err)
{
    asha *state = self;
    const dozan_trial *trial = event->trial;
    int64_t bracket = 0;
    int64_t step = 0;
    int64_t from = 0;
    if (!dz_trial_label_number(trial, bracket_label, &bracket) ||
        !dz_trial_label_number(trial, rung_label, &step)) {
        return DOZAN_OK;
    }
    rung *at = find_rung(state, bracket, step);
    if (at != NULL && dz_event_is_result(event)) {
        at->results++;
        dz_ranked entry = {trial->loss, trial->number};
        return !dz_trial_is_usable(trial) || dz_ranking_add(&at->waiting, entry) ? DOZAN_OK
                                                                                 : no_memory(err);
    }
    rung *below = find_rung(state, bracket, step - 1);
    if (event->kind == DOZAN_EVENT_ASKED && below != NULL &&
        dz_trial_label_number(trial, from_label, &from)) {
        const dozan_trial *parent = dozan_history_find(problem->history, from);
        dz_ranked entry = {parent != NULL ? parent->loss : 0, from};
        if (!isnan(entry.value) && dz_ranking_remove(&below->waiting, entry) &&
            !dz_ranking_add(&below->promoted, entry)) {
            return no_memory(err);
        }
    }
    return DOZAN_OK;
}

static dozan_status ask_asha(const void *self, const dozan_problem *problem, const dozan_ask *ask,
                             dozan_answer *answer, dozan_error *err)
{
    const asha *state = self;
    size_t ahead = ask->tentative_count;
    for (int step = state->ladder.top - 1; step >= 0; step--) {
        for (int bracket = 0; bracket < state->brackets && bracket <= step; bracket++) {
            const rung *at = find_rung(state, bracket, step);
            if (is_promotable(state, at, ahead)) {
                int64_t number = dz_ranking_at(&at->waiting, ahead).id;
                return answer_promotion(state, problem, bracket, step + 1, number, answer, err);
            }
            ahead -= promotable_count(state, at);
        }
    }
    dozan_rng rng = dozan_rng_stream(problem->seed, "asha", (uint64_t)ask->trial);
    int bracket = draw_bracket(state, &rng);
    dz_ladder_draw(&state->ladder, problem, ask, bracket, &rng, answer->point);
    answer->kind = DOZAN_ANSWER_POINT;
    return put_labels(bracket, bracket, answer, err);
}

static dozan_status make_ladder(const dozan_problem *problem, dz_ladder *ladder, dozan_error *err)
{
    const dozan_settings *given = problem->settings;
    const char *eta = dozan_setting_is_set(given, "reduction_factor") ? "reduction_factor" : "eta";
    const char *least = dozan_setting_is_set(given, "min_resource") ? "min_resource" : "r_min";
    return dz_ladder_make(problem, dozan_setting_double(given, eta),
                          dozan_setting_double(given, least), ladder, err);
}

/* NULL when a label names none. */
static rung *find_rung(const asha *self, int64_t bracket, int64_t step)
{
    if (bracket < 0 || bracket >= self->brackets || step < 0 || step > self->ladder.top) {
        return NULL;
    }
    return &self->rungs[bracket * (self->ladder.top + 1) + step];
}

/* Whether the one at this place of the waiting is among the best 1/eta of the rung's results. */
static bool is_promotable(const asha *self, const rung *at, size_t place)
{
    if (place >= at->waiting.count) {
        return false;
    }
    double among = floor((double)at->results / self->ladder.eta + 1e-9);
    size_t before = dz_ranking_before(&at->promoted, dz_ranking_at(&at->waiting, place));
    return (double)(place + before) < among;
}

/* They are the first of the waiting: a place further back has more before it. */
static size_t promotable_count(const asha *self, const rung *at)
{
    size_t low = 0;
    size_t high = at->waiting.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (is_promotable(self, at, middle)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* With the shares that Hyperband's brackets have of the new configurations. */
static int draw_bracket(const asha *self, dozan_rng *rng)
{
    double all = 0;
    for (int bracket = 0; bracket < self->brackets; bracket++) {
        all += dz_ladder_bracket_size(&self->ladder, self->ladder.top - bracket);
    }
    double drawn = dozan_rng_uniform(rng) * all;
    int bracket = 0;
    for (; bracket < self->brackets - 1; bracket++) {
        drawn -= dz_ladder_bracket_size(&self->ladder, self->ladder.top - bracket);
        if (drawn < 0) {
            break;
        }
    }
    return bracket;
}

static dozan_status answer_promotion(const asha *self, const dozan_problem *problem, int bracket,
                                     int step, int64_t number, dozan_answer *answer,
                                     dozan_error *err)
{
    const dozan_trial *parent = dozan_history_find(problem->history, number);
    memcpy(answer->point, parent->point,
           dozan_space_dimensions(problem->space) * sizeof(*answer->point));
    answer->point[self->ladder.dimension] = self->ladder.coordinates[step];
    answer->kind = DOZAN_ANSWER_POINT;
    dozan_status status = put_labels(bracket, step, answer, err);
    return status == DOZAN_OK ? dz_answer_label_number(answer, from_label, number, err) : status;
}

static dozan_status put_labels(int bracket, int step, dozan_answer *answer, dozan_error *err)
{
    dozan_status status = dz_answer_label_number(answer, bracket_label, bracket, err);
    return status == DOZAN_OK ? dz_answer_label_number(answer, rung_label, step, err) : status;
}

static dozan_status no_memory(dozan_error *err)
{
    return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "no memory for the rungs of asha");
}

static const dozan_setting settings[] = {
    DZ_SETTING_R_L,
    DZ_SETTING_RESOURCE_NAME,
    {.name = "eta",
     .type = DOZAN_SETTING_DOUBLE,
     .default_text = "3",
     .min = "2",
     .help = "One in eta trials of a rung goes on, with eta times the resource."},
    {.name = "reduction_factor",
     .type = DOZAN_SETTING_DOUBLE,
     .min = "2",
     .help = "Another name of eta; it is what counts where it is given."},
    {.name = "r_min",
     .type = DOZAN_SETTING_DOUBLE,
     .help = "The least of the resource that a trial gets; the resource parameter's min when it is "
             "not given."},
    {.name = "min_resource",
     .type = DOZAN_SETTING_DOUBLE,
     .help = "Another name of r_min; it is what counts where it is given."},
    {.name = "brackets",
     .type = DOZAN_SETTING_INT,
     .default_text = "1",
     .min = "1",
     .max = "40",
     .help = "How many brackets new configurations are spread over, each beginning one rung higher "
             "than the one before: more than 1 guards against early results that mislead."},
    DZ_SETTING_RANDOM_STATE,
};

const dozan_algorithm dz_asha = {
    .abi = DOZAN_ALGORITHM_ABI,
    .name = "asha",
    .kind = DOZAN_KIND_SEARCH,
    .traits = DOZAN_MAY_REPEAT,
    .summary =
        "Gives eta times the resource to whatever is among the best of its rung, without ever "
        "waiting for a trial: hyperband's idea for many trials in parallel.",
    .reference = "L. Li, K. Jamieson, A. Rostamizadeh, E. Gonina, J. Ben-Tzur, M. Hardt, B. Recht, "
                 "A. Talwalkar: A system for massively parallel hyperparameter tuning. MLSys 2020, "
                 "algorithm 2",
    .limits =
        "A promoted trial begins anew, unless the program goes on from a checkpoint of its own. "
        "Early on it promotes what a later result shows to be no better than others. Initial "
        "points are run as they are, outside of the rungs. Never ends of its own: it needs a "
        "maxTrialCount, a goal or a maxRuntime.",
    .settings = settings,
    .setting_count = DZ_COUNT(settings),
    .validate = validate_asha,
    .create = create_asha,
    .destroy = destroy_asha,
    .tell = tell_asha,
    .ask = ask_asha,
};
