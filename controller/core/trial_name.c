/*
 * Trial names: "<experiment>-" and 8 characters of the alphabet that Kubernetes draws its own
 * suffixes from (no vowels, so no words; no 0, 1, 3, so no misreading).
 *
 * The suffix is a permutation of the trial's number, keyed by the experiment's uid: a Feistel
 * network over 40 bits, walked until it lands among the 27^8 suffixes. So two trials of an
 * experiment can never share a name, which a hash could not promise.
 */
#include "core/turn.h"

#include <dozan/rng.h>
#include <inttypes.h>
#include <stdio.h>

enum { SUFFIX_LENGTH = 8, HALF_BITS = 20, ROUNDS = 4 };

static const char alphabet[] = "bcdfghjklmnpqrstvwxz2456789";

static uint64_t permute(uint64_t key, uint64_t value);

void dz_trial_name(const dz_experiment *experiment, int64_t number, char *name, size_t size)
{
    const uint64_t letters = sizeof alphabet - 1;
    uint64_t key = dozan_hash_text(experiment->uid);
    uint64_t suffixes = 1;
    uint64_t value;
    char suffix[SUFFIX_LENGTH + 1];

    for (int i = 0; i < SUFFIX_LENGTH; i++) {
        suffixes *= letters;
    }
    value = permute(key, (uint64_t)number % suffixes);
    while (value >= suffixes) {
        value = permute(key, value);
    }
    for (int i = 0; i < SUFFIX_LENGTH; i++) {
        suffix[i] = alphabet[value % letters];
        value /= letters;
    }
    suffix[SUFFIX_LENGTH] = '\0';
    (void)snprintf(name, size, "%s-%s", experiment->spec->name, suffix);
}

void dz_trial_uid(const dz_experiment *experiment, int64_t number, char uid[DZ_UID_TEXT])
{
    uint64_t key = dozan_hash_text(experiment->uid);
    uint64_t high = dozan_hash_words(key, (uint64_t)number);
    uint64_t low = dozan_hash_words(high, ~(uint64_t)number);

    (void)snprintf(uid, DZ_UID_TEXT,
                   "%08" PRIx64 "-%04" PRIx64 "-8%03" PRIx64 "-%04" PRIx64 "-%012" PRIx64,
                   high >> 32, high >> 16 & 0xffff, high & 0xfff,
                   UINT64_C(0x8000) | (low >> 48 & 0x3fff), low & UINT64_C(0xffffffffffff));
}

static uint64_t permute(uint64_t key, uint64_t value)
{
    const uint64_t mask = (UINT64_C(1) << HALF_BITS) - 1;
    uint64_t left = value >> HALF_BITS;
    uint64_t right = value & mask;

    for (uint64_t round = 0; round < ROUNDS; round++) {
        uint64_t mixed = left ^ (dozan_hash_words(key + round, right) & mask);
        left = right;
        right = mixed;
    }
    return left << HALF_BITS | right;
}
