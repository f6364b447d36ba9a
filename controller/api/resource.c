#include "api/resource.h"
#include "api/build.h"

#include "spec/template.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define API_VERSION "kubeflow.org/v1beta1"
#define EXPERIMENT_LABEL "katib.kubeflow.org/experiment"
#define UNAVAILABLE "unavailable" /* Katib's word for a value that there is none of */

/* A list of trial names and its counter, in an experiment's status. */
#define LISTS(X)                                                                                   \
    X(PENDING, "pendingTrialList", "trialsPending")                                                \
    X(RUNNING, "runningTrialList", "trialsRunning")                                                \
    X(SUCCEEDED, "succeededTrialList", "trialsSucceeded")                                          \
    X(FAILED, "failedTrialList", "trialsFailed")                                                   \
    X(KILLED, "killedTrialList", "trialsKilled")                                                   \
    X(EARLY_STOPPED, "earlyStoppedTrialList", "trialsEarlyStopped")                                \
    X(METRICS_UNAVAILABLE, "metricsUnavailableTrialList", "trialMetricsUnavailable")

static const struct {
    dz_trial_state state;
    const char *list;
    const char *counter;
} lists[] = {
#define LIST_ROW(state, list, counter) {DZ_TRIAL_##state, list, counter},
    LISTS(LIST_ROW)
#undef LIST_ROW
};

enum { LIST_COUNT = sizeof(lists) / sizeof(lists[0]) };

typedef struct status_walk {
    dz_builder *build;
    const dz_experiment *experiment;
    cJSON *names[LIST_COUNT];
    int64_t counts[LIST_COUNT];
    cJSON *optimal;
    cJSON *front; /* NULL with one objective */
} status_walk;

typedef struct suggestion_walk {
    dz_builder *build;
    cJSON *suggestions;
    int64_t count;
} suggestion_walk;

static void add_condition(dz_builder *build, cJSON *conditions, const dz_condition *condition);
static void add_state(dz_builder *build, cJSON *conditions, const char *type, bool status,
                      const char *reason, const char *message, int64_t time_ms);
static void add_assignments(dz_builder *build, cJSON *parent, const dz_trial *trial);
static void add_labels(dz_builder *build, cJSON *parent, const dz_trial *trial);
static void add_observation(dz_builder *build, cJSON *parent, const dz_experiment_spec *spec,
                            const dz_trial *trial);
static void set_identity(dz_builder *build, cJSON *resource, const dz_experiment *experiment);
static dozan_status add_status(dz_builder *build, dz_store *store, const dz_experiment *experiment,
                               cJSON *status, dozan_error *err);
static void add_result(const status_walk *walk, cJSON *result, const dz_trial *trial);
static bool visit_for_status(void *user, const dz_trial *trial);
static void add_trial_metadata(dz_builder *build, cJSON *resource, const dz_experiment *experiment,
                               const dz_trial *trial);
static dozan_status add_trial_spec(dz_builder *build, cJSON *resource,
                                   const dz_experiment *experiment, const dz_trial *trial,
                                   dozan_error *err);
static void add_trial_status(dz_builder *build, cJSON *resource, const dz_experiment *experiment,
                             const dz_trial *trial);
static void add_suggestion_conditions(dz_builder *build, cJSON *status,
                                      const dz_experiment *experiment);
static bool visit_for_suggestion(void *user, const dz_trial *trial);
static cJSON *new_resource(dz_builder *build, const char *kind);
static dozan_status give(dz_builder *build, dozan_status status, cJSON *made, cJSON **resource,
                         dozan_error *err);

dozan_status dz_resource_experiment(dz_store *store, const dz_experiment *experiment,
                                    cJSON **resource, dozan_error *err)
{
    dz_builder build = {false};
    cJSON *made = cJSON_Duplicate(experiment->spec->document, true);
    if (made == NULL)
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    cJSON_DeleteItemFromObjectCaseSensitive(made, "status");
    set_identity(&build, made, experiment);
    dozan_status status =
        add_status(&build, store, experiment, dz_build_object(&build, made, "status"), err);
    return give(&build, status, made, resource, err);
}

