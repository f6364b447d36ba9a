/*
 * Opening and closing.
 *
 * A file is looked at before anything of it is changed: one that is not ours, or of a newer
 * version, is left as it was, down to its write-ahead log. A reader opens the file for writing too
 * where it may, for it can post commands, and must be able to take up a log that a killed owner
 * left.
 */
#include "store/db.h"
#include "store/schema.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    BUSY_TIMEOUT_MS = 10000,
    /* Pages of 4 KiB, so a log of 4 MB. Synced commits are equally fast with 250 to 4,000, and a
     * quarter slower with 16,000 (tests/bench/bench_store.c). */
    CHECKPOINT_PAGES = 1000,
    CACHE_KIB = 1024,
    LOG_LIMIT_BYTES = 16 * 1024 * 1024 /* what a large commit may leave behind on disk */
};

static char *directory_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == path ? strdup("/")
           : slash       ? strndup(path, (size_t)(slash - path))
                         : strdup(".");
}

/* Whether nobody can be writing to it just now and we cannot make the log's files that reading
 * needs too: a copy on a read-only medium, or another user's. A log that is there is read. */
static bool is_frozen(const dz_store *store)
{
    char *log = NULL, *directory = directory_of(store->path);
    bool frozen = directory && store->mode == DZ_STORE_READ && access(directory, W_OK) != 0 &&
                  (errno == EACCES || errno == EROFS) && asprintf(&log, "%s-wal", store->path) >= 0;
    frozen = frozen && access(log, F_OK) != 0 && errno == ENOENT;
    free(log);
    free(directory);
    return frozen;
}

/* "./" keeps SQLite from taking a name as ":memory:"; a frozen file is told of in a URI, where
 * three characters have a meaning. Freed by sqlite3_free. */
static char *file_name(const dz_store *store, bool frozen)
{
    const char *below = *store->path == '/' ? "" : "./";
    if (!frozen)
        return sqlite3_mprintf("%s%s", below, store->path);
    sqlite3_str *name = sqlite3_str_new(NULL);
    sqlite3_str_appendf(name, "file:%s", below);
    for (const char *at = store->path; *at; at++)
        sqlite3_str_appendf(name, strchr("?#%", *at) ? "%%%02X" : "%c", *at);
    sqlite3_str_appendall(name, "?immutable=1");
    return sqlite3_str_finish(name);
}

static dozan_status make(const char *path, dz_store_mode mode, dz_durability durability,
                         dz_store **store, dozan_error *err);
static dozan_status check_path(const char *path, dz_store_mode mode, dozan_error *err);
static dozan_status check_directory(const char *path, dozan_error *err);
static char *directory_of(const char *path);
static bool is_frozen(const dz_store *store);
static char *file_name(const dz_store *store, bool frozen);
static dozan_status connect(dz_store *store, dozan_error *err);
static dozan_status prepare_file(dz_store *store, dozan_error *err);
static dozan_status set_up(dz_store *store, dozan_error *err);
static dozan_status make_tables(dz_store *store, dozan_error *err);

dozan_status dz_store_open(const char *path, dz_store_mode mode, dz_durability durability,
                           dz_store **store, dozan_error *err)
{
    dz_store *made = NULL;
    dozan_status status = check_path(path, mode, err);
    if (status == DOZAN_OK)
        status = make(path, mode, durability, &made, err);
    if (status == DOZAN_OK)
        status = connect(made, err);
    if (status == DOZAN_OK)
        status = prepare_file(made, err);
    if (status != DOZAN_OK) {
        dz_store_close(made);
        return status;
    }
    *store = made;
    return DOZAN_OK;
}

void dz_store_close(dz_store *store)
{
    if (!store)
        return;
    for (int i = 0; i < DZ_SQL_COUNT; i++)
        (void)sqlite3_finalize(store->kept[i]);
    (void)sqlite3_close(store->db);
    /* Last: the next owner finds the file at rest. The lock's file stays, for another process may
     * be opening it just now. */
    dz_lock_drop(store);
    free(store->lock_path);
    free(store->path);
    free(store);
}

dozan_status dz_store_version(dz_store *store, int64_t *version, dozan_error *err)
{
    int64_t others = 0;
    dozan_status status = dz_db_data_version(store, &others, err);
    /* Both only grow, so that their sum is new whenever one of them is. */
    if (status == DOZAN_OK)
        *version = others + store->commits;
    return status;
}

/* ---- helpers */

static dozan_status check_path(const char *path, dz_store_mode mode, dozan_error *err)
{
    struct stat info;
    if (!path || !*path)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, NULL,
                               "the path of the database is empty; give one with --db");
    if (stat(path, &info) != 0) {
        if (errno == ENOENT && mode == DZ_STORE_READ)
            return dozan_error_set(err, DOZAN_NOT_FOUND, path,
                                   "there is no database here; give --db the one that `dozan run` "
                                   "wrote");
        /* It is to be made, or opening it tells what is wrong. */
        return errno == ENOENT ? check_directory(path, err) : DOZAN_OK;
    }
    if (S_ISREG(info.st_mode))
        return DOZAN_OK;
    return dozan_error_set(err, DOZAN_FAILED_PRECONDITION, path,
                           "it is no file; give --db the path of a file");
}

