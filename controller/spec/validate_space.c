/*
 * The verdicts on the search space as a whole: the conditions between its parameters, and the
 * points to try first.
 */
#include "spec/validate.h"

#include <math.h>
#include <stdlib.h>

enum { MAX_POINTS = 10000 };

static bool has_conditions(const dozan_parameter *parameters, size_t count);
static void check_points(const dz_check *check, const dozan_space *space, const dz_node *points);
static void check_point(const dz_check *check, const dozan_space *space, const dz_node *point,
                        double *unit);
static bool read_values(const dz_check *check, const dozan_space *space, const dz_node *point,
                        double *unit);
static void check_active(const dz_check *check, const dozan_space *space, const dz_node *point,
                         const double *unit, size_t index);

void dz_check_space(const dz_check *check, const dozan_parameter *parameters, size_t count)
{
    const dz_node *points = dz_node_get(check->spec, "initialPoints");
    bool some_points = points != NULL && points->kind == DZ_NODE_LIST && points->count > 0;
    dozan_space *space = NULL;
    dozan_error err = {0};
    bool whole = false;

    if (!some_points && !has_conditions(parameters, count)) {
        return;
    }
    if (dozan_space_create(parameters, count, &space, &err) != DOZAN_OK) {
        dz_reject(check->findings, dz_node_find(check->spec, err.place, &whole), NULL, "%s",
                  err.message);
        return;
    }
    if (some_points) {
        check_points(check, space, points);
    }
    dozan_space_destroy(space);
}

static bool has_conditions(const dozan_parameter *parameters, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (parameters[i].when != NULL) {
            return true;
        }
    }
    return false;
}

static void check_points(const dz_check *check, const dozan_space *space, const dz_node *points)
{
    double *unit = NULL;

    if (points->count > MAX_POINTS) {
        dz_reject(check->findings, points, NULL, "has %u entries; %d are allowed", points->count,
                  MAX_POINTS);
        return;
    }
    unit = calloc(dozan_space_dimensions(space), sizeof *unit);
    if (unit == NULL) {
        check->findings->no_memory = true;
        return;
    }
    for (const dz_node *point = points->first; point != NULL; point = point->next) {
        if (point->kind != DZ_NODE_MAP) {
            dz_reject(check->findings, point, NULL,
                      "must be a mapping of parameter names to values");
        } else {
            check_point(check, space, point, unit);
        }
    }
    free(unit);
}

/* A point has every active parameter, with a value of its range, and nothing else. Which are active
 * is known only where all values are. */
static void check_point(const dz_check *check, const dozan_space *space, const dz_node *point,
                        double *unit)
{
    size_t dimensions = dozan_space_dimensions(space);
    bool sound = read_values(check, space, point, unit);

    for (size_t i = 0; i < dimensions; i++) {
        const dozan_dimension *dimension = dozan_space_dimension(space, i);
        if (dimension->parent == SIZE_MAX || sound) {
            check_active(check, space, point, unit, i);
        }
    }
}

/* Puts the values that are there into unit, and NaN for the others. */
static bool read_values(const dz_check *check, const dozan_space *space, const dz_node *point,
                        double *unit)
{
    size_t dimensions = dozan_space_dimensions(space);
    bool sound = true;

    for (size_t i = 0; i < dimensions; i++) {
        unit[i] = (double)NAN;
    }
    for (const dz_node *value = point->first; value != NULL; value = value->next) {
        size_t index = dozan_space_find(space, value->key);
        dozan_error err = {0};
        if (index >= dimensions) {
            dz_reject(check->findings, value, NULL, "no parameter of that name in spec.parameters");
        } else if (!dz_node_is(value, DZ_SCALAR_STRING) && !dz_node_is_number(value)) {
            dz_reject(check->findings, value, NULL, "must be the parameter's value");
            sound = false;
        } else if (dozan_space_parse(space, index, value->text, &unit[index], &err) != DOZAN_OK) {
            dz_reject(check->findings, value, NULL, "%s", err.message);
            sound = false;
        }
    }
    return sound;
}

static void check_active(const dz_check *check, const dozan_space *space, const dz_node *point,
                         const double *unit, size_t index)
{
    const dozan_dimension *dimension = dozan_space_dimension(space, index);
    const dz_node *value = dz_node_get(point, dimension->name);
    bool conditional = dimension->parent != SIZE_MAX;
    const char *parent = conditional ? dozan_space_dimension(space, dimension->parent)->name : "";

    if (conditional && isnan(unit[dimension->parent])) {
        if (value != NULL && dozan_space_dimension(space, dimension->parent)->parent != SIZE_MAX) {
            dz_reject(check->findings, value, NULL,
                      "is the value of a parameter that is not active at this point: \"%.64s\", "
                      "which its condition is on, has none",
                      parent);
        }
        return; /* the parent's own absence has been told, where it is one */
    }
    if (dozan_space_active(space, unit, index) == (value != NULL)) {
        return;
    }
    if (value == NULL) {
        dz_reject(check->findings, point, NULL, "has no value for the parameter \"%.64s\"",
                  dimension->name);
        return;
    }
    dz_reject(check->findings, value, NULL,
              "is the value of a parameter that is not active at this point, by its condition on "
              "\"%.64s\": remove it",
              parent);
}
