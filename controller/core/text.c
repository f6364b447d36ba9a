/*
 * Sentences of a bounded size, and the times of waiting that go into them.
 */
#include "core/turn.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { TEXT_MAX = 512 };

static void cut(char *text, size_t size);

bool dz_text_set(char *to, size_t size, const char *format, ...)
{
    va_list args;
    bool changed;

    va_start(args, format);
    changed = dz_text_vset(to, size, format, args);
    va_end(args);
    return changed;
}

bool dz_text_vset(char *to, size_t size, const char *format, va_list args)
{
    char text[TEXT_MAX];
    size_t room = size < sizeof text ? size : sizeof text;
    int length = vsnprintf(text, room, format, args);

    if (length < 0) {
        text[0] = '\0';
    } else if ((size_t)length >= room) {
        cut(text, room);
    }
    if (strcmp(to, text) == 0) {
        return false;
    }
    memcpy(to, text, strlen(text) + 1);
    return true;
}

int64_t dz_backoff_ms(int64_t times)
{
    int64_t delay = DZ_BACKOFF_FIRST_MS;

    while (--times > 0 && delay < DZ_BACKOFF_LAST_MS) {
        delay *= 2;
    }
    return delay < DZ_BACKOFF_LAST_MS ? delay : DZ_BACKOFF_LAST_MS;
}

/* Ends a full text with "...", never inside a UTF-8 character. */
static void cut(char *text, size_t size)
{
    size_t end;

    if (size < 4) {
        return;
    }
    end = size - 4;
    while (end > 0 && ((unsigned char)text[end] & 0xC0) == 0x80) {
        end--;
    }
    memcpy(text + end, "...", 4);
}
