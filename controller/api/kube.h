/*
 * The Kubernetes API for what Dozan holds, well enough for kubectl and for Katib's SDK.
 *
 * Reading goes to a store of the calling thread's own; writing goes to the service, through the
 * functions of dz_kube_calls. Nothing is kept here but watches and logs that are followed.
 */
#ifndef DZ_API_KUBE_H
#define DZ_API_KUBE_H

#include "api/http.h"
#include "loop/service.h"

typedef struct dz_kube dz_kube;

/* What changes things: dz_service_submit and its kin (service.h), or a test's. */
typedef struct dz_kube_calls {
    dozan_status (*submit)(dz_service *service, const dz_submission *submission,
                           dz_submitted *submitted, dz_problems *problems, dozan_error *err);
    dozan_status (*replace)(dz_service *service, const dz_submission *submission, const char *name,
                            int64_t expected_version, dz_submitted *submitted,
                            dz_problems *problems, dozan_error *err);
    dozan_status (*remove)(dz_service *service, const char *namespace_, const char *name,
                           const char *expected_uid, int64_t *experiment_id, dozan_error *err);
} dz_kube_calls;

typedef struct dz_kube_config {
    dz_service *service;
    dz_kube_calls calls;
    const char *db_path;       /* borrowed */
    const char *job_directory; /* borrowed: where the trials' output is */
    size_t workers;            /* of the HTTP server */
} dz_kube_config;

DOZAN_MUST_USE dozan_status dz_kube_create(const dz_kube_config *config, dz_kube **kube,
                                           dozan_error *err);

/* After the HTTP server's: no request is under way any more. */
void dz_kube_destroy(dz_kube *kube);

/* Its routes, with itself as their context. */
dz_http_route_set dz_kube_routes(dz_kube *kube);

/* Something was committed: watches look. Any thread. */
void dz_kube_committed(dz_kube *kube);

#endif
