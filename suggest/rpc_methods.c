/*
 * The client's typed calls: each packs its request, starts a call, and reads the reply. The
 * blocking ones wait on a latch that the callback opens.
 */
#include "rpc_call.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

typedef struct ask_user {
    dozan_ask_callback *callback;
    void *user;
    uint32_t count;
} ask_user;

typedef struct judge_user {
    dozan_judge_callback *callback;
    void *user;
} judge_user;

/* A blocking call's result: the callback fills it in and opens it. */
typedef struct latch {
    pthread_mutex_t lock;
    pthread_cond_t opened;
    bool open;
    dozan_status status;
    dozan_error err;
    void *body; /* malloc'ed; NULL when empty */
    size_t size;
} latch;

/* What dozan_client_describe hands out: the reply, and where it lives. */
typedef struct owned_description {
    dozan_describe_reply reply; /* first: the caller holds a pointer to it */
    dz_arena arena;
} owned_description;

static void on_ask(void *user, dozan_status status, dz_bytes body, dz_arena *arena,
                   const dozan_error *err);
static void on_judge(void *user, dozan_status status, dz_bytes body, dz_arena *arena,
                     const dozan_error *err);
static dozan_status bad_reply(dozan_error *err);
static dozan_status call_and_wait(dozan_client *client, const dz_call_start *start, void **body,
                                  size_t *size, dozan_error *err);
static void on_waited(void *user, dozan_status status, dz_bytes body, dz_arena *arena,
                      const dozan_error *err);

dozan_status dozan_client_ask(dozan_client *client, const dozan_log_part *log, int64_t first_trial,
                              uint32_t count, uint32_t timeout_ms, dozan_ask_callback *callback,
                              void *user, dozan_call **call, dozan_error *err)
{
    dz_arena arena = {0};
    dz_ask_request request = {.log = *log, .first_trial = first_trial, .count = count};
    dz_call_start start = {
        .method = DZ_METHOD_ASK, .arena = &arena, .timeout_ms = timeout_ms, .done = on_ask};
    dozan_status status = dz_wire_pack_ask(&request, &arena, &start.body, err);
    ask_user *context = dz_arena_alloc(&arena, sizeof(*context));
    if (status == DOZAN_OK && context == NULL)
        status = dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "no memory for a call");
    if (status == DOZAN_OK && context != NULL) {
        *context = (ask_user){.callback = callback, .user = user, .count = count};
        start.user = context;
        status = dz_client_start(client, &start, call, err);
    }
    dz_arena_fini(&arena);
    return status;
}

dozan_status dozan_client_judge(dozan_client *client, const dozan_log_part *log,
                                const int64_t *trials, size_t trial_count, uint32_t timeout_ms,
                                dozan_judge_callback *callback, void *user, dozan_call **call,
                                dozan_error *err)
{
    dz_arena arena = {0};
    dz_judge_request request = {.log = *log, .trials = trials, .trial_count = trial_count};
    dz_call_start start = {
        .method = DZ_METHOD_JUDGE, .arena = &arena, .timeout_ms = timeout_ms, .done = on_judge};
    dozan_status status = dz_wire_pack_judge(&request, &arena, &start.body, err);
    judge_user *context = dz_arena_alloc(&arena, sizeof(*context));
    if (status == DOZAN_OK && context == NULL)
        status = dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "no memory for a call");
    if (status == DOZAN_OK && context != NULL) {
        *context = (judge_user){.callback = callback, .user = user};
        start.user = context;
        status = dz_client_start(client, &start, call, err);
    }
    dz_arena_fini(&arena);
    return status;
}

dozan_status dozan_client_describe(dozan_client *client, uint32_t timeout_ms,
                                   dozan_describe_reply **reply, dozan_error *err)
{
    void *body = NULL;
    size_t size = 0;
    owned_description *owned = NULL;
    dozan_status status =
        dozan_client_call(client, DZ_METHOD_DESCRIBE, NULL, 0, timeout_ms, &body, &size, err);
    if (status != DOZAN_OK)
        goto done;
    owned = calloc(1, sizeof(*owned));
    if (owned == NULL) {
        status = dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "no memory for a reply");
        goto done;
    }
    status =
        dz_wire_unpack_describe_reply((dz_bytes){body, size}, &owned->arena, &owned->reply, err);
    if (status != DOZAN_OK) {
        status = bad_reply(err);
        goto done;
    }
    *reply = &owned->reply;
    owned = NULL;
done:
    if (owned != NULL)
        dozan_describe_reply_destroy(&owned->reply);
    free(body);
    return status;
}

void dozan_describe_reply_destroy(dozan_describe_reply *reply)
{
    if (reply == NULL)
        return;
    owned_description *owned = (owned_description *)reply;
    dz_arena_fini(&owned->arena);
    free(owned);
}

dozan_status dozan_client_validate(dozan_client *client, const dozan_experiment *experiment,
                                   dozan_algorithm_kind kind, uint32_t timeout_ms, dozan_error *err)
{
    dz_arena arena = {0};
    dz_validate_request request = {.experiment = experiment, .kind = kind};
    dz_call_start start = {.method = DZ_METHOD_VALIDATE, .arena = &arena, .timeout_ms = timeout_ms};
    dozan_status status = dz_wire_pack_validate(&request, &arena, &start.body, err);
    if (status == DOZAN_OK)
        status = call_and_wait(client, &start, NULL, NULL, err);
    dz_arena_fini(&arena);
    return status;
}

