/*
 * Fuzzes the reader of Prometheus' text format, and the wanted name: the input's first line is
 * that, the rest is an answer.
 */
#include "collectors/prometheus_text.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct seen {
    const char *wanted;
    const char *begin, *end;
} seen;

/* Every part lies within the text. */
static void check(void *user, const dz_prometheus_sample *sample)
{
    const seen *s = user;
    const dz_prometheus_part *parts[] = {&sample->name, &sample->labels, &sample->value};
    for (size_t i = 0; i < 3; i++) {
        if (parts[i]->text < s->begin || parts[i]->size > (size_t)(s->end - parts[i]->text))
            abort();
    }
    (void)dz_prometheus_is(sample, s->wanted);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *newline = size > 0 ? memchr(data, '\n', size) : NULL;
    size_t first = newline != NULL ? (size_t)(newline - data) : 0;
    char *wanted = strndup((const char *)data, first);
    char *text = malloc(size - first + 1);
    if (wanted == NULL || text == NULL)
        abort();
    if (size > first)
        memcpy(text, data + first, size - first);
    seen s = {wanted, text, text + (size - first)};
    (void)dz_prometheus_read(text, size - first, check, &s);
    free(wanted);
    free(text);
    return 0;
}
