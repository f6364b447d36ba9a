/*
 * `dozan get trials`: one experiment's, or those of all with the union of their columns.
 */
#include "cli/get.h"

#include "api/resource.h"
#include "cli/goals.h"
#include "cli/text.h"
#include <stdlib.h>
#include <string.h>

/* What a service prints at once for a client: a resource takes some 10 KiB while it is made. */
enum { SERVED_ROWS = 200000, SERVED_RESOURCES = 10000 };

static bool is_too_long(dz_listing *list);
static bool add_columns(dz_listing *list, const dz_experiment_spec *spec);
static bool add_column(dz_listing *list, const char *name, bool metric);
static void make_trial_columns(dz_listing *list);
static bool has_constraints(const dz_listing *list);
static bool visit_trial(void *user, const dz_trial *trial);
static void add_trial_row(dz_listing *list, const dz_trial *trial);
static void add_csv_cells(dz_listing *list, const dz_trial *trial);
static void add_value_cells(dz_listing *list, const dz_trial *trial);
static const char *assignment(const dz_trial *trial, const char *name);
static size_t metric_index(const dz_experiment_spec *spec, const char *name);

void dz_list_trials(dz_listing *list)
{
    if (is_too_long(list))
        return;
    for (size_t i = 0; i < list->experiment_count; i++)
        if (!add_columns(list, list->experiments[i]->spec))
            dz_list_no_memory(list);
    make_trial_columns(list);
    for (size_t i = 0; i < list->experiment_count && !list->failed; i++) {
        list->experiment = list->experiments[i];
        if (list->trial != NULL)
            (void)visit_trial(list, list->trial);
        else if (dz_store_trials(list->store, list->experiment, 0, 0, visit_trial, list,
                                 &list->err) != DOZAN_OK)
            list->failed = true;
    }
}

/* The memory of a service is not one client's. */
static bool is_too_long(dz_listing *list)
{
    int64_t count = 0, limit = dz_list_is_tree(list) ? SERVED_RESOURCES : SERVED_ROWS;
    for (size_t i = 0; i < list->experiment_count && list->trial == NULL; i++)
        count += list->experiments[i]->trial_count;
    if (list->cli->service == NULL || count <= limit)
        return false;
    (void)dozan_error_set(&list->err, DOZAN_RESOURCE_EXHAUSTED, NULL,
                          "%lld trials are more than the %lld that are listed at once: name an "
                          "experiment, or list them in parts (kubectl get trials --chunk-size=500)",
                          (long long)count, (long long)limit);
    list->failed = true;
    return true;
}

/* The union over all experiments: the parameters first, then the metrics. */
static bool add_columns(dz_listing *list, const dz_experiment_spec *spec)
{
    bool added = true;
    for (size_t i = 0; i < spec->parameter_count; i++)
        added = added && add_column(list, spec->parameters[i].name, false);
    for (size_t i = 0; i < spec->metric_count; i++)
        added = added && add_column(list, spec->metrics[i].name, true);
    return added;
}

static bool add_column(dz_listing *list, const char *name, bool metric)
{
    size_t first = metric ? list->parameter_count : 0;
    size_t end = metric ? first + list->metric_count : list->parameter_count;
    for (size_t i = first; i < end; i++)
        if (strcmp(list->columns[i], name) == 0)
            return true;
    size_t count = list->parameter_count + list->metric_count;
    const char **grown = reallocarray(list->columns, count + 1, sizeof(*grown));
    if (grown == NULL)
        return false;
    list->columns = grown;
    memmove(grown + end + 1, grown + end, (count - end) * sizeof(*grown));
    grown[end] = name;
    if (metric)
        list->metric_count++;
    else
        list->parameter_count++;
    return true;
}

static void make_trial_columns(dz_listing *list)
{
    dz_table *table = &list->table;
    if (list->output == DZ_OUTPUT_CSV) {
        static const char *const titles[] = {"name",    "experiment", "number",  "type", "reason",
                                             "attempt", "created",    "started", "ended"};
        for (size_t i = 0; i < sizeof(titles) / sizeof(titles[0]); i++)
            dz_table_column(table, titles[i], false);
    } else {
        dz_table_column(table, "NAME", false);
        dz_table_column(table, "TYPE", false);
        dz_table_column(table, "STATUS", false);
        dz_table_column(table, "AGE", false);
    }
    if (list->output == DZ_OUTPUT_TABLE) {
        dz_table_column(table, "OBJECTIVE", true);
        return;
    }
    for (size_t i = 0; i < list->parameter_count + list->metric_count; i++)
        dz_table_column(table, list->columns[i], true);
    for (size_t i = 0; list->output == DZ_OUTPUT_CSV && i < list->metric_count; i++) {
        static const char *const parts[] = {"min", "max", "latest"};
        for (size_t k = 0; k < 3; k++) {
            char title[1024];
            int written = snprintf(title, sizeof(title), "%s.%s",
                                   list->columns[list->parameter_count + i], parts[k]);
            dz_table_column(table, written > 0 ? title : "", true);
        }
    }
    if (has_constraints(list))
        dz_table_column(table, list->output == DZ_OUTPUT_CSV ? "feasible" : "FEASIBLE", false);
}

