/*
 * The Matern 5/2 kernel with a length scale per dimension,
 *
 *   k(x, x') = s2 (1 + sqrt(5) r + 5/3 r^2) exp(-sqrt(5) r),   r^2 = sum over d of (x_d - x'_d)^2 /
 * l_d^2,
 *
 * where along a categorical dimension the difference is 0 for equal and 1 for different levels (the
 * same as one-hot coordinates with a common scale). Rasmussen and Williams, "Gaussian processes for
 * machine learning", 2006, (4.17).
 *
 * Parameters are logarithms: theta[0 .. dims-1] = log l_d, theta[dims] = log s2, theta[dims+1] =
 * log of the noise variance, which is not part of the kernel. Where inputs are warped, 2 dims more
 * follow: log a_d, and then log b_d of gp_warp.h; numeric coordinates go through it first.
 */
#ifndef DZ_MATERN_H
#define DZ_MATERN_H

#include <gsl/gsl_matrix.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct dz_inputs {
    size_t dims;
    const bool *categorical; /* [dims] */
    size_t count;
    const double *x; /* [count][dims] */
    bool warped;
} dz_inputs;

/* How many parameters theta has. */
size_t dz_matern_parameters(const dz_inputs *inputs);

/* k and g at a squared distance; g = 5/3 s2 (1 + sqrt(5) r) exp(-sqrt(5) r) is what every
 * derivative has as a factor: dk/d(log l_d) = g (x_d - x'_d)^2 / l_d^2 and dk/dx_d = -g (x_d -
 * x'_d) / l_d^2. */
double dz_matern(double squared_distance, double variance, double *slope);

/* Coordinates, warped where they are to be, over length scales into scaled[count][dims]; 0 along
 * categorical dimensions. */
void dz_matern_scale(const dz_inputs *inputs, const double *theta, double *scaled);

/* r^2 between the rows of a and of b into out (a->count x b->count), whose scaled coordinates are
 * given. */
void dz_matern_distances(const dz_inputs *a, const double *a_scaled, const dz_inputs *b,
                         const double *b_scaled, const double *theta, gsl_matrix *out);

#endif
