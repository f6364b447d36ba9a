/*
 * The table of sessions: a hash table by kind and uid, and a list by last use. An entry that ends
 * up without a session (its experiment is unknown here) is taken out again by its release.
 */
#include "rpc_sessions.h"

#include "rpc_service.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>
#include <utlist.h>

typedef struct entry {
    dz_session_place place; /* first: a place is its entry */
    bool busy;
    bool dropped; /* while busy: forgotten by Release */
    dz_job *first_waiting;
    dz_job *last_waiting;
    struct entry *prev; /* least recently used last */
    struct entry *next;
    UT_hash_handle hh;
    char key[]; /* kind and uid */
} entry;

struct dz_sessions {
    size_t max;
    pthread_mutex_t lock; /* guards all below, and the entries but for an acquired place */
    entry *table;
    entry *used;
};

enum { KEY_ROOM = DZ_WIRE_UID + 2 };

static void make_key(dozan_algorithm_kind kind, const char *uid, char key[KEY_ROOM]);
static entry *find(dz_sessions *sessions, const char *key);
static entry *add(dz_sessions *sessions, const char *key);
static void append_waiting(entry *e, dz_job *job);
static void take_out(dz_sessions *sessions, entry *e);
static entry *find_surplus(dz_sessions *sessions);
static void destroy_entry(entry *e);

dozan_status dz_sessions_create(size_t max, dz_sessions **sessions, dozan_error *err)
{
    dz_sessions *made = calloc(1, sizeof(*made));
    if (made == NULL)
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "no memory for sessions");
    made->max = max;
    (void)pthread_mutex_init(&made->lock, NULL);
    *sessions = made;
    return DOZAN_OK;
}

void dz_sessions_destroy(dz_sessions *sessions)
{
    if (sessions == NULL)
        return;
    entry *e = NULL;
    entry *next = NULL;
    DL_FOREACH_SAFE(sessions->used, e, next)
    {
        take_out(sessions, e);
        destroy_entry(e);
    }
    (void)pthread_mutex_destroy(&sessions->lock);
    free(sessions);
}

dozan_status dz_sessions_acquire(dz_sessions *sessions, dozan_algorithm_kind kind, const char *uid,
                                 dz_job *job, dz_session_place **place, dozan_error *err)
{
    char key[KEY_ROOM];
    make_key(kind, uid, key);
    *place = NULL;
    dozan_status status = DOZAN_OK;
    (void)pthread_mutex_lock(&sessions->lock);
    entry *e = find(sessions, key);
    if (e == NULL)
        e = add(sessions, key);
    if (e == NULL) {
        status = dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "no memory for a session");
    } else if (e->busy) {
        append_waiting(e, job);
    } else {
        e->busy = true;
        DL_DELETE(sessions->used, e);
        DL_PREPEND(sessions->used, e);
        *place = &e->place;
    }
    (void)pthread_mutex_unlock(&sessions->lock);
    return status;
}

dz_job *dz_sessions_release(dz_sessions *sessions, dz_session_place *place)
{
    entry *e = (entry *)place;
    dz_session *dropped = NULL;
    entry *surplus = NULL;
    (void)pthread_mutex_lock(&sessions->lock);
    if (e->dropped) {
        dropped = e->place.session;
        e->place.session = NULL;
        e->dropped = false;
    }
    dz_job *next = e->first_waiting;
    if (next != NULL) {
        e->first_waiting = next->next;
        next->next = NULL;
    } else {
        e->busy = false;
        surplus = e->place.session == NULL ? e : find_surplus(sessions);
        if (surplus != NULL)
            take_out(sessions, surplus);
    }
    (void)pthread_mutex_unlock(&sessions->lock);
    dz_session_destroy(dropped);
    destroy_entry(surplus);
    return next;
}

void dz_sessions_forget(dz_sessions *sessions, const char *uid)
{
    static const dozan_algorithm_kind kinds[] = {DOZAN_KIND_SEARCH, DOZAN_KIND_EARLY_STOPPING};
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        char key[KEY_ROOM];
        make_key(kinds[i], uid, key);
        (void)pthread_mutex_lock(&sessions->lock);
        entry *e = find(sessions, key);
        if (e != NULL && e->busy) {
            e->dropped = true;
            e = NULL;
        } else if (e != NULL) {
            take_out(sessions, e);
        }
        (void)pthread_mutex_unlock(&sessions->lock);
        destroy_entry(e);
    }
}

size_t dz_sessions_count(dz_sessions *sessions)
{
    (void)pthread_mutex_lock(&sessions->lock);
    size_t count = HASH_COUNT(sessions->table);
    (void)pthread_mutex_unlock(&sessions->lock);
    return count;
}

/* ---- with the lock held --------------------------------------------------------------------- */

static void make_key(dozan_algorithm_kind kind, const char *uid, char key[KEY_ROOM])
{
    key[0] = kind == DOZAN_KIND_SEARCH ? 's' : 'e';
    size_t size = strnlen(uid, DZ_WIRE_UID);
    memcpy(key + 1, uid, size);
    key[1 + size] = '\0';
}

static entry *find(dz_sessions *sessions, const char *key)
{
    entry *e = NULL;
    HASH_FIND_STR(sessions->table, key, e);
    return e;
}

static entry *add(dz_sessions *sessions, const char *key)
{
    size_t size = strlen(key) + 1;
    entry *e = calloc(1, sizeof(*e) + size);
    if (e == NULL)
        return NULL;
    memcpy(e->key, key, size);
    HASH_ADD_STR(sessions->table, key, e);
    if (e->hh.tbl == NULL) {
        free(e);
        return NULL;
    }
    DL_PREPEND(sessions->used, e);
    return e;
}

static void append_waiting(entry *e, dz_job *job)
{
    job->next = NULL;
    if (e->first_waiting == NULL)
        e->first_waiting = job;
    else
        e->last_waiting->next = job;
    e->last_waiting = job;
}

static void take_out(dz_sessions *sessions, entry *e)
{
    HASH_DEL(sessions->table, e);
    DL_DELETE(sessions->used, e);
}

/* The least recently used entry that nobody has, when there are more than the maximum. Looked for
 * when a session has been made, and not when one is wanted: asks for unknown experiments, which are
 * answered STALE, push no session out. */
static entry *find_surplus(dz_sessions *sessions)
{
    if (HASH_COUNT(sessions->table) <= sessions->max)
        return NULL;
    entry *e = sessions->used->prev; /* the last of the list */
    while (e->busy && e != sessions->used)
        e = e->prev;
    return e->busy ? NULL : e;
}

static void destroy_entry(entry *e)
{
    if (e == NULL)
        return;
    dz_session_destroy(e->place.session);
    free(e);
}
