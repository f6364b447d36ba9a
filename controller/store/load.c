/*
 * Taking an experiment up: the experiment itself and the trials that have not ended. What has ended
 * stays in the file, however much it is.
 */
#include "store/build.h"

#include <dozan/buf.h>
#include <stdlib.h>
#include <string.h>

enum { NEAR_DISTANCE = 3, NEAR_SHOWN = 3, NAME_MAX_BYTES = 256, NEAR_TEXT = 1024 };

/* What to look for. */
typedef struct sought {
    int64_t id; /* 0 = by name */
    const char *namespace_, *name;
} sought;

static dozan_status load(dz_store *store, const sought *what, dz_experiment **experiment,
                         dozan_error *err);
static dozan_status find(dz_store *store, const sought *what, dz_experiment **experiment,
                         dozan_error *err);
static dozan_status find_namespace(dz_store *store, const char *name, dz_qualified *found,
                                   dozan_error *err);
static dozan_status load_active(dz_store *store, dz_experiment *experiment, dozan_error *err);
static dozan_status add_active(dz_experiment *experiment, dz_trial *trial);
static dozan_status not_found(dz_store *store, const sought *what, dozan_error *err);

dozan_status dz_store_load(dz_store *store, const char *name, dz_experiment **experiment,
                           dozan_error *err)
{
    dz_qualified qualified;
    if (!dz_qualified_read(name, &qualified))
        return dozan_error_set(err, DOZAN_NOT_FOUND, store->path, "there is no experiment \"%s\"",
                               name);
    dozan_status status = qualified.given ? DOZAN_OK : find_namespace(store, name, &qualified, err);
    const sought what = {0, qualified.namespace_, qualified.name};
    return status == DOZAN_OK ? load(store, &what, experiment, err) : status;
}

dozan_status dz_store_load_in(dz_store *store, const char *namespace_, const char *name,
                              dz_experiment **experiment, dozan_error *err)
{
    const sought what = {0, namespace_, name};
    return load(store, &what, experiment, err);
}

dozan_status dz_store_load_id(dz_store *store, int64_t experiment_id, dz_experiment **experiment,
                              dozan_error *err)
{
    const sought what = {experiment_id, NULL, NULL};
    return load(store, &what, experiment, err);
}

bool dz_qualified_read(const char *text, dz_qualified *qualified)
{
    size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-");
    const char *slash = length > 0 && text[length] == '/' ? text + length : NULL;
    if (!slash)
        length = 0; /* no namespace has such a name: it is a bad name as a whole */
    if (length >= sizeof qualified->namespace_)
        return false;
    *qualified = (dz_qualified){.namespace_ = "default", .name = text, .given = slash != NULL};
    if (slash) {
        memcpy(qualified->namespace_, text, length);
        qualified->namespace_[length] = '\0';
        qualified->name = slash + 1;
    }
    return true;
}

/* ---- helpers */

