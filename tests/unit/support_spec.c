#include "support_spec.h"

#include <dozan/buf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { TEXT_MAX = 8 << 20 };

const char spec_base[] = "apiVersion: kubeflow.org/v1beta1\n" /* 1 */
                         "kind: Experiment\n"
                         "metadata:\n"
                         "  name: base\n"
                         "spec:\n" /* 5 */
                         "  objective:\n"
                         "    type: minimize\n"
                         "    goal: 0.001\n"
                         "    objectiveMetricName: loss\n"
                         "  algorithm:\n" /* 10 */
                         "    algorithmName: random\n"
                         "  parallelTrialCount: 2\n"
                         "  maxTrialCount: 12\n"
                         "  maxFailedTrialCount: 3\n"
                         "  parameters:\n" /* 15 */
                         "    - name: lr\n"
                         "      parameterType: double\n"
                         "      feasibleSpace: {min: \"0.01\", max: \"0.05\"}\n"
                         "    - name: layers\n"
                         "      parameterType: int\n" /* 20 */
                         "      feasibleSpace: {min: \"2\", max: \"8\", step: \"2\"}\n"
                         "  trialTemplate:\n"
                         "    primaryContainerName: main\n"
                         "    trialParameters:\n"
                         "      - {name: learningRate, reference: lr}\n" /* 25 */
                         "      - {name: numberLayers, reference: layers}\n"
                         "    trialSpec:\n"
                         "      apiVersion: batch/v1\n"
                         "      kind: Job\n"
                         "      spec:\n" /* 30 */
                         "        template:\n"
                         "          spec:\n"
                         "            containers:\n"
                         "              - name: main\n"
                         "                image: registry/trainer:1\n" /* 35 */
                         "                command: [python3, /opt/trainer/train.py]\n"
                         "                args:\n"
                         "                  - --lr=${trialParameters.learningRate}\n"
                         "                  - --layers=${trialParameters.numberLayers}\n"
                         "            restartPolicy: Never\n"; /* 40 */

char *spec_replace(const char *text, const char *from, const char *to)
{
    const char *at = strstr(text, from);
    dozan_buf buf;
    char *made = NULL;

    if (at == NULL) {
        fail_msg("the text has no \"%s\"", from);
        return NULL;
    }
    dozan_buf_init(&buf, TEXT_MAX);
    dozan_buf_append(&buf, text, (size_t)(at - text));
    dozan_buf_puts(&buf, to);
    dozan_buf_puts(&buf, at + strlen(from));
    made = dozan_buf_take(&buf);
    assert_non_null(made);
    return made;
}

dozan_status spec_read(const char *text, dz_experiment_spec **spec, dz_problems *problems)
{
    return dz_spec_read(text, strlen(text), "e.yaml", NULL, 0, spec, problems);
}

dz_experiment_spec *spec_must_read(const char *text)
{
    dz_experiment_spec *spec = NULL;
    dz_problems problems;
    dozan_status status = spec_read(text, &spec, &problems);
    char *findings = spec_findings(&problems);

    assert_string_equal(findings, "");
    assert_int_equal(status, DOZAN_OK);
    free(findings);
    dz_problems_fini(&problems);
    return spec;
}

char *spec_findings(const dz_problems *problems)
{
    dozan_buf buf;
    char *made = NULL;

    dozan_buf_init(&buf, TEXT_MAX);
    for (size_t i = 0; i < problems->count; i++) {
        dozan_buf_printf(&buf, "%s: %s\n", problems->items[i].place, problems->items[i].message);
    }
    made = dozan_buf_take(&buf);
    assert_non_null(made);
    return made;
}

char *spec_file(const char *path)
{
    const char *source = getenv("DOZAN_SOURCE");
    char name[512];
    char bytes[4096];
    size_t size = 0;
    FILE *file = NULL;
    dozan_buf buf;

    assert_non_null(source);
    (void)snprintf(name, sizeof name, "%s/%s", source, path);
    file = fopen(name, "rb");
    if (file == NULL) {
        fail_msg("%s cannot be read", name);
        return NULL;
    }
    dozan_buf_init(&buf, TEXT_MAX);
    while ((size = fread(bytes, 1, sizeof bytes, file)) > 0) {
        dozan_buf_append(&buf, bytes, size);
    }
    (void)fclose(file);
    return dozan_buf_take(&buf);
}
