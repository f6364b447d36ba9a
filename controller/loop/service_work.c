/*
 * Workers: who runs the trials of experiments with leases.
 *
 * A worker that finds no trial waits in a queue of its experiment, in the order of asking, and gets
 * the first one that is there before the turn's commit: so a trial that has just been suggested is
 * made, given out and stored by one commit. The attempt is the fencing token. What a trial's lease
 * is, runners/lease.h says; that a worker has it is in the store before the worker hears of it, so
 * a restart knows it too, and begins the lease anew.
 *
 * Cost of a request: O(log trials) for the name, O(parallelTrialCount) for an ask.
 */
#include "loop/service_parts.h"

#include "store/changes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CODE_FAILED = 1 };

/* Of one experiment. */
typedef struct dz_takers {
    int64_t experiment;
    dz_request *head, *tail;
    int64_t first_due_ms; /* no later than the first one's limit */
    bool told_state;      /* the experiment is not held, and was found suspended */
    UT_hash_handle hh;
} dz_takers;

/* What a worker's claim to a trial turns out to be. */
typedef enum claim {
    CLAIM_HELD,  /* it has the trial */
    CLAIM_OVER,  /* it had it to the end, or it is being stopped: nothing is to be done any more */
    CLAIM_STALE, /* another attempt has followed, or will */
} claim;

typedef struct claimed {
    claim claim;
    int64_t experiment, number;
    dz_trial *trial;    /* HELD */
    dz_trial *stored;   /* owned: OVER, read from the store */
    const dz_trial *is; /* what to tell of, or NULL */
} claimed;

static dozan_status take(dz_service *service, dz_request *r, bool *waits, dozan_error *err);
static dozan_status enqueue(dz_service *service, dz_request *r, int64_t experiment,
                            dozan_error *err);
static void serve_queue(dz_service *service, dz_takers *queue, int64_t now_ms);
static void look_at_rest(dz_service *service, dz_takers *queue);
static void answer_due(dz_service *service, dz_takers *queue, int64_t now_ms,
                       dz_experiment_state state);
static bool serve_taker(dz_service *service, dz_actor *actor, dz_request *r);
static dz_trial *first_offered(const dz_experiment *experiment);
static dozan_status give(dz_actor *actor, dz_trial *trial, dz_request *r, dozan_error *err);
static dozan_status copy_assignments(const dz_trial *trial, dz_work *work, dozan_error *err);
static void answer_none(dz_service *service, dz_request *r, dz_experiment_state state);
static dozan_status renew(dz_service *service, dz_request *r, bool *at_once, dozan_error *err);
static dozan_status report(dz_service *service, dz_request *r, bool *at_once, dozan_error *err);
static dozan_status finish(dz_service *service, dz_request *r, bool *at_once, dozan_error *err);
static dozan_status end_trial(dz_service *service, dz_request *r, dz_trial *trial,
                              dozan_error *err);
static dozan_status find_claim(dz_service *service, dz_request *r, claimed *found,
                               dozan_error *err);
static dozan_status find_ended(dz_service *service, dz_request *r, claimed *found,
                               dozan_error *err);
static dozan_status stale(const dz_request *r, const claimed *found, dozan_error *err);
static void tell_of(dz_work *work, const dz_trial *trial, bool go_on);
static void answered(dz_request *request);

/* ---- callers' threads */

