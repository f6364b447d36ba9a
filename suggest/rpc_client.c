/*
 * The client's transport: a call is a little machine on one nng context.
 *
 *     WAITING (sent, or to be sent once connected) -> done
 *        ^          |  connection lost, or a status that can be retried
 *        +-- BACKING_OFF
 *
 * Send and receive are started together, the receive alone with a callback and a time-out: one
 * wake-up a call less than one after the other. So a send is never cancelled for itself; when an
 * attempt fails its context is closed, which ends both, and the next one gets a new context.
 *
 * nng never resends by itself here (its resend time is set to infinite): a lost connection comes
 * back as NNG_ECONNRESET, and this file alone decides on a retry, with the same request id. As the
 * connections are reliable, a reply that does not come means a host that is still working, so a
 * sent request is waited for until the deadline and not sent twice.
 *
 * A call's lock is held while an operation is started, so that a cancel either sees the operation
 * or is seen by whoever starts it. Finished calls are kept for reuse, because an aio cannot be
 * freed from its own callback and a context is not cheap; destroy frees them.
 */
#include "rpc_nng.h"
#include "rpc_transport.h"

#include <dozan/rng.h>

#include <inttypes.h>
#include <nng/protocol/reqrep0/req.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum {
    RECONNECT_FIRST_MS = 1,
    RECONNECT_MOST_MS = 500,
    BACK_OFF_FIRST_MS = 20,
    BACK_OFF_MOST_MS = 2000,
    REQUEST_ID_ROOM = 40
};

typedef enum call_state { WAITING, BACKING_OFF } call_state;

typedef struct nng_call nng_call;
typedef struct nng_client nng_client;

struct nng_call {
    dozan_call base; /* first: what others hold is a pointer to it */
    nng_client *client;
    nng_ctx context;
    bool context_open;
    nng_aio *sending; /* no callback, no time-out */
    nng_aio *aio;     /* receives, or sleeps between attempts */
    nng_call *next;   /* in the client's list of live or of idle calls */
    nng_call **link;

    pthread_mutex_t lock; /* guards state and cancelled, and the start of operations */
    call_state state;
    bool cancelled;

    char request_id[REQUEST_ID_ROOM];
    dz_call_start start;
    dz_arena arena;
    int64_t deadline_ms;
    unsigned failures; /* attempts that failed and could be retried */
    dozan_error last;  /* of the last of them */
};

struct nng_client {
    dozan_client base; /* first, likewise */
    nng_socket socket;
    bool open;
    char *token;
    size_t max_message_bytes;
    uint64_t identity; /* random: sets apart the request ids of this client */

    pthread_mutex_t calls_lock; /* guards all below */
    pthread_cond_t calls_done;
    nng_call *live;
    nng_call *idle;
    uint64_t last_id;
    bool closing;
};

/* What to do after an operation of a call has ended. */
typedef struct outcome {
    bool done;
    dozan_status status;
    dz_bytes body;
    dozan_error err;
} outcome;

static dozan_status start_call(dozan_client *base, const dz_call_start *start, dozan_call **out,
                               dozan_error *err);
static void cancel_call(dozan_call *base);
static void destroy_client(dozan_client *base);
static dozan_status open_socket(nng_client *client, const char *url,
                                const dozan_client_options *options, dozan_error *err);
static dozan_status set_tls(nng_dialer dialer, const dz_rpc_address *address,
                            const dozan_client_options *options, dozan_error *err);
static int set_limits(const nng_client *client);
static nng_call *take_call(nng_client *client, dozan_error *err);
static nng_call *make_call(nng_client *client);
static void free_call(nng_call *call);
static void link_call(nng_call **list, nng_call *call);
static void unlink_call(nng_call *call);
static void give_back(nng_call *call);
static void on_operation(void *arg);
static outcome after_operation(nng_call *call, int number);
static outcome after_failure(nng_call *call, int number);
static bool end_attempt(nng_call *call, int *number);
static outcome read_reply(nng_call *call, nng_msg *message);
static outcome retry_or_end(nng_call *call);
static outcome end(nng_call *call, dozan_status status, const char *text);
static outcome begin_attempt(nng_call *call);
static void finish(nng_call *call, const outcome *result);
static int64_t left_ms(const nng_call *call);
static nng_duration time_out(int64_t left);
static nng_duration back_off_ms(const nng_call *call);

