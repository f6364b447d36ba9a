/*
 * `dozan describe experiment`: what it is, how it stands and why, what waits, what failed and what
 * can be done.
 */
#include "cli/describe.h"

#include "cli/goals.h"
#include "cli/progress.h"
#include "cli/text.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SMALL = 32, TEXT_MAX = 4096, MAX_CAUSES = 50, MAX_LISTED = 20 };

/* Failed trials of one cause: the same reason and the same message but for the trial's name. */
typedef struct cause {
    char reason[sizeof(((dz_trial *)0)->reason)];
    char message[sizeof(((dz_trial *)0)->message)];
    char *example;
    int64_t count;
} cause;

typedef struct cause_walk {
    cause *causes; /* [MAX_CAUSES] */
    size_t count;
    int64_t others; /* trials of still more causes */
    bool failed;
} cause_walk;

static void put_identity(const dz_experiment *experiment, dozan_buf *page);
static void put_state(dz_cli *cli, dz_store *store, const dz_experiment *experiment,
                      dozan_buf *page);
static const char *last_reason(const dz_experiment *experiment);
static void put_objective(const dz_experiment_spec *spec, dozan_buf *page);
static void put_algorithm(dz_cli *cli, const dz_experiment *experiment, dozan_buf *page);
static void put_faults(dz_cli *cli, const dz_experiment *experiment, dozan_buf *page);
static void put_settings(const char *title, const char *algorithm, const dozan_pair *settings,
                         size_t count, dozan_buf *page);
static void put_budget(const dz_experiment *experiment, dozan_buf *page);
static void put_progress(const dz_experiment *experiment, dozan_buf *page);
static void put_conditions(const dz_experiment *experiment, dozan_buf *page);
static void put_parameters(const dz_experiment_spec *spec, dozan_buf *page);
static void put_active(const dz_experiment *experiment, dozan_buf *page);
static dozan_status put_front(dz_store *store, const dz_experiment *experiment, dozan_buf *page,
                              dozan_error *err);
static dozan_status put_failures(dz_store *store, const dz_experiment *experiment, dozan_buf *page,
                                 dozan_error *err);
static bool visit_failure(void *user, const dz_trial *trial);
static void without_name(const char *message, const char *name, char *text, size_t size);

int dz_describe_experiment(dz_cli *cli, dz_store *store, const dz_experiment *experiment)
{
    dozan_buf page;
    dozan_error err = {0};
    dozan_buf_init(&page, DZ_PAGE_MAX);
    put_identity(experiment, &page);
    put_state(cli, store, experiment, &page);
    put_objective(experiment->spec, &page);
    put_algorithm(cli, experiment, &page);
    put_budget(experiment, &page);
    put_progress(experiment, &page);
    dz_page_fieldf(&page, "Output", "%s/%s", cli->options.job_directory, experiment->spec->name);
    put_conditions(experiment, &page);
    put_parameters(experiment->spec, &page);
    put_active(experiment, &page);
    if (put_front(store, experiment, &page, &err) != DOZAN_OK ||
        put_failures(store, experiment, &page, &err) != DOZAN_OK) {
        dozan_buf_fini(&page);
        return dz_cli_fail(cli, &err);
    }
    return dz_cli_put(cli, &page);
}

static void put_identity(const dz_experiment *experiment, dozan_buf *page)
{
    dz_page_field(page, "Name", experiment->spec->name);
    dz_page_field(page, "Namespace", experiment->spec->namespace_);
    dz_page_field(page, "UID", experiment->uid);
    dz_page_time(page, "Created", experiment->created_ms);
    dz_page_time(page, "Started", experiment->started_ms);
    dz_page_time(page, "Completed", experiment->completed_ms);
}

