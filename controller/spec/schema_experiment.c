/*
 * The fields of a Katib v1beta1 Experiment, and Dozan's own. A field that is not here is warned
 * about and ignored, as Katib ignores it.
 */
#include "spec/schema.h"

static const dz_field setting_fields[] = {
    {"name", DZ_TYPE_STRING, NULL},
    {"value", DZ_TYPE_STRING, NULL},
};
static const dz_schema setting = DZ_SCHEMA(setting_fields, false);

static const dz_field algorithm_fields[] = {
    {"algorithmName", DZ_TYPE_STRING, NULL},
    {"algorithmSettings", DZ_TYPE_OBJECT_LIST, &setting},
};
static const dz_schema algorithm = DZ_SCHEMA(algorithm_fields, false);

static const dz_field objective_fields[] = {
    {"type", DZ_TYPE_STRING, NULL},
    {"goal", DZ_TYPE_NUMBER, NULL},
    {"objectiveMetricName", DZ_TYPE_STRING, NULL},
    {"additionalMetricNames", DZ_TYPE_STRING_LIST, NULL},
    {"metricStrategies", DZ_TYPE_OBJECT_LIST, &setting},
};
static const dz_schema objective = DZ_SCHEMA(objective_fields, false);

static const dz_field goal_fields[] = {
    {"type", DZ_TYPE_STRING, NULL},
    {"metric", DZ_TYPE_STRING, NULL},
    {"objectiveMetricName", DZ_TYPE_STRING, NULL},
    {"goal", DZ_TYPE_NUMBER, NULL},
};
static const dz_schema goal = DZ_SCHEMA(goal_fields, true);

static const dz_field constraint_fields[] = {
    {"metric", DZ_TYPE_STRING, NULL},
    {"min", DZ_TYPE_NUMBER, NULL},
    {"max", DZ_TYPE_NUMBER, NULL},
};
static const dz_schema constraint = DZ_SCHEMA(constraint_fields, true);

static const dz_field warm_start_fields[] = {
    {"experiments", DZ_TYPE_STRING_LIST, NULL},
    {"maxTrials", DZ_TYPE_INT32, NULL},
};
static const dz_schema warm_start = DZ_SCHEMA(warm_start_fields, true);

static const dz_field space_fields[] = {
    {"min", DZ_TYPE_STRING, NULL},          {"max", DZ_TYPE_STRING, NULL},
    {"step", DZ_TYPE_STRING, NULL},         {"list", DZ_TYPE_STRING_LIST, NULL},
    {"distribution", DZ_TYPE_STRING, NULL},
};
static const dz_schema space = DZ_SCHEMA(space_fields, false);

static const dz_field when_fields[] = {
    {"parameter", DZ_TYPE_STRING, NULL},
    {"in", DZ_TYPE_LIST, NULL},
    {"min", DZ_TYPE_SCALAR, NULL},
    {"max", DZ_TYPE_SCALAR, NULL},
};
static const dz_schema when = DZ_SCHEMA(when_fields, true);

static const dz_field parameter_fields[] = {
    {"name", DZ_TYPE_STRING, NULL},
    {"parameterType", DZ_TYPE_STRING, NULL},
    {"feasibleSpace", DZ_TYPE_OBJECT, &space},
    /* Dozan's own */
    {"when", DZ_TYPE_OBJECT, &when},
    {"otherwise", DZ_TYPE_SCALAR, NULL},
};
static const dz_schema parameter = DZ_SCHEMA(parameter_fields, false);

static const dz_field graph_fields[] = {
    {"numLayers", DZ_TYPE_INT32, NULL},
    {"inputSizes", DZ_TYPE_INT32_LIST, NULL},
    {"outputSizes", DZ_TYPE_INT32_LIST, NULL},
};
static const dz_schema graph = DZ_SCHEMA(graph_fields, false);

static const dz_field operation_fields[] = {
    {"operationType", DZ_TYPE_STRING, NULL},
    {"parameters", DZ_TYPE_OBJECT_LIST, &parameter},
};
static const dz_schema operation = DZ_SCHEMA(operation_fields, false);

