/*
 * The service: one thread that owns every experiment of a database, and the requests that other
 * threads make of it.
 *
 * It is the loop of `dozan run` (run.h) with many experiments: the same turns, commits and effects.
 * Experiments at rest (ended, suspended) are not kept in memory; a request that changes one loads
 * it.
 *
 * Requests may come from any number of threads. Each blocks until the owner has committed it, so
 * that what is answered is on the disk, and requests that come together share one commit. A refused
 * request has changed nothing; err says why, with the code, the place and a sentence that may be
 * shown to the user as it is. Besides those named below, every request can fail with
 *   UNAVAILABLE         the service is stopping
 *   RESOURCE_EXHAUSTED  too many requests wait already, no memory, or the disk is full
 *   PERMISSION_DENIED   the database cannot be written to any more (read-only)
 * Reading needs no request: every thread that reads has a store of its own (dz_store_open with
 * DZ_STORE_READ), and sees what has been answered.
 */
#ifndef DZ_LOOP_SERVICE_H
#define DZ_LOOP_SERVICE_H

#include "loop/run.h"

typedef struct dz_service dz_service;

enum { DZ_WORK_NAME = 300, DZ_WORK_MAX_WAIT_MS = 300000 };

/* Called on the owner's thread after commits; must only hand on what it gets. Each may be NULL. */
typedef struct dz_service_observer {
    void *user;
    /* Something was committed: `version` is now the database's (dz_store_version_now). Wakes
     * watches. */
    void (*committed)(void *user, int64_t version);
    void (*note)(void *user, const char *line); /* for the log: one sentence */
} dz_service_observer;

/* Takes the ownership of the database (FAILED_PRECONDITION: another process has it), opens every
 * experiment that is not at rest, adopts its trials, and starts the owner's thread. What `config`
 * points to is borrowed until the destruction. */
DOZAN_MUST_USE dozan_status dz_service_create(const char *db_path, dz_durability durability,
                                              const dz_run_config *config,
                                              const dz_service_observer *observer,
                                              dz_service **service, dozan_error *err);

/* Ends the owner's thread after its turn: requests that wait are refused with UNAVAILABLE, trials
 * go on under their shims, and the next start adopts them. May be called twice, and from any
 * thread. */
void dz_service_stop(dz_service *service);
void dz_service_destroy(dz_service *service); /* stops it first; takes NULL */

/* Whether the owner still runs: false after a stop, and when an error ended it, which *err tells.
 */
bool dz_service_running(dz_service *service, dozan_error *err);

/* ---- requests
 * ------------------------------------------------------------------------------------- */

/* A new experiment: the text of a YAML or JSON document, checked and defaulted here. */
typedef struct dz_submission {
    const char *namespace_;  /* NULL = the document's, or "default"; a document with another one is
                                refused */
    const char *source_name; /* what to call it in messages: a file's name, or "request" */
    const char *source;
    size_t source_size;
    bool dry_run; /* all checks, and nothing is kept */
} dz_submission;

/* What became of a request that makes or changes an experiment. */
typedef struct dz_submitted {
    int64_t experiment_id; /* 0 for a dry run; dz_store_load_id reads it */
    int64_t version;       /* metadata.resourceVersion; 0 for a dry run */
    cJSON *document; /* apiVersion, kind, metadata (with the name that generateName has become)
                        and spec with their defaults; owned by the caller */
} dz_submitted;

/* ALREADY_EXISTS. INVALID_ARGUMENT: *problems (may be NULL; initialised here, dz_problems_fini by
 * the caller in any case) has all findings, err the first; warnings of an accepted one are in it
 * too. NOT_FOUND: an experiment of warmStart. */
DOZAN_MUST_USE dozan_status dz_service_submit(dz_service *service, const dz_submission *submission,
                                              dz_submitted *submitted, dz_problems *problems,
                                              dozan_error *err);

/* Another document for an experiment. Labels, annotations, the budget (parallelTrialCount,
 * maxTrialCount, maxFailedTrialCount, maxRuntime) and resumePolicy may differ; another difference
 * is INVALID_ARGUMENT with its place. A raised budget lets an ended experiment go on.
 * submission->namespace_ and `name` say which one: NOT_FOUND; one of another name in the document
 * is INVALID_ARGUMENT. expected_version: ABORTED when it is not the present one; 0 = any. */
DOZAN_MUST_USE dozan_status dz_service_replace(dz_service *service, const dz_submission *submission,
                                               const char *name, int64_t expected_version,
                                               dz_submitted *submitted, dz_problems *problems,
                                               dozan_error *err);

/* Ends the experiment's trials, waits for their end, and removes the experiment and all that
 * belongs to it, with the directories of its trials. NOT_FOUND. expected_uid (may be NULL): ABORTED
 * when it is another one's by now. *experiment_id (may be NULL) is the number that it had. */
DOZAN_MUST_USE dozan_status dz_service_delete(dz_service *service, const char *namespace_,
                                              const char *name, const char *expected_uid,
                                              int64_t *experiment_id, dozan_error *err);

/* STOP, RESUME, KILL_TRIAL and RETRY_TRIAL (trial: its number in the experiment). NOT_FOUND.
 * FAILED_PRECONDITION: it cannot be resumed (it has ended), the trial cannot be run again (it has
 * not ended, or the experiment has). What is so already is OK. RETRY_TRIAL makes a new trial with
 * the same assignments; *new_trial (may be NULL) is its number. */
DOZAN_MUST_USE dozan_status dz_service_control(dz_service *service, const char *namespace_,
                                               const char *name, dz_command_kind kind,
                                               int64_t trial, int64_t *new_trial, dozan_error *err);

