/*
 * The query's parameters, and numbers in JSON.
 */
#include "api/views/held.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *dz_query_text(const dz_view_request *request, const char *name)
{
    for (size_t i = 0; i < request->query_count; i++)
        if (strcmp(request->query[i].name, name) == 0)
            return request->query[i].value;
    return NULL;
}

dozan_status dz_query_number(const dz_view_request *request, const char *name, int64_t min,
                             int64_t max, int64_t otherwise, int64_t *number, dozan_error *err)
{
    const char *text = dz_query_text(request, name);
    char *end = NULL;
    *number = otherwise;
    if (text == NULL || *text == '\0')
        return DOZAN_OK;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno != 0 || *end != '\0' || value < min || value > max)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, name,
                               "\"%.40s\" is no whole number from %" PRId64 " to %" PRId64, text,
                               min, max);
    *number = value;
    return DOZAN_OK;
}

dozan_status dz_query_metric(const dz_held *held, size_t *metric, dozan_error *err)
{
    const dz_experiment_spec *spec = held->experiment->spec;
    const char *name = dz_query_text(&held->request, "metric");
    *metric = 0;
    if (name == NULL || *name == '\0')
        return DOZAN_OK;
    for (size_t i = 0; i < spec->metric_count; i++) {
        if (strcmp(spec->metrics[i].name, name) != 0)
            continue;
        *metric = i;
        return DOZAN_OK;
    }
    return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "metric",
                           "the experiment has no metric \"%.100s\"; its objective is \"%s\"", name,
                           spec->metrics[0].name);
}

dozan_status dz_query_parameter(const dz_held *held, const char *name, size_t *parameter,
                                dozan_error *err)
{
    const char *wanted = dz_query_text(&held->request, name);
    if (wanted == NULL || *wanted == '\0')
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, name,
                               "give the name of a parameter of the search space");
    *parameter = dozan_space_find(held->experiment->space, wanted);
    if (*parameter == SIZE_MAX)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, name,
                               "the search space has no parameter \"%.100s\"", wanted);
    return DOZAN_OK;
}

/* ---- JSON */

static cJSON *number_of(double value)
{
    return isfinite(value) ? cJSON_CreateNumber(value) : cJSON_CreateNull();
}

void dz_build_double(dz_builder *build, cJSON *parent, const char *name, double value)
{
    dz_build_add(build, parent, name, number_of(value));
}

void dz_build_bool(dz_builder *build, cJSON *parent, const char *name, bool value)
{
    dz_build_add(build, parent, name, cJSON_CreateBool(value));
}

static cJSON *append(dz_builder *build, cJSON *array, cJSON *item)
{
    if (array != NULL && item != NULL && cJSON_AddItemToArray(array, item))
        return item;
    cJSON_Delete(item);
    build->failed = true;
    return NULL;
}

void dz_build_value(dz_builder *build, cJSON *array, double value)
{
    (void)append(build, array, number_of(value));
}

void dz_build_word(dz_builder *build, cJSON *array, const char *text)
{
    (void)append(build, array, cJSON_CreateString(text));
}

cJSON *dz_build_row(dz_builder *build, cJSON *array)
{
    return append(build, array, cJSON_CreateArray());
}

dozan_status dz_build_done(const dz_builder *build, cJSON *tree, cJSON **answer, dozan_error *err)
{
    if (tree == NULL || build->failed) {
        cJSON_Delete(tree);
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    }
    *answer = tree;
    return DOZAN_OK;
}

/* ---- values */

bool dz_metric_maximize(const dz_experiment_spec *spec, size_t metric)
{
    for (size_t i = 0; i < spec->objective_count; i++)
        if (spec->objectives[i].metric == metric)
            return spec->objectives[i].maximize;
    return spec->metrics[metric].strategy == DZ_STRATEGY_MAX;
}

double dz_frame_loss(const dz_held *held, size_t row, size_t metric)
{
    double value = held->frame->values[row * held->frame->metrics + metric];
    return dz_metric_maximize(held->experiment->spec, metric) ? -value : value;
}
