/*
 * The standard normal distribution where a difference or a logarithm of it would lose its digits.
 */
#ifndef DZ_GAUSS_H
#define DZ_GAUSS_H

#define DZ_SQRT_2PI 2.506628274631000502

/* Density and distribution function. */
double dz_gauss_pdf(double z);
double dz_gauss_cdf(double z);

/* P(low < Z < high), to full relative precision in both tails; low <= high. */
double dz_gauss_mass(double low, double high);

/* log Phi(z), finite for every finite z; puts its derivative, phi(z) / Phi(z), into *slope. */
double dz_gauss_log_cdf(double z, double *slope);

/* The inverse of the distribution function, for 0 < p < 1. */
double dz_gauss_quantile(double p);

/* log(phi(z) + z * Phi(z)): the logarithm of the expected improvement of a standard normal over -z.
 * Finite for every finite z. Ament et al., "Unexpected improvements to expected improvement for
 * Bayesian optimization", NeurIPS 2023, equation (9). Puts its derivative, Phi(z) / (phi(z) + z *
 * Phi(z)), into *slope unless that is NULL. */
double dz_gauss_log_improvement(double z, double *slope);

#endif
