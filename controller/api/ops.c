#include "api/ops.h"

#include "api/kube_parts.h"
#include <dozan/buf.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

enum { PAGE_MAX = 4 << 20 };

static dz_http_handler health, ready, metrics;
static void put_counts(dz_ops *ops, const dz_http_request *request, dozan_buf *page);
static bool visit_experiments(void *user, const dz_counts *counts);
static bool visit_trials(void *user, const dz_counts *counts);
static void put_gauge(dozan_buf *page, const char *name, const char *namespace_, const char *status,
                      int64_t value);
static void put_service(dz_ops *ops, dozan_buf *page);
static void put_counter(dozan_buf *page, const char *name, const char *help, uint64_t value);
static void put_value(dozan_buf *page, const char *name, const char *help, int64_t value);
static void put_latency(dozan_buf *page, const char *name, const char *labels,
                        const dz_latency *latency);
static void put_grpc(dz_ops *ops, dozan_buf *page);
static void put_http(dz_ops *ops, dozan_buf *page);

static const dz_http_route routes[] = {
    {"GET", "/healthz", health, DZ_ROLE_NONE},
    {"GET", "/livez", health, DZ_ROLE_NONE},
    {"GET", "/readyz", ready, DZ_ROLE_NONE},
    {"GET", "/metrics", metrics, DZ_ROLE_ADMIN},
};

dz_http_route_set dz_ops_routes(dz_ops *ops)
{
    return (dz_http_route_set){routes, sizeof(routes) / sizeof(routes[0]), ops};
}

/* The owner's thread is there: a restart would not help. */
static void health(void *context, dz_http_request *request)
{
    dz_ops *ops = context;
    dozan_error err = {0};
    if (ops->running(ops->service, &err))
        dz_http_reply_text(request, 200, "text/plain", "ok");
    else
        dz_http_refuse(request, 500, NULL, &err);
}

/* And the database can be read. */
static void ready(void *context, dz_http_request *request)
{
    dz_ops *ops = context;
    dozan_error err = {0};
    dz_store *store = NULL;
    int64_t version;
    if (ops->running(ops->service, &err) &&
        kube_store(ops->kube, request, &store, &err) == DOZAN_OK &&
        dz_store_version_now(store, &version, &err) == DOZAN_OK)
        dz_http_reply_text(request, 200, "text/plain", "ok");
    else
        dz_http_refuse(request, 503, NULL, &err);
}

static void metrics(void *context, dz_http_request *request)
{
    dz_ops *ops = context;
    dozan_buf page;
    dozan_buf_init(&page, PAGE_MAX);
    put_counts(ops, request, &page);
    put_service(ops, &page);
    put_grpc(ops, &page);
    put_http(ops, &page);
    dz_http_answer answer = {.type = "text/plain; version=0.0.4; charset=utf-8", .size = page.size};
    answer.body = dozan_buf_take(&page);
    dozan_buf_fini(&page);
    if (answer.body == NULL)
        dz_http_reply_json(request, 500, NULL);
    else
        dz_http_reply(request, &answer);
}

/* ---- what there is, by namespace and state ---- */

static void put_counts(dz_ops *ops, const dz_http_request *request, dozan_buf *page)
{
    dz_store *store = NULL;
    if (kube_store(ops->kube, request, &store, NULL) != DOZAN_OK)
        return; /* /readyz tells why */
    dozan_buf_puts(page, "# HELP katib_experiments_current Experiments by state\n"
                         "# TYPE katib_experiments_current gauge\n");
    dozan_status status = dz_store_counts(store, visit_experiments, page, NULL);
    dozan_buf_puts(page, "# HELP katib_trials_current Trials by state\n"
                         "# TYPE katib_trials_current gauge\n");
    if (status == DOZAN_OK && dz_store_counts(store, visit_trials, page, NULL) != DOZAN_OK)
        page->failed = true;
}

static bool visit_experiments(void *user, const dz_counts *counts)
{
    for (int i = 0; i < DZ_EXPERIMENT_STATE_COUNT; i++)
        put_gauge(user, "katib_experiments_current", counts->namespace_,
                  dz_experiment_state_name((dz_experiment_state)i), counts->experiments[i]);
    return true;
}

