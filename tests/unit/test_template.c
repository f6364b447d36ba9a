/*
 * Rendering a trial's object, and taking its command out of it.
 */
#include "support_spec.h"

#include "spec/expand.h"
#include "spec/template.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const dozan_pair usual[] = {{"lr", "0.02"}, {"layers", "4"}};

/* The rendered object of an Experiment's text. */
static cJSON *render(const dz_experiment_spec *spec, const char *lr)
{
    const dozan_pair assignments[] = {{"lr", lr}, {"layers", "4"}};
    cJSON *object = NULL;
    dozan_error err = {0};

    if (dz_template_render(spec, "base-abc", assignments, 2, &object, &err) != DOZAN_OK) {
        fail_msg("%s: %s", err.place, err.message);
    }
    return object;
}

/* The base experiment with its container's fields from `command` on replaced; read, rendered. */
static dz_experiment_spec *read_with(const char *from, const char *to)
{
    char *text = spec_replace(spec_base, from, to);
    dz_experiment_spec *spec = NULL;
    dz_problems problems;
    dozan_status status = spec_read(text, &spec, &problems);
    char *findings = spec_findings(&problems);

    if (status != DOZAN_OK) {
        fail_msg("%s", findings);
    }
    free(findings);
    dz_problems_fini(&problems);
    free(text);
    return spec;
}

static dozan_status take(const char *from, const char *to, const dz_path_map *map, size_t map_count,
                         dz_command **command, dozan_error *err)
{
    dz_experiment_spec *spec = read_with(from, to);
    cJSON *object = render(spec, "0.02");
    dozan_status status = dz_template_command(spec, object, map, map_count, command, err);

    cJSON_Delete(object);
    dz_spec_destroy(spec);
    return status;
}

/* The command of the base experiment with a change. */
static dz_command *must_take(const char *from, const char *to)
{
    dz_command *command = NULL;
    dozan_error err = {0};

    if (take(from, to, NULL, 0, &command, &err) != DOZAN_OK) {
        fail_msg("%s: %s", err.place, err.message);
    }
    return command;
}

static void expect_words(char *const *words, const char *const *expected)
{
    size_t i = 0;

    for (; expected[i] != NULL; i++) {
        assert_non_null(words[i]);
        assert_string_equal(words[i], expected[i]);
    }
    assert_null(words[i]);
}

static void placeholders_are_replaced_once(void **state)
{
    /* Each value is one that a replacement in the JSON text, or in more than one pass, would spoil.
     */
    static const char *const values[] = {
        "0.02",
        "\"",
        "\\",
        "a\"b\\c",
        "${trialParameters.numberLayers}",
        "x\ny",
        "\x01",
        "",
        "$",
        "${trialParameters.",
        "\xF0\x9F\x98\x80",
    };
    dz_experiment_spec *spec = read_with(
        "--lr=${", "--x=${trialParameters.learningRate}/${trialParameters.numberLayers} --lr=${");

    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        cJSON *object = render(spec, values[i]);
        char *printed = cJSON_PrintUnformatted(object);
        cJSON *again = cJSON_Parse(printed);
        dz_command *command = NULL;
        dozan_error err = {0};
        char *expected = NULL;

        assert_non_null(again);
        assert_true(cJSON_Compare(object, again, true));
        assert_true(asprintf(&expected, "python3 /opt/trainer/train.py --x=%s/4 --lr=%s --layers=4",
                             values[i], values[i]) > 0);
        assert_int_equal(dz_template_command(spec, object, NULL, 0, &command, &err), DOZAN_OK);
        assert_string_equal(command->argv[2], expected);
        free(expected);
        dz_command_destroy(command);
        cJSON_Delete(again);
        free(printed);
        cJSON_Delete(object);
    }
    dz_spec_destroy(spec);
}

static void meta_references_and_keys_are_rendered(void **state)
{
    char *a = spec_replace(
        spec_base, "    trialSpec:\n",
        "      - {name: nm, reference: \"${trialSpec.Name}\"}\n"
        "      - {name: ns, reference: \"${trialSpec.Namespace}\"}\n"
        "      - {name: k, reference: \"${trialSpec.Kind}\"}\n"
        "      - {name: v, reference: \"${trialSpec.APIVersion}\"}\n"
        "      - {name: l, reference: \"${trialSpec.Labels[app.io/x]}\"}\n"
        "      - {name: an, reference: \"${trialSpec.Annotations[note]}\"}\n    trialSpec:\n"
        "      metadata:\n        labels: {app.io/x: lab}\n        annotations: {note: ann}\n");
    char *b = spec_replace(
        a, "        template:\n",
        "        template:\n          metadata:\n            labels:\n"
        "              ${trialParameters.l}-key: \"${trialParameters.nm}|${trialParameters.ns}|"
        "${trialParameters.k}|${trialParameters.v}|${trialParameters.an}|${trialSpec.Name}\"\n");
    dz_experiment_spec *spec = spec_must_read(b);
    cJSON *object = render(spec, "1");
    char *json = cJSON_PrintUnformatted(object);

    (void)state;
    assert_non_null(
        strstr(json, "\"lab-key\":\"base-abc|default|Job|batch/v1|ann|${trialSpec.Name}\""));
    assert_non_null(strstr(json, "\"annotations\":{\"note\":\"ann\"},\"name\":\"base-abc\","
                                 "\"namespace\":\"default\"}"));
    assert_null(strstr(json, "trialParameters"));
    cJSON_Delete(object);
    dz_spec_destroy(spec);
    free(json);
    free(a);
    free(b);
}

