/*
 * The verdicts on several objectives, on constraints, and on the results to begin with. That the
 * metrics are metrics of the experiment is the defaults' doing.
 */
#include "spec/validate.h"

#include "spec/defaults.h"

#include <math.h>
#include <string.h>

enum { MAX_WARM_EXPERIMENTS = 100, MAX_WARM_TRIALS = 100000 };

static void check_entry(const dz_check *check, const dz_node *list, const dz_node *entry);
static void check_agreement(const dz_check *check, const dz_node *first);
static void check_constraint(const dz_check *check, const dz_node *list, const dz_node *entry);
static bool check_metric(const dz_check *check, const dz_node *list, const dz_node *entry);

void dz_check_objectives(const dz_check *check)
{
    const dz_node *list = dz_node_get(check->spec, "objectives");
    const dz_node *stopping = dz_node_get(check->spec, "earlyStopping");

    if (list == NULL || list->kind != DZ_NODE_LIST) {
        return;
    }
    if (list->count == 0 || list->count > DZ_MAX_OBJECTIVES) {
        dz_reject(check->findings, list, NULL, "has %u entries, and must have from 1 to %d",
                  list->count, DZ_MAX_OBJECTIVES);
        return;
    }
    for (const dz_node *entry = list->first; entry != NULL; entry = entry->next) {
        if (entry->kind == DZ_NODE_MAP) {
            check_entry(check, list, entry);
        }
    }
    check_agreement(check, list->first);
    if (stopping != NULL && list->count > 1) {
        dz_reject(check->findings, stopping, NULL,
                  "judges a trial by the first objective alone, and would stop trials that are "
                  "good in the others: remove it, or keep one objective");
    }
}

void dz_check_constraints(const dz_check *check)
{
    const dz_node *list = dz_node_get(check->spec, "constraints");

    if (list == NULL || list->kind != DZ_NODE_LIST) {
        return;
    }
    if (list->count > DZ_MAX_CONSTRAINTS) {
        dz_reject(check->findings, list, NULL, "has %u entries; %d are allowed", list->count,
                  DZ_MAX_CONSTRAINTS);
        return;
    }
    for (const dz_node *entry = list->first; entry != NULL; entry = entry->next) {
        if (entry->kind == DZ_NODE_MAP) {
            check_constraint(check, list, entry);
        }
    }
}

static void check_entry(const dz_check *check, const dz_node *list, const dz_node *entry)
{
    const dz_node *type = dz_node_get(entry, "type");
    const dz_node *goal = dz_node_get(entry, "goal");

    if (type == NULL) {
        dz_reject(check->findings, entry, "type", "must be minimize or maximize");
    } else if (dz_node_is(type, DZ_SCALAR_STRING) && strcmp(type->text, "minimize") != 0 &&
               strcmp(type->text, "maximize") != 0) {
        dz_reject(check->findings, type, NULL, "is \"%.64s\", and must be minimize or maximize",
                  type->text);
    }
    (void)check_metric(check, list, entry);
    if (goal != NULL && entry->index > 0) {
        dz_reject(check->findings, goal, NULL,
                  "is given for an objective that is not the first: the experiment ends by the "
                  "goal of the first one alone; remove it");
    }
}

/* The entry names one metric, and no other entry names the same. */
static bool check_metric(const dz_check *check, const dz_node *list, const dz_node *entry)
{
    const dz_node *metric = dz_metric_node(entry);
    const dz_node *katib = dz_node_get(entry, "objectiveMetricName");
    char where[DZ_WHERE_TEXT];

    if (dz_node_blank(metric)) {
        dz_reject(check->findings, entry, "metric", "must be specified: the name of a metric");
        return false;
    }
    if (katib != NULL && katib != metric) {
        dz_reject(check->findings, katib, NULL, "is another word for metric: remove one of them");
        return false;
    }
    if (!dz_node_is(metric, DZ_SCALAR_STRING)) {
        return false;
    }
    for (const dz_node *other = list->first; other != entry; other = other->next) {
        const dz_node *given = dz_metric_node(other);
        if (dz_node_is(given, DZ_SCALAR_STRING) && strcmp(given->text, metric->text) == 0) {
            dz_reject(check->findings, metric, NULL,
                      "\"%.64s\" is given twice, first %s: remove one", metric->text,
                      dz_node_where(given, where));
            return false;
        }
    }
    return true;
}

