/*
 * A socket of gRPC's server or client that never waits, plain or with TLS (GnuTLS: the library that
 * the HTTP server's TLS is of, too).
 */
#ifndef DZ_GRPC_SOCKET_H
#define DZ_GRPC_SOCKET_H

#include <dozan/grpc.h>

#include <sys/types.h>

typedef struct dz_grpc_tls dz_grpc_tls; /* what all connections of one side share */
typedef struct dz_grpc_socket dz_grpc_socket;

enum { DZ_GRPC_AGAIN = -1, DZ_GRPC_BROKEN = -2, DZ_GRPC_PEER_NAME = 256 };

/* Our certificate, its key (NULL: in the same file), and the authorities to trust for the other
 * side's, which must show a certificate where these are given, or may when `lenient`; certificate
 * and authorities may be NULL. INVALID_ARGUMENT: a file that cannot be used. */
DOZAN_MUST_USE dozan_status dz_grpc_tls_create(const char *cert_file, const char *key_file,
                                               const char *ca_file, bool lenient, dz_grpc_tls **tls,
                                               dozan_error *err);
void dz_grpc_tls_destroy(dz_grpc_tls *tls);

/* Listens; *port is the port that it has got. */
DOZAN_MUST_USE dozan_status dz_grpc_listen(const char *host, uint16_t wanted_port, int *fd,
                                           uint16_t *port, dozan_error *err);

/* Begins to connect; *fd may not be connected yet. UNAVAILABLE. */
DOZAN_MUST_USE dozan_status dz_grpc_connect(const char *host, uint16_t port, int *fd,
                                            dozan_error *err);

/* Takes the descriptor, also when it returns NULL (no memory). `tls` may be NULL; `server_name` is
 * whose certificate a client demands, and NULL at the server. */
dz_grpc_socket *dz_grpc_socket_create(int fd, dz_grpc_tls *tls, const char *server_name);
/* Takes NULL. */
void dz_grpc_socket_destroy(dz_grpc_socket *s);
int dz_grpc_socket_fd(const dz_grpc_socket *s);

/* Goes on with TLS's handshake: 0 once it is done (at once without TLS), or AGAIN, or BROKEN. Then
 * `peer` is the common name of the other side's certificate; empty when it has none. */
int dz_grpc_socket_greet(dz_grpc_socket *s, char peer[DZ_GRPC_PEER_NAME]);

/* Bytes, 0 at the end (receive), AGAIN or BROKEN. A send that was answered AGAIN is repeated with
 * the same bytes. */
ssize_t dz_grpc_socket_receive(dz_grpc_socket *s, void *room, size_t size);
ssize_t dz_grpc_socket_send(dz_grpc_socket *s, const void *bytes, size_t size);

/* Whether bytes are waiting inside TLS, of which the descriptor does not tell. */
bool dz_grpc_socket_has_more(const dz_grpc_socket *s);

/* Whether TLS wants to write before it can go on. */
bool dz_grpc_socket_wants_write(const dz_grpc_socket *s);

#endif
