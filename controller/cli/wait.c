/*
 * `dozan wait NAME`: until a condition of an experiment or trial is met.
 */
#include "cli/follow.h"

#include <string.h>
#include <strings.h>

typedef struct waiting {
    const char *condition; /* NULL = its end */
    bool deletion;         /* is waited for */
    bool met, never;       /* never: it has come to rest without it */
    bool deleted;
    int status;
    char state[32], message[512];
} waiting;

static int wait_for(dz_cli *cli, dz_client *client, const dz_subject *subject, waiting *wait);
static bool visit(void *user, const dz_followed *followed);
static int read_wish(dz_cli *cli, waiting *wait);

int dz_cli_wait(dz_cli *cli)
{
    waiting wait = {0};
    dz_subject subject;
    int status = read_wish(cli, &wait);
    dz_client *client = status == DZ_EXIT_SUCCEEDED ? dz_remote_client(cli, &status) : NULL;
    if (client == NULL)
        return status;
    status = dz_remote_subject(cli, &subject);
    if (status == DZ_EXIT_SUCCEEDED)
        status = wait_for(cli, client, &subject, &wait);
    dz_client_destroy(client);
    return status;
}

static int wait_for(dz_cli *cli, dz_client *client, const dz_subject *subject, waiting *wait)
{
    int64_t limit_ms = cli->options.timeout_ms;
    dz_follow_end end = DZ_FOLLOW_ENOUGH;
    dozan_error err = {0};
    dz_follow follow = {.cli = cli,
                        .client = client,
                        .subject = *subject,
                        .interrupt = dz_remote_signals(),
                        .until_ms = limit_ms > 0 ? dz_client_clock() + limit_ms : INT64_MAX,
                        .visit = visit,
                        .user = wait};
    dozan_status status = dz_follow_run(&follow, &end, &err);
    dz_remote_release(follow.interrupt);
    bool gone = wait->deleted || end == DZ_FOLLOW_DELETED;
    if (wait->deletion && (gone || status == DOZAN_NOT_FOUND)) {
        dz_cli_note(cli, "%s is deleted", subject->name);
        return DZ_EXIT_SUCCEEDED;
    }
    if (status != DOZAN_OK)
        return dz_cli_fail(cli, &err);
    if (gone)
        return dz_cli_failf(cli, DOZAN_UNAVAILABLE, "%s was deleted", subject->name);
    if (end == DZ_FOLLOW_INTERRUPTED)
        return DZ_EXIT_INTERRUPTED;
    if (end == DZ_FOLLOW_LATE)
        return dz_cli_failf(cli, DOZAN_DEADLINE_EXCEEDED,
                            "%s is %s, and the time is over; `dozan why %s%s` tells what it waits "
                            "for",
                            subject->name, wait->state, subject->name, cli->options.db_hint);
    if (wait->never)
        return dz_cli_failf(cli, DOZAN_UNAVAILABLE, "%s is %s, and will not be %s: %s",
                            subject->name, wait->state, wait->condition, wait->message);
    dz_cli_note(cli, "%s is %s", subject->name, wait->state);
    return wait->condition != NULL ? DZ_EXIT_SUCCEEDED : wait->status;
}

static bool visit(void *user, const dz_followed *followed)
{
    waiting *wait = user;
    dz_remote_state state = dz_remote_state_of(followed->object);
    bool rests = dz_follow_rests(followed->object, followed->trial);
    (void)snprintf(wait->state, sizeof(wait->state), "%s", state.type);
    (void)snprintf(wait->message, sizeof(wait->message), "%s", state.message);
    wait->deleted = followed->deleted;
    if (wait->deletion || wait->deleted)
        return !wait->deleted;
    wait->status = dz_follow_status(followed->object, followed->trial);
    wait->met =
        wait->condition != NULL ? dz_follow_holds(followed->object, wait->condition) : rests;
    wait->never = !wait->met && rests && strcmp(state.type, "Suspended") != 0;
    return !wait->met && !wait->never;
}

static int read_wish(dz_cli *cli, waiting *wait)
{
    static const char prefix[] = "condition=";
    const char *wish = cli->options.wish;
    if (wish == NULL)
        return DZ_EXIT_SUCCEEDED;
    wait->deletion = strcmp(wish, "delete") == 0;
    if (wait->deletion)
        return DZ_EXIT_SUCCEEDED;
    if (strncmp(wish, prefix, sizeof(prefix) - 1) != 0 || wish[sizeof(prefix) - 1] == '\0')
        return dz_cli_failf(cli, DOZAN_INVALID_ARGUMENT,
                            "--for: \"%s\" is neither condition=TYPE, such as condition=Succeeded, "
                            "nor delete",
                            wish);
    wait->condition = wish + sizeof(prefix) - 1;
    return DZ_EXIT_SUCCEEDED;
}