static void a_missing_value_is_an_error(void **state)
{
    dz_experiment_spec *spec = spec_must_read(spec_base);
    cJSON *object = NULL;
    dozan_error err = {0};

    (void)state;
    assert_int_equal(dz_template_render(spec, "t", usual, 1, &object, &err),
                     DOZAN_INVALID_ARGUMENT);
    assert_non_null(strstr(err.message, "\"layers\""));
    assert_null(object);
    dz_spec_destroy(spec);
}

/* 4,000 placeholders times a long value must hit the bound, not the memory. */
static void rendering_is_bounded(void **state)
{
    dozan_buf words;
    dozan_buf value;
    char *text = NULL;
    dz_experiment_spec *spec = NULL;
    cJSON *object = NULL;
    dozan_error err = {0};

    (void)state;
    dozan_buf_init(&words, 8 << 20);
    dozan_buf_init(&value, 1 << 20);
    for (int i = 0; i < 4000; i++) {
        dozan_buf_puts(&words, "${trialParameters.learningRate}");
    }
    for (int i = 0; i < 1000; i++) {
        dozan_buf_puts(&value, "0123456789");
    }
    text = spec_replace(spec_base, "--lr=${trialParameters.learningRate}", words.data);
    spec = spec_must_read(text);
    {
        const dozan_pair assignments[] = {{"lr", value.data}, {"layers", "4"}};
        assert_int_equal(dz_template_render(spec, "t", assignments, 2, &object, &err),
                         DOZAN_RESOURCE_EXHAUSTED);
    }
    dz_spec_destroy(spec);
    dozan_buf_fini(&words);
    dozan_buf_fini(&value);
    free(text);
}

#define COMMAND "command: [python3, /opt/trainer/train.py]"

