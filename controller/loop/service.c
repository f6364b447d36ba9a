#include "loop/service_parts.h"

#include "runners/remove.h"
#include "store/changes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

enum {
    WAIT_MS = 200, /* also the time after which commands of other processes are looked for */
    RETRY_MS = 500,
    TAKE_REQUESTS = 1024, /* at most in one turn */
    OPEN_TOGETHER = 64    /* experiments that a start opens in one transaction */
};

static dozan_status open_all(dz_service *service, dozan_error *err);
static bool keep_number(void *user, int64_t experiment_id);
static dozan_status open_one(dz_service *service, int64_t id, dozan_error *err);
static void *own(void *argument);
static void empty_trash(dz_service *service);
static void publish(dz_service *service);
static void take(void *user);
static void match(void *user);
static void committed(void *user, int64_t nanoseconds);
static void stalled(void *user, const dozan_error *why);
static void dropped(void *user, dz_actor *actor);
static void deleted(void *user, dz_actor *actor);
static void note_line(void *user, const char *line);

/* The numbers of the experiments that a start takes up. */
typedef struct number_list {
    int64_t *items;
    size_t count, capacity;
    bool failed;
} number_list;

dozan_status dz_service_create(const char *db_path, dz_durability durability,
                               const dz_run_config *config, const dz_service_observer *observer,
                               dz_service **service, dozan_error *err)
{
    dz_service *made = calloc(1, sizeof *made);
    if (!made)
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    made->config = config;
    if (observer)
        made->observer = *observer;
    made->loop_observer = (dz_run_observer){.user = made, .note = note_line};
    made->stats.started_ms = dz_loop_wall_ms();
    dz_requests_init(&made->requests);
    pthread_mutex_init(&made->stats_lock, NULL);
    pthread_mutex_init(&made->inquiry_lock, NULL);
    dozan_status status = dz_store_open(db_path, DZ_STORE_WRITE, durability, &made->store, err);
    if (!status)
        status = dz_store_own_as_service(made->store, err);
    if (!status && asprintf(&made->trash, "%s/.deleted", config->job_directory) < 0) {
        made->trash = NULL;
        status = dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    }
    if (!status)
        status = dz_loop_create(made->store, config, &made->loop_observer, &made->loop, err);
    if (!status)
        status = dz_loop_prepare(made->loop, err);
    if (!status) {
        made->loop->hooks =
            (dz_turn_hooks){made, take, match, committed, stalled, dropped, deleted};
        empty_trash(made);
        status = open_all(made, err);
    }
    if (!status && pthread_create(&made->thread, NULL, own, made) != 0)
        status = dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL,
                                 "no thread can be started for the service");
    made->thread_runs = status == DOZAN_OK;
    if (status) {
        dz_service_destroy(made);
        return status;
    }
    *service = made;
    return DOZAN_OK;
}

void dz_service_stop(dz_service *service)
{
    atomic_store(&service->stopping, true);
    if (service->loop)
        dz_mailbox_wake(service->loop->mailbox);
}

void dz_service_destroy(dz_service *service)
{
    if (!service)
        return;
    dz_service_stop(service);
    if (service->thread_runs)
        (void)pthread_join(service->thread, NULL);
    dz_loop_destroy(service->inquiry);
    dz_loop_destroy(service->loop);
    dz_store_close(service->store);
    dz_requests_fini(&service->requests);
    pthread_mutex_destroy(&service->stats_lock);
    pthread_mutex_destroy(&service->inquiry_lock);
    free(service->trash);
    free(service);
}

bool dz_service_running(dz_service *service, dozan_error *err)
{
    pthread_mutex_lock(&service->stats_lock);
    bool failed = service->failed;
    if (failed && err)
        *err = service->failure;
    pthread_mutex_unlock(&service->stats_lock);
    return !failed && !atomic_load(&service->stopping);
}

void dz_service_stats_get(dz_service *service, dz_service_stats *stats)
{
    pthread_mutex_lock(&service->stats_lock);
    *stats = service->stats;
    pthread_mutex_unlock(&service->stats_lock);
}

const char *dz_request_name(dz_request_kind kind)
{
    static const char *const names[DZ_REQUEST_KINDS] = {
        [DZ_REQUEST_SUBMIT] = "submit", [DZ_REQUEST_REPLACE] = "replace",
        [DZ_REQUEST_DELETE] = "delete", [DZ_REQUEST_CONTROL] = "control",
        [DZ_REQUEST_REPORT] = "report", [DZ_REQUEST_FORGET] = "forget",
        [DZ_REQUEST_TAKE] = "ask",      [DZ_REQUEST_RENEW] = "heartbeat",
        [DZ_REQUEST_FINISH] = "tell"};
    return kind < DZ_REQUEST_KINDS ? names[kind] : "unknown";
}

