/*
 * The experiment: between dozan_experiment and Problem, which carries Katib's own message. What
 * Katib's message lacks (uid, seed, whether a goal is set) stands beside it.
 *
 * The enumerators of Katib's ParameterType and Distribution are those of dozan/space.h, number for
 * number; an unspecified distribution is uniform, as in Katib.
 */
#include "wire_parts.h"

#include <dozan/rng.h>

#include <stdio.h>
#include <string.h>

enum { SETTINGS_MAX = 1024, METRICS_MAX = 1024 };

_Static_assert((int)API__V1__BETA1__PARAMETER_TYPE__DOUBLE == DOZAN_DOUBLE, "same numbers");
_Static_assert((int)API__V1__BETA1__PARAMETER_TYPE__CATEGORICAL == DOZAN_CATEGORICAL,
               "same numbers");
_Static_assert((int)API__V1__BETA1__DISTRIBUTION__UNIFORM == DOZAN_UNIFORM, "same numbers");
_Static_assert((int)API__V1__BETA1__DISTRIBUTION__LOG_NORMAL == DOZAN_LOG_NORMAL, "same numbers");

/* Katib's messages of an experiment, each at most once, in one piece. */
typedef struct packed_experiment {
    Dozan__V1__Problem problem;
    Api__V1__Beta1__Experiment experiment;
    Api__V1__Beta1__ExperimentSpec spec;
    Api__V1__Beta1__ExperimentSpec__ParameterSpecs parameters;
    Api__V1__Beta1__ObjectiveSpec objective;
    Api__V1__Beta1__AlgorithmSpec algorithm;
    Api__V1__Beta1__EarlyStoppingSpec early_stopping;
} packed_experiment;

static packed_experiment *new_packed(dz_arena *arena);
static void pack_objective(const dozan_experiment *experiment,
                           Api__V1__Beta1__ObjectiveSpec *objective);
static dozan_status pack_parameters(const dozan_experiment *experiment, dz_arena *arena,
                                    Api__V1__Beta1__ExperimentSpec__ParameterSpecs *specs,
                                    dozan_error *err);
static dozan_status pack_algorithm(const dozan_experiment *experiment, dz_arena *arena,
                                   Api__V1__Beta1__AlgorithmSpec *spec, dozan_error *err);
static dozan_status pack_early_stopping(const dozan_experiment *experiment, dz_arena *arena,
                                        Api__V1__Beta1__EarlyStoppingSpec *spec, dozan_error *err);
static dozan_status unpack_parameters(const Dozan__V1__Problem *problem, dz_arena *arena,
                                      dozan_experiment *experiment, dozan_error *err);
static dozan_status unpack_parameter(const Api__V1__Beta1__ParameterSpec *spec, size_t index,
                                     dozan_parameter *parameter, dozan_error *err);
static dozan_status unpack_objective(const Api__V1__Beta1__ObjectiveSpec *objective,
                                     dozan_experiment *experiment, dozan_error *err);
static dozan_status unpack_algorithm(const Api__V1__Beta1__AlgorithmSpec *spec, dz_arena *arena,
                                     dozan_experiment *experiment, dozan_error *err);
static dozan_status unpack_early_stopping(const Api__V1__Beta1__EarlyStoppingSpec *spec,
                                          dz_arena *arena, dozan_experiment *experiment,
                                          dozan_error *err);
static dozan_status check_count(size_t count, size_t most, const char *place, dozan_error *err);
static uint64_t digest_text(uint64_t digest, const char *text);
static uint64_t digest_texts(uint64_t digest, const char *const *texts, size_t count);
static uint64_t digest_pairs(uint64_t digest, const dozan_pair *pairs, size_t count);
static uint64_t digest_parameter(uint64_t digest, const dozan_parameter *parameter);

