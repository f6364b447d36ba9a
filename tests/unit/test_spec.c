/*
 * Reading Experiments: what is refused or warned about, with its place and in full.
 */
#include "support_spec.h"

#include <dozan/buf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A change of the base experiment and every finding that it must give: "line: path: part of the
 * message". */
typedef struct change {
    const char *from;
    const char *to;
    const char *findings[5];
} change;

/* Whether "e.yaml:LINE: PATH: message" is what "LINE: PATH: [warning: ]part" expects. */
static bool matches(const dz_problem *problem, const char *expected)
{
    char place[256];
    const char *path = strstr(expected, ": ");
    const char *part = path == NULL ? NULL : strstr(path + 2, ": ");

    if (part == NULL) {
        return false;
    }
    (void)snprintf(place, sizeof place, "e.yaml:%.*s", (int)(part - expected), expected);
    part += 2;
    if (strncmp(part, "warning: ", 9) == 0) {
        part += 9;
        if (strncmp(problem->message, "warning: ", 9) != 0) {
            return false;
        }
    }
    return strcmp(place, problem->place) == 0 && strstr(problem->message, part) != NULL;
}

static void expect_findings(const char *text, const char *const *expected, const char *what)
{
    dz_experiment_spec *spec = NULL;
    dz_problems problems;
    dozan_status status = spec_read(text, &spec, &problems);
    char *findings = spec_findings(&problems);
    bool warnings_only = true;
    size_t count = 0;

    for (; expected[count] != NULL && count < 5; count++) {
        if (count >= problems.count || !matches(&problems.items[count], expected[count])) {
            fail_msg("%s\nexpected: %s\ngot:\n%s", what, expected[count], findings);
        }
        warnings_only =
            warnings_only && strncmp(problems.items[count].message, "warning: ", 9) == 0;
    }
    if (problems.count != count) {
        fail_msg("%s\ngot more:\n%s", what, findings);
    }
    assert_int_equal(status, warnings_only ? DOZAN_OK : DOZAN_INVALID_ARGUMENT);
    assert_int_equal(problems.warnings_only, warnings_only);
    assert_int_equal(spec != NULL, warnings_only);
    dz_spec_destroy(spec);
    dz_problems_fini(&problems);
    free(findings);
}

static void expect_changes(const change *changes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char *text = spec_replace(spec_base, changes[i].from, changes[i].to);
        expect_findings(text, changes[i].findings, changes[i].to);
        free(text);
    }
}
#define EXPECT_CHANGES(changes) expect_changes((changes), sizeof(changes) / sizeof((changes)[0]))

static void the_head_and_the_name_are_checked(void **state)
{
    static const change changes[] = {
        {"name: base", "name: base", {NULL}},
        {"v1beta1", "v1alpha3", {"1: apiVersion: must be kubeflow.org/v1beta1"}},
        {"apiVersion: kubeflow.org/v1beta1\n", "", {"1: apiVersion: must be specified"}},
        {"Experiment", "Trial", {"2: kind: it must be Experiment"}},
        {"name: base", "name: aB_c", {"4: metadata.name: lower case"}},
        {"name: base", "name: 1a", {"4: metadata.name: start with an alphabetic"}},
        {"name: base", "name: a-", {"4: metadata.name: end with an alphanumeric"}},
        {"name: base",
         "name: a23456789-a23456789-a23456789-a23456789xx",
         {"4: metadata.name: longer than 40"}},
        {"name: base", "name: a23456789-a23456789-a23456789-a234567890", {NULL}},
        {"name: base",
         "name: 5",
         {"4: metadata.name: must be a string, not a number: write \"5\""}},
        {"name: base", "namespace: x", {"3: metadata.name: must be specified"}},
        {"name: base", "generateName: x-", {"3: metadata.name: not generated here"}},
        {"name: base", "name: base\n  namespace: A", {"5: metadata.namespace: lower case"}},
        {"metadata:\n  name: base\n", "", {"1: metadata.name: must be specified"}},
        {"spec:\n  objective",
         "spek:\n  objective",
         {"1: spec: must be specified",
          "5: spek: warning: unknown field, ignored; did you mean spec?"}},
        {"  name: base\n", "  name: base\n  nmae: x\n", {"5: metadata.nmae: did you mean name?"}},
        {"spec:\n", "status: {trials: 3}\nspec:\n", {NULL}},
    };

    (void)state;
    EXPECT_CHANGES(changes);
}

