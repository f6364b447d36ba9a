/*
 * Contexts: named services, as kubectl has them, in $XDG_CONFIG_HOME/dozan/contexts.yaml.
 *
 *   current: team
 *   contexts:
 *     team:
 *       server: https://tuner.example.org:7070
 *       namespace: vision
 *       token-file: /home/me/.config/dozan/team.token
 *       certificate-authority: /home/me/.config/dozan/ca.pem
 *
 * The fields are the options of the same names. No secret is in the file: it names the files that
 * hold them. The context "local" is always there, and is the database.
 */
#ifndef DZ_CLI_CONTEXTS_H
#define DZ_CLI_CONTEXTS_H

#include <cjson/cJSON.h>
#include <dozan/status.h>

#define DZ_CONTEXT_LOCAL "local"

typedef enum dz_context_field {
    DZ_CONTEXT_SERVER,
    DZ_CONTEXT_NAMESPACE,
    DZ_CONTEXT_TOKEN_FILE,
    DZ_CONTEXT_AUTHORITY,
    DZ_CONTEXT_CERTIFICATE,
    DZ_CONTEXT_KEY,
    DZ_CONTEXT_FIELDS
} dz_context_field;

typedef struct dz_contexts {
    char *path;
    cJSON *tree; /* as the file is; an object with nothing in it where there is none */
} dz_contexts;

/* Reads the file; it is no error that there is none. INVALID_ARGUMENT with file, line and path.
 * dz_contexts_fini in any case. */
DOZAN_MUST_USE dozan_status dz_contexts_read(dz_contexts *contexts, dozan_error *err);
void dz_contexts_fini(dz_contexts *contexts);

/* Writes it whole, by a new file that takes its place. */
DOZAN_MUST_USE dozan_status dz_contexts_write(const dz_contexts *contexts, dozan_error *err);

/* The name of the current one; "local" when none is chosen. Borrowed. */
const char *dz_contexts_current(const dz_contexts *contexts);

/* The list of contexts: an object with one member for each. NULL when there is none. */
cJSON *dz_contexts_list(const dz_contexts *contexts);

/* NOT_FOUND tells those that there are. */
DOZAN_MUST_USE dozan_status dz_contexts_find(const dz_contexts *contexts, const char *name,
                                             cJSON **context, dozan_error *err);

/* A field's name in the file, and its value in a context (NULL = it has none). */
const char *dz_context_field_name(dz_context_field field);
const char *dz_context_text(const cJSON *context, dz_context_field field);

#endif
