/*
 * An arena: many small pieces with one lifetime, freed in one go. Pieces never move, so pointers
 * into it stay valid until dz_arena_fini.
 */
#ifndef DZ_ARENA_H
#define DZ_ARENA_H

#include <stddef.h>

typedef struct dz_arena_block dz_arena_block;

typedef struct dz_arena {
    dz_arena_block *blocks; /* newest first; only it has room left */
    size_t used;            /* of the newest block */
    size_t total_bytes;     /* of all blocks */
} dz_arena;

/* An all-zero dz_arena is ready for use as well. */
void dz_arena_init(dz_arena *arena);
void dz_arena_fini(dz_arena *arena);

/* `size` zeroed bytes, aligned for any type; NULL when there is no memory. A size of 0 gives a
 * valid pointer. */
void *dz_arena_alloc(dz_arena *arena, size_t size);

/* The same for `count` elements, with the product checked. */
void *dz_arena_array(dz_arena *arena, size_t count, size_t element_size);

/* A copy of `text` (NULL counts as ""); NULL when there is no memory. */
char *dz_arena_text(dz_arena *arena, const char *text);

#endif
