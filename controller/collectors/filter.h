/*
 * Filters: the regular expressions that find "name and value" in a line of text. Group 1 is the
 * metric's name, group 2 its value. dz_filter_check (collector.h) is what validation uses.
 */
#ifndef DZ_COLLECTORS_FILTER_H
#define DZ_COLLECTORS_FILTER_H

#include <dozan/status.h>
#include <stddef.h>

typedef struct dz_filter dz_filter;

/* One match: both texts borrow from the line, are trimmed of white space, and are not terminated.
 */
typedef struct dz_filter_match {
    const char *name;
    size_t name_size;
    const char *value;
    size_t value_size;
} dz_filter_match;

typedef dozan_status dz_filter_sink(void *user, const dz_filter_match *match, dozan_error *err);

/* Compiles an expression; NULL = Katib's default filter, with nan and inf taken as values.
 * INVALID_ARGUMENT as dz_filter_check. */
DOZAN_MUST_USE dozan_status dz_filter_create(const char *expression, dz_filter **filter,
                                             dozan_error *err);
void dz_filter_destroy(dz_filter *filter);

/* Calls sink for each match in line[size], left to right; matches do not overlap. A match whose
 * name or value is empty is none. *gave_up is set when the expression needed more steps than a
 * match may take (OK is returned: what was found before counts). The sink's own error ends the
 * search and is returned. One thread at a time. */
DOZAN_MUST_USE dozan_status dz_filter_run(dz_filter *filter, const char *line, size_t size,
                                          bool *gave_up, dz_filter_sink *sink, void *user,
                                          dozan_error *err);

#endif
