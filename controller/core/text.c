/*
 * Sentences of a bounded size, and the times of waiting that go into them. They quote plugins and
 * programs, which may say anything: what is kept is always one line of valid UTF-8.
 */
#include "core/turn.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { TEXT_MAX = 512 };

static void cut(char *text, size_t size);
static void clean(char *text);
static size_t character(const unsigned char *text);

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
    clean(text);
    if (strcmp(to, text) == 0) {
        return false;
    }
    memcpy(to, text, strlen(text) + 1);
    return true;
}

bool dz_text_valid(const char *text)
{
    const unsigned char *at = (const unsigned char *)text;

    while (*at != '\0') {
        size_t length = character(at);

        if (length == 0) {
            return false;
        }
        at += length;
    }
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

static void clean(char *text)
{
    unsigned char *at = (unsigned char *)text;

    while (*at != '\0') {
        size_t length = character(at);

        if (length == 0) {
            *at = *at < 0x80 ? ' ' : '?';
            length = 1;
        }
        at += length;
    }
}

/* The bytes of the UTF-8 character here (RFC 3629, so no surrogates and no overlong forms); 0 when
 * it is none, or a control character. */
static size_t character(const unsigned char *text)
{
    static const unsigned least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t length = *text < 0x80 ? 1 : *text < 0xE0 ? 2 : *text < 0xF0 ? 3 : 4;
    unsigned code = *text & (0xFFu >> (length + 1));

    if (length == 1) {
        return *text >= 0x20 && *text != 0x7F ? 1 : 0;
    }
    if (*text < 0xC2 || *text > 0xF4) {
        return 0;
    }
    for (size_t i = 1; i < length; i++) {
        if ((text[i] & 0xC0) != 0x80) {
            return 0;
        }
        code = code << 6 | (text[i] & 0x3Fu);
    }
    return code >= least[length] && code <= 0x10FFFF && (code < 0xD800 || code > 0xDFFF) ? length
                                                                                         : 0;
}