/* SQLite would say of a directory that may not be written to that there is no file. */
static dozan_status check_directory(const char *path, dozan_error *err)
{
    char *directory = directory_of(path);
    if (!directory)
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, path, "out of memory");
    dozan_status status = DOZAN_OK;
    if (access(directory, W_OK | X_OK) != 0 && (errno == EACCES || errno == EROFS))
        status = dozan_error_set(err, DOZAN_PERMISSION_DENIED, path,
                                 "the database cannot be made: its directory is not writable; "
                                 "check its permissions, or give --db another path");
    free(directory);
    return status;
}

static dozan_status make(const char *path, dz_store_mode mode, dz_durability durability,
                         dz_store **store, dozan_error *err)
{
    dz_store *made = calloc(1, sizeof *made);
    if (!made)
        goto failed;
    made->lock_fd = -1;
    made->no_commands_version = -1;
    made->mode = mode;
    made->durability = durability;
    made->path = strdup(path);
    if (!made->path || asprintf(&made->lock_path, "%s.lock", path) < 0) {
        made->lock_path = NULL;
        goto failed;
    }
    *store = made;
    return DOZAN_OK;
failed:
    dz_store_close(made);
    (void)dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, path, "out of memory");
    return DOZAN_RESOURCE_EXHAUSTED;
}

static dozan_status connect(dz_store *store, dozan_error *err)
{
    bool frozen = is_frozen(store);
    int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE |
                (frozen ? SQLITE_OPEN_READONLY | SQLITE_OPEN_URI : SQLITE_OPEN_READWRITE) |
                (store->mode == DZ_STORE_WRITE ? SQLITE_OPEN_CREATE : 0);
    char *name = file_name(store, frozen);
    if (!name)
        return dz_db_error(store, SQLITE_NOMEM, "cannot open the database", err);
    int code = sqlite3_open_v2(name, &store->db, flags, NULL);
    sqlite3_free(name);
    if (code == SQLITE_OK)
        code = sqlite3_busy_timeout(store->db, BUSY_TIMEOUT_MS);
    /* Until it is known to be ours, closing must not write the log back. */
    if (code == SQLITE_OK)
        code = sqlite3_db_config(store->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    return code == SQLITE_OK ? DOZAN_OK : dz_db_error(store, code, "cannot open the database", err);
}

static dozan_status prepare_file(dz_store *store, dozan_error *err)
{
    dz_file_kind kind = DZ_FILE_EMPTY;
    dozan_status status = dz_schema_inspect(store, &kind, err);
    if (status != DOZAN_OK)
        return status;
    if (kind == DZ_FILE_EMPTY && store->mode == DZ_STORE_READ)
        return dozan_error_set(err, DOZAN_NOT_FOUND, store->path,
                               "the database is empty; `dozan run` writes experiments to it");
    /* A process of the earlier version would find its tables changed. */
    int64_t owner = kind == DZ_FILE_OLDER ? dz_store_owner(store) : 0;
    if (owner != 0)
        return dozan_error_set(err, DOZAN_FAILED_PRECONDITION, store->path,
                               "the database is of an earlier version, and process %lld uses it; "
                               "this version can read it when that process has ended",
                               (long long)owner);
    if ((store->mode == DZ_STORE_WRITE || kind == DZ_FILE_OLDER) &&
        sqlite3_db_readonly(store->db, "main") != 0)
        return dz_db_error(store, SQLITE_READONLY, "cannot open the database for writing", err);
    status = set_up(store, err);
    if (status == DOZAN_OK && kind != DZ_FILE_CURRENT)
        status = make_tables(store, err);
    return status;
}

static dozan_status set_up(dz_store *store, dozan_error *err)
{
    static const char *const synchronous[] = {[DZ_DURABILITY_FULL] = "FULL",
                                              [DZ_DURABILITY_NORMAL] = "NORMAL",
                                              [DZ_DURABILITY_OFF] = "OFF"};
    char *sql = sqlite3_mprintf("PRAGMA synchronous = %s; PRAGMA foreign_keys = ON;"
                                "PRAGMA wal_autocheckpoint = %d; PRAGMA journal_size_limit = %d;"
                                "PRAGMA cache_size = -%d; PRAGMA mmap_size = 0;"
                                "PRAGMA secure_delete = OFF; PRAGMA temp_store = MEMORY",
                                synchronous[store->durability], (int)CHECKPOINT_PAGES,
                                (int)LOG_LIMIT_BYTES, (int)CACHE_KIB);
    dozan_status status = sql ? dz_db_execute(store, sql, err)
                              : dz_db_error(store, SQLITE_NOMEM, "cannot open the database", err);
    sqlite3_free(sql);
    (void)sqlite3_db_config(store->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
    return status;
}

/* Two processes that start on a new file must not both turn it into a database: SQLite would tell
 * one of them that it is locked. */
static dozan_status make_tables(dz_store *store, dozan_error *err)
{
    int lock = -1;
    dozan_status status = dz_lock_setup(store, &lock, err);
    if (status != DOZAN_OK)
        return status;
    /* auto_vacuum must be chosen before the first page is written; both do nothing in a file that
     * has had them. */
    status =
        dz_db_execute(store, "PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL", err);
    if (status == DOZAN_OK)
        status = dz_schema_migrate(store, err);
    (void)close(lock);
    return status;
}
