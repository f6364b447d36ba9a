/*
 * What there is to ask for: versions, groups, resources and their schemas.
 *
 * The schemas say what Katib's own definitions of its resources say: an object whose fields are
 * kept as they are. The checks are the service's, and tell more than a schema could.
 */
#include "api/kube_parts.h"

#include <dozan/buf.h>
#include <string.h>

#define READ "[\"get\",\"list\",\"watch\"]"
#define WRITE                                                                                      \
    "[\"create\",\"delete\",\"deletecollection\",\"get\",\"list\",\"patch\",\"update\",\"watch\"]"
#define RESOURCE(plural, singular, kind, verbs)                                                    \
    "{\"name\":\"" plural "\",\"singularName\":\"" singular "\",\"namespaced\":true,\"kind\":"     \
    "\"" kind "\",\"verbs\":" verbs ",\"categories\":[\"all\",\"kubeflow\",\"katib\"]}"
#define CORE(plural, singular, kind, namespaced, verbs, more)                                      \
    "{\"name\":\"" plural "\",\"singularName\":\"" singular "\",\"namespaced\":" namespaced        \
    ",\"kind\":\"" kind "\",\"verbs\":" verbs more "}"
#define GROUP_VERSION "{\"groupVersion\":\"kubeflow.org/v1beta1\",\"version\":\"v1beta1\"}"
#define GROUP                                                                                      \
    "\"name\":\"kubeflow.org\",\"versions\":[" GROUP_VERSION "],"                                  \
    "\"preferredVersion\":" GROUP_VERSION

static void put(dz_http_request *request, const char *text);

void kube_version(void *context, dz_http_request *request)
{
    const char *client = dz_http_header(request, "User-Agent");
    (void)context;
    if (client != NULL && strncmp(client, "mlflow-", 7) == 0) {
        /* MLflow's client asks at the same place, and wants the version of the API that it has. */
        dz_http_reply_text(request, 200, "text/plain", "3.17.2");
        return;
    }
    put(request, "{\"major\":\"1\",\"minor\":\"27\",\"gitVersion\":\"v1.27.0+dozan-" DOZAN_VERSION
                 "\",\"gitCommit\":\"\",\"gitTreeState\":\"clean\",\"buildDate\":"
                 "\"1970-01-01T00:00:00Z\",\"goVersion\":\"\",\"compiler\":\"gcc\",\"platform\":"
                 "\"linux/amd64\"}");
}

void kube_api_versions(void *context, dz_http_request *request)
{
    (void)context;
    put(request, "{\"kind\":\"APIVersions\",\"versions\":[\"v1\"],"
                 "\"serverAddressByClientCIDRs\":[]}");
}

void kube_api_groups(void *context, dz_http_request *request)
{
    (void)context;
    put(request, "{\"kind\":\"APIGroupList\",\"apiVersion\":\"v1\",\"groups\":[{" GROUP "}]}");
}

void kube_api_group(void *context, dz_http_request *request)
{
    (void)context;
    put(request, "{\"kind\":\"APIGroup\",\"apiVersion\":\"v1\"," GROUP "}");
}

void kube_core_resources(void *context, dz_http_request *request)
{
    (void)context;
    put(request,
        "{\"kind\":\"APIResourceList\",\"groupVersion\":\"v1\",\"resources\":[" CORE("configmaps", "configmap", "ConfigMap", "true", "[\"create\",\"delete\",\"get\",\"list\",\"patch\",\"update\"]", ",\"shortNames\":[\"cm\"]") "," CORE(
            "events", "event", "Event", "true", "[\"get\",\"list\"]",
            ",\"shortNames\":[\"ev\"]") "," CORE("namespaces", "namespace", "Namespace", "false",
                                                 "[\"create\",\"delete\",\"get\",\"list\"]",
                                                 ",\"shortNames\":[\"ns\"]") "," CORE("persistentvo"
                                                                                      "lumeclaims",
                                                                                      "persistentvo"
                                                                                      "lumeclaim",
                                                                                      "PersistentVo"
                                                                                      "lumeClaim",
                                                                                      "true",
                                                                                      "[\"create\","
                                                                                      "\"get\","
                                                                                      "\"list\"]",
                                                                                      ",\"shortName"
                                                                                      "s\":["
                                                                                      "\"pvc\"]") "," CORE("pods",
                                                                                                           "pod",
                                                                                                           "Pod",
                                                                                                           "true",
                                                                                                           "[\"get\",\"list\"]",
                                                                                                           ",\"shortNames\":[\"po\"],\"categories\":[\"all\"]") "," CORE("pods/log",
                                                                                                                                                                         "",
                                                                                                                                                                         "Pod",
                                                                                                                                                                         "true",
                                                                                                                                                                         "[\"get\"]",
                                                                                                                                                                         "") "]}");
}

void kube_group_resources(void *context, dz_http_request *request)
{
    (void)context;
    put(request,
        "{\"kind\":\"APIResourceList\",\"apiVersion\":\"v1\",\"groupVersion\":"
        "\"kubeflow.org/v1beta1\",\"resources\":[" RESOURCE(
            "experiments", "experiment", "Experiment",
            WRITE) ","
                   "{\"name\":\"experiments/status\",\"singularName\":\"\",\"namespaced\":true,"
                   "\"kind\":\"Experiment\",\"verbs\":[\"get\"]}," RESOURCE(
                       "suggestions", "suggestion", "Suggestion",
                       READ) "," RESOURCE("trials", "trial", "Trial", READ) "]}");
}

/* The text is a literal. */
static void put(dz_http_request *request, const char *text)
{
    dz_http_reply_text(request, 200, "application/json", text);
}
