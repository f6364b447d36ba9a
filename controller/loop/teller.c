#include "loop/teller.h"
#include "loop/replies.h"

#include <stdlib.h>
#include <string.h>

enum {
    PART_BYTES = 4 << 20, /* of the log in one message */
    STALE_LIMIT = 8 /* in a row, without an event taken: a plugin that cannot keep its state */
};

struct dz_teller {
    dozan_algorithm_kind kind;
    const dz_experiment *experiment;
    dz_store *store;
    dz_plugins *plugins;
    dz_mailbox *mailbox;
    uint32_t timeout_ms;
    size_t plugin;

    int64_t cursor;       /* the last event that the plugin has */
    bool tell_experiment; /* it may not know the experiment */
    int stale_in_row;

    bool busy;           /* a request has begun and not ended */
    bool sent;           /* a call is under way for it */
    bool partial;        /* the call carries only events: more are to come */
    uint64_t generation; /* of the call under way; replies to older ones are ignored */
    uint64_t served_by;  /* the start of the plugin that has it */
    int64_t first_trial;
    uint32_t count;
    int64_t *trials;
    size_t trial_count;
};

static const char *algorithm_of(const dz_teller *t);
static bool was_restarted(const dz_teller *t);
static dozan_status begin(dz_teller *t, dozan_error *err);
static dozan_status send_part(dz_teller *t, dozan_error *err);
static dozan_status call(dz_teller *t, const dozan_log_part *part, dozan_error *err);
static bool wants_reports(const dz_teller *t);
static dz_told fail(dz_teller *t, const char *why, const char **reason);
static dz_told go_on(dz_teller *t, const char **reason, dozan_error *err);
static dz_told take_stale(dz_teller *t, int64_t applied_seq, bool unknown, const char **reason,
                          dozan_error *err);
static void on_ask(void *user, dozan_status status, const dozan_ask_reply *reply,
                   const dozan_error *err);
static void on_judge(void *user, dozan_status status, const dozan_judge_reply *reply,
                     const dozan_error *err);

/* What a callback needs: the teller itself belongs to the loop's thread. */
typedef struct call_ticket {
    dz_mailbox *mailbox;
    dozan_algorithm_kind kind;
    int64_t experiment;
    uint64_t generation;
} call_ticket;

dozan_status dz_teller_create(dozan_algorithm_kind kind, const dz_experiment *experiment,
                              dz_store *store, dz_plugins *plugins, dz_mailbox *mailbox,
                              uint32_t timeout_ms, dz_teller **teller, dozan_error *err)
{
    dz_teller *t = calloc(1, sizeof *t);
    if (!t)
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    t->kind = kind;
    t->experiment = experiment;
    t->store = store;
    t->plugins = plugins;
    t->mailbox = mailbox;
    t->timeout_ms = timeout_ms;
    t->plugin = dz_plugins_index(plugins, algorithm_of(t));
    t->tell_experiment = true;
    *teller = t;
    return DOZAN_OK;
}

void dz_teller_destroy(dz_teller *teller)
{
    if (!teller)
        return;
    free(teller->trials);
    free(teller);
}

size_t dz_teller_plugin(const dz_teller *teller)
{
    return teller->plugin;
}

dozan_status dz_teller_ask(dz_teller *teller, int64_t first_trial, uint32_t count, dozan_error *err)
{
    teller->first_trial = first_trial;
    teller->count = count;
    return begin(teller, err);
}

dozan_status dz_teller_judge(dz_teller *teller, const int64_t *trials, size_t count,
                             dozan_error *err)
{
    int64_t *copy = malloc((count ? count : 1) * sizeof *copy);
    if (!copy)
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    if (count)
        memcpy(copy, trials, count * sizeof *copy);
    free(teller->trials);
    teller->trials = copy;
    teller->trial_count = count;
    return begin(teller, err);
}

dz_told dz_teller_ready(dz_teller *teller, const char **reason, dozan_error *err)
{
    teller->tell_experiment = true;
    if (!teller->busy || teller->sent)
        return DZ_TOLD_NOTHING;
    return go_on(teller, reason, err);
}

