/*
 * What the owner writes: an experiment when it begins, what each turn of the loop changed, and its
 * end.
 *
 * Every public function is one transaction. On an error it is rolled back, nothing of the caller's
 * is touched, and the call may be made again.
 */
#include "store/codec.h"
#include "store/db.h"
#include "store/documents.h"
#include "store/front.h"

#include <string.h>

static dozan_status insert_experiment(dz_store *store, dz_experiment *experiment, int64_t *id,
                                      dozan_error *err);
static dozan_status write_experiment(dz_store *store, dz_experiment *experiment, dozan_error *err);
static dozan_status write_seq(dz_store *store, const dz_experiment *experiment, dozan_error *err);
static dozan_status write_trial(dz_store *store, int64_t experiment_id, dz_trial *trial,
                                dozan_error *err);
static dozan_status write_entry(dz_store *store, int64_t experiment_id, const dz_log_entry *entry,
                                dozan_error *err);

dozan_status dz_store_insert(dz_store *store, dz_experiment *experiment, const char *source_name,
                             const char *source, size_t source_size, dozan_error *err)
{
    const dz_source from = {source_name, source, source_size};
    const dz_changes none = {0};
    return dz_store_insert_with_log(store, experiment, &from, &none, err);
}

dozan_status dz_store_insert_with_log(dz_store *store, dz_experiment *experiment,
                                      const dz_source *source, const dz_changes *changes,
                                      dozan_error *err)
{
    dozan_status status = dz_store_begin(store, true, err);
    if (status == DOZAN_OK)
        status = dz_store_put_new(store, experiment, source, changes, err);
    status = dz_store_end(store, status, err);
    if (status == DOZAN_OK)
        dz_store_written(experiment, changes);
    else
        experiment->id = 0;
    return status;
}

dozan_status dz_store_commit(dz_store *store, dz_experiment *experiment, const dz_changes *changes,
                             dozan_error *err)
{
    if (!dz_store_has_changes(experiment, changes))
        return DOZAN_OK;
    dozan_status status = dz_store_begin(store, dz_store_must_sync(changes), err);
    if (status == DOZAN_OK)
        status = dz_store_put(store, experiment, changes, err);
    status = dz_store_end(store, status, err);
    if (status != DOZAN_OK)
        return status;
    dz_store_written(experiment, changes);
    dz_store_stage_source(store, NULL, NULL, 0);
    return DOZAN_OK;
}

/* ---- the parts of a transaction */

dozan_status dz_store_begin(dz_store *store, bool synced, dozan_error *err)
{
    return dz_db_begin_owned(store, synced, err);
}

dozan_status dz_store_end(dz_store *store, dozan_status status, dozan_error *err)
{
    return dz_db_finish(store, status, err);
}

dozan_status dz_store_put_new(dz_store *store, dz_experiment *experiment, const dz_source *source,
                              const dz_changes *changes, dozan_error *err)
{
    int64_t id = 0;
    dozan_status status = insert_experiment(store, experiment, &id, err);
    if (status == DOZAN_OK)
        status = dz_document_insert(store, id, experiment, source, err);
    for (size_t i = 0; status == DOZAN_OK && i < changes->log_count; i++)
        status = write_entry(store, id, &changes->log[i], err);
    if (status == DOZAN_OK)
        experiment->id = id;
    return status;
}

dozan_status dz_store_put(dz_store *store, dz_experiment *experiment, const dz_changes *changes,
                          dozan_error *err)
{
    dozan_status status = DOZAN_OK;
    if (experiment->dirty)
        status = write_experiment(store, experiment, err);
    else if (changes->log_count > 0)
        status = write_seq(store, experiment, err);
    if (status == DOZAN_OK && experiment->dirty)
        status = dz_front_write(store, experiment->id, &experiment->front, err);
    for (size_t i = 0; status == DOZAN_OK && i < experiment->active_count; i++)
        if (experiment->active[i]->dirty)
            status = write_trial(store, experiment->id, experiment->active[i], err);
    for (size_t i = 0; status == DOZAN_OK && i < changes->ended_count; i++)
        status = write_trial(store, experiment->id, changes->ended[i], err);
    for (size_t i = 0; status == DOZAN_OK && i < changes->log_count; i++)
        status = write_entry(store, experiment->id, &changes->log[i], err);
    return status;
}

void dz_store_written(dz_experiment *experiment, const dz_changes *changes)
{
    experiment->dirty = false;
    experiment->spec_dirty = false;
    dz_front_saved(&experiment->front);
    for (size_t i = 0; i < experiment->active_count; i++)
        experiment->active[i]->dirty = false;
    for (size_t i = 0; i < changes->ended_count; i++)
        changes->ended[i]->dirty = false;
}

/* A commit waits for the disk where something is about to happen that relies on it, and where none
 * will come soon to take it along. A turn that asks for suggestions is followed by the one that
 * starts them; a start and a report that a power loss takes away belong to a trial that it takes
 * away too. An end that it takes away is read again from the job's own directory. */
