/*
 * A seeded permutation of 0 .. n-1 that needs no array: a balanced Feistel network over the
 * smallest power of four that is >= n, walked along its cycle until the result is below n (Black
 * and Rogaway, "Ciphers with arbitrary finite domains", CT-RSA 2002). A network is a bijection
 * whatever its round function is, so the walk is one too; it takes fewer than four steps on
 * average.
 */
#ifndef DZ_PERMUTATION_H
#define DZ_PERMUTATION_H

#include <stdint.h>

enum { DZ_PERMUTATION_ROUNDS = 6 };

typedef struct dz_permutation {
    uint64_t count;
    uint32_t half_bits;
    uint64_t keys[DZ_PERMUTATION_ROUNDS];
} dz_permutation;

/* Makes the permutation of 0 .. count-1 for `seed`; 1 <= count <= 2^63. */
void dz_permutation_init(dz_permutation *permutation, uint64_t count, uint64_t seed);

/* The image of index < count. */
uint64_t dz_permutation_at(const dz_permutation *permutation, uint64_t index);

#endif
