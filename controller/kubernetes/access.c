#include "kubernetes/access.h"

#include "spec/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum { FILE_MAX = 1 << 20, MAX_CONFIGS = 16 };

#define ACCOUNT_DIR "/var/run/secrets/kubernetes.io/serviceaccount"

/* The files that make up one configuration: an entry is taken from the first that has it. */
typedef struct config_set {
    dz_tree *trees[MAX_CONFIGS];
    char *folders[MAX_CONFIGS]; /* paths inside a file count from its folder */
    size_t count;
} config_set;

/* An entry, and where it stands. */
typedef struct entry {
    const dz_node *node;
    const char *folder;
} entry;

static dozan_status open_configs(config_set *set, const char *given, dozan_error *err);
static dozan_status add_config(config_set *set, const char *path, bool must, dozan_error *err);
static dozan_status load_context(const config_set *set, const char *context,
                                 dz_cluster_access *access, dozan_error *err);
static dozan_status load_cluster(const entry *cluster, dz_cluster_access *access, dozan_error *err);
static dozan_status load_user(const entry *user, dz_cluster_access *access, dozan_error *err);
static dozan_status load_exec(const entry *user, const dz_node *exec, dz_cluster_exec *made,
                              dozan_error *err);
static dozan_status load_account(dz_cluster_access *access, dozan_error *err);
static dozan_status check_server(dz_cluster_access *access, dozan_error *err);
static dozan_status find_entry(const config_set *set, const char *list, const char *key,
                               const char *name, entry *found, dozan_error *err);
static dozan_status take_pem(const entry *e, const char *data_key, const char *file_key,
                             char **text, dozan_error *err);
static char *path_from(const char *folder, const char *path);

static dozan_status no_memory(dozan_error *err)
{
    return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL,
                           "out of memory for the access to the cluster");
}

dozan_status dz_cluster_access_load(const char *kubeconfig, const char *context,
                                    dz_cluster_access **access, dozan_error *err)
{
    config_set set = {0};
    dz_cluster_access *made = calloc(1, sizeof *made);
    if (made == NULL)
        return no_memory(err);
    dozan_status status = open_configs(&set, kubeconfig, err);
    if (status == DOZAN_OK && set.count > 0)
        status = load_context(&set, context, made, err);
    else if (status == DOZAN_OK)
        status = load_account(made, err);
    if (status == DOZAN_OK)
        status = check_server(made, err);
    for (size_t i = 0; i < set.count; i++) {
        dz_tree_destroy(set.trees[i]);
        free(set.folders[i]);
    }
    if (status == DOZAN_OK)
        *access = made;
    else
        dz_cluster_access_destroy(made);
    return status;
}

static void forget_list(char **list)
{
    for (size_t i = 0; list != NULL && list[i] != NULL; i++)
        dz_cluster_forget(list[i]);
    free(list);
}

void dz_cluster_access_destroy(dz_cluster_access *access)
{
    if (access == NULL)
        return;
    free(access->server);
    free(access->namespace_);
    free(access->server_name);
    free(access->proxy);
    free(access->authorities);
    free(access->certificate);
    free(access->token_file);
    free(access->username);
    dz_cluster_forget(access->key);
    dz_cluster_forget(access->token);
    dz_cluster_forget(access->password);
    forget_list(access->exec.argv);
    forget_list(access->exec.env);
    free(access->exec.api_version);
    free(access->exec.hint);
    free(access);
}

void dz_cluster_forget(char *text)
{
    if (text != NULL)
        explicit_bzero(text, strlen(text));
    free(text);
}

dozan_status dz_cluster_read_file(const char *path, char **text, dozan_error *err)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    char *made = file >= 0 ? calloc(1, FILE_MAX + 1) : NULL;
    size_t size = 0;
    ssize_t got = 1;
    if (file < 0)
        return dozan_error_set(err, DOZAN_NOT_FOUND, path, "%s", strerrordesc_np(errno));
    while (made != NULL && got > 0 && size < FILE_MAX) {
        got = read(file, made + size, FILE_MAX - size);
        size += got > 0 ? (size_t)got : 0;
    }
    int reason = errno;
    (void)close(file);
    if (made != NULL && got == 0) {
        char *fitting = strdup(made);
        dz_cluster_forget(made);
        *text = fitting;
        return fitting != NULL ? DOZAN_OK : no_memory(err);
    }
    bool large = got > 0;
    if (made == NULL)
        return no_memory(err);
    dz_cluster_forget(made);
    return large ? dozan_error_set(err, DOZAN_INVALID_ARGUMENT, path, "it has more than 1 MiB")
                 : dozan_error_set(err, DOZAN_NOT_FOUND, path, "%s", strerrordesc_np(reason));
}

