#include "acquisition.h"

#include "numerics/gauss.h"
#include "numerics/minimise.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    UNIFORM = 4 * DZ_GP_BATCH, /* candidates all over the space */
    AROUND = DZ_GP_BATCH / 2,  /* candidates around each incumbent */
    POLISHED = 5,              /* candidates that are improved */
    GRADIENT_EVALUATIONS = 40, /* for each of them */
    NEIGHBOUR_ROUNDS = 6,
    RELAXED_LEVELS = 32 /* a quantised dimension of more levels takes part in the gradient search */
};

static const double KAPPA = 1.96;
static const double LEAST_IMPROVEMENT = 0.01;

typedef struct scored {
    double score;
    size_t index;
} scored;

/* The candidates, with room for the polished ones behind them. */
typedef struct pool {
    const dz_acquisition_task *task;
    const dozan_space *space;
    dozan_rng *rng;
    size_t dims;
    double *points; /* [count + POLISHED][dims] */
    double *scores;
    scored *order; /* by score, the best first */
    size_t count;
    double *room;       /* [4][dims] */
    double *neighbours; /* [DZ_GP_BATCH][dims] */
} pool;

static bool allocate(pool *self);
static void release(pool *self);
static void draw_candidates(pool *self);
static void draw_around(pool *self, const double *center, size_t turn, double *point);
static void score(const pool *self, const double *points, size_t count, double *scores);
static double value_of(const dz_acquisition_task *task, double mean, double variance,
                       double *by_mean, double *by_variance);
static void sort_by_score(pool *self);
static bool polish(pool *self);
static bool is_held(const dozan_dimension *dimension);
static double relaxed_objective(const double *x, double *gradient, void *context);
static double search_neighbours(pool *self, double *point, double value);
static size_t fill_neighbours(pool *self, const double *point);
static bool pick_free(const pool *self, double *point);
static int compare_scores(const void *a, const void *b);

double dz_acquisition_value(dz_acquisition kind, double mean, double variance, double best,
                            double *by_mean, double *by_variance)
{
    double deviation = sqrt(variance);
    double z = 0;
    double slope = 0;
    switch (kind) {
    case DZ_ACQUISITION_LCB:
        *by_mean = 1;
        *by_variance = -KAPPA / (2 * deviation);
        return mean - KAPPA * deviation;
    case DZ_ACQUISITION_PI:
        z = (best - LEAST_IMPROVEMENT - mean) / deviation;
        *by_mean = 1 / deviation;
        *by_variance = z / (2 * variance);
        return -z;
    case DZ_ACQUISITION_EI:
        break;
    }
    z = (best - mean) / deviation;
    double value = -log(deviation) - dz_gauss_log_improvement(z, &slope);
    *by_mean = slope / deviation;
    *by_variance = (slope * z - 1) / (2 * variance);
    return value;
}

double dz_bound_cost(double threshold, double mean, double variance, double *by_mean,
                     double *by_variance)
{
    double deviation = sqrt(variance);
    double z = (threshold - mean) / deviation;
    double slope = 0;
    double log_probability = dz_gauss_log_cdf(z, &slope);
    *by_mean = slope / deviation;
    *by_variance = slope * z / (2 * variance);
    return -log_probability;
}

dozan_status dz_acquisition_propose(const dz_acquisition_task *task, dozan_rng *rng, double *point,
                                    bool *found, dozan_error *err)
{
    pool self = {.task = task,
                 .space = task->problem->space,
                 .rng = rng,
                 .dims = dozan_space_dimensions(task->problem->space),
                 .count = UNIFORM + AROUND * task->incumbent_count};
    bool done = allocate(&self);
    if (done) {
        draw_candidates(&self);
        sort_by_score(&self);
        done = !task->polish || polish(&self);
        *found = pick_free(&self, point) ||
                 dozan_random_free_point(task->problem, task->ask, rng, point);
    }
    release(&self);
    return done ? DOZAN_OK
                : dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL,
                                  "no memory for the candidates");
}

static bool allocate(pool *self)
{
    size_t most = self->count + POLISHED;
    self->points = calloc(most * self->dims, sizeof(*self->points));
    self->scores = calloc(most, sizeof(*self->scores));
    self->order = calloc(most, sizeof(*self->order));
    self->room = calloc(4 * self->dims, sizeof(*self->room));
    self->neighbours = calloc(DZ_GP_BATCH * self->dims, sizeof(*self->neighbours));
    return self->points != NULL && self->scores != NULL && self->order != NULL &&
           self->room != NULL && self->neighbours != NULL;
}

