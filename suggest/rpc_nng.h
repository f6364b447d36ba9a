/*
 * What client and host share of nng: addresses, TLS, errors and the clock of deadlines.
 */
#ifndef DZ_RPC_NNG_H
#define DZ_RPC_NNG_H

#include <dozan/status.h>

#include <nng/nng.h>
#include <nng/supplemental/tls/tls.h>
#include <stdint.h>

/* What kind of address a URL is. */
typedef struct dz_rpc_address {
    bool tls;
    bool reachable_from_outside; /* a TCP address that is not loopback */
    char host[256];              /* of a TCP address; empty elsewhere */
} dz_rpc_address;

/* Reads an address; INVALID_ARGUMENT for anything but inproc://, ipc://, abstract://, tcp:// and
 * tls+tcp:// (and their tcp4 and tcp6 forms). */
DOZAN_MUST_USE dozan_status dz_rpc_address_read(const char *url, dz_rpc_address *address,
                                                dozan_error *err);

/* A TLS configuration that always verifies where it has someone to verify. TLS 1.2 at least.
 * `cert_file` is certificate and key in one PEM; both files may be NULL. */
typedef struct dz_rpc_tls {
    nng_tls_mode mode;
    const char *ca_file;
    const char *cert_file;
    const char *server_name; /* client only */
} dz_rpc_tls;
DOZAN_MUST_USE dozan_status dz_rpc_tls_create(const dz_rpc_tls *options, nng_tls_config **config,
                                              dozan_error *err);

/* Sets an error from nng's number: "<what>: <nng's text>". */
dozan_status dz_rpc_error(dozan_error *err, int number, const char *what);

/* Closes a socket. nng 1.5 may wait in nng_close for ever when the other side dies at that moment
 * (nng's issue 1543): such a socket is given up after a second, with the thread that closes it. */
void dz_rpc_close(nng_socket socket);

/* Milliseconds of the monotonic clock. */
int64_t dz_rpc_now_ms(void);

#endif