static const change budget_changes[] = {
    {"maxTrialCount: 12", "maxTrialCount: 0", {"13: spec.maxTrialCount: must be greater than 0"}},
    {"maxTrialCount: 12", "maxTrialCount: -1", {"13: spec.maxTrialCount: must be greater than 0"}},
    {"maxTrialCount: 12",
     "maxTrialCount: \"12\"",
     {"13: spec.maxTrialCount: not a string: write it without quotes"}},
    {"maxTrialCount: 12", "maxTrialCount: 1.5", {"13: spec.maxTrialCount: 1.5 is none"}},
    {"maxTrialCount: 12", "maxTrialCount: 3e9", {"13: spec.maxTrialCount: out of range"}},
    {"maxTrialCount: 12", "maxTrialCount: 1.2e1", {NULL}},
    {"maxTrialCount: 12", "maxTrialCount: [12]", {"13: spec.maxTrialCount: not a list"}},
    {"maxTrialCount: 12",
     "maxTrialCount: 2",
     {"14: spec.maxFailedTrialCount: less than or equal to spec.maxTrialCount, which is 2"}},
    {"maxTrialCount: 12",
     "maxtrialcount: 12",
     {"13: spec.maxtrialcount: did you mean maxTrialCount?"}},
    {"parallelTrialCount: 2",
     "parallelTrialCount: 0",
     {"12: spec.parallelTrialCount: must be greater than 0"}},
    {"parallelTrialCount: 2",
     "parallelTrialCount: 13",
     {"12: spec.parallelTrialCount: less than or equal to spec.maxTrialCount, which is 12"}},
    {"parallelTrialCount: 2\n  maxTrialCount: 12\n  maxFailedTrialCount: 3",
     "maxTrialCount: 2",
     {"12: spec.maxTrialCount: parallelTrialCount, which is not given, is 3 by default"}},
    {"maxFailedTrialCount: 3",
     "maxFailedTrialCount: -1",
     {"14: spec.maxFailedTrialCount: should not be less than 0"}},
    {"maxFailedTrialCount: 3", "maxFailedTrialCount: 0", {NULL}},
    {"maxFailedTrialCount: 3",
     "maxFailedTrialCount: 3\n  resumePolicy: Sometimes",
     {"15: spec.resumePolicy: invalid ResumePolicyType"}},
    {"maxFailedTrialCount: 3", "resumePolicy: \"\"", {NULL}},
    {"maxFailedTrialCount: 3", "seed: -1", {"14: spec.seed: no seed"}},
    {"maxFailedTrialCount: 3", "seed: 1.5", {"14: spec.seed: no seed"}},
    {"maxFailedTrialCount: 3", "seed: [1]", {"14: spec.seed: not a list"}},
    {"maxFailedTrialCount: 3", "retries: 101", {"14: spec.retries: from 0 to 100"}},
    {"maxFailedTrialCount: 3", "trialTimeout: soon", {"14: spec.trialTimeout: no duration"}},
    {"maxFailedTrialCount: 3", "maxRuntime: 0", {"14: spec.maxRuntime: no duration"}},
    {"maxFailedTrialCount: 3", "trialTimeout: 90s\n  maxRuntime: 3600", {NULL}},
};

static void the_budget_is_checked(void **state)
{
    (void)state;
    EXPECT_CHANGES(budget_changes);
}

