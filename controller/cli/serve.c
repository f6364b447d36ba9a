/*
 * `dozan serve`: the service, what it is reached by, and its signals.
 *
 * The order of the end is that of who calls whom: nobody asks any more (HTTP), nobody is told any
 * more (watches), then the owner stops.
 */
#include "cli/cli.h"

#include "api/access.h"
#include "api/db_manager.h"
#include "api/kube.h"
#include "api/ops.h"
#include "api/page.h"
#include "api/work.h"
#include "cli/kubeconfig.h"
#include "cli/notify.h"
#include "cli/serve_commands.h"
#include "cli/serve_log.h"
#include "mlflow/equip.h"
#include "mlflow/mlflow.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { SIGNALS = 4, CHECK_MS = 1000, MAX_SETS = 8, WORKERS = 8, MAX_BODY = 64 << 20 };
static const int signal_numbers[SIGNALS] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};

#define DEFAULT_LISTEN "127.0.0.1:7070"
#define DEFAULT_GRPC "127.0.0.1:7071"

typedef struct serving {
    dz_cli *cli;
    dz_serve_log log;
    dz_run_config config;
    dz_service *service;
    dz_kube *_Atomic kube; /* NULL until it is there: commits come before */
    dz_ops ops;
    dz_page *page;
    dz_mlflow *mlflow;
    char *artifacts; /* the folder that MLflow's artifacts are in; owned */
    dz_equip *equip; /* of trials, for MLflow's client in them */
    dz_key key;      /* of the trials' tokens, where users are known */
    dz_work_api work;
    dz_serve_commands commands;
    dz_access *access;
    dz_http_server *http;
    dz_db_manager *manager; /* NULL: not served */
    dz_http_route_set sets[MAX_SETS];
    size_t set_count;
    int signals[2]; /* a pipe: the numbers of those that came */
    struct sigaction before[SIGNALS];
    bool catches;
} serving;

/* A signal handler has no argument of ours: this is the one place that it finds the pipe at. */
static atomic_int signal_pipe = -1;

static void on_signal(int number);
static dozan_status catch_signals(serving *server, dozan_error *err);
static void release_signals(serving *server);
static dozan_status start(serving *server, dozan_error *err);
static dozan_status start_service(serving *server, dozan_error *err);
static dozan_status start_http(serving *server, dozan_error *err);
static dozan_status start_mlflow(serving *server, dozan_error *err);
static dozan_status start_equip(serving *server, dozan_error *err);
static void tell_address(serving *server);
static dozan_status start_grpc(serving *server, dozan_error *err);
static dz_http_authorize authorize;
static int serve(serving *server);
static bool take_signals(serving *server);
static void reload_users(serving *server);
static void stop(serving *server);
static void on_committed(void *user, int64_t version);
static void on_note(void *user, const char *line);
static void on_register(void *user, const char *line);
static void raise_file_limit(void);

int dz_cli_serve(dz_cli *cli)
{
    serving server = {.cli = cli, .signals = {-1, -1}};
    dozan_error err = {0};
    int status;
    server.log = (dz_serve_log){cli->err, cli->options.quiet, cli->options.log_json};
    raise_file_limit();
    dozan_status started = dz_cli_config_load(&cli->options, &err);
    if (started == DOZAN_OK)
        started = catch_signals(&server, &err);
    if (started == DOZAN_OK)
        started = start(&server, &err);
    status = started == DOZAN_OK ? serve(&server) : dz_cli_fail(cli, &err);
    stop(&server);
    release_signals(&server);
    return status;
}

/* ---- start and end ---- */

static dozan_status start(serving *server, dozan_error *err)
{
    const dz_cli_options *options = &server->cli->options;
    dozan_status status = DOZAN_OK;
    if (options->auth != NULL)
        status = dz_access_create(options->auth, &server->access, err);
    if (status == DOZAN_OK)
        status = start_equip(server, err);
    if (status == DOZAN_OK)
        status = start_service(server, err);
    if (status == DOZAN_OK)
        status = start_grpc(server, err);
    if (status == DOZAN_OK)
        status = start_http(server, err);
    if (status == DOZAN_OK && options->kubeconfig != NULL)
        status = dz_kubeconfig_write(options->kubeconfig, dz_http_server_url(server->http),
                                     options->tls_cert, server->access != NULL, err);
    return status;
}

