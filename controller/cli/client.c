#include "cli/client.h"

#include <ctype.h>
#include <curl/curl.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

enum {
    CONNECT_LIMIT_S = 10,
    ANSWER_LIMIT_S = 300, /* the end of an experiment's trials is waited for when it is deleted */
    KEEPALIVE_S = 20,     /* a peer that is gone without a word is found out */
    TOKEN_MAX = 4096,
    BODY_MAX = 1 << 30,
    POLL_MS = 1000,
    PAUSE_MAX_MS = 60000,
    MAX_STREAMS = 4,
    URL_MAX = 65536
};

struct dz_client {
    const dz_target *target;
    CURL *easy;
    struct curl_slist *headers;
    char *refusal;
    bool begun; /* libcurl */
    bool loopback;
};

/* One stream under way. */
typedef struct running {
    dz_client_stream *stream;
    CURL *easy;
    dozan_buf refusal; /* the body of an answer that is an error */
    char fault[CURL_ERROR_SIZE];
    bool enough;
} running;

static dozan_status check_server(dz_client *client, dozan_error *err);
static dozan_status add_token(dz_client *client, dozan_error *err);
static dozan_status read_token(const char *path, char *token, dozan_error *err);
static bool is_loopback(const char *server);
static bool set_up(const dz_client *client, CURL *easy, const char *path, char *fault);
static bool set_request(CURL *easy, const dz_client_request *request, struct curl_slist **headers);
static size_t keep(char *bytes, size_t one, size_t size, void *user);
static size_t hand_on(char *bytes, size_t one, size_t size, void *user);
static dozan_status take_answer(dz_client *client, CURL *easy, const dozan_buf *body, cJSON **tree,
                                dozan_error *err);
static dozan_status explain(dz_client *client, CURLcode code, const char *fault, dozan_error *err);
static dozan_status refuse(dz_client *client, long code, const char *body, dozan_error *err);
static dozan_status status_of(long code, const char *reason);
static dozan_status begin(dz_client *client, CURLM *multi, running *run, dz_client_stream *stream,
                          dozan_error *err);
static bool collect(dz_client *client, CURLM *multi, running *runs, size_t count);
static dozan_status no_memory(dozan_error *err);

