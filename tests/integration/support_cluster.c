#include "support_cluster.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { STREAM_LIMIT = 1 << 20 };

static const char *name_of(const cJSON *object)
{
    const cJSON *metadata = cJSON_GetObjectItemCaseSensitive(object, "metadata");
    const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(metadata, "name"));
    return name != NULL ? name : "";
}

/* ---- state; the lock is held ----------------------------------------------------------------- */

static fake_object *find(fake_cluster *c, const char *collection, const char *name)
{
    for (size_t i = 0; i < c->object_count; i++)
        if (strcmp(c->objects[i].collection, collection) == 0 &&
            strcmp(name_of(c->objects[i].object), name) == 0)
            return &c->objects[i];
    return NULL;
}

static char *event_line(const char *type, const cJSON *object)
{
    char *body = cJSON_PrintUnformatted(object), *line = NULL;
    assert_true(asprintf(&line, "{\"type\":\"%s\",\"object\":%s}\n", type, body) > 0);
    cJSON_free(body);
    return line;
}

static void tell(fake_cluster *c, const char *collection, const char *type, cJSON *object)
{
    char version[32];
    (void)snprintf(version, sizeof version, "%lld", (long long)++c->version);
    cJSON *metadata = cJSON_GetObjectItemCaseSensitive(object, "metadata");
    cJSON_DeleteItemFromObjectCaseSensitive(metadata, "resourceVersion");
    (void)cJSON_AddStringToObject(metadata, "resourceVersion", version);
    char *line = event_line(type, object);
    assert_true(c->change_count < FAKE_CHANGES);
    c->changes[c->change_count++] = (fake_change){c->version, strdup(collection), line};
    for (size_t i = 0; i < c->stream_count; i++)
        if (strcmp(c->streams[i].of, collection) == 0)
            (void)dz_http_stream_write(c->streams[i].stream, line, strlen(line));
}

static void put(fake_cluster *c, const char *collection, cJSON *object)
{
    fake_object *old = find(c, collection, name_of(object));
    if (old != NULL) {
        cJSON_Delete(old->object);
        old->object = object;
    } else {
        assert_true(c->object_count < FAKE_OBJECTS);
        c->objects[c->object_count++] = (fake_object){strdup(collection), object};
    }
    tell(c, collection, old != NULL ? "MODIFIED" : "ADDED", object);
}

static bool take_away(fake_cluster *c, const char *collection, const char *name)
{
    fake_object *found = find(c, collection, name);
    if (found == NULL)
        return false;
    fake_object gone = *found;
    *found = c->objects[--c->object_count];
    tell(c, collection, "DELETED", gone.object);
    cJSON_Delete(gone.object);
    free(gone.collection);
    return true;
}

static void end_streams(fake_cluster *c)
{
    for (size_t i = 0; i < c->stream_count; i++) {
        dz_http_stream_end(c->streams[i].stream);
        free(c->streams[i].of);
    }
    c->stream_count = 0;
}

/* ---- requests -------------------------------------------------------------------------------- */

/* Whether it was answered already: by a fault on demand, or for want of the token. */
static bool refused(fake_cluster *c, dz_http_request *request)
{
    const char *given = dz_http_header(request, "Authorization");
    char wanted[96];
    (void)snprintf(wanted, sizeof wanted, "Bearer %s", c->token);
    if (c->token[0] != '\0' && (given == NULL || strcmp(given, wanted) != 0)) {
        c->refusals++;
        dz_http_refusef(request, 401, "who are you");
        return true;
    }
    if (c->fail_count == 0)
        return false;
    c->fail_count--;
    c->refusals++;
    dz_http_refusef(request, c->fail_status, "a fault on demand");
    return true;
}

static dz_http_stream *open_stream(dz_http_request *request)
{
    dz_http_stream *stream = NULL;
    dozan_error err = {0};
    if (dz_http_stream_create(STREAM_LIMIT, &stream, &err) != DOZAN_OK) {
        dz_http_fail(request, &err);
        return NULL;
    }
    return stream;
}