dozan_status dz_wire_pack_problem(const dozan_experiment *experiment, dz_arena *arena,
                                  Dozan__V1__Problem **problem, dozan_error *err)
{
    packed_experiment *packed = new_packed(arena);
    if (packed == NULL)
        return dz_wire_no_memory(err);
    packed->problem.uid = dz_wire_text(experiment->uid);
    packed->problem.seed = experiment->seed;
    packed->problem.has_goal = experiment->has_goal;
    packed->experiment.name = dz_wire_text(experiment->name);
    packed->spec.parallel_trial_count = experiment->parallel_trials;
    packed->spec.max_trial_count = experiment->max_trials;
    pack_objective(experiment, &packed->objective);

    dozan_status status = pack_parameters(experiment, arena, &packed->parameters, err);
    if (status == DOZAN_OK)
        status = dz_wire_pack_extras(experiment, arena, &packed->problem, err);
    if (status == DOZAN_OK)
        status = pack_algorithm(experiment, arena, &packed->algorithm, err);
    if (status == DOZAN_OK && experiment->early_stopping != NULL) {
        packed->spec.early_stopping = &packed->early_stopping;
        status = pack_early_stopping(experiment, arena, &packed->early_stopping, err);
    }
    if (status == DOZAN_OK)
        *problem = &packed->problem;
    return status;
}

dozan_status dz_wire_unpack_problem(const Dozan__V1__Problem *problem, dz_arena *arena,
                                    const dozan_experiment **experiment, dozan_error *err)
{
    if (problem->experiment == NULL || problem->experiment->spec == NULL)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "problem.experiment.spec",
                               "is missing");
    const Api__V1__Beta1__ExperimentSpec *spec = problem->experiment->spec;
    dozan_experiment *out = dz_arena_alloc(arena, sizeof(*out));
    if (out == NULL)
        return dz_wire_no_memory(err);
    out->uid = problem->uid;
    out->name = problem->experiment->name;
    out->seed = problem->seed;
    out->has_goal = problem->has_goal;
    out->parallel_trials = spec->parallel_trial_count;
    out->max_trials = spec->max_trial_count;
    if (spec->parallel_trial_count < 0 || spec->max_trial_count < 0)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "spec.maxTrialCount",
                               "counts of trials must not be negative");

    dozan_status status = unpack_parameters(problem, arena, out, err);
    if (status == DOZAN_OK)
        status = unpack_objective(spec->objective, out, err);
    if (status == DOZAN_OK)
        status = dz_wire_unpack_extras(problem, arena, out, err);
    if (status == DOZAN_OK)
        status = unpack_algorithm(spec->algorithm, arena, out, err);
    if (status == DOZAN_OK && spec->early_stopping != NULL)
        status = unpack_early_stopping(spec->early_stopping, arena, out, err);
    if (status == DOZAN_OK)
        *experiment = out;
    return status;
}

uint64_t dz_wire_experiment_digest(const dozan_experiment *e)
{
    uint64_t goal = 0;
    memcpy(&goal, &e->goal, sizeof(goal));
    uint64_t digest = digest_text(digest_text(e->seed, e->uid), e->name);
    digest = dozan_hash_words(digest, (e->maximize ? 1u : 0u) | (e->has_goal ? 2u : 0u));
    digest = dozan_hash_words(digest, e->has_goal ? goal : 0);
    digest = dozan_hash_words(digest, (uint64_t)(uint32_t)e->parallel_trials << 32 |
                                          (uint32_t)e->max_trials);
    digest = digest_text(digest, e->objective_metric);
    digest = digest_texts(digest, e->additional_metrics, e->additional_metric_count);
    digest = digest_text(digest, e->algorithm);
    digest = digest_pairs(digest, e->algorithm_settings, e->algorithm_setting_count);
    digest = digest_text(digest, e->early_stopping);
    digest = digest_pairs(digest, e->early_stopping_settings, e->early_stopping_setting_count);
    digest = dozan_hash_words(digest, e->parameter_count);
    for (size_t i = 0; i < e->parameter_count; i++)
        digest = digest_parameter(digest, &e->parameters[i]);
    return dz_wire_extras_digest(digest, e);
}

/* ---- packing -------------------------------------------------------------------------------- */