static const change objective_changes[] = {
    {"minimize", "minimise", {"7: spec.objective.type: must be minimize or maximize"}},
    {"    type: minimize\n", "", {"6: spec.objective.type: must be minimize or maximize"}},
    {"objectiveMetricName: loss",
     "objectiveMetricName: \"\"",
     {"6: spec.objective.objectiveMetricName: must be specified"}},
    {"goal: 0.001", "goal: \"0.001\"", {"8: spec.objective.goal: write it without quotes"}},
    {"goal: 0.001", "goal:", {NULL}},
    {"goal: 0.001",
     "additionalMetricNames: [acc, loss, acc, '']",
     {"8: spec.objective.additionalMetricNames[1]: should not contain",
      "8: spec.objective.additionalMetricNames[2]: given twice",
      "8: spec.objective.additionalMetricNames[3]: must not be empty"}},
    {"goal: 0.001",
     "metricStrategies: [{name: loss, value: last}]",
     {"8: spec.objective.metricStrategies[0].value: must be min, max or latest"}},
    {"goal: 0.001",
     "metricStrategies: [{name: lost, value: min}]",
     {"8: spec.objective.metricStrategies[0].name: warning: \"lost\" is neither"}},
    {"goal: 0.001",
     "metricStrategies: [{name: loss, value: min}, {name: loss, value: max}]",
     {"8: spec.objective.metricStrategies[1].name: has a strategy already"}},
    {"goal: 0.001",
     "metricStrategies: [{}]",
     {"8: spec.objective.metricStrategies[0].name: must be specified",
      "8: spec.objective.metricStrategies[0].value: must be min"}},
    {"objectiveMetricName: loss",
     "objectiveMetricName: val/loss",
     {"9: spec.objective.objectiveMetricName: warning: the default filter"}},
    {"  objective:\n    type: minimize\n    goal: 0.001\n    objectiveMetricName: loss\n",
     "",
     {"5: spec.objective: must be specified"}},
    {"  objective:\n    type: minimize\n    goal: 0.001\n    objectiveMetricName: loss\n",
     "  objective: loss\n",
     {"6: spec.objective: must be a mapping of fields, not a string"}},
    {"algorithmName: random",
     "algorithmName: random\n    algorithmSettings: [{name: a, value: 5}]",
     {"12: spec.algorithm.algorithmSettings[0].value: write \"5\" in quotes"}},
    {"algorithmName: random",
     "algorithmName: random\n    algorithmSettings: [{name: a, value: x}, {name: a, value: z}]",
     {"12: spec.algorithm.algorithmSettings[1].name: given twice, first at line 12"}},
    {"algorithmName: random",
     "algorithmName: random\n    algorithmSettings: [{nam: a, value: x}]",
     {"12: spec.algorithm.algorithmSettings[0].nam: did you mean name?",
      "12: spec.algorithm.algorithmSettings[0].name: must be specified"}},
    {"  algorithm:\n    algorithmName: random\n",
     "  algorithm: random\n",
     {"10: spec.algorithm: must be a mapping"}},
    {"  parallelTrialCount: 2\n",
     "  earlyStopping: {}\n",
     {"12: spec.earlyStopping.algorithmName: must be specified"}},
};

static void the_objective_is_checked(void **state)
{
    (void)state;
    EXPECT_CHANGES(objective_changes);
}

#define LR "{min: \"0.01\", max: \"0.05\"}"
#define LR_TYPE "parameterType: double\n      feasibleSpace: {min: \"0.01\", max: \"0.05\"}"

