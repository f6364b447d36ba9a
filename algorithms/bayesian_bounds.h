/*
 * What a Gaussian process knows of where trials are feasible: where constraints hold, and where
 * trials do not fail.
 *
 * Each of the first constraints has a process of its own for how far its metric is beyond the bound
 * (Gardner et al., "Bayesian optimization with inequality constraints", ICML 2014); later ones
 * share them, and the largest counts. The last process is of failing: 1 where a trial failed or had
 * no usable loss, 0 elsewhere (least-squares classification: Rasmussen and Williams, "Gaussian
 * processes for machine learning", 6.5).
 *
 * An excess goes through asinh in units of its median, so that a few that are far beyond leave the
 * others apart; its sign stays.
 */
#ifndef DZ_BAYESIAN_BOUNDS_H
#define DZ_BAYESIAN_BOUNDS_H

#include "acquisition.h"
#include "bayesian_data.h"

enum { DZ_BAYESIAN_BOUNDS = 5 };

/* Fits the parameters of all of them to data, theta[DZ_BAYESIAN_BOUNDS][dims + 2]; the prior's
 * middle for one of which nothing is known. False when there is no memory. */
bool dz_bayesian_bounds_fit(const dozan_problem *problem, const dz_bayesian_data *data,
                            size_t max_evaluations, double *theta);

/* Makes the processes of which something is known, with fantasies as dz_gp_create takes them. False
 * when there is no memory. What was made is the caller's in both cases: destroy takes it. */
bool dz_bayesian_bounds_make(const dozan_problem *problem, const dz_bayesian_data *data,
                             const double *theta, const dz_inputs *fantasies,
                             dz_bound bounds[DZ_BAYESIAN_BOUNDS], size_t *count);
void dz_bayesian_bounds_destroy(dz_bound *bounds, size_t count);

#endif
