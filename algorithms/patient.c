/*
 * Patience: a trial that has not improved by more than min_delta for `patience` reports is stopped;
 * or, where another stopper is wrapped, is put before that one, which otherwise says nothing.
 *
 * The wrapped stopper is an instance of its own, told every event. Its settings are rows of this
 * algorithm's table, so it reads them as if they were its own.
 */
#include "common.h"
#include "stopping.h"
#include "table.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const dozan_algorithm *const wrappable[] = {&dz_medianstop, &dz_percentile, &dz_asha_stop,
                                                   &dz_threshold, &dz_wilcoxon};

static const char *const names[] = {"none",      "medianstop", "percentile", "asha-stop",
                                    "threshold", "wilcoxon",   NULL};

typedef struct patient {
    const dozan_algorithm *wrapped; /* NULL = none */
    void *inner;
} patient;

static const dozan_algorithm *find_wrapped(const dozan_problem *problem);
static bool stands_still(const dozan_problem *problem, const dozan_trial *trial, double *best,
                         int64_t *since);

static dozan_status validate_patient(const dozan_problem *problem, dozan_error *err)
{
    const dozan_algorithm *wrapped = find_wrapped(problem);
    return wrapped != NULL && wrapped->validate != NULL ? wrapped->validate(problem, err)
                                                        : DOZAN_OK;
}

static void destroy_patient(void *self)
{
    patient *state = self;
    if (state == NULL) {
        return;
    }
    if (state->wrapped != NULL && state->wrapped->destroy != NULL) {
        state->wrapped->destroy(state->inner);
    }
    free(state);
}

static dozan_status create_patient(const dozan_problem *problem, void **self, dozan_error *err)
{
    patient *state = calloc(1, sizeof(*state));
    if (state == NULL) {
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "no memory for patient");
    }
    state->wrapped = find_wrapped(problem);
    if (state->wrapped != NULL && state->wrapped->create != NULL) {
        dozan_status status = state->wrapped->create(problem, &state->inner, err);
        if (status != DOZAN_OK) {
            free(state);
            return status;
        }
    }
    *self = state;
    return DOZAN_OK;
}

static dozan_status tell_patient(void *self, const dozan_problem *problem, const dozan_event *event,
                                 dozan_error *err)
{
    patient *state = self;
    return state->wrapped != NULL && state->wrapped->tell != NULL
               ? state->wrapped->tell(state->inner, problem, event, err)
               : DOZAN_OK;
}

static dozan_status judge_patient(const void *self, const dozan_problem *problem,
                                  const dozan_trial *trial, dozan_verdict *verdict,
                                  dozan_error *err)
{
    const patient *state = self;
    double best = 0;
    int64_t since = 0;
    if (!stands_still(problem, trial, &best, &since)) {
        return DOZAN_OK;
    }
    if (state->wrapped != NULL) {
        return state->wrapped->judge(state->inner, problem, trial, verdict, err);
    }
    char text[DOZAN_VALUE_TEXT];
    dz_loss_text(problem, best, text);
    verdict->stop = true;
    (void)snprintf(verdict->message, sizeof(verdict->message),
                   "The objective has not improved on %s by more than %g for %" PRId64 " reports.",
                   text, dozan_setting_double(problem->settings, "min_delta"), since);
    return DOZAN_OK;
}

static const dozan_algorithm *find_wrapped(const dozan_problem *problem)
{
    const char *name = dozan_setting_text(problem->settings, "wrapped_pruner");
    for (size_t i = 0; i < DZ_COUNT(wrappable); i++) {
        if (strcmp(wrappable[i]->name, name) == 0) {
            return wrappable[i];
        }
    }
    return NULL;
}

/* Whether the last `patience` reports bring no improvement. A first number after none is one. */
static bool stands_still(const dozan_problem *problem, const dozan_trial *trial, double *best,
                         int64_t *since)
{
    double delta = dozan_setting_double(problem->settings, "min_delta");
    *best = INFINITY;
    *since = 0;
    for (size_t i = 0; i < trial->report_count; i++) {
        double loss = trial->reports[i].loss;
        bool improved = isinf(*best) ? loss < *best : loss < *best - delta;
        *since = improved || i == 0 ? 0 : *since + 1;
        *best = improved ? loss : *best;
    }
    return *since >= dozan_setting_int(problem->settings, "patience");
}

static const dozan_setting settings[] = {
    {.name = "patience",
     .type = DOZAN_SETTING_INT,
     .default_text = "10",
     .min = "1",
     .help = "How many reports in a row may pass without an improvement."},
    {.name = "min_delta",
     .type = DOZAN_SETTING_DOUBLE,
     .default_text = "0",
     .min = "0",
     .help = "What is not better than the best by more than this is no improvement."},
    {.name = "wrapped_pruner",
     .type = DOZAN_SETTING_CHOICE,
     .default_text = "none",
     .choices = names,
     .help = "The stopper that decides about a trial without improvement; its settings stand "
             "beside these. With none such a trial is stopped."},
    DZ_SETTINGS_MEDIANSTOP,
    DZ_SETTINGS_PERCENTILE,
    DZ_SETTINGS_ASHA_STOP,
    DZ_SETTINGS_THRESHOLD,
    DZ_SETTINGS_WILCOXON,
    DZ_SETTINGS_INTERVAL,
};

const dozan_algorithm dz_patient = {
    .abi = DOZAN_ALGORITHM_ABI,
    .name = "patient",
    .kind = DOZAN_KIND_EARLY_STOPPING,
    .traits = DOZAN_WANTS_REPORTS,
    .summary =
        "Stops a trial that has not improved for some reports, alone or as a condition before "
        "another stopper: for curves with plateaus, and to end what has converged.",
    .reference =
        "L. Prechelt: Early stopping - but when? In: Neural networks: tricks of the trade, 1998; "
        "around another rule as in Optuna's patient pruner",
    .limits =
        "Alone it looks at no other trial: a bad trial that still improves runs on. A wrapped "
        "stopper is heard only while the trial stands still. Unlike Optuna's, an equal value is "
        "no improvement, and min_delta is what an improvement must exceed.",
    .settings = settings,
    .setting_count = DZ_COUNT(settings),
    .validate = validate_patient,
    .create = create_patient,
    .destroy = destroy_patient,
    .tell = tell_patient,
    .judge = judge_patient,
};
