/*
 * The manual page, from the tables.
 */
#include "cli/cli.h"

#include <ctype.h>
#include <string.h>

enum { PAGE_MAX = 1 << 20 };

static void put_command(const dz_cli_command *command, dozan_buf *out);
static void put_options(dozan_buf *out);
static bool same_name(int id, int first, int end);
static void put_text(const char *text, dozan_buf *out);

static const char about[] =
    "Dozan runs Katib kubeflow.org/v1beta1 Experiments on this machine: an algorithm suggests "
    "values for the parameters, a trial runs the program with them and reports its metrics, and "
    "so on until the goal or the limit is reached. Everything is kept in one database file, so "
    "that a run that was ended, in whatever way, goes on where it was.";

static const char config[] = "A YAML file with two mappings, both optional: plugins (an "
                             "algorithm's name to a program's path or a URL) and maps (an "
                             "image's absolute path to one of this machine). What the command line "
                             "says goes before it.";

static const char contexts[] =
    "The contexts: current (the name of one, or local) and contexts (a name to its server, "
    "namespace, token-file, certificate-authority, client-certificate and client-key). Written by "
    "dozan context.";

int dz_cli_man(dz_cli *cli)
{
    dozan_buf out;
    dozan_buf_init(&out, PAGE_MAX);
    dozan_buf_puts(&out, ".TH DOZAN 1 \"\" \"dozan " DOZAN_VERSION "\" \"User Commands\"\n"
                         ".SH NAME\ndozan \\- tune hyperparameters: run Katib Experiments\n"
                         ".SH SYNOPSIS\n.B dozan\n.I COMMAND\n[\\fIARGUMENT\\fR]... "
                         "[\\fIOPTION\\fR]...\n"
                         ".SH DESCRIPTION\n");
    put_text(about, &out);
    dozan_buf_puts(&out, ".SH COMMANDS\n");
    for (const dz_cli_command *command = dz_cli_commands; command->name != NULL; command++)
        if (!command->hidden)
            put_command(command, &out);
    put_options(&out);
    dozan_buf_puts(&out, ".SH EXIT STATUS\n");
#define EXIT_ROW(status, text) dozan_buf_printf(&out, ".TP\n.B %d\n%s\n", status, text);
    DZ_EXITS(EXIT_ROW)
#undef EXIT_ROW
    dozan_buf_puts(&out, ".SH ENVIRONMENT\n"
                         ".TP\n.B DOZAN_DB\nThe database, where \\-\\-db is not given.\n"
                         ".TP\n.B DOZAN_CONFIG\nThe configuration file, where \\-\\-config is not "
                         "given.\n"
                         ".TP\n.B DOZAN_SERVER\nThe service that commands work on, where neither "
                         "\\-\\-server, \\-\\-context nor \\-\\-db is given.\n"
                         ".TP\n.B DOZAN_TOKEN_FILE\nThe file with the token for a service that is "
                         "named by \\-\\-server or DOZAN_SERVER.\n"
                         ".TP\n.B DOZAN_CERTIFICATE_AUTHORITY\nLikewise, the file with the "
                         "certificates that its own is checked with.\n"
                         ".TP\n.B NOTIFY_SOCKET\nWhere\n.B dozan serve\ntells a service manager "
                         "that it is ready.\n"
                         ".TP\n.B NO_COLOR\nIf set, the progress view has no colours.\n"
                         ".SH FILES\n"
                         ".TP\n.I dozan.db\nThe database; the trials' output is in "
                         ".IR dozan.db.d .\n"
                         ".TP\n.I ~/.config/dozan/config.yaml\n");
    put_text(config, &out);
    dozan_buf_puts(&out, ".TP\n.I ~/.config/dozan/contexts.yaml\n");
    put_text(contexts, &out);
    dozan_buf_puts(&out, ".TP\n.I /etc/default/dozan\nDOZAN_SERVE_OPTIONS, the options of "
                         "the systemd unit\n.IR dozan.service .\n");
    return dz_cli_put(cli, &out);
}

static void put_command(const dz_cli_command *command, dozan_buf *out)
{
    dozan_buf_puts(out, ".SS ");
    dz_cli_synopsis(command, out);
    dozan_buf_puts(out, "\n");
    dozan_buf_printf(out, "%c", toupper((unsigned char)command->summary[0]));
    put_text(command->summary + 1, out);
    if (command->details != NULL) {
        dozan_buf_puts(out, ".PP\n");
        put_text(command->details, out);
    }
    dozan_buf_puts(out, ".PP\nOptions:");
    const char *between = " ";
    for (int id = 0; id < DZ_OPTION_COUNT; id++) {
        if ((command->options >> id & 1) == 0)
            continue;
        const dz_cli_option *option = &dz_cli_option_table[id];
        dozan_buf_printf(out, "%s\\fB\\-\\-%s\\fR", between, option->name);
        if (option->complete == DZ_COMPLETE_WORDS)
            dozan_buf_printf(out, "=\\fI%s\\fR", option->argument);
        between = ", ";
    }
    dozan_buf_puts(out, "\n");
}

static void put_options(dozan_buf *out)
{
    dozan_buf_puts(out, ".SH OPTIONS\nNot every command has all of them. A long option may be "
                        "shortened, and options may stand before, between and after the "
                        "arguments.\n");
    for (int id = 0; id < DZ_OPTION_COUNT; id++) {
        const dz_cli_option *option = &dz_cli_option_table[id];
        bool variants = same_name(id, id + 1, DZ_OPTION_COUNT);
        if (same_name(id, 0, id))
            continue; /* another choice of words for another command */
        dozan_buf_puts(out, ".TP\n");
        if (option->letter != 0)
            dozan_buf_printf(out, "\\fB\\-%c\\fR, ", option->letter);
        dozan_buf_printf(out, "\\fB\\-\\-%s\\fR", option->name);
        if (option->argument != NULL)
            dozan_buf_printf(out, "=\\fI%s\\fR", variants ? "FORMAT" : option->argument);
        dozan_buf_puts(out, "\n");
        put_text(option->help, out);
    }
}

/* Whether one of the rows first .. end - 1 has the same name. */
static bool same_name(int id, int first, int end)
{
    for (int i = first; i < end; i++)
        if (strcmp(dz_cli_option_table[i].name, dz_cli_option_table[id].name) == 0)
            return true;
    return false;
}

/* Running text: a hyphen is written as a minus where it could be an option's, an empty line parts
 * paragraphs, and no line begins with a dot or a quote of its own. */
static void put_text(const char *text, dozan_buf *out)
{
    size_t size = strlen(text);
    bool start = true, ends_sentence = size > 0 && strchr(".)", text[size - 1]) != NULL;
    for (; *text != '\0'; text++) {
        if (*text == '\n') {
            if (!start)
                dozan_buf_puts(out, "\n.PP\n");
            start = true;
            continue;
        }
        if (start && (*text == '.' || *text == '\''))
            dozan_buf_puts(out, "\\&");
        start = false;
        if (*text == '-')
            dozan_buf_puts(out, "\\-");
        else if (*text == '\\')
            dozan_buf_puts(out, "\\e");
        else
            dozan_buf_append(out, text, 1);
    }
    dozan_buf_puts(out, ends_sentence ? "\n" : ".\n");
}
