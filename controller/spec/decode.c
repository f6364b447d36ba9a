/*
 * Decoding. Only a tree that passed every check gets here, so that there is nothing left to
 * complain about: a field is there and right, or absent.
 */
#include "spec/decode.h"

#include "spec/defaults.h"
#include "spec/units.h"
#include "spec/validate.h"

#include <stdlib.h>
#include <string.h>

/* A specification and what it borrows from. */
typedef struct owner {
    dz_experiment_spec spec; /* first: the one is found from the other */
    dz_tree *tree;
} owner;

static bool decode_document(dz_experiment_spec *spec, dz_node *root);
static bool decode_parameters(dz_experiment_spec *spec, dz_tree *tree, const dz_node *list);
static bool decode_metrics(dz_experiment_spec *spec, dz_tree *tree, const dz_node *objective);
static bool decode_goals(dz_experiment_spec *spec, dz_tree *tree, const dz_node *root);
static bool decode_warm_start(dz_experiment_spec *spec, dz_tree *tree, const dz_node *node);
static bool decode_settings(dz_tree *tree, const dz_node *algorithm, char **name,
                            dozan_pair **settings, size_t *count);
static void decode_budget(dz_experiment_spec *spec, const dz_node *root);
static bool decode_collector(dz_experiment_spec *spec, dz_tree *tree, const dz_node *node);
static bool decode_template(dz_experiment_spec *spec, dz_tree *tree, const dz_node *node);
static bool decode_points(dz_experiment_spec *spec, dz_tree *tree, const dz_node *points);

/* A member's text for the caller to have: the tree's memory is the specification's own. NULL when
 * absent or empty. */
static char *text_of(dz_tree *tree, const dz_node *map, const char *key, bool *ok)
{
    const char *text = dz_node_string(map, key);
    char *copy = text == NULL ? NULL : dz_tree_text(tree, text, strlen(text));

    *ok = *ok && (text == NULL || copy != NULL);
    return copy;
}

/* An array with a place for each of a list's entries; never NULL but without memory. */
static void *array_for(dz_tree *tree, const dz_node *list, size_t size, size_t *count)
{
    *count = list != NULL && list->kind == DZ_NODE_LIST ? list->count : 0;
    return dz_tree_alloc(tree, size * (*count > 0 ? *count : 1));
}

dz_experiment_spec *dz_decode_experiment(dz_tree *tree)
{
    owner *made = calloc(1, sizeof *made);
    dz_node *root = dz_tree_root(tree);
    const dz_node *metadata = dz_node_get(root, "metadata");
    const dz_node *spec = dz_node_get(root, "spec");
    dz_experiment_spec *out = made == NULL ? NULL : &made->spec;
    bool ok = out != NULL;

    if (out == NULL) {
        return NULL;
    }
    out->name = text_of(tree, metadata, "name", &ok);
    out->namespace_ = text_of(tree, metadata, "namespace", &ok);
    decode_budget(out, spec);
    ok = ok && decode_document(out, root) &&
         decode_parameters(out, tree, dz_node_get(spec, "parameters")) &&
         decode_metrics(out, tree, dz_node_get(spec, "objective")) &&
         decode_goals(out, tree, spec) &&
         decode_warm_start(out, tree, dz_node_get(spec, "warmStart")) &&
         decode_settings(tree, dz_node_get(spec, "algorithm"), &out->algorithm,
                         &out->algorithm_settings, &out->algorithm_setting_count) &&
         decode_settings(tree, dz_node_get(spec, "earlyStopping"), &out->early_stopping,
                         &out->early_stopping_settings, &out->early_stopping_setting_count) &&
         decode_collector(out, tree, dz_node_get(spec, "metricsCollectorSpec")) &&
         decode_template(out, tree, dz_node_get(spec, "trialTemplate")) &&
         decode_points(out, tree, dz_node_get(spec, "initialPoints"));
    if (!ok) {
        dz_spec_destroy(out);
        return NULL;
    }
    made->tree = tree;
    return out;
}

