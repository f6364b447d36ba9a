#include "loop/ticks.h"

#include <stdlib.h>

static void place(dz_ticks *ticks, dz_tick *tick, size_t at);
static void rise(dz_ticks *ticks, dz_tick *tick, size_t at);
static void sink(dz_ticks *ticks, dz_tick *tick, size_t at);

void dz_ticks_fini(dz_ticks *ticks)
{
    free(ticks->heap);
    *ticks = (dz_ticks){0};
}

dozan_status dz_ticks_reserve(dz_ticks *ticks, size_t count)
{
    if (count <= ticks->capacity)
        return DOZAN_OK;
    size_t capacity = ticks->capacity ? ticks->capacity * 2 : 16;
    if (capacity < count)
        capacity = count;
    dz_tick **grown = realloc(ticks->heap, capacity * sizeof(dz_tick *));
    if (!grown)
        return DOZAN_RESOURCE_EXHAUSTED;
    ticks->heap = grown;
    ticks->capacity = capacity;
    return DOZAN_OK;
}

void dz_ticks_set(dz_ticks *ticks, dz_tick *tick, int64_t due_ms)
{
    size_t at = tick->place;
    tick->due_ms = due_ms;
    if (due_ms == INT64_MAX) {
        if (at == 0)
            return;
        tick->place = 0;
        dz_tick *last = ticks->heap[--ticks->count];
        if (last == tick)
            return;
        tick = last; /* takes the place that is empty now */
    } else if (at == 0) {
        at = ++ticks->count;
    }
    rise(ticks, tick, at);
    sink(ticks, tick, tick->place);
}

dz_tick *dz_ticks_first(const dz_ticks *ticks)
{
    return ticks->count ? ticks->heap[0] : NULL;
}

static void place(dz_ticks *ticks, dz_tick *tick, size_t at)
{
    ticks->heap[at - 1] = tick;
    tick->place = at;
}

static void rise(dz_ticks *ticks, dz_tick *tick, size_t at)
{
    for (; at > 1 && ticks->heap[at / 2 - 1]->due_ms > tick->due_ms; at /= 2)
        place(ticks, ticks->heap[at / 2 - 1], at);
    place(ticks, tick, at);
}

static void sink(dz_ticks *ticks, dz_tick *tick, size_t at)
{
    for (;;) {
        size_t child = at * 2;
        if (child > ticks->count)
            break;
        if (child < ticks->count && ticks->heap[child]->due_ms < ticks->heap[child - 1]->due_ms)
            child++;
        if (ticks->heap[child - 1]->due_ms >= tick->due_ms)
            break;
        place(ticks, ticks->heap[child - 1], at);
        at = child;
    }
    place(ticks, tick, at);
}
