#include "parzen.h"

#include "gauss.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A kernel further away than this many widths adds less than 1e-17 of its height. */
static const double REACH = 8.8;

/* The kernels of one axis; each array holds one number per point. */
typedef struct kernels {
    double *center;
    double *inverse_width;
    double
        *scale; /* 1 / (mass within [0, 1]), and over width * sqrt(2 pi) along a continuous axis */
} kernels;

struct dz_parzen {
    const dz_parzen_axis *axes;
    size_t axis_count;
    size_t count;
    double prior_weight;
    dz_parzen_rule rule;
    kernels *kernels;     /* [axis_count] */
    double *log_constant; /* [count]: log of the product of the scales along continuous axes */
    double *storage;
};

static bool is_category(const dz_parzen_axis *axis);
static void copy_centers(dz_parzen *parzen, const double *const *points);
static bool choose_neighbour_widths(const dz_parzen *parzen, kernels *axis);
static void choose_reference_widths(const dz_parzen *parzen, kernels *axis);
static double clip_width(const dz_parzen *parzen, double width);
static void normalise(const dz_parzen *parzen, size_t axis);
static double kernel_mass(const kernels *axis, size_t i, double low, double high);
static double other_category(const dz_parzen *parzen, const dz_parzen_axis *axis);
static double joint_log_kernel(const dz_parzen *parzen, size_t i, const double *point);
static double prior_log(const dz_parzen *parzen, const double *point);
static double draw_kernel(const dz_parzen *parzen, size_t axis, size_t i, dozan_rng *rng);

dz_parzen *dz_parzen_create(const dz_parzen_axis *axes, size_t axis_count,
                            const double *const *points, size_t count, double prior_weight,
                            dz_parzen_rule rule)
{
    dz_parzen *parzen = calloc(1, sizeof(*parzen));
    kernels *all = calloc(axis_count + 1, sizeof(*all));
    double *storage = calloc((3 * axis_count + 1) * count + 1, sizeof(*storage));
    if (parzen == NULL || all == NULL || storage == NULL) {
        free(parzen);
        free(all);
        free(storage);
        return NULL;
    }
    *parzen = (dz_parzen){.axes = axes,
                          .axis_count = axis_count,
                          .count = count,
                          .prior_weight = prior_weight,
                          .rule = rule,
                          .kernels = all,
                          .log_constant = storage + 3 * axis_count * count,
                          .storage = storage};
    for (size_t a = 0; a < axis_count; a++) {
        all[a].center = storage + 3 * a * count;
        all[a].inverse_width = all[a].center + count;
        all[a].scale = all[a].inverse_width + count;
    }
    copy_centers(parzen, points);
    for (size_t a = 0; a < axis_count; a++) {
        if (is_category(&axes[a])) {
            continue;
        }
        if (rule == DZ_PARZEN_JOINT) {
            choose_reference_widths(parzen, &all[a]);
        } else if (!choose_neighbour_widths(parzen, &all[a])) {
            dz_parzen_destroy(parzen);
            return NULL;
        }
        normalise(parzen, a);
    }
    return parzen;
}

void dz_parzen_destroy(dz_parzen *parzen)
{
    if (parzen != NULL) {
        free(parzen->kernels);
        free(parzen->storage);
        free(parzen);
    }
}

double dz_parzen_axis_log(const dz_parzen *parzen, size_t axis, double u)
{
    const dz_parzen_axis *shape = &parzen->axes[axis];
    const kernels *all = &parzen->kernels[axis];
    double sum = parzen->prior_weight;
    double total = parzen->prior_weight + (double)parzen->count;
    if (is_category(shape)) {
        double level = (double)dz_parzen_level(shape, u);
        for (size_t i = 0; i < parzen->count; i++) {
            sum += fabs(all->center[i] - level) < 0.5 ? 1.0 : 0.0;
        }
        total += parzen->prior_weight * ((double)shape->levels - 1.0);
    } else if (shape->levels > 0) {
        size_t level = dz_parzen_level(shape, u);
        double low = shape->edges[level];
        double high = shape->edges[level + 1];
        sum *= high - low;
        for (size_t i = 0; i < parzen->count; i++) {
            sum += kernel_mass(all, i, low, high);
        }
    } else {
        for (size_t i = 0; i < parzen->count; i++) {
            double z = (u - all->center[i]) * all->inverse_width[i];
            if (fabs(z) < REACH) {
                sum += all->scale[i] * exp(-0.5 * z * z);
            }
        }
    }
    return log(sum / total);
}