static packed_experiment *new_packed(dz_arena *arena)
{
    packed_experiment *packed = dz_arena_alloc(arena, sizeof(*packed));
    if (packed == NULL)
        return NULL;
    dozan__v1__problem__init(&packed->problem);
    api__v1__beta1__experiment__init(&packed->experiment);
    api__v1__beta1__experiment_spec__init(&packed->spec);
    api__v1__beta1__experiment_spec__parameter_specs__init(&packed->parameters);
    api__v1__beta1__objective_spec__init(&packed->objective);
    api__v1__beta1__algorithm_spec__init(&packed->algorithm);
    api__v1__beta1__early_stopping_spec__init(&packed->early_stopping);
    packed->problem.experiment = &packed->experiment;
    packed->experiment.spec = &packed->spec;
    packed->spec.parameter_specs = &packed->parameters;
    packed->spec.objective = &packed->objective;
    packed->spec.algorithm = &packed->algorithm;
    return packed;
}

static void pack_objective(const dozan_experiment *experiment,
                           Api__V1__Beta1__ObjectiveSpec *objective)
{
    objective->type = experiment->maximize ? API__V1__BETA1__OBJECTIVE_TYPE__MAXIMIZE
                                           : API__V1__BETA1__OBJECTIVE_TYPE__MINIMIZE;
    objective->goal = experiment->has_goal ? experiment->goal : 0;
    objective->objective_metric_name = dz_wire_text(experiment->objective_metric);
    objective->n_additional_metric_names = experiment->additional_metric_count;
    objective->additional_metric_names =
        (char **)(uintptr_t)experiment->additional_metrics; /* only read */
}

static dozan_status pack_parameters(const dozan_experiment *experiment, dz_arena *arena,
                                    Api__V1__Beta1__ExperimentSpec__ParameterSpecs *specs,
                                    dozan_error *err)
{
    size_t count = experiment->parameter_count;
    specs->parameters = dz_wire_rows(arena, count, sizeof(**specs->parameters));
    Api__V1__Beta1__FeasibleSpace **spaces = dz_wire_rows(arena, count, sizeof(**spaces));
    if (count > 0 && (specs->parameters == NULL || spaces == NULL))
        return dz_wire_no_memory(err);
    specs->n_parameters = count;
    for (size_t i = 0; i < count; i++) {
        const dozan_parameter *from = &experiment->parameters[i];
        Api__V1__Beta1__ParameterSpec *spec = specs->parameters[i];
        Api__V1__Beta1__FeasibleSpace *space = spaces[i];
        api__v1__beta1__parameter_spec__init(spec);
        api__v1__beta1__feasible_space__init(space);
        spec->name = dz_wire_text(from->name);
        spec->parameter_type = (Api__V1__Beta1__ParameterType)from->type;
        spec->feasible_space = space;
        space->min = dz_wire_text(from->min);
        space->max = dz_wire_text(from->max);
        space->step = dz_wire_text(from->step);
        space->distribution = (Api__V1__Beta1__Distribution)from->distribution;
        space->n_list = from->list_count;
        space->list = (char **)(uintptr_t)from->list; /* only read */
    }
    return DOZAN_OK;
}

static dozan_status pack_algorithm(const dozan_experiment *experiment, dz_arena *arena,
                                   Api__V1__Beta1__AlgorithmSpec *spec, dozan_error *err)
{
    size_t count = experiment->algorithm_setting_count;
    spec->algorithm_name = dz_wire_text(experiment->algorithm);
    spec->algorithm_settings = dz_wire_rows(arena, count, sizeof(**spec->algorithm_settings));
    if (count > 0 && spec->algorithm_settings == NULL)
        return dz_wire_no_memory(err);
    spec->n_algorithm_settings = count;
    for (size_t i = 0; i < count; i++) {
        api__v1__beta1__algorithm_setting__init(spec->algorithm_settings[i]);
        spec->algorithm_settings[i]->name = dz_wire_text(experiment->algorithm_settings[i].name);
        spec->algorithm_settings[i]->value = dz_wire_text(experiment->algorithm_settings[i].value);
    }
    return DOZAN_OK;
}

