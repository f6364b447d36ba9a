/*
 * A client of Katib's own Suggestion and EarlyStopping services, behind the same interface as that
 * of a plugin host: it takes the calls of our own protocol, keeps each experiment's log as such a
 * service wants it, and calls the service with the whole history.
 *
 * A few workers do this, each with a gRPC client of its own, so that one call can be cancelled
 * without the others. An experiment has one worker at a time. As with nng, transport errors and
 * retryable codes are tried again until the deadline.
 */
#include "grpc_bridge.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <utlist.h>

enum { QUEUE_MOST = 4096, EXPERIMENTS = 256 };

struct dz_bridge_session {
    struct dz_bridge_session *next;
    dz_bridge_log *log;
    bool busy;
    bool forgotten; /* while busy */
    char key[];     /* the method and the uid */
};

static dozan_status start_call(dozan_client *base, const dz_call_start *start, dozan_call **out,
                               dozan_error *err);
static void cancel_call(dozan_call *base);
static void destroy_client(dozan_client *base);
static dozan_status start_threads(dz_bridge *b, dozan_error *err);
static char *copy_text(const char *text, bool *good);
static void *work(void *argument);
static dozan_status open_client(const dz_bridge *b, dozan_grpc_client **grpc, dozan_error *err);
static dz_bridge_request *take_call(dz_bridge *b, dozan_grpc_client *grpc);
static void run(dz_bridge *b, dz_bridge_request *call);
static dozan_status run_with_log(dz_bridge *b, dz_bridge_request *call, const char *uid,
                                 dz_bridge_method *method, dz_bytes *reply, dozan_error *err);
static dz_bridge_session *enter(dz_bridge *b, const char *method, const char *uid);
static dz_bridge_session **find_session(dz_bridge *b, const char *key);
static dz_bridge_session *take_out(dz_bridge *b, dz_bridge_session **place);
static void drop_surplus(dz_bridge *b);
static dz_bridge_session *make_session(const char *key);
static void leave(dz_bridge *b, dz_bridge_session *s);
static void forget(dz_bridge *b, const char *uid);
static void free_session(dz_bridge_session *s);

static const dz_transport transport = {start_call, cancel_call, destroy_client};

dozan_status dz_bridge_client_create(const char *url, const dozan_client_options *options,
                                     dozan_client **client, dozan_error *err)
{
    dz_bridge *made = calloc(1, sizeof(*made));
    if (made == NULL)
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "no memory for a client");
    pthread_condattr_t monotonic;
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_mutex_init(&made->lock, NULL);
    (void)pthread_cond_init(&made->changed, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    bool good = true;
    made->base.transport = &transport;
    made->url = copy_text(url, &good);
    made->name = copy_text(options->algorithm != NULL ? options->algorithm : "katib", &good);
    made->db_manager = copy_text(options->db_manager, &good);
    made->token = copy_text(options->token, &good);
    made->ca_file = copy_text(options->tls_ca_file, &good);
    made->cert_file = copy_text(options->tls_cert_file, &good);
    made->max_message_bytes =
        options->max_message_bytes != 0 ? options->max_message_bytes : DZ_WIRE_MESSAGE_BYTES;
    dozan_status status = DOZAN_OK;
    if (!good)
        status = dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "no memory for a client");
    if (status == DOZAN_OK)
        status = start_threads(made, err);
    if (status == DOZAN_OK)
        *client = &made->base;
    else
        destroy_client(&made->base);
    return status;
}

static void destroy_client(dozan_client *base)
{
    dz_bridge *b = (dz_bridge *)base;
    (void)pthread_mutex_lock(&b->lock);
    b->closing = true;
    for (dz_bridge_request *call = b->queue; call != NULL; call = call->next)
        call->cancelled = true;
    for (dz_bridge_request *call = b->running; call != NULL; call = call->next) {
        call->cancelled = true;
        dozan_grpc_client_cancel(call->grpc);
    }
    (void)pthread_cond_broadcast(&b->changed);
    (void)pthread_mutex_unlock(&b->lock);
    for (size_t i = 0; i < b->thread_count; i++)
        (void)pthread_join(b->threads[i], NULL);
    dz_bridge_session *next = NULL;
    for (dz_bridge_session *s = b->sessions; s != NULL; s = next) {
        next = s->next;
        free_session(s);
    }
    char *const texts[] = {b->url, b->name, b->db_manager, b->token, b->ca_file, b->cert_file};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        free(texts[i]);
    (void)pthread_cond_destroy(&b->changed);
    (void)pthread_mutex_destroy(&b->lock);
    free(b);
}

