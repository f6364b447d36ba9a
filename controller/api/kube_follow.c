/*
 * The hub: one thread that tells every watch what has changed, and every follower of a log what has
 * been printed, so that 2,000 of them cost one reading of the store and no thread each.
 *
 * What has changed is read once for all watches, from the version of the one furthest behind, and
 * an object is made once for all that want it.
 */
#include "api/kube_parts.h"

#include <dozan/buf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "runners/runner.h"

enum {
    TICK_MS = 1000,
    LOG_TICK_MS = 100,
    BOOKMARK_MS = 30000,
    CHANGES_AT_ONCE = 1000,
    LINE_MAX_BYTES = 64 << 20,
    LOG_BLOCK = 64 << 10,
    LOG_WAITING = 1 << 20 /* bytes that a follower may be behind before more is read */
};

struct kube_hub {
    dz_kube *kube;
    pthread_t thread;
    pthread_mutex_t lock; /* guards the next ones */
    pthread_cond_t news;
    bool woken, stopping;
    kube_watch *new_watches;
    kube_log *new_logs;

    /* the thread's own */
    kube_watch *watches;
    kube_log *logs;
    dz_store *store;
};

/* One pass over the changes. */
typedef struct pass {
    kube_hub *hub;
    int64_t seen; /* the version of the last change */
    int64_t count;
    dz_experiment *experiment; /* the last one that was needed */
    dozan_status status;
} pass;

static void *run(void *argument);
static void wait_for_news(kube_hub *hub);
static void tell_watches(kube_hub *hub);
static bool expire_old(kube_hub *hub);
static bool visit_change(void *user, const dz_change *change);
static void tell_deleted(kube_hub *hub, const dz_change *change);
static bool wants(const kube_watch *watch, const dz_change *change);
static void tell_present(pass *state, const dz_change *change);
static void sweep_watches(kube_hub *hub);
static void follow_logs(kube_hub *hub);
static bool follow_one(kube_hub *hub, kube_log *log);
static bool look_at_trial(kube_hub *hub, kube_log *log);
static bool copy_news(kube_log *log);
static int64_t monotonic_ms(void);

dozan_status kube_hub_create(dz_kube *kube, kube_hub **hub, dozan_error *err)
{
    pthread_condattr_t clock;
    kube_hub *made = calloc(1, sizeof(*made));
    if (made == NULL)
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    made->kube = kube;
    (void)pthread_mutex_init(&made->lock, NULL);
    (void)pthread_condattr_init(&clock);
    (void)pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&made->news, &clock);
    (void)pthread_condattr_destroy(&clock);
    int number = pthread_create(&made->thread, NULL, run, made);
    if (number != 0) {
        (void)pthread_cond_destroy(&made->news);
        (void)pthread_mutex_destroy(&made->lock);
        free(made);
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "cannot start a thread: %s",
                               strerrordesc_np(number));
    }
    *hub = made;
    return DOZAN_OK;
}

void kube_hub_destroy(kube_hub *hub)
{
    if (hub == NULL)
        return;
    (void)pthread_mutex_lock(&hub->lock);
    hub->stopping = true;
    (void)pthread_cond_signal(&hub->news);
    (void)pthread_mutex_unlock(&hub->lock);
    (void)pthread_join(hub->thread, NULL);
    for (kube_watch *watch = hub->watches, *next; watch != NULL; watch = next) {
        next = watch->next;
        kube_watch_destroy(watch);
    }
    for (kube_log *log = hub->logs, *next; log != NULL; log = next) {
        next = log->next;
        kube_log_destroy(log);
    }
    dz_store_close(hub->store);
    (void)pthread_cond_destroy(&hub->news);
    (void)pthread_mutex_destroy(&hub->lock);
    free(hub);
}

void kube_hub_wake(kube_hub *hub)
{
    (void)pthread_mutex_lock(&hub->lock);
    hub->woken = true;
    (void)pthread_cond_signal(&hub->news);
    (void)pthread_mutex_unlock(&hub->lock);
}

void kube_hub_watch(kube_hub *hub, kube_watch *watch)
{
    (void)pthread_mutex_lock(&hub->lock);
    watch->next = hub->new_watches;
    hub->new_watches = watch;
    hub->woken = true;
    (void)pthread_cond_signal(&hub->news);
    (void)pthread_mutex_unlock(&hub->lock);
}

void kube_hub_follow(kube_hub *hub, kube_log *log)
{
    (void)pthread_mutex_lock(&hub->lock);
    log->next = hub->new_logs;
    hub->new_logs = log;
    hub->woken = true;
    (void)pthread_cond_signal(&hub->news);
    (void)pthread_mutex_unlock(&hub->lock);
}

