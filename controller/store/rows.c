/*
 * Binding parameters and reading columns, one after the other.
 */
#include "store/db.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char NOT_A_NUMBER[] = "nan";

static void note(dz_bind *bind, int code);

void dz_bind_int(dz_bind *bind, int64_t value)
{
    if (bind->code == SQLITE_OK)
        note(bind, sqlite3_bind_int64(bind->stmt, bind->next++, value));
}

void dz_bind_text(dz_bind *bind, const char *text)
{
    dz_bind_bytes(bind, text, text ? strlen(text) : 0);
}

void dz_bind_bytes(dz_bind *bind, const char *text, size_t size)
{
    if (bind->code == SQLITE_OK)
        note(bind,
             sqlite3_bind_text64(bind->stmt, bind->next++, text, size, SQLITE_STATIC, SQLITE_UTF8));
}

void dz_bind_double(dz_bind *bind, bool has_value, double value)
{
    if (bind->code != SQLITE_OK)
        return;
    if (!has_value)
        note(bind, sqlite3_bind_null(bind->stmt, bind->next++));
    else if (isnan(value))
        dz_bind_text(bind, NOT_A_NUMBER);
    else
        note(bind, sqlite3_bind_double(bind->stmt, bind->next++, value));
}

void dz_bind_json(dz_bind *bind, cJSON *tree)
{
    dz_bind_tree(bind, tree);
    cJSON_Delete(tree);
}

void dz_bind_tree(dz_bind *bind, const cJSON *tree)
{
    char *text = tree && bind->code == SQLITE_OK ? cJSON_PrintUnformatted(tree) : NULL;
    if (text)
        note(bind, sqlite3_bind_text64(bind->stmt, bind->next++, text, strlen(text), cJSON_free,
                                       SQLITE_UTF8));
    else
        note(bind, SQLITE_NOMEM);
}

bool dz_bind_step(dz_bind *bind)
{
    if (bind->code != SQLITE_OK)
        return false;
    int code = sqlite3_step(bind->stmt);
    if (code != SQLITE_ROW && code != SQLITE_DONE)
        note(bind, code);
    return code == SQLITE_ROW;
}

dozan_status dz_bind_run(dz_bind *bind, const char *doing, int *changed, dozan_error *err)
{
    (void)dz_bind_step(bind);
    if (changed && bind->code == SQLITE_OK)
        *changed = sqlite3_changes(bind->store->db);
    return dz_bind_done(bind, doing, err);
}

dozan_status dz_bind_done(dz_bind *bind, const char *doing, dozan_error *err)
{
    /* The error is taken first: letting go of the statement may overwrite it. */
    dozan_status status =
        bind->code == SQLITE_OK ? DOZAN_OK : dz_db_error(bind->store, bind->code, doing, err);
    if (!bind->stmt) {
        /* It could not be prepared. */
    } else if (bind->kept) {
        (void)sqlite3_reset(bind->stmt);
        (void)sqlite3_clear_bindings(bind->stmt);
    } else {
        (void)sqlite3_finalize(bind->stmt);
    }
    bind->stmt = NULL;
    return status;
}

dozan_status dz_bind_end(dz_bind *bind, dozan_status status, const char *doing, dozan_error *err)
{
    dozan_status done = dz_bind_done(bind, doing, status == DOZAN_OK ? err : NULL);
    return status == DOZAN_OK ? done : status;
}

dz_row dz_row_of(const dz_bind *bind, int first)
{
    return (dz_row){.stmt = bind->stmt, .next = first};
}

int64_t dz_row_int(dz_row *row, int64_t min, int64_t max)
{
    int column = row->next++;
    int64_t value = sqlite3_column_int64(row->stmt, column);
    if (sqlite3_column_type(row->stmt, column) == SQLITE_INTEGER && value >= min && value <= max)
        return value;
    dz_row_fail(row, DOZAN_DATA_LOSS);
    return min;
}

int32_t dz_row_int32(dz_row *row)
{
    return (int32_t)dz_row_int(row, INT32_MIN, INT32_MAX);
}

bool dz_row_bool(dz_row *row)
{
    return dz_row_int(row, 0, 1) != 0;
}

const char *dz_row_text(dz_row *row)
{
    const char *text = dz_row_text_or_null(row);
    if (text)
        return text;
    dz_row_fail(row, DOZAN_DATA_LOSS);
    return "";
}

const char *dz_row_text_or_null(dz_row *row)
{
    int column = row->next++;
    int type = sqlite3_column_type(row->stmt, column);
    const char *text = (const char *)sqlite3_column_text(row->stmt, column);
    if (!text && type != SQLITE_NULL)
        dz_row_fail(row, DOZAN_RESOURCE_EXHAUSTED);
    return text;
}

char *dz_row_owned(dz_row *row)
{
    char *copy = strdup(dz_row_text(row));
    if (!copy)
        dz_row_fail(row, DOZAN_RESOURCE_EXHAUSTED);
    return copy;
}

void dz_row_copy(dz_row *row, char *text, size_t size)
{
    const char *from = dz_row_text(row);
    size_t length = strnlen(from, size - 1);
    memcpy(text, from, length);
    text[length] = '\0';
}

double dz_row_double(dz_row *row, bool *has_value)
{
    int column = row->next++;
    int type = sqlite3_column_type(row->stmt, column);
    *has_value = type != SQLITE_NULL;
    if (type == SQLITE_NULL)
        return 0;
    if (type == SQLITE_FLOAT)
        return sqlite3_column_double(row->stmt, column);
    const char *text = (const char *)sqlite3_column_text(row->stmt, column);
    if (type != SQLITE_TEXT || !text || strcmp(text, NOT_A_NUMBER) != 0)
        dz_row_fail(row, DOZAN_DATA_LOSS);
    return NAN;
}

int dz_row_name(dz_row *row, const char *const *names, int count)
{
    const char *text = dz_row_text(row);
    for (int i = 0; i < count; i++)
        if (strcmp(names[i], text) == 0)
            return i;
    dz_row_fail(row, DOZAN_DATA_LOSS);
    return 0;
}

void dz_row_fail(dz_row *row, dozan_status status)
{
    if (row->status != DOZAN_OK || status == DOZAN_OK)
        return;
    row->status = status;
    row->column = sqlite3_column_name(row->stmt, row->next - 1);
}

dozan_status dz_row_error(const dz_store *store, const dz_row *row, dozan_error *err)
{
    if (row->status == DOZAN_OK)
        return DOZAN_OK;
    if (row->status == DOZAN_RESOURCE_EXHAUSTED)
        return dz_db_error(store, SQLITE_NOMEM, "cannot read a row", err);
    char what[160];
    (void)snprintf(what, sizeof what, "a row holds an unknown value in the column \"%s\"",
                   row->column ? row->column : "?");
    return dz_db_damaged(store, what, err);
}

/* ---- helpers */

static void note(dz_bind *bind, int code)
{
    if (bind->code == SQLITE_OK)
        bind->code = code;
}
