/*
 * One call of the client, as the typed calls see it: bytes out, a status and bytes back.
 */
#ifndef DZ_RPC_CALL_H
#define DZ_RPC_CALL_H

#include "wire.h"

#include <dozan/client.h>

/* Runs once per call, on one of nng's threads. `arena` is the call's own and lives until the
 * callback returns: it holds `user` and `body`, and has room for what is unpacked. */
typedef void dz_call_done(void *user, dozan_status status, dz_bytes body, dz_arena *arena,
                          const dozan_error *err);

typedef struct dz_call_start {
    const char *method; /* lives as long as the call */
    dz_bytes body;      /* in the arena */
    dz_arena *arena;    /* taken when the call starts; left empty */
    uint32_t timeout_ms;
    dz_call_done *done;
    void *user;
} dz_call_start;

/* Starts a call. On an error nothing was started, `done` does not run, and the arena is still the
 * caller's. */
DOZAN_MUST_USE dozan_status dz_client_start(dozan_client *client, const dz_call_start *start,
                                            dozan_call **call, dozan_error *err);

#endif
