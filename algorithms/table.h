/*
 * The table of Dozan's own algorithms: one line per algorithm, in the order in which `dozan
 * algorithms` lists them.
 */
#ifndef DZ_TABLE_H
#define DZ_TABLE_H

#include <dozan/algorithm.h>

#define DZ_ALGORITHM_TABLE(X)                                                                      \
    X(dz_auto)                                                                                     \
    X(dz_random)                                                                                   \
    X(dz_sobol)                                                                                    \
    X(dz_cmaes)                                                                                    \
    X(dz_tpe)                                                                                      \
    X(dz_multivariate_tpe)                                                                         \
    X(dz_bayesianoptimization)                                                                     \
    X(dz_grid)                                                                                     \
    X(dz_nsga2)                                                                                    \
    X(dz_motpe)                                                                                    \
    X(dz_hyperband)                                                                                \
    X(dz_asha)                                                                                     \
    X(dz_pbt)                                                                                      \
    X(dz_medianstop)                                                                               \
    X(dz_percentile)                                                                               \
    X(dz_asha_stop)                                                                                \
    X(dz_patient)                                                                                  \
    X(dz_threshold)                                                                                \
    X(dz_wilcoxon)

#define DZ_ALGORITHM_DECLARE(name) extern const dozan_algorithm name;
DZ_ALGORITHM_TABLE(DZ_ALGORITHM_DECLARE)
#undef DZ_ALGORITHM_DECLARE

/* The algorithms, ended by NULL. Constant data. */
const dozan_algorithm *const *dozan_algorithms_table(void);

/* Prepares the process for them: GSL returns its errors instead of aborting, and OpenBLAS computes
 * on the calling thread, so that a sum is always taken in the same order. Once, before the first
 * ask. */
void dozan_algorithms_init(void);

#endif
