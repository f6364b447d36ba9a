/*
 * The store: one SQLite file (WAL) that holds everything Dozan must not forget. The only user of
 * SQL.
 *
 * Tables: experiments, trials, events (the numbered log without reports), metrics (the reports,
 * numbered in the same sequence), commands (from other processes to the owner). One process at a
 * time owns the file for writing state (dz_store_own, a lock beside it); any number may read, and
 * post commands.
 */
#ifndef DZ_STORE_STORE_H
#define DZ_STORE_STORE_H

#include "core/step.h"

typedef struct dz_store dz_store;

typedef enum dz_store_mode {
    DZ_STORE_READ, /* NOT_FOUND when there is no file */
    DZ_STORE_WRITE /* makes the file and its tables where they are missing */
} dz_store_mode;

/* What a commit survives:
 *   FULL    kill -9 and power loss: the write-ahead log is synced before a trial is started or
 *           stopped and when one has ended; where a suggestion is being waited for, with the
 *           commit that starts it
 *   NORMAL  kill -9; a power loss may take the last commits, and leaves the file whole
 *   OFF     kill -9; a power loss may damage the file */
typedef enum dz_durability {
    DZ_DURABILITY_FULL,
    DZ_DURABILITY_NORMAL,
    DZ_DURABILITY_OFF
} dz_durability;

/* Opens the file; one of an earlier version is brought up to this one, in either mode.
 * FAILED_PRECONDITION: it is no Dozan database, or of a newer version (the file is not touched), or
 * of an earlier one and in use. DATA_LOSS: damaged. PERMISSION_DENIED, RESOURCE_EXHAUSTED (full
 * disk) as the system says. */
DOZAN_MUST_USE dozan_status dz_store_open(const char *path, dz_store_mode mode,
                                          dz_durability durability, dz_store **store,
                                          dozan_error *err);
void dz_store_close(dz_store *store);

/* Becomes the one owner, until the close. FAILED_PRECONDITION names the pid of the process that is.
 * Commands that an earlier owner has not taken are dropped: they were not meant for this one. The
 * second says that this one serves all experiments (`dozan serve`). */
DOZAN_MUST_USE dozan_status dz_store_own(dz_store *store, dozan_error *err);
DOZAN_MUST_USE dozan_status dz_store_own_as_service(dz_store *store, dozan_error *err);

/* The pid of the owner, 0 when there is none. */
int64_t dz_store_owner(const dz_store *store);

/* Whether the owner serves all experiments: then it takes every command. */
bool dz_store_is_served(const dz_store *store);

/* ---- writing: the owner
 * --------------------------------------------------------------------------- */

/* Writes a new experiment, with the text it was read from, and sets experiment->id. ALREADY_EXISTS.
 */
DOZAN_MUST_USE dozan_status dz_store_insert(dz_store *store, dz_experiment *experiment,
                                            const char *source_name, const char *source,
                                            size_t source_size, dozan_error *err);

/* The text that an experiment was read from, and its name. */
typedef struct dz_source {
    const char *name;
    const char *text;
    size_t size;
} dz_source;

/* The same, with the entries that its log begins with, in one transaction. */
DOZAN_MUST_USE dozan_status dz_store_insert_with_log(dz_store *store, dz_experiment *experiment,
                                                     const dz_source *source,
                                                     const dz_changes *changes, dozan_error *err);

/* Writes what changed (dirty experiment and trials, ended trials, log entries) in one transaction,
 * durable as opened, and clears the dirty flags. On an error nothing is written and nothing
 * cleared: it may be called again (full disk). */
DOZAN_MUST_USE dozan_status dz_store_commit(dz_store *store, dz_experiment *experiment,
                                            const dz_changes *changes, dozan_error *err);

/* ---- several experiments in one transaction
 *
 * dz_store_begin, any of the _put_ functions, dz_store_end; and when that is OK, dz_store_written
 * for each experiment that was put. Errors as in dz_store_commit: the transaction is for _end to
 * roll back. */
DOZAN_MUST_USE dozan_status dz_store_begin(dz_store *store, bool synced, dozan_error *err);

/* Commits when `status` is OK, and else rolls back and returns it. */
DOZAN_MUST_USE dozan_status dz_store_end(dz_store *store, dozan_status status, dozan_error *err);

/* What changed. */
DOZAN_MUST_USE dozan_status dz_store_put(dz_store *store, dz_experiment *experiment,
                                         const dz_changes *changes, dozan_error *err);
