/*
 * What the methods of our own protocol are to a service of Katib's.
 */
#include "grpc_bridge.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ASK_MOST = 4096, BACK_OFF_FIRST_MS = 20, BACK_OFF_MOST_MS = 2000 };

static dozan_status check_features(const dozan_experiment *experiment, dozan_error *err);
static dozan_status renew_rules(dz_bridge *b, dz_bridge_request *call, dz_bridge_log *log,
                                dozan_error *err);
static bool pause_call(dz_bridge *b, const dz_bridge_request *call, unsigned failures);

/* A service cannot tell what it is. One that knows the check of early stopping's settings, which
 * changes nothing, is a stopper. */
dozan_status dz_bridge_describe(dz_bridge *b, dz_bridge_request *call, dz_bytes *reply,
                                dozan_error *err)
{
    dozan_error answer = {.code = DOZAN_OK};
    dz_bytes ignored = {0};
    dozan_status status = dz_bridge_call_service(b, call, DZ_KATIB_VALIDATE_STOPPING, (dz_bytes){0},
                                                 &ignored, &answer);
    if (status == DOZAN_CANCELLED || dozan_status_retryable((int)status)) {
        if (err != NULL)
            *err = answer;
        return status;
    }
    bool stopper = status != DOZAN_UNIMPLEMENTED;
    dozan_description row = {
        .name = b->name,
        .kind = stopper ? DOZAN_KIND_EARLY_STOPPING : DOZAN_KIND_SEARCH,
        .traits = stopper ? DOZAN_WANTS_REPORTS : 0,
        .summary = stopper ? "An EarlyStopping service of Katib's, called over gRPC."
                           : "A Suggestion service of Katib's, called over gRPC.",
        .reference = b->url,
        .limits = "Gets the whole history with each call. No conditions, constraints or further "
                  "objectives; results of earlier experiments are not told."};
    const dozan_describe_reply all = {.algorithms = &row, .algorithm_count = 1};
    return dz_wire_pack_describe_reply(&all, &call->arena, reply, err);
}

/* As Katib judges: a service without the check has nothing against it, and one that breaks on it
 * does. */
dozan_status dz_bridge_validate(dz_bridge *b, dz_bridge_request *call, dozan_error *err)
{
    const dozan_experiment *experiment = call->input.validate.experiment;
    bool search = call->input.validate.kind == DOZAN_KIND_SEARCH;
    dz_bytes body = {0};
    dz_bytes reply = {0};
    dozan_status status = check_features(experiment, err);
    if (status == DOZAN_OK && search)
        status = dz_katib_pack_validate(experiment, &call->arena, &body, err);
    else if (status == DOZAN_OK)
        status = dz_katib_pack_validate_stopping(experiment, &call->arena, &body, err);
    if (status != DOZAN_OK)
        return status;
    dozan_error answer = {.code = DOZAN_OK};
    status = dz_bridge_call_service(
        b, call, search ? DZ_KATIB_VALIDATE_ALGORITHM : DZ_KATIB_VALIDATE_STOPPING, body, &reply,
        &answer);
    if (status == DOZAN_OK || status == DOZAN_UNIMPLEMENTED)
        return DOZAN_OK;
    if (status == DOZAN_UNKNOWN)
        status = DOZAN_INVALID_ARGUMENT;
    return dozan_error_set(err, status, search ? "spec.algorithm" : "spec.earlyStopping",
                           "refused by %s: %s", b->url, answer.message);
}

static dozan_status check_features(const dozan_experiment *experiment, dozan_error *err)
{
    const char *what = NULL;
    if (experiment->other_objective_count > 0)
        what = "further objectives";
    if (experiment->constraint_count > 0)
        what = "constraints";
    for (size_t i = 0; i < experiment->parameter_count; i++) {
        if (experiment->parameters[i].when != NULL)
            what = "parameters with conditions";
    }
    if (what == NULL)
        return DOZAN_OK;
    return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "spec",
                           "a service of Katib's knows no %s: take one of Dozan's own algorithms",
                           what);
}

dozan_status dz_bridge_ask(dz_bridge *b, dz_bridge_request *call, dz_bridge_log *log,
                           dz_bytes *reply, dozan_error *err)
{
    const dz_ask_request *request = &call->input.ask;
    dozan_ask_reply own = {.message = ""};
    dz_katib_ask asked = {.current = (int32_t)request->count};
    dz_katib_answer answer;
    dz_bytes body = {0};
    dz_bytes got = {0};
    dozan_status status =
        dz_bridge_log_apply(log, &request->log, &own.stale, &own.unknown_experiment, err);
    if (status != DOZAN_OK)
        return status;
    own.applied_seq = dz_bridge_log_cursor(log);
    if (own.stale || request->count == 0)
        return dz_wire_pack_ask_reply(&own, &call->arena, reply, err);
    if (request->count > ASK_MOST)
        asked.current = ASK_MOST;
    status = dz_bridge_log_history(log, &call->arena, &asked.history, err);
    asked.total = (int32_t)asked.history.trial_count + asked.current;
    if (status == DOZAN_OK)
        status = dz_katib_pack_ask(&asked, &call->arena, &body, err);
    if (status == DOZAN_OK)
        status = dz_bridge_call_service(b, call, DZ_KATIB_GET_SUGGESTIONS, body, &got, err);
    if (status == DOZAN_OK && dz_katib_unpack_answer(got, &call->arena, &answer, err) != DOZAN_OK)
        status = dozan_error_wrap(err, "the service's answer cannot be read");
    if (status == DOZAN_OK)
        status =
            dz_bridge_log_answer(log, &answer, (uint32_t)asked.current, &call->arena, &own, err);
    return status == DOZAN_OK ? dz_wire_pack_ask_reply(&own, &call->arena, reply, err) : status;
}

