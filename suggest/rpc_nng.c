/*
 * Addresses, TLS, errors and time for the RPC client and host.
 */
#include "rpc_nng.h"
#include "address.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static bool is_tcp(const char *scheme);
static dozan_status tls_files(nng_tls_config *config, const dz_rpc_tls *options, dozan_error *err);
static dozan_status tls_policy(nng_tls_config *config, const dz_rpc_tls *options, dozan_error *err);

dozan_status dz_rpc_address_read(const char *url, dz_rpc_address *address, dozan_error *err)
{
    nng_url *parsed = NULL;
    if (url == NULL || strlen(url) >= NNG_MAXADDRLEN || nng_url_parse(&parsed, url) != 0)
        return dozan_error_set(
            err, DOZAN_INVALID_ARGUMENT, NULL,
            "%s is no address: give inproc://NAME, ipc://PATH, tcp://HOST:PORT or "
            "tls+tcp://HOST:PORT of less than %d bytes",
            url != NULL ? url : "nothing", NNG_MAXADDRLEN);
    *address = (dz_rpc_address){.tls = strncmp(parsed->u_scheme, "tls+", 4) == 0};
    const char *scheme = address->tls ? parsed->u_scheme + 4 : parsed->u_scheme;
    bool local = !address->tls && (strcmp(scheme, "inproc") == 0 || strcmp(scheme, "ipc") == 0 ||
                                   strcmp(scheme, "abstract") == 0);
    dozan_status status = DOZAN_OK;
    if (is_tcp(scheme)) {
        const char *host = parsed->u_hostname != NULL ? parsed->u_hostname : "";
        (void)snprintf(address->host, sizeof(address->host), "%s", host);
        address->reachable_from_outside = !dz_address_is_loopback(host);
    } else if (!local) {
        status = dozan_error_set(err, DOZAN_INVALID_ARGUMENT, NULL,
                                 "%s: the scheme %s is not served; use inproc, ipc, tcp or "
                                 "tls+tcp",
                                 url, parsed->u_scheme);
    }
    nng_url_free(parsed);
    return status;
}

dozan_status dz_rpc_tls_create(const dz_rpc_tls *options, nng_tls_config **config, dozan_error *err)
{
    nng_tls_config *made = NULL;
    int number = nng_tls_config_alloc(&made, options->mode);
    if (number != 0)
        return dz_rpc_error(err, number, "cannot set up TLS");
    dozan_status status = tls_policy(made, options, err);
    if (status == DOZAN_OK)
        status = tls_files(made, options, err);
    if (status == DOZAN_OK)
        *config = made;
    else
        nng_tls_config_free(made);
    return status;
}

dozan_status dz_rpc_error(dozan_error *err, int number, const char *what)
{
    dozan_status status = DOZAN_UNAVAILABLE;
    switch (number) {
    case NNG_ENOMEM:
        status = DOZAN_RESOURCE_EXHAUSTED;
        break;
    case NNG_EADDRINVAL:
    case NNG_EINVAL:
    case NNG_ENOTSUP:
        status = DOZAN_INVALID_ARGUMENT;
        break;
    case NNG_EADDRINUSE:
        status = DOZAN_ALREADY_EXISTS;
        break;
    case NNG_EPERM:
        status = DOZAN_PERMISSION_DENIED;
        break;
    default:
        break;
    }
    return dozan_error_set(err, status, NULL, "%s: %s", what, nng_strerror(number));
}

int64_t dz_rpc_now_ms(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool is_tcp(const char *scheme)
{
    return strcmp(scheme, "tcp") == 0 || strcmp(scheme, "tcp4") == 0 || strcmp(scheme, "tcp6") == 0;
}

static dozan_status tls_policy(nng_tls_config *config, const dz_rpc_tls *options, dozan_error *err)
{
    bool verify = options->mode == NNG_TLS_MODE_CLIENT || options->ca_file != NULL;
    int number = nng_tls_config_auth_mode(config, verify ? NNG_TLS_AUTH_MODE_REQUIRED
                                                         : NNG_TLS_AUTH_MODE_NONE);
    if (number == 0)
        number = nng_tls_config_version(config, NNG_TLS_1_2, NNG_TLS_1_3);
    if (number == 0 && options->server_name != NULL)
        number = nng_tls_config_server_name(config, options->server_name);
    return number == 0 ? DOZAN_OK : dz_rpc_error(err, number, "cannot set up TLS");
}

static dozan_status tls_files(nng_tls_config *config, const dz_rpc_tls *options, dozan_error *err)
{
    const char *file = options->ca_file;
    int number = file != NULL ? nng_tls_config_ca_file(config, file) : 0;
    if (number == 0 && options->cert_file != NULL) {
        file = options->cert_file;
        number = nng_tls_config_cert_key_file(config, file, NULL);
    }
    if (number == 0)
        return DOZAN_OK;
    return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, file,
                           "cannot be used for TLS: %s; it must be a readable PEM file",
                           nng_strerror(number));
}
