/*
 * What becomes of requests, on the owner's thread. One that is refused is answered at once; one
 * that is taken waits for the turn's commit.
 */
#include "loop/service_parts.h"

#include "loop/warm_start.h"
#include "store/changes.h"
#include <dozan/space.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static dozan_status take_submit(dz_service *service, dz_request *r, dozan_error *err);
static dozan_status take_replace(dz_service *service, dz_request *r, dozan_error *err);
static dozan_status take_delete(dz_service *service, dz_request *r, dozan_error *err);
static dozan_status take_control(dz_service *service, dz_request *r, dozan_error *err);
static dozan_status retry_trial(dz_service *service, dz_request *r, dozan_error *err);
static dozan_status resume(dz_actor *actor, dozan_error *err);
static dozan_status kill_trial(dz_actor *actor, int64_t number, dozan_error *err);
static dozan_status find_actor(dz_service *service, dz_request *r, dozan_error *err);
static dozan_status check_new(dz_service *service, const dz_experiment_spec *spec,
                              dozan_error *err);
static dozan_status already_exists(const dz_experiment_spec *spec, dozan_error *err);
static void take_command(dz_service *service, const dz_store_command *command);

void dz_service_take(dz_service *service, dz_request *request)
{
    dozan_error why = {0};
    dozan_status status = DOZAN_OK;
    if (request->work) {
        dz_service_take_work(service, request);
        return;
    }
    switch (request->kind) {
    case DZ_REQUEST_SUBMIT:
        status = take_submit(service, request, &why);
        break;
    case DZ_REQUEST_REPLACE:
        status = take_replace(service, request, &why);
        break;
    case DZ_REQUEST_DELETE:
        status = take_delete(service, request, &why);
        if (!status)
            return; /* answered when it is gone */
        break;
    case DZ_REQUEST_CONTROL:
        status = take_control(service, request, &why);
        break;
    case DZ_REQUEST_REPORT:
        status = dz_service_take_report(service, request, &why);
        break;
    case DZ_REQUEST_FORGET:
        status = dz_service_take_forget(service, request, &why);
        break;
    case DZ_REQUEST_TAKE:
    case DZ_REQUEST_RENEW:
    case DZ_REQUEST_FINISH:
    case DZ_REQUEST_KINDS:
        status = dozan_error_set(&why, DOZAN_INTERNAL, NULL, "there is no such request");
        break;
    }
    if (status)
        dz_requests_answer(&service->requests, request, status, &why);
    else
        dz_service_wait_for_commit(service, request);
}

void dz_service_refuse_all(dz_service *service, const dozan_error *why)
{
    dozan_status code = why->code ? why->code : DOZAN_UNAVAILABLE;
    dz_request *lists[] = {service->committing, dz_requests_take(&service->requests, SIZE_MAX)};
    service->committing = NULL;
    for (size_t i = 0; i < 2; i++) {
        for (dz_request *r = lists[i], *next; r; r = next) {
            next = r->next;
            if (i == 0)
                dz_service_begin_lease(service, r); /* its worker does not know: it runs out */
            if (i == 1) { /* not looked at yet: what it brought is nobody's */
                dz_experiment_destroy(r->experiment);
                dz_spec_destroy(r->spec);
            }
            dz_requests_answer(&service->requests, r, code, why);
        }
    }
}

void dz_service_answer_deletes(dz_service *service, dz_actor *actor, dozan_status status,
                               const dozan_error *err)
{
    dz_request *r = actor->deletes;
    actor->deletes = NULL;
    while (r) {
        dz_request *next = r->next;
        r->experiment_id = actor->id;
        dz_requests_answer(&service->requests, r, status, err);
        r = next;
    }
}

/* What `dozan stop`, `resume`, `delete` leave in the database for its owner. */
void dz_service_take_commands(dz_service *service)
{
    for (;;) {
        bool found = false;
        dz_store_command command = {0};
        dozan_error why = {0};
        if (dz_store_next(service->store, &found, &command, &why) || !found)
            return; /* a busy database is asked again in a moment */
        take_command(service, &command);
        if (dz_loop_settle(service->loop, &why) || dz_store_done(service->store, command.id, &why))
            return;
    }
}

/* ---- helpers */

static dozan_status take_submit(dz_service *service, dz_request *r, dozan_error *err)
{
    dz_actor *actor = NULL;
    dz_experiment *experiment = r->experiment;
    r->experiment = NULL;
    dozan_status status = check_new(service, experiment->spec, err);
    if (status || r->dry_run) {
        dz_experiment_destroy(experiment);
        return status;
    }
    status = dz_actor_create(service->loop, experiment, true, &actor, err);
    if (status)
        return status;
    actor->source = dz_source_copy(&r->source);
    if (!actor->source)
        status = dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    if (!status)
        status = dz_warm_start_collect(service->store, experiment, dz_loop_wall_ms(),
                                       &actor->changes, err);
    if (status) {
        dz_actor_destroy(actor);
        return status;
    }
    r->actor = actor;
    (void)!dz_actor_step(actor, &(dz_event){.kind = DZ_EVENT_OPEN}, err);
    return DOZAN_OK; /* what went wrong is in the actor's fault, and answered from there */
}

