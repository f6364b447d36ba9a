/*
 * `dozan stop`, `resume` and `delete`.
 *
 * While a process runs experiments of the database, it alone changes them: it is sent a command,
 * and its effect is waited for. Without one, this process becomes the owner for the time that it
 * takes.
 */
#include "cli/control_served.h"
#include "cli/driver.h"
#include "cli/find.h"
#include "runners/remove.h"

#include <poll.h>
#include <string.h>

enum {
    POLL_MS = 50,
    EFFECT_MS = 30000, /* for trials to end */
    PASS_MS = 5000     /* for a command to be taken that waits for no trial */
};

typedef enum effect { EFFECT_RESTS, EFFECT_GOES_ON, EFFECT_TRIAL_ENDED, EFFECT_GONE } effect;

/* What is asked of the owner. */
typedef struct request {
    dz_command_kind kind;
    int64_t owner;
    const char *experiment;
    int64_t trial;
    const char *name; /* of what the effect is to be seen on */
    effect wanted;
    int64_t limit_ms;
} request;

typedef enum answer {
    ANSWER_DONE,
    ANSWER_PASSED, /* taken without the effect: the owner runs another experiment */
    ANSWER_LATE,
    ANSWER_NO_OWNER, /* the owner has gone before it took the command */
    ANSWER_FAILED    /* the database: a message is printed, the status is in *status */
} answer;

static int stop_experiment(dz_cli *cli, dz_store *store, const char *name);
static int stop_orphans(dz_cli *cli, dz_store *store, const dz_experiment *experiment);
static int stop_trial(dz_cli *cli, dz_store *store, const dz_found *found);
static int take_over_and_stop(dz_cli *cli, dz_store *store, const char *name);
static int say_rest(dz_cli *cli, const dz_experiment *experiment);
static int not_run(dz_cli *cli, const char *experiment);
static int resume(dz_cli *cli, dz_store *store, const dz_found *found);
static int resume_by_service(dz_cli *cli, dz_store *store);
static int refuse_ended(dz_cli *cli, const dz_experiment *experiment);
static int delete_experiment(dz_cli *cli, dz_store *store, const dz_experiment *experiment);
static int delete_by_owner(dz_cli *cli, dz_store *store, const dz_experiment *experiment,
                           int64_t owner);
static answer ask_owner(dz_cli *cli, dz_store *store, const request *asked, int *status);
static answer wait_for(dz_store *store, const request *asked);
static bool holds_now(dz_store *store, const request *asked, bool *begun);

int dz_cli_stop(dz_cli *cli)
{
    int status = DZ_EXIT_USAGE;
    dz_found found = {0};
    if (cli->service != NULL)
        return dz_served_stop(cli);
    dz_store *store = dz_cli_open_existing(cli, &status);
    if (store == NULL)
        return status;
    char name[DZ_QUALIFIED_NAME];
    status = dz_find_object(cli, store, cli->options.arguments[0], &found);
    if (status == DZ_EXIT_SUCCEEDED) {
        dz_spec_qualified(found.experiment->spec, name);
        status = found.trial != NULL ? stop_trial(cli, store, &found)
                                     : stop_experiment(cli, store, name);
    }
    dz_found_fini(&found);
    dz_store_close(store);
    return status;
}