dz_told dz_teller_exited(dz_teller *teller, const dz_message *message, const char **reason,
                         dozan_error *err)
{
    teller->tell_experiment = true;
    if (!teller->busy)
        return DZ_TOLD_NOTHING;
    *err = message->error;
    return fail(teller, "PluginUnavailable", reason);
}

dz_told dz_teller_reply(dz_teller *teller, dz_message *message, const char **reason,
                        dozan_error *err)
{
    if (!teller->busy || !teller->sent || message->generation != teller->generation)
        return DZ_TOLD_NOTHING;
    teller->sent = false;
    if (message->status) {
        if (message->status == DOZAN_CANCELLED && was_restarted(teller))
            return begin(teller, err) ? fail(teller, "PluginUnavailable", reason) : DZ_TOLD_NOTHING;
        *err = message->error;
        bool late = message->status == DOZAN_DEADLINE_EXCEEDED;
        if (late)
            (void)dozan_error_set(err, DOZAN_DEADLINE_EXCEEDED, NULL,
                                  "plugin %s did not answer within %u s and was stopped; if it "
                                  "needs longer, raise --plugin-timeout",
                                  algorithm_of(teller), teller->timeout_ms / 1000);
        if (late || dozan_status_retryable((int)message->status) ||
            message->status == DOZAN_INTERNAL)
            dz_teller_restart_plugin(teller);
        return fail(teller, late ? "PluginTimeout" : "PluginFault", reason);
    }
    /* A partial call of a stopper is answered with a judgement of no trial. */
    bool stale = message->ask ? message->ask->stale : message->judge->stale;
    bool unknown =
        message->ask ? message->ask->unknown_experiment : message->judge->unknown_experiment;
    int64_t applied = message->ask ? message->ask->applied_seq : message->judge->applied_seq;
    if (stale)
        return take_stale(teller, applied, unknown, reason, err);
    teller->stale_in_row = 0;
    teller->tell_experiment = false;
    teller->cursor = applied;
    if (teller->partial)
        return go_on(teller, reason, err);
    teller->busy = false;
    return DZ_TOLD_ANSWER;
}

void dz_teller_restart_plugin(dz_teller *teller)
{
    if (!was_restarted(teller))
        dz_plugin_stop(teller->plugins, teller->plugin);
}

void dz_teller_release(dz_teller *teller)
{
    dozan_client *client = dz_plugin_client(teller->plugins, teller->plugin);
    dozan_error ignored;
    if (client && !dz_plugin_output(teller->plugins, teller->plugin))
        (void)!dozan_client_release(client, teller->experiment->uid, 500, &ignored);
}

/* Others speak to the same plugin, and may have had it stopped: what has happened to a call then is
 * not its fault, nor that of the plugin that has come since. */
static bool was_restarted(const dz_teller *t)
{
    return dz_plugin_generation(t->plugins, t->plugin) != t->served_by ||
           !dz_plugin_client(t->plugins, t->plugin);
}

/* Read anew each time: a change of the budget replaces the specification. */
static const char *algorithm_of(const dz_teller *t)
{
    const dz_experiment_spec *spec = t->experiment->spec;
    return t->kind == DOZAN_KIND_SEARCH ? spec->algorithm : spec->early_stopping;
}

static dozan_status begin(dz_teller *t, dozan_error *err)
{
    t->busy = true;
    t->sent = false;
    t->stale_in_row = 0;
    dozan_status status = dz_plugin_start(t->plugins, t->plugin, err);
    if (!status && dz_plugin_client(t->plugins, t->plugin))
        status = send_part(t, err);
    if (status)
        t->busy = false;
    return status;
}

/* Sends the next part of the log, with the request itself when it is the last. */
static dozan_status send_part(dz_teller *t, dozan_error *err)
{
    dz_log_read *read = NULL;
    dozan_experiment kit = {0};
    dozan_status status =
        dz_store_log(t->store, t->experiment, t->cursor, wants_reports(t), PART_BYTES, &read, err);
    if (status)
        return status;
    t->partial = read->more;
    read->part.uid = t->experiment->uid;
    if (t->tell_experiment) {
        if ((status = dz_spec_kit(t->experiment->spec, t->experiment->uid, &kit))) {
            (void)dozan_error_set(err, status, NULL, "out of memory");
            goto done;
        }
        kit.seed = t->experiment->seed;
        read->part.experiment = &kit;
    }
    t->generation++;
    t->served_by = dz_plugin_generation(t->plugins, t->plugin);
    t->sent = true;
    status = call(t, &read->part, err);
    if (status)
        t->sent = false;
done:
    if (t->tell_experiment)
        dz_spec_kit_fini(&kit);
    dz_log_read_destroy(read);
    return status;
}

