/*
 * The host: serves algorithms over nng REP, many calls at once.
 *
 * Slow asks run on worker threads, one experiment on one worker at a time; the answers of recent
 * request ids are kept, so a retry gets the first answer again. Every message is bounded in size,
 * and a malformed, truncated, oversized or unauthenticated one is answered with a status code.
 */
#ifndef DOZAN_HOST_H
#define DOZAN_HOST_H

#include <dozan/algorithm.h>

typedef struct dozan_host dozan_host;

typedef struct dozan_host_options {
    const char *token;         /* callers must send "authorization: Bearer <token>"; NULL = open */
    const char *tls_cert_file; /* tls+tcp: our certificate and key in one PEM; required there */
    const char *tls_ca_file;   /* tls+tcp: demand a client certificate signed by these, or NULL */
    size_t max_message_bytes;  /* 0 = 16 MiB */
    uint32_t workers;          /* 0 = number of CPUs, but at least 4 */
    uint32_t in_flight;        /* calls under way; one more gets RESOURCE_EXHAUSTED. 0 = 64 */
    uint32_t
        max_experiments; /* sessions kept; the least recently used is dropped beyond it. 0 = 1024 */
} dozan_host_options;

/* Starts serving the NULL-terminated table of algorithms at `url`. Refuses a tcp:// URL that is not
 * loopback unless a token is set (or, over TLS, client certificates are demanded). */
DOZAN_MUST_USE dozan_status dozan_host_create(const char *url,
                                              const dozan_algorithm *const *algorithms,
                                              const dozan_host_options *options, dozan_host **host,
                                              dozan_error *err);

/* Stops taking calls, waits for those under way, and frees. Takes NULL. */
void dozan_host_destroy(dozan_host *host);

#endif
