/*
 * Deletions, and the tombstones that tell readers of them.
 */
#include "store/db.h"
#include "store/store.h"

enum {
    TOMBSTONES = 10000, /* how many are kept */
    PRUNE_SLACK = 1000  /* how many more there may be, so that not every deletion prunes */
};

/* What a tombstone says. */
typedef struct tombstone {
    const dz_experiment *experiment;
    int64_t trial; /* 0 = of the experiment itself */
    const char *name, *uid, *labels;
    int64_t created_version;
} tombstone;

static dozan_status bury_trials(dz_store *store, const dz_experiment *experiment, dozan_error *err);
static dozan_status bury_experiment(dz_store *store, const dz_experiment *experiment,
                                    dozan_error *err);
static dozan_status bury(dz_store *store, const tombstone *stone, dozan_error *err);
static dozan_status prune(dz_store *store, dozan_error *err);
static dozan_status forget_commands(dz_store *store, const dz_experiment *experiment,
                                    dozan_error *err);

dozan_status dz_store_put_deleted(dz_store *store, const dz_experiment *experiment,
                                  dozan_error *err)
{
    int changed = 0;
    dozan_status status = forget_commands(store, experiment, err);
    if (status == DOZAN_OK)
        status = bury_trials(store, experiment, err);
    if (status == DOZAN_OK)
        status = bury_experiment(store, experiment, err);
    if (status == DOZAN_OK) {
        dz_bind bind = dz_bind_new(store, "DELETE FROM experiments WHERE id=?");
        dz_bind_int(&bind, experiment->id);
        status = dz_bind_run(&bind, "cannot delete the experiment", &changed, err);
    }
    if (status == DOZAN_OK && changed == 0)
        status = dz_db_gone(store, err);
    return status == DOZAN_OK ? prune(store, err) : status;
}

dozan_status dz_store_delete(dz_store *store, int64_t experiment_id, dozan_error *err)
{
    dz_experiment *experiment = NULL;
    dozan_status status = dz_store_load_id(store, experiment_id, &experiment, err);
    if (status == DOZAN_OK)
        status = dz_store_begin(store, true, err);
    if (status == DOZAN_OK)
        status = dz_store_end(store, dz_store_put_deleted(store, experiment, err), err);
    if (status == DOZAN_OK)
        dz_store_shrink(store);
    dz_experiment_destroy(experiment);
    return status;
}

/* The file gets smaller where that is possible now; if not, its free pages are used again. */
void dz_store_shrink(dz_store *store)
{
    (void)sqlite3_exec(store->db, "PRAGMA incremental_vacuum; PRAGMA wal_checkpoint", NULL, NULL,
                       NULL);
}

/* ---- helpers */

/* What was asked of this experiment must not fall upon a later one of its name. */
static dozan_status forget_commands(dz_store *store, const dz_experiment *experiment,
                                    dozan_error *err)
{
    char name[DZ_QUALIFIED_NAME];
    dz_spec_qualified(experiment->spec, name);
    dz_bind bind = dz_bind_new(store, "DELETE FROM commands WHERE experiment=?");
    dz_bind_text(&bind, name);
    return dz_bind_run(&bind, "cannot delete the experiment's commands", NULL, err);
}

/* The last ones, as many as are kept. */
static dozan_status bury_trials(dz_store *store, const dz_experiment *experiment, dozan_error *err)
{
    dozan_status status = DOZAN_OK;
    dz_bind bind = dz_bind_new(store, "SELECT number, name, created_version FROM trials "
                                      "WHERE experiment=? AND number>? ORDER BY number");
    dz_bind_int(&bind, experiment->id);
    dz_bind_int(&bind, experiment->trial_count - TOMBSTONES);
    while (status == DOZAN_OK && dz_bind_step(&bind)) {
        dz_row row = dz_row_of(&bind, 0);
        char uid[DZ_UID_TEXT];
        tombstone stone = {.experiment = experiment, .uid = uid, .labels = "{}"};
        stone.trial = dz_row_int(&row, 1, INT64_MAX);
        stone.name = dz_row_text(&row);
        stone.created_version = dz_row_int(&row, 1, INT64_MAX);
        dz_trial_uid(experiment, stone.trial, uid);
        status = dz_row_error(store, &row, err);
        if (status == DOZAN_OK)
            status = bury(store, &stone, err);
    }
    return dz_bind_end(&bind, status, "cannot read the trials", err);
}

static dozan_status bury_experiment(dz_store *store, const dz_experiment *experiment,
                                    dozan_error *err)
{
    const cJSON *metadata =
        cJSON_GetObjectItemCaseSensitive(experiment->spec->document, "metadata");
    const cJSON *labels = cJSON_GetObjectItemCaseSensitive(metadata, "labels");
    char *text = cJSON_IsObject(labels) ? cJSON_PrintUnformatted(labels) : NULL;
    if (cJSON_IsObject(labels) && !text)
        return dz_db_error(store, SQLITE_NOMEM, "cannot delete the experiment", err);
    tombstone stone = {.experiment = experiment,
                       .name = experiment->spec->name,
                       .uid = experiment->uid,
                       .labels = text ? text : "{}",
                       .created_version = experiment->created_version};
    dozan_status status = bury(store, &stone, err);
    cJSON_free(text);
    return status;
}

static dozan_status bury(dz_store *store, const tombstone *stone, dozan_error *err)
{
    dz_bind bind = dz_bind_kept(store, DZ_SQL_TOMBSTONE_INSERT);
    dz_bind_int(&bind, ++store->version);
    dz_bind_text(&bind, stone->trial ? "TRIAL" : "EXPERIMENT");
    dz_bind_text(&bind, stone->experiment->spec->namespace_);
    dz_bind_text(&bind, stone->name);
    dz_bind_text(&bind, stone->uid);
    dz_bind_text(&bind, stone->labels);
    dz_bind_text(&bind, stone->experiment->spec->name);
    dz_bind_int(&bind, stone->experiment->id);
    dz_bind_int(&bind, stone->trial);
    dz_bind_int(&bind, stone->created_version);
    return dz_bind_run(&bind, "cannot note the deletion", NULL, err);
}

/* What is forgotten moves the horizon: from before it, changes cannot be told whole any more. */
static dozan_status prune(dz_store *store, dozan_error *err)
{
    int64_t count = 0;
    dozan_status status = dz_db_number(store, "SELECT count(*) FROM tombstones", &count, err);
    if (status != DOZAN_OK || count <= TOMBSTONES + PRUNE_SLACK)
        return status;
    dz_bind bind = dz_bind_new(store, "UPDATE horizon SET version = (SELECT version FROM "
                                      "tombstones ORDER BY version DESC LIMIT 1 OFFSET ?)");
    dz_bind_int(&bind, TOMBSTONES);
    status = dz_bind_run(&bind, "cannot forget old deletions", NULL, err);
    if (status == DOZAN_OK)
        status = dz_db_execute(
            store, "DELETE FROM tombstones WHERE version <= (SELECT version FROM horizon)", err);
    return status;
}
