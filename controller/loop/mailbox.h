/*
 * The mailbox: how every other thread speaks to the loop. A bounded queue of owned messages with an
 * eventfd to wait on.
 *
 * Posting blocks while the queue is full (back-pressure for the runner's thread), unless the
 * message is urgent: replies of plugins come on nng's threads, which must never block, and there is
 * at most one of them per call under way.
 */
#ifndef DZ_LOOP_MAILBOX_H
#define DZ_LOOP_MAILBOX_H

#include "collectors/collector.h"
#include "runners/runner.h"

typedef enum dz_message_kind {
    DZ_MESSAGE_TRIAL_STARTED,
    DZ_MESSAGE_TRIAL_REPORTED,
    DZ_MESSAGE_TRIAL_ENDED,
    DZ_MESSAGE_ASK_REPLY,
    DZ_MESSAGE_JUDGE_REPLY,
    DZ_MESSAGE_PLUGIN_READY,
    DZ_MESSAGE_PLUGIN_EXITED
} dz_message_kind;

/* A message and all that it points to, in one owner's hands: the poster's until dz_mailbox_post,
 * the loop's afterwards. */
typedef struct dz_message {
    dz_message_kind kind;
    dz_job_id job;    /* TRIAL_*; *_REPLY: the experiment */
    dz_point *points; /* TRIAL_REPORTED; texts are owned too */
    size_t point_count;
    dz_end end;               /* TRIAL_ENDED; end.message is owned */
    char *complaint;          /* TRIAL_ENDED, or NULL */
    dozan_status status;      /* *_REPLY */
    dozan_error error;        /* *_REPLY that failed, PLUGIN_EXITED */
    dozan_ask_reply *ask;     /* ASK_REPLY with status OK; one block, see replies.h */
    dozan_judge_reply *judge; /* JUDGE_REPLY with status OK */
    size_t plugin;            /* PLUGIN_*: index in the table of plugins */
    uint64_t generation;      /* PLUGIN_*, *_REPLY: which start of the plugin, which call */
    uint32_t traits[2];       /* PLUGIN_READY: unused by others */
    dozan_describe_reply *description; /* PLUGIN_READY */
    struct dz_message *next;
} dz_message;

dz_message *dz_message_create(dz_message_kind kind); /* NULL for want of memory */
void dz_message_destroy(dz_message *message);

typedef struct dz_mailbox dz_mailbox;

DOZAN_MUST_USE dozan_status dz_mailbox_create(size_t max_messages, dz_mailbox **mailbox,
                                              dozan_error *err);
void dz_mailbox_destroy(dz_mailbox *mailbox);

/* Takes the message. A closed mailbox drops it. */
void dz_mailbox_post(dz_mailbox *mailbox, dz_message *message, bool urgent);

/* Posters that wait, and all later ones, have their messages dropped. */
void dz_mailbox_close(dz_mailbox *mailbox);

/* Wakes the waiting loop. Safe in a signal handler. */
void dz_mailbox_wake(dz_mailbox *mailbox);

/* Waits until there is a message, a wake, or timeout_ms has passed (-1 = for ever). */
void dz_mailbox_wait(dz_mailbox *mailbox, int64_t timeout_ms);

/* Waits for a new wake or the time, whatever is there already. */
void dz_mailbox_pause(dz_mailbox *mailbox, int64_t timeout_ms);

/* Takes up to max messages, in order, as a list. */
dz_message *dz_mailbox_take(dz_mailbox *mailbox, size_t max);

#endif
