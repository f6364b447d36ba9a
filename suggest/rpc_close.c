/*
 * Closing a socket without waiting for ever.
 *
 * When a pipe breaks at an unlucky moment, nng 1.5 loses the completion of one of its operations,
 * and nng_close waits for it. No caller can prevent that. So the close runs on a thread of its own,
 * and whoever closes waits for that thread only so long: what hangs then is a socket that nobody
 * uses any more, and not the program.
 */
#include "rpc_nng.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

enum { PATIENCE_S = 1 };

typedef struct closing {
    nng_socket socket;
    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t ended;
    bool closed;
    bool given_up; /* the thread is alone, and frees this if it ever gets there */
} closing;

static closing *closing_create(nng_socket socket);
static void closing_destroy(closing *c);
static void *run(void *argument);
static bool wait_for(closing *c);

void dz_rpc_close(nng_socket socket)
{
    pthread_t thread;
    closing *c = closing_create(socket);
    if (c == NULL || pthread_create(&thread, NULL, run, c) != 0) {
        closing_destroy(c);
        (void)nng_close(socket);
        return;
    }
    if (wait_for(c)) {
        (void)pthread_join(thread, NULL);
        closing_destroy(c);
    } else {
        (void)pthread_detach(thread);
    }
}

static closing *closing_create(nng_socket socket)
{
    pthread_condattr_t attributes;
    closing *c = calloc(1, sizeof(*c));
    if (c == NULL)
        return NULL;
    c->socket = socket;
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_mutex_init(&c->lock, NULL);
    (void)pthread_cond_init(&c->ended, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    return c;
}

static void closing_destroy(closing *c)
{
    if (c == NULL)
        return;
    (void)pthread_cond_destroy(&c->ended);
    (void)pthread_mutex_destroy(&c->lock);
    free(c);
}

static void *run(void *argument)
{
    closing *c = argument;
    (void)nng_close(c->socket);
    (void)pthread_mutex_lock(&c->lock);
    c->closed = true;
    bool alone = c->given_up;
    (void)pthread_cond_signal(&c->ended);
    (void)pthread_mutex_unlock(&c->lock);
    if (alone)
        closing_destroy(c);
    return NULL;
}

/* Whether it was closed in time. */
static bool wait_for(closing *c)
{
    struct timespec end;
    int number = 0;
    (void)clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += PATIENCE_S;
    (void)pthread_mutex_lock(&c->lock);
    while (!c->closed && number == 0)
        number = pthread_cond_timedwait(&c->ended, &c->lock, &end);
    bool closed = c->closed;
    c->given_up = !closed;
    (void)pthread_mutex_unlock(&c->lock);
    return closed;
}
