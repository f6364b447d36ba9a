/*
 * The controller's state: experiments, trials, and the words for what becomes of them. Plain data,
 * changed only by core/step.c; kept only in controller/store.
 */
#ifndef DZ_CORE_MODEL_H
#define DZ_CORE_MODEL_H

#include "core/front.h"
#include <dozan/space.h>

/* States of a trial. Katib's condition types and reasons are the last two columns.
 *
 *   PENDING -> STARTING -> RUNNING -> ended
 *      ^          |           |
 *      +----------+-----------+   another attempt: lost, interrupted, or failed with retries left
 *                   STOPPING -> ended or PENDING
 *
 * A state that the runner must act on (STARTING, STOPPING) is written down before the runner is
 * told: it is the outbox.
 */
#define DZ_TRIAL_STATES(X)                                                                         \
    X(PENDING, false, "Created", "TrialCreated")                                                   \
    X(STARTING, false, "Created", "TrialCreated")                                                  \
    X(RUNNING, false, "Running", "TrialRunning")                                                   \
    X(STOPPING, false, "Running", "TrialRunning")                                                  \
    X(SUCCEEDED, true, "Succeeded", "TrialSucceeded")                                              \
    X(FAILED, true, "Failed", "TrialFailed")                                                       \
    X(KILLED, true, "Killed", "TrialKilled")                                                       \
    X(EARLY_STOPPED, true, "EarlyStopped", "TrialEarlyStopped")                                    \
    X(METRICS_UNAVAILABLE, true, "MetricsUnavailable", "MetricsUnavailable")

typedef enum dz_trial_state {
#define DZ_TRIAL_STATE_ENUM(name, ended, type, reason) DZ_TRIAL_##name,
    DZ_TRIAL_STATES(DZ_TRIAL_STATE_ENUM)
#undef DZ_TRIAL_STATE_ENUM
        DZ_TRIAL_STATE_COUNT
} dz_trial_state;

const char *dz_trial_state_name(dz_trial_state state);      /* "Running", "Pending": for tables */
const char *dz_trial_state_condition(dz_trial_state state); /* Katib's condition type */
const char *dz_trial_state_reason(dz_trial_state state);    /* Katib's reason */
bool dz_trial_state_ended(dz_trial_state state);

/* Why a trial is being stopped: decides what it becomes once it has ended. */
typedef enum dz_stop_cause {
    DZ_STOP_NONE,
    DZ_STOP_EARLY,      /* a stopper's verdict      -> EARLY_STOPPED */
    DZ_STOP_USER,       /* the user killed it       -> KILLED */
    DZ_STOP_EXPERIMENT, /* the experiment has ended -> KILLED */
    DZ_STOP_INTERRUPT   /* Ctrl-C or `dozan stop`   -> PENDING, to run again on resume */
} dz_stop_cause;

/* What a trial has reported of one metric. Texts are as printed; NULL until there is one. A NaN is
 * min or max only while nothing else has come. */
typedef struct dz_observation {
    int64_t count;
    double min, max, latest;
    bool numeric; /* some report was a number: min and max are set */
    bool latest_numeric;
    char *min_text, *max_text, *latest_text;
} dz_observation;

typedef struct dz_trial {
    int64_t number; /* from 1 in the experiment, in the order of asking */
    char *name;     /* "<experiment>-<8 characters>" */
    dz_trial_state state;
    dz_stop_cause stop_cause;
    int32_t attempt;         /* the current or last attempt, from 1; 0 = none yet */
    int32_t failures;        /* attempts that failed by the configuration's fault */
    int32_t losses;          /* attempts that the infrastructure lost */
    dozan_pair *assignments; /* of the active parameters, in their order; names and values are
                                owned */
    size_t assignment_count;
    dozan_pair *labels; /* owned likewise */
    size_t label_count;
    dz_observation *observations;             /* [metric_count], of the current attempt; owned */
    size_t metric_count;                      /* the specification's */
    int64_t created_ms, started_ms, ended_ms; /* wall clock since 1970; 0 = not yet */
    int64_t not_before_ms;                    /* PENDING: back-off before the next attempt */
    int64_t cpu_milli;
    int32_t gpu_count;
    int32_t gpus[16];  /* indices held while STARTING, RUNNING, STOPPING */
    char reason[64];   /* a code, like Katib's: "TrialRunning", "WaitingForCPU", "TrialTimeout" */
    char message[512]; /* one sentence: cause and, where there is one, remedy */
    int64_t version, created_version; /* the store's: see store/changes.h */
    bool dirty;                       /* changed since the last commit; the loop clears it */
    bool judged_dirty;                /* has objective reports that the stopper has not seen */
    int64_t awaited_until_ms; /* not kept: its job has succeeded, and its report may still come */
    int32_t judging_attempt;  /* not kept: the attempt that the judgement under way is about */
} dz_trial;

void dz_trial_destroy(dz_trial *trial);

/* The name of the trial whose checkpoint this one begins with, as its label ".../parent" says; NULL
 * when there is none. */
const char *dz_trial_parent(const dz_trial *trial);
bool dz_label_is_parent(const char *name);
void dz_pairs_destroy(dozan_pair *pairs, size_t count); /* whose names and values are owned */

