/*
 * The methods of the service and the way of a request through them. Only the table of routes knows
 * all methods: what reads a body, which session it needs, and what runs.
 */
#include "rpc_service.h"
#include "address.h"

#include <stdlib.h>
#include <string.h>

struct dz_rpc_service {
    const dozan_algorithm *const *algorithms;
    char *token;
    size_t max_message_bytes;
    dz_sessions *sessions;
};

/* A method: how to read its body, and what to do. The session that it needs follows from the
 * functions: `uid_of` is NULL where it needs none. */
struct dz_route {
    const char *method;
    dozan_status (*decode)(dz_job *job);
    dozan_algorithm_kind kind;
    const char *(*uid_of)(const dz_job *job);
    dozan_status (*run)(dz_rpc_service *service, dz_job *job);
};

enum {
    LONGEST_CALL_MS = 600000, /* of a caller that gives no limit */
    ENVELOPE = 1024           /* what a reply's envelope adds to its body, at most */
};

static dozan_status decode_describe(dz_job *job);
static dozan_status decode_validate(dz_job *job);
static dozan_status decode_ask(dz_job *job);
static dozan_status decode_judge(dz_job *job);
static dozan_status decode_release(dz_job *job);
static const char *uid_of_ask(const dz_job *job);
static const char *uid_of_judge(const dz_job *job);
static dozan_status run_describe(dz_rpc_service *service, dz_job *job);
static dozan_status run_validate(dz_rpc_service *service, dz_job *job);
static dozan_status run_ask(dz_rpc_service *service, dz_job *job);
static dozan_status run_judge(dz_rpc_service *service, dz_job *job);
static dozan_status run_release(dz_rpc_service *service, dz_job *job);
static dozan_status check_envelope(const dz_rpc_service *service, dz_bytes bytes, dz_job *job);
static const dz_route *find_route(const char *method);
static dz_reply reply_of(const dz_job *job);
static const dozan_algorithm *find_algorithm(const dz_rpc_service *service,
                                             dozan_algorithm_kind kind,
                                             const dozan_experiment *experiment, dozan_error *err);
static dozan_status catch_up(dz_rpc_service *service, dz_job *job, const dozan_log_part *log,
                             bool *stale, bool *unknown);
static dozan_status renew_session(dz_rpc_service *service, dz_job *job,
                                  const dozan_experiment *experiment);

static const dz_route routes[] = {
    {DZ_METHOD_ASK, decode_ask, DOZAN_KIND_SEARCH, uid_of_ask, run_ask},
    {DZ_METHOD_JUDGE, decode_judge, DOZAN_KIND_EARLY_STOPPING, uid_of_judge, run_judge},
    {DZ_METHOD_DESCRIBE, decode_describe, DOZAN_KIND_SEARCH, NULL, run_describe},
    {DZ_METHOD_VALIDATE, decode_validate, DOZAN_KIND_SEARCH, NULL, run_validate},
    {DZ_METHOD_RELEASE, decode_release, DOZAN_KIND_SEARCH, NULL, run_release},
};

dozan_status dz_rpc_service_create(const dz_rpc_service_options *options, dz_rpc_service **service,
                                   dozan_error *err)
{
    dz_rpc_service *made = calloc(1, sizeof(*made));
    if (made == NULL)
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "no memory for a service");
    made->algorithms = options->algorithms;
    made->max_message_bytes = options->max_message_bytes;
    dozan_status status = DOZAN_OK;
    if (options->token != NULL) {
        made->token = strdup(options->token);
        if (made->token == NULL)
            status =
                dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "no memory for a service");
    }
    if (status == DOZAN_OK)
        status = dz_sessions_create(options->max_experiments, &made->sessions, err);
    if (status == DOZAN_OK)
        *service = made;
    else
        dz_rpc_service_destroy(made);
    return status;
}

void dz_rpc_service_destroy(dz_rpc_service *service)
{
    if (service == NULL)
        return;
    dz_sessions_destroy(service->sessions);
    free(service->token);
    free(service);
}