dozan_status dz_resource_trial(const dz_experiment *experiment, const dz_trial *trial,
                               cJSON **resource, dozan_error *err)
{
    dz_builder build = {false};
    cJSON *made = new_resource(&build, "Trial");
    add_trial_metadata(&build, made, experiment, trial);
    dozan_status status = add_trial_spec(&build, made, experiment, trial, err);
    add_trial_status(&build, made, experiment, trial);
    return give(&build, status, made, resource, err);
}

dozan_status dz_resource_suggestion(dz_store *store, const dz_experiment *experiment,
                                    cJSON **resource, dozan_error *err)
{
    dz_builder build = {false};
    const cJSON *given = cJSON_GetObjectItemCaseSensitive(experiment->spec->document, "spec");
    cJSON *made = new_resource(&build, "Suggestion");
    cJSON *metadata = dz_build_object(&build, made, "metadata");
    dz_build_text(&build, metadata, "name", experiment->spec->name);
    dz_build_text(&build, metadata, "namespace", experiment->spec->namespace_);
    dz_build_time(&build, metadata, "creationTimestamp", experiment->created_ms);
    cJSON *spec = dz_build_object(&build, made, "spec");
    dz_build_copy(&build, spec, "algorithm", cJSON_GetObjectItemCaseSensitive(given, "algorithm"));
    dz_build_copy(&build, spec, "earlyStopping",
                  cJSON_GetObjectItemCaseSensitive(given, "earlyStopping"));
    dz_build_number(&build, spec, "requests", experiment->trial_count);
    dz_build_copy(&build, spec, "resumePolicy",
                  cJSON_GetObjectItemCaseSensitive(given, "resumePolicy"));

    cJSON *state = dz_build_object(&build, made, "status");
    suggestion_walk walk = {.build = &build,
                            .suggestions = dz_build_array(&build, state, "suggestions")};
    dozan_status status =
        dz_store_trials(store, experiment, 0, 0, visit_for_suggestion, &walk, err);
    dz_build_number(&build, state, "suggestionCount", walk.count);
    dz_build_time(&build, state, "startTime", experiment->started_ms);
    dz_build_time(&build, state, "completionTime", experiment->completed_ms);
    add_suggestion_conditions(&build, state, experiment);
    return give(&build, status, made, resource, err);
}

