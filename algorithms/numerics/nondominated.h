/*
 * Domination among points with several losses, where smaller is better in each.
 *
 * Where points also break constraints, Deb's rules hold (K. Deb, "An efficient constraint handling
 * method for genetic algorithms", Comput. Methods Appl. Mech. Eng. 186, 2000): the one that breaks
 * them less dominates, whatever the losses; those that break them equally are compared by losses
 * when they hold them all, and are equal when not. Losses must not be NaN.
 */
#ifndef DZ_NONDOMINATED_H
#define DZ_NONDOMINATED_H

#include <stdbool.h>
#include <stddef.h>

/* Whether a[objectives] is nowhere worse than b, and somewhere better. */
bool dz_dominates(const double *a, const double *b, size_t objectives);

/* Puts the number of each point's front into fronts[count]: 0 for those that no point dominates, 1
 * for those that only these dominate, and so on. losses[count][objectives]; violations[count] >= 0,
 * or NULL = none is broken. False when there is no memory. At most count^2 / 2 comparisons, and
 * far fewer with many fronts: Zhang et al., "An efficient approach to nondominated sorting", IEEE
 * Trans. Evol. Comput. 19-2, 2015. */
bool dz_nondominated_fronts(const double *losses, const double *violations, size_t count,
                            size_t objectives, size_t *fronts);

/* The crowding distance of points of one front: the sum over the objectives of the gap between a
 * point's neighbours, in parts of the front's range; INFINITY for those at an end. Points are rows
 * members[count] of losses; distances[count] in the order of members. False when there is no
 * memory. Deb et al., "A fast and elitist multiobjective genetic algorithm: NSGA-II", IEEE Trans.
 * Evol. Comput. 6-2, 2002, section III B. */
bool dz_crowding_distances(const double *losses, size_t objectives, const size_t *members,
                           size_t count, double *distances);

#endif
