/*
 * The minimum of a quadratic model that is fitted to values by weighted least squares: the
 * surrogate of N. Hansen, "A global surrogate assisted CMA-ES", GECCO 2019. With few values the
 * model has no mixed terms.
 */
#ifndef DZ_QUADRATIC_H
#define DZ_QUADRATIC_H

#include <stdbool.h>
#include <stddef.h>

/* The number of coefficients in `dims` dimensions, with and without mixed terms. */
size_t dz_quadratic_terms(size_t dims, bool mixed);

/* Fits the model to values[count] at points[count][dims], the best first: their weights fall
 * linearly from 20 to 1. Puts its minimum in the ball of `radius` about 0 into minimum[dims]. False
 * when there is no memory, or no fit: fewer values than coefficients, or values that are not
 * finite. */
bool dz_quadratic_minimum(const double *points, const double *values, size_t count, size_t dims,
                          bool mixed, double radius, double *minimum);

#endif