dozan_status dz_client_create(const dz_target *target, dz_client **client, dozan_error *err)
{
    dz_client *made = calloc(1, sizeof(*made));
    if (made == NULL)
        return no_memory(err);
    made->target = target;
    dozan_status status = check_server(made, err);
    if (status == DOZAN_OK && curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        status = no_memory(err);
    else if (status == DOZAN_OK)
        made->begun = true;
    if (status == DOZAN_OK && (made->easy = curl_easy_init()) == NULL)
        status = no_memory(err);
    if (status == DOZAN_OK)
        status = add_token(made, err);
    if (status == DOZAN_OK)
        *client = made;
    else
        dz_client_destroy(made);
    return status;
}

void dz_client_destroy(dz_client *client)
{
    if (client == NULL)
        return;
    for (struct curl_slist *item = client->headers; item != NULL; item = item->next)
        explicit_bzero(item->data, strlen(item->data)); /* the token */
    curl_slist_free_all(client->headers);
    curl_easy_cleanup(client->easy);
    if (client->begun)
        curl_global_cleanup();
    free(client->refusal);
    free(client);
}

const dz_target *dz_client_target(const dz_client *client)
{
    return client->target;
}

const char *dz_client_refusal(const dz_client *client)
{
    return client->refusal != NULL ? client->refusal : "";
}

dozan_status dz_client_call(dz_client *client, const dz_client_request *request, cJSON **tree,
                            dozan_error *err)
{
    char fault[CURL_ERROR_SIZE] = "";
    dozan_buf body;
    struct curl_slist *headers = NULL;
    dozan_status status = DOZAN_OK;
    dozan_buf_init(&body, BODY_MAX);
    free(client->refusal);
    client->refusal = NULL;
    curl_easy_reset(client->easy);
    for (const struct curl_slist *item = client->headers; item != NULL; item = item->next) {
        struct curl_slist *longer = curl_slist_append(headers, item->data);
        if (longer == NULL)
            status = no_memory(err);
        else
            headers = longer;
    }
    bool ready = status == DOZAN_OK && set_up(client, client->easy, request->path, fault) &&
                 set_request(client->easy, request, &headers) &&
                 curl_easy_setopt(client->easy, CURLOPT_WRITEFUNCTION, keep) == CURLE_OK &&
                 curl_easy_setopt(client->easy, CURLOPT_WRITEDATA, &body) == CURLE_OK &&
                 curl_easy_setopt(client->easy, CURLOPT_TIMEOUT, (long)ANSWER_LIMIT_S) == CURLE_OK;
    if (!ready) {
        status = no_memory(err);
    } else {
        CURLcode code = curl_easy_perform(client->easy);
        status = code == CURLE_OK ? take_answer(client, client->easy, &body, tree, err)
                                  : explain(client, code, fault, err);
    }
    for (struct curl_slist *item = headers; item != NULL; item = item->next)
        explicit_bzero(item->data, strlen(item->data));
    curl_slist_free_all(headers);
    dozan_buf_fini(&body);
    return status;
}

void dz_client_escape(dozan_buf *path, const char *text)
{
    for (; *text != '\0'; text++) {
        unsigned char letter = (unsigned char)*text;
        if (isalnum(letter) || letter == '-' || letter == '_' || letter == '.' || letter == '~')
            dozan_buf_append(path, text, 1);
        else
            dozan_buf_printf(path, "%%%02X", letter);
    }
}

int64_t dz_client_clock(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

bool dz_client_pause(int interrupt, int64_t milliseconds)
{
    struct pollfd poller = {.fd = interrupt, .events = POLLIN};
    int limit = milliseconds > PAUSE_MAX_MS ? PAUSE_MAX_MS : (int)milliseconds;
    return poll(&poller, 1, limit < 0 ? 0 : limit) > 0;
}

/* ---- streams ---- */

dozan_status dz_client_follow(dz_client *client, dz_client_stream *streams, size_t count,
                              int interrupt, int64_t until_ms, dz_client_end *end, dozan_error *err)
{
    running runs[MAX_STREAMS] = {0};
    dozan_status status = DOZAN_OK;
    CURLM *multi = curl_multi_init();
    if (multi == NULL || count > MAX_STREAMS)
        status = no_memory(err);
    for (size_t i = 0; i < count && status == DOZAN_OK; i++)
        status = begin(client, multi, &runs[i], &streams[i], err);
    for (bool over = false; status == DOZAN_OK && !over;) {
        struct curl_waitfd waker = {.fd = interrupt, .events = CURL_WAIT_POLLIN};
        int active = 0;
        int64_t left = until_ms - dz_client_clock();
        if (curl_multi_perform(multi, &active) != CURLM_OK)
            status = no_memory(err);
        over = true;
        if (status != DOZAN_OK)
            break;
        if (collect(client, multi, runs, count)) {
            *end = DZ_CLIENT_ENDED;
            for (size_t i = 0; i < count; i++)
                if (runs[i].enough)
                    *end = DZ_CLIENT_ENOUGH;
        } else if (left <= 0) {
            *end = DZ_CLIENT_LATE;
        } else {
            (void)curl_multi_poll(multi, interrupt >= 0 ? &waker : NULL, interrupt >= 0 ? 1 : 0,
                                  left < POLL_MS ? (int)left : POLL_MS, NULL);
            over = interrupt >= 0 && dz_client_pause(interrupt, 0);
            if (over)
                *end = DZ_CLIENT_INTERRUPTED;
        }
    }
    for (size_t i = 0; i < count && i < MAX_STREAMS; i++) {
        if (runs[i].easy != NULL)
            (void)curl_multi_remove_handle(multi, runs[i].easy);
        curl_easy_cleanup(runs[i].easy);
        dozan_buf_fini(&runs[i].refusal);
    }
    (void)curl_multi_cleanup(multi);
    return status;
}

static dozan_status begin(dz_client *client, CURLM *multi, running *run, dz_client_stream *stream,
                          dozan_error *err)
{
    run->stream = stream;
    stream->ended = false;
    stream->status = DOZAN_OK;
    dozan_buf_init(&run->refusal, BODY_MAX);
    run->easy = curl_easy_init();
    if (run->easy != NULL && set_up(client, run->easy, stream->path, run->fault) &&
        curl_easy_setopt(run->easy, CURLOPT_HTTPHEADER, client->headers) == CURLE_OK &&
        curl_easy_setopt(run->easy, CURLOPT_WRITEFUNCTION, hand_on) == CURLE_OK &&
        curl_easy_setopt(run->easy, CURLOPT_WRITEDATA, run) == CURLE_OK &&
        curl_multi_add_handle(multi, run->easy) == CURLM_OK)
        return DOZAN_OK;
    return no_memory(err);
}

/* Whether one of them has ended: why is written into its stream. */
static bool collect(dz_client *client, CURLM *multi, running *runs, size_t count)
{
    CURLMsg *message;
    int more = 0;
    bool any = false;
    while ((message = curl_multi_info_read(multi, &more)) != NULL) {
        for (size_t i = 0; i < count && message->msg == CURLMSG_DONE; i++) {
            running *run = &runs[i];
            if (run->easy != message->easy_handle)
                continue;
            CURLcode code = message->data.result;
            any = true;
            run->stream->ended = true;
            if (code != CURLE_OK && !run->enough)
                run->stream->status = explain(client, code, run->fault, &run->stream->err);
            else if (!run->enough)
                run->stream->status =
                    take_answer(client, run->easy, &run->refusal, NULL, &run->stream->err);
        }
    }
    for (size_t i = 0; i < count; i++)
        any = any || runs[i].enough;
    return any;
}

static size_t hand_on(char *bytes, size_t one, size_t size, void *user)
{
    running *run = user;
    long code = 0;
    (void)one; /* 1 by contract */
    (void)curl_easy_getinfo(run->easy, CURLINFO_RESPONSE_CODE, &code);
    if (code >= 300)
        return dozan_buf_append(&run->refusal, bytes, size) ? size : 0;
    run->enough = run->enough || !run->stream->sink(run->stream->user, bytes, size);
    return run->enough ? 0 : size;
}

/* ---- one request ---- */

static bool set_up(const dz_client *client, CURL *easy, const char *path, char *fault)
{
    const dz_target *target = client->target;
    dozan_buf url;
    dozan_buf_init(&url, URL_MAX);
    size_t size = strlen(target->server);
    while (size > 0 && target->server[size - 1] == '/')
        size--;
    dozan_buf_append(&url, target->server, size);
    dozan_buf_puts(&url, path);
    bool ok = !url.failed && curl_easy_setopt(easy, CURLOPT_URL, url.data) == CURLE_OK;
    dozan_buf_fini(&url);
    ok = ok && curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK;
    ok = ok && curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L) == CURLE_OK;
    ok = ok && curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L) == CURLE_OK;
    ok = ok && curl_easy_setopt(easy, CURLOPT_USERAGENT, "dozan/" DOZAN_VERSION) == CURLE_OK;
    ok = ok && curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, fault) == CURLE_OK;
    ok = ok && curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK;
    ok = ok && curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_LIMIT_S) == CURLE_OK;
    ok = ok && curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L) == CURLE_OK;
    ok = ok && curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L) == CURLE_OK;
    ok = ok && curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, (long)KEEPALIVE_S) == CURLE_OK;
    ok = ok && curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, (long)KEEPALIVE_S) == CURLE_OK;
    if (client->loopback)
        ok = ok && curl_easy_setopt(easy, CURLOPT_NOPROXY, "*") == CURLE_OK;
    if (target->authority != NULL)
        ok = ok && curl_easy_setopt(easy, CURLOPT_CAINFO, target->authority) == CURLE_OK;
    if (target->certificate != NULL)
        ok = ok && curl_easy_setopt(easy, CURLOPT_SSLCERT, target->certificate) == CURLE_OK;
    if (target->key != NULL)
        ok = ok && curl_easy_setopt(easy, CURLOPT_SSLKEY, target->key) == CURLE_OK;
    return ok;
}

