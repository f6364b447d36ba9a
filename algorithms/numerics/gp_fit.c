/*
 * The likelihood of a Gaussian process and the fit of its parameters.
 */
#include "gp.h"
#include "gp_warp.h"
#include "minimise.h"

#include <gsl/gsl_blas.h>
#include <gsl/gsl_linalg.h>
#include <gsl/gsl_math.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Means and deviations of the logarithms' normal priors, and how far from the mean they may go. The
 * length scales' mean grows with dims; that of a warp's parameters is 0, the identity. */
static const double LENGTH_MEAN = 0.3;
static const double LENGTH_DEVIATION = 1.0;
static const double SIGNAL_DEVIATION = 1.0;
static const double NOISE_MEAN = 1e-3;
static const double NOISE_DEVIATION = 2.0;
static const double WARP_DEVIATION = 0.5;
static const double LENGTH_RANGE[2] = {4, 5};
static const double SIGNAL_RANGE[2] = {4, 4};
static const double NOISE_RANGE[2] = {9, 7};
static const double WARP_RANGE[2] = {1.5, 1.5};

/* The room of one likelihood. */
typedef struct likelihood {
    const dz_inputs *inputs;
    const double *y;
    double *scaled;     /* [count][dims] */
    double *rows;       /* [count]: sums of the rows of slope */
    gsl_matrix *kernel; /* without noise */
    gsl_matrix *slope;  /* g of matern.h; then times W */
    gsl_matrix *factor; /* then the inverse, then W = a a' - K^-1 */
    gsl_vector *weights;
    gsl_matrix *product; /* [count][dims] */
} likelihood;

static bool likelihood_init(likelihood *self, const dz_inputs *inputs, const double *y);
static void likelihood_fini(likelihood *self);
static double evaluate(likelihood *self, const double *theta, double *gradient);
static void fill_kernel(likelihood *self, const double *theta);
static void fill_gradient(likelihood *self, const double *theta, double *gradient);
static double category_gradient(const likelihood *self, size_t dim);
static double negative_posterior(const double *theta, double *gradient, void *context);
static void fill_warp_gradient(const likelihood *self, const double *theta, double *gradient);
static void choose_start(const dz_inputs *inputs, const dz_gp_fit_options *options, size_t start,
                         double *x);
static double prior_mean(size_t dims, size_t i);
static double prior_deviation(size_t dims, size_t i);
static const double *prior_range(size_t dims, size_t i);

double dz_gp_log_likelihood(const dz_inputs *inputs, const double *y, const double *theta,
                            double *gradient)
{
    likelihood self;
    double value = -INFINITY;
    if (likelihood_init(&self, inputs, y)) {
        value = evaluate(&self, theta, gradient);
    }
    likelihood_fini(&self);
    return value;
}

void dz_gp_log_prior(const dz_inputs *inputs, const double *theta, double *value, double *gradient)
{
    size_t dims = inputs->dims;
    for (size_t i = 0; i < dz_matern_parameters(inputs); i++) {
        double z = (theta[i] - prior_mean(dims, i)) / prior_deviation(dims, i);
        *value -= 0.5 * z * z;
        gradient[i] -= z / prior_deviation(dims, i);
    }
}

void dz_gp_prior_middle(const dz_inputs *inputs, double *theta)
{
    for (size_t i = 0; i < dz_matern_parameters(inputs); i++) {
        theta[i] = prior_mean(inputs->dims, i);
    }
}

bool dz_gp_fit(const dz_inputs *inputs, const double *y, const dz_gp_fit_options *options,
               double *theta, double *log_posterior)
{
    size_t count = dz_matern_parameters(inputs);
    likelihood self;
    bool done = likelihood_init(&self, inputs, y);
    double *room = calloc(3 * count, sizeof(*room));
    done = done && room != NULL;
    double best = INFINITY;
    for (size_t start = 0; start < options->starts && done; start++) {
        double *low = room;
        double *high = room + count;
        double *x = room + 2 * count;
        for (size_t i = 0; i < count; i++) {
            low[i] = prior_mean(inputs->dims, i) - prior_range(inputs->dims, i)[0];
            high[i] = prior_mean(inputs->dims, i) + prior_range(inputs->dims, i)[1];
        }
        choose_start(inputs, options, start, x);
        const dz_minimise_options bounds = {.low = low,
                                            .high = high,
                                            .max_evaluations = options->max_evaluations,
                                            .tolerance = 1e-3};
        double value = INFINITY;
        done = dz_minimise(negative_posterior, &self, count, &bounds, x, &value);
        if (done && (start == 0 || value < best)) {
            best = value;
            memcpy(theta, x, count * sizeof(*theta));
        }
    }
    likelihood_fini(&self);
    free(room);
    *log_posterior = -best;
    return done;
}

