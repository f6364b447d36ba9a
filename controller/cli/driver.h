/*
 * A run in the foreground: the loop with its observer, its signals and its end.
 */
#ifndef DZ_CLI_DRIVER_H
#define DZ_CLI_DRIVER_H

#include "cli/cli.h"

typedef struct dz_driver dz_driver;

/* Makes the loop from the options and the configuration file. store may be NULL for a loop that
 * only asks plugins (dz_loop_validate, dz_loop_describe). With a store, SIGINT, SIGTERM and SIGHUP
 * interrupt from now on, also what is asked of plugins before the run. */
DOZAN_MUST_USE dozan_status dz_driver_create(dz_cli *cli, dz_store *store, dz_driver **driver,
                                             dozan_error *err);
void dz_driver_destroy(dz_driver *driver);

dz_loop *dz_driver_loop(dz_driver *driver);

/* Runs an experiment, with progress, until it rests, and prints what came of it. `budget` (taken)
 * may be NULL. Returns the exit status. */
int dz_driver_run(dz_driver *driver, dz_experiment *experiment, dz_experiment_spec *budget);

/* Prints an experiment's result as --output says, and returns the exit status that its state
 * means. */
int dz_cli_result(dz_cli *cli, dz_store *store, const dz_experiment *experiment);

/* The best trial so far, or NULL when there is none or it cannot be read. Owned. */
dz_trial *dz_cli_best(dz_store *store, const dz_experiment *experiment);

#endif
