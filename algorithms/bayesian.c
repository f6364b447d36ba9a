/*
 * Bayesian optimisation with a Gaussian process (bayesianoptimization).
 *
 * The first trials are a shifted Sobol sequence. After that each ask reads a bounded part of the
 * results (bayesian_data.h), takes the pending trials as fantasies, and tries the point where an
 * acquisition function is best.
 *
 * Of constraints and failures there are processes of their own (bayesian_bounds.h).
 *
 * The instance holds nothing but a cache: the last fit (bayesian_fit.h), a function of the log that
 * does not ask when it was made; so dropping it changes no answer.
 *
 * gp_hedge picks one of LCB, EI and PI at random for each trial, weighted by what each has brought
 * so far (Hoffman, Brochu and de Freitas 2011; as only the chosen one is tried, an arm's gain is
 * its mean reward times the rounds, as in their Exp3 variant). Which one made a trial is in the
 * trial's label, so the gains are a function of the log. That pays where parameters are categorical
 * and results exact: local search over categories is what the expected improvement is caught in.
 * Elsewhere, and above all with noise, the expected improvement alone was better on every kind of
 * function that was tried, and is taken.
 */
#include "acquisition.h"
#include "bayesian_bounds.h"
#include "bayesian_data.h"
#include "bayesian_fit.h"
#include "common.h"
#include "table.h"

#include <gsl/gsl_qrng.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_DATA = 300,
    MAX_PENDING = 64,
    SOBOL_DIMENSIONS = 40, /* as many as GSL has */
    SOBOL_TRIALS = 4096    /* beyond, the initial points are random */
};

static const char arm_label[] = "acq-func";
static const char *const arm_names[DZ_ACQUISITION_COUNT] = {"LCB", "EI", "PI"};

/* What is between a fair draw and one by the gains alone. */
static const double HEDGE_EXPLORATION = 0.15;

/* The share of noise in the losses' variance from which on they count as noisy. */
static const double NOISY = 0.01;

typedef struct bayesian {
    bool *categorical;    /* [dims] */
    dz_bayesian_fit *fit; /* behind the const pointer of ask */
} bayesian;

/* The process of the objective, and those of what decides on feasibility. */
typedef struct models {
    dz_gp *gp;
    dz_bound bounds[DZ_BAYESIAN_BOUNDS];
    size_t bound_count;
} models;

static dozan_status propose(const bayesian *self, const dozan_problem *problem,
                            const dozan_ask *ask, dozan_answer *answer, bool *found,
                            dozan_error *err);
static size_t results(const dozan_problem *problem, size_t most);
static bool initial_point(const dozan_problem *problem, const dozan_ask *ask, double *point);
static bool sobol_point(const dozan_problem *problem, int64_t trial, double *point);
static bool make_models(const bayesian *self, const dozan_problem *problem, const dozan_ask *ask,
                        const dz_bayesian_data *data, models *made);
static bool is_hedged(const bayesian *self, const dz_bayesian_data *data);
static dz_acquisition choose_arm(const bayesian *self, const dozan_problem *problem,
                                 const dozan_ask *ask, const dz_bayesian_data *data, size_t bounds,
                                 bool *hedged);
static void collect_gains(const dozan_problem *problem, const dz_bayesian_data *data,
                          double gains[DZ_ACQUISITION_COUNT]);
static dozan_status no_memory(dozan_error *err);

static dozan_status validate_bayesian(const dozan_problem *problem, dozan_error *err)
{
    const char *estimator = dozan_setting_text(problem->settings, "base_estimator");
    if (strcmp(estimator, "GP") != 0) {
        return dozan_error_set(
            err, DOZAN_INVALID_ARGUMENT, "algorithmSettings",
            "base_estimator %s is not offered, only GP, a Gaussian process; leave "
            "base_estimator out or set it to GP",
            estimator);
    }
    const char *function = dozan_setting_text(problem->settings, "acq_func");
    if (strcmp(function, "EIps") == 0 || strcmp(function, "PIps") == 0) {
        return dozan_error_set(
            err, DOZAN_INVALID_ARGUMENT, "algorithmSettings",
            "acq_func %s needs the time that each trial took, which algorithms are not "
            "told; use %.2s",
            function, function);
    }
    return DOZAN_OK;
}

static void destroy_bayesian(void *self)
{
    bayesian *state = self;
    if (state == NULL) {
        return;
    }
    dz_bayesian_fit_destroy(state->fit);
    free(state->categorical);
    free(state);
}

