/*
 * One event file, read while it grows. The caller holds the bytes and this keeps the place, so that
 * any number of files takes the memory of one buffer.
 */
#ifndef DZ_COLLECTORS_TF_READER_H
#define DZ_COLLECTORS_TF_READER_H

#include "collectors/tf_event.h"
#include "collectors/tf_record.h"

#include <stdbool.h>

/* With so many bytes from its offset on, a reader always gets on. */
enum { DZ_TF_READER_BYTES = DZ_TF_EVENT_MAX_BYTES + DZ_TF_HEAD_BYTES + DZ_TF_TAIL_BYTES };

/* Begins as {0}. */
typedef struct dz_tf_reader {
    uint64_t offset; /* of the next record */
    bool damaged;    /* the record at offset has no usable length: there is no way on */
    int64_t bad;     /* records that were passed over: a wrong checksum, or no event */
    uint64_t first_bad;
    int64_t large; /* records of more than DZ_TF_EVENT_MAX_BYTES, passed over */
} dz_tf_reader;

/* Takes bytes[size], which begin at reader->offset, and calls sink for the scalars of each whole
 * record. Moves the offset on behind what was used, or behind what is to be passed over. */
void dz_tf_reader_take(dz_tf_reader *reader, const void *bytes, size_t size,
                       dz_tf_scalar_sink *sink, void *user);

#endif
