/*
 * `dozan why NAME`: one sentence on why an experiment or a trial is as it is: the cause, and what
 * can be done.
 */
#include "cli/describe.h"

#include "cli/text.h"
#include <string.h>

enum { SENTENCE_MAX = 8192, SMALL = 32, LOOKED_AT = 1000 };

/* The last trial that failed. */
typedef struct failure {
    char name[512];
    char message[sizeof(((dz_trial *)0)->message)];
} failure;

static void tell_trial(dz_cli *cli, const dz_found *found, int64_t owner, dozan_buf *out);
static void tell_unended(const dz_found *found, dozan_buf *out);
static dozan_status tell_experiment(dz_cli *cli, dz_store *store, const dz_experiment *experiment,
                                    dozan_buf *out, dozan_error *err);
static void tell_running(const dz_experiment *experiment, dozan_buf *out);
static dozan_status tell_failure(dz_store *store, const dz_experiment *experiment, dozan_buf *out,
                                 dozan_error *err);
static bool visit(void *user, const dz_trial *trial);

int dz_cli_why(dz_cli *cli)
{
    int status = DZ_EXIT_FAILED;
    dz_found found = {0};
    dozan_error err = {0};
    dozan_buf out, shown;
    dz_store *store = dz_cli_open(cli, DZ_STORE_READ, &status);
    if (store == NULL)
        return status;
    dozan_buf_init(&out, SENTENCE_MAX);
    dozan_buf_init(&shown, SENTENCE_MAX);
    status = dz_find_object(cli, store, cli->options.arguments[0], &found);
    if (status == DZ_EXIT_SUCCEEDED && found.trial != NULL)
        tell_trial(cli, &found, dz_store_owner(store), &out);
    else if (status == DZ_EXIT_SUCCEEDED &&
             tell_experiment(cli, store, found.experiment, &out, &err) != DOZAN_OK)
        status = dz_cli_fail(cli, &err);
    if (status == DZ_EXIT_SUCCEEDED) {
        dz_text_fit(&shown, out.data != NULL ? out.data : "", SIZE_MAX);
        dozan_buf_puts(&shown, "\n");
        status = dz_cli_put(cli, &shown);
    }
    dozan_buf_fini(&out);
    dozan_buf_fini(&shown);
    dz_found_fini(&found);
    dz_store_close(store);
    return status;
}

/* ---- a trial ---- */

static void tell_trial(dz_cli *cli, const dz_found *found, int64_t owner, dozan_buf *out)
{
    const dz_trial *trial = found->trial;
    const char *experiment = found->experiment->spec->name;
    dozan_buf_printf(out, "trial %s ", trial->name);
    if (dz_trial_state_ended(trial->state)) {
        dozan_buf_printf(out, "is %s (%s)", dz_trial_state_name(trial->state),
                         trial->reason[0] != '\0' ? trial->reason
                                                  : dz_trial_state_reason(trial->state));
        if (trial->message[0] != '\0')
            dozan_buf_printf(out, ": %s", trial->message);
        return;
    }
    tell_unended(found, out);
    if (owner == 0)
        dozan_buf_printf(out, "; no process runs its experiment now: `dozan resume %s%s` goes on",
                         experiment, cli->options.db_hint);
}

static void tell_unended(const dz_found *found, dozan_buf *out)
{
    const dz_trial *trial = found->trial;
    const char *value = trial->metric_count > 0 ? trial->observations[0].latest_text : NULL;
    int64_t wait_ms = trial->not_before_ms - dz_cli_now();
    char text[SMALL];
    if (trial->state == DZ_TRIAL_RUNNING) {
        dz_duration_text(dz_cli_now() - trial->started_ms, text);
        dozan_buf_printf(out, "has been running for %s, attempt %d; ", text, (int)trial->attempt);
        if (value != NULL)
            dozan_buf_printf(out, "the latest %s is %s", found->experiment->spec->metrics[0].name,
                             value);
        else
            dozan_buf_puts(out, "it has reported nothing yet");
        return;
    }
    dozan_buf_printf(out, "%s%s",
                     trial->state == DZ_TRIAL_PENDING    ? "waits"
                     : trial->state == DZ_TRIAL_STOPPING ? "is being stopped"
                                                         : "is being started",
                     trial->message[0] != '\0' ? ": " : "");
    dozan_buf_puts(out, trial->message);
    if (trial->state == DZ_TRIAL_PENDING && wait_ms > 0) {
        dz_duration_text(wait_ms, text);
        dozan_buf_printf(out, "; the next attempt is in %s", text);
    }
}