static void release(pool *self)
{
    free(self->points);
    free(self->scores);
    free(self->order);
    free(self->room);
    free(self->neighbours);
}

static void draw_candidates(pool *self)
{
    for (size_t i = 0; i < self->count; i++) {
        double *point = self->points + i * self->dims;
        if (i < UNIFORM) {
            dozan_random_point(self->space, self->rng, point);
        } else {
            draw_around(self,
                        self->task->x + self->task->incumbents[(i - UNIFORM) / AROUND] * self->dims,
                        i, point);
        }
    }
    score(self, self->points, self->count, self->scores);
}

/* A point near a center: some coordinates moved by one of three widths, some levels changed. */
static void draw_around(pool *self, const double *center, size_t turn, double *point)
{
    static const double widths[] = {0.1, 0.02, 0.004};
    double share = fmin(1.0, 10.0 / (double)self->dims);
    size_t always = (size_t)dozan_rng_below(self->rng, self->dims);
    memcpy(point, center, self->dims * sizeof(*point));
    for (size_t d = 0; d < self->dims; d++) {
        const dozan_dimension *dimension = dozan_space_dimension(self->space, d);
        if (d != always && dozan_rng_uniform(self->rng) >= share) {
            continue;
        }
        if (!dimension->ordered) {
            bool change = d == always || dozan_rng_below(self->rng, 4) == 0;
            point[d] = change ? dozan_rng_uniform(self->rng) : point[d];
            continue;
        }
        double move = widths[turn % 3] * dozan_rng_normal(self->rng);
        if (dimension->levels > 0) {
            move += (move < 0 ? -0.5 : 0.5) / (double)dimension->levels;
        }
        point[d] = fmin(1.0, fmax(0.0, point[d] + move));
    }
    dozan_space_snap(self->space, point);
}

static void score(const pool *self, const double *points, size_t count, double *scores)
{
    double mean[DZ_GP_BATCH];
    double variance[DZ_GP_BATCH];
    double by_mean = 0;
    double by_variance = 0;
    for (size_t start = 0; start < count; start += DZ_GP_BATCH) {
        size_t size = count - start < DZ_GP_BATCH ? count - start : DZ_GP_BATCH;
        dz_gp_predict(self->task->gp, points + start * self->dims, size, mean, variance);
        for (size_t i = 0; i < size; i++) {
            scores[start + i] = value_of(self->task, mean[i], variance[i], &by_mean, &by_variance);
        }
        for (size_t b = 0; b < self->task->bound_count; b++) {
            const dz_bound *bound = &self->task->bounds[b];
            dz_gp_predict(bound->gp, points + start * self->dims, size, mean, variance);
            for (size_t i = 0; i < size; i++) {
                scores[start + i] +=
                    dz_bound_cost(bound->threshold, mean[i], variance[i], &by_mean, &by_variance);
            }
        }
    }
}

/* The objective's part. */
static double value_of(const dz_acquisition_task *task, double mean, double variance,
                       double *by_mean, double *by_variance)
{
    if (task->best >= INFINITY) {
        *by_mean = 0;
        *by_variance = 0;
        return 0;
    }
    double value =
        dz_acquisition_value(task->kind, mean, variance, task->best, by_mean, by_variance);
    if (task->kind == DZ_ACQUISITION_PI && task->bound_count > 0) { /* so that parts add up */
        double slope = 0;
        value = -dz_gauss_log_cdf(-value, &slope);
        *by_mean *= slope;
        *by_variance *= slope;
    }
    return value;
}

static void sort_by_score(pool *self)
{
    for (size_t i = 0; i < self->count; i++) {
        self->order[i] = (scored){self->scores[i], i};
    }
    qsort(self->order, self->count, sizeof(*self->order), compare_scores);
}

/* Improves copies of the best candidates: first by gradient with the few-levelled coordinates held,
 * then over the neighbouring levels. Adds them to the pool. */
static bool polish(pool *self)
{
    double *low = self->room;
    double *high = self->room + self->dims;
    const dz_minimise_options options = {
        .low = low, .high = high, .max_evaluations = GRADIENT_EVALUATIONS, .tolerance = 1e-5};
    for (size_t s = 0; s < POLISHED; s++) {
        double *point = self->points + (self->count + s) * self->dims;
        double *value = &self->scores[self->count + s];
        memcpy(point, self->points + self->order[s].index * self->dims,
               self->dims * sizeof(*point));
        bool relaxed = false;
        for (size_t d = 0; d < self->dims; d++) {
            bool held = is_held(dozan_space_dimension(self->space, d));
            low[d] = held ? point[d] : 0;
            high[d] = held ? point[d] : 1;
            relaxed |= !held;
        }
        if (relaxed && !dz_minimise(relaxed_objective, self, self->dims, &options, point, value)) {
            return false;
        }
        dozan_space_snap(self->space, point);
        score(self, point, 1, value);
        *value = search_neighbours(self, point, *value);
    }
    self->count += POLISHED;
    sort_by_score(self);
    return true;
}

