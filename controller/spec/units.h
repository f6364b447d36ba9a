/*
 * Texts with a unit: durations ("90s", "1h30m") and Kubernetes' quantities ("500m", "0.5", "2").
 */
#ifndef DZ_SPEC_UNITS_H
#define DZ_SPEC_UNITS_H

#include <stdbool.h>
#include <stdint.h>

/* The longest duration that is taken: ten years. */
#define DZ_MAX_DURATION_MS ((int64_t)10 * 366 * 24 * 3600 * 1000)

/* Reads "1h30m", "5m", "90s", "250ms", "1.5h", "2d", or a bare number of seconds. False when it is
 * none, not above zero, or too long. */
bool dz_duration_parse(const char *text, int64_t *duration_ms);

/* Reads a quantity in thousandths, rounded up, as Kubernetes does for CPUs. False when it is none,
 * or negative, or above 2^53 thousandths. */
bool dz_quantity_milli(const char *text, int64_t *milli);

#endif
