/*
 * Versions, and what has changed since one.
 *
 * Changes come from four places, each in the order of versions by itself: experiments and ended
 * trials by their indexes, trials that have not ended (few) by a walk, tombstones by their key.
 */
#include "store/changes.h"

#include "store/codec.h"
#include "store/db.h"

#include <stdio.h>
#include <string.h>

static const char version_now[] =
    "SELECT max((SELECT coalesce(max(version), 1) FROM experiments),"
    " (SELECT coalesce(max(version), 1) FROM trials WHERE active = 0),"
    " (SELECT coalesce(max(version), 1) FROM trials INDEXED BY trials_active WHERE active = 1),"
    " (SELECT coalesce(max(version), 1) FROM tombstones),"
    " (SELECT version FROM horizon))";

/* ?1 since, ?2 kinds, ?3 namespace or NULL, ?4 limit. */
static const char changes_since[] =
    "SELECT * FROM (SELECT e.version, e.created_version, 1 AS kind, 0 AS deleted, e.namespace, "
    "e.name, e.uid, NULL AS labels, e.name AS owner, e.id AS experiment, 0 AS trial, '' AS "
    "owner_uid FROM experiments e WHERE e.version > ?1 AND ?2 & 1 AND (?3 IS NULL OR e.namespace = "
    "?3) ORDER BY e.version LIMIT ?4) "
    "UNION ALL "
    "SELECT * FROM (SELECT t.version, t.created_version, 2, 0, e.namespace, t.name, NULL, NULL, "
    "e.name, e.id, t.number, e.uid FROM trials t INDEXED BY trials_by_version JOIN experiments e "
    "ON e.id = t.experiment WHERE t.active = 0 AND t.version > ?1 AND ?2 & 2 AND "
    "(?3 IS NULL OR e.namespace = ?3) ORDER BY t.version LIMIT ?4) "
    "UNION ALL "
    "SELECT * FROM (SELECT t.version, t.created_version, 2, 0, e.namespace, t.name, NULL, NULL, "
    "e.name, e.id, t.number, e.uid FROM trials t INDEXED BY trials_active JOIN experiments e ON "
    "e.id = t.experiment WHERE t.active = 1 AND t.version > ?1 AND ?2 & 2 AND (?3 IS NULL OR "
    "e.namespace = ?3) ORDER BY t.version LIMIT ?4) "
    "UNION ALL "
    "SELECT * FROM (SELECT version, created_version, CASE kind WHEN 'TRIAL' THEN 2 ELSE 1 END AS "
    "k, 1, namespace, name, uid, labels, experiment_name, experiment, trial, '' FROM tombstones "
    "WHERE version > ?1 AND ?2 & (CASE kind WHEN 'TRIAL' THEN 2 ELSE 1 END) AND (?3 IS NULL OR "
    "namespace = ?3) ORDER BY version LIMIT ?4) "
    "ORDER BY 1 LIMIT ?4";

static dozan_status read_change(dz_bind *bind, dz_change *change, char uid[DZ_UID_TEXT],
                                dozan_error *err);
static dozan_status tell_changes(dz_bind *bind, dz_change_visit *visit, void *user,
                                 dozan_error *err);
static void add_counts(dz_counts *counts, dz_row *row);

dozan_status dz_store_version_now(dz_store *store, int64_t *version, dozan_error *err)
{
    return dz_db_number(store, version_now, version, err);
}

dozan_status dz_store_version_oldest(dz_store *store, int64_t *version, dozan_error *err)
{
    return dz_db_number(store, "SELECT version FROM horizon", version, err);
}

