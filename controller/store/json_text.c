#include "store/json_text.h"

#include <inttypes.h>
#include <math.h>

static void begin(dz_json *json, const char *name);
static void quote(dz_json *json, const char *text);

void dz_json_open(dz_json *json, const char *name, char bracket)
{
    begin(json, name);
    (void)dozan_buf_append(&json->buf, &bracket, 1);
}

void dz_json_close(dz_json *json, char bracket)
{
    (void)dozan_buf_append(&json->buf, &bracket, 1);
}

void dz_json_text(dz_json *json, const char *name, const char *text)
{
    if (text == NULL)
        return;
    begin(json, name);
    quote(json, text);
}

void dz_json_int(dz_json *json, const char *name, int64_t number)
{
    begin(json, name);
    (void)dozan_buf_printf(&json->buf, "%" PRId64, number);
}

void dz_json_double(dz_json *json, const char *name, double number)
{
    begin(json, name);
    if (isnan(number))
        (void)dozan_buf_puts(&json->buf, "\"NaN\"");
    else if (isinf(number))
        (void)dozan_buf_puts(&json->buf, number > 0 ? "\"Infinity\"" : "\"-Infinity\"");
    else
        (void)dozan_buf_printf(&json->buf, "%.17g", number);
}

void dz_json_bool(dz_json *json, const char *name, bool value)
{
    begin(json, name);
    (void)dozan_buf_puts(&json->buf, value ? "true" : "false");
}

/* The comma after what stands before, and the name. */
static void begin(dz_json *json, const char *name)
{
    char last = '{';
    if (json->buf.size > 0 && json->buf.data != NULL)
        last = json->buf.data[json->buf.size - 1];
    if (last != '{' && last != '[')
        (void)dozan_buf_puts(&json->buf, ",");
    if (name == NULL)
        return;
    quote(json, name);
    (void)dozan_buf_puts(&json->buf, ":");
}

static void quote(dz_json *json, const char *text)
{
    (void)dozan_buf_puts(&json->buf, "\"");
    for (const char *from = text; *from != '\0';) {
        const char *to = from;
        while ((unsigned char)*to >= 0x20 && *to != '"' && *to != '\\')
            to++;
        (void)dozan_buf_append(&json->buf, from, (size_t)(to - from));
        if (*to == '\0')
            break;
        if (*to == '"' || *to == '\\')
            (void)dozan_buf_printf(&json->buf, "\\%c", *to);
        else
            (void)dozan_buf_printf(&json->buf, "\\u%04x", (unsigned)(unsigned char)*to);
        from = to + 1;
    }
    (void)dozan_buf_puts(&json->buf, "\"");
}