static const dz_field nas_fields[] = {
    {"graphConfig", DZ_TYPE_OBJECT, &graph},
    {"operations", DZ_TYPE_OBJECT_LIST, &operation},
};
static const dz_schema nas = DZ_SCHEMA(nas_fields, false);

static const dz_field filter_fields[] = {{"metricsFormat", DZ_TYPE_STRING_LIST, NULL}};
static const dz_schema filter = DZ_SCHEMA(filter_fields, false);

static const dz_field path_fields[] = {
    {"path", DZ_TYPE_STRING, NULL},
    {"kind", DZ_TYPE_STRING, NULL},
    {"format", DZ_TYPE_STRING, NULL},
};
static const dz_schema file_system_path = DZ_SCHEMA(path_fields, false);

static const dz_field http_fields[] = {
    {"path", DZ_TYPE_STRING, NULL},      {"port", DZ_TYPE_SCALAR, NULL},
    {"host", DZ_TYPE_STRING, NULL},      {"scheme", DZ_TYPE_STRING, NULL},
    {"httpHeaders", DZ_TYPE_LIST, NULL},
};
static const dz_schema http = DZ_SCHEMA(http_fields, false);

static const dz_field source_fields[] = {
    {"httpGet", DZ_TYPE_OBJECT, &http},
    {"fileSystemPath", DZ_TYPE_OBJECT, &file_system_path},
    {"filter", DZ_TYPE_OBJECT, &filter},
};
static const dz_schema source = DZ_SCHEMA(source_fields, false);

static const dz_field collector_kind_fields[] = {
    {"kind", DZ_TYPE_STRING, NULL},
    {"customCollector", DZ_TYPE_MAP, NULL},
};
static const dz_schema collector_kind = DZ_SCHEMA(collector_kind_fields, false);

static const dz_field collector_fields[] = {
    {"source", DZ_TYPE_OBJECT, &source},
    {"collector", DZ_TYPE_OBJECT, &collector_kind},
};
static const dz_schema collector = DZ_SCHEMA(collector_fields, false);

static const dz_field trial_parameter_fields[] = {
    {"name", DZ_TYPE_STRING, NULL},
    {"description", DZ_TYPE_STRING, NULL},
    {"reference", DZ_TYPE_STRING, NULL},
};
static const dz_schema trial_parameter = DZ_SCHEMA(trial_parameter_fields, false);

static const dz_field config_map_fields[] = {
    {"configMapName", DZ_TYPE_STRING, NULL},
    {"configMapNamespace", DZ_TYPE_STRING, NULL},
    {"templatePath", DZ_TYPE_STRING, NULL},
};
static const dz_schema config_map = DZ_SCHEMA(config_map_fields, false);

static const dz_field project_fields[] = {
    {"path", DZ_TYPE_STRING, NULL},
    {"entryPoint", DZ_TYPE_STRING, NULL},
    {"env", DZ_TYPE_STRING, NULL},
    {"parameters", DZ_TYPE_MAP, NULL},
};
static const dz_schema project = DZ_SCHEMA(project_fields, false);

static const dz_field template_fields[] = {
    {"project", DZ_TYPE_OBJECT, &project},
    {"retain", DZ_TYPE_BOOL, NULL},
    {"trialSpec", DZ_TYPE_MAP, NULL},
    {"configMap", DZ_TYPE_OBJECT, &config_map},
    {"trialParameters", DZ_TYPE_OBJECT_LIST, &trial_parameter},
    {"primaryPodLabels", DZ_TYPE_STRING_MAP, NULL},
    {"primaryContainerName", DZ_TYPE_STRING, NULL},
    {"successCondition", DZ_TYPE_STRING, NULL},
    {"failureCondition", DZ_TYPE_STRING, NULL},
};
static const dz_schema trial_template = DZ_SCHEMA(template_fields, false);

static const dz_field leases_fields[] = {
    {"duration", DZ_TYPE_SCALAR, NULL},
};
static const dz_schema leases = DZ_SCHEMA(leases_fields, false);

static const dz_field if_better_fields[] = {
    {"metric", DZ_TYPE_STRING, NULL},
    {"type", DZ_TYPE_STRING, NULL},
};
static const dz_schema if_better = DZ_SCHEMA(if_better_fields, false);

