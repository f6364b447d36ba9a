/*
 * ASHA of the stopping type: at the reports min_resource, min_resource * eta, min_resource * eta^2
 * and so on, a trial goes on when its best objective so far is among the best 1/eta of all trials
 * that have come to that report, itself included.
 *
 * A trial is compared when it comes to a rung, with those that came before it, and never again at
 * that rung; so the instance keeps for each rung the objectives in their order, and for each
 * running trial the next rung and the comparison it lost. A report costs O(1), one at a rung a
 * search; a judgement looks up one running trial. A trial that is lost and runs again keeps the
 * place that it had.
 */
#include "common.h"
#include "numerics/ranking.h"
#include "stopping.h"
#include "table.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { MAX_RUNGS = 64 };

/* A running trial that has come to a rung. */
typedef struct runner {
    int64_t number;
    int rung; /* the next one */
    bool lost;
    double loss;   /* if lost: what it had, */
    double limit;  /* what it would have needed, */
    size_t trials; /* among how many, */
    int64_t step;  /* and when */
} runner;

typedef struct asha_stop {
    int64_t steps[MAX_RUNGS]; /* ascending */
    int rung_count;
    double factor;
    dz_ranking rungs[MAX_RUNGS];
    runner *runners;
    size_t runner_count;
    size_t runner_capacity;
} asha_stop;

static void make_rungs(asha_stop *self, const dozan_settings *settings);
static runner *find_runner(const asha_stop *self, int64_t number);
static runner *add_runner(asha_stop *self, int64_t number);
static bool enter_rung(asha_stop *self, const dozan_problem *problem, const dozan_trial *trial,
                       runner *entry);
static dozan_status no_memory(dozan_error *err);

static dozan_status create_asha_stop(const dozan_problem *problem, void **self, dozan_error *err)
{
    asha_stop *state = calloc(1, sizeof(*state));
    if (state == NULL) {
        return no_memory(err);
    }
    make_rungs(state, problem->settings);
    *self = state;
    return DOZAN_OK;
}

static void destroy_asha_stop(void *self)
{
    asha_stop *state = self;
    if (state == NULL) {
        return;
    }
    for (int i = 0; i < state->rung_count; i++) {
        dz_ranking_fini(&state->rungs[i]);
    }
    free(state->runners);
    free(state);
}

static dozan_status tell_asha_stop(void *self, const dozan_problem *problem,
                                   const dozan_event *event, dozan_error *err)
{
    asha_stop *state = self;
    const dozan_trial *trial = event->trial;
    runner *entry = find_runner(state, trial->number);
    if (trial->state != DOZAN_TRIAL_PENDING) {
        if (entry != NULL) {
            *entry = state->runners[--state->runner_count];
        }
        return DOZAN_OK;
    }
    int next = entry != NULL ? entry->rung : 0;
    if (event->kind != DOZAN_EVENT_REPORT || event->metric != 0 || next >= state->rung_count ||
        event->step < state->steps[next]) {
        return DOZAN_OK;
    }
    if (entry == NULL) {
        entry = add_runner(state, trial->number);
    }
    return entry != NULL && enter_rung(state, problem, trial, entry) ? DOZAN_OK : no_memory(err);
}

static dozan_status judge_asha_stop(const void *self, const dozan_problem *problem,
                                    const dozan_trial *trial, dozan_verdict *verdict,
                                    dozan_error *err)
{
    const runner *entry = find_runner(self, trial->number);
    (void)err;
    if (entry == NULL || !entry->lost) {
        return DOZAN_OK;
    }
    char loss_text[DOZAN_VALUE_TEXT];
    char limit_text[DOZAN_VALUE_TEXT];
    dz_loss_text(problem, entry->loss, loss_text);
    dz_loss_text(problem, entry->limit, limit_text);
    verdict->stop = true;
    (void)snprintf(verdict->message, sizeof(verdict->message),
                   "The best objective of its first %" PRId64
                   " reports, %s, is not among the best 1/%g of the %zu trials that had come so "
                   "far: it would have needed %s.",
                   entry->step, loss_text,
                   dozan_setting_double(problem->settings, "reduction_factor"), entry->trials,
                   limit_text);
    return DOZAN_OK;
}

