/*
 * Katib's own messages of its Suggestion and EarlyStopping services to and from plain structs; the
 * whole history comes with each request. As in wire.h, what is handed out lives in the arena, and
 * what comes from outside is checked to be well-formed.
 */
#ifndef DZ_WIRE_KATIB_H
#define DZ_WIRE_KATIB_H

#include "wire.h"

#define DZ_KATIB_GET_SUGGESTIONS "/api.v1.beta1.Suggestion/GetSuggestions"
#define DZ_KATIB_VALIDATE_ALGORITHM "/api.v1.beta1.Suggestion/ValidateAlgorithmSettings"
#define DZ_KATIB_GET_RULES "/api.v1.beta1.EarlyStopping/GetEarlyStoppingRules"
#define DZ_KATIB_SET_STATUS "/api.v1.beta1.EarlyStopping/SetTrialStatus"
#define DZ_KATIB_VALIDATE_STOPPING "/api.v1.beta1.EarlyStopping/ValidateEarlyStoppingSettings"
#define DZ_HEALTH_CHECK "/grpc.health.v1.Health/Check"

/* Katib's numbers. */
typedef enum dz_katib_condition {
    DZ_KATIB_CREATED = 0,
    DZ_KATIB_RUNNING = 1,
    DZ_KATIB_SUCCEEDED = 2,
    DZ_KATIB_KILLED = 3,
    DZ_KATIB_FAILED = 4,
    DZ_KATIB_METRICS_UNAVAILABLE = 5,
    DZ_KATIB_EARLY_STOPPED = 6,
    DZ_KATIB_UNKNOWN = 7
} dz_katib_condition;

typedef struct dz_katib_trial {
    const char *name;
    const dozan_pair *assignments;
    size_t assignment_count;
    dz_katib_condition condition;
    const char *start_time; /* RFC 3339, or "" */
    const char *completion_time;
    const dozan_pair *metrics; /* the observation, as text */
    size_t metric_count;
} dz_katib_trial;

/* What both of the large requests begin with. */
typedef struct dz_katib_history {
    const dozan_experiment *experiment;
    const dz_katib_trial *trials;
    size_t trial_count;
} dz_katib_history;

typedef struct dz_katib_ask {
    dz_katib_history history;
    int32_t current; /* how many are wanted now */
    int32_t total;   /* how many were ever wanted, these included */
} dz_katib_ask;

typedef struct dz_katib_suggestion {
    const dozan_pair *assignments;
    size_t assignment_count;
    const char *trial_name; /* "" = Katib names the trial */
    const dozan_pair *labels;
    size_t label_count;
} dz_katib_suggestion;

typedef struct dz_katib_answer {
    const dz_katib_suggestion *suggestions;
    size_t suggestion_count;
    const dozan_pair *settings; /* of the algorithm: come back with the next request */
    size_t setting_count;
} dz_katib_answer;

typedef enum dz_katib_comparison {
    DZ_KATIB_EQUAL = 1,
    DZ_KATIB_LESS = 2,
    DZ_KATIB_GREATER = 3
} dz_katib_comparison;

/* A trial is stopped when the metric's best so far compares like that at its start_step-th report
 * (0: at each). */
typedef struct dz_katib_rule {
    const char *metric;
    const char *value;
    dz_katib_comparison comparison;
    int32_t start_step;
} dz_katib_rule;

/* The uid and the seed of the experiment are not in Katib's message: they come from its name. Its
 * goal is taken for unset when it is 0. */
DOZAN_MUST_USE dozan_status dz_katib_unpack_ask(dz_bytes body, dz_arena *arena, dz_katib_ask *ask,
                                                dozan_error *err);
DOZAN_MUST_USE dozan_status dz_katib_pack_ask(const dz_katib_ask *ask, dz_arena *arena,
                                              dz_bytes *body, dozan_error *err);

DOZAN_MUST_USE dozan_status dz_katib_unpack_answer(dz_bytes body, dz_arena *arena,
                                                   dz_katib_answer *answer, dozan_error *err);
DOZAN_MUST_USE dozan_status dz_katib_pack_answer(const dz_katib_answer *answer, dz_arena *arena,
                                                 dz_bytes *body, dozan_error *err);

DOZAN_MUST_USE dozan_status dz_katib_unpack_validate(dz_bytes body, dz_arena *arena,
                                                     const dozan_experiment **experiment,
                                                     dozan_error *err);
DOZAN_MUST_USE dozan_status dz_katib_pack_validate(const dozan_experiment *experiment,
                                                   dz_arena *arena, dz_bytes *body,
                                                   dozan_error *err);

DOZAN_MUST_USE dozan_status dz_katib_pack_rules_request(const dz_katib_history *history,
                                                        const char *db_manager, dz_arena *arena,
                                                        dz_bytes *body, dozan_error *err);
DOZAN_MUST_USE dozan_status dz_katib_unpack_rules(dz_bytes body, dz_arena *arena,
                                                  dz_katib_rule **rules, size_t *count,
                                                  dozan_error *err);
/* Of the experiment, only the early stopper. */
DOZAN_MUST_USE dozan_status dz_katib_pack_validate_stopping(const dozan_experiment *experiment,
                                                            dz_arena *arena, dz_bytes *body,
                                                            dozan_error *err);

DOZAN_MUST_USE dozan_status dz_katib_pack_set_status(const char *trial, dz_arena *arena,
                                                     dz_bytes *body, dozan_error *err);

/* The service that a health probe asks for, and the answer that all is well. */
DOZAN_MUST_USE dozan_status dz_katib_unpack_health(dz_bytes body, dz_arena *arena,
                                                   const char **service, dozan_error *err);
DOZAN_MUST_USE dozan_status dz_katib_pack_health(dz_arena *arena, dz_bytes *body, dozan_error *err);

#endif