dz_job *dz_rpc_service_admit(dz_rpc_service *service, dz_bytes bytes, int64_t now_ms)
{
    dz_job *job = calloc(1, sizeof(*job));
    if (job == NULL)
        return NULL;
    job->request.request_id = "";
    job->status = check_envelope(service, bytes, job);
    uint32_t limit = job->request.timeout_ms;
    job->deadline_ms = now_ms + (limit > 0 ? (int64_t)limit : LONGEST_CALL_MS);
    return job;
}

void dz_job_destroy(dz_job *job)
{
    if (job == NULL)
        return;
    dz_arena_fini(&job->arena);
    free(job);
}

void dz_rpc_service_decode(dz_rpc_service *service, dz_job *job)
{
    (void)service;
    if (job->status == DOZAN_OK)
        job->status = job->route->decode(job);
}

bool dz_rpc_service_enter(dz_rpc_service *service, dz_job *job)
{
    if (job->status != DOZAN_OK || job->route->uid_of == NULL)
        return true;
    job->status = dz_sessions_acquire(service->sessions, job->route->kind, job->route->uid_of(job),
                                      job, &job->place, &job->err);
    return job->status != DOZAN_OK || job->place != NULL;
}

void dz_rpc_service_run(dz_rpc_service *service, dz_job *job, int64_t now_ms)
{
    if (job->status == DOZAN_OK && now_ms >= job->deadline_ms)
        job->status = dozan_error_set(&job->err, DOZAN_DEADLINE_EXCEEDED, NULL,
                                      "the call's time had passed before it could run");
    if (job->status == DOZAN_OK)
        job->status = job->route->run(service, job);
}

dz_job *dz_rpc_service_leave(dz_rpc_service *service, dz_job *job)
{
    if (job->place == NULL)
        return NULL;
    dz_session_place *place = job->place;
    job->place = NULL;
    dz_job *next = dz_sessions_release(service->sessions, place);
    if (next != NULL)
        next->place = place;
    return next;
}

size_t dz_rpc_service_reply_size(dz_rpc_service *service, dz_job *job)
{
    if (job->status == DOZAN_OK && job->body.size > service->max_message_bytes - ENVELOPE)
        job->status = dozan_error_set(&job->err, DOZAN_OUT_OF_RANGE, NULL,
                                      "the answer has %zu bytes, more than a message may have "
                                      "(%zu): ask for fewer at once",
                                      job->body.size, service->max_message_bytes);
    dz_reply reply = reply_of(job);
    return dz_wire_reply_size(&reply);
}

void dz_rpc_service_pack_reply(const dz_job *job, void *out)
{
    dz_reply reply = reply_of(job);
    dz_wire_pack_reply(&reply, out);
}

void *dz_host_handle(dz_rpc_service *service, const void *bytes, size_t size, size_t *reply_size)
{
    dz_job *job = dz_rpc_service_admit(service, (dz_bytes){bytes, size}, 0);
    if (job == NULL)
        return NULL;
    dz_rpc_service_decode(service, job);
    if (dz_rpc_service_enter(service, job))
        dz_rpc_service_run(service, job, 0);
    (void)dz_rpc_service_leave(service, job);
    *reply_size = dz_rpc_service_reply_size(service, job);
    void *out = malloc(*reply_size > 0 ? *reply_size : 1);
    if (out != NULL)
        dz_rpc_service_pack_reply(job, out);
    dz_job_destroy(job);
    return out;
}

/* ---- admission ------------------------------------------------------------------------------ */

