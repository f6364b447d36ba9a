/*
 * The growing buffer. Invariants: size <= max; capacity is 0 or at least size + 1; data[size] is 0
 * once there is data.
 */
#include <dozan/buf.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_CAPACITY = 64 };

static bool reserve(dozan_buf *buf, size_t more);

void dozan_buf_init(dozan_buf *buf, size_t max_bytes)
{
    /* Leaves room for the final 0 in every sum below. */
    *buf = (dozan_buf){.max = max_bytes < SIZE_MAX / 2 ? max_bytes : SIZE_MAX / 2};
}

void dozan_buf_fini(dozan_buf *buf)
{
    free(buf->data);
    dozan_buf_init(buf, buf->max);
}

void dozan_buf_clear(dozan_buf *buf)
{
    buf->size = 0;
    buf->failed = false;
    if (buf->data != NULL)
        buf->data[0] = '\0';
}

bool dozan_buf_append(dozan_buf *buf, const void *bytes, size_t size)
{
    if (!reserve(buf, size))
        return false;
    if (size > 0)
        memcpy(buf->data + buf->size, bytes, size);
    buf->size += size;
    buf->data[buf->size] = '\0';
    return true;
}

bool dozan_buf_puts(dozan_buf *buf, const char *text)
{
    return dozan_buf_append(buf, text, strlen(text));
}

bool dozan_buf_printf(dozan_buf *buf, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (length < 0)
        buf->failed = true;
    if (length < 0 || !reserve(buf, (size_t)length))
        return false;
    va_start(args, format);
    (void)vsnprintf(buf->data + buf->size, (size_t)length + 1, format, args);
    va_end(args);
    buf->size += (size_t)length;
    return true;
}

char *dozan_buf_take(dozan_buf *buf)
{
    char *taken = NULL;
    if (dozan_buf_append(buf, "", 0)) {
        taken = buf->data;
        buf->data = NULL;
    }
    dozan_buf_fini(buf);
    return taken;
}

/* Makes room for `more` bytes and the final 0, doubling so that appends cost O(1) on average. */
static bool reserve(dozan_buf *buf, size_t more)
{
    if (buf->failed)
        return false;
    if (more > buf->max - buf->size) {
        buf->failed = true;
        return false;
    }
    size_t needed = buf->size + more + 1;
    if (needed <= buf->capacity)
        return true;

    size_t capacity = buf->capacity > 0 ? buf->capacity : FIRST_CAPACITY;
    while (capacity < needed)
        capacity = capacity <= SIZE_MAX / 2 ? capacity * 2 : needed;
    if (capacity > buf->max + 1)
        capacity = buf->max + 1;
    char *data = realloc(buf->data, capacity);
    if (data == NULL) {
        buf->failed = true;
        return false;
    }
    buf->data = data;
    buf->capacity = capacity;
    return true;
}
