/*
 * The replies of recent request ids, so that a retried call is answered and not run again: one
 * that still runs gets its reply at the retry's own connection, one that is done gets the same
 * bytes. Bounded in number and in bytes; the oldest go first.
 *
 * A request is known again by its id together with its method and body: a caller that reuses an id
 * for something else never gets another call's answer.
 */
#ifndef DZ_RPC_REPLIES_H
#define DZ_RPC_REPLIES_H

#include "wire.h"

typedef struct dz_replies dz_replies;

/* The two parts of a request's identity, in a form that can be compared as bytes. */
typedef struct dz_reply_key {
    char request_id[DZ_WIRE_REQUEST_ID];
    uint64_t digest;
} dz_reply_key;

typedef enum dz_reply_state {
    DZ_REPLY_NEW,     /* run it, and finish it */
    DZ_REPLY_RUNNING, /* it runs: `waiter` has taken the place of *before */
    DZ_REPLY_KNOWN,   /* *reply is a copy of what was answered */
    DZ_REPLY_NO_MEMORY
} dz_reply_state;

DOZAN_MUST_USE dozan_status dz_replies_create(size_t max_count, size_t max_bytes,
                                              dz_replies **replies, dozan_error *err);
void dz_replies_destroy(dz_replies *replies);

dz_reply_key dz_reply_key_of(const dz_request *request);

/* Looks a request up, and marks it as running when it is new. The copy is in `arena`. */
dz_reply_state dz_replies_begin(dz_replies *replies, const dz_reply_key *key, void *waiter,
                                void **before, dz_arena *arena, dz_bytes *reply);

/* Ends a running request: returns who waits for it now, and keeps the reply if asked to. */
void *dz_replies_finish(dz_replies *replies, const dz_reply_key *key, dz_bytes reply, bool keep);

#endif
