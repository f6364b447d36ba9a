#include "cli/serve_commands.h"

#include "api/build.h"
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { MAX_HINT = 1024 };

#define BASE "/api/v1alpha1"
#define IN BASE "/namespaces/{namespace}"

static dz_http_handler tell, change;
static void run(dz_serve_commands *commands, dz_http_request *request, bool changes);
static dozan_status make_options(const dz_serve_commands *commands, const dz_http_request *request,
                                 const dz_cli_command *command, dz_cli_options *options,
                                 dozan_error *err);
static dozan_status add_argument(const dz_cli_command *command, const char *text,
                                 dz_cli_options *options, dozan_error *err);
static dozan_status take_output(const dz_http_request *request, const dz_cli_command *command,
                                dz_cli_options *options, dozan_error *err);
static void answer(dz_http_request *request, const dz_cli *cli, int status, const char *text,
                   const char *notes);
static dozan_status no_memory(dozan_error *err);

static const dz_http_route routes[] = {
    {"GET", BASE "/commands/{command}", tell, DZ_ROLE_VIEWER},
    {"GET", IN "/commands/{command}", tell, DZ_ROLE_VIEWER},
    {"POST", IN "/commands/{command}", change, DZ_ROLE_EDITOR},
};

dz_http_route_set dz_serve_commands_routes(dz_serve_commands *commands)
{
    return (dz_http_route_set){routes, sizeof(routes) / sizeof(routes[0]), commands};
}

static void tell(void *context, dz_http_request *request)
{
    run(context, request, false);
}

/* A form of another site cannot send this media type without asking first, which is never granted.
 */
static void change(void *context, dz_http_request *request)
{
    static const char json[] = "application/json";
    const char *type = dz_http_header(request, "Content-Type");
    if (type == NULL || strncasecmp(type, json, sizeof(json) - 1) != 0)
        dz_http_refusef(request, 415, "send it with Content-Type: %s", json);
    else
        run(context, request, true);
}

static void run(dz_serve_commands *commands, dz_http_request *request, bool changes)
{
    const char *name = dz_http_param(request, "command");
    const dz_cli_command *command = dz_cli_find(name != NULL ? name : "");
    char *text = NULL, *notes = NULL;
    size_t text_size = 0, notes_size = 0;
    dozan_error err = {0};
    dz_cli cli = {.command = command, .service = commands->service};
    if (command == NULL || command->role == DZ_ROLE_NONE) {
        dz_http_refusef(request, 404, "there is no such command for clients");
        return;
    }
    if ((command->role >= DZ_ROLE_EDITOR) != changes) {
        dz_http_refusef(request, 405, "this command is asked for by %s",
                        command->role >= DZ_ROLE_EDITOR ? "POST" : "GET");
        return;
    }
    dozan_status status = make_options(commands, request, command, &cli.options, &err);
    cli.out = open_memstream(&text, &text_size);
    cli.err = open_memstream(&notes, &notes_size);
    if (status == DOZAN_OK && (cli.out == NULL || cli.err == NULL))
        status = no_memory(&err);
    int ended = status == DOZAN_OK ? command->run(&cli) : DZ_EXIT_FAILED;
    bool good = status == DOZAN_OK && cli.failure.code == DOZAN_OK;
    if (status == DOZAN_OK && !good)
        err = cli.failure;
    if (cli.options.db != NULL && strcmp(err.place, cli.options.db) == 0)
        err.place[0] = '\0'; /* a path of this machine tells a client nothing */
    if (cli.out != NULL && fclose(cli.out) != 0 && good)
        good = no_memory(&err) == DOZAN_OK;
    if (cli.err != NULL && fclose(cli.err) != 0 && good)
        good = no_memory(&err) == DOZAN_OK;
    if (good)
        answer(request, &cli, ended, text, notes);
    else
        dz_http_fail(request, &err);
    dz_cli_options_fini(&cli.options);
    free(text);
    free(notes);
}

