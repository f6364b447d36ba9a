#include "bayesian_bounds.h"

#include "common.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { OWN = DZ_BAYESIAN_BOUNDS - 1 }; /* processes for constraints */

/* An excess beyond this is held there, so that differences stay finite. */
static const double LARGEST_EXCESS = 1e150;

/* What one process learns from. */
typedef struct sample {
    dz_inputs inputs;
    double *x; /* what inputs.x is */
    double *y; /* standardised; NaN while it is not known */
    double *room;
    double threshold; /* the bound, likewise */
} sample;

static bool sample_init(sample *self, const dozan_problem *problem, const dz_bayesian_data *data,
                        size_t bound);
static void sample_fini(sample *self);
static void read_failures(sample *self, const dz_bayesian_data *data);
static void read_constraint(sample *self, const dz_bayesian_data *data, size_t constraint);
static double median(double *values, size_t count);
static void keep_known(sample *self, const dz_bayesian_data *data);
static void standardise(sample *self);

bool dz_bayesian_bounds_fit(const dozan_problem *problem, const dz_bayesian_data *data,
                            size_t max_evaluations, double *theta)
{
    const dz_gp_fit_options options = {.max_evaluations = max_evaluations, .starts = 1};
    bool done = true;
    for (size_t b = 0; b < DZ_BAYESIAN_BOUNDS && done; b++) {
        sample known;
        double log_posterior = 0;
        double *own = theta + b * (data->inputs.dims + 2);
        done = sample_init(&known, problem, data, b);
        if (done && known.inputs.count > 0) {
            done = dz_gp_fit(&known.inputs, known.y, &options, own, &log_posterior);
        } else if (done) {
            dz_gp_prior_middle(&known.inputs, own);
        }
        sample_fini(&known);
    }
    return done;
}

bool dz_bayesian_bounds_make(const dozan_problem *problem, const dz_bayesian_data *data,
                             const double *theta, const dz_inputs *fantasies,
                             dz_bound bounds[DZ_BAYESIAN_BOUNDS], size_t *count)
{
    bool done = true;
    *count = 0;
    for (size_t b = 0; b < DZ_BAYESIAN_BOUNDS && done; b++) {
        sample known;
        done = sample_init(&known, problem, data, b);
        if (done && known.inputs.count > 0) {
            const double *own = theta + b * (data->inputs.dims + 2);
            dz_gp *gp = dz_gp_create(&known.inputs, known.y, own, fantasies);
            done = gp != NULL;
            if (done) {
                bounds[(*count)++] = (dz_bound){.gp = gp, .threshold = known.threshold};
            }
        }
        sample_fini(&known);
    }
    return done;
}

void dz_bayesian_bounds_destroy(dz_bound *bounds, size_t count)
{
    for (size_t b = 0; b < count; b++) {
        dz_gp_destroy(bounds[b].gp);
    }
}

/* Reads what is known of a bound; inputs.count is 0 when there is nothing to learn. */
static bool sample_init(sample *self, const dozan_problem *problem, const dz_bayesian_data *data,
                        size_t bound)
{
    *self = (sample){.inputs = data->inputs};
    self->inputs.warped = false;
    self->inputs.count = 0;
    bool failures = bound == OWN;
    if (!failures && bound >= problem->constraint_count) {
        return true;
    }
    self->x = malloc((data->inputs.count * data->inputs.dims + 1) * sizeof(*self->x));
    self->y = malloc((data->inputs.count + 1) * sizeof(*self->y));
    self->room = malloc((data->inputs.count + 1) * sizeof(*self->room));
    if (self->x == NULL || self->y == NULL || self->room == NULL) {
        return false;
    }
    self->inputs.x = self->x;
    if (failures) {
        read_failures(self, data);
        return true;
    }
    for (size_t i = 0; i < data->inputs.count; i++) {
        self->y[i] = -INFINITY;
    }
    for (size_t k = bound; k < problem->constraint_count; k += OWN) {
        read_constraint(self, data, k);
    }
    keep_known(self, data);
    return true;
}

static void sample_fini(sample *self)
{
    free(self->x);
    free(self->y);
    free(self->room);
}

/* There is something to learn when some trials failed and some did not. */
static void read_failures(sample *self, const dz_bayesian_data *data)
{
    size_t failed = 0;
    for (size_t i = 0; i < data->inputs.count; i++) {
        bool fails = !dz_trial_is_usable(data->trials[i]);
        self->y[i] = fails ? 1 : 0;
        failed += fails ? 1 : 0;
    }
    if (failed > 0 && failed < data->inputs.count) {
        self->threshold = 0.5;
        keep_known(self, data);
    }
}

/* Raises y to what a constraint is exceeded by; NaN where that is not known. */
static void read_constraint(sample *self, const dz_bayesian_data *data, size_t constraint)
{
    size_t known = 0;
    for (size_t i = 0; i < data->inputs.count; i++) {
        double excess = data->trials[i]->excess[constraint];
        if (!isnan(excess)) {
            self->room[known++] = fmin(LARGEST_EXCESS, fabs(excess));
        }
    }
    double unit = median(self->room, known);
    unit = unit > 0 ? unit : 1;
    for (size_t i = 0; i < data->inputs.count; i++) {
        double excess = data->trials[i]->excess[constraint];
        if (isnan(excess) || isnan(self->y[i])) {
            self->y[i] = NAN;
        } else {
            double held = fmax(-LARGEST_EXCESS, fmin(LARGEST_EXCESS, excess));
            self->y[i] = fmax(self->y[i], asinh(held / unit));
        }
    }
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, size_t count)
{
    qsort(values, count, sizeof(*values), compare_doubles);
    return count > 0 ? values[count / 2] : 0;
}

/* Copies the rows whose y is known, and standardises. */
static void keep_known(sample *self, const dz_bayesian_data *data)
{
    size_t dims = self->inputs.dims;
    for (size_t i = 0; i < data->inputs.count; i++) {
        if (!isnan(self->y[i])) {
            size_t at = self->inputs.count++;
            self->y[at] = self->y[i];
            memcpy(self->x + at * dims, data->x + i * dims, dims * sizeof(*self->x));
        }
    }
    standardise(self);
}

static void standardise(sample *self)
{
    double mean = 0;
    double squares = 0;
    size_t count = self->inputs.count;
    for (size_t i = 0; i < count; i++) {
        double delta = self->y[i] - mean;
        mean += delta / (double)(i + 1);
        squares += delta * (self->y[i] - mean);
    }
    double deviation = count > 1 ? sqrt(squares / (double)(count - 1)) : 0;
    deviation = deviation > 1e-12 ? deviation : 1;
    for (size_t i = 0; i < count; i++) {
        self->y[i] = (self->y[i] - mean) / deviation;
    }
    self->threshold = (self->threshold - mean) / deviation;
}
