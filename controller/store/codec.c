/*
 * Lists inside a row, as JSON. What is read was written here, but may have been changed by hand or
 * by a failing disk: every type and range is checked.
 */
#include "store/codec.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MAX_EXACT 9007199254740992.0 /* 2^53: whole numbers up to it are exact in JSON */

const char *const dz_trial_state_codes[DZ_TRIAL_STATE_COUNT] = {
#define CODE(name, ended, type, reason) [DZ_TRIAL_##name] = #name,
    DZ_TRIAL_STATES(CODE)
#undef CODE
};

const char *const dz_experiment_state_codes[DZ_EXPERIMENT_STATE_COUNT] = {
    [DZ_EXPERIMENT_CREATED] = "CREATED",       [DZ_EXPERIMENT_RUNNING] = "RUNNING",
    [DZ_EXPERIMENT_RESTARTING] = "RESTARTING", [DZ_EXPERIMENT_SUSPENDED] = "SUSPENDED",
    [DZ_EXPERIMENT_SUCCEEDED] = "SUCCEEDED",   [DZ_EXPERIMENT_FAILED] = "FAILED"};

const char *const dz_stop_cause_codes[DZ_STOP_CAUSE_COUNT] = {[DZ_STOP_NONE] = "NONE",
                                                              [DZ_STOP_EARLY] = "EARLY",
                                                              [DZ_STOP_USER] = "USER",
                                                              [DZ_STOP_EXPERIMENT] = "EXPERIMENT",
                                                              [DZ_STOP_INTERRUPT] = "INTERRUPT"};

const char *const dz_event_codes[DZ_EVENT_NAME_COUNT] = {[0] = "",
                                                         [DOZAN_EVENT_ASKED] = "ASKED",
                                                         [DOZAN_EVENT_STARTED] = "STARTED",
                                                         [DOZAN_EVENT_REPORT] = "REPORT",
                                                         [DOZAN_EVENT_COMPLETED] = "COMPLETED",
                                                         [DOZAN_EVENT_FAILED] = "FAILED",
                                                         [DOZAN_EVENT_LOST] = "LOST",
                                                         [DOZAN_EVENT_STOPPED] = "STOPPED",
                                                         [DOZAN_EVENT_UNAVAILABLE] = "UNAVAILABLE",
                                                         [DOZAN_EVENT_KILLED] = "KILLED",
                                                         [DOZAN_EVENT_KNOWN] = "KNOWN"};

static cJSON *finish(cJSON *tree, bool complete);
static dozan_status parse(const char *text, cJSON **tree);
static bool read_int(const cJSON *tree, int64_t *number);
static bool read_member_int(const cJSON *object, const char *name, int64_t *number);
static bool copy_member(const cJSON *object, const char *name, char *text, size_t size);

/* One of an observation's three values, and the names of its members. */
typedef struct part {
    const char *text_name;
    const char *value_name;
    char **text;
    double *value;
} part;

enum { PARTS = 3 };

static void list_parts(dz_observation *observation, part parts[PARTS]);
static bool write_part(cJSON *object, const part *from);
static dozan_status read_part(const cJSON *object, const part *to);
static cJSON *write_observation(const dz_observation *observation);
static dozan_status read_observation(const cJSON *object, dz_observation *observation);

/* ---- pairs */

cJSON *dz_pairs_write(const dozan_pair *pairs, size_t count)
{
    cJSON *object = cJSON_CreateObject();
    bool complete = object;
    for (size_t i = 0; complete && i < count; i++)
        complete = cJSON_AddStringToObject(object, pairs[i].name, pairs[i].value);
    return finish(object, complete);
}

dozan_status dz_pairs_read(const char *text, dozan_pair **pairs, size_t *count)
{
    dozan_pair *made = NULL;
    size_t filled = 0;
    cJSON *object = NULL;
    const cJSON *member = NULL;
    dozan_status status = parse(text, &object);
    if (status == DOZAN_OK && !cJSON_IsObject(object))
        status = DOZAN_DATA_LOSS;
    if (status != DOZAN_OK)
        goto done;
    status = DOZAN_RESOURCE_EXHAUSTED;
    made = calloc((size_t)cJSON_GetArraySize(object) + 1, sizeof *made);
    if (!made)
        goto done;
    cJSON_ArrayForEach(member, object)
    {
        if (!cJSON_IsString(member)) {
            status = DOZAN_DATA_LOSS;
            goto done;
        }
        made[filled].name = strdup(member->string);
        made[filled].value = strdup(member->valuestring);
        filled++;
        if (!made[filled - 1].name || !made[filled - 1].value)
            goto done;
    }
    *pairs = made;
    *count = filled;
    made = NULL;
    status = DOZAN_OK;
done:
    dz_pairs_free(made, filled);
    cJSON_Delete(object);
    return status;
}