static dozan_status check_envelope(const dz_rpc_service *service, dz_bytes bytes, dz_job *job)
{
    if (bytes.size > service->max_message_bytes)
        return dozan_error_set(&job->err, DOZAN_INVALID_ARGUMENT, NULL,
                               "a request of %zu bytes is larger than the limit of %zu", bytes.size,
                               service->max_message_bytes);
    dozan_status status = dz_wire_unpack_request(bytes, &job->arena, &job->request, &job->err);
    if (status != DOZAN_OK)
        return status;
    if (service->token != NULL && !dz_bearer_matches(service->token, job->request.authorization))
        return dozan_error_set(&job->err, DOZAN_UNAUTHENTICATED, NULL,
                               "the metadata \"authorization\" must be \"Bearer \" and this "
                               "host's token");
    job->route = find_route(job->request.method);
    if (job->route == NULL)
        return dozan_error_set(&job->err, DOZAN_UNIMPLEMENTED, NULL, "no method %s here",
                               job->request.method);
    return DOZAN_OK;
}

static const dz_route *find_route(const char *method)
{
    for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
        if (strcmp(routes[i].method, method) == 0)
            return &routes[i];
    }
    return NULL;
}

static dz_reply reply_of(const dz_job *job)
{
    dz_reply reply = {.request_id = job->request.request_id, .code = job->status};
    if (job->status == DOZAN_OK) {
        reply.body = job->body;
    } else {
        reply.place = job->err.place;
        reply.message = job->err.message;
    }
    return reply;
}

/* ---- the methods ---------------------------------------------------------------------------- */

static dozan_status decode_describe(dz_job *job)
{
    (void)job; /* nothing in its body means anything */
    return DOZAN_OK;
}

static dozan_status decode_validate(dz_job *job)
{
    return dz_wire_unpack_validate(job->request.body, &job->arena, &job->input.validate, &job->err);
}

static dozan_status decode_ask(dz_job *job)
{
    return dz_wire_unpack_ask(job->request.body, &job->arena, &job->input.ask, &job->err);
}

static dozan_status decode_judge(dz_job *job)
{
    return dz_wire_unpack_judge(job->request.body, &job->arena, &job->input.judge, &job->err);
}

static dozan_status decode_release(dz_job *job)
{
    return dz_wire_unpack_release(job->request.body, &job->arena, &job->input.uid, &job->err);
}

static const char *uid_of_ask(const dz_job *job)
{
    return job->input.ask.log.uid;
}

static const char *uid_of_judge(const dz_job *job)
{
    return job->input.judge.log.uid;
}

static dozan_status run_describe(dz_rpc_service *service, dz_job *job)
{
    size_t count = 0;
    while (service->algorithms[count] != NULL)
        count++;
    dozan_description *rows = dz_arena_array(&job->arena, count, sizeof(*rows));
    if (rows == NULL)
        return dozan_error_set(&job->err, DOZAN_RESOURCE_EXHAUSTED, NULL, "no memory");
    for (size_t i = 0; i < count; i++) {
        const dozan_algorithm *from = service->algorithms[i];
        rows[i] = (dozan_description){
            .name = from->name,
            .kind = from->kind,
            .traits = from->traits,
            .summary = from->summary,
            .reference = from->reference,
            .limits = from->limits,
            .settings = (dozan_setting *)(uintptr_t)from->settings, /* only read */
            .setting_count = from->setting_count};
    }
    dozan_describe_reply reply = {.algorithms = rows, .algorithm_count = count};
    return dz_wire_pack_describe_reply(&reply, &job->arena, &job->body, &job->err);
}

static dozan_status run_validate(dz_rpc_service *service, dz_job *job)
{
    const dz_validate_request *request = &job->input.validate;
    const dozan_algorithm *algorithm =
        find_algorithm(service, request->kind, request->experiment, &job->err);
    if (algorithm == NULL)
        return job->err.code;
    return dz_session_validate(algorithm, request->experiment, &job->err);
}

