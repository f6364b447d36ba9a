/*
 * The experiment is packed and read by wire_experiment.c, as it is a part of our own message too;
 * here is what stands around it in Katib's.
 */
#include "wire_katib.h"
#include "health.pb-c.h"
#include "wire_parts.h"

#include <dozan/rng.h>

#include <string.h>

_Static_assert((int)API__V1__BETA1__TRIAL_STATUS__TRIAL_CONDITION_TYPE__UNKNOWN == DZ_KATIB_UNKNOWN,
               "same numbers");
_Static_assert((int)API__V1__BETA1__COMPARISON_TYPE__GREATER == DZ_KATIB_GREATER, "same numbers");

/* Katib's messages of a name and a value: each has these fields, in this order. */
typedef struct named_value {
    ProtobufCMessage base;
    char *name;
    char *value;
} named_value;

_Static_assert(sizeof(Api__V1__Beta1__ParameterAssignment) == sizeof(named_value), "same fields");
_Static_assert(sizeof(Api__V1__Beta1__Metric) == sizeof(named_value), "same fields");
_Static_assert(sizeof(Api__V1__Beta1__AlgorithmSetting) == sizeof(named_value), "same fields");

/* A trial's messages, in one piece. */
typedef struct packed_trial {
    Api__V1__Beta1__Trial trial;
    Api__V1__Beta1__TrialSpec spec;
    Api__V1__Beta1__TrialSpec__ParameterAssignments assignments;
    Api__V1__Beta1__TrialStatus status;
    Api__V1__Beta1__Observation observation;
} packed_trial;

static dozan_status unpack_experiment(Api__V1__Beta1__Experiment *packed, dz_arena *arena,
                                      const dozan_experiment **experiment, dozan_error *err);
static dozan_status pack_experiment(const dozan_experiment *experiment, dz_arena *arena,
                                    Api__V1__Beta1__Experiment **packed, dozan_error *err);
static dozan_status unpack_trials(Api__V1__Beta1__Trial *const *packed, size_t count,
                                  dz_arena *arena, const dz_katib_trial **trials, dozan_error *err);
static dozan_status pack_trials(const dz_katib_history *history,
                                Api__V1__Beta1__ObjectiveSpec *objective, dz_arena *arena,
                                Api__V1__Beta1__Trial ***packed, dozan_error *err);
static dozan_status unpack_pairs(void *const *packed, size_t count, dz_arena *arena,
                                 const dozan_pair **pairs, dozan_error *err);
static dozan_status pack_pairs(const dozan_pair *pairs, size_t count,
                               const ProtobufCMessageDescriptor *type, dz_arena *arena,
                               void *packed, dozan_error *err);
static dozan_status pack_suggestion(const dz_katib_suggestion *suggestion, dz_arena *arena,
                                    Api__V1__Beta1__GetSuggestionsReply__ParameterAssignments *row,
                                    dozan_error *err);

/* ---- GetSuggestions ------------------------------------------------------------------------- */

dozan_status dz_katib_unpack_ask(dz_bytes body, dz_arena *arena, dz_katib_ask *ask,
                                 dozan_error *err)
{
    const Api__V1__Beta1__GetSuggestionsRequest *packed =
        (const Api__V1__Beta1__GetSuggestionsRequest *)dz_wire_unpack(
            &api__v1__beta1__get_suggestions_request__descriptor, body, arena, err);
    if (packed == NULL)
        return DOZAN_INVALID_ARGUMENT;
    ask->current = packed->current_request_number;
    ask->total = packed->total_request_number;
    ask->history.trial_count = packed->n_trials;
    dozan_status status =
        unpack_experiment(packed->experiment, arena, &ask->history.experiment, err);
    if (status == DOZAN_OK)
        status = unpack_trials(packed->trials, packed->n_trials, arena, &ask->history.trials, err);
    return status;
}

