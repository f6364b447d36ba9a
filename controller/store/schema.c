/*
 * The tables, and how a file of an earlier version becomes one of this.
 *
 * user_version counts the migrations that a file has had; each is one row of the table below and
 * never changes once released. Rows that grow with the history are clustered by (experiment,
 * number): a commit appends at the end of a tree. What is large and hardly ever changes (the
 * documents) stays out of the rows that every commit rewrites.
 *
 * A double is a REAL; NaN, which SQLite would turn into NULL, is the text 'nan'.
 */
#include "store/schema.h"

#include "store/track_parts.h"

static const char schema_1[] =
    /* AUTOINCREMENT: the number of a deleted experiment is never given out again, for it names the
     * jobs of its trials. */
    "CREATE TABLE experiments ("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  name TEXT NOT NULL UNIQUE,"
    "  uid TEXT NOT NULL,"
    "  seed INTEGER NOT NULL," /* the 64 bits as a signed number */
    "  state TEXT NOT NULL,"
    "  conditions TEXT NOT NULL," /* JSON */
    "  created_ms INTEGER NOT NULL,"
    "  started_ms INTEGER NOT NULL,"
    "  completed_ms INTEGER NOT NULL,"
    "  runtime_ms INTEGER NOT NULL,"
    "  runtime_mark_ms INTEGER NOT NULL,"
    "  trial_count INTEGER NOT NULL,"
    "  last_seq INTEGER NOT NULL,"
    "  state_counts TEXT NOT NULL," /* JSON: trials by state */
    "  best_trial INTEGER NOT NULL,"
    "  best_value ANY NOT NULL,"
    "  exhausted INTEGER NOT NULL,"
    "  suggestion_reason TEXT NOT NULL,"
    "  suggestion_message TEXT NOT NULL,"
    "  plugin_faults INTEGER NOT NULL"
    ") STRICT;"

    "CREATE TABLE documents ("
    "  experiment INTEGER PRIMARY KEY REFERENCES experiments(id) ON DELETE CASCADE,"
    "  budget TEXT NOT NULL," /* the part of spec that may change, to see when it has */
    "  spec TEXT NOT NULL,"   /* JSON: the whole document with its defaults */
    "  source_name TEXT NOT NULL,"
    "  source TEXT NOT NULL" /* as the user wrote it */
    ") STRICT;"

    "CREATE TABLE trials ("
    "  experiment INTEGER NOT NULL REFERENCES experiments(id) ON DELETE CASCADE,"
    "  number INTEGER NOT NULL,"
    "  name TEXT NOT NULL,"
    "  active INTEGER NOT NULL," /* 0 = ended */
    "  state TEXT NOT NULL,"
    "  stop_cause TEXT NOT NULL,"
    "  attempt INTEGER NOT NULL,"
    "  failures INTEGER NOT NULL,"
    "  losses INTEGER NOT NULL,"
    "  assignments TEXT NOT NULL,"  /* JSON: parameter to value */
    "  labels TEXT NOT NULL,"       /* JSON: the algorithm's notes */
    "  observations TEXT NOT NULL," /* JSON: by metric, objective first */
    "  judged_dirty INTEGER NOT NULL,"
    "  created_ms INTEGER NOT NULL,"
    "  started_ms INTEGER NOT NULL,"
    "  ended_ms INTEGER NOT NULL,"
    "  not_before_ms INTEGER NOT NULL,"
    "  cpu_milli INTEGER NOT NULL,"
    "  gpus TEXT NOT NULL," /* JSON: indices */
    "  reason TEXT NOT NULL,"
    "  message TEXT NOT NULL,"
    "  PRIMARY KEY (experiment, number)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE INDEX trials_by_name ON trials(name);"
    "CREATE INDEX trials_active ON trials(experiment, number) WHERE active = 1;"

    "CREATE TABLE events ("
    "  experiment INTEGER NOT NULL REFERENCES experiments(id) ON DELETE CASCADE,"
    "  seq INTEGER NOT NULL,"
    "  kind TEXT NOT NULL,"
    "  trial INTEGER NOT NULL,"
    "  attempt INTEGER NOT NULL,"
    "  time_ms INTEGER NOT NULL,"
    "  value ANY,"
    "  text TEXT,"
    "  PRIMARY KEY (experiment, seq)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE INDEX events_by_trial ON events(experiment, trial, seq);"

    "CREATE TABLE metrics ("
    "  experiment INTEGER NOT NULL REFERENCES experiments(id) ON DELETE CASCADE,"
    "  seq INTEGER NOT NULL,"
    "  trial INTEGER NOT NULL,"
    "  attempt INTEGER NOT NULL,"
    "  metric INTEGER NOT NULL,"
    "  step INTEGER NOT NULL,"
    "  time_ms INTEGER NOT NULL,"
    "  value ANY," /* NULL = what was printed is no number */
    "  text TEXT," /* as printed */
    "  PRIMARY KEY (experiment, seq)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE INDEX metrics_by_trial ON metrics(experiment, trial, attempt, seq);"

    "CREATE TABLE commands ("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  kind TEXT NOT NULL,"
    "  experiment TEXT NOT NULL," /* by name */
    "  trial INTEGER NOT NULL,"
    "  posted_ms INTEGER NOT NULL"
    ") STRICT;";

