/*
 * What this machine lets us use: CPUs and GPUs.
 */
#ifndef DZ_RUNNERS_MACHINE_H
#define DZ_RUNNERS_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DZ_MACHINE_MAX_GPUS = 64, DZ_GPU_NAME_SIZE = 64 };

/* The GPUs, under the names that CUDA_VISIBLE_DEVICES takes: numbers, or what our own
 * CUDA_VISIBLE_DEVICES lists. */
typedef struct dz_machine_gpus {
    int32_t count;
    char names[DZ_MACHINE_MAX_GPUS][DZ_GPU_NAME_SIZE];
} dz_machine_gpus;

/* Thousandths of CPUs: those that this process may run on, or less where its control groups
 * (version 2) have a quota. At least 1. */
int64_t dz_machine_cpu_milli(void);

/* GPUs that this process may use: as many as DOZAN_GPUS says (for a machine that we cannot ask),
 * else those of CUDA_VISIBLE_DEVICES, else what the NVIDIA driver shows. */
void dz_machine_find_gpus(dz_machine_gpus *gpus);

#endif
