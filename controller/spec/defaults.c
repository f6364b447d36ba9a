/*
 * Katib's defaults. An empty string counts as absent, as it does to Katib. Each function adds one
 * group; all of them answer false only when there is no memory left.
 */
#include "spec/defaults.h"

#include <string.h>

typedef struct kind_default {
    const char *kind;
    const char *success;
    const char *failure;
    const char *labels[2][2]; /* primaryPodLabels: name and value */
} kind_default;

#define CONDITION(type) "status.conditions.#(type==\"" type "\")#|#(status==\"True\")#"
#define MASTER                                                                                     \
    {                                                                                              \
        {                                                                                          \
            "training.kubeflow.org/job-role", "master"                                             \
        }                                                                                          \
    }

static const kind_default kind_defaults[] = {
    {"Job", CONDITION("Complete"), CONDITION("Failed"), {{NULL, NULL}}},
    {"TFJob", CONDITION("Succeeded"), CONDITION("Failed"), MASTER},
    {"PyTorchJob", CONDITION("Succeeded"), CONDITION("Failed"), MASTER},
    {"XGBoostJob", CONDITION("Succeeded"), CONDITION("Failed"), MASTER},
    {"MPIJob", CONDITION("Succeeded"), CONDITION("Failed"), MASTER},
    {"TrainJob",
     CONDITION("Complete"),
     CONDITION("Failed"),
     {{"jobset.sigs.k8s.io/replicatedjob-name", "node"},
      {"batch.kubernetes.io/job-completion-index", "0"}}},
};

static dz_node *raw_member(const dz_node *map, const char *key);
static bool default_namespace(dz_tree *tree, dz_node *root);
static bool default_parallel(dz_tree *tree, dz_node *spec);
static bool default_template(dz_tree *tree, dz_node *trial_template);
static bool default_collector(dz_tree *tree, dz_node *spec);
static bool default_distributions(dz_tree *tree, dz_node *parameters);
static bool default_algorithm(dz_tree *tree, dz_node *spec);
static void quote_conditions(dz_node *parameters);

bool dz_defaults_apply(dz_tree *tree)
{
    dz_node *root = dz_tree_root(tree);
    dz_node *spec = dz_node_get(root, "spec");

    if (spec == NULL || spec->kind != DZ_NODE_MAP) {
        return true;
    }
    quote_conditions(dz_node_get(spec, "parameters"));
    return default_namespace(tree, root) && default_parallel(tree, spec) &&
           default_algorithm(tree, spec) && dz_default_text(tree, spec, "resumePolicy", "Never") &&
           dz_default_objectives(tree, spec) &&
           default_template(tree, dz_node_get(spec, "trialTemplate")) &&
           dz_default_leases(tree, spec) && default_collector(tree, spec) &&
           default_distributions(tree, dz_node_get(spec, "parameters")) &&
           dz_defaults_resource(tree, spec);
}

bool dz_default_text(dz_tree *tree, dz_node *map, const char *key, const char *text)
{
    dz_node *member = raw_member(map, key);

    if (member == NULL) {
        return dz_tree_add_text(tree, map, key, text) != NULL;
    }
    if (dz_node_is(member, DZ_SCALAR_NULL) ||
        (dz_node_is(member, DZ_SCALAR_STRING) && member->text[0] == '\0')) {
        member->text = dz_tree_text(tree, text, strlen(text));
        member->scalar.kind = DZ_SCALAR_STRING;
        member->defaulted = true;
    }
    return member->text != NULL || member->kind != DZ_NODE_SCALAR;
}

dz_node *dz_default_map(dz_tree *tree, dz_node *map, const char *key)
{
    dz_node *member = raw_member(map, key);

    if (member == NULL) {
        return dz_tree_add(tree, map, key, DZ_NODE_MAP);
    }
    if (dz_node_is(member, DZ_SCALAR_NULL)) {
        member->kind = DZ_NODE_MAP;
        member->defaulted = true;
    }
    return member;
}

dz_node *dz_default_list(dz_tree *tree, dz_node *map, const char *key)
{
    bool given = dz_node_get(map, key) != NULL;
    dz_node *member = dz_default_map(tree, map, key);

    if (member != NULL && !given) {
        member->kind = DZ_NODE_LIST;
    }
    return member;
}

/* The member even when it is null. */
static dz_node *raw_member(const dz_node *map, const char *key)
{
    for (dz_node *child = map->first; child != NULL; child = child->next) {
        if (strcmp(child->key, key) == 0) {
            return child;
        }
    }
    return NULL;
}

static bool default_namespace(dz_tree *tree, dz_node *root)
{
    dz_node *metadata = dz_node_get(root, "metadata");

    return metadata == NULL || metadata->kind != DZ_NODE_MAP ||
           dz_default_text(tree, metadata, "namespace", "default");
}

static bool default_parallel(dz_tree *tree, dz_node *spec)
{
    dz_node *member = raw_member(spec, "parallelTrialCount");

    if (member == NULL) {
        return dz_tree_add_int(tree, spec, "parallelTrialCount", DZ_DEFAULT_PARALLEL_TRIALS) !=
               NULL;
    }
    if (dz_node_is(member, DZ_SCALAR_NULL)) {
        member->text = "3";
        member->scalar = dz_scalar_resolve(member->text);
        member->defaulted = true;
    }
    return true;
}

