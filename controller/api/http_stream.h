/*
 * An answer that goes on: bytes that any thread writes and a client reads as they come, without a
 * thread that waits for either.
 *
 * A stream holds at most its limit of bytes that the client has not read. One more write cuts it
 * off: a client that does not keep up costs that much memory and no more, and sees its answer end.
 */
#ifndef DZ_API_HTTP_STREAM_H
#define DZ_API_HTTP_STREAM_H

#include "api/http.h"

enum { DZ_HTTP_STREAM_LIMIT = 4 << 20 };

/* A new one, with two owners: the writer, who ends it, and the answer that it is put into. */
DOZAN_MUST_USE dozan_status dz_http_stream_create(size_t limit, dz_http_stream **stream,
                                                  dozan_error *err);

/* Appends; false when nobody reads any more, the limit was reached, or there is no memory. */
bool dz_http_stream_write(dz_http_stream *stream, const void *bytes, size_t size);

/* Whether a write can still reach anybody. */
bool dz_http_stream_open(dz_http_stream *stream);

/* Bytes that wait for the client. */
size_t dz_http_stream_waiting(dz_http_stream *stream);

/* What waits is not sent, and the client sees its answer break off: for a writer that cannot go on.
 */
void dz_http_stream_cut(dz_http_stream *stream);

/* The writer's last call: what was written is still sent. Takes NULL. */
void dz_http_stream_end(dz_http_stream *stream);

/* ---- the reader's side: http_server.c */

/* How to make a reader that has been told to wait read again; called under no lock of the caller's
 * but the stream's own. */
typedef void dz_http_stream_wake(void *user);

enum { DZ_HTTP_STREAM_WAIT = 0, DZ_HTTP_STREAM_OVER = -1, DZ_HTTP_STREAM_CUT = -2 };

/* Up to `size` bytes; WAIT after `wait` was called, under the stream's lock, so that no wake-up can
 * be missed. */
int64_t dz_http_stream_read(dz_http_stream *stream, char *bytes, size_t size,
                            dz_http_stream_wake *wait, dz_http_stream_wake *wake, void *user);

/* Cuts off a waiting reader when `gone` says so. */
typedef bool dz_http_stream_test(void *user);
void dz_http_stream_check(dz_http_stream *stream, dz_http_stream_test *gone);

/* The server stops: what has been written is sent, and nothing after it. */
void dz_http_stream_close(dz_http_stream *stream);

/* The reader's last call. */
void dz_http_stream_leave(dz_http_stream *stream);

#endif
