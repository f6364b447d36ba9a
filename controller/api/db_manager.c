#include "api/db_manager.h"

#include "api/db_manager_parts.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <utlist.h>

enum { MESSAGE_BYTES = 64 << 20 };

static dozan_status start_server(dz_db_manager *manager, const char *listen, dozan_error *err);
static dozan_status start_threads(dz_db_manager *manager, dozan_error *err);
static dozan_grpc_authorize authorize;
static dozan_grpc_handler queue_call, check_health;
static void *work(void *argument);
static void handle(db_worker *worker, dozan_grpc_call *call);
static void count(dz_db_manager *manager, dz_db_method method, int64_t begun_ns, bool failed);
static int64_t clock_ns(void);

static const char *const paths[DZ_DB_METHODS] = {DOZAN_DB_REPORT, DOZAN_DB_GET, DOZAN_DB_DELETE};
static db_method *const methods[DZ_DB_METHODS] = {db_report, db_get, db_delete};

dozan_status dz_db_manager_create(const char *listen, const dz_db_manager_config *config,
                                  dz_db_manager **manager, dozan_error *err)
{
    dz_db_manager *made = calloc(1, sizeof(*made));
    if (made == NULL)
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    made->config = *config;
    (void)pthread_mutex_init(&made->lock, NULL);
    (void)pthread_cond_init(&made->changed, NULL);
    dozan_status status = start_threads(made, err);
    if (status == DOZAN_OK)
        status = start_server(made, listen, err);
    if (status == DOZAN_OK)
        *manager = made;
    else
        dz_db_manager_destroy(made);
    return status;
}

void dz_db_manager_destroy(dz_db_manager *manager)
{
    if (manager == NULL)
        return;
    dozan_grpc_server_destroy(manager->server); /* waits until the workers have answered all */
    (void)pthread_mutex_lock(&manager->lock);
    manager->stop = true;
    (void)pthread_cond_broadcast(&manager->changed);
    (void)pthread_mutex_unlock(&manager->lock);
    for (size_t i = 0; i < manager->worker_count; i++) {
        (void)pthread_join(manager->workers[i].thread, NULL);
        dz_store_close(manager->workers[i].store);
    }
    (void)pthread_cond_destroy(&manager->changed);
    (void)pthread_mutex_destroy(&manager->lock);
    free(manager);
}

const char *dz_db_manager_address(const dz_db_manager *manager)
{
    return manager->address;
}

void dz_db_manager_stats_get(dz_db_manager *manager, dz_db_manager_stats *stats)
{
    (void)pthread_mutex_lock(&manager->lock);
    *stats = manager->stats;
    (void)pthread_mutex_unlock(&manager->lock);
}

const char *dz_db_method_name(dz_db_method method)
{
    return strrchr(paths[method], '/') + 1;
}

/* ---- the start ---- */

static dozan_status start_server(dz_db_manager *manager, const char *listen, dozan_error *err)
{
    char url[sizeof(manager->address) + 16];
    const char *colon = strrchr(listen, ':');
    const dz_db_manager_config *config = &manager->config;
    dozan_grpc_method table[DZ_DB_METHODS + 1];
    for (size_t i = 0; i < DZ_DB_METHODS; i++)
        table[i] = (dozan_grpc_method){paths[i], queue_call, manager};
    table[DZ_DB_METHODS] = (dozan_grpc_method){DOZAN_DB_HEALTH, check_health, manager};
    const dozan_grpc_server_options options = {.methods = table,
                                               .method_count = DZ_DB_METHODS + 1,
                                               .authorize =
                                                   config->access != NULL ? authorize : NULL,
                                               .authorize_context = manager,
                                               .tls_cert_file = config->tls_cert,
                                               .tls_key_file = config->tls_key,
                                               .tls_ca_file = config->tls_ca,
                                               .tls_peer_optional = config->access != NULL,
                                               .max_message_bytes = MESSAGE_BYTES};
    (void)snprintf(url, sizeof(url), "%s://%s%s", config->tls_cert != NULL ? "grpcs" : "grpc",
                   colon == listen ? "127.0.0.1" : "", listen);
    dozan_status status = dozan_grpc_server_create(url, &options, &manager->server, err);
    if (status != DOZAN_OK)
        return dozan_error_wrap(err, "gRPC at %s", listen);
    (void)snprintf(manager->address, sizeof(manager->address), "%.*s:%u",
                   colon == listen ? 9 : (int)(colon - listen),
                   colon == listen ? "127.0.0.1" : listen,
                   (unsigned)dozan_grpc_server_port(manager->server));
    return DOZAN_OK;
}

/* Signals are the main program's: no worker takes one. */
static dozan_status start_threads(dz_db_manager *manager, dozan_error *err)
{
    sigset_t all, before;
    int number = 0;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_BLOCK, &all, &before);
    while (manager->worker_count < DB_WORKERS && number == 0) {
        db_worker *worker = &manager->workers[manager->worker_count];
        worker->manager = manager;
        number = pthread_create(&worker->thread, NULL, work, worker);
        if (number == 0)
            manager->worker_count++;
    }
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (number == 0)
        return DOZAN_OK;
    return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "no thread can be started: %s",
                           strerrordesc_np(number));
}

