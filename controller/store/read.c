/*
 * Reading for tables and descriptions: experiments, trials, points and entries, one row at a time.
 * A visit sees one snapshot, whatever is written meanwhile, and may read from the store itself.
 *
 * INDEXED BY where a primary key would give the order too: left alone, SQLite saves itself the
 * look-ups and walks the whole experiment.
 */
#include "store/build.h"
#include "store/changes.h"
#include "store/codec.h"

#include <stdlib.h>
#include <string.h>

static dozan_status no_trial(const dz_store *store, const char *name, dozan_error *err);
static void read_point(dz_row *row, int32_t *attempt, dz_point *point);
static void read_entry(dz_row *row, dz_log_entry *entry);

dozan_status dz_store_experiments(dz_store *store, dz_experiment_visit *visit, void *user,
                                  dozan_error *err)
{
    dozan_status status = DOZAN_OK;
    bool go_on = true;
    dz_bind bind = dz_bind_new(store, "SELECT " DZ_EXPERIMENT_COLUMNS " FROM " DZ_EXPERIMENT_TABLES
                                      " ORDER BY e.namespace, e.name");
    while (status == DOZAN_OK && go_on && dz_bind_step(&bind)) {
        dz_experiment *experiment = NULL;
        status = dz_build_experiment(&bind, &experiment, err);
        if (status == DOZAN_OK)
            go_on = visit(user, experiment);
        dz_experiment_destroy(experiment);
    }
    return dz_bind_end(&bind, status, "cannot read the experiments", err);
}

dozan_status dz_store_trials(dz_store *store, const dz_experiment *experiment, int64_t after_number,
                             int64_t limit, dz_trial_visit *visit, void *user, dozan_error *err)
{
    dozan_status status = DOZAN_OK;
    bool go_on = true;
    dz_bind bind = dz_bind_new(store, "SELECT " DZ_TRIAL_COLUMNS " FROM trials t WHERE "
                                      "t.experiment=? AND t.number>? ORDER BY t.number LIMIT ?");
    dz_bind_int(&bind, experiment->id);
    dz_bind_int(&bind, after_number);
    dz_bind_int(&bind, limit > 0 ? limit : -1);
    while (status == DOZAN_OK && go_on && dz_bind_step(&bind)) {
        dz_trial *trial = NULL;
        status = dz_build_trial(&bind, 0, experiment->spec->metric_count, &trial, err);
        if (status == DOZAN_OK)
            go_on = visit(user, trial);
        dz_trial_destroy(trial);
    }
    return dz_bind_end(&bind, status, "cannot read the trials", err);
}

dozan_status dz_store_trial(dz_store *store, const char *name, dz_experiment **experiment,
                            dz_trial **trial, dozan_error *err)
{
    dz_qualified qualified;
    if (!dz_qualified_read(name, &qualified))
        return no_trial(store, name, err);
    return dz_store_trial_in(store, qualified.given ? qualified.namespace_ : NULL, qualified.name,
                             experiment, trial, err);
}

dozan_status dz_store_trial_in(dz_store *store, const char *namespace_, const char *name,
                               dz_experiment **experiment, dz_trial **trial, dozan_error *err)
{
    static const char sql[] = "SELECT " DZ_EXPERIMENT_COLUMNS ", " DZ_TRIAL_COLUMNS
                              " FROM trials t JOIN experiments e ON e.id = t.experiment "
                              "JOIN documents d ON d.experiment = e.id WHERE t.name=?1 AND (?2 IS "
                              "NULL OR e.namespace=?2)";
    dz_experiment *made = NULL;
    dz_trial *made_trial = NULL;
    dozan_status status = DOZAN_OK;
    dz_bind bind = dz_bind_new(store, sql);
    dz_bind_text(&bind, name);
    dz_bind_text(&bind, namespace_);
    bool found = dz_bind_step(&bind);
    if (found)
        status = dz_build_experiment(&bind, &made, err);
    if (found && status == DOZAN_OK)
        status = dz_build_trial(&bind, DZ_EXPERIMENT_COLUMN_COUNT, made->spec->metric_count,
                                &made_trial, err);
    status = dz_bind_end(&bind, status, "cannot read the trial", err);
    if (status == DOZAN_OK && !found)
        status = no_trial(store, name, err);
    if (status != DOZAN_OK) {
        dz_experiment_destroy(made);
        return status;
    }
    *experiment = made;
    *trial = made_trial;
    return DOZAN_OK;
}

