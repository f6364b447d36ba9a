/*
 * The verdicts on the objective and its metrics, and on how they are collected.
 */
#include "spec/validate.h"

#include "collectors/collector.h"
#include "spec/defaults.h"

#include <ctype.h>
#include <string.h>

const dz_word dz_strategy_words[3] = {
    {"min", DZ_STRATEGY_MIN},
    {"max", DZ_STRATEGY_MAX},
    {"latest", DZ_STRATEGY_LATEST},
};

const dz_word dz_collector_words[7] = {
    {"StdOut", DZ_COLLECTOR_STDOUT},
    {"File", DZ_COLLECTOR_FILE},
    {"TensorFlowEvent", DZ_COLLECTOR_TENSORFLOW_EVENT},
    {"PrometheusMetric", DZ_COLLECTOR_PROMETHEUS},
    {"Custom", DZ_COLLECTOR_CUSTOM},
    {"Push", DZ_COLLECTOR_PUSH},
    {"MLflow", DZ_COLLECTOR_MLFLOW},
};

static void check_additional(const dz_check *check, const dz_node *objective);
static void check_strategies(const dz_check *check, const dz_node *objective);
static bool is_metric(const dz_node *objective, const char *name);
static void check_kind(const dz_check *check, const dz_node *collector_spec, int kind);
static void check_file(const dz_check *check, const dz_node *source);
static void check_directory(const dz_check *check, const dz_node *source);
static void check_custom(const dz_check *check, const dz_node *collector_spec);
static void check_http(const dz_check *check, const dz_node *source);
static void check_filters(const dz_check *check, const dz_node *formats);
static void check_default_filter(const dz_check *check, const dz_node *source, int kind);

void dz_check_objective(const dz_check *check)
{
    const dz_node *objective = dz_node_get(check->spec, "objective");
    const dz_node *type = dz_node_get(objective, "type");

    if (objective == NULL && dz_node_get(check->spec, "objectives") == NULL) {
        dz_reject(check->findings, check->spec, "objective", "must be specified");
    }
    if (objective == NULL || objective->kind != DZ_NODE_MAP || objective->defaulted) {
        return; /* what objectives fills in is checked there */
    }
    if (type == NULL) {
        dz_reject(check->findings, objective, "type", "must be minimize or maximize");
    } else if (dz_node_is(type, DZ_SCALAR_STRING) && strcmp(type->text, "minimize") != 0 &&
               strcmp(type->text, "maximize") != 0) {
        dz_reject(check->findings, type, NULL, "is \"%.64s\", and must be minimize or maximize",
                  type->text);
    }
    if (dz_node_blank(dz_node_get(objective, "objectiveMetricName"))) {
        dz_reject(check->findings, objective, "objectiveMetricName", "must be specified");
    }
    check_additional(check, objective);
    check_strategies(check, objective);
}

void dz_check_collector(const dz_check *check)
{
    const dz_node *collector_spec = dz_node_get(check->spec, "metricsCollectorSpec");
    const dz_node *collector = dz_node_get(collector_spec, "collector");
    const dz_node *source = dz_node_get(collector_spec, "source");
    const dz_node *formats = dz_node_get(dz_node_get(source, "filter"), "metricsFormat");
    const dz_node *kind = dz_node_get(collector, "kind");
    int value = -1;

    if (collector == NULL || collector->kind != DZ_NODE_MAP) {
        return;
    }
    if (kind == NULL) {
        dz_reject(check->findings, collector, "kind", "must be specified: StdOut, File, ...");
    } else if (dz_node_is(kind, DZ_SCALAR_STRING)) {
        value = DZ_WORD_VALUE(dz_collector_words, kind->text);
        if (value < 0) {
            dz_reject(check->findings, kind, NULL,
                      "invalid metrics collector kind: \"%.64s\"; it must be StdOut, File, "
                      "TensorFlowEvent, PrometheusMetric, Custom or Push",
                      kind->text);
        } else {
            check_kind(check, collector_spec, value);
        }
    }
    if (formats != NULL && formats->kind == DZ_NODE_LIST && formats->count > 0) {
        check_filters(check, formats);
    } else if (value >= 0) {
        check_default_filter(check, source, value);
    }
}