/* The plugin's last fault stays for `describe` when the plugin answers again. */
static const char schema_2[] =
    "ALTER TABLE experiments ADD COLUMN plugin_fault TEXT NOT NULL DEFAULT ''";

/* Several objectives, constraints, and results from before the experiment. */
static const char schema_3[] =
    "ALTER TABLE events ADD COLUMN assignments TEXT;" /* JSON: of KNOWN */
    "ALTER TABLE events ADD COLUMN others TEXT;"      /* JSON: numbers as texts */
    "ALTER TABLE documents ADD COLUMN warm_start TEXT NOT NULL DEFAULT '';" /* a sentence */
    "CREATE TABLE front (" /* the trials that no other one dominates */
    "  experiment INTEGER NOT NULL REFERENCES experiments(id) ON DELETE CASCADE,"
    "  trial INTEGER NOT NULL,"
    "  objectives TEXT NOT NULL," /* JSON: their values, numbers as texts */
    "  PRIMARY KEY (experiment, trial)"
    ") STRICT, WITHOUT ROWID;";

/* Namespaces, and versions by which readers follow what changes (changes.h). A column's UNIQUE
 * cannot be taken away, so the table is made anew, under foreign keys that are off meanwhile.
 * Everything that was there before is of version 1, from which on changes can be told. The index by
 * version has ended trials only: their rows are written no more, so that it costs one entry for
 * each; the others are few, and found through trials_active. */
