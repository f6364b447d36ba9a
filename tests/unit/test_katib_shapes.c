/*
 * Whole Experiments of the shapes that Katib's users write (tests/data/katib): each gets its
 * verdict, and each that can run here gives the command that Katib would run.
 */
#include "support_spec.h"

#include "spec/template.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define RUN "python3 /opt/digits/train.py --rate=1"

typedef struct shape {
    const char *file;
    const char *finding; /* part of the only one; NULL = none */
    const char *script; /* what the shell gets when every parameter is its own place, from 1; NULL =
                           not run here */
    size_t parameters;
    dz_collector_kind collector;
    const char *path; /* of the collector */
    dz_strategy strategy;
    bool maximize;
} shape;

static const shape accepted[] = {
    {"random.yaml", NULL, RUN " --decay=2", 2, DZ_COLLECTOR_STDOUT, NULL, DZ_STRATEGY_MIN, false},
    {"sdk.json", NULL, RUN " --decay=2", 2, DZ_COLLECTOR_STDOUT, NULL, DZ_STRATEGY_MIN, false},
    {"grid.yaml", NULL, RUN " --decay=2", 2, DZ_COLLECTOR_STDOUT, NULL, DZ_STRATEGY_MIN, false},
    {"tpe.yaml", NULL, RUN " --decay=2", 2, DZ_COLLECTOR_STDOUT, NULL, DZ_STRATEGY_MIN, false},
    {"bayesian.yaml", NULL, RUN " --decay=2", 2, DZ_COLLECTOR_STDOUT, NULL, DZ_STRATEGY_MIN, false},
    {"categorical.yaml", NULL, RUN " --decay=2 --layers=3 --batch=4 --optimizer=5", 5,
     DZ_COLLECTOR_STDOUT, NULL, DZ_STRATEGY_MIN, false},
    {"distributions.yaml", NULL, RUN " --decay=2 --epochs=3 --batch=4 --l2=5", 5,
     DZ_COLLECTOR_STDOUT, NULL, DZ_STRATEGY_MIN, false},
    {"median-stop.yaml", NULL, RUN " --decay=2", 2, DZ_COLLECTOR_STDOUT, NULL, DZ_STRATEGY_MIN,
     false},
    {"median-stop-json.yaml", NULL, RUN " --epochs=2 --log=/logs/digits.json", 2, DZ_COLLECTOR_FILE,
     "/logs/digits.json", DZ_STRATEGY_MAX, true},
    {"file-text.yaml", NULL, RUN " --decay=2 --log=/logs/digits.log", 2, DZ_COLLECTOR_FILE,
     "/logs/digits.log", DZ_STRATEGY_MAX, true},
    {"file-json.yaml", NULL, RUN " --decay=2 --log=/logs/digits.json", 2, DZ_COLLECTOR_FILE,
     "/logs/digits.json", DZ_STRATEGY_MAX, true},
    {"strategies.yaml", NULL, RUN " --decay=2", 2, DZ_COLLECTOR_STDOUT, NULL, DZ_STRATEGY_LATEST,
     true},
    {"resume-long-running.yaml", NULL, RUN " --decay=2", 2, DZ_COLLECTOR_STDOUT, NULL,
     DZ_STRATEGY_MIN, false},
    {"resume-from-volume.yaml", NULL, RUN " --decay=2", 2, DZ_COLLECTOR_STDOUT, NULL,
     DZ_STRATEGY_MIN, false},
    {"metadata.yaml", NULL, RUN " --decay=2", 2, DZ_COLLECTOR_STDOUT, NULL, DZ_STRATEGY_MIN, false},
    {"pod.yaml", NULL, "set -e\n" RUN " --decay=2\n", 2, DZ_COLLECTOR_STDOUT, NULL, DZ_STRATEGY_MIN,
     false},
    {"unbounded.yaml", NULL, RUN " --decay=2", 2, DZ_COLLECTOR_STDOUT, NULL, DZ_STRATEGY_MIN,
     false},
    {"pytorchjob.yaml", "warning: kind PyTorchJob needs a cluster", NULL, 2, DZ_COLLECTOR_STDOUT,
     NULL, DZ_STRATEGY_MIN, false},
    {"tfevent.yaml", NULL, RUN " --decay=2", 2, DZ_COLLECTOR_TENSORFLOW_EVENT, "/logs/test",
     DZ_STRATEGY_MAX, true},
};

