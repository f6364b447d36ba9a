#include "kubernetes/client_parts.h"

#include <dozan/rng.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <time.h>

enum {
    ANSWER_MAX = 64 << 20,
    REFUSAL_MAX = 64 << 10, /* of a stream's answer that is none */
    CONNECT_LIMIT_MS = 10000,
    ANSWER_LIMIT_MS = 60000,
    MIN_BACKOFF_MS = 100,
    MAX_BACKOFF_MS = 10000,
    MAX_RETRY_AFTER_S = 300,
    PER_SECOND = 50,
    BURST = 100,
    KEEP_ALIVE_S = 30
};

typedef struct call {
    struct call *next;
    uint64_t number;
    char *method, *path, *body, *type;
    dz_cluster_bytes *stream;
    dz_cluster_done *done;
    void *user;
    int64_t due_ms;   /* when it may be sent (again) */
    int64_t until_ms; /* when it is not tried again; INT64_MAX = never */
    int failures;
    bool renewed;   /* a 401 has had the credentials read anew */
    bool streamed;  /* bytes have been given to `stream` */
    bool cancelled; /* from inside curl's own callback, where it cannot be ended */
    CURL *handle;   /* NULL = it is not under way */
    struct curl_slist *headers;
    dozan_buf answer;
    long status;
    char fault[CURL_ERROR_SIZE];
} call;

struct dz_cluster_client {
    const dz_cluster_access *access;
    cluster_credentials credentials;
    CURLM *multi;
    struct curl_slist *resolve; /* tls-server-name: that name, at the server's address */
    char *base;                 /* what paths are put behind */
    call *calls;
    uint64_t last_number;
    bool inside; /* of curl: its handles cannot be taken out now */
    double tokens, per_second, burst;
    int64_t filled_ms;
    dozan_rng rng;
};

static dozan_status set_base(dz_cluster_client *client, dozan_error *err);
static void renew_in_time(dz_cluster_client *client);
static int64_t begin_due(dz_cluster_client *client);
static bool begin(dz_cluster_client *client, call *c);
static CURL *make_handle(dz_cluster_client *client, call *c);
static bool add_headers(dz_cluster_client *client, call *c);
static size_t take_bytes(char *bytes, size_t one, size_t size, void *user);
static void perform(dz_cluster_client *client);
static void finish_ended(dz_cluster_client *client);
static void finish(dz_cluster_client *client, call *c, CURLcode code);
static bool try_again(dz_cluster_client *client, call *c, CURLcode code);
static void tell(dz_cluster_client *client, call *c, CURLcode code);
static void error_of(const dz_cluster_client *client, const call *c, CURLcode code,
                     dozan_error *err);
static void take_out(dz_cluster_client *client, call *c);
static void call_destroy(call *c);
static void end_transfer(dz_cluster_client *client, call *c);

static dozan_status no_memory(dozan_error *err)
{
    return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL,
                           "out of memory for the cluster's client");
}

dozan_status dz_cluster_client_create(const dz_cluster_access *access,
                                      const dz_cluster_limits *limits, dz_cluster_client **client,
                                      dozan_error *err)
{
    uint64_t seed = 0;
    dz_cluster_client *made = calloc(1, sizeof *made);
    if (made == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        free(made);
        return no_memory(err);
    }
    (void)!getrandom(&seed, sizeof seed, GRND_NONBLOCK); /* for the jitter alone */
    made->rng = dozan_rng_stream(seed, "cluster.jitter", 0);
    made->access = access;
    made->per_second = limits != NULL && limits->per_second > 0 ? limits->per_second : PER_SECOND;
    made->burst = limits != NULL && limits->burst > 0 ? limits->burst : BURST;
    made->tokens = made->burst;
    made->filled_ms = dz_cluster_now_ms();
    made->multi = curl_multi_init();
    dozan_status status = made->multi == NULL ? no_memory(err) : set_base(made, err);
    if (status == DOZAN_OK)
        status = cluster_credentials_init(&made->credentials, access, err);
    if (status == DOZAN_OK)
        *client = made;
    else
        dz_cluster_client_destroy(made);
    return status;
}

