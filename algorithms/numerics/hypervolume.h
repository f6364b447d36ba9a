/*
 * The hypervolume: how much of the space between a set of points and a reference point the set
 * dominates, where smaller is better in each objective. Points that are not better than the
 * reference everywhere add nothing. Losses must be finite.
 *
 * For up to DZ_HYPERVOLUME_EXACT objectives it is exact, by sweeping along the last one and keeping
 * the staircase of the first two: count^2 steps at most. For more it is an estimate from a fixed
 * number of uniform draws between the points and the reference, which `seed` chooses (Bader and
 * Zitzler, "HypE", Evol. Comput. 19-1, 2011), so that the cost grows no faster.
 */
#ifndef DZ_HYPERVOLUME_H
#define DZ_HYPERVOLUME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DZ_HYPERVOLUME_EXACT = 3, DZ_HYPERVOLUME_DRAWS = 8192 };

typedef struct dz_front {
    const double *losses; /* [count][objectives] */
    size_t count;
    size_t objectives;
    const double *reference; /* [objectives] */
    uint64_t seed;
} dz_front;

/* Each returns false when there is no memory. */

bool dz_hypervolume(const dz_front *front, double *volume);

/* What each point alone adds, into contributions[count]: 0 for one that others dominate or equal.
 */
bool dz_hypervolume_contributions(const dz_front *front, double *contributions);

/* Chooses `wanted` <= count points one after the other, each time the one that adds most to those
 * chosen (of equal ones the first); their rows into chosen[wanted]. The result has at least 1 - 1/e
 * of the largest volume that so many points can have (Guerreiro, Fonseca and Paquete, "Greedy
 * hypervolume subset selection in low dimensions", Evol. Comput. 24-3, 2016). */
bool dz_hypervolume_select(const dz_front *front, size_t wanted, size_t *chosen);

#endif
