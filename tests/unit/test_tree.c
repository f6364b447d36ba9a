/*
 * The document tree: what scalars mean, where nodes are, what is refused, and the bounds.
 */
#include "spec/tree.h"
#include "spec/units.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Parses a text that must be sound. */
static dz_tree *parse(const char *text)
{
    dz_tree *tree = NULL;
    dozan_error err = {0};

    if (dz_tree_parse(text, strlen(text), "t.yaml", &tree, &err) != DOZAN_OK) {
        fail_msg("%s: %s", err.place, err.message);
    }
    return tree;
}

/* The tree as compact JSON. Owned. */
static char *to_json(dz_tree *tree)
{
    cJSON *json = dz_node_json(dz_tree_root(tree));
    char *text = cJSON_PrintUnformatted(json);

    cJSON_Delete(json);
    assert_non_null(text);
    return text;
}

static void expect_json(const char *text, const char *expected)
{
    dz_tree *tree = parse(text);
    char *json = to_json(tree);

    assert_string_equal(json, expected);
    free(json);
    dz_tree_destroy(tree);
}

static void scalars_mean_what_kubernetes_makes_of_them(void **state)
{
    static const struct {
        const char *text;
        const char *json;
    } cases[] = {
        {"a: 5", "{\"a\":5}"},
        {"a: -0x1F", "{\"a\":-31}"},
        {"a: 0b101", "{\"a\":5}"},
        {"a: 017", "{\"a\":15}"},
        {"a: 0o17", "{\"a\":15}"},
        {"a: 08", "{\"a\":8}"},
        {"a: 1_000", "{\"a\":1000}"},
        {"a: +7", "{\"a\":7}"},
        {"a: 0.5", "{\"a\":0.5}"},
        {"a: .5", "{\"a\":0.5}"},
        {"a: 5.", "{\"a\":5}"},
        {"a: 1e3", "{\"a\":1000}"},
        {"a: 1e", "{\"a\":\"1e\"}"},
        {"a: 0x", "{\"a\":\"0x\"}"},
        {"a:\n-", "{\"a\":[null]}"},
        {"a: \"-\"", "{\"a\":\"-\"}"},
        {"a: 1:30", "{\"a\":\"1:30\"}"},
        {"a: 2024-01-02", "{\"a\":\"2024-01-02\"}"},
        {"a: 1.2.3", "{\"a\":\"1.2.3\"}"},
        {"a: 1e999", "{\"a\":\"1e999\"}"},
        {"a: 9007199254740993", "{\"a\":9007199254740993}"},
        {"a: 18446744073709551615", "{\"a\":18446744073709551615}"},
        {"a: -9223372036854775808", "{\"a\":-9223372036854775808}"},
        {"a: yes", "{\"a\":true}"},
        {"a: y", "{\"a\":true}"},
        {"a: Off", "{\"a\":false}"},
        {"a: truE", "{\"a\":\"truE\"}"},
        {"a:", "{\"a\":null}"},
        {"a: ~", "{\"a\":null}"},
        {"a: Null", "{\"a\":null}"},
        {"a: \"5\"", "{\"a\":\"5\"}"},
        {"a: 'yes'", "{\"a\":\"yes\"}"},
        {"a: |\n  5\n", "{\"a\":\"5\\n\"}"},
        {"a: !!str 5", "{\"a\":\"5\"}"},
        {"a: ! 5", "{\"a\":\"5\"}"},
        {"a: !!int \"5\"", "{\"a\":5}"},
        {"a: !!float 5", "{\"a\":5}"},
        {"a: !!bool \"yes\"", "{\"a\":true}"},
        {"a: !other 5", "{\"a\":\"5\"}"},
        {"5: x", "{\"5\":\"x\"}"},
        {"[]", "[]"},
        {"---\na: 1\n---\n", "{\"a\":1}"},
        {"# nothing\n---\na: 1\n...\n", "{\"a\":1}"},
        {"\xEF\xBB\xBF"
         "a: 1",
         "{\"a\":1}"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        expect_json(cases[i].text, cases[i].json);
    }
}

static void json_is_read_by_the_same_parser(void **state)
{
    (void)state;
    expect_json("{\"a\":1,\"b\":[true,null,\"x\\/y\\u00e9\"],\t\"c\":{}}",
                "{\"a\":1,\"b\":[true,null,\"x/y\xC3\xA9\"],\"c\":{}}");
    expect_json("{\n\t\"a\": \"\\ud83d\\ude00 \\\\ud83d\\\\ude00\",\n\t\"b\": 2\n}",
                "{\"a\":\"\xF0\x9F\x98\x80 \\\\ud83d\\\\ude00\",\"b\":2}");
}

static void aliases_and_merge_keys_are_applied(void **state)
{
    (void)state;
    expect_json("a: &x {k: 1, l: [2]}\nb: *x",
                "{\"a\":{\"k\":1,\"l\":[2]},\"b\":{\"k\":1,\"l\":[2]}}");
    expect_json("a: &x {k: 1, l: 2}\nb: {l: 3, <<: *x}",
                "{\"a\":{\"k\":1,\"l\":2},\"b\":{\"l\":3,\"k\":1}}");
    expect_json("a: &x {k: 1}\nc: &y {k: 9, m: 4}\nb: {<<: [*x, *y]}",
                "{\"a\":{\"k\":1},\"c\":{\"k\":9,\"m\":4},\"b\":{\"k\":1,\"m\":4}}");
    expect_json("a: {\"<<\": 5}", "{\"a\":{\"<<\":5}}");
    expect_json("a: &x 1\nb: &x 2\nc: *x", "{\"a\":1,\"b\":2,\"c\":2}");
}

static void expect_refused(const char *text, size_t size, dozan_status status, const char *place,
                           const char *part)
{
    dz_tree *tree = NULL;
    dozan_error err = {0};

    assert_int_equal(dz_tree_parse(text, size, "t.yaml", &tree, &err), status);
    assert_null(tree);
    assert_string_equal(err.place, place);
    if (strstr(err.message, part) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", err.message, part);
    }
}

static void what_is_no_document_is_refused_with_its_place(void **state)
{
    static const struct {
        const char *text;
        const char *place;
        const char *part;
    } cases[] = {
        {"", "t.yaml", "empty"},
        {"# only this\n", "t.yaml", "empty"},
        {"a: 1\nb: 2\na: 3\n", "t.yaml:3:1", "\"a\", first at line 1"},
        {"{\"a\": 1, \"b\": {\"c\": 1, \"c\": 2}}", "t.yaml:1:24", "\"c\", first at line 1"},
        {"a: 1\n\tb: 2\n", "t.yaml:2:1", "not with tabs"},
        {"a: [1, 2\n", "t.yaml:2:1", "is no YAML"},
        {"a: 1\n---\nb: 2\n", "t.yaml:3:1", "second document"},
        {"a: 1\n---\n5\n", "t.yaml:3:1", "second document"},
        {"a: \"x\\0y\"", "t.yaml:1:4", "character 0"},
        {"a: *nope", "t.yaml:1:4", "no such anchor: nope"},
        {"a: &x [*x]", "t.yaml:1:8", "inside of what it stands for"},
        {"{a: 1}: 2", "t.yaml:1:1", "cannot be a key"},
        {"? [a]\n: 2", "t.yaml:1:3", "cannot be a key"},
        {"x: &k a\n? *k\n: 2", "t.yaml:2:3", "cannot be an alias"},
        {"&k a: 1", "t.yaml:1:1", "cannot have an anchor"},
        {"a: {<<: 5}", "t.yaml:1:9", "merge key"},
        {"a: .nan", "t.yaml:1:4", "quote it"},
        {"a: -.inf", "t.yaml:1:4", "quote it"},
        {"a: !!int x", "t.yaml:1:4", "tag says: int"},
        {"a: !!binary aGk=", "t.yaml:1:4", "tag says: binary"},
        {"a: \xFF\xFE", "t.yaml", "is no text"},
        {"a: \"\\ud83d\\ude00\"", "t.yaml:1:7", "is no YAML"},
        {"a: %x", "t.yaml:1:4", "quote the value"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        expect_refused(cases[i].text, strlen(cases[i].text), DOZAN_INVALID_ARGUMENT, cases[i].place,
                       cases[i].part);
    }
}

/* n times `part`, behind another text. Owned. */
static char *repeat(const char *part, size_t n, const char *before)
{
    dozan_buf text;
    char *made = NULL;

    dozan_buf_init(&text, 8 << 20);
    dozan_buf_puts(&text, before);
    for (size_t i = 0; i < n; i++) {
        dozan_buf_puts(&text, part);
    }
    made = dozan_buf_take(&text);
    assert_non_null(made);
    return made;
}

static void bounds_hold(void **state)
{
    char *deep = repeat("[", 65, "");
    char *fits = repeat("[", 64, "");
    char *long_list = repeat("- 1\n", 100001, "");
    char *large = repeat(" ", DZ_TREE_MAX_BYTES + 1, "");
    char *anchors = repeat("- &a 1\n", 257, "");
    const char *bomb =
        "a: &a [1,1,1,1,1,1,1,1,1,1]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\n"
        "c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\n"
        "e: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\n";

    (void)state;
    expect_refused(deep, strlen(deep), DOZAN_RESOURCE_EXHAUSTED, "t.yaml:1:65", "64 levels");
    expect_refused(fits, strlen(fits), DOZAN_INVALID_ARGUMENT, "t.yaml:2:1", "is no YAML");
    expect_refused(long_list, strlen(long_list), DOZAN_RESOURCE_EXHAUSTED, "t.yaml:100000:3",
                   "100000 nodes");
    expect_refused(large, strlen(large), DOZAN_RESOURCE_EXHAUSTED, "t.yaml", "4194304 are allowed");
    expect_refused(anchors, strlen(anchors), DOZAN_RESOURCE_EXHAUSTED, "t.yaml:257:3", "anchors");
    expect_refused(bomb, strlen(bomb), DOZAN_RESOURCE_EXHAUSTED, "t.yaml:5:29", "100000 nodes");
    free(deep);
    free(fits);
    free(long_list);
    free(large);
    free(anchors);
}

/* An alias deep down may not carry the tree past its depth. */
static void aliases_count_their_depth(void **state)
{
    char *open = repeat("[", 40, "- &a ");
    char *close = repeat("]", 40, open);
    char *text = repeat("[", 30, "");
    char *all = NULL;

    (void)state;
    assert_true(asprintf(&all, "%s\n- %s*a", close, text) > 0);
    expect_refused(all, strlen(all), DOZAN_RESOURCE_EXHAUSTED, "t.yaml:2:33", "64 levels");
    free(open);
    free(close);
    free(text);
    free(all);
}

static void nodes_know_their_place(void **state)
{
    dz_tree *tree = parse("a:\n  b:\n    - x: 1\n    - x: 2\n      y.z: [5,\n        6]\n");
    static const struct {
        const char *path;
        const char *found;
        uint32_t line;
        bool whole;
    } cases[] = {
        {"a", "a", 1, true},
        {"a.b[0]", "a.b[0]", 3, true},
        {"a.b[1].x", "a.b[1].x", 4, true},
        {"a.b[1][y.z][1]", "a.b[1][y.z][1]", 6, true},
        {"a.b[1].nope.deeper", "a.b[1]", 4, false},
        {"a.b[7]", "a.b", 2, false},
        {"a.b.x", "a.b", 2, false},
        {"a..b", "a", 1, false},
        {"a.b[", "a.b", 2, false},
        {"nope", "", 1, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bool whole = false;
        const dz_node *node = dz_node_find(dz_tree_root(tree), cases[i].path, &whole);
        dozan_buf path;
        dozan_buf_init(&path, 256);
        dz_node_path(node, &path);
        assert_string_equal(path.size > 0 ? path.data : "", cases[i].found);
        assert_int_equal(whole, cases[i].whole);
        assert_int_equal(node->line, cases[i].line);
        dozan_buf_fini(&path);
    }
    dz_tree_destroy(tree);
}

static void values_are_set_by_path(void **state)
{
    static const struct {
        const char *path;
        const char *value;
        const char *expected; /* JSON, or part of the error */
        bool ok;
    } cases[] = {
        {"a.b", "5", "{\"a\":{\"b\":5},\"l\":[1,2]}", true},
        {"a.new.deep", "[x, z]", "{\"a\":{\"b\":1,\"new\":{\"deep\":[\"x\",\"z\"]}},\"l\":[1,2]}",
         true},
        {"l[0]", "{k: v}", "{\"a\":{\"b\":1},\"l\":[{\"k\":\"v\"},2]}", true},
        {"l[2]", "3", "{\"a\":{\"b\":1},\"l\":[1,2,3]}", true},
        {"m[0].n", "x", "{\"a\":{\"b\":1},\"l\":[1,2],\"m\":[{\"n\":\"x\"}]}", true},
        {"a[x.y/z]", "q", "{\"a\":{\"b\":1,\"x.y/z\":\"q\"},\"l\":[1,2]}", true},
        {"a", "", "{\"a\":null,\"l\":[1,2]}", true},
        {"l[4]", "3", "may be 2 at most", false},
        {"l.k", "3", "a list: give an index", false},
        {"a.b.c", "3", "a plain value", false},
        {"", "3", "no path", false},
        {".a", "3", "is no path", false},
        {"a.", "3", "is no path", false},
        {"a.b", "[", "is no YAML", false},
        {"a.b", "1\n--- 2", "second document", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        dz_tree *tree = parse("a: {b: 1}\nl: [1, 2]\n");
        dozan_error err = {0};
        dozan_status status = dz_tree_set(tree, cases[i].path, cases[i].value, &err);
        if (status != (cases[i].ok ? DOZAN_OK : DOZAN_INVALID_ARGUMENT)) {
            fail_msg("%s: %s: %s", cases[i].path, err.place, err.message);
        }
        if (cases[i].ok) {
            char *json = to_json(tree);
            assert_string_equal(json, cases[i].expected);
            free(json);
        } else {
            assert_non_null(strstr(err.message, cases[i].expected));
            assert_int_equal(strncmp(err.place, "--set ", 6), 0);
        }
        dz_tree_destroy(tree);
    }
}

static void durations_are_read(void **state)
{
    static const struct {
        const char *text;
        int64_t ms; /* 0 = refused */
    } cases[] = {
        {"90s", 90000},    {"5m", 300000}, {"1h30m", 5400000}, {"1.5h", 5400000}, {"250ms", 250},
        {"2d", 172800000}, {"90", 90000},  {"0.5", 500},       {"1m30s", 90000},  {"", 0},
        {"0", 0},          {"-5s", 0},     {"5x", 0},          {"s", 0},          {"1h30", 0},
        {"30m1h", 0},      {"1h1h", 0},    {"5 s", 0},         {"99999d", 0},     {"0.1ms", 0},
        {"1e3s", 0},       {"inf", 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t ms = 0;
        assert_int_equal(dz_duration_parse(cases[i].text, &ms), cases[i].ms > 0);
        assert_int_equal(ms, cases[i].ms);
    }
}

static void quantities_are_read(void **state)
{
    static const struct {
        const char *text;
        int64_t milli; /* -1 = refused */
    } cases[] = {
        {"500m", 500},  {"2", 2000},  {"0.5", 500}, {"0.3", 300},  {"1k", 1000000},
        {"1e1", 10000}, {"100u", 1},  {"0.1m", 1},  {"0", 0},      {"1Gi", 1073741824000},
        {"+2", 2000},   {"1.", 1000}, {"-1", -1},   {"", -1},      {"x", -1},
        {"1 ", -1},     {"1mm", -1},  {"2m3", -1},  {"1e400", -1}, {"9e20", -1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t milli = -1;
        assert_int_equal(dz_quantity_milli(cases[i].text, &milli), cases[i].milli >= 0);
        assert_int_equal(milli, cases[i].milli);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scalars_mean_what_kubernetes_makes_of_them),
        cmocka_unit_test(json_is_read_by_the_same_parser),
        cmocka_unit_test(aliases_and_merge_keys_are_applied),
        cmocka_unit_test(what_is_no_document_is_refused_with_its_place),
        cmocka_unit_test(bounds_hold),
        cmocka_unit_test(aliases_count_their_depth),
        cmocka_unit_test(nodes_know_their_place),
        cmocka_unit_test(values_are_set_by_path),
        cmocka_unit_test(durations_are_read),
        cmocka_unit_test(quantities_are_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
