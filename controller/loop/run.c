/*
 * The loop of `dozan run`: one experiment, until it rests.
 */
#include "loop/loop.h"

#include <stdlib.h>
#include <string.h>

enum {
    MAILBOX_MESSAGES = 4096,
    COMMAND_POLL_MS = 200, /* for commands from other processes */
    PROGRESS_MS = 50,
    COMMIT_RETRY_MS = 1000
};

static dozan_status open_experiment(dz_loop *loop, dozan_error *err);
static dozan_status turn(dz_loop *loop, dozan_error *err);
static dozan_status settle(dz_loop *loop, dozan_error *err);
static dozan_status wait_for_the_disk(dz_loop *loop, dozan_status status, dozan_error *err);
static bool stop_waits(dz_loop *loop, int64_t *command_id);
static void take_interrupts(dz_loop *loop);
static dozan_status take_commands(dz_loop *loop, dozan_error *err);
static void take_command(dz_loop *loop, const dz_store_command *command);
static bool is_ours(const dz_loop *loop, const dz_store_command *command);
static void delete_other(dz_loop *loop, const char *name);
static void step(dz_loop *loop, const dz_event *event);
static void show(dz_loop *loop, bool last);
static bool interrupted_twice(dz_loop *loop);

dozan_status dz_loop_create(dz_store *store, const dz_run_config *config,
                            const dz_run_observer *observer, dz_loop **loop, dozan_error *err)
{
    dz_loop *made = calloc(1, sizeof *made);
    if (!made)
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    made->store = store;
    made->config = config;
    made->observer = observer;
    dozan_status status = dz_mailbox_create(MAILBOX_MESSAGES, &made->mailbox, err);
    if (!status)
        status = dz_plugins_create(config, store == NULL, made->mailbox, &made->plugins, err);
    if (status) {
        dz_loop_destroy(made);
        return status;
    }
    *loop = made;
    return DOZAN_OK;
}

void dz_loop_destroy(dz_loop *loop)
{
    dz_actor *actor = NULL, *next = NULL;
    if (!loop)
        return;
    if (loop->mailbox)
        dz_mailbox_close(
            loop->mailbox); /* so that no poster waits for room while it is being stopped */
    dz_jobs_destroy(loop->jobs);
    dz_plugins_destroy(loop->plugins);
    for (actor = loop->touched; actor; actor = next) {
        next = actor->next_touched;
        if (!actor->id)
            dz_actor_destroy(actor); /* the others are in the table */
    }
    HASH_ITER(hh, loop->actors, actor, next)
    {
        dz_actor_destroy(actor);
    }
    dz_mailbox_destroy(loop->mailbox);
    dz_ticks_fini(&loop->ticks);
    for (size_t i = 0; i < loop->report_count; i++)
        free((void *)(uintptr_t)loop->reports[i].request);
    free(loop->reports);
    free(loop);
}

dozan_status dz_loop_run(dz_loop *loop, dz_experiment *experiment, dz_experiment_spec *budget,
                         dozan_error *err)
{
    dozan_status status = dz_actor_create(loop, experiment, false, &loop->only, err);
    if (status) {
        dz_spec_destroy(budget);
        return status;
    }
    dz_actor_enlist(loop->only);
    if (budget) /* first: it replaces the specification that the others look at */
        status = dz_actor_step(loop->only, &(dz_event){.kind = DZ_EVENT_BUDGET, .u.budget = budget},
                               err);
    if (!status)
        status = dz_loop_prepare(loop, err);
    if (!status)
        status = open_experiment(loop, err);
    while (!status && !dz_experiment_at_rest(experiment) && !interrupted_twice(loop)) {
        dz_loop_wait(loop, COMMAND_POLL_MS);
        status = turn(loop, err);
    }
    if (status == DOZAN_OK || loop->jobs)
        show(loop, true);
    return status;
}

bool dz_loop_interrupted(dz_loop *loop)
{
    return atomic_load(&loop->interrupts) > 0;
}

void dz_loop_interrupt(dz_loop *loop)
{
    atomic_fetch_add(&loop->interrupts, 1);
    dz_mailbox_wake(loop->mailbox);
}

/* ---- helpers */

/* A wish to stop that has come already is part of the opening, so that no trial starts only to be
 * stopped. */
static dozan_status open_experiment(dz_loop *loop, dozan_error *err)
{
    dz_event event = {.kind = DZ_EVENT_OPEN};
    int64_t command_id = 0;
    bool leave = false;
    dozan_error ignored = {0};
    if (atomic_load(&loop->interrupts)) {
        leave = loop->config->keep_trials_on_interrupt;
        loop->interrupts_taken = 1;
        event.u.suspend.reason = "Interrupted";
    } else if (stop_waits(loop, &command_id)) {
        event.u.suspend.reason = "UserStopped";
    }
    if (leave)
        dz_loop_interrupt(loop);
    else
        step(loop, &event);
    dozan_status status = settle(loop, err);
    if (!status && command_id)
        (void)!dz_store_done(loop->store, command_id, &ignored); /* else it is taken once more */
    return status;
}

/* Whether the first command about this experiment is to stop it. Those before it, about others, are
 * carried out. */
