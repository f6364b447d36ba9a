#include "bayesian_fit.h"

#include "bayesian_bounds.h"
#include "bayesian_data.h"
#include "numerics/gp.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_DATA = 200,
    MAX_CHOICE_DATA = 100,
    CHOICE_EVALUATIONS = 15,
    MAX_WARPED = 50,
    LEAST_WARPED = 20
};

static size_t fit_point(size_t ended);
static bool choose_transform(dz_bayesian_fit *fit, const dozan_problem *problem,
                             const bool *categorical, size_t ended);
static bool try_transform(dz_bayesian_fit *fit, dz_bayesian_data *data, size_t kind, double *theta,
                          double *most);
static bool fit_parameters(dz_bayesian_fit *fit, const dozan_problem *problem,
                           const bool *categorical, size_t ended);
static bool try_warp(dz_bayesian_fit *fit, const dz_inputs *inputs, const double *y,
                     double log_posterior, double *room);
static size_t evaluations(const dz_inputs *inputs);

dz_bayesian_fit *dz_bayesian_fit_create(size_t dims)
{
    dz_bayesian_fit *fit = calloc(1, sizeof(*fit));
    if (fit != NULL) {
        fit->theta = calloc(3 * dims + 2, sizeof(*fit->theta));
        fit->bounds = calloc(DZ_BAYESIAN_BOUNDS * (dims + 2), sizeof(*fit->bounds));
    }
    if (fit == NULL || fit->theta == NULL || fit->bounds == NULL) {
        dz_bayesian_fit_destroy(fit);
        return NULL;
    }
    return fit;
}

void dz_bayesian_fit_destroy(dz_bayesian_fit *fit)
{
    if (fit != NULL) {
        free(fit->theta);
        free(fit->bounds);
        free(fit);
    }
}

bool dz_bayesian_fit_update(dz_bayesian_fit *fit, const dozan_problem *problem,
                            const bool *categorical)
{
    size_t ended = fit_point(dozan_history_ended_count(problem->history));
    if (fit->ended == ended) {
        return true;
    }
    fit->ended = 0;
    if (!choose_transform(fit, problem, categorical, ended) ||
        !fit_parameters(fit, problem, categorical, ended)) {
        return false;
    }
    fit->ended = ended;
    return true;
}

/* The last count of ended trials at or before `ended` at which a fit is made. */
static size_t fit_point(size_t ended)
{
    size_t at = 0;
    for (size_t next = 1; next <= ended; next = at + (at < 20 ? 1 : at / 10)) {
        at = next;
    }
    return at;
}

static bool choose_transform(dz_bayesian_fit *fit, const dozan_problem *problem,
                             const bool *categorical, size_t ended)
{
    dz_bayesian_data data;
    if (!dz_bayesian_data_init(&data, problem, categorical, ended, MAX_CHOICE_DATA,
                               DZ_TRANSFORM_IDENTITY)) {
        return false;
    }
    double *theta = calloc(dz_matern_parameters(&data.inputs), sizeof(*theta));
    bool done = theta != NULL;
    double most = -INFINITY;
    for (size_t kind = 0; done && kind < DZ_TRANSFORM_COUNT; kind++) {
        done = try_transform(fit, &data, kind, theta, &most);
    }
    free(theta);
    dz_bayesian_data_fini(&data);
    return done;
}

/* The density of the losses is that of y times the derivative of y. */
static bool try_transform(dz_bayesian_fit *fit, dz_bayesian_data *data, size_t kind, double *theta,
                          double *most)
{
    const dz_gp_fit_options options = {.max_evaluations = CHOICE_EVALUATIONS, .starts = 1};
    double log_posterior = 0;
    dz_bayesian_data_transform(data, kind);
    if (kind > 0 && data->transform.kind != kind) {
        return true; /* it is the identity, which has been tried */
    }
    if (!dz_gp_fit(&data->inputs, data->y, &options, theta, &log_posterior)) {
        return false;
    }
    if (kind == 0 || log_posterior + data->log_slope > *most) {
        *most = log_posterior + data->log_slope;
        fit->transform = kind;
        memcpy(fit->theta, theta, dz_matern_parameters(&data->inputs) * sizeof(*theta));
    }
    return true;
}

static bool fit_parameters(dz_bayesian_fit *fit, const dozan_problem *problem,
                           const bool *categorical, size_t ended)
{
    dz_bayesian_data data;
    if (!dz_bayesian_data_init(&data, problem, categorical, ended, MAX_DATA, fit->transform)) {
        return false;
    }
    size_t dims = data.inputs.dims;
    double *from = calloc(3 * dims + 2, sizeof(*from));
    bool done = from != NULL;
    if (done) {
        memcpy(from, fit->theta, (dims + 2) * sizeof(*from));
        const dz_gp_fit_options options = {
            .max_evaluations = evaluations(&data.inputs), .starts = 2, .from = from};
        double log_posterior = 0;
        fit->warped = false;
        done = dz_gp_fit(&data.inputs, data.y, &options, fit->theta, &log_posterior) &&
               try_warp(fit, &data.inputs, data.y, log_posterior, from) &&
               dz_bayesian_bounds_fit(problem, &data, evaluations(&data.inputs), fit->bounds);
    }
    free(from);
    dz_bayesian_data_fini(&data);
    return done;
}

/* Warps where that explains the data better by more than its parameters alone would (Schwarz,
 * "Estimating the dimension of a model", 1978). `room` is of 3 dims + 2. */
static bool try_warp(dz_bayesian_fit *fit, const dz_inputs *inputs, const double *y,
                     double log_posterior, double *room)
{
    size_t dims = inputs->dims;
    size_t added = 0;
    for (size_t d = 0; d < dims; d++) {
        added += inputs->categorical[d] ? 0 : 2;
    }
    if (dims > MAX_WARPED || added == 0 || inputs->count < LEAST_WARPED) {
        return true;
    }
    dz_inputs warped = *inputs;
    warped.warped = true;
    memset(room, 0, (3 * dims + 2) * sizeof(*room));
    memcpy(room, fit->theta, (dims + 2) * sizeof(*room));
    memset(fit->theta + dims + 2, 0, 2 * dims * sizeof(*room));
    const dz_gp_fit_options options = {
        .max_evaluations = evaluations(inputs), .starts = 1, .from = fit->theta};
    double log_warped = 0;
    if (!dz_gp_fit(&warped, y, &options, room, &log_warped)) {
        return false;
    }
    double penalty = 0.5 * (double)added * log((double)inputs->count);
    if (log_warped - penalty > log_posterior) {
        fit->warped = true;
        memcpy(fit->theta, room, (3 * dims + 2) * sizeof(*room));
    }
    return true;
}

/* A likelihood takes some n^3 + n^2 d operations; a fit is held to a fraction of a second. */
static size_t evaluations(const dz_inputs *inputs)
{
    double n = (double)inputs->count;
    double most = 3e8 / (n * n * (n + 2 * (double)inputs->dims) + 1);
    return (size_t)fmin(60, fmax(15, most));
}