static dozan_status start_service(serving *server, dozan_error *err)
{
    const dz_cli_options *options = &server->cli->options;
    dz_service_observer observer = {server, on_committed, on_note};
    server->config = (dz_run_config){
        .job_directory = options->job_directory,
        .plugins = options->plugins,
        .plugin_count = options->plugin_count,
        .maps = options->maps,
        .map_count = options->map_count,
        .stop_grace_ms = options->grace_ms,
        .plugin_timeout_ms = options->plugin_timeout_ms,
        .plugin_faults = options->plugin_faults,
        .equip = dz_equip_trial,
        .equip_user = server->equip,
        .keep_trials_on_interrupt = true,
    };
    return dz_service_create(options->db, options->durability, &server->config, &observer,
                             &server->service, err);
}

static dozan_status start_http(serving *server, dozan_error *err)
{
    const dz_cli_options *options = &server->cli->options;
    dz_kube *kube = NULL;
    dz_kube_config kube_config = {
        .service = server->service,
        .calls = {dz_service_submit, dz_service_replace, dz_service_delete},
        .db_path = options->db,
        .job_directory = options->job_directory,
        .workers = WORKERS,
    };
    dz_page_config page_config = {.service = server->service,
                                  .control = dz_service_control,
                                  .db_path = options->db,
                                  .workers = WORKERS};
    dozan_status status = dz_kube_create(&kube_config, &kube, err);
    if (status != DOZAN_OK)
        return status;
    atomic_store(&server->kube, kube);
    status = dz_page_create(&page_config, &server->page, err);
    if (status == DOZAN_OK)
        status = start_mlflow(server, err);
    if (status != DOZAN_OK)
        return status;
    server->ops.kube = kube;
    server->ops.service = server->service;
    server->ops.running = dz_service_running;
    server->ops.stats = dz_service_stats_get;
    server->ops.request_name = dz_request_name;
    server->sets[server->set_count++] = dz_ops_routes(&server->ops);
    server->sets[server->set_count++] = dz_kube_routes(kube);
    server->work = (dz_work_api){server->service, dz_service_work};
    server->sets[server->set_count++] = dz_work_routes(&server->work);
    server->sets[server->set_count++] = dz_mlflow_routes(server->mlflow);
    server->sets[server->set_count++] = dz_page_routes(server->page);
    server->commands = (dz_serve_commands){server->cli, server->service};
    server->sets[server->set_count++] = dz_serve_commands_routes(&server->commands);
    dz_http_config config = {
        .sets = server->sets,
        .set_count = server->set_count,
        .workers = WORKERS,
        .max_body = MAX_BODY,
        .authorize = server->access != NULL ? authorize : NULL,
        .authorize_context = server,
        .refuse = dz_mlflow_refuse,
        .log = dz_serve_log_request,
        .log_context = &server->log,
        .tls_cert = options->tls_cert,
        .tls_key = options->tls_key,
        .tls_ca = options->tls_ca,
    };
    status = dz_http_server_create(options->listen != NULL ? options->listen : DEFAULT_LISTEN,
                                   &config, &server->http, err);
    if (status == DOZAN_OK)
        atomic_store(&server->ops.server, server->http);
    if (status == DOZAN_OK)
        dz_equip_tell(server->equip, dz_http_server_url(server->http));
    return status;
}

/* A trial's code has a token of its own. */
static dozan_status authorize(void *context, dz_http_request *request, dz_role role,
                              const char *namespace_, const char *certificate, dozan_error *err)
{
    serving *server = context;
    return dz_mlflow_is_trial(request)
               ? dz_mlflow_authorize(server->mlflow, request, role, err)
               : dz_access_authorize(server->access, request, role, namespace_, certificate, err);
}