void dz_service_note(dz_service *service, const char *format, ...)
{
    char line[1024];
    va_list args;
    if (!service->observer.note)
        return;
    va_start(args, format);
    (void)vsnprintf(line, sizeof line, format, args);
    va_end(args);
    service->observer.note(service->observer.user, line);
}

void dz_latency_add(dz_latency *latency, int64_t nanoseconds)
{
    int64_t limit = 50000;
    size_t bucket = 0;
    for (; bucket < DZ_LATENCY_BUCKETS - 1 && nanoseconds > limit; limit *= 2)
        bucket++;
    latency->buckets[bucket]++;
    latency->count++;
    latency->sum_seconds += (double)nanoseconds / 1e9;
}

int64_t dz_service_clock_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* ---- the start */

static dozan_status open_all(dz_service *service, dozan_error *err)
{
    number_list list = {0};
    dozan_status status = dz_store_open_experiments(service->store, keep_number, &list, err);
    if (!status && list.failed)
        status = dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    for (size_t i = 0; !status && i < list.count; i++) {
        status = open_one(service, list.items[i], err);
        if (!status && (i + 1 == list.count || (i + 1) % OPEN_TOGETHER == 0))
            status = dz_loop_settle(service->loop, err);
    }
    free(list.items);
    return status;
}

static bool keep_number(void *user, int64_t experiment_id)
{
    number_list *list = user;
    if (list->count == list->capacity) {
        size_t capacity = list->capacity ? list->capacity * 2 : 64;
        int64_t *grown = realloc(list->items, capacity * sizeof *grown);
        list->failed = !grown;
        if (!grown)
            return false;
        list->items = grown;
        list->capacity = capacity;
    }
    list->items[list->count++] = experiment_id;
    return true;
}

/* One that cannot be read, or opened, must not keep the others from running. What was stopped by
 * its user stays so; what a crash left of its end is ended. */
static dozan_status open_one(dz_service *service, int64_t id, dozan_error *err)
{
    dz_experiment *experiment = NULL;
    dz_actor *actor = NULL;
    dozan_error why = {0};
    dozan_status status = dz_store_load_id(service->store, id, &experiment, &why);
    if (status == DOZAN_DATA_LOSS) {
        dz_service_note(service, "experiment number %lld is left alone: %s", (long long)id,
                        why.message);
        return DOZAN_OK;
    }
    if (!status)
        status = dz_actor_create(service->loop, experiment, true, &actor, &why);
    if (status) {
        if (err)
            *err = why;
        return status;
    }
    dz_actor_enlist(actor);
    if (dz_experiment_at_rest(experiment)) { /* as an earlier version left it: noted now */
        experiment->dirty = true;
        dz_actor_touch(actor);
        return DOZAN_OK;
    }
    dz_event event = {.kind = DZ_EVENT_OPEN};
    if (experiment->state == DZ_EXPERIMENT_SUSPENDED)
        event.u.suspend.reason = experiment->conditions[experiment->condition_count - 1].reason;
    char reason[sizeof experiment->conditions[0].reason];
    if (event.u.suspend.reason) {
        memcpy(reason, event.u.suspend.reason, sizeof reason);
        event.u.suspend.reason = reason;
    }
    (void)!dz_actor_step(actor, &event, &why); /* what goes wrong is in its fault */
    return DOZAN_OK;
}

/* ---- the owner's thread */

static void *own(void *argument)
{
    dz_service *service = argument;
    dozan_error err = {0};
    while (!atomic_load(&service->stopping)) {
        if (service->loop->stalled)
            dz_mailbox_pause(service->loop->mailbox, RETRY_MS);
        else
            dz_loop_wait(service->loop, WAIT_MS);
        if (atomic_load(&service->stopping))
            break;
        if (!service->loop->stalled)
            dz_service_take_commands(service);
        (void)!dz_loop_turn(service->loop, &err); /* the hook `stalled` tells of it */
        publish(service);
    }
    dz_requests_close(&service->requests);
    (void)dozan_error_set(&err, DOZAN_UNAVAILABLE, NULL,
                          "the service is stopping; ask again when it runs");
    dz_service_refuse_all(service, &err);
    dz_service_refuse_takers(service, &err);
    dz_actor *actor = NULL, *next = NULL;
    HASH_ITER(hh, service->loop->actors, actor, next)
    {
        dz_service_answer_deletes(service, actor, DOZAN_UNAVAILABLE, &err);
    }
    return NULL;
}

