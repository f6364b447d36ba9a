/*
 * Katib's DBManager over gRPC: metrics that trials report themselves (the Push collector), and the
 * reading of them, as Katib's SDK does both.
 *
 * Katib's messages know no namespaces. A trial is looked for by its name in those where the caller
 * may do what is asked; NAMESPACE/NAME says which one, where several have it. The roles are those
 * of HTTP: reading needs a viewer, the others an editor.
 */
#ifndef DZ_API_DB_MANAGER_H
#define DZ_API_DB_MANAGER_H

#include "api/access.h"
#include "loop/service.h"

typedef struct dz_db_manager dz_db_manager;

typedef struct dz_db_manager_config {
    dz_service *service;
    /* dz_service_report and dz_service_forget, or a test's */
    dozan_status (*report)(dz_service *service, const char *namespace_, const char *trial_name,
                           const char *request_id, const dz_point_in *points, size_t count,
                           dz_reported *reported, dozan_error *err);
    dozan_status (*forget)(dz_service *service, const char *namespace_, const char *trial_name,
                           dozan_error *err);
    const char *db_path;                     /* borrowed */
    dz_access *access;                       /* NULL: everyone may; loopback alone */
    const char *tls_cert, *tls_key, *tls_ca; /* files; NULL = without TLS */
} dz_db_manager_config;

/* Starts at "HOST:PORT"; port 0 takes a free one. PERMISSION_DENIED for an address that is not
 * loopback without `access`. */
DOZAN_MUST_USE dozan_status dz_db_manager_create(const char *listen,
                                                 const dz_db_manager_config *config,
                                                 dz_db_manager **manager, dozan_error *err);

/* Takes no more calls, waits for those under way, and frees. The service must still answer. NULL.
 */
void dz_db_manager_destroy(dz_db_manager *manager);

/* "127.0.0.1:7071" */
const char *dz_db_manager_address(const dz_db_manager *manager);

/* ---- figures */

typedef enum dz_db_method { DZ_DB_REPORT, DZ_DB_GET, DZ_DB_DELETE, DZ_DB_METHODS } dz_db_method;

typedef struct dz_db_manager_stats {
    dz_latency calls[DZ_DB_METHODS]; /* from the whole request to its answer */
    uint64_t failed[DZ_DB_METHODS];
} dz_db_manager_stats;

void dz_db_manager_stats_get(dz_db_manager *manager, dz_db_manager_stats *stats);
const char *dz_db_method_name(dz_db_method method); /* "ReportObservationLog" */

#endif
