/*
 * Completion scripts for shells, from the tables. What exists is asked of the program itself:
 * `dozan get ... -o name`.
 */
#include "cli/cli.h"

#include <string.h>

enum { SCRIPT_MAX = 1 << 20 };

static void put_bash(dozan_buf *out);
static void put_bash_command(const dz_cli_command *command, dozan_buf *out);
static void put_bash_source(dz_cli_complete complete, const char *words, dozan_buf *out);
static void put_zsh(dozan_buf *out);
static void put_zsh_command(const dz_cli_command *command, dozan_buf *out);
static void put_zsh_source(dz_cli_complete complete, const char *words, dozan_buf *out);
static void put_fish(dozan_buf *out);
static void put_fish_command(const dz_cli_command *command, dozan_buf *out);
static const char *lister(dz_cli_complete complete);
static void put_words(const char *words, dozan_buf *out);
static void put_quoted(const char *text, const char *escaped, dozan_buf *out);

int dz_cli_completion(dz_cli *cli)
{
    static const struct {
        const char *shell;
        void (*put)(dozan_buf *out);
    } shells[] = {{"bash", put_bash}, {"zsh", put_zsh}, {"fish", put_fish}};
    const char *shell = cli->options.arguments[0];
    dozan_buf out;
    dozan_buf_init(&out, SCRIPT_MAX);
    for (size_t i = 0; i < sizeof(shells) / sizeof(shells[0]); i++) {
        if (strcmp(shells[i].shell, shell) != 0)
            continue;
        shells[i].put(&out);
        return dz_cli_put(cli, &out);
    }
    return dz_cli_failf(cli, DOZAN_INVALID_ARGUMENT, "\"%s\" is none of %s", shell,
                        cli->command->arguments[0].name);
}

/* The command that prints what there is of a kind, or NULL. */
static const char *lister(dz_cli_complete complete)
{
    switch (complete) {
    case DZ_COMPLETE_EXPERIMENT:
        return "dozan get experiments -o name 2>/dev/null";
    case DZ_COMPLETE_TRIAL:
        return "dozan get trials -o name 2>/dev/null";
    case DZ_COMPLETE_OBJECT:
        return "dozan get experiments -o name 2>/dev/null; dozan get trials -o name 2>/dev/null";
    case DZ_COMPLETE_ALGORITHM:
        return "dozan algorithms -o name 2>/dev/null";
    case DZ_COMPLETE_CONTEXT:
        return "dozan context list -o name 2>/dev/null";
    default:
        return NULL;
    }
}

/* ---- bash ---- */

static void put_bash(dozan_buf *out)
{
    dozan_buf_puts(out, "# bash completion for dozan\n"
                        "_dozan()\n{\n"
                        "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
                        "    local command=${COMP_WORDS[1]} position=0 i\n"
                        "    COMPREPLY=()\n"
                        "    if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
                        "        COMPREPLY=($(compgen -W \"");
    for (const dz_cli_command *command = dz_cli_commands; command->name != NULL; command++)
        if (!command->hidden)
            dozan_buf_printf(out, "%s ", command->name);
    dozan_buf_puts(out, "\" -- \"$cur\"))\n        return\n    fi\n"
                        "    for ((i = 2; i < COMP_CWORD; i++)); do\n"
                        "        case ${COMP_WORDS[i]} in -*) ;; *) position=$((position + 1)) ;; "
                        "esac\n    done\n"
                        "    case $command in\n");
    for (const dz_cli_command *command = dz_cli_commands; command->name != NULL; command++)
        if (!command->hidden)
            put_bash_command(command, out);
    dozan_buf_puts(out, "    esac\n}\ncomplete -F _dozan dozan\n");
}

