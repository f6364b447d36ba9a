/*
 * `dozan context`: lists, makes, chooses and removes contexts.
 */
#include "cli/cli.h"
#include "cli/contexts.h"
#include "cli/table.h"

#include <stdlib.h>
#include <string.h>

static int list(dz_cli *cli, const dz_contexts *contexts);
static int use(dz_cli *cli, dz_contexts *contexts, const char *name);
static int set(dz_cli *cli, dz_contexts *contexts, const char *name);
static int remove_one(dz_cli *cli, dz_contexts *contexts, const char *name);
static dozan_status set_fields(const dz_cli_options *options, cJSON *context, dozan_error *err);
static bool put(cJSON *object, const char *name, const char *text);
static int save(dz_cli *cli, const dz_contexts *contexts);

int dz_cli_context(dz_cli *cli)
{
    const char *verb = cli->options.arguments[0];
    const char *name = cli->options.argument_count > 1 ? cli->options.arguments[1] : NULL;
    dz_contexts contexts;
    dozan_error err = {0};
    size_t index = 0;
    int status;
    if (!dz_cli_word(cli->command->arguments[0].name, verb, &index))
        return dz_cli_failf(cli, DOZAN_INVALID_ARGUMENT, "\"%s\" is none of %s", verb,
                            cli->command->arguments[0].name);
    bool lists = strcmp(verb, "list") == 0;
    if (lists != (name == NULL))
        return dz_cli_failf(cli, DOZAN_INVALID_ARGUMENT,
                            lists ? "context list takes no name" : "the context's NAME is missing");
    if (dz_contexts_read(&contexts, &err) != DOZAN_OK)
        status = dz_cli_fail(cli, &err);
    else if (lists)
        status = list(cli, &contexts);
    else if (strcmp(verb, "use") == 0)
        status = use(cli, &contexts, name);
    else if (strcmp(verb, "set") == 0)
        status = set(cli, &contexts, name);
    else
        status = remove_one(cli, &contexts, name);
    dz_contexts_fini(&contexts);
    return status;
}

static int list(dz_cli *cli, const dz_contexts *contexts)
{
    static const char *const titles[] = {"CURRENT", "NAME", "SERVER", "NAMESPACE", "TOKEN FILE"};
    const char *current = dz_contexts_current(contexts);
    const cJSON *item = NULL;
    dz_table table;
    dozan_buf out;
    if (cli->options.output == DZ_OUTPUT_JSON || cli->options.output == DZ_OUTPUT_YAML)
        return dz_cli_put_tree(cli, contexts->tree);
    dozan_buf_init(&out, DZ_TABLE_MAX_BYTES);
    dz_table_init(&table);
    for (size_t i = 0; i < sizeof(titles) / sizeof(titles[0]); i++)
        dz_table_column(&table, titles[i], false);
    dz_table_cell(&table, strcmp(current, DZ_CONTEXT_LOCAL) == 0 ? "*" : "");
    dz_table_cell(&table, DZ_CONTEXT_LOCAL);
    dz_table_cell(&table, "");
    dz_table_cell(&table, "");
    dz_table_cell(&table, "");
    cJSON_ArrayForEach(item, dz_contexts_list(contexts))
    {
        dz_table_cell(&table, strcmp(current, item->string) == 0 ? "*" : "");
        dz_table_cell(&table, item->string);
        dz_table_cell(&table, dz_context_text(item, DZ_CONTEXT_SERVER));
        dz_table_cell(&table, dz_context_text(item, DZ_CONTEXT_NAMESPACE));
        dz_table_cell(&table, dz_context_text(item, DZ_CONTEXT_TOKEN_FILE));
    }
    if (table.failed || table.text.failed)
        out.failed = true;
    for (size_t row = 1; !out.failed && cli->options.output == DZ_OUTPUT_NAME; row++) {
        if (row > dz_table_rows(&table))
            break;
        dozan_buf_printf(&out, "%s\n", dz_table_at(&table, row, 1));
    }
    if (cli->options.output != DZ_OUTPUT_NAME && !dz_table_write(&table, "", 0, &out))
        out.failed = true;
    dz_table_fini(&table);
    return dz_cli_put(cli, &out);
}

static int use(dz_cli *cli, dz_contexts *contexts, const char *name)
{
    cJSON *context = NULL;
    dozan_error err = {0};
    if (strcmp(name, DZ_CONTEXT_LOCAL) != 0 &&
        dz_contexts_find(contexts, name, &context, &err) != DOZAN_OK)
        return dz_cli_fail(cli, &err);
    if (!put(contexts->tree, "current", name))
        return dz_cli_failf(cli, DOZAN_RESOURCE_EXHAUSTED, "out of memory");
    int status = save(cli, contexts);
    if (status == DZ_EXIT_SUCCEEDED && context == NULL)
        dz_cli_note(cli, "commands work on the database now");
    else if (status == DZ_EXIT_SUCCEEDED)
        dz_cli_note(cli, "commands work on %s now", dz_context_text(context, DZ_CONTEXT_SERVER));
    return status;
}

