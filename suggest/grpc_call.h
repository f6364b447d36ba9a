/*
 * A call of the gRPC server: its metadata, its message, and the way of its answer back.
 *
 *     READING -> HANDED (to its handler, then in the queue of answers) -> SENDING -> freed
 *
 * The server's thread owns a call except while it is HANDED: then the handler does, until it has
 * answered, however early the stream ends. So the stream's end only detaches such a call from its
 * connection (`connection` NULL, `cancelled`), and its answer frees it. A call that is refused
 * goes from READING to SENDING at once.
 *
 * All calls of a server share a core: its options, its counts against the limits, and the queue of
 * answers, which alone is used by several threads.
 */
#ifndef DZ_GRPC_CALL_H
#define DZ_GRPC_CALL_H

#include "arena.h"

#include <dozan/grpc.h>

#include <pthread.h>
#include <stdatomic.h>

typedef struct dz_grpc_connection dz_grpc_connection;

enum {
    DZ_GRPC_HEADER_BYTES = 16384, /* of a request's metadata, at most */
    DZ_GRPC_HEADERS = 128
};

typedef enum dz_grpc_state { DZ_GRPC_READING, DZ_GRPC_HANDED, DZ_GRPC_SENDING } dz_grpc_state;

typedef struct dz_grpc_core {
    dozan_grpc_server_options options; /* with the defaults filled in */
    dozan_grpc_method *methods;
    size_t calls;          /* alive */
    size_t handed;         /* owned by handlers, or in the queue of answers */
    size_t buffered_bytes; /* held by requests */
    bool stopping;
    int64_t due_ms; /* never later than the earliest limit of time of any connection or call */

    pthread_mutex_t answers_lock; /* guards the queue */
    dozan_grpc_call *first_answer;
    dozan_grpc_call *last_answer;
    void (*wake)(void *wake_context); /* makes the server's thread look at the queue */
    void *wake_context;
} dz_grpc_core;

typedef struct dz_grpc_header {
    const char *name;
    const char *value;
} dz_grpc_header;

struct dozan_grpc_call {
    dz_grpc_core *core;
    dz_grpc_connection *connection; /* NULL: its stream is gone */
    dozan_grpc_call *next;          /* of its connection */
    dozan_grpc_call **link;
    dozan_grpc_call *next_answer; /* in the queue */
    int32_t stream;
    dz_grpc_state state;
    atomic_bool cancelled;

    dz_arena arena; /* of path, peer and headers */
    const char *http_method;
    const char *path;
    const char *peer;
    const dozan_grpc_method *method; /* once it is let in */
    dz_grpc_header headers[DZ_GRPC_HEADERS];
    size_t header_count;
    size_t header_bytes;
    int64_t due_ms;      /* when the request must be here; later, when the answer must have moved */
    int64_t deadline_ms; /* the caller's */

    uint8_t *body; /* with its prefix */
    size_t body_size;
    size_t body_capacity;

    int http_status; /* of the answer; 200 but where the request is no gRPC */
    dozan_status status;
    char *message;  /* with a status that is not OK; may be NULL */
    uint8_t *reply; /* with its prefix; NULL when there is no memory or no message */
    size_t reply_size;
    size_t reply_sent;
};

DOZAN_MUST_USE dozan_status dz_grpc_core_create(const dozan_grpc_server_options *options,
                                                dz_grpc_core **core, dozan_error *err);
/* No call may be left. Takes NULL. */
void dz_grpc_core_destroy(dz_grpc_core *core);

/* Takes the oldest answer out of the queue, or NULL. Its call is SENDING now, and owned by the
 * server's thread. */
dozan_grpc_call *dz_grpc_core_take_answer(dz_grpc_core *core);

/* Something must be looked at by then. */
void dz_grpc_core_note_due(dz_grpc_core *core, int64_t due_ms);

/* A new call; NULL when there is no memory. */
dozan_grpc_call *dz_grpc_call_create(dz_grpc_core *core, int32_t stream);
void dz_grpc_call_destroy(dozan_grpc_call *call);

/* Adds a header. RESOURCE_EXHAUSTED: too many, too large, or no memory. */
DOZAN_MUST_USE dozan_status dz_grpc_call_add_header(dozan_grpc_call *call, const char *name,
                                                    size_t name_size, const char *value,
                                                    size_t value_size, dozan_error *err);

/* Whether the call can be let in, now that its headers are there: fills method and deadline_ms. */
DOZAN_MUST_USE dozan_status dz_grpc_call_admit(dozan_grpc_call *call, int64_t now_ms,
                                               dozan_error *err);

/* Adds bytes of the body, within the limits. */
DOZAN_MUST_USE dozan_status dz_grpc_call_add_body(dozan_grpc_call *call, const void *bytes,
                                                  size_t size, dozan_error *err);

/* Whether the body is exactly one message. */
DOZAN_MUST_USE dozan_status dz_grpc_call_check_body(const dozan_grpc_call *call, dozan_error *err);

/* Frees the request's body, which nobody needs any more. */
void dz_grpc_call_drop_body(dozan_grpc_call *call);

/* Sets the answer of a call to a status that is not OK. */
void dz_grpc_call_set_failure(dozan_grpc_call *call, const dozan_error *err);

#endif
