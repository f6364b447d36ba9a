#include "loop/loop.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

/*
 * One turn: take what is in the mailbox, step the core for each message, commit, carry the effects
 * out. Nothing is done for an experiment before the commit that decided it; what a crash cuts off
 * is derived again from the stored state.
 */

enum {
    MAILBOX_MESSAGES = 4096,
    TURN_MESSAGES = 256,   /* at most in one transaction */
    COMMAND_POLL_MS = 200, /* for commands from other processes */
    PROGRESS_MS = 50,
    COMMIT_RETRY_MS = 1000,
    ASK_LIMIT_MS = 60000
};

static dozan_status turn(dz_loop *loop, dozan_error *err);
static dozan_status step(dz_loop *loop, const dz_event *event, dozan_error *err);
static dozan_status take_message(dz_loop *loop, dz_message *message, dozan_error *err);
static dozan_status take_plugin_message(dz_loop *loop, dz_message *message, dozan_error *err);
static dozan_status take_told(dz_loop *loop, const dz_teller *teller, dz_told told,
                              const dz_message *message, const char *reason, const dozan_error *why,
                              dozan_error *err);
static dozan_status open_experiment(dz_loop *loop, dozan_error *err);
static bool stop_waits(dz_loop *loop, int64_t *command_id);
static dozan_status take_interrupts(dz_loop *loop, dozan_error *err);
static dozan_status take_commands(dz_loop *loop, dozan_error *err);
static dozan_status take_command(dz_loop *loop, const dz_store_command *command, dozan_error *err);
static void delete_other(dz_loop *loop, const char *name);
static dozan_status take_tick(dz_loop *loop, dozan_error *err);
static dozan_status settle(dz_loop *loop, dozan_error *err);
static bool unsettled(const dz_loop *loop);
static dozan_status commit(dz_loop *loop, dozan_error *err);
static dozan_status perform(dz_loop *loop, dozan_error *err);
static dozan_status perform_one(dz_loop *loop, const dz_effect *effect, dozan_error *err);
static dozan_status request_failed(dz_loop *loop, const dz_teller *teller, const char *reason,
                                   const dozan_error *why, dozan_error *err);
static void show(dz_loop *loop, bool last);
static void wait_for_work(dz_loop *loop);
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
        status = dz_plugins_create(config, made->mailbox, &made->plugins, err);
    if (status) {
        dz_loop_destroy(made);
        return status;
    }
    *loop = made;
    return DOZAN_OK;
}

void dz_loop_destroy(dz_loop *loop)
{
    if (!loop)
        return;
    if (loop->mailbox)
        dz_mailbox_close(
            loop->mailbox); /* so that no poster waits for room while it is being stopped */
    dz_jobs_destroy(loop->jobs);
    dz_plugins_destroy(loop->plugins);
    dz_teller_destroy(loop->search);
    dz_teller_destroy(loop->stopper);
    dz_mailbox_destroy(loop->mailbox);
    dz_changes_clear(&loop->changes);
    free(loop);
}

