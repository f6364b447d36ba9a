/*
 * MLflow's grammar of filters and orders, read into SQL with bound values.
 *
 *   filter: comparison {AND comparison}      comparison: key OPERATOR value | key IS [NOT] NULL
 *   key: [entity.]name, the name bare, or in backticks or double quotes
 *
 * No byte of a filter gets into the SQL: keys and values are bound, columns and operators come from
 * tables.
 */
#ifndef DZ_STORE_TRACK_FILTER_H
#define DZ_STORE_TRACK_FILTER_H

#include "store/track_parts.h"

enum { FILTER_VALUES = 400, FILTER_LENGTH = 16384, FILTER_ORDERS = 20 };

typedef struct filter_value {
    const char *text; /* NULL: a number */
    double number;
} filter_value;

typedef struct track_filter {
    const track_domain *domain;
    dozan_buf sql;                      /* what is made */
    filter_value values[FILTER_VALUES]; /* value i is ?(i + 2) */
    size_t value_count;
    const char *at; /* where the reading is */
    const char *whole;
    char *memory; /* the texts of keys and values; owned */
    size_t used, room;
} track_filter;

/* Appends " AND ..." for the filter (NULL: nothing). INVALID_ARGUMENT says what is wrong. */
DOZAN_MUST_USE dozan_status track_filter_where(track_filter *filter, const char *text,
                                               dozan_error *err);
/* Appends "EXPRESSION DESC NULLS LAST, " for an order. */
DOZAN_MUST_USE dozan_status track_filter_order(track_filter *filter, const cJSON *order,
                                               dozan_error *err);

/* ---- track_token.c: the reading, shared by both */

typedef enum filter_entity {
    ENTITY_ATTRIBUTE,
    ENTITY_METRIC,
    ENTITY_PARAM,
    ENTITY_TAG,
    ENTITY_DATASET
} filter_entity;

typedef struct filter_key {
    filter_entity entity;
    const char *name;                 /* in the filter's memory */
    const track_attribute *attribute; /* of ENTITY_ATTRIBUTE */
} filter_key;

/* Room for what is made of so many texts with so many bytes in all. */
DOZAN_MUST_USE dozan_status track_filter_memory(track_filter *filter, size_t bytes, size_t texts,
                                                dozan_error *err);
dozan_status track_filter_bad(const track_filter *filter, const char *why, dozan_error *err);
void track_filter_space(track_filter *filter);
bool track_filter_word(track_filter *filter, const char *word); /* takes it, in any case */
DOZAN_MUST_USE dozan_status track_filter_key(track_filter *filter, filter_key *key,
                                             dozan_error *err);
/* A text in quotes, or a number. */
DOZAN_MUST_USE dozan_status track_filter_value(track_filter *filter, filter_value *value,
                                               dozan_error *err);
/* Binds it, and appends its "?N". */
DOZAN_MUST_USE dozan_status track_filter_bind(track_filter *filter, filter_value value,
                                              dozan_error *err);
char *track_filter_keep(track_filter *filter, const char *text, size_t size);

#endif
