#include "loop/loop.h"

#include <stdlib.h>
#include <string.h>

enum { ASK_LIMIT_MS = 60000 };

static void take_told(dz_actor *actor, const dz_teller *teller, dz_told told,
                      const dz_message *message, const char *reason, const dozan_error *why);
static void request_failed(dz_actor *actor, const dz_teller *teller, const char *reason,
                           const dozan_error *why);
static void step(dz_actor *actor, const dz_event *event);

dozan_status dz_actor_create(dz_loop *loop, dz_experiment *experiment, bool owned, dz_actor **actor,
                             dozan_error *err)
{
    uint32_t given = loop->config->plugin_timeout_ms, timeout = given ? given : ASK_LIMIT_MS;
    dozan_status status = DOZAN_OK;
    dz_actor *made = calloc(1, sizeof *made);
    if (!made || dz_ticks_reserve(&loop->ticks, HASH_COUNT(loop->actors) + loop->ticks.count + 2)) {
        status = dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
        goto done;
    }
    made->loop = loop;
    made->tick = (dz_tick){.due_ms = INT64_MAX, .owner = made};
    experiment->fault_limit = loop->config->plugin_faults;
    status = dz_teller_create(DOZAN_KIND_SEARCH, experiment, loop->store, loop->plugins,
                              loop->mailbox, timeout, &made->search, err);
    if (!status && experiment->spec->early_stopping)
        status = dz_teller_create(DOZAN_KIND_EARLY_STOPPING, experiment, loop->store, loop->plugins,
                                  loop->mailbox, timeout, &made->stopper, err);
    if (status)
        goto done;
    made->experiment = experiment;
    made->owned = owned;
    *actor = made;
    made = NULL;
    experiment = NULL;
done:
    dz_actor_destroy(made);
    if (experiment && owned)
        dz_experiment_destroy(experiment);
    return status;
}

void dz_actor_destroy(dz_actor *actor)
{
    if (!actor)
        return;
    if (actor->experiment) {
        dz_share_leave(actor);
        dz_ticks_set(&actor->loop->ticks, &actor->tick, INT64_MAX);
        if (actor->id)
            HASH_DEL(actor->loop->actors, actor); /* NOLINT: the analyzer loses track in uthash */
    }
    dz_actor_stored(actor);
    dz_changes_clear(&actor->changes);
    dz_teller_destroy(actor->search);
    dz_teller_destroy(actor->stopper);
    if (actor->owned)
        dz_experiment_destroy(actor->experiment);
    free(actor);
}

void dz_actor_stored(dz_actor *actor)
{
    free(actor->source);
    free(actor->replaced);
    actor->source = NULL;
    actor->replaced = NULL;
}

dz_source *dz_source_copy(const dz_source *source)
{
    size_t name_size = strlen(source->name) + 1;
    dz_source *copy = malloc(sizeof *copy + name_size + source->size + 1);
    if (!copy)
        return NULL;
    char *name = (char *)(copy + 1), *text = name + name_size;
    memcpy(name, source->name, name_size);
    if (source->size)
        memcpy(text, source->text, source->size);
    text[source->size] = '\0';
    *copy = (dz_source){name, text, source->size};
    return copy;
}

dz_actor *dz_actor_find(dz_loop *loop, int64_t id)
{
    dz_actor *found = NULL;
    HASH_FIND(hh, loop->actors, &id, sizeof id, found); /* NOLINT: likewise */
    return found;
}

void dz_actor_enlist(dz_actor *actor)
{
    actor->id = actor->experiment->id;
    HASH_ADD(hh, actor->loop->actors, id, sizeof actor->id, actor); /* NOLINT: likewise */
}

void dz_actor_touch(dz_actor *actor)
{
    if (actor->touched)
        return;
    actor->touched = true;
    actor->next_touched = actor->loop->touched;
    actor->loop->touched = actor;
}

dozan_status dz_actor_step(dz_actor *actor, const dz_event *event, dozan_error *err)
{
    dozan_error why = {0};
    if (actor->fault.code) {
        if (err)
            *err = actor->fault;
        return actor->fault.code;
    }
    dz_actor_touch(actor);
    dz_share_before(actor);
    dozan_status status = dz_step(actor->experiment, &actor->loop->slots, event, dz_loop_wall_ms(),
                                  &actor->changes, &why);
    dz_share_after(actor);
    if (status && status != DOZAN_FAILED_PRECONDITION) {
        actor->fault = why;
        actor->fault.code = status;
    }
    if (status && err)
        *err = why;
    return status;
}

