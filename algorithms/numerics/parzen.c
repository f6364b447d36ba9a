#include "parzen.h"

#include "gauss.h"

#include <math.h>
#include <stdlib.h>

/* A kernel that is below the prior by more than this much in the logarithm adds less than 1e-17 of
 * it. */
static const double FAINT = 40;

/* Beyond this many widths from a bound a normal has all of its mass on one side of it. */
static const double REACH = 8.3;

enum { DRAW_ATTEMPTS = 4 };

/* The kernels of one axis: an array entry for each point. Of a numeric axis a kernel is
 * scale * exp(-((u - center) * inverse_width)^2 / 2); of a categorical one the center is a level's
 * number. A kernel that is flat here has the width 0 and the center NaN. */
typedef struct kernels {
    double *center;
    double *inverse_width;
    double *scale;
    uint32_t *order; /* [ordered] the numeric kernels that are not flat, by ascending center */
    size_t ordered;
} kernels;

struct dz_parzen {
    const dz_parzen_axis *axes;
    size_t axis_count;
    size_t capacity;
    size_t count;
    double prior_weight;
    double total_weight;
    kernels *kernels;     /* [axis_count] */
    double *weight;       /* [count] */
    double *log_constant; /* [count]: of the weight, and the scales along continuous axes */
    double *term;         /* [count]: room for one evaluation */
    uint32_t *near;       /* [count] */
    double *numbers;      /* all of the doubles above */
    uint32_t *indices;    /* all of the indices */
};

static bool is_category(const dz_parzen_axis *axis);
static void choose_widths(const dz_parzen *parzen, kernels *axis);
static void normalise(dz_parzen *parzen, size_t a);
static double log_prior(const dz_parzen *parzen, const double *point);
static size_t start_terms(const dz_parzen *parzen, const double *point);
static size_t narrow(const dz_parzen *parzen, size_t a, double u, double faint, size_t near);
static void add_level(const dz_parzen *parzen, size_t a, double u, size_t near);
static double other_category(const dz_parzen *parzen, const dz_parzen_axis *axis);
static double draw_normal(double center, double width, dozan_rng *rng);
static double draw_axis(const dz_parzen *parzen, size_t a, size_t k, dozan_rng *rng);

dz_parzen *dz_parzen_create(const dz_parzen_axis *axes, size_t axis_count, size_t capacity)
{
    dz_parzen *parzen = calloc(1, sizeof(*parzen));
    kernels *all = calloc(axis_count + 1, sizeof(*all));
    double *numbers = malloc(((3 * axis_count + 3) * capacity + 1) * sizeof(*numbers));
    uint32_t *indices = malloc(((axis_count + 1) * capacity + 1) * sizeof(*indices));
    if (parzen == NULL || all == NULL || numbers == NULL || indices == NULL) {
        free(parzen);
        free(all);
        free(numbers);
        free(indices);
        return NULL;
    }
    *parzen = (dz_parzen){.axes = axes,
                          .axis_count = axis_count,
                          .capacity = capacity,
                          .kernels = all,
                          .weight = numbers,
                          .log_constant = numbers + capacity,
                          .term = numbers + 2 * capacity,
                          .near = indices,
                          .numbers = numbers,
                          .indices = indices};
    for (size_t a = 0; a < axis_count; a++) {
        all[a].center = numbers + (3 * a + 3) * capacity;
        all[a].inverse_width = all[a].center + capacity;
        all[a].scale = all[a].inverse_width + capacity;
        all[a].order = indices + (a + 1) * capacity;
    }
    return parzen;
}

void dz_parzen_destroy(dz_parzen *parzen)
{
    if (parzen != NULL) {
        free(parzen->kernels);
        free(parzen->numbers);
        free(parzen->indices);
        free(parzen);
    }
}

