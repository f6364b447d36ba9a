/*
 * A connection of the gRPC client, with one call at a time on it. Nothing here waits: `move` does
 * what can be done now, and `fd` and `events` tell what to wait for before the next.
 */
#ifndef DZ_GRPC_LINE_H
#define DZ_GRPC_LINE_H

#include "grpc_socket.h"

typedef struct dz_grpc_line dz_grpc_line;

/* All of it is borrowed until the call has ended. */
typedef struct dz_grpc_line_call {
    const char *path;
    const char *authority;
    const char *authorization; /* NULL = none */
    const void *body;
    size_t size;
    uint32_t timeout_ms;
    size_t max_reply_bytes;
} dz_grpc_line_call;

/* Takes the socket, also when it returns NULL (no memory). */
dz_grpc_line *dz_grpc_line_create(dz_grpc_socket *s);
/* Takes NULL. */
void dz_grpc_line_destroy(dz_grpc_line *line);

/* Whether TLS's handshake, if any, is done; `move` does it. */
bool dz_grpc_line_is_greeted(const dz_grpc_line *line);

/* Whether another call can be made on it. */
bool dz_grpc_line_is_usable(const dz_grpc_line *line);

DOZAN_MUST_USE dozan_status dz_grpc_line_begin(dz_grpc_line *line, const dz_grpc_line_call *call,
                                               dozan_error *err);

/* Sends and receives what there is. False: the connection is lost (UNAVAILABLE, and why). */
bool dz_grpc_line_move(dz_grpc_line *line, dozan_error *err);

/* Whether the call has ended. */
bool dz_grpc_line_is_done(const dz_grpc_line *line);

/* What came of it: the reply with its prefix, borrowed until the next call; or the server's status
 * and message. */
DOZAN_MUST_USE dozan_status dz_grpc_line_reply(const dz_grpc_line *line, const uint8_t **bytes,
                                               size_t *size, dozan_error *err);

int dz_grpc_line_fd(const dz_grpc_line *line);
short dz_grpc_line_events(const dz_grpc_line *line); /* poll's */

#endif
