/*
 * What came of an experiment: the best trial, how the best value went, and where more is told.
 */
#include "cli/driver.h"

#include "api/resource.h"
#include "cli/find.h"
#include "cli/goals.h"
#include "cli/plot.h"
#include "cli/progress.h"
#include "cli/table.h"
#include "cli/text.h"
#include <math.h>
#include <stdlib.h>

enum { RESULT_MAX = 1 << 20, PLOT_WIDTH = 72, PLOT_HEIGHT = 9, FRONT_ROWS = 20 };

typedef struct best_walk {
    const dz_experiment_spec *spec;
    double *values; /* [capacity] */
    size_t count, capacity;
    double best;
} best_walk;

static int put_resource(dz_cli *cli, dz_store *store, const dz_experiment *experiment);
static int put_summary(dz_cli *cli, dz_store *store, const dz_experiment *experiment);
static void put_best(dz_store *store, const dz_experiment *experiment, dozan_buf *out);
static void put_front(dz_store *store, const dz_experiment *experiment, dozan_buf *out);
static void put_plot(dz_cli *cli, dz_store *store, const dz_experiment *experiment, dozan_buf *out);
static void put_hints(dz_cli *cli, const dz_experiment *experiment, dozan_buf *out);
static bool visit_best_value(void *user, const dz_trial *trial);

int dz_cli_result(dz_cli *cli, dz_store *store, const dz_experiment *experiment)
{
    bool resource = cli->options.output == DZ_OUTPUT_JSON || cli->options.output == DZ_OUTPUT_YAML;
    int status =
        resource ? put_resource(cli, store, experiment) : put_summary(cli, store, experiment);
    if (status != DZ_EXIT_SUCCEEDED || experiment->state == DZ_EXPERIMENT_SUCCEEDED)
        return status;
    return experiment->state == DZ_EXPERIMENT_FAILED ? DZ_EXIT_FAILED : DZ_EXIT_INTERRUPTED;
}

int dz_cli_result_of(dz_cli *cli)
{
    int status = DZ_EXIT_FAILED;
    dz_found found = {0};
    dz_store *store = dz_cli_open(cli, DZ_STORE_READ, &status);
    if (store == NULL)
        return status;
    status = dz_find_experiment(cli, store, cli->options.arguments[0], &found);
    if (status == DZ_EXIT_SUCCEEDED)
        status = dz_cli_result(cli, store, found.experiment);
    dz_found_fini(&found);
    dz_store_close(store);
    return status;
}

dz_trial *dz_cli_best(dz_store *store, const dz_experiment *experiment)
{
    dozan_error err = {0};
    dz_experiment *owner = NULL;
    dz_trial *trial = NULL;
    char name[512];
    if (experiment->best.trial == 0)
        return NULL;
    dz_trial_name(experiment, experiment->best.trial, name, sizeof(name));
    if (dz_store_trial(store, name, &owner, &trial, &err) != DOZAN_OK)
        return NULL;
    dz_experiment_destroy(owner);
    return trial;
}

static int put_resource(dz_cli *cli, dz_store *store, const dz_experiment *experiment)
{
    cJSON *resource = NULL;
    dozan_error err = {0};
    if (dz_resource_experiment(store, experiment, &resource, &err) != DOZAN_OK)
        return dz_cli_fail(cli, &err);
    int status = dz_cli_put_tree(cli, resource);
    cJSON_Delete(resource);
    return status;
}

static int put_summary(dz_cli *cli, dz_store *store, const dz_experiment *experiment)
{
    dozan_buf out;
    const dz_condition *last = experiment->condition_count > 0
                                   ? &experiment->conditions[experiment->condition_count - 1]
                                   : NULL;
    dozan_buf_init(&out, RESULT_MAX);
    dozan_buf_printf(&out, "Experiment %s: %s", experiment->spec->name,
                     dz_experiment_state_name(experiment->state));
    if (last != NULL)
        dozan_buf_printf(&out, " (%s): %s", last->reason, last->message);
    dozan_buf_printf(&out, "\nTrials: %lld", (long long)experiment->trial_count);
    if (experiment->spec->max_trial_count > 0)
        dozan_buf_printf(&out, " of %d", (int)experiment->spec->max_trial_count);
    dozan_buf_puts(&out, ": ");
    dz_progress_counts(experiment, &out);
    dozan_buf_puts(&out, "\n\n");
    put_best(store, experiment, &out);
    put_front(store, experiment, &out);
    put_plot(cli, store, experiment, &out);
    put_hints(cli, experiment, &out);
    return dz_cli_put(cli, &out);
}