static const dz_field register_fields[] = {
    {"model", DZ_TYPE_STRING, NULL},          {"artifact", DZ_TYPE_STRING, NULL},
    {"alias", DZ_TYPE_STRING, NULL},          {"stage", DZ_TYPE_STRING, NULL},
    {"ifBetter", DZ_TYPE_OBJECT, &if_better},
};
static const dz_schema register_model = DZ_SCHEMA(register_fields, false);

static const dz_field on_success_fields[] = {
    {"register", DZ_TYPE_OBJECT, &register_model},
};
static const dz_schema on_success = DZ_SCHEMA(on_success_fields, false);

static const dz_field spec_fields[] = {
    {"parameters", DZ_TYPE_OBJECT_LIST, &parameter},
    {"objective", DZ_TYPE_OBJECT, &objective},
    {"algorithm", DZ_TYPE_OBJECT, &algorithm},
    {"earlyStopping", DZ_TYPE_OBJECT, &algorithm},
    {"trialTemplate", DZ_TYPE_OBJECT, &trial_template},
    {"parallelTrialCount", DZ_TYPE_INT32, NULL},
    {"maxTrialCount", DZ_TYPE_INT32, NULL},
    {"maxFailedTrialCount", DZ_TYPE_INT32, NULL},
    {"metricsCollectorSpec", DZ_TYPE_OBJECT, &collector},
    {"nasConfig", DZ_TYPE_OBJECT, &nas},
    {"resumePolicy", DZ_TYPE_STRING, NULL},
    /* Dozan's own */
    {"seed", DZ_TYPE_SCALAR, NULL},
    {"initialPoints", DZ_TYPE_LIST, NULL},
    {"trialTimeout", DZ_TYPE_SCALAR, NULL},
    {"maxRuntime", DZ_TYPE_SCALAR, NULL},
    {"retries", DZ_TYPE_INT32, NULL},
    {"objectives", DZ_TYPE_OBJECT_LIST, &goal},
    {"constraints", DZ_TYPE_OBJECT_LIST, &constraint},
    {"warmStart", DZ_TYPE_OBJECT, &warm_start},
    {"leases", DZ_TYPE_OBJECT, &leases},
    {"onSuccess", DZ_TYPE_OBJECT, &on_success},
};
static const dz_schema spec = DZ_SCHEMA(spec_fields, false);

static const dz_field metadata_fields[] = {
    {"name", DZ_TYPE_STRING, NULL},
    {"namespace", DZ_TYPE_STRING, NULL},
    {"labels", DZ_TYPE_STRING_MAP, NULL},
    {"annotations", DZ_TYPE_STRING_MAP, NULL},
    {"generateName", DZ_TYPE_STRING, NULL},
    {"uid", DZ_TYPE_STRING, NULL},
    {"resourceVersion", DZ_TYPE_STRING, NULL},
    {"generation", DZ_TYPE_INT64, NULL},
    {"creationTimestamp", DZ_TYPE_STRING, NULL},
    {"deletionTimestamp", DZ_TYPE_STRING, NULL},
    {"deletionGracePeriodSeconds", DZ_TYPE_INT64, NULL},
    {"finalizers", DZ_TYPE_STRING_LIST, NULL},
    {"ownerReferences", DZ_TYPE_LIST, NULL},
    {"managedFields", DZ_TYPE_LIST, NULL},
    {"selfLink", DZ_TYPE_STRING, NULL},
};
static const dz_schema metadata = DZ_SCHEMA(metadata_fields, false);

static const dz_field experiment_fields[] = {
    {"apiVersion", DZ_TYPE_STRING, NULL},    {"kind", DZ_TYPE_STRING, NULL},
    {"metadata", DZ_TYPE_OBJECT, &metadata}, {"spec", DZ_TYPE_OBJECT, &spec},
    {"status", DZ_TYPE_ANY, NULL}, /* of a resource that Dozan printed; not read */
};
const dz_schema dz_schema_experiment = DZ_SCHEMA(experiment_fields, false);
