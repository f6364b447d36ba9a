/*
 * Exports of any length with little memory: one thread writes all that are under way, each as fast
 * as its client reads.
 */
#include "api/http_stream.h"
#include "api/page_parts.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
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
    dz_store *store; /* its own: the thread reads with it */
    dz_export *export_;
    dz_http_stream *stream;
    struct job *next;
} job;

struct page_exporter {
    pthread_t thread;
    pthread_mutex_t lock; /* guards jobs, count and stopping */
    pthread_cond_t news;
    job *jobs; /* that the thread has not taken yet */
    size_t count;
    bool stopping;
    bool started;
};

static void *run(void *user);
static bool take_new(page_exporter *exporter, job **running);
static void wait_for_news(page_exporter *exporter, bool busy);
static bool advance(job *one, bool *wrote);
static void end_job(page_exporter *exporter, job *one);
static void destroy_job(job *one);
static void begin_export(dz_page *page, dz_http_request *request, dz_export_format format);
static dozan_status make_job(dz_page *page, const dz_http_request *request, dz_export_format format,
                             job **made, dozan_error *err);
static bool hand_over(page_exporter *exporter, job *one);

dozan_status page_exporter_create(page_exporter **exporter, dozan_error *err)
{
    page_exporter *made = calloc(1, sizeof *made);
    if (made == NULL)
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
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
    while (take_new(exporter, &running)) {
        bool wrote = false;
        for (job **place = &running; *place != NULL;) {
            job *one = *place;
            if (advance(one, &wrote)) {
                place = &one->next;
                continue;
            }
            *place = one->next;
            end_job(exporter, one);
        }
        if (!wrote)
            wait_for_news(exporter, running != NULL);
    }
    while (running != NULL) {
        job *one = running;
        running = one->next;
        dz_http_stream_cut(one->stream);
        end_job(exporter, one);
    }
    return NULL;
}

/* Jobs that have come since are put before the others; false when the exporter ends. */
static bool take_new(page_exporter *exporter, job **running)
{
    (void)pthread_mutex_lock(&exporter->lock);
    while (exporter->jobs != NULL) {
        job *one = exporter->jobs;
        exporter->jobs = one->next;
        one->next = *running;
        *running = one;
    }
    bool go_on = !exporter->stopping;
    (void)pthread_mutex_unlock(&exporter->lock);
    return go_on;
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
    if (dz_export_next(one->export_, &bytes, &size, NULL) != DOZAN_OK) {
        dz_http_stream_cut(one->stream); /* half an export must not look like a whole one */
        return false;
    }
    if (size == 0)
        return false;
    *wrote = true;
    return dz_http_stream_write(one->stream, bytes, size);
}

static void end_job(page_exporter *exporter, job *one)
{
    destroy_job(one);
    (void)pthread_mutex_lock(&exporter->lock);
    exporter->count--;
    (void)pthread_mutex_unlock(&exporter->lock);
}

static void destroy_job(job *one)
{
    if (one == NULL)
        return;
    dz_http_stream_end(one->stream);
    dz_export_destroy(one->export_);
    dz_store_close(one->store);
    free(one);
}

/* ---- a request */

static void begin_export(dz_page *page, dz_http_request *request, dz_export_format format)
{
    bool csv = format == DZ_EXPORT_CSV;
    char named[512];
    dozan_error err = {0};
    job *one = NULL;
    dozan_status status = make_job(page, request, format, &one, &err);
    if (status != DOZAN_OK || one == NULL) {
        dz_http_fail(request, &err);
        return;
    }
    /* The name is an experiment's, and so has no character that a header could not have. */
    (void)snprintf(named, sizeof named, "attachment; filename=\"%s.%s\"",
                   dz_http_param(request, "name"), csv ? "csv" : "json");
    dz_http_answer answer = {.type = csv ? "text/csv; charset=utf-8" : "application/json",
                             .stream = one->stream};
    answer.headers[0] = (dz_http_pair){"Content-Disposition", named};
    answer.headers[1] = (dz_http_pair){"Cache-Control", "no-store"};
    if (hand_over(page->exporter, one)) {
        dz_http_reply(request, &answer);
        return;
    }
    dz_http_stream_leave(one->stream);
    destroy_job(one);
    dz_http_refusef(request, 429, "%d exports are under way already; ask again later",
                    (int)MAX_RUNNING);
}

static dozan_status make_job(dz_page *page, const dz_http_request *request, dz_export_format format,
                             job **made, dozan_error *err)
{
    job *one = calloc(1, sizeof *one);
    if (one == NULL)
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    dozan_status status =
        dz_store_open(page->config.db_path, DZ_STORE_READ, DZ_DURABILITY_NORMAL, &one->store, err);
    dz_view_request asked = {.views = page->views,
                             .store = one->store,
                             .namespace_ = dz_http_param(request, "namespace"),
                             .experiment = dz_http_param(request, "name")};
    if (status == DOZAN_OK)
        status = dz_export_create(&asked, format, &one->export_, err);
    if (status == DOZAN_OK)
        status = dz_http_stream_create(LIMIT, &one->stream, err);
    if (status != DOZAN_OK) {
        destroy_job(one);
        return status;
    }
    *made = one;
    return DOZAN_OK;
}

/* To the thread, whose it is then; the stream lives on until it is answered with. False when there
 * are too many. */
static bool hand_over(page_exporter *exporter, job *one)
{
    (void)pthread_mutex_lock(&exporter->lock);
    bool takes = exporter->count < MAX_RUNNING && !exporter->stopping;
    if (takes) {
        exporter->count++;
        one->next = exporter->jobs;
        exporter->jobs = one;
        (void)pthread_cond_signal(&exporter->news);
    }
    (void)pthread_mutex_unlock(&exporter->lock);
    return takes;
}
