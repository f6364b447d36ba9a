/*
 * CMA-ES: a normal distribution over the numeric parameters, with a distribution over the
 * categories of each categorical one, both moved to where the better trials are, a generation at a
 * time.
 *
 * Nothing waits: an ask samples from the distribution as it is, and its label tells the generation.
 * As soon as results of a population are there the distribution learns from them. A result of an
 * earlier generation comes late, and counts as injected into the one that is under way; one from
 * before a restart does not count, nor does a killed trial. A trial that failed, or whose objective
 * is missing, NaN or infinitely bad, ranks last.
 *
 * A model of the last results proposes a point now and then (cmaes_model.h); its label says so, and
 * its result counts as injected.
 *
 * Of a quantised coordinate the strategy learns from what was drawn, not from the level that it was
 * rounded to. What was drawn is not in the log: it is drawn again, as a sample is a function of the
 * trial's number and the generation's distribution.
 */
#include "cmaes_state.h"
#include "common.h"
#include "table.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ATTEMPTS = 16, REDRAWS = 10, FIT_EVERY = 2 };

static const char generation_label[] = "generation";
static const char model_label[] = "model";

static int64_t generation_of(const dozan_trial *trial);
static bool propose(const cmaes *self, const dozan_problem *problem, const dozan_ask *ask,
                    double *unit);
static dozan_status take_result(cmaes *self, const dozan_problem *problem, const dozan_trial *trial,
                                dozan_error *err);
static void take_foreign(cmaes *self, const dozan_problem *problem, const dozan_trial *trial);
static void recall(cmaes *self, const dozan_problem *problem, const dozan_trial *trial,
                   int64_t generation, size_t row);
static void keep_draw(const cmaes *self, const double *unit, double *x, uint32_t *chosen);
static void draw(const cmaes *self, const dozan_problem *problem, dozan_rng *rng, double *unit);
static void draw_numeric(const cmaes *self, dozan_rng *rng);

static void destroy_cmaes(void *self)
{
    cmaes *state = self;
    if (state != NULL) {
        dz_cmaes_clear(state);
        dz_cmaes_model_fini(&state->model);
        dz_cmaes_axes_fini(&state->axes);
        free(state->x);
        free(state->chosen);
        free(state);
    }
}

static dozan_status create_cmaes(const dozan_problem *problem, void **self, dozan_error *err)
{
    cmaes *state = calloc(1, sizeof(*state));
    if (state == NULL || !dz_cmaes_axes_init(&state->axes, problem->space)) {
        free(state);
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "no memory for the strategy");
    }
    const dz_cmaes_axes *axes = &state->axes;
    state->x = calloc(3 * axes->numeric + axes->dims + 1, sizeof(*state->x));
    state->chosen = calloc(axes->categorical + 1, sizeof(*state->chosen));
    if (state->x == NULL || state->chosen == NULL || !dz_cmaes_start(state, problem)) {
        destroy_cmaes(state);
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "no memory for the strategy");
    }
    state->z = state->x + axes->numeric;
    state->room = state->z + axes->numeric;
    state->unit = state->room + axes->numeric;
    *self = state;
    return DOZAN_OK;
}

static dozan_status tell_cmaes(void *self, const dozan_problem *problem, const dozan_event *event,
                               dozan_error *err)
{
    cmaes *state = self;
    if (event->kind == DOZAN_EVENT_ASKED) {
        state->sampled |= generation_of(event->trial) >= 0;
        dz_cmaes_model_note_ask(&state->model);
    }
    return dz_event_is_result(event) ? take_result(state, problem, event->trial, err) : DOZAN_OK;
}