static const change parameter_changes[] = {
    {LR,
     "{min: 0.01, max: 0.05}",
     {"18: spec.parameters[0].feasibleSpace.min: write \"0.01\" in quotes",
      "18: spec.parameters[0].feasibleSpace.max: write \"0.05\" in quotes"}},
    {LR,
     "{min: \"a\", max: \"0,5\", step: \"nan\"}",
     {"18: spec.parameters[0].feasibleSpace.min: not a finite number",
      "18: spec.parameters[0].feasibleSpace.max: not a finite number",
      "18: spec.parameters[0].feasibleSpace.step: not a finite number"}},
    {LR, "{min: \"0.05\", max: \"0.01\"}", {"18: spec.parameters[0].feasibleSpace.max: 0.0"}},
    {LR, "{min: \"1\", max: \"1\"}", {NULL}},
    {LR, "{min: \"1\", max: \"2\", step: \"0\"}", {"18: spec.parameters[0].feasibleSpace.step: 0"}},
    {LR,
     "{min: \"1\", max: \"2\", step: \"-1\"}",
     {"18: spec.parameters[0].feasibleSpace.step: -1"}},
    {LR,
     "{min: \"0\", max: \"1\", distribution: logUniform}",
     {"18: spec.parameters[0].feasibleSpace.min: 0"}},
    {LR, "{max: \"1\"}", {"18: spec.parameters[0].feasibleSpace.min: must be specified"}},
    {LR,
     "{}",
     {"18: spec.parameters[0].feasibleSpace.min: must be specified",
      "18: spec.parameters[0].feasibleSpace.max: must be specified"}},
    {LR,
     "{min: \"0\", max: \"1\", list: [\"1\"]}",
     {"18: spec.parameters[0].feasibleSpace.list: not supported for parameterType: double"}},
    {LR,
     "{min: \"0\", max: \"1\", distribution: loguniform}",
     {"18: spec.parameters[0].feasibleSpace.distribution: loguniform is not supported"}},
    {LR,
     "{min: \"0\", max: \"1\", distribution: unknown}",
     {"18: spec.parameters[0].feasibleSpace.distribution: unknown is not supported"}},
    {"      feasibleSpace: " LR "\n",
     "",
     {"16: spec.parameters[0].feasibleSpace: must be specified"}},
    {"parameterType: double",
     "parameterType: float",
     {"17: spec.parameters[0].parameterType: float is not supported"}},
    {"parameterType: double",
     "parameterType: unknown",
     {"17: spec.parameters[0].parameterType: unknown is not supported"}},
    {"parameterType: int",
     "parameterType: int\n      extra: 1",
     {"21: spec.parameters[1].extra: warning: unknown field"}},
    {"{min: \"2\", max: \"8\", step: \"2\"}",
     "{min: \"2.5\", max: \"8\"}",
     {"21: spec.parameters[1].feasibleSpace.min: 2.5"}},
    {LR_TYPE,
     "parameterType: discrete\n      feasibleSpace: {list: [\"1\", \"2x\", \"y\"]}",
     {"18: spec.parameters[0].feasibleSpace.list[1]: \"2x\" is not",
      "18: spec.parameters[0].feasibleSpace.list[2]: \"y\" is not"}},
    {LR_TYPE,
     "parameterType: discrete\n      feasibleSpace: {list: [\"1\", \"1\"]}",
     {"18: spec.parameters[0].feasibleSpace.list[1]: 1"}},
    {LR_TYPE,
     "parameterType: categorical\n      feasibleSpace: {list: [a, b, a]}",
     {"18: spec.parameters[0].feasibleSpace.list[2]: a"}},
    {LR_TYPE,
     "parameterType: categorical\n      feasibleSpace: {list: []}",
     {"18: spec.parameters[0].feasibleSpace.list: at least one entry"}},
    {LR_TYPE,
     "parameterType: categorical\n      feasibleSpace: {list: [a, b], min: \"1\"}",
     {"18: spec.parameters[0].feasibleSpace: .max, .min and .step is not supported"}},
    {LR_TYPE,
     "parameterType: categorical\n      feasibleSpace: {list: [1, yes]}",
     {"18: spec.parameters[0].feasibleSpace.list[0]: write \"1\" in quotes",
      "18: spec.parameters[0].feasibleSpace.list[1]: write \"yes\" in quotes"}},
    {LR_TYPE,
     "parameterType: categorical\n      feasibleSpace: {list: [a, b], distribution: normal}",
     {"18: spec.parameters[0].feasibleSpace.distribution: warning: is not used"}},
    {"- name: lr",
     "- name: layers",
     {"19: spec.parameters[1].name: given twice, first at line 16",
      "25: spec.trialTemplate.trialParameters[0].reference: reference lr does not exist"}},
    {"- name: lr",
     "- name: \"\"",
     {"16: spec.parameters[0].name: must be specified",
      "25: spec.trialTemplate.trialParameters[0].reference: lr does not exist"}},
    {"  parameters:\n    - name: lr",
     "  parameters: []\n  ignored:\n    - name: lr",
     {"15: spec.parameters: spec.parameters or spec.nasConfig must be specified",
      "16: spec.ignored: warning: unknown field"}},
    {"  parameters:\n    - name: lr",
     "  nasConfig: {}\n  parameters:\n    - name: lr",
     {"15: spec.nasConfig: only one of", "15: spec.nasConfig: not offered yet"}},
};

