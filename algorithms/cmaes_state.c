#include "cmaes_state.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* More numeric coordinates than this have a diagonal covariance matrix: time and memory of an ask
 * stay in proportion to them. */
enum { MOST_FULL = 100, LEAST_POPULATION = 4, MOST_POPULATION = 65536 };

typedef enum strategy { STRATEGY_NONE, STRATEGY_IPOP, STRATEGY_BIPOP } strategy;

static const double least_deviation = 1e-11; /* tolerances of pycma's defaults */
static const double least_range = 1e-12;
static const double most_condition = 0.99e14;

static size_t first_population(const cmaes *self, const dozan_problem *problem);
static bool begin(cmaes *self, size_t population, const double *mean, double sigma);
static void order_results(const cmaes *self, dz_cma_solution *solutions, size_t *order);
static void learn_numeric(cmaes *self, const dozan_problem *problem,
                          const dz_cma_solution *solutions);
static void learn_categories(cmaes *self, const dz_cma_solution *solutions, const size_t *order,
                             double *weights, uint32_t *chosen);
static void judge_proposals(cmaes *self);
static void note_generation(cmaes *self, const dz_cma_solution *solutions);
static bool has_converged(const cmaes *self);
static strategy strategy_of(const dozan_problem *problem);
static bool restart(cmaes *self, const dozan_problem *problem);

bool dz_cmaes_start(cmaes *self, const dozan_problem *problem)
{
    for (size_t i = 0; i < self->axes.numeric; i++) {
        self->x[i] = 0.5;
    }
    self->first_population = first_population(self, problem);
    self->large_population = self->first_population;
    bool model = self->axes.categorical == 0 && dozan_setting_bool(problem->settings, "model");
    if (!dz_cmaes_model_init(&self->model, model ? self->axes.numeric : 0)) {
        return false;
    }
    return begin(self, self->first_population, self->x,
                 dozan_setting_double(problem->settings, "sigma"));
}

bool dz_cmaes_advance(cmaes *self, const dozan_problem *problem)
{
    size_t population = self->population;
    bool done = false;
    dz_cma_solution *solutions = calloc(population, sizeof(*solutions));
    size_t *order = calloc(population, sizeof(*order));
    double *weights = calloc(2 * population, sizeof(*weights));
    uint32_t *chosen = calloc(population * self->axes.categorical + 1, sizeof(*chosen));
    if (solutions == NULL || order == NULL || weights == NULL || chosen == NULL) {
        goto done;
    }
    order_results(self, solutions, order);
    if (self->cma != NULL) {
        learn_numeric(self, problem, solutions);
    }
    if (self->categories != NULL) {
        learn_categories(self, solutions, order, weights, chosen);
    }
    note_generation(self, solutions);
    self->generation++;
    self->filled = 0;
    judge_proposals(self);
    done = strategy_of(problem) == STRATEGY_NONE || !has_converged(self) || restart(self, problem);
done:
    free(solutions);
    free(order);
    free(weights);
    free(chosen);
    return done;
}

void dz_cmaes_clear(cmaes *self)
{
    dz_cma_destroy(self->cma);
    dz_categories_destroy(self->categories);
    free(self->losses);
    free(self->samples);
    free(self->choices);
    free(self->injected);
    free(self->proposed);
    free(self->recent);
    self->cma = NULL;
    self->categories = NULL;
    self->losses = NULL;
    self->samples = NULL;
    self->choices = NULL;
    self->injected = NULL;
    self->proposed = NULL;
    self->recent = NULL;
}

/* The published size, rounded to whole rounds of the trials that run in parallel, so that as few
 * results as possible come too late for their generation. */
static size_t first_population(const cmaes *self, const dozan_problem *problem)
{
    if (dozan_setting_is_set(problem->settings, "population_size")) {
        return (size_t)dozan_setting_int(problem->settings, "population_size");
    }
    size_t size = dz_cma_default_population(self->axes.numeric + self->axes.categorical);
    size_t parallel = problem->parallel_trials > 1 ? (size_t)problem->parallel_trials : 1;
    size_t rounds = (size + parallel / 2) / parallel;
    size = parallel * (rounds > 0 ? rounds : 1);
    size = size > LEAST_POPULATION ? size : LEAST_POPULATION;
    return size < MOST_POPULATION ? size : MOST_POPULATION;
}

/* Begins anew with a population about a mean; `mean` may be in memory of the old one. */
static bool begin(cmaes *self, size_t population, const double *mean, double sigma)
{
    const dz_cmaes_axes *axes = &self->axes;
    size_t numeric = axes->numeric;
    dz_cmaes_clear(self);
    self->population = population;
    self->filled = 0;
    self->first_generation = self->generation;
    self->recent_size = 10 + (30 * (numeric + axes->categorical) + population - 1) / population;
    self->losses = calloc(population, sizeof(*self->losses));
    self->samples = calloc(population * numeric + 1, sizeof(*self->samples));
    self->choices = calloc(population * axes->categorical + 1, sizeof(*self->choices));
    self->injected = calloc(population, sizeof(*self->injected));
    self->proposed = calloc(population, sizeof(*self->proposed));
    self->recent = calloc(self->recent_size, sizeof(*self->recent));
    if (numeric > 0) {
        self->cma = dz_cma_create(numeric, population, mean, sigma, numeric > MOST_FULL);
    }
    if (axes->categorical > 0) {
        self->categories = dz_categories_create(axes->sizes, axes->categorical);
    }
    return self->losses != NULL && self->samples != NULL && self->choices != NULL &&
           self->injected != NULL && self->proposed != NULL && self->recent != NULL &&
           (numeric == 0 || self->cma != NULL) &&
           (axes->categorical == 0 || self->categories != NULL);
}

