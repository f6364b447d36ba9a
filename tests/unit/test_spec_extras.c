/*
 * The optional fields of the specification that change what is searched for: conditions between
 * parameters, several objectives, constraints, results from before, and the default algorithm.
 */
#include "support_spec.h"

#include "spec/template.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The base Experiment with a third parameter, dropout, whose rest is given. */
static char *with_dropout(const char *rest, const char *more)
{
    char text[1024];
    char *parameter = NULL;
    char *referred = NULL;
    char *used = NULL;

    (void)snprintf(
        text, sizeof text,
        "    - {name: dropout, parameterType: double, "
        "feasibleSpace: {min: \"0\", max: \"1\", step: \"0.5\"}%s}\n%s  trialTemplate:\n",
        rest, more);
    parameter = spec_replace(spec_base, "  trialTemplate:\n", text);
    referred = spec_replace(parameter, "    trialSpec:\n",
                            "      - {name: drop, reference: dropout}\n    trialSpec:\n");
    used = spec_replace(referred, "            restartPolicy",
                        "                  - --drop=${trialParameters.drop}\n"
                        "            restartPolicy");
    free(parameter);
    free(referred);
    return used;
}

static void expect_error(const char *text, const char *place, const char *says)
{
    dz_experiment_spec *spec = NULL;
    dz_problems problems;
    char whole[256];
    dozan_status status = spec_read(text, &spec, &problems);
    char *findings = spec_findings(&problems);

    (void)snprintf(whole, sizeof whole, "e.yaml:%s: ", place);
    if (status != DOZAN_INVALID_ARGUMENT || strstr(findings, whole) == NULL ||
        strstr(findings, says) == NULL || problems.count != 1) {
        fail_msg("expected one error, %s%s\ngot:\n%s", whole, says, findings);
    }
    free(findings);
    dz_problems_fini(&problems);
    dz_spec_destroy(spec);
}

/* ---- leases */

static const char leased[] = "apiVersion: kubeflow.org/v1beta1\n"
                             "kind: Experiment\n"
                             "metadata: {name: leased}\n"
                             "spec:\n"
                             "  objective: {type: minimize, objectiveMetricName: loss}\n"
                             "  maxTrialCount: 4\n"
                             "  leases: {}\n"
                             "  parameters:\n"
                             "    - {name: x, parameterType: double, "
                             "feasibleSpace: {min: \"0\", max: \"1\"}}\n";

static char *with_leases(const char *instead)
{
    return spec_replace(leased, "  leases: {}\n", instead);
}

static void leases_need_no_template_and_take_pushed_metrics(void **state)
{
    char *text = with_leases("  leases: {duration: 90s}\n");
    dz_experiment_spec *spec = NULL;
    dz_problems problems;

    (void)state;
    assert_int_equal(spec_read(text, &spec, &problems), DOZAN_OK);
    dz_problems_fini(&problems);
    assert_int_equal(spec->lease_ms, 90000);
    assert_int_equal(spec->collector, DZ_COLLECTOR_PUSH);
    assert_null(spec->trial_spec);
    dz_spec_destroy(spec);
    free(text);
    assert_int_equal(spec_read(leased, &spec, &problems), DOZAN_OK);
    assert_int_equal(spec->lease_ms, 60000);
    dz_problems_fini(&problems);
    dz_spec_destroy(spec);
}

