/*
 * Credentials from a program (client.authentication.k8s.io ExecCredential). It gets no terminal,
 * and what it prints to its output is a secret that is in no message; its errors are shown as they
 * are.
 */
#include "kubernetes/access.h"

#include "collectors/rfc3339.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { LIMIT_MS = 60000, OUTPUT_MAX = 1 << 20 };

extern char **environ;

static char **make_env(const dz_cluster_exec *exec, char **info);
static pid_t begin(const dz_cluster_exec *exec, char **env, int output, int *error);
static bool read_all(int from, char *text, int64_t until_ms);
static dozan_status parse(const dz_cluster_exec *exec, const char *text,
                          dz_cluster_credential *credential, dozan_error *err);
static int64_t now_ms(void);

static dozan_status refuse(const dz_cluster_exec *exec, const char *why, dozan_error *err)
{
    return dozan_error_set(err, DOZAN_UNAUTHENTICATED, "kubeconfig: exec",
                           "the program %.200s %s%s%.128s", exec->argv[0], why,
                           exec->hint != NULL ? ": " : "", exec->hint != NULL ? exec->hint : "");
}

dozan_status dz_cluster_exec_run(const dz_cluster_exec *exec, dz_cluster_credential *credential,
                                 dozan_error *err)
{
    int ends[2] = {-1, -1}, error = 0, how = 0;
    char *info = NULL;
    dozan_status status = DOZAN_OK;
    char **env = make_env(exec, &info);
    char *text = calloc(1, OUTPUT_MAX + 1);
    if (env == NULL || text == NULL || pipe2(ends, O_CLOEXEC) != 0) {
        status = dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL,
                                 "no memory or no pipe for the program that gives credentials");
        goto done;
    }
    pid_t child = begin(exec, env, ends[1], &error);
    (void)close(ends[1]);
    ends[1] = -1;
    if (child < 0) {
        status = refuse(exec, error == ENOENT ? "is not there" : "cannot be started", err);
        goto done;
    }
    bool whole = read_all(ends[0], text, now_ms() + LIMIT_MS);
    if (!whole)
        (void)kill(child, SIGKILL);
    while (waitpid(child, &how, 0) < 0 && errno == EINTR)
        continue;
    if (!whole)
        status = refuse(exec, "did not end within 60 s, or printed more than 1 MiB", err);
    else if (!WIFEXITED(how) || WEXITSTATUS(how) != 0)
        status = refuse(exec, "failed", err);
    else
        status = parse(exec, text, credential, err);
done:
    for (size_t i = 0; i < 2; i++)
        if (ends[i] >= 0)
            (void)close(ends[i]);
    if (text != NULL)
        explicit_bzero(text, OUTPUT_MAX);
    free(text);
    free(env);
    free(info);
    return status;
}

void dz_cluster_credential_fini(dz_cluster_credential *credential)
{
    dz_cluster_forget(credential->token);
    free(credential->certificate);
    dz_cluster_forget(credential->key);
    *credential = (dz_cluster_credential){0};
}

/* The texts are others'; only the array and *info are to be freed. */
static char **make_env(const dz_cluster_exec *exec, char **info)
{
    static const char beta[] = "client.authentication.k8s.io/v1beta1";
    size_t ours = 0, theirs = 0, at = 0;
    while (environ[ours] != NULL)
        ours++;
    while (exec->env[theirs] != NULL)
        theirs++;
    if (asprintf(info,
                 "KUBERNETES_EXEC_INFO={\"apiVersion\":\"%s\",\"kind\":\"ExecCredential\","
                 "\"spec\":{\"interactive\":false}}",
                 exec->api_version != NULL ? exec->api_version : beta) < 0) {
        *info = NULL;
        return NULL;
    }
    char **env = calloc(ours + theirs + 2, sizeof(char *));
    if (env == NULL)
        return NULL;
    for (size_t i = 0; i < ours; i++) { /* a name that the entry gives is not ours any more */
        size_t size = strcspn(environ[i], "=") + 1;
        bool replaced = false;
        for (size_t k = 0; k < theirs; k++)
            replaced |= strncmp(exec->env[k], environ[i], size) == 0;
        if (!replaced)
            env[at++] = environ[i];
    }
    for (size_t k = 0; k < theirs; k++)
        env[at++] = exec->env[k];
    env[at] = *info;
    return env;
}

static pid_t begin(const dz_cluster_exec *exec, char **env, int output, int *error)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t how;
    sigset_t none;
    pid_t child = -1;
    (void)sigemptyset(&none);
    if ((*error = posix_spawn_file_actions_init(&files)) != 0)
        return -1;
    if ((*error = posix_spawnattr_init(&how)) != 0) {
        (void)posix_spawn_file_actions_destroy(&files);
        return -1;
    }
    (void)posix_spawnattr_setsigmask(&how, &none); /* ours are blocked on the runner's thread */
    (void)posix_spawnattr_setflags(&how, POSIX_SPAWN_SETSIGMASK);
    *error = posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (*error == 0)
        *error = posix_spawn_file_actions_adddup2(&files, output, STDOUT_FILENO);
    if (*error == 0)
        *error = posix_spawnp(&child, exec->argv[0], &files, &how, exec->argv, env);
    (void)posix_spawn_file_actions_destroy(&files);
    (void)posix_spawnattr_destroy(&how);
    return *error == 0 ? child : -1;
}

static bool read_all(int from, char *text, int64_t until_ms)
{
    size_t size = 0;
    for (;;) {
        int64_t left = until_ms - now_ms();
        struct pollfd wait = {.fd = from, .events = POLLIN};
        if (left <= 0 || size == OUTPUT_MAX)
            return false;
        int ready = poll(&wait, 1, (int)left);
        if (ready < 0 && errno != EINTR)
            return false;
        if (ready <= 0)
            continue;
        ssize_t got = read(from, text + size, OUTPUT_MAX - size);
        if (got == 0)
            return true;
        if (got < 0 && errno != EINTR)
            return false;
        size += got > 0 ? (size_t)got : 0;
    }
}

static dozan_status parse(const dz_cluster_exec *exec, const char *text,
                          dz_cluster_credential *credential, dozan_error *err)
{
    cJSON *document = cJSON_Parse(text);
    const cJSON *status = cJSON_GetObjectItemCaseSensitive(document, "status");
    static const char *const keys[] = {"token", "clientCertificateData", "clientKeyData"};
    char **const targets[] = {&credential->token, &credential->certificate, &credential->key};
    bool memory = true;
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        cJSON *item = cJSON_GetObjectItemCaseSensitive(status, keys[i]);
        char *value = cJSON_GetStringValue(item);
        if (value == NULL || *value == '\0')
            continue;
        *targets[i] = strdup(value);
        memory = memory && *targets[i] != NULL;
        explicit_bzero(value, strlen(value));
    }
    const char *expires =
        cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(status, "expirationTimestamp"));
    if (expires != NULL)
        (void)!dz_rfc3339_parse(expires, strlen(expires), &credential->expires_ms);
    cJSON_Delete(document);
    if (!memory || (credential->token == NULL && credential->certificate == NULL) ||
        ((credential->certificate != NULL) != (credential->key != NULL))) {
        dz_cluster_credential_fini(credential);
        return refuse(exec, "gave no ExecCredential with a token, or a certificate and its key",
                      err);
    }
    return DOZAN_OK;
}

static int64_t now_ms(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
