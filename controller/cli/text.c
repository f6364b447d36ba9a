#include "cli/text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static size_t code_point_bytes(const char *text);
static bool is_control(const char *text);

void dz_duration_text(int64_t duration_ms, char text[32])
{
    long long s = duration_ms > 0 ? duration_ms / 1000 : 0;
    long long m = s / 60, h = m / 60, d = h / 24;
    int written;
    if (s < 120)
        written = snprintf(text, 32, "%llds", s);
    else if (m < 10)
        written = s % 60 != 0 ? snprintf(text, 32, "%lldm%llds", m, s % 60)
                              : snprintf(text, 32, "%lldm", m);
    else if (h < 3)
        written = snprintf(text, 32, "%lldm", m);
    else if (h < 8)
        written = m % 60 != 0 ? snprintf(text, 32, "%lldh%lldm", h, m % 60)
                              : snprintf(text, 32, "%lldh", h);
    else if (h < 48)
        written = snprintf(text, 32, "%lldh", h);
    else if (d < 8)
        written = h % 24 != 0 ? snprintf(text, 32, "%lldd%lldh", d, h % 24)
                              : snprintf(text, 32, "%lldd", d);
    else
        written = snprintf(text, 32, "%lldd", d);
    if (written < 0)
        text[0] = '\0';
}

size_t dz_text_width(const char *text)
{
    size_t width = 0;
    for (; *text != '\0'; text += code_point_bytes(text))
        width++;
    return width;
}

void dz_text_fit(dozan_buf *out, const char *text, size_t width)
{
    bool cut = width != SIZE_MAX && dz_text_width(text) > width;
    size_t left = !cut ? SIZE_MAX : width > 3 ? width - 3 : width;
    for (; *text != '\0' && left > 0; left--) {
        size_t bytes = code_point_bytes(text);
        if (is_control(text))
            dozan_buf_puts(out, "?");
        else
            dozan_buf_append(out, text, bytes);
        text += bytes;
    }
    if (cut && width > 3)
        dozan_buf_puts(out, "...");
}

void dz_text_pairs(dozan_buf *out, const dozan_pair *pairs, size_t count)
{
    for (size_t i = 0; i < count; i++)
        dozan_buf_printf(out, "%s%s=%s", i == 0 ? "" : " ", pairs[i].name, pairs[i].value);
}

void dz_text_shell_word(dozan_buf *out, const char *word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "_-+=./:,%@";
    if (*word != '\0' && strspn(word, plain) == strlen(word)) {
        dozan_buf_puts(out, word);
        return;
    }
    dozan_buf_puts(out, "'");
    for (const char *quote; (quote = strchr(word, '\'')) != NULL; word = quote + 1) {
        dozan_buf_append(out, word, (size_t)(quote - word));
        dozan_buf_puts(out, "'\\''");
    }
    dozan_buf_printf(out, "%s'", word);
}

void dz_value_text(double value, char text[32])
{
    const char *special = isnan(value)          ? "nan"
                          : !isinf(value)       ? NULL
                          : signbit(value) != 0 ? "-inf"
                                                : "inf";
    int written =
        special != NULL ? snprintf(text, 32, "%s", special) : snprintf(text, 32, "%.6g", value);
    if (written < 0)
        text[0] = '\0';
}

/* The bytes of the code point at text, by its first byte; never past the end, and 1 for what is no
 * UTF-8. */
static size_t code_point_bytes(const char *text)
{
    unsigned char first = (unsigned char)text[0];
    size_t expected = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 1;
    for (size_t i = 1; i < expected; i++)
        if (((unsigned char)text[i] & 0xc0) != 0x80)
            return 1;
    return expected;
}

static bool is_control(const char *text)
{
    unsigned char first = (unsigned char)text[0], second = (unsigned char)text[1];
    if (first < 0x20 || first == 0x7f)
        return true;
    if (first == 0xc2 && second >= 0x80 && second < 0xa0)
        return true; /* C1: 0x9b is a control sequence's start */
    return first >= 0x80 && code_point_bytes(text) == 1; /* no UTF-8 */
}
