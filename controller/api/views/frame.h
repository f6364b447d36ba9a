/*
 * An experiment's trials as columns of numbers, kept in memory between the requests of a page: what
 * sorting, filtering, sampling and models work on. Texts stay in the store.
 *
 * A frame is filled once and then follows: a refresh reads the trials that had not ended, and those
 * that are new. What has ended never changes. A row's place never changes either.
 */
#ifndef DZ_VIEWS_FRAME_H
#define DZ_VIEWS_FRAME_H

#include "store/store.h"

enum { DZ_FRAME_CAUSES = 32 };

/* Trials that failed alike. */
typedef struct dz_cause {
    char reason[64];
    char message[512]; /* with TRIAL for the trial's own name */
    int64_t count;
    int64_t first, last; /* numbers of trials */
} dz_cause;

typedef struct dz_frame {
    int64_t experiment; /* the store's number of it */
    size_t dims, metrics;
    size_t count, capacity;
    int64_t *numbers; /* ascending */
    int64_t *created_ms, *started_ms, *ended_ms;
    uint8_t *states;   /* dz_trial_state */
    uint8_t *feasible; /* completed, and keeps the constraints */
    int32_t *attempts;
    double *units;  /* [count * dims]: coordinates in the unit cube; NaN = inactive */
    double *values; /* [count * metrics]: by the metrics' strategies; NaN = none */
    size_t *open;   /* [open_count]: rows of trials that have not ended */
    size_t open_count;
    size_t *ended; /* [ended_count]: rows in the order in which the trials ended */
    size_t ended_count;
    dz_cause causes[DZ_FRAME_CAUSES];
    size_t cause_count;
    int64_t other_failures; /* of causes beyond these */
} dz_frame;

DOZAN_MUST_USE dozan_status dz_frame_create(const dz_experiment *experiment, dz_frame **frame,
                                            dozan_error *err);
void dz_frame_destroy(dz_frame *frame);

/* Brings it up to what the store has now. `experiment` was loaded just now with its active trials.
 * After an error it may be refreshed again. */
DOZAN_MUST_USE dozan_status dz_frame_refresh(dz_frame *frame, dz_store *store,
                                             const dz_experiment *experiment, dozan_error *err);

/* The row of a trial, or SIZE_MAX. */
size_t dz_frame_find(const dz_frame *frame, int64_t number);

/* The bytes that it holds. */
size_t dz_frame_bytes(const dz_frame *frame);

#endif
