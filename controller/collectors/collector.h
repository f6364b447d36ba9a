/*
 * Collectors turn a trial's output into metric points, as it comes: bytes in, points out, no I/O.
 */
#ifndef DZ_COLLECTORS_COLLECTOR_H
#define DZ_COLLECTORS_COLLECTOR_H

#include "spec/experiment.h"

/* One value of one metric. `text` is the value as printed. */
typedef struct dz_point {
    uint32_t metric; /* index into spec->metrics */
    int64_t step;    /* the n-th report of this metric in this attempt, from 1 */
    int64_t time_ms; /* the line's own timestamp where it has one, else when the bytes came */
    bool is_number;  /* nan and inf are numbers */
    double value;    /* 0 when it is no number */
    const char *text;
} dz_point;

typedef void dz_point_sink(void *user, const dz_point *point);

typedef struct dz_collector dz_collector;

/* Makes a collector by spec->collector. UNIMPLEMENTED names a kind that is not in the table. */
DOZAN_MUST_USE dozan_status dz_collector_create(const dz_experiment_spec *spec,
                                                dz_collector **collector, dozan_error *err);
void dz_collector_destroy(dz_collector *collector);

/* What runs beside a trial for its collector, and has its output fed in place of the trial's. */
typedef enum dz_collector_process {
    DZ_PROCESS_NONE,
    DZ_PROCESS_OWN, /* dozan-collector */
    DZ_PROCESS_USER /* the container of customCollector */
} dz_collector_process;

dz_collector_process dz_collector_beside(const dz_experiment_spec *spec);

/* "StdOut", "File", ... */
const char *dz_collector_kind_name(dz_collector_kind kind);

/* Takes the next bytes (any split gives the same points) that came at now_ms, and calls sink for
 * each point found. A line is at most 1 MiB; the rest of a longer one is skipped. A text value is
 * at most 64 KiB. */
DOZAN_MUST_USE dozan_status dz_collector_feed(dz_collector *collector, const void *bytes,
                                              size_t size, int64_t now_ms, dz_point_sink *sink,
                                              void *user, dozan_error *err);

/* The output has ended: takes a last line without a newline. */
DOZAN_MUST_USE dozan_status dz_collector_finish(dz_collector *collector, int64_t now_ms,
                                                dz_point_sink *sink, void *user, dozan_error *err);

/* Compiles a filter, as validation needs it: INVALID_ARGUMENT with the offset when it is no regular
 * expression or has fewer than two groups. */
DOZAN_MUST_USE dozan_status dz_filter_check(const char *expression, dozan_error *err);

/* What was seen but could not be used ("3 lines were no JSON objects, the first at line 12"), or
 * NULL. Borrowed. */
const char *dz_collector_complaint(const dz_collector *collector);

#endif