void dz_actor_take(dz_actor *actor, dz_message *message)
{
    dz_event event = {.u.trial = {.trial = message->job.trial, .attempt = message->job.attempt}};
    const char *reason = NULL;
    dozan_error why = {0};
    dz_teller *teller = message->kind == DZ_MESSAGE_ASK_REPLY ? actor->search : actor->stopper;
    switch (message->kind) {
    case DZ_MESSAGE_TRIAL_STARTED:
        event.kind = DZ_EVENT_TRIAL_STARTED;
        step(actor, &event);
        return;
    case DZ_MESSAGE_TRIAL_REPORTED:
        event.kind = DZ_EVENT_TRIAL_REPORTED;
        event.u.trial.points = message->points;
        event.u.trial.point_count = message->point_count;
        step(actor, &event);
        return;
    case DZ_MESSAGE_TRIAL_ENDED:
        event.kind = DZ_EVENT_TRIAL_ENDED;
        event.u.trial.end = &message->end;
        event.u.trial.complaint = message->complaint;
        step(actor, &event);
        return;
    case DZ_MESSAGE_ASK_REPLY:
    case DZ_MESSAGE_JUDGE_REPLY: {
        if (!teller)
            return;
        dz_told told = dz_teller_reply(teller, message, &reason, &why);
        take_told(actor, teller, told, message, reason, &why);
        return;
    }
    case DZ_MESSAGE_PLUGIN_READY:
    case DZ_MESSAGE_PLUGIN_EXITED:
        return;
    }
}

void dz_actor_plugin(dz_actor *actor, dz_message *message)
{
    dz_teller *tellers[] = {actor->search, actor->stopper};
    for (size_t i = 0; i < 2; i++) {
        dz_teller *t = tellers[i];
        if (!t || dz_teller_plugin(t) != message->plugin)
            continue;
        const char *reason = NULL;
        dozan_error why = {0};
        dz_told told = message->kind == DZ_MESSAGE_PLUGIN_READY
                           ? dz_teller_ready(t, &reason, &why)
                           : dz_teller_exited(t, message, &reason, &why);
        take_told(actor, t, told, message, reason, &why);
    }
}

/* An effect that fails at once becomes an event of the next turn. */
void dz_actor_perform(dz_actor *actor, const dz_effect *effect)
{
    dz_loop *loop = actor->loop;
    dozan_error why = {0};
    dz_trial *trial = NULL;
    switch (effect->kind) {
    case DZ_EFFECT_ASK:
        if (dz_teller_ask(actor->search, effect->trial, effect->count, &why))
            request_failed(actor, actor->search, "PluginUnavailable", &why);
        break;
    case DZ_EFFECT_JUDGE:
        if (actor->stopper &&
            dz_teller_judge(actor->stopper, effect->trials, effect->trial_count, &why))
            request_failed(actor, actor->stopper, "PluginUnavailable", &why);
        break;
    case DZ_EFFECT_START:
    case DZ_EFFECT_ADOPT:
    case DZ_EFFECT_STOP:
        trial = dz_experiment_find_active(actor->experiment, effect->trial);
        if (!trial || trial->attempt != effect->attempt)
            break;
        if (effect->kind == DZ_EFFECT_STOP)
            dz_jobs_stop(loop->jobs, actor->experiment, trial);
        else
            dz_jobs_start(loop->jobs, actor->experiment, trial, effect->kind == DZ_EFFECT_ADOPT);
        break;
    case DZ_EFFECT_RESTART_PLUGIN:
        dz_teller_restart_plugin(actor->search);
        break;
    case DZ_EFFECT_RELEASE:
        dz_teller_release(actor->search);
        if (actor->stopper)
            dz_teller_release(actor->stopper);
        break;
    }
}

/* ---- helpers */

static void take_told(dz_actor *actor, const dz_teller *teller, dz_told told,
                      const dz_message *message, const char *reason, const dozan_error *why)
{
    dz_event event = {0};
    switch (told) {
    case DZ_TOLD_NOTHING:
        return;
    case DZ_TOLD_FAILURE:
        request_failed(actor, teller, reason, why);
        return;
    case DZ_TOLD_ANSWER:
        break;
    }
    if (teller == actor->search) {
        event.kind = DZ_EVENT_SUGGESTED;
        event.u.suggested = message->ask;
    } else {
        event.kind = DZ_EVENT_JUDGED;
        event.u.judged = message->judge;
    }
    step(actor, &event);
}

static void request_failed(dz_actor *actor, const dz_teller *teller, const char *reason,
                           const dozan_error *why)
{
    dz_event event = {.kind = teller == actor->search ? DZ_EVENT_ASK_FAILED : DZ_EVENT_JUDGE_FAILED,
                      .u.failed = {reason, why->message}};
    step(actor, &event);
}

/* What goes wrong is in the actor's fault. */
static void step(dz_actor *actor, const dz_event *event)
{
    dozan_error ignored = {0};
    (void)!dz_actor_step(actor, event, &ignored);
}
