/*
 * From the bytes of an event file to its scalars. A record that is not whole yet waits; one that is
 * wrong inside is passed over and counted; a wrong length ends the file.
 */
#include "collectors/tf_reader.h"

static uint64_t take_record(dz_tf_reader *reader, const unsigned char *bytes, size_t size,
                            dz_tf_scalar_sink *sink, void *user);
static void count_bad(dz_tf_reader *reader);

void dz_tf_reader_take(dz_tf_reader *reader, const void *bytes, size_t size,
                       dz_tf_scalar_sink *sink, void *user)
{
    const unsigned char *at = bytes;
    while (size > 0 && !reader->damaged) {
        uint64_t used = take_record(reader, at, size, sink, user);
        if (used == 0)
            return;
        reader->offset += used;
        if (used >= size)
            return;
        at += used;
        size -= (size_t)used;
    }
}

/* The size of the record at bytes, which was used or is to be passed over; 0 when it is not all
 * there. */
static uint64_t take_record(dz_tf_reader *reader, const unsigned char *bytes, size_t size,
                            dz_tf_scalar_sink *sink, void *user)
{
    uint64_t length = 0;
    dz_tf_frame frame = dz_tf_record_look(bytes, size, &length);
    if (frame == DZ_TF_BAD_LENGTH || length > INT64_MAX / 2) {
        reader->damaged = true;
        return 0;
    }
    uint64_t whole = length + DZ_TF_HEAD_BYTES + DZ_TF_TAIL_BYTES;
    if (length > DZ_TF_EVENT_MAX_BYTES) {
        reader->large++;
        return whole;
    }
    if (frame == DZ_TF_PARTIAL)
        return 0;
    if (frame == DZ_TF_BAD_DATA ||
        dz_tf_event_read(bytes + DZ_TF_HEAD_BYTES, (size_t)length, sink, user, NULL) != DOZAN_OK)
        count_bad(reader);
    return whole;
}

static void count_bad(dz_tf_reader *reader)
{
    if (reader->bad++ == 0)
        reader->first_bad = reader->offset;
}
