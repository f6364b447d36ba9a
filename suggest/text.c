/*
 * Texts in messages: excerpts of what a user wrote, and the name that was likely meant.
 */
#include "text.h"

#include <string.h>

enum { LONGEST_NAME = 63, MOST_WRONG = 2 };

bool dz_text_absent(const char *text)
{
    return text == NULL || text[0] == '\0';
}

const char *dz_text_excerpt(const char *text, char excerpt[DZ_EXCERPT])
{
    enum { ROOM = DZ_EXCERPT - 4 };
    size_t length = strnlen(text, ROOM + 1);
    bool cut = length > ROOM;
    if (cut) {
        length = ROOM;
        while (length > 0 && ((unsigned char)text[length] & 0xC0u) == 0x80u)
            length--;
    }
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];
        excerpt[i] = text[i];
        if (c < 0x20 || c == 0x7F)
            excerpt[i] = '?';
    }
    memcpy(excerpt + length, cut ? "..." : "", cut ? 4 : 1);
    return excerpt;
}

static size_t smallest(size_t a, size_t b, size_t c)
{
    size_t least = a < b ? a : b;
    return least < c ? least : c;
}

static int lower(char c)
{
    return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
}

/* Levenshtein's distance in one row, whatever the case of the letters. */
static size_t distance(const char *a, const char *b)
{
    size_t row[LONGEST_NAME + 1];
    size_t length = strnlen(b, LONGEST_NAME + 1);
    if (length > LONGEST_NAME || strnlen(a, LONGEST_NAME + 1) > LONGEST_NAME)
        return LONGEST_NAME;
    for (size_t j = 0; j <= length; j++)
        row[j] = j;
    for (size_t i = 0; a[i] != '\0'; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < length; j++) {
            size_t changed = diagonal + (lower(a[i]) != lower(b[j]));
            diagonal = row[j + 1];
            row[j + 1] = smallest(changed, row[j] + 1, row[j + 1] + 1);
        }
    }
    return row[length];
}

const char *dz_text_nearest(const char *text, const char *const *names, size_t count)
{
    const char *nearest = NULL;
    size_t best = MOST_WRONG + 1;
    for (size_t i = 0; i < count; i++) {
        size_t wrong = distance(text, names[i]);
        if (wrong < best && 2 * wrong < strlen(names[i])) {
            best = wrong;
            nearest = names[i];
        }
    }
    return nearest;
}