static void check_additional(const dz_check *check, const dz_node *objective)
{
    const dz_node *names = dz_node_get(objective, "additionalMetricNames");
    const char *metric = dz_node_string(objective, "objectiveMetricName");

    if (names == NULL || names->kind != DZ_NODE_LIST) {
        return;
    }
    if (names->count > DZ_MAX_METRICS) {
        dz_reject(check->findings, names, NULL, "has %u entries; %d are allowed", names->count,
                  DZ_MAX_METRICS);
        return;
    }
    for (const dz_node *name = names->first; name != NULL; name = name->next) {
        if (!dz_node_is(name, DZ_SCALAR_STRING)) {
            continue;
        }
        if (name->text[0] == '\0') {
            dz_reject(check->findings, name, NULL, "must not be empty");
        } else if (metric != NULL && strcmp(name->text, metric) == 0) {
            dz_reject(check->findings, name, NULL,
                      "should not contain spec.objective.objectiveMetricName (%.64s)", metric);
        }
        for (const dz_node *other = names->first; other != name; other = other->next) {
            if (dz_node_is(other, DZ_SCALAR_STRING) && strcmp(other->text, name->text) == 0) {
                dz_reject(check->findings, name, NULL, "\"%.64s\" is given twice: remove one",
                          name->text);
                break;
            }
        }
    }
}

static void check_strategy(const dz_check *check, const dz_node *objective, const dz_node *entry)
{
    const dz_node *name = dz_node_get(entry, "name");
    const dz_node *value = dz_node_get(entry, "value");

    if (name == NULL) {
        dz_reject(check->findings, entry, "name", "must be specified");
    } else if (dz_node_is(name, DZ_SCALAR_STRING) && !is_metric(objective, name->text)) {
        dz_warn(check->findings, name, NULL,
                "\"%.64s\" is neither the objective metric nor an additional one: the strategy is "
                "not used",
                name->text);
    }
    if (value == NULL) {
        dz_reject(check->findings, entry, "value", "must be min, max or latest");
    } else if (dz_node_is(value, DZ_SCALAR_STRING) &&
               DZ_WORD_VALUE(dz_strategy_words, value->text) < 0) {
        dz_reject(check->findings, value, NULL, "is \"%.64s\", and must be min, max or latest",
                  value->text);
    }
}

static void check_strategies(const dz_check *check, const dz_node *objective)
{
    const dz_node *strategies = dz_node_get(objective, "metricStrategies");

    if (strategies == NULL || strategies->kind != DZ_NODE_LIST) {
        return;
    }
    for (const dz_node *entry = strategies->first; entry != NULL; entry = entry->next) {
        const char *name = dz_node_string(entry, "name");
        char where[DZ_WHERE_TEXT];
        check_strategy(check, objective, entry);
        for (const dz_node *other = strategies->first; name != NULL && other != entry;
             other = other->next) {
            const char *other_name = dz_node_string(other, "name");
            if (other_name != NULL && strcmp(other_name, name) == 0) {
                dz_reject(check->findings, entry, "name",
                          "the metric \"%.64s\" has a strategy already, given %s: remove one", name,
                          dz_node_where(other, where));
                break;
            }
        }
    }
}

static bool is_metric(const dz_node *objective, const char *name)
{
    const dz_node *names = dz_node_get(objective, "additionalMetricNames");
    const char *metric = dz_node_string(objective, "objectiveMetricName");

    if (metric != NULL && strcmp(metric, name) == 0) {
        return true;
    }
    for (const dz_node *other = names == NULL ? NULL : names->first; other != NULL;
         other = other->next) {
        if (dz_node_is(other, DZ_SCALAR_STRING) && strcmp(other->text, name) == 0) {
            return true;
        }
    }
    return false;
}

