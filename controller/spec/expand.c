/*
 * Rewriting of texts: one pass each, so that what was put in is not looked at again.
 */
#include "spec/expand.h"

#include <string.h>

static const char *find_variable(const char *name, size_t size, char *const *env, size_t count)
{
    for (size_t i = count; i > 0; i--) {
        if (strncmp(env[i - 1], name, size) == 0 && env[i - 1][size] == '=') {
            return env[i - 1] + size + 1;
        }
    }
    return NULL;
}

void dz_expand_variables(const char *text, char *const *env, size_t count, dozan_buf *out)
{
    const char *last = strrchr(text, ')'); /* a name that begins behind it has no end */

    while (*text != '\0') {
        size_t plain = strcspn(text, "$");
        const char *value = NULL;
        size_t size = 0;

        dozan_buf_append(out, text, plain);
        text += plain;
        if (text[0] == '$' && text[1] == '$') {
            dozan_buf_puts(out, "$");
            text += 2;
        } else if (text[0] == '$' && text[1] == '(' && last > text) {
            size = strcspn(text + 2, ")");
            value = find_variable(text + 2, size, env, count);
            if (value != NULL) {
                dozan_buf_puts(out, value);
            } else {
                dozan_buf_append(out, text, size + 3);
            }
            text += size + 3;
        } else if (text[0] == '$') {
            dozan_buf_puts(out, "$");
            text++;
        }
    }
}

/* Whether a path may begin behind this character, or end before it. */
static bool separates(char letter)
{
    return letter == '\0' || strchr(" \t\r\n=\"'`:;,()<>|&{}[]", letter) != NULL;
}

/* The entry with the longest `from` that matches here, or NULL. */
static const dz_path_map *find_path(const char *text, const dz_path_map *map, size_t map_count)
{
    const dz_path_map *best = NULL;
    size_t best_size = 0;

    for (size_t i = 0; i < map_count; i++) {
        size_t size = strlen(map[i].from);
        if (size > best_size && strncmp(text, map[i].from, size) == 0 &&
            (text[size] == '/' || separates(text[size]) || map[i].from[size - 1] == '/')) {
            best = &map[i];
            best_size = size;
        }
    }
    return best;
}

void dz_expand_paths(const char *text, const dz_path_map *map, size_t map_count, dozan_buf *out)
{
    char before = '\0';

    while (*text != '\0') {
        const dz_path_map *entry = separates(before) ? find_path(text, map, map_count) : NULL;
        size_t size = entry != NULL ? strlen(entry->from) : 1;

        if (entry != NULL) {
            dozan_buf_puts(out, entry->to);
        } else {
            dozan_buf_append(out, text, 1);
        }
        before = text[size - 1];
        text += size;
    }
}
