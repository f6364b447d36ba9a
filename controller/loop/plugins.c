#include "loop/plugins.h"
#include "loop/plugin_process.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <dozan/buf.h>

enum {
    DESCRIBE_SLICE_MS = 500, /* how long one try to describe may take: bounds the wait for a stop */
    DESCRIBE_LIMIT_MS = 30000, /* how long a plugin may take to come up, unless the user says */
    SOCKET_PATH_MAX = 90       /* sun_path has 108 bytes */
};

typedef enum plugin_state { PLUGIN_DOWN, PLUGIN_STARTING, PLUGIN_READY } plugin_state;

typedef struct plugin {
    dz_plugins *owner;
    size_t index;
    char *name;   /* NULL for the built-in one */
    char *target; /* path or URL */
    char *url;    /* where it listens */
    char *output; /* its log file; NULL for a URL */
    bool is_url;
    plugin_state state;
    uint64_t generation;
    pid_t pid; /* -1 = none */
    dozan_client *client;
    dozan_describe_reply *description;
    pthread_t watcher;
    bool watching;
    atomic_bool stopping;
} plugin;

struct dz_plugins {
    dz_mailbox *mailbox;
    int start_limit_ms; /* how long a plugin may take to come up */
    char prefix[32];    /* of the files in it: those that only inquire may be several at a time */
    char *socket_directory;
    bool temporary_directory;
    bool inquires;
    plugin *items;
    size_t count;
};

static dozan_status make_socket_directory(dz_plugins *plugins, const char *job_directory,
                                          dozan_error *err);
static dozan_status plugin_init(plugin *p, dz_plugins *owner, size_t index, const char *name,
                                const char *target, dozan_error *err);
static void plugin_fini(plugin *p);
static bool is_url(const char *target);
static dozan_status refuse_url(const plugin *p, dozan_status status, dozan_error *err);
static dozan_status start_process(plugin *p, char token[DZ_TOKEN_TEXT], dozan_error *err);
static void *watch(void *argument);
static dozan_status describe(plugin *p, dozan_describe_reply **reply, dozan_error *err);
static bool has_exited(const plugin *p);
static void post_exit(const plugin *p, uint64_t generation, const dozan_error *err);
static void reap(plugin *p);

dozan_status dz_plugins_create(const dz_run_config *config, bool inquires, dz_mailbox *mailbox,
                               dz_plugins **plugins, dozan_error *err)
{
    dozan_status status = DOZAN_OK;
    char *suggest = NULL;
    dz_plugins *made = calloc(1, sizeof *made);
    if (!made)
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    made->mailbox = mailbox;
    made->start_limit_ms = DESCRIBE_LIMIT_MS;
    made->inquires = inquires;
    if (inquires)
        (void)snprintf(made->prefix, sizeof made->prefix, "ask-%ld-", (long)getpid());
    if (config->plugin_timeout_ms)
        made->start_limit_ms = (int)config->plugin_timeout_ms;
    made->items = calloc(config->plugin_count + 1, sizeof *made->items);
    if (!made->items) {
        status = dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
        goto done;
    }
    if ((status = make_socket_directory(made, config->job_directory, err)))
        goto done;
    if ((status = dz_program_find(config->suggest, "dozan-suggest", &suggest, err)))
        goto done;
    if ((status = plugin_init(&made->items[0], made, 0, NULL, suggest, err)))
        goto done;
    made->count = 1;
    for (size_t i = 0; i < config->plugin_count; i++) {
        const dz_plugin_config *c = &config->plugins[i];
        if ((status = plugin_init(&made->items[made->count], made, made->count, c->name, c->target,
                                  err)))
            goto done;
        made->count++;
    }
    *plugins = made;
    made = NULL;
done:
    free(suggest);
    dz_plugins_destroy(made);
    return status;
}

