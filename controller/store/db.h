/*
 * What the files of the store share: the connection, its kept statements, and the binding and
 * reading of rows column by column.
 *
 * Binders and rows remember the first failure, so that a row is written or read top to bottom and
 * checked once.
 */
#ifndef DZ_STORE_DB_H
#define DZ_STORE_DB_H

#include "store/store.h"

#include <sqlite3.h>

/* Statements that are prepared once for each store: those of a commit, of the log and of the poll
 * for commands. The SQL is in db.c. */
typedef enum dz_sql {
    DZ_SQL_BEGIN,
    DZ_SQL_COMMIT,
    DZ_SQL_ROLLBACK,
    DZ_SQL_EXPERIMENT_UPDATE,
    DZ_SQL_SEQ_UPDATE,
    DZ_SQL_TRIAL_UPDATE,
    DZ_SQL_TRIAL_END,
    DZ_SQL_TRIAL_INSERT,
    DZ_SQL_EVENT_INSERT,
    DZ_SQL_METRIC_INSERT,
    DZ_SQL_FRONT_INSERT,
    DZ_SQL_FRONT_DELETE,
    DZ_SQL_LAST_SEQ,
    DZ_SQL_LOG_EVENTS,
    DZ_SQL_LOG_ALL,
    DZ_SQL_REPORT_INSERT,
    DZ_SQL_TOMBSTONE_INSERT,
    DZ_SQL_REPORT_KNOWN,
    DZ_SQL_EXPERIMENT_ID,
    DZ_SQL_TRIAL_NUMBER,
    DZ_SQL_DATA_VERSION,
    DZ_SQL_COMMAND_NEXT,
    DZ_SQL_COUNT
} dz_sql;

/* One thread uses a store at a time. */
struct dz_store {
    sqlite3 *db;
    char *path;
    char *lock_path;
    int lock_fd; /* -1 = not the owner */
    dz_store_mode mode;
    dz_durability durability;
    bool unsynced; /* FULL: the commits just now do not wait for the disk */
    struct {
        const char *name, *text; /* NULL = none */
        size_t size;
    } staged; /* the source of the next budget */
    sqlite3_stmt *kept[DZ_SQL_COUNT];
    int64_t version;             /* owner: the last one given to a row */
    int64_t commits;             /* of this connection: data_version counts the others' only */
    int64_t no_commands_version; /* data_version at which there were no commands; -1 = unknown */
};

/* ---- the connection */

/* Fills *err from a result code of SQLite: "<doing>: <cause>; <remedy>", with the file as the
 * place. */
dozan_status dz_db_error(const dz_store *store, int code, const char *doing, dozan_error *err);

/* Damage that SQLite cannot see: a value in a row that this store never writes. */
dozan_status dz_db_damaged(const dz_store *store, const char *what, dozan_error *err);

/* A write transaction. _rollback does nothing when none is open. */
DOZAN_MUST_USE dozan_status dz_db_begin(dz_store *store, dozan_error *err);
DOZAN_MUST_USE dozan_status dz_db_commit(dz_store *store, dozan_error *err);
void dz_db_rollback(dz_store *store);

/* A snapshot for several reads: nothing between _begin_read and _end_read sees later commits. */
DOZAN_MUST_USE dozan_status dz_db_begin_read(dz_store *store, dozan_error *err);
void dz_db_end_read(dz_store *store);

/* A write transaction of the owner: FAILED_PRECONDITION when this store is not. Its commit waits
 * for the disk when it is `synced` and the store was opened FULL. */
DOZAN_MUST_USE dozan_status dz_db_begin_owned(dz_store *store, bool synced, dozan_error *err);

/* Commits when `status` is OK, and rolls back when it or the commit is not. */
DOZAN_MUST_USE dozan_status dz_db_finish(dz_store *store, dozan_status status, dozan_error *err);

/* NOT_FOUND: the experiment is not there any more. */
dozan_status dz_db_gone(const dz_store *store, dozan_error *err);

DOZAN_MUST_USE dozan_status dz_db_execute(dz_store *store, const char *sql, dozan_error *err);

