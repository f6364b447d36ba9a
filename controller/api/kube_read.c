/*
 * Getting, listing and the beginning of a watch.
 */
#include "api/kube_parts.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MAX_LIMIT = 100000, WATCH_LIMIT = 16 << 20, DEFAULT_WATCH_S = 1800, MAX_WATCH_S = 86400 };

/* A walk over what a list or a watch begins with. */
typedef struct walk {
    const kube_kind *kind;
    const char *namespace_;
    kube_selector selector;
    dz_store *store;
    dz_builder build;
    dozan_status status;
    dozan_error *err;
    cJSON *items;
    bool table;
    int64_t limit, count; /* 0 = all */
    int64_t now_ms;
    kube_watch *watch; /* instead of items */
    char next[600];    /* where the next part begins */
    bool more;
} walk;

static void start_watch(dz_kube *kube, dz_http_request *request, const kube_kind *kind);
static dozan_status begin_watch(dz_http_request *request, dz_store *store, kube_watch *watch,
                                dozan_error *err);
static dozan_status read_from(const dz_http_request *request, char *text, size_t size,
                              dz_list_from *from, dozan_error *err);
static dozan_status walk_all(walk *state, const dz_list_from *from);
static dozan_status walk_experiment(walk *state, const char *name, const dz_list_from *from);
static bool visit_experiment(void *user, const dz_experiment *experiment);
static bool visit_trial(void *user, const dz_experiment *experiment, const dz_trial *trial);
static bool take(walk *state, const kube_item *item);
static bool page_is_full(walk *state);

void kube_get(void *context, dz_http_request *request)
{
    dz_kube *kube = context;
    const kube_kind *kind = kube_kind_of(request);
    const char *namespace_ = dz_http_param(request, "namespace");
    const char *name = dz_http_param(request, "name");
    dz_store *store = NULL;
    dz_experiment *experiment = NULL;
    dz_trial *trial = NULL;
    cJSON *object = NULL, *rows = NULL;
    dozan_error err = {0};
    if (kind == NULL) {
        dz_http_refusef(request, 404, "the server could not find the requested resource");
        return;
    }
    dozan_status status = kube_store(kube, request, &store, &err);
    if (status == DOZAN_OK)
        status = kind == &kube_trials
                     ? dz_store_trial_in(store, namespace_, name, &experiment, &trial, &err)
                     : dz_store_load_in(store, namespace_, name, &experiment, &err);
    if (status == DOZAN_OK) {
        kube_item item = {kind, experiment, trial};
        if (kube_wants_table(request)) {
            dz_builder build = {false};
            object = kube_table(kind, kube_item_version(&item), true, &rows);
            kube_table_row(&build, rows, &item, kube_wall_ms());
        } else {
            status = kube_build(store, &item, &object, &err);
        }
    }
    dz_trial_destroy(trial);
    dz_experiment_destroy(experiment);
    if (status == DOZAN_OK)
        dz_http_reply_json(request, 200, object);
    else
        kube_fail(request, kind, name, &err);
}

void kube_list(void *context, dz_http_request *request)
{
    dz_kube *kube = context;
    const kube_kind *kind = kube_kind_of(request);
    dozan_error err = {0};
    char from_text[600], api_kind[64];
    dz_list_from from = {0};
    int64_t version = 0;
    cJSON *list = NULL;
    walk state = {.kind = kind,
                  .namespace_ = dz_http_param(request, "namespace"),
                  .table = kube_wants_table(request),
                  .now_ms = kube_wall_ms(),
                  .err = &err};
    if (kind == NULL) {
        dz_http_refusef(request, 404, "the server could not find the requested resource");
        return;
    }
    if (dz_http_flag(request, "watch")) {
        start_watch(kube, request, kind);
        return;
    }
    dozan_status status = kube_store(kube, request, &state.store, &err);
    if (status == DOZAN_OK)
        status = kube_selector_read(request, &state.selector, &err);
    if (status == DOZAN_OK)
        status = dz_http_number(request, "limit", 0, INT64_MAX, 0, &state.limit, &err);
    if (status == DOZAN_OK)
        status = read_from(request, from_text, sizeof(from_text), &from, &err);
    if (status == DOZAN_OK)
        status = dz_store_version_now(state.store, &version, &err);
    if (status == DOZAN_OK) {
        (void)snprintf(api_kind, sizeof(api_kind), "%sList", kind->kind);
        list = state.table ? kube_table(kind, version, true, &state.items)
                           : kube_list_object(KUBE_API, api_kind, version, &state.items);
        status = walk_all(&state, &from);
    }
    if (status == DOZAN_OK && state.more)
        dz_build_text(&state.build, kube_member(list, "metadata"), "continue", state.next);
    kube_selector_fini(&state.selector);
    if (status == DOZAN_OK && !state.build.failed) {
        dz_http_reply_json(request, 200, list);
        return;
    }
    cJSON_Delete(list);
    if (status == DOZAN_OK)
        dz_http_reply_json(request, 500, NULL);
    else
        dz_http_fail(request, &err);
}