void dz_plugins_destroy(dz_plugins *plugins)
{
    if (!plugins)
        return;
    for (size_t i = 0; i < plugins->count; i++)
        plugin_fini(&plugins->items[i]);
    free(plugins->items);
    if (plugins->temporary_directory)
        (void)rmdir(plugins->socket_directory);
    free(plugins->socket_directory);
    free(plugins);
}

size_t dz_plugins_index(const dz_plugins *plugins, const char *algorithm)
{
    for (size_t i = 1; i < plugins->count; i++)
        if (strcmp(plugins->items[i].name, algorithm) == 0)
            return i;
    return 0;
}

size_t dz_plugins_count(const dz_plugins *plugins)
{
    return plugins->count;
}

const char *dz_plugin_name(const dz_plugins *plugins, size_t index)
{
    return plugins->items[index].name ? plugins->items[index].name : "built-in";
}

const char *dz_plugin_output(const dz_plugins *plugins, size_t index)
{
    return plugins->items[index].output;
}

dozan_client *dz_plugin_client(const dz_plugins *plugins, size_t index)
{
    const plugin *p = &plugins->items[index];
    return p->state == PLUGIN_READY ? p->client : NULL;
}

const dozan_describe_reply *dz_plugin_all(const dz_plugins *plugins, size_t index)
{
    return plugins->items[index].description;
}

const dozan_description *dz_plugin_description(const dz_plugins *plugins, size_t index,
                                               const char *algorithm)
{
    const dozan_describe_reply *all = plugins->items[index].description;
    for (size_t i = 0; all && i < all->algorithm_count; i++)
        if (strcmp(all->algorithms[i].name, algorithm) == 0)
            return &all->algorithms[i];
    return NULL;
}

dozan_status dz_plugin_start(dz_plugins *plugins, size_t index, dozan_error *err)
{
    plugin *p = &plugins->items[index];
    char token[DZ_TOKEN_TEXT] = "";
    if (p->state != PLUGIN_DOWN)
        return DOZAN_OK;
    dz_plugin_stop(plugins, index);
    dozan_status status = DOZAN_OK;
    if (!p->is_url && (status = start_process(p, token, err)))
        return status;
    /* A plugin by URL gets its token, and its trust, from the environment of the user who named it.
     */
    const char *given = getenv("DOZAN_PLUGIN_TOKEN");
    dozan_client_options options = {.token = p->is_url ? given : token,
                                    .tls_ca_file = getenv("DOZAN_PLUGIN_CA"),
                                    .tls_cert_file = getenv("DOZAN_PLUGIN_CERT"),
                                    .algorithm = p->name,
                                    .db_manager = getenv("DOZAN_PLUGIN_DB_MANAGER")};
    status = dozan_client_create(p->url, &options, &p->client, err);
    if (status) {
        dz_plugin_stop(plugins, index);
        return p->is_url ? refuse_url(p, status, err) : status;
    }
    p->generation++;
    p->state = PLUGIN_STARTING;
    atomic_store(&p->stopping, false);
    if (pthread_create(&p->watcher, NULL, watch, p) != 0) {
        dz_plugin_stop(plugins, index);
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL,
                               "no thread can be started for plugin %s",
                               dz_plugin_name(plugins, index));
    }
    p->watching = true;
    return DOZAN_OK;
}

uint64_t dz_plugin_generation(const dz_plugins *plugins, size_t index)
{
    return plugins->items[index].generation;
}

bool dz_plugins_take(dz_plugins *plugins, dz_message *message)
{
    plugin *p = &plugins->items[message->plugin];
    if (message->generation != p->generation || p->state == PLUGIN_DOWN)
        return false;
    if (message->kind == DZ_MESSAGE_PLUGIN_EXITED) {
        dz_plugin_stop(plugins, message->plugin);
        return true;
    }
    dozan_describe_reply_destroy(p->description);
    p->description = message->description;
    message->description = NULL;
    p->state = PLUGIN_READY;
    return true;
}

