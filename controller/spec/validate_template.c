/*
 * The verdicts on the trial template: its source, its parameters, and that placeholders and
 * parameters match.
 */
#include "spec/validate.h"

#include "spec/placeholder.h"
#include "spec/template.h"

#include <stdlib.h>
#include <string.h>

/* The names of the trial parameters, sorted, with a mark for each that the template uses. */
typedef struct name_use {
    const char *name;
    const dz_node *node;
    bool used;
} name_use;

typedef struct names {
    name_use *items;
    size_t count;
} names;

static bool check_source(const dz_check *check, const dz_node *trial_template);
static void check_conditions(const dz_check *check, const dz_node *trial_template);
static void check_condition(const dz_check *check, const dz_node *condition);
static void check_trial_parameters(const dz_check *check, const dz_node *list,
                                   const dz_node *object, names *known);
static void check_reference(const dz_check *check, const dz_node *reference, const dz_node *object);
static void check_meta(const dz_check *check, const dz_node *reference, const dz_node *object);
static void check_every_parameter_used(const dz_check *check, const dz_node *list);
static void check_placeholders(const dz_check *check, const dz_node *node, names *known);
static bool has_entry(const dz_node *list, const char *key, const char *text,
                      const dz_node *before);
static int by_name(const void *left, const void *right);

void dz_check_template(const dz_check *check)
{
    const dz_node *trial_template = dz_node_get(check->spec, "trialTemplate");
    const dz_node *list = dz_node_get(trial_template, "trialParameters");
    dz_node *object = dz_node_get(trial_template, "trialSpec");
    names known = {0};

    if (dz_node_get(check->spec, "leases") != NULL) { /* dz_check_leases */
        return;
    }
    if (trial_template == NULL) {
        dz_reject(check->findings, check->spec, "trialTemplate", "must be specified");
    }
    if (trial_template == NULL || trial_template->kind != DZ_NODE_MAP) {
        return;
    }
    if (dz_node_blank(dz_node_get(trial_template, "primaryContainerName"))) {
        dz_reject(check->findings, trial_template, "primaryContainerName", "must be specified");
    }
    check_conditions(check, trial_template);
    if (list == NULL || (list->kind == DZ_NODE_LIST && list->count == 0)) {
        dz_reject(check->findings, list != NULL ? list : trial_template,
                  list != NULL ? NULL : "trialParameters", "must be specified");
    }
    if (!check_source(check, trial_template) || object->kind != DZ_NODE_MAP) {
        return;
    }
    if (list != NULL && list->kind == DZ_NODE_LIST && list->count > 0) {
        known.items = calloc(list->count, sizeof *known.items);
        if (known.items == NULL) {
            check->findings->no_memory = true;
            return;
        }
        check_trial_parameters(check, list, object, &known);
        check_every_parameter_used(check, list);
        free(known.items);
    }
    dz_check_trial_object(check, object);
}

/* Whether there is a template to check further. */
static bool check_source(const dz_check *check, const dz_node *trial_template)
{
    const dz_node *object = dz_node_get(trial_template, "trialSpec");
    const dz_node *config_map = dz_node_get(trial_template, "configMap");

    if (object == NULL && config_map == NULL) {
        dz_reject(check->findings, trial_template, "trialSpec",
                  "spec.trialTemplate.trialSpec or spec.trialTemplate.configMap must be specified");
    }
    if (object != NULL && config_map != NULL) {
        dz_reject(check->findings, config_map, NULL,
                  "only one of spec.trialTemplate.trialSpec or spec.trialTemplate.configMap can be "
                  "specified");
    } else if (config_map != NULL) {
        dz_reject(check->findings, config_map, NULL,
                  "a template cannot be taken from a ConfigMap here, as there is no store of them: "
                  "put its text under spec.trialTemplate.trialSpec");
    }
    return object != NULL;
}

static void check_conditions(const dz_check *check, const dz_node *trial_template)
{
    const dz_node *success = dz_node_get(trial_template, "successCondition");
    const dz_node *failure = dz_node_get(trial_template, "failureCondition");

    if (dz_node_get(trial_template, "trialSpec") == NULL &&
        dz_node_get(trial_template, "configMap") == NULL) {
        return; /* the kind that gives the defaults is missing, and is complained of */
    }
    if (dz_node_blank(success) || dz_node_blank(failure)) {
        dz_reject(
            check->findings, trial_template,
            dz_node_blank(success) ? "successCondition" : "failureCondition",
            "successCondition and failureCondition must be specified: there is no default for "
            "this kind");
    }
    check_condition(check, success);
    check_condition(check, failure);
}

