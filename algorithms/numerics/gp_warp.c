#include "gp_warp.h"

#include <math.h>
#include <stddef.h>

static const double MARGIN = 1e-9;

double dz_gp_warp(double x, double log_a, double log_b, double *by_x, double *by_a, double *by_b)
{
    double a = exp(log_a);
    double b = exp(log_b);
    double log_x = log(fmin(1 - MARGIN, fmax(MARGIN, x)));
    double power = exp(a * log_x);                 /* x^a */
    double log_rest = log1p(-power);               /* log(1 - x^a) */
    double tail = exp(b * log_rest);               /* (1 - x^a)^b */
    double slope = b * tail * power / (1 - power); /* b (1 - x^a)^(b-1) x^a */
    if (by_x != NULL) {
        *by_x = slope * a / exp(log_x);
    }
    if (by_a != NULL) {
        *by_a = slope * a * log_x;
    }
    if (by_b != NULL) {
        *by_b = -tail * b * log_rest;
    }
    return 1 - tail;
}
