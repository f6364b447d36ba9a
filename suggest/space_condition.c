/*
 * Conditions between parameters, and the number of different points of a space.
 *
 * A condition is on a parameter declared before, so the parameters are a forest whose parents come
 * first: each walk over the dimensions in their order meets a parent before its children, and each
 * walk backwards has counted the children before their parent. Inactive coordinates are canonical
 * (encode.c snaps them), so they take no part in the count.
 */
#include "space_parts.h"
#include "text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { MOST_PARENT_LEVELS = 1 << 16 };

static const uint64_t most_points = (uint64_t)1 << 63;

static dozan_status build_condition(dozan_space *space, size_t index, const dozan_condition *when,
                                    dozan_error *err);
static dozan_status read_levels(dozan_space *space, size_t index, const dozan_condition *when,
                                dozan_error *err);
static dozan_status read_range(dozan_space *space, size_t index, const dozan_condition *when,
                               dozan_error *err);
static bool holds_at_level(const dozan_space *space, size_t index, uint64_t level);
static uint64_t count_points(const dozan_space *space, size_t index);
static uint64_t points_at_level(const dozan_space *space, size_t index, uint64_t level);
static uint64_t times(uint64_t a, uint64_t b);

/* ---- building -------------------------------------------------------------------------------- */

/* The children of each dimension, in their order. */
static void link_children(dozan_space *space)
{
    for (size_t i = 0; i < space->count; i++)
        space->dimensions[i].first_child = SIZE_MAX;
    for (size_t i = space->count; i-- > 0;) {
        size_t parent = space->dimensions[i].shown.parent;
        space->dimensions[i].next_sibling = SIZE_MAX;
        if (parent == SIZE_MAX)
            continue;
        space->dimensions[i].next_sibling = space->dimensions[parent].first_child;
        space->dimensions[parent].first_child = i;
    }
}

dozan_status dz_conditions_build(const dozan_parameter *parameters, dozan_space *space,
                                 dozan_error *err)
{
    for (size_t i = 0; i < space->count; i++) {
        space->dimensions[i].shown.parent = SIZE_MAX;
        if (parameters[i].when == NULL)
            continue;
        space->conditional = true;
        dozan_error inner = {.code = DOZAN_OK};
        dozan_status status = build_condition(space, i, parameters[i].when, &inner);
        if (status != DOZAN_OK) {
            char place[sizeof(inner.place) + 48];
            (void)snprintf(place, sizeof(place), "parameters[%zu].when.%s", i, inner.place);
            return dozan_error_set(err, status, place, "%s", inner.message);
        }
    }
    link_children(space);
    space->points = 1;
    for (size_t i = space->count; i-- > 0;) {
        space->dimensions[i].points = count_points(space, i);
        if (space->dimensions[i].shown.parent == SIZE_MAX)
            space->points = times(space->points, space->dimensions[i].points);
    }
    return DOZAN_OK;
}

static dozan_status build_condition(dozan_space *space, size_t index, const dozan_condition *when,
                                    dozan_error *err)
{
    char excerpt[DZ_EXCERPT];
    dz_dimension *d = &space->dimensions[index];
    if (dz_text_absent(when->parameter))
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "parameter",
                               "missing: name the parameter that the condition is on");
    size_t parent = dozan_space_find(space, when->parameter);
    if (parent == SIZE_MAX)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "parameter",
                               "there is no parameter '%s'",
                               dz_text_excerpt(when->parameter, excerpt));
    if (parent >= index)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "parameter",
                               "'%s' must be declared before the parameter whose condition it is",
                               dz_text_excerpt(when->parameter, excerpt));
    d->shown.parent = parent;
    d->when_min = -(double)INFINITY;
    d->when_max = (double)INFINITY;
    bool range = !dz_text_absent(when->min) || !dz_text_absent(when->max);
    if (range == (when->value_count > 0))
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "in",
                               "give either a list of values, or a range by min, max or both");
    return range ? read_range(space, index, when, err) : read_levels(space, index, when, err);
}

static dozan_status read_levels(dozan_space *space, size_t index, const dozan_condition *when,
                                dozan_error *err)
{
    dz_dimension *d = &space->dimensions[index];
    size_t parent = d->shown.parent;
    if (space->dimensions[parent].form == DZ_CONTINUOUS)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "in",
                               "'%s' is continuous: give min, max or both",
                               space->dimensions[parent].shown.name);
    if (when->value_count > DOZAN_MAX_LIST)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "in",
                               "%zu values are more than the limit of %d", when->value_count,
                               (int)DOZAN_MAX_LIST);
    d->when_levels = dz_arena_array(&space->arena, when->value_count, sizeof(*d->when_levels));
    if (d->when_levels == NULL)
        return dz_no_memory(err);
    for (size_t i = 0; i < when->value_count; i++) {
        double u = 0;
        dozan_error inner = {.code = DOZAN_OK};
        dozan_status status = dozan_space_parse(space, parent, when->values[i], &u, &inner);
        if (status != DOZAN_OK) {
            char place[48];
            (void)snprintf(place, sizeof(place), "in[%zu]", i);
            return dozan_error_set(err, status, place, "%s", inner.message);
        }
        d->when_levels[i] = dozan_space_level(space, parent, u);
    }
    d->when_count = when->value_count;
    return DOZAN_OK;
}

