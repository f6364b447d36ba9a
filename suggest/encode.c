/*
 * Coordinates to values and back.
 *
 * Quantised: a level is found from its coordinate exactly. The flat ones by floor(u * levels) with
 * the product's rounding error taken into account; the others by the inverse distribution,
 * corrected against the starts of the levels' parts, which alone decide.
 *
 * Continuous: value and coordinate are each only known to some rounding error, so values are
 * rounded to a decimal grid at least 8 times as coarse. Then value(coordinate(v)) = v holds for
 * each v of the grid, which makes snapping idempotent and lets text and snapped coordinate stand
 * for each other. Grid values closer to an end of the range than half a gap count as the end.
 */
#include "space_parts.h"
#include "text.h"

#include <math.h>
#include <string.h>

static uint64_t level_of(const dz_dimension *d, double u);
static double coordinate_of_level(const dz_dimension *d, uint64_t level);
static double value_of(const dz_dimension *d, double u);
static double coordinate_of(const dz_dimension *d, double value);
static uint64_t nearest_level(const dz_dimension *d, double value);
static dozan_status parse_level(const dz_dimension *d, const char *text, uint64_t *level,
                                dozan_error *err);
static dozan_status parse_continuous(const dz_dimension *d, const char *text, double *u,
                                     dozan_error *err);

static double unit_range(double u)
{
    return isnan(u) ? 0.5 : fmin(fmax(u, 0), 1);
}

void dozan_space_snap(const dozan_space *space, double *unit)
{
    for (size_t i = 0; i < space->count; i++) {
        const dz_dimension *d = &space->dimensions[i];
        bool active = !space->conditional || dozan_space_active(space, unit, i);
        double u = active ? unit_range(unit[i]) : 0.5;
        unit[i] = d->form == DZ_CONTINUOUS ? coordinate_of(d, value_of(d, u))
                                           : coordinate_of_level(d, level_of(d, u));
    }
}

uint64_t dozan_space_level(const dozan_space *space, size_t index, double u)
{
    const dz_dimension *d = &space->dimensions[index];
    return d->form == DZ_CONTINUOUS ? 0 : level_of(d, unit_range(u));
}

double dozan_space_level_coordinate(const dozan_space *space, size_t index, uint64_t level)
{
    const dz_dimension *d = &space->dimensions[index];
    if (d->form == DZ_CONTINUOUS)
        return 0.5;
    return coordinate_of_level(d, level < d->shown.levels ? level : d->shown.levels - 1);
}

double dozan_space_value(const dozan_space *space, size_t index, double u)
{
    const dz_dimension *d = &space->dimensions[index];
    u = unit_range(u);
    return d->form == DZ_CONTINUOUS ? value_of(d, u) : dz_level_value(d, level_of(d, u));
}

double dozan_space_coordinate(const dozan_space *space, size_t index, double value)
{
    const dz_dimension *d = &space->dimensions[index];
    if (isnan(value))
        value = d->shown.min + (d->shown.max - d->shown.min) / 2;
    if (d->form == DZ_CONTINUOUS)
        return coordinate_of(d, value_of(d, dz_distribution_cdf(&d->distribution, value)));
    return coordinate_of_level(d, nearest_level(d, value));
}

const char *dozan_space_text(const dozan_space *space, size_t index, double u,
                             char text[DOZAN_VALUE_TEXT])
{
    const dz_dimension *d = &space->dimensions[index];
    u = unit_range(u);
    if (d->form == DZ_CONTINUOUS) {
        dozan_number_text(value_of(d, u), text);
        return text;
    }
    uint64_t level = level_of(d, u);
    if (d->form == DZ_LIST)
        return d->entries[level];
    dz_decimal value = {d->first + (dz_int128)level * d->stride, d->scale};
    dz_decimal_text(value, text);
    return text;
}

dozan_status dozan_space_parse(const dozan_space *space, size_t index, const char *text, double *u,
                               dozan_error *err)
{
    const dz_dimension *d = &space->dimensions[index];
    if (d->form == DZ_CONTINUOUS)
        return parse_continuous(d, text, u, err);
    uint64_t level = 0;
    dozan_status status = parse_level(d, text, &level, err);
    if (status == DOZAN_OK)
        *u = coordinate_of_level(d, level);
    return status;
}

double dz_level_value(const dz_dimension *d, uint64_t level)
{
    if (d->form == DZ_LIST)
        return d->numbers != NULL ? d->numbers[level] : (double)level;
    dz_decimal value = {d->first + (dz_int128)level * d->stride, d->scale};
    return dz_decimal_double(value);
}