void dz_parzen_add(dz_parzen *parzen, const double *point, double weight)
{
    uint32_t k = (uint32_t)parzen->count++;
    parzen->weight[k] = weight;
    for (size_t a = 0; a < parzen->axis_count; a++) {
        const dz_parzen_axis *shape = &parzen->axes[a];
        kernels *axis = &parzen->kernels[a];
        bool category = is_category(shape) && !isnan(point[a]);
        axis->center[k] = category ? (double)dz_parzen_level(shape, point[a]) : point[a];
        if (!is_category(shape) && !isnan(point[a])) {
            dz_sorted_insert(axis->order, axis->ordered++, axis->center, k);
        }
    }
}

void dz_parzen_add_sample(dz_parzen *parzen, const dz_sorted_sample *sample, const bool *left_out)
{
    uint32_t *kernel_of = parzen->near; /* of a slot */
    size_t slots = sample->reservoir.count;
    for (size_t s = 0; s < slots; s++) {
        kernel_of[s] = UINT32_MAX;
        if (!left_out[s]) {
            parzen->weight[parzen->count] = 1;
            kernel_of[s] = (uint32_t)parzen->count++;
        }
    }
    for (size_t a = 0; a < parzen->axis_count; a++) {
        const dz_parzen_axis *shape = &parzen->axes[a];
        const dz_sorted_axis *from = &sample->axes[a];
        kernels *axis = &parzen->kernels[a];
        for (size_t s = 0; s < slots; s++) {
            double u = from->coordinate[s];
            if (kernel_of[s] != UINT32_MAX) {
                axis->center[kernel_of[s]] =
                    is_category(shape) && !isnan(u) ? (double)dz_parzen_level(shape, u) : u;
            }
        }
        for (size_t i = 0; i < from->sorted && !is_category(shape); i++) {
            if (kernel_of[from->order[i]] != UINT32_MAX) {
                axis->order[axis->ordered++] = kernel_of[from->order[i]];
            }
        }
    }
}

void dz_parzen_settle(dz_parzen *parzen, double prior_weight)
{
    parzen->prior_weight = prior_weight;
    parzen->total_weight = prior_weight;
    for (size_t k = 0; k < parzen->count; k++) {
        parzen->total_weight += parzen->weight[k];
    }
    for (size_t k = 0; k < parzen->count; k++) {
        parzen->log_constant[k] = log(parzen->weight[k] / parzen->total_weight);
    }
    for (size_t a = 0; a < parzen->axis_count; a++) {
        if (!is_category(&parzen->axes[a])) {
            choose_widths(parzen, &parzen->kernels[a]);
            normalise(parzen, a);
        }
    }
}

double dz_parzen_log(dz_parzen *parzen, const double *point)
{
    double prior = log_prior(parzen, point);
    size_t near = start_terms(parzen, point);
    for (size_t a = 0; a < parzen->axis_count; a++) {
        if (parzen->axes[a].levels == 0 && !isnan(point[a])) {
            near = narrow(parzen, a, point[a], prior - FAINT, near);
        }
    }
    for (size_t a = 0; a < parzen->axis_count; a++) {
        if (parzen->axes[a].levels > 0 && !isnan(point[a])) {
            add_level(parzen, a, point[a], near);
        }
    }
    double largest = prior;
    for (size_t i = 0; i < near; i++) {
        largest = fmax(largest, parzen->term[i]);
    }
    double sum = exp(prior - largest);
    for (size_t i = 0; i < near; i++) {
        sum += largest - parzen->term[i] < FAINT ? exp(parzen->term[i] - largest) : 0;
    }
    return largest + log(sum);
}

