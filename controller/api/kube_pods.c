/*
 * A trial as the pod of its job: there is one for each trial that was started, by the trial's name,
 * with the labels by which Katib's SDK looks for it. And events, told from what is stored.
 */
#include "api/kube_parts.h"

#include "runners/runner.h"
#include <dozan/buf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COLLECTOR "metrics-logger-and-collector"

enum { LOG_LIMIT = 16 << 20, TAIL_BLOCK = 64 << 10, EVENTS_MAX = 5000, MAX_TAIL = 1000000 };

typedef struct pod_walk {
    cJSON *items;
    dz_builder build;
    kube_selector selector;
    bool table;
    int64_t now_ms;
} pod_walk;

typedef struct event_walk {
    cJSON *items;
    dz_builder build;
    kube_selector selector;
    int64_t count;
} event_walk;

static dozan_status walk_pods(dz_store *store, const char *namespace_, pod_walk *walk,
                              dozan_error *err);
static bool visit_pod(void *user, const dz_experiment *experiment, const dz_trial *trial);
static bool pod_fits(const pod_walk *walk, const dz_experiment *experiment, const dz_trial *trial);
static const char *pod_label(const dz_experiment *experiment, const dz_trial *trial,
                             const char *key);
static void build_pod(dz_builder *build, cJSON *pod, const dz_experiment *experiment,
                      const dz_trial *trial);
static void build_container(dz_builder *build, cJSON *status, const dz_trial *trial,
                            const char *name);
static const char *phase_of(const dz_trial *trial);
static cJSON *pod_table(int64_t version, cJSON **rows);
static void pod_row(pod_walk *walk, const dz_experiment *experiment, const dz_trial *trial);
static bool is_container(const dz_experiment *experiment, const char *name);
static void send_log(dz_kube *kube, dz_http_request *request, const dz_experiment *experiment,
                     const dz_trial *trial);
static dozan_status open_log(dz_kube *kube, const dz_experiment *experiment, const dz_trial *trial,
                             int32_t attempt, int *file, dozan_error *err);
static off_t tail_begin(int file, int64_t lines);
static void send_file(dz_http_request *request, int file, int64_t limit);
static void follow_log(dz_kube *kube, dz_http_request *request, const dz_experiment *experiment,
                       const dz_trial *trial, int32_t attempt, int file);
static bool visit_event_experiment(void *user, const dz_experiment *experiment);
static bool visit_event_trial(void *user, const dz_experiment *experiment, const dz_trial *trial);
static void add_event(event_walk *walk, const kube_item *item, const char *type, const char *reason,
                      const char *message, int64_t time_ms);

void kube_pods(void *context, dz_http_request *request)
{
    dz_kube *kube = context;
    dozan_error err = {0};
    dz_store *store = NULL;
    int64_t version = 0;
    cJSON *list = NULL;
    pod_walk walk = {.table = kube_wants_table(request), .now_ms = kube_wall_ms()};
    if (dz_http_flag(request, "watch")) {
        dz_http_refusef(request, 405, "pods are not watched: watch the trials");
        return;
    }
    dozan_status status = kube_selector_read(request, &walk.selector, &err);
    if (status == DOZAN_OK)
        status = kube_store(kube, request, &store, &err);
    if (status == DOZAN_OK)
        status = dz_store_version_now(store, &version, &err);
    if (status == DOZAN_OK) {
        list = walk.table ? pod_table(version, &walk.items)
                          : kube_list_object("v1", "PodList", version, &walk.items);
        status = walk_pods(store, dz_http_param(request, "namespace"), &walk, &err);
    }
    kube_selector_fini(&walk.selector);
    if (status == DOZAN_OK && !walk.build.failed) {
        dz_http_reply_json(request, 200, list);
        return;
    }
    cJSON_Delete(list);
    if (status == DOZAN_OK)
        dz_http_reply_json(request, 500, NULL);
    else
        dz_http_fail(request, &err);
}

