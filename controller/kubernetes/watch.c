#include "kubernetes/watch.h"

#include <dozan/buf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    PAGE = 500,
    WATCH_S = 290, /* the server ends it after that, and it begins anew */
    LINE_MAX_BYTES = 8 << 20,
    REFUSED_MS = 10000,
    MIN_PAUSE_MS = 50,
    MAX_PAUSE_MS = 10000
};

struct dz_cluster_watch {
    dz_cluster_client *client;
    dz_cluster_watcher watcher;
    char *path, *selector; /* the selector is encoded; "" = none */
    char *version;         /* the place; NULL = a list is needed */
    char *next;            /* of a list that has more pages: where, encoded */
    uint64_t call;
    dozan_buf line;
    bool lost; /* the place is forgotten, or a line could not be read */
    int64_t begun_ms;
    int64_t pause_ms;
};

static void list(dz_cluster_watch *w, int64_t delay_ms);
static void follow(dz_cluster_watch *w, int64_t delay_ms);
static void on_list(void *user, const dz_cluster_reply *reply);
static void on_bytes(void *user, const char *bytes, size_t size);
static void on_cut(void *user, const dz_cluster_reply *reply);
static void take_line(dz_cluster_watch *w, const char *line, size_t size);
static bool move_to(dz_cluster_watch *w, const cJSON *object);
static void start_over(dz_cluster_watch *w, int64_t delay_ms);

dz_cluster_watch *dz_cluster_watch_start(dz_cluster_client *client, const char *path,
                                         const char *selector, const dz_cluster_watcher *watcher)
{
    dz_cluster_watch *w = calloc(1, sizeof *w);
    if (w == NULL)
        return NULL;
    w->client = client;
    w->watcher = *watcher;
    dozan_buf_init(&w->line, LINE_MAX_BYTES);
    w->path = strdup(path);
    w->selector = selector != NULL ? dz_cluster_escape(selector) : strdup("");
    w->pause_ms = MIN_PAUSE_MS;
    if (w->path == NULL || w->selector == NULL) {
        dz_cluster_watch_stop(w);
        return NULL;
    }
    list(w, 0);
    return w;
}

void dz_cluster_watch_stop(dz_cluster_watch *w)
{
    if (w == NULL)
        return;
    dz_cluster_cancel(w->client, w->call);
    dozan_buf_fini(&w->line);
    free(w->path);
    free(w->selector);
    free(w->version);
    free(w->next);
    free(w);
}

/* ---- the list -------------------------------------------------------------------------------- */

static void list(dz_cluster_watch *w, int64_t delay_ms)
{
    char *path = NULL;
    bool more = w->next != NULL;
    if (asprintf(&path, "%s?limit=%d%s%s%s%s", w->path, PAGE,
                 *w->selector != '\0' ? "&labelSelector=" : "", w->selector,
                 more ? "&continue=" : "", more ? w->next : "") < 0)
        return;
    w->call = dz_cluster_send(
        w->client,
        &(dz_cluster_call){
            .method = "GET", .path = path, .done = on_list, .user = w, .delay_ms = delay_ms});
    free(path);
}

static void on_list(void *user, const dz_cluster_reply *reply)
{
    dz_cluster_watch *w = user;
    w->call = 0;
    if (reply->error.code != DOZAN_OK) {
        bool refused = reply->error.code != DOZAN_OUT_OF_RANGE;
        if (refused)
            w->watcher.refused(w->watcher.user, &reply->error);
        start_over(w, refused ? REFUSED_MS : 0);
        return;
    }
    cJSON *document = cJSON_ParseWithLength(reply->body, reply->size);
    const cJSON *metadata = cJSON_GetObjectItemCaseSensitive(document, "metadata");
    const char *next = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(metadata, "continue"));
    const cJSON *object = NULL;
    bool first = w->next == NULL;
    if (document == NULL || !move_to(w, document)) {
        cJSON_Delete(document);
        start_over(w, REFUSED_MS);
        return;
    }
    if (first)
        w->watcher.list_begins(w->watcher.user);
    cJSON_ArrayForEach(object, cJSON_GetObjectItemCaseSensitive(document, "items"))
    {
        w->watcher.seen(w->watcher.user, object);
    }
    free(w->next);
    w->next = next != NULL && *next != '\0' ? dz_cluster_escape(next) : NULL;
    cJSON_Delete(document);
    if (w->next != NULL) {
        list(w, 0);
        return;
    }
    w->watcher.list_ended(w->watcher.user);
    follow(w, 0);
}