static void follow(fake_cluster *c, dz_http_request *request, const char *collection)
{
    const char *from = dz_http_query(request, "resourceVersion");
    int64_t version = from != NULL ? strtoll(from, NULL, 10) : 0;
    c->watches++;
    if (version < c->oldest) {
        dz_http_refuse(request, 410, "Expired",
                       &(dozan_error){.code = DOZAN_OUT_OF_RANGE, .message = "too old"});
        return;
    }
    dz_http_stream *stream = open_stream(request);
    if (stream == NULL)
        return;
    for (size_t i = 0; i < c->change_count; i++)
        if (c->changes[i].version > version && strcmp(c->changes[i].collection, collection) == 0)
            (void)dz_http_stream_write(stream, c->changes[i].line, strlen(c->changes[i].line));
    assert_true(c->stream_count < FAKE_STREAMS);
    c->streams[c->stream_count++] = (fake_stream){strdup(collection), stream};
    dz_http_reply(request, &(dz_http_answer){.stream = stream, .type = "application/json"});
}

/* Two objects a page, so that there are pages. */
static void list(fake_cluster *c, dz_http_request *request, const char *collection)
{
    const char *next = dz_http_query(request, "continue");
    size_t from = next != NULL ? strtoul(next, NULL, 10) : 0, seen = 0;
    char text[32];
    cJSON *answer = cJSON_CreateObject();
    cJSON *metadata = cJSON_AddObjectToObject(answer, "metadata");
    cJSON *items = cJSON_AddArrayToObject(answer, "items");
    c->lists++;
    for (size_t i = 0; i < c->object_count; i++) {
        if (strcmp(c->objects[i].collection, collection) != 0)
            continue;
        if (seen >= from && seen < from + 2)
            (void)cJSON_AddItemToArray(items, cJSON_Duplicate(c->objects[i].object, true));
        seen++;
    }
    (void)snprintf(text, sizeof text, "%zu", from + 2);
    if (seen > from + 2)
        (void)cJSON_AddStringToObject(metadata, "continue", text);
    (void)snprintf(text, sizeof text, "%lld", (long long)c->version);
    (void)cJSON_AddStringToObject(metadata, "resourceVersion", text);
    dz_http_reply_json(request, 200, answer);
}

static void on_collection(void *context, dz_http_request *request)
{
    fake_cluster *c = context;
    (void)pthread_mutex_lock(&c->lock);
    if (refused(c, request)) {
    } else if (strcmp(request->method, "POST") == 0) {
        cJSON *object = cJSON_ParseWithLength(request->body, request->body_size);
        c->creates++;
        if (object == NULL || find(c, request->path, name_of(object)) != NULL) {
            dz_http_refuse(request, 409, "AlreadyExists",
                           &(dozan_error){.code = DOZAN_ALREADY_EXISTS, .message = "it is there"});
            cJSON_Delete(object);
        } else {
            put(c, request->path, object);
            dz_http_reply_json(request, 201, cJSON_Duplicate(object, true));
        }
    } else if (dz_http_flag(request, "watch")) {
        follow(c, request, request->path);
    } else {
        list(c, request, request->path);
    }
    (void)pthread_mutex_unlock(&c->lock);
}

static void on_object(void *context, dz_http_request *request)
{
    fake_cluster *c = context;
    const char *slash = strrchr(request->path, '/');
    char *collection = strndup(request->path, (size_t)(slash - request->path));
    (void)pthread_mutex_lock(&c->lock);
    fake_object *found = find(c, collection, slash + 1);
    if (refused(c, request)) {
    } else if (found == NULL) {
        dz_http_refusef(request, 404, "there is no %s", slash + 1);
    } else if (strcmp(request->method, "DELETE") == 0) {
        c->deletes++;
        (void)take_away(c, collection, slash + 1);
        dz_http_reply_json(request, 200, cJSON_CreateObject());
    } else {
        dz_http_reply_json(request, 200, cJSON_Duplicate(found->object, true));
    }
    (void)pthread_mutex_unlock(&c->lock);
    free(collection);
}

static void on_log(void *context, dz_http_request *request)
{
    fake_cluster *c = context;
    (void)pthread_mutex_lock(&c->lock);
    if (!refused(c, request))
        dz_http_reply_text(request, 200, "text/plain", c->log != NULL ? c->log : "");
    (void)pthread_mutex_unlock(&c->lock);
}

static void on_discovery(void *context, dz_http_request *request)
{
    fake_cluster *c = context;
    (void)pthread_mutex_lock(&c->lock);
    if (!refused(c, request)) {
        bool batch = strcmp(request->path, "/apis/batch/v1") == 0;
        cJSON *answer =
            cJSON_Parse(batch ? "{\"resources\":[{\"name\":\"jobs/status\",\"kind\":\"Job\"},"
                                "{\"name\":\"jobs\",\"kind\":\"Job\",\"namespaced\":true}]}"
                              : "{\"resources\":[{\"name\":\"pytorchjobs\",\"kind\":\"PyTorchJob\","
                                "\"namespaced\":true}]}");
        dz_http_reply_json(request, 200, answer);
    }
    (void)pthread_mutex_unlock(&c->lock);
}

