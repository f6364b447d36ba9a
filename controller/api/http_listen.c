#include "api/http_listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ADDRESS_MAX = 256, PEM_MAX = 1 << 20 };

static dozan_status split(const char *address, char host[ADDRESS_MAX], char port[8],
                          dozan_error *err);
static bool is_loopback(const struct sockaddr *address);
static dozan_status bind_one(const struct addrinfo *info, const char *address, int backlog,
                             int *socket_fd, dozan_error *err);
static dozan_status tell_name(int fd, uint16_t *port, char host[HTTP_HOST_TEXT], dozan_error *err);
static dozan_status read_pem(const char *path, char **text, dozan_error *err);

dozan_status dz_http_listen(const char *address, bool loopback_only, int backlog, int *socket_fd,
                            uint16_t *port, char host[HTTP_HOST_TEXT], dozan_error *err)
{
    char name[ADDRESS_MAX] = "", service[8] = "";
    struct addrinfo hints = {.ai_family = AF_UNSPEC,
                             .ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    dozan_status status = split(address, name, service, err);
    if (status != DOZAN_OK)
        return status;
    int number = getaddrinfo(name[0] != '\0' ? name : NULL, service, &hints, &found);
    if (number != 0)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, address, "no such address: %s",
                               gai_strerror(number));
    if (loopback_only && !is_loopback(found->ai_addr))
        status = dozan_error_set(
            err, DOZAN_PERMISSION_DENIED, address,
            "this address can be reached from other machines, where everybody could run commands "
            "here: set users with --auth FILE, or listen on 127.0.0.1");
    else
        status = bind_one(found, address, backlog, socket_fd, err);
    freeaddrinfo(found);
    return status == DOZAN_OK && *socket_fd >= 0 ? tell_name(*socket_fd, port, host, err) : status;
}

bool dz_http_host_is_loopback(const char *host)
{
    char name[ADDRESS_MAX], port[8];
    struct in_addr four;
    if (host == NULL)
        return true; /* HTTP/1.0: no browser */
    if (strchr(host, ']') == NULL && strchr(host, ':') == NULL) {
        if (strlen(host) >= sizeof(name))
            return false;
        memcpy(name, host, strlen(host) + 1);
    } else if (split(host, name, port, NULL) != DOZAN_OK) {
        return false;
    }
    if (strcasecmp(name, "localhost") == 0 || strcmp(name, "::1") == 0)
        return true;
    return inet_pton(AF_INET, name, &four) == 1 && ntohl(four.s_addr) >> 24 == 127;
}

dozan_status dz_http_tls_read(const dz_http_config *config, http_tls *tls, dozan_error *err)
{
    if (config->tls_cert == NULL && config->tls_key == NULL && config->tls_ca == NULL)
        return DOZAN_OK;
    if (config->tls_cert == NULL || config->tls_key == NULL)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, NULL,
                               "TLS needs both a certificate and its key");
    dozan_status status = read_pem(config->tls_cert, &tls->cert, err);
    if (status == DOZAN_OK)
        status = read_pem(config->tls_key, &tls->key, err);
    if (status == DOZAN_OK && config->tls_ca != NULL)
        status = read_pem(config->tls_ca, &tls->ca, err);
    return status;
}

void dz_http_tls_fini(http_tls *tls)
{
    if (tls->key != NULL)
        explicit_bzero(tls->key, strlen(tls->key));
    free(tls->cert);
    free(tls->key);
    free(tls->ca);
}

bool dz_http_tls_peer(struct MHD_Connection *link, char *name, size_t size)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(link, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    gnutls_x509_crt_t certificate;
    unsigned verdict = 1, count = 0;
    if (info == NULL || info->tls_session == NULL)
        return false;
    gnutls_session_t session = info->tls_session;
    const gnutls_datum_t *list = gnutls_certificate_get_peers(session, &count);
    if (list == NULL || count == 0 || gnutls_certificate_verify_peers2(session, &verdict) < 0 ||
        verdict != 0 || gnutls_x509_crt_init(&certificate) < 0)
        return false;
    bool good = gnutls_x509_crt_import(certificate, &list[0], GNUTLS_X509_FMT_DER) >= 0 &&
                gnutls_x509_crt_get_dn_by_oid(certificate, GNUTLS_OID_X520_COMMON_NAME, 0, 0, name,
                                              &size) >= 0;
    gnutls_x509_crt_deinit(certificate);
    return good;
}

