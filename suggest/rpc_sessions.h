/*
 * The host's sessions: one per experiment and kind of algorithm, each with one worker at a time.
 * A job that finds its session taken waits in the session's own queue, so that a slow experiment
 * holds back nobody else. Beyond a maximum the least recently used session is dropped; its
 * experiment's next ask is answered STALE, and the log rebuilds it.
 */
#ifndef DZ_RPC_SESSIONS_H
#define DZ_RPC_SESSIONS_H

#include "session.h"

typedef struct dz_job dz_job;
typedef struct dz_sessions dz_sessions;

/* A session's place. Whoever has acquired it owns it until the release. */
typedef struct dz_session_place {
    dz_session *session; /* NULL = not known (yet) */
    uint64_t digest;     /* of the experiment that the session was made for */
} dz_session_place;

DOZAN_MUST_USE dozan_status dz_sessions_create(size_t max, dz_sessions **sessions,
                                               dozan_error *err);
/* No place may be acquired any more. Takes NULL. */
void dz_sessions_destroy(dz_sessions *sessions);

/* Acquires the place for the job, or queues the job there: then *place is NULL, and some later
 * release hands the job out. RESOURCE_EXHAUSTED: no memory. Threads: any. */
DOZAN_MUST_USE dozan_status dz_sessions_acquire(dz_sessions *sessions, dozan_algorithm_kind kind,
                                                const char *uid, dz_job *job,
                                                dz_session_place **place, dozan_error *err);

/* Gives the place up, or hands it on: returns the job that has it now, or NULL. */
dz_job *dz_sessions_release(dz_sessions *sessions, dz_session_place *place);

/* Drops the experiment's sessions; one in use is dropped when it is released. */
void dz_sessions_forget(dz_sessions *sessions, const char *uid);

size_t dz_sessions_count(dz_sessions *sessions);

#endif
