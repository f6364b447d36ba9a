/*
 * Calls to a Kubernetes API server: many at once, on one thread, which none of them blocks.
 *
 * The thread that makes a client calls all of these but dz_cluster_wake. Callbacks come out of
 * dz_cluster_turn alone; they may send and cancel, and must not destroy.
 *
 * What may pass (no connection, 429, 500, 502, 503, 504) is tried again after a back-off that
 * doubles up to 10 s, with jitter, and not before Retry-After. So every call must be safe to
 * repeat: objects are created by name, and the second time the answer is ALREADY_EXISTS. After a
 * 401 the credentials are read anew, once.
 */
#ifndef DZ_KUBERNETES_CLIENT_H
#define DZ_KUBERNETES_CLIENT_H

#include "kubernetes/access.h"

#include <cjson/cJSON.h>
#include <stddef.h>

typedef struct dz_cluster_client dz_cluster_client;

typedef struct dz_cluster_reply {
    int status;       /* HTTP's; 0 = there was no answer */
    const char *body; /* terminated; "" for a stream that was taken */
    size_t size;
    dozan_error error; /* code OK for 2xx; else what the server's Status says */
} dz_cluster_reply;

typedef void dz_cluster_bytes(void *user, const char *bytes, size_t size);
typedef void dz_cluster_done(void *user, const dz_cluster_reply *reply);

typedef struct dz_cluster_call {
    const char *method;       /* GET, POST, PUT, PATCH, DELETE */
    const char *path;         /* "/api/v1/namespaces/default/pods?labelSelector=..." */
    const char *body;         /* JSON, or NULL */
    const char *type;         /* NULL = application/json */
    dz_cluster_bytes *stream; /* gets the body of a 2xx as it comes; NULL: it is collected, up to
                                 64 MiB. Once bytes have come, nothing is tried again */
    dz_cluster_done *done;    /* comes exactly once, unless the call is cancelled; may be NULL */
    void *user;
    int64_t delay_ms;    /* it is not sent before that */
    int64_t patience_ms; /* for how long it is tried again; 0 = until it is cancelled */
} dz_cluster_call;

/* 0 = the defaults. */
typedef struct dz_cluster_limits {
    int per_second; /* calls, on average: 50 */
    int burst;      /* 100 */
} dz_cluster_limits;

/* Borrows the access. */
DOZAN_MUST_USE dozan_status dz_cluster_client_create(const dz_cluster_access *access,
                                                     const dz_cluster_limits *limits,
                                                     dz_cluster_client **client, dozan_error *err);

/* Ends all calls; their `done` does not come. */
void dz_cluster_client_destroy(dz_cluster_client *client);

/* Sends a call, of which all that is given is copied. A number to cancel it by; 0 = no memory, and
 * `done` does not come. */
uint64_t dz_cluster_send(dz_cluster_client *client, const dz_cluster_call *given);

/* No callback of this call comes any more. 0, and one that is over, are ignored. */
void dz_cluster_cancel(dz_cluster_client *client, uint64_t number);

/* Carries calls on; returns after limit_ms, a wake, or when something has happened. */
void dz_cluster_turn(dz_cluster_client *client, int64_t limit_ms);

/* Ends a turn: from any thread. */
void dz_cluster_wake(dz_cluster_client *client);

/* How many calls are under way or wait. */
size_t dz_cluster_pending(const dz_cluster_client *client);

/* A part of a path or a query, %-encoded. Owned; NULL = no memory. */
char *dz_cluster_escape(const char *text);

int64_t dz_cluster_now_ms(void); /* monotonic */

#endif
