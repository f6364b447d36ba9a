/*
 * The plugin interface: all that the author of an algorithm needs.
 *
 * A plugin is a fold over the experiment's numbered event log. The kit keeps the trials of the log
 * in a history; an algorithm reads it, and may keep more of its own by `tell`. The rules:
 *
 *   1. Only `tell` changes an algorithm's state. `ask` and `judge` take it const; what `ask`
 * answers is logged by the controller and comes back as an ASKED event. A cache may hide behind the
 * const pointer as long as dropping it cannot change an answer.
 *   2. Randomness comes only from dozan_rng_stream(problem->seed, purpose, ordinal), keyed by the
 * trial's number.
 *   3. `ask` answers for one trial. Suggestions of the same batch that the log does not hold yet
 * are in ask->tentative: treat them exactly as pending trials of the history.
 *   4. STARTED and LOST change no answer: a lost trial runs again.
 *   5. Nothing is persisted: after a crash the log is told again, and the answers are the same.
 *
 * Calls for one experiment come one at a time; calls for different experiments may run on different
 * threads, so an algorithm has no mutable global state. Points are coordinates of the unit cube
 * (dozan/space.h), always snapped. Objective values are losses: smaller is better, whatever the
 * experiment's direction.
 */
#ifndef DOZAN_ALGORITHM_H
#define DOZAN_ALGORITHM_H

#include <dozan/rng.h>
#include <dozan/space.h>
#include <dozan/status.h>
#include <stdint.h>

#define DOZAN_ALGORITHM_ABI 1u

/* ---- settings
 * -------------------------------------------------------------------------------------------------
 */

typedef enum dozan_setting_type {
    DOZAN_SETTING_STRING = 0,
    DOZAN_SETTING_INT = 1,
    DOZAN_SETTING_DOUBLE = 2,
    DOZAN_SETTING_BOOL = 3,
    DOZAN_SETTING_CHOICE = 4
} dozan_setting_type;

/* One row of an algorithm's table: validation, help and documentation come from it. */
typedef struct dozan_setting {
    const char *name;
    dozan_setting_type type;
    const char *default_text; /* NULL = none: the setting is unset unless given */
    const char *min;          /* NULL = unbounded */
    const char *max;
    bool min_exclusive;
    bool max_exclusive;
    bool required;
    const char *const *choices; /* NULL-terminated, for CHOICE */
    const char *help;           /* one sentence */
} dozan_setting;

/* ---- the problem
 * ---------------------------------------------------------------------------------------------- */

typedef struct dozan_history dozan_history;
typedef struct dozan_settings dozan_settings;

/* An experiment as an algorithm sees it. Lives, unchanged but for the history's growth, as long as
 * the instance. */
typedef struct dozan_problem {
    const char *uid;
    const char *name;
    const dozan_space *space;
    const dozan_settings *settings; /* already checked against the table */
    const dozan_history *history;
    uint64_t seed; /* the experiment's seed, or the setting random_state where that is given */
    bool maximize; /* of the user's objective, for messages only: losses are always minimised */
    bool has_goal;
    double goal_loss;
    int32_t parallel_trials; /* as the experiment was first told; an answer may not depend on a
                                later change */
    int32_t max_trials;      /* 0 = unbounded */
    size_t objective_count;  /* at least 1 */
    size_t constraint_count;
} dozan_problem;

/* A setting's value by its name in the table (anything else is a bug and aborts). The number
 * getters return the parsed value of the text given or of the default; _is_set is false when there
 * is neither. */
bool dozan_setting_is_set(const dozan_settings *settings, const char *name);
double dozan_setting_double(const dozan_settings *settings, const char *name);
int64_t dozan_setting_int(const dozan_settings *settings, const char *name);
bool dozan_setting_bool(const dozan_settings *settings, const char *name);
const char *dozan_setting_text(const dozan_settings *settings, const char *name);

/* ---- history
 * --------------------------------------------------------------------------------------------------
 */

typedef enum dozan_trial_state {
    DOZAN_TRIAL_PENDING = 0, /* asked, and not ended */
    DOZAN_TRIAL_COMPLETED, /* loss is set; it may be NaN or infinite, as the user's program printed
                              it */
    DOZAN_TRIAL_STOPPED,   /* stopped early; loss is its best so far, NaN when it had none */
    DOZAN_TRIAL_FAILED,    /* the configuration's fault */
    DOZAN_TRIAL_UNAVAILABLE, /* ended without reporting the objective */
    DOZAN_TRIAL_KILLED       /* ended by the user: says nothing about the point */
} dozan_trial_state;

typedef struct dozan_label {
    const char *name;
    const char *value;
} dozan_label;

typedef struct dozan_report {
    int64_t step; /* the trial's n-th report of the objective, from 1 */
    double loss;
} dozan_report;