/* Loads the trial that a request's pod is, or answers. */
static bool load(dz_kube *kube, dz_http_request *request, dz_experiment **experiment,
                 dz_trial **trial)
{
    dozan_error err = {0};
    dz_store *store = NULL;
    const char *name = dz_http_param(request, "name");
    dozan_status status = kube_store(kube, request, &store, &err);
    if (status == DOZAN_OK)
        status = dz_store_trial_in(store, dz_http_param(request, "namespace"), name, experiment,
                                   trial, &err);
    if (status == DOZAN_OK && (*trial)->attempt > 0)
        return true;
    if (status == DOZAN_OK || status == DOZAN_NOT_FOUND)
        kube_not_found(request, "pods", name);
    else
        dz_http_fail(request, &err);
    dz_trial_destroy(*trial);
    dz_experiment_destroy(*experiment);
    return false;
}

void kube_pod(void *context, dz_http_request *request)
{
    dz_experiment *experiment = NULL;
    dz_trial *trial = NULL;
    pod_walk walk = {.table = kube_wants_table(request), .now_ms = kube_wall_ms()};
    cJSON *pod = NULL;
    if (!load(context, request, &experiment, &trial))
        return;
    if (walk.table) {
        pod = pod_table(trial->version, &walk.items);
        pod_row(&walk, experiment, trial);
    } else {
        pod = cJSON_CreateObject();
        build_pod(&walk.build, pod, experiment, trial);
    }
    dz_trial_destroy(trial);
    dz_experiment_destroy(experiment);
    if (walk.build.failed) {
        cJSON_Delete(pod);
        pod = NULL;
    }
    dz_http_reply_json(request, 200, pod);
}

void kube_pod_log(void *context, dz_http_request *request)
{
    dz_experiment *experiment = NULL;
    dz_trial *trial = NULL;
    const char *container = dz_http_query(request, "container");
    if (!load(context, request, &experiment, &trial))
        return;
    if (container != NULL && !is_container(experiment, container))
        dz_http_refusef(request, 400, "container %.100s is not valid for pod %s", container,
                        trial->name);
    else
        send_log(context, request, experiment, trial);
    dz_trial_destroy(trial);
    dz_experiment_destroy(experiment);
}

/* ---- pods ---- */

typedef struct pods_of_one {
    pod_walk *walk;
    const dz_experiment *experiment;
} pods_of_one;

static bool visit_pod_of_one(void *user, const dz_trial *trial)
{
    pods_of_one *one = user;
    return visit_pod(one->walk, one->experiment, trial);
}

static dozan_status walk_pods(dz_store *store, const char *namespace_, pod_walk *walk,
                              dozan_error *err)
{
    const char *name = kube_selector_label(&walk->selector, KUBE_TRIAL_LABEL);
    const char *of = kube_selector_label(&walk->selector, KUBE_EXPERIMENT_LABEL);
    dz_experiment *experiment = NULL;
    dz_trial *trial = NULL;
    dozan_status status;
    if (name == NULL)
        name = kube_selector_field(&walk->selector, "metadata.name");
    if (namespace_ != NULL && name != NULL) {
        status = dz_store_trial_in(store, namespace_, name, &experiment, &trial, err);
        if (status == DOZAN_OK)
            (void)visit_pod(walk, experiment, trial);
    } else if (namespace_ != NULL && of != NULL) {
        status = dz_store_load_in(store, namespace_, of, &experiment, err);
        if (status == DOZAN_OK)
            status = dz_store_trials(store, experiment, 0, 0, visit_pod_of_one,
                                     &(pods_of_one){walk, experiment}, err);
    } else {
        status =
            dz_store_list_trials(store, namespace_, &(dz_list_from){0}, 0, visit_pod, walk, err);
    }
    dz_trial_destroy(trial);
    dz_experiment_destroy(experiment);
    return status == DOZAN_NOT_FOUND ? DOZAN_OK : status;
}

static bool visit_pod(void *user, const dz_experiment *experiment, const dz_trial *trial)
{
    pod_walk *walk = user;
    if (trial->attempt == 0 || !pod_fits(walk, experiment, trial))
        return true;
    if (walk->table)
        pod_row(walk, experiment, trial);
    else
        build_pod(&walk->build, dz_build_item(&walk->build, walk->items), experiment, trial);
    return !walk->build.failed;
}

