/*
 * `dozan run` and `dozan validate`: from a file to a run, new or taken up again.
 */
#include "cli/document.h"
#include "cli/driver.h"
#include "loop/draw.h"
#include "loop/warm_start.h"

#include "core/step.h"
#include <stdlib.h>
#include <string.h>

typedef struct runner {
    dz_cli *cli;
    dz_document document;
    dz_store *store;
    dz_driver *driver;
    dz_experiment *experiment;
} runner;

static int open_all(runner *run);
static int start_new(runner *run);
static dozan_status insert(runner *run, dozan_error *err);
static dozan_status check_sources(dz_cli *cli, const dz_experiment_spec *spec, dozan_error *err);
static int take_up(runner *run);
static int refuse_difference(runner *run, const dozan_error *difference);
static int take_up_ended(runner *run, bool changed);
static int drive(runner *run, bool new_budget);
static void note_image(dz_cli *cli, const dz_experiment_spec *spec);
static const cJSON *find_containers(const cJSON *object);

int dz_cli_run(dz_cli *cli)
{
    runner run = {.cli = cli};
    dozan_error err = {0};
    int status = dz_document_read(cli, true, &run.document);
    if (status == DZ_EXIT_SUCCEEDED && run.document.spec->lease_ms > 0) {
        (void)dozan_error_set(&err, DOZAN_INVALID_ARGUMENT, "spec.leases",
                              "workers ask a service for such trials: send the experiment to "
                              "`dozan serve`");
        status = dz_document_reject(cli, &run.document, &err);
    }
    if (status == DZ_EXIT_SUCCEEDED)
        status = open_all(&run);
    if (status == DZ_EXIT_SUCCEEDED) {
        dozan_status found = dz_store_load_in(run.store, run.document.spec->namespace_,
                                              run.document.spec->name, &run.experiment, &err);
        if (found == DOZAN_OK)
            status = take_up(&run);
        else if (found == DOZAN_NOT_FOUND)
            status = start_new(&run);
        else
            status = dz_cli_fail(cli, &err);
    }
    dz_driver_destroy(run.driver);
    dz_experiment_destroy(run.experiment);
    dz_store_close(run.store);
    dz_document_fini(&run.document);
    return status;
}

int dz_cli_validate(dz_cli *cli)
{
    dz_document document;
    dz_driver *driver = NULL;
    dozan_error err = {0};
    int status = dz_document_read(cli, false, &document);
    if (status != DZ_EXIT_SUCCEEDED)
        goto done;
    if (dz_driver_create(cli, NULL, &driver, &err) != DOZAN_OK)
        status = dz_cli_fail(cli, &err);
    else if (dz_loop_validate(dz_driver_loop(driver), document.spec, &err) != DOZAN_OK ||
             check_sources(cli, document.spec, &err) != DOZAN_OK)
        status = dz_document_reject(cli, &document, &err);
    else if (cli->options.output != DZ_OUTPUT_TABLE)
        status = dz_cli_put_tree(cli, document.spec->document);
    else if (!cli->options.quiet)
        (void)fprintf(cli->out, "%s: valid: experiment %s, %s over %zu parameter%s\n",
                      document.name, document.spec->name, document.spec->algorithm,
                      document.spec->parameter_count,
                      document.spec->parameter_count == 1 ? "" : "s");
done:
    dz_driver_destroy(driver);
    dz_document_fini(&document);
    return status;
}

/* Whether the experiments of a warm start are there, if there is a database to look in. */
static dozan_status check_sources(dz_cli *cli, const dz_experiment_spec *spec, dozan_error *err)
{
    dz_store *store = NULL;
    dozan_error none = {0};
    if (spec->warm_experiment_count == 0 ||
        dz_store_open(cli->options.db, DZ_STORE_READ, DZ_DURABILITY_NORMAL, &store, &none) !=
            DOZAN_OK)
        return DOZAN_OK;
    dozan_status status = dz_warm_start_check(store, spec, err);
    dz_store_close(store);
    return status;
}

static int open_all(runner *run)
{
    dozan_error err = {0};
    int status = DZ_EXIT_SUCCEEDED;
    run->store = dz_cli_open(run->cli, DZ_STORE_WRITE, &status);
    if (run->store == NULL)
        return status;
    if (dz_store_own(run->store, &err) != DOZAN_OK ||
        dz_driver_create(run->cli, run->store, &run->driver, &err) != DOZAN_OK)
        return dz_cli_fail(run->cli, &err);
    return DZ_EXIT_SUCCEEDED;
}

