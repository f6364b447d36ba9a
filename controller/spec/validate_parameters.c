/*
 * The verdicts on each parameter of the search space. What a parameter's numbers must be is the
 * kit's knowledge (dozan_parameter_check); here are Katib's rules on which fields belong to which
 * type.
 */
#include "spec/validate.h"

#include "spec/decode.h"

#include <dozan/space.h>
#include <stdlib.h>
#include <string.h>

const dz_word dz_type_words[4] = {
    {"double", DOZAN_DOUBLE},
    {"int", DOZAN_INT},
    {"discrete", DOZAN_DISCRETE},
    {"categorical", DOZAN_CATEGORICAL},
};

const dz_word dz_distribution_words[4] = {
    {"uniform", DOZAN_UNIFORM},
    {"logUniform", DOZAN_LOG_UNIFORM},
    {"normal", DOZAN_NORMAL},
    {"logNormal", DOZAN_LOG_NORMAL},
};

static bool check_parameter(const dz_check *check, const dz_node *node, dozan_parameter *made);
static bool check_names(const dz_check *check, const dz_node *list);
static bool check_words(const dz_check *check, const dz_node *node);
static bool check_fields(const dz_check *check, const dz_node *node, const dozan_parameter *made);
static bool check_numbers(const dz_check *check, const dz_node *node, const dozan_parameter *made);
static bool check_when(const dz_check *check, const dz_node *node);

void dz_check_parameters(const dz_check *check)
{
    const dz_node *list = dz_node_get(check->spec, "parameters");
    dozan_parameter *made = NULL;
    bool sound = true;
    size_t count = 0;

    if (list == NULL || list->kind != DZ_NODE_LIST || list->count == 0) {
        return;
    }
    made = calloc(list->count, sizeof *made);
    if (made == NULL) {
        check->findings->no_memory = true;
        return;
    }
    sound = check_names(check, list);
    for (const dz_node *node = list->first; node != NULL; node = node->next) {
        sound = check_parameter(check, node, &made[count++]) && sound;
    }
    if (sound) {
        dz_check_space(check, made, count);
    }
    free(made);
}

static bool check_parameter(const dz_check *check, const dz_node *node, dozan_parameter *made)
{
    dozan_error err = {0};
    const dz_node *at = NULL;
    bool whole = false;

    if (!dz_decode_parameter(check->tree, node, made)) {
        check->findings->no_memory = true;
        return false;
    }
    if (!check_words(check, node) || !check_fields(check, node, made) ||
        !check_numbers(check, node, made) || !check_when(check, node)) {
        return false;
    }
    if (made->name == NULL) {
        made->name = "?"; /* said already, and not to be said again by the kit */
    }
    if (dozan_parameter_check(made, &err) == DOZAN_OK) {
        return true;
    }
    at = dz_node_find(node, err.place, &whole);
    dz_reject(check->findings, at, NULL, "%s", err.message);
    return false;
}

typedef struct named {
    const char *name;
    const dz_node *node;
} named;

static int by_name(const void *left, const void *right)
{
    const named *a = left;
    const named *b = right;
    int order = strcmp(a->name, b->name);

    return order != 0 ? order
                      : (a->node->index > b->node->index) - (a->node->index < b->node->index);
}

/* Every parameter has a name of its own. */
static bool check_names(const dz_check *check, const dz_node *list)
{
    named *names = calloc(list->count, sizeof *names);
    size_t count = 0;
    bool sound = true;

    if (names == NULL) {
        check->findings->no_memory = true;
        return false;
    }
    for (const dz_node *node = list->first; node != NULL; node = node->next) {
        const dz_node *name = dz_node_get(node, "name");
        if (dz_node_blank(name)) {
            dz_reject(check->findings, node, "name", "must be specified");
            sound = false;
        } else if (dz_node_is(name, DZ_SCALAR_STRING)) {
            names[count++] = (named){name->text, node};
        }
    }
    qsort(names, count, sizeof *names, by_name);
    for (size_t i = 1; i < count; i++) {
        if (strcmp(names[i].name, names[i - 1].name) == 0) {
            char where[DZ_WHERE_TEXT];
            dz_reject(check->findings, names[i].node, "name",
                      "the parameter \"%.64s\" is given twice, first %s: names must differ",
                      names[i].name, dz_node_where(names[i - 1].node, where));
            sound = false;
        }
    }
    free(names);
    return sound;
}

/* parameterType and distribution are words of their sets. */
static bool check_words(const dz_check *check, const dz_node *node)
{
    const dz_node *type = dz_node_get(node, "parameterType");
    const dz_node *space = dz_node_get(node, "feasibleSpace");
    const dz_node *distribution = dz_node_get(space, "distribution");
    bool sound = true;

    if (type == NULL) {
        dz_reject(check->findings, node, "parameterType",
                  "must be specified: double, int, discrete or categorical");
        sound = false;
    } else if (!dz_node_is(type, DZ_SCALAR_STRING)) {
        sound = false;
    } else if (DZ_WORD_VALUE(dz_type_words, type->text) < 0) {
        dz_reject(check->findings, type, NULL,
                  "parameterType: %.64s is not supported: it must be double, int, discrete or "
                  "categorical",
                  type->text);
        sound = false;
    }
    if (space == NULL) {
        dz_reject(check->findings, node, "feasibleSpace", "feasibleSpace must be specified");
        return false;
    }
    if (dz_node_is(distribution, DZ_SCALAR_STRING) &&
        DZ_WORD_VALUE(dz_distribution_words, distribution->text) < 0) {
        dz_reject(check->findings, distribution, NULL,
                  "distribution: %.64s is not supported: it must be uniform, logUniform, normal or "
                  "logNormal",
                  distribution->text);
        sound = false;
    }
    return sound && space->kind == DZ_NODE_MAP;
}

