/*
 * Truncated distributions. ln(x / low) is used and not ln x - ln low, which would lose digits near
 * the low end.
 *
 * Inverse normal: M. Wichura, "Algorithm AS 241: The percentage points of the normal distribution",
 * Applied Statistics 37(3), 1988, routine PPND16 (relative accuracy about 1e-16), followed by one
 * Newton step against erfc. Reference values of the paper, in the tests: -0.6744897501960817 at
 * 0.25, -3.090232306167813 at 0.001, -9.262340089798408 at 1e-20.
 */
#include "distribution.h"

#include <math.h>

static double clamp(double value, double low, double high);
static bool is_log(dozan_distribution kind);
static bool is_normal(dozan_distribution kind);

static double standardise(const dz_distribution *d, double x)
{
    return ((is_log(d->kind) ? log(x) : x) - d->mean) / d->deviation;
}

dz_distribution dz_distribution_make(dozan_distribution kind, double min, double max, double low,
                                     double high)
{
    dz_distribution made = {.kind = kind, .low = low, .high = high};
    if (is_log(kind))
        made.log_width = log(high / low);
    if (is_normal(kind)) {
        double from = is_log(kind) ? log(min) : min;
        double to = is_log(kind) ? log(max) : max;
        made.mean = from + (to - from) / 2;
        made.deviation = (to - from) / 6;
        made.below = dz_normal_cdf(standardise(&made, low));
        made.within = dz_normal_cdf(standardise(&made, high)) - made.below;
    }
    return made;
}

double dz_distribution_cdf(const dz_distribution *d, double x)
{
    if (x <= d->low)
        return 0;
    if (x >= d->high)
        return 1;
    double u = 0;
    if (is_normal(d->kind))
        u = (dz_normal_cdf(standardise(d, x)) - d->below) / d->within;
    else if (is_log(d->kind))
        u = log(x / d->low) / d->log_width;
    else
        u = (x - d->low) / (d->high - d->low);
    return clamp(u, 0, 1);
}

double dz_distribution_quantile(const dz_distribution *d, double u)
{
    if (u <= 0)
        return d->low;
    if (u >= 1)
        return d->high;
    double x = 0;
    if (is_normal(d->kind)) {
        double z = d->mean + d->deviation * dz_normal_quantile(d->below + u * d->within);
        x = is_log(d->kind) ? exp(z) : z;
    } else if (is_log(d->kind)) {
        x = d->low * exp(u * d->log_width);
    } else {
        x = d->low + u * (d->high - d->low);
    }
    return clamp(x, d->low, d->high);
}

/* One rounding of u moves x by width * 2^-53 for the flat kinds. The truncated normal kinds are
 * least steep at the ends, three deviations out, where x moves width / 6 / density(3) = 38 widths
 * per unit of probability. */
double dz_distribution_error(const dz_distribution *d)
{
    double steepness = is_normal(d->kind) ? 40 : 1;
    double size = fmax(fabs(d->low), fabs(d->high));
    if (!is_log(d->kind))
        return 0x1p-53 * (size + steepness * (d->high - d->low));
    double exponent = is_normal(d->kind) ? fmax(fabs(log(d->low)), fabs(log(d->high))) : 0;
    return 0x1p-53 * (steepness * d->log_width + exponent + 3);
}

double dz_normal_cdf(double z)
{
    return 0.5 * erfc(-z * M_SQRT1_2);
}

/* c[0] + c[1] x + ... + c[7] x^7 */
static double polynomial(const double c[8], double x)
{
    double sum = c[7];
    for (int i = 6; i >= 0; i--)
        sum = sum * x + c[i];
    return sum;
}

static double central_quantile(double q)
{
    static const double a[8] = {3.3871328727963666080e0,  1.3314166789178437745e+2,
                                1.9715909503065514427e+3, 1.3731693765509461125e+4,
                                4.5921953931549871457e+4, 6.7265770927008700853e+4,
                                3.3430575583588128105e+4, 2.5090809287301226727e+3};
    static const double b[8] = {1.0,
                                4.2313330701600911252e+1,
                                6.8718700749205790830e+2,
                                5.3941960214247511077e+3,
                                2.1213794301586595867e+4,
                                3.9307895800092710610e+4,
                                2.8729085735721942674e+4,
                                5.2264952788528545610e+3};
    double r = 0.180625 - q * q;
    return q * polynomial(a, r) / polynomial(b, r);
}

/* The size of the quantile whose smaller tail has probability `tail` <= 0.075. */
static double tail_quantile(double tail)
{
    static const double c[8] = {1.42343711074968357734e0,  4.63033784615654529590e0,
                                5.76949722146069140550e0,  3.64784832476320460504e0,
                                1.27045825245236838258e0,  2.41780725177450611770e-1,
                                2.27238449892691845833e-2, 7.74545014278341407640e-4};
    static const double d[8] = {1.0,
                                2.05319162663775882187e0,
                                1.67638483018380384940e0,
                                6.89767334985100004550e-1,
                                1.48103976427480074590e-1,
                                1.51986665636164571966e-2,
                                5.47593808499534494600e-4,
                                1.05075007164441684324e-9};
    static const double e[8] = {6.65790464350110377720e0,  5.46378491116411436990e0,
                                1.78482653991729133580e0,  2.96560571828504891230e-1,
                                2.65321895265761230930e-2, 1.24266094738807843860e-3,
                                2.71155556874348757815e-5, 2.01033439929228813265e-7};
    static const double f[8] = {1.0,
                                5.99832206555887937690e-1,
                                1.36929880922735805310e-1,
                                1.48753612908506148525e-2,
                                7.86869131145613259100e-4,
                                1.84631831751005468180e-5,
                                1.42151175831644588870e-7,
                                2.04426310338993978564e-15};
    double r = sqrt(-log(tail));
    if (r <= 5)
        return polynomial(c, r - 1.6) / polynomial(d, r - 1.6);
    return polynomial(e, r - 5) / polynomial(f, r - 5);
}

double dz_normal_quantile(double p)
{
    double q = p - 0.5;
    double z = 0;
    if (fabs(q) <= 0.425) {
        z = central_quantile(q);
    } else {
        z = tail_quantile(q < 0 ? p : 1 - p);
        z = q < 0 ? -z : z;
    }
    double density = exp(-0.5 * z * z) * (M_2_SQRTPI * M_SQRT1_2 / 2);
    return density > 0 ? z - (dz_normal_cdf(z) - p) / density : z;
}

static double clamp(double value, double low, double high)
{
    return fmin(fmax(value, low), high);
}

static bool is_log(dozan_distribution kind)
{
    return kind == DOZAN_LOG_UNIFORM || kind == DOZAN_LOG_NORMAL;
}

static bool is_normal(dozan_distribution kind)
{
    return kind == DOZAN_NORMAL || kind == DOZAN_LOG_NORMAL;
}