static dozan_status ask_cmaes(const void *self, const dozan_problem *problem, const dozan_ask *ask,
                              dozan_answer *answer, dozan_error *err)
{
    const cmaes *state = self;
    dozan_rng rng = dozan_rng_stream(problem->seed, "cmaes", (uint64_t)ask->trial);
    answer->kind = DOZAN_ANSWER_POINT;
    bool found = propose(state, problem, ask, answer->point);
    bool proposed = found;
    for (int attempt = 0; attempt < ATTEMPTS && !found; attempt++) {
        draw(state, problem, &rng, answer->point);
        found = !dozan_point_taken(problem, ask, answer->point);
    }
    if (!found && !dozan_random_free_point(problem, ask, &rng, answer->point)) {
        draw(state, problem, &rng, answer->point);
        answer->repeat_ok = true;
    }
    char text[32];
    (void)snprintf(text, sizeof(text), "%" PRId64, state->generation);
    dozan_status status = dozan_answer_label(answer, generation_label, text, err);
    if (status == DOZAN_OK && proposed) {
        status = dozan_answer_label(answer, model_label, "minimum", err);
    }
    return status;
}

/* The model's proposal for this trial, if there is one. */
static bool propose(const cmaes *self, const dozan_problem *problem, const dozan_ask *ask,
                    double *unit)
{
    const double *proposal = dz_cmaes_model_proposal(&self->model, ask->tentative_count);
    if (proposal == NULL) {
        return false;
    }
    dz_cmaes_axes_point(&self->axes, problem->space, proposal, self->chosen, unit);
    return !dozan_point_taken(problem, ask, unit);
}

/* The generation that a trial was sampled from, or -1 for one that another sampled. */
static int64_t generation_of(const dozan_trial *trial)
{
    const char *text = dozan_trial_label(trial, generation_label);
    double value = -1;
    if (text == NULL || !dozan_number_parse(text, false, &value) || !(value >= 0 && value < 1e15)) {
        return -1;
    }
    return (int64_t)value;
}

static dozan_status take_result(cmaes *self, const dozan_problem *problem, const dozan_trial *trial,
                                dozan_error *err)
{
    int64_t generation = generation_of(trial);
    if (generation < 0) {
        take_foreign(self, problem, trial);
        return DOZAN_OK;
    }
    if (generation < self->first_generation) {
        return DOZAN_OK;
    }
    size_t row = self->filled++;
    self->losses[row] = dz_trial_is_usable(trial) ? trial->loss : INFINITY;
    recall(self, problem, trial, generation, row);
    dz_cmaes_model_add(&self->model, self->samples + row * self->axes.numeric, self->losses[row]);
    if (self->filled == self->population && !dz_cmaes_advance(self, problem)) {
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "no memory for a restart");
    }
    if (self->filled % FIT_EVERY == 0) {
        dz_cmaes_model_fit(&self->model, self->cma);
    }
    return DOZAN_OK;
}

/* Results of other points, such as the user's own, before the first sample: the search starts at
 * the best of them. */
static void take_foreign(cmaes *self, const dozan_problem *problem, const dozan_trial *trial)
{
    if (self->cma == NULL || !dz_trial_is_usable(trial)) {
        return;
    }
    dz_cmaes_axes_read(&self->axes, problem->space, trial->point, self->x, self->chosen);
    dz_cmaes_model_add(&self->model, self->x, trial->loss);
    if (!self->sampled && (!self->has_foreign || trial->loss < self->foreign)) {
        self->has_foreign = true;
        self->foreign = trial->loss;
        dz_cma_move(self->cma, self->x);
    }
}

/* Puts what was drawn for a trial into a row of the population. */
static void recall(cmaes *self, const dozan_problem *problem, const dozan_trial *trial,
                   int64_t generation, size_t row)
{
    const dz_cmaes_axes *axes = &self->axes;
    double *x = self->samples + row * axes->numeric;
    uint32_t *chosen = self->choices + row * axes->categorical;
    bool proposed = dozan_trial_label(trial, model_label) != NULL;
    bool again = axes->quantised && generation == self->generation && !proposed;
    dozan_rng rng = dozan_rng_stream(problem->seed, "cmaes", (uint64_t)trial->number);
    self->injected[row] = proposed || generation != self->generation;
    self->proposed[row] = proposed;
    for (int attempt = 0; attempt < ATTEMPTS && again; attempt++) {
        draw(self, problem, &rng, self->unit);
        if (memcmp(self->unit, trial->point, axes->dims * sizeof(*self->unit)) == 0) {
            keep_draw(self, trial->point, x, chosen);
            return;
        }
    }
    self->injected[row] |= again;
    dz_cmaes_axes_read(axes, problem->space, trial->point, x, chosen);
}