dozan_status dozan_client_release(dozan_client *client, const char *uid, uint32_t timeout_ms,
                                  dozan_error *err)
{
    dz_arena arena = {0};
    dz_call_start start = {.method = DZ_METHOD_RELEASE, .arena = &arena, .timeout_ms = timeout_ms};
    dozan_status status = dz_wire_pack_release(uid, &arena, &start.body, err);
    if (status == DOZAN_OK)
        status = call_and_wait(client, &start, NULL, NULL, err);
    dz_arena_fini(&arena);
    return status;
}

dozan_status dozan_client_call(dozan_client *client, const char *method, const void *body,
                               size_t body_size, uint32_t timeout_ms, void **reply_body,
                               size_t *reply_size, dozan_error *err)
{
    dz_arena arena = {0};
    dz_call_start start = {.arena = &arena, .timeout_ms = timeout_ms};
    void *copy = dz_arena_alloc(&arena, body_size);
    start.method = dz_arena_text(&arena, method);
    dozan_status status = DOZAN_OK;
    if (copy == NULL || start.method == NULL)
        status = dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "no memory for a call");
    if (status == DOZAN_OK) {
        if (body_size > 0)
            memcpy(copy, body, body_size);
        start.body = (dz_bytes){copy, body_size};
        status = call_and_wait(client, &start, reply_body, reply_size, err);
    }
    dz_arena_fini(&arena);
    return status;
}

/* ---- replies -------------------------------------------------------------------------------- */

static void on_ask(void *user, dozan_status status, dz_bytes body, dz_arena *arena,
                   const dozan_error *err)
{
    const ask_user *context = user;
    dozan_ask_reply reply = {.message = ""};
    dozan_error own = *err;
    if (status == DOZAN_OK && dz_wire_unpack_ask_reply(body, arena, &reply, &own) != DOZAN_OK)
        status = bad_reply(&own);
    if (status == DOZAN_OK && reply.suggestion_count > context->count)
        status = dozan_error_set(&own, DOZAN_INTERNAL, NULL,
                                 "the host answered %zu suggestions where %u were asked for",
                                 reply.suggestion_count, context->count);
    context->callback(context->user, status, status == DOZAN_OK ? &reply : NULL, &own);
}

static void on_judge(void *user, dozan_status status, dz_bytes body, dz_arena *arena,
                     const dozan_error *err)
{
    const judge_user *context = user;
    dozan_judge_reply reply = {.stale = false};
    dozan_error own = *err;
    if (status == DOZAN_OK && dz_wire_unpack_judge_reply(body, arena, &reply, &own) != DOZAN_OK)
        status = bad_reply(&own);
    context->callback(context->user, status, status == DOZAN_OK ? &reply : NULL, &own);
}

/* What the host says is its own fault: not the caller's argument. */
static dozan_status bad_reply(dozan_error *err)
{
    if (err != NULL)
        err->code = DOZAN_INTERNAL;
    (void)dozan_error_wrap(err, "the host's reply cannot be read");
    return DOZAN_INTERNAL;
}

/* ---- blocking calls ------------------------------------------------------------------------- */

static dozan_status call_and_wait(dozan_client *client, const dz_call_start *start, void **body,
                                  size_t *size, dozan_error *err)
{
    latch wait = {.status = DOZAN_OK};
    (void)pthread_mutex_init(&wait.lock, NULL);
    (void)pthread_cond_init(&wait.opened, NULL);
    dz_call_start with_latch = *start;
    with_latch.done = on_waited;
    with_latch.user = &wait;
    dozan_status status = dz_client_start(client, &with_latch, NULL, err);
    if (status == DOZAN_OK) {
        (void)pthread_mutex_lock(&wait.lock);
        while (!wait.open)
            (void)pthread_cond_wait(&wait.opened, &wait.lock);
        (void)pthread_mutex_unlock(&wait.lock);
        status = wait.status;
        if (status != DOZAN_OK && err != NULL)
            *err = wait.err;
    }
    if (status == DOZAN_OK && body != NULL) {
        *body = wait.body;
        *size = wait.size;
    } else {
        free(wait.body);
    }
    (void)pthread_cond_destroy(&wait.opened);
    (void)pthread_mutex_destroy(&wait.lock);
    return status;
}

static void on_waited(void *user, dozan_status status, dz_bytes body, dz_arena *arena,
                      const dozan_error *err)
{
    (void)arena;
    latch *wait = user;
    (void)pthread_mutex_lock(&wait->lock);
    wait->status = status;
    wait->err = *err;
    if (status == DOZAN_OK && body.size > 0) {
        wait->body = malloc(body.size);
        if (wait->body != NULL)
            memcpy(wait->body, body.data, body.size);
        else
            wait->status = dozan_error_set(&wait->err, DOZAN_RESOURCE_EXHAUSTED, NULL,
                                           "no memory for a reply");
    }
    wait->size = body.size;
    wait->open = true;
    /* Signalled with the lock held: the waiter frees the latch once it has the lock. */
    (void)pthread_cond_signal(&wait->opened);
    (void)pthread_mutex_unlock(&wait->lock);
}
