/*
 * What a Gaussian process is given to learn from: a bounded part of the results, with losses made
 * well-behaved.
 *
 * It is a function of the first `ended` trials that ended, and of nothing else. When they are more
 * than `max`, half are the best ones and half are spread over the space as evenly as greedy choice
 * can (Gonzalez, "Clustering to minimize the maximum intercluster distance", 1985) out of a uniform
 * sample of the rest.
 *
 * Losses go through a transform (bayesian_transform.h), and are then standardised. A trial that
 * failed, or whose loss is infinite or NaN, counts as the worst, beside what is learnt of
 * feasibility (bayesian_bounds.h): together they kept clear of failures better than each alone.
 * With constraints the best are the feasible ones, and of the others those that break them the
 * least.
 */
#ifndef DZ_BAYESIAN_DATA_H
#define DZ_BAYESIAN_DATA_H

#include "bayesian_transform.h"
#include "numerics/matern.h"

#include <dozan/algorithm.h>

enum { DZ_BAYESIAN_INCUMBENTS = 5 };

typedef struct dz_bayesian_data {
    dz_inputs inputs;
    double *x;                  /* what inputs.x is: [count][dims] */
    const dozan_trial **trials; /* [count] */
    double *losses;             /* [count], the worst for none */
    double *excess;             /* [count]: what the constraints are exceeded by */
    bool *feasible;             /* [count]: whether all hold */
    double *sorted;             /* [usable], all losses of those ended */
    size_t usable;
    double *y;                                 /* [count], transformed and standardised */
    size_t incumbents[DZ_BAYESIAN_INCUMBENTS]; /* the rows with the least losses, the best first */
    size_t incumbent_count;
    dz_transform transform;
    double worst; /* in place of a loss that is none */
    double mean;
    double deviation;
    double log_slope; /* of y by the losses, summed: what a density of y takes to one of losses */
} dz_bayesian_data;

/* Reads the data, with losses through the transform of that kind; inputs.count is 0 when no result
 * is there. `categorical` is borrowed. False
 * when there is no memory. fini frees what it holds. */
bool dz_bayesian_data_init(dz_bayesian_data *data, const dozan_problem *problem,
                           const bool *categorical, size_t ended, size_t max, size_t transform);
void dz_bayesian_data_fini(dz_bayesian_data *data);

/* The same data with another transform. */
void dz_bayesian_data_transform(dz_bayesian_data *data, size_t transform);

/* A trial's loss as the process sees it. */
double dz_bayesian_data_loss(const dz_bayesian_data *data, const dozan_trial *trial);

#endif
