/*
 * Experiments for the tests of the core: a small YAML, changed field by field.
 */
#ifndef DZ_TESTS_SUPPORT_EXPERIMENT_H
#define DZ_TESTS_SUPPORT_EXPERIMENT_H

#include "core/step.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEST_UID "6f1d2a52-7c15-4b7e-9a53-0d8f3f3b1c11"
#define TEST_RESOURCES "spec.trialTemplate.trialSpec.spec.template.spec.containers[0].resources"

static const char test_experiment_yaml[] =
    "apiVersion: kubeflow.org/v1beta1\n"
    "kind: Experiment\n"
    "metadata: {name: bowl}\n"
    "spec:\n"
    "  objective: {type: maximize, objectiveMetricName: accuracy, additionalMetricNames: [loss]}\n"
    "  algorithm: {algorithmName: random}\n"
    "  parallelTrialCount: 2\n"
    "  maxTrialCount: 6\n"
    "  parameters:\n"
    "  - {name: lr, parameterType: double, feasibleSpace: {min: '0.01', max: '1'}}\n"
    "  - {name: units, parameterType: int, feasibleSpace: {min: '16', max: '64', step: '16'}}\n"
    "  - {name: optimizer, parameterType: categorical, feasibleSpace: {list: [sgd, adam]}}\n"
    "  trialTemplate:\n"
    "    primaryContainerName: main\n"
    "    trialParameters:\n"
    "    - {name: lr, reference: lr}\n"
    "    - {name: units, reference: units}\n"
    "    - {name: optimizer, reference: optimizer}\n"
    "    trialSpec:\n"
    "      apiVersion: batch/v1\n"
    "      kind: Job\n"
    "      spec:\n"
    "        template:\n"
    "          spec:\n"
    "            restartPolicy: Never\n"
    "            containers:\n"
    "            - name: main\n"
    "              image: none\n"
    "              command: [train, '--lr=${trialParameters.lr}', "
    "'--units=${trialParameters.units}', '--optimizer=${trialParameters.optimizer}']\n"
    "              resources: {requests: {cpu: '1'}}\n";

/* The specification above with `changes` (may be NULL), pairs of path and YAML value that end with
 * a NULL. Prints what is wrong and ends the program if it cannot be read: that is the test's bug.
 */
static inline dz_experiment_spec *test_spec(const char *const *changes)
{
    dz_override overrides[16];
    size_t count = 0;
    dz_problems problems;
    dz_experiment_spec *spec = NULL;

    while (changes != NULL && changes[2 * count] != NULL && count < 16) {
        overrides[count] =
            (dz_override){.path = changes[2 * count], .value = changes[2 * count + 1]};
        count++;
    }
    if (dz_spec_read(test_experiment_yaml, strlen(test_experiment_yaml), "test.yaml", overrides,
                     count, &spec, &problems) != DOZAN_OK) {
        for (size_t i = 0; i < problems.count; i++) {
            fprintf(stderr, "%s: %s\n", problems.items[i].place, problems.items[i].message);
        }
        abort();
    }
    dz_problems_fini(&problems);
    return spec;
}

#endif
