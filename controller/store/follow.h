/*
 * Reading for those who follow: a trial's points after the last one seen, and pages of experiments.
 */
#ifndef DZ_STORE_FOLLOW_H
#define DZ_STORE_FOLLOW_H

#include "store/store.h"

/* Return true to go on. The value of a point that is no number is passed as NaN. */
typedef bool dz_follow_visit(void *user, int64_t seq, int64_t step, int64_t time_ms, double value);

typedef struct dz_follow_key {
    int64_t experiment;
    int64_t trial;
    int32_t attempt;
    uint32_t metric;
} dz_follow_key;

/* The points of one metric in one attempt with numbers above after_seq, in the order of their
 * coming. Costs what is new. */
DOZAN_MUST_USE dozan_status dz_store_follow(dz_store *store, const dz_follow_key *key,
                                            int64_t after_seq, dz_follow_visit *visit, void *user,
                                            dozan_error *err);

/* What a page of the list of experiments shows. */
typedef struct dz_store_filter {
    const char *namespace_; /* NULL = all */
    const char *text;       /* a part of the name; NULL = all */
    int state;              /* a dz_experiment_state; -1 = all */
    int64_t offset, limit;
} dz_store_filter;

/* Experiments, the newest first, without their active trials. */
DOZAN_MUST_USE dozan_status dz_store_list(dz_store *store, const dz_store_filter *filter,
                                          dz_experiment_visit *visit, void *user, dozan_error *err);

/* How many there are of each state, by the filter's namespace and text. */
DOZAN_MUST_USE dozan_status dz_store_count(dz_store *store, const dz_store_filter *filter,
                                           int64_t counts[DZ_EXPERIMENT_FAILED + 1],
                                           dozan_error *err);

#endif
