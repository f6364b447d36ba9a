/*
 * The texts of an experiment. Of a specification the budget can change, and the labels and
 * annotations of its metadata.
 */
#include "store/documents.h"

#include "store/db.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { BUDGET_TEXT = 160 };

static void write_budget(const dz_experiment_spec *spec, char text[BUDGET_TEXT]);

dozan_status dz_document_insert(dz_store *store, int64_t experiment_id,
                                const dz_experiment *experiment, const dz_source *source,
                                dozan_error *err)
{
    char budget[BUDGET_TEXT];
    write_budget(experiment->spec, budget);
    dz_bind bind = dz_bind_new(store, "INSERT INTO documents (experiment, budget, spec, "
                                      "source_name, source, warm_start) VALUES (?,?,?,?,?,?)");
    dz_bind_int(&bind, experiment_id);
    dz_bind_text(&bind, budget);
    dz_bind_tree(&bind, experiment->spec->document);
    dz_bind_text(&bind, source->name != NULL ? source->name : "");
    dz_bind_bytes(&bind, source->text != NULL ? source->text : "", source->size);
    dz_bind_text(&bind, experiment->warm_start);
    return dz_bind_run(&bind, "cannot write the specification", NULL, err);
}

dozan_status dz_document_update(dz_store *store, const dz_experiment *experiment, dozan_error *err)
{
    char budget[BUDGET_TEXT];
    write_budget(experiment->spec, budget);
    dz_bind bind = dz_bind_new(store, "UPDATE documents SET budget=?, spec=?,"
                                      " source_name=coalesce(?, source_name),"
                                      " source=coalesce(?, source) WHERE experiment=?");
    dz_bind_text(&bind, budget);
    dz_bind_tree(&bind, experiment->spec->document);
    dz_bind_text(&bind, store->staged.name);
    dz_bind_bytes(&bind, store->staged.text, store->staged.size);
    dz_bind_int(&bind, experiment->id);
    return dz_bind_run(&bind, "cannot write the specification", NULL, err);
}

void dz_store_stage_source(dz_store *store, const char *source_name, const char *source,
                           size_t source_size)
{
    store->staged.name = source_name;
    store->staged.text = source;
    store->staged.size = source_size;
}

dozan_status dz_store_source(dz_store *store, int64_t experiment_id, char **source_name,
                             char **source, dozan_error *err)
{
    char *name = NULL, *text = NULL;
    dz_row row = {.status = DOZAN_OK};
    dz_bind bind =
        dz_bind_new(store, "SELECT source_name, source FROM documents WHERE experiment=?");
    dz_bind_int(&bind, experiment_id);
    bool found = dz_bind_step(&bind);
    if (found) {
        row = dz_row_of(&bind, 0);
        name = dz_row_owned(&row);
        text = dz_row_owned(&row);
    }
    dozan_status status = dz_row_error(store, &row, err);
    status = dz_bind_end(&bind, status, "cannot read the experiment's source", err);
    if (status == DOZAN_OK && !found)
        status = dz_db_gone(store, err);
    if (status == DOZAN_OK) {
        *source_name = name;
        *source = text;
        return DOZAN_OK;
    }
    free(name);
    free(text);
    return status;
}

/* ---- helpers */

static void write_budget(const dz_experiment_spec *spec, char text[BUDGET_TEXT])
{
    (void)snprintf(text, BUDGET_TEXT,
                   "parallel=%" PRId32 " max=%" PRId32 " failed=%" PRId32 " runtime=%" PRId64
                   " resume=%d%s",
                   spec->parallel_trial_count, spec->max_trial_count, spec->max_failed_trial_count,
                   spec->max_runtime_ms, (int)spec->resume_policy,
                   spec->resume_policy_given ? "" : " by default");
}
