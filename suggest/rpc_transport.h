/*
 * What carries a client's calls: nng to a plugin host, or gRPC to one of Katib's services. Clients
 * and calls of either begin with a pointer to the functions that know the rest.
 */
#ifndef DZ_RPC_TRANSPORT_H
#define DZ_RPC_TRANSPORT_H

#include "rpc_call.h"

typedef struct dz_transport {
    dozan_status (*start)(dozan_client *client, const dz_call_start *start, dozan_call **call,
                          dozan_error *err);
    void (*cancel)(dozan_call *call);
    void (*destroy)(dozan_client *client);
} dz_transport;

struct dozan_client {
    const dz_transport *transport;
};

struct dozan_call {
    const dz_transport *transport;
};

/* A client for inproc://, ipc://, tcp:// or tls+tcp:// (rpc_client.c). */
DOZAN_MUST_USE dozan_status dz_nng_client_create(const char *url,
                                                 const dozan_client_options *options,
                                                 dozan_client **client, dozan_error *err);

/* A client for grpc:// or grpcs:// (grpc_bridge.c). */
DOZAN_MUST_USE dozan_status dz_bridge_client_create(const char *url,
                                                    const dozan_client_options *options,
                                                    dozan_client **client, dozan_error *err);

#endif