static void put_best(dz_store *store, const dz_experiment *experiment, dozan_buf *out)
{
    const dz_experiment_spec *spec = experiment->spec;
    dz_trial *best = dz_cli_best(store, experiment);
    if (best == NULL) {
        size_t at = out->size;
        dz_text_no_best(out, experiment);
        if (!out->failed)
            out->data[at] = 'N'; /* the sentence begins with "no" */
        dozan_buf_puts(out, ".\n\n");
        return;
    }
    dz_table table;
    dz_table_init(&table);
    dz_table_column(&table, "BEST TRIAL", false);
    dz_table_column(&table, best->name, false);
    for (size_t i = 0; i < spec->metric_count; i++) {
        const dz_observation *seen = &best->observations[i];
        bool min = spec->metrics[i].strategy == DZ_STRATEGY_MIN;
        bool max = spec->metrics[i].strategy == DZ_STRATEGY_MAX;
        dz_table_cell(&table, spec->metrics[i].name);
        dz_table_cell(&table, min && seen->min_text != NULL   ? seen->min_text
                              : max && seen->max_text != NULL ? seen->max_text
                                                              : seen->latest_text);
    }
    for (size_t i = 0; i < best->assignment_count; i++) {
        dz_table_cell(&table, best->assignments[i].name);
        dz_table_cell(&table, best->assignments[i].value);
    }
    if (!dz_table_write(&table, "", 0, out))
        out->failed = true;
    dozan_buf_puts(out, "\n");
    dz_table_fini(&table);
    dz_trial_destroy(best);
}

static void put_front(dz_store *store, const dz_experiment *experiment, dozan_buf *out)
{
    dozan_error err = {0};
    dz_table table;
    size_t count = experiment->front.count;
    if (experiment->spec->objective_count < 2 || count == 0)
        return;
    dozan_buf_printf(out, "Pareto front: %zu trial%s that no other one dominates%s\n", count,
                     count == 1 ? "" : "s", count > FRONT_ROWS ? ", the first of them:" : ":");
    dz_table_init(&table);
    if (dz_table_front(&table, store, experiment, FRONT_ROWS, &err) != DOZAN_OK ||
        !dz_table_write(&table, "  ", 0, out))
        out->failed = true;
    dz_table_fini(&table);
    dozan_buf_puts(out, "\n");
}

static void put_plot(dz_cli *cli, dz_store *store, const dz_experiment *experiment, dozan_buf *out)
{
    dozan_error err = {0};
    size_t columns = dz_cli_columns(cli->out);
    best_walk walk = {.spec = experiment->spec, .best = NAN};
    walk.capacity = (size_t)experiment->trial_count;
    walk.values = calloc(walk.capacity + 1, sizeof(*walk.values));
    if (walk.values != NULL && experiment->best.trial != 0 &&
        dz_store_trials(store, experiment, 0, 0, visit_best_value, &walk, &err) == DOZAN_OK) {
        dozan_buf_printf(out, "The best %s so far, by trial:\n", experiment->spec->metrics[0].name);
        dz_plot_render(walk.values, walk.count, columns > 0 ? columns - 1 : PLOT_WIDTH, PLOT_HEIGHT,
                       out);
        dozan_buf_puts(out, "\n");
    }
    free(walk.values);
}

static bool visit_best_value(void *user, const dz_trial *trial)
{
    best_walk *walk = user;
    double value = 0;
    bool counts = trial->state == DZ_TRIAL_SUCCEEDED || trial->state == DZ_TRIAL_EARLY_STOPPED;
    if (walk->count == walk->capacity)
        return false;
    if (counts && dz_trial_feasible(trial, walk->spec) &&
        dz_trial_objective(trial, walk->spec, &value) && !isnan(value) &&
        (isnan(walk->best) || (walk->spec->maximize ? value > walk->best : value < walk->best)))
        walk->best = value;
    walk->values[walk->count++] = walk->best;
    return true;
}

static void put_hints(dz_cli *cli, const dz_experiment *experiment, dozan_buf *out)
{
    const char *hint = cli->options.db_hint, *name = experiment->spec->name;
    dozan_buf_printf(out, "Each trial:  dozan get trials %s -o wide%s\n", name, hint);
    dozan_buf_printf(out, "Its output:  dozan logs TRIAL%s, or below %s/%s\n", hint,
                     cli->options.job_directory, name);
    if (experiment->state_counts[DZ_TRIAL_FAILED] > 0 ||
        experiment->state_counts[DZ_TRIAL_METRICS_UNAVAILABLE] > 0)
        dozan_buf_printf(out, "Why trials failed:  dozan describe experiment %s%s\n", name, hint);
    if (!dz_experiment_state_ended(experiment->state))
        dozan_buf_printf(out, "To go on:    dozan resume %s%s\n", name, hint);
}
