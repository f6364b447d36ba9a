/*
 * Moving in from CSV: a row is a run, with the columns of MLflow's search_runs: params.*,
 * metrics.*, tags.*, run_id, name, status, start_time and end_time (whole milliseconds). Others are
 * passed over.
 */
#ifndef DZ_STORE_TRACK_CSV_H
#define DZ_STORE_TRACK_CSV_H

#include "store/track_import.h"

/* One transaction. A row that is there already, by its run_id or its number, is not added again.
 * INVALID_ARGUMENT: the text has no column of these, or a row has more cells than columns. */
DOZAN_MUST_USE dozan_status dz_track_import_csv(dz_track *track, const char *experiment,
                                                const char *text, size_t size,
                                                dz_imported *imported, dozan_error *err);

#endif