/* Makes it, or changes those of its fields that are given; an empty text takes a field away. The
 * first one that is made is used at once. */
static int set(dz_cli *cli, dz_contexts *contexts, const char *name)
{
    dozan_error err = {0};
    cJSON *list_of = dz_contexts_list(contexts);
    if (strcmp(name, DZ_CONTEXT_LOCAL) == 0 || *name == '\0')
        return dz_cli_failf(cli, DOZAN_INVALID_ARGUMENT,
                            "\"%s\" cannot be a service's name: \"local\" is the database", name);
    if (list_of == NULL)
        list_of = cJSON_AddObjectToObject(contexts->tree, "contexts");
    cJSON *context = cJSON_GetObjectItemCaseSensitive(list_of, name);
    if (context == NULL && cli->options.server == NULL)
        return dz_cli_failf(cli, DOZAN_INVALID_ARGUMENT,
                            "context %s is new: say its service, --server URL", name);
    bool first = cJSON_GetArraySize(list_of) == 0;
    if (context == NULL)
        context = cJSON_AddObjectToObject(list_of, name);
    if (context == NULL || (first && !put(contexts->tree, "current", name)))
        return dz_cli_failf(cli, DOZAN_RESOURCE_EXHAUSTED, "out of memory");
    if (set_fields(&cli->options, context, &err) != DOZAN_OK)
        return dz_cli_fail(cli, &err);
    int status = save(cli, contexts);
    if (status == DZ_EXIT_SUCCEEDED)
        dz_cli_note(cli, "context %s is %s%s", name, dz_context_text(context, DZ_CONTEXT_SERVER),
                    strcmp(dz_contexts_current(contexts), name) == 0
                        ? ", and commands work on it"
                        : "; `dozan context use` chooses it");
    return status;
}

/* Without the current one, commands work on the database. */
static int remove_one(dz_cli *cli, dz_contexts *contexts, const char *name)
{
    cJSON *context = NULL;
    dozan_error err = {0};
    if (dz_contexts_find(contexts, name, &context, &err) != DOZAN_OK)
        return dz_cli_fail(cli, &err);
    if (strcmp(dz_contexts_current(contexts), name) == 0)
        cJSON_DeleteItemFromObjectCaseSensitive(contexts->tree, "current");
    cJSON_DeleteItemFromObjectCaseSensitive(dz_contexts_list(contexts), name);
    int status = save(cli, contexts);
    if (status == DZ_EXIT_SUCCEEDED)
        dz_cli_note(cli, "context %s is deleted", name);
    return status;
}

/* Files are kept by their whole paths: a context is used from anywhere. */
static dozan_status set_fields(const dz_cli_options *options, cJSON *context, dozan_error *err)
{
    const char *const given[DZ_CONTEXT_FIELDS] = {
        [DZ_CONTEXT_SERVER] = options->server,
        [DZ_CONTEXT_NAMESPACE] = options->namespace_,
        [DZ_CONTEXT_TOKEN_FILE] = options->token_file,
        [DZ_CONTEXT_AUTHORITY] = options->authority,
        [DZ_CONTEXT_CERTIFICATE] = options->client_certificate,
        [DZ_CONTEXT_KEY] = options->client_key,
    };
    for (size_t i = 0; i < DZ_CONTEXT_FIELDS; i++) {
        const char *name = dz_context_field_name((dz_context_field)i);
        const char *text = given[i];
        char *whole = NULL;
        if (text == NULL)
            continue;
        if (*text == '\0' && i != DZ_CONTEXT_SERVER) {
            cJSON_DeleteItemFromObjectCaseSensitive(context, name);
            continue;
        }
        if (i >= DZ_CONTEXT_TOKEN_FILE && (whole = realpath(text, NULL)) == NULL)
            return dozan_error_set(err, DOZAN_NOT_FOUND, text, "there is no such file for --%s",
                                   name);
        bool good = put(context, name, whole != NULL ? whole : text);
        free(whole);
        if (!good)
            return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    }
    return DOZAN_OK;
}

static bool put(cJSON *object, const char *name, const char *text)
{
    cJSON_DeleteItemFromObjectCaseSensitive(object, name);
    return cJSON_AddStringToObject(object, name, text) != NULL;
}

static int save(dz_cli *cli, const dz_contexts *contexts)
{
    dozan_error err = {0};
    if (dz_contexts_write(contexts, &err) != DOZAN_OK)
        return dz_cli_fail(cli, &err);
    return DZ_EXIT_SUCCEEDED;
}
