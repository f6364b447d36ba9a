/*
 * Success and failure conditions, on objects as Kubernetes would show them.
 */
#include "spec/template.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char job[] =
    "{\"kind\":\"Job\",\"a.b\":{\"c\":{}},\"status\":{\"phase\":\"Succeeded\",\"active\":1,"
    "\"conditions\":["
    "{\"type\":\"Complete\",\"status\":\"False\"},{\"type\":\"Complete\",\"status\":\"True\",\"n\":"
    "5},"
    "{\"type\":\"Failed\",\"status\":\"False\",\"n\":7,\"flag\":true,\"o\":{\"p\":\"q\\\"r\"}}],"
    "\"words\":[\"x\",\"y\"],\"empty\":[]}}";

static void conditions_hold_as_in_gjson(void **state)
{
    static const struct {
        const char *expression;
        bool holds;
    } cases[] = {
        /* Katib's defaults and its examples */
        {"status.conditions.#(type==\"Complete\")#|#(status==\"True\")#", true},
        {"status.conditions.#(type==\"Failed\")#|#(status==\"True\")#", false},
        {"status.conditions.#(type==\"Succeeded\")#|#(status==\"True\")#", false},
        {"status.[@this].#(phase==\"Succeeded\")#", true},
        {"status.[@this].#(phase==\"Failed\")#", false},
        /* the first match alone is the False one */
        {"status.conditions.#(type==\"Complete\")|@this", true},
        {"status.conditions.#(type==\"Complete\").status", false},
        /* "." behind all matches goes into each of them, which are no lists */
        {"status.conditions.#(type==\"Complete\")#.#(status==\"True\")#", false},
        {"status.conditions.#(type==\"Failed\")#.o", true},
        {"status.conditions.#(type==\"Complete\")#.o", false},
        {"status.conditions.#.o", true},
        {"status.conditions.#.o|0", true},
        {"status.conditions.#", false},
        /* values that are no objects never count */
        {"status.phase", false},
        {"status.words", false},
        {"status.empty", false},
        {"status.nothing.deeper", false},
        {"status", true},
        {"status.conditions", true},
        {"@this", true},
        {"status.conditions.1", true},
        {"status.conditions.9", false},
        {"status.conditions.type", false},
        {"a\\.b.c", true},
        {"a.b.c", false},
        {"[status.phase,a\\.b]", false},
        {"[a\\.b,status.phase]", true},
        {"[nothing]", false},
        /* operators */
        {"status.conditions.#(type != \"Complete\")#", true},
        {"status.conditions.#(n==5)#", true},
        {"status.conditions.#(n=5)#", true},
        {"status.conditions.#(n>7)#", false},
        {"status.conditions.#(n>=7)#", true},
        {"status.conditions.#(n<5)#", false},
        {"status.conditions.#(n<=5)#", true},
        {"status.conditions.#(n!=5)#", true},
        {"status.conditions.#(flag==true)#", true},
        {"status.conditions.#(flag==false)#", false},
        {"status.conditions.#(flag)#", true},
        {"status.conditions.#(nothing)#", false},
        {"status.conditions.#(o.p==\"q\\\"r\")#", true},
        {"status.conditions.#(type>\"E\")#", true},
        {"status.conditions.#(type==\")\")#", false},
    };
    cJSON *object = cJSON_Parse(job);

    (void)state;
    assert_non_null(object);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        dozan_error err = {0};
        bool holds = !cases[i].holds;
        if (dz_condition_holds(cases[i].expression, object, &holds, &err) != DOZAN_OK) {
            fail_msg("%s: %s", cases[i].expression, err.message);
        }
        if (holds != cases[i].holds) {
            fail_msg("%s: %d", cases[i].expression, holds);
        }
    }
    cJSON_Delete(object);
}

/* What is not understood is said, on any object: the empty one is what validation has. */
static void other_expressions_are_refused(void **state)
{
    static const char *const cases[] = {
        "",
        "a..b",
        "a.",
        ".a",
        "|",
        "a.*",
        "a?",
        "a.@reverse",
        "{a,b}",
        "[]",
        "[a",
        "[a,]x",
        "#(a==1",
        "#(a%\"x*\")#",
        "#(a~true)#",
        "#(#(b==1)#==2)#",
        "#()#",
        "a.#(b==1)#x",
        "a.#x",
        "a.#.",
        "a.#(b==1)#.*",
        "a\"b",
        "[[[[[[[[[[[[[[[[[[[[a]]]]]]]]]]]]]]]]]]]]",
    };
    cJSON *object = cJSON_CreateObject();

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        dozan_error err = {0};
        bool holds = true;
        dozan_status status = dz_condition_holds(cases[i], object, &holds, &err);
        if (status != DOZAN_INVALID_ARGUMENT) {
            fail_msg("%s was taken", cases[i]);
        }
        assert_true(holds);
        assert_non_null(strstr(err.message, "not understood"));
        assert_int_equal(dz_condition_holds(cases[i], object, &holds, NULL), status);
    }
    cJSON_Delete(object);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conditions_hold_as_in_gjson),
        cmocka_unit_test(other_expressions_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