static void put_bash_command(const dz_cli_command *command, dozan_buf *out)
{
    dozan_buf_printf(out, "    %s)\n        case $prev in\n", command->name);
    for (int id = 0; id < DZ_OPTION_COUNT; id++) {
        const dz_cli_option *option = &dz_cli_option_table[id];
        if ((command->options >> id & 1) == 0 || option->argument == NULL)
            continue;
        dozan_buf_printf(out, "        --%s", option->name);
        if (option->letter != 0)
            dozan_buf_printf(out, "|-%c", option->letter);
        dozan_buf_puts(out, ") ");
        put_bash_source(option->complete, option->argument, out);
        dozan_buf_puts(out, "; return ;;\n");
    }
    dozan_buf_puts(out, "        esac\n        case $cur in -*)\n"
                        "            COMPREPLY=($(compgen -W \"");
    for (int id = 0; id < DZ_OPTION_COUNT; id++)
        if ((command->options >> id & 1) != 0)
            dozan_buf_printf(out, "--%s ", dz_cli_option_table[id].name);
    dozan_buf_puts(out, "\" -- \"$cur\"))\n            return ;;\n        esac\n"
                        "        case $position in\n");
    for (size_t i = 0; i < DZ_CLI_MAX_ARGUMENTS && command->arguments[i].name != NULL; i++) {
        dozan_buf_printf(out, "        %zu) ", i);
        put_bash_source(command->arguments[i].complete, command->arguments[i].name, out);
        dozan_buf_puts(out, " ;;\n");
    }
    dozan_buf_puts(out, "        esac ;;\n");
}

static void put_bash_source(dz_cli_complete complete, const char *words, dozan_buf *out)
{
    const char *list = lister(complete);
    if (complete == DZ_COMPLETE_FILE) {
        dozan_buf_puts(out, "COMPREPLY=($(compgen -f -- \"$cur\"))");
    } else if (complete == DZ_COMPLETE_WORDS || complete == DZ_COMPLETE_COMMAND) {
        dozan_buf_puts(out, "COMPREPLY=($(compgen -W \"");
        put_words(complete == DZ_COMPLETE_WORDS ? words : NULL, out);
        dozan_buf_puts(out, "\" -- \"$cur\"))");
    } else if (list != NULL) {
        dozan_buf_printf(out, "COMPREPLY=($(compgen -W \"$(%s)\" -- \"$cur\"))", list);
    } else {
        dozan_buf_puts(out, ":");
    }
}

/* ---- zsh ---- */

static void put_zsh(dozan_buf *out)
{
    dozan_buf_puts(out, "#compdef dozan\n"
                        "_dozan() {\n"
                        "    local line state\n"
                        "    local -a commands\n    commands=(\n");
    for (const dz_cli_command *command = dz_cli_commands; command->name != NULL; command++) {
        if (command->hidden)
            continue;
        dozan_buf_printf(out, "        '%s:", command->name);
        put_quoted(command->summary, "'", out);
        dozan_buf_puts(out, "'\n");
    }
    dozan_buf_puts(out, "    )\n"
                        "    _arguments -C '1:command:->command' '*::argument:->arguments'\n"
                        "    case $state in\n"
                        "    command) _describe command commands ;;\n"
                        "    arguments)\n        case $line[1] in\n");
    for (const dz_cli_command *command = dz_cli_commands; command->name != NULL; command++)
        if (!command->hidden)
            put_zsh_command(command, out);
    dozan_buf_puts(out, "        esac ;;\n    esac\n}\n"
                        "if [ \"$funcstack[1]\" = _dozan ]; then\n    _dozan \"$@\"\nelse\n"
                        "    compdef _dozan dozan\nfi\n");
}

static void put_zsh_command(const dz_cli_command *command, dozan_buf *out)
{
    dozan_buf_printf(out, "        %s) _arguments", command->name);
    for (int id = 0; id < DZ_OPTION_COUNT; id++) {
        const dz_cli_option *option = &dz_cli_option_table[id];
        if ((command->options >> id & 1) == 0)
            continue;
        for (int form = 0; form < (option->letter != 0 ? 2 : 1); form++) {
            if (form == 0)
                dozan_buf_printf(out, " \\\n            '*--%s%s[", option->name,
                                 option->argument != NULL ? "=" : "");
            else
                dozan_buf_printf(out, " \\\n            '*-%c%s[", option->letter,
                                 option->argument != NULL ? "+" : "");
            put_quoted(option->help, "'[]:", out);
            dozan_buf_puts(out, "]");
            if (option->argument != NULL) {
                dozan_buf_printf(out, ":%s:", option->name);
                put_zsh_source(option->complete, option->argument, out);
            }
            dozan_buf_puts(out, "'");
        }
    }
    for (size_t i = 0; i < DZ_CLI_MAX_ARGUMENTS && command->arguments[i].name != NULL; i++) {
        const dz_cli_argument *argument = &command->arguments[i];
        dozan_buf_printf(out, " \\\n            '%zu:%s%s:", i + 1, argument->optional ? ":" : "",
                         "argument");
        put_zsh_source(argument->complete, argument->name, out);
        dozan_buf_puts(out, "'");
    }
    dozan_buf_puts(out, " ;;\n");
}

