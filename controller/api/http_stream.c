#include "api/http_stream.h"

#include <dozan/buf.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct dz_http_stream {
    pthread_mutex_t lock;
    dozan_buf bytes; /* [read, bytes.size) wait for the client */
    size_t read;
    size_t limit;
    dz_http_stream_wake *wake; /* not NULL: the reader waits */
    void *wake_user;
    bool ended; /* nothing more will be written */
    bool cut;   /* what waits will not be sent either */
    bool writer_left, reader_left;
};

static void wake(dz_http_stream *stream);
static void release(dz_http_stream *stream);

dozan_status dz_http_stream_create(size_t limit, dz_http_stream **stream, dozan_error *err)
{
    dz_http_stream *made = calloc(1, sizeof(*made));
    if (made == NULL || pthread_mutex_init(&made->lock, NULL) != 0) {
        free(made);
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    }
    made->limit = limit;
    dozan_buf_init(&made->bytes, 2 * limit);
    *stream = made;
    return DOZAN_OK;
}

bool dz_http_stream_write(dz_http_stream *stream, const void *bytes, size_t size)
{
    (void)pthread_mutex_lock(&stream->lock);
    if (size > stream->limit - (stream->bytes.size - stream->read))
        stream->cut = true;
    if (!stream->cut && !stream->ended && !stream->reader_left &&
        !dozan_buf_append(&stream->bytes, bytes, size))
        stream->cut = true;
    bool good = !stream->cut && !stream->ended && !stream->reader_left;
    wake(stream);
    (void)pthread_mutex_unlock(&stream->lock);
    return good;
}

bool dz_http_stream_open(dz_http_stream *stream)
{
    (void)pthread_mutex_lock(&stream->lock);
    bool open = !stream->cut && !stream->ended && !stream->reader_left;
    (void)pthread_mutex_unlock(&stream->lock);
    return open;
}

size_t dz_http_stream_waiting(dz_http_stream *stream)
{
    (void)pthread_mutex_lock(&stream->lock);
    size_t waiting = stream->bytes.size - stream->read;
    (void)pthread_mutex_unlock(&stream->lock);
    return waiting;
}

void dz_http_stream_cut(dz_http_stream *stream)
{
    (void)pthread_mutex_lock(&stream->lock);
    stream->cut = true;
    wake(stream);
    (void)pthread_mutex_unlock(&stream->lock);
}

void dz_http_stream_end(dz_http_stream *stream)
{
    if (stream == NULL)
        return;
    (void)pthread_mutex_lock(&stream->lock);
    stream->ended = stream->writer_left = true;
    wake(stream);
    release(stream);
}

int64_t dz_http_stream_read(dz_http_stream *stream, char *bytes, size_t size,
                            dz_http_stream_wake *wait, dz_http_stream_wake *wake_up, void *user)
{
    int64_t result = DZ_HTTP_STREAM_WAIT;
    (void)pthread_mutex_lock(&stream->lock);
    size_t waiting = stream->bytes.size - stream->read;
    if (stream->cut) {
        result = DZ_HTTP_STREAM_CUT;
    } else if (waiting > 0) {
        size_t part = waiting < size ? waiting : size;
        memcpy(bytes, stream->bytes.data + stream->read, part);
        stream->read += part;
        result = (int64_t)part;
        if (stream->read == stream->bytes.size) { /* an idle stream holds no memory */
            dozan_buf_fini(&stream->bytes);
            dozan_buf_init(&stream->bytes, 2 * stream->limit);
            stream->read = 0;
        } else if (stream->read >= stream->limit) {
            memmove(stream->bytes.data, stream->bytes.data + stream->read,
                    stream->bytes.size - stream->read);
            stream->bytes.size -= stream->read;
            stream->read = 0;
        }
    } else if (stream->ended) {
        result = DZ_HTTP_STREAM_OVER;
    } else {
        stream->wake = wake_up;
        stream->wake_user = user;
        wait(user);
    }
    (void)pthread_mutex_unlock(&stream->lock);
    return result;
}

void dz_http_stream_check(dz_http_stream *stream, dz_http_stream_test *gone)
{
    (void)pthread_mutex_lock(&stream->lock);
    if (stream->wake != NULL && gone(stream->wake_user)) {
        stream->cut = true;
        wake(stream);
    }
    (void)pthread_mutex_unlock(&stream->lock);
}

void dz_http_stream_close(dz_http_stream *stream)
{
    (void)pthread_mutex_lock(&stream->lock);
    stream->ended = true;
    wake(stream);
    (void)pthread_mutex_unlock(&stream->lock);
}

void dz_http_stream_leave(dz_http_stream *stream)
{
    (void)pthread_mutex_lock(&stream->lock);
    stream->reader_left = true;
    release(stream);
}

static void wake(dz_http_stream *stream)
{
    if (stream->wake == NULL)
        return;
    dz_http_stream_wake *function = stream->wake;
    stream->wake = NULL;
    function(stream->wake_user);
}

/* Unlocks; the last of the two owners frees. */
static void release(dz_http_stream *stream)
{
    bool last = stream->writer_left && stream->reader_left;
    (void)pthread_mutex_unlock(&stream->lock);
    if (!last)
        return;
    (void)pthread_mutex_destroy(&stream->lock);
    dozan_buf_fini(&stream->bytes);
    free(stream);
}
