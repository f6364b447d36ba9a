/*
 * `dozan submit FILE`: sends an experiment to a service, and sees it to its end if asked to.
 */
#include "cli/watch.h"

#include "cli/text.h"
#include "spec/tree.h"
#include <stdlib.h>
#include <string.h>

enum { PATH_MAX_BYTES = 4096 };

typedef struct submission {
    dz_cli *cli;
    const char *source_name;
    char *text; /* the file's */
    size_t size;
    cJSON *document;
    dz_subject subject;
    char *name; /* what the service has called it */
} submission;

static int read_document(submission *sent);
static int choose_namespace(submission *sent);
static int send(submission *sent, dz_client *client);
static dozan_status create(submission *sent, dz_client *client, cJSON **made, dozan_error *err);
static dozan_status replace(submission *sent, dz_client *client, cJSON **made, dozan_error *err);
static dozan_status call(const submission *sent, dz_client *client, const char *method,
                         const char *name, cJSON **made, dozan_error *err);
static int tell(submission *sent, const cJSON *made, bool was_there);
static int refuse(const submission *sent, dz_client *client, const dozan_error *err);
static void put_refusal(const submission *sent, const char *line, size_t size);
static int see_to_end(submission *sent, dz_client *client);

int dz_cli_submit(dz_cli *cli)
{
    submission sent = {.cli = cli};
    dz_client *client = NULL;
    int status = read_document(&sent);
    if (status == DZ_EXIT_SUCCEEDED)
        status = choose_namespace(&sent);
    if (status == DZ_EXIT_SUCCEEDED)
        client = dz_remote_client(cli, &status);
    if (client != NULL)
        status = send(&sent, client);
    if (status == DZ_EXIT_SUCCEEDED && (cli->options.wait || cli->options.watch))
        status = see_to_end(&sent, client);
    dz_client_destroy(client);
    cJSON_Delete(sent.document);
    free(sent.text);
    free(sent.name);
    return status;
}

