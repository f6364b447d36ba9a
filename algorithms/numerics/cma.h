/*
 * The covariance matrix adaptation evolution strategy, with active covariance update and margin.
 *
 * The distribution is x = mean + sigma * margin o (B D z), z standard normal, with C = B D^2 B^T;
 * equations and default parameters are those of N. Hansen, "The CMA evolution strategy: a
 * tutorial", arXiv:1604.00772v2, 2023 (figure 6, table 1). Beyond it:
 *
 *   margin     per coordinate, 1 unless the coordinate is quantised: it keeps the probability of
 *              leaving the mean's level from vanishing (Hamano et al., "CMA-ES with margin:
 *              lower-bounding marginal probability for mixed-integer black-box optimization",
 *              GECCO 2022, equations 12 to 19).
 *   injected   solutions that were not sampled from this distribution count with a bounded length
 *              (Hansen, "Injecting external solutions into CMA-ES", INRIA RR-7748, 2011).
 *   diagonal   C as a diagonal, learnt (n + 2) / 3 times faster, in linear time (Ros and Hansen, "A
 *              simple modification in CMA-ES achieving linear time and space complexity", PPSN
 *              2008).
 *   ties       equal losses share the mean of their weights, so a plateau pulls nowhere.
 *
 * An instance is one block of memory without pointers to others: nothing here is random or hidden,
 * and the same calls give the same bits.
 */
#ifndef DZ_CMA_H
#define DZ_CMA_H

#include <stdbool.h>
#include <stddef.h>

typedef struct dz_cma dz_cma;

/* One evaluated solution. */
typedef struct dz_cma_solution {
    const double *x; /* [dims] */
    double loss;     /* less is better; infinite for the worst; never NaN */
    bool injected;
} dz_cma_solution;

/* The default population: 4 + floor(3 ln dims). */
size_t dz_cma_default_population(size_t dims);

/* Puts the positive part of the recombination weights of count >= 2 solutions, the best first, into
 * weights[count]: they sum to 1, and ties share theirs. Uses room[count]. */
void dz_cma_weigh(const dz_cma_solution *solutions, size_t count, double *room, double *weights);

/* A distribution of `dims` >= 1 coordinates with the standard deviation sigma > 0 about mean[dims],
 * that learns from `population` >= 2 solutions at a time. NULL when there is no memory. */
dz_cma *dz_cma_create(size_t dims, size_t population, const double *mean, double sigma,
                      bool diagonal);
void dz_cma_destroy(dz_cma *cma);

size_t dz_cma_population(const dz_cma *cma);
const double *dz_cma_mean(const dz_cma *cma);
double dz_cma_sigma(const dz_cma *cma);
double dz_cma_deviation(const dz_cma *cma, size_t coordinate); /* of x, margin included */
double dz_cma_condition(const dz_cma *cma);                    /* of C: largest D^2 by least */

/* Moves the mean, and forgets the evolution paths. */
void dz_cma_move(dz_cma *cma, const double *mean);

/* Turns a standard normal z[dims] into x[dims]; uses room[dims]. */
void dz_cma_sample(const dz_cma *cma, const double *z, double *room, double *x);

/* The reverse: puts the z[dims] of which x[dims] is made into z; uses room[dims]. */
void dz_cma_locate(const dz_cma *cma, const double *x, double *room, double *z);

/* Learns from `population` solutions, the best first. */
void dz_cma_update(dz_cma *cma, const dz_cma_solution *solutions);

/* Makes room around the mean of a quantised coordinate, after an update: edges[0 .. levels] are the
 * limits of its levels, and each side of the mean's level keeps a probability of alpha / 2, or of
 * alpha where it has one side only. */
void dz_cma_keep_margin(dz_cma *cma, size_t coordinate, const double *edges, size_t levels,
                        double alpha);

/* Widens the distribution by a factor, as on a plateau. */
void dz_cma_widen(dz_cma *cma, double factor);

#endif
