/*
 * What becomes of a valid Experiment: Katib's defaults, the decoded values, overrides, updates, and
 * places.
 */
#include "support_spec.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void katibs_defaults_are_seen_in_the_document(void **state)
{
    char *a = spec_replace(spec_base, "  parallelTrialCount: 2\n", "");
    char *b = spec_replace(a, "    goal: 0.001\n",
                           "    additionalMetricNames: [acc, f1]\n"
                           "    metricStrategies: [{name: f1, value: latest}]\n");
    dz_experiment_spec *spec = spec_must_read(b);
    char *json = cJSON_PrintUnformatted(spec->document);

    (void)state;
    assert_non_null(strstr(json, "\"parallelTrialCount\":3"));
    assert_non_null(strstr(json, "\"resumePolicy\":\"Never\""));
    assert_non_null(strstr(json, "\"metricStrategies\":[{\"name\":\"f1\",\"value\":\"latest\"},"
                                 "{\"name\":\"loss\",\"value\":\"min\"},"
                                 "{\"name\":\"acc\",\"value\":\"min\"}]"));
    assert_non_null(strstr(json, "\"metricsCollectorSpec\":{\"collector\":{\"kind\":\"StdOut\"}}"));
    assert_non_null(strstr(json, "\"max\":\"0.05\",\"distribution\":\"uniform\"}"));
    assert_non_null(strstr(json, "\"namespace\":\"default\""));
    assert_non_null(strstr(json,
                           "\"successCondition\":\"status.conditions.#(type==\\\"Complete\\\")#|#("
                           "status==\\\"True\\\")#\""));
    assert_null(strstr(json, "primaryPodLabels"));
    assert_int_equal(spec->metric_count, 3);
    assert_int_equal(spec->metrics[0].strategy, DZ_STRATEGY_MIN);
    assert_int_equal(spec->metrics[1].strategy, DZ_STRATEGY_MIN);
    assert_int_equal(spec->metrics[2].strategy, DZ_STRATEGY_LATEST);
    assert_int_equal(spec->parallel_trial_count, 3);
    assert_false(spec->resume_policy_given);
    free(json);
    dz_spec_destroy(spec);
    free(a);
    free(b);
}

static void values_are_decoded(void **state)
{
    char *text = spec_replace(
        spec_base, "  maxFailedTrialCount: 3\n",
        "  seed: 18446744073709551615\n  retries: 2\n  trialTimeout: 1m30s\n  maxRuntime: 2h\n"
        "  resumePolicy: LongRunning\n  initialPoints: [{layers: 4, lr: \"0.020\"}]\n"
        "  earlyStopping: {algorithmName: medianstop, algorithmSettings: [{name: s, value: "
        "\"4\"}]}\n");
    dz_experiment_spec *spec = spec_must_read(text);

    (void)state;
    assert_string_equal(spec->name, "base");
    assert_string_equal(spec->namespace_, "default");
    assert_int_equal(spec->parameter_count, 2);
    assert_string_equal(spec->parameters[1].name, "layers");
    assert_int_equal(spec->parameters[1].type, DOZAN_INT);
    assert_int_equal(spec->parameters[1].distribution, DOZAN_UNIFORM);
    assert_string_equal(spec->parameters[1].step, "2");
    assert_false(spec->maximize);
    assert_true(spec->has_goal);
    assert_true(fabs(spec->goal - 0.001) < 1e-12);
    assert_string_equal(spec->algorithm, "random");
    assert_string_equal(spec->early_stopping, "medianstop");
    assert_int_equal(spec->early_stopping_setting_count, 1);
    assert_string_equal(spec->early_stopping_settings[0].value, "4");
    assert_int_equal(spec->max_trial_count, 12);
    assert_int_equal(spec->max_failed_trial_count, -1);
    assert_int_equal(spec->resume_policy, DZ_RESUME_LONG_RUNNING);
    assert_true(spec->resume_policy_given);
    assert_true(spec->has_seed && spec->seed == UINT64_MAX);
    assert_int_equal(spec->retries, 2);
    assert_int_equal(spec->trial_timeout_ms, 90000);
    assert_int_equal(spec->max_runtime_ms, 7200000);
    assert_int_equal(spec->initial_point_count, 1);
    assert_string_equal(spec->initial_points[0].assignments[0].name, "lr");
    assert_string_equal(spec->initial_points[0].assignments[0].value, "0.020");
    assert_string_equal(spec->initial_points[0].assignments[1].value, "4");
    assert_string_equal(spec->trial_parameters[0].reference, "lr");
    assert_true(cJSON_IsObject(spec->trial_spec));
    assert_false(spec->retain);
    dz_spec_destroy(spec);
    free(text);
}

