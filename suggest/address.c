/*
 * Hosts, tokens, and the addresses of gRPC.
 */
#include "address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool split(const char *rest, dz_grpc_address *address, const char **port);
static bool read_port(const char *text, uint16_t *port);

bool dz_address_is_loopback(const char *host)
{
    struct in_addr v4;
    struct in6_addr v6;
    if (strcmp(host, "localhost") == 0)
        return true;
    if (inet_pton(AF_INET, host, &v4) == 1)
        return (ntohl(v4.s_addr) >> 24) == 127;
    return inet_pton(AF_INET6, host, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

bool dz_bearer_matches(const char *token, const char *authorization)
{
    static const char scheme[] = "Bearer ";
    if (authorization == NULL || strncmp(authorization, scheme, sizeof(scheme) - 1) != 0)
        return false;
    const char *given = authorization + sizeof(scheme) - 1;
    size_t token_size = strlen(token);
    size_t given_size = strlen(given);
    unsigned difference = token_size != given_size;
    for (size_t i = 0; i < given_size; i++)
        difference |= (unsigned)(unsigned char)given[i] ^
                      (unsigned)(unsigned char)token[i < token_size ? i : token_size];
    return difference == 0;
}

bool dz_grpc_address_is(const char *url)
{
    return url != NULL && (strncmp(url, "grpc://", 7) == 0 || strncmp(url, "grpcs://", 8) == 0);
}

dozan_status dz_grpc_address_read(const char *url, dz_grpc_address *address, dozan_error *err)
{
    *address = (dz_grpc_address){.tls = false};
    const char *port = NULL;
    bool good = dz_grpc_address_is(url);
    if (good) {
        address->tls = url[4] == 's';
        good =
            split(url + (address->tls ? 8 : 7), address, &port) && read_port(port, &address->port);
    }
    if (good)
        return DOZAN_OK;
    return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, NULL,
                           "%s is no address: write grpc://HOST:PORT, or grpcs://HOST:PORT for TLS",
                           url != NULL ? url : "nothing");
}

/* The host, in brackets or without a colon, and what is behind its colon. */
static bool split(const char *rest, dz_grpc_address *address, const char **port)
{
    bool bracket = rest[0] == '[';
    const char *host = bracket ? rest + 1 : rest;
    size_t size = strcspn(host, bracket ? "]/" : ":/[]@?#");
    const char *end = host + size;
    if (bracket && *end == ']')
        end++;
    else if (bracket)
        return false;
    if (size == 0 || size >= sizeof(address->host) || *end != ':')
        return false;
    memcpy(address->host, host, size);
    address->host[size] = '\0';
    *port = end + 1;
    return true;
}

static bool read_port(const char *text, uint16_t *port)
{
    if (text[0] < '0' || text[0] > '9')
        return false;
    char *end = NULL;
    errno = 0;
    unsigned long value = strtoul(text, &end, 10);
    if (errno != 0 || *end != '\0' || value > UINT16_MAX)
        return false;
    *port = (uint16_t)value;
    return true;
}
