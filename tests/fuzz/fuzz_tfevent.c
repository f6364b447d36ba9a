/*
 * Fuzzes the reader of TensorFlow's event files: as they are, with their checksums put right (else
 * hardly anything gets behind them), and as one bare event. How the bytes come changes nothing.
 */
#include "collectors/tf_reader.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void digest(void *user, const dz_tf_scalar *scalar)
{
    uint64_t *sum = user;
    for (const char *at = scalar->tag; *at != '\0'; at++)
        *sum = (*sum ^ (unsigned char)*at) * 0x100000001b3u;
    for (const char *at = scalar->value; *at != '\0'; at++)
        *sum = (*sum ^ (unsigned char)*at) * 0x100000001b3u;
    *sum = (*sum ^ (uint64_t)scalar->step ^ (uint64_t)scalar->time_ms) * 0x100000001b3u;
}

static uint64_t read_in_parts(const uint8_t *data, size_t size, size_t part)
{
    dz_tf_reader reader = {0};
    uint64_t sum = 1;
    for (size_t there = part; there < size + part; there += part) {
        size_t end = there < size ? there : size;
        if (reader.offset < end)
            dz_tf_reader_take(&reader, data + reader.offset, end - (size_t)reader.offset, digest,
                              &sum);
    }
    return sum ^ reader.offset ^ (uint64_t)reader.bad ^ (uint64_t)reader.damaged;
}

static void mend(uint8_t *data, size_t size)
{
    size_t at = 0;
    while (size - at >= DZ_TF_HEAD_BYTES + DZ_TF_TAIL_BYTES) {
        uint64_t length = data[at] % 200;
        if (length > size - at - DZ_TF_HEAD_BYTES - DZ_TF_TAIL_BYTES)
            length = size - at - DZ_TF_HEAD_BYTES - DZ_TF_TAIL_BYTES;
        memcpy(data + at, &length, 8);
        uint32_t crc = dz_tf_masked_crc(data + at, 8);
        memcpy(data + at + 8, &crc, 4);
        crc = dz_tf_masked_crc(data + at + DZ_TF_HEAD_BYTES, (size_t)length);
        memcpy(data + at + DZ_TF_HEAD_BYTES + length, &crc, 4);
        at += DZ_TF_HEAD_BYTES + (size_t)length + DZ_TF_TAIL_BYTES;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t sum = 0;
    uint8_t *copy = malloc(size + 1);
    if (copy == NULL)
        abort();
    if (size > 0)
        memcpy(copy, data, size);
    (void)!dz_tf_event_read(copy, size, digest, &sum, NULL);
    for (int round = 0; round < 2; round++) {
        if (read_in_parts(copy, size, size > 0 ? size : 1) != read_in_parts(copy, size, 13))
            abort();
        mend(copy, size);
    }
    free(copy);
    return 0;
}
