#include "matern.h"

#include "gp_warp.h"

#include <gsl/gsl_blas.h>
#include <math.h>

static double squared_norm(const double *row, size_t dims);
static void add_categories(const dz_inputs *a, const dz_inputs *b, size_t dim, double weight,
                           gsl_matrix *out);

double dz_matern(double squared_distance, double variance, double *slope)
{
    double root = sqrt(5 * squared_distance);
    double decay = variance * exp(-root);
    if (slope != NULL) {
        *slope = 5.0 / 3.0 * (1 + root) * decay;
    }
    return (1 + root + 5.0 / 3.0 * squared_distance) * decay;
}

size_t dz_matern_parameters(const dz_inputs *inputs)
{
    return (inputs->warped ? 3 : 1) * inputs->dims + 2;
}

void dz_matern_scale(const dz_inputs *inputs, const double *theta, double *scaled)
{
    size_t dims = inputs->dims;
    const double *log_a = theta + dims + 2;
    const double *log_b = log_a + dims;
    for (size_t d = 0; d < dims; d++) {
        double inverse = inputs->categorical[d] ? 0 : exp(-theta[d]);
        bool warped = inputs->warped && !inputs->categorical[d];
        for (size_t i = 0; i < inputs->count; i++) {
            double x = inputs->x[i * dims + d];
            x = warped ? dz_gp_warp(x, log_a[d], log_b[d], NULL, NULL, NULL) : x;
            scaled[i * dims + d] = x * inverse;
        }
    }
}

/* |a|^2 + |b|^2 - 2 ab: what cancellation leaves is some 1e-16 of |a|^2, in r^2, where the kernel
 * is smooth. */
void dz_matern_distances(const dz_inputs *a, const double *a_scaled, const dz_inputs *b,
                         const double *b_scaled, const double *theta, gsl_matrix *out)
{
    size_t dims = a->dims;
    gsl_matrix_const_view left = gsl_matrix_const_view_array(a_scaled, a->count, dims);
    gsl_matrix_const_view right = gsl_matrix_const_view_array(b_scaled, b->count, dims);
    for (size_t i = 0; i < a->count; i++) {
        double norm = squared_norm(a_scaled + i * dims, dims);
        for (size_t j = 0; j < b->count; j++) {
            gsl_matrix_set(out, i, j, norm);
        }
    }
    for (size_t j = 0; j < b->count; j++) {
        double norm = squared_norm(b_scaled + j * dims, dims);
        for (size_t i = 0; i < a->count; i++) {
            *gsl_matrix_ptr(out, i, j) += norm;
        }
    }
    (void)gsl_blas_dgemm(CblasNoTrans, CblasTrans, -2.0, &left.matrix, &right.matrix, 1.0, out);
    for (size_t i = 0; i < a->count; i++) {
        for (size_t j = 0; j < b->count; j++) {
            double *r2 = gsl_matrix_ptr(out, i, j);
            *r2 = *r2 > 0 ? *r2 : 0;
        }
    }
    for (size_t d = 0; d < dims; d++) {
        if (a->categorical[d]) {
            add_categories(a, b, d, exp(-2 * theta[d]), out);
        }
    }
}

static double squared_norm(const double *row, size_t dims)
{
    double sum = 0;
    for (size_t d = 0; d < dims; d++) {
        sum += row[d] * row[d];
    }
    return sum;
}

static void add_categories(const dz_inputs *a, const dz_inputs *b, size_t dim, double weight,
                           gsl_matrix *out)
{
    for (size_t i = 0; i < a->count; i++) {
        double level = a->x[i * a->dims + dim];
        for (size_t j = 0; j < b->count; j++) {
            bool differs = fabs(b->x[j * b->dims + dim] - level) > 1e-9;
            *gsl_matrix_ptr(out, i, j) += differs ? weight : 0;
        }
    }
}
