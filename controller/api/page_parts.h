/*
 * What the files of the page share.
 */
#ifndef DZ_API_PAGE_PARTS_H
#define DZ_API_PAGE_PARTS_H

#include "api/page.h"
#include "api/views/views.h"

typedef struct page_exporter page_exporter;

struct dz_page {
    dz_page_config config;
    dz_views *views;
    dz_store **stores; /* [config.workers]: each opened when its worker first reads */
    page_exporter *exporter;
};

/* ---- page_files.c */
dz_http_handler page_root, page_file;

/* ---- page_export.c: exports, written as their clients read, by one thread for all of them */

DOZAN_MUST_USE dozan_status page_exporter_create(page_exporter **exporter, dozan_error *err);
void page_exporter_destroy(page_exporter *exporter); /* ends what is under way; takes NULL */
dz_http_handler page_export_csv, page_export_json;

#endif
