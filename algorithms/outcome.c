#include "outcome.h"

#include "common.h"

#include <math.h>

double dz_outcome_read(const dozan_problem *problem, const dozan_trial *trial, double *losses)
{
    bool usable = dz_trial_is_usable(trial);
    for (size_t i = 0; i < problem->objective_count && usable; i++) {
        double loss = dozan_trial_loss(trial, i);
        usable = loss < INFINITY; /* not NaN either */
        losses[i] = fmin(DZ_OUTCOME_LARGEST, fmax(-DZ_OUTCOME_LARGEST, loss));
    }
    if (!usable) {
        for (size_t i = 0; i < problem->objective_count; i++) {
            losses[i] = DZ_OUTCOME_LARGEST;
        }
        return INFINITY;
    }
    double excess = problem->constraint_count > 0 ? dozan_trial_excess(problem, trial) : 0;
    return isnan(excess) ? DZ_OUTCOME_UNKNOWN : fmin(excess, DZ_OUTCOME_UNKNOWN);
}
