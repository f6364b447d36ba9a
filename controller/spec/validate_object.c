/*
 * The verdicts on the object of the trial template: what Katib demands of any object, Kubernetes'
 * types for a Job or a Pod, and that the primary container can be found in it.
 */
#include "spec/validate.h"

#include "spec/experiment.h"
#include "spec/schema.h"

#include <string.h>

static void check_head(const dz_check *check, const dz_node *object);
static void check_pod(const dz_check *check, const dz_node *pod);
static void check_container(const dz_check *check, const dz_node *container);
static void check_shell(const dz_check *check, const dz_node *command);
static bool is_kind(const dz_node *object, const char *version, const char *kind);

void dz_check_trial_object(const dz_check *check, dz_node *object)
{
    const dz_node *spec = dz_node_get(object, "spec");
    const dz_node *kind = dz_node_get(object, "kind");
    bool job = is_kind(object, "batch/v1", "Job");

    check_head(check, object);
    if (job) {
        dz_schema_check(&dz_schema_job, object, check->findings);
        check_pod(check, dz_node_get(dz_node_get(spec, "template"), "spec"));
    } else if (is_kind(object, "v1", "Pod")) {
        dz_schema_check(&dz_schema_pod, object, check->findings);
        check_pod(check, spec);
    } else if (dz_node_is(kind, DZ_SCALAR_STRING)) {
        dz_warn_not_here(
            check->findings, kind, NULL,
            "kind %.64s needs a cluster and cannot be run on this machine: a batch/v1 Job or a v1 "
            "Pod can",
            kind->text);
    }
    if ((job || is_kind(object, "v1", "Pod")) && spec == NULL) {
        dz_reject(check->findings, object, "spec", "must be specified");
    }
}

static bool is_kind(const dz_node *object, const char *version, const char *kind)
{
    const char *object_version = dz_node_string(object, "apiVersion");
    const char *object_kind = dz_node_string(object, "kind");

    return object_version != NULL && object_kind != NULL && strcmp(object_version, version) == 0 &&
           strcmp(object_kind, kind) == 0;
}

static void check_head(const dz_check *check, const dz_node *object)
{
    static const char *const fields[] = {"apiVersion", "kind"};
    static const char *const omitted[] = {"name", "namespace"};
    const dz_node *metadata = dz_node_get(object, "metadata");

    for (size_t i = 0; i < 2; i++) {
        const dz_node *field = dz_node_get(object, fields[i]);
        if (dz_node_blank(field)) {
            dz_reject(check->findings, object, fields[i],
                      "APIVersion and Kind in spec.trialTemplate must be specified");
        } else if (!dz_node_is(field, DZ_SCALAR_STRING)) {
            dz_reject(check->findings, field, NULL, "must be a string");
        }
    }
    for (size_t i = 0; i < 2; i++) {
        const dz_node *field = dz_node_get(metadata, omitted[i]);
        if (!dz_node_blank(field)) {
            dz_reject(check->findings, field, NULL,
                      "metadata.name and metadata.namespace in spec.trialTemplate must be omitted: "
                      "each trial gets its own");
        }
    }
}

static void check_pod(const dz_check *check, const dz_node *pod)
{
    const dz_node *trial_template = dz_node_get(check->spec, "trialTemplate");
    const dz_node *primary = dz_node_get(trial_template, "primaryContainerName");
    const dz_node *containers = dz_node_get(pod, "containers");
    const dz_node *init = dz_node_get(pod, "initContainers");
    const dz_node *found = NULL;

    if (pod == NULL || pod->kind != DZ_NODE_MAP || !dz_node_is(primary, DZ_SCALAR_STRING) ||
        (containers != NULL && containers->kind != DZ_NODE_LIST)) {
        return;
    }
    for (const dz_node *entry = containers == NULL ? NULL : containers->first;
         entry != NULL && found == NULL; entry = entry->next) {
        const char *name = dz_node_string(entry, "name");
        found = name != NULL && strcmp(name, primary->text) == 0 ? entry : NULL;
    }
    if (found == NULL && primary->text[0] != '\0') {
        dz_reject(check->findings, primary, NULL,
                  "\"%.64s\" is the name of no container in spec.trialTemplate.trialSpec: one of "
                  "its containers must have it",
                  primary->text);
    }
    if (found != NULL) {
        check_container(check, found);
    }
    if ((containers != NULL && containers->count > 1) || init != NULL) {
        dz_warn(check->findings, containers != NULL && containers->count > 1 ? containers : init,
                NULL, "only the primary container, \"%.64s\", is run on this machine",
                primary->text);
    }
}

static void check_container(const dz_check *check, const dz_node *container)
{
    const dz_node *command = dz_node_get(container, "command");

    if (command == NULL || (command->kind == DZ_NODE_LIST && command->count == 0)) {
        dz_warn_not_here(
            check->findings, container, "command",
            "is not given: an image's own command cannot be run on this machine, so state it");
    } else if (command->kind == DZ_NODE_LIST) {
        check_shell(check, command);
    }
}

/* The trap in Katib's way with a shell: it knows sh and bash by these names only. */
static void check_shell(const dz_check *check, const dz_node *command)
{
    const dz_node *collector = dz_node_get(check->spec, "metricsCollectorSpec");
    const char *kind = dz_node_string(dz_node_get(collector, "collector"), "kind");
    const dz_node *shell = command->first;

    if (kind == NULL || (strcmp(kind, "StdOut") != 0 && strcmp(kind, "File") != 0 &&
                         strcmp(kind, "TensorFlowEvent") != 0)) {
        return;
    }
    if (command->count > 1 && dz_node_is(shell, DZ_SCALAR_STRING) &&
        (strcmp(shell->text, "/bin/sh") == 0 || strcmp(shell->text, "/bin/bash") == 0) &&
        dz_node_is(shell->next, DZ_SCALAR_STRING) && strcmp(shell->next->text, "-c") == 0) {
        dz_warn(check->findings, shell, NULL,
                "with this collector the words of the command are joined by spaces and read by a "
                "shell once more, as in Katib, which takes apart the script behind -c: write %s "
                "instead of %s to have it run as it is",
                strrchr(shell->text, '/') + 1, shell->text);
    }
}
