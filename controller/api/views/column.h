/*
 * The columns that a table of trials is sorted and filtered by: numbers, whatever they show.
 */
#ifndef DZ_VIEWS_COLUMN_H
#define DZ_VIEWS_COLUMN_H

#include "api/views/held.h"

typedef enum dz_column_kind {
    DZ_COLUMN_NUMBER,
    DZ_COLUMN_STATE,
    DZ_COLUMN_CREATED,
    DZ_COLUMN_STARTED,
    DZ_COLUMN_ENDED,
    DZ_COLUMN_DURATION, /* ms; up to now while it runs */
    DZ_COLUMN_ATTEMPT,
    DZ_COLUMN_PARAMETER,
    DZ_COLUMN_METRIC
} dz_column_kind;

typedef struct dz_column {
    dz_column_kind kind;
    size_t index; /* of the parameter or metric */
} dz_column;

/* By name[0 .. size): "number", "state", ..., "parameter:NAME", "metric:NAME"; a name alone is a
 * parameter's, or a metric's, where it is none of the former. INVALID_ARGUMENT. */
DOZAN_MUST_USE dozan_status dz_column_find(const dz_held *held, const char *name, size_t size,
                                           dz_column *column, dozan_error *err);

/* What it is sorted by; NaN = no value, which comes last in both directions. */
double dz_column_key(const dz_held *held, const dz_column *column, size_t row);

/* What it is compared with: a parameter's value in its own unit, a category's index. */
double dz_column_value(const dz_held *held, const dz_column *column, size_t row);

/* ---- filters: "lr<0.01", "optimizer=adam", "state!=Failed", several with spaces between them, all
 * of which must hold; a number alone is a trial's, another word a part of its name */

enum { DZ_MAX_TERMS = 16 };

typedef enum dz_comparison {
    DZ_LESS,
    DZ_LESS_EQUAL,
    DZ_GREATER,
    DZ_GREATER_EQUAL,
    DZ_EQUAL,
    DZ_NOT_EQUAL,
    DZ_NAME_HAS
} dz_comparison;

typedef struct dz_term {
    dz_column column;
    dz_comparison comparison;
    double value;
    char text[64]; /* DZ_NAME_HAS */
} dz_term;

typedef struct dz_filter {
    dz_term terms[DZ_MAX_TERMS];
    size_t count;
    unsigned states; /* bits of the states to show */
} dz_filter;

/* Reads the query's "q" and "state" ("Succeeded,Failed"). INVALID_ARGUMENT names the word. */
DOZAN_MUST_USE dozan_status dz_filter_read(const dz_held *held, dz_filter *filter,
                                           dozan_error *err);
bool dz_filter_holds(const dz_held *held, const dz_filter *filter, size_t row);

#endif
