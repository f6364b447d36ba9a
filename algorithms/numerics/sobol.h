/*
 * The Sobol sequence (I. M. Sobol, 1967) with the direction numbers of Joe and Kuo (2008), and its
 * nested uniform scrambling (A. B. Owen, "Randomly permuted (t,m,s)-nets and (t,s)-sequences",
 * 1995).
 *
 * Each binary digit of a coordinate is flipped or not by a hash of the seed, the dimension, the
 * digit's place and the digits before it: a random permutation at every node of the digits' tree,
 * without an array that holds it. So the scrambled points are as evenly spread as Sobol's, and each
 * one is by itself uniform over the cube. Digits after the 32nd are random.
 */
#ifndef DZ_SOBOL_H
#define DZ_SOBOL_H

#include <stddef.h>
#include <stdint.h>

enum { DZ_SOBOL_DIMENSIONS = 337, DZ_SOBOL_BITS = 32, DZ_SOBOL_DEGREE = 11 };

typedef struct dz_sobol_row {
    uint16_t polynomial;
    uint16_t initial[DZ_SOBOL_DEGREE];
} dz_sobol_row;

/* Row d is of dimension d + 1, counted from 0; dimension 0 needs none. */
extern const dz_sobol_row dz_sobol_rows[DZ_SOBOL_DIMENSIONS - 1];

/* Fills the direction numbers of a dimension (from 0, below DZ_SOBOL_DIMENSIONS): binary fractions,
 * the first digit in the highest bit. */
void dz_sobol_directions(size_t dimension, uint32_t directions[DZ_SOBOL_BITS]);

/* The coordinate of point `index` (from 0, in the natural order; of 2^32 points) as a binary
 * fraction. */
uint32_t dz_sobol_bits(const uint32_t directions[DZ_SOBOL_BITS], uint32_t index);

/* The scrambled coordinate in [0, 1). `seed` is of the dimension, and different for each. */
double dz_sobol_scramble(uint32_t bits, uint64_t seed);

#endif
