/*
 * The percentile rule: a trial goes on while its best objective is within the best so many percent
 * of what the completed trials had at the same step.
 *
 * For each step the instance keeps what the completed trials reported at it, as two heaps that meet
 * at the percentile: a completed trial costs O(steps log trials) once, and a judgement O(1) beside
 * the reading of the trial's own reports. A trial that was stopped is no measure for others: it
 * would pull the percentile towards itself.
 */
#include "common.h"
#include "stopping.h"
#include "table.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct percentile {
    dz_step_quantiles quantiles;
    int64_t completed;
} percentile;

static double share_of(const dozan_problem *problem);
static void explain(const dozan_problem *problem, double best, double limit, int64_t step,
                    size_t trials, dozan_verdict *verdict);

static dozan_status create_percentile(const dozan_problem *problem, void **self, dozan_error *err)
{
    (void)problem;
    *self = calloc(1, sizeof(percentile));
    return *self != NULL
               ? DOZAN_OK
               : dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "no memory for percentile");
}

static void destroy_percentile(void *self)
{
    percentile *state = self;
    if (state != NULL) {
        dz_step_quantiles_fini(&state->quantiles);
        free(state);
    }
}

static dozan_status tell_percentile(void *self, const dozan_problem *problem,
                                    const dozan_event *event, dozan_error *err)
{
    percentile *state = self;
    const dozan_trial *trial = event->trial;
    dozan_status status = DOZAN_OK;
    if (event->kind != DOZAN_EVENT_COMPLETED) {
        return DOZAN_OK;
    }
    state->completed++;
    for (size_t i = 0; i < trial->report_count && status == DOZAN_OK; i++) {
        const dozan_report *report = &trial->reports[i];
        if (report->step > DZ_MAX_STEPS) {
            break;
        }
        if (!isnan(report->loss)) {
            status = dz_step_quantiles_add(&state->quantiles, report->step, share_of(problem),
                                           report->loss, err);
        }
    }
    return status;
}

static dozan_status judge_percentile(const void *self, const dozan_problem *problem,
                                     const dozan_trial *trial, dozan_verdict *verdict,
                                     dozan_error *err)
{
    const percentile *state = self;
    (void)err;
    int64_t step = dz_judged_step(problem->settings, dz_last_step(trial));
    const dz_running_quantile *others = dz_step_quantiles_at(&state->quantiles, step);
    if (others == NULL ||
        state->completed < dozan_setting_int(problem->settings, "n_startup_trials")) {
        return DOZAN_OK;
    }
    size_t trials = dz_running_quantile_count(others);
    if (trials == 0 || (int64_t)trials < dozan_setting_int(problem->settings, "n_min_trials")) {
        return DOZAN_OK;
    }
    double limit = dz_running_quantile_value(others, share_of(problem));
    double best = dz_best_loss(trial, step);
    if (best > limit) {
        verdict->stop = true;
        explain(problem, best, limit, step, trials, verdict);
    }
    return DOZAN_OK;
}

static double share_of(const dozan_problem *problem)
{
    return dozan_setting_double(problem->settings, "percentile") / 100;
}

static void explain(const dozan_problem *problem, double best, double limit, int64_t step,
                    size_t trials, dozan_verdict *verdict)
{
    char best_text[DOZAN_VALUE_TEXT];
    char limit_text[DOZAN_VALUE_TEXT];
    dz_loss_text(problem, best, best_text);
    dz_loss_text(problem, limit, limit_text);
    (void)snprintf(verdict->message, sizeof(verdict->message),
                   "The best objective of its first %" PRId64
                   " reports, %s, is worse than %s, the limit of the best %g %% of what %zu "
                   "completed trials had at that report.",
                   step, best_text, limit_text,
                   dozan_setting_double(problem->settings, "percentile"), trials);
}

static const dozan_setting settings[] = {DZ_SETTINGS_PERCENTILE, DZ_SETTINGS_INTERVAL};

const dozan_algorithm dz_percentile = {
    .abi = DOZAN_ALGORITHM_ABI,
    .name = "percentile",
    .kind = DOZAN_KIND_EARLY_STOPPING,
    .traits = DOZAN_WANTS_REPORTS,
    .summary =
        "Stops a trial that is not within the best so many percent of what the completed trials "
        "had at the same report: medianstop's stricter relative.",
    .reference = "T. Akiba, S. Sano, T. Yanase, T. Ohta, M. Koyama: Optuna: a next-generation "
                 "hyperparameter optimization framework. KDD 2019 (its percentile pruner)",
    .limits =
        "Says nothing before n_startup_trials trials have completed, or beyond 1,048,576 reports "
        "of one trial. As only completed trials count, and these were good enough not to be "
        "stopped, the limit gets harder to pass with time.",
    .settings = settings,
    .setting_count = DZ_COUNT(settings),
    .create = create_percentile,
    .destroy = destroy_percentile,
    .tell = tell_percentile,
    .judge = judge_percentile,
};
