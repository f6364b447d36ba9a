/*
 * The Wilcoxon signed-rank test: whether paired differences are above 0.
 *
 * F. Wilcoxon: Individual comparisons by ranking methods. Biometrics 1, 1945. Exact for up to 50
 * differences without ties and zeros, else by the normal approximation with the variance corrected
 * for ties; a zero's rank counts half for either side ("zsplit"). Agrees with scipy.stats.wilcoxon
 * (alternative="greater", zero_method="zsplit", method "exact" and "asymptotic") to 1e-12.
 */
#ifndef DZ_SIGNED_RANK_H
#define DZ_SIGNED_RANK_H

#include <stdbool.h>
#include <stddef.h>

/* The probability of ranks that speak at least as much for differences above 0, were they as often
 * below; 1 for none. The differences are not NaN; their order is changed. O(n log n), and O(n^3)
 * for the exact one. False when there is no memory. */
bool dz_signed_rank_greater(double *differences, size_t count, double *p);

#endif
