/*
 * The web page: its files, the views that it shows, and the few actions that Kubernetes has no verb
 * for. Everything is below /api/v1alpha1 but for the files, which are at the root.
 *
 * Reading goes to a store of the calling thread's own; what changes something goes to the service.
 * The page itself asks for nothing from elsewhere, and its policy forbids it.
 */
#ifndef DZ_API_PAGE_H
#define DZ_API_PAGE_H

#include "api/http.h"
#include "loop/service.h"

typedef struct dz_page dz_page;

typedef struct dz_page_config {
    dz_service *service;
    /* dz_service_control, or a test's */
    dozan_status (*control)(dz_service *service, const char *namespace_, const char *name,
                            dz_command_kind kind, int64_t trial, int64_t *new_trial,
                            dozan_error *err);
    const char *db_path; /* borrowed */
    size_t workers;      /* of the HTTP server */
} dz_page_config;

DOZAN_MUST_USE dozan_status dz_page_create(const dz_page_config *config, dz_page **page,
                                           dozan_error *err);

/* After the HTTP server's: no request is under way any more. Takes NULL. */
void dz_page_destroy(dz_page *page);

/* Its routes, with itself as their context. They come after those of the Kubernetes API. */
dz_http_route_set dz_page_routes(dz_page *page);

#endif
