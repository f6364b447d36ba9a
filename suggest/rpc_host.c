/*
 * The host's transport: nng REP with many contexts, each in a slot of its own.
 *
 *     RECEIVING -> HELD (by a job) -> SENDING -> RECEIVING
 *
 * What arrives is admitted on nng's thread (a bounded amount of work that never waits), so that
 * the unauthenticated, the malformed, the repeated and those over the limit have their answer even
 * while every worker computes. All else is done by workers. A few slots more than calls are let in
 * exist only to tell callers that there is no room.
 *
 * The slot that a job's reply goes to is not in the job: a retry of the same request over another
 * connection takes the place of the first (dz_replies).
 */
#include "rpc_nng.h"
#include "rpc_replies.h"
#include "rpc_workers.h"

#include <dozan/host.h>

#include <nng/protocol/reqrep0/rep.h>
#include <nng/transport/ipc/ipc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    SPARE_SLOTS = 8,
    DEFAULT_IN_FLIGHT = 64,
    MOST_IN_FLIGHT = 4096,
    FEWEST_WORKERS = 4, /* a slow experiment must not be alone with the only worker */
    MOST_WORKERS = 1024,
    DEFAULT_EXPERIMENTS = 1024,
    SMALLEST_MESSAGE_LIMIT = 4096,
    SEND_TIMEOUT_MS = 15000, /* a caller that does not read its replies loses its connection */
    REPLIES_KEPT = 1024,
    REPLY_BYTES_KEPT = 8 << 20
};

typedef enum slot_state { IDLE, RECEIVING, HELD, SENDING } slot_state;

typedef struct slot {
    dozan_host *host;
    nng_ctx context;
    nng_aio *aio;
    nng_aio *waited;      /* without callback: sends what a worker waits for */
    nng_pipe pipe;        /* that the request came by */
    pthread_mutex_t lock; /* guards state, and the start of operations */
    slot_state state;
} slot;

struct dozan_host {
    nng_socket socket;
    bool open;
    size_t max_message_bytes;
    size_t max_jobs;
    dz_rpc_service *service;
    dz_replies *replies;
    dz_workers *workers;
    atomic_size_t jobs;    /* admitted, and not yet answered */
    atomic_size_t sending; /* workers that wait for a send */
    size_t max_sending;
    atomic_bool stopping;
    size_t slot_count;
    slot *slots;
};

static dozan_status make_parts(dozan_host *host, const dozan_algorithm *const *algorithms,
                               const dozan_host_options *options, dozan_error *err);
static dozan_status open_socket(dozan_host *host, dozan_error *err);
static int open_slot(slot *s);
static dozan_status listen_at(dozan_host *host, const char *url, const dozan_host_options *options,
                              dozan_error *err);
static dozan_status set_tls(nng_listener listener, const dozan_host_options *options,
                            dozan_error *err);
static void stop(dozan_host *host);
static void receive(slot *s);
static void send_message(slot *s, nng_msg *message);
static void send_from_worker(slot *s, nng_msg *message);
static void send_bytes(slot *s, dz_bytes bytes);
static void give_up_reply(slot *s, nng_msg *message);
static void on_operation(void *arg);
static void on_request(slot *s, nng_msg *message);
static void let_in(slot *s, dz_job *job);
static void refuse(slot *s, dz_job *job, dozan_status status, const char *text);
static void answer(slot *s, dz_job *job);
static void work(void *context, dz_job *job);
static void finish(dozan_host *host, dz_job *job);
static uint32_t at_least(uint32_t value, uint32_t fallback, uint32_t least, uint32_t most);

dozan_status dozan_host_create(const char *url, const dozan_algorithm *const *algorithms,
                               const dozan_host_options *options, dozan_host **host,
                               dozan_error *err)
{
    static const dozan_host_options defaults = {0};
    if (options == NULL)
        options = &defaults;
    dozan_host *made = calloc(1, sizeof(*made));
    if (made == NULL)
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "no memory for a host");
    dozan_status status = make_parts(made, algorithms, options, err);
    if (status == DOZAN_OK)
        status = open_socket(made, err);
    if (status == DOZAN_OK)
        status = listen_at(made, url, options, err);
    if (status != DOZAN_OK) {
        dozan_host_destroy(made);
        return status;
    }
    for (size_t i = 0; i < made->slot_count; i++)
        receive(&made->slots[i]);
    *host = made;
    return DOZAN_OK;
}