static const dz_transport transport = {start_call, cancel_call, destroy_client};

dozan_status dz_nng_client_create(const char *url, const dozan_client_options *options,
                                  dozan_client **client, dozan_error *err)
{
    nng_client *made = calloc(1, sizeof(*made));
    if (made == NULL)
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "no memory for a client");
    made->base.transport = &transport;
    (void)pthread_mutex_init(&made->calls_lock, NULL);
    (void)pthread_cond_init(&made->calls_done, NULL);
    made->max_message_bytes =
        options->max_message_bytes != 0 ? options->max_message_bytes : DZ_WIRE_MESSAGE_BYTES;
    dozan_status status = DOZAN_OK;
    if (getrandom(&made->identity, sizeof(made->identity), 0) != (ssize_t)sizeof(made->identity))
        status = dozan_error_set(err, DOZAN_INTERNAL, NULL, "no random bytes for request ids");
    if (status == DOZAN_OK && options->token != NULL &&
        asprintf(&made->token, "Bearer %s", options->token) < 0) {
        made->token = NULL;
        status = dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "no memory for a client");
    }
    if (status == DOZAN_OK)
        status = open_socket(made, url, options, err);
    if (status == DOZAN_OK)
        *client = &made->base;
    else
        destroy_client(&made->base);
    return status;
}

static void destroy_client(dozan_client *base)
{
    nng_client *client = (nng_client *)base;
    (void)pthread_mutex_lock(&client->calls_lock);
    client->closing = true;
    for (nng_call *call = client->live; call != NULL; call = call->next)
        cancel_call(&call->base);
    while (client->live != NULL)
        (void)pthread_cond_wait(&client->calls_done, &client->calls_lock);
    nng_call *idle = client->idle;
    client->idle = NULL;
    (void)pthread_mutex_unlock(&client->calls_lock);
    while (idle != NULL) {
        nng_call *next = idle->next;
        free_call(idle);
        idle = next;
    }
    if (client->open)
        dz_rpc_close(client->socket);
    free(client->token);
    (void)pthread_cond_destroy(&client->calls_done);
    (void)pthread_mutex_destroy(&client->calls_lock);
    free(client);
}

static dozan_status start_call(dozan_client *base, const dz_call_start *start, dozan_call **out,
                               dozan_error *err)
{
    nng_client *client = (nng_client *)base;
    if (start->timeout_ms == 0)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, NULL,
                               "a call needs a time limit of at least 1 ms");
    nng_call *call = take_call(client, err);
    if (call == NULL)
        return err != NULL ? err->code : DOZAN_RESOURCE_EXHAUSTED;
    call->start = *start;
    call->arena = *start->arena;
    dz_arena_init(start->arena);
    call->deadline_ms = dz_rpc_now_ms() + start->timeout_ms;
    if (out != NULL)
        *out = &call->base;
    (void)pthread_mutex_lock(&call->lock);
    outcome first = begin_attempt(call);
    if (first.done) {
        *start->arena = call->arena;
        dz_arena_init(&call->arena);
    }
    (void)pthread_mutex_unlock(&call->lock);
    if (!first.done)
        return DOZAN_OK;
    if (err != NULL)
        *err = first.err;
    give_back(call);
    return first.status;
}

static void cancel_call(dozan_call *base)
{
    nng_call *call = (nng_call *)base;
    (void)pthread_mutex_lock(&call->lock);
    call->cancelled = true;
    nng_aio_cancel(call->aio);
    (void)pthread_mutex_unlock(&call->lock);
}

/* ---- the socket ----------------------------------------------------------------------------- */