void dz_cluster_client_destroy(dz_cluster_client *client)
{
    if (client == NULL)
        return;
    while (client->calls != NULL)
        take_out(client, client->calls);
    if (client->multi != NULL)
        (void)curl_multi_cleanup(client->multi);
    if (client->credentials.access != NULL)
        cluster_credentials_fini(&client->credentials);
    curl_slist_free_all(client->resolve);
    free(client->base);
    free(client);
    curl_global_cleanup();
}

uint64_t dz_cluster_send(dz_cluster_client *client, const dz_cluster_call *given)
{
    call *c = calloc(1, sizeof *c);
    if (c == NULL)
        return 0;
    int64_t now = dz_cluster_now_ms();
    c->method = strdup(given->method);
    c->path = strdup(given->path);
    c->body = given->body != NULL ? strdup(given->body) : NULL;
    c->type = strdup(given->type != NULL ? given->type : "application/json");
    if (c->method == NULL || c->path == NULL || c->type == NULL ||
        (given->body != NULL && c->body == NULL)) {
        call_destroy(c);
        return 0;
    }
    c->stream = given->stream;
    c->done = given->done;
    c->user = given->user;
    c->due_ms = now + given->delay_ms;
    c->until_ms = given->patience_ms > 0 ? now + given->delay_ms + given->patience_ms : INT64_MAX;
    c->number = ++client->last_number;
    dozan_buf_init(&c->answer, given->stream != NULL ? REFUSAL_MAX : ANSWER_MAX);
    call **end = &client->calls; /* those that wait for the rate are sent in their order */
    while (*end != NULL)
        end = &(*end)->next;
    *end = c;
    return c->number;
}

void dz_cluster_cancel(dz_cluster_client *client, uint64_t number)
{
    for (call *c = client->calls; number != 0 && c != NULL; c = c->next) {
        if (c->number != number)
            continue;
        if (client->inside)
            c->cancelled = true;
        else
            take_out(client, c);
        return;
    }
}

void dz_cluster_turn(dz_cluster_client *client, int64_t limit_ms)
{
    renew_in_time(client);
    int64_t due = begin_due(client), now = dz_cluster_now_ms();
    perform(client);
    if (due < now + limit_ms)
        limit_ms = due > now ? due - now : 0;
    (void)curl_multi_poll(client->multi, NULL, 0, (int)limit_ms, NULL);
    perform(client);
}

void dz_cluster_wake(dz_cluster_client *client)
{
    (void)curl_multi_wakeup(client->multi);
}

size_t dz_cluster_pending(const dz_cluster_client *client)
{
    size_t count = 0;
    for (const call *c = client->calls; c != NULL; c = c->next)
        count++;
    return count;
}

char *dz_cluster_escape(const char *text)
{
    char *made = curl_easy_escape(NULL, text, 0);
    char *copy = made != NULL ? strdup(made) : NULL;
    curl_free(made);
    return copy;
}

int64_t dz_cluster_now_ms(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- sending --------------------------------------------------------------------------------- */

/* Where the certificate has another name than the address, the address is called by that name. */
static dozan_status set_base(dz_cluster_client *client, dozan_error *err)
{
    const dz_cluster_access *access = client->access;
    char *host = NULL, *port = NULL, *base = NULL, *line = NULL;
    dozan_status status = DOZAN_OK;
    if (access->server_name == NULL) {
        client->base = strdup(access->server);
        return client->base != NULL ? DOZAN_OK : no_memory(err);
    }
    CURLU *parts = curl_url();
    if (parts == NULL || curl_url_set(parts, CURLUPART_URL, access->server, 0) != CURLUE_OK ||
        curl_url_get(parts, CURLUPART_HOST, &host, 0) != CURLUE_OK ||
        curl_url_get(parts, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) != CURLUE_OK ||
        curl_url_set(parts, CURLUPART_HOST, access->server_name, 0) != CURLUE_OK ||
        curl_url_get(parts, CURLUPART_URL, &base, 0) != CURLUE_OK) {
        status = dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "kubeconfig: cluster.server",
                                 "it is no address");
    } else {
        if (asprintf(&line, "%s:%s:%s:%s", access->server_name, port, host, port) < 0)
            line = NULL;
        client->resolve = line != NULL ? curl_slist_append(NULL, line) : NULL;
        client->base = strdup(base);
        if (client->resolve == NULL || client->base == NULL)
            status = no_memory(err);
        size_t size = client->base != NULL ? strlen(client->base) : 0;
        if (size > 0 && client->base[size - 1] == '/')
            client->base[size - 1] = '\0';
    }
    free(line);
    curl_free(host);
    curl_free(port);
    curl_free(base);
    curl_url_cleanup(parts);
    return status;
}