dozan_status dz_katib_pack_ask(const dz_katib_ask *ask, dz_arena *arena, dz_bytes *body,
                               dozan_error *err)
{
    Api__V1__Beta1__GetSuggestionsRequest packed;
    api__v1__beta1__get_suggestions_request__init(&packed);
    packed.current_request_number = ask->current;
    packed.total_request_number = ask->total;
    packed.n_trials = ask->history.trial_count;
    dozan_status status = pack_experiment(ask->history.experiment, arena, &packed.experiment, err);
    if (status == DOZAN_OK)
        status = pack_trials(&ask->history, packed.experiment->spec->objective, arena,
                             &packed.trials, err);
    return status == DOZAN_OK ? dz_wire_pack(&packed.base, arena, body, err) : status;
}

dozan_status dz_katib_unpack_answer(dz_bytes body, dz_arena *arena, dz_katib_answer *answer,
                                    dozan_error *err)
{
    const Api__V1__Beta1__GetSuggestionsReply *packed =
        (const Api__V1__Beta1__GetSuggestionsReply *)dz_wire_unpack(
            &api__v1__beta1__get_suggestions_reply__descriptor, body, arena, err);
    if (packed == NULL)
        return DOZAN_INVALID_ARGUMENT;
    size_t count = packed->n_parameter_assignments;
    dz_katib_suggestion *rows = dz_arena_array(arena, count, sizeof(*rows));
    if (rows == NULL)
        return dz_wire_no_memory(err);
    *answer = (dz_katib_answer){.suggestions = rows, .suggestion_count = count};
    for (size_t i = 0; i < count; i++) {
        const Api__V1__Beta1__GetSuggestionsReply__ParameterAssignments *row =
            packed->parameter_assignments[i];
        dozan_pair *labels = dz_arena_array(arena, row->n_labels, sizeof(*labels));
        if (labels == NULL)
            return dz_wire_no_memory(err);
        for (size_t k = 0; k < row->n_labels; k++)
            labels[k] = (dozan_pair){row->labels[k]->key, row->labels[k]->value};
        rows[i] = (dz_katib_suggestion){.assignment_count = row->n_assignments,
                                        .trial_name = row->trial_name,
                                        .labels = labels,
                                        .label_count = row->n_labels};
        dozan_status status = unpack_pairs((void *const *)row->assignments, row->n_assignments,
                                           arena, &rows[i].assignments, err);
        if (status != DOZAN_OK)
            return dozan_error_wrap(err, "suggestion %zu of %zu", i + 1, count);
    }
    if (packed->algorithm == NULL)
        return DOZAN_OK;
    answer->setting_count = packed->algorithm->n_algorithm_settings;
    return unpack_pairs((void *const *)packed->algorithm->algorithm_settings, answer->setting_count,
                        arena, &answer->settings, err);
}

dozan_status dz_katib_pack_answer(const dz_katib_answer *answer, dz_arena *arena, dz_bytes *body,
                                  dozan_error *err)
{
    Api__V1__Beta1__GetSuggestionsReply packed;
    Api__V1__Beta1__AlgorithmSpec algorithm;
    api__v1__beta1__get_suggestions_reply__init(&packed);
    api__v1__beta1__algorithm_spec__init(&algorithm);
    size_t count = answer->suggestion_count;
    packed.n_parameter_assignments = count;
    packed.parameter_assignments =
        dz_wire_rows(arena, count, sizeof(**packed.parameter_assignments));
    if (count > 0 && packed.parameter_assignments == NULL)
        return dz_wire_no_memory(err);
    dozan_status status = DOZAN_OK;
    for (size_t i = 0; i < count && status == DOZAN_OK; i++)
        status =
            pack_suggestion(&answer->suggestions[i], arena, packed.parameter_assignments[i], err);
    if (status == DOZAN_OK && answer->setting_count > 0) {
        packed.algorithm = &algorithm;
        algorithm.n_algorithm_settings = answer->setting_count;
        status = pack_pairs(answer->settings, answer->setting_count,
                            &api__v1__beta1__algorithm_setting__descriptor, arena,
                            &algorithm.algorithm_settings, err);
    }
    return status == DOZAN_OK ? dz_wire_pack(&packed.base, arena, body, err) : status;
}

