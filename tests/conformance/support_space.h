/*
 * Random search spaces for tests.
 */
#ifndef DZ_SUPPORT_SPACE_H
#define DZ_SUPPORT_SPACE_H

#include <dozan/rng.h>
#include <dozan/space.h>

enum { DZ_RANDOM_SPACE_MAX = 16 };

typedef struct dz_random_space {
    dozan_parameter parameters[DZ_RANDOM_SPACE_MAX];
    size_t count;
    char texts[DZ_RANDOM_SPACE_MAX][4][DOZAN_VALUE_TEXT]; /* name, min, max, step */
} dz_random_space;

/* Draws 1 to `most` parameters of any type and distribution; without continuous ones when `finite`.
 * The struct must not be moved afterwards. */
void dz_random_space_draw(dz_random_space *space, dozan_rng *rng, size_t most, bool finite);

#endif
