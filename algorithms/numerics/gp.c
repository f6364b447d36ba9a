#include "gp.h"

#include "gp_warp.h"

#include <gsl/gsl_blas.h>
#include <gsl/gsl_linalg.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct dz_gp {
    size_t dims;
    size_t known; /* points with a value; the fantasies follow them */
    size_t total;
    dz_inputs inputs; /* [total], owned */
    double variance;  /* of the signal */
    double nugget;    /* noise and jitter: what the diagonal has on top */
    double *theta;
    double *x;
    double *scaled; /* [total][dims] */
    gsl_matrix *factor;
    gsl_vector *weights;  /* K^-1 y of the known points */
    double *point_scaled; /* [DZ_GP_BATCH][dims] */
    gsl_matrix *cross;    /* [total][DZ_GP_BATCH] */
    gsl_vector *slope;    /* [total] */
    gsl_vector *solved;   /* [total] */
};

static bool allocate(dz_gp *gp, size_t parameters);
static double coordinate_slope(const dz_gp *gp, const double *point, size_t d);
static void copy_inputs(dz_gp *gp, const dz_inputs *inputs, const dz_inputs *fantasies);
static bool factorise(dz_gp *gp);
static void solve_weights(dz_gp *gp, const double *y);

dz_gp *dz_gp_create(const dz_inputs *inputs, const double *y, const double *theta,
                    const dz_inputs *fantasies)
{
    dz_gp *gp = calloc(1, sizeof(*gp));
    if (gp == NULL || inputs->count == 0) {
        free(gp);
        return NULL;
    }
    gp->dims = inputs->dims;
    gp->known = inputs->count;
    gp->total = inputs->count + (fantasies != NULL ? fantasies->count : 0);
    if (!allocate(gp, dz_matern_parameters(inputs))) {
        dz_gp_destroy(gp);
        return NULL;
    }
    memcpy(gp->theta, theta, dz_matern_parameters(inputs) * sizeof(*theta));
    gp->variance = exp(theta[gp->dims]);
    copy_inputs(gp, inputs, fantasies);
    dz_matern_scale(&gp->inputs, theta, gp->scaled);
    if (!factorise(gp)) {
        dz_gp_destroy(gp);
        return NULL;
    }
    solve_weights(gp, y);
    return gp;
}

void dz_gp_destroy(dz_gp *gp)
{
    if (gp == NULL) {
        return;
    }
    free(gp->theta);
    gsl_matrix_free(gp->factor);
    gsl_matrix_free(gp->cross);
    gsl_vector_free(gp->weights);
    gsl_vector_free(gp->slope);
    gsl_vector_free(gp->solved);
    free(gp);
}

/* K w = y, and the mean at the points is (K - nugget I) w. */
double dz_gp_least_mean(const dz_gp *gp, const double *y, const bool *among)
{
    double least = INFINITY;
    for (size_t i = 0; i < gp->known; i++) {
        if (among == NULL || among[i]) {
            least = fmin(least, y[i] - gp->nugget * gsl_vector_get(gp->weights, i));
        }
    }
    return least;
}

void dz_gp_predict(dz_gp *gp, const double *points, size_t count, double *mean, double *variance)
{
    dz_inputs batch = gp->inputs;
    batch.count = count;
    batch.x = points;
    dz_matern_scale(&batch, gp->theta, gp->point_scaled);
    gsl_matrix_view cross = gsl_matrix_submatrix(gp->cross, 0, 0, gp->total, count);
    dz_matern_distances(&gp->inputs, gp->scaled, &batch, gp->point_scaled, gp->theta,
                        &cross.matrix);
    for (size_t i = 0; i < gp->total; i++) {
        for (size_t j = 0; j < count; j++) {
            double *value = gsl_matrix_ptr(&cross.matrix, i, j);
            *value = dz_matern(*value, gp->variance, NULL);
        }
    }
    gsl_matrix_view known = gsl_matrix_submatrix(gp->cross, 0, 0, gp->known, count);
    gsl_vector_view means = gsl_vector_view_array(mean, count);
    (void)gsl_blas_dgemv(CblasTrans, 1.0, &known.matrix, gp->weights, 0.0, &means.vector);
    (void)gsl_blas_dtrsm(CblasLeft, CblasLower, CblasNoTrans, CblasNonUnit, 1.0, gp->factor,
                         &cross.matrix);
    for (size_t j = 0; j < count; j++) {
        variance[j] = gp->variance;
    }
    for (size_t i = 0; i < gp->total; i++) {
        for (size_t j = 0; j < count; j++) {
            double value = gsl_matrix_get(&cross.matrix, i, j);
            variance[j] -= value * value;
        }
    }
    for (size_t j = 0; j < count; j++) {
        variance[j] = fmax(variance[j], 1e-12 * gp->variance);
    }
}

