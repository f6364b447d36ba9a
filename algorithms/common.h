/*
 * What several algorithms share: rows of the settings tables, and the reading of the history.
 */
#ifndef DZ_COMMON_H
#define DZ_COMMON_H

#include <dozan/algorithm.h>

/* Katib's name for the seed; the kit puts it into problem->seed. */
#define DZ_SETTING_RANDOM_STATE                                                                    \
    {                                                                                              \
        .name = "random_state", .type = DOZAN_SETTING_INT, .min = "0",                             \
        .help = "Seed of the search; the experiment's own seed when it is not given."              \
    }

#define DZ_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Whether an event ends a trial in a way that says something of its point, good or bad. */
bool dz_event_is_result(const dozan_event *event);

/* Whether a trial has a loss to learn from. NaN is none, and infinitely bad is no better than a
 * failure. */
bool dz_trial_is_usable(const dozan_trial *trial);

/* The points of the newest pending trials, at most `max`, in the order of their numbers; the
 * batch's tentative points come last, as the trials that they will be. So a batch and single asks
 * see the same list. The caller frees *points; false when there is no memory. */
bool dz_pending_points(const dozan_problem *problem, const dozan_ask *ask, size_t max,
                       const double ***points, size_t *count);

#endif
