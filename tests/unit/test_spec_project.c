/*
 * A folder with an MLproject becomes a trial template: commands filled in as MLflow does, with
 * values that a shell must not read kept from it, and mistakes told with their place.
 */
#include "support_spec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <unistd.h>

enum { TEXT = 4096 };

typedef struct fixture {
    char folder[64], file[96];
} fixture;

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    (void)snprintf(f->folder, sizeof f->folder, "/tmp/dozan-project-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    (void)snprintf(f->file, sizeof f->file, "%s/MLproject", f->folder);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    (void)unlink(f->file);
    (void)rmdir(f->folder);
    free(f);
    return 0;
}

static void write_project(const fixture *f, const char *command)
{
    FILE *file = fopen(f->file, "w");
    assert_non_null(file);
    (void)fprintf(file,
                  "name: p\n"
                  "entry_points:\n"
                  "  main:\n"
                  "    parameters: {x: float, k: {type: string, default: a}, "
                  "'n': {type: int, default: 3}, s: {default: \"it's\"}, need: int}\n"
                  "    command: %s\n"
                  "  other: {parameters: [x], command: run}\n"
                  "  empty: {}\n",
                  command);
    (void)fclose(file);
}

/* The document of a search over x, and over k with this list ("" = not over k). */
static char *document(const fixture *f, const char *list, const char *project)
{
    char *text = NULL;
    assert_true(asprintf(&text,
                         "apiVersion: kubeflow.org/v1beta1\n"
                         "kind: Experiment\n"
                         "metadata: {name: p}\n"
                         "spec:\n"
                         "  objective: {type: minimize, objectiveMetricName: loss}\n"
                         "  trialTemplate: {project: {path: %s%s}}\n"
                         "  parameters:\n"
                         "    - {name: x, parameterType: double, feasibleSpace: {min: '0', max: "
                         "'1'}}\n"
                         "%s%s%s",
                         f->folder, project,
                         *list ? "    - {name: k, parameterType: categorical, feasibleSpace: "
                                 "{list: "
                               : "",
                         list, *list ? "}}\n" : "") > 0);
    return text;
}

/* The shell's line of the container, and its first variable ("" = none). */
static const char *command_of(const dz_experiment_spec *spec, const char **variable)
{
    static const char *const path[] = {"spec", "template", "spec", "containers"};
    const cJSON *at = spec->trial_spec;
    for (size_t i = 0; i < sizeof path / sizeof path[0]; i++)
        at = cJSON_GetObjectItemCaseSensitive(at, path[i]);
    at = cJSON_GetArrayItem(at, 0);
    const cJSON *env = cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(at, "env"), 0);
    *variable =
        env != NULL ? cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(env, "value")) : "";
    return cJSON_GetStringValue(
        cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(at, "command"), 2));
}

static void commands_are_filled_in(void **state)
{
    static const struct {
        const char *command, *list, *project, *made, *variable;
    } rows[] = {
        {"python t.py {x} {n}", "", "", "python t.py ${trialParameters.x} 3", ""},
        {"t {x} {k}", "", "", "t ${trialParameters.x} a", ""},
        {"t {x} {s}", "", "", "t ${trialParameters.x} 'it'\"'\"'s'", ""},
        {"t {x} {n}", "", ", parameters: {'n': 7 8}", "t ${trialParameters.x} '7 8'", ""},
        {"t {x} {need}", "", ", parameters: {need: 1}", "t ${trialParameters.x} 1", ""},
        {"\"t '{{{x}}}'\"", "", "", "t '{${trialParameters.x}}'", ""},
        {"t {x} {k}", "[a, b-1]", "", "t ${trialParameters.x} ${trialParameters.k}", ""},
        {"t {x} {k}", "[a, '$(rm)']", "", "t ${trialParameters.x} \"${DOZAN_VALUE_1}\"",
         "${trialParameters.k}"},
        {"'t {x} \"k={k}\"'", "[a, b c]", "", "t ${trialParameters.x} \"k=${DOZAN_VALUE_1}\"",
         "${trialParameters.k}"},
    };
    fixture *f = *state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        write_project(f, rows[i].command);
        char *text = document(f, rows[i].list, rows[i].project);
        dz_experiment_spec *spec = spec_must_read(text);
        const char *variable = NULL;
        assert_string_equal(command_of(spec, &variable), rows[i].made);
        assert_string_equal(variable, rows[i].variable);
        assert_string_equal(spec->primary_container_name, "project");
        dz_spec_destroy(spec);
        free(text);
    }
}

static void mlflow_makes_the_environment(void **state)
{
    fixture *f = *state;
    char right[TEXT];
    const char *variable = NULL;
    write_project(f, "t {x}");
    char *text = document(f, "", ", env: virtualenv, parameters: {'n': a b}");
    dz_experiment_spec *spec = spec_must_read(text);
    (void)snprintf(right, sizeof right,
                   "exec mlflow run %s -e main --env-manager virtualenv "
                   "${MLFLOW_RUN_ID:+--run-id \"$MLFLOW_RUN_ID\"} -P x=${trialParameters.x} -P "
                   "n='a b'",
                   f->folder);
    assert_string_equal(command_of(spec, &variable), right);
    dz_spec_destroy(spec);
    free(text);
}

static void what_is_searched_for_besides_is_appended(void **state)
{
    fixture *f = *state;
    const char *variable = NULL;
    write_project(f, "t");
    char *text = document(f, "", ", entryPoint: plain");
    FILE *file = fopen(f->file, "w");
    assert_non_null(file);
    (void)fputs("entry_points: {plain: {command: t}}\n", file);
    (void)fclose(file);
    dz_experiment_spec *spec = spec_must_read(text);
    assert_string_equal(command_of(spec, &variable), "t --x ${trialParameters.x}");
    dz_spec_destroy(spec);
    free(text);
}

static void mistakes_are_told(void **state)
{
    static const struct {
        const char *command, *list, *project, *says;
    } rows[] = {
        {"t {x}", "", "/none", "no folder with an MLproject"},
        {"t {x}", "", ", entryPoint: nothing", "no such entry point"},
        {"t {x}", "", ", entryPoint: empty", "no command"},
        {"t {x}", "", ", entryPoint: other", "are no mapping"},
        {"t {x}", "", ", env: docker", "must be system"},
        {"t {x} {need}", "", "", "has no value"},
        {"t {x} }", "", "", "a brace stands alone"},
        {"\"t {x:.3f}\"", "", "", "not followed by a parameter's name"},
        {"t {n}", "", "", "does not use"},
        {"\"t {x} '{k}'\"", "[a, b c]", "", "between single quotes"},
        {"[t", "", "", "is no YAML"},
    };
    fixture *f = *state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        dz_experiment_spec *spec = NULL;
        dz_problems problems;
        write_project(f, rows[i].command);
        char *text = document(f, rows[i].list, rows[i].project);
        assert_int_equal(spec_read(text, &spec, &problems), DOZAN_INVALID_ARGUMENT);
        char *findings = spec_findings(&problems);
        if (strstr(findings, rows[i].says) == NULL)
            fail_msg("row %zu got:\n%s", i, findings);
        free(findings);
        dz_problems_fini(&problems);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(commands_are_filled_in, set_up, tear_down),
        cmocka_unit_test_setup_teardown(mlflow_makes_the_environment, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_searched_for_besides_is_appended, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(mistakes_are_told, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