static dozan_status start_grpc(serving *server, dozan_error *err)
{
    const dz_cli_options *options = &server->cli->options;
    const char *listen = options->grpc != NULL ? options->grpc : DEFAULT_GRPC;
    const dz_db_manager_config config = {.service = server->service,
                                         .report = dz_service_report,
                                         .forget = dz_service_forget,
                                         .db_path = options->db,
                                         .access = server->access,
                                         .tls_cert = options->tls_cert,
                                         .tls_key = options->tls_key,
                                         .tls_ca = options->tls_ca};
    if (*listen == '\0')
        return DOZAN_OK;
    dozan_status status = dz_db_manager_create(listen, &config, &server->manager, err);
    bool taken = status == DOZAN_UNAVAILABLE || status == DOZAN_ALREADY_EXISTS;
    if (taken && options->grpc == NULL) { /* nobody has asked for this port */
        char text[sizeof(err->message) + 64];
        (void)snprintf(text, sizeof(text), "%s: not served; choose another with --grpc",
                       err->message);
        dz_serve_log_line(&server->log, "warning", "start", text);
        *err = (dozan_error){0};
        status = DOZAN_OK;
    }
    server->ops.manager = server->manager;
    return status;
}

/* Beside the database, in a folder of its name. */
static dozan_status start_mlflow(serving *server, dozan_error *err)
{
    const dz_cli_options *options = &server->cli->options;
    if (asprintf(&server->artifacts, "%s.artifacts", options->db) < 0) {
        server->artifacts = NULL;
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    }
    dz_mlflow_config config = {.db_path = options->db,
                               .artifacts = server->artifacts,
                               .durability = options->durability,
                               .workers = WORKERS,
                               .report = dz_service_report,
                               .service = server->service,
                               .note = on_register,
                               .note_user = server,
                               .key = server->access != NULL ? &server->key : NULL};
    return dz_mlflow_create(&config, &server->mlflow, err);
}

/* The key of the trials' tokens is beside the database, too. */
static dozan_status start_equip(serving *server, dozan_error *err)
{
    const dz_cli_options *options = &server->cli->options;
    char *path = NULL;
    dozan_status status = DOZAN_OK;
    if (server->access != NULL) {
        if (asprintf(&path, "%s.key", options->db) < 0)
            return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
        status = dz_key_open(path, &server->key, err);
        free(path);
    }
    if (status == DOZAN_OK)
        status = dz_equip_create(options->db, options->tls_cert,
                                 server->access != NULL ? &server->key : NULL, &server->equip, err);
    if (status == DOZAN_OK)
        tell_address(server);
    return status;
}

/* Where the port is given, the address is known before the server is there: trials that an earlier
 * service has left to be started need not wait for it. */
static void tell_address(serving *server)
{
    const dz_cli_options *options = &server->cli->options;
    const char *listen = options->listen != NULL ? options->listen : DEFAULT_LISTEN;
    const char *port = strrchr(listen, ':');
    char url[512];
    if (port == NULL || port == listen || strtol(port + 1, NULL, 10) == 0)
        return;
    (void)snprintf(url, sizeof(url), "%s://%.400s", options->tls_cert != NULL ? "https" : "http",
                   listen);
    dz_equip_tell(server->equip, url);
}

static void stop(serving *server)
{
    dz_kube *kube = atomic_load(&server->kube);
    if (server->service != NULL)
        dz_service_stop(server->service);
    if (server->equip != NULL)
        dz_equip_tell(server->equip, NULL);
    dz_http_server_destroy(server->http);
    dz_db_manager_destroy(server->manager);
    atomic_store(&server->kube, NULL);
    dz_service_destroy(server->service);
    dz_kube_destroy(kube);
    dz_page_destroy(server->page);
    dz_mlflow_destroy(server->mlflow);
    dz_equip_destroy(server->equip);
    free(server->artifacts);
    dz_access_destroy(server->access);
}

