/*
 * Writing YAML: what is written reads back to the same tree, for texts that try to be something
 * else, and for random trees from fixed seeds.
 */
#include "spec/experiment.h"
#include "spec/tree.h"

#include <dozan/rng.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char *write_yaml(const cJSON *tree)
{
    char *text = NULL;

    assert_int_equal(dz_yaml_write(tree, &text), DOZAN_OK);
    return text;
}

static cJSON *read_yaml(const char *text)
{
    dz_tree *tree = NULL;
    dozan_error err = {0};
    cJSON *json = NULL;

    if (dz_tree_parse(text, strlen(text), "y", &tree, &err) != DOZAN_OK) {
        fail_msg("%s: %s\n%s", err.place, err.message, text);
    }
    json = dz_node_json(dz_tree_root(tree));
    dz_tree_destroy(tree);
    return json;
}

static void expect_round_trip(const cJSON *tree)
{
    char *text = write_yaml(tree);
    cJSON *again = read_yaml(text);

    if (!cJSON_Compare(tree, again, true)) {
        char *json = cJSON_PrintUnformatted(tree);
        fail_msg("%s\nwas written as\n%s", json, text);
    }
    cJSON_Delete(again);
    free(text);
}

static const char *const hard_texts[] = {
    "",
    " ",
    "a ",
    " a",
    "5",
    "0x1f",
    "1e5",
    ".5",
    "08",
    "yes",
    "y",
    "null",
    "~",
    ".nan",
    "-.inf",
    "<<",
    "=",
    "- a",
    "a: b",
    "a:",
    "#a",
    "a #b",
    "a#b",
    "'",
    "\"",
    "a\nb",
    "a\n",
    "\na",
    " a\nb",
    "a \nb",
    "a\n\nb\n\n",
    "a\r\nb",
    "\t",
    "a\tb",
    "\x01",
    "\x7f",
    "\xC3\xA9",
    "\xC2\x85",
    "\xE2\x80\xA8",
    "\xF0\x9F\x98\x80",
    "\xEF\xBB\xBF",
    "---",
    "--- a",
    "...",
    "%a",
    "@a",
    "`a",
    "!a",
    "&a",
    "*a",
    "[a]",
    "{a}",
    "a, b",
    "2024-01-02",
    "1:30",
    "${trialParameters.x}",
    "\\",
    "a\\nb",
    "?",
    "? a",
    ":",
    "-",
    "|",
    "> a",
};

static void texts_stay_texts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof hard_texts / sizeof hard_texts[0]; i++) {
        cJSON *tree = cJSON_CreateObject();
        cJSON *list = cJSON_AddArrayToObject(tree, "list");
        cJSON_AddStringToObject(tree, "value", hard_texts[i]);
        cJSON_AddNumberToObject(tree, hard_texts[i][0] != '\0' ? hard_texts[i] : "k", 1);
        assert_true(cJSON_AddItemToArray(list, cJSON_CreateString(hard_texts[i])));
        expect_round_trip(tree);
        cJSON_Delete(tree);
    }
}

static void the_look_is_kubernetes(void **state)
{
    cJSON *tree = cJSON_Parse(
        "{\"a\":{\"s\":\"plain text\",\"v\":\"5\",\"e\":{},\"l\":[],\"t\":true,\"x\":null},"
        "\"l\":[{\"k\":1,\"m\":0.1},[2,-3e-5],\"two\\nlines\\n\"]}");
    char *text = write_yaml(tree);

    (void)state;
    assert_string_equal(text,
                        "a:\n  s: plain text\n  v: \"5\"\n  e: {}\n  l: []\n  t: true\n  x: null\n"
                        "l:\n- k: 1\n  m: 0.1\n- - 2\n  - -3e-05\n- |\n  two\n  lines\n");
    free(text);
    cJSON_Delete(tree);
}

static void numbers_keep_their_value(void **state)
{
    static const double numbers[] = {0.0,     -1.0, 0.1,  1.0 / 3.0,         1e300,
                                     5e-324,  1e15, 1e16, 123456789012345.0, 0x1p53,
                                     -0x1p60, 1e-5, 2.5};

    (void)state;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        cJSON *tree = cJSON_CreateNumber(numbers[i]);
        char *text = write_yaml(tree);
        cJSON *again = read_yaml(text);
        double value = again->valuedouble;
        assert_true(cJSON_IsNumber(again));
        assert_true(value <= numbers[i] && value >= numbers[i]);
        cJSON_Delete(again);
        cJSON_Delete(tree);
        free(text);
    }
    {
        cJSON *tree = cJSON_CreateNumber(NAN);
        char *text = write_yaml(tree);
        assert_string_equal(text, "null\n");
        free(text);
        cJSON_Delete(tree);
    }
}

/* A text of a trial's output may be no UTF-8. */
static void bad_bytes_are_replaced(void **state)
{
    static const struct {
        const char *text;
        const char *expected;
    } cases[] = {
        {"a\xFF"
         "b",
         "a\xEF\xBF\xBD"
         "b"},
        {"\xC3", "\xEF\xBF\xBD"},
        {"\xED\xA0\x80", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
        {"\xF4\x90\x80\x80", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
        {"\xC0\xAF", "\xEF\xBF\xBD\xEF\xBF\xBD"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cJSON *tree = cJSON_CreateString(cases[i].text);
        char *text = write_yaml(tree);
        cJSON *again = read_yaml(text);
        assert_string_equal(again->valuestring, cases[i].expected);
        cJSON_Delete(again);
        cJSON_Delete(tree);
        free(text);
    }
}

/* A random text of letters that mean something to YAML. */
static cJSON *random_text(dozan_rng *rng)
{
    static const char letters[] = "ab01 \t\n:#-'\"\\{}[],&*!|>%@`?=<~.\r_";
    char text[24];
    size_t size = (size_t)(dozan_rng_uniform(rng) * 23.0);

    for (size_t i = 0; i < size; i++) {
        text[i] = letters[(size_t)(dozan_rng_uniform(rng) * (double)(sizeof letters - 1))];
    }
    text[size] = '\0';
    return cJSON_CreateString(text);
}

static cJSON *random_tree(dozan_rng *rng, int depth)
{
    double kind = dozan_rng_uniform(rng);
    cJSON *tree = NULL;

    if (depth == 0 || kind < 0.4) {
        return random_text(rng);
    }
    if (kind < 0.5) {
        return cJSON_CreateNumber(floor(dozan_rng_uniform(rng) * 1000.0) / 16.0);
    }
    tree = kind < 0.75 ? cJSON_CreateObject() : cJSON_CreateArray();
    for (int i = (int)(dozan_rng_uniform(rng) * 4.0); i > 0; i--) {
        cJSON *child = random_tree(rng, depth - 1);
        if (kind < 0.75) {
            cJSON *key = random_text(rng);
            char name[40];
            (void)snprintf(name, sizeof name, "%s%d", key->valuestring, i); /* no key twice */
            assert_true(cJSON_AddItemToObject(tree, name, child));
            cJSON_Delete(key);
        } else {
            assert_true(cJSON_AddItemToArray(tree, child));
        }
    }
    return tree;
}

static void random_trees_read_back(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 3000; seed++) {
        dozan_rng rng = dozan_rng_stream(seed, "yaml", 0);
        cJSON *tree = random_tree(&rng, 5);
        expect_round_trip(tree);
        cJSON_Delete(tree);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_stay_texts),         cmocka_unit_test(the_look_is_kubernetes),
        cmocka_unit_test(numbers_keep_their_value), cmocka_unit_test(bad_bytes_are_replaced),
        cmocka_unit_test(random_trees_read_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
