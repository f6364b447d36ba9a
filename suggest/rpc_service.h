/*
 * The service behind the host: bytes in, bytes out, no sockets and no threads of its own. It knows
 * the methods, checks who calls, and runs jobs on sessions.
 *
 * A request becomes a job and passes four steps: admit (envelope, token, method), decode (body),
 * enter (its session, which may have to be waited for), run. Any step may end it with a status;
 * pack makes its reply.
 */
#ifndef DZ_RPC_SERVICE_H
#define DZ_RPC_SERVICE_H

#include "rpc_replies.h"
#include "rpc_sessions.h"
#include "wire.h"

typedef struct dz_rpc_service dz_rpc_service;
typedef struct dz_route dz_route;

struct dz_job {
    dz_job *next; /* in the one queue that holds it */
    dz_arena arena;
    dz_request request;
    int64_t deadline_ms; /* on the clock of `now_ms` */
    dz_reply_key key;    /* the host's */
    const dz_route *route;
    union {
        dz_ask_request ask;
        dz_judge_request judge;
        dz_validate_request validate;
        const char *uid;
    } input;
    dz_session_place *place; /* acquired */

    dozan_status status; /* OK: go on, or (after run) `body` is the answer */
    dozan_error err;
    dz_bytes body;
};

typedef struct dz_rpc_service_options {
    const dozan_algorithm *const *algorithms; /* NULL-terminated; must outlive the service */
    const char *token;                        /* NULL = everyone may call */
    size_t max_message_bytes;
    size_t max_experiments;
} dz_rpc_service_options;

DOZAN_MUST_USE dozan_status dz_rpc_service_create(const dz_rpc_service_options *options,
                                                  dz_rpc_service **service, dozan_error *err);
void dz_rpc_service_destroy(dz_rpc_service *service);

/* Makes a job of a request's bytes, which are not needed any more afterwards. NULL: no memory. */
dz_job *dz_rpc_service_admit(dz_rpc_service *service, dz_bytes bytes, int64_t now_ms);
void dz_job_destroy(dz_job *job);

/* Reads the body. */
void dz_rpc_service_decode(dz_rpc_service *service, dz_job *job);

/* Takes the session that the job needs, if it needs one. False: another job has it, and a later
 * dz_rpc_service_leave will hand this job out, entered. */
bool dz_rpc_service_enter(dz_rpc_service *service, dz_job *job);

/* Does the work, unless the job has failed already or its deadline has passed. */
void dz_rpc_service_run(dz_rpc_service *service, dz_job *job, int64_t now_ms);

/* Gives the session back; returns the job that has entered it now, or NULL. */
dz_job *dz_rpc_service_leave(dz_rpc_service *service, dz_job *job);

/* The packed reply's size, and the packing into room of that size. A body that is too large for a
 * message turns the job's status into OUT_OF_RANGE first. */
size_t dz_rpc_service_reply_size(dz_rpc_service *service, dz_job *job);
void dz_rpc_service_pack_reply(const dz_job *job, void *out);

/* All in one, for tests: the reply to a request's bytes, malloc'ed. NULL: no memory. */
void *dz_host_handle(dz_rpc_service *service, const void *bytes, size_t size, size_t *reply_size);

#endif