static void put_state(dz_cli *cli, dz_store *store, const dz_experiment *experiment,
                      dozan_buf *page)
{
    int64_t owner = dz_store_owner(store);
    const dz_condition *last = experiment->condition_count > 0
                                   ? &experiment->conditions[experiment->condition_count - 1]
                                   : NULL;
    if (last != NULL)
        dz_page_fieldf(page, "State", "%s (%s): %s", dz_experiment_state_name(experiment->state),
                       last->reason, last->message);
    if (!dz_experiment_state_ended(experiment->state) &&
        experiment->state != DZ_EXPERIMENT_SUSPENDED && owner != 0)
        dz_page_fieldf(page, "Run by", "process %lld", (long long)owner);
    dozan_buf remedy;
    dozan_buf_init(&remedy, TEXT_MAX);
    dz_describe_remedy(cli, owner, experiment, &remedy);
    dz_page_field(page, "What to do", remedy.data);
    dozan_buf_fini(&remedy);
}

static const char *last_reason(const dz_experiment *experiment)
{
    size_t count = experiment->condition_count;
    return count > 0 ? experiment->conditions[count - 1].reason : "";
}

void dz_describe_remedy(dz_cli *cli, int64_t owner, const dz_experiment *experiment, dozan_buf *out)
{
    const char *name = experiment->spec->name, *hint = cli->options.db_hint;
    switch (experiment->state) {
    case DZ_EXPERIMENT_CREATED:
    case DZ_EXPERIMENT_RUNNING:
    case DZ_EXPERIMENT_RESTARTING:
        if (owner == 0)
            dozan_buf_printf(out,
                             "no process runs it now, the last one was cut off: `dozan resume "
                             "%s%s` goes on, and nothing is lost",
                             name, hint);
        break;
    case DZ_EXPERIMENT_SUSPENDED:
        dozan_buf_printf(out, "`dozan resume %s%s` goes on", name, hint);
        break;
    case DZ_EXPERIMENT_SUCCEEDED:
        dozan_buf_puts(out,
                       "to run on, raise the limit it has reached in its file and run that again");
        break;
    case DZ_EXPERIMENT_FAILED:
        if (strcmp(last_reason(experiment), "SuggestionFailed") == 0)
            dozan_buf_printf(out,
                             "mend the plugin, and run the file again or `dozan resume %s%s`: it "
                             "is told all there was, and asked again",
                             name, hint);
        else
            dozan_buf_printf(out,
                             "mend the causes of the failures, raise maxFailedTrialCount in its "
                             "file and run that again, or begin anew after `dozan delete %s%s`",
                             name, hint);
        break;
    }
}

static void put_objective(const dz_experiment_spec *spec, dozan_buf *page)
{
    static const char *const strategies[] = {"min", "max", "latest"};
    dozan_buf text;
    dozan_buf_init(&text, TEXT_MAX);
    for (size_t i = 0; i < spec->objective_count; i++) {
        dozan_buf_clear(&text);
        dz_text_objective(&text, spec, i);
        dz_page_field(page, "Objective", text.data);
    }
    for (size_t i = 0; i < spec->constraint_count; i++) {
        dozan_buf_clear(&text);
        dz_text_constraint(&text, spec, i);
        dz_page_field(page, "Constraint", text.data);
    }
    dozan_buf_clear(&text);
    for (size_t i = 0; i < spec->metric_count; i++)
        dozan_buf_printf(&text, "%s%s (%s)", i > 0 ? ", " : "", spec->metrics[i].name,
                         strategies[spec->metrics[i].strategy]);
    dz_page_field(page, "Metrics", text.data);
    dozan_buf_fini(&text);
}

static void put_algorithm(dz_cli *cli, const dz_experiment *experiment, dozan_buf *page)
{
    const dz_experiment_spec *spec = experiment->spec;
    put_settings("Algorithm", spec->algorithm, spec->algorithm_settings,
                 spec->algorithm_setting_count, page);
    if (spec->early_stopping != NULL)
        put_settings("Early stopping", spec->early_stopping, spec->early_stopping_settings,
                     spec->early_stopping_setting_count, page);
    dz_page_fieldf(page, "Seed", "%llu", (unsigned long long)experiment->seed);
    dz_page_field(page, "Warm start", experiment->warm_start);
    if (experiment->suggestion_reason[0] != '\0')
        dz_page_fieldf(page, "Suggestions", "%s%s%s", experiment->suggestion_reason,
                       experiment->suggestion_message[0] != '\0' ? ": " : "",
                       experiment->suggestion_message);
    if (experiment->plugin_faults > 0)
        put_faults(cli, experiment, page);
}