/* ---- results.c */

/* The trial's value of a metric: by the metric's strategy, else the latest; false when there is no
 * number. The second is that of the objective, metric 0. */
bool dz_trial_metric(const dz_trial *trial, const dz_experiment_spec *spec, size_t metric,
                     double *value);
bool dz_trial_objective(const dz_trial *trial, const dz_experiment_spec *spec, double *value);

/* The first metric of an objective or a constraint that the trial has no value of, or SIZE_MAX. */
size_t dz_trial_missing(const dz_trial *trial, const dz_experiment_spec *spec);

/* How far a constraint's metric is beyond its bound, in its own unit: 0 or less = the constraint
 * holds; NaN = not known. A trial is feasible when all are known to hold. */
double dz_trial_excess(const dz_trial *trial, const dz_experiment_spec *spec, size_t constraint);
bool dz_trial_feasible(const dz_trial *trial, const dz_experiment_spec *spec);

/* Conditions of an experiment, as Katib has them. SUSPENDED is ours: stopped by the user, to be
 * resumed. */
typedef enum dz_experiment_state {
    DZ_EXPERIMENT_CREATED,
    DZ_EXPERIMENT_RUNNING,
    DZ_EXPERIMENT_RESTARTING,
    DZ_EXPERIMENT_SUSPENDED,
    DZ_EXPERIMENT_SUCCEEDED,
    DZ_EXPERIMENT_FAILED
} dz_experiment_state;

enum { DZ_EXPERIMENT_STATE_COUNT = DZ_EXPERIMENT_FAILED + 1 };

const char *dz_experiment_state_name(dz_experiment_state state);
bool dz_experiment_state_ended(dz_experiment_state state);

typedef struct dz_condition {
    char type[32];
    bool status;
    char reason[64];
    char message[512];
    int64_t updated_ms, changed_ms;
} dz_condition;

enum { DZ_MAX_CONDITIONS = 8 };

/* The best feasible trial so far, by the first objective: what status.currentOptimalTrial shows.
 * trial 0 = none yet. */
typedef struct dz_best {
    int64_t trial;
    double value;
} dz_best;

typedef struct dz_experiment {
    int64_t id;   /* the store's number */
    char uid[40]; /* random, in UUID form */
    dz_experiment_spec *spec;
    uint64_t seed; /* the spec's, or drawn when the experiment was created */
    dz_experiment_state state;
    dz_condition conditions[DZ_MAX_CONDITIONS]; /* the last one is the current state */
    size_t condition_count;
    int64_t created_ms, started_ms, completed_ms;
    int64_t runtime_ms; /* how long it has been running, over all runs, up to runtime_mark_ms */
    int64_t runtime_mark_ms; /* 0 = not running */
    int64_t trial_count;     /* numbers given out so far */
    int64_t last_seq;        /* of the event log */
    int64_t state_counts[DZ_TRIAL_STATE_COUNT];
    dz_best best;
    dz_front front;               /* with several objectives; else empty */
    bool exhausted;               /* the algorithm has no more suggestions */
    char suggestion_reason[64];   /* "SuggestionReady", "SuggestionWaiting", "SuggestionEndReached",
                                     "PluginUnavailable" */
    char suggestion_message[512]; /* for `describe`: what the algorithm says with its answers or
                                     waits for, or the plugin's last fault */
    int64_t plugin_faults;
    char warm_start[512];             /* what it began with of earlier experiments; written once */
    char plugin_fault[512];           /* the last one: "REASON: sentence"; "" = there was none */
    int64_t version, created_version; /* the store's: see store/changes.h */
    int64_t generation;               /* how often the specification has been changed, from 1 */

    /* not kept: derived again after a restart */
    dozan_space *space; /* of spec->parameters; owned */
    dz_trial **active;  /* trials that have not ended, ascending numbers; owned */
    size_t active_count, active_capacity;
    int64_t ask_not_before_ms;   /* back-off after a fault */
    int64_t judge_not_before_ms; /* back-off after the stopper failed */
    int32_t faults_in_row;       /* of the search plugin, since its last good answer */
    int32_t fault_limit;         /* how many of them the experiment fails after; 0 = the default */
    int32_t judge_faults_in_row;
    int32_t stillborn_in_row; /* trials that ended before they could start, since one did */
    uint32_t asked_count;     /* of the ask that is under way */
    bool waits_for_slots;     /* the first trial that could start needs what others hold: */
    int64_t waits_cpu_milli;
    int32_t waits_gpus;
    bool open;            /* its owner has taken it up (DZ_EVENT_OPEN) */
    bool asking;          /* an ask is under way, for trials from trial_count + 1 on */
    bool judging;         /* a judgement is under way */
    bool ended_since_ask; /* a trial has ended that the answer may not know of */
    bool wait_for_end;    /* the algorithm answered WAIT: ask again when a trial has ended */
    bool dirty;           /* changed since the last commit; the loop clears it */
    bool spec_dirty;      /* the specification, or its metadata, likewise */
} dz_experiment;

void dz_experiment_destroy(dz_experiment *experiment);
dz_trial *dz_experiment_find_active(const dz_experiment *experiment, int64_t number);

#endif