/* A program or file that gives nothing now leaves what we have: the server will say if that is no
 * good any more. */
static void renew_in_time(dz_cluster_client *client)
{
    dozan_error ignored = {0};
    if (dz_cluster_now_ms() >= client->credentials.renew_ms)
        (void)!cluster_credentials_renew(&client->credentials, &ignored);
}

/* Sends what is due, as far as the rate allows. When there will be more to do. */
static int64_t begin_due(dz_cluster_client *client)
{
    int64_t now = dz_cluster_now_ms(), next = INT64_MAX;
    client->tokens += (double)(now - client->filled_ms) / 1000 * client->per_second;
    if (client->tokens > client->burst)
        client->tokens = client->burst;
    client->filled_ms = now;
    for (call *c = client->calls, *after; c != NULL; c = after) {
        after = c->next;
        int64_t due = c->due_ms;
        if (c->handle != NULL)
            continue;
        if (due <= now && client->tokens < 1.0)
            due = now + 1 + (int64_t)((1.0 - client->tokens) / client->per_second * 1000);
        if (due > now) {
            next = due < next ? due : next;
            continue;
        }
        client->tokens -= 1.0;
        if (!begin(client, c)) {
            c->due_ms = now + MAX_BACKOFF_MS;
            next = c->due_ms < next ? c->due_ms : next;
        }
    }
    return next;
}

static bool begin(dz_cluster_client *client, call *c)
{
    c->status = 0;
    c->fault[0] = '\0';
    dozan_buf_clear(&c->answer);
    c->handle = make_handle(client, c);
    if (c->handle != NULL && curl_multi_add_handle(client->multi, c->handle) == CURLM_OK)
        return true;
    curl_easy_cleanup(c->handle);
    c->handle = NULL;
    curl_slist_free_all(c->headers);
    c->headers = NULL;
    return false;
}

static CURL *make_handle(dz_cluster_client *client, call *c)
{
    char *url = NULL;
    CURL *h = curl_easy_init();
    if (h == NULL || asprintf(&url, "%s%s", client->base, c->path) < 0) {
        curl_easy_cleanup(h);
        return NULL;
    }
    bool ok = curl_easy_setopt(h, CURLOPT_URL, url) == CURLE_OK && add_headers(client, c);
    ok = ok && curl_easy_setopt(h, CURLOPT_HTTPHEADER, c->headers) == CURLE_OK;
    ok = ok && curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK;
    ok = ok && curl_easy_setopt(h, CURLOPT_CUSTOMREQUEST, c->method) == CURLE_OK;
    if (c->body != NULL) {
        ok = ok && curl_easy_setopt(h, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(c->body)) ==
                       CURLE_OK;
        ok = ok && curl_easy_setopt(h, CURLOPT_POSTFIELDS, c->body) == CURLE_OK;
    }
    ok = ok && curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, take_bytes) == CURLE_OK;
    ok = ok && curl_easy_setopt(h, CURLOPT_WRITEDATA, c) == CURLE_OK;
    ok = ok && curl_easy_setopt(h, CURLOPT_PRIVATE, c) == CURLE_OK;
    ok = ok && curl_easy_setopt(h, CURLOPT_ERRORBUFFER, c->fault) == CURLE_OK;
    ok = ok && curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L) == CURLE_OK;
    ok = ok && curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_LIMIT_MS) == CURLE_OK;
    if (c->stream == NULL)
        ok = ok && curl_easy_setopt(h, CURLOPT_TIMEOUT_MS, (long)ANSWER_LIMIT_MS) == CURLE_OK;
    /* a peer that is gone without a word is found out, also below a stream that says little */
    ok = ok && curl_easy_setopt(h, CURLOPT_TCP_KEEPALIVE, 1L) == CURLE_OK;
    ok = ok && curl_easy_setopt(h, CURLOPT_TCP_KEEPIDLE, (long)KEEP_ALIVE_S) == CURLE_OK;
    ok = ok && curl_easy_setopt(h, CURLOPT_TCP_KEEPINTVL, (long)KEEP_ALIVE_S / 3) == CURLE_OK;
    if (client->resolve != NULL)
        ok = ok && curl_easy_setopt(h, CURLOPT_CONNECT_TO, client->resolve) == CURLE_OK;
    ok = ok && cluster_credentials_apply(&client->credentials, h);
    free(url);
    if (ok)
        return h;
    curl_easy_cleanup(h);
    return NULL;
}

