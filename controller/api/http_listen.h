/*
 * The socket that the HTTP server listens at, and the files of its TLS.
 */
#ifndef DZ_API_HTTP_LISTEN_H
#define DZ_API_HTTP_LISTEN_H

#include "api/http_exchange.h"

/* Binds and listens. host: as a client of this machine writes it. PERMISSION_DENIED: not loopback,
 * where only that is allowed. */
DOZAN_MUST_USE dozan_status dz_http_listen(const char *address, bool loopback_only, int backlog,
                                           int *socket_fd, uint16_t *port,
                                           char host[HTTP_HOST_TEXT], dozan_error *err);

/* Whether a Host header names this machine by a loopback name. */
bool dz_http_host_is_loopback(const char *host);

/* Reads the files of the config; nothing without tls_cert. */
DOZAN_MUST_USE dozan_status dz_http_tls_read(const dz_http_config *config, http_tls *tls,
                                             dozan_error *err);
void dz_http_tls_fini(http_tls *tls);

/* The common name of the client's certificate, when it was checked: true, and it is in name[size].
 */
bool dz_http_tls_peer(struct MHD_Connection *link, char *name, size_t size);

#endif
