#include "sorted_sample.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void take_out(dz_sorted_axis *axis, uint32_t slot);

dz_sorted_sample *dz_sorted_sample_create(size_t axis_count, size_t capacity, uint64_t seed)
{
    dz_sorted_sample *sample = calloc(1, sizeof(*sample));
    if (sample == NULL) {
        return NULL;
    }
    sample->axis_count = axis_count;
    sample->reservoir.capacity = capacity;
    sample->reservoir.seed = seed;
    sample->reservoir.items = calloc(capacity + 1, sizeof(*sample->reservoir.items));
    sample->ids = calloc(capacity + 1, sizeof(*sample->ids));
    sample->axes = calloc(axis_count + 1, sizeof(*sample->axes));
    double *coordinates = calloc(axis_count * capacity + 1, sizeof(*coordinates));
    uint32_t *orders = calloc(axis_count * capacity + 1, sizeof(*orders));
    if (sample->axes != NULL) { /* the first axis owns both arrays */
        sample->axes[0] = (dz_sorted_axis){.coordinate = coordinates, .order = orders};
    } else {
        free(coordinates);
        free(orders);
    }
    if (sample->axes == NULL || coordinates == NULL || orders == NULL || sample->ids == NULL ||
        sample->reservoir.items == NULL) {
        dz_sorted_sample_destroy(sample);
        return NULL;
    }
    for (size_t a = 1; a < axis_count; a++) {
        sample->axes[a].coordinate = coordinates + a * capacity;
        sample->axes[a].order = orders + a * capacity;
    }
    return sample;
}

void dz_sorted_sample_destroy(dz_sorted_sample *sample)
{
    if (sample == NULL) {
        return;
    }
    if (sample->axes != NULL) {
        free(sample->axes[0].coordinate);
        free(sample->axes[0].order);
    }
    free(sample->axes);
    free(sample->ids);
    free(sample->reservoir.items);
    free(sample);
}

void dz_sorted_sample_add(dz_sorted_sample *sample, int64_t id, const double *point)
{
    size_t before = sample->reservoir.count;
    size_t slot = 0;
    if (!dz_reservoir_add(&sample->reservoir, id, &slot)) {
        return;
    }
    sample->ids[slot] = id;
    for (size_t a = 0; a < sample->axis_count; a++) {
        dz_sorted_axis *axis = &sample->axes[a];
        if (slot < before && !isnan(axis->coordinate[slot])) {
            take_out(axis, (uint32_t)slot);
        }
        axis->coordinate[slot] = point[a];
        if (!isnan(point[a])) {
            dz_sorted_insert(axis->order, axis->sorted++, axis->coordinate, (uint32_t)slot);
        }
    }
}

void dz_sorted_insert(uint32_t *order, size_t count, const double *coordinate, uint32_t item)
{
    size_t low = 0;
    size_t high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (coordinate[order[middle]] <= coordinate[item]) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    memmove(&order[low + 1], &order[low], (count - low) * sizeof(*order));
    order[low] = item;
}

static void take_out(dz_sorted_axis *axis, uint32_t slot)
{
    size_t at = 0;
    while (axis->order[at] != slot) {
        at++;
    }
    axis->sorted--;
    memmove(&axis->order[at], &axis->order[at + 1], (axis->sorted - at) * sizeof(*axis->order));
}
