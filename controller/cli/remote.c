#include "cli/remote.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum { PATH_MAX_BYTES = 65536, EFFECT_MS = 30000, FIRST_WAIT_MS = 50, LAST_WAIT_MS = 1000 };

static bool make_path(dz_cli *cli, const dz_cli_command *row, const dz_subject *subject,
                      dozan_buf *path);
static int wait_for_effect(dz_cli *cli, dz_client *client, const dz_client_request *request,
                           cJSON **answer);
static bool names_object(dz_cli_complete complete);

int dz_cli_remote(dz_cli *cli)
{
    int status = DZ_EXIT_FAILED;
    dz_client *client = dz_remote_client(cli, &status);
    if (client == NULL)
        return status;
    dz_subject subject;
    status = dz_remote_subject(cli, &subject);
    if (status == DZ_EXIT_SUCCEEDED)
        status = dz_remote_command(cli, client, &subject, cli->command->name);
    dz_client_destroy(client);
    return status;
}

dz_client *dz_remote_client(dz_cli *cli, int *status)
{
    dz_client *client = NULL;
    dozan_error err = {0};
    if (dz_client_create(&cli->target, &client, &err) == DOZAN_OK)
        return client;
    *status = dz_cli_fail(cli, &err);
    return NULL;
}

int dz_remote_subject(dz_cli *cli, dz_subject *subject)
{
    const char *namespace_ = cli->target.namespace_;
    size_t size = strlen(namespace_);
    *subject = (dz_subject){0};
    for (size_t i = 0; i < cli->options.argument_count && i < DZ_CLI_MAX_ARGUMENTS; i++)
        if (names_object(cli->command->arguments[i].complete))
            subject->name = cli->options.arguments[i];
    const char *slash = subject->name != NULL ? strchr(subject->name, '/') : NULL;
    if (slash != NULL) {
        namespace_ = subject->name;
        size = (size_t)(slash - subject->name);
        subject->name = slash + 1;
    }
    if (size == 0 || size >= sizeof(subject->namespace_) ||
        (subject->name != NULL && *subject->name == '\0'))
        return dz_cli_failf(cli, DOZAN_INVALID_ARGUMENT,
                            "the name of the namespace, or what follows it, is empty or too long");
    memcpy(subject->namespace_, namespace_, size);
    return DZ_EXIT_SUCCEEDED;
}

void dz_remote_path(dozan_buf *path, const dz_subject *subject, const char *kind, const char *name)
{
    dozan_buf_puts(path, "/apis/kubeflow.org/v1beta1/namespaces/");
    dz_client_escape(path, subject->namespace_);
    dozan_buf_printf(path, "/%s", kind);
    if (name == NULL)
        return;
    dozan_buf_puts(path, "/");
    dz_client_escape(path, name);
}

dozan_status dz_remote_get(dz_client *client, dozan_buf *path, cJSON **tree, dozan_error *err)
{
    dz_client_request request = {.method = "GET", .path = path->data};
    dozan_status status =
        path->failed || path->data == NULL
            ? dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory")
            : dz_client_call(client, &request, tree, err);
    dozan_buf_clear(path);
    return status;
}

dz_remote_state dz_remote_state_of(const cJSON *object)
{
    const cJSON *conditions = cJSON_GetObjectItemCaseSensitive(
        cJSON_GetObjectItemCaseSensitive(object, "status"), "conditions");
    const cJSON *last = cJSON_GetArrayItem(conditions, cJSON_GetArraySize(conditions) - 1);
    return (dz_remote_state){dz_remote_text(last, "type"), dz_remote_text(last, "reason"),
                             dz_remote_text(last, "message")};
}

const char *dz_remote_text(const cJSON *object, const char *name)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
    return text != NULL ? text : "";
}

int dz_remote_signals(void)
{
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGTERM);
    if (pthread_sigmask(SIG_BLOCK, &set, NULL) != 0)
        return -1;
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

void dz_remote_release(int file)
{
    struct signalfd_siginfo told;
    sigset_t set;
    if (file < 0)
        return;
    while (read(file, &told, sizeof(told)) > 0) {
        /* a signal that was taken does not come again */
    }
    (void)close(file);
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGTERM);
    (void)pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