static dozan_status pack_suggestion(const dz_katib_suggestion *suggestion, dz_arena *arena,
                                    Api__V1__Beta1__GetSuggestionsReply__ParameterAssignments *row,
                                    dozan_error *err)
{
    api__v1__beta1__get_suggestions_reply__parameter_assignments__init(row);
    row->trial_name = dz_wire_text(suggestion->trial_name);
    row->n_assignments = suggestion->assignment_count;
    row->n_labels = suggestion->label_count;
    row->labels = dz_wire_rows(arena, row->n_labels, sizeof(**row->labels));
    if (row->n_labels > 0 && row->labels == NULL)
        return dz_wire_no_memory(err);
    for (size_t i = 0; i < row->n_labels; i++) {
        api__v1__beta1__get_suggestions_reply__parameter_assignments__labels_entry__init(
            row->labels[i]);
        row->labels[i]->key = dz_wire_text(suggestion->labels[i].name);
        row->labels[i]->value = dz_wire_text(suggestion->labels[i].value);
    }
    return pack_pairs(suggestion->assignments, suggestion->assignment_count,
                      &api__v1__beta1__parameter_assignment__descriptor, arena, &row->assignments,
                      err);
}

/* ---- the other requests --------------------------------------------------------------------- */

dozan_status dz_katib_unpack_validate(dz_bytes body, dz_arena *arena,
                                      const dozan_experiment **experiment, dozan_error *err)
{
    const Api__V1__Beta1__ValidateAlgorithmSettingsRequest *packed =
        (const Api__V1__Beta1__ValidateAlgorithmSettingsRequest *)dz_wire_unpack(
            &api__v1__beta1__validate_algorithm_settings_request__descriptor, body, arena, err);
    if (packed == NULL)
        return DOZAN_INVALID_ARGUMENT;
    return unpack_experiment(packed->experiment, arena, experiment, err);
}

dozan_status dz_katib_pack_validate(const dozan_experiment *experiment, dz_arena *arena,
                                    dz_bytes *body, dozan_error *err)
{
    Api__V1__Beta1__ValidateAlgorithmSettingsRequest packed;
    api__v1__beta1__validate_algorithm_settings_request__init(&packed);
    dozan_status status = pack_experiment(experiment, arena, &packed.experiment, err);
    return status == DOZAN_OK ? dz_wire_pack(&packed.base, arena, body, err) : status;
}

dozan_status dz_katib_pack_rules_request(const dz_katib_history *history, const char *db_manager,
                                         dz_arena *arena, dz_bytes *body, dozan_error *err)
{
    Api__V1__Beta1__GetEarlyStoppingRulesRequest packed;
    api__v1__beta1__get_early_stopping_rules_request__init(&packed);
    packed.db_manager_address = dz_wire_text(db_manager);
    packed.n_trials = history->trial_count;
    dozan_status status = pack_experiment(history->experiment, arena, &packed.experiment, err);
    if (status == DOZAN_OK)
        status =
            pack_trials(history, packed.experiment->spec->objective, arena, &packed.trials, err);
    return status == DOZAN_OK ? dz_wire_pack(&packed.base, arena, body, err) : status;
}

dozan_status dz_katib_unpack_rules(dz_bytes body, dz_arena *arena, dz_katib_rule **rules,
                                   size_t *count, dozan_error *err)
{
    const Api__V1__Beta1__GetEarlyStoppingRulesReply *packed =
        (const Api__V1__Beta1__GetEarlyStoppingRulesReply *)dz_wire_unpack(
            &api__v1__beta1__get_early_stopping_rules_reply__descriptor, body, arena, err);
    if (packed == NULL)
        return DOZAN_INVALID_ARGUMENT;
    dz_katib_rule *rows = dz_arena_array(arena, packed->n_early_stopping_rules, sizeof(*rows));
    if (rows == NULL)
        return dz_wire_no_memory(err);
    for (size_t i = 0; i < packed->n_early_stopping_rules; i++) {
        const Api__V1__Beta1__EarlyStoppingRule *row = packed->early_stopping_rules[i];
        if (row->comparison == API__V1__BETA1__COMPARISON_TYPE__UNKNOWN_COMPARISON)
            return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "early_stopping_rules",
                                   "rule %zu has no comparison", i);
        rows[i] = (dz_katib_rule){.metric = row->name,
                                  .value = row->value,
                                  .comparison = (dz_katib_comparison)row->comparison,
                                  .start_step = row->start_step};
    }
    *rules = rows;
    *count = packed->n_early_stopping_rules;
    return DOZAN_OK;
}