static dozan_status start_call(dozan_client *base, const dz_call_start *start, dozan_call **out,
                               dozan_error *err)
{
    dz_bridge *b = (dz_bridge *)base;
    dz_bridge_request *call = calloc(1, sizeof(*call));
    if (call == NULL)
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "no memory for a call");
    call->base.transport = &transport;
    call->owner = b;
    call->start = *start;
    call->deadline_ms = dz_bridge_now_ms() + start->timeout_ms;
    (void)pthread_mutex_lock(&b->lock);
    bool room = b->count < QUEUE_MOST && !b->closing;
    if (room) {
        call->arena = *start->arena;
        dz_arena_init(start->arena);
        DL_APPEND(b->queue, call);
        b->count++;
        if (out != NULL)
            *out = &call->base;
        (void)pthread_cond_broadcast(&b->changed);
    }
    (void)pthread_mutex_unlock(&b->lock);
    if (room)
        return DOZAN_OK;
    free(call);
    return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL,
                           "there are %d calls under way already", QUEUE_MOST);
}

/* The worker that has the call, or will have it, ends it. */
static void cancel_call(dozan_call *base)
{
    dz_bridge_request *call = (dz_bridge_request *)base;
    dz_bridge *b = call->owner;
    (void)pthread_mutex_lock(&b->lock);
    call->cancelled = true;
    if (call->grpc != NULL)
        dozan_grpc_client_cancel(call->grpc);
    (void)pthread_cond_broadcast(&b->changed);
    (void)pthread_mutex_unlock(&b->lock);
}

static dozan_status start_threads(dz_bridge *b, dozan_error *err)
{
    sigset_t all;
    sigset_t before;
    dozan_grpc_client *trial = NULL; /* whether one can be made: the workers could not tell */
    dozan_status status = open_client(b, &trial, err);
    dozan_grpc_client_destroy(trial);
    if (status != DOZAN_OK)
        return status;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_BLOCK, &all, &before);
    int number = 0;
    while (b->thread_count < DZ_BRIDGE_WORKERS && number == 0) {
        number = pthread_create(&b->threads[b->thread_count], NULL, work, b);
        if (number == 0)
            b->thread_count++;
    }
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (number == 0)
        return DOZAN_OK;
    return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL,
                           "no thread can be started for a client: %s", strerrordesc_np(number));
}

static char *copy_text(const char *text, bool *good)
{
    char *copy = text != NULL ? strdup(text) : NULL;
    *good = *good && (text == NULL || copy != NULL);
    return copy;
}

/* ---- workers -------------------------------------------------------------------------------- */

static void *work(void *argument)
{
    dz_bridge *b = argument;
    dozan_grpc_client *grpc = NULL;
    for (;;) {
        dozan_error err;
        if (grpc == NULL && open_client(b, &grpc, &err) != DOZAN_OK)
            grpc = NULL; /* its calls are answered all the same */
        dz_bridge_request *call = take_call(b, grpc);
        if (call == NULL)
            break;
        run(b, call);
        (void)pthread_mutex_lock(&b->lock);
        bool spent = call->cancelled; /* a client that was cancelled once stays so */
        DL_DELETE(b->running, call);
        b->count--;
        (void)pthread_mutex_unlock(&b->lock);
        dz_arena_fini(&call->arena);
        free(call);
        if (spent) {
            dozan_grpc_client_destroy(grpc);
            grpc = NULL;
        }
    }
    dozan_grpc_client_destroy(grpc);
    return NULL;
}

static dozan_status open_client(const dz_bridge *b, dozan_grpc_client **grpc, dozan_error *err)
{
    const dozan_grpc_client_options options = {.token = b->token,
                                               .tls_ca_file = b->ca_file,
                                               .tls_cert_file = b->cert_file,
                                               .max_message_bytes = b->max_message_bytes};
    return dozan_grpc_client_create(b->url, &options, grpc, err);
}

/* NULL: the client is being destroyed, and nothing is left. */
static dz_bridge_request *take_call(dz_bridge *b, dozan_grpc_client *grpc)
{
    (void)pthread_mutex_lock(&b->lock);
    while (b->queue == NULL && !b->closing)
        (void)pthread_cond_wait(&b->changed, &b->lock);
    dz_bridge_request *call = b->queue;
    if (call != NULL) {
        DL_DELETE(b->queue, call);
        DL_APPEND(b->running, call);
        call->grpc = grpc;
        if (call->cancelled && grpc != NULL)
            dozan_grpc_client_cancel(grpc);
    }
    (void)pthread_mutex_unlock(&b->lock);
    return call;
}

