/*
 * What the owner asks of the store between its turns: which numbers a name stands for, which
 * experiments are to be taken up, and which reports have been counted.
 */
#include "store/db.h"

int64_t dz_store_owned_version(const dz_store *store)
{
    return store->version;
}

dozan_status dz_store_find(dz_store *store, const char *namespace_, const char *name,
                           int64_t *experiment_id, dozan_error *err)
{
    dz_bind bind = dz_bind_kept(store, DZ_SQL_EXPERIMENT_ID);
    dz_bind_text(&bind, namespace_);
    dz_bind_text(&bind, name);
    *experiment_id = dz_bind_step(&bind) ? sqlite3_column_int64(bind.stmt, 0) : 0;
    return dz_bind_done(&bind, "cannot find the experiment", err);
}

dozan_status dz_store_find_trial(dz_store *store, const char *namespace_, const char *name,
                                 int64_t *experiment_id, int64_t *trial, dozan_error *err)
{
    dz_bind bind = dz_bind_kept(store, DZ_SQL_TRIAL_NUMBER);
    dz_bind_text(&bind, name);
    dz_bind_text(&bind, namespace_);
    bool found = dz_bind_step(&bind);
    *experiment_id = found ? sqlite3_column_int64(bind.stmt, 0) : 0;
    *trial = found ? sqlite3_column_int64(bind.stmt, 1) : 0;
    return dz_bind_done(&bind, "cannot find the trial", err);
}

dozan_status dz_store_trial_places(dz_store *store, const char *name, dz_place_visit *visit,
                                   void *user, dozan_error *err)
{
    bool go_on = true;
    dz_bind bind = dz_bind_new(store, "SELECT e.namespace, t.experiment, t.number FROM trials t "
                                      "JOIN experiments e ON e.id = t.experiment WHERE t.name=? "
                                      "ORDER BY e.namespace");
    dz_bind_text(&bind, name);
    while (go_on && dz_bind_step(&bind)) {
        dz_row row = dz_row_of(&bind, 0);
        dz_trial_place place = {.namespace_ = dz_row_text(&row)};
        place.experiment_id = dz_row_int(&row, 1, INT64_MAX);
        place.trial = dz_row_int(&row, 1, INT64_MAX);
        go_on = visit(user, &place);
    }
    return dz_bind_done(&bind, "cannot find the trial", err);
}

dozan_status dz_store_forget_points(dz_store *store, int64_t experiment_id, int64_t trial,
                                    dozan_error *err)
{
    dozan_status status = dz_store_begin(store, true, err);
    if (status != DOZAN_OK)
        return status;
    dz_bind bind = dz_bind_new(store, "DELETE FROM metrics WHERE experiment=? AND trial=?");
    dz_bind_int(&bind, experiment_id);
    dz_bind_int(&bind, trial);
    status = dz_bind_run(&bind, "cannot delete the metrics", NULL, err);
    return dz_store_end(store, status, err);
}

dozan_status dz_store_open_experiments(dz_store *store, dz_number_visit *visit, void *user,
                                       dozan_error *err)
{
    bool go_on = true;
    dz_bind bind = dz_bind_new(store, "SELECT id FROM experiments WHERE at_rest = 0 ORDER BY id");
    while (go_on && dz_bind_step(&bind))
        go_on = visit(user, sqlite3_column_int64(bind.stmt, 0));
    return dz_bind_done(&bind, "cannot read the experiments", err);
}

/* One parameter more than the lint likes. NOLINTNEXTLINE(readability-function-size) */
dozan_status dz_store_put_report(dz_store *store, int64_t experiment_id, int64_t trial,
                                 int32_t attempt, const char *request, dozan_error *err)
{
    dz_bind bind = dz_bind_kept(store, DZ_SQL_REPORT_INSERT);
    dz_bind_int(&bind, experiment_id);
    dz_bind_int(&bind, trial);
    dz_bind_int(&bind, attempt);
    dz_bind_text(&bind, request);
    return dz_bind_run(&bind, "cannot write a report", NULL, err);
}

/* One parameter more than the lint likes. NOLINTNEXTLINE(readability-function-size) */
dozan_status dz_store_knows_report(dz_store *store, int64_t experiment_id, int64_t trial,
                                   int32_t attempt, const char *request, bool *known,
                                   dozan_error *err)
{
    dz_bind bind = dz_bind_kept(store, DZ_SQL_REPORT_KNOWN);
    dz_bind_int(&bind, experiment_id);
    dz_bind_int(&bind, trial);
    dz_bind_int(&bind, attempt);
    dz_bind_text(&bind, request);
    *known = dz_bind_step(&bind);
    return dz_bind_done(&bind, "cannot read the reports", err);
}
