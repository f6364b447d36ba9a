/*
 * One turn: take what is in the mailbox, step the core for each message, commit, carry the effects
 * out. Nothing is done for an experiment before the commit that decided it; what a crash cuts off
 * is derived again from the stored state.
 *
 * All experiments of a turn share one transaction. While the store cannot be written (a full disk),
 * nothing new is taken and nothing is acted on; running trials go on, and the same commit is tried
 * again.
 */
#include "loop/loop.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { TURN_MESSAGES = 256 }; /* at most in one transaction */

static void forget_reports(dz_loop *loop);
static void take_messages(dz_loop *loop);
static void take_plugin_message(dz_loop *loop, dz_message *message);
static void take_ticks(dz_loop *loop);
static bool something_to_write(const dz_loop *loop);
static dozan_status commit(dz_loop *loop, dozan_error *err);
static dozan_status write_all(dz_loop *loop, dozan_error *err);
static dozan_status write_actor(dz_loop *loop, dz_actor *actor, dozan_error *err);
static bool must_sync(const dz_loop *loop);
static void take_back(dz_loop *loop);
static void act(dz_loop *loop);
static void perform(dz_actor *actor);
static int64_t monotonic_ns(void);

dozan_status dz_loop_prepare(dz_loop *loop, dozan_error *err)
{
    dz_capacity capacity = {0};
    if (loop->jobs)
        return DOZAN_OK;
    dozan_status status = dz_jobs_create(loop->config, loop->mailbox, &loop->jobs, err);
    if (!status)
        status = dz_jobs_capacity(loop->jobs, &capacity, err);
    if (!status)
        dz_slots_init(&loop->slots, capacity.cpu_milli, capacity.gpus);
    return status;
}

dozan_status dz_loop_turn(dz_loop *loop, dozan_error *err)
{
    if (loop->stalled) {
        dozan_status status = dz_loop_settle(loop, err);
        if (status)
            return status;
    }
    loop->counts.turns++;
    if (loop->hooks.take)
        loop->hooks.take(loop->hooks.user);
    take_messages(loop);
    take_ticks(loop);
    dz_share_out(loop);
    if (loop->hooks.match)
        loop->hooks.match(loop->hooks.user);
    return dz_loop_settle(loop, err);
}

dozan_status dz_loop_settle(dz_loop *loop, dozan_error *err)
{
    dozan_error why = {0};
    int64_t begun = monotonic_ns();
    bool wrote = something_to_write(loop);
    dozan_status status = wrote ? commit(loop, &why) : DOZAN_OK;
    loop->stalled = status != DOZAN_OK;
    if (status) {
        if (loop->hooks.stalled)
            loop->hooks.stalled(loop->hooks.user, &why);
        if (err)
            *err = why;
        return status;
    }
    loop->stall_told = false;
    loop->must_sync = false;
    forget_reports(loop);
    if (loop->hooks.committed)
        loop->hooks.committed(loop->hooks.user, wrote ? monotonic_ns() - begun : -1);
    act(loop);
    return DOZAN_OK;
}

void dz_loop_wait(dz_loop *loop, int64_t limit_ms)
{
    const dz_tick *first = dz_ticks_first(&loop->ticks);
    int64_t now = dz_loop_wall_ms(), wait = limit_ms;
    if (first && first->due_ms < now + wait)
        wait = first->due_ms > now ? first->due_ms - now : 0;
    if (dz_loop_unsettled(loop) && !loop->stalled)
        wait = 0; /* an effect that failed at once has changed something already */
    dz_mailbox_wait(loop->mailbox, wait);
}

bool dz_loop_unsettled(const dz_loop *loop)
{
    return loop->touched != NULL;
}

int64_t dz_loop_wall_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void forget_reports(dz_loop *loop)
{
    for (size_t i = 0; i < loop->report_count; i++)
        free((void *)(uintptr_t)loop->reports[i].request);
    loop->report_count = 0;
}

/* ---- what has come */

static void take_messages(dz_loop *loop)
{
    dz_message *message = dz_mailbox_take(loop->mailbox, TURN_MESSAGES);
    while (message) {
        dz_message *next = message->next;
        if (message->kind == DZ_MESSAGE_PLUGIN_READY || message->kind == DZ_MESSAGE_PLUGIN_EXITED) {
            take_plugin_message(loop, message);
        } else {
            dz_actor *actor = dz_actor_find(loop, message->job.experiment);
            if (actor)
                dz_actor_take(actor, message);
        }
        dz_message_destroy(message);
        message = next;
    }
}

static void take_plugin_message(dz_loop *loop, dz_message *message)
{
    dz_actor *actor = NULL, *next = NULL;
    if (!dz_plugins_take(loop->plugins, message))
        return;
    HASH_ITER(hh, loop->actors, actor, next)
    {
        dz_actor_plugin(actor, message);
    }
}

static void take_ticks(dz_loop *loop)
{
    dozan_error ignored = {0};
    int64_t now = dz_loop_wall_ms();
    const dz_tick *first = NULL;
    while ((first = dz_ticks_first(&loop->ticks)) && first->due_ms <= now) {
        dz_actor *actor = first->owner;
        dz_ticks_set(&loop->ticks, &actor->tick, INT64_MAX); /* set again after the commit */
        (void)!dz_actor_step(actor, &(dz_event){.kind = DZ_EVENT_TICK}, &ignored);
    }
}

/* ---- the commit */

static bool is_written(const dz_actor *actor)
{
    return !actor->fault.code &&
           (actor->deleting || dz_store_has_changes(actor->experiment, &actor->changes));
}

