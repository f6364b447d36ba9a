/*
 * The log of the service: one line for each thing, in key=value form or as a JSON object, on
 * standard error. Keys and values are the same in both.
 */
#ifndef DZ_CLI_SERVE_LOG_H
#define DZ_CLI_SERVE_LOG_H

#include "api/http_server.h"
#include <stdio.h>

typedef struct dz_serve_log {
    FILE *file;
    bool quiet; /* no lines for requests */
    bool json;
} dz_serve_log;

/* For dz_http_config; the context is a dz_serve_log. */
dz_http_log dz_serve_log_request;

/* A sentence, at level "info", "warning" or "error". Any thread. */
void dz_serve_log_line(dz_serve_log *log, const char *level, const char *event,
                       const char *message);

#endif
