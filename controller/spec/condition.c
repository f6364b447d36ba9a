/*
 * Success and failure conditions: the part of GJSON's path language that Katib's conditions use.
 *
 *   a.b          a member; in a list, an index
 *   #(k=="v")    the first element of a list for which it holds; with # behind it, all of them
 *   #            every element (the rest of the path goes on in each), or at the end their number
 *   [p,q]        a list of what the paths find; @this is the value itself
 *   |            as ".", but behind a list of matches it goes on in the list, where "." goes on in
 * each element
 *
 * What is not understood is an error and never just false: a condition that cannot hold would let a
 * trial run forever.
 */
#include "spec/template.h"

#include <dozan/buf.h>
#include <dozan/space.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EXPRESSION_MAX_BYTES = 4096, NESTING_MAX = 16 };

typedef struct evaluation {
    const char *expression;
    cJSON *temporaries; /* a list that owns the lists made on the way */
    int nesting;
    dozan_error *err;
} evaluation;

/* A query in parentheses: member, operator, value. */
typedef struct query {
    char *member; /* "" = the element itself */
    char operation[3];
    char *value;
} query;

static dozan_status walk(evaluation *e, const char *path, size_t size, cJSON *value,
                         cJSON **result);
static dozan_status take_key(evaluation *e, const char *path, size_t size, size_t *used,
                             cJSON **value);
static dozan_status take_query(evaluation *e, const char *path, size_t size, size_t *used,
                               cJSON **value);
static dozan_status take_paths(evaluation *e, const char *path, size_t size, size_t *used,
                               cJSON **value);
static dozan_status for_each(evaluation *e, const char *path, size_t size, size_t *used,
                             cJSON **value);
static dozan_status parse_query(const evaluation *e, const char *text, size_t size, query *parsed);
static bool query_holds(const query *wanted, const cJSON *value);
static dozan_status not_understood(const evaluation *e, const char *what, size_t size);
static dozan_status no_memory(const evaluation *e);

dozan_status dz_condition_holds(const char *expression, const cJSON *object, bool *holds,
                                dozan_error *err)
{
    evaluation e = {.expression = expression, .err = err};
    cJSON *copy = NULL;
    cJSON *result = NULL;
    dozan_status status = DOZAN_OK;

    if (strlen(expression) > EXPRESSION_MAX_BYTES) {
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, NULL,
                               "the condition is longer than %d bytes", EXPRESSION_MAX_BYTES);
    }
    if (*expression == '\0') {
        return not_understood(&e, expression, 0);
    }
    copy = cJSON_Duplicate(object, true);
    e.temporaries = cJSON_CreateArray();
    status = copy == NULL || e.temporaries == NULL
                 ? no_memory(&e)
                 : walk(&e, expression, strlen(expression), copy, &result);
    if (status == DOZAN_OK) {
        *holds = cJSON_IsObject(result) ||
                 (cJSON_IsArray(result) && cJSON_IsObject(cJSON_GetArrayItem(result, 0)));
    }
    cJSON_Delete(e.temporaries);
    cJSON_Delete(copy);
    return status;
}

static dozan_status not_understood(const evaluation *e, const char *what, size_t size)
{
    return dozan_error_set(
        e->err, DOZAN_INVALID_ARGUMENT, NULL,
        "the condition \"%.128s\" is not understood at \"%.*s\": paths, #(key==\"value\"), "
        "#(key==\"value\")#, | and [@this] are",
        e->expression, (int)(size < 64 ? size : 64), what);
}

static dozan_status no_memory(const evaluation *e)
{
    return dozan_error_set(e->err, DOZAN_RESOURCE_EXHAUSTED, NULL, "no memory for a condition");
}

/* A new list that lives as long as the evaluation. */
static cJSON *make_list(evaluation *e)
{
    cJSON *list = cJSON_CreateArray();

    if (list != NULL && !cJSON_AddItemToArray(e->temporaries, list)) {
        cJSON_Delete(list);
        return NULL;
    }
    return list;
}

/* Adds to such a list what belongs to another tree. */
static bool add_reference(cJSON *list, cJSON *item)
{
    return item == NULL || cJSON_AddItemReferenceToArray(list, item);
}

/* The number of bytes up to the closing bracket or parenthesis that belongs to the one at the
 * start; 0 when none does. */
static size_t enclosed(const char *text, size_t size)
{
    size_t depth = 0;
    bool quoted = false;

    for (size_t i = 0; i < size; i++) {
        if (text[i] == '\\') {
            i++;
        } else if (text[i] == '"') {
            quoted = !quoted;
        } else if (!quoted && (text[i] == '(' || text[i] == '[')) {
            depth++;
        } else if (!quoted && (text[i] == ')' || text[i] == ']') && --depth == 0) {
            return i + 1;
        }
    }
    return 0;
}