void dz_pairs_free(dozan_pair *pairs, size_t count)
{
    for (size_t i = 0; pairs && i < count; i++) {
        free((void *)(uintptr_t)pairs[i].name);
        free((void *)(uintptr_t)pairs[i].value);
    }
    free(pairs);
}

/* ---- observations */

cJSON *dz_observations_write(const dz_trial *trial)
{
    cJSON *list = cJSON_CreateArray();
    bool complete = list;
    for (size_t i = 0; complete && trial->observations && i < trial->metric_count; i++) {
        cJSON *object = write_observation(&trial->observations[i]);
        complete = object && cJSON_AddItemToArray(list, object);
    }
    return finish(list, complete);
}

dozan_status dz_observations_read(const char *text, size_t metric_count,
                                  dz_observation **observations)
{
    dz_observation *made = NULL;
    size_t filled = 0;
    cJSON *list = NULL;
    const cJSON *object = NULL;
    dozan_status status = parse(text, &list);
    if (status == DOZAN_OK &&
        (!cJSON_IsArray(list) || (size_t)cJSON_GetArraySize(list) > metric_count))
        status = DOZAN_DATA_LOSS;
    if (status != DOZAN_OK)
        goto done;
    status = DOZAN_RESOURCE_EXHAUSTED;
    made = calloc(metric_count + 1, sizeof *made);
    if (!made)
        goto done;
    cJSON_ArrayForEach(object, list)
    {
        status = read_observation(object, &made[filled++]);
        if (status != DOZAN_OK)
            goto done;
    }
    *observations = made;
    made = NULL;
    status = DOZAN_OK;
done:
    dz_observations_free(made, filled);
    cJSON_Delete(list);
    return status;
}

void dz_observations_free(dz_observation *observations, size_t count)
{
    for (size_t i = 0; observations && i < count; i++) {
        free(observations[i].min_text);
        free(observations[i].max_text);
        free(observations[i].latest_text);
    }
    free(observations);
}

/* ---- an experiment's lists */

cJSON *dz_conditions_write(const dz_experiment *experiment)
{
    cJSON *list = cJSON_CreateArray();
    bool complete = list;
    for (size_t i = 0; complete && i < experiment->condition_count; i++) {
        const dz_condition *from = &experiment->conditions[i];
        cJSON *object = cJSON_CreateObject();
        complete = object && cJSON_AddStringToObject(object, "type", from->type) &&
                   cJSON_AddBoolToObject(object, "status", from->status) &&
                   cJSON_AddStringToObject(object, "reason", from->reason) &&
                   cJSON_AddStringToObject(object, "message", from->message) &&
                   cJSON_AddNumberToObject(object, "updated", (double)from->updated_ms) &&
                   cJSON_AddNumberToObject(object, "changed", (double)from->changed_ms);
        if (object && !cJSON_AddItemToArray(list, object))
            complete = false;
    }
    return finish(list, complete);
}

dozan_status dz_conditions_read(const char *text, dz_experiment *experiment)
{
    cJSON *list = NULL;
    const cJSON *object = NULL;
    dozan_status status = parse(text, &list);
    bool valid = cJSON_IsArray(list) && cJSON_GetArraySize(list) <= DZ_MAX_CONDITIONS;
    size_t filled = 0;
    if (valid) {
        cJSON_ArrayForEach(object, list)
        {
            dz_condition *to = &experiment->conditions[filled++];
            const cJSON *holds = cJSON_GetObjectItemCaseSensitive(object, "status");
            valid = valid && cJSON_IsBool(holds) &&
                    copy_member(object, "type", to->type, sizeof to->type) &&
                    copy_member(object, "reason", to->reason, sizeof to->reason) &&
                    copy_member(object, "message", to->message, sizeof to->message) &&
                    read_member_int(object, "updated", &to->updated_ms) &&
                    read_member_int(object, "changed", &to->changed_ms);
            to->status = cJSON_IsTrue(holds);
        }
    }
    experiment->condition_count = valid ? filled : 0;
    cJSON_Delete(list);
    return status == DOZAN_OK && !valid ? DOZAN_DATA_LOSS : status;
}

