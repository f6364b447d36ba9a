/*
 * Moving in: what MLflow and Optuna keep in SQLite files becomes experiments and runs of the
 * tracking tables. Done twice, it adds only what is new.
 */
#ifndef DZ_STORE_TRACK_IMPORT_H
#define DZ_STORE_TRACK_IMPORT_H

#include "store/track.h"

typedef enum dz_import_kind { DZ_IMPORT_MLFLOW, DZ_IMPORT_OPTUNA } dz_import_kind;

typedef struct dz_imported {
    int64_t experiments, runs, points, versions;
} dz_imported;

/* One transaction. NOT_FOUND: there is no such file; INVALID_ARGUMENT: it is none of that kind. */
DOZAN_MUST_USE dozan_status dz_track_import(dz_track *track, dz_import_kind kind, const char *file,
                                            dz_imported *imported, dozan_error *err);

/* The runs of an experiment as rows of CSV, with the columns of MLflow's search_runs: run_id, name,
 * status, start_time, end_time, params.*, metrics.*, tags.*. NOT_FOUND. */
DOZAN_MUST_USE dozan_status dz_track_export(dz_track *track, const char *experiment, dozan_buf *out,
                                            dozan_error *err);

#endif
