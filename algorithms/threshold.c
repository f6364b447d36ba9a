/*
 * The threshold rule: a trial whose objective leaves a given range, or is no number, is stopped.
 *
 * It keeps nothing: a judgement reads the trial's own reports.
 */
#include "common.h"
#include "stopping.h"
#include "table.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

static bool is_outside(const dozan_problem *problem, double value, const char *name);

static dozan_status validate_threshold(const dozan_problem *problem, dozan_error *err)
{
    double lower = dozan_setting_double(problem->settings, "lower");
    double upper = dozan_setting_double(problem->settings, "upper");
    if (lower > upper) {
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "algorithmSettings",
                               "lower is %g, and upper is %g: every trial would be stopped", lower,
                               upper);
    }
    return DOZAN_OK;
}

static dozan_status judge_threshold(const void *self, const dozan_problem *problem,
                                    const dozan_trial *trial, dozan_verdict *verdict,
                                    dozan_error *err)
{
    (void)self;
    (void)err;
    for (size_t i = 0; i < trial->report_count && !verdict->stop; i++) {
        int64_t step = trial->reports[i].step;
        double value = problem->maximize ? -trial->reports[i].loss : trial->reports[i].loss;
        if (dz_judged_step(problem->settings, step) != step) {
            continue;
        }
        char text[DOZAN_VALUE_TEXT];
        dozan_number_text(value, text);
        const char *bound = isnan(value)                          ? "no number"
                            : is_outside(problem, value, "lower") ? "below the lower limit"
                            : is_outside(problem, value, "upper") ? "above the upper limit"
                                                                  : NULL;
        if (bound != NULL) {
            verdict->stop = true;
            (void)snprintf(verdict->message, sizeof(verdict->message),
                           "The objective of report %" PRId64 ", %s, is %s.", step, text, bound);
        }
    }
    return DOZAN_OK;
}

static bool is_outside(const dozan_problem *problem, double value, const char *name)
{
    double bound = dozan_setting_double(problem->settings, name); /* NaN: there is none */
    return name[0] == 'l' ? value < bound : value > bound;
}

static const dozan_setting settings[] = {DZ_SETTINGS_THRESHOLD, DZ_SETTINGS_INTERVAL};

const dozan_algorithm dz_threshold = {
    .abi = DOZAN_ALGORITHM_ABI,
    .name = "threshold",
    .kind = DOZAN_KIND_EARLY_STOPPING,
    .traits = DOZAN_WANTS_REPORTS,
    .summary =
        "Stops a trial whose objective is below lower, above upper, or no number: for what is "
        "known to be lost, such as a model that diverges.",
    .reference = "T. Akiba, S. Sano, T. Yanase, T. Ohta, M. Koyama: Optuna: a next-generation "
                 "hyperparameter optimization framework. KDD 2019 (its threshold pruner)",
    .limits =
        "The limits are values as the program prints them, whether the objective is minimised or "
        "maximised. Without any only a NaN stops a trial. Learns nothing from other trials.",
    .settings = settings,
    .setting_count = DZ_COUNT(settings),
    .validate = validate_threshold,
    .judge = judge_threshold,
};
