#include "reservoir.h"

#include <dozan/rng.h>

static void sift_up(dz_reservoir_item *heap, size_t at);
static void sift_down(dz_reservoir_item *heap, size_t count);

/* The items are a heap with the largest hash first: the one to go next. */
bool dz_reservoir_add(dz_reservoir *reservoir, int64_t id, size_t *slot)
{
    dz_reservoir_item item = {dozan_hash_words(reservoir->seed, (uint64_t)id), id, 0};
    if (reservoir->count < reservoir->capacity) {
        item.slot = reservoir->count;
        reservoir->items[reservoir->count] = item;
        sift_up(reservoir->items, reservoir->count++);
    } else if (reservoir->count > 0 && item.hash < reservoir->items[0].hash) {
        item.slot = reservoir->items[0].slot;
        reservoir->items[0] = item;
        sift_down(reservoir->items, reservoir->count);
    } else {
        return false;
    }
    *slot = item.slot;
    return true;
}

static void sift_up(dz_reservoir_item *heap, size_t at)
{
    dz_reservoir_item item = heap[at];
    while (at > 0 && heap[(at - 1) / 2].hash < item.hash) {
        heap[at] = heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    heap[at] = item;
}

static void sift_down(dz_reservoir_item *heap, size_t count)
{
    dz_reservoir_item item = heap[0];
    size_t at = 0;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= count) {
            break;
        }
        if (child + 1 < count && heap[child + 1].hash > heap[child].hash) {
            child++;
        }
        if (heap[child].hash <= item.hash) {
            break;
        }
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = item;
}