static bool pod_fits(const pod_walk *walk, const dz_experiment *experiment, const dz_trial *trial)
{
    for (size_t i = 0; i < walk->selector.label_count; i++) {
        const kube_term *term = &walk->selector.labels[i];
        if (!kube_term_fits(term, pod_label(experiment, trial, term->key)))
            return false;
    }
    for (size_t i = 0; i < walk->selector.field_count; i++) {
        const kube_term *term = &walk->selector.fields[i];
        const char *value = NULL;
        if (strcmp(term->key, "metadata.name") == 0)
            value = trial->name;
        else if (strcmp(term->key, "metadata.namespace") == 0)
            value = experiment->spec->namespace_;
        else if (strcmp(term->key, "status.phase") == 0)
            value = phase_of(trial);
        if (!kube_term_fits(term, value))
            return false;
    }
    return true;
}

/* The template's primaryPodLabels are those of the pod that matters, and here is but one. */
static const char *pod_label(const dz_experiment *experiment, const dz_trial *trial,
                             const char *key)
{
    kube_item item = {&kube_trials, experiment, trial};
    const cJSON *template =
        kube_member(kube_member(experiment->spec->document, "spec"), "trialTemplate");
    if (strcmp(key, KUBE_TRIAL_LABEL) == 0 || strcmp(key, "job-name") == 0 ||
        strcmp(key, "batch.kubernetes.io/job-name") == 0)
        return trial->name;
    const char *primary = kube_text(kube_member(template, "primaryPodLabels"), key);
    return primary != NULL ? primary : kube_item_label(&item, key);
}

static void build_pod(dz_builder *build, cJSON *pod, const dz_experiment *experiment,
                      const dz_trial *trial)
{
    const dz_experiment_spec *spec = experiment->spec;
    char text[64];
    const cJSON *label;
    dz_build_text(build, pod, "apiVersion", "v1");
    dz_build_text(build, pod, "kind", "Pod");
    cJSON *metadata = dz_build_object(build, pod, "metadata");
    dz_build_text(build, metadata, "name", trial->name);
    dz_build_text(build, metadata, "namespace", spec->namespace_);
    dz_trial_uid(experiment, trial->number, text);
    text[0] = text[0] == 'a' ? 'b' : 'a';
    dz_build_text(build, metadata, "uid", text);
    (void)snprintf(text, sizeof(text), "%" PRId64, trial->version);
    dz_build_text(build, metadata, "resourceVersion", text);
    dz_build_time(build, metadata, "creationTimestamp", trial->created_ms);
    cJSON *labels = dz_build_object(build, metadata, "labels");
    cJSON_ArrayForEach(
        label, kube_member(kube_member(kube_member(spec->document, "spec"), "trialTemplate"),
                           "primaryPodLabels")) dz_build_copy(build, labels, label->string, label);
    dz_build_text(build, labels, KUBE_EXPERIMENT_LABEL, spec->name);
    dz_build_text(build, labels, KUBE_TRIAL_LABEL, trial->name);
    dz_build_text(build, labels, "job-name", trial->name);
    cJSON *notes = dz_build_object(build, metadata, "annotations");
    dz_build_text(build, notes, "kubectl.kubernetes.io/default-container",
                  spec->primary_container_name);
    dz_build_text(build, notes, "kubectl.kubernetes.io/default-logs-container",
                  spec->primary_container_name);
    cJSON *inside = dz_build_object(build, pod, "spec");
    cJSON *containers = dz_build_array(build, inside, "containers");
    dz_build_text(build, dz_build_item(build, containers), "name", spec->primary_container_name);
    dz_build_text(build, dz_build_item(build, containers), "name", COLLECTOR);
    dz_build_text(build, inside, "restartPolicy", "Never");
    dz_build_text(build, inside, "nodeName", "localhost");
    cJSON *status = dz_build_object(build, pod, "status");
    dz_build_text(build, status, "phase", phase_of(trial));
    dz_build_text(build, status, "reason", trial->reason);
    dz_build_text(build, status, "message", trial->message);
    dz_build_time(build, status, "startTime", trial->started_ms);
    build_container(build, status, trial, spec->primary_container_name);
}