static void parameters_are_checked(void **state)
{
    (void)state;
    EXPECT_CHANGES(parameter_changes);
}

static void initial_points_are_checked_against_the_space(void **state)
{
    static const change changes[] = {
        {"  trialTemplate",
         "  initialPoints: [{lr: 0.02, layers: \"4\"}]\n  trialTemplate",
         {NULL}},
        {"  trialTemplate",
         "  initialPoints: [{lr: 0.2, layers: 3}]\n  trialTemplate",
         {"22: spec.initialPoints[0].lr: 0.2", "22: spec.initialPoints[0].layers: 3"}},
        {"  trialTemplate",
         "  initialPoints: [{lr: 0.02, depth: 4}]\n  trialTemplate",
         {"22: spec.initialPoints[0].depth: no parameter of that name",
          "22: spec.initialPoints[0]: no value for the parameter \"layers\""}},
        {"  trialTemplate",
         "  initialPoints: [5]\n  trialTemplate",
         {"22: spec.initialPoints[0]: must be a mapping"}},
        {"  trialTemplate",
         "  initialPoints: {lr: 0.02}\n  trialTemplate",
         {"22: spec.initialPoints: must be a list"}},
        {"  trialTemplate",
         "  initialPoints: [{lr: [1], layers: x}]\n  trialTemplate",
         {"22: spec.initialPoints[0].lr: must be the parameter's value",
          "22: spec.initialPoints[0].layers: x"}},
    };

    (void)state;
    EXPECT_CHANGES(changes);
}

#define COLLECTOR(text) "  metricsCollectorSpec: " text "\n  trialTemplate"

