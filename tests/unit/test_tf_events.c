/*
 * TensorFlow's event files: the framing, the scalars of files that another writer made (see
 * tests/data/tfevent/make.py), and what is damaged, cut off or too large.
 */
#include "collectors/tf_reader.h"

#include <dozan/buf.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void record(void *user, const dz_tf_scalar *scalar)
{
    (void)dozan_buf_printf(user, "%s#%" PRId64 "@%" PRId64 "=%s\n", scalar->tag, scalar->step,
                           scalar->time_ms, scalar->value);
}

static void load(const char *name, dozan_buf *out)
{
    char path[1024];
    char part[4096];
    size_t size;
    const char *source = getenv("DOZAN_SOURCE");
    (void)snprintf(path, sizeof path,
                   "%s/tests/data/tfevent/%s/events.out.tfevents.1700000000.host",
                   source != NULL ? source : ".", name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    dozan_buf_init(out, 1 << 20);
    while ((size = fread(part, 1, sizeof part, file)) > 0)
        assert_true(dozan_buf_append(out, part, size));
    (void)fclose(file);
}

/* Reads the bytes as a follower does that finds `part` more of them each time. */
static void read_growing(const dozan_buf *file, size_t part, dz_tf_reader *reader, dozan_buf *out)
{
    *reader = (dz_tf_reader){0};
    dozan_buf_init(out, 1 << 20);
    (void)dozan_buf_puts(out, "");
    for (size_t there = part; there < file->size + part; there += part) {
        size_t end = there < file->size ? there : file->size;
        if (reader->offset > end)
            continue;
        size_t size = end - (size_t)reader->offset;
        unsigned char *copy = malloc(size + 1); /* so that a read past the part is seen */
        assert_non_null(copy);
        memcpy(copy, file->data + reader->offset, size);
        dz_tf_reader_take(reader, copy, size, record, out);
        free(copy);
    }
}

static void expect_file(const char *name, const char *wanted)
{
    static const size_t parts[] = {1, 7, 64, 1 << 16};
    dozan_buf file;
    load(name, &file);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        dz_tf_reader reader;
        dozan_buf got;
        read_growing(&file, parts[i], &reader, &got);
        assert_string_equal(got.data, wanted);
        assert_int_equal(reader.offset, file.size);
        assert_false(reader.damaged);
        assert_int_equal(reader.bad + reader.large, 0);
        dozan_buf_fini(&got);
    }
    dozan_buf_fini(&file);
}

static void checksums(void **state)
{
    (void)state;
    unsigned char zeros[32] = {0};
    unsigned char ascending[32];
    for (size_t i = 0; i < sizeof ascending; i++)
        ascending[i] = (unsigned char)i;
    /* RFC 3720, B.4 */
    assert_int_equal(dz_crc32c(zeros, 32), 0x8a9136aau);
    assert_int_equal(dz_crc32c(ascending, 32), 0x46dd794eu);
    assert_int_equal(dz_crc32c("123456789", 9), 0xe3069283u);
}

static void simple_values(void **state)
{
    (void)state;
    expect_file("simple", "accuracy#0@1700000000500=0.1\nloss#0@1700000000500=2.5\n"
                          "loss_reg#0@1700000000500=7\naccuracy#100@1700000001500=0.5\n"
                          "loss#100@1700000001500=1.25\nloss_reg#100@1700000001500=7\n"
                          "accuracy#200@1700000002500=0.9312\nloss#200@1700000002500=nan\n"
                          "loss_reg#200@1700000002500=7\n");
}

static void tensors(void **state)
{
    (void)state;
    expect_file("tensors",
                "float#0@1700000000000=0.1\ndouble#1@1700000001000=0.1\nint#2@1700000002000=-7\n"
                "long#3@1700000003000=1099511627776\nhalf#4@1700000004000=0.33325195\n"
                "bfloat#5@1700000005000=1.5\ndouble_val#6@1700000006000=2.5\n"
                "float_val#7@1700000007000=0.2\nhalf_val#8@1700000008000=0.33325195\n");
}