/* One field of the first objective and of spec.objective, if both were written. */
static void check_same(const dz_check *check, const dz_node *mine, const dz_node *katib)
{
    char where[DZ_WHERE_TEXT];
    bool same = true;

    if (mine == NULL || katib == NULL || katib->defaulted || mine->kind != DZ_NODE_SCALAR ||
        katib->kind != DZ_NODE_SCALAR) {
        return;
    }
    if (dz_node_is_number(mine) && dz_node_is_number(katib)) {
        same = mine->scalar.number <= katib->scalar.number &&
               mine->scalar.number >= katib->scalar.number;
    } else {
        same = strcmp(mine->text, katib->text) == 0;
    }
    if (!same) {
        dz_reject(check->findings, mine, NULL,
                  "is %.64s, and spec.objective, which is the first objective, says %.64s %s: "
                  "make them the same, or remove spec.objective",
                  mine->text, katib->text, dz_node_where(katib, where));
    }
}

static void check_agreement(const dz_check *check, const dz_node *first)
{
    const dz_node *objective = dz_node_get(check->spec, "objective");

    check_same(check, dz_node_get(first, "type"), dz_node_get(objective, "type"));
    check_same(check, dz_metric_node(first), dz_node_get(objective, "objectiveMetricName"));
    check_same(check, dz_node_get(first, "goal"), dz_node_get(objective, "goal"));
}

static void check_constraint(const dz_check *check, const dz_node *list, const dz_node *entry)
{
    const dz_node *min = dz_node_get(entry, "min");
    const dz_node *max = dz_node_get(entry, "max");

    (void)check_metric(check, list, entry);
    if (min == NULL && max == NULL) {
        dz_reject(check->findings, entry, NULL, "has no bound: give min, max or both");
        return;
    }
    if ((min != NULL && !dz_node_is_number(min)) || (max != NULL && !dz_node_is_number(max))) {
        return;
    }
    for (int i = 0; i < 2; i++) {
        const dz_node *bound = i == 0 ? min : max;
        if (bound != NULL && !isfinite(bound->scalar.number)) {
            dz_reject(check->findings, bound, NULL, "\"%.64s\" is not a finite number",
                      bound->text);
            return;
        }
    }
    if (min != NULL && max != NULL && min->scalar.number > max->scalar.number) {
        dz_reject(check->findings, max, NULL,
                  "%.32s is less than min, %.32s: no trial would be feasible", max->text,
                  min->text);
    }
}

/* That there are such experiments is known only where there is a database. */
static void check_source(const dz_check *check, const dz_node *list, const dz_node *name)
{
    const char *own = dz_node_string(dz_node_get(check->root, "metadata"), "name");

    if (!dz_node_is(name, DZ_SCALAR_STRING)) {
        return;
    }
    if (name->text[0] == '\0') {
        dz_reject(check->findings, name, NULL, "must not be empty");
    } else if (own != NULL && strcmp(own, name->text) == 0) {
        dz_reject(check->findings, name, NULL,
                  "is this experiment itself: name earlier ones, and give this one another name");
    }
    for (const dz_node *other = list->first; other != name; other = other->next) {
        if (dz_node_is(other, DZ_SCALAR_STRING) && strcmp(other->text, name->text) == 0) {
            dz_reject(check->findings, name, NULL, "\"%.64s\" is given twice: remove one",
                      name->text);
            return;
        }
    }
}

void dz_check_warm_start(const dz_check *check)
{
    const dz_node *warm = dz_node_get(check->spec, "warmStart");
    const dz_node *list = dz_node_get(warm, "experiments");
    const dz_node *most = dz_node_get(warm, "maxTrials");

    if (warm == NULL || warm->kind != DZ_NODE_MAP) {
        return;
    }
    if (list == NULL || (list->kind == DZ_NODE_LIST && list->count == 0)) {
        dz_reject(check->findings, warm, "experiments",
                  "must name at least one earlier experiment of the same database");
    } else if (list->kind == DZ_NODE_LIST && list->count > MAX_WARM_EXPERIMENTS) {
        dz_reject(check->findings, list, NULL, "has %u entries; %d are allowed", list->count,
                  MAX_WARM_EXPERIMENTS);
    } else if (list->kind == DZ_NODE_LIST) {
        for (const dz_node *name = list->first; name != NULL; name = name->next) {
            check_source(check, list, name);
        }
    }
    if (dz_node_is_number(most) &&
        (most->scalar.number < 1.0 || most->scalar.number > MAX_WARM_TRIALS)) {
        dz_reject(check->findings, most, NULL, "is %.32s, and must be from 1 to %d", most->text,
                  MAX_WARM_TRIALS);
    }
}
