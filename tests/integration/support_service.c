#include "support_service.h"

#include <ftw.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { LIMIT_MS = 60000, POLL_MS = 5 };

static void on_commit(void *user, int64_t version);
static int remove_entry(const char *path, const struct stat *about, int kind, struct FTW *walk);

service_kit *service_kit_create(void)
{
    service_kit *kit = service_kit_prepare();
    service_kit_start(kit);
    return kit;
}

service_kit *service_kit_prepare(void)
{
    const char *build = getenv("DOZAN_BUILD");
    service_kit *kit = calloc(1, sizeof *kit);
    assert_non_null(kit);
    assert_non_null(build);
    (void)snprintf(kit->folder, sizeof kit->folder, "/tmp/dozan-service-XXXXXX");
    assert_non_null(mkdtemp(kit->folder));
    (void)snprintf(kit->path, sizeof kit->path, "%s/test.db", kit->folder);
    (void)snprintf(kit->jobs, sizeof kit->jobs, "%s/test.db.d", kit->folder);
    (void)snprintf(kit->go, sizeof kit->go, "%s/go", kit->folder);
    (void)snprintf(kit->until_go, sizeof kit->until_go,
                   "while [ ! -e %s ]; do sleep 0.02; done; echo accuracy=0.5", kit->go);
    (void)snprintf(kit->shim, sizeof kit->shim, "%s/dozan-shim", build);
    (void)snprintf(kit->suggest, sizeof kit->suggest, "%s/dozan-suggest", build);
    kit->config = (dz_run_config){.job_directory = kit->jobs,
                                  .shim = kit->shim,
                                  .suggest = kit->suggest,
                                  .stop_grace_ms = 200};
    kit->observer = (dz_service_observer){.user = kit, .committed = on_commit};
    return kit;
}

void service_kit_destroy(service_kit *kit)
{
    service_kit_stop(kit);
    dz_store_close(kit->reader);
    assert_int_equal(nftw(kit->folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS), 0);
    free(kit);
}

void service_kit_start(service_kit *kit)
{
    dozan_error err = {0};
    if (dz_service_create(kit->path, DZ_DURABILITY_NORMAL, &kit->config, &kit->observer,
                          &kit->service, &err) != DOZAN_OK)
        fail_msg("%s: %s", err.place, err.message);
    if (!kit->reader)
        assert_int_equal(
            dz_store_open(kit->path, DZ_STORE_READ, DZ_DURABILITY_NORMAL, &kit->reader, &err),
            DOZAN_OK);
}

void service_kit_stop(service_kit *kit)
{
    dz_service_destroy(kit->service);
    kit->service = NULL;
}

dz_submission service_text(const char *namespace_, const char *text)
{
    return (dz_submission){.namespace_ = namespace_,
                           .source_name = "test.yaml",
                           .source = text,
                           .source_size = strlen(text)};
}

char *service_document(const char *name, const char *extra, const char *command)
{
    char *text = NULL;
    int length =
        asprintf(&text,
                 "apiVersion: kubeflow.org/v1beta1\n"
                 "kind: Experiment\n"
                 "metadata: {name: %s, labels: {team: a}}\n"
                 "spec:\n"
                 "  objective: {type: maximize, objectiveMetricName: accuracy}\n"
                 "  algorithm: {algorithmName: random}\n"
                 "%s"
                 "  parameters:\n"
                 "  - {name: lr, parameterType: double, feasibleSpace: {min: '0.01', max: '1'}}\n"
                 "  trialTemplate:\n"
                 "    primaryContainerName: main\n"
                 "    trialParameters: [{name: lr, reference: lr}]\n"
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
                 "              command: [sh, -c, ': ${trialParameters.lr}; %s']\n",
                 name, extra, command);
    assert_true(length > 0);
    return text;
}

int64_t service_submit(service_kit *kit, const char *namespace_, const char *document)
{
    dozan_error err = {0};
    dz_submitted submitted = {0};
    dz_submission submission = service_text(namespace_, document);
    if (dz_service_submit(kit->service, &submission, &submitted, NULL, &err) != DOZAN_OK)
        fail_msg("%s: %s", err.place, err.message);
    assert_true(submitted.experiment_id > 0);
    assert_true(submitted.version > 1);
    cJSON_Delete(submitted.document);
    return submitted.experiment_id;
}

void service_go(service_kit *kit)
{
    FILE *go = fopen(kit->go, "w");
    assert_non_null(go);
    (void)fclose(go);
}

dz_experiment *service_load(service_kit *kit, const char *namespace_, const char *name)
{
    dozan_error err = {0};
    dz_experiment *experiment = NULL;
    if (dz_store_load_in(kit->reader, namespace_, name, &experiment, &err) != DOZAN_OK)
        fail_msg("%s: %s", err.place, err.message);
    return experiment;
}

void service_wait(service_kit *kit, const char *namespace_, const char *name,
                  service_condition *holds)
{
    for (int waited = 0; waited < LIMIT_MS; waited += POLL_MS) {
        dz_experiment *experiment = service_load(kit, namespace_, name);
        bool now = holds(experiment);
        dz_experiment_destroy(experiment);
        if (now)
            return;
        (void)poll(NULL, 0, POLL_MS);
    }
    dz_experiment *experiment = service_load(kit, namespace_, name);
    fail_msg("%s/%s is %s after a minute: %s", namespace_, name,
             dz_experiment_state_name(experiment->state), experiment->suggestion_message);
}

bool service_succeeded(const dz_experiment *experiment)
{
    return experiment->state == DZ_EXPERIMENT_SUCCEEDED && dz_experiment_at_rest(experiment);
}

bool service_suspended(const dz_experiment *experiment)
{
    return experiment->state == DZ_EXPERIMENT_SUSPENDED && dz_experiment_at_rest(experiment);
}

bool service_two_run(const dz_experiment *experiment)
{
    return experiment->state_counts[DZ_TRIAL_RUNNING] == 2;
}

bool service_runs_one(const dz_experiment *experiment)
{
    return experiment->state_counts[DZ_TRIAL_RUNNING] == 1;
}

/* ---- helpers */

static void on_commit(void *user, int64_t version)
{
    service_kit *kit = user;
    atomic_store(&kit->version, version);
}

static int remove_entry(const char *path, const struct stat *about, int kind, struct FTW *walk)
{
    (void)about;
    (void)kind;
    (void)walk;
    return remove(path);
}
