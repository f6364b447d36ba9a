/*
 * The tree-structured Parzen estimator for several objectives and constraints (motpe).
 *
 * As in tpe.c, trials are split into the good ones, with density l, and all others, with density g,
 * and of some candidates drawn from l the one with the largest l/g is tried next. What is good is
 * decided by fronts: whole fronts of non-dominated trials in their order, and of the front that is
 * too large the trials that together dominate the most (numerics/hypervolume.h). Constraints are
 * Deb's rules, so that while few trials are feasible, those that break the constraints least are
 * good, as in c-TPE. A good trial counts the more in l, the more hypervolume it alone adds.
 *
 * An ask takes the same time however long the history is: tell keeps an archive of the best trials,
 * at most MAX_ARCHIVE by (front, crowding distance), and of all a uniform sample of at most
 * MAX_SAMPLE. A trial that left the archive never counts as good again.
 */
#include "axes.h"
#include "common.h"
#include "numerics/hypervolume.h"
#include "numerics/nondominated.h"
#include "numerics/parzen.h"
#include "numerics/sorted_sample.h"
#include "outcome.h"
#include "table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_ARCHIVE = 128,
    MAX_GOOD = 25,
    MAX_SAMPLE = 512,
    MAX_PENDING = 256,
    ATTEMPTS = 8,
    FREE_CANDIDATES = 24
};

/* What a good trial's kernel weighs at most; at least it weighs 1, as the prior does. */
static const double MOST_WEIGHT = 4;

typedef struct motpe {
    dz_axes axes;
    size_t objectives;
    size_t ended;  /* trials that ended with a result, good or bad */
    size_t usable; /* of them with losses */
    size_t count;  /* of the archive, in the order of their end */
    int64_t numbers[MAX_ARCHIVE + 1];
    double violations[MAX_ARCHIVE + 1];
    double *losses;           /* [MAX_ARCHIVE + 1][objectives] */
    dz_sorted_sample *sample; /* of all that ended */
    double *point;            /* [dimensions]: room for tell */
} motpe;

/* The good trials of one ask: places in the archive, and weights of 1 at most. */
typedef struct good_trials {
    size_t places[MAX_GOOD];
    double weights[MAX_GOOD];
    size_t count;
} good_trials;

typedef struct model {
    dz_parzen *good;
    dz_parzen *others;
    double *candidate; /* [dimensions], snapped */
    double *masked;    /* [dimensions], with NaN where the candidate is inactive */
} model;

static dozan_status no_memory(dozan_error *err);
static bool drop_last(motpe *self);
static bool find_last(const motpe *self, const size_t *fronts, size_t *last);
static bool choose_good(const motpe *self, const dozan_problem *problem, good_trials *good);
static bool choose_of_front(const motpe *self, const dozan_problem *problem, const size_t *members,
                            size_t count, size_t wanted, good_trials *good);
static bool weigh(const motpe *self, const dozan_problem *problem, good_trials *good);
static void scale_losses(const motpe *self, const size_t *places, size_t count, double *losses,
                         double *reference);
static bool build_model(const motpe *self, const dozan_problem *problem, const dozan_ask *ask,
                        model *made);
static void destroy_model(model *made);
static bool add_good(const motpe *self, const dozan_problem *problem, const good_trials *good,
                     model *made);
static bool add_others(const motpe *self, const dozan_problem *problem, const dozan_ask *ask,
                       const good_trials *good, model *made);
static bool is_good(const motpe *self, const good_trials *good, int64_t number);
static bool propose(const dozan_problem *problem, const dozan_ask *ask, model *made, dozan_rng *rng,
                    double *point);
static bool keep_better(const dozan_problem *problem, const dozan_ask *ask, model *made,
                        double *best, double *point);

static void destroy_motpe(void *self)
{
    motpe *state = self;
    if (state != NULL) {
        dz_axes_fini(&state->axes);
        dz_sorted_sample_destroy(state->sample);
        free(state->point);
        free(state->losses);
        free(state);
    }
}

static dozan_status create_motpe(const dozan_problem *problem, void **self, dozan_error *err)
{
    motpe *state = calloc(1, sizeof(*state));
    if (state == NULL) {
        return no_memory(err);
    }
    state->objectives = problem->objective_count;
    state->losses = calloc((MAX_ARCHIVE + 1) * state->objectives, sizeof(*state->losses));
    if (state->losses != NULL && dz_axes_init(&state->axes, problem->space)) {
        uint64_t seed = dozan_hash_words(problem->seed, dozan_hash_text("motpe.sample"));
        state->sample = dz_sorted_sample_create(state->axes.count, MAX_SAMPLE + MAX_ARCHIVE, seed);
        state->point = calloc(state->axes.count + 1, sizeof(*state->point));
    }
    if (state->sample == NULL || state->point == NULL) {
        destroy_motpe(state);
        return no_memory(err);
    }
    *self = state;
    return DOZAN_OK;
}

