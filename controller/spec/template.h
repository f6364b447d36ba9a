/*
 * From a trial template and an assignment to what has to run.
 */
#ifndef DZ_SPEC_TEMPLATE_H
#define DZ_SPEC_TEMPLATE_H

#include "spec/experiment.h"

/* Renders the template: every ${trialParameters.NAME} is replaced by the value of its reference, in
 * one pass (a value that holds a placeholder is left alone), with JSON escaping; metadata.name and
 * metadata.namespace are set. A parameter with a condition that has no value becomes its
 * `otherwise`. INVALID_ARGUMENT: a parameter without a value, a meta key that the
 * object lacks. *object is owned by the caller. */
DOZAN_MUST_USE dozan_status dz_template_render(const dz_experiment_spec *spec,
                                               const char *trial_name,
                                               const dozan_pair *assignments,
                                               size_t assignment_count, cJSON **object,
                                               dozan_error *err);

/* What a process needs, out of a rendered object. Owned by the caller. */
typedef struct dz_command {
    char **argv; /* NULL-terminated: command + args, or sh -c with them joined by spaces where Katib
                    does that */
    char **env;  /* NULL-terminated "NAME=value": the container's env, in its order */
    char *working_dir;          /* NULL = none given */
    char *image;                /* NULL = none given */
    int64_t cpu_milli;          /* requests.cpu, else limits.cpu; 0 = none */
    int32_t gpus;               /* limits or requests of *.com/gpu; 0 = none */
    int64_t active_deadline_ms; /* the Job's activeDeadlineSeconds; 0 = none */
    char *program; /* the first word of the command before any shell joining: what must exist */
} dz_command;

/* Takes the primary container's command out of a rendered Job-like object (its pod template is
 * found at spec.template.spec, or spec itself for a Pod). `map` rewrites absolute paths: an
 * argument, environment value or working directory that is or begins with from[i] + "/" gets to[i]
 * instead; also inside a shell-joined word after '=' or a space. INVALID_ARGUMENT: no such
 * container, no command (this runner has no image to take one from), an env entry with valueFrom
 * other than the trial's name. UNIMPLEMENTED: an object that is no Job or Pod. */
typedef struct dz_path_map {
    const char *from;
    const char *to;
} dz_path_map;

DOZAN_MUST_USE dozan_status dz_template_command(const dz_experiment_spec *spec, const cJSON *object,
                                                const dz_path_map *map, size_t map_count,
                                                dz_command **command, dozan_error *err);

/* The command of the container of metricsCollectorSpec.collector.customCollector, likewise. */
DOZAN_MUST_USE dozan_status dz_template_collector(const dz_experiment_spec *spec,
                                                  const char *trial_name, const dz_path_map *map,
                                                  size_t map_count, dz_command **command,
                                                  dozan_error *err);

/* Puts DOZAN_METRICS_PORT, where the trial is to listen for its collector, before the environment
 * of the primary container of a rendered object: so that $(DOZAN_METRICS_PORT) can be used in it.
 */
DOZAN_MUST_USE dozan_status dz_template_put_port(const dz_experiment_spec *spec, cJSON *object,
                                                 int port, dozan_error *err);
void dz_command_destroy(dz_command *command);

/* Evaluates Katib's GJSON subset of success and failure conditions on an object:
 * a.b.#(key=="value")#|#(key2=="value2")#, [@this], and plain paths. True when the result is an
 * object or a non-empty array whose first element is one. INVALID_ARGUMENT names what of the
 * expression is not understood. */
DOZAN_MUST_USE dozan_status dz_condition_holds(const char *expression, const cJSON *object,
                                               bool *holds, dozan_error *err);

#endif
