/*
 * Names on the command line: experiments and trials that a command is about.
 */
#ifndef DZ_CLI_FIND_H
#define DZ_CLI_FIND_H

#include "cli/cli.h"

/* What a name stands for: an experiment (trial is NULL) or a trial with its experiment. Owned. */
typedef struct dz_found {
    dz_experiment *experiment;
    dz_trial *trial;
} dz_found;

/* Looks for an experiment, a trial, or (dz_find_object) whichever there is. Prints an error and
 * returns the exit status when there is none; an experiment comes with its active trials. */
int dz_find_experiment(dz_cli *cli, dz_store *store, const char *name, dz_found *found);
int dz_find_trial(dz_cli *cli, dz_store *store, const char *name, dz_found *found);
int dz_find_object(dz_cli *cli, dz_store *store, const char *name, dz_found *found);
void dz_found_fini(dz_found *found);

/* "experiment", "experiments" and "trial", "trials" alike: what `get` and `describe` are about.
 * Prints an error otherwise. */
typedef enum dz_kind { DZ_KIND_NONE, DZ_KIND_EXPERIMENT, DZ_KIND_TRIAL } dz_kind;
dz_kind dz_find_kind(dz_cli *cli, const char *word);

/* A trial's value of a metric by its strategy, as text, or NULL while there is none. Borrowed. */
const char *dz_trial_metric_text(const dz_trial *trial, const dz_experiment_spec *spec,
                                 size_t metric);

#endif
