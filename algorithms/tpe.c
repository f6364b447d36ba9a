/*
 * The tree-structured Parzen estimator: tpe and multivariate-tpe, one algorithm under the names and
 * with the settings of Katib's two back ends.
 *
 * The trials are split at a quantile of the losses, gamma, into the better ones, with density l,
 * and all others, with density g; of some candidates drawn from l the one with the largest l/g is
 * tried next. The better trials count by their rank as in CMA-ES, ln(m + 1/2) - ln(i) for the i-th
 * of m (N. Hansen, "The CMA evolution strategy: a tutorial", arXiv 1604.00772, section 3.2): so l
 * has many kernels, and yet the best few decide where it is high. Pending trials count as others,
 * so a batch spreads out, and so do trials that failed, that ended without an objective or whose
 * objective is NaN or infinitely bad, so the search leaves regions that fail. Trials that break a
 * constraint are ranked behind all that do not, by how much they exceed it.
 *
 * An ask takes the same time however long the history is, O(candidates * dimensions * MAX_SAMPLE)
 * at most: tell keeps the best trials sorted (never more than MAX_BELOW), and of the others a
 * uniform sample of at most MAX_SAMPLE, sorted along every axis, which stands for them in g. The
 * n-th trial comes into the sample, for O(dimensions * MAX_SAMPLE) memory moves, with a probability
 * of MAX_SAMPLE / n; otherwise a tell takes O(dimensions).
 */
#include "axes.h"
#include "common.h"
#include "numerics/parzen.h"
#include "numerics/sorted_sample.h"
#include "table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_BELOW = 25, MAX_SAMPLE = 512, MAX_PENDING = 256, ATTEMPTS = 8, FREE_CANDIDATES = 24 };

typedef struct ranked_trial {
    double excess; /* of the constraints; 0 = all hold */
    double loss;
    int64_t number;
} ranked_trial;

typedef struct options {
    int64_t startup;
    double gamma;
    double prior_weight;
    int64_t candidates;
} options;

typedef struct tpe {
    dz_axes axes;
    size_t usable;                /* trials that ended with a usable objective */
    size_t ended;                 /* those, and the ones that failed */
    ranked_trial best[MAX_BELOW]; /* of the usable ones, the best first */
    size_t best_count;
    dz_sorted_sample *sample; /* of all that ended */
    double *point;            /* [dimensions]: room for tell */
    options options;
} tpe;

/* The densities of one ask, and the room for its points. */
typedef struct model {
    dz_parzen *below;
    dz_parzen *above;
    double *candidate; /* [dimensions], snapped */
    double *masked;    /* [dimensions], with NaN where the candidate is inactive */
} model;

static dozan_status no_memory(dozan_error *err);
static bool is_startup(const tpe *self, const dozan_problem *problem, const dozan_ask *ask);
static void rank_trial(tpe *self, const dozan_problem *problem, const dozan_trial *trial);
static size_t below_count(const tpe *self);
static void weigh_ranks(size_t count, double *weights);
static bool build_model(const tpe *self, const dozan_problem *problem, const dozan_ask *ask,
                        model *made);
static void destroy_model(model *made);
static bool add_below(const tpe *self, const dozan_problem *problem, size_t below, model *made);
static bool add_above(const tpe *self, const dozan_problem *problem, const dozan_ask *ask,
                      size_t below, model *made);
static void leave_out_below(const tpe *self, size_t below, bool *left_out);
static bool propose(const tpe *self, const dozan_problem *problem, const dozan_ask *ask,
                    model *made, dozan_rng *rng, double *point);
static bool best_free(const dozan_problem *problem, const dozan_ask *ask, model *made,
                      dozan_rng *rng, double *point);
static double score(const dozan_problem *problem, model *made);
static bool keep_better(const dozan_problem *problem, const dozan_ask *ask, model *made,
                        double *best, double *point);

