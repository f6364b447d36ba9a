/*
 * Random streams: the generator against its authors' values, streams apart from each other, and the
 * moments of what is drawn.
 */
#include <dozan/rng.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* The first outputs of the reference implementation from state {1, 2, 3, 4}. */
static void generator_gives_the_published_values(void **state)
{
    (void)state;
    static const uint64_t expected[] = {11520u,
                                        0u,
                                        1509978240u,
                                        1215971899390074240u,
                                        1216172134540287360u,
                                        607988272756665600u,
                                        16172922978634559625u,
                                        8476171486693032832u,
                                        10595114339597558777u,
                                        2904607092377533576u};
    dozan_rng rng = {.state = {1, 2, 3, 4}};
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
        assert_true(dozan_rng_next(&rng) == expected[i]);
}

/* Reckoned by a second implementation, in Python. A change of these values would change the
 * suggestions of every seeded experiment. */
static void streams_are_stable(void **state)
{
    (void)state;
    dozan_rng rng = dozan_rng_stream(42, "tpe.candidates", 7);
    dozan_rng again = dozan_rng_stream(42, "tpe.candidates", 7);
    for (int i = 0; i < 100; i++)
        assert_true(dozan_rng_next(&rng) == dozan_rng_next(&again));
    rng = dozan_rng_stream(42, "tpe.candidates", 7);
    assert_true(dozan_rng_next(&rng) == 0xEF85C2C2DFCA3FF3U);
    assert_true(dozan_rng_next(&rng) == 0x8AE74104BA52E97DU);
    assert_true(dozan_hash_text("") == 0xF52A15E9A9B5E89BU);
    assert_true(dozan_hash_words(1, 2) == 0x81A5C1377856B73U);
    assert_true(dozan_hash_words(1, 2) != dozan_hash_words(2, 1));
}

static void streams_differ_in_each_key(void **state)
{
    (void)state;
    enum { STREAMS = 3 * 3 * 50 };
    static const char *const purposes[] = {"a", "b", "ab"};
    uint64_t first[STREAMS];
    size_t count = 0;
    for (uint64_t seed = 0; seed < 3; seed++)
        for (size_t purpose = 0; purpose < 3; purpose++)
            for (uint64_t ordinal = 0; ordinal < 50; ordinal++) {
                dozan_rng rng = dozan_rng_stream(seed, purposes[purpose], ordinal);
                first[count++] = dozan_rng_next(&rng);
            }
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < i; j++)
            assert_true(first[i] != first[j]);
}

static void uniform_fills_the_unit_interval(void **state)
{
    (void)state;
    enum { DRAWS = 100000, CELLS = 20 };
    unsigned cells[CELLS] = {0};
    dozan_rng rng = dozan_rng_stream(1, "test.uniform", 0);
    for (int i = 0; i < DRAWS; i++) {
        double u = dozan_rng_uniform(&rng);
        assert_true(u >= 0 && u < 1);
        cells[(int)(u * CELLS)]++;
    }
    double chi_square = 0;
    for (int i = 0; i < CELLS; i++)
        chi_square += pow(cells[i] - DRAWS / (double)CELLS, 2) / (DRAWS / (double)CELLS);
    assert_true(chi_square < 43.8); /* 0.1% of 19 degrees of freedom */
}

/* n = 3 * 2^62 makes a biased method give the first third twice as often as each other one. */
static void below_is_without_bias(void **state)
{
    (void)state;
    enum { DRAWS = 60000 };
    const uint64_t n = (uint64_t)3 << 62;
    const uint64_t third = (uint64_t)1 << 62;
    unsigned count[3] = {0};
    dozan_rng rng = dozan_rng_stream(1, "test.below", 0);
    for (int i = 0; i < DRAWS; i++) {
        uint64_t drawn = dozan_rng_below(&rng, n);
        assert_true(drawn < n);
        count[drawn / third]++;
    }
    for (int i = 0; i < 3; i++)
        assert_true(fabs(count[i] - DRAWS / 3.0) < 5 * sqrt(DRAWS * 2.0 / 9));
    unsigned faces = 0;
    for (int i = 0; i < 1000; i++) {
        uint64_t face = dozan_rng_below(&rng, 6);
        assert_true(face < 6);
        faces |= 1u << face;
        assert_true(dozan_rng_below(&rng, 1) == 0);
    }
    assert_int_equal(faces, 63);
}

static void normal_has_its_moments(void **state)
{
    (void)state;
    enum { DRAWS = 200000 };
    double sum[5] = {0};
    dozan_rng rng = dozan_rng_stream(1, "test.normal", 0);
    for (int i = 0; i < DRAWS; i++) {
        double z = dozan_rng_normal(&rng);
        assert_true(isfinite(z));
        for (int power = 1; power <= 4; power++)
            sum[power] += pow(z, power);
    }
    const double expected[] = {1, 0, 1, 0, 3};
    const double deviation[] = {0, 1, 1.4143, 3.873, 9.798}; /* of z^k */
    for (int power = 1; power <= 4; power++)
        assert_true(fabs(sum[power] / DRAWS - expected[power]) <
                    5 * deviation[power] / sqrt(DRAWS));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(generator_gives_the_published_values),
        cmocka_unit_test(streams_are_stable),
        cmocka_unit_test(streams_differ_in_each_key),
        cmocka_unit_test(uniform_fills_the_unit_interval),
        cmocka_unit_test(below_is_without_bias),
        cmocka_unit_test(normal_has_its_moments),
    };
    return cmocka_run_group_tests_name("rng", tests, NULL, NULL);
}
