/*
 * The table of commands. A new command is one file and one row here.
 */
#include "cli/cli.h"

#include <string.h>

#define BIT(id) DZ_OPTION_BIT(id)
#define WHERE (BIT(DB) | BIT(HELP))
/* of a client of a service */
#define CONNECTION                                                                                 \
    (BIT(SERVER) | BIT(CONTEXT) | BIT(TOKEN_FILE) | BIT(AUTHORITY) | BIT(CLIENT_CERTIFICATE) |     \
     BIT(CLIENT_KEY))
#define REMOTE (CONNECTION | BIT(NAMESPACE))
#define ANYWHERE (WHERE | REMOTE)
#define PLUGINS (BIT(PLUGIN) | BIT(PLUGIN_TIMEOUT) | BIT(CONFIG))
#define RUNNING                                                                                    \
    (WHERE | PLUGINS | BIT(MAP) | BIT(DURABILITY) | BIT(GRACE) | BIT(QUIET) | BIT(KEEP) |          \
     BIT(PLUGIN_FAULTS))

const dz_cli_command dz_cli_commands[] = {
    {
        .name = "run",
        .run = dz_cli_run,
        .summary = "run an experiment to its end, and print the best trial",
        .details =
            "FILE is a Katib kubeflow.org/v1beta1 Experiment in YAML or JSON; - is standard "
            "input. Its trials run as processes of this machine.\n\n"
            "Ctrl-C stops the trials and then the run; a second Ctrl-C leaves at once. A second "
            "run of the same file goes on where the first one was, whatever ended it. An "
            "experiment that has ended runs on when spec.maxTrialCount is raised.",
        .options = RUNNING | BIT(PARALLEL) | BIT(SET) | BIT(OUTPUT),
        .arguments = {{"FILE", DZ_COMPLETE_FILE, false}},
    },
    {
        .name = "validate",
        .run = dz_cli_validate,
        .summary = "check an experiment without running it",
        .details = "All that is wrong is told at once, each with its file, line and path. With -o "
                   "yaml or json the experiment is printed with its defaults filled in.",
        .options = BIT(HELP) | PLUGINS | BIT(SET) | BIT(OUTPUT) | BIT(QUIET),
        .arguments = {{"FILE", DZ_COMPLETE_FILE, false}},
    },
    {
        .name = "get",
        .run = dz_cli_get,
        .remote = dz_cli_remote,
        .role = DZ_ROLE_VIEWER,
        .summary = "list experiments or trials",
        .details = "For trials, NAME is a trial or an experiment, whose trials are listed. wide "
                   "adds the parameters and metrics, csv has every column, name prints names "
                   "alone.",
        .options = ANYWHERE | BIT(OUTPUT_GET) | BIT(ALL_NAMESPACES) | BIT(QUIET),
        .arguments = {{"experiments|trials", DZ_COMPLETE_WORDS, false},
                      {"NAME", DZ_COMPLETE_OBJECT, true}},
    },
    {
        .name = "describe",
        .run = dz_cli_describe,
        .remote = dz_cli_remote,
        .role = DZ_ROLE_VIEWER,
        .summary = "tell all about one experiment or trial, with the reason for its state",
        .details = "What waits or has failed is told with its cause and what can be done.",
        .options = ANYWHERE | BIT(MAP) | BIT(CONFIG),
        .arguments = {{"experiment|trial", DZ_COMPLETE_WORDS, false},
                      {"NAME", DZ_COMPLETE_OBJECT, false}},
    },
    {
        .name = "logs",
        .run = dz_cli_logs,
        .remote = dz_cli_remote_logs,
        .summary = "print what a trial has printed",
        .options = ANYWHERE | BIT(FOLLOW) | BIT(QUIET),
        .arguments = {{"TRIAL", DZ_COMPLETE_TRIAL, false}},
    },
    {
        .name = "metrics",
        .run = dz_cli_metrics,
        .remote = dz_cli_remote,
        .role = DZ_ROLE_VIEWER,
        .summary = "list every value that a trial has reported",
        .options = ANYWHERE | BIT(OUTPUT_CSV),
        .arguments = {{"TRIAL", DZ_COMPLETE_TRIAL, false}},
    },
    {
        .name = "stop",
        .run = dz_cli_stop,
        .remote = dz_cli_remote,
        .role = DZ_ROLE_EDITOR,
        .summary = "stop an experiment, to be resumed later, or end one trial",
        .details = "An experiment's running trials are ended and run again on resume. A trial "
                   "that is stopped counts as Killed.",
        .options = (REMOTE | RUNNING) & ~BIT(KEEP),
        .arguments = {{"NAME", DZ_COMPLETE_OBJECT, false}},
    },
    {
        .name = "resume",
        .run = dz_cli_resume,
        .remote = dz_cli_remote,
        .role = DZ_ROLE_EDITOR,
        .summary = "go on with an experiment that was stopped or interrupted",
        .details =
            "Runs it in the foreground, as run does, from what the database holds. On a service "
            "it goes on there, and the command ends at once.",
        .options = REMOTE | RUNNING | BIT(OUTPUT),
        .arguments = {{"NAME", DZ_COMPLETE_EXPERIMENT, false}},
    },
    {
        .name = "delete",
        .run = dz_cli_delete,
        .remote = dz_cli_remote,
        .role = DZ_ROLE_EDITOR,
        .summary = "remove an experiment, its trials and their output",
        .details =
            "It must not be running. Another one of the database may be: the process that runs "
            "it is asked to delete.",
        .options = ANYWHERE | BIT(QUIET),
        .arguments = {{"NAME", DZ_COMPLETE_EXPERIMENT, false}},
    },
    {
        .name = "top",
        .run = dz_cli_top,
        .remote = dz_cli_remote,
        .role = DZ_ROLE_VIEWER,
        .summary = "tell what runs where, and what waits",
        .details = "The experiments that have not ended, and their trials: with their CPUs and "
                   "GPUs, the latest value of the objective, and what those that wait wait for.",
        .options = ANYWHERE | BIT(ALL_NAMESPACES) | BIT(QUIET),
    },
    {
        .name = "why",
        .run = dz_cli_why,
        .remote = dz_cli_remote,
        .role = DZ_ROLE_VIEWER,
        .summary = "tell in one sentence why an experiment or trial waits, runs or has failed",
        .details = "The cause, and what can be done about it; describe tells all.",
        .options = ANYWHERE,
        .arguments = {{"NAME", DZ_COMPLETE_OBJECT, false}},
    },
    {
        .name = "result",
        .run = dz_cli_result_of,
        .remote = dz_cli_remote,
        .role = DZ_ROLE_VIEWER,
        .summary = "print what came of an experiment, as run does at its end",
        .options = ANYWHERE | BIT(OUTPUT),
        .arguments = {{"NAME", DZ_COMPLETE_EXPERIMENT, false}},
    },
    {
        .name = "lineage",
        .run = dz_cli_lineage,
        .remote = dz_cli_remote,
        .role = DZ_ROLE_VIEWER,
        .summary = "tell what an experiment's trials have read and made, and what became of it",
        .details = "Trials and their runs, as MLflow has them; the datasets they read; the models "
                   "they logged; the versions that were registered of these, with stages and "
                   "aliases. mlmd prints it as ML Metadata's artifacts, executions, contexts and "
                   "events.",
        .options = ANYWHERE | BIT(OUTPUT_LINEAGE),
        .arguments = {{"NAME", DZ_COMPLETE_EXPERIMENT, false}},
    },
    {
        .name = "import",
        .run = dz_cli_import,
        .summary = "take over the experiments of MLflow, Optuna or a CSV file",
        .details = "FILE is an SQLite database, or CSV as export prints it. Experiments, or "
                   "studies, become experiments that "
                   "MLflow's client sees, with their runs, params, metrics and tags, and of MLflow "
                   "the registered models. Done again, it adds what is new. An experiment whose "
                   "spec.warmStart.experiments names mlflow:NAME begins with such runs.",
        .options = WHERE | BIT(DURABILITY),
        .arguments = {{"mlflow|optuna|csv", DZ_COMPLETE_WORDS, false},
                      {"FILE", DZ_COMPLETE_FILE, false}},
    },
    {
        .name = "export",
        .run = dz_cli_export,
        .summary = "print the runs of an experiment as CSV",
        .details = "With the columns of MLflow's search_runs: run_id, name, status, start_time, "
                   "end_time, params, metrics and tags.",
        .options = WHERE,
        .arguments = {{"csv", DZ_COMPLETE_WORDS, false}, {"NAME", DZ_COMPLETE_NOTHING, false}},
    },
    {
        .name = "submit",
        .remote = dz_cli_submit,
        .summary = "send an experiment to a service",
        .details =
            "FILE as for run; - is standard input. Without --wait or --watch the command ends when "
            "the service has the experiment. One of that name that is there already goes on with "
            "the budget of the file, as with run; any other difference is refused.\n\n"
            "With --wait and --watch the exit status is that of run; Ctrl-C ends the waiting, and "
            "not the experiment.",
        .options = BIT(HELP) | REMOTE | BIT(SET) | BIT(PARALLEL) | BIT(OUTPUT_LIST) | BIT(QUIET) |
                   BIT(WAIT) | BIT(WATCH) | BIT(TIMEOUT),
        .arguments = {{"FILE", DZ_COMPLETE_FILE, false}},
    },
    {
        .name = "watch",
        .remote = dz_cli_watch,
        .summary = "print what becomes of an experiment or trial of a service, to its end",
        .details = "A line for each state of the experiment and of its trials, and for each best "
                   "trial; of "
                   "a trial, each value. A service that is away is waited for, and the watch goes "
                   "on where "
                   "it was. The exit status is that of run.",
        .options = BIT(HELP) | REMOTE | BIT(OUTPUT_WATCH) | BIT(QUIET) | BIT(TIMEOUT),
        .arguments = {{"NAME", DZ_COMPLETE_OBJECT, false}},
    },
    {
        .name = "wait",
        .remote = dz_cli_wait,
        .summary = "wait for a condition of an experiment or trial of a service",
        .details =
            "Exit status 0 when the condition is met, and 1 when the time is over or it cannot be "
            "met any more. Without --for the end is waited for, and the exit status is that of "
            "run.",
        .options = BIT(HELP) | REMOTE | BIT(FOR) | BIT(TIMEOUT) | BIT(QUIET),
        .arguments = {{"NAME", DZ_COMPLETE_OBJECT, false}},
    },
    {
        .name = "algorithms",
        .run = dz_cli_algorithms,
        .remote = dz_cli_remote,
        .role = DZ_ROLE_VIEWER,
        .summary = "list the algorithms, or the settings of one",
        .details = "Asks the plugins themselves, also those of --plugin and the configuration "
                   "file.",
        .options = ANYWHERE | PLUGINS | BIT(OUTPUT_LIST),
        .arguments = {{"NAME", DZ_COMPLETE_ALGORITHM, true}},
    },
    {
        .name = "serve",
        .run = dz_cli_serve,
        .summary = "serve experiments to kubectl, Katib's SDK and others over HTTP",
        .details =
            "The same controller as run, always on, with any number of experiments: those of the "
            "database that have not ended go on at once. Without --auth it can be reached from "
            "this machine alone.\n\n"
            "SIGTERM and Ctrl-C stop it cleanly: the trials go on, and the next start takes them "
            "up. SIGHUP reads the file of users again. One line for each request goes to standard "
            "error. Whoever starts it with $NOTIFY_SOCKET, as systemd does, is told when it is "
            "ready.",
        .options = WHERE | PLUGINS | BIT(MAP) | BIT(DURABILITY) | BIT(GRACE) | BIT(QUIET) |
                   BIT(PLUGIN_FAULTS) | BIT(LISTEN) | BIT(GRPC) | BIT(AUTH) | BIT(TLS_CERT) |
                   BIT(TLS_KEY) | BIT(TLS_CA) | BIT(WRITE_KUBECONFIG) | BIT(LOG_FORMAT),
    },
    {
        .name = "token",
        .run = dz_cli_token,
        .summary = "make a bearer token for a user of the service",
        .details = "The token is printed on standard output, and the user's entry for the file of "
                   "dozan serve --auth on standard error: it has the token's hash, not the token. "
                   "Nothing is kept.",
        .options = BIT(HELP),
        .arguments = {{"NAME", DZ_COMPLETE_NOTHING, false}},
    },
    {
        .name = "context",
        .run = dz_cli_context,
        .summary = "name the services that commands work on, and choose one of them",
        .details =
            "set makes a context or changes it; use chooses the one that commands work on when "
            "none is named, and the first that is made is chosen at once. \"local\" is the "
            "database. They are kept in $XDG_CONFIG_HOME/dozan/contexts.yaml, with the names of "
            "the files that hold tokens and keys, and without those.",
        .options = (CONNECTION & ~BIT(CONTEXT)) | BIT(NAMESPACE) | BIT(OUTPUT_LIST) | BIT(QUIET) |
                   BIT(HELP),
        .arguments = {{"list|use|set|delete", DZ_COMPLETE_WORDS, false},
                      {"NAME", DZ_COMPLETE_CONTEXT, true}},
    },
    {
        .name = "completion",
        .run = dz_cli_completion,
        .summary = "print the completion script of a shell",
        .details = "For bash: source <(dozan completion bash). For zsh: dozan completion zsh > "
                   "_dozan in a folder of $fpath. For fish: dozan completion fish | source.",
        .options = BIT(HELP),
        .arguments = {{"bash|zsh|fish", DZ_COMPLETE_WORDS, false}},
    },
    {
        .name = "man",
        .run = dz_cli_man,
        .summary = "print the manual page",
        .options = BIT(HELP),
        .hidden = true,
    },
    {
        .name = "version",
        .run = dz_cli_version,
        .summary = "print the version",
        .options = BIT(HELP),
    },
    {
        .name = "help",
        .run = dz_cli_help,
        .summary = "print help, on all or on one command",
        .options = BIT(HELP),
        .arguments = {{"COMMAND", DZ_COMPLETE_COMMAND, true}},
    },
    {.name = NULL},
};

const dz_cli_command *dz_cli_find(const char *name)
{
    for (const dz_cli_command *command = dz_cli_commands; command->name != NULL; command++)
        if (strcmp(command->name, name) == 0)
            return command;
    return NULL;
}