void dz_service_work(dz_service *service, dz_work *work)
{
    dozan_error err = {0};
    dozan_status status = DOZAN_OK;
    int64_t wait = work->wait_ms < 0 ? 0 : work->wait_ms;
    dz_request *r = calloc(1, sizeof *r);
    if (!r) {
        status = dozan_error_set(&err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
        work->done(work, status, &err);
        return;
    }
    if (wait > DZ_WORK_MAX_WAIT_MS)
        wait = DZ_WORK_MAX_WAIT_MS;
    *r = (dz_request){.kind = work->kind,
                      .namespace_ = work->namespace_,
                      .name = work->name,
                      .request_id = work->request_id,
                      .points = work->points,
                      .point_count = work->point_count,
                      .work = work,
                      .done = answered,
                      .service = service,
                      .begun_ns = dz_service_clock_ns(),
                      .wait_until_ms = dz_loop_wall_ms() + wait};
    status = dz_service_check_points(r, &err);
    if (!status)
        status = dz_requests_post(&service->requests, service->loop->mailbox, r, &err);
    if (status) {
        free(r);
        work->done(work, status, &err);
    }
}

/* ---- the owner's thread */

void dz_service_take_work(dz_service *service, dz_request *request)
{
    dozan_error why = {0};
    dozan_status status = DOZAN_OK;
    bool at_once = false; /* there is nothing to commit, or it is answered later */
    bool waits = false;
    switch (request->kind) {
    case DZ_REQUEST_TAKE:
        status = take(service, request, &waits, &why);
        break;
    case DZ_REQUEST_RENEW:
        status = renew(service, request, &at_once, &why);
        break;
    case DZ_REQUEST_REPORT:
        status = report(service, request, &at_once, &why);
        break;
    case DZ_REQUEST_FINISH:
        status = finish(service, request, &at_once, &why);
        break;
    case DZ_REQUEST_SUBMIT:
    case DZ_REQUEST_REPLACE:
    case DZ_REQUEST_DELETE:
    case DZ_REQUEST_CONTROL:
    case DZ_REQUEST_FORGET:
    case DZ_REQUEST_KINDS:
        status = dozan_error_set(&why, DOZAN_INTERNAL, NULL, "that is no request of a worker");
        break;
    }
    if (waits)
        return;
    if (status || at_once)
        dz_requests_answer(&service->requests, request, status, &why);
    else
        dz_service_wait_for_commit(service, request);
}

void dz_service_match(dz_service *service)
{
    int64_t now = dz_loop_wall_ms();
    dz_takers *queue = NULL, *next = NULL;
    HASH_ITER(hh, service->takers, queue, next)
    {
        serve_queue(service, queue, now);
        if (!queue->head) {
            HASH_DEL(service->takers, queue); /* NOLINT: the analyzer loses track in uthash */
            free(queue);
        }
    }
}

void dz_service_begin_lease(dz_service *service, const dz_request *request)
{
    const dz_actor *actor = request->actor;
    if (request->kind != DZ_REQUEST_TAKE || !actor || actor->fault.code)
        return;
    const dz_trial *trial = dz_experiment_find_active(actor->experiment, request->work->number);
    if (trial && trial->attempt == request->work->taken_attempt)
        dz_jobs_lease(service->loop->jobs, actor->experiment, trial);
}

void dz_service_refuse_takers(dz_service *service, const dozan_error *why)
{
    dz_takers *queue = NULL, *next = NULL;
    HASH_ITER(hh, service->takers, queue, next)
    {
        while (queue->head) {
            dz_request *r = queue->head;
            queue->head = r->next;
            dz_requests_answer(&service->requests, r, why->code, why);
        }
        HASH_DEL(service->takers, queue); /* NOLINT: likewise */
        free(queue);
    }
}

/* ---- asking */

/* Into the queue, which the turn looks at before its commit. */
static dozan_status take(dz_service *service, dz_request *r, bool *waits, dozan_error *err)
{
    int64_t id = 0;
    dozan_status status = dz_store_find(service->store, r->namespace_, r->name, &id, err);
    if (!status && !id)
        status = dozan_error_set(err, DOZAN_NOT_FOUND, NULL,
                                 "there is no experiment \"%s\" in namespace %s", r->name,
                                 r->namespace_);
    const dz_actor *actor = status ? NULL : dz_actor_find(service->loop, id);
    if (actor && actor->experiment->spec->lease_ms == 0)
        status =
            dozan_error_set(err, DOZAN_FAILED_PRECONDITION, NULL,
                            "experiment %s runs its trials itself: one whose trials are run by "
                            "workers has spec.leases in place of spec.trialTemplate",
                            r->name);
    if (!status)
        status = enqueue(service, r, id, err);
    *waits = status == DOZAN_OK;
    return status;
}

static dozan_status enqueue(dz_service *service, dz_request *r, int64_t experiment,
                            dozan_error *err)
{
    dz_takers *queue = NULL;
    HASH_FIND(hh, service->takers, &experiment, sizeof experiment, queue); /* NOLINT: likewise */
    if (!queue) {
        queue = calloc(1, sizeof *queue);
        if (!queue)
            return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
        queue->experiment = experiment;
        queue->first_due_ms = INT64_MAX;
        HASH_ADD(hh, service->takers, experiment, sizeof queue->experiment, queue); /* NOLINT */
    }
    if (queue->tail && queue->head)
        queue->tail->next = r;
    else
        queue->head = r;
    queue->tail = r;
    if (r->wait_until_ms < queue->first_due_ms)
        queue->first_due_ms = r->wait_until_ms;
    return DOZAN_OK;
}

static void serve_queue(dz_service *service, dz_takers *queue, int64_t now_ms)
{
    dz_actor *actor = dz_actor_find(service->loop, queue->experiment);
    if (actor)
        queue->told_state = false;
    else
        look_at_rest(service, queue);
    while (actor && queue->head) {
        dz_request *r = queue->head, *next = r->next;
        if (!serve_taker(service, actor, r))
            break;
        queue->head = next;
    }
    if (now_ms >= queue->first_due_ms)
        answer_due(service, queue, now_ms,
                   actor ? actor->experiment->state : DZ_EXPERIMENT_SUSPENDED);
}

/* The experiment is not held: it has ended, is gone, or is stopped, and may go on one day. */
static void look_at_rest(dz_service *service, dz_takers *queue)
{
    dozan_error why = {0};
    dz_experiment *experiment = NULL;
    if (queue->told_state)
        return;
    dozan_status status = dz_store_load_id(service->store, queue->experiment, &experiment, &why);
    queue->told_state = status == DOZAN_OK && !dz_experiment_state_ended(experiment->state);
    while (queue->head && !queue->told_state) {
        dz_request *r = queue->head;
        queue->head = r->next;
        if (status)
            dz_requests_answer(&service->requests, r, status, &why);
        else
            answer_none(service, r, experiment->state);
    }
    dz_experiment_destroy(experiment);
}

static void answer_due(dz_service *service, dz_takers *queue, int64_t now_ms,
                       dz_experiment_state state)
{
    dz_request **link = &queue->head;
    queue->first_due_ms = INT64_MAX;
    while (*link) {
        dz_request *r = *link;
        if (r->wait_until_ms <= now_ms) {
            *link = r->next;
            answer_none(service, r, state);
            continue;
        }
        if (r->wait_until_ms < queue->first_due_ms)
            queue->first_due_ms = r->wait_until_ms;
        queue->tail = r;
        link = &r->next;
    }
}

/* False: it has to wait on. Otherwise the request has gone its way. */
static bool serve_taker(dz_service *service, dz_actor *actor, dz_request *r)
{
    dozan_error why = {0};
    const dz_experiment *e = actor->experiment;
    if (dz_experiment_state_ended(e->state)) {
        answer_none(service, r, e->state);
        return true;
    }
    dz_trial *trial = first_offered(e);
    if (!trial)
        return false;
    dozan_status status = give(actor, trial, r, &why);
    if (status)
        dz_requests_answer(&service->requests, r, status, &why);
    else
        dz_service_wait_for_commit(service, r);
    return true;
}

static dz_trial *first_offered(const dz_experiment *experiment)
{
    if (experiment->state_counts[DZ_TRIAL_STARTING] == 0 || experiment->spec->lease_ms == 0)
        return NULL;
    for (size_t i = 0; i < experiment->active_count; i++)
        if (experiment->active[i]->state == DZ_TRIAL_STARTING)
            return experiment->active[i];
    return NULL;
}

static dozan_status give(dz_actor *actor, dz_trial *trial, dz_request *r, dozan_error *err)
{
    dz_work *work = r->work;
    dozan_status status = copy_assignments(trial, work, err);
    dz_event event = {
        .kind = DZ_EVENT_TRIAL_STARTED,
        .u.trial = {.trial = trial->number, .attempt = trial->attempt, .worker = work->worker}};
    if (!status)
        status = dz_actor_step(actor, &event, err);
    if (status)
        return status;
    (void)snprintf(work->trial, sizeof work->trial, "%s", trial->name);
    work->number = trial->number;
    work->taken_attempt = trial->attempt;
    work->lease_ms = actor->experiment->spec->lease_ms;
    work->go_on = true;
    work->state = dz_experiment_state_name(actor->experiment->state);
    r->actor = actor;
    return DOZAN_OK;
}

static dozan_status copy_assignments(const dz_trial *trial, dz_work *work, dozan_error *err)
{
    cJSON *made = cJSON_CreateObject();
    bool whole = made != NULL;
    for (size_t i = 0; whole && i < trial->assignment_count; i++)
        whole = cJSON_AddStringToObject(made, trial->assignments[i].name,
                                        trial->assignments[i].value) != NULL;
    if (!whole) {
        cJSON_Delete(made);
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    }
    work->assignments = made;
    return DOZAN_OK;
}

static void answer_none(dz_service *service, dz_request *r, dz_experiment_state state)
{
    r->work->go_on = !dz_experiment_state_ended(state);
    r->work->state = dz_experiment_state_name(state);
    dz_requests_answer(&service->requests, r, DOZAN_OK, NULL);
}

/* ---- renewing, reporting and finishing */

static dozan_status renew(dz_service *service, dz_request *r, bool *at_once, dozan_error *err)
{
    claimed found = {0};
    dozan_status status = find_claim(service, r, &found, err);
    *at_once = true;
    if (!status && found.claim == CLAIM_HELD)
        status = dz_jobs_renew(service->loop->jobs, r->actor->experiment, found.trial, err);
    if (!status)
        tell_of(r->work, found.is, found.claim == CLAIM_HELD);
    dz_trial_destroy(found.stored);
    return status;
}

static dozan_status report(dz_service *service, dz_request *r, bool *at_once, dozan_error *err)
{
    claimed found = {0};
    bool counted = false;
    dozan_error over_already = {0};
    dozan_status status = find_claim(service, r, &found, err);
    dz_turn_report once = {found.experiment, found.number, r->work->attempt, r->request_id};
    if (!status)
        status = dz_service_counted(service, &once, &counted, err);
    if (!status && counted)
        r->reported.repeated = (int64_t)r->point_count;
    else if (!status && found.claim == CLAIM_HELD)
        status = dz_service_append(service, r, found.trial, err);
    if (!status && found.claim == CLAIM_HELD)
        (void)!dz_jobs_renew(service->loop->jobs, r->actor->experiment, found.trial, &over_already);
    if (!status)
        tell_of(r->work, found.is, found.claim == CLAIM_HELD);
    *at_once = counted || found.claim != CLAIM_HELD;
    dz_trial_destroy(found.stored);
    return status;
}

/* Told twice, it ends once: the worker asks again because the answer was lost. */
static dozan_status finish(dz_service *service, dz_request *r, bool *at_once, dozan_error *err)
{
    claimed found = {0};
    bool counted = false;
    dozan_status status = find_claim(service, r, &found, err);
    dz_turn_report once = {found.experiment, found.number, r->work->attempt, r->request_id};
    *at_once = found.claim != CLAIM_HELD;
    if (!status)
        status = dz_service_counted(service, &once, &counted, err);
    if (!status && counted)
        r->reported.repeated = (int64_t)r->point_count;
    else if (!status && found.claim == CLAIM_HELD && r->point_count > 0)
        status = dz_service_append(service, r, found.trial, err);
    if (!status && found.claim == CLAIM_HELD)
        status = end_trial(service, r, found.trial, err);
    else if (!status)
        tell_of(r->work, found.is, false);
    dz_trial_destroy(found.stored);
    return status;
}

static dozan_status end_trial(dz_service *service, dz_request *r, dz_trial *trial, dozan_error *err)
{
    const dz_work *work = r->work;
    const char *why = work->message && *work->message ? work->message : NULL;
    dz_experiment *e = r->actor->experiment;
    int64_t number = trial->number;
    size_t ended = r->actor->changes.ended_count;
    dz_end end = {.kind = DZ_END_EXITED, .message = why};
    if (work->outcome == DZ_OUTCOME_FAILED)
        end.code = CODE_FAILED;
    if (work->outcome == DZ_OUTCOME_RELEASED)
        end = (dz_end){.kind = DZ_END_LOST, .message = why ? why : "its worker gave it back"};
    dz_jobs_forget(service->loop->jobs, e, trial);
    dz_event event = {.kind = DZ_EVENT_TRIAL_ENDED,
                      .u.trial = {.trial = number, .attempt = trial->attempt, .end = &end}};
    dozan_status status = dz_actor_step(r->actor, &event, err);
    if (status)
        return status;
    const dz_trial *is = dz_experiment_find_active(e, number);
    if (!is && r->actor->changes.ended_count > ended)
        is = r->actor->changes.ended[ended];
    tell_of(r->work, is, false);
    return DOZAN_OK;
}

/* Whose attempt it is. ABORTED: another one's. */
static dozan_status find_claim(dz_service *service, dz_request *r, claimed *found, dozan_error *err)
{
    dozan_status status = dz_store_find_trial(service->store, r->namespace_, r->name,
                                              &found->experiment, &found->number, err);
    if (!status && !found->experiment)
        status = dozan_error_set(err, DOZAN_NOT_FOUND, NULL, "there is no trial \"%s\"", r->name);
    if (status)
        return status;
    r->actor = dz_actor_find(service->loop, found->experiment);
    dz_trial *trial =
        r->actor ? dz_experiment_find_active(r->actor->experiment, found->number) : NULL;
    if (!trial)
        return find_ended(service, r, found, err);
    if (r->actor->experiment->spec->lease_ms == 0)
        return dozan_error_set(err, DOZAN_FAILED_PRECONDITION, NULL,
                               "no worker runs trial %s: its experiment has no spec.leases",
                               r->name);
    found->is = trial;
    found->trial = trial;
    found->claim = CLAIM_STALE;
    if (trial->attempt == r->work->attempt && trial->state == DZ_TRIAL_RUNNING)
        found->claim = CLAIM_HELD;
    else if (trial->attempt == r->work->attempt && trial->state == DZ_TRIAL_STOPPING)
        found->claim = CLAIM_OVER;
    return found->claim == CLAIM_STALE ? stale(r, found, err) : DOZAN_OK;
}

static dozan_status find_ended(dz_service *service, dz_request *r, claimed *found, dozan_error *err)
{
    dz_experiment *experiment = NULL;
    dozan_status status = DOZAN_OK;
    for (size_t i = 0; r->actor && i < r->actor->changes.ended_count; i++)
        if (r->actor->changes.ended[i]->number == found->number)
            found->is = r->actor->changes.ended[i];
    if (!found->is) {
        status = dz_store_trial_in(service->store, r->namespace_, r->name, &experiment,
                                   &found->stored, err);
        found->is = found->stored;
    }
    dz_experiment_destroy(experiment);
    if (status)
        return status;
    found->claim = found->is->attempt == r->work->attempt && dz_trial_state_ended(found->is->state)
                       ? CLAIM_OVER
                       : CLAIM_STALE;
    if (found->claim == CLAIM_OVER)
        return DOZAN_OK;
    status = stale(r, found, err);
    dz_trial_destroy(found->stored);
    found->stored = NULL;
    return status;
}

static dozan_status stale(const dz_request *r, const claimed *found, dozan_error *err)
{
    int32_t given = r->work->attempt, now = found->is->attempt;
    if (given < now)
        return dozan_error_set(err, DOZAN_ABORTED, "attempt",
                               "attempt %d of trial %s was followed by attempt %d: drop it",
                               (int)given, r->name, (int)now);
    if (given > now)
        return dozan_error_set(err, DOZAN_ABORTED, "attempt",
                               "trial %s has had %d attempts, and not attempt %d: say the one that "
                               "the ask gave",
                               r->name, (int)now, (int)given);
    return dozan_error_set(err, DOZAN_ABORTED, "attempt",
                           "nobody holds attempt %d of trial %s: it was not given out yet, or was "
                           "taken back (%s): drop it",
                           (int)given, r->name, found->is->reason);
}

static void tell_of(dz_work *work, const dz_trial *trial, bool go_on)
{
    work->go_on = go_on;
    if (!trial)
        return;
    work->state = dz_trial_state_name(trial->state);
    work->number = trial->number;
    work->taken_attempt = trial->attempt;
    (void)snprintf(work->trial, sizeof work->trial, "%s", trial->name);
    (void)snprintf(work->reason, sizeof work->reason, "%s", trial->reason);
    (void)snprintf(work->text, sizeof work->text, "%s", trial->message);
}

/* The request is over; a trial that was given out and not decided is not told of. */
static void answered(dz_request *request)
{
    dz_work *work = request->work;
    dozan_status status = request->status;
    dozan_error err = request->error;
    work->reported = request->reported;
    dz_service_timed(request->service, request->kind, request->begun_ns, status);
    free(request);
    if (status) {
        cJSON_Delete(work->assignments);
        work->assignments = NULL;
    }
    work->done(work, status, &err);
}