/* The file with the overrides of the command line; what it means is the service's to judge. */
static int read_document(submission *sent)
{
    const dz_cli_options *options = &sent->cli->options;
    dz_tree *tree = NULL;
    dozan_error err = {0};
    if (dz_cli_options_project(&sent->cli->options, &err) != DOZAN_OK)
        return dz_cli_fail(sent->cli, &err);
    const char *path = options->arguments[0];
    sent->source_name = strcmp(path, "-") == 0 ? "standard input" : path;
    dozan_status status = dz_cli_read_file(path, &sent->text, &sent->size, &err);
    if (status == DOZAN_OK)
        status = dz_tree_parse(sent->text, sent->size, sent->source_name, &tree, &err);
    if (status == DOZAN_OK && dz_tree_root(tree)->kind != DZ_NODE_MAP)
        status = dozan_error_set(&err, DOZAN_INVALID_ARGUMENT, sent->source_name,
                                 "is no mapping: an Experiment begins with apiVersion and kind");
    for (size_t i = 0; i < options->override_count && status == DOZAN_OK; i++)
        status = dz_tree_set(tree, options->overrides[i].path, options->overrides[i].value, &err);
    if (status == DOZAN_OK && (sent->document = dz_node_json(dz_tree_root(tree))) == NULL)
        status = dozan_error_set(&err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    dz_tree_destroy(tree);
    return status == DOZAN_OK ? DZ_EXIT_SUCCEEDED : dz_cli_fail(sent->cli, &err);
}

/* The file's own, unless the command line names one: the service refuses two different ones. */
static int choose_namespace(submission *sent)
{
    const dz_cli_options *options = &sent->cli->options;
    const char *own =
        dz_remote_text(cJSON_GetObjectItemCaseSensitive(sent->document, "metadata"), "namespace");
    if (options->namespace_ == NULL && *own != '\0')
        sent->cli->target.namespace_ = own;
    return dz_remote_subject(sent->cli, &sent->subject);
}

/* As `dozan run` does: one that is there already goes on with the file's budget. */
static int send(submission *sent, dz_client *client)
{
    dozan_error err = {0};
    cJSON *made = NULL;
    dozan_status status = create(sent, client, &made, &err);
    bool was_there = status == DOZAN_ALREADY_EXISTS;
    if (was_there)
        status = replace(sent, client, &made, &err);
    int result = status == DOZAN_OK ? tell(sent, made, was_there) : refuse(sent, client, &err);
    cJSON_Delete(made);
    return result;
}

static dozan_status create(submission *sent, dz_client *client, cJSON **made, dozan_error *err)
{
    return call(sent, client, "POST", NULL, made, err);
}

static dozan_status replace(submission *sent, dz_client *client, cJSON **made, dozan_error *err)
{
    const char *name =
        dz_remote_text(cJSON_GetObjectItemCaseSensitive(sent->document, "metadata"), "name");
    return call(sent, client, "PUT", name, made, err);
}

static dozan_status call(const submission *sent, dz_client *client, const char *method,
                         const char *name, cJSON **made, dozan_error *err)
{
    dozan_buf path;
    char *body = cJSON_PrintUnformatted(sent->document);
    dozan_status status = DOZAN_RESOURCE_EXHAUSTED;
    dozan_buf_init(&path, PATH_MAX_BYTES);
    dz_remote_path(&path, &sent->subject, "experiments", name);
    if (body == NULL || path.failed || path.data == NULL) {
        status = dozan_error_set(err, status, NULL, "out of memory");
    } else {
        dz_client_request request = {.method = method,
                                     .path = path.data,
                                     .type = "application/json",
                                     .body = body,
                                     .size = strlen(body)};
        status = dz_client_call(client, &request, made, err);
    }
    dozan_buf_fini(&path);
    cJSON_free(body);
    return status;
}

static int tell(submission *sent, const cJSON *made, bool was_there)
{
    dz_cli *cli = sent->cli;
    const char *name = dz_remote_text(cJSON_GetObjectItemCaseSensitive(made, "metadata"), "name");
    sent->name = strdup(name);
    if (sent->name == NULL)
        return dz_cli_failf(cli, DOZAN_RESOURCE_EXHAUSTED, "out of memory");
    if (!cli->options.wait && !cli->options.watch) {
        if (cli->options.output == DZ_OUTPUT_JSON || cli->options.output == DZ_OUTPUT_YAML)
            return dz_cli_put_tree(cli, made);
        if (cli->options.output == DZ_OUTPUT_NAME)
            (void)fprintf(cli->out, "%s\n", name);
    }
    dz_cli_note(cli,
                was_there ? "experiment %s is there already, and has the file's budget now; `dozan "
                            "watch %s%s` follows it"
                          : "experiment %s is submitted; `dozan watch %s%s` follows it",
                name, name, cli->options.db_hint);
    return DZ_EXIT_SUCCEEDED;
}

/* ---- errors ---- */

/* The service names the paths of what it finds, a line each; here they become lines of the file. */
static int refuse(const submission *sent, dz_client *client, const dozan_error *err)
{
    const char *text = dz_client_refusal(client);
    if (err->code != DOZAN_INVALID_ARGUMENT || *text == '\0')
        return dz_cli_fail(sent->cli, err);
    while (*text != '\0') {
        size_t size = strcspn(text, "\n");
        if (size > 0)
            put_refusal(sent, text, size);
        text += size + (text[size] == '\n');
    }
    return DZ_EXIT_USAGE;
}

static void put_refusal(const submission *sent, const char *line, size_t size)
{
    const dz_cli_options *options = &sent->cli->options;
    char *whole = strndup(line, size), *place = NULL;
    char *colon = whole != NULL ? strstr(whole, ": ") : NULL;
    bool path = colon != NULL && strncmp(line, "--set", strlen("--set")) != 0 &&
                strcspn(whole, " ") > (size_t)(colon - whole);
    if (path) {
        *colon = '\0';
        if (dz_spec_place(sent->text, sent->size, sent->source_name, options->overrides,
                          options->override_count, whole, &place) != DOZAN_OK)
            place = NULL;
        *colon = ':';
    }
    dozan_buf shown;
    dozan_buf_init(&shown, (size_t)1 << 16);
    dz_text_fit(&shown, place != NULL ? colon + 2 : whole != NULL ? whole : "", SIZE_MAX);
    (void)fprintf(sent->cli->err, "error: %s: %s\n", place != NULL ? place : sent->source_name,
                  shown.data != NULL ? shown.data : "");
    dozan_buf_fini(&shown);
    free(place);
    free(whole);
}

/* ---- to the end ---- */

/* Prints what came of it, as `dozan run` does, unless it was interrupted. */
static int see_to_end(submission *sent, dz_client *client)
{
    dz_cli *cli = sent->cli;
    int64_t limit_ms = cli->options.timeout_ms;
    int interrupt = dz_remote_signals();
    sent->subject.name = sent->name;
    int status = dz_watch_to_end(cli, client, &sent->subject, cli->options.watch, interrupt,
                                 limit_ms > 0 ? dz_client_clock() + limit_ms : INT64_MAX);
    dz_remote_release(interrupt);
    bool rests = cli->failure.code == DOZAN_OK && status != DZ_EXIT_INTERRUPTED;
    if (rests && !(cli->options.watch && cli->options.output == DZ_OUTPUT_JSON)) {
        int printed = dz_remote_command(cli, client, &sent->subject, "result");
        status = printed != DZ_EXIT_SUCCEEDED ? printed : status;
    }
    return status;
}