/* The first start is the one given, or the prior's middle; the second has lengths of a quarter, and
 * more noise. */
static void choose_start(const dz_inputs *inputs, const dz_gp_fit_options *options, size_t start,
                         double *x)
{
    size_t dims = inputs->dims;
    for (size_t i = 0; i < dz_matern_parameters(inputs); i++) {
        x[i] = prior_mean(dims, i);
        if (start == 0 && options->from != NULL) {
            x[i] = options->from[i];
        } else if (start > 0 && i != dims && i < dims + 2) {
            x[i] += log(i < dims ? 0.25 : 100.0);
        }
    }
}

static bool likelihood_init(likelihood *self, const dz_inputs *inputs, const double *y)
{
    size_t count = inputs->count;
    *self = (likelihood){.inputs = inputs,
                         .y = y,
                         .scaled = calloc(count * inputs->dims + 1, sizeof(double)),
                         .rows = calloc(count + 1, sizeof(double)),
                         .kernel = gsl_matrix_alloc(count, count),
                         .slope = gsl_matrix_alloc(count, count),
                         .factor = gsl_matrix_alloc(count, count),
                         .weights = gsl_vector_alloc(count),
                         .product = gsl_matrix_alloc(count, inputs->dims)};
    return self->scaled != NULL && self->rows != NULL && self->kernel != NULL &&
           self->slope != NULL && self->factor != NULL && self->weights != NULL &&
           self->product != NULL;
}

static void likelihood_fini(likelihood *self)
{
    free(self->scaled);
    free(self->rows);
    gsl_matrix_free(self->kernel);
    gsl_matrix_free(self->slope);
    gsl_matrix_free(self->factor);
    gsl_vector_free(self->weights);
    gsl_matrix_free(self->product);
}

/* Rasmussen and Williams, algorithm 2.1. */
static double evaluate(likelihood *self, const double *theta, double *gradient)
{
    size_t count = self->inputs->count;
    double noise = exp(theta[self->inputs->dims + 1]);
    fill_kernel(self, theta);
    (void)gsl_matrix_memcpy(self->factor, self->kernel);
    for (size_t i = 0; i < count; i++) {
        *gsl_matrix_ptr(self->factor, i, i) += noise;
    }
    if (gsl_linalg_cholesky_decomp1(self->factor) != GSL_SUCCESS) {
        return -INFINITY;
    }
    memcpy(self->weights->data, self->y, count * sizeof(double));
    (void)gsl_blas_dtrsv(CblasLower, CblasNoTrans, CblasNonUnit, self->factor, self->weights);
    double fit = 0;
    (void)gsl_blas_ddot(self->weights, self->weights, &fit);
    (void)gsl_blas_dtrsv(CblasLower, CblasTrans, CblasNonUnit, self->factor, self->weights);
    double value = -0.5 * fit - (double)count * 0.5 * log(2 * M_PI);
    for (size_t i = 0; i < count; i++) {
        value -= log(gsl_matrix_get(self->factor, i, i));
    }
    if (gradient != NULL) {
        fill_gradient(self, theta, gradient);
    }
    return value;
}

static void fill_kernel(likelihood *self, const double *theta)
{
    double variance = exp(theta[self->inputs->dims]);
    dz_matern_scale(self->inputs, theta, self->scaled);
    dz_matern_distances(self->inputs, self->scaled, self->inputs, self->scaled, theta,
                        self->kernel);
    for (size_t i = 0; i < self->inputs->count; i++) {
        gsl_matrix_set(self->kernel, i, i, 0);
        for (size_t j = 0; j <= i; j++) {
            double slope = 0;
            double value = dz_matern(gsl_matrix_get(self->kernel, i, j), variance, &slope);
            gsl_matrix_set(self->kernel, i, j, value);
            gsl_matrix_set(self->kernel, j, i, value);
            gsl_matrix_set(self->slope, i, j, slope);
            gsl_matrix_set(self->slope, j, i, slope);
        }
    }
}

/* (5.9): half the trace of W dK, for each parameter. Along a numeric dimension, with M = W times g
 * element by element and z the scaled coordinates, that is sum_i z_i^2 M_i. - sum_ij z_i M_ij z_j:
 * one product of matrices for all. */
