/*
 * A Gaussian process with zero mean and the Matern 5/2 kernel: its likelihood, its fit and its
 * posterior. Rasmussen and Williams, "Gaussian processes for machine learning", MIT Press 2006:
 * algorithm 2.1 and (5.9). theta is as in matern.h; inputs are in the unit cube, and y is
 * meant to be standardised.
 */
#ifndef DZ_GP_H
#define DZ_GP_H

#include "matern.h"

typedef struct dz_gp dz_gp;

/* The log marginal likelihood of y[inputs->count], and its gradient by theta unless that is NULL.
 * -INFINITY when the covariance is not positive definite, or without memory.
 */
double dz_gp_log_likelihood(const dz_inputs *inputs, const double *y, const double *theta,
                            double *gradient);

/* The log of the prior of theta, up to a constant, added to *value and gradient. Log length scales
 * are normal about log(0.3 sqrt(dims)), so that a distance in the cube means as much in many
 * dimensions as in few (Hvarfner et al., "Vanilla Bayesian optimization performs great in high
 * dimensions", ICML 2024); the noise's logarithm is normal about log(0.001), a warp's parameters
 * about the identity. */
void dz_gp_log_prior(const dz_inputs *inputs, const double *theta, double *value, double *gradient);

typedef struct dz_gp_fit_options {
    size_t max_evaluations; /* of likelihood and gradient, from each start */
    size_t starts;          /* 1 or 2 */
    const double *from;     /* the first start; NULL = the prior's middle */
} dz_gp_fit_options;

/* The most probable theta that is found from the starts, and the log of its posterior up to a
 * constant. inputs->count >= 1. False when there is no memory. */
bool dz_gp_fit(const dz_inputs *inputs, const double *y, const dz_gp_fit_options *options,
               double *theta, double *log_posterior);

/* The most probable theta before any data. */
void dz_gp_prior_middle(const dz_inputs *inputs, double *theta);

/* The posterior given y at the inputs. `fantasies` (may be NULL) are points whose values are yet to
 * come: each is believed to be what the process expects there, which leaves the mean as it is and
 * takes the variance away (the kriging believer: Ginsbourger et al., "Kriging is well-suited to
 * parallelize optimization", 2010). Copies all. NULL when there is no memory, or no positive
 * definite covariance even with jitter. */
dz_gp *dz_gp_create(const dz_inputs *inputs, const double *y, const double *theta,
                    const dz_inputs *fantasies);
void dz_gp_destroy(dz_gp *gp);

/* The least posterior mean at those points with a value that are `among` them (NULL = all), where y
 * is what the process was made of: the best that is known with noise taken out. INFINITY for none.
 */
double dz_gp_least_mean(const dz_gp *gp, const double *y, const bool *among);

/* The most points of one dz_gp_predict. Predictions use room of the process, which is one thread's
 * at a time. */
enum { DZ_GP_BATCH = 128 };

/* Posterior mean and variance (of the function, without noise) at points[count][dims], count <=
 * DZ_GP_BATCH. */
void dz_gp_predict(dz_gp *gp, const double *points, size_t count, double *mean, double *variance);

/* The same at one point, with the gradients by its coordinates; 0 along categorical dimensions. */
void dz_gp_gradient(dz_gp *gp, const double *point, double *mean, double *variance,
                    double *mean_gradient, double *variance_gradient);

#endif
