/*
 * TensorFlow's record framing: length (8 bytes), its checksum (4), the data, its checksum (4), all
 * little-endian; a checksum is CRC-32C (Castagnoli), rotated and with a constant added.
 */
#ifndef DZ_COLLECTORS_TF_RECORD_H
#define DZ_COLLECTORS_TF_RECORD_H

#include <stddef.h>
#include <stdint.h>

enum { DZ_TF_HEAD_BYTES = 12, DZ_TF_TAIL_BYTES = 4 };

typedef enum dz_tf_frame {
    DZ_TF_WHOLE,
    DZ_TF_PARTIAL,    /* the rest is not there yet */
    DZ_TF_BAD_LENGTH, /* nothing behind it can be found any more */
    DZ_TF_BAD_DATA    /* the next record is where it should be */
} dz_tf_frame;

/* Looks at the record that bytes[size] begins with. From 12 bytes on, *length is its data's, but
 * for BAD_LENGTH; its data begins at bytes + DZ_TF_HEAD_BYTES. */
dz_tf_frame dz_tf_record_look(const void *bytes, size_t size, uint64_t *length);

/* CRC-32C as RFC 3720 has it, and TensorFlow's mask over it. */
uint32_t dz_crc32c(const void *bytes, size_t size);
uint32_t dz_tf_masked_crc(const void *bytes, size_t size);

#endif
