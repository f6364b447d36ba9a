/*
 * Ranges of doubles and ints: checking min, max and step, and turning them into a continuous
 * dimension or into levels.
 */
#include "space_parts.h"
#include "text.h"

#include <math.h>

#define FIELD_MIN "feasibleSpace.min"
#define FIELD_MAX "feasibleSpace.max"
#define FIELD_STEP "feasibleSpace.step"

static const uint64_t max_levels = (uint64_t)1 << 53;
static const double narrowest_part = 0x1p-46; /* some 100 times the error of a level's start */
static const double largest_size = 1e75;      /* no ratio of two bounds or cell edges overflows */

/* The texts of a range as numbers. */
typedef struct range_numbers {
    double min, max;
    dz_decimal step;              /* digits 0: none given */
    int64_t whole_min, whole_max; /* of an int */
} range_numbers;

static dozan_status build_lattice(const dozan_parameter *parameter, const range_numbers *range,
                                  dz_dimension *dimension, dozan_error *err);

static dozan_status read_bound(const dozan_parameter *parameter, const char *field,
                               const char *text, double *value, dozan_error *err)
{
    char excerpt[DZ_EXCERPT];
    if (dz_text_absent(text))
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, field,
                               "missing: parameter '%s' needs both min and max",
                               dz_text_excerpt(parameter->name, excerpt));
    if (!dozan_number_parse(text, false, value))
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, field,
                               "'%s' is not a finite decimal number",
                               dz_text_excerpt(text, excerpt));
    double size = fabs(*value);
    if (size > largest_size || (size > 0 && size < 1 / largest_size))
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, field,
                               "%s is too large or too close to 0: use 0, or a size between 1e-75 "
                               "and 1e75",
                               dz_text_excerpt(text, excerpt));
    return DOZAN_OK;
}

static dozan_status read_whole(const char *field, const char *text, int64_t *value,
                               dozan_error *err)
{
    dz_decimal decimal = {0};
    char excerpt[DZ_EXCERPT];
    if (!dz_decimal_parse(text, &decimal) || !dz_decimal_int64(decimal, value))
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, field,
                               "%s is not a whole number of at most 64 bits, as an int parameter "
                               "needs",
                               dz_text_excerpt(text, excerpt));
    return DOZAN_OK;
}

static dozan_status read_step(const dozan_parameter *parameter, range_numbers *range,
                              dozan_error *err)
{
    double step = 0;
    int64_t whole = 0;
    char excerpt[DZ_EXCERPT];
    dozan_status status = read_bound(parameter, FIELD_STEP, parameter->step, &step, err);
    if (status != DOZAN_OK)
        return status;
    if (step <= 0)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, FIELD_STEP,
                               "%s is not above 0: leave step out, or give the distance of the "
                               "levels",
                               dz_text_excerpt(parameter->step, excerpt));
    if (!dz_decimal_parse(parameter->step, &range->step))
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, FIELD_STEP,
                               "%s has more than %d digits",
                               dz_text_excerpt(parameter->step, excerpt), (int)DZ_DECIMAL_DIGITS);
    if (parameter->type == DOZAN_INT)
        return read_whole(FIELD_STEP, parameter->step, &whole, err);
    return DOZAN_OK;
}

static dozan_status read_range(const dozan_parameter *parameter, range_numbers *range,
                               dozan_error *err)
{
    dozan_status status = read_bound(parameter, FIELD_MIN, parameter->min, &range->min, err);
    if (status == DOZAN_OK)
        status = read_bound(parameter, FIELD_MAX, parameter->max, &range->max, err);
    if (status == DOZAN_OK && parameter->type == DOZAN_INT) {
        status = read_whole(FIELD_MIN, parameter->min, &range->whole_min, err);
        if (status == DOZAN_OK)
            status = read_whole(FIELD_MAX, parameter->max, &range->whole_max, err);
    }
    if (status == DOZAN_OK && parameter->type == DOZAN_INT)
        range->step = (dz_decimal){.digits = 1};
    if (status == DOZAN_OK && !dz_text_absent(parameter->step))
        status = read_step(parameter, range, err);
    return status;
}

static dozan_status max_below_min(const dozan_parameter *parameter, dozan_error *err)
{
    char min[DZ_EXCERPT];
    char max[DZ_EXCERPT];
    return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, FIELD_MAX, "%s is less than min %s",
                           dz_text_excerpt(parameter->max, max),
                           dz_text_excerpt(parameter->min, min));
}

static dozan_status check_range(const dozan_parameter *parameter, const dz_dimension *dimension,
                                const range_numbers *range, dozan_error *err)
{
    char min[DZ_EXCERPT];
    bool log = dimension->shown.distribution == DOZAN_LOG_UNIFORM ||
               dimension->shown.distribution == DOZAN_LOG_NORMAL;
    if (range->max < range->min || range->whole_max < range->whole_min)
        return max_below_min(parameter, err);
    if (log && range->min <= 0)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, FIELD_MIN,
                               "%s is not above 0, as a logarithmic distribution needs: raise min "
                               "or use uniform",
                               dz_text_excerpt(parameter->min, min));
    return DOZAN_OK;
}

/* How many decimals, or significant digits, a continuous value keeps: a grid 8 times as coarse as
 * the rounding errors. */
static void set_places(dz_dimension *dimension)
{
    enum { MOST_DIGITS = 15 };
    dozan_distribution kind = dimension->shown.distribution;
    double error = dz_distribution_error(&dimension->distribution);
    dimension->significant = kind == DOZAN_LOG_UNIFORM || kind == DOZAN_LOG_NORMAL;
    dimension->places = (int)floor(-log10(8 * error));
    if (dimension->significant && dimension->places > MOST_DIGITS)
        dimension->places = MOST_DIGITS;
}

