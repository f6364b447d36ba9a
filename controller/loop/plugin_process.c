#include "loop/plugin_process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <unistd.h>

#include <dozan/buf.h>

/* What a plugin's process may see of our environment. */
static const char *const inherited[] = {
    "PATH",       "HOME",       "USER",        "LANG",        "LC_ALL",
    "LC_CTYPE",   "TMPDIR",     "TZ",          "VIRTUAL_ENV", "LD_LIBRARY_PATH",
    "PYTHONPATH", "PYTHONHOME", "CONDA_PREFIX"};
enum { INHERITED_COUNT = sizeof inherited / sizeof *inherited, OWN_COUNT = 4 };

typedef struct environment {
    char *text[INHERITED_COUNT + OWN_COUNT + 1];
    size_t count;
} environment;

static char *join(const char *a, char between, const char *b);
static char *search_path(const char *name);
static bool is_program(const char *path);
static bool environment_init(environment *env, const char *token);
static bool environment_add(environment *env, const char *name, const char *value);
static void environment_fini(environment *env);
static void become_plugin(char *const *argv, char *const *env, int output, int error_pipe,
                          pid_t parent) __attribute__((noreturn));
static dozan_status wait_for_exec(int error_pipe, const char *program, dozan_error *err);

dozan_status dz_program_find(const char *given, const char *name, char **path, dozan_error *err)
{
    char *found = NULL;
    if (given) {
        found = strchr(given, '/') ? strdup(given) : search_path(given);
    } else {
        char own[4096];
        ssize_t size = readlink("/proc/self/exe", own, sizeof own - 1);
        if (size > 0) {
            own[size] = 0;
            char *slash = strrchr(own, '/');
            if (slash) {
                *slash = 0;
                found = join(own, '/', name);
            }
        }
        if (found && !is_program(found)) {
            free(found);
            found = NULL;
        }
        if (!found)
            found = search_path(name);
    }
    if (!found)
        return dozan_error_set(
            err, DOZAN_NOT_FOUND, given ? given : name,
            "no such program beside this one or in PATH; install it, or name its path");
    *path = found;
    return DOZAN_OK;
}

dozan_status dz_token_make(char token[DZ_TOKEN_TEXT], dozan_error *err)
{
    unsigned char bytes[20];
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
        return dozan_error_set(err, DOZAN_INTERNAL, NULL, "the system gives no random bytes: %s",
                               strerrordesc_np(errno));
    for (size_t i = 0; i < sizeof bytes; i++) {
        token[2 * i] = "0123456789abcdef"[bytes[i] >> 4];
        token[2 * i + 1] = "0123456789abcdef"[bytes[i] & 15];
    }
    token[2 * sizeof bytes] = 0;
    return DOZAN_OK;
}

dozan_status dz_plugin_spawn(const char *program, const char *url, const char *token,
                             const char *output, pid_t *pid, dozan_error *err)
{
    dozan_status status = DOZAN_OK;
    environment env = {0};
    char *path = NULL;
    int log = -1, pipe_fds[2] = {-1, -1};
    if (!environment_init(&env, token)) {
        status = dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
        goto done;
    }
    if ((status = dz_program_find(program, program, &path, err)))
        goto done;
    log = open(output, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (log < 0 || pipe2(pipe_fds, O_CLOEXEC)) {
        status = dozan_error_set(err, DOZAN_UNAVAILABLE, output, "cannot start plugin %s: %s",
                                 program, strerrordesc_np(errno));
        goto done;
    }
    char *argv[] = {path, (char *)(uintptr_t) "--listen", (char *)(uintptr_t)url, NULL};
    pid_t parent = getpid(), child = fork();
    if (child == 0)
        become_plugin(argv, env.text, log, pipe_fds[1], parent);
    if (child < 0) {
        status = dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, program,
                                 "no process can be started: %s", strerrordesc_np(errno));
        goto done;
    }
    close(pipe_fds[1]);
    pipe_fds[1] = -1;
    *pid = child;
    status = wait_for_exec(pipe_fds[0], program, err);
done:
    if (log >= 0)
        close(log);
    for (int i = 0; i < 2; i++)
        if (pipe_fds[i] >= 0)
            close(pipe_fds[i]);
    environment_fini(&env);
    free(path);
    return status;
}

