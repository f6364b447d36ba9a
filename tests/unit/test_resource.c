/*
 * Katib's resources, made from what the store holds.
 */
#include "api/resource.h"

#include "support/world.h"
#include <unistd.h>

typedef struct kept {
    world *w;
    dz_store *store;
    char directory[64];
    char path[96];
} kept;

static kept *keep_create(const char *const *changes)
{
    kept *k = calloc(1, sizeof *k);
    dozan_error err = {0};
    assert_non_null(k);
    (void)snprintf(k->directory, sizeof k->directory, "/tmp/dozan-resource-XXXXXX");
    assert_non_null(mkdtemp(k->directory));
    (void)snprintf(k->path, sizeof k->path, "%s/test.db", k->directory);
    assert_int_equal(dz_store_open(k->path, DZ_STORE_WRITE, DZ_DURABILITY_OFF, &k->store, &err),
                     DOZAN_OK);
    assert_int_equal(dz_store_own(k->store, &err), DOZAN_OK);
    k->w = world_create(changes, 8, 0);
    assert_int_equal(dz_store_insert(k->store, k->w->experiment, "e.yaml", test_experiment_yaml,
                                     strlen(test_experiment_yaml), &err),
                     DOZAN_OK);
    return k;
}

static void keep_destroy(kept *k)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", ".lock", "-journal"};
    dz_store_close(k->store);
    world_destroy(k->w);
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        char path[128];
        (void)snprintf(path, sizeof path, "%s%s", k->path, suffixes[i]);
        (void)unlink(path);
    }
    assert_int_equal(rmdir(k->directory), 0);
    free(k);
}

/* Writes what the last step did. */
static void commit(kept *k)
{
    dozan_error err = {0};
    assert_int_equal(dz_store_commit(k->store, k->w->experiment, &k->w->changes, &err), DOZAN_OK);
}

/* Trial 1 succeeds with 0.5 and loss nan, 2 fails, 3 runs, 4 is told to start, 5 waits. */
static kept *some_of_each(void)
{
    kept *k = keep_create((const char *const[]){"spec.parallelTrialCount", "5", NULL});
    world *w = k->w;
    open_it(w);
    commit(k);
    suggest(w, 5, DOZAN_ASK_MORE);
    commit(k);
    started(w, 1);
    commit(k);
    report_text(w, 1, 0, "0.25");
    commit(k);
    report_text(w, 1, 0, "0.50");
    commit(k);
    report_text(w, 1, 1, "nan");
    commit(k);
    w->now += 61000;
    exited(w, 1, 0);
    commit(k);
    started(w, 2);
    commit(k);
    exited(w, 2, 1);
    commit(k);
    started(w, 3);
    commit(k);
    return k;
}

static const cJSON *at(const cJSON *tree, const char *path)
{
    char part[64];
    while (tree != NULL && *path != '\0') {
        size_t size = strcspn(path, ".");
        assert_true(size < sizeof part);
        memcpy(part, path, size);
        part[size] = '\0';
        tree = part[0] >= '0' && part[0] <= '9'
                   ? cJSON_GetArrayItem(tree, (int)strtol(part, NULL, 10))
                   : cJSON_GetObjectItemCaseSensitive(tree, part);
        path += size + (path[size] == '.');
    }
    return tree;
}

static void assert_text(const cJSON *tree, const char *path, const char *text)
{
    const cJSON *found = at(tree, path);
    if (!cJSON_IsString(found) || strcmp(found->valuestring, text) != 0)
        (void)fprintf(stderr, "%s is not %s\n", path, text);
    assert_true(cJSON_IsString(found));
    assert_string_equal(found->valuestring, text);
}

static void assert_number(const cJSON *tree, const char *path, int number)
{
    const cJSON *found = at(tree, path);
    assert_true(cJSON_IsNumber(found));
    assert_int_equal(found->valueint, number);
}

static cJSON *experiment_of(kept *k)
{
    cJSON *resource = NULL;
    dozan_error err = {0};
    assert_int_equal(dz_resource_experiment(k->store, k->w->experiment, &resource, &err), DOZAN_OK);
    return resource;
}