bool dz_store_must_sync(const dz_changes *changes)
{
    bool asks = false;
    bool only_heard = changes->ended_count == 0 && changes->log_count > 0;
    for (size_t i = 0; i < changes->effect_count; i++) {
        dz_effect_kind kind = changes->effects[i].kind;
        if (kind == DZ_EFFECT_START || kind == DZ_EFFECT_STOP)
            return true;
        asks = asks || kind == DZ_EFFECT_ASK;
    }
    for (size_t i = 0; i < changes->log_count && only_heard; i++)
        only_heard = changes->log[i].kind == DOZAN_EVENT_STARTED ||
                     changes->log[i].kind == DOZAN_EVENT_REPORT;
    return !asks && !only_heard;
}

bool dz_store_has_changes(const dz_experiment *experiment, const dz_changes *changes)
{
    if (experiment->dirty || changes->log_count > 0 || changes->ended_count > 0)
        return true;
    for (size_t i = 0; i < experiment->active_count; i++)
        if (experiment->active[i]->dirty)
            return true;
    return false;
}

/* ---- rows */

/* The columns of an experiment that change, in the order of the two statements that write them. */
static void bind_experiment(dz_bind *bind, const dz_experiment *experiment)
{
    dz_bind_text(bind, dz_experiment_state_codes[experiment->state]);
    dz_bind_json(bind, dz_conditions_write(experiment));
    dz_bind_int(bind, experiment->started_ms);
    dz_bind_int(bind, experiment->completed_ms);
    dz_bind_int(bind, experiment->runtime_ms);
    dz_bind_int(bind, experiment->runtime_mark_ms);
    dz_bind_int(bind, experiment->trial_count);
    dz_bind_int(bind, experiment->last_seq);
    dz_bind_json(bind, dz_counts_write(experiment));
    dz_bind_int(bind, experiment->best.trial);
    dz_bind_double(bind, true, experiment->best.value);
    dz_bind_int(bind, experiment->exhausted);
    dz_bind_text(bind, experiment->suggestion_reason);
    dz_bind_text(bind, experiment->suggestion_message);
    dz_bind_int(bind, experiment->plugin_faults);
    dz_bind_text(bind, experiment->plugin_fault);
    dz_bind_int(bind, experiment->version);
    dz_bind_int(bind, experiment->generation);
    dz_bind_int(bind, dz_experiment_at_rest(experiment));
}

static dozan_status insert_experiment(dz_store *store, dz_experiment *experiment, int64_t *id,
                                      dozan_error *err)
{
    dz_bind bind = dz_bind_new(
        store, "INSERT INTO experiments (name, uid, seed, created_ms, state, conditions, "
               "started_ms, completed_ms, runtime_ms, runtime_mark_ms, trial_count, last_seq, "
               "state_counts, best_trial, best_value, exhausted, suggestion_reason, "
               "suggestion_message, plugin_faults, plugin_fault, version, generation, at_rest, "
               "namespace, created_version) VALUES "
               "(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)");
    experiment->version = ++store->version;
    experiment->created_version = experiment->version;
    experiment->generation = 1;
    dz_bind_text(&bind, experiment->spec->name);
    dz_bind_text(&bind, experiment->uid);
    dz_bind_int(&bind, (int64_t)experiment->seed);
    dz_bind_int(&bind, experiment->created_ms);
    bind_experiment(&bind, experiment);
    dz_bind_text(&bind, experiment->spec->namespace_);
    dz_bind_int(&bind, experiment->created_version);
    (void)dz_bind_step(&bind);
    bool exists = bind.code == SQLITE_CONSTRAINT_UNIQUE;
    *id = sqlite3_last_insert_rowid(store->db);
    dozan_status status = dz_bind_done(&bind, "cannot write the experiment", err);
    if (!exists)
        return status;
    return dozan_error_set(err, DOZAN_ALREADY_EXISTS, store->path,
                           "there is an experiment \"%s\" already; delete it, or choose another "
                           "name",
                           experiment->spec->name);
}

static dozan_status write_experiment(dz_store *store, dz_experiment *experiment, dozan_error *err)
{
    int changed = 0;
    experiment->version = ++store->version;
    dz_bind bind = dz_bind_kept(store, DZ_SQL_EXPERIMENT_UPDATE);
    dz_bind_int(&bind, experiment->id);
    bind_experiment(&bind, experiment);
    dozan_status status = dz_bind_run(&bind, "cannot write the experiment", &changed, err);
    if (status == DOZAN_OK && changed == 0)
        return dz_db_gone(store, err);
    return status == DOZAN_OK && experiment->spec_dirty ? dz_document_update(store, experiment, err)
                                                        : status;
}

/* What is only told to the algorithm is no change to others: the version stays. */
static dozan_status write_seq(dz_store *store, const dz_experiment *experiment, dozan_error *err)
{
    int changed = 0;
    dz_bind bind = dz_bind_kept(store, DZ_SQL_SEQ_UPDATE);
    dz_bind_int(&bind, experiment->last_seq);
    dz_bind_int(&bind, experiment->id);
    dozan_status status = dz_bind_run(&bind, "cannot write the experiment", &changed, err);
    return status == DOZAN_OK && changed == 0 ? dz_db_gone(store, err) : status;
}

