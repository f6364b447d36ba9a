/*
 * `dozan describe trial`: its state and why, its assignment and values, its attempts, its command,
 * its output.
 */
#include "cli/describe.h"

#include "api/resource.h"
#include "cli/goals.h"
#include "cli/text.h"
#include "spec/template.h"
#include <stdlib.h>
#include <string.h>

enum { SMALL = 32, TEXT_MAX = 1 << 20 };

static void put_state(const dz_found *found, dozan_buf *page);
static void put_feasible(const dz_found *found, dozan_buf *page);
static void put_resources(const dz_trial *trial, dozan_buf *page);
static void put_command(dz_cli *cli, const dz_found *found, dozan_buf *page);
static void put_words(char *const *words, dozan_buf *text);
static void put_pairs(const char *title, const dozan_pair *pairs, size_t count, dozan_buf *page);
static void put_metrics(const dz_found *found, dozan_buf *page);
static void put_output(dz_cli *cli, const dz_found *found, dozan_buf *page);
static dozan_status put_history(dz_store *store, const dz_found *found, dozan_buf *page,
                                dozan_error *err);
static bool visit_entry(void *user, const dz_log_entry *entry);

int dz_describe_trial(dz_cli *cli, dz_store *store, const dz_found *found)
{
    const dz_trial *trial = found->trial;
    dozan_buf page;
    dozan_error err = {0};
    dozan_buf_init(&page, DZ_PAGE_MAX);
    put_state(found, &page);
    put_feasible(found, &page);
    put_resources(trial, &page);
    put_command(cli, found, &page);
    put_pairs("Assignment", trial->assignments, trial->assignment_count, &page);
    put_pairs("Labels", trial->labels, trial->label_count, &page);
    put_metrics(found, &page);
    if (found->experiment->spec->lease_ms == 0) /* a worker keeps its own */
        put_output(cli, found, &page);
    if (put_history(store, found, &page, &err) != DOZAN_OK) {
        dozan_buf_fini(&page);
        return dz_cli_fail(cli, &err);
    }
    return dz_cli_put(cli, &page);
}

static void put_state(const dz_found *found, dozan_buf *page)
{
    const dz_trial *trial = found->trial;
    char took[SMALL];
    dz_page_field(page, "Name", trial->name);
    dz_page_field(page, "Experiment", found->experiment->spec->name);
    dz_page_fieldf(page, "Number", "%lld", (long long)trial->number);
    dz_page_fieldf(page, "State", "%s (%s)%s%s", dz_trial_state_name(trial->state),
                   trial->reason[0] != '\0' ? trial->reason : dz_trial_state_reason(trial->state),
                   trial->message[0] != '\0' ? ": " : "", trial->message);
    dz_page_time(page, "Created", trial->created_ms);
    dz_page_time(page, "Started", trial->started_ms);
    dz_page_time(page, "Ended", trial->ended_ms);
    if (trial->ended_ms > 0 && trial->started_ms > 0) {
        dz_duration_text(trial->ended_ms - trial->started_ms, took);
        dz_page_field(page, "Took", took);
    }
    dz_page_fieldf(page, "Attempts", "%d, of which %d failed and %d were lost", (int)trial->attempt,
                   (int)trial->failures, (int)trial->losses);
    int64_t wait = trial->not_before_ms - dz_cli_now();
    if (trial->state == DZ_TRIAL_PENDING && wait > 0) {
        dz_duration_text(wait, took);
        dz_page_fieldf(page, "Next attempt", "in %s", took);
    }
}

static void put_feasible(const dz_found *found, dozan_buf *page)
{
    dozan_buf text;
    if (found->experiment->spec->constraint_count == 0)
        return;
    dozan_buf_init(&text, TEXT_MAX);
    dz_text_feasible(&text, found->experiment->spec, found->trial);
    dz_page_field(page, "Feasible",
                  text.size > 0 ? text.data
                                : "not known: it has not reported all that is constrained");
    dozan_buf_fini(&text);
}

static void put_resources(const dz_trial *trial, dozan_buf *page)
{
    if (trial->cpu_milli > 0)
        dz_page_fieldf(page, "CPUs", "%lld.%03lld", (long long)(trial->cpu_milli / 1000),
                       (long long)(trial->cpu_milli % 1000));
    if (trial->gpu_count == 0)
        return;
    bool held = trial->state == DZ_TRIAL_STARTING || trial->state == DZ_TRIAL_RUNNING ||
                trial->state == DZ_TRIAL_STOPPING;
    dozan_buf text;
    dozan_buf_init(&text, TEXT_MAX);
    dozan_buf_printf(&text, "%d", (int)trial->gpu_count);
    for (int32_t i = 0; held && i < trial->gpu_count; i++)
        dozan_buf_printf(&text, "%s%d", i == 0 ? ": number " : ", ", (int)trial->gpus[i]);
    dz_page_field(page, "GPUs", text.data);
    dozan_buf_fini(&text);
}