static void build_container(dz_builder *build, cJSON *status, const dz_trial *trial,
                            const char *name)
{
    cJSON *item = dz_build_item(build, dz_build_array(build, status, "containerStatuses"));
    bool ended = dz_trial_state_ended(trial->state);
    dz_build_text(build, item, "name", name);
    dz_build_add(build, item, "ready", cJSON_CreateBool(trial->state == DZ_TRIAL_RUNNING));
    dz_build_number(build, item, "restartCount", trial->attempt - 1);
    dz_build_add(build, item, "image", cJSON_CreateString(""));
    dz_build_add(build, item, "imageID", cJSON_CreateString(""));
    cJSON *state = dz_build_object(build, item, "state");
    cJSON *kind = dz_build_object(build, state, ended ? "terminated" : "running");
    dz_build_time(build, kind, "startedAt", trial->started_ms);
    if (ended) {
        dz_build_time(build, kind, "finishedAt", trial->ended_ms);
        dz_build_number(build, kind, "exitCode", trial->state == DZ_TRIAL_FAILED ? 1 : 0);
    }
}

static const char *phase_of(const dz_trial *trial)
{
    if (!dz_trial_state_ended(trial->state))
        return trial->state == DZ_TRIAL_RUNNING || trial->state == DZ_TRIAL_STOPPING ? "Running"
                                                                                     : "Pending";
    return trial->state == DZ_TRIAL_FAILED || trial->state == DZ_TRIAL_KILLED ? "Failed"
                                                                              : "Succeeded";
}

static cJSON *pod_table(int64_t version, cJSON **rows)
{
    dz_builder build = {false};
    static const char *const names[] = {"Name", "Status", "Restarts"};
    cJSON *table = kube_table(&kube_trials, version, false, rows);
    cJSON *definitions = kube_member(table, "columnDefinitions");
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        cJSON *item = dz_build_item(&build, definitions);
        dz_build_text(&build, item, "name", names[i]);
        dz_build_text(&build, item, "type", "string");
        dz_build_add(&build, item, "format", cJSON_CreateString(i == 0 ? "name" : ""));
        dz_build_text(&build, item, "description", names[i]);
        dz_build_number(&build, item, "priority", 0);
    }
    return table;
}

static void pod_row(pod_walk *walk, const dz_experiment *experiment, const dz_trial *trial)
{
    cJSON *row = dz_build_item(&walk->build, walk->items);
    cJSON *cells = dz_build_array(&walk->build, row, "cells");
    char restarts[KUBE_CELL];
    (void)snprintf(restarts, sizeof(restarts), "%d", (int)trial->attempt - 1);
    const char *texts[] = {trial->name, phase_of(trial), restarts};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        if (!cJSON_AddItemToArray(cells, cJSON_CreateString(texts[i])))
            walk->build.failed = true;
    build_pod(&walk->build, dz_build_object(&walk->build, row, "object"), experiment, trial);
}

/* ---- logs ---- */

static bool is_container(const dz_experiment *experiment, const char *name)
{
    const char *primary = experiment->spec->primary_container_name;
    return strcmp(name, COLLECTOR) == 0 || (primary != NULL && strcmp(name, primary) == 0);
}