static void check_condition(const dz_check *check, const dz_node *condition)
{
    dozan_error err = {0};
    cJSON *nothing = NULL;
    bool holds = false;

    if (!dz_node_is(condition, DZ_SCALAR_STRING) || condition->text[0] == '\0') {
        return;
    }
    nothing = cJSON_CreateObject();
    if (nothing == NULL) {
        check->findings->no_memory = true;
    } else if (dz_condition_holds(condition->text, nothing, &holds, &err) != DOZAN_OK) {
        dz_warn_not_here(check->findings, condition, NULL, "%s", err.message);
    }
    cJSON_Delete(nothing);
}

/* One entry for itself: names, and whether it repeats an earlier one. */
static bool check_trial_parameter(const dz_check *check, const dz_node *list, const dz_node *entry)
{
    const char *name = dz_node_string(entry, "name");
    const char *reference = dz_node_string(entry, "reference");

    if (dz_node_blank(dz_node_get(entry, "name")) ||
        dz_node_blank(dz_node_get(entry, "reference")) ||
        (name != NULL && strpbrk(name, "{}") != NULL)) {
        dz_reject(check->findings, entry, NULL,
                  "name and reference must be specified and name must not contain '{' or '}'");
        return false;
    }
    if (name == NULL || reference == NULL) {
        return false;
    }
    if (has_entry(list, "name", name, entry)) {
        dz_reject(check->findings, entry, "name",
                  "parameter name %.64s can't be duplicated in spec.trialTemplate.trialParameters",
                  name);
        return false;
    }
    if (has_entry(list, "reference", reference, entry)) {
        dz_reject(check->findings, entry, "reference",
                  "parameter reference %.64s can't be duplicated in "
                  "spec.trialTemplate.trialParameters: use one name at both places of the template",
                  reference);
        return false;
    }
    return true;
}

static void check_trial_parameters(const dz_check *check, const dz_node *list,
                                   const dz_node *object, names *known)
{
    for (const dz_node *entry = list->first; entry != NULL; entry = entry->next) {
        const char *name = dz_node_string(entry, "name");
        if (entry->kind != DZ_NODE_MAP) {
            continue;
        }
        if (check_trial_parameter(check, list, entry)) {
            check_reference(check, dz_node_get(entry, "reference"), object);
            known->items[known->count++] = (name_use){name, dz_node_get(entry, "name"), false};
        } else if (name != NULL && !has_entry(list, "name", name, entry)) {
            /* reported already: it is neither unknown nor unused */
            known->items[known->count++] = (name_use){name, NULL, false};
        }
    }
    qsort(known->items, known->count, sizeof *known->items, by_name);
    check_placeholders(check, object, known);
    for (size_t i = 0; i < known->count; i++) {
        const name_use *item = &known->items[i];
        if (!item->used && item->node != NULL) {
            dz_reject(check->findings, item->node, NULL,
                      "parameter name: %.64s in spec.trialParameters not found in "
                      "spec.trialTemplate: write ${trialParameters.%.64s} where its value belongs",
                      item->name, item->name);
        }
    }
}

static void check_reference(const dz_check *check, const dz_node *reference, const dz_node *object)
{
    const dz_node *parameters = dz_node_get(check->spec, "parameters");
    const char *known[16];
    const char *nearest = NULL;
    const char *index = NULL;
    size_t index_size = 0;
    size_t count = 0;
    dz_meta_key key = dz_meta_parse(reference->text, &index, &index_size);

    if (key != DZ_META_NONE && key != DZ_META_UNKNOWN) {
        check_meta(check, reference, object);
        return;
    }
    if (parameters == NULL || parameters->kind != DZ_NODE_LIST || parameters->count == 0 ||
        has_entry(parameters, "name", reference->text, NULL)) {
        return;
    }
    for (const dz_node *entry = parameters->first; entry != NULL && count < 16;
         entry = entry->next) {
        known[count] = dz_node_string(entry, "name");
        count += known[count] != NULL ? 1 : 0;
    }
    nearest = dz_nearest(reference->text, known, count);
    dz_reject(check->findings, reference, NULL,
              "parameter reference %.64s does not exist in spec.parameters%s%.64s%s",
              reference->text, nearest != NULL ? "; did you mean " : "",
              nearest != NULL ? nearest : "", nearest != NULL ? "?" : "");
}

