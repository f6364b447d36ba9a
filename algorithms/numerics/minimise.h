/*
 * Minimisation of a smooth function inside a box: limited-memory BFGS on the variables that are not
 * held at a bound, with a backtracking search along the projected direction (Bertsekas, "Projected
 * Newton methods for optimization problems with simple constraints", SIAM J. Control Optim. 20-2,
 * 1982; the two-loop recursion is Nocedal's, Math. Comp. 35, 1980). The function may return
 * infinity or NaN, which counts as too large a step.
 */
#ifndef DZ_MINIMISE_H
#define DZ_MINIMISE_H

#include <stdbool.h>
#include <stddef.h>

/* The value at x[n]; puts the gradient into gradient[n]. */
typedef double (*dz_objective)(const double *x, double *gradient, void *context);

typedef struct dz_minimise_options {
    const double *low;      /* [n]: the box */
    const double *high;     /* [n] */
    size_t max_evaluations; /* of value and gradient */
    double tolerance;       /* stops when no component of the projected gradient is larger */
} dz_minimise_options;

/* Moves x[n], which is first put into the box low[n] .. high[n], to a point that is not worse, and
 * puts the value there into *value. False when there is no memory; x is as it was then. */
bool dz_minimise(dz_objective objective, void *context, size_t n,
                 const dz_minimise_options *options, double *x, double *value);

#endif
