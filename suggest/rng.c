/*
 * Random streams: xoshiro256** (D. Blackman and S. Vigna, "Scrambled linear pseudorandom number
 * generators", ACM TOMS 47(4), 2021), seeded by SplitMix64 (G. Steele, D. Lea and C. Flood, OOPSLA
 * 2014).
 *
 * The tests hold the first outputs of both against the authors' published values.
 */
#include <dozan/rng.h>

#include <math.h>

static const uint64_t golden_gamma =
    0x9E3779B97F4A7C15u; /* 2^64 divided by the golden ratio, odd */

/* SplitMix64's finaliser: a bijection in which each input bit moves each output bit half the time.
 */
static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return x ^ (x >> 31);
}

static uint64_t rotate_left(uint64_t x, unsigned bits)
{
    return (x << bits) | (x >> (64 - bits));
}

dozan_rng dozan_rng_stream(uint64_t seed, const char *purpose, uint64_t ordinal)
{
    uint64_t counter = dozan_hash_words(dozan_hash_words(seed, dozan_hash_text(purpose)), ordinal);
    dozan_rng rng = {.has_spare = 0};
    for (int i = 0; i < 4; i++) {
        counter += golden_gamma;
        rng.state[i] = mix(counter); /* four different counters: at most one of the words is 0 */
    }
    return rng;
}

uint64_t dozan_rng_next(dozan_rng *rng)
{
    uint64_t *s = rng->state;
    uint64_t result = rotate_left(s[1] * 5, 7) * 9;
    uint64_t shifted = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = rotate_left(s[3], 45);
    return result;
}

double dozan_rng_uniform(dozan_rng *rng)
{
    return (double)(dozan_rng_next(rng) >> 11) * 0x1p-53;
}

/* D. Lemire, "Fast random integer generation in an interval", ACM TOMACS 29(1), 2019. */
uint64_t dozan_rng_below(dozan_rng *rng, uint64_t n)
{
    __extension__ typedef unsigned __int128 wide;
    wide product = (wide)dozan_rng_next(rng) * n;
    if ((uint64_t)product < n) {
        uint64_t rejected = (0 - n) % n; /* 2^64 mod n low words are one too many */
        while ((uint64_t)product < rejected)
            product = (wide)dozan_rng_next(rng) * n;
    }
    return (uint64_t)(product >> 64);
}

/* Box and Muller (1958): a pair at a time, the second kept for the next call. */
double dozan_rng_normal(dozan_rng *rng)
{
    if (rng->has_spare) {
        rng->has_spare = 0;
        return rng->spare_normal;
    }
    double radius = sqrt(-2.0 * log(1.0 - dozan_rng_uniform(rng))); /* 1 - u is never 0 */
    double angle = 2.0 * M_PI * dozan_rng_uniform(rng);
    rng->spare_normal = radius * sin(angle);
    rng->has_spare = 1;
    return radius * cos(angle);
}

/* FNV-1a, and a finaliser for its weak high bits. */
uint64_t dozan_hash_text(const char *text)
{
    uint64_t hash = 0xCBF29CE484222325u;
    for (const unsigned char *c = (const unsigned char *)text; *c != '\0'; c++)
        hash = (hash ^ *c) * 0x100000001B3u;
    return mix(hash);
}

uint64_t dozan_hash_words(uint64_t a, uint64_t b)
{
    return mix(mix(a + golden_gamma) + b);
}
