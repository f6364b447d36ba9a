/*
 * dozan-collector: what a collector of our own does beside a trial, in a process of its own, so
 * that nothing a trial writes can harm the controller, and nothing is missed while that is away.
 *
 * It reads its task from the environment, and writes lines to its standard output (see
 * collectors/report.c), which dozan-shim puts into a file of the trial's directory: the controller
 * follows that as it follows a trial's own output, from the beginning again after a restart. It is
 * started before the trial with all signals blocked, and is to finish at SIGTERM.
 */
#ifndef DZ_COLLECTORS_BESIDE_H
#define DZ_COLLECTORS_BESIDE_H

#include <cjson/cJSON.h>
#include <dozan/status.h>
#include <stdint.h>

typedef struct dz_beside {
    const cJSON *source; /* metricsCollectorSpec.source */
    const char *path;    /* of the files that it reads, on this machine; "" = none */
    int port;            /* where the trial is to listen; 0 = none */
    const char **metrics;
    size_t metric_count;
} dz_beside;

/* One collector: runs until SIGTERM, and reads what is left then. Returns the exit status. */
typedef int dz_beside_run(const dz_beside *task);

dz_beside_run dz_beside_tensorflow;
dz_beside_run dz_beside_prometheus;

/* Waits for that long, or for SIGTERM: true when it has come. */
bool dz_beside_wait(int64_t ms);

/* Whether SIGTERM has come, without taking it. */
bool dz_beside_ended(void);

/* A metric has this value. `step` is the trial's own count, or negative. The value is text without
 * spaces and line ends. */
void dz_beside_point(size_t metric, int64_t time_ms, const char *value, int64_t step);

/* Something could not be used: one sentence for the user, without a stop. */
void dz_beside_complain(const char *format, ...) DOZAN_PRINTF(1, 2);

int64_t dz_beside_now_ms(void);

#endif
