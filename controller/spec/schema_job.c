/*
 * The fields of batch/v1 Job and v1 Pod, as far down as a user's mistakes go: the Job, its pod
 * template, the pod, its containers and their environment. Katib decodes a Job into Kubernetes'
 * types and refuses what these do not have, so an unknown field is an error here too; what lies
 * deeper (volumes, affinity, probes) is taken as it is.
 */
#include "spec/schema.h"

static const dz_field metadata_fields[] = {
    {"name", DZ_TYPE_STRING, NULL},
    {"namespace", DZ_TYPE_STRING, NULL},
    {"labels", DZ_TYPE_STRING_MAP, NULL},
    {"annotations", DZ_TYPE_STRING_MAP, NULL},
    {"generateName", DZ_TYPE_STRING, NULL},
    {"finalizers", DZ_TYPE_STRING_LIST, NULL},
    {"ownerReferences", DZ_TYPE_LIST, NULL},
    {"creationTimestamp", DZ_TYPE_ANY, NULL},
    {"uid", DZ_TYPE_STRING, NULL},
    {"resourceVersion", DZ_TYPE_STRING, NULL},
    {"generation", DZ_TYPE_INT64, NULL},
    {"deletionTimestamp", DZ_TYPE_ANY, NULL},
    {"deletionGracePeriodSeconds", DZ_TYPE_INT64, NULL},
    {"managedFields", DZ_TYPE_LIST, NULL},
    {"selfLink", DZ_TYPE_STRING, NULL},
};
static const dz_schema metadata = DZ_SCHEMA(metadata_fields, true);

static const dz_field env_fields[] = {
    {"name", DZ_TYPE_STRING, NULL},
    {"value", DZ_TYPE_STRING, NULL},
    {"valueFrom", DZ_TYPE_MAP, NULL},
};
static const dz_schema env = DZ_SCHEMA(env_fields, true);

static const dz_field resource_fields[] = {
    {"limits", DZ_TYPE_QUANTITIES, NULL},
    {"requests", DZ_TYPE_QUANTITIES, NULL},
    {"claims", DZ_TYPE_LIST, NULL},
};
static const dz_schema resources = DZ_SCHEMA(resource_fields, true);

static const dz_field container_fields[] = {
    {"name", DZ_TYPE_STRING, NULL},
    {"image", DZ_TYPE_STRING, NULL},
    {"command", DZ_TYPE_STRING_LIST, NULL},
    {"args", DZ_TYPE_STRING_LIST, NULL},
    {"workingDir", DZ_TYPE_STRING, NULL},
    {"ports", DZ_TYPE_LIST, NULL},
    {"envFrom", DZ_TYPE_LIST, NULL},
    {"env", DZ_TYPE_OBJECT_LIST, &env},
    {"resources", DZ_TYPE_OBJECT, &resources},
    {"resizePolicy", DZ_TYPE_LIST, NULL},
    {"restartPolicy", DZ_TYPE_STRING, NULL},
    {"restartPolicyRules", DZ_TYPE_LIST, NULL},
    {"volumeMounts", DZ_TYPE_LIST, NULL},
    {"volumeDevices", DZ_TYPE_LIST, NULL},
    {"livenessProbe", DZ_TYPE_MAP, NULL},
    {"readinessProbe", DZ_TYPE_MAP, NULL},
    {"startupProbe", DZ_TYPE_MAP, NULL},
    {"lifecycle", DZ_TYPE_MAP, NULL},
    {"terminationMessagePath", DZ_TYPE_STRING, NULL},
    {"terminationMessagePolicy", DZ_TYPE_STRING, NULL},
    {"imagePullPolicy", DZ_TYPE_STRING, NULL},
    {"securityContext", DZ_TYPE_MAP, NULL},
    {"stdin", DZ_TYPE_BOOL, NULL},
    {"stdinOnce", DZ_TYPE_BOOL, NULL},
    {"tty", DZ_TYPE_BOOL, NULL},
};
static const dz_schema container = DZ_SCHEMA(container_fields, true);