/* The key of a trial, and its columns that change, in the order of the three statements. */
static void bind_trial(dz_bind *bind, int64_t experiment_id, const dz_trial *trial)
{
    dz_bind_int(bind, experiment_id);
    dz_bind_int(bind, trial->number);
    dz_bind_text(bind, dz_trial_state_codes[trial->state]);
    dz_bind_text(bind, dz_stop_cause_codes[trial->stop_cause]);
    dz_bind_int(bind, trial->attempt);
    dz_bind_int(bind, trial->failures);
    dz_bind_int(bind, trial->losses);
    dz_bind_json(bind, dz_observations_write(trial));
    dz_bind_int(bind, trial->judged_dirty);
    dz_bind_int(bind, trial->started_ms);
    dz_bind_int(bind, trial->ended_ms);
    dz_bind_int(bind, trial->not_before_ms);
    dz_bind_int(bind, trial->cpu_milli);
    dz_bind_json(bind, dz_gpus_write(trial));
    dz_bind_text(bind, trial->reason);
    dz_bind_text(bind, trial->message);
    dz_bind_int(bind, trial->version);
}

static dozan_status insert_trial(dz_store *store, int64_t experiment_id, dz_trial *trial,
                                 dozan_error *err)
{
    trial->created_version = trial->version;
    dz_bind bind = dz_bind_kept(store, DZ_SQL_TRIAL_INSERT);
    bind_trial(&bind, experiment_id, trial);
    dz_bind_int(&bind, !dz_trial_state_ended(trial->state));
    dz_bind_text(&bind, trial->name);
    dz_bind_int(&bind, trial->created_ms);
    dz_bind_json(&bind, dz_pairs_write(trial->assignments, trial->assignment_count));
    dz_bind_json(&bind, dz_pairs_write(trial->labels, trial->label_count));
    dz_bind_int(&bind, trial->created_version);
    return dz_bind_run(&bind, "cannot write a trial", NULL, err);
}

/* A trial's row is there already but for its first commit. */
static dozan_status write_trial(dz_store *store, int64_t experiment_id, dz_trial *trial,
                                dozan_error *err)
{
    int changed = 0;
    bool ended = dz_trial_state_ended(trial->state);
    trial->version = ++store->version;
    dz_bind bind = dz_bind_kept(store, ended ? DZ_SQL_TRIAL_END : DZ_SQL_TRIAL_UPDATE);
    bind_trial(&bind, experiment_id, trial);
    dozan_status status = dz_bind_run(&bind, "cannot write a trial", &changed, err);
    if (status == DOZAN_OK && changed == 0)
        status = insert_trial(store, experiment_id, trial, err);
    return status;
}

static dozan_status write_report(dz_store *store, int64_t experiment_id, const dz_log_entry *entry,
                                 dozan_error *err)
{
    dz_bind bind = dz_bind_kept(store, DZ_SQL_METRIC_INSERT);
    dz_bind_int(&bind, experiment_id);
    dz_bind_int(&bind, entry->seq);
    dz_bind_int(&bind, entry->trial);
    dz_bind_int(&bind, entry->attempt);
    dz_bind_int(&bind, entry->metric);
    dz_bind_int(&bind, entry->step);
    dz_bind_int(&bind, entry->time_ms);
    dz_bind_double(&bind, entry->has_value, entry->value);
    dz_bind_text(&bind, entry->text);
    return dz_bind_run(&bind, "cannot write a metric", NULL, err);
}

static dozan_status write_event(dz_store *store, int64_t experiment_id, const dz_log_entry *entry,
                                dozan_error *err)
{
    dz_bind bind = dz_bind_kept(store, DZ_SQL_EVENT_INSERT);
    dz_bind_int(&bind, experiment_id);
    dz_bind_int(&bind, entry->seq);
    dz_bind_text(&bind, dz_event_codes[entry->kind]);
    dz_bind_int(&bind, entry->trial);
    dz_bind_int(&bind, entry->attempt);
    dz_bind_int(&bind, entry->time_ms);
    dz_bind_double(&bind, entry->has_value, entry->value);
    dz_bind_text(&bind, entry->text);
    if (entry->kind == DOZAN_EVENT_KNOWN)
        dz_bind_json(&bind, dz_pairs_write(entry->assignments, entry->assignment_count));
    else
        dz_bind_text(&bind, NULL);
    if (entry->others != NULL)
        dz_bind_json(&bind, dz_numbers_write(entry->others, entry->other_count));
    else
        dz_bind_text(&bind, NULL);
    return dz_bind_run(&bind, "cannot write an event", NULL, err);
}

static dozan_status write_entry(dz_store *store, int64_t experiment_id, const dz_log_entry *entry,
                                dozan_error *err)
{
    return entry->kind == DOZAN_EVENT_REPORT ? write_report(store, experiment_id, entry, err)
                                             : write_event(store, experiment_id, entry, err);
}