/* ---- the files ------------------------------------------------------------------------------- */

static dozan_status open_configs(config_set *set, const char *given, dozan_error *err)
{
    const char *list = getenv("KUBECONFIG"); /* NOLINT(concurrency-mt-unsafe) */
    const char *home = getenv("HOME");       /* NOLINT(concurrency-mt-unsafe) */
    dozan_status status = DOZAN_OK;
    if (given != NULL)
        return add_config(set, given, true, err);
    if (list != NULL && *list != '\0') {
        char *copy = strdup(list);
        char *rest = copy;
        char *path = NULL;
        while (status == DOZAN_OK && (path = strsep(&rest, ":")) != NULL)
            if (*path != '\0')
                status = add_config(set, path, false, err);
        free(copy);
        if (copy == NULL)
            return no_memory(err);
        if (status == DOZAN_OK && set->count == 0)
            status = dozan_error_set(err, DOZAN_NOT_FOUND, "$KUBECONFIG",
                                     "none of its files is there: %.300s", list);
        return status;
    }
    if (home == NULL)
        return DOZAN_OK;
    char *path = path_from(home, ".kube/config");
    status = path == NULL ? no_memory(err) : add_config(set, path, false, err);
    free(path);
    return status;
}

static dozan_status add_config(config_set *set, const char *path, bool must, dozan_error *err)
{
    char *text = NULL;
    if (!must && access(path, F_OK) != 0)
        return DOZAN_OK;
    if (set->count == MAX_CONFIGS)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "$KUBECONFIG",
                               "it names more than %d files", MAX_CONFIGS);
    dozan_status status = dz_cluster_read_file(path, &text, err);
    if (status != DOZAN_OK)
        return status;
    const char *slash = strrchr(path, '/');
    char *folder = slash != NULL ? strndup(path, (size_t)(slash - path)) : strdup(".");
    if (folder == NULL || text == NULL)
        status = no_memory(err);
    else
        status = dz_tree_parse(text, strlen(text), path, &set->trees[set->count], err);
    dz_cluster_forget(text);
    if (status == DOZAN_OK)
        set->folders[set->count++] = folder; /* NOLINT: the set owns it */
    else
        free(folder);
    return status;
}

static dozan_status find_entry(const config_set *set, const char *list, const char *key,
                               const char *name, entry *found, dozan_error *err)
{
    for (size_t i = 0; i < set->count; i++) {
        const dz_node *all = dz_node_get(dz_tree_root(set->trees[i]), list);
        for (const dz_node *n = all != NULL ? all->first : NULL; n != NULL; n = n->next) {
            const char *own = dz_node_string(n, "name");
            if (own == NULL || strcmp(own, name) != 0)
                continue;
            *found = (entry){dz_node_get(n, key), set->folders[i]};
            return DOZAN_OK;
        }
    }
    return dozan_error_set(err, DOZAN_NOT_FOUND, "kubeconfig", "there is no %s \"%.128s\" in it",
                           key, name);
}

static const char *current_context(const config_set *set)
{
    for (size_t i = 0; i < set->count; i++) {
        const char *name = dz_node_string(dz_tree_root(set->trees[i]), "current-context");
        if (name != NULL)
            return name;
    }
    return NULL;
}

static bool copy_text(const dz_node *map, const char *key, char **text)
{
    const char *value = dz_node_string(map, key);
    *text = value != NULL ? strdup(value) : NULL;
    return value == NULL || *text != NULL;
}