static void leases_beside_a_template_or_another_collector_are_refused(void **state)
{
    static const struct {
        const char *instead, *place, *says;
    } rows[] = {
        {"  leases: {duration: 1h30x}\n", "7: spec.leases.duration", "from 1s to 24h"},
        {"  leases: {duration: 25h}\n", "7: spec.leases.duration", "from 1s to 24h"},
        {"  leases: {}\n  trialTemplate: {}\n", "8: spec.trialTemplate", "leave out one"},
        {"  leases: {}\n  metricsCollectorSpec: {collector: {kind: StdOut}}\n",
         "8: spec.metricsCollectorSpec.collector.kind", "Push"},
        {"  leases: {}\n  onSuccess: {}\n", "8: spec.onSuccess.register", "must be specified"},
        {"  leases: {}\n  onSuccess: {register: {model: a/b}}\n",
         "8: spec.onSuccess.register.model", "is no name"},
        {"  leases: {}\n  onSuccess: {register: {model: m, alias: v12}}\n",
         "8: spec.onSuccess.register.alias", "MLflow's own"},
        {"  leases: {}\n  onSuccess: {register: {model: m, stage: live}}\n",
         "8: spec.onSuccess.register.stage", "Production"},
        {"  leases: {}\n  onSuccess: {register: {model: m, ifBetter: {type: more}}}\n",
         "8: spec.onSuccess.register.ifBetter.type", "maximize"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *text = with_leases(rows[i].instead);
        dz_experiment_spec *spec = NULL;
        dz_problems problems;
        char whole[256];
        assert_int_equal(spec_read(text, &spec, &problems), DOZAN_INVALID_ARGUMENT);
        char *findings = spec_findings(&problems);
        (void)snprintf(whole, sizeof whole, "e.yaml:%s: ", rows[i].place);
        if (strstr(findings, whole) == NULL || strstr(findings, rows[i].says) == NULL)
            fail_msg("row %zu got:\n%s", i, findings);
        free(findings);
        dz_problems_fini(&problems);
        free(text);
    }
}

/* ---- conditions */

static void a_condition_reaches_the_kit(void **state)
{
    char *text = with_dropout(", when: {parameter: layers, in: [4, \"6\"]}, otherwise: 0.10", "");
    dz_experiment_spec *spec = spec_must_read(text);
    dozan_experiment kit;

    (void)state;
    assert_int_equal(dz_spec_kit(spec, "uid", &kit), DOZAN_OK);
    assert_int_equal(kit.parameter_count, 3);
    assert_null(kit.parameters[1].when);
    assert_string_equal(kit.parameters[2].when->parameter, "layers");
    assert_int_equal(kit.parameters[2].when->value_count, 2);
    assert_string_equal(kit.parameters[2].when->values[0], "4");
    assert_string_equal(kit.parameters[2].when->values[1], "6");
    assert_string_equal(spec->otherwise[2], "0.10");
    dz_spec_kit_fini(&kit);
    dz_spec_destroy(spec);
    free(text);
}

static void a_range_may_be_a_condition(void **state)
{
    char *text = with_dropout(", when: {parameter: lr, max: 0.020}", "");
    dz_experiment_spec *spec = spec_must_read(text);

    (void)state;
    assert_null(spec->parameters[2].when->min);
    assert_string_equal(spec->parameters[2].when->max, "0.020");
    assert_int_equal(spec->parameters[2].when->value_count, 0);
    assert_null(spec->otherwise[2]);
    dz_spec_destroy(spec);
    free(text);
}

/* The stored document is read again by every process: it must mean the same. */
static void a_condition_survives_its_document(void **state)
{
    char *text = with_dropout(", when: {parameter: layers, in: [4.0]}, otherwise: 0.10",
                              "  initialPoints: [{lr: 0.02, layers: 4, dropout: 0.5}]\n");
    dz_experiment_spec *spec = spec_must_read(text);
    char *document = cJSON_PrintUnformatted(spec->document);
    dz_experiment_spec *again = spec_must_read(document);

    (void)state;
    assert_string_equal(again->parameters[2].when->values[0], "4.0");
    assert_string_equal(again->otherwise[2], "0.10");
    assert_true(cJSON_Compare(spec->document, again->document, true));
    free(document);
    dz_spec_destroy(again);
    dz_spec_destroy(spec);
    free(text);
}

static void bad_conditions_are_refused(void **state)
{
    static const struct {
        const char *rest, *place, *says;
    } rows[] = {
        {", when: {parameter: layers, in: [4, 5]}", "22: spec.parameters[2].when.in[1]", "5"},
        {", when: {parameter: layers, in: [true]}", "22: spec.parameters[2].when.in[0]",
         "as a string or a number"},
        {", when: {parameter: depth, in: [4]}", "22: spec.parameters[2].when.parameter",
         "no parameter 'depth'"},
        {", when: {parameter: dropout, min: 0}", "22: spec.parameters[2].when.parameter",
         "declared before"},
        {", when: {in: [4]}", "22: spec.parameters[2].when", "name the parameter"},
        {", when: {parameter: layers}", "22: spec.parameters[2].when",
         "list of values, or a range"},
        {", when: {parameter: lr, in: [0.02]}", "22: spec.parameters[2].when.in", "continuous"},
        {", when: {parameter: layers, min: 9}", "22: spec.parameters[2].when.min", "never be"},
        {", when: {parameter: layers, max: low}", "22: spec.parameters[2].when.max", "'low'"},
        {", when: {parameter: layers, min: 4, is: 4}", "22: spec.parameters[2].when.is",
         "unknown field"},
        {", when: layers", "22: spec.parameters[2].when", "must be a mapping"},
        {", otherwise: none", "22: spec.parameters[2].otherwise", "add when"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *text = with_dropout(rows[i].rest, "");
        expect_error(text, rows[i].place, rows[i].says);
        free(text);
    }
}

static void initial_points_respect_conditions(void **state)
{
    static const struct {
        const char *point, *place, *says;
    } rows[] = {
        {"{lr: 0.02, layers: 4}", "23: spec.initialPoints[0]", "no value for the parameter"},
        {"{lr: 0.02, layers: 6, dropout: 0.5}", "23: spec.initialPoints[0].dropout",
         "not active at this point"},
        {"{lr: 0.02, dropout: 0.5}", "23: spec.initialPoints[0]",
         "no value for the parameter \"layers\""},
        {"{lr: 0.02, layers: 3, dropout: 0.5}", "23: spec.initialPoints[0].layers", "3"},
    };
    static const char when[] = ", when: {parameter: layers, in: [4]}";
    char *text =
        with_dropout(when, "  initialPoints: [{lr: 0.02, layers: 6}, {dropout: 1, layers: 4, lr: "
                           "0.03}]\n");
    dz_experiment_spec *spec = spec_must_read(text);

    (void)state;
    assert_int_equal(spec->initial_points[0].count, 2);
    assert_int_equal(spec->initial_points[1].count, 3);
    assert_string_equal(spec->initial_points[1].assignments[2].name, "dropout");
    dz_spec_destroy(spec);
    free(text);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char more[256];
        (void)snprintf(more, sizeof more, "  initialPoints: [%s]\n", rows[i].point);
        text = with_dropout(when, more);
        expect_error(text, rows[i].place, rows[i].says);
        free(text);
    }
}

static void an_inactive_parameter_is_rendered_as_otherwise(void **state)
{
    static const char *const rests[] = {
        ", when: {parameter: layers, in: [4]}, otherwise: \"off \\\"x\\\"\"",
        ", when: {parameter: layers, in: [4]}"};
    static const char *const expected[] = {"--drop=off \\\"x\\\"\"", "--drop=\""};
    dozan_pair pairs[] = {{"lr", "0.02"}, {"layers", "6"}, {"dropout", "0.5"}};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        char *text = with_dropout(rests[i], "");
        dz_experiment_spec *spec = spec_must_read(text);
        for (size_t count = 2; count <= 3; count++) {
            cJSON *object = NULL;
            dozan_error err = {0};
            assert_int_equal(dz_template_render(spec, "t", pairs, count, &object, &err), DOZAN_OK);
            char *printed = cJSON_PrintUnformatted(object);
            assert_non_null(strstr(printed, count == 2 ? expected[i] : "--drop=0.5\""));
            free(printed);
            cJSON_Delete(object);
        }
        dz_spec_destroy(spec);
        free(text);
    }
}

