/*
 * Listening, and the two kinds of socket.
 */
#include "grpc_socket.h"

#include <arpa/inet.h>
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
    bool demands_certificate, asks_for_certificate;
};

struct dz_grpc_socket {
    int fd;
    gnutls_session_t session; /* NULL: plain */
    bool greeted;
    bool verifies; /* the other side's certificate, if it shows one */
};

static int listen_at(const struct addrinfo *info, uint16_t *port);
static bool start_tls(dz_grpc_socket *s, dz_grpc_tls *tls, const char *server_name);
static int set_verification(gnutls_session_t session, const dz_grpc_tls *tls,
                            const char *server_name);
static int connect_to(const struct addrinfo *info);
static dozan_status resolve(const char *host, uint16_t port, int flags, struct addrinfo **found,
                            dozan_error *err);
static int read_peer(const dz_grpc_socket *s, char peer[DZ_GRPC_PEER_NAME]);
static int outcome_of(ssize_t number);

/* One parameter more than the lint likes. NOLINTNEXTLINE(readability-function-size) */
dozan_status dz_grpc_tls_create(const char *cert_file, const char *key_file, const char *ca_file,
                                bool lenient, dz_grpc_tls **tls, dozan_error *err)
{
    dz_grpc_tls *made = calloc(1, sizeof(*made));
    if (made == NULL || gnutls_certificate_allocate_credentials(&made->credentials) != 0) {
        free(made);
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "no memory for TLS");
    }
    const char *file = cert_file;
    int number = 0;
    if (cert_file != NULL)
        number = gnutls_certificate_set_x509_key_file(made->credentials, cert_file,
                                                      key_file != NULL ? key_file : cert_file,
                                                      GNUTLS_X509_FMT_PEM);
    if (number >= 0 && ca_file != NULL) {
        file = ca_file;
        made->demands_certificate = !lenient;
        made->asks_for_certificate = lenient;
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
    struct addrinfo *found = NULL;
    dozan_status status = resolve(host, wanted_port, AI_PASSIVE, &found, err);
    if (status != DOZAN_OK)
        return status;
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

dozan_status dz_grpc_connect(const char *host, uint16_t port, int *fd, dozan_error *err)
{
    struct addrinfo *found = NULL;
    dozan_status status = resolve(host, port, 0, &found, err);
    if (status != DOZAN_OK)
        return status;
    int made = -1;
    int cause = 0;
    for (const struct addrinfo *info = found; info != NULL && made < 0; info = info->ai_next) {
        made = connect_to(info);
        cause = errno;
    }
    freeaddrinfo(found);
    if (made < 0)
        return dozan_error_set(err, DOZAN_UNAVAILABLE, NULL, "cannot connect to %s, port %u: %s",
                               host, (unsigned)port, strerrordesc_np(cause));
    *fd = made;
    return DOZAN_OK;
}

/* -1 with errno. An address that refuses at once, as this machine's do, makes room for the next. */
static int connect_to(const struct addrinfo *info)
{
    int fd = socket(info->ai_family, info->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC,
                    info->ai_protocol);
    if (fd < 0)
        return -1;
    if (connect(fd, info->ai_addr, info->ai_addrlen) == 0 || errno == EINPROGRESS)
        return fd;
    int cause = errno;
    (void)close(fd);
    errno = cause;
    return -1;
}

static dozan_status resolve(const char *host, uint16_t port, int flags, struct addrinfo **found,
                            dozan_error *err)
{
    char service[8];
    const struct addrinfo hints = {
        .ai_flags = flags | AI_NUMERICSERV, .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    (void)snprintf(service, sizeof(service), "%u", (unsigned)port);
    int number = getaddrinfo(host, service, &hints, found);
    if (number == 0)
        return DOZAN_OK;
    return dozan_error_set(err, number == EAI_AGAIN ? DOZAN_UNAVAILABLE : DOZAN_INVALID_ARGUMENT,
                           host, "has no address: %s", gai_strerror(number));
}

dz_grpc_socket *dz_grpc_socket_create(int fd, dz_grpc_tls *tls, const char *server_name)
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
    if (tls == NULL || start_tls(s, tls, server_name))
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
    if (!http2 || read_peer(s, peer) != 0)
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

static bool start_tls(dz_grpc_socket *s, dz_grpc_tls *tls, const char *server_name)
{
    static unsigned char h2[] = "h2";
    const gnutls_datum_t protocol = {.data = h2, .size = 2};
    unsigned side = server_name != NULL ? GNUTLS_CLIENT : GNUTLS_SERVER;
    int number = gnutls_init(&s->session, side | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL);
    if (number == 0)
        number = gnutls_priority_set_direct(s->session,
                                            "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2", NULL);
    if (number == 0)
        number = gnutls_credentials_set(s->session, GNUTLS_CRD_CERTIFICATE, tls->credentials);
    if (number == 0)
        number = gnutls_alpn_set_protocols(s->session, &protocol, 1, 0);
    if (number == 0)
        number = set_verification(s->session, tls, server_name);
    if (number != 0)
        return false;
    s->verifies = server_name == NULL && tls->asks_for_certificate;
    gnutls_transport_set_int(s->session, s->fd);
    return true;
}

static int set_verification(gnutls_session_t session, const dz_grpc_tls *tls,
                            const char *server_name)
{
    struct in6_addr address;
    int number = 0;
    if (server_name == NULL && tls->demands_certificate)
        gnutls_certificate_server_set_request(session, GNUTLS_CERT_REQUIRE);
    if (server_name == NULL && tls->asks_for_certificate)
        gnutls_certificate_server_set_request(session, GNUTLS_CERT_REQUEST);
    bool is_name = server_name != NULL && inet_pton(AF_INET, server_name, &address) != 1 &&
                   inet_pton(AF_INET6, server_name, &address) != 1;
    if (is_name)
        number = gnutls_server_name_set(session, GNUTLS_NAME_DNS, server_name, strlen(server_name));
    if (server_name != NULL || tls->demands_certificate)
        gnutls_session_set_verify_cert(session, server_name, 0);
    return number;
}

/* The first certificate of the other side's chain was checked in the handshake, if one was
 * demanded; one that was only asked for is checked here. */
static int read_peer(const dz_grpc_socket *s, char peer[DZ_GRPC_PEER_NAME])
{
    unsigned count = 0, faults = 0;
    const gnutls_datum_t *chain = gnutls_certificate_get_peers(s->session, &count);
    if (chain == NULL || count == 0)
        return 0;
    if (s->verifies && (gnutls_certificate_verify_peers2(s->session, &faults) != 0 || faults != 0))
        return GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR;
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
