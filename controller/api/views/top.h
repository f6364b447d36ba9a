/*
 * The k smallest of many keys, in order: O(n log k), and no copy of what is left out. Ties go to
 * the lower row, and NaN comes after every number, so that an order is the same each time.
 */
#ifndef DZ_VIEWS_TOP_H
#define DZ_VIEWS_TOP_H

#include <dozan/status.h>
#include <stdint.h>

typedef struct dz_top_item {
    double key;
    size_t row;
} dz_top_item;

typedef struct dz_top {
    dz_top_item *items; /* [count], a heap with the largest first until dz_top_sort */
    size_t count, limit;
} dz_top;

DOZAN_MUST_USE dozan_status dz_top_init(dz_top *top, size_t limit, dozan_error *err);
void dz_top_fini(dz_top *top);
void dz_top_offer(dz_top *top, double key, size_t row);
void dz_top_sort(dz_top *top);        /* smallest key first */
void dz_top_sort_by_row(dz_top *top); /* in the order of the rows */

#endif
