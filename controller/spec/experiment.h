/*
 * An Experiment's specification: the checked, defaulted form of a Katib kubeflow.org/v1beta1
 * document.
 *
 * A value of this type is always valid: the only way to get one is dz_spec_read, which applies
 * Katib's defaults and verdicts and the stricter checks of ours. It is immutable afterwards, but
 * for the budget (dz_spec_set_budget).
 */
#ifndef DZ_SPEC_EXPERIMENT_H
#define DZ_SPEC_EXPERIMENT_H

#include <cjson/cJSON.h>
#include <dozan/message.h>
#include <dozan/status.h>

typedef enum dz_strategy { DZ_STRATEGY_MIN, DZ_STRATEGY_MAX, DZ_STRATEGY_LATEST } dz_strategy;

typedef enum dz_resume_policy {
    DZ_RESUME_NEVER,
    DZ_RESUME_LONG_RUNNING,
    DZ_RESUME_FROM_VOLUME
} dz_resume_policy;

typedef enum dz_collector_kind {
    DZ_COLLECTOR_STDOUT,
    DZ_COLLECTOR_FILE,
    DZ_COLLECTOR_TENSORFLOW_EVENT,
    DZ_COLLECTOR_PROMETHEUS,
    DZ_COLLECTOR_CUSTOM,
    DZ_COLLECTOR_PUSH,
    DZ_COLLECTOR_MLFLOW
} dz_collector_kind;

typedef enum dz_file_format { DZ_FORMAT_TEXT, DZ_FORMAT_JSON } dz_file_format;

/* A metric: index 0 is the objective, then the additional metrics in their order. */
typedef struct dz_metric {
    char *name;
    dz_strategy strategy;
} dz_metric;

enum { DZ_MAX_OBJECTIVES = 16, DZ_MAX_CONSTRAINTS = 64, DZ_DEFAULT_WARM_TRIALS = 1000 };

/* What is sought; metrics are named by their index. */
typedef struct dz_objective {
    size_t metric;
    bool maximize;
} dz_objective;

/* A bound that a trial must keep to be feasible. */
typedef struct dz_constraint {
    size_t metric;
    bool has_min;
    bool has_max;
    double min;
    double max;
} dz_constraint;

typedef struct dz_trial_parameter {
    char *name;
    char *reference;   /* a search parameter's name, or "${trialSpec.Name}" and the like */
    char *description; /* NULL = none */
} dz_trial_parameter;

typedef struct dz_initial_point {
    dozan_pair *assignments; /* one per active parameter, in the order of the parameters */
    size_t count;
} dz_initial_point;

typedef struct dz_experiment_spec {
    char *name;
    char *namespace_; /* "default" when the file has none */

    dozan_parameter *parameters;
    size_t parameter_count;
    char **otherwise; /* [parameter_count]: what the template gets for an inactive parameter */

    bool maximize;
    bool has_goal;
    double goal;
    dz_metric *metrics; /* [metric_count], metrics[0] is the objective */
    size_t metric_count;

    char *algorithm;
    dozan_pair *algorithm_settings;
    size_t algorithm_setting_count;
    char *early_stopping; /* NULL = none */
    dozan_pair *early_stopping_settings;
    size_t early_stopping_setting_count;

    int32_t parallel_trial_count;
    int32_t max_trial_count;        /* 0 = unbounded */
    int32_t max_failed_trial_count; /* -1 = unlimited */
    dz_resume_policy resume_policy;
    bool resume_policy_given; /* written in the file, not Katib's default */

    dz_collector_kind collector;
    char *collector_path; /* the path inside the container that the collector reads, without
                             slashes at its end; NULL = none */
    bool collector_path_is_file;
    dz_file_format collector_format;
    char **metrics_format; /* filters: regular expressions with two groups; empty = Katib's default
                              filter */
    size_t metrics_format_count;

    bool retain;
    cJSON *trial_spec; /* the template's object with its placeholders; part of the document; NULL
                          with leases */
    dz_trial_parameter *trial_parameters;
    size_t trial_parameter_count;
    char *primary_container_name;
    char *success_condition;
    char *failure_condition;

    /* Dozan's own optional fields */
    bool has_seed;
    uint64_t seed;
    dz_objective *objectives; /* [objective_count], at least one: the first is metric 0 */
    size_t objective_count;
    dz_constraint *constraints;
    size_t constraint_count;
    char **warm_experiments; /* whose results it begins with */
    size_t warm_experiment_count;
    int32_t warm_max_trials;
    dz_initial_point *initial_points;
    size_t initial_point_count;
    int64_t trial_timeout_ms; /* 0 = none */
    int64_t max_runtime_ms;   /* 0 = none */
    int32_t retries;          /* of a failed trial; 0 = none */
    int64_t lease_ms; /* workers run the trials, on leases of that length; 0 = a runner does */

    cJSON *document; /* the whole document with its defaults, as `-o yaml` prints it: apiVersion,
                        kind, metadata, spec */
} dz_experiment_spec;

