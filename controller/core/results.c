/*
 * What a trial's observations come to: its values by the metrics' strategies, and whether it keeps
 * the constraints.
 */
#include "core/model.h"

#include <math.h>

/* Katib falls back from a min or max that is not there to the latest value; ours is there whenever
 * any value was a number, so the fall-back has nothing to find but texts. */
bool dz_trial_metric(const dz_trial *trial, const dz_experiment_spec *spec, size_t metric,
                     double *value)
{
    const dz_observation *seen;

    if (trial->observations == NULL || metric >= spec->metric_count ||
        metric >= trial->metric_count) {
        return false;
    }
    seen = &trial->observations[metric];
    switch (spec->metrics[metric].strategy) {
    case DZ_STRATEGY_MIN:
        *value = seen->min;
        return seen->numeric;
    case DZ_STRATEGY_MAX:
        *value = seen->max;
        return seen->numeric;
    case DZ_STRATEGY_LATEST:
        break;
    }
    *value = seen->latest;
    return seen->latest_numeric;
}

bool dz_trial_objective(const dz_trial *trial, const dz_experiment_spec *spec, double *value)
{
    return dz_trial_metric(trial, spec, 0, value);
}

size_t dz_trial_missing(const dz_trial *trial, const dz_experiment_spec *spec)
{
    double value = 0;

    for (size_t i = 0; i < spec->objective_count; i++) {
        if (!dz_trial_metric(trial, spec, spec->objectives[i].metric, &value)) {
            return spec->objectives[i].metric;
        }
    }
    for (size_t i = 0; i < spec->constraint_count; i++) {
        if (!dz_trial_metric(trial, spec, spec->constraints[i].metric, &value)) {
            return spec->constraints[i].metric;
        }
    }
    return SIZE_MAX;
}

double dz_trial_excess(const dz_trial *trial, const dz_experiment_spec *spec, size_t constraint)
{
    const dz_constraint *bounds = &spec->constraints[constraint];
    double excess = -(double)INFINITY;
    double value = 0;

    if (!dz_trial_metric(trial, spec, bounds->metric, &value) || isnan(value)) {
        return (double)NAN;
    }
    if (bounds->has_min) {
        excess = bounds->min - value;
    }
    if (bounds->has_max) {
        excess = fmax(excess, value - bounds->max);
    }
    return excess;
}

bool dz_trial_feasible(const dz_trial *trial, const dz_experiment_spec *spec)
{
    for (size_t i = 0; i < spec->constraint_count; i++) {
        if (!(dz_trial_excess(trial, spec, i) <= 0)) { /* a NaN is not known to be feasible */
            return false;
        }
    }
    return true;
}