dozan_status dz_katib_pack_validate_stopping(const dozan_experiment *experiment, dz_arena *arena,
                                             dz_bytes *body, dozan_error *err)
{
    Api__V1__Beta1__ValidateEarlyStoppingSettingsRequest packed;
    Api__V1__Beta1__Experiment *all = NULL;
    api__v1__beta1__validate_early_stopping_settings_request__init(&packed);
    dozan_status status = pack_experiment(experiment, arena, &all, err);
    if (status != DOZAN_OK)
        return status;
    packed.early_stopping = all->spec->early_stopping;
    return dz_wire_pack(&packed.base, arena, body, err);
}

dozan_status dz_katib_pack_set_status(const char *trial, dz_arena *arena, dz_bytes *body,
                                      dozan_error *err)
{
    Api__V1__Beta1__SetTrialStatusRequest packed;
    api__v1__beta1__set_trial_status_request__init(&packed);
    packed.trial_name = dz_wire_text(trial);
    return dz_wire_pack(&packed.base, arena, body, err);
}

dozan_status dz_katib_unpack_health(dz_bytes body, dz_arena *arena, const char **service,
                                    dozan_error *err)
{
    const Grpc__Health__V1__HealthCheckRequest *packed =
        (const Grpc__Health__V1__HealthCheckRequest *)dz_wire_unpack(
            &grpc__health__v1__health_check_request__descriptor, body, arena, err);
    if (packed == NULL)
        return DOZAN_INVALID_ARGUMENT;
    *service = packed->service;
    return DOZAN_OK;
}

dozan_status dz_katib_pack_health(dz_arena *arena, dz_bytes *body, dozan_error *err)
{
    Grpc__Health__V1__HealthCheckResponse packed;
    grpc__health__v1__health_check_response__init(&packed);
    packed.status = GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING;
    return dz_wire_pack(&packed.base, arena, body, err);
}

/* ---- parts ---------------------------------------------------------------------------------- */

static dozan_status unpack_experiment(Api__V1__Beta1__Experiment *packed, dz_arena *arena,
                                      const dozan_experiment **experiment, dozan_error *err)
{
    if (packed == NULL || packed->spec == NULL || packed->name[0] == '\0')
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "experiment",
                               "the request has no experiment with a name and a spec");
    if (packed->spec->nas_config != NULL)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "spec.nasConfig",
                               "neural architecture search is not served here");
    if (strlen(packed->name) > DZ_WIRE_UID)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "experiment.name",
                               "is longer than %d bytes", DZ_WIRE_UID);
    Dozan__V1__Problem problem;
    dozan__v1__problem__init(&problem);
    problem.uid = packed->name;
    problem.experiment = packed;
    problem.seed = dozan_hash_text(packed->name);
    const Api__V1__Beta1__ObjectiveSpec *objective = packed->spec->objective;
    problem.has_goal = objective != NULL && (objective->goal < 0 || objective->goal > 0);
    return dz_wire_unpack_problem(&problem, arena, experiment, err);
}

static dozan_status pack_experiment(const dozan_experiment *experiment, dz_arena *arena,
                                    Api__V1__Beta1__Experiment **packed, dozan_error *err)
{
    Dozan__V1__Problem *problem = NULL;
    dozan_status status = dz_wire_pack_problem(experiment, arena, &problem, err);
    if (status == DOZAN_OK)
        *packed = problem->experiment;
    return status;
}

