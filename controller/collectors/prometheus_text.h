/*
 * Prometheus' text exposition format, version 0.0.4: lines of NAME{LABEL="VALUE",...} VALUE [TIME].
 */
#ifndef DZ_COLLECTORS_PROMETHEUS_TEXT_H
#define DZ_COLLECTORS_PROMETHEUS_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A part of the text that is being read; not terminated. */
typedef struct dz_prometheus_part {
    const char *text;
    size_t size;
} dz_prometheus_part;

typedef struct dz_prometheus_sample {
    dz_prometheus_part name;
    dz_prometheus_part labels; /* what is between the braces */
    dz_prometheus_part value;  /* a number, NaN, +Inf or -Inf */
    bool has_time;
    int64_t time_ms;
} dz_prometheus_sample;

typedef void dz_prometheus_sink(void *user, const dz_prometheus_sample *sample);

/* Calls sink for each sample. Returns how many lines are neither a sample nor a comment; they are
 * passed over. A last line without a newline counts. */
int64_t dz_prometheus_read(const char *text, size_t size, dz_prometheus_sink *sink, void *user);

/* Whether a sample is the one that is wanted: NAME alone, or NAME{LABEL="VALUE"} with some of its
 * labels. */
bool dz_prometheus_is(const dz_prometheus_sample *sample, const char *wanted);

#endif
