/*
 * The client of a service: requests over HTTP with JSON answers, and answers that go on.
 *
 * The service's certificate is always checked. The token is sent to the service alone, never over
 * a connection that others can read, and stands in no message. One thread at a time.
 */
#ifndef DZ_CLI_CLIENT_H
#define DZ_CLI_CLIENT_H

#include "cli/target.h"
#include <dozan/buf.h>

typedef struct dz_client dz_client;

/* Borrows the target. INVALID_ARGUMENT: the address, the token's file or a certificate is none. */
DOZAN_MUST_USE dozan_status dz_client_create(const dz_target *target, dz_client **client,
                                             dozan_error *err);
void dz_client_destroy(dz_client *client);

const dz_target *dz_client_target(const dz_client *client);

/* What is asked. */
typedef struct dz_client_request {
    const char *method;
    const char *path; /* with its query, and %XX where needed: see dz_client_escape */
    const char *type; /* of the body */
    const char *body; /* NULL = none */
    size_t size;
} dz_client_request;

/* Sends it and waits for the whole answer: *tree (may be NULL) is the caller's. An error of the
 * service has its own sentence, and the code of its status: NOT_FOUND, ALREADY_EXISTS, ABORTED (a
 * conflict), OUT_OF_RANGE (410), UNAUTHENTICATED, PERMISSION_DENIED, RESOURCE_EXHAUSTED,
 * INVALID_ARGUMENT, ... UNAVAILABLE: it cannot be reached; FAILED_PRECONDITION: it is not the one
 * that it should be (its certificate). */
DOZAN_MUST_USE dozan_status dz_client_call(dz_client *client, const dz_client_request *request,
                                           cJSON **tree, dozan_error *err);

/* The whole message of the last answer that was an error, which may have several lines; "" = none.
 * Borrowed until the next call. */
const char *dz_client_refusal(const dz_client *client);

/* Appends a part of a path or a query with all that has a meaning there as %XX. */
void dz_client_escape(dozan_buf *path, const char *text);

/* ---- answers that go on */

/* Gets a part of an answer; false = enough. */
typedef bool dz_client_sink(void *user, const char *bytes, size_t size);

typedef struct dz_client_stream {
    const char *path;
    dz_client_sink *sink;
    void *user;

    /* once it has ended: OK = the service has ended it as it should */
    bool ended;
    dozan_status status;
    dozan_error err;
} dz_client_stream;

typedef enum dz_client_end {
    DZ_CLIENT_ENDED,       /* one of the streams */
    DZ_CLIENT_ENOUGH,      /* a sink said so */
    DZ_CLIENT_INTERRUPTED, /* something can be read from `interrupt` */
    DZ_CLIENT_LATE
} dz_client_end;

/* Reads the streams (all from their beginning) until one of them ends, a sink has enough, the time
 * is over (milliseconds of CLOCK_MONOTONIC; INT64_MAX = never) or a file becomes readable (-1 =
 * none). */
DOZAN_MUST_USE dozan_status dz_client_follow(dz_client *client, dz_client_stream *streams,
                                             size_t count, int interrupt, int64_t until_ms,
                                             dz_client_end *end, dozan_error *err);

/* Waits likewise, without a stream: for a time between two requests. True = interrupted. */
bool dz_client_pause(int interrupt, int64_t milliseconds);

int64_t dz_client_clock(void); /* CLOCK_MONOTONIC in milliseconds */

#endif
