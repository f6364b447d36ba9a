/*
 * What trials log that their experiment collects with the kind MLflow is told to the service, which
 * judges it at once: a trial may be stopped by what it has just logged.
 *
 * The call is committed first, and told before it is answered: a client that had no answer repeats
 * it, and the name that is made of its contents has it counted once.
 */
#include "mlflow/parts.h"

#include <dozan/rng.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct gathered {
    dz_point_in *points;
    size_t count;
    char (*values)[32];
    uint64_t name;
} gathered;

static dozan_status gather(dz_track *track, const dz_track_trial *trial, const cJSON *arguments,
                           gathered *batch, dozan_error *err);
static dozan_status add(dz_track *track, const dz_track_trial *trial, const cJSON *metric,
                        gathered *batch, dozan_error *err);

dozan_status mlflow_tell(dz_mlflow *mlflow, dz_track *track, const mlflow_call *call,
                         const cJSON *arguments, dozan_error *err)
{
    dz_track_trial trial;
    gathered batch = {0};
    dz_reported reported;
    char request[32];
    if (mlflow->config.report == NULL ||
        (call->call != dz_track_run_log_metric && call->call != dz_track_run_log_batch))
        return DOZAN_OK;
    dozan_status status = dz_track_find_trial(track, mlflow_run_of(arguments), &trial, err);
    if (status == DOZAN_OK && trial.experiment != 0 && trial.logged)
        status = gather(track, &trial, arguments, &batch, err);
    if (status == DOZAN_OK && batch.count > 0) {
        (void)snprintf(request, sizeof(request), "mlflow-%016" PRIx64, batch.name);
        status = mlflow->config.report(mlflow->config.service, trial.namespace_, trial.name,
                                       request, batch.points, batch.count, &reported, err);
        /* What comes when the trial has ended is logged, and no more. */
        if (status == DOZAN_FAILED_PRECONDITION || status == DOZAN_NOT_FOUND ||
            status == DOZAN_ABORTED)
            status = DOZAN_OK;
    }
    free(batch.points);
    free(batch.values);
    return status;
}

/* log-metric has one in its own fields, log-batch a list. */
static dozan_status gather(dz_track *track, const dz_track_trial *trial, const cJSON *arguments,
                           gathered *batch, dozan_error *err)
{
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(arguments, "metrics"), *item;
    size_t most = list != NULL ? (size_t)cJSON_GetArraySize(list) : 1;
    dozan_status status = DOZAN_OK;
    batch->points = calloc(most + 1, sizeof(*batch->points));
    batch->values = calloc(most + 1, sizeof(*batch->values));
    if (batch->points == NULL || batch->values == NULL)
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    if (list == NULL)
        return cJSON_HasObjectItem(arguments, "key") ? add(track, trial, arguments, batch, err)
                                                     : DOZAN_OK;
    cJSON_ArrayForEach(item, list)
    {
        if (status == DOZAN_OK)
            status = add(track, trial, item, batch, err);
    }
    return status;
}

static dozan_status add(dz_track *track, const dz_track_trial *trial, const cJSON *metric,
                        gathered *batch, dozan_error *err)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(metric, "value");
    const cJSON *step = cJSON_GetObjectItemCaseSensitive(metric, "step");
    const cJSON *time = cJSON_GetObjectItemCaseSensitive(metric, "timestamp");
    const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(metric, "key"));
    bool collects = false;
    dozan_status status = dz_track_collects(track, trial->experiment, name, &collects, err);
    if (status != DOZAN_OK || !collects)
        return status;
    char *text = batch->values[batch->count];
    if (cJSON_IsString(value))
        (void)snprintf(text, sizeof(batch->values[0]), "%.31s", value->valuestring);
    else
        (void)snprintf(text, sizeof(batch->values[0]), "%.17g", cJSON_GetNumberValue(value));
    int64_t time_ms = cJSON_IsNumber(time) ? (int64_t)time->valuedouble : 0;
    batch->points[batch->count++] = (dz_point_in){name, text, time_ms};
    uint64_t key = dozan_hash_words(batch->name ^ dozan_hash_text(name), dozan_hash_text(text));
    batch->name =
        dozan_hash_words(key ^ (uint64_t)time_ms,
                         cJSON_IsNumber(step) ? (uint64_t)(int64_t)step->valuedouble : UINT64_MAX);
    return DOZAN_OK;
}
