/*
 * PrometheusMetric: asks the trial's own HTTP server for its metrics, every second, and more often
 * until it answers first. A metric has a new value when the value, or its time, is another than the
 * last one: the format does not tell whether the same value was measured again.
 *
 * When the trial has ended there is nothing left to ask: what counts is the last answer.
 */
#include "collectors/beside/beside.h"
#include "collectors/prometheus_text.h"

#include <curl/curl.h>
#include <dozan/buf.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
    FIRST_MS = 100,
    EVERY_MS = 1000,
    CONNECT_LIMIT_MS = 2000,
    LIMIT_MS = 5000,
    MAX_BODY = 4 << 20,
    MAX_HEADER = 16384,
    MAX_VALUE = 64
};

/* What a metric had last. */
typedef struct last_value {
    char text[MAX_VALUE];
    int64_t time_ms;
    unsigned found; /* in this answer */
    bool several_told;
} last_value;

typedef struct scraper {
    const dz_beside *task;
    CURL *client;
    char *url;
    struct curl_slist *headers;
    dozan_buf body;
    last_value *last; /* [metric_count] */
    int64_t now_ms;
    bool answered;
    bool bad_told;
    char fault[CURL_ERROR_SIZE];  /* of this request; "" = none */
    char reason[CURL_ERROR_SIZE]; /* why none was answered: the last fault, or a telling one */
    bool reason_tells;
} scraper;

static bool set_up(scraper *s);
static char *make_url(const scraper *s);
static bool add_headers(scraper *s);
static void scrape(scraper *s);
static size_t take_body(char *bytes, size_t one, size_t size, void *user);
static int is_to_stop(void *user, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d);
static void take_sample(void *user, const dz_prometheus_sample *sample);

int dz_beside_prometheus(const dz_beside *task)
{
    scraper s = {.task = task};
    dozan_buf_init(&s.body, MAX_BODY);
    bool ready = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK && set_up(&s);
    if (!ready)
        dz_beside_complain("httpGet is no address that can be asked for metrics, or memory is out");
    while (ready && !dz_beside_wait(s.answered ? EVERY_MS : FIRST_MS))
        scrape(&s);
    if (ready && !s.answered)
        dz_beside_complain("%.100s gave no metrics (%.80s): the program is to listen there, at "
                           "$DOZAN_METRICS_PORT",
                           s.url, s.reason);
    curl_slist_free_all(s.headers);
    curl_easy_cleanup(s.client);
    curl_free(s.url);
    curl_global_cleanup();
    dozan_buf_fini(&s.body);
    free(s.last);
    return ready ? 0 : 1;
}

/* ---- the client ------------------------------------------------------------------------------ */

static bool set_up(scraper *s)
{
    s->client = curl_easy_init();
    s->url = make_url(s);
    s->last = calloc(s->task->metric_count + 1, sizeof *s->last);
    if (s->client == NULL || s->url == NULL || s->last == NULL || !add_headers(s))
        return false;
    CURL *c = s->client;
    const char *authorities = getenv("SSL_CERT_FILE"); /* NOLINT(concurrency-mt-unsafe) */
    bool ok = curl_easy_setopt(c, CURLOPT_URL, s->url) == CURLE_OK;
    ok = ok && curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK;
    ok = ok && curl_easy_setopt(c, CURLOPT_NOPROXY, "*") == CURLE_OK;
    ok = ok && curl_easy_setopt(c, CURLOPT_HTTPHEADER, s->headers) == CURLE_OK;
    ok = ok && curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take_body) == CURLE_OK;
    ok = ok && curl_easy_setopt(c, CURLOPT_WRITEDATA, s) == CURLE_OK;
    ok = ok && curl_easy_setopt(c, CURLOPT_ERRORBUFFER, s->fault) == CURLE_OK;
    ok = ok && curl_easy_setopt(c, CURLOPT_FAILONERROR, 1L) == CURLE_OK;
    ok = ok && curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L) == CURLE_OK;
    ok = ok && curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_LIMIT_MS) == CURLE_OK;
    ok = ok && curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)LIMIT_MS) == CURLE_OK;
    ok = ok && curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L) == CURLE_OK;
    ok = ok && curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, is_to_stop) == CURLE_OK;
    if (authorities != NULL && authorities[0] != '\0')
        ok = ok && curl_easy_setopt(c, CURLOPT_CAINFO, authorities) == CURLE_OK;
    return ok;
}

static const char *text_of(const cJSON *object, const char *name, const char *otherwise)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
    return text != NULL && text[0] != '\0' ? text : otherwise;
}

