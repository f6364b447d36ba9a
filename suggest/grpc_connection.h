/*
 * One connection of the gRPC server: HTTP/2 by nghttp2, bytes in and bytes out, without a socket
 * and without a clock of its own. It belongs to the server's thread.
 */
#ifndef DZ_GRPC_CONNECTION_H
#define DZ_GRPC_CONNECTION_H

#include "grpc_call.h"

DOZAN_MUST_USE dozan_status dz_grpc_connection_create(dz_grpc_core *core, int64_t now_ms,
                                                      dz_grpc_connection **connection,
                                                      dozan_error *err);

/* Detaches the calls that handlers have, frees the others. Takes NULL. */
void dz_grpc_connection_destroy(dz_grpc_connection *connection);

/* Who is at the other end, once TLS has told; copied. False: no memory. */
bool dz_grpc_connection_set_peer(dz_grpc_connection *connection, const char *name);

/* Takes what has come. False: the connection is beyond help, and is to be closed. */
bool dz_grpc_connection_receive(dz_grpc_connection *connection, const uint8_t *bytes, size_t size,
                                int64_t now_ms);

/* The next bytes to send; 0 when there are none now, -1 when the connection is beyond help. They
 * stay as they are until `dz_grpc_connection_sent` has taken some of them off. */
int64_t dz_grpc_connection_pending(dz_grpc_connection *connection, const uint8_t **bytes);
void dz_grpc_connection_sent(dz_grpc_connection *connection, size_t size, int64_t now_ms);

/* Whether there is nothing left to receive or to send. */
bool dz_grpc_connection_is_done(const dz_grpc_connection *connection);

/* Begins to send the answer of a call whose stream is still there; and whether that has been done
 * since something was last sent. */
void dz_grpc_connection_answer(dozan_grpc_call *call, int64_t now_ms);
bool dz_grpc_connection_has_answer(const dz_grpc_connection *connection);

/* Acts on the limits of time that have passed, and notes when the next one does. False: the
 * connection itself has run out of time. */
bool dz_grpc_connection_expire(dz_grpc_connection *connection, int64_t now_ms);

/* Lets the calls that are under way end, and no more begin. */
void dz_grpc_connection_stop(dz_grpc_connection *connection);

#endif