static dozan_status tell_motpe(void *self, const dozan_problem *problem, const dozan_event *event,
                               dozan_error *err)
{
    motpe *state = self;
    if (!dz_event_is_result(event)) {
        return DOZAN_OK;
    }
    double *losses = state->losses + state->count * state->objectives;
    double violation = dz_outcome_read(problem, event->trial, losses);
    state->ended++;
    dz_axes_mask(problem->space, event->trial->point, state->point);
    dz_sorted_sample_add(state->sample, event->trial->number, state->point);
    if (isinf(violation)) {
        return DOZAN_OK;
    }
    state->usable++;
    state->numbers[state->count] = event->trial->number;
    state->violations[state->count++] = violation;
    return state->count <= MAX_ARCHIVE || drop_last(state) ? DOZAN_OK : no_memory(err);
}

static dozan_status ask_motpe(const void *self, const dozan_problem *problem, const dozan_ask *ask,
                              dozan_answer *answer, dozan_error *err)
{
    const motpe *state = self;
    dozan_rng rng = dozan_rng_stream(problem->seed, "motpe", (uint64_t)ask->trial);
    answer->kind = DOZAN_ANSWER_POINT;
    bool found = false;
    if ((int64_t)state->ended < dozan_setting_int(problem->settings, "n_startup_trials")) {
        found = dozan_random_free_point(problem, ask, &rng, answer->point);
    } else {
        model made = {0};
        if (!build_model(state, problem, ask, &made)) {
            return no_memory(err);
        }
        found = propose(problem, ask, &made, &rng, answer->point);
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

/* ---- the archive ----------------------------------------------------------------------------- */

static bool drop_last(motpe *self)
{
    size_t fronts[MAX_ARCHIVE + 1];
    size_t last = 0;
    if (!dz_nondominated_fronts(self->losses, self->violations, self->count, self->objectives,
                                fronts) ||
        !find_last(self, fronts, &last)) {
        return false;
    }
    size_t after = self->count - last - 1;
    size_t width = self->objectives;
    memmove(self->numbers + last, self->numbers + last + 1, after * sizeof(*self->numbers));
    memmove(self->violations + last, self->violations + last + 1,
            after * sizeof(*self->violations));
    memmove(self->losses + last * width, self->losses + (last + 1) * width,
            after * width * sizeof(*self->losses));
    self->count--;
    return true;
}

/* The trial of the last front in the thickest crowd; of equal ones the latest. */
static bool find_last(const motpe *self, const size_t *fronts, size_t *last)
{
    size_t members[MAX_ARCHIVE + 1];
    double distances[MAX_ARCHIVE + 1];
    size_t front = 0;
    size_t count = 0;
    for (size_t i = 0; i < self->count; i++) {
        count = fronts[i] > front ? 0 : count;
        front = fronts[i] > front ? fronts[i] : front;
        if (fronts[i] == front) {
            members[count++] = i;
        }
    }
    if (!dz_crowding_distances(self->losses, self->objectives, members, count, distances)) {
        return false;
    }
    size_t thickest = count - 1;
    for (size_t i = count - 1; i-- > 0;) {
        thickest = distances[i] < distances[thickest] ? i : thickest;
    }
    *last = members[thickest];
    return true;
}

/* ---- what is good ---------------------------------------------------------------------------- */

/* A tenth of the trials, as in Optuna. */
static bool choose_good(const motpe *self, const dozan_problem *problem, good_trials *good)
{
    double tenth = ceil(0.1 * (double)self->usable);
    size_t wanted = tenth < MAX_GOOD ? (size_t)tenth : MAX_GOOD;
    size_t fronts[MAX_ARCHIVE + 1];
    size_t members[MAX_ARCHIVE + 1];
    if (!dz_nondominated_fronts(self->losses, self->violations, self->count, self->objectives,
                                fronts)) {
        return false;
    }
    for (size_t front = 0; good->count < wanted; front++) {
        size_t count = 0;
        for (size_t i = 0; i < self->count; i++) {
            if (fronts[i] == front) {
                members[count++] = i;
            }
        }
        if (!choose_of_front(self, problem, members, count, wanted - good->count, good)) {
            return false;
        }
    }
    return weigh(self, problem, good);
}

/* Adds all of a front, or `wanted` of it. */
static bool choose_of_front(const motpe *self, const dozan_problem *problem, const size_t *members,
                            size_t count, size_t wanted, good_trials *good)
{
    if (count <= wanted) {
        memcpy(good->places + good->count, members, count * sizeof(*members));
        good->count += count;
        return true;
    }
    size_t chosen[MAX_GOOD];
    double *losses = malloc((count + 1) * self->objectives * sizeof(*losses));
    bool done = losses != NULL;
    if (done) {
        double *reference = losses + count * self->objectives;
        dz_front front = {losses, count, self->objectives, reference, problem->seed};
        scale_losses(self, members, count, losses, reference);
        done = dz_hypervolume_select(&front, wanted, chosen);
    }
    for (size_t i = 0; i < wanted && done; i++) {
        good->places[good->count++] = members[chosen[i]];
    }
    free(losses);
    return done;
}

/* The hypervolume that each of the feasible good trials adds, in parts of the largest. */
static bool weigh(const motpe *self, const dozan_problem *problem, good_trials *good)
{
    double *losses = malloc((MAX_GOOD + 1) * self->objectives * sizeof(*losses));
    bool done = losses != NULL;
    bool feasible = true;
    for (size_t i = 0; i < good->count; i++) {
        good->weights[i] = 1;
        feasible &= !(self->violations[good->places[i]] > 0);
    }
    if (done && feasible && self->objectives > 1) {
        double *reference = losses + good->count * self->objectives;
        dz_front front = {losses, good->count, self->objectives, reference, problem->seed};
        double added[MAX_GOOD];
        scale_losses(self, good->places, good->count, losses, reference);
        done = dz_hypervolume_contributions(&front, added);
        double largest = 0;
        for (size_t i = 0; i < good->count && done; i++) {
            largest = fmax(largest, added[i]);
        }
        for (size_t i = 0; i < good->count && largest > 0; i++) {
            good->weights[i] = added[i] / largest;
        }
    }
    free(losses);
    return done;
}

/* Losses in parts of their range among the given trials, and a reference a tenth beyond the worst.
 */
static void scale_losses(const motpe *self, const size_t *places, size_t count, double *losses,
                         double *reference)
{
    for (size_t j = 0; j < self->objectives; j++) {
        double least = INFINITY;
        double most = -INFINITY;
        for (size_t i = 0; i < count; i++) {
            double loss = self->losses[places[i] * self->objectives + j];
            least = fmin(least, loss);
            most = fmax(most, loss);
        }
        double range = most > least ? most - least : 1;
        for (size_t i = 0; i < count; i++) {
            double loss = self->losses[places[i] * self->objectives + j];
            losses[i * self->objectives + j] = (loss - least) / range;
        }
        reference[j] = (most - least) / range + 0.1;
    }
}

/* ---- the densities --------------------------------------------------------------------------- */

static bool build_model(const motpe *self, const dozan_problem *problem, const dozan_ask *ask,
                        model *made)
{
    size_t dims = self->axes.count;
    good_trials good = {.count = 0};
    made->candidate = calloc(dims + 1, sizeof(*made->candidate));
    made->masked = calloc(dims + 1, sizeof(*made->masked));
    if (made->candidate == NULL || made->masked == NULL || !choose_good(self, problem, &good) ||
        !add_good(self, problem, &good, made) || !add_others(self, problem, ask, &good, made)) {
        destroy_model(made);
        return false;
    }
    dz_parzen_settle(made->good, 1);
    dz_parzen_settle(made->others, 1);
    return true;
}

static void destroy_model(model *made)
{
    dz_parzen_destroy(made->good);
    dz_parzen_destroy(made->others);
    free(made->candidate);
    free(made->masked);
    *made = (model){0};
}

static bool add_good(const motpe *self, const dozan_problem *problem, const good_trials *good,
                     model *made)
{
    made->good = dz_parzen_create(self->axes.axes, self->axes.count, good->count);
    for (size_t i = 0; i < good->count && made->good != NULL; i++) {
        int64_t number = self->numbers[good->places[i]];
        dz_axes_mask(problem->space, dozan_history_find(problem->history, number)->point,
                     made->masked);
        dz_parzen_add(made->good, made->masked, 1 + good->weights[i] * (MOST_WEIGHT - 1));
    }
    return made->good != NULL;
}

/* The sample of the ended trials less the good ones, and the pending ones. */
static bool add_others(const motpe *self, const dozan_problem *problem, const dozan_ask *ask,
                       const good_trials *good, model *made)
{
    const double **pending = NULL;
    size_t pending_count = 0;
    size_t sampled = self->sample->reservoir.count;
    bool *left_out = calloc(sampled + 1, sizeof(*left_out));
    if (left_out != NULL &&
        dz_pending_points(problem, ask, MAX_PENDING, &pending, &pending_count)) {
        made->others = dz_parzen_create(self->axes.axes, self->axes.count, sampled + pending_count);
    }
    if (made->others != NULL) {
        for (size_t s = 0; s < sampled; s++) {
            left_out[s] = is_good(self, good, self->sample->ids[s]);
        }
        dz_parzen_add_sample(made->others, self->sample, left_out);
        for (size_t i = 0; i < pending_count; i++) {
            dz_axes_mask(problem->space, pending[i], made->masked);
            dz_parzen_add(made->others, made->masked, 1);
        }
    }
    free(pending);
    free(left_out);
    return made->others != NULL;
}

static bool is_good(const motpe *self, const good_trials *good, int64_t number)
{
    for (size_t i = 0; i < good->count; i++) {
        if (self->numbers[good->places[i]] == number) {
            return true;
        }
    }
    return false;
}

/* ---- the candidates -------------------------------------------------------------------------- */

/* Puts the free candidate with the largest l/g into `point`; in a space that is nearly used up, the
 * best of some free points. False when there is none. */
static bool propose(const dozan_problem *problem, const dozan_ask *ask, model *made, dozan_rng *rng,
                    double *point)
{
    int64_t candidates = dozan_setting_int(problem->settings, "n_ei_candidates");
    double best = -INFINITY;
    bool found = false;
    for (int attempt = 0; attempt < ATTEMPTS && !found; attempt++) {
        for (int64_t c = 0; c < candidates; c++) {
            dz_parzen_draw(made->good, rng, made->candidate);
            found |= keep_better(problem, ask, made, &best, point);
        }
    }
    for (int c = 0; c < FREE_CANDIDATES && !found; c++) {
        if (!dozan_random_free_point(problem, ask, rng, made->candidate)) {
            break;
        }
        found |= keep_better(problem, ask, made, &best, point);
    }
    return found;
}

/* Copies the candidate, snapped, into `point` when it is free and better than *best, its log l/g.
 * Snapping costs more than scoring, so only the better ones are. */
static bool keep_better(const dozan_problem *problem, const dozan_ask *ask, model *made,
                        double *best, double *point)
{
    dz_axes_mask(problem->space, made->candidate, made->masked);
    double score =
        dz_parzen_log(made->good, made->masked) - dz_parzen_log(made->others, made->masked);
    if (!(score > *best)) {
        return false;
    }
    dozan_space_snap(problem->space, made->candidate);
    if (dozan_point_taken(problem, ask, made->candidate)) {
        return false;
    }
    *best = score;
    memcpy(point, made->candidate, dozan_space_dimensions(problem->space) * sizeof(*point));
    return true;
}

static const dozan_setting settings[] = {
    DZ_SETTING_RANDOM_STATE,
    {.name = "n_startup_trials",
     .type = DOZAN_SETTING_INT,
     .default_text = "10",
     .min = "0",
     .max = "1000000000",
     .help = "How many trials must have ended before the densities are used; until then trials are "
             "random."},
    {.name = "n_ei_candidates",
     .type = DOZAN_SETTING_INT,
     .default_text = "24",
     .min = "1",
     .max = "1000",
     .help = "How many candidates are drawn for each trial."},
};

const dozan_algorithm dz_motpe = {
    .abi = DOZAN_ALGORITHM_ABI,
    .name = "motpe",
    .kind = DOZAN_KIND_SEARCH,
    .traits = DOZAN_MANY_OBJECTIVES,
    .summary =
        "Models where the trials on the Pareto front lie: for several objectives with constraints, "
        "mixed spaces, and an ask that is fast however many trials there are.",
    .reference =
        "Y. Ozaki, Y. Tanigaki, S. Watanabe, M. Onishi: Multiobjective tree-structured Parzen "
        "estimator for computationally expensive optimization problems. GECCO 2020; S. Watanabe, "
        "F. Hutter: c-TPE. IJCAI 2023",
    .limits = "Chooses the good trials from an archive of the best 128, and knows of all others a "
              "uniform sample of 512. With more than three objectives hypervolumes are estimates. "
              "With few, expensive trials mobo finds more. Points repeat only when the space is "
              "used up.",
    .settings = settings,
    .setting_count = DZ_COUNT(settings),
    .create = create_motpe,
    .destroy = destroy_motpe,
    .tell = tell_motpe,
    .ask = ask_motpe,
};