static bool is_held(const dozan_dimension *dimension)
{
    return !dimension->ordered || (dimension->levels > 0 && dimension->levels <= RELAXED_LEVELS);
}

static double relaxed_objective(const double *x, double *gradient, void *context)
{
    pool *self = context;
    double *of_mean = self->room + 2 * self->dims;
    double *of_variance = self->room + 3 * self->dims;
    double mean = 0;
    double variance = 0;
    double by_mean = 0;
    double by_variance = 0;
    dz_gp_gradient(self->task->gp, x, &mean, &variance, of_mean, of_variance);
    double value = value_of(self->task, mean, variance, &by_mean, &by_variance);
    for (size_t d = 0; d < self->dims; d++) {
        gradient[d] = by_mean * of_mean[d] + by_variance * of_variance[d];
    }
    for (size_t b = 0; b < self->task->bound_count; b++) {
        const dz_bound *bound = &self->task->bounds[b];
        dz_gp_gradient(bound->gp, x, &mean, &variance, of_mean, of_variance);
        value += dz_bound_cost(bound->threshold, mean, variance, &by_mean, &by_variance);
        for (size_t d = 0; d < self->dims; d++) {
            gradient[d] += by_mean * of_mean[d] + by_variance * of_variance[d];
        }
    }
    return value;
}

/* Goes to the best neighbour as long as that is better. Returns the value reached. */
static double search_neighbours(pool *self, double *point, double value)
{
    double scores[DZ_GP_BATCH];
    for (int round = 0; round < NEIGHBOUR_ROUNDS; round++) {
        size_t count = fill_neighbours(self, point);
        size_t best = 0;
        score(self, self->neighbours, count, scores);
        for (size_t i = 1; i < count; i++) {
            best = scores[i] < scores[best] ? i : best;
        }
        if (count == 0 || !(scores[best] < value)) {
            break;
        }
        value = scores[best];
        memcpy(point, self->neighbours + best * self->dims, self->dims * sizeof(*point));
    }
    return value;
}

/* Points that differ in one quantised coordinate: the levels beside it, and some others at random.
 */
static size_t fill_neighbours(pool *self, const double *point)
{
    enum { OTHERS = 6 };
    size_t count = 0;
    size_t first = (size_t)dozan_rng_below(self->rng, self->dims);
    for (size_t i = 0; i < self->dims; i++) {
        size_t d = (first + i) % self->dims;
        const dozan_dimension *dimension = dozan_space_dimension(self->space, d);
        uint64_t level = dimension->levels > 0 ? dozan_space_level(self->space, d, point[d]) : 0;
        bool all = dimension->levels <= OTHERS + 1;
        uint64_t tries = dimension->levels < 2 ? 0 : (all ? dimension->levels : OTHERS);
        for (uint64_t t = 0; t < tries && count < DZ_GP_BATCH; t++) {
            uint64_t other = all ? t : dozan_rng_below(self->rng, dimension->levels);
            if (!all && dimension->ordered && t < 2) {
                other = t == 0 ? level + 1 : level - 1; /* below 0 it is too large */
            }
            if (other == level || other >= dimension->levels) {
                continue;
            }
            double *neighbour = self->neighbours + count++ * self->dims;
            memcpy(neighbour, point, self->dims * sizeof(*neighbour));
            neighbour[d] = dozan_space_level_coordinate(self->space, d, other);
        }
    }
    return count;
}

static bool pick_free(const pool *self, double *point)
{
    for (size_t i = 0; i < self->count; i++) {
        const double *candidate = self->points + self->order[i].index * self->dims;
        if (!dozan_point_taken(self->task->problem, self->task->ask, candidate)) {
            memcpy(point, candidate, self->dims * sizeof(*point));
            return true;
        }
    }
    return false;
}

static int compare_scores(const void *a, const void *b)
{
    const scored *x = a;
    const scored *y = b;
    if (x->score < y->score) {
        return -1;
    }
    if (x->score > y->score) {
        return 1;
    }
    return x->index < y->index ? -1 : 1;
}