void dz_gp_gradient(dz_gp *gp, const double *point, double *mean, double *variance,
                    double *mean_gradient, double *variance_gradient)
{
    dz_inputs single = gp->inputs;
    single.count = 1;
    single.x = point;
    dz_matern_scale(&single, gp->theta, gp->point_scaled);
    gsl_matrix_view cross = gsl_matrix_submatrix(gp->cross, 0, 0, gp->total, 1);
    dz_matern_distances(&gp->inputs, gp->scaled, &single, gp->point_scaled, gp->theta,
                        &cross.matrix);
    *mean = 0;
    for (size_t i = 0; i < gp->total; i++) {
        double value = dz_matern(gsl_matrix_get(&cross.matrix, i, 0), gp->variance,
                                 gsl_vector_ptr(gp->slope, i));
        gsl_vector_set(gp->solved, i, value);
        *mean += i < gp->known ? value * gsl_vector_get(gp->weights, i) : 0;
    }
    (void)gsl_blas_dtrsv(CblasLower, CblasNoTrans, CblasNonUnit, gp->factor, gp->solved);
    double explained = 0;
    (void)gsl_blas_ddot(gp->solved, gp->solved, &explained);
    (void)gsl_blas_dtrsv(CblasLower, CblasTrans, CblasNonUnit, gp->factor, gp->solved);
    *variance = fmax(gp->variance - explained, 1e-12 * gp->variance);
    memset(mean_gradient, 0, gp->dims * sizeof(*mean_gradient));
    memset(variance_gradient, 0, gp->dims * sizeof(*variance_gradient));
    for (size_t i = 0; i < gp->total; i++) {
        double slope = gsl_vector_get(gp->slope, i);
        double by_mean = i < gp->known ? slope * gsl_vector_get(gp->weights, i) : 0;
        double by_variance = slope * gsl_vector_get(gp->solved, i);
        const double *row = gp->scaled + i * gp->dims;
        for (size_t d = 0; d < gp->dims; d++) {
            double difference = gp->point_scaled[d] - row[d];
            mean_gradient[d] -= by_mean * difference;
            variance_gradient[d] += 2 * by_variance * difference;
        }
    }
    for (size_t d = 0; d < gp->dims; d++) {
        double slope = coordinate_slope(gp, point, d);
        mean_gradient[d] *= slope;
        variance_gradient[d] *= slope;
    }
}

/* The derivative of a scaled coordinate by the coordinate. */
static double coordinate_slope(const dz_gp *gp, const double *point, size_t d)
{
    double slope = 1;
    if (gp->inputs.warped && !gp->inputs.categorical[d]) {
        const double *log_a = gp->theta + gp->dims + 2;
        (void)dz_gp_warp(point[d], log_a[d], log_a[gp->dims + d], &slope, NULL, NULL);
    }
    return slope * exp(-gp->theta[d]);
}

/* One block holds theta, the inputs and the scaled coordinates. */
static bool allocate(dz_gp *gp, size_t parameters)
{
    size_t dims = gp->dims;
    size_t coordinates = gp->total * dims;
    double *block = calloc(parameters + 2 * coordinates + DZ_GP_BATCH * dims, sizeof(*block));
    gp->theta = block;
    gp->factor = gsl_matrix_alloc(gp->total, gp->total);
    gp->cross = gsl_matrix_alloc(gp->total, DZ_GP_BATCH);
    gp->weights = gsl_vector_alloc(gp->known);
    gp->slope = gsl_vector_alloc(gp->total);
    gp->solved = gsl_vector_alloc(gp->total);
    if (block == NULL || gp->factor == NULL || gp->cross == NULL || gp->weights == NULL ||
        gp->slope == NULL || gp->solved == NULL) {
        return false;
    }
    gp->x = block + parameters;
    gp->scaled = gp->x + coordinates;
    gp->point_scaled = gp->scaled + coordinates;
    return true;
}

static void copy_inputs(dz_gp *gp, const dz_inputs *inputs, const dz_inputs *fantasies)
{
    double *x = gp->x;
    memcpy(x, inputs->x, gp->known * gp->dims * sizeof(*x));
    if (gp->total > gp->known) {
        memcpy(x + gp->known * gp->dims, fantasies->x, fantasies->count * gp->dims * sizeof(*x));
    }
    gp->inputs = *inputs;
    gp->inputs.x = x;
    gp->inputs.count = gp->total;
}

/* Factorises the covariance of all points; with more and more jitter where it is singular to
 * working precision. */
static bool factorise(dz_gp *gp)
{
    double noise = exp(gp->theta[gp->dims + 1]);
    static const double jitters[] = {1e-10, 1e-8, 1e-6, 1e-4, 1e-2};
    for (size_t attempt = 0; attempt < sizeof(jitters) / sizeof(jitters[0]); attempt++) {
        double jitter = jitters[attempt];
        dz_matern_distances(&gp->inputs, gp->scaled, &gp->inputs, gp->scaled, gp->theta,
                            gp->factor);
        for (size_t i = 0; i < gp->total; i++) {
            for (size_t j = 0; j < i; j++) {
                double *value = gsl_matrix_ptr(gp->factor, i, j);
                *value = dz_matern(*value, gp->variance, NULL);
                gsl_matrix_set(gp->factor, j, i, *value);
            }
            gsl_matrix_set(gp->factor, i, i, gp->variance * (1 + jitter) + noise);
        }
        gp->nugget = gp->variance * jitter + noise;
        if (gsl_linalg_cholesky_decomp1(gp->factor) == GSL_SUCCESS) {
            return true;
        }
    }
    return false;
}

/* The known points come first, so their factor is the leading block of the whole one. */
static void solve_weights(dz_gp *gp, const double *y)
{
    gsl_matrix_view factor = gsl_matrix_submatrix(gp->factor, 0, 0, gp->known, gp->known);
    memcpy(gp->weights->data, y, gp->known * sizeof(*y));
    (void)gsl_blas_dtrsv(CblasLower, CblasNoTrans, CblasNonUnit, &factor.matrix, gp->weights);
    (void)gsl_blas_dtrsv(CblasLower, CblasTrans, CblasNonUnit, &factor.matrix, gp->weights);
}
