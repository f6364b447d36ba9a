/*
 * What crosses between the controller and a plugin host, as plain structs: the same content as
 * proto/dozan.proto, without its types. Values are text, as the user reads them; the host turns
 * them into points.
 *
 * Everything is borrowed by the functions that take it. A reply that a client hands out is owned by
 * the client and valid during the callback alone.
 */
#ifndef DOZAN_MESSAGE_H
#define DOZAN_MESSAGE_H

#include <dozan/algorithm.h>
#include <dozan/space.h>
#include <dozan/status.h>
#include <stdint.h>

typedef struct dozan_pair {
    const char *name;
    const char *value;
} dozan_pair;

/* An objective beside the first; its metric is one of the additional metrics. */
typedef struct dozan_objective {
    const char *metric;
    bool maximize;
} dozan_objective;

/* A bound on one of the metrics. */
typedef struct dozan_constraint {
    const char *metric;
    bool has_min;
    bool has_max;
    double min;
    double max;
} dozan_constraint;

/* An experiment as the controller tells it to a host. */
typedef struct dozan_experiment {
    const char *uid;
    const char *name;
    const dozan_parameter *parameters;
    size_t parameter_count;
    bool maximize;
    bool has_goal;
    double goal;
    const char *objective_metric;
    const char *const *additional_metrics;
    size_t additional_metric_count;
    const dozan_objective *other_objectives;
    size_t other_objective_count;
    const dozan_constraint *constraints;
    size_t constraint_count;
    const char *algorithm; /* search */
    const dozan_pair *algorithm_settings;
    size_t algorithm_setting_count;
    const char *early_stopping; /* NULL = none */
    const dozan_pair *early_stopping_settings;
    size_t early_stopping_setting_count;
    int32_t parallel_trials;
    int32_t max_trials; /* 0 = unbounded */
    uint64_t seed;
} dozan_experiment;

/* One event of the log. */
typedef struct dozan_log_event {
    int64_t seq;
    dozan_event_kind kind;
    int64_t trial;                 /* from 1; of KNOWN: -1, -2, ... */
    const dozan_pair *assignments; /* ASKED, KNOWN: of the active parameters */
    size_t assignment_count;
    const dozan_pair *labels; /* ASKED */
    size_t label_count;
    uint32_t metric; /* REPORT: 0 = objective */
    int64_t step;    /* REPORT */
    bool has_value;
    double
        value; /* REPORT, COMPLETED, STOPPED, KNOWN: as the program reported it, not yet a loss */
    const double *other_values; /* COMPLETED, KNOWN: of the additional metrics, in their order; NaN
                                   = none. May be short or NULL when nothing needs them */
    size_t other_value_count;
} dozan_log_event;

/* The events after since_seq up to to_seq, of one experiment. */
typedef struct dozan_log_part {
    const char *uid;
    const dozan_experiment *experiment; /* NULL when the host should know it */
    int64_t since_seq;
    int64_t to_seq;
    const dozan_log_event *events;
    size_t event_count;
} dozan_log_part;

typedef enum dozan_ask_end {
    DOZAN_ASK_MORE = 0,
    DOZAN_ASK_WAIT = 1,
    DOZAN_ASK_EXHAUSTED = 2
} dozan_ask_end;

typedef struct dozan_suggestion {
    dozan_pair *assignments; /* of the active parameters, in their order */
    size_t assignment_count;
    dozan_pair *labels;
    size_t label_count;
} dozan_suggestion;

/* A host's answer. When `stale`, nothing was done: send the events after applied_seq (and the
 * experiment, if unknown_experiment) and ask again. */
typedef struct dozan_ask_reply {
    bool stale;
    bool unknown_experiment;
    int64_t applied_seq;
    dozan_suggestion *suggestions; /* at most as many as asked for */
    size_t suggestion_count;
    dozan_ask_end end;
    const char *message; /* one sentence: why there are no more, or what the algorithm has to say */
} dozan_ask_reply;

typedef struct dozan_trial_verdict {
    int64_t trial;
    bool stop;
    const char *message;
} dozan_trial_verdict;

typedef struct dozan_judge_reply {
    bool stale;
    bool unknown_experiment;
    int64_t applied_seq;
    dozan_trial_verdict *verdicts;
    size_t verdict_count;
} dozan_judge_reply;

/* An algorithm as its host describes it. */
typedef struct dozan_description {
    const char *name;
    dozan_algorithm_kind kind;
    uint32_t traits;
    const char *summary;
    const char *reference;
    const char *limits;
    dozan_setting *settings;
    size_t setting_count;
} dozan_description;

typedef struct dozan_describe_reply {
    dozan_description *algorithms;
    size_t algorithm_count;
} dozan_describe_reply;

#endif