void dz_parzen_draw(const dz_parzen *parzen, dozan_rng *rng, double *point)
{
    double pick = dozan_rng_uniform(rng) * parzen->total_weight - parzen->prior_weight;
    bool prior = pick < 0 || parzen->count == 0;
    size_t k = 0;
    while (k + 1 < parzen->count && pick >= parzen->weight[k]) {
        pick -= parzen->weight[k++];
    }
    for (size_t a = 0; a < parzen->axis_count; a++) {
        const dz_parzen_axis *shape = &parzen->axes[a];
        bool flat = prior || isnan(parzen->kernels[a].center[k]);
        point[a] = flat ? dozan_rng_uniform(rng) : draw_axis(parzen, a, k, rng);
        if (shape->levels > 0 && shape->ordered) {
            size_t level = dz_parzen_level(shape, point[a]);
            point[a] = (shape->edges[level] + shape->edges[level + 1]) / 2;
        }
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

/* ---- settling -------------------------------------------------------------------------------- */

/* The first and the last center have one neighbour, and the bounds are none; an only one takes the
 * farther bound. Kernels of the same center are equally wide, so the density does not depend on the
 * order of the points. */
static void choose_widths(const dz_parzen *parzen, kernels *axis)
{
    double least = 1.0 / fmin(100.0, (double)parzen->count + 2);
    for (size_t k = 0; k < parzen->count; k++) {
        axis->inverse_width[k] = 0;
    }
    double left = 0;
    for (size_t i = 0, next = 0; i < axis->ordered; i = next) {
        double here = axis->center[axis->order[i]];
        next = i + 1;
        while (next < axis->ordered && !(axis->center[axis->order[next]] > here)) {
            next++;
        }
        double right = next < axis->ordered ? axis->center[axis->order[next]] - here : 0;
        bool only = i == 0 && next == axis->ordered;
        double width = only ? fmax(here, 1 - here) : fmax(left, right);
        for (size_t j = i; j < next; j++) {
            axis->inverse_width[axis->order[j]] = 1.0 / fmax(least, width);
        }
        left = right;
    }
}

/* Makes each kernel of an axis integrate to 1 over [0, 1]. */
static void normalise(dz_parzen *parzen, size_t a)
{
    bool continuous = parzen->axes[a].levels == 0;
    kernels *axis = &parzen->kernels[a];
    for (size_t k = 0; k < parzen->count; k++) {
        double inverse = axis->inverse_width[k];
        axis->scale[k] = 1;
        if (!(inverse > 0)) {
            continue;
        }
        double low = axis->center[k] * inverse;
        double high = (1 - axis->center[k]) * inverse;
        double mass = low > REACH && high > REACH ? 1 : dz_gauss_mass(-low, high);
        axis->scale[k] = (continuous ? inverse / DZ_SQRT_2PI : 1) / mass;
        if (continuous && !parzen->axes[a].optional) {
            parzen->log_constant[k] += log(axis->scale[k]);
        }
    }
}

/* ---- evaluation ------------------------------------------------------------------------------ */

/* The prior's part: 1 along a continuous axis, a cell's width or 1/levels otherwise. */
static double log_prior(const dz_parzen *parzen, const double *point)
{
    double sum = log(parzen->prior_weight / parzen->total_weight);
    for (size_t a = 0; a < parzen->axis_count; a++) {
        const dz_parzen_axis *shape = &parzen->axes[a];
        if (shape->levels == 0 || isnan(point[a])) {
            continue;
        }
        size_t level = dz_parzen_level(shape, point[a]);
        sum += shape->ordered ? log(shape->edges[level + 1] - shape->edges[level])
                              : -log((double)shape->levels);
    }
    return sum;
}

/* The terms start at their upper bounds, and all kernels are near. */
static size_t start_terms(const dz_parzen *parzen, const double *point)
{
    for (size_t k = 0; k < parzen->count; k++) {
        parzen->term[k] = parzen->log_constant[k];
        parzen->near[k] = (uint32_t)k;
    }
    for (size_t a = 0; a < parzen->axis_count; a++) {
        const dz_parzen_axis *shape = &parzen->axes[a];
        if (!shape->optional || shape->levels > 0 || isnan(point[a])) {
            continue;
        }
        for (size_t k = 0; k < parzen->count; k++) {
            parzen->term[k] += log(parzen->kernels[a].scale[k]);
        }
    }
    return parzen->count;
}

/* Takes a continuous axis into the terms, and keeps those of the `near` kernels that may still
 * count. Most do not after an axis or two, which is what makes an evaluation cheap. */
static size_t narrow(const dz_parzen *parzen, size_t a, double u, double faint, size_t near)
{
    const kernels *axis = &parzen->kernels[a];
    size_t kept = 0;
    for (size_t i = 0; i < near; i++) {
        uint32_t k = parzen->near[i];
        double z = axis->inverse_width[k] > 0 ? (u - axis->center[k]) * axis->inverse_width[k] : 0;
        double term = parzen->term[i] - 0.5 * z * z;
        parzen->term[kept] = term;
        parzen->near[kept] = k;
        kept += term > faint;
    }
    return kept;
}

/* Takes an axis of levels into the terms of the near kernels. */
static void add_level(const dz_parzen *parzen, size_t a, double u, size_t near)
{
    const dz_parzen_axis *shape = &parzen->axes[a];
    const kernels *axis = &parzen->kernels[a];
    size_t level = dz_parzen_level(shape, u);
    if (is_category(shape)) {
        double flat = log(1.0 / (double)shape->levels);
        double other = other_category(parzen, shape);
        double log_other = log(other);
        double log_same = log(1 - other * ((double)shape->levels - 1));
        for (size_t i = 0; i < near; i++) {
            double center = axis->center[parzen->near[i]];
            bool same = fabs(center - (double)level) < 0.5;
            parzen->term[i] += isnan(center) ? flat : same ? log_same : log_other;
        }
        return;
    }
    double low = shape->edges[level];
    double high = shape->edges[level + 1];
    for (size_t i = 0; i < near; i++) {
        uint32_t k = parzen->near[i];
        double inverse = axis->inverse_width[k];
        double mass = inverse > 0
                          ? axis->scale[k] * dz_gauss_mass((low - axis->center[k]) * inverse,
                                                           (high - axis->center[k]) * inverse)
                          : high - low;
        parzen->term[i] += log(mass);
    }
}

/* What a categorical kernel leaves to each level but its own: each level starts with the share of
 * the prior, and the own one has 1 more. */
static double other_category(const dz_parzen *parzen, const dz_parzen_axis *axis)
{
    double share = parzen->prior_weight / parzen->total_weight;
    return share / (1.0 + share * (double)axis->levels);
}

/* ---- drawing --------------------------------------------------------------------------------- */

static double draw_axis(const dz_parzen *parzen, size_t a, size_t k, dozan_rng *rng)
{
    const dz_parzen_axis *shape = &parzen->axes[a];
    const kernels *axis = &parzen->kernels[a];
    if (!is_category(shape)) {
        return draw_normal(axis->center[k], 1.0 / axis->inverse_width[k], rng);
    }
    double levels = (double)shape->levels;
    bool any = dozan_rng_uniform(rng) < other_category(parzen, shape) * levels;
    double level = any ? (double)dozan_rng_below(rng, shape->levels) : axis->center[k];
    return (level + 0.5) / levels;
}

/* A normal truncated to [0, 1]: by rejection while that is likely to do, else by inversion. */
static double draw_normal(double center, double width, dozan_rng *rng)
{
    for (int i = 0; i < DRAW_ATTEMPTS; i++) {
        double u = center + width * dozan_rng_normal(rng);
        if (u >= 0 && u <= 1) {
            return u;
        }
    }
    double low = dz_gauss_cdf(-center / width);
    double high = dz_gauss_cdf((1.0 - center) / width);
    double p = low + dozan_rng_uniform(rng) * (high - low);
    double u = p > 0 && p < 1 ? center + width * dz_gauss_quantile(p) : center;
    return fmin(1.0, fmax(0.0, u));
}