/* How many, the last one, what comes of it, and where the plugin's own words are. */
static void put_faults(dz_cli *cli, const dz_experiment *experiment, dozan_buf *page)
{
    char *output = NULL;
    dz_page_fieldf(page, "Plugin faults",
                   "%lld so far, each followed by a restart and the whole log; no trial was lost",
                   (long long)experiment->plugin_faults);
    dz_page_field(page, "Last fault", experiment->plugin_fault);
    if (asprintf(&output, "%s/.plugins/%s.log", cli->options.job_directory,
                 experiment->spec->algorithm) < 0)
        output = NULL;
    if (output != NULL && access(output, F_OK) == 0)
        dz_page_field(page, "Plugin output", output);
    free(output);
}

static void put_settings(const char *title, const char *algorithm, const dozan_pair *settings,
                         size_t count, dozan_buf *page)
{
    dozan_buf text;
    dozan_buf_init(&text, TEXT_MAX);
    dozan_buf_printf(&text, "%s%s", algorithm, count > 0 ? ": " : "");
    dz_text_pairs(&text, settings, count);
    dz_page_field(page, title, text.data);
    dozan_buf_fini(&text);
}

static void put_budget(const dz_experiment *experiment, dozan_buf *page)
{
    const dz_experiment_spec *spec = experiment->spec;
    char ran[SMALL], limit[SMALL];
    dozan_buf text;
    dozan_buf_init(&text, TEXT_MAX);
    dozan_buf_printf(&text, "%d at a time", (int)spec->parallel_trial_count);
    if (spec->max_trial_count > 0)
        dozan_buf_printf(&text, ", %d in all", (int)spec->max_trial_count);
    if (spec->max_failed_trial_count >= 0)
        dozan_buf_printf(&text, ", ends when %d have failed", (int)spec->max_failed_trial_count);
    if (spec->retries > 0)
        dozan_buf_printf(&text, ", a failed one is tried again %d times", (int)spec->retries);
    dz_page_field(page, "Budget", text.data);
    dozan_buf_fini(&text);
    dz_duration_text(experiment->runtime_ms, ran);
    if (spec->max_runtime_ms > 0) {
        dz_duration_text(spec->max_runtime_ms, limit);
        dz_page_fieldf(page, "Running time", "%s of %s", ran, limit);
    } else {
        dz_page_field(page, "Running time", ran);
    }
}

static void put_progress(const dz_experiment *experiment, dozan_buf *page)
{
    dozan_buf text;
    dozan_buf_init(&text, TEXT_MAX);
    dozan_buf_printf(&text, "%lld: ", (long long)experiment->trial_count);
    dz_progress_counts(experiment, &text);
    dz_page_field(page, "Trials", text.data);
    if (experiment->best.trial == 0 && experiment->spec->constraint_count > 0) {
        dozan_buf_clear(&text);
        dz_text_no_best(&text, experiment);
        dz_page_field(page, "Best trial", text.data);
    }
    dozan_buf_fini(&text);
    if (experiment->best.trial == 0)
        return;
    char name[TEXT_MAX], value[DOZAN_VALUE_TEXT];
    dz_trial_name(experiment, experiment->best.trial, name, sizeof(name));
    dozan_number_text(experiment->best.value, value);
    dz_page_fieldf(page, "Best trial", "%s, %s=%s", name, experiment->spec->metrics[0].name, value);
}