/* Reading the document that was written gives the same document. */
static void the_document_reads_back(void **state)
{
    char *seeded =
        spec_replace(spec_base, "  maxFailedTrialCount: 3\n", "  seed: 18446744073709551615\n");
    dz_experiment_spec *spec = spec_must_read(seeded);
    dz_experiment_spec *again = NULL;
    char *yaml = NULL;
    char *json = cJSON_PrintUnformatted(spec->document);

    (void)state;
    assert_int_equal(dz_yaml_write(spec->document, &yaml), DOZAN_OK);
    again = spec_must_read(yaml);
    assert_true(cJSON_Compare(spec->document, again->document, true));
    assert_true(again->seed == UINT64_MAX);
    dz_spec_destroy(again);
    again = spec_must_read(json);
    assert_true(cJSON_Compare(spec->document, again->document, true));
    dz_spec_destroy(again);
    dz_spec_destroy(spec);
    free(yaml);
    free(json);
    free(seeded);
}

static void overrides_are_applied_before_the_checks(void **state)
{
    const dz_override good[] = {
        {"spec.maxTrialCount", "5"},
        {"spec.parameters[0].feasibleSpace.max", "0.5"}, /* a string is wanted, and made */
        {"spec.algorithm.algorithmName", "grid"},
        {"spec.objective.goal", ""},
    };
    const dz_override bad[] = {{"spec.maxTrialCount", "none"}, {"spec.parameters[9].name", "x"}};
    dz_experiment_spec *spec = NULL;
    dz_problems problems;

    (void)state;
    assert_int_equal(
        dz_spec_read(spec_base, strlen(spec_base), "e.yaml", good, 4, &spec, &problems), DOZAN_OK);
    assert_int_equal(problems.count, 0);
    assert_int_equal(spec->max_trial_count, 5);
    assert_string_equal(spec->parameters[0].max, "0.5");
    assert_string_equal(spec->algorithm, "grid");
    assert_false(spec->has_goal);
    dz_problems_fini(&problems);
    dz_spec_destroy(spec);
    spec = NULL;
    assert_int_equal(dz_spec_read(spec_base, strlen(spec_base), "e.yaml", bad, 2, &spec, &problems),
                     DOZAN_INVALID_ARGUMENT);
    assert_int_equal(problems.count, 2);
    assert_string_equal(problems.items[0].place, "--set spec.parameters[9].name");
    assert_string_equal(problems.items[1].place, "--set spec.maxTrialCount");
    dz_problems_fini(&problems);
    assert_null(spec);
}

/* A field that is not known is a slip of the pen on the command line, and no more than a warning in
 * a file; an error in what the file says keeps the file's line, whatever is set beside it. */
static void what_is_set_is_told_apart_from_the_file(void **state)
{
    static const struct {
        dz_override set;
        const char *place;
        const char *message;
    } cases[] = {
        {{"spec.maxTrialCuont", "5"},
         "--set spec.maxTrialCuont",
         "unknown field; did you mean maxTrialCount?"},
        {{"spec.quux.a", "5"}, "--set spec.quux", "unknown field: it does not belong here"},
        {{"spec.spare.more", "1"}, "e.yaml:15: spec.spare", "unknown field"},
        {{"spec.algorithm.algorithmSettings", "[{name: a, value: \"1\"}, {name: a, value: \"2\"}]"},
         "--set spec.algorithm.algorithmSettings[1].name",
         "the setting a is given twice, first by --set: remove one"},
        {{"spec.objective", "{type: minimize, type: maximize}"},
         "--set spec.objective",
         "a key is given twice: \"type\", first by --set: remove one"},
        {{"spec.objective.type", "smallest"}, "--set spec.objective.type", "smallest"},
        {{"spec.objective.additionalMetricNames", "[loss]"},
         "--set spec.objective.additionalMetricNames[0]",
         "loss"},
    };
    char *text = spec_replace(spec_base, "  parameters:\n", "  spare: {}\n  parameters:\n");
    dz_experiment_spec *spec = NULL;
    dz_problems problems;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bool found = false;
        dozan_status status =
            dz_spec_read(text, strlen(text), "e.yaml", &cases[i].set, 1, &spec, &problems);
        assert_int_equal(status, DOZAN_INVALID_ARGUMENT);
        for (size_t k = 0; k < problems.count; k++) {
            found = found || (strcmp(problems.items[k].place, cases[i].place) == 0 &&
                              strncmp(problems.items[k].message, "warning", 7) != 0 &&
                              strstr(problems.items[k].message, cases[i].message) != NULL);
        }
        if (!found) {
            char *findings = spec_findings(&problems);
            fail_msg("%s, expected: %s: %s, got:\n%s", cases[i].set.path, cases[i].place,
                     cases[i].message, findings);
        }
        dz_problems_fini(&problems);
    }
    free(text);
    text = spec_replace(spec_base, "    type: minimize\n", "");
    assert_int_equal(dz_spec_read(text, strlen(text), "e.yaml",
                                  &(dz_override){"spec.objective.goal", "0.5"}, 1, &spec,
                                  &problems),
                     DOZAN_INVALID_ARGUMENT);
    assert_string_equal(problems.items[0].place, "e.yaml:6: spec.objective.type");
    dz_problems_fini(&problems);
    free(text);
}

