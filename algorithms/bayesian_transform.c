#include "bayesian_transform.h"

#include <math.h>

static const double multiples[DZ_TRANSFORM_COUNT - DZ_TRANSFORM_LOG] = {0.1, 1.0, 10.0};

/* What a spread must be of the whole range to be taken for one. */
static const double LEAST_SPREAD = 1e-12;

dz_transform dz_transform_of(size_t kind, const double *sorted, size_t count)
{
    dz_transform transform = {.kind = kind, .scale = 1};
    double range = count > 0 ? sorted[count - 1] - sorted[0] : 0;
    if (!(range > 0)) {
        return (dz_transform){.kind = DZ_TRANSFORM_IDENTITY, .scale = 1};
    }
    double first_quartile = sorted[(count - 1) / 4];
    if (kind == DZ_TRANSFORM_ASINH) {
        double quartiles = sorted[3 * (count - 1) / 4] - first_quartile;
        transform.center = sorted[(count - 1) / 2];
        transform.scale = quartiles > LEAST_SPREAD * range ? quartiles / 1.349 : range;
    } else if (kind >= DZ_TRANSFORM_LOG) {
        double reach = (first_quartile - sorted[0]) * multiples[kind - DZ_TRANSFORM_LOG];
        reach = reach > LEAST_SPREAD * range ? reach : 1e-3 * range;
        transform.center = sorted[0] - reach;
        /* where the losses are large and close, they differ from the center by rounding alone */
        if (!(sorted[0] > transform.center)) {
            return (dz_transform){.kind = DZ_TRANSFORM_IDENTITY, .scale = 1};
        }
    }
    return transform;
}

double dz_transform_apply(const dz_transform *transform, double loss)
{
    double moved = (loss - transform->center) / transform->scale;
    switch (transform->kind) {
    case DZ_TRANSFORM_IDENTITY:
        return loss;
    case DZ_TRANSFORM_ASINH:
        return asinh(moved);
    default:
        return log(moved);
    }
}

double dz_transform_log_slope(const dz_transform *transform, double loss)
{
    double moved = (loss - transform->center) / transform->scale;
    switch (transform->kind) {
    case DZ_TRANSFORM_IDENTITY:
        return 0;
    case DZ_TRANSFORM_ASINH:
        return -log(transform->scale) - 0.5 * log1p(moved * moved);
    default:
        return -log(moved);
    }
}
