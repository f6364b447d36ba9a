/*
 * The inside of a search space, shared by space.c (building and checking) and encode.c (coordinates
 * and values).
 */
#ifndef DZ_SPACE_PARTS_H
#define DZ_SPACE_PARTS_H

#include "arena.h"
#include "decimal.h"
#include "distribution.h"

#include <dozan/space.h>
#include <stdint.h>

typedef enum dz_dimension_form {
    DZ_CONTINUOUS,
    DZ_LATTICE, /* levels first + k*stride */
    DZ_LIST
} dz_dimension_form;

typedef struct dz_dimension {
    dozan_dimension shown;
    dz_dimension_form form;

    /* DZ_CONTINUOUS, and a DZ_LATTICE that is not flat. */
    dz_distribution distribution;

    /* DZ_CONTINUOUS: values are rounded to so many decimals, or significant digits, that the
     * rounding errors of the way to the coordinate and back cannot change them. */
    bool significant;
    int places;

    /* DZ_LATTICE: level k is (first + k*stride) * 10^-scale. */
    dz_int128 first;
    dz_int128 stride;
    int scale;
    double step; /* stride as a double */
    bool flat;   /* all levels have the same probability */

    /* DZ_LIST */
    const char **entries;
    double *numbers;   /* of discrete entries; NULL for categorical */
    uint32_t *by_text; /* the entries' indices, ordered by their text */

    /* The condition on shown.parent: its levels, or a range of its values where there are none. */
    uint64_t *when_levels;
    size_t when_count;
    double when_min, when_max;

    size_t first_child, next_sibling; /* SIZE_MAX = none */
    uint64_t points; /* of this dimension, where it is active, and those below it; 0 = too many */
} dz_dimension;

struct dozan_space {
    dz_arena arena; /* all the rest */
    size_t count;
    dz_dimension *dimensions;
    const char **names;
    uint32_t *by_name; /* the dimensions' indices, ordered by name */
    bool conditional;
    uint64_t points;
};

/* The numeric value of a level. */
double dz_level_value(const dz_dimension *dimension, uint64_t level);

/* The probability below a level's part; the level may be one past the last. */
double dz_level_start(const dz_dimension *dimension, uint64_t level);

/* Build the rest of a dimension whose name, type and distribution are set, for double and int, and
 * for discrete and categorical. Errors have the field as their place. */
dozan_status dz_range_build(const dozan_parameter *parameter, dz_dimension *dimension,
                            dozan_error *err);
dozan_status dz_list_build(const dozan_parameter *parameter, dz_arena *arena,
                           dz_dimension *dimension, dozan_error *err);
dozan_status dz_no_memory(dozan_error *err);

/* Builds the conditions and counts the points, when the dimensions and their names are there. */
dozan_status dz_conditions_build(const dozan_parameter *parameters, dozan_space *space,
                                 dozan_error *err);

/* Fills ordered[count] with the indices of the texts in their order; equal ones stay as they were.
 */
void dz_order_texts(uint32_t *ordered, size_t count, const char *const *texts);

/* The index in ordered[count] (an order of texts) of `text`, or SIZE_MAX. */
size_t dz_find_text(const uint32_t *ordered, size_t count, const char *const *texts,
                    const char *text);

#endif
