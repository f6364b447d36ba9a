/*
 * Listening, and the two kinds of socket.
 */
#include "grpc_socket.h"

#include <errno.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 256 };

struct dz_grpc_tls {
    gnutls_certificate_credentials_t credentials;
    bool demands_certificate;
};

struct dz_grpc_socket {
    int fd;
    gnutls_session_t session; /* NULL: plain */
    bool greeted;
};

static int listen_at(const struct addrinfo *info, uint16_t *port);
static bool start_tls(dz_grpc_socket *s, dz_grpc_tls *tls);
static int read_peer(gnutls_session_t session, char peer[DZ_GRPC_PEER_NAME]);
static int outcome_of(ssize_t number);

dozan_status dz_grpc_tls_create(const char *cert_file, const char *ca_file, dz_grpc_tls **tls,
                                dozan_error *err)
{
    dz_grpc_tls *made = calloc(1, sizeof(*made));
    if (made == NULL || gnutls_certificate_allocate_credentials(&made->credentials) != 0) {
        free(made);
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "no memory for TLS");
    }
    const char *file = cert_file;
    int number = gnutls_certificate_set_x509_key_file(made->credentials, cert_file, cert_file,
                                                      GNUTLS_X509_FMT_PEM);
    if (number >= 0 && ca_file != NULL) {
        file = ca_file;
        made->demands_certificate = true;
        number =
            gnutls_certificate_set_x509_trust_file(made->credentials, ca_file, GNUTLS_X509_FMT_PEM);
        if (number == 0)
            number = GNUTLS_E_NO_CERTIFICATE_FOUND;
    }
    if (number >= 0) {
        *tls = made;
        return DOZAN_OK;
    }
    dz_grpc_tls_destroy(made);
    return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, file,
                           "cannot be used for TLS: %s; it must be a readable PEM file",
                           gnutls_strerror(number));
}

void dz_grpc_tls_destroy(dz_grpc_tls *tls)
{
    if (tls == NULL)
        return;
    gnutls_certificate_free_credentials(tls->credentials);
    free(tls);
}

dozan_status dz_grpc_listen(const char *host, uint16_t wanted_port, int *fd, uint16_t *port,
                            dozan_error *err)
{
    char service[8];
    struct addrinfo *found = NULL;
    const struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICSERV,
                                   .ai_family = AF_UNSPEC,
                                   .ai_socktype = SOCK_STREAM};
    (void)snprintf(service, sizeof(service), "%u", (unsigned)wanted_port);
    int number = getaddrinfo(host, service, &hints, &found);
    if (number != 0)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, host, "has no address: %s",
                               gai_strerror(number));
    int made = -1;
    int cause = 0;
    for (const struct addrinfo *info = found; info != NULL && made < 0; info = info->ai_next) {
        made = listen_at(info, port);
        cause = errno;
    }
    freeaddrinfo(found);
    if (made < 0)
        return dozan_error_set(err, cause == EADDRINUSE ? DOZAN_ALREADY_EXISTS : DOZAN_UNAVAILABLE,
                               NULL, "cannot listen on %s, port %u: %s", host,
                               (unsigned)wanted_port, strerrordesc_np(cause));
    *fd = made;
    return DOZAN_OK;
}

/* -1 with errno. */
static int listen_at(const struct addrinfo *info, uint16_t *port)
{
    static const int on = 1;
    char service[8];
    struct sockaddr_storage address;
    socklen_t size = sizeof(address);
    int fd = socket(info->ai_family, info->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC,
                    info->ai_protocol);
    if (fd < 0)
        return -1;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
        bind(fd, info->ai_addr, info->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0 &&
        getsockname(fd, (struct sockaddr *)&address, &size) == 0 &&
        getnameinfo((struct sockaddr *)&address, size, NULL, 0, service, sizeof(service),
                    NI_NUMERICSERV) == 0) {
        *port = (uint16_t)strtoul(service, NULL, 10);
        return fd;
    }
    int cause = errno;
    (void)close(fd);
    errno = cause;
    return -1;
}

dz_grpc_socket *dz_grpc_socket_create(int fd, dz_grpc_tls *tls)
{
    static const int on = 1;
    dz_grpc_socket *s = calloc(1, sizeof(*s));
    if (s == NULL) {
        (void)close(fd);
        return NULL;
    }
    s->fd = fd;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on,
                     sizeof(on)); /* slower without it, no worse */
    if (tls == NULL || start_tls(s, tls))
        return s;
    dz_grpc_socket_destroy(s);
    return NULL;
}

