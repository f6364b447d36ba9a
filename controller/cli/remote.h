/*
 * Commands against a service.
 *
 * What prints a state, and what asks for one change, the service itself runs, by the same row of
 * the table and the same function as on a database: it is sent the words of the command line and
 * sends back what the command has printed (serve_commands.h). What goes on for a while (logs,
 * watch, wait) is a client of the Kubernetes API.
 */
#ifndef DZ_CLI_REMOTE_H
#define DZ_CLI_REMOTE_H

#include "cli/cli.h"
#include "cli/client.h"

/* The namespace of what the command is about, and its name (NULL where none is given): of
 * NAMESPACE/NAME, of --namespace, of the context. */
typedef struct dz_subject {
    char namespace_[256];
    const char *name;
} dz_subject;

/* INVALID_ARGUMENT is printed; returns the exit status. */
int dz_remote_subject(dz_cli *cli, dz_subject *subject);

/* The client of cli->target, or NULL with *status set and a message printed. */
dz_client *dz_remote_client(dz_cli *cli, int *status);

/* Has the service run a command of the table, with the words of this command line, or (when it is
 * another one than this) with the subject's name alone, and prints what it has printed. Returns its
 * exit status. */
int dz_remote_command(dz_cli *cli, dz_client *client, const dz_subject *subject,
                      const char *command);

/* Appends "/apis/kubeflow.org/v1beta1/namespaces/NAMESPACE/KIND" and, unless NULL, "/NAME". */
void dz_remote_path(dozan_buf *path, const dz_subject *subject, const char *kind, const char *name);

/* GET, with the path of a buffer, which is emptied. */
DOZAN_MUST_USE dozan_status dz_remote_get(dz_client *client, dozan_buf *path, cJSON **tree,
                                          dozan_error *err);

/* The condition that an experiment or trial is in: the last one, as Katib has them. Texts are never
 * NULL, and borrowed. */
typedef struct dz_remote_state {
    const char *type, *reason, *message;
} dz_remote_state;

dz_remote_state dz_remote_state_of(const cJSON *object);

/* A member that is a text, or "". */
const char *dz_remote_text(const cJSON *object, const char *name);

/* A file that becomes readable on SIGINT and SIGTERM, which then do nothing else; -1 = there is
 * none. dz_remote_release gives them back. */
int dz_remote_signals(void);
void dz_remote_release(int file);

#endif