/* Every byte once: no flip may crash, and none may go unseen. */
static void every_damage_is_seen(void **state)
{
    (void)state;
    dozan_buf file, whole;
    dz_tf_reader reader;
    load("simple", &file);
    read_growing(&file, 1 << 16, &reader, &whole);
    for (size_t i = 0; i < file.size; i++) {
        dozan_buf got;
        file.data[i] = (char)(file.data[i] ^ 0x10);
        read_growing(&file, 1 << 16, &reader, &got);
        assert_true(reader.damaged || reader.bad == 1);
        assert_true(strlen(got.data) <= strlen(whole.data));
        assert_true(!reader.damaged || reader.offset <= i);
        file.data[i] = (char)(file.data[i] ^ 0x10);
        dozan_buf_fini(&got);
    }
    dozan_buf_fini(&file);
    dozan_buf_fini(&whole);
}

static void put_frame(dozan_buf *out, uint64_t length, const char *data, size_t size)
{
    uint32_t crc = dz_tf_masked_crc(&length, sizeof length);
    (void)dozan_buf_append(out, &length, sizeof length);
    (void)dozan_buf_append(out, &crc, sizeof crc);
    crc = dz_tf_masked_crc(data, size);
    (void)dozan_buf_append(out, data, size);
    (void)dozan_buf_append(out, &crc, sizeof crc);
}

static void what_is_no_event(void **state)
{
    (void)state;
    dozan_buf file, got;
    dz_tf_reader reader;
    dozan_buf_init(&file, 1 << 20);
    put_frame(&file, 3, "\x2a\x7f\x01", 3); /* a summary that runs on behind its end */
    put_frame(&file, 0, "", 0);             /* an event without anything */
    read_growing(&file, 1 << 16, &reader, &got);
    assert_int_equal(reader.bad, 1);
    assert_int_equal(reader.first_bad, 0);
    assert_int_equal(reader.offset, file.size);
    assert_string_equal(got.data, "");
    dozan_buf_fini(&got);

    /* An empty value takes two bytes here and some fifty in memory. */
    size_t size = DZ_TF_EVENT_MAX_BYTES;
    char *many = malloc(size);
    assert_non_null(many);
    memcpy(many, "\x2a\xfb\xff\xff\x01", 5); /* a summary of 4 MiB less these five bytes */
    for (size_t i = 5; i < size; i += 2)
        memcpy(many + i, "\x0a\x00", i + 1 < size ? 2 : 1);
    assert_int_equal(dz_tf_event_read(many, size, record, NULL, NULL), DOZAN_INVALID_ARGUMENT);
    free(many);
    dozan_buf_fini(&file);
}

/* A record that is too large is passed over before it is there; an impossible length ends the
 * file. */
static void lengths(void **state)
{
    (void)state;
    dozan_buf file, got;
    dz_tf_reader reader;
    dozan_buf_init(&file, 1 << 20);
    put_frame(&file, (uint64_t)DZ_TF_EVENT_MAX_BYTES + 1, "", 0);
    read_growing(&file, 1 << 16, &reader, &got);
    assert_int_equal(reader.large, 1);
    assert_int_equal(reader.offset, DZ_TF_EVENT_MAX_BYTES + 1 + 16);
    dozan_buf_fini(&got);
    dozan_buf_clear(&file);
    put_frame(&file, UINT64_MAX - 8, "", 0);
    read_growing(&file, 1 << 16, &reader, &got);
    assert_true(reader.damaged);
    assert_int_equal(reader.offset, 0);
    dozan_buf_fini(&got);
    dozan_buf_fini(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(checksums),        cmocka_unit_test(simple_values),
        cmocka_unit_test(tensors),          cmocka_unit_test(every_damage_is_seen),
        cmocka_unit_test(what_is_no_event), cmocka_unit_test(lengths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
