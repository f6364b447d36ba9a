/*
 * The state of a CMA-ES search, and its course: a start, generations, and restarts.
 *
 *   start --> generation --(population full)--> learn --> generation
 *     ^                                           |
 *     +----------- ipop, bipop: converged --------+
 */
#ifndef DZ_CMAES_STATE_H
#define DZ_CMAES_STATE_H

#include "cmaes_axes.h"
#include "cmaes_model.h"
#include "numerics/categories.h"
#include "numerics/cma.h"

#include <dozan/algorithm.h>

typedef struct cmaes {
    dz_cmaes_axes axes;
    dz_cma *cma;               /* NULL without numeric coordinates */
    dz_categories *categories; /* NULL without categorical axes */
    int64_t generation;        /* counts on over restarts */
    int64_t first_generation;  /* since the last restart */
    bool sampled;              /* whether a trial was sampled */
    bool has_foreign;
    double foreign; /* the least loss of trials that were not sampled */

    size_t population;
    size_t filled;     /* results of the generation under way */
    double *losses;    /* [population] */
    double *samples;   /* [population][numeric] */
    uint32_t *choices; /* [population][categorical] */
    bool *proposed;    /* [population]: by the model */
    bool *injected;    /* [population]: not sampled from this generation's distribution */

    dz_cmaes_model model;

    double *recent; /* [recent_size]: the least losses of the last generations, a ring */
    size_t recent_size;

    size_t first_population;
    size_t large_population; /* of the last restart with a larger one */
    uint64_t restarts;
    int64_t large_results; /* spent with large populations, and with small ones */
    int64_t small_results;
    bool small;

    double *x, *z, *room; /* [numeric]: the last draw, and room for it */
    double *unit;         /* unit[dims]: room */
    uint32_t *chosen;     /* [categorical]: the last draw */
} cmaes;

/* Sets up the first distribution; false when there is no memory. */
bool dz_cmaes_start(cmaes *self, const dozan_problem *problem);

/* Learns from a full population and begins the next generation, after a restart when one is due;
 * false when there is no memory. */
bool dz_cmaes_advance(cmaes *self, const dozan_problem *problem);

/* Frees the distributions and the population. */
void dz_cmaes_clear(cmaes *self);

#endif
