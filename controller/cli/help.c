/*
 * Usage and help, from the tables.
 */
#include "cli/cli.h"

#include <ctype.h>
#include <string.h>

enum { HELP_MAX = 1 << 16, HELP_COLUMNS = 80, OPTION_COLUMNS = 26 };

static int help_all(dz_cli *cli);
static int help_command(dz_cli *cli, const dz_cli_command *command);
static void put_options(const dz_cli_command *command, dozan_buf *out);
static void put_wrapped(const char *text, size_t indent, size_t used, dozan_buf *out);

int dz_cli_help(dz_cli *cli)
{
    if (cli->command->run != dz_cli_help || cli->options.help) /* COMMAND --help */
        return help_command(cli, cli->command);
    if (cli->options.argument_count == 0)
        return help_all(cli);
    const dz_cli_command *command = dz_cli_find(cli->options.arguments[0]);
    if (command != NULL)
        return help_command(cli, command);
    return dz_cli_unknown_command(cli, cli->options.arguments[0]);
}

int dz_cli_version(dz_cli *cli)
{
    dozan_buf out;
    dozan_buf_init(&out, HELP_MAX);
    dozan_buf_puts(&out, "dozan " DOZAN_VERSION "\n");
    return dz_cli_put(cli, &out);
}

void dz_cli_synopsis(const dz_cli_command *command, dozan_buf *out)
{
    dozan_buf_printf(out, "dozan %s", command->name);
    for (size_t i = 0; i < DZ_CLI_MAX_ARGUMENTS && command->arguments[i].name != NULL; i++)
        dozan_buf_printf(out, command->arguments[i].optional ? " [%s]" : " %s",
                         command->arguments[i].name);
}

static int help_all(dz_cli *cli)
{
    dozan_buf out;
    dozan_buf_init(&out, HELP_MAX);
    dozan_buf_puts(&out, "Dozan tunes hyperparameters: it runs Katib Experiments.\n\n"
                         "Usage: dozan COMMAND [ARGUMENT]... [OPTION]...\n\nCommands:\n");
    for (const dz_cli_command *command = dz_cli_commands; command->name != NULL; command++)
        if (!command->hidden)
            dozan_buf_printf(&out, "  %-12s%s\n", command->name, command->summary);
    dozan_buf_puts(&out, "\nExit status:\n");
#define EXIT_ROW(status, text) dozan_buf_printf(&out, "  %d  %s\n", status, text);
    DZ_EXITS(EXIT_ROW)
#undef EXIT_ROW
    dozan_buf_puts(&out, "\n`dozan help COMMAND` tells a command's arguments and options.\n");
    return dz_cli_put(cli, &out);
}

static int help_command(dz_cli *cli, const dz_cli_command *command)
{
    dozan_buf out;
    dozan_buf_init(&out, HELP_MAX);
    dozan_buf_puts(&out, "Usage: ");
    dz_cli_synopsis(command, &out);
    dozan_buf_puts(&out, " [OPTION]...\n\n");

    dozan_buf_printf(&out, "%c%s.\n", toupper((unsigned char)command->summary[0]),
                     command->summary + 1);
    if (command->details != NULL) {
        dozan_buf_puts(&out, "\n");
        put_wrapped(command->details, 0, 0, &out);
    }
    put_options(command, &out);
    return dz_cli_put(cli, &out);
}

static void put_options(const dz_cli_command *command, dozan_buf *out)
{
    dozan_buf_puts(out, "\nOptions:\n");
    for (int id = 0; id < DZ_OPTION_COUNT; id++) {
        if ((command->options >> id & 1) == 0)
            continue;
        const dz_cli_option *option = &dz_cli_option_table[id];
        size_t start = out->size;
        if (option->letter != 0)
            dozan_buf_printf(out, "  -%c, --%s", option->letter, option->name);
        else
            dozan_buf_printf(out, "      --%s", option->name);
        if (option->argument != NULL)
            dozan_buf_printf(out, "=%s", option->argument);
        size_t used = out->size - start;
        if (used + 2 > OPTION_COLUMNS) {
            dozan_buf_puts(out, "\n");
            used = 0;
        }
        put_wrapped(option->help, OPTION_COLUMNS, used, out);
    }
}

/* Words into lines of HELP_COLUMNS, each after `indent` blanks, the first one after `used` columns
 * that are written already. */
static void put_wrapped(const char *text, size_t indent, size_t used, dozan_buf *out)
{
    bool begun = false;
    while (*text != '\0') {
        size_t size = strcspn(text, " \n");
        if (begun && used + 1 + size > HELP_COLUMNS) {
            dozan_buf_puts(out, "\n");
            used = 0;
            begun = false;
        }
        size_t blanks = begun ? 1 : indent > used ? indent - used : 0;
        dozan_buf_printf(out, "%*s%.*s", (int)blanks, "", (int)size, text);
        used += blanks + size;
        begun = true;
        text += size;
        if (*text == '\n') {
            dozan_buf_puts(out, text[1] == '\n' ? "\n\n" : "\n");
            used = 0;
            begun = false;
        }
        text += strspn(text, " \n");
    }
    dozan_buf_puts(out, "\n");
}
