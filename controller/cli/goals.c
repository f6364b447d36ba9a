#include "cli/goals.h"

#include "cli/find.h"
#include "cli/text.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct front_walk {
    dz_table *table;
    const dz_experiment *experiment;
} front_walk;

/* A trial of the front and what it is put in order by. */
typedef struct ranked {
    int64_t trial;
    double loss;
} ranked;

static void put_bounds(dozan_buf *out, const dz_constraint *constraint);
static void put_excess(dozan_buf *out, const dz_experiment_spec *spec, const dz_trial *trial,
                       size_t index);
static bool visit_row(void *user, const dz_trial *trial);
static ranked *rank(const dz_experiment *experiment);
static int by_loss(const void *left, const void *right);

void dz_text_objective(dozan_buf *out, const dz_experiment_spec *spec, size_t index)
{
    char goal[DOZAN_VALUE_TEXT] = "none";
    const dz_objective *objective = &spec->objectives[index];
    dozan_buf_printf(out, "%s %s", objective->maximize ? "maximize" : "minimize",
                     spec->metrics[objective->metric].name);
    if (index > 0)
        return;
    if (spec->has_goal)
        dozan_number_text(spec->goal, goal);
    dozan_buf_printf(out, ", goal %s", goal);
}

void dz_text_constraint(dozan_buf *out, const dz_experiment_spec *spec, size_t index)
{
    const dz_constraint *constraint = &spec->constraints[index];
    dozan_buf_printf(out, "%s ", spec->metrics[constraint->metric].name);
    put_bounds(out, constraint);
}

void dz_text_feasible(dozan_buf *out, const dz_experiment_spec *spec, const dz_trial *trial)
{
    size_t broken = 0, known = 0;
    for (size_t i = 0; i < spec->constraint_count; i++) {
        double excess = dz_trial_excess(trial, spec, i);
        known += !isnan(excess);
        if (!(excess > 0))
            continue;
        dozan_buf_puts(out, broken++ == 0 ? "no: " : "; ");
        put_excess(out, spec, trial, i);
    }
    if (broken == 0 && known == spec->constraint_count)
        dozan_buf_puts(out, "yes");
}

void dz_text_no_best(dozan_buf *out, const dz_experiment *experiment)
{
    const dz_experiment_spec *spec = experiment->spec;
    bool some = experiment->state_counts[DZ_TRIAL_SUCCEEDED] > 0;
    if (spec->constraint_count > 0 && some)
        dozan_buf_printf(out,
                         "no trial is feasible so far: none of the %lld that succeeded keeps %s",
                         (long long)experiment->state_counts[DZ_TRIAL_SUCCEEDED],
                         spec->constraint_count == 1 ? "the constraint" : "all constraints");
    else
        dozan_buf_printf(out, "no trial has reported a number for %s yet", spec->metrics[0].name);
}

dozan_status dz_table_front(dz_table *table, dz_store *store, const dz_experiment *experiment,
                            size_t most, dozan_error *err)
{
    const dz_experiment_spec *spec = experiment->spec;
    size_t count = experiment->front.count;
    front_walk walk = {.table = table, .experiment = experiment};
    dozan_status status = DOZAN_OK;
    ranked *order = rank(experiment);
    if (order == NULL)
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    dz_table_column(table, "TRIAL", false);
    for (size_t i = 0; i < spec->objective_count; i++)
        dz_table_column(table, spec->metrics[spec->objectives[i].metric].name, true);
    for (size_t i = 0; i < spec->parameter_count; i++)
        dz_table_column(table, spec->parameters[i].name, true);
    for (size_t i = 0; status == DOZAN_OK && i < count && i < most; i++)
        status = dz_store_trials(store, experiment, order[i].trial - 1, 1, visit_row, &walk, err);
    free(order);
    return status;
}

/* ---- helpers ---- */

static void put_bounds(dozan_buf *out, const dz_constraint *constraint)
{
    char min[DOZAN_VALUE_TEXT], max[DOZAN_VALUE_TEXT];
    dozan_number_text(constraint->min, min);
    dozan_number_text(constraint->max, max);
    if (constraint->has_min && constraint->has_max)
        dozan_buf_printf(out, "from %s to %s", min, max);
    else if (constraint->has_min)
        dozan_buf_printf(out, "at least %s", min);
    else
        dozan_buf_printf(out, "at most %s", max);
}

static void put_excess(dozan_buf *out, const dz_experiment_spec *spec, const dz_trial *trial,
                       size_t index)
{
    const dz_constraint *constraint = &spec->constraints[index];
    double value = 0;
    char text[32], bound[DOZAN_VALUE_TEXT], excess[32];
    (void)dz_trial_metric(trial, spec, constraint->metric, &value);
    bool above = constraint->has_max && value > constraint->max;
    dz_value_text(value, text);
    dz_value_text(dz_trial_excess(trial, spec, index), excess);
    dozan_number_text(above ? constraint->max : constraint->min, bound);
    dozan_buf_printf(out, "%s is %s, %s %s by %s", spec->metrics[constraint->metric].name, text,
                     above ? "above" : "below", bound, excess);
}

static bool visit_row(void *user, const dz_trial *trial)
{
    front_walk *walk = user;
    const dz_experiment_spec *spec = walk->experiment->spec;
    dz_table_cell(walk->table, trial->name);
    for (size_t i = 0; i < spec->objective_count; i++)
        dz_table_cell(walk->table, dz_trial_metric_text(trial, spec, spec->objectives[i].metric));
    for (size_t i = 0, k = 0; i < spec->parameter_count; i++) {
        bool has = k < trial->assignment_count &&
                   strcmp(trial->assignments[k].name, spec->parameters[i].name) == 0;
        dz_table_cell(walk->table, has ? trial->assignments[k].value : NULL);
        k += has;
    }
    return true;
}

/* The front by its first objective, best first. */
static ranked *rank(const dz_experiment *experiment)
{
    const dz_front *front = &experiment->front;
    ranked *order = calloc(front->count + 1, sizeof *order);
    for (size_t i = 0; order != NULL && i < front->count; i++) {
        double value = front->values[i * front->width];
        order[i] =
            (ranked){front->trials[i], experiment->spec->objectives[0].maximize ? -value : value};
    }
    if (order != NULL)
        qsort(order, front->count, sizeof *order, by_loss);
    return order;
}

static int by_loss(const void *left, const void *right)
{
    const ranked *a = left, *b = right;
    int order = (a->loss > b->loss) - (a->loss < b->loss);
    return order != 0 ? order : (a->trial > b->trial) - (a->trial < b->trial);
}
