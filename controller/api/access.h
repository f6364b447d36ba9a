/*
 * Who may make a request over HTTP: the users of auth/auth.h, asked by the server for each request,
 * and read again while it runs.
 */
#ifndef DZ_API_ACCESS_H
#define DZ_API_ACCESS_H

#include "api/http_server.h"

typedef struct dz_access dz_access;

DOZAN_MUST_USE dozan_status dz_access_create(const char *path, dz_access **access,
                                             dozan_error *err);

/* After the server's: the names of users are in its log. */
void dz_access_destroy(dz_access *access);

/* Reads the file again; after an error the users stay as they were. Any thread. */
DOZAN_MUST_USE dozan_status dz_access_reload(dz_access *access, dozan_error *err);

/* For dz_http_config; the context is a dz_access. */
dz_http_authorize dz_access_authorize;

/* Who calls, by the value of "authorization" or the common name of a certificate (either may be
 * NULL). UNAUTHENTICATED. The user lives as long as the access. */
DOZAN_MUST_USE dozan_status dz_access_find(dz_access *access, const char *authorization,
                                           const char *certificate, const dz_auth_user **user,
                                           dozan_error *err);

#endif
