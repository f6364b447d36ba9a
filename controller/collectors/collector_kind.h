/*
 * What one kind of collector is: a table of functions over whole lines. The splitting of bytes into
 * lines, the counting of steps and the complaints are collector.c's, the same for every kind.
 */
#ifndef DZ_COLLECTORS_COLLECTOR_KIND_H
#define DZ_COLLECTORS_COLLECTOR_KIND_H

#include "collectors/collector.h"

/* One line, without its end. `text` is not terminated and may hold any bytes. */
typedef struct dz_line {
    const char *text;
    size_t size;
    int64_t number; /* from 1 */
    int64_t now_ms; /* when its end came */
} dz_line;

typedef struct dz_collector_kind_ops {
    bool carriage_return_ends_line; /* progress bars rewrite their line by it */
    const char
        *complaint; /* what dz_collector_complain counts: "could not be read as a JSON object" */
    dozan_status (*create)(const dz_experiment_spec *spec, void **self, dozan_error *err);
    void (*destroy)(void *self); /* takes NULL */
    dozan_status (*line)(void *self, dz_collector *collector, const dz_line *line,
                         dozan_error *err);
} dz_collector_kind_ops;

extern const dz_collector_kind_ops dz_collector_text;
extern const dz_collector_kind_ops dz_collector_json;
extern const dz_collector_kind_ops dz_collector_report;
extern const dz_collector_kind_ops dz_collector_push;

/* The metrics that are wanted, and whether a line can hold any of them at all: a cheap first look.
 */
size_t dz_collector_metric_count(const dz_collector *collector);
const char *dz_collector_metric_name(const dz_collector *collector, size_t metric);
bool dz_collector_line_has_name(const dz_collector *collector, const dz_line *line);

/* The index of the metric of that name (not terminated), or SIZE_MAX. */
size_t dz_collector_metric_find(const dz_collector *collector, const char *name, size_t size);

/* A metric's value was found: makes the point and hands it to the sink. An empty value is none; one
 * above 64 KiB is counted as a complaint. */
DOZAN_MUST_USE dozan_status dz_collector_emit(dz_collector *collector, size_t metric,
                                              int64_t time_ms, const char *value, size_t size,
                                              dozan_error *err);

/* Counts a line that could not be used, for the kind's own reason. */
void dz_collector_complain(dz_collector *collector, const dz_line *line);

/* Takes a sentence for the user as it is; the first one counts. */
void dz_collector_remark(dz_collector *collector, const char *text, size_t size);

/* Counts a line on which a filter gave up. */
void dz_collector_gave_up(dz_collector *collector, const dz_line *line);

#endif
