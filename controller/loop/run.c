#include "loop/run.h"
#include "loop/jobs.h"
#include "loop/plugins.h"
#include "loop/teller.h"

#include <stdatomic.h>
#include <stdio.h>
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
    START_LIMIT_MS = 31000 /* for a plugin to come up, in validate and describe */
};

struct dz_loop {
    dz_store *store;
    const dz_run_config *config;
    const dz_run_observer *observer;
    dz_mailbox *mailbox;
    dz_plugins *plugins;
    dz_jobs *jobs;
    dz_slots slots;
    atomic_int interrupts;

    /* of the run */
    dz_experiment *experiment;
    dz_teller *search, *stopper;
    dz_changes changes;
    int interrupts_taken;
    int64_t last_progress_ms, last_command_ms;
};

static dozan_status turn(dz_loop *loop, dozan_error *err);
static dozan_status step(dz_loop *loop, const dz_event *event, dozan_error *err);
static dozan_status take_message(dz_loop *loop, dz_message *message, dozan_error *err);
static dozan_status take_plugin_message(dz_loop *loop, dz_message *message, dozan_error *err);
static dozan_status take_told(dz_loop *loop, const dz_teller *teller, dz_told told,
                              const dz_message *message, const char *reason, const dozan_error *why,
                              dozan_error *err);
static dozan_status take_interrupts(dz_loop *loop, dozan_error *err);
static dozan_status take_commands(dz_loop *loop, dozan_error *err);
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
static dozan_status wait_for_plugin(dz_loop *loop, size_t plugin, dozan_error *err);
static dozan_status validate_one(dz_loop *loop, const dozan_experiment *kit, const char *algorithm,
                                 dozan_algorithm_kind kind, const char *place, dozan_error *err);
static void unknown_algorithm(dz_loop *loop, const char *algorithm, dozan_algorithm_kind kind,
                              const char *place, dozan_error *err);
static int64_t wall_ms(void);
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
    uint32_t timeout = loop->config->ask_timeout_ms ? loop->config->ask_timeout_ms : 60000;
    loop->experiment = experiment;
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
    if (!status)
        status = step(loop, &(dz_event){.kind = DZ_EVENT_OPEN}, err);
    if (!status)
        status = settle(loop, err);
    while (!status && !dz_experiment_at_rest(experiment) && !interrupted_twice(loop)) {
        wait_for_work(loop);
        status = turn(loop, err);
    }
    show(loop, true);
    return status;
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
    return dz_step(loop->experiment, &loop->slots, event, wall_ms(), &loop->changes, err);
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
    int64_t now = wall_ms();
    if (now - loop->last_command_ms < COMMAND_POLL_MS && now >= loop->last_command_ms)
        return DOZAN_OK;
    loop->last_command_ms = now;
    for (;;) {
        bool found = false;
        dz_store_command command = {0};
        dozan_error why = {0};
        if (dz_store_next(loop->store, &found, &command, &why) || !found)
            return DOZAN_OK; /* a busy database is asked again in a moment */
        dz_event event = {0};
        bool ours = strcmp(command.experiment, loop->experiment->spec->name) == 0;
        if (command.kind == DZ_COMMAND_STOP)
            event = (dz_event){.kind = DZ_EVENT_SUSPEND, .u.suspend = {"UserStopped"}};
        else if (command.kind == DZ_COMMAND_RESUME)
            event.kind = DZ_EVENT_RESUME;
        else if (command.kind == DZ_COMMAND_KILL_TRIAL)
            event = (dz_event){.kind = DZ_EVENT_KILL_TRIAL, .u.kill = command.trial};
        dozan_status status = DOZAN_OK;
        if (ours && command.kind != DZ_COMMAND_DELETE)
            status = step(loop, &event, err);
        if (!status)
            status = settle(loop, err); /* before the command is taken away */
        if (!status && dz_store_done(loop->store, command.id, &why))
            return DOZAN_OK;
        if (status)
            return status;
    }
}

static dozan_status take_tick(dz_loop *loop, dozan_error *err)
{
    if (wall_ms() < dz_next_tick(loop->experiment))
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
    int64_t now = wall_ms();
    if (!loop->observer->progress || (!last && now - loop->last_progress_ms < PROGRESS_MS))
        return;
    loop->last_progress_ms = now;
    loop->observer->progress(loop->observer->user, loop->experiment, &loop->slots, now);
}

static void wait_for_work(dz_loop *loop)
{
    int64_t now = wall_ms(), tick = dz_next_tick(loop->experiment);
    int64_t wait = COMMAND_POLL_MS;
    if (tick < now + wait)
        wait = tick > now ? tick - now : 0;
    if (unsettled(loop))
        wait = 0; /* an effect that failed at once has changed something already */
    dz_mailbox_wait(loop->mailbox, wait);
}

/* ---- before a run: what plugins say ---- */

