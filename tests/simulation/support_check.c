/*
 * What must always hold.
 */
#include "support_simulation.h"

#include <math.h>

static void check_entry(sim *s, const dz_log_entry *entry);
static void note_value(sim *s, const dz_log_entry *entry);
static void check_front(sim *s);
static bool ends_trial(dozan_event_kind kind);

void sim_check_step(sim *s)
{
    const dz_experiment *e = s->experiment;
    int64_t counts[DZ_TRIAL_STATE_COUNT] = {0};
    int64_t total = 0, cpu = 0, gpu = 0, last = 0;

    for (size_t i = 0; i < e->active_count; i++) {
        const dz_trial *trial = e->active[i];
        bool holds = trial->state == DZ_TRIAL_STARTING || trial->state == DZ_TRIAL_RUNNING ||
                     trial->state == DZ_TRIAL_STOPPING;

        counts[trial->state]++;
        cpu += holds ? trial->cpu_milli : 0;
        gpu += holds ? trial->gpu_count : 0;
        if (trial->number <= last || dz_trial_state_ended(trial->state) ||
            s->history[trial->number].ended) {
            sim_trouble(s, "trial %ld is active, and has ended or is out of order",
                        (long)trial->number);
        }
        last = trial->number;
    }
    for (int state = 0; state < DZ_TRIAL_STATE_COUNT; state++) {
        total += e->state_counts[state];
        if (!dz_trial_state_ended((dz_trial_state)state) &&
            e->state_counts[state] != counts[state]) {
            sim_trouble(s, "%ld trials are counted as %s, and %ld are",
                        (long)e->state_counts[state], dz_trial_state_name((dz_trial_state)state),
                        (long)counts[state]);
        }
    }
    if (total != e->trial_count) {
        sim_trouble(s, "%ld trials in states, %ld in all", (long)total, (long)e->trial_count);
    }
    if (s->slots.cpu_milli_used != cpu || s->slots.gpu_used != gpu ||
        s->slots.cpu_milli_used > s->slots.cpu_milli_total ||
        s->slots.gpu_used > s->slots.gpu_total) {
        sim_trouble(s, "slots: %ld CPU and %d GPU used, %ld and %ld held",
                    (long)s->slots.cpu_milli_used, (int)s->slots.gpu_used, (long)cpu, (long)gpu);
    }
    if (e->trial_count > s->max_trials) {
        sim_trouble(s, "%ld trials, maxTrialCount is %d", (long)e->trial_count, (int)s->max_trials);
    }
    const dz_condition *now = &e->conditions[e->condition_count - 1];
    if (strcmp(now->type, dz_experiment_state_name(e->state)) != 0 || !now->status) {
        sim_trouble(s, "state %s, last condition %s", dz_experiment_state_name(e->state),
                    now->type);
    }
}

void sim_check_commit(sim *s)
{
    for (size_t i = 0; i < s->changes.log_count; i++) {
        check_entry(s, &s->changes.log[i]);
    }
    if (s->committed_seq != s->experiment->last_seq) {
        sim_trouble(s, "last_seq is %ld, the log ends at %ld", (long)s->experiment->last_seq,
                    (long)s->committed_seq);
    }
    for (size_t i = 0; i < s->changes.ended_count; i++) {
        const dz_trial *trial = s->changes.ended[i];

        s->history[trial->number].state = trial->state;
        if (!s->history[trial->number].ended) {
            sim_trouble(s, "trial %ld ended without a word in the log", (long)trial->number);
        }
        for (int32_t attempt = 1; attempt <= trial->attempt; attempt++) {
            if (sim_job_lives(s, trial->number, attempt)) {
                sim_trouble(s, "trial %ld ended, and its attempt %d lives on", (long)trial->number,
                            (int)attempt);
            }
        }
    }
    if (s->options->objectives) {
        check_front(s);
    }
    if (s->experiment->best.trial != s->best_trial) {
        sim_trouble(s, "the best is trial %ld, told is trial %ld", (long)s->best_trial,
                    (long)s->experiment->best.trial);
    }
}

void sim_check_start(sim *s, const dz_trial *trial)
{
    int64_t living = 0;
    bool busy[DZ_MAX_GPUS] = {false};

    for (int64_t number = 1; number <= SIM_MAX_TRIALS; number++) {
        for (int32_t attempt = 1; attempt <= SIM_MAX_ATTEMPTS; attempt++) {
            const sim_job *job = &s->jobs[number][attempt];

            if (!sim_job_lives(s, number, attempt)) {
                continue;
            }
            living++;
            for (int32_t i = 0; i < job->gpu_count; i++) {
                busy[job->gpus[i]] = true;
            }
            if (number == trial->number) {
                sim_trouble(s, "trial %ld: attempt %d starts while attempt %d lives", (long)number,
                            (int)trial->attempt, (int)attempt);
            }
        }
    }
    for (int32_t i = 0; i < trial->gpu_count; i++) {
        if (trial->gpus[i] >= s->options->gpus || busy[trial->gpus[i]]) {
            sim_trouble(s, "trial %ld: GPU %d is taken or is none", (long)trial->number,
                        (int)trial->gpus[i]);
        }
        busy[trial->gpus[i]] = true;
    }
    if (living >= s->highest_parallel || living >= s->options->cpus) {
        sim_trouble(s, "trial %ld starts beside %ld others", (long)trial->number, (long)living);
    }
}