static const dz_http_route routes[] = {
    {"GET", "/api/v1/namespaces/{namespace}/pods/{name}/log", on_log, DZ_ROLE_NONE},
    {"GET", "/api/v1/namespaces/{namespace}/{kind}", on_collection, DZ_ROLE_NONE},
    {"GET", "/api/v1/namespaces/{namespace}/{kind}/{name}", on_object, DZ_ROLE_NONE},
    {"GET", "/apis/{group}/{version}", on_discovery, DZ_ROLE_NONE},
    {"GET", "/apis/{group}/{version}/namespaces/{namespace}/{kind}", on_collection, DZ_ROLE_NONE},
    {"POST", "/apis/{group}/{version}/namespaces/{namespace}/{kind}", on_collection, DZ_ROLE_NONE},
    {"GET", "/apis/{group}/{version}/namespaces/{namespace}/{kind}/{name}", on_object,
     DZ_ROLE_NONE},
    {"DELETE", "/apis/{group}/{version}/namespaces/{namespace}/{kind}/{name}", on_object,
     DZ_ROLE_NONE},
};

/* ---- what tests call ------------------------------------------------------------------------- */

void fake_cluster_start(fake_cluster *c, unsigned port, const char *tls_cert, const char *tls_key)
{
    char listen[64];
    dozan_error err = {0};
    (void)snprintf(listen, sizeof listen, "127.0.0.1:%u", port);
    if (c->version == 0) {
        (void)pthread_mutex_init(&c->lock, NULL);
        c->version = 1;
    }
    c->set = (dz_http_route_set){routes, sizeof routes / sizeof routes[0], c};
    dz_http_config config = {
        .sets = &c->set, .set_count = 1, .workers = 2, .tls_cert = tls_cert, .tls_key = tls_key};
    if (dz_http_server_create(listen, &config, &c->server, &err) != DOZAN_OK)
        fail_msg("%s: %s", err.place, err.message);
}

void fake_cluster_kill(fake_cluster *c)
{
    fake_cluster_cut(c, false);
    dz_http_server_destroy(c->server);
    c->server = NULL;
}

void fake_cluster_finish(fake_cluster *c)
{
    fake_cluster_kill(c);
    for (size_t i = 0; i < c->object_count; i++) {
        free(c->objects[i].collection);
        cJSON_Delete(c->objects[i].object);
    }
    for (size_t i = 0; i < c->change_count; i++) {
        free(c->changes[i].collection);
        free(c->changes[i].line);
    }
    free(c->log);
    (void)pthread_mutex_destroy(&c->lock);
}

void fake_cluster_put(fake_cluster *c, const char *collection, cJSON *object)
{
    assert_non_null(object);
    (void)pthread_mutex_lock(&c->lock);
    put(c, collection, object);
    (void)pthread_mutex_unlock(&c->lock);
}

void fake_cluster_delete(fake_cluster *c, const char *collection, const char *name)
{
    (void)pthread_mutex_lock(&c->lock);
    assert_true(take_away(c, collection, name));
    (void)pthread_mutex_unlock(&c->lock);
}

cJSON *fake_cluster_get(fake_cluster *c, const char *collection, const char *name)
{
    (void)pthread_mutex_lock(&c->lock);
    fake_object *found = find(c, collection, name);
    cJSON *copy = found != NULL ? cJSON_Duplicate(found->object, true) : NULL;
    (void)pthread_mutex_unlock(&c->lock);
    return copy;
}

void fake_cluster_cut(fake_cluster *c, bool forget)
{
    (void)pthread_mutex_lock(&c->lock);
    if (forget)
        c->oldest = ++c->version;
    end_streams(c);
    (void)pthread_mutex_unlock(&c->lock);
}

void fake_cluster_fail(fake_cluster *c, int status, int count)
{
    (void)pthread_mutex_lock(&c->lock);
    c->fail_status = status;
    c->fail_count = count;
    (void)pthread_mutex_unlock(&c->lock);
}

int fake_cluster_count(fake_cluster *c, const int *counter)
{
    (void)pthread_mutex_lock(&c->lock);
    int count = *counter;
    (void)pthread_mutex_unlock(&c->lock);
    return count;
}