static const char schema_4[] =
    "CREATE TABLE experiments_4 ("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  name TEXT NOT NULL,"
    "  uid TEXT NOT NULL,"
    "  seed INTEGER NOT NULL,"
    "  state TEXT NOT NULL,"
    "  conditions TEXT NOT NULL,"
    "  created_ms INTEGER NOT NULL,"
    "  started_ms INTEGER NOT NULL,"
    "  completed_ms INTEGER NOT NULL,"
    "  runtime_ms INTEGER NOT NULL,"
    "  runtime_mark_ms INTEGER NOT NULL,"
    "  trial_count INTEGER NOT NULL,"
    "  last_seq INTEGER NOT NULL,"
    "  state_counts TEXT NOT NULL,"
    "  best_trial INTEGER NOT NULL,"
    "  best_value ANY NOT NULL,"
    "  exhausted INTEGER NOT NULL,"
    "  suggestion_reason TEXT NOT NULL,"
    "  suggestion_message TEXT NOT NULL,"
    "  plugin_faults INTEGER NOT NULL,"
    "  plugin_fault TEXT NOT NULL,"
    "  namespace TEXT NOT NULL,"
    "  version INTEGER NOT NULL,"
    "  created_version INTEGER NOT NULL,"
    "  generation INTEGER NOT NULL,"
    "  at_rest INTEGER NOT NULL" /* 1 = a start need not take it up */
    ") STRICT;"
    "INSERT INTO experiments_4 SELECT e.id, e.name, e.uid, e.seed, e.state, e.conditions, "
    "  e.created_ms, e.started_ms, e.completed_ms, e.runtime_ms, e.runtime_mark_ms, e.trial_count, "
    "  e.last_seq, e.state_counts, e.best_trial, e.best_value, e.exhausted, e.suggestion_reason, "
    "  e.suggestion_message, e.plugin_faults, e.plugin_fault, "
    "  coalesce(json_extract(d.spec, '$.metadata.namespace'), 'default'), 1, 1, 1, 0 "
    "  FROM experiments e LEFT JOIN documents d ON d.experiment = e.id;"
    /* The highest number ever given out, which no row may have any more. */
    "DELETE FROM sqlite_sequence WHERE name = 'experiments_4';"
    "INSERT INTO sqlite_sequence (name, seq) SELECT 'experiments_4', seq FROM sqlite_sequence "
    "  WHERE name = 'experiments';"
    "DROP TABLE experiments;"
    "ALTER TABLE experiments_4 RENAME TO experiments;"
    "CREATE UNIQUE INDEX experiments_by_name ON experiments(namespace, name);"
    "CREATE INDEX experiments_by_version ON experiments(version);"
    "CREATE INDEX experiments_open ON experiments(id) WHERE at_rest = 0;"

    "ALTER TABLE trials ADD COLUMN version INTEGER NOT NULL DEFAULT 1;"
    "ALTER TABLE trials ADD COLUMN created_version INTEGER NOT NULL DEFAULT 1;"
    "CREATE INDEX trials_by_version ON trials(version) WHERE active = 0;"

    "CREATE TABLE tombstones (" /* of what was deleted, as far back as changes can be told */
    "  version INTEGER PRIMARY KEY,"
    "  kind TEXT NOT NULL,"
    "  namespace TEXT NOT NULL,"
    "  name TEXT NOT NULL,"
    "  uid TEXT NOT NULL,"
    "  labels TEXT NOT NULL," /* JSON */
    "  experiment_name TEXT NOT NULL,"
    "  experiment INTEGER NOT NULL,"
    "  trial INTEGER NOT NULL,"
    "  created_version INTEGER NOT NULL"
    ") STRICT;"
    "CREATE TABLE horizon (" /* one row: the oldest version from which changes can be told */
    "  id INTEGER PRIMARY KEY CHECK (id = 1),"
    "  version INTEGER NOT NULL"
    ") STRICT;"
    "INSERT INTO horizon VALUES (1, 1);"

    "CREATE TABLE reports (" /* of trials that run, by the callers' names for them: told twice, */
    "  experiment INTEGER NOT NULL REFERENCES experiments(id) ON DELETE CASCADE,"
    "  trial INTEGER NOT NULL," /* they are counted once */
    "  attempt INTEGER NOT NULL,"
    "  request TEXT NOT NULL,"
    "  PRIMARY KEY (experiment, trial, attempt, request)"
    ") STRICT, WITHOUT ROWID;";

/* Documents that users give names to: see objects.h. */
static const char schema_5[] = "CREATE TABLE objects ("
                               "  version INTEGER PRIMARY KEY AUTOINCREMENT,"
                               "  kind TEXT NOT NULL,"
                               "  namespace TEXT NOT NULL,"
                               "  name TEXT NOT NULL,"
                               "  document TEXT NOT NULL,"
                               "  created_ms INTEGER NOT NULL"
                               ") STRICT;"
                               "CREATE INDEX objects_by_name ON objects(kind, namespace, name);";

/* migrations[i] makes version i+1 of version i. */
static const char *const migrations[] = {schema_1,
                                         schema_2,
                                         schema_3,
                                         schema_4,
                                         schema_5,
                                         dz_track_schema,
                                         dz_track_tuned_schema,
                                         dz_track_wins_schema};
enum { VERSION = (int)(sizeof migrations / sizeof *migrations) };

static dozan_status read_marks(dz_store *store, int64_t *application, int64_t *version,
                               int64_t *tables, dozan_error *err);
static dozan_status judge(dz_store *store, int64_t application, int64_t version, int64_t tables,
                          dz_file_kind *kind, dozan_error *err);
