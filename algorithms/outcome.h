/*
 * A trial's result as the algorithms for several objectives compare it: a loss for each objective,
 * and how far the trial's constraints are broken.
 */
#ifndef DZ_OUTCOME_H
#define DZ_OUTCOME_H

#include <dozan/algorithm.h>

/* Losses beyond this are held there, so that differences of them stay finite. */
#define DZ_OUTCOME_LARGEST 1e150

/* The violation of a trial with losses whose constraints are not all known: more than any that is
 * known. */
#define DZ_OUTCOME_UNKNOWN 1e300

/* Puts the losses into losses[objective_count], and returns the violation: 0 = feasible, else the
 * sum of what the constraints are exceeded by. INFINITY when there is nothing to learn from but
 * that the point is bad: the trial failed or was stopped, or a loss is NaN or infinitely bad; all
 * losses are then DZ_OUTCOME_LARGEST. One objective of a trial that was stopped early counts. */
double dz_outcome_read(const dozan_problem *problem, const dozan_trial *trial, double *losses);

#endif
