#include "permutation.h"

#include <dozan/rng.h>

static uint64_t network(const dz_permutation *permutation, uint64_t index);

void dz_permutation_init(dz_permutation *permutation, uint64_t count, uint64_t seed)
{
    uint32_t half_bits = 1;
    while (half_bits < 32 && (UINT64_C(1) << (2 * half_bits)) < count) {
        half_bits++;
    }
    permutation->count = count;
    permutation->half_bits = half_bits;
    for (uint64_t round = 0; round < DZ_PERMUTATION_ROUNDS; round++) {
        permutation->keys[round] = dozan_hash_words(seed, round);
    }
}

uint64_t dz_permutation_at(const dz_permutation *permutation, uint64_t index)
{
    do {
        index = network(permutation, index);
    } while (index >= permutation->count);
    return index;
}

static uint64_t network(const dz_permutation *permutation, uint64_t index)
{
    uint64_t mask = (UINT64_C(1) << permutation->half_bits) - 1;
    uint64_t left = index >> permutation->half_bits;
    uint64_t right = index & mask;
    for (int round = 0; round < DZ_PERMUTATION_ROUNDS; round++) {
        uint64_t next = left ^ (dozan_hash_words(permutation->keys[round], right) & mask);
        left = right;
        right = next;
    }
    return (left << permutation->half_bits) | right;
}
