/*
 * Building and checking a search space (space_condition.c: what is between parameters). What comes
 * out of here holds for encode.c: ranges are finite and not empty unless there is a single level,
 * levels are at most 2^53, and each level's part of [0, 1] is wide enough to be found again.
 */
#include "space_parts.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static dozan_status build_dimension(const dozan_parameter *parameter, dz_arena *arena,
                                    dz_dimension *dimension, dozan_error *err);
static dozan_status order_names(dozan_space *space, dozan_error *err);

/* ---- public ---------------------------------------------------------------------------------- */

static dozan_status build_dimensions(const dozan_parameter *parameters, dozan_space *space,
                                     dozan_error *err)
{
    for (size_t i = 0; i < space->count; i++) {
        dozan_error inner = {.code = DOZAN_OK};
        dozan_status status =
            build_dimension(&parameters[i], &space->arena, &space->dimensions[i], &inner);
        if (status != DOZAN_OK) {
            char place[sizeof(inner.place) + 48];
            (void)snprintf(place, sizeof(place), "parameters[%zu].%s", i, inner.place);
            return dozan_error_set(err, status, place, "%s", inner.message);
        }
    }
    dozan_status status = order_names(space, err);
    return status == DOZAN_OK ? dz_conditions_build(parameters, space, err) : status;
}

dozan_status dozan_space_create(const dozan_parameter *parameters, size_t count,
                                dozan_space **space, dozan_error *err)
{
    if (count == 0)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "parameters",
                               "there is no parameter to tune: give at least one");
    if (count > DOZAN_MAX_DIMENSIONS)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "parameters",
                               "%zu parameters are more than the limit of %d", count,
                               (int)DOZAN_MAX_DIMENSIONS);
    dozan_space *made = calloc(1, sizeof(*made));
    if (made == NULL)
        return dz_no_memory(err);
    made->count = count;
    made->dimensions = dz_arena_array(&made->arena, count, sizeof(*made->dimensions));
    made->by_name = dz_arena_array(&made->arena, count, sizeof(*made->by_name));
    made->names = dz_arena_array(&made->arena, count, sizeof(*made->names));
    bool made_all = made->dimensions != NULL && made->by_name != NULL && made->names != NULL;
    dozan_status status = made_all ? build_dimensions(parameters, made, err) : dz_no_memory(err);
    if (status != DOZAN_OK) {
        dozan_space_destroy(made);
        return status;
    }
    *space = made;
    return DOZAN_OK;
}

void dozan_space_destroy(dozan_space *space)
{
    if (space == NULL)
        return;
    dz_arena_fini(&space->arena);
    free(space);
}

dozan_status dozan_parameter_check(const dozan_parameter *parameter, dozan_error *err)
{
    dz_arena arena = {0};
    dz_dimension dimension = {0};
    dozan_status status = build_dimension(parameter, &arena, &dimension, err);
    dz_arena_fini(&arena);
    return status;
}

size_t dozan_space_dimensions(const dozan_space *space)
{
    return space->count;
}

const dozan_dimension *dozan_space_dimension(const dozan_space *space, size_t index)
{
    return index < space->count ? &space->dimensions[index].shown : NULL;
}

size_t dozan_space_find(const dozan_space *space, const char *name)
{
    return dz_find_text(space->by_name, space->count, space->names, name);
}

size_t dz_find_text(const uint32_t *ordered, size_t count, const char *const *texts,
                    const char *text)
{
    size_t from = 0;
    size_t to = count;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        int order = strcmp(text, texts[ordered[middle]]);
        if (order == 0)
            return ordered[middle];
        if (order < 0)
            to = middle;
        else
            from = middle + 1;
    }
    return SIZE_MAX;
}

/* ---- one dimension --------------------------------------------------------------------------- */

static dozan_status build_dimension(const dozan_parameter *parameter, dz_arena *arena,
                                    dz_dimension *dimension, dozan_error *err)
{
    if (dz_text_absent(parameter->name))
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "name", "the parameter has no name");
    int distribution = (int)parameter->distribution;
    if (distribution < 0 || distribution > DOZAN_LOG_NORMAL)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "feasibleSpace.distribution",
                               "unknown distribution: use uniform, logUniform, normal or "
                               "logNormal");
    *dimension = (dz_dimension){0};
    dimension->shown.type = parameter->type;
    dimension->shown.distribution = distribution == 0 ? DOZAN_UNIFORM : parameter->distribution;
    dimension->shown.ordered = parameter->type != DOZAN_CATEGORICAL;
    dimension->shown.name = dz_arena_text(arena, parameter->name);
    if (dimension->shown.name == NULL)
        return dz_no_memory(err);

    switch (parameter->type) {
    case DOZAN_DOUBLE:
    case DOZAN_INT:
        return dz_range_build(parameter, dimension, err);
    case DOZAN_DISCRETE:
    case DOZAN_CATEGORICAL:
        return dz_list_build(parameter, arena, dimension, err);
    default:
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "parameterType",
                               "unknown type: use double, int, discrete or categorical");
    }
}

/* ---- orders of texts ------------------------------------------------------------------------- */

static int compare_texts(const void *a, const void *b, void *context)
{
    const char *const *texts = context;
    uint32_t i = *(const uint32_t *)a;
    uint32_t j = *(const uint32_t *)b;
    int order = strcmp(texts[i], texts[j]);
    if (order != 0)
        return order;
    return i < j ? -1 : i > j;
}

void dz_order_texts(uint32_t *ordered, size_t count, const char *const *texts)
{
    union {
        const char *const *given;
        void *context;
    } pass = {.given = texts};
    for (size_t i = 0; i < count; i++)
        ordered[i] = (uint32_t)i;
    qsort_r(ordered, count, sizeof(*ordered), compare_texts, pass.context);
}

static dozan_status order_names(dozan_space *space, dozan_error *err)
{
    const char **names = space->names;
    for (size_t i = 0; i < space->count; i++)
        names[i] = space->dimensions[i].shown.name;
    dz_order_texts(space->by_name, space->count, names);
    for (size_t i = 1; i < space->count; i++) {
        size_t index = space->by_name[i];
        if (strcmp(names[space->by_name[i - 1]], names[index]) == 0) {
            char place[64];
            char excerpt[DZ_EXCERPT];
            (void)snprintf(place, sizeof(place), "parameters[%zu].name", index);
            return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, place,
                                   "'%s' is the name of parameters[%u] as well: rename one",
                                   dz_text_excerpt(names[index], excerpt), space->by_name[i - 1]);
        }
    }
    return DOZAN_OK;
}

dozan_status dz_no_memory(dozan_error *err)
{
    return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory for the space");
}