void kube_watch_destroy(kube_watch *watch)
{
    if (watch == NULL)
        return;
    dz_http_stream_end(watch->stream);
    kube_selector_fini(&watch->selector);
    free(watch->namespace_);
    free(watch);
}

void kube_log_destroy(kube_log *log)
{
    if (log == NULL)
        return;
    if (log->file >= 0)
        (void)close(log->file);
    dz_http_stream_end(log->stream);
    free(log->folder);
    free(log->trial);
    free(log->namespace_);
    free(log);
}

/* ---- one watch ---- */

bool kube_watch_tell(kube_watch *watch, const char *type, cJSON *object)
{
    dozan_buf line;
    char *text = object != NULL ? cJSON_PrintUnformatted(object) : NULL;
    cJSON_Delete(object);
    dozan_buf_init(&line, LINE_MAX_BYTES);
    dozan_buf_printf(&line, "{\"type\":\"%s\",\"object\":", type);
    if (text != NULL)
        dozan_buf_puts(&line, text);
    dozan_buf_puts(&line, "}\n");
    bool good =
        text != NULL && !line.failed && dz_http_stream_write(watch->stream, line.data, line.size);
    cJSON_free(text);
    dozan_buf_fini(&line);
    watch->over = watch->over || !good;
    return good;
}

bool kube_watch_item(kube_watch *watch, dz_store *store, const char *type, const kube_item *item)
{
    cJSON *object = NULL, *rows = NULL;
    dz_builder build = {false};
    if (watch->table) {
        object = kube_table(item->kind, kube_item_version(item), !watch->told_columns, &rows);
        kube_table_row(&build, rows, item, kube_wall_ms());
        watch->told_columns = true;
        return kube_watch_tell(watch, type, object);
    }
    if (kube_build(store, item, &object, NULL) != DOZAN_OK) {
        watch->over = true; /* the client lists anew */
        return false;
    }
    return kube_watch_tell(watch, type, object);
}

bool kube_watch_bookmark(kube_watch *watch, bool initial)
{
    dz_builder build = {false};
    char version[KUBE_VERSION_TEXT];
    cJSON *object = cJSON_CreateObject();
    (void)snprintf(version, sizeof(version), "%" PRId64, watch->at);
    dz_build_text(&build, object, "kind", watch->table ? "Table" : watch->kind->kind);
    dz_build_text(&build, object, "apiVersion", watch->table ? "meta.k8s.io/v1" : KUBE_API);
    cJSON *metadata = dz_build_object(&build, object, "metadata");
    dz_build_text(&build, metadata, "resourceVersion", version);
    if (initial)
        dz_build_text(&build, dz_build_object(&build, metadata, "annotations"),
                      "k8s.io/initial-events-end", "true");
    if (watch->table) {
        (void)dz_build_array(&build, object, "columnDefinitions");
        (void)dz_build_array(&build, object, "rows");
    }
    return kube_watch_tell(watch, "BOOKMARK", object);
}

/* ---- the thread ---- */

static void *run(void *argument)
{
    kube_hub *hub = argument;
    for (;;) {
        wait_for_news(hub);
        if (hub->stopping)
            return NULL;
        if (hub->store == NULL &&
            dz_store_open(hub->kube->config.db_path, DZ_STORE_READ, DZ_DURABILITY_NORMAL,
                          &hub->store, NULL) != DOZAN_OK)
            hub->store = NULL; /* tried again on the next tick */
        if (hub->store == NULL)
            continue;
        if (hub->watches != NULL)
            tell_watches(hub);
        sweep_watches(hub);
        follow_logs(hub);
    }
}

static void wait_for_news(kube_hub *hub)
{
    int64_t wait = hub->logs != NULL ? LOG_TICK_MS : TICK_MS;
    int64_t until_ms = monotonic_ms() + wait;
    struct timespec until = {.tv_sec = until_ms / 1000, .tv_nsec = until_ms % 1000 * 1000000};
    bool idle = hub->watches == NULL && hub->logs == NULL;
    (void)pthread_mutex_lock(&hub->lock);
    while (!hub->stopping &&
           (!hub->woken || (idle && hub->new_watches == NULL && hub->new_logs == NULL))) {
        if (idle)
            (void)pthread_cond_wait(&hub->news, &hub->lock);
        else if (pthread_cond_timedwait(&hub->news, &hub->lock, &until) != 0)
            break;
    }
    hub->woken = false;
    for (kube_watch *watch = hub->new_watches, *next; watch != NULL; watch = next) {
        next = watch->next;
        watch->next = hub->watches;
        hub->watches = watch;
    }
    for (kube_log *log = hub->new_logs, *next; log != NULL; log = next) {
        next = log->next;
        log->next = hub->logs;
        hub->logs = log;
    }
    hub->new_watches = NULL;
    hub->new_logs = NULL;
    (void)pthread_mutex_unlock(&hub->lock);
}