void dz_plugin_stop(dz_plugins *plugins, size_t index)
{
    plugin *p = &plugins->items[index];
    atomic_store(&p->stopping, true);
    if (p->pid > 0)
        (void)kill(-p->pid, SIGKILL); /* with what it has started, as a script that wraps it has */
    if (p->watching)
        (void)pthread_join(p->watcher, NULL);
    p->watching = false;
    dozan_client_destroy(p->client);
    p->client = NULL;
    reap(p);
    p->state = PLUGIN_DOWN;
}

static dozan_status make_socket_directory(dz_plugins *plugins, const char *job_directory,
                                          dozan_error *err)
{
    dozan_buf path;
    dozan_buf_init(&path, 4096);
    (void)dozan_buf_printf(&path, "%s/.plugins", job_directory);
    if (path.size > SOCKET_PATH_MAX) {
        /* A socket's path is short: a long one moves to the temporary directory. */
        dozan_buf_clear(&path);
        (void)dozan_buf_puts(&path, "/tmp/dozan-XXXXXX");
        plugins->socket_directory = dozan_buf_take(&path);
        plugins->temporary_directory =
            plugins->socket_directory && mkdtemp(plugins->socket_directory) != NULL;
    } else {
        plugins->socket_directory = dozan_buf_take(&path);
        if (plugins->socket_directory &&
            ((mkdir(job_directory, 0700) && errno != EEXIST) ||
             (mkdir(plugins->socket_directory, 0700) && errno != EEXIST)))
            return dozan_error_set(err, DOZAN_PERMISSION_DENIED, plugins->socket_directory,
                                   "cannot be made: %s", strerrordesc_np(errno));
        return plugins->socket_directory
                   ? DOZAN_OK
                   : dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    }
    return plugins->temporary_directory
               ? DOZAN_OK
               : dozan_error_set(err, DOZAN_PERMISSION_DENIED, "/tmp",
                                 "no folder for the plugins' sockets can be made: %s",
                                 strerrordesc_np(errno));
}

static dozan_status plugin_init(plugin *p, dz_plugins *owner, size_t index, const char *name,
                                const char *target, dozan_error *err)
{
    p->owner = owner;
    p->index = index;
    p->pid = -1;
    p->is_url = is_url(target);
    dozan_buf url, output;
    dozan_buf_init(&url, 4096);
    dozan_buf_init(&output, 4096);
    if (p->is_url) {
        (void)dozan_buf_puts(&url, target);
    } else {
        (void)dozan_buf_printf(&url, "ipc://%s/%s%zu.sock", owner->socket_directory, owner->prefix,
                               index);
        (void)dozan_buf_printf(&output, "%s/%s%s.log", owner->socket_directory, owner->prefix,
                               name ? name : "built-in");
    }
    p->name = name ? strdup(name) : NULL;
    p->target = strdup(target);
    p->url = dozan_buf_take(&url);
    p->output = p->is_url ? NULL : dozan_buf_take(&output);
    if ((name && !p->name) || !p->target || !p->url || (!p->is_url && !p->output)) {
        plugin_fini(p);
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    }
    return DOZAN_OK;
}

static void plugin_fini(plugin *p)
{
    if (p->owner)
        dz_plugin_stop(p->owner, p->index);
    if (p->owner && p->url && !p->is_url)
        (void)unlink(p->url + strlen("ipc://"));
    if (p->output && p->owner && (p->owner->temporary_directory || p->owner->inquires))
        (void)unlink(p->output);
    dozan_describe_reply_destroy(p->description);
    free(p->name);
    free(p->target);
    free(p->url);
    free(p->output);
}

/* With a scheme of any kind, so that one which there is not is told as such. */
static bool is_url(const char *target)
{
    size_t scheme = strspn(target, "abcdefghijklmnopqrstuvwxyz+");
    return scheme > 0 && strncmp(target + scheme, "://", 3) == 0;
}