/* ---- a watch ---- */

/* What there is already is written by this thread; what comes, by the hub. */
static void start_watch(dz_kube *kube, dz_http_request *request, const kube_kind *kind)
{
    dozan_error err = {0};
    dz_store *store = NULL;
    kube_watch *watch = calloc(1, sizeof(*watch));
    const char *namespace_ = dz_http_param(request, "namespace");
    bool good = watch != NULL;
    if (good && namespace_ != NULL)
        good = (watch->namespace_ = strdup(namespace_)) != NULL;
    dozan_status status =
        good ? kube_store(kube, request, &store, &err)
             : dozan_error_set(&err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    if (status == DOZAN_OK && watch != NULL) {
        watch->kind = kind;
        watch->table = kube_wants_table(request);
        watch->bookmarks = dz_http_flag(request, "allowWatchBookmarks");
        status = begin_watch(request, store, watch, &err);
    }
    if (status != DOZAN_OK || watch == NULL) {
        if (watch != NULL && watch->stream != NULL)
            dz_http_stream_leave(watch->stream); /* no answer takes it */
        kube_watch_destroy(watch);
        if (status == DOZAN_OUT_OF_RANGE)
            dz_http_refuse(request, 410, "Expired", &err);
        else
            dz_http_fail(request, &err);
        return;
    }
    dz_http_stream *stream = watch->stream;
    kube_hub_watch(kube->hub, watch);
    dz_http_reply(request, &(dz_http_answer){.stream = stream});
}

static dozan_status begin_watch(dz_http_request *request, dz_store *store, kube_watch *watch,
                                dozan_error *err)
{
    int64_t seconds, oldest = 0, now = 0, since = 0;
    struct timespec clock = {0};
    bool initial = dz_http_flag(request, "sendInitialEvents");
    dozan_status status = kube_selector_read(request, &watch->selector, err);
    if (status == DOZAN_OK)
        status = dz_http_number(request, "timeoutSeconds", 0, MAX_WATCH_S, DEFAULT_WATCH_S,
                                &seconds, err);
    if (status == DOZAN_OK)
        status = dz_http_number(request, "resourceVersion", 0, INT64_MAX, 0, &since, err);
    if (status == DOZAN_OK)
        status = dz_store_version_now(store, &now, err);
    if (status == DOZAN_OK)
        status = dz_store_version_oldest(store, &oldest, err);
    if (status == DOZAN_OK)
        status = dz_http_stream_create(WATCH_LIMIT, &watch->stream, err);
    if (status != DOZAN_OK)
        return status;
    (void)clock_gettime(CLOCK_MONOTONIC, &clock);
    int64_t now_ms = (int64_t)clock.tv_sec * 1000 + clock.tv_nsec / 1000000;
    watch->until_ms = now_ms + (seconds > 0 ? seconds : DEFAULT_WATCH_S) * 1000;
    watch->bookmark_ms = now_ms;
    if (since > 0 && !initial) {
        watch->at = since;
        /* A higher one is of another database: nothing would ever come. */
        if (since < oldest || since > now)
            return dozan_error_set(err, DOZAN_OUT_OF_RANGE, NULL,
                                   "too old resource version: %" PRId64 " (%" PRId64 ")", since,
                                   oldest);
        return DOZAN_OK;
    }
    watch->at = now;
    walk state = {.kind = watch->kind,
                  .namespace_ = watch->namespace_,
                  .selector = watch->selector, /* lent */
                  .store = store,
                  .err = err,
                  .watch = watch};
    status = walk_all(&state, &(dz_list_from){0});
    if (status == DOZAN_OK && initial)
        (void)kube_watch_bookmark(watch, true);
    return status;
}

/* ---- the walk ---- */

/* "e:NAMESPACE/NAME" or "t:EXPERIMENT:NUMBER": where the part before ended. */
static dozan_status read_from(const dz_http_request *request, char *text, size_t size,
                              dz_list_from *from, dozan_error *err)
{
    const char *token = dz_http_query(request, "continue");
    char *slash, *end = NULL;
    if (token == NULL || *token == '\0')
        return DOZAN_OK;
    if (strlen(token) < size && strncmp(token, "e:", 2) == 0) {
        memcpy(text, token, strlen(token) + 1);
        slash = strchr(text, '/');
        if (slash != NULL) {
            *slash = '\0';
            from->namespace_ = text + 2;
            from->name = slash + 1;
            return DOZAN_OK;
        }
    } else if (strncmp(token, "t:", 2) == 0) {
        errno = 0;
        from->experiment_id = strtoll(token + 2, &end, 10);
        if (*end == ':') {
            from->trial = strtoll(end + 1, &end, 10);
            if (*end == '\0' && errno == 0)
                return DOZAN_OK;
        }
    }
    return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "continue", "is no token of this server");
}