void dz_spec_destroy(dz_experiment_spec *spec)
{
    if (spec != NULL) {
        cJSON_Delete(spec->document);
        dz_tree_destroy(((owner *)spec)->tree);
        free(spec);
    }
}

/* The texts of a list's strings, as long as the tree lives; NULL when there is no memory. */
static const char **texts_of(dz_tree *tree, const dz_node *list, size_t *count)
{
    const char **texts = array_for(tree, list, sizeof *texts, count);

    for (const dz_node *entry = texts == NULL || *count == 0 ? NULL : list->first; entry != NULL;
         entry = entry->next) {
        texts[entry->index] = dz_node_is(entry, DZ_SCALAR_STRING) ? entry->text : "";
    }
    return texts;
}

static bool decode_when(dz_tree *tree, const dz_node *node, const dozan_condition **when)
{
    dozan_condition *made = NULL;

    if (node == NULL || node->kind != DZ_NODE_MAP) {
        return true;
    }
    made = dz_tree_alloc(tree, sizeof *made);
    if (made == NULL) {
        return false;
    }
    made->parameter = dz_node_string(node, "parameter");
    made->min = dz_node_string(node, "min");
    made->max = dz_node_string(node, "max");
    made->values = texts_of(tree, dz_node_get(node, "in"), &made->value_count);
    *when = made;
    return made->values != NULL;
}

bool dz_decode_parameter(dz_tree *tree, const dz_node *node, dozan_parameter *parameter)
{
    const dz_node *space = dz_node_get(node, "feasibleSpace");
    const char *type = dz_node_string(node, "parameterType");
    const char *distribution = dz_node_string(space, "distribution");
    int type_value = type == NULL ? -1 : DZ_WORD_VALUE(dz_type_words, type);
    int distribution_value =
        distribution == NULL ? -1 : DZ_WORD_VALUE(dz_distribution_words, distribution);

    *parameter = (dozan_parameter){
        .name = dz_node_string(node, "name"),
        .type = (dozan_parameter_type)(type_value > 0 ? type_value : 0),
        .distribution = (dozan_distribution)(distribution_value > 0 ? distribution_value : 0),
        .min = dz_node_string(space, "min"),
        .max = dz_node_string(space, "max"),
        .step = dz_node_string(space, "step"),
    };
    parameter->list = texts_of(tree, dz_node_get(space, "list"), &parameter->list_count);
    return parameter->list != NULL &&
           decode_when(tree, dz_node_get(node, "when"), &parameter->when);
}

/* The document as it is shown: apiVersion, kind, metadata and spec, whatever else was in the file.
 */
static bool decode_document(dz_experiment_spec *spec, dz_node *root)
{
    static const char *const fields[] = {"apiVersion", "kind", "metadata", "spec"};

    spec->document = cJSON_CreateObject();
    for (size_t i = 0; i < sizeof fields / sizeof fields[0] && spec->document != NULL; i++) {
        const dz_node *node = dz_node_get(root, fields[i]);
        cJSON *json = node == NULL ? NULL : dz_node_json(node);
        if (json == NULL || !cJSON_AddItemToObject(spec->document, fields[i], json)) {
            cJSON_Delete(json);
            return false;
        }
    }
    return spec->document != NULL;
}

static bool decode_parameters(dz_experiment_spec *spec, dz_tree *tree, const dz_node *list)
{
    bool ok = true;

    spec->parameters = array_for(tree, list, sizeof *spec->parameters, &spec->parameter_count);
    spec->otherwise = array_for(tree, list, sizeof *spec->otherwise, &spec->parameter_count);
    if (spec->parameters == NULL || spec->otherwise == NULL) {
        return false;
    }
    for (const dz_node *node = spec->parameter_count == 0 ? NULL : list->first; node != NULL;
         node = node->next) {
        dozan_parameter *parameter = &spec->parameters[node->index];
        if (!dz_decode_parameter(tree, node, parameter)) {
            return false;
        }
        if (parameter->type == DOZAN_DISCRETE || parameter->type == DOZAN_CATEGORICAL) {
            parameter->distribution = DOZAN_UNIFORM;
        }
        spec->otherwise[node->index] = text_of(tree, node, "otherwise", &ok);
    }
    return ok;
}