/* Whether a field of a wrong type was found below: the schema has said so, and nothing more can be
 * told. */
static bool has_wrong_type(const dz_node *space)
{
    static const char *const texts[] = {"min", "max", "step", "distribution"};
    const dz_node *list = dz_node_get(space, "list");

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        const dz_node *node = dz_node_get(space, texts[i]);
        if (node != NULL && !dz_node_is(node, DZ_SCALAR_STRING)) {
            return true;
        }
    }
    if (list != NULL && list->kind != DZ_NODE_LIST) {
        return true;
    }
    for (const dz_node *entry = list == NULL ? NULL : list->first; entry != NULL;
         entry = entry->next) {
        if (!dz_node_is(entry, DZ_SCALAR_STRING)) {
            return true;
        }
    }
    return false;
}

/* Katib's rules on the fields of a type. */
static bool check_fields(const dz_check *check, const dz_node *node, const dozan_parameter *made)
{
    const dz_node *space = dz_node_get(node, "feasibleSpace");
    const dz_node *distribution = dz_node_get(space, "distribution");
    const char *type = dz_node_string(node, "parameterType");
    bool sound = !has_wrong_type(space);

    if (made->type == DOZAN_DOUBLE || made->type == DOZAN_INT) {
        if (made->list_count > 0) {
            dz_reject(check->findings, space, "list",
                      "feasibleSpace.list is not supported for parameterType: %s", type);
            sound = false;
        }
        for (int i = 0; i < 2 && sound; i++) {
            if ((i == 0 ? made->min : made->max) == NULL) {
                dz_reject(check->findings, space, i == 0 ? "min" : "max",
                          "feasibleSpace.max and feasibleSpace.min must be specified for "
                          "parameterType: %s",
                          type);
                sound = i == 0 && made->max == NULL;
            }
        }
        return sound && made->min != NULL && made->max != NULL;
    }
    if (made->min != NULL || made->max != NULL || made->step != NULL) {
        dz_reject(check->findings, space, NULL,
                  "feasibleSpace .max, .min and .step is not supported for parameterType: %s",
                  type);
        sound = false;
    }
    if (sound && made->list_count == 0) {
        dz_reject(check->findings, space, "list",
                  "must be specified for parameterType: %s, with at least one entry", type);
        return false;
    }
    if (distribution != NULL && !distribution->defaulted && made->distribution != DOZAN_UNIFORM &&
        made->distribution != 0) {
        dz_warn(check->findings, distribution, NULL,
                "is not used for parameterType: %s: each entry of a list is as likely as another",
                type);
    }
    return sound;
}

/* One field is a number: says so otherwise. */
static bool check_number(const dz_check *check, const dz_node *node, const char *text)
{
    double number = 0.0;

    if (text == NULL || dozan_number_parse(text, false, &number)) {
        return true;
    }
    dz_reject(check->findings, node, NULL, "\"%.64s\" is not a finite number", text);
    return false;
}

/* What must be numbers are numbers: all of them are checked, before the kit looks at what they say
 * together. */
static bool check_numbers(const dz_check *check, const dz_node *node, const dozan_parameter *made)
{
    const dz_node *space = dz_node_get(node, "feasibleSpace");
    const dz_node *list = dz_node_get(space, "list");
    bool sound = true;

    if (made->type == DOZAN_DOUBLE || made->type == DOZAN_INT) {
        sound = check_number(check, dz_node_get(space, "min"), made->min);
        sound = check_number(check, dz_node_get(space, "max"), made->max) && sound;
        sound = check_number(check, dz_node_get(space, "step"), made->step) && sound;
    }
    if (made->type == DOZAN_DISCRETE) {
        for (const dz_node *entry = list->first; entry != NULL; entry = entry->next) {
            sound = check_number(check, entry, entry->text) && sound;
        }
    }
    return sound;
}

/* The parts of a condition; what they mean together is the kit's to say. */
static bool check_when(const dz_check *check, const dz_node *node)
{
    const dz_node *when = dz_node_get(node, "when");
    const dz_node *otherwise = dz_node_get(node, "otherwise");
    const dz_node *values = dz_node_get(when, "in");
    bool sound = when == NULL || when->kind == DZ_NODE_MAP;

    if (when == NULL && otherwise != NULL) {
        dz_reject(check->findings, otherwise, NULL,
                  "is what an inactive parameter becomes in the template, and this one has no "
                  "condition: add when, or remove it");
        return false;
    }
    if (values != NULL && values->kind != DZ_NODE_LIST) {
        return false;
    }
    for (const dz_node *value = values == NULL ? NULL : values->first; value != NULL;
         value = value->next) {
        if (!dz_node_is(value, DZ_SCALAR_STRING)) {
            dz_reject(check->findings, value, NULL,
                      "must be a value of the parameter that the condition is on, as a string or a "
                      "number");
            sound = false;
        }
    }
    return sound;
}
