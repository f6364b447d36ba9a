/*
 * The collectors that there are. A new one is a file of its own, and a line here.
 *
 * ROW(kind, format, lines, process, run):
 *   kind, format  of which metricsCollectorSpec (the format matters to File alone)
 *   lines         how the points are found in the lines that are followed: a dz_collector_kind_ops
 *   process       what runs beside the trial, and has its output followed in place of the trial's:
 *                 no_process, user_process (the spec's container), or own_process (dozan-collector)
 *   run           own_process: the dz_beside_run that is called there
 */
#ifndef DZ_COLLECTORS_TABLE_H
#define DZ_COLLECTORS_TABLE_H

#include "collectors/collector_kind.h"

/* clang-format off */
#define DZ_COLLECTOR_TABLE(ROW)                                                                    \
    ROW(STDOUT,           TEXT, dz_collector_text,   no_process,   none)                           \
    ROW(FILE,             TEXT, dz_collector_text,   no_process,   none)                           \
    ROW(FILE,             JSON, dz_collector_json,   no_process,   none)                           \
    ROW(TENSORFLOW_EVENT, TEXT, dz_collector_report, own_process,  dz_beside_tensorflow)           \
    ROW(PROMETHEUS,       TEXT, dz_collector_report, own_process,  dz_beside_prometheus)           \
    ROW(CUSTOM,           TEXT, dz_collector_text,   user_process, none)                           \
    ROW(PUSH,             TEXT, dz_collector_push,   no_process,   none)                           \
    ROW(MLFLOW,           TEXT, dz_collector_push,   no_process,   none)
/* clang-format on */

/* The environment variable in which dozan-collector finds its task, a JSON object: source, path,
 * port, metrics. */
#define DZ_COLLECTOR_TASK "DOZAN_COLLECTOR_TASK"

#endif