/* A new experiment with the entries of its log, but not its trials. ALREADY_EXISTS: nothing is
 * written, and the transaction may go on. experiment->id is set, to be taken back if _end fails. */
DOZAN_MUST_USE dozan_status dz_store_put_new(dz_store *store, dz_experiment *experiment,
                                             const dz_source *source, const dz_changes *changes,
                                             dozan_error *err);
/* Removes an experiment and all that belongs to it, and leaves tombstones. */
DOZAN_MUST_USE dozan_status dz_store_put_deleted(dz_store *store, const dz_experiment *experiment,
                                                 dozan_error *err);
/* Notes a report of a trial's attempt by the name that its caller gave it. */
DOZAN_MUST_USE dozan_status dz_store_put_report(dz_store *store, int64_t experiment_id,
                                                int64_t trial, int32_t attempt, const char *request,
                                                dozan_error *err);

/* Whether it is known already. */
DOZAN_MUST_USE dozan_status dz_store_knows_report(dz_store *store, int64_t experiment_id,
                                                  int64_t trial, int32_t attempt,
                                                  const char *request, bool *known,
                                                  dozan_error *err);

/* The numbers behind a name, *experiment_id 0 when there is none: for the owner, who has what
 * matters in memory. */
DOZAN_MUST_USE dozan_status dz_store_find(dz_store *store, const char *namespace_, const char *name,
                                          int64_t *experiment_id, dozan_error *err);
DOZAN_MUST_USE dozan_status dz_store_find_trial(dz_store *store, const char *namespace_,
                                                const char *name, int64_t *experiment_id,
                                                int64_t *trial, dozan_error *err);

/* Where a trial of that name is: once for each namespace that has one. */
typedef struct dz_trial_place {
    const char *namespace_;
    int64_t experiment_id, trial;
} dz_trial_place;

typedef bool dz_place_visit(void *user, const dz_trial_place *place);
DOZAN_MUST_USE dozan_status dz_store_trial_places(dz_store *store, const char *name,
                                                  dz_place_visit *visit, void *user,
                                                  dozan_error *err);

/* Removes a trial's metric points, in a transaction of its own; the best, the last and the number
 * of each metric stay with the trial. */
DOZAN_MUST_USE dozan_status dz_store_forget_points(dz_store *store, int64_t experiment_id,
                                                   int64_t trial, dozan_error *err);

/* The experiments that are not at rest, by number. */
typedef bool dz_number_visit(void *user, int64_t experiment_id);
DOZAN_MUST_USE dozan_status dz_store_open_experiments(dz_store *store, dz_number_visit *visit,
                                                      void *user, dozan_error *err);

/* The last version that the owner has given to a row. */
int64_t dz_store_owned_version(const dz_store *store);

/* Clears the dirty flags. */
void dz_store_written(dz_experiment *experiment, const dz_changes *changes);

/* Whether there is anything to put, and whether its commit must wait for the disk. */
bool dz_store_has_changes(const dz_experiment *experiment, const dz_changes *changes);
bool dz_store_must_sync(const dz_changes *changes);

/* Gives free space at the end of the file back, where that is possible now. */
void dz_store_shrink(dz_store *store);

/* Reads an experiment, with its active trials: by its name in the namespace "default", by
 * "NAMESPACE/NAME", or by a name that only one namespace has. NOT_FOUND names near matches;
 * FAILED_PRECONDITION names the namespaces to choose from. */
DOZAN_MUST_USE dozan_status dz_store_load(dz_store *store, const char *name,
                                          dz_experiment **experiment, dozan_error *err);

/* The same in one namespace, and by number. NOT_FOUND. */
DOZAN_MUST_USE dozan_status dz_store_load_in(dz_store *store, const char *namespace_,
                                             const char *name, dz_experiment **experiment,
                                             dozan_error *err);
DOZAN_MUST_USE dozan_status dz_store_load_id(dz_store *store, int64_t experiment_id,
                                             dz_experiment **experiment, dozan_error *err);

/* The text that a new budget was read from: the commit that writes the budget writes it with it.
 * Borrowed until then; a NULL text takes it back. */
void dz_store_stage_source(dz_store *store, const char *source_name, const char *source,
                           size_t source_size);

/* Removes an experiment and all that belongs to it. */
DOZAN_MUST_USE dozan_status dz_store_delete(dz_store *store, int64_t experiment_id,
                                            dozan_error *err);

/* ---- the event log
 * -------------------------------------------------------------------------------- */