static dozan_status refuse_url(const plugin *p, dozan_status status, dozan_error *err)
{
    dozan_error why = {0};
    if (err)
        why = *err;
    return dozan_error_set(err, status, NULL,
                           "plugin %s cannot be reached: %s; write its URL as ipc:///PATH, "
                           "tcp://HOST:PORT or tls+tcp://HOST:PORT, or that of a service of "
                           "Katib's as grpc://HOST:PORT or grpcs://HOST:PORT",
                           p->name ? p->name : "", why.message);
}

static dozan_status start_process(plugin *p, char token[DZ_TOKEN_TEXT], dozan_error *err)
{
    dozan_status status = dz_token_make(token, err);
    if (status)
        return status;
    (void)unlink(p->url + strlen("ipc://")); /* left by a process that was killed */
    return dz_plugin_spawn(p->target, p->url, token, p->output, &p->pid, err);
}

/* The thread of one start: first until the plugin describes itself, then until it ends. */
static void *watch(void *argument)
{
    plugin *p = argument;
    uint64_t generation = p->generation;
    dozan_describe_reply *reply = NULL;
    dozan_error err = {0};
    if (describe(p, &reply, &err)) {
        if (!atomic_load(&p->stopping))
            post_exit(p, generation, &err);
        return NULL;
    }
    dz_message *ready = dz_message_create(DZ_MESSAGE_PLUGIN_READY);
    if (!ready) {
        dozan_describe_reply_destroy(reply);
        return NULL;
    }
    ready->plugin = p->index;
    ready->generation = generation;
    ready->description = reply;
    dz_mailbox_post(p->owner->mailbox, ready, true);
    if (p->pid > 0) {
        siginfo_t info = {0};
        while (waitid(P_PID, (id_t)p->pid, &info, WEXITED | WNOWAIT) && errno == EINTR)
            ;
        if (!atomic_load(&p->stopping)) {
            dz_plugin_end_text(&info, dz_plugin_name(p->owner, p->index), p->output, &err);
            post_exit(p, generation, &err);
        }
    }
    return NULL;
}

static dozan_status describe(plugin *p, dozan_describe_reply **reply, dozan_error *err)
{
    dozan_status status = DOZAN_UNAVAILABLE;
    for (int waited = 0; waited < p->owner->start_limit_ms && !atomic_load(&p->stopping);
         waited += DESCRIBE_SLICE_MS) {
        status = dozan_client_describe(p->client, DESCRIBE_SLICE_MS, reply, err);
        if (status == DOZAN_OK || !dozan_status_retryable((int)status))
            return status;
        if (p->pid > 0 && has_exited(p)) {
            siginfo_t info = {0};
            (void)waitid(P_PID, (id_t)p->pid, &info, WEXITED | WNOHANG | WNOWAIT);
            dz_plugin_end_text(&info, dz_plugin_name(p->owner, p->index), p->output, err);
            return DOZAN_UNAVAILABLE;
        }
    }
    return dozan_error_set(
        err, DOZAN_UNAVAILABLE, NULL, "plugin %s does not answer at %s within %d s: %s%s",
        dz_plugin_name(p->owner, p->index), p->url, p->owner->start_limit_ms / 1000,
        p->output ? "what it printed is in " : "check that it runs there",
        p->output ? p->output : "");
}

static bool has_exited(const plugin *p)
{
    siginfo_t info = {0};
    return waitid(P_PID, (id_t)p->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           info.si_pid == p->pid;
}

static void post_exit(const plugin *p, uint64_t generation, const dozan_error *err)
{
    dz_message *message = dz_message_create(DZ_MESSAGE_PLUGIN_EXITED);
    if (!message)
        return;
    message->plugin = p->index;
    message->generation = generation;
    message->error = *err;
    dz_mailbox_post(p->owner->mailbox, message, true);
}

static void reap(plugin *p)
{
    if (p->pid <= 0)
        return;
    while (waitpid(p->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    p->pid = -1;
}