/* Runs a statement that answers with one number. */
DOZAN_MUST_USE dozan_status dz_db_number(dz_store *store, const char *sql, int64_t *number,
                                         dozan_error *err);

/* A number that changes with the commits of other connections. */
DOZAN_MUST_USE dozan_status dz_db_data_version(dz_store *store, int64_t *version, dozan_error *err);

/* Waits for its turn to make the file's tables; *fd is closed to let the next one in. */
DOZAN_MUST_USE dozan_status dz_lock_setup(dz_store *store, int *fd, dozan_error *err);

/* Drops the commands that were left for an earlier owner. */
DOZAN_MUST_USE dozan_status dz_commands_drop(dz_store *store, dozan_error *err);

/* The name that users give an experiment: NAME, or NAMESPACE/NAME outside of "default". */
typedef struct dz_qualified {
    char namespace_[256];
    const char *name;
    bool given; /* the namespace */
} dz_qualified;

/* False for a namespace that is too long to be one. */
bool dz_qualified_read(const char *text, dz_qualified *qualified);

/* Gives the ownership up, if there is one. */
void dz_lock_drop(dz_store *store);

/* ---- binding: parameters 1, 2, 3 ... in the order of the calls */

typedef struct dz_bind {
    dz_store *store;
    sqlite3_stmt *stmt; /* NULL after a failure to prepare */
    int next;
    int code; /* SQLITE_OK, or the first failure */
    bool kept;
} dz_bind;

dz_bind dz_bind_kept(dz_store *store, dz_sql sql);
dz_bind dz_bind_new(dz_store *store, const char *sql);

void dz_bind_int(dz_bind *bind, int64_t value);
/* Borrowed until the statement has run. NULL is NULL. */
void dz_bind_text(dz_bind *bind, const char *text);
void dz_bind_bytes(dz_bind *bind, const char *text, size_t size);
/* NULL without a value; NaN is kept. */
void dz_bind_double(dz_bind *bind, bool has_value, double value);
/* Takes the tree; a NULL tree is want of memory. */
void dz_bind_json(dz_bind *bind, cJSON *tree);
/* Borrows it. */
void dz_bind_tree(dz_bind *bind, const cJSON *tree);

/* Steps a query: true when there is a row. */
bool dz_bind_step(dz_bind *bind);

/* Runs a statement that gives no rows, and lets go of it. *changed (may be NULL) is the number of
 * rows written. */
DOZAN_MUST_USE dozan_status dz_bind_run(dz_bind *bind, const char *doing, int *changed,
                                        dozan_error *err);

/* Lets go of the statement; the error, if there was one. */
DOZAN_MUST_USE dozan_status dz_bind_done(dz_bind *bind, const char *doing, dozan_error *err);

/* The same, after reading rows: `status` is what became of the last row, and counts first. */
DOZAN_MUST_USE dozan_status dz_bind_end(dz_bind *bind, dozan_status status, const char *doing,
                                        dozan_error *err);

/* ---- reading a row: columns 0, 1, 2 ... in the order of the calls */

typedef struct dz_row {
    sqlite3_stmt *stmt;
    int next;
    dozan_status status; /* OK, RESOURCE_EXHAUSTED (memory) or DATA_LOSS */
    const char *column;  /* the one that was bad */
} dz_row;

dz_row dz_row_of(const dz_bind *bind, int first);

int64_t dz_row_int(dz_row *row, int64_t min, int64_t max);
int32_t dz_row_int32(dz_row *row);
bool dz_row_bool(dz_row *row);
const char *dz_row_text(dz_row *row);                   /* borrowed; "" after a failure */
const char *dz_row_text_or_null(dz_row *row);           /* borrowed */
char *dz_row_owned(dz_row *row);                        /* NULL after a failure */
void dz_row_copy(dz_row *row, char *text, size_t size); /* cuts what is too long */
double dz_row_double(dz_row *row, bool *has_value);
/* The place of the text in names[count]. */
int dz_row_name(dz_row *row, const char *const *names, int count);
/* Notes a failure of the column that was read last. */
void dz_row_fail(dz_row *row, dozan_status status);

/* The row's failure as an error. */
dozan_status dz_row_error(const dz_store *store, const dz_row *row, dozan_error *err);

#endif
