#include "cli/document.h"

#include <stdlib.h>
#include <string.h>

/* how the specification marks a finding that forbids nothing */
#define WARNING "warning: "

static bool is_given_plugin(const dz_cli *cli, const dz_experiment_spec *spec);
static bool print_problems(dz_cli *cli, const dz_problems *problems, bool readable, bool to_run);

int dz_document_read(dz_cli *cli, bool to_run, dz_document *document)
{
    dozan_error err = {0};
    dz_problems problems = {0};
    *document = (dz_document){0};
    if (dz_cli_options_project(&cli->options, &err) != DOZAN_OK)
        return dz_cli_fail(cli, &err);
    const char *path = cli->options.arguments[0];
    *document = (dz_document){.name = strcmp(path, "-") == 0 ? "standard input" : path};
    if (dz_cli_read_file(path, &document->text, &document->size, &err) != DOZAN_OK)
        return dz_cli_fail(cli, &err);
    dozan_status status =
        dz_spec_read(document->text, document->size, document->name, cli->options.overrides,
                     cli->options.override_count, &document->spec, &problems);
    bool runnable = print_problems(cli, &problems, status == DOZAN_OK, to_run);
    if (status != DOZAN_OK && problems.count == 0)
        (void)fprintf(cli->err, "error: %s: %s\n", document->name, dozan_status_text(status));
    dz_problems_fini(&problems);
    return status == DOZAN_OK && (runnable || !to_run) ? DZ_EXIT_SUCCEEDED : DZ_EXIT_USAGE;
}

void dz_document_fini(dz_document *document)
{
    dz_spec_destroy(document->spec);
    free(document->text);
    *document = (dz_document){0};
}

int dz_document_reject(dz_cli *cli, const dz_document *document, const dozan_error *err)
{
    char *place = NULL, *path = NULL;
    bool given = err->code == DOZAN_UNAVAILABLE && is_given_plugin(cli, document->spec);
    const char *below = strncmp(err->place, "spec", strlen("spec")) == 0 ? "" : "spec.";
    if (err->code != DOZAN_INVALID_ARGUMENT || err->place[0] == '\0' ||
        asprintf(&path, "%s%s", below, err->place) < 0) {
        int status = dz_cli_fail(cli, err);
        return given ? DZ_EXIT_USAGE : status;
    }
    dozan_status found =
        dz_spec_place(document->text, document->size, document->name, cli->options.overrides,
                      cli->options.override_count, path, &place);
    (void)fprintf(cli->err, "error: %s: %s\n", found == DOZAN_OK ? place : path, err->message);
    free(place);
    free(path);
    return DZ_EXIT_USAGE;
}

/* A plugin of the user's that does not come up is bad input; one of ours is the machine's fault. */
static bool is_given_plugin(const dz_cli *cli, const dz_experiment_spec *spec)
{
    for (size_t i = 0; i < cli->options.plugin_count; i++) {
        const char *name = cli->options.plugins[i].name;
        if (strcmp(name, spec->algorithm) == 0 ||
            (spec->early_stopping != NULL && strcmp(name, spec->early_stopping) == 0))
            return true;
    }
    return false;
}

/* Whether the experiment can be run on this machine, for all that the document says. */
static bool print_problems(dz_cli *cli, const dz_problems *problems, bool readable, bool to_run)
{
    bool runnable = true;
    for (size_t i = 0; i < problems->count; i++) {
        const dz_problem *problem = &problems->items[i];
        bool warning = readable || strncmp(problem->message, WARNING, strlen(WARNING)) == 0;
        const char *message = problem->message;
        runnable = runnable && !problem->not_here;
        warning = warning && !(problem->not_here && to_run);
        if (strncmp(message, WARNING, strlen(WARNING)) == 0)
            message += strlen(WARNING);
        if (warning && cli->options.quiet)
            continue;
        (void)fprintf(cli->err, "%s: %s%s%s\n", warning ? "warning" : "error", problem->place,
                      *problem->place != '\0' ? ": " : "", message);
    }
    return runnable;
}