static dozan_status validate_tpe(const dozan_problem *problem, dozan_error *err)
{
    const dozan_settings *settings = problem->settings;
    if (!dozan_setting_is_set(settings, "n_ei_candidates")) {
        return DOZAN_OK;
    }
    int64_t optuna = dozan_setting_int(settings, "n_ei_candidates");
    int64_t hyperopt = dozan_setting_int(settings, "n_EI_candidates");
    if (hyperopt != 24 && hyperopt != optuna) {
        return dozan_error_set(
            err, DOZAN_INVALID_ARGUMENT, "algorithmSettings",
            "n_EI_candidates and n_ei_candidates are two spellings of one setting, "
            "and have different values; give one of them");
    }
    return DOZAN_OK;
}

static void destroy_tpe(void *self)
{
    tpe *state = self;
    if (state != NULL) {
        dz_axes_fini(&state->axes);
        dz_sorted_sample_destroy(state->sample);
        free(state->point);
        free(state);
    }
}

static dozan_status create(const dozan_problem *problem, const options *given, void **self,
                           dozan_error *err)
{
    size_t dims = dozan_space_dimensions(problem->space);
    uint64_t seed = dozan_hash_words(problem->seed, dozan_hash_text("tpe.sample"));
    tpe *state = calloc(1, sizeof(*state));
    if (state != NULL && dz_axes_init(&state->axes, problem->space)) {
        state->sample = dz_sorted_sample_create(dims, MAX_SAMPLE + MAX_BELOW, seed);
        state->point = calloc(dims + 1, sizeof(*state->point));
    }
    if (state == NULL || state->sample == NULL || state->point == NULL) {
        destroy_tpe(state);
        return no_memory(err);
    }
    state->options = *given;
    *self = state;
    return DOZAN_OK;
}

static dozan_status create_tpe(const dozan_problem *problem, void **self, dozan_error *err)
{
    const dozan_settings *settings = problem->settings;
    bool optuna = dozan_setting_is_set(settings, "n_ei_candidates");
    const options given = {
        .startup = dozan_setting_int(settings, "n_startup_trials"),
        .gamma = dozan_setting_double(settings, "gamma"),
        .prior_weight = dozan_setting_double(settings, "prior_weight"),
        .candidates = dozan_setting_int(settings, optuna ? "n_ei_candidates" : "n_EI_candidates"),
    };
    return create(problem, &given, self, err);
}

/* Katib's back end for this name has two of the settings only. */
static dozan_status create_multivariate_tpe(const dozan_problem *problem, void **self,
                                            dozan_error *err)
{
    const options given = {
        .startup = dozan_setting_int(problem->settings, "n_startup_trials"),
        .gamma = 0.25,
        .prior_weight = 1,
        .candidates = dozan_setting_int(problem->settings, "n_ei_candidates"),
    };
    return create(problem, &given, self, err);
}

static dozan_status tell_tpe(void *self, const dozan_problem *problem, const dozan_event *event,
                             dozan_error *err)
{
    (void)err;
    if (!dz_event_is_result(event)) {
        return DOZAN_OK;
    }
    tpe *state = self;
    state->ended++;
    dz_axes_mask(problem->space, event->trial->point, state->point);
    dz_sorted_sample_add(state->sample, event->trial->number, state->point);
    if (dz_trial_is_usable(event->trial)) {
        state->usable++;
        rank_trial(state, problem, event->trial);
    }
    return DOZAN_OK;
}

static dozan_status ask_tpe(const void *self, const dozan_problem *problem, const dozan_ask *ask,
                            dozan_answer *answer, dozan_error *err)
{
    const tpe *state = self;
    dozan_rng rng = dozan_rng_stream(problem->seed, "tpe", (uint64_t)ask->trial);
    answer->kind = DOZAN_ANSWER_POINT;
    bool found = false;
    if (is_startup(state, problem, ask)) {
        found = dozan_random_free_point(problem, ask, &rng, answer->point);
    } else {
        model made = {0};
        if (!build_model(state, problem, ask, &made)) {
            return no_memory(err);
        }
        found = propose(state, problem, ask, &made, &rng, answer->point);
        destroy_model(&made);
    }
    if (!found) { /* the space is used up */
        dozan_random_point(problem->space, &rng, answer->point);
        answer->repeat_ok = true;
    }
    return DOZAN_OK;
}