void dozan_host_destroy(dozan_host *host)
{
    if (host == NULL)
        return;
    stop(host);
    for (size_t i = 0; i < host->slot_count; i++) {
        (void)nng_ctx_close(host->slots[i].context);
        nng_aio_free(host->slots[i].aio);
        nng_aio_free(host->slots[i].waited);
        (void)pthread_mutex_destroy(&host->slots[i].lock);
    }
    if (host->open)
        (void)nng_close(host->socket);
    dz_replies_destroy(host->replies);
    dz_rpc_service_destroy(host->service);
    free(host->slots);
    free(host);
}

/* ---- making and stopping -------------------------------------------------------------------- */

static dozan_status make_parts(dozan_host *host, const dozan_algorithm *const *algorithms,
                               const dozan_host_options *options, dozan_error *err)
{
    host->max_message_bytes =
        options->max_message_bytes != 0 ? options->max_message_bytes : DZ_WIRE_MESSAGE_BYTES;
    if (host->max_message_bytes < SMALLEST_MESSAGE_LIMIT)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "max_message_bytes",
                               "%zu is less than %d", host->max_message_bytes,
                               SMALLEST_MESSAGE_LIMIT);
    host->max_jobs = at_least(options->in_flight, DEFAULT_IN_FLIGHT, 1, MOST_IN_FLIGHT);
    dz_rpc_service_options service = {
        .algorithms = algorithms,
        .token = options->token,
        .max_message_bytes = host->max_message_bytes,
        .max_experiments = at_least(options->max_experiments, DEFAULT_EXPERIMENTS, 1, UINT32_MAX)};
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    uint32_t usual = cpus > FEWEST_WORKERS && cpus < MOST_WORKERS ? (uint32_t)cpus : FEWEST_WORKERS;
    uint32_t workers = at_least(options->workers, usual, 1, MOST_WORKERS);
    host->max_sending = workers / 2;
    dozan_status status = dz_rpc_service_create(&service, &host->service, err);
    if (status == DOZAN_OK)
        status = dz_replies_create(REPLIES_KEPT, REPLY_BYTES_KEPT, &host->replies, err);
    if (status == DOZAN_OK)
        status = dz_workers_create(workers, work, host, &host->workers, err);
    return status;
}

static dozan_status open_socket(dozan_host *host, dozan_error *err)
{
    int number = nng_rep0_open(&host->socket);
    if (number != 0)
        return dz_rpc_error(err, number, "cannot open a socket");
    host->open = true;
    /* Room above the limit, so that what is a little too large is told so; what is larger still
     * loses its connection. */
    number = nng_socket_set_size(host->socket, NNG_OPT_RECVMAXSZ, 2 * host->max_message_bytes);
    size_t count = host->max_jobs + SPARE_SLOTS;
    host->slots = calloc(count, sizeof(*host->slots));
    if (host->slots == NULL)
        number = NNG_ENOMEM;
    while (number == 0 && host->slot_count < count) {
        slot *s = &host->slots[host->slot_count];
        s->host = host;
        number = open_slot(s);
        if (number == 0)
            host->slot_count++;
    }
    return number == 0 ? DOZAN_OK : dz_rpc_error(err, number, "cannot open a socket");
}

static int open_slot(slot *s)
{
    int number = nng_aio_alloc(&s->aio, on_operation, s);
    if (number != 0)
        return number;
    number = nng_aio_alloc(&s->waited, NULL, NULL);
    if (number == 0)
        number = nng_ctx_open(&s->context, s->host->socket);
    if (number != 0) {
        nng_aio_free(s->waited);
        nng_aio_free(s->aio);
        return number;
    }
    nng_aio_set_timeout(s->waited, SEND_TIMEOUT_MS);
    (void)pthread_mutex_init(&s->lock, NULL);
    return 0;
}

static dozan_status listen_at(dozan_host *host, const char *url, const dozan_host_options *options,
                              dozan_error *err)
{
    dz_rpc_address address;
    dozan_status status = dz_rpc_address_read(url, &address, err);
    if (status != DOZAN_OK)
        return status;
    bool knows_callers = options->token != NULL || (address.tls && options->tls_ca_file != NULL);
    if (address.reachable_from_outside && !knows_callers)
        return dozan_error_set(err, DOZAN_PERMISSION_DENIED, NULL,
                               "%s can be reached from outside: set a token", url);
    nng_listener listener = NNG_LISTENER_INITIALIZER;
    int number = nng_listener_create(&listener, host->socket, url);
    if (number == 0 && address.tls) {
        status = set_tls(listener, options, err);
        if (status != DOZAN_OK)
            return status;
    }
    if (number == 0 && strncmp(url, "ipc://", 6) == 0)
        number = nng_listener_set_int(listener, NNG_OPT_IPC_PERMISSIONS, 0600);
    if (number == 0)
        number = nng_listener_start(listener, 0);
    return number == 0 ? DOZAN_OK : dz_rpc_error(err, number, url);
}

