/*
 * What the tracking tables say of runs that are trials: see track_tuned_schema.c.
 */
#ifndef DZ_STORE_TRACK_TUNED_H
#define DZ_STORE_TRACK_TUNED_H

#include "store/track.h"

enum { DZ_RUN_ID = 40 };

/* The uuid of a trial's run; 0 = the experiment's parent run. */
void dz_track_run_id(const char *experiment_uid, int64_t trial, char run[DZ_RUN_ID]);

typedef struct dz_track_trial {
    int64_t experiment, trial; /* experiment 0: the run is no trial's */
    int64_t place;             /* the number of its experiment as MLflow has it */
    bool logged;               /* its metrics are those that its code logs */
    bool active;               /* it has not ended */
    char namespace_[256], name[DZ_QUALIFIED_NAME];
} dz_track_trial;

/* The trial of a run. OK also when there is none: then it is all zeros. */
DOZAN_MUST_USE dozan_status dz_track_find_trial(dz_track *track, const char *run,
                                                dz_track_trial *trial, dozan_error *err);

/* Whether the experiment collects a metric of that name. */
DOZAN_MUST_USE dozan_status dz_track_collects(dz_track *track, int64_t experiment, const char *name,
                                              bool *collects, dozan_error *err);

/* Whether a run is `above`, or a descendant of it (by mlflow.parentRunId). */
DOZAN_MUST_USE dozan_status dz_track_is_below(dz_track *track, const char *run, const char *above,
                                              bool *below, dozan_error *err);

/* The run that a logged model comes from; "" when there is none. */
DOZAN_MUST_USE dozan_status dz_track_model_run(dz_track *track, const char *model,
                                               char run[DZ_RUN_ID], dozan_error *err);

#endif
