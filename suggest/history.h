/*
 * The trials of one experiment, as the fold of its event log: what dozan/algorithm.h lets
 * algorithms read. Here is how the session writes it.
 *
 * Invariants: a trial is in the pending list exactly while its state is PENDING, and in the order
 * of ends exactly afterwards; trials never leave; points are snapped and never move in memory.
 */
#ifndef DZ_HISTORY_H
#define DZ_HISTORY_H

#include <dozan/algorithm.h>

/* What a history keeps of each trial. */
typedef struct dz_history_shape {
    const dozan_space *space; /* must outlive the history */
    size_t other_objectives;  /* beside the first */
    size_t constraints;
    bool keep_reports;
} dz_history_shape;

/* What a trial ended with. */
typedef struct dz_result {
    double loss;                /* counts for COMPLETED and STOPPED */
    const double *other_losses; /* [other_objectives] of the shape; NULL = not known */
    const double *excess;       /* [constraints] likewise */
} dz_result;

/* A history without trials. */
DOZAN_MUST_USE dozan_status dz_history_create(const dz_history_shape *shape,
                                              dozan_history **history, dozan_error *err);

/* Takes NULL. */
void dz_history_destroy(dozan_history *history);

/* Adds a pending trial; copies the snapped point and the labels. INVALID_ARGUMENT: the number is
 * 0 or known. On RESOURCE_EXHAUSTED nothing is added. */
DOZAN_MUST_USE dozan_status dz_history_ask(dozan_history *history, int64_t number,
                                           const double *point, const dozan_label *labels,
                                           size_t label_count, dozan_error *err);

/* Notes a report of a pending trial (one that has ended keeps what it has). A trial that was lost
 * runs again and repeats its steps: earlier reports from this step on are then dropped. */
DOZAN_MUST_USE dozan_status dz_history_report(dozan_history *history, int64_t number, int64_t step,
                                              double loss, dozan_error *err);

/* Ends a pending trial. INVALID_ARGUMENT: no such trial, or it has ended. */
DOZAN_MUST_USE dozan_status dz_history_end(dozan_history *history, int64_t number,
                                           dozan_trial_state state, const dz_result *result,
                                           dozan_error *err);

/* The memory in use, in bytes. */
size_t dz_history_bytes(const dozan_history *history);

#endif
