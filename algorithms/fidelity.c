#include "fidelity.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    DRAWS = 64,             /* before a small space is walked, or the wish is given up */
    LARGEST_WALK = 1 << 14, /* configurations */
    MAX_WHOLE_DIGITS = 18
};

/* What a drawn configuration must not share with a trial, from the strictest on. */
typedef enum freshness { NEW_AT_EVERY_RUNG, NEW_AT_THIS_RUNG } freshness;

static dozan_status find_resource(const dozan_problem *problem, dz_ladder *ladder, double *most,
                                  dozan_error *err);
static double default_least(const dozan_dimension *resource, double most);
static double rung_coordinate(const dozan_problem *problem, const dz_ladder *ladder, double value);
static bool is_fresh(const dz_ladder *ladder, const dozan_problem *problem, const dozan_ask *ask,
                     int rung, freshness wanted, double *point);
static bool draw_fresh(const dz_ladder *ladder, const dozan_problem *problem, const dozan_ask *ask,
                       int rung, freshness wanted, dozan_rng *rng, double *point);
static bool walk(const dz_ladder *ladder, const dozan_problem *problem, const dozan_ask *ask,
                 int rung, freshness wanted, dozan_rng *rng, double *point);
static uint64_t configurations(const dozan_space *space, size_t resource);

dozan_status dz_ladder_make(const dozan_problem *problem, double eta, double least,
                            dz_ladder *ladder, dozan_error *err)
{
    double most = 0;
    *ladder = (dz_ladder){.eta = eta};
    dozan_status status = find_resource(problem, ladder, &most, err);
    if (status != DOZAN_OK) {
        return status;
    }
    const dozan_dimension *resource = dozan_space_dimension(problem->space, ladder->dimension);
    if (isnan(least)) {
        least = default_least(resource, most);
    } else if (least > most || least < resource->min) {
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "algorithmSettings",
                               "the least resource of a trial is %g; it must be at most r_l, which "
                               "is %g, and not below the min of parameter \"%s\", which is %g",
                               least, most, resource->name, resource->min);
    }
    /* 3^5 is 243, whatever rounding makes of it. */
    double ratio = most / least * (1 + 1e-9);
    while (dz_ladder_power(ladder, ladder->top + 1) <= ratio) {
        if (++ladder->top == DZ_MAX_RUNGS) {
            return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "algorithmSettings",
                                   "from %g to r_l = %g there are more than %d steps of eta = %g; "
                                   "raise the min of parameter \"%s\", or eta",
                                   least, most, DZ_MAX_RUNGS, eta, resource->name);
        }
    }
    for (int k = 0; k <= ladder->top; k++) {
        double value = most / dz_ladder_power(ladder, ladder->top - k);
        ladder->coordinates[k] = rung_coordinate(problem, ladder, value);
    }
    return DOZAN_OK;
}

double dz_ladder_power(const dz_ladder *ladder, int power)
{
    double product = 1; /* whole numbers stay exact, which pow does not promise */
    for (int i = 0; i < power; i++) {
        product *= ladder->eta;
    }
    return product;
}

double dz_ladder_bracket_size(const dz_ladder *ladder, int s)
{
    return ceil((ladder->top + 1) * dz_ladder_power(ladder, s) / (s + 1) - 1e-9);
}

void dz_ladder_draw(const dz_ladder *ladder, const dozan_problem *problem, const dozan_ask *ask,
                    int rung, dozan_rng *rng, double *point)
{
    if (!draw_fresh(ladder, problem, ask, rung, NEW_AT_EVERY_RUNG, rng, point) &&
        !draw_fresh(ladder, problem, ask, rung, NEW_AT_THIS_RUNG, rng, point)) {
        dozan_random_point(problem->space, rng, point);
        point[ladder->dimension] = ladder->coordinates[rung];
    }
}

dozan_status dz_answer_label_number(dozan_answer *answer, const char *name, int64_t value,
                                    dozan_error *err)
{
    char text[32];
    (void)snprintf(text, sizeof(text), "%" PRId64, value);
    return dozan_answer_label(answer, name, text, err);
}

bool dz_trial_label_number(const dozan_trial *trial, const char *name, int64_t *value)
{
    const char *text = dozan_trial_label(trial, name);
    size_t length = text != NULL ? strspn(text, "0123456789") : 0;
    if (length == 0 || length > MAX_WHOLE_DIGITS || text[length] != '\0') {
        return false;
    }
    *value = 0;
    for (size_t i = 0; i < length; i++) {
        *value = 10 * *value + (text[i] - '0');
    }
    return true;
}

/* ---- the ladder ------------------------------------------------------------------------------ */