/* A range of one value: a lattice of one level, its text the shortest of the double. */
static void make_single(const range_numbers *range, dz_dimension *dimension)
{
    char text[DOZAN_VALUE_TEXT];
    dz_decimal value = {0};
    dozan_number_text(range->min, text);
    (void)dz_decimal_parse(text, &value); /* at most 17 digits */
    dimension->form = DZ_LATTICE;
    dimension->first = value.digits;
    dimension->stride = 1;
    dimension->scale = value.scale;
    dimension->step = 1;
    dimension->flat = true;
    dimension->shown.levels = 1;
    dimension->shown.min = dimension->shown.max = range->min;
}

dozan_status dz_range_build(const dozan_parameter *parameter, dz_dimension *dimension,
                            dozan_error *err)
{
    range_numbers range = {0};
    if (parameter->list_count > 0)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "feasibleSpace.list",
                               "a list is for discrete and categorical parameters: use min and "
                               "max");
    dozan_status status = read_range(parameter, &range, err);
    if (status == DOZAN_OK)
        status = check_range(parameter, dimension, &range, err);
    if (status != DOZAN_OK)
        return status;
    if (range.step.digits != 0)
        return build_lattice(parameter, &range, dimension, err);
    if (!(range.min < range.max)) {
        make_single(&range, dimension);
        return DOZAN_OK;
    }
    dimension->form = DZ_CONTINUOUS;
    dimension->shown.min = range.min;
    dimension->shown.max = range.max;
    dimension->distribution = dz_distribution_make(dimension->shown.distribution, range.min,
                                                   range.max, range.min, range.max);
    set_places(dimension);
    return DOZAN_OK;
}

/* ---- levels of a range ----------------------------------------------------------------------- */

static dozan_status too_many_levels(const char *what, dozan_error *err)
{
    return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, FIELD_STEP,
                           "the range has more levels than %s: use a larger step, or a double "
                           "without step",
                           what);
}

/* Puts min and step on a common scale and counts the levels up to max. */
static dozan_status count_levels(const dozan_parameter *parameter, const range_numbers *range,
                                 dz_dimension *dimension, dozan_error *err)
{
    dz_decimal min = {0};
    dz_decimal max = {0};
    bool exact = dz_decimal_parse(parameter->min, &min) && dz_decimal_parse(parameter->max, &max);
    int scale = range->step.scale;
    if (min.digits != 0 && min.scale > scale)
        scale = min.scale;
    if (parameter->type == DOZAN_INT)
        scale = 0;
    dz_int128 last = 0;
    exact = exact && dz_decimal_floor(min, scale, &dimension->first) &&
            dz_decimal_floor(range->step, scale, &dimension->stride) &&
            dz_decimal_floor(max, scale, &last);
    if (!exact)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, FIELD_STEP,
                               "min, max and step together span more than %d decimal digits: "
                               "round them",
                               (int)DZ_DECIMAL_DIGITS);
    if (last < dimension->first) /* by less than a double can tell */
        return max_below_min(parameter, err);
    dz_int128 steps = (last - dimension->first) / dimension->stride;
    if (steps >= (dz_int128)max_levels)
        return too_many_levels("can be told apart (2^53)", err);
    dimension->scale = scale;
    dimension->shown.levels = (uint64_t)steps + 1;
    return DOZAN_OK;
}

/* The levels' cells under a distribution that is not flat. A cell reaches half a step to each side;
 * the first one of a logarithmic kind reaches as far down as up in ln x, so that it stays above 0.
 */
static dozan_status set_cells(const range_numbers *range, dz_dimension *dimension, dozan_error *err)
{
    dozan_distribution kind = dimension->shown.distribution;
    uint64_t levels = dimension->shown.levels;
    double half = dimension->step / 2;
    double first = dimension->shown.min;
    double low = kind == DOZAN_NORMAL ? first - half : first * (first / (first + half));
    double high = dimension->shown.max + half;
    dimension->distribution = dz_distribution_make(kind, range->min, range->max, low, high);

    /* The density has one hump, and the first cell its own width: the narrowest part is one of
     * these. */
    const uint64_t candidates[] = {0, 1, levels - 1};
    for (size_t i = 0; i < sizeof(candidates) / sizeof(candidates[0]); i++) {
        uint64_t level = candidates[i];
        double part = dz_level_start(dimension, level + 1) - dz_level_start(dimension, level);
        if (!(part >= narrowest_part))
            return too_many_levels("can be told apart under this distribution", err);
    }
    return DOZAN_OK;
}

static dozan_status build_lattice(const dozan_parameter *parameter, const range_numbers *range,
                                  dz_dimension *dimension, dozan_error *err)
{
    dimension->form = DZ_LATTICE;
    dozan_status status = count_levels(parameter, range, dimension, err);
    if (status != DOZAN_OK)
        return status;
    uint64_t levels = dimension->shown.levels;
    dimension->step = dz_decimal_double((dz_decimal){dimension->stride, dimension->scale});
    dimension->shown.min = dz_level_value(dimension, 0);
    dimension->shown.max = dz_level_value(dimension, levels - 1);
    dimension->flat = levels == 1 || dimension->shown.distribution == DOZAN_UNIFORM;
    return dimension->flat ? DOZAN_OK : set_cells(range, dimension, err);
}
