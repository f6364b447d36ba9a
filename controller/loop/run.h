/*
 * The loop: the one owner of an experiment's state. It takes events from a bounded mailbox, steps
 * the core, commits, and carries the effects out; plugins, runner and collectors only post events.
 */
#ifndef DZ_LOOP_RUN_H
#define DZ_LOOP_RUN_H

#include "spec/template.h"
#include "store/store.h"

/* Where a plugin is: an executable that is started with --listen URL, or the URL of one that serves
 * already. */
typedef struct dz_plugin_config {
    const char *name;   /* algorithmName */
    const char *target; /* a path, or ipc:// tcp:// tls+tcp:// */
} dz_plugin_config;

/* Adds to the command of a trial that is about to start (dz_job_put_env). On the loop's thread. */
typedef dozan_status dz_run_equip(void *user, const dz_experiment *experiment,
                                  const dz_trial *trial, dz_command *command, dozan_error *err);

typedef struct dz_run_config {
    const char *runner;        /* NULL = "local" */
    const char *job_directory; /* where trials' directories go: "<db>.d" */
    const char *shim;          /* NULL = found */
    const char *suggest;       /* path of dozan-suggest; NULL = beside this program, then PATH */
    const dz_plugin_config *plugins;
    size_t plugin_count;
    const dz_path_map *maps;
    size_t map_count;
    int64_t stop_grace_ms;      /* 0 = 5,000 */
    uint32_t plugin_timeout_ms; /* for a plugin to come up, and to answer; 0 = 30,000 and 60,000 */
    int32_t plugin_faults; /* in a row, after which the experiment fails; 0 = the core's limit */
    dz_run_equip *equip;   /* NULL = nothing is added */
    void *equip_user;
    bool keep_trials_on_interrupt; /* an interrupt leaves the trials running, to be adopted by the
                                      next run */
} dz_run_config;

/* Called on the loop's thread after commits: progress at most every 50 ms, and once at the end.
 * Everything is borrowed. */
typedef struct dz_run_observer {
    void *user;
    void (*progress)(void *user, const dz_experiment *experiment, const dz_slots *slots,
                     int64_t now_ms);
    void (*trial_ended)(void *user, const dz_experiment *experiment, const dz_trial *trial);
    void (*note)(void *user, const char *line); /* one sentence that the user should read once */
} dz_run_observer;

typedef struct dz_loop dz_loop;

DOZAN_MUST_USE dozan_status dz_loop_create(dz_store *store, const dz_run_config *config,
                                           const dz_run_observer *observer, dz_loop **loop,
                                           dozan_error *err);
void dz_loop_destroy(dz_loop *loop);

/* Runs the experiment (owned by the caller, stored already) until it rests. OK also when it Failed:
 * look at its state. `budget` (taken; may be NULL) replaces the specification first. */
DOZAN_MUST_USE dozan_status dz_loop_run(dz_loop *loop, dz_experiment *experiment,
                                        dz_experiment_spec *budget, dozan_error *err);

/* Asks a running loop to suspend the experiment and return: safe in a signal handler and from any
 * thread. A second call makes it return at once, with the trials left to the next run. */
void dz_loop_interrupt(dz_loop *loop);

/* Whether an interrupt has come. */
bool dz_loop_interrupted(dz_loop *loop);

/* Checks algorithm and early stopper with their plugins; INVALID_ARGUMENT carries the place as a
 * path below spec. */
DOZAN_MUST_USE dozan_status dz_loop_validate(dz_loop *loop, const dz_experiment_spec *spec,
                                             dozan_error *err);

/* The descriptions of the named algorithm, or of all built-in ones and the configured plugins (name
 * NULL). */
typedef bool dz_description_visit(void *user, const char *plugin,
                                  const dozan_description *description);
DOZAN_MUST_USE dozan_status dz_loop_describe(dz_loop *loop, const char *name,
                                             dz_description_visit *visit, void *user,
                                             dozan_error *err);

#endif