static bool default_labels(dz_tree *tree, dz_node *trial_template, const kind_default *defaults)
{
    dz_node *labels = NULL;

    if (defaults->labels[0][0] == NULL) {
        return true;
    }
    labels = dz_default_map(tree, trial_template, "primaryPodLabels");
    if (labels == NULL || labels->kind != DZ_NODE_MAP || labels->count > 0) {
        return labels != NULL;
    }
    for (size_t i = 0; i < 2 && defaults->labels[i][0] != NULL; i++) {
        if (dz_tree_add_text(tree, labels, defaults->labels[i][0], defaults->labels[i][1]) ==
            NULL) {
            return false;
        }
    }
    return true;
}

/* The conditions by the kind of the template's object, whatever its apiVersion. */
static bool default_template(dz_tree *tree, dz_node *trial_template)
{
    const char *kind = dz_node_string(dz_node_get(trial_template, "trialSpec"), "kind");

    for (size_t i = 0; kind != NULL && i < sizeof kind_defaults / sizeof kind_defaults[0]; i++) {
        const kind_default *defaults = &kind_defaults[i];
        if (strcmp(defaults->kind, kind) == 0) {
            return dz_default_text(tree, trial_template, "successCondition", defaults->success) &&
                   dz_default_text(tree, trial_template, "failureCondition", defaults->failure) &&
                   default_labels(tree, trial_template, defaults);
        }
    }
    return true;
}

static bool default_http(dz_tree *tree, dz_node *source)
{
    dz_node *http = dz_default_map(tree, source, "httpGet");

    if (http == NULL || http->kind != DZ_NODE_MAP) {
        return http != NULL;
    }
    return dz_default_text(tree, http, "path", "/metrics") &&
           (raw_member(http, "port") != NULL || dz_tree_add_int(tree, http, "port", 8080) != NULL);
}

static bool default_path(dz_tree *tree, dz_node *source, bool file)
{
    dz_node *path = dz_default_map(tree, source, "fileSystemPath");

    if (path == NULL || path->kind != DZ_NODE_MAP) {
        return path != NULL;
    }
    return dz_default_text(tree, path, "kind", file ? "File" : "Directory") &&
           dz_default_text(tree, path, "path",
                           file ? "/var/log/katib/metrics.log" : "/var/log/katib/tfevent/") &&
           (!file || dz_default_text(tree, path, "format", "TEXT"));
}

static bool default_collector(dz_tree *tree, dz_node *spec)
{
    dz_node *collector_spec = dz_default_map(tree, spec, "metricsCollectorSpec");
    dz_node *collector = NULL;
    dz_node *source = NULL;
    const char *kind = NULL;

    if (collector_spec == NULL || collector_spec->kind != DZ_NODE_MAP) {
        return collector_spec != NULL;
    }
    collector = dz_node_get(collector_spec, "collector");
    if (collector == NULL) {
        collector = dz_default_map(tree, collector_spec, "collector");
        return collector != NULL && dz_default_text(tree, collector, "kind", "StdOut");
    }
    kind = dz_node_string(collector, "kind");
    if (kind == NULL || (strcmp(kind, "PrometheusMetric") != 0 && strcmp(kind, "File") != 0 &&
                         strcmp(kind, "TensorFlowEvent") != 0)) {
        return true;
    }
    source = dz_default_map(tree, collector_spec, "source");
    if (source == NULL || source->kind != DZ_NODE_MAP) {
        return source != NULL;
    }
    return kind[0] == 'P' ? default_http(tree, source) : default_path(tree, source, kind[0] == 'F');
}

static bool default_distributions(dz_tree *tree, dz_node *parameters)
{
    if (parameters == NULL || parameters->kind != DZ_NODE_LIST) {
        return true;
    }
    for (dz_node *parameter = parameters->first; parameter != NULL; parameter = parameter->next) {
        dz_node *space = dz_node_get(parameter, "feasibleSpace");
        if (space != NULL && space->kind == DZ_NODE_MAP &&
            !dz_default_text(tree, space, "distribution", "uniform")) {
            return false;
        }
    }
    return true;
}

static bool default_algorithm(dz_tree *tree, dz_node *spec)
{
    dz_node *algorithm = dz_default_map(tree, spec, "algorithm");

    return algorithm != NULL &&
           (algorithm->kind != DZ_NODE_MAP ||
            dz_default_text(tree, algorithm, "algorithmName", DZ_DEFAULT_ALGORITHM));
}

static void quote(dz_node *node)
{
    if (node != NULL && dz_node_is_number(node)) {
        node->scalar.kind = DZ_SCALAR_STRING;
    }
}

/* The values of a condition are texts, which a user may write as the numbers that they are. They
 * stay as written: "0.10" must not become 0.1 on the way through JSON. */
static void quote_conditions(dz_node *parameters)
{
    if (parameters == NULL || parameters->kind != DZ_NODE_LIST) {
        return;
    }
    for (dz_node *parameter = parameters->first; parameter != NULL; parameter = parameter->next) {
        dz_node *when = dz_node_get(parameter, "when");
        dz_node *values = dz_node_get(when, "in");

        quote(dz_node_get(parameter, "otherwise"));
        quote(dz_node_get(when, "min"));
        quote(dz_node_get(when, "max"));
        for (dz_node *value = values == NULL ? NULL : values->first; value != NULL;
             value = value->next) {
            quote(value);
        }
    }
}
