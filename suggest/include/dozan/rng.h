/*
 * Random streams without global state: a stream is a pure function of (seed, purpose, ordinal), so
 * the same experiment draws the same numbers after a restart, in a replay and on another host.
 *
 * Generator: xoshiro256** (Blackman and Vigna, 2021, ACM TOMS 47-4), its state filled by SplitMix64
 * from a hash of the three keys.
 */
#ifndef DOZAN_RNG_H
#define DOZAN_RNG_H

#include <stdint.h>

typedef struct dozan_rng {
    uint64_t state[4];
    double spare_normal; /* second value of the last Box-Muller pair */
    int has_spare;
} dozan_rng;

/* The stream of (seed, purpose, ordinal). `purpose` names the use ("tpe.candidates"); `ordinal` is
 * the trial number or another counter. */
dozan_rng dozan_rng_stream(uint64_t seed, const char *purpose, uint64_t ordinal);

uint64_t dozan_rng_next(dozan_rng *rng);              /* 64 random bits */
double dozan_rng_uniform(dozan_rng *rng);             /* in [0, 1) with 53 bits */
uint64_t dozan_rng_below(dozan_rng *rng, uint64_t n); /* in [0, n), without bias; n >= 1 */
double dozan_rng_normal(dozan_rng *rng);              /* standard normal */

/* A well-mixed 64-bit hash of a text and of two words, for names and seeds. */
uint64_t dozan_hash_text(const char *text);
uint64_t dozan_hash_words(uint64_t a, uint64_t b);

#endif