static dozan_status open_socket(nng_client *client, const char *url,
                                const dozan_client_options *options, dozan_error *err)
{
    dz_rpc_address address;
    dozan_status status = dz_rpc_address_read(url, &address, err);
    if (status != DOZAN_OK)
        return status;
    int number = nng_req0_open(&client->socket);
    if (number != 0)
        return dz_rpc_error(err, number, "cannot open a socket");
    client->open = true;
    number = set_limits(client);
    nng_dialer dialer = NNG_DIALER_INITIALIZER;
    if (number == 0)
        number = nng_dialer_create(&dialer, client->socket, url);
    if (number == 0 && address.tls) {
        status = set_tls(dialer, &address, options, err);
        if (status != DOZAN_OK)
            return status;
    }
    if (number == 0)
        number = nng_dialer_start(dialer, NNG_FLAG_NONBLOCK);
    return number == 0 ? DOZAN_OK : dz_rpc_error(err, number, url);
}

static int set_limits(const nng_client *client)
{
    nng_socket socket = client->socket;
    int number = nng_socket_set_ms(socket, NNG_OPT_REQ_RESENDTIME, NNG_DURATION_INFINITE);
    if (number == 0)
        number = nng_socket_set_size(socket, NNG_OPT_RECVMAXSZ, client->max_message_bytes);
    if (number == 0)
        number = nng_socket_set_ms(socket, NNG_OPT_RECONNMINT, RECONNECT_FIRST_MS);
    if (number == 0)
        number = nng_socket_set_ms(socket, NNG_OPT_RECONNMAXT, RECONNECT_MOST_MS);
    return number;
}

static dozan_status set_tls(nng_dialer dialer, const dz_rpc_address *address,
                            const dozan_client_options *options, dozan_error *err)
{
    if (options->tls_ca_file == NULL)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, NULL,
                               "tls+tcp needs the PEM file of the authorities to trust");
    dz_rpc_tls tls = {.mode = NNG_TLS_MODE_CLIENT,
                      .ca_file = options->tls_ca_file,
                      .cert_file = options->tls_cert_file,
                      .server_name = options->tls_server_name != NULL ? options->tls_server_name
                                                                      : address->host};
    nng_tls_config *config = NULL;
    dozan_status status = dz_rpc_tls_create(&tls, &config, err);
    if (status != DOZAN_OK)
        return status;
    int number = nng_dialer_set_ptr(dialer, NNG_OPT_TLS_CONFIG, config);
    nng_tls_config_free(config); /* the dialer holds its own reference */
    return number == 0 ? DOZAN_OK : dz_rpc_error(err, number, "cannot set up TLS");
}

/* ---- calls, live and idle ------------------------------------------------------------------- */

static nng_call *take_call(nng_client *client, dozan_error *err)
{
    (void)pthread_mutex_lock(&client->calls_lock);
    bool closing = client->closing;
    uint64_t id = ++client->last_id;
    nng_call *call = closing ? NULL : client->idle;
    if (call != NULL)
        unlink_call(call);
    else if (!closing)
        call = make_call(client);
    if (call != NULL) {
        call->cancelled = false;
        call->failures = 0;
        call->last = (dozan_error){.code = DOZAN_OK};
        (void)snprintf(call->request_id, sizeof(call->request_id), "%016" PRIx64 "-%" PRIx64,
                       client->identity, id);
        link_call(&client->live, call);
    }
    (void)pthread_mutex_unlock(&client->calls_lock);
    if (closing)
        (void)dozan_error_set(err, DOZAN_CANCELLED, NULL, "the client is being closed");
    else if (call == NULL)
        (void)dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "no memory for a call");
    return call;
}

static nng_call *make_call(nng_client *client)
{
    nng_call *call = calloc(1, sizeof(*call));
    if (call == NULL)
        return NULL;
    call->base.transport = &transport;
    call->client = client;
    (void)pthread_mutex_init(&call->lock, NULL);
    if (nng_aio_alloc(&call->aio, on_operation, call) == 0 &&
        nng_aio_alloc(&call->sending, NULL, NULL) == 0) {
        nng_aio_set_timeout(call->sending, NNG_DURATION_INFINITE);
        return call;
    }
    free_call(call);
    return NULL;
}

static void free_call(nng_call *call)
{
    nng_aio_free(call->aio);
    if (call->context_open)
        (void)nng_ctx_close(call->context);
    nng_aio_free(call->sending);
    (void)pthread_mutex_destroy(&call->lock);
    free(call);
}

