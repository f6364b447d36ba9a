#include "cli/cli.h"

#include "spec/findings.h"
#include <cjson/cJSON.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { MAX_COMMANDS = 64 };

static const dz_cli_command *choose(dz_cli *cli, int argc, char **argv, int *status);
static int check_arguments(dz_cli *cli);
static int dispatch(dz_cli *cli);
static int usage_error(dz_cli *cli, const dozan_error *err);
static int finish(dz_cli *cli, int status);

int dz_cli_main(int argc, char **argv, FILE *out, FILE *err)
{
    dz_cli cli = {.out = out, .err = err};
    dozan_error problem = {0};
    int status = DZ_EXIT_USAGE;
    cli.command = choose(&cli, argc, argv, &status);
    if (cli.command == NULL)
        return status;
    dozan_status parsed =
        dz_cli_options_parse(&cli.options, cli.command->options, argc - 1, argv + 1, &problem);
    if (parsed != DOZAN_OK)
        status = usage_error(&cli, &problem);
    else if (cli.options.help)
        status = dz_cli_help(&cli);
    else if ((status = check_arguments(&cli)) == DZ_EXIT_SUCCEEDED)
        status = dispatch(&cli);
    dz_target_fini(&cli.target);
    dz_cli_options_fini(&cli.options);
    return finish(&cli, status);
}

int dz_cli_unknown_command(dz_cli *cli, const char *name)
{
    const char *names[MAX_COMMANDS];
    size_t count = 0;
    for (const dz_cli_command *command = dz_cli_commands; command->name != NULL; command++)
        if (!command->hidden && count < MAX_COMMANDS)
            names[count++] = command->name;
    const char *near = dz_nearest(name, names, count);
    if (near != NULL)
        return dz_cli_failf(cli, DOZAN_INVALID_ARGUMENT, "unknown command \"%s\"; did you mean %s?",
                            name, near);
    return dz_cli_failf(cli, DOZAN_INVALID_ARGUMENT,
                        "unknown command \"%s\"; `dozan help` lists the commands", name);
}

/* A code that speaks of what was given is the user's to mend; another one is the machine's. */
int dz_cli_fail(dz_cli *cli, const dozan_error *err)
{
    char text[sizeof(err->place) + sizeof(err->message) + 4];
    dozan_error_text(err, text, sizeof(text));
    (void)fprintf(cli->err, "error: %s\n", text);
    cli->failure = *err;
    switch (err->code) {
    case DOZAN_INVALID_ARGUMENT:
    case DOZAN_NOT_FOUND:
    case DOZAN_ALREADY_EXISTS:
    case DOZAN_PERMISSION_DENIED:
    case DOZAN_FAILED_PRECONDITION:
    case DOZAN_OUT_OF_RANGE:
    case DOZAN_UNIMPLEMENTED:
    case DOZAN_DATA_LOSS:
    case DOZAN_UNAUTHENTICATED:
        return DZ_EXIT_USAGE;
    default:
        return DZ_EXIT_FAILED;
    }
}

int dz_cli_failf(dz_cli *cli, dozan_status code, const char *format, ...)
{
    va_list arguments;
    dozan_error err = {.code = code};
    char *text = NULL;
    va_start(arguments, format);
    int size = vasprintf(&text, format, arguments);
    va_end(arguments);
    (void)dozan_error_set(&err, code, NULL, "%s", size < 0 ? "out of memory" : text);
    if (size >= 0)
        free(text);
    return dz_cli_fail(cli, &err);
}

void dz_cli_note(dz_cli *cli, const char *format, ...)
{
    va_list arguments;
    char *text = NULL;
    if (cli->options.quiet)
        return;
    va_start(arguments, format);
    int size = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (size < 0)
        return;
    (void)fprintf(cli->err, "%s\n", text);
    free(text);
}

int dz_cli_put(dz_cli *cli, dozan_buf *text)
{
    bool failed = text->failed;
    if (!failed && text->size > 0)
        (void)fwrite(text->data, 1, text->size, cli->out);
    dozan_buf_fini(text);
    if (failed)
        return dz_cli_failf(cli, DOZAN_RESOURCE_EXHAUSTED, "out of memory");
    return DZ_EXIT_SUCCEEDED;
}

int dz_cli_put_tree(dz_cli *cli, const cJSON *tree)
{
    char *text = NULL;
    bool yaml = cli->options.output == DZ_OUTPUT_YAML;
    if (!yaml)
        text = cJSON_Print(tree);
    else if (dz_yaml_write(tree, &text) != DOZAN_OK)
        text = NULL;
    if (text == NULL)
        return dz_cli_failf(cli, DOZAN_RESOURCE_EXHAUSTED, "out of memory");
    (void)fprintf(cli->out, yaml ? "%s" : "%s\n", text);
    free(text);
    return DZ_EXIT_SUCCEEDED;
}