double dz_level_start(const dz_dimension *d, uint64_t level)
{
    if (level == 0)
        return 0;
    if (level >= d->shown.levels)
        return 1;
    if (d->form == DZ_LIST || d->flat)
        return (double)level / (double)d->shown.levels;
    return dz_distribution_cdf(&d->distribution, d->shown.min + ((double)level - 0.5) * d->step);
}

/* ---- quantised dimensions -------------------------------------------------------------------- */

/* floor(u * levels), exact for all levels up to 2^53: where the product was rounded up to a whole
 * number, the remainder that fma gives is negative. */
static uint64_t flat_level(double u, uint64_t levels)
{
    double product = u * (double)levels;
    double whole = floor(product);
    double remainder = fma(u, (double)levels, -product);
    if (whole >= product && remainder < 0)
        whole -= 1;
    uint64_t level = (uint64_t)whole;
    return level < levels ? level : levels - 1;
}

static uint64_t cell_level(const dz_dimension *d, double u)
{
    double x = dz_distribution_quantile(&d->distribution, u);
    double guess = floor((x - d->shown.min) / d->step + 0.5);
    double last = (double)(d->shown.levels - 1);
    uint64_t level = (uint64_t)fmin(fmax(guess, 0), last);
    while (level > 0 && u < dz_level_start(d, level))
        level--;
    while (level + 1 < d->shown.levels && u >= dz_level_start(d, level + 1))
        level++;
    return level;
}

static uint64_t level_of(const dz_dimension *d, double u)
{
    if (d->form == DZ_LIST || d->flat)
        return flat_level(u, d->shown.levels);
    return cell_level(d, u);
}

static double coordinate_of_level(const dz_dimension *d, uint64_t level)
{
    if (d->form == DZ_LATTICE && !d->flat) {
        double start = dz_level_start(d, level);
        return start + (dz_level_start(d, level + 1) - start) / 2;
    }
    /* With close to 2^53 levels the middle may be rounded into a neighbour's part, which is one
     * double away. */
    double u = fmin(((double)level + 0.5) / (double)d->shown.levels, 1 - 0x1p-53);
    while (flat_level(u, d->shown.levels) > level)
        u = nextafter(u, 0);
    while (flat_level(u, d->shown.levels) < level)
        u = nextafter(u, 1);
    return u;
}

static uint64_t nearest_lattice_level(const dz_dimension *d, double value)
{
    double last = (double)(d->shown.levels - 1);
    double guess = fmin(fmax(floor((value - d->shown.min) / d->step + 0.5), 0), last);
    uint64_t middle = (uint64_t)guess;
    uint64_t best = middle;
    double best_distance = fabs(dz_level_value(d, middle) - value);
    for (int offset = -1; offset <= 1; offset += 2) {
        if ((offset < 0 && middle == 0) || (offset > 0 && middle + 1 >= d->shown.levels))
            continue;
        uint64_t level = offset < 0 ? middle - 1 : middle + 1;
        double distance = fabs(dz_level_value(d, level) - value);
        if (distance < best_distance) {
            best = level;
            best_distance = distance;
        }
    }
    return best;
}

static uint64_t nearest_level(const dz_dimension *d, double value)
{
    if (d->form == DZ_LATTICE)
        return nearest_lattice_level(d, value);
    uint64_t best = 0;
    for (uint64_t level = 1; level < d->shown.levels; level++)
        if (fabs(dz_level_value(d, level) - value) < fabs(dz_level_value(d, best) - value))
            best = level;
    return best;
}

/* ---- continuous dimensions ------------------------------------------------------------------- */

/* The exact ones, which are nearly all, from a table: pow would take as long as all else here. */
static double power_of_ten(int exponent)
{
    static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                    1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                    1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    return exponent >= 0 && exponent <= 22 ? powers[exponent] : pow(10, exponent);
}

/* The nearest value of the decimal grid, in the range. */
static double round_to_grid(const dz_dimension *d, double x)
{
    if (x <= d->shown.min || x >= d->shown.max)
        return x <= d->shown.min ? d->shown.min : d->shown.max;
    int decimals = d->places;
    if (d->significant)
        decimals -= 1 + (int)floor(log10(x));
    double unit = power_of_ten(decimals);
    dz_decimal rounded = {(dz_int128)rint(x * unit), decimals};
    double value = dz_decimal_double(rounded);
    if (value - d->shown.min < 0.5 / unit)
        return d->shown.min;
    if (d->shown.max - value < 0.5 / unit)
        return d->shown.max;
    return value;
}