static dozan_status load_context(const config_set *set, const char *context,
                                 dz_cluster_access *access, dozan_error *err)
{
    entry found = {0}, cluster = {0}, user = {0};
    const char *name = context != NULL ? context : current_context(set);
    if (name == NULL)
        return dozan_error_set(err, DOZAN_FAILED_PRECONDITION, "kubeconfig",
                               "it has no current-context: name one with --context");
    dozan_status status = find_entry(set, "contexts", "context", name, &found, err);
    if (status != DOZAN_OK)
        return status;
    const char *cluster_name = dz_node_string(found.node, "cluster");
    const char *user_name = dz_node_string(found.node, "user");
    if (!copy_text(found.node, "namespace", &access->namespace_))
        return no_memory(err);
    status = find_entry(set, "clusters", "cluster", cluster_name != NULL ? cluster_name : "",
                        &cluster, err);
    if (status == DOZAN_OK)
        status = load_cluster(&cluster, access, err);
    if (status == DOZAN_OK && user_name != NULL)
        status = find_entry(set, "users", "user", user_name, &user, err);
    if (status == DOZAN_OK && user.node != NULL)
        status = load_user(&user, access, err);
    return status;
}

static dozan_status load_cluster(const entry *cluster, dz_cluster_access *access, dozan_error *err)
{
    const dz_node *insecure = dz_node_get(cluster->node, "insecure-skip-tls-verify");
    if (insecure != NULL && insecure->text != NULL && strcmp(insecure->text, "true") == 0)
        return dozan_error_set(err, DOZAN_FAILED_PRECONDITION,
                               "kubeconfig: insecure-skip-tls-verify",
                               "the server's certificate is always checked here: give "
                               "certificate-authority in its place");
    if (!copy_text(cluster->node, "server", &access->server) ||
        !copy_text(cluster->node, "tls-server-name", &access->server_name) ||
        !copy_text(cluster->node, "proxy-url", &access->proxy))
        return no_memory(err);
    return take_pem(cluster, "certificate-authority-data", "certificate-authority",
                    &access->authorities, err);
}

static dozan_status load_user(const entry *user, dz_cluster_access *access, dozan_error *err)
{
    const dz_node *exec = dz_node_get(user->node, "exec");
    const char *file = dz_node_string(user->node, "tokenFile");
    if (dz_node_get(user->node, "auth-provider") != NULL)
        return dozan_error_set(err, DOZAN_UNIMPLEMENTED, "kubeconfig: auth-provider",
                               "Kubernetes has dropped it: use an exec plugin in its place");
    if (!copy_text(user->node, "token", &access->token) ||
        !copy_text(user->node, "username", &access->username) ||
        !copy_text(user->node, "password", &access->password))
        return no_memory(err);
    if (file != NULL && (access->token_file = path_from(user->folder, file)) == NULL)
        return no_memory(err);
    dozan_status status =
        take_pem(user, "client-certificate-data", "client-certificate", &access->certificate, err);
    if (status == DOZAN_OK)
        status = take_pem(user, "client-key-data", "client-key", &access->key, err);
    if (status == DOZAN_OK && exec != NULL)
        status = load_exec(user, exec, &access->exec, err);
    return status;
}

static dozan_status load_exec(const entry *user, const dz_node *exec, dz_cluster_exec *made,
                              dozan_error *err)
{
    const char *command = dz_node_string(exec, "command");
    const dz_node *args = dz_node_get(exec, "args"), *env = dz_node_get(exec, "env");
    size_t at = 0;
    if (command == NULL)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "kubeconfig: exec.command",
                               "it is missing");
    made->argv = calloc((args != NULL ? args->count : 0) + 2, sizeof(char *));
    made->env = calloc((env != NULL ? env->count : 0) + 1, sizeof(char *));
    if (made->argv == NULL || made->env == NULL || !copy_text(exec, "installHint", &made->hint) ||
        !copy_text(exec, "apiVersion", &made->api_version))
        return no_memory(err);
    /* A path with a slash counts from the file; a name is looked for in PATH. */
    made->argv[at] =
        strchr(command, '/') != NULL ? path_from(user->folder, command) : strdup(command);
    bool ok = made->argv[at++] != NULL;
    for (const dz_node *n = args != NULL ? args->first : NULL; ok && n != NULL; n = n->next)
        ok = (made->argv[at++] = strdup(n->text != NULL ? n->text : "")) != NULL;
    at = 0;
    for (const dz_node *n = env != NULL ? env->first : NULL; ok && n != NULL; n = n->next) {
        const char *name = dz_node_string(n, "name"), *value = dz_node_string(n, "value");
        if (name != NULL && asprintf(&made->env[at], "%s=%s", name, value ? value : "") < 0) {
            made->env[at] = NULL;
            ok = false;
        }
        at += name != NULL ? 1 : 0;
    }
    return ok ? DOZAN_OK : no_memory(err);
}

