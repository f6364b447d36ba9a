/*
 * The defaults of what is measured. Katib's spec.objective is always there in the end, whichever
 * way the user has said what is sought: the first of spec.objectives fills it in, and the metrics
 * of the others and of the constraints become additional metrics. So all that reads Katib's fields
 * needs to know of no others.
 */
#include "spec/defaults.h"

#include "spec/experiment.h"

#include <string.h>

static bool fill_objective(dz_tree *tree, dz_node *spec, const dz_node *first);
static bool add_objectives(dz_tree *tree, dz_node *objective, const dz_node *list);
static bool add_constraints(dz_tree *tree, dz_node *objective, const dz_node *list);
static bool default_strategies(dz_tree *tree, dz_node *objective);
static const char *strategy_word(const char *type);

/* A list of at most that many entries. */
static bool is_list(const dz_node *node, uint32_t most)
{
    return node != NULL && node->kind == DZ_NODE_LIST && node->count <= most;
}

const dz_node *dz_metric_node(const dz_node *entry)
{
    const dz_node *metric = dz_node_get(entry, "metric");

    return metric != NULL ? metric : dz_node_get(entry, "objectiveMetricName");
}

static const char *metric_of(const dz_node *entry)
{
    const dz_node *node = dz_metric_node(entry);

    return dz_node_is(node, DZ_SCALAR_STRING) && node->text[0] != '\0' ? node->text : NULL;
}

bool dz_default_objectives(dz_tree *tree, dz_node *spec)
{
    const dz_node *objectives = dz_node_get(spec, "objectives");
    const dz_node *constraints = dz_node_get(spec, "constraints");
    dz_node *objective = NULL;
    bool ok = true;

    if (is_list(objectives, DZ_MAX_OBJECTIVES) && objectives->count > 0) {
        ok = fill_objective(tree, spec, objectives->first);
    }
    objective = dz_node_get(spec, "objective");
    if (!ok || objective == NULL || objective->kind != DZ_NODE_MAP ||
        dz_node_string(objective, "objectiveMetricName") == NULL) {
        return ok;
    }
    if (is_list(objectives, DZ_MAX_OBJECTIVES)) {
        ok = add_objectives(tree, objective, objectives);
    }
    if (ok && is_list(constraints, DZ_MAX_CONSTRAINTS)) {
        ok = add_constraints(tree, objective, constraints);
    }
    return ok && default_strategies(tree, objective);
}

/* What spec.objective leaves out is taken from the first objective. */
static bool fill_objective(dz_tree *tree, dz_node *spec, const dz_node *first)
{
    const char *type = dz_node_string(first, "type");
    const char *metric = metric_of(first);
    const dz_node *goal = dz_node_get(first, "goal");
    dz_node *objective = dz_default_map(tree, spec, "objective");
    dz_node *made = NULL;

    if (objective == NULL || objective->kind != DZ_NODE_MAP) {
        return objective != NULL;
    }
    if ((type != NULL && !dz_default_text(tree, objective, "type", type)) ||
        (metric != NULL && !dz_default_text(tree, objective, "objectiveMetricName", metric))) {
        return false;
    }
    if (!dz_node_is_number(goal) || dz_node_get(objective, "goal") != NULL) {
        return true;
    }
    if (!dz_default_text(tree, objective, "goal", goal->text)) {
        return false;
    }
    made = dz_node_get(objective, "goal");
    made->scalar = goal->scalar;
    return true;
}

static bool has_text(const dz_node *list, const char *text)
{
    for (const dz_node *entry = list->first; entry != NULL; entry = entry->next) {
        if (dz_node_is(entry, DZ_SCALAR_STRING) && strcmp(entry->text, text) == 0) {
            return true;
        }
    }
    return false;
}

static bool has_strategy(const dz_node *strategies, const char *metric)
{
    for (const dz_node *entry = strategies->first; entry != NULL; entry = entry->next) {
        const char *name = dz_node_string(entry, "name");
        if (name != NULL && strcmp(name, metric) == 0) {
            return true;
        }
    }
    return false;
}

static bool add_strategy(dz_tree *tree, dz_node *objective, const char *metric, const char *value)
{
    dz_node *strategies = dz_default_list(tree, objective, "metricStrategies");
    dz_node *entry = NULL;

    if (strategies == NULL || strategies->kind != DZ_NODE_LIST ||
        has_strategy(strategies, metric)) {
        return strategies != NULL;
    }
    entry = dz_tree_add(tree, strategies, NULL, DZ_NODE_MAP);
    return entry != NULL && dz_tree_add_text(tree, entry, "name", metric) != NULL &&
           dz_tree_add_text(tree, entry, "value", value) != NULL;
}

/* Makes it an additional metric of that strategy, where it is no metric of the objective's yet. */
static bool add_metric(dz_tree *tree, dz_node *objective, const char *metric, const char *strategy)
{
    const char *first = dz_node_string(objective, "objectiveMetricName");
    dz_node *names = NULL;

    if (strcmp(first, metric) == 0) {
        return true;
    }
    names = dz_default_list(tree, objective, "additionalMetricNames");
    if (names == NULL || names->kind != DZ_NODE_LIST) {
        return names != NULL;
    }
    if (!has_text(names, metric) && dz_tree_add_text(tree, names, NULL, metric) == NULL) {
        return false;
    }
    return add_strategy(tree, objective, metric, strategy);
}

static bool add_objectives(dz_tree *tree, dz_node *objective, const dz_node *list)
{
    for (const dz_node *entry = list->first; entry != NULL; entry = entry->next) {
        const char *metric = metric_of(entry);
        const char *strategy = strategy_word(dz_node_string(entry, "type"));

        if (metric != NULL && strategy != NULL && !add_metric(tree, objective, metric, strategy)) {
            return false;
        }
    }
    return true;
}

/* Which of its values would be the best is not known of a bounded metric: the last one counts. */
static bool add_constraints(dz_tree *tree, dz_node *objective, const dz_node *list)
{
    for (const dz_node *entry = list->first; entry != NULL; entry = entry->next) {
        const char *metric = metric_of(entry);

        if (metric != NULL && !add_metric(tree, objective, metric, "latest")) {
            return false;
        }
    }
    return true;
}

/* The strategy that a direction stands for, or NULL. */
static const char *strategy_word(const char *type)
{
    if (type == NULL || (strcmp(type, "minimize") != 0 && strcmp(type, "maximize") != 0)) {
        return NULL;
    }
    return type[1] == 'i' ? "min" : "max";
}

/* Every metric that is left without a strategy gets the objective's direction, the additional ones
 * too, as in Katib. */
static bool default_strategies(dz_tree *tree, dz_node *objective)
{
    const char *value = strategy_word(dz_node_string(objective, "type"));
    const dz_node *others = dz_node_get(objective, "additionalMetricNames");
    bool ok = true;

    if (value == NULL || (others != NULL && !is_list(others, DZ_MAX_METRICS))) {
        return true;
    }
    ok = add_strategy(tree, objective, dz_node_string(objective, "objectiveMetricName"), value);
    for (const dz_node *other = others == NULL ? NULL : others->first; ok && other != NULL;
         other = other->next) {
        ok = !dz_node_is(other, DZ_SCALAR_STRING) ||
             add_strategy(tree, objective, other->text, value);
    }
    return ok;
}
