#include "api/views/top.h"

#include <math.h>
#include <stdlib.h>

static bool is_after(const dz_top_item *a, const dz_top_item *b);
static void sift_up(dz_top *top, size_t at);
static void sift_down(dz_top *top, size_t at);
static int by_key(const void *a, const void *b);
static int by_row(const void *a, const void *b);

dozan_status dz_top_init(dz_top *top, size_t limit, dozan_error *err)
{
    *top = (dz_top){.limit = limit};
    top->items = calloc(limit + 1, sizeof *top->items);
    if (top->items == NULL)
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    return DOZAN_OK;
}

void dz_top_fini(dz_top *top)
{
    free(top->items);
    *top = (dz_top){0};
}

void dz_top_offer(dz_top *top, double key, size_t row)
{
    dz_top_item item = {.key = key, .row = row};
    if (top->count < top->limit) {
        top->items[top->count] = item;
        sift_up(top, top->count++);
    } else if (top->limit > 0 && is_after(&top->items[0], &item)) {
        top->items[0] = item;
        sift_down(top, 0);
    }
}

void dz_top_sort(dz_top *top)
{
    qsort(top->items, top->count, sizeof *top->items, by_key);
}

void dz_top_sort_by_row(dz_top *top)
{
    qsort(top->items, top->count, sizeof *top->items, by_row);
}

/* ---- helpers */

static bool is_after(const dz_top_item *a, const dz_top_item *b)
{
    if (isnan(a->key) || isnan(b->key))
        return isnan(a->key) && isnan(b->key) ? a->row > b->row : isnan(a->key);
    if (a->key > b->key || a->key < b->key)
        return a->key > b->key;
    return a->row > b->row;
}

static void swap(dz_top_item *a, dz_top_item *b)
{
    dz_top_item kept = *a;
    *a = *b;
    *b = kept;
}

static void sift_up(dz_top *top, size_t at)
{
    while (at > 0) {
        size_t parent = (at - 1) / 2;
        if (!is_after(&top->items[at], &top->items[parent]))
            return;
        swap(&top->items[at], &top->items[parent]);
        at = parent;
    }
}

static void sift_down(dz_top *top, size_t at)
{
    for (;;) {
        size_t last = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < top->count; child++)
            if (is_after(&top->items[child], &top->items[last]))
                last = child;
        if (last == at)
            return;
        swap(&top->items[at], &top->items[last]);
        at = last;
    }
}

static int by_key(const void *a, const void *b)
{
    const dz_top_item *first = a, *second = b;
    return is_after(first, second) - is_after(second, first);
}

static int by_row(const void *a, const void *b)
{
    const dz_top_item *first = a, *second = b;
    return (first->row > second->row) - (first->row < second->row);
}