static dozan_status set_tls(nng_listener listener, const dozan_host_options *options,
                            dozan_error *err)
{
    if (options->tls_cert_file == NULL)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, NULL,
                               "tls+tcp needs the PEM file of a certificate and its key");
    dz_rpc_tls tls = {.mode = NNG_TLS_MODE_SERVER,
                      .ca_file = options->tls_ca_file,
                      .cert_file = options->tls_cert_file};
    nng_tls_config *config = NULL;
    dozan_status status = dz_rpc_tls_create(&tls, &config, err);
    if (status != DOZAN_OK)
        return status;
    int number = nng_listener_set_ptr(listener, NNG_OPT_TLS_CONFIG, config);
    nng_tls_config_free(config); /* the listener holds its own reference */
    return number == 0 ? DOZAN_OK : dz_rpc_error(err, number, "cannot set up TLS");
}

/* First no more requests; then the workers finish (what has not begun is answered UNAVAILABLE);
 * then the last replies leave. */
static void stop(dozan_host *host)
{
    atomic_store(&host->stopping, true);
    for (size_t i = 0; i < host->slot_count; i++) {
        slot *s = &host->slots[i];
        (void)pthread_mutex_lock(&s->lock);
        if (s->state == RECEIVING)
            nng_aio_cancel(s->aio);
        (void)pthread_mutex_unlock(&s->lock);
    }
    for (size_t i = 0; i < host->slot_count; i++)
        nng_aio_wait(host->slots[i].aio);
    dz_workers_destroy(host->workers);
    for (size_t i = 0; i < host->slot_count; i++)
        nng_aio_wait(host->slots[i].aio);
}

static uint32_t at_least(uint32_t value, uint32_t fallback, uint32_t least, uint32_t most)
{
    if (value == 0)
        return fallback;
    if (value < least)
        return least;
    return value < most ? value : most;
}

/* ---- slots ---------------------------------------------------------------------------------- */

static void receive(slot *s)
{
    (void)pthread_mutex_lock(&s->lock);
    s->state = atomic_load(&s->host->stopping) ? IDLE : RECEIVING;
    if (s->state == RECEIVING) {
        nng_aio_set_timeout(s->aio, NNG_DURATION_INFINITE);
        nng_ctx_recv(s->context, s->aio);
    }
    (void)pthread_mutex_unlock(&s->lock);
}

static void send_message(slot *s, nng_msg *message)
{
    (void)pthread_mutex_lock(&s->lock);
    s->state = SENDING;
    nng_aio_set_msg(s->aio, message);
    nng_aio_set_timeout(s->aio, SEND_TIMEOUT_MS);
    nng_ctx_send(s->context, s->aio);
    (void)pthread_mutex_unlock(&s->lock);
}

/* A send nearly always ends at once, and then waiting for it is cheaper than a callback. Where the
 * caller does not read, it takes its time; so never more than half of the workers wait. */
static void send_from_worker(slot *s, nng_msg *message)
{
    atomic_size_t *sending = &s->host->sending;
    if (atomic_fetch_add(sending, 1) >= s->host->max_sending) {
        (void)atomic_fetch_sub(sending, 1);
        send_message(s, message);
        return;
    }
    nng_aio_set_msg(s->waited, message);
    nng_ctx_send(s->context, s->waited);
    nng_aio_wait(s->waited);
    if (nng_aio_result(s->waited) != 0)
        give_up_reply(s, nng_aio_get_msg(s->waited));
    (void)atomic_fetch_sub(sending, 1);
    receive(s);
}

/* The caller does not read. Its connection is closed, as otherwise it would wait for the reply
 * until its deadline; now it comes back for it. */
static void give_up_reply(slot *s, nng_msg *message)
{
    nng_msg_free(message);
    (void)nng_pipe_close(s->pipe);
}

/* Without memory for a reply there is none: the caller's deadline ends its call. */
static void send_bytes(slot *s, dz_bytes bytes)
{
    nng_msg *message = NULL;
    if (nng_msg_alloc(&message, bytes.size) != 0) {
        receive(s);
        return;
    }
    memcpy(nng_msg_body(message), bytes.data, bytes.size);
    send_message(s, message);
}

