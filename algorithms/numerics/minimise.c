#include "minimise.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PAIRS = 8, HALVINGS = 20 };

/* Accepted share of the decrease that the gradient promises. */
static const double ARMIJO = 1e-4;

typedef struct search {
    dz_objective objective;
    void *context;
    size_t n;
    const double *low;
    const double *high;
    size_t evaluations;
    size_t max_evaluations;
    double *x;
    double *gradient;
    double *direction;
    double *trial;
    double *trial_gradient;
    double *steps;   /* [PAIRS][n]: the last moves */
    double *changes; /* [PAIRS][n]: of the gradient */
    size_t pair_count;
    size_t newest;
} search;

static double *allocate(search *self);
static double evaluate(search *self, const double *x, double *gradient);
static bool is_held(const search *self, size_t i);
static double projected_norm(const search *self);
static void choose_direction(search *self);
static void apply_inverse_hessian(const search *self);
static double masked_dot(const search *self, const double *a, const double *b);
static bool line_search(search *self, double *value);
static void remember(search *self);
static double clamp(double value, double low, double high);

bool dz_minimise(dz_objective objective, void *context, size_t n,
                 const dz_minimise_options *options, double *x, double *value)
{
    search self = {.objective = objective,
                   .context = context,
                   .n = n,
                   .low = options->low,
                   .high = options->high,
                   .max_evaluations = options->max_evaluations,
                   .x = x};
    double *storage = allocate(&self);
    if (storage == NULL) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        x[i] = clamp(x[i], self.low[i], self.high[i]);
    }
    *value = evaluate(&self, x, self.gradient);
    while (isfinite(*value) && self.evaluations < self.max_evaluations &&
           projected_norm(&self) > options->tolerance) {
        choose_direction(&self);
        if (!line_search(&self, value)) {
            if (self.pair_count == 0) {
                break;
            }
            self.pair_count = 0; /* once more, down the gradient */
        }
    }
    free(storage);
    return true;
}

static double *allocate(search *self)
{
    double *storage = calloc((4 + 2 * PAIRS) * self->n + 1, sizeof(*storage));
    if (storage != NULL) {
        self->gradient = storage;
        self->direction = storage + self->n;
        self->trial = storage + 2 * self->n;
        self->trial_gradient = storage + 3 * self->n;
        self->steps = storage + 4 * self->n;
        self->changes = self->steps + PAIRS * self->n;
    }
    return storage;
}

static double evaluate(search *self, const double *x, double *gradient)
{
    self->evaluations++;
    return self->objective(x, gradient, self->context);
}

/* Whether a variable stands at a bound that the gradient pushes it against. */
static bool is_held(const search *self, size_t i)
{
    return (self->x[i] <= self->low[i] && self->gradient[i] >= 0) ||
           (self->x[i] >= self->high[i] && self->gradient[i] <= 0);
}

static double projected_norm(const search *self)
{
    double largest = 0;
    for (size_t i = 0; i < self->n; i++) {
        if (!is_held(self, i)) {
            largest = fmax(largest, fabs(self->gradient[i]));
        }
    }
    return largest;
}

static void choose_direction(search *self)
{
    for (size_t i = 0; i < self->n; i++) {
        self->direction[i] = is_held(self, i) ? 0 : -self->gradient[i];
    }
    if (self->pair_count > 0) {
        apply_inverse_hessian(self);
    }
    if (self->pair_count > 0 && masked_dot(self, self->direction, self->gradient) < 0) {
        return;
    }
    /* No curvature yet, or a direction that leads up: down the gradient, a tenth of the unit length
     * at most. */
    self->pair_count = 0;
    double scale = 0.1 / fmax(0.1, projected_norm(self));
    for (size_t i = 0; i < self->n; i++) {
        self->direction[i] = is_held(self, i) ? 0 : -self->gradient[i] * scale;
    }
}

/* Nocedal's two loops over the pairs, on the free variables alone. A pair without positive
 * curvature among those is passed over. */
static void apply_inverse_hessian(const search *self)
{
    double alpha[PAIRS] = {0};
    double curvature[PAIRS] = {0};
    double scale = 1;
    for (size_t k = 0; k < self->pair_count; k++) {
        size_t pair = (self->newest + PAIRS - k) % PAIRS;
        const double *step = self->steps + pair * self->n;
        const double *change = self->changes + pair * self->n;
        curvature[k] = masked_dot(self, step, change);
        double length = masked_dot(self, change, change);
        if (!(curvature[k] > 1e-10 * length)) {
            curvature[k] = 0;
            continue;
        }
        scale = k == 0 ? curvature[k] / length : scale;
        alpha[k] = masked_dot(self, step, self->direction) / curvature[k];
        for (size_t i = 0; i < self->n; i++) {
            self->direction[i] -= is_held(self, i) ? 0 : alpha[k] * change[i];
        }
    }
    for (size_t i = 0; i < self->n; i++) {
        self->direction[i] *= scale;
    }
    for (size_t k = self->pair_count; k-- > 0;) {
        size_t pair = (self->newest + PAIRS - k) % PAIRS;
        const double *step = self->steps + pair * self->n;
        const double *change = self->changes + pair * self->n;
        if (curvature[k] > 0) {
            double beta = masked_dot(self, change, self->direction) / curvature[k];
            for (size_t i = 0; i < self->n; i++) {
                self->direction[i] += is_held(self, i) ? 0 : (alpha[k] - beta) * step[i];
            }
        }
    }
}

static double masked_dot(const search *self, const double *a, const double *b)
{
    double sum = 0;
    for (size_t i = 0; i < self->n; i++) {
        sum += is_held(self, i) ? 0 : a[i] * b[i];
    }
    return sum;
}

/* Halves the step until the value has gone down enough; moves x there. */
static bool line_search(search *self, double *value)
{
    double length = 1;
    for (int halving = 0; halving < HALVINGS && self->evaluations < self->max_evaluations;
         halving++) {
        double promised = 0;
        for (size_t i = 0; i < self->n; i++) {
            self->trial[i] =
                clamp(self->x[i] + length * self->direction[i], self->low[i], self->high[i]);
            promised += self->gradient[i] * (self->trial[i] - self->x[i]);
        }
        double reached = evaluate(self, self->trial, self->trial_gradient);
        if (promised < 0 && reached <= *value + ARMIJO * promised) {
            remember(self);
            memcpy(self->x, self->trial, self->n * sizeof(double));
            memcpy(self->gradient, self->trial_gradient, self->n * sizeof(double));
            *value = reached;
            return true;
        }
        length /= 2;
    }
    return false;
}

static void remember(search *self)
{
    size_t next = self->pair_count == 0 ? 0 : (self->newest + 1) % PAIRS;
    double *step = self->steps + next * self->n;
    double *change = self->changes + next * self->n;
    double curvature = 0;
    for (size_t i = 0; i < self->n; i++) {
        step[i] = self->trial[i] - self->x[i];
        change[i] = self->trial_gradient[i] - self->gradient[i];
        curvature += step[i] * change[i];
    }
    if (curvature > 0) {
        self->newest = next;
        self->pair_count = self->pair_count < PAIRS ? self->pair_count + 1 : PAIRS;
    }
}

static double clamp(double value, double low, double high)
{
    return value < low ? low : (value > high ? high : value);
}
