/*
 * A quantile of a growing set of numbers: O(log n) to add one, O(1) to ask. Two heaps meet at the
 * quantile: the numbers up to it are in a max-heap, those above it in a min-heap.
 *
 * The quantile of a share q is, as in most statistics programs, the value at place q * (n - 1) of
 * the sorted numbers from 0 on, between two of them by linear interpolation: q = 0.5 is the median.
 * A set must always be used with the same share.
 */
#ifndef DZ_RUNNING_QUANTILE_H
#define DZ_RUNNING_QUANTILE_H

#include <stdbool.h>
#include <stddef.h>

typedef struct dz_running_quantile {
    double *lower; /* owned; the largest first */
    double *upper; /* owned; the smallest first */
    size_t lower_count;
    size_t upper_count;
    size_t lower_capacity;
    size_t upper_capacity;
} dz_running_quantile;

/* An empty set: zero the struct. fini frees what it holds. */
void dz_running_quantile_fini(dz_running_quantile *set);

/* Adds a number, which may be infinite and must not be NaN; share is in [0, 1]. False when there is
 * no memory; nothing has changed then. */
bool dz_running_quantile_add(dz_running_quantile *set, double share, double value);

size_t dz_running_quantile_count(const dz_running_quantile *set);

/* The quantile; between two numbers of which one is infinite, the upper one. NaN when the set is
 * empty. */
double dz_running_quantile_value(const dz_running_quantile *set, double share);

#endif