dz_store *dz_cli_open(dz_cli *cli, dz_store_mode mode, int *status)
{
    dz_store *store = NULL;
    dozan_error err = {0};
    if (dz_store_open(cli->options.db, mode, cli->options.durability, &store, &err) == DOZAN_OK)
        return store;
    *status = dz_cli_fail(cli, &err);
    return NULL;
}

dz_store *dz_cli_open_existing(dz_cli *cli, int *status)
{
    dz_store *reader = dz_cli_open(cli, DZ_STORE_READ, status);
    if (reader == NULL)
        return NULL;
    dz_store_close(reader);
    return dz_cli_open(cli, DZ_STORE_WRITE, status);
}

int64_t dz_cli_now(void)
{
    struct timespec now;
    if (clock_gettime(CLOCK_REALTIME, &now) != 0)
        return 0;
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

size_t dz_cli_columns(FILE *file)
{
    struct winsize size = {0};
    int descriptor = fileno(file);
    if (descriptor < 0 || !isatty(descriptor))
        return 0;
    if (ioctl(descriptor, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
        return 80;
    return size.ws_col;
}

static const dz_cli_command *choose(dz_cli *cli, int argc, char **argv, int *status)
{
    if (argc < 2) {
        *status = dz_cli_failf(cli, DOZAN_INVALID_ARGUMENT,
                               "no command is given; `dozan help` lists the commands");
        return NULL;
    }
    const char *name = argv[1];
    if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0)
        name = "version";
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
        name = "help";
    const dz_cli_command *command = dz_cli_find(name);
    if (command == NULL)
        *status = name[0] != '-' ? dz_cli_unknown_command(cli, name)
                                 : dz_cli_failf(cli, DOZAN_INVALID_ARGUMENT,
                                                "the command comes before its options; `dozan "
                                                "help` lists the commands");
    return command;
}

static int check_arguments(dz_cli *cli)
{
    const dz_cli_argument *wanted = cli->command->arguments;
    const dz_cli_options *given = &cli->options;
    dozan_error err = {0};
    size_t count = 0, needed = 0;
    while (count < DZ_CLI_MAX_ARGUMENTS && wanted[count].name != NULL)
        needed += !wanted[count++].optional;
    if (given->argument_count > count) {
        dozan_error_set(&err, DOZAN_INVALID_ARGUMENT, NULL, "unexpected argument \"%s\"",
                        given->arguments[count]);
        return usage_error(cli, &err);
    }
    if (given->argument_count < needed) {
        dozan_error_set(&err, DOZAN_INVALID_ARGUMENT, NULL, "%s is missing",
                        wanted[given->argument_count].name);
        return usage_error(cli, &err);
    }
    return DZ_EXIT_SUCCEEDED;
}

/* On a service where one is named, and else on the database. */
static int dispatch(dz_cli *cli)
{
    const dz_cli_command *command = cli->command;
    dozan_error err = {0};
    if (command->remote == NULL)
        return command->run(cli);
    if (dz_target_choose(&cli->options, &cli->target, &err) != DOZAN_OK)
        return dz_cli_fail(cli, &err);
    if (cli->target.server != NULL)
        return command->remote(cli);
    if (command->run != NULL)
        return command->run(cli);
    return dz_cli_failf(cli, DOZAN_INVALID_ARGUMENT,
                        "%s needs a service: --server URL, $DOZAN_SERVER, or a context that "
                        "`dozan context use` chooses",
                        command->name);
}

static int usage_error(dz_cli *cli, const dozan_error *err)
{
    dozan_buf usage;
    int status = dz_cli_fail(cli, err);
    dozan_buf_init(&usage, 1024);
    dz_cli_synopsis(cli->command, &usage);
    (void)fprintf(cli->err, "usage: %s [OPTION]...; see `dozan help %s`\n",
                  usage.data != NULL ? usage.data : "", cli->command->name);
    dozan_buf_fini(&usage);
    return status;
}

/* A result that could not be written (a full disk) is no success. */
static int finish(dz_cli *cli, int status)
{
    if (fflush(cli->out) == 0 && !ferror(cli->out))
        return status;
    (void)fprintf(cli->err, "error: the result could not be written: %s\n", strerrordesc_np(errno));
    return status == DZ_EXIT_SUCCEEDED ? DZ_EXIT_FAILED : status;
}
