#include "cmaes_model.h"

#include "numerics/quadratic.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_PAUSE = 16 };

static const double spare = 1.1;  /* values for each coefficient before a model is fitted */
static const double fitted = 1.5; /* values for each coefficient that it is fitted to */
static const double window = 3;   /* values for each coefficient that are kept */

typedef struct ranked {
    double loss;
    size_t at;
} ranked;

static int compare_ranked(const void *a, const void *b);
static size_t rank_results(const dz_cmaes_model *model, ranked *results);

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
    model->proposal = calloc(dims, sizeof(*model->proposal));
    return model->points != NULL && model->losses != NULL && model->proposal != NULL;
}

void dz_cmaes_model_fini(dz_cmaes_model *model)
{
    free(model->points);
    free(model->losses);
    free(model->proposal);
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

void dz_cmaes_model_propose(dz_cmaes_model *model, const dz_cma *cma)
{
    size_t n = model->dims;
    model->has_proposal = false;
    if (n == 0 || model->left > 0) {
        return;
    }
    ranked *results = calloc(model->capacity, sizeof(*results));
    double *points = calloc(model->capacity * n + 2 * n, sizeof(*points));
    double *values = calloc(model->capacity, sizeof(*values));
    if (results != NULL && points != NULL && values != NULL) {
        size_t count = rank_results(model, results);
        size_t terms = dz_quadratic_terms(n, true);
        bool mixed = n <= DZ_CMAES_MOST_MIXED && (double)count >= spare * (double)terms;
        terms = dz_quadratic_terms(n, mixed);
        double *room = points + model->capacity * n;
        size_t used = (size_t)ceil(fitted * (double)terms);
        used = used < count ? used : count;
        for (size_t i = 0; i < used; i++) {
            values[i] = results[i].loss;
            dz_cma_locate(cma, model->points + results[i].at * n, room, points + i * n);
        }
        if ((double)count >= spare * (double)terms &&
            dz_quadratic_minimum(points, values, used, n, mixed, sqrt((double)n), room)) {
            dz_cma_sample(cma, room, room + n, model->proposal);
            for (size_t i = 0; i < n; i++) {
                model->proposal[i] = fmin(fmax(model->proposal[i], 0), 1);
            }
            model->has_proposal = true;
        }
    }
    free(results);
    free(points);
    free(values);
}

/* The results, the best first; of equal ones the newest. */
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