dozan_status dz_loop_run(dz_loop *loop, dz_experiment *experiment, dz_experiment_spec *budget,
                         dozan_error *err)
{
    dz_capacity capacity = {0};
    uint32_t given = loop->config->plugin_timeout_ms, timeout = given ? given : ASK_LIMIT_MS;
    loop->experiment = experiment;
    experiment->fault_limit = loop->config->plugin_faults;
    dozan_status status = DOZAN_OK;
    if (budget) /* first: it replaces the specification that the others look at */
        status = step(loop, &(dz_event){.kind = DZ_EVENT_BUDGET, .u.budget = budget}, err);
    if (!status && !loop->jobs)
        status = dz_jobs_create(loop->config, loop->mailbox, &loop->jobs, err);
    if (!status)
        status = dz_jobs_capacity(loop->jobs, &capacity, err);
    if (!status)
        status = dz_teller_create(DOZAN_KIND_SEARCH, experiment, loop->store, loop->plugins,
                                  loop->mailbox, timeout, &loop->search, err);
    if (!status && experiment->spec->early_stopping)
        status = dz_teller_create(DOZAN_KIND_EARLY_STOPPING, experiment, loop->store, loop->plugins,
                                  loop->mailbox, timeout, &loop->stopper, err);
    if (status)
        return status;
    dz_slots_init(&loop->slots, capacity.cpu_milli, capacity.gpus);
    status = open_experiment(loop, err);
    while (!status && !dz_experiment_at_rest(experiment) && !interrupted_twice(loop)) {
        wait_for_work(loop);
        status = turn(loop, err);
    }
    show(loop, true);
    return status;
}

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
    dozan_status status = leave ? DOZAN_OK : step(loop, &event, err);
    if (!status)
        status = settle(loop, err);
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
        if (strcmp(command.experiment, loop->experiment->spec->name) == 0)
            return command.kind == DZ_COMMAND_STOP;
        if (take_command(loop, &command, &why) || dz_store_done(loop->store, command.id, &why))
            return false;
    }
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

static dozan_status turn(dz_loop *loop, dozan_error *err)
{
    dozan_status status = take_interrupts(loop, err);
    if (!status)
        status = take_commands(loop, err);
    dz_message *message = dz_mailbox_take(loop->mailbox, TURN_MESSAGES);
    while (message) {
        dz_message *next = message->next;
        if (!status)
            status = take_message(loop, message, err);
        dz_message_destroy(message);
        message = next;
    }
    if (!status)
        status = take_tick(loop, err);
    if (!status)
        status = settle(loop, err);
    if (!status)
        show(loop, false);
    return status;
}

static dozan_status step(dz_loop *loop, const dz_event *event, dozan_error *err)
{
    return dz_step(loop->experiment, &loop->slots, event, dz_loop_wall_ms(), &loop->changes, err);
}

static dozan_status take_message(dz_loop *loop, dz_message *message, dozan_error *err)
{
    dz_event event = {.u.trial = {.trial = message->job.trial, .attempt = message->job.attempt}};
    const char *reason = NULL;
    dozan_error why = {0};
    dz_teller *teller = message->kind == DZ_MESSAGE_ASK_REPLY ? loop->search : loop->stopper;
    switch (message->kind) {
    case DZ_MESSAGE_TRIAL_STARTED:
        event.kind = DZ_EVENT_TRIAL_STARTED;
        return step(loop, &event, err);
    case DZ_MESSAGE_TRIAL_REPORTED:
        event.kind = DZ_EVENT_TRIAL_REPORTED;
        event.u.trial.points = message->points;
        event.u.trial.point_count = message->point_count;
        return step(loop, &event, err);
    case DZ_MESSAGE_TRIAL_ENDED:
        event.kind = DZ_EVENT_TRIAL_ENDED;
        event.u.trial.end = &message->end;
        event.u.trial.complaint = message->complaint;
        return step(loop, &event, err);
    case DZ_MESSAGE_ASK_REPLY:
    case DZ_MESSAGE_JUDGE_REPLY: {
        dz_told told = dz_teller_reply(teller, message, &reason, &why);
        return take_told(loop, teller, told, message, reason, &why, err);
    }
    case DZ_MESSAGE_PLUGIN_READY:
    case DZ_MESSAGE_PLUGIN_EXITED:
        return take_plugin_message(loop, message, err);
    }
    return DOZAN_OK;
}

static dozan_status take_plugin_message(dz_loop *loop, dz_message *message, dozan_error *err)
{
    dz_teller *tellers[] = {loop->search, loop->stopper};
    if (!dz_plugins_take(loop->plugins, message))
        return DOZAN_OK;
    for (size_t i = 0; i < 2; i++) {
        dz_teller *t = tellers[i];
        if (!t || dz_teller_plugin(t) != message->plugin)
            continue;
        const char *reason = NULL;
        dozan_error why = {0};
        dz_told told = message->kind == DZ_MESSAGE_PLUGIN_READY
                           ? dz_teller_ready(t, &reason, &why)
                           : dz_teller_exited(t, message, &reason, &why);
        dozan_status status = take_told(loop, t, told, message, reason, &why, err);
        if (status)
            return status;
    }
    return DOZAN_OK;
}