static bool set_request(CURL *easy, const dz_client_request *request, struct curl_slist **headers)
{
    bool ok = true;
    if (request->body != NULL) {
        char type[128];
        int size = snprintf(type, sizeof(type), "Content-Type: %s", request->type);
        ok = size > 0 && (size_t)size < sizeof(type);
        const char *const added[] = {type, "Expect:"}; /* no round trip before the body */
        for (size_t i = 0; i < 2 && ok; i++) {
            struct curl_slist *longer = curl_slist_append(*headers, added[i]);
            ok = longer != NULL;
            *headers = ok ? longer : *headers;
        }
        ok = ok && curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body) == CURLE_OK;
        ok = ok && curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->size) ==
                       CURLE_OK;
    }
    ok = ok && curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method) == CURLE_OK;
    return ok && curl_easy_setopt(easy, CURLOPT_HTTPHEADER, *headers) == CURLE_OK;
}

static size_t keep(char *bytes, size_t one, size_t size, void *user)
{
    (void)one; /* 1 by contract */
    return dozan_buf_append(user, bytes, size) ? size : 0;
}

static dozan_status take_answer(dz_client *client, CURL *easy, const dozan_buf *body, cJSON **tree,
                                dozan_error *err)
{
    long code = 0;
    (void)curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &code);
    const char *text = body->data != NULL ? body->data : "";
    if (code < 200 || code >= 300)
        return refuse(client, code, text, err);
    if (tree == NULL)
        return DOZAN_OK;
    *tree = cJSON_Parse(text);
    if (*tree != NULL)
        return DOZAN_OK;
    return dozan_error_set(err, DOZAN_UNAVAILABLE, client->target->server,
                           "the answer is no JSON: is this `dozan serve`? (named by %s)",
                           client->target->origin);
}