static dozan_status no_memory(dozan_error *err)
{
    return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "no memory for the densities");
}

/* Trials that run count too, or trials in parallel would double the random ones; but half of what
 * is wanted must have ended. */
static bool is_startup(const tpe *self, const dozan_problem *problem, const dozan_ask *ask)
{
    size_t pending = dozan_history_pending_count(problem->history) + ask->tentative_count;
    return (int64_t)(self->ended + pending) < self->options.startup ||
           2 * (int64_t)self->ended < self->options.startup;
}

/* ---- the history ----------------------------------------------------------------------------- */

static bool is_better(const ranked_trial *one, const ranked_trial *other)
{
    if (one->excess < other->excess || one->excess > other->excess) {
        return one->excess < other->excess;
    }
    return one->loss < other->loss;
}

/* Puts a trial into the sorted best; of equal ones the one that ended first is the better. */
static void rank_trial(tpe *self, const dozan_problem *problem, const dozan_trial *trial)
{
    double excess = dozan_trial_excess(problem, trial);
    ranked_trial ranked = {isnan(excess) ? INFINITY : excess, trial->loss, trial->number};
    size_t at = self->best_count;
    while (at > 0 && is_better(&ranked, &self->best[at - 1])) {
        at--;
    }
    if (at == MAX_BELOW) {
        return;
    }
    size_t kept = self->best_count < MAX_BELOW ? self->best_count : MAX_BELOW - 1;
    memmove(&self->best[at + 1], &self->best[at], (kept - at) * sizeof(self->best[0]));
    self->best[at] = ranked;
    self->best_count = kept + 1;
}

/* How many trials are good: a share of them, and MAX_BELOW at most. */
static size_t below_count(const tpe *self)
{
    double count = ceil(self->options.gamma * (double)self->usable);
    return count < (double)self->best_count ? (size_t)count : self->best_count;
}

/* Weights of the good trials, the best first; their mean is 1, what each of the others has in g. */
static void weigh_ranks(size_t count, double *weights)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        weights[i] = log((double)count + 0.5) - log((double)i + 1);
        sum += weights[i];
    }
    for (size_t i = 0; i < count; i++) {
        weights[i] *= (double)count / sum;
    }
}

/* ---- the densities --------------------------------------------------------------------------- */

static bool build_model(const tpe *self, const dozan_problem *problem, const dozan_ask *ask,
                        model *made)
{
    size_t dims = self->axes.count;
    size_t below = below_count(self);
    made->candidate = calloc(dims + 1, sizeof(*made->candidate));
    made->masked = calloc(dims + 1, sizeof(*made->masked));
    if (made->candidate == NULL || made->masked == NULL || !add_below(self, problem, below, made) ||
        !add_above(self, problem, ask, below, made)) {
        destroy_model(made);
        return false;
    }
    dz_parzen_settle(made->below, self->options.prior_weight);
    dz_parzen_settle(made->above, self->options.prior_weight);
    return true;
}

static void destroy_model(model *made)
{
    dz_parzen_destroy(made->below);
    dz_parzen_destroy(made->above);
    free(made->candidate);
    free(made->masked);
    *made = (model){0};
}

static bool add_below(const tpe *self, const dozan_problem *problem, size_t below, model *made)
{
    double weights[MAX_BELOW];
    weigh_ranks(below, weights);
    made->below = dz_parzen_create(self->axes.axes, self->axes.count, below);
    for (size_t i = 0; i < below && made->below != NULL; i++) {
        const dozan_trial *trial = dozan_history_find(problem->history, self->best[i].number);
        dz_axes_mask(problem->space, trial->point, made->masked);
        dz_parzen_add(made->below, made->masked, weights[i]);
    }
    return made->below != NULL;
}

