#include "stopping.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

static bool reserve(dz_step_quantiles *quantiles, size_t count);

void dz_step_quantiles_fini(dz_step_quantiles *quantiles)
{
    for (size_t i = 0; i < quantiles->count; i++) {
        dz_running_quantile_fini(&quantiles->steps[i]);
    }
    free(quantiles->steps);
    *quantiles = (dz_step_quantiles){0};
}

dozan_status dz_step_quantiles_add(dz_step_quantiles *quantiles, int64_t step, double share,
                                   double value, dozan_error *err)
{
    size_t index = (size_t)(step - 1);
    if (!reserve(quantiles, index + 1) ||
        !dz_running_quantile_add(&quantiles->steps[index], share, value)) {
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL,
                               "no memory for what trials had at step %" PRId64, step);
    }
    return DOZAN_OK;
}

const dz_running_quantile *dz_step_quantiles_at(const dz_step_quantiles *quantiles, int64_t step)
{
    return step >= 1 && (uint64_t)step <= quantiles->count ? &quantiles->steps[step - 1] : NULL;
}

double dz_best_loss(const dozan_trial *trial, int64_t step)
{
    double best = INFINITY;
    for (size_t i = 0; i < trial->report_count && trial->reports[i].step <= step; i++) {
        if (trial->reports[i].loss < best) {
            best = trial->reports[i].loss;
        }
    }
    return best;
}

int64_t dz_last_step(const dozan_trial *trial)
{
    return trial->report_count > 0 ? trial->reports[trial->report_count - 1].step : 0;
}

int64_t dz_judged_step(const dozan_settings *settings, int64_t step)
{
    int64_t warmup = dozan_setting_int(settings, "n_warmup_steps");
    int64_t interval = dozan_setting_int(settings, "interval_steps");
    return step > warmup ? step - (step - warmup - 1) % interval : 0;
}

void dz_loss_text(const dozan_problem *problem, double loss, char text[DOZAN_VALUE_TEXT])
{
    dozan_number_text(problem->maximize ? -loss : loss, text);
}

static bool reserve(dz_step_quantiles *quantiles, size_t count)
{
    if (count > quantiles->capacity) {
        size_t capacity = count < 64 ? 64 : 2 * count;
        dz_running_quantile *steps = realloc(quantiles->steps, capacity * sizeof(*steps));
        if (steps == NULL) {
            return false;
        }
        quantiles->steps = steps;
        quantiles->capacity = capacity;
    }
    while (quantiles->count < count) {
        quantiles->steps[quantiles->count++] = (dz_running_quantile){0};
    }
    return true;
}