/* ---- watches ---- */

static void tell_watches(kube_hub *hub)
{
    int64_t now = 0;
    pass state = {.hub = hub};
    if (dz_store_version_now(hub->store, &now, NULL) != DOZAN_OK || !expire_old(hub))
        return;
    for (;;) {
        int64_t since = INT64_MAX;
        for (const kube_watch *watch = hub->watches; watch != NULL; watch = watch->next)
            if (!watch->over && watch->at < since)
                since = watch->at;
        if (state.seen > since)
            since = state.seen;
        state.count = 0;
        if (since >= now)
            break;
        if (dz_store_changes(hub->store, since, DZ_OBJECT_EXPERIMENT | DZ_OBJECT_TRIAL, NULL,
                             CHANGES_AT_ONCE, visit_change, &state, NULL) != DOZAN_OK)
            break; /* tried again on the next tick */
        if (state.count < CHANGES_AT_ONCE) {
            int64_t reached = state.seen > now ? state.seen : now;
            for (kube_watch *watch = hub->watches; watch != NULL; watch = watch->next)
                if (watch->at < reached)
                    watch->at = reached;
            break;
        }
    }
    dz_experiment_destroy(state.experiment);
}

/* Those that are so far behind that the store cannot tell what has changed. */
static bool expire_old(kube_hub *hub)
{
    int64_t oldest = 0;
    if (dz_store_version_oldest(hub->store, &oldest, NULL) != DOZAN_OK)
        return false;
    for (kube_watch *watch = hub->watches; watch != NULL; watch = watch->next) {
        if (watch->over || watch->at >= oldest)
            continue;
        (void)kube_watch_tell(watch, "ERROR",
                              dz_http_status(410, "Expired", "too old resource version"));
        watch->over = true;
    }
    return true;
}

static bool visit_change(void *user, const dz_change *change)
{
    pass *state = user;
    state->count++;
    state->seen = change->version;
    if (change->deleted)
        tell_deleted(state->hub, change);
    else
        tell_present(state, change);
    return true;
}

static bool wants(const kube_watch *watch, const dz_change *change)
{
    return !watch->over && watch->at < change->version &&
           watch->kind->store_kind == (int)change->kind &&
           (watch->namespace_ == NULL || strcmp(watch->namespace_, change->namespace_) == 0);
}

static void tell_present(pass *state, const dz_change *change)
{
    kube_hub *hub = state->hub;
    dz_trial *trial = NULL;
    bool loaded = false;
    for (kube_watch *watch = hub->watches; watch != NULL; watch = watch->next) {
        if (!wants(watch, change))
            continue;
        if (!loaded) {
            /* Experiments as they are now, trials with whatever was read of theirs. */
            bool keep = change->kind == DZ_OBJECT_TRIAL && state->experiment != NULL &&
                        state->experiment->id == change->experiment_id;
            if (!keep) {
                dz_experiment_destroy(state->experiment);
                state->experiment = NULL;
                if (dz_store_load_id(hub->store, change->experiment_id, &state->experiment, NULL) !=
                    DOZAN_OK)
                    return; /* deleted meanwhile: its end is told later */
            }
            if (change->kind == DZ_OBJECT_TRIAL &&
                dz_store_trial_number(hub->store, state->experiment, change->trial, &trial, NULL) !=
                    DOZAN_OK)
                return;
            loaded = true;
        }
        kube_item item = {watch->kind, state->experiment, trial};
        if (kube_selector_fits(&watch->selector, &item))
            (void)kube_watch_item(watch, hub->store,
                                  change->created_version > watch->at ? "ADDED" : "MODIFIED",
                                  &item);
    }
    dz_trial_destroy(trial);
}