/* ---- in a pod -------------------------------------------------------------------------------- */

static dozan_status load_account(dz_cluster_access *access, dozan_error *err)
{
    const char *host = getenv("KUBERNETES_SERVICE_HOST"); /* NOLINT(concurrency-mt-unsafe) */
    const char *port = getenv("KUBERNETES_SERVICE_PORT"); /* NOLINT(concurrency-mt-unsafe) */
    if (host == NULL || port == NULL)
        return dozan_error_set(err, DOZAN_FAILED_PRECONDITION, NULL,
                               "no cluster is known: there is no ~/.kube/config, no $KUBECONFIG, "
                               "and this is no pod; name a file with --kubeconfig");
    const char *open = strchr(host, ':') != NULL ? "[" : "", *close = *open ? "]" : "";
    if (asprintf(&access->server, "https://%s%s%s:%s", open, host, close, port) < 0) {
        access->server = NULL;
        return no_memory(err);
    }
    access->token_file = strdup(ACCOUNT_DIR "/token");
    if (access->token_file == NULL)
        return no_memory(err);
    dozan_status status = dz_cluster_read_file(ACCOUNT_DIR "/ca.crt", &access->authorities, err);
    if (status == DOZAN_OK)
        status = dz_cluster_read_file(ACCOUNT_DIR "/namespace", &access->namespace_, err);
    if (status == DOZAN_OK && access->namespace_ != NULL)
        access->namespace_[strcspn(access->namespace_, " \r\n")] = '\0';
    return status == DOZAN_OK ? status
                              : dozan_error_wrap(err, "the pod's service account cannot be used");
}

/* ---- helpers --------------------------------------------------------------------------------- */

/* Without TLS nobody is who they say: that is for this machine alone. */
static dozan_status check_server(dz_cluster_access *access, dozan_error *err)
{
    static const char *const local[] = {"http://127.0.0.1", "http://localhost", "http://[::1]"};
    char *server = access->server;
    if (server == NULL || *server == '\0')
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "kubeconfig: cluster.server",
                               "it is missing");
    for (size_t size = strlen(server); size > 0 && server[size - 1] == '/'; size--)
        server[size - 1] = '\0';
    bool good = strncasecmp(server, "https://", 8) == 0;
    for (size_t i = 0; i < sizeof local / sizeof local[0]; i++) {
        size_t size = strlen(local[i]);
        good |= strncmp(server, local[i], size) == 0 && strchr(":/", server[size]) != NULL;
    }
    if (!good)
        return dozan_error_set(err, DOZAN_FAILED_PRECONDITION, "kubeconfig: cluster.server",
                               "\"%.128s\" is not https://: without TLS only this machine itself "
                               "is spoken to",
                               server);
    if ((access->certificate != NULL) != (access->key != NULL))
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "kubeconfig: user",
                               "client-certificate and client-key belong together");
    return DOZAN_OK;
}

static dozan_status take_pem(const entry *e, const char *data_key, const char *file_key,
                             char **text, dozan_error *err)
{
    const char *data = dz_node_string(e->node, data_key);
    const char *file = dz_node_string(e->node, file_key);
    dozan_status status = DOZAN_OK;
    if (data != NULL) {
        gnutls_datum_t encoded = {.size = (unsigned)strlen(data)}, plain = {0};
        encoded.data = (unsigned char *)(uintptr_t)data;
        if (gnutls_base64_decode2(&encoded, &plain) != GNUTLS_E_SUCCESS)
            return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "kubeconfig", "%s is no base64",
                                   data_key);
        *text = strndup((const char *)plain.data, plain.size);
        explicit_bzero(plain.data, plain.size);
        gnutls_free(plain.data);
        return *text != NULL ? DOZAN_OK : no_memory(err);
    }
    if (file == NULL)
        return DOZAN_OK;
    char *path = path_from(e->folder, file);
    status = path == NULL ? no_memory(err) : dz_cluster_read_file(path, text, err);
    free(path);
    return status == DOZAN_OK ? status : dozan_error_wrap(err, "kubeconfig: %s", file_key);
}

static char *path_from(const char *folder, const char *path)
{
    char *made = NULL;
    if (*path == '/')
        return strdup(path);
    return asprintf(&made, "%s/%s", folder, path) < 0 ? NULL : made;
}
