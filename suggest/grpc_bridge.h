/*
 * A call of the bridge to Katib's services, shared by grpc_bridge.c (which queues and cancels
 * calls) and grpc_bridge_methods.c (which knows what each means to a service).
 */
#ifndef DZ_GRPC_BRIDGE_H
#define DZ_GRPC_BRIDGE_H

#include "grpc_bridge_log.h"
#include "rpc_transport.h"

#include <dozan/grpc.h>

#include <pthread.h>

enum { DZ_BRIDGE_WORKERS = 4 };

typedef struct dz_bridge_session dz_bridge_session;
typedef struct dz_bridge dz_bridge;

typedef struct dz_bridge_request {
    dozan_call base; /* first: what others hold is a pointer to it */
    struct dz_bridge_request *prev;
    struct dz_bridge_request *next;
    dz_call_start start;
    dz_arena arena;
    int64_t deadline_ms;
    dz_bridge *owner;
    bool cancelled;
    dozan_grpc_client *grpc; /* while a worker has it */
    union {
        dz_ask_request ask;
        dz_judge_request judge;
        dz_validate_request validate;
    } input;
} dz_bridge_request;

struct dz_bridge {
    dozan_client base; /* first, likewise */
    char *url;
    char *name;
    char *db_manager;
    char *token;
    char *ca_file;
    char *cert_file;
    size_t max_message_bytes;
    pthread_t threads[DZ_BRIDGE_WORKERS];
    size_t thread_count;

    pthread_mutex_t lock; /* guards all below, but not the logs of busy sessions */
    pthread_cond_t changed;
    dz_bridge_request *queue;
    dz_bridge_request *running;
    size_t count;                /* of both */
    dz_bridge_session *sessions; /* what was used last first */
    size_t session_count;
    bool closing;
};

/* A method on an experiment's log; *reply is in the call's arena. */
typedef dozan_status dz_bridge_method(dz_bridge *b, dz_bridge_request *call, dz_bridge_log *log,
                                      dz_bytes *reply, dozan_error *err);
dz_bridge_method dz_bridge_ask;
dz_bridge_method dz_bridge_judge;

DOZAN_MUST_USE dozan_status dz_bridge_describe(dz_bridge *b, dz_bridge_request *call,
                                               dz_bytes *reply, dozan_error *err);
DOZAN_MUST_USE dozan_status dz_bridge_validate(dz_bridge *b, dz_bridge_request *call,
                                               dozan_error *err);

/* Calls the service until it answers, or the deadline has passed; the reply is in the arena. */
DOZAN_MUST_USE dozan_status dz_bridge_call_service(dz_bridge *b, dz_bridge_request *call,
                                                   const char *path, dz_bytes body, dz_bytes *reply,
                                                   dozan_error *err);

/* Milliseconds of the monotonic clock. */
int64_t dz_bridge_now_ms(void);

#endif