static bool has_constraints(const dz_listing *list)
{
    for (size_t i = 0; i < list->experiment_count; i++)
        if (list->experiments[i]->spec->constraint_count > 0)
            return true;
    return false;
}

/* Whether the trial keeps the constraints of its experiment, where any has some. */
static void add_feasible_cell(dz_listing *list, const dz_trial *trial)
{
    dozan_buf text;
    if (!has_constraints(list))
        return;
    dozan_buf_init(&text, 65536);
    if (list->experiment->spec->constraint_count > 0)
        dz_text_feasible(&text, list->experiment->spec, trial);
    dz_table_cell(&list->table, text.size > 0 ? text.data : NULL);
    dozan_buf_fini(&text);
}

static bool visit_trial(void *user, const dz_trial *trial)
{
    dz_listing *list = user;
    if (dz_list_is_tree(list)) {
        cJSON *resource = NULL;
        dozan_status status = dz_resource_trial(list->experiment, trial, &resource, &list->err);
        dz_list_keep(list, status, resource);
        return !list->failed;
    }
    if (list->output == DZ_OUTPUT_CSV)
        add_csv_cells(list, trial);
    else
        add_trial_row(list, trial);
    return true;
}

static void add_trial_row(dz_listing *list, const dz_trial *trial)
{
    char age[32];
    dz_duration_text(list->now_ms - trial->created_ms, age);
    dz_table_cell(&list->table, trial->name);
    dz_table_cell(&list->table, dz_trial_state_condition(trial->state));
    dz_table_cell(&list->table, "True");
    dz_table_cell(&list->table, age);
    if (list->output == DZ_OUTPUT_TABLE) {
        dz_table_cell(&list->table, dz_trial_metric_text(trial, list->experiment->spec, 0));
        return;
    }
    add_value_cells(list, trial);
    add_feasible_cell(list, trial);
}

static void add_csv_cells(dz_listing *list, const dz_trial *trial)
{
    const dz_experiment_spec *spec = list->experiment->spec;
    dz_table *table = &list->table;
    dz_table_cell(table, trial->name);
    dz_table_cell(table, spec->name);
    dz_table_cellf(table, "%lld", (long long)trial->number);
    dz_table_cell(table, dz_trial_state_condition(trial->state));
    dz_table_cell(table, trial->reason);
    dz_table_cellf(table, "%d", (int)trial->attempt);
    dz_list_time(list, trial->created_ms);
    dz_list_time(list, trial->started_ms);
    dz_list_time(list, trial->ended_ms);
    add_value_cells(list, trial);
    for (size_t i = 0; i < list->metric_count; i++) {
        size_t metric = metric_index(spec, list->columns[list->parameter_count + i]);
        const dz_observation none = {0};
        const dz_observation *seen =
            metric < trial->metric_count ? &trial->observations[metric] : &none;
        dz_table_cell(table, seen->min_text);
        dz_table_cell(table, seen->max_text);
        dz_table_cell(table, seen->latest_text);
    }
    add_feasible_cell(list, trial);
}

/* Each parameter, and each metric by its strategy. */
static void add_value_cells(dz_listing *list, const dz_trial *trial)
{
    const dz_experiment_spec *spec = list->experiment->spec;
    for (size_t i = 0; i < list->parameter_count; i++)
        dz_table_cell(&list->table, assignment(trial, list->columns[i]));
    for (size_t i = 0; i < list->metric_count; i++) {
        size_t metric = metric_index(spec, list->columns[list->parameter_count + i]);
        dz_table_cell(&list->table, dz_trial_metric_text(trial, spec, metric));
    }
}

static const char *assignment(const dz_trial *trial, const char *name)
{
    for (size_t i = 0; i < trial->assignment_count; i++)
        if (strcmp(trial->assignments[i].name, name) == 0)
            return trial->assignments[i].value;
    return NULL;
}

/* SIZE_MAX when the experiment has no such metric. */
static size_t metric_index(const dz_experiment_spec *spec, const char *name)
{
    for (size_t i = 0; i < spec->metric_count; i++)
        if (strcmp(spec->metrics[i].name, name) == 0)
            return i;
    return SIZE_MAX;
}
