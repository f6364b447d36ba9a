#include "loop/mailbox.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <dozan/client.h>

struct dz_mailbox {
    pthread_mutex_t queue_lock; /* guards the fields below, held for a few instructions */
    pthread_cond_t room;
    dz_message *head, *tail;
    size_t count, max;
    bool closed;
    int wake_fd;
};

static void drain_eventfd(int fd);

dz_message *dz_message_create(dz_message_kind kind)
{
    dz_message *message = calloc(1, sizeof *message);
    if (message)
        message->kind = kind;
    return message;
}

void dz_message_destroy(dz_message *message)
{
    if (!message)
        return;
    for (size_t i = 0; i < message->point_count; i++)
        free((void *)(uintptr_t)message->points[i].text);
    free(message->points);
    free((void *)(uintptr_t)message->end.message);
    free(message->complaint);
    free(message->ask);
    free(message->judge);
    dozan_describe_reply_destroy(message->description);
    free(message);
}

dozan_status dz_mailbox_create(size_t max_messages, dz_mailbox **mailbox, dozan_error *err)
{
    dz_mailbox *m = calloc(1, sizeof *m);
    if (!m)
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    m->max = max_messages;
    m->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (m->wake_fd < 0) {
        free(m);
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL,
                               "no file descriptor is left for the mailbox (raise `ulimit -n`)");
    }
    pthread_mutex_init(&m->queue_lock, NULL);
    pthread_cond_init(&m->room, NULL);
    *mailbox = m;
    return DOZAN_OK;
}

void dz_mailbox_destroy(dz_mailbox *mailbox)
{
    if (!mailbox)
        return;
    for (dz_message *m = mailbox->head, *next; m; m = next) {
        next = m->next;
        dz_message_destroy(m);
    }
    pthread_cond_destroy(&mailbox->room);
    pthread_mutex_destroy(&mailbox->queue_lock);
    close(mailbox->wake_fd);
    free(mailbox);
}

void dz_mailbox_post(dz_mailbox *mailbox, dz_message *message, bool urgent)
{
    pthread_mutex_lock(&mailbox->queue_lock);
    while (!urgent && !mailbox->closed && mailbox->count >= mailbox->max)
        pthread_cond_wait(&mailbox->room, &mailbox->queue_lock);
    bool drop = mailbox->closed;
    if (!drop) {
        message->next = NULL;
        if (mailbox->tail)
            mailbox->tail->next = message;
        else
            mailbox->head = message;
        mailbox->tail = message;
        mailbox->count++;
    }
    pthread_mutex_unlock(&mailbox->queue_lock);
    if (drop)
        dz_message_destroy(message);
    else
        dz_mailbox_wake(mailbox);
}

void dz_mailbox_close(dz_mailbox *mailbox)
{
    pthread_mutex_lock(&mailbox->queue_lock);
    mailbox->closed = true;
    pthread_cond_broadcast(&mailbox->room);
    pthread_mutex_unlock(&mailbox->queue_lock);
}

void dz_mailbox_wake(dz_mailbox *mailbox)
{
    int saved = errno;
    uint64_t one = 1;
    /* A full counter (EAGAIN) means that the loop will wake anyway. */
    ssize_t written = write(mailbox->wake_fd, &one, sizeof one);
    (void)written;
    errno = saved;
}

void dz_mailbox_wait(dz_mailbox *mailbox, int64_t timeout_ms)
{
    pthread_mutex_lock(&mailbox->queue_lock);
    bool waiting = mailbox->head != NULL;
    pthread_mutex_unlock(&mailbox->queue_lock);
    if (waiting)
        drain_eventfd(mailbox->wake_fd);
    else
        dz_mailbox_pause(mailbox, timeout_ms);
}

void dz_mailbox_pause(dz_mailbox *mailbox, int64_t timeout_ms)
{
    struct pollfd fd = {.fd = mailbox->wake_fd, .events = POLLIN};
    int timeout = timeout_ms < 0 ? -1 : timeout_ms > INT_MAX ? INT_MAX : (int)timeout_ms;
    (void)poll(&fd, 1, timeout);
    drain_eventfd(mailbox->wake_fd);
}

dz_message *dz_mailbox_take(dz_mailbox *mailbox, size_t max)
{
    pthread_mutex_lock(&mailbox->queue_lock);
    dz_message *first = mailbox->head, *last = first;
    size_t taken = first ? 1 : 0;
    while (last && last->next && taken < max) {
        last = last->next;
        taken++;
    }
    if (last) {
        mailbox->head = last->next;
        if (!mailbox->head)
            mailbox->tail = NULL;
        last->next = NULL;
        mailbox->count -= taken;
        pthread_cond_broadcast(&mailbox->room);
    }
    pthread_mutex_unlock(&mailbox->queue_lock);
    return first;
}

static void drain_eventfd(int fd)
{
    uint64_t count = 0;
    ssize_t got = read(fd, &count, sizeof count);
    (void)got;
}
