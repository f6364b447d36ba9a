/*
 * An experiment with any number of trials in a store, for the tests and the benchmark of the page's
 * views: two objectives, a constraint, a conditional parameter; most trials completed, some failed,
 * the last few running. What was written is kept beside it, to be compared with.
 */
#ifndef DZ_TESTS_SUPPORT_VIEWS_FIXTURE_H
#define DZ_TESTS_SUPPORT_VIEWS_FIXTURE_H

#include "api/views/views.h"
#include "support/store_fixture.h"

enum { VIEWS_DIMS = 4, VIEWS_METRICS = 3, VIEWS_RUNNING = 3, VIEWS_PARALLEL = 16 };

/* A trial as it was written. */
typedef struct views_row {
    double lr, momentum; /* momentum is NaN with adam */
    int layers;
    bool sgd;
    double accuracy, size, seconds; /* NaN = none */
    dz_trial_state state;
    int64_t started_ms, ended_ms;
} views_row;

typedef struct views_fixture {
    store_fixture base;
    dz_store *store;
    dz_experiment *experiment;
    dz_views *views;
    views_row *rows; /* [count], of the trials 1, 2, ... */
    size_t count, capacity;
    bool tidy; /* no failures, and metrics without noise */
} views_fixture;

static inline void views_must(dozan_status status, const dozan_error *err)
{
    if (status != DOZAN_OK)
        (void)fprintf(stderr, "%s: %s\n", err->place, err->message);
    fixture_check(status == DOZAN_OK, "a call failed");
}

static inline dz_experiment_spec *views_spec(const char *name)
{
    static const char text[] =
        "{\"apiVersion\":\"kubeflow.org/v1beta1\",\"kind\":\"Experiment\",\"metadata\":{\"name\":"
        "\"%s\"},\"spec\":{\"objectives\":[{\"type\":\"maximize\",\"metric\":\"accuracy\"},"
        "{\"type\":\"minimize\",\"metric\":\"size\"}],\"constraints\":[{\"metric\":\"seconds\","
        "\"max\":90}],\"algorithm\":{\"algorithmName\":\"random\"},\"parallelTrialCount\":%d,"
        "\"parameters\":[{\"name\":\"lr\",\"parameterType\":\"double\",\"feasibleSpace\":{\"min\":"
        "\"1e-5\",\"max\":\"1\",\"distribution\":\"logUniform\"}},{\"name\":\"layers\","
        "\"parameterType\":\"int\",\"feasibleSpace\":{\"min\":\"1\",\"max\":\"8\"}},{\"name\":"
        "\"optimizer\",\"parameterType\":\"categorical\",\"feasibleSpace\":{\"list\":[\"adam\","
        "\"sgd\"]}},{\"name\":\"momentum\",\"parameterType\":\"double\",\"feasibleSpace\":{\"min\":"
        "\"0\",\"max\":\"1\"},\"when\":{\"parameter\":\"optimizer\",\"in\":[\"sgd\"]},"
        "\"otherwise\":\"0\"}],\"trialTemplate\":{\"primaryContainerName\":\"main\","
        "\"trialParameters\":[{\"name\":\"lr\",\"reference\":\"lr\"},{\"name\":\"layers\","
        "\"reference\":\"layers\"},{\"name\":\"optimizer\",\"reference\":\"optimizer\"},{\"name\":"
        "\"momentum\",\"reference\":\"momentum\"}],\"trialSpec\":{\"apiVersion\":\"batch/v1\","
        "\"kind\":\"Job\",\"spec\":{\"template\":{\"spec\":{\"containers\":[{\"name\":\"main\","
        "\"image\":\"none\",\"command\":[\"train\",\"--lr=${trialParameters.lr}\","
        "\"--layers=${trialParameters.layers}\",\"${trialParameters.optimizer}\","
        "\"${trialParameters.momentum}\"]}],\"restartPolicy\":\"Never\"}}}}}}}";
    char *document = NULL;
    dz_experiment_spec *spec = NULL;
    dz_problems problems;
    int size = asprintf(&document, text, name, (int)VIEWS_PARALLEL);
    fixture_check(size > 0, "out of memory");
    dozan_status status =
        dz_spec_read(document, (size_t)size, "fixture", NULL, 0, &spec, &problems);
    for (size_t i = 0; status != DOZAN_OK && i < problems.count; i++)
        (void)fprintf(stderr, "%s: %s\n", problems.items[i].place, problems.items[i].message);
    dz_problems_fini(&problems);
    free(document);
    fixture_check(status == DOZAN_OK, "the specification is refused");
    return spec;
}