static dozan_status create_bayesian(const dozan_problem *problem, void **self, dozan_error *err)
{
    size_t dims = dozan_space_dimensions(problem->space);
    bayesian *state = calloc(1, sizeof(*state));
    if (state == NULL) {
        return no_memory(err);
    }
    state->categorical = calloc(dims + 1, sizeof(*state->categorical));
    state->fit = dz_bayesian_fit_create(dims);
    if (state->categorical == NULL || state->fit == NULL) {
        destroy_bayesian(state);
        return no_memory(err);
    }
    for (size_t d = 0; d < dims; d++) {
        state->categorical[d] = !dozan_space_dimension(problem->space, d)->ordered;
    }
    *self = state;
    return DOZAN_OK;
}

static dozan_status ask_bayesian(const void *self, const dozan_problem *problem,
                                 const dozan_ask *ask, dozan_answer *answer, dozan_error *err)
{
    int64_t initial = dozan_setting_int(problem->settings, "n_initial_points");
    size_t needed = initial > 1 ? (size_t)initial : 1;
    bool found = false;
    answer->kind = DOZAN_ANSWER_POINT;
    if (results(problem, needed) < needed) {
        found = initial_point(problem, ask, answer->point);
    } else {
        dozan_status status = propose(self, problem, ask, answer, &found, err);
        if (status != DOZAN_OK) {
            return status;
        }
    }
    if (!found) { /* the space is used up */
        dozan_rng rng = dozan_rng_stream(problem->seed, "bayesian.repeat", (uint64_t)ask->trial);
        dozan_random_point(problem->space, &rng, answer->point);
        answer->repeat_ok = true;
    }
    return DOZAN_OK;
}

static dozan_status propose(const bayesian *self, const dozan_problem *problem,
                            const dozan_ask *ask, dozan_answer *answer, bool *found,
                            dozan_error *err)
{
    dz_bayesian_data data;
    size_t ended = dozan_history_ended_count(problem->history);
    if (!dz_bayesian_fit_update(self->fit, problem, self->categorical) ||
        !dz_bayesian_data_init(&data, problem, self->categorical, ended, MAX_DATA,
                               self->fit->transform)) {
        return no_memory(err);
    }
    data.inputs.warped = self->fit->warped;
    dozan_status status = DOZAN_OK;
    models known = {0};
    if (!make_models(self, problem, ask, &data, &known)) {
        status = no_memory(err);
    } else {
        bool hedged = false;
        dz_acquisition arm = choose_arm(self, problem, ask, &data, known.bound_count, &hedged);
        const char *optimizer = dozan_setting_text(problem->settings, "acq_optimizer");
        dz_acquisition_task task = {.problem = problem,
                                    .ask = ask,
                                    .gp = known.gp,
                                    .kind = arm,
                                    .best = dz_gp_least_mean(known.gp, data.y, data.feasible),
                                    .bounds = known.bounds,
                                    .bound_count = known.bound_count,
                                    .x = data.x,
                                    .incumbents = data.incumbents,
                                    .incumbent_count = data.incumbent_count,
                                    .polish = strcmp(optimizer, "sampling") != 0};
        dozan_rng rng = dozan_rng_stream(problem->seed, "bayesian", (uint64_t)ask->trial);
        status = dz_acquisition_propose(&task, &rng, answer->point, found, err);
        if (status == DOZAN_OK && hedged && *found) {
            status = dozan_answer_label(answer, arm_label, arm_names[arm], err);
        }
    }
    dz_gp_destroy(known.gp);
    dz_bayesian_bounds_destroy(known.bounds, known.bound_count);
    dz_bayesian_data_fini(&data);
    return status;
}

/* How many trials ended with a result, good or bad; counts no further than `most`. */
static size_t results(const dozan_problem *problem, size_t most)
{
    size_t count = 0;
    for (size_t i = 0; i < dozan_history_ended_count(problem->history) && count < most; i++) {
        count += dozan_history_ended(problem->history, i)->state != DOZAN_TRIAL_KILLED ? 1 : 0;
    }
    return count;
}

static bool initial_point(const dozan_problem *problem, const dozan_ask *ask, double *point)
{
    if (sobol_point(problem, ask->trial, point) && !dozan_point_taken(problem, ask, point)) {
        return true;
    }
    dozan_rng rng = dozan_rng_stream(problem->seed, "bayesian.initial", (uint64_t)ask->trial);
    return dozan_random_free_point(problem, ask, &rng, point);
}