/* ---- errors ---- */

/* The service's own words; where they are about who asks, with what to do. */
static dozan_status refuse(dz_client *client, long code, const char *body, dozan_error *err)
{
    const dz_target *target = client->target;
    cJSON *tree = cJSON_Parse(body);
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(tree, "message"));
    const char *reason = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(tree, "reason"));
    dozan_status status = status_of(code, reason);
    free(client->refusal);
    client->refusal = text != NULL ? strdup(text) : NULL;
    if (status == DOZAN_UNAUTHENTICATED)
        (void)dozan_error_set(err, status, target->server, "%s; %s%s%s",
                              text != NULL ? text : "the service does not know who asks",
                              target->token_file != NULL ? "the token is in " : "give --token-file",
                              target->token_file != NULL ? target->token_file
                                                         : " or "
                                                           "--client-certificate",
                              target->token_file != NULL ? ", and `dozan token` makes another"
                                                         : "");
    else if (text != NULL && *text != '\0')
        (void)dozan_error_set(err, status, NULL, "%s", text);
    else
        (void)dozan_error_set(err, status, target->server,
                              "answered with HTTP status %ld: is this `dozan serve`? (named by %s)",
                              code, target->origin);
    cJSON_Delete(tree);
    return status;
}

static dozan_status status_of(long code, const char *reason)
{
    static const struct {
        long code;
        dozan_status status;
    } table[] = {
        {400, DOZAN_INVALID_ARGUMENT},  {401, DOZAN_UNAUTHENTICATED},
        {403, DOZAN_PERMISSION_DENIED}, {404, DOZAN_NOT_FOUND},
        {405, DOZAN_UNIMPLEMENTED},     {410, DOZAN_OUT_OF_RANGE},
        {413, DOZAN_INVALID_ARGUMENT},  {415, DOZAN_UNIMPLEMENTED},
        {422, DOZAN_INVALID_ARGUMENT},  {429, DOZAN_RESOURCE_EXHAUSTED},
        {504, DOZAN_DEADLINE_EXCEEDED},
    };
    if (code == 409 && reason != NULL && strcmp(reason, "AlreadyExists") == 0)
        return DOZAN_ALREADY_EXISTS;
    if (code == 409)
        return DOZAN_FAILED_PRECONDITION;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if (table[i].code == code)
            return table[i].status;
    return DOZAN_UNAVAILABLE;
}