/* A reference to a label or an annotation of the template's object names one that is there. */
static void check_meta(const dz_check *check, const dz_node *reference, const dz_node *object)
{
    const char *index = NULL;
    size_t size = 0;
    dz_meta_key key = dz_meta_parse(reference->text, &index, &size);
    const char *field = key == DZ_META_LABEL ? "labels" : "annotations";
    const dz_node *entries = dz_node_get(dz_node_get(object, "metadata"), field);

    if (key != DZ_META_LABEL && key != DZ_META_ANNOTATION) {
        return;
    }
    for (const dz_node *entry = entries == NULL || size == 0 ? NULL : entries->first; entry != NULL;
         entry = entry->next) {
        if (entry->key != NULL && strncmp(entry->key, index, size) == 0 &&
            entry->key[size] == '\0') {
            return;
        }
    }
    dz_reject(check->findings, reference, NULL,
              "illegal reference of trial metadata: %.96s: the template's metadata.%s has no "
              "\"%.*s\"",
              reference->text, field, (int)(size < 64 ? size : 64), index);
}

/* Katib counts at render time, and hangs: each search parameter has its trial parameter. */
static void check_every_parameter_used(const dz_check *check, const dz_node *list)
{
    const dz_node *parameters = dz_node_get(check->spec, "parameters");

    if (parameters == NULL || parameters->kind != DZ_NODE_LIST) {
        return;
    }
    for (const dz_node *entry = parameters->first; entry != NULL; entry = entry->next) {
        const char *name = dz_node_string(entry, "name");
        if (name != NULL && !has_entry(list, "reference", name, NULL)) {
            dz_reject(check->findings, entry, NULL,
                      "the parameter \"%.64s\" is not used: add an entry with reference: %.64s to "
                      "spec.trialTemplate.trialParameters",
                      name, name);
        }
    }
}

static name_use *find_name(const names *known, const char *name, size_t size)
{
    size_t low = 0;
    size_t high = known->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strncmp(known->items[middle].name, name, size);
        if (order == 0 && known->items[middle].name[size] != '\0') {
            order = 1;
        }
        if (order == 0) {
            return &known->items[middle];
        }
        low = order < 0 ? middle + 1 : low;
        high = order < 0 ? high : middle;
    }
    return NULL;
}

static void check_text(const dz_check *check, const dz_node *node, const char *text, names *known)
{
    dz_placeholder found;

    while (dz_placeholder_find(text, &found)) {
        name_use *item = find_name(known, found.name, found.name_size);
        if (item != NULL) {
            item->used = true;
        } else {
            dz_reject(check->findings, node, NULL,
                      "parameters: %.*s in spec.trialTemplate not found in spec.trialParameters: "
                      "add an entry with that name",
                      (int)(found.end - found.start < 96 ? found.end - found.start : 96),
                      found.start);
        }
        text = found.end;
    }
}

static void check_placeholders(const dz_check *check, const dz_node *node, names *known)
{
    for (const dz_node *child = node->first; child != NULL; child = child->next) {
        if (child->key != NULL) {
            check_text(check, child, child->key, known);
        }
        if (dz_node_is(child, DZ_SCALAR_STRING)) {
            check_text(check, child, child->text, known);
        }
        check_placeholders(check, child, known);
    }
}

/* Whether a list has an entry with that text in a field, before a given one. */
static bool has_entry(const dz_node *list, const char *key, const char *text, const dz_node *before)
{
    for (const dz_node *entry = list->first; entry != NULL && entry != before;
         entry = entry->next) {
        const char *other = dz_node_string(entry, key);
        if (other != NULL && strcmp(other, text) == 0) {
            return true;
        }
    }
    return false;
}

static int by_name(const void *left, const void *right)
{
    return strcmp(((const name_use *)left)->name, ((const name_use *)right)->name);
}
