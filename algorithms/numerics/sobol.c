#include "sobol.h"

#include <dozan/rng.h>

static uint32_t degree_of(uint32_t polynomial);

/* The recurrence of Joe and Kuo's notes, m_k = 2 a_1 m_(k-1) ^ ... ^ 2^s m_(k-s) ^ m_(k-s), on
 * numbers that are shifted to fractions: v_k = m_k / 2^k. */
void dz_sobol_directions(size_t dimension, uint32_t directions[DZ_SOBOL_BITS])
{
    if (dimension == 0) {
        for (uint32_t k = 0; k < DZ_SOBOL_BITS; k++) {
            directions[k] = UINT32_C(1) << (DZ_SOBOL_BITS - 1 - k);
        }
        return;
    }
    const dz_sobol_row *row = &dz_sobol_rows[dimension - 1];
    uint32_t degree = degree_of(row->polynomial);
    for (uint32_t k = 0; k < DZ_SOBOL_BITS; k++) {
        if (k < degree) {
            directions[k] = (uint32_t)row->initial[k] << (DZ_SOBOL_BITS - 1 - k);
            continue;
        }
        uint32_t next = directions[k - degree] ^ (directions[k - degree] >> degree);
        for (uint32_t i = 1; i < degree; i++) {
            if ((row->polynomial >> (degree - i) & 1u) != 0) {
                next ^= directions[k - i];
            }
        }
        directions[k] = next;
    }
}

uint32_t dz_sobol_bits(const uint32_t directions[DZ_SOBOL_BITS], uint32_t index)
{
    uint32_t bits = 0;
    for (uint32_t k = 0; index != 0; k++, index >>= 1) {
        bits ^= (index & 1u) != 0 ? directions[k] : 0;
    }
    return bits;
}

double dz_sobol_scramble(uint32_t bits, uint64_t seed)
{
    uint32_t flips = 0;
    for (uint32_t place = 0; place < DZ_SOBOL_BITS; place++) {
        /* The digits before this one, with a 1 in front: the number of the node in its tree. */
        uint64_t node = ((UINT64_C(1) << DZ_SOBOL_BITS) | bits) >> (DZ_SOBOL_BITS - place);
        uint32_t flip = (uint32_t)(dozan_hash_words(seed, node) >> 63);
        flips |= flip << (DZ_SOBOL_BITS - 1 - place);
    }
    uint64_t tail = dozan_hash_words(seed, (UINT64_C(1) << DZ_SOBOL_BITS) | bits) >> 43;
    uint64_t digits = (uint64_t)(bits ^ flips) << 21 | tail;
    return (double)digits * 0x1p-53;
}

static uint32_t degree_of(uint32_t polynomial)
{
    uint32_t degree = 0;
    while (polynomial >> (degree + 1) != 0) {
        degree++;
    }
    return degree;
}