/* The sample of the ended trials less the good ones, and the pending ones. */
static bool add_above(const tpe *self, const dozan_problem *problem, const dozan_ask *ask,
                      size_t below, model *made)
{
    const double **pending = NULL;
    size_t pending_count = 0;
    size_t sampled = self->sample->reservoir.count;
    bool *left_out = calloc(sampled + 1, sizeof(*left_out));
    bool ok =
        left_out != NULL && dz_pending_points(problem, ask, MAX_PENDING, &pending, &pending_count);
    if (ok) {
        made->above = dz_parzen_create(self->axes.axes, self->axes.count, sampled + pending_count);
        ok = made->above != NULL;
    }
    if (ok) {
        leave_out_below(self, below, left_out);
        dz_parzen_add_sample(made->above, self->sample, left_out);
        for (size_t i = 0; i < pending_count; i++) {
            dz_axes_mask(problem->space, pending[i], made->masked);
            dz_parzen_add(made->above, made->masked, 1);
        }
    }
    free(pending);
    free(left_out);
    return ok;
}

static void leave_out_below(const tpe *self, size_t below, bool *left_out)
{
    for (size_t s = 0; s < self->sample->reservoir.count; s++) {
        for (size_t i = 0; i < below && !left_out[s]; i++) {
            left_out[s] = self->best[i].number == self->sample->ids[s];
        }
    }
}

/* ---- the proposal ---------------------------------------------------------------------------- */

/* Puts the free candidate with the largest l/g into `point`; false when the space has no free point
 * left. */
static bool propose(const tpe *self, const dozan_problem *problem, const dozan_ask *ask,
                    model *made, dozan_rng *rng, double *point)
{
    bool found = false;
    for (int attempt = 0; attempt < ATTEMPTS && !found; attempt++) {
        double best = -INFINITY;
        for (int64_t c = 0; c < self->options.candidates; c++) {
            dz_parzen_draw(made->below, rng, made->candidate);
            found |= keep_better(problem, ask, made, &best, point);
        }
    }
    return found || best_free(problem, ask, made, rng, point);
}

/* The best of some random free points: for a space that is nearly used up. */
static bool best_free(const dozan_problem *problem, const dozan_ask *ask, model *made,
                      dozan_rng *rng, double *point)
{
    double best = -INFINITY;
    bool found = false;
    for (int c = 0; c < FREE_CANDIDATES; c++) {
        if (!dozan_random_free_point(problem, ask, rng, made->candidate)) {
            return found;
        }
        found |= keep_better(problem, ask, made, &best, point);
    }
    return found;
}

/* log l/g of the candidate. */
static double score(const dozan_problem *problem, model *made)
{
    dz_axes_mask(problem->space, made->candidate, made->masked);
    return dz_parzen_log(made->below, made->masked) - dz_parzen_log(made->above, made->masked);
}

/* Copies the candidate, snapped, into `point` when it is free and better than *best. Snapping costs
 * more than scoring, so only the better ones are. */
static bool keep_better(const dozan_problem *problem, const dozan_ask *ask, model *made,
                        double *best, double *point)
{
    double value = score(problem, made);
    if (!(value > *best)) {
        return false;
    }
    dozan_space_snap(problem->space, made->candidate);
    if (dozan_point_taken(problem, ask, made->candidate)) {
        return false;
    }
    *best = value;
    memcpy(point, made->candidate, dozan_space_dimensions(problem->space) * sizeof(*point));
    return true;
}

