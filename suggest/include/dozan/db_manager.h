/*
 * Katib's DBManager, by which metrics of trials are reported and read over gRPC: its messages to
 * and from plain structs. A server of it is a table of methods for dozan_grpc_server_create.
 */
#ifndef DOZAN_DB_MANAGER_H
#define DOZAN_DB_MANAGER_H

#include <dozan/status.h>
#include <stddef.h>

#define DOZAN_DB_REPORT "/api.v1.beta1.DBManager/ReportObservationLog"
#define DOZAN_DB_GET "/api.v1.beta1.DBManager/GetObservationLog"
#define DOZAN_DB_DELETE "/api.v1.beta1.DBManager/DeleteObservationLog"
#define DOZAN_DB_HEALTH "/grpc.health.v1.Health/Check"

/* One value of one metric; times are RFC 3339 with up to nanoseconds, or "". */
typedef struct dozan_metric_log {
    const char *time_stamp, *metric, *value;
} dozan_metric_log;

/* A request to one of the methods above; what a method has no field for is "". */
typedef struct dozan_db_request {
    const char *trial_name;
    const char *metric_name, *start_time, *end_time; /* GET; "" = any */
    const dozan_metric_log *logs;                    /* REPORT */
    size_t log_count;
    const char *service; /* HEALTH */
    void *memory;        /* that all of it lives in */
} dozan_db_request;

/* Reads the packed request of that method. INVALID_ARGUMENT. dozan_db_request_fini in any case. */
DOZAN_MUST_USE dozan_status dozan_db_request_read(const char *method, const void *body, size_t size,
                                                  dozan_db_request *request, dozan_error *err);
void dozan_db_request_fini(dozan_db_request *request);

/* The packed reply of a method, malloc'ed (NULL when it is empty, as most are); `logs` is that of
 * GET. */
DOZAN_MUST_USE dozan_status dozan_db_reply_pack(const char *method, const dozan_metric_log *logs,
                                                size_t count, void **body, size_t *size,
                                                dozan_error *err);

#endif
