/*
 * The service: the server's thread only queues calls; workers read them, take them to the fold of
 * their experiment, and answer.
 *
 * A fold has one worker at a time. A call that finds it taken waits in the fold's own queue, and
 * the worker that has it goes on with that call, so that a slow experiment holds back nobody else.
 */
#include "grpc_katib.h"
#include "address.h"
#include "grpc_katib_fold.h"
#include "session.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <utlist.h>

enum {
    FEWEST_WORKERS = 4,
    EXPERIMENTS = 256,
    MESSAGE_BYTES = 64 << 20 /* Katib sends its whole history: 4 MiB end at some 10,000 trials */
};

typedef struct job {
    struct job *next;
    dozan_grpc_call *call;
    dz_arena arena;
    dz_katib_ask ask;
} job;

typedef struct entry {
    struct entry *next;
    dz_katib_fold *fold;
    bool busy;
    job *waiting;
    char name[];
} entry;

struct dz_katib {
    const dozan_algorithm *const *algorithms;
    dozan_grpc_server *server;
    char *token; /* NULL = everyone may call */
    size_t max_experiments;

    pthread_mutex_t lock; /* guards all below, but not the folds of busy entries */
    pthread_cond_t changed;
    job *queue;
    entry *entries; /* what was used last first */
    size_t entry_count;
    bool stop;
    size_t thread_count;
    pthread_t *threads;
};

static dozan_status start(dz_katib *katib, const char *url, const dozan_host_options *options,
                          bool open, dozan_error *err);
static dozan_status start_threads(dz_katib *katib, size_t count, dozan_error *err);
static size_t count_workers(const dozan_host_options *options);
static dozan_status authorize(void *context, const dozan_grpc_call *call, dozan_error *err);
static void check_health(void *context, dozan_grpc_call *call);
static void queue_call(void *context, dozan_grpc_call *call);
static void *work(void *argument);
static void handle(dz_katib *katib, job *j);
static dozan_status validate(const dz_katib *katib, job *j, dozan_error *err);
static void suggest(dz_katib *katib, job *j);
static dozan_status ask_fold(entry *e, job *j);
static entry *enter(dz_katib *katib, job *j, dozan_error *err);
static entry *take_out(dz_katib *katib, const char *name);
static void drop_surplus(dz_katib *katib);
static entry *make_entry(dz_katib *katib, const char *name);
static void free_entry(entry *e);
static job *leave(dz_katib *katib, entry *e);
static void finish(job *j, dozan_status status, dz_bytes body, const dozan_error *err);

dozan_status dz_katib_create(const char *url, const dozan_algorithm *const *algorithms,
                             const dozan_host_options *options, bool open, dz_katib **katib,
                             dozan_error *err)
{
    dz_katib *made = calloc(1, sizeof(*made));
    if (made == NULL)
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "no memory for a service");
    made->algorithms = algorithms;
    made->max_experiments = options->max_experiments != 0 ? options->max_experiments : EXPERIMENTS;
    (void)pthread_mutex_init(&made->lock, NULL);
    (void)pthread_cond_init(&made->changed, NULL);
    dozan_status status = start_threads(made, count_workers(options), err);
    if (status == DOZAN_OK && options->token != NULL && !open) {
        made->token = strdup(options->token);
        if (made->token == NULL)
            status =
                dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "no memory for a service");
    }
    if (status == DOZAN_OK)
        status = start(made, url, options, open, err);
    if (status == DOZAN_OK)
        *katib = made;
    else
        dz_katib_destroy(made);
    return status;
}

void dz_katib_destroy(dz_katib *katib)
{
    if (katib == NULL)
        return;
    dozan_grpc_server_destroy(katib->server); /* waits until the workers have answered all */
    (void)pthread_mutex_lock(&katib->lock);
    katib->stop = true;
    (void)pthread_cond_broadcast(&katib->changed);
    (void)pthread_mutex_unlock(&katib->lock);
    for (size_t i = 0; i < katib->thread_count; i++)
        (void)pthread_join(katib->threads[i], NULL);
    for (entry *e = katib->entries, *next = NULL; e != NULL; e = next) {
        next = e->next;
        free_entry(e);
    }
    (void)pthread_cond_destroy(&katib->changed);
    (void)pthread_mutex_destroy(&katib->lock);
    free(katib->threads);
    free(katib->token);
    free(katib);
}

uint16_t dz_katib_port(const dz_katib *katib)
{
    return dozan_grpc_server_port(katib->server);
}

/* ---- starting ------------------------------------------------------------------------------- */

static dozan_status start(dz_katib *katib, const char *url, const dozan_host_options *options,
                          bool open, dozan_error *err)
{
    const dozan_grpc_method methods[] = {
        {DZ_KATIB_GET_SUGGESTIONS, queue_call, katib},
        {DZ_KATIB_VALIDATE_ALGORITHM, queue_call, katib},
        {DZ_HEALTH_CHECK, check_health, katib},
    };
    const dozan_grpc_server_options serve = {
        .methods = methods,
        .method_count = sizeof(methods) / sizeof(methods[0]),
        .authorize = open || options->token != NULL ? authorize : NULL,
        .authorize_context = katib,
        .tls_cert_file = options->tls_cert_file,
        .tls_ca_file = options->tls_ca_file,
        .max_message_bytes =
            options->max_message_bytes != 0 ? options->max_message_bytes : MESSAGE_BYTES,
        .max_calls = options->in_flight};
    return dozan_grpc_server_create(url, &serve, &katib->server, err);
}