cJSON *dz_counts_write(const dz_experiment *experiment)
{
    cJSON *object = cJSON_CreateObject();
    bool complete = object;
    for (int i = 0; complete && i < DZ_TRIAL_STATE_COUNT; i++)
        if (experiment->state_counts[i] != 0)
            complete = cJSON_AddNumberToObject(object, dz_trial_state_codes[i],
                                               (double)experiment->state_counts[i]);
    return finish(object, complete);
}

dozan_status dz_counts_read(const char *text, dz_experiment *experiment)
{
    cJSON *object = NULL;
    dozan_status status = parse(text, &object);
    bool valid = cJSON_IsObject(object);
    for (int i = 0; valid && i < DZ_TRIAL_STATE_COUNT; i++) {
        const cJSON *count = cJSON_GetObjectItemCaseSensitive(object, dz_trial_state_codes[i]);
        valid = !count || read_int(count, &experiment->state_counts[i]);
    }
    cJSON_Delete(object);
    return status == DOZAN_OK && !valid ? DOZAN_DATA_LOSS : status;
}

/* ---- numbers */

cJSON *dz_numbers_write(const double *numbers, size_t count)
{
    cJSON *list = cJSON_CreateArray();
    bool complete = list;
    for (size_t i = 0; complete && i < count; i++) {
        char text[DOZAN_VALUE_TEXT];
        dozan_number_text(numbers[i], text);
        cJSON *item = cJSON_CreateString(text);
        complete = item && cJSON_AddItemToArray(list, item);
    }
    return finish(list, complete);
}

dozan_status dz_numbers_read(const char *text, double **numbers, size_t *count)
{
    cJSON *list = NULL;
    const cJSON *item = NULL;
    double *made = NULL;
    size_t filled = 0;
    dozan_status status = parse(text, &list);
    if (status == DOZAN_OK && !cJSON_IsArray(list))
        status = DOZAN_DATA_LOSS;
    if (status != DOZAN_OK)
        goto done;
    made = calloc((size_t)cJSON_GetArraySize(list) + 1, sizeof *made);
    if (!made) {
        status = DOZAN_RESOURCE_EXHAUSTED;
        goto done;
    }
    cJSON_ArrayForEach(item, list)
    {
        if (!cJSON_IsString(item) ||
            !dozan_number_parse(item->valuestring, true, &made[filled++])) {
            status = DOZAN_DATA_LOSS;
            goto done;
        }
    }
    *numbers = made;
    *count = filled;
    made = NULL;
done:
    free(made);
    cJSON_Delete(list);
    return status;
}

/* ---- a trial's GPUs */

cJSON *dz_gpus_write(const dz_trial *trial)
{
    return cJSON_CreateIntArray(trial->gpus, trial->gpu_count);
}

dozan_status dz_gpus_read(const char *text, dz_trial *trial)
{
    cJSON *list = NULL;
    const cJSON *item = NULL;
    dozan_status status = parse(text, &list);
    int limit = (int)(sizeof trial->gpus / sizeof *trial->gpus);
    bool valid = cJSON_IsArray(list) && cJSON_GetArraySize(list) <= limit;
    int32_t filled = 0;
    if (valid) {
        cJSON_ArrayForEach(item, list)
        {
            int64_t index = 0;
            valid = valid && read_int(item, &index) && index >= INT32_MIN && index <= INT32_MAX;
            trial->gpus[filled++] = (int32_t)index;
        }
    }
    trial->gpu_count = valid ? filled : 0;
    cJSON_Delete(list);
    return status == DOZAN_OK && !valid ? DOZAN_DATA_LOSS : status;
}

/* ---- helpers */

static cJSON *finish(cJSON *tree, bool complete)
{
    if (complete)
        return tree;
    cJSON_Delete(tree);
    return NULL;
}

/* cJSON tells want of memory and bad text apart only by errno. */
static dozan_status parse(const char *text, cJSON **tree)
{
    errno = 0;
    *tree = cJSON_Parse(text);
    if (*tree)
        return DOZAN_OK;
    return errno == ENOMEM ? DOZAN_RESOURCE_EXHAUSTED : DOZAN_DATA_LOSS;
}