/* The number of bytes before the first of some letters that is outside of quotes and brackets. */
static size_t up_to(const char *text, size_t size, const char *letters)
{
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '(' || text[i] == '[') {
            size_t skip = enclosed(text + i, size - i);
            i += skip > 0 ? skip - 1 : 0;
        } else if (text[i] == '\\') {
            i++;
        } else if (strchr(letters, text[i]) != NULL) {
            return i;
        }
    }
    return size;
}

/* Follows a path from a value. *result is NULL where it leads nowhere; the whole path is still
 * read, so that what is not understood is found on any object. */
static dozan_status walk(evaluation *e, const char *path, size_t size, cJSON *value, cJSON **result)
{
    dozan_status status = DOZAN_OK;

    if (++e->nesting > NESTING_MAX) {
        return not_understood(e, path, size);
    }
    while (status == DOZAN_OK && size > 0) {
        size_t used = 0;
        if (path[0] == '#' && size > 1 && path[1] == '(') {
            status = take_query(e, path, size, &used, &value);
        } else if (path[0] == '#') {
            used = 1;
            status = for_each(e, path, size, &used, &value);
        } else if (path[0] == '[') {
            status = take_paths(e, path, size, &used, &value);
        } else if (size >= 5 && strncmp(path, "@this", 5) == 0) {
            used = 5;
        } else {
            status = take_key(e, path, size, &used, &value);
        }
        if (status == DOZAN_OK && used < size) {
            bool separated = (path[used] == '.' || path[used] == '|') && used + 1 < size;
            status = separated ? DOZAN_OK : not_understood(e, path + used, size - used);
            used++;
        }
        path += used;
        size -= used < size ? used : size;
    }
    e->nesting--;
    *result = value;
    return status;
}

static dozan_status take_key(evaluation *e, const char *path, size_t size, size_t *used,
                             cJSON **value)
{
    size_t length = 0;
    char *key = malloc(size + 1);
    char *end = NULL;
    unsigned long index = 0;

    if (key == NULL) {
        return no_memory(e);
    }
    for (*used = 0; *used < size && path[*used] != '.' && path[*used] != '|'; (*used)++) {
        if (path[*used] == '\\' && *used + 1 < size) {
            (*used)++;
        } else if (strchr("*?#@!{}()[]\"", path[*used]) != NULL) {
            free(key);
            return not_understood(e, path, size);
        }
        key[length++] = path[*used];
    }
    key[length] = '\0';
    if (length == 0) {
        free(key);
        return not_understood(e, path, size);
    }
    if (cJSON_IsArray(*value)) {
        index = strtoul(key, &end, 10);
        *value = *end == '\0' && key[0] != '-' && index <= INT32_MAX
                     ? cJSON_GetArrayItem(*value, (int)index)
                     : NULL;
    } else {
        *value = cJSON_GetObjectItemCaseSensitive(*value, key);
    }
    free(key);
    return DOZAN_OK;
}

/* Behind a list of matches, "." goes on in each element: up to the next "|". */
static dozan_status for_each(evaluation *e, const char *path, size_t size, size_t *used,
                             cJSON **value)
{
    bool dotted = *used < size && path[*used] == '.';
    const char *rest = path + *used + 1;
    size_t length = dotted ? up_to(rest, size - *used - 1, "|") : 0;
    cJSON *list = make_list(e);
    cJSON *from = NULL;
    cJSON *element = NULL;
    cJSON *found = NULL;
    dozan_status status = DOZAN_OK;

    if (list == NULL) {
        return no_memory(e);
    }
    if (!dotted) { /* the number of elements: true of no object */
        *value = NULL;
        return DOZAN_OK;
    }
    if (length == 0) {
        return not_understood(e, path, size);
    }
    status = walk(e, rest, length, NULL, &found); /* read it even for an empty list */
    if (status != DOZAN_OK) {
        return status;
    }
    from = cJSON_IsArray(*value) ? *value : NULL;
    cJSON_ArrayForEach(element, from)
    {
        status = walk(e, rest, length, element, &found);
        if (status != DOZAN_OK || !add_reference(list, found)) {
            return status != DOZAN_OK ? status : no_memory(e);
        }
    }
    *used += 1 + length;
    *value = list;
    return DOZAN_OK;
}

static dozan_status take_query(evaluation *e, const char *path, size_t size, size_t *used,
                               cJSON **value)
{
    size_t length = enclosed(path + 1, size - 1);
    query wanted = {0};
    bool all = false;
    cJSON *matches = NULL;
    cJSON *from = NULL;
    cJSON *element = NULL;
    dozan_status status = DOZAN_OK;

    if (length == 0) {
        return not_understood(e, path, size);
    }
    *used = 1 + length;
    all = *used < size && path[*used] == '#';
    *used += all ? 1 : 0;
    status = parse_query(e, path + 2, length - 2, &wanted);
    matches = status == DOZAN_OK ? make_list(e) : NULL;
    if (status == DOZAN_OK && matches == NULL) {
        status = no_memory(e);
    }
    from = status == DOZAN_OK && cJSON_IsArray(*value) ? *value : NULL;
    cJSON_ArrayForEach(element, from)
    {
        if (query_holds(&wanted, element) && !add_reference(matches, element)) {
            status = no_memory(e);
            break;
        }
    }
    free(wanted.member);
    free(wanted.value);
    if (status != DOZAN_OK) {
        return status;
    }
    if (!all) {
        *value = cJSON_GetArrayItem(matches, 0);
        return DOZAN_OK;
    }
    *value = matches;
    return *used < size && path[*used] == '.' ? for_each(e, path, size, used, value) : DOZAN_OK;
}