static int start_new(runner *run)
{
    dz_document *document = &run->document;
    dozan_error err = {0};
    char uid[DZ_UUID_TEXT];
    uint64_t seed = 0;
    dozan_status status = dz_loop_validate(dz_driver_loop(run->driver), document->spec, &err);
    if (status != DOZAN_OK && dz_loop_interrupted(dz_driver_loop(run->driver))) {
        dz_cli_note(run->cli, "interrupted before anything was begun");
        return DZ_EXIT_INTERRUPTED;
    }
    if (status == DOZAN_OK)
        status = dz_warm_start_check(run->store, document->spec, &err);
    if (status != DOZAN_OK)
        return dz_document_reject(run->cli, document, &err);
    status = dz_draw_uid(uid, &err);
    if (status == DOZAN_OK)
        status = dz_draw(&seed, sizeof(seed), &err);
    if (status == DOZAN_OK) {
        dz_experiment_spec *spec = document->spec;
        document->spec = NULL;
        status = dz_experiment_create(spec, uid, seed, dz_cli_now(), &run->experiment, &err);
    }
    if (status == DOZAN_OK)
        status = insert(run, &err);
    return status == DOZAN_OK ? drive(run, false) : dz_cli_fail(run->cli, &err);
}

/* With what it begins with of earlier experiments. */
static dozan_status insert(runner *run, dozan_error *err)
{
    const dz_source source = {run->document.name, run->document.text, run->document.size};
    dz_changes changes = {0};
    dozan_status status =
        dz_warm_start_collect(run->store, run->experiment, dz_cli_now(), &changes, err);
    if (status == DOZAN_OK)
        status = dz_store_insert_with_log(run->store, run->experiment, &source, &changes, err);
    if (status == DOZAN_OK && run->experiment->warm_start[0] != '\0')
        dz_cli_note(run->cli, "warm start: %s", run->experiment->warm_start);
    dz_changes_clear(&changes);
    return status;
}

/* The database has an experiment of that name: it goes on if the file means the same one. */
static int take_up(runner *run)
{
    const dz_experiment *old = run->experiment;
    dz_experiment_spec *next = run->document.spec;
    dozan_error err = {0};
    if (dz_spec_check_update(old->spec, next, &err) != DOZAN_OK)
        return refuse_difference(run, &err);
    bool changed = !dz_spec_same_budget(old->spec, next);
    if (dz_experiment_state_ended(old->state))
        return take_up_ended(run, changed);
    if (old->trial_count > 0)
        dz_cli_note(run->cli, "going on with experiment %s: %lld trials are there already",
                    old->spec->name, (long long)old->trial_count);
    return drive(run, changed);
}

static int refuse_difference(runner *run, const dozan_error *difference)
{
    char text[sizeof(difference->place) + sizeof(difference->message) + 4];
    const char *name = run->document.spec->name;
    dozan_error_text(difference, text, sizeof(text));
    return dz_cli_failf(run->cli, DOZAN_FAILED_PRECONDITION,
                        "%s: %s has an experiment %s already: %s (`dozan delete %s%s`; --db names "
                        "another database)",
                        run->document.name, run->cli->options.db, name, text, name,
                        run->cli->options.db_hint);
}

/* Whether a raised budget lets it go on is the core's to say. What a crash left undone at the end,
 * or a plugin that failed it and may be mended now, is taken up without one. */
static int take_up_ended(runner *run, bool changed)
{
    const dz_experiment *old = run->experiment;
    const dz_condition *last = &old->conditions[old->condition_count - 1];
    const char *name = old->spec->name;
    if (changed)
        return drive(run, true);
    if (old->active_count > 0 || strcmp(last->reason, "SuggestionFailed") == 0)
        return drive(run, false);
    dz_cli_note(run->cli,
                "experiment %s has ended already; to run on, raise spec.maxTrialCount, and to "
                "begin anew, `dozan delete %s%s`",
                name, name, run->cli->options.db_hint);
    return dz_cli_result(run->cli, run->store, old);
}

static int drive(runner *run, bool new_budget)
{
    dz_document *document = &run->document;
    dz_experiment_spec *budget = NULL;
    note_image(run->cli, run->experiment->spec);
    if (new_budget) {
        budget = document->spec; /* the loop takes it */
        document->spec = NULL;
        dz_store_stage_source(run->store, document->name, document->text, document->size);
    }
    return dz_driver_run(run->driver, run->experiment, budget);
}

/* ---- the image that is not used ---- */

static void note_image(dz_cli *cli, const dz_experiment_spec *spec)
{
    const cJSON *container = NULL;
    cJSON_ArrayForEach(container, find_containers(spec->trial_spec))
    {
        const cJSON *name = cJSON_GetObjectItemCaseSensitive(container, "name");
        const cJSON *image = cJSON_GetObjectItemCaseSensitive(container, "image");
        if (!cJSON_IsString(name) || !cJSON_IsString(image) ||
            strcmp(name->valuestring, spec->primary_container_name) != 0)
            continue;
        dz_cli_note(cli, "the image %s is not used: trials run as processes of this machine%s",
                    image->valuestring,
                    cli->options.map_count > 0 ? "" : ", and --map FROM=TO finds its paths here");
        return;
    }
}

/* A Job's pod template, or a Pod itself. */
static const cJSON *find_containers(const cJSON *object)
{
    const cJSON *spec = cJSON_GetObjectItemCaseSensitive(object, "spec");
    const cJSON *template = cJSON_GetObjectItemCaseSensitive(spec, "template");
    if (template != NULL)
        spec = cJSON_GetObjectItemCaseSensitive(template, "spec");
    return cJSON_GetObjectItemCaseSensitive(spec, "containers");
}