double dz_parzen_axis_draw(const dz_parzen *parzen, size_t axis, dozan_rng *rng)
{
    const dz_parzen_axis *shape = &parzen->axes[axis];
    double prior = parzen->prior_weight * (is_category(shape) ? (double)shape->levels : 1.0);
    double pick = dozan_rng_uniform(rng) * (prior + (double)parzen->count) - prior;
    if (pick < 0 || parzen->count == 0) {
        return dozan_rng_uniform(rng);
    }
    size_t i = (size_t)pick < parzen->count ? (size_t)pick : parzen->count - 1;
    return draw_kernel(parzen, axis, i, rng);
}

double dz_parzen_log(const dz_parzen *parzen, const double *point)
{
    if (parzen->rule == DZ_PARZEN_AXES) {
        double sum = 0;
        for (size_t a = 0; a < parzen->axis_count; a++) {
            sum += dz_parzen_axis_log(parzen, a, point[a]);
        }
        return sum;
    }
    double largest = log(parzen->prior_weight) + prior_log(parzen, point);
    double sum = 1.0; /* of exp(term - largest) */
    for (size_t i = 0; i < parzen->count; i++) {
        double term = joint_log_kernel(parzen, i, point);
        if (term > largest) {
            sum = sum * exp(largest - term) + 1.0;
            largest = term;
        } else if (largest - term < 40) {
            sum += exp(term - largest);
        }
    }
    return largest + log(sum) - log(parzen->prior_weight + (double)parzen->count);
}

void dz_parzen_draw(const dz_parzen *parzen, dozan_rng *rng, double *point)
{
    if (parzen->rule == DZ_PARZEN_AXES) {
        for (size_t a = 0; a < parzen->axis_count; a++) {
            point[a] = dz_parzen_axis_draw(parzen, a, rng);
        }
        return;
    }
    double total = parzen->prior_weight + (double)parzen->count;
    double pick = dozan_rng_uniform(rng) * total - parzen->prior_weight;
    bool prior = pick < 0 || parzen->count == 0;
    size_t i = !prior && (size_t)pick < parzen->count ? (size_t)pick : parzen->count - 1;
    for (size_t a = 0; a < parzen->axis_count; a++) {
        point[a] = prior ? dozan_rng_uniform(rng) : draw_kernel(parzen, a, i, rng);
    }
}

size_t dz_parzen_level(const dz_parzen_axis *axis, double u)
{
    if (!axis->ordered) {
        double level = floor(u * (double)axis->levels);
        if (!(level > 0)) {
            return 0;
        }
        return level < (double)axis->levels ? (size_t)level : axis->levels - 1;
    }
    size_t low = 0;
    size_t high = axis->levels;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (axis->edges[middle] <= u) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool is_category(const dz_parzen_axis *axis)
{
    return axis->levels > 0 && !axis->ordered;
}

/* A categorical center is its level's number. */
static void copy_centers(dz_parzen *parzen, const double *const *points)
{
    for (size_t a = 0; a < parzen->axis_count; a++) {
        const dz_parzen_axis *shape = &parzen->axes[a];
        for (size_t i = 0; i < parzen->count; i++) {
            parzen->kernels[a].center[i] =
                is_category(shape) ? (double)dz_parzen_level(shape, points[i][a]) : points[i][a];
        }
    }
}

typedef struct ranked {
    double value;
    size_t index;
} ranked;

static int compare_ranked(const void *a, const void *b)
{
    const ranked *x = a;
    const ranked *y = b;
    if (x->value < y->value) {
        return -1;
    }
    if (x->value > y->value) {
        return 1;
    }
    return x->index < y->index ? -1 : 1;
}

/* The larger gap to the neighbours; the middle of the axis, where the prior stands, is a neighbour
 * too. */
static bool choose_neighbour_widths(const dz_parzen *parzen, kernels *axis)
{
    size_t count = parzen->count;
    ranked *order = malloc((count + 1) * sizeof(*order));
    if (order == NULL) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        order[i] = (ranked){axis->center[i], i};
    }
    order[count] = (ranked){0.5, count};
    qsort(order, count + 1, sizeof(*order), compare_ranked);
    for (size_t r = 0; r <= count; r++) {
        double left = r > 0 ? order[r].value - order[r - 1].value : 0;
        double right = r < count ? order[r + 1].value - order[r].value : 0;
        if (order[r].index < count) {
            axis->inverse_width[order[r].index] = 1.0 / clip_width(parzen, fmax(left, right));
        }
    }
    free(order);
    return true;
}

