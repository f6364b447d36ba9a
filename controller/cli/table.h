/*
 * Tables as text: aligned columns for people, CSV for programs. Cells are given row by row. The
 * first failure (no memory, too large) sticks and shows when the table is written.
 */
#ifndef DZ_CLI_TABLE_H
#define DZ_CLI_TABLE_H

#include <dozan/buf.h>

enum { DZ_TABLE_MAX_BYTES = 1 << 30 };

typedef struct dz_table {
    dozan_buf text;  /* all cells, each with its final 0; the titles first */
    size_t *offsets; /* of the cells in text */
    size_t count, capacity;
    size_t columns;
    unsigned char *right; /* [columns]: aligned to the right */
    bool failed;
} dz_table;

void dz_table_init(dz_table *table);
void dz_table_fini(dz_table *table);

/* Adds a column; all columns come before the first cell. */
void dz_table_column(dz_table *table, const char *title, bool right);

/* Adds the next cell of the current row; NULL is an empty one. */
void dz_table_cell(dz_table *table, const char *text);
void dz_table_cellf(dz_table *table, const char *format, ...) DOZAN_PRINTF(2, 3);

/* Number of whole rows so far, without the titles. */
size_t dz_table_rows(const dz_table *table);

/* The text of a cell; row 0 is the titles. Borrowed; the table must not have failed. */
const char *dz_table_at(const dz_table *table, size_t row, size_t column);

/* Columns two blanks apart, each line after `indent`, no blanks at a line's end, control characters
 * shown as '?', an empty cell as "-". The last column is cut so that no line is longer than `width`
 * columns (0 = never). False when the table or `out` failed. */
bool dz_table_write(const dz_table *table, const char *indent, size_t width, dozan_buf *out);

/* Comma-separated values, quoted as RFC 4180 says, with a line of titles; lines end with a newline
 * alone. */
bool dz_table_write_csv(const dz_table *table, dozan_buf *out);

#endif