/* The events after since_seq, at most about max_bytes of them, in order; with REPORT events (those
 * that have a number) only if asked for. part.experiment is NULL. part.to_seq is the last that was
 * read, or the log's end when all were. */
typedef struct dz_log_read {
    dozan_log_part part;
    bool more;
    void *memory;
} dz_log_read;

DOZAN_MUST_USE dozan_status dz_store_log(dz_store *store, const dz_experiment *experiment,
                                         int64_t since_seq, bool reports, size_t max_bytes,
                                         dz_log_read **read, dozan_error *err);
void dz_log_read_destroy(dz_log_read *read);

/* ---- commands from other processes
 * ---------------------------------------------------------------- */

typedef enum dz_command_kind {
    DZ_COMMAND_STOP,
    DZ_COMMAND_RESUME,
    DZ_COMMAND_KILL_TRIAL,
    DZ_COMMAND_DELETE,
    DZ_COMMAND_RETRY_TRIAL
} dz_command_kind;

typedef struct dz_store_command {
    int64_t id;
    dz_command_kind kind;
    char experiment[DZ_QUALIFIED_NAME];
    int64_t trial;
} dz_store_command;

/* The experiment is given as dz_spec_qualified writes it: "NAME", or "NAMESPACE/NAME". */
DOZAN_MUST_USE dozan_status dz_store_post(dz_store *store, dz_command_kind kind,
                                          const char *experiment, int64_t trial, dozan_error *err);

/* Whether such a command still waits for the owner, and taking it back (done or not). */
DOZAN_MUST_USE dozan_status dz_store_waits(dz_store *store, dz_command_kind kind,
                                           const char *experiment, int64_t trial, bool *waits,
                                           dozan_error *err);
DOZAN_MUST_USE dozan_status dz_store_withdraw(dz_store *store, dz_command_kind kind,
                                              const char *experiment, int64_t trial,
                                              dozan_error *err);

/* The next command, removed by dz_store_done. *found is false when there is none. Cheap when
 * nothing has been posted (SQLite's data_version). */
DOZAN_MUST_USE dozan_status dz_store_next(dz_store *store, bool *found, dz_store_command *command,
                                          dozan_error *err);
DOZAN_MUST_USE dozan_status dz_store_done(dz_store *store, int64_t command_id, dozan_error *err);

/* ---- reading: anyone
 * ------------------------------------------------------------------------------ */

/* Return true to go on. What is passed is valid during the call. */
typedef bool dz_experiment_visit(void *user, const dz_experiment *experiment);
typedef bool dz_trial_visit(void *user, const dz_trial *trial);
typedef bool dz_point_visit(void *user, int32_t attempt, const dz_point *point);
typedef bool dz_entry_visit(void *user, const dz_log_entry *entry);

/* All experiments by namespace and name, without their active trials. */
DOZAN_MUST_USE dozan_status dz_store_experiments(dz_store *store, dz_experiment_visit *visit,
                                                 void *user, dozan_error *err);

/* An experiment's trials by number, from after_number on, at most limit (0 = all). */
DOZAN_MUST_USE dozan_status dz_store_trials(dz_store *store, const dz_experiment *experiment,
                                            int64_t after_number, int64_t limit,
                                            dz_trial_visit *visit, void *user, dozan_error *err);

/* A trial by its name; *experiment (without active trials) and *trial are the caller's. NOT_FOUND.
 */
DOZAN_MUST_USE dozan_status dz_store_trial(dz_store *store, const char *name,
                                           dz_experiment **experiment, dz_trial **trial,
                                           dozan_error *err);

/* A trial's metric points in the order of their coming (metric -1 = all; attempt 0 = the last). */
DOZAN_MUST_USE dozan_status dz_store_points(dz_store *store, int64_t experiment_id, int64_t trial,
                                            int32_t attempt, int32_t metric, dz_point_visit *visit,
                                            void *user, dozan_error *err);

/* A trial's log entries without its reports, for `describe`. */
DOZAN_MUST_USE dozan_status dz_store_entries(dz_store *store, int64_t experiment_id, int64_t trial,
                                             dz_entry_visit *visit, void *user, dozan_error *err);

/* The text that the experiment was read from, and its name. Owned texts. */
DOZAN_MUST_USE dozan_status dz_store_source(dz_store *store, int64_t experiment_id,
                                            char **source_name, char **source, dozan_error *err);

/* A number that changes with every commit of any process: for a reader that follows. */
DOZAN_MUST_USE dozan_status dz_store_version(dz_store *store, int64_t *version, dozan_error *err);

#endif
