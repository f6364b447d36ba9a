/*
 * Parzen density estimators on the unit cube, as the tree-structured Parzen estimator needs them.
 *
 * A density is one mixture of products: a flat component, the prior, and one kernel around each
 * point (Falkner et al., "BOHB", ICML 2018, section 3.2). Along a continuous axis a kernel is a
 * normal truncated to [0, 1]; along an ordered axis of levels it is the mass that this normal has
 * in the level's cell; along a categorical axis it is Aitchison and Aitken's kernel, which leaves
 * some mass to the other levels.
 *
 * A kernel is along each axis as wide as the larger gap to its neighbours there (Bergstra et al.,
 * "Algorithms for hyper-parameter optimization", NIPS 2011, section 4), but never narrower than
 * 1 / min(100, n + 2) of the axis ("magic clipping": Watanabe, "Tree-structured Parzen estimator",
 * arXiv 2304.11127, section 3.3).
 *
 * A coordinate is NaN where an axis is inactive: a point without one says nothing of that axis, so
 * its kernel is flat there; and the density of such a candidate is that of its other coordinates.
 * Every density integrates (or sums, over levels) to 1 over its active axes.
 */
#ifndef DZ_PARZEN_H
#define DZ_PARZEN_H

#include "sorted_sample.h"

#include <dozan/rng.h>

typedef struct dz_parzen_axis {
    size_t levels;       /* 0 = continuous */
    bool ordered;        /* of levels */
    bool optional;       /* may be inactive */
    const double *edges; /* ordered levels: levels + 1 ascending bounds of the cells, from 0 to 1 */
} dz_parzen_axis;

typedef struct dz_parzen dz_parzen;

/* An estimator with room for `capacity` points, at most 2^32 - 1. The axes are borrowed. NULL when
 * there is no memory. */
dz_parzen *dz_parzen_create(const dz_parzen_axis *axes, size_t axis_count, size_t capacity);
void dz_parzen_destroy(dz_parzen *parzen);

/* Adds a point (copied) of a weight above 0, while there is room. A sample's points have
 * weight 1; those of its slots that are true in left_out stay out. It comes before any point. */
void dz_parzen_add(dz_parzen *parzen, const double *point, double weight);
void dz_parzen_add_sample(dz_parzen *parzen, const dz_sorted_sample *sample, const bool *left_out);

/* Settles the kernels once all points are there. The prior's weight is above 0. */
void dz_parzen_settle(dz_parzen *parzen, double prior_weight);

/* Log density of a point. Not for two threads at a time: it has room of its own to work in. */
double dz_parzen_log(dz_parzen *parzen, const double *point);

/* One draw into point[axis_count], along every axis; an ordered level as the middle of its cell. */
void dz_parzen_draw(const dz_parzen *parzen, dozan_rng *rng, double *point);

/* The level (0 .. levels-1) of coordinate u of an axis of levels. */
size_t dz_parzen_level(const dz_parzen_axis *axis, double u);

#endif