/* ---- objectives and constraints */

static const char base_objective[] =
    "  objective:\n    type: minimize\n    goal: 0.001\n    objectiveMetricName: loss\n";

static char *with_goals(const char *lines)
{
    return spec_replace(spec_base, base_objective, lines);
}

static void objectives_fill_in_katibs_own(void **state)
{
    char *text = with_goals("  objectives:\n"
                            "    - {type: maximize, metric: accuracy, goal: 0.9}\n"
                            "    - {type: minimize, objectiveMetricName: size}\n"
                            "  constraints: [{metric: latency, max: 5}, {metric: accuracy, min: "
                            "0.5, max: 1}]\n");
    dz_experiment_spec *spec = spec_must_read(text);
    dozan_experiment kit;

    (void)state;
    assert_true(spec->maximize && spec->has_goal && spec->goal > 0.89 && spec->goal < 0.91);
    assert_int_equal(spec->metric_count, 3);
    assert_string_equal(spec->metrics[0].name, "accuracy");
    assert_string_equal(spec->metrics[1].name, "size");
    assert_string_equal(spec->metrics[2].name, "latency");
    assert_int_equal(spec->metrics[0].strategy, DZ_STRATEGY_MAX);
    assert_int_equal(spec->metrics[1].strategy, DZ_STRATEGY_MIN);
    assert_int_equal(spec->metrics[2].strategy, DZ_STRATEGY_LATEST);
    assert_int_equal(spec->objective_count, 2);
    assert_true(spec->objectives[0].metric == 0 && spec->objectives[0].maximize);
    assert_true(spec->objectives[1].metric == 1 && !spec->objectives[1].maximize);
    assert_int_equal(spec->constraint_count, 2);
    assert_int_equal(spec->constraints[0].metric, 2);
    assert_false(spec->constraints[0].has_min);
    assert_int_equal(spec->constraints[1].metric, 0);
    assert_int_equal(dz_spec_kit(spec, "uid", &kit), DOZAN_OK);
    assert_int_equal(kit.other_objective_count, 1);
    assert_string_equal(kit.other_objectives[0].metric, "size");
    assert_int_equal(kit.constraint_count, 2);
    assert_string_equal(kit.constraints[0].metric, "latency");
    assert_true(kit.constraints[1].has_min && kit.constraints[1].has_max);
    dz_spec_kit_fini(&kit);

    char *document = cJSON_PrintUnformatted(spec->document);
    dz_experiment_spec *again = spec_must_read(document);
    assert_true(cJSON_Compare(spec->document, again->document, true));
    assert_int_equal(again->objective_count, 2);
    free(document);
    dz_spec_destroy(again);
    dz_spec_destroy(spec);
    free(text);
}

