/*
 * What dozan/algorithm.h gives to algorithms beside the history: random points, and labels.
 */
#include <dozan/algorithm.h>

#include <stdlib.h>
#include <string.h>

enum {
    DRAWS_LARGE = 1000, /* in a space that cannot be walked */
    DRAWS_SMALL = 32    /* before walking */
};

static const uint64_t largest_walk = (uint64_t)1 << 20;

void dozan_random_point(const dozan_space *space, dozan_rng *rng, double *unit)
{
    size_t dimensions = dozan_space_dimensions(space);
    for (size_t i = 0; i < dimensions; i++)
        unit[i] = dozan_rng_uniform(rng);
    dozan_space_snap(space, unit);
}

bool dozan_point_taken(const dozan_problem *problem, const dozan_ask *ask, const double *point)
{
    if (dozan_history_contains(problem->history, point))
        return true;
    size_t size = dozan_space_dimensions(problem->space) * sizeof(*point);
    for (size_t i = 0; i < ask->tentative_count; i++)
        if (memcmp(ask->tentative[i], point, size) == 0)
            return true;
    return false;
}

bool dozan_random_free_point(const dozan_problem *problem, const dozan_ask *ask, dozan_rng *rng,
                             double *unit)
{
    uint64_t points = dozan_space_points(problem->space);
    bool small = points > 0 && points <= largest_walk;
    for (int draw = 0; draw < (small ? DRAWS_SMALL : DRAWS_LARGE); draw++) {
        dozan_random_point(problem->space, rng, unit);
        if (!dozan_point_taken(problem, ask, unit))
            return true;
    }
    if (!small)
        return false;
    uint64_t start = dozan_rng_below(rng, points);
    for (uint64_t i = 0; i < points; i++) {
        dozan_space_point(problem->space, (start + i) % points, unit);
        if (!dozan_point_taken(problem, ask, unit))
            return true;
    }
    return false;
}

dozan_status dozan_answer_label(dozan_answer *answer, const char *name, const char *value,
                                dozan_error *err)
{
    size_t name_size = strlen(name) + 1;
    size_t value_size = strlen(value) + 1;
    if (answer->label_count >= DOZAN_MAX_LABELS)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, NULL,
                               "label '%s' is one more than the %d that a suggestion may have",
                               name, (int)DOZAN_MAX_LABELS);
    if (name_size == 1 || name_size > DOZAN_LABEL_TEXT || value_size > DOZAN_LABEL_TEXT)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, NULL,
                               "label '%s': its name must have 1 to %d bytes, its value at most "
                               "%d",
                               name, DOZAN_LABEL_TEXT - 1, DOZAN_LABEL_TEXT - 1);
    memcpy(answer->labels[answer->label_count].name, name, name_size);
    memcpy(answer->labels[answer->label_count].value, value, value_size);
    answer->label_count++;
    return DOZAN_OK;
}
