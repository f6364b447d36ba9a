/*
 * Small helpers for texts in messages.
 */
#ifndef DZ_TEXT_H
#define DZ_TEXT_H

#include <stdbool.h>
#include <stddef.h>

enum { DZ_EXCERPT = 68 };

/* Whether an optional text is absent: NULL and "" mean the same. */
bool dz_text_absent(const char *text);

/* `text` as it may stand in a message: control characters become '?', and after at most 64 bytes it
 * is cut at a character's end and marked with "...". Returns `excerpt`. */
const char *dz_text_excerpt(const char *text, char excerpt[DZ_EXCERPT]);

/* The one of `names` that `text` was most likely meant to be (up to two letters wrong, and less
 * than half of them), or NULL. */
const char *dz_text_nearest(const char *text, const char *const *names, size_t count);

#endif
