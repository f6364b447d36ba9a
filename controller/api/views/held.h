/*
 * What the views share: an experiment held for a request together with what is kept of it, the
 * query's parameters, and numbers in JSON.
 */
#ifndef DZ_VIEWS_HELD_H
#define DZ_VIEWS_HELD_H

#include "api/build.h"
#include "api/views/curve.h"
#include "api/views/forest.h"
#include "api/views/frame.h"
#include "api/views/views.h"

/* What is kept of an experiment between requests. */
typedef struct dz_kept {
    dz_frame *frame;
    dz_curves curves;
    dz_model *models[DZ_MAX_KEPT_MODELS]; /* the latest of some metrics */
} dz_kept;

typedef struct dz_held {
    dz_view_request request;
    dz_experiment *experiment; /* as it is now, with its active trials */
    dz_kept *kept;
    dz_frame *frame; /* the kept one, refreshed */
    void *slot;
} dz_held;

/* Loads the request's experiment, refreshes its frame, and has it alone until dz_release. */
DOZAN_MUST_USE dozan_status dz_hold(const dz_view_request *request, dz_held *held,
                                    dozan_error *err);
void dz_release(dz_held *held);

/* The experiment alone, with its active trials. */
DOZAN_MUST_USE dozan_status dz_request_load(const dz_view_request *request,
                                            dz_experiment **experiment, dozan_error *err);

/* ---- the query */

/* The value of a parameter, or NULL. */
const char *dz_query_text(const dz_view_request *request, const char *name);
/* A whole number from min to max; `otherwise` when it is not given. */
DOZAN_MUST_USE dozan_status dz_query_number(const dz_view_request *request, const char *name,
                                            int64_t min, int64_t max, int64_t otherwise,
                                            int64_t *number, dozan_error *err);
/* The index of a metric by its name; 0, the objective, when none is given. */
DOZAN_MUST_USE dozan_status dz_query_metric(const dz_held *held, size_t *metric, dozan_error *err);
/* The index of a parameter; `name` must be in the query. */
DOZAN_MUST_USE dozan_status dz_query_parameter(const dz_held *held, const char *name,
                                               size_t *parameter, dozan_error *err);

/* ---- JSON */

/* A number; null when it is NaN or infinite. */
void dz_build_double(dz_builder *build, cJSON *parent, const char *name, double value);
void dz_build_bool(dz_builder *build, cJSON *parent, const char *name, bool value);
/* At a list's end: a number, a text. */
void dz_build_value(dz_builder *build, cJSON *array, double value);
void dz_build_word(dz_builder *build, cJSON *array, const char *text);
/* A new list at a list's end. Borrowed. */
cJSON *dz_build_row(dz_builder *build, cJSON *array);

/* Gives the tree out, or the want of memory. */
DOZAN_MUST_USE dozan_status dz_build_done(const dz_builder *build, cJSON *tree, cJSON **answer,
                                          dozan_error *err);

/* ---- values */

/* The metric is better when larger: an objective's direction; that of its strategy for others. */
bool dz_metric_maximize(const dz_experiment_spec *spec, size_t metric);

/* The value of a metric that makes smaller always better: for sorting. */
double dz_frame_loss(const dz_held *held, size_t row, size_t metric);

#endif