static void put_conditions(const dz_experiment *experiment, dozan_buf *page)
{
    static const char *const titles[] = {"TYPE", "STATUS", "REASON", "AGE", "MESSAGE"};
    char age[SMALL];
    dz_table table;
    dz_table_init(&table);
    for (size_t i = 0; i < sizeof(titles) / sizeof(titles[0]); i++)
        dz_table_column(&table, titles[i], false);
    for (size_t i = 0; i < experiment->condition_count; i++) {
        const dz_condition *condition = &experiment->conditions[i];
        dz_duration_text(dz_cli_now() - condition->changed_ms, age);
        dz_table_cell(&table, condition->type);
        dz_table_cell(&table, condition->status ? "True" : "False");
        dz_table_cell(&table, condition->reason);
        dz_table_cell(&table, age);
        dz_table_cell(&table, condition->message);
    }
    dz_page_table(page, "Conditions", &table);
    dz_table_fini(&table);
}

static bool has_conditions(const dz_experiment_spec *spec)
{
    for (size_t i = 0; i < spec->parameter_count; i++)
        if (spec->parameters[i].when != NULL)
            return true;
    return false;
}

/* "optimizer is sgd or adam", "layers from 2 to 8". */
static void put_condition(const dozan_condition *when, dozan_buf *text)
{
    bool min = when->min != NULL && *when->min != '\0';
    bool max = when->max != NULL && *when->max != '\0';
    dozan_buf_puts(text, when->parameter);
    for (size_t i = 0; i < when->value_count; i++)
        dozan_buf_printf(text, "%s%s", i == 0 ? " is " : " or ", when->values[i]);
    if (min)
        dozan_buf_printf(text, " from %s", when->min);
    if (max)
        dozan_buf_printf(text, " up to %s", when->max);
}

static void put_parameters(const dz_experiment_spec *spec, dozan_buf *page)
{
    static const char *const titles[] = {"NAME", "TYPE", "DISTRIBUTION", "SPACE", "WHEN"};
    static const char *const types[] = {"", "double", "int", "discrete", "categorical"};
    static const char *const distributions[] = {"", "uniform", "logUniform", "normal", "logNormal"};
    dozan_buf space;
    dz_table table;
    dozan_buf_init(&space, DZ_PAGE_MAX);
    dz_table_init(&table);
    size_t columns = sizeof(titles) / sizeof(titles[0]) - !has_conditions(spec);
    for (size_t i = 0; i < columns; i++)
        dz_table_column(&table, titles[i], false);
    for (size_t i = 0; i < spec->parameter_count; i++) {
        const dozan_parameter *parameter = &spec->parameters[i];
        dozan_buf_clear(&space);
        if (parameter->list_count == 0)
            dozan_buf_printf(&space, "%s to %s", parameter->min, parameter->max);
        if (parameter->step != NULL && *parameter->step != '\0')
            dozan_buf_printf(&space, " in steps of %s", parameter->step);
        for (size_t k = 0; k < parameter->list_count; k++)
            dozan_buf_printf(&space, "%s%s", k > 0 ? ", " : "", parameter->list[k]);
        dz_table_cell(&table, parameter->name);
        dz_table_cell(&table, types[parameter->type]);
        dz_table_cell(&table, distributions[parameter->distribution]);
        dz_table_cell(&table, space.data);
        if (!has_conditions(spec))
            continue;
        dozan_buf_clear(&space);
        if (parameter->when != NULL)
            put_condition(parameter->when, &space);
        dz_table_cell(&table, parameter->when != NULL ? space.data : "always");
    }
    dz_page_table(page, "Parameters", &table);
    dz_table_fini(&table);
    dozan_buf_fini(&space);
}

/* Trials that have not ended: each with what it does or waits for. */
static void put_active(const dz_experiment *experiment, dozan_buf *page)
{
    static const char *const titles[] = {"NAME", "STATE", "ATTEMPT", "REASON", "MESSAGE"};
    dz_table table;
    dz_table_init(&table);
    for (size_t i = 0; i < sizeof(titles) / sizeof(titles[0]); i++)
        dz_table_column(&table, titles[i], false);
    for (size_t i = 0; i < experiment->active_count && i < MAX_LISTED; i++) {
        const dz_trial *trial = experiment->active[i];
        dz_table_cell(&table, trial->name);
        dz_table_cell(&table, dz_trial_state_name(trial->state));
        dz_table_cellf(&table, "%d", (int)trial->attempt);
        dz_table_cell(&table, trial->reason);
        dz_table_cell(&table, trial->message);
    }
    dz_page_table(page, "Running and waiting trials", &table);
    dz_table_fini(&table);
    if (experiment->active_count > MAX_LISTED)
        dozan_buf_printf(page, "  and %zu more\n", experiment->active_count - MAX_LISTED);
}