/* ---- learning -------------------------------------------------------------------------------- */

/* The best first; of equal losses the one that came first. */
static void order_results(const cmaes *self, dz_cma_solution *solutions, size_t *order)
{
    for (size_t i = 0; i < self->population; i++) {
        size_t at = i;
        for (; at > 0 && self->losses[i] < self->losses[order[at - 1]]; at--) {
            order[at] = order[at - 1];
        }
        order[at] = i;
    }
    for (size_t i = 0; i < self->population; i++) {
        solutions[i] = (dz_cma_solution){.x = self->samples + order[i] * self->axes.numeric,
                                         .loss = self->losses[order[i]],
                                         .injected = self->injected[order[i]]};
    }
}

static void learn_numeric(cmaes *self, const dozan_problem *problem,
                          const dz_cma_solution *solutions)
{
    const dz_cmaes_axes *axes = &self->axes;
    double dims = (double)(axes->numeric + axes->categorical);
    double widest = 0;
    dz_cma_update(self->cma, solutions);
    bool flat = !(solutions[self->population - 1].loss > solutions[0].loss);
    if (flat && dz_cma_sigma(self->cma) < dozan_setting_double(problem->settings, "sigma")) {
        dz_cma_widen(self->cma, exp(0.2)); /* a plateau: look further */
    }
    for (size_t i = 0; i < axes->numeric; i++) {
        widest = fmax(widest, dz_cma_deviation(self->cma, i));
    }
    if (widest > 1) {
        dz_cma_widen(self->cma, 1 / widest);
    }
    for (size_t i = 0; i < axes->numeric; i++) {
        if (axes->levels[i] > 0) {
            dz_cma_keep_margin(self->cma, i, axes->edges[i], axes->levels[i],
                               1 / (dims * (double)self->population));
        }
    }
}

static void learn_categories(cmaes *self, const dz_cma_solution *solutions, const size_t *order,
                             double *weights, uint32_t *chosen)
{
    size_t count = self->axes.categorical;
    for (size_t i = 0; i < self->population; i++) {
        memcpy(chosen + i * count, self->choices + order[i] * count, count * sizeof(*chosen));
    }
    dz_cma_weigh(solutions, self->population, weights + self->population, weights);
    dz_categories_update(self->categories, chosen, weights, self->population);
}

/* Whether the proposals of the generation that has ended did better than its samples: in more pairs
 * of one of each. */
static void judge_proposals(cmaes *self)
{
    int64_t balance = 0;
    bool any = false;
    for (size_t i = 0; i < self->population; i++) {
        any |= self->proposed[i];
        for (size_t k = 0; k < self->population && self->proposed[i]; k++) {
            if (!self->proposed[k]) {
                balance += self->losses[i] < self->losses[k] ? 1 : -1;
            }
        }
    }
    dz_cmaes_model_turn(&self->model, any, balance > 0);
}

/* ---- restarts -------------------------------------------------------------------------------- */

static void note_generation(cmaes *self, const dz_cma_solution *solutions)
{
    uint64_t age = (uint64_t)(self->generation - self->first_generation);
    self->recent[age % self->recent_size] = solutions[0].loss;
    *(self->small ? &self->small_results : &self->large_results) += (int64_t)self->population;
}

static bool has_converged(const cmaes *self)
{
    double least = INFINITY;
    double most = -INFINITY;
    for (size_t i = 0; i < self->recent_size; i++) {
        least = fmin(least, self->recent[i]);
        most = fmax(most, self->recent[i]);
    }
    uint64_t age = (uint64_t)(self->generation - self->first_generation);
    if (age >= self->recent_size && !(most > least + least_range)) {
        return true;
    }
    if (self->cma == NULL) {
        return false;
    }
    double widest = 0;
    for (size_t i = 0; i < self->axes.numeric; i++) {
        widest = fmax(widest, dz_cma_deviation(self->cma, i));
    }
    return widest < least_deviation || dz_cma_condition(self->cma) > most_condition;
}

static strategy strategy_of(const dozan_problem *problem)
{
    const char *name = dozan_setting_text(problem->settings, "restart_strategy");
    if (strcmp(name, "ipop") == 0) {
        return STRATEGY_IPOP;
    }
    return strcmp(name, "bipop") == 0 ? STRATEGY_BIPOP : STRATEGY_NONE;
}

/* From a random mean: with twice the population, or, in bipop while less was spent on that, with a
 * small one and a narrow start. */
static bool restart(cmaes *self, const dozan_problem *problem)
{
    dozan_rng rng = dozan_rng_stream(problem->seed, "cmaes.restart", ++self->restarts);
    double sigma = dozan_setting_double(problem->settings, "sigma");
    size_t population = self->first_population;
    for (size_t i = 0; i < self->axes.numeric; i++) {
        self->x[i] = dozan_rng_uniform(&rng);
    }
    self->small = strategy_of(problem) == STRATEGY_BIPOP && self->restarts > 1 &&
                  self->small_results < self->large_results;
    if (self->small) {
        double u = dozan_rng_uniform(&rng);
        double ratio = (double)self->large_population / (2 * (double)self->first_population);
        population = (size_t)((double)population * pow(fmax(ratio, 1), u * u));
        sigma *= pow(10, -2 * dozan_rng_uniform(&rng));
    } else {
        size_t twice = 2 * self->large_population;
        self->large_population = twice < MOST_POPULATION ? twice : MOST_POPULATION;
        population = self->large_population;
    }
    return begin(self, population, self->x, sigma);
}
