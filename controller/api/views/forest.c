#include "api/views/forest.h"

#include "api/views/tree.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BUSY_DIMS = 20, LEAST_TREES = 8 };

static void set_axis(dz_axis *axis, const dozan_space *space, size_t dim);
static uint8_t bin_of(const dz_axis *axis, const dozan_space *space, size_t dim, double u);
static void clip(double *losses, size_t count);
static void rank_categories(dz_axis *axis, const dz_model_data *data, const uint8_t *bins,
                            const double *losses, size_t dim);
static dozan_status fit(dz_model *model, const dz_model_data *data, dozan_error *err);

dozan_status dz_model_fit(const dz_model_data *data, dz_model **model, dozan_error *err)
{
    size_t dims = dozan_space_dimensions(data->space);
    dz_model *made = calloc(1, sizeof *made);
    if (made != NULL)
        made->axes = calloc(dims, sizeof *made->axes);
    if (made == NULL || made->axes == NULL) {
        free(made);
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    }
    made->dims = dims;
    made->metric = data->metric;
    made->rows = data->rows;
    made->sample = data->count;
    made->tree_count = DZ_MODEL_TREES;
    if (dims > BUSY_DIMS) /* the time for a fit stays the same, down to a few trees */
        made->tree_count = (size_t)BUSY_DIMS * DZ_MODEL_TREES / dims;
    if (made->tree_count < LEAST_TREES)
        made->tree_count = LEAST_TREES;
    dozan_status status = fit(made, data, err);
    if (status != DOZAN_OK) {
        dz_model_destroy(made);
        return status;
    }
    *model = made;
    return DOZAN_OK;
}

void dz_model_destroy(dz_model *model)
{
    if (model == NULL)
        return;
    for (size_t i = 0; i < model->tree_count; i++)
        free(model->trees[i].nodes);
    free(model->axes);
    free(model);
}

size_t dz_model_metric(const dz_model *model)
{
    return model->metric;
}

size_t dz_model_rows(const dz_model *model)
{
    return model->rows;
}

size_t dz_model_sample(const dz_model *model)
{
    return model->sample;
}

size_t dz_model_bins(const dz_model *model, size_t dim)
{
    return model->axes[dim].bins;
}

void dz_model_edges(const dz_model *model, size_t dim, double *edges)
{
    memcpy(edges, model->axes[dim].edges, (model->axes[dim].bins + 1) * sizeof *edges);
}

double dz_model_value(const dz_model *model, const size_t *bins)
{
    double sum = 0;
    for (size_t t = 0; t < model->tree_count; t++) {
        const dz_node *node = model->trees[t].nodes;
        while (node->left >= 0) {
            uint32_t rank = model->axes[node->dim].ranks[bins[node->dim]];
            node = &model->trees[t].nodes[rank <= node->cut ? node->left : node->right];
        }
        sum += node->value;
    }
    return sum / (double)model->tree_count;
}

/* ---- fitting */

static dozan_status fit(dz_model *model, const dz_model_data *data, dozan_error *err)
{
    size_t cells = data->count * model->dims;
    dozan_status status = DOZAN_RESOURCE_EXHAUSTED;
    uint8_t *ranks = malloc(cells > 0 ? cells : 1);
    double *losses = malloc((data->count + 1) * sizeof *losses);
    if (ranks == NULL || losses == NULL) {
        status = dozan_error_set(err, status, NULL, "out of memory");
        goto done;
    }
    memcpy(losses, data->losses, data->count * sizeof *losses);
    clip(losses, data->count);
    for (size_t d = 0; d < model->dims; d++) {
        set_axis(&model->axes[d], data->space, d);
        for (size_t i = 0; i < data->count; i++)
            ranks[i * model->dims + d] =
                bin_of(&model->axes[d], data->space, d, data->units[i * model->dims + d]);
        if (!dozan_space_dimension(data->space, d)->ordered)
            rank_categories(&model->axes[d], data, ranks, losses, d);
        for (size_t i = 0; i < data->count; i++)
            ranks[i * model->dims + d] = model->axes[d].ranks[ranks[i * model->dims + d]];
    }
    status = DOZAN_OK;
    for (size_t t = 0; status == DOZAN_OK && t < model->tree_count; t++) {
        dz_grove grove = {.axes = model->axes,
                          .ranks = ranks,
                          .losses = losses,
                          .dims = model->dims,
                          .count = data->count,
                          .rng = dozan_rng_stream(data->seed, "views.forest", t)};
        status = dz_tree_grow(&grove, &model->trees[t], err);
    }
done:
    free(ranks);
    free(losses);
    return status;
}

