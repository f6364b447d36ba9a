/*
 * The range of hyperband's resource. Katib writes the resource over the parameter's value without
 * a look at its feasibleSpace, and so its examples give it any range, such as 1 to 1. Here a
 * trial's value is always within the range: one that does not hold r_l becomes the range that
 * Katib's hyperband uses, from 1 to r_l.
 */
#include "spec/defaults.h"

#include <dozan/space.h>
#include <string.h>

static const char *setting_value(const dz_node *algorithm, const char *name);
static dz_node *find_parameter(const dz_node *parameters, const char *name);
static bool read_bound(const dz_node *space, const char *key, double *value);
static bool set_bound(dz_tree *tree, dz_node *space, const char *key, const char *text);

bool dz_defaults_resource(dz_tree *tree, const dz_node *spec)
{
    const dz_node *algorithm = dz_node_get(spec, "algorithm");
    const char *name = dz_node_string(algorithm, "algorithmName");
    const char *resource = setting_value(algorithm, "resource_name");
    const char *most_text = setting_value(algorithm, "r_l");
    double most = 0;
    double min = 0;
    double max = 0;

    if (name == NULL || strcmp(name, "hyperband") != 0 || resource == NULL || most_text == NULL ||
        !dozan_number_parse(most_text, false, &most) || most < 1) {
        return true;
    }
    dz_node *parameter = find_parameter(dz_node_get(spec, "parameters"), resource);
    dz_node *space = dz_node_get(parameter, "feasibleSpace");
    if (!read_bound(space, "min", &min) || !read_bound(space, "max", &max) ||
        (min <= most && most <= max)) {
        return true;
    }
    return set_bound(tree, space, "min", "1") && set_bound(tree, space, "max", most_text);
}

static const char *setting_value(const dz_node *algorithm, const char *name)
{
    const dz_node *settings = dz_node_get(algorithm, "algorithmSettings");

    for (const dz_node *setting = settings == NULL ? NULL : settings->first; setting != NULL;
         setting = setting->next) {
        const char *key = dz_node_string(setting, "name");
        if (key != NULL && strcmp(key, name) == 0) {
            return dz_node_string(setting, "value");
        }
    }
    return NULL;
}

/* The parameter of that name, where it has a range. */
static dz_node *find_parameter(const dz_node *parameters, const char *name)
{
    for (dz_node *parameter = parameters == NULL ? NULL : parameters->first; parameter != NULL;
         parameter = parameter->next) {
        const char *key = dz_node_string(parameter, "name");
        const char *type = dz_node_string(parameter, "parameterType");
        if (key != NULL && type != NULL && strcmp(key, name) == 0 &&
            (strcmp(type, "int") == 0 || strcmp(type, "double") == 0)) {
            return parameter;
        }
    }
    return NULL;
}

static bool read_bound(const dz_node *space, const char *key, double *value)
{
    const char *text = dz_node_string(space, key);

    return text != NULL && dozan_number_parse(text, false, value);
}

static bool set_bound(dz_tree *tree, dz_node *space, const char *key, const char *text)
{
    dz_node *bound = dz_node_get(space, key);

    bound->text = dz_tree_text(tree, text, strlen(text));
    bound->defaulted = true;
    return bound->text != NULL;
}