dozan_status dz_store_trial_number(dz_store *store, const dz_experiment *experiment, int64_t number,
                                   dz_trial **trial, dozan_error *err)
{
    dozan_status status = DOZAN_OK;
    dz_bind bind = dz_bind_new(store, "SELECT " DZ_TRIAL_COLUMNS " FROM trials t WHERE "
                                      "t.experiment=? AND t.number=?");
    dz_bind_int(&bind, experiment->id);
    dz_bind_int(&bind, number);
    bool found = dz_bind_step(&bind);
    if (found)
        status = dz_build_trial(&bind, 0, experiment->spec->metric_count, trial, err);
    status = dz_bind_end(&bind, status, "cannot read the trial", err);
    if (status == DOZAN_OK && !found)
        status = dozan_error_set(err, DOZAN_NOT_FOUND, store->path,
                                 "there is no trial %lld of experiment \"%s\"", (long long)number,
                                 experiment->spec->name);
    return status;
}

/* One parameter more than the lint likes. NOLINTNEXTLINE(readability-function-size) */
dozan_status dz_store_points(dz_store *store, int64_t experiment_id, int64_t trial, int32_t attempt,
                             int32_t metric, dz_point_visit *visit, void *user, dozan_error *err)
{
    dozan_status status = DOZAN_OK;
    bool go_on = true;
    dz_bind bind = dz_bind_new(
        store, "SELECT attempt, metric, step, time_ms, value, text FROM metrics "
               "INDEXED BY metrics_by_trial "
               "WHERE experiment=?1 AND trial=?2 AND attempt = CASE ?3 WHEN 0 THEN "
               "(SELECT attempt FROM trials WHERE experiment=?1 AND number=?2) ELSE ?3 END "
               "AND (?4 < 0 OR metric = ?4) ORDER BY seq");
    dz_bind_int(&bind, experiment_id);
    dz_bind_int(&bind, trial);
    dz_bind_int(&bind, attempt);
    dz_bind_int(&bind, metric);
    while (status == DOZAN_OK && go_on && dz_bind_step(&bind)) {
        dz_row row = dz_row_of(&bind, 0);
        dz_point point = {0};
        int32_t of_attempt = 0;
        read_point(&row, &of_attempt, &point);
        status = dz_row_error(store, &row, err);
        if (status == DOZAN_OK)
            go_on = visit(user, of_attempt, &point);
    }
    return dz_bind_end(&bind, status, "cannot read the metrics", err);
}

dozan_status dz_store_entries(dz_store *store, int64_t experiment_id, int64_t trial,
                              dz_entry_visit *visit, void *user, dozan_error *err)
{
    dozan_status status = DOZAN_OK;
    bool go_on = true;
    dz_bind bind = dz_bind_new(
        store, "SELECT seq, kind, trial, attempt, time_ms, value, text FROM "
               "events INDEXED BY events_by_trial WHERE experiment=? AND trial=? ORDER BY seq");
    dz_bind_int(&bind, experiment_id);
    dz_bind_int(&bind, trial);
    while (status == DOZAN_OK && go_on && dz_bind_step(&bind)) {
        dz_row row = dz_row_of(&bind, 0);
        dz_log_entry entry = {0};
        read_entry(&row, &entry);
        status = dz_row_error(store, &row, err);
        if (status == DOZAN_OK)
            go_on = visit(user, &entry);
        free(entry.text);
    }
    return dz_bind_end(&bind, status, "cannot read the events", err);
}

/* ---- helpers */

static dozan_status no_trial(const dz_store *store, const char *name, dozan_error *err)
{
    return dozan_error_set(err, DOZAN_NOT_FOUND, store->path,
                           "there is no trial \"%s\"; `dozan get trials EXPERIMENT` lists those "
                           "that there are",
                           name);
}

static void read_point(dz_row *row, int32_t *attempt, dz_point *point)
{
    *attempt = dz_row_int32(row);
    point->metric = (uint32_t)dz_row_int(row, 0, UINT32_MAX);
    point->step = dz_row_int(row, INT64_MIN, INT64_MAX);
    point->time_ms = dz_row_int(row, INT64_MIN, INT64_MAX);
    point->value = dz_row_double(row, &point->is_number);
    point->text = dz_row_text_or_null(row);
    if (!point->text)
        point->text = "";
}

static void read_entry(dz_row *row, dz_log_entry *entry)
{
    entry->seq = dz_row_int(row, 1, INT64_MAX);
    entry->kind = (dozan_event_kind)dz_row_name(row, dz_event_codes, DZ_EVENT_NAME_COUNT);
    entry->trial = dz_row_int(row, 1, INT64_MAX);
    entry->attempt = dz_row_int32(row);
    entry->time_ms = dz_row_int(row, INT64_MIN, INT64_MAX);
    entry->value = dz_row_double(row, &entry->has_value);
    const char *text = dz_row_text_or_null(row);
    if (!text)
        return;
    entry->text = strdup(text);
    if (!entry->text)
        dz_row_fail(row, DOZAN_RESOURCE_EXHAUSTED);
}
