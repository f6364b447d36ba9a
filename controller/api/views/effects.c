/*
 * What a metric depends on: the importance of the parameters, and the effect of one or two of them.
 *
 * The model is fitted to a bounded sample, and kept until the completed trials have become a tenth
 * more.
 */
#include "api/views/shared.h"
#include "api/views/top.h"

#include <dozan/rng.h>
#include <math.h>
#include <stdlib.h>

enum { GRID = 32 };

static dozan_status hold_model(const dz_view_request *request, dz_held *held, size_t *metric,
                               const dz_model **model, dozan_error *err);
static dozan_status get_model(dz_held *held, size_t metric, const dz_model **model,
                              dozan_error *err);
static dozan_status build_effects(dz_builder *build, cJSON *tree, const dz_held *held,
                                  const dz_model *model, size_t metric, dozan_error *err);
static dozan_status build_surface(dz_builder *build, cJSON *tree, const dz_held *held,
                                  const dz_model *model, size_t metric, dozan_error *err);

static void build_head(dz_builder *build, cJSON *tree, const dz_held *held, const dz_model *model,
                       size_t metric)
{
    const dz_experiment_spec *spec = held->experiment->spec;
    dz_build_text(build, tree, "metric", spec->metrics[metric].name);
    dz_build_bool(build, tree, "maximize", dz_metric_maximize(spec, metric));
    dz_build_number(build, tree, "least", DZ_MODEL_LEAST);
    dz_build_number(build, tree, "completed", model != NULL ? (int64_t)dz_model_rows(model) : 0);
    dz_build_number(build, tree, "sample", model != NULL ? (int64_t)dz_model_sample(model) : 0);
}

dozan_status dz_view_importance(const dz_view_request *request, cJSON **answer, dozan_error *err)
{
    dz_held held;
    dz_builder build = {0};
    size_t metric = 0;
    const dz_model *model = NULL;
    dozan_status status = hold_model(request, &held, &metric, &model, err);
    if (status != DOZAN_OK)
        return status;
    cJSON *tree = cJSON_CreateObject();
    build_head(&build, tree, &held, model, metric);
    dz_build_text(&build, tree, "method", "fANOVA");
    status = build_effects(&build, tree, &held, model, metric, err);
    dz_release(&held);
    if (status == DOZAN_OK)
        return dz_build_done(&build, tree, answer, err);
    cJSON_Delete(tree);
    return status;
}

dozan_status dz_view_contour(const dz_view_request *request, cJSON **answer, dozan_error *err)
{
    dz_held held;
    dz_builder build = {0};
    size_t metric = 0;
    const dz_model *model = NULL;
    dozan_status status = hold_model(request, &held, &metric, &model, err);
    if (status != DOZAN_OK)
        return status;
    cJSON *tree = cJSON_CreateObject();
    build_head(&build, tree, &held, model, metric);
    status = build_surface(&build, tree, &held, model, metric, err);
    dz_release(&held);
    if (status == DOZAN_OK)
        return dz_build_done(&build, tree, answer, err);
    cJSON_Delete(tree);
    return status;
}

/* ---- helpers */

static dozan_status hold_model(const dz_view_request *request, dz_held *held, size_t *metric,
                               const dz_model **model, dozan_error *err)
{
    dozan_status status = dz_hold(request, held, err);
    if (status != DOZAN_OK)
        return status;
    status = dz_query_metric(held, metric, err);
    if (status == DOZAN_OK)
        status = get_model(held, *metric, model, err);
    if (status != DOZAN_OK)
        dz_release(held);
    return status;
}

/* Completed trials with a number, at most DZ_MODEL_SAMPLE of them, in the order of their rows. */
static dozan_status choose_rows(const dz_held *held, size_t metric, dz_top *rows, size_t *all,
                                dozan_error *err)
{
    const dz_frame *frame = held->frame;
    dozan_status status = dz_top_init(rows, DZ_MODEL_SAMPLE, err);
    *all = 0;
    for (size_t row = 0; status == DOZAN_OK && row < frame->count; row++) {
        if (frame->states[row] != DZ_TRIAL_SUCCEEDED ||
            isnan(frame->values[row * frame->metrics + metric]))
            continue;
        (*all)++;
        dz_top_offer(
            rows,
            (double)dozan_hash_words(held->experiment->seed ^ 1, (uint64_t)frame->numbers[row]),
            row);
    }
    dz_top_sort_by_row(rows);
    return status;
}

static dozan_status fit_rows(const dz_held *held, size_t metric, const dz_top *rows, size_t all,
                             dz_model **model, dozan_error *err)
{
    const dz_frame *frame = held->frame;
    size_t dims = frame->dims;
    dozan_status status = DOZAN_RESOURCE_EXHAUSTED;
    double *units = malloc((rows->count * dims + 1) * sizeof *units);
    double *losses = malloc((rows->count + 1) * sizeof *losses);
    if (units == NULL || losses == NULL) {
        status = dozan_error_set(err, status, NULL, "out of memory");
        goto done;
    }
    for (size_t i = 0; i < rows->count; i++) {
        size_t row = rows->items[i].row;
        for (size_t d = 0; d < dims; d++)
            units[i * dims + d] = frame->units[row * dims + d];
        losses[i] = dz_frame_loss(held, row, metric);
    }
    dz_model_data data = {.space = held->experiment->space,
                          .units = units,
                          .losses = losses,
                          .count = rows->count,
                          .seed = held->experiment->seed,
                          .metric = metric,
                          .rows = all};
    status = dz_model_fit(&data, model, err);
done:
    free(units);
    free(losses);
    return status;
}