static dozan_status read_bound(const char *field, const char *text, double *bound, dozan_error *err)
{
    char excerpt[DZ_EXCERPT];
    if (dz_text_absent(text) || dozan_number_parse(text, false, bound))
        return DOZAN_OK;
    return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, field, "'%s' is not a finite number",
                           dz_text_excerpt(text, excerpt));
}

static dozan_status read_range(dozan_space *space, size_t index, const dozan_condition *when,
                               dozan_error *err)
{
    dz_dimension *d = &space->dimensions[index];
    const dozan_dimension *parent = &space->dimensions[d->shown.parent].shown;
    if (parent->type == DOZAN_CATEGORICAL)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "min",
                               "'%s' is categorical: give the list of its values", parent->name);
    dozan_status status = read_bound("min", when->min, &d->when_min, err);
    if (status == DOZAN_OK)
        status = read_bound("max", when->max, &d->when_max, err);
    if (status != DOZAN_OK)
        return status;
    if (d->when_min > d->when_max || d->when_min > parent->max || d->when_max < parent->min)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "min",
                               "no value of '%s' is in the range, so the parameter would never be "
                               "active",
                               parent->name);
    return DOZAN_OK;
}

/* ---- active dimensions ----------------------------------------------------------------------- */

bool dozan_space_is_conditional(const dozan_space *space)
{
    return space->conditional;
}

static bool is_in(const uint64_t *levels, size_t count, uint64_t level)
{
    for (size_t i = 0; i < count; i++)
        if (levels[i] == level)
            return true;
    return false;
}

/* Whether the condition of dimension `index` holds, its parent being active. */
static bool holds(const dozan_space *space, size_t index, double parent_u)
{
    const dz_dimension *d = &space->dimensions[index];
    size_t parent = d->shown.parent;
    if (d->when_count > 0)
        return is_in(d->when_levels, d->when_count, dozan_space_level(space, parent, parent_u));
    double value = dozan_space_value(space, parent, parent_u);
    return value >= d->when_min && value <= d->when_max;
}

bool dozan_space_active(const dozan_space *space, const double *unit, size_t index)
{
    for (size_t i = index; space->dimensions[i].shown.parent != SIZE_MAX;) {
        size_t parent = space->dimensions[i].shown.parent;
        if (!holds(space, i, unit[parent]))
            return false;
        i = parent;
    }
    return true;
}

/* ---- points ---------------------------------------------------------------------------------- */

static bool holds_at_level(const dozan_space *space, size_t index, uint64_t level)
{
    const dz_dimension *d = &space->dimensions[index];
    if (d->when_count > 0)
        return is_in(d->when_levels, d->when_count, level);
    double value = dz_level_value(&space->dimensions[d->shown.parent], level);
    return value >= d->when_min && value <= d->when_max;
}

/* The product; 0, for too many, stays. */
static uint64_t times(uint64_t a, uint64_t b)
{
    return a == 0 || b == 0 || a > most_points / b ? 0 : a * b;
}

/* The different points of the dimensions below `index`, which has that level. */
static uint64_t points_at_level(const dozan_space *space, size_t index, uint64_t level)
{
    uint64_t points = 1;
    size_t child = space->dimensions[index].first_child;
    for (; child != SIZE_MAX; child = space->dimensions[child].next_sibling)
        if (holds_at_level(space, child, level))
            points = times(points, space->dimensions[child].points);
    return points;
}

/* The different points of dimension `index`, active, and those below it; 0 = too many. */
static uint64_t count_points(const dozan_space *space, size_t index)
{
    const dz_dimension *d = &space->dimensions[index];
    uint64_t levels = d->shown.levels;
    if (d->first_child == SIZE_MAX || levels == 0)
        return levels;
    if (levels > MOST_PARENT_LEVELS)
        return 0;
    uint64_t sum = 0;
    for (uint64_t level = 0; level < levels; level++) {
        uint64_t points = points_at_level(space, index, level);
        if (points == 0 || sum > most_points - points)
            return 0;
        sum += points;
    }
    return sum;
}

uint64_t dozan_space_points(const dozan_space *space)
{
    return space->points;
}

/* Sets dimension `index` and those below it to their point of that number. */
static void place_point(const dozan_space *space, size_t index, uint64_t number, double *unit)
{
    const dz_dimension *d = &space->dimensions[index];
    uint64_t level = number;
    if (d->first_child != SIZE_MAX) {
        level = 0;
        for (uint64_t points = points_at_level(space, index, 0); number >= points;
             points = points_at_level(space, index, level)) {
            number -= points;
            level++;
        }
    }
    unit[index] = dozan_space_level_coordinate(space, index, level);
    for (size_t child = d->first_child; child != SIZE_MAX;
         child = space->dimensions[child].next_sibling) {
        if (!holds_at_level(space, child, level))
            continue;
        place_point(space, child, number % space->dimensions[child].points, unit);
        number /= space->dimensions[child].points;
    }
}

void dozan_space_point(const dozan_space *space, uint64_t number, double *unit)
{
    for (size_t i = 0; i < space->count; i++)
        unit[i] = 0.5;
    for (size_t i = space->count; i-- > 0;) {
        if (space->dimensions[i].shown.parent != SIZE_MAX)
            continue;
        place_point(space, i, number % space->dimensions[i].points, unit);
        number /= space->dimensions[i].points;
    }
    if (space->conditional)
        dozan_space_snap(space, unit);
}
