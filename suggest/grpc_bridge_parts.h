/*
 * The inside of an experiment's log as Katib's history, shared by grpc_bridge_log.c (folding the
 * log) and grpc_bridge_answer.c (what comes of a service's words).
 */
#ifndef DZ_GRPC_BRIDGE_PARTS_H
#define DZ_GRPC_BRIDGE_PARTS_H

#include "grpc_bridge_log.h"

/* The names of labels, or their beginnings. */
#define DZ_BRIDGE_NAME_LABEL "katib-trial"
#define DZ_BRIDGE_VALUE_LABEL "katib-value."
#define DZ_BRIDGE_SETTING_LABEL "katib-setting."

enum { DZ_BRIDGE_SETTINGS = 64 };

typedef struct dz_bridge_report {
    uint32_t metric;
    double value;
} dz_bridge_report;

typedef struct dz_bridge_trial {
    int64_t number;
    const char *name; /* as the service knows it */
    const dozan_pair *assignments;
    size_t assignment_count;
    dz_katib_condition condition;
    int64_t started; /* sequence numbers */
    int64_t ended;
    const dozan_pair *metrics;
    size_t metric_count;
    dz_bridge_report *reports; /* malloc'ed */
    size_t report_count;
    size_t report_room;
} dz_bridge_trial;

struct dz_bridge_log {
    dz_arena arena;
    const dozan_experiment *experiment; /* NULL = unknown */
    uint64_t digest;
    dozan_space *space;
    int64_t cursor;
    dz_bridge_trial *trials; /* ascending numbers */
    size_t count;
    size_t room;
    size_t succeeded;
    dozan_pair settings[DZ_BRIDGE_SETTINGS]; /* that the service has set, beside the user's */
    size_t setting_count;

    dz_arena rules_arena;
    dz_katib_rule *rules;
    size_t rule_count;
    size_t rules_after; /* that many trials had succeeded */
    bool has_rules;
};

/* The trial of that number, or NULL. */
dz_bridge_trial *dz_bridge_find(const dz_bridge_log *log, int64_t number);

/* Overrides or adds a setting; texts are copied. False: no memory. One too many is left out. */
bool dz_bridge_set(dz_bridge_log *log, const char *name, const char *value);

dozan_status dz_bridge_no_memory(dozan_error *err);

#endif