static void check_kind(const dz_check *check, const dz_node *collector_spec, int kind)
{
    const dz_node *source = dz_node_get(collector_spec, "source");
    const dz_node *at = dz_node_get(dz_node_get(collector_spec, "collector"), "kind");

    switch ((dz_collector_kind)kind) {
    case DZ_COLLECTOR_FILE:
        check_file(check, source);
        return;
    case DZ_COLLECTOR_TENSORFLOW_EVENT:
        check_directory(check, source);
        return;
    case DZ_COLLECTOR_PROMETHEUS:
        check_http(check, source);
        return;
    case DZ_COLLECTOR_CUSTOM:
        check_custom(check, collector_spec);
        return;
    case DZ_COLLECTOR_STDOUT:
        return;
    case DZ_COLLECTOR_PUSH:
        dz_warn_not_here(check->findings, at, NULL,
                         "with Push the trials report to a service, which `dozan run` is not: "
                         "send the experiment to `dozan serve`");
        return;
    case DZ_COLLECTOR_MLFLOW:
        dz_warn_not_here(check->findings, at, NULL,
                         "with MLflow the trials log their metrics at a service, which `dozan run` "
                         "is not: send the experiment to `dozan serve`");
        return;
    }
}

/* Whether the path is of that kind and absolute; a part of a wrong type counts as right. */
static bool is_path(const dz_node *path, const char *kind)
{
    const dz_node *text = dz_node_get(path, "path");
    const dz_node *kind_node = dz_node_get(path, "kind");

    if (path == NULL) {
        return false;
    }
    if (path->kind != DZ_NODE_MAP) {
        return true;
    }
    return (!dz_node_is(text, DZ_SCALAR_STRING) || text->text[0] == '/') && text != NULL &&
           (!dz_node_is(kind_node, DZ_SCALAR_STRING) || strcmp(kind_node->text, kind) == 0);
}

static void check_file(const dz_check *check, const dz_node *source)
{
    const dz_node *path = dz_node_get(source, "fileSystemPath");
    const dz_node *format = dz_node_get(path, "format");
    const dz_node *filter = dz_node_get(source, "filter");
    bool json = dz_node_is(format, DZ_SCALAR_STRING) && strcmp(format->text, "JSON") == 0;

    if (path != NULL && !is_path(path, "File")) {
        dz_reject(
            check->findings, path, NULL,
            "file path where metrics file exists is required: path must be absolute, and kind "
            "must be File");
    }
    if (dz_node_is(format, DZ_SCALAR_STRING) && !json && strcmp(format->text, "TEXT") != 0) {
        dz_reject(check->findings, format, NULL,
                  "is \"%.64s\"; format of metrics file is required for metrics collector: TEXT or "
                  "JSON",
                  format->text);
    }
    if (json && filter != NULL) {
        dz_reject(check->findings, filter, NULL,
                  "filter must be nil when format of metrics file is json");
    }
}

static void check_directory(const dz_check *check, const dz_node *source)
{
    const dz_node *path = dz_node_get(source, "fileSystemPath");
    const dz_node *format = dz_node_get(path, "format");

    if (path != NULL && !is_path(path, "Directory")) {
        dz_reject(check->findings, path, NULL,
                  "directory path where tensorflow event files exist is required: path must be "
                  "absolute, and kind must be Directory");
    }
    if (dz_node_is(format, DZ_SCALAR_STRING) && format->text[0] != '\0') {
        dz_reject(check->findings, format, NULL, "must be empty");
    }
}

static void check_custom(const dz_check *check, const dz_node *collector_spec)
{
    const dz_node *collector = dz_node_get(collector_spec, "collector");
    const dz_node *path = dz_node_get(dz_node_get(collector_spec, "source"), "fileSystemPath");

    const dz_node *container = dz_node_get(collector, "customCollector");
    const dz_node *command = dz_node_get(container, "command");

    if (container == NULL) {
        dz_reject(check->findings, collector, "customCollector",
                  "metrics collector kind: Custom is required to have a container");
    } else if (command == NULL || (command->kind == DZ_NODE_LIST && command->count == 0)) {
        dz_warn_not_here(
            check->findings, container, "command",
            "is not given: an image's own command cannot be run on this machine, so state it");
    }
    if (path != NULL && !is_path(path, "File") && !is_path(path, "Directory")) {
        dz_reject(check->findings, path, NULL,
                  "is invalid: path must be absolute, and kind must be File or Directory");
    }
}

