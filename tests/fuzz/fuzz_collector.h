/*
 * What the collectors' fuzz targets share: reads the same bytes whole and in parts, and aborts when
 * the points differ.
 */
#ifndef FUZZ_COLLECTOR_H
#define FUZZ_COLLECTOR_H

#include "collectors/collector.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A digest of all points, in order (FNV-1a). */
static inline void fuzz_digest(void *user, const dz_point *point)
{
    uint64_t *digest = user;
    const char *text = point->text;
    for (size_t i = 0; i <= strlen(text); i++)
        *digest = (*digest ^ (unsigned char)text[i]) * 0x100000001b3u;
    *digest = (*digest ^ (uint64_t)point->metric) * 0x100000001b3u;
    *digest = (*digest ^ (uint64_t)point->step) * 0x100000001b3u;
    *digest = (*digest ^ (uint64_t)point->time_ms) * 0x100000001b3u;
    *digest = (*digest ^ (uint64_t)point->is_number) * 0x100000001b3u;
}

static inline uint64_t fuzz_collect(const dz_experiment_spec *spec, const uint8_t *data,
                                    size_t size, size_t part)
{
    uint64_t digest = 0xcbf29ce484222325u;
    dz_collector *collector = NULL;
    if (dz_collector_create(spec, &collector, NULL) != DOZAN_OK)
        abort();
    for (size_t at = 0; at < size; at += part) {
        size_t next = part < size - at ? part : size - at;
        if (dz_collector_feed(collector, data + at, next, 5, fuzz_digest, &digest, NULL) !=
            DOZAN_OK)
            abort();
    }
    if (dz_collector_finish(collector, 5, fuzz_digest, &digest, NULL) != DOZAN_OK)
        abort();
    dz_collector_destroy(collector);
    return digest;
}

static inline void fuzz_collector(const dz_experiment_spec *spec, const uint8_t *data, size_t size)
{
    uint64_t whole = fuzz_collect(spec, data, size, size > 0 ? size : 1);
    if (fuzz_collect(spec, data, size, 7) != whole)
        abort();
}

#endif
