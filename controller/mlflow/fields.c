#include "mlflow/fields.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { PLACE = 128, QUOTED = 200 };

/* Where a check is. */
typedef struct checking {
    const char *body;
    char place[PLACE]; /* "metrics[3]." */
    dozan_error *err;
} checking;

static dozan_status check_all(checking *at, const dz_field *fields, cJSON *object);
static dozan_status check_one(checking *at, const dz_field *field, cJSON *item);
static dozan_status check_text(checking *at, const dz_field *field, cJSON *item);
static dozan_status check_list(checking *at, const dz_field *field, cJSON *list);
static dozan_status check_name(checking *at, const dz_field *field, const char *text);
static dozan_status invalid(const checking *at, const dz_field *field, const cJSON *item,
                            const char *why);
static bool is_number(const cJSON *item, bool whole);

dozan_status dz_fields_check(const dz_field *fields, cJSON *arguments, const char *body,
                             dozan_error *err)
{
    checking at = {.body = body, .err = err};
    return fields != NULL ? check_all(&at, fields, arguments) : DOZAN_OK;
}

static dozan_status check_all(checking *at, const dz_field *fields, cJSON *object)
{
    for (const dz_field *field = fields; field->name != NULL; field++) {
        cJSON *item = cJSON_GetObjectItemCaseSensitive(object, field->name);
        const cJSON *other = field->rules & DZ_FIELD_RUN
                                 ? cJSON_GetObjectItemCaseSensitive(object, "run_uuid")
                                 : NULL;
        bool none = item == NULL || cJSON_IsNull(item);
        if (none && (field->rules & DZ_FIELD_REQUIRED) && !cJSON_IsString(other))
            return dozan_error_set(at->err, DOZAN_INVALID_ARGUMENT, NULL,
                                   "Missing value for required parameter '%s%s'. See the API docs "
                                   "for more information about request parameters.",
                                   at->place, field->name);
        dozan_status status = none ? DOZAN_OK : check_one(at, field, item);
        if (status != DOZAN_OK)
            return status;
    }
    return DOZAN_OK;
}

static dozan_status check_one(checking *at, const dz_field *field, cJSON *item)
{
    bool good = true;
    double number =
        cJSON_IsString(item) ? strtod(item->valuestring, NULL) : cJSON_GetNumberValue(item);
    char range[PLACE + 64];
    switch (field->type) {
    case DZ_FIELD_TEXT:
        return check_text(at, field, item);
    case DZ_FIELD_INT:
        if (!is_number(item, true))
            return invalid(at, field, item, "it has to be a whole number");
        if ((field->min != 0 || field->max != 0) &&
            (number < (double)field->min || number > (double)field->max)) {
            (void)snprintf(range, sizeof(range), "%.60s must be between %lld and %lld.",
                           field->name, (long long)field->min, (long long)field->max);
            return invalid(at, field, item, range);
        }
        return DOZAN_OK;
    case DZ_FIELD_DOUBLE:
        good = is_number(item, false);
        break;
    case DZ_FIELD_BOOL:
        good = cJSON_IsBool(item);
        break;
    case DZ_FIELD_OBJECT:
        good = cJSON_IsObject(item);
        break;
    default:
        return check_list(at, field, item);
    }
    if (!good)
        return invalid(at, field, item, "it has another type");
    if (field->type == DZ_FIELD_OBJECT && field->fields != NULL) {
        size_t end = strlen(at->place);
        (void)snprintf(at->place + end, sizeof(at->place) - end, "%s.", field->name);
        dozan_status status = check_all(at, field->fields, item);
        at->place[end] = '\0';
        return status;
    }
    return DOZAN_OK;
}

/* NaN and the infinities are texts, and a number may be one. */
static bool is_number(const cJSON *item, bool whole)
{
    char *end = NULL;
    errno = 0;
    if (cJSON_IsNumber(item) && whole && item->valuestring != NULL) {
        (void)strtoll(item->valuestring, &end, 10);
        return errno == 0 && *end == '\0';
    }
    if (item == NULL)
        return false;
    if (cJSON_IsNumber(item))
        return !whole || (item->valuedouble >= -9.2e18 && item->valuedouble <= 9.2e18 &&
                          !(fabs(trunc(item->valuedouble) - item->valuedouble) > 0));
    const char *text = cJSON_GetStringValue(item);
    if (text == NULL || *text == '\0')
        return false;
    if (whole)
        (void)strtoll(text, &end, 10);
    else
        (void)strtod(text, &end);
    return *end == '\0' && (!whole || errno == 0);
}