static bool stop_waits(dz_loop *loop, int64_t *command_id)
{
    for (;;) {
        bool found = false;
        dz_store_command command = {0};
        dozan_error why = {0};
        if (dz_store_next(loop->store, &found, &command, &why) || !found)
            return false;
        *command_id = command.id;
        if (is_ours(loop, &command))
            return command.kind == DZ_COMMAND_STOP;
        take_command(loop, &command);
        if (dz_store_done(loop->store, command.id, &why))
            return false;
    }
}

static dozan_status turn(dz_loop *loop, dozan_error *err)
{
    take_interrupts(loop);
    dozan_status status = take_commands(loop, err);
    if (!status)
        status = wait_for_the_disk(loop, dz_loop_turn(loop, err), err);
    if (!status)
        show(loop, false);
    return status;
}

static dozan_status settle(dz_loop *loop, dozan_error *err)
{
    return wait_for_the_disk(loop, dz_loop_settle(loop, err), err);
}

/* While the store cannot be written, the run waits here, and tries the same commit again. */
static dozan_status wait_for_the_disk(dz_loop *loop, dozan_status status, dozan_error *err)
{
    dozan_error why = {0};
    bool told = false;
    if (status && err)
        why = *err;
    while (status && dozan_status_retryable((int)status) && !interrupted_twice(loop)) {
        if (!told && loop->observer->note) {
            dozan_error note = why;
            (void)dozan_error_wrap(&note, "waiting to write the database, nothing is lost");
            loop->observer->note(loop->observer->user, note.message);
            told = true;
        }
        dz_mailbox_pause(loop->mailbox, COMMIT_RETRY_MS);
        status = dz_loop_settle(loop, &why);
    }
    if (!status && loop->only->fault.code) {
        why = loop->only->fault;
        status = why.code;
    }
    if (status && err)
        *err = why;
    return status;
}

static void take_interrupts(dz_loop *loop)
{
    if (atomic_load(&loop->interrupts) <= loop->interrupts_taken || loop->interrupts_taken)
        return;
    loop->interrupts_taken = 1;
    if (loop->config->keep_trials_on_interrupt)
        dz_loop_interrupt(loop); /* leaves at once; the next run adopts what runs */
    else
        step(loop, &(dz_event){.kind = DZ_EVENT_SUSPEND, .u.suspend = {"Interrupted"}});
}

/* What `dozan stop`, `resume` and the like ask of the owner. */
static dozan_status take_commands(dz_loop *loop, dozan_error *err)
{
    int64_t now = dz_loop_wall_ms();
    if (now - loop->last_command_ms < COMMAND_POLL_MS && now >= loop->last_command_ms)
        return DOZAN_OK;
    loop->last_command_ms = now;
    for (;;) {
        bool found = false;
        dz_store_command command = {0};
        dozan_error why = {0};
        if (dz_store_next(loop->store, &found, &command, &why) || !found)
            return DOZAN_OK; /* a busy database is asked again in a moment */
        take_command(loop, &command);
        dozan_status status = settle(loop, err); /* before the command is taken away */
        if (!status && dz_store_done(loop->store, command.id, &why))
            return DOZAN_OK;
        if (status)
            return status;
    }
}

static bool is_ours(const dz_loop *loop, const dz_store_command *command)
{
    char name[DZ_QUALIFIED_NAME];
    dz_spec_qualified(loop->only->experiment->spec, name);
    return strcmp(command->experiment, name) == 0;
}

/* Of another experiment, whose state nobody owns, only the deletion is this process's affair. */
static void take_command(dz_loop *loop, const dz_store_command *command)
{
    bool ours = is_ours(loop, command);
    dz_event event = {0};
    switch (command->kind) {
    case DZ_COMMAND_STOP:
        event = (dz_event){.kind = DZ_EVENT_SUSPEND, .u.suspend = {"UserStopped"}};
        break;
    case DZ_COMMAND_RESUME:
        event.kind = DZ_EVENT_RESUME;
        break;
    case DZ_COMMAND_KILL_TRIAL:
        event = (dz_event){.kind = DZ_EVENT_KILL_TRIAL, .u.kill = command->trial};
        break;
    case DZ_COMMAND_RETRY_TRIAL:
        return; /* asked of a service only */
    case DZ_COMMAND_DELETE:
        if (!ours)
            delete_other(loop, command->experiment);
        return;
    }
    if (ours)
        step(loop, &event);
}

/* Who asked sees from the database what has become of it. One whose trials may still run stays. */
static void delete_other(dz_loop *loop, const char *name)
{
    dz_experiment *other = NULL;
    dozan_error ignored = {0};
    if (dz_store_load(loop->store, name, &other, &ignored))
        return;
    if (!dz_experiment_has_jobs(other))
        (void)!dz_store_delete(loop->store, other->id, &ignored);
    dz_experiment_destroy(other);
}

/* What goes wrong is in the actor's fault, which ends the run after the next commit. */
static void step(dz_loop *loop, const dz_event *event)
{
    dozan_error ignored = {0};
    (void)!dz_actor_step(loop->only, event, &ignored);
}

static void show(dz_loop *loop, bool last)
{
    int64_t now = dz_loop_wall_ms();
    if (!loop->observer->progress || (!last && now - loop->last_progress_ms < PROGRESS_MS))
        return;
    loop->last_progress_ms = now;
    loop->observer->progress(loop->observer->user, loop->only->experiment, &loop->slots, now);
}

static bool interrupted_twice(dz_loop *loop)
{
    return atomic_load(&loop->interrupts) >= 2;
}
