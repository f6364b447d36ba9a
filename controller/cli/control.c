/*
 * `dozan stop`, `resume` and `delete`.
 *
 * While a process runs experiments of the database, it alone changes them: it is sent a command,
 * and its effect is waited for. Without one, this process becomes the owner for the time that it
 * takes.
 */
#include "cli/driver.h"
#include "cli/find.h"
#include "cli/remove.h"

#include <poll.h>
#include <string.h>

enum { POLL_MS = 50, EFFECT_MS = 30000, DELETE_MS = 5000 };

typedef enum effect { EFFECT_RESTS, EFFECT_TRIAL_ENDED, EFFECT_GONE } effect;

static int stop_experiment(dz_cli *cli, dz_store *store, const dz_found *found);
static int stop_trial(dz_cli *cli, dz_store *store, const dz_found *found);
static int take_over_and_stop(dz_cli *cli, dz_store *store, dz_found *found);
static int resume(dz_cli *cli, dz_store *store, const dz_found *found);
static int delete_experiment(dz_cli *cli, dz_store *store, const dz_experiment *experiment);
static bool has_jobs(const dz_experiment *experiment);
static bool wait_for(dz_store *store, const char *name, effect wanted, int64_t limit_ms);
static bool holds(dz_store *store, const char *name, effect wanted);

int dz_cli_stop(dz_cli *cli)
{
    int status = DZ_EXIT_USAGE;
    dz_found found = {0};
    dz_store *store = dz_cli_open_existing(cli, &status);
    if (store == NULL)
        return status;
    status = dz_find_object(cli, store, cli->options.arguments[0], &found);
    if (status == DZ_EXIT_SUCCEEDED)
        status = found.trial != NULL ? stop_trial(cli, store, &found)
                                     : stop_experiment(cli, store, &found);
    dz_found_fini(&found);
    dz_store_close(store);
    return status;
}

int dz_cli_resume(dz_cli *cli)
{
    int status = DZ_EXIT_USAGE;
    dz_found found = {0};
    dozan_error err = {0};
    dz_store *store = dz_cli_open_existing(cli, &status);
    if (store == NULL)
        return status;
    if (dz_store_own(store, &err) != DOZAN_OK) {
        status = dz_cli_fail(cli, &err);
    } else {
        status = dz_find_experiment(cli, store, cli->options.arguments[0], &found);
        if (status == DZ_EXIT_SUCCEEDED)
            status = resume(cli, store, &found);
    }
    dz_found_fini(&found);
    dz_store_close(store);
    return status;
}

int dz_cli_delete(dz_cli *cli)
{
    int status = DZ_EXIT_USAGE;
    dz_found found = {0};
    dozan_error err = {0};
    dz_store *store = dz_cli_open_existing(cli, &status);
    if (store == NULL)
        return status;
    const char *name = cli->options.arguments[0];
    status = dz_find_experiment(cli, store, name, &found);
    if (status == DZ_EXIT_SUCCEEDED)
        status = delete_experiment(cli, store, found.experiment);
    if (status == DZ_EXIT_SUCCEEDED) {
        if (dz_remove_below(cli->options.job_directory, name, &err) != DOZAN_OK)
            status = dz_cli_fail(cli, &err);
        else
            dz_cli_note(cli, "experiment %s is deleted", name);
    }
    dz_found_fini(&found);
    dz_store_close(store);
    return status;
}

/* ---- stop ---- */

