/*
 * Label and field selectors: "a=b,c!=d,e in (f,g),h notin (i),j,!k".
 */
#include "api/kube_parts.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static dozan_status parse(char *text, kube_term *terms, size_t *count, const char *what,
                          dozan_error *err);
static bool parse_term(char *text, kube_term *term);
static bool parse_set(char *text, kube_term *term);
static char *next_term(char **rest);
static char *trim(char *text);

dozan_status kube_selector_read(const dz_http_request *request, kube_selector *selector,
                                dozan_error *err)
{
    const char *labels = dz_http_query(request, "labelSelector");
    const char *fields = dz_http_query(request, "fieldSelector");
    *selector = (kube_selector){0};
    selector->label_text = strdup(labels != NULL ? labels : "");
    selector->field_text = strdup(fields != NULL ? fields : "");
    if (selector->label_text == NULL || selector->field_text == NULL)
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    dozan_status status =
        parse(selector->label_text, selector->labels, &selector->label_count, "labelSelector", err);
    if (status == DOZAN_OK)
        status = parse(selector->field_text, selector->fields, &selector->field_count,
                       "fieldSelector", err);
    return status;
}

void kube_selector_fini(kube_selector *selector)
{
    free(selector->label_text);
    free(selector->field_text);
    *selector = (kube_selector){0};
}

bool kube_term_fits(const kube_term *term, const char *value)
{
    if (term->count == 0)
        return (value != NULL) != term->negative;
    if (value == NULL)
        return term->negative;
    for (size_t i = 0; i < term->count; i++)
        if (strcmp(term->values[i], value) == 0)
            return !term->negative;
    return term->negative;
}

bool kube_selector_fits(const kube_selector *selector, const kube_item *item)
{
    for (size_t i = 0; i < selector->label_count; i++)
        if (!kube_term_fits(&selector->labels[i], kube_item_label(item, selector->labels[i].key)))
            return false;
    for (size_t i = 0; i < selector->field_count; i++) {
        const char *key = selector->fields[i].key;
        const char *value = NULL;
        if (strcmp(key, "metadata.name") == 0)
            value = kube_item_name(item);
        else if (strcmp(key, "metadata.namespace") == 0)
            value = item->experiment->spec->namespace_;
        if (!kube_term_fits(&selector->fields[i], value))
            return false;
    }
    return true;
}

const char *kube_selector_label(const kube_selector *selector, const char *key)
{
    for (size_t i = 0; i < selector->label_count; i++)
        if (strcmp(selector->labels[i].key, key) == 0 && selector->labels[i].count == 1 &&
            !selector->labels[i].negative)
            return selector->labels[i].values[0];
    return NULL;
}

const char *kube_selector_field(const kube_selector *selector, const char *key)
{
    for (size_t i = 0; i < selector->field_count; i++)
        if (strcmp(selector->fields[i].key, key) == 0 && selector->fields[i].count == 1 &&
            !selector->fields[i].negative)
            return selector->fields[i].values[0];
    return NULL;
}

static dozan_status parse(char *text, kube_term *terms, size_t *count, const char *what,
                          dozan_error *err)
{
    char *part;
    while ((part = next_term(&text)) != NULL) {
        part = trim(part);
        if (*part == '\0' && *count == 0 && text == NULL)
            return DOZAN_OK; /* none at all */
        if (*count == KUBE_MAX_TERMS)
            return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, what, "has more than %d terms",
                                   KUBE_MAX_TERMS);
        if (!parse_term(part, &terms[*count]))
            return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, what,
                                   "term %zu is none of KEY=VALUE, KEY!=VALUE, KEY in (A,B), KEY "
                                   "notin (A,B), KEY, !KEY",
                                   *count + 1);
        (*count)++;
    }
    return DOZAN_OK;
}

static bool parse_term(char *text, kube_term *term)
{
    char *equals = strchr(text, '=');
    *term = (kube_term){0};
    if (strchr(text, '(') != NULL)
        return parse_set(text, term);
    if (equals == NULL) {
        term->negative = *text == '!';
        term->key = trim(text + (term->negative ? 1 : 0));
        return *term->key != '\0' && strpbrk(term->key, " !<>") == NULL;
    }
    term->negative = equals > text && equals[-1] == '!';
    char *value = equals[1] == '=' ? equals + 2 : equals + 1;
    *(term->negative ? equals - 1 : equals) = '\0';
    term->key = trim(text);
    term->values[term->count++] = trim(value);
    return *term->key != '\0';
}

/* "KEY in (A,B)", "KEY notin (A)" */
static bool parse_set(char *text, kube_term *term)
{
    char *open = strchr(text, '('), *close = strrchr(text, ')');
    if (close == NULL || close < open || *trim(close + 1) != '\0')
        return false;
    *open = *close = '\0';
    char *head = trim(text);
    size_t length = strcspn(head, " \t");
    char *word = trim(head + length);
    term->negative = strcmp(word, "notin") == 0;
    if (length == 0 || (!term->negative && strcmp(word, "in") != 0))
        return false;
    head[length] = '\0';
    term->key = head;
    for (char *rest = open + 1; rest != NULL;) {
        char *comma = strchr(rest, ',');
        if (comma != NULL)
            *comma = '\0';
        if (term->count == KUBE_MAX_VALUES)
            return false;
        term->values[term->count++] = trim(rest);
        rest = comma != NULL ? comma + 1 : NULL;
    }
    return true;
}

/* Cuts at the next comma outside of brackets; NULL at the end. */
static char *next_term(char **rest)
{
    char *begin = *rest;
    if (begin == NULL)
        return NULL;
    int depth = 0;
    for (char *letter = begin; *letter != '\0'; letter++) {
        depth += (*letter == '(') - (*letter == ')');
        if (*letter == ',' && depth == 0) {
            *letter = '\0';
            *rest = letter + 1;
            return begin;
        }
    }
    *rest = NULL;
    return begin;
}

static char *trim(char *text)
{
    while (isspace((unsigned char)*text))
        text++;
    size_t size = strlen(text);
    while (size > 0 && isspace((unsigned char)text[size - 1]))
        text[--size] = '\0';
    return text;
}
