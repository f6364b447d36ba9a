/*
 * The tree-structured Parzen estimator (tpe), and its form with joint kernels (multivariate-tpe).
 *
 * The trials are split into the few best ones, with density l, and all others, with density g; of
 * some candidates drawn from l the one with the largest l/g is tried next. Pending trials count as
 * others, so a batch spreads out, and so do trials that failed, that ended without an objective or
 * whose objective is NaN or infinitely bad, so the search leaves regions that fail.
 *
 * An ask takes the same time however long the history is: tell keeps the best trials sorted (never
 * more than MAX_BELOW), and of the others a uniform sample of at most MAX_SAMPLE, which stands for
 * them in g.
 */
#include "axes.h"
#include "common.h"
#include "numerics/parzen.h"
#include "numerics/reservoir.h"
#include "table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_BELOW = 25, MAX_SAMPLE = 512, MAX_PENDING = 256, ATTEMPTS = 8, FREE_CANDIDATES = 24 };

typedef struct ranked_trial {
    double loss;
    int64_t number;
} ranked_trial;

typedef struct tpe {
    dz_parzen_rule rule;
    dz_axes axes;
    size_t usable;                /* trials that ended with a usable objective */
    size_t ended;                 /* those, and the ones that failed */
    ranked_trial best[MAX_BELOW]; /* of the usable ones, the best first */
    size_t best_count;
    dz_reservoir sample; /* of all that ended */
    dz_reservoir_item items[MAX_SAMPLE + MAX_BELOW];
} tpe;

/* The densities of one ask, and the room for its points. */
typedef struct model {
    dz_parzen *below;
    dz_parzen *above;
    double *candidate; /* unit[dimensions] */
} model;

static dozan_status create_tpe(const dozan_problem *problem, dz_parzen_rule rule, void **self,
                               dozan_error *err);
static void rank_trial(tpe *self, const dozan_trial *trial);
static size_t below_count(const tpe *self, const dozan_problem *problem);
static int64_t candidate_count(const dozan_problem *problem);
static dozan_status build_model(const tpe *self, const dozan_problem *problem, const dozan_ask *ask,
                                model *made, dozan_error *err);
static void destroy_model(model *made);
static const double **collect_others(const tpe *self, const dozan_problem *problem,
                                     const dozan_ask *ask, size_t below, size_t *count);
static bool is_good(const tpe *self, size_t below, int64_t number);
static bool propose(const tpe *self, const dozan_problem *problem, const dozan_ask *ask,
                    model *made, dozan_rng *rng, double *point);
static bool best_joint(const dozan_problem *problem, const dozan_ask *ask, model *made,
                       dozan_rng *rng, double *point);
static bool best_by_axis(const tpe *self, const dozan_problem *problem, const dozan_ask *ask,
                         const model *made, dozan_rng *rng, double *point);
static bool best_free(const dozan_problem *problem, const dozan_ask *ask, model *made,
                      dozan_rng *rng, double *point);
static bool keep_better(const dozan_problem *problem, const dozan_ask *ask, const model *made,
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

static dozan_status create_axes(const dozan_problem *problem, void **self, dozan_error *err)
{
    return create_tpe(problem, DZ_PARZEN_AXES, self, err);
}

static dozan_status create_joint(const dozan_problem *problem, void **self, dozan_error *err)
{
    return create_tpe(problem, DZ_PARZEN_JOINT, self, err);
}

static dozan_status create_tpe(const dozan_problem *problem, dz_parzen_rule rule, void **self,
                               dozan_error *err)
{
    tpe *state = calloc(1, sizeof(*state));
    if (state == NULL || !dz_axes_init(&state->axes, problem->space)) {
        free(state);
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "no memory for the densities");
    }
    state->rule = rule;
    state->sample =
        (dz_reservoir){.items = state->items,
                       .capacity = DZ_COUNT(state->items),
                       .seed = dozan_hash_words(problem->seed, dozan_hash_text("tpe.sample"))};
    *self = state;
    return DOZAN_OK;
}

static void destroy_tpe(void *self)
{
    tpe *state = self;
    if (state != NULL) {
        dz_axes_fini(&state->axes);
        free(state);
    }
}

