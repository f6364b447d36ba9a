/*
 * When the experiments of a loop are due: a binary heap of times, each at its owner's.
 */
#ifndef DZ_LOOP_TICKS_H
#define DZ_LOOP_TICKS_H

#include <dozan/status.h>
#include <stdint.h>

typedef struct dz_tick {
    int64_t due_ms;
    size_t place; /* in the heap, from 1; 0 = not in it */
    void *owner;
} dz_tick;

typedef struct dz_ticks {
    dz_tick **heap; /* [count], each no later than its two children */
    size_t count, capacity;
} dz_ticks;

void dz_ticks_fini(dz_ticks *ticks);

/* Makes room for so many, so that dz_ticks_set cannot fail. */
DOZAN_MUST_USE dozan_status dz_ticks_reserve(dz_ticks *ticks, size_t count);

/* Sets when it is due; INT64_MAX = never, takes it out. */
void dz_ticks_set(dz_ticks *ticks, dz_tick *tick, int64_t due_ms);

/* The earliest one, or NULL. */
dz_tick *dz_ticks_first(const dz_ticks *ticks);

#endif