static const change collector_changes[] = {
    {"  trialTemplate", COLLECTOR("{collector: {kind: StdOut}}"), {NULL}},
    {"  trialTemplate", COLLECTOR("{}"), {NULL}},
    {"  trialTemplate", COLLECTOR("{collector: {kind: File}}"), {NULL}},
    {"  trialTemplate",
     COLLECTOR("{collector: {kind: None}}"),
     {"22: spec.metricsCollectorSpec.collector.kind: invalid metrics collector kind: "
      "\"None\""}},
    {"  trialTemplate",
     COLLECTOR("{collector: {}}"),
     {"22: spec.metricsCollectorSpec.collector.kind: must be specified"}},
    {"  trialTemplate",
     COLLECTOR("{collector: {kind: Push}}"),
     {"22: spec.metricsCollectorSpec.collector.kind: warning: with Push the trials report"}},
    {"  trialTemplate",
     COLLECTOR("{collector: {kind: File}, source: {fileSystemPath: {path: a.log}}}"),
     {"22: spec.metricsCollectorSpec.source.fileSystemPath: path must be absolute"}},
    {"  trialTemplate",
     COLLECTOR("{collector: {kind: File}, source: {fileSystemPath: {kind: Directory}}}"),
     {"22: spec.metricsCollectorSpec.source.fileSystemPath: kind must be File"}},
    {"  trialTemplate",
     COLLECTOR("{collector: {kind: File}, source: {fileSystemPath: {format: json}}}"),
     {"22: spec.metricsCollectorSpec.source.fileSystemPath.format: TEXT or JSON"}},
    {"  trialTemplate",
     COLLECTOR("{collector: {kind: File}, source: {filter: {}, fileSystemPath: {format: JSON}}}"),
     {"22: spec.metricsCollectorSpec.source.filter: must be nil when format"}},
    {"  trialTemplate",
     COLLECTOR("{collector: {kind: StdOut}, source: {filter: {metricsFormat: ['a(', '(a)', "
               "'([\\w]+)=(.*)']}}}"),
     {"22: spec.metricsCollectorSpec.source.filter.metricsFormat[0]: invalid filter",
      "22: spec.metricsCollectorSpec.source.filter.metricsFormat[1]: invalid filter"}},
    {"  trialTemplate",
     COLLECTOR("{collector: {kind: TensorFlowEvent}, source: "
               "{fileSystemPath: {kind: File, format: TEXT}}}"),
     {"22: spec.metricsCollectorSpec.source.fileSystemPath: kind must be Directory",
      "22: spec.metricsCollectorSpec.source.fileSystemPath.format: must be empty"}},
    {"  trialTemplate",
     COLLECTOR("{collector: {kind: PrometheusMetric}, source: "
               "{httpGet: {port: x, path: z}}}"),
     {"22: spec.metricsCollectorSpec.source.httpGet.port: positive integer",
      "22: spec.metricsCollectorSpec.source.httpGet.path: path is invalid",
      "22: spec.metricsCollectorSpec.source.httpGet.port: warning: cannot share a port"}},
    {"  trialTemplate",
     COLLECTOR("{collector: {kind: Custom, customCollector: {name: c, image: i}}}"),
     {"22: spec.metricsCollectorSpec.collector.customCollector.command: warning: is not given"}},
    {"  trialTemplate",
     COLLECTOR("{collector: {kind: Custom}}"),
     {"22: spec.metricsCollectorSpec.collector.customCollector: is required"}},
};

static void collectors_are_checked(void **state)
{
    (void)state;
    EXPECT_CHANGES(collector_changes);
}

