/*
 * Crossover and mutation in a search space with parameters of all kinds, as genetic algorithms need
 * them. They work on coordinates of the unit cube, so that a step means the same in a log or normal
 * range as in a uniform one.
 *
 * Ordered dimensions: simulated binary crossover (Deb and Agrawal, Complex Systems 9, 1995) and
 * polynomial mutation (Deb and Goyal, 1996), both in the form that never leaves the range; a
 * quantised one moves by a level at least. Categories are swapped and drawn anew. A dimension that
 * is active in the child comes from a parent in which it is active, and is drawn where there is
 * none.
 */
#ifndef DZ_VARIATION_H
#define DZ_VARIATION_H

#include <dozan/rng.h>
#include <dozan/space.h>

typedef struct dz_variation {
    double crossover_prob;  /* that there is a crossover at all */
    double swapping_prob;   /* of a dimension to come from the second parent, when there is */
    double mutation_prob;   /* of a dimension */
    double crossover_index; /* how near children are to their parents: 20 near, 2 far */
    double mutation_index;
} dz_variation;

/* Puts a child of two snapped points into child[dimensions], snapped. */
void dz_vary(const dozan_space *space, const dz_variation *how, const double *first,
             const double *second, dozan_rng *rng, double *child);

#endif