static void send_log(dz_kube *kube, dz_http_request *request, const dz_experiment *experiment,
                     const dz_trial *trial)
{
    dozan_error err = {0};
    int64_t tail = -1, limit = 0, since = 0;
    int file = -1;
    struct stat info;
    int32_t attempt = trial->attempt - (dz_http_flag(request, "previous") ? 1 : 0);
    dozan_status status = dz_http_number(request, "tailLines", 0, MAX_TAIL, -1, &tail, &err);
    if (status == DOZAN_OK)
        status = dz_http_number(request, "limitBytes", 1, INT64_MAX, LOG_LIMIT, &limit, &err);
    if (status == DOZAN_OK)
        status = dz_http_number(request, "sinceSeconds", 1, INT64_MAX / 2000, 0, &since, &err);
    if (status == DOZAN_OK && attempt < 1)
        status =
            dozan_error_set(&err, DOZAN_INVALID_ARGUMENT, NULL,
                            "previous terminated container in pod \"%s\" not found", trial->name);
    if (status == DOZAN_OK)
        status = open_log(kube, experiment, trial, attempt, &file, &err);
    if (status != DOZAN_OK) {
        dz_http_fail(request, &err);
        return;
    }
    if (file >= 0 && tail >= 0)
        (void)lseek(file, tail_begin(file, tail), SEEK_SET);
    /* Lines have no times: a file that is older than wanted is skipped as a whole. */
    if (file >= 0 && since > 0 && fstat(file, &info) == 0 &&
        (int64_t)info.st_mtim.tv_sec + since < kube_wall_ms() / 1000)
        (void)lseek(file, 0, SEEK_END);
    if (dz_http_flag(request, "follow")) {
        follow_log(kube, request, experiment, trial, attempt, file);
        return;
    }
    send_file(request, file, limit);
    if (file >= 0)
        (void)close(file);
}

/* *file stays -1 where the trial has not printed yet. */
static dozan_status open_log(dz_kube *kube, const dz_experiment *experiment, const dz_trial *trial,
                             int32_t attempt, int *file, dozan_error *err)
{
    char *path = NULL, folder[DZ_QUALIFIED_NAME];
    dz_spec_folder(experiment->spec, folder);
    dozan_status status =
        dz_local_output_path(kube->config.job_directory, folder, trial->name, attempt, &path);
    if (status != DOZAN_OK)
        return dozan_error_set(err, status, NULL, "out of memory");
    *file = open(path, O_RDONLY | O_CLOEXEC);
    free(path);
    if (*file < 0 && errno != ENOENT)
        return dozan_error_set(err, DOZAN_UNAVAILABLE, NULL, "the output cannot be read: %s",
                               strerrordesc_np(errno));
    if (*file < 0 && dz_trial_state_ended(trial->state))
        return dozan_error_set(err, DOZAN_NOT_FOUND, NULL,
                               "the output of trial %s is not there any more", trial->name);
    return DOZAN_OK;
}

/* Where the last lines begin: read from the end, block by block. The line end at the very end ends
 * the last line, and begins none. */
static off_t tail_begin(int file, int64_t lines)
{
    char block[TAIL_BLOCK];
    off_t end = lseek(file, 0, SEEK_END);
    if (lines == 0)
        return end;
    for (off_t at = end; at > 0;) {
        size_t size = at < TAIL_BLOCK ? (size_t)at : TAIL_BLOCK;
        at -= (off_t)size;
        if (pread(file, block, size, at) != (ssize_t)size)
            return 0;
        for (size_t i = size; i > 0; i--) {
            off_t after = at + (off_t)i;
            if (block[i - 1] == '\n' && after != end && --lines == 0)
                return after;
        }
    }
    return 0;
}

static void send_file(dz_http_request *request, int file, int64_t limit)
{
    dozan_buf text;
    char block[TAIL_BLOCK];
    if (limit > LOG_LIMIT)
        limit = LOG_LIMIT;
    dozan_buf_init(&text, LOG_LIMIT);
    while (file >= 0 && (int64_t)text.size < limit && !text.failed) {
        int64_t left = limit - (int64_t)text.size;
        ssize_t got = read(file, block, left < TAIL_BLOCK ? (size_t)left : TAIL_BLOCK);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        dozan_buf_append(&text, block, (size_t)got);
    }
    dz_http_answer answer = {.type = "text/plain; charset=utf-8", .size = text.size};
    answer.body = dozan_buf_take(&text);
    dozan_buf_fini(&text);
    if (answer.body == NULL)
        dz_http_reply_json(request, 500, NULL);
    else
        dz_http_reply(request, &answer);
}