static void put_zsh_source(dz_cli_complete complete, const char *words, dozan_buf *out)
{
    const char *list = lister(complete);
    if (complete == DZ_COMPLETE_FILE) {
        dozan_buf_puts(out, "_files");
    } else if (complete == DZ_COMPLETE_WORDS || complete == DZ_COMPLETE_COMMAND) {
        dozan_buf_puts(out, "(");
        put_words(complete == DZ_COMPLETE_WORDS ? words : NULL, out);
        dozan_buf_puts(out, ")");
    } else if (list != NULL) {
        dozan_buf_puts(out, "{ compadd -- ${(f)\"$(");
        put_quoted(list, "'", out);
        dozan_buf_puts(out, ")\"} }");
    } else {
        dozan_buf_puts(out, " ");
    }
}

/* ---- fish ---- */

static void put_fish(dozan_buf *out)
{
    dozan_buf_puts(out, "# fish completion for dozan\ncomplete -c dozan -f\n");
    for (const dz_cli_command *command = dz_cli_commands; command->name != NULL; command++)
        if (!command->hidden)
            put_fish_command(command, out);
}

static void put_fish_command(const dz_cli_command *command, dozan_buf *out)
{
    dozan_buf_printf(out, "complete -c dozan -n __fish_use_subcommand -a %s -d '", command->name);
    put_quoted(command->summary, "'\\", out);
    dozan_buf_puts(out, "'\n");
    for (int id = 0; id < DZ_OPTION_COUNT; id++) {
        const dz_cli_option *option = &dz_cli_option_table[id];
        if ((command->options >> id & 1) == 0)
            continue;
        dozan_buf_printf(out, "complete -c dozan -n '__fish_seen_subcommand_from %s' -l %s",
                         command->name, option->name);
        if (option->letter != 0)
            dozan_buf_printf(out, " -s %c", option->letter);
        if (option->argument != NULL)
            dozan_buf_puts(out, option->complete == DZ_COMPLETE_FILE ? " -r -F" : " -x");
        if (option->complete == DZ_COMPLETE_WORDS) {
            dozan_buf_puts(out, " -a '");
            put_words(option->argument, out);
            dozan_buf_puts(out, "'");
        }
        dozan_buf_puts(out, " -d '");
        put_quoted(option->help, "'\\", out);
        dozan_buf_puts(out, "'\n");
    }
    for (size_t i = 0; i < DZ_CLI_MAX_ARGUMENTS && command->arguments[i].name != NULL; i++) {
        const dz_cli_argument *argument = &command->arguments[i];
        const char *list = lister(argument->complete);
        dozan_buf_printf(out, "complete -c dozan -n '__fish_seen_subcommand_from %s' ",
                         command->name);
        if (argument->complete == DZ_COMPLETE_FILE) {
            dozan_buf_puts(out, "-F\n");
        } else if (list != NULL) {
            dozan_buf_puts(out, "-a '(");
            put_quoted(list, "'\\", out);
            dozan_buf_puts(out, ")'\n");
        } else {
            dozan_buf_puts(out, "-a '");
            put_words(argument->complete == DZ_COMPLETE_WORDS ? argument->name : NULL, out);
            dozan_buf_puts(out, "'\n");
        }
    }
}

/* ---- parts ---- */

/* "a|b" with blanks between the words; NULL = the names of the commands. */
static void put_words(const char *words, dozan_buf *out)
{
    for (const dz_cli_command *command = dz_cli_commands; words == NULL && command->name != NULL;
         command++)
        if (!command->hidden)
            dozan_buf_printf(out, "%s%s", command == dz_cli_commands ? "" : " ", command->name);
    for (; words != NULL && *words != '\0'; words++)
        dozan_buf_append(out, *words == '|' ? " " : words, 1);
}

/* Inside single quotes: a quote leaves them in zsh, and all that is in `escaped` gets a backslash.
 */
static void put_quoted(const char *text, const char *escaped, dozan_buf *out)
{
    bool backslash_in_quotes = strchr(escaped, '\\') != NULL; /* fish */
    for (; *text != '\0'; text++) {
        if (*text == '\'' && !backslash_in_quotes)
            dozan_buf_puts(out, "'\\''");
        else if (strchr(escaped, *text) != NULL)
            dozan_buf_printf(out, "\\%c", *text);
        else
            dozan_buf_append(out, text, 1);
    }
}
