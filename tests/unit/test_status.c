/*
 * Status codes and errors: the table, and that text is cut at a character's end and survives
 * aliasing.
 */
#include <dozan/status.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void codes_have_their_grpc_numbers(void **state)
{
    (void)state;
    assert_int_equal(DOZAN_OK, 0);
    assert_int_equal(DOZAN_INVALID_ARGUMENT, 3);
    assert_int_equal(DOZAN_UNAUTHENTICATED, 16);
    assert_string_equal(dozan_status_name(DOZAN_RESOURCE_EXHAUSTED), "RESOURCE_EXHAUSTED");
    assert_string_equal(dozan_status_text(DOZAN_NOT_FOUND), "not found");
    assert_int_equal(dozan_status_http(DOZAN_OK), 200);
    assert_int_equal(dozan_status_http(DOZAN_UNAVAILABLE), 503);
    assert_true(dozan_status_retryable(DOZAN_UNAVAILABLE));
    assert_false(dozan_status_retryable(DOZAN_INVALID_ARGUMENT));
    const int outside[] = {-1, 17, 1 << 30, -(1 << 30)};
    for (size_t i = 0; i < sizeof(outside) / sizeof(outside[0]); i++)
        assert_string_equal(dozan_status_name(outside[i]), "UNKNOWN");
}

static void errors_carry_place_and_message(void **state)
{
    (void)state;
    dozan_error err = {0};
    char text[64];
    assert_int_equal(dozan_error_set(&err, DOZAN_NOT_FOUND, "a.yaml:3", "no %s %d", "trial", 7),
                     DOZAN_NOT_FOUND);
    dozan_error_text(&err, text, sizeof(text));
    assert_string_equal(text, "a.yaml:3: no trial 7");
    assert_int_equal(dozan_error_wrap(&err, "experiment %s", "mnist"), DOZAN_NOT_FOUND);
    assert_string_equal(err.message, "experiment mnist: no trial 7");
    dozan_error_set(&err, DOZAN_ABORTED, NULL, "%s", "");
    dozan_error_text(&err, text, sizeof(text));
    assert_string_equal(text, "aborted");
    assert_int_equal(dozan_error_set(NULL, DOZAN_ABORTED, NULL, "x"), DOZAN_ABORTED);
    assert_int_equal(dozan_error_wrap(NULL, "x"), DOZAN_INTERNAL);
    memset(text, '#', sizeof(text));
    dozan_error_text(&err, text, 0);
    assert_int_equal(text[0], '#');
    dozan_error_text(&err, text, 3);
    assert_string_equal(text, "ab");
}

static void arguments_may_point_into_the_error(void **state)
{
    (void)state;
    dozan_error err = {0};
    dozan_error_set(&err, DOZAN_INTERNAL, "here", "inner");
    dozan_error_set(&err, DOZAN_INTERNAL, err.place, "outer %s", err.message);
    assert_string_equal(err.place, "here");
    assert_string_equal(err.message, "outer inner");
}

/* Each length around the limit, of two-byte characters: never half of one, always the mark. */
static void long_text_is_cut_at_a_character(void **state)
{
    (void)state;
    char longer[1200];
    for (size_t shift = 0; shift < 4; shift++) {
        dozan_error err = {0};
        memset(longer, 'x', shift);
        for (size_t i = shift; i + 2 < sizeof(longer); i += 2)
            memcpy(longer + i, "\xC3\xA9", 3);
        dozan_error_set(&err, DOZAN_INTERNAL, longer, "%s", longer);
        const char *const cut[] = {err.place, err.message};
        const size_t room[] = {sizeof(err.place), sizeof(err.message)};
        for (size_t k = 0; k < 2; k++) {
            size_t length = strlen(cut[k]);
            assert_in_range(length, room[k] - 3, room[k] - 1);
            assert_string_equal(cut[k] + length - 3, "...");
            assert_int_equal((length - 3 - shift) % 2, 0);
            assert_memory_equal(cut[k], longer, length - 3);
        }
        dozan_error_wrap(&err, "%s", longer);
        assert_true(strlen(err.message) < sizeof(err.message));
        assert_string_equal(err.message + strlen(err.message) - 3, "...");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codes_have_their_grpc_numbers),
        cmocka_unit_test(errors_carry_place_and_message),
        cmocka_unit_test(arguments_may_point_into_the_error),
        cmocka_unit_test(long_text_is_cut_at_a_character),
    };
    return cmocka_run_group_tests_name("status", tests, NULL, NULL);
}