static const change template_changes[] = {
    {"primaryContainerName: main",
     "retain: true",
     {"22: spec.trialTemplate.primaryContainerName: must be specified"}},
    {"primaryContainerName: main",
     "primaryContainerName: other",
     {"23: spec.trialTemplate.primaryContainerName: the name of no container"}},
    {"reference: lr",
     "reference: rl",
     {"16: spec.parameters[0]: \"lr\" is not used",
      "25: spec.trialTemplate.trialParameters[0].reference: did you mean lr?"}},
    {"reference: layers",
     "reference: lr",
     {"19: spec.parameters[1]: \"layers\" is not used",
      "26: spec.trialTemplate.trialParameters[1].reference: can't be duplicated"}},
    {"name: numberLayers",
     "name: learningRate",
     {"26: spec.trialTemplate.trialParameters[1].name: can't be duplicated",
      "39: spec.trialTemplate.trialSpec.spec.template.spec.containers[0].args[1]: "
      "${trialParameters.numberLayers}"}},
    {"name: numberLayers",
     "name: \"n{x}\"",
     {"26: spec.trialTemplate.trialParameters[1]: must not contain '{' or '}'",
      "39: spec.trialTemplate.trialSpec.spec.template.spec.containers[0].args[1]: not found"}},
    {"      - {name: numberLayers, reference: layers}\n",
     "",
     {"19: spec.parameters[1]: is not used",
      "38: spec.trialTemplate.trialSpec.spec.template.spec.containers[0].args[1]: not found"}},
    {"--lr=${trialParameters.learningRate}",
     "--lr=1",
     {"25: spec.trialTemplate.trialParameters[0].name: not found in spec.trialTemplate"}},
    {"reference: lr",
     "reference: \"${trialSpec.Labels[x]}\"",
     {"16: spec.parameters[0]: is not used",
      "25: spec.trialTemplate.trialParameters[0].reference: metadata.labels has no \"x\""}},
    {"reference: lr",
     "reference: \"${trialSpec.Uid}\"",
     {"16: spec.parameters[0]: is not used",
      "25: spec.trialTemplate.trialParameters[0].reference: does not exist in "
      "spec.parameters"}},
    {"    trialSpec:\n",
     "    configMap: {configMapName: a}\n    trialSpec:\n",
     {"27: spec.trialTemplate.configMap: only one of"}},
    {"    trialParameters:\n      - {name: learningRate, reference: lr}\n"
     "      - {name: numberLayers, reference: layers}\n",
     "    trialParameters: []\n",
     {"24: spec.trialTemplate.trialParameters: must be specified"}},
    {"      kind: Job\n",
     "      kind: Job\n      metadata: {name: x}\n",
     {"30: spec.trialTemplate.trialSpec.metadata.name: must be omitted"}},
    {"      kind: Job\n",
     "",
     {"22: spec.trialTemplate.successCondition: must be specified",
      "27: spec.trialTemplate.trialSpec.kind: must be specified"}},
    {"    trialParameters:",
     "    successCondition: \"a.*\"\n    trialParameters:",
     {"24: spec.trialTemplate.successCondition: warning: not understood"}},
    {"command: [python3, /opt/trainer/train.py]",
     "comand: [python3]",
     {"34: spec.trialTemplate.trialSpec.spec.template.spec.containers[0].command: warning: is "
      "not given",
      "36: spec.trialTemplate.trialSpec.spec.template.spec.containers[0].comand: did you mean "
      "command?"}},
    {"command: [python3, /opt/trainer/train.py]",
     "command: python3",
     {"36: spec.trialTemplate.trialSpec.spec.template.spec.containers[0].command: must be a "
      "list"}},
    {"command: [python3, /opt/trainer/train.py]",
     "command: [python3, 5]",
     {"36: spec.trialTemplate.trialSpec.spec.template.spec.containers[0].command[1]: write "
      "\"5\""}},
    {"command: [python3, /opt/trainer/train.py]",
     "command: [/bin/sh, -c, x]",
     {"36: spec.trialTemplate.trialSpec.spec.template.spec.containers[0].command[0]: warning: "
      "write sh instead"}},
    {"                args:",
     "                env: [{name: A, value: 5}]\n                args:",
     {"37: spec.trialTemplate.trialSpec.spec.template.spec.containers[0].env[0].value: write "
      "\"5\""}},
    {"      spec:\n        template:",
     "      spec:\n        backoffLimit: \"${trialParameters.learningRate}\"\n        "
     "template:",
     {"31: spec.trialTemplate.trialSpec.spec.backoffLimit: must be a number"}},
    {"            restartPolicy: Never\n",
     "        restartPolicy: Never\n",
     {"40: spec.trialTemplate.trialSpec.spec.restartPolicy: does not belong here"}},
    {"            containers:\n",
     "            initContainers: [{name: a}]\n            containers:\n",
     {"33: spec.trialTemplate.trialSpec.spec.template.spec.initContainers: warning: only the "
      "primary"}},
    {"kind: Job",
     "kind: Pod",
     {"22: spec.trialTemplate.successCondition: must be specified",
      "29: spec.trialTemplate.trialSpec.kind: warning: needs a cluster"}},
    {"kind: Job",
     "kind: PyTorchJob",
     {"29: spec.trialTemplate.trialSpec.kind: warning: needs a cluster"}},
};

static void templates_are_checked(void **state)
{
    (void)state;
    EXPECT_CHANGES(template_changes);
}

static void a_config_map_is_refused_with_advice(void **state)
{
    const char *const expected[] = {
        "22: spec.trialTemplate.successCondition: must be specified",
        "27: spec.trialTemplate.configMap: put its text under spec.trialTemplate.trialSpec", NULL};
    char *text = spec_replace(spec_base, "    trialSpec:\n", "    configMap:\n");
    char *end = strstr(text, "      apiVersion: batch/v1");

    (void)state;
    (void)snprintf(end, strlen(end),
                   "      configMapName: a\n      configMapNamespace: b\n"
                   "      templatePath: c\n");
    expect_findings(text, expected, "configMap");
    free(text);
}