static dz_strategy strategy_of(const dz_node *objective, const char *metric)
{
    const dz_node *strategies = dz_node_get(objective, "metricStrategies");

    for (const dz_node *entry = strategies->first; entry != NULL; entry = entry->next) {
        const char *name = dz_node_string(entry, "name");
        if (name != NULL && strcmp(name, metric) == 0) {
            return (dz_strategy)DZ_WORD_VALUE(dz_strategy_words, dz_node_string(entry, "value"));
        }
    }
    return DZ_STRATEGY_LATEST; /* not reached: the defaults give every metric one */
}

static bool decode_metrics(dz_experiment_spec *spec, dz_tree *tree, const dz_node *objective)
{
    const dz_node *others = dz_node_get(objective, "additionalMetricNames");
    const dz_node *goal = dz_node_get(objective, "goal");
    const dz_node *other = others == NULL ? NULL : others->first;
    size_t count = 1 + (others == NULL ? 0 : others->count);
    bool ok = true;

    spec->maximize = strcmp(dz_node_string(objective, "type"), "maximize") == 0;
    spec->has_goal = goal != NULL;
    spec->goal = goal == NULL ? 0.0 : goal->scalar.number;
    spec->metrics = dz_tree_alloc(tree, count * sizeof *spec->metrics);
    if (spec->metrics == NULL) {
        return false;
    }
    spec->metric_count = count;
    spec->metrics[0].name = text_of(tree, objective, "objectiveMetricName", &ok);
    for (size_t i = 1; i < count && ok; i++, other = other->next) {
        spec->metrics[i].name = dz_tree_text(tree, other->text, strlen(other->text));
        ok = spec->metrics[i].name != NULL;
    }
    for (size_t i = 0; i < count && ok; i++) {
        spec->metrics[i].strategy = strategy_of(objective, spec->metrics[i].name);
    }
    return ok;
}

/* The index of a metric that the defaults have made one. */
static size_t metric_of(const dz_experiment_spec *spec, const dz_node *entry)
{
    const char *name = dz_metric_node(entry)->text;
    size_t i = 0;

    while (i + 1 < spec->metric_count && strcmp(spec->metrics[i].name, name) != 0) {
        i++;
    }
    return i;
}

static bool decode_bounds(dz_experiment_spec *spec, dz_tree *tree, const dz_node *list)
{
    spec->constraints = array_for(tree, list, sizeof *spec->constraints, &spec->constraint_count);
    if (spec->constraints == NULL) {
        return false;
    }
    for (const dz_node *entry = spec->constraint_count == 0 ? NULL : list->first; entry != NULL;
         entry = entry->next) {
        const dz_node *min = dz_node_get(entry, "min");
        const dz_node *max = dz_node_get(entry, "max");
        spec->constraints[entry->index] = (dz_constraint){
            .metric = metric_of(spec, entry),
            .has_min = min != NULL,
            .has_max = max != NULL,
            .min = min == NULL ? 0.0 : min->scalar.number,
            .max = max == NULL ? 0.0 : max->scalar.number,
        };
    }
    return true;
}

/* Objectives and constraints. Without a list, spec.objective is the only objective. */
static bool decode_goals(dz_experiment_spec *spec, dz_tree *tree, const dz_node *root)
{
    const dz_node *list = dz_node_get(root, "objectives");

    spec->objectives = array_for(tree, list, sizeof *spec->objectives, &spec->objective_count);
    if (spec->objectives == NULL) {
        return false;
    }
    for (const dz_node *entry = spec->objective_count == 0 ? NULL : list->first; entry != NULL;
         entry = entry->next) {
        spec->objectives[entry->index] = (dz_objective){
            metric_of(spec, entry), strcmp(dz_node_string(entry, "type"), "maximize") == 0};
    }
    if (spec->objective_count == 0) {
        spec->objectives[0] = (dz_objective){0, spec->maximize};
        spec->objective_count = 1;
    }
    return decode_bounds(spec, tree, dz_node_get(root, "constraints"));
}

