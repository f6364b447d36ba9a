/*
 * The objects of one kind, as they change: a list, and a watch that goes on from it. A watch that
 * is cut goes on where it was; where the server has forgotten that place (410), all is listed
 * again. Bookmarks move the place while nothing changes.
 */
#ifndef DZ_KUBERNETES_WATCH_H
#define DZ_KUBERNETES_WATCH_H

#include "kubernetes/client.h"

typedef struct dz_cluster_watch dz_cluster_watch;

/* Called out of dz_cluster_turn; may not stop the watch that calls. An object may be told again as
 * it was. */
typedef struct dz_cluster_watcher {
    void *user;
    void (*seen)(void *user, const cJSON *object);
    void (*deleted)(void *user, const cJSON *object);
    /* A list begins, and has ended: what was not seen in between is not there any more. */
    void (*list_begins)(void *user);
    void (*list_ended)(void *user);
    /* The list is refused (403, 404, 401): it is asked for again every 10 s. */
    void (*refused)(void *user, const dozan_error *err);
} dz_cluster_watcher;

/* path: "/api/v1/namespaces/default/pods"; selector: a labelSelector, or NULL. NULL = no memory. */
dz_cluster_watch *dz_cluster_watch_start(dz_cluster_client *client, const char *path,
                                         const char *selector, const dz_cluster_watcher *watcher);
void dz_cluster_watch_stop(dz_cluster_watch *watch);

#endif
