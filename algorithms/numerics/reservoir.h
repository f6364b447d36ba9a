/*
 * A uniform sample without replacement of a growing set, in O(log capacity) an item: the items with
 * the smallest hashes stay (bottom-k sampling; Cohen and Kaplan, "Summarizing data using bottom-k
 * sketches", PODC 2007). The sample depends on the set and the seed alone, not on the order of
 * arrival, and hardly changes when an item is added.
 */
#ifndef DZ_RESERVOIR_H
#define DZ_RESERVOIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct dz_reservoir_item {
    uint64_t hash;
    int64_t id;
    size_t slot; /* its place, below the capacity, for what the caller keeps of it */
} dz_reservoir_item;

typedef struct dz_reservoir {
    dz_reservoir_item *items; /* the caller's array of `capacity`; items[0 .. count-1] is the
                                 sample, in no order */
    size_t capacity;
    size_t count;
    uint64_t seed;
} dz_reservoir;

/* Offers an item, once each. True when it is taken: *slot is then a new one (the count before) or
 * that of the item which it displaced. */
bool dz_reservoir_add(dz_reservoir *reservoir, int64_t id, size_t *slot);

#endif
