/*
 * Reading for an API: lists in parts, what has changed since a version, and counts.
 *
 * Every row of an experiment or trial has a version: a number of one counter for the whole
 * database, raised for each row that a commit writes, so that no two rows ever have the same.
 * Deletions leave a tombstone with a version of its own; the oldest are forgotten in time, and with
 * them how to tell what has changed since before (dz_store_version_oldest).
 */
#ifndef DZ_STORE_CHANGES_H
#define DZ_STORE_CHANGES_H

#include "store/store.h"

/* The highest version given out: what a list that is read in the same moment is of. */
DOZAN_MUST_USE dozan_status dz_store_version_now(dz_store *store, int64_t *version,
                                                 dozan_error *err);

/* The oldest version from which dz_store_changes can still tell everything. */
DOZAN_MUST_USE dozan_status dz_store_version_oldest(dz_store *store, int64_t *version,
                                                    dozan_error *err);

/* What dz_change is about; the first two may be joined by |. */
typedef enum dz_object_kind { DZ_OBJECT_EXPERIMENT = 1, DZ_OBJECT_TRIAL = 2 } dz_object_kind;

/* The present state of a row that has changed, or the tombstone of one that is gone. A row that has
 * changed several times is told once, with its last version. */
typedef struct dz_change {
    int64_t version, created_version; /* created_version > since: the reader has not seen it yet */
    dz_object_kind kind;
    bool deleted;
    const char *namespace_, *name, *uid;
    const char *labels;     /* deleted: JSON of metadata.labels; else NULL */
    const char *experiment; /* its name */
    int64_t experiment_id, trial;
} dz_change;

typedef bool dz_change_visit(void *user, const dz_change *change);

/* The changes after `since` in the order of their versions, at most limit (0 = all); kinds as in
 * dz_object_kind; namespace_ NULL = all. OUT_OF_RANGE: too old, list anew (HTTP: 410 Gone). */
DOZAN_MUST_USE dozan_status dz_store_changes(dz_store *store, int64_t since, int kinds,
                                             const char *namespace_, int64_t limit,
                                             dz_change_visit *visit, void *user, dozan_error *err);

/* Where a part of a list begins: after this one. Zero = at the beginning. */
typedef struct dz_list_from {
    const char *namespace_, *name; /* experiments, by (namespace, name); borrowed */
    int64_t experiment_id, trial;  /* trials, by (experiment, number) */
} dz_list_from;

/* Experiments of a namespace (NULL = all), without their active trials; at most limit (0 = all). */
DOZAN_MUST_USE dozan_status dz_store_list_experiments(dz_store *store, const char *namespace_,
                                                      const dz_list_from *from, int64_t limit,
                                                      dz_experiment_visit *visit, void *user,
                                                      dozan_error *err);

/* The trials of all experiments of a namespace (NULL = all) likewise. For those of one experiment
 * there is dz_store_trials. */
typedef bool dz_listed_trial_visit(void *user, const dz_experiment *experiment,
                                   const dz_trial *trial);
DOZAN_MUST_USE dozan_status dz_store_list_trials(dz_store *store, const char *namespace_,
                                                 const dz_list_from *from, int64_t limit,
                                                 dz_listed_trial_visit *visit, void *user,
                                                 dozan_error *err);

/* A trial by its name in a namespace, and by number. NOT_FOUND. */
DOZAN_MUST_USE dozan_status dz_store_trial_in(dz_store *store, const char *namespace_,
                                              const char *name, dz_experiment **experiment,
                                              dz_trial **trial, dozan_error *err);
DOZAN_MUST_USE dozan_status dz_store_trial_number(dz_store *store, const dz_experiment *experiment,
                                                  int64_t number, dz_trial **trial,
                                                  dozan_error *err);

/* How many there are by state, for each namespace that has experiments, by name. */
typedef struct dz_counts {
    const char *namespace_;
    int64_t experiments[DZ_EXPERIMENT_STATE_COUNT];
    int64_t trials[DZ_TRIAL_STATE_COUNT];
} dz_counts;

typedef bool dz_counts_visit(void *user, const dz_counts *counts);

DOZAN_MUST_USE dozan_status dz_store_counts(dz_store *store, dz_counts_visit *visit, void *user,
                                            dozan_error *err);

#endif