static dozan_status unpack_trials(Api__V1__Beta1__Trial *const *packed, size_t count,
                                  dz_arena *arena, const dz_katib_trial **trials, dozan_error *err)
{
    dz_katib_trial *rows = dz_arena_array(arena, count, sizeof(*rows));
    if (rows == NULL)
        return dz_wire_no_memory(err);
    for (size_t i = 0; i < count; i++) {
        const Api__V1__Beta1__Trial *from = packed[i];
        dz_katib_trial *row = &rows[i];
        *row = (dz_katib_trial){.name = from->name, .start_time = "", .completion_time = ""};
        dozan_status status = DOZAN_OK;
        if (from->spec != NULL && from->spec->parameter_assignments != NULL) {
            row->assignment_count = from->spec->parameter_assignments->n_assignments;
            status = unpack_pairs((void *const *)from->spec->parameter_assignments->assignments,
                                  row->assignment_count, arena, &row->assignments, err);
        }
        if (from->status != NULL) {
            row->condition = (dz_katib_condition)from->status->condition;
            row->start_time = from->status->start_time;
            row->completion_time = from->status->completion_time;
        }
        if (status == DOZAN_OK && from->status != NULL && from->status->observation != NULL) {
            row->metric_count = from->status->observation->n_metrics;
            status = unpack_pairs((void *const *)from->status->observation->metrics,
                                  row->metric_count, arena, &row->metrics, err);
        }
        if (status != DOZAN_OK)
            return status;
    }
    *trials = rows;
    return DOZAN_OK;
}

static dozan_status pack_trials(const dz_katib_history *history,
                                Api__V1__Beta1__ObjectiveSpec *objective, dz_arena *arena,
                                Api__V1__Beta1__Trial ***packed, dozan_error *err)
{
    packed_trial **rows = dz_wire_rows(arena, history->trial_count, sizeof(**rows));
    if (history->trial_count > 0 && rows == NULL)
        return dz_wire_no_memory(err);
    for (size_t i = 0; i < history->trial_count; i++) {
        const dz_katib_trial *from = &history->trials[i];
        packed_trial *row = rows[i];
        api__v1__beta1__trial__init(&row->trial);
        api__v1__beta1__trial_spec__init(&row->spec);
        api__v1__beta1__trial_spec__parameter_assignments__init(&row->assignments);
        api__v1__beta1__trial_status__init(&row->status);
        api__v1__beta1__observation__init(&row->observation);
        row->trial.name = dz_wire_text(from->name);
        row->trial.spec = &row->spec;
        row->trial.status = &row->status;
        row->spec.objective = objective;
        row->spec.parameter_assignments = &row->assignments;
        row->assignments.n_assignments = from->assignment_count;
        row->status.start_time = dz_wire_text(from->start_time);
        row->status.completion_time = dz_wire_text(from->completion_time);
        row->status.condition = (Api__V1__Beta1__TrialStatus__TrialConditionType)from->condition;
        row->status.observation = from->metric_count > 0 ? &row->observation : NULL;
        row->observation.n_metrics = from->metric_count;
        dozan_status status = pack_pairs(from->assignments, from->assignment_count,
                                         &api__v1__beta1__parameter_assignment__descriptor, arena,
                                         &row->assignments.assignments, err);
        if (status == DOZAN_OK)
            status =
                pack_pairs(from->metrics, from->metric_count, &api__v1__beta1__metric__descriptor,
                           arena, &row->observation.metrics, err);
        if (status != DOZAN_OK)
            return status;
    }
    *packed = (Api__V1__Beta1__Trial **)rows; /* a row begins with its trial */
    return DOZAN_OK;
}

static dozan_status unpack_pairs(void *const *packed, size_t count, dz_arena *arena,
                                 const dozan_pair **pairs, dozan_error *err)
{
    dozan_pair *rows = dz_arena_array(arena, count, sizeof(*rows));
    if (rows == NULL)
        return dz_wire_no_memory(err);
    for (size_t i = 0; i < count; i++) {
        const named_value *from = packed[i];
        rows[i] = (dozan_pair){.name = from->name, .value = from->value};
    }
    *pairs = rows;
    return DOZAN_OK;
}

/* `packed` is a pointer to the field of rows. */
static dozan_status pack_pairs(const dozan_pair *pairs, size_t count,
                               const ProtobufCMessageDescriptor *type, dz_arena *arena,
                               void *packed, dozan_error *err)
{
    named_value **rows = dz_wire_rows(arena, count, sizeof(**rows));
    if (count > 0 && rows == NULL)
        return dz_wire_no_memory(err);
    for (size_t i = 0; i < count; i++) {
        protobuf_c_message_init(type, rows[i]);
        rows[i]->name = dz_wire_text(pairs[i].name);
        rows[i]->value = dz_wire_text(pairs[i].value);
    }
    memcpy(packed, &rows, sizeof(rows));
    return DOZAN_OK;
}