void dz_plugin_end_text(const siginfo_t *info, const char *name, const char *output,
                        dozan_error *err)
{
    const char *how =
        info->si_code == CLD_EXITED ? "ended with exit status" : "was killed by signal";
    (void)dozan_error_set(err, DOZAN_UNAVAILABLE, NULL, "plugin %s %s %d; what it printed is in %s",
                          name, how, info->si_status, output ? output : "its own log");
}

/* In the child: only calls that are safe between fork and exec. */
static void become_plugin(char *const *argv, char *const *env, int output, int error_pipe,
                          pid_t parent)
{
    sigset_t none;
    sigemptyset(&none);
    (void)pthread_sigmask(SIG_SETMASK, &none, NULL);
    (void)setpgid(0, 0); /* Ctrl-C is ours to handle, not the plugin's */
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(127);
    int null = open("/dev/null", O_RDONLY);
    if (null < 0 || dup2(null, 0) < 0 || dup2(output, 1) < 0 || dup2(output, 2) < 0)
        _exit(127);
    /* The pipe is close-on-exec, and everything else is too; this is for what a library left open.
     */
    (void)close_range(3, (unsigned)error_pipe - 1, 0);
    (void)close_range((unsigned)error_pipe + 1, ~0u, 0);
    (void)execve(argv[0], argv, env); /* NOLINT: argv[0] was found before the fork */
    int code = errno;
    ssize_t written = write(error_pipe, &code, sizeof code);
    (void)written;
    _exit(127);
}

static dozan_status wait_for_exec(int error_pipe, const char *program, dozan_error *err)
{
    int code = 0;
    ssize_t got;
    do
        got = read(error_pipe, &code, sizeof code);
    while (got < 0 && errno == EINTR);
    if (got != (ssize_t)sizeof code)
        return DOZAN_OK;
    const char *advice = code == EACCES ? "; make it executable (chmod +x)"
                         : code == ENOEXEC
                             ? "; a script needs a first line such as #!/usr/bin/env python3"
                             : "; check the path given for the plugin";
    return dozan_error_set(err, code == EACCES ? DOZAN_PERMISSION_DENIED : DOZAN_NOT_FOUND, program,
                           "the plugin cannot be started: %s%s", strerrordesc_np(code), advice);
}

static bool environment_init(environment *env, const char *token)
{
    char parent[24];
    (void)snprintf(parent, sizeof parent, "%ld", (long)getpid());
    for (size_t i = 0; i < INHERITED_COUNT; i++) {
        const char *value = getenv(inherited[i]);
        if (value && !environment_add(env, inherited[i], value))
            return false;
    }
    return environment_add(env, "DOZAN_PLUGIN_TOKEN", token) &&
           environment_add(env, "DOZAN_PLUGIN_PARENT", parent) &&
           environment_add(env, "OPENBLAS_NUM_THREADS", "1") &&
           environment_add(env, "OMP_NUM_THREADS", "1");
}

static bool environment_add(environment *env, const char *name, const char *value)
{
    char *text = join(name, '=', value);
    if (!text)
        return false;
    env->text[env->count++] = text;
    return true;
}

static void environment_fini(environment *env)
{
    for (size_t i = 0; i < env->count; i++)
        free(env->text[i]);
}

static char *search_path(const char *name)
{
    const char *path = getenv("PATH");
    while (path && *path) {
        size_t size = strcspn(path, ":");
        dozan_buf candidate;
        dozan_buf_init(&candidate, 8192);
        (void)dozan_buf_printf(&candidate, "%.*s/%s", (int)(size < 4096 ? size : 4096), path, name);
        char *text = dozan_buf_take(&candidate);
        if (text && is_program(text))
            return text;
        free(text);
        path += size;
        path += *path == ':';
    }
    return NULL;
}

static bool is_program(const char *path)
{
    return access(path, X_OK) == 0;
}

static char *join(const char *a, char between, const char *b)
{
    dozan_buf buf;
    dozan_buf_init(&buf, 1u << 20);
    (void)dozan_buf_printf(&buf, "%s%c%s", a, between, b);
    return dozan_buf_take(&buf);
}