static void link_call(nng_call **list, nng_call *call)
{
    call->next = *list;
    call->link = list;
    if (call->next != NULL)
        call->next->link = &call->next;
    *list = call;
}

static void unlink_call(nng_call *call)
{
    *call->link = call->next;
    if (call->next != NULL)
        call->next->link = call->link;
}

/* From here on the call may be another's: touch it no more. */
static void give_back(nng_call *call)
{
    nng_client *client = call->client;
    dz_arena_fini(&call->arena);
    (void)pthread_mutex_lock(&client->calls_lock);
    unlink_call(call);
    link_call(&client->idle, call);
    if (client->closing && client->live == NULL)
        (void)pthread_cond_signal(&client->calls_done);
    (void)pthread_mutex_unlock(&client->calls_lock);
}

/* ---- the machine ---------------------------------------------------------------------------- */

static void on_operation(void *arg)
{
    nng_call *call = arg;
    (void)pthread_mutex_lock(&call->lock);
    outcome result = after_operation(call, nng_aio_result(call->aio));
    (void)pthread_mutex_unlock(&call->lock);
    if (result.done)
        finish(call, &result);
}

/* With the lock held, as all below up to `finish`. */
static outcome after_operation(nng_call *call, int number)
{
    if (call->state == BACKING_OFF)
        return begin_attempt(call);
    if (number != 0)
        return after_failure(call, number);
    nng_msg *message = nng_aio_get_msg(call->aio);
    if (message == NULL) /* nng 1.5: an aio that has slept once times out with a result of 0 */
        return after_failure(call, NNG_ETIMEDOUT);
    nng_aio_set_msg(call->aio, NULL);
    outcome result = read_reply(call, message);
    nng_msg_free(message);
    return result;
}

static outcome after_failure(nng_call *call, int number)
{
    bool sent = end_attempt(call, &number);
    if (call->cancelled)
        return end(call, DOZAN_CANCELLED, "the call was cancelled");
    if (number == NNG_ETIMEDOUT)
        return end(call, DOZAN_DEADLINE_EXCEEDED,
                   sent ? "no answer in time" : "no host could be reached in time: is it running?");
    call->last.code = dz_rpc_error(
        &call->last, number,
        sent ? "the host broke the connection: it died, or its answer is larger than the limit"
             : "cannot send to the host");
    return retry_or_end(call);
}

/* Closes the context, which ends a send that still waits. Returns whether the request was sent; if
 * the send itself had failed, *number becomes its error. */
static bool end_attempt(nng_call *call, int *number)
{
    (void)nng_ctx_close(call->context);
    call->context_open = false;
    nng_aio_wait(call->sending); /* ended by now */
    int failure = nng_aio_result(call->sending);
    if (failure == 0)
        return true;
    nng_msg_free(nng_aio_get_msg(call->sending)); /* not taken by the socket; NULL if dropped */
    nng_aio_set_msg(call->sending, NULL);
    if (*number == NNG_ESTATE) /* of the receive, as there was nothing to receive for */
        *number = failure;
    return false;
}

static outcome read_reply(nng_call *call, nng_msg *message)
{
    dz_bytes bytes = {nng_msg_body(message), nng_msg_len(message)};
    outcome result = {.done = true};
    dz_reply reply;
    if (bytes.size > call->client->max_message_bytes)
        return end(call, DOZAN_INTERNAL, "the host's reply is larger than this client takes");
    if (dz_wire_unpack_reply(bytes, &call->arena, &reply, &result.err) != DOZAN_OK) {
        result.status = DOZAN_INTERNAL;
        result.err.code = DOZAN_INTERNAL;
        (void)dozan_error_wrap(&result.err, "the host's reply cannot be read");
        return result;
    }
    if (strcmp(reply.request_id, call->request_id) != 0 && reply.request_id[0] != '\0')
        return end(call, DOZAN_INTERNAL, "the host answered another request than this one");
    if (reply.code == DOZAN_OK) {
        result.body = reply.body;
        return result;
    }
    const char *text = reply.message[0] != '\0' ? reply.message : dozan_status_text(reply.code);
    result.status = dozan_error_set(&result.err, reply.code, reply.place, "%s", text);
    if (!dozan_status_retryable(reply.code))
        return result;
    call->last = result.err;
    return retry_or_end(call);
}