static void publish(dz_service *service)
{
    const dz_loop *loop = service->loop;
    pthread_mutex_lock(&service->requests.lock);
    int64_t waiting = (int64_t)service->requests.count;
    pthread_mutex_unlock(&service->requests.lock);
    pthread_mutex_lock(&service->stats_lock);
    dz_service_stats *stats = &service->stats;
    stats->turns = loop->counts.turns;
    stats->points = loop->counts.points;
    stats->trials_started = loop->counts.trials_started;
    stats->trials_ended = loop->counts.trials_ended;
    stats->experiments_created = loop->counts.experiments_created;
    stats->experiments_ended = loop->counts.experiments_ended;
    stats->experiments_held = (int64_t)HASH_COUNT(loop->actors);
    stats->requests_waiting = waiting;
    stats->slots = loop->slots;
    pthread_mutex_unlock(&service->stats_lock);
    if (waiting > 0)
        dz_mailbox_wake(loop->mailbox);
}

static void take(void *user)
{
    dz_service *service = user;
    dz_request *request = dz_requests_take(&service->requests, TAKE_REQUESTS);
    while (request) {
        dz_request *next = request->next;
        request->next = NULL;
        dz_service_take(service, request);
        request = next;
    }
}

static void match(void *user)
{
    dz_service_match(user);
}

static void committed(void *user, int64_t nanoseconds)
{
    dz_service *service = user;
    dz_request *request = service->committing;
    service->committing = NULL;
    service->stall_told = false;
    while (request) {
        dz_request *next = request->next;
        const dz_actor *actor = request->actor;
        if (actor && !actor->fault.code) {
            request->experiment_id = actor->experiment->id;
            request->version = actor->experiment->version;
        }
        dz_service_begin_lease(service, request);
        dozan_status status = actor ? actor->fault.code : DOZAN_OK;
        dz_requests_answer(&service->requests, request, status, actor ? &actor->fault : NULL);
        request = next;
    }
    if (nanoseconds < 0)
        return;
    int64_t version = dz_store_owned_version(service->store);
    pthread_mutex_lock(&service->stats_lock);
    dz_latency_add(&service->stats.commit, nanoseconds);
    service->stats.version = version;
    pthread_mutex_unlock(&service->stats_lock);
    if (service->observer.committed)
        service->observer.committed(service->observer.user, version);
}

/* Who waits is told; what has been taken already is written as soon as that is possible. New
 * experiments are dropped: nobody knows of them. */
static void stalled(void *user, const dozan_error *why)
{
    dz_service *service = user;
    dz_actor **link = &service->loop->touched;
    dz_actor *actor = NULL, *next = NULL;
    if (!service->stall_told)
        dz_service_note(service, "waiting to write the database, nothing is lost: %s",
                        why->message);
    service->stall_told = true;
    dz_service_refuse_all(service, why);
    while ((actor = *link)) {
        if (actor->id) {
            link = &actor->next_touched;
            continue;
        }
        *link = actor->next_touched;
        dz_share_give_up(actor);
        dz_actor_destroy(actor);
    }
    HASH_ITER(hh, service->loop->actors, actor, next)
    {
        dz_service_answer_deletes(service, actor, why->code, why);
    }
}

static void dropped(void *user, dz_actor *actor)
{
    dz_service *service = user;
    dz_service_note(service, "experiment %s is let go of: %s", actor->experiment->spec->name,
                    actor->fault.message);
    dz_service_answer_deletes(service, actor, actor->fault.code, &actor->fault);
}

/* ---- what is left of a deleted experiment */

/* Its folder moves out of the way at once, for one of its name may come next; emptying it may take
 * long. */
static void deleted(void *user, dz_actor *actor)
{
    dz_service *service = user;
    char folder[DZ_QUALIFIED_NAME];
    char *from = NULL, *to = NULL;
    dz_spec_folder(actor->experiment->spec, folder);
    if (asprintf(&from, "%s/%s", service->config->job_directory, folder) < 0)
        from = NULL;
    if (asprintf(&to, "%s/%lld", service->trash, (long long)actor->id) < 0)
        to = NULL;
    if (from && to) {
        (void)mkdir(service->trash, 0700);
        if (rename(from, to) == 0)
            empty_trash(service);
        else if (errno != ENOENT)
            dz_service_note(service, "%s cannot be removed: %s", from, strerrordesc_np(errno));
    }
    free(from);
    free(to);
    pthread_mutex_lock(&service->stats_lock);
    service->stats.experiments_deleted++;
    pthread_mutex_unlock(&service->stats_lock);
    dz_service_answer_deletes(service, actor, DOZAN_OK, NULL);
}

static void empty_trash(dz_service *service)
{
    dozan_error why = {0};
    if (dz_remove_below(service->config->job_directory, ".deleted", &why))
        dz_service_note(service, "%s", why.message);
}

static void note_line(void *user, const char *line)
{
    dz_service_note(user, "%s", line);
}
