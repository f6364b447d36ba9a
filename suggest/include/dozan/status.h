/*
 * Status codes and the one error type of Dozan.
 *
 * The codes are gRPC's, number for number, so that a status crosses the wire unchanged; the table
 * below gives each its text, its HTTP code and whether a retry of the same call can help.
 */
#ifndef DOZAN_STATUS_H
#define DOZAN_STATUS_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#define DOZAN_STATUS_TABLE(X)                                                                      \
    X(OK, 0, 200, false, "ok")                                                                     \
    X(CANCELLED, 1, 499, false, "cancelled")                                                       \
    X(UNKNOWN, 2, 500, false, "unknown error")                                                     \
    X(INVALID_ARGUMENT, 3, 400, false, "invalid argument")                                         \
    X(DEADLINE_EXCEEDED, 4, 504, true, "deadline exceeded")                                        \
    X(NOT_FOUND, 5, 404, false, "not found")                                                       \
    X(ALREADY_EXISTS, 6, 409, false, "already exists")                                             \
    X(PERMISSION_DENIED, 7, 403, false, "permission denied")                                       \
    X(RESOURCE_EXHAUSTED, 8, 429, true, "resource exhausted")                                      \
    X(FAILED_PRECONDITION, 9, 409, false, "failed precondition")                                   \
    X(ABORTED, 10, 409, true, "aborted")                                                           \
    X(OUT_OF_RANGE, 11, 400, false, "out of range")                                                \
    X(UNIMPLEMENTED, 12, 501, false, "not implemented")                                            \
    X(INTERNAL, 13, 500, false, "internal error")                                                  \
    X(UNAVAILABLE, 14, 503, true, "unavailable")                                                   \
    X(DATA_LOSS, 15, 500, false, "data loss")                                                      \
    X(UNAUTHENTICATED, 16, 401, false, "unauthenticated")

typedef enum dozan_status {
#define DOZAN_STATUS_ENUM(name, code, http, retry, text) DOZAN_##name = (code),
    DOZAN_STATUS_TABLE(DOZAN_STATUS_ENUM)
#undef DOZAN_STATUS_ENUM
} dozan_status;

#define DOZAN_MUST_USE __attribute__((warn_unused_result))
#define DOZAN_PRINTF(format_index, first) __attribute__((format(printf, format_index, first)))

/* What went wrong, and where. Fixed size: setting one never allocates and never fails; long text is
 * cut at a character's end and marked with "...". */
typedef struct dozan_error {
    dozan_status code;
    char place[192];   /* "experiment.yaml:14: spec.parameters[2]"; empty when there is none */
    char message[512]; /* what, why and what to do, without a full stop at the end */
} dozan_error;

/* Fills *err (which may be NULL) and returns `code`, so that a caller can write `return
 * dozan_error_set(...)`. `place` may be NULL. */
dozan_status dozan_error_set(dozan_error *err, dozan_status code, const char *place,
                             const char *format, ...) DOZAN_PRINTF(4, 5);

/* Puts the formatted text and ": " before the message, on the way up. Returns err's code (INTERNAL
 * when err is NULL). */
dozan_status dozan_error_wrap(dozan_error *err, const char *format, ...) DOZAN_PRINTF(2, 3);

/* Writes "place: message" (or what of it there is) into text[size], always terminated. */
void dozan_error_text(const dozan_error *err, char *text, size_t size);

/* The code's name in gRPC's spelling ("INVALID_ARGUMENT"), its text, its HTTP code, and whether to
 * try again. Any int may be passed: one outside the table is UNKNOWN. */
const char *dozan_status_name(int code);
const char *dozan_status_text(int code);
int dozan_status_http(int code);
bool dozan_status_retryable(int code);

#endif