static outcome retry_or_end(nng_call *call)
{
    call->failures++;
    nng_duration pause = back_off_ms(call);
    bool retry = dozan_status_retryable(call->last.code) && pause < left_ms(call);
    if (!retry || call->cancelled) {
        if (call->cancelled)
            return end(call, DOZAN_CANCELLED, "the call was cancelled");
        return (outcome){.done = true, .status = call->last.code, .err = call->last};
    }
    call->state = BACKING_OFF;
    nng_sleep_aio(pause, call->aio);
    return (outcome){.done = false};
}

static outcome end(nng_call *call, dozan_status status, const char *text)
{
    outcome result = {.done = true, .status = status};
    char last[sizeof(call->last.place) + sizeof(call->last.message) + 2];
    dozan_error_text(&call->last, last, sizeof(last));
    if (call->failures > 0)
        (void)dozan_error_set(&result.err, status, NULL, "%s (attempt %u; before: %s)", text,
                              call->failures + 1, last);
    else
        (void)dozan_error_set(&result.err, status, NULL, "%s", text);
    return result;
}

static outcome begin_attempt(nng_call *call)
{
    int64_t left = left_ms(call);
    if (call->cancelled)
        return end(call, DOZAN_CANCELLED, "the call was cancelled");
    if (left <= 0)
        return end(call, DOZAN_DEADLINE_EXCEEDED, "no answer in time");
    dz_request request = {.method = call->start.method,
                          .request_id = call->request_id,
                          .timeout_ms = (uint32_t)left,
                          .authorization = call->client->token,
                          .body = call->start.body};
    size_t size = dz_wire_request_size(&request);
    if (size > call->client->max_message_bytes) {
        outcome result = {.done = true};
        result.status = dozan_error_set(&result.err, DOZAN_INVALID_ARGUMENT, NULL,
                                        "a request of %zu bytes is larger than the limit of %zu",
                                        size, call->client->max_message_bytes);
        return result;
    }
    nng_msg *message = NULL;
    if (!call->context_open)
        call->context_open = nng_ctx_open(&call->context, call->client->socket) == 0;
    if (!call->context_open || nng_msg_alloc(&message, size) != 0)
        return end(call, DOZAN_RESOURCE_EXHAUSTED, "no memory for a request");
    dz_wire_pack_request(&request, nng_msg_body(message));
    call->state = WAITING;
    nng_aio_wait(call->sending); /* a reply can be quicker than the end of its request's send */
    nng_aio_set_msg(call->sending, message);
    nng_ctx_send(call->context, call->sending);
    nng_aio_set_timeout(call->aio, time_out(left));
    nng_ctx_recv(call->context, call->aio);
    return (outcome){.done = false};
}

static void finish(nng_call *call, const outcome *result)
{
    call->start.done(call->start.user, result->status, result->body, &call->arena, &result->err);
    give_back(call);
}

static int64_t left_ms(const nng_call *call)
{
    return call->deadline_ms - dz_rpc_now_ms();
}

static nng_duration time_out(int64_t left)
{
    if (left <= 0)
        return NNG_DURATION_ZERO;
    return (nng_duration)(left < INT32_MAX ? left : INT32_MAX);
}

/* Between half and all of 20 ms * 2^(n-1), at most two seconds; the same for no two clients. */
static nng_duration back_off_ms(const nng_call *call)
{
    unsigned doublings = call->failures - 1 < 10 ? call->failures - 1 : 10;
    uint64_t most = (uint64_t)BACK_OFF_FIRST_MS << doublings;
    if (most > BACK_OFF_MOST_MS)
        most = BACK_OFF_MOST_MS;
    uint64_t chance = dozan_hash_words(dozan_hash_text(call->request_id), call->failures);
    return (nng_duration)(most / 2 + chance % (most / 2 + 1));
}
