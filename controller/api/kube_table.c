/*
 * Tables, as `kubectl get` prints them: Katib's columns, and with -o wide some of ours.
 */
#include "api/kube_parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

typedef enum column_kind {
    COLUMN_NAME,
    COLUMN_TYPE,
    COLUMN_STATUS,
    COLUMN_REQUESTED,
    COLUMN_AGE,
    COLUMN_ALGORITHM,
    COLUMN_SUCCEEDED,
    COLUMN_RUNNING,
    COLUMN_TRIALS,
    COLUMN_REASON,
    COLUMN_OBJECTIVE
} column_kind;

typedef struct column {
    column_kind id;
    const char *name, *type;
    int priority; /* 1 = with -o wide */
} column;

static const column experiment_columns[] = {
    {COLUMN_NAME, "Name", "string", 0},           {COLUMN_TYPE, "Type", "string", 0},
    {COLUMN_STATUS, "Status", "string", 0},       {COLUMN_AGE, "Age", "date", 0},
    {COLUMN_ALGORITHM, "Algorithm", "string", 1}, {COLUMN_TRIALS, "Trials", "integer", 1},
    {COLUMN_RUNNING, "Running", "integer", 1},    {COLUMN_SUCCEEDED, "Succeeded", "integer", 1},
    {COLUMN_REASON, "Reason", "string", 1},
};
static const column trial_columns[] = {
    {COLUMN_NAME, "Name", "string", 0},     {COLUMN_TYPE, "Type", "string", 0},
    {COLUMN_STATUS, "Status", "string", 0}, {COLUMN_AGE, "Age", "date", 0},
    {COLUMN_REASON, "Reason", "string", 1}, {COLUMN_OBJECTIVE, "Objective", "string", 1},
};
static const column suggestion_columns[] = {
    {COLUMN_NAME, "Name", "string", 0},          {COLUMN_TYPE, "Type", "string", 0},
    {COLUMN_STATUS, "Status", "string", 0},      {COLUMN_REQUESTED, "Requested", "string", 0},
    {COLUMN_REQUESTED, "Assigned", "string", 0}, {COLUMN_AGE, "Age", "date", 0},
};

static const column *columns_of(const kube_kind *kind, size_t *count);
static void add_cell(dz_builder *build, cJSON *cells, const column *shape, const kube_item *item,
                     int64_t now_ms);
static const char *type_of(const kube_item *item);
static void age(int64_t ms, char text[KUBE_CELL]);

bool kube_wants_table(const dz_http_request *request)
{
    const char *accept = dz_http_header(request, "Accept");
    return accept != NULL && strstr(accept, "as=Table") != NULL &&
           strstr(accept, "g=meta.k8s.io") != NULL;
}

cJSON *kube_table(const kube_kind *kind, int64_t version, bool columns, cJSON **rows)
{
    dz_builder build = {false};
    char text[KUBE_VERSION_TEXT];
    size_t count;
    const column *list = columns_of(kind, &count);
    cJSON *table = cJSON_CreateObject();
    (void)snprintf(text, sizeof(text), "%" PRId64, version);
    dz_build_text(&build, table, "kind", "Table");
    dz_build_text(&build, table, "apiVersion", "meta.k8s.io/v1");
    dz_build_text(&build, dz_build_object(&build, table, "metadata"), "resourceVersion", text);
    cJSON *definitions = dz_build_array(&build, table, "columnDefinitions");
    for (size_t i = 0; columns && i < count; i++) {
        cJSON *item = dz_build_item(&build, definitions);
        dz_build_text(&build, item, "name", list[i].name);
        dz_build_text(&build, item, "type", list[i].type);
        dz_build_add(&build, item, "format",
                     cJSON_CreateString(list[i].id == COLUMN_NAME ? "name" : ""));
        dz_build_text(&build, item, "description", list[i].name);
        dz_build_number(&build, item, "priority", list[i].priority);
    }
    *rows = dz_build_array(&build, table, "rows");
    if (!build.failed)
        return table;
    cJSON_Delete(table);
    return NULL;
}

void kube_table_row(dz_builder *build, cJSON *rows, const kube_item *item, int64_t now_ms)
{
    size_t count;
    const column *list = columns_of(item->kind, &count);
    cJSON *row = dz_build_item(build, rows);
    cJSON *cells = dz_build_array(build, row, "cells");
    for (size_t i = 0; i < count; i++)
        add_cell(build, cells, &list[i], item, now_ms);
    dz_build_add(build, row, "object", kube_build_light(item));
}