static dozan_status load(dz_store *store, const sought *what, dz_experiment **experiment,
                         dozan_error *err)
{
    dz_experiment *made = NULL;
    dozan_status status = dz_db_begin_read(store, err);
    if (status != DOZAN_OK)
        return status;
    status = find(store, what, &made, err);
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

static dozan_status find(dz_store *store, const sought *what, dz_experiment **experiment,
                         dozan_error *err)
{
    dozan_status status = DOZAN_OK;
    dz_bind bind =
        dz_bind_new(store, what->id ? "SELECT " DZ_EXPERIMENT_COLUMNS " FROM " DZ_EXPERIMENT_TABLES
                                      " WHERE e.id=?"
                                    : "SELECT " DZ_EXPERIMENT_COLUMNS " FROM " DZ_EXPERIMENT_TABLES
                                      " WHERE e.namespace=? AND e.name=?");
    if (what->id) {
        dz_bind_int(&bind, what->id);
    } else {
        dz_bind_text(&bind, what->namespace_);
        dz_bind_text(&bind, what->name);
    }
    bool found = dz_bind_step(&bind);
    if (found)
        status = dz_build_experiment(&bind, experiment, err);
    status = dz_bind_end(&bind, status, "cannot read the experiment", err);
    if (status != DOZAN_OK || found)
        return status;
    return what->id || !what->name ? dz_db_gone(store, err) : not_found(store, what, err);
}

/* A name without a namespace is one of "default", unless only another has it. */
static dozan_status find_namespace(dz_store *store, const char *name, dz_qualified *found,
                                   dozan_error *err)
{
    dozan_buf list;
    size_t count = 0;
    dz_bind exact = dz_bind_kept(store, DZ_SQL_EXPERIMENT_ID);
    dz_bind_text(&exact, found->namespace_);
    dz_bind_text(&exact, name);
    bool in_default = dz_bind_step(&exact);
    dozan_status status = dz_bind_done(&exact, "cannot read the experiments", err);
    if (status != DOZAN_OK || in_default)
        return status;
    dozan_buf_init(&list, NEAR_TEXT);
    dz_bind bind =
        dz_bind_new(store, "SELECT namespace FROM experiments WHERE name=? ORDER BY namespace");
    dz_bind_text(&bind, name);
    for (; dz_bind_step(&bind); count++) {
        dz_row row = dz_row_of(&bind, 0);
        dz_row_copy(&row, found->namespace_, sizeof found->namespace_);
        if (count < NEAR_SHOWN)
            (void)dozan_buf_printf(&list, "%s%s/%s", count ? ", " : "", found->namespace_, name);
    }
    status = dz_bind_done(&bind, "cannot read the experiments", err);
    if (count != 1)
        memcpy(found->namespace_, "default", sizeof "default");
    if (status == DOZAN_OK && count > 1 && !list.failed)
        status = dozan_error_set(err, DOZAN_FAILED_PRECONDITION, store->path,
                                 "several namespaces have an experiment \"%s\"; say which one: %s",
                                 name, list.data);
    dozan_buf_fini(&list);
    return status;
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
static dozan_status not_found(dz_store *store, const sought *what, dozan_error *err)
{
    dozan_buf near;
    size_t shown = 0;
    int64_t count = 0;
    bool same = false;
    dozan_buf_init(&near, NEAR_TEXT);
    dz_bind bind =
        dz_bind_new(store, "SELECT name FROM experiments WHERE namespace=? ORDER BY id DESC");
    dz_bind_text(&bind, what->namespace_);
    for (; dz_bind_step(&bind); count++) {
        const char *other = (const char *)sqlite3_column_text(bind.stmt, 0);
        if (!other || shown == NEAR_SHOWN || !is_near(what->name, other))
            continue;
        same = same || strcmp(what->name, other) == 0;
        (void)dozan_buf_printf(&near, "%s\"%s\"", shown ? ", " : "", other);
        shown++;
    }
    dozan_status status = dz_bind_done(&bind, "cannot read the experiments", err);
    bool inside = strcmp(what->namespace_, "default") != 0;
    const char *space = inside ? what->namespace_ : "", *slash = inside ? "/" : "";
    if (status == DOZAN_OK && same)
        status = dz_db_damaged(store, "an experiment is not where its name should lead to", err);
    else if (status == DOZAN_OK && shown && !near.failed)
        status = dozan_error_set(err, DOZAN_NOT_FOUND, store->path,
                                 "there is no experiment \"%s%s%s\"; did you mean %s?", space,
                                 slash, what->name, near.data);
    else if (status == DOZAN_OK)
        status = dozan_error_set(err, DOZAN_NOT_FOUND, store->path,
                                 "there is no experiment \"%s%s%s\" among the %lld of this "
                                 "%s; `dozan get experiments` lists them",
                                 space, slash, what->name, (long long)count,
                                 inside ? "namespace" : "database");
    dozan_buf_fini(&near);
    return status;
}
