#include "running_median.h"

#include <math.h>
#include <stdlib.h>

static bool reserve(dz_running_median *median);
static void push(double *heap, size_t count, double value, double sign);
static double pop(double *heap, size_t count, double sign);

/* A heap keeps `sign * value` smallest first: the lower half is kept with sign -1. */
static const double LOWER = -1.0;
static const double UPPER = 1.0;

void dz_running_median_fini(dz_running_median *median)
{
    free(median->lower);
    free(median->upper);
    *median = (dz_running_median){0};
}

bool dz_running_median_add(dz_running_median *median, double value)
{
    if (!reserve(median)) {
        return false;
    }
    if (median->lower_count == 0 || value <= median->lower[0]) {
        push(median->lower, median->lower_count++, value, LOWER);
    } else {
        push(median->upper, median->upper_count++, value, UPPER);
    }
    if (median->lower_count > median->upper_count + 1) {
        double moved = pop(median->lower, median->lower_count--, LOWER);
        push(median->upper, median->upper_count++, moved, UPPER);
    } else if (median->upper_count > median->lower_count) {
        double moved = pop(median->upper, median->upper_count--, UPPER);
        push(median->lower, median->lower_count++, moved, LOWER);
    }
    return true;
}

size_t dz_running_median_count(const dz_running_median *median)
{
    return median->lower_count + median->upper_count;
}

double dz_running_median_value(const dz_running_median *median)
{
    if (median->lower_count == 0) {
        return NAN;
    }
    double low = median->lower[0];
    if (median->lower_count > median->upper_count) {
        return low;
    }
    double high = median->upper[0];
    return isfinite(low) && isfinite(high) ? low + (high - low) / 2 : high;
}

/* Room for one more in each heap, and for the moment at which one of them is two ahead. */
static bool reserve(dz_running_median *median)
{
    size_t count = dz_running_median_count(median);
    if (count / 2 + 2 <= median->capacity) {
        return true;
    }
    size_t capacity = median->capacity < 4 ? 4 : 2 * median->capacity;
    double *lower = realloc(median->lower, capacity * sizeof(*lower));
    if (lower == NULL) {
        return false;
    }
    median->lower = lower;
    double *upper = realloc(median->upper, capacity * sizeof(*upper));
    if (upper == NULL) {
        return false;
    }
    median->upper = upper;
    median->capacity = capacity;
    return true;
}

static void push(double *heap, size_t count, double value, double sign)
{
    size_t at = count;
    while (at > 0) {
        size_t parent = (at - 1) / 2;
        if (sign * heap[parent] <= sign * value) {
            break;
        }
        heap[at] = heap[parent];
        at = parent;
    }
    heap[at] = value;
}

/* Takes the first of `count` numbers out and returns it. */
static double pop(double *heap, size_t count, double sign)
{
    double first = heap[0];
    double last = heap[count - 1];
    size_t at = 0;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= count - 1) {
            break;
        }
        if (child + 1 < count - 1 && sign * heap[child + 1] < sign * heap[child]) {
            child++;
        }
        if (sign * last <= sign * heap[child]) {
            break;
        }
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = last;
    return first;
}