static bool add_header(call *c, const char *line)
{
    struct curl_slist *more = curl_slist_append(c->headers, line);
    if (more != NULL)
        c->headers = more;
    return more != NULL;
}

static bool add_headers(dz_cluster_client *client, call *c)
{
    char *type = NULL;
    bool ok = add_header(c, "Accept: application/json, */*") && add_header(c, "Expect:") &&
              add_header(c, "User-Agent: dozan");
    if (ok && client->credentials.bearer != NULL)
        ok = add_header(c, client->credentials.bearer);
    if (ok && c->body != NULL) {
        if (asprintf(&type, "Content-Type: %s", c->type) < 0)
            return false;
        ok = add_header(c, type);
        free(type);
    }
    return ok;
}

/* ---- answers --------------------------------------------------------------------------------- */

static size_t take_bytes(char *bytes, size_t one, size_t size, void *user)
{
    call *c = user;
    size *= one;
    if (c->cancelled)
        return size;
    if (c->status == 0)
        (void)curl_easy_getinfo(c->handle, CURLINFO_RESPONSE_CODE, &c->status);
    if (c->stream == NULL || c->status < 200 || c->status > 299)
        return dozan_buf_append(&c->answer, bytes, size) ? size : 0;
    c->streamed = true;
    c->stream(c->user, bytes, size);
    return size;
}

static void perform(dz_cluster_client *client)
{
    int running = 0;
    client->inside = true;
    (void)curl_multi_perform(client->multi, &running);
    client->inside = false;
    for (call *c = client->calls, *after; c != NULL; c = after) {
        after = c->next;
        if (c->cancelled)
            take_out(client, c);
    }
    finish_ended(client);
}

static void finish_ended(dz_cluster_client *client)
{
    int left = 0;
    CURLMsg *message = NULL;
    while ((message = curl_multi_info_read(client->multi, &left)) != NULL) {
        char *c = NULL;
        CURLcode code = message->data.result;
        if (message->msg != CURLMSG_DONE)
            continue;
        (void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &c);
        if (c != NULL)
            finish(client, (call *)(void *)c, code);
    }
}

static void finish(dz_cluster_client *client, call *c, CURLcode code)
{
    (void)curl_easy_getinfo(c->handle, CURLINFO_RESPONSE_CODE, &c->status);
    if (try_again(client, c, code))
        end_transfer(client, c);
    else
        tell(client, c, code);
}

/* Whether the call is put back to be sent again, and when. */
static bool try_again(dz_cluster_client *client, call *c, CURLcode code)
{
    dozan_error ignored = {0};
    curl_off_t after_s = 0;
    int64_t wait = MIN_BACKOFF_MS, now = dz_cluster_now_ms();
    bool passing = code == CURLE_OK
                       ? c->status == 429 || c->status == 500 || c->status == 502 ||
                             c->status == 503 || c->status == 504
                       : code != CURLE_PEER_FAILED_VERIFICATION &&
                             code != CURLE_SSL_CACERT_BADFILE && code != CURLE_SSL_CERTPROBLEM &&
                             code != CURLE_URL_MALFORMAT && code != CURLE_WRITE_ERROR &&
                             code != CURLE_OUT_OF_MEMORY;
    if (c->streamed)
        return false;
    if (code == CURLE_OK && c->status == 401 && !c->renewed &&
        cluster_credentials_can_renew(&client->credentials)) {
        c->renewed = true;
        (void)!cluster_credentials_renew(&client->credentials, &ignored);
        c->due_ms = now;
        return true;
    }
    for (int i = 0; i < c->failures && wait < MAX_BACKOFF_MS; i++)
        wait *= 2;
    wait = wait < MAX_BACKOFF_MS ? wait : MAX_BACKOFF_MS;
    wait -= (int64_t)(dozan_rng_uniform(&client->rng) * 0.5 * (double)wait);
    if (code == CURLE_OK &&
        curl_easy_getinfo(c->handle, CURLINFO_RETRY_AFTER, &after_s) == CURLE_OK && after_s > 0)
        wait += (after_s < MAX_RETRY_AFTER_S ? after_s : MAX_RETRY_AFTER_S) * 1000;
    if (!passing || now + wait > c->until_ms)
        return false;
    c->failures++;
    c->due_ms = now + wait;
    return true;
}