static void an_experiment_has_katibs_shape(void **state)
{
    kept *k = some_of_each();
    cJSON *resource = experiment_of(k);
    (void)state;
    assert_text(resource, "apiVersion", "kubeflow.org/v1beta1");
    assert_text(resource, "kind", "Experiment");
    assert_text(resource, "metadata.name", "bowl");
    assert_text(resource, "metadata.namespace", "default");
    assert_text(resource, "metadata.uid", TEST_UID);
    assert_text(resource, "metadata.creationTimestamp", "1970-01-01T00:16:40Z");
    assert_text(resource, "spec.resumePolicy", "Never");
    assert_text(resource, "spec.objective.metricStrategies.0.value", "max");
    assert_text(resource, "status.startTime", "1970-01-01T00:16:40Z");
    assert_null(at(resource, "status.completionTime"));
    assert_text(resource, "status.conditions.0.type", "Created");
    assert_text(resource, "status.conditions.1.type", "Running");
    assert_text(resource, "status.conditions.1.status", "True");
    assert_text(resource, "status.conditions.1.reason", "ExperimentRunning");
    assert_text(resource, "status.conditions.1.lastTransitionTime", "1970-01-01T00:16:40Z");
    cJSON_Delete(resource);
    keep_destroy(k);
}

static void lists_and_counters_agree(void **state)
{
    kept *k = some_of_each();
    const dz_experiment *e = k->w->experiment;
    cJSON *resource = experiment_of(k);
    char name[256];
    (void)state;
    dz_trial_name(e, 1, name, sizeof name);
    assert_text(resource, "status.succeededTrialList.0", name);
    assert_text(resource, "status.currentOptimalTrial.bestTrialName", name);
    dz_trial_name(e, 2, name, sizeof name);
    assert_text(resource, "status.failedTrialList.0", name);
    dz_trial_name(e, 3, name, sizeof name);
    assert_text(resource, "status.runningTrialList.0", name);
    dz_trial_name(e, 4, name, sizeof name);
    assert_text(resource, "status.pendingTrialList.0", name);
    assert_number(resource, "status.trials", 5);
    assert_number(resource, "status.trialsSucceeded", 1);
    assert_number(resource, "status.trialsFailed", 1);
    assert_number(resource, "status.trialsRunning", 1);
    assert_number(resource, "status.trialsPending", 2);
    assert_null(at(resource, "status.trialsKilled")); /* as Go's omitempty */
    assert_null(at(resource, "status.killedTrialList"));
    assert_null(at(resource, "status.trialMetricsUnavailable"));
    cJSON_Delete(resource);
    keep_destroy(k);
}

static void the_optimal_trial_has_its_assignment_and_observation(void **state)
{
    static const char optimal[] = "status.currentOptimalTrial";
    kept *k = some_of_each();
    cJSON *resource = experiment_of(k);
    const cJSON *trial = at(resource, optimal);
    (void)state;
    assert_text(trial, "parameterAssignments.0.name", "lr");
    assert_int_equal(cJSON_GetArraySize(at(trial, "parameterAssignments")), 3);
    assert_text(trial, "observation.metrics.0.name", "accuracy");
    assert_text(trial, "observation.metrics.0.min", "0.25");
    assert_text(trial, "observation.metrics.0.max", "0.50"); /* as printed */
    assert_text(trial, "observation.metrics.0.latest", "0.50");
    assert_text(trial, "observation.metrics.1.name", "loss");
    assert_text(trial, "observation.metrics.1.latest", "nan");
    cJSON_Delete(resource);
    keep_destroy(k);
}

static void a_new_experiment_has_an_empty_status(void **state)
{
    kept *k = keep_create(NULL);
    cJSON *resource = experiment_of(k);
    (void)state;
    assert_text(resource, "status.conditions.0.reason", "ExperimentCreated");
    assert_null(at(resource, "status.startTime"));
    assert_null(at(resource, "status.trials"));
    assert_true(cJSON_IsObject(at(resource, "status.currentOptimalTrial.observation")));
    cJSON_Delete(resource);
    keep_destroy(k);
}

static cJSON *trial_of_number(kept *k, int64_t number)
{
    dz_experiment *experiment = NULL;
    dz_trial *trial = NULL;
    cJSON *resource = NULL;
    dozan_error err = {0};
    char name[256];
    dz_trial_name(k->w->experiment, number, name, sizeof name);
    assert_int_equal(dz_store_trial(k->store, name, &experiment, &trial, &err), DOZAN_OK);
    assert_int_equal(dz_resource_trial(experiment, trial, &resource, &err), DOZAN_OK);
    assert_text(resource, "metadata.name", name);
    dz_experiment_destroy(experiment);
    dz_trial_destroy(trial);
    return resource;
}

