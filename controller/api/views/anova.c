/*
 * The variance of a forest's trees over the cube, taken apart by parameter: sums over leaves. A
 * leaf adds its value to a range of bins, so a marginal is a running sum of what begins and ends
 * where.
 */
#include "api/views/tree.h"

#include <stdlib.h>
#include <string.h>

typedef struct marginals {
    const dz_model *model;
    double mean, square;                /* over the cube, of one tree */
    double (*steps)[DZ_MODEL_BINS + 1]; /* [dims] */
} marginals;

static void add_marginals(void *user, const dz_box *box);
static double variance_of(const dz_axis *axis, const double *steps, double mean);

dozan_status dz_model_shares(const dz_model *model, double *shares, double *interactions,
                             dozan_error *err)
{
    marginals sums = {.model = model};
    uint32_t *room = calloc(2 * model->dims + 1, sizeof *room);
    size_t varying = 0;
    sums.steps = calloc(model->dims + 1, sizeof *sums.steps);
    if (room == NULL || sums.steps == NULL) {
        free(room);
        free(sums.steps);
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    }
    memset(shares, 0, model->dims * sizeof *shares);
    for (size_t t = 0; t < model->tree_count; t++) {
        sums.mean = sums.square = 0;
        memset(sums.steps, 0, model->dims * sizeof *sums.steps);
        dz_tree_leaves(model, &model->trees[t], room, add_marginals, &sums);
        double variance = sums.square - sums.mean * sums.mean;
        if (!(variance > 1e-14 * sums.square))
            continue;
        varying++;
        for (size_t d = 0; d < model->dims; d++)
            shares[d] += variance_of(&model->axes[d], sums.steps[d], sums.mean) / variance;
    }
    *interactions = varying > 0 ? 1 : 0;
    for (size_t d = 0; d < model->dims && varying > 0; d++) {
        shares[d] /= (double)varying;
        *interactions -= shares[d];
    }
    if (*interactions < 0)
        *interactions = 0;
    free(room);
    free(sums.steps);
    return DOZAN_OK;
}

typedef struct surface {
    const dz_model *model;
    size_t x, y;  /* y = SIZE_MAX: of x alone */
    size_t width; /* of a row: bins of y, and one */
    double *steps;
} surface;

/* The four corners of a box in the plane of x and y. */
static void add_surface(void *user, const dz_box *box)
{
    const surface *to = user;
    const double *edges = to->model->axes[to->x].edges;
    double share = box->volume * box->value / (edges[box->high[to->x]] - edges[box->low[to->x]]);
    size_t top = box->low[to->x] * to->width, bottom = box->high[to->x] * to->width;
    if (to->y == SIZE_MAX) {
        to->steps[top] += share;
        to->steps[bottom] -= share;
        return;
    }
    edges = to->model->axes[to->y].edges;
    share /= edges[box->high[to->y]] - edges[box->low[to->y]];
    to->steps[top + box->low[to->y]] += share;
    to->steps[top + box->high[to->y]] -= share;
    to->steps[bottom + box->low[to->y]] -= share;
    to->steps[bottom + box->high[to->y]] += share;
}

dozan_status dz_model_marginal(const dz_model *model, size_t x, double *means, dozan_error *err)
{
    const dz_axis *axis = &model->axes[x];
    double steps[DZ_MODEL_BINS + 1] = {0}, sum = 0, by_rank[DZ_MODEL_BINS];
    surface to = {.model = model, .x = x, .y = SIZE_MAX, .width = 1, .steps = steps};
    uint32_t *room = calloc(2 * model->dims + 1, sizeof *room);
    if (room == NULL)
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    for (size_t t = 0; t < model->tree_count; t++)
        dz_tree_leaves(model, &model->trees[t], room, add_surface, &to);
    free(room);
    for (size_t rank = 0; rank < axis->bins; rank++) {
        sum += steps[rank];
        by_rank[rank] = sum / (double)model->tree_count;
    }
    for (size_t bin = 0; bin < axis->bins; bin++)
        means[bin] = by_rank[axis->ranks[bin]];
    return DOZAN_OK;
}

dozan_status dz_model_surface(const dz_model *model, size_t x, size_t y, double *means,
                              dozan_error *err)
{
    const dz_axis *across = &model->axes[x], *down = &model->axes[y];
    size_t width = down->bins + 1;
    uint32_t *room = calloc(2 * model->dims + 1, sizeof *room);
    double *steps = calloc((across->bins + 1) * width, sizeof *steps);
    if (room == NULL || steps == NULL) {
        free(room);
        free(steps);
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    }
    surface to = {.model = model, .x = x, .y = y, .width = width, .steps = steps};
    for (size_t t = 0; t < model->tree_count; t++)
        dz_tree_leaves(model, &model->trees[t], room, add_surface, &to);
    for (size_t i = 0; i < across->bins; i++)
        for (size_t j = 0; j < width; j++)
            steps[i * width + j] += (i > 0 ? steps[(i - 1) * width + j] : 0) +
                                    (j > 0 ? steps[i * width + j - 1] : 0) -
                                    (i > 0 && j > 0 ? steps[(i - 1) * width + j - 1] : 0);
    for (size_t i = 0; i < across->bins; i++)
        for (size_t j = 0; j < down->bins; j++)
            means[i * down->bins + j] =
                steps[across->ranks[i] * width + down->ranks[j]] / (double)model->tree_count;
    free(room);
    free(steps);
    return DOZAN_OK;
}

/* ---- helpers */

static void add_marginals(void *user, const dz_box *box)
{
    marginals *sums = user;
    double part = box->volume * box->value;
    sums->mean += part;
    sums->square += part * box->value;
    for (size_t d = 0; d < sums->model->dims; d++) {
        const double *edges = sums->model->axes[d].edges;
        double share = part / (edges[box->high[d]] - edges[box->low[d]]);
        sums->steps[d][box->low[d]] += share;
        sums->steps[d][box->high[d]] -= share;
    }
}

static double variance_of(const dz_axis *axis, const double *steps, double mean)
{
    double sum = 0, variance = 0;
    for (size_t rank = 0; rank < axis->bins; rank++) {
        sum += steps[rank];
        variance += (axis->edges[rank + 1] - axis->edges[rank]) * (sum - mean) * (sum - mean);
    }
    return variance;
}
