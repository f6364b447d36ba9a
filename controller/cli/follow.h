/*
 * Following an experiment or a trial of a service: a watch of the Kubernetes API that goes on from
 * where it was when the connection ends, the service restarts, or its memory of changes does not
 * reach back far enough (410: what there is now is read, and the watch begins anew from there).
 */
#ifndef DZ_CLI_FOLLOW_H
#define DZ_CLI_FOLLOW_H

#include "cli/remote.h"

/* What has changed. The object is an Experiment or a Trial, as it is now; deleted = as it was. */
typedef struct dz_followed {
    const cJSON *object;
    bool trial;   /* it is a trial */
    bool subject; /* it is the one that is followed, and not a trial of it */
    bool deleted;
    bool again; /* changes before it may have been missed */
} dz_followed;

/* False = enough. */
typedef bool dz_follow_visit(void *user, const dz_followed *followed);

typedef struct dz_follow {
    dz_cli *cli;
    dz_client *client;
    dz_subject subject;
    bool with_trials; /* an experiment's trials, too */
    int interrupt;    /* dz_remote_signals */
    int64_t until_ms; /* dz_client_clock; INT64_MAX = for ever */
    dz_follow_visit *visit;
    void *user;
} dz_follow;

typedef enum dz_follow_end {
    DZ_FOLLOW_ENOUGH,
    DZ_FOLLOW_DELETED, /* while the service could not be reached */
    DZ_FOLLOW_INTERRUPTED,
    DZ_FOLLOW_LATE
} dz_follow_end;

/* Reads what there is and visits it, then what changes. An error of the first reading is an error
 * (NOT_FOUND: there is neither an experiment nor a trial of the name); later on, a service that
 * cannot be reached is waited for, which is told once. */
DOZAN_MUST_USE dozan_status dz_follow_run(const dz_follow *follow, dz_follow_end *end,
                                          dozan_error *err);

/* Whether an object's condition of a type (in any case) is True. */
bool dz_follow_holds(const cJSON *object, const char *type);

/* Whether it goes on no more by itself: it has ended, or is suspended. */
bool dz_follow_rests(const cJSON *object, bool trial);

/* The exit status that its state means, as of `dozan run`. */
int dz_follow_status(const cJSON *object, bool trial);

#endif
