/*
 * Algorithms as Katib's own services: api.v1.beta1.Suggestion and EarlyStopping, and the health
 * check that Katib's probes ask for, over gRPC.
 */
#ifndef DZ_GRPC_KATIB_H
#define DZ_GRPC_KATIB_H

#include <dozan/grpc.h>
#include <dozan/host.h>

typedef struct dz_katib dz_katib;

/* Starts serving at grpc://HOST:PORT or grpcs://HOST:PORT, with the options of a host. `open`
 * serves whoever can reach the address, also from outside, as Katib's controller shows no token:
 * what keeps others out must then be the network. */
DOZAN_MUST_USE dozan_status dz_katib_create(const char *url,
                                            const dozan_algorithm *const *algorithms,
                                            const dozan_host_options *options, bool open,
                                            dz_katib **katib, dozan_error *err);

/* Stops taking calls, waits for those under way, and frees. Takes NULL. */
void dz_katib_destroy(dz_katib *katib);

uint16_t dz_katib_port(const dz_katib *katib);

#endif
