#include "quadratic.h"

#include <gsl/gsl_blas.h>
#include <gsl/gsl_eigen.h>
#include <gsl/gsl_linalg.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Room for a fit; all arrays in one block. */
typedef struct fit {
    size_t dims;
    size_t terms;
    bool mixed;
    double *design;  /* [count][terms] */
    double *wanted;  /* [count] */
    double *scale;   /* [terms]: root mean square of each */
    double *normal;  /* [terms][terms] */
    double *right;   /* [terms] */
    double *hessian; /* [dims][dims] */
    double *basis;   /* [dims][dims] */
    double *curves;  /* [dims] */
    double memory[];
} fit;

static const double ridge = 1e-9;
static const double most_weight = 20;

static fit *create(size_t count, size_t dims, bool mixed);
static void fill_terms(const fit *self, const double *point, double *row);
static bool solve(fit *self, const double *points, const double *values, size_t count);
static bool find_minimum(fit *self, double radius, double *minimum);
static void fill_hessian(fit *self);

size_t dz_quadratic_terms(size_t dims, bool mixed)
{
    return mixed ? (dims + 1) * (dims + 2) / 2 : 2 * dims + 1;
}

bool dz_quadratic_minimum(const double *points, const double *values, size_t count, size_t dims,
                          bool mixed, double radius, double *minimum)
{
    if (count < dz_quadratic_terms(dims, mixed)) {
        return false;
    }
    fit *self = create(count, dims, mixed);
    bool found =
        self != NULL && solve(self, points, values, count) && find_minimum(self, radius, minimum);
    free(self);
    return found;
}

static fit *create(size_t count, size_t dims, bool mixed)
{
    size_t terms = dz_quadratic_terms(dims, mixed);
    size_t doubles = (count + 2) * (terms + 1) + terms * terms + 2 * dims * dims + dims;
    fit *self = calloc(1, sizeof(*self) + doubles * sizeof(double));
    if (self != NULL) {
        self->dims = dims;
        self->terms = terms;
        self->mixed = mixed;
        self->design = self->memory;
        self->wanted = self->design + count * terms;
        self->scale = self->wanted + count;
        self->right = self->scale + terms;
        self->normal = self->right + terms;
        self->hessian = self->normal + terms * terms;
        self->basis = self->hessian + dims * dims;
        self->curves = self->basis + dims * dims;
    }
    return self;
}

/* 1, z_i, z_i^2, and with mixed terms z_i z_k for i < k, in this order. */
static void fill_terms(const fit *self, const double *point, double *row)
{
    size_t n = self->dims;
    size_t at = 1 + 2 * n;
    row[0] = 1;
    for (size_t i = 0; i < n; i++) {
        row[1 + i] = point[i];
        row[1 + n + i] = point[i] * point[i];
        for (size_t k = i + 1; k < n && self->mixed; k++) {
            row[at++] = point[i] * point[k];
        }
    }
}

/* The normal equations, with terms scaled to a root mean square of 1 and a small ridge; the
 * coefficients are in `right` then. */
static bool solve(fit *self, const double *points, const double *values, size_t count)
{
    size_t terms = self->terms;
    for (size_t i = 0; i < count; i++) {
        double *row = self->design + i * terms;
        fill_terms(self, points + i * self->dims, row);
        for (size_t t = 0; t < terms; t++) {
            self->scale[t] += row[t] * row[t] / (double)count;
        }
    }
    for (size_t t = 0; t < terms; t++) {
        self->scale[t] = sqrt(self->scale[t]) + 1e-300;
    }
    double span = values[count - 1] - values[0];
    if (!isfinite(span) || !(span > 0)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        double part = count > 1 ? (double)i / (double)(count - 1) : 0;
        double root = sqrt(most_weight + part * (1 - most_weight));
        double *row = self->design + i * terms;
        for (size_t t = 0; t < terms; t++) {
            row[t] *= root / self->scale[t];
        }
        self->wanted[i] = root * (values[i] - values[0]) / span;
    }
    gsl_matrix_view design = gsl_matrix_view_array(self->design, count, terms);
    gsl_matrix_view matrix = gsl_matrix_view_array(self->normal, terms, terms);
    gsl_vector_view right = gsl_vector_view_array(self->right, terms);
    gsl_vector_view wanted = gsl_vector_view_array(self->wanted, count);
    (void)gsl_blas_dsyrk(CblasLower, CblasTrans, 1, &design.matrix, 0, &matrix.matrix);
    (void)gsl_blas_dgemv(CblasTrans, 1, &design.matrix, &wanted.vector, 0, &right.vector);
    for (size_t t = 0; t < terms; t++) {
        self->normal[t * terms + t] += ridge * (double)count * most_weight;
    }
    if (gsl_linalg_cholesky_decomp1(&matrix.matrix) != 0 ||
        gsl_linalg_cholesky_svx(&matrix.matrix, &right.vector) != 0) {
        return false;
    }
    for (size_t t = 0; t < terms; t++) {
        self->right[t] /= self->scale[t];
    }
    return true;
}

/* Along each principal axis to its minimum, or to the ball where it bends down or not at all. */
static bool find_minimum(fit *self, double radius, double *minimum)
{
    size_t n = self->dims;
    fill_hessian(self);
    gsl_eigen_symmv_workspace *room = gsl_eigen_symmv_alloc(n);
    if (room == NULL) {
        return false;
    }
    gsl_matrix_view matrix = gsl_matrix_view_array(self->hessian, n, n);
    gsl_matrix_view vectors = gsl_matrix_view_array(self->basis, n, n);
    gsl_vector_view values = gsl_vector_view_array(self->curves, n);
    int status = gsl_eigen_symmv(&matrix.matrix, &values.vector, &vectors.matrix, room);
    gsl_eigen_symmv_free(room);
    memset(minimum, 0, n * sizeof(*minimum));
    for (size_t k = 0; k < n && status == 0; k++) {
        double slope = 0;
        for (size_t i = 0; i < n; i++) {
            slope += self->basis[i * n + k] * self->right[1 + i];
        }
        double along = slope > 0 ? -radius : radius;
        if (self->curves[k] * radius > fabs(slope)) {
            along = -slope / self->curves[k];
        }
        for (size_t i = 0; i < n; i++) {
            minimum[i] += self->basis[i * n + k] * along;
        }
    }
    double square = 0;
    for (size_t i = 0; i < n; i++) {
        square += minimum[i] * minimum[i];
    }
    for (size_t i = 0; i < n && square > radius * radius; i++) {
        minimum[i] *= radius / sqrt(square);
    }
    return status == 0 && isfinite(square);
}

static void fill_hessian(fit *self)
{
    size_t n = self->dims;
    const double *square = self->right + 1 + n;
    const double *mixed = square + n;
    for (size_t i = 0; i < n; i++) {
        self->hessian[i * n + i] = 2 * square[i];
        for (size_t k = i + 1; k < n; k++) {
            double both = self->mixed ? *mixed++ : 0;
            self->hessian[i * n + k] = both;
            self->hessian[k * n + i] = both;
        }
    }
}
