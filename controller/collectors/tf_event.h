/*
 * The scalars of one event of TensorFlow's event files: TF 1's simple values, and the tensors of
 * one element that TF 2 writes.
 */
#ifndef DZ_COLLECTORS_TF_EVENT_H
#define DZ_COLLECTORS_TF_EVENT_H

#include <dozan/status.h>
#include <stdint.h>

enum { DZ_TF_VALUE_TEXT = 32, DZ_TF_EVENT_MAX_BYTES = 4 * 1024 * 1024 };

typedef struct dz_tf_scalar {
    const char *tag;
    char value[DZ_TF_VALUE_TEXT]; /* the shortest text that reads back as the same value of its type
                                   */
    int64_t step;
    int64_t time_ms; /* 0 = the event has no time between the years 1970 and 9999 */
} dz_tf_scalar;

typedef void dz_tf_scalar_sink(void *user, const dz_tf_scalar *scalar);

/* Calls sink for each scalar of the event in bytes[size]. INVALID_ARGUMENT: it is no event, or
 * larger than DZ_TF_EVENT_MAX_BYTES, or takes an unreasonable amount of memory. */
DOZAN_MUST_USE dozan_status dz_tf_event_read(const void *bytes, size_t size,
                                             dz_tf_scalar_sink *sink, void *user, dozan_error *err);

#endif