static dozan_status tell_tpe(void *self, const dozan_problem *problem, const dozan_event *event,
                             dozan_error *err)
{
    (void)problem;
    (void)err;
    if (!dz_event_is_result(event)) {
        return DOZAN_OK;
    }
    tpe *state = self;
    state->ended++;
    dz_reservoir_add(&state->sample, event->trial->number);
    if (dz_trial_is_usable(event->trial)) {
        state->usable++;
        rank_trial(state, event->trial);
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
    if ((int64_t)state->ended < dozan_setting_int(problem->settings, "n_startup_trials")) {
        found = dozan_random_free_point(problem, ask, &rng, answer->point);
    } else {
        model made = {0};
        dozan_status status = build_model(state, problem, ask, &made, err);
        if (status != DOZAN_OK) {
            return status;
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

/* Puts a trial into the sorted best; of equal losses the one that ended first is the better. */
static void rank_trial(tpe *self, const dozan_trial *trial)
{
    size_t at = self->best_count;
    while (at > 0 && trial->loss < self->best[at - 1].loss) {
        at--;
    }
    if (at == MAX_BELOW) {
        return;
    }
    size_t kept = self->best_count < MAX_BELOW ? self->best_count : MAX_BELOW - 1;
    memmove(&self->best[at + 1], &self->best[at], (kept - at) * sizeof(self->best[0]));
    self->best[at] = (ranked_trial){trial->loss, trial->number};
    self->best_count = kept + 1;
}

/* How many trials are good: Optuna's n / 10, or hyperopt's gamma * sqrt(n) when gamma is given; at
 * most MAX_BELOW. */
static size_t below_count(const tpe *self, const dozan_problem *problem)
{
    double n = (double)self->usable;
    double count = ceil(0.1 * n);
    if (self->rule == DZ_PARZEN_AXES && dozan_setting_is_set(problem->settings, "gamma")) {
        count = ceil(dozan_setting_double(problem->settings, "gamma") * sqrt(n));
    }
    return count < (double)self->best_count ? (size_t)count : self->best_count;
}

static int64_t candidate_count(const dozan_problem *problem)
{
    bool optuna = dozan_setting_is_set(problem->settings, "n_ei_candidates");
    return dozan_setting_int(problem->settings, optuna ? "n_ei_candidates" : "n_EI_candidates");
}

static dozan_status build_model(const tpe *self, const dozan_problem *problem, const dozan_ask *ask,
                                model *made, dozan_error *err)
{
    bool joint = self->rule == DZ_PARZEN_JOINT;
    double prior = joint ? 1.0 : dozan_setting_double(problem->settings, "prior_weight");
    size_t dims = self->axes.count;
    size_t below = below_count(self, problem);
    size_t above = 0;
    const double **good = calloc(MAX_BELOW, sizeof(*good));
    const double **others = collect_others(self, problem, ask, below, &above);
    made->candidate = calloc(dims + 1, sizeof(*made->candidate));
    if (good != NULL && others != NULL) {
        for (size_t i = 0; i < below; i++) {
            good[i] = dozan_history_find(problem->history, self->best[i].number)->point;
        }
        made->below = dz_parzen_create(self->axes.axes, dims, good, below, prior, self->rule);
        made->above = dz_parzen_create(self->axes.axes, dims, others, above, prior, self->rule);
    }
    free(good);
    free(others);
    if (made->below == NULL || made->above == NULL || made->candidate == NULL) {
        destroy_model(made);
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "no memory for the densities");
    }
    return DOZAN_OK;
}

static void destroy_model(model *made)
{
    dz_parzen_destroy(made->below);
    dz_parzen_destroy(made->above);
    free(made->candidate);
    *made = (model){0};
}

/* The sample of the ended trials less the good ones, and the pending ones. NULL when there is no
 * memory. */
static const double **collect_others(const tpe *self, const dozan_problem *problem,
                                     const dozan_ask *ask, size_t below, size_t *count)
{
    const double **pending = NULL;
    size_t pending_count = 0;
    if (!dz_pending_points(problem, ask, MAX_PENDING, &pending, &pending_count)) {
        return NULL;
    }
    const double **points = malloc((self->sample.count + pending_count + 1) * sizeof(*points));
    for (size_t i = 0; i < self->sample.count && points != NULL; i++) {
        if (!is_good(self, below, self->items[i].id)) {
            points[(*count)++] = dozan_history_find(problem->history, self->items[i].id)->point;
        }
    }
    if (points != NULL) {
        memcpy(points + *count, pending, pending_count * sizeof(*points));
        *count += pending_count;
    }
    free(pending);
    return points;
}

static bool is_good(const tpe *self, size_t below, int64_t number)
{
    for (size_t i = 0; i < below; i++) {
        if (self->best[i].number == number) {
            return true;
        }
    }
    return false;
}

/* Puts a free point into `point`; false when the space has none. */
static bool propose(const tpe *self, const dozan_problem *problem, const dozan_ask *ask,
                    model *made, dozan_rng *rng, double *point)
{
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        bool found = self->rule == DZ_PARZEN_JOINT
                         ? best_joint(problem, ask, made, rng, point)
                         : best_by_axis(self, problem, ask, made, rng, point);
        if (found) {
            return true;
        }
    }
    return best_free(problem, ask, made, rng, point);
}

/* The candidate with the largest l/g among those that are free. */
static bool best_joint(const dozan_problem *problem, const dozan_ask *ask, model *made,
                       dozan_rng *rng, double *point)
{
    int64_t candidates = candidate_count(problem);
    double best = -INFINITY;
    bool found = false;
    for (int64_t c = 0; c < candidates; c++) {
        dz_parzen_draw(made->below, rng, made->candidate);
        dozan_space_snap(problem->space, made->candidate);
        found |= keep_better(problem, ask, made, &best, point);
    }
    return found;
}

/* On each axis the candidate coordinate with the largest l/g. False when the point that they make
 * is taken. */
static bool best_by_axis(const tpe *self, const dozan_problem *problem, const dozan_ask *ask,
                         const model *made, dozan_rng *rng, double *point)
{
    int64_t candidates = candidate_count(problem);
    for (size_t a = 0; a < self->axes.count; a++) {
        double best = -INFINITY;
        point[a] = 0.5;
        for (int64_t c = 0; c < candidates; c++) {
            double u = dz_parzen_axis_draw(made->below, a, rng);
            double score =
                dz_parzen_axis_log(made->below, a, u) - dz_parzen_axis_log(made->above, a, u);
            if (score > best) {
                best = score;
                point[a] = u;
            }
        }
    }
    dozan_space_snap(problem->space, point);
    return !dozan_point_taken(problem, ask, point);
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

/* Copies the candidate into `point` when it is free and better than *best, its log l/g. */
static bool keep_better(const dozan_problem *problem, const dozan_ask *ask, const model *made,
                        double *best, double *point)
{
    double score =
        dz_parzen_log(made->below, made->candidate) - dz_parzen_log(made->above, made->candidate);
    if (!(score > *best) || dozan_point_taken(problem, ask, made->candidate)) {
        return false;
    }
    *best = score;
    memcpy(point, made->candidate, dozan_space_dimensions(problem->space) * sizeof(*point));
    return true;
}

#define TPE_COMMON_SETTINGS                                                                        \
    DZ_SETTING_RANDOM_STATE,                                                                       \
    {                                                                                              \
        .name = "n_startup_trials", .type = DOZAN_SETTING_INT, .default_text = "10", .min = "0",   \
        .max = "1000000000",                                                                       \
        .help = "How many trials must have ended before the densities are used; until then "       \
                "trials are random."                                                               \
    }

static const dozan_setting tpe_settings[] = {
    TPE_COMMON_SETTINGS,
    {.name = "gamma",
     .type = DOZAN_SETTING_DOUBLE,
     .min = "0",
     .max = "1",
     .min_exclusive = true,
     .max_exclusive = true,
     .help = "Of n results the best gamma * sqrt(n) count as good, as in hyperopt, whose default "
             "is 0.25; when it is not "
             "given n / 10 do, as in Optuna, which finds more. At most 25."},
    {.name = "prior_weight",
     .type = DOZAN_SETTING_DOUBLE,
     .default_text = "1.0",
     .min = "0",
     .min_exclusive = true,
     .help = "Weight of the parameter's own distribution in the densities; a trial has weight 1."},
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

static const dozan_setting multivariate_settings[] = {
    TPE_COMMON_SETTINGS,
    {.name = "n_ei_candidates",
     .type = DOZAN_SETTING_INT,
     .default_text = "24",
     .min = "1",
     .max = "100000",
     .help = "How many candidates are drawn from the density of the good trials."},
};

const dozan_algorithm dz_tpe = {
    .abi = DOZAN_ALGORITHM_ABI,
    .name = "tpe",
    .kind = DOZAN_KIND_SEARCH,
    .summary =
        "Models where the good trials are, parameter by parameter, and tries more there: robust in "
        "any space, with any number of trials, and fast.",
    .reference =
        "J. Bergstra, R. Bardenet, Y. Bengio, B. Kegl: Algorithms for hyper-parameter "
        "optimization. NIPS 2011; J. Bergstra, D. Yamins, D. Cox: Making a science of model "
        "search. ICML 2013",
    .limits =
        "Takes the parameters as independent; multivariate-tpe does not. From 512 results on the "
        "density of the others is built from a sample of them. Points repeat only when the space "
        "is "
        "used up.",
    .settings = tpe_settings,
    .setting_count = DZ_COUNT(tpe_settings),
    .validate = validate_tpe,
    .create = create_axes,
    .destroy = destroy_tpe,
    .tell = tell_tpe,
    .ask = ask_tpe,
};

const dozan_algorithm dz_multivariate_tpe = {
    .abi = DOZAN_ALGORITHM_ABI,
    .name = "multivariate-tpe",
    .kind = DOZAN_KIND_SEARCH,
    .summary =
        "The tree-structured Parzen estimator with joint kernels, which sees how parameters depend "
        "on one another.",
    .reference =
        "S. Falkner, A. Klein, F. Hutter: BOHB: robust and efficient hyperparameter optimization "
        "at scale. ICML 2018; S. Watanabe: Tree-structured Parzen estimator. arXiv 2304.11127",
    .limits =
        "Wants more trials than tpe in many dimensions. From 512 results on the density of the "
        "others is built from a sample of them. Points repeat only when the space is used up.",
    .settings = multivariate_settings,
    .setting_count = DZ_COUNT(multivariate_settings),
    .create = create_joint,
    .destroy = destroy_tpe,
    .tell = tell_tpe,
    .ask = ask_tpe,
};
