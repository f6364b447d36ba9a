/*
 * Commands that other processes leave for the owner: a small table as a mailbox. They are taken in
 * the order of posting, and go when they have been carried out.
 */
#include "store/db.h"

#include <string.h>
#include <time.h>

enum { KINDS = DZ_COMMAND_RETRY_TRIAL + 1 };

static const char *const kind_codes[KINDS] = {[DZ_COMMAND_STOP] = "STOP",
                                              [DZ_COMMAND_RESUME] = "RESUME",
                                              [DZ_COMMAND_KILL_TRIAL] = "KILL_TRIAL",
                                              [DZ_COMMAND_DELETE] = "DELETE",
                                              [DZ_COMMAND_RETRY_TRIAL] = "RETRY_TRIAL"};

static void bind_command(dz_bind *bind, dz_command_kind kind, const char *experiment,
                         int64_t trial);
static dozan_status read_first(dz_store *store, bool *found, dz_store_command *command,
                               dozan_error *err);

dozan_status dz_store_post(dz_store *store, dz_command_kind kind, const char *experiment,
                           int64_t trial, dozan_error *err)
{
    struct timespec now = {0};
    if (strlen(experiment) >= sizeof((dz_store_command *)NULL)->experiment)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, NULL,
                               "the experiment's name is too long to be one");
    (void)clock_gettime(CLOCK_REALTIME, &now);
    dozan_status status = dz_db_begin(store, err);
    if (status != DOZAN_OK)
        return status;
    dz_bind bind = dz_bind_new(
        store, "INSERT INTO commands (kind, experiment, trial, posted_ms) VALUES (?,?,?,?)");
    bind_command(&bind, kind, experiment, trial);
    dz_bind_int(&bind, (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000);
    status = dz_bind_run(&bind, "cannot post the command", NULL, err);
    status = dz_db_finish(store, status, err);
    store->no_commands_version = -1;
    return status;
}

dozan_status dz_store_next(dz_store *store, bool *found, dz_store_command *command,
                           dozan_error *err)
{
    int64_t version = 0;
    dozan_status status = dz_db_data_version(store, &version, err);
    if (status != DOZAN_OK)
        return status;
    if (version == store->no_commands_version) {
        *found = false;
        return DOZAN_OK;
    }
    /* A command posted between the two reads changes the version again, and is seen next time. */
    status = read_first(store, found, command, err);
    if (status == DOZAN_OK && !*found)
        store->no_commands_version = version;
    return status;
}

dozan_status dz_store_done(dz_store *store, int64_t command_id, dozan_error *err)
{
    dozan_status status = dz_db_begin_owned(store, true, err);
    if (status != DOZAN_OK)
        return status;
    dz_bind bind = dz_bind_new(store, "DELETE FROM commands WHERE id=?");
    dz_bind_int(&bind, command_id);
    status = dz_bind_run(&bind, "cannot remove the command", NULL, err);
    return dz_db_finish(store, status, err);
}

dozan_status dz_store_waits(dz_store *store, dz_command_kind kind, const char *experiment,
                            int64_t trial, bool *waits, dozan_error *err)
{
    dz_bind bind =
        dz_bind_new(store, "SELECT 1 FROM commands WHERE kind=? AND experiment=? AND trial=?");
    bind_command(&bind, kind, experiment, trial);
    *waits = dz_bind_step(&bind);
    return dz_bind_done(&bind, "cannot read the commands", err);
}

dozan_status dz_store_withdraw(dz_store *store, dz_command_kind kind, const char *experiment,
                               int64_t trial, dozan_error *err)
{
    dozan_status status = dz_db_begin(store, err);
    if (status != DOZAN_OK)
        return status;
    dz_bind bind =
        dz_bind_new(store, "DELETE FROM commands WHERE kind=? AND experiment=? AND trial=?");
    bind_command(&bind, kind, experiment, trial);
    status = dz_bind_run(&bind, "cannot take the command back", NULL, err);
    return dz_db_finish(store, status, err);
}

/* Writes only where there is something to drop: every run begins here. */
dozan_status dz_commands_drop(dz_store *store, dozan_error *err)
{
    int64_t count = 0;
    dozan_status status = dz_db_number(store, "SELECT count(*) FROM commands", &count, err);
    if (status != DOZAN_OK || count == 0)
        return status;
    status = dz_db_begin(store, err);
    if (status == DOZAN_OK)
        status = dz_db_finish(store, dz_db_execute(store, "DELETE FROM commands", err), err);
    return status;
}

/* ---- helpers */

static void bind_command(dz_bind *bind, dz_command_kind kind, const char *experiment, int64_t trial)
{
    dz_bind_text(bind, kind_codes[kind]);
    dz_bind_text(bind, experiment);
    dz_bind_int(bind, trial);
}

static dozan_status read_first(dz_store *store, bool *found, dz_store_command *command,
                               dozan_error *err)
{
    dozan_status status = DOZAN_OK;
    dz_store_command read = {0};
    dz_bind bind = dz_bind_kept(store, DZ_SQL_COMMAND_NEXT);
    bool any = dz_bind_step(&bind);
    if (any) {
        dz_row row = dz_row_of(&bind, 0);
        read.id = dz_row_int(&row, 1, INT64_MAX);
        read.kind = (dz_command_kind)dz_row_name(&row, kind_codes, KINDS);
        dz_row_copy(&row, read.experiment, sizeof read.experiment);
        read.trial = dz_row_int(&row, INT64_MIN, INT64_MAX);
        status = dz_row_error(store, &row, err);
    }
    status = dz_bind_end(&bind, status, "cannot read the commands", err);
    if (status != DOZAN_OK)
        return status;
    *found = any;
    if (any)
        *command = read;
    return DOZAN_OK;
}