/* All that is left is its metadata. */
static void tell_deleted(kube_hub *hub, const dz_change *change)
{
    char version[KUBE_VERSION_TEXT];
    (void)snprintf(version, sizeof(version), "%" PRId64, change->version);
    for (kube_watch *watch = hub->watches; watch != NULL; watch = watch->next) {
        if (!wants(watch, change) || change->created_version > watch->at)
            continue;
        cJSON *labels = cJSON_Parse(change->labels != NULL ? change->labels : "{}");
        bool fits = true;
        for (size_t i = 0; i < watch->selector.label_count; i++)
            fits = fits && kube_term_fits(&watch->selector.labels[i],
                                          kube_text(labels, watch->selector.labels[i].key));
        const char *name = kube_selector_field(&watch->selector, "metadata.name");
        fits = fits && (name == NULL || strcmp(name, change->name) == 0);
        if (!fits) {
            cJSON_Delete(labels);
            continue;
        }
        dz_builder build = {false};
        cJSON *object = cJSON_CreateObject(), *rows = NULL, *table = NULL;
        dz_build_text(&build, object, "apiVersion", KUBE_API);
        dz_build_text(&build, object, "kind", watch->kind->kind);
        cJSON *metadata = dz_build_object(&build, object, "metadata");
        dz_build_text(&build, metadata, "name", change->name);
        dz_build_text(&build, metadata, "namespace", change->namespace_);
        dz_build_text(&build, metadata, "uid", change->uid);
        dz_build_text(&build, metadata, "resourceVersion", version);
        dz_build_add(&build, metadata, "labels", labels);
        if (watch->table) {
            table = kube_table(watch->kind, change->version, !watch->told_columns, &rows);
            cJSON *row = dz_build_item(&build, rows);
            cJSON *cells = dz_build_array(&build, row, "cells");
            (void)cJSON_AddItemToArray(cells, cJSON_CreateString(change->name));
            (void)cJSON_AddItemToArray(cells, cJSON_CreateString("Deleted"));
            (void)cJSON_AddItemToArray(cells, cJSON_CreateString("True"));
            (void)cJSON_AddItemToArray(cells, cJSON_CreateString("0s"));
            dz_build_add(&build, row, "object", object);
            object = table;
        }
        (void)kube_watch_tell(watch, "DELETED", object);
    }
}

/* Ends those that are over, and keeps the others' clients up to date. */
static void sweep_watches(kube_hub *hub)
{
    int64_t now = monotonic_ms();
    for (kube_watch **link = &hub->watches; *link != NULL;) {
        kube_watch *watch = *link;
        bool end = watch->over || now >= watch->until_ms || !dz_http_stream_open(watch->stream);
        if (!watch->over && watch->bookmarks && (end || now - watch->bookmark_ms >= BOOKMARK_MS)) {
            (void)kube_watch_bookmark(watch, false);
            watch->bookmark_ms = now;
        }
        if (!end) {
            link = &watch->next;
            continue;
        }
        *link = watch->next;
        kube_watch_destroy(watch);
    }
}

/* ---- logs ---- */

static void follow_logs(kube_hub *hub)
{
    for (kube_log **link = &hub->logs; *link != NULL;) {
        kube_log *log = *link;
        if (follow_one(hub, log)) {
            link = &log->next;
            continue;
        }
        *link = log->next;
        kube_log_destroy(log);
    }
}

/* The state is read before the output: what a trial printed before it ended is never missed. */
static bool follow_one(kube_hub *hub, kube_log *log)
{
    if (!dz_http_stream_open(log->stream) || !look_at_trial(hub, log))
        return false;
    if (log->file < 0 && log->attempt > 0) {
        char *path = NULL;
        if (dz_local_output_path(hub->kube->config.job_directory, log->folder, log->trial,
                                 log->attempt, &path) == DOZAN_OK)
            log->file = open(path, O_RDONLY | O_CLOEXEC);
        free(path);
    }
    bool all = copy_news(log);
    return !(log->ended && all);
}

/* False when it is gone. */
static bool look_at_trial(kube_hub *hub, kube_log *log)
{
    int64_t version = 0;
    dz_experiment *experiment = NULL;
    dz_trial *trial = NULL;
    if (dz_store_version(hub->store, &version, NULL) != DOZAN_OK || version == log->version)
        return true;
    dozan_status status =
        dz_store_trial_in(hub->store, log->namespace_, log->trial, &experiment, &trial, NULL);
    if (status == DOZAN_OK) {
        log->version = version;
        log->ended =
            dz_trial_state_ended(trial->state) || (log->fixed && trial->attempt > log->attempt);
        if (!log->fixed && trial->attempt > log->attempt) { /* another attempt, another file */
            if (log->file >= 0) {
                (void)copy_news(log);
                (void)close(log->file);
            }
            log->file = -1;
            log->attempt = trial->attempt;
        }
    }
    dz_trial_destroy(trial);
    dz_experiment_destroy(experiment);
    return status != DOZAN_NOT_FOUND;
}

/* True when all that is there now has been handed on. */
static bool copy_news(kube_log *log)
{
    char block[LOG_BLOCK];
    while (log->file >= 0) {
        if (dz_http_stream_waiting(log->stream) > LOG_WAITING)
            return false;
        ssize_t got = read(log->file, block, sizeof(block));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return true;
        if (!dz_http_stream_write(log->stream, block, (size_t)got))
            return true;
    }
    return true;
}

static int64_t monotonic_ms(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