/* Reads the body, does what the method says, and runs the callback. */
static void run(dz_bridge *b, dz_bridge_request *call)
{
    const char *method = call->start.method;
    const char *uid = NULL;
    dz_bytes reply = {0};
    dozan_error err = {.code = DOZAN_OK};
    dozan_status status = DOZAN_OK;
    if (strcmp(method, DZ_METHOD_ASK) == 0) {
        status = dz_wire_unpack_ask(call->start.body, &call->arena, &call->input.ask, &err);
        if (status == DOZAN_OK)
            status = run_with_log(b, call, call->input.ask.log.uid, dz_bridge_ask, &reply, &err);
    } else if (strcmp(method, DZ_METHOD_JUDGE) == 0) {
        status = dz_wire_unpack_judge(call->start.body, &call->arena, &call->input.judge, &err);
        if (status == DOZAN_OK)
            status =
                run_with_log(b, call, call->input.judge.log.uid, dz_bridge_judge, &reply, &err);
    } else if (strcmp(method, DZ_METHOD_DESCRIBE) == 0) {
        status = dz_bridge_describe(b, call, &reply, &err);
    } else if (strcmp(method, DZ_METHOD_VALIDATE) == 0) {
        status =
            dz_wire_unpack_validate(call->start.body, &call->arena, &call->input.validate, &err);
        if (status == DOZAN_OK)
            status = dz_bridge_validate(b, call, &err);
    } else if (strcmp(method, DZ_METHOD_RELEASE) == 0) {
        status = dz_wire_unpack_release(call->start.body, &call->arena, &uid, &err);
        if (status == DOZAN_OK)
            forget(b, uid);
    } else {
        status = dz_bridge_call_service(b, call, method, call->start.body, &reply, &err);
    }
    call->start.done(call->start.user, status, reply, &call->arena, &err);
}

/* ---- sessions ------------------------------------------------------------------------------- */

static dozan_status run_with_log(dz_bridge *b, dz_bridge_request *call, const char *uid,
                                 dz_bridge_method *method, dz_bytes *reply, dozan_error *err)
{
    dz_bridge_session *s = enter(b, call->start.method, uid);
    if (s == NULL)
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "no memory for an experiment");
    dozan_status status = method(b, call, s->log, reply, err);
    leave(b, s);
    return status;
}

/* Waits while another worker has it. */
static dz_bridge_session *enter(dz_bridge *b, const char *method, const char *uid)
{
    char key[DZ_WIRE_UID + 64];
    (void)snprintf(key, sizeof(key), "%s %s", method, uid);
    (void)pthread_mutex_lock(&b->lock);
    dz_bridge_session **place = find_session(b, key);
    while (*place != NULL && (*place)->busy) {
        (void)pthread_cond_wait(&b->changed, &b->lock);
        place = find_session(b, key);
    }
    dz_bridge_session *s = *place != NULL ? take_out(b, place) : NULL;
    if (s == NULL) {
        drop_surplus(b);
        s = make_session(key);
    }
    if (s != NULL) {
        s->busy = true;
        s->next = b->sessions;
        b->sessions = s;
        b->session_count++;
    }
    (void)pthread_mutex_unlock(&b->lock);
    return s;
}

/* With the lock held, as all of these: where the session of that key is, or the list's end. */
static dz_bridge_session **find_session(dz_bridge *b, const char *key)
{
    dz_bridge_session **place = &b->sessions;
    while (*place != NULL && strcmp((*place)->key, key) != 0)
        place = &(*place)->next;
    return place;
}

static dz_bridge_session *take_out(dz_bridge *b, dz_bridge_session **place)
{
    dz_bridge_session *s = *place;
    *place = s->next;
    b->session_count--;
    return s;
}

/* The session that was not used for longest makes room for another; its log can be told again. */
static void drop_surplus(dz_bridge *b)
{
    dz_bridge_session **oldest = NULL;
    for (dz_bridge_session **place = &b->sessions; *place != NULL; place = &(*place)->next) {
        if (!(*place)->busy)
            oldest = place;
    }
    if (b->session_count >= EXPERIMENTS && oldest != NULL)
        free_session(take_out(b, oldest));
}

static dz_bridge_session *make_session(const char *key)
{
    size_t size = strlen(key) + 1;
    dz_bridge_session *made = calloc(1, sizeof(*made) + size);
    if (made == NULL)
        return NULL;
    memcpy(made->key, key, size);
    made->log = dz_bridge_log_create();
    if (made->log != NULL)
        return made;
    free_session(made);
    return NULL;
}

static void leave(dz_bridge *b, dz_bridge_session *s)
{
    (void)pthread_mutex_lock(&b->lock);
    s->busy = false;
    dz_bridge_session **place = find_session(b, s->key);
    if (s->forgotten && *place != NULL)
        free_session(take_out(b, place));
    (void)pthread_cond_broadcast(&b->changed);
    (void)pthread_mutex_unlock(&b->lock);
}

static void forget(dz_bridge *b, const char *uid)
{
    (void)pthread_mutex_lock(&b->lock);
    for (dz_bridge_session **place = &b->sessions; *place != NULL;) {
        dz_bridge_session *s = *place;
        const char *own = strchr(s->key, ' ');
        bool found = own != NULL && strcmp(own + 1, uid) == 0;
        s->forgotten = s->forgotten || (found && s->busy);
        if (found && !s->busy)
            free_session(take_out(b, place));
        else
            place = &s->next;
    }
    (void)pthread_mutex_unlock(&b->lock);
}

static void free_session(dz_bridge_session *s)
{
    dz_bridge_log_destroy(s->log);
    free(s);
}

int64_t dz_bridge_now_ms(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