static dozan_status walk_all(walk *state, const dz_list_from *from)
{
    dozan_status status;
    const char *experiment = kube_selector_label(&state->selector, KUBE_EXPERIMENT_LABEL);
    if (state->kind == &kube_trials && state->namespace_ != NULL && experiment != NULL)
        status = walk_experiment(state, experiment, from);
    else if (state->kind == &kube_trials)
        status = dz_store_list_trials(state->store, state->namespace_, from, 0, visit_trial, state,
                                      state->err);
    else
        status = dz_store_list_experiments(state->store, state->namespace_, from, 0,
                                           visit_experiment, state, state->err);
    return status != DOZAN_OK ? status : state->status;
}

/* The trials of one experiment, without a look at the others. */
typedef struct one {
    walk *state;
    const dz_experiment *experiment;
} one;

static bool visit_of_one(void *user, const dz_trial *trial)
{
    one *pair = user;
    return visit_trial(pair->state, pair->experiment, trial);
}

static dozan_status walk_experiment(walk *state, const char *name, const dz_list_from *from)
{
    dz_experiment *experiment = NULL;
    dozan_status status =
        dz_store_load_in(state->store, state->namespace_, name, &experiment, state->err);
    if (status == DOZAN_NOT_FOUND)
        return DOZAN_OK; /* it has no trials */
    if (status != DOZAN_OK)
        return status;
    one pair = {state, experiment};
    status = dz_store_trials(state->store, experiment,
                             from->experiment_id == experiment->id ? from->trial : 0, 0,
                             visit_of_one, &pair, state->err);
    dz_experiment_destroy(experiment);
    return status;
}

static bool visit_experiment(void *user, const dz_experiment *experiment)
{
    walk *state = user;
    kube_item item = {state->kind, experiment, NULL};
    if (page_is_full(state))
        return false;
    if (!take(state, &item))
        return false;
    if (state->limit > 0 && state->count == state->limit)
        (void)snprintf(state->next, sizeof(state->next), "e:%s/%s", experiment->spec->namespace_,
                       experiment->spec->name);
    return true;
}

static bool visit_trial(void *user, const dz_experiment *experiment, const dz_trial *trial)
{
    walk *state = user;
    kube_item item = {state->kind, experiment, trial};
    if (page_is_full(state))
        return false;
    if (!take(state, &item))
        return false;
    if (state->limit > 0 && state->count == state->limit)
        (void)snprintf(state->next, sizeof(state->next), "t:%" PRId64 ":%" PRId64, experiment->id,
                       trial->number);
    return true;
}

/* There is one more than the page holds: the next page begins after the last one that it does. */
static bool page_is_full(walk *state)
{
    state->more = state->limit > 0 && state->count >= state->limit;
    return state->more;
}

static bool take(walk *state, const kube_item *item)
{
    cJSON *object = NULL;
    if (!kube_selector_fits(&state->selector, item))
        return true;
    state->count++;
    if (state->watch != NULL)
        return kube_watch_item(state->watch, state->store, "ADDED", item);
    if (state->table) {
        kube_table_row(&state->build, state->items, item, state->now_ms);
        return !state->build.failed;
    }
    state->status = kube_build(state->store, item, &object, state->err);
    if (state->status == DOZAN_OK && !cJSON_AddItemToArray(state->items, object)) {
        cJSON_Delete(object);
        state->build.failed = true;
    }
    return state->status == DOZAN_OK && !state->build.failed;
}