/* One trial. Pointers borrow from the history and stay valid until the next `tell`. */
typedef struct dozan_trial {
    int64_t number; /* from 1, in the order of asking; -1, -2, ... for results that were known
                       before (of earlier experiments), which come first and are told as ASKED and
                       COMPLETED */
    dozan_trial_state state;
    double loss;                /* of COMPLETED and STOPPED; NaN elsewhere */
    const double *other_losses; /* [objective_count - 1], of the objectives after the first; of
                                   COMPLETED, NaN elsewhere and where it was not reported */
    const double *excess; /* [constraint_count]: how far the metric is beyond its bound, in its own
                             unit; 0 or less = the bound holds; NaN = not known */
    const double *point;  /* unit[dimensions], snapped */
    const dozan_label *labels;
    size_t label_count;
    const dozan_report *reports; /* only for algorithms with DOZAN_WANTS_REPORTS; ascending steps */
    size_t report_count;
    int64_t
        ended; /* how many trials of the log had ended when this one had (from 1); 0 = not yet */
} dozan_trial;

/* The trials in the order of their ASKED events. O(1) each. */
size_t dozan_history_count(const dozan_history *history);
const dozan_trial *dozan_history_trial(const dozan_history *history, size_t index);

/* The trial of that number, or NULL. O(1). */
const dozan_trial *dozan_history_find(const dozan_history *history, int64_t number);

/* The trials that have ended, in the order of their end (index from 0): an incremental algorithm
 * reads on from where it was. O(1) each. */
size_t dozan_history_ended_count(const dozan_history *history);
const dozan_trial *dozan_history_ended(const dozan_history *history, size_t index);

/* How many trials are pending, and each of them, in no particular but repeatable order. O(1) each.
 */
size_t dozan_history_pending_count(const dozan_history *history);
const dozan_trial *dozan_history_pending(const dozan_history *history, size_t index);

/* Whether a trial, in whatever state, has that snapped point. O(dimensions). */
bool dozan_history_contains(const dozan_history *history, const double *point);

/* The loss of objective `index`: 0 is trial->loss. */
double dozan_trial_loss(const dozan_trial *trial, size_t index);

/* The sum of what a trial's constraints are exceeded by: 0 = feasible; NaN when one is not known.
 */
double dozan_trial_excess(const dozan_problem *problem, const dozan_trial *trial);

/* The value of a trial's label, or NULL. */
const char *dozan_trial_label(const dozan_trial *trial, const char *name);

/* ---- events
 * ---------------------------------------------------------------------------------------------------
 */

typedef enum dozan_event_kind {
    DOZAN_EVENT_ASKED = 1,
    DOZAN_EVENT_STARTED = 2,
    DOZAN_EVENT_REPORT = 3,
    DOZAN_EVENT_COMPLETED = 4,
    DOZAN_EVENT_FAILED = 5,
    DOZAN_EVENT_LOST = 6,
    DOZAN_EVENT_STOPPED = 7,
    DOZAN_EVENT_UNAVAILABLE = 8,
    DOZAN_EVENT_KILLED = 9,
    DOZAN_EVENT_KNOWN = 10 /* in the log: a result from before the experiment; `tell` gets it as
                              ASKED and COMPLETED */
} dozan_event_kind;

/* One event, as `tell` sees it: the history holds it already. */
typedef struct dozan_event {
    int64_t seq;
    dozan_event_kind kind;
    const dozan_trial *trial;
    uint32_t metric; /* REPORT: 0 = the objective, then the additional metrics in their order */
    int64_t step;    /* REPORT */
    double value;    /* REPORT: a loss for the objective, as reported for the others */
} dozan_event;

/* ---- asking and judging
 * --------------------------------------------------------------------------------------- */

typedef struct dozan_ask {
    int64_t trial;                  /* the number of the trial to suggest for */
    const double *const *tentative; /* points suggested in this batch before this one */
    size_t tentative_count;
} dozan_ask;

typedef enum dozan_answer_kind {
    DOZAN_ANSWER_POINT = 0,
    DOZAN_ANSWER_WAIT,     /* nothing until some pending trial ends */
    DOZAN_ANSWER_EXHAUSTED /* nothing ever again */
} dozan_answer_kind;

enum { DOZAN_MAX_LABELS = 16, DOZAN_LABEL_TEXT = 128, DOZAN_ANSWER_MESSAGE = 256 };

/* What `ask` fills in. The host owns it, zeroes it, and gives room for the point. */
typedef struct dozan_answer {
    dozan_answer_kind kind;
    double *point;  /* unit[dimensions]; the host snaps it */
    bool repeat_ok; /* the algorithm means this point even if a trial has it already */
    size_t label_count;
    struct {
        char name[DOZAN_LABEL_TEXT];
        char value[DOZAN_LABEL_TEXT];
    } labels[DOZAN_MAX_LABELS];
    char message[DOZAN_ANSWER_MESSAGE]; /* one sentence: required for WAIT and EXHAUSTED; with a
                                           POINT, what the user should know of it, shown by
                                           `dozan describe` */
} dozan_answer;

typedef struct dozan_verdict {
    bool stop;
    char message[DOZAN_ANSWER_MESSAGE]; /* why, in one sentence with the numbers */
} dozan_verdict;

/* ---- the descriptor
 * ------------------------------------------------------------------------------------------- */