/* Until a signal ends it, or the owner an error. */
static int serve(serving *server)
{
    dozan_error err = {0};
    char text[256];
    (void)snprintf(text, sizeof(text), "serving %s at %s", server->cli->options.db,
                   dz_http_server_url(server->http));
    dz_serve_log_line(&server->log, "info", "start", text);
    if (server->manager != NULL) {
        (void)snprintf(text, sizeof(text), "gRPC at %s", dz_db_manager_address(server->manager));
        dz_serve_log_line(&server->log, "info", "start", text);
    }
    dz_notify(DZ_NOTIFY_READY);
    for (;;) {
        struct pollfd poller = {.fd = server->signals[0], .events = POLLIN};
        (void)poll(&poller, 1, CHECK_MS);
        if (take_signals(server)) {
            dz_notify(DZ_NOTIFY_STOPPING);
            dz_serve_log_line(&server->log, "info", "stop",
                              "stopping; trials go on, and the next start takes them up");
            return DZ_EXIT_SUCCEEDED;
        }
        if (!dz_service_running(server->service, &err))
            return dz_cli_fail(server->cli, &err);
    }
}

/* True when it is to end. */
static bool take_signals(serving *server)
{
    unsigned char numbers[64];
    bool end = false, reload = false;
    ssize_t got = read(server->signals[0], numbers, sizeof(numbers));
    for (ssize_t i = 0; i < got; i++) {
        reload = reload || numbers[i] == SIGHUP;
        end = end || numbers[i] == SIGINT || numbers[i] == SIGTERM;
    }
    if (reload && !end) {
        dz_notify(DZ_NOTIFY_RELOADING);
        reload_users(server);
        dz_notify(DZ_NOTIFY_READY);
    }
    return end;
}

/* A file with a mistake in it changes nothing. */
static void reload_users(serving *server)
{
    dozan_error err = {0};
    char text[sizeof(err.place) + sizeof(err.message) + 4];
    if (server->access == NULL) {
        dz_serve_log_line(&server->log, "info", "reload",
                          "there are no users to read again: --auth was not given");
    } else if (dz_access_reload(server->access, &err) == DOZAN_OK) {
        dz_serve_log_line(&server->log, "info", "reload", "the users were read again");
    } else {
        dozan_error_text(&err, text, sizeof(text));
        dz_serve_log_line(&server->log, "error", "reload", text);
    }
}

/* ---- what the service tells ---- */

static void on_committed(void *user, int64_t version)
{
    serving *server = user;
    dz_kube *kube = atomic_load(&server->kube);
    (void)version;
    if (kube != NULL)
        dz_kube_committed(kube);
}

static void on_note(void *user, const char *line)
{
    serving *server = user;
    dz_serve_log_line(&server->log, "warning", "note", line);
}

static void on_register(void *user, const char *line)
{
    serving *server = user;
    dz_serve_log_line(&server->log, "info", "register", line);
}

/* ---- signals ---- */

static void on_signal(int number)
{
    int saved = errno;
    unsigned char byte = (unsigned char)number;
    int fd = atomic_load(&signal_pipe);
    if (fd >= 0 && number != SIGPIPE)
        (void)!write(fd, &byte, 1); /* full: it is told already */
    errno = saved;
}

/* Not SIG_IGN for SIGPIPE: the trials' programs would inherit that. */
static dozan_status catch_signals(serving *server, dozan_error *err)
{
    if (pipe2(server->signals, O_CLOEXEC | O_NONBLOCK) != 0)
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "no pipe can be made: %s",
                               strerrordesc_np(errno));
    atomic_store(&signal_pipe, server->signals[1]);
    for (size_t i = 0; i < SIGNALS; i++) {
        struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
        (void)sigemptyset(&action.sa_mask);
        (void)sigaction(signal_numbers[i], &action, &server->before[i]);
    }
    server->catches = true;
    return DOZAN_OK;
}

static void release_signals(serving *server)
{
    for (size_t i = 0; server->catches && i < SIGNALS; i++)
        (void)sigaction(signal_numbers[i], &server->before[i], NULL);
    atomic_store(&signal_pipe, -1);
    for (size_t i = 0; i < 2; i++)
        if (server->signals[i] >= 0)
            (void)close(server->signals[i]);
}

/* Each connection is a file, and each trial some. */
static void raise_file_limit(void)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
}
