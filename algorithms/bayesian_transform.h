/*
 * Losses as a Gaussian process likes them. Which form fits differs from one objective to the next
 * (noise that is the same everywhere wants no transform, a basin that is many decades deep wants a
 * logarithm), so there is a short list of them, and the data decide: bayesian_fit.h compares them
 * by evidence, as in Snelson, Rasmussen and Ghahramani, "Warped Gaussian processes", NIPS 2003.
 *
 *   identity   the loss
 *   asinh      asinh((loss - median) / quartile deviation): outliers of any size on both sides are
 *              taken in, and the middle is left as it is
 *   log        log(loss - least + e), with e a multiple of what is between the least loss and the
 *              first quartile: the smaller, the deeper does it look into the basin
 */
#ifndef DZ_BAYESIAN_TRANSFORM_H
#define DZ_BAYESIAN_TRANSFORM_H

#include <stddef.h>

enum { DZ_TRANSFORM_IDENTITY, DZ_TRANSFORM_ASINH, DZ_TRANSFORM_LOG, DZ_TRANSFORM_COUNT = 5 };

typedef struct dz_transform {
    size_t kind;   /* below DZ_TRANSFORM_COUNT; from LOG on one for each multiple */
    double center; /* median, or the least loss less e */
    double scale;  /* 1, or the quartile deviation */
} dz_transform;

/* The transform of that kind for finite losses sorted[count], ascending; the identity when count is
 * 0. */
dz_transform dz_transform_of(size_t kind, const double *sorted, size_t count);

/* The transformed loss, finite for all that are not below the least one; and the log of the
 * transform's derivative there. */
double dz_transform_apply(const dz_transform *transform, double loss);
double dz_transform_log_slope(const dz_transform *transform, double loss);

#endif
