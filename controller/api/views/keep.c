/*
 * The experiments that are kept between requests, and who has one.
 *
 * The list is guarded by one mutex, held for moments; each entry has its own, held while a request
 * works on it. An entry with users is never dropped.
 */
#include "api/views/held.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { SLOTS = 16, IDLE_MS = 10 * 60 * 1000 };
static const size_t MAX_BYTES = (size_t)512 << 20;

typedef struct slot {
    pthread_mutex_t turn; /* guards kept */
    int64_t experiment;   /* 0 = free */
    char uid[40];
    int64_t used_ms;
    int users;
    size_t bytes;
    dz_kept kept;
} slot;

struct dz_views {
    pthread_mutex_t list; /* guards the slots but for their kept */
    pthread_cond_t freed;
    slot slots[SLOTS];
};

static slot *take_slot(dz_views *views, const dz_experiment *experiment, int64_t now_ms);
static void leave_slot(dz_views *views, slot *place);
static void drop_idle(dz_views *views, int64_t now_ms);
static void drop(slot *place);

dozan_status dz_views_create(dz_views **views, dozan_error *err)
{
    dz_views *made = calloc(1, sizeof *made);
    if (made == NULL)
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    (void)pthread_mutex_init(&made->list, NULL);
    (void)pthread_cond_init(&made->freed, NULL);
    for (size_t i = 0; i < SLOTS; i++)
        (void)pthread_mutex_init(&made->slots[i].turn, NULL);
    *views = made;
    return DOZAN_OK;
}

void dz_views_destroy(dz_views *views)
{
    if (views == NULL)
        return;
    for (size_t i = 0; i < SLOTS; i++) {
        drop(&views->slots[i]);
        (void)pthread_mutex_destroy(&views->slots[i].turn);
    }
    (void)pthread_cond_destroy(&views->freed);
    (void)pthread_mutex_destroy(&views->list);
    free(views);
}

dozan_status dz_request_load(const dz_view_request *request, dz_experiment **experiment,
                             dozan_error *err)
{
    return dz_store_load_in(request->store, request->namespace_, request->experiment, experiment,
                            err);
}

dozan_status dz_hold(const dz_view_request *request, dz_held *held, dozan_error *err)
{
    *held = (dz_held){.request = *request};
    dozan_status status = dz_request_load(request, &held->experiment, err);
    if (status != DOZAN_OK)
        return status;
    slot *place = take_slot(request->views, held->experiment, request->now_ms);
    (void)pthread_mutex_lock(&place->turn);
    held->slot = place;
    held->kept = &place->kept;
    if (place->kept.frame == NULL)
        status = dz_frame_create(held->experiment, &place->kept.frame, err);
    if (status == DOZAN_OK)
        status = dz_frame_refresh(place->kept.frame, request->store, held->experiment, err);
    held->frame = place->kept.frame;
    if (status != DOZAN_OK)
        dz_release(held);
    return status;
}

void dz_release(dz_held *held)
{
    slot *place = held->slot;
    if (place != NULL) {
        size_t bytes = place->kept.frame != NULL ? dz_frame_bytes(place->kept.frame) : 0;
        (void)pthread_mutex_unlock(&place->turn);
        (void)pthread_mutex_lock(&held->request.views->list);
        place->bytes = bytes;
        leave_slot(held->request.views, place);
        drop_idle(held->request.views, held->request.now_ms);
        (void)pthread_mutex_unlock(&held->request.views->list);
    }
    dz_experiment_destroy(held->experiment);
    *held = (dz_held){0};
}

/* ---- helpers */

/* The experiment's slot, a free one, or the one that nobody has used for longest. With all of them
 * in use it waits: each is left within the time of one answer. */
static slot *take_slot(dz_views *views, const dz_experiment *experiment, int64_t now_ms)
{
    slot *found = NULL;
    (void)pthread_mutex_lock(&views->list);
    while (found == NULL) {
        slot *oldest = NULL;
        for (size_t i = 0; i < SLOTS; i++) {
            slot *place = &views->slots[i];
            if (place->experiment == experiment->id && strcmp(place->uid, experiment->uid) == 0)
                found = place;
            if (place->users == 0 && (oldest == NULL || place->used_ms < oldest->used_ms))
                oldest = place;
        }
        if (found == NULL && oldest != NULL) {
            drop(oldest);
            found = oldest;
            found->experiment = experiment->id;
            memcpy(found->uid, experiment->uid, sizeof found->uid);
        }
        if (found == NULL)
            (void)pthread_cond_wait(&views->freed, &views->list);
    }
    found->users++;
    found->used_ms = now_ms;
    (void)pthread_mutex_unlock(&views->list);
    return found;
}

static void leave_slot(dz_views *views, slot *place)
{
    if (--place->users == 0)
        (void)pthread_cond_signal(&views->freed);
}

/* What nobody has looked at for long goes, and the longest unused while all is too large. */
static void drop_idle(dz_views *views, int64_t now_ms)
{
    for (;;) {
        slot *oldest = NULL;
        size_t bytes = 0;
        for (size_t i = 0; i < SLOTS; i++) {
            slot *place = &views->slots[i];
            bytes += place->bytes;
            if (place->experiment != 0 && place->users == 0 &&
                (oldest == NULL || place->used_ms < oldest->used_ms))
                oldest = place;
        }
        if (oldest == NULL || (bytes <= MAX_BYTES && now_ms - oldest->used_ms < IDLE_MS))
            return;
        drop(oldest);
    }
}

static void drop(slot *place)
{
    dz_frame_destroy(place->kept.frame);
    dz_curves_fini(&place->kept.curves);
    for (size_t i = 0; i < DZ_MAX_KEPT_MODELS; i++)
        dz_model_destroy(place->kept.models[i]);
    place->kept = (dz_kept){0};
    place->experiment = 0;
    place->uid[0] = '\0';
    place->used_ms = 0;
    place->bytes = 0;
}
