/*
 * What a metric depends on: a random forest over the unit cube, and its functional ANOVA.
 *
 * Method: Hutter, Hoos and Leyton-Brown, "An Efficient Approach for Assessing Hyperparameter
 * Importance" (ICML 2014). A tree is a partition of the cube into boxes, each with a constant
 * value, so its variance over the cube, and how much of it one parameter explains alone (the
 * variance of its marginal, the others averaged out), are sums over its leaves: exact, without
 * sampling. A parameter's importance is that share, averaged over the trees; what no parameter
 * explains alone is due to interactions. The cube's measure is the search space's own distribution.
 *
 * Trees are Breiman's (Random Forests, 2001): bootstrap, the split of least squared error among 5/6
 * of the parameters at each node, at least 3 trials in a leaf. Coordinates are put in at most 64
 * bins, a quantised parameter's levels each in its own; categories are ordered by their mean value
 * (Breiman et al., CART, 1984), which finds the best split of them. Values far worse than the bulk
 * (beyond three interquartile ranges) count as that bound: one diverged trial must not explain
 * everything. At most 1,024 trials are looked at, drawn by a hash of their numbers: the same ones
 * each time.
 */
#ifndef DZ_VIEWS_FOREST_H
#define DZ_VIEWS_FOREST_H

#include <dozan/space.h>

enum { DZ_MODEL_BINS = 64, DZ_MODEL_SAMPLE = 1024, DZ_MODEL_LEAST = 8, DZ_MAX_KEPT_MODELS = 4 };

typedef struct dz_model dz_model;

/* Fits `count` trials (DZ_MODEL_LEAST at least): units[count * dims], NaN = inactive, and losses
 * (smaller is better, no NaN; infinite ones count as the bound). */
typedef struct dz_model_data {
    const dozan_space *space;
    const double *units;
    const double *losses;
    size_t count;
    uint64_t seed;
    size_t metric;
    size_t rows;
} dz_model_data;

DOZAN_MUST_USE dozan_status dz_model_fit(const dz_model_data *data, dz_model **model,
                                         dozan_error *err);
void dz_model_destroy(dz_model *model);

/* What it was made of: the metric, the number of completed trials then, and of those looked at. */
size_t dz_model_metric(const dz_model *model);
size_t dz_model_rows(const dz_model *model);
size_t dz_model_sample(const dz_model *model);

/* Each parameter's share of the variance by itself, shares[dims]; *interactions is the rest. All
 * are 0 when the metric does not vary. RESOURCE_EXHAUSTED. */
DOZAN_MUST_USE dozan_status dz_model_shares(const dz_model *model, double *shares,
                                            double *interactions, dozan_error *err);

/* The bins of a parameter, in the order of its values, and where they begin: edges[bins + 1]. */
size_t dz_model_bins(const dz_model *model, size_t dim);
void dz_model_edges(const dz_model *model, size_t dim, double *edges);

/* The mean loss over the other parameters, at each bin of x: means[bins of x]; or at each pair of
 * bins: means[bins of x * bins of y], x changing slowest. x and y differ. */
DOZAN_MUST_USE dozan_status dz_model_marginal(const dz_model *model, size_t x, double *means,
                                              dozan_error *err);
DOZAN_MUST_USE dozan_status dz_model_surface(const dz_model *model, size_t x, size_t y,
                                             double *means, dozan_error *err);

/* The forest's own value at bins[dims] (in the order of values): for tests. */
double dz_model_value(const dz_model *model, const size_t *bins);

#endif
