/*
 * The CPUs and GPUs that trials share: plain accounting, no I/O.
 */
#ifndef DZ_CORE_SLOTS_H
#define DZ_CORE_SLOTS_H

#include <stdbool.h>
#include <stdint.h>

enum { DZ_MAX_GPUS = 64, DZ_MAX_GPUS_PER_TRIAL = 16 };

typedef struct dz_slots {
    int64_t cpu_milli_total, cpu_milli_used;
    int32_t gpu_total, gpu_used;
    uint64_t gpu_busy; /* bit i: GPU i is held */

    /* between several experiments (loop/share.c) */
    bool rationed; /* others wait for slots: only as many demands as `grants` are met now */
    int32_t grants;
    int64_t taken; /* how many demands have been met so far */
    bool given;    /* some were given back since this was cleared */
} dz_slots;

void dz_slots_init(dz_slots *slots, int64_t cpu_milli, int32_t gpus);

/* Whether a demand could ever be met, and whether it can be met now. */
bool dz_slots_possible(const dz_slots *slots, int64_t cpu_milli, int32_t gpus);
bool dz_slots_free(const dz_slots *slots, int64_t cpu_milli, int32_t gpus);

/* Whether a demand may be met now as far as the others are concerned: it is its turn, or it needs
 * nothing. */
bool dz_slots_turn(const dz_slots *slots, int64_t cpu_milli, int32_t gpus);

/* Takes a demand that is free; writes the lowest free GPU indices into gpus[count]. */
void dz_slots_take(dz_slots *slots, int64_t cpu_milli, int32_t count, int32_t *gpus);

/* Takes exactly these (after a restart, for trials that hold them), and gives them back. */
void dz_slots_hold(dz_slots *slots, int64_t cpu_milli, int32_t count, const int32_t *gpus);
void dz_slots_give(dz_slots *slots, int64_t cpu_milli, int32_t count, const int32_t *gpus);

#endif