static bool something_to_write(const dz_loop *loop)
{
    for (const dz_actor *a = loop->touched; a; a = a->next_touched)
        if (is_written(a))
            return true;
    return loop->report_count > 0;
}

/* An experiment that is gone from under us, or whose rows are damaged, must not keep the others
 * from being written. */
static dozan_status commit(dz_loop *loop, dozan_error *err)
{
    for (;;) {
        dozan_status status = dz_store_begin(loop->store, must_sync(loop), err);
        if (!status)
            status = write_all(loop, err);
        status = dz_store_end(loop->store, status, err);
        if (!status)
            return DOZAN_OK;
        take_back(loop);
        bool one_fails = false;
        for (dz_actor *a = loop->touched; a && !one_fails; a = a->next_touched)
            one_fails = a->culprit;
        if (!one_fails || !loop->hooks.dropped)
            return status;
        for (dz_actor *a = loop->touched; a; a = a->next_touched) {
            if (a->culprit && err)
                a->fault = *err;
            a->culprit = false;
        }
    }
}

static bool must_sync(const dz_loop *loop)
{
    bool sync = loop->must_sync;
    for (const dz_actor *a = loop->touched; a && !sync; a = a->next_touched)
        sync = is_written(a) && (a->deleting || dz_store_must_sync(&a->changes));
    return sync;
}

static dozan_status write_all(dz_loop *loop, dozan_error *err)
{
    dozan_status status = DOZAN_OK;
    for (dz_actor *a = loop->touched; a && !status; a = a->next_touched) {
        if (!is_written(a))
            continue;
        status = write_actor(loop, a, err);
        a->culprit = status == DOZAN_NOT_FOUND || status == DOZAN_DATA_LOSS ||
                     status == DOZAN_INTERNAL || status == DOZAN_ALREADY_EXISTS;
    }
    for (size_t i = 0; !status && i < loop->report_count; i++) {
        const dz_turn_report *r = &loop->reports[i];
        status =
            dz_store_put_report(loop->store, r->experiment, r->trial, r->attempt, r->request, err);
    }
    return status;
}

static dozan_status write_actor(dz_loop *loop, dz_actor *actor, dozan_error *err)
{
    static const dz_changes none = {0};
    dz_experiment *e = actor->experiment;
    dozan_status status = DOZAN_OK;
    if (actor->source)
        status = dz_store_put_new(loop->store, e, actor->source, &none, err);
    if (!status && actor->replaced)
        dz_store_stage_source(loop->store, actor->replaced->name, actor->replaced->text,
                              actor->replaced->size);
    if (!status)
        status = dz_store_put(loop->store, e, &actor->changes, err);
    if (actor->replaced)
        dz_store_stage_source(loop->store, NULL, NULL, 0);
    if (!status && actor->deleting && dz_experiment_at_rest(e)) {
        status = dz_store_put_deleted(loop->store, e, err);
        actor->deleted = status == DOZAN_OK;
    }
    return status;
}

/* What a transaction that was rolled back had given out. */
static void take_back(dz_loop *loop)
{
    for (dz_actor *a = loop->touched; a; a = a->next_touched) {
        a->deleted = false;
        if (!a->id)
            a->experiment->id = 0;
    }
}

/* ---- the effects */

static void act(dz_loop *loop)
{
    dz_actor *actor = loop->touched;
    loop->touched = NULL;
    while (actor) {
        dz_actor *next = actor->next_touched;
        actor->touched = false;
        actor->next_touched = NULL;
        if (actor->fault.code) {
            if (loop->hooks.dropped) {
                loop->hooks.dropped(loop->hooks.user, actor);
                dz_share_give_up(actor);
                dz_actor_destroy(actor);
            }
        } else if (actor->deleted) {
            loop->hooks.deleted(loop->hooks.user, actor);
            dz_actor_destroy(actor);
        } else {
            perform(actor);
        }
        actor = next;
    }
}

static void count(dz_loop *loop, const dz_actor *actor, const dz_changes *done)
{
    for (size_t i = 0; i < done->log_count; i++)
        loop->counts.points += done->log[i].kind == DOZAN_EVENT_REPORT;
    for (size_t i = 0; i < done->effect_count; i++)
        loop->counts.trials_started += done->effects[i].kind == DZ_EFFECT_START;
    for (size_t i = 0; i < done->effect_count; i++)
        loop->counts.experiments_ended += done->effects[i].kind == DZ_EFFECT_RELEASE;
    loop->counts.trials_ended += done->ended_count;
    loop->counts.experiments_created += actor->id == 0;
}

static void perform(dz_actor *actor)
{
    dz_loop *loop = actor->loop;
    dz_changes done = actor->changes;
    count(loop, actor, &done);
    dz_store_written(actor->experiment, &done);
    dz_actor_stored(actor);
    actor->changes = (dz_changes){0};
    if (!actor->id)
        dz_actor_enlist(actor);
    for (size_t i = 0; i < done.ended_count && loop->observer->trial_ended; i++)
        loop->observer->trial_ended(loop->observer->user, actor->experiment, done.ended[i]);
    for (size_t i = 0; i < done.effect_count; i++)
        dz_actor_perform(actor, &done.effects[i]);
    dz_changes_clear(&done);
    dz_ticks_set(&loop->ticks, &actor->tick, dz_next_tick(actor->experiment));
    if (actor->owned && !actor->touched && dz_experiment_at_rest(actor->experiment))
        dz_actor_destroy(actor); /* it is loaded again when somebody wants something of it */
}

static int64_t monotonic_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}