static double value_of(const dz_dimension *d, double u)
{
    return round_to_grid(d, dz_distribution_quantile(&d->distribution, u));
}

static double coordinate_of(const dz_dimension *d, double value)
{
    return dz_distribution_cdf(&d->distribution, value);
}

/* ---- texts ----------------------------------------------------------------------------------- */

static dozan_status no_number(const dz_dimension *d, const char *text, dozan_error *err)
{
    char excerpt[DZ_EXCERPT];
    return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, NULL,
                           "'%s' is no number, as parameter '%s' needs one",
                           dz_text_excerpt(text, excerpt), d->shown.name);
}

static dozan_status out_of_range(const dz_dimension *d, const char *text, dozan_error *err)
{
    char excerpt[DZ_EXCERPT];
    char min[DOZAN_VALUE_TEXT];
    char max[DOZAN_VALUE_TEXT];
    dozan_number_text(d->shown.min, min);
    dozan_number_text(d->shown.max, max);
    return dozan_error_set(err, DOZAN_OUT_OF_RANGE, NULL,
                           "%s is outside the range %s to %s of parameter '%s'",
                           dz_text_excerpt(text, excerpt), min, max, d->shown.name);
}

static dozan_status parse_continuous(const dz_dimension *d, const char *text, double *u,
                                     dozan_error *err)
{
    double value = 0;
    if (!dozan_number_parse(text, false, &value))
        return no_number(d, text != NULL ? text : "", err);
    if (value < d->shown.min || value > d->shown.max)
        return out_of_range(d, text, err);
    *u = coordinate_of(d, value_of(d, dz_distribution_cdf(&d->distribution, value)));
    return DOZAN_OK;
}

static bool same_number(double a, double b)
{
    return a >= b && a <= b;
}

static dozan_status parse_entry(const dz_dimension *d, const char *text, uint64_t *level,
                                dozan_error *err)
{
    size_t found = dz_find_text(d->by_text, d->shown.levels, d->entries, text);
    double value = 0;
    if (found == SIZE_MAX && d->numbers != NULL && dozan_number_parse(text, false, &value)) {
        uint64_t nearest = nearest_level(d, value);
        found = same_number(d->numbers[nearest], value) ? nearest : SIZE_MAX;
    }
    if (found == SIZE_MAX) {
        char excerpt[DZ_EXCERPT];
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, NULL,
                               "'%s' is not in the list of parameter '%s'",
                               dz_text_excerpt(text, excerpt), d->shown.name);
    }
    *level = found;
    return DOZAN_OK;
}

/* The level that is exactly the decimal; false when there is none. */
static bool find_exact_level(const dz_dimension *d, const char *text, uint64_t *level)
{
    dz_decimal decimal = {0};
    dz_int128 digits = 0;
    if (!dz_decimal_parse(text, &decimal) || decimal.scale > d->scale ||
        !dz_decimal_floor(decimal, d->scale, &digits))
        return false;
    dz_int128 offset = digits - d->first;
    if (offset < 0 || offset % d->stride != 0 || offset / d->stride >= (dz_int128)d->shown.levels)
        return false;
    *level = (uint64_t)(offset / d->stride);
    return true;
}

/* Texts are compared as decimals, since a double may be too coarse (for all of int64, say). A text
 * with more digits than a double has may also be a level's double, written out. */
static bool find_lattice_level(const dz_dimension *d, const char *text, double value,
                               uint64_t *level)
{
    if (find_exact_level(d, text, level))
        return true;
    if (d->shown.type == DOZAN_INT)
        return false;
    *level = nearest_lattice_level(d, value);
    return same_number(dz_level_value(d, *level), value);
}

static dozan_status parse_level(const dz_dimension *d, const char *text, uint64_t *level,
                                dozan_error *err)
{
    if (text == NULL)
        text = "";
    if (d->form == DZ_LIST)
        return parse_entry(d, text, level, err);
    double value = 0;
    if (!dozan_number_parse(text, false, &value))
        return no_number(d, text, err);
    if (find_lattice_level(d, text, value, level))
        return DOZAN_OK;
    if (value < d->shown.min || value > d->shown.max)
        return out_of_range(d, text, err);
    char excerpt[DZ_EXCERPT];
    return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, NULL,
                           "%s is no level of parameter '%s': its levels are min + k * step",
                           dz_text_excerpt(text, excerpt), d->shown.name);
}