static dozan_status find_resource(const dozan_problem *problem, dz_ladder *ladder, double *most,
                                  dozan_error *err)
{
    const char *name = dozan_setting_text(problem->settings, "resource_name");
    ladder->dimension = dozan_space_find(problem->space, name);
    if (ladder->dimension == SIZE_MAX) {
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "algorithmSettings",
                               "resource_name is \"%.64s\", and no parameter has that name", name);
    }
    const dozan_dimension *resource = dozan_space_dimension(problem->space, ladder->dimension);
    if (resource->type != DOZAN_INT && resource->type != DOZAN_DOUBLE) {
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "algorithmSettings",
                               "resource_name is \"%.64s\", a parameter of a list of values; it "
                               "must be one of type int or double",
                               name);
    }
    for (size_t d = 0; d < dozan_space_dimensions(problem->space); d++) {
        if (dozan_space_dimension(problem->space, d)->parent == ladder->dimension ||
            resource->parent != SIZE_MAX) {
            return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "algorithmSettings",
                                   "parameter \"%.64s\" is the resource: it can have no condition, "
                                   "and no parameter can have one on it",
                                   name);
        }
    }
    *most = dozan_setting_double(problem->settings, "r_l");
    if (*most <= 0 || *most > resource->max || *most < resource->min) {
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "algorithmSettings",
                               "r_l is %g; it must be above 0, and within the range of parameter "
                               "\"%.64s\", which is %g to %g",
                               *most, name, resource->min, resource->max);
    }
    return DOZAN_OK;
}

static double default_least(const dozan_dimension *resource, double most)
{
    if (resource->min > 0) {
        return resource->min;
    }
    return most > 1 ? 1 : most;
}

/* Rounded down, as one who pays for the resource expects it; but never below the range. */
static double rung_coordinate(const dozan_problem *problem, const dz_ladder *ladder, double value)
{
    const dozan_dimension *resource = dozan_space_dimension(problem->space, ladder->dimension);
    size_t index = ladder->dimension;
    double u = dozan_space_coordinate(problem->space, index, value);
    if (resource->levels > 0 && dozan_space_value(problem->space, index, u) > value * (1 + 1e-9)) {
        uint64_t level = dozan_space_level(problem->space, index, u);
        u = dozan_space_level_coordinate(problem->space, index, level > 0 ? level - 1 : 0);
    }
    return u;
}

/* ---- configurations -------------------------------------------------------------------------- */

static bool is_fresh(const dz_ladder *ladder, const dozan_problem *problem, const dozan_ask *ask,
                     int rung, freshness wanted, double *point)
{
    bool taken = false;
    if (wanted == NEW_AT_EVERY_RUNG) {
        for (int k = 0; k <= ladder->top && !taken; k++) {
            point[ladder->dimension] = ladder->coordinates[k];
            taken = dozan_point_taken(problem, ask, point);
        }
    }
    point[ladder->dimension] = ladder->coordinates[rung];
    return !taken && !dozan_point_taken(problem, ask, point);
}

static bool draw_fresh(const dz_ladder *ladder, const dozan_problem *problem, const dozan_ask *ask,
                       int rung, freshness wanted, dozan_rng *rng, double *point)
{
    for (int draw = 0; draw < DRAWS; draw++) {
        dozan_random_point(problem->space, rng, point);
        if (is_fresh(ladder, problem, ask, rung, wanted, point)) {
            return true;
        }
    }
    return walk(ladder, problem, ask, rung, wanted, rng, point);
}

/* Goes through all configurations of a small space, from a random one on. */
static bool walk(const dz_ladder *ladder, const dozan_problem *problem, const dozan_ask *ask,
                 int rung, freshness wanted, dozan_rng *rng, double *point)
{
    const dozan_space *space = problem->space;
    uint64_t count = configurations(space, ladder->dimension);
    uint64_t start = count > 0 ? dozan_rng_below(rng, count) : 0;
    for (uint64_t i = 0; i < count; i++) {
        uint64_t number = (start + i) % count;
        for (size_t d = 0; d < dozan_space_dimensions(space); d++) {
            uint64_t levels = dozan_space_dimension(space, d)->levels;
            if (d != ladder->dimension) {
                point[d] = dozan_space_level_coordinate(space, d, number % levels);
                number /= levels;
            }
        }
        dozan_space_snap(space, point);
        if (is_fresh(ladder, problem, ask, rung, wanted, point)) {
            return true;
        }
    }
    return false;
}

/* How many there are; 0 when they are not to be walked. */
static uint64_t configurations(const dozan_space *space, size_t resource)
{
    uint64_t count = 1;
    for (size_t d = 0; d < dozan_space_dimensions(space); d++) {
        uint64_t levels = dozan_space_dimension(space, d)->levels;
        if (d == resource) {
            continue;
        }
        if (levels == 0 || levels > LARGEST_WALK / count) {
            return 0;
        }
        count *= levels;
    }
    return count;
}