static void commands_are_joined_where_katib_joins_them(void **state)
{
    static const struct {
        const char *command; /* of the container */
        const char *argv[6];
        const char *program;
    } cases[] = {
        {"command: [python3, a.py]", /* plain words: a shell would change nothing */
         {"python3", "a.py", "--lr=0.02", "--layers=4", NULL},
         "python3"},
        {"command: [python3, a.py, \"--out=*.txt\"]",
         {"sh", "-c", "python3 a.py --out=*.txt --lr=0.02 --layers=4", NULL},
         "python3"},
        {"command: [python3, \"a b.py\", \"'c d'\"]", /* no quoting is added, as in Katib */
         {"sh", "-c", "python3 a b.py 'c d' --lr=0.02 --layers=4", NULL},
         "python3"},
        {"command: [sh, -c, \"echo $X && run\"]",
         {"sh", "-c", "echo $X && run --lr=0.02 --layers=4", NULL},
         "sh"},
        {"command: [bash, -c, run]", {"bash", "-c", "run --lr=0.02 --layers=4", NULL}, "bash"},
        {"command: [/bin/sh, -c, run]",
         {"/bin/sh", "-c", "run", "--lr=0.02", "--layers=4", NULL},
         "/bin/sh"},
        {"command: [sh]", {"sh", "--lr=0.02", "--layers=4", NULL}, "sh"},
        {"command: [exit]", {"sh", "-c", "exit --lr=0.02 --layers=4", NULL}, "sh"},
        {"command: [\"A=1 run\"]", {"sh", "-c", "A=1 run --lr=0.02 --layers=4", NULL}, "sh"},
        {"command: [cd, /, \"&&\", run]",
         {"sh", "-c", "cd / && run --lr=0.02 --layers=4", NULL},
         "sh"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        dz_command *command = must_take(COMMAND, cases[i].command);
        expect_words(command->argv, cases[i].argv);
        assert_string_equal(command->program, cases[i].program);
        dz_command_destroy(command);
    }
}

/* With a collector that does not read the output, the words are run as they are. */
static void other_collectors_leave_the_words_alone(void **state)
{
    const char *const expected[] = {"python3", "/opt/trainer/train.py", "--lr=0.02", "--layers=4",
                                    NULL};
    dz_command *command =
        must_take("  trialTemplate:", "  metricsCollectorSpec: {collector: {kind: Push}}\n"
                                      "  trialTemplate:");

    (void)state;
    expect_words(command->argv, expected);
    assert_string_equal(command->program, "python3");
    assert_string_equal(command->image, "registry/trainer:1");
    assert_null(command->working_dir);
    dz_command_destroy(command);
}

static void the_environment_is_kubernetes(void **state)
{
    const char *const env[] = {
        "A=2",    "C=2-$(LATER)-$(A)",         "T=base-abc", "M=base-abc", "S=default", "LATER=5",
        "EMPTY=", "KATIB_TRIAL_NAME=base-abc", NULL};
    dz_command *command = must_take(
        COMMAND,
        "workingDir: /work/$(A)\n"
        "                env:\n"
        "                  - {name: A, value: \"1\"}\n"
        "                  - {name: A, value: \"2\"}\n"
        "                  - {name: C, value: \"$(A)-$(LATER)-$$(A)\"}\n"
        "                  - {name: T, valueFrom: {fieldRef: {fieldPath: "
        "\"metadata.labels['katib.kubeflow.org/trial']\"}}}\n"
        "                  - {name: M, valueFrom: {fieldRef: {fieldPath: metadata.name}}}\n"
        "                  - {name: S, valueFrom: {fieldRef: {fieldPath: metadata.namespace}}}\n"
        "                  - {name: O, valueFrom: {secretKeyRef: {name: s, key: k, optional: "
        "true}}}\n"
        "                  - {name: LATER, value: \"5\"}\n"
        "                  - {name: EMPTY}\n"
        "                command: [run, \"$(LATER)\", \"$(nothing)\", \"$$x\", \"$(\"]");

    (void)state;
    expect_words(command->env, env);
    assert_string_equal(command->working_dir, "/work/2");
    assert_string_equal(command->argv[2], "run 5 $(nothing) $x $( --lr=0.02 --layers=4");
    dz_command_destroy(command);
}

static void what_cannot_be_run_is_refused(void **state)
{
    static const struct {
        const char *from;
        const char *to;
        dozan_status status;
        const char *part;
    } cases[] = {
        {COMMAND, "tty: false", DOZAN_INVALID_ARGUMENT, "state it"},
        {COMMAND, COMMAND "\n                envFrom: [{secretRef: {name: a}}]",
         DOZAN_INVALID_ARGUMENT, "no ConfigMaps and Secrets"},
        {COMMAND,
         COMMAND "\n                env: [{name: A, valueFrom: {secretKeyRef: {name: a, key: b}}}]",
         DOZAN_INVALID_ARGUMENT, "cannot be found on this machine"},
        {COMMAND, COMMAND "\n                env: [{name: \"A=B\", value: c}]",
         DOZAN_INVALID_ARGUMENT, "holds a =: A=B"},
        {COMMAND, COMMAND "\n                resources: {limits: {cpu: lots}}",
         DOZAN_INVALID_ARGUMENT, "is no quantity"},
        {COMMAND, COMMAND "\n                resources: {limits: {nvidia.com/gpu: 0.5}}",
         DOZAN_INVALID_ARGUMENT, "nvidia.com/gpu"},
        {"kind: Job", "kind: MPIJob", DOZAN_UNIMPLEMENTED, "put the training command into a Job"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        dz_command *command = NULL;
        dozan_error err = {0};
        assert_int_equal(take(cases[i].from, cases[i].to, NULL, 0, &command, &err),
                         cases[i].status);
        assert_null(command);
        if (strstr(err.message, cases[i].part) == NULL) {
            fail_msg("%s: %s", err.place, err.message);
        }
    }
}

static void resources_and_deadlines_are_read(void **state)
{
    static const struct {
        const char *resources;
        int64_t cpu_milli;
        int32_t gpus;
    } cases[] = {
        {"{limits: {cpu: \"0.5\", memory: 1Gi}}", 500, 0},
        {"{limits: {cpu: 0.5}}", 500, 0},
        {"{limits: {cpu: 4}, requests: {cpu: 250m}}", 250, 0},
        {"{limits: {nvidia.com/gpu: 2}}", 0, 2},
        {"{limits: {amd.com/gpu: \"1\"}, requests: {amd.com/gpu: \"1\", cpu: 2}}", 2000, 1},
        {"{limits: {xilinx/aws-vu9p-f1: 1}}", 0, 0},
        {"{}", 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char to[256];
        dz_command *command = NULL;
        (void)snprintf(to, sizeof to, COMMAND "\n                resources: %s",
                       cases[i].resources);
        command = must_take(COMMAND, to);
        assert_int_equal(command->cpu_milli, cases[i].cpu_milli);
        assert_int_equal(command->gpus, cases[i].gpus);
        assert_int_equal(command->active_deadline_ms, 0);
        dz_command_destroy(command);
    }
    {
        dz_command *command = must_take("        template:\n          spec:\n",
                                        "        activeDeadlineSeconds: 90\n        template:\n"
                                        "          spec:\n            activeDeadlineSeconds: 60\n");
        assert_int_equal(command->active_deadline_ms, 60000);
        dz_command_destroy(command);
    }
}

static void paths_are_mapped(void **state)
{
    static const dz_path_map map[] = {
        {"/opt/trainer", "/srv/t"}, {"/opt/trainer/data", "/data"}, {"/katib", "/run/1"}};
    static const struct {
        const char *text;
        const char *expected;
    } cases[] = {
        {"/opt/trainer", "/srv/t"},
        {"/opt/trainer/train.py", "/srv/t/train.py"},
        {"/opt/trainer2/train.py", "/opt/trainer2/train.py"},
        {"/opt/trainer.py", "/opt/trainer.py"},
        {"/opt/trainer/data/x", "/data/x"},
        {"--log=/katib/a.log", "--log=/run/1/a.log"},
        {"cat /katib/a /katib/b;/katib", "cat /run/1/a /run/1/b;/run/1"},
        {"'/katib/a' \"/katib\"", "'/run/1/a' \"/run/1\""},
        {"/x/katib/a", "/x/katib/a"},
        {"x/katib", "x/katib"},
        {"PATH:/opt/trainer/bin:/katib", "PATH:/srv/t/bin:/run/1"},
        {">/katib/out", ">/run/1/out"},
        {"", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        dozan_buf out;
        dozan_buf_init(&out, 4096);
        dz_expand_paths(cases[i].text, map, 3, &out);
        assert_string_equal(out.size > 0 ? out.data : "", cases[i].expected);
        dozan_buf_fini(&out);
    }
    {
        dz_command *command = NULL;
        dozan_error err = {0};
        assert_int_equal(take(COMMAND,
                              "workingDir: /opt/trainer\n                env: [{name: D, value: "
                              "/katib/d}]\n                command: [/opt/trainer/run]",
                              map, 3, &command, &err),
                         DOZAN_OK);
        assert_string_equal(command->argv[0], "/srv/t/run");
        assert_string_equal(command->program, "/srv/t/run");
        assert_string_equal(command->working_dir, "/srv/t");
        assert_string_equal(command->env[0], "D=/run/1/d");
        dz_command_destroy(command);
    }
}

static void a_pod_is_taken_too(void **state)
{
    static const char pod[] =
        "apiVersion: kubeflow.org/v1beta1\nkind: Experiment\nmetadata: {name: p}\nspec:\n"
        "  objective: {type: maximize, objectiveMetricName: acc}\n"
        "  algorithm: {algorithmName: random}\n"
        "  parameters: [{name: lr, parameterType: double, feasibleSpace: {min: \"0\", max: "
        "\"1\"}}]\n"
        "  trialTemplate:\n"
        "    primaryContainerName: c\n    trialParameters: [{name: lr, reference: lr}]\n"
        "    successCondition: status.[@this].#(phase==\"Succeeded\")#\n"
        "    failureCondition: status.[@this].#(phase==\"Failed\")#\n"
        "    trialSpec:\n      apiVersion: v1\n      kind: Pod\n"
        "      spec: {containers: [{name: c, command: [run, \"${trialParameters.lr}\"]}]}\n";
    const dozan_pair assignments[] = {{"lr", "0.5"}};
    dz_experiment_spec *spec = spec_must_read(pod);
    cJSON *object = NULL;
    dz_command *command = NULL;
    dozan_error err = {0};

    (void)state;
    assert_int_equal(dz_template_render(spec, "p-1", assignments, 1, &object, &err), DOZAN_OK);
    assert_int_equal(dz_template_command(spec, object, NULL, 0, &command, &err), DOZAN_OK);
    assert_string_equal(command->argv[0], "run");
    assert_string_equal(command->argv[1], "0.5");
    assert_null(command->image);
    dz_command_destroy(command);
    cJSON_Delete(object);
    dz_spec_destroy(spec);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(placeholders_are_replaced_once),
        cmocka_unit_test(meta_references_and_keys_are_rendered),
        cmocka_unit_test(a_missing_value_is_an_error),
        cmocka_unit_test(rendering_is_bounded),
        cmocka_unit_test(commands_are_joined_where_katib_joins_them),
        cmocka_unit_test(other_collectors_leave_the_words_alone),
        cmocka_unit_test(the_environment_is_kubernetes),
        cmocka_unit_test(what_cannot_be_run_is_refused),
        cmocka_unit_test(resources_and_deadlines_are_read),
        cmocka_unit_test(paths_are_mapped),
        cmocka_unit_test(a_pod_is_taken_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