static const struct {
    const char *file;
    const char *place;
    const char *finding;
} refused[] = {
    {"refused-budget.yaml", "refused-budget.yaml:16: spec.maxFailedTrialCount",
     "less than or equal to spec.maxTrialCount"},
    {"refused-placeholder.yaml",
     "refused-placeholder.yaml:34: spec.trialTemplate.trialParameters[1].name",
     "not found in spec.trialTemplate"},
    {"refused-configmap.yaml", "refused-configmap.yaml:39: spec.trialTemplate.configMap",
     "there is no store of them"},
    {"refused-nas.yaml", "refused-nas.yaml:17: spec.nasConfig", "not offered yet"},
};

static dozan_status read_file(const char *file, dz_experiment_spec **spec, dz_problems *problems)
{
    char path[256];
    char *text = NULL;
    dozan_status status = DOZAN_OK;

    (void)snprintf(path, sizeof path, "tests/data/katib/%s", file);
    text = spec_file(path);
    status = dz_spec_read(text, strlen(text), file, NULL, 0, spec, problems);
    free(text);
    return status;
}

/* The words that run, with the shell before them or, where they are plain, without. */
static void expect_script(char *const *argv, const char *script)
{
    char words[1024] = "";
    bool shell = argv[1] != NULL && strcmp(argv[1], "-c") == 0;

    for (size_t i = shell ? 2 : 0; argv[i] != NULL; i++) {
        size_t used = strlen(words);
        (void)snprintf(words + used, sizeof words - used, "%s%s", used > 0 ? " " : "", argv[i]);
    }
    assert_string_equal(words, script);
}

static void expect_command(const dz_experiment_spec *spec, const shape *wanted)
{
    static const char *const numbers[] = {"1", "2", "3", "4", "5"};
    dozan_pair assignments[5];
    cJSON *object = NULL;
    dz_command *command = NULL;
    dozan_error err = {0};
    dozan_status status = DOZAN_OK;

    for (size_t i = 0; i < wanted->parameters; i++) {
        assignments[i] = (dozan_pair){spec->parameters[i].name, numbers[i]};
    }
    status = dz_template_render(spec, "t-1", assignments, wanted->parameters, &object, &err);
    assert_int_equal(status, DOZAN_OK);
    status = dz_template_command(spec, object, NULL, 0, &command, &err);
    if (wanted->script == NULL) {
        assert_int_equal(status, DOZAN_UNIMPLEMENTED);
    } else {
        assert_int_equal(status, DOZAN_OK);
        expect_script(command->argv, wanted->script);
    }
    dz_command_destroy(command);
    cJSON_Delete(object);
}

static void katibs_shapes_are_accepted(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof accepted / sizeof accepted[0]; i++) {
        const shape *wanted = &accepted[i];
        dz_experiment_spec *spec = NULL;
        dz_problems problems;
        dozan_status status = read_file(wanted->file, &spec, &problems);
        if (status != DOZAN_OK || problems.count != (wanted->finding == NULL ? 0 : 1)) {
            fail_msg("%s", spec_findings(&problems));
        }
        if (wanted->finding != NULL) {
            assert_non_null(strstr(problems.items[0].message, wanted->finding));
        }
        assert_int_equal(spec->parameter_count, wanted->parameters);
        assert_int_equal(spec->collector, wanted->collector);
        assert_int_equal(spec->metrics[0].strategy, wanted->strategy);
        assert_int_equal(spec->maximize, wanted->maximize);
        assert_int_equal(spec->collector_path != NULL, wanted->path != NULL);
        if (wanted->path != NULL) {
            assert_string_equal(spec->collector_path, wanted->path);
        }
        expect_command(spec, wanted);
        dz_problems_fini(&problems);
        dz_spec_destroy(spec);
    }
}

static void what_katib_refuses_or_is_not_there_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        dz_experiment_spec *spec = NULL;
        dz_problems problems;
        assert_int_equal(read_file(refused[i].file, &spec, &problems), DOZAN_INVALID_ARGUMENT);
        assert_null(spec);
        assert_int_equal(problems.count, 1);
        assert_string_equal(problems.items[0].place, refused[i].place);
        assert_non_null(strstr(problems.items[0].message, refused[i].finding));
        dz_problems_fini(&problems);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(katibs_shapes_are_accepted),
        cmocka_unit_test(what_katib_refuses_or_is_not_there_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