void dz_time_text(int64_t time_ms, char text[32])
{
    time_t seconds = (time_t)(time_ms / 1000);
    struct tm parts;
    text[0] = '\0';
    if (time_ms > 0 && gmtime_r(&seconds, &parts) != NULL &&
        strftime(text, 32, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0)
        text[0] = '\0';
}

/* ---- an experiment ---- */

static void set_identity(dz_builder *build, cJSON *resource, const dz_experiment *experiment)
{
    static const char *const ours[] = {"name", "namespace", "uid", "creationTimestamp"};
    cJSON *metadata = cJSON_GetObjectItemCaseSensitive(resource, "metadata");
    if (metadata == NULL)
        metadata = dz_build_object(build, resource, "metadata");
    for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
        cJSON_DeleteItemFromObjectCaseSensitive(metadata, ours[i]);
    dz_build_text(build, metadata, "name", experiment->spec->name);
    dz_build_text(build, metadata, "namespace", experiment->spec->namespace_);
    dz_build_text(build, metadata, "uid", experiment->uid);
    dz_build_time(build, metadata, "creationTimestamp", experiment->created_ms);
}

/* Lists and counters come from one walk over the trials, so that they always agree. */
static dozan_status add_status(dz_builder *build, dz_store *store, const dz_experiment *experiment,
                               cJSON *status, dozan_error *err)
{
    dz_build_time(build, status, "startTime", experiment->started_ms);
    dz_build_time(build, status, "completionTime", experiment->completed_ms);
    cJSON *conditions = dz_build_array(build, status, "conditions");
    for (size_t i = 0; i < experiment->condition_count; i++)
        add_condition(build, conditions, &experiment->conditions[i]);

    status_walk walk = {.build = build, .experiment = experiment};
    walk.optimal = dz_build_object(build, status, "currentOptimalTrial");
    if (experiment->spec->objective_count > 1)
        walk.front = dz_build_array(build, status, "paretoFront");
    for (size_t i = 0; i < LIST_COUNT; i++)
        if ((walk.names[i] = cJSON_CreateArray()) == NULL)
            build->failed = true;
    dozan_status walked = dz_store_trials(store, experiment, 0, 0, visit_for_status, &walk, err);
    if (cJSON_GetArraySize(walk.optimal) == 0)
        (void)dz_build_object(build, walk.optimal, "observation");
    int64_t total = 0;
    for (size_t i = 0; i < LIST_COUNT; i++) {
        total += walk.counts[i];
        if (walk.counts[i] > 0)
            dz_build_add(build, status, lists[i].list, walk.names[i]);
        else
            cJSON_Delete(walk.names[i]);
    }
    if (total > 0)
        dz_build_number(build, status, "trials", total);
    for (size_t i = 0; i < LIST_COUNT; i++)
        if (walk.counts[i] > 0)
            dz_build_number(build, status, lists[i].counter, walk.counts[i]);
    return walked;
}

/* A trial as Katib shows the best one. */
static void add_result(const status_walk *walk, cJSON *result, const dz_trial *trial)
{
    dz_build_text(walk->build, result, "bestTrialName", trial->name);
    add_assignments(walk->build, result, trial);
    add_observation(walk->build, result, walk->experiment->spec, trial);
}

static bool visit_for_status(void *user, const dz_trial *trial)
{
    status_walk *walk = user;
    const char *type = dz_trial_state_condition(trial->state);
    for (size_t i = 0; i < LIST_COUNT; i++) {
        if (strcmp(dz_trial_state_condition(lists[i].state), type) != 0)
            continue;
        cJSON *name = cJSON_CreateString(trial->name);
        if (name == NULL || !cJSON_AddItemToArray(walk->names[i], name)) {
            cJSON_Delete(name);
            walk->build->failed = true;
        }
        walk->counts[i]++;
    }
    if (trial->number == walk->experiment->best.trial)
        add_result(walk, walk->optimal, trial);
    if (walk->front != NULL && dz_front_has(&walk->experiment->front, trial->number))
        add_result(walk, dz_build_item(walk->build, walk->front), trial);
    return !walk->build->failed;
}

/* ---- a trial ---- */

static void add_trial_metadata(dz_builder *build, cJSON *resource, const dz_experiment *experiment,
                               const dz_trial *trial)
{
    char uid[DZ_UID_TEXT];
    cJSON *metadata = dz_build_object(build, resource, "metadata");
    dz_trial_uid(experiment, trial->number, uid);
    dz_build_text(build, metadata, "name", trial->name);
    dz_build_text(build, metadata, "namespace", experiment->spec->namespace_);
    dz_build_text(build, metadata, "uid", uid);
    dz_build_time(build, metadata, "creationTimestamp", trial->created_ms);
    cJSON *labels = dz_build_object(build, metadata, "labels");
    const cJSON *given = cJSON_GetObjectItemCaseSensitive(experiment->spec->document, "metadata");
    const cJSON *label = NULL;
    cJSON_ArrayForEach(label, cJSON_GetObjectItemCaseSensitive(given, "labels"))
        dz_build_copy(build, labels, label->string, label);
    for (size_t i = 0; i < trial->label_count; i++) {
        cJSON_DeleteItemFromObjectCaseSensitive(labels, trial->labels[i].name);
        dz_build_text(build, labels, trial->labels[i].name, trial->labels[i].value);
    }
    cJSON_DeleteItemFromObjectCaseSensitive(labels, EXPERIMENT_LABEL);
    dz_build_text(build, labels, EXPERIMENT_LABEL, experiment->spec->name);

    cJSON *owner = dz_build_item(build, dz_build_array(build, metadata, "ownerReferences"));
    dz_build_text(build, owner, "apiVersion", API_VERSION);
    dz_build_text(build, owner, "kind", "Experiment");
    dz_build_text(build, owner, "name", experiment->spec->name);
    dz_build_text(build, owner, "uid", experiment->uid);
    dz_build_add(build, owner, "controller", cJSON_CreateTrue());
    dz_build_add(build, owner, "blockOwnerDeletion", cJSON_CreateTrue());
}

/* A template that cannot be rendered with this assignment has failed the trial; runSpec is left
 * out. */
static dozan_status add_trial_spec(dz_builder *build, cJSON *resource,
                                   const dz_experiment *experiment, const dz_trial *trial,
                                   dozan_error *err)
{
    const dz_experiment_spec *from = experiment->spec;
    const cJSON *given = cJSON_GetObjectItemCaseSensitive(from->document, "spec");
    const cJSON *template = cJSON_GetObjectItemCaseSensitive(given, "trialTemplate");
    cJSON *spec = dz_build_object(build, resource, "spec");
    cJSON *run = NULL;
    dz_build_copy(build, spec, "objective", cJSON_GetObjectItemCaseSensitive(given, "objective"));
    add_assignments(build, spec, trial);
    dozan_status status = from->lease_ms > 0
                              ? DOZAN_OK
                              : dz_template_render(from, trial->name, trial->assignments,
                                                   trial->assignment_count, &run, err);
    if (status == DOZAN_RESOURCE_EXHAUSTED)
        return status;
    if (run != NULL)
        dz_build_add(build, spec, "runSpec", run);
    if (from->retain)
        dz_build_add(build, spec, "retainRun", cJSON_CreateTrue());
    dz_build_copy(build, spec, "metricsCollector",
                  cJSON_GetObjectItemCaseSensitive(given, "metricsCollectorSpec"));
    dz_build_copy(build, spec, "primaryPodLabels",
                  cJSON_GetObjectItemCaseSensitive(template, "primaryPodLabels"));
    dz_build_text(build, spec, "primaryContainerName", from->primary_container_name);
    dz_build_text(build, spec, "successCondition", from->success_condition);
    dz_build_text(build, spec, "failureCondition", from->failure_condition);
    return DOZAN_OK;
}

/* The last condition is the current one; the earlier ones are what a trial in this state has been
 * through. */
static void add_trial_status(dz_builder *build, cJSON *resource, const dz_experiment *experiment,
                             const dz_trial *trial)
{
    cJSON *status = dz_build_object(build, resource, "status");
    bool ended = dz_trial_state_ended(trial->state);
    bool running = trial->state == DZ_TRIAL_RUNNING || trial->state == DZ_TRIAL_STOPPING;
    const char *reason =
        trial->reason[0] != '\0' ? trial->reason : dz_trial_state_reason(trial->state);
    dz_build_time(build, status, "startTime", trial->started_ms);
    dz_build_time(build, status, "completionTime", trial->ended_ms);
    cJSON *conditions = dz_build_array(build, status, "conditions");
    if (!ended && !running)
        add_state(build, conditions, "Created", true, reason, trial->message, trial->created_ms);
    else
        add_state(build, conditions, "Created", true, "TrialCreated", "Trial is created",
                  trial->created_ms);
    if (running)
        add_state(build, conditions, "Running", true, reason, trial->message, trial->started_ms);
    else if (ended && trial->started_ms > 0)
        add_state(build, conditions, "Running", false, "TrialRunning", "Trial is running",
                  trial->ended_ms);
    if (ended)
        add_state(build, conditions, dz_trial_state_condition(trial->state), true, reason,
                  trial->message, trial->ended_ms);
    add_observation(build, status, experiment->spec, trial);
    if (experiment->spec->constraint_count > 0 && trial->state == DZ_TRIAL_SUCCEEDED)
        dz_build_add(build, status, "feasible",
                     cJSON_CreateBool(dz_trial_feasible(trial, experiment->spec)));
}

/* ---- a suggestion ---- */

static void add_suggestion_conditions(dz_builder *build, cJSON *status,
                                      const dz_experiment *experiment)
{
    bool failed = strncmp(experiment->suggestion_reason, "Plugin", strlen("Plugin")) == 0;
    bool ended = dz_experiment_state_ended(experiment->state);
    cJSON *conditions = dz_build_array(build, status, "conditions");
    add_state(build, conditions, "Created", true, "SuggestionCreated", "Suggestion is created",
              experiment->created_ms);
    if (experiment->started_ms > 0)
        add_state(build, conditions, "Running", !ended && !failed,
                  experiment->suggestion_reason[0] != '\0' ? experiment->suggestion_reason
                                                           : "SuggestionRunning",
                  experiment->suggestion_message, experiment->started_ms);
    if (ended)
        add_state(build, conditions, failed ? "Failed" : "Succeeded", true,
                  failed ? "SuggestionFailed" : "ExperimentCompleted",
                  failed ? experiment->suggestion_message : "Experiment is completed",
                  experiment->completed_ms);
}

static bool visit_for_suggestion(void *user, const dz_trial *trial)
{
    suggestion_walk *walk = user;
    cJSON *entry = dz_build_item(walk->build, walk->suggestions);
    dz_build_text(walk->build, entry, "name", trial->name);
    add_assignments(walk->build, entry, trial);
    if (trial->label_count > 0)
        add_labels(walk->build, entry, trial);
    walk->count++;
    return !walk->build->failed;
}

/* ---- parts ---- */

static void add_condition(dz_builder *build, cJSON *conditions, const dz_condition *condition)
{
    cJSON *entry = dz_build_item(build, conditions);
    dz_build_text(build, entry, "type", condition->type);
    dz_build_text(build, entry, "status", condition->status ? "True" : "False");
    dz_build_text(build, entry, "reason", condition->reason);
    dz_build_text(build, entry, "message", condition->message);
    dz_build_time(build, entry, "lastUpdateTime", condition->updated_ms);
    dz_build_time(build, entry, "lastTransitionTime", condition->changed_ms);
}

static void add_state(dz_builder *build, cJSON *conditions, const char *type, bool status,
                      const char *reason, const char *message, int64_t time_ms)
{
    cJSON *entry = dz_build_item(build, conditions);
    dz_build_text(build, entry, "type", type);
    dz_build_text(build, entry, "status", status ? "True" : "False");
    dz_build_text(build, entry, "reason", reason);
    dz_build_text(build, entry, "message", message);
    dz_build_time(build, entry, "lastUpdateTime", time_ms);
    dz_build_time(build, entry, "lastTransitionTime", time_ms);
}

static void add_assignments(dz_builder *build, cJSON *parent, const dz_trial *trial)
{
    cJSON *list = dz_build_array(build, parent, "parameterAssignments");
    for (size_t i = 0; i < trial->assignment_count; i++) {
        cJSON *entry = dz_build_item(build, list);
        dz_build_text(build, entry, "name", trial->assignments[i].name);
        dz_build_add(build, entry, "value", cJSON_CreateString(trial->assignments[i].value));
    }
}

static void add_labels(dz_builder *build, cJSON *parent, const dz_trial *trial)
{
    cJSON *labels = dz_build_object(build, parent, "labels");
    for (size_t i = 0; i < trial->label_count; i++)
        dz_build_add(build, labels, trial->labels[i].name,
                     cJSON_CreateString(trial->labels[i].value));
}

/* Katib's observation: every metric with min, max and latest as texts, once anything was reported.
 */
static void add_observation(dz_builder *build, cJSON *parent, const dz_experiment_spec *spec,
                            const dz_trial *trial)
{
    bool any = false;
    for (size_t i = 0; trial->observations != NULL && i < spec->metric_count; i++)
        any = any || trial->observations[i].count > 0;
    if (!any)
        return;
    cJSON *metrics =
        dz_build_array(build, dz_build_object(build, parent, "observation"), "metrics");
    for (size_t i = 0; i < spec->metric_count; i++) {
        const dz_observation *seen = &trial->observations[i];
        cJSON *entry = dz_build_item(build, metrics);
        dz_build_text(build, entry, "name", spec->metrics[i].name);
        dz_build_text(build, entry, "min", seen->min_text != NULL ? seen->min_text : UNAVAILABLE);
        dz_build_text(build, entry, "max", seen->max_text != NULL ? seen->max_text : UNAVAILABLE);
        dz_build_text(build, entry, "latest",
                      seen->latest_text != NULL ? seen->latest_text : UNAVAILABLE);
    }
}

/* ---- the ends ---- */

static cJSON *new_resource(dz_builder *build, const char *kind)
{
    cJSON *made = cJSON_CreateObject();
    if (made == NULL)
        build->failed = true;
    dz_build_text(build, made, "apiVersion", API_VERSION);
    dz_build_text(build, made, "kind", kind);
    return made;
}

static dozan_status give(dz_builder *build, dozan_status status, cJSON *made, cJSON **resource,
                         dozan_error *err)
{
    if (status == DOZAN_OK && build->failed)
        status = dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    if (status == DOZAN_OK)
        *resource = made;
    else
        cJSON_Delete(made);
    return status;
}