/* NULL when a part is none of an address. */
static char *make_url(const scraper *s)
{
    const cJSON *http = cJSON_GetObjectItemCaseSensitive(s->task->source, "httpGet");
    const char *scheme = text_of(http, "scheme", "http");
    const char *path = text_of(http, "path", "/metrics");
    const char *query = strchr(path, '?');
    char *only_path = strndup(path, query != NULL ? (size_t)(query - path) : strlen(path));
    char port[16];
    char *url = NULL;
    CURLU *parts = curl_url();
    (void)snprintf(port, sizeof port, "%d", s->task->port);
    bool ok =
        parts != NULL && only_path != NULL &&
        curl_url_set(parts, CURLUPART_SCHEME, strcasecmp(scheme, "https") == 0 ? "https" : "http",
                     0) == CURLUE_OK &&
        curl_url_set(parts, CURLUPART_HOST, text_of(http, "host", "127.0.0.1"), 0) == CURLUE_OK &&
        curl_url_set(parts, CURLUPART_PORT, port, 0) == CURLUE_OK &&
        curl_url_set(parts, CURLUPART_PATH, only_path, 0) == CURLUE_OK;
    if (ok && query != NULL)
        ok = curl_url_set(parts, CURLUPART_QUERY, query + 1, 0) == CURLUE_OK;
    if (!ok || curl_url_get(parts, CURLUPART_URL, &url, 0) != CURLUE_OK)
        url = NULL;
    curl_url_cleanup(parts);
    free(only_path);
    return url;
}

static bool add_header(scraper *s, const char *name, const char *value)
{
    dozan_buf line;
    dozan_buf_init(&line, MAX_HEADER);
    (void)dozan_buf_printf(&line, "%s: %s", name, value);
    struct curl_slist *more = line.failed || strpbrk(line.data, "\r\n") != NULL
                                  ? NULL
                                  : curl_slist_append(s->headers, line.data);
    dozan_buf_fini(&line);
    if (more != NULL)
        s->headers = more;
    return more != NULL;
}

static bool add_headers(scraper *s)
{
    const cJSON *http = cJSON_GetObjectItemCaseSensitive(s->task->source, "httpGet");
    const cJSON *header;
    bool ok = add_header(s, "Accept", "text/plain; version=0.0.4");
    cJSON_ArrayForEach(header, cJSON_GetObjectItemCaseSensitive(http, "httpHeaders"))
    {
        ok =
            ok && add_header(s, text_of(header, "name", "X-Nothing"), text_of(header, "value", ""));
    }
    return ok;
}

/* ---- one answer ------------------------------------------------------------------------------ */

/* A server that comes up or goes down breaks connections; one that was there and refused says more.
 */
static void note_reason(scraper *s, CURLcode code)
{
    bool tells = code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_HTTP_RETURNED_ERROR ||
                 code == CURLE_SSL_CACERT_BADFILE || code == CURLE_OPERATION_TIMEDOUT;
    if (s->reason_tells && !tells)
        return;
    s->reason_tells = tells;
    (void)snprintf(s->reason, sizeof s->reason, "%s",
                   s->fault[0] != '\0' ? s->fault : curl_easy_strerror(code));
}

static void scrape(scraper *s)
{
    dozan_buf_clear(&s->body);
    s->fault[0] = '\0';
    CURLcode code = curl_easy_perform(s->client);
    if (code != CURLE_OK) {
        note_reason(s, code);
        if (s->body.failed && !s->bad_told) {
            dz_beside_complain("an answer of %.100s had more than 4 MiB", s->url);
            s->bad_told = true;
        }
        return;
    }
    s->answered = true;
    s->now_ms = dz_beside_now_ms();
    for (size_t i = 0; i < s->task->metric_count; i++)
        s->last[i].found = 0;
    int64_t bad =
        s->body.size == 0 ? 0 : dz_prometheus_read(s->body.data, s->body.size, take_sample, s);
    if (bad > 0 && !s->bad_told) {
        dz_beside_complain("%lld lines of an answer of %.100s are not in Prometheus' text format",
                           (long long)bad, s->url);
        s->bad_told = true;
    }
}

static size_t take_body(char *bytes, size_t one, size_t size, void *user)
{
    scraper *s = user;
    return dozan_buf_append(&s->body, bytes, one * size) ? one * size : 0;
}

/* The trial has ended: nobody is there to answer any more. */
static int is_to_stop(void *user, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    (void)user, (void)a, (void)b, (void)c, (void)d;
    return dz_beside_ended() ? 1 : 0;
}

static void take_sample(void *user, const dz_prometheus_sample *sample)
{
    scraper *s = user;
    for (size_t i = 0; i < s->task->metric_count; i++) {
        last_value *last = &s->last[i];
        if (!dz_prometheus_is(sample, s->task->metrics[i]))
            continue;
        if (last->found++ > 0) {
            if (!last->several_told)
                dz_beside_complain("%.60s has several samples, and the first one was taken: give "
                                   "labels in the metric's name, as in loss{split=\"test\"}",
                                   s->task->metrics[i]);
            last->several_told = true;
            continue;
        }
        int64_t time_ms = sample->has_time ? sample->time_ms : 0;
        bool same = last->time_ms == time_ms && strlen(last->text) == sample->value.size &&
                    memcmp(last->text, sample->value.text, sample->value.size) == 0;
        if (same || sample->value.size >= sizeof last->text)
            continue;
        last->time_ms = time_ms;
        memcpy(last->text, sample->value.text, sample->value.size);
        last->text[sample->value.size] = '\0';
        dz_beside_point(i, sample->has_time ? time_ms : s->now_ms, last->text, -1);
    }
}