static dozan_status run_ask(dz_rpc_service *service, dz_job *job)
{
    const dz_ask_request *request = &job->input.ask;
    dozan_ask_reply reply = {.message = ""};
    dozan_status status =
        catch_up(service, job, &request->log, &reply.stale, &reply.unknown_experiment);
    if (status == DOZAN_OK && !reply.stale && request->count > 0)
        status = dz_session_ask(job->place->session, request->first_trial, request->count,
                                &job->arena, &reply, &job->err);
    if (status != DOZAN_OK)
        return status;
    if (job->place->session != NULL)
        reply.applied_seq = dz_session_applied_seq(job->place->session);
    return dz_wire_pack_ask_reply(&reply, &job->arena, &job->body, &job->err);
}

static dozan_status run_judge(dz_rpc_service *service, dz_job *job)
{
    const dz_judge_request *request = &job->input.judge;
    dozan_judge_reply reply = {.stale = false};
    dozan_status status =
        catch_up(service, job, &request->log, &reply.stale, &reply.unknown_experiment);
    if (status == DOZAN_OK && !reply.stale)
        status = dz_session_judge(job->place->session, request->trials, request->trial_count,
                                  &job->arena, &reply, &job->err);
    if (status != DOZAN_OK)
        return status;
    if (job->place->session != NULL)
        reply.applied_seq = dz_session_applied_seq(job->place->session);
    return dz_wire_pack_judge_reply(&reply, &job->arena, &job->body, &job->err);
}

static dozan_status run_release(dz_rpc_service *service, dz_job *job)
{
    dz_sessions_forget(service->sessions, job->input.uid);
    return DOZAN_OK;
}

/* ---- sessions ------------------------------------------------------------------------------- */

/* Brings the session to the end of the log part, if it can. */
static dozan_status catch_up(dz_rpc_service *service, dz_job *job, const dozan_log_part *log,
                             bool *stale, bool *unknown)
{
    dozan_status status = DOZAN_OK;
    if (log->experiment != NULL)
        status = renew_session(service, job, log->experiment);
    if (status != DOZAN_OK)
        return status;
    if (job->place->session == NULL) {
        *stale = true;
        *unknown = true;
        return DOZAN_OK;
    }
    return dz_session_apply(job->place->session, log, stale, &job->err);
}

/* Makes the session if there is none, or if the experiment has changed since it was made: an
 * answer follows from the experiment and its log, not from what the experiment once was. */
static dozan_status renew_session(dz_rpc_service *service, dz_job *job,
                                  const dozan_experiment *experiment)
{
    dz_session_place *place = job->place;
    uint64_t digest = dz_wire_experiment_digest(experiment);
    if (place->session != NULL && place->digest == digest)
        return DOZAN_OK;
    const dozan_algorithm *algorithm =
        find_algorithm(service, job->route->kind, experiment, &job->err);
    if (algorithm == NULL)
        return job->err.code;
    dz_session *session = NULL;
    dozan_status status = dz_session_create(algorithm, experiment, &session, &job->err);
    if (status != DOZAN_OK)
        return status;
    dz_session_destroy(place->session);
    place->session = session;
    place->digest = digest;
    return DOZAN_OK;
}

static const dozan_algorithm *find_algorithm(const dz_rpc_service *service,
                                             dozan_algorithm_kind kind,
                                             const dozan_experiment *experiment, dozan_error *err)
{
    bool search = kind == DOZAN_KIND_SEARCH;
    const char *name = search ? experiment->algorithm : experiment->early_stopping;
    const char *place =
        search ? "spec.algorithm.algorithmName" : "spec.earlyStopping.algorithmName";
    if (name == NULL) {
        (void)dozan_error_set(err, DOZAN_INVALID_ARGUMENT, place, "is missing");
        return NULL;
    }
    for (size_t i = 0; service->algorithms[i] != NULL; i++) {
        if (service->algorithms[i]->kind == kind && strcmp(service->algorithms[i]->name, name) == 0)
            return service->algorithms[i];
    }
    (void)dozan_error_set(err, DOZAN_NOT_FOUND, place, "this host has no %s algorithm \"%s\"",
                          search ? "search" : "early-stopping", name);
    return NULL;
}
