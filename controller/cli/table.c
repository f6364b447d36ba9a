#include "cli/table.h"

#include "cli/text.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MIN_LAST_COLUMN = 16 };

static void add(dz_table *table, const char *text);
static size_t *measure(const dz_table *table);
static void write_row(const dz_table *table, size_t row, const size_t *widths, size_t last_width,
                      dozan_buf *out);
static void pad(dozan_buf *out, size_t count);
static void write_csv_cell(const char *text, dozan_buf *out);

void dz_table_init(dz_table *table)
{
    *table = (dz_table){0};
    dozan_buf_init(&table->text, DZ_TABLE_MAX_BYTES);
}

void dz_table_fini(dz_table *table)
{
    dozan_buf_fini(&table->text);
    free(table->offsets);
    free(table->right);
    *table = (dz_table){0};
}

void dz_table_column(dz_table *table, const char *title, bool right)
{
    unsigned char *grown = realloc(table->right, table->columns + 1);
    if (grown == NULL) {
        table->failed = true;
        return;
    }
    table->right = grown;
    table->right[table->columns++] = right;
    add(table, title);
}

void dz_table_cell(dz_table *table, const char *text)
{
    add(table, text != NULL ? text : "");
}

void dz_table_cellf(dz_table *table, const char *format, ...)
{
    va_list arguments;
    char *text = NULL;
    va_start(arguments, format);
    int size = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (size < 0) {
        table->failed = true;
        return;
    }
    add(table, text);
    free(text);
}

size_t dz_table_rows(const dz_table *table)
{
    return table->columns == 0 ? 0 : table->count / table->columns - 1;
}

const char *dz_table_at(const dz_table *table, size_t row, size_t column)
{
    return table->text.data + table->offsets[row * table->columns + column];
}

bool dz_table_write(const dz_table *table, const char *indent, size_t width, dozan_buf *out)
{
    if (table->failed || table->text.failed)
        return false;
    if (table->columns == 0)
        return true;
    size_t *widths = measure(table);
    if (widths == NULL)
        return false;
    size_t before_last = strlen(indent);
    for (size_t i = 0; i + 1 < table->columns; i++)
        before_last += widths[i] + 2;
    size_t last_width = SIZE_MAX;
    if (width > 0)
        last_width = before_last + MIN_LAST_COLUMN < width ? width - before_last : MIN_LAST_COLUMN;
    for (size_t row = 0; row <= dz_table_rows(table); row++) {
        dozan_buf_puts(out, indent);
        write_row(table, row, widths, last_width, out);
    }
    free(widths);
    return !out->failed;
}

bool dz_table_write_csv(const dz_table *table, dozan_buf *out)
{
    if (table->failed || table->text.failed)
        return false;
    for (size_t row = 0; table->columns > 0 && row <= dz_table_rows(table); row++) {
        for (size_t column = 0; column < table->columns; column++) {
            if (column > 0)
                dozan_buf_puts(out, ",");
            write_csv_cell(dz_table_at(table, row, column), out);
        }
        dozan_buf_puts(out, "\n");
    }
    return !out->failed;
}

static void add(dz_table *table, const char *text)
{
    if (table->count == table->capacity) {
        size_t capacity = table->capacity == 0 ? 64 : table->capacity * 2;
        size_t *grown = reallocarray(table->offsets, capacity, sizeof(*grown));
        if (grown == NULL) {
            table->failed = true;
            return;
        }
        table->offsets = grown;
        table->capacity = capacity;
    }
    table->offsets[table->count++] = table->text.size;
    dozan_buf_append(&table->text, text, strlen(text) + 1);
}

static size_t *measure(const dz_table *table)
{
    size_t *widths = calloc(table->columns, sizeof(*widths));
    if (widths == NULL)
        return NULL;
    for (size_t row = 0; row <= dz_table_rows(table); row++) {
        for (size_t column = 0; column < table->columns; column++) {
            const char *text = dz_table_at(table, row, column);
            size_t width = *text == '\0' ? 1 : dz_text_width(text);
            if (width > widths[column])
                widths[column] = width;
        }
    }
    return widths;
}

static void write_row(const dz_table *table, size_t row, const size_t *widths, size_t last_width,
                      dozan_buf *out)
{
    for (size_t column = 0; column < table->columns; column++) {
        const char *text = dz_table_at(table, row, column);
        bool last = column + 1 == table->columns;
        if (*text == '\0')
            text = "-";
        size_t width = dz_text_width(text);
        size_t blanks = width < widths[column] ? widths[column] - width : 0;
        if (table->right[column])
            pad(out, blanks);
        dz_text_fit(out, text, last ? last_width : SIZE_MAX);
        if (!last)
            pad(out, (table->right[column] ? 0 : blanks) + 2);
    }
    dozan_buf_puts(out, "\n");
}

static void pad(dozan_buf *out, size_t count)
{
    for (size_t i = 0; i < count; i++)
        dozan_buf_puts(out, " ");
}

static void write_csv_cell(const char *text, dozan_buf *out)
{
    if (strpbrk(text, ",\"\r\n") == NULL) {
        dozan_buf_puts(out, text);
        return;
    }
    dozan_buf_puts(out, "\"");
    for (const char *quote; (quote = strchr(text, '"')) != NULL; text = quote + 1) {
        dozan_buf_append(out, text, (size_t)(quote - text) + 1);
        dozan_buf_puts(out, "\"");
    }
    dozan_buf_puts(out, text);
    dozan_buf_puts(out, "\"");
}
