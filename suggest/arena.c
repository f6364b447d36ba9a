/*
 * The arena: a list of blocks, each twice as large as the one before up to a limit, so that a small
 * reply costs one small allocation and a long history few large ones.
 */
#include "arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct dz_arena_block {
    dz_arena_block *next;
    size_t capacity;
    max_align_t data[];
};

enum { FIRST_BLOCK = 1024, LARGEST_BLOCK = 1 << 20 };

static dz_arena_block *add_block(dz_arena *arena, size_t size);

void dz_arena_init(dz_arena *arena)
{
    *arena = (dz_arena){0};
}

void dz_arena_fini(dz_arena *arena)
{
    while (arena->blocks != NULL) {
        dz_arena_block *next = arena->blocks->next;
        free(arena->blocks);
        arena->blocks = next;
    }
    dz_arena_init(arena);
}

void *dz_arena_alloc(dz_arena *arena, size_t size)
{
    const size_t align = _Alignof(max_align_t);
    if (size > SIZE_MAX / 4)
        return NULL;
    size = (size + align - 1) / align * align;
    dz_arena_block *block = arena->blocks;
    if (block == NULL || size > block->capacity - arena->used) {
        block = add_block(arena, size);
        if (block == NULL)
            return NULL;
    }
    char *piece = (char *)block->data + arena->used;
    arena->used += size;
    return memset(piece, 0, size);
}

void *dz_arena_array(dz_arena *arena, size_t count, size_t element_size)
{
    size_t size = 0;
    if (__builtin_mul_overflow(count, element_size, &size))
        return NULL;
    return dz_arena_alloc(arena, size);
}

char *dz_arena_text(dz_arena *arena, const char *text)
{
    if (text == NULL)
        text = "";
    size_t size = strlen(text) + 1;
    char *copy = dz_arena_alloc(arena, size);
    return copy != NULL ? memcpy(copy, text, size) : NULL;
}

static dz_arena_block *add_block(dz_arena *arena, size_t size)
{
    size_t capacity = arena->blocks != NULL ? arena->blocks->capacity * 2 : FIRST_BLOCK;
    if (capacity > LARGEST_BLOCK)
        capacity = LARGEST_BLOCK;
    if (capacity < size)
        capacity = size;
    dz_arena_block *block = malloc(sizeof(*block) + capacity);
    if (block == NULL)
        return NULL;
    block->next = arena->blocks;
    block->capacity = capacity;
    arena->blocks = block;
    arena->used = 0;
    arena->total_bytes += sizeof(*block) + capacity;
    return block;
}