/* As it would run now, with the maps of this command line. */
static void put_command(dz_cli *cli, const dz_found *found, dozan_buf *page)
{
    const dz_experiment_spec *spec = found->experiment->spec;
    const dz_trial *trial = found->trial;
    cJSON *object = NULL;
    dz_command *command = NULL;
    dozan_error err = {0};
    dozan_buf text;
    if (spec->lease_ms > 0) {
        dz_page_field(page, "Command", "its worker's own: the experiment has leases");
        return;
    }
    dozan_buf_init(&text, TEXT_MAX);
    dozan_status status = dz_template_render(spec, trial->name, trial->assignments,
                                             trial->assignment_count, &object, &err);
    if (status == DOZAN_OK)
        status = dz_template_command(spec, object, cli->options.maps, cli->options.map_count,
                                     &command, &err);
    if (status == DOZAN_OK) {
        put_words(command->argv, &text);
        dz_page_field(page, "Command", text.data);
        dozan_buf_clear(&text);
        put_words(command->env, &text);
        dz_page_field(page, "Environment", text.data);
        dz_page_field(page, "Directory", command->working_dir);
    } else {
        dz_page_fieldf(page, "Command", "none: %s", err.message);
    }
    dozan_buf_fini(&text);
    dz_command_destroy(command);
    cJSON_Delete(object);
}

static void put_words(char *const *words, dozan_buf *text)
{
    for (size_t i = 0; words != NULL && words[i] != NULL; i++) {
        if (i > 0)
            dozan_buf_puts(text, " ");
        dz_text_shell_word(text, words[i]);
    }
}

static void put_pairs(const char *title, const dozan_pair *pairs, size_t count, dozan_buf *page)
{
    dz_table table;
    dz_table_init(&table);
    dz_table_column(&table, "NAME", false);
    dz_table_column(&table, "VALUE", false);
    for (size_t i = 0; i < count; i++) {
        dz_table_cell(&table, pairs[i].name);
        dz_table_cell(&table, pairs[i].value);
    }
    dz_page_table(page, title, &table);
    dz_table_fini(&table);
}

static void put_metrics(const dz_found *found, dozan_buf *page)
{
    static const char *const titles[] = {"NAME", "REPORTS", "MIN", "MAX", "LATEST"};
    const dz_experiment_spec *spec = found->experiment->spec;
    dz_table table;
    dz_table_init(&table);
    for (size_t i = 0; i < sizeof(titles) / sizeof(titles[0]); i++)
        dz_table_column(&table, titles[i], i > 0);
    for (size_t i = 0; i < spec->metric_count && i < found->trial->metric_count; i++) {
        const dz_observation *seen = &found->trial->observations[i];
        dz_table_cell(&table, spec->metrics[i].name);
        dz_table_cellf(&table, "%lld", (long long)seen->count);
        dz_table_cell(&table, seen->min_text);
        dz_table_cell(&table, seen->max_text);
        dz_table_cell(&table, seen->latest_text);
    }
    dz_page_table(page, "Metrics", &table);
    dz_table_fini(&table);
}

static void put_output(dz_cli *cli, const dz_found *found, dozan_buf *page)
{
    char folder[DZ_QUALIFIED_NAME];
    dz_table table;
    dz_table_init(&table);
    dz_table_column(&table, "ATTEMPT", true);
    dz_table_column(&table, "FILE", false);
    dz_spec_folder(found->experiment->spec, folder);
    for (int32_t attempt = 1; attempt <= found->trial->attempt; attempt++) {
        char *path = NULL;
        if (dz_local_output_path(cli->options.job_directory, folder, found->trial->name, attempt,
                                 &path) != DOZAN_OK)
            continue;
        dz_table_cellf(&table, "%d", (int)attempt);
        dz_table_cell(&table, path);
        free(path);
    }
    dz_page_table(page, "Output", &table);
    dz_table_fini(&table);
}

static dozan_status put_history(dz_store *store, const dz_found *found, dozan_buf *page,
                                dozan_error *err)
{
    static const char *const titles[] = {"TIME", "ATTEMPT", "EVENT", "VALUE"};
    dz_table table;
    dz_table_init(&table);
    for (size_t i = 0; i < sizeof(titles) / sizeof(titles[0]); i++)
        dz_table_column(&table, titles[i], false);
    dozan_status status = dz_store_entries(store, found->experiment->id, found->trial->number,
                                           visit_entry, &table, err);
    dz_page_table(page, "History", &table);
    dz_table_fini(&table);
    return status;
}

static bool visit_entry(void *user, const dz_log_entry *entry)
{
    static const char *const names[] = {
        [DOZAN_EVENT_ASKED] = "suggested",
        [DOZAN_EVENT_STARTED] = "started",
        [DOZAN_EVENT_REPORT] = "reported",
        [DOZAN_EVENT_COMPLETED] = "completed",
        [DOZAN_EVENT_FAILED] = "failed",
        [DOZAN_EVENT_LOST] = "lost",
        [DOZAN_EVENT_STOPPED] = "stopped early",
        [DOZAN_EVENT_UNAVAILABLE] = "ended without metrics",
        [DOZAN_EVENT_KILLED] = "killed",
    };
    dz_table *table = user;
    char time[SMALL], value[DOZAN_VALUE_TEXT] = "";
    bool known = entry->kind >= DOZAN_EVENT_ASKED && entry->kind <= DOZAN_EVENT_KILLED;
    dz_time_text(entry->time_ms, time);
    if (entry->has_value)
        dozan_number_text(entry->value, value);
    dz_table_cell(table, time);
    dz_table_cellf(table, "%d", (int)entry->attempt);
    dz_table_cell(table, known ? names[entry->kind] : "unknown");
    dz_table_cell(table, value);
    return true;
}