/* What Katib takes and a cluster could run is a warning that a local run takes for an error. */
static void what_cannot_be_run_here_is_marked(void **state)
{
    static const struct {
        const char *from, *to;
        bool not_here;
    } cases[] = {
        {"                command: [python3, /opt/trainer/train.py]\n", "", true},
        {"command: [python3, /opt/trainer/train.py]", "command: []", true},
        {"  trialTemplate:\n",
         "  metricsCollectorSpec: {collector: {kind: Push}}\n  trialTemplate:\n", true},
        {"  trialTemplate:\n", "  trialTemplate:\n    successCondition: status.[\n", true},
        {"    objectiveMetricName: loss\n", "    objectiveMetricName: lo ss\n", false},
        {"spec:\n", "spek: {}\nspec:\n", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *text = spec_replace(spec_base, cases[i].from, cases[i].to);
        dz_experiment_spec *spec = NULL;
        dz_problems problems;
        bool marked = false;

        if (spec_read(text, &spec, &problems) != DOZAN_OK || problems.count == 0) {
            char *findings = spec_findings(&problems);
            fail_msg("%s: %s", cases[i].to, findings);
        }
        for (size_t k = 0; k < problems.count; k++) {
            marked = marked || problems.items[k].not_here;
        }
        assert_int_equal(marked, cases[i].not_here);
        dz_problems_fini(&problems);
        dz_spec_destroy(spec);
        free(text);
    }
}

static void only_the_budget_may_change(void **state)
{
    static const struct {
        const char *from;
        const char *to;
        const char *place; /* NULL = allowed */
    } cases[] = {
        {"maxTrialCount: 12", "maxTrialCount: 20", NULL},
        {"parallelTrialCount: 2", "parallelTrialCount: 4", NULL},
        {"maxFailedTrialCount: 3", "maxFailedTrialCount: 5\n  maxRuntime: 5m", NULL},
        {"maxFailedTrialCount: 3\n", "resumePolicy: FromVolume\n", NULL},
        {"  name: base", "  name: base\n  labels: {a: b}", NULL},
        {"goal: 0.001", "goal: 1e-3", NULL},
        {"goal: 0.001", "goal: 0.002", "spec.objective.goal"},
        {"    goal: 0.001\n", "", "spec.objective.goal"},
        {"max: \"0.05\"", "max: \"0.06\"", "spec.parameters[0].feasibleSpace.max"},
        {"maxFailedTrialCount: 3", "maxFailedTrialCount: 3\n  seed: 4", "spec.seed"},
        {"algorithmName: random", "algorithmName: tpe", "spec.algorithm.algorithmName"},
        {"--layers=${", "--depth=${",
         "spec.trialTemplate.trialSpec.spec.template.spec.containers[0].args[1]"},
        {"                  - --layers=",
         "                  - --new\n                  - --layers=",
         "spec.trialTemplate.trialSpec.spec.template.spec.containers[0].args[1]"},
        {"name: base", "name: other", "metadata.name"},
    };
    dz_experiment_spec *current = spec_must_read(spec_base);

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *text = spec_replace(spec_base, cases[i].from, cases[i].to);
        dz_experiment_spec *next = spec_must_read(text);
        dozan_error err = {0};
        dozan_status status = dz_spec_check_update(current, next, &err);
        assert_int_equal(status, cases[i].place == NULL ? DOZAN_OK : DOZAN_FAILED_PRECONDITION);
        assert_string_equal(err.place, cases[i].place == NULL ? "" : cases[i].place);
        dz_spec_destroy(next);
        free(text);
    }
    dz_spec_destroy(current);
}