/* The kept model of the metric, or a new one in its place; NULL while there are too few trials. */
static dozan_status get_model(dz_held *held, size_t metric, const dz_model **model,
                              dozan_error *err)
{
    dz_model **place = &held->kept->models[metric % DZ_MAX_KEPT_MODELS];
    dz_top rows = {0};
    size_t all = 0;
    dz_model *made = NULL;
    dozan_status status = choose_rows(held, metric, &rows, &all, err);
    bool same = status == DOZAN_OK && *place != NULL && dz_model_metric(*place) == metric &&
                all <= dz_model_rows(*place) + dz_model_rows(*place) / 10;
    if (status == DOZAN_OK && !same && all >= DZ_MODEL_LEAST)
        status = fit_rows(held, metric, &rows, all, &made, err);
    if (made != NULL) {
        dz_model_destroy(*place);
        *place = made;
    }
    dz_top_fini(&rows);
    *model = same || made != NULL ? *place : NULL;
    return status;
}

/* The model's losses as values of the metric. */
static double shown(const dz_held *held, size_t metric, double loss)
{
    return dz_round(dz_metric_maximize(held->experiment->spec, metric) ? -loss : loss);
}

static dozan_status build_effects(dz_builder *build, cJSON *tree, const dz_held *held,
                                  const dz_model *model, size_t metric, dozan_error *err)
{
    size_t dims = held->frame->dims;
    double rest = 0, means[DZ_MODEL_BINS], edges[DZ_MODEL_BINS + 1];
    cJSON *parameters = dz_build_array(build, tree, "parameters");
    if (model == NULL)
        return DOZAN_OK;
    double *shares = calloc(dims + 1, sizeof *shares);
    if (shares == NULL)
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    dozan_status status = dz_model_shares(model, shares, &rest, err);
    for (size_t d = 0; status == DOZAN_OK && d < dims; d++) {
        cJSON *item = dz_build_item(build, parameters);
        dz_build_text(build, item, "name", dozan_space_dimension(held->experiment->space, d)->name);
        dz_build_double(build, item, "importance", shares[d]);
        status = dz_model_marginal(model, d, means, err);
        dz_model_edges(model, d, edges);
        cJSON *effect = dz_build_array(build, item, "effect"); /* [[from, to, mean], ...] */
        for (size_t b = 0; status == DOZAN_OK && b < dz_model_bins(model, d); b++) {
            cJSON *part = dz_build_row(build, effect);
            dz_build_value(build, part, dz_round(edges[b]));
            dz_build_value(build, part, dz_round(edges[b + 1]));
            dz_build_value(build, part, shown(held, metric, means[b]));
        }
    }
    if (status == DOZAN_OK)
        dz_build_double(build, tree, "interactions", rest);
    free(shares);
    return status;
}

/* Bins beside each other are put together until there are at most GRID of them. */
static void put_cells(dz_builder *build, cJSON *tree, const dz_held *held, const dz_model *model,
                      const size_t pair[2], const double *means, size_t metric)
{
    size_t across = dz_model_bins(model, pair[0]), down = dz_model_bins(model, pair[1]);
    size_t step_x = (across + GRID - 1) / GRID, step_y = (down + GRID - 1) / GRID;
    cJSON *rows = dz_build_array(build, tree, "cells");
    for (size_t i = 0; i < across; i += step_x) {
        cJSON *row = dz_build_row(build, rows);
        for (size_t j = 0; j < down; j += step_y) {
            double sum = 0;
            size_t count = 0;
            for (size_t a = i; a < i + step_x && a < across; a++)
                for (size_t b = j; b < j + step_y && b < down; b++, count++)
                    sum += means[a * down + b];
            dz_build_value(build, row, shown(held, metric, sum / (double)count));
        }
    }
}

static void put_edges(dz_builder *build, cJSON *tree, const char *name, const dz_model *model,
                      size_t dim)
{
    double edges[DZ_MODEL_BINS + 1];
    size_t bins = dz_model_bins(model, dim), step = (bins + GRID - 1) / GRID;
    dz_model_edges(model, dim, edges);
    cJSON *list = dz_build_array(build, tree, name);
    for (size_t b = 0; b < bins; b += step)
        dz_build_value(build, list, dz_round(edges[b]));
    dz_build_value(build, list, 1);
}

static dozan_status build_surface(dz_builder *build, cJSON *tree, const dz_held *held,
                                  const dz_model *model, size_t metric, dozan_error *err)
{
    size_t pair[2];
    dozan_status status = dz_query_parameter(held, "x", &pair[0], err);
    if (status == DOZAN_OK)
        status = dz_query_parameter(held, "y", &pair[1], err);
    if (status == DOZAN_OK && pair[0] == pair[1])
        status = dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "y", "give two different parameters");
    if (status != DOZAN_OK || model == NULL)
        return status;
    double *means = calloc((size_t)DZ_MODEL_BINS * DZ_MODEL_BINS, sizeof *means);
    if (means == NULL)
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    status = dz_model_surface(model, pair[0], pair[1], means, err);
    if (status == DOZAN_OK) {
        put_edges(build, tree, "xEdges", model, pair[0]);
        put_edges(build, tree, "yEdges", model, pair[1]);
        put_cells(build, tree, held, model, pair, means, metric);
    }
    free(means);
    return status;
}
