#include "api/kube_parts.h"

#include <stdlib.h>
#include <time.h>

#define OURS "/apis/kubeflow.org/v1beta1"
#define IN OURS "/namespaces/{namespace}/{kind}"
#define CORE "/api/v1"
#define CORE_IN CORE "/namespaces/{namespace}"

static const dz_http_route routes[] = {
    {"GET", "/version", kube_version, DZ_ROLE_NONE},
    {"GET", "/api", kube_api_versions, DZ_ROLE_NONE},
    {"GET", CORE, kube_core_resources, DZ_ROLE_NONE},
    {"GET", "/apis", kube_api_groups, DZ_ROLE_NONE},
    {"GET", "/apis/kubeflow.org", kube_api_group, DZ_ROLE_NONE},
    {"GET", OURS, kube_group_resources, DZ_ROLE_NONE},
    {"GET", "/openapi/v2", kube_openapi_v2, DZ_ROLE_NONE},
    {"GET", "/openapi/v3", kube_openapi_v3, DZ_ROLE_NONE},
    {"GET", "/openapi/v3/{path...}", kube_openapi_v3_group, DZ_ROLE_NONE},

    {"GET", IN, kube_list, DZ_ROLE_VIEWER},
    {"POST", IN, kube_create, DZ_ROLE_EDITOR},
    {"DELETE", IN, kube_delete_collection, DZ_ROLE_EDITOR},
    {"GET", IN "/{name}", kube_get, DZ_ROLE_VIEWER},
    {"PUT", IN "/{name}", kube_replace, DZ_ROLE_EDITOR},
    {"PATCH", IN "/{name}", kube_patch, DZ_ROLE_EDITOR},
    {"DELETE", IN "/{name}", kube_delete, DZ_ROLE_EDITOR},
    {"GET", IN "/{name}/status", kube_get, DZ_ROLE_VIEWER},
    {"PUT", IN "/{name}/status", kube_status_refused, DZ_ROLE_EDITOR},
    {"PATCH", IN "/{name}/status", kube_status_refused, DZ_ROLE_EDITOR},
    {"GET", OURS "/{kind}", kube_list, DZ_ROLE_VIEWER},

    {"GET", CORE "/namespaces", kube_namespaces, DZ_ROLE_VIEWER},
    {"POST", CORE "/namespaces", kube_namespace_create, DZ_ROLE_ADMIN},
    {"GET", CORE "/namespaces/{namespace}", kube_namespace, DZ_ROLE_VIEWER},
    {"DELETE", CORE "/namespaces/{namespace}", kube_namespace_delete, DZ_ROLE_ADMIN},
    {"GET", CORE_IN "/events", kube_events, DZ_ROLE_VIEWER},
    {"GET", CORE "/events", kube_events, DZ_ROLE_VIEWER},
    {"GET", CORE_IN "/pods", kube_pods, DZ_ROLE_VIEWER},
    {"GET", CORE "/pods", kube_pods, DZ_ROLE_VIEWER},
    {"GET", CORE_IN "/pods/{name}", kube_pod, DZ_ROLE_VIEWER},
    {"GET", CORE_IN "/pods/{name}/log", kube_pod_log, DZ_ROLE_VIEWER},
    {"GET", CORE_IN "/configmaps", kube_config_maps, DZ_ROLE_VIEWER},
    {"GET", CORE "/configmaps", kube_config_maps, DZ_ROLE_VIEWER},
    {"POST", CORE_IN "/configmaps", kube_config_map_create, DZ_ROLE_EDITOR},
    {"GET", CORE_IN "/configmaps/{name}", kube_config_map, DZ_ROLE_VIEWER},
    {"PUT", CORE_IN "/configmaps/{name}", kube_config_map_replace, DZ_ROLE_EDITOR},
    {"PATCH", CORE_IN "/configmaps/{name}", kube_config_map_patch, DZ_ROLE_EDITOR},
    {"DELETE", CORE_IN "/configmaps/{name}", kube_config_map_delete, DZ_ROLE_EDITOR},
    {"GET", CORE_IN "/persistentvolumeclaims", kube_claims, DZ_ROLE_VIEWER},
    {"POST", CORE_IN "/persistentvolumeclaims", kube_claim_create, DZ_ROLE_EDITOR},
    {"GET", CORE_IN "/persistentvolumeclaims/{name}", kube_claim, DZ_ROLE_VIEWER},
};

dozan_status dz_kube_create(const dz_kube_config *config, dz_kube **kube, dozan_error *err)
{
    dz_kube *made = calloc(1, sizeof(*made));
    if (made != NULL) {
        made->config = *config;
        made->stores = calloc(config->workers, sizeof(dz_store *));
        (void)pthread_mutex_init(&made->objects_lock, NULL);
    }
    if (made == NULL || made->stores == NULL) {
        free(made);
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    }
    dozan_status status = kube_hub_create(made, &made->hub, err);
    if (status != DOZAN_OK) {
        dz_kube_destroy(made);
        return status;
    }
    *kube = made;
    return DOZAN_OK;
}

void dz_kube_destroy(dz_kube *kube)
{
    if (kube == NULL)
        return;
    kube_hub_destroy(kube->hub);
    for (size_t i = 0; i < kube->config.workers; i++)
        dz_store_close(kube->stores[i]);
    dz_store_close(kube->objects);
    (void)pthread_mutex_destroy(&kube->objects_lock);
    free(kube->stores);
    free(kube);
}

dz_http_route_set dz_kube_routes(dz_kube *kube)
{
    return (dz_http_route_set){routes, sizeof(routes) / sizeof(routes[0]), kube};
}

void dz_kube_committed(dz_kube *kube)
{
    kube_hub_wake(kube->hub);
}

dozan_status kube_store(dz_kube *kube, const dz_http_request *request, dz_store **store,
                        dozan_error *err)
{
    dz_store **own = &kube->stores[request->worker];
    if (*own == NULL) {
        dozan_status status =
            dz_store_open(kube->config.db_path, DZ_STORE_READ, DZ_DURABILITY_NORMAL, own, err);
        if (status == DOZAN_NOT_FOUND && err != NULL)
            err->code = status = DOZAN_UNAVAILABLE; /* of the database, not of what was asked for */
        if (status != DOZAN_OK)
            return status;
    }
    *store = *own;
    return DOZAN_OK;
}

int64_t kube_wall_ms(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