static dozan_status pack_early_stopping(const dozan_experiment *experiment, dz_arena *arena,
                                        Api__V1__Beta1__EarlyStoppingSpec *spec, dozan_error *err)
{
    const dozan_pair *settings = experiment->early_stopping_settings;
    size_t count = experiment->early_stopping_setting_count;
    spec->algorithm_name = dz_wire_text(experiment->early_stopping);
    spec->algorithm_settings = dz_wire_rows(arena, count, sizeof(**spec->algorithm_settings));
    if (count > 0 && spec->algorithm_settings == NULL)
        return dz_wire_no_memory(err);
    spec->n_algorithm_settings = count;
    for (size_t i = 0; i < count; i++) {
        api__v1__beta1__early_stopping_setting__init(spec->algorithm_settings[i]);
        spec->algorithm_settings[i]->name = dz_wire_text(settings[i].name);
        spec->algorithm_settings[i]->value = dz_wire_text(settings[i].value);
    }
    return DOZAN_OK;
}

/* ---- unpacking ------------------------------------------------------------------------------ */

static dozan_status unpack_parameters(const Dozan__V1__Problem *problem, dz_arena *arena,
                                      dozan_experiment *experiment, dozan_error *err)
{
    const Api__V1__Beta1__ExperimentSpec *spec = problem->experiment->spec;
    if (spec->parameter_specs == NULL)
        return DOZAN_OK;
    size_t count = spec->parameter_specs->n_parameters;
    dozan_status status = check_count(count, DOZAN_MAX_DIMENSIONS, "spec.parameters", err);
    if (status != DOZAN_OK)
        return status;
    dozan_parameter *parameters = dz_arena_array(arena, count, sizeof(*parameters));
    if (parameters == NULL)
        return dz_wire_no_memory(err);
    for (size_t i = 0; i < count && status == DOZAN_OK; i++)
        status = unpack_parameter(spec->parameter_specs->parameters[i], i, &parameters[i], err);
    if (status == DOZAN_OK)
        status = dz_wire_unpack_conditions(problem, arena, parameters, count, err);
    experiment->parameters = parameters;
    experiment->parameter_count = count;
    return status;
}

static dozan_status unpack_parameter(const Api__V1__Beta1__ParameterSpec *spec, size_t index,
                                     dozan_parameter *parameter, dozan_error *err)
{
    const Api__V1__Beta1__FeasibleSpace *space = spec->feasible_space;
    const char *missing = NULL;
    if (spec->name[0] == '\0')
        missing = "name";
    else if (spec->parameter_type == API__V1__BETA1__PARAMETER_TYPE__UNKNOWN_TYPE)
        missing = "parameterType";
    else if (space == NULL)
        missing = "feasibleSpace";
    if (missing != NULL || space->n_list > DOZAN_MAX_LIST) {
        dozan_status status = dozan_error_set(err, DOZAN_INVALID_ARGUMENT, NULL, "%s",
                                              missing != NULL ? "is missing" : "is too long");
        if (err != NULL)
            (void)snprintf(err->place, sizeof(err->place), "spec.parameters[%zu].%s", index,
                           missing != NULL ? missing : "feasibleSpace.list");
        return status;
    }
    bool unspecified =
        space->distribution == API__V1__BETA1__DISTRIBUTION__DISTRIBUTION_UNSPECIFIED;
    *parameter = (dozan_parameter){
        .name = spec->name,
        .type = (dozan_parameter_type)spec->parameter_type,
        .distribution = unspecified ? DOZAN_UNIFORM : (dozan_distribution)space->distribution,
        .min = space->min,
        .max = space->max,
        .step = space->step,
        .list = (const char *const *)space->list,
        .list_count = space->n_list};
    return DOZAN_OK;
}

static dozan_status unpack_objective(const Api__V1__Beta1__ObjectiveSpec *objective,
                                     dozan_experiment *experiment, dozan_error *err)
{
    if (objective == NULL || objective->type == API__V1__BETA1__OBJECTIVE_TYPE__UNKNOWN)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "spec.objective.type",
                               "is missing: must be minimize or maximize");
    experiment->maximize = objective->type == API__V1__BETA1__OBJECTIVE_TYPE__MAXIMIZE;
    experiment->goal = objective->goal;
    experiment->objective_metric = objective->objective_metric_name;
    experiment->additional_metrics = (const char *const *)objective->additional_metric_names;
    experiment->additional_metric_count = objective->n_additional_metric_names;
    return check_count(objective->n_additional_metric_names, METRICS_MAX,
                       "spec.objective.additionalMetricNames", err);
}

