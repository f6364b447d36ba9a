/*
 * The four distributions of a parameter, truncated to a range: value to cumulative probability and
 * back.
 */
#ifndef DZ_DISTRIBUTION_H
#define DZ_DISTRIBUTION_H

#include <dozan/space.h>

typedef struct dz_distribution {
    dozan_distribution kind;
    double low, high;       /* the range, in the parameter's unit */
    double log_width;       /* ln(high / low), for the log kinds */
    double mean, deviation; /* of the normal kinds, in x or ln x */
    double below, within;   /* their untruncated probability below and within the range */
} dz_distribution;

/* The distribution whose shape comes from [min, max], truncated to [low, high]. min < max and low <
 * high; a log kind needs min > 0 and low > 0. */
dz_distribution dz_distribution_make(dozan_distribution kind, double min, double max, double low,
                                     double high);

/* The cumulative probability of x, in [0, 1]; 0 at low and 1 at high. */
double dz_distribution_cdf(const dz_distribution *distribution, double x);

/* The value at cumulative probability u, in [low, high]. */
double dz_distribution_quantile(const dz_distribution *distribution, double u);

/* Bounds for the error of x = quantile(u) and of the way back to u and x again: absolute for
 * uniform and normal, relative to x for the log kinds. */
double dz_distribution_error(const dz_distribution *distribution);

/* The standard normal's cumulative probability, and its inverse (p in (0, 1)), each to a few units
 * in the last place. */
double dz_normal_cdf(double z);
double dz_normal_quantile(double p);

#endif