static dz_experiment_spec *read_with_warnings(const char *text)
{
    dz_experiment_spec *spec = NULL;
    dz_problems problems;
    assert_int_equal(spec_read(text, &spec, &problems), DOZAN_OK);
    dz_problems_fini(&problems);
    return spec;
}

/* Comparing takes time in proportion to the documents, not two to the power of their levels. */
static void levels_cost_no_more_than_members(void **state)
{
    enum { LEVELS = 40 };
    char deep[LEVELS * 6 + 128];
    size_t used = (size_t)snprintf(deep, sizeof deep, "apiVersion: example.org/v1\n      deep: ");
    dozan_error err = {0};

    (void)state;
    for (int i = 0; i < LEVELS; i++) {
        used += (size_t)snprintf(deep + used, sizeof deep - used, "{a: ");
    }
    used += (size_t)snprintf(deep + used, sizeof deep - used, "x");
    memset(deep + used, '}', LEVELS);
    deep[used + LEVELS] = '\0';
    char *text = spec_replace(spec_base, "apiVersion: batch/v1", deep);
    char *other_text = spec_replace(text, "{a: x}", "{a: y}");
    dz_experiment_spec *current = read_with_warnings(text);
    dz_experiment_spec *same = read_with_warnings(text);
    dz_experiment_spec *other = read_with_warnings(other_text);
    assert_int_equal(dz_spec_check_update(current, same, &err), DOZAN_OK);
    assert_int_equal(dz_spec_check_update(current, other, &err), DOZAN_FAILED_PRECONDITION);
    dz_spec_destroy(current);
    dz_spec_destroy(same);
    dz_spec_destroy(other);
    free(text);
    free(other_text);
}

static void places_are_found(void **state)
{
    static const struct {
        const char *path;
        const char *place;
    } cases[] = {
        {"spec.algorithm.algorithmName", "e.yaml:11: spec.algorithm.algorithmName"},
        {"spec.algorithm.algorithmSettings[1]", "e.yaml:10: spec.algorithm"},
        {"spec.parameters[1].feasibleSpace.step",
         "e.yaml:21: spec.parameters[1].feasibleSpace.step"},
        {"nowhere", "e.yaml:1: nowhere"},
        {"spec.earlyStopping.algorithmSettings[0]",
         "--set spec.earlyStopping.algorithmSettings[0]"},
        {"spec.earlyStopping.algorithmName", "--set spec.earlyStopping.algorithmName"},
        {"spec.objective.goal", "--set spec.objective.goal"},
        {"spec.objective.type", "e.yaml:7: spec.objective.type"},
    };
    static const dz_override set[] = {
        {"spec.earlyStopping", "{algorithmName: medianstop, algorithmSettings: [{name: a}]}"},
        {"spec.objective.goal", "0.5"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *place = NULL;
        assert_int_equal(dz_spec_place(spec_base, strlen(spec_base), "e.yaml", set,
                                       sizeof set / sizeof set[0], cases[i].path, &place),
                         DOZAN_OK);
        assert_string_equal(place, cases[i].place);
        free(place);
    }
}

static void the_kit_is_told_of_it(void **state)
{
    char *text = spec_replace(spec_base, "    goal: 0.001\n", "    additionalMetricNames: [acc]\n");
    dz_experiment_spec *spec = spec_must_read(text);
    dozan_experiment experiment;

    (void)state;
    assert_int_equal(dz_spec_kit(spec, "uid-1", &experiment), DOZAN_OK);
    assert_string_equal(experiment.uid, "uid-1");
    assert_string_equal(experiment.objective_metric, "loss");
    assert_int_equal(experiment.additional_metric_count, 1);
    assert_string_equal(experiment.additional_metrics[0], "acc");
    assert_int_equal(experiment.max_trials, 12);
    assert_null(experiment.early_stopping);
    assert_false(experiment.has_goal);
    dz_spec_kit_fini(&experiment);
    dz_spec_destroy(spec);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(katibs_defaults_are_seen_in_the_document),
        cmocka_unit_test(values_are_decoded),
        cmocka_unit_test(the_document_reads_back),
        cmocka_unit_test(overrides_are_applied_before_the_checks),
        cmocka_unit_test(what_is_set_is_told_apart_from_the_file),
        cmocka_unit_test(what_cannot_be_run_here_is_marked),
        cmocka_unit_test(only_the_budget_may_change),
        cmocka_unit_test(levels_cost_no_more_than_members),
        cmocka_unit_test(places_are_found),
        cmocka_unit_test(the_kit_is_told_of_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