/* The trial's point of a Sobol sequence, shifted at random as a whole (Cranley and Patterson,
 * 1976). */
static bool sobol_point(const dozan_problem *problem, int64_t trial, double *point)
{
    size_t dims = dozan_space_dimensions(problem->space);
    if (dims > SOBOL_DIMENSIONS || trial > SOBOL_TRIALS) {
        return false;
    }
    gsl_qrng *sequence = gsl_qrng_alloc(gsl_qrng_sobol, (unsigned)dims);
    if (sequence == NULL) {
        return false;
    }
    for (int64_t i = 0; i < trial; i++) {
        (void)gsl_qrng_get(sequence, point);
    }
    gsl_qrng_free(sequence);
    dozan_rng rng = dozan_rng_stream(problem->seed, "bayesian.shift", 0);
    for (size_t d = 0; d < dims; d++) {
        double shifted = point[d] + dozan_rng_uniform(&rng);
        point[d] = shifted - floor(shifted);
    }
    dozan_space_snap(problem->space, point);
    return true;
}

/* The process of the objective and those of the bounds. What was made is the caller's, also when
 * memory did not suffice for all. */
static bool make_models(const bayesian *self, const dozan_problem *problem, const dozan_ask *ask,
                        const dz_bayesian_data *data, models *made)
{
    size_t dims = data->inputs.dims;
    const double **points = NULL;
    size_t count = 0;
    if (!dz_pending_points(problem, ask, MAX_PENDING, &points, &count)) {
        return false;
    }
    bool done = false;
    double *x = malloc((count * dims + 1) * sizeof(*x));
    if (x != NULL) {
        for (size_t i = 0; i < count; i++) {
            memcpy(x + i * dims, points[i], dims * sizeof(*x));
        }
        dz_inputs fantasies = {
            .dims = dims, .categorical = self->categorical, .count = count, .x = x};
        made->gp = dz_gp_create(&data->inputs, data->y, self->fit->theta, &fantasies);
        done = made->gp != NULL &&
               dz_bayesian_bounds_make(problem, data, self->fit->bounds, &fantasies, made->bounds,
                                       &made->bound_count);
    }
    free(points);
    free(x);
    return done;
}

/* Whether gp_hedge has a choice to make: there are categories, and hardly any noise. */
static bool is_hedged(const bayesian *self, const dz_bayesian_data *data)
{
    size_t categorical = 0;
    for (size_t d = 0; d < data->inputs.dims; d++) {
        categorical += self->categorical[d] ? 1 : 0;
    }
    return categorical > 0 && exp(self->fit->theta[data->inputs.dims + 1]) < NOISY;
}

static dz_acquisition choose_arm(const bayesian *self, const dozan_problem *problem,
                                 const dozan_ask *ask, const dz_bayesian_data *data, size_t bounds,
                                 bool *hedged)
{
    const char *function = dozan_setting_text(problem->settings, "acq_func");
    for (size_t arm = 0; arm < DZ_ACQUISITION_COUNT; arm++) {
        if (strcmp(function, arm_names[arm]) == 0) {
            return (dz_acquisition)arm;
        }
    }
    if (bounds > 0 || !is_hedged(self, data)) {
        return DZ_ACQUISITION_EI;
    }
    *hedged = true;
    double gains[DZ_ACQUISITION_COUNT];
    double total = 0;
    collect_gains(problem, data, gains);
    double largest = fmax(gains[0], fmax(gains[1], gains[2]));
    for (size_t arm = 0; arm < DZ_ACQUISITION_COUNT; arm++) {
        gains[arm] = exp(gains[arm] - largest);
        total += gains[arm];
    }
    dozan_rng rng = dozan_rng_stream(problem->seed, "bayesian.hedge", (uint64_t)ask->trial);
    double draw = dozan_rng_uniform(&rng);
    for (size_t arm = 0; arm + 1 < DZ_ACQUISITION_COUNT; arm++) {
        draw -=
            HEDGE_EXPLORATION / DZ_ACQUISITION_COUNT + (1 - HEDGE_EXPLORATION) * gains[arm] / total;
        if (draw < 0) {
            return (dz_acquisition)arm;
        }
    }
    return (dz_acquisition)(DZ_ACQUISITION_COUNT - 1);
}

