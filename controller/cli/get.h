/*
 * Lists under way: what the files of `dozan get` share.
 */
#ifndef DZ_CLI_GET_H
#define DZ_CLI_GET_H

#include "cli/find.h"
#include "cli/table.h"

typedef struct dz_listing {
    dz_cli *cli;
    dz_store *store;
    dz_kind kind;
    dz_output output;
    int64_t now_ms;
    bool one;                    /* a single experiment or trial was named */
    dz_experiment **experiments; /* those to list, or whose trials to list */
    size_t experiment_count;
    dz_trial *trial; /* the only trial to list; NULL = all */

    dz_table table; /* the rows, unless they are items */
    cJSON *items;   /* the resources, for json and yaml */
    bool failed;    /* err says why */
    dozan_error err;

    /* of trials: the parameters and then the metrics of all experiments listed; borrowed */
    const char **columns;
    size_t parameter_count, metric_count;
    const dz_experiment *experiment; /* whose trials are being visited */
} dz_listing;

/* Fill in the table or the items. */
void dz_list_experiments(dz_listing *list);
void dz_list_trials(dz_listing *list);

bool dz_list_is_tree(const dz_listing *list);

/* Adds a resource (taken) to the items, or records why there is none. */
void dz_list_keep(dz_listing *list, dozan_status status, cJSON *resource);
void dz_list_no_memory(dz_listing *list);
void dz_list_time(dz_listing *list, int64_t time_ms); /* a cell */

#endif