static void strategies_that_are_given_stay(void **state)
{
    char *text = with_goals("  objective: {type: minimize, objectiveMetricName: loss, "
                            "additionalMetricNames: [time], metricStrategies: [{name: time, "
                            "value: max}]}\n"
                            "  objectives: [{type: minimize, metric: loss}]\n"
                            "  constraints: [{metric: time, max: 5}]\n");
    dz_experiment_spec *spec = spec_must_read(text);

    (void)state;
    assert_int_equal(spec->metric_count, 2);
    assert_int_equal(spec->metrics[1].strategy, DZ_STRATEGY_MAX);
    assert_int_equal(spec->objective_count, 1);
    dz_spec_destroy(spec);
    free(text);
}

static void bad_objectives_are_refused(void **state)
{
    static const struct {
        const char *lines, *place, *says;
    } rows[] = {
        {"  objectives: []\n", "6: spec.objectives", "from 1 to"},
        {"  objectives: [{metric: loss}]\n", "6: spec.objectives[0].type", "minimize or maximize"},
        {"  objectives: [{type: least, metric: loss}]\n", "6: spec.objectives[0].type", "least"},
        {"  objectives: [{type: minimize}]\n", "6: spec.objectives[0].metric", "must be specified"},
        {"  objectives: [{type: minimize, metric: a, objectiveMetricName: b}]\n",
         "6: spec.objectives[0].objectiveMetricName", "another word"},
        {"  objectives: [{type: minimize, metric: a}, {type: maximize, metric: a}]\n",
         "6: spec.objectives[1].metric", "given twice"},
        {"  objectives: [{type: minimize, metric: a}, {type: maximize, metric: b, goal: 3}]\n",
         "6: spec.objectives[1].goal", "not the first"},
        {"  objective: {type: minimize, objectiveMetricName: a}\n"
         "  objectives: [{type: maximize, metric: a}]\n",
         "7: spec.objectives[0].type", "says minimize at line 6"},
        {"  objective: {type: minimize, objectiveMetricName: a}\n"
         "  objectives: [{type: minimize, metric: b}]\n",
         "7: spec.objectives[0].metric", "says a at line 6"},
        {"  objectives: [{type: minimize, metric: a}, {type: minimize, metric: b}]\n"
         "  earlyStopping: {algorithmName: medianstop}\n",
         "7: spec.earlyStopping", "first objective alone"},
        {"  objective: {type: minimize, objectiveMetricName: a}\n  constraints: [{metric: b}]\n",
         "7: spec.constraints[0]", "min, max or both"},
        {"  objective: {type: minimize, objectiveMetricName: a}\n  constraints: [{max: 1}]\n",
         "7: spec.constraints[0].metric", "must be specified"},
        {"  objective: {type: minimize, objectiveMetricName: a}\n"
         "  constraints: [{metric: b, min: 2, max: 1}]\n",
         "7: spec.constraints[0].max", "no trial would be feasible"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *text = with_goals(rows[i].lines);
        expect_error(text, rows[i].place, rows[i].says);
        free(text);
    }
}

/* ---- results from before */

static void a_warm_start_names_experiments(void **state)
{
    static const struct {
        const char *lines, *place, *says;
    } rows[] = {
        {"  warmStart: {}\n", "12: spec.warmStart.experiments", "at least one"},
        {"  warmStart: {experiments: []}\n", "12: spec.warmStart.experiments", "at least one"},
        {"  warmStart: {experiments: [a, base]}\n", "12: spec.warmStart.experiments[1]", "itself"},
        {"  warmStart: {experiments: [a, a]}\n", "12: spec.warmStart.experiments[1]", "twice"},
        {"  warmStart: {experiments: [\"\"]}\n", "12: spec.warmStart.experiments[0]", "empty"},
        {"  warmStart: {experiments: [a], maxTrials: 0}\n", "12: spec.warmStart.maxTrials",
         "from 1"},
        {"  warmStart: {experiments: [a], max: 5}\n", "12: spec.warmStart.max", "unknown field"},
    };
    char *text = spec_replace(spec_base, "  parallelTrialCount",
                              "  warmStart: {experiments: [a, b], maxTrials: 7}\n"
                              "  parallelTrialCount");
    dz_experiment_spec *spec = spec_must_read(text);

    (void)state;
    assert_int_equal(spec->warm_experiment_count, 2);
    assert_string_equal(spec->warm_experiments[1], "b");
    assert_int_equal(spec->warm_max_trials, 7);
    dz_spec_destroy(spec);
    free(text);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char lines[256];
        (void)snprintf(lines, sizeof lines, "%s  parallelTrialCount", rows[i].lines);
        text = spec_replace(spec_base, "  parallelTrialCount", lines);
        expect_error(text, rows[i].place, rows[i].says);
        free(text);
    }
}

