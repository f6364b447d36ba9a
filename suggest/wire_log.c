/*
 * The bodies of requests: parts of the experiment's log, and what is asked with them.
 */
#include "wire_parts.h"

#include <stdio.h>
#include <string.h>

_Static_assert((int)DOZAN__V1__EVENT_KIND__ASKED == DOZAN_EVENT_ASKED, "same numbers");
_Static_assert((int)DOZAN__V1__EVENT_KIND__KNOWN == DOZAN_EVENT_KNOWN, "same numbers");

static dozan_status pack_log(const dozan_log_part *log, dz_arena *arena, Dozan__V1__LogPart *packed,
                             dozan_error *err);
static dozan_status pack_event(const dozan_log_event *event, dz_arena *arena,
                               Dozan__V1__Event *packed, dozan_error *err);
static dozan_status unpack_log(const Dozan__V1__LogPart *packed, dz_arena *arena,
                               dozan_log_part *log, dozan_error *err);
static dozan_status unpack_events(const Dozan__V1__LogPart *packed, dz_arena *arena,
                                  dozan_log_part *log, dozan_error *err);
static dozan_status unpack_event(const Dozan__V1__Event *packed, dz_arena *arena,
                                 dozan_log_event *event, dozan_error *err);
static dozan_status check_uid(const char *uid, const char *place, dozan_error *err);

dozan_status dz_wire_pack_ask(const dz_ask_request *request, dz_arena *arena, dz_bytes *body,
                              dozan_error *err)
{
    Dozan__V1__LogPart log;
    dozan__v1__log_part__init(&log);
    Dozan__V1__AskRequest packed;
    dozan__v1__ask_request__init(&packed);
    dozan_status status = pack_log(&request->log, arena, &log, err);
    if (status != DOZAN_OK)
        return status;
    packed.log = &log;
    packed.first_trial = request->first_trial;
    packed.count = request->count;
    return dz_wire_pack(&packed.base, arena, body, err);
}

dozan_status dz_wire_unpack_ask(dz_bytes body, dz_arena *arena, dz_ask_request *request,
                                dozan_error *err)
{
    const Dozan__V1__AskRequest *packed = (const Dozan__V1__AskRequest *)dz_wire_unpack(
        &dozan__v1__ask_request__descriptor, body, arena, err);
    if (packed == NULL)
        return DOZAN_INVALID_ARGUMENT;
    if (packed->count > 0 && packed->first_trial < 1)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "first_trial",
                               "is %lld: trials are numbered from 1",
                               (long long)packed->first_trial);
    request->first_trial = packed->first_trial;
    request->count = packed->count;
    return unpack_log(packed->log, arena, &request->log, err);
}

dozan_status dz_wire_pack_judge(const dz_judge_request *request, dz_arena *arena, dz_bytes *body,
                                dozan_error *err)
{
    Dozan__V1__LogPart log;
    dozan__v1__log_part__init(&log);
    Dozan__V1__JudgeRequest packed;
    dozan__v1__judge_request__init(&packed);
    dozan_status status = pack_log(&request->log, arena, &log, err);
    if (status != DOZAN_OK)
        return status;
    packed.log = &log;
    packed.n_trials = request->trial_count;
    packed.trials = (int64_t *)(uintptr_t)request->trials; /* only read */
    return dz_wire_pack(&packed.base, arena, body, err);
}

dozan_status dz_wire_unpack_judge(dz_bytes body, dz_arena *arena, dz_judge_request *request,
                                  dozan_error *err)
{
    const Dozan__V1__JudgeRequest *packed = (const Dozan__V1__JudgeRequest *)dz_wire_unpack(
        &dozan__v1__judge_request__descriptor, body, arena, err);
    if (packed == NULL)
        return DOZAN_INVALID_ARGUMENT;
    if (packed->n_trials > DZ_WIRE_TRIALS)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "trials", "%zu trials are more than %d",
                               packed->n_trials, DZ_WIRE_TRIALS);
    request->trials = packed->trials;
    request->trial_count = packed->n_trials;
    return unpack_log(packed->log, arena, &request->log, err);
}

