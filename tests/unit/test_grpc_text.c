/*
 * gRPC's time-outs, messages and prefixes.
 */
#include "grpc_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
/* cmocka needs the above first */
#include <cmocka.h>

static void reads_timeouts(void **state)
{
    static const struct {
        const char *text;
        int64_t ms; /* -1: cannot be read */
    } cases[] = {
        {"1S", 1000},       {"0m", 0},      {"1n", 1},       {"1000001n", 2},
        {"1500u", 2},       {"2M", 120000}, {"1H", 3600000}, {"99999999H", 359999996400000},
        {"", -1},           {"S", -1},      {"1", -1},       {"1s", -1},
        {"100000000S", -1}, {"1SS", -1},    {"-1S", -1},     {"1.5S", -1}};
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t ms = -1;
        assert_int_equal(dz_grpc_timeout_parse(cases[i].text, &ms), cases[i].ms >= 0);
        assert_int_equal(ms, cases[i].ms);
    }
}

static void writes_timeouts_that_it_reads(void **state)
{
    static const uint32_t values[] = {1, 999, 99999999, 100000000, UINT32_MAX};
    (void)state;
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        char text[DZ_GRPC_TIMEOUT_TEXT];
        int64_t ms = 0;
        dz_grpc_timeout_text(values[i], text);
        assert_true(dz_grpc_timeout_parse(text, &ms));
        assert_in_range(ms, values[i] - values[i] % 1000, values[i]);
    }
}

static void codes_messages(void **state)
{
    static const char message[] = "100% of \"näher\"\n\x7f";
    char text[DZ_GRPC_MESSAGE_TEXT];
    char back[64];
    (void)state;
    dz_grpc_message_encode(message, text);
    assert_string_equal(text, "100%25 of \"n%C3%A4her\"%0A%7F");
    dz_grpc_message_decode(text, strlen(text), back, sizeof(back));
    assert_string_equal(back, message);
}

static void bears_broken_messages(void **state)
{
    char back[8];
    char text[DZ_GRPC_MESSAGE_TEXT];
    char large[DZ_GRPC_MESSAGE_TEXT];
    (void)state;
    dz_grpc_message_decode("%4", 2, back, sizeof(back));
    assert_string_equal(back, "%4");
    dz_grpc_message_decode("%zz%41%00", 9, back, sizeof(back));
    assert_string_equal(back, "%zzA ");
    dz_grpc_message_decode("123456789", 9, back, sizeof(back));
    assert_string_equal(back, "1234567");
    memset(large, '%', sizeof(large) - 1);
    large[sizeof(large) - 1] = '\0';
    dz_grpc_message_encode(large, text);
    assert_true(strlen(text) < DZ_GRPC_MESSAGE_TEXT && strlen(text) % 3 == 0);
}

static void writes_prefixes(void **state)
{
    static const size_t sizes[] = {0, 1, 255, 256, 65537, UINT32_MAX};
    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        uint8_t prefix[DZ_GRPC_PREFIX];
        dz_grpc_prefix_write(sizes[i], prefix);
        assert_int_equal(prefix[0], 0);
        assert_int_equal(dz_grpc_prefix_size(prefix), sizes[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_timeouts),  cmocka_unit_test(writes_timeouts_that_it_reads),
        cmocka_unit_test(codes_messages),  cmocka_unit_test(bears_broken_messages),
        cmocka_unit_test(writes_prefixes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