/* What libcurl says, and what can be done. */
static dozan_status explain(dz_client *client, CURLcode code, const char *fault, dozan_error *err)
{
    const dz_target *target = client->target;
    const char *detail = *fault != '\0' ? fault : curl_easy_strerror(code);
    switch (code) {
    case CURLE_PEER_FAILED_VERIFICATION:
        return dozan_error_set(err, DOZAN_FAILED_PRECONDITION, target->server,
                               "its certificate is not to be trusted, and nothing was sent: %s; "
                               "--certificate-authority FILE names who has signed it",
                               detail);
    case CURLE_SSL_CACERT_BADFILE:
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, target->authority,
                               "has no certificates of authorities (PEM): %s", detail);
    case CURLE_SSL_CERTPROBLEM:
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, target->certificate,
                               "is no client certificate with its key (PEM): %s", detail);
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
        return dozan_error_set(err, DOZAN_UNAVAILABLE, target->server,
                               "the service cannot be reached: %s; does `dozan serve` run there? "
                               "(named by %s)",
                               detail, target->origin);
    case CURLE_OPERATION_TIMEDOUT:
        return dozan_error_set(err, DOZAN_UNAVAILABLE, target->server,
                               "the service does not answer: %s (named by %s)", detail,
                               target->origin);
    case CURLE_OUT_OF_MEMORY:
        return no_memory(err);
    case CURLE_URL_MALFORMAT:
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, target->server,
                               "is no address of a service (named by %s)", target->origin);
    default:
        return dozan_error_set(err, DOZAN_UNAVAILABLE, target->server,
                               "the connection to the service has failed: %s", detail);
    }
}

static dozan_status no_memory(dozan_error *err)
{
    return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
}

/* ---- who is asked, and who asks ---- */

static dozan_status check_server(dz_client *client, dozan_error *err)
{
    const char *server = client->target->server;
    const char *host = strstr(server, "://");
    bool tls = strncasecmp(server, "https://", strlen("https://")) == 0;
    bool plain = strncasecmp(server, "http://", strlen("http://")) == 0;
    if ((!tls && !plain) || host == NULL || strpbrk(host + 3, "@?# \t\r\n") != NULL ||
        host[3] == '\0')
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, client->target->origin,
                               "\"%s\" is no address of a service: write https://HOST:PORT, or "
                               "http://HOST:PORT",
                               strchr(server, '@') == NULL ? server : "...");
    client->loopback = is_loopback(host + 3);
    if (plain && !client->loopback && client->target->token_file != NULL)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, server,
                               "a token would be readable on the way: use https://");
    return DOZAN_OK;
}

static bool is_loopback(const char *server)
{
    static const char *const hosts[] = {"127.0.0.1", "localhost", "[::1]"};
    size_t size = *server == '[' ? strcspn(server, "]") + 1 : strcspn(server, ":/");
    for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++)
        if (strlen(hosts[i]) == size && strncasecmp(server, hosts[i], size) == 0)
            return true;
    return false;
}

static dozan_status add_token(dz_client *client, dozan_error *err)
{
    char token[TOKEN_MAX + 1], header[TOKEN_MAX + 32];
    if (client->target->token_file == NULL)
        return DOZAN_OK;
    dozan_status status = read_token(client->target->token_file, token, err);
    if (status != DOZAN_OK)
        return status;
    int size = snprintf(header, sizeof(header), "Authorization: Bearer %s", token);
    client->headers = size > 0 ? curl_slist_append(NULL, header) : NULL;
    explicit_bzero(token, sizeof(token));
    explicit_bzero(header, sizeof(header));
    return client->headers != NULL ? DOZAN_OK : no_memory(err);
}

/* The file's first word, which has to be all of it. */
static dozan_status read_token(const char *path, char *token, dozan_error *err)
{
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return dozan_error_set(err, DOZAN_NOT_FOUND, path, "the token cannot be read: %s",
                               strerrordesc_np(errno));
    (void)setvbuf(file, NULL, _IONBF, 0); /* no copy of it stays in a buffer */
    size_t size = fread(token, 1, TOKEN_MAX + 1, file);
    bool good = !ferror(file);
    (void)fclose(file);
    while (good && size > 0 && size <= TOKEN_MAX && isspace((unsigned char)token[size - 1]))
        size--;
    good = good && size > 0 && size <= TOKEN_MAX;
    for (size_t i = 0; good && i < size; i++)
        good = token[i] > ' ' && token[i] < 0x7f;
    if (!good) {
        explicit_bzero(token, TOKEN_MAX + 1);
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, path,
                               "holds no token: one word, as `dozan token` prints it");
    }
    token[size] = '\0';
    return DOZAN_OK;
}