int dz_remote_command(dz_cli *cli, dz_client *client, const dz_subject *subject,
                      const char *command)
{
    static const char nothing[] = "{}";
    const dz_cli_command *row = dz_cli_find(command);
    bool changes = row != NULL && row->role >= DZ_ROLE_EDITOR;
    dz_client_request request = {.method = changes ? "POST" : "GET"};
    dozan_buf path;
    cJSON *answer = NULL;
    dozan_error err = {0};
    int status = DZ_EXIT_SUCCEEDED;
    dozan_buf_init(&path, PATH_MAX_BYTES);
    if (row == NULL || !make_path(cli, row, subject, &path)) {
        dozan_buf_fini(&path);
        return dz_cli_failf(cli, DOZAN_INVALID_ARGUMENT, "the arguments are too long");
    }
    request.path = path.data;
    if (changes) {
        request.type = "application/json";
        request.body = nothing;
        request.size = sizeof(nothing) - 1;
    }
    if (dz_client_call(client, &request, &answer, &err) != DOZAN_OK)
        status = dz_cli_fail(cli, &err);
    else
        status = wait_for_effect(cli, client, &request, &answer);
    if (status == DZ_EXIT_SUCCEEDED) {
        const cJSON *code = cJSON_GetObjectItemCaseSensitive(answer, "status");
        (void)fputs(dz_remote_text(answer, "text"), cli->out);
        if (!cli->options.quiet)
            (void)fputs(dz_remote_text(answer, "notes"), cli->err);
        if (cJSON_IsNumber(code) && code->valueint >= 0 && code->valueint <= DZ_EXIT_INTERRUPTED)
            status = code->valueint;
    }
    cJSON_Delete(answer);
    dozan_buf_fini(&path);
    return status;
}

/* ---- a command that the service runs ---- */

/* The words of the command line, but for the options that are about the client alone; of another
 * command than the one that was given (`submit`, which shows the result), the name alone. */
static bool make_path(dz_cli *cli, const dz_cli_command *row, const dz_subject *subject,
                      dozan_buf *path)
{
    static const char *const outputs[] = {"table", "wide", "json", "yaml", "csv", "name"};
    bool own = row == cli->command;
    dozan_buf_puts(path, "/api/v1alpha1/");
    if (!cli->options.all_namespaces) {
        dozan_buf_puts(path, "namespaces/");
        dz_client_escape(path, subject->namespace_);
        dozan_buf_puts(path, "/");
    }
    dozan_buf_printf(path, "commands/%s?output=%s&hint=", row->name,
                     cli->options.output == DZ_OUTPUT_NAME && !own ? "table"
                                                                   : outputs[cli->options.output]);
    dz_client_escape(path, cli->options.db_hint);
    for (size_t i = 0; own && i < cli->options.argument_count; i++) {
        bool is_name = i < DZ_CLI_MAX_ARGUMENTS && names_object(row->arguments[i].complete);
        dozan_buf_puts(path, "&argument=");
        dz_client_escape(path, is_name ? subject->name : cli->options.arguments[i]);
    }
    if (!own && subject->name != NULL) {
        dozan_buf_puts(path, "&argument=");
        dz_client_escape(path, subject->name);
    }
    return !path->failed;
}

/* What takes time is asked for again until it is so; the first answer says what has been done. */
static int wait_for_effect(dz_cli *cli, dz_client *client, const dz_client_request *request,
                           cJSON **answer)
{
    int64_t until = dz_client_clock() + EFFECT_MS, wait = FIRST_WAIT_MS;
    bool pending = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(*answer, "pending"));
    dozan_error err = {0};
    while (pending) {
        cJSON *next = NULL;
        if (dz_client_clock() >= until)
            return dz_cli_failf(cli, DOZAN_DEADLINE_EXCEEDED,
                                "the service was asked to, and it has not come to its end after "
                                "%d s; `dozan why` shows what is waited for",
                                EFFECT_MS / 1000);
        (void)dz_client_pause(-1, wait);
        wait = wait * 2 < LAST_WAIT_MS ? wait * 2 : LAST_WAIT_MS;
        if (dz_client_call(client, request, &next, &err) != DOZAN_OK)
            return dz_cli_fail(cli, &err);
        pending = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(next, "pending"));
        cJSON_Delete(next);
    }
    return DZ_EXIT_SUCCEEDED;
}

static bool names_object(dz_cli_complete complete)
{
    return complete == DZ_COMPLETE_EXPERIMENT || complete == DZ_COMPLETE_TRIAL ||
           complete == DZ_COMPLETE_OBJECT;
}