/* ---- on the server's thread ---- */

/* Who it is; what they may do depends on the trial's namespace, and so on the request. A probe
 * tells nothing that is secret. */
static dozan_status authorize(void *context, const dozan_grpc_call *call, dozan_error *err)
{
    const dz_db_manager *manager = context;
    const dz_auth_user *user = NULL;
    if (strcmp(dozan_grpc_call_path(call), DOZAN_DB_HEALTH) == 0)
        return DOZAN_OK;
    return dz_access_find(manager->config.access, dozan_grpc_call_metadata(call, "authorization"),
                          dozan_grpc_call_peer(call), &user, err);
}

/* Katib's probe asks for its own name of the service. */
static void check_health(void *context, dozan_grpc_call *call)
{
    static const char *const known[] = {"", "manager.v1beta1.DBManager", "api.v1.beta1.DBManager",
                                        "grpc.health.v1.Health"};
    dozan_db_request request;
    dozan_error err = {0};
    size_t size = 0;
    void *reply = NULL;
    bool found = false;
    (void)context;
    const void *body = dozan_grpc_call_body(call, &size);
    dozan_status status = dozan_db_request_read(DOZAN_DB_HEALTH, body, size, &request, &err);
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        found = found || strcmp(known[i], request.service) == 0;
    if (status == DOZAN_OK && !found)
        status = dozan_error_set(&err, DOZAN_NOT_FOUND, NULL, "there is no service %.100s here",
                                 request.service);
    if (status == DOZAN_OK)
        status = dozan_db_reply_pack(DOZAN_DB_HEALTH, NULL, 0, &reply, &size, &err);
    if (status == DOZAN_OK)
        dozan_grpc_reply(call, reply, size);
    else
        dozan_grpc_fail(call, &err);
    free(reply);
    dozan_db_request_fini(&request);
}

static void queue_call(void *context, dozan_grpc_call *call)
{
    dz_db_manager *manager = context;
    db_job *job = calloc(1, sizeof(*job));
    if (job == NULL) {
        dozan_error err = {0};
        (void)dozan_error_set(&err, DOZAN_RESOURCE_EXHAUSTED, NULL, "no memory for another call");
        dozan_grpc_fail(call, &err);
        return;
    }
    job->call = call;
    (void)pthread_mutex_lock(&manager->lock);
    DL_APPEND(manager->queue, job);
    (void)pthread_cond_signal(&manager->changed);
    (void)pthread_mutex_unlock(&manager->lock);
}

/* ---- on a worker ---- */

static void *work(void *argument)
{
    db_worker *worker = argument;
    dz_db_manager *manager = worker->manager;
    for (;;) {
        (void)pthread_mutex_lock(&manager->lock);
        while (manager->queue == NULL && !manager->stop)
            (void)pthread_cond_wait(&manager->changed, &manager->lock);
        db_job *job = manager->queue;
        if (job != NULL)
            DL_DELETE(manager->queue, job);
        (void)pthread_mutex_unlock(&manager->lock);
        if (job == NULL)
            return NULL;
        handle(worker, job->call);
        free(job);
    }
}

static void handle(db_worker *worker, dozan_grpc_call *call)
{
    dz_db_manager *manager = worker->manager;
    const char *path = dozan_grpc_call_path(call);
    int64_t begun = clock_ns();
    size_t size = 0, which = 0;
    void *reply = NULL;
    dozan_db_request request;
    dozan_error err = {0};
    while (which < DZ_DB_METHODS - 1 && strcmp(paths[which], path) != 0)
        which++;
    const void *body = dozan_grpc_call_body(call, &size);
    db_call made = {.worker = worker, .request = &request};
    made.report_name = dozan_grpc_call_metadata(call, "dozan-request-id");
    dozan_status status = dozan_db_request_read(path, body, size, &request, &err);
    size = 0;
    if (status == DOZAN_OK && manager->config.access != NULL)
        status =
            dz_access_find(manager->config.access, dozan_grpc_call_metadata(call, "authorization"),
                           dozan_grpc_call_peer(call), &made.user, &err);
    if (status == DOZAN_OK)
        status = methods[which](&made, &reply, &size, &err);
    count(manager, (dz_db_method)which, begun, status != DOZAN_OK);
    if (status == DOZAN_OK)
        dozan_grpc_reply(call, reply, size);
    else
        dozan_grpc_fail(call, &err);
    free(reply);
    dozan_db_request_fini(&request);
}

static void count(dz_db_manager *manager, dz_db_method method, int64_t begun_ns, bool failed)
{
    int64_t took = clock_ns() - begun_ns;
    (void)pthread_mutex_lock(&manager->lock);
    dz_latency *latency = &manager->stats.calls[method];
    size_t bucket = 0;
    for (int64_t limit = 50000; bucket < DZ_LATENCY_BUCKETS - 1 && took > limit; limit *= 2)
        bucket++;
    latency->buckets[bucket]++;
    latency->count++;
    latency->sum_seconds += (double)took / 1e9;
    manager->stats.failed[method] += failed ? 1 : 0;
    (void)pthread_mutex_unlock(&manager->lock);
}

static int64_t clock_ns(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}