/* "HOST:PORT", "[IPV6]:PORT", ":PORT". */
static dozan_status split(const char *address, char host[ADDRESS_MAX], char port[8],
                          dozan_error *err)
{
    const char *colon = strrchr(address, ':');
    const char *end = colon;
    if (colon == NULL || strlen(colon + 1) == 0 || strlen(colon + 1) > 5 ||
        strspn(colon + 1, "0123456789") != strlen(colon + 1) || colon - address >= ADDRESS_MAX)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, address,
                               "an address is HOST:PORT, as in 127.0.0.1:7070 or [::1]:7070");
    if (*address == '[' && colon > address && colon[-1] == ']') {
        address++;
        end--;
    }
    memcpy(host, address, (size_t)(end - address));
    host[end - address] = '\0';
    memcpy(port, colon + 1, strlen(colon + 1) + 1);
    return DOZAN_OK;
}

static bool is_loopback(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET)
        return ntohl(((const struct sockaddr_in *)(const void *)address)->sin_addr.s_addr) >> 24 ==
               127;
    return address->sa_family == AF_INET6 &&
           IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)(const void *)address)->sin6_addr);
}

static dozan_status bind_one(const struct addrinfo *info, const char *address, int backlog,
                             int *socket_fd, dozan_error *err)
{
    int on = 1;
    int fd = socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
        bind(fd, info->ai_addr, info->ai_addrlen) == 0 && listen(fd, backlog) == 0) {
        *socket_fd = fd;
        return DOZAN_OK;
    }
    int number = errno;
    if (fd >= 0)
        (void)close(fd);
    return dozan_error_set(err, number == EACCES ? DOZAN_PERMISSION_DENIED : DOZAN_UNAVAILABLE,
                           address, "cannot listen here: %s%s", strerrordesc_np(number),
                           number == EADDRINUSE ? ": another program does" : "");
}

static dozan_status tell_name(int fd, uint16_t *port, char host[HTTP_HOST_TEXT], dozan_error *err)
{
    struct sockaddr_storage bound = {0};
    socklen_t size = sizeof(bound);
    char text[INET6_ADDRSTRLEN] = "";
    if (getsockname(fd, (struct sockaddr *)&bound, &size) != 0)
        return dozan_error_set(err, DOZAN_INTERNAL, NULL, "the address cannot be read: %s",
                               strerrordesc_np(errno));
    if (bound.ss_family == AF_INET) {
        const struct sockaddr_in *four = (const struct sockaddr_in *)(const void *)&bound;
        *port = ntohs(four->sin_port);
        bool any = four->sin_addr.s_addr == htonl(INADDR_ANY);
        (void)inet_ntop(AF_INET, &four->sin_addr, text, sizeof(text));
        (void)snprintf(host, HTTP_HOST_TEXT, "%s", any ? "127.0.0.1" : text);
    } else {
        struct sockaddr_in6 six = {0};
        memcpy(&six, &bound, sizeof(six));
        *port = ntohs(six.sin6_port);
        (void)inet_ntop(AF_INET6, &six.sin6_addr, text, sizeof(text));
        (void)snprintf(host, HTTP_HOST_TEXT, "[%s]",
                       IN6_IS_ADDR_UNSPECIFIED(&six.sin6_addr) ? "::1" : text);
    }
    return DOZAN_OK;
}

static dozan_status read_pem(const char *path, char **text, dozan_error *err)
{
    dozan_buf buf;
    char part[4096];
    size_t got;
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return dozan_error_set(err, DOZAN_NOT_FOUND, path, "cannot be read: %s",
                               strerrordesc_np(errno));
    dozan_buf_init(&buf, PEM_MAX);
    while ((got = fread(part, 1, sizeof(part), file)) > 0)
        dozan_buf_append(&buf, part, got);
    bool failed = ferror(file) != 0 || buf.failed;
    (void)fclose(file);
    explicit_bzero(part, sizeof(part));
    *text = failed ? NULL : dozan_buf_take(&buf);
    dozan_buf_fini(&buf);
    if (*text == NULL)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, path,
                               "cannot be read, or has more than 1 MiB");
    return DOZAN_OK;
}