/* Levels own parts of [0, 1] around their coordinates; all else is cut evenly. */
static void set_axis(dz_axis *axis, const dozan_space *space, size_t dim)
{
    uint64_t levels = dozan_space_dimension(space, dim)->levels;
    bool each = levels > 0 && levels <= DZ_MODEL_BINS;
    axis->bins = each ? (size_t)levels : DZ_MODEL_BINS;
    for (size_t b = 0; b < axis->bins; b++)
        axis->ranks[b] = (uint8_t)b;
    axis->edges[0] = 0;
    for (size_t b = 1; b < axis->bins; b++) {
        double middle = each ? dozan_space_level_coordinate(space, dim, b - 1) : 0;
        double end = each ? 2 * middle - axis->edges[b - 1] : (double)b / (double)axis->bins;
        /* No part is empty, however small its probability. */
        axis->edges[b] = end > axis->edges[b - 1] ? end : nextafter(axis->edges[b - 1], 2);
    }
    axis->edges[axis->bins] = 1;
}

static uint8_t bin_of(const dz_axis *axis, const dozan_space *space, size_t dim, double u)
{
    uint64_t levels = dozan_space_dimension(space, dim)->levels;
    double at = isnan(u) ? 0.5 : u; /* where a parameter is inactive, its canonical coordinate */
    if (levels > 0 && levels <= DZ_MODEL_BINS)
        return (uint8_t)dozan_space_level(space, dim, at);
    size_t bin = at > 0 ? (size_t)(at * (double)axis->bins) : 0;
    return (uint8_t)(bin < axis->bins ? bin : axis->bins - 1);
}

static int by_number(const void *a, const void *b)
{
    double first = *(const double *)a, second = *(const double *)b;
    return (first > second) - (first < second);
}

/* Values beyond three interquartile ranges from the quartiles become that bound. */
static void clip(double *losses, size_t count)
{
    double *sorted = malloc(count * sizeof *sorted);
    if (sorted == NULL)
        return; /* less robust, and no worse */
    memcpy(sorted, losses, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, by_number);
    double low = sorted[count / 4], high = sorted[count - 1 - count / 4];
    double range = 3 * (high - low);
    free(sorted);
    for (size_t i = 0; i < count; i++) {
        if (isfinite(range) && losses[i] > high + range)
            losses[i] = high + range;
        if (isfinite(range) && losses[i] < low - range)
            losses[i] = low - range;
        if (!isfinite(losses[i]))
            losses[i] = 0; /* most of them are infinite: nothing can be learnt */
    }
}

typedef struct category {
    double mean;
    size_t bin;
} category;

static int by_mean(const void *a, const void *b)
{
    const category *first = a, *second = b;
    int order = (first->mean > second->mean) - (first->mean < second->mean);
    return order != 0 ? order : (first->bin > second->bin) - (first->bin < second->bin);
}

/* Categories that no trial has had stand at the mean of all. */
static void rank_categories(dz_axis *axis, const dz_model_data *data, const uint8_t *bins,
                            const double *losses, size_t dim)
{
    size_t dims = dozan_space_dimensions(data->space);
    category categories[DZ_MODEL_BINS] = {0};
    size_t counts[DZ_MODEL_BINS] = {0};
    double all = 0;
    for (size_t i = 0; i < data->count; i++) {
        size_t bin = bins[i * dims + dim];
        categories[bin].mean += losses[i];
        counts[bin]++;
        all += losses[i];
    }
    for (size_t b = 0; b < axis->bins; b++) {
        double mean =
            counts[b] > 0 ? categories[b].mean / (double)counts[b] : all / (double)data->count;
        categories[b] = (category){.mean = mean, .bin = b};
    }
    qsort(categories, axis->bins, sizeof *categories, by_mean);
    for (size_t rank = 0; rank < axis->bins; rank++)
        axis->ranks[categories[rank].bin] = (uint8_t)rank;
}