static bool decode_settings(dz_tree *tree, const dz_node *algorithm, char **name,
                            dozan_pair **settings, size_t *count)
{
    const dz_node *list = dz_node_get(algorithm, "algorithmSettings");
    bool ok = true;

    *name = text_of(tree, algorithm, "algorithmName", &ok);
    *settings = array_for(tree, list, sizeof **settings, count);
    if (*settings == NULL) {
        return false;
    }
    for (const dz_node *entry = *count == 0 ? NULL : list->first; entry != NULL;
         entry = entry->next) {
        (*settings)[entry->index] = (dozan_pair){
            .name = dz_node_get(entry, "name")->text,
            .value = dz_node_get(entry, "value")->text,
        };
    }
    return ok;
}

/* A whole number that the checks have found in range. */
static int32_t int_of(const dz_node *map, const char *key, int32_t absent)
{
    const dz_node *node = dz_node_get(map, key);

    return node == NULL ? absent : (int32_t)node->scalar.number;
}

static int64_t duration_of(const dz_node *map, const char *key)
{
    const dz_node *node = dz_node_get(map, key);
    int64_t duration_ms = 0;

    return node != NULL && dz_duration_parse(node->text, &duration_ms) ? duration_ms : 0;
}

static void decode_budget(dz_experiment_spec *spec, const dz_node *root)
{
    const dz_node *seed = dz_node_get(root, "seed");
    const dz_node *policy = dz_node_get(root, "resumePolicy");

    spec->parallel_trial_count = int_of(root, "parallelTrialCount", 1);
    spec->max_trial_count = int_of(root, "maxTrialCount", 0);
    spec->max_failed_trial_count = int_of(root, "maxFailedTrialCount", -1);
    spec->resume_policy = (dz_resume_policy)DZ_WORD_VALUE(dz_resume_words, policy->text);
    spec->resume_policy_given = !policy->defaulted;
    spec->has_seed = seed != NULL;
    spec->seed = seed == NULL ? 0 : dz_scalar_resolve(seed->text).magnitude;
    spec->retries = int_of(root, "retries", 0);
    spec->trial_timeout_ms = duration_of(root, "trialTimeout");
    spec->max_runtime_ms = duration_of(root, "maxRuntime");
    spec->lease_ms = duration_of(dz_node_get(root, "leases"), "duration");
}

static bool decode_warm_start(dz_experiment_spec *spec, dz_tree *tree, const dz_node *node)
{
    const dz_node *list = dz_node_get(node, "experiments");

    spec->warm_experiments =
        array_for(tree, list, sizeof *spec->warm_experiments, &spec->warm_experiment_count);
    spec->warm_max_trials = int_of(node, "maxTrials", DZ_DEFAULT_WARM_TRIALS);
    if (spec->warm_experiments == NULL) {
        return false;
    }
    for (const dz_node *entry = spec->warm_experiment_count == 0 ? NULL : list->first;
         entry != NULL; entry = entry->next) {
        char *name = dz_tree_text(tree, entry->text, strlen(entry->text));
        if (name == NULL) {
            return false;
        }
        spec->warm_experiments[entry->index] = name;
    }
    return true;
}

