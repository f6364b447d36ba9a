/*
 * The median stopping rule: a trial whose best objective so far is worse than the median of what
 * the completed trials had on average by the same step is stopped.
 *
 * For each step the instance keeps the running averages, up to that step, of the completed trials
 * that got there, in a structure that has their median at hand; so a completed trial costs O(steps
 * log trials) once, and a judgement O(1) beside the reading of the trial's own reports. Only
 * completed trials count: one that was stopped early would pull the median towards itself.
 *
 * Katib's medianstop differs where it is wrong: its threshold is a mean and not a median, fixed
 * when the trial starts and tested at one step. Here the rule is the published one, and judged at
 * every report.
 */
#include "common.h"
#include "stopping.h"
#include "table.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* The median. */
static const double HALF = 0.5;

static double add_to_mean(double mean, int64_t count, double value);
static void explain(const dozan_problem *problem, double best, double median, int64_t step,
                    size_t trials, dozan_verdict *verdict);

static dozan_status create_median(const dozan_problem *problem, void **self, dozan_error *err)
{
    (void)problem;
    *self = calloc(1, sizeof(dz_step_quantiles));
    return *self != NULL
               ? DOZAN_OK
               : dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "no memory for medianstop");
}

static void destroy_median(void *self)
{
    if (self != NULL) {
        dz_step_quantiles_fini(self);
        free(self);
    }
}

/* Takes up the running averages of a trial that completed. A report that is not a number is left
 * out of them; a trial without any number by a step counts there as infinitely bad. */
static dozan_status tell_median(void *self, const dozan_problem *problem, const dozan_event *event,
                                dozan_error *err)
{
    (void)problem;
    if (event->kind != DOZAN_EVENT_COMPLETED) {
        return DOZAN_OK;
    }
    const dozan_trial *trial = event->trial;
    double mean = INFINITY;
    int64_t count = 0;
    int64_t step = 0;
    for (size_t i = 0; i < trial->report_count && step < DZ_MAX_STEPS; i++) {
        const dozan_report *report = &trial->reports[i];
        for (; step + 1 < report->step && step < DZ_MAX_STEPS; step++) {
            dozan_status status = dz_step_quantiles_add(self, step + 1, HALF, mean, err);
            if (status != DOZAN_OK) {
                return status;
            }
        }
        if (!isnan(report->loss)) {
            mean = add_to_mean(mean, ++count, report->loss);
        }
        dozan_status status = dz_step_quantiles_add(self, ++step, HALF, mean, err);
        if (status != DOZAN_OK) {
            return status;
        }
    }
    return DOZAN_OK;
}

static dozan_status judge_median(const void *self, const dozan_problem *problem,
                                 const dozan_trial *trial, dozan_verdict *verdict, dozan_error *err)
{
    (void)err;
    int64_t step = dz_last_step(trial);
    const dz_running_quantile *others = dz_step_quantiles_at(self, step);
    if (others == NULL || step < dozan_setting_int(problem->settings, "start_step")) {
        return DOZAN_OK;
    }
    size_t trials = dz_running_quantile_count(others);
    if (trials == 0 ||
        (int64_t)trials < dozan_setting_int(problem->settings, "min_trials_required")) {
        return DOZAN_OK;
    }
    double best = dz_best_loss(trial, step);
    double median = dz_running_quantile_value(others, HALF);
    if (best > median) {
        verdict->stop = true;
        explain(problem, best, median, step, trials, verdict);
    }
    return DOZAN_OK;
}

/* The mean of `count` values, the last of them `value`; once infinite, it stays so. */
static double add_to_mean(double mean, int64_t count, double value)
{
    if (count == 1) {
        return value;
    }
    if (!isfinite(mean) || !isfinite(value)) {
        return isfinite(mean) ? value : mean;
    }
    return mean + (value - mean) / (double)count;
}

static void explain(const dozan_problem *problem, double best, double median, int64_t step,
                    size_t trials, dozan_verdict *verdict)
{
    char best_text[DOZAN_VALUE_TEXT];
    char median_text[DOZAN_VALUE_TEXT];
    dz_loss_text(problem, best, best_text);
    dz_loss_text(problem, median, median_text);
    (void)snprintf(verdict->message, sizeof(verdict->message),
                   "The best objective of its first %" PRId64
                   " reports, %s, is worse than the median %s of what %zu completed trials had on "
                   "average by then.",
                   step, best_text, median_text, trials);
}

static const dozan_setting settings[] = {DZ_SETTINGS_MEDIANSTOP};

const dozan_algorithm dz_medianstop = {
    .abi = DOZAN_ALGORITHM_ABI,
    .name = "medianstop",
    .kind = DOZAN_KIND_EARLY_STOPPING,
    .traits = DOZAN_WANTS_REPORTS,
    .summary =
        "Stops a trial whose best objective is worse than the median of what the completed trials "
        "had on average by the same report: for models that are trained in epochs.",
    .reference =
        "D. Golovin et al.: Google Vizier: a service for black-box optimization. KDD 2017, "
        "section 3.2.2",
    .limits =
        "Says nothing before start_step, before min_trials_required trials have completed, or "
        "beyond "
        "1,048,576 reports of one trial. Trials that start slowly and end well may be lost; raise "
        "start_step for them.",
    .settings = settings,
    .setting_count = DZ_COUNT(settings),
    .create = create_median,
    .destroy = destroy_median,
    .tell = tell_median,
    .judge = judge_median,
};
