/*
 * Which service a command works on, if any: what the command line names, the environment, the
 * current context.
 */
#ifndef DZ_CLI_TARGET_H
#define DZ_CLI_TARGET_H

#include "cli/contexts.h"
#include "cli/options.h"

typedef struct dz_target {
    const char *server;                                     /* NULL = none: the database */
    const char *namespace_;                                 /* never NULL */
    const char *token_file, *authority, *certificate, *key; /* NULL = none */
    const char *origin;   /* what chose the server, for messages: "--server", "context team" */
    char *origin_text;    /* owned */
    dz_contexts contexts; /* what the texts may borrow from */
} dz_target;

/* In this order: --db, --server or --context, $DOZAN_SERVER, $DOZAN_DB, the current context; else
 * the database. Options of the command line go before fields of the context. INVALID_ARGUMENT:
 * options that exclude each other; NOT_FOUND: no such context. dz_target_fini in any case. */
DOZAN_MUST_USE dozan_status dz_target_choose(const dz_cli_options *options, dz_target *target,
                                             dozan_error *err);
void dz_target_fini(dz_target *target);

#endif
