/*
 * What the two halves of `dozan describe` share: a page of named fields.
 */
#ifndef DZ_CLI_DESCRIBE_H
#define DZ_CLI_DESCRIBE_H

#include "cli/find.h"
#include "cli/table.h"

enum { DZ_PAGE_MAX = 64 << 20 };

int dz_describe_experiment(dz_cli *cli, dz_store *store, const dz_experiment *experiment);
int dz_describe_trial(dz_cli *cli, dz_store *store, const dz_found *found);

/* Appends what can be done where the experiment does not go on by itself, as a sentence; nothing
 * where it does. */
void dz_describe_remedy(dz_cli *cli, int64_t owner, const dz_experiment *experiment,
                        dozan_buf *out);

/* "Name:         text"; nothing for a NULL or empty text. Control characters are shown as '?'. */
void dz_page_field(dozan_buf *page, const char *name, const char *text);
void dz_page_fieldf(dozan_buf *page, const char *name, const char *format, ...) DOZAN_PRINTF(3, 4);
void dz_page_time(dozan_buf *page, const char *name, int64_t time_ms);

/* A title and an indented table, which it empties; nothing when it has no rows. */
void dz_page_table(dozan_buf *page, const char *title, dz_table *table);

#endif
