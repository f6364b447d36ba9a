/*
 * Learning curves of bounded size that follow a trial as it reports.
 *
 * A curve has at most DZ_CURVE_POINTS buckets of the same number of reports, each with its mean,
 * least and greatest value. When they are full, pairs of buckets become one. So a new report costs
 * O(1), and a curve of ten million reports is as quick to show as one of ten; one of few reports
 * has a bucket for each.
 */
#ifndef DZ_VIEWS_CURVE_H
#define DZ_VIEWS_CURVE_H

#include "store/follow.h"

enum { DZ_CURVE_POINTS = 256, DZ_KEPT_CURVES = 96 };

typedef struct dz_curve_point {
    int64_t step, time_ms; /* of its last report */
    double sum, min, max;  /* of the numbers among them; a bucket of none has count 0 */
    int64_t count;
    int64_t reports; /* with those that are no numbers */
} dz_curve_point;

typedef struct dz_curve {
    dz_follow_key key;
    int64_t seq;    /* the last that was read */
    int64_t stride; /* reports of a full bucket */
    int64_t used;   /* for the choice of the one to drop */
    size_t count;
    dz_curve_point points[DZ_CURVE_POINTS];
} dz_curve;

typedef struct dz_curves {
    dz_curve *items[DZ_KEPT_CURVES];
    int64_t clock;
} dz_curves;

void dz_curves_fini(dz_curves *curves);

/* The curve, up to the last report that the store has. Borrowed until the next call. */
DOZAN_MUST_USE dozan_status dz_curves_get(dz_curves *curves, dz_store *store,
                                          const dz_follow_key *key, const dz_curve **curve,
                                          dozan_error *err);

#endif
