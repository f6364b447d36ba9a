/*
 * A growing text or byte buffer with a hard maximum, always terminated by a 0 that is not counted.
 *
 * The first failure (no memory, or the maximum reached) sticks: later appends do nothing, and
 * `failed` tells at the end, so that a writer checks once.
 */
#ifndef DOZAN_BUF_H
#define DOZAN_BUF_H

#include <dozan/status.h>

typedef struct dozan_buf {
    char *data; /* NULL until the first append; owned */
    size_t size;
    size_t capacity;
    size_t max;
    bool failed;
} dozan_buf;

void dozan_buf_init(dozan_buf *buf, size_t max_bytes);
void dozan_buf_fini(dozan_buf *buf);
void dozan_buf_clear(dozan_buf *buf); /* size 0, not failed; keeps the memory */

bool dozan_buf_append(dozan_buf *buf, const void *bytes, size_t size);
bool dozan_buf_puts(dozan_buf *buf, const char *text);
bool dozan_buf_printf(dozan_buf *buf, const char *format, ...) DOZAN_PRINTF(2, 3);

/* Takes the text out (the caller frees it), leaving the buffer empty; NULL when it failed. An empty
 * buffer gives "". */
char *dozan_buf_take(dozan_buf *buf);

#endif
