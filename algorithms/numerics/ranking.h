/*
 * A growing set of numbered values in their order: where a value stands, and who stands at a place.
 * Sorted blocks of a bounded size: O(sqrt n) for each call, with a factor so small that a hundred
 * thousand values cost a microsecond.
 *
 * Equal values stand in the order of their ids.
 */
#ifndef DZ_RANKING_H
#define DZ_RANKING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct dz_ranked {
    double value; /* may be infinite, must not be NaN */
    int64_t id;
} dz_ranked;

/* An empty one: zero the struct. */
typedef struct dz_ranking {
    struct dz_ranking_block **blocks; /* [block_count], none empty */
    size_t block_count;
    size_t block_capacity;
    size_t count;
} dz_ranking;

void dz_ranking_fini(dz_ranking *ranking);

/* False when there is no memory; nothing has changed then. */
bool dz_ranking_add(dz_ranking *ranking, dz_ranked entry);

/* False when it is not there. */
bool dz_ranking_remove(dz_ranking *ranking, dz_ranked entry);

/* How many entries stand before this one, which need not be there. */
size_t dz_ranking_before(const dz_ranking *ranking, dz_ranked entry);

/* The entry at a place below `count`, from 0. */
dz_ranked dz_ranking_at(const dz_ranking *ranking, size_t place);

#endif