static bool read_int(const cJSON *tree, int64_t *number)
{
    if (!cJSON_IsNumber(tree) || !(fabs(tree->valuedouble) <= MAX_EXACT))
        return false;
    *number = (int64_t)tree->valuedouble;
    return true;
}

static bool read_member_int(const cJSON *object, const char *name, int64_t *number)
{
    return read_int(cJSON_GetObjectItemCaseSensitive(object, name), number);
}

static bool copy_member(const cJSON *object, const char *name, char *text, size_t size)
{
    const cJSON *member = cJSON_GetObjectItemCaseSensitive(object, name);
    if (!cJSON_IsString(member) || strlen(member->valuestring) >= size)
        return false;
    memcpy(text, member->valuestring, strlen(member->valuestring) + 1);
    return true;
}

static void list_parts(dz_observation *observation, part parts[PARTS])
{
    parts[0] = (part){"min", "minValue", &observation->min_text, &observation->min};
    parts[1] = (part){"max", "maxValue", &observation->max_text, &observation->max};
    parts[2] = (part){"latest", "latestValue", &observation->latest_text, &observation->latest};
}

static cJSON *write_observation(const dz_observation *observation)
{
    dz_observation copy = *observation;
    part parts[PARTS];
    list_parts(&copy, parts);
    cJSON *object = cJSON_CreateObject();
    bool complete = object;
    if (complete && copy.count != 0)
        complete = cJSON_AddNumberToObject(object, "count", (double)copy.count);
    if (complete && copy.count != 0 && !copy.numeric)
        complete = cJSON_AddFalseToObject(object, "numeric");
    if (complete && copy.count != 0 && !copy.latest_numeric)
        complete = cJSON_AddFalseToObject(object, "latestNumeric");
    for (int i = 0; complete && i < PARTS; i++)
        complete = write_part(object, &parts[i]);
    return finish(object, complete);
}

static dozan_status read_observation(const cJSON *object, dz_observation *observation)
{
    part parts[PARTS];
    list_parts(observation, parts);
    const cJSON *count = cJSON_GetObjectItemCaseSensitive(object, "count");
    if (!cJSON_IsObject(object) || (count && !read_int(count, &observation->count)))
        return DOZAN_DATA_LOSS;
    observation->numeric = count && !cJSON_HasObjectItem(object, "numeric");
    observation->latest_numeric = count && !cJSON_HasObjectItem(object, "latestNumeric");
    dozan_status status = DOZAN_OK;
    for (int i = 0; status == DOZAN_OK && i < PARTS; i++)
        status = read_part(object, &parts[i]);
    return status;
}

/* What a text without a value beside it stands for. */
static double meant_by(const char *text)
{
    double value = 0;
    return text && dozan_number_parse(text, true, &value) ? value : 0;
}

/* -0.0 is not 0.0 here. */
static bool same_bits(double a, double b)
{
    uint64_t first = 0, second = 0;
    memcpy(&first, &a, sizeof first);
    memcpy(&second, &b, sizeof second);
    return first == second;
}

static bool write_part(cJSON *object, const part *from)
{
    if (*from->text && !cJSON_AddStringToObject(object, from->text_name, *from->text))
        return false;
    double meant = meant_by(*from->text);
    if (same_bits(meant, *from->value) || (isnan(meant) && isnan(*from->value)))
        return true;
    char text[DOZAN_VALUE_TEXT];
    dozan_number_text(*from->value, text);
    return cJSON_AddStringToObject(object, from->value_name, text);
}

static dozan_status read_part(const cJSON *object, const part *to)
{
    const cJSON *text = cJSON_GetObjectItemCaseSensitive(object, to->text_name);
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(object, to->value_name);
    if ((text && !cJSON_IsString(text)) || (value && !cJSON_IsString(value)))
        return DOZAN_DATA_LOSS;
    if (text) {
        *to->text = strdup(text->valuestring);
        if (!*to->text)
            return DOZAN_RESOURCE_EXHAUSTED;
    }
    if (!value) {
        *to->value = meant_by(*to->text);
        return DOZAN_OK;
    }
    return dozan_number_parse(value->valuestring, true, to->value) ? DOZAN_OK : DOZAN_DATA_LOSS;
}