dozan_status dz_bridge_judge(dz_bridge *b, dz_bridge_request *call, dz_bridge_log *log,
                             dz_bytes *reply, dozan_error *err)
{
    const dz_judge_request *request = &call->input.judge;
    dozan_judge_reply own = {.stale = false};
    dozan_status status =
        dz_bridge_log_apply(log, &request->log, &own.stale, &own.unknown_experiment, err);
    if (status != DOZAN_OK)
        return status;
    own.applied_seq = dz_bridge_log_cursor(log);
    own.verdicts = dz_arena_array(&call->arena, request->trial_count, sizeof(*own.verdicts));
    if (own.verdicts == NULL)
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "no memory for verdicts");
    if (!own.stale && request->trial_count > 0)
        status = renew_rules(b, call, log, err);
    for (size_t i = 0; status == DOZAN_OK && !own.stale && i < request->trial_count; i++) {
        dozan_trial_verdict *verdict = &own.verdicts[own.verdict_count];
        const char *name = NULL;
        if (!dz_bridge_log_judge(log, request->trials[i], &call->arena, verdict, &name))
            continue;
        own.verdict_count++;
        if (!verdict->stop)
            continue;
        dz_bytes body = {0};
        dz_bytes ignored = {0};
        dozan_error no_matter; /* in Katib it marks the trial there, which this one is not in */
        if (dz_katib_pack_set_status(name, &call->arena, &body, &no_matter) == DOZAN_OK)
            (void)!dz_bridge_call_service(b, call, DZ_KATIB_SET_STATUS, body, &ignored, &no_matter);
    }
    return status == DOZAN_OK ? dz_wire_pack_judge_reply(&own, &call->arena, reply, err) : status;
}

/* Asks for rules when a trial has succeeded since the last ones. */
static dozan_status renew_rules(dz_bridge *b, dz_bridge_request *call, dz_bridge_log *log,
                                dozan_error *err)
{
    dz_katib_history history = {.trial_count = 0};
    dz_katib_rule *rules = NULL;
    size_t count = 0;
    dz_bytes body = {0};
    dz_bytes got = {0};
    if (dz_bridge_log_has_rules(log))
        return DOZAN_OK;
    dozan_status status = dz_bridge_log_history(log, &call->arena, &history, err);
    if (status == DOZAN_OK)
        status = dz_katib_pack_rules_request(&history, b->db_manager, &call->arena, &body, err);
    if (status == DOZAN_OK)
        status = dz_bridge_call_service(b, call, DZ_KATIB_GET_RULES, body, &got, err);
    if (status == DOZAN_OK &&
        dz_katib_unpack_rules(got, &call->arena, &rules, &count, err) != DOZAN_OK)
        status = dozan_error_wrap(err, "the service's answer cannot be read");
    return status == DOZAN_OK ? dz_bridge_log_set_rules(log, rules, count, err) : status;
}

/* ---- calls ---------------------------------------------------------------------------------- */

dozan_status dz_bridge_call_service(dz_bridge *b, dz_bridge_request *call, const char *path,
                                    dz_bytes body, dz_bytes *reply, dozan_error *err)
{
    void *bytes = NULL;
    size_t size = 0;
    dozan_status status = DOZAN_UNAVAILABLE;
    for (unsigned failures = 0;; failures++) {
        int64_t left = call->deadline_ms - dz_bridge_now_ms();
        if (call->grpc == NULL)
            return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "no memory for a client");
        if (left <= 0 && failures == 0)
            return dozan_error_set(err, DOZAN_DEADLINE_EXCEEDED, NULL, "no answer in time");
        status = dozan_grpc_client_call(call->grpc, path, body.data, body.size,
                                        (uint32_t)(left > 0 ? left : 1), &bytes, &size, err);
        if (!dozan_status_retryable((int)status) || status == DOZAN_DEADLINE_EXCEEDED ||
            !pause_call(b, call, failures))
            break;
    }
    if (status != DOZAN_OK)
        return status;
    void *copy = dz_arena_alloc(&call->arena, size);
    if (copy != NULL && size > 0)
        memcpy(copy, bytes, size);
    free(bytes);
    *reply = (dz_bytes){.data = copy, .size = size};
    return copy != NULL
               ? DOZAN_OK
               : dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "no memory for a reply");
}

/* 20 ms, 40, 80, ...; false when the deadline or a cancel comes first. */
static bool pause_call(dz_bridge *b, const dz_bridge_request *call, unsigned failures)
{
    int64_t pause = BACK_OFF_FIRST_MS;
    for (unsigned i = 0; i < failures && pause < BACK_OFF_MOST_MS; i++)
        pause *= 2;
    int64_t until = dz_bridge_now_ms() + pause;
    if (until >= call->deadline_ms)
        return false;
    const struct timespec due = {.tv_sec = until / 1000, .tv_nsec = until % 1000 * 1000000};
    int number = 0;
    (void)pthread_mutex_lock(&b->lock);
    while (!call->cancelled && number != ETIMEDOUT)
        number = pthread_cond_timedwait(&b->changed, &b->lock, &due);
    bool go_on = !call->cancelled;
    (void)pthread_mutex_unlock(&b->lock);
    return go_on;
}