void dz_spec_destroy(dz_experiment_spec *spec);

/* Whether the trials tell a service their metrics, and their output has none: Push and MLflow. */
bool dz_spec_is_told(dz_collector_kind collector);

/* The name that users type, and that of the folder of its trials: "NAME" in the namespace
 * "default", else "NAMESPACE/NAME" and "NAMESPACE@NAME". No two experiments have the same. */
enum { DZ_QUALIFIED_NAME = 384 };
void dz_spec_qualified(const dz_experiment_spec *spec, char text[DZ_QUALIFIED_NAME]);
void dz_spec_folder(const dz_experiment_spec *spec, char text[DZ_QUALIFIED_NAME]);

/* One finding about a document. */
typedef struct dz_problem {
    char *place;   /* "experiment.yaml:14: spec.parameters[2].feasibleSpace.max" */
    char *message; /* what, why and what to do; a warning's begins with "warning: " */
    bool not_here; /* a warning that forbids running the experiment on this machine */
} dz_problem;

typedef struct dz_problems {
    dz_problem *items;
    size_t count;
    bool warnings_only; /* true when none of them forbids the experiment */
} dz_problems;

void dz_problems_fini(dz_problems *problems);

/* A change to make in the document before it is checked (`--set spec.maxTrialCount=5`). */
typedef struct dz_override {
    const char *path;  /* "spec.parallelTrialCount", "spec.parameters[0].feasibleSpace.max" */
    const char *value; /* YAML of the new value */
} dz_override;

/* Reads the text of one YAML or JSON document (name: what to call it in messages) into *spec. All
 * findings are put into *problems (initialised here, dz_problems_fini by the caller), in the order
 * of their lines. INVALID_ARGUMENT when any of them forbids the experiment; then *spec is not
 * touched. RESOURCE_EXHAUSTED past 4 MiB, 64 levels or 100,000 nodes. Checks nothing that needs a
 * plugin: algorithm names and settings are the loop's to validate. */
DOZAN_MUST_USE dozan_status dz_spec_read(const char *text, size_t size, const char *name,
                                         const dz_override *overrides, size_t override_count,
                                         dz_experiment_spec **spec, dz_problems *problems);

/* The place in a document that an error about `path` ("spec.algorithm.algorithmSettings[1]") means:
 * "file:line: path", or the path of its nearest parent that is there; "--set path" where an
 * override has put it. For errors that a plugin finds later. *place is owned by the caller. */
DOZAN_MUST_USE dozan_status dz_spec_place(const char *text, size_t size, const char *name,
                                          const dz_override *overrides, size_t override_count,
                                          const char *path, char **place);

/* Whether `next` may replace `current` in a running or ended experiment: only the budget
 * (parallelTrialCount, maxTrialCount, maxFailedTrialCount, maxRuntime, goal not) and resumePolicy
 * may differ. FAILED_PRECONDITION names the first other difference by its path. */
DOZAN_MUST_USE dozan_status dz_spec_check_update(const dz_experiment_spec *current,
                                                 const dz_experiment_spec *next, dozan_error *err);

/* Whether the budgets (with resumePolicy) are the same. */
bool dz_spec_same_budget(const dz_experiment_spec *a, const dz_experiment_spec *b);

/* What the kit wants to know of it; borrows everything from spec and uid, but for the arrays of
 * additional metric names, objectives and constraints, which the caller frees with
 * dz_spec_kit_fini. */
DOZAN_MUST_USE dozan_status dz_spec_kit(const dz_experiment_spec *spec, const char *uid,
                                        dozan_experiment *experiment);
void dz_spec_kit_fini(dozan_experiment *experiment);

/* Writes a cJSON tree as YAML (block style, strings quoted where YAML would read them as something
 * else). Owned text. */
DOZAN_MUST_USE dozan_status dz_yaml_write(const cJSON *tree, char **text);

#endif
