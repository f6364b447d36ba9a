#include "cmaes_model.h"

#include "numerics/quadratic.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_PAUSE = 16, ASKS_PER_PROPOSAL = 2 };

static const double spare = 1.1;  /* values for each coefficient before a model is fitted */
static const double fitted = 1.5; /* values for each coefficient that it is fitted to */
static const double window = 3;   /* values for each coefficient that are kept */

static const double radii[DZ_CMAES_PROPOSALS] = {1, 0.5, 2}; /* by sqrt(dims): a sample's length */

typedef struct ranked {
    double loss;
    size_t at;
} ranked;

static int compare_ranked(const void *a, const void *b);
static size_t rank_results(const dz_cmaes_model *model, ranked *results);
static void propose(dz_cmaes_model *model, const dz_cma *cma, double *points, const double *values,
                    size_t count, bool mixed);

bool dz_cmaes_model_init(dz_cmaes_model *model, size_t dims)
{
    *model = (dz_cmaes_model){.dims = dims <= DZ_CMAES_MOST_MODEL ? dims : 0};
    if (model->dims == 0) {
        return true;
    }
    size_t terms = dz_quadratic_terms(dims, dims <= DZ_CMAES_MOST_MIXED);
    model->capacity = (size_t)(window * (double)terms);
    model->points = calloc(model->capacity * dims, sizeof(*model->points));
    model->losses = calloc(model->capacity, sizeof(*model->losses));
    model->proposals = calloc(DZ_CMAES_PROPOSALS * dims, sizeof(*model->proposals));
    return model->points != NULL && model->losses != NULL && model->proposals != NULL;
}

void dz_cmaes_model_fini(dz_cmaes_model *model)
{
    free(model->points);
    free(model->losses);
    free(model->proposals);
    *model = (dz_cmaes_model){0};
}

void dz_cmaes_model_add(dz_cmaes_model *model, const double *x, double loss)
{
    if (model->dims == 0 || !isfinite(loss)) {
        return;
    }
    size_t at = (size_t)(model->count++ % model->capacity);
    memcpy(model->points + at * model->dims, x, model->dims * sizeof(*x));
    model->losses[at] = loss;
}

void dz_cmaes_model_turn(dz_cmaes_model *model, bool proposed, bool worth)
{
    if (!proposed) {
        model->left -= model->left > 0 ? 1 : 0;
    } else if (worth) {
        model->pause = 0;
    } else {
        model->pause = model->pause == 0 ? 1 : 2 * model->pause;
        model->pause = model->pause < MOST_PAUSE ? model->pause : MOST_PAUSE;
        model->left = model->pause;
    }
}

void dz_cmaes_model_note_ask(dz_cmaes_model *model)
{
    model->asked++;
}

const double *dz_cmaes_model_proposal(const dz_cmaes_model *model, size_t more)
{
    size_t trial = model->asked + more;
    bool due = trial % ASKS_PER_PROPOSAL == 0 && trial / ASKS_PER_PROPOSAL < model->proposed;
    return due ? model->proposals + trial / ASKS_PER_PROPOSAL * model->dims : NULL;
}

void dz_cmaes_model_fit(dz_cmaes_model *model, const dz_cma *cma)
{
    size_t n = model->dims;
    model->proposed = 0;
    model->asked = 0;
    if (n == 0 || model->left > 0) {
        return;
    }
    ranked *results = calloc(model->capacity, sizeof(*results));
    double *points = calloc((model->capacity + 2) * n, sizeof(*points));
    double *values = calloc(model->capacity, sizeof(*values));
    if (results != NULL && points != NULL && values != NULL) {
        size_t count = rank_results(model, results);
        size_t terms = dz_quadratic_terms(n, true);
        bool mixed = n <= DZ_CMAES_MOST_MIXED && (double)count >= spare * (double)terms;
        terms = dz_quadratic_terms(n, mixed);
        size_t used = (size_t)ceil(fitted * (double)terms);
        used = used < count ? used : count;
        for (size_t i = 0; i < used; i++) {
            values[i] = results[i].loss;
            dz_cma_locate(cma, model->points + results[i].at * n, points + model->capacity * n,
                          points + i * n);
        }
        if ((double)count >= spare * (double)terms) {
            propose(model, cma, points, values, used, mixed);
        }
    }
    free(results);
    free(points);
    free(values);
}

/* The minima within each radius; a point outside of the cube is moved to its border. */
static void propose(dz_cmaes_model *model, const dz_cma *cma, double *points, const double *values,
                    size_t count, bool mixed)
{
    size_t n = model->dims;
    double *z = points + model->capacity * n;
    double *room = z + n;
    for (size_t p = 0; p < DZ_CMAES_PROPOSALS; p++) {
        double radius = radii[p] * sqrt((double)n);
        double *proposal = model->proposals + p * n;
        if (!dz_quadratic_minimum(points, values, count, n, mixed, radius, z)) {
            return;
        }
        dz_cma_sample(cma, z, room, proposal);
        for (size_t i = 0; i < n; i++) {
            proposal[i] = fmin(fmax(proposal[i], 0), 1);
        }
        model->proposed++;
    }
}

/* The results, the best first; of equal ones in the order of the ring. */
static size_t rank_results(const dz_cmaes_model *model, ranked *results)
{
    size_t count = model->count < model->capacity ? (size_t)model->count : model->capacity;
    for (size_t i = 0; i < count; i++) {
        results[i] = (ranked){model->losses[i], i};
    }
    qsort(results, count, sizeof(*results), compare_ranked);
    return count;
}

static int compare_ranked(const void *a, const void *b)
{
    const ranked *x = a;
    const ranked *y = b;
    if (x->loss < y->loss || x->loss > y->loss) {
        return x->loss < y->loss ? -1 : 1;
    }
    return x->at < y->at ? -1 : 1;
}