typedef enum dozan_algorithm_kind {
    DOZAN_KIND_SEARCH = 0,
    DOZAN_KIND_EARLY_STOPPING = 1
} dozan_algorithm_kind;

enum {
    DOZAN_WANTS_REPORTS = 1u << 0, /* the history keeps reports, and `tell` gets REPORT events */
    DOZAN_IGNORES_RESULTS =
        1u << 1, /* an answer depends on the trial's number and the asked points alone */
    DOZAN_MAY_REPEAT = 1u << 2,     /* the host must not replace a repeated point by a new one */
    DOZAN_MANY_OBJECTIVES = 1u << 3 /* several objectives; refused for an algorithm without this, or
                                       DOZAN_IGNORES_RESULTS */
};

/* A constant table per algorithm. Every function may block for as long as it computes; none may do
 * I/O. */
typedef struct dozan_algorithm {
    uint32_t abi;     /* DOZAN_ALGORITHM_ABI */
    const char *name; /* Katib's name where it has one */
    dozan_algorithm_kind kind;
    uint32_t traits;
    const char *summary;   /* one sentence: what it does and when to use it */
    const char *reference; /* the paper */
    const char *limits;    /* what it cannot do */
    const dozan_setting *settings;
    size_t setting_count;

    /* Checks what the settings table cannot (optional). problem->history is NULL. INVALID_ARGUMENT
     * with the place
     * ("algorithmSettings[1]" or "parameters[0].feasibleSpace.step"). */
    dozan_status (*validate)(const dozan_problem *problem, dozan_error *err);

    /* Makes an instance with no events; *self may be left NULL by an algorithm that keeps nothing.
     * Optional. */
    dozan_status (*create)(const dozan_problem *problem, void **self, dozan_error *err);
    void (*destroy)(void *self); /* optional; takes NULL */

    /* Folds one event in (optional). On an error the host drops the instance and tells the log
     * anew. */
    dozan_status (*tell)(void *self, const dozan_problem *problem, const dozan_event *event,
                         dozan_error *err);

    /* SEARCH: answers for one trial. */
    dozan_status (*ask)(const void *self, const dozan_problem *problem, const dozan_ask *ask,
                        dozan_answer *answer, dozan_error *err);

    /* EARLY_STOPPING: judges a pending trial by the reports so far. */
    dozan_status (*judge)(const void *self, const dozan_problem *problem, const dozan_trial *trial,
                          dozan_verdict *verdict, dozan_error *err);
} dozan_algorithm;

/* ---- helpers for algorithms
 * ----------------------------------------------------------------------------------- */

/* A uniform draw over the space into unit[dimensions], snapped. */
void dozan_random_point(const dozan_space *space, dozan_rng *rng, double *unit);

/* Whether the history or the batch has that snapped point already. */
bool dozan_point_taken(const dozan_problem *problem, const dozan_ask *ask, const double *point);

/* Puts a point into unit that is not taken: draws first, and then, in a space of at most 2^20
 * points, a walk over all of them. False when there is none (a small space) or none was found in
 * 1,000 draws (a large one). */
bool dozan_random_free_point(const dozan_problem *problem, const dozan_ask *ask, dozan_rng *rng,
                             double *unit);

/* Adds a label to an answer; a text that does not fit is INVALID_ARGUMENT. */
DOZAN_MUST_USE dozan_status dozan_answer_label(dozan_answer *answer, const char *name,
                                               const char *value, dozan_error *err);

/* ---- one algorithm within another
 * ---------------------------------------------------------------------------------------------- */

/* An instance of another search algorithm over the same experiment, with that one's default
 * settings. An algorithm that delegates creates its delegates in `create`, where the problem has
 * its history, and tells each of them every event; delegates of an algorithm without
 * DOZAN_WANTS_REPORTS see no reports. */
typedef struct dozan_delegate dozan_delegate;

DOZAN_MUST_USE dozan_status dozan_delegate_create(const dozan_algorithm *algorithm,
                                                  const dozan_problem *problem,
                                                  dozan_delegate **delegate, dozan_error *err);
void dozan_delegate_destroy(dozan_delegate *delegate); /* takes NULL */
DOZAN_MUST_USE dozan_status dozan_delegate_tell(dozan_delegate *delegate, const dozan_event *event,
                                                dozan_error *err);
DOZAN_MUST_USE dozan_status dozan_delegate_ask(const dozan_delegate *delegate, const dozan_ask *ask,
                                               dozan_answer *answer, dozan_error *err);

/* ---- serving
 * --------------------------------------------------------------------------------------------------
 */

/* The main program of a plugin: serves the algorithms of the NULL-terminated table until SIGTERM.
 *   PROGRAM --listen URL     nng address: ipc://, tcp://, tls+tcp://
 *   DOZAN_PLUGIN_TOKEN       environment: the bearer token that callers must show, if set
 * Prints help with --help. Returns the process's exit status. */
int dozan_plugin_main(int argc, char **argv, const dozan_algorithm *const *algorithms);

#endif
