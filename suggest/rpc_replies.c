/*
 * One hash table of running and done requests, and a list of the done ones by age.
 */
#include "rpc_replies.h"

#include <dozan/rng.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>
#include <utlist.h>

typedef struct entry {
    dz_reply_key key;
    void *waiter; /* NULL once it is done */
    void *bytes;
    size_t size;
    struct entry *prev; /* in the list of done ones, oldest first */
    struct entry *next;
    UT_hash_handle hh;
} entry;

struct dz_replies {
    size_t max_count;
    size_t max_bytes;
    pthread_mutex_t lock; /* guards all below */
    entry *table;
    entry *done;
    size_t done_count;
    size_t done_bytes;
};

static entry *add(dz_replies *replies, const dz_reply_key *key, void *waiter);
static bool keep_reply(dz_replies *replies, entry *e, dz_bytes reply);
static void drop(dz_replies *replies, entry *e);

dozan_status dz_replies_create(size_t max_count, size_t max_bytes, dz_replies **replies,
                               dozan_error *err)
{
    dz_replies *made = calloc(1, sizeof(*made));
    if (made == NULL)
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "no memory for replies");
    made->max_count = max_count;
    made->max_bytes = max_bytes;
    (void)pthread_mutex_init(&made->lock, NULL);
    *replies = made;
    return DOZAN_OK;
}

void dz_replies_destroy(dz_replies *replies)
{
    if (replies == NULL)
        return;
    entry *e = NULL;
    entry *next = NULL;
    HASH_ITER(hh, replies->table, e, next)
    drop(replies, e);
    (void)pthread_mutex_destroy(&replies->lock);
    free(replies);
}

dz_reply_key dz_reply_key_of(const dz_request *request)
{
    dz_reply_key key = {.digest = dozan_hash_text(request->method)};
    memcpy(key.request_id, request->request_id,
           strnlen(request->request_id, sizeof(key.request_id)));
    const unsigned char *bytes = request->body.data;
    size_t left = request->body.size;
    for (; left >= sizeof(uint64_t); left -= sizeof(uint64_t), bytes += sizeof(uint64_t)) {
        uint64_t word = 0;
        memcpy(&word, bytes, sizeof(word));
        key.digest = dozan_hash_words(key.digest, word);
    }
    uint64_t rest = 0;
    if (left > 0)
        memcpy(&rest, bytes, left);
    key.digest = dozan_hash_words(dozan_hash_words(key.digest, rest), request->body.size);
    return key;
}

dz_reply_state dz_replies_begin(dz_replies *replies, const dz_reply_key *key, void *waiter,
                                void **before, dz_arena *arena, dz_bytes *reply)
{
    dz_reply_state state = DZ_REPLY_NEW;
    entry *e = NULL;
    (void)pthread_mutex_lock(&replies->lock);
    HASH_FIND(hh, replies->table, key, sizeof(*key), e);
    if (e == NULL) {
        if (add(replies, key, waiter) == NULL)
            state = DZ_REPLY_NO_MEMORY;
    } else if (e->waiter != NULL) {
        state = DZ_REPLY_RUNNING;
        *before = e->waiter;
        e->waiter = waiter;
    } else {
        void *copy = dz_arena_alloc(arena, e->size);
        state = copy != NULL ? DZ_REPLY_KNOWN : DZ_REPLY_NO_MEMORY;
        if (copy != NULL)
            *reply = (dz_bytes){memcpy(copy, e->bytes, e->size), e->size};
    }
    (void)pthread_mutex_unlock(&replies->lock);
    return state;
}

void *dz_replies_finish(dz_replies *replies, const dz_reply_key *key, dz_bytes reply, bool keep)
{
    void *waiter = NULL;
    entry *e = NULL;
    (void)pthread_mutex_lock(&replies->lock);
    HASH_FIND(hh, replies->table, key, sizeof(*key), e);
    if (e != NULL) {
        waiter = e->waiter;
        if (!keep || !keep_reply(replies, e, reply))
            drop(replies, e);
    }
    (void)pthread_mutex_unlock(&replies->lock);
    return waiter;
}

/* ---- with the lock held --------------------------------------------------------------------- */

static entry *add(dz_replies *replies, const dz_reply_key *key, void *waiter)
{
    entry *e = calloc(1, sizeof(*e));
    if (e == NULL)
        return NULL;
    e->key = *key;
    e->waiter = waiter;
    HASH_ADD(hh, replies->table, key, sizeof(e->key), e);
    if (e->hh.tbl == NULL) {
        free(e);
        return NULL;
    }
    return e;
}

static bool keep_reply(dz_replies *replies, entry *e, dz_bytes reply)
{
    if (reply.size > replies->max_bytes)
        return false;
    e->bytes = malloc(reply.size > 0 ? reply.size : 1);
    if (e->bytes == NULL)
        return false;
    memcpy(e->bytes, reply.data, reply.size);
    e->size = reply.size;
    e->waiter = NULL;
    DL_APPEND(replies->done, e);
    replies->done_count++;
    replies->done_bytes += e->size;
    while (replies->done_count > replies->max_count || replies->done_bytes > replies->max_bytes)
        drop(replies, replies->done); /* NOLINT: the analyzer loses track in uthash */
    return true;
}

static void drop(dz_replies *replies, entry *e)
{
    HASH_DEL(replies->table, e); /* NOLINT: likewise */
    if (e->waiter == NULL) {
        DL_DELETE(replies->done, e);
        replies->done_count--;
        replies->done_bytes -= e->size;
    }
    free(e->bytes);
    free(e);
}