static void tell(dz_cluster_client *client, call *c, CURLcode code)
{
    dz_cluster_reply reply = {.status = code == CURLE_OK || c->streamed ? (int)c->status : 0,
                              .body = c->answer.data != NULL ? c->answer.data : "",
                              .size = c->answer.size};
    error_of(client, c, code, &reply.error);
    call **at = &client->calls; /* out of the list first: `done` may send and cancel */
    while (*at != c)
        at = &(*at)->next;
    *at = c->next;
    end_transfer(client, c);
    if (c->done != NULL)
        c->done(c->user, &reply);
    call_destroy(c);
}

/* The server's own words where it has any. The path is none of a secret; a body may be, and is
 * never shown. */
static void error_of(const dz_cluster_client *client, const call *c, CURLcode code,
                     dozan_error *err)
{
    static const struct {
        long status;
        dozan_status code;
    } table[] = {{400, DOZAN_INVALID_ARGUMENT},  {401, DOZAN_UNAUTHENTICATED},
                 {403, DOZAN_PERMISSION_DENIED}, {404, DOZAN_NOT_FOUND},
                 {405, DOZAN_UNIMPLEMENTED},     {409, DOZAN_ABORTED},
                 {410, DOZAN_OUT_OF_RANGE},      {413, DOZAN_INVALID_ARGUMENT},
                 {422, DOZAN_INVALID_ARGUMENT},  {429, DOZAN_RESOURCE_EXHAUSTED}};
    *err = (dozan_error){0};
    int shown = (int)strcspn(c->path, "?");
    if (code != CURLE_OK) {
        bool large = code == CURLE_WRITE_ERROR && c->answer.failed;
        (void)dozan_error_set(err, large ? DOZAN_OUT_OF_RANGE : DOZAN_UNAVAILABLE, NULL,
                              "%s %.*s: the cluster %.100s %s: %.160s", c->method,
                              shown < 100 ? shown : 100, c->path, client->access->server,
                              large ? "answers with too much" : "cannot be reached",
                              c->fault[0] != '\0' ? c->fault : curl_easy_strerror(code));
        return;
    }
    if (c->status >= 200 && c->status <= 299)
        return;
    dozan_status kind = c->status >= 500 ? DOZAN_UNAVAILABLE : DOZAN_UNKNOWN;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (table[i].status == c->status)
            kind = table[i].code;
    cJSON *said =
        c->answer.data != NULL ? cJSON_ParseWithLength(c->answer.data, c->answer.size) : NULL;
    const char *reason = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(said, "reason"));
    const char *message = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(said, "message"));
    if (kind == DOZAN_ABORTED && reason != NULL && strcmp(reason, "AlreadyExists") == 0)
        kind = DOZAN_ALREADY_EXISTS;
    (void)dozan_error_set(err, kind, NULL, "%s %.*s: HTTP %ld%s%.64s: %.256s", c->method,
                          shown < 100 ? shown : 100, c->path, c->status, reason != NULL ? " " : "",
                          reason != NULL ? reason : "",
                          message != NULL ? message : "the server says no more");
    cJSON_Delete(said);
}

/* ---- helpers --------------------------------------------------------------------------------- */

static void end_transfer(dz_cluster_client *client, call *c)
{
    if (c->handle != NULL) {
        (void)curl_multi_remove_handle(client->multi, c->handle);
        curl_easy_cleanup(c->handle);
    }
    c->handle = NULL;
    for (struct curl_slist *h = c->headers; h != NULL; h = h->next)
        if (strncmp(h->data, "Authorization", 13) == 0)
            explicit_bzero(h->data, strlen(h->data));
    curl_slist_free_all(c->headers);
    c->headers = NULL;
}

static void take_out(dz_cluster_client *client, call *c)
{
    call **at = &client->calls;
    while (*at != c)
        at = &(*at)->next;
    *at = c->next;
    end_transfer(client, c);
    call_destroy(c);
}

static void call_destroy(call *c)
{
    free(c->method);
    free(c->path);
    free(c->body);
    free(c->type);
    dozan_buf_fini(&c->answer);
    free(c);
}
