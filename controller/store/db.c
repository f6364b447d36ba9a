/*
 * The connection: transactions, kept statements, and what SQLite's errors mean for the user.
 */
#include "store/db.h"

#include <errno.h>
#include <string.h>

/* The columns of a trial that change, in the order of bind_trial (commit.c). */
#define TRIAL_CHANGES                                                                              \
    "state=?3, stop_cause=?4, attempt=?5, failures=?6, losses=?7, observations=?8, "               \
    "judged_dirty=?9, started_ms=?10, ended_ms=?11, not_before_ms=?12, cpu_milli=?13, gpus=?14, "  \
    "reason=?15, message=?16, version=?17"
#define TRIAL_COLUMNS                                                                              \
    "experiment, number, state, stop_cause, attempt, failures, losses, observations, "             \
    "judged_dirty, started_ms, ended_ms, not_before_ms, cpu_milli, gpus, reason, message, "        \
    "version, active, name, created_ms, assignments, labels, created_version"

/* The log's two halves, with the same columns. Both come in the order of their primary keys, so
 * that SQLite merges them as it goes and sorts nothing. */
#define LOG_EVENTS                                                                                 \
    "SELECT v.seq AS seq, v.kind, v.trial, 0, 0, v.value, "                                        \
    "coalesce(v.assignments, t.assignments), t.labels, v.others FROM events v "                    \
    "LEFT JOIN trials t ON v.kind = 'ASKED' AND t.experiment = v.experiment "                      \
    "AND t.number = v.trial WHERE v.experiment = ?1 AND v.seq > ?2 "
#define LOG_REPORTS                                                                                \
    "SELECT seq, 'REPORT', trial, metric, step, value, NULL, NULL, NULL FROM metrics "             \
    "WHERE experiment = ?1 AND seq > ?2 AND value IS NOT NULL "

static const char *const kept_sql[DZ_SQL_COUNT] = {
    [DZ_SQL_BEGIN] = "BEGIN IMMEDIATE",
    [DZ_SQL_COMMIT] = "COMMIT",
    [DZ_SQL_ROLLBACK] = "ROLLBACK",
    [DZ_SQL_EXPERIMENT_UPDATE] =
        "UPDATE experiments SET state=?2, conditions=?3, started_ms=?4, completed_ms=?5, "
        "runtime_ms=?6, runtime_mark_ms=?7, trial_count=?8, last_seq=?9, state_counts=?10, "
        "best_trial=?11, best_value=?12, exhausted=?13, suggestion_reason=?14, "
        "suggestion_message=?15, plugin_faults=?16, plugin_fault=?17, version=?18, "
        "generation=?19, at_rest=?20 WHERE id=?1",
    [DZ_SQL_SEQ_UPDATE] = "UPDATE experiments SET last_seq=? WHERE id=?",
    /* Two forms, so that the index of the active trials is rewritten only when one ends. */
    [DZ_SQL_TRIAL_UPDATE] = "UPDATE trials SET " TRIAL_CHANGES " WHERE experiment=?1 AND number=?2",
    [DZ_SQL_TRIAL_END] =
        "UPDATE trials SET active=0, " TRIAL_CHANGES " WHERE experiment=?1 AND number=?2",
    [DZ_SQL_TRIAL_INSERT] = "INSERT INTO trials (" TRIAL_COLUMNS ") VALUES "
                            "(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
    [DZ_SQL_EVENT_INSERT] = "INSERT INTO events VALUES (?,?,?,?,?,?,?,?,?,?)",
    [DZ_SQL_METRIC_INSERT] = "INSERT INTO metrics VALUES (?,?,?,?,?,?,?,?,?)",
    [DZ_SQL_FRONT_INSERT] = "INSERT INTO front (experiment, trial, objectives) VALUES (?,?,?)",
    [DZ_SQL_FRONT_DELETE] = "DELETE FROM front WHERE experiment=? AND trial=?",
    [DZ_SQL_LAST_SEQ] = "SELECT last_seq FROM experiments WHERE id=?",
    [DZ_SQL_LOG_EVENTS] = LOG_EVENTS "ORDER BY 1",
    [DZ_SQL_LOG_ALL] = LOG_EVENTS "UNION ALL " LOG_REPORTS "ORDER BY 1",
    [DZ_SQL_REPORT_INSERT] = "INSERT OR IGNORE INTO reports VALUES (?,?,?,?)",
    [DZ_SQL_TOMBSTONE_INSERT] = "INSERT INTO tombstones VALUES (?,?,?,?,?,?,?,?,?,?)",
    [DZ_SQL_EXPERIMENT_ID] = "SELECT id FROM experiments WHERE namespace=? AND name=?",
    [DZ_SQL_REPORT_KNOWN] =
        "SELECT 1 FROM reports WHERE experiment=? AND trial=? AND attempt=? AND request=?",
    [DZ_SQL_TRIAL_NUMBER] = ("SELECT t.experiment, t.number FROM trials t JOIN experiments e ON "
                             "e.id = t.experiment WHERE t.name=? AND e.namespace=?"),
    [DZ_SQL_DATA_VERSION] = "PRAGMA data_version",
    [DZ_SQL_COMMAND_NEXT] = "SELECT id, kind, experiment, trial FROM commands ORDER BY id LIMIT 1",
};