static const dz_field pod_spec_fields[] = {
    {"volumes", DZ_TYPE_LIST, NULL},
    {"initContainers", DZ_TYPE_OBJECT_LIST, &container},
    {"containers", DZ_TYPE_OBJECT_LIST, &container},
    {"ephemeralContainers", DZ_TYPE_LIST, NULL},
    {"restartPolicy", DZ_TYPE_STRING, NULL},
    {"terminationGracePeriodSeconds", DZ_TYPE_INT64, NULL},
    {"activeDeadlineSeconds", DZ_TYPE_INT64, NULL},
    {"dnsPolicy", DZ_TYPE_STRING, NULL},
    {"nodeSelector", DZ_TYPE_STRING_MAP, NULL},
    {"serviceAccountName", DZ_TYPE_STRING, NULL},
    {"serviceAccount", DZ_TYPE_STRING, NULL},
    {"automountServiceAccountToken", DZ_TYPE_BOOL, NULL},
    {"nodeName", DZ_TYPE_STRING, NULL},
    {"hostNetwork", DZ_TYPE_BOOL, NULL},
    {"hostPID", DZ_TYPE_BOOL, NULL},
    {"hostIPC", DZ_TYPE_BOOL, NULL},
    {"hostUsers", DZ_TYPE_BOOL, NULL},
    {"hostnameOverride", DZ_TYPE_STRING, NULL},
    {"shareProcessNamespace", DZ_TYPE_BOOL, NULL},
    {"securityContext", DZ_TYPE_MAP, NULL},
    {"imagePullSecrets", DZ_TYPE_LIST, NULL},
    {"hostname", DZ_TYPE_STRING, NULL},
    {"subdomain", DZ_TYPE_STRING, NULL},
    {"affinity", DZ_TYPE_MAP, NULL},
    {"schedulerName", DZ_TYPE_STRING, NULL},
    {"tolerations", DZ_TYPE_LIST, NULL},
    {"hostAliases", DZ_TYPE_LIST, NULL},
    {"priorityClassName", DZ_TYPE_STRING, NULL},
    {"priority", DZ_TYPE_INT32, NULL},
    {"dnsConfig", DZ_TYPE_MAP, NULL},
    {"readinessGates", DZ_TYPE_LIST, NULL},
    {"runtimeClassName", DZ_TYPE_STRING, NULL},
    {"enableServiceLinks", DZ_TYPE_BOOL, NULL},
    {"preemptionPolicy", DZ_TYPE_STRING, NULL},
    {"overhead", DZ_TYPE_QUANTITIES, NULL},
    {"topologySpreadConstraints", DZ_TYPE_LIST, NULL},
    {"setHostnameAsFQDN", DZ_TYPE_BOOL, NULL},
    {"os", DZ_TYPE_MAP, NULL},
    {"schedulingGates", DZ_TYPE_LIST, NULL},
    {"resourceClaims", DZ_TYPE_LIST, NULL},
    {"resources", DZ_TYPE_OBJECT, &resources},
};
static const dz_schema pod_spec = DZ_SCHEMA(pod_spec_fields, true);

static const dz_field template_fields[] = {
    {"metadata", DZ_TYPE_OBJECT, &metadata},
    {"spec", DZ_TYPE_OBJECT, &pod_spec},
};
static const dz_schema pod_template = DZ_SCHEMA(template_fields, true);

static const dz_field job_spec_fields[] = {
    {"parallelism", DZ_TYPE_INT32, NULL},
    {"completions", DZ_TYPE_INT32, NULL},
    {"activeDeadlineSeconds", DZ_TYPE_INT64, NULL},
    {"podFailurePolicy", DZ_TYPE_MAP, NULL},
    {"successPolicy", DZ_TYPE_MAP, NULL},
    {"backoffLimit", DZ_TYPE_INT32, NULL},
    {"backoffLimitPerIndex", DZ_TYPE_INT32, NULL},
    {"maxFailedIndexes", DZ_TYPE_INT32, NULL},
    {"selector", DZ_TYPE_MAP, NULL},
    {"manualSelector", DZ_TYPE_BOOL, NULL},
    {"template", DZ_TYPE_OBJECT, &pod_template},
    {"ttlSecondsAfterFinished", DZ_TYPE_INT32, NULL},
    {"completionMode", DZ_TYPE_STRING, NULL},
    {"suspend", DZ_TYPE_BOOL, NULL},
    {"podReplacementPolicy", DZ_TYPE_STRING, NULL},
    {"managedBy", DZ_TYPE_STRING, NULL},
};
static const dz_schema job_spec = DZ_SCHEMA(job_spec_fields, true);

static const dz_field job_fields[] = {
    {"apiVersion", DZ_TYPE_STRING, NULL},    {"kind", DZ_TYPE_STRING, NULL},
    {"metadata", DZ_TYPE_OBJECT, &metadata}, {"spec", DZ_TYPE_OBJECT, &job_spec},
    {"status", DZ_TYPE_MAP, NULL},
};
const dz_schema dz_schema_job = DZ_SCHEMA(job_fields, true);

static const dz_field pod_fields[] = {
    {"apiVersion", DZ_TYPE_STRING, NULL},    {"kind", DZ_TYPE_STRING, NULL},
    {"metadata", DZ_TYPE_OBJECT, &metadata}, {"spec", DZ_TYPE_OBJECT, &pod_spec},
    {"status", DZ_TYPE_MAP, NULL},
};
const dz_schema dz_schema_pod = DZ_SCHEMA(pod_fields, false);
