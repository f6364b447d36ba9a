/*
 * gRPC: a server of unary calls, and a client.
 *
 * The server speaks HTTP/2 on one thread of its own, with or without TLS. A service is registered
 * as rows of a table of methods:
 *
 *     static void report(void *context, dozan_grpc_call *call)
 *     {
 *         const void *body = dozan_grpc_call_body(call, &size);    // the packed request
 *         ...
 *         dozan_grpc_reply(call, reply, reply_size);               // or dozan_grpc_fail(call,
 * &err)
 *     }
 *     static const dozan_grpc_method methods[] = {
 *         {"/api.v1.beta1.DBManager/ReportObservationLog", report, store},
 *     };
 *
 * A handler runs on the server's thread and must not wait: what takes time goes to another thread,
 * which may answer whenever it is ready. Every call that a handler gets is answered exactly once,
 * by whichever thread, and is not touched after that. Any number of calls may be under way.
 *
 * All that comes from outside is bounded: connections, streams, calls, headers, messages, bytes
 * held, and the time that each step may take. A malformed frame ends its own connection alone.
 */
#ifndef DOZAN_GRPC_H
#define DOZAN_GRPC_H

#include <dozan/status.h>
#include <stdint.h>

typedef struct dozan_grpc_server dozan_grpc_server;
typedef struct dozan_grpc_call dozan_grpc_call;
typedef struct dozan_grpc_client dozan_grpc_client;

/* ---- the server ----------------------------------------------------------------------------- */

typedef void dozan_grpc_handler(void *context, dozan_grpc_call *call);

typedef struct dozan_grpc_method {
    const char *path; /* "/api.v1.beta1.Suggestion/GetSuggestions" */
    dozan_grpc_handler *handler;
    void *context;
} dozan_grpc_method;

/* Decides, from the path, the metadata and the peer, whether the caller may make this call; runs on
 * the server's thread, before the request's body is taken. UNAUTHENTICATED or PERMISSION_DENIED
 * with a message refuses it. */
typedef dozan_status dozan_grpc_authorize(void *context, const dozan_grpc_call *call,
                                          dozan_error *err);

/* In each, 0 is the default. */
typedef struct dozan_grpc_server_options {
    const dozan_grpc_method *methods; /* copied; the paths must outlive the server */
    size_t method_count;
    dozan_grpc_authorize *authorize; /* NULL = everyone may call everything */
    void *authorize_context;
    const char *tls_cert_file;  /* grpcs: our certificate and key in one PEM; required there */
    const char *tls_key_file;   /* grpcs: the key, where it is in a file of its own */
    const char *tls_ca_file;    /* grpcs: demand a client certificate signed by these, or NULL */
    bool tls_peer_optional;     /* take callers without a certificate too; needs authorize */
    size_t max_message_bytes;   /* of a request or a reply: 4 MiB */
    size_t max_buffered_bytes;  /* of all requests that are being received or handled: 256 MiB */
    uint32_t max_connections;   /* 256; one more is closed at once */
    uint32_t max_streams;       /* calls at once on one connection: 128 */
    uint32_t max_calls;         /* calls at once, of all; one more gets RESOURCE_EXHAUSTED: 1024 */
    uint32_t greeting_limit_ms; /* from the connection to its first frame, TLS included: 10 s */
    uint32_t request_limit_ms;  /* from a request's first byte to its last: 30 s */
    uint32_t stall_limit_ms;    /* a peer that does not read what is sent to it: 30 s */
    uint32_t idle_limit_ms;     /* a connection without calls: 300 s */
} dozan_grpc_server_options;

/* Starts serving at grpc://HOST:PORT or grpcs://HOST:PORT (TLS); port 0 takes any free one. Refuses
 * (PERMISSION_DENIED) an address that can be reached from outside unless there is an authorize, or
 * client certificates are demanded. */
DOZAN_MUST_USE dozan_status dozan_grpc_server_create(const char *url,
                                                     const dozan_grpc_server_options *options,
                                                     dozan_grpc_server **server, dozan_error *err);

/* Takes no more calls (new ones get UNAVAILABLE), waits until every call that a handler has got is
 * answered, sends what is left to send, and frees. Takes NULL. */
void dozan_grpc_server_destroy(dozan_grpc_server *server);

uint16_t dozan_grpc_server_port(const dozan_grpc_server *server);

/* ---- a call, in its handler ----------------------------------------------------------------- */

/* The request's packed message; borrowed from the call until it is answered. */
const void *dozan_grpc_call_body(const dozan_grpc_call *call, size_t *size);

const char *dozan_grpc_call_path(const dozan_grpc_call *call);

/* The first value of the metadata of that name (lower case), or NULL. */
const char *dozan_grpc_call_metadata(const dozan_grpc_call *call, const char *name);

/* The common name of the client's certificate; NULL when it has shown none. */
const char *dozan_grpc_call_peer(const dozan_grpc_call *call);

/* When the caller stops waiting, on the monotonic clock (CLOCK_MONOTONIC, ms); INT64_MAX: never. */
int64_t dozan_grpc_call_deadline_ms(const dozan_grpc_call *call);

/* Whether nobody waits for the answer any more (it is owed all the same). Threads: any. */
bool dozan_grpc_call_cancelled(const dozan_grpc_call *call);

/* Answers with a packed message, or with a status other than OK and a message. Each takes the call;
 * the bytes are copied. Threads: any. */
void dozan_grpc_reply(dozan_grpc_call *call, const void *body, size_t size);
void dozan_grpc_fail(dozan_grpc_call *call, const dozan_error *err);

/* ---- the client ----------------------------------------------------------------------------- */

typedef struct dozan_grpc_client_options {
    const char *token;         /* sent as "authorization: Bearer <token>"; NULL = none */
    const char *tls_ca_file;   /* grpcs: PEM of the authorities to trust; required there */
    const char *tls_cert_file; /* grpcs: our own certificate and key in one PEM, or NULL */
    size_t max_message_bytes;  /* of a reply; 0 = 4 MiB */
} dozan_grpc_client_options;

/* Makes a client for grpc://HOST:PORT or grpcs://HOST:PORT. It connects when it is first called;
 * connections are kept, and made again when they are lost. */
DOZAN_MUST_USE dozan_status dozan_grpc_client_create(const char *url,
                                                     const dozan_grpc_client_options *options,
                                                     dozan_grpc_client **client, dozan_error *err);

/* No call may be under way. Takes NULL. */
void dozan_grpc_client_destroy(dozan_grpc_client *client);

/* One unary call, which waits for the reply: OK with *reply malloc'ed (for the caller to free; NULL
 * when empty), or the server's status and message, or UNAVAILABLE when it cannot be reached,
 * DEADLINE_EXCEEDED, CANCELLED. It is not repeated. Threads: any, many at once. */
DOZAN_MUST_USE dozan_status dozan_grpc_client_call(dozan_grpc_client *client, const char *path,
                                                   const void *body, size_t size,
                                                   uint32_t timeout_ms, void **reply,
                                                   size_t *reply_size, dozan_error *err);

/* Ends the calls that are under way, and all later ones, with CANCELLED. Threads: any. */
void dozan_grpc_client_cancel(dozan_grpc_client *client);

#endif