dozan_status dz_loop_validate(dz_loop *loop, const dz_experiment_spec *spec, dozan_error *err)
{
    dozan_experiment kit = {0};
    dozan_status status = dz_spec_kit(spec, "validate", &kit);
    if (status)
        return dozan_error_set(err, status, NULL, "out of memory");
    status = validate_one(loop, &kit, spec->algorithm, DOZAN_KIND_SEARCH,
                          "spec.algorithm.algorithmName", err);
    if (!status && spec->early_stopping)
        status = validate_one(loop, &kit, spec->early_stopping, DOZAN_KIND_EARLY_STOPPING,
                              "spec.earlyStopping.algorithmName", err);
    dz_spec_kit_fini(&kit);
    return status;
}

dozan_status dz_loop_describe(dz_loop *loop, const char *name, dz_description_visit *visit,
                              void *user, dozan_error *err)
{
    bool found = false;
    for (size_t i = 0; i < dz_plugins_count(loop->plugins); i++) {
        if (name && dz_plugins_index(loop->plugins, name) != i)
            continue;
        dozan_status status = wait_for_plugin(loop, i, err);
        if (status)
            return status;
        const dozan_describe_reply *all = dz_plugin_all(loop->plugins, i);
        for (size_t k = 0; k < all->algorithm_count; k++) {
            if (name && strcmp(all->algorithms[k].name, name) != 0)
                continue;
            found = true;
            if (!visit(user, dz_plugin_name(loop->plugins, i), &all->algorithms[k]))
                return DOZAN_OK;
        }
    }
    if (name && !found) {
        unknown_algorithm(loop, name, DOZAN_KIND_SEARCH, NULL, err);
        return DOZAN_NOT_FOUND;
    }
    return DOZAN_OK;
}

static dozan_status validate_one(dz_loop *loop, const dozan_experiment *kit, const char *algorithm,
                                 dozan_algorithm_kind kind, const char *place, dozan_error *err)
{
    size_t plugin = dz_plugins_index(loop->plugins, algorithm);
    dozan_status status = wait_for_plugin(loop, plugin, err);
    if (status)
        return status;
    const dozan_description *d = dz_plugin_description(loop->plugins, plugin, algorithm);
    if (!d || d->kind != kind) {
        unknown_algorithm(loop, algorithm, kind, place, err);
        return DOZAN_INVALID_ARGUMENT;
    }
    return dozan_client_validate(dz_plugin_client(loop->plugins, plugin), kit, kind, 10000, err);
}

static void unknown_algorithm(dz_loop *loop, const char *algorithm, dozan_algorithm_kind kind,
                              const char *place, dozan_error *err)
{
    char known[384] = "";
    size_t used = 0;
    const dozan_describe_reply *all =
        dz_plugin_all(loop->plugins, dz_plugins_index(loop->plugins, algorithm));
    for (size_t i = 0; all && i < all->algorithm_count && used < sizeof known; i++) {
        if (place && all->algorithms[i].kind != kind)
            continue;
        int n = snprintf(known + used, sizeof known - used, "%s%s", used ? ", " : "",
                         all->algorithms[i].name);
        used += n > 0 ? (size_t)n : 0;
    }
    (void)dozan_error_set(
        err, DOZAN_INVALID_ARGUMENT, place,
        "there is no %s \"%s\"; there are: %s; another one is named by --plugin %s=PATH",
        kind == DOZAN_KIND_SEARCH ? "algorithm" : "early stopper", algorithm, known, algorithm);
}

/* Starts a plugin and takes messages until it is ready; there is no run yet that others could be
 * about. */
static dozan_status wait_for_plugin(dz_loop *loop, size_t plugin, dozan_error *err)
{
    dozan_status status = dz_plugin_start(loop->plugins, plugin, err);
    int64_t end = wall_ms() + START_LIMIT_MS;
    while (!status && !dz_plugin_client(loop->plugins, plugin)) {
        int64_t now = wall_ms();
        if (now >= end || atomic_load(&loop->interrupts))
            return dozan_error_set(err, DOZAN_UNAVAILABLE, NULL, "plugin %s did not come up",
                                   dz_plugin_name(loop->plugins, plugin));
        dz_mailbox_wait(loop->mailbox, end - now);
        dz_message *message = dz_mailbox_take(loop->mailbox, 1);
        if (message && dz_plugins_take(loop->plugins, message) && message->plugin == plugin &&
            message->kind == DZ_MESSAGE_PLUGIN_EXITED) {
            if (err)
                *err = message->error;
            status = message->error.code ? message->error.code : DOZAN_UNAVAILABLE;
        }
        dz_message_destroy(message);
    }
    return status;
}

static bool interrupted_twice(dz_loop *loop)
{
    return atomic_load(&loop->interrupts) >= 2;
}

static int64_t wall_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