/* Mistakes in every part of one document are all told at once, in the order of their lines. */
static void all_errors_come_at_once(void **state)
{
    const char *const expected[] = {"4: metadata.name: lower case",
                                    "7: spec.objective.type: must be",
                                    "13: spec.maxTrialCount: must be greater",
                                    "17: spec.parameters[0].parameterType: not supported", NULL};
    char *a = spec_replace(spec_base, "name: base", "name: BASE");
    char *b = spec_replace(a, "minimize", "less");
    char *c = spec_replace(b, "maxTrialCount: 12", "maxTrialCount: 0");
    char *d = spec_replace(c, "double", "number");

    (void)state;
    expect_findings(d, expected, "several");
    free(a);
    free(b);
    free(c);
    free(d);
}

static void what_is_no_document_has_one_finding(void **state)
{
    dz_experiment_spec *spec = NULL;
    dz_problems problems;

    (void)state;
    assert_int_equal(spec_read("a: [", &spec, &problems), DOZAN_INVALID_ARGUMENT);
    assert_int_equal(problems.count, 1);
    assert_false(problems.warnings_only);
    dz_problems_fini(&problems);
    assert_int_equal(spec_read("- a\n- b\n", &spec, &problems), DOZAN_INVALID_ARGUMENT);
    assert_int_equal(problems.count, 1);
    assert_string_equal(problems.items[0].place, "e.yaml:1");
    dz_problems_fini(&problems);
    assert_null(spec);
}

/* More findings than are kept are counted. */
static void too_many_findings_are_counted(void **state)
{
    dozan_buf text;
    dz_experiment_spec *spec = NULL;
    dz_problems problems;

    (void)state;
    dozan_buf_init(&text, 1 << 20);
    dozan_buf_puts(&text, spec_base);
    for (int i = 0; i < 1000; i++) {
        dozan_buf_printf(&text, "extra%d: 1\n", i);
    }
    assert_int_equal(spec_read(text.data, &spec, &problems), DOZAN_OK);
    assert_int_equal(problems.count, 101);
    assert_true(problems.warnings_only);
    assert_string_equal(problems.items[100].message, "900 more findings are not shown");
    dz_problems_fini(&problems);
    dz_spec_destroy(spec);
    dozan_buf_fini(&text);
}

static void lists_have_bounds(void **state)
{
    dozan_buf text;
    dz_experiment_spec *spec = NULL;
    dz_problems problems;

    (void)state;
    dozan_buf_init(&text, 1 << 20);
    dozan_buf_puts(&text,
                   "apiVersion: kubeflow.org/v1beta1\nkind: Experiment\nspec:\n  parameters:\n");
    for (int i = 0; i < 5000; i++) {
        dozan_buf_puts(&text, "  - {name: a}\n");
    }
    assert_int_equal(spec_read(text.data, &spec, &problems), DOZAN_INVALID_ARGUMENT);
    assert_int_equal(problems.count, 1);
    assert_non_null(strstr(problems.items[0].message, "has 5000 entries; 4096 are allowed"));
    dz_problems_fini(&problems);
    dozan_buf_fini(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_head_and_the_name_are_checked),
        cmocka_unit_test(the_budget_is_checked),
        cmocka_unit_test(the_objective_is_checked),
        cmocka_unit_test(parameters_are_checked),
        cmocka_unit_test(initial_points_are_checked_against_the_space),
        cmocka_unit_test(collectors_are_checked),
        cmocka_unit_test(templates_are_checked),
        cmocka_unit_test(a_config_map_is_refused_with_advice),
        cmocka_unit_test(all_errors_come_at_once),
        cmocka_unit_test(what_is_no_document_has_one_finding),
        cmocka_unit_test(too_many_findings_are_counted),
        cmocka_unit_test(lists_have_bounds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
