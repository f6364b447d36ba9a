/*
 * `dozan get experiments`.
 */
#include "cli/get.h"

#include "api/resource.h"
#include "cli/progress.h"
#include "cli/text.h"

enum { COUNTS_MAX = 1024, NAME_BYTES = 512 };

static void add_columns(dz_listing *list);
static void add_row(dz_listing *list, const dz_experiment *experiment);
static void add_more(dz_listing *list, const dz_experiment *experiment);

void dz_list_experiments(dz_listing *list)
{
    add_columns(list);
    for (size_t i = 0; i < list->experiment_count && !list->failed; i++) {
        const dz_experiment *experiment = list->experiments[i];
        cJSON *resource = NULL;
        if (!dz_list_is_tree(list)) {
            add_row(list, experiment);
            continue;
        }
        dozan_status status =
            dz_resource_experiment(list->store, experiment, &resource, &list->err);
        dz_list_keep(list, status, resource);
    }
}

/* Katib's printer columns, then ours. */
static void add_columns(dz_listing *list)
{
    static const struct {
        const char *title, *csv;
        bool right, wide;
    } columns[] = {
        {"NAME", "name", false, false},           {"TYPE", "type", false, false},
        {"STATUS", "status", false, false},       {"AGE", "created", false, false},
        {"TRIALS", "trials", true, false},        {"BEST", "best", true, false},
        {"ALGORITHM", "algorithm", false, true},  {"OBJECTIVE", "objective", false, true},
        {"BEST TRIAL", "bestTrial", false, true}, {"COUNTS", "counts", false, true},
    };
    bool csv = list->output == DZ_OUTPUT_CSV;
    for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++)
        if (!columns[i].wide || csv || list->output == DZ_OUTPUT_WIDE)
            dz_table_column(&list->table, csv ? columns[i].csv : columns[i].title,
                            columns[i].right);
}

static void add_row(dz_listing *list, const dz_experiment *experiment)
{
    const dz_experiment_spec *spec = experiment->spec;
    dz_table *table = &list->table;
    bool csv = list->output == DZ_OUTPUT_CSV;
    char text[DOZAN_VALUE_TEXT] = "", name[DZ_QUALIFIED_NAME];
    const dz_condition *last = experiment->condition_count > 0
                                   ? &experiment->conditions[experiment->condition_count - 1]
                                   : NULL;
    dz_spec_qualified(spec, name);
    dz_table_cell(table, list->cli->options.namespace_ != NULL ? spec->name : name);
    dz_table_cell(table, last != NULL ? last->type : "");
    dz_table_cell(table, last == NULL ? "" : last->status ? "True" : "False");
    dz_duration_text(list->now_ms - experiment->created_ms, text);
    if (csv)
        dz_list_time(list, experiment->created_ms);
    else
        dz_table_cell(table, text);
    if (spec->max_trial_count > 0 && !csv)
        dz_table_cellf(table, "%lld/%d", (long long)dz_progress_count(experiment),
                       (int)spec->max_trial_count);
    else
        dz_table_cellf(table, "%lld", (long long)dz_progress_count(experiment));
    text[0] = '\0';
    if (experiment->best.trial != 0 && csv)
        dozan_number_text(experiment->best.value, text);
    else if (experiment->best.trial != 0)
        dz_value_text(experiment->best.value, text);
    dz_table_cell(table, text);
    if (csv || list->output == DZ_OUTPUT_WIDE)
        add_more(list, experiment);
}

static void add_more(dz_listing *list, const dz_experiment *experiment)
{
    const dz_experiment_spec *spec = experiment->spec;
    char name[NAME_BYTES] = "";
    dozan_buf counts;
    dozan_buf_init(&counts, COUNTS_MAX);
    dz_progress_counts(experiment, &counts);
    if (experiment->best.trial != 0)
        dz_trial_name(experiment, experiment->best.trial, name, sizeof(name));
    dz_table_cell(&list->table, spec->algorithm);
    dz_table_cellf(&list->table, "%s %s", spec->maximize ? "maximize" : "minimize",
                   spec->metrics[0].name);
    dz_table_cell(&list->table, name);
    dz_table_cell(&list->table, counts.data);
    dozan_buf_fini(&counts);
}