/* What a result code means here: the status, the cause, and what to do. */
typedef struct meaning {
    int code;
    dozan_status status;
    const char *text;
} meaning;

static const meaning meanings[] = {
    {SQLITE_FULL, DOZAN_RESOURCE_EXHAUSTED,
     "the disk is full; free some space and try again: nothing was written"},
    {SQLITE_NOMEM, DOZAN_RESOURCE_EXHAUSTED, "out of memory; nothing was written"},
    {SQLITE_TOOBIG, DOZAN_RESOURCE_EXHAUSTED, "a text is larger than the database can hold"},
    {SQLITE_READONLY, DOZAN_PERMISSION_DENIED,
     "the file is not writable; check its permissions and those of its directory"},
    {SQLITE_PERM, DOZAN_PERMISSION_DENIED, "no permission; check the file's permissions"},
    {SQLITE_BUSY, DOZAN_UNAVAILABLE,
     "another program has the database locked; close it (a sqlite3 shell?) and try again"},
    {SQLITE_LOCKED, DOZAN_UNAVAILABLE, "the database is locked; try again"},
    {SQLITE_CORRUPT, DOZAN_DATA_LOSS,
     "the database is damaged; restore it from a backup, or save what can be read with: sqlite3 "
     "FILE .recover"},
    {SQLITE_NOTADB, DOZAN_FAILED_PRECONDITION, "the file is no database; give --db another path"},
    {SQLITE_CONSTRAINT, DOZAN_INTERNAL, "a row contradicts the others"},
};

/* What the system's error means behind SQLITE_IOERR ... */
static const meaning io_meanings[] = {
    {ENOSPC, DOZAN_RESOURCE_EXHAUSTED,
     "the disk is full; free some space and try again: nothing was written"},
    {EDQUOT, DOZAN_RESOURCE_EXHAUSTED,
     "the disk quota is used up; free some space and try again: nothing was written"},
};

/* ... and behind SQLITE_CANTOPEN. */
static const meaning open_meanings[] = {
    {ENOSPC, DOZAN_RESOURCE_EXHAUSTED, "the disk is full; free some space and try again"},
    {EDQUOT, DOZAN_RESOURCE_EXHAUSTED, "the disk quota is used up; free some space and try again"},
    {EMFILE, DOZAN_RESOURCE_EXHAUSTED, "too many open files; raise the limit (ulimit -n)"},
    {ENFILE, DOZAN_RESOURCE_EXHAUSTED, "the system has too many open files"},
    {EACCES, DOZAN_PERMISSION_DENIED,
     "no permission; check those of the file and of its directory"},
    {EPERM, DOZAN_PERMISSION_DENIED, "no permission; check those of the file and of its directory"},
    {EROFS, DOZAN_PERMISSION_DENIED, "the file system is read-only; give --db another path"},
    {ENOENT, DOZAN_NOT_FOUND, "there is no such directory; make it or give --db another path"},
    {ENOTDIR, DOZAN_NOT_FOUND, "a part of the path is no directory; give --db another path"},
    {EISDIR, DOZAN_FAILED_PRECONDITION, "it is a directory; give --db the path of a file"},
};

#define COUNT(table) (sizeof(table) / sizeof *(table))

static const meaning *find_meaning(const meaning *table, size_t count, int code);
static dozan_status clear_way(dz_store *store, dozan_error *err);
static dozan_status set_synced(dz_store *store, bool synced, dozan_error *err);

dozan_status dz_db_error(const dz_store *store, int code, const char *doing, dozan_error *err)
{
    int primary = code & 0xff;
    bool system = primary == SQLITE_IOERR || primary == SQLITE_CANTOPEN;
    int number = system ? sqlite3_system_errno(store->db) : 0;
    const meaning *known = find_meaning(meanings, COUNT(meanings), primary);
    if (primary == SQLITE_IOERR)
        known = find_meaning(io_meanings, COUNT(io_meanings), number);
    else if (primary == SQLITE_CANTOPEN)
        known = find_meaning(open_meanings, COUNT(open_meanings), number);
    if (known)
        return dozan_error_set(err, known->status, store->path, "%s: %s", doing, known->text);
    if (!system)
        return dozan_error_set(err, DOZAN_INTERNAL, store->path, "%s: %s", doing,
                               sqlite3_errmsg(store->db));
    char text[128];
    return dozan_error_set(err, DOZAN_UNAVAILABLE, store->path,
                           "%s: %s (%s); check the disk and try again", doing, sqlite3_errstr(code),
                           number != 0 ? strerror_r(number, text, sizeof text) : "no cause given");
}

dozan_status dz_db_damaged(const dz_store *store, const char *what, dozan_error *err)
{
    return dozan_error_set(err, DOZAN_DATA_LOSS, store->path,
                           "the database is damaged: %s; restore it from a backup", what);
}