static void follow_log(dz_kube *kube, dz_http_request *request, const dz_experiment *experiment,
                       const dz_trial *trial, int32_t attempt, int file)
{
    dozan_error err = {0};
    dz_http_stream *stream = NULL;
    kube_log *log = calloc(1, sizeof(*log));
    char folder[DZ_QUALIFIED_NAME];
    bool good = log != NULL;
    dz_spec_folder(experiment->spec, folder);
    if (good) {
        *log = (kube_log){.file = file,
                          .attempt = attempt,
                          .version = -1,
                          .fixed = attempt != trial->attempt,
                          .folder = strdup(folder),
                          .namespace_ = strdup(experiment->spec->namespace_),
                          .trial = strdup(trial->name)};
        good = log->folder != NULL && log->trial != NULL && log->namespace_ != NULL &&
               dz_http_stream_create(DZ_HTTP_STREAM_LIMIT, &stream, &err) == DOZAN_OK;
        log->stream = stream;
    }
    if (!good) {
        if (log == NULL && file >= 0)
            (void)close(file);
        kube_log_destroy(log);
        dz_http_reply_json(request, 500, NULL);
        return;
    }
    kube_hub_follow(kube->hub, log);
    dz_http_reply(request,
                  &(dz_http_answer){.type = "text/plain; charset=utf-8", .stream = stream});
}

/* ---- events ---- */

void kube_events(void *context, dz_http_request *request)
{
    dz_kube *kube = context;
    dozan_error err = {0};
    dz_store *store = NULL;
    int64_t version = 0;
    const char *namespace_ = dz_http_param(request, "namespace");
    event_walk walk = {0};
    cJSON *list = NULL;
    if (dz_http_flag(request, "watch")) {
        dz_http_refusef(request, 405, "events are not watched: watch experiments and trials");
        return;
    }
    dozan_status status = kube_selector_read(request, &walk.selector, &err);
    if (status == DOZAN_OK)
        status = kube_store(kube, request, &store, &err);
    if (status == DOZAN_OK)
        status = dz_store_version_now(store, &version, &err);
    if (status == DOZAN_OK) {
        const char *name = kube_selector_field(&walk.selector, "involvedObject.name");
        const char *kind = kube_selector_field(&walk.selector, "involvedObject.kind");
        dz_experiment *experiment = NULL;
        dz_trial *trial = NULL;
        list = kube_list_object("v1", "EventList", version, &walk.items);
        if (namespace_ != NULL && name != NULL && kind != NULL && strcmp(kind, "Trial") == 0) {
            status = dz_store_trial_in(store, namespace_, name, &experiment, &trial, &err);
            if (status == DOZAN_OK)
                (void)visit_event_trial(&walk, experiment, trial);
        } else {
            status = dz_store_list_experiments(store, namespace_, &(dz_list_from){0}, 0,
                                               visit_event_experiment, &walk, &err);
            if (status == DOZAN_OK && (kind == NULL || strcmp(kind, "Trial") == 0))
                status = dz_store_list_trials(store, namespace_, &(dz_list_from){0}, EVENTS_MAX,
                                              visit_event_trial, &walk, &err);
        }
        dz_trial_destroy(trial);
        dz_experiment_destroy(experiment);
        if (status == DOZAN_NOT_FOUND)
            status = DOZAN_OK;
    }
    kube_selector_fini(&walk.selector);
    if (status == DOZAN_OK && !walk.build.failed) {
        dz_http_reply_json(request, 200, list);
        return;
    }
    cJSON_Delete(list);
    if (status == DOZAN_OK)
        dz_http_reply_json(request, 500, NULL);
    else
        dz_http_fail(request, &err);
}

static bool visit_event_experiment(void *user, const dz_experiment *experiment)
{
    event_walk *walk = user;
    kube_item item = {&kube_experiments, experiment, NULL};
    for (size_t i = 0; i < experiment->condition_count; i++) {
        const dz_condition *condition = &experiment->conditions[i];
        bool bad = strcmp(condition->type, "Failed") == 0;
        add_event(walk, &item, bad ? "Warning" : "Normal", condition->reason, condition->message,
                  condition->changed_ms);
    }
    if (experiment->plugin_fault[0] != '\0')
        add_event(walk, &item, "Warning", "ReconcileError", experiment->plugin_fault,
                  experiment->started_ms);
    return walk->count < EVENTS_MAX && !walk->build.failed;
}

