/*
 * The median of a growing set of numbers: O(log n) to add one, O(1) to ask. Two heaps meet in the
 * middle; the lower half is a max-heap and the upper half a min-heap, and their sizes differ by at
 * most one.
 */
#ifndef DZ_RUNNING_MEDIAN_H
#define DZ_RUNNING_MEDIAN_H

#include <stdbool.h>
#include <stddef.h>

typedef struct dz_running_median {
    double *lower; /* owned; the largest first */
    double *upper; /* owned; the smallest first */
    size_t lower_count;
    size_t upper_count;
    size_t capacity; /* of each */
} dz_running_median;

/* An empty set: zero the struct. fini frees what it holds. */
void dz_running_median_fini(dz_running_median *median);

/* Adds a number, which may be infinite and must not be NaN. False when there is no memory; nothing
 * has changed then. */
bool dz_running_median_add(dz_running_median *median, double value);

size_t dz_running_median_count(const dz_running_median *median);

/* The median: the middle one, or the mean of the two in the middle (the upper of them when one is
 * infinite). NaN when the set is empty. */
double dz_running_median_value(const dz_running_median *median);

#endif