#define STARTUP_TRIALS                                                                             \
    {                                                                                              \
        .name = "n_startup_trials", .type = DOZAN_SETTING_INT, .default_text = "10", .min = "0",   \
        .max = "1000000000",                                                                       \
        .help = "How many trials are random at the start, and further ones while fewer than half " \
                "as many have ended."                                                              \
    }

static const dozan_setting tpe_settings[] = {
    DZ_SETTING_RANDOM_STATE,
    STARTUP_TRIALS,
    {.name = "gamma",
     .type = DOZAN_SETTING_DOUBLE,
     .default_text = "0.25",
     .min = "0",
     .max = "1",
     .min_exclusive = true,
     .max_exclusive = true,
     .help = "The share of the results that counts as good, the more the better each is; never "
             "more than 25 results. As in the paper, where hyperopt takes gamma * sqrt(n) of n "
             "results, which finds less."},
    {.name = "prior_weight",
     .type = DOZAN_SETTING_DOUBLE,
     .default_text = "1.0",
     .min = "0",
     .min_exclusive = true,
     .help = "Weight of the parameter's own distribution in the densities; a trial's is 1, or 1 on "
             "average among the good ones."},
    {.name = "n_EI_candidates",
     .type = DOZAN_SETTING_INT,
     .default_text = "24",
     .min = "0",
     .max = "100000",
     .min_exclusive = true,
     .help = "How many candidates are drawn from the density of the good trials."},
    {.name = "n_ei_candidates",
     .type = DOZAN_SETTING_INT,
     .min = "1",
     .max = "100000",
     .help = "Optuna's spelling of n_EI_candidates; takes its place when given."},
};

static const dozan_setting multivariate_tpe_settings[] = {
    DZ_SETTING_RANDOM_STATE,
    STARTUP_TRIALS,
    {.name = "n_ei_candidates",
     .type = DOZAN_SETTING_INT,
     .default_text = "24",
     .min = "1",
     .max = "100000",
     .help = "How many candidates are drawn from the density of the good trials."},
};

static const char limits[] =
    "A slanted valley is followed slowly, since kernels lie along the axes. Of more than 537 "
    "results the density of the others is built from a sample. Points repeat only when the space "
    "is used up.";

const dozan_algorithm dz_tpe = {
    .abi = DOZAN_ALGORITHM_ABI,
    .name = "tpe",
    .kind = DOZAN_KIND_SEARCH,
    .summary =
        "Models where the good trials are, and tries more there: robust in any space, with any "
        "number of trials, and fast.",
    .reference =
        "J. Bergstra, R. Bardenet, Y. Bengio, B. Kegl: Algorithms for hyper-parameter "
        "optimization. NIPS 2011; with joint kernels as in S. Falkner, A. Klein, F. Hutter: "
        "BOHB. ICML 2018, and the best of the good trials weighted as in CMA-ES "
        "(N. Hansen, arXiv 1604.00772)",
    .limits = limits,
    .settings = tpe_settings,
    .setting_count = DZ_COUNT(tpe_settings),
    .validate = validate_tpe,
    .create = create_tpe,
    .destroy = destroy_tpe,
    .tell = tell_tpe,
    .ask = ask_tpe,
};

const dozan_algorithm dz_multivariate_tpe = {
    .abi = DOZAN_ALGORITHM_ABI,
    .name = "multivariate-tpe",
    .kind = DOZAN_KIND_SEARCH,
    .summary = "The same as tpe, which is joint over all parameters already, with the settings "
               "that Katib has for this name.",
    .reference =
        "S. Falkner, A. Klein, F. Hutter: BOHB: robust and efficient hyperparameter optimization "
        "at scale. ICML 2018; S. Watanabe: Tree-structured Parzen estimator. arXiv 2304.11127",
    .limits = limits,
    .settings = multivariate_tpe_settings,
    .setting_count = DZ_COUNT(multivariate_tpe_settings),
    .create = create_multivariate_tpe,
    .destroy = destroy_tpe,
    .tell = tell_tpe,
    .ask = ask_tpe,
};