static inline void views_open(views_fixture *f, const char *name, uint64_t seed)
{
    dozan_error err = {0};
    *f = (views_fixture){0};
    fixture_open(&f->base, seed);
    views_must(dz_store_open(f->base.path, DZ_STORE_WRITE, DZ_DURABILITY_OFF, &f->store, &err),
               &err);
    views_must(dz_store_own(f->store, &err), &err);
    views_must(dz_experiment_create(views_spec(name), "00000000-0000-4000-8000-000000000001", seed,
                                    FIXTURE_NOW, &f->experiment, &err),
               &err);
    views_must(dz_store_insert(f->store, f->experiment, "e.json", "{}", 2, &err), &err);
    views_must(dz_views_create(&f->views, &err), &err);
}

static inline void views_close(views_fixture *f)
{
    dz_views_destroy(f->views);
    dz_experiment_destroy(f->experiment);
    dz_store_close(f->store);
    fixture_close(&f->base);
    free(f->rows);
}

static inline dozan_pair views_pair(const char *name, double value)
{
    char text[DOZAN_VALUE_TEXT];
    dozan_number_text(value, text);
    return (dozan_pair){.name = fixture_strdup(name), .value = fixture_strdup(text)};
}

static inline void views_observe(dz_observation *seen, double value)
{
    char text[DOZAN_VALUE_TEXT];
    if (isnan(value))
        return;
    dozan_number_text(value, text);
    seen->count = 1;
    seen->min = seen->max = seen->latest = value;
    seen->numeric = seen->latest_numeric = true;
    seen->min_text = fixture_strdup(text);
    seen->max_text = fixture_strdup(text);
    seen->latest_text = fixture_strdup(text);
}

/* Draws the next row. Accuracy depends on lr most, on layers and the optimizer less. */
static inline views_row views_draw(views_fixture *f)
{
    dozan_rng *rng = &f->base.rng;
    views_row row = {.lr = pow(10, -5 * dozan_rng_uniform(rng)),
                     .layers = 1 + (int)dozan_rng_below(rng, 8),
                     .sgd = dozan_rng_below(rng, 2) == 1,
                     .momentum = dozan_rng_uniform(rng)};
    double peak = (log10(row.lr) + 2.5) / 2.5; /* -1 .. 1, best at 0 */
    row.accuracy = 0.9 - 0.5 * peak * peak - 0.01 * abs(row.layers - 4) - (row.sgd ? 0.05 : 0);
    row.size = row.layers * (row.sgd ? 1.0 : 1.5);
    row.seconds = 100 * dozan_rng_uniform(rng);
    if (!f->tidy)
        row.accuracy += 0.02 * dozan_rng_normal(rng);
    row.state = DZ_TRIAL_SUCCEEDED;
    if (!f->tidy && dozan_rng_below(rng, 10) == 0)
        row.state = dozan_rng_below(rng, 2) ? DZ_TRIAL_FAILED : DZ_TRIAL_EARLY_STOPPED;
    if (row.state == DZ_TRIAL_FAILED)
        row.accuracy = row.size = row.seconds = (double)NAN;
    if (!row.sgd)
        row.momentum = (double)NAN;
    return row;
}

static inline dz_trial *views_trial(views_fixture *f, const views_row *row, int64_t number)
{
    char name[96];
    dz_trial *trial = calloc(1, sizeof *trial);
    fixture_check(trial != NULL, "out of memory");
    dz_trial_name(f->experiment, number, name, sizeof name);
    trial->number = number;
    trial->name = fixture_strdup(name);
    trial->state = row->state;
    trial->attempt = 1;
    trial->metric_count = VIEWS_METRICS;
    trial->observations = calloc(VIEWS_METRICS, sizeof *trial->observations);
    trial->assignments = calloc(VIEWS_DIMS, sizeof *trial->assignments);
    fixture_check(trial->observations != NULL && trial->assignments != NULL, "out of memory");
    trial->assignments[0] = views_pair("lr", row->lr);
    trial->assignments[1] = views_pair("layers", row->layers);
    trial->assignments[2] = (dozan_pair){.name = fixture_strdup("optimizer"),
                                         .value = fixture_strdup(row->sgd ? "sgd" : "adam")};
    trial->assignment_count = 3;
    if (row->sgd)
        trial->assignments[trial->assignment_count++] = views_pair("momentum", row->momentum);
    views_observe(&trial->observations[0], row->accuracy);
    views_observe(&trial->observations[1], row->size);
    views_observe(&trial->observations[2], row->seconds);
    trial->created_ms = row->started_ms - 5;
    trial->started_ms = row->started_ms;
    trial->ended_ms = row->ended_ms;
    (void)snprintf(trial->reason, sizeof trial->reason, "%s", dz_trial_state_reason(row->state));
    if (row->state == DZ_TRIAL_FAILED)
        (void)snprintf(trial->message, sizeof trial->message, "Trial %s ended with exit code %d",
                       name, (int)(1 + number % 2));
    trial->dirty = true;
    return trial;
}