static int stop_experiment(dz_cli *cli, dz_store *store, const dz_found *found)
{
    const dz_experiment *experiment = found->experiment;
    const char *name = experiment->spec->name, *hint = cli->options.db_hint;
    int64_t owner = dz_store_owner(store);
    dozan_error err = {0};
    if (dz_experiment_at_rest(experiment)) {
        dz_cli_note(cli, "experiment %s is not running: it is %s", name,
                    dz_experiment_state_name(experiment->state));
        return DZ_EXIT_SUCCEEDED;
    }
    if (owner == 0 && !has_jobs(experiment)) {
        dz_cli_note(cli, "no process runs experiment %s; `dozan resume %s%s` goes on", name, name,
                    hint);
        return DZ_EXIT_SUCCEEDED;
    }
    if (owner == 0) {
        dz_found taken = {0};
        int status = dz_find_experiment(cli, store, name, &taken);
        if (status == DZ_EXIT_SUCCEEDED)
            status = take_over_and_stop(cli, store, &taken);
        dz_found_fini(&taken);
        return status;
    }
    if (dz_store_post(store, DZ_COMMAND_STOP, name, 0, &err) != DOZAN_OK)
        return dz_cli_fail(cli, &err);
    if (!wait_for(store, name, EFFECT_RESTS, EFFECT_MS))
        return dz_cli_failf(cli, DOZAN_DEADLINE_EXCEEDED,
                            "process %lld was asked to stop experiment %s, and has not after %d "
                            "s; `dozan describe experiment %s%s` shows what it waits for",
                            (long long)owner, name, EFFECT_MS / 1000, name, hint);
    dz_cli_note(cli, "experiment %s is stopped; `dozan resume %s%s` goes on", name, name, hint);
    return DZ_EXIT_SUCCEEDED;
}

static int stop_trial(dz_cli *cli, dz_store *store, const dz_found *found)
{
    const dz_trial *trial = found->trial;
    const char *experiment = found->experiment->spec->name;
    dozan_error err = {0};
    int64_t owner = dz_store_owner(store);
    if (dz_trial_state_ended(trial->state)) {
        dz_cli_note(cli, "trial %s has ended already: it is %s", trial->name,
                    dz_trial_state_name(trial->state));
        return DZ_EXIT_SUCCEEDED;
    }
    if (owner == 0)
        return dz_cli_failf(cli, DOZAN_FAILED_PRECONDITION,
                            "no process runs experiment %s: `dozan resume %s%s` goes on with it, "
                            "and then the trial can be stopped; `dozan stop %s%s` stops all of it",
                            experiment, experiment, cli->options.db_hint, experiment,
                            cli->options.db_hint);
    if (dz_store_post(store, DZ_COMMAND_KILL_TRIAL, experiment, trial->number, &err) != DOZAN_OK)
        return dz_cli_fail(cli, &err);
    if (!wait_for(store, trial->name, EFFECT_TRIAL_ENDED, EFFECT_MS))
        return dz_cli_failf(cli, DOZAN_DEADLINE_EXCEEDED,
                            "process %lld was asked to end trial %s, and has not after %d s",
                            (long long)owner, trial->name, EFFECT_MS / 1000);
    dz_cli_note(cli, "trial %s is stopped", trial->name);
    return DZ_EXIT_SUCCEEDED;
}

/* What ran the experiment is gone, and its trials may still run: takes them up and ends them. The
 * command is for this process itself, which reads it as soon as it has taken them up. */
static int take_over_and_stop(dz_cli *cli, dz_store *store, dz_found *found)
{
    dz_driver *driver = NULL;
    dozan_error err = {0};
    const char *name = found->experiment->spec->name;
    int status = DZ_EXIT_SUCCEEDED;
    if (dz_store_own(store, &err) != DOZAN_OK ||
        dz_driver_create(cli, store, &driver, &err) != DOZAN_OK ||
        dz_store_post(store, DZ_COMMAND_STOP, name, 0, &err) != DOZAN_OK ||
        dz_loop_run(dz_driver_loop(driver), found->experiment, NULL, &err) != DOZAN_OK)
        status = dz_cli_fail(cli, &err);
    else
        dz_cli_note(cli, "experiment %s is stopped; `dozan resume %s%s` goes on", name, name,
                    cli->options.db_hint);
    dz_driver_destroy(driver);
    return status;
}

/* ---- resume ---- */

