/*
 * The axes of a search space as the density estimators see them.
 */
#ifndef DZ_AXES_H
#define DZ_AXES_H

#include "numerics/parzen.h"

#include <dozan/space.h>

/* An ordered dimension of more levels than this is an axis without: its cells are narrower than any
 * kernel. */
enum { DZ_AXES_MAX_LEVELS = 128 };

typedef struct dz_axes {
    size_t count;
    dz_parzen_axis *axes; /* [count] */
    double *edges;
} dz_axes;

/* Fills *axes for the space; false when there is no memory. fini frees what it holds. */
bool dz_axes_init(dz_axes *axes, const dozan_space *space);
void dz_axes_fini(dz_axes *axes);

/* Copies unit[count] into point, with NaN for the dimensions that are inactive there. */
void dz_axes_mask(const dozan_space *space, const double *unit, double *point);

#endif