static void a_trial_has_katibs_shape(void **state)
{
    kept *k = some_of_each();
    cJSON *resource = trial_of_number(k, 1);
    const cJSON *labels = at(resource, "metadata.labels");
    (void)state;
    assert_text(resource, "kind", "Trial");
    assert_string_equal(
        cJSON_GetObjectItemCaseSensitive(labels, "katib.kubeflow.org/experiment")->valuestring,
        "bowl");
    char uid[DZ_UID_TEXT];
    dz_trial_uid(k->w->experiment, 1, uid);
    assert_text(resource, "metadata.uid", uid);
    assert_text(resource, "metadata.ownerReferences.0.kind", "Experiment");
    assert_text(resource, "metadata.ownerReferences.0.uid", TEST_UID);
    assert_text(resource, "spec.objective.objectiveMetricName", "accuracy");
    assert_text(resource, "spec.parameterAssignments.2.name", "optimizer");
    assert_text(resource, "spec.primaryContainerName", "main");
    assert_text(resource, "spec.metricsCollector.collector.kind", "StdOut");
    assert_text(resource, "spec.runSpec.kind", "Job");
    assert_text(resource, "spec.runSpec.metadata.name", at(resource, "metadata.name")->valuestring);
    assert_text(resource, "spec.runSpec.spec.template.spec.containers.0.command.0", "train");
    assert_text(resource, "status.startTime", "1970-01-01T00:16:40Z");
    assert_text(resource, "status.completionTime", "1970-01-01T00:17:41Z");
    assert_int_equal(cJSON_GetArraySize(at(resource, "status.conditions")), 3);
    assert_text(resource, "status.conditions.0.type", "Created");
    assert_text(resource, "status.conditions.1.type", "Running");
    assert_text(resource, "status.conditions.1.status", "False");
    assert_text(resource, "status.conditions.2.type", "Succeeded");
    assert_text(resource, "status.conditions.2.reason", "TrialSucceeded");
    assert_text(resource, "status.observation.metrics.0.max", "0.50");
    cJSON_Delete(resource);
    keep_destroy(k);
}

static void the_last_condition_is_the_trials_state(void **state)
{
    static const struct {
        int64_t number;
        const char *type, *status, *reason;
        int conditions;
    } cases[] = {
        {2, "Failed", "True", "TrialFailed", 3},
        {3, "Running", "True", "TrialRunning", 2},
        {4, "Created", "True", "TrialCreated", 1},
    };
    kept *k = some_of_each();
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cJSON *resource = trial_of_number(k, cases[i].number);
        const cJSON *conditions = at(resource, "status.conditions");
        int count = cJSON_GetArraySize(conditions);
        assert_int_equal(count, cases[i].conditions);
        const cJSON *last = cJSON_GetArrayItem(conditions, count - 1);
        assert_text(last, "type", cases[i].type);
        assert_text(last, "status", cases[i].status);
        assert_text(last, "reason", cases[i].reason);
        assert_null(at(resource, "status.observation"));
        cJSON_Delete(resource);
    }
    keep_destroy(k);
}

static void a_suggestion_has_every_assignment(void **state)
{
    kept *k = some_of_each();
    cJSON *resource = NULL;
    dozan_error err = {0};
    (void)state;
    assert_int_equal(dz_resource_suggestion(k->store, k->w->experiment, &resource, &err), DOZAN_OK);
    assert_text(resource, "kind", "Suggestion");
    assert_text(resource, "metadata.name", "bowl");
    assert_text(resource, "spec.algorithm.algorithmName", "random");
    assert_number(resource, "spec.requests", 5);
    assert_number(resource, "status.suggestionCount", 5);
    assert_int_equal(cJSON_GetArraySize(at(resource, "status.suggestions")), 5);
    assert_text(resource, "status.suggestions.4.parameterAssignments.0.name", "lr");
    assert_text(resource, "status.conditions.0.type", "Created");
    assert_text(resource, "status.conditions.1.type", "Running");
    assert_text(resource, "status.conditions.1.status", "True");
    cJSON_Delete(resource);
    keep_destroy(k);
}

static void times_are_as_kubernetes_writes_them(void **state)
{
    char text[32];
    (void)state;
    dz_time_text(0, text);
    assert_string_equal(text, "");
    dz_time_text(-5, text);
    assert_string_equal(text, "");
    dz_time_text(INT64_C(1769860800999), text);
    assert_string_equal(text, "2026-01-31T12:00:00Z");
    dz_time_text(INT64_MAX, text);
    assert_true(strlen(text) < 32);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_experiment_has_katibs_shape),
        cmocka_unit_test(lists_and_counters_agree),
        cmocka_unit_test(the_optimal_trial_has_its_assignment_and_observation),
        cmocka_unit_test(a_new_experiment_has_an_empty_status),
        cmocka_unit_test(a_trial_has_katibs_shape),
        cmocka_unit_test(the_last_condition_is_the_trials_state),
        cmocka_unit_test(a_suggestion_has_every_assignment),
        cmocka_unit_test(times_are_as_kubernetes_writes_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