static bool visit_event_trial(void *user, const dz_experiment *experiment, const dz_trial *trial)
{
    event_walk *walk = user;
    kube_item item = {&kube_trials, experiment, trial};
    if (trial->started_ms > 0) {
        add_event(walk, &item, "Normal", "JobCreated", "The trial's job was started",
                  trial->started_ms);
        add_event(walk, &item, "Normal", "JobRunning", "The trial's job runs", trial->started_ms);
    }
    if (dz_trial_state_ended(trial->state)) {
        bool good = trial->state == DZ_TRIAL_SUCCEEDED || trial->state == DZ_TRIAL_EARLY_STOPPED;
        bool unavailable = trial->state == DZ_TRIAL_METRICS_UNAVAILABLE;
        add_event(walk, &item, unavailable ? "Warning" : "Normal",
                  unavailable ? "MetricsUnavailable"
                  : good      ? "JobSucceeded"
                              : "JobFailed",
                  trial->message, trial->ended_ms);
    }
    return walk->count < EVENTS_MAX && !walk->build.failed;
}

static void add_event(event_walk *walk, const kube_item *item, const char *type, const char *reason,
                      const char *message, int64_t time_ms)
{
    char name[320], uid[DZ_UID_TEXT];
    const dz_experiment_spec *spec = item->experiment->spec;
    const char *of = kube_item_name(item);
    (void)snprintf(uid, sizeof(uid), "%s", item->experiment->uid);
    if (item->trial != NULL)
        dz_trial_uid(item->experiment, item->trial->number, uid);
    const struct {
        const char *key, *value;
    } fields[] = {{"involvedObject.name", of},
                  {"involvedObject.namespace", spec->namespace_},
                  {"involvedObject.kind", item->kind->kind},
                  {"involvedObject.uid", uid},
                  {"type", type},
                  {"reason", reason}};
    for (size_t i = 0; i < walk->selector.field_count; i++) {
        const char *value = NULL;
        for (size_t k = 0; k < sizeof(fields) / sizeof(fields[0]); k++)
            if (strcmp(fields[k].key, walk->selector.fields[i].key) == 0)
                value = fields[k].value;
        if (!kube_term_fits(&walk->selector.fields[i], value))
            return;
    }
    walk->count++;
    cJSON *event = dz_build_item(&walk->build, walk->items);
    dz_build_text(&walk->build, event, "apiVersion", "v1");
    dz_build_text(&walk->build, event, "kind", "Event");
    (void)snprintf(name, sizeof(name), "%s.%" PRIx64 ".%s", of, (uint64_t)time_ms, reason);
    for (char *letter = name; *letter != '\0'; letter++)
        if (*letter >= 'A' && *letter <= 'Z')
            *letter = (char)(*letter | 0x20);
    cJSON *metadata = dz_build_object(&walk->build, event, "metadata");
    dz_build_text(&walk->build, metadata, "name", name);
    dz_build_text(&walk->build, metadata, "namespace", spec->namespace_);
    dz_build_time(&walk->build, metadata, "creationTimestamp", time_ms);
    cJSON *involved = dz_build_object(&walk->build, event, "involvedObject");
    dz_build_text(&walk->build, involved, "apiVersion", KUBE_API);
    dz_build_text(&walk->build, involved, "kind", item->kind->kind);
    dz_build_text(&walk->build, involved, "name", of);
    dz_build_text(&walk->build, involved, "namespace", spec->namespace_);
    dz_build_text(&walk->build, involved, "uid", uid);
    dz_build_text(&walk->build, event, "type", type);
    dz_build_text(&walk->build, event, "reason", reason);
    dz_build_text(&walk->build, event, "message", message);
    dz_build_time(&walk->build, event, "firstTimestamp", time_ms);
    dz_build_time(&walk->build, event, "lastTimestamp", time_ms);
    dz_build_number(&walk->build, event, "count", 1);
    dz_build_text(&walk->build, dz_build_object(&walk->build, event, "source"), "component",
                  "dozan");
}
