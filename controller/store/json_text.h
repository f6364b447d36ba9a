/*
 * JSON as text, written from its beginning to its end: what is read from the database goes into an
 * answer without a tree between them, whole numbers exactly and doubles with all their digits.
 *
 * `name` is NULL in a list. A failure (no memory, too long) sticks in the buffer.
 */
#ifndef DZ_STORE_JSON_TEXT_H
#define DZ_STORE_JSON_TEXT_H

#include <dozan/buf.h>
#include <stdint.h>

typedef struct dz_json {
    dozan_buf buf;
} dz_json;

void dz_json_open(dz_json *json, const char *name, char bracket); /* '{' or '[' */
void dz_json_close(dz_json *json, char bracket);
void dz_json_text(dz_json *json, const char *name, const char *text); /* NULL writes nothing */
void dz_json_int(dz_json *json, const char *name, int64_t number);
void dz_json_double(dz_json *json, const char *name, double number); /* NaN, inf: as texts */
void dz_json_bool(dz_json *json, const char *name, bool value);

#endif
