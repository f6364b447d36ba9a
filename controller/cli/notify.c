#include "cli/notify.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { TEXT_MAX = 128, MICROSECONDS = 1000000 };

static void make_text(dz_notice notice, char text[TEXT_MAX]);

/* A name that begins with @ is an abstract one: its first byte is 0. Nobody waits for an answer,
 * and a manager that is gone is none of ours to mend. */
void dz_notify(dz_notice notice)
{
    const char *name = getenv("NOTIFY_SOCKET"); /* NOLINT(concurrency-mt-unsafe): nothing sets it */
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char text[TEXT_MAX];
    size_t size = name != NULL ? strlen(name) : 0;
    if (name == NULL || size < 2 || size >= sizeof(address.sun_path) ||
        (*name != '/' && *name != '@'))
        return;
    memcpy(address.sun_path, name, size);
    if (*name == '@')
        address.sun_path[0] = '\0';
    int file = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (file < 0)
        return;
    make_text(notice, text);
    (void)sendto(file, text, strlen(text), MSG_NOSIGNAL, (const struct sockaddr *)&address,
                 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size));
    (void)close(file);
}

static void make_text(dz_notice notice, char text[TEXT_MAX])
{
    static const char *const texts[] = {
        [DZ_NOTIFY_READY] = "READY=1\nSTATUS=serving",
        [DZ_NOTIFY_RELOADING] = "RELOADING=1\nSTATUS=reading the users again",
        [DZ_NOTIFY_STOPPING] = "STOPPING=1\nSTATUS=stopping; trials go on",
    };
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    if (notice == DZ_NOTIFY_RELOADING)
        (void)snprintf(text, TEXT_MAX, "%s\nMONOTONIC_USEC=%lld", texts[notice],
                       (long long)now.tv_sec * MICROSECONDS + now.tv_nsec / 1000);
    else
        (void)snprintf(text, TEXT_MAX, "%s", texts[notice]);
}