/* Signals are the main program's: no worker takes one. */
static dozan_status start_threads(dz_katib *katib, size_t count, dozan_error *err)
{
    sigset_t all;
    sigset_t before;
    katib->threads = calloc(count, sizeof(*katib->threads));
    if (katib->threads == NULL)
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "no memory for workers");
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_BLOCK, &all, &before);
    int number = 0;
    while (katib->thread_count < count && number == 0) {
        number = pthread_create(&katib->threads[katib->thread_count], NULL, work, katib);
        if (number == 0)
            katib->thread_count++;
    }
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (number == 0)
        return DOZAN_OK;
    return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL,
                           "cannot start worker thread %zu of %zu: %s", katib->thread_count + 1,
                           count, strerrordesc_np(number));
}

static size_t count_workers(const dozan_host_options *options)
{
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    if (options->workers != 0)
        return options->workers;
    return cpus > FEWEST_WORKERS ? (size_t)cpus : FEWEST_WORKERS;
}

static dozan_status authorize(void *context, const dozan_grpc_call *call, dozan_error *err)
{
    const dz_katib *katib = context;
    bool probe = strcmp(dozan_grpc_call_path(call), DZ_HEALTH_CHECK) == 0; /* tells nothing */
    if (katib->token == NULL || probe ||
        dz_bearer_matches(katib->token, dozan_grpc_call_metadata(call, "authorization")))
        return DOZAN_OK;
    return dozan_error_set(err, DOZAN_UNAUTHENTICATED, NULL,
                           "the metadata \"authorization\" must be \"Bearer \" and this "
                           "service's token");
}

/* ---- on the server's thread ----------------------------------------------------------------- */

/* Katib asks for manager.v1beta1.Suggestion, others for the service itself or for none. */
static void check_health(void *context, dozan_grpc_call *call)
{
    static const char *const known[] = {"", "manager.v1beta1.Suggestion",
                                        "manager.v1beta1.EarlyStopping", "api.v1.beta1.Suggestion",
                                        "api.v1.beta1.EarlyStopping"};
    (void)context;
    dz_arena arena = {0};
    dz_bytes body = {0};
    dozan_error err = {.code = DOZAN_OK};
    const char *service = NULL;
    body.data = dozan_grpc_call_body(call, &body.size);
    dozan_status status = dz_katib_unpack_health(body, &arena, &service, &err);
    bool found = false;
    for (size_t i = 0; status == DOZAN_OK && i < sizeof(known) / sizeof(known[0]); i++)
        found = found || strcmp(known[i], service) == 0;
    if (status == DOZAN_OK && !found)
        status = dozan_error_set(&err, DOZAN_NOT_FOUND, NULL, "no service %.100s here", service);
    if (status == DOZAN_OK)
        status = dz_katib_pack_health(&arena, &body, &err);
    if (status == DOZAN_OK)
        dozan_grpc_reply(call, body.data, body.size);
    else
        dozan_grpc_fail(call, &err);
    dz_arena_fini(&arena);
}

static void queue_call(void *context, dozan_grpc_call *call)
{
    dz_katib *katib = context;
    dozan_error err;
    job *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        (void)dozan_error_set(&err, DOZAN_RESOURCE_EXHAUSTED, NULL, "no memory for another call");
        dozan_grpc_fail(call, &err);
        return;
    }
    made->call = call;
    (void)pthread_mutex_lock(&katib->lock);
    LL_APPEND(katib->queue, made);
    (void)pthread_cond_signal(&katib->changed);
    (void)pthread_mutex_unlock(&katib->lock);
}

/* ---- on a worker ---------------------------------------------------------------------------- */

static void *work(void *argument)
{
    dz_katib *katib = argument;
    for (;;) {
        (void)pthread_mutex_lock(&katib->lock);
        while (katib->queue == NULL && !katib->stop)
            (void)pthread_cond_wait(&katib->changed, &katib->lock);
        job *j = katib->queue;
        if (j != NULL)
            LL_DELETE(katib->queue, j);
        (void)pthread_mutex_unlock(&katib->lock);
        if (j == NULL)
            return NULL;
        handle(katib, j);
    }
}

static void handle(dz_katib *katib, job *j)
{
    dozan_error err = {.code = DOZAN_OK};
    if (dozan_grpc_call_cancelled(j->call)) {
        (void)dozan_error_set(&err, DOZAN_CANCELLED, NULL, "nobody waits for the answer any more");
        finish(j, err.code, (dz_bytes){0}, &err);
    } else if (strcmp(dozan_grpc_call_path(j->call), DZ_KATIB_GET_SUGGESTIONS) == 0) {
        suggest(katib, j);
    } else {
        finish(j, validate(katib, j, &err), (dz_bytes){0}, &err);
    }
}