/* ---- the algorithm */

static void without_an_algorithm_it_is_auto(void **state)
{
    static const char *const texts[] = {"", "  algorithm: {algorithmName: \"\"}\n",
                                        "  algorithm:\n"};

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        char *text = spec_replace(spec_base, "  algorithm:\n    algorithmName: random\n", texts[i]);
        dz_experiment_spec *spec = spec_must_read(text);
        const cJSON *shown = cJSON_GetObjectItemCaseSensitive(spec->document, "spec");
        shown = cJSON_GetObjectItemCaseSensitive(shown, "algorithm");
        shown = cJSON_GetObjectItemCaseSensitive(shown, "algorithmName");
        assert_string_equal(spec->algorithm, "auto");
        assert_string_equal(cJSON_GetStringValue(shown), "auto");
        dz_spec_destroy(spec);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(leases_need_no_template_and_take_pushed_metrics),
        cmocka_unit_test(leases_beside_a_template_or_another_collector_are_refused),
        cmocka_unit_test(a_condition_reaches_the_kit),
        cmocka_unit_test(a_range_may_be_a_condition),
        cmocka_unit_test(a_condition_survives_its_document),
        cmocka_unit_test(bad_conditions_are_refused),
        cmocka_unit_test(initial_points_respect_conditions),
        cmocka_unit_test(an_inactive_parameter_is_rendered_as_otherwise),
        cmocka_unit_test(objectives_fill_in_katibs_own),
        cmocka_unit_test(strategies_that_are_given_stay),
        cmocka_unit_test(bad_objectives_are_refused),
        cmocka_unit_test(a_warm_start_names_experiments),
        cmocka_unit_test(without_an_algorithm_it_is_auto),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