/* ---- the watch ------------------------------------------------------------------------------- */

static void follow(dz_cluster_watch *w, int64_t delay_ms)
{
    char *path = NULL;
    w->lost = false;
    w->begun_ms = dz_cluster_now_ms() + delay_ms;
    dozan_buf_clear(&w->line);
    if (asprintf(&path,
                 "%s?watch=true&allowWatchBookmarks=true&timeoutSeconds=%d&resourceVersion=%s%s%s",
                 w->path, WATCH_S, w->version, *w->selector != '\0' ? "&labelSelector=" : "",
                 w->selector) < 0)
        return;
    w->call = dz_cluster_send(w->client, &(dz_cluster_call){.method = "GET",
                                                            .path = path,
                                                            .stream = on_bytes,
                                                            .done = on_cut,
                                                            .user = w,
                                                            .delay_ms = delay_ms});
    free(path);
}

static void on_bytes(void *user, const char *bytes, size_t size)
{
    dz_cluster_watch *w = user;
    while (size > 0 && !w->lost) {
        const char *end = memchr(bytes, '\n', size);
        size_t part = end != NULL ? (size_t)(end - bytes) : size;
        if (!dozan_buf_append(&w->line, bytes, part)) {
            w->lost = true;
            return;
        }
        if (end == NULL)
            return;
        take_line(w, w->line.data, w->line.size);
        dozan_buf_clear(&w->line);
        bytes += part + 1;
        size -= part + 1;
    }
}

/* Whoever cuts watches at once must not be asked in a loop. */
static void on_cut(void *user, const dz_cluster_reply *reply)
{
    dz_cluster_watch *w = user;
    w->call = 0;
    if (dz_cluster_now_ms() - w->begun_ms > MAX_PAUSE_MS)
        w->pause_ms = MIN_PAUSE_MS;
    else if (w->pause_ms < MAX_PAUSE_MS)
        w->pause_ms *= 2;
    bool forgotten = reply->error.code == DOZAN_OUT_OF_RANGE;
    bool refused = reply->status >= 400 && !forgotten;
    if (refused)
        w->watcher.refused(w->watcher.user, &reply->error);
    if (w->lost || forgotten || refused)
        start_over(w, refused ? REFUSED_MS : w->pause_ms);
    else
        follow(w, w->pause_ms);
}

static void take_line(dz_cluster_watch *w, const char *line, size_t size)
{
    cJSON *event = line != NULL ? cJSON_ParseWithLength(line, size) : NULL;
    const cJSON *object = cJSON_GetObjectItemCaseSensitive(event, "object");
    const char *type = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(event, "type"));
    if (size == 0)
        return;
    if (type == NULL || object == NULL || strcmp(type, "ERROR") == 0 || !move_to(w, object))
        w->lost = true; /* most often 410: the place is too old */
    else if (strcmp(type, "DELETED") == 0)
        w->watcher.deleted(w->watcher.user, object);
    else if (strcmp(type, "BOOKMARK") != 0)
        w->watcher.seen(w->watcher.user, object);
    cJSON_Delete(event);
}

/* Keeps the place that an object, a list or a bookmark has. */
static bool move_to(dz_cluster_watch *w, const cJSON *object)
{
    const cJSON *metadata = cJSON_GetObjectItemCaseSensitive(object, "metadata");
    const char *version =
        cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(metadata, "resourceVersion"));
    char *copy = version != NULL ? dz_cluster_escape(version) : NULL;
    if (copy == NULL)
        return false;
    free(w->version);
    w->version = copy;
    return true;
}

static void start_over(dz_cluster_watch *w, int64_t delay_ms)
{
    free(w->version);
    free(w->next);
    w->version = w->next = NULL;
    list(w, delay_ms);
}