/* Several states of ours are one condition of Katib's. */
static bool visit_trials(void *user, const dz_counts *counts)
{
    for (int i = 0; i < DZ_TRIAL_STATE_COUNT; i++) {
        const char *type = dz_trial_state_condition((dz_trial_state)i);
        int64_t sum = 0;
        bool first = true;
        for (int k = 0; k < DZ_TRIAL_STATE_COUNT; k++) {
            if (strcmp(dz_trial_state_condition((dz_trial_state)k), type) != 0)
                continue;
            first = first && k >= i;
            sum += counts->trials[k];
        }
        if (first)
            put_gauge(user, "katib_trials_current", counts->namespace_, type, sum);
    }
    return true;
}

static void put_gauge(dozan_buf *page, const char *name, const char *namespace_, const char *status,
                      int64_t value)
{
    dozan_buf_printf(page, "%s{namespace=\"%s\",status=\"%s\"} %" PRId64 "\n", name, namespace_,
                     status, value);
}

/* ---- the service ---- */

static void put_service(dz_ops *ops, dozan_buf *page)
{
    dz_service_stats stats;
    ops->stats(ops->service, &stats);
    put_counter(page, "katib_experiment_created_total", "Experiments made",
                stats.experiments_created);
    put_counter(page, "katib_experiment_deleted_total", "Experiments deleted",
                stats.experiments_deleted);
    put_counter(page, "dozan_experiment_ended_total", "Experiments that have ended",
                stats.experiments_ended);
    put_counter(page, "katib_trial_created_total", "Trials started", stats.trials_started);
    put_counter(page, "dozan_trial_ended_total", "Trials that have ended", stats.trials_ended);
    put_counter(page, "dozan_metric_points_total", "Metric points taken", stats.points);
    put_counter(page, "dozan_turns_total", "Turns of the loop", stats.turns);
    put_counter(page, "dozan_plugin_faults_total", "Faults of plugins", stats.plugin_faults);
    put_value(page, "dozan_experiments_held", "Experiments in memory", stats.experiments_held);
    put_value(page, "dozan_requests_waiting", "Requests that wait for the owner's turn",
              stats.requests_waiting);
    put_value(page, "dozan_version", "The database's version", stats.version);
    put_value(page, "process_start_time_seconds", "When the service has started",
              stats.started_ms / 1000);
    dozan_buf_puts(page, "# HELP dozan_request_seconds From a request to the service to its "
                         "answer\n# TYPE dozan_request_seconds histogram\n");
    for (int i = 0; i < DZ_REQUEST_KINDS; i++) {
        char labels[64];
        (void)snprintf(labels, sizeof(labels), "kind=\"%s\"",
                       ops->request_name((dz_request_kind)i));
        put_latency(page, "dozan_request_seconds", labels, &stats.requests[i]);
    }
    dozan_buf_puts(page, "# HELP dozan_commit_seconds One transaction\n"
                         "# TYPE dozan_commit_seconds histogram\n");
    put_latency(page, "dozan_commit_seconds", "", &stats.commit);
    dozan_buf_puts(page, "# HELP dozan_ask_seconds From a question to an algorithm to its answer\n"
                         "# TYPE dozan_ask_seconds histogram\n");
    put_latency(page, "dozan_ask_seconds", "", &stats.ask);
}

static void put_counter(dozan_buf *page, const char *name, const char *help, uint64_t value)
{
    dozan_buf_printf(page, "# HELP %s %s\n# TYPE %s counter\n%s %" PRIu64 "\n", name, help, name,
                     name, value);
}

static void put_value(dozan_buf *page, const char *name, const char *help, int64_t value)
{
    dozan_buf_printf(page, "# HELP %s %s\n# TYPE %s gauge\n%s %" PRId64 "\n", name, help, name,
                     name, value);
}

