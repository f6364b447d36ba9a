#include "core/front.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool reserve(dz_front *front, size_t width);
static bool reserve_gone(dz_front *front);
static void insert(dz_front *front, int64_t trial, const double *values, bool stored);
static bool dominates(const dz_experiment_spec *spec, const double *a, const double *b);
static bool remove_dominated(dz_front *front, const dz_experiment_spec *spec, const double *values);
static dozan_status no_memory(dozan_error *err);

void dz_front_fini(dz_front *front)
{
    free(front->trials);
    free(front->values);
    free(front->stored);
    free(front->gone);
    *front = (dz_front){0};
}

dozan_status dz_front_offer(dz_front *front, const dz_experiment_spec *spec, int64_t trial,
                            const double *values, bool *changed, dozan_error *err)
{
    *changed = false;
    for (size_t i = 0; i < spec->objective_count; i++) {
        if (isnan(values[i])) {
            return DOZAN_OK;
        }
    }
    for (size_t i = 0; i < front->count; i++) {
        if (dominates(spec, &front->values[i * front->width], values)) {
            return DOZAN_OK;
        }
    }
    if (!reserve(front, spec->objective_count) || !remove_dominated(front, spec, values)) {
        return no_memory(err);
    }
    insert(front, trial, values, false);
    *changed = true;
    return DOZAN_OK;
}

dozan_status dz_front_restore(dz_front *front, const dz_experiment_spec *spec, int64_t trial,
                              const double *values, dozan_error *err)
{
    if (!reserve(front, spec->objective_count)) {
        return no_memory(err);
    }
    insert(front, trial, values, true);
    return DOZAN_OK;
}

void dz_front_saved(dz_front *front)
{
    for (size_t i = 0; i < front->count; i++) {
        front->stored[i] = true;
    }
    front->gone_count = 0;
}

/* The place of a trial, or where it would be. */
static size_t find(const dz_front *front, int64_t trial)
{
    size_t low = 0;
    size_t high = front->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (front->trials[middle] < trial) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

bool dz_front_has(const dz_front *front, int64_t trial)
{
    size_t i = find(front, trial);

    return i < front->count && front->trials[i] == trial;
}

/* Room for one more. */
static bool reserve(dz_front *front, size_t width)
{
    size_t capacity = front->capacity == 0 ? 8 : front->capacity * 2;
    int64_t *trials;
    double *values;
    bool *stored;

    front->width = width > 0 ? width : 1;
    if (front->count < front->capacity) {
        return true;
    }
    trials = realloc(front->trials, capacity * sizeof *trials);
    front->trials = trials != NULL ? trials : front->trials;
    values = realloc(front->values, capacity * front->width * sizeof *values);
    front->values = values != NULL ? values : front->values;
    stored = realloc(front->stored, capacity * sizeof *stored);
    front->stored = stored != NULL ? stored : front->stored;
    if (trials == NULL || values == NULL || stored == NULL) {
        return false;
    }
    front->capacity = capacity;
    return true;
}

static bool reserve_gone(dz_front *front)
{
    size_t capacity = front->gone_capacity == 0 ? 8 : front->gone_capacity * 2;
    int64_t *gone;

    if (front->gone_count < front->gone_capacity) {
        return true;
    }
    gone = realloc(front->gone, capacity * sizeof *gone);
    if (gone == NULL) {
        return false;
    }
    front->gone = gone;
    front->gone_capacity = capacity;
    return true;
}

static void insert(dz_front *front, int64_t trial, const double *values, bool stored)
{
    size_t at = find(front, trial);
    size_t after = front->count - at;
    size_t width = front->width;

    memmove(&front->trials[at + 1], &front->trials[at], after * sizeof *front->trials);
    memmove(&front->stored[at + 1], &front->stored[at], after * sizeof *front->stored);
    memmove(&front->values[(at + 1) * width], &front->values[at * width],
            after * width * sizeof *front->values);
    front->trials[at] = trial;
    front->stored[at] = stored;
    memcpy(&front->values[at * width], values, width * sizeof *values);
    front->count++;
}

/* Neither holds a NaN. */
static bool dominates(const dz_experiment_spec *spec, const double *a, const double *b)
{
    bool better = false;

    for (size_t i = 0; i < spec->objective_count; i++) {
        double mine = spec->objectives[i].maximize ? -a[i] : a[i];
        double theirs = spec->objectives[i].maximize ? -b[i] : b[i];

        if (mine > theirs) {
            return false;
        }
        better = better || mine < theirs;
    }
    return better;
}

/* False when there is no memory. */
static bool remove_dominated(dz_front *front, const dz_experiment_spec *spec, const double *values)
{
    size_t width = front->width;
    size_t kept = 0;

    for (size_t i = 0; i < front->count; i++) {
        if (dominates(spec, values, &front->values[i * width])) {
            if (!front->stored[i]) {
                continue;
            }
            if (!reserve_gone(front)) {
                return false;
            }
            front->gone[front->gone_count++] = front->trials[i];
            continue;
        }
        front->trials[kept] = front->trials[i];
        front->stored[kept] = front->stored[i];
        memmove(&front->values[kept * width], &front->values[i * width], width * sizeof *values);
        kept++;
    }
    front->count = kept;
    return true;
}

static dozan_status no_memory(dozan_error *err)
{
    return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
}
