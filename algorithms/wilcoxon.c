/*
 * The Wilcoxon rule, for objectives that are a mean over instances, such as the folds of a
 * cross-validation: a trial is stopped when the signed-rank test over the instances that it has
 * reported says that it is worse than the best completed trial.
 *
 * Reports are paired by their step, so step n must be the same instance in every trial. The
 * instance keeps who the best completed trial is; a judgement costs the sorting of the trial's own
 * reports.
 */
#include "common.h"
#include "numerics/signed_rank.h"
#include "stopping.h"
#include "table.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct wilcoxon {
    int64_t best; /* number of the best completed trial; 0 = none */
    double loss;
} wilcoxon;

/* What two trials have in common. */
typedef struct comparison {
    double *differences; /* [count]: how much worse the trial is */
    size_t count;
    double mean;
} comparison;

static dozan_status compare(const dozan_trial *trial, const dozan_trial *best, comparison *result,
                            dozan_error *err);

static dozan_status create_wilcoxon(const dozan_problem *problem, void **self, dozan_error *err)
{
    (void)problem;
    *self = calloc(1, sizeof(wilcoxon));
    return *self != NULL
               ? DOZAN_OK
               : dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "no memory for wilcoxon");
}

static dozan_status tell_wilcoxon(void *self, const dozan_problem *problem,
                                  const dozan_event *event, dozan_error *err)
{
    wilcoxon *state = self;
    const dozan_trial *trial = event->trial;
    (void)problem;
    (void)err;
    if (event->kind == DOZAN_EVENT_COMPLETED && dz_trial_is_usable(trial) &&
        (state->best == 0 || trial->loss < state->loss)) {
        state->best = trial->number;
        state->loss = trial->loss;
    }
    return DOZAN_OK;
}

static dozan_status judge_wilcoxon(const void *self, const dozan_problem *problem,
                                   const dozan_trial *trial, dozan_verdict *verdict,
                                   dozan_error *err)
{
    const wilcoxon *state = self;
    comparison common = {.differences = NULL};
    const dozan_trial *best = dozan_history_find(problem->history, state->best);
    double p = 1;
    if (best == NULL || trial->report_count == 0) {
        return DOZAN_OK;
    }
    dozan_status status = compare(trial, best, &common, err);
    if (status != DOZAN_OK ||
        (int64_t)common.count < dozan_setting_int(problem->settings, "n_startup_steps")) {
        goto done;
    }
    if (!dz_signed_rank_greater(common.differences, common.count, &p)) {
        status = dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "no memory for the test");
        goto done;
    }
    /* Ranks may say worse where the mean, which is what counts in the end, says better. */
    if (p < dozan_setting_double(problem->settings, "p_threshold") && common.mean > 0) {
        verdict->stop = true;
        (void)snprintf(verdict->message, sizeof(verdict->message),
                       "Over %zu common reports it is worse than trial %" PRId64
                       ", the best so far: by chance alone it would look so with probability "
                       "%.3g.",
                       common.count, best->number, p);
    }
done:
    free(common.differences);
    return status;
}

/* Pairs the reports of the same steps; one that is not finite is left out. */
static dozan_status compare(const dozan_trial *trial, const dozan_trial *best, comparison *result,
                            dozan_error *err)
{
    size_t at = 0;
    double sum = 0;
    double *differences = malloc(trial->report_count * sizeof(*differences));
    if (differences == NULL) {
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "no memory for the pairs");
    }
    *result = (comparison){.differences = differences};
    for (size_t i = 0; i < trial->report_count; i++) {
        const dozan_report *report = &trial->reports[i];
        while (at < best->report_count && best->reports[at].step < report->step) {
            at++;
        }
        if (at == best->report_count || best->reports[at].step != report->step) {
            continue;
        }
        double difference = report->loss - best->reports[at].loss;
        if (isfinite(difference)) {
            differences[result->count++] = difference;
            sum += difference;
        }
    }
    result->mean = result->count > 0 ? sum / (double)result->count : 0;
    return DOZAN_OK;
}

static const dozan_setting settings[] = {DZ_SETTINGS_WILCOXON};

const dozan_algorithm dz_wilcoxon = {
    .abi = DOZAN_ALGORITHM_ABI,
    .name = "wilcoxon",
    .kind = DOZAN_KIND_EARLY_STOPPING,
    .traits = DOZAN_WANTS_REPORTS,
    .summary =
        "Stops a trial that a signed-rank test over its instances, such as folds or seeds, finds "
        "worse than the best completed trial: for objectives that are a mean of many runs.",
    .reference =
        "F. Wilcoxon: Individual comparisons by ranking methods. Biometrics Bulletin 1, 1945; as "
        "a stopping rule in Optuna, whose settings these are",
    .limits =
        "Report n must be the same instance in every trial, and the trial's objective the mean "
        "or another latest value, not the best of its reports. With few reports no p-value can be "
        "small: 4 are the fewest for 0.1. Not meant for learning curves.",
    .settings = settings,
    .setting_count = DZ_COUNT(settings),
    .create = create_wilcoxon,
    .destroy = free,
    .tell = tell_wilcoxon,
    .judge = judge_wilcoxon,
};
