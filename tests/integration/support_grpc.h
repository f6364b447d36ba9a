/*
 * A gRPC server to test, with a client; and a peer by hand: a socket to which frames are written,
 * and whose answers are read frame by frame.
 *
 * Methods: Echo answers with the request; Hold keeps the call for take_held; Fail and Grow fail;
 * Peer answers with the name of the client's certificate. Each call must show the metadata
 * "authorization: Bearer token", or have come over TLS.
 */
#ifndef SUPPORT_GRPC_H
#define SUPPORT_GRPC_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs the above first */
#include <cmocka.h>

#include <dozan/grpc.h>

#include <pthread.h>
#include <sched.h>
#include <stdio.h>

enum { MOST_HELD = 64 };

typedef struct fixture {
    dozan_grpc_server *server;
    dozan_grpc_client *client;
    pthread_mutex_t held_lock; /* guards held and held_count */
    pthread_cond_t held_changed;
    dozan_grpc_call *held[MOST_HELD];
    size_t held_count;
} fixture;

/* *state is the options of the server on entry, and the fixture then. */
int setup(void **state);
int setup_tls(void **state);
int teardown(void **state);

/* The oldest call to Hold; waits for it. */
dozan_grpc_call *take_held(fixture *f);

/* Waits until 16 - `answered` calls are held, and answers the newest of them. */
void release_held(fixture *f, size_t answered);

/* A thread: calls Hold; its result is NULL unless the answer is "held". */
void *call_later(void *argument);

bool can_echo(fixture *f);
void expect_echo(fixture *f);

/* A call with a body of `size` zeros must fail like that; `text` is part of the message. */
void expect_error(fixture *f, const char *path, size_t size, dozan_status status, const char *text);

/* Over TLS, a client without a certificate must be refused. */
void expect_stranger_refused(fixture *f);

int dial(const fixture *f);
int greet(const fixture *f); /* with HTTP/2's first bytes sent */
void send_all(int fd, const void *bytes, size_t size);
void send_frame(int fd, uint8_t type, uint8_t flags, uint32_t stream, const uint8_t *payload,
                size_t size);

/* The headers of a request, with the token. */
void send_request(int fd, uint32_t stream, const char *method, const char *path, const char *type,
                  const char *timeout);

/* A request to Echo with metadata of that many bytes more. */
void send_large_request(int fd, uint32_t stream, size_t bytes);

/* Reads frames until the stream's headers or trailers have the line ("grpc-status: 0"), which must
 * come before the stream's end. */
void expect_answer(int fd, uint32_t stream, const char *line);

/* Reads until the server has closed the connection, and closes it here. */
void expect_close(int fd);
void hang_up(int fd);

/* A server that says these bytes to whoever connects, and then no more. */
typedef struct bad_server {
    const char *bytes;
    size_t size;
    uint16_t port;
    int listener;
    pthread_t thread;
} bad_server;
void bad_server_start(bad_server *server);
void bad_server_stop(bad_server *server);

#endif
