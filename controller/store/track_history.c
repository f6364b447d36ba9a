#include "store/track_history.h"

#include "store/codec.h"
#include "store/db.h"

#include <stdio.h>
#include <stdlib.h>

static dozan_status read_run(dz_store *store, int64_t run, const dz_experiment_spec *spec,
                             dz_trial *trial, dozan_error *err);
static dozan_status read_metric(dz_store *store, int64_t run, const char *name,
                                dz_observation *observation, dozan_error *err);

static const char reading[] = "cannot read the tracked runs";

dozan_status dz_store_tracked_runs(dz_store *store, const char *name,
                                   const dz_experiment_spec *spec, bool *found,
                                   dz_trial_visit *visit, void *user, dozan_error *err)
{
    dozan_status status = DOZAN_OK;
    int64_t number = 0;
    bool go_on = true;
    dz_bind bind = dz_bind_new(
        store, "SELECT e.id, r.id, r.end_ms, (SELECT json_group_object(key, value) FROM track_pairs"
               "  WHERE kind = 2 AND owner = r.id) FROM track_experiments e LEFT JOIN track_runs r "
               "ON r.experiment = e.id AND r.deleted = 0 AND r.status = 'FINISHED' AND NOT EXISTS "
               "(SELECT 1 FROM track_trials k WHERE k.run = r.id) WHERE e.name = ? AND e.deleted = "
               "0 ORDER BY r.id");
    dz_bind_text(&bind, name);
    *found = false;
    while (status == DOZAN_OK && go_on && dz_bind_step(&bind)) {
        dz_trial trial = {.number = ++number, .state = DZ_TRIAL_SUCCEEDED};
        *found = true;
        if (sqlite3_column_type(bind.stmt, 1) == SQLITE_NULL)
            break; /* an experiment without such runs */
        trial.ended_ms = sqlite3_column_int64(bind.stmt, 2);
        status = dz_pairs_read((const char *)sqlite3_column_text(bind.stmt, 3), &trial.assignments,
                               &trial.assignment_count);
        if (status == DOZAN_OK)
            status = read_run(store, sqlite3_column_int64(bind.stmt, 1), spec, &trial, err);
        else
            (void)dozan_error_set(err, status, store->path, "%s", reading);
        if (status == DOZAN_OK)
            go_on = visit(user, &trial);
        dz_pairs_free(trial.assignments, trial.assignment_count);
        dz_observations_free(trial.observations, trial.metric_count);
    }
    return dz_bind_end(&bind, status, reading, err);
}

static dozan_status read_run(dz_store *store, int64_t run, const dz_experiment_spec *spec,
                             dz_trial *trial, dozan_error *err)
{
    dozan_status status = DOZAN_OK;
    trial->observations = calloc(spec->metric_count, sizeof *trial->observations);
    if (trial->observations == NULL)
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    trial->metric_count = spec->metric_count;
    for (size_t i = 0; status == DOZAN_OK && i < spec->metric_count; i++)
        status = read_metric(store, run, spec->metrics[i].name, &trial->observations[i], err);
    return status;
}

static char *text_of(double value)
{
    char *text = NULL;
    return asprintf(&text, "%.17g", value) < 0 ? NULL : text;
}

static dozan_status read_metric(dz_store *store, int64_t run, const char *name,
                                dz_observation *observation, dozan_error *err)
{
    bool any = false;
    dz_bind bind = dz_bind_new(
        store, "SELECT l.value, (SELECT count(*) FROM track_metrics WHERE run = ?1 AND key = ?2), "
               "(SELECT min(value) FROM track_metrics WHERE run = ?1 AND key = ?2 AND is_nan = 0), "
               "(SELECT max(value) FROM track_metrics WHERE run = ?1 AND key = ?2 AND is_nan = 0) "
               "FROM track_latest l WHERE l.kind = 1 AND l.owner = ?1 AND l.key = ?2 AND l.is_nan "
               "= 0");
    dz_bind_int(&bind, run);
    dz_bind_text(&bind, name);
    if (dz_bind_step(&bind)) {
        any = true;
        observation->latest = sqlite3_column_double(bind.stmt, 0);
        observation->count = sqlite3_column_int64(bind.stmt, 1);
        observation->min = sqlite3_column_double(bind.stmt, 2);
        observation->max = sqlite3_column_double(bind.stmt, 3);
        observation->numeric = observation->latest_numeric = true;
        observation->min_text = text_of(observation->min);
        observation->max_text = text_of(observation->max);
        observation->latest_text = text_of(observation->latest);
    }
    dozan_status status = dz_bind_done(&bind, reading, err);
    if (status == DOZAN_OK && any &&
        (observation->min_text == NULL || observation->max_text == NULL ||
         observation->latest_text == NULL))
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    return status;
}
