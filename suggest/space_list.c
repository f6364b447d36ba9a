/*
 * Lists of discrete numbers and of categories.
 */
#include "space_parts.h"
#include "text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIELD_LIST "feasibleSpace.list"

static dozan_status list_error(dozan_error *err, size_t index, const char *entry,
                               const char *problem)
{
    char place[64];
    char excerpt[DZ_EXCERPT];
    (void)snprintf(place, sizeof(place), FIELD_LIST "[%zu]", index);
    return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, place, "'%s' %s",
                           dz_text_excerpt(entry != NULL ? entry : "", excerpt), problem);
}

static dozan_status check_list_fields(const dozan_parameter *parameter, dozan_error *err)
{
    const char *field = NULL;
    if (!dz_text_absent(parameter->min))
        field = "feasibleSpace.min";
    else if (!dz_text_absent(parameter->max))
        field = "feasibleSpace.max";
    else if (!dz_text_absent(parameter->step))
        field = "feasibleSpace.step";
    if (field != NULL)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, field,
                               "min, max and step are for double and int parameters: this one has "
                               "a list");
    if (parameter->list_count == 0 || parameter->list == NULL)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, FIELD_LIST,
                               "the list is empty: give the values to choose from");
    if (parameter->list_count > DOZAN_MAX_LIST)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, FIELD_LIST,
                               "%zu entries are more than the limit of %d", parameter->list_count,
                               (int)DOZAN_MAX_LIST);
    return DOZAN_OK;
}

static dozan_status read_numbers(dz_dimension *dimension, dz_arena *arena, dozan_error *err)
{
    size_t count = dimension->shown.levels;
    dimension->numbers = dz_arena_array(arena, count, sizeof(double));
    if (dimension->numbers == NULL)
        return dz_no_memory(err);
    for (size_t i = 0; i < count; i++) {
        double *number = &dimension->numbers[i];
        if (!dozan_number_parse(dimension->entries[i], false, number))
            return list_error(err, i, dimension->entries[i],
                              "is not a finite decimal number, as a discrete parameter needs: use "
                              "categorical for names");
        dimension->shown.min = i == 0 ? *number : fmin(dimension->shown.min, *number);
        dimension->shown.max = i == 0 ? *number : fmax(dimension->shown.max, *number);
    }
    return DOZAN_OK;
}

static int compare_numbers(const void *a, const void *b, void *context)
{
    const double *numbers = context;
    uint32_t i = *(const uint32_t *)a;
    uint32_t j = *(const uint32_t *)b;
    if (numbers[i] < numbers[j] || numbers[i] > numbers[j])
        return numbers[i] < numbers[j] ? -1 : 1;
    return i < j ? -1 : i > j;
}

/* Entries that are the same text, or the same number of a discrete list. */
static dozan_status find_doubles(dz_dimension *dimension, dz_arena *arena, dozan_error *err)
{
    size_t count = dimension->shown.levels;
    for (size_t i = 1; i < count; i++)
        if (strcmp(dimension->entries[dimension->by_text[i - 1]],
                   dimension->entries[dimension->by_text[i]]) == 0)
            return list_error(err, dimension->by_text[i], dimension->entries[dimension->by_text[i]],
                              "is in the list twice: remove one of them");
    if (dimension->numbers == NULL)
        return DOZAN_OK;
    uint32_t *by_number = dz_arena_array(arena, count, sizeof(*by_number));
    if (by_number == NULL)
        return dz_no_memory(err);
    for (size_t i = 0; i < count; i++)
        by_number[i] = (uint32_t)i;
    qsort_r(by_number, count, sizeof(*by_number), compare_numbers, dimension->numbers);
    for (size_t i = 1; i < count; i++)
        if (dimension->numbers[by_number[i]] <= dimension->numbers[by_number[i - 1]])
            return list_error(err, by_number[i], dimension->entries[by_number[i]],
                              "is the same number as an entry before it: remove one of them");
    return DOZAN_OK;
}

dozan_status dz_list_build(const dozan_parameter *parameter, dz_arena *arena,
                           dz_dimension *dimension, dozan_error *err)
{
    dozan_status status = check_list_fields(parameter, err);
    if (status != DOZAN_OK)
        return status;
    size_t count = parameter->list_count;
    dimension->form = DZ_LIST;
    dimension->shown.levels = count;
    dimension->shown.distribution = DOZAN_UNIFORM;
    dimension->shown.max = (double)(count - 1);
    dimension->entries = dz_arena_array(arena, count, sizeof(*dimension->entries));
    dimension->by_text = dz_arena_array(arena, count, sizeof(*dimension->by_text));
    if (dimension->entries == NULL || dimension->by_text == NULL)
        return dz_no_memory(err);
    for (size_t i = 0; i < count; i++) {
        if (parameter->list[i] == NULL)
            return list_error(err, i, NULL, "is missing");
        dimension->entries[i] = dz_arena_text(arena, parameter->list[i]);
        if (dimension->entries[i] == NULL)
            return dz_no_memory(err);
    }
    if (parameter->type == DOZAN_DISCRETE)
        status = read_numbers(dimension, arena, err);
    if (status != DOZAN_OK)
        return status;
    dz_order_texts(dimension->by_text, count, dimension->entries);
    return find_doubles(dimension, arena, err);
}