static dozan_status check_text(checking *at, const dz_field *field, cJSON *item)
{
    if (!cJSON_IsString(item))
        return invalid(at, field, item, "it has to be a text");
    size_t letters = 0;
    char *end = item->valuestring;
    for (; *end != '\0'; end++) {
        if (((unsigned char)*end & 0xc0) == 0x80)
            continue;
        if (field->max > 0 && letters == (size_t)field->max)
            break;
        letters++;
    }
    if (*end != '\0' && (field->rules & DZ_FIELD_CUT))
        *end = '\0';
    else if (*end != '\0')
        return dozan_error_set(at->err, DOZAN_INVALID_ARGUMENT, NULL,
                               "'%s%s' exceeds the maximum length of %lld characters", at->place,
                               field->name, (long long)field->max);
    if (item->valuestring[0] == '\0' && (field->rules & DZ_FIELD_RUN) == 0 &&
        (field->rules & (DZ_FIELD_FILLED | DZ_FIELD_ENTITY | DZ_FIELD_MODEL | DZ_FIELD_ALIAS)))
        return dozan_error_set(at->err, DOZAN_INVALID_ARGUMENT, NULL,
                               "Missing value for required parameter '%s%s': it cannot be empty",
                               at->place, field->name);
    return check_name(at, field, item->valuestring);
}

static bool is_path_like(const char *text)
{
    size_t size = strlen(text);
    return text[0] == '/' || strcmp(text, ".") == 0 || strncmp(text, "./", 2) == 0 ||
           strcmp(text, "..") == 0 || strncmp(text, "../", 3) == 0 ||
           strstr(text, "/../") != NULL || strstr(text, "/./") != NULL ||
           strstr(text, "//") != NULL || (size > 1 && text[size - 1] == '/') ||
           (size > 3 && strcmp(text + size - 3, "/..") == 0) ||
           (size > 2 && strcmp(text + size - 2, "/.") == 0);
}

static bool is_entity_name(const char *text)
{
    for (; *text != '\0'; text++)
        if ((unsigned char)*text < 0x80 && !isalnum((unsigned char)*text) &&
            strchr("_-. :/", *text) == NULL)
            return false;
    return true;
}

static dozan_status check_name(checking *at, const dz_field *field, const char *text)
{
    static const char *const states[] = {"RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED"};
    if ((field->rules & DZ_FIELD_ENTITY) && !is_entity_name(text))
        return dozan_error_set(at->err, DOZAN_INVALID_ARGUMENT, NULL,
                               "Invalid value \"%.250s\" for parameter '%s%s' supplied: Names may "
                               "only contain alphanumerics, underscores (_), dashes (-), periods "
                               "(.), spaces ( ), colon(:) and slashes (/).",
                               text, at->place, field->name);
    if ((field->rules & DZ_FIELD_ENTITY) && is_path_like(text))
        return dozan_error_set(
            at->err, DOZAN_INVALID_ARGUMENT, NULL,
            "Invalid value \"%.250s\" for parameter '%s%s' supplied: Names may "
            "be treated as files in certain cases, and must not resolve to other "
            "names when treated as such.",
            text, at->place, field->name);
    if ((field->rules & DZ_FIELD_MODEL) && strpbrk(text, "/:") != NULL)
        return dozan_error_set(at->err, DOZAN_INVALID_ARGUMENT, NULL,
                               "Invalid name: '%.250s'. Registered model name cannot be empty, and "
                               "cannot contain '/' or ':'",
                               text);
    if (field->rules & DZ_FIELD_ALIAS) {
        bool version = (*text == 'v' || *text == 'V') && text[1] != '\0' &&
                       text[1 + strspn(text + 1, "0123456789")] == '\0';
        if (strcasecmp(text, "latest") == 0 || version)
            return dozan_error_set(at->err, DOZAN_INVALID_ARGUMENT, NULL,
                                   "'%.250s' alias name is reserved.", text);
        for (const char *letter = text; *letter != '\0'; letter++)
            if (!isalnum((unsigned char)*letter) && strchr("_-", *letter) == NULL)
                return dozan_error_set(at->err, DOZAN_INVALID_ARGUMENT, NULL,
                                       "Invalid alias name: '%.250s'.", text);
    }
    if (field->rules & DZ_FIELD_STATUS) {
        for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
            if (strcmp(states[i], text) == 0)
                return DOZAN_OK;
        return dozan_error_set(at->err, DOZAN_INVALID_ARGUMENT, NULL,
                               "Invalid value \"%.100s\" for parameter '%s' supplied.", text,
                               field->name);
    }
    return DOZAN_OK;
}

