#include "rpc_transport.h"
#include "address.h"

dozan_status dozan_client_create(const char *url, const dozan_client_options *options,
                                 dozan_client **client, dozan_error *err)
{
    static const dozan_client_options defaults = {0};
    if (options == NULL)
        options = &defaults;
    if (dz_grpc_address_is(url))
        return dz_bridge_client_create(url, options, client, err);
    return dz_nng_client_create(url, options, client, err);
}

void dozan_client_destroy(dozan_client *client)
{
    if (client != NULL)
        client->transport->destroy(client);
}

dozan_status dz_client_start(dozan_client *client, const dz_call_start *start, dozan_call **call,
                             dozan_error *err)
{
    return client->transport->start(client, start, call, err);
}

void dozan_call_cancel(dozan_call *call)
{
    if (call != NULL)
        call->transport->cancel(call);
}