static dozan_status call(dz_teller *t, const dozan_log_part *part, dozan_error *err)
{
    dozan_client *client = dz_plugin_client(t->plugins, t->plugin);
    call_ticket *ticket = malloc(sizeof *ticket);
    if (!ticket)
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    *ticket = (call_ticket){t->mailbox, t->kind, t->experiment->id, t->generation};
    dozan_status status;
    if (t->kind == DOZAN_KIND_SEARCH)
        status = dozan_client_ask(client, part, t->first_trial, t->partial ? 0 : t->count,
                                  t->timeout_ms, on_ask, ticket, NULL, err);
    else
        status = dozan_client_judge(client, part, t->trials, t->partial ? 0 : t->trial_count,
                                    t->timeout_ms, on_judge, ticket, NULL, err);
    if (status)
        free(ticket);
    return status;
}

/* A stopper lives on reports; a search algorithm says whether it does. */
static bool wants_reports(const dz_teller *t)
{
    if (t->kind == DOZAN_KIND_EARLY_STOPPING)
        return true;
    const dozan_description *d = dz_plugin_description(t->plugins, t->plugin, algorithm_of(t));
    return d && (d->traits & DOZAN_WANTS_REPORTS);
}

static dz_told fail(dz_teller *t, const char *why, const char **reason)
{
    t->busy = false;
    t->sent = false;
    t->generation++;
    *reason = why;
    return DZ_TOLD_FAILURE;
}

static dz_told go_on(dz_teller *t, const char **reason, dozan_error *err)
{
    return send_part(t, err) ? fail(t, "PluginUnavailable", reason) : DZ_TOLD_NOTHING;
}

static dz_told take_stale(dz_teller *t, int64_t applied_seq, bool unknown, const char **reason,
                          dozan_error *err)
{
    bool nonsense = applied_seq < 0 || applied_seq > t->experiment->last_seq;
    if (nonsense || ++t->stale_in_row > STALE_LIMIT) {
        (void)dozan_error_set(
            err, DOZAN_INTERNAL, NULL,
            "%s answers STALE whatever it is told (it says it has applied event %lld of %lld)",
            algorithm_of(t), (long long)applied_seq, (long long)t->experiment->last_seq);
        dz_teller_restart_plugin(t);
        return fail(t, "PluginFault", reason);
    }
    t->tell_experiment = t->tell_experiment || unknown;
    t->cursor = unknown ? 0 : applied_seq;
    return go_on(t, reason, err);
}

static void on_ask(void *user, dozan_status status, const dozan_ask_reply *reply,
                   const dozan_error *err)
{
    call_ticket *ticket = user;
    dz_message *message = dz_message_create(DZ_MESSAGE_ASK_REPLY);
    if (message) {
        message->generation = ticket->generation;
        message->job.experiment = ticket->experiment;
        message->status = status;
        if (status == DOZAN_OK && !(message->ask = dz_ask_reply_copy(reply)))
            message->status =
                dozan_error_set(&message->error, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
        else if (status != DOZAN_OK && err)
            message->error = *err;
        dz_mailbox_post(ticket->mailbox, message, true);
    }
    free(ticket);
}

static void on_judge(void *user, dozan_status status, const dozan_judge_reply *reply,
                     const dozan_error *err)
{
    call_ticket *ticket = user;
    dz_message *message = dz_message_create(DZ_MESSAGE_JUDGE_REPLY);
    if (message) {
        message->generation = ticket->generation;
        message->job.experiment = ticket->experiment;
        message->status = status;
        if (status == DOZAN_OK && !(message->judge = dz_judge_reply_copy(reply)))
            message->status =
                dozan_error_set(&message->error, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
        else if (status != DOZAN_OK && err)
            message->error = *err;
        dz_mailbox_post(ticket->mailbox, message, true);
    }
    free(ticket);
}
