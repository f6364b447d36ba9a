/*
 * The growing buffer and the arena.
 */
#include <dozan/buf.h>

#include "arena.h"
#include "text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void grows_and_stays_terminated(void **state)
{
    (void)state;
    dozan_buf buf;
    dozan_buf_init(&buf, 10000);
    assert_null(buf.data);
    for (int i = 0; i < 1000; i++) {
        assert_true(dozan_buf_printf(&buf, "%03d", i));
        assert_int_equal(buf.size, 3 * (size_t)(i + 1));
        assert_int_equal(buf.data[buf.size], 0);
    }
    assert_memory_equal(buf.data + 3 * 777, "777", 3);
    assert_true(dozan_buf_append(&buf, "a\0b", 3));
    assert_memory_equal(buf.data + 3000, "a\0b", 4);
    dozan_buf_clear(&buf);
    assert_int_equal(buf.size, 0);
    assert_string_equal(buf.data, "");
    dozan_buf_fini(&buf);
    assert_null(buf.data);
    dozan_buf_fini(&buf);
}

static void stops_at_its_maximum(void **state)
{
    (void)state;
    dozan_buf buf;
    dozan_buf_init(&buf, 8);
    assert_true(dozan_buf_puts(&buf, "12345678"));
    assert_true(dozan_buf_puts(&buf, ""));
    assert_false(dozan_buf_puts(&buf, "9"));
    assert_true(buf.failed);
    assert_false(dozan_buf_puts(&buf, ""));
    assert_string_equal(buf.data, "12345678");
    assert_null(dozan_buf_take(&buf));
    assert_false(buf.failed);
    assert_false(dozan_buf_printf(&buf, "%s", "123456789"));
    dozan_buf_clear(&buf);
    assert_true(dozan_buf_printf(&buf, "%d", 12));
    assert_false(dozan_buf_append(&buf, "x", SIZE_MAX));
    dozan_buf_fini(&buf);
}

static void gives_its_text_away(void **state)
{
    (void)state;
    dozan_buf buf;
    dozan_buf_init(&buf, SIZE_MAX);
    char *empty = dozan_buf_take(&buf);
    assert_string_equal(empty, "");
    free(empty);
    assert_true(dozan_buf_puts(&buf, "text"));
    char *text = dozan_buf_take(&buf);
    assert_string_equal(text, "text");
    assert_null(buf.data);
    assert_int_equal(buf.size, 0);
    free(text);
    dozan_buf_fini(&buf);
}

static void arena_pieces_stay_where_they_are(void **state)
{
    (void)state;
    enum { PIECES = 2000 };
    static unsigned char *pieces[PIECES];
    dz_arena arena = {0};
    for (size_t i = 0; i < PIECES; i++) {
        pieces[i] = dz_arena_alloc(&arena, i % 97);
        assert_non_null(pieces[i]);
        assert_int_equal((uintptr_t)pieces[i] % _Alignof(max_align_t), 0);
        for (size_t k = 0; k < i % 97; k++)
            assert_int_equal(pieces[i][k], 0);
        memset(pieces[i], (int)(i % 251), i % 97);
    }
    for (size_t i = 0; i < PIECES; i++)
        for (size_t k = 0; k < i % 97; k++)
            assert_int_equal(pieces[i][k], i % 251);
    assert_non_null(dz_arena_alloc(&arena, (size_t)3 << 20)); /* larger than a block */
    assert_string_equal(dz_arena_text(&arena, "text"), "text");
    assert_string_equal(dz_arena_text(&arena, NULL), "");
    assert_null(dz_arena_alloc(&arena, SIZE_MAX));
    assert_null(dz_arena_array(&arena, SIZE_MAX / 2, 4));
    dz_arena_fini(&arena);
    dz_arena_fini(&arena);
}

static void excerpts_are_fit_for_a_message(void **state)
{
    (void)state;
    char excerpt[DZ_EXCERPT];
    assert_string_equal(dz_text_excerpt("a\nb\x7F", excerpt), "a?b?");
    char longer[200];
    memset(longer, 'x', 63);
    memcpy(longer + 63, "\xC3\xA9 and more", 12);
    dz_text_excerpt(longer, excerpt);
    assert_int_equal(strlen(excerpt), 66);
    assert_string_equal(excerpt + 63, "...");
    memset(longer, 'x', 64);
    longer[64] = '\0';
    assert_string_equal(dz_text_excerpt(longer, excerpt), longer);
}

static void near_names_are_found(void **state)
{
    (void)state;
    static const char *const names[] = {"gamma", "prior_weight", "n_EI_candidates", "r"};
    assert_string_equal(dz_text_nearest("gama", names, 4), "gamma");
    assert_string_equal(dz_text_nearest("n_ei_candidates", names, 4), "n_EI_candidates");
    assert_string_equal(dz_text_nearest("priorweight", names, 4), "prior_weight");
    assert_null(dz_text_nearest("completely_other", names, 4));
    assert_null(dz_text_nearest("x", names, 4));
    assert_null(dz_text_nearest("gamma", names, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grows_and_stays_terminated),
        cmocka_unit_test(stops_at_its_maximum),
        cmocka_unit_test(gives_its_text_away),
        cmocka_unit_test(arena_pieces_stay_where_they_are),
        cmocka_unit_test(excerpts_are_fit_for_a_message),
        cmocka_unit_test(near_names_are_found),
    };
    return cmocka_run_group_tests_name("buf", tests, NULL, NULL);
}
