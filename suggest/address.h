/*
 * What all transports ask of an address.
 */
#ifndef DZ_ADDRESS_H
#define DZ_ADDRESS_H

#include <dozan/status.h>

#include <stdint.h>

/* Whether a host certainly is this machine alone: a name other than localhost may resolve to
 * anything. */
bool dz_address_is_loopback(const char *host);

/* Whether `authorization` is "Bearer " and the token, compared in a time that does not depend on
 * where the two differ. NULL matches nothing. */
bool dz_bearer_matches(const char *token, const char *authorization);

/* grpc://HOST:PORT or grpcs://HOST:PORT; an IPv6 address stands in brackets. */
typedef struct dz_grpc_address {
    bool tls;
    char host[256]; /* without brackets */
    uint16_t port;
} dz_grpc_address;

/* Whether it has one of the two schemes. */
bool dz_grpc_address_is(const char *url);

DOZAN_MUST_USE dozan_status dz_grpc_address_read(const char *url, dz_grpc_address *address,
                                                 dozan_error *err);

#endif