/* [path,path]: a list of what is found. */
static dozan_status take_paths(evaluation *e, const char *path, size_t size, size_t *used,
                               cJSON **value)
{
    size_t length = enclosed(path, size);
    cJSON *list = make_list(e);

    if (list == NULL) {
        return no_memory(e);
    }
    if (length < 3) {
        return not_understood(e, path, size);
    }
    for (size_t at = 1; at < length - 1;) {
        size_t part = up_to(path + at, length - 1 - at, ",");
        cJSON *found = NULL;
        dozan_status status = part == 0 ? not_understood(e, path + at, length - at)
                                        : walk(e, path + at, part, *value, &found);
        if (status != DOZAN_OK || !add_reference(list, found)) {
            return status != DOZAN_OK ? status : no_memory(e);
        }
        at += part + 1;
    }
    *used = length;
    *value = list;
    return DOZAN_OK;
}

/* Copies a part of a text without the blanks around it, and without quotes and their escapes. */
static char *plain_text(const char *text, size_t size)
{
    char *plain = NULL;
    size_t length = 0;
    bool quoted = false;

    while (size > 0 && *text == ' ') {
        text++;
        size--;
    }
    while (size > 0 && text[size - 1] == ' ') {
        size--;
    }
    plain = malloc(size + 1);
    if (plain == NULL) {
        return NULL;
    }
    quoted = size >= 2 && text[0] == '"' && text[size - 1] == '"';
    for (size_t i = quoted ? 1 : 0; i < size - (quoted ? 1 : 0); i++) {
        i += quoted && text[i] == '\\' && i + 2 < size ? 1 : 0;
        plain[length++] = text[i];
    }
    plain[length] = '\0';
    return plain;
}

static dozan_status parse_query(const evaluation *e, const char *text, size_t size, query *parsed)
{
    static const char *const operations[] = {"==", "!=", "<=", ">=", "<", ">", "="};
    size_t at = 0;
    size_t length = 0;

    while (at < size && strchr("=!<>%~", text[at]) == NULL) {
        at++;
    }
    for (size_t i = 0; i < sizeof operations / sizeof operations[0] && length == 0; i++) {
        size_t wanted = strlen(operations[i]);
        if (at + wanted <= size && strncmp(text + at, operations[i], wanted) == 0) {
            length = wanted;
        }
    }
    if (at < size && length == 0) {
        return not_understood(e, text, size);
    }
    (void)snprintf(parsed->operation, sizeof parsed->operation, "%.*s", (int)length, text + at);
    parsed->member = plain_text(text, at);
    parsed->value = plain_text(text + at + length, size - at - length);
    if (parsed->member == NULL || parsed->value == NULL) {
        return no_memory(e);
    }
    if (strpbrk(parsed->member, "#@*?[]{}()\\") != NULL ||
        (parsed->member[0] == '\0' && length == 0)) {
        return not_understood(e, text, size);
    }
    return DOZAN_OK;
}

static bool order_holds(const char *operation, int order)
{
    switch (operation[0]) {
    case '!':
        return order != 0;
    case '<':
        return order < 0 || (operation[1] == '=' && order == 0);
    case '>':
        return order > 0 || (operation[1] == '=' && order == 0);
    default:
        return order == 0;
    }
}

/* Compares as the type of the value wants it; text with text, number with number, false before
 * true. */
static bool query_holds(const query *wanted, const cJSON *value)
{
    const char *member = wanted->member;
    double number = 0.0;

    while (value != NULL && *member != '\0') {
        size_t size = strcspn(member, ".");
        char *key = strndup(member, size);
        value = key == NULL ? NULL : cJSON_GetObjectItemCaseSensitive(value, key);
        free(key);
        member += size + (member[size] == '.' ? 1 : 0);
    }
    if (value == NULL || wanted->operation[0] == '\0') {
        return value != NULL;
    }
    if (cJSON_IsString(value)) {
        return order_holds(wanted->operation, strcmp(value->valuestring, wanted->value));
    }
    if (cJSON_IsNumber(value) && dozan_number_parse(wanted->value, false, &number)) {
        return order_holds(wanted->operation,
                           (value->valuedouble > number) - (value->valuedouble < number));
    }
    if (cJSON_IsBool(value)) {
        int truth = cJSON_IsTrue(value) ? 1 : 0;
        int other = strcmp(wanted->value, "true") == 0 ? 1 : 0;
        return order_holds(wanted->operation, truth - other);
    }
    return false;
}
