/*
 * Taking an experiment up: the experiment itself and the trials that have not ended. What has ended
 * stays in the file, however much it is.
 */
#include "store/build.h"

#include <dozan/buf.h>
#include <stdlib.h>
#include <string.h>

enum { NEAR_DISTANCE = 3, NEAR_SHOWN = 3, NAME_MAX_BYTES = 256, NEAR_TEXT = 1024 };

static dozan_status find(dz_store *store, const char *name, dz_experiment **experiment,
                         dozan_error *err);
static dozan_status load_active(dz_store *store, dz_experiment *experiment, dozan_error *err);
static dozan_status add_active(dz_experiment *experiment, dz_trial *trial);
static dozan_status not_found(dz_store *store, const char *name, dozan_error *err);

dozan_status dz_store_load(dz_store *store, const char *name, dz_experiment **experiment,
                           dozan_error *err)
{
    dz_experiment *made = NULL;
    dozan_status status = dz_db_begin_read(store, err);
    if (status != DOZAN_OK)
        return status;
    status = find(store, name, &made, err);
    if (status == DOZAN_OK && made)
        status = load_active(store, made, err);
    dz_db_end_read(store);
    if (status != DOZAN_OK) {
        dz_experiment_destroy(made);
        return status;
    }
    *experiment = made;
    return DOZAN_OK;
}

/* ---- helpers */

static dozan_status find(dz_store *store, const char *name, dz_experiment **experiment,
                         dozan_error *err)
{
    dozan_status status = DOZAN_OK;
    dz_bind bind = dz_bind_new(store, "SELECT " DZ_EXPERIMENT_COLUMNS " FROM " DZ_EXPERIMENT_TABLES
                                      " WHERE e.name=?");
    dz_bind_text(&bind, name);
    bool found = dz_bind_step(&bind);
    if (found)
        status = dz_build_experiment(&bind, experiment, err);
    status = dz_bind_end(&bind, status, "cannot read the experiment", err);
    return status == DOZAN_OK && !found ? not_found(store, name, err) : status;
}

static dozan_status load_active(dz_store *store, dz_experiment *experiment, dozan_error *err)
{
    dozan_status status = DOZAN_OK;
    /* Else SQLite would walk the primary key, and with it all that have ended. */
    dz_bind bind = dz_bind_new(store, "SELECT " DZ_TRIAL_COLUMNS
                                      " FROM trials t INDEXED BY trials_active WHERE "
                                      "t.experiment=? AND t.active = 1 ORDER BY t.number");
    dz_bind_int(&bind, experiment->id);
    while (status == DOZAN_OK && dz_bind_step(&bind)) {
        dz_trial *trial = NULL;
        status = dz_build_trial(&bind, 0, experiment->spec->metric_count, &trial, err);
        if (status == DOZAN_OK && add_active(experiment, trial) != DOZAN_OK) {
            dz_trial_destroy(trial);
            status = dz_db_error(store, SQLITE_NOMEM, "cannot read the trials", err);
        }
    }
    return dz_bind_end(&bind, status, "cannot read the trials", err);
}

static dozan_status add_active(dz_experiment *experiment, dz_trial *trial)
{
    if (experiment->active_count == experiment->active_capacity) {
        size_t capacity = experiment->active_capacity ? experiment->active_capacity * 2 : 8;
        dz_trial **grown = realloc(experiment->active, capacity * sizeof(dz_trial *));
        if (!grown)
            return DOZAN_RESOURCE_EXHAUSTED;
        experiment->active = grown;
        experiment->active_capacity = capacity;
    }
    experiment->active[experiment->active_count++] = trial;
    return DOZAN_OK;
}

/* How many letters differ (Levenshtein); large when the names are very unlike. */
static size_t distance(const char *a, const char *b)
{
    size_t row[NAME_MAX_BYTES];
    size_t length = strlen(b);
    if (strlen(a) >= NAME_MAX_BYTES || length >= NAME_MAX_BYTES)
        return NAME_MAX_BYTES;
    for (size_t j = 0; j <= length; j++)
        row[j] = j;
    for (size_t i = 1; a[i - 1]; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= length; j++) {
            size_t best = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            if (best > row[j] + 1)
                best = row[j] + 1;
            if (best > row[j - 1] + 1)
                best = row[j - 1] + 1;
            row[j] = best;
        }
    }
    return row[length];
}

static bool is_near(const char *wanted, const char *name)
{
    return distance(wanted, name) <= NEAR_DISTANCE ||
           (*wanted && (strstr(name, wanted) || strstr(wanted, name)));
}

/* Says what there is instead: names like the one that was asked for, else how many there are. */
static dozan_status not_found(dz_store *store, const char *name, dozan_error *err)
{
    dozan_buf near;
    size_t shown = 0;
    int64_t count = 0;
    bool same = false;
    dozan_buf_init(&near, NEAR_TEXT);
    dz_bind bind = dz_bind_new(store, "SELECT name FROM experiments ORDER BY id DESC");
    for (; dz_bind_step(&bind); count++) {
        const char *other = (const char *)sqlite3_column_text(bind.stmt, 0);
        if (!other || shown == NEAR_SHOWN || !is_near(name, other))
            continue;
        same = same || strcmp(name, other) == 0;
        (void)dozan_buf_printf(&near, "%s\"%s\"", shown ? ", " : "", other);
        shown++;
    }
    dozan_status status = dz_bind_done(&bind, "cannot read the experiments", err);
    if (status == DOZAN_OK && same)
        status = dz_db_damaged(store, "an experiment is not where its name should lead to", err);
    else if (status == DOZAN_OK && shown && !near.failed)
        status =
            dozan_error_set(err, DOZAN_NOT_FOUND, store->path,
                            "there is no experiment \"%s\"; did you mean %s?", name, near.data);
    else if (status == DOZAN_OK)
        status = dozan_error_set(err, DOZAN_NOT_FOUND, store->path,
                                 "there is no experiment \"%s\" among the %lld of this database; "
                                 "`dozan get experiments` lists them",
                                 name, (long long)count);
    dozan_buf_fini(&near);
    return status;
}