static void answer(dz_http_request *request, const dz_cli *cli, int status, const char *text,
                   const char *notes)
{
    dz_builder build = {false};
    cJSON *tree = cJSON_CreateObject();
    dz_build_add(&build, tree, "text", cJSON_CreateString(text));
    dz_build_add(&build, tree, "notes", cJSON_CreateString(notes));
    dz_build_add(&build, tree, "status", cJSON_CreateNumber(status));
    dz_build_add(&build, tree, "pending", cJSON_CreateBool(cli->pending));
    if (build.failed) {
        cJSON_Delete(tree);
        tree = NULL;
    }
    dz_http_reply_json(request, 200, tree);
}

/* The service's own database, folders and maps, and the client's words. */
static dozan_status make_options(const dz_serve_commands *commands, const dz_http_request *request,
                                 const dz_cli_command *command, dz_cli_options *options,
                                 dozan_error *err)
{
    const dz_cli_options *own = &commands->server->options;
    const char *hint = dz_http_query(request, "hint");
    *options = (dz_cli_options){.db = own->db};
    options->namespace_ = dz_http_param(request, "namespace");
    options->arguments = calloc(DZ_CLI_MAX_ARGUMENTS + 1, sizeof(*options->arguments));
    options->job_directory = strdup(own->job_directory);
    options->db_hint = strdup(hint != NULL && strlen(hint) < MAX_HINT ? hint : "");
    if (options->arguments == NULL || options->job_directory == NULL || options->db_hint == NULL)
        return no_memory(err);
    dozan_status status = take_output(request, command, options, err);
    for (size_t i = 0; i < own->map_count && status == DOZAN_OK; i++)
        status = dz_cli_options_add_map(options, own->maps[i].from, own->maps[i].to, err);
    for (size_t i = 0; i < request->query_count && status == DOZAN_OK; i++)
        if (strcmp(request->query[i].name, "argument") == 0)
            status = add_argument(command, request->query[i].value, options, err);
    size_t needed = 0;
    while (needed < DZ_CLI_MAX_ARGUMENTS && command->arguments[needed].name != NULL &&
           !command->arguments[needed].optional)
        needed++;
    if (status == DOZAN_OK && options->argument_count < needed)
        status = dozan_error_set(err, DOZAN_INVALID_ARGUMENT, NULL, "%s is missing",
                                 command->arguments[options->argument_count].name);
    return status;
}

static dozan_status add_argument(const dz_cli_command *command, const char *text,
                                 dz_cli_options *options, dozan_error *err)
{
    size_t at = options->argument_count;
    if (at >= DZ_CLI_MAX_ARGUMENTS || command->arguments[at].name == NULL)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, NULL, "there are too many arguments");
    options->arguments[options->argument_count++] = text != NULL ? text : "";
    return DOZAN_OK;
}

/* One of the words that the command's own option has. */
static dozan_status take_output(const dz_http_request *request, const dz_cli_command *command,
                                dz_cli_options *options, dozan_error *err)
{
    static const char words[] = "table|wide|json|yaml|csv|name|mlmd";
    const char *word = dz_http_query(request, "output");
    size_t index = 0, known = 0;
    if (word == NULL || strcmp(word, "table") == 0)
        return DOZAN_OK;
    for (int id = 0; id < DZ_OPTION_COUNT; id++) {
        const dz_cli_option *option = &dz_cli_option_table[id];
        if ((command->options >> id & 1) == 0 || strcmp(option->name, "output") != 0 ||
            !dz_cli_word(option->argument, word, &index) || !dz_cli_word(words, word, &known))
            continue;
        options->output = (dz_output)known;
        return DOZAN_OK;
    }
    return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "output", "%s does not print \"%.20s\"",
                           command->name, word);
}

static dozan_status no_memory(dozan_error *err)
{
    return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
}
