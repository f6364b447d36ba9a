/*
 * Ask and tell over HTTP: for users who run the trials of an experiment with spec.leases
 * themselves.
 *
 *   POST .../experiments/{name}/ask       {"worker": "gpu7", "waitSeconds": 30}
 *   POST .../trials/{name}/heartbeat      {"attempt": 1}
 *   POST .../trials/{name}/report         {"attempt": 1, "metrics": {"loss": 0.3}, "request":
 * "epoch-3"} POST .../trials/{name}/tell           {"attempt": 1, "outcome": "Succeeded",
 * "metrics": {...}}
 *
 * No thread waits for an answer: a request is answered by the commit that decides it.
 */
#ifndef DZ_API_WORK_H
#define DZ_API_WORK_H

#include "api/http.h"
#include "loop/service.h"

typedef struct dz_work_api {
    dz_service *service;
    void (*work)(dz_service *service, dz_work *work); /* dz_service_work, or a test's */
} dz_work_api;

/* Its routes, with it as their context. */
dz_http_route_set dz_work_routes(dz_work_api *api);

#endif
