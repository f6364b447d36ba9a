/*
 * The inside of the client, in two files: client.c has the calls and their order, credentials.c
 * what proves who we are.
 */
#ifndef DZ_KUBERNETES_CLIENT_PARTS_H
#define DZ_KUBERNETES_CLIENT_PARTS_H

#include "kubernetes/client.h"

#include <curl/curl.h>
#include <dozan/buf.h>

/* What proves who we are, as curl wants it. Keys are in files that have no name and vanish with
 * us. */
typedef struct cluster_credentials {
    const dz_cluster_access *access;
    char *authorities, *certificate, *key; /* paths "/proc/self/fd/N", or NULL */
    int files[3];
    char *bearer;     /* "Authorization: Bearer ...", or NULL */
    char *userpwd;    /* "name:password", or NULL */
    int64_t renew_ms; /* monotonic: when they are to be read again; INT64_MAX = never */
} cluster_credentials;

DOZAN_MUST_USE dozan_status cluster_credentials_init(cluster_credentials *credentials,
                                                     const dz_cluster_access *access,
                                                     dozan_error *err);
void cluster_credentials_fini(cluster_credentials *credentials);

/* Reads anew what may have changed: the token's file, or what the program gives. False when there
 * is nothing that could. */
bool cluster_credentials_can_renew(const cluster_credentials *credentials);
DOZAN_MUST_USE dozan_status cluster_credentials_renew(cluster_credentials *credentials,
                                                      dozan_error *err);

/* Makes a handle speak TLS as the access says, and prove who we are but for the bearer's header. */
bool cluster_credentials_apply(const cluster_credentials *credentials, CURL *handle);

#endif
