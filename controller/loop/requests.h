/*
 * The requests of other threads to the owner: a bounded queue. Each request is its caller's, who
 * waits on it; the owner answers it exactly once.
 *
 *   service.c           the service itself, and its thread
 *   service_api.c       requests, on their callers' threads
 *   service_submit.c    new and replaced documents, on their callers' threads
 *   service_requests.c  what becomes of them, on the owner's
 *   service_work.c      of those of workers
 */
#ifndef DZ_LOOP_REQUESTS_H
#define DZ_LOOP_REQUESTS_H

#include "loop/loop.h"
#include "loop/service.h"

#include <pthread.h>

struct dz_request {
    dz_request_kind kind;
    const char *namespace_, *name;
    dz_experiment *experiment; /* SUBMIT: taken */
    dz_experiment_spec *spec;  /* REPLACE: taken */
    dz_source source;          /* SUBMIT, REPLACE */
    bool dry_run;
    int64_t expected_version;  /* REPLACE; 0 = any */
    const char *expected_uid;  /* DELETE; NULL = any */
    dz_command_kind command;   /* CONTROL */
    int64_t trial;             /* CONTROL */
    const char *request_id;    /* REPORT, or NULL; `name` is the trial's */
    const dz_point_in *points; /* REPORT, FINISH */
    size_t point_count;
    dz_work *work; /* TAKE, RENEW, FINISH, and a worker's REPORT; else NULL */

    /* the answer */
    dozan_status status;
    dozan_error error;
    int64_t experiment_id, version, new_trial;
    dz_reported reported;

    /* Who does not wait is told by this, on the owner's thread, and the request is the callee's. */
    void (*done)(struct dz_request *request);
    dz_service *service; /* with `done` */
    int64_t begun_ns;    /* likewise */

    /* the owner's */
    dz_actor *actor;       /* whose commit it waits for, or NULL */
    int64_t wait_until_ms; /* TAKE */
    struct dz_request *next;

    /* the queue's */
    bool answered;
    pthread_cond_t answer;
};

typedef struct dz_requests {
    pthread_mutex_t
        lock; /* guards all of it, and `answered` of each; held for a few instructions */
    dz_request *head, *tail;
    size_t count;
    bool closed;
} dz_requests;

void dz_requests_init(dz_requests *requests);
void dz_requests_fini(dz_requests *requests);

/* Puts it into the queue, wakes the loop, and waits for its answer, which is returned. */
DOZAN_MUST_USE dozan_status dz_requests_ask(dz_requests *requests, dz_mailbox *mailbox,
                                            dz_request *request, dozan_error *err);

/* Puts it into the queue, and returns: request->done tells of its answer. An error is one of the
 * queue, and the request is still the caller's. */
DOZAN_MUST_USE dozan_status dz_requests_post(dz_requests *requests, dz_mailbox *mailbox,
                                             dz_request *request, dozan_error *err);

/* Takes up to max of them, in order. */
dz_request *dz_requests_take(dz_requests *requests, size_t max);

/* From now on, requests are refused; those in the queue are for the owner to answer. */
void dz_requests_close(dz_requests *requests);

/* The request is its caller's again, and must not be looked at any more. */
void dz_requests_answer(dz_requests *requests, dz_request *request, dozan_status status,
                        const dozan_error *err);

#endif
