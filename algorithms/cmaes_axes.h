/*
 * A search space as CMA-ES sees it: numeric coordinates, which a normal distribution is over, and
 * categorical axes, with a distribution over their categories. A parameter of one value is neither.
 */
#ifndef DZ_CMAES_AXES_H
#define DZ_CMAES_AXES_H

#include <dozan/space.h>

/* A quantised coordinate of more levels than this is treated as continuous: its levels are far
 * narrower than any step of the search. */
enum { DZ_CMAES_MAX_LEVELS = 4096 };

typedef struct dz_cmaes_axes {
    size_t dims; /* of the space */
    size_t numeric;
    size_t categorical;
    size_t *at;           /* [numeric]: the space's dimension */
    size_t *levels;       /* [numeric]: 0 when it is treated as continuous */
    const double **edges; /* [numeric]: [levels + 1] limits of the levels, NULL without */
    size_t *category_at;  /* [categorical]: the space's dimension */
    size_t *sizes;        /* [categorical]: number of categories */
    double *fixed;        /* unit[dims]: the middle, for parameters of one value */
    bool quantised;       /* whether a coordinate has levels */
    double *memory;
} dz_cmaes_axes;

/* Fills *axes for the space; false when there is no memory. fini frees what it holds. */
bool dz_cmaes_axes_init(dz_cmaes_axes *axes, const dozan_space *space);
void dz_cmaes_axes_fini(dz_cmaes_axes *axes);

/* The point unit[dims], snapped, of numeric coordinates x[numeric] (any number: what lies outside
 * of the cube is reflected, or is the last level) and of categories chosen[categorical]. */
void dz_cmaes_axes_point(const dz_cmaes_axes *axes, const dozan_space *space, const double *x,
                         const uint32_t *chosen, double *unit);

/* The reverse, x being in the middle of its level. */
void dz_cmaes_axes_read(const dz_cmaes_axes *axes, const dozan_space *space, const double *unit,
                        double *x, uint32_t *chosen);

/* Whether each continuous coordinate is in the cube. */
bool dz_cmaes_axes_inside(const dz_cmaes_axes *axes, const double *x);

#endif
