/*
 * The page's data: functions from a read-only store to a JSON tree, aggregated here, so that an
 * answer's size is bounded whatever the length of the history.
 *
 * A dz_views keeps what the answers are made of (the frames, and the models fitted to them) between
 * requests: the first request for an experiment reads all its trials, later ones what is new.
 * Experiments that nobody has looked at for a while are dropped.
 *
 * Threads: any, at the same time; requests for one experiment take turns. The store is the calling
 * thread's own.
 */
#ifndef DZ_VIEWS_VIEWS_H
#define DZ_VIEWS_VIEWS_H

#include "store/store.h"

typedef struct dz_views dz_views;

DOZAN_MUST_USE dozan_status dz_views_create(dz_views **views, dozan_error *err);
void dz_views_destroy(dz_views *views);

typedef struct dz_view_query {
    const char *name, *value; /* decoded */
} dz_view_query;

typedef struct dz_view_request {
    dz_views *views;
    dz_store *store;
    const char *namespace_;
    const char *experiment; /* NULL where the view is not about one */
    int64_t trial;          /* its number; 0 where the view is not about one */
    const dz_view_query *query;
    size_t query_count;
    int64_t now_ms;
} dz_view_request;

/* *answer is owned. NOT_FOUND; INVALID_ARGUMENT names the query parameter as its place. */
typedef dozan_status dz_view(const dz_view_request *request, cJSON **answer, dozan_error *err);

dz_view dz_view_experiments; /* the list, newest first: state, progress, best; a page of it */
dz_view dz_view_experiment;  /* header, conditions, counts, parameters, what waits and why */
dz_view dz_view_history;     /* the best so far over the completed trials */
dz_view dz_view_curves;      /* learning curves of running trials, or of those that are named */
dz_view dz_view_trials;      /* the table: sorted, filtered, a page of it */
dz_view dz_view_sample;      /* the best and random others as points of the space */
dz_view dz_view_importance;  /* of each parameter, for a metric */
dz_view dz_view_contour;     /* two parameters' effect on a metric, the others averaged out */
dz_view dz_view_front;       /* the Pareto front, and others for comparison */
dz_view dz_view_timeline;    /* trials on slots, and how many ran at each time */
dz_view dz_view_trial;       /* one trial: parameters, metrics, timing, what happened */
dz_view dz_view_compare;     /* some trials side by side */
dz_view dz_view_source;      /* the text that the experiment was read from */

/* ---- export: all trials, a part at a time */

typedef enum dz_export_format { DZ_EXPORT_CSV, DZ_EXPORT_JSON } dz_export_format;
typedef struct dz_export dz_export;

/* Borrows the request's store until it is destroyed. */
DOZAN_MUST_USE dozan_status dz_export_create(const dz_view_request *request,
                                             dz_export_format format, dz_export **export_,
                                             dozan_error *err);
void dz_export_destroy(dz_export *export_);

/* The next bytes, valid until the next call; *size is 0 at the end. */
DOZAN_MUST_USE dozan_status dz_export_next(dz_export *export_, const char **bytes, size_t *size,
                                           dozan_error *err);

#endif