dozan_status dz_wire_pack_validate(const dz_validate_request *request, dz_arena *arena,
                                   dz_bytes *body, dozan_error *err)
{
    Dozan__V1__ValidateRequest packed;
    dozan__v1__validate_request__init(&packed);
    packed.kind = (Dozan__V1__AlgorithmKind)request->kind;
    dozan_status status = dz_wire_pack_problem(request->experiment, arena, &packed.problem, err);
    return status != DOZAN_OK ? status : dz_wire_pack(&packed.base, arena, body, err);
}

dozan_status dz_wire_unpack_validate(dz_bytes body, dz_arena *arena, dz_validate_request *request,
                                     dozan_error *err)
{
    const Dozan__V1__ValidateRequest *packed = (const Dozan__V1__ValidateRequest *)dz_wire_unpack(
        &dozan__v1__validate_request__descriptor, body, arena, err);
    if (packed == NULL)
        return DOZAN_INVALID_ARGUMENT;
    if (packed->problem == NULL)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "problem", "is missing");
    request->kind = (dozan_algorithm_kind)packed->kind;
    return dz_wire_unpack_problem(packed->problem, arena, &request->experiment, err);
}

dozan_status dz_wire_pack_release(const char *uid, dz_arena *arena, dz_bytes *body,
                                  dozan_error *err)
{
    Dozan__V1__ReleaseRequest packed;
    dozan__v1__release_request__init(&packed);
    packed.uid = dz_wire_text(uid);
    return dz_wire_pack(&packed.base, arena, body, err);
}

dozan_status dz_wire_unpack_release(dz_bytes body, dz_arena *arena, const char **uid,
                                    dozan_error *err)
{
    const Dozan__V1__ReleaseRequest *packed = (const Dozan__V1__ReleaseRequest *)dz_wire_unpack(
        &dozan__v1__release_request__descriptor, body, arena, err);
    if (packed == NULL)
        return DOZAN_INVALID_ARGUMENT;
    *uid = packed->uid;
    return check_uid(packed->uid, "uid", err);
}

/* ---- the log -------------------------------------------------------------------------------- */

static dozan_status pack_log(const dozan_log_part *log, dz_arena *arena, Dozan__V1__LogPart *packed,
                             dozan_error *err)
{
    packed->uid = dz_wire_text(log->uid);
    packed->since_seq = log->since_seq;
    packed->to_seq = log->to_seq;
    packed->events = dz_wire_rows(arena, log->event_count, sizeof(**packed->events));
    if (log->event_count > 0 && packed->events == NULL)
        return dz_wire_no_memory(err);
    packed->n_events = log->event_count;
    dozan_status status = DOZAN_OK;
    for (size_t i = 0; i < log->event_count && status == DOZAN_OK; i++)
        status = pack_event(&log->events[i], arena, packed->events[i], err);
    if (status == DOZAN_OK && log->experiment != NULL)
        status = dz_wire_pack_problem(log->experiment, arena, &packed->problem, err);
    return status;
}

static dozan_status pack_event(const dozan_log_event *event, dz_arena *arena,
                               Dozan__V1__Event *packed, dozan_error *err)
{
    dozan__v1__event__init(packed);
    packed->seq = event->seq;
    packed->kind = (Dozan__V1__EventKind)event->kind;
    packed->trial = event->trial;
    packed->metric = event->metric;
    packed->step = event->step;
    packed->has_value = event->has_value;
    packed->value = event->has_value ? event->value : 0;
    packed->n_other_values = event->other_value_count;
    packed->other_values = (double *)(uintptr_t)event->other_values; /* only read */
    packed->n_assignments = event->assignment_count;
    packed->n_labels = event->label_count;
    dozan_status status = dz_wire_pack_pairs(event->assignments, event->assignment_count, arena,
                                             &packed->assignments, err);
    if (status != DOZAN_OK)
        return status;
    return dz_wire_pack_pairs(event->labels, event->label_count, arena, &packed->labels, err);
}

