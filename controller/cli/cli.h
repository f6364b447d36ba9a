/*
 * The command line: one table of commands and one of options, from which parsing, usage, help,
 * shell completion and the man page come.
 *
 * A command prints its result to `out` and everything else (problems, notes, progress) to `err`,
 * and returns the program's exit status.
 */
#ifndef DZ_CLI_CLI_H
#define DZ_CLI_CLI_H

#include "auth/auth.h"
#include "cli/options.h"
#include "cli/target.h"
#include "loop/service.h"
#include "store/store.h"
#include <dozan/buf.h>
#include <stdio.h>

typedef enum dz_exit {
    DZ_EXIT_SUCCEEDED = 0,
    DZ_EXIT_FAILED = 1, /* the experiment Failed, or the machine did not do its part */
    DZ_EXIT_USAGE = 2,  /* bad input or usage */
    DZ_EXIT_INTERRUPTED = 3
} dz_exit;

#define DZ_EXITS(X)                                                                                \
    X(0, "The experiment Succeeded, or the command did what it was asked.")                        \
    X(1, "The experiment Failed, or the command could not be carried out.")                        \
    X(2, "Bad input or usage: nothing was changed.")                                               \
    X(3, "Interrupted or stopped: a second run goes on from there.")

typedef struct dz_cli dz_cli;
typedef int dz_cli_function(dz_cli *cli);

typedef struct dz_cli_argument {
    const char *name; /* "FILE", or the words to choose from: "experiments|trials" */
    dz_cli_complete complete;
    bool optional;
} dz_cli_argument;

enum { DZ_CLI_MAX_ARGUMENTS = 2 };

/* A row of the table of commands. */
typedef struct dz_cli_command {
    const char *name;
    dz_cli_function *run;    /* on a database; NULL = it needs a service */
    dz_cli_function *remote; /* on a service (remote.h); NULL = it has nothing to do with one */
    dz_role role; /* what a user of a service needs for it to run `run` for him; NONE = it does not
                   */
    const char *summary; /* one line */
    const char *details; /* paragraphs, parted by empty lines, or NULL */
    dz_cli_argument arguments[DZ_CLI_MAX_ARGUMENTS]; /* name NULL = no more */
    uint64_t options;                                /* DZ_OPTION_BIT of each */
    bool hidden;                                     /* not for people: not in help */
} dz_cli_command;

struct dz_cli {
    const dz_cli_command *command;
    dz_cli_options options;
    FILE *out;
    FILE *err;
    dz_target target;    /* of a command that may work on a service */
    dz_service *service; /* the command is run inside it, for a client; NULL = it is not */
    bool pending;        /* inside a service: what was asked for is under way */
    dozan_error failure; /* the last error that was printed */
};

/* The table; ends with a row without a name. */
extern const dz_cli_command dz_cli_commands[];
const dz_cli_command *dz_cli_find(const char *name);

/* Runs `dozan argv[1..]`. */
int dz_cli_main(int argc, char **argv, FILE *out, FILE *err);

/* "dozan get experiments|trials [NAME]" */
void dz_cli_synopsis(const dz_cli_command *command, dozan_buf *out);

/* Says that there is no such command, and which one may be meant. */
int dz_cli_unknown_command(dz_cli *cli, const char *name);

/* The commands. */
dz_cli_function dz_cli_run, dz_cli_validate, dz_cli_get, dz_cli_describe, dz_cli_logs,
    dz_cli_metrics, dz_cli_stop, dz_cli_resume, dz_cli_delete, dz_cli_algorithms, dz_cli_completion,
    dz_cli_man, dz_cli_serve, dz_cli_token, dz_cli_version, dz_cli_help, dz_cli_context, dz_cli_top,
    dz_cli_why, dz_cli_result_of, dz_cli_lineage, dz_cli_import, dz_cli_export;

/* Commands on a service: those that it runs itself, and those that follow something. */
dz_cli_function dz_cli_remote, dz_cli_remote_logs, dz_cli_submit, dz_cli_watch, dz_cli_wait;

/* ---- what commands share ---- */

/* Prints "error: place: message" and gives the exit status that the code means. */
int dz_cli_fail(dz_cli *cli, const dozan_error *err);
int dz_cli_failf(dz_cli *cli, dozan_status code, const char *format, ...) DOZAN_PRINTF(3, 4);

/* Prints a sentence to `err` unless --quiet. */
void dz_cli_note(dz_cli *cli, const char *format, ...) DOZAN_PRINTF(2, 3);

/* Writes a finished buffer to `out`; a failed one is an error. Empties it. */
int dz_cli_put(dz_cli *cli, dozan_buf *text);

/* Prints a tree as JSON or YAML, as --output says. */
int dz_cli_put_tree(dz_cli *cli, const cJSON *tree);

/* Opens the database for reading; a message is already printed when *status is not 0. */
dz_store *dz_cli_open(dz_cli *cli, dz_store_mode mode, int *status);

/* The same for writing, but makes no file where there is none. */
dz_store *dz_cli_open_existing(dz_cli *cli, int *status);

/* Wall clock, ms since 1970. */
int64_t dz_cli_now(void);

/* Columns of the terminal behind a file; 0 when it is none. */
size_t dz_cli_columns(FILE *file);

#endif
