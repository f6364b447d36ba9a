#include "cli/target.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static dozan_status take_context(dz_target *target, const char *name, dozan_error *err);
static void take_options(dz_target *target, const dz_cli_options *options);
static const char *environment(const char *name);

dozan_status dz_target_choose(const dz_cli_options *options, dz_target *target, dozan_error *err)
{
    *target = (dz_target){.namespace_ = "default"};
    const char *server = environment("DOZAN_SERVER");
    bool named = options->server != NULL || options->context != NULL;
    dozan_status status = DOZAN_OK;
    if (options->server != NULL && options->context != NULL)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "--context",
                               "--server names the service already: leave one of them out");
    if (options->db_given && named)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "--db",
                               "a service has its own database: leave --db out, or %s",
                               options->server != NULL ? "--server" : "--context");
    if (options->db_given)
        return DOZAN_OK;
    if (options->server != NULL) {
        target->server = options->server;
        target->origin = "--server";
    } else if (options->context != NULL) {
        status = take_context(target, options->context, err);
    } else if (server != NULL) {
        target->server = server;
        target->origin = "$DOZAN_SERVER";
    } else if (environment("DOZAN_DB") == NULL) {
        status = take_context(target, NULL, err);
    }
    if (status == DOZAN_OK && target->server != NULL)
        take_options(target, options);
    return status;
}

void dz_target_fini(dz_target *target)
{
    dz_contexts_fini(&target->contexts);
    free(target->origin_text);
    *target = (dz_target){0};
}

/* A name of NULL is the current one. */
static dozan_status take_context(dz_target *target, const char *name, dozan_error *err)
{
    cJSON *context = NULL;
    dozan_status status = dz_contexts_read(&target->contexts, err);
    if (status != DOZAN_OK)
        return status;
    if (name == NULL)
        name = dz_contexts_current(&target->contexts);
    if (strcmp(name, DZ_CONTEXT_LOCAL) == 0)
        return DOZAN_OK;
    status = dz_contexts_find(&target->contexts, name, &context, err);
    if (status != DOZAN_OK)
        return status;
    if (asprintf(&target->origin_text, "context %s", name) < 0) {
        target->origin_text = NULL;
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    }
    const char *namespace_ = dz_context_text(context, DZ_CONTEXT_NAMESPACE);
    target->origin = target->origin_text;
    target->server = dz_context_text(context, DZ_CONTEXT_SERVER);
    target->token_file = dz_context_text(context, DZ_CONTEXT_TOKEN_FILE);
    target->authority = dz_context_text(context, DZ_CONTEXT_AUTHORITY);
    target->certificate = dz_context_text(context, DZ_CONTEXT_CERTIFICATE);
    target->key = dz_context_text(context, DZ_CONTEXT_KEY);
    if (namespace_ != NULL)
        target->namespace_ = namespace_;
    return DOZAN_OK;
}

/* The environment's files are for a server that no context tells more of: a token goes only where
 * it is meant to go. */
static void take_options(dz_target *target, const dz_cli_options *options)
{
    if (target->origin_text == NULL) {
        target->token_file = environment("DOZAN_TOKEN_FILE");
        target->authority = environment("DOZAN_CERTIFICATE_AUTHORITY");
    }
    if (options->token_file != NULL)
        target->token_file = options->token_file;
    if (options->authority != NULL)
        target->authority = options->authority;
    if (options->client_certificate != NULL)
        target->certificate = options->client_certificate;
    if (options->client_key != NULL)
        target->key = options->client_key;
    if (options->namespace_ != NULL)
        target->namespace_ = options->namespace_;
}

/* NULL where it is empty, too. */
static const char *environment(const char *name)
{
    const char *text = getenv(name); /* NOLINT(concurrency-mt-unsafe): nothing sets it */
    return text != NULL && *text != '\0' ? text : NULL;
}