void sim_check_end(sim *s)
{
    const dz_experiment *e = s->experiment;
    const char *reason = e->conditions[e->condition_count - 1].reason;
    const sim_options *o = s->options;
    bool undisturbed = o->failed == 0 && o->unavailable == 0 && o->timeout == 0 && o->kill == 0;
    int64_t expected = o->points < s->max_trials ? o->points : s->max_trials;

    if (e->active_count > 0) {
        sim_trouble(s, "%zu trials are left active", e->active_count);
    }
    if (strcmp(reason, "ExperimentSuggestionEndReached") == 0 && e->trial_count != o->points) {
        sim_trouble(s, "the algorithm has %ld points, and %ld trials were made", (long)o->points,
                    (long)e->trial_count);
    }
    if (strcmp(reason, "ExperimentMaxTrialsReached") == 0 && e->trial_count != s->max_trials) {
        sim_trouble(s, "%ld trials, maxTrialCount is %d", (long)e->trial_count, (int)s->max_trials);
    }
    if (undisturbed && e->trial_count != expected) {
        sim_trouble(s, "%s after %ld trials of %ld", reason, (long)e->trial_count, (long)expected);
    }
    if (undisturbed && !o->early_stopping && e->state_counts[DZ_TRIAL_SUCCEEDED] != expected) {
        sim_trouble(s, "%ld trials succeeded of %ld", (long)e->state_counts[DZ_TRIAL_SUCCEEDED],
                    (long)expected);
    }
}

static void check_entry(sim *s, const dz_log_entry *entry)
{
    sim_history *trial = &s->history[entry->trial];

    if (entry->seq != s->committed_seq + 1) {
        sim_trouble(s, "entry %ld of the log follows entry %ld", (long)entry->seq,
                    (long)s->committed_seq);
    }
    s->committed_seq = entry->seq;
    if (trial->ended || trial->asked == (entry->kind == DOZAN_EVENT_ASKED)) {
        sim_trouble(s, "trial %ld: log entry of kind %d is out of place", (long)entry->trial,
                    (int)entry->kind);
    }
    if (entry->kind == DOZAN_EVENT_ASKED) {
        const dz_trial *made = dz_experiment_find_active(s->experiment, entry->trial);
        char texts[3][16];
        dozan_pair pairs[3];

        trial->asked = true;
        sim_assignment(entry->trial, texts, pairs);
        for (int i = 0; made != NULL && i < 3; i++) {
            if (strcmp(made->assignments[i].value, pairs[i].value) != 0) {
                sim_trouble(s, "trial %ld has another assignment than its number gives",
                            (long)entry->trial);
            }
        }
    }
    if (entry->kind == DOZAN_EVENT_STARTED) {
        if (entry->attempt <= trial->attempt) {
            sim_trouble(s, "trial %ld: attempt %d started after attempt %d", (long)entry->trial,
                        (int)entry->attempt, (int)trial->attempt);
        }
        trial->attempt = entry->attempt;
        trial->step = 0;
    }
    if (entry->kind == DOZAN_EVENT_REPORT) {
        bool other = entry->metric != 0; /* reported together with the objective */
        if (entry->attempt != trial->attempt ||
            (other ? entry->step != trial->step : entry->step <= trial->step)) {
            sim_trouble(s, "trial %ld: report %ld of attempt %d is out of place",
                        (long)entry->trial, (long)entry->step, (int)entry->attempt);
        }
        trial->step = entry->step;
    }
    if (ends_trial(entry->kind)) {
        trial->ended = true;
        s->ended_count++;
        note_value(s, entry);
    }
}

static void note_value(sim *s, const dz_log_entry *entry)
{
    sim_history *trial = &s->history[entry->trial];

    if (s->options->objectives && entry->kind == DOZAN_EVENT_COMPLETED) {
        if (entry->other_count != 1) {
            sim_trouble(s, "trial %ld completed without its other value", (long)entry->trial);
            return;
        }
        trial->values[0] = -entry->value;
        trial->values[1] = entry->others[0];
        trial->feasible = entry->others[0] <= SIM_BOUND;
    }
    if (s->options->objectives && !trial->feasible) {
        return;
    }
    if (entry->has_value && !isnan(entry->value) &&
        (s->best_trial == 0 || entry->value > s->best_value)) {
        s->best_trial = entry->trial;
        s->best_value = entry->value;
    }
}

static bool candidate(const sim_history *trial)
{
    return trial->feasible && !isnan(trial->values[0]) && !isnan(trial->values[1]);
}

/* By the definition, from what the log has said. */
static void check_front(sim *s)
{
    size_t expected = 0;

    for (int64_t i = 1; i <= SIM_MAX_TRIALS; i++) {
        const double *mine = s->history[i].values;
        bool inside = candidate(&s->history[i]);

        for (int64_t k = 1; k <= SIM_MAX_TRIALS && inside; k++) {
            const double *other = s->history[k].values;
            inside = !candidate(&s->history[k]) || other[0] > mine[0] || other[1] > mine[1] ||
                     !(other[0] < mine[0] || other[1] < mine[1]);
        }
        expected += inside;
        if (inside != dz_front_has(&s->experiment->front, i)) {
            sim_trouble(s, "trial %ld is %s the front, and should be %s", (long)i,
                        inside ? "not in" : "in", inside ? "in" : "outside");
        }
    }
    if (s->experiment->front.count != expected) {
        sim_trouble(s, "the front has %zu trials, not %zu", s->experiment->front.count, expected);
    }
}

static bool ends_trial(dozan_event_kind kind)
{
    return kind == DOZAN_EVENT_COMPLETED || kind == DOZAN_EVENT_FAILED ||
           kind == DOZAN_EVENT_STOPPED || kind == DOZAN_EVENT_UNAVAILABLE ||
           kind == DOZAN_EVENT_KILLED;
}
