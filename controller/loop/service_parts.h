/*
 * The inside of the service, for its files.
 */
#ifndef DZ_LOOP_SERVICE_PARTS_H
#define DZ_LOOP_SERVICE_PARTS_H

#include "loop/requests.h"

struct dz_service {
    dz_store *store;
    const dz_run_config *config;
    dz_service_observer observer;
    dz_run_observer loop_observer;
    dz_loop *loop;
    dz_requests requests;
    pthread_t thread;
    bool thread_runs;
    atomic_bool stopping;

    /* the owner's */
    dz_request *committing;   /* are answered with the next commit */
    struct dz_takers *takers; /* workers that wait for a trial, by experiment */
    char *trash;              /* where directories of deleted experiments go */
    bool stall_told;

    pthread_mutex_t stats_lock; /* guards the next three */
    dz_service_stats stats;
    bool failed; /* an error has ended the owner's thread */
    dozan_error failure;

    pthread_mutex_t inquiry_lock; /* one inquiry at a time; guards the loop that asks */
    dz_loop *inquiry;
};

/* ---- service_requests.c: the owner's thread */

void dz_service_take(dz_service *service, dz_request *request);
void dz_service_take_commands(dz_service *service);

void dz_service_wait_for_commit(dz_service *service, dz_request *request);

/* service_report.c */
DOZAN_MUST_USE dozan_status dz_service_take_report(dz_service *service, dz_request *r,
                                                   dozan_error *err);

DOZAN_MUST_USE dozan_status dz_service_take_forget(dz_service *service, const dz_request *r,
                                                   dozan_error *err);
/* Whether a report of that name was taken before; without a name it was not. */
DOZAN_MUST_USE dozan_status dz_service_counted(dz_service *service, const dz_turn_report *report,
                                               bool *known, dozan_error *err);

/* Appends its points to what the trial has reported, but those that are counted already. */
DOZAN_MUST_USE dozan_status dz_service_append(dz_service *service, dz_request *r, dz_trial *trial,
                                              dozan_error *err);

/* ---- service_work.c: what workers ask, on the owner's thread */

void dz_service_take_work(dz_service *service, dz_request *request);

/* Gives trials to workers that wait; answers those that have waited long enough, or in vain. */
void dz_service_match(dz_service *service);

/* Of a trial that was given out, once that is decided. */
void dz_service_begin_lease(dz_service *service, const dz_request *request);

/* Refuses those that wait. */
void dz_service_refuse_takers(dz_service *service, const dozan_error *why);

/* Answers the requests that wait for the commit, and all that are in the queue, with this error. */
void dz_service_refuse_all(dz_service *service, const dozan_error *why);

/* Answers those that wait for the deletion of this one. */
void dz_service_answer_deletes(dz_service *service, dz_actor *actor, dozan_status status,
                               const dozan_error *err);

/* ---- service_submit.c: callers' threads */

/* Notes how long a request took, and what came of it. */
void dz_service_timed(dz_service *service, dz_request_kind kind, int64_t begun_ns,
                      dozan_status status);

/* Asks, and notes how long that took. */
DOZAN_MUST_USE dozan_status dz_service_ask(dz_service *service, dz_request *request,
                                           dozan_error *err);

/* ---- service_api.c */

/* Whether the points and the name of a report keep within their bounds. INVALID_ARGUMENT. */
DOZAN_MUST_USE dozan_status dz_service_check_points(const dz_request *request, dozan_error *err);

/* ---- service.c */

void dz_service_note(dz_service *service, const char *format, ...) DOZAN_PRINTF(2, 3);

/* Counts a time. */
void dz_latency_add(dz_latency *latency, int64_t nanoseconds);
int64_t dz_service_clock_ns(void);

#endif
