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
#include "numerics/running_median.h"
#include "table.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* A trial is not judged beyond this many reports; it bounds the memory that a log can ask for. */
enum { MAX_STEPS = 1 << 20 };

typedef struct median_stop {
    dz_running_median *steps; /* steps[s-1]: running averages of completed trials up to step s */
    size_t step_count;
    size_t capacity;
} median_stop;

static dozan_status add_average(median_stop *self, int64_t step, double average, dozan_error *err);
static bool reserve_steps(median_stop *self, size_t count);
static double add_to_mean(double mean, int64_t count, double value);
static double best_loss(const dozan_trial *trial);
static void explain(const dozan_problem *problem, double best, double median, int64_t step,
                    size_t trials, dozan_verdict *verdict);

static dozan_status create_median(const dozan_problem *problem, void **self, dozan_error *err)
{
    (void)problem;
    *self = calloc(1, sizeof(median_stop));
    return *self != NULL
               ? DOZAN_OK
               : dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "no memory for medianstop");
}

static void destroy_median(void *self)
{
    median_stop *state = self;
    if (state == NULL) {
        return;
    }
    for (size_t i = 0; i < state->step_count; i++) {
        dz_running_median_fini(&state->steps[i]);
    }
    free(state->steps);
    free(state);
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
    for (size_t i = 0; i < trial->report_count && step < MAX_STEPS; i++) {
        const dozan_report *report = &trial->reports[i];
        for (; step + 1 < report->step && step < MAX_STEPS; step++) {
            dozan_status status = add_average(self, step + 1, mean, err);
            if (status != DOZAN_OK) {
                return status;
            }
        }
        if (!isnan(report->loss)) {
            mean = add_to_mean(mean, ++count, report->loss);
        }
        dozan_status status = add_average(self, ++step, mean, err);
        if (status != DOZAN_OK) {
            return status;
        }
    }
    return DOZAN_OK;
}

static dozan_status judge_median(const void *self, const dozan_problem *problem,
                                 const dozan_trial *trial, dozan_verdict *verdict, dozan_error *err)
{
    const median_stop *state = self;
    (void)err;
    verdict->stop = false;
    if (trial->report_count == 0) {
        return DOZAN_OK;
    }
    int64_t step = trial->reports[trial->report_count - 1].step;
    if (step < dozan_setting_int(problem->settings, "start_step") || step < 1 ||
        (uint64_t)step > state->step_count) {
        return DOZAN_OK;
    }
    const dz_running_median *others = &state->steps[step - 1];
    size_t trials = dz_running_median_count(others);
    if (trials == 0 ||
        (int64_t)trials < dozan_setting_int(problem->settings, "min_trials_required")) {
        return DOZAN_OK;
    }
    double best = best_loss(trial);
    double median = dz_running_median_value(others);
    if (best > median) {
        verdict->stop = true;
        explain(problem, best, median, step, trials, verdict);
    }
    return DOZAN_OK;
}

static dozan_status add_average(median_stop *self, int64_t step, double average, dozan_error *err)
{
    size_t index = (size_t)(step - 1);
    if (!reserve_steps(self, index + 1) || !dz_running_median_add(&self->steps[index], average)) {
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL,
                               "no memory for the medians of %" PRId64 " steps", step);
    }
    return DOZAN_OK;
}

static bool reserve_steps(median_stop *self, size_t count)
{
    if (count <= self->step_count) {
        return true;
    }
    if (count > self->capacity) {
        size_t capacity = count < 64 ? 64 : 2 * count;
        dz_running_median *steps = realloc(self->steps, capacity * sizeof(*steps));
        if (steps == NULL) {
            return false;
        }
        self->steps = steps;
        self->capacity = capacity;
    }
    while (self->step_count < count) {
        self->steps[self->step_count++] = (dz_running_median){0};
    }
    return true;
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

/* The smallest loss reported; infinite when none is a number, so that a trial which only ever
 * diverged is stopped. */
static double best_loss(const dozan_trial *trial)
{
    double best = INFINITY;
    for (size_t i = 0; i < trial->report_count; i++) {
        if (trial->reports[i].loss < best) {
            best = trial->reports[i].loss;
        }
    }
    return best;
}

static void explain(const dozan_problem *problem, double best, double median, int64_t step,
                    size_t trials, dozan_verdict *verdict)
{
    char best_text[DOZAN_VALUE_TEXT];
    char median_text[DOZAN_VALUE_TEXT];
    dozan_number_text(problem->maximize ? -best : best, best_text);
    dozan_number_text(problem->maximize ? -median : median, median_text);
    (void)snprintf(verdict->message, sizeof(verdict->message),
                   "The best objective of its first %" PRId64
                   " reports, %s, is worse than the median %s of what %zu completed trials had on "
                   "average by then.",
                   step, best_text, median_text, trials);
}

static const dozan_setting settings[] = {
    {.name = "min_trials_required",
     .type = DOZAN_SETTING_INT,
     .default_text = "3",
     .min = "0",
     .min_exclusive = true,
     .help = "How many completed trials must have got as far before a trial is judged."},
    {.name = "start_step",
     .type = DOZAN_SETTING_INT,
     .default_text = "4",
     .min = "1",
     .help = "The first report of the objective at which a trial is judged, counted from 1."},
};

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