/* A pod has a port for itself; the trials of one machine share its ports. */
static void check_ports(const dz_check *check, const dz_node *http)
{
    const dz_node *parallel = dz_node_get(check->spec, "parallelTrialCount");
    dz_scalar count = {0};

    if (parallel != NULL && parallel->kind == DZ_NODE_SCALAR) {
        count = dz_scalar_resolve(parallel->text);
    }
    if (count.kind == DZ_SCALAR_INT && !count.negative && count.magnitude > 1 &&
        dz_node_get(http, "host") == NULL) {
        dz_warn(check->findings, http, "port",
                "trials that run at the same time on this machine cannot share a port: have the "
                "program listen at $DOZAN_METRICS_PORT, which is another for each trial, or set "
                "parallelTrialCount to 1");
    }
}

static void check_http(const dz_check *check, const dz_node *source)
{
    const dz_node *http = dz_node_get(source, "httpGet");
    const dz_node *port = dz_node_get(http, "port");
    const dz_node *path = dz_node_get(http, "path");
    dz_scalar number = {0};

    if (port != NULL && port->kind == DZ_NODE_SCALAR) {
        number = dz_scalar_resolve(port->text);
        if (number.kind != DZ_SCALAR_INT || number.negative || number.magnitude == 0) {
            dz_reject(check->findings, port, NULL,
                      "must be a positive integer value for metrics collector kind: "
                      "PrometheusMetric");
        }
    }
    if (dz_node_is(path, DZ_SCALAR_STRING) && path->text[0] != '/') {
        dz_reject(check->findings, path, NULL,
                  "path is invalid for metrics collector kind: PrometheusMetric: it must begin "
                  "with /");
    }
    check_ports(check, http);
}

static void check_filters(const dz_check *check, const dz_node *formats)
{
    for (const dz_node *format = formats->first; format != NULL; format = format->next) {
        dozan_error err = {0};
        if (dz_node_is(format, DZ_SCALAR_STRING) &&
            dz_filter_check(format->text, &err) != DOZAN_OK) {
            dz_reject(check->findings, format, NULL, "invalid filter: %s", err.message);
        }
    }
}

/* Katib's default filter reads names of letters, digits, _, | and - alone, so no other name is ever
 * found. */
static void check_filter_finds(const dz_check *check, const dz_node *metric)
{
    if (!dz_node_is(metric, DZ_SCALAR_STRING) || metric->defaulted) {
        return;
    }
    for (const char *letter = metric->text; *letter != '\0'; letter++) {
        if (!isalnum((unsigned char)*letter) && strchr("_|-", *letter) == NULL) {
            dz_warn(check->findings, metric, NULL,
                    "the default filter finds names of letters, digits, _, | and - only, and so "
                    "never \"%.64s\": give metricsCollectorSpec.source.filter.metricsFormat",
                    metric->text);
            return;
        }
    }
}

static void check_default_filter(const dz_check *check, const dz_node *source, int kind)
{
    static const char *const lists[] = {"objectives", "constraints"};
    const dz_node *objective = dz_node_get(check->spec, "objective");
    const char *format = dz_node_string(dz_node_get(source, "fileSystemPath"), "format");

    if (kind != DZ_COLLECTOR_STDOUT &&
        (kind != DZ_COLLECTOR_FILE || (format != NULL && strcmp(format, "JSON") == 0))) {
        return;
    }
    check_filter_finds(check, dz_node_get(objective, "objectiveMetricName"));
    for (size_t i = 0; i < 2; i++) {
        const dz_node *list = dz_node_get(check->spec, lists[i]);
        bool is_list = list != NULL && list->kind == DZ_NODE_LIST;
        for (const dz_node *entry = is_list ? list->first : NULL; entry != NULL;
             entry = entry->next) {
            check_filter_finds(check, dz_metric_node(entry));
        }
    }
}