static void on_operation(void *arg)
{
    slot *s = arg;
    (void)pthread_mutex_lock(&s->lock);
    slot_state state = s->state;
    s->state = HELD;
    (void)pthread_mutex_unlock(&s->lock);
    bool ok = nng_aio_result(s->aio) == 0;
    nng_msg *message = nng_aio_get_msg(s->aio);
    nng_aio_set_msg(s->aio, NULL);
    if (ok && state == RECEIVING) {
        s->pipe = nng_msg_get_pipe(message);
        on_request(s, message);
        return;
    }
    if (!ok && state == SENDING)
        give_up_reply(s, message);
    receive(s);
}

/* ---- requests ------------------------------------------------------------------------------- */

static void on_request(slot *s, nng_msg *message)
{
    dozan_host *host = s->host;
    dz_bytes bytes = {nng_msg_body(message), nng_msg_len(message)};
    dz_job *job = dz_rpc_service_admit(host->service, bytes, dz_rpc_now_ms());
    nng_msg_free(message);
    if (job == NULL)
        receive(s);
    else if (job->status != DOZAN_OK)
        answer(s, job);
    else
        let_in(s, job);
}

/* Sorts out repeated requests, and hands new ones to the workers. */
static void let_in(slot *s, dz_job *job)
{
    dozan_host *host = s->host;
    job->key = dz_reply_key_of(&job->request);
    void *before = NULL;
    dz_bytes known = {0};
    switch (dz_replies_begin(host->replies, &job->key, s, &before, &job->arena, &known)) {
    case DZ_REPLY_NEW:
        if (atomic_fetch_add(&host->jobs, 1) < host->max_jobs) {
            dz_workers_push(host->workers, job);
            return;
        }
        (void)atomic_fetch_sub(&host->jobs, 1);
        s = dz_replies_finish(host->replies, &job->key, known, false);
        refuse(s, job, DOZAN_RESOURCE_EXHAUSTED, "this host has no room for another call now");
        return;
    case DZ_REPLY_RUNNING:
        refuse(before, job, DOZAN_ABORTED, "a later attempt of this call waits for its answer");
        return;
    case DZ_REPLY_KNOWN:
        send_bytes(s, known);
        dz_job_destroy(job);
        return;
    case DZ_REPLY_NO_MEMORY:
    default:
        refuse(s, job, DOZAN_RESOURCE_EXHAUSTED, "no memory for another call");
        return;
    }
}

static void refuse(slot *s, dz_job *job, dozan_status status, const char *text)
{
    job->status = dozan_error_set(&job->err, status, NULL, "%s", text);
    answer(s, job);
}

/* Sends a job's reply that nobody else waits for. Takes the job. */
static void answer(slot *s, dz_job *job)
{
    nng_msg *message = NULL;
    if (nng_msg_alloc(&message, dz_rpc_service_reply_size(s->host->service, job)) == 0) {
        dz_rpc_service_pack_reply(job, nng_msg_body(message));
        send_message(s, message);
    } else {
        receive(s);
    }
    dz_job_destroy(job);
}

/* ---- work ----------------------------------------------------------------------------------- */

/* On a worker. A job that was handed a session by another has been decoded already. */
static void work(void *context, dz_job *job)
{
    dozan_host *host = context;
    if (job->place == NULL) {
        dz_rpc_service_decode(host->service, job);
        if (!dz_rpc_service_enter(host->service, job))
            return;
    }
    if (job->status == DOZAN_OK && atomic_load(&host->stopping))
        job->status =
            dozan_error_set(&job->err, DOZAN_UNAVAILABLE, NULL, "this host is being stopped");
    dz_rpc_service_run(host->service, job, dz_rpc_now_ms());
    dz_job *next = dz_rpc_service_leave(host->service, job);
    if (next != NULL)
        dz_workers_push(host->workers, next);
    finish(host, job);
}

static void finish(dozan_host *host, dz_job *job)
{
    nng_msg *message = NULL;
    dz_bytes bytes = {0};
    size_t size = dz_rpc_service_reply_size(host->service, job);
    if (nng_msg_alloc(&message, size) == 0) {
        bytes = (dz_bytes){nng_msg_body(message), size};
        dz_rpc_service_pack_reply(job, nng_msg_body(message));
    }
    bool keep = message != NULL && !dozan_status_retryable(job->status);
    slot *s = dz_replies_finish(host->replies, &job->key, bytes, keep);
    (void)atomic_fetch_sub(&host->jobs, 1);
    dz_job_destroy(job);
    if (message != NULL)
        send_from_worker(s, message);
    else
        receive(s);
}
