/*
 * `dozan top`: what runs where, and what waits, now.
 */
#include "cli/find.h"

#include "cli/progress.h"
#include "cli/table.h"
#include "cli/text.h"
#include "store/changes.h"
#include <stdlib.h>

enum { MAX_TRIALS = 500, SMALL = 32, TEXT_MAX = 4096, PAGE_MAX = 16 << 20 };

typedef struct number_walk {
    int64_t *numbers;
    size_t count, capacity;
    bool failed;
} number_walk;

typedef struct page {
    dz_cli *cli;
    dz_table experiments, trials;
    int64_t cpu_milli, gpus; /* that the trials hold */
    size_t running, waiting, left_out;
    int64_t now_ms;
} page;

static bool visit_open(void *user, const dz_experiment *experiment);
static void begin(page *top);
static void add_experiment(page *top, const dz_experiment *experiment);
static void add_trial(page *top, const dz_experiment *experiment, const dz_trial *trial);
static void add_gpus(page *top, const dz_trial *trial);
static int finish(page *top);
static void put_slots(const page *top, dozan_buf *out);

int dz_cli_top(dz_cli *cli)
{
    int status = DZ_EXIT_FAILED;
    dozan_error err = {0};
    number_walk walk = {0};
    const dz_list_from start = {0};
    page top = {.cli = cli, .now_ms = dz_cli_now()};
    dz_store *store = dz_cli_open(cli, DZ_STORE_READ, &status);
    if (store == NULL)
        return status;
    begin(&top);
    dozan_status read = dz_store_list_experiments(store, cli->options.namespace_, &start, 0,
                                                  visit_open, &walk, &err);
    if (walk.failed)
        read = dozan_error_set(&err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    for (size_t i = 0; i < walk.count && read == DOZAN_OK; i++) {
        dz_experiment *experiment = NULL;
        read = dz_store_load_id(store, walk.numbers[i], &experiment, &err);
        if (read == DOZAN_OK)
            add_experiment(&top, experiment);
        else if (read == DOZAN_NOT_FOUND)
            read = DOZAN_OK; /* removed in the meantime */
        dz_experiment_destroy(experiment);
    }
    status = read == DOZAN_OK ? finish(&top) : dz_cli_fail(cli, &err);
    dz_table_fini(&top.experiments);
    dz_table_fini(&top.trials);
    free(walk.numbers);
    dz_store_close(store);
    return status;
}

/* What the list hands out has no active trials: those that may have some are loaded after it. */
static bool visit_open(void *user, const dz_experiment *experiment)
{
    number_walk *walk = user;
    int64_t active = 0;
    for (int state = 0; state < DZ_TRIAL_STATE_COUNT; state++)
        if (!dz_trial_state_ended((dz_trial_state)state))
            active += experiment->state_counts[state];
    if (active == 0 && (dz_experiment_state_ended(experiment->state) ||
                        experiment->state == DZ_EXPERIMENT_SUSPENDED))
        return true;
    if (walk->count == walk->capacity) {
        size_t capacity = walk->capacity * 2 + 16;
        int64_t *grown = reallocarray(walk->numbers, capacity, sizeof(*grown));
        walk->failed = grown == NULL;
        if (walk->failed)
            return false;
        walk->numbers = grown;
        walk->capacity = capacity;
    }
    walk->numbers[walk->count++] = experiment->id;
    return true;
}

static void begin(page *top)
{
    static const struct {
        const char *title;
        bool right;
    } experiments[] = {{"EXPERIMENT", false}, {"STATE", false}, {"RUN", true},
                       {"WAIT", true},        {"ENDED", true},  {"BEST", true}},
      trials[] = {{"TRIAL", false}, {"STATE", false}, {"ATTEMPT", true}, {"FOR", true},
                  {"CPUS", true},   {"GPUS", false},  {"LATEST", false}, {"WAITS FOR", false}};
    dz_table_init(&top->experiments);
    dz_table_init(&top->trials);
    for (size_t i = 0; i < sizeof(experiments) / sizeof(experiments[0]); i++)
        dz_table_column(&top->experiments, experiments[i].title, experiments[i].right);
    for (size_t i = 0; i < sizeof(trials) / sizeof(trials[0]); i++)
        dz_table_column(&top->trials, trials[i].title, trials[i].right);
}

static void add_experiment(page *top, const dz_experiment *experiment)
{
    const dz_experiment_spec *spec = experiment->spec;
    char name[DZ_QUALIFIED_NAME], value[SMALL] = "";
    size_t running = 0;
    for (size_t i = 0; i < experiment->active_count; i++) {
        const dz_trial *trial = experiment->active[i];
        running += trial->state != DZ_TRIAL_PENDING;
        if (dz_table_rows(&top->trials) < MAX_TRIALS)
            add_trial(top, experiment, trial);
        else
            top->left_out++;
    }
    top->running += running;
    top->waiting += experiment->active_count - running;
    dz_spec_qualified(spec, name);
    if (experiment->best.trial != 0)
        dz_value_text(experiment->best.value, value);
    dz_table_cell(&top->experiments, name);
    dz_table_cell(&top->experiments, dz_experiment_state_name(experiment->state));
    dz_table_cellf(&top->experiments, "%zu", running);
    dz_table_cellf(&top->experiments, "%zu", experiment->active_count - running);
    if (spec->max_trial_count > 0)
        dz_table_cellf(&top->experiments, "%lld/%d", (long long)dz_progress_count(experiment),
                       (int)spec->max_trial_count);
    else
        dz_table_cellf(&top->experiments, "%lld", (long long)dz_progress_count(experiment));
    dz_table_cell(&top->experiments, value);
}

static void add_trial(page *top, const dz_experiment *experiment, const dz_trial *trial)
{
    bool pending = trial->state == DZ_TRIAL_PENDING;
    bool holds = !pending;
    int64_t since = pending || trial->started_ms == 0 ? trial->created_ms : trial->started_ms;
    const char *value = trial->metric_count > 0 ? trial->observations[0].latest_text : NULL;
    char age[SMALL];
    dz_duration_text(top->now_ms - since, age);
    dz_table_cell(&top->trials, trial->name);
    dz_table_cell(&top->trials, dz_trial_state_name(trial->state));
    dz_table_cellf(&top->trials, "%d", (int)trial->attempt);
    dz_table_cell(&top->trials, age);
    if (trial->cpu_milli > 0)
        dz_table_cellf(&top->trials, "%lld.%03lld", (long long)(trial->cpu_milli / 1000),
                       (long long)(trial->cpu_milli % 1000));
    else
        dz_table_cell(&top->trials, NULL);
    add_gpus(top, trial);
    if (value != NULL)
        dz_table_cellf(&top->trials, "%s=%s", experiment->spec->metrics[0].name, value);
    else
        dz_table_cell(&top->trials, NULL);
    dz_table_cell(&top->trials, pending ? trial->reason : NULL);
    if (holds) {
        top->cpu_milli += trial->cpu_milli;
        top->gpus += trial->gpu_count;
    }
}

/* Which ones it holds, or how many it waits for. */
static void add_gpus(page *top, const dz_trial *trial)
{
    dozan_buf text;
    dozan_buf_init(&text, TEXT_MAX);
    for (int32_t i = 0; i < trial->gpu_count && trial->state != DZ_TRIAL_PENDING; i++)
        dozan_buf_printf(&text, "%s%d", i > 0 ? "," : "", (int)trial->gpus[i]);
    if (trial->gpu_count > 0 && trial->state == DZ_TRIAL_PENDING)
        dozan_buf_printf(&text, "(%d)", (int)trial->gpu_count);
    dz_table_cell(&top->trials, text.data);
    dozan_buf_fini(&text);
}

static int finish(page *top)
{
    dozan_buf out;
    dozan_buf_init(&out, PAGE_MAX);
    if (dz_table_rows(&top->experiments) == 0) {
        dz_cli_note(top->cli, "nothing runs, and nothing waits");
        return DZ_EXIT_SUCCEEDED;
    }
    put_slots(top, &out);
    if (!dz_table_write(&top->experiments, "", 0, &out))
        out.failed = true;
    if (dz_table_rows(&top->trials) > 0)
        dozan_buf_puts(&out, "\n");
    if (dz_table_rows(&top->trials) > 0 && !dz_table_write(&top->trials, "", 0, &out))
        out.failed = true;
    if (top->left_out > 0)
        dozan_buf_printf(&out, "and %zu more\n", top->left_out);
    return dz_cli_put(top->cli, &out);
}

/* A service knows what its machine has; of a database, only what is held is known. */
static void put_slots(const page *top, dozan_buf *out)
{
    dozan_buf_printf(out, "%zu trials run, %zu wait", top->running, top->waiting);
    if (top->cli->service != NULL) {
        dz_service_stats stats;
        dz_service_stats_get(top->cli->service, &stats);
        dozan_buf_printf(out, "; in use: %lld.%lld of %lld CPUs, %d of %d GPUs",
                         (long long)(stats.slots.cpu_milli_used / 1000),
                         (long long)(stats.slots.cpu_milli_used % 1000 / 100),
                         (long long)(stats.slots.cpu_milli_total / 1000), (int)stats.slots.gpu_used,
                         (int)stats.slots.gpu_total);
    } else if (top->cpu_milli > 0 || top->gpus > 0) {
        dozan_buf_printf(out, "; in use: %lld.%lld CPUs, %lld GPUs",
                         (long long)(top->cpu_milli / 1000),
                         (long long)(top->cpu_milli % 1000 / 100), (long long)top->gpus);
    }
    dozan_buf_puts(out, "\n\n");
}
