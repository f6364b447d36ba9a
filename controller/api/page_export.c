/*
 * Exports of any length with little memory: one thread writes all that are under way, each as fast
 * as its client reads.
 */
#include "api/http_stream.h"
#include "api/page_parts.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    MAX_WAITING = 1 << 20, /* bytes ahead of a client */
    LIMIT = 8 << 20,       /* a part is less than the rest of it */
    MAX_RUNNING = 64,
    LOOK_MS = 20 /* how often it looks whether a client has read */
};

typedef struct job {
    dz_export *export_;
    dz_http_stream *stream;
    struct job *next;
} job;

struct page_exporter {
    char *db_path;
    pthread_t thread;
    pthread_mutex_t lock; /* guards jobs, count and stopping */
    pthread_cond_t news;
    job *jobs; /* that the thread has not taken yet */
    size_t count;
    bool stopping;
    bool started;
};

static void *run(void *user);
static void wait_for_news(page_exporter *exporter, bool busy);
static job *take_new(page_exporter *exporter, job *running);
static bool advance(job *one, bool *wrote);
static void end_job(page_exporter *exporter, job *one);
static void begin_export(dz_page *page, dz_http_request *request, dz_export_format format);

dozan_status page_exporter_create(const char *db_path, page_exporter **exporter, dozan_error *err)
{
    page_exporter *made = calloc(1, sizeof *made);
    if (made != NULL)
        made->db_path = strdup(db_path);
    if (made == NULL || made->db_path == NULL) {
        free(made);
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    }
    (void)pthread_mutex_init(&made->lock, NULL);
    (void)pthread_cond_init(&made->news, NULL);
    int code = pthread_create(&made->thread, NULL, run, made);
    made->started = code == 0;
    if (code != 0) {
        page_exporter_destroy(made);
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "cannot start a thread: %s",
                               strerrordesc_np(code));
    }
    *exporter = made;
    return DOZAN_OK;
}

void page_exporter_destroy(page_exporter *exporter)
{
    if (exporter == NULL)
        return;
    (void)pthread_mutex_lock(&exporter->lock);
    exporter->stopping = true;
    (void)pthread_cond_signal(&exporter->news);
    (void)pthread_mutex_unlock(&exporter->lock);
    if (exporter->started)
        (void)pthread_join(exporter->thread, NULL);
    (void)pthread_cond_destroy(&exporter->news);
    (void)pthread_mutex_destroy(&exporter->lock);
    free(exporter->db_path);
    free(exporter);
}

void page_export_csv(void *context, dz_http_request *request)
{
    begin_export(context, request, DZ_EXPORT_CSV);
}

void page_export_json(void *context, dz_http_request *request)
{
    begin_export(context, request, DZ_EXPORT_JSON);
}

/* ---- the thread */

static void *run(void *user)
{
    page_exporter *exporter = user;
    job *running = NULL;
    bool busy = false;
    while ((running = take_new(exporter, running)) != NULL || !exporter->stopping) {
        bool wrote = false;
        for (job **place = &running; *place != NULL;) {
            job *one = *place;
            if (!exporter->stopping && advance(one, &wrote)) {
                place = &one->next;
                continue;
            }
            *place = one->next;
            end_job(exporter, one);
        }
        busy = running != NULL;
        if (!wrote)
            wait_for_news(exporter, busy);
    }
    return NULL;
}

/* Jobs that have come since are put before the others. */
static job *take_new(page_exporter *exporter, job *running)
{
    (void)pthread_mutex_lock(&exporter->lock);
    while (exporter->jobs != NULL) {
        job *one = exporter->jobs;
        exporter->jobs = one->next;
        one->next = running;
        running = one;
    }
    (void)pthread_mutex_unlock(&exporter->lock);
    return running;
}

/* Until a job comes; while some wait for their clients, only for a moment. */
static void wait_for_news(page_exporter *exporter, bool busy)
{
    struct timespec until = {0};
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += LOOK_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    (void)pthread_mutex_lock(&exporter->lock);
    while (exporter->jobs == NULL && !exporter->stopping) {
        int code = busy ? pthread_cond_timedwait(&exporter->news, &exporter->lock, &until)
                        : pthread_cond_wait(&exporter->news, &exporter->lock);
        if (busy && code == ETIMEDOUT)
            break;
    }
    (void)pthread_mutex_unlock(&exporter->lock);
}

/* Writes the next part, if the client has read enough; false at the end. */
static bool advance(job *one, bool *wrote)
{
    const char *bytes = NULL;
    size_t size = 0;
    if (!dz_http_stream_open(one->stream))
        return false;
    if (dz_http_stream_waiting(one->stream) > MAX_WAITING)
        return true;
    if (dz_export_next(one->export_, &bytes, &size, NULL) != DOZAN_OK || size == 0)
        return false;
    *wrote = true;
    return dz_http_stream_write(one->stream, bytes, size);
}

static void end_job(page_exporter *exporter, job *one)
{
    dz_http_stream_end(one->stream);
    dz_export_destroy(one->export_);
    free(one);
    (void)pthread_mutex_lock(&exporter->lock);
    exporter->count--;
    (void)pthread_mutex_unlock(&exporter->lock);
}