/* An arm's gain: the mean reward of its trials, with one of 1/2 before the first, times the rounds.
 * A reward is the normal distribution's share above the trial's standardised loss: between 0 and 1,
 * and larger for a better trial. */
static void collect_gains(const dozan_problem *problem, const dz_bayesian_data *data,
                          double gains[DZ_ACQUISITION_COUNT])
{
    double rewards[DZ_ACQUISITION_COUNT] = {0.5, 0.5, 0.5};
    double rounds[DZ_ACQUISITION_COUNT] = {1, 1, 1};
    double all = 0;
    for (size_t i = 0; i < dozan_history_ended_count(problem->history); i++) {
        const dozan_trial *trial = dozan_history_ended(problem->history, i);
        const char *name = dozan_trial_label(trial, arm_label);
        if (name == NULL || trial->state == DOZAN_TRIAL_KILLED) {
            continue;
        }
        for (size_t arm = 0; arm < DZ_ACQUISITION_COUNT; arm++) {
            if (strcmp(name, arm_names[arm]) == 0) {
                rewards[arm] += 0.5 * erfc(dz_bayesian_data_loss(data, trial) * M_SQRT1_2);
                rounds[arm] += 1;
                all += 1;
            }
        }
    }
    for (size_t arm = 0; arm < DZ_ACQUISITION_COUNT; arm++) {
        gains[arm] = all * rewards[arm] / rounds[arm];
    }
}

static dozan_status no_memory(dozan_error *err)
{
    return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL,
                           "no memory for the Gaussian process, or none that is positive definite");
}

static const char *const estimators[] = {"GP", "RF", "ET", "GBRT", NULL};
static const char *const functions[] = {"gp_hedge", "LCB", "EI", "PI", "EIps", "PIps", NULL};
static const char *const optimizers[] = {"auto", "sampling", "lbfgs", NULL};

static const dozan_setting settings[] = {
    DZ_SETTING_RANDOM_STATE,
    {.name = "base_estimator",
     .type = DOZAN_SETTING_CHOICE,
     .default_text = "GP",
     .choices = estimators,
     .help = "The model of the objective: GP, a Gaussian process; the other names are refused."},
    {.name = "n_initial_points",
     .type = DOZAN_SETTING_INT,
     .default_text = "10",
     .min = "0",
     .max = "1000000000",
     .help = "How many results there must be before the model is used; until then trials are "
             "spread evenly."},
    {.name = "acq_func",
     .type = DOZAN_SETTING_CHOICE,
     .default_text = "gp_hedge",
     .choices = functions,
     .help =
         "What is optimised on the model: the lower confidence bound, the expected or the probable "
         "improvement; gp_hedge takes the expected improvement, and where parameters are "
         "categorical and results exact, of the three what has done best. EIps and PIps are "
         "refused."},
    {.name = "acq_optimizer",
     .type = DOZAN_SETTING_CHOICE,
     .default_text = "auto",
     .choices = optimizers,
     .help = "How: sampling takes the best of random candidates; auto and lbfgs improve them by "
             "gradient "
             "and by neighbouring levels."},
};

const dozan_algorithm dz_bayesianoptimization = {
    .abi = DOZAN_ALGORITHM_ABI,
    .name = "bayesianoptimization",
    .kind = DOZAN_KIND_SEARCH,
    .summary =
        "Models the objective by a Gaussian process and tries where an improvement is likely: the "
        "most for few, expensive trials in up to some 20 dimensions.",
    .reference =
        "J. Snoek, H. Larochelle, R. Adams: Practical Bayesian optimization of machine learning "
        "algorithms. NIPS 2012; J. Snoek, K. Swersky, R. Zemel, R. Adams: Input warping for "
        "Bayesian optimization of non-stationary functions. ICML 2014; E. Snelson, C. Rasmussen, "
        "Z. Ghahramani: Warped Gaussian processes. NIPS 2003; M. Hoffman, E. Brochu, N. de "
        "Freitas: Portfolio allocation for Bayesian optimization. UAI 2011",
    .limits =
        "Learns from at most 300 results at a time: the best, and others spread over the space. "
        "Takes "
        "tens of milliseconds an ask. Repeats itself exactly on the same kind of processor only. "
        "Points repeat only when the space is used up.",
    .settings = settings,
    .setting_count = DZ_COUNT(settings),
    .validate = validate_bayesian,
    .create = create_bayesian,
    .destroy = destroy_bayesian,
    .ask = ask_bayesian,
};
