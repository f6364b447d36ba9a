/*
 * The state of a loop, which its files share. One thread, the owner, has all of it, but for the
 * mailbox, the interrupts and the queue of requests.
 *
 *   actor.c   an experiment that the loop holds, and its steps
 *   turn.c    one turn: take, step, commit, act
 *   share.c   whose turn it is at the slots
 *   ticks.c   when the next experiment is due
 *   run.c     the loop of `dozan run`: one experiment, until it rests
 *   inquire.c what is asked of plugins without a run
 *   service*.c the loop of `dozan serve`: all experiments, and requests
 *
 * What a turn costs follows what has happened: only the experiments that were touched are looked
 * at.
 */
#ifndef DZ_LOOP_LOOP_H
#define DZ_LOOP_LOOP_H

#include "loop/jobs.h"
#include "loop/plugins.h"
#include "loop/run.h"
#include "loop/teller.h"
#include "loop/ticks.h"

#include <stdatomic.h>
#include <uthash.h>

typedef struct dz_request dz_request;

/* An experiment that the loop holds. */
typedef struct dz_actor {
    dz_loop *loop;
    dz_experiment *experiment;
    int64_t id; /* the experiment's; 0 = not stored yet */
    bool owned; /* the experiment is the actor's to destroy */
    dz_teller *search, *stopper;
    dz_changes changes;  /* since the last commit */
    dz_source *source;   /* it is new: what it was read from, until it is stored; owned */
    dz_source *replaced; /* its specification is: likewise */
    bool culprit;        /* of the transaction's failure */
    dz_request *deletes; /* requests that wait for its deletion */
    bool deleting;
    bool deleted;      /* is so in the transaction under way */
    dozan_error fault; /* code not OK: a step failed, nothing more is done with it */
    dz_tick tick;
    bool touched;
    struct dz_actor *next_touched;
    bool waits; /* for slots, in the list of the loop */
    struct dz_actor *prev_waiting, *next_waiting;
    UT_hash_handle hh; /* by id */
} dz_actor;

/* A report that this turn has taken: see dz_store_put_report. */
typedef struct dz_turn_report {
    int64_t experiment, trial;
    int32_t attempt;
    const char *request; /* owned */
} dz_turn_report;

/* What the service adds to the turn; all NULL in a run. */
typedef struct dz_turn_hooks {
    void *user;
    void (*take)(void *user);                            /* requests, at the turn's beginning */
    void (*match)(void *user);                           /* before its commit */
    void (*committed)(void *user, int64_t nanoseconds);  /* what was taken is stored */
    void (*stalled)(void *user, const dozan_error *why); /* it is not, for now */
    void (*dropped)(void *user, dz_actor *actor);        /* its fault ended it; before it goes */
    void (*deleted)(void *user, dz_actor *actor);
} dz_turn_hooks;

struct dz_loop {
    dz_store *store;
    const dz_run_config *config;
    const dz_run_observer *observer;
    dz_mailbox *mailbox;
    dz_plugins *plugins;
    dz_jobs *jobs;
    dz_slots slots;
    atomic_int interrupts;
    dz_turn_hooks hooks;

    dz_actor *actors;  /* by id */
    dz_actor *touched; /* those that have stepped since the last commit */
    dz_actor *waiting; /* for slots, in the order of their turns */
    dz_ticks ticks;
    int32_t grants;     /* how many trials the actor that steps may start while others wait */
    bool slots_changed; /* since the last look at the waiting */
    bool stalled;       /* the last commit failed: it is tried again before anything new */
    bool stall_told;
    bool must_sync; /* somebody waits for the commit */
    dz_turn_report *reports;
    size_t report_count, report_capacity;

    struct {
        uint64_t turns, points, trials_started, trials_ended;
        uint64_t experiments_created, experiments_ended;
    } counts;

    /* of a run */
    dz_actor *only;
    int interrupts_taken;
    int64_t last_progress_ms, last_command_ms;
};

/* Wall clock, ms since 1970. */
int64_t dz_loop_wall_ms(void);

/* ---- actor.c */

/* Takes an experiment up, without an event. `owned`: takes it, in any case. */
DOZAN_MUST_USE dozan_status dz_actor_create(dz_loop *loop, dz_experiment *experiment, bool owned,
                                            dz_actor **actor, dozan_error *err);
void dz_actor_destroy(dz_actor *actor); /* takes NULL */
void dz_actor_stored(dz_actor *actor);  /* forgets the sources */

/* An owned copy, in one block; NULL for want of memory. */
dz_source *dz_source_copy(const dz_source *source);
dz_actor *dz_actor_find(dz_loop *loop, int64_t id);
void dz_actor_enlist(dz_actor *actor); /* once it has an id: it can be found by it */
void dz_actor_touch(dz_actor *actor);

/* One step. FAILED_PRECONDITION: the event was refused, and nothing has changed. Any other error is
 * the actor's end, and kept in its fault. */
dozan_status dz_actor_step(dz_actor *actor, const dz_event *event, dozan_error *err);

/* A message of a trial or a plugin. */
void dz_actor_take(dz_actor *actor, dz_message *message);
void dz_actor_plugin(dz_actor *actor, dz_message *message);
void dz_actor_perform(dz_actor *actor, const dz_effect *effect);

/* ---- turn.c */

/* Runner and slots, when they are first needed. */
DOZAN_MUST_USE dozan_status dz_loop_prepare(dz_loop *loop, dozan_error *err);

/* One turn with what is there. An error is one of the commit: it is tried again by the next turn,
 * which does nothing else until it succeeds. */
DOZAN_MUST_USE dozan_status dz_loop_turn(dz_loop *loop, dozan_error *err);

/* Commit, then act. */
DOZAN_MUST_USE dozan_status dz_loop_settle(dz_loop *loop, dozan_error *err);

/* Waits for a message, a wake or the next tick, at most limit_ms. */
void dz_loop_wait(dz_loop *loop, int64_t limit_ms);

/* Whether the next turn has something to do already. */
bool dz_loop_unsettled(const dz_loop *loop);

/* ---- share.c */

/* Rations the slots for a step of this actor, and notes afterwards whether it waits for some. */
void dz_share_before(dz_actor *actor);
void dz_share_after(dz_actor *actor);
void dz_share_leave(dz_actor *actor);

/* Gives back what the trials of an actor hold that is let go of before its time. */
void dz_share_give_up(dz_actor *actor);

/* Gives free slots to those that wait, one trial each in turn. */
void dz_share_out(dz_loop *loop);

#endif