/* Takes an ended trial into the best and the front, as the core does. */
static inline void views_count(views_fixture *f, const dz_trial *trial)
{
    double values[2] = {0}, value = 0;
    bool changed = false;
    dozan_error err = {0};
    dz_experiment *e = f->experiment;
    if (trial->state != DZ_TRIAL_SUCCEEDED || !dz_trial_feasible(trial, e->spec) ||
        !dz_trial_objective(trial, e->spec, &value))
        return;
    if (e->best.trial == 0 || value > e->best.value)
        e->best = (dz_best){.trial = trial->number, .value = value};
    for (size_t i = 0; i < 2; i++)
        fixture_check(dz_trial_metric(trial, e->spec, e->spec->objectives[i].metric, &values[i]),
                      "a completed trial has no value");
    views_must(dz_front_offer(&e->front, e->spec, trial->number, values, &changed, &err), &err);
}

/* Adds ended trials in one commit: 16 at a time, a second each. */
static inline void views_add_ended(views_fixture *f, size_t count)
{
    dz_changes changes = {0};
    dozan_error err = {0};
    for (size_t i = 0; i < count; i++) {
        if (f->count == f->capacity) {
            f->capacity = f->capacity * 2 + 64;
            views_row *grown = realloc(f->rows, f->capacity * sizeof *grown);
            fixture_check(grown != NULL, "out of memory");
            f->rows = grown;
        }
        int64_t number = (int64_t)f->count + 1;
        views_row *row = &f->rows[f->count++];
        *row = views_draw(f);
        row->started_ms = FIXTURE_NOW + (number - 1) / VIEWS_PARALLEL * 1000;
        row->ended_ms = row->started_ms + 500 + fixture_below(&f->base, 500);
        dz_trial *trial = views_trial(f, row, number);
        views_count(f, trial);
        f->experiment->state_counts[row->state]++;
        fixture_activate(f->experiment, trial);
        fixture_end(f->experiment, f->experiment->active_count - 1, row->state, &changes);
    }
    views_must(dz_store_commit(f->store, f->experiment, &changes, &err), &err);
    dz_changes_clear(&changes);
}

/* Adds a trial that runs, and is to report. */
static inline dz_trial *views_add_running(views_fixture *f)
{
    dz_changes changes = {0};
    dozan_error err = {0};
    views_row row = views_draw(f);
    row.state = DZ_TRIAL_RUNNING;
    row.accuracy = row.size = row.seconds = (double)NAN;
    row.started_ms = FIXTURE_NOW + f->experiment->trial_count / VIEWS_PARALLEL * 1000;
    dz_trial *trial = views_trial(f, &row, f->experiment->trial_count + 1);
    fixture_activate(f->experiment, trial);
    f->experiment->state_counts[DZ_TRIAL_RUNNING]++;
    views_must(dz_store_commit(f->store, f->experiment, &changes, &err), &err);
    return trial;
}

/* The running trial reports accuracies value(1), value(2), ... of the given steps. */
static inline void views_report(views_fixture *f, dz_trial *trial, int64_t from, int64_t count,
                                double (*value)(int64_t step))
{
    dz_changes changes = {0};
    dozan_error err = {0};
    for (int64_t step = from; step < from + count; step++) {
        dz_log_entry *entry =
            fixture_log(&f->base, f->experiment, &changes, DOZAN_EVENT_REPORT, trial->number);
        entry->attempt = 1;
        entry->metric = 0;
        entry->step = step;
        entry->has_value = true;
        entry->value = value(step);
    }
    trial->dirty = true;
    views_must(dz_store_commit(f->store, f->experiment, &changes, &err), &err);
    dz_changes_clear(&changes);
}

/* A request to the fixture's experiment; query is {name, value, name, value, ..., NULL}. */
static inline dozan_status views_ask_for(views_fixture *f, dz_view *view, int64_t trial,
                                         const char *const *query, cJSON **answer, dozan_error *err)
{
    dz_view_query pairs[8];
    dz_view_request request = {.views = f->views,
                               .store = f->store,
                               .namespace_ = "default",
                               .experiment = f->experiment->spec->name,
                               .trial = trial,
                               .query = pairs,
                               .now_ms = FIXTURE_NOW + 100000000};
    for (size_t i = 0; query != NULL && query[2 * i] != NULL && i < 8; i++)
        pairs[request.query_count++] =
            (dz_view_query){.name = query[2 * i], .value = query[2 * i + 1]};
    return view(&request, answer, err);
}

#endif