static dozan_status apply_missing(dz_store *store, dozan_error *err);

dozan_status dz_schema_inspect(dz_store *store, dz_file_kind *kind, dozan_error *err)
{
    int64_t application = 0, version = 0, tables = 0;
    /* One snapshot for the three reads: another process may be making the file just now. */
    dozan_status status = dz_db_execute(store, "SAVEPOINT inspect", err);
    if (status == DOZAN_OK) {
        status = read_marks(store, &application, &version, &tables, err);
        dozan_status released =
            dz_db_execute(store, "RELEASE inspect", status == DOZAN_OK ? err : NULL);
        status = status == DOZAN_OK ? released : status;
    }
    return status == DOZAN_OK ? judge(store, application, version, tables, kind, err) : status;
}

dozan_status dz_schema_migrate(dz_store *store, dozan_error *err)
{
    /* A table that is made anew must not take with it what refers to it; inside of a transaction
     * SQLite would not listen. */
    dozan_status status = dz_db_execute(store, "PRAGMA foreign_keys = OFF", err);
    if (status == DOZAN_OK)
        status = dz_db_begin(store, err);
    if (status == DOZAN_OK)
        status = dz_db_finish(store, apply_missing(store, err), err);
    dozan_status restored =
        dz_db_execute(store, "PRAGMA foreign_keys = ON", status == DOZAN_OK ? err : NULL);
    return status == DOZAN_OK ? restored : status;
}

/* ---- helpers */

static dozan_status read_marks(dz_store *store, int64_t *application, int64_t *version,
                               int64_t *tables, dozan_error *err)
{
    /* The count comes first: it reads the schema, and so finds out whether this is a database. */
    dozan_status status = dz_db_number(store, "SELECT count(*) FROM sqlite_schema", tables, err);
    if (status == DOZAN_OK)
        status = dz_db_number(store, "PRAGMA application_id", application, err);
    if (status == DOZAN_OK)
        status = dz_db_number(store, "PRAGMA user_version", version, err);
    return status;
}

static dozan_status judge(dz_store *store, int64_t application, int64_t version, int64_t tables,
                          dz_file_kind *kind, dozan_error *err)
{
    if (application == 0 && version == 0 && tables == 0) {
        *kind = DZ_FILE_EMPTY;
        return DOZAN_OK;
    }
    if (application != DZ_APPLICATION_ID)
        return dozan_error_set(err, DOZAN_FAILED_PRECONDITION, store->path,
                               "this is a database of another program, not one of Dozan; give "
                               "--db another path");
    if (version > VERSION)
        return dozan_error_set(err, DOZAN_FAILED_PRECONDITION, store->path,
                               "the database has version %lld, and this dozan knows versions up "
                               "to %d; use the newer dozan that wrote it",
                               (long long)version, (int)VERSION);
    if (version < 1)
        return dozan_error_set(err, DOZAN_DATA_LOSS, store->path,
                               "the database has no version; it is damaged: restore it from a "
                               "backup");
    *kind = version == VERSION ? DZ_FILE_CURRENT : DZ_FILE_OLDER;
    return DOZAN_OK;
}

/* Runs the migrations that the file has not had, inside the caller's transaction. */
static dozan_status apply_missing(dz_store *store, dozan_error *err)
{
    dz_file_kind kind = DZ_FILE_EMPTY;
    int64_t version = 0;
    dozan_status status = dz_schema_inspect(store, &kind, err);
    if (status != DOZAN_OK || kind == DZ_FILE_CURRENT)
        return status;
    status = dz_db_number(store, "PRAGMA user_version", &version, err);
    for (; status == DOZAN_OK && version < VERSION; version++)
        status = dz_db_execute(store, migrations[version], err);
    if (status != DOZAN_OK)
        return status;
    char *marks = sqlite3_mprintf("PRAGMA application_id = %d; PRAGMA user_version = %d",
                                  (int)DZ_APPLICATION_ID, (int)VERSION);
    status = marks ? dz_db_execute(store, marks, err)
                   : dz_db_error(store, SQLITE_NOMEM, "writing the version", err);
    sqlite3_free(marks);
    return status;
}