static void put_latency(dozan_buf *page, const char *name, const char *labels,
                        const dz_latency *latency)
{
    const char *comma = *labels != '\0' ? "," : "";
    const char *open = *labels != '\0' ? "{" : "", *close = *labels != '\0' ? "}" : "";
    uint64_t sum = 0;
    for (int i = 0; i < DZ_LATENCY_BUCKETS - 1; i++) {
        sum += latency->buckets[i];
        dozan_buf_printf(page, "%s_bucket{%s%sle=\"%.6g\"} %" PRIu64 "\n", name, labels, comma,
                         50e-6 * (double)(1U << i), sum);
    }
    dozan_buf_printf(page, "%s_bucket{%s%sle=\"+Inf\"} %" PRIu64 "\n", name, labels, comma,
                     latency->count);
    dozan_buf_printf(page, "%s_sum%s%s%s %.9g\n%s_count%s%s%s %" PRIu64 "\n", name, open, labels,
                     close, latency->sum_seconds, name, open, labels, close, latency->count);
}

/* ---- gRPC ---- */

static void put_grpc(dz_ops *ops, dozan_buf *page)
{
    dz_db_manager_stats stats;
    char labels[64];
    if (ops->manager == NULL)
        return;
    dz_db_manager_stats_get(ops->manager, &stats);
    dozan_buf_puts(page, "# HELP dozan_grpc_failed_total Calls that ended with an error\n"
                         "# TYPE dozan_grpc_failed_total counter\n");
    for (int i = 0; i < DZ_DB_METHODS; i++)
        dozan_buf_printf(page, "dozan_grpc_failed_total{method=\"%s\"} %" PRIu64 "\n",
                         dz_db_method_name((dz_db_method)i), stats.failed[i]);
    dozan_buf_puts(page, "# HELP dozan_grpc_request_seconds From a whole request to its answer\n"
                         "# TYPE dozan_grpc_request_seconds histogram\n");
    for (int i = 0; i < DZ_DB_METHODS; i++) {
        (void)snprintf(labels, sizeof(labels), "method=\"%s\"", dz_db_method_name((dz_db_method)i));
        put_latency(page, "dozan_grpc_request_seconds", labels, &stats.calls[i]);
    }
}

/* ---- HTTP ---- */

static void put_http(dz_ops *ops, dozan_buf *page)
{
    dz_http_stats stats;
    dz_http_server *server = atomic_load(&ops->server);
    if (server == NULL)
        return;
    dz_http_server_stats(server, &stats);
    put_value(page, "dozan_http_connections", "Open connections", stats.connections);
    put_value(page, "dozan_http_streams", "Watches and logs that are followed", stats.streams);
    put_value(page, "dozan_http_requests_waiting", "Requests that wait for a worker",
              stats.waiting);
    put_counter(page, "dozan_http_connections_total", "Connections", stats.connections_total);
    put_counter(page, "dozan_http_timeouts_total", "Connections ended for being too slow",
                stats.timeouts);
    put_counter(page, "dozan_http_refused_total", "Requests refused for want of room",
                stats.refused);
    dozan_buf_puts(page, "# HELP dozan_http_requests_total Answers by method and status class\n"
                         "# TYPE dozan_http_requests_total counter\n");
    for (size_t m = 0; m < DZ_HTTP_METHODS; m++)
        for (size_t c = 1; c < 6; c++)
            dozan_buf_printf(
                page, "dozan_http_requests_total{method=\"%s\",code=\"%zuxx\"} %" PRIu64 "\n",
                dz_http_method_name(m), c, stats.methods[m].by_class[c]);
    dozan_buf_puts(page, "# HELP dozan_http_request_seconds From a request's first line to the end "
                         "of its answer\n# TYPE dozan_http_request_seconds histogram\n");
    for (size_t m = 0; m < DZ_HTTP_METHODS; m++) {
        const char *name = dz_http_method_name(m);
        uint64_t sum = 0;
        for (size_t i = 0; i < DZ_HTTP_BUCKETS - 1; i++) {
            sum += stats.methods[m].buckets[i];
            dozan_buf_printf(
                page, "dozan_http_request_seconds_bucket{method=\"%s\",le=\"%.6g\"} %" PRIu64 "\n",
                name, 1e-4 * (double)(1U << i), sum);
        }
        dozan_buf_printf(page,
                         "dozan_http_request_seconds_bucket{method=\"%s\",le=\"+Inf\"} %" PRIu64
                         "\ndozan_http_request_seconds_sum{method=\"%s\"} %.9g\n"
                         "dozan_http_request_seconds_count{method=\"%s\"} %" PRIu64 "\n",
                         name, stats.methods[m].timed, name, stats.methods[m].seconds, name,
                         stats.methods[m].timed);
    }
}