static bool decode_collector(dz_experiment_spec *spec, dz_tree *tree, const dz_node *node)
{
    const dz_node *source = dz_node_get(node, "source");
    const dz_node *path = dz_node_get(source, "fileSystemPath");
    const dz_node *formats = dz_node_get(dz_node_get(source, "filter"), "metricsFormat");
    const char *kind = dz_node_string(dz_node_get(node, "collector"), "kind");
    const char *format = dz_node_string(path, "format");
    bool ok = true;

    spec->collector = (dz_collector_kind)DZ_WORD_VALUE(dz_collector_words, kind);
    if (spec->collector == DZ_COLLECTOR_FILE || spec->collector == DZ_COLLECTOR_TENSORFLOW_EVENT ||
        (spec->collector == DZ_COLLECTOR_CUSTOM && dz_node_get(path, "path") != NULL)) {
        const char *path_kind = dz_node_string(path, "kind");
        size_t size = 0;
        spec->collector_path = text_of(tree, path, "path", &ok);
        spec->collector_path_is_file = path_kind != NULL && strcmp(path_kind, "File") == 0;
        size = spec->collector_path != NULL ? strlen(spec->collector_path) : 0;
        while (size > 1 && spec->collector_path[size - 1] == '/') {
            spec->collector_path[--size] = '\0';
        }
    }
    if (spec->collector == DZ_COLLECTOR_FILE) {
        spec->collector_format =
            format != NULL && strcmp(format, "JSON") == 0 ? DZ_FORMAT_JSON : DZ_FORMAT_TEXT;
    }
    spec->metrics_format =
        array_for(tree, formats, sizeof *spec->metrics_format, &spec->metrics_format_count);
    if (spec->metrics_format == NULL) {
        return false;
    }
    for (const dz_node *entry = spec->metrics_format_count == 0 ? NULL : formats->first;
         entry != NULL && ok; entry = entry->next) {
        spec->metrics_format[entry->index] = dz_tree_text(tree, entry->text, strlen(entry->text));
        ok = spec->metrics_format[entry->index] != NULL;
    }
    return ok;
}

static bool decode_template(dz_experiment_spec *spec, dz_tree *tree, const dz_node *node)
{
    const dz_node *list = dz_node_get(node, "trialParameters");
    const dz_node *retain = dz_node_get(node, "retain");
    cJSON *shown = cJSON_GetObjectItemCaseSensitive(spec->document, "spec");
    bool ok = true;

    shown = cJSON_GetObjectItemCaseSensitive(shown, "trialTemplate");
    spec->trial_spec = cJSON_GetObjectItemCaseSensitive(shown, "trialSpec");
    spec->retain = retain != NULL && retain->scalar.truth;
    spec->primary_container_name = text_of(tree, node, "primaryContainerName", &ok);
    spec->success_condition = text_of(tree, node, "successCondition", &ok);
    spec->failure_condition = text_of(tree, node, "failureCondition", &ok);
    spec->trial_parameters =
        array_for(tree, list, sizeof *spec->trial_parameters, &spec->trial_parameter_count);
    if (spec->trial_parameters == NULL) {
        return false;
    }
    for (const dz_node *entry = spec->trial_parameter_count == 0 ? NULL : list->first;
         entry != NULL; entry = entry->next) {
        dz_trial_parameter *made = &spec->trial_parameters[entry->index];
        made->name = text_of(tree, entry, "name", &ok);
        made->reference = text_of(tree, entry, "reference", &ok);
        made->description = text_of(tree, entry, "description", &ok);
    }
    return ok;
}

static bool decode_points(dz_experiment_spec *spec, dz_tree *tree, const dz_node *points)
{
    spec->initial_points =
        array_for(tree, points, sizeof *spec->initial_points, &spec->initial_point_count);
    if (spec->initial_points == NULL) {
        return false;
    }
    for (const dz_node *point = spec->initial_point_count == 0 ? NULL : points->first;
         point != NULL; point = point->next) {
        dz_initial_point *made = &spec->initial_points[point->index];
        made->assignments =
            dz_tree_alloc(tree, (spec->parameter_count + 1) * sizeof *made->assignments);
        if (made->assignments == NULL) {
            return false;
        }
        for (size_t i = 0; i < spec->parameter_count; i++) {
            const char *name = spec->parameters[i].name;
            const dz_node *value = dz_node_get(point, name);
            if (value != NULL) { /* the others are not active at this point */
                made->assignments[made->count++] = (dozan_pair){name, value->text};
            }
        }
    }
    return true;
}