void dz_grpc_socket_destroy(dz_grpc_socket *s)
{
    if (s == NULL)
        return;
    if (s->session != NULL) {
        if (s->greeted)
            (void)gnutls_bye(s->session, GNUTLS_SHUT_WR); /* whether it leaves does not matter */
        gnutls_deinit(s->session);
    }
    (void)close(s->fd);
    free(s);
}

int dz_grpc_socket_fd(const dz_grpc_socket *s)
{
    return s->fd;
}

int dz_grpc_socket_greet(dz_grpc_socket *s, char peer[DZ_GRPC_PEER_NAME])
{
    peer[0] = '\0';
    if (s->session == NULL || s->greeted)
        return 0;
    int number = gnutls_handshake(s->session);
    if (number != 0)
        return gnutls_error_is_fatal(number) ? DZ_GRPC_BROKEN : DZ_GRPC_AGAIN;
    gnutls_datum_t protocol = {0};
    bool http2 = gnutls_alpn_get_selected_protocol(s->session, &protocol) == 0 &&
                 protocol.size == 2 && memcmp(protocol.data, "h2", 2) == 0;
    if (!http2 || read_peer(s->session, peer) != 0)
        return DZ_GRPC_BROKEN;
    s->greeted = true;
    return 0;
}

ssize_t dz_grpc_socket_receive(dz_grpc_socket *s, void *room, size_t size)
{
    if (s->session != NULL)
        return outcome_of(gnutls_record_recv(s->session, room, size));
    ssize_t number = recv(s->fd, room, size, 0);
    if (number >= 0)
        return number;
    return errno == EAGAIN || errno == EINTR ? DZ_GRPC_AGAIN : DZ_GRPC_BROKEN;
}

ssize_t dz_grpc_socket_send(dz_grpc_socket *s, const void *bytes, size_t size)
{
    if (s->session != NULL)
        return outcome_of(gnutls_record_send(s->session, bytes, size));
    ssize_t number = send(s->fd, bytes, size, MSG_NOSIGNAL);
    if (number >= 0)
        return number;
    return errno == EAGAIN || errno == EINTR ? DZ_GRPC_AGAIN : DZ_GRPC_BROKEN;
}

bool dz_grpc_socket_has_more(const dz_grpc_socket *s)
{
    return s->session != NULL && gnutls_record_check_pending(s->session) > 0;
}

bool dz_grpc_socket_wants_write(const dz_grpc_socket *s)
{
    return s->session != NULL && !s->greeted && gnutls_record_get_direction(s->session) == 1;
}

/* ---- TLS ------------------------------------------------------------------------------------ */

static bool start_tls(dz_grpc_socket *s, dz_grpc_tls *tls)
{
    static unsigned char h2[] = "h2";
    const gnutls_datum_t protocol = {.data = h2, .size = 2};
    int number = gnutls_init(&s->session, GNUTLS_SERVER | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL);
    if (number == 0)
        number = gnutls_priority_set_direct(s->session,
                                            "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2", NULL);
    if (number == 0)
        number = gnutls_credentials_set(s->session, GNUTLS_CRD_CERTIFICATE, tls->credentials);
    if (number == 0)
        number = gnutls_alpn_set_protocols(s->session, &protocol, 1, 0);
    if (number != 0)
        return false;
    if (tls->demands_certificate) {
        gnutls_certificate_server_set_request(s->session, GNUTLS_CERT_REQUIRE);
        gnutls_session_set_verify_cert(s->session, NULL, 0);
    }
    gnutls_transport_set_int(s->session, s->fd);
    return true;
}

/* The first certificate of the client's chain was checked in the handshake, if one was demanded. */
static int read_peer(gnutls_session_t session, char peer[DZ_GRPC_PEER_NAME])
{
    unsigned count = 0;
    const gnutls_datum_t *chain = gnutls_certificate_get_peers(session, &count);
    if (chain == NULL || count == 0)
        return 0;
    gnutls_x509_crt_t certificate = NULL;
    size_t size = DZ_GRPC_PEER_NAME;
    int number = gnutls_x509_crt_init(&certificate);
    if (number == 0)
        number = gnutls_x509_crt_import(certificate, &chain[0], GNUTLS_X509_FMT_DER);
    if (number == 0)
        number = gnutls_x509_crt_get_dn_by_oid(certificate, GNUTLS_OID_X520_COMMON_NAME, 0, 0, peer,
                                               &size);
    if (number == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
        number = 0;
    gnutls_x509_crt_deinit(certificate);
    return number;
}

static int outcome_of(ssize_t number)
{
    if (number >= 0)
        return (int)number;
    return gnutls_error_is_fatal((int)number) ? DZ_GRPC_BROKEN : DZ_GRPC_AGAIN;
}
