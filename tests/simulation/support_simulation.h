/*
 * A simulated world for the core: its runner, its plugins, its store and its clock, all drawn from
 * one seed.
 *
 * What is real is the core alone. The loop is the real one's order of things (step, commit, act),
 * cut off at any point by crashes; after one, everything in the controller's memory is gone, the
 * messages on their way to it too, and only the store and the jobs outside are left.
 */
#ifndef DZ_TESTS_SUPPORT_SIMULATION_H
#define DZ_TESTS_SUPPORT_SIMULATION_H

#include "support/experiment.h"

#include <dozan/rng.h>

#define SIM_BOUND 0.5

enum { SIM_MAX_TRIALS = 64, SIM_MAX_ATTEMPTS = 24, SIM_MAX_REPORTS = 6, SIM_MAX_STEPS = 20000 };

/* What may happen, in thousandths of the occasions that there are for it. */
typedef struct sim_options {
    const char *name;
    int32_t parallel, max_trials, cpus, gpus, gpus_per_trial, initial_points;
    int64_t points; /* how many suggestions the algorithm has */
    bool early_stopping;
    bool objectives; /* two of them, and a constraint: loss is minimised, and at most SIM_BOUND */
    int crash;
    int lost, failed, unavailable, timeout; /* ends of an attempt; never lost from the 4th on */
    int silent, garbage, wait;              /* answers of the plugin; none bad after 5 in a row */
    int duplicate;
    int kill, suspend, budget;
    int32_t retries;
} sim_options;

typedef struct sim sim;

/* ---- the store: what a crash leaves. Two of them: in memory, and the real one. */
typedef struct sim_store {
    void *(*open)(const sim *s);
    void (*close)(void *self);
    void (*insert)(void *self, sim *s, dz_experiment *experiment);
    void (*commit)(void *self, sim *s, dz_experiment *experiment, dz_changes *changes);
    dz_experiment *(*load)(void *self, sim *s); /* as if in a new process */
} sim_store;

extern const sim_store sim_memory_store;

/* ---- messages on their way to the controller */
typedef enum sim_message_kind {
    SIM_STARTED,
    SIM_REPORTED,
    SIM_ENDED,
    SIM_ANSWER,
    SIM_VERDICTS
} sim_message_kind;

typedef struct sim_message {
    sim_message_kind kind;
    int64_t time, order;
    int64_t trial; /* ANSWER: the first one asked for */
    int32_t attempt;
    int32_t report;         /* REPORTED: which, from 1 */
    dz_end end;             /* ENDED */
    int64_t count, pending; /* ANSWER: asked for; pending in the log that it was told */
    size_t judged_count;    /* VERDICTS */
    int64_t judged[SIM_MAX_TRIALS];
} sim_message;

/* ---- jobs: processes outside, which outlive the controller */
typedef struct sim_job {
    bool exists;
    int64_t start, finish; /* it lives from start up to finish */
    int32_t reports;       /* how many it will have printed by its end */
    dz_end end;
    int32_t gpus[DZ_MAX_GPUS_PER_TRIAL];
    int32_t gpu_count;
} sim_job;

/* What the log says of a trial: for the checks. */
typedef struct sim_history {
    bool asked, ended;
    dz_trial_state state;
    int32_t attempt; /* the last that was started */
    int64_t step;    /* its last report */
    bool feasible;   /* it completed, and keeps the constraint */
    double values[2];
} sim_history;

struct sim {
    const sim_options *options;
    uint64_t seed;
    dozan_rng rng;
    int64_t now, messages_sent;
    int32_t max_trials, parallel;           /* the budget in force */
    int32_t kept_max_trials, kept_parallel; /* as committed */
    int32_t highest_parallel;

    const sim_store *store_ops;
    void *store;
    dz_experiment *experiment; /* NULL between a crash and the next life */
    dz_slots slots;
    dz_changes changes;

    sim_message *messages;
    size_t message_count, message_capacity;
    sim_message last_delivered; /* to be delivered once more, perhaps */
    bool has_last;
    sim_job jobs[SIM_MAX_TRIALS + 1][SIM_MAX_ATTEMPTS + 1];
    int bad_answers_in_row;

    sim_history history[SIM_MAX_TRIALS + 1]; /* of what is committed */
    int64_t committed_seq, ended_count;
    int64_t best_trial;
    double best_value;
    int64_t asked_count, lives, crashes, restarts;
    char trouble[512]; /* the first broken invariant; empty = none */
};

/* Runs one schedule to the experiment's end. False, with a line of what and when in s->trouble, if
 * an invariant broke or the experiment hung. */
bool sim_run(sim *s, const sim_options *options, const sim_store *store, uint64_t seed);
void sim_fini(sim *s);

/* Runs seeds first .. first + count - 1; with DOZAN_SEED in the environment that one alone. Fails
 * the cmocka test, with the seed, when one of them breaks. */
void sim_run_all(const sim_options *options, const sim_store *store, uint64_t first, int count);

bool sim_chance(sim *s, int thousandths);
int64_t sim_between(sim *s, int64_t low, int64_t high);
void sim_send(sim *s, sim_message message, int64_t delay);
void sim_trouble(sim *s, const char *format, ...) DOZAN_PRINTF(2, 3);
dz_experiment_spec *sim_spec(const sim *s);

/* ---- support_runner.c */
void sim_job_start(sim *s, const dz_trial *trial, bool adopt);
void sim_job_stop(sim *s, const dz_trial *trial);
bool sim_job_lives(const sim *s, int64_t trial, int32_t attempt);
dz_point sim_job_point(const sim *s, int64_t trial, int32_t attempt, int32_t report,
                       uint32_t metric, char text[32]);

/* ---- support_plugin.c */
void sim_ask(sim *s, const dz_effect *effect);
void sim_answer(sim *s, const sim_message *message);
void sim_judge(sim *s, const dz_effect *effect);
void sim_verdicts(sim *s, const sim_message *message);

/* The assignment of a trial: a function of its number alone, so that any history must give the same
 * ones. */
void sim_assignment(int64_t trial, char texts[3][16], dozan_pair pairs[3]);

/* ---- support_simulation.c, for the plugin's answers */
void sim_step(sim *s, dz_event event);

/* ---- support_check.c */
void sim_check_step(sim *s);   /* what must hold after every step */
void sim_check_commit(sim *s); /* folds the committed log in */
void sim_check_start(sim *s, const dz_trial *trial);
void sim_check_end(sim *s); /* what must hold when all is over */

#endif