dozan_status dz_db_begin(dz_store *store, dozan_error *err)
{
    dozan_status status = clear_way(store, err);
    if (status != DOZAN_OK)
        return status;
    dz_bind bind = dz_bind_kept(store, DZ_SQL_BEGIN);
    return dz_bind_run(&bind, "cannot begin to write", NULL, err);
}

dozan_status dz_db_commit(dz_store *store, dozan_error *err)
{
    dz_bind bind = dz_bind_kept(store, DZ_SQL_COMMIT);
    dozan_status status = dz_bind_run(&bind, "cannot write", NULL, err);
    if (status == DOZAN_OK)
        store->commits++;
    return status;
}

void dz_db_rollback(dz_store *store)
{
    /* SQLite has rolled back by itself after some errors. Should this fail, the next transaction
     * does it before it begins. */
    if (sqlite3_get_autocommit(store->db))
        return;
    dz_bind bind = dz_bind_kept(store, DZ_SQL_ROLLBACK);
    dozan_status status = dz_bind_run(&bind, "cannot roll back", NULL, NULL);
    (void)status;
}

dozan_status dz_db_begin_read(dz_store *store, dozan_error *err)
{
    dozan_status status = clear_way(store, err);
    return status == DOZAN_OK ? dz_db_execute(store, "BEGIN", err) : status;
}

void dz_db_end_read(dz_store *store)
{
    dz_db_rollback(store);
}

dozan_status dz_db_begin_owned(dz_store *store, bool synced, dozan_error *err)
{
    if (store->lock_fd < 0)
        return dozan_error_set(err, DOZAN_FAILED_PRECONDITION, store->path,
                               "only the owner of the database may write to it, and this process "
                               "has not become the owner");
    dozan_status status = clear_way(store, err);
    if (status == DOZAN_OK)
        status = set_synced(store, synced, err);
    return status == DOZAN_OK ? dz_db_begin(store, err) : status;
}

dozan_status dz_db_finish(dz_store *store, dozan_status status, dozan_error *err)
{
    if (status == DOZAN_OK)
        status = dz_db_commit(store, err);
    if (status != DOZAN_OK)
        dz_db_rollback(store);
    return status;
}

dozan_status dz_db_gone(const dz_store *store, dozan_error *err)
{
    return dozan_error_set(err, DOZAN_NOT_FOUND, store->path,
                           "the experiment is no longer in the database");
}

dozan_status dz_db_execute(dz_store *store, const char *sql, dozan_error *err)
{
    int code = sqlite3_exec(store->db, sql, NULL, NULL, NULL);
    return code == SQLITE_OK ? DOZAN_OK : dz_db_error(store, code, "cannot use the database", err);
}

dozan_status dz_db_number(dz_store *store, const char *sql, int64_t *number, dozan_error *err)
{
    dz_bind bind = dz_bind_new(store, sql);
    if (dz_bind_step(&bind))
        *number = sqlite3_column_int64(bind.stmt, 0);
    return dz_bind_done(&bind, "cannot read the database", err);
}

dozan_status dz_db_data_version(dz_store *store, int64_t *version, dozan_error *err)
{
    dz_bind bind = dz_bind_kept(store, DZ_SQL_DATA_VERSION);
    if (dz_bind_step(&bind))
        *version = sqlite3_column_int64(bind.stmt, 0);
    return dz_bind_done(&bind, "cannot read the database", err);
}

dz_bind dz_bind_kept(dz_store *store, dz_sql sql)
{
    dz_bind bind = {.store = store, .next = 1, .kept = true};
    if (!store->kept[sql])
        bind.code = sqlite3_prepare_v3(store->db, kept_sql[sql], -1, SQLITE_PREPARE_PERSISTENT,
                                       &store->kept[sql], NULL);
    bind.stmt = store->kept[sql];
    return bind;
}

dz_bind dz_bind_new(dz_store *store, const char *sql)
{
    dz_bind bind = {.store = store, .next = 1};
    bind.code = sqlite3_prepare_v2(store->db, sql, -1, &bind.stmt, NULL);
    return bind;
}

/* ---- helpers */

static const meaning *find_meaning(const meaning *table, size_t count, int code)
{
    for (size_t i = 0; i < count; i++)
        if (table[i].code == code)
            return &table[i];
    return NULL;
}

/* Sees to it before a transaction that it can be rolled back even for want of memory, and that none
 * is left open by an earlier one that could not. */
static dozan_status clear_way(dz_store *store, dozan_error *err)
{
    dz_bind bind = dz_bind_kept(store, DZ_SQL_ROLLBACK);
    if (bind.code == SQLITE_OK)
        dz_db_rollback(store);
    return dz_bind_done(&bind, "cannot use the database", err);
}

/* Outside of a transaction only: inside, SQLite would not listen. */
static dozan_status set_synced(dz_store *store, bool synced, dozan_error *err)
{
    if (store->durability != DZ_DURABILITY_FULL || store->unsynced == !synced)
        return DOZAN_OK;
    dozan_status status = dz_db_execute(
        store, synced ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL", err);
    if (status == DOZAN_OK)
        store->unsynced = !synced;
    return status;
}