static dozan_status take_told(dz_loop *loop, const dz_teller *teller, dz_told told,
                              const dz_message *message, const char *reason, const dozan_error *why,
                              dozan_error *err)
{
    if (told == DZ_TOLD_NOTHING)
        return DOZAN_OK;
    if (told == DZ_TOLD_FAILURE)
        return request_failed(loop, teller, reason, why, err);
    dz_event event = {0};
    if (teller == loop->search) {
        event.kind = DZ_EVENT_SUGGESTED;
        event.u.suggested = message->ask;
    } else {
        event.kind = DZ_EVENT_JUDGED;
        event.u.judged = message->judge;
    }
    return step(loop, &event, err);
}

static dozan_status request_failed(dz_loop *loop, const dz_teller *teller, const char *reason,
                                   const dozan_error *why, dozan_error *err)
{
    dz_event event = {.kind = teller == loop->search ? DZ_EVENT_ASK_FAILED : DZ_EVENT_JUDGE_FAILED,
                      .u.failed = {reason, why->message}};
    return step(loop, &event, err);
}

static dozan_status take_interrupts(dz_loop *loop, dozan_error *err)
{
    if (atomic_load(&loop->interrupts) <= loop->interrupts_taken || loop->interrupts_taken)
        return DOZAN_OK;
    loop->interrupts_taken = 1;
    if (loop->config->keep_trials_on_interrupt) {
        dz_loop_interrupt(loop); /* leaves at once; the next run adopts what runs */
        return DOZAN_OK;
    }
    return step(loop, &(dz_event){.kind = DZ_EVENT_SUSPEND, .u.suspend = {"Interrupted"}}, err);
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
        dozan_status status = take_command(loop, &command, err);
        if (!status)
            status = settle(loop, err); /* before the command is taken away */
        if (!status && dz_store_done(loop->store, command.id, &why))
            return DOZAN_OK;
        if (status)
            return status;
    }
}

/* Of another experiment, whose state nobody owns, only the deletion is this process's affair. */
static dozan_status take_command(dz_loop *loop, const dz_store_command *command, dozan_error *err)
{
    bool ours = strcmp(command->experiment, loop->experiment->spec->name) == 0;
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
        return DOZAN_OK; /* asked of a service only */
    case DZ_COMMAND_DELETE:
        if (!ours)
            delete_other(loop, command->experiment);
        return DOZAN_OK;
    }
    return ours ? step(loop, &event, err) : DOZAN_OK;
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

static dozan_status take_tick(dz_loop *loop, dozan_error *err)
{
    if (dz_loop_wall_ms() < dz_next_tick(loop->experiment))
        return DOZAN_OK;
    return step(loop, &(dz_event){.kind = DZ_EVENT_TICK}, err);
}

/* Commit, then act. */
static dozan_status settle(dz_loop *loop, dozan_error *err)
{
    if (!unsettled(loop))
        return DOZAN_OK;
    dozan_status status = commit(loop, err);
    return status ? status : perform(loop, err);
}

static bool unsettled(const dz_loop *loop)
{
    const dz_changes *c = &loop->changes;
    if (loop->experiment->dirty || c->log_count || c->effect_count || c->ended_count)
        return true;
    for (size_t i = 0; i < loop->experiment->active_count; i++)
        if (loop->experiment->active[i]->dirty)
            return true;
    return false;
}

/* Writes what the steps changed. While the store cannot be written (a full disk), the run waits
 * here: nothing is acted on, running trials go on, and the same commit is tried again. */
