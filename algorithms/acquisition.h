/*
 * Where to try next by a Gaussian process: acquisition functions, and the search for their best
 * point in a mixed space.
 *
 *   LCB   the lower confidence bound, mean - 1.96 deviations
 *   EI    the expected improvement on the least posterior mean, by its logarithm, which does not
 * vanish far from the best (Ament et al., "Unexpected improvements to expected improvement",
 * NeurIPS 2023) PI    the probability of an improvement by 0.01 standard units
 *
 * With bounds, the improvement counts by the probability that they hold (Gardner et al., "Bayesian
 * optimization with inequality constraints", ICML 2014); as long as nothing feasible is known, that
 * probability alone is looked for. The logarithm of it is taken from LCB.
 */
#ifndef DZ_ACQUISITION_H
#define DZ_ACQUISITION_H

#include "numerics/gp.h"

#include <dozan/algorithm.h>

typedef enum dz_acquisition {
    DZ_ACQUISITION_LCB,
    DZ_ACQUISITION_EI,
    DZ_ACQUISITION_PI
} dz_acquisition;

enum { DZ_ACQUISITION_COUNT = 3 };

/* The value, smaller is better, for a posterior mean and variance and the best known mean; and its
 * derivatives. */
double dz_acquisition_value(dz_acquisition kind, double mean, double variance, double best,
                            double *by_mean, double *by_variance);

/* What a trial's feasibility is believed to depend on: a process that is to stay below a threshold.
 */
typedef struct dz_bound {
    dz_gp *gp;
    double threshold;
} dz_bound;

/* Minus the logarithm of the probability that a bound holds, and its derivatives. */
double dz_bound_cost(double threshold, double mean, double variance, double *by_mean,
                     double *by_variance);

typedef struct dz_acquisition_task {
    const dozan_problem *problem;
    const dozan_ask *ask;
    dz_gp *gp;
    dz_acquisition kind;
    double best; /* least mean known; INFINITY = none that is feasible */
    const dz_bound *bounds;
    size_t bound_count;
    const double *x;          /* [][dims]: points tried */
    const size_t *incumbents; /* rows of x to look around, the good ones */
    size_t incumbent_count;
    bool polish; /* improve the best candidates by gradient and by their neighbours */
} dz_acquisition_task;

/* Puts the best free point that was found into point[dims]; *found is false when there is none.
 * Draws from rng. RESOURCE_EXHAUSTED without memory. */
dozan_status dz_acquisition_propose(const dz_acquisition_task *task, dozan_rng *rng, double *point,
                                    bool *found, dozan_error *err);

#endif