static dozan_status unpack_algorithm(const Api__V1__Beta1__AlgorithmSpec *spec, dz_arena *arena,
                                     dozan_experiment *experiment, dozan_error *err)
{
    if (spec == NULL || spec->algorithm_name[0] == '\0')
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "spec.algorithm.algorithmName",
                               "is missing");
    size_t count = spec->n_algorithm_settings;
    dozan_status status = check_count(count, SETTINGS_MAX, "spec.algorithm.algorithmSettings", err);
    if (status != DOZAN_OK)
        return status;
    dozan_pair *pairs = dz_arena_array(arena, count, sizeof(*pairs));
    if (pairs == NULL)
        return dz_wire_no_memory(err);
    for (size_t i = 0; i < count; i++)
        pairs[i] =
            (dozan_pair){spec->algorithm_settings[i]->name, spec->algorithm_settings[i]->value};
    experiment->algorithm = spec->algorithm_name;
    experiment->algorithm_settings = pairs;
    experiment->algorithm_setting_count = count;
    return DOZAN_OK;
}

static dozan_status unpack_early_stopping(const Api__V1__Beta1__EarlyStoppingSpec *spec,
                                          dz_arena *arena, dozan_experiment *experiment,
                                          dozan_error *err)
{
    if (spec->algorithm_name[0] == '\0')
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "spec.earlyStopping.algorithmName",
                               "is missing");
    size_t count = spec->n_algorithm_settings;
    dozan_status status =
        check_count(count, SETTINGS_MAX, "spec.earlyStopping.algorithmSettings", err);
    if (status != DOZAN_OK)
        return status;
    dozan_pair *pairs = dz_arena_array(arena, count, sizeof(*pairs));
    if (pairs == NULL)
        return dz_wire_no_memory(err);
    for (size_t i = 0; i < count; i++)
        pairs[i] =
            (dozan_pair){spec->algorithm_settings[i]->name, spec->algorithm_settings[i]->value};
    experiment->early_stopping = spec->algorithm_name;
    experiment->early_stopping_settings = pairs;
    experiment->early_stopping_setting_count = count;
    return DOZAN_OK;
}

static dozan_status check_count(size_t count, size_t most, const char *place, dozan_error *err)
{
    if (count <= most)
        return DOZAN_OK;
    return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, place, "%zu entries are more than %zu",
                           count, most);
}

/* ---- the digest ----------------------------------------------------------------------------- */

/* NULL and "" are the same on the wire, so they are the same here. */
static uint64_t digest_text(uint64_t digest, const char *text)
{
    return dozan_hash_words(digest, dozan_hash_text(text != NULL ? text : ""));
}

static uint64_t digest_texts(uint64_t digest, const char *const *texts, size_t count)
{
    digest = dozan_hash_words(digest, count);
    for (size_t i = 0; i < count; i++)
        digest = digest_text(digest, texts[i]);
    return digest;
}

static uint64_t digest_pairs(uint64_t digest, const dozan_pair *pairs, size_t count)
{
    digest = dozan_hash_words(digest, count);
    for (size_t i = 0; i < count; i++)
        digest = digest_text(digest_text(digest, pairs[i].name), pairs[i].value);
    return digest;
}

static uint64_t digest_parameter(uint64_t digest, const dozan_parameter *parameter)
{
    digest = digest_text(digest, parameter->name);
    digest = dozan_hash_words(digest,
                              (uint64_t)parameter->type << 8 | (uint64_t)parameter->distribution);
    digest = digest_text(digest, parameter->min);
    digest = digest_text(digest, parameter->max);
    digest = digest_text(digest, parameter->step);
    return digest_texts(digest, parameter->list, parameter->list_count);
}
