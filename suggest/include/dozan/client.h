/*
 * The client of a plugin host: calls over nng REQ with a deadline, cancellation and retries; or of
 * a Suggestion or EarlyStopping service of Katib's, over gRPC, which gets the whole history with
 * each call.
 *
 * A call is idempotent by its request id, which retries share; so a retry after a lost reply does
 * nothing twice. Retried, until the deadline: transport errors and retryable status codes, with
 * exponential back-off and jitter. Any number of calls may be under way at once on one client.
 * Callbacks run on nng's threads and must only hand the result on; the reply they get is valid
 * until they return. Each call's callback runs exactly once.
 */
#ifndef DOZAN_CLIENT_H
#define DOZAN_CLIENT_H

#include <dozan/message.h>

typedef struct dozan_client dozan_client;
typedef struct dozan_call dozan_call;

typedef struct dozan_client_options {
    const char *token;           /* bearer token, or NULL */
    const char *tls_ca_file;     /* tls+tcp: PEM of the authorities to trust; required there */
    const char *tls_cert_file;   /* tls+tcp: our own certificate and key in one PEM, or NULL */
    const char *tls_server_name; /* tls+tcp: NULL = the URL's host */
    size_t max_message_bytes;    /* 0 = 16 MiB */
    const char *algorithm;  /* grpc: the name under which the service's algorithm is known here,
                               as it cannot tell; NULL = "katib" */
    const char *db_manager; /* grpc: HOST:PORT of a DBManager, which an EarlyStopping service asks
                               for metrics; NULL = none */
} dozan_client_options;

/* Makes a client for `url` (inproc://, ipc://, tcp://, tls+tcp://; grpc://, grpcs://). Connects in
 * the background and again whenever the connection is lost, so a host may start later. */
DOZAN_MUST_USE dozan_status dozan_client_create(const char *url,
                                                const dozan_client_options *options,
                                                dozan_client **client, dozan_error *err);

/* Cancels what is under way (their callbacks run with CANCELLED before this returns), and frees.
 * Takes NULL. */
void dozan_client_destroy(dozan_client *client);

typedef void dozan_ask_callback(void *user, dozan_status status, const dozan_ask_reply *reply,
                                const dozan_error *err);
typedef void dozan_judge_callback(void *user, dozan_status status, const dozan_judge_reply *reply,
                                  const dozan_error *err);

/* Sends the events and asks for `count` trials from number `first_trial` on (count 0: only the
 * events). The request is copied before this returns. *call (may be NULL) can be given to
 * dozan_call_cancel until its callback has run. */
DOZAN_MUST_USE dozan_status dozan_client_ask(dozan_client *client, const dozan_log_part *log,
                                             int64_t first_trial, uint32_t count,
                                             uint32_t timeout_ms, dozan_ask_callback *callback,
                                             void *user, dozan_call **call, dozan_error *err);

/* Sends the events and asks for verdicts on the running trials. */
DOZAN_MUST_USE dozan_status dozan_client_judge(dozan_client *client, const dozan_log_part *log,
                                               const int64_t *trials, size_t trial_count,
                                               uint32_t timeout_ms, dozan_judge_callback *callback,
                                               void *user, dozan_call **call, dozan_error *err);

/* Asks for a call to end now with CANCELLED. The callback still runs, once. */
void dozan_call_cancel(dozan_call *call);

/* ---- blocking calls, for command lines and tests
 * -------------------------------------------------------------- */

/* The host's algorithms. *reply is owned by the caller: free it with dozan_describe_reply_destroy.
 */
DOZAN_MUST_USE dozan_status dozan_client_describe(dozan_client *client, uint32_t timeout_ms,
                                                  dozan_describe_reply **reply, dozan_error *err);
void dozan_describe_reply_destroy(dozan_describe_reply *reply);

/* Checks the experiment's settings for its search algorithm (or its early stopper).
 * INVALID_ARGUMENT carries the place
 * ("spec.algorithm.algorithmSettings[1]") and the reason; NOT_FOUND: the host has no such
 * algorithm. */
DOZAN_MUST_USE dozan_status dozan_client_validate(dozan_client *client,
                                                  const dozan_experiment *experiment,
                                                  dozan_algorithm_kind kind, uint32_t timeout_ms,
                                                  dozan_error *err);

/* Lets the host forget the experiment (both its search and its early-stopping instance). */
DOZAN_MUST_USE dozan_status dozan_client_release(dozan_client *client, const char *uid,
                                                 uint32_t timeout_ms, dozan_error *err);

/* One raw call: packs nothing and understands nothing. *reply_body is malloc'ed, for the caller to
 * free. */
DOZAN_MUST_USE dozan_status dozan_client_call(dozan_client *client, const char *method,
                                              const void *body, size_t body_size,
                                              uint32_t timeout_ms, void **reply_body,
                                              size_t *reply_size, dozan_error *err);

#endif