/* ---- an experiment ---- */

static dozan_status tell_experiment(dz_cli *cli, dz_store *store, const dz_experiment *experiment,
                                    dozan_buf *out, dozan_error *err)
{
    int64_t owner = dz_store_owner(store);
    const dz_condition *last = experiment->condition_count > 0
                                   ? &experiment->conditions[experiment->condition_count - 1]
                                   : NULL;
    bool goes_on = experiment->state == DZ_EXPERIMENT_CREATED ||
                   experiment->state == DZ_EXPERIMENT_RUNNING ||
                   experiment->state == DZ_EXPERIMENT_RESTARTING;
    dozan_status status = DOZAN_OK;
    dozan_buf_printf(out, "experiment %s is %s", experiment->spec->name,
                     dz_experiment_state_name(experiment->state));
    if (goes_on && owner != 0)
        tell_running(experiment, out);
    else if (last != NULL && !goes_on)
        dozan_buf_printf(out, " (%s): %s", last->reason, last->message);
    if (experiment->state_counts[DZ_TRIAL_FAILED] +
            experiment->state_counts[DZ_TRIAL_METRICS_UNAVAILABLE] >
        0)
        status = tell_failure(store, experiment, out, err);
    dozan_buf_puts(out, "; ");
    size_t before = out->size;
    dz_describe_remedy(cli, owner, experiment, out);
    if (out->size == before && !out->failed) { /* there is nothing to do */
        out->size -= strlen("; ");
        out->data[out->size] = '\0';
    }
    return status;
}

/* What it waits for, if it does: its algorithm, or room for its trials. */
static void tell_running(const dz_experiment *experiment, dozan_buf *out)
{
    const dz_trial *waiting = NULL;
    size_t waits = 0;
    for (size_t i = 0; i < experiment->active_count; i++) {
        if (experiment->active[i]->state != DZ_TRIAL_PENDING)
            continue;
        waits++;
        if (waiting == NULL)
            waiting = experiment->active[i];
    }
    size_t runs = experiment->active_count - waits;
    bool ready = strcmp(experiment->suggestion_reason, "SuggestionReady") == 0;
    dozan_buf_printf(out, ": %zu trial%s run%s", runs, runs == 1 ? "" : "s", runs == 1 ? "s" : "");
    if (waiting != NULL)
        dozan_buf_printf(out, " and %zu wait%s (%s): %s", waits, waits == 1 ? "s" : "",
                         waiting->reason, waiting->message);
    if (!ready && experiment->suggestion_message[0] != '\0')
        dozan_buf_printf(out, "; its algorithm (%s): %s", experiment->suggestion_reason,
                         experiment->suggestion_message);
    else if (waiting == NULL)
        dozan_buf_puts(out, ", and nothing waits");
}

/* Among its latest trials. */
static dozan_status tell_failure(dz_store *store, const dz_experiment *experiment, dozan_buf *out,
                                 dozan_error *err)
{
    failure last = {0};
    int64_t after = experiment->trial_count > LOOKED_AT ? experiment->trial_count - LOOKED_AT : 0;
    dozan_status status = dz_store_trials(store, experiment, after, 0, visit, &last, err);
    int64_t failed = experiment->state_counts[DZ_TRIAL_FAILED] +
                     experiment->state_counts[DZ_TRIAL_METRICS_UNAVAILABLE];
    if (status == DOZAN_OK && last.name[0] != '\0')
        dozan_buf_printf(out, "; %lld trial%s failed, the last one %s: %s", (long long)failed,
                         failed == 1 ? "" : "s", last.name, last.message);
    return status;
}

static bool visit(void *user, const dz_trial *trial)
{
    failure *last = user;
    if (trial->state != DZ_TRIAL_FAILED && trial->state != DZ_TRIAL_METRICS_UNAVAILABLE)
        return true;
    (void)snprintf(last->name, sizeof(last->name), "%s", trial->name);
    (void)snprintf(last->message, sizeof(last->message), "%s", trial->message);
    return true;
}
