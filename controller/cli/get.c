/*
 * `dozan get`: lists of experiments and of trials.
 */
#include "cli/get.h"

#include "api/resource.h"
#include "store/changes.h"
#include <stdlib.h>
#include <string.h>

/* Numbers are gathered first: what the store hands to a visitor is gone after the call. */
typedef struct number_walk {
    int64_t *numbers;
    size_t count;
    bool failed;
} number_walk;

static int choose(dz_listing *list);
static int choose_all(dz_listing *list);
static bool visit_number(void *user, const dz_experiment *experiment);
static bool add_experiment(dz_listing *list, dz_experiment *experiment);
static int finish(dz_listing *list);
static int put_items(dz_listing *list);

int dz_cli_get(dz_cli *cli)
{
    int status = DZ_EXIT_USAGE;
    dz_listing list = {.cli = cli, .output = cli->options.output, .now_ms = dz_cli_now()};
    list.kind = dz_find_kind(cli, cli->options.arguments[0]);
    if (list.kind == DZ_KIND_NONE)
        return status;
    list.store = dz_cli_open(cli, DZ_STORE_READ, &status);
    if (list.store == NULL)
        return status;
    dz_table_init(&list.table);
    list.items = cJSON_CreateArray();
    if (list.items == NULL)
        dz_list_no_memory(&list);
    status = choose(&list);
    if (status == DZ_EXIT_SUCCEEDED) {
        if (list.kind == DZ_KIND_EXPERIMENT)
            dz_list_experiments(&list);
        else
            dz_list_trials(&list);
        status = finish(&list);
    }
    for (size_t i = 0; i < list.experiment_count; i++)
        dz_experiment_destroy(list.experiments[i]);
    free(list.experiments);
    dz_trial_destroy(list.trial);
    free(list.columns);
    cJSON_Delete(list.items);
    dz_table_fini(&list.table);
    dz_store_close(list.store);
    return status;
}

bool dz_list_is_tree(const dz_listing *list)
{
    return list->output == DZ_OUTPUT_JSON || list->output == DZ_OUTPUT_YAML;
}

void dz_list_keep(dz_listing *list, dozan_status status, cJSON *resource)
{
    if (status != DOZAN_OK) {
        list->failed = true;
    } else if (!cJSON_AddItemToArray(list->items, resource)) {
        cJSON_Delete(resource);
        dz_list_no_memory(list);
    }
}

void dz_list_no_memory(dz_listing *list)
{
    (void)dozan_error_set(&list->err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    list->failed = true;
}

void dz_list_time(dz_listing *list, int64_t time_ms)
{
    char text[32];
    dz_time_text(time_ms, text);
    dz_table_cell(&list->table, text);
}

/* Which experiments: the one named, the one whose trial is named, or all. */
static int choose(dz_listing *list)
{
    dz_found found;
    if (list->cli->options.argument_count < 2)
        return choose_all(list);
    const char *name = list->cli->options.arguments[1];
    int status = list->kind == DZ_KIND_EXPERIMENT
                     ? dz_find_experiment(list->cli, list->store, name, &found)
                     : dz_find_object(list->cli, list->store, name, &found);
    if (status != DZ_EXIT_SUCCEEDED)
        return status;
    list->one = list->kind == DZ_KIND_EXPERIMENT || found.trial != NULL;
    list->trial = found.trial;
    if (!add_experiment(list, found.experiment))
        dz_list_no_memory(list);
    return DZ_EXIT_SUCCEEDED;
}

static int choose_all(dz_listing *list)
{
    number_walk walk = {0};
    const dz_list_from start = {0};
    dozan_status status = dz_store_list_experiments(list->store, list->cli->options.namespace_,
                                                    &start, 0, visit_number, &walk, &list->err);
    if (walk.failed)
        dz_list_no_memory(list);
    for (size_t i = 0; i < walk.count && status == DOZAN_OK; i++) {
        dz_experiment *loaded = NULL;
        status = dz_store_load_id(list->store, walk.numbers[i], &loaded, &list->err);
        if (status == DOZAN_NOT_FOUND)
            status = DOZAN_OK; /* removed in the meantime */
        if (loaded != NULL && !add_experiment(list, loaded))
            dz_list_no_memory(list);
    }
    free(walk.numbers);
    return status == DOZAN_OK ? DZ_EXIT_SUCCEEDED : dz_cli_fail(list->cli, &list->err);
}

static bool visit_number(void *user, const dz_experiment *experiment)
{
    number_walk *walk = user;
    int64_t *grown = reallocarray(walk->numbers, walk->count + 1, sizeof(*grown));
    walk->failed = grown == NULL;
    if (walk->failed)
        return false;
    walk->numbers = grown;
    walk->numbers[walk->count++] = experiment->id;
    return true;
}

/* Takes the experiment. */
static bool add_experiment(dz_listing *list, dz_experiment *experiment)
{
    dz_experiment **grown =
        reallocarray(list->experiments, list->experiment_count + 1, sizeof(dz_experiment *));
    if (grown == NULL) {
        dz_experiment_destroy(experiment);
        return false;
    }
    list->experiments = grown;
    list->experiments[list->experiment_count++] = experiment;
    return true;
}

static int finish(dz_listing *list)
{
    dozan_buf out;
    if (!list->failed && (list->table.failed || list->table.text.failed))
        dz_list_no_memory(list);
    if (list->failed)
        return dz_cli_fail(list->cli, &list->err);
    if (dz_list_is_tree(list))
        return put_items(list);
    dozan_buf_init(&out, DZ_TABLE_MAX_BYTES);
    if (list->output == DZ_OUTPUT_NAME) {
        for (size_t row = 1; row <= dz_table_rows(&list->table); row++)
            dozan_buf_printf(&out, "%s\n", dz_table_at(&list->table, row, 0));
    } else if (list->output == DZ_OUTPUT_CSV) {
        out.failed = !dz_table_write_csv(&list->table, &out);
    } else if (dz_table_rows(&list->table) == 0) {
        const dz_cli_options *options = &list->cli->options;
        dz_cli_note(list->cli, "there are no %s in %s%s",
                    list->kind == DZ_KIND_TRIAL ? "trials" : "experiments",
                    options->namespace_ != NULL ? "namespace " : "",
                    options->namespace_ != NULL ? options->namespace_ : options->db);
    } else {
        out.failed = !dz_table_write(&list->table, "", 0, &out);
    }
    return dz_cli_put(list->cli, &out);
}

/* As kubectl: the thing itself where one is named, else a list of them. */
static int put_items(dz_listing *list)
{
    if (list->one)
        return dz_cli_put_tree(list->cli, cJSON_GetArrayItem(list->items, 0));
    const char *kind = list->kind == DZ_KIND_TRIAL ? "TrialList" : "ExperimentList";
    cJSON *all = cJSON_CreateObject();
    int status = DZ_EXIT_FAILED;
    if (cJSON_AddStringToObject(all, "apiVersion", "kubeflow.org/v1beta1") != NULL &&
        cJSON_AddStringToObject(all, "kind", kind) != NULL &&
        cJSON_AddItemToObject(all, "items", list->items)) {
        list->items = NULL;
        status = dz_cli_put_tree(list->cli, all);
    } else {
        status = dz_cli_failf(list->cli, DOZAN_RESOURCE_EXHAUSTED, "out of memory");
    }
    cJSON_Delete(all);
    return status;
}
