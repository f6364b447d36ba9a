#include "ranking.h"

#include <stdlib.h>
#include <string.h>

enum { BLOCK = 512 };

typedef struct dz_ranking_block {
    size_t count;
    dz_ranked entries[BLOCK];
} block;

static bool stands_before(dz_ranked a, dz_ranked b);
static size_t find_block(const dz_ranking *ranking, dz_ranked entry);
static size_t find_entry(const block *in, dz_ranked entry);
static bool insert_block(dz_ranking *ranking, size_t at);

void dz_ranking_fini(dz_ranking *ranking)
{
    for (size_t i = 0; i < ranking->block_count; i++) {
        free(ranking->blocks[i]);
    }
    free(ranking->blocks);
    *ranking = (dz_ranking){0};
}

bool dz_ranking_add(dz_ranking *ranking, dz_ranked entry)
{
    if (ranking->block_count == 0 && !insert_block(ranking, 0)) {
        return false;
    }
    size_t b = find_block(ranking, entry);
    block *into = ranking->blocks[b];
    if (into->count == BLOCK) {
        if (!insert_block(ranking, b + 1)) {
            return false;
        }
        block *half = ranking->blocks[b + 1];
        half->count = into->count = BLOCK / 2;
        memcpy(half->entries, into->entries + BLOCK / 2, sizeof(into->entries) / 2);
        into = stands_before(into->entries[BLOCK / 2 - 1], entry) ? half : into;
    }
    size_t at = find_entry(into, entry);
    memmove(into->entries + at + 1, into->entries + at,
            (into->count - at) * sizeof(into->entries[0]));
    into->entries[at] = entry;
    into->count++;
    ranking->count++;
    return true;
}

bool dz_ranking_remove(dz_ranking *ranking, dz_ranked entry)
{
    if (ranking->count == 0) {
        return false;
    }
    size_t b = find_block(ranking, entry);
    block *from = ranking->blocks[b];
    size_t at = find_entry(from, entry);
    if (at == from->count || stands_before(entry, from->entries[at])) {
        return false;
    }
    from->count--;
    ranking->count--;
    memmove(from->entries + at, from->entries + at + 1,
            (from->count - at) * sizeof(from->entries[0]));
    if (from->count == 0) {
        free(from);
        ranking->block_count--;
        memmove(ranking->blocks + b, ranking->blocks + b + 1,
                (ranking->block_count - b) * sizeof(block *));
    }
    return true;
}

size_t dz_ranking_before(const dz_ranking *ranking, dz_ranked entry)
{
    size_t before = 0;
    if (ranking->count == 0) {
        return 0;
    }
    size_t b = find_block(ranking, entry);
    for (size_t i = 0; i < b; i++) {
        before += ranking->blocks[i]->count;
    }
    return before + find_entry(ranking->blocks[b], entry);
}

dz_ranked dz_ranking_at(const dz_ranking *ranking, size_t place)
{
    size_t b = 0;
    while (place >= ranking->blocks[b]->count) {
        place -= ranking->blocks[b++]->count;
    }
    return ranking->blocks[b]->entries[place];
}

static bool stands_before(dz_ranked a, dz_ranked b)
{
    return a.value < b.value || (!(b.value < a.value) && a.id < b.id);
}

/* The first block whose last entry is not before this one; the last block where there is none. */
static size_t find_block(const dz_ranking *ranking, dz_ranked entry)
{
    size_t low = 0;
    size_t high = ranking->block_count - 1;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const block *at = ranking->blocks[middle];
        if (at->count > 0 && stands_before(at->entries[at->count - 1], entry)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* The place of the first entry that is not before this one. */
static size_t find_entry(const block *in, dz_ranked entry)
{
    size_t low = 0;
    size_t high = in->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (stands_before(in->entries[middle], entry)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool insert_block(dz_ranking *ranking, size_t at)
{
    if (ranking->block_count == ranking->block_capacity) {
        size_t capacity = 2 * ranking->block_capacity + 1;
        block **blocks = realloc(ranking->blocks, capacity * sizeof(block *));
        if (blocks == NULL) {
            return false;
        }
        ranking->blocks = blocks;
        ranking->block_capacity = capacity;
    }
    block *made = malloc(sizeof(*made));
    if (made == NULL) {
        return false;
    }
    made->count = 0;
    memmove(ranking->blocks + at + 1, ranking->blocks + at,
            (ranking->block_count - at) * sizeof(block *));
    ranking->blocks[at] = made;
    ranking->block_count++;
    return true;
}