static const column *columns_of(const kube_kind *kind, size_t *count)
{
    if (kind == &kube_trials) {
        *count = sizeof(trial_columns) / sizeof(trial_columns[0]);
        return trial_columns;
    }
    if (kind == &kube_suggestions) {
        *count = sizeof(suggestion_columns) / sizeof(suggestion_columns[0]);
        return suggestion_columns;
    }
    *count = sizeof(experiment_columns) / sizeof(experiment_columns[0]);
    return experiment_columns;
}

static void add_cell(dz_builder *build, cJSON *cells, const column *shape, const kube_item *item,
                     int64_t now_ms)
{
    char text[KUBE_CELL] = "";
    const char *shown = text;
    const dz_experiment *experiment = item->experiment;
    const dz_trial *trial = item->trial;
    double value;
    cJSON *cell = NULL;
    switch (shape->id) {
    case COLUMN_NAME:
        shown = kube_item_name(item);
        break;
    case COLUMN_TYPE:
        shown = type_of(item);
        break;
    case COLUMN_STATUS:
        shown = "True";
        break;
    case COLUMN_AGE:
        age(now_ms - (trial != NULL ? trial->created_ms : experiment->created_ms), text);
        break;
    case COLUMN_REQUESTED:
        (void)snprintf(text, sizeof(text), "%" PRId64, experiment->trial_count);
        break;
    case COLUMN_ALGORITHM:
        shown = experiment->spec->algorithm;
        break;
    case COLUMN_TRIALS:
        cell = cJSON_CreateNumber((double)experiment->trial_count);
        break;
    case COLUMN_RUNNING:
        cell = cJSON_CreateNumber((double)(experiment->state_counts[DZ_TRIAL_RUNNING] +
                                           experiment->state_counts[DZ_TRIAL_STOPPING]));
        break;
    case COLUMN_SUCCEEDED:
        cell = cJSON_CreateNumber((double)experiment->state_counts[DZ_TRIAL_SUCCEEDED]);
        break;
    case COLUMN_REASON:
        if (trial != NULL)
            shown = trial->reason[0] != '\0' ? trial->reason : dz_trial_state_reason(trial->state);
        else if (experiment->condition_count > 0)
            shown = experiment->conditions[experiment->condition_count - 1].reason;
        break;
    case COLUMN_OBJECTIVE:
        if (trial != NULL && dz_trial_objective(trial, experiment->spec, &value))
            (void)snprintf(text, sizeof(text), "%.6g", value);
        break;
    }
    if (cell == NULL)
        cell = cJSON_CreateString(shown);
    if (cell == NULL || !cJSON_AddItemToArray(cells, cell)) {
        cJSON_Delete(cell);
        build->failed = true;
    }
}

static const char *type_of(const kube_item *item)
{
    const dz_experiment *experiment = item->experiment;
    if (item->trial != NULL)
        return dz_trial_state_condition(item->trial->state);
    if (item->kind == &kube_suggestions)
        return dz_experiment_state_ended(experiment->state) ? "Succeeded" : "Running";
    if (experiment->condition_count > 0)
        return experiment->conditions[experiment->condition_count - 1].type;
    return dz_experiment_state_name(experiment->state);
}

/* As kubectl writes durations: 59s, 12m, 3h, 5d. */
static void age(int64_t ms, char text[KUBE_CELL])
{
    int64_t seconds = ms > 0 ? ms / 1000 : 0;
    if (seconds < 120)
        (void)snprintf(text, KUBE_CELL, "%" PRId64 "s", seconds);
    else if (seconds < 600)
        (void)snprintf(text, KUBE_CELL, "%" PRId64 "m%" PRId64 "s", seconds / 60, seconds % 60);
    else if (seconds < 10800)
        (void)snprintf(text, KUBE_CELL, "%" PRId64 "m", seconds / 60);
    else if (seconds < 172800)
        (void)snprintf(text, KUBE_CELL, "%" PRId64 "h", seconds / 3600);
    else
        (void)snprintf(text, KUBE_CELL, "%" PRId64 "d", seconds / 86400);
}
