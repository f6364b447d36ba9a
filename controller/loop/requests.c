#include "loop/requests.h"

enum { MAX_WAITING = 16384 };

static dozan_status enqueue(dz_requests *requests, dz_mailbox *mailbox, dz_request *request,
                            dozan_error *err);

void dz_requests_init(dz_requests *requests)
{
    *requests = (dz_requests){0};
    pthread_mutex_init(&requests->lock, NULL);
}

void dz_requests_fini(dz_requests *requests)
{
    pthread_mutex_destroy(&requests->lock);
}

dozan_status dz_requests_ask(dz_requests *requests, dz_mailbox *mailbox, dz_request *request,
                             dozan_error *err)
{
    pthread_cond_init(&request->answer, NULL);
    pthread_mutex_lock(&requests->lock);
    dozan_status status = enqueue(requests, mailbox, request, err);
    if (!status) {
        while (!request->answered)
            pthread_cond_wait(&request->answer, &requests->lock);
        status = request->status;
        if (status && err)
            *err = request->error;
    }
    pthread_mutex_unlock(&requests->lock);
    pthread_cond_destroy(&request->answer);
    return status;
}

dozan_status dz_requests_post(dz_requests *requests, dz_mailbox *mailbox, dz_request *request,
                              dozan_error *err)
{
    pthread_mutex_lock(&requests->lock);
    dozan_status status = enqueue(requests, mailbox, request, err);
    pthread_mutex_unlock(&requests->lock);
    return status;
}

/* With the lock. */
static dozan_status enqueue(dz_requests *requests, dz_mailbox *mailbox, dz_request *request,
                            dozan_error *err)
{
    if (requests->closed)
        return dozan_error_set(err, DOZAN_UNAVAILABLE, NULL,
                               "the service is stopping; ask again when it runs");
    if (requests->count >= MAX_WAITING)
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL,
                               "%d requests wait already; try again in a moment", MAX_WAITING);
    if (requests->tail)
        requests->tail->next = request;
    else
        requests->head = request;
    requests->tail = request;
    if (requests->count++ == 0)
        dz_mailbox_wake(mailbox);
    return DOZAN_OK;
}

dz_request *dz_requests_take(dz_requests *requests, size_t max)
{
    pthread_mutex_lock(&requests->lock);
    dz_request *first = requests->head, *last = first;
    size_t taken = first ? 1 : 0;
    for (; last && last->next && taken < max; taken++)
        last = last->next;
    if (last) {
        requests->head = last->next;
        if (!requests->head)
            requests->tail = NULL;
        requests->count -= taken;
        last->next = NULL;
    }
    pthread_mutex_unlock(&requests->lock);
    return first;
}

void dz_requests_close(dz_requests *requests)
{
    pthread_mutex_lock(&requests->lock);
    requests->closed = true;
    pthread_mutex_unlock(&requests->lock);
}

void dz_requests_answer(dz_requests *requests, dz_request *request, dozan_status status,
                        const dozan_error *err)
{
    request->status = status;
    if (status && err)
        request->error = *err;
    if (request->done) {
        request->done(request);
        return;
    }
    pthread_mutex_lock(&requests->lock);
    request->answered = true;
    pthread_cond_signal(&request->answer);
    pthread_mutex_unlock(&requests->lock);
}
