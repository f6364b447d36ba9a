#include "common.h"

#include <math.h>
#include <stdlib.h>

typedef struct numbered {
    int64_t number;
    const double *point;
} numbered;

static int compare_numbers(const void *a, const void *b);

bool dz_event_is_result(const dozan_event *event)
{
    switch (event->kind) {
    case DOZAN_EVENT_COMPLETED:
    case DOZAN_EVENT_STOPPED:
    case DOZAN_EVENT_FAILED:
    case DOZAN_EVENT_UNAVAILABLE:
        return true;
    case DOZAN_EVENT_ASKED:
    case DOZAN_EVENT_STARTED:
    case DOZAN_EVENT_REPORT:
    case DOZAN_EVENT_LOST:
    case DOZAN_EVENT_KILLED:
    case DOZAN_EVENT_KNOWN:
        return false;
    }
    return false;
}

bool dz_trial_is_usable(const dozan_trial *trial)
{
    return (trial->state == DOZAN_TRIAL_COMPLETED || trial->state == DOZAN_TRIAL_STOPPED) &&
           trial->loss < INFINITY;
}

bool dz_pending_points(const dozan_problem *problem, const dozan_ask *ask, size_t max,
                       const double ***points, size_t *count)
{
    size_t pending = dozan_history_pending_count(problem->history);
    numbered *trials = malloc((pending + 1) * sizeof(*trials));
    const double **list = malloc((pending + ask->tentative_count + 1) * sizeof(*list));
    if (trials == NULL || list == NULL) {
        free(trials);
        free(list);
        return false;
    }
    for (size_t i = 0; i < pending; i++) {
        const dozan_trial *trial = dozan_history_pending(problem->history, i);
        trials[i] = (numbered){trial->number, trial->point};
    }
    qsort(trials, pending, sizeof(*trials), compare_numbers);
    size_t all = pending + ask->tentative_count;
    size_t filled = 0;
    for (size_t i = all > max ? all - max : 0; i < all; i++) {
        list[filled++] = i < pending ? trials[i].point : ask->tentative[i - pending];
    }
    free(trials);
    *points = list;
    *count = filled;
    return true;
}

static int compare_numbers(const void *a, const void *b)
{
    const numbered *x = a;
    const numbered *y = b;
    return x->number < y->number ? -1 : 1;
}
