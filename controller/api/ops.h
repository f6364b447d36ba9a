/*
 * What an operator asks: is it alive, is it ready, and how much of what (Prometheus: Katib's names,
 * and histograms of latency).
 */
#ifndef DZ_API_OPS_H
#define DZ_API_OPS_H

#include "api/db_manager.h"
#include "api/http_server.h"
#include "api/kube.h"

typedef struct dz_ops {
    dz_kube *kube; /* whose stores it reads with */
    dz_service *service;
    bool (*running)(dz_service *service, dozan_error *err);
    void (*stats)(dz_service *service, dz_service_stats *stats);
    const char *(*request_name)(dz_request_kind kind);
    dz_http_server *_Atomic server; /* NULL until it is there */
    dz_db_manager *manager;         /* NULL = there is none */
} dz_ops;

/* Its routes, with it as their context. */
dz_http_route_set dz_ops_routes(dz_ops *ops);

#endif