/* One value of a metric, told from outside. */
typedef struct dz_point_in {
    const char *metric; /* by name; one that the experiment does not collect is counted and dropped
                         */
    const char *value;  /* as printed: "0.93", "nan"; a text that is no number is kept as such */
    int64_t time_ms;    /* 0 = now */
} dz_point_in;

typedef struct dz_reported {
    int64_t taken, repeated, dropped;
} dz_reported;

/* Metrics of a trial that runs, from its own code (Katib's Push collector): appended to what it has
 * reported, in their order. A report that is repeated with the same request_id is counted once
 * (NULL = it has none, and every call counts). NOT_FOUND; FAILED_PRECONDITION: the trial has ended,
 * or has not started. */
DOZAN_MUST_USE dozan_status dz_service_report(dz_service *service, const char *namespace_,
                                              const char *trial_name, const char *request_id,
                                              const dz_point_in *points, size_t count,
                                              dz_reported *reported, dozan_error *err);

/* Removes the metric points of a trial that has ended; what became of it, its best and last values
 * among that, stays. NOT_FOUND. FAILED_PRECONDITION: it has not ended. */
DOZAN_MUST_USE dozan_status dz_service_forget(dz_service *service, const char *namespace_,
                                              const char *trial_name, dozan_error *err);
/* ---- workers: who runs the trials of an experiment with spec.leases
 * ------------------------------
 *
 * A worker asks for a trial, and has it on a lease: it reports and renews while it works, and tells
 * how it ended. What it says names the attempt that it was given: once the trial has another one,
 * or none any more, it is refused with ABORTED, and the worker drops the trial. Everything answered
 * is on the disk. No thread waits meanwhile. */

typedef enum dz_outcome {
    DZ_OUTCOME_SUCCEEDED,
    DZ_OUTCOME_FAILED,  /* by the assignment's fault: spec.retries counts */
    DZ_OUTCOME_RELEASED /* not by its fault: another worker gets it */
} dz_outcome;

typedef enum dz_request_kind {
    DZ_REQUEST_SUBMIT,
    DZ_REQUEST_REPLACE,
    DZ_REQUEST_DELETE,
    DZ_REQUEST_CONTROL,
    DZ_REQUEST_REPORT,
    DZ_REQUEST_FORGET,
    DZ_REQUEST_TAKE,
    DZ_REQUEST_RENEW,
    DZ_REQUEST_FINISH,
    DZ_REQUEST_KINDS
} dz_request_kind;

typedef struct dz_work {
    dz_request_kind kind;   /* TAKE, RENEW, REPORT or FINISH */
    const char *namespace_; /* texts live until `done` */
    const char *name;       /* TAKE: the experiment's; else the trial's */
    const char *worker;     /* TAKE: who asks, to be shown; may be NULL */
    int64_t wait_ms;        /* TAKE: for a trial to come; up to DZ_WORK_MAX_WAIT_MS */
    int32_t attempt;        /* the others: as it was given */
    const char *request_id; /* REPORT, FINISH: repeated with it, the metrics are counted once; may
                               be NULL */
    const dz_point_in *points;
    size_t point_count;
    dz_outcome outcome;  /* FINISH */
    const char *message; /* FINISH: why, or NULL */

    /* Once, on the owner's thread or on the caller's; the work is the callee's again. */
    void (*done)(struct dz_work *work, dozan_status status, const dozan_error *err);
    void *user;

    /* the answer */
    cJSON *assignments; /* TAKE: by name, as texts; owned by the callee; NULL = there is none now */
    char trial[DZ_WORK_NAME];
    int64_t number, lease_ms;
    int32_t taken_attempt;
    bool go_on;        /* TAKE: more may come; RENEW, REPORT: the worker is to go on */
    const char *state; /* TAKE: the experiment's; else the trial's */
    char reason[64];   /* the trial's, and its sentence */
    char text[512];
    dz_reported reported;
} dz_work;

/* NOT_FOUND; FAILED_PRECONDITION: the experiment has no leases; ABORTED as above. */
void dz_service_work(dz_service *service, dz_work *work);

/* The descriptions of algorithms, as dz_loop_describe. Any thread; may start a plugin. */
DOZAN_MUST_USE dozan_status dz_service_describe(dz_service *service, const char *name,
                                                dz_description_visit *visit, void *user,
                                                dozan_error *err);

/* ---- figures for /metrics
 * -------------------------------------------------------------------------- */

enum { DZ_LATENCY_BUCKETS = 20 };

/* Bucket i counts what took at most 2^i * 50 microseconds; the last one all the rest. */
typedef struct dz_latency {
    uint64_t buckets[DZ_LATENCY_BUCKETS];
    uint64_t count;
    double sum_seconds;
} dz_latency;

typedef struct dz_service_stats {
    dz_latency requests[DZ_REQUEST_KINDS]; /* from the call to the answer */
    uint64_t refused[DZ_REQUEST_KINDS];
    dz_latency commit; /* one transaction */
    dz_latency ask;    /* of a search plugin, from the question to the answer */
    uint64_t turns, points, plugin_faults;
    uint64_t trials_started, trials_ended;
    uint64_t experiments_created, experiments_ended, experiments_deleted;
    int64_t experiments_held; /* in memory */
    int64_t requests_waiting;
    dz_slots slots;
    int64_t started_ms, version;
} dz_service_stats;

/* A consistent copy. Any thread. */
void dz_service_stats_get(dz_service *service, dz_service_stats *stats);

/* "submit", "replace", "delete", "control", "report", "forget", "ask", "heartbeat", "tell" */
const char *dz_request_name(dz_request_kind kind);

#endif
