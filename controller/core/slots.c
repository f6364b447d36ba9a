#include "core/slots.h"

#include <string.h>

static uint64_t bit(int32_t gpu);

void dz_slots_init(dz_slots *slots, int64_t cpu_milli, int32_t gpus)
{
    memset(slots, 0, sizeof *slots);
    slots->cpu_milli_total = cpu_milli > 0 ? cpu_milli : 0;
    slots->gpu_total = gpus < 0 ? 0 : gpus > DZ_MAX_GPUS ? DZ_MAX_GPUS : gpus;
}

bool dz_slots_possible(const dz_slots *slots, int64_t cpu_milli, int32_t gpus)
{
    return cpu_milli <= slots->cpu_milli_total && gpus <= slots->gpu_total &&
           gpus <= DZ_MAX_GPUS_PER_TRIAL;
}

/* After a restart on a smaller machine more may be held than there is: then nothing is free, but a
 * demand of nothing still is. */
bool dz_slots_free(const dz_slots *slots, int64_t cpu_milli, int32_t gpus)
{
    bool cpu = cpu_milli <= 0 || cpu_milli <= slots->cpu_milli_total - slots->cpu_milli_used;
    bool gpu = gpus <= 0 || gpus <= slots->gpu_total - slots->gpu_used;

    return cpu && gpu && gpus <= DZ_MAX_GPUS_PER_TRIAL;
}

bool dz_slots_turn(const dz_slots *slots, int64_t cpu_milli, int32_t gpus)
{
    return !slots->rationed || slots->grants > 0 || (cpu_milli <= 0 && gpus <= 0);
}

void dz_slots_take(dz_slots *slots, int64_t cpu_milli, int32_t count, int32_t *gpus)
{
    int32_t taken = 0;

    slots->cpu_milli_used += cpu_milli;
    slots->taken++;
    if (slots->rationed && (cpu_milli > 0 || count > 0)) {
        slots->grants--;
    }
    for (int32_t gpu = 0; gpu < slots->gpu_total && taken < count; gpu++) {
        if (slots->gpu_busy & bit(gpu)) {
            continue;
        }
        slots->gpu_busy |= bit(gpu);
        gpus[taken++] = gpu;
    }
    slots->gpu_used += taken;
}

void dz_slots_hold(dz_slots *slots, int64_t cpu_milli, int32_t count, const int32_t *gpus)
{
    slots->cpu_milli_used += cpu_milli;
    slots->gpu_used += count;
    for (int32_t i = 0; i < count; i++) {
        slots->gpu_busy |= bit(gpus[i]);
    }
}

void dz_slots_give(dz_slots *slots, int64_t cpu_milli, int32_t count, const int32_t *gpus)
{
    slots->cpu_milli_used -= cpu_milli;
    slots->gpu_used -= count;
    slots->given = true;
    for (int32_t i = 0; i < count; i++) {
        slots->gpu_busy &= ~bit(gpus[i]);
    }
}

/* An index that no machine has (a store from elsewhere) holds no bit. */
static uint64_t bit(int32_t gpu)
{
    return gpu >= 0 && gpu < DZ_MAX_GPUS ? UINT64_C(1) << gpu : 0;
}
