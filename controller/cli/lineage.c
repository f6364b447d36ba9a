/*
 * `dozan lineage NAME`: what an experiment's trials have read and made, and what became of it.
 */
#include "cli/find.h"
#include "cli/table.h"
#include "mlflow/mlmd.h"
#include "store/track_lineage.h"

#include <stdlib.h>
#include <string.h>

enum { LINEAGE_MAX = 256 << 20, LINE_MAX = 1024 };

static dozan_status read_lineage(dz_cli *cli, const dz_experiment *experiment, cJSON **tree,
                                 dozan_error *err);
static int print(dz_cli *cli, const cJSON *lineage);
static void print_run(dz_table *table, const cJSON *run, const char *trial, const char *state);
static void print_versions(dz_table *table, const cJSON *of, const char *trial, const char *run,
                           const char *what);
static void row(dz_table *table, const char *trial, const char *run, const char *read,
                const char *made, const char *version);

static const char *text_of(const cJSON *object, const char *name)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
    return text != NULL ? text : "";
}

int dz_cli_lineage(dz_cli *cli)
{
    int status = DZ_EXIT_FAILED;
    dz_found found = {0};
    dozan_error err = {0};
    cJSON *tree = NULL;
    dz_store *store = dz_cli_open(cli, DZ_STORE_READ, &status);
    if (store == NULL)
        return status;
    status = dz_find_experiment(cli, store, cli->options.arguments[0], &found);
    dz_store_close(store);
    if (status != DZ_EXIT_SUCCEEDED)
        return status;
    if (read_lineage(cli, found.experiment, &tree, &err) != DOZAN_OK)
        status = dz_cli_fail(cli, &err);
    else if (cli->options.output == DZ_OUTPUT_TABLE)
        status = print(cli, tree);
    else
        status = dz_cli_put_tree(cli, tree);
    cJSON_Delete(tree);
    dz_found_fini(&found);
    return status;
}

static dozan_status read_lineage(dz_cli *cli, const dz_experiment *experiment, cJSON **tree,
                                 dozan_error *err)
{
    dz_track *track = NULL;
    dz_json out;
    cJSON *arguments = cJSON_CreateObject();
    dozan_buf_init(&out.buf, LINEAGE_MAX);
    (void)cJSON_AddStringToObject(arguments, "namespace", experiment->spec->namespace_);
    (void)cJSON_AddStringToObject(arguments, "name", experiment->spec->name);
    dozan_status status =
        dz_track_open(cli->options.db, DZ_STORE_READ, DZ_DURABILITY_NORMAL, &track, err);
    dz_json_open(&out, NULL, '{');
    if (status == DOZAN_OK)
        status = dz_track_read(track, dz_track_lineage, arguments, &out, err);
    dz_json_close(&out, '}');
    if (status == DOZAN_OK) {
        *tree = cJSON_ParseWithLength(out.buf.data != NULL ? out.buf.data : "", out.buf.size);
        if (*tree != NULL && cli->options.output == DZ_OUTPUT_MLMD) {
            cJSON *lineage = *tree;
            *tree = dz_mlmd(lineage);
            cJSON_Delete(lineage);
        }
        if (*tree == NULL)
            status = dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    }
    dz_track_close(track);
    cJSON_Delete(arguments);
    dozan_buf_fini(&out.buf);
    return status;
}

/* ---- as a table ---- */

static int print(dz_cli *cli, const cJSON *lineage)
{
    dz_table table;
    dozan_buf out;
    const cJSON *trial;
    int status = DZ_EXIT_FAILED;
    dozan_buf_init(&out, DZ_TABLE_MAX_BYTES);
    dz_table_init(&table);
    dz_table_column(&table, "TRIAL", false);
    dz_table_column(&table, "RUN", false);
    dz_table_column(&table, "READ", false);
    dz_table_column(&table, "MADE", false);
    dz_table_column(&table, "REGISTERED AS", false);
    cJSON_ArrayForEach(trial, cJSON_GetObjectItemCaseSensitive(lineage, "trials"))
    {
        print_run(&table, cJSON_GetObjectItemCaseSensitive(trial, "run"), text_of(trial, "name"),
                  text_of(trial, "state"));
    }
    if (!dz_table_write(&table, "", dz_cli_columns(cli->out), &out))
        status = dz_cli_failf(cli, DOZAN_RESOURCE_EXHAUSTED, "out of memory");
    else
        status = dz_cli_put(cli, &out);
    dz_table_fini(&table);
    dozan_buf_fini(&out);
    return status;
}

/* A row for each thing read or made; one for a run without any. Its depth is bounded. */
static void print_run(dz_table *table, const cJSON *run, const char *trial,
                      const char *state) /* NOLINT(misc-no-recursion) */
{
    const char *id = text_of(run, "runId");
    const cJSON *item;
    size_t before = dz_table_rows(table);
    char line[LINE_MAX];
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(run, "datasets"))
    {
        const char *context = text_of(item, "context");
        (void)snprintf(line, sizeof(line), "%.400s@%.64s%s%.64s", text_of(item, "name"),
                       text_of(item, "digest"), *context != '\0' ? " " : "", context);
        row(table, trial, id, line, "", "");
    }
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(run, "models"))
    {
        (void)snprintf(line, sizeof(line), "%.400s %.64s", text_of(item, "name"),
                       text_of(item, "modelId"));
        if (cJSON_HasObjectItem(item, "versions"))
            print_versions(table, item, trial, id, line);
        else
            row(table, trial, id, "", line, "");
    }
    print_versions(table, run, trial, id, text_of(run, "artifactUri"));
    if (dz_table_rows(table) == before && *state != '\0')
        row(table, trial, id, "", "", "");
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(run, "runs"))
    {
        print_run(table, item, trial, "");
    }
}

static void print_versions(dz_table *table, const cJSON *of, const char *trial, const char *run,
                           const char *what)
{
    const cJSON *item, *alias;
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(of, "versions"))
    {
        char line[LINE_MAX];
        const char *stage = text_of(item, "stage");
        int at = snprintf(line, sizeof(line), "models:/%.300s/%.20s", text_of(item, "name"),
                          text_of(item, "version"));
        if (strcmp(stage, "None") != 0)
            at += snprintf(line + at, sizeof(line) - (size_t)at, " %.20s", stage);
        cJSON_ArrayForEach(alias, cJSON_GetObjectItemCaseSensitive(item, "aliases"))
        {
            if ((size_t)at + 300 < sizeof(line))
                at +=
                    snprintf(line + at, sizeof(line) - (size_t)at, " @%.255s", alias->valuestring);
        }
        row(table, trial, run, "", what, line);
    }
}

static void row(dz_table *table, const char *trial, const char *run, const char *read,
                const char *made, const char *version)
{
    dz_table_cell(table, trial);
    dz_table_cell(table, run);
    dz_table_cell(table, read);
    dz_table_cell(table, made);
    dz_table_cell(table, version);
}