int dz_cli_resume(dz_cli *cli)
{
    int status = DZ_EXIT_USAGE;
    dz_found found = {0};
    dozan_error err = {0};
    if (cli->service != NULL)
        return dz_served_resume(cli);
    dz_store *store = dz_cli_open_existing(cli, &status);
    if (store == NULL)
        return status;
    if (dz_store_is_served(store)) {
        status = resume_by_service(cli, store);
    } else if (dz_store_own(store, &err) != DOZAN_OK) {
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
    if (cli->service != NULL)
        return dz_served_delete(cli);
    dz_store *store = dz_cli_open_existing(cli, &status);
    if (store == NULL)
        return status;
    const char *name = cli->options.arguments[0];
    status = dz_find_experiment(cli, store, name, &found);
    if (status == DZ_EXIT_SUCCEEDED)
        status = delete_experiment(cli, store, found.experiment);
    if (status == DZ_EXIT_SUCCEEDED) {
        char folder[DZ_QUALIFIED_NAME];
        dz_spec_folder(found.experiment->spec, folder);
        /* a service has removed it, and may have begun another experiment of that name */
        if (!dz_store_is_served(store) &&
            dz_remove_below(cli->options.job_directory, folder, &err) != DOZAN_OK)
            status = dz_cli_fail(cli, &err);
        else
            dz_cli_note(cli, "experiment %s is deleted", name);
    }
    dz_found_fini(&found);
    dz_store_close(store);
    return status;
}

/* ---- stop ---- */

/* What the database says may be old: a process that has just become the owner may be about to go on
 * with an experiment that rests, so with an owner there, the owner is asked. */
static int stop_experiment(dz_cli *cli, dz_store *store, const char *name)
{
    int status = DZ_EXIT_SUCCEEDED;
    answer got = ANSWER_NO_OWNER;
    while (got == ANSWER_NO_OWNER) {
        dz_found found = {0};
        int64_t owner = dz_store_owner(store);
        status = dz_find_experiment(cli, store, name, &found);
        if (status != DZ_EXIT_SUCCEEDED)
            return status;
        if (owner == 0) {
            status = stop_orphans(cli, store, found.experiment);
            dz_found_fini(&found);
            return status;
        }
        bool rested = dz_experiment_at_rest(found.experiment);
        int64_t limit_ms = rested ? PASS_MS : EFFECT_MS;
        request asked = {DZ_COMMAND_STOP, owner, name, 0, name, EFFECT_RESTS, limit_ms};
        got = ask_owner(cli, store, &asked, &status);
        if (rested && (got == ANSWER_DONE || got == ANSWER_LATE))
            status = say_rest(cli, found.experiment);
        else if (got == ANSWER_DONE)
            dz_cli_note(cli, "experiment %s is stopped; `dozan resume %s%s` goes on", name, name,
                        cli->options.db_hint);
        else if (got == ANSWER_PASSED)
            status =
                dz_cli_failf(cli, DOZAN_FAILED_PRECONDITION,
                             "experiment %s is not being run: process %lld runs another one "
                             "of %s; when that has ended, `dozan stop %s%s` ends the trials "
                             "that may be left",
                             name, (long long)owner, cli->options.db, name, cli->options.db_hint);
        else if (got == ANSWER_LATE)
            status =
                dz_cli_failf(cli, DOZAN_DEADLINE_EXCEEDED,
                             "process %lld was asked to stop experiment %s, and has not after "
                             "%d s; `dozan describe experiment %s%s` shows what it waits for",
                             (long long)owner, name, EFFECT_MS / 1000, name, cli->options.db_hint);
        dz_found_fini(&found);
    }
    return status;
}

/* No process runs it; its trials may run on from one that is gone. */
static int stop_orphans(dz_cli *cli, dz_store *store, const dz_experiment *experiment)
{
    const char *name = experiment->spec->name;
    if (dz_experiment_at_rest(experiment))
        return say_rest(cli, experiment);
    if (dz_experiment_has_jobs(experiment))
        return take_over_and_stop(cli, store, name);
    dz_cli_note(cli, "no process runs experiment %s; `dozan resume %s%s` goes on", name, name,
                cli->options.db_hint);
    return DZ_EXIT_SUCCEEDED;
}

static int say_rest(dz_cli *cli, const dz_experiment *experiment)
{
    dz_cli_note(cli, "experiment %s is not running: it is %s", experiment->spec->name,
                dz_experiment_state_name(experiment->state));
    return DZ_EXIT_SUCCEEDED;
}

static int stop_trial(dz_cli *cli, dz_store *store, const dz_found *found)
{
    const dz_trial *trial = found->trial;
    char experiment[DZ_QUALIFIED_NAME];
    dz_spec_qualified(found->experiment->spec, experiment);
    int64_t owner = dz_store_owner(store);
    if (dz_trial_state_ended(trial->state)) {
        dz_cli_note(cli, "trial %s has ended already: it is %s", trial->name,
                    dz_trial_state_name(trial->state));
        return DZ_EXIT_SUCCEEDED;
    }
    if (owner == 0)
        return not_run(cli, experiment);
    int status = DZ_EXIT_SUCCEEDED;
    request asked = {DZ_COMMAND_KILL_TRIAL, owner,    experiment, trial->number, trial->name,
                     EFFECT_TRIAL_ENDED,    EFFECT_MS};
    switch (ask_owner(cli, store, &asked, &status)) {
    case ANSWER_DONE:
        dz_cli_note(cli, "trial %s is stopped", trial->name);
        break;
    case ANSWER_LATE:
        return dz_cli_failf(cli, DOZAN_DEADLINE_EXCEEDED,
                            "process %lld was asked to end trial %s, and has not after %d s",
                            (long long)owner, trial->name, EFFECT_MS / 1000);
    case ANSWER_PASSED:
    case ANSWER_NO_OWNER:
        return not_run(cli, experiment);
    case ANSWER_FAILED:
        break;
    }
    return status;
}

static int not_run(dz_cli *cli, const char *experiment)
{
    const char *hint = cli->options.db_hint;
    return dz_cli_failf(cli, DOZAN_FAILED_PRECONDITION,
                        "no process runs experiment %s: `dozan resume %s%s` goes on with it, and "
                        "then the trial can be stopped; `dozan stop %s%s` stops all of it",
                        experiment, experiment, hint, experiment, hint);
}

/* What ran the experiment is gone, and its trials may still run: takes them up and ends them. The
 * command is for this process itself, which reads it before it takes them up. */
static int take_over_and_stop(dz_cli *cli, dz_store *store, const char *name)
{
    dz_driver *driver = NULL;
    dz_found found = {0};
    dozan_error err = {0};
    int status = DZ_EXIT_SUCCEEDED;
    if (dz_store_own(store, &err) != DOZAN_OK)
        return dz_cli_fail(cli, &err);
    status = dz_find_experiment(cli, store, name, &found); /* as it is now that it is ours */
    if (status != DZ_EXIT_SUCCEEDED)
        return status;
    if (dz_driver_create(cli, store, &driver, &err) != DOZAN_OK ||
        dz_store_post(store, DZ_COMMAND_STOP, name, 0, &err) != DOZAN_OK ||
        dz_loop_run(dz_driver_loop(driver), found.experiment, NULL, &err) != DOZAN_OK)
        status = dz_cli_fail(cli, &err);
    else
        dz_cli_note(cli, "experiment %s is stopped; `dozan resume %s%s` goes on", name, name,
                    cli->options.db_hint);
    dz_driver_destroy(driver);
    dz_found_fini(&found);
    return status;
}

/* ---- resume ---- */

static int resume(dz_cli *cli, dz_store *store, const dz_found *found)
{
    dz_experiment *experiment = found->experiment;
    dz_driver *driver = NULL;
    dozan_error err = {0};
    int status = refuse_ended(cli, experiment);
    if (status != DZ_EXIT_SUCCEEDED)
        return status;
    if (dz_driver_create(cli, store, &driver, &err) != DOZAN_OK)
        return dz_cli_fail(cli, &err);
    status = dz_driver_run(driver, experiment, NULL);
    dz_driver_destroy(driver);
    return status;
}

/* `dozan serve` goes on with it, and this process need not wait for its end. */
static int resume_by_service(dz_cli *cli, dz_store *store)
{
    char name[DZ_QUALIFIED_NAME];
    dz_found found = {0};
    int64_t owner = dz_store_owner(store);
    int status = dz_find_experiment(cli, store, cli->options.arguments[0], &found);
    if (status != DZ_EXIT_SUCCEEDED)
        return status;
    dz_spec_qualified(found.experiment->spec, name);
    status = refuse_ended(cli, found.experiment);
    dz_found_fini(&found);
    if (status != DZ_EXIT_SUCCEEDED)
        return status;
    request asked = {DZ_COMMAND_RESUME, owner, name, 0, name, EFFECT_GOES_ON, PASS_MS};
    answer got = ask_owner(cli, store, &asked, &status);
    if (got == ANSWER_DONE)
        dz_cli_note(cli, "experiment %s goes on in process %lld; `dozan describe experiment %s%s`",
                    name, (long long)owner, name, cli->options.db_hint);
    else if (got != ANSWER_FAILED)
        status = dz_cli_failf(cli, DOZAN_DEADLINE_EXCEEDED,
                              "process %lld serves %s, and has not gone on with experiment %s "
                              "within %d s; try again in a moment",
                              (long long)owner, cli->options.db, name, PASS_MS / 1000);
    return status;
}

static int refuse_ended(dz_cli *cli, const dz_experiment *experiment)
{
    const dz_condition *last = experiment->condition_count > 0
                                   ? &experiment->conditions[experiment->condition_count - 1]
                                   : NULL;
    bool plugin_failed = last != NULL && strcmp(last->reason, "SuggestionFailed") == 0;
    if (dz_experiment_state_ended(experiment->state) && dz_experiment_at_rest(experiment) &&
        !plugin_failed)
        return dz_cli_failf(cli, DOZAN_FAILED_PRECONDITION,
                            "experiment %s has ended (%s): to run on, raise the limit it has "
                            "reached in its file, and `dozan run` that",
                            experiment->spec->name, last != NULL ? last->reason : "");
    return DZ_EXIT_SUCCEEDED;
}

/* ---- delete ---- */

static int delete_experiment(dz_cli *cli, dz_store *store, const dz_experiment *experiment)
{
    char name[DZ_QUALIFIED_NAME];
    dz_spec_qualified(experiment->spec, name);
    int64_t owner = dz_store_owner(store);
    dozan_error err = {0};
    if (dz_experiment_has_jobs(experiment))
        return dz_cli_failf(cli, DOZAN_FAILED_PRECONDITION,
                            "experiment %s is running: `dozan stop %s%s` first", name, name,
                            cli->options.db_hint);
    if (owner != 0)
        return delete_by_owner(cli, store, experiment, owner);
    if (dz_store_own(store, &err) != DOZAN_OK ||
        dz_store_delete(store, experiment->id, &err) != DOZAN_OK)
        return dz_cli_fail(cli, &err);
    return DZ_EXIT_SUCCEEDED;
}

/* The process that runs another experiment of the database deletes it; one that runs this one
 * passes the command by. */
static int delete_by_owner(dz_cli *cli, dz_store *store, const dz_experiment *experiment,
                           int64_t owner)
{
    char name[DZ_QUALIFIED_NAME];
    dz_spec_qualified(experiment->spec, name);
    int status = DZ_EXIT_SUCCEEDED;
    request asked = {DZ_COMMAND_DELETE, owner, name, 0, name, EFFECT_GONE, PASS_MS};
    switch (ask_owner(cli, store, &asked, &status)) {
    case ANSWER_DONE:
    case ANSWER_FAILED:
        break;
    case ANSWER_PASSED:
        return dz_cli_failf(cli, DOZAN_FAILED_PRECONDITION,
                            "experiment %s is running: `dozan stop %s%s` first", name, name,
                            cli->options.db_hint);
    case ANSWER_LATE:
        return dz_cli_failf(cli, DOZAN_FAILED_PRECONDITION,
                            "process %lld uses %s and has not deleted experiment %s within %d s; "
                            "nothing is changed: try again in a moment",
                            (long long)owner, cli->options.db, name, PASS_MS / 1000);
    case ANSWER_NO_OWNER:
        return dz_cli_failf(cli, DOZAN_FAILED_PRECONDITION,
                            "process %lld, which used %s, has just ended; nothing is changed: try "
                            "again",
                            (long long)owner, cli->options.db);
    }
    return status;
}

/* ---- asking the owner ---- */

/* Leaves it a command, and waits for the effect. A command that was not taken is taken back: it
 * would surprise the next owner. */
static answer ask_owner(dz_cli *cli, dz_store *store, const request *asked, int *status)
{
    dozan_error err = {0};
    answer got = ANSWER_FAILED;
    if (dz_store_post(store, asked->kind, asked->experiment, asked->trial, &err) == DOZAN_OK) {
        got = wait_for(store, asked);
        if (got != ANSWER_DONE && dz_store_withdraw(store, asked->kind, asked->experiment,
                                                    asked->trial, &err) != DOZAN_OK)
            got = ANSWER_FAILED;
    }
    if (got == ANSWER_FAILED)
        *status = dz_cli_fail(cli, &err);
    return got;
}

/* The effect is in the database before the command is out of it, so the command is looked for
 * first. */
static answer wait_for(dz_store *store, const request *asked)
{
    int64_t end = dz_cli_now() + asked->limit_ms;
    for (;;) {
        bool waits = true, begun = false;
        dozan_error err = {0};
        bool same_owner = dz_store_owner(store) == asked->owner;
        if (dz_store_waits(store, asked->kind, asked->experiment, asked->trial, &waits, &err) !=
            DOZAN_OK)
            waits = true; /* a busy database is asked again */
        bool holds = holds_now(store, asked, &begun);
        if (holds && !waits)
            return ANSWER_DONE;
        if (!same_owner)
            return holds && asked->kind != DZ_COMMAND_STOP ? ANSWER_DONE : ANSWER_NO_OWNER;
        if (!waits && !begun)
            return ANSWER_PASSED;
        if (dz_cli_now() >= end)
            return ANSWER_LATE;
        (void)poll(NULL, 0, POLL_MS);
    }
}

/* Whether the wanted effect is there; *begun: or will be, without the command being there any
 * longer. */
static bool holds_now(dz_store *store, const request *asked, bool *begun)
{
    dz_found found = {0};
    dozan_error err = {0};
    bool holds = false;
    dozan_status status =
        asked->wanted == EFFECT_TRIAL_ENDED
            ? dz_store_trial(store, asked->name, &found.experiment, &found.trial, &err)
            : dz_store_load(store, asked->name, &found.experiment, &err);
    *begun = status != DOZAN_OK && status != DOZAN_NOT_FOUND; /* cannot be told now */
    if (status == DOZAN_NOT_FOUND)
        holds = asked->wanted == EFFECT_GONE;
    if (status == DOZAN_OK && asked->wanted == EFFECT_GOES_ON) {
        holds = found.experiment->state != DZ_EXPERIMENT_SUSPENDED;
    } else if (status == DOZAN_OK && asked->wanted == EFFECT_RESTS) {
        holds = dz_experiment_at_rest(found.experiment);
        *begun = found.experiment->state == DZ_EXPERIMENT_SUSPENDED ||
                 dz_experiment_state_ended(found.experiment->state);
    } else if (status == DOZAN_OK && asked->wanted == EFFECT_TRIAL_ENDED) {
        holds = dz_trial_state_ended(found.trial->state);
        *begun = found.trial->state == DZ_TRIAL_STOPPING;
    }
    dz_found_fini(&found);
    return holds;
}