static dozan_status unpack_log(const Dozan__V1__LogPart *packed, dz_arena *arena,
                               dozan_log_part *log, dozan_error *err)
{
    if (packed == NULL)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "log", "is missing");
    dozan_status status = check_uid(packed->uid, "log.uid", err);
    if (status != DOZAN_OK)
        return status;
    if (packed->since_seq < 0 || packed->to_seq < packed->since_seq)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "log.to_seq",
                               "%lld after %lld is no range of the log", (long long)packed->to_seq,
                               (long long)packed->since_seq);
    *log = (dozan_log_part){
        .uid = packed->uid, .since_seq = packed->since_seq, .to_seq = packed->to_seq};
    if (packed->problem != NULL) {
        if (strcmp(packed->problem->uid, packed->uid) != 0)
            return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "log.problem.uid",
                                   "is not that of the log");
        status = dz_wire_unpack_problem(packed->problem, arena, &log->experiment, err);
    }
    return status != DOZAN_OK ? status : unpack_events(packed, arena, log, err);
}

static dozan_status unpack_events(const Dozan__V1__LogPart *packed, dz_arena *arena,
                                  dozan_log_part *log, dozan_error *err)
{
    dozan_log_event *events = dz_arena_array(arena, packed->n_events, sizeof(*events));
    if (events == NULL)
        return dz_wire_no_memory(err);
    for (size_t i = 0; i < packed->n_events; i++) {
        dozan_status status = unpack_event(packed->events[i], arena, &events[i], err);
        if (status != DOZAN_OK) {
            if (err != NULL)
                (void)snprintf(err->place, sizeof(err->place), "log.events[%zu]", i);
            return status;
        }
    }
    log->events = events;
    log->event_count = packed->n_events;
    return DOZAN_OK;
}

static dozan_status unpack_event(const Dozan__V1__Event *packed, dz_arena *arena,
                                 dozan_log_event *event, dozan_error *err)
{
    bool known = packed->kind == DOZAN__V1__EVENT_KIND__KNOWN;
    if (packed->kind == DOZAN__V1__EVENT_KIND__UNKNOWN_EVENT || packed->seq < 1 ||
        (known ? packed->trial >= 0 : packed->trial < 1))
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, NULL,
                               "kind %d, seq %lld, trial %lld: an event has all three, from 1 on "
                               "(known results have trials from -1 down)",
                               (int)packed->kind, (long long)packed->seq, (long long)packed->trial);
    *event = (dozan_log_event){.seq = packed->seq,
                               .kind = (dozan_event_kind)packed->kind,
                               .trial = packed->trial,
                               .assignment_count = packed->n_assignments,
                               .label_count = packed->n_labels,
                               .metric = packed->metric,
                               .step = packed->step,
                               .has_value = packed->has_value != 0,
                               .value = packed->value,
                               .other_values = packed->other_values,
                               .other_value_count = packed->n_other_values};
    dozan_pair *assignments = NULL;
    dozan_pair *labels = NULL;
    dozan_status status =
        dz_wire_unpack_pairs(packed->assignments, packed->n_assignments, arena, &assignments, err);
    if (status == DOZAN_OK)
        status = dz_wire_unpack_pairs(packed->labels, packed->n_labels, arena, &labels, err);
    event->assignments = assignments;
    event->labels = labels;
    return status;
}

static dozan_status check_uid(const char *uid, const char *place, dozan_error *err)
{
    size_t size = strlen(uid);
    if (size >= 1 && size <= DZ_WIRE_UID)
        return DOZAN_OK;
    return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, place, "has %zu bytes: must have 1 to %d",
                           size, DZ_WIRE_UID);
}
