#include "categories.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct dz_categories {
    size_t count;
    size_t total;          /* sum of sizes */
    size_t free;           /* sum of (size - 1): the parameters */
    double spread;         /* Delta of the adaptive step */
    double expected;       /* gamma: what the path's squared length is without a signal */
    size_t *sizes;         /* [count] */
    size_t *first;         /* [count]: an axis's place in the arrays below */
    double *probabilities; /* [total] */
    double *gradient;      /* [total] */
    double *scaled;        /* [total]: the gradient by the root of the Fisher information */
    double *path;          /* [total] */
};

static const double path_limit = 1.5; /* alpha of the adaptive step */
static const double margin_base = 0.73;

static void take_gradient(dz_categories *self, const uint32_t *chosen, const double *weights,
                          size_t solutions);
static double scale_gradient(dz_categories *self);
static void adapt_step(dz_categories *self, double step, double length);
static void keep_margin(double *probabilities, size_t size, double least);

dz_categories *dz_categories_create(const size_t *sizes, size_t count)
{
    size_t total = 0;
    for (size_t i = 0; i < count; i++) {
        total += sizes[i];
    }
    dz_categories *self = total > 0 ? calloc(1, sizeof(*self)) : NULL;
    if (self == NULL) {
        return NULL;
    }
    *self = (dz_categories){.count = count,
                            .total = total,
                            .free = total - count,
                            .sizes = calloc(2 * count, sizeof(*self->sizes)),
                            .probabilities = calloc(4 * total, sizeof(*self->probabilities))};
    if (self->sizes == NULL || self->probabilities == NULL) {
        dz_categories_destroy(self);
        return NULL;
    }
    self->first = self->sizes + count;
    self->gradient = self->probabilities + total;
    self->scaled = self->gradient + total;
    self->path = self->scaled + total;
    memcpy(self->sizes, sizes, count * sizeof(*sizes));
    for (size_t i = 1; i < count; i++) {
        self->first[i] = self->first[i - 1] + sizes[i - 1];
    }
    dz_categories_reset(self);
    return self;
}

void dz_categories_destroy(dz_categories *categories)
{
    if (categories != NULL) {
        free(categories->sizes);
        free(categories->probabilities);
        free(categories);
    }
}

void dz_categories_reset(dz_categories *categories)
{
    categories->spread = 1;
    categories->expected = 0;
    memset(categories->path, 0, categories->total * sizeof(*categories->path));
    for (size_t axis = 0; axis < categories->count; axis++) {
        for (size_t k = 0; k < categories->sizes[axis]; k++) {
            categories->probabilities[categories->first[axis] + k] =
                1 / (double)categories->sizes[axis];
        }
    }
}

const double *dz_categories_probabilities(const dz_categories *categories, size_t axis)
{
    return categories->probabilities + categories->first[axis];
}

uint32_t dz_categories_draw(const dz_categories *categories, size_t axis, double u)
{
    const double *probabilities = dz_categories_probabilities(categories, axis);
    size_t last = categories->sizes[axis] - 1;
    size_t k = 0;
    while (k < last && u >= probabilities[k]) {
        u -= probabilities[k++];
    }
    return (uint32_t)k;
}

void dz_categories_update(dz_categories *categories, const uint32_t *chosen, const double *weights,
                          size_t solutions)
{
    take_gradient(categories, chosen, weights, solutions);
    double length = scale_gradient(categories);
    if (length < 1e-12) {
        return;
    }
    double step = 1 / categories->spread;
    for (size_t i = 0; i < categories->total; i++) {
        categories->probabilities[i] += step / length * categories->gradient[i];
    }
    adapt_step(categories, step, length);
    double base = 1 - pow(margin_base, 1 / (double)categories->count);
    for (size_t axis = 0; axis < categories->count; axis++) {
        size_t size = categories->sizes[axis];
        keep_margin(categories->probabilities + categories->first[axis], size,
                    base / (double)(size - 1));
    }
}

/* The natural gradient of the weighted likelihood: the chosen ones' shares, less the
 * probabilities. */
static void take_gradient(dz_categories *self, const uint32_t *chosen, const double *weights,
                          size_t solutions)
{
    for (size_t i = 0; i < self->total; i++) {
        self->gradient[i] = -self->probabilities[i];
    }
    for (size_t s = 0; s < solutions; s++) {
        for (size_t axis = 0; axis < self->count; axis++) {
            self->gradient[self->first[axis] + chosen[s * self->count + axis]] += weights[s];
        }
    }
}

/* Its length in the Fisher metric, and its coordinates where that metric is the identity. */
static double scale_gradient(dz_categories *self)
{
    double square = 0;
    for (size_t axis = 0; axis < self->count; axis++) {
        size_t first = self->first[axis];
        size_t last = first + self->sizes[axis] - 1;
        double rest = self->probabilities[last];
        double shift = self->gradient[last] / (rest + sqrt(rest));
        for (size_t i = first; i < last; i++) {
            double root = sqrt(self->probabilities[i]);
            self->scaled[i] = self->gradient[i] / root - root * shift;
            square += self->scaled[i] * self->scaled[i];
        }
    }
    return sqrt(square);
}

/* Steps get longer while gradients agree, and shorter while they cancel out. */
static void adapt_step(dz_categories *self, double step, double length)
{
    double rate = step / sqrt((double)self->free);
    rate = fmin(rate, 1);
    double square = 0;
    for (size_t i = 0; i < self->total; i++) {
        self->path[i] =
            (1 - rate) * self->path[i] + sqrt(rate * (2 - rate)) * self->scaled[i] / length;
        square += self->path[i] * self->path[i];
    }
    self->expected = (1 - rate) * (1 - rate) * self->expected + rate * (2 - rate);
    self->spread *= exp(rate * (self->expected - square / path_limit));
    self->spread = fmin(fmax(self->spread, 1), 1e9);
}

/* Raises each probability to `least`, and takes it from what the others have above that. */
static void keep_margin(double *probabilities, size_t size, double least)
{
    double above = 0;
    double sum = 0;
    least = fmin(least, 1 / (double)size);
    for (size_t k = 0; k < size; k++) {
        probabilities[k] = fmax(probabilities[k], least);
        sum += probabilities[k];
        above += probabilities[k] - least;
    }
    for (size_t k = 0; k < size && above > 0; k++) {
        probabilities[k] += (1 - sum) * (probabilities[k] - least) / above;
    }
}