static dozan_status check_new(dz_service *service, const dz_experiment_spec *spec, dozan_error *err)
{
    int64_t id = 0;
    dozan_status status = dz_store_find(service->store, spec->namespace_, spec->name, &id, err);
    if (status)
        return status;
    if (id)
        return already_exists(spec, err);
    for (const dz_actor *a = service->loop->touched; a; a = a->next_touched)
        if (!a->id && strcmp(a->experiment->spec->name, spec->name) == 0 &&
            strcmp(a->experiment->spec->namespace_, spec->namespace_) == 0)
            return already_exists(spec, err);
    return dz_warm_start_check(service->store, spec, err);
}

static dozan_status already_exists(const dz_experiment_spec *spec, dozan_error *err)
{
    return dozan_error_set(err, DOZAN_ALREADY_EXISTS, "metadata.name",
                           "there is an experiment \"%s\" in namespace %s already; delete it, or "
                           "choose another name",
                           spec->name, spec->namespace_);
}

static dozan_status take_replace(dz_service *service, dz_request *r, dozan_error *err)
{
    dz_experiment_spec *next = r->spec;
    r->spec = NULL;
    dozan_status status = find_actor(service, r, err);
    if (status)
        goto refused;
    dz_experiment *e = r->actor->experiment;
    if (r->actor->deleting) {
        status = dozan_error_set(err, DOZAN_FAILED_PRECONDITION, NULL, "it is being deleted");
        goto refused;
    }
    if (r->expected_version && r->expected_version != e->version) {
        status = dozan_error_set(err, DOZAN_ABORTED, "metadata.resourceVersion",
                                 "the experiment has been changed since version %lld, it is at "
                                 "%lld: read it again, and make the change in that",
                                 (long long)r->expected_version, (long long)e->version);
        goto refused;
    }
    status = dz_spec_check_update(e->spec, next, err);
    if (status == DOZAN_FAILED_PRECONDITION) {
        status = DOZAN_INVALID_ARGUMENT;
        if (err)
            err->code = status;
    }
    if (status || r->dry_run)
        goto refused;
    bool same = dz_spec_same_budget(e->spec, next), open = e->open;
    dz_source *source = dz_source_copy(&r->source);
    if (!source) {
        status = dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
        goto refused;
    }
    dz_event event = {.kind = same ? DZ_EVENT_METADATA : DZ_EVENT_BUDGET, .u.budget = next};
    status = dz_actor_step(r->actor, &event, err); /* takes it in any case */
    if (status) {
        free(source);
        return status;
    }
    free(r->actor->replaced);
    r->actor->replaced = source;
    if (!open && !dz_experiment_at_rest(e)) /* it was at rest, and goes on now */
        (void)!dz_actor_step(r->actor, &(dz_event){.kind = DZ_EVENT_OPEN}, err);
    return DOZAN_OK;
refused:
    dz_spec_destroy(next);
    return status;
}

/* Its trials are ended first. */
static dozan_status take_delete(dz_service *service, dz_request *r, dozan_error *err)
{
    dozan_status status = find_actor(service, r, err);
    if (status)
        return status;
    dz_actor *actor = r->actor;
    if (r->expected_uid && strcmp(r->expected_uid, actor->experiment->uid) != 0)
        return dozan_error_set(err, DOZAN_ABORTED, "preconditions.uid",
                               "the experiment has the uid %s, not %s: it is another one of that "
                               "name",
                               actor->experiment->uid, r->expected_uid);
    actor->deleting = true;
    dz_actor_touch(actor);
    r->next = actor->deletes;
    actor->deletes = r;
    service->loop->must_sync = true;
    dz_event event = {.kind = DZ_EVENT_SUSPEND, .u.suspend = {"Deleted"}};
    (void)!dz_actor_step(actor, &event, err); /* a fault answers it */
    return DOZAN_OK;
}

static dozan_status take_control(dz_service *service, dz_request *r, dozan_error *err)
{
    if (r->command == DZ_COMMAND_DELETE)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, NULL,
                               "a deletion is a request of its own");
    dozan_status status = find_actor(service, r, err);
    if (status)
        return status;
    dz_event stop = {.kind = DZ_EVENT_SUSPEND, .u.suspend = {"UserStopped"}};
    switch (r->command) {
    case DZ_COMMAND_STOP:
        return dz_actor_step(r->actor, &stop, err);
    case DZ_COMMAND_RESUME:
        return resume(r->actor, err);
    case DZ_COMMAND_KILL_TRIAL:
        return kill_trial(r->actor, r->trial, err);
    case DZ_COMMAND_RETRY_TRIAL:
        return retry_trial(service, r, err);
    case DZ_COMMAND_DELETE:
        break;
    }
    return DOZAN_OK;
}