static dozan_status check_list(checking *at, const dz_field *field, cJSON *list)
{
    if (!cJSON_IsArray(list))
        return invalid(at, field, list, "it has to be a list");
    int count = cJSON_GetArraySize(list), number = 0;
    if (field->max > 0 && count > field->max)
        return dozan_error_set(at->err, DOZAN_INVALID_ARGUMENT, NULL,
                               "A batch logging request can contain at most %lld %s. Got %d %s. "
                               "Please split up %s across multiple requests and try again.",
                               (long long)field->max, field->name, count, field->name, field->name);
    size_t end = strlen(at->place);
    cJSON *item;
    cJSON_ArrayForEach(item, list)
    {
        bool good = (cJSON_IsString(item) && field->type != DZ_FIELD_OBJECTS) ||
                    (cJSON_IsObject(item) && field->type != DZ_FIELD_TEXTS);
        if (!good)
            return invalid(at, field, list, "an item of it has another type");
        (void)snprintf(at->place + end, sizeof(at->place) - end, "%s[%d].", field->name, number++);
        dozan_status status = cJSON_IsObject(item) && field->fields != NULL
                                  ? check_all(at, field->fields, item)
                                  : DOZAN_OK;
        at->place[end] = '\0';
        if (status != DOZAN_OK)
            return status;
    }
    return DOZAN_OK;
}

/* Quotes what was sent as it was sent: 9.0 is not 9. */
static dozan_status invalid(const checking *at, const dz_field *field, const cJSON *item,
                            const char *why)
{
    char name[PLACE], *printed = cJSON_PrintUnformatted(item);
    const char *text = printed != NULL ? printed : "", *found = NULL;
    size_t size = strlen(text);
    (void)snprintf(name, sizeof(name), "\"%s\"", field->name);
    if (at->body != NULL && at->place[0] == '\0' && cJSON_IsNumber(item))
        found = strstr(at->body, name);
    if (found != NULL) {
        found += strlen(name);
        found += strspn(found, " \t\r\n:");
        text = found;
        size = strcspn(found, ",}] \t\r\n");
    }
    dozan_status status =
        dozan_error_set(at->err, DOZAN_INVALID_ARGUMENT, NULL,
                        "Invalid value %.*s for parameter '%s%s' supplied: %s",
                        (int)(size < QUOTED ? size : QUOTED), text, at->place, field->name, why);
    cJSON_free(printed);
    return status;
}

/* ---- digits ---- */

enum { EXACT_DIGITS = 15, DIGITS_MAX = 40 };

/* The next number of a JSON text, which strings are left out of; NULL: there is none. */
static const char *next_number(const char *at, const char *end, size_t *size)
{
    bool inside = false;
    for (; at < end; at++) {
        if (*at == '"')
            inside = !inside;
        else if (inside && *at == '\\')
            at++;
        else if (!inside && (*at == '-' || isdigit((unsigned char)*at)))
            break;
    }
    const char *from = at;
    while (at < end && (isdigit((unsigned char)*at) || (*at != '\0' && strchr("+-.eE", *at))))
        at++;
    *size = (size_t)(at - from);
    return from < end ? from : NULL;
}

static bool is_long(const char *digits, size_t size)
{
    size_t sign = size > 0 && *digits == '-';
    for (size_t i = sign; i < size; i++)
        if (!isdigit((unsigned char)digits[i]))
            return false;
    return size > EXACT_DIGITS && size < DIGITS_MAX;
}

/* The numbers of a tree stand in the order of its text's. */
static bool keep_below(cJSON *tree, const char **at, const char *end)
{
    size_t size = 0;
    cJSON *item;
    cJSON_ArrayForEach(item, tree)
    {
        if (cJSON_IsNumber(item)) {
            const char *digits = next_number(*at, end, &size);
            if (digits == NULL)
                return true;
            *at = digits + size;
            if (is_long(digits, size) && (item->valuestring = strndup(digits, size)) == NULL)
                return false;
        } else if (item->child != NULL && !keep_below(item, at, end)) {
            return false;
        }
    }
    return true;
}

bool dz_fields_keep_digits(cJSON *tree, const char *body, size_t size)
{
    const char *end = body + size;
    size_t run = 0;
    for (const char *at = body; at < end && run <= EXACT_DIGITS; at++)
        run = isdigit((unsigned char)*at) ? run + 1 : 0;
    return run <= EXACT_DIGITS || keep_below(tree, &body, end);
}
