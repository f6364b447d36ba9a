/*
 * A monotone warping of each coordinate of the unit cube, by the distribution function of
 * Kumaraswamy, w(x) = 1 - (1 - x^a)^b: it takes in objectives that change faster at one end of a
 * range than at the other, which no single length scale can. a = b = 1 leaves x as it is. Snoek,
 * Swersky, Zemel and Adams, "Input warping for Bayesian optimization of non-stationary functions",
 * ICML 2014 (with Kumaraswamy's distribution for the beta, whose derivatives are elementary).
 */
#ifndef DZ_GP_WARP_H
#define DZ_GP_WARP_H

/* w(x) for x in [0, 1], with its derivatives by x, log a and log b; each may be NULL. x is held
 * 1e-9 away from the ends, where the derivatives are infinite. */
double dz_gp_warp(double x, double log_a, double log_b, double *by_x, double *by_a, double *by_b);

#endif