static dozan_status resume(dz_actor *actor, dozan_error *err)
{
    const dz_experiment *e = actor->experiment;
    const dz_condition *last = &e->conditions[e->condition_count - 1];
    if (actor->deleting)
        return dozan_error_set(err, DOZAN_FAILED_PRECONDITION, NULL, "it is being deleted");
    if (dz_experiment_state_ended(e->state) && strcmp(last->reason, "SuggestionFailed") != 0)
        return dozan_error_set(err, DOZAN_FAILED_PRECONDITION, NULL,
                               "experiment %s has ended (%s): to go on, raise the limit that it "
                               "has reached",
                               e->spec->name, last->reason);
    dz_event event = {.kind = e->open ? DZ_EVENT_RESUME : DZ_EVENT_OPEN};
    return dz_actor_step(actor, &event, err);
}

static dozan_status kill_trial(dz_actor *actor, int64_t number, dozan_error *err)
{
    const dz_experiment *e = actor->experiment;
    if (number < 1 || number > e->trial_count)
        return dozan_error_set(err, DOZAN_NOT_FOUND, NULL,
                               "there is no trial %lld of experiment %s", (long long)number,
                               e->spec->name);
    if (!dz_experiment_find_active(e, number))
        return DOZAN_OK; /* it has ended already */
    if (!e->open)
        return dozan_error_set(err, DOZAN_FAILED_PRECONDITION, NULL,
                               "experiment %s is stopped: resume it, and then end the trial",
                               e->spec->name);
    return dz_actor_step(actor, &(dz_event){.kind = DZ_EVENT_KILL_TRIAL, .u.kill = number}, err);
}

static dozan_status retry_trial(dz_service *service, dz_request *r, dozan_error *err)
{
    dz_actor *actor = r->actor;
    dz_experiment *e = actor->experiment;
    dz_trial *stored = NULL;
    const dz_trial *trial = dz_experiment_find_active(e, r->trial);
    dozan_status status = DOZAN_OK;
    if (!e->open && !dz_experiment_state_ended(e->state))
        return dozan_error_set(err, DOZAN_FAILED_PRECONDITION, NULL,
                               "experiment %s is stopped: resume it, and then run the trial again",
                               e->spec->name);
    for (size_t i = 0; !trial && i < actor->changes.ended_count; i++)
        if (actor->changes.ended[i]->number == r->trial)
            trial = actor->changes.ended[i];
    if (!trial) {
        status = dz_store_trial_number(service->store, e, r->trial, &stored, err);
        trial = stored;
    }
    if (!status && !e->open)
        status = dozan_error_set(err, DOZAN_FAILED_PRECONDITION, NULL,
                                 "experiment %s has ended: raise the limit that it has reached, "
                                 "and then run the trial again",
                                 e->spec->name);
    dz_event event = {.kind = DZ_EVENT_RETRY_TRIAL, .u.retry = trial};
    if (!status)
        status = dz_actor_step(actor, &event, err);
    if (!status)
        r->new_trial = e->trial_count;
    dz_trial_destroy(stored);
    return status;
}

/* The experiment of that name, loaded where it was at rest. It is touched, so that the turn lets go
 * of it again unless it goes on. */
static dozan_status find_actor(dz_service *service, dz_request *r, dozan_error *err)
{
    int64_t id = 0;
    dz_experiment *experiment = NULL;
    dozan_status status = dz_store_find(service->store, r->namespace_, r->name, &id, err);
    if (!status && !id)
        status = dozan_error_set(err, DOZAN_NOT_FOUND, NULL,
                                 "there is no experiment \"%s\" in namespace %s", r->name,
                                 r->namespace_);
    if (status)
        return status;
    r->actor = dz_actor_find(service->loop, id);
    if (!r->actor) {
        status = dz_store_load_id(service->store, id, &experiment, err);
        if (!status)
            status = dz_actor_create(service->loop, experiment, true, &r->actor, err);
        if (status)
            return status;
        dz_actor_enlist(r->actor);
    }
    dz_actor_touch(r->actor);
    if (r->actor->fault.code && err)
        *err = r->actor->fault;
    return r->actor->fault.code;
}

void dz_service_wait_for_commit(dz_service *service, dz_request *request)
{
    request->next = service->committing;
    service->committing = request;
    service->loop->must_sync = true;
}

/* A request without a caller. Who left the command sees from the database what has become of it. */
static void take_command(dz_service *service, const dz_store_command *command)
{
    char namespace_[DZ_QUALIFIED_NAME] = "default";
    const char *slash = strchr(command->experiment, '/');
    if (slash)
        (void)snprintf(namespace_, sizeof namespace_, "%.*s", (int)(slash - command->experiment),
                       command->experiment);
    dozan_error ignored = {0};
    dz_request r = {.kind = DZ_REQUEST_CONTROL,
                    .namespace_ = namespace_,
                    .name = slash ? slash + 1 : command->experiment,
                    .command = command->kind,
                    .trial = command->trial};
    if (command->kind != DZ_COMMAND_DELETE) {
        (void)!take_control(service, &r, &ignored);
    } else if (take_delete(service, &r, &ignored) == DOZAN_OK) {
        r.actor->deletes = r.next; /* nobody waits here */
    }
}
