/*
 * Status codes and the error type. Nothing here allocates; text that does not fit is cut at a
 * character's end.
 */
#include <dozan/status.h>

#include <stdio.h>
#include <string.h>

static void format_cut(char *text, size_t size, const char *format, va_list args)
    DOZAN_PRINTF(3, 0);
static void copy_cut(char *text, size_t size, const char *source);

typedef struct status_row {
    const char *name;
    const char *text;
    int http;
    bool retryable;
} status_row;

/* The codes have no gaps, so that a code is its row's index. */
static const status_row rows[] = {
#define STATUS_ROW(name, code, http, retry, text) [code] = {#name, text, http, retry},
    DOZAN_STATUS_TABLE(STATUS_ROW)
#undef STATUS_ROW
};

static const status_row *row_of(int code)
{
    bool known = code >= 0 && (size_t)code < sizeof(rows) / sizeof(rows[0]);
    return &rows[known ? code : DOZAN_UNKNOWN];
}

dozan_status dozan_error_set(dozan_error *err, dozan_status code, const char *place,
                             const char *format, ...)
{
    if (err == NULL)
        return code;
    /* Both texts are made aside: the arguments may point into *err. */
    dozan_error made = {.code = code};
    va_list args;
    va_start(args, format);
    format_cut(made.message, sizeof(made.message), format, args);
    va_end(args);
    copy_cut(made.place, sizeof(made.place), place != NULL ? place : "");
    *err = made;
    return code;
}

dozan_status dozan_error_wrap(dozan_error *err, const char *format, ...)
{
    if (err == NULL)
        return DOZAN_INTERNAL;
    char head[sizeof(err->message)];
    va_list args;
    va_start(args, format);
    format_cut(head, sizeof(head), format, args);
    va_end(args);

    char whole[2 * sizeof(err->message) + 3];
    (void)snprintf(whole, sizeof(whole), "%s: %s", head, err->message);
    copy_cut(err->message, sizeof(err->message), whole);
    return err->code;
}

void dozan_error_text(const dozan_error *err, char *text, size_t size)
{
    if (size == 0)
        return;
    const char *message =
        err->message[0] != '\0' ? err->message : dozan_status_text((int)err->code);
    char whole[sizeof(err->place) + sizeof(err->message) + 3];
    (void)snprintf(whole, sizeof(whole), "%s%s%s", err->place, err->place[0] != '\0' ? ": " : "",
                   message);
    copy_cut(text, size, whole);
}

const char *dozan_status_name(int code)
{
    return row_of(code)->name;
}

const char *dozan_status_text(int code)
{
    return row_of(code)->text;
}

int dozan_status_http(int code)
{
    return row_of(code)->http;
}

bool dozan_status_retryable(int code)
{
    return row_of(code)->retryable;
}

/* Marks text, which was cut to size - 1 bytes, with "..." after the last whole UTF-8 character that
 * leaves room. */
static void mark_cut(char *text, size_t size)
{
    if (size < 4)
        return;
    size_t end = size - 4;
    while (end > 0 && ((unsigned char)text[end] & 0xC0u) == 0x80u)
        end--;
    memcpy(text + end, "...", 4);
}

static void format_cut(char *text, size_t size, const char *format, va_list args)
{
    int length = vsnprintf(text, size, format, args);
    if (length < 0)
        copy_cut(text, size, "(the message could not be formatted)");
    else if ((size_t)length >= size)
        mark_cut(text, size);
}

static void copy_cut(char *text, size_t size, const char *source)
{
    size_t length = strnlen(source, size);
    bool fits = length < size;
    memcpy(text, source, fits ? length : size - 1);
    text[fits ? length : size - 1] = '\0';
    if (!fits)
        mark_cut(text, size);
}
