/*
 * The framing of TensorFlow's event files, bytes in and verdicts out. The checksum is RFC 3720's,
 * four bits at a time: event files are small.
 */
#include "collectors/tf_record.h"

#include <string.h>

static const uint32_t mask_delta = 0xa282ead8u;

static uint64_t little_endian(const unsigned char *bytes, size_t size);

dz_tf_frame dz_tf_record_look(const void *bytes, size_t size, uint64_t *length)
{
    const unsigned char *at = bytes;
    if (size < DZ_TF_HEAD_BYTES)
        return DZ_TF_PARTIAL;
    if (dz_tf_masked_crc(at, 8) != little_endian(at + 8, 4))
        return DZ_TF_BAD_LENGTH;
    *length = little_endian(at, 8);
    size_t rest = size - DZ_TF_HEAD_BYTES;
    if (rest < DZ_TF_TAIL_BYTES || *length > rest - DZ_TF_TAIL_BYTES)
        return DZ_TF_PARTIAL;
    const unsigned char *data = at + DZ_TF_HEAD_BYTES;
    uint32_t crc = dz_tf_masked_crc(data, (size_t)*length);
    return crc == little_endian(data + *length, 4) ? DZ_TF_WHOLE : DZ_TF_BAD_DATA;
}

uint32_t dz_crc32c(const void *bytes, size_t size)
{
    /* of each half byte, for the reflected polynomial 0x82f63b78 */
    static const uint32_t table[16] = {0x00000000u, 0x105ec76fu, 0x20bd8edeu, 0x30e349b1u,
                                       0x417b1dbcu, 0x5125dad3u, 0x61c69362u, 0x7198540du,
                                       0x82f63b78u, 0x92a8fc17u, 0xa24bb5a6u, 0xb21572c9u,
                                       0xc38d26c4u, 0xd3d3e1abu, 0xe330a81au, 0xf36e6f75u};
    const unsigned char *at = bytes;
    uint32_t crc = 0xffffffffu;
    for (size_t i = 0; i < size; i++) {
        crc ^= at[i];
        crc = (crc >> 4) ^ table[crc & 15];
        crc = (crc >> 4) ^ table[crc & 15];
    }
    return ~crc;
}

uint32_t dz_tf_masked_crc(const void *bytes, size_t size)
{
    uint32_t crc = dz_crc32c(bytes, size);
    return ((crc >> 15) | (crc << 17)) + mask_delta;
}

static uint64_t little_endian(const unsigned char *bytes, size_t size)
{
    uint64_t value = 0;
    for (size_t i = size; i-- > 0;)
        value = value << 8 | bytes[i];
    return value;
}
