/*
 * Randomness from the system: it enters here, and nowhere below.
 */
#ifndef DZ_LOOP_DRAW_H
#define DZ_LOOP_DRAW_H

#include <dozan/status.h>

enum { DZ_UUID_TEXT = 40 };

/* At most 256 bytes. */
DOZAN_MUST_USE dozan_status dz_draw(void *bytes, size_t size, dozan_error *err);

/* A random UUID: RFC 9562, version 4. */
DOZAN_MUST_USE dozan_status dz_draw_uid(char uid[DZ_UUID_TEXT], dozan_error *err);

/* `length` characters of the alphabet that Kubernetes ends generated names with, and a NUL. */
DOZAN_MUST_USE dozan_status dz_draw_suffix(char *text, size_t length, dozan_error *err);

#endif
