/*
 * A bounded uniform sample of points that is kept sorted along every axis, so that a density over
 * it needs no sorting: what an estimator that looks at neighbours asks for again and again. A point
 * costs O(axes * capacity) memory moves when it is taken, and O(log capacity) when it is not.
 */
#ifndef DZ_SORTED_SAMPLE_H
#define DZ_SORTED_SAMPLE_H

#include "reservoir.h"

typedef struct dz_sorted_axis {
    double *coordinate; /* [slot]; NaN where the point has none */
    uint32_t *order;    /* [sorted] the slots that have one, by ascending coordinate */
    size_t sorted;
} dz_sorted_axis;

typedef struct dz_sorted_sample {
    dz_reservoir reservoir;
    int64_t *ids; /* [slot], for the reservoir.count slots that are in use */
    size_t axis_count;
    dz_sorted_axis *axes;
} dz_sorted_sample;

/* NULL when there is no memory. */
dz_sorted_sample *dz_sorted_sample_create(size_t axis_count, size_t capacity, uint64_t seed);
void dz_sorted_sample_destroy(dz_sorted_sample *sample);

/* Offers a point, each id once. */
void dz_sorted_sample_add(dz_sorted_sample *sample, int64_t id, const double *point);

/* Inserts `item` into order[count], which is sorted by `coordinate`, after those that are equal. */
void dz_sorted_insert(uint32_t *order, size_t count, const double *coordinate, uint32_t item);

#endif