static int resume(dz_cli *cli, dz_store *store, const dz_found *found)
{
    dz_experiment *experiment = found->experiment;
    dz_driver *driver = NULL;
    dozan_error err = {0};
    const char *name = experiment->spec->name;
    const dz_condition *last = experiment->condition_count > 0
                                   ? &experiment->conditions[experiment->condition_count - 1]
                                   : NULL;
    bool plugin_failed = last != NULL && strcmp(last->reason, "SuggestionFailed") == 0;
    if (dz_experiment_state_ended(experiment->state) && dz_experiment_at_rest(experiment) &&
        !plugin_failed)
        return dz_cli_failf(cli, DOZAN_FAILED_PRECONDITION,
                            "experiment %s has ended (%s): to run on, raise the limit it has "
                            "reached in its file, and `dozan run` that",
                            name, last != NULL ? last->reason : "");
    if (dz_driver_create(cli, store, &driver, &err) != DOZAN_OK)
        return dz_cli_fail(cli, &err);
    int status = dz_driver_run(driver, experiment, NULL);
    dz_driver_destroy(driver);
    return status;
}

/* ---- delete ---- */

static int delete_experiment(dz_cli *cli, dz_store *store, const dz_experiment *experiment)
{
    const char *name = experiment->spec->name, *hint = cli->options.db_hint;
    int64_t owner = dz_store_owner(store);
    dozan_error err = {0};
    if (has_jobs(experiment) || (owner != 0 && !dz_experiment_at_rest(experiment)))
        return dz_cli_failf(cli, DOZAN_FAILED_PRECONDITION,
                            "experiment %s is running: `dozan stop %s%s` first", name, name, hint);
    if (owner == 0) {
        if (dz_store_own(store, &err) != DOZAN_OK ||
            dz_store_delete(store, experiment->id, &err) != DOZAN_OK)
            return dz_cli_fail(cli, &err);
        return DZ_EXIT_SUCCEEDED;
    }
    if (dz_store_post(store, DZ_COMMAND_DELETE, name, 0, &err) != DOZAN_OK)
        return dz_cli_fail(cli, &err);
    if (!wait_for(store, name, EFFECT_GONE, DELETE_MS))
        return dz_cli_failf(cli, DOZAN_FAILED_PRECONDITION,
                            "process %lld runs another experiment of %s and has not deleted %s "
                            "within %d s: try again when it has ended",
                            (long long)owner, cli->options.db, name, DELETE_MS / 1000);
    return DZ_EXIT_SUCCEEDED;
}

/* ---- waiting for what another process does ---- */

static bool has_jobs(const dz_experiment *experiment)
{
    return experiment->state_counts[DZ_TRIAL_STARTING] > 0 ||
           experiment->state_counts[DZ_TRIAL_RUNNING] > 0 ||
           experiment->state_counts[DZ_TRIAL_STOPPING] > 0;
}

static bool wait_for(dz_store *store, const char *name, effect wanted, int64_t limit_ms)
{
    int64_t end = dz_cli_now() + limit_ms;
    while (!holds(store, name, wanted)) {
        if (dz_cli_now() >= end)
            return false;
        (void)poll(NULL, 0, POLL_MS);
    }
    return true;
}

static bool holds(dz_store *store, const char *name, effect wanted)
{
    dz_found found = {0};
    dozan_error err = {0};
    dozan_status status = wanted == EFFECT_TRIAL_ENDED
                              ? dz_store_trial(store, name, &found.experiment, &found.trial, &err)
                              : dz_store_load(store, name, &found.experiment, &err);
    bool is = wanted == EFFECT_GONE && status == DOZAN_NOT_FOUND;
    if (status == DOZAN_OK && wanted == EFFECT_RESTS)
        is = dz_experiment_at_rest(found.experiment);
    else if (status == DOZAN_OK && wanted == EFFECT_TRIAL_ENDED)
        is = dz_trial_state_ended(found.trial->state);
    dz_found_fini(&found);
    return is;
}