/* The last draw; of a continuous coordinate what it became, as it may have been reflected. */
static void keep_draw(const cmaes *self, const double *unit, double *x, uint32_t *chosen)
{
    for (size_t i = 0; i < self->axes.numeric; i++) {
        x[i] = self->axes.levels[i] > 0 ? self->x[i] : unit[self->axes.at[i]];
    }
    memcpy(chosen, self->chosen, self->axes.categorical * sizeof(*chosen));
}

/* Draws a point; what it was made of is in the state's room. */
static void draw(const cmaes *self, const dozan_problem *problem, dozan_rng *rng, double *unit)
{
    for (int redraw = 0; redraw < REDRAWS && self->axes.numeric > 0; redraw++) {
        draw_numeric(self, rng);
        if (dz_cmaes_axes_inside(&self->axes, self->x)) {
            break;
        }
    }
    for (size_t i = 0; i < self->axes.categorical; i++) {
        self->chosen[i] = dz_categories_draw(self->categories, i, dozan_rng_uniform(rng));
    }
    dz_cmaes_axes_point(&self->axes, problem->space, self->x, self->chosen, unit);
}

static void draw_numeric(const cmaes *self, dozan_rng *rng)
{
    for (size_t i = 0; i < self->axes.numeric; i++) {
        self->z[i] = dozan_rng_normal(rng);
    }
    dz_cma_sample(self->cma, self->z, self->room, self->x);
}

static const char *const restart_strategies[] = {"none", "ipop", "bipop", NULL};

static const dozan_setting settings[] = {
    DZ_SETTING_RANDOM_STATE,
    {.name = "sigma",
     .type = DOZAN_SETTING_DOUBLE,
     .default_text = "0.16666666666666666",
     .min = "0",
     .max = "10",
     .min_exclusive = true,
     .help = "Standard deviation of the first generation, as a part of each parameter's range."},
    {.name = "restart_strategy",
     .type = DOZAN_SETTING_CHOICE,
     .default_text = "none",
     .choices = restart_strategies,
     .help = "What to do when the search has converged: ipop starts again with twice the "
             "population, bipop with a large and a small one in turn."},
    {.name = "model",
     .type = DOZAN_SETTING_BOOL,
     .default_text = "true",
     .help = "Whether some trials are the minimum of a quadratic model of the last results, for as "
             "long as they do better than samples; there is none with categories."},
    {.name = "population_size",
     .type = DOZAN_SETTING_INT,
     .min = "4",
     .max = "65536",
     .help =
         "Trials of one generation; when it is not given, 4 + 3 ln(parameters), made a multiple "
         "of parallelTrialCount."},
};

const dozan_algorithm dz_cmaes = {
    .abi = DOZAN_ALGORITHM_ABI,
    .name = "cmaes",
    .kind = DOZAN_KIND_SEARCH,
    .summary =
        "Covariance matrix adaptation: learns the shape of the landscape from ranks alone. For "
        "hundreds of trials and more, of mostly numeric parameters that interact.",
    .reference =
        "N. Hansen: The CMA evolution strategy: a tutorial. arXiv:1604.00772v2, 2023; R. Hamano et "
        "al.: CMA-ES with margin. GECCO 2022, and CatCMA. GECCO 2024; A. Auger, N. Hansen: A "
        "restart CMA evolution strategy with increasing population size. CEC 2005; N. Hansen: "
        "Benchmarking a bi-population CMA-ES on the BBOB-2009 function testbed. GECCO 2009, and A "
        "global surrogate assisted CMA-ES. GECCO 2019",
    .limits =
        "Needs some tens of trials for each parameter to converge. From 100 numeric parameters on "
        "their interactions are not learnt. A few categorical parameters are fine, a space of them "
        "alone is better searched by tpe.",
    .settings = settings,
    .setting_count = DZ_COUNT(settings),
    .create = create_cmaes,
    .destroy = destroy_cmaes,
    .tell = tell_cmaes,
    .ask = ask_cmaes,
};
