/*
 * The parameters of the Gaussian process, and the transform of losses that goes with them, as a
 * function of the log.
 *
 * A fit is made at certain counts of ended trials (each of the first 20, then about every tenth
 * part more), from the trials up to that count alone; so it comes out the same whenever it is made.
 * The transform is chosen first, on a part of the data: the one under which the losses are the most
 * probable, each with the best parameters of a short search. Then the parameters are searched for
 * with that one, from there and from another start.
 */
#ifndef DZ_BAYESIAN_FIT_H
#define DZ_BAYESIAN_FIT_H

#include <dozan/algorithm.h>

typedef struct dz_bayesian_fit {
    size_t ended;     /* the count of ended trials that theta was fitted to; 0 = none yet */
    size_t transform; /* the kind */
    bool warped;      /* what dz_inputs.warped is to be */
    double *theta;
    double *bounds; /* [DZ_BAYESIAN_BOUNDS][dims + 2], theirs */
} dz_bayesian_fit;

/* NULL when there is no memory; destroy takes NULL. */
dz_bayesian_fit *dz_bayesian_fit_create(size_t dims);
void dz_bayesian_fit_destroy(dz_bayesian_fit *fit);

/* Makes it the fit that belongs to the history, in which at least one trial has a result. False
 * when there is no memory. */
bool dz_bayesian_fit_update(dz_bayesian_fit *fit, const dozan_problem *problem,
                            const bool *categorical);

#endif
