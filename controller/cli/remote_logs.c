/*
 * `dozan logs` of a service: the log of the trial's pod, as kubectl reads it.
 */
#include "cli/remote.h"

#include <string.h>

enum { PATH_MAX_BYTES = 4096, WAIT_MS = 500, WHOLE_MAX = 16 << 20 };

typedef struct printing {
    dz_cli *cli;
    int64_t bytes;
} printing;

static int read_log(dz_cli *cli, dz_client *client, int interrupt);
static bool print(void *user, const char *bytes, size_t size);
static dozan_status look_at_trial(dz_cli *cli, dz_client *client, const dz_subject *subject,
                                  bool *told, dozan_error *err);
static int finish(dz_cli *cli, const printing *printed, const dz_client_stream *stream,
                  dz_client_end end);

int dz_cli_remote_logs(dz_cli *cli)
{
    int status = DZ_EXIT_FAILED;
    dz_client *client = dz_remote_client(cli, &status);
    if (client == NULL)
        return status;
    int interrupt = dz_remote_signals();
    status = read_log(cli, client, interrupt);
    dz_remote_release(interrupt);
    dz_client_destroy(client);
    return status;
}

/* There is no pod until the trial has started: then the trial says what it waits for. */
static int read_log(dz_cli *cli, dz_client *client, int interrupt)
{
    dz_subject subject;
    dozan_buf path;
    dozan_error err = {0};
    bool told = false;
    int status = dz_remote_subject(cli, &subject);
    if (status != DZ_EXIT_SUCCEEDED)
        return status;
    dozan_buf_init(&path, PATH_MAX_BYTES);
    dozan_buf_puts(&path, "/api/v1/namespaces/");
    dz_client_escape(&path, subject.namespace_);
    dozan_buf_puts(&path, "/pods/");
    dz_client_escape(&path, subject.name);
    dozan_buf_puts(&path, cli->options.follow ? "/log?follow=true" : "/log");
    for (bool again = true; again;) {
        printing printed = {.cli = cli};
        dz_client_stream stream = {.path = path.data, .sink = print, .user = &printed};
        dz_client_end end = DZ_CLIENT_ENDED;
        dozan_status read =
            path.failed ? dozan_error_set(&err, DOZAN_INVALID_ARGUMENT, NULL,
                                          "the trial's name is too long")
                        : dz_client_follow(client, &stream, 1, interrupt, INT64_MAX, &end, &err);
        bool missing = read == DOZAN_OK && stream.status == DOZAN_NOT_FOUND;
        if (missing)
            read = look_at_trial(cli, client, &subject, &told, &err);
        if (read != DOZAN_OK)
            status = dz_cli_fail(cli, &err);
        else if (!missing)
            status = finish(cli, &printed, &stream, end);
        again = read == DOZAN_OK && missing && cli->options.follow &&
                !dz_client_pause(interrupt, WAIT_MS);
    }
    dozan_buf_fini(&path);
    return status;
}

static bool print(void *user, const char *bytes, size_t size)
{
    printing *printed = user;
    dz_cli *cli = printed->cli;
    printed->bytes += (int64_t)size;
    return fwrite(bytes, 1, size, cli->out) == size && (!cli->options.follow || !fflush(cli->out));
}

/* Says once what it waits for. */
static dozan_status look_at_trial(dz_cli *cli, dz_client *client, const dz_subject *subject,
                                  bool *told, dozan_error *err)
{
    dozan_buf path;
    cJSON *trial = NULL;
    dozan_buf_init(&path, PATH_MAX_BYTES);
    dz_remote_path(&path, subject, "trials", subject->name);
    dozan_status status = dz_remote_get(client, &path, &trial, err);
    dozan_buf_fini(&path);
    if (status == DOZAN_OK && !*told) {
        dz_remote_state state = dz_remote_state_of(trial);
        dz_cli_note(cli, "trial %s has no output yet, it is %s (%s)%s%s", subject->name, state.type,
                    state.reason, *state.message != '\0' ? ": " : "", state.message);
        *told = true;
    }
    cJSON_Delete(trial);
    return status;
}

static int finish(dz_cli *cli, const printing *printed, const dz_client_stream *stream,
                  dz_client_end end)
{
    if (end == DZ_CLIENT_INTERRUPTED)
        return DZ_EXIT_INTERRUPTED;
    if (stream->status == DOZAN_OK && !cli->options.follow && printed->bytes >= WHOLE_MAX)
        dz_cli_note(cli, "these are its first %d MiB; -f prints all", WHOLE_MAX >> 20);
    if (stream->status == DOZAN_OK || end == DZ_CLIENT_ENOUGH)
        return DZ_EXIT_SUCCEEDED;
    return dz_cli_fail(cli, &stream->err);
}
