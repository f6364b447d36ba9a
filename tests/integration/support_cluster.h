/*
 * A small API server in this process, as a Kubernetes cluster looks to a client: objects of any
 * kind with list, watch, create and delete, logs of pods, and faults on demand.
 */
#ifndef TESTS_SUPPORT_CLUSTER_H
#define TESTS_SUPPORT_CLUSTER_H

#include "api/http_server.h"
#include "api/http_stream.h"

#include <pthread.h>

enum { FAKE_OBJECTS = 256, FAKE_STREAMS = 64, FAKE_CHANGES = 1024 };

typedef struct fake_change {
    int64_t version;
    char *collection;
    char *line; /* the event, as a watch tells it */
} fake_change;

typedef struct fake_object {
    char *collection; /* "/apis/batch/v1/namespaces/default/jobs" */
    cJSON *object;
} fake_object;

typedef struct fake_stream {
    char *of; /* a watch's collection, or a log's pod */
    dz_http_stream *stream;
} fake_stream;

typedef struct fake_cluster {
    dz_http_server *server;
    dz_http_route_set set;
    pthread_mutex_t lock; /* of all that follows */
    fake_object objects[FAKE_OBJECTS];
    size_t object_count;
    fake_change changes[FAKE_CHANGES];
    size_t change_count;
    fake_stream streams[FAKE_STREAMS];
    size_t stream_count;
    int64_t version, oldest;     /* a watch from before `oldest` is told 410 */
    char token[64];              /* "" = everybody may come */
    int fail_status, fail_count; /* so many of the next answers are these */
    int lists, watches, creates, deletes, refusals;
    char *log; /* what every pod has printed, each time its log is asked for */
} fake_cluster;

/* port 0: a free one. tls_cert NULL: no TLS. */
void fake_cluster_start(fake_cluster *c, unsigned port, const char *tls_cert, const char *tls_key);
/* Ends the server; what it holds stays for the next start on the same port. */
void fake_cluster_kill(fake_cluster *c);
void fake_cluster_finish(fake_cluster *c);

/* Puts an object (taken), new or in place of the one of that name. */
void fake_cluster_put(fake_cluster *c, const char *collection, cJSON *object);
void fake_cluster_delete(fake_cluster *c, const char *collection, const char *name);
/* A copy, or NULL. */
cJSON *fake_cluster_get(fake_cluster *c, const char *collection, const char *name);
/* Ends every watch; `forget`: none can go on from where it was. */
void fake_cluster_cut(fake_cluster *c, bool forget);
void fake_cluster_fail(fake_cluster *c, int status, int count);
int fake_cluster_count(fake_cluster *c, const int *counter);

#endif