/* One parameter more than the lint likes. NOLINTNEXTLINE(readability-function-size) */
dozan_status dz_store_changes(dz_store *store, int64_t since, int kinds, const char *namespace_,
                              int64_t limit, dz_change_visit *visit, void *user, dozan_error *err)
{
    int64_t oldest = 0;
    dozan_status status = dz_db_begin_read(store, err);
    if (status != DOZAN_OK)
        return status;
    status = dz_store_version_oldest(store, &oldest, err);
    if (status == DOZAN_OK && since < oldest)
        status = dozan_error_set(err, DOZAN_OUT_OF_RANGE, NULL,
                                 "version %lld is too old: what has changed is known from %lld on; "
                                 "list anew",
                                 (long long)since, (long long)oldest);
    if (status == DOZAN_OK) {
        dz_bind bind = dz_bind_new(store, changes_since);
        dz_bind_int(&bind, since);
        dz_bind_int(&bind, kinds);
        dz_bind_text(&bind, namespace_);
        dz_bind_int(&bind, limit > 0 ? limit : -1);
        status = tell_changes(&bind, visit, user, err);
    }
    dz_db_end_read(store);
    return status;
}

dozan_status dz_store_counts(dz_store *store, dz_counts_visit *visit, void *user, dozan_error *err)
{
    dozan_status status = DOZAN_OK;
    dz_counts counts = {0};
    char namespace_[256] = "";
    bool any = false, go_on = true;
    dz_bind bind = dz_bind_new(
        store, "SELECT namespace, state, state_counts FROM experiments ORDER BY namespace");
    while (status == DOZAN_OK && go_on && dz_bind_step(&bind)) {
        dz_row row = dz_row_of(&bind, 0);
        const char *next = dz_row_text(&row);
        if (any && strcmp(next, namespace_) != 0) {
            go_on = visit(user, &counts);
            counts = (dz_counts){0};
        }
        (void)snprintf(namespace_, sizeof namespace_, "%s", next);
        counts.namespace_ = namespace_;
        add_counts(&counts, &row);
        any = true;
        status = dz_row_error(store, &row, err);
    }
    status = dz_bind_end(&bind, status, "cannot count the experiments", err);
    if (status == DOZAN_OK && any && go_on)
        (void)visit(user, &counts);
    return status;
}

/* ---- helpers */

static dozan_status tell_changes(dz_bind *bind, dz_change_visit *visit, void *user,
                                 dozan_error *err)
{
    dozan_status status = DOZAN_OK;
    bool go_on = true;
    while (status == DOZAN_OK && go_on && dz_bind_step(bind)) {
        dz_change change = {0};
        char uid[DZ_UID_TEXT];
        status = read_change(bind, &change, uid, err);
        if (status == DOZAN_OK)
            go_on = visit(user, &change);
    }
    return dz_bind_end(bind, status, "cannot read what has changed", err);
}

/* The uid of a trial is not kept: it follows from its experiment's. */
static dozan_status read_change(dz_bind *bind, dz_change *change, char uid[DZ_UID_TEXT],
                                dozan_error *err)
{
    dz_row row = dz_row_of(bind, 0);
    change->version = dz_row_int(&row, 1, INT64_MAX);
    change->created_version = dz_row_int(&row, 1, INT64_MAX);
    change->kind = (dz_object_kind)dz_row_int(&row, DZ_OBJECT_EXPERIMENT, DZ_OBJECT_TRIAL);
    change->deleted = dz_row_bool(&row);
    change->namespace_ = dz_row_text(&row);
    change->name = dz_row_text(&row);
    change->uid = dz_row_text_or_null(&row);
    change->labels = dz_row_text_or_null(&row);
    change->experiment = dz_row_text(&row);
    change->experiment_id = dz_row_int(&row, 1, INT64_MAX);
    change->trial = dz_row_int(&row, 0, INT64_MAX);
    if (!change->uid) {
        dz_experiment of = {0};
        dz_row_copy(&row, of.uid, sizeof of.uid);
        dz_trial_uid(&of, change->trial, uid);
        change->uid = uid;
    }
    return dz_row_error(bind->store, &row, err);
}

static void add_counts(dz_counts *counts, dz_row *row)
{
    dz_experiment of = {0};
    counts->experiments[dz_row_name(row, dz_experiment_state_codes, DZ_EXPERIMENT_STATE_COUNT)]++;
    dz_row_fail(row, dz_counts_read(dz_row_text(row), &of));
    for (int i = 0; i < DZ_TRIAL_STATE_COUNT; i++)
        counts->trials[i] += of.state_counts[i];
}