/* Katib takes INVALID_ARGUMENT alone for a wrong experiment: any other code would pass. */
static dozan_status validate(const dz_katib *katib, job *j, dozan_error *err)
{
    dz_bytes body = {0};
    dozan_experiment own = {.uid = ""};
    const dozan_experiment *experiment = NULL;
    const dozan_algorithm *algorithm = NULL;
    const char *labels = NULL;
    body.data = dozan_grpc_call_body(j->call, &body.size);
    dozan_status status = dz_katib_unpack_validate(body, &j->arena, &experiment, err);
    if (status == DOZAN_OK)
        status = dz_katib_own_settings(experiment, &j->arena, &own, &labels, err);
    if (status == DOZAN_OK)
        status = dz_katib_find_algorithm(katib->algorithms, DOZAN_KIND_SEARCH, own.algorithm,
                                         &algorithm, err);
    if (status == DOZAN_OK)
        status = dz_session_validate(algorithm, &own, err);
    return status;
}

static void suggest(dz_katib *katib, job *j)
{
    dozan_error err = {.code = DOZAN_OK};
    dz_bytes body = {0};
    body.data = dozan_grpc_call_body(j->call, &body.size);
    dozan_status status = dz_katib_unpack_ask(body, &j->arena, &j->ask, &err);
    if (status != DOZAN_OK) {
        finish(j, status, body, &err);
        return;
    }
    entry *e = enter(katib, j, &err);
    if (e == NULL && err.code != DOZAN_OK) {
        finish(j, err.code, body, &err);
        return;
    }
    while (e != NULL && j != NULL) {
        (void)ask_fold(e, j);
        j = leave(katib, e);
    }
}

static dozan_status ask_fold(entry *e, job *j)
{
    dozan_error err = {.code = DOZAN_OK};
    dz_katib_answer answer;
    dz_bytes body = {0};
    dozan_status status = dz_katib_fold_ask(e->fold, &j->ask, &j->arena, &answer, &err);
    if (status == DOZAN_OK)
        status = dz_katib_pack_answer(&answer, &j->arena, &body, &err);
    finish(j, status, body, &err);
    return status;
}

/* Takes the experiment's entry, or leaves the job in its queue: NULL without an error. */
static entry *enter(dz_katib *katib, job *j, dozan_error *err)
{
    const char *name = j->ask.history.experiment->name;
    (void)pthread_mutex_lock(&katib->lock);
    entry *e = take_out(katib, name);
    if (e == NULL) {
        drop_surplus(katib);
        e = make_entry(katib, name);
    }
    if (e == NULL) {
        (void)dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "no memory for an experiment");
    } else {
        e->next = katib->entries;
        katib->entries = e;
        katib->entry_count++;
        if (e->busy) {
            LL_APPEND(e->waiting, j);
            e = NULL;
        } else {
            e->busy = true;
        }
    }
    (void)pthread_mutex_unlock(&katib->lock);
    return e;
}

/* With the lock held, as the next two: the entry of that name, out of the list. */
static entry *take_out(dz_katib *katib, const char *name)
{
    for (entry **link = &katib->entries; *link != NULL; link = &(*link)->next) {
        entry *e = *link;
        if (strcmp(e->name, name) != 0)
            continue;
        *link = e->next;
        katib->entry_count--;
        return e;
    }
    return NULL;
}

/* The entry that was not used for longest makes room for another; it is only a cache. */
static void drop_surplus(dz_katib *katib)
{
    entry **oldest = NULL;
    for (entry **link = &katib->entries; *link != NULL; link = &(*link)->next) {
        if (!(*link)->busy)
            oldest = link;
    }
    if (katib->entry_count < katib->max_experiments || oldest == NULL)
        return;
    entry *e = *oldest;
    *oldest = e->next;
    katib->entry_count--;
    free_entry(e);
}

static entry *make_entry(dz_katib *katib, const char *name)
{
    size_t size = strlen(name) + 1;
    entry *made = calloc(1, sizeof(*made) + size);
    if (made == NULL)
        return NULL;
    memcpy(made->name, name, size);
    made->fold = dz_katib_fold_create(katib->algorithms);
    if (made->fold != NULL)
        return made;
    free_entry(made);
    return NULL;
}

static void free_entry(entry *e)
{
    dz_katib_fold_destroy(e->fold);
    free(e);
}

/* Returns the job that is next there, with the entry; or NULL, and the entry is free. */
static job *leave(dz_katib *katib, entry *e)
{
    (void)pthread_mutex_lock(&katib->lock);
    job *next = e->waiting;
    if (next != NULL)
        LL_DELETE(e->waiting, next);
    else
        e->busy = false;
    (void)pthread_mutex_unlock(&katib->lock);
    return next;
}

/* Answers, and frees the job. */
static void finish(job *j, dozan_status status, dz_bytes body, const dozan_error *err)
{
    if (status == DOZAN_OK)
        dozan_grpc_reply(j->call, body.data, body.size);
    else
        dozan_grpc_fail(j->call, err);
    dz_arena_fini(&j->arena);
    free(j);
}
