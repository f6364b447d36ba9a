/*
 * The labels of trials as one text, and as Kubernetes takes them.
 */
#include "grpc_katib_fold.h"

#include <dozan/buf.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_LABEL = 63 };

static bool is_plain(const char *text);
static bool is_alphanumeric(char c);

void dz_katib_labels_write(dozan_buf *text, int64_t number, const dozan_pair *labels, size_t count)
{
    bool any = false;
    for (size_t i = 0; i < count; i++) {
        if (!is_plain(labels[i].name) || !is_plain(labels[i].value))
            continue;
        if (!any)
            (void)dozan_buf_printf(text, "%" PRId64, number);
        any = true;
        (void)dozan_buf_printf(text, " %s=%s", labels[i].name, labels[i].value);
    }
    if (any)
        (void)dozan_buf_puts(text, ";");
}

dozan_pair *dz_katib_labels_read(const char *text, int64_t number, dz_arena *arena, size_t *count)
{
    char wanted[32];
    *count = 0;
    int size = snprintf(wanted, sizeof(wanted), "%" PRId64 " ", number);
    const char *at = text;
    while (at != NULL && strncmp(at, wanted, (size_t)size) != 0) {
        at = strchr(at, ';');
        at = at != NULL ? at + 1 : NULL;
    }
    if (at == NULL)
        return NULL;
    at += size;
    char *copy = dz_arena_alloc(arena, strcspn(at, ";") + 1);
    dozan_pair *pairs = dz_arena_array(arena, DOZAN_MAX_LABELS, sizeof(*pairs));
    if (copy == NULL || pairs == NULL)
        return NULL;
    memcpy(copy, at, strcspn(at, ";"));
    for (char *part = copy; part != NULL && *count < DOZAN_MAX_LABELS;) {
        char *next = strchr(part, ' ');
        if (next != NULL)
            *next++ = '\0';
        char *value = strchr(part, '=');
        if (value != NULL) {
            *value++ = '\0';
            pairs[(*count)++] = (dozan_pair){.name = part, .value = value};
        }
        part = next;
    }
    return pairs;
}

bool dz_katib_label_is_valid(const dozan_pair *label)
{
    const char *const texts[] = {label->name, label->value};
    for (size_t i = 0; i < 2; i++) {
        size_t size = strlen(texts[i]);
        if (size == 0 || size > MOST_LABEL || !is_alphanumeric(texts[i][0]) ||
            !is_alphanumeric(texts[i][size - 1]))
            return false;
        for (size_t k = 0; k < size; k++) {
            if (!is_alphanumeric(texts[i][k]) &&
                strchr(i == 0 ? "-_./" : "-_.", texts[i][k]) == NULL)
                return false;
        }
    }
    return true;
}

/* Nothing in it means something in the text. */
static bool is_plain(const char *text)
{
    return text[0] != '\0' && text[strcspn(text, " =;\n\r\t")] == '\0';
}

static bool is_alphanumeric(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
