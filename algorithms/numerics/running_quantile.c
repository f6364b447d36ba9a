#include "running_quantile.h"

#include <math.h>
#include <stdlib.h>

static bool reserve(double **heap, size_t *capacity, size_t count);
static size_t wanted_below(size_t count, double share);
static void push(double *heap, size_t count, double value, double sign);
static double pop(double *heap, size_t count, double sign);

/* A heap keeps `sign * value` smallest first: the lower part is kept with sign -1. */
static const double LOWER = -1.0;
static const double UPPER = 1.0;

void dz_running_quantile_fini(dz_running_quantile *set)
{
    free(set->lower);
    free(set->upper);
    *set = (dz_running_quantile){0};
}

bool dz_running_quantile_add(dz_running_quantile *set, double share, double value)
{
    /* one more in either, and one that moves from the other */
    if (!reserve(&set->lower, &set->lower_capacity, set->lower_count + 2) ||
        !reserve(&set->upper, &set->upper_capacity, set->upper_count + 2)) {
        return false;
    }
    if (set->lower_count == 0 || value <= set->lower[0]) {
        push(set->lower, set->lower_count++, value, LOWER);
    } else {
        push(set->upper, set->upper_count++, value, UPPER);
    }
    size_t wanted = wanted_below(set->lower_count + set->upper_count, share);
    if (set->lower_count > wanted) {
        double moved = pop(set->lower, set->lower_count--, LOWER);
        push(set->upper, set->upper_count++, moved, UPPER);
    } else if (set->lower_count < wanted) {
        double moved = pop(set->upper, set->upper_count--, UPPER);
        push(set->lower, set->lower_count++, moved, LOWER);
    }
    return true;
}

size_t dz_running_quantile_count(const dz_running_quantile *set)
{
    return set->lower_count + set->upper_count;
}

double dz_running_quantile_value(const dz_running_quantile *set, double share)
{
    if (set->lower_count == 0) {
        return NAN;
    }
    double place = share * (double)(dz_running_quantile_count(set) - 1);
    double part = place - floor(place);
    double low = set->lower[0];
    if (set->upper_count == 0 || part <= 0) {
        return low;
    }
    double high = set->upper[0];
    return isfinite(low) && isfinite(high) ? low + part * (high - low) : high;
}

/* How many of `count` numbers stand up to the quantile. */
static size_t wanted_below(size_t count, double share)
{
    return (size_t)floor(share * (double)(count - 1)) + 1;
}

static bool reserve(double **heap, size_t *capacity, size_t count)
{
    if (count <= *capacity) {
        return true;
    }
    size_t grown = *capacity < 2 ? 4 : 2 * *capacity;
    double *room = realloc(*heap, grown * sizeof(*room));
    if (room == NULL) {
        return false;
    }
    *heap = room;
    *capacity = grown;
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