static void fill_gradient(likelihood *self, const double *theta, double *gradient)
{
    const dz_inputs *inputs = self->inputs;
    size_t dims = inputs->dims;
    double noise = exp(theta[dims + 1]);
    memset(gradient, 0, dz_matern_parameters(inputs) * sizeof(*gradient));
    (void)gsl_linalg_cholesky_invert(self->factor);
    for (size_t i = 0; i < inputs->count; i++) {
        double row = 0;
        for (size_t j = 0; j < inputs->count; j++) {
            double w = gsl_vector_get(self->weights, i) * gsl_vector_get(self->weights, j) -
                       gsl_matrix_get(self->factor, i, j);
            gradient[dims] += 0.5 * w * gsl_matrix_get(self->kernel, i, j);
            gradient[dims + 1] += i == j ? 0.5 * w * noise : 0;
            double *m = gsl_matrix_ptr(self->slope, i, j);
            *m *= w;
            row += *m;
        }
        self->rows[i] = row;
    }
    gsl_matrix_const_view z = gsl_matrix_const_view_array(self->scaled, inputs->count, dims);
    (void)gsl_blas_dgemm(CblasNoTrans, CblasNoTrans, 1.0, self->slope, &z.matrix, 0.0,
                         self->product);
    for (size_t i = 0; i < inputs->count; i++) {
        for (size_t d = 0; d < dims; d++) { /* from now on minus the derivative by z_id */
            double scaled = self->scaled[i * dims + d];
            double pull = self->rows[i] * scaled - gsl_matrix_get(self->product, i, d);
            gsl_matrix_set(self->product, i, d, pull);
            gradient[d] += scaled * pull;
        }
    }
    if (inputs->warped) {
        fill_warp_gradient(self, theta, gradient + dims + 2);
    }
    for (size_t d = 0; d < dims; d++) {
        if (inputs->categorical[d]) {
            gradient[d] = exp(-2 * theta[d]) * category_gradient(self, d);
        }
    }
}

/* By the chain rule through the scaled coordinates. */
static void fill_warp_gradient(const likelihood *self, const double *theta, double *gradient)
{
    const dz_inputs *inputs = self->inputs;
    size_t dims = inputs->dims;
    const double *log_a = theta + dims + 2;
    const double *log_b = log_a + dims;
    for (size_t i = 0; i < inputs->count; i++) {
        for (size_t d = 0; d < dims; d++) {
            if (!inputs->categorical[d]) {
                double by_a = 0;
                double by_b = 0;
                (void)dz_gp_warp(inputs->x[i * dims + d], log_a[d], log_b[d], NULL, &by_a, &by_b);
                double by_w = -gsl_matrix_get(self->product, i, d) * exp(-theta[d]);
                gradient[d] += by_w * by_a;
                gradient[dims + d] += by_w * by_b;
            }
        }
    }
}

static double category_gradient(const likelihood *self, size_t dim)
{
    const dz_inputs *inputs = self->inputs;
    double sum = 0;
    for (size_t i = 0; i < inputs->count; i++) {
        for (size_t j = 0; j < i; j++) {
            double difference =
                inputs->x[i * inputs->dims + dim] - inputs->x[j * inputs->dims + dim];
            sum += fabs(difference) > 1e-9 ? gsl_matrix_get(self->slope, i, j) : 0;
        }
    }
    return sum;
}

static double negative_posterior(const double *theta, double *gradient, void *context)
{
    likelihood *self = context;
    double value = evaluate(self, theta, gradient);
    if (!isfinite(value)) {
        return INFINITY;
    }
    dz_gp_log_prior(self->inputs, theta, &value, gradient);
    for (size_t i = 0; i < dz_matern_parameters(self->inputs); i++) {
        gradient[i] = -gradient[i];
    }
    return -value;
}

static double prior_mean(size_t dims, size_t i)
{
    if (i < dims) {
        return log(LENGTH_MEAN) + 0.5 * log((double)dims);
    }
    return i == dims + 1 ? log(NOISE_MEAN) : 0.0;
}

static double prior_deviation(size_t dims, size_t i)
{
    if (i < dims) {
        return LENGTH_DEVIATION;
    }
    return i == dims ? SIGNAL_DEVIATION : (i == dims + 1 ? NOISE_DEVIATION : WARP_DEVIATION);
}

static const double *prior_range(size_t dims, size_t i)
{
    if (i < dims) {
        return LENGTH_RANGE;
    }
    return i == dims ? SIGNAL_RANGE : (i == dims + 1 ? NOISE_RANGE : WARP_RANGE);
}