/* The trials that no other one dominates. */
static dozan_status put_front(dz_store *store, const dz_experiment *experiment, dozan_buf *page,
                              dozan_error *err)
{
    dz_table table;
    if (experiment->spec->objective_count < 2)
        return DOZAN_OK;
    dz_table_init(&table);
    dozan_status status = dz_table_front(&table, store, experiment, MAX_LISTED, err);
    dz_page_table(page, "Pareto front", &table);
    if (experiment->front.count > MAX_LISTED)
        dozan_buf_printf(page, "  and %zu more\n", experiment->front.count - MAX_LISTED);
    dz_table_fini(&table);
    return status;
}

/* ---- what failed, by cause ---- */

static dozan_status put_failures(dz_store *store, const dz_experiment *experiment, dozan_buf *page,
                                 dozan_error *err)
{
    static const char *const titles[] = {"TRIALS", "REASON", "FOR EXAMPLE", "CAUSE"};
    cause_walk walk = {.causes = calloc(MAX_CAUSES, sizeof(cause))};
    dz_table table;
    if (walk.causes == NULL)
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    dz_table_init(&table);
    for (size_t i = 0; i < sizeof(titles) / sizeof(titles[0]); i++)
        dz_table_column(&table, titles[i], i == 0);
    dozan_status status = dz_store_trials(store, experiment, 0, 0, visit_failure, &walk, err);
    for (size_t i = 0; i < walk.count; i++) {
        dz_table_cellf(&table, "%lld", (long long)walk.causes[i].count);
        dz_table_cell(&table, walk.causes[i].reason);
        dz_table_cell(&table, walk.causes[i].example);
        dz_table_cell(&table, walk.causes[i].message);
        free(walk.causes[i].example);
    }
    dz_page_table(page, "Failed trials, by cause", &table);
    if (walk.others > 0)
        dozan_buf_printf(page, "  and %lld of other causes\n", (long long)walk.others);
    if (walk.failed)
        page->failed = true;
    dz_table_fini(&table);
    free(walk.causes);
    return status;
}

static bool visit_failure(void *user, const dz_trial *trial)
{
    cause_walk *walk = user;
    char message[sizeof(trial->message)];
    if (trial->state != DZ_TRIAL_FAILED && trial->state != DZ_TRIAL_METRICS_UNAVAILABLE)
        return true;
    without_name(trial->message, trial->name, message, sizeof(message));
    for (size_t i = 0; i < walk->count; i++) {
        cause *known = &walk->causes[i];
        if (strcmp(known->reason, trial->reason) == 0 && strcmp(known->message, message) == 0) {
            known->count++;
            return true;
        }
    }
    if (walk->count == MAX_CAUSES) {
        walk->others++;
        return true;
    }
    cause *found = &walk->causes[walk->count];
    memcpy(found->reason, trial->reason, sizeof(found->reason));
    memcpy(found->message, message, sizeof(found->message));
    found->count = 1;
    found->example = strdup(trial->name);
    walk->failed = found->example == NULL;
    walk->count += !walk->failed;
    return !walk->failed;
}

/* A copy of the message with TRIAL for the trial's own name, so that equal causes are equal. */
static void without_name(const char *message, const char *name, char *text, size_t size)
{
    dozan_buf out;
    dozan_buf_init(&out, size);
    const char *place;
    while (*name != '\0' && (place = strstr(message, name)) != NULL) {
        dozan_buf_append(&out, message, (size_t)(place - message));
        dozan_buf_puts(&out, "TRIAL");
        message = place + strlen(name);
    }
    dozan_buf_puts(&out, message);
    size_t used = out.size < size ? out.size : size - 1;
    if (used > 0)
        memcpy(text, out.data, used);
    text[used] = '\0';
    dozan_buf_fini(&out);
}
