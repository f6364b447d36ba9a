#include "api/views/curve.h"

#include <math.h>
#include <stdlib.h>

static dz_curve *find_curve(dz_curves *curves, const dz_follow_key *key);
static bool add_report(void *user, int64_t seq, int64_t step, int64_t time_ms, double value);
static void halve(dz_curve *curve);
static void merge(dz_curve_point *into, const dz_curve_point *next);

void dz_curves_fini(dz_curves *curves)
{
    for (size_t i = 0; i < DZ_KEPT_CURVES; i++)
        free(curves->items[i]);
    *curves = (dz_curves){0};
}

dozan_status dz_curves_get(dz_curves *curves, dz_store *store, const dz_follow_key *key,
                           const dz_curve **curve, dozan_error *err)
{
    dz_curve *found = find_curve(curves, key);
    if (found == NULL)
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    found->used = ++curves->clock;
    *curve = found;
    return dz_store_follow(store, key, found->seq, add_report, found, err);
}

/* ---- helpers */

static bool is_same(const dz_follow_key *a, const dz_follow_key *b)
{
    return a->experiment == b->experiment && a->trial == b->trial && a->attempt == b->attempt &&
           a->metric == b->metric;
}

/* The kept curve, or an empty one in a free place or in that of the longest unused. */
static dz_curve *find_curve(dz_curves *curves, const dz_follow_key *key)
{
    size_t place = 0;
    for (size_t i = 0; i < DZ_KEPT_CURVES; i++) {
        const dz_curve *item = curves->items[i];
        if (item != NULL && is_same(&item->key, key))
            return curves->items[i];
        if (curves->items[place] != NULL &&
            (item == NULL || item->used < curves->items[place]->used))
            place = i;
    }
    if (curves->items[place] == NULL)
        curves->items[place] = malloc(sizeof *curves->items[place]);
    if (curves->items[place] == NULL)
        return NULL;
    *curves->items[place] = (dz_curve){.key = *key, .stride = 1};
    return curves->items[place];
}

static bool add_report(void *user, int64_t seq, int64_t step, int64_t time_ms, double value)
{
    dz_curve *curve = user;
    dz_curve_point report = {.step = step, .time_ms = time_ms, .reports = 1};
    if (!isnan(value)) {
        report.sum = report.min = report.max = value;
        report.count = 1;
    }
    curve->seq = seq;
    dz_curve_point *last = curve->count > 0 ? &curve->points[curve->count - 1] : NULL;
    if (last != NULL && last->reports < curve->stride) {
        merge(last, &report);
        return true;
    }
    if (curve->count == DZ_CURVE_POINTS)
        halve(curve);
    last = &curve->points[curve->count > 0 ? curve->count - 1 : 0];
    if (curve->count > 0 && last->reports < curve->stride)
        merge(last, &report);
    else
        curve->points[curve->count++] = report;
    return true;
}

static void halve(dz_curve *curve)
{
    for (size_t i = 0; i < DZ_CURVE_POINTS / 2; i++) {
        curve->points[i] = curve->points[2 * i];
        merge(&curve->points[i], &curve->points[2 * i + 1]);
    }
    curve->count = DZ_CURVE_POINTS / 2;
    curve->stride *= 2;
}

static void merge(dz_curve_point *into, const dz_curve_point *next)
{
    into->step = next->step;
    into->time_ms = next->time_ms;
    into->reports += next->reports;
    if (next->count == 0)
        return;
    if (into->count == 0 || next->min < into->min)
        into->min = next->min;
    if (into->count == 0 || next->max > into->max)
        into->max = next->max;
    into->sum += next->sum;
    into->count += next->count;
}
