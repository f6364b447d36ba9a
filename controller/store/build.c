/*
 * From rows to experiments and trials. A row that was changed by hand or by a failing disk gives an
 * error, never a half-made value.
 */
#include "store/build.h"

#include "store/codec.h"
#include "store/front.h"

#include <stdlib.h>
#include <string.h>

static void read_experiment(dz_row *row, dz_experiment *experiment);
static void read_trial(dz_row *row, size_t metric_count, dz_trial *trial);
static dozan_status read_spec(const dz_store *store, const char *text, dz_experiment_spec **spec,
                              dozan_error *err);

dozan_status dz_build_experiment(const dz_bind *bind, dz_experiment **experiment, dozan_error *err)
{
    dz_row row = dz_row_of(bind, 0);
    dz_experiment *made = calloc(1, sizeof *made);
    if (!made)
        return dz_db_error(bind->store, SQLITE_NOMEM, "cannot read an experiment", err);
    read_experiment(&row, made);
    const char *spec = dz_row_text(&row);
    dozan_status status = dz_row_error(bind->store, &row, err);
    if (status == DOZAN_OK)
        status = read_spec(bind->store, spec, &made->spec, err);
    if (status == DOZAN_OK) {
        status = dozan_space_create(made->spec->parameters, made->spec->parameter_count,
                                    &made->space, err);
        if (status != DOZAN_OK)
            status = dozan_error_wrap(err, "cannot take up the search space of \"%s\"",
                                      made->spec->name);
    }
    if (status == DOZAN_OK)
        status = dz_front_read(bind->store, made, err);
    if (status != DOZAN_OK) {
        dz_experiment_destroy(made);
        return status;
    }
    *experiment = made;
    return DOZAN_OK;
}

dozan_status dz_build_trial(const dz_bind *bind, int first, size_t metric_count, dz_trial **trial,
                            dozan_error *err)
{
    dz_row row = dz_row_of(bind, first);
    dz_trial *made = calloc(1, sizeof *made);
    if (!made)
        return dz_db_error(bind->store, SQLITE_NOMEM, "cannot read a trial", err);
    read_trial(&row, metric_count, made);
    dozan_status status = dz_row_error(bind->store, &row, err);
    if (status != DOZAN_OK) {
        dz_trial_destroy(made);
        return status;
    }
    *trial = made;
    return DOZAN_OK;
}

/* ---- helpers */

static void read_experiment(dz_row *row, dz_experiment *experiment)
{
    bool has_best = false;
    experiment->id = dz_row_int(row, 1, INT64_MAX);
    dz_row_copy(row, experiment->uid, sizeof experiment->uid);
    experiment->seed = (uint64_t)dz_row_int(row, INT64_MIN, INT64_MAX);
    experiment->state =
        (dz_experiment_state)dz_row_name(row, dz_experiment_state_codes, DZ_EXPERIMENT_STATE_COUNT);
    dz_row_fail(row, dz_conditions_read(dz_row_text(row), experiment));
    experiment->created_ms = dz_row_int(row, INT64_MIN, INT64_MAX);
    experiment->started_ms = dz_row_int(row, INT64_MIN, INT64_MAX);
    experiment->completed_ms = dz_row_int(row, INT64_MIN, INT64_MAX);
    experiment->runtime_ms = dz_row_int(row, INT64_MIN, INT64_MAX);
    experiment->runtime_mark_ms = dz_row_int(row, INT64_MIN, INT64_MAX);
    experiment->trial_count = dz_row_int(row, 0, INT64_MAX);
    experiment->last_seq = dz_row_int(row, 0, INT64_MAX);
    dz_row_fail(row, dz_counts_read(dz_row_text(row), experiment));
    experiment->best.trial = dz_row_int(row, 0, INT64_MAX);
    experiment->best.value = dz_row_double(row, &has_best);
    experiment->exhausted = dz_row_bool(row);
    dz_row_copy(row, experiment->suggestion_reason, sizeof experiment->suggestion_reason);
    dz_row_copy(row, experiment->suggestion_message, sizeof experiment->suggestion_message);
    experiment->plugin_faults = dz_row_int(row, 0, INT64_MAX);
    dz_row_copy(row, experiment->plugin_fault, sizeof experiment->plugin_fault);
    experiment->version = dz_row_int(row, 1, INT64_MAX);
    experiment->created_version = dz_row_int(row, 1, INT64_MAX);
    experiment->generation = dz_row_int(row, 1, INT64_MAX);
    dz_row_copy(row, experiment->warm_start, sizeof experiment->warm_start);
}

static void read_trial(dz_row *row, size_t metric_count, dz_trial *trial)
{
    trial->number = dz_row_int(row, 1, INT64_MAX);
    trial->name = dz_row_owned(row);
    trial->state = (dz_trial_state)dz_row_name(row, dz_trial_state_codes, DZ_TRIAL_STATE_COUNT);
    trial->stop_cause = (dz_stop_cause)dz_row_name(row, dz_stop_cause_codes, DZ_STOP_CAUSE_COUNT);
    trial->attempt = dz_row_int32(row);
    trial->failures = dz_row_int32(row);
    trial->losses = dz_row_int32(row);
    dz_row_fail(row,
                dz_pairs_read(dz_row_text(row), &trial->assignments, &trial->assignment_count));
    dz_row_fail(row, dz_pairs_read(dz_row_text(row), &trial->labels, &trial->label_count));
    dz_row_fail(row, dz_observations_read(dz_row_text(row), metric_count, &trial->observations));
    trial->metric_count = metric_count;
    trial->judged_dirty = dz_row_bool(row);
    trial->created_ms = dz_row_int(row, INT64_MIN, INT64_MAX);
    trial->started_ms = dz_row_int(row, INT64_MIN, INT64_MAX);
    trial->ended_ms = dz_row_int(row, INT64_MIN, INT64_MAX);
    trial->not_before_ms = dz_row_int(row, INT64_MIN, INT64_MAX);
    trial->cpu_milli = dz_row_int(row, 0, INT64_MAX);
    dz_row_fail(row, dz_gpus_read(dz_row_text(row), trial));
    dz_row_copy(row, trial->reason, sizeof trial->reason);
    dz_row_copy(row, trial->message, sizeof trial->message);
    trial->version = dz_row_int(row, 1, INT64_MAX);
    trial->created_version = dz_row_int(row, 1, INT64_MAX);
}

/* What was checked when the experiment began is checked again: a specification has no other way in.
 */
static dozan_status read_spec(const dz_store *store, const char *text, dz_experiment_spec **spec,
                              dozan_error *err)
{
    dz_problems problems = {0};
    dozan_status status = dz_spec_read(text, strlen(text), "spec", NULL, 0, spec, &problems);
    if (status == DOZAN_RESOURCE_EXHAUSTED) {
        status = dz_db_error(store, SQLITE_NOMEM, "cannot read an experiment", err);
    } else if (status != DOZAN_OK) {
        const char *place = problems.count > 0 ? problems.items[0].place : "spec";
        const char *message =
            problems.count > 0 ? problems.items[0].message : dozan_status_text((int)status);
        status = dozan_error_set(err, DOZAN_DATA_LOSS, store->path,
                                 "a stored experiment cannot be read: %s: %s", place, message);
    }
    dz_problems_fini(&problems);
    return status;
}