static void make_rungs(asha_stop *self, const dozan_settings *settings)
{
    double factor = dozan_setting_double(settings, "reduction_factor");
    double step = (double)dozan_setting_int(settings, "min_resource");
    double end = dozan_setting_is_set(settings, "max_resource")
                     ? (double)dozan_setting_int(settings, "max_resource")
                     : 9e15;
    for (int64_t i = dozan_setting_int(settings, "min_early_stopping_rate"); i > 0; i--) {
        step *= factor;
    }
    self->factor = factor;
    while (self->rung_count < MAX_RUNGS && floor(step) < end) {
        self->steps[self->rung_count++] = (int64_t)floor(step);
        step *= factor;
    }
}

/* Trials that run at once are few. */
static runner *find_runner(const asha_stop *self, int64_t number)
{
    for (size_t i = 0; i < self->runner_count; i++) {
        if (self->runners[i].number == number) {
            return &self->runners[i];
        }
    }
    return NULL;
}

static runner *add_runner(asha_stop *self, int64_t number)
{
    if (self->runner_count == self->runner_capacity) {
        size_t capacity = 2 * self->runner_capacity + 8;
        runner *runners = realloc(self->runners, capacity * sizeof(*runners));
        if (runners == NULL) {
            return NULL;
        }
        self->runners = runners;
        self->runner_capacity = capacity;
    }
    runner *added = &self->runners[self->runner_count++];
    *added = (runner){.number = number};
    return added;
}

/* Compares the trial at each rung that its newest report has come to. */
static bool enter_rung(asha_stop *self, const dozan_problem *problem, const dozan_trial *trial,
                       runner *entry)
{
    int64_t reached = dz_last_step(trial);
    int64_t bootstrap = dozan_setting_int(problem->settings, "bootstrap_count");
    for (; entry->rung < self->rung_count && self->steps[entry->rung] <= reached; entry->rung++) {
        int64_t step = self->steps[entry->rung];
        dz_ranking *rung = &self->rungs[entry->rung];
        dz_ranked here = {dz_best_loss(trial, step), trial->number};
        if (!dz_ranking_add(rung, here)) {
            return false;
        }
        double among = floor((double)rung->count / self->factor + 1e-9);
        double limit = dz_ranking_at(rung, among > 1 ? (size_t)among - 1 : 0).value;
        bool hopeless = isinf(here.value) && here.value > 0;
        if (!entry->lost && (here.value > limit || hopeless) && (int64_t)rung->count > bootstrap) {
            entry->lost = true;
            entry->loss = here.value;
            entry->limit = limit;
            entry->trials = rung->count;
            entry->step = step;
        }
    }
    return true;
}

static dozan_status no_memory(dozan_error *err)
{
    return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "no memory for asha-stop");
}

static const dozan_setting settings[] = {DZ_SETTINGS_ASHA_STOP};

const dozan_algorithm dz_asha_stop = {
    .abi = DOZAN_ALGORITHM_ABI,
    .name = "asha-stop",
    .kind = DOZAN_KIND_EARLY_STOPPING,
    .traits = DOZAN_WANTS_REPORTS,
    .summary =
        "Stops a trial that is not among the best third when it comes to report 1, 3, 9, 27 and "
        "so on: the strictest of the stoppers, for many trials of models trained in epochs.",
    .reference =
        "L. Li, K. Jamieson, A. Rostamizadeh, E. Gonina, J. Ben-Tzur, M. Hardt, B. Recht, "
        "A. Talwalkar: A system for massively parallel hyperparameter tuning. MLSys 2020; the "
        "stopping variant of A. Klein, L. Tiao, T. Lienart, C. Archambeau, M. Seeger: Model-based "
        "asynchronous hyperparameter and neural architecture search. 2020",
    .limits =
        "A trial is compared with those that came before it alone: the first ones have it easy. "
        "What starts slowly and ends well may be lost; raise min_resource for it.",
    .settings = settings,
    .setting_count = DZ_COUNT(settings),
    .create = create_asha_stop,
    .destroy = destroy_asha_stop,
    .tell = tell_asha_stop,
    .judge = judge_asha_stop,
};