static void choose_reference_widths(const dz_parzen *parzen, kernels *axis)
{
    double mean = 0;
    double squares = 0;
    for (size_t i = 0; i < parzen->count; i++) {
        double delta = axis->center[i] - mean;
        mean += delta / (double)(i + 1);
        squares += delta * (axis->center[i] - mean);
    }
    double n = (double)parzen->count;
    double deviation = parzen->count > 1 ? sqrt(squares / (n - 1)) : 1.0;
    double width =
        clip_width(parzen, 1.06 * deviation * pow(n, -1.0 / ((double)parzen->axis_count + 4)));
    for (size_t i = 0; i < parzen->count; i++) {
        axis->inverse_width[i] = 1.0 / width;
    }
}

static double clip_width(const dz_parzen *parzen, double width)
{
    double least = 1.0 / fmin(100.0, 1.0 + (double)parzen->count);
    return fmin(1.0, fmax(least, width));
}

/* Makes each kernel of an axis integrate to 1 over [0, 1]. */
static void normalise(const dz_parzen *parzen, size_t axis)
{
    bool continuous = parzen->axes[axis].levels == 0;
    kernels *all = &parzen->kernels[axis];
    for (size_t i = 0; i < parzen->count; i++) {
        double inverse = all->inverse_width[i];
        double mass = dz_gauss_mass(-all->center[i] * inverse, (1.0 - all->center[i]) * inverse);
        all->scale[i] = (continuous ? inverse / DZ_SQRT_2PI : 1.0) / mass;
        if (continuous) {
            parzen->log_constant[i] += log(all->scale[i]);
        }
    }
}

/* What a kernel of an ordered axis has in the cell from low to high. */
static double kernel_mass(const kernels *axis, size_t i, double low, double high)
{
    double z_low = (low - axis->center[i]) * axis->inverse_width[i];
    double z_high = (high - axis->center[i]) * axis->inverse_width[i];
    if (z_low > REACH || z_high < -REACH) {
        return 0;
    }
    return axis->scale[i] * dz_gauss_mass(z_low, z_high);
}

/* What a joint categorical kernel leaves to each level but its own. */
static double other_category(const dz_parzen *parzen, const dz_parzen_axis *axis)
{
    double share = parzen->prior_weight / (parzen->prior_weight + (double)parzen->count);
    return share / (1.0 + share * (double)axis->levels);
}

static double joint_log_kernel(const dz_parzen *parzen, size_t i, const double *point)
{
    double squares = 0;
    double sum = parzen->log_constant[i];
    for (size_t a = 0; a < parzen->axis_count; a++) {
        const dz_parzen_axis *shape = &parzen->axes[a];
        const kernels *all = &parzen->kernels[a];
        if (shape->levels == 0) {
            double z = (point[a] - all->center[i]) * all->inverse_width[i];
            squares += z * z;
            continue;
        }
        size_t level = dz_parzen_level(shape, point[a]);
        if (shape->ordered) {
            sum += log(kernel_mass(all, i, shape->edges[level], shape->edges[level + 1]));
            continue;
        }
        double other = other_category(parzen, shape);
        bool same = fabs(all->center[i] - (double)level) < 0.5;
        sum += log(same ? 1.0 - other * ((double)shape->levels - 1.0) : other);
    }
    return sum - 0.5 * squares;
}

/* The flat density: 1 along a continuous axis, a cell's width or 1/levels otherwise. */
static double prior_log(const dz_parzen *parzen, const double *point)
{
    double sum = 0;
    for (size_t a = 0; a < parzen->axis_count; a++) {
        const dz_parzen_axis *shape = &parzen->axes[a];
        if (shape->levels > 0 && shape->ordered) {
            size_t level = dz_parzen_level(shape, point[a]);
            sum += log(shape->edges[level + 1] - shape->edges[level]);
        } else if (shape->levels > 0) {
            sum -= log((double)shape->levels);
        }
    }
    return sum;
}

static double draw_kernel(const dz_parzen *parzen, size_t axis, size_t i, dozan_rng *rng)
{
    const dz_parzen_axis *shape = &parzen->axes[axis];
    const kernels *all = &parzen->kernels[axis];
    double u = dozan_rng_uniform(rng);
    if (is_category(shape)) {
        double levels = (double)shape->levels;
        double other = parzen->rule == DZ_PARZEN_JOINT ? other_category(parzen, shape) : 0;
        double level =
            u < other * levels ? (double)dozan_rng_below(rng, shape->levels) : all->center[i];
        return (level + 0.5) / levels;
    }
    double low = dz_gauss_cdf(-all->center[i] * all->inverse_width[i]);
    double high = dz_gauss_cdf((1.0 - all->center[i]) * all->inverse_width[i]);
    double p = low + u * (high - low);
    if (!(p > 0 && p < 1)) {
        return all->center[i];
    }
    double drawn = all->center[i] + dz_gauss_quantile(p) / all->inverse_width[i];
    return fmin(1.0, fmax(0.0, drawn));
}