static dozan_status commit(dz_loop *loop, dozan_error *err)
{
    bool told = false;
    for (;;) {
        dozan_error why = {0};
        dozan_status status = dz_store_commit(loop->store, loop->experiment, &loop->changes, &why);
        if (!status)
            return DOZAN_OK;
        if (!dozan_status_retryable((int)status) || interrupted_twice(loop)) {
            if (err)
                *err = why;
            return status;
        }
        if (!told && loop->observer->note) {
            dozan_error note = why;
            (void)dozan_error_wrap(&note, "waiting to write the database, nothing is lost");
            loop->observer->note(loop->observer->user, note.message);
            told = true;
        }
        dz_mailbox_wait(loop->mailbox, COMMIT_RETRY_MS);
    }
}

/* Carries the effects of the last commit out. An effect that fails at once becomes an event of the
 * next turn. */
static dozan_status perform(dz_loop *loop, dozan_error *err)
{
    dz_changes done = loop->changes;
    dozan_status status = DOZAN_OK;
    loop->changes = (dz_changes){0};
    for (size_t i = 0; i < done.ended_count && loop->observer->trial_ended; i++)
        loop->observer->trial_ended(loop->observer->user, loop->experiment, done.ended[i]);
    for (size_t i = 0; !status && i < done.effect_count; i++)
        status = perform_one(loop, &done.effects[i], err);
    dz_changes_clear(&done);
    return status;
}

static dozan_status perform_one(dz_loop *loop, const dz_effect *effect, dozan_error *err)
{
    dozan_error why = {0};
    dz_trial *trial = NULL;
    switch (effect->kind) {
    case DZ_EFFECT_ASK:
        if (dz_teller_ask(loop->search, effect->trial, effect->count, &why))
            return request_failed(loop, loop->search, "PluginUnavailable", &why, err);
        break;
    case DZ_EFFECT_JUDGE:
        if (loop->stopper &&
            dz_teller_judge(loop->stopper, effect->trials, effect->trial_count, &why))
            return request_failed(loop, loop->stopper, "PluginUnavailable", &why, err);
        break;
    case DZ_EFFECT_START:
    case DZ_EFFECT_ADOPT:
    case DZ_EFFECT_STOP:
        trial = dz_experiment_find_active(loop->experiment, effect->trial);
        if (!trial || trial->attempt != effect->attempt)
            break;
        if (effect->kind == DZ_EFFECT_STOP)
            dz_jobs_stop(loop->jobs, loop->experiment, trial);
        else
            dz_jobs_start(loop->jobs, loop->experiment, trial, effect->kind == DZ_EFFECT_ADOPT);
        break;
    case DZ_EFFECT_RESTART_PLUGIN:
        dz_plugin_stop(loop->plugins, dz_teller_plugin(loop->search));
        break;
    case DZ_EFFECT_RELEASE:
        dz_teller_release(loop->search);
        if (loop->stopper)
            dz_teller_release(loop->stopper);
        break;
    }
    return DOZAN_OK;
}

static void show(dz_loop *loop, bool last)
{
    int64_t now = dz_loop_wall_ms();
    if (!loop->observer->progress || (!last && now - loop->last_progress_ms < PROGRESS_MS))
        return;
    loop->last_progress_ms = now;
    loop->observer->progress(loop->observer->user, loop->experiment, &loop->slots, now);
}

static void wait_for_work(dz_loop *loop)
{
    int64_t now = dz_loop_wall_ms(), tick = dz_next_tick(loop->experiment);
    int64_t wait = COMMAND_POLL_MS;
    if (tick < now + wait)
        wait = tick > now ? tick - now : 0;
    if (unsettled(loop))
        wait = 0; /* an effect that failed at once has changed something already */
    dz_mailbox_wait(loop->mailbox, wait);
}

static bool interrupted_twice(dz_loop *loop)
{
    return atomic_load(&loop->interrupts) >= 2;
}

int64_t dz_loop_wall_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
