/*
 * The configuration with which kubectl and Katib's SDK find the service.
 */
#ifndef DZ_CLI_KUBECONFIG_H
#define DZ_CLI_KUBECONFIG_H

#include <dozan/status.h>

/* Writes it whole or not at all, for its owner alone to read. tls_cert (may be NULL) is what the
 * server shows: the one that clients are to trust. With `users`, a place for a token is in it. */
DOZAN_MUST_USE dozan_status dz_kubeconfig_write(const char *path, const char *url,
                                                const char *tls_cert, bool users, dozan_error *err);

#endif
