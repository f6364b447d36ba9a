/*
 * Parzen density estimators on the unit cube, as the tree-structured Parzen estimator needs them.
 *
 * A density is a mixture of one flat component, the prior, with weight w0, and of one kernel of
 * weight 1 around each of n points. Along a continuous axis a kernel is a normal truncated to [0,
 * 1]; along an ordered axis of levels it is the mass that this normal has in the level's cell;
 * along a categorical axis it stands at the point's level.
 *
 *   DZ_PARZEN_AXES    each axis is a mixture of its own, and the axes are independent. A kernel is
 * as wide as the larger gap to its neighbours (Bergstra et al., "Algorithms for hyper-parameter
 * optimization", NIPS 2011, section 4); a category's prior weight is w0, so that of the axis is
 * levels * w0. DZ_PARZEN_JOINT   one mixture of products (Falkner et al., "BOHB", ICML 2018,
 * section 3.2). Widths follow the normal reference rule 1.06 s n^(-1/(d+4)); a categorical kernel
 * is Aitchison and Aitken's, which leaves some mass to the other levels.
 *
 * Widths are kept between 1/min(100, n+1) and 1. Every density integrates (or sums, over levels)
 * to 1.
 */
#ifndef DZ_PARZEN_H
#define DZ_PARZEN_H

#include <dozan/rng.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct dz_parzen_axis {
    size_t levels;       /* 0 = continuous */
    bool ordered;        /* of levels */
    const double *edges; /* ordered levels: levels + 1 ascending bounds of the cells, from 0 to 1 */
} dz_parzen_axis;

typedef enum dz_parzen_rule { DZ_PARZEN_AXES, DZ_PARZEN_JOINT } dz_parzen_rule;

typedef struct dz_parzen dz_parzen;

/* Makes the density of points[count][axis_count], for prior_weight > 0. The axes are borrowed, and
 * the points copied. NULL when there is no memory. */
dz_parzen *dz_parzen_create(const dz_parzen_axis *axes, size_t axis_count,
                            const double *const *points, size_t count, double prior_weight,
                            dz_parzen_rule rule);
void dz_parzen_destroy(dz_parzen *parzen);

/* DZ_PARZEN_AXES: log density (of levels: log mass) of coordinate u of an axis; one draw of it. */
double dz_parzen_axis_log(const dz_parzen *parzen, size_t axis, double u);
double dz_parzen_axis_draw(const dz_parzen *parzen, size_t axis, dozan_rng *rng);

/* Either rule: log density of a point; one draw into point[axis_count]. */
double dz_parzen_log(const dz_parzen *parzen, const double *point);
void dz_parzen_draw(const dz_parzen *parzen, dozan_rng *rng, double *point);

/* The level (0 .. levels-1) of coordinate u of an axis of levels. */
size_t dz_parzen_level(const dz_parzen_axis *axis, double u);

#endif
