/*
 * The words of a filter: keys, values, and where they end.
 */
#include "store/track_filter.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* LIKE's pattern becomes GLOB's: three bytes for one. */
enum { GROWTH = 3, SPARE = 512 };

static dozan_status find_entity(track_filter *filter, char *text, filter_key *key,
                                dozan_error *err);
static dozan_status find_attribute(track_filter *filter, filter_key *key, dozan_error *err);

dozan_status track_filter_memory(track_filter *filter, size_t bytes, size_t texts, dozan_error *err)
{
    filter->room = (bytes + texts * SPARE) * (GROWTH + 1);
    filter->memory = malloc(filter->room);
    if (filter->memory == NULL)
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    return DOZAN_OK;
}

dozan_status track_filter_bad(const track_filter *filter, const char *why, dozan_error *err)
{
    return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, NULL,
                           "Invalid clause(s) in filter string: %s near '%.60s' in '%.200s'", why,
                           filter->at, filter->whole);
}

void track_filter_space(track_filter *filter)
{
    filter->at += strspn(filter->at, " \t\r\n");
}

static bool is_word_byte(char byte)
{
    return byte != '\0' && strchr(" \t\r\n=<>!(),'\"`;", byte) == NULL;
}

bool track_filter_word(track_filter *filter, const char *word)
{
    size_t size = strlen(word);
    track_filter_space(filter);
    if (strncasecmp(filter->at, word, size) != 0 || is_word_byte(filter->at[size]))
        return false;
    filter->at += size;
    return true;
}

char *track_filter_keep(track_filter *filter, const char *text, size_t size)
{
    if (size + 1 > filter->room - filter->used)
        return NULL;
    char *kept = filter->memory + filter->used;
    memcpy(kept, text, size);
    kept[size] = '\0';
    filter->used += size + 1;
    return kept;
}

/* Bare letters and quoted parts, up to a space or an operator: tags.`a b`.c */
dozan_status track_filter_key(track_filter *filter, filter_key *key, dozan_error *err)
{
    track_filter_space(filter);
    char *text = filter->memory + filter->used;
    size_t size = 0;
    const char *start = filter->at;
    while (is_word_byte(*filter->at) || *filter->at == '`' || *filter->at == '"') {
        size_t part = 1;
        if (*filter->at == '`' || *filter->at == '"') {
            const char *end = strchr(filter->at + 1, *filter->at);
            if (end == NULL)
                return track_filter_bad(filter, "a quote is not closed", err);
            part = (size_t)(end - filter->at) - 1;
            memmove(text + size, filter->at + 1, part);
            filter->at = end + 1;
        } else {
            text[size] = *filter->at++;
        }
        size += part;
        if (size + SPARE / 2 > filter->room - filter->used)
            return track_filter_bad(filter, "it is too long", err);
    }
    if (filter->at == start)
        return track_filter_bad(filter, "a name is missing", err);
    text[size] = '\0';
    filter->used += size + 1;
    return find_entity(filter, text, key, err);
}

static dozan_status find_entity(track_filter *filter, char *text, filter_key *key, dozan_error *err)
{
    static const struct {
        const char *word;
        filter_entity entity;
    } words[] = {
        {"metric", ENTITY_METRIC},
        {"metrics", ENTITY_METRIC},
        {"param", ENTITY_PARAM},
        {"params", ENTITY_PARAM},
        {"parameter", ENTITY_PARAM},
        {"parameters", ENTITY_PARAM},
        {"tag", ENTITY_TAG},
        {"tags", ENTITY_TAG},
        {"attr", ENTITY_ATTRIBUTE},
        {"attribute", ENTITY_ATTRIBUTE},
        {"attributes", ENTITY_ATTRIBUTE},
        {"run", ENTITY_ATTRIBUTE},
        {"dataset", ENTITY_DATASET},
        {"datasets", ENTITY_DATASET},
    };
    const track_domain *domain = filter->domain;
    char *dot = strchr(text, '.');
    *key = (filter_key){.entity = ENTITY_ATTRIBUTE, .name = text};
    if (dot == NULL)
        return find_attribute(filter, key, err);
    *dot = '\0';
    key->name = dot + 1;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(text, words[i].word) != 0)
            continue;
        key->entity = words[i].entity;
        bool has = key->entity == ENTITY_ATTRIBUTE ||
                   (key->entity == ENTITY_METRIC && domain->metrics >= 0) ||
                   (key->entity == ENTITY_PARAM && domain->params >= 0) ||
                   (key->entity == ENTITY_TAG && domain->tags >= 0) ||
                   (key->entity == ENTITY_DATASET && domain->datasets);
        if (!has || *key->name == '\0')
            break;
        return key->entity == ENTITY_ATTRIBUTE ? find_attribute(filter, key, err) : DOZAN_OK;
    }
    return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, NULL,
                           "Invalid entity type '%.64s' in a filter of %s; there are attribute, "
                           "metric, param, tag and dataset where the thing has them",
                           text, domain->what);
}

static dozan_status find_attribute(track_filter *filter, filter_key *key, dozan_error *err)
{
    const track_domain *domain = filter->domain;
    for (size_t i = 0; i < domain->attribute_count; i++) {
        if (strcasecmp(domain->attributes[i].name, key->name) != 0)
            continue;
        key->attribute = &domain->attributes[i];
        return DOZAN_OK;
    }
    return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, NULL,
                           "Invalid attribute key '%.64s' specified for %s", key->name,
                           domain->what);
}

dozan_status track_filter_value(track_filter *filter, filter_value *value, dozan_error *err)
{
    track_filter_space(filter);
    if (*filter->at == '\'' || *filter->at == '"') {
        const char *end = strchr(filter->at + 1, *filter->at);
        if (end == NULL)
            return track_filter_bad(filter, "a quote is not closed", err);
        value->text = track_filter_keep(filter, filter->at + 1, (size_t)(end - filter->at) - 1);
        filter->at = end + 1;
        return value->text != NULL ? DOZAN_OK : track_filter_bad(filter, "it is too long", err);
    }
    char *end = NULL;
    value->text = NULL;
    value->number = strchr("+-.0123456789", *filter->at) != NULL && *filter->at != '\0'
                        ? strtod(filter->at, &end)
                        : NAN;
    if (end == NULL || end == filter->at || is_word_byte(*end) || !isfinite(value->number))
        return track_filter_bad(filter, "a number or a text in quotes is missing", err);
    filter->at = end;
    return DOZAN_OK;
}

dozan_status track_filter_bind(track_filter *filter, filter_value value, dozan_error *err)
{
    if (filter->value_count == FILTER_VALUES)
        return track_filter_bad(filter, "it has too many parts", err);
    filter->values[filter->value_count++] = value;
    (void)dozan_buf_printf(&filter->sql, "?%zu", filter->value_count + 1);
    return DOZAN_OK;
}
